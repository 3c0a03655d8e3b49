#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A clip is handed out with its proof, by whole daemons and vaults, and read where there are none."""
import io
import os
import stat
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'contrib', 'verifier'))
import street  # noqa: E402
import verify  # noqa: E402
from street import check, equal  # noqa: E402

HOUR = 3600


class Evidence(street.Play):
    def open(self):
        self.homes = self.street(2).homes
        self.anna, self.ben = self.homes
        self.bundle = os.path.join(self.anna.folder, 'bicycle.bundle')
        self.mesh = self.anna.one('mesh', 'show')['id']

    def clip(self, text, camera='front'):
        path = os.path.join(self.anna.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        return self.anna.one('clip', 'add', path, '--camera', camera, '--from', '-10min', '--to', '-9min')['id']

    def verified(self, path, *more, code=0):
        """What `verify` says in a folder where no daemon is; claims by name, and lines."""
        env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'PORCHLIGHT_DATA': '/nonexistent'}
        done = street.subprocess.run([self.programs.cli, 'verify', path, '--json', *more], env=env,
                                     capture_output=True, text=True, check=False)
        equal(done.returncode, code, f'the exit code: {done.stderr}')
        rows = [street.json.loads(line) for line in (done.stdout if code == 0 else done.stderr).splitlines()]
        if code:
            return rows[0]['error']
        return {row['claim']: row for row in rows if 'claim' in row}, [row for row in rows if 'claim' not in row]

    def case_export(self):
        """the bundle has the very bytes, a neighbour's record says how old they are at most, and the ledger tells of it"""
        text, out = os.urandom(200000), os.path.join(self.anna.folder, 'out')
        posted = self.ben.post('theft', 'A bicycle is gone')
        self.wait_all_have([self.anna], posted['id'])
        clip, other = self.clip(text), self.clip(b'something else', 'back')
        self.anna.cli('clip', 'get', clip[:8], '-o', out, code=0)
        os.remove(out)
        self.anna.cli('clip', 'share', other, '--with', self.ben.name, '--purpose', 'nothing to do with it', '--yes', code=0)
        self.anna.cli('clip', 'share', clip[:8], '--with', self.ben.name, '--purpose', 'the stolen bicycle', '--yes', code=0)
        done = self.anna.cli('clip', 'export', clip[:8], '-o', self.bundle, '--yes', code=0)
        check('has the footage and its key in it' in done.err and self.bundle in ' '.join(done.err.split()).replace("- ", "-"),
              f'the sentence does not say what it does: {done.err}')
        equal(stat.S_IMODE(os.stat(self.bundle).st_mode), 0o600, 'the rights of the file')
        claims, lines = self.verified(self.bundle, '--mesh', self.mesh, '--extract', out)
        with open(out, 'rb') as file:
            check(file.read() == text, 'the clip that came out is not the one that was taken in')
        equal({name for name, row in claims.items() if row['state'] == 'proven'},
              {'mesh', 'bytes', 'device', 'household', 'not-earlier', 'custody', 'papers', 'export', 'sound', 'original'},
              'what is proven')
        check(f'household "{self.ben.name}" signed' in claims['not-earlier']['text'], claims['not-earlier']['text'])
        equal([(line['what'], line['clip']) for line in lines], [('read', clip), ('granted', clip), ('exported', clip)],
              'the lines that are shown')
        equal(lines[-1]['text'], self.bundle, 'the file in the ledger')
        check('1 lines between them' in claims['custody']['text'], claims['custody']['text'])
        with open(self.bundle, 'rb') as file:
            data = file.read()
        check(bytes.fromhex(other) not in data and b'nothing to do with it' not in data, 'the other clip is told of')
        second = verify.Bundle(io.BytesIO(data))
        equal([(name, state) for name, state, _ in verify.claims(second, self.mesh)],
              [(name, row['state']) for name, row in claims.items()], 'what the second verifier says')

    def case_neighbour(self):
        """a neighbour that took the clip has signed for it: so it was there by then, of a member still; and cannot hand it on"""
        text, out = os.urandom(70000), os.path.join(self.ben.folder, 'out')
        clip = self.clip(text)
        self.anna.cli('clip', 'share', clip, '--with', self.ben.name, '--purpose', 'the stolen bicycle', '--yes', code=0)
        self.wait(lambda: [row for row in self.ben.json('grant', 'list') if row['clip'] == clip], 'the grant is here')
        self.ben.cli('clip', 'get', clip, '-o', out, code=0, seconds=60)
        self.wait(lambda: 'complete' in [line['what'] for line in self.anna.json('ledger', 'list') if line.get('clip') == clip],
                  "the neighbour's word")
        self.ben.refused('export-others', street.REFUSED, 'clip', 'export', clip, '-o', out + '.bundle', '--yes')
        self.anna.cli('clip', 'export', clip, '-o', self.bundle, '--force', '--yes', code=0)
        claims, lines = self.verified(self.bundle, '--mesh', self.mesh)
        for name in ('member', 'not-later'):
            equal(claims[name]['state'], 'proven', f'whether {name} is proven')
            check(f'household "{self.ben.name}" signed' in claims[name]['text'], claims[name]['text'])
        check('grants: 1, receipts: 1, words of devices that had the clip: 1' in claims['papers']['text'], claims['papers']['text'])
        equal([line['what'] for line in lines], ['granted', 'receipt', 'released', 'complete', 'exported'], 'the lines')
        with open(self.bundle, 'rb') as file:
            second = verify.Bundle(file)
        equal([(name, state) for name, state, _ in verify.claims(second, self.mesh)],
              [(name, row['state']) for name, row in claims.items()], 'what the second verifier says')

    def case_refused(self):
        """what cannot be exported is refused by name, and a file that is there stays"""
        clip = self.clip(os.urandom(1000))
        with open(self.bundle, 'wb') as file:
            file.write(b'before')
        before = len(self.anna.json('ledger', 'list'))
        self.anna.refused('file-exists', street.REFUSED, 'clip', 'export', clip, '-o', self.bundle, '--yes')
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'export', 'ab' * 32, '-o', self.bundle + '2', '--yes')
        self.anna.refused('usage', street.USAGE, 'clip', 'export', clip, '--yes')
        self.anna.refused('usage', street.USAGE, 'clip', 'export', clip, '-o', '-', '--yes')
        os.remove(os.path.join(self.anna.folder, 'clips', clip + '.list'))
        self.anna.refused('clip-unread', street.FAILED, 'clip', 'export', clip, '-o', self.bundle + '2', '--yes')
        equal(len(self.anna.json('ledger', 'list')), before, 'the lines of the ledger')
        with open(self.bundle, 'rb') as file:
            equal(file.read(), b'before', 'the file')
        equal([name for name in os.listdir(self.anna.folder) if name.startswith('bicycle')], ['bicycle.bundle'], 'the files')

    def case_broken(self):
        """a changed byte is named by its link, and nothing is extracted; a bundle of another mesh is refused"""
        clip, out = self.clip(os.urandom(100000)), os.path.join(self.anna.folder, 'never')
        self.anna.cli('clip', 'export', clip, '-o', self.bundle, '--force', '--yes', code=0)
        with open(self.bundle, 'rb') as file:
            whole = file.read()
        for place, name in ((0, 'bundle-not'), (30, 'bundle-manifest'), (len(whole) - 1, 'bundle-chunk')):
            with open(self.bundle, 'wb') as file:
                file.write(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1:])
            equal(self.verified(self.bundle, '--extract', out, code=1)['name'], name, 'the link')
        check(not [file for file in os.listdir(self.anna.folder) if file.startswith('never')], 'something was extracted')
        with open(self.bundle, 'wb') as file:
            file.write(whole)
        equal(self.verified(self.bundle, '--mesh', 'ab' * 32, code=5)['name'], 'bundle-other-mesh', 'the link')
        equal(self.verified(self.bundle + '.not', code=4)['name'], 'cannot-read', 'the error')
        self.verified(self.bundle)
        piped = street.subprocess.run([self.programs.cli, 'verify', '-', '--json'], input=whole, capture_output=True, check=False)
        equal(piped.returncode, 0, 'the exit code of a bundle that comes through a pipe')


if __name__ == '__main__':
    street.main(Evidence)
