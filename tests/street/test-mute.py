#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a home mutes it does not show, and stores and passes on all the same."""
import datetime
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

LONG = '1h'
SHORT = '2s'


class Mute(street.Play):
    def open(self):
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes

    def shows(self, home, posted, *args):
        return posted['id'] in home.alerts(*args)

    def case_kind(self):
        """a muted kind is left out of nearby, and there with --muted"""
        self.ben.cli('mute', 'add', '--kind', 'noise', code=0)
        noise, theft = self.anna.post('noise', 'Drums'), self.anna.post('theft', 'A bicycle')
        for posted in (noise, theft):
            self.wait_all_have(self.homes, posted['id'])
        check(not self.shows(self.ben, noise), 'the muted kind is shown')
        check(self.shows(self.ben, noise, '--muted'), '--muted does not show it')
        check(self.shows(self.ben, theft) and self.shows(self.cleo, noise), 'something else is left out')
        check('porchlight: muted: noise\n' in self.ben.cli('nearby', code=0).err, 'nearby does not say it')
        check('muted:' not in self.ben.cli('nearby', '--muted', code=0).err, 'nearby --muted says it')
        equal(self.ben.state()['muted'], 'noise', 'what status says')
        check('muted' not in self.anna.state(), 'it is muted elsewhere')

    def case_urgent(self):
        """a muted household's urgent alerts are shown, unless that very kind is muted"""
        row = self.ben.one('mute', 'add', self.anna.name)
        equal((row['household'], 'kind' in row, 'until' in row), (self.anna.name, False, False), 'the row')
        pet, fire = self.anna.post('missing-pet', 'A grey cat'), self.anna.post('fire', 'The shed')
        check(fire['urgent'], 'this is not urgent')
        for posted in (pet, fire):
            self.wait_all_have(self.homes, posted['id'])
        check(not self.shows(self.ben, pet) and self.shows(self.ben, pet, '--muted'), 'the muted household')
        check(self.shows(self.ben, fire), 'an urgent alert is left out')
        self.ben.cli('mute', 'add', '--kind', 'fire', code=0)
        check(not self.shows(self.ben, fire), 'an urgent alert of a muted kind is shown')
        self.ben.cli('mute', 'remove', '--kind', 'fire', code=0)
        check(self.shows(self.ben, fire), 'it is left out after the kind was unmuted')

    def case_watch(self):
        """a watch leaves out what is muted, also what was muted after it began"""
        watch, everything = self.cleo.watch(), self.cleo.watch('--muted')
        self.cleo.cli('mute', 'add', '--kind', 'scam', code=0)
        scam, animal = self.anna.post('scam', 'No meter is read today'), self.anna.post('animal', 'A swan')
        seen = []
        watch.until(lambda e: seen.append(e['alert']['id']) or e['alert']['id'] == animal['id'])
        check(scam['id'] not in seen, 'the watch tells of a muted kind')
        everything.until(lambda e: e['alert']['id'] == scam['id'])
        watch.close()
        everything.close()
        self.cleo.cli('mute', 'remove', '--kind', 'scam', code=0)

    def case_relay(self):
        """a home passes on what it mutes"""
        anna, ben, cleo = self.homes
        ben.cli('mute', 'add', '--kind', 'noise', code=0)
        cleo.stop()
        posted = anna.post('noise', 'A saw')
        self.wait_all_have([anna, ben], posted['id'])
        anna.stop()
        cleo.start()
        self.wait_all_have([cleo], posted['id'])  # only one home is there to have it from
        anna.start()
        self.wait(lambda: all(home.state()['state'] == 'current' for home in self.homes), 'all to be back')

    def case_list(self):
        """mutes are listed, keep over a restart, and end by themselves or by the id's beginning"""
        self.ben.cli('mute', 'add', '--kind', 'animal', '--for', LONG, code=0)
        before = self.ben.json('mute', 'list')
        equal(sorted(row.get('kind', row.get('household')) for row in before), [self.anna.name, 'animal', 'noise'],
              'what is muted')
        equal([row['kind'] for row in before if 'until' in row], ['animal'], 'what ends by itself')
        words = self.ben.cli('mute', 'list', code=0).out
        check(all(len(line) <= street.COLUMNS for line in words.splitlines()), f'too wide: {words}')
        row = self.ben.one('mute', 'remove', '--kind', 'animal')
        equal('until' in row, False, f'it has ended, and until when is told: {row}')
        self.ben.cli('mute', 'add', '--kind', 'animal', '--for', LONG, code=0)
        before = self.ben.json('mute', 'list')
        self.ben.stop()
        self.ben.start()
        equal(self.ben.json('mute', 'list'), before, 'what is muted after a restart')
        house = next(row['id'] for row in before if 'id' in row)
        self.ben.cli('mute', 'remove', house[:8], code=0)
        for kind in ('noise', 'animal'):
            self.ben.cli('mute', 'remove', '--kind', kind, code=0)
        equal(self.ben.cli('mute', 'list', code=0).out, 'Nothing is muted.\n', 'the empty list')
        posted = self.anna.post('theft', 'A ladder')
        self.wait_all_have(self.homes, posted['id'])
        until = self.time(self.ben.one('mute', 'add', '--kind', 'theft', '--for', SHORT)['until'])
        shown = self.shows(self.ben, posted)
        check(not shown or time.time() >= until, 'it is shown while it is muted')
        self.wait(lambda: self.shows(self.ben, posted), 'the mute to end by itself')
        equal(self.ben.json('mute', 'list'), [], 'what is muted afterwards')

    @staticmethod
    def time(text):
        return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()

    def case_refused(self):
        """what cannot be muted is refused by name"""
        self.ben.refused('no-such-household', street.NOT_FOUND, 'mute', 'add', 'Number 99')
        self.ben.refused('yours', street.REFUSED, 'mute', 'add', self.ben.name)
        self.ben.refused('not-muted', street.NOT_FOUND, 'mute', 'remove', '--kind', 'noise')
        self.ben.refused('not-muted', street.NOT_FOUND, 'mute', 'remove', self.anna.name)
        for words in ((), (self.anna.name, '--kind', 'noise'), ('--kind', 'nonsense')):
            self.ben.cli('mute', 'add', *words, code=street.USAGE)


if __name__ == '__main__':
    street.main(Mute)
