#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A street whose only steward is gone rules itself: more than half of all homes remove one, and it stays out."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402


class Votes(street.Play):
    def open(self):
        self.homes = self.street(4).homes
        self.anna, self.ben, self.cleo, self.dora = self.homes
        self.came_on = self.anna.invite('--count', '2')
        self.emil = self.home().start()
        self.emil.join(self.came_on)
        self.homes.append(self.emil)
        self.wait(lambda: all(home.state()['homes'] == 5 for home in self.homes), 'five homes everywhere')
        self.wrote = self.emil.invite('--count', '5')

    def proposal(self, home):
        rows = [row for row in home.json('member', 'proposals') if row['target'] == self.emil.name]
        return rows[0] if rows else None

    def check_ways(self, row, homes):
        """An ordinary home's vote is none of a steward's, and one of the homes'."""
        equal([row[name] for name in ('stewards', 'stewards_needed', 'homes', 'homes_needed')], [0, 1, homes, 3],
              'how the vote stands')

    def case_majority(self):
        """with the only steward off, three of five homes remove one, and two cannot"""
        self.anna.stop()
        cast = self.ben.one('member', 'remove', self.emil.name, '--reason', 'never one of us', '--yes')
        equal(cast['in_force'], False, 'after the first vote')
        self.check_ways(cast, 1)
        words = ' '.join(self.ben.cli('member', 'proposals', code=0).out.split())
        check('0 of 1 steward, or 1 of 3 homes' in words, f'`member proposals` does not tell both ways: {words}')
        self.wait(lambda: self.proposal(self.cleo), 'the second to hear of it')
        cast = self.cleo.one('member', 'endorse', cast['proposal'], '--yes')
        equal(cast['in_force'], False, 'after the second vote')
        self.check_ways(cast, 2)
        self.check_ways(self.proposal(self.cleo), 2)
        self.wait(lambda: self.proposal(self.emil), 'the one it is about to hear of it')
        self.emil.refused('may-not-vote', street.REFUSED, 'member', 'endorse', cast['proposal'], '--yes')
        self.wait(lambda: (self.proposal(self.dora) or {}).get('homes') == 2, 'the third to hear of both')
        equal(self.dora.one('member', 'endorse', cast['proposal'], '--yes')['in_force'], True, 'after the third vote')
        self.wait_state(self.emil, 'removed')

    def case_reads_nothing(self):
        """the removed home reads nothing that is posted afterwards, has no link and brings nothing in"""
        rest = [self.ben, self.cleo, self.dora]
        posted = self.ben.post('fire', 'Among ourselves')
        self.wait_all_have(rest, posted['id'])
        self.wait(lambda: not self.emil.linked(), 'its links to be gone')
        check(posted['id'] not in self.emil.alerts(), 'the removed home reads on')
        self.emil.refused('removed', street.REFUSED, 'post', 'fire', 'Still here')
        for home in self.homes[2:4]:
            self.wait(lambda home=home: self.emil.name not in [row['household'] for row in home.linked()],
                      f'{home.name} to have ended its link with it')

    def case_no_way_back(self):
        """nobody comes in on a ticket the removed home wrote, nor on the one it came on"""
        for ticket, by in ((self.wrote, self.emil), (self.came_on, self.anna)):
            home = self.home().start()
            home.cli('peer', 'add', self.ben.listen, code=0)
            error = home.cli('join', ticket, '--household', home.name, '--no-passphrase', '--json', code=street.REFUSED).error()
            print(f'# a ticket written by {by.name}: {error["name"]}')
            equal(home.state()['state'], 'no-mesh', 'the state of the refused home')

    def case_steward_back(self):
        """the steward, back, learns what the others have decided"""
        self.anna.start()
        self.wait(lambda: self.anna.state()['homes'] == 4, 'the steward to hear of it')
        self.wait_state(self.anna, 'current')
        posted = self.anna.post('noise', 'What have I missed?')
        self.wait_all_have([self.ben, self.cleo, self.dora], posted['id'])
        check(posted['id'] not in self.emil.alerts(), 'the removed home reads on')


if __name__ == '__main__':
    street.main(Votes)
