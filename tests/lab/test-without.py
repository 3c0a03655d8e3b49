#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Homes that have neither porchlight-ice nor porchlight-router, as of a build without them, behind routers that let nobody in; the one
that all can call has none either. What they say of it, and how they get on with each other and with a home that has both.
"""
import os
import re
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import laboratory  # noqa: E402
import street  # noqa: E402
from halfway import CLIP, MEGABYTE, PATIENCE, Halfway  # noqa: E402
from street import check, equal  # noqa: E402

PORT = 7345
SOON = 6  # seconds until those who have joined are linked: they are within one, and where an offer is lost it is said again after 2
NEEDED = ('porchlight-vault', 'porchlight-names', 'porchlight-ingest')


class Without(Halfway, laboratory.Lab):
    size = CLIP // 4
    needs_ice = False  # of a build without it, Cleo has no more than the others

    def open(self):
        self.lay()
        self.few = os.path.join(self.folder, 'few')
        os.mkdir(self.few)
        for program in NEEDED:
            os.symlink(os.path.join(self.programs.build, program), os.path.join(self.few, program))
        self.all, self.bare = self.programs.daemon, shutil.copy(self.programs.daemon, self.few)
        self.door = self.living('Door', self.doorstep, laboratory.DOORSTEP, '--advertise', f'{laboratory.DOORSTEP}:{PORT}')
        self.door.create('Elm Street')
        self.anna, self.ben = (self.living(name, laboratory.Lab.home(self, 'port', side), '0.0.0.0') for side, name in enumerate(('Anna', 'Ben')))
        self.cleo = self.living('Cleo', laboratory.Lab.home(self, 'address', 0), '0.0.0.0', bare=False)
        for home in (self.anna, self.ben, self.cleo):
            home.join(self.door.invite())

    def living(self, name, space, address, *more, bare=True):
        home = street.Play.home(self, name, listen=f'{address}:{PORT}', prefix=space.within())
        libexec = self.env['PORCHLIGHT_LIBEXEC']
        if bare:
            self.programs.daemon, self.env['PORCHLIGHT_LIBEXEC'] = self.bare, self.few
        home.start(*more)
        self.programs.daemon, self.env['PORCHLIGHT_LIBEXEC'] = self.all, libexec
        return home

    @staticmethod
    def way(home, other):
        return next((row['way'] for row in home.linked() if row['household'] == other.name), None)

    def wait_way(self, home, other):
        return self.wait(lambda: self.way(home, other), f'{home.name} to be linked to {other.name}', PATIENCE)

    # -- cases --

    def case_words(self):
        """they say what is not there, what follows from it, and what to do"""
        for home, reached in ((self.anna, False), (self.door, True)):
            state = home.state()
            equal(state['meets'], False, f'whether {home.name} meets others')
            check('stun' not in state, f'{home.name} answers STUN: {state}')
            self.says(home, 'status', 'porchlight-ice is missing', 'by way of other homes')
            self.says(home, 'doctor', 'porchlight-ice is missing', 'Install it')
            if not reached:
                self.says(home, 'status', 'homes outside this Wi-Fi cannot reach you', f'forward TCP port {PORT} to this machine',
                          'porchlight-router, which could ask it to, is missing')
                self.says(home, 'invite', 'homes outside this Wi-Fi cannot reach you')
        equal(self.cleo.state()['meets'], os.path.exists(self.program), 'whether Cleo meets others')

    @staticmethod
    def says(home, command, *wanted):
        done = home.cli(command)
        said = re.sub(r'\s+', ' ', done.out + done.err)
        for words in wanted:
            check(words in said, f'`{command}` of {home.name} does not say "{words}": {said}')

    def case_linked(self):
        """two that cannot call each other have a link by way of the doorstep, and so has one that has all helpers with each of them"""
        began = time.monotonic()
        for home, other in ((self.anna, self.ben), (self.ben, self.anna), (self.anna, self.cleo), (self.cleo, self.ben)):
            equal(self.wait_way(home, other), 'relay', f'the way from {home.name} to {other.name}')
            took = time.monotonic() - began
            print(f'# {home.name} to {other.name}: {took:.1f} s', flush=True)
            check(took < SOON, f'{home.name} and {other.name} were linked only after {took:.1f} s')

    def case_alerts(self):
        """alerts spread"""
        for here, there in ((self.anna, self.ben), (self.ben, self.cleo), (self.cleo, self.anna)):
            posted = here.post('fire', 'In the cellar', '--urgency', 'Immediate')
            self.wait_all_have([there, self.door], posted['id'])

    def case_clip(self):
        """and a clip arrives"""
        sent = self.fetched()
        print(f'# {sent / MEGABYTE:.1f} MB went for it')


if __name__ == '__main__':
    street.main(Without)
