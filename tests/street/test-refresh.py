#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Homes that were away for longer than a link key is accepted, and come back with a neighbour's ticket.

Nobody waits 40 days here, and no clock is moved: the neighbours' disks are made to say that they have had their present
key for 40 days, so that they accept the one before it no longer.
"""
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import pages  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

DAYS = 40


class Refresh(street.Play):
    def open(self):
        self.anna, self.ben, self.cleo, self.dora, self.emil = self.street(5).homes
        self.laptop = self.home('laptop').start()
        self.laptop.cli('device', 'join', self.cleo.cli('device', 'invite', code=0).out.strip(), '--as', 'laptop', '--no-passphrase', code=0)
        self.wait_state(self.laptop, 'current')
        for home in (self.cleo, self.laptop, self.emil):
            home.stop()
        for home in (self.dora, self.emil):
            self.anna.cli('member', 'remove', home.name, '--reason', 'moved away', '--yes', code=0)
        self.wait(lambda: self.ben.state()['homes'] == 3, 'Ben to hear of the removals')
        self.wait_state(self.dora, 'removed')
        self.missed = self.ben.post('theft', 'While you were away')['id']
        self.wait_all_have([self.anna], self.missed)
        for home in (self.anna, self.ben):
            home.stop()
            self.age(home)
        self.start_neighbours()

    def age(self, home):
        database = os.path.join(home.folder, 'porchlight.db')
        with sqlite3.connect(database) as disk:
            changed = disk.execute('UPDATE epoch SET since = since - ?', (DAYS * 86400,)).rowcount
            check(changed > 1, f'{home.name} has {changed} keys, not several')
        disk.close()
        pages.sum_anew(database)

    def start_neighbours(self):
        for home in (self.anna, self.ben):
            home.start()
        self.wait_state(self.anna, 'current')
        self.wait_state(self.ben, 'current')

    def turned_away(self, home):
        """Everybody it dialled has hung up on it, or is off."""
        rows = home.json('peers')
        return rows and all(row.get('problem') and not row['up'] for row in rows)

    def is_back(self, home):
        self.wait(lambda: self.missed in home.alerts(), f'{home.name} to have what it missed')
        self.wait_state(home, 'current')
        equal(home.state()['homes'], 3, 'homes it knows of')
        own = home.post('noise', f'{home.name} is back')
        self.wait_all_have([self.anna, self.ben], own['id'])
        check(own['id'] not in self.dora.alerts(), 'a home that was removed reads it')

    def case_outside(self):
        """after so long nobody lets a home in by the key it has"""
        self.cleo.start()
        self.wait(lambda: self.turned_away(self.cleo), 'Cleo to have been turned away')
        equal(self.cleo.state()['state'], 'alone', 'its state')
        check(self.missed not in self.cleo.alerts(), 'it has what it missed')

    def case_refused(self):
        """other tickets are refused by name, and change nothing"""
        ticket = self.anna.invite()
        for bad in (ticket[:-3], ticket + 'A', ticket[:60] + ('B' if ticket[60] != 'B' else 'C') + ticket[61:]):
            self.cleo.refused('ticket-unreadable', street.USAGE, 'join', bad)
        other = self.street(1, mesh='Oak Street').homes[0]
        self.cleo.refused('in-a-mesh', street.REFUSED, 'join', other.invite())
        other.stop()
        self.cleo.refused('usage', street.USAGE, 'join')
        equal(self.cleo.state()['state'], 'alone', 'its state')
        stranger = self.home('stranger').start()
        stranger.refused('usage', street.USAGE, 'join', ticket)
        equal(stranger.state()['state'], 'no-mesh', 'the state of a home that has not joined')
        stranger.stop()

    def case_back(self):
        """a ticket lets it in again, makes no new home, and is not used up"""
        ticket = self.anna.invite('--for', 'Cleo')
        who = self.cleo.state()['household_id']
        row = self.cleo.one('join', ticket)
        equal({name: row[name] for name in ('mesh', 'joined', 'key', 'addresses', 'inviter', 'answered')},
              {'mesh': 'Elm Street', 'joined': False, 'key': True, 'addresses': 1, 'inviter': self.anna.name,
               'answered': True}, 'what it says')
        check(row['neighbour'] in (self.anna.name, self.ben.name), f'who answered: {row}')
        self.is_back(self.cleo)
        equal(self.cleo.state()['household_id'], who, 'its household')
        equal([row['used'] for row in self.anna.json('invite', 'list') if row.get('label') == 'Cleo'], [0], 'uses')
        equal(self.cleo.one('join', ticket)['key'], False, 'whether the key is new when it is given again')

    def case_in_words(self):
        """people are told so, and that the words on the ticket's paper have no effect"""
        said = self.cleo.cli('join', '-', '--household', 'Somebody', '--no-passphrase', stdin=self.ben.invite() + '\n',
                             code=0)
        for words in ('Nothing was joined', 'Elm Street', 'Refreshed', self.ben.name, 'has answered'):
            check(words in said.out, f'"{words}" is missing in {said}')
        check('--household' in said.err, f'no word about the options in {said}')
        check(all(len(line) <= street.COLUMNS for line in said.out.splitlines()), f'wide lines in {said}')
        equal(self.cleo.state()['household'], self.cleo.name, 'its name')

    def case_device_later(self):
        """a further device, which has no key of the household, does the same; the ticket outlives kill -9"""
        ticket = self.anna.invite()
        for home in (self.anna, self.ben, self.cleo, self.dora):  # of whose removal the laptop has not heard
            home.stop()
        self.laptop.start()
        said = self.laptop.cli('join', ticket, '--json', code=street.UNREACHABLE)
        equal((said.row()['answered'], said.row()['key'], said.error()['name']), (False, True, 'no-neighbour-yet'),
              'what it says')
        self.laptop.kill9()
        self.start_neighbours()
        self.dora.start()
        self.laptop.start()
        self.is_back(self.laptop)

    def case_removed(self):
        """a home that was removed is told so, as far as it can know"""
        ticket = self.anna.invite()
        self.dora.refused('removed', street.REFUSED, 'join', ticket)
        self.emil.start()
        said = self.emil.cli('join', ticket, '--json', code=street.REFUSED)
        equal((said.row()['answered'], said.error()['name']), (False, 'not-known'), 'what it says')
        check(self.missed not in self.emil.alerts(), 'it reads what it must not')


if __name__ == '__main__':
    street.main(Refresh)
