#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Consent between homes, with whole daemons and vaults: a clip is asked for, given, accepted, taken back; nobody else gets it."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

SOON = 30  # seconds within which a paper arrives in a home that is there
AT_ONCE = 10  # that a command may take to see that nobody reads what it writes


class Papers(street.Play):
    def open(self):
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes

    def clip(self, home, text):
        """Takes a file in. Its id."""
        path = os.path.join(home.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        return home.one('clip', 'add', path, '--camera', 'front', '--from', '-10min', '--to', '-9min')['id']

    def given(self, home):
        """Clips that others gave it: by grant."""
        return {row['grant']: row for row in home.json('grant', 'list') if 'line' not in row}

    def given_clip(self, home, clip):
        return [row for row in self.given(home).values() if row['clip'] == clip]

    def wait_given(self, home, clip, state):
        self.wait(lambda: [row['state'] for row in self.given_clip(home, clip)] == [state], f'{home.name} has it {state}', SOON)
        return self.given_clip(home, clip)[0]

    def ledger(self, home, clip):
        return [line['what'] for line in home.json('ledger', 'list') if line.get('clip') == clip]

    def wait_ledger(self, home, clip, what):
        self.wait(lambda: what in self.ledger(home, clip), f'"{what}" in the ledger of {home.name}', SOON)

    def share(self, clip, home, *more):
        self.anna.cli('clip', 'share', clip, '--with', home, '--purpose', 'the stolen bicycle', '--yes', *more, code=0)

    def taking(self, home, clip):
        """`clip get`, on its own: what it waits for comes without it, too."""
        process = subprocess.Popen([self.programs.cli, '--data', home.folder, 'clip', 'get', clip, '-o',
                                    os.path.join(home.folder, 'out')], env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def accept(self, home, clip):
        """Until the key is there. What was shown of the terms."""
        process = self.taking(home, clip)
        self.wait(lambda: self.given_clip(home, clip)[0]['state'] in ('open', 'complete'), 'the key is there', SOON)
        process.terminate()
        return process.communicate()[1]

    def keys(self, home):
        return [name for name in os.listdir(os.path.join(home.folder, 'vault')) if name.startswith('taken-')]

    def inbox(self, home):
        return home.json('inbox')

    def case_share(self):
        """a clip that is shared is offered to one home alone, which takes it by accepting its terms; the owner's ledger tells"""
        text = os.urandom(150000)
        clip = self.clip(self.anna, text)
        watch = self.ben.watch()
        self.share(clip, self.ben.name)
        offer = self.wait_given(self.ben, clip, 'offered')
        equal((offer['household'], offer['purpose']), (self.anna.name, 'the stolen bicycle'), 'the offer')
        told = watch.until(lambda event: event['event'] == 'given')
        equal(told['grant']['grant'], offer['grant'], 'what watch tells')
        watch.close()
        equal([row['grant'] for row in self.inbox(self.ben)], [offer['grant']], 'the inbox')
        check(f'{self.anna.name} gave you a clip' in self.ben.cli('inbox', code=0).out, 'the inbox, for a person')
        terms = self.accept(self.ben, clip)
        check('the stolen bicycle' in terms and self.anna.name in terms, f'the terms are not shown: {terms}')
        equal(self.ledger(self.anna, clip)[:3], ['granted', 'receipt', 'released'], 'the ledger')
        equal(self.inbox(self.ben), [], 'the inbox, once it is taken')
        equal(len(self.keys(self.ben)), 1, 'keys in the vault of the recipient')
        out = os.path.join(self.ben.folder, 'whole')
        self.ben.cli('clip', 'get', clip, '-o', out, code=0)
        with open(out, 'rb') as file:
            check(file.read() == text, 'what came is not what was given')
        self.wait_ledger(self.anna, clip, 'complete')
        shown = [line for line in self.anna.cli('ledger', 'list', '--clip', clip, code=0).out.splitlines() if clip[:8] in line]
        equal([line for line in shown if not line.endswith('  ' + self.ben.name)], [], 'lines for a person that do not say who it is')
        equal(self.given_clip(self.ben, clip)[0]['state'], 'complete', 'what the recipient has')
        equal(self.given(self.cleo), {}, 'what the third home was given')
        self.cleo.refused('no-such-clip', street.NOT_FOUND, 'clip', 'get', clip, '-o', os.path.join(self.cleo.folder, 'out'))

    def case_busy_line(self):
        """keys come over a slow line, too, while the bytes of another clip fill it"""
        long, short = self.clip(self.anna, os.urandom(8000000)), [self.clip(self.anna, b'short %d' % number) for number in range(8)]
        self.anna.cli('config', 'set', 'clips.uplink', '4000', code=0)
        for clip in (long, *short):
            self.share(clip, self.ben.name)
        for clip in (long, *short):
            self.wait_given(self.ben, clip, 'offered')
        process = self.taking(self.ben, long)
        self.wait(lambda: os.path.exists(os.path.join(self.ben.folder, 'clips', long + '.have')), 'the first bytes')
        for clip in short:
            self.accept(self.ben, clip)
        check(self.given_clip(self.ben, long)[0]['state'] != 'complete', 'the line was not busy')
        self.anna.cli('config', 'set', 'clips.uplink', '0', code=0)
        self.wait_given(self.ben, long, 'complete')
        process.wait(street.STOP_SECONDS)

    def case_away(self):
        """a home that is off is given the clip when it comes back, though the owner's daemon was started anew meanwhile"""
        clip = self.clip(self.anna, b'for one who is away')
        self.ben.stop()
        self.share(clip, self.ben.name)
        self.anna.kill9()
        self.anna.start()
        self.ben.start()
        self.wait_given(self.ben, clip, 'offered')
        self.ben.kill9()
        self.ben.start()
        equal([row['state'] for row in self.given_clip(self.ben, clip)], ['offered'], 'after a crash of the recipient')
        self.anna.stop()
        process = self.taking(self.ben, clip)
        self.wait(lambda: self.given_clip(self.ben, clip)[0]['state'] == 'signed', 'the terms are signed')
        process.terminate()
        process.communicate()
        self.ben.stop()
        self.ben.start()
        self.anna.start()
        self.wait_ledger(self.anna, clip, 'released')
        self.wait(lambda: self.given_clip(self.ben, clip)[0]['state'] in ('open', 'complete'), 'the key is there', SOON)

    def case_player_gone(self):
        """`clip get -o -` that waits for a key ends with its player, and says so; the key comes all the same"""
        clip = self.clip(self.anna, b'for a player')
        self.share(clip, self.ben.name)
        self.wait_given(self.ben, clip, 'offered')
        self.anna.stop()
        process = subprocess.Popen([self.programs.cli, '--data', self.ben.folder, 'clip', 'get', clip, '-o', '-'], env=self.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        self.wait(lambda: self.given_clip(self.ben, clip)[0]['state'] == 'signed', 'the terms are signed')
        equal(process.poll(), None, 'it waits')
        process.stdout.close()
        try:
            code = process.wait(AT_ONCE)
        except subprocess.TimeoutExpired:
            raise street.Failure('it waits on') from None
        told = process.stderr.read()
        equal(code, street.FAILED, f'the exit code: {told}')
        check('what reads the clip has gone' in told, f'what it says: {told}')
        self.anna.start()
        self.wait(lambda: self.given_clip(self.ben, clip)[0]['state'] in ('open', 'complete'), 'the key is there', SOON)

    def case_ask(self):
        """of two homes that ask one is given the clip; the other hears nothing"""
        clip = self.clip(self.anna, b'what two ask for')
        asks = {}
        for home in (self.ben, self.cleo):
            asks[home] = home.one('ask', 'post', '--area', 'home', '--radius', '300m', '--from', '-30min', '--to', '-1min',
                                  '--reason', 'Red bicycle')['id']
        self.wait(lambda: len([row for row in self.inbox(self.anna) if row['id'] in asks.values()]) == 2, 'both asks are there')
        self.anna.cli('grant', 'give', asks[self.ben][:8], '--clip', clip, '--purpose', 'Red bicycle', '--yes', code=0)
        offer = self.wait_given(self.ben, clip, 'offered')
        equal(offer['answers'], asks[self.ben], 'what is answered')
        self.anna.cli('grant', 'deny', asks[self.cleo][:8], code=0)
        equal([row['id'] for row in self.inbox(self.anna) if row['id'] == asks[self.cleo]], [], 'the inbox of who denied')
        equal(self.given_clip(self.cleo, clip), [], 'what the other was given')
        self.anna.refused('usage', street.USAGE, 'grant', 'give', asks[self.cleo], '--purpose', 'x', '--yes')
        self.anna.refused('no-such-ask', street.NOT_FOUND, 'grant', 'deny', '0123456789')

    def noticed(self, home, text):
        clip = self.clip(home, text)
        home.json('post', 'theft', 'Seen something', '--clip', clip, '--notice')
        return clip

    def requests(self, home):
        return home.json('grant', 'requests')

    def case_request(self):
        """a clip that a notice tells of is asked for, and given; who is denied cannot tell that from silence"""
        clip = self.noticed(self.anna, b'what is asked for')
        for home in (self.ben, self.cleo):
            self.wait(lambda h=home: h.cli('clip', 'request', clip[:8], '--reason', 'my bicycle').code == 0, 'the notice is there')
            self.wait(lambda h=home: [row['delivered'] for row in self.requests(h)] == [True], 'the request is there', SOON)
        rows = {row['household']: row for row in self.inbox(self.anna) if 'reason' in row and row.get('clip') == clip}
        equal(sorted(rows), sorted([self.ben.name, self.cleo.name]), 'who asks')
        equal(rows[self.ben.name]['reason'], 'my bicycle', 'the reason')
        self.anna.cli('grant', 'deny', rows[self.cleo.name]['id'][:8], code=0)
        self.anna.cli('grant', 'give', rows[self.ben.name]['id'][:8], '--purpose', 'my bicycle', '--yes', code=0)
        equal(self.wait_given(self.ben, clip, 'offered')['answers'], rows[self.ben.name]['id'], 'what is answered')
        equal((self.given_clip(self.cleo, clip), [row['delivered'] for row in self.requests(self.cleo)]), ([], [True]),
              'what the other sees')
        self.anna.refused('no-such-clip', street.NOT_FOUND, 'clip', 'request', 'ff' * 8)
        for number in range(3):
            self.cleo.cli('clip', 'request', clip, '--reason', f'again {number}', code=0)
        self.cleo.refused('too-many-requests', street.REFUSED, 'clip', 'request', clip)
        self.ben.refused('usage', street.USAGE, 'clip', 'request', clip, '--reason', 'x' * 201)

    def case_revoke(self):
        """an offer that is taken back is gone; of one that was accepted the key goes, and the owner's ledger tells of it"""
        first, second = (self.clip(self.anna, text) for text in (b'taken back at once', b'taken back later'))
        for clip in (first, second):
            self.share(clip, self.cleo.name)
            self.wait_given(self.cleo, clip, 'offered')
        self.accept(self.cleo, second)
        grants = {row['clip']: row['grant'] for row in self.anna.json('grant', 'list') if row.get('name') == self.cleo.name}
        for clip in (first, second):
            self.anna.cli('grant', 'revoke', grants[clip][:8], '--yes', code=0)
        self.wait(lambda: self.given_clip(self.cleo, first) == [], 'the offer is gone', SOON)
        self.wait_given(self.cleo, second, 'taken-back')
        self.wait_ledger(self.anna, second, 'deleted')
        equal(self.keys(self.cleo), [], 'keys in the vault of the recipient')
        self.cleo.refused('grant-revoked', street.REFUSED, 'clip', 'get', second, '-o', os.path.join(self.cleo.folder, 'out'))

    def case_all(self):
        """what is shared with all is offered to each home"""
        clip = self.clip(self.anna, b'for everybody')
        self.share(clip, 'all')
        for home in (self.ben, self.cleo):
            self.wait_given(home, clip, 'offered')

    def case_over(self):
        """at the end of a grant the copy and its key go, and the owner hears of it; one who does not tell is overdue"""
        clip = self.clip(self.anna, b'for an hour')
        for home in (self.ben, self.cleo):
            self.share(clip, home.name, '--expires', '1h')
            self.wait_given(home, clip, 'offered')
            self.accept(home, clip)
        held = len(self.keys(self.ben))
        for home in self.homes:
            home.stop()
        self.put_ahead(2 * 3600)
        for home in (self.anna, self.ben):
            home.start()
        self.wait_given(self.ben, clip, 'over')
        self.wait_ledger(self.anna, clip, 'deleted')
        equal(len(self.keys(self.ben)), held - 1, 'keys in the vault of the recipient')
        self.ben.refused('grant-expired', street.REFUSED, 'clip', 'get', clip, '-o', os.path.join(self.ben.folder, 'out'))
        overdue = [(row['clip'], row['name']) for row in self.anna.json('grant', 'list', '--overdue')]
        equal(overdue, [(clip, self.cleo.name)], 'the overdue')
        self.cleo.start()
        self.wait(lambda: self.anna.json('grant', 'list', '--overdue') == [], 'nothing is overdue', SOON)


if __name__ == '__main__':
    street.main(Papers)
