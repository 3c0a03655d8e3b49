#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may read what on a machine with several users, and keys that cannot be read: never replaced, always told by name.

Needs root, to be other users. The daemon runs as one without rights (OWNER), so that modes mean something to it.
"""
import json
import os
import shutil
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

OWNER, GROUP, OTHER = 64346, 64347, 65534
OTHERS = 0o077


def as_user(uid, groups=''):
    return ['setpriv', f'--reuid={uid}', f'--regid={uid}', f'--groups={groups}' if groups else '--clear-groups',
            '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--pdeathsig=KILL']


# Names of what can be read, entered or called, among the paths it is given.
READER = r'''
import json, os, socket, stat, sys
found = []
for path in sys.argv[1:]:
    try:
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            with socket.socket(socket.AF_UNIX) as knock:
                knock.connect(path)
        elif os.path.isdir(path):
            os.listdir(path)
        else:
            open(path, 'rb').close()
        found.append(path)
    except OSError:
        pass
print(json.dumps(found))
'''


class Watcher:
    """Looks at every mode in a folder, again and again, until it is told to stop; what was ever open to others."""

    def __init__(self, folder):
        self.folder, self.open_to_others, self.seen, self.looks = folder, set(), set(), 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.is_set():
            self.look()

    def look(self):
        self.looks += 1
        for folder, folders, names in os.walk(self.folder):
            for path in [folder, *(os.path.join(folder, name) for name in [*folders, *names])]:
                try:
                    mode = stat.S_IMODE(os.lstat(path).st_mode)
                except FileNotFoundError:
                    continue
                name = os.path.relpath(path, self.folder)
                self.seen.add(name)
                if mode & OTHERS:
                    self.open_to_others.add(f'{name} {mode:o}')

    def stop(self):
        self.ended.set()
        self.thread.join()


class Rights(street.Play):
    def open(self):
        if os.geteuid() != 0:
            raise Skip('needs root')
        if not shutil.which('setpriv'):
            raise Skip('no setpriv here')
        os.chmod(self.folder, 0o711)  # other users get as far as the homes in it
        programs = os.path.join(self.folder, 'programs')
        os.mkdir(programs)
        for path in (self.programs.daemon, self.programs.vault, self.programs.cli):
            shutil.copy(path, programs)
        os.chmod(programs, 0o755)
        self.build = self.programs.build
        self.programs = street.Programs(programs)
        self.env['PORCHLIGHT_LIBEXEC'] = programs
        self.anna = self.owned('Anna')

    def owned(self, name=None, **more):
        """A home whose daemon runs as OWNER."""
        home = self.home(name, **more)
        home.prefix = as_user(OWNER)
        os.mkdir(home.folder, 0o700)
        os.chown(home.folder, OWNER, OWNER)
        return home

    def said(self, home):
        with open(home.log, encoding='utf-8') as log:
            return log.read()

    def run_as(self, home, prefix, *words):
        done = subprocess.run([*prefix, self.programs.cli, '--data', home.folder, *words, '--json'],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env,
                              text=True, timeout=60, check=False)
        return street.Result(words, done.returncode, done.stdout, done.stderr)

    def no_access(self, home, prefix, *words):
        said = self.run_as(home, prefix, *words)
        equal((said.code, said.error()['name'], said.out), (street.REFUSED, 'no-access', ''), f'{said}')

    def readable(self, home, prefix):
        paths = [os.path.join(folder, name) for folder, folders, names in os.walk(home.folder)
                 for name in [*folders, *names]]
        check(len(paths) >= 8, f'only {paths} to try')
        run = subprocess.run([*prefix, '/usr/bin/python3', '-Ic', READER, home.folder, *paths], stdout=subprocess.PIPE,
                             text=True, check=True)
        return [os.path.relpath(path, home.folder) for path in json.loads(run.stdout)]

    def case_closed_folder(self):
        """a folder that this user may not make is refused with the reason"""
        closed = os.path.join(self.folder, 'closed')
        os.mkdir(closed, 0o755)
        run = subprocess.run([*as_user(OWNER), self.programs.daemon, '--data', os.path.join(closed, 'a', 'b')],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, text=True,
                             timeout=street.STOP_SECONDS, check=False)
        equal((run.returncode, 'Permission denied' in run.stderr), (1, True), f'what it said: {run.stderr}')

    # -- what others may --

    def case_never_open(self):
        """under umask 000 nothing is ever open to others: database, WAL, keys, sockets, from the first moment"""
        home = self.anna
        home.umask = 0
        watcher = Watcher(home.folder)
        home.start()
        home.create('Elm Street')
        for number in range(20):
            home.post('noise', f'Bang {number}')
        home.invite()
        home.stop()
        home.start()
        watcher.stop()
        equal(sorted(watcher.open_to_others), [], f'open to others in {watcher.looks} looks')
        check(watcher.looks > 20, f'only {watcher.looks} looks')
        wanted = {'control.sock', 'owner.sock', 'device.key', 'porchlight.db', 'porchlight.db-wal', 'porchlight.db-shm',
                  'vault', 'vault/household'}
        equal(wanted - watcher.seen, set(), 'what was never seen')

    def case_backup(self):
        """under umask 000 a backup is never open to others either, nor a half of it, and nobody else reads it"""
        place, secret = os.path.join(self.folder, 'stick'), os.path.join(self.folder, 'secret')
        with open(secret, 'w', encoding='utf-8') as file:
            file.write('four words are better\n')
        os.chmod(secret, 0o644)
        os.mkdir(place)
        os.chown(place, OWNER, OWNER)
        os.chmod(place, 0o755)
        watcher = Watcher(place)
        file = os.path.join(place, 'anna.backup')
        for more in ((), ('--force',), ('--force',)):
            done = subprocess.run([*as_user(OWNER), self.programs.cli, '--data', self.anna.folder, 'backup', file,
                                   '--passphrase-file', secret, *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=self.env, text=True, timeout=60, check=False, umask=0)
            equal(done.returncode, 0, f'exit code of backup: {done.stderr}')
        watcher.stop()
        equal(sorted(watcher.open_to_others), ['. 755'], f'open to others in {watcher.looks} looks')
        check('anna.backup' in watcher.seen and watcher.looks > 20, f'only {watcher.looks} looks, at {watcher.seen}')
        run = subprocess.run([*as_user(OTHER), '/usr/bin/python3', '-Ic', READER, file], stdout=subprocess.PIPE, text=True,
                             check=True)
        equal(json.loads(run.stdout), [], 'what another user reads of it')

    def case_other_user(self):
        """another user is refused by name at both sockets, and reads no file, also where the folder lets him pass"""
        home = self.anna
        for mode in (0o700, 0o711, 0o755):
            os.chmod(home.folder, mode)
            for words in (('status',), ('nearby',), ('post', 'fire', 'x'), ('vault', 'show'),
                          ('mesh', 'leave', '--yes'), ('member', 'list')):
                self.no_access(home, as_user(OTHER), *words)
            seen = [name for name in self.readable(home, as_user(OTHER)) if not (mode == 0o755 and name == '.')]
            equal(seen, [], f'what he reads at {mode:o}')
        os.chmod(home.folder, 0o700)
        equal(self.run_as(home, as_user(OWNER), 'status').code, 0, "exit code for the daemon's own user")
        equal(self.run_as(home, as_user(OWNER), 'vault', 'show').code, 0, 'exit code of vault show for him')

    def case_doctor(self):
        """the doctor, asked by any user, ends with a report; what it may not look at is no trouble of the home"""
        rows = {}
        for who in (OWNER, OTHER, 0):
            said = self.run_as(self.anna, as_user(who) if who else [], 'doctor')
            check(said.code in (0, 1) and said.rows(), f'{said}')
            rows[who] = {row['check']: row for row in said.rows()}
        for who in (OWNER, 0):
            for name in ('folder', 'access', 'device-key', 'daemon', 'vault'):
                equal(rows[who][name]['state'], 'ok', f'{name} as {who}: {rows[who][name]}')
        check(rows[OTHER]['daemon']['state'] == 'problem', f'as another user: {rows[OTHER]}')

    def case_walls(self):
        """the walls stand for users without rights, and the daemon and vault of one say that they have them"""
        for name in ('daemon', 'vault'):
            path = os.path.join(self.build, 'tests', 'unit', f'test-walls-{name}')
            copy = shutil.copy(path, self.programs.build)
            run = subprocess.run([*as_user(OWNER), copy], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 timeout=60, check=False)
            equal(run.returncode, 0, f'exit code of {name}: {run.stdout}')
        state, vault = self.anna.state(), self.anna.one('vault', 'show')
        equal((state['landlock'], state['syscalls']), (vault['landlock'], vault['syscalls']), 'walls of daemon and vault')
        for task in os.listdir(f'/proc/{self.anna.process.pid}/task') if state['syscalls'] else ():
            with open(f'/proc/{self.anna.process.pid}/task/{task}/status', encoding='ascii', errors='replace') as file:
                check('\nSeccomp:\t2\n' in file.read(), f'thread {task} of the daemon is not filtered')

    def case_group(self):
        """control.group: its members read and post and get no further, others get nothing"""
        self.anna.stop()
        group = self.a_group()
        os.chown(self.anna.folder, OWNER, OWNER)
        self.anna.prefix = as_user(OWNER, groups=str(group[1]))
        conf = os.path.join(self.folder, 'conf')
        with open(conf, 'w', encoding='utf-8') as file:
            file.write(f'control.group = {group[0]}\n')
        os.chmod(conf, 0o644)
        self.anna.start('--config', conf)
        member = as_user(OTHER, groups=str(group[1]))
        equal(self.run_as(self.anna, member, 'post', 'animal', 'A fox').code, 0, 'exit code of a member')
        equal(self.run_as(self.anna, member, 'nearby').code, 0, 'exit code of nearby')
        equal(self.run_as(self.anna, member, 'config', 'list').code, 0, 'exit code of config list')
        for words in (('config', 'set', 'advertise', '192.0.2.1:1'), ('place', 'add', 'home', 'u33dc0t')):
            refused = self.run_as(self.anna, member, *words)
            check(refused.code == street.REFUSED and 'not-the-owner' in refused.err, f'a member may do {refused}')
        self.no_access(self.anna, member, 'vault', 'show')
        self.no_access(self.anna, as_user(OTHER), 'status')
        equal(self.readable(self.anna, member), ['control.sock'], 'what a member reads')
        equal(self.readable(self.anna, as_user(OTHER)), [], 'what others read')
        equal(oct(stat.S_IMODE(os.stat(self.anna.folder).st_mode)), '0o711', 'mode of the folder')
        self.anna.stop()
        self.anna.prefix = as_user(OWNER)
        os.chmod(self.anna.folder, 0o700)
        self.anna.start()
        self.no_access(self.anna, member, 'status')

    def a_group(self):
        """A group of this machine: (name, number)."""
        with open('/etc/group', encoding='utf-8') as file:
            for line in file:
                name, _, number, _ = line.split(':', 3)
                if name in ('users', 'games', 'adm'):
                    return name, int(number)
        raise Skip('no group to try with')

    def case_group_wrong(self):
        """a group that is not there, or not the daemon's to give, ends it by name"""
        for name, told in (('nobody-of-that-name', 'no-such-group: '), (self.a_group()[0], 'a member of the group')):
            home = self.owned()
            check(home.spawn('--control-group', name).wait(street.STOP_SECONDS) == street.FAILED, 'it has not failed')
            check(told in self.said(home), f'it said {self.said(home)!r}')
            check(not os.path.exists(os.path.join(home.folder, 'control.sock')), 'it left a socket')

    # -- keys that are not as they were --

    def spoilt(self, path, spoil):
        """Spoils a file and gives back how it was: the bytes are kept beside the folder."""
        keep = os.path.join(self.folder, 'keep')
        shutil.copy2(path, keep)
        spoil(path)

        def mend():
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)
            elif os.path.lexists(path):
                os.unlink(path)
            shutil.copy2(keep, path)
            os.chown(path, OWNER, OWNER)
        return mend

    def fingerprint(self, path):
        """What must not change: kind, mode, owner, inode, bytes."""
        st = os.lstat(path)
        data = None
        if stat.S_ISREG(st.st_mode):
            with open(path, 'rb') as file:
                data = file.read()
        return st.st_mode, st.st_uid, st.st_ino, data

    @staticmethod
    def rewrite(change):
        def spoil(path):
            with open(path, 'rb') as file:
                data = file.read()
            with open(path, 'wb') as file:
                file.write(change(data))
        return spoil

    def spoils(self):
        """Ways a key can be broken, by name: what is done to it."""
        def folder(path):
            os.unlink(path)
            os.mkdir(path)
            os.chown(path, OWNER, OWNER)

        def link(path):
            os.unlink(path)
            os.symlink(os.path.join(self.folder, 'keep'), path)

        def foreign(path):
            os.chown(path, 0, 0)
            os.chmod(path, 0o600)
        return {
            'unreadable': lambda path: os.chmod(path, 0),
            'a folder': folder,
            'a link': link,
            "another user's": foreign,
            'empty': self.rewrite(lambda data: b''),
            'cut off': self.rewrite(lambda data: data[:-1]),
            'longer': self.rewrite(lambda data: data + b'\0'),
            'one bit off': self.rewrite(lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:]),
        }

    def case_device_key(self):
        """a device.key that cannot be read ends the daemon by name; nothing is made in its place"""
        device = self.anna.one('device', 'list')['id']
        self.anna.stop()
        path = os.path.join(self.anna.folder, 'device.key')
        for name, spoil in self.spoils().items():
            mend = self.spoilt(path, spoil)
            before = self.fingerprint(path)
            start = os.path.getsize(self.anna.log)
            equal(self.anna.spawn().wait(street.STOP_SECONDS), street.FAILED, f'exit code with a key that is {name}')
            equal(self.fingerprint(path), before, f'a key that is {name}, after a start')
            said = self.said(self.anna)[start:]
            check(f'device-key: {path} ' in said and '; ' in said, f'of a key that is {name} it said {said!r}')
            equal([file for file in os.listdir(self.anna.folder) if file.startswith('device.key.')], [], 'left-overs')
            mend()
        self.anna.start()
        equal(self.anna.one('device', 'list')['id'], device, 'the device, once its key is back')

    def case_household_key(self):
        """a household key that cannot be read: told by name to who asks, posting goes on, nothing replaces it"""
        path = os.path.join(self.anna.folder, 'vault', 'household')
        for name, spoil in self.spoils().items():
            self.anna.stop()
            mend = self.spoilt(path, spoil)
            before = self.fingerprint(path)
            self.anna.start()
            found = ('mesh', 'create', 'New', '--household', 'New', '--at', street.PLACE, '--no-passphrase')
            for words in (('mesh', 'leave', '--yes'), found):
                said = self.anna.cli(*words, '--json')
                check(said.code not in (0, street.UNREACHABLE) and said.error()['name'].startswith('key-file-'),
                      f'with a key that is {name}: {said}')
            self.anna.post('noise', f'The key is {name}')
            equal(self.fingerprint(path), before, f'a key that is {name}, after a start')
            self.anna.stop()
            mend()
            self.anna.start()
            check(self.anna.one('vault', 'show')['has_household'], 'the household is gone, though its key is mended')


if __name__ == '__main__':
    street.main(Rights)
