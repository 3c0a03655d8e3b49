#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A ticket that fell into wrong hands: its use is undone within a day, with a third home to see it."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402


class Undo(street.Play):
    def open(self):
        self.anna = self.home('Anna').start()
        self.anna.create('Elm Street')
        self.stairwell = self.anna.invite('--count', '3', '--for', 'the stairwell')
        self.ben = self.home('Ben').start()
        self.ben.join(self.stairwell)

    def ticket(self):
        return [row for row in self.anna.json('invite', 'list') if row.get('label') == 'the stairwell'][0]

    def case_two_homes(self):
        """of two homes neither undoes the other"""
        self.anna.refused('too-few-homes', street.REFUSED, 'invite', 'undo', 'Ben', '--yes')

    def case_nobody_there(self):
        """with no third home linked the answer says so at once, and nothing is left behind"""
        self.cleo = self.home('Cleo').start()
        self.cleo.join(self.anna.invite())
        self.mallory = self.home('Mallory').start()
        self.mallory.join(self.stairwell)
        self.homes = [self.anna, self.ben, self.cleo]
        self.wait(lambda: all(home.state()['homes'] == 4 for home in self.homes), 'four homes everywhere')
        for home in (self.ben, self.cleo):
            home.stop()
        self.wait(lambda: len(self.anna.linked()) == 1, 'only the stranger to be linked')
        self.anna.refused('no-third-home', street.UNREACHABLE, 'invite', 'undo', 'Mallory', '--yes')
        for home in (self.ben, self.cleo):
            home.start()
            self.wait(lambda home=home: home.linked(), f'{home.name} to be linked')
        equal(self.anna.state()['homes'], 4, 'homes after an undo that nobody countersigned')

    def case_asks(self):
        """it says what is lost, and asks; only who brought the home can undo that"""
        told = self.anna.cli('invite', 'undo', 'Mallory', code=street.USAGE)
        check('--yes' in told.err, f'no word of --yes: {told.err}')
        self.ben.refused('not-own-invite', street.REFUSED, 'invite', 'undo', 'Mallory', '--yes')
        self.anna.refused('no-such-household', street.NOT_FOUND, 'invite', 'undo', 'Nobody', '--yes')

    def case_undone(self):
        """undone by the first digits of its id: out everywhere, reads nothing new, and the ticket is closed"""
        before = self.ben.post('theft', 'Read by all')
        self.wait(lambda: before['id'] in self.mallory.alerts(), 'the stranger to read along')
        self.wait(lambda: any(row['household'] != 'Mallory' for row in self.anna.linked()), 'a third home to be linked')
        mallory = [row for row in self.anna.json('member', 'list') if row['name'] == 'Mallory'][0]
        said = self.anna.cli('invite', 'undo', mallory['id'][:8], '--yes', '--json', code=0)
        check('reads nothing that is posted afterwards' in said.err, f'the sentence: {said.err}')
        equal(said.row()['in_force'], True, 'the answer')
        self.wait(lambda: all(home.state()['homes'] == 3 for home in self.homes), 'three homes everywhere')
        self.wait_state(self.mallory, 'removed')
        after = self.ben.post('fire', 'Among ourselves')
        self.wait_all_have(self.homes, after['id'])
        self.wait(lambda: not self.mallory.linked(), 'its links to be gone')
        check(after['id'] not in self.mallory.alerts(), 'the undone home reads on')
        self.mallory.refused('removed', street.REFUSED, 'post', 'fire', 'Still here')
        equal(self.ticket().get('closed'), True, 'the ticket in the list')
        self.anna.refused('gone', street.REFUSED, 'invite', 'undo', 'Mallory', '--yes')

    def case_ticket_closed(self):
        """nobody else comes on that ticket, though a use of it is left"""
        late = self.home('Late').start()
        late.refused('ticket-used', street.REFUSED, 'join', self.stairwell, '--household', 'Late', '--no-passphrase')
        equal(late.state()['state'], 'no-mesh', 'the state of who came late')

    def case_lasts(self):
        """after a restart of all it is as it was"""
        for home in self.homes:
            home.stop()
        for home in self.homes:
            home.start()
        equal([home.state()['homes'] for home in self.homes], [3, 3, 3], 'homes after a restart')


if __name__ == '__main__':
    street.main(Undo)
