# SPDX-License-Identifier: Apache-2.0
"""A street of real homes, and a small language to test it in.

Every home is a porchlightd of its own in a folder of its own, on loopback; what a test knows about it, it knows through
the `porchlight` command, as a person or a script would. Nothing sleeps for a fixed time: wait() asks until a condition
holds.

    class Evening(street.Play):
        def open(self):
            self.homes = self.street(3).homes

        def case_post(self):
            'a post reaches every home'
            posted = self.homes[0].post('fire', 'Behind the garages')
            self.wait_all_have(self.homes, posted['id'])

    if __name__ == '__main__':
        street.main(Evening)

A case is a method case_*, in the order of the file; its docstring is its name in the TAP output. Chance comes from
self.rng, whose seed is printed and taken back with --seed. Whatever happens, the daemons started here are ended at
exit, by their id.
"""
import argparse
import atexit
import ctypes
import itertools
import json
import os
import queue
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = '52.5163,13.3777'
COLUMNS = 80
PATIENCE = 30.0       # seconds a condition may take unless the test says otherwise
DAY = 86400
FIRST_PORT = 20000    # below those that the kernel gives to whoever calls
LOOK = 0.02           # seconds between two looks at a condition
CLI_SECONDS = 90.0    # no command takes longer: `join` waits 45 s
STOP_SECONDS = 15.0
LOG_LINES = 60        # of each home's log that a failure shows
# How sanitizers begin to say what they found, and the program of itself (base_check_failed).
FOUND_BUG = re.compile(r'(Address|Leak|Thread)Sanitizer: |: runtime error: |^porchlight: CHECK: ')
SOCKET_PATH_MAX = 60  # bytes of the folder that leave room for DIR/control.sock
PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18

DONE, FAILED, USAGE, UNREACHABLE, NOT_FOUND, REFUSED, UNSENT, LOCKED = range(8)

libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """What a test says when something is not as it should be."""


class Skip(Exception):
    """Why a case cannot be tried here."""


def check(good, why):
    if not good:
        raise Failure(why)


def equal(got, want, what):
    check(got == want, f'{what}: got {got!r}, wanted {want!r}')


def die_with_parent():
    """In the child: a test that is killed takes its daemons along."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def unshare(flags):
    """This process and what it starts get a network or mounts of their own. Root only."""
    if os.geteuid() != 0:
        raise Skip('needs root')
    if libc.unshare(flags) != 0:
        raise Skip(f'no namespace: {os.strerror(ctypes.get_errno())}')
    if flags & CLONE_NEWNS:
        libc.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None)


def processes_below(pid):
    """The daemon's porter, and the vault that it has started: (pid, name) of each, at any depth."""
    found = []
    for child in map(int, told(f'/proc/{pid}/task/{pid}/children').split()):
        name = told(f'/proc/{child}/comm').strip()
        found += [(child, name)] * bool(name) + processes_below(child)
    return found


def told(path):
    """What the kernel tells of a process; nothing of one that has ended meanwhile, between any two looks."""
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ''


def runs(pid):
    """False also of one that has ended and whose parent has not asked how."""
    return told(f'/proc/{pid}/stat').rpartition(')')[2].split()[:1] not in ([], ['Z'], ['X'])


def own_loopback():
    """A loopback address that no other test of this machine listens on: the port of a home that is off stays its own."""
    pid = os.getpid()
    return f'127.{64 + (pid >> 16 & 63)}.{pid >> 8 & 255}.{pid & 255}'


def free_port(family, host):
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


# ---- programs ----

class Programs:
    """Where the build has put the programs: DIR itself or DIR/src/FOLDER."""
    WHERE = {'porchlightd': 'daemon', 'porchlight-vault': 'vault', 'porchlight': 'cli'}

    def __init__(self, build):
        self.build = build
        self.daemon = self.find('porchlightd')
        self.vault = self.find('porchlight-vault')
        self.cli = self.find('porchlight')

    def find(self, name):
        for folder in ('', os.path.join('src', self.WHERE[name]), 'src'):
            path = os.path.join(self.build, folder, name)
            if os.path.isfile(path):
                return path
        sys.exit(f'{name} is not in {self.build}: build it first, or name the folder with --build')


class Result:
    """What a command did."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def rows(self):
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    def row(self):
        rows = self.rows()
        check(len(rows) == 1, f'{self}: {len(rows)} rows, not one')
        return rows[0]

    def error(self):
        """The named error on stderr, from a --json call."""
        for line in reversed(self.err.splitlines()):
            if line.startswith('{"error"'):
                return json.loads(line)['error']
        raise Failure(f'{self}: no named error')

    def __str__(self):
        return f'porchlight {" ".join(self.args)}: exit {self.code}\n  stdout: {self.out!r}\n  stderr: {self.err!r}'


class Watch:
    """A running `porchlight watch --json`: its events, as they come."""

    def __init__(self, home, args):
        self.events = queue.Queue()
        self.process = subprocess.Popen([home.play.programs.cli, '--data', home.folder, 'watch', '--json', *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=home.play.env, text=True, preexec_fn=die_with_parent)
        home.play.processes.append(self.process)
        self.note = self.process.stderr.readline()  # the freshness line: it comes before the watch begins
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def next(self, seconds=PATIENCE):
        try:
            event = self.events.get(timeout=seconds)
        except queue.Empty:
            raise Failure(f'the watch told nothing within {seconds} s') from None
        check(event is not None, 'the watch has ended')
        return event

    def until(self, wanted, seconds=PATIENCE):
        """The first event for which @wanted is true."""
        end = time.monotonic() + seconds
        while True:
            event = self.next(max(0.0, end - time.monotonic()))
            if wanted(event):
                return event

    def close(self):
        self.process.terminate()
        self.process.wait(STOP_SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()


# ---- a home ----

class Home:
    def __init__(self, play, folder, name, listen=None, prefix=(), umask=0o022):
        self.play, self.folder, self.name = play, folder, name
        self.listen = f'{play.loopback}:{next(play.ports)}' if listen is None else listen
        self.prefix, self.umask = list(prefix), umask
        self.process = None
        self.log = folder + '.log'
        self.runs = 0

    def spawn(self, *more):
        """Starts a daemon on this folder and waits for nothing."""
        args = [*self.prefix, self.play.programs.daemon, '--data', self.folder, '--listen', self.listen, '--no-lan',
                *more]
        with open(self.log, 'ab') as log:
            process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.play.env,
                                       umask=self.umask, preexec_fn=die_with_parent)
        self.play.processes.append(process)
        return process

    def start(self, *more):
        """Starts the daemon and waits until it answers. The port of the first run is kept for the later ones."""
        check(not self.up(), f'{self.name} runs already')
        self.process = self.spawn(*more)
        self.play.wait(self.answers, f'{self.name} to answer')
        if self.listen.endswith(':0'):
            self.listen = self.address()
        self.runs += 1
        return self

    def answers(self):
        check(self.up(), f'{self.name}: the daemon has ended with {self.process.returncode}')
        with socket.socket(socket.AF_UNIX) as knock:
            try:
                knock.connect(os.path.join(self.folder, 'control.sock'))
            except OSError:
                return False
        return True

    def address(self):
        return self.one('status')['listen'][0]

    def port(self):
        return int(self.listen.rsplit(':', 1)[1])

    def place(self):
        """Where to connect to."""
        return self.listen.rsplit(':', 1)[0], self.port()

    def up(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """As systemd would. It must end cleanly, and leave no socket and no vault behind."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f'{self.name}: the daemon does not end') from None
        equal(code, 0, f'{self.name}: exit code of the daemon')

    def kill9(self):
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def lost(self):
        """The computer is: its folder goes, when nothing is at it any more. The vault ends by itself, behind its daemon."""
        owner = os.path.join(self.folder, 'owner.sock')
        self.play.wait(lambda: not os.path.lexists(owner), f'the vault of {self.name} to end')
        shutil.rmtree(self.folder)

    # -- commands --

    def cli(self, *args, code=None, stdin=None, seconds=CLI_SECONDS):
        """Runs `porchlight --data DIR ARGS…`. With @code, any other exit code is a failure."""
        done = subprocess.run([self.play.programs.cli, '--data', self.folder, *args], input=stdin,
                              stdin=subprocess.DEVNULL if stdin is None else None, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.play.env, timeout=seconds, check=False, text=True,
                              errors='surrogateescape')
        result = Result(args, done.returncode, done.stdout, done.stderr)
        if code is not None:
            check(done.returncode == code, f'wanted exit code {code} of {result}')
        return result

    def json(self, *args, code=0, **more):
        return self.cli(*args, '--json', code=code, **more).rows()

    def one(self, *args, code=0, **more):
        return self.cli(*args, '--json', code=code, **more).row()

    def refused(self, name, code, *args, **more):
        """The command must fail, with this exit code and by this name, in words and in JSON."""
        error = self.cli(*args, '--json', code=code, **more).error()
        equal(error['name'], name, f'the error of {" ".join(args)}')
        check(error['message'], f'{" ".join(args)}: the error has no message')
        words = self.cli(*args, code=code, **more)
        check(words.err.splitlines()[-1].startswith(f'porchlight: {name}: ') or f'porchlight: {name}: ' in words.err,
              f'wanted "porchlight: {name}: " on stderr of {words}')
        equal(words.out, '', f'stdout of {" ".join(args)}')
        return error

    def post(self, kind, text, *more, code=0):
        return self.one('post', kind, text, *more, code=code)

    def alerts(self, *args):
        """By id; an alert that is there twice is a failure at once."""
        rows = self.json('nearby', *args)
        ids = [row['id'] for row in rows]
        check(len(set(ids)) == len(ids), f'{self.name}: `nearby` shows an alert twice')
        return {row['id']: row for row in rows}

    def alert(self, alert):
        return self.json('alert', 'show', alert)[0]

    def has(self, alert):
        return self.cli('alert', 'show', alert, '--json').code == 0

    def state(self):
        return self.one('status')

    def watch(self, *args):
        return Watch(self, args)

    def invite(self, *more):
        ticket = self.cli('invite', *more, code=0).out.strip()
        check(re.fullmatch('PORCHLIGHT1[A-Z0-9]+', ticket), f'not a ticket alone on stdout: {ticket!r}')
        return ticket

    def create(self, mesh, *more):
        return self.one('mesh', 'create', mesh, '--household', self.name, '--at', PLACE, '--no-passphrase', *more)

    def join(self, ticket, *more):
        return self.one('join', ticket, '--household', self.name, '--no-passphrase', *more)

    def linked(self):
        return [row for row in self.json('peers') if row['up'] and 'footage' not in row]

    def files(self):
        """Every file of the folder, sockets left out."""
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    yield path

    def holds_bytes(self, wanted):
        """The files of this home in which @wanted stands, raw."""
        found = []
        for path in self.files():
            try:
                with open(path, 'rb') as file:
                    if wanted in file.read():
                        found.append(os.path.basename(path))
            except FileNotFoundError:  # removed between the two looks
                pass
        return found


# ---- streets ----

class Street:
    """Homes of one mesh, of which the first founded it and invited the others."""

    def __init__(self, play, n, mesh='Elm Street', charter=None, listen=None, prefix=()):
        self.play = play
        self.homes = [play.home(listen=listen, prefix=prefix).start() for _ in range(n)]
        more = ()
        if charter:
            path = os.path.join(play.folder, f'charter-{len(play.every_home)}')
            with open(path, 'w', encoding='utf-8') as file:
                file.writelines(f'{row} = {value}\n' for row, value in charter.items())
            more = ('--charter', path)
        self.homes[0].create(mesh, *more)
        for home in self.homes[1:]:
            home.join(self.homes[0].invite())
        self.settled()

    def settled(self, seconds=PATIENCE):
        """Every home knows every other, and is up to date."""
        self.play.wait(lambda: all(self.fine(home) for home in self.homes if home.up()), 'the street to settle',
                       seconds)

    def fine(self, home):
        state = home.state()
        return state['homes'] == len(self.homes) and (state['state'] == 'current' or len(self.homes) == 1)


class Play:
    """A test program: what its cases share."""

    def __init__(self, options):
        self.programs = Programs(os.path.abspath(options.build))
        self.full = options.full
        self.seed = options.seed
        self.rng = random.Random(options.seed)
        self.loopback = own_loopback()
        self.ports = itertools.count(FIRST_PORT)  # each home has its own: that of a home that is off goes to nobody else
        parent = tempfile.gettempdir()
        self.folder = tempfile.mkdtemp(prefix='pl', dir=parent if len(parent) < SOCKET_PATH_MAX else '/tmp')
        self.processes, self.every_home = [], []
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(('PORCHLIGHT_', 'XDG_', 'LC_', 'LANG'))}
        self.env.update(HOME=self.folder, TZ='UTC', LC_ALL='C.UTF-8', COLUMNS=str(COLUMNS),
                        PORCHLIGHT_LIBEXEC=os.path.dirname(self.programs.vault))
        atexit.register(self.close)

    def open(self):
        """What must stand before the first case."""

    def put_ahead(self, seconds):
        """Programs started from now on see a clock that is so far ahead."""
        library = os.path.join(self.programs.build, 'tests', 'ahead.so')
        self.env.update(LD_PRELOAD=os.path.abspath(library), PORCHLIGHT_AHEAD=str(int(seconds)))
        if 'verify_asan_link_order' not in self.env.get('ASAN_OPTIONS', ''):
            self.env['ASAN_OPTIONS'] = self.env.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'

    def at_noon(self):
        """Programs see noon (UTC), for a test of what counts by the day: it must not change in the middle. How far ahead that is."""
        ahead = (DAY // 2 - time.time()) % DAY
        self.put_ahead(ahead)
        return ahead

    def end_all(self):
        """Ends what was started here and is still running, by its id."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for process in self.processes:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self):
        self.end_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def findings(self):
        """What a sanitizer, or a program of itself, said in the homes' logs: the end of a daemon, or of a vault, which is
        started again, need not fail a case."""
        for home in self.every_home:
            if not os.path.exists(home.log):
                continue
            with open(home.log, encoding='utf-8', errors='replace') as log:
                lines = log.read().splitlines()
            first = next((number for number, line in enumerate(lines) if FOUND_BUG.search(line)), None)
            if first is not None:
                yield home.name, lines[first:first + LOG_LINES]

    def home(self, name=None, listen=None, prefix=(), **more):
        number = len(self.every_home) + 1
        home = Home(self, os.path.join(self.folder, str(number)), name or f'Home {number}', listen, prefix, **more)
        self.every_home.append(home)
        return home

    def street(self, n, **more):
        return Street(self, n, **more)

    def wait(self, condition, what, seconds=PATIENCE):
        """Until @condition() is true; its value."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Failure(f'waited {seconds:g} s in vain for {what}')
            time.sleep(LOOK)

    def wait_all_have(self, homes, alert, seconds=PATIENCE):
        self.wait(lambda: all(home.has(alert) for home in homes), f'all homes to have {alert[:8]}', seconds)

    def wait_state(self, home, state, seconds=PATIENCE):
        self.wait(lambda: home.state()['state'] == state, f'{home.name} to be {state}', seconds)

    def show_logs(self):
        for home in self.every_home:
            if not os.path.exists(home.log):
                continue
            with open(home.log, encoding='utf-8', errors='replace') as log:
                lines = log.read().splitlines()
            print(f'---- log of {home.name}, the last of {len(lines)} lines', file=sys.stderr)
            for line in lines[-LOG_LINES:]:
                print(line, file=sys.stderr)
            if home.process and not home.up():
                print(f'---- its daemon has ended with {home.process.returncode}', file=sys.stderr)
            for words in (('status',), ('peers',)) if home.up() else ():
                print(f'---- porchlight {words[0]}', home.cli(*words).out, sep='\n', file=sys.stderr)


# ---- running ----

def cases_of(play, wanted):
    for name, method in type(play).__dict__.items():
        if name.startswith('case_') and (not wanted or any(word in name for word in wanted)):
            yield getattr(play, name), (method.__doc__ or name).split('\n')[0]


def run_case(play, case, number, name):
    """True: it did not fail."""
    try:
        case()
    except Skip as why:
        print(f'ok {number} - {name} # SKIP {why}', flush=True)
        return True
    except Exception as why:  # a test that breaks is a test that fails: the next cases may still say why
        print(f'not ok {number} - {name}', flush=True)
        for line in str(why).splitlines() or [repr(why)]:
            print(f'# {line}', flush=True)
        if not isinstance(why, Failure):
            traceback.print_exc()
        else:
            where = traceback.extract_tb(why.__traceback__)
            mine = [frame for frame in where if os.path.basename(frame.filename) != 'street.py']
            print(f'# at {os.path.basename(mine[-1].filename)}:{mine[-1].lineno}' if mine else '#', flush=True)
        play.show_logs()
        return False
    print(f'ok {number} - {name}', flush=True)
    return True


def leave(number, frame):
    sys.exit(128 + number)  # through atexit, so that the daemons end as well


def main(kind):
    parser = argparse.ArgumentParser(description=kind.__doc__)
    parser.add_argument('--build', default=os.environ.get('PORCHLIGHT_BUILD') or os.path.join(ROOT, 'build'),
                        help='the build folder')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32), help='of all chance')
    parser.add_argument('--full', action='store_true', help='the long form of the test')
    parser.add_argument('case', nargs='*', help='only cases with this in their name')
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    print(f'# seed {options.seed}', flush=True)
    play = kind(options)
    try:
        play.open()
    except Skip as why:
        print(f'1..0 # SKIP {why}', flush=True)
        sys.exit(0)
    except Exception as why:
        print(f'not ok 1 - the street opens\n# {why}\n1..1', flush=True)
        traceback.print_exc()
        play.show_logs()
        sys.exit(1)
    number = failed = 0
    for case, name in cases_of(play, options.case):
        number += 1
        began = time.monotonic()
        failed += not run_case(play, case, number, name)
        print(f'# {time.monotonic() - began:.1f} s', flush=True)
    play.end_all()
    for name, lines in play.findings():
        number, failed = number + 1, failed + 1
        print(f'not ok {number} - no bug shows in the log of {name}', *(f'# {line}' for line in lines),
              sep='\n', flush=True)
    print(f'1..{number}', flush=True)
    sys.exit(1 if failed else 0)
