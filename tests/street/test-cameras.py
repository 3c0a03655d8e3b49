#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a home's owner says of cameras is obeyed: what may be told of a clip, how long it stays, and what goes when there is no
room. What the wire shows of it: test-silence.py."""
import datetime
import json
import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

HOUR = 3600
OLD = 3 * HOUR
MANY = 40  # clips that go one after the other while somebody looks: on a busy machine whoever looks is not there for some of them


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')


def seconds(text):
    return int(datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(tzinfo=datetime.timezone.utc).timestamp())


class Cameras(street.Play):
    def open(self):
        self.now = int(time.time())
        self.put_clip = os.path.join(self.programs.build, 'tests', 'put-clip')
        self.anna, self.ben = self.street(2).homes
        self.place = self.anna.state()['home']
        self.film = os.path.join(self.folder, 'film')
        self.took = self.now - 90 * 60
        self.door = self.take('front door', self.took)

    def take(self, camera, at=None, size=1000):
        """A clip of so many bytes, of that time where one is said."""
        with open(self.film, 'wb') as file:
            file.write(os.urandom(size))
        times = ('--from', stamp(at), '--to', stamp(at + 30)) if at else ()
        return self.anna.one('clip', 'add', self.film, '--as-is', '--camera', camera, *times)['id']

    def old(self, home, now, *ages, parent=None):
        """Clips of the camera `door` that are so many seconds old, made from @parent."""
        home.stop()
        more = [parent] if parent else []
        ids = [subprocess.run([self.put_clip, home.folder, str(now - age - 30), str(now - age), self.place, *more], check=True,
                              capture_output=True, text=True).stdout for age in ages]
        home.start()
        self.wait_state(home, 'current')
        return ids

    def ask(self, reason, at):
        ident = self.ben.one('ask', 'post', '--area', 'home', '--radius', '300m', '--from', stamp(at - 60), '--to',
                             stamp(at + 60), '--reason', reason)['id']
        self.wait(lambda: any(row['id'] == ident for row in self.anna.json('ask', 'list')), 'the ask')
        return ident

    def matches(self, ident):
        return [row['id'] for row in self.anna.json('ask', 'match', ident)][1:]

    def state(self, clip):
        return self.anna.one('clip', 'show', clip)['state']

    def policy(self, *words):
        self.anna.cli('camera', 'policy', *words, code=0)

    def case_begins(self):
        """every camera begins with `ask`, and is kept as clips.retention says; its owner alone sees the list"""
        rows = self.anna.json('camera', 'list')
        equal([(row.get('camera'), row['policy'], row['keep'], row['clips']) for row in rows],
              [('front door', 'ask', 30 * 24 * HOUR, 1), (None, 'ask', 30 * 24 * HOUR, 0)], 'the cameras')
        check(rows[0]['bytes'] > 1000 and 'last' in rows[0], f'what is told of one: {rows[0]}')
        out = self.anna.cli('camera', 'list', code=0).out
        check('front door' in out and '(any other)' in out, f'the list for people: {out}')

    def case_never(self):
        """of a camera that is `never` no clip fits an ask, and none is named, told of or shared; then it is again"""
        self.first = self.ask('Who saw the cyclist?', self.took)
        equal(self.matches(self.first), [self.door], 'what fits')
        self.policy('front door', 'never')
        equal((self.matches(self.first), self.anna.json('inbox')), ([], []), 'what fits, and the inbox')
        for words in (('post', 'theft', 'A bicycle', '--clip', self.door),
                      ('clip', 'share', self.door, '--with', self.ben.name, '--purpose', 'The bicycle', '--yes')):
            said = self.anna.refused('camera-never', street.REFUSED, *words)
            check('camera policy' in said['hint'], f'what to do: {said}')
        self.anna.stop()
        self.anna.start()
        equal(self.matches(self.first), [], 'what fits after a restart')
        self.policy('front door', 'ask')
        equal((self.matches(self.first), len(self.anna.json('inbox'))), ([self.door], 1), 'what fits again')

    def case_all(self):
        """--all is of every camera, and of those that are to come"""
        self.policy('yard', 'announce')
        self.policy('--all', 'never')
        yard = self.take('yard', self.took)
        shed = self.take('shed', self.took)
        equal({row.get('camera'): row['policy'] for row in self.anna.json('camera', 'list')},
              dict.fromkeys(('front door', 'yard', 'shed', None), 'never'), 'policies')
        equal(self.matches(self.first), [], 'what fits')
        self.policy('--all', 'ask')
        equal(sorted(self.matches(self.first)), sorted((self.door, yard, shed)), 'what fits')

    def case_wrong(self):
        """what makes no sense is refused by name"""
        for words in (('policy', 'yard'), ('policy', 'yard', 'sometimes'), ('policy', '--all', 'yard', 'ask'), ('keep', 'yard'),
                      ('keep', 'yard', 'soon'), ('keep', 'yard', '10m'), ('policy', '', 'ask'), ('policy', 'x' * 65, 'ask')):
            self.anna.refused('usage', street.USAGE, 'camera', *words)
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'keep', 'ffffffff')
        equal({row['policy'] for row in self.anna.json('camera', 'list')}, {'ask'}, 'policies')

    def case_again(self):
        """whoever watches is told again of an ask that a clip fits which came later; not of one that was told of elsewhere"""
        at = self.now - 5 * HOUR
        ask = self.ask('And who saw the van?', at)
        watch = self.anna.watch()
        self.take('yard', at - 2 * HOUR)  # fits nothing
        self.take('yard', at)
        event = watch.until(lambda event: event['event'] == 'asked')
        equal((event['ask']['id'], event['ask']['clips']), (ask, 1), 'the first that is told')
        watch.close()

    def case_retention(self):
        """a clip that is older than its camera's rule goes, with a line in the ledger; not one that is kept, or that an alert
        in force names"""
        old, kept, named, young = self.old(self.anna, self.now, OLD, OLD + 60, OLD + 120, HOUR // 2)
        self.anna.cli('clip', 'keep', kept, code=0)
        check(self.anna.one('clip', 'show', kept)['kept'], 'show does not say that it is kept')
        alert = self.anna.one('post', 'noise', 'Footage of it', '--clip', named)['id']
        self.anna.cli('camera', 'keep', 'door', '2h', code=0)
        self.wait(lambda: self.state(old) == 'destroyed', 'the old one to go')
        equal([self.state(clip) == 'destroyed' for clip in (kept, named, young)], [False] * 3, 'the others')
        lines = [row for row in self.anna.json('ledger', 'list') if row.get('clip') == old]
        equal([(row['what'], row['text']) for row in lines], [('destroyed', 'by the rule for its camera')], 'the ledger')
        self.anna.cli('alert', 'resolve', alert, code=0)
        self.anna.cli('clip', 'keep', '--off', kept, code=0)
        self.wait(lambda: self.state(kept) == self.state(named) == 'destroyed', 'the others to go')
        equal(self.state(young), 'damaged', 'the young one, whose bytes never were')
        self.anna.cli('ledger', 'verify', code=0)
        self.anna.cli('camera', 'keep', 'door', 'forever', code=0)
        equal([row.get('keep') for row in self.anna.json('camera', 'list') if row.get('camera') == 'door'], [None], 'for ever')

    def case_kinds(self):
        """what an alert of ours has named stays as long as the alert's kind says, and so does what that was made from; it is said
        until when and why; not for an exercise, nor for what was taken back"""
        theft, noise, drill, back, source, again = self.old(self.anna, self.now, *(OLD + 60 * i for i in range(3, 9)))
        cut, = self.old(self.anna, self.now, OLD + 30, parent=source)
        told = {clip: self.anna.one('post', *words, '--clip', clip)['id'] for clip, *words in
                ((theft, 'theft', 'It is gone'), (noise, 'noise', 'A bang'), (cut, 'theft', 'Cut to what matters'),
                 (drill, 'theft', 'A drill', '--status', 'exercise'), (back, 'theft', 'A mistake'), (again, 'noise', 'Once'))}
        equal({(row['why'], row.get('until')) for row in self.anna.json('clip', 'list') if row['id'] == noise},
              {('camera', None)}, 'what keeps a clip for ever')
        self.anna.cli('camera', 'keep', 'door', '2h', code=0)
        shown = self.anna.one('clip', 'show', noise)
        equal((shown['why'], shown['until']), ('alert', self.anna.alert(told[noise])['expires']), 'in force')
        self.anna.json('alert', 'retract', told[back], '--yes')
        for clip in (theft, noise, drill, again, cut):
            self.anna.cli('alert', 'resolve', told[clip], code=0)
        self.anna.stop()
        self.anna.start()
        self.wait(lambda: [self.state(clip) for clip in (noise, drill, back, again)] == ['destroyed'] * 4, 'the others to go')
        equal([self.state(clip) == 'destroyed' for clip in (theft, cut, source)], [False] * 3, 'what a kind keeps')
        for clip, named in ((theft, theft), (cut, cut), (source, cut)):
            row = self.anna.one('clip', 'show', clip)
            until = seconds(self.anna.alert(told[named])['created']) + 90 * 24 * HOUR
            equal((row['why'], row['why_kind'], row['until']), ('kind', 'theft', stamp(until)), 'why it stays')
        check('of the kind theft' in self.anna.cli('clip', 'show', theft, code=0).out, 'what a person is told')
        said = self.anna.refused('bad-value', street.USAGE, 'config', 'set', 'clips.kinds', 'theft=90d, unrest=2d')
        check('unrest' in said['message'], f'what is wrong: {said}')
        self.anna.cli('config', 'set', 'clips.kinds', 'break-in=1y, animal=60d', code=0)
        self.wait(lambda: [self.state(clip) for clip in (theft, cut, source)] == ['destroyed'] * 3, 'these to go')
        self.anna.cli('config', 'unset', 'clips.kinds', code=0)
        self.anna.cli('camera', 'keep', 'door', 'forever', code=0)

    def case_killed(self):
        """kill -9 while clips go by a rule: each is whole or gone with its bytes, and has one line in the ledger"""
        clips = self.old(self.ben, self.now, *(OLD + 60 * i for i in range(MANY)))
        self.ben.stop()
        folder = os.path.join(self.ben.folder, 'clips')
        for clip in clips:
            for name in (clip, clip + '.list'):
                with open(os.path.join(folder, name), 'wb') as file:
                    file.write(b'locked bytes of ' + clip.encode())
        self.ben.start()
        self.ben.cli('camera', 'keep', 'door', '2h', code=0)
        here, kills = len(clips), 0
        while kills < 4 and (here := self.wait_fewer(folder, clips, here)):
            kills += 1
            self.ben.kill9()
            names = set(os.listdir(folder))
            left = [clip for clip in self.keyless(self.ben, clips) if clip in names]
            check(len(left) <= 1, f'bytes of {left} are there, and their keys are not')
            self.ben.start()
        self.wait(lambda: self.gone(self.ben, clips) == set(clips), 'all to go')
        check(kills, 'it was never killed in the middle')
        both = {name for clip in clips for name in (clip, clip + '.list')}
        self.wait(lambda: not both & set(os.listdir(folder)), 'all their files to go')
        lines = [row['clip'] for row in self.ben.json('ledger', 'list') if row['what'] == 'destroyed']
        equal(sorted(line for line in lines if line in clips), sorted(clips), 'lines of the ledger')
        self.ben.cli('ledger', 'verify', code=0)
        self.ben.cli('camera', 'keep', 'door', 'forever', code=0)

    @staticmethod
    def wait_fewer(folder, clips, most):
        """Until fewer than @most have their bytes; how many do. Looked at without a rest: they go one after the other, in no time."""
        end = time.monotonic() + street.PATIENCE
        while (here := len(set(os.listdir(folder)) & set(clips))) >= most:
            check(time.monotonic() < end, f'no clip went: {here} are here')
        return here

    def gone(self, home, clips):
        return {row['id'] for row in home.json('clip', 'list') if row['state'] == 'destroyed'} & set(clips)

    def keyless(self, home, clips):
        """Clips whose key is wiped on the disk of a home that is off."""
        with sqlite3.connect(f'file:{home.folder}/porchlight.db', uri=True) as db:
            return [clip for clip in clips if not
                    any(db.execute('SELECT manifest FROM clip WHERE id = ?', (bytes.fromhex(clip),)).fetchone()[0])]

    def case_announce(self):
        """of a camera that announces, the street hears of which quarter of an hour and which area, once that is over"""
        self.wait(lambda: time.time() % 900 < 880, 'a quarter that does not end in the middle of this')
        quarter = int(time.time()) // 900 * 900
        first, second = self.old(self.ben, quarter, 100, 400)
        self.wait_state(self.anna, 'current')
        equal(self.anna.json('clip', 'notices'), [], 'notices before')
        self.ben.cli('camera', 'policy', 'door', 'announce', code=0)
        self.wait(lambda: self.anna.json('clip', 'notices'), 'a notice')
        told, = self.anna.json('clip', 'notices')
        check(told['clip'] in (first, second), f'the clip: {told}')
        check(len(told['cell']) == 6 and self.place.startswith(told['cell'][:6]), f'the cell: {told}')
        equal((told['from'], told['to']), (stamp(quarter - 900), stamp(quarter)), 'the times')
        check(told['household'] == self.ben.name and 'footage of' in self.anna.cli('clip', 'notices', code=0).out, 'whose')
        self.old(self.ben, quarter, 500)  # the same quarter: told of already
        ident = self.ben.post('noise', 'Something behind it')['id']
        self.wait_all_have([self.anna], ident)
        equal(len(self.anna.json('clip', 'notices')), 1, 'notices')

    def case_full(self):
        """where there is no room a clip is refused; or the oldest go, where their owner said so, but not one that is granted"""
        self.anna.cli('camera', 'keep', '--all', 'forever', code=0)
        given, kept, *rest = [self.take('yard', size=50000) for _ in range(6)]
        self.anna.cli('clip', 'share', given, '--with', self.ben.name, '--purpose', 'The bicycle', '--yes', code=0)
        self.anna.cli('clip', 'keep', kept, code=0)
        used = sum(os.path.getsize(os.path.join(self.anna.folder, 'clips', name))
                   for name in os.listdir(os.path.join(self.anna.folder, 'clips')))
        self.anna.cli('config', 'set', 'clips.quota', str(used + 10000), code=0)
        with open(self.film, 'wb') as file:
            file.write(os.urandom(100000))
        words = ('clip', 'add', self.film, '--as-is', '--camera', 'yard')
        said = self.anna.refused('clips-quota', street.REFUSED, *words)
        check('clips.when-full' in said['hint'], f'what to do: {said}')
        self.anna.cli('config', 'set', 'clips.when-full', 'oldest', code=0)
        fresh = self.anna.one(*words)['id']
        gone = [clip for clip in (given, kept, *rest) if self.state(clip) == 'destroyed']
        check(gone and gone == rest[:len(gone)], f'not the oldest that may go have gone: {gone}')
        equal(self.state(fresh), 'here', 'the new one')
        with open(self.film, 'wb') as file:
            file.write(os.urandom(used))
        self.anna.refused('clips-quota', street.REFUSED, *words)
        equal(self.state(fresh), 'here', 'what would have gone in vain')
        for name in ('clips.quota', 'clips.when-full'):
            self.anna.cli('config', 'unset', name, code=0)

    def case_export(self):
        """`me export` has what this home holds about its household, and nothing of others, and no key; clips where they are asked for"""
        path, clips = os.path.join(self.folder, 'me.jsonl'), os.path.join(self.folder, 'my clips')
        alert = self.anna.post('noise', 'A word of mine')['id']
        theirs = self.ben.post('noise', 'A word of theirs')['id']
        self.wait_all_have([self.anna], theirs)
        self.anna.cli('alert', 'comment', theirs, 'Mine as well', code=0)
        self.anna.cli('me', 'export', path, '--with-clips', clips, code=0)
        equal(os.stat(path).st_mode & 0o777, 0o600, 'mode of the file')
        with open(path, encoding='utf-8') as file:
            text = file.read()
        rows = [json.loads(line) for line in text.splitlines()]
        found = {}
        for row in rows:
            found.setdefault(row['what'], []).append(row['is'])
        check({'status', 'mesh', 'household', 'device', 'setting', 'camera', 'clip', 'alert', 'follow-up', 'grant', 'ledger',
               'place'} <= set(found), f'what is in it: {sorted(found)}')
        check(alert in [row['id'] for row in found['alert']] and all(row['mine'] for row in found['alert']), 'the posts')
        equal([row['text'] for row in found['follow-up']], ['Mine as well'], 'the follow-ups')
        check('A word of theirs' not in text, 'what others wrote is in it')
        equal(len(found['ledger']), len(self.anna.json('ledger', 'list')) - len(os.listdir(clips)), 'lines of the ledger')
        here = {row['id']: row['size'] for row in found['clip'] if row['state'] == 'here'}
        equal({name: os.path.getsize(os.path.join(clips, name)) for name in os.listdir(clips)}, here, 'the clips')
        with open(os.path.join(self.anna.folder, 'vault', 'household'), 'rb') as file:
            key = file.read()
        for secret in (key[-96:-64], key[-64:-32]):  # plain, as this home was founded: then comes the hash
            check(secret.hex() not in text, 'a key is in it')
        self.anna.refused('file-exists', street.REFUSED, 'me', 'export', path)
        self.anna.cli('me', 'export', path, '--force', code=0)

    def case_clear_copy(self):
        """the file that a clip was taken from is told of while it is there, unchanged, to the owner alone; also after a restart"""
        path = os.path.join(self.folder, 'left.mp4')
        with open(path, 'wb') as file:
            file.write(b'left where it was')
        clip = self.anna.one('clip', 'add', path, '--as-is', '--camera', 'garden')['id']
        self.anna.stop()
        self.anna.start()
        self.wait_state(self.anna, 'current')

        def copies():
            return [row['name'] for row in self.anna.json('clip', 'who-can-read', clip) if row['what'] == 'copy']

        def warned():
            rows = {row['check']: row for row in self.anna.json('doctor', code=None)}
            return path in rows.get('clear copies', {}).get('message', '')
        equal((copies(), warned()), ([path], True), 'the clear copy')
        check('clear copy' in self.anna.cli('clip', 'who-can-read', clip, code=0).out, 'what a person is told')
        check(path.encode() not in self.manifest(clip), 'the manifest names it')
        with open(path, 'ab') as file:
            file.write(b' and changed')
        equal((copies(), warned()), ([], False), 'of a file that is another one now')
        os.unlink(path)
        equal((copies(), warned()), ([], False), 'once it is gone')
        with open(path, 'wb') as file:
            file.write(b'taken away')
        clip = self.anna.one('clip', 'add', path, '--as-is', '--camera', 'garden', '--delete-source')['id']
        equal((copies(), warned()), ([], False), 'with --delete-source')

    def manifest(self, clip):
        with sqlite3.connect(f'file:{self.anna.folder}/porchlight.db?mode=ro', uri=True) as db:
            return db.execute('SELECT manifest FROM clip WHERE id = ?', (bytes.fromhex(clip),)).fetchone()[0]


if __name__ == '__main__':
    street.main(Cameras)
