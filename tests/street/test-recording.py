#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home that records its evening: what was written replays action for action, and a redacted trace names nobody."""
import base64
import json
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
import terminal  # noqa: E402
from street import check, equal  # noqa: E402

SIZE = 1024 * 1024
SLOTS = 4
STRANGE = 64 * 1024
PASSPHRASE = 'four words are better'
REPLAY_SECONDS = 60
FLUSHED = 15  # seconds within which what happened is in the file, and was read there


class Recording(street.Play):
    def open(self):
        self.replay_program = os.path.join(self.programs.build, 'porchlight-replay')
        self.file = os.path.join(self.folder, 'anna.recording')
        self.passphrase = self.write('passphrase', PASSPHRASE)
        self.texts = []
        self.anna, self.ben, self.cleo = [self.home() for _ in range(3)]
        self.anna.start(*self.record())
        self.ben.start()
        self.cleo.start()
        self.anna.create(self.word('Canary Lane'))
        for home in (self.ben, self.cleo):
            home.join(self.anna.invite('--for', self.word(f'for {home.name}')))
        self.wait(lambda: all(home.state()['homes'] == 3 and home.state()['state'] == 'current'
                              for home in (self.anna, self.ben, self.cleo)), 'the street to settle')

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text + '\n')
        return path

    def word(self, text):
        self.texts.append(text)
        return text

    def record(self, size=SIZE):
        return ('--record', self.file, '--record-size', str(size), '--record-passphrase-file', self.passphrase)

    def replay(self, *args, code=0, passphrase=None, file=None):
        done = subprocess.run([self.replay_program, '--passphrase-file', passphrase or self.passphrase, *args,
                               file or self.file], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=REPLAY_SECONDS, env=self.env)
        result = street.Result(args, done.returncode, done.stdout, done.stderr)
        equal(done.returncode, code, f'exit code of replay: {result}')
        return result

    def rows(self, *args):
        return self.replay('--json', *args).rows()

    def shown(self, text):
        """Is the post in the recording by now? It is read while it is being written."""
        done = subprocess.run([self.replay_program, '--json', '--passphrase-file', self.passphrase, self.file],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False, timeout=REPLAY_SECONDS, env=self.env)
        return f'"text":"{text}"' in done.stdout

    def case_evening(self):
        """posts, comments, a removal, SIGTERM: each action is replayed as it was recorded"""
        first = self.anna.post('fire', self.word('Smoke over number fourteen'))['id']
        for number in range(5):
            self.ben.post('noise', self.word(f'drums and trumpets, part {number}'))
        self.wait_all_have([self.anna, self.ben, self.cleo], first)
        self.ben.cli('alert', 'comment', first, self.word('I have called them'), code=0)
        self.cleo.cli('alert', 'confirm', first, self.word('Seen from the corner'), code=0)
        self.anna.cli('alert', 'update', first, self.word('It is out now'), code=0)
        self.wait(lambda: self.anna.alert(first)['comments'] == 1 and self.anna.alert(first)['confirms'] == 1,
                  'the comment and the confirmation')
        self.anna.cli('member', 'remove', self.cleo.name, '--reason', self.word('moved away'), '--yes', code=0)
        self.wait_state(self.cleo, 'removed')
        self.alert = self.anna.alert(first)
        self.keys = [value for home in (self.anna, self.ben, self.cleo) for value in self.ids(home)]
        self.ports = [home.listen for home in (self.anna, self.ben, self.cleo)]
        self.anna.stop()
        rows = self.rows()
        equal(rows[-1]['end'], 'stopped', 'how the run ended')
        whats = {row['what'] for row in rows if 'what' in row}
        check({'start', 'found', 'publish', 'invite', 'op', 'recv', 'stored', 'link-up', 'stop'} <= whats,
              f'events of an evening: {sorted(whats)}')
        dids = {action['do'] for row in rows[1:-1] for action in row.get('actions', ())}
        check({'send', 'store', 'reply', 'verify', 'handed', 'state'} <= dids, f'actions: {sorted(dids)}')
        equal(rows[-1]['events'], len(rows) - 2, 'events')
        print(f'# {rows[-1]["events"]} events, {rows[-1]["actions"]} actions, '
              f'{os.path.getsize(self.file)} bytes')

    def ids(self, home):
        status = home.state()
        return [status[name] for name in ('mesh_id', 'household_id', 'device_id')]

    def case_parts(self):
        """--from, --to, --until and text show parts of the same run"""
        rows = self.rows()
        half = rows[len(rows) // 2]['ms'] / 1000
        early, late = self.rows('--to', str(half)), self.rows('--from', str(half + 0.001))
        equal(len(early) + len(late), len(rows) + 2, 'lines of the two halves')
        until = self.rows('--until', '20')
        equal((until[-1]['end'], until[-1]['events']), ('until', 19), 'a run that stops before event 20')
        words = self.replay().out
        equal(len([line for line in words.splitlines() if re.match(r' *\d+ +\d+\.\d{3}  ', line)]), len(rows) - 2,
              'lines of text that are events')
        listed = self.replay('--list', '--json').rows()
        equal([row['run'] for row in listed], [0], 'runs')

    def case_redacted(self):
        """nothing of what was said, and of who said it where, is in a redacted trace; keys are in none"""
        out = os.path.join(self.folder, 'shareable')
        self.replay('--redact', out)
        with open(out, 'rb') as file:
            trace = file.read()
        whole = self.replay('--json').out.encode()
        cells = [self.alert['cell'], self.alert['cell'][:6]]
        words = self.texts + [home.name for home in (self.anna, self.ben, self.cleo)] + cells
        words += [address.rsplit(':', 1)[0] for address in self.ports] + [f':{address.rsplit(":", 1)[1]}"' for address in self.ports]
        ids = self.keys + [self.alert['id']]
        found = [word for word in words + ids for form in self.forms(word) if form in trace]
        equal(found, [], 'canaries in the redacted trace')
        found = [value for value in ids for form in self.key_forms(bytes.fromhex(value)) if form in trace]
        equal(found, [], 'ids in the redacted trace')
        with open(os.path.join(self.anna.folder, 'device.key'), 'rb') as file:
            key = file.read()[9:9 + 96]
        for at in range(0, 96, 32):
            for form in self.key_forms(key[at:at + 32]):
                check(form not in trace and form not in whole, 'a secret key is in a trace')
        check(self.texts[3].encode() in whole, 'the post is not in the trace that was not redacted')
        check(self.keys[2].encode() in whole, 'the device is not in the trace that was not redacted')
        rows = [json.loads(line) for line in trace.splitlines()]
        check(rows[0]['redacted'] and rows[-1]['events'] == len(rows) - 2, f'head and end: {rows[0]}, {rows[-1]}')
        equal([(row['what'], row['ms']) for row in rows[1:-1]],
              [(row['what'], row['ms']) for row in self.rows()[1:-1]], 'the events')
        self.replay('--redact', out, code=1)

    def forms(self, text):
        raw = text.encode()
        yield from (raw, raw.lower(), raw.upper(), text.encode('utf-16-le'), raw.hex().encode())
        for shift in range(3):  # base64 at each alignment, without the characters its neighbours have a part in
            coded = base64.b64encode(b'\0' * shift + raw).rstrip(b'=')
            if len(coded) > 8:
                yield coded[4:-1]

    def key_forms(self, raw):
        yield from (raw, raw[:8], raw.hex().encode(), raw.hex()[:8].encode(), raw.hex().upper()[:8].encode(),
                    base64.b64encode(raw)[:8], base64.b32encode(raw)[:8], base64.b32encode(raw)[:8].lower())

    def case_sealed(self):
        """nothing of it stands in the file in the clear, and no other user may read it"""
        with open(self.file, 'rb') as file:
            raw = file.read()
        found = [word for word in self.texts + self.keys for form in self.forms(word) if form in raw]
        found += [value for value in self.keys for form in self.key_forms(bytes.fromhex(value)) if form in raw]
        equal(found, [], 'words in the file')
        equal(os.stat(self.file).st_mode & 0o777, 0o600, 'its mode')

    def case_killed(self):
        """kill -9: what was written by then replays"""
        self.anna.start(*self.record())
        self.wait_state(self.anna, 'current')
        text = 'the last thing before the power went'
        self.anna.post('other', text)
        self.wait(lambda: self.shown(text), 'the post to be in the recording', FLUSHED)
        self.anna.kill9()
        rows = self.rows()
        equal((rows[0]['run'], rows[-1]['end']), (1, 'cut'), 'the run, and how it ended')
        check(any(row.get('text') == text for row in rows), 'the post is not in it')
        check(any(row.get('what') == 'restore' for row in rows), 'the start has no rows of the store')
        equal(self.rows('--run', '0')[-1]['end'], 'stopped', 'the run before')

    def case_ring(self):
        """a run ends where its part is full, the oldest is written over, and the file does not grow past its size"""
        for _ in range(SLOTS):
            self.anna.start(*self.record())
            self.wait_state(self.anna, 'current')
            self.anna.stop()
        equal([row['run'] for row in self.replay('--list', '--json').rows()], [5, 4, 3, 2], 'runs')
        for run in range(2, 6):
            equal(self.rows('--run', str(run))[-1]['end'], 'stopped', f'the end of run {run}')
        self.anna.start(*self.record())
        self.wait_state(self.anna, 'current')
        self.wait(lambda: self.fill() and self.anna_says('has filled its part'), 'the run to fill its part', 120)
        self.anna.stop()
        rows = self.rows()
        equal((rows[0]['run'], rows[-1]['end']), (6, 'full'), 'the run, and how it ended')
        check(os.path.getsize(self.file) <= SIZE, f'the file has grown to {os.path.getsize(self.file)}')

    def fill(self):
        """Strangers who say much, none of which can be packed."""
        for _ in range(16):
            with socket.create_connection(self.anna.place()) as stranger:
                try:
                    stranger.sendall(self.rng.randbytes(STRANGE))
                except OSError:  # it has hung up
                    pass
        return True

    def anna_says(self, words):
        with open(self.anna.log, encoding='utf-8') as log:
            return words in log.read()

    def case_wrong(self):
        """what is wrong is named, and nothing that is there is lost"""
        wrong = self.write('wrong', 'another passphrase')
        for name, code, args in (('wrong-passphrase', 7, {'passphrase': wrong}),
                                 ('not-a-recording', 1, {'file': self.passphrase}),
                                 ('cannot-read', 1, {'file': os.path.join(self.folder, 'nobody')})):
            check(f'porchlight-replay: {name}: ' in self.replay(code=code, **args).err, f'no error named {name}')
        equal(self.replay('--json', code=7, passphrase=wrong).error()['name'], 'wrong-passphrase', 'its name in JSON')
        self.replay('--run', '77', code=4)
        equal(self.replay('--run', '0', code=4).err.split(': ')[1], 'no-run', 'a run that was written over')
        with open(self.file, 'rb') as file:
            raw = bytearray(file.read())
        for at, name in ((3, 'not-a-recording'), (8, 'other-version'), (20, 'damaged')):
            raw[at] ^= 1
            check(f': {name}: ' in self.replay(code=1, file=self.copy(raw)).err, f'byte {at}: no error named {name}')
            raw[at] ^= 1
        slot = SIZE // SLOTS - 32
        newest = 32 + 6 % SLOTS * slot
        raw[newest + 5000] ^= 1
        check(': damaged: ' in self.replay('--quiet', '--run', '6', code=1, file=self.copy(raw)).err, 'not damaged')
        equal(self.replay('--quiet', code=1, file=self.copy(raw[:40])).err.split(': ')[1], 'damaged', 'a file of 40 bytes')

    def copy(self, raw):
        path = os.path.join(self.folder, 'copy')
        with open(path, 'wb') as file:
            file.write(raw)
        return path

    def run_replay(self, *args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more):
        done = subprocess.run([self.replay_program, *args], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=REPLAY_SECONDS, env=self.env, **more)
        return done.returncode, done.stdout, done.stderr

    def case_asked_wrongly(self):
        """what is asked wrongly is refused before anything is read, and a passphrase is taken from a file, a pipe or a person"""
        for args in ((), (self.file, self.file), ('--to', '0', self.file), ('--to', 'x', self.file), ('--from', '-1', self.file),
                     ('--from', '1s', self.file), ('--from', '1e20', self.file), ('--until', '0', self.file),
                     ('--until', 'x', self.file), ('--run', 'x', self.file), ('--colour', self.file), ('--run',)):
            code, out, err = self.run_replay(*args)
            equal((code, out), (2, ''), f'{args}: its code, and what it printed')
            check('porchlight-replay: usage: ' in err, f'{args}: {err}')
        equal(json.loads(self.run_replay('--json', '--to', 'x', self.file)[2])['error']['name'], 'usage', 'its name in JSON')
        equal(self.run_replay('--help')[0], 0, 'the exit code of --help')
        check('porchlight-replay' in self.run_replay('--version')[1], '--version does not say who it is')
        empty, long = self.write('empty', ''), self.write('long', 'x' * 2000)
        for args, name in (((self.file,), 'passphrase-needed'),
                           (('--passphrase-file', empty, self.file), 'passphrase-needed'),
                           (('--passphrase-file', long, self.file), 'passphrase-needed'),
                           (('--passphrase-file', self.folder, self.file), 'passphrase-needed'),
                           (('--passphrase-file', os.path.join(self.folder, 'nobody'), self.file), 'cannot-read'),
                           (('--passphrase-file', self.passphrase, self.folder), 'cannot-read')):
            code, _, err = self.run_replay(*args)
            equal(code, 7 if name == 'passphrase-needed' else 1, f'{args}: its code')
            check(f': {name}: ' in err, f'{args}: {err}')
        equal(self.run_replay('--passphrase-file', '-', '--quiet', self.file, stdin=None, input=PASSPHRASE + '\n')[0], 0,
              'the exit code with the passphrase in a pipe')
        said = self.run_replay('--quiet', '--passphrase-file', self.passphrase, self.file)[2]
        check('each as it was recorded' in said, f'--quiet does not say how it went: {said}')
        with open('/dev/full', 'w', encoding='utf-8') as full:
            code, _, err = self.run_replay('--passphrase-file', self.passphrase, self.file, stdout=full)
        check(code == 1 and ': cannot-write: ' in err, f'a full disk: {code}, {err}')
        check('run 6, begun 20' in self.run_replay('--list', self.file)[1], '--list in words')
        with open(self.file, 'rb') as file:
            head = file.read(32)
        equal(self.run_replay('--list', self.copy(head))[0], 4, 'the exit code of --list where there is no run')

    def case_on_a_terminal(self):
        """the passphrase is asked for and not shown; who changes his mind is let go"""
        for typed, code, words in ((PASSPHRASE + '\n', 0, 'each as it was recorded'), ('\x03', 7, 'passphrase-needed'),
                                   ('\n', 7, 'passphrase-needed')):
            screen = terminal.Terminal([self.replay_program, '--quiet', self.file], self.env)
            screen.until('assphrase')
            screen.type(typed)
            equal(screen.end().code, code, f'its code after {typed!r}')
            check(words in screen.raw and PASSPHRASE not in screen.raw, f'on the terminal stands {screen.raw}')

    def case_another_passphrase(self):
        """a start under another passphrase locks its own run alone, and whoever gives the wrong one of the two is told"""
        old, self.passphrase = self.passphrase, self.write('new', 'another one since today')
        self.anna.start(*self.record())
        self.wait_state(self.anna, 'current')
        self.anna.stop()
        equal(self.rows()[0]['run'], 7, 'the newest run')
        said = self.replay(code=7, passphrase=old).err
        check(': other-passphrase: run 7 ' in said and '--run 6' in said, f'it does not say which run opens: {said}')
        said = self.replay('--run', '6', code=7).err
        check(': other-passphrase: run 6 ' in said and '--run 7' in said, f'it does not say which run opens: {said}')
        equal(self.replay('--json', '--run', '6', passphrase=old).rows()[0]['run'], 6, 'the run before')
        equal(self.replay(code=7, passphrase=self.write('wrong', 'a third passphrase')).err.split(': ')[1], 'wrong-passphrase', 'its name')
        self.passphrase = old

    def case_refused(self):
        """a daemon does not start over a file that is no recording of its own, or without a passphrase"""
        with open(self.file, 'rb') as file:
            before = file.read()
        short = self.write('short', 'short')
        for args, why in ((('--record', self.passphrase, '--record-passphrase-file', self.passphrase), 'is not a recording'),
                          (self.record(2 * SIZE), 'another --record-size'),
                          (('--record', self.file, '--record-size', str(SIZE)), 'record-passphrase: '),
                          ((*self.record()[:4], '--record-passphrase-file', short), 'is not a passphrase'),
                          (('--record', self.folder, '--record-passphrase-file', self.passphrase), 'record: ')):
            process = self.anna.spawn(*args)
            check(process.wait(street.STOP_SECONDS) != 0, f'it started with {args}')
            check(self.anna_says(why), f'its log does not say "{why}"')
        with open(self.file, 'rb') as file:
            equal(file.read() == before, True, 'the file is as it was')
        with open(self.passphrase, encoding='utf-8') as file:
            equal(file.read(), PASSPHRASE + '\n', 'and so is the other')


if __name__ == '__main__':
    street.main(Recording)
