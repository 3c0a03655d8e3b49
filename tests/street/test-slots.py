#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A data folder restored from an old copy uses a slot twice: the mesh mutes its device, and everybody is told."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402


class Slots(street.Play):
    def open(self):
        self.at_noon()
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes
        self.copy = self.cleo.folder + '.copy'

    def case_copy(self):
        """a home posts after its folder was copied"""
        self.before = self.cleo.post('noise', 'Before the copy')
        self.wait_all_have(self.homes, self.before['id'])
        self.cleo.stop()
        shutil.copytree(self.cleo.folder, self.copy)
        self.cleo.start()
        self.wait_state(self.cleo, 'current')
        self.first = self.cleo.post('noise', 'After the copy')
        self.wait_all_have(self.homes, self.first['id'])
        self.cleo.stop()

    def case_restored(self):
        """the old copy takes the folder's place and posts before it has met anybody"""
        for home in (self.anna, self.ben):
            home.stop()
        self.cleo.lost()
        os.rename(self.copy, self.cleo.folder)
        self.cleo.start()
        equal(self.cleo.state()['unsent'], 0, 'unsent posts of the old copy')
        self.second = self.cleo.post('noise', 'From the old copy', code=street.UNSENT)
        check('muted_until' not in self.cleo.state(), 'muted, and nobody can know yet')

    def case_muted(self):
        """when the homes meet, nothing of either post is shown, and the home says that it is muted and until when"""
        self.anna.start()
        watch = self.anna.watch('--after', '0')
        self.ben.start()
        self.wait(lambda: 'muted_until' in self.cleo.state(), 'the home to know that it is muted')
        gone = watch.until(lambda event: event['event'] == 'retracted' and event['alert']['id'] == self.first['id'])
        equal(gone['alert']['text'], '', 'its text')
        watch.close()
        for home in self.homes:
            self.wait(lambda home=home: self.silent(home), 'both to be taken back')
        refused = self.cleo.cli('post', 'noise', 'Hello?', '--json', code=street.REFUSED).error()
        equal(refused['name'], 'muted', 'the refusal')
        check('until 20' in refused['message'], f'until when? {refused}')
        self.wait_state(self.cleo, 'muted')
        check('MUTED' in self.cleo.cli('status', code=0).out, 'status does not say it')
        check('MUTED' in self.cleo.cli('nearby', code=0).err, 'nearby does not say it')
        check('is void until 20' in self.cleo.cli('doctor').out, 'doctor does not say it')

    def case_others(self):
        """the others go on, and so does the muted home's screen"""
        for home in (self.anna, self.ben):
            self.wait_state(home, 'current')
            check('muted_until' not in home.state(), f'{home.name} is muted, too')
        posted = self.ben.post('noise', 'All is well here')
        self.wait_all_have(self.homes, posted['id'])

    def case_restarts(self):
        """what is void stays so after restarts, and so does the mute"""
        for home in self.homes:
            home.kill9()
        for home in self.homes:
            home.start()
        check('muted_until' in self.cleo.state(), 'the mute was forgotten')
        self.wait_state(self.cleo, 'muted')
        for home in self.homes:
            check(self.silent(home), 'what is void came back')
        for home in self.homes:
            self.nothing_of(home, 'After the copy')
            self.nothing_of(home, 'From the old copy')

    def silent(self, home):
        """Of both posts there is at most to be seen that they were."""
        rows = home.alerts()
        return all((rows[post['id']]['state'], rows[post['id']]['text']) == ('retracted', '')
                   for post in (self.first, self.second) if post['id'] in rows)

    def nothing_of(self, home, text):
        """No file of the home has the text any more, once the daemon has ended."""
        home.stop()
        for name in os.listdir(home.folder):
            path = os.path.join(home.folder, name)
            if os.path.isfile(path):
                with open(path, 'rb') as file:
                    check(text.encode() not in file.read(), f'{path} of {home.name} has {text!r}')
        home.start()


if __name__ == '__main__':
    street.main(Slots)
