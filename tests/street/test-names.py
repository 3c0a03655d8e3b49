#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Host names are looked up by porchlight-names: what it finds is knocked at; where it finds nothing, dies, or speaks nonsense, whoever
asked is told so and the daemon goes on."""
import os
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from fake_daemon import frame  # noqa: E402
from street import NOT_FOUND, Skip, check, equal  # noqa: E402

FOUND = 2  # proto/names.def
NAMES = 'porchlight-names'
NOWHERE = 'nowhere.invalid:7345'


class Names(street.Play):
    def open(self):
        self.libexec = self.env['PORCHLIGHT_LIBEXEC']
        self.one = self.home('One').start()

    def helpers(self):
        return [pid for pid, name in street.processes_below(self.one.process.pid) if name == NAMES[:15]]

    def with_helper(self, says):
        """The home, started anew beside a porchlight-names that says these bytes, and ends."""
        folder = os.path.join(self.folder, 'libexec')
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        os.symlink(os.path.join(self.libexec, 'porchlight-vault'), os.path.join(folder, 'porchlight-vault'))
        if says is not None:
            with open(os.path.join(folder, 'said'), 'wb') as file:
                file.write(says)
            with open(os.path.join(folder, NAMES), 'w', encoding='ascii') as file:
                file.write(f'#!/bin/sh\nhead -c 5 <&3 >/dev/null\ncat {folder}/said >&3\n')
                os.fchmod(file.fileno(), stat.S_IRWXU)
        self.one.stop()
        self.env['PORCHLIGHT_LIBEXEC'] = folder
        self.one.start()

    def tried(self, address):
        return any(row['address'] == address for row in self.one.json('peers'))

    # -- cases --

    def case_found(self):
        """a name is looked up, and what is found is knocked at; the helper is there for that alone"""
        equal(self.helpers(), [], 'helpers before any name')
        self.one.create('Elm Street')
        equal(self.one.one('peer', 'add', 'localhost:7')['added'], True, 'what came of it')
        self.wait(lambda: self.tried('127.0.0.1:7') or self.tried('[::1]:7'), 'the address to be dialled')
        equal(len(self.helpers()), 1, 'helpers')

    def case_dead(self):
        """a helper that was killed is replaced with the next name"""
        (helper,) = self.helpers()
        os.kill(helper, 9)
        self.wait(lambda: helper not in self.helpers(), 'the helper to be gone')
        equal(self.one.one('peer', 'add', 'localhost:8')['added'], True, 'what came of it')
        check(self.helpers() not in ([], [helper]), 'no new helper')

    def case_nowhere(self):
        """a name without an address: no-address"""
        if os.geteuid() != 0:
            raise Skip('needs root: a network in which nobody answers')
        self.one.stop()
        self.one.prefix = ['unshare', '-n', 'sh', '-c', 'ip link set lo up 2>/dev/null; exec "$0" "$@"']
        self.one.start()
        self.one.refused('no-address', NOT_FOUND, 'peer', 'add', NOWHERE)
        self.one.stop()
        self.one.prefix = []
        self.one.start()

    def case_hostile(self):
        """a helper that is taken over, or not there: no-address, and the daemon goes on"""
        nonsense = (b'\xff' * 64, frame(FOUND, {1: 0}), frame(FOUND, {1: 1, 2: [{4: 7}]}), frame(9, {}), frame(FOUND, {1: 1, 3: 'x' * 200}),
                    frame(FOUND, {1: 999}), frame(FOUND, {1: 1, 3: '\x1b[2J'}), frame(FOUND, {1: 1, 2: []}), b'')
        pid = None
        for says in (*nonsense, None):
            self.with_helper(says)
            pid = self.one.process.pid
            self.one.refused('no-address', NOT_FOUND, 'peer', 'add', NOWHERE)
            equal(self.one.process.pid, pid, 'the daemon')
        with open(self.one.log, encoding='utf-8', errors='replace') as log:
            check('\x1b' not in log.read(), 'what a helper said reached the log as it was')

    def case_stays(self):
        """a helper that does not end with its stream is ended when the daemon is gone, however it went"""
        self.with_helper(b'')
        with open(os.path.join(self.env['PORCHLIGHT_LIBEXEC'], NAMES), 'w', encoding='ascii') as file:
            file.write('#!/bin/sh\nexec sleep 600\n')
        asking = subprocess.Popen([self.programs.cli, '--data', self.one.folder, 'peer', 'add', NOWHERE],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sleeping = lambda: [pid for pid, name in street.processes_below(self.one.process.pid) if name == 'sleep']
        self.wait(sleeping, 'the helper to be started')
        (helper,) = sleeping()
        self.one.kill9()
        asking.wait()
        self.wait(lambda: not street.runs(helper), 'the helper to be gone')
        self.one.start()

    def case_daemon(self):
        """the daemon itself cannot ask the system's resolver: it does not even know its name"""
        nm = shutil.which('nm')
        if not nm:
            raise Skip('needs nm')
        symbols = subprocess.run([nm, '-u', self.programs.daemon], check=True, stdout=subprocess.PIPE, text=True).stdout
        check('uv_' in symbols, 'nm shows nothing')
        equal([line for line in symbols.split() if 'addrinfo' in line or 'gethostby' in line], [], 'what it could call')


if __name__ == '__main__':
    street.main(Names)
