#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole homes that have no way to each other at all, and two that all can call: these pass bytes on. Behind routers that give every
destination another port, behind one that drops UDP, and behind one that lets nothing out but TCP to port 443. What goes by is
captured where it is passed on. The laboratory is that of support/laboratory.py.

With --full the clip has 50 MB, and in the middle of it who passes it on is killed.
"""
import itertools
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import capture  # noqa: E402
import laboratory  # noqa: E402
import street  # noqa: E402
from halfway import CLIP, CLIP_FULL, MEGABYTE, PATIENCE, Halfway  # noqa: E402
from spaces import Space  # noqa: E402
from street import check  # noqa: E402

HTTPS = 443
GATE = '203.0.113.2'
SECONDS, SECONDS_FULL = 3, 6  # a clip takes on the line that it is given, where something is to happen in the middle of it
CHUNK = 65536
WANTED = 16 * CHUNK * 106 // 100  # bytes that are asked for at once (src/haul/limits.h, WINDOW_MOST) and may all be on their way; with their frames
CANARY = 'Smoke at number {}, which nobody between us may read'
PIECE, STEP = 16, 1 << 18  # bytes of a clip that are looked for, one place in so many
RULES = {'udp': 'meta l4proto udp drop', 'https': 'meta l4proto != tcp drop; tcp dport != 443 drop'}
ONLY = """
table ip only {
  chain fate { %s; }
  chain out { type filter hook forward priority 10; iifname "lan" oifname "wan" jump fate; }
}
"""


class Relayed(Halfway, laboratory.Lab):
    under_way = WANTED

    def open(self):
        self.lay()
        self.size = CLIP_FULL if self.full else CLIP
        gate = Space()
        self.net.plug(gate, GATE)
        self.door, self.gate = self.called('Door', self.doorstep, laboratory.DOORSTEP), self.called('Gate', gate, GATE)
        self.door.create('Elm Street')
        self.gate.join(self.door.invite())
        self.files = []
        for home in (self.door, self.gate):
            self.listen_in(home)
        self.anna = self.living('Anna', laboratory.Lab.home(self, 'symmetric', 0))
        self.ben = self.living('Ben', laboratory.Lab.home(self, 'symmetric', 1))
        self.cleo, self.dora = (self.living(name, self.behind(only)) for name, only in (('Cleo', 'udp'), ('Dora', 'https')))
        self.apart = (self.anna, self.ben, self.cleo, self.dora)
        for home in self.apart:
            home.join(self.door.invite())

    def called(self, name, space, address):
        space.ip('address', 'del', f'{address}/24', 'dev', 'wan')  # alone on its line: who calls it is from outside
        space.port('wan', f'{address}/32')
        space.ip('route', 'add', f'{address.rpartition(".")[0]}.0/24', 'dev', 'wan')
        home = street.Play.home(self, name, listen=f'{address}:{HTTPS}', prefix=space.within())
        home.space, home.more = space, ('--no-mapping', '--advertise', f'{address}:{HTTPS}')
        return home.start(*home.more)

    def living(self, name, space):
        home = street.Play.home(self, name, listen='0.0.0.0:7345', prefix=space.within())
        home.space = space
        return home.start('--no-mapping')

    def behind(self, only):
        """Behind a router that drops most of what goes out."""
        space = Space()
        router, here, there = self.router('port')
        space.cable('eth0', router, 'lan')
        router.port('lan', f'{there}/24')
        space.port('eth0', f'{here}/24', via=there)
        router.inside('nft', '-f', '-', stdin=ONLY % RULES[only])
        return space

    def listen_in(self, home):
        file = os.path.join(self.folder, f'{home.name}.pcap')
        process = subprocess.Popen([*home.space.within(), 'tcpdump', '-i', 'wan', '-s', '0', '-U', '-w', file, 'tcp'],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=street.die_with_parent)
        self.processes.append(process)
        check('listening on' in process.stderr.readline(), 'tcpdump does not start')
        self.files.append((file, process))

    # -- looking --

    @staticmethod
    def by(home, other, footage=False):
        """Who passes bytes on between these two; None: nobody does."""
        rows = home.json('peers')
        return next((row.get('by') for row in rows if row['up'] and row['household'] == other.name and row['way'] == 'relay' and
                     row.get('footage', False) == footage), None)

    def direct(self, home, other):
        return [row for row in home.json('peers') if row['up'] and row['household'] == other.name and row['way'] != 'relay']

    def begun(self):
        self.passing = self.wait(lambda: self.by(self.anna, self.ben, footage=True), 'somebody who passes the clip on', PATIENCE)

    # -- cases --

    def case_together(self):
        """whatever their routers drop, each has a link to each by way of a member's home; and no other"""
        began = time.monotonic()
        pairs = list(itertools.combinations(self.apart, 2))
        for a, b in pairs:
            self.wait(lambda a=a, b=b: self.by(a, b) and self.by(b, a), f'{a.name} and {b.name} to be linked', PATIENCE)
            print(f'# {a.name} and {b.name} by way of {self.by(a, b)}, {time.monotonic() - began:.1f} s', flush=True)
            check(not self.direct(a, b), f'{a.name} and {b.name} have a way')


    def case_alerts(self):
        """alerts spread both ways"""
        for number, (here, there) in enumerate(itertools.permutations((self.anna, self.dora), 2)):
            posted = here.post('fire', CANARY.format(number), '--urgency', 'Immediate')
            self.wait_all_have([there], posted['id'])

    def case_clip(self):
        """a clip arrives that way, as slowly as those that are disturbed: in the same frames"""
        rate = self.size * 8 // 1000 // (SECONDS_FULL if self.full else SECONDS)
        self.anna.cli('config', 'set', 'clips.uplink', str(rate), code=0)
        self.whole = self.fetched()

    def case_moved(self):
        """where who fetches it gets another address in the middle of it, by its router, hardly anything goes twice"""
        self.hardly_more('own address', lambda: self.anew(self.ben.space, 'eth0', '192.168.2.77', via='192.168.2.1'))

    def case_moved_owner(self):
        """and where its owner does"""
        self.long()
        self.hardly_more('address of its owner', lambda: self.anew(self.anna.space, 'eth0', '192.168.1.77', via='192.168.1.1'))

    def case_helper(self):
        """and where a porchlight-ice is killed"""
        self.long()
        self.hardly_more('helpers killed', self.kill_helpers)

    def kill_helpers(self):
        for home in (self.anna, self.ben):
            helper = next((pid for pid, name in street.processes_below(home.process.pid) if name == 'porchlight-ice'), None)
            if helper:
                os.kill(helper, signal.SIGKILL)

    def case_ended(self):
        """and where who passes it on is killed"""
        self.long()
        self.hardly_more('relay killed', lambda: next(home for home in (self.door, self.gate) if home.name == self.passing).kill9())

    def case_nothing(self):
        """nothing of the clips nor of the alerts stands in what was captured where it was passed on"""
        seen = b''
        for file, process in self.files:
            process.terminate()
            process.wait(street.PATIENCE)
            seen += b''.join(stream.bytes() for stream in capture.streams(file).values())
        check(len(seen) > 2 * self.size, f'only {len(seen)} bytes were captured')
        with open(os.path.join(self.folder, 'clip.bin'), 'rb') as given:
            clip = given.read()
        wanted = {clip[at:at + PIECE] for at in range(0, len(clip) - PIECE, STEP)} | {CANARY[:PIECE].encode()}
        found = [what for what in wanted if what in seen]
        check(not found, f'{len(found)} pieces of {len(wanted)} stand in what was captured')


if __name__ == '__main__':
    street.main(Relayed)
