#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The units of systemd are free of mistakes, and confine what they start.

units.py PORCHLIGHTD VAULT-PROGRAM PORCHLIGHT SYSTEM VAULT USER WATCH WATCH-USER SYSUSERS TMPFILES: three programs, the built
units, and the files that make their users and folders. What systemd says about them, it says
offline: nothing is installed or started."""
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import lint

EXPOSURE_MOST = 1.5  # of 10; what is left are the network, local sockets and netlink, which the daemon is there for
NAMES = {'system': 'porchlight.service', 'user': 'porchlight-user.service'}
VAULT_STATE = '/var/lib/porchlight/vault'
CLIPS = '/var/lib/porchlight/clips'


def with_program(text, program):
    """The unit, for a program that is built and not installed."""
    return re.sub(r'(?m)^(ExecStart=)\S+', lambda match: match.group(1) + program, text)


def analyze(folder, kind, *words, name=None):
    unit = os.path.join(folder, name or NAMES[kind])
    env = dict(os.environ, XDG_RUNTIME_DIR=folder, LC_ALL='C.UTF-8', SYSTEMD_COLORS='0')
    run = subprocess.run(['systemd-analyze', '--no-pager', f'--{kind}', *words, unit], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, env=env, check=False)
    return run.returncode, run.stdout.splitlines()


def mistakes(kind, text, program, name=None):
    with tempfile.TemporaryDirectory() as folder:
        if name:  # one that runs beside that of the kind
            with open(os.path.join(folder, NAMES[kind]), 'w', encoding='utf-8') as file:
                file.write('[Service]\nExecStart=/usr/bin/true\n')
        with open(os.path.join(folder, name or NAMES[kind]), 'w', encoding='utf-8') as file:
            file.write(with_program(text, program))
        code, said = analyze(folder, kind, 'verify', '--man=no', name=name)
    return said or ([] if code == 0 else [f'exit code {code}'])


def exposure(text, program, kind):
    """The number, and what it is made of."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, NAMES[kind]), 'w', encoding='utf-8') as file:
            file.write(with_program(text, program))
        _, said = analyze(folder, kind, 'security', '--offline=yes')
    found = re.search(r'Overall exposure level for \S+: ([0-9.]+)', '\n'.join(said))
    return float(found.group(1)) if found else 10.0, [line for line in said if line.startswith('✗')]


def too_open(text, program, kind='system'):
    level, reasons = exposure(text, program, kind)
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


def made_folders(tmpfiles, sysusers):
    """What systemd-tmpfiles makes, in a root of its own, when it runs twice, where a clip is from a daemon that had no group
    for it: path to mode, owner's and group's name, or link."""
    with tempfile.TemporaryDirectory() as top:
        os.mkdir(os.path.join(top, 'etc'))
        os.makedirs(top + CLIPS, 0o700)
        os.close(os.open(f'{top}{CLIPS}/old', os.O_CREAT, 0o600))
        for words in (['systemd-sysusers', f'--root={top}', os.path.abspath(sysusers)],
                      *[['systemd-tmpfiles', f'--root={top}', '--create', os.path.abspath(tmpfiles)]] * 2):
            run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if run.returncode:
                return {'failed': run.stdout.strip()}
        with open(os.path.join(top, 'etc', 'passwd'), encoding='utf-8') as file:
            names = {int(line.split(':')[2]): line.split(':')[0] for line in file}
        with open(os.path.join(top, 'etc', 'group'), encoding='utf-8') as file:
            groups = {int(line.split(':')[2]): line.split(':')[0] for line in file}
        found = {}
        for path in ('/var/lib/porchlight', VAULT_STATE, CLIPS, CLIPS + '/old'):
            st = os.lstat(top + path)
            found[path] = f'{stat.S_IMODE(st.st_mode):o} {names.get(st.st_uid)} {groups.get(st.st_gid)}'
        for name in ('owner.sock', 'vault.sock'):
            found[name] = os.readlink(f'{top}/var/lib/porchlight/{name}')
        return found


def main():
    if not shutil.which('systemd-analyze'):
        print('1..0 # SKIP no systemd-analyze here')
        return
    (program, keeper, tool, system_path, vault_path, user_path, watch_path, watch_user_path, sysusers,
     tmpfiles) = map(os.path.abspath, sys.argv[1:])
    system, vault, user = lint.read(system_path), lint.read(vault_path), lint.read(user_path)
    tap = lint.Tap()
    bad = '[Service]\nExecStart=/x\nRestrat=always\nUser=nobody-of-that-name\n'
    tap.case(any('Restrat' in line for line in mistakes('system', bad, program)), 'a mistyped directive is refused')
    tap.case(bool(too_open(bad, program)), 'a unit that confines nothing is refused')
    tap.clean('porchlight.service has no mistakes', mistakes('system', system, program))
    tap.clean('porchlight-vault.service has no mistakes', mistakes('system', vault, keeper))
    tap.clean('porchlight-user.service has no mistakes', mistakes('user', user, program))
    for kind, path in (('system', watch_path), ('user', watch_user_path)):
        name = os.path.basename(path)
        tap.clean(f'{name} has no mistakes', mistakes(kind, lint.read(path), tool, name))
    tap.clean(f'porchlight.service has an exposure of at most {EXPOSURE_MOST}', too_open(system, program))
    tap.clean(f'porchlight-vault.service has an exposure of at most {EXPOSURE_MOST}', too_open(vault, keeper))
    tap.clean(f'porchlight-user.service has an exposure of at most {EXPOSURE_MOST}', too_open(user, program, 'user'))
    if os.geteuid() == 0 and shutil.which('systemd-sysusers'):
        tap.refused('a user nobody makes is refused', wrong_user(bad, sysusers),
                    ['no nobody-of-that-name in passwd', 'no nobody-of-that-name in group'])
        tap.clean('sysusers.d makes the user and the group of the unit', wrong_user(system + vault, sysusers))
        made = made_folders(tmpfiles, sysusers)
        wanted = {'/var/lib/porchlight': '711 porchlight porchlight', VAULT_STATE: '700 porchlight-vault porchlight-vault',
                  CLIPS: '2750 porchlight porchlight-vault', CLIPS + '/old': '640 porchlight porchlight-vault',
                  'owner.sock': '/run/porchlight-vault/owner.sock', 'vault.sock': '/run/porchlight-vault/vault.sock'}
        tap.clean('tmpfiles.d makes the folders, each of its user, and the links to the sockets',
                  [] if made == wanted else [f'made {made}'])
    else:
        tap.case(True, 'sysusers.d makes the user and the group of the unit # SKIP needs root and systemd-sysusers')
    tap.end()


if __name__ == '__main__':
    main()
