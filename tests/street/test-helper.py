#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon and a porchlight-ice that is missing, dies, speaks nonsense or says nothing at all: that ends nothing but what needs it, the home
says so, and with a good one it goes on by itself."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

NAME = 'porchlight-ice'
DIES = '#!/bin/sh\nexit 3\n'
NONSENSE = "#!/bin/sh\nprintf 'these are no rows of it' >&3\nexec sleep 600\n"
SILENT = '#!/bin/sh\nexec sleep 600\n'


class Helper(street.Play):
    def open(self):
        self.real = os.path.join(self.programs.build, NAME)
        if not os.path.exists(self.real):
            raise Skip('THIS BUILD HAS NO porchlight-ice: daemons are not tried with bad ones')
        self.place = os.path.join(self.folder, 'programs')  # a daemon looks beside itself, too
        os.mkdir(self.place)
        shutil.copy(self.programs.daemon, self.place)
        for name in ('porchlight-vault', 'porchlight-ingest'):
            os.symlink(os.path.join(self.programs.build, name), os.path.join(self.place, name))
        self.programs.daemon = os.path.join(self.place, 'porchlightd')
        self.env['PORCHLIGHT_LIBEXEC'] = self.place

    def put(self, text):
        """That program is the helper from now on; None: the real one."""
        fresh, there = os.path.join(self.folder, 'fresh'), os.path.join(self.place, NAME)
        if text is None:
            os.symlink(self.real, fresh)
        else:
            with open(fresh, 'w', encoding='ascii') as file:
                file.write(text)
            os.chmod(fresh, 0o755)
        os.replace(fresh, there)

    def doorstep(self):
        """A home that is to answer STUN, and so needs the helper from its beginning."""
        home = self.home(listen=f'{self.loopback}:{self.rng.randrange(21000, 30000)}')  # its UDP port is that of all addresses
        return home.start('--advertise', home.listen)

    def lives_on(self, home):
        check(home.answers(), f'{home.name} does not answer')
        home.post('fire', 'In the cellar')

    def helpers(self, home):
        return [pid for pid, name in street.processes_below(home.process.pid) if name in (NAME, 'sleep')]

    # -- cases --

    def case_missing(self):
        """without it a home says so and does all else; where it is installed later, it is found when the settings are read again"""
        home = self.doorstep()
        home.create('Elm Street')
        equal(home.state()['meets'], False, 'whether homes behind routers can be met')
        check('porchlight-ice is missing' in home.cli('status', code=0).out, 'status does not say that it is missing')
        self.lives_on(home)
        self.put(None)
        home.process.send_signal(street.signal.SIGHUP)
        self.wait(lambda: home.state().get('stun') == home.port(), 'STUN to be answered')
        home.stop()
        equal(self.helpers(home), [], 'what is left running')

    def case_dies(self):
        """one that dies at once is started again, later each time; a good one in its place is taken"""
        self.put(DIES)
        home = self.doorstep()
        home.create('Oak Street')
        self.wait(lambda: home.state().get('helper_deaths', 0) >= 2, 'it to die twice')
        self.lives_on(home)
        self.put(None)
        self.wait(lambda: home.state().get('stun') == home.port(), 'STUN to be answered')
        home.stop()

    def case_nonsense(self):
        """one that speaks nonsense is killed"""
        self.put(NONSENSE)
        home = self.doorstep()
        home.create('Ash Street')
        self.wait(lambda: home.state().get('helper_deaths', 0) >= 1, 'it to be killed')
        self.wait(lambda: not self.helpers(home) or home.state()['helper_deaths'] > 1, 'it to be gone')
        self.lives_on(home)
        home.stop()

    def case_silent(self):
        """one that says nothing holds nothing up, the daemon's end neither"""
        self.put(SILENT)
        home = self.doorstep()
        home.create('Elder Street')
        self.wait(lambda: self.helpers(home), 'it to run')
        there = self.helpers(home)
        self.lives_on(home)
        check('stun' not in home.state(), 'STUN is answered by nobody')
        home.stop()
        self.wait(lambda: not any(street.runs(pid) for pid in there), 'it to be gone')

    def case_not_needed(self):
        """a home that is no doorstep and meets nobody runs none"""
        self.put(None)
        home = self.home().start()
        home.create('Beech Street')
        equal(home.state()['meets'], True, 'whether homes behind routers can be met')
        equal(self.helpers(home), [], 'what runs')
        home.stop()


if __name__ == '__main__':
    street.main(Helper)
