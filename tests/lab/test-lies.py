#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home whose porchlight-ice is somebody else's program. What it can have other homes send to a place that it names, to whom it is
of no use; and what its own daemon, and the neighbours of that, make of all it does. The laboratory is that of test-meet.py.
"""
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(HERE, '..', 'support')
sys.path.insert(0, SUPPORT)
import laboratory  # noqa: E402
import spaces  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SPEC = importlib.util.spec_from_file_location('meet', os.path.join(HERE, 'test-meet.py'))
meet = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(meet)

VICTIM = '203.0.113.99'
NOWHERE = ('127.0.0.1', '0.0.0.0', '0.1.2.3', '224.0.0.251', '240.0.0.1', '255.255.255.255', '::1', '::', 'ff02::1', 'fe80::1',
           f'::ffff:{VICTIM}', f'::{VICTIM}')
MANY = 16               # addresses that are told: false_ice.py
MOST = MANY * 8         # datagrams that one meeting sends to wherever the other side says: addresses, and tries of each
OVER = re.compile(r'porchlight-ice: meeting \w+: ')
AT_ONCE = 2.0           # seconds
MEETING = ('up early', 'arrived', 'dies in a meeting')
COUNT = '''
table inet count {
  counter came { }
  counter dressed { }
  counter nowhere { }
  chain in { type filter hook input priority 0; udp dport 2000-2011 jump early; udp dport 2000-2015 counter name came drop; }
  chain early { counter name dressed; }
  chain out { type filter hook output priority 0; udp dport 2000-2015 jump gone; }
  chain gone { ip daddr { 127.0.0.0/8, 0.0.0.0/8, 224.0.0.0/3 } counter name nowhere; ip6 daddr ::/0 counter name nowhere; }
}
'''


class Lies(meet.Meet):
    def open(self):
        self.lay()
        self.env['PORCHLIGHT_LOG'] = 'debug'  # says how a meeting ended
        self.victim = spaces.Space()
        self.net.plug(self.victim, VICTIM)
        self.door = self.living('Door', self.doorstep, laboratory.DOORSTEP, '--advertise', f'{laboratory.DOORSTEP}:{meet.PORT}')
        self.door.create('Elm Street')
        self.door.cli('config', 'set', 'relay.quota', '0', code=0)  # else a search ends after 2 s
        self.anna = self.behind('port', 0, 'Anna')
        self.anna.join(self.door.invite())
        for space in (self.victim, self.anna.space):
            space.inside('nft', '-f', '-', stdin=COUNT)
        self.false = self.programs_of('false')
        self.mallory = self.home_of('Mallory', f'0.0.0.0:{meet.PORT}', laboratory.Lab.home(self, 'port', 1))
        self.start('hangs')
        self.mallory.join(self.door.invite())

    def programs_of(self, name):
        """A folder with our programs, and with another one in the place of porchlight-ice."""
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        for program in ('porchlight-vault', 'porchlight-names', 'porchlight-ingest'):
            os.symlink(os.path.join(self.programs.build, program), os.path.join(folder, program))
        self.does = os.path.join(folder, 'does')
        words = shlex.join((sys.executable, os.path.join(SUPPORT, 'false_ice.py'), self.does))
        with open(os.path.join(folder, 'porchlight-ice'), 'w', encoding='utf-8', opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
            file.write(f'#!/bin/sh\nexec {words}\n')
        return folder

    def start(self, *what, opens=False):
        """Mallory's home, whose porchlight-ice does that. @opens: it answers STUN, so that there is one from the beginning."""
        if self.mallory.up():
            self.mallory.stop()
        with open(self.does, 'w', encoding='utf-8') as file:
            file.write('\n'.join(what))
        own, self.env['PORCHLIGHT_LIBEXEC'] = self.env['PORCHLIGHT_LIBEXEC'], self.false
        self.mallory.start('--no-mapping', *(('--advertise', f'203.0.113.98:{meet.PORT}') if opens else ()))
        self.env['PORCHLIGHT_LIBEXEC'] = own

    @staticmethod
    def counted(space, name):
        told = subprocess.run([*space.within(), 'nft', '-j', 'list', 'counters'], stdout=subprocess.PIPE, check=True, text=True)
        return next((row['counter']['packets'], row['counter']['bytes']) for row in json.loads(told.stdout)['nftables']
                    if row.get('counter', {}).get('name') == name)

    def over(self):
        """How many meetings Anna's porchlight-ice has ended."""
        return len(OVER.findall(street.told(self.anna.log)))

    def led_astray(self, *addresses):
        """What has come to the victim, when the first of one meeting has."""
        before = self.counted(self.victim, 'came')
        self.start('addresses', *addresses)
        self.wait(lambda: self.counted(self.victim, 'came') != before, 'Anna to be led astray', meet.PATIENCE)
        return before

    # -- cases --

    def case_victim(self):
        """16 addresses of somebody else: how often a home that is told them knocks there"""
        before = self.led_astray(VICTIM)
        began, meetings = time.monotonic(), self.over()
        self.wait(lambda: self.over() > meetings, 'that meeting to end', meet.PATIENCE)
        came, size = (b - a for a, b in zip(before, self.counted(self.victim, 'came')))
        print(f'# one meeting sends {came} datagrams, {size} bytes, to a place that the other side names, within {time.monotonic() - began:.1f} s',
              flush=True)
        check(MANY <= came <= MOST, f'{came} datagrams')
        self.alive()

    def case_nowhere(self):
        """addresses of no other machine are not tried, in whatever clothes"""
        dressed = self.counted(self.victim, 'dressed')
        self.led_astray(*NOWHERE, *[VICTIM] * (MANY - len(NOWHERE)))  # they are tried in their order
        equal(self.counted(self.victim, 'dressed'), dressed, 'datagrams to the victim by another form of its address')
        equal(self.counted(self.anna.space, 'nowhere')[0], 0, 'datagrams to nowhere')
        self.alive()

    def alive(self):
        """Both daemons answer, and alerts go from each to each."""
        for here, there in ((self.mallory, self.anna), (self.anna, self.mallory)):
            began = time.monotonic()
            posted = here.post('fire', 'In the cellar', '--urgency', 'Immediate')
            self.wait_all_have([there], posted['id'])
            took = time.monotonic() - began
            check(took < AT_ONCE, f'an alert took {took:.1f} s')

    def linked_again(self):
        self.wait(lambda: any(row['household'] == 'Door' for row in self.mallory.linked()), 'Mallory to be linked', meet.PATIENCE)

    def case_beginning(self):
        """words of meetings that are not there its daemon passes over, and kills one that has no end of them"""
        self.start('strange numbers', opens=True)
        self.linked_again()
        self.alive()
        self.start('endless', opens=True)
        self.linked_again()
        self.had_enough('endless')

    def case_meeting(self):
        """lies about a meeting, and death in one"""
        for what in MEETING:
            self.start(what)
            self.linked_again()
            self.had_enough(what)
        equal(self.deaths(self.anna), 0, 'deaths of Anna\'s porchlight-ice')

    @staticmethod
    def deaths(home):
        return home.state().get('helper_deaths', 0)

    def had_enough(self, what):
        self.wait(lambda: self.deaths(self.mallory), f'the daemon to have had enough of "{what}"', meet.PATIENCE)
        self.alive()


if __name__ == '__main__':
    street.main(Lies)
