#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A street loses power. Its homes stand behind routers that let nobody in; one can be called. They come back one by one, at random times and
in any order, and each router has another address outside then. The laboratory is that of test-nat.py. With --full they are thirty, and only
nearly all of the links as before are waited for: which they are is left to chance, and the last of them takes its time.
"""
import importlib.util
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import street  # noqa: E402
from street import check  # noqa: E402

SPEC = importlib.util.spec_from_file_location('nat', os.path.join(HERE, 'test-nat.py'))
nat = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(nat)

HOMES, MANY = 8, 30
NEARLY_ALL = 0.85
LINKS = 2                # that each is to have: one alone may be over the next moment
RETURN = 5               # seconds in which they come back
BACK = 60                # seconds after the last one: DESIGN 9
SETTLE = 180             # seconds for a street that has just come together
OUTSIDE = 100            # routers' addresses before are below, and after are above


class Outage(nat.Lab):
    def open(self):
        self.lay()
        self.doorstep.ip('address', 'flush', 'dev', 'wan')  # elsewhere than the routers: what calls it comes from outside
        self.doorstep.ip('address', 'add', f'{nat.DOORSTEP}/32', 'dev', 'wan')
        self.doorstep.ip('route', 'add', f'{self.net.net}.0/24', 'dev', 'wan')
        self.door = street.Play.home(self, 'Door', listen=f'{nat.DOORSTEP}:{nat.PORT}', prefix=self.doorstep.within())
        self.door.more = ('--advertise', f'{nat.DOORSTEP}:{nat.PORT}')
        self.door.space = None
        self.begin(self.door)
        self.door.create('Elm Street')
        self.street = [self.door, *(self.behind(number) for number in range(1, MANY if self.full else HOMES))]
        for home in self.street[1:]:
            home.join(self.door.invite())
        self.all_linked(SETTLE)

    def begin(self, home):
        home.start('--no-mapping', *home.more)

    def behind(self, number):
        space = nat.Lab.home(self, 'port', number)
        home = street.Play.home(self, f'Home {number}', listen=f'0.0.0.0:{nat.PORT}', prefix=space.within())
        home.space, home.more, home.number = space, (), number
        self.begin(home)
        return home

    def all_linked(self, seconds):
        """Every home has its links; how many there are."""
        end, rows = time.monotonic() + seconds, {}
        for home in self.street:
            self.wait(lambda home=home: rows.update({home: home.linked()}) or len(rows[home]) >= LINKS,
                      f'{home.name} to have {LINKS} links', max(end - time.monotonic(), 1))
        return sum(map(len, rows.values())) // 2

    def comes_back(self, home):
        if home.space:
            router = self.router_of[home.space]
            router.ip('address', 'flush', 'dev', 'wan')
            router.port('wan', f'{self.net.net}.{OUTSIDE + home.number}/24')
        self.begin(home)

    # -- cases --

    def case_outage(self):
        """after a power cut all have links again within a minute of the last one's return, each somewhere else than before"""
        before = self.all_linked(SETTLE)
        for home in self.street:
            home.process.kill()
        for home in self.street:
            home.process.wait()
        times = sorted(self.rng.uniform(0, RETURN) for _ in self.street)
        began = time.monotonic()
        for home, when in zip(self.rng.sample(self.street, len(self.street)), times):
            time.sleep(max(0, began + when - time.monotonic()))  # that is when its power comes back
            self.comes_back(home)
        last = time.monotonic()
        links = self.all_linked(BACK)
        took = time.monotonic() - last
        print(f'# {len(self.street)} homes had {before} links; {took:.1f} s after the last had come back there were {links}, and '
              f'{LINKS} of each', flush=True)
        check(took < BACK, f'it took {took:.1f} s')
        wanted = round(before * NEARLY_ALL) if self.full else before
        self.wait(lambda: self.all_linked(BACK) >= wanted, f'{wanted} links', BACK - took)
        print(f'# {wanted} after {time.monotonic() - last:.1f} s; load {os.getloadavg()[0]:.1f}', flush=True)

    def case_alert(self):
        """an alert of one reaches all"""
        posted = self.street[-1].post('fire', 'In the cellar', '--urgency', 'Immediate')
        began = time.monotonic()
        self.wait_all_have(self.street, posted['id'])
        print(f'# all have it after {time.monotonic() - began:.1f} s')


if __name__ == '__main__':
    street.main(Outage)
