#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that loses whole sectors and pages of the store: the daemon starts, what was whole is there, neighbours bring the rest."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import pages  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

POSTS = 24  # of each home
SECTOR = 512
ROUNDS = 8
FOUND_SECONDS = 90  # it looks once a minute
LEAF = 13  # the first byte of a page with rows
REFUSED = 'the store is damaged'


class Salvage(street.Play):
    def open(self):
        self.homes = self.street(3, charter={'max_members': 20, 'normal': 16384, 'urgent': 16384}).homes
        self.anna = self.homes[0]
        self.posts = [home.post('other', f'{home.name} has lost cat {i}' + ', grey' * 40)['id']
                      for i in range(POSTS) for home in self.homes]
        for home in self.homes[1:]:
            home.cli('alert', 'confirm', self.posts[0], code=0)
        for post in self.posts:
            self.wait_all_have(self.homes, post)
        self.wait(lambda: self.anna.alert(self.posts[0])['confirms'] == 2, 'both to have confirmed')
        self.anna.cli('mute', 'add', '--kind', 'animal', code=0)
        self.anna.stop()
        self.path = os.path.join(self.anna.folder, 'porchlight.db')
        self.keep = self.path + '.keep'
        shutil.copy(self.path, self.keep)
        with open(self.path, 'rb') as file:
            self.good = file.read()

    def pages_with(self, wanted):
        """Numbers, from 0, of the pages of rows in which any of these bytes stand."""
        found = set()
        for at in range(pages.PAGE, len(self.good), pages.PAGE):
            page = self.good[at:at + pages.PAGE]
            if page[0] == LEAF and any(bytes_ in page for bytes_ in wanted):
                found.add(at // pages.PAGE)
        return found

    def write(self, at, rubbish):
        with open(self.path, 'r+b') as file:
            file.seek(at)
            file.write(rubbish)

    def said(self, words):
        with open(self.anna.log, encoding='utf-8') as log:
            return log.read().count(words)

    def whole_again(self, extra=()):
        for post in (*self.posts, *extra):
            self.wait_all_have([self.anna], post)
        self.wait(lambda: self.anna.alert(self.posts[0])['confirms'] == 2, 'both confirmations to be back')

    def case_records(self):
        """rubbish over all rows of records: they come from the neighbours, and no slot is used twice"""
        lost = self.pages_with([bytes.fromhex(post) for post in self.posts])
        check(lost, 'no page has a record')
        for number in lost:
            self.write(number * pages.PAGE, self.rng.randbytes(pages.PAGE))
        for home in self.homes[1:]:
            home.stop()
        self.anna.start()
        equal(self.said('pages were damaged'), 1, 'lines of the log')
        alone = self.anna.cli('post', 'other', 'while nobody else was there', '--json').row()['id']
        for home in self.homes[1:]:
            home.start()
        self.whole_again()
        for post in (alone, *self.posts):
            self.wait_all_have(self.homes, post)
        equal([home.alert(alone)['state'] for home in self.homes], ['active'] * 3, 'the new post')
        equal([row['kind'] for row in self.anna.json('mute', 'list')], ['animal'], 'what is muted')
        check('muted_until' not in self.anna.state(), 'two posts in one slot')
        check('salvaged' in self.anna.state(), 'status says nothing of it')
        check('wears out' in open(self.anna.log, encoding='utf-8').read(), 'the log does not say what to do')
        doctor = {row['check']: row['state'] for row in self.anna.json('doctor', code=None)}
        equal(doctor['store'], 'warning', 'what doctor says')
        self.anna.stop()

    def case_any(self):
        """a sector of any page is lost, or a page is where another one was: all is there again, or it is refused by name"""
        count = len(self.good) // pages.PAGE
        refused = 0
        for number in [0, *self.rng.sample(range(1, count), ROUNDS)]:
            shutil.copy(self.keep, self.path)
            other = (number + 1) % count
            if self.rng.randrange(2):
                self.write(number * pages.PAGE + self.rng.randrange(0, pages.PAGE, SECTOR), bytes([0x5a]) * SECTOR)
            else:
                self.write(number * pages.PAGE, self.good[other * pages.PAGE:(other + 1) * pages.PAGE])
            if not self.starts():
                refused += 1
                continue
            self.whole_again()
            self.anna.stop()
        check(refused <= 2, f'{refused} of {ROUNDS + 1} were refused')

    def starts(self):
        said = self.said(REFUSED)
        try:
            self.anna.start()
            return True
        except street.Failure:
            check(self.said(REFUSED) > said, 'it does not start, and does not say why')
            return False

    def case_found_while_it_runs(self):
        """what goes while the daemon runs it finds out, and says so; the next start mends it"""
        shutil.copy(self.keep, self.path)
        lost = self.pages_with([b'has lost cat 1,'])
        check(lost, 'no page has a text')
        self.anna.start()
        self.write(min(lost) * pages.PAGE, self.rng.randbytes(pages.PAGE))  # not the one that new texts are put into
        self.wait(lambda: 'damaged' in self.anna.state(), 'the daemon to find out', FOUND_SECONDS)
        doctor = {row['check']: row['state'] for row in self.anna.json('doctor', code=None)}
        equal(doctor['store'], 'problem', 'what doctor says')
        self.anna.stop()
        self.anna.start()
        check('damaged' not in self.anna.state(), 'it is still damaged')
        self.whole_again()


if __name__ == '__main__':
    street.main(Salvage)
