#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon as a service: all a home does works inside what contrib/systemd/porchlight.service leaves it.

systemd itself need not run: tests/support/confine.py reads the unit and builds the same walls. Needs root,
systemd-analyze (which knows what @system-service is) and libseccomp. What is told to systemd goes to a socket of this test.
"""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import confine  # noqa: E402
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

CONFINE = os.path.abspath(confine.__file__)
OUTSIDER = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs']
MEMBER = ['setpriv', '--reuid=65534', '--regid=65534', f'--groups={confine.GID}', '--no-new-privs']

# What a program in there tries. Each must be refused, but for those named `may`.
PROBE = r'''
import json, os, socket, subprocess, sys
def tried(what):
    try:
        what()
    except OSError as why:
        return why.errno
    return 0
def write(path):
    with open(path, 'w') as file:
        file.write('#!/bin/sh\n')
def run_own():
    write('/var/lib/porchlight/probe')
    os.chmod('/var/lib/porchlight/probe', 0o700)
    try:
        os.execv('/var/lib/porchlight/probe', ['probe'])
    finally:
        os.unlink('/var/lib/porchlight/probe')
def family(number):
    socket.socket(number, socket.SOCK_RAW if number == 17 else socket.SOCK_DGRAM).close()
def sees(path):
    if not os.path.exists(path):
        raise OSError(2, path)
state = dict(line.split(':\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
print(json.dumps({
    'may own folder': tried(lambda: (write('/var/lib/porchlight/x'), os.unlink('/var/lib/porchlight/x'))),
    'may tmp': tried(lambda: write('/tmp/x')),
    'may fork': tried(lambda: os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)),
    'may socket': tried(lambda: family(socket.AF_INET6)),
    'may random': tried(lambda: open('/dev/urandom', 'rb').read(1)),
    'etc': tried(lambda: write('/etc/x')),
    'usr': tried(lambda: write('/usr/bin/x')),
    'var': tried(lambda: write('/var/lib/x')),
    'run': tried(lambda: write('/run/x')),
    'shadow': tried(lambda: open('/etc/shadow')),
    'home': tried(lambda: os.listdir('/root')),
    'run what it wrote': tried(run_own),
    'disk': tried(lambda: sees('/dev/kmsg')),
    'other processes': tried(lambda: sees('/proc/1')),
    'kernel settings': tried(lambda: sees('/proc/sys/kernel')),
    'packet socket': tried(lambda: family(17)),
    'vsock': tried(lambda: family(40)),
    'name space': tried(lambda: os.unshare(0x10000000)) if hasattr(os, 'unshare') else subprocess.call(
        ['unshare', '-U', 'true'], stderr=subprocess.DEVNULL),
    'root': tried(lambda: os.setuid(0)),
    'chown': tried(lambda: os.chown('/var/lib/porchlight', -1, 0)),
    'nice': tried(lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)),
    'set-user-id': tried(lambda: os.mkdir('/var/lib/porchlight/s', 0o4700)),
    'status': {name: state[name].strip() for name in ('NoNewPrivs', 'Seccomp', 'CapBnd', 'CapEff')},
}))
'''


class Served(street.Home):
    """A home whose daemon is started as the unit says."""

    def __init__(self, play, number, name):
        super().__init__(play, os.path.join(play.folder, str(number)), name)
        play.every_home.append(self)
        os.mkdir(self.folder)
        self.notify = None

    def confined(self, *words):
        programs = os.path.dirname(self.play.programs.daemon)
        return [sys.executable, CONFINE, self.play.unit, programs, self.folder, *words]

    def spawn(self, *more):
        """As Home.spawn, with what the unit says before what a test needs: a port of its own, and loopback."""
        env = dict(self.play.env, **({'NOTIFY_SOCKET': self.notify} if self.notify else {}))
        args = self.confined('--listen', self.listen, '--no-lan', *more)
        with open(self.log, 'ab') as log:
            process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                                       preexec_fn=street.die_with_parent)
        self.play.processes.append(process)
        return process

    def children(self):
        return [str(pid) for pid, _ in street.processes_below(self.process.pid)]

    def as_user(self, prefix, *words):
        done = subprocess.run([*prefix, self.play.copy, '--data', self.folder, *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.play.env, text=True, timeout=60,
                              check=False)
        return street.Result(words, done.returncode, done.stdout, done.stderr)


def status_of(pid, *names):
    with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as file:
        found = dict(line.split(':', 1) for line in file.read().splitlines())
    return {name: found[name].split()[0] for name in names}


class Service(street.Play):
    def open(self):
        if os.geteuid() != 0:
            raise Skip('needs root')
        for program in ('systemd-analyze', 'setpriv'):
            if not shutil.which(program):
                raise Skip(f'no {program} here')
        self.unit = os.path.join(self.programs.build, 'contrib', 'systemd', 'porchlight.service')
        os.chmod(self.folder, 0o711)  # other users reach the homes in it
        self.copy = shutil.copy(self.programs.cli, self.folder)
        self.anna = Served(self, 1, 'Anna')
        seen = subprocess.run(self.anna.confined('--instead', '/usr/bin/true'), stderr=subprocess.PIPE, text=True,
                              check=False)
        if seen.returncode == confine.CANNOT:
            raise Skip(seen.stderr.strip())
        equal(seen.returncode, 0, f'exit code of `true` in there: {seen.stderr}')
        self.anna.start()
        self.ben = self.home('Ben')

    def case_walls(self):
        """the walls stand: a program in there can do little but write to its folder and use the network"""
        run = subprocess.run(self.anna.confined('--instead', '/usr/bin/python3', '-Ic', PROBE), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        equal(run.returncode, 0, f'exit code of the probe: {run.stderr}')
        found = json.loads(run.stdout)
        state = found.pop('status')
        for name, number in found.items():
            check((number == 0) == name.startswith('may'), f'{name}: error {number}')
        equal((state['NoNewPrivs'], state['Seccomp'], int(state['CapBnd'], 16), int(state['CapEff'], 16)),
              ('1', '2', 0, 0), 'its status')

    def case_both_confined(self):
        """daemon, porter and vault run as the user porchlight, without capabilities, filtered"""
        below = self.anna.children()
        equal(len(below), 2, 'processes of the daemon')
        for pid in (str(self.anna.process.pid), *below):
            equal(status_of(pid, 'Uid', 'Gid', 'NoNewPrivs', 'Seccomp', 'CapBnd', 'CapEff'),
                  {'Uid': str(confine.UID), 'Gid': str(confine.GID), 'NoNewPrivs': '1', 'Seccomp': '2',
                   'CapBnd': '0' * 16, 'CapEff': '0' * 16}, f'status of {pid}')

    def case_found(self):
        """root founds a street, the service keeps it"""
        self.anna.create('Elm Street')
        posted = self.anna.post('smoke', 'Behind the garages')
        equal(list(self.anna.alerts()), [posted['id']], 'nearby')

    def case_street(self):
        """a neighbour joins, posts go both ways, and one is retracted"""
        self.ben.start()
        self.ben.join(self.anna.invite())
        mine = self.anna.post('noise', 'From the service')
        theirs = self.ben.post('noise', 'To the service')
        self.wait_all_have([self.anna, self.ben], mine['id'])
        self.wait_all_have([self.anna, self.ben], theirs['id'])
        self.anna.cli('alert', 'confirm', theirs['id'], code=0)
        self.anna.cli('alert', 'retract', mine['id'], '--yes', code=0)
        self.wait(lambda: self.ben.alert(mine['id'])['state'] == 'retracted', 'the retraction')

    def case_group(self):
        """the group reads and posts; others are refused by name, and so is the group where it takes the owner"""
        member = self.anna.as_user(MEMBER, 'post', 'animal', 'A fox', '--json')
        equal(member.code, 0, f'exit code of {member}')
        check(member.row()['id'] in self.anna.alerts(), 'the post is not there')
        equal(self.anna.as_user(MEMBER, 'nearby', '--json').code, 0, 'exit code of nearby')
        for who, words in ((OUTSIDER, ('status',)), (OUTSIDER, ('post', 'animal', 'x')), (OUTSIDER, ('vault', 'show')),
                           (MEMBER, ('vault', 'show')), (MEMBER, ('mesh', 'leave', '--yes'))):
            said = self.anna.as_user(who, *words, '--json')
            equal((said.code, said.error()['name']), (street.REFUSED, 'no-access'), f'{said}')

    def case_modes(self):
        """the folder is 0711, control.sock 0660 of the group, all else nobody's but the daemon's"""
        equal(stat.S_IMODE(os.stat(self.anna.folder).st_mode), 0o711, 'mode of the folder')
        for folder, folders, names in os.walk(self.anna.folder):
            for name in [*folders, *names]:
                st = os.lstat(os.path.join(folder, name))
                want = 0o660 if name == 'control.sock' else 0o700 if stat.S_ISDIR(st.st_mode) else 0o600
                equal((oct(stat.S_IMODE(st.st_mode)), st.st_uid, st.st_gid), (oct(want), confine.UID, confine.GID),
                      name)

    def case_reload(self):
        """SIGHUP, as ExecReload= sends it, changes nothing that works"""
        self.anna.process.send_signal(signal.SIGHUP)
        self.wait(lambda: 'settings read again' in self.said(self.anna), 'the daemon to say so')
        self.anna.post('noise', 'After a reload')

    def said(self, home):
        with open(home.log, encoding='utf-8') as log:
            return log.read()

    def case_again(self):
        """after a kill it starts again on what it has, and its neighbour finds it"""
        before = self.anna.state()['homes']
        self.anna.kill9()
        self.anna.start()
        equal(self.anna.state()['homes'], before, 'homes after the restart')
        posted = self.ben.post('noise', 'Welcome back')
        self.wait_all_have([self.anna], posted['id'])

    def case_passphrase(self):
        """a passphrase: the 64 MiB that locking and unlocking take are to be had"""
        home = Served(self, 9, 'Cleo').start()
        secret = os.path.join(self.folder, 'secret')
        with open(secret, 'w', encoding='utf-8') as file:
            file.write('four words are better\n')
        home.one('mesh', 'create', 'Locked Street', '--household', 'Cleo', '--at', street.PLACE, '--passphrase-file',
                 secret)
        home.cli('vault', 'lock', code=0)
        home.cli('vault', 'unlock', '--passphrase-file', secret, code=0)
        home.stop()

    def case_told(self):
        """READY=1 is said once both sockets answer, STOPPING=1 before the end; SIGTERM to the daemon alone is enough"""
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(f'\0porchlight-test-{os.getpid()}')
        told.settimeout(street.PATIENCE)
        home = Served(self, 8, 'Dora')
        home.notify = f'@porchlight-test-{os.getpid()}'
        with told:
            home.process = home.spawn()
            equal(told.recv(4096), b'READY=1', 'the first it says')
            for name in ('control.sock', 'owner.sock'):
                with socket.socket(socket.AF_UNIX) as knock:
                    knock.connect(os.path.join(home.folder, name))
            below = home.children()
            home.process.send_signal(signal.SIGTERM)
            equal(told.recv(4096), b'STOPPING=1', 'the next it says')
            equal(home.process.wait(street.STOP_SECONDS), 0, 'exit code')
            told.setblocking(False)
            try:
                check(False, f'it says more: {told.recv(4096)!r}')
            except BlockingIOError:
                pass
        end = time.monotonic() + street.STOP_SECONDS
        while any(os.path.exists(f'/proc/{pid}') for pid in below):
            check(time.monotonic() < end, 'the vault has not ended')
            time.sleep(street.LOOK)
        equal([name for name in os.listdir(home.folder) if name.endswith('.sock')], [], 'sockets left behind')

    def case_wrong_setting(self):
        """a wrong option ends it with 2, which the unit does not answer with another start"""
        with open(self.unit, encoding='utf-8') as file:
            check('RestartPreventExitStatus=2\n' in file.read(), 'the unit would start it again')
        home = Served(self, 7, 'Emil')
        equal(home.spawn('--advertise', 'nowhere').wait(street.STOP_SECONDS), 2, 'exit code')


if __name__ == '__main__':
    street.main(Service)
