#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leaving a mesh, or being removed from it, and joining again in the same folder; whoever is killed meanwhile."""
import os
import signal
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

KILLS_QUICK, KILLS_FULL = 8, 40
LONGEST = 0.15  # seconds from the beginning of `mesh leave`, within which the kill comes
SECRET = 'the red bicycle by the fountain'
TABLES_KEPT = ('sqlite_sequence',)  # event numbers go on


def read(path):
    with open(path, 'rb') as file:
        return file.read()


class Leave(street.Play):
    def open(self):
        self.homes = self.street(4).homes
        self.anna, self.ben, self.cleo, self.dora = self.homes
        self.other = self.street(1, mesh='Oak Street', charter={'normal': 4096}).homes[0]

    def key(self, home):
        return read(os.path.join(home.folder, 'device.key'))

    def has_household(self, home):
        return os.path.exists(os.path.join(home.folder, 'vault', 'household'))

    def rows(self, home):
        """What its store holds, by table. Its daemon must be off."""
        with sqlite3.connect(os.path.join(home.folder, 'porchlight.db')) as db:
            names = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
            found = {name: db.execute(f'SELECT count(*) FROM {name}').fetchone()[0] for name in names}
        db.close()
        return {name: n for name, n in found.items() if n and name not in TABLES_KEPT}

    def check_fresh(self, home, key_before):
        """As a folder that never had a mesh, but for settings."""
        self.wait(lambda: not self.has_household(home), 'the household key to be removed')
        equal(home.state()['state'], 'no-mesh', 'the state')
        equal(home.state()['homes'], 0, 'homes it knows')
        check(self.key(home) != key_before, 'the device has its old key')
        for wanted in (SECRET, 'Elm Street'):
            equal(home.holds_bytes(wanted.encode()), [], f'files with "{wanted}"')
        for begin in range(9, len(key_before) - 32, 32):  # the three secrets
            equal(home.holds_bytes(key_before[begin:begin + 32]), [], 'files with a secret of the old device')

    def both_ways(self, one, two):
        for author, reader in ((one, two), (two, one)):
            posted = author.post('noise', f'{author.name} says hello')
            self.wait_all_have([reader], posted['id'])

    def case_leave_and_create(self):
        """who leaves keeps nothing of the mesh, the others get fresh keys, and the folder takes a new mesh"""
        posted = self.dora.post('noise', SECRET)
        self.wait_all_have(self.homes, posted['id'])
        self.dora.cli('place', 'add', 'school', '51.5080,-0.1281', code=0)
        key = self.key(self.dora)
        check(self.dora.holds_bytes(SECRET.encode()), 'the text is nowhere before: the test looks for the wrong thing')
        self.dora.cli('mesh', 'leave', code=street.USAGE)
        process = self.dora.process.pid
        left = self.dora.one('mesh', 'leave', '--yes')
        equal(left['cleared'], True, 'what `mesh leave` answers')
        self.check_fresh(self.dora, key)
        equal((self.dora.up(), self.dora.process.pid), (True, process), 'the daemon goes on')
        self.wait(lambda: all(home.state()['homes'] == 3 for home in self.homes[:3]), 'the others to hear of it')
        self.dora.create('Plum Lane')
        film = os.path.join(self.folder, 'film.mp4')
        with open(film, 'wb') as file:
            file.write(b'of the new mesh')
        self.dora.cli('clip', 'add', film, '--as-is', '--camera', 'yard', code=0)
        equal(self.dora.one('mesh', 'show')['name'], 'Plum Lane', 'its new mesh')
        after = self.anna.post('noise', 'Among three')
        self.wait_all_have([self.ben, self.cleo], after['id'])
        check(after['id'] not in self.dora.alerts(), 'it reads on')

    def case_same_mesh_again(self):
        """on a fresh ticket it comes back into the same mesh, as a new household, and posts go both ways"""
        key = self.key(self.dora)
        before = self.dora.one('mesh', 'leave', '--yes')  # its own mesh of one: nobody has to hear of it
        equal(before['cleared'], True, 'what `mesh leave` answers')
        self.check_fresh(self.dora, key)
        self.dora.join(self.anna.invite())
        self.wait(lambda: all(home.state()['homes'] == 4 for home in self.homes), 'four homes everywhere')
        self.both_ways(self.dora, self.cleo)
        equal(len([row for row in self.anna.json('member', 'list') if row['name'].startswith(self.dora.name)]), 1,
              'households of its name')

    def case_stop_and_start(self):
        """what is forgotten stays so when the daemon is started again"""
        home = self.home().start()
        home.join(self.anna.invite())
        key = self.key(home)
        home.cli('mesh', 'leave', '--yes', code=0)
        self.check_fresh(home, key)
        fresh = self.key(home)
        home.stop()
        equal(self.rows(home), {}, 'rows in its store')
        home.start()
        equal(self.key(home), fresh, 'the device key')
        home.join(self.other.invite())
        self.both_ways(home, self.other)
        home.cli('mesh', 'leave', '--yes', code=0)

    def case_removed(self):
        """a home that others removed forgets the mesh by the same word, and joins another"""
        self.anna.cli('member', 'remove', self.dora.name, '--reason', 'a dispute', '--yes', code=0)
        self.wait_state(self.dora, 'removed')
        self.dora.refused('removed', street.REFUSED, 'join', self.other.invite(), '--household', 'Dora',
                          '--no-passphrase')
        key = self.key(self.dora)
        words = self.dora.cli('mesh', 'leave', '--yes', code=0)
        check('was removed from Elm Street' in words.err, f'the sentence does not say that it was removed: {words}')
        self.check_fresh(self.dora, key)
        self.dora.join(self.other.invite())
        self.both_ways(self.dora, self.other)

    def case_nobody_hears(self):
        """where no home can hear of it nothing is removed; the second time it is"""
        far = self.street(2, mesh='Far Street').homes
        far[0].stop()
        key = self.key(far[1])
        self.wait_state(far[1], 'alone')
        row = far[1].one('mesh', 'leave', '--yes', code=street.UNSENT)
        check('cleared' not in row, f'it claims to have forgotten the mesh: {row}')
        check(self.has_household(far[1]) and self.key(far[1]) == key, 'keys are gone')
        equal(far[1].state()['state'], 'removed', 'its state')
        far[0].start()
        self.wait(lambda: far[0].state()['homes'] == 1, 'the other home to hear of it')
        far[1].cli('mesh', 'leave', '--yes', code=0)
        equal(far[1].state()['state'], 'no-mesh', 'its state')
        far[1].join(far[0].invite())
        self.both_ways(*far)

    def vault_of(self, home):
        return [pid for pid, name in street.processes_below(home.process.pid) if name.startswith('porchlight-vaul')]

    def leave_and_kill(self, home, whom):
        """Gives `mesh leave` and kills somebody in the middle of it."""
        asked = threading.Thread(target=home.cli, args=('mesh', 'leave', '--yes', '--json'))
        asked.start()
        time.sleep(self.rng.uniform(0, LONGEST))  # chance, not a condition
        if whom == 'daemon':
            home.kill9()
        else:
            for pid in self.vault_of(home):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:  # it was between two
                    pass
        if whom == 'daemon':
            home.start()
        asked.join()

    def settled(self, home, key):
        """Which of the two states it is in; a third fails. Between them are moments only."""
        def look():
            told = home.cli('status', '--json')
            if told.code == street.UNREACHABLE:  # it is just beginning anew
                return None
            state = told.row()['state']
            fresh = state == 'no-mesh' and not self.has_household(home) and self.key(home) != key
            old = state != 'no-mesh' and self.has_household(home) and self.key(home) == key
            answers = home.cli('vault', 'show').code == 0
            return None if not answers else 'fresh' if fresh else 'old' if old else None
        return self.wait(look, 'one of the two states')

    def case_kill(self):
        """kill -9 of daemon or vault anywhere leaves the old state or the fresh one, and the word again ends it"""
        seen = {'fresh': 0, 'old': 0}
        for number in range(KILLS_FULL if self.full else KILLS_QUICK):
            home = self.home().start()
            home.join(self.anna.invite())
            home.post('noise', SECRET)
            key = self.key(home)
            self.leave_and_kill(home, ('daemon', 'vault')[number % 2])
            state = self.settled(home, key)
            seen[state] += 1
            if state == 'old':
                home.cli('mesh', 'leave', '--yes', code=0)
            self.check_fresh(home, key)
            home.join(self.other.invite())
            self.both_ways(home, self.other)
            home.cli('mesh', 'leave', '--yes', code=0)
            home.stop()
            equal(self.rows(home), {}, 'rows in its store')
        print(f'# {seen}')


if __name__ == '__main__':
    street.main(Leave)
