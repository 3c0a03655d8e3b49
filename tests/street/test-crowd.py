#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A street of 20: a quarter of it is off while the others talk, and one home is removed while it is away."""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

HOMES, OFF, ALERTS = 20, 5, 100
FEW_HOMES, FEW_OFF, FEW_ALERTS = 6, 2, 30
AT_ONCE = 10
HEALING = 120.0


class Crowd(street.Play):
    def open(self):
        self.n, self.off, self.alerts = (HOMES, OFF, ALERTS) if self.full else (FEW_HOMES, FEW_OFF, FEW_ALERTS)
        self.homes = self.street(self.n, charter={'max_members': 30, 'normal': 500}).homes
        self.away, self.there = self.homes[-self.off:], self.homes[:-self.off]

    def case_a_quarter_away(self):
        """those who were off have every alert when they are back, and nobody has one twice"""
        for home in self.away:
            home.stop()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            posts = [pool.submit(self.there[i % len(self.there)].post, 'other', f'told {i}') for i in range(self.alerts)]
            ids = {post.result()['id'] for post in posts}
        equal(len(ids), self.alerts, 'different ids')
        for home in self.away:
            home.start()
        for home in self.homes:
            self.wait(lambda home=home: ids <= set(home.alerts()), f'{home.name} to have all', HEALING)
        for home in self.homes:
            rows = [row['id'] for row in home.json('nearby')]
            equal(len(rows), len(set(rows)), f'alerts of {home.name}, each once')

    def case_removed_while_away(self):
        """a home removed while it was off gets no word when it is back: it stays alone, reads nothing, reaches nobody"""
        gone, founder = self.homes[-1], self.homes[0]
        gone.stop()
        founder.cli('member', 'remove', gone.name, '--reason', 'moved away', '--yes', code=0)
        rest = self.homes[:-1]
        self.wait(lambda: all(home.state()['homes'] == self.n - 1 for home in rest), 'all to know it', HEALING)
        since = self.there[1].post('fire', 'Written after the removal')
        self.wait_all_have(rest, since['id'], HEALING)
        gone.start()
        kept = gone.post('fire', 'I am still here', code=street.UNSENT)
        equal(gone.state()['state'], 'alone', 'its state')
        equal(gone.state()['links'], 0, 'its links')
        check(since['id'] not in gone.alerts(), 'the removed home reads what was written after its removal')
        for home in rest:
            check(kept['id'] not in home.alerts(), f'{home.name} has what the removed home wrote')


if __name__ == '__main__':
    street.main(Crowd)
