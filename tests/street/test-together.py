#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What further devices, a backup, saved places, an undone invite and leaving do to each other in one household."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402


class Together(street.Play):
    def open(self):
        self.secret = os.path.join(self.folder, 'passphrase')
        with open(self.secret, 'w', encoding='utf-8') as file:
            file.write('correct horse battery\n')
        self.file = os.path.join(self.folder, 'hub.backup')
        self.anna, self.hub, self.cleo = self.street(3).homes
        self.household = self.hub.name
        self.laptop = self.device('laptop')

    def device(self, name):
        home = self.home(name).start()
        code = self.hub.one('device', 'invite', '--passphrase-file', self.secret)['code']
        home.cli('device', 'join', code, '--as', name, '--no-passphrase', code=0)
        return home

    def devices(self, home):
        return {row['name']: row['main'] for row in home.json('device', 'list') if 'revoked' not in row}

    def all_have(self, *posts):
        for post in posts:
            self.wait_all_have([self.anna, self.hub, self.cleo, self.laptop], post['id'])

    def case_laptop_makes_no_backup(self):
        """a laptop makes no backup, and says whose it is to make"""
        error = self.laptop.cli('backup', self.file, '--passphrase-file', self.secret, '--json', code=street.REFUSED).error()
        check('hub' in error['message'] + error['hint'], f'it does not name the main device: {error}')
        check(not os.path.exists(self.file), 'a file is there')

    def case_restored_beside_laptop(self):
        """the hub is lost and comes back out of its backup; the laptop stays what it was, and so do places and mutes"""
        self.hub.cli('place', 'add', 'school', '52.5163,13.3777', code=0)
        self.hub.cli('mute', 'add', '--kind', 'noise', code=0)
        self.hub.cli('backup', self.file, '--passphrase-file', self.secret, code=0)
        before = self.hub.post('theft', 'A bicycle')
        self.all_have(before)
        self.hub.kill9()
        during = self.laptop.post('fire', 'While the hub is gone')
        self.hub = self.home('hub again').start()
        self.hub.cli('restore', self.file, '--passphrase-file', self.secret, code=0)
        self.wait_state(self.hub, 'current')
        after = self.laptop.post('fire', 'With the new hub')
        self.all_have(before, during, after, self.hub.post('smoke', 'At school', '--at', 'school'))
        equal(self.hub.state()['household'], self.household, 'the household')
        equal(self.hub.state()['muted'], 'noise', 'what is muted')
        for home in (self.hub, self.laptop):
            self.wait(lambda: sorted(self.devices(home).values()) == [False, True], 'one main device and the laptop')
        check(self.hub.alert(during['id'])['mine'], "the laptop's post is not the household's")

    def case_revoke_and_again(self):
        """the restored hub revokes the laptop, and makes another one a device"""
        self.hub.cli('device', 'revoke', 'laptop', '--yes', '--passphrase-file', self.secret, code=0)
        self.wait_state(self.laptop, 'removed')
        late = self.anna.post('fire', 'Not for the old laptop')
        self.laptop.stop()
        self.laptop = self.device('tablet')
        self.wait_state(self.laptop, 'current')
        self.all_have(late)

    def case_undo(self):
        """the restored hub invites a home and puts it out again; what the household backed up then still opens"""
        guest = self.home('Guest').start()
        guest.join(self.hub.invite())
        self.wait(lambda: self.cleo.state()['homes'] == 4, 'the guest to be known')
        self.hub.cli('invite', 'undo', 'Guest', '--yes', '--passphrase-file', self.secret, code=0)
        self.wait_state(guest, 'removed')
        guest.stop()
        self.all_have(self.anna.post('fire', 'Not for the guest'))
        self.hub.cli('backup', self.file, '--force', '--passphrase-file', self.secret, code=0)

    def case_leave(self):
        """the household leaves with all its devices"""
        self.hub.cli('mesh', 'leave', '--yes', '--passphrase-file', self.secret, code=0)
        self.wait(lambda: self.anna.state()['homes'] == 2, 'the others to hear of it')
        self.wait_state(self.laptop, 'removed')


if __name__ == '__main__':
    street.main(Together)
