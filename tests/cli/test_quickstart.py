#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contrib/quickstart, on programs that are built already: a street of three real homes is shown, and nothing stays."""
import glob
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

QUICKSTART = os.path.join(street.ROOT, 'contrib', 'quickstart')
LONGEST = 60.0  # seconds it promises, once everything is built


def daemons(folder):
    """Ids of the daemons whose data is in that folder, and of their porters."""
    found = []
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            with open(path, encoding='utf-8', errors='replace') as file:
                words = file.read().split('\0')
        except OSError:
            continue
        if any(word.startswith(folder + '/') for word in words) and words[0].endswith('porchlightd'):
            found.append(int(path.split('/')[2]))
    return found


class Quickstart(street.Play):
    def open(self):
        self.env['PORCHLIGHT_BUILD'] = os.path.abspath(self.programs.build)
        self.env['TMPDIR'] = self.folder
        del self.env['PORCHLIGHT_LIBEXEC']  # it finds by itself where the vault is

    def run(self, *words):
        began = time.monotonic()
        done = subprocess.run([QUICKSTART, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.env, text=True, timeout=200, check=False)
        if 'building needs some packages' in done.stderr:
            raise Skip('building needs packages that are not here')
        self.took = time.monotonic() - began
        self.left = glob.glob(os.path.join(self.folder, 'street.*'))
        check(done.returncode == 0, f'exit code {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}')
        return done.stdout

    def case_evening(self):
        """three homes are founded and joined by invite; an alert of one is found by nearby in another; then they are gone"""
        out = self.run()
        print(f'# {self.took:.1f} s')
        for words in ('anna $ porchlight mesh create', 'anna $ porchlight invite', 'PORCHLIGHT1', 'ben $ porchlight join',
                      'ben $ porchlight post smoke', 'posted, handed to', 'cleo $ porchlight nearby', 'resolved, handed to',
                      'sudo meson install -C', 'systemctl --user enable --now'):
            check(words in out, f'nothing of "{words}" is shown')
        posted = re.search(r'^id ([0-9a-f]{8})', out, re.MULTILINE).group(1)
        cleo = out[out.index('cleo $ porchlight nearby'):]
        check('Behind the garages, source not seen' in cleo and f'id {posted}' in cleo, 'Cleo does not find the alert')
        equal([line for line in out.splitlines() if len(line) > street.COLUMNS and '/' not in line], [], 'lines that are too wide')
        equal(self.left, [], 'folders that are left')

    def case_in_time(self):
        """it takes less than a minute"""
        check(self.took < LONGEST, f'it took {self.took:.0f} s')

    def case_keep(self):
        """with --keep the homes go on, and the command it prints ends them"""
        out = self.run('--keep')
        kill, folder = re.search(r'^ {4}(kill [0-9 ]+); rm -r (\S+)$', out, re.MULTILINE).groups()
        pids = [int(word) for word in kill.split()[1:]]
        try:
            check(len(pids) == 3 and set(pids) <= set(daemons(folder)), f'{pids} to end, and {daemons(folder)} run on')
            look = re.search(r'^ {4}(\S+ --data \S+ nearby)$', out, re.MULTILINE).group(1).split()
            shown = subprocess.run(look, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.env, text=True, check=True)
            check('Behind the garages' in shown.stdout, f'nearby says {shown.stdout!r}')
        finally:
            subprocess.run(['sh', '-c', kill], check=True)
        self.wait(lambda: not daemons(folder), 'the daemons to end')
        subprocess.run(['rm', '-r', folder], check=True)

    def case_words(self):
        """--help tells what it does, and a word it does not know ends it with exit code 2"""
        check('--keep' in self.run('--help'), 'the help')
        done = subprocess.run([QUICKSTART, '--kepe'], stderr=subprocess.PIPE, text=True, check=False)
        equal((done.returncode, 'no option --kepe' in done.stderr), (2, True), 'a mistyped option')


if __name__ == '__main__':
    street.main(Quickstart)
