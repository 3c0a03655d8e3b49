#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home whose computer is gone comes back out of its backup, on another one, and the old device is out."""
import os
import shutil
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

PASS = 'correct horse battery'


class Restore(street.Play):
    def open(self):
        self.secret = os.path.join(self.folder, 'passphrase')
        self.other_secret = os.path.join(self.folder, 'other')
        for path, text in ((self.secret, PASS), (self.other_secret, 'another one altogether')):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text + '\n')
        self.file = os.path.join(self.folder, 'ben.backup')
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes

    def backup(self, home, file, *more, code=0):
        return home.cli('backup', file, '--passphrase-file', self.secret, '--json', *more, code=code)

    def restore(self, home, file, code=0):
        return home.cli('restore', file, '--passphrase-file', self.secret, '--json', code=code)

    def fresh(self, name=None):
        return self.home(name or 'Ben again').start()

    def turned_away(self, home):
        """It has knocked at every neighbour it knows, and none let it in."""
        rows = home.json('peers')
        return rows and not any(row['up'] for row in rows) and all(row.get('problem') for row in rows)

    def device(self, home):
        return home.state()['device_id']

    def case_backup(self):
        """a backup is one closed file, written whole, and never over another without --force"""
        equal('backup' in self.ben.state(), False, 'a backup before there is one')
        row = self.backup(self.ben, self.file).row()
        equal((row['file'], row['bytes'], row['household']), (self.file, os.path.getsize(self.file), self.ben.name),
              'the row')
        equal(stat.S_IMODE(os.stat(self.file).st_mode), 0o600, 'the mode of the file')
        equal(self.ben.state()['backup'], row['created'], 'what status says')
        self.ben.refused('file-exists', street.REFUSED, 'backup', self.file, '--passphrase-file', self.secret)
        self.backup(self.ben, self.file, '--force')
        check(not os.path.exists(self.file + '.part'), 'a part of the file was left')
        self.ben.refused('cannot-write', street.FAILED, 'backup', os.path.join(self.folder, 'none', 'x'),
                         '--passphrase-file', self.secret)
        with open(self.file, 'rb') as file:
            sealed = file.read()
        for words in (self.ben.name, 'Elm Street', PASS):
            check(words.encode() not in sealed, f'{words} stands in the file')

    def case_bad_files(self):
        """what is no whole backup is refused by name, and changes nothing"""
        with open(self.file, 'rb') as file:
            good = file.read()
        home = self.fresh('Nobody')
        bad = os.path.join(self.folder, 'bad.backup')
        flipped = bytearray(good)
        flipped[len(good) // 2] ^= 1
        for name, bytes_ in (('backup-not', b'not a backup at all'), ('backup-not', b''),
                             ('backup-damaged', good[:-1]), ('backup-damaged', good[:40]),
                             ('backup-damaged', good + b'x'), ('backup-damaged', bytes(flipped)),
                             ('backup-newer', good[:8] + b'\x02' + good[9:])):
            with open(bad, 'wb') as file:
                file.write(bytes_)
            exit_code = street.REFUSED if name == 'backup-newer' else street.FAILED
            home.refused(name, exit_code, 'restore', bad, '--passphrase-file', self.secret)
        home.refused('backup-passphrase', street.LOCKED, 'restore', self.file, '--passphrase-file', self.other_secret)
        home.refused('cannot-read', street.NOT_FOUND, 'restore', bad + 'x', '--passphrase-file', self.secret)
        equal(home.state()['state'], 'no-mesh', 'the state afterwards')
        self.anna.refused('household-exists', street.REFUSED, 'restore', self.file, '--passphrase-file', self.secret)
        home.stop()

    def case_restore(self):
        """posts go on, the computer is lost, and the home is whole again on another one"""
        old = self.device(self.ben)
        mine = [self.ben.post('theft', f'A bicycle, number {i}') for i in range(3)]
        for posted in mine:
            self.wait_all_have(self.homes, posted['id'])
        self.ben.cli('mute', 'add', '--kind', 'noise', code=0)
        self.ben.cli('camera', 'policy', '--all', 'never', code=0)
        self.ben.cli('camera', 'policy', 'front door', 'ask', code=0)
        self.ben.cli('camera', 'keep', 'front door', '14d', code=0)
        cameras = self.ben.json('camera', 'list')
        self.backup(self.ben, self.file, '--force')
        later = self.ben.post('theft', 'After the backup')
        self.wait_all_have(self.homes, later['id'])
        self.ben.kill9()
        lost = self.ben.folder + '.lost'
        os.rename(self.ben.folder, lost)
        others = self.anna.post('missing-pet', 'While Ben was away')
        self.wait_all_have([self.anna, self.cleo], others['id'])

        again = self.fresh()
        row = self.restore(again, self.file).row()
        equal(row['homes'], 3, 'homes')
        check(self.device(again) != old, 'it is the old device')
        self.wait_state(again, 'current')
        for posted in (*mine, later, others):
            self.wait_all_have([again], posted['id'])
        check(again.alert(later['id'])['mine'], 'its own post is not its own any more')
        equal(again.state()['muted'], 'noise', 'what is muted')
        equal(again.json('camera', 'list'), cameras, 'what was said of cameras')
        check('home' in again.state(), 'the home cell is gone')
        fresh = [again.post('fire', f'Out of the backup {i}') for i in range(3)]
        for posted in fresh:
            self.wait_all_have([self.anna, self.cleo, again], posted['id'])
        for home in (self.anna, self.cleo):
            self.wait_state(home, 'current')

        shutil.move(lost, self.ben.folder)
        self.ben.start()
        self.wait(lambda: self.turned_away(self.ben), 'the old device to have knocked everywhere')
        posted = self.anna.post('fire', 'Not for the old device')
        self.wait_all_have([self.cleo, again], posted['id'])
        check(not self.ben.has(posted['id']), 'the old device has a new alert')
        self.ben.stop()
        self.ben = again
        self.homes = [self.anna, self.ben, self.cleo]
        self.backup(again, self.file, '--force', '--key-passphrase-file', self.secret)

    def case_waits(self):
        """without a neighbour it waits, says so, and goes on after kill -9, on its own"""
        old = self.ben
        old.kill9()
        self.anna.stop()
        self.cleo.stop()
        again = self.fresh()
        error = self.restore(again, self.file, code=street.UNREACHABLE).error()
        equal(error['name'], 'no-neighbour', 'the error')
        state = again.state()
        equal(state['state'], 'restoring', 'the state')
        check('no neighbour' in state['problem'], state['problem'])
        again.refused('still-restoring', street.REFUSED, 'post', 'fire', 'Too early')
        again.kill9()
        again.start()
        equal(again.state()['state'], 'restoring', 'the state after kill -9')
        self.anna.start()
        self.wait_state(again, 'current', 60)
        self.cleo.start()
        posted = again.post('theft', 'Back again')
        self.wait_all_have([self.anna, self.cleo, again], posted['id'])
        again.one('vault', 'show')
        equal(again.one('vault', 'show')['passphrase'], True, 'the key is under the passphrase of the backup')
        self.ben = again

    def case_twice(self):
        """of the same backup restored twice one stands, and the other says so"""
        first = self.ben
        second = self.fresh('Ben twice')
        error = self.restore(second, self.file, code=street.REFUSED).error()
        check(error['name'] in ('not-known', 'restored-elsewhere'), error)
        equal(second.state()['state'], 'restoring', 'the state of the second')
        self.wait_state(first, 'current')
        second.stop()


if __name__ == '__main__':
    street.main(Restore)
