#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The units of systemd are free of mistakes, and confine what they start: units.py PORCHLIGHTD SYSTEM USER SYSUSERS

SYSTEM and USER are the built units, SYSUSERS the file that makes their user. What systemd says about them, it says
offline: nothing is installed or started."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import lint

EXPOSURE_MOST = 1.5  # of 10; what is left are the network, local sockets and netlink, which the daemon is there for
NAMES = {'system': 'porchlight.service', 'user': 'porchlight-user.service'}


def with_program(text, program):
    """The unit, for a program that is built and not installed."""
    return re.sub(r'(?m)^(ExecStart=)\S+', lambda match: match.group(1) + program, text)


def analyze(folder, kind, *words):
    unit = os.path.join(folder, NAMES[kind])
    env = dict(os.environ, XDG_RUNTIME_DIR=folder, LC_ALL='C.UTF-8', SYSTEMD_COLORS='0')
    run = subprocess.run(['systemd-analyze', '--no-pager', f'--{kind}', *words, unit], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, env=env, check=False)
    return run.returncode, run.stdout.splitlines()


def mistakes(kind, text, program):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, NAMES[kind]), 'w', encoding='utf-8') as file:
            file.write(with_program(text, program))
        code, said = analyze(folder, kind, 'verify', '--man=no')
    return said or ([] if code == 0 else [f'exit code {code}'])


def exposure(text, program):
    """The number, and what it is made of."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, NAMES['system']), 'w', encoding='utf-8') as file:
            file.write(with_program(text, program))
        _, said = analyze(folder, 'system', 'security', '--offline=yes')
    found = re.search(r'Overall exposure level for \S+: ([0-9.]+)', '\n'.join(said))
    return float(found.group(1)) if found else 10.0, [line for line in said if line.startswith('✗')]


def too_open(text, program):
    level, reasons = exposure(text, program)
    return [] if level <= EXPOSURE_MOST else [f'exposure {level}, wanted at most {EXPOSURE_MOST}', *reasons]


def wrong_user(unit, sysusers):
    """Whether systemd-sysusers makes the user and group the unit names."""
    wanted = set(re.findall(r'(?m)^(?:User|Group)=(.*)$', unit))
    with tempfile.TemporaryDirectory() as top:
        os.mkdir(os.path.join(top, 'etc'))
        run = subprocess.run(['systemd-sysusers', f'--root={top}', os.path.abspath(sysusers)], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, check=False)
        if run.returncode:
            return [run.stdout.strip()]
        found = []
        for name in ('passwd', 'group'):
            with open(os.path.join(top, 'etc', name), encoding='utf-8') as file:
                made = {line.split(':')[0] for line in file}
            found += [f'no {who} in {name}' for who in sorted(wanted - made)]
    return found


def main():
    if not shutil.which('systemd-analyze'):
        print('1..0 # SKIP no systemd-analyze here')
        return
    program, system_path, user_path, sysusers = map(os.path.abspath, sys.argv[1:])
    system, user = lint.read(system_path), lint.read(user_path)
    tap = lint.Tap()
    bad = '[Service]\nExecStart=/x\nRestrat=always\nUser=nobody-of-that-name\n'
    tap.case(any('Restrat' in line for line in mistakes('system', bad, program)), 'a mistyped directive is refused')
    tap.case(bool(too_open(bad, program)), 'a unit that confines nothing is refused')
    tap.clean('porchlight.service has no mistakes', mistakes('system', system, program))
    tap.clean('porchlight-user.service has no mistakes', mistakes('user', user, program))
    tap.clean(f'porchlight.service has an exposure of at most {EXPOSURE_MOST}', too_open(system, program))
    if os.geteuid() == 0 and shutil.which('systemd-sysusers'):
        tap.refused('a user nobody makes is refused', wrong_user(bad, sysusers),
                    ['no nobody-of-that-name in passwd', 'no nobody-of-that-name in group'])
        tap.clean('sysusers.d makes the user and the group of the unit', wrong_user(system, sysusers))
    else:
        tap.case(True, 'sysusers.d makes the user and the group of the unit # SKIP needs root and systemd-sysusers')
    tap.end()


if __name__ == '__main__':
    main()
