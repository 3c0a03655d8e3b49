#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes of the small files of a data folder are others than were written: a clear error, or no effect; never another key."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

FLIPS_QUICK, FLIPS_FULL = 4, 60
PASSPHRASE = 'correct horse battery'
SAME = ('mesh_id', 'household_id', 'device_id')
# file, words one of which an error about it has; none: nothing of it matters
FILES = {
    'device.key': ('device.key',),
    'settings': ('settings', 'setting'),
    'vault/household': ('vault/household', 'household'),
    'lock': (),
    'vault/lock': (),
}
ENDED = (1, 2)  # exit codes of a daemon that says why it does not start


class Flips(street.Play):
    def open(self):
        self.flips = FLIPS_FULL if self.full else FLIPS_QUICK
        self.homes = self.street(2).homes
        self.anna = self.homes[0]
        self.anna.cli('config', 'set', 'advertise', '203.0.113.7:7345', code=0)
        self.secret = os.path.join(self.folder, 'passphrase')
        with open(self.secret, 'w', encoding='utf-8') as file:
            file.write(PASSPHRASE + '\n')
        self.known = {name: self.anna.state()[name] for name in SAME}
        self.anna.stop()
        for name in FILES:
            check(os.path.exists(self.path(name)), f'there is no {name} in the folder')
        for name in self.anna.files():
            short = os.path.relpath(name, self.anna.folder) if os.path.isabs(name) else name
            check(short in FILES or short.startswith('porchlight.db'), f'{short} stands in the folder and is not tried')

    def path(self, name):
        return os.path.join(self.anna.folder, name)

    def others(self, good):
        """What a disk, or a hand, may have left of a file."""
        for _ in range(self.flips):
            if good:
                bad = bytearray(good)
                bad[self.rng.randrange(len(good))] ^= self.rng.randrange(1, 256)
                yield bytes(bad)
        yield good[:self.rng.randrange(len(good))] if good else b'x'
        yield b''
        yield good + good
        yield self.rng.randbytes(max(len(good), 100))

    def log_since(self, at):
        with open(self.anna.log, encoding='utf-8', errors='replace') as log:
            log.seek(at)
            return log.read()

    def starts(self):
        """False: it has ended by itself."""
        self.anna.process = self.anna.spawn()
        def settled():
            if not self.anna.up():
                return True
            try:
                return self.anna.answers()
            except street.Failure:
                return True
        self.wait(settled, 'the daemon to start, or not to')
        return self.anna.up()

    def named(self, name, said):
        lines = [line for line in said.splitlines() if 'error:' in line]
        check(lines, f'{name}: it ends, and says nothing: {said!r}')
        check(any(word in line for line in lines for word in FILES[name]), f'{name}: what it says names another thing: {lines}')

    def try_vault(self, name):
        """The household's key is used, and is the one it was; or what is wrong has a name."""
        shown = self.anna.cli('vault', 'show', '--json')
        if shown.code != street.DONE or not shown.row()['has_household']:
            check(shown.code in (street.DONE, street.FAILED, street.UNREACHABLE), f'{name}: {shown}')
            return False
        made = self.anna.cli('backup', os.path.join(self.folder, 'backup'), '--force', '--passphrase-file', self.secret, '--json')
        equal(made.code, street.DONE, f'{name}: {made}')
        equal(made.row()['household'], self.anna.name, f'{name}: whose backup it is')
        return True

    def try_file(self, name, bad):
        """True: it starts, and all is as it was."""
        at = os.path.getsize(self.anna.log)
        with open(self.path(name), 'wb') as file:
            file.write(bad)
        if not self.starts():
            check(self.anna.process.returncode in ENDED, f'{name}: the daemon ends with {self.anna.process.returncode}')
            self.named(name, self.log_since(at))
            return False
        state = self.anna.state()
        for key in SAME:
            equal(state.get(key), self.known[key], f'{name}: {key}')
        good = self.try_vault(name)
        check(self.anna.up(), f'{name}: the daemon has ended with {self.anna.process.returncode}')
        self.anna.stop()
        said = self.log_since(at)
        check('Sanitizer' not in said and 'signal' not in said, f'{name}: {said}')
        return good

    def try_all(self, name):
        keep = os.path.join(self.folder, 'keep')
        shutil.copy2(self.path(name), keep)
        with open(keep, 'rb') as file:
            good = file.read()
        lived = 0
        for bad in self.others(good):
            lived += self.try_file(name, bad)
            shutil.copy2(keep, self.path(name))
        check(self.try_file(name, good), f'{name}: with the right bytes again something is wrong')
        return lived

    def case_device_key(self):
        """the device's key: each changed byte is noticed, and no other key is made in its place"""
        equal(self.try_all('device.key'), 0, 'starts with a changed key')

    def case_household(self):
        """the household's key: each changed byte is noticed, and nothing is signed with another"""
        equal(self.try_all('vault/household'), 0, 'times a changed key was used')

    def case_locked(self):
        """the same under a passphrase"""
        check(self.starts(), 'the daemon does not start')
        self.anna.cli('vault', 'passphrase', '--new-passphrase-file', self.secret, code=0)
        self.anna.stop()
        equal(self.try_all('vault/household'), 0, 'times a changed key was used')

    def case_settings(self):
        """what was set: each changed byte is noticed, and nothing else is taken for it"""
        check(self.try_all('settings') <= 2, 'it started with other settings than none')  # nothing is what b'' says, and a file cut off there

    def case_locks(self):
        """what stands in a lock is nothing to anybody"""
        for name in ('lock', 'vault/lock'):
            tried = len(list(self.others(b'')))
            equal(self.try_all(name), tried, f'starts with other bytes in {name}')


if __name__ == '__main__':
    street.main(Flips)
