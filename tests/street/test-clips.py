#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clips taken in by a real daemon: every size, over restarts and kills, on full disks; and nothing of them in the clear anywhere."""
import ctypes
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import memory  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

CHUNK = 65536
TAG = 16
SIZES = (0, 1, CHUNK, CHUNK + 1, 20 * 1000 * 1000)
CANARY = b'canary in the coal mine, which no daemon may ever see \xf0\x9f\x90\xa4 '
KILLS_QUICK, KILLS_FULL = 6, 60
SMALL = 40 * 1024 * 1024  # bytes of a disk that has room for the store, what a clip leaves of it (32 MiB), and little more
AT_ONCE = 4               # src/node/clip_in.c
MNT_DETACH = 2


def chunks(size):
    return max(1, -(-size // CHUNK))


class Clips(street.Play):
    def open(self):
        self.anna = self.street(1).homes[0]
        self.kept = {}

    # -- words --

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as out:
            out.write(content)
        return path

    def folder_of(self, home):
        return os.path.join(home.folder, 'clips')

    def names(self, home):
        return set(os.listdir(self.folder_of(home)))

    def whole(self, home, rows):
        """The folder has the files of these clips, of their sizes and modes, and nothing else."""
        want = {name for row in rows for name in (row['id'], row['id'] + '.list')}
        equal(self.names(home), want, 'the files of the clips')
        for row in rows:
            path = os.path.join(self.folder_of(home), row['id'])
            equal(os.path.getsize(path), row['size'] + TAG * chunks(row['size']), 'bytes of a clip')
            equal(os.path.getsize(path + '.list'), 32 * chunks(row['size']), 'bytes of its list')
            equal(os.stat(path).st_mode & 0o777, 0o600, 'its mode')
            equal(row['state'], 'here', 'its state')

    def speak(self, home):
        """A connection on control.sock."""
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(street.PATIENCE)
        link.connect(os.path.join(home.folder, 'control.sock'))
        return link

    # -- cases --

    def case_sizes(self):
        """files of 0 bytes to 20 MB come in, and are shown as what they are"""
        before = time.time()
        for size in SIZES:
            content = os.urandom(size)
            row = self.anna.one('clip', 'add', self.file(f'{size}.bin', content), '--camera', 'front door')
            equal((row['size'], row['camera'], row['state'], row['media'], row['as_is'], row['audio']),
                  (size, 'front door', 'here', 'application/octet-stream', True, False), 'what was said of it')
            equal(row['number'], len(self.kept), 'its place in the chain')
            check(row['sure'] and 'from' not in row, f'times nobody gave: {row}')
            self.kept[row['id']] = row
        rows = self.anna.json('clip', 'list')
        equal([row['id'] for row in rows], list(reversed(self.kept)), 'the list, newest first')
        equal({row['id']: row for row in rows}, self.kept, 'what the list says')
        for clip, row in self.kept.items():
            equal(self.anna.one('clip', 'show', clip[:12]), row, 'what show says')
        self.whole(self.anna, rows)
        check(time.time() >= before, 'the clock')

    def case_words(self):
        """people read it in 80 columns; what is not so is refused by name"""
        out = self.anna.cli('clip', 'list', code=0).out
        check(all(len(line) <= 80 for line in out.splitlines()), f'too wide: {out}')
        check('front door' in out and '20.0 MB' in out, f'the list: {out}')
        clip = next(iter(self.kept))
        shown = self.anna.cli('clip', 'show', clip, code=0).out
        check(clip in shown and 'byte for byte' in shown, f'show: {shown}')
        path = self.file('a', b'a')
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'show', 'ffffffffff')
        self.anna.refused('bad-id', street.USAGE, 'clip', 'show', 'x')
        self.anna.refused('usage', street.USAGE, 'clip', 'add', path)
        self.anna.refused('usage', street.USAGE, 'clip', 'add', path, '--camera', 'd', '--from', '-1h')
        self.anna.refused('usage', street.USAGE, 'clip', 'add', path, '--camera', 'd', '--from', '-1h', '--to', '-2h')
        self.anna.refused('usage', street.USAGE, 'clip', 'add', path, '--camera', 'x' * 65)
        self.anna.refused('cannot-read', street.NOT_FOUND, 'clip', 'add', path + '-not', '--camera', 'd')
        self.anna.refused('cannot-read', street.FAILED, 'clip', 'add', self.folder, '--camera', 'd')
        large = os.path.join(self.folder, 'large')
        with open(large, 'wb') as file:
            file.truncate(4 * 1024 ** 3 + 1)
        self.anna.refused('clip-too-large', street.REFUSED, 'clip', 'add', large, '--camera', 'd')
        self.whole(self.anna, self.anna.json('clip', 'list'))

    def case_told(self):
        """times, place and what becomes of the file are as they were given"""
        path = self.file('told', b'told')
        row = self.anna.one('clip', 'add', path, '--camera', 'Tür', '--from', '2026-11-20 14:05 UTC', '--to',
                            '2026-11-20 14:06 UTC', '--at', '52.52,13.40', '--delete-source')
        equal((row['from'], row['to'], row['camera']), ('2026-11-20T14:05:00Z', '2026-11-20T14:06:00Z', 'Tür'), 'told')
        equal(row['cell'], 'u33dbbv', 'the cell')
        check(not os.path.exists(path), 'the file is still there')
        result = self.anna.cli('clip', 'add', '-', '--camera', 'Tür', stdin='from a pipe', code=0)
        check('Taken in' in result.out, f'{result}')
        home = self.anna.json('clip', 'list')[0]
        equal((home['size'], home['cell']), (11, self.anna.state()['home']), 'from a pipe, at home')

    def case_restart(self):
        """after a restart all are there, and the chain goes on"""
        before = self.anna.json('clip', 'list')
        self.anna.stop()
        for name in ('7.part', '7-list.part', '0' * 64, '0' * 64 + '.list'):
            with open(os.path.join(self.folder_of(self.anna), name), 'wb') as file:
                file.write(b'left by a crash')
        self.anna.start()
        equal(self.anna.json('clip', 'list'), before, 'the list after a restart')
        self.whole(self.anna, before)
        row = self.anna.one('clip', 'add', self.file('next', b'next'), '--camera', 'd')
        equal(row['number'], len(before), 'its place in the chain')

    def case_motion(self):
        """the hook for motion takes a film in, with its times and its camera, and removes it; or leaves it and fails"""
        hook = os.path.join(street.ROOT, 'contrib', 'motion', 'motion-clip')
        env = dict(self.env, PORCHLIGHT_DATA=self.anna.folder, PATH=os.path.dirname(self.programs.cli) + ':' + self.env['PATH'])
        film = self.file('01-20261120.mkv', b'a film')
        os.utime(film, (1795183500, 1795183500))
        subprocess.run([hook, film, "Lea's door", '2026-11-20 14:03:05'], env=env, check=True)
        check(not os.path.exists(film), 'the film is still there')
        row = self.anna.json('clip', 'list')[0]
        equal((row['camera'], row['from'], row['to']), ("Lea's door", '2026-11-20T14:03:05Z', '2026-11-20T14:05:00Z'), 'the clip')
        film = self.file('2.mkv', b'a film')
        failed = subprocess.run([hook, film, '', '2030-01-01 00:00:00'], env=env, stderr=subprocess.DEVNULL, check=False)
        equal((failed.returncode, os.path.exists(film)), (1, True), 'a film that cannot be taken in')
        equal(self.anna.json('clip', 'list')[0], row, 'the latest clip')

    def case_watch(self):
        """a folder is watched: what is there, what is closed, what is moved in; not what is still written"""
        before = len(self.anna.json('clip', 'list'))
        camera = os.path.join(self.folder, 'camera')
        os.mkdir(camera)

        def write(name, content):
            return self.file(os.path.join('camera', name), content)

        def left():
            return sorted(os.listdir(camera))

        write('1.bin', b'there before')
        write('.hidden', b'not for anybody')
        half = open(os.path.join(camera, '2.bin'), 'wb', 0)
        half.write(b'half ')
        watch = subprocess.Popen([self.programs.cli, '--data', self.anna.folder, 'clip', 'watch', camera, '--camera', 'yard', '--json'],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.env, text=True,
                                 preexec_fn=street.die_with_parent)
        self.processes.append(watch)
        equal(json.loads(watch.stdout.readline())['size'], len(b'there before'), 'the first')
        os.rename(self.file('3', b'moved in'), os.path.join(camera, '3.bin'))
        equal(json.loads(watch.stdout.readline())['size'], len(b'moved in'), 'the second')
        self.wait(lambda: left() == ['.hidden', '2.bin'], 'what was taken to go')
        half.write(b'whole')
        half.close()
        equal(json.loads(watch.stdout.readline())['size'], len(b'half whole'), 'the third')
        bad = write('4.jpg', b'\xff\xd8\xff no picture')
        write('5.bin', b'behind a bad one')
        equal(json.loads(watch.stdout.readline())['size'], len(b'behind a bad one'), 'the fourth')
        self.wait(lambda: left() == ['.hidden', '4.jpg'], 'what was taken to go')
        write('7.jpg', b'\xff\xd8\xff a part')
        write('8.bin', b'behind a part of one')
        equal(json.loads(watch.stdout.readline())['size'], len(b'behind a part of one'), 'what came behind a part')
        write('7.jpg', b'and then the whole file')
        equal(json.loads(watch.stdout.readline())['size'], len(b'and then the whole file'), 'one that was not whole at first')
        self.wait(lambda: left() == ['.hidden', '4.jpg'], 'what was taken to go')
        self.anna.stop()
        write('6.bin', b'while it is off')
        self.anna.start()
        equal(json.loads(watch.stdout.readline())['size'], len(b'while it is off'), 'the fifth')
        self.anna.refused('watched', street.FAILED, 'clip', 'watch', camera)
        watch.terminate()
        equal(watch.wait(street.STOP_SECONDS), 0, 'how the watch ended')
        watch.stdout.close()
        equal(len(self.anna.json('clip', 'list')), before + 7, 'clips')
        check(os.path.exists(bad), 'what could not be taken in is gone')
        self.anna.refused('cannot-read', street.NOT_FOUND, 'clip', 'watch', camera + '-not', '--camera', 'yard')

    def case_watch_setting(self):
        """clips.watch names the folder that is watched where none is given; doctor says whether it is"""
        def told():
            return {row['check']: row['state'] for row in self.anna.cli('doctor', '--json').rows()}.get('clips folder')

        yard = os.path.join(self.folder, 'Back yard')
        os.mkdir(yard)
        self.anna.refused('usage', street.USAGE, 'clip', 'watch')
        self.anna.refused('bad-value', street.USAGE, 'config', 'set', 'clips.watch', 'yard')
        equal(told(), None, 'what doctor says of no folder')
        self.anna.cli('config', 'set', 'clips.watch', yard + '/', code=0)
        equal(told(), 'warning', 'what doctor says where nobody watches')
        self.file(os.path.join('Back yard', '1.bin'), b'there before')
        watch = subprocess.Popen([self.programs.cli, '--data', self.anna.folder, 'clip', 'watch', '--json'], env=self.env, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 preexec_fn=street.die_with_parent)
        self.processes.append(watch)
        equal(json.loads(watch.stdout.readline())['camera'], 'Back yard', 'the camera, called like the folder')
        equal(told(), 'ok', 'what doctor says')
        watch.terminate()
        equal(watch.wait(street.STOP_SECONDS), 0, 'how the watch ended')
        watch.stdout.close()
        os.rmdir(yard)
        equal(told(), 'warning', 'what doctor says of a folder that is not there')
        self.anna.cli('config', 'unset', 'clips.watch', code=0)

    def case_missing(self):
        """a clip whose bytes are gone or cut off is told as damaged"""
        row = self.anna.one('clip', 'add', self.file('lost', b'lost'), '--camera', 'd')
        path = os.path.join(self.folder_of(self.anna), row['id'])
        os.truncate(path, 3)
        equal(self.anna.one('clip', 'show', row['id'])['state'], 'damaged', 'cut off')
        os.unlink(path)
        equal(self.anna.one('clip', 'show', row['id'])['state'], 'damaged', 'missing')
        check('DAMAGED' in self.anna.cli('clip', 'list', code=0).out, 'the list for people')
        told = {row['check']: row['state'] for row in self.anna.cli('doctor', '--json').rows()}
        equal(told['clips'], 'warning', 'what doctor says')
        self.anna.stop()
        self.anna.start()
        equal(self.anna.one('clip', 'show', row['id'])['state'], 'damaged', 'after a restart')
        with open(self.anna.log, encoding='utf-8') as log:
            check('the files are missing or damaged' in log.read(), 'the log does not tell')

    def case_canary(self):
        """nothing of a file in the clear: in no file of the daemon's, and not in its memory"""
        path = self.file('canary', CANARY * 4000)
        self.anna.one('clip', 'add', path, '--camera', 'd')
        equal(self.anna.holds_bytes(CANARY[:16]), [], 'files with the clear text')
        self.search(self.anna.process.pid)

    def search(self, pid):
        looked = 0
        try:
            for piece in memory.areas(pid, 'r'):
                looked += len(piece)
                check(CANARY[:16] not in piece, 'the clear text is in the daemon\'s memory')
        except PermissionError:
            raise street.Skip('only root reads the memory of a process that is not dumpable') from None
        check(looked > 1000000, f'only {looked} bytes of memory could be looked at')

    def case_gone(self):
        """a caller that goes away in the middle leaves nothing, and its place is free again"""
        before = self.names(self.anna)
        for _ in range(AT_ONCE + 1):
            add = subprocess.Popen([self.programs.cli, '--data', self.anna.folder, 'clip', 'add', '-', '--camera', 'd'],
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=self.env)
            add.stdin.write(os.urandom(3 * CHUNK))
            add.stdin.flush()
            self.wait(lambda: any(name.endswith('.part') for name in self.names(self.anna)), 'a part file')
            add.kill()
            add.wait()
            add.stdin.close()
            self.wait(lambda: self.names(self.anna) == before, 'the part files to go')
        self.anna.one('clip', 'add', self.file('a', b'a'), '--camera', 'd')

    def case_many(self):
        """more than a few at once are asked to wait; those that came in are whole"""
        before = len(self.anna.json('clip', 'list'))
        adds = [subprocess.Popen([self.programs.cli, '--data', self.anna.folder, 'clip', 'add', '-', '--camera', 'd', '--json'],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env)
                for _ in range(AT_ONCE)]
        self.wait(lambda: sum(name.endswith('.part') for name in self.names(self.anna)) == 2 * AT_ONCE, 'all to begin')
        self.anna.refused('clips-busy', street.FAILED, 'clip', 'add', self.file('a', b'a'), '--camera', 'd')
        for number, add in enumerate(adds):
            out, err = add.communicate(os.urandom(100000 + number))
            equal(add.returncode, 0, f'{err}')
            equal(json.loads(out)['size'], 100000 + number, 'its size')
        rows = self.anna.json('clip', 'list')
        equal(len(rows), before + AT_ONCE, 'clips')
        equal(sorted(row['number'] for row in rows), list(range(len(rows))), 'the chain')

    def case_quota(self):
        """beyond clips.quota nothing comes in, and nothing of it stays"""
        used = sum(os.path.getsize(os.path.join(self.folder_of(self.anna), name)) for name in self.names(self.anna))
        before = self.names(self.anna)
        self.anna.cli('config', 'set', 'clips.quota', str(used + 100000), code=0)
        content = os.urandom(200000)
        self.anna.refused('clips-quota', street.REFUSED, 'clip', 'add', self.file('much', content), '--camera', 'd')
        add = subprocess.run([self.programs.cli, '--data', self.anna.folder, 'clip', 'add', '-', '--camera', 'd', '--json'],
                             input=content, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, check=False)
        equal((add.returncode, json.loads(add.stderr.splitlines()[-1])['error']['name']), (street.REFUSED, 'clips-quota'),
              'of which the size was not known before')
        self.wait(lambda: self.names(self.anna) == before, 'the part files to go')
        self.anna.one('clip', 'add', self.file('little', content[:1000]), '--camera', 'd')
        little = self.anna.json('clip', 'list')[0]['id']
        self.anna.cli('clip', 'destroy', little, '--yes', code=0)
        equal(self.names(self.anna), before, 'files, with the little one destroyed')
        again = self.anna.one('clip', 'add', self.file('little', content[:99000]), '--camera', 'd')  # in its room
        self.anna.cli('clip', 'destroy', again['id'], '--yes', code=0)
        self.anna.cli('config', 'unset', 'clips.quota', code=0)
        self.anna.one('clip', 'add', self.file('much', content), '--camera', 'd')

    def case_kills(self):
        """kill -9 while clips come in: each is there and whole, or not at all; what was acknowledged is"""
        kills = KILLS_FULL if self.full else KILLS_QUICK
        for size in (SIZES[-1], CHUNK + 1):
            self.file(f'{size}.bin', os.urandom(size))
        for _ in range(kills):
            known = {row['id'] for row in self.anna.json('clip', 'list')}
            acknowledged, stop = [], threading.Event()

            def add(size):
                while not stop.is_set():
                    result = self.anna.cli('clip', 'add', path(size), '--camera', 'd', '--json')
                    if result.code == street.DONE:
                        acknowledged.append(result.row()['id'])

            def path(size):
                return os.path.join(self.folder, f'{size}.bin')

            adding = [threading.Thread(target=add, args=(size,)) for size in (SIZES[-1], CHUNK + 1)]
            for thread in adding:
                thread.start()
            self.wait(lambda: acknowledged, 'a first clip')
            time.sleep(self.rng.uniform(0, 0.2))  # chance, not a condition
            self.anna.kill9()
            stop.set()
            for thread in adding:
                thread.join()
            self.anna.start()
            rows = self.anna.json('clip', 'list')
            ids = {row['id'] for row in rows}
            check(ids >= known | set(acknowledged), 'an acknowledged clip is lost')
            equal(sorted(row['number'] for row in rows), list(range(len(rows))), 'the chain')
            rows = [row for row in rows if row['state'] != 'destroyed']
            lost = {row['id'] for row in rows if row['state'] != 'here'}
            check(len(lost) <= 1, f'damaged: {lost}')  # the one of case_missing
            self.whole_but(rows, lost)

    def whole_but(self, rows, lost):
        kept = [row for row in rows if row['id'] not in lost]
        names = {name for name in self.names(self.anna) if name[:64] not in lost}
        equal(names, {name for row in kept for name in (row['id'], row['id'] + '.list')}, 'files after a kill')
        for row in kept:
            with open(os.path.join(self.folder_of(self.anna), row['id']), 'rb') as file:
                content = file.read()
            with open(os.path.join(self.folder_of(self.anna), row['id'] + '.list'), 'rb') as file:
                listed = file.read()
            for i in range(chunks(row['size'])):
                equal(chunk_hash(i, content[i * (CHUNK + TAG):(i + 1) * (CHUNK + TAG)]), listed[32 * i:32 * i + 32],
                      'the hash of a chunk')

    def case_full_disk(self):
        """a disk without room for a clip: told by name, nothing stays, and a smaller one comes in"""
        street.unshare(street.CLONE_NEWNS)
        disk = os.path.join(self.folder, 'disk')
        os.makedirs(disk)
        if street.libc.mount(b'tmpfs', disk.encode(), b'tmpfs', 0, f'size={SMALL}'.encode()):
            raise street.Skip(f'no tmpfs: {os.strerror(ctypes.get_errno())}')
        try:
            ben = self.home()
            ben.folder = os.path.join(disk, 'home')
            ben.start()
            ben.create('Small Street')
            twenty = os.path.join(self.folder, f'{SIZES[-1]}.bin')
            ben.refused('no-space', street.FAILED, 'clip', 'add', twenty, '--camera', 'd')
            with open(twenty, 'rb') as file:
                add = subprocess.run([self.programs.cli, '--data', ben.folder, 'clip', 'add', '-', '--camera', 'd', '--json'],
                                     input=file.read(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     env=self.env, check=False)
            equal((add.returncode, json.loads(add.stderr.splitlines()[-1])['error']['name']), (street.FAILED, 'no-space'),
                  'in the middle')
            self.wait(lambda: self.names(ben) == set(), 'the part files to go')
            self.whole(ben, [ben.one('clip', 'add', self.file('little', b'little'), '--camera', 'd')])
            ben.stop()
        finally:
            street.libc.umount2(disk.encode(), MNT_DETACH)

    def case_write_fails(self):
        """a write that fails at any byte: told by name, nothing stays, the daemon goes on"""
        for limit in (1, 100, CHUNK, CHUNK + TAG, CHUNK + TAG + 1, 300000):
            result = self.limited(limit)
            equal((result.code, result.error()['name']), (street.FAILED, 'no-space'), f'with files of {limit} bytes at most')

    def limited(self, limit):
        """A clip of 400,000 bytes, while the daemon may write no file beyond @limit: set once it is up, since its store is larger."""
        before = self.names(self.anna)
        subprocess.run(['prlimit', f'--pid={self.anna.process.pid}', f'--fsize={limit}:unlimited'], check=True)
        try:
            result = self.anna.cli('clip', 'add', self.file('f', os.urandom(400000)), '--camera', 'd', '--json')
        finally:
            subprocess.run(['prlimit', f'--pid={self.anna.process.pid}', '--fsize=unlimited:unlimited'], check=True)
        self.wait(lambda: self.names(self.anna) == before, 'the part files to go')
        return result

    def case_garbage(self):
        """what a caller sends in place of chunks gets an error, and leaves nothing"""
        before = self.names(self.anna)
        for body in (bytes([37, 0x80]), bytes([38, 0x80]), bytes([36, 0x81, 1, 0xa0]), bytes([37]) + os.urandom(60),
                     b'\xff' * 70000):
            with self.speak(self.anna) as link:
                link.sendall(len(body).to_bytes(4, 'big') + body)
                answer = link.recv(65536)
                check(b'bad-request' in answer, f'the answer to {body[:8]!r}: {answer!r}')
        with self.speak(self.anna) as link:  # a chunk without a clip
            body = bytes([37, 0x81, 1, 0xc4, 16]) + bytes(16)
            link.sendall(len(body).to_bytes(4, 'big') + body)
            check(b'no-clip-open' in link.recv(65536), 'a chunk without a clip')
        equal(self.names(self.anna), before, 'files')
        check(self.anna.up(), 'the daemon has ended')

    def case_no_mesh(self):
        """a home that is in no mesh has nobody to seal to"""
        carl = self.home().start()
        carl.refused('no-mesh', street.REFUSED, 'clip', 'add', self.file('a', b'a'), '--camera', 'd')
        equal(carl.json('clip', 'list'), [], 'clips')
        carl.stop()


def chunk_hash(i, cipher):
    """PROTOCOL 15.3, in a few words of another language."""
    return hashlib.blake2b(b'porchlight/1 chunk\0' + bytes(32) + i.to_bytes(8, 'big') + cipher, digest_size=32).digest()


if __name__ == '__main__':
    street.main(Clips)
