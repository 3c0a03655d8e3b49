#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What footage between homes is for, with five whole daemons: a camera films, the street is told and asks, its owner sees what fits
and gives it to one neighbour, who has the very bytes; a third home that asked the same has nothing. And the same where the owner
or the recipient is killed in the middle, a source lies, or a disk is full.

With --full it is Debian's motion that looks at a film and hands in what moved; else what motion runs then is run.
"""
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'contrib', 'verifier'))
import motion  # noqa: E402
import street  # noqa: E402
import verify  # noqa: E402
from street import check, equal  # noqa: E402

HOOK = os.path.join(street.ROOT, 'contrib', 'motion', 'motion-clip')
SIZE = 320, 240
BEGINS, ENDS, SECONDS = 4, 9, 14  # of the film: when something moves in it
# Of about ten megabits a second, though little moves: a grain that stands still, coded anew in each picture.
CODEC, GRAIN = ('-c:v', 'libx264', '-preset', 'ultrafast', '-g', '1', '-qp', '4'), 'noise=alls=60'
BEFORE = 60  # seconds ago that an event began
SHORT = 4 * 1000 * 1000           # bytes of a camera's file, where motion is not at hand
UPLINK = 16000                    # kbit/s of the owner's line: so that there is a middle of a fetch
CHUNK = 65536 + 16
DISK = 128 << 20
ROOM = 34 << 20  # bytes that are left of it: 32 MiB of them a fetch leaves to the store
MNT_DETACH = 2
PURPOSE = 'who was at the door'


class Story(street.Play):
    def open(self):
        if self.full:
            motion.wanted()
        self.disk = self.small_disk()
        self.homes = self.street(4).homes
        self.anna, self.ben, self.cleo, self.dora = self.homes
        self.emil = self.home()
        if self.disk:
            self.emil.folder = os.path.join(self.disk, 'home')
        self.emil.start()
        self.emil.join(self.anna.invite())
        self.homes.append(self.emil)
        self.anna.cli('config', 'set', 'clips.uplink', str(UPLINK), code=0)
        self.outs = 0

    def small_disk(self):
        """A file system of its own; None where that cannot be had."""
        try:
            street.unshare(street.CLONE_NEWNS)
        except street.Skip:
            return None
        disk = os.path.join(self.folder, 'disk')
        os.makedirs(disk)
        made = street.libc.mount(b'tmpfs', disk.encode(), b'tmpfs', 0, f'size={DISK}'.encode()) == 0
        return disk if made else None

    def close(self):
        super().close()
        if self.disk:
            street.libc.umount2(self.disk.encode(), MNT_DETACH)

    # -- a camera --

    def filmed(self):
        """What the camera makes is taken in. Its row, and its bytes as its owner's vault opens them."""
        before = len(self.anna.json('clip', 'list'))
        path = self.by_motion(before) if self.full else self.by_hook(before)
        row = self.anna.json('clip', 'list')[0]
        with open(self.taken(self.anna, row['id']), 'rb') as file:
            text = file.read()
        if self.full:
            equal(self.pictures(self.out), self.pictures(path), 'pictures in the film that was taken in')
        else:
            check(text == path, 'it is not what was taken in')
        return row, text

    def by_motion(self, before):
        folder = os.path.join(self.folder, f'motion-{before}')
        film, hook, kept = (os.path.join(folder, name) for name in ('film.mp4', 'hook', 'kept'))
        os.makedirs(os.path.join(folder, 'out'))
        with open(hook, 'w', encoding='utf-8') as file:
            file.write(f'#!/bin/sh\ncp "$1" {kept} && exec {HOOK} "$@"\n')
        os.chmod(hook, 0o755)
        motion.film(film, SIZE, f'color=c=white:s=48x48:r=10:d={SECONDS}', BEGINS, ENDS, SECONDS, *CODEC, ground=GRAIN)
        motion.run(self, self.anna, motion.conf(self, film, os.path.join(folder, 'out'), SIZE, 'movie_passthrough on', hook=hook),
                   lambda: len(self.anna.json('clip', 'list')) > before)
        return kept

    def pictures(self, path):
        """A sum over what a film shows, whatever lies around that."""
        return subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-map', '0:v', '-fps_mode', 'passthrough', '-f', 'streamhash', '-'],
                              check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout

    def by_hook(self, before):
        """What motion runs when a film has ended, without motion."""
        path, text = os.path.join(self.folder, f'{before}.film'), os.urandom(SHORT)
        with open(path, 'wb') as file:
            file.write(text)
        env = dict(self.env, PORCHLIGHT_DATA=self.anna.folder, PATH=os.path.dirname(self.programs.cli) + ':' + self.env['PATH'])
        began = time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(time.time() - BEFORE))
        subprocess.run([HOOK, path, 'front door', began], env=env, check=True, stdin=subprocess.DEVNULL)
        check(not os.path.exists(path), 'a clear copy is left')
        return text

    # -- a street --

    def told_and_asked(self, row, *askers):
        """The owner tells the street, which asks; what it asks is seen to fit. Ids of the asks, each of its home."""
        alert = self.anna.one('post', 'unusual-activity', 'Somebody at the door', '--clip', row['id'])['id']
        self.wait_all_have(self.homes, alert)
        equal({tuple(home.alert(alert)['clips']) for home in self.homes}, {(row['id'],)}, 'the clips of the alert')
        asks = [home.one('ask', 'post', '--area', 'home', '--radius', '300m', '--from', '-1h', '--to', '-1s', '--reason', PURPOSE)['id']
                for home in askers]
        self.wait(lambda: set(asks) <= {inbox['id'] for inbox in self.anna.json('inbox')}, 'the asks in the inbox')
        return asks

    def given(self, home, clip):
        return [row['state'] for row in home.json('grant', 'list') if 'line' not in row and row['clip'] == clip]

    def give(self, ask, clip, home):
        self.anna.cli('grant', 'give', ask[:12], '--clip', clip[:12], '--purpose', PURPOSE, '--yes', code=0)
        self.wait(lambda: self.given(home, clip) == ['offered'], 'the offer')

    def taking(self, home, clip):
        """`clip get`, which goes on by itself. The process, and where the clip is to be."""
        self.outs += 1
        out = os.path.join(self.folder, f'out-{self.outs}')
        process = subprocess.Popen([self.programs.cli, '--data', home.folder, 'clip', 'get', clip, '-o', out], env=self.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   preexec_fn=street.die_with_parent)
        self.processes.append(process)
        return process, out

    def taken(self, home, clip):
        process, self.out = self.taking(home, clip)
        equal(process.wait(street.CLI_SECONDS), street.DONE, 'the exit code of clip get')
        return self.out

    def same(self, home, clip, text):
        with open(self.taken(home, clip), 'rb') as file:
            check(file.read() == text, f'{home.name} has other bytes')

    def held(self, home, clip):
        """Chunks of it that are durable there."""
        try:
            with open(os.path.join(home.folder, 'clips', clip + '.have'), 'rb') as file:
                return sum(bin(byte).count('1') for byte in file.read()[:-32])
        except FileNotFoundError:
            return 0

    def half(self, home, row):
        self.wait(lambda: self.held(home, row['id']) >= row['size'] // 65536 // 2, 'half of it')

    def whole(self, home, clip):
        self.wait(lambda: self.given(home, clip) == ['complete'], 'the clip to be whole', street.CLI_SECONDS)

    # -- cases --

    def case_given(self):
        """two homes ask; one is given the clip and has the very bytes; the other has no byte of it, and no key"""
        row, text = self.filmed()
        self.clip, self.text = row, text
        asks = self.told_and_asked(row, self.ben, self.cleo)
        for ask in asks:
            check(row['id'] in [found.get('id') for found in self.anna.json('ask', 'match', ask[:12])], 'what fits')
        self.give(asks[0], row['id'], self.ben)
        self.same(self.ben, row['id'], text)
        self.wait(lambda: [line['what'] for line in self.anna.json('ledger', 'list') if line.get('clip') == row['id']][-1] == 'complete',
                  'the ledger to tell')
        equal(self.given(self.cleo, row['id']), [], 'what the other was given')
        self.cleo.refused('no-such-clip', street.NOT_FOUND, 'clip', 'get', row['id'], '-o', os.path.join(self.folder, 'not'))

    def case_nothing(self):
        """nothing of it lies on the other's disk: no piece of the locked bytes, no key, open or wrapped"""
        row = self.clip
        bundle = os.path.join(self.folder, 'bundle')
        with open(os.path.join(self.anna.folder, 'clips', row['id']), 'rb') as file:
            locked = file.read()
        pieces = [locked[at:at + 64] for at in range(0, len(locked) - 64, CHUNK)] + [self.text[at:at + 64] for at in (0, len(self.text) // 2)]
        grants = [grant['grant'] for grant in self.anna.json('grant', 'list') if grant['clip'] == row['id']]
        with open(os.path.join(self.ben.folder, 'vault', f'taken-{grants[0]}'), 'rb') as file:
            pieces.append(file.read()[-48:])
        self.anna.cli('clip', 'export', row['id'], '-o', bundle, '--yes', code=0)
        with open(bundle, 'rb') as file:
            pieces.append(verify.Bundle(file).key)
        self.anna.stop()
        self.ben.stop()
        found = {home.name: len(self.there(home, pieces)) for home in (self.ben, self.cleo)}
        self.ben.start()
        self.anna.start()
        check(found[self.ben.name] >= len(locked) // CHUNK, f'who was given it has it: {found}')
        equal(found[self.cleo.name], 0, 'pieces at the other')

    def there(self, home, pieces):
        """Those that lie anywhere on its disk."""
        found = set()
        for path in home.files():
            with open(path, 'rb') as file:
                whole = file.read()
            found |= {piece for piece in pieces if piece in whole}
        return found

    def case_owner_killed(self):
        """the owner is killed when half of it is there, and a home that lies has it, too; what is back brings the rest"""
        row, text = self.filmed()
        asks = self.told_and_asked(row, self.ben, self.dora)
        self.give(asks[1], row['id'], self.dora)
        self.same(self.dora, row['id'], text)
        path = os.path.join(self.dora.folder, 'clips', row['id'])
        with open(path, 'r+b') as file:
            for at in range(0, os.path.getsize(path), CHUNK):
                byte = os.pread(file.fileno(), 1, at)[0]
                os.pwrite(file.fileno(), bytes([byte ^ 1]), at)
        self.give(asks[0], row['id'], self.ben)
        process, out = self.taking(self.ben, row['id'])
        self.half(self.ben, row)
        self.anna.kill9()
        kept = self.held(self.ben, row['id'])
        self.wait(lambda: 'a chunk of it is not what the list says' in self.read_log(self.ben), 'the liar to be named')
        equal(process.poll(), None, 'the command that waits')
        self.anna.start()
        equal(process.wait(street.CLI_SECONDS), street.DONE, 'the exit code of clip get')
        with open(out, 'rb') as file:
            check(file.read() == text, 'other bytes')
        print(f'# killed at {kept} of {row["size"] // 65536 + 1} chunks')

    def read_log(self, home):
        with open(home.log, encoding='utf-8', errors='replace') as log:
            return log.read()

    def case_recipient_killed(self):
        """the recipient is killed when half of it is there: that half stays, and the rest comes without being asked for"""
        row, text = self.filmed()
        ask = self.told_and_asked(row, self.dora)[0]
        self.give(ask, row['id'], self.dora)
        process, _ = self.taking(self.dora, row['id'])
        self.half(self.dora, row)
        self.dora.kill9()
        equal(process.wait(street.CLI_SECONDS), street.UNREACHABLE, 'the exit code of clip get, whose daemon is gone')
        kept = self.held(self.dora, row['id'])
        self.anna.stop()  # else the rest may be there before anybody looks
        self.dora.start()
        check(self.held(self.dora, row['id']) >= kept > 0, 'what was there is not there any more')
        self.anna.start()
        self.whole(self.dora, row['id'])
        self.same(self.dora, row['id'], text)

    def case_full_disk(self):
        """at the recipient the disk is full: it says so and waits; with room again the clip comes"""
        if not self.disk:
            raise street.Skip('needs root: a file system of its own')
        row, text = self.clip, self.text
        ask = self.told_and_asked(row, self.emil)[0]
        self.give(ask, row['id'], self.emil)
        ballast = os.path.join(self.disk, 'ballast')
        room = os.statvfs(self.disk)
        with open(ballast, 'wb') as file:
            file.write(bytes(room.f_bavail * room.f_bsize - ROOM))
        process, out = self.taking(self.emil, row['id'])
        self.wait(lambda: [fetch['state'] for fetch in self.emil.json('clip', 'list') if fetch.get('clip') == row['id']] == ['no-room'],
                  'it to say that there is no room')
        equal(process.poll(), None, 'the command that waits')
        os.unlink(ballast)
        equal(process.wait(street.CLI_SECONDS), street.DONE, 'the exit code of clip get')
        with open(out, 'rb') as file:
            check(file.read() == text, 'other bytes')


if __name__ == '__main__':
    street.main(Story)
