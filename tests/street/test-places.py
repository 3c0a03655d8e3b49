#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""More homes than a household has places for: refused where that is known, and told to wait where it was not."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402


class Places(street.Play):
    def open(self):
        self.anna, self.ben, self.cleo = self.street(3, charter={'home_invites': 1}).homes
        self.dora, self.emil, self.fay = [self.home(name).start() for name in ('Dora', 'Emil', 'Fay')]
        self.tickets = [self.ben.invite('--for', name) for name in ('Dora', 'Emil', 'Fay')]

    def case_waits(self):
        """two come through doors that cannot hear of each other: the one that fewer know of waits, and everybody says so"""
        for home in (self.anna, self.cleo):
            home.stop()
        self.dora.join(self.tickets[0])
        for home in (self.ben, self.dora):
            home.stop()
        self.anna.start()
        self.emil.cli('peer', 'add', self.anna.listen, code=0)
        self.emil.join(self.tickets[1])  # Anna is a steward
        self.anna.stop()
        for home in (self.ben, self.dora):
            home.start()
        self.wait(lambda: self.dora.state()['links'], 'Dora and Ben to meet')
        for home in (self.anna, self.cleo):
            home.start()
        self.wait_state(self.dora, 'waiting')
        self.dora.refused('waits-place', street.REFUSED, 'post', 'fire', 'Does anybody hear me?')
        check('WAITS FOR A PLACE' in self.dora.cli('status', code=0).out, 'status does not say so')
        found = {row['check']: row for row in self.dora.json('doctor', code=1)}
        check('waits' in found['mesh']['message'] and 'mesh leave' in found['mesh']['fix'], str(found['mesh']))
        for home in (self.anna, self.ben, self.cleo, self.emil):
            self.wait(lambda home=home: self.members(home) == {'Home 1', 'Home 2', 'Home 3', 'Emil'}, f'{home.name} to know')
            equal(self.waiting(home), {'Dora': 'place'}, f'who waits, by {home.name}')
        found = {row['check']: row for row in self.ben.json('doctor', code=0)}
        equal(found['places']['state'], 'warning', 'what Ben is told')
        equal(self.ben.state()['waiting'], 1, 'and by status')

    def case_no_place_left(self):
        """who has no place left is told when it writes a ticket, and so is who comes on an older one"""
        self.ben.refused('no-places', street.REFUSED, 'invite')
        self.fay.refused('no-places', street.REFUSED, 'join', self.tickets[2], '--household', 'Fay', '--no-passphrase')

    def case_joins_anew(self):
        """as doctor advises, it forgets the mesh and comes on somebody else's ticket"""
        self.dora.cli('mesh', 'leave', '--yes', code=0)
        self.dora.join(self.anna.invite())
        self.wait_state(self.dora, 'current')
        alert = self.dora.post('noise', 'Here I am')['id']
        self.wait_all_have([self.anna, self.ben, self.cleo, self.emil], alert)

    @staticmethod
    def members(home):
        return {row['name'] for row in home.json('member', 'list') if 'waits' not in row}

    @staticmethod
    def waiting(home):
        return {row['name']: row['waits'] for row in home.json('member', 'list') if 'waits' in row}


if __name__ == '__main__':
    street.main(Places)
