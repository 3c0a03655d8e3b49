#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home as two services: all it does works inside what contrib/systemd leaves daemon and vault, each its own user.

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
import threading
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
    """A home whose daemon and vault are started as their units say, in folders as tmpfiles.d makes them."""

    def __init__(self, play, number, name):
        super().__init__(play, os.path.join(play.folder, str(number)), name)
        play.every_home.append(self)
        self.notify = self.vault = self.owner = None
        self.vaults = 0
        self.over = threading.Event()
        self.run = self.folder + '-run'
        for folder, uid, gid, mode in ((self.folder, confine.UID, confine.UID, 0o711),
                                       (self.folder + '/vault', confine.VAULT_UID, confine.VAULT_UID, 0o700),
                                       (self.folder + '/clips', confine.UID, confine.VAULT_UID, 0o2750),
                                       (self.run, confine.VAULT_UID, confine.VAULT_UID, 0o711)):
            os.mkdir(folder)
            os.chown(folder, uid, gid)
            os.chmod(folder, mode)
        for name in ('owner.sock', 'vault.sock'):
            os.symlink(os.path.join(self.run, name), os.path.join(self.folder, name))

    def confined(self, *words, unit='porchlight.service'):
        programs = os.path.dirname(self.play.programs.daemon)
        return [sys.executable, CONFINE, os.path.join(self.play.units, unit), programs, self.folder, self.run, *words]

    def keep_vault(self):
        """As Restart=always does."""
        while not self.over.is_set():
            with open(self.log, 'ab') as log:
                words = self.confined(unit='porchlight-vault.service')
                if self.owner:
                    words += ['--owner', self.owner]
                self.vault = subprocess.Popen(words, stdin=subprocess.DEVNULL,
                                              stdout=log, stderr=log, env=self.play.env)
            self.play.processes.append(self.vault)
            self.vaults += 1
            self.vault.wait()

    def start(self, *more):
        if not self.vault:
            threading.Thread(target=self.keep_vault, daemon=True).start()
        return super().start(*more)

    def give_up(self):
        self.over.set()
        if self.vault:
            self.vault.terminate()
            self.vault.wait(street.STOP_SECONDS)

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
        return street.processes_below(self.process.pid)

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
        self.units = os.path.join(self.programs.build, 'contrib', 'systemd')
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
        """daemon and porter run as porchlight, the vault as a user of its own without network; all filtered"""
        below = self.anna.children()
        equal([name for _, name in below], ['porter'], 'processes of the daemon')
        for pid, uid in ((self.anna.process.pid, confine.UID), (below[0][0], confine.UID),
                         (self.anna.vault.pid, confine.VAULT_UID)):
            equal(status_of(pid, 'Uid', 'Gid', 'NoNewPrivs', 'Seccomp', 'CapBnd', 'CapEff'),
                  {'Uid': str(uid), 'Gid': str(uid), 'NoNewPrivs': '1', 'Seccomp': '2',
                   'CapBnd': '0' * 16, 'CapEff': '0' * 16}, f'status of {pid}')
        with open(f'/proc/{self.anna.vault.pid}/net/dev', encoding='ascii') as file:
            equal([line.split(':')[0].strip() for line in file if ':' in line], ['lo'], "the vault's interfaces")

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

    def case_clip(self):
        """the vault opens a clip that the daemon keeps; others see neither of its files"""
        film = os.path.join(self.folder, 'film')
        with open(film, 'wb') as file:
            file.write(bytes(range(256)) * 1000)
        clip = self.anna.one('clip', 'add', film, '--camera', 'door', '--as-is')['id']
        got = os.path.join(self.folder, 'got')
        self.anna.cli('clip', 'get', clip, '-o', got, code=0)
        with open(film, 'rb') as file, open(got, 'rb') as other:
            check(file.read() == other.read(), 'the clip came out otherwise')
        path = os.path.join(self.anna.folder, 'clips', clip)
        daemon = ['setpriv', f'--reuid={confine.UID}', f'--regid={confine.UID}', '--clear-groups', '--no-new-privs']
        vault = ['setpriv', f'--reuid={confine.VAULT_UID}', f'--regid={confine.VAULT_UID}', '--clear-groups']
        for who, words, code in ((OUTSIDER, ('cat', path), 1), (MEMBER, ('cat', path), 1), (daemon, ('cat', path), 0),
                                 (vault, ('cat', path + '.list'), 0), (vault, ('rm', '-f', path), 1)):
            run = subprocess.run([*who, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            equal(run.returncode, code, f'exit code of {words[0]} as {who[1]}')

    def case_modes(self):
        """the folder is 0711, control.sock 0660 of the group, DIR/vault of its own user, clips for both, all else the
        daemon's alone"""
        equal(stat.S_IMODE(os.stat(self.anna.folder).st_mode), 0o711, 'mode of the folder')
        for folder, folders, names in os.walk(self.anna.folder):
            for name in [*folders, *names]:
                st = os.lstat(os.path.join(folder, name))
                if stat.S_ISLNK(st.st_mode):
                    continue
                want = 0o660 if name == 'control.sock' else 0o700 if stat.S_ISDIR(st.st_mode) else 0o600
                uid = gid = confine.VAULT_UID if name == 'vault' or folder.endswith('/vault') else confine.UID
                if name == 'clips' or folder.endswith('/clips'):
                    want, gid = 0o2750 if name == 'clips' else 0o640, confine.VAULT_UID
                equal((oct(stat.S_IMODE(st.st_mode)), st.st_uid, st.st_gid), (oct(want), uid, gid), name)
        equal(oct(stat.S_IMODE(os.stat(os.path.join(self.anna.run, 'owner.sock')).st_mode)), '0o600',
              'mode of owner.sock, where the owner is root')

    def case_apart(self):
        """the daemon's user and others get neither at the keys nor at owner.sock; vault.sock is for the daemon alone"""
        daemon = ['setpriv', f'--reuid={confine.UID}', f'--regid={confine.UID}', '--clear-groups', '--no-new-privs']
        key = os.path.join(self.anna.folder, 'vault', 'household')
        check(os.path.exists(key), 'there is no key to try')
        for who in (daemon, OUTSIDER):
            run = subprocess.run([*who, 'cat', key], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            equal((run.returncode, run.stdout), (1, b''), 'exit code and output of `cat`')
            said = self.anna.as_user(who, 'vault', 'show', '--json')
            equal((said.code, said.error()['name']), (street.REFUSED, 'no-access'), f'{said}')
        knock = ('import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1]); '
                 'print(len(s.recv(1)))')
        for who in (OUTSIDER, daemon):  # the one is a stranger, the other a second daemon
            run = subprocess.run([*who, '/usr/bin/python3', '-Ic', knock, os.path.join(self.anna.run, 'vault.sock')],
                                 stdout=subprocess.PIPE, text=True, check=False)
            equal(run.stdout, '0\n', 'what vault.sock says to him')
        self.wait(lambda: 'user 65534 is not the daemon' in self.said(self.anna), 'the vault to say so')
        check('a second daemon calls' in self.said(self.anna), 'it took a second daemon')
        self.anna.post('noise', 'The stream stands')

    def case_vault_dies(self):
        """a vault that is killed is called again when it is back; one that loses its daemon ends, and the next is there"""
        count = self.anna.vaults
        self.anna.vault.kill()
        self.wait(lambda: self.anna.vaults > count and self.anna.cli('vault', 'show').code == 0, 'the next vault')
        count = self.anna.vaults
        self.anna.stop()
        self.wait(lambda: self.anna.vaults > count, 'the vault to end with its daemon, and the next to start')
        self.anna.start()
        check(self.anna.one('vault', 'show')['has_household'], 'the household is gone')
        rows = {row['check']: row for row in self.anna.json('doctor', code=None)}
        state = self.anna.state()
        walls = ('walls',) if state['landlock'] and state['syscalls'] else ()  # a build or kernel may lack them
        for name in ('access', 'owner', 'vault', *walls):
            equal(rows[name]['state'] if name in rows else 'ok', 'ok', f'doctor on {name}: {rows.get(name)}')

    def case_stranger_as_vault(self):
        """whoever else listens in the vault's place is not spoken to"""
        home = Served(self, 6, 'Fritz')
        path = os.path.join(home.run, 'vault.sock')
        with socket.socket(socket.AF_UNIX) as fake:
            fake.bind(path)  # as root: not the owner of DIR/vault
            os.chmod(path, 0o666)
            fake.listen(8)
            home.process = home.spawn()
            self.wait(lambda: 'does not own' in self.said(home), 'the daemon to say so')
            check(not home.answers(), 'it answers without a vault')
            fake.settimeout(street.PATIENCE)
            taken, _ = fake.accept()
            taken.settimeout(street.PATIENCE)
            equal(taken.recv(1), b'', 'what the stranger was told')
        os.unlink(path)
        home.give_up()
        home.stop()

    def case_named_owner(self):
        """vault.owner founds and asks, and nobody else but root; the others are told so by name"""
        home = Served(self, 5, 'Gita')
        home.owner = '64350'
        owner = ['setpriv', '--reuid=64350', '--regid=64350', f'--groups={confine.GID}', '--no-new-privs']
        home.start()
        said = home.as_user(MEMBER, 'mesh', 'create', 'X', '--household', 'X', '--at', street.PLACE, '--no-passphrase',
                            '--json')
        equal((said.code, said.error()['name']), (street.REFUSED, 'not-owner'), f'{said}')
        said = home.as_user(owner, 'mesh', 'create', 'Elm', '--household', 'Gita', '--at', street.PLACE,
                            '--no-passphrase', '--json')
        equal(said.code, 0, f'{said}')
        shown = home.as_user(owner, 'vault', 'show', '--json').row()
        equal((shown['owner'], shown['named']), (64350, 64350), 'the owner as `vault show` tells')
        check('user 64350' in home.as_user(owner, 'vault', 'show').out, 'in words')
        equal(home.as_user(MEMBER, 'vault', 'show', '--json').error()['name'], 'not-owner', 'another member')
        home.stop()
        home.owner = None  # it is kept with the key, also where the settings no longer say it
        home.vault.terminate()
        home.start()
        self.wait(lambda: home.as_user(owner, 'vault', 'show').code == 0, 'the founder to be heard')
        equal(home.one('vault', 'show')['owner'], 64350, 'the owner after a restart')
        home.stop()
        home.give_up()

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

    def case_leave(self):
        """within the confinement of its unit, and of a vault of another user, a home forgets its mesh and joins again"""
        home = Served(self, 8, 'Dora').start()
        home.join(self.ben.invite())
        with open(os.path.join(home.folder, 'device.key'), 'rb') as file:
            key = file.read()
        home.cli('mesh', 'leave', '--yes', code=0)
        with open(os.path.join(home.folder, 'device.key'), 'rb') as file:
            check(file.read() != key, 'the device has its old key')
        self.wait(lambda: not os.path.exists(os.path.join(home.folder, 'vault', 'household')), 'the key to be removed')
        home.join(self.ben.invite())
        posted = home.post('noise', 'Back again')
        self.wait_all_have([self.ben], posted['id'])
        home.cli('mesh', 'leave', '--yes', code=0)
        home.stop()
        home.give_up()

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
        home.give_up()

    def case_told(self):
        """READY=1 is said once both sockets answer, STOPPING=1 before the end; SIGTERM to the daemon alone is enough"""
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(f'\0porchlight-test-{os.getpid()}')
        told.settimeout(street.PATIENCE)
        home = Served(self, 10, 'Hanna')
        home.notify = f'@porchlight-test-{os.getpid()}'
        with told:
            home.start()
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
        while any(os.path.exists(f'/proc/{pid}') for pid, _ in below):
            check(time.monotonic() < end, 'the porter has not ended')
            time.sleep(street.LOOK)
        equal(os.path.lexists(os.path.join(home.folder, 'control.sock')), False, 'control.sock left behind')
        home.give_up()
        equal(os.listdir(home.run), [], 'sockets left behind')

    def case_wrong_setting(self):
        """a wrong option ends it with 2, which the unit does not answer with another start"""
        with open(os.path.join(self.units, 'porchlight.service'), encoding='utf-8') as file:
            check('RestartPreventExitStatus=2\n' in file.read(), 'the unit would start it again')
        home = Served(self, 7, 'Emil')
        equal(home.spawn('--advertise', 'nowhere').wait(street.STOP_SECONDS), 2, 'exit code')


if __name__ == '__main__':
    street.main(Service)
