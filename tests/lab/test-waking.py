#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A laptop behind a home's router sleeps and wakes, goes to a telephone's network and back, and the telephone moves. It has links to
homes that it calls and to one that it met through routers. What was posted meanwhile, what is posted then there and elsewhere, and its links: all
comes within seconds. The laboratory is that of support/laboratory.py; the routers throw away what they have no entry for, without a word.

Three minutes of sleep take two seconds (support/hours.c). With --full more happens, and each of it several times. Needs root, ip and nft.
"""
import itertools
import mmap
import os
import signal
import statistics
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import laboratory  # noqa: E402
import street  # noqa: E402
from spaces import Space  # noqa: E402
from street import Skip, check  # noqa: E402

UNHEARD = 6              # exit code of a post that nobody has confirmed yet
ALERT, LINKS = 6, 15     # seconds until what is urgent has come, both ways, and until all links are back
UNTOLD = 30              # where nothing tells that the telephone has moved, and nobody posts
PATIENCE = 100
SLEPT, NODDED = 180, 20  # seconds
STEP, PACE = 5, 0.05     # so many of them pass in so many real ones
LOOK = 0.1
OLD = 2                  # seconds: when a link began is told in whole ones
URGENT = 64              # alerts that a home may post in a day
TIMES = 5                # of each with --full
STRICT = '''
table ip strict {
  chain through { type filter hook forward priority 1; ct state invalid drop; }
}
'''
DEAF = 'table ip deaf {\n  chain through { type filter hook forward priority 2; policy drop; }\n}\n'


class Hours:
    """A number that programs see as it changes."""

    def __init__(self, path):
        self.path = path
        with open(path, 'wb') as file:
            file.write(bytes(8))
        with open(path, 'r+b') as file:
            self.bytes = mmap.mmap(file.fileno(), 8)

    def get(self):
        return struct.unpack('=q', self.bytes[:])[0]

    def add(self, seconds):
        self.bytes[:] = struct.pack('=q', self.get() + round(seconds * 1000))


class Waking(laboratory.Lab):
    def open(self):
        self.lay()
        self.texts = itertools.count()
        self.hours, self.nap = (Hours(os.path.join(self.folder, name)) for name in ('hours', 'nap'))
        library = os.path.join(self.programs.build, 'tests', 'hours.so')
        self.env.update(LD_PRELOAD=os.path.abspath(library), PORCHLIGHT_HOURS=self.hours.path)
        self.env['ASAN_OPTIONS'] = self.env.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'
        hill = Space()
        self.net.plug(hill, '203.0.113.2')
        self.door, self.hill = self.open_home('Door', self.doorstep, laboratory.DOORSTEP), self.open_home('Hill', hill, '203.0.113.2')
        self.ben = self.begin('Ben', laboratory.Lab.home(self, 'port', 0), '0.0.0.0')
        self.open_laptop()
        self.others = [self.door, self.hill, self.ben]
        charter = os.path.join(self.folder, 'charter')
        with open(charter, 'w', encoding='ascii') as file:
            file.write(f'urgent = {URGENT}\n')
        self.door.create('Elm Street', '--charter', charter)
        for home in (self.hill, self.ben, self.laptop):
            home.join(self.door.invite())
        self.linked()

    def begin(self, name, space, address, *more):
        home = street.Play.home(self, name, listen=f'{address}:{laboratory.PORT}', prefix=space.within())
        return home.start('--no-mapping', *more)

    def open_home(self, name, space, address):
        """One that is called from other networks than its own."""
        space.ip('address', 'flush', 'dev', 'wan')
        space.ip('address', 'add', f'{address}/32', 'dev', 'wan')
        space.ip('route', 'add', f'{self.net.net}.0/24', 'dev', 'wan')
        return self.begin(name, space, address, '--advertise', f'{address}:{laboratory.PORT}')

    def open_laptop(self):
        self.space, self.outside = Space(), {'eth0': 100, 'wlan0': 150}
        self.nets = {name: self.strict_router(name) for name in ('eth0', 'wlan0')}
        self.goes('eth0')
        self.env['PORCHLIGHT_NAP'] = self.nap.path
        self.laptop = self.begin('Laptop', self.space, '0.0.0.0')
        del self.env['PORCHLIGHT_NAP']

    def strict_router(self, name):
        router, here, there = self.router('port')
        self.space.cable(name, router, 'lan')
        router.port('lan', f'{there}/24')
        router.inside('sh', '-c', 'echo 0 > /proc/sys/net/netfilter/nf_conntrack_tcp_loose')
        router.inside('nft', '-f', '-', stdin=STRICT)
        return router, here, there

    # -- what happens --

    def goes(self, name):
        """It is in that network from now on."""
        for other in self.nets:
            self.space.ip('address', 'flush', 'dev', other)
            self.space.ip('link', 'set', other, 'down')
        _, here, there = self.nets[name]
        self.space.port(name, f'{here}/24', via=there)

    def renumber(self, name):
        """Its router there has another address outside, and none of its entries."""
        self.outside[name] += 1
        self.forget(name)

    def forget(self, name):
        """Its router there forgets its entries: what goes under an address goes with it."""
        router = self.nets[name][0]
        router.ip('address', 'flush', 'dev', 'wan')
        router.port('wan', f'{self.net.net}.{self.outside[name]}/24')

    def signal_laptop(self, number):
        for pid in [self.laptop.process.pid, *(pid for pid, _ in street.processes_below(self.laptop.process.pid))]:
            os.kill(pid, number)

    def sleeps(self, seconds, meanwhile=lambda: None):
        """Its processes stand still, its clock too, and its router hears nothing of it; for the others that time passes."""
        router = self.nets['eth0'][0]
        self.signal_laptop(signal.SIGSTOP)
        router.inside('nft', '-f', '-', stdin=DEAF)
        began, before = time.monotonic(), self.hours.get()
        meanwhile()
        self.forget('eth0')
        while self.hours.get() - before < seconds * 1000:
            self.hours.add(STEP)
            time.sleep(PACE)
        router.inside('nft', 'delete', 'table', 'ip', 'deaf')
        self.nap.add((self.hours.get() - before) / 1000 + time.monotonic() - began)
        self.signal_laptop(signal.SIGCONT)
        try:  # which cancels timers of the clock, as the kernel does when it resumes
            time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))
        except PermissionError:
            raise Skip('THE CLOCK MAY NOT BE SET HERE, SO NOTHING WAKES: what a laptop does then is NOT looked at') from None

    def long(self):
        if not self.full:
            raise Skip('takes long: --full')

    # -- looking --

    def now(self):
        """As the homes have it: seconds since 1970."""
        return time.time() + self.hours.get() / 1000

    def links(self):
        """Of the laptop, at both ends: when each began, and how many bytes have come over it."""
        rows = [(home, row) for home in self.others for row in home.linked() if row['household'] == 'Laptop']
        rows += [(self.laptop, row) for row in self.laptop.linked()]
        return {(home.name, row['household']): (datetime.fromisoformat(row['since']).timestamp(), row['received'])
                for home, row in rows if 'visit' not in row}

    def all_linked(self, wall=0, before=None):
        """@before, @wall: what the links were at that time. They are others now, or something has come over them since."""
        now = self.links()
        live = [end for end, (began, bytes) in now.items() if began >= int(wall) or bytes > (before or {}).get(end, (0, 0))[1]]
        return len(live) == 2 * len(self.others)

    def wait_for(self, condition, what):
        """The time at which it held."""
        end = time.monotonic() + PATIENCE
        while not condition():
            check(time.monotonic() < end, f'waited {PATIENCE} s in vain for {what}')
            time.sleep(LOOK)
        return time.monotonic()

    def linked(self, wall=0, before=None):
        return self.wait_for(lambda: self.all_linked(wall, before), 'the laptop to have its links')

    def settled(self):
        """All its links are there, and old enough to be told from those that come next."""
        self.wait_for(lambda: self.all_linked() and max(began for began, _ in self.links().values()) + OLD < self.now(), 'the laptop to keep its links')

    def post(self, home, text):
        done = home.cli('post', 'fire', text, '--urgency', 'Immediate', '--json')
        check(done.code in (0, UNHEARD), f'posting: {done}')

    def have(self, homes, text):
        return self.wait_for(lambda: all(any(row['text'] == text for row in home.json('nearby')) for home in homes), f'"{text}" to be everywhere')

    def times(self, happen, missed=None, ways=('in', 'out')):
        """Seconds from what happens until what was posted before is there, what is posted then has come both ways, and all links are new
        ones or live. (`post` itself waits until somebody has confirmed.)"""
        happen()
        since, wall, text, before = time.monotonic(), self.now(), str(next(self.texts)), self.links()
        ends = {'in': (self.hill, [self.laptop]), 'out': (self.laptop, self.others)}
        with ThreadPoolExecutor(8) as crowd:
            posts = [crowd.submit(self.post, ends[way][0], way + text) for way in ways]
            tasks = {way: crowd.submit(self.have, ends[way][1], way + text) for way in ways}
            tasks['links'] = crowd.submit(self.linked, wall, before)
            if missed:
                tasks['missed'] = crowd.submit(self.have, [self.laptop], missed)
            for post in posts:
                post.result()
            took = {name: task.result() - since for name, task in tasks.items()}
        print('# ' + ', '.join(f'{name} {took[name]:.1f} s' for name in sorted(took)) + f'; load {os.getloadavg()[0]:.1f}', flush=True)
        return took

    def look(self, what, happen):
        """@happen, several times with --full: what took longer than it may."""
        rounds = []
        for _ in range(TIMES if self.full else 1):
            self.settled()
            rounds.append(happen())
        for name in rounds[0]:
            took = sorted(r[name] for r in rounds)
            if self.full:
                print(f'# {what}: {name} median {statistics.median(took):.1f} s, most {took[-1]:.1f} s', flush=True)
        return rounds

    def within(self, rounds, **most):
        for took in rounds:
            late = {name: f'{took[name]:.1f} s' for name in took if took[name] > most.get(name, LINKS if name == 'links' else ALERT)}
            check(not late, f'took too long: {late}')

    def slept(self, seconds):
        text = f'missed{next(self.texts)}'
        return self.times(lambda: self.sleeps(seconds, lambda: self.post(self.door, text)), text)

    def went(self, name):
        return self.times(lambda: self.goes(name))

    def moved(self, ways):
        return self.times(lambda: self.renumber('wlan0'), ways=ways)

    # -- cases --

    def case_slept(self):
        """three minutes asleep: nobody keeps a link to it so long"""
        self.within(self.look('asleep for long', lambda: self.slept(SLEPT)))

    def case_nodded(self):
        """20 seconds asleep: the others do not know that their links to it are dead"""
        self.long()
        self.within(self.look('asleep for a moment', lambda: self.slept(NODDED)))

    def case_went(self):
        """to the telephone's network, and back"""
        def there_and_back():
            there = self.went('wlan0')
            self.settled()
            back = self.went('eth0')
            return {name: max(there[name], back[name]) for name in there}
        self.within(self.look('another network', there_and_back if self.full else lambda: self.went('wlan0')))

    def case_other_way(self):
        """out by the telephone while the cable is still in: no address changes, but the route does"""
        self.long()
        _, here, there = self.nets['wlan0']
        self.space.port('wlan0', f'{here}/24')
        self.settled()
        change = lambda: self.space.ip('route', 'replace', 'default', 'via', there)
        self.within([self.times(change)])

    def case_moved(self):
        """the telephone moves, and nothing tells: whoever posts then is heard at once"""
        self.goes('wlan0')
        self.within(self.look('telephone, posting', lambda: self.moved(('out',))))

    def case_untold(self):
        """nor is it long before the laptop notices by itself"""
        self.long()
        self.goes('wlan0')
        self.within(self.look('telephone, silent', lambda: self.moved(('in',))), **{'in': UNTOLD, 'links': UNTOLD})


if __name__ == '__main__':
    street.main(Waking)
