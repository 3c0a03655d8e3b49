#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bytes of a clip on their way from home to home, over links of their own: whole and the same whatever happens to either."""
import os
import socket
import sqlite3
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_daemon  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SIZE = 20 * 1000 * 1000
FETCH_BEGIN, DONE = 45, 64  # proto/control.def
LIFE = 3600


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

    def manifest(self, home, clip):
        """As its owner's vault would hand it over with a grant."""
        with sqlite3.connect(f'file:{home.folder}/porchlight.db?mode=ro', uri=True) as db:
            return db.execute('SELECT manifest FROM clip WHERE id = ?', (bytes.fromhex(clip),)).fetchone()[0]

    def begin(self, home, clip, manifest, life=LIFE):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(street.PATIENCE)
            link.connect(os.path.join(home.folder, 'control.sock'))
            link.sendall(fake_daemon.frame(FETCH_BEGIN, {1: manifest, 2: int(time.time()) + life}))
            head = link.recv(5)
            check(head[4] == DONE, f'a fetch did not begin: {link.recv(400)!r}')

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
        manifest = self.manifest(self.anna, clip)
        begun = time.monotonic()
        self.begin(self.ben, clip, manifest)
        self.wait_whole(self.ben, self.anna, clip)
        print(f'# {SIZE / 1e6 / (time.monotonic() - begun):.0f} MB/s')
        self.anna.stop()
        self.begin(self.carla, clip, manifest)
        self.wait_whole(self.carla, self.ben, clip)
        self.anna.start()


if __name__ == '__main__':
    street.main(Haul)
