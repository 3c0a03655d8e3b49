#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backup and restore where there is no room: each is refused by name, and leaves what there was as it was."""
import ctypes
import hashlib
import os
import queue
import resource
import sqlite3
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fetch  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

PASS = 'correct horse battery'
STICK = 256 * 1024          # bytes of the disk for backups
DISK = 4 * 1024 * 1024      # bytes of the disk of the home that is restored
STEP = 4096                 # by which a full disk gets room, from try to try
CHUNK = 4096
MS_RDONLY = 1
MS_REMOUNT = 32
MNT_DETACH = 2


class Backup(street.Play):
    def open(self):
        street.unshare(street.CLONE_NEWNS)  # the mounts go with this process
        self.stick, self.disk = (self.mount(name, size) for name, size in (('stick', STICK), ('disk', DISK)))
        self.secret = os.path.join(self.folder, 'passphrase')
        with open(self.secret, 'w', encoding='utf-8') as file:
            file.write(PASS + '\n')
        self.anna, self.ben = self.street(2).homes
        self.file = os.path.join(self.stick, 'ben.backup')
        self.filler = os.path.join(self.stick, 'filler')

    def mount(self, name, size, flags=0):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        if street.libc.mount(b'tmpfs', path.encode(), b'tmpfs', flags, f'size={size},mode=755'.encode()):
            raise street.Skip(f'no tmpfs: {os.strerror(ctypes.get_errno())}')
        return path

    def close(self):
        super().close()
        for name in ('stick', 'disk'):
            street.libc.umount2(os.path.join(self.folder, name).encode(), MNT_DETACH)

    def fill(self, filler, room=0):
        """Leaves @room bytes on the disk of @filler, to a block."""
        with open(filler, 'ab', buffering=0) as file:
            try:
                while file.write(b'\0' * CHUNK):
                    pass
            except OSError:
                pass
            file.truncate(max(0, file.tell() - room))

    def backup(self, home, file, *more):
        return home.one('backup', file, '--passphrase-file', self.secret, *more)

    def no_backup(self, name, code, file, *more):
        error = self.ben.refused(name, code, 'backup', file, '--passphrase-file', self.secret, *more)
        check(error['hint'], f'{name} does not say what to do')
        return error

    def digest(self, path):
        with open(path, 'rb') as file:
            return hashlib.sha256(file.read()).hexdigest()

    def case_full_stick(self):
        """a backup that does not fit is refused by name, the older one stays whole, and with room it goes"""
        self.backup(self.ben, self.file)
        before = self.digest(self.file)
        self.fill(self.filler)
        error = self.no_backup('disk-full', street.FAILED, self.file, '--force')
        check('space' in error['hint'], f'what to do: {error["hint"]}')
        self.no_backup('disk-full', street.FAILED, os.path.join(self.stick, 'another.backup'))
        equal(sorted(os.listdir(self.stick)), ['ben.backup', 'filler'], 'what is on the stick')
        equal(self.digest(self.file), before, 'the older backup')
        os.remove(self.filler)
        self.backup(self.ben, self.file, '--force')
        check(self.digest(self.file) != before, 'it is the older one')
        check(self.ben.up(), 'the daemon has ended')

    def case_no_place(self):
        """a folder, a folder that is not there, and one that takes nothing are refused by name"""
        self.no_backup('not-a-file', street.REFUSED, self.stick)
        self.no_backup('not-a-file', street.REFUSED, self.stick, '--force')
        self.no_backup('cannot-write', street.FAILED, os.path.join(self.stick, 'none', 'x'))
        self.no_backup('cannot-write', street.FAILED, os.path.join(self.file, 'x'))
        told = self.ben.state()['backup']
        before = self.digest(self.file)
        self.remount(MS_RDONLY)
        self.no_backup('cannot-write', street.FAILED, os.path.join(self.stick, 'other'))
        self.no_backup('cannot-write', street.FAILED, self.file, '--force')
        self.remount(0)
        equal(self.ben.state()['backup'], told, 'the latest backup, as status says it')
        equal(self.digest(self.file), before, 'the older backup')

    def remount(self, flags):
        if street.libc.mount(b'tmpfs', self.stick.encode(), b'tmpfs', MS_REMOUNT | flags, f'size={STICK}'.encode()):
            raise street.Failure(f'remount: {os.strerror(ctypes.get_errno())}')

    def clip(self, home):
        path = os.path.join(home.folder, 'source')
        with open(path, 'wb') as file:
            file.write(os.urandom(1000))
        return home.one('clip', 'add', path, '--camera', 'garden')['id']

    def grants(self, home):
        return {row['clip']: row for row in home.json('grant', 'list') if 'line' in row}

    def case_ledger(self):
        """the ledger comes back with the home: what was taken back stays so, and for what was granted before no key leaves any more"""
        dora, again = self.home('Dora').start(), self.home('Dora again')
        dora.join(self.anna.invite())
        had, back, offered = (self.clip(dora) for _ in range(3))
        for clip in (had, back):
            fetch.begin(dora, self.anna, clip)
            self.wait(lambda c=clip: self.grants(dora)[c]['state'] == 'complete', 'it to be there')
        dora.cli('grant', 'revoke', self.grants(dora)[back]['grant'], '--yes', code=0)
        self.wait(lambda: self.grants(dora)[back]['state'] == 'deleted', 'its copy to go')
        fetch.share(dora, self.anna, offered)
        file = os.path.join(self.folder, 'dora.backup')
        row = self.backup(dora, file)
        lines = dora.json('ledger', 'list')
        equal(row['lines'], len(lines), 'lines in the backup')
        dora.kill9()
        again.start().cli('restore', file, '--passphrase-file', self.secret, code=0)
        equal(again.json('ledger', 'list')[:-1], lines, 'the ledger')
        equal((again.json('ledger', 'list')[-1]['what'], again.one('ledger', 'verify')['restored']), ('restored', 1), 'its end')
        equal([self.grants(again)[clip]['state'] for clip in (had, back, offered)], ['complete', 'deleted', 'broken-off'], 'the grants')
        fetch.accept(self.anna, offered)
        self.wait(lambda: 'does not take a paper about a clip' in self.read_log(self.anna), 'the terms to be refused')
        equal(again.json('ledger', 'list')[-1]['what'], 'restored', 'the last line')
        again.cli('grant', 'revoke', self.grants(again)[had]['grant'], '--yes', '--passphrase-file', self.secret, code=0)
        self.wait(lambda: any(r['clip'] == had and r['state'] == 'taken-back' for r in fetch.given(self.anna, had)), 'it to be told')
        again.stop()

    def read_log(self, home):
        with open(home.log, encoding='utf-8', errors='replace') as log:
            return log.read()

    def case_restore_full(self):
        """a restore that the disk has no room for leaves nothing half-made, and goes when there is room"""
        for _ in range(4):
            self.ben.one('ledger', 'add', 'legal-order', '--clip', 64 * '7', 400 * 'x')
        self.backup(self.ben, self.file, '--force')
        posted = self.ben.post('theft', 'Before the disk died')
        self.wait_all_have([self.anna], posted['id'])
        self.ben.kill9()
        again = self.home('Ben again')
        again.folder = os.path.join(self.disk, 'home')
        again.start()
        filler, room, refused = os.path.join(self.disk, 'filler'), 0, []
        while True:
            check(room < DISK // 2, f'refused with {room} bytes of room: {refused}')
            self.fill(filler, room)
            result = again.cli('restore', self.file, '--passphrase-file', self.secret, '--json')
            if result.code == street.DONE or result.error()['name'] == 'no-room-yet':
                break  # the latter: there was room for the beginning, but for nothing that came after it
            refused.append(room)
            self.nothing_is_left(again, result)
            os.remove(filler)
            room += STEP
        print(f'# refused with {refused} bytes of room; with {room} it went')
        check(refused, 'a full disk refused nothing')
        os.remove(filler)
        self.wait_state(again, 'current')
        self.wait_all_have([again], posted['id'])
        again.stop()
        again.start()
        after = again.post('theft', 'On the new disk')
        self.wait_all_have([self.anna], after['id'])
        again.stop()

    def nothing_is_left(self, home, result):
        """No key, no mesh: also after a restart."""
        check(home.up(), f'the daemon has ended, after {result}')
        equal((result.code, result.error()['name']), (street.FAILED, 'disk'), f'the error of {result}')
        for _ in range(2):
            equal(home.state()['state'], 'no-mesh', f'the state after {result}')
            equal(os.listdir(os.path.join(home.folder, 'vault')), ['lock'], 'the files of the vault')
            home.stop()
            home.start()

    def case_full_between(self):
        """a disk that fills up once a restore has begun ends nothing: the restore goes on by itself when there is room"""
        carl, again = self.home('Carl').start(), self.home('Carl again')
        carl.join(self.anna.invite())
        file = os.path.join(self.stick, 'carl.backup')
        self.backup(carl, file)
        carl.kill9()
        for home in (self.anna, self.ben):
            if home.up():
                home.stop()
        again.folder = os.path.join(self.disk, 'carl')
        again.start()
        results = queue.Queue()
        threading.Thread(target=lambda: results.put(again.cli(
            'restore', file, '--passphrase-file', self.secret, '--json', seconds=2 * street.PATIENCE))).start()
        self.wait(lambda: self.begun(again), 'the beginning on the disk')
        filler = os.path.join(self.disk, 'filler')
        self.fill(filler)
        self.anna.start()
        self.wait(lambda: self.named_or_over(again), 'the full disk to be named, or to have had room in its log')
        os.remove(filler)
        self.wait_state(again, 'current')
        equal(results.get().code, street.DONE, 'how the command ended')

    def named_or_over(self, home):
        """The store may cut its log off and find room in what that gave back: then there is nothing to name."""
        status = home.state()
        return status['state'] == 'current' or 'disk is full' in status.get('problem', '')

    def begun(self, home):
        with sqlite3.connect(f'file:{os.path.join(home.folder, "porchlight.db")}?mode=ro', uri=True) as disk:
            return disk.execute('SELECT count(*) FROM joining').fetchone()[0] == 1

    def case_limit(self):
        """a limit on the size of files is refused as a full disk is, and kills neither tool nor daemon"""
        def limit():
            street.die_with_parent()
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        file = os.path.join(self.folder, 'limited.backup')
        done = subprocess.run([self.programs.cli, '--data', self.anna.folder, 'backup', file, '--passphrase-file', self.secret],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, text=True,
                              preexec_fn=limit, check=False)
        equal((done.returncode, 'disk-full' in done.stderr), (street.FAILED, True), f'what it said: {done.stderr}')
        equal([name for name in os.listdir(self.folder) if name.startswith('limited')], [], 'what it left')
        resource.prlimit(self.anna.process.pid, resource.RLIMIT_FSIZE, (STEP, resource.RLIM_INFINITY))
        self.anna.refused('disk', street.FAILED, 'post', 'noise', 'under a limit')
        resource.prlimit(self.anna.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.wait(lambda: self.anna.cli('post', 'noise', 'without a limit').code == street.DONE, 'a post to be taken')


if __name__ == '__main__':
    street.main(Backup)
