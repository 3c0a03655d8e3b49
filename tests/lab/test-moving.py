#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A laptop changes networks: its cable is out for a moment, and then it has another address. Nobody tells the two homes it had links
to. Each is a network namespace on a bridge. Needs root and ip.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import spaces  # noqa: E402
import street  # noqa: E402
from spaces import Internet, Space  # noqa: E402
from street import check  # noqa: E402

PORT = 7345
BACK = 8         # seconds; nobody waits for a link to fall silent
LINKS = 20       # for links younger than 10 s it is not clear which of two is the dead one (PROTOCOL 8.21)
UNHEARD = 6      # exit code of a post that nobody has confirmed yet


class Moving(street.Play):
    def open(self):
        spaces.begin()
        self.net = Internet('203.0.113')
        self.street = [self.settle(name) for name in ('Hill', 'Mill', 'Laptop')]
        self.street[0].create('Elm Street')
        for home in self.street[1:]:
            home.join(self.street[0].invite())
        for home in self.street:
            self.wait(lambda home=home: len(home.linked()) == 2, f'{home.name} to have its links')

    def settle(self, name):
        space = Space()
        self.net.plug(space)
        home = self.home(name, listen=f'0.0.0.0:{PORT}', prefix=space.within())
        home.space = space
        return home.start('--no-mapping')

    def goes(self, home, address):
        """Where it is it has another address from now on; when that was."""
        home.space.ip('link', 'set', 'wan', 'down')
        home.space.ip('address', 'flush', 'dev', 'wan')
        home.space.ip('address', 'add', f'{address}/24', 'dev', 'wan')
        home.space.ip('link', 'set', 'wan', 'up')
        return time.monotonic()

    # -- cases --

    def moves(self, address, poster):
        """Seconds until @poster's post is everywhere, which is written when the laptop is there already."""
        since = self.goes(self.street[2], address)
        done = poster.cli('post', 'fire', f'to {address}', '--json')
        check(done.code in (0, UNHEARD), f'posting: {done}')
        self.wait_all_have(self.street, json.loads(done.out)['id'])
        return time.monotonic() - since

    def case_moved(self):
        """it has what others post within seconds, and they have what it posts"""
        for number, poster in enumerate((self.street[0], self.street[2])):
            took = self.moves(f'203.0.113.{77 + number}', poster)
            print(f'# {poster.name}: {took:.1f} s; load {os.getloadavg()[0]:.1f}', flush=True)
            check(took < BACK, f'it took {took:.1f} s')

    def case_links(self):
        """and both its links"""
        for home in self.street:
            self.wait(lambda home=home: len(home.linked()) == 2, f'{home.name} to have its links', LINKS)


if __name__ == '__main__':
    street.main(Moving)
