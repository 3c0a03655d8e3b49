#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole homes on a bad line: packets get lost, take long, or wait for an uplink that is too narrow.

Each home lives in a network namespace of its own, and its only cable ends in this program: a hub that holds every frame for
a while, or loses it. So it needs no module of the kernel but TAP devices, and of tc the token bucket. Needs root and ip.
"""
import fcntl
import heapq
import os
import select
import shutil
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 0x0002, 0x1000
FRAME_MAX = 2048
PATIENCE = 60.0
LOST_SOME, LOST_MANY = 0.1, 0.3
DELAY = 0.1            # seconds, each way
ASKED_AND_NOTHING = 20.0   # a link that is doubted is given up after 10 s
SILENT = 170.0         # and one that nobody doubts after 150 s
UPLINK = 64            # kbit/s
BULK = 150             # alerts of some 900 bytes: about 17 s of that uplink
BEGUN = 10             # of them have arrived when the urgent one is posted
AT_ONCE = 5.0          # seconds an urgent alert may take then: mostly one, three where TCP repeats itself; it was thirteen


def ip(*words):
    done = subprocess.run(['ip', *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(done.returncode == 0, f'ip {" ".join(words)}: {done.stdout.strip()}')


class Hub:
    """Every frame that comes in at one cable goes out at all others, later or never."""

    def __init__(self, rng):
        self.rng, self.delay, self.loss, self.cut = rng, 0.0, 0.0, set()
        self.cables, self.held, self.count = [], [], 0
        threading.Thread(target=self.run, daemon=True).start()

    def cable(self, name):
        """A new TAP device @name, in the namespace of this program; the number of its file."""
        file = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(file, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI))
        self.cables = [*self.cables, file]
        return file

    def run(self):
        while True:
            wait = max(0.0, self.held[0][0] - time.monotonic()) if self.held else 0.02
            for file in select.select(self.cables, [], [], min(wait, 0.02))[0]:
                self.take(file)
            while self.held and self.held[0][0] <= time.monotonic():
                self.give(*heapq.heappop(self.held)[2:])

    def take(self, file):
        """All that waits at this cable."""
        while True:
            try:
                frame = os.read(file, FRAME_MAX)
            except OSError:  # nothing more, or the device is down
                return
            if file not in self.cut and self.rng.random() >= self.loss:
                self.count += 1
                heapq.heappush(self.held, (time.monotonic() + self.delay, self.count, file, frame))

    def give(self, source, frame):
        for file in self.cables:
            if file not in (source, *self.cut):
                try:
                    os.write(file, frame)
                except OSError:  # its queue is full, as a cable's can be, or the device is down
                    pass


class LineHome(street.Home):
    """A home with its default settings: it listens everywhere, and LAN discovery is on."""

    def spawn(self, *more):
        with open(self.log, 'ab') as log:
            process = subprocess.Popen([*self.prefix, self.play.programs.daemon, '--data', self.folder, *more],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.play.env,
                                       preexec_fn=street.die_with_parent)
        self.play.processes.append(process)
        return process


class Line(street.Play):
    hub_kind = Hub

    def open(self):
        for tool in ('ip', 'tc'):
            if not shutil.which(tool):
                raise Skip(f'needs {tool}')
        if not os.path.exists('/dev/net/tun'):
            raise Skip('needs /dev/net/tun')
        with open('/proc/self/mountinfo', encoding='utf-8') as mounts:
            if '/' not in [line.split()[4] for line in mounts]:
                raise Skip('ip netns needs / to be a mount, which it is not in a plain chroot')
        street.unshare(street.CLONE_NEWNS | street.CLONE_NEWNET)
        os.makedirs('/run/netns', exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', 'none', '/run/netns'], check=True)
        self.hub = self.hub_kind(self.rng)
        self.cable_of = {}
        self.anna = self.lines_home()
        with open(os.path.join(self.folder, 'charter'), 'w', encoding='utf-8') as file:
            file.write('max_members = 20\nurgent = 512\nnormal = 512\n')
        self.anna.create('Elm Street', '--charter', file.name)

    def lines_home(self):
        """A home in a namespace of its own, started; its only cable leads to the hub."""
        number = len(self.every_home) + 1
        space, device = f'pl{os.getpid()}-{number}', f'tap{number}'
        ip('netns', 'add', space)
        cable = self.hub.cable(device)
        ip('link', 'set', device, 'netns', space, 'name', 'eth0')
        ip('-n', space, 'address', 'add', f'10.6.0.{number}/24', 'dev', 'eth0')
        for name in ('lo', 'eth0'):
            ip('-n', space, 'link', 'set', name, 'up')
        home = LineHome(self, os.path.join(self.folder, str(number)), f'Home {number}', '', ['ip', 'netns', 'exec', space])
        self.every_home.append(home)
        self.cable_of[home], home.space = cable, space
        return home.start()

    def joins(self):
        home = self.lines_home()
        ticket = self.anna.invite()
        began = time.monotonic()
        home.join(ticket)
        self.wait_state(home, 'current', PATIENCE)
        print(f'# {home.name} was in after {time.monotonic() - began:.1f} s')
        return home

    def there_and_back(self, homes):
        """An alert of the first reaches the others, and their comments come back."""
        began = time.monotonic()
        posted = homes[0].post('fire', 'Behind the garages', code=None)['id']
        self.wait_all_have(homes, posted, PATIENCE)
        arrived = time.monotonic() - began
        for home in homes[1:]:
            home.cli('alert', 'comment', posted, f'Seen by {home.name}')
        for home in homes:
            self.wait(lambda home=home: home.alert(posted)['comments'] == len(homes) - 1,
                      f'{home.name} to have all comments', PATIENCE)
        print(f'# everywhere after {arrived:.1f} s, all comments everywhere after {time.monotonic() - began:.1f} s')

    def case_some_lost(self):
        """where every tenth packet is lost two homes join, an alert arrives, and comments come back"""
        self.hub.loss = LOST_SOME
        self.ben, self.cleo = self.joins(), self.joins()
        self.homes = [self.anna, self.ben, self.cleo]
        self.there_and_back(self.homes)

    def case_many_lost(self):
        """where three of ten are lost an alert still arrives, and comments come back; in the long form a home joins"""
        self.hub.loss = LOST_MANY
        self.there_and_back(self.homes)
        if self.full:
            self.homes.append(self.joins())
        self.hub.loss = 0.0

    def case_slow(self):
        """where each packet takes a tenth of a second each way a home joins, an alert arrives, and comments come back"""
        self.hub.delay = DELAY
        self.homes.append(self.joins())
        self.there_and_back(self.homes)
        self.hub.delay = 0.0

    def case_silent(self):
        """a link that has fallen silent is noticed: soon where the home's own network changed, and in time where nothing did"""
        ben = self.ben
        self.wait(ben.linked, 'Ben to have a link')
        self.hub.cut = {self.cable_of[ben]}
        began = time.monotonic()
        ip('-n', ben.space, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth2')
        ip('-n', ben.space, 'address', 'add', '10.7.0.1/24', 'dev', 'eth1')
        for device in ('eth1', 'eth2'):  # another network: this home looks at its links
            ip('-n', ben.space, 'link', 'set', device, 'up')
        self.wait(lambda: not ben.linked(), 'Ben to notice', ASKED_AND_NOTHING)
        print(f'# noticed after {time.monotonic() - began:.1f} s')
        equal(ben.cli('post', 'noise', 'Nobody hears it', '--json').code, street.UNSENT, 'the exit code of a post')
        if self.full:
            self.wait(lambda: not any(row['household'] == ben.name for row in self.anna.linked()), 'Anna to notice', SILENT)
        self.hub.cut = set()
        self.wait(ben.linked, 'Ben to be back', PATIENCE)

    def case_urgent(self):
        """during a catch-up over a narrow uplink an urgent alert comes first"""
        for home in self.homes:
            if home not in (self.anna, self.cleo):
                home.stop()
        self.wait(lambda: [row['household'] for row in self.anna.linked()] == [self.cleo.name],
                  'Anna to be linked with Cleo and nobody else', PATIENCE)
        posted = self.posted = [self.anna.post('other', 'x' * 480)['id'] for _ in range(BULK)]  # Cleo takes them, so that none waits
        self.cleo.stop()
        subprocess.run(['tc', '-n', self.anna.space, 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', 'rate', f'{UPLINK}kbit',
                        'burst', '3000', 'limit', '300000'], check=True)
        self.ben.start()
        self.wait(lambda: len(self.arrived(posted)) >= BEGUN, 'the catch-up to begin', PATIENCE)
        watch = self.ben.watch()
        began = time.monotonic()
        urgent = self.anna.one('post', 'fire', 'In the cellar', '--urgency', 'Immediate', '--severity', 'Severe',
                               code=None)['id']
        watch.until(lambda event: event['alert']['id'] == urgent, PATIENCE)
        took, have = time.monotonic() - began, self.arrived(posted)
        watch.close()
        print(f'# the urgent alert took {took:.2f} s; of {BULK} others {len(have)} had arrived')
        check(len(have) < BULK, 'the catch-up was over before')
        check(took < AT_ONCE, f'it took {took:.2f} s')
        self.wait(lambda: len(self.arrived(posted)) == BULK, 'the rest', PATIENCE)
        print(f'# the rest took {time.monotonic() - began:.1f} s')

    def arrived(self, posted):
        return set(posted) & set(self.ben.alerts())


if __name__ == '__main__':
    street.main(Line)
