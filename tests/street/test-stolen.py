#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thief has the disk of a household with a passphrase, and all memory of its daemon and its locked vault: no clip opens.

What lies there is tried as keys, window by window (support/thief.c), and the true keys, which the vault tells afterwards, are looked
for. That this would find them is shown by the same on the memory of a vault that is unlocked, and on keys that are laid there.
"""
import json
import os
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'contrib', 'verifier'))
import memory  # noqa: E402
import street  # noqa: E402
import verify  # noqa: E402
from street import check, equal  # noqa: E402

CLIPS, CLIPS_FULL = 10, 100
EXPORTED = 5  # of them, in the short form: each takes a command
SIZE = 40
PIECE = 1 << 18  # bytes of memory into which a key is laid
STEP = '8'    # bytes between two tries, of what takes a multiplication each, in the short form
SALT = 16  # proto/clips.def: the manifest's
PASSPHRASE = 'four words are better'


def dump(pid, out):
    """All that the process can write to. How many bytes."""
    with open(out, 'wb') as file:
        return sum(map(file.write, memory.areas(pid, 'w')))


class Stolen(street.Play):
    def open(self):
        if os.geteuid() != 0:
            raise street.Skip('needs root: to read the memory of other programs')
        self.secret = os.path.join(self.folder, 'passphrase')
        with open(self.secret, 'w', encoding='utf-8') as file:
            file.write(PASSPHRASE + '\n')
        self.anna = self.home().start()
        self.anna.one('mesh', 'create', 'Elm Street', '--household', 'Anna', '--at', street.PLACE, '--passphrase-file', self.secret)
        self.texts = {}
        for number in range(CLIPS_FULL if self.full else CLIPS):
            text = os.urandom(SIZE)
            path = os.path.join(self.folder, 'source')
            with open(path, 'wb') as file:
                file.write(text)
            self.texts[self.anna.one('clip', 'add', path, '--camera', 'front', '--delete-source')['id']] = text
        self.loot = self.write_loot()

    def write_loot(self):
        """What is to be opened: each clip's salt, sealed key and bytes."""
        path = os.path.join(self.folder, 'loot')
        with sqlite3.connect(f'file:{self.anna.folder}/porchlight.db?mode=ro', uri=True) as db, \
                open(path, 'w', encoding='utf-8') as loot:
            rows = db.execute('SELECT id, manifest, sealed FROM clip ORDER BY n').fetchall()
            for clip, manifest, sealed in rows:
                with open(os.path.join(self.anna.folder, 'clips', clip.hex()), 'rb') as file:
                    loot.write(f'{verify.value(manifest, 0, 0)[0][SALT].hex()} {sealed.hex()} {file.read().hex()}\n')
        equal(len(rows), len(self.texts), 'the clips')
        return path

    def dumped(self, name):
        """Files with the memory of the daemon, its porter and the vault, as they are now."""
        files = []
        for pid, comm in [(self.anna.process.pid, 'porchlightd'), *street.processes_below(self.anna.process.pid)]:
            files.append(os.path.join(self.folder, f'{name}-{comm}-{pid}'))
            check(dump(pid, files[-1]), f'no memory of {comm}')
        check(any('porchlight-vaul' in file for file in files), 'the vault is not among them')
        return files

    def thief(self, files):
        began = time.monotonic()
        done = subprocess.run([os.path.join(self.programs.build, 'tests', 'thief'), self.loot, '1' if self.full else STEP, *files], stdout=subprocess.PIPE, check=True)
        told = json.loads(done.stdout)
        print(f'# {sum(map(os.path.getsize, files)) / 1e6:.1f} MB, {told["windows"]} windows: {time.monotonic() - began:.1f} s')
        return told['keys'], told['secret']

    def locked(self):
        self.anna.cli('vault', 'lock', code=0)
        equal(self.anna.one('vault', 'show')['unlocked'], False, 'whether the vault is open')

    def case_disk(self):
        """nothing on the disk is a key of a clip, nor opens what one is sealed in"""
        self.disk = list(self.anna.files())
        check({'porchlight.db', 'device.key'} <= {os.path.basename(path) for path in self.disk}, f'the files: {self.disk}')
        equal(self.thief(self.disk), (0, False), 'keys of clips, and whether the household\'s secret was there')

    def case_memory(self):
        """nor is anything in the memory of the daemon that took them in, nor in that of its vault, which is locked"""
        self.locked()
        self.before = self.dumped('before')
        equal(self.thief(self.before), (0, False), 'keys of clips, and whether the household\'s secret was there')

    def case_unlocked(self):
        """of a vault that is unlocked the memory opens all: so the thief can do what it is to do"""
        self.anna.cli('vault', 'unlock', '--passphrase-file', self.secret, code=0)
        vault = [file for file in self.dumped('unlocked') if 'porchlight-vaul' in file]
        check(self.thief(vault)[1], 'the secret of an unlocked vault was not found')

    def case_after(self):
        """clips were opened and handed out, and the vault is locked again: of their keys nothing is left in any memory, or on disk"""
        self.keys = []
        out = os.path.join(self.folder, 'bundle')
        for clip in list(self.texts)[:None if self.full else EXPORTED]:
            self.anna.cli('clip', 'export', clip, '-o', out, '--force', '--yes', code=0)
            with open(out, 'rb') as file:
                self.keys.append(verify.Bundle(file).key)
        clip, text = next(iter(self.texts.items()))
        self.anna.cli('clip', 'get', clip, '-o', out, code=0)
        with open(out, 'rb') as file:
            check(file.read() == text, 'the clip')
        self.locked()
        files = self.dumped('after') + list(self.anna.files())
        equal(self.thief(files), (0, False), 'keys of clips, and whether the household\'s secret was there')
        equal(self.holding(files + self.before), [], 'where a true key is')

    def holding(self, files):
        """Those in which one of the true keys is, at whatever place."""
        found = []
        for path in files:
            with open(path, 'rb') as file:
                whole = file.read()
            found += [path] * any(key in whole for key in self.keys)
        return found

    def case_planted(self):
        """a key that lies in that memory, at an odd place or an even one, is found, by both ways of looking"""
        for at in (4096, 4099):
            with open(self.before[0], 'rb') as file:
                whole = bytearray(file.read(PIECE))
            whole[at:at + 32] = self.keys[-1]
            path = os.path.join(self.folder, 'planted')
            with open(path, 'wb') as file:
                file.write(whole)
            equal(self.thief([path])[0], 1, f'keys that were found, with one at {at}')
            equal(self.holding([path]), [path], 'where a true key is')


if __name__ == '__main__':
    street.main(Stolen)
