#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who asks the street for footage is seen by all; who has some sees it at home. What the wire shows: test-silence.py."""
import datetime
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

REFUSED, USAGE, NOT_FOUND = 5, 2, 4
REASON = 'Ein rotes Fahrrad wurde vom Ständer gestohlen'
RADIUS = '300m'


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')


class Asks(street.Play):
    def open(self):
        self.now = int(time.time())
        self.from_, self.to = self.now - 4 * 3600, self.now - 3 * 3600
        self.put_clip = os.path.join(self.programs.build, 'tests', 'put-clip')
        self.homes = self.street(4).homes
        self.anna, self.ben, self.cleo, self.dan = self.homes
        self.place = self.anna.state()['home']
        self.clips = self.give_clip(self.ben, self.from_ + 60), self.give_clip(self.cleo, self.from_ + 60)
        self.give_clip(self.ben, self.from_ - 7200)  # of another time

    def give_clip(self, home, at):
        home.stop()
        told = subprocess.run([self.put_clip, home.folder, str(at), str(at + 30), self.place], check=True,
                              capture_output=True, text=True).stdout
        home.start()
        self.wait_state(home, 'current')
        return told

    def ask(self, home, *more, code=0, radius=RADIUS, from_=None, to=None, reason=REASON):
        return home.cli('ask', 'post', '--area', 'home', '--radius', radius, '--from', stamp(from_ or self.from_), '--to',
                        stamp(to or self.to), '--reason', reason, '--json', *more, code=code)

    def asked(self, home, ident, *more):
        return next((row for row in home.json('ask', 'list', *more) if row['id'] == ident), None)

    def wait_asked(self, homes, ident):
        self.wait(lambda: all(self.asked(home, ident, '--muted') for home in homes), 'all homes to have the ask')

    def case_ask(self):
        """everybody sees who asks, of where and when, and why; who has a clip of it sees that, too"""
        self.watches = [(home, home.watch()) for home in (self.ben, self.dan)]
        result = self.ask(self.anna)
        check('every home of the mesh will see' in result.err and REASON in result.err, 'it is not said before')
        self.first = result.row()['id']
        self.wait_asked(self.homes, self.first)
        for home in self.homes:
            row = self.asked(home, self.first)
            equal((row['household'], row['reason'], row['radius'], row['from'], row['to'], row['mine'], row['asked_here'],
                   row['asked_by'], row['clips']),
                  (self.anna.name, REASON, 300, stamp(self.from_), stamp(self.to), home is self.anna, 1, 1,
                   int(home in (self.ben, self.cleo))), f'the ask as {home.name} shows it')
        lines = self.ben.cli('ask', 'list', code=0).out.splitlines()
        check(all(len(line) <= 80 for line in lines) and REASON in lines[2], f'what people read: {lines}')

    def case_match(self):
        """ask match and inbox show it at home"""
        ask, clip = self.ben.json('ask', 'match', self.first[:8])
        equal((ask['id'], clip['id'], clip['camera'], clip['from']),
              (self.first, self.clips[0], 'door', stamp(self.from_ + 60)), 'what fits')
        equal([row['id'] for row in self.ben.json('inbox')], [self.first], 'the inbox')
        for home in (self.anna, self.dan):
            equal(len(home.json('ask', 'match', self.first)), 1, 'what fits where there is no clip')
            equal(home.json('inbox'), [], 'the inbox of who has nothing')
        check('No clip of this home fits' in self.dan.cli('ask', 'match', self.first, code=0).out, 'it is not said')
        check('door' in self.ben.cli('ask', 'match', self.first, code=0).out, 'the camera is not shown')
        self.dan.refused('no-such-ask', NOT_FOUND, 'ask', 'match', '0123456789')

    def case_watch(self):
        """a watch tells its owner of the ask that fits, and of no other"""
        (_, watch), (_, other) = self.watches
        event = watch.until(lambda e: e['event'] == 'asked')
        equal((event['ask']['id'], event['ask']['clips']), (self.first, 1), 'the event')
        alert = self.anna.post('theft', 'A bicycle')
        seen = []
        other.until(lambda e: seen.append(e['event']) or e.get('alert', {}).get('id') == alert['id'])
        check('asked' not in seen, 'who has nothing is told of the ask')
        after = self.ben.watch('--after', str(event['seq'] - 1))
        equal(after.until(lambda e: e['event'] == 'asked')['seq'], event['seq'], 'the event, told again')
        for one in (watch, other, after):
            one.close()

    def case_refused(self):
        """what an ask may not be is refused by name, and costs none of the four"""
        for name, code, more in (('ask-too-long', REFUSED, {'from_': self.to - 7201}),
                                 ('ask-too-wide', REFUSED, {'radius': '301m'}),
                                 ('ask-too-wide', REFUSED, {'radius': '49m'}),
                                 ('not-yet', REFUSED, {'from_': self.now, 'to': self.now + 3600}),
                                 ('bad-times', USAGE, {'from_': self.to + 1}),
                                 ('bad-reason', USAGE, {'reason': ' '}),
                                 ('bad-reason', USAGE, {'reason': 'x' * 257})):
            error = self.ask(self.anna, code=code, **more).error()
            equal((error['name'], bool(error['hint'])), (name, True), 'the error')
        self.anna.refused('usage', USAGE, 'ask', 'post', '--area', 'home')
        equal(len(self.anna.json('ask', 'list')), 1, 'asks there are')

    def case_mute(self):
        """who has muted the asker is shown nothing of it"""
        self.cleo.cli('mute', 'add', self.anna.name, code=0)
        equal((self.cleo.json('ask', 'list'), self.cleo.json('inbox')), ([], []), 'what is shown')
        check(self.asked(self.cleo, self.first, '--muted'), '--muted does not show it')

    def case_clips(self):
        """an alert names clips of its home, and a notice when they were taken"""
        result = self.ben.cli('post', 'theft', 'Footage of it', '--clip', self.clips[0][:10], '--notice', '--json', code=0)
        alert, notice = (row['id'] for row in result.rows())
        for home in (self.ben, self.dan):
            self.wait_all_have([home], alert)
            self.wait(lambda h=home: len(h.json('alert', 'show', alert)) == 2, 'the notice')
            shown, told = home.json('alert', 'show', alert)
            equal((shown['clips'], told['id'], told['clip'], told['household'], told['from']),
                  ([self.clips[0]], notice, self.clips[0], self.ben.name, stamp(self.from_ + 60)), 'what is shown')
        text = self.dan.cli('alert', 'show', alert, code=0).out
        check(f'clip {self.clips[0][:8]}' in text and f'notice {notice[:8]}' in text, f'what people read: {text}')
        self.dan.refused('no-such-clip', NOT_FOUND, 'post', 'theft', 'Mine', '--clip', self.clips[0])
        self.ben.cli('ask', 'retract', notice, '--yes', code=0)
        self.wait(lambda: len(self.dan.json('alert', 'show', alert)) == 1, 'the notice to be taken back')

    def case_used_up(self):
        """the fifth one is refused with the time of the next; a taken back one does not come back"""
        ids = [self.first] + [self.ask(self.anna).row()['id'] for _ in range(3)]
        self.anna.cli('ask', 'retract', ids[1], '--yes', code=0)
        error = self.ask(self.anna, code=REFUSED).error()
        period = 30 * 86400
        free = stamp((int(time.time()) // period + 1) * period)
        equal(error['name'], 'ask-used-up', 'the error')
        check(free in error['message'], f'{free} is not in {error["message"]}')
        self.wait(lambda: not self.asked(self.ben, ids[1]) and self.asked(self.ben, ids[3]), 'the retraction')
        equal({self.asked(self.ben, ident)['asked_here'] for ident in (ids[0], ids[3])}, {3}, 'how often it is counted')
        check(not any(home.holds_bytes(b'taken back: ' + REASON.encode()) for home in self.homes), 'bytes')


if __name__ == '__main__':
    street.main(Asks)
