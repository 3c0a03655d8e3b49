#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Coming back out of a backup when it is not simple: other devices stand by, the power goes, the home was removed."""
import contextlib
import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import pages  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

PASS = 'correct horse battery'
KILLS, KILLS_FULL = 8, 100
LATEST_S = 0.06  # after the key was written; a restore is over by then, mostly
URGENT_A_DAY = 4  # by the charter: a quarter of it is 1


class Comeback(street.Play):
    def open(self):
        self.at_noon()
        self.secret = os.path.join(self.folder, 'passphrase')
        with open(self.secret, 'w', encoding='utf-8') as file:
            file.write(PASS + '\n')
        self.file = os.path.join(self.folder, 'hub.backup')
        self.hub, self.anna = self.street(2, charter={'urgent': URGENT_A_DAY}).homes
        self.laptop = self.device(self.hub, 'laptop')

    def device(self, hub, name):
        home = self.home(name).start()
        code = hub.cli('device', 'invite', code=0).out.strip()
        home.cli('device', 'join', code, '--as', name, '--no-passphrase', code=0)
        self.wait_state(home, 'current')
        return home

    def backup(self, home, file):
        home.one('backup', file, '--passphrase-file', self.secret, '--force')

    def restore(self, home, file, code=0):
        return home.cli('restore', file, '--passphrase-file', self.secret, '--json', code=code)

    def devices(self, home):
        """Of what name, whether it has an end, share, main."""
        return sorted((row['name'], 'revoked' in row, row['share'], row.get('main', False))
                      for row in home.json('device', 'list'))

    def lose(self, home):
        home.kill9()
        os.rename(home.folder, home.folder + '.lost')

    def case_laptop_stands_by(self):
        """the hub is restored on a new machine with only its own laptop about: both are right about who is what"""
        self.backup(self.hub, self.file)
        phone = self.device(self.hub, 'phone')  # which the backup does not know, and the hub has admitted
        self.cleo = self.home('Cleo').start()
        self.cleo.join(self.hub.invite())
        self.wait(lambda: len(self.devices(self.laptop)) == 3, 'the laptop to know the phone')
        before = self.hub.post('theft', 'From the old hub')['id']
        self.wait_all_have([self.anna, self.cleo, self.laptop, phone], before)
        phone.stop()
        self.lose(self.hub)
        away = self.laptop.post('theft', 'The hub is dead')['id']
        self.wait_all_have([self.anna, self.cleo], away)
        self.anna.stop()
        self.cleo.stop()

        again = self.home('hub again').start()
        self.restore(again, self.file)
        self.wait_state(again, 'current')
        self.wait_all_have([again], before)
        self.wait_all_have([again], away)
        phone.start()
        self.anna.start()
        self.cleo.start()
        homes = [again, self.laptop, phone, self.anna, self.cleo]
        wanted = sorted([('hub', True, 'whole', False), ('hub', False, 'whole', True),
                         ('laptop', False, 'quarter', False), ('phone', False, 'quarter', False)])
        for home in (again, self.laptop, phone):
            self.wait(lambda home=home: self.devices(home) == wanted,
                      f'{home.name} to list the devices, not {self.devices(home)}')
        for home in homes:
            self.wait_state(home, 'current')
        for home in (again, self.laptop, phone):
            posted = home.post('theft', f'From {home.name}')
            self.wait_all_have(homes, posted['id'])
            for other in homes:
                equal(other.alert(posted['id'])['household'], self.hub.name, f'whose it is at {other.name}')
        for home in homes:
            self.wait_state(home, 'current')
        phone.stop()
        self.hub = again

    def case_quota(self):
        """the restored hub has the whole quota of a day, and the laptop a quarter, as before"""
        for home, most in ((self.hub, URGENT_A_DAY), (self.laptop, URGENT_A_DAY // 4)):
            for number in range(most):
                self.wait_all_have([self.anna], home.post('fire', f'{number} of {home.name}')['id'])
            home.refused('quota', street.REFUSED, 'post', 'fire', 'One too many')

    def case_hub_rules(self):
        """the restored hub has the household's key: it revokes the phone and invites another; the laptop cannot"""
        self.laptop.refused('no-household', street.REFUSED, 'device', 'revoke', 'phone', '--yes')
        self.hub.cli('device', 'revoke', 'phone', '--yes', '--passphrase-file', self.secret, code=0)
        code = self.hub.cli('device', 'invite', '--passphrase-file', self.secret, code=0).out.strip()
        tablet = self.home('tablet').start()
        tablet.cli('device', 'join', code, '--as', 'tablet', '--no-passphrase', code=0)
        posted = tablet.post('theft', 'From the tablet')
        self.wait_all_have([self.hub, self.laptop, self.anna, self.cleo], posted['id'])
        tablet.stop()

    def case_power_cut(self):
        """killed at any moment of a restore it goes on by itself, or was never there and is asked for again"""
        file, seen = os.path.join(self.folder, 'cut.backup'), {}
        ben = self.home('Ben').start()
        ben.join(self.anna.invite())
        posted = ben.post('theft', 'Before all that')['id']
        self.wait_all_have([self.anna, self.hub], posted)
        homes = self.anna.state()['homes']
        for number in range(KILLS_FULL if self.full else KILLS):
            ben.one('backup', file, '--passphrase-file', self.secret, '--force',
                    *(('--key-passphrase-file', self.secret) if number else ()))
            self.lose(ben)
            ben = self.home(f'Ben {number}').start()
            state = self.cut(ben, file)
            seen[state] = seen.get(state, 0) + 1
            check(state in ('no-mesh', 'restoring', 'current', 'alone', 'catching-up'), f'after the cut it is {state}')
            if state == 'no-mesh':
                self.restore(ben, file)
            self.wait(lambda: self.is_back(ben), 'the home to be back')
            self.wait_all_have([ben], posted)
            equal(ben.one('vault', 'show')['passphrase'], True, 'the key is under the passphrase')
            for home in (self.anna, self.hub):
                equal(home.state()['homes'], homes, f'homes at {home.name}')
        print(f'# after the cuts: {seen}')
        again = ben.post('theft', 'After all that')['id']
        self.wait_all_have([self.anna, self.hub], again)

    def is_back(self, home):
        """Where the household had not signed before the cut, its key is wanted once more."""
        state = home.state()
        if state['state'] == 'restoring' and 'sign for this device' in state['problem']:
            home.cli('vault', 'unlock', '--passphrase-file', self.secret, code=0)
        return state['state'] == 'current'

    def cut(self, home, file):
        """Kills daemon, porter and vault at a random moment of a restore; the state after the next start."""
        asked = self.ask_restore(home, file)
        key = os.path.join(home.folder, 'vault', 'household')
        end = time.monotonic() + street.PATIENCE
        while not os.path.exists(key):  # what matters is over in milliseconds: street.wait() looks too seldom
            check(time.monotonic() < end, 'the key is not written')
        try:
            asked.wait(self.rng.uniform(0, LATEST_S))
        except subprocess.TimeoutExpired:
            pass
        self.kill_all(home, asked)
        home.start()
        return home.state()['state']

    def ask_restore(self, home, file):
        """Asks, and does not wait."""
        asked = subprocess.Popen([self.programs.cli, '--data', home.folder, 'restore', file, '--passphrase-file',
                                  self.secret], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=self.env, preexec_fn=street.die_with_parent)
        self.processes.append(asked)
        return asked

    def kill_all(self, home, asked):
        below = street.processes_below(home.process.pid)
        home.kill9()
        asked.wait(street.STOP_SECONDS)
        self.wait(lambda: not any(os.path.exists(f'/proc/{pid}') for pid, _ in below), 'porter and vault to end')

    def case_untold(self):
        """killed before the daemon had noted that its vault waits for an answer, the vault gets one all the same"""
        eve, finn = self.street(2, mesh='Oak Street').homes
        file = os.path.join(self.folder, 'finn.backup')
        self.backup(finn, file)
        self.lose(finn)
        eve.stop()
        again = self.home('Finn again').start()
        asked = self.ask_restore(again, file)
        database = os.path.join(again.folder, 'porchlight.db')
        self.wait(lambda: self.rows(database, 'SELECT count(*) FROM joining'), 'the beginning on the disk')
        self.kill_all(again, asked)
        self.rows(database, "DELETE FROM value WHERE name = 'joining'")  # it is written after the beginning
        pages.sum_anew(database)
        again.start()
        eve.start()
        self.wait(lambda: self.is_back(again), 'the home to be back')
        equal(again.one('vault', 'show')['passphrase'], True, 'the key is under the passphrase')
        again.one('backup', file, '--passphrase-file', self.secret, '--key-passphrase-file', self.secret, '--force')
        again.stop()
        eve.stop()

    @staticmethod
    def rows(database, words):
        with contextlib.closing(sqlite3.connect(database)) as disk, disk:
            row = disk.execute(words).fetchone()
        return row and row[0]

    def case_removed_meanwhile(self):
        """a home removed meanwhile is turned away, and says what it knows: gone, or restored elsewhere"""
        file = os.path.join(self.folder, 'removed.backup')
        dora = self.home('Dora').start()
        dora.join(self.anna.invite())
        self.wait(lambda: 'Dora' in [row['name'] for row in self.hub.json('member', 'list')], 'the hub to know Dora')
        self.backup(dora, file)
        self.lose(dora)
        self.hub.cli('member', 'remove', 'Dora', '--reason', 'Moved away', '--yes', '--passphrase-file', self.secret,
                     code=0)
        self.wait(lambda: 'Dora' not in [row['name'] for row in self.anna.json('member', 'list')],
                  'Anna to hear of the removal')
        homes = self.anna.state()['homes']
        again = self.home('Dora again').start()
        error = self.restore(again, file, code=street.REFUSED).error()
        equal(error['name'], 'not-known', 'the error')
        check('removed' in error['message'] and 'restored elsewhere' in error['message'], error['message'])
        check('no longer knows' in again.state()['problem'], again.state()['problem'])
        again.refused('still-restoring', street.REFUSED, 'post', 'fire', 'Not me any more')
        equal(self.anna.state()['homes'], homes, 'homes')


if __name__ == '__main__':
    street.main(Comeback)
