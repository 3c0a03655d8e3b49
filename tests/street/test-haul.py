#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bytes of a clip on their way from home to home, over links of their own: whole and the same whatever happens to either."""
import ctypes
import hashlib
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fetch  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SIZE = 20 * 1000 * 1000
LONG = 60 * 1000 * 1000  # so long that it can be stopped in the middle
UPLINK = '40000'  # kbit/s: it takes twelve seconds then
MANY = 12 * 1000 * 1000
AT_ONCE = 4  # FETCH_AT_ONCE
SOON = 10
PLAIN = 65536  # bytes of a chunk
CHUNK = PLAIN + 16
DISK = 128 << 20
MNT_DETACH = 2
HOUR = 3600


class Haul(street.Play):
    def open(self):
        homes = self.street(3).homes
        self.anna, self.ben, self.carla = homes

    # -- words --

    def clip(self, home, size=SIZE):
        path = os.path.join(self.folder, f'{time.monotonic_ns()}.bin')
        with open(path, 'wb') as out:
            out.write(os.urandom(size))
        row = home.one('clip', 'add', path, '--camera', 'front door')
        os.unlink(path)
        return row['id']

    def begin(self, owner, home, clip, *more):
        fetch.begin(owner, home, clip, *more)

    def hide(self, home, clip):
        """It has lost the bytes: whoever wants them has to get them elsewhere."""
        os.rename(self.path(home, clip), os.path.join(self.folder, clip))

    def show(self, home, clip):
        os.rename(os.path.join(self.folder, clip), self.path(home, clip))

    def path(self, home, clip, more=''):
        return os.path.join(home.folder, 'clips', clip + more)

    def bytes(self, home, clip):
        with open(self.path(home, clip), 'rb') as file:
            return file.read()

    def has(self, home, clip):
        return os.path.exists(self.path(home, clip)) and not os.path.exists(self.path(home, clip, '.have'))

    def wait_whole(self, home, owner, clip):
        self.wait(lambda: self.has(home, clip), 'the clip to be whole')
        check(self.bytes(home, clip) == self.bytes(owner, clip), 'it is another clip')
        check(not os.path.exists(self.path(home, clip, '.have.part')), 'something is left')

    def told(self, home, clip):
        """What `clip list` says of it."""
        return [row['state'] for row in home.json('clip', 'list') if row.get('clip') == clip]

    def held(self, home, clip):
        """Chunks that its .have tells of."""
        try:
            with open(self.path(home, clip, '.have'), 'rb') as file:
                return sum(bin(byte).count('1') for byte in file.read()[:-32])
        except FileNotFoundError:
            return 0

    # -- cases --

    def case_plain(self):
        """20 MB come over, the same bytes, and a second home has them from both"""
        clip = self.clip(self.anna)
        fetch.share(self.anna, self.ben, clip)
        begun = time.monotonic()
        fetch.accept(self.ben, clip)
        self.wait_whole(self.ben, self.anna, clip)
        print(f'# {SIZE / 1e6 / (time.monotonic() - begun):.0f} MB/s')
        self.hide(self.anna, clip)
        self.begin(self.anna, self.carla, clip)
        self.wait_whole(self.carla, self.ben, clip)
        self.show(self.anna, clip)

    def stolen(self, home, owner, clip):
        """@home has a clip's manifest, as somebody's program might who was given none, and begins to fetch it."""
        with sqlite3.connect(f'file:{owner.folder}/porchlight.db?mode=ro', uri=True) as db:
            manifest = db.execute('SELECT manifest FROM clip WHERE id = ?', (bytes.fromhex(clip),)).fetchone()[0]
        body = int(time.time() + HOUR).to_bytes(8, 'big') + manifest
        home.stop()
        with open(self.path(home, clip, '.want'), 'wb') as file:
            file.write(body + hashlib.blake2b(b'porchlight/1 fetch\0' + bytes(32) + bytes.fromhex(clip) + body,
                                              digest_size=32).digest())
        home.start()

    def footage(self, home):
        """To whom it has links for that."""
        return [row['household'] for row in home.json('peers') if 'footage' in row]

    def case_no_grant(self):
        """who knows a clip and was not given it gets nothing of it: of its owner, and of a home that has it by a grant"""
        clip = self.clip(self.anna, 1000000)
        self.begin(self.anna, self.ben, clip)
        self.wait_whole(self.ben, self.anna, clip)
        self.stolen(self.carla, self.anna, clip)
        for home in (self.anna, self.ben):  # what is asked over one link is answered in its order
            self.wait(lambda h=home: h.name in self.footage(self.carla), 'it to be asked')
            other = self.clip(home, 1000000)
            self.begin(home, self.carla, other)
            self.wait_whole(self.carla, home, other)
        equal(self.told(self.carla, clip), ['waits'], 'what becomes of it')
        check(not os.path.exists(self.path(self.carla, clip, '.list')), 'the list has come')
        self.begin(self.anna, self.carla, clip)
        self.wait_whole(self.carla, self.anna, clip)

    def told_back(self, home):
        """Grants of which it was told that they were taken back: PAPER_IN_TOLD."""
        with sqlite3.connect(f'file:{home.folder}/porchlight.db?mode=ro', uri=True) as db:
            return db.execute('SELECT count(*) FROM paper WHERE what = 14').fetchone()[0]

    def case_taken_back(self):
        """a home that has not heard that its grant was taken back gets no byte of another one that was given the same clip"""
        clip = self.clip(self.anna, 1000000)
        self.begin(self.anna, self.ben, clip)
        self.wait_whole(self.ben, self.anna, clip)
        self.ben.stop()
        self.hide(self.anna, clip)
        self.begin(self.anna, self.carla, clip)
        self.carla.kill9()
        grant = next(row['grant'] for row in self.anna.json('grant', 'list', '--clip', clip) if row['name'] == self.carla.name)
        self.anna.cli('grant', 'revoke', grant, '--yes', code=0)
        self.ben.start()
        self.wait(lambda: self.told_back(self.ben), 'the other home to hear of it')
        self.anna.stop()
        self.carla.start()
        self.wait(lambda: self.ben.name in self.footage(self.carla), 'it to be asked')
        other = self.clip(self.ben, 1000000)
        self.begin(self.ben, self.carla, other)
        self.wait_whole(self.carla, self.ben, other)
        equal(self.told(self.carla, clip), ['waits'], 'what becomes of it')
        check(not os.path.exists(self.path(self.carla, clip, '.list')), 'the list has come')
        self.show(self.anna, clip)
        self.anna.start()
        self.wait(lambda: fetch.given(self.carla, clip)[0]['state'] == 'taken-back', 'it to hear of it')

    def case_read_while_it_comes(self):
        """a clip that is granted is read by a pipe while it comes, and is the same; its owner's ledger has it complete"""
        content = os.urandom(SIZE)
        path = os.path.join(self.folder, 'film')
        with open(path, 'wb') as out:
            out.write(content)
        clip = self.anna.one('clip', 'add', path, '--camera', 'front door')['id']
        fetch.share(self.anna, self.ben, clip)
        got = subprocess.run([self.programs.cli, '--data', self.ben.folder, 'clip', 'get', clip, '-o', '-'],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, check=False)
        equal(got.returncode, 0, f'exit code of clip get -o -: {got.stderr!r}')
        check(got.stdout == content, 'other bytes came out of the pipe')
        self.wait(lambda: any(row['what'] == 'complete' for row in self.anna.json('ledger', 'list')), 'the ledger to say so')

    def case_several(self):
        """as many clips as come at once, all of one home and on a fast line: it takes what is wanted of it"""
        clips = [self.clip(self.anna, MANY) for _ in range(AT_ONCE)]
        for clip in clips:
            fetch.share(self.anna, self.ben, clip)
        for clip in clips:
            fetch.accept(self.ben, clip)
        for clip in clips:
            self.wait_whole(self.ben, self.anna, clip)
        with open(self.anna.log, encoding='utf-8') as log:
            check('more at once than it may' not in log.read(), 'an honest home was hung up on')

    # -- what goes wrong --

    def case_interrupted(self):
        """who has given up on a player that does not read ends `clip get`, and it says what became of it"""
        clip = self.clip(self.anna, MANY)
        process = subprocess.Popen([self.programs.cli, '--data', self.anna.folder, 'clip', 'get', clip, '-o', '-'],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env)
        try:
            check(process.stdout.read(1) != b'', 'nothing came')
            process.send_signal(signal.SIGINT)
            code = process.wait(SOON)
        except subprocess.TimeoutExpired:
            raise street.Failure('it goes on') from None
        finally:
            process.kill()
            told = process.communicate()[1]
        equal(code, street.FAILED, 'the exit code')
        check(b'interrupted' in told, f'what it says: {told!r}')

    def readable(self, home, clip):
        """Bytes from its beginning on that a reader may have."""
        return next(row['reads'] for row in home.json('clip', 'list') if row.get('clip') == clip) * PLAIN

    def take(self, pipe, size):
        """Reads that much."""
        left = size
        while left:
            check(select.select([pipe], [], [], SOON)[0], f'{left} bytes that are here do not come out')
            got = len(os.read(pipe.fileno(), left))
            check(got, 'it ends')
            left -= got
        return size

    def slow(self, kbit):
        """What the owner's line may carry of clips; 0: all of it."""
        self.anna.cli('config', 'set', 'clips.uplink', kbit, code=0)

    def case_player_gone(self):
        """its owner is away in the middle of a clip, and then the player goes: `clip get -o -` ends, and says so"""
        self.slow(UPLINK)
        clip = self.clip(self.anna, LONG)
        fetch.share(self.anna, self.ben, clip)
        process = subprocess.Popen([self.programs.cli, '--data', self.ben.folder, 'clip', 'get', clip, '-o', '-'],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, bufsize=0)
        try:
            check(process.stdout.read(1) != b'', 'nothing came')
            self.anna.kill9()
            self.wait(lambda: 'waits' in self.told(self.ben, clip), 'the fetch to wait')
            taken = 1
            while (more := self.readable(self.ben, clip) - taken) > 0:
                taken += self.take(process.stdout, more)
            check(process.poll() is None, 'it has not waited for its owner')
            process.stdout.close()
            code = process.wait(SOON)
        except subprocess.TimeoutExpired:
            raise street.Failure('it waits on') from None
        finally:
            process.kill()
            told = process.stderr.read()
            process.wait()
            self.anna.start()
        self.slow('0')
        equal(code, street.FAILED, 'the exit code')
        check(b'what reads the clip has gone' in told, f'what it says: {told!r}')
        self.wait_whole(self.ben, self.anna, clip)

    def part(self, home, clip, least=64):
        """Waits until so many chunks are told durable; how many."""
        self.wait(lambda: self.held(home, clip) >= least or self.has(home, clip), 'the first chunks')
        return self.held(home, clip)

    def case_owner_killed(self):
        """the owner is killed in the middle: what was there stays, and the rest comes when it is back"""
        self.slow(UPLINK)
        clip = self.clip(self.anna, LONG)
        self.begin(self.anna, self.ben, clip)
        self.part(self.ben, clip)
        self.anna.kill9()
        before = self.held(self.ben, clip)
        check(not self.has(self.ben, clip), 'it was whole before its owner could be killed')
        self.wait(lambda: 'waits' in self.told(self.ben, clip), 'the fetch to wait')
        check(self.held(self.ben, clip) >= before, 'something was thrown away')
        self.anna.start()
        self.slow('0')
        self.wait_whole(self.ben, self.anna, clip)

    def case_recipient_killed(self):
        """the recipient is killed in the middle, twice, and goes on by itself where it was; a damaged .have is made anew"""
        clip = self.clip(self.anna, LONG)
        self.begin(self.anna, self.ben, clip)
        for least, spoil in ((64, False), (200, True)):
            self.part(self.ben, clip, least)
            self.ben.kill9()
            before = self.held(self.ben, clip)
            check(before and not self.has(self.ben, clip), 'it was whole before it could be killed')
            if spoil:
                self.flip(self.path(self.ben, clip, '.have'))
            self.anna.stop()
            self.ben.start()
            self.wait(lambda: self.held(self.ben, clip) >= before, 'what was there to be there again')  # noqa: B023
            self.anna.start()
        self.wait_whole(self.ben, self.anna, clip)

    def flip(self, path, every=None):
        with open(path, 'r+b') as file:
            for at in range(0, os.path.getsize(path), every or os.path.getsize(path)):
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1]))

    def case_liar(self):
        """a source that lies brings nothing, is named, and is asked no more; its owner's own bytes make the clip whole"""
        clip = self.clip(self.anna)
        self.begin(self.anna, self.carla, clip)
        self.wait_whole(self.carla, self.anna, clip)
        self.hide(self.anna, clip)
        self.flip(self.path(self.carla, clip), CHUNK)
        self.begin(self.anna, self.ben, clip)
        self.wait(lambda: 'a chunk of it is not what the list says' in self.read_log(self.ben), 'the liar to be named')
        equal(self.held(self.ben, clip), 0, 'chunks of a liar')
        self.show(self.anna, clip)
        self.wait_whole(self.ben, self.anna, clip)

    def case_many(self):
        """six clips are fetched at once, and a start with some of them half way finds all"""
        clips = [self.clip(self.anna, 5000000) for _ in range(20 if self.full else 6)]
        for clip in clips:
            self.begin(self.anna, self.ben, clip)
        self.wait(lambda: any(self.has(self.ben, clip) for clip in clips), 'one of them')
        self.ben.kill9()
        stray = self.path(self.ben, 64 * 'e', '.have')
        with open(stray, 'wb') as file:
            file.write(b'left over')
        self.ben.start()
        for clip in clips:
            self.wait_whole(self.ben, self.anna, clip)
        check(not os.path.exists(stray), 'what a crash left is still there')

    def read_log(self, home):
        with open(home.log, encoding='utf-8', errors='replace') as log:
            return log.read()

    def case_full_disk(self):
        """a disk that gets full holds the fetch up, by name; with room again it goes on"""
        street.unshare(street.CLONE_NEWNS)
        disk = os.path.join(self.folder, 'disk')
        os.makedirs(disk)
        if street.libc.mount(b'tmpfs', disk.encode(), b'tmpfs', 0, f'size={DISK}'.encode()):
            raise street.Skip(f'no tmpfs: {os.strerror(ctypes.get_errno())}')
        try:
            dora = self.home()
            dora.folder = os.path.join(disk, 'home')
            dora.start()
            dora.join(self.anna.invite())
            clip = self.clip(self.anna)
            ballast = os.path.join(disk, 'ballast')
            with open(ballast, 'wb') as file:
                file.write(bytes(DISK - (48 << 20)))
            self.begin(self.anna, dora, clip)
            self.wait(lambda: 'no-room' in self.told(dora, clip), 'the fetch to want room')
            check(not self.has(dora, clip), 'it had room for it')
            os.unlink(ballast)
            self.wait_whole(dora, self.anna, clip)
            dora.stop()
        finally:
            street.libc.umount2(disk.encode(), MNT_DETACH)

    def gone(self, home, clip):
        return not any(name.startswith(clip) for name in os.listdir(self.path(home, '')))

    def case_called_off(self):
        """--cancel removes what has come; nothing of it is left behind, nor comes again until somebody asks for it"""
        clip = self.clip(self.anna, 1000000)
        self.hide(self.anna, clip)
        self.begin(self.anna, self.ben, clip)
        self.ben.cli('clip', 'get', clip[:8], '--cancel', code=0)
        self.wait(lambda: self.gone(self.ben, clip), 'its files to go')
        self.ben.stop()
        self.show(self.anna, clip)
        self.ben.start()
        other = self.clip(self.anna, 1000000)
        self.begin(self.anna, self.ben, other)
        self.wait_whole(self.ben, self.anna, other)
        check(self.gone(self.ben, clip), 'it comes again by itself')
        self.ben.cli('clip', 'get', clip[:8], '-o', self.ben.folder + '.clip', code=0)
        self.begin(self.anna, self.ben, clip)
        self.wait_whole(self.ben, self.anna, clip)
        self.ben.cli('clip', 'get', clip[:8], '--cancel', code=0)
        self.wait(lambda: self.gone(self.ben, clip) and not self.told(self.ben, clip), 'all of it to go')
        self.ben.refused('no-fetch', street.NOT_FOUND, 'clip', 'get', clip[:8], '--cancel')
        equal(self.anna.one('clip', 'show', clip)['state'], 'here', "the owner's own")

    def case_time_over(self):
        """so does the end of its time"""
        clip = self.clip(self.anna, 1000000)
        self.begin(self.anna, self.ben, clip, '--expires', '1h')
        self.wait_whole(self.ben, self.anna, clip)
        self.ben.stop()
        self.put_ahead(2 * HOUR)
        self.ben.start()
        self.wait(lambda: self.gone(self.ben, clip), 'its files to go')


if __name__ == '__main__':
    street.main(Haul)
