#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The programs as a machine's owner meets them: files, sockets, exit codes, options, IPv6, systemd."""
import os
import signal
import socket
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_daemon  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

TEXT_MOST = 512
SILENCE = 10     # seconds after which a socket says nothing more
CALLERS = 64     # that are served at once
POST, SHOW, MUTE_ROW = 2, 6, 77  # messages of proto/control.def


class Daemon(street.Play):
    def open(self):
        self.homes = self.street(2).homes
        self.anna, self.ben = self.homes

    def case_modes(self):
        """under umask 000 every file is 0600 and every folder 0700"""
        home = self.home(umask=0).start()
        home.create('Open Street')
        home.post('noise', 'A bang')
        home.invite()
        seen = 0
        for folder, folders, names in os.walk(home.folder):
            for name in [*folders, *names]:
                path = os.path.join(folder, name)
                mode = os.lstat(path).st_mode
                equal(oct(stat.S_IMODE(mode)), '0o700' if stat.S_ISDIR(mode) else '0o600', f'mode of {path}')
                seen += 1
        equal(oct(stat.S_IMODE(os.stat(home.folder).st_mode)), '0o700', 'mode of the folder')
        check(seen >= 5, f'only {seen} files in the folder')

    def case_one_folder(self):
        """a second daemon on one folder is refused by name, and the first goes on"""
        second = self.home()
        second.folder = self.anna.folder
        process = second.spawn()
        check(process.wait(street.STOP_SECONDS) not in (0, -signal.SIGSEGV, -signal.SIGABRT),
              'it has not failed cleanly')
        with open(second.log, encoding='utf-8') as log:
            said = log.read()
        check(self.anna.folder in said and 'another' in said, f'the second daemon said {said!r}')
        self.anna.post('noise', 'Still here')

    def case_taken_port(self):
        """a port that is taken is refused by name"""
        second = self.home(listen=self.anna.listen)
        check(second.spawn().wait(street.STOP_SECONDS) > 0, 'it has not failed cleanly')
        with open(second.log, encoding='utf-8') as log:
            check(f'cannot listen on {self.anna.listen}' in log.read(), 'the log does not say which address is taken')

    def no_start(self, home, name, *more, env=None):
        """It ends by itself, with this error and no other end."""
        kept, self.env = self.env, {**self.env, **(env or {})}
        code = home.spawn(*more).wait(street.STOP_SECONDS)
        self.env = kept
        with open(home.log, encoding='utf-8') as log:
            said = log.read()
        equal(code, 1, f'exit code: {said}')
        check(f'{name}: ' in said, f'no {name} in {said!r}')
        return said

    def case_wrong_start(self):
        """a file for a folder, a group and a user that are none: each is named, and nothing is made"""
        home = self.home()
        with open(home.folder, 'w', encoding='utf-8') as file:
            file.write('my notes')
        self.no_start(home, 'not-a-folder')
        with open(home.folder, encoding='utf-8') as file:
            equal(file.read(), 'my notes', 'the file')
        home = self.home()
        self.no_start(home, 'no-such-group', '--control-group', 'no_such_group_here')
        self.no_start(home, 'no-such-user', '--vault-owner', 'no_such_user_here')
        self.no_start(home, 'no-such-user', '--vault-owner', '99999999999')
        check(not os.path.exists(home.folder), 'the folder was made')
        home.folder = '/tmp/' + 'x' * 120
        self.no_start(home, 'dir-too-long')

    def case_device_key(self):
        """a device's key that others could read is kept from them; one that is damaged is left alone, and named"""
        home = self.home().start()
        home.create('Key Street')
        home.stop()
        path = os.path.join(home.folder, 'device.key')
        os.chmod(path, 0o644)
        home.start()
        with open(home.log, encoding='utf-8') as log:
            check('could be read by others; it no longer can' in log.read(), 'nothing was said')
        equal(oct(stat.S_IMODE(os.stat(path).st_mode)), '0o600', 'its mode')
        home.stop()
        with open(path, 'rb') as file:
            good = file.read()
        for bad in (good[:-1], b'', good + b'more', good[:20] + bytes([good[20] ^ 1]) + good[21:]):
            with open(path, 'wb') as file:
                file.write(bad)
            said = self.no_start(home, 'device-key')
            check(path in said, f'the file is not named: {said!r}')
            with open(path, 'rb') as file:
                equal(file.read(), bad, 'the file')
        with open(path, 'wb') as file:
            file.write(good)
        home.start()
        equal(home.state()['homes'], 1, 'homes')
        home.stop()

    def ask(self, data, wanted):
        """What control.sock answers to these bytes, until @wanted is in it, or nothing more comes."""
        with socket.socket(socket.AF_UNIX) as knock:
            knock.connect(os.path.join(self.anna.folder, 'control.sock'))
            knock.settimeout(SILENCE)
            knock.sendall(data)
            answer = b''
            try:
                while wanted not in answer and (more := knock.recv(65536)):
                    answer += more
            except (TimeoutError, ConnectionResetError):
                pass
            return answer

    def case_another_language(self):
        """what is no request of this version is refused by name, and neither the daemon nor the next caller minds"""
        for data, name in ((b'\0\0\0\0', b'bad-request'),                                   # empty
                           (b'\xff\xff\xff\xff', b'bad-request'),                            # of 4 GB
                           (b'\0\0\x40\0' + b'x' * 0x4000, b'bad-request'),                # longer than any
                           (b'GET / HTTP/1.1\r\n\r\n', b'bad-request'),
                           (b'\0\0\0\3\xc1\xc1\xc1', b'bad-request'),                       # no number
                           (fake_daemon.frame(250, {}), b'bad-request'),                     # one that is nobody's
                           (fake_daemon.frame(POST, {}), b'bad-request'),                    # without what it needs
                           (fake_daemon.frame(MUTE_ROW, {}), b'not-a-request'),              # an answer
                           (fake_daemon.frame(SHOW, {1: 'abc'}), b'bad-id'),
                           (fake_daemon.frame(SHOW, {1: 'a' * 65}), b'bad-id'),
                           (fake_daemon.frame(SHOW, {1: 'no digits'}), b'bad-id'),
                           (fake_daemon.frame(SHOW, {1: 'abcde'}), b'no-such')):
            answer = self.ask(data, name)
            check(name in answer, f'{data[:20]} was answered with {answer[:80]}')
            self.anna.state()

    def case_many_callers(self):
        """more callers than it has room for: the last are sent away, those before are served, and so is who comes after"""
        callers = []
        for _ in range(CALLERS + 8):
            callers.append(socket.socket(socket.AF_UNIX))
            callers[-1].connect(os.path.join(self.anna.folder, 'control.sock'))
            callers[-1].settimeout(SILENCE)
        for extra in callers[CALLERS:]:
            try:
                equal(extra.recv(1), b'', 'what one too many is told')
            except ConnectionResetError:
                pass
        callers[0].sendall(b'\0\0\0\0')
        check(b'bad-request' in callers[0].recv(4096), 'the first is not served')
        for caller in callers:
            caller.close()
        self.wait(lambda: self.anna.cli('status').code == 0, 'room for another')

    def case_bad_options(self):
        """options the daemon does not have are refused with exit code 2"""
        for words in (['--nonsense'], ['--listen', 'nowhere'], ['--listen', '127.0.0.1:99999'], ['--data'], ['extra']):
            run = subprocess.run([self.programs.daemon, '--data', os.path.join(self.folder, 'x'), *words], env=self.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, text=True, check=False)
            equal((run.returncode, bool(run.stderr.strip())), (2, True),
                  f'exit code of porchlightd {words}: {run.stderr!r}')

    def case_long_folder(self):
        """a folder too long for a socket is refused by name, by daemon and tool"""
        home = self.home()
        home.folder = os.path.join(self.folder, 'x' * 110)
        check(home.spawn().wait(street.STOP_SECONDS) > 0, 'the daemon took it')
        home.refused('data-folder-too-long', street.USAGE, 'status')

    def case_exit_codes(self):
        """exit codes: 0 done, 2 usage, 3 no daemon, 4 no such thing, 5 refused, 6 not sent"""
        nobody = self.home()
        nobody.refused('daemon-not-running', street.UNREACHABLE, 'status')
        fresh = self.home().start()
        equal(fresh.one('status')['state'], 'no-mesh', 'state of a daemon without a mesh')
        fresh.refused('no-mesh', street.REFUSED, 'post', 'fire', 'Nobody hears')
        fresh.refused('no-mesh', street.REFUSED, 'invite')
        equal(self.anna.json('nearby', '--text', 'zzz'), [], 'an empty list, exit 0')
        for words in (('postt',), ('post',), ('post', 'martians'), ('alert', 'show'), ('alert', 'show', 'xyz'),
                      ('nearby', '--within', 'far'), ('nearby', '--nonsense'), ('post', 'fire', 'x', '--severity',
                                                                                'huge'),
                      ('invite', '--count', '0'), ('invite', '--expires', '5s'), ('alert', 'retract', 'abcd'),
                      ('mesh', 'create', 'X', '--household', 'Y'), ('peer', 'add', 'nowhere:0'),
                      ('post', 'fire', 'x' * (TEXT_MOST + 1))):
            self.anna.cli(*words, code=street.USAGE)
        self.anna.refused('no-address', street.NOT_FOUND, 'peer', 'add', 'nowhere.invalid')
        self.anna.refused('no-such-alert', street.NOT_FOUND, 'alert', 'show', 'ffffffffffff')
        self.anna.post('other', 'y' * TEXT_MOST)
        self.ben.stop()
        self.wait_state(self.anna, 'alone')
        self.anna.post('noise', 'Into the void', code=street.UNSENT)
        self.ben.start()
        self.wait_state(self.anna, 'current')

    def case_stdin(self):
        """texts and tickets by -, from stdin"""
        posted = self.anna.one('post', 'flood', '-', stdin='Water in the cellar\n')
        equal(self.anna.alert(posted['id'])['text'], 'Water in the cellar', 'the text')
        third = self.home().start()
        third.cli('join', '-', '--household', third.name, '--no-passphrase', stdin=self.ben.invite() + '\n', code=0)
        self.homes.append(third)
        self.wait(lambda: self.anna.state()['homes'] == 3, 'the third home')

    def case_columns(self):
        """no line for people is wider than 80 columns"""
        self.anna.post('other', 'Donaudampfschifffahrtsgesellschaftskapitän ' * 8, '--severity', 'unknown')
        self.anna.invite('--for', 'A family with quite a long name that does not fit a column')
        ticket = self.anna.invite()
        alert = next(iter(self.anna.alerts()))
        overview = self.anna.cli('help', code=0).out
        commands = [('status',), ('nearby',), ('peers',), ('member', 'list'), ('device', 'list'), ('mesh', 'show'),
                    ('invite', 'list'), ('alert', 'show', alert), ('invite', 'show', ticket), ('help',), ('version',),
                    ('post', 'fire', 'A fire'), ('post', 'gas-smell'), ('help', 'post'), ('help', 'alert'), ('help',
                                                                                                             'mesh',
                                                                                                             'create'),
                                                                                                             ('help',
                                                                                                              'nearby')]
        for words in commands:
            result = self.anna.cli(*words, code=0)
            # Notes on stderr wrap on a terminal (tests/cli); elsewhere each is one line, for scripts.
            wide = [line for line in result.out.splitlines() if len(line) > street.COLUMNS]
            equal(wide, [], f'wide lines of `porchlight {" ".join(words)}`')
        check('nearby' in overview and 'post' in overview, 'the overview names no commands')

    def case_ipv6(self):
        """two homes over IPv6 loopback"""
        if not os.path.exists('/proc/net/if_inet6'):
            raise street.Skip('this machine has no IPv6')
        try:
            street.free_port(socket.AF_INET6, '::1')
        except OSError as why:
            raise street.Skip(f'no IPv6 loopback: {why}') from None
        first, second = self.street(2, mesh='Six Street', listen='[::1]:0').homes
        check(first.listen.startswith('[::1]:'), f'it listens on {first.listen}')
        posted = first.post('noise', 'Over IPv6')
        self.wait_all_have([second], posted['id'])
        addresses = [row['address'] for row in first.linked()]
        check(addresses and addresses[0].startswith('[::1]:'), f'the link runs over {addresses}')

    def case_notify(self):
        """systemd is told when the daemon is ready, not before"""
        path = os.path.join(self.folder, 'notify')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(path)
            told.settimeout(street.PATIENCE)
            home = self.home()
            self.env['NOTIFY_SOCKET'] = path
            try:
                home.process = home.spawn()
            finally:
                del self.env['NOTIFY_SOCKET']
            while b'READY=1' not in told.recv(4096):
                pass
            check(home.answers(), 'READY=1 came before control.sock answered')
            home.cli('status', code=0)
        home.stop()

    def case_ends(self):
        """SIGTERM leaves no socket, no log and no vault behind; SIGHUP changes nothing"""
        home = self.home().start()
        home.create('Short Street')
        home.process.send_signal(signal.SIGHUP)
        home.post('noise', 'After a SIGHUP')
        below = street.processes_below(home.process.pid)
        equal([name for _, name in below], ['porter', 'porchlight-vaul'], 'processes of the daemon')
        home.stop()
        left = [name for name in os.listdir(home.folder) if name.endswith(('.sock', '-wal', '-shm'))]
        equal(left, [], 'what is left behind')
        self.wait(lambda: not any(os.path.exists(f'/proc/{pid}') for pid, _ in below), 'the vault to end')

    def case_told_twice(self):
        """who is told to end again and again, as by a terminal that tells the whole group, ends as cleanly as who is told once"""
        home = self.home().start()
        home.create('Impatient Street')
        for _ in range(100):
            home.process.send_signal(signal.SIGTERM)
            home.process.send_signal(signal.SIGINT)
        home.stop()
        left = [name for name in os.listdir(home.folder) if name.endswith(('.sock', '-wal', '-shm'))]
        equal(left, [], 'what is left behind')

    def case_crash(self):
        """after kill -9 the log stays, the next start reads it, and the next end clears it away"""
        home = self.home().start()
        home.create('Crash Street')
        posted = home.post('noise', 'Just before')
        below = street.processes_below(home.process.pid)
        home.kill9()
        check(os.path.getsize(os.path.join(home.folder, 'porchlight.db-wal')) > 0, 'the log of a crash is gone')
        self.wait(lambda: not any(os.path.exists(f'/proc/{pid}') for pid, _ in below), 'porter and vault to end')
        check(os.path.getsize(os.path.join(home.folder, 'porchlight.db-wal')) > 0, 'the porter took the log away')
        home.start()
        check(home.has(posted['id']), 'what was posted before the crash is gone')
        home.stop()
        equal([name for name in os.listdir(home.folder) if name.endswith(('.sock', '-wal', '-shm'))], [],
              'what is left behind')

    def case_passphrase(self):
        """a passphrase from a file; without one a script is told to decide"""
        home = self.home().start()
        secret = os.path.join(self.folder, 'secret')
        with open(secret, 'w', encoding='utf-8') as file:
            file.write('four words are better\n')
        error = home.refused('usage', street.USAGE, 'mesh', 'create', 'Locked', '--household', home.name)
        check('--passphrase-file' in error['message'] + error['hint'], f'the refusal names no way out: {error}')
        home.one('mesh', 'create', 'Locked', '--household', home.name, '--at', street.PLACE, '--passphrase-file',
                 secret)
        equal(home.holds_bytes(b'four words'), [], 'files with the passphrase')
        home.stop()
        home.start()
        home.post('noise', 'No passphrase is asked for')


if __name__ == '__main__':
    street.main(Daemon)
