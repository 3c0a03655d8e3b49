#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle of a flood of posts: what was acknowledged is there, once, and the disk is sound."""
import os
import shutil
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

KILLS_QUICK, KILLS_FULL = 20, 200
WRITERS = 4
SHORTEST, LONGEST = 0.02, 0.5  # seconds from the first acknowledged post of a run to its kill


class Kill(street.Play):
    def open(self):
        self.kills = KILLS_FULL if self.full else KILLS_QUICK
        self.homes = self.street(2, charter={'max_members': 20, 'normal': 16384, 'urgent': 16384}).homes
        self.anna, self.ben = self.homes
        self.acknowledged, self.surprises = {}, []
        self.posted = 0

    def writer(self, stop, lock, begun):
        """Posts until told to stop; notes what was acknowledged."""
        while not stop.is_set():
            with lock:
                self.posted += 1
                text = f'flood {self.posted}'
            kind = ('fire', 'other')[self.posted % 2]  # 16,384 slots of each class hold the long test
            result = self.anna.cli('post', kind, text, '--json')
            if result.code not in (street.DONE, street.UNSENT):
                if result.code not in (street.UNREACHABLE, street.FAILED):
                    self.surprises.append(str(result))
                    return
                continue
            with lock:
                self.acknowledged[result.row()['id']] = text
            begun.set()

    def flood_and_kill(self):
        stop, lock, begun = threading.Event(), threading.Lock(), threading.Event()
        writers = [threading.Thread(target=self.writer, args=(stop, lock, begun)) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        check(begun.wait(street.PATIENCE), 'no post was acknowledged')
        time.sleep(self.rng.uniform(SHORTEST, LONGEST))  # chance, not a condition
        self.anna.kill9()
        stop.set()
        for writer in writers:
            writer.join()
        equal(self.surprises, [], 'posts that ended as no post may')

    def quick_check(self, home):
        """Of a copy, so that it is the daemon that recovers the original."""
        copy = os.path.join(self.folder, 'copy')
        os.makedirs(copy)
        for name in os.listdir(home.folder):
            if name.startswith('porchlight.db'):
                shutil.copy(os.path.join(home.folder, name), copy)
        with sqlite3.connect(os.path.join(copy, 'porchlight.db')) as db:
            equal(db.execute('PRAGMA quick_check').fetchall(), [('ok',)], 'quick_check')
        db.close()
        shutil.rmtree(copy)

    def case_kills(self):
        """after each kill every acknowledged post is there once, and quick_check is ok"""
        for number in range(self.kills):
            self.flood_and_kill()
            self.quick_check(self.anna)
            self.anna.start()
            alerts = self.anna.alerts('--limit', '1000000')  # fails by itself if one is there twice
            lost = [text for alert, text in self.acknowledged.items() if alert not in alerts]
            equal(lost, [], f'acknowledged and lost at kill {number + 1}')
            wrong = [alert for alert, text in self.acknowledged.items() if alerts[alert]['text'] != text]
            equal(wrong, [], 'posts with another text')
            texts = [row['text'] for row in alerts.values()]
            equal(len(texts), len(set(texts)), 'different texts')
        print(f'# {self.kills} kills, {len(self.acknowledged)} acknowledged of {self.posted} posts')

    def case_neighbour(self):
        """the neighbour has every acknowledged post as well, and nobody was muted"""
        def missing():
            return self.acknowledged.keys() - self.ben.alerts('--limit', '1000000').keys()
        self.wait(lambda: not missing(), 'the neighbour to have all', 90)
        for home in self.homes:
            self.wait_state(home, 'current')
        equal(self.anna.alerts('--limit', '1000000').keys(), self.ben.alerts('--limit', '1000000').keys(),
              'alerts of both homes')

    def case_vault(self):
        """a killed vault is started again, and the daemon stays"""
        pids = [pid for pid, name in street.processes_below(self.anna.process.pid) if name == 'porchlight-vaul']
        equal(len(pids), 1, 'vaults of a daemon')
        os.kill(pids[0], 9)
        self.wait(lambda: self.anna.cli('join', 'PORCHLIGHT1', '--household', 'X',
                                        '--no-passphrase').code == street.USAGE,
                  'the tools to answer')
        self.anna.post('noise', 'Without a vault a post goes out all the same')
        name = self.home().start()
        name.join(self.anna.invite())
        check(self.anna.up(), 'the daemon has ended with its vault')


if __name__ == '__main__':
    street.main(Kill)
