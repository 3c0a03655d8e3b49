#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`clip share ID --with DEVICE`: a household's laptop opens the clips that the main device shares with it, and no others."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

SOON = 40  # seconds within which what is shared has come
PHRASE = 'correct horse battery'


class Share(street.Play):
    def open(self):
        self.hub, self.ben = self.street(2).homes
        self.laptop = self.join('laptop', '--no-passphrase')
        self.wait(lambda: len(self.hub.json('device', 'list')) == 2, 'the hub knows the laptop')

    def join(self, name, *lock):
        home = self.home(name).start()
        code = self.hub.cli('device', 'invite', code=0).out.strip()
        home.cli('device', 'join', code, '--as', name, *lock, code=0)
        return home

    def take(self, home, text):
        path = os.path.join(home.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        return home.one('clip', 'add', path, '--camera', 'garden', '--from', '-10min', '--to', '-9min')['id']

    def share(self, clip, device='laptop', *more):
        self.hub.cli('clip', 'share', clip, '--with', device, '--purpose', 'to look at it', '--yes', *more, code=0)

    def given(self, home, clip):
        return [row['state'] for row in home.json('grant', 'list') if 'line' not in row and row['clip'] == clip]

    def has_come(self, clip, home=None, state='complete'):
        home = home or self.laptop
        self.wait(lambda: self.given(home, clip)[-1:] == [state], f'the clip is {state} at {home.name}', SOON)

    def out(self, home, clip, *more, **how):
        path = os.path.join(home.folder, 'out')
        home.cli('clip', 'get', clip, '-o', path, *more, code=0, **how)
        with open(path, 'rb') as file:
            return file.read()

    def locked_out(self, home, clip, name, *more, code=street.REFUSED):
        home.refused(name, code, 'clip', 'get', clip, '-o', os.path.join(home.folder, 'no'), *more)
        check(not os.path.exists(os.path.join(home.folder, 'no')), f'{home.name} got a file all the same')

    def lines(self, home, clip):
        return [line['what'] for line in home.json('ledger', 'list') if line.get('clip') == clip]

    def boxes(self, home):
        folder = os.path.join(home.folder, 'vault')
        return sorted(name for name in os.listdir(folder) if name.startswith('taken-'))

    def case_opened_on_the_laptop(self):
        """the laptop opens what was shared with it, also while the hub is off; another clip, and a neighbour, stay locked out"""
        text = os.urandom(300000)
        clip, other = self.take(self.hub, text), self.take(self.hub, b'not shared')
        self.locked_out(self.laptop, clip, 'not-shared')
        self.share(clip)
        self.has_come(clip)
        self.wait(lambda: 'complete' in self.lines(self.hub, clip), 'the hub hears that it is complete', SOON)
        equal(self.lines(self.hub, clip), ['granted', 'receipt', 'released', 'complete'], "the hub's ledger")
        os.unlink(os.path.join(self.hub.folder, 'source'))
        who = [(row['what'], row.get('name'), row.get('state')) for row in self.hub.json('clip', 'who-can-read', clip)]
        equal(who, [('home', None, None), ('device', 'laptop', 'complete')], 'who can read it')
        check('stands in the ledger of that device' in self.hub.cli('clip', 'who-can-read', clip, code=0).out, 'that reads are not seen')
        equal([row['own'] for row in self.laptop.json('clip', 'list') if row.get('clip') == clip], [True], 'what the laptop lists')
        self.hub.stop()
        equal(self.out(self.laptop, clip[:8]), text, 'what the laptop opens while the hub is off')
        equal(self.lines(self.laptop, clip), ['read'], "the laptop's own ledger")
        self.laptop.cli('ledger', 'verify', code=0)
        self.locked_out(self.laptop, other, 'not-shared')
        self.laptop.refused('no-household', street.REFUSED, 'clip', 'share', clip, '--with', self.ben.name, '--purpose', 'x', '--yes')
        self.hub.start()
        self.locked_out(self.ben, clip, 'no-such-clip', code=street.NOT_FOUND)
        self.hub.refused('grant-here', street.REFUSED, 'clip', 'share', clip, '--with', 'hub', '--purpose', 'x', '--yes')

    def case_its_own(self):
        """what the laptop took in itself it opens when it was shared with it, without fetching anything; at the end it stays"""
        text = os.urandom(100000)
        clip = self.take(self.laptop, text)
        self.wait(lambda: any(row.get('id') == clip for row in self.hub.json('clip', 'list')), 'the hub knows of it', SOON)
        self.share(clip, 'laptop', '--expires', '1h')
        self.has_come(clip)
        equal(self.out(self.laptop, clip), text, 'what the laptop opens')
        equal([row['state'] for row in self.hub.json('clip', 'list') if row.get('id') == clip], ['away'], 'the hub fetched nothing')
        grant = next(row['grant'] for row in self.hub.json('grant', 'list') if row['clip'] == clip)
        self.hub.cli('grant', 'revoke', grant, '--yes', code=0)
        self.has_come(clip, state='taken-back')
        self.locked_out(self.laptop, clip, 'grant-revoked')
        self.wait(lambda: 'deleted' in self.lines(self.hub, clip), 'the laptop says that the key is gone', SOON)
        equal([row['state'] for row in self.laptop.json('clip', 'list') if row.get('id') == clip], ['here'], 'the clip itself')

    def case_revoked_before_it_came(self):
        """what is taken back before the laptop is there never reaches it; and what is taken back later goes from it"""
        late, gone = self.take(self.hub, b'too late'), self.take(self.hub, b'there for a while')
        self.share(gone)
        self.has_come(gone)
        self.laptop.stop()
        boxes = len(self.boxes(self.laptop))
        self.share(late)
        for row in self.hub.json('grant', 'list'):
            if row['clip'] in (late, gone):
                self.hub.cli('grant', 'revoke', row['grant'], '--yes', code=0)
        self.laptop.start()
        self.has_come(gone, state='taken-back')
        self.wait(lambda: len(self.boxes(self.laptop)) == boxes - 1, 'the key that it had is gone', SOON)
        self.locked_out(self.laptop, gone, 'grant-revoked')
        self.locked_out(self.laptop, late, 'not-shared')
        equal(self.lines(self.hub, late), ['granted', 'receipt', 'revoked'], 'no key of it was released')

    def case_crashes(self):
        """either is killed between the grant and the key: it comes all the same, once"""
        text = os.urandom(200000)
        clip = self.take(self.hub, text)
        self.laptop.kill9()
        self.share(clip)
        self.hub.kill9()
        self.hub.start()
        self.laptop.start()
        self.wait(lambda: self.given(self.laptop, clip), 'the grant is there', SOON)
        self.laptop.kill9()
        self.hub.kill9()
        self.laptop.start()
        self.hub.start()
        self.has_come(clip)
        equal(self.out(self.laptop, clip), text, 'what the laptop opens')
        equal([what for what in self.lines(self.hub, clip) if what != 'complete'], ['granted', 'receipt', 'released'], 'the ledger')

    def case_passphrase(self):
        """a key under a passphrase takes boxes while it is locked, and opens nothing without the phrase"""
        phrase = os.path.join(self.hub.folder, 'phrase')
        with open(phrase, 'w') as file:
            file.write(PHRASE + '\n')
        tablet = self.home('tablet').start()
        code = self.hub.cli('device', 'invite', code=0).out.strip()
        tablet.refused('usage', street.USAGE, 'device', 'join', code, '--as', 'tablet')
        tablet.cli('device', 'join', code, '--as', 'tablet', '--passphrase-file', phrase, code=0)
        text = os.urandom(50000)
        clip = self.take(self.hub, text)
        self.wait(lambda: len(self.hub.json('device', 'list')) == 3, 'the hub knows the tablet', SOON)
        self.share(clip, 'tablet')
        self.has_come(clip, tablet)
        self.locked_out(tablet, clip, 'passphrase-needed', code=street.LOCKED)
        equal(self.out(tablet, clip, '--passphrase-file', phrase), text, 'what the tablet opens')
        self.locked_out(self.laptop, clip, 'not-shared')
        tablet.cli('vault', 'unlock', '--passphrase-file', phrase, code=0)
        equal(self.out(tablet, clip), text, 'what it opens while it is unlocked')

    def case_destroyed(self):
        """a clip that the hub destroys goes from the laptop, too, when that is on again"""
        clip = self.take(self.hub, os.urandom(100000))
        self.share(clip)
        self.has_come(clip)
        check(os.path.exists(os.path.join(self.laptop.folder, 'clips', clip)), 'it has not come')
        boxes = len(self.boxes(self.laptop))
        self.laptop.stop()
        self.hub.cli('clip', 'destroy', clip, '--yes', code=0)
        equal(self.lines(self.hub, clip)[-2:], ['revoked', 'destroyed'], "the hub's ledger")
        self.laptop.start()
        self.has_come(clip, state='taken-back')
        self.wait(lambda: 'deleted' in self.lines(self.hub, clip), 'the laptop says that it is gone', SOON)
        equal(len(self.boxes(self.laptop)), boxes - 1, 'its key')
        check(not os.path.exists(os.path.join(self.laptop.folder, 'clips', clip)), 'its bytes are still there')
        self.locked_out(self.laptop, clip, 'grant-revoked')

    def case_device_revoked(self):
        """a revoked laptop gets nothing any more, and who-can-read says that it may have kept what it had"""
        text = os.urandom(1000)
        had, not_yet = self.take(self.hub, text), self.take(self.hub, b'not yet')
        self.share(had)
        self.has_come(had)
        self.laptop.stop()
        self.share(not_yet)
        self.hub.cli('device', 'revoke', 'laptop', '--yes', code=0)
        equal((self.lines(self.hub, had)[-1], self.lines(self.hub, not_yet)), ('revoked', ['granted', 'receipt', 'revoked']),
              'what the ledger says')
        who = self.hub.cli('clip', 'who-can-read', had, code=0).out
        check('laptop' in who and 'may have kept it' in who, f'who can read it: {who}')
        names = [row.get('name') for row in self.hub.json('clip', 'who-can-read', not_yet)]
        check('laptop' not in names, f'no key of it has left: {names}')
        self.hub.refused('no-such-household', street.NOT_FOUND, 'clip', 'share', had, '--with', 'laptop', '--purpose', 'x', '--yes')
        self.laptop.start()
        self.locked_out(self.laptop, not_yet, 'not-shared')


if __name__ == '__main__':
    street.main(Share)
