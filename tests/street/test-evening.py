#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An evening in a street of three homes: what one posts, the others see, say something about, and see the end of."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

WAIT = 5.0  # seconds that `post` gives homes that do not answer
ALERT_FIELDS = ('v', 'id', 'household', 'mine', 'source', 'kind', 'category', 'severity', 'urgency', 'certainty',
                'status',
                'state', 'cell', 'lat', 'lon', 'text', 'created', 'expires', 'confirms', 'disputes', 'comments')


class Evening(street.Play):
    def open(self):
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes

    def wait_alert(self, homes, alert, what, seconds=street.PATIENCE, **wanted):
        """Until every home shows the alert with these values."""
        def shows(home):
            row = home.alert(alert)
            return all(row.get(name) == value for name, value in wanted.items())
        self.wait(lambda: all(shows(home) for home in homes), what, seconds)

    def case_members(self):
        """three homes by invite: every home lists the same members"""
        names = sorted(home.name for home in self.homes)
        for home in self.homes:
            rows = home.json('member', 'list')
            equal(sorted(row['name'] for row in rows), names, f'the members that {home.name} lists')
            equal([row['name'] for row in rows if row['mine']], [home.name], f'the own household of {home.name}')
            equal([row['name'] for row in rows if row['steward']], [self.anna.name], 'the stewards')
            mesh = home.one('mesh', 'show')
            equal((mesh['name'], mesh['homes']), ('Elm Street', 3), f'the mesh as {home.name} shows it')

    def case_post(self):
        """a post in one home is found by nearby in the others"""
        posted = self.anna.post('fire', 'Smoke from the bins behind no. 12')
        check(posted['handed_to'] >= 1, f'handed to {posted["handed_to"]} homes')
        equal((posted['homes'], posted['urgent']), (2, True), 'homes, urgent')
        self.wait_all_have(self.homes, posted['id'])
        rows = [home.alerts()[posted['id']] for home in self.homes]
        for home, row in zip(self.homes, rows):
            missing = [name for name in ALERT_FIELDS if name not in row]
            equal(missing, [], f'fields missing in JSON at {home.name}')
            equal(row['mine'], home is self.anna, f'mine at {home.name}')
        for row in rows:
            row.pop('mine')
            row.pop('distance_m', None)
        equal(rows[1], rows[0], 'the alert at the second home and the first')
        equal(rows[2], rows[0], 'the alert at the third home and the first')
        equal((rows[0]['household'], rows[0]['kind'], rows[0]['state'], rows[0]['severity']),
              (self.anna.name, 'fire', 'active', 'Severe'), 'its values')

    def case_prompt(self):
        """a post is answered as soon as every linked home has it, not after the wait"""
        for number in range(5):
            began = time.monotonic()
            posted = self.anna.post('animal', f'A dog on the loose, sighting {number}')
            took = time.monotonic() - began
            equal(posted['handed_to'], 2, 'homes that have it')
            check(took < WAIT, f'it took {took:.1f} s')

    def case_words(self):
        """text and JSON agree, and text keeps within 80 columns"""
        long = 'Grey van on the pavement, ' * 12 + 'the children have to walk on the road'
        posted = self.ben.post('hazard', long)
        self.wait_all_have(self.homes, posted['id'])
        for home in self.homes:
            text = home.cli('nearby', code=0).out
            wide = [line for line in text.splitlines() if len(line) > street.COLUMNS]
            equal(wide, [], 'lines wider than 80 columns')
            for row in home.alerts().values():
                words = ' '.join(text.split())
                for part in (row['id'][:8], row['kind'], row['household'], row['state'], row['text']):
                    check(part in words, f'{part!r} of the JSON is not in the text of {home.name}')

    def case_filters(self):
        """nearby's filters: kind, severity, text, place, limit"""
        pet = self.cleo.post('missing-pet', 'Grey cat, red collar, shy', '--at', '52.5363,13.3777')
        self.wait_all_have(self.homes, pet['id'])
        for home in self.homes:
            everything = home.alerts()
            kinds = {row['kind'] for row in home.alerts('--kind', 'missing-pet').values()}
            equal(kinds, {'missing-pet'}, '--kind missing-pet')
            equal(set(home.alerts('--text', 'RED collar')), {pet['id']}, '--text in any case')
            severe = home.alerts('--min-severity', 'severe')
            equal(set(severe), {i for i, row in everything.items() if row['severity'] in ('Severe', 'Extreme')},
                  '--min-severity severe')
            near = home.alerts('--at', street.PLACE, '--within', '800m')
            check(pet['id'] not in near, 'an alert 2 km away is within 800 m')
            far = home.alerts('--at', street.PLACE, '--within', '5km')
            check(1900 < far[pet['id']]['distance_m'] < 2600, f'2.2 km are {far[pet["id"]]["distance_m"]} m')
            equal(len(home.alerts('--limit', '1')), 1, '--limit 1')
        equal(self.ben.cli('nearby', '--text', 'no such words', code=0).out, 'No alerts match.\n',
              'nothing found, in words')
        equal(self.ben.json('nearby', '--text', 'no such words'), [], 'nothing found, in JSON')

    def case_watch(self):
        """watch streams events as they happen, and --after repeats them"""
        watch = self.cleo.watch()
        posted = self.anna.post('noise', 'A bang, cause unknown')
        event = watch.until(lambda e: e['alert']['id'] == posted['id'])
        equal((event['v'], event['event'], event['alert']['text']), (1, 'posted', 'A bang, cause unknown'), 'the event')
        self.ben.one('alert', 'comment', posted['id'], 'A tyre, I think')
        comment = watch.until(lambda e: e['event'] == 'commented')
        equal(comment['alert']['comments'], 1, 'comments in the event')
        check(comment['seq'] > event['seq'], 'sequence numbers do not rise')
        watch.close()
        again = self.cleo.watch('--after', str(event['seq'] - 1))
        equal(again.next()['seq'], event['seq'], 'the first event after --after')
        equal(again.until(lambda e: e['event'] == 'commented')['seq'], comment['seq'], 'the comment again')
        again.close()
        first = self.cleo.json('watch', '--since', '-1h', '--text', 'cause unknown', '--limit', '1')
        equal([e['seq'] for e in first], [event['seq']], 'the first event since an hour ago, and no more')

    def case_order(self):
        """what followed an alert within one second is shown in the order in which it was said"""
        posted = self.anna.post('noise', 'Bells')['id']
        said = [f'number {i}' for i in range(6)]
        for text in said:
            self.anna.one('alert', 'comment', posted, text)
        rows = self.anna.json('alert', 'show', posted)
        equal([row['text'] for row in rows if row.get('what') == 'comment'], said, 'the comments')

    def case_exec(self):
        """watch --exec runs a program for each event, the event on its stdin"""
        target = os.path.join(self.folder, 'rung')
        watch = self.ben.watch('--kind', 'scam', '--exec', 'sh', '-c', 'cat > "$1.part"; mv "$1.part" "$1"', 'sh',
                               target)
        posted = self.anna.post('scam', 'Somebody sells water filters, has no papers')
        self.wait(lambda: os.path.exists(target), 'the program to run')
        with open(target, encoding='utf-8') as file:
            check(posted['id'] in file.read(), 'the event is not what the program got')
        watch.close()

    def case_confirm_and_dispute(self):
        """confirm, dispute and comment are counted once a household, everywhere"""
        posted = self.anna.post('smoke', 'Cellar of no. 7')
        self.wait_all_have(self.homes, posted['id'])
        self.ben.one('alert', 'confirm', posted['id'], 'Seen from our window')
        self.ben.cli('alert', 'confirm', posted['id'], code=None)
        self.cleo.one('alert', 'dispute', posted['id'], 'That is the barbecue')
        self.cleo.one('alert', 'comment', posted['id'][:8], 'Fire brigade is here')
        self.wait_alert(self.homes, posted['id'], 'confirm, dispute and comment to arrive', confirms=1, disputes=1,
                        comments=1)
        for home in self.homes:
            follows = home.json('alert', 'show', posted['id'])[1:]
            said = {(row['what'], row['household'], row.get('text', '')) for row in follows}
            for row in (('confirm', 'Home 2', 'Seen from our window'), ('dispute', 'Home 3', 'That is the barbecue'),
                        ('comment', 'Home 3', 'Fire brigade is here')):
                check(row in said, f'{row} is not in what {home.name} shows: {said}')

    def case_permissions(self):
        """what only the author may do, and what only others may, is refused by name"""
        posted = self.anna.post('theft', 'A bicycle, blue')
        self.wait_all_have(self.homes, posted['id'])
        self.anna.refused('yours', street.REFUSED, 'alert', 'confirm', posted['id'])
        self.anna.refused('yours', street.REFUSED, 'alert', 'dispute', posted['id'], 'no')
        for words in (('update', posted['id'], 'Red'), ('resolve', posted['id']), ('retract', posted['id'], '--yes')):
            self.ben.refused('not-yours', street.REFUSED, 'alert', *words)
        self.ben.refused('no-such-alert', street.NOT_FOUND, 'alert', 'confirm', '0123456789abcdef')
        equal(self.cleo.alert(posted['id'])['state'], 'active', 'its state after all these refusals')

    def case_update_and_resolve(self):
        """an update changes text and severity, a resolve ends it, everywhere"""
        posted = self.ben.post('power-cut', 'Whole block dark')
        self.wait_all_have(self.homes, posted['id'])
        self.ben.one('alert', 'update', posted['id'], 'Only even numbers', '--severity', 'minor')
        self.wait_alert(self.homes, posted['id'], 'the update', state='updated', text='Only even numbers',
                        severity='Minor')
        self.ben.one('alert', 'resolve', posted['id'], 'Light is back')
        self.wait_alert(self.homes, posted['id'], 'the resolve', state='resolved')

    def case_exercise(self):
        """a drill says so in words, and never sounds urgent"""
        posted = self.cleo.post('fire', 'Drill at the school', '--status', 'exercise')
        self.wait_all_have(self.homes, posted['id'])
        row = self.ben.alert(posted['id'])
        equal(row['status'].lower(), 'exercise', 'its status')
        check('[EXERCISE' in self.ben.cli('alert', 'show', posted['id'], code=0).out, 'the text does not say EXERCISE')

    def case_dry_run(self):
        """--dry-run shows the alert and posts nothing"""
        before = set(self.anna.alerts())
        row = self.anna.one('post', 'storm', 'Tiles are falling', '--dry-run')
        equal((row['kind'], row['text'], row['mine']), ('storm', 'Tiles are falling', True), 'the alert')
        equal(set(self.anna.alerts()), before, 'the alerts after a dry run')

    def case_hostile_text(self):
        """control and bidi characters of a neighbour reach no terminal"""
        posted = self.anna.post('other', 'red\x1b[31m alert\u202egnp.exe\x07')
        self.wait_all_have(self.homes, posted['id'])
        for words in (('nearby',), ('alert', 'show', posted['id'])):
            for more in ((), ('--json',)):
                out = self.ben.cli(*words, *more, code=0).out
                bad = [c for c in out if (ord(c) < 32 and c != '\n') or c in '\x7f\u202e\u202d\u2066']
                equal(bad, [], f'characters of {words} {more} that a terminal obeys')

    def case_retract(self):
        """a retraction deletes the text in every home, also in one that was off"""
        secret = 'orchid-%08x' % self.rng.randrange(1 << 32)
        changed = 'tulip-%08x' % self.rng.randrange(1 << 32)
        posted = self.anna.post('theft', f'Words that should not have been posted: {secret}')
        self.wait_all_have(self.homes, posted['id'])
        self.anna.one('alert', 'update', posted['id'], f'Nor these: {changed}')
        self.wait_alert(self.homes, posted['id'], 'the update', state='updated')
        for home in self.homes:  # or the search at the end would show nothing
            for words in (secret, changed):
                check(home.holds_bytes(words.encode()), f'{words} is not in the files of {home.name} even before')
            check('porchlight.db-wal' in map(os.path.basename, home.files()), f'{home.name} has no log to search')
        self.cleo.stop()
        self.anna.cli('alert', 'retract', posted['id'], code=street.USAGE)  # no terminal, no --yes
        self.anna.one('alert', 'retract', posted['id'], '--yes')
        self.wait_alert([self.anna, self.ben], posted['id'], 'the retraction', state='retracted', text='')
        self.cleo.start()
        self.wait_alert([self.cleo], posted['id'], 'the retraction at the home that was off', state='retracted',
                        text='')
        for home in self.homes:
            for words in (secret, changed):
                self.wait(lambda home=home, words=words: not home.holds_bytes(words.encode()),
                          f'{words} to be gone from all files of {home.name}, its log too')
                for more in ((), ('--json',)):
                    check(words not in home.cli('alert', 'show', posted['id'], *more, code=0).out, f'{home.name} shows it')
        for home in self.homes:
            home.kill9()  # nothing that a clean end would tidy up
            equal([home.holds_bytes(words.encode()) for words in (secret, changed)], [[], []], f'files of {home.name}, killed')
            home.start()

    def case_restart(self):
        """a restart keeps everything, and links come back"""
        before = {home: home.alerts() for home in self.homes}
        for home in self.homes:
            home.stop()
        for home in self.homes:
            home.start()
        for home in self.homes:
            self.wait_state(home, 'current')
            after = home.alerts()
            equal(after.keys(), before[home].keys(), f'alerts of {home.name} after a restart')
            for alert, row in before[home].items():
                equal(after[alert], row, f'an alert of {home.name} after a restart')
        posted = self.cleo.post('noise', 'All are back')
        self.wait_all_have(self.homes, posted['id'])


if __name__ == '__main__':
    street.main(Evening)
