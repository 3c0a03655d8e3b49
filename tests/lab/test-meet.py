#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole homes behind routers that let nobody in, and one doorstep that all can call: two of them meet with its help. Alerts and a clip
go between them, and whatever ends the way is mended. The laboratory is that of support/laboratory.py.
"""
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import laboratory  # noqa: E402
import memory  # noqa: E402
import street  # noqa: E402
from halfway import CLIP, CLIP_FULL, MEGABYTE, PATIENCE, Halfway  # noqa: E402
from memory import sanitized  # noqa: E402
from street import check, equal  # noqa: E402

PORT = 7345
UPLINK = 20000             # kbit/s: a clip takes three seconds, so that something can happen in the middle of it
MEMORY = 20 * 1024 * 1024  # bytes that porchlight-ice may have resident
TEXT = 'In the cellar of number 7, which no helper may read'


class Meet(Halfway, laboratory.Lab):
    def open(self):
        self.lay()
        self.size = CLIP_FULL if self.full else CLIP
        self.door = self.living('Door', self.doorstep, laboratory.DOORSTEP, '--advertise', f'{laboratory.DOORSTEP}:{PORT}')
        self.door.create('Elm Street')
        self.anna, self.ben = self.behind('port', 0, 'Anna'), self.behind('port', 1, 'Ben')
        for home in (self.anna, self.ben):
            home.join(self.door.invite())

    def living(self, name, space, address, *more):
        home = self.home_of(name, f'{address}:{PORT}', space)
        home.space = space
        return home.start('--no-mapping', '--clips-uplink', str(UPLINK), *more)

    def home_of(self, name, listen, space):
        return street.Play.home(self, name, listen=listen, prefix=space.within())

    def behind(self, kind, side, name):
        return self.living(name, laboratory.Lab.home(self, kind, side), '0.0.0.0')

    # -- looking --

    def met(self, home, other):
        """The link of @home to @other through routers; None: there is none."""
        return next((row for row in home.linked() if row['household'] == other.name and row['way'] == 'routers'), None)

    def wait_met(self, home, other, seconds=PATIENCE):
        return self.wait(lambda: self.met(home, other), f'{home.name} to have met {other.name}', seconds)

    @staticmethod
    def ice_of(home):
        """Its porchlight-ice: the process's number, or None."""
        return next((pid for pid, name in street.processes_below(home.process.pid) if name == 'porchlight-ice'), None)

    def memory(self, home):
        rows = dict(line.split(':', 1) for line in street.told(f'/proc/{self.ice_of(home)}/status').splitlines() if ':' in line)
        return int(rows['VmRSS'].split()[0]) * 1024

    # -- cases --

    def case_meet(self):
        """two homes behind port-restricted routers have a link through them, and both say so; its helper is small"""
        for home, other in ((self.anna, self.ben), (self.ben, self.anna)):
            link = self.wait_met(home, other)
            check({link['here'], link['there']} <= {'host', 'srflx', 'prflx'}, f'no way that is direct: {link}')
            memory = self.memory(home)
            print(f'# porchlight-ice of {home.name} has {memory / MEGABYTE:.1f} MB')
            check(memory < MEMORY or sanitized(self.ice_of(home)), f'porchlight-ice of {home.name} has {memory} bytes')
            equal(home.state()['meets'], True, 'whether homes behind routers can be met')
        equal(self.door.state()['stun'], PORT, 'where the doorstep answers STUN')

    def case_alerts(self):
        """alerts go that way while the doorstep is off, and porchlight-ice has nothing of them in memory that it could read"""
        self.wait_met(self.anna, self.ben)
        self.door.stop()
        try:
            for here, there in ((self.anna, self.ben), (self.ben, self.anna)):
                posted = here.post('fire', TEXT, '--urgency', 'Immediate')
                self.wait_all_have([there], posted['id'])
            for home in (self.anna, self.ben):
                check(memory.holds(home.process.pid, TEXT.encode()), 'this test finds nothing anywhere')
                check(not memory.holds(self.ice_of(home), TEXT.encode()), f'porchlight-ice of {home.name} has an alert in clear')
        finally:
            self.door.start('--no-mapping', '--advertise', f'{laboratory.DOORSTEP}:{PORT}')
        self.wait(lambda: len(self.anna.linked()) == 2 and len(self.ben.linked()) == 2, 'the doorstep to be back', PATIENCE)

    def case_clip(self):
        """a clip arrives that way; where porchlight-ice is killed in the middle of it, the rest comes and hardly anything twice"""
        self.wait_met(self.anna, self.ben)
        self.whole = self.fetched()
        passed = self.sent(self.door)
        self.hardly_more('helper killed', lambda: os.kill(self.ice_of(self.anna), signal.SIGKILL))
        equal(self.anna.state()['helper_deaths'], 1, 'how often its helper has ended')
        print(f'# the doorstep has sent {(self.sent(self.door) - passed) / self.size:.3f} bytes for each')

    def case_moved(self):
        """and where a home gets another address in the middle of it, by its router"""
        self.long()
        space = self.ben.space
        self.hardly_more('own address', lambda: self.anew(space, 'eth0', '192.168.2.77', via='192.168.2.1'))

    def case_renumbered(self):
        """or its router does, by the provider"""
        self.long()
        router = self.router_of[self.ben.space]
        self.hardly_more('address outside', lambda: self.anew(router, 'wan', '203.0.113.177'))


if __name__ == '__main__':
    street.main(Meet)
