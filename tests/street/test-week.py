#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A week goes by, day by day, and a home comes back out of the backup it made at its beginning: nobody is muted for it.

The clock that the programs see is moved (tests/support/ahead.c), and all homes are started anew for each day.
"""
import datetime
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

PASS = 'correct horse battery'
DAYS = 7
KINDS = ('theft', 'missing-pet')


class Week(street.Play):
    def open(self):
        self.began = self.at_noon()
        self.secret = os.path.join(self.folder, 'passphrase')
        with open(self.secret, 'w', encoding='utf-8') as file:
            file.write(PASS + '\n')
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes
        self.posted = {}  # what must be there at the end: id to text

    def on_day(self, number):
        """All homes are started on that day."""
        for home in self.homes:
            home.stop()
        self.put_ahead(self.began + number * street.DAY)
        for home in self.homes:
            home.start()
        for home in self.homes:
            self.wait_state(home, 'current')

    def post(self, home, kind, text, *more):
        """Everywhere when this returns."""
        posted = home.post(kind, text, *more)
        self.wait_all_have(self.homes, posted['id'])
        if more:
            self.posted[posted['id']] = text
        return posted

    def case_week(self):
        """a backup is made, and each home goes on posting every day for a week"""
        first = self.post(self.ben, 'noise', 'Before the backup')
        self.file = os.path.join(self.folder, 'ben.backup')
        self.ben.one('backup', self.file, '--passphrase-file', self.secret)
        for kind in KINDS:
            self.post(self.ben, kind, 'After the backup')
        for number in range(1, DAYS + 1):
            self.on_day(number)
            for home in self.homes:
                for kind in KINDS:
                    last = self.post(home, kind, f'Day {number}, by {home.name}, {kind}', '--expires', '7d')
        times = [datetime.datetime.fromisoformat(posted['expires'].replace('Z', '+00:00')) for posted in (first, last)]
        check(times[1] - times[0] > datetime.timedelta(days=DAYS), f'a week has not gone by: {times}')

    def case_restored(self):
        """the computer is lost, and its week-old backup brings the home back: it reads what it had forgotten, and posts"""
        device = self.ben.state()['device_id']
        self.ben.kill9()
        self.ben.lost()
        again = self.home('Ben again').start()
        again.one('restore', self.file, '--passphrase-file', self.secret)
        self.wait_state(again, 'current')
        check(again.state()['device_id'] != device, 'it is the old device')
        self.homes[1] = self.ben = again
        for alert in self.posted:
            self.wait_all_have([again], alert)
        for home in self.homes:  # the lost device had posted today: were it the same one, these would take its slots again
            for kind in KINDS:
                self.post(home, kind, f'Back again, says {home.name}, {kind}', '--expires', '7d')
            self.post(home, 'fire', f'Urgent, says {home.name}')

    def case_history(self):
        """a new home reads the day before it came and what came since; nothing older, though it is in force and kept for others"""
        late = self.home('Dora').start()
        late.join(self.anna.invite())
        self.wait_state(late, 'current')
        joined = next(row['joined'] for row in self.anna.json('member', 'list') if row['name'] == 'Dora')
        first = self.day(joined) - datetime.timedelta(days=1)  # history_days of the charter
        alerts = {alert: row for alert, row in self.anna.alerts().items() if row['state'] == 'active'}
        readable = {alert for alert, row in alerts.items() if self.day(row['created']) >= first}
        check(len(readable) > 10 and len(alerts) - len(readable) > 10, f'{len(readable)} of {len(alerts)} are to be read')
        self.wait(lambda: set(late.alerts()) == readable, 'the newcomer to have what it may read')
        self.wait(lambda: self.count(late, 'body') >= len(alerts), 'the newcomer to keep the others as well')
        for alert in alerts.keys() - readable:
            equal(late.holds_bytes(alerts[alert]['text'].encode()), [], f'files in which an older text stands: {alerts[alert]}')
        check(late.holds_bytes(alerts[readable.pop()]['text'].encode()), 'the raw search finds nothing that it may read')
        late.stop()

    @staticmethod
    def day(time):
        return datetime.datetime.fromisoformat(time.replace('Z', '+00:00')).date()

    @staticmethod
    def count(home, table):
        with sqlite3.connect(f'file:{home.folder}/porchlight.db?mode=ro', uri=True) as disk:
            return disk.execute(f'SELECT count(*) FROM {table}').fetchone()[0]

    def nobody_muted(self):
        for home in self.homes:
            self.wait_state(home, 'current')  # a muted home says so in its place
            texts = {alert: row['text'] for alert, row in home.alerts().items() if row['state'] == 'active'}
            equal({alert: texts.get(alert) for alert in self.posted}, self.posted, f'the alerts of {home.name}')
            equal(self.count(home, 'proof'), 0, f'proofs on the disk of {home.name}')

    def case_nobody_muted(self):
        """nobody is muted, nothing is void, and no home holds a proof against another; also after the next day"""
        self.nobody_muted()
        self.on_day(DAYS + 0.5)
        self.nobody_muted()
        for home in self.homes:
            self.post(home, 'theft', f'The next morning, {home.name}')


if __name__ == '__main__':
    street.main(Week)
