#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clips of a household's other devices: taken in on a laptop, opened, shared and destroyed on the hub that has the key."""
import json
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fetch  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SOON = 40  # seconds within which what is to be told has been told


class Kin(street.Play):
    def open(self):
        self.hub, self.ben = self.street(2).homes
        self.laptop = self.home('laptop').start()
        self.laptop.cli('device', 'join', self.hub.cli('device', 'invite', code=0).out.strip(), '--as', 'laptop', '--no-passphrase', code=0)
        self.wait(lambda: len(self.hub.json('device', 'list')) == 2, 'the hub knows the laptop')

    def take(self, home, text, camera='garden'):
        path = os.path.join(home.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        return home.one('clip', 'add', path, '--camera', camera, '--from', '-10min', '--to', '-9min')['id']

    def row(self, home, clip):
        return next((row for row in home.json('clip', 'list') if row.get('id') == clip), None)

    def state(self, home, clip):
        row = self.row(home, clip)
        return row and row['state']

    def known(self, clip):
        self.wait(lambda: self.row(self.hub, clip), 'the hub knows the clip', SOON)
        self.wait(lambda: self.row(self.laptop, clip)['told'], 'the laptop knows that it does', SOON)

    def out(self, home, clip):
        path = os.path.join(home.folder, 'out')
        home.cli('clip', 'get', clip, '-o', path, code=0)
        with open(path, 'rb') as file:
            return file.read()

    def share(self, clip, whom, *more):
        self.hub.cli('clip', 'share', clip, '--with', whom, '--purpose', 'the stolen bicycle', '--yes', *more, code=0)

    def ledger(self, clip):
        return [line['what'] for line in self.hub.json('ledger', 'list') if line.get('clip') == clip]

    def files(self, home, clip):
        folder = os.path.join(home.folder, 'clips')
        return sorted(name for name in os.listdir(folder) if name.startswith(clip))

    def given(self, home, clip):
        return [row for row in home.json('grant', 'list') if 'line' not in row and row['clip'] == clip]

    def case_opened_at_the_hub(self):
        """what a laptop takes in the hub lists with its device, fetches, and opens; the laptop itself cannot"""
        text = os.urandom(300000)
        clip = self.take(self.laptop, text)
        self.known(clip)
        row = self.row(self.hub, clip)
        equal((row['state'], row['device'], row['camera']), ('away', 'laptop', 'garden'), 'what the hub lists')
        check('on laptop' in self.hub.cli('clip', 'list', code=0).out, 'the list for a person names the device')
        check('laptop' in self.hub.cli('clip', 'show', clip[:8], code=0).out, 'clip show names the device')
        equal(self.files(self.hub, clip), [], 'files at the hub before anybody wants them')
        equal(self.out(self.hub, clip[:10]), text, 'what the hub opens')
        equal((self.state(self.hub, clip), self.ledger(clip)), ('here', ['read']), 'what is known after that')
        who = [(row['what'], row.get('name')) for row in self.hub.json('clip', 'who-can-read', clip)]
        equal(who[0][0], 'home', f'who can read it: {who}')
        self.laptop.refused('not-shared', street.REFUSED, 'clip', 'get', clip, '-o', os.path.join(self.laptop.folder, 'out'))
        self.hub.refused('other-device', street.REFUSED, 'clip', 'keep', clip)
        self.ben.refused('no-such-clip', street.NOT_FOUND, 'clip', 'show', clip)

    def case_asleep(self):
        """a clip that was taken in while the hub was off comes when it is there; restarts and kills of either lose nothing"""
        self.hub.stop()
        clips = [self.take(self.laptop, os.urandom(1000 + i)) for i in range(3)]
        equal([self.row(self.laptop, clip)['told'] for clip in clips], [False] * 3, 'what the hub was told')
        self.laptop.kill9()
        self.laptop.start()
        self.hub.start()
        for clip in clips:
            self.known(clip)
        self.hub.kill9()
        self.hub.start()
        equal([self.state(self.hub, clip) for clip in clips], ['away'] * 3, 'what the hub knows after a crash')

    def case_shared(self):
        """the hub grants it: the neighbour gets the same bytes, also when the laptop is off by then"""
        text = os.urandom(200000)
        clip = self.take(self.laptop, text)
        self.known(clip)
        self.share(clip, self.ben.name)
        self.wait(lambda: self.state(self.hub, clip) == 'here', 'the hub has fetched what it granted', SOON)
        self.laptop.stop()
        self.wait(lambda: self.given(self.ben, clip), 'the offer is there', SOON)
        equal(self.out(self.ben, clip), text, 'what the neighbour opens')
        self.wait(lambda: 'complete' in self.ledger(clip), 'the ledger tells that it arrived', SOON)
        self.laptop.start()

    def told_back(self, home):
        """Grants of which it was told that they were taken back: PAPER_IN_TOLD."""
        with sqlite3.connect(f'file:{home.folder}/porchlight.db?mode=ro', uri=True) as db:
            return db.execute('SELECT count(*) FROM paper WHERE what = 14').fetchone()[0]

    def case_taken_back(self):
        """a laptop that took a clip in hears that its grant was taken back, and gives no byte for it; for another one it does"""
        back, stands = (self.take(self.laptop, os.urandom(200000)) for _ in range(2))
        for clip in (back, stands):
            self.known(clip)
        self.laptop.stop()
        for clip in (back, stands):
            self.share(clip, self.ben.name)
            fetch.wait('the offer', lambda: self.given(self.ben, clip))  # noqa: B023
            fetch.accept(self.ben, clip)
            self.wait(lambda: self.given(self.ben, clip)[0]['state'] == 'open', 'the key to come', SOON)  # noqa: B023
        self.ben.kill9()
        grant = next(row['grant'] for row in self.hub.json('grant', 'list', '--clip', back))
        self.hub.cli('grant', 'revoke', grant, '--yes', code=0)
        self.laptop.start()
        self.wait(lambda: self.told_back(self.laptop), 'the laptop to hear of it', SOON)
        self.hub.stop()
        self.ben.start()
        self.wait(lambda: self.given(self.ben, stands)[0]['state'] == 'complete', 'the other clip to come of the laptop', SOON)
        equal(self.files(self.ben, back), [back + '.want'], 'what has come of the first, over the same link')
        self.hub.start()
        self.wait(lambda: self.given(self.ben, back)[0]['state'] == 'taken-back', 'the neighbour to hear of it', SOON)

    def case_destroyed(self):
        """`clip destroy` on the hub takes key and bytes at both ends; a laptop that is off does it when it is back"""
        text = os.urandom(70000)
        near, far = self.take(self.laptop, text), self.take(self.laptop, b'far')
        for clip in (near, far):
            self.known(clip)
        self.out(self.hub, near)
        self.hub.cli('clip', 'destroy', near, '--yes', code=0)
        equal(self.state(self.hub, near), 'destroyed', 'what is left at the hub')
        self.wait(lambda: self.files(self.hub, near) == [], 'the bytes that the hub had fetched are gone')
        self.wait(lambda: self.state(self.laptop, near) == 'destroyed', 'the laptop has destroyed it', SOON)
        self.wait(lambda: self.files(self.laptop, near) == [], 'its files are gone at the laptop', SOON)
        self.share(far, self.ben.name)
        self.wait(lambda: self.state(self.hub, far) == 'here', 'the hub has fetched what it granted', SOON)
        self.laptop.stop()
        self.hub.cli('clip', 'destroy', far, '--yes', code=0)
        self.hub.kill9()
        self.hub.start()
        self.laptop.start()
        self.wait(lambda: self.state(self.laptop, far) == 'destroyed', 'the laptop that was off has destroyed it', SOON)
        self.wait(lambda: self.files(self.laptop, far) == [], 'its files are gone, too', SOON)
        equal((self.ledger(far)[0], self.ledger(far)[-1]), ('granted', 'destroyed'), 'the ledger')
        equal(self.files(self.hub, far), [], 'what the hub has of it, though a grant was in force')
        self.hub.refused('no-such-clip', street.NOT_FOUND, 'clip', 'get', far, '-o', os.path.join(self.hub.folder, 'out'))

    def case_exported(self):
        """`me export` fetches what is on the laptop; what is on one that is off is named, on stderr, in the file, and by exit 1"""
        text = os.urandom(100000)
        near, far = self.take(self.laptop, text), self.take(self.laptop, b'on a laptop that is off')
        for clip in (near, far):
            self.known(clip)
        equal(self.state(self.hub, near), 'away', 'before')
        self.out(self.hub, near)
        self.hub.cli('clip', 'get', '--cancel', near)  # so that it has to come again
        file, clips = os.path.join(self.folder, 'me.jsonl'), os.path.join(self.folder, 'my clips')
        others = {row['id'] for row in self.hub.json('clip', 'list') if row.get('state') in ('away', 'here')}
        self.hub.cli('me', 'export', file, '--with-clips', clips, code=0)
        equal(set(os.listdir(clips)), others, 'the clips that came')
        with open(os.path.join(clips, near), 'rb') as made:
            equal(made.read(), text, 'what came of the laptop')
        gone = self.take(self.laptop, b'taken in at last')
        self.known(gone)
        self.laptop.stop()
        done = self.hub.cli('me', 'export', file, '--with-clips', clips, '--force', '--json', code=street.FAILED)
        equal(done.error()['name'], 'clips-left-out', 'the error')
        check(gone in done.err and 'laptop' in done.err, f'what a person is told: {done.err}')
        with open(file, encoding='utf-8') as rows:
            left = [row['is'] for row in map(json.loads, rows) if row['what'] == 'left-out']
        equal(left, [{'id': gone, 'state': 'away', 'device': 'laptop'}], 'what the file says is left out')
        check(gone not in os.listdir(clips), 'it is there, too')
        self.laptop.start()

    def case_rules(self):
        """a rule of the laptop's for a camera holds at the hub; a clip that the laptop's rules destroy goes there, too"""
        clip = self.take(self.laptop, b'of the bedroom', 'bedroom')
        self.known(clip)
        self.laptop.cli('camera', 'policy', 'bedroom', 'never', code=0)
        tell = ('post', 'theft', 'x', '--clip', clip, '--dry-run')
        self.wait(lambda: self.hub.cli(*tell).code == street.REFUSED, 'the rule is known at the hub', SOON)
        self.hub.refused('camera-never', street.REFUSED, 'clip', 'share', clip, '--with', self.ben.name, '--purpose', 'x', '--yes')
        old = self.take(self.laptop, b'too old by tomorrow', 'street')
        self.known(old)
        self.laptop.cli('camera', 'keep', 'street', '1d', code=0)
        for home in (self.hub, self.laptop, self.ben):
            home.stop()
        self.put_ahead(25 * 3600)
        for home in (self.hub, self.laptop, self.ben):
            home.start()
        self.wait(lambda: self.state(self.laptop, old) == 'destroyed', 'the rule has destroyed it', SOON)
        self.wait(lambda: self.state(self.hub, old) == 'destroyed', 'the hub hears of it', SOON)
        equal(self.ledger(old), ['destroyed'], 'the ledger')

    def case_revoked(self):
        """a laptop that was revoked brings nothing any more, and what it brought before is there still"""
        before = self.take(self.laptop, b'before')
        self.known(before)
        self.laptop.stop()
        self.hub.cli('device', 'revoke', 'laptop', '--yes', code=0)
        equal((self.state(self.hub, before), self.row(self.hub, before)['device']), ('lost', 'laptop'), 'what it brought before')
        check('which was revoked' in self.hub.cli('clip', 'list', code=0).out, 'the list for a person says so')
        self.hub.refused('clip-lost', street.FAILED, 'clip', 'get', before, '-o', os.path.join(self.hub.folder, 'out'))
        self.hub.cli('clip', 'destroy', before, '--yes', code=0)
        equal(self.state(self.hub, before), 'destroyed', 'after all')


if __name__ == '__main__':
    street.main(Kin)
