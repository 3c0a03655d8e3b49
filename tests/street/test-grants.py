#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What owners decide about footage, with whole daemons and vaults: the ledger, and who may open what."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

CLIP = 'ab' * 32  # of no clip that is here


class Consent(street.Play):
    def open(self):
        self.homes = self.street(2).homes
        self.anna, self.ben = self.homes

    def ledger(self, home):
        return home.json('ledger', 'list')

    def verified(self, home):
        return home.one('ledger', 'verify')

    def case_no_clip(self):
        """of a clip that is not there each command says so, at once and by name, and no line is written"""
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'share', CLIP, '--with', self.ben.name, '--purpose', 'x',
                          '--yes')
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'get', CLIP, '-o', os.path.join(self.anna.folder, 'out'))
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'who-can-read', CLIP)
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'destroy', CLIP, '--yes')
        self.anna.refused('no-such-grant', street.NOT_FOUND, 'grant', 'revoke', CLIP[:8], '--yes')
        self.anna.refused('no-such-household', street.NOT_FOUND, 'clip', 'share', CLIP, '--with', 'Nobody', '--purpose', 'x',
                          '--yes')
        equal(self.ledger(self.anna), [], 'the ledger')
        equal(self.anna.json('grant', 'list'), [], 'the grants')
        check(not os.path.exists(os.path.join(self.anna.folder, 'out')), 'a file was made for nothing')

    def case_legal_order(self):
        """what a household was compelled to hand over is a line for good"""
        text = 'court of Anytown, 5 C 12/26'
        line = self.anna.one('ledger', 'add', 'legal-order', '--clip', CLIP, text)
        equal((line['n'], line['what'], line['text']), (0, 'legal-order', text), 'the line')
        self.anna.stop()
        self.anna.start()
        equal([(l['clip'], l['text']) for l in self.ledger(self.anna)], [(CLIP, text)], 'the ledger after a restart')
        proven = self.verified(self.anna)
        equal((proven['lines'], proven['covered'], proven['last']), (1, 0, line['hash']), 'what is proven')
        equal(self.ledger(self.ben), [], "the neighbour's ledger")

    def case_damaged(self):
        """a ledger with a changed byte stops readings and names the line; alerts go on, and the file stays as it is"""
        self.ben.one('ledger', 'add', 'legal-order', '--clip', CLIP, 'one')
        self.ben.one('ledger', 'add', 'legal-order', '--clip', CLIP, 'two')
        self.ben.stop()
        path = os.path.join(self.ben.folder, 'vault', 'ledger')
        with open(path, 'r+b') as file:
            whole = file.read()
            file.seek(20)
            file.write(bytes([whole[20] ^ 1]))
        self.ben.start()
        error = self.ben.refused('ledger-broken', street.FAILED, 'ledger', 'list')
        check('line 0' in error['message'] or 'line 1' in error['message'], f'the line is not named: {error}')
        self.ben.refused('ledger-broken', street.FAILED, 'ledger', 'verify')
        posted = self.ben.post('theft', 'Alerts go on')
        self.wait_all_have([self.anna], posted['id'])
        with open(path, 'rb') as file:
            check(file.read() != whole and os.path.getsize(path) == len(whole), 'the file was touched')
        self.ben.stop()
        with open(path, 'wb') as file:
            file.write(whole)
        self.ben.start()
        equal([l['text'] for l in self.ledger(self.ben)], ['one', 'two'], 'the ledger, put back')

    def clip(self, home, text, camera='front'):
        """Takes a file in. Its id."""
        path = os.path.join(home.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        return home.one('clip', 'add', path, '--camera', camera, '--from', '-10min', '--to', '-9min')['id']

    def case_clip(self):
        """a clip is read by its owner, shared, told of by the ledger, and destroyed; the ledger outlives it"""
        text = os.urandom(200000)
        clip = self.clip(self.anna, text)
        before = len(self.ledger(self.anna))
        out = os.path.join(self.anna.folder, 'out')
        self.anna.cli('clip', 'get', clip[:8], '-o', out, code=0)
        with open(out, 'rb') as file:
            check(file.read() == text, 'what was read is not what was taken in')
        os.remove(out)
        shared = self.anna.cli('clip', 'share', clip[:8], '--with', self.ben.name, '--purpose', 'the stolen bicycle', '--yes',
                               code=0)
        check(f'to the household "{self.ben.name}" (' in shared.err and 'by the camera "front"' in shared.err,
              f'the sentence does not say to whom, or of which camera: {shared.err}')
        grant = self.anna.json('grant', 'list')[0]
        equal((grant['clip'], grant['name'], grant['state'], grant['released'], grant['purpose']),
              (clip, self.ben.name, 'open', False, 'the stolen bicycle'), 'the grant')
        who = self.anna.json('clip', 'who-can-read', clip)
        equal(sorted(k['what'] for k in who), ['copy', 'copy', 'home', 'household'], 'who can read it')
        equal(sorted(os.path.basename(k['name']) for k in who if k['what'] == 'copy'), ['out', 'source'],
              'what was written out, and the file it was taken from')
        equal([l['what'] for l in self.ledger(self.anna)[before:]], ['read', 'granted'], 'the ledger')
        self.anna.cli('grant', 'revoke', grant['grant'][:8], '--yes', code=0)
        equal(self.anna.json('grant', 'list')[0]['state'], 'revoked', 'the grant, taken back')
        self.anna.cli('clip', 'share', clip, '--with', 'all', '--purpose', 'y', '--yes', code=0)
        self.anna.cli('clip', 'destroy', clip[:8], '--yes', code=0)
        check(not [name for name in os.listdir(os.path.join(self.anna.folder, 'clips')) if name.startswith(clip)],
              'files of the clip are left')
        check(not [name for name in os.listdir(os.path.join(self.anna.folder, 'vault')) if name.startswith('wrapped-')],
              'wrapped keys are left')
        self.anna.stop()
        self.anna.start()
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'get', clip, '-o', out)
        equal([l['what'] for l in self.ledger(self.anna)[before:]], ['read', 'granted', 'revoked', 'granted', 'destroyed'],
              'the ledger at the end')
        equal(self.verified(self.anna)['objects'], 3, 'signed papers in it')

    def case_damaged_clip(self):
        """of a chunk that is damaged nothing comes out, and the file that stood there stays"""
        text = os.urandom(200000)
        clip = self.clip(self.anna, text)
        out = os.path.join(self.anna.folder, 'kept')
        with open(out, 'wb') as file:
            file.write(b'before')
        with open(os.path.join(self.anna.folder, 'clips', clip), 'r+b') as file:
            file.seek(70000)
            byte = file.read(1)
            file.seek(70000)
            file.write(bytes([byte[0] ^ 1]))
        self.anna.cli('clip', 'get', clip, '-o', out, code=street.FAILED)
        with open(out, 'rb') as file:
            equal(file.read(), b'before', 'the file')
        got = self.anna.cli('clip', 'get', clip, '-o', '-', code=street.FAILED)
        check('clip-damaged' in got.err, f'the error: {got.err}')
        os.remove(out)


if __name__ == '__main__':
    street.main(Consent)
