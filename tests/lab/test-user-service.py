#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home as the service of a person without root: a real `systemd --user` starts, reloads, restarts and ends it, as its unit says.

The manager runs as a user of this test, in a cgroup and under a /run of its own, though systemd is not process 1 here. Needs root
and systemd.
"""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

MANAGER = '/lib/systemd/systemd'
UNIT = 'porchlight-user.service'
PLAIN = os.path.join(street.ROOT, 'contrib', 'systemd', 'no-namespaces.conf')
USER = 64348
CGROUPS = ('/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup')  # v1, mixed, v2
EXIT_NOW = signal.SIGRTMIN + 24  # to the manager
HOME, PROGRAMS, RUN = f'/home/{USER}', '/mnt', f'/run/user/{USER}'  # as the manager and what it starts see them
DATA = f'{HOME}/.local/share/porchlight'
SEEN = {'/home': [str(USER)], HOME: ['.local'], f'{HOME}/.local/share': ['porchlight'], '/root': [], '/tmp': [],
        '/run/user': [str(USER)], RUN: ['systemd'], f'{RUN}/systemd': ['notify']}
# A /run as a booted systemd leaves it, and what this test has made in places that a service may see.
BOOTED = f'''mount -t tmpfs none /run && mkdir -p /run/systemd/system /run/systemd/unit-root {RUN} && chown {USER}:{USER} {RUN} &&
mount -t tmpfs none /home && mkdir {HOME} && mount --bind "$0/home" {HOME} && mount --bind "$0/programs" {PROGRAMS} && exec "$@"'''


class UserService(street.Play):
    def open(self):
        for tool in ('systemctl', 'setpriv', 'unshare', 'nsenter'):
            if not shutil.which(tool):
                raise Skip(f'needs {tool}')
        if os.geteuid() != 0 or not os.path.exists(MANAGER):
            raise Skip('needs root and systemd')
        if subprocess.run([*self.as_user(), 'unshare', '--user', 'true'], check=False).returncode:
            raise Skip('users can make no user namespaces here')
        self.cgroups, self.manager = [], None
        os.chmod(self.folder, 0o711)
        self.user_home = self.own('home')
        self.data = os.path.join(self.user_home, '.local', 'share', 'porchlight')
        self.install()
        self.own_cgroup()
        self.env = {'HOME': HOME, 'XDG_RUNTIME_DIR': RUN, 'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC',
                    'SYSTEMD_LOG_TARGET': 'console',
                    'ASAN_OPTIONS': 'detect_leaks=0'}  # which takes tracing, and the unit leaves none
        self.begin()

    def own(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path, 0o700)
        os.chown(path, USER, USER)
        return path

    def install(self):
        """The programs where any user reaches them, and the unit as it is built, for these and for a port of its own."""
        programs = os.path.join(self.folder, 'programs')
        os.mkdir(programs, 0o755)
        for path in (self.programs.daemon, self.programs.vault, self.programs.cli):
            shutil.copy(path, programs)
        self.daemon, self.porchlight = (os.path.join(PROGRAMS, name) for name in ('porchlightd', 'porchlight'))
        units = os.path.join(self.user_home, '.config', 'systemd', 'user')
        os.makedirs(units)
        with open(os.path.join(self.programs.build, 'contrib', 'systemd', UNIT), encoding='utf-8') as file:
            lines = file.read().splitlines(keepends=True)
        starts = [at for at, line in enumerate(lines) if line.startswith('ExecStart=')]
        equal(len(starts), 1, 'lines with ExecStart=')
        lines[starts[0]] = f'ExecStart={self.daemon} --data %h/.local/share/porchlight --listen 127.0.0.1:0 --no-lan\n'
        with open(os.path.join(units, UNIT), 'w', encoding='utf-8') as file:
            file.writelines(line.replace('RestartSec=5s', 'RestartSec=100ms') for line in lines)
        subprocess.run(['chown', '-R', f'{USER}:{USER}', self.user_home], check=True)

    def own_cgroup(self):
        for top in CGROUPS:
            path = os.path.join(top, f'pl{os.getpid()}')
            if not os.path.exists(os.path.join(top, 'cgroup.procs')):
                continue
            try:
                os.mkdir(path)
            except OSError as why:
                raise Skip(f'no cgroup: {why}') from None
            self.cgroups.append(path)
            subprocess.run(['chown', '-R', str(USER), path], check=True)
        if not self.cgroups:
            raise Skip('no cgroups here')

    def begin(self):
        def enter():
            street.die_with_parent()
            for path in self.cgroups:
                with open(os.path.join(path, 'cgroup.procs'), 'w', encoding='ascii') as file:
                    file.write(str(os.getpid()))
        self.log = os.path.join(self.folder, 'manager.log')
        with open(self.log, 'wb') as log:
            self.manager = subprocess.Popen(['unshare', '--mount', 'sh', '-c', BOOTED, self.folder, *self.as_user(), MANAGER, '--user',
                                             '--unit=basic.target'], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                            preexec_fn=enter)
        try:
            self.wait(lambda: self.answers() or self.manager.poll() is not None,
                      'the manager to answer')
            self.systemctl('daemon-reload')
        except street.Failure as why:
            with open(self.log, encoding='utf-8', errors='replace') as log:
                raise Skip(f'no manager runs here: {why}: {log.read()[-500:]}') from None

    def answers(self):
        return os.path.exists(f'/proc/{self.manager.pid}/root{RUN}/systemd/private')

    @staticmethod
    def as_user():
        return ['setpriv', f'--reuid={USER}', f'--regid={USER}', '--clear-groups']

    def ask(self, *words):
        """Runs words as the user, where the manager is."""
        return subprocess.run(['nsenter', '-t', str(self.manager.pid), '-m', *self.as_user(), *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, text=True, timeout=60, check=False)

    def systemctl(self, *words):
        done = self.ask('systemctl', '--user', *words)
        check(done.returncode == 0, f'systemctl --user {" ".join(words)}: {done.stderr}')
        return done.stdout

    def show(self, name):
        return self.systemctl('show', UNIT, '--property', name, '--value').strip()

    def cli(self, *words):
        done = self.ask(self.porchlight, *words)
        check(done.returncode == 0, f'porchlight {" ".join(words)}: {done.stdout}{done.stderr}')
        return done.stdout

    def pid(self):
        return int(self.show('MainPID'))

    def close(self):
        if self.manager and self.manager.poll() is None:
            self.manager.send_signal(EXIT_NOW)
            self.manager.wait(street.STOP_SECONDS)
        for top in self.cgroups:
            for path, _, _ in os.walk(top, topdown=False):
                with open(os.path.join(path, 'cgroup.procs'), encoding='ascii') as file:
                    for pid in file.read().split():
                        os.kill(int(pid), signal.SIGKILL)
                self.wait(lambda path=path: self.gone(path), f'{path} to be empty', street.STOP_SECONDS)
        super().close()

    @staticmethod
    def gone(path):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    # -- the unit --

    def case_start(self):
        """it is started once it answers, without a word about where: founding, posting and doctor find it"""
        self.systemctl('start', UNIT)
        equal((self.show('ActiveState'), self.show('NRestarts')), ('active', '0'), 'its state')
        self.cli('status')  # at once: Type=notify
        self.cli('mesh', 'create', 'Elm Street', '--household', 'Anna', '--at', street.PLACE, '--no-passphrase')
        self.cli('post', 'noise', 'From the user\'s service')
        equal(oct(os.stat(self.data).st_mode & 0o777), '0o700', 'mode of the folder')
        rows = self.ask(self.porchlight, 'doctor', '--json')
        check('"problem"' not in rows.stdout.replace('"state": ', '"state":'), f'the doctor: {rows.stdout}')

    def case_confined(self):
        """daemon, porter and vault gain no rights, are filtered, and are all of the service"""
        pids = [self.pid(), *[pid for pid, _ in street.processes_below(self.pid())]]
        equal(len(pids), 3, 'processes of the service')
        for pid in pids:
            with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as file:
                state = dict(line.split(':\t', 1) for line in file.read().splitlines() if ':\t' in line)
            equal((state['NoNewPrivs'], state['Seccomp'], int(state['CapEff'], 16), int(state['CapBnd'], 16)), ('1', '2', 0, 0),
                  f'walls of {state["Name"]}')

    def case_sees_little(self):
        """of all homes and of what others keep for a while they see their own folder alone, and write nowhere else on the disk"""
        for pid in (self.pid(), *[pid for pid, _ in street.processes_below(self.pid())]):
            root = f'/proc/{pid}/root'
            equal({path: os.listdir(root + path) for path in SEEN}, SEEN, 'what they see')
            shut = {path: bool(os.statvfs(root + path).f_flag & os.ST_RDONLY) for path in ('/', '/etc', '/usr', '/var', DATA)}
            equal([path for path in shut if not shut[path]], [DATA], 'where they may write')
            check(os.statvfs(root + DATA).f_flag & os.ST_NOEXEC, 'what they write can be run')

    def case_reload(self):
        """reload keeps the process; a kill is answered by another start, which has it all"""
        before = self.pid()
        self.systemctl('reload', UNIT)
        equal(self.pid(), before, 'its process after reload')
        self.cli('status')
        os.kill(before, signal.SIGKILL)
        self.wait(lambda: self.show('NRestarts') == '1' and self.show('ActiveState') == 'active', 'it to be started again')
        check(self.pid() != before, 'it is the same process')
        check('From the user' in self.cli('nearby'), 'the alert is gone')

    def case_stop(self):
        """stop ends all three cleanly"""
        pids = [self.pid(), *[pid for pid, _ in street.processes_below(self.pid())]]
        self.systemctl('stop', UNIT)
        equal((self.show('ActiveState'), self.show('Result'), self.show('ExecMainStatus')), ('inactive', 'success', '0'), 'how it ended')
        equal([pid for pid in pids if street.runs(pid)], [], 'processes left')
        equal([name for name in os.listdir(self.data) if name.endswith('.sock')], [], 'sockets left')

    def case_plain(self):
        """with no-namespaces.conf it starts without walls of the manager's, and puts up its own"""
        folder = os.path.join(self.user_home, '.config', 'systemd', 'user', f'{UNIT}.d')
        os.makedirs(folder)
        shutil.copy(PLAIN, folder)
        self.systemctl('daemon-reload')
        self.systemctl('start', UNIT)
        check('From the user' in self.cli('nearby'), 'the alert is gone')
        with open(f'/proc/{self.pid()}/status', encoding='ascii', errors='replace') as file:
            equal([line.split()[1] for line in file if line.startswith(('NoNewPrivs:', 'Seccomp:'))], ['1', '2'], 'walls')
        check(os.path.samefile(f'/proc/{self.pid()}/root/tmp', '/tmp'), 'it has a /tmp of its own')
        self.systemctl('stop', UNIT)


if __name__ == '__main__':
    street.main(UserService)
