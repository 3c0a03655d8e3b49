#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full: the post is refused by name, nothing is torn, and all is normal once there is room again. One that wears out."""
import ctypes
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import pages  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SIZE = 6 * 1024 * 1024
CHUNK = 64 * 1024
MNT_DETACH = 2
POSTS_MOST = 400  # a write-ahead log that was emptied has room for some


class Disk(street.Play):
    def open(self):
        street.unshare(street.CLONE_NEWNS)  # the mount goes with this process
        self.disk = os.path.join(self.folder, 'disk')
        os.makedirs(self.disk)
        if street.libc.mount(b'tmpfs', self.disk.encode(), b'tmpfs', 0, f'size={SIZE}'.encode()):
            raise street.Skip(f'no tmpfs: {os.strerror(ctypes.get_errno())}')
        self.neighbours = self.street(1, charter={'max_members': 20, 'normal': 16384}).homes
        self.anna = self.home()
        self.anna.folder = os.path.join(self.disk, 'home')
        self.anna.start()
        self.anna.join(self.neighbours[0].invite())
        self.filler = os.path.join(self.disk, 'filler')

    def close(self):
        street.libc.umount2(os.path.join(self.folder, 'disk').encode(), MNT_DETACH)
        super().close()

    def fill(self):
        with open(self.filler, 'ab', buffering=0) as file:
            for size in (CHUNK, 1):
                try:
                    while file.write(b'\0' * size):
                        pass
                except OSError:
                    pass

    def case_full(self):
        """a post on a full disk is refused by name, and changes nothing"""
        kept, refused = {}, []
        self.fill()
        for number in range(POSTS_MOST):
            text = f'post {number} ' + 'x' * 400
            result = self.anna.cli('post', 'other', text, '--json')
            if result.code == street.DONE:
                kept[result.row()['id']] = text
                continue
            error = result.error()
            equal((result.code, error['name']), (street.FAILED, 'disk'), 'how it was refused')
            refused.append(text)
            if len(refused) == 3:
                break
        check(refused, f'{POSTS_MOST} posts of 400 bytes fit on a full disk')
        print(f'# {len(kept)} posts kept before the first refusal')
        self.kept, self.refused_texts = kept, refused
        self.compare()

    def compare(self):
        """What was kept is there, what was refused is not, here and at the neighbour."""
        for home in (self.anna, self.neighbours[0]):
            self.wait(lambda: self.kept.keys() <= home.alerts('--limit', '100000').keys(),
                      f'{home.name} to have what was kept')
            texts = {row['text'] for row in home.alerts('--limit', '100000').values()}
            equal(texts & set(self.refused_texts), set(), f'refused posts that {home.name} shows all the same')

    def case_reads(self):
        """a full disk keeps nobody from reading"""
        equal(self.anna.cli('status').code, street.DONE, 'exit code of status')
        check(self.anna.up(), 'the daemon has ended')

    def case_settings(self):
        """what is muted and which place has a name while the disk is full is kept when there is room"""
        self.fill()
        self.anna.cli('mute', 'add', '--kind', 'animal', code=0)
        for cell in ('u33db2', 'u33dc0'):
            self.anna.cli('place', 'add', 'school', cell, code=0)
        os.remove(self.filler)
        self.wait(self.posted_now, 'a post to be taken')
        self.anna.kill9()
        self.anna.start()
        equal([row['kind'] for row in self.anna.json('mute', 'list')], ['animal'], 'what is muted')
        equal([row['cell'] for row in self.anna.json('place', 'list') if row['name'] == 'school'], ['u33dc0'], 'the place')
        self.anna.cli('mute', 'remove', '--kind', 'animal', code=0)
        self.fill()

    def case_set_anew(self):
        """what is set when there is room again stays, and what could not be written before it does not come back"""
        self.anna.cli('place', 'add', 'school', 'u33db2', code=0)
        equal(self.anna.cli('post', 'other', 'Still full', '--json').code, street.FAILED, 'a post on the full disk')  # by now that was tried
        os.remove(self.filler)
        self.anna.cli('place', 'add', 'school', 'u33dc1', code=0)
        self.wait(self.posted_now, 'a post to be taken')
        self.anna.kill9()
        self.anna.start()
        equal([row['cell'] for row in self.anna.json('place', 'list') if row['name'] == 'school'], ['u33dc1'], 'the place')
        self.fill()

    def case_room(self):
        """with room again posts go out, and a restart finds everything"""
        os.remove(self.filler)
        posted = self.wait(lambda: self.posted_now(), 'a post to be taken again')
        self.kept[posted['id']] = 'Room again'
        self.wait_all_have([self.neighbours[0]], posted['id'])
        self.anna.stop()
        self.anna.start()
        self.compare()

    def posted_now(self):
        result = self.anna.cli('post', 'other', 'Room again', '--json')
        return result.row() if result.code == street.DONE else None

    def case_what_comes_in(self):
        """what a neighbour posts meanwhile arrives when there is room"""
        self.fill()
        posts = [self.neighbours[0].cli('post', 'other', f'meanwhile {i} ' + 'y' * 400,
                                        '--json').row() for i in range(3)]
        check(self.anna.up(), 'the daemon has ended')
        os.remove(self.filler)
        self.anna.stop()
        self.anna.start()
        for post in posts:
            self.wait_all_have([self.anna], post['id'])

    def case_led_astray(self):
        """an index that leads to another record is made anew: all of them come to a new neighbour, none twice"""
        posts = [self.anna.post('noise', f'number {i}')['id'] for i in range(12)]
        self.anna.stop()
        self.lead_astray(posts[3], posts[4])
        for home in self.neighbours:
            home.stop()
        self.anna.start()
        new = self.home().start()
        new.join(self.anna.invite())
        for post in posts:
            self.wait_all_have([new], post)
        with open(self.anna.log, encoding='utf-8') as log:
            equal(log.read().count('an index did not lead to its rows'), 1, 'lines of the log')
        for home in self.neighbours:
            home.start()

    def lead_astray(self, post, other):
        """The entry of @post gets the number of the one of @other: a blob of 32 bytes, and an integer of two bytes at most."""
        path = os.path.join(self.anna.folder, 'porchlight.db')
        with open(path, 'rb') as file:
            data = bytearray(file.read())
        entries = [re.search(rb'\x03\x4c([\x01\x02])' + re.escape(bytes.fromhex(post)), data, re.DOTALL)
                   for post in (post, other)]
        check(all(entries) and entries[0][1] == entries[1][1], 'no entries alike in the index')
        size = entries[0][1][0]
        at, of = (entry.end() for entry in entries)
        data[at:at + size] = data[of:of + size]
        with open(path, 'r+b') as file:
            file.write(data)
        pages.sum_anew(path)

    def case_worn(self):
        """one byte of each page is another: all is shown as before, and the log says so"""
        path = os.path.join(self.anna.folder, 'porchlight.db')
        before = self.anna.cli('nearby', '--json', code=0).out
        self.anna.stop()
        with open(path, 'r+b') as file:
            data = bytearray(file.read())
            for at in range(0, len(data), pages.PAGE):
                data[at + self.rng.randrange(pages.PAGE)] ^= self.rng.randrange(1, 256)
            file.seek(0)
            file.write(data)
        self.anna.start()
        equal(self.anna.cli('nearby', '--json', code=0).out, before, 'what is shown')
        post = self.anna.post('noise', 'after that')['id']
        self.wait_all_have([self.anna], post)
        with open(self.anna.log, encoding='utf-8') as log:
            check('they were put right' in log.read(), 'the log does not say that the disk wears out')


if __name__ == '__main__':
    street.main(Disk)
