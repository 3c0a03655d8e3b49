#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each request for memory that the daemon, or the vault, makes from its start over a post to its end is refused once: no crash,
nothing acknowledged is lost, and whoever ends says why. Of so many a sample, unless --full."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

SAMPLE = {'porchlightd': 30, 'porchlight-vault': 10}
ENDED = (0, 1)
LIBUV_ABORTS = -6  # uv_loop_init() does, before anything is open, where pthread_atfork() has no memory


class Barren(street.Play):
    def open(self):
        library = os.path.abspath(os.path.join(self.programs.build, 'tests', 'barren.so'))
        if 'asan' in os.environ.get('LD_PRELOAD', '') or not os.path.exists(library):
            raise street.Skip('no barren.so: this build has its own allocator, or counts coverage, which crashes without memory itself')
        self.homes = self.street(2).homes
        self.anna, self.ben = self.homes
        self.anna.stop()
        self.asked = os.path.join(self.folder, 'asked')
        self.barren = {'LD_PRELOAD': library, 'PORCHLIGHT_BARREN': self.asked}
        self.acknowledged = []

    def begin(self, program, at):
        """Starts with memory that is refused at one place. The client of the story is another program, and has enough."""
        with open(self.asked, 'wb') as file:
            file.write(bytes(8))
        for name, value in (*self.barren.items(), ('PORCHLIGHT_BARREN_IN', program), ('PORCHLIGHT_BARREN_AT', str(at))):
            self.env[name] = value
        try:
            self.anna.process = self.anna.spawn()
        finally:
            for name in (*self.barren, 'PORCHLIGHT_BARREN_IN', 'PORCHLIGHT_BARREN_AT'):
                del self.env[name]
        self.wait(lambda: not self.anna.up() or self.knocks(), f'{program}, request {at}: the daemon to start, or not to')

    def knocks(self):
        try:
            return self.anna.answers()
        except street.Failure:
            return False

    def story(self, program, at):
        """From a start to the end. How much memory was asked for."""
        mark = os.path.getsize(self.anna.log)
        self.begin(program, at)
        if self.anna.up():
            text = f'{program} {at}'
            posted = self.anna.cli('post', 'other', text, '--json')
            self.anna.cli('nearby', '--json')
            self.anna.cli('vault', 'show', '--json')
            if posted.code in (street.DONE, street.UNSENT):
                self.acknowledged.append((posted.row()['id'], text))
        if self.anna.up():
            self.anna.process.terminate()
        code = self.anna.process.wait(street.STOP_SECONDS)
        with open(self.anna.log, encoding='utf-8') as log:
            log.seek(mark)
            said = log.read()
        if code == LIBUV_ABORTS and not said:
            return at
        check(code in ENDED, f'{program}, request {at}: the daemon ends with {code}: {said}')
        check(code == 0 or 'error:' in said, f'{program}, request {at}: it ends, and says nothing')
        for word in ('signal', 'SIGSEGV', 'SIGABRT', 'check failed'):
            check(word not in said.replace('SIGTERM', ''), f'{program}, request {at}: {said}')
        with open(self.asked, 'rb') as file:
            return struct.unpack('=Q', file.read())[0]

    def try_program(self, program):
        most = self.story(program, 0)
        check(most > 50, f'{program} has asked for memory {most} times')
        tried = range(1, most + 1) if self.full else sorted(self.rng.sample(range(1, most + 1), SAMPLE[program]))
        print(f'# {program} asks {most} times; {len(tried)} of them refused')
        for at in tried:
            self.story(program, at)
        self.anna.start()
        for post, text in self.acknowledged:
            equal(self.anna.alert(post)['text'], text, f'post {post}')
        self.anna.stop()

    def case_daemon(self):
        """the daemon"""
        self.try_program('porchlightd')

    def case_vault(self):
        """the vault"""
        self.try_program('porchlight-vault')


if __name__ == '__main__':
    street.main(Barren)
