#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A street loses power. Its homes stand behind routers that let nobody in; one can be called, and has a name. They come back one by one, at
random times and in any order, and each has another address outside then, the one that can be called, too: its name leads there. The laboratory
is that of test-nat.py. With --full they are thirty.

A link is what both its ends show as one, visits aside, which go again; a home's links are to different homes. All links are back when each home
has as many as before. Beyond the 5 that a home looks for it depends on the others' luck how many it has, and so those are told and not waited for.
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import laboratory as nat  # noqa: E402
import spaces  # noqa: E402
import street  # noqa: E402
from street import check  # noqa: E402

HOMES, MANY = 8, 30
LINKS = 2                # of each when the street has come together
WANTED = 5               # that a home looks for: OUTBOUND_WANTED
RETURN = 5               # seconds in which they come back
BACK = 60                # seconds after the last one: DESIGN 9
SETTLE = 180             # seconds for a street that has just come together
STANDS = 10              # seconds without another link, after which a street has as many as it will have for a while
CUTS = 3                 # one after the other with --full: what homes know of each other then is of several places
OUTSIDE = (150, 100)     # routers' addresses before are below, and after a cut above, in turn
NAME = 'elm7.example.org'
DOORS = '203.0.113.'     # … and 250 less the number of the cut


class Outage(nat.Lab):
    def open(self):
        self.lay()
        self.cut = 0
        self.names = spaces.Names(self)
        self.put_door(nat.DOORSTEP)
        self.door = street.Play.home(self, 'Door', listen=f'0.0.0.0:{nat.PORT}', prefix=self.doorstep.within())
        self.door.more = ('--advertise', f'{NAME}:{nat.PORT}')
        self.door.space = None
        self.begin(self.door)
        self.door.create('Elm Street')
        self.street = [self.door, *(self.behind(number) for number in range(1, MANY if self.full else HOMES))]
        for home in self.street[1:]:
            home.join(self.door.invite())
        self.all_have({home.name: LINKS for home in self.street}, SETTLE)

    def put_door(self, address):
        self.doorstep.ip('address', 'flush', 'dev', 'wan')
        self.doorstep.ip('address', 'add', f'{address}/32', 'dev', 'wan')  # of no network of the routers': what calls it comes from outside
        self.doorstep.ip('route', 'add', f'{self.net.net}.0/24', 'dev', 'wan')
        self.names.lead(NAME, address)

    def begin(self, home):
        home.start('--no-mapping', *home.more)

    def behind(self, number):
        space = nat.Lab.home(self, 'port', number)
        home = street.Play.home(self, f'Home {number}', listen=f'0.0.0.0:{nat.PORT}', prefix=space.within())
        home.space, home.more, home.number = space, (), number
        self.begin(home)
        return home

    def links(self):
        """Those that both ends show, as pairs of names."""
        shown = {home.name: {row['household'] for row in home.linked() if 'visit' not in row} for home in self.street}
        return {frozenset((one, other)) for one, others in shown.items() for other in others if one in shown[other]}

    def all_have(self, wanted, seconds):
        """Waits until each home has so many links; all there are then."""
        end = time.monotonic() + seconds
        while True:
            now = self.links()
            short = {name: f'{sum(name in link for link in now)} of {n}' for name, n in wanted.items() if sum(name in link for link in now) < n}
            if not short:
                return now
            check(time.monotonic() < end, f'waited {seconds} s in vain for the links of {short}')
            time.sleep(street.LOOK)

    def stood(self):
        """The links of a street in which none has come or gone for a while."""
        links, since, end = self.links(), time.monotonic(), time.monotonic() + SETTLE
        while time.monotonic() < min(since + STANDS, end):
            now = self.links()
            if now != links:
                links, since = now, time.monotonic()
        return links

    def comes_back(self, home):
        if home.space:
            router = self.router_of[home.space]
            router.ip('address', 'flush', 'dev', 'wan')
            router.port('wan', f'{self.net.net}.{OUTSIDE[self.cut % 2] + home.number}/24')
        else:
            self.put_door(f'{DOORS}{250 - self.cut}')
        self.begin(home)

    # -- cases --

    def case_outage(self):
        """after a power cut all have links again within a minute of the last one's return, each somewhere else than before"""
        for _ in range(CUTS if self.full else 1):
            self.cut += 1
            self.lose_power()

    def lose_power(self):
        before = self.stood() if self.full else self.links()
        wanted = {home.name: min(sum(home.name in link for link in before), WANTED) for home in self.street}
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
        links = self.all_have(wanted, BACK)
        took = time.monotonic() - last
        print(f'# {len(self.street)} homes had {len(before)} links; {took:.1f} s after the last had come back each had as many, up to {WANTED}: '
              f'{len(links)} in all, {len(links & before)} of them as before; load {os.getloadavg()[0]:.1f}', flush=True)
        check(took < BACK, f'it took {took:.1f} s')

    def case_alert(self):
        """an alert of one reaches all"""
        posted = self.street[-1].post('fire', 'In the cellar', '--urgency', 'Immediate')
        began = time.monotonic()
        self.wait_all_have(self.street, posted['id'])
        print(f'# all have it after {time.monotonic() - began:.1f} s')


if __name__ == '__main__':
    street.main(Outage)
