#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The owner's rule for an emergency, with whole daemons and vaults: two neighbours ask, nobody is there, both have the clip."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

SOON = 30  # seconds within which a paper arrives in a home that is there


class Policy(street.Play):
    def open(self):
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes

    def noticed(self, text):
        """A clip of Anna's that the street knows of. Its id."""
        path = os.path.join(self.anna.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        clip = self.anna.one('clip', 'add', path, '--camera', 'front', '--from', '-10min', '--to', '-9min')['id']
        self.anna.json('post', 'theft', 'Seen something', '--clip', clip, '--notice')
        return clip

    def ask(self, home, clip):
        self.wait(lambda: home.cli('clip', 'request', clip, '--reason', 'it burns').code == 0, 'the notice is there')
        self.wait(lambda: [row['delivered'] for row in home.json('grant', 'requests') if row['clip'] == clip] == [True],
                  'the request is there', SOON)

    def ledger(self, clip):
        return [line['what'] for line in self.anna.json('ledger', 'list') if line.get('clip') == clip]

    def given(self, home, clip):
        return [row['state'] for row in home.json('grant', 'list') if 'line' not in row and row['clip'] == clip]

    def rule(self):
        return self.anna.json('policy', 'show')

    def case_rule(self):
        """two named neighbours who both ask for a clip have it though nobody says yes; one of them alone has nothing"""
        equal(self.rule(), [], 'rules at first')
        check('No rule stands' in self.anna.cli('policy', 'show', code=0).out, 'what a person is told')
        before = self.noticed(b'before the rule')
        self.anna.refused('usage', street.USAGE, 'policy', 'set', before, '--with', self.ben.name, '--yes')
        self.anna.refused('rule-quorum', street.REFUSED, 'policy', 'set', before, '--with', self.ben.name, '--with',
                          self.cleo.name, '--asks', '3', '--yes')
        self.anna.refused('rule-homes', street.REFUSED, 'policy', 'set', before, '--with', self.ben.name, '--with',
                          self.ben.name, '--yes')
        row = self.anna.one('policy', 'set', before[:8], '--with', self.ben.name, '--with', self.cleo.name, '--clips', '1',
                            '--yes')
        equal((row['homes'], row['quorum'], row['used'], row['awake']), (2, 2, 0, True), 'the rule')
        equal(row['text'], f'front: {self.ben.name}, {self.cleo.name}', 'whom it names')
        watch = self.anna.watch()
        clip = self.noticed(b'what burns')
        self.ask(self.ben, clip)
        equal(self.ledger(clip), [], 'the ledger while one has asked')
        self.ask(self.cleo, clip)
        told = watch.until(lambda event: event['event'] == 'granted')
        equal(told['request']['clip'], clip, 'what the owner hears')
        watch.close()
        for home in (self.ben, self.cleo):
            self.wait(lambda h=home: self.given(h, clip) == ['offered'], f'{home.name} is given it', SOON)
        equal(self.ledger(clip), ['rule-used', 'granted', 'granted'], 'the ledger')
        equal({row['purpose'] for row in self.anna.json('grant', 'list')}, {'it burns'}, 'what for')
        self.wait(lambda: [row.get('granted') for row in self.anna.json('inbox') if row.get('clip') == clip] == [True] * 2,
                  'the inbox tells')
        out = os.path.join(self.ben.folder, 'out')
        self.ben.cli('clip', 'get', clip, '-o', out, code=0)
        with open(out, 'rb') as file:
            equal(file.read(), b'what burns', 'what came')
        self.anna.json('ledger', 'verify')
        bundle = os.path.join(self.anna.folder, 'bundle')
        self.anna.cli('clip', 'export', clip, '-o', bundle, '--yes', code=0)
        self.anna.cli('verify', bundle, code=0)
        equal(self.rule()[0]['used'], 1, 'how often it was used')

    def case_bounds(self):
        """no clip of before, no second one where one was allowed, none after its end; a start of both programs changes nothing"""
        before = self.noticed(b'another one before')
        second = int(time.time()) + 1
        self.wait(lambda: time.time() >= second, 'another second: clips and rules are told apart by these')
        self.anna.json('policy', 'set', before, '--with', self.ben.name, '--with', self.cleo.name, '--yes')
        for home in (self.ben, self.cleo):
            self.ask(home, before)
        self.anna.stop()
        self.anna.start()
        equal([row['used'] for row in self.rule()], [0], 'the rule after a start')
        equal(self.ledger(before), [], 'a clip of before the rule')
        self.anna.cli('policy', 'end', code=0)
        equal(self.rule(), [], 'rules after its end')
        self.anna.refused('no-rule', street.NOT_FOUND, 'policy', 'end')
        clip = self.noticed(b'after its end')
        for home in (self.ben, self.cleo):
            self.ask(home, clip)
        equal(self.ledger(clip), [], 'a clip of after the rule')

    def told(self):
        """What the owner is told of a rule that sleeps: by status, inbox, doctor."""
        doctor = [row['state'] for row in self.anna.json('doctor', code=None) if row['check'] == 'policy']
        inbox = [row['policy_until'] for row in self.anna.json('inbox') if row.get('event') == 'asleep']
        return self.anna.state().get('policy_asleep'), inbox, doctor

    def case_sleeps(self):
        """under a passphrase the rule sleeps after a restart and a lock: its owner is told in each place; unlocking wakes it"""
        secret = os.path.join(self.folder, 'passphrase')
        with open(secret, 'w', encoding='ascii') as file:
            file.write('four words or more\n')
        before = self.noticed(b'one of that camera')
        self.anna.cli('vault', 'passphrase', '--new-passphrase-file', secret, code=0)
        row = self.anna.one('policy', 'set', before, '--with', self.ben.name, '--with', self.cleo.name, '--yes',
                            '--passphrase-file', secret)
        equal((row['awake'], self.told()), (True, (None, [], [])), 'what is told of one that is awake')
        self.anna.stop()
        self.anna.start()
        self.wait(lambda: self.told() == (row['expires'], [row['expires']], ['warning']), 'the owner is told')
        for words in (('status',), ('inbox',)):
            out = self.anna.cli(*words, code=0).out
            check('SLEEPS' in out and 'vault unlock' in out, f'what a person is told: {out}')
        watch = self.anna.watch()
        equal(watch.next()['policy_until'], row['expires'], 'what a watch begins with')
        clip = self.noticed(b'while it sleeps')
        for home in (self.ben, self.cleo):
            self.ask(home, clip)
        equal((self.rule()[0]['awake'], self.ledger(clip)), (False, []), 'what a rule that sleeps does')
        done = self.anna.cli('vault', 'unlock', '--for', '1s', '--passphrase-file', secret, code=0)
        check('awake again' in done.err, f'what unlocking says: {done.err}')
        self.wait(lambda: self.ledger(clip) == ['rule-used', 'granted', 'granted'], 'the rule acts again', SOON)
        equal((self.rule()[0]['awake'], self.told()), (True, (None, [], [])), 'what is told')
        self.anna.cli('vault', 'lock', code=0)
        event = watch.until(lambda event: event['event'] == 'asleep')
        equal(event['policy_until'], row['expires'], 'what a watch is told when it happens')
        watch.close()
        equal(self.told()[0], row['expires'], 'what is told after a lock')
        self.anna.cli('policy', 'end', code=0)
        equal(self.told(), (None, [], []), 'what is told of none')


if __name__ == '__main__':
    street.main(Policy)
