#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A clip for everybody: more homes are offered it than a node has links for footage, and none waits for another's to fall idle."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

HOMES = 12       # and the owner dials 8 at once
IDLE = 60        # seconds after which a link goes by itself
SOON = IDLE / 2


class Everybody(street.Play):
    def open(self):
        self.anna, *self.others = self.street(HOMES).homes

    def given(self, home, clip):
        return [row['state'] for row in home.json('grant', 'list') if 'line' not in row and row['clip'] == clip]

    def case_all(self):
        """`clip share --with all`: all 11 others are offered it in less time than the first links would fall idle in"""
        path = os.path.join(self.anna.folder, 'source')
        with open(path, 'wb') as file:
            file.write(b'who has seen it?')
        clip = self.anna.one('clip', 'add', path, '--camera', 'front', '--from', '-10min', '--to', '-9min')['id']
        self.anna.cli('clip', 'share', clip, '--with', 'all', '--purpose', 'the stolen bicycle', '--yes', code=0)
        began = time.monotonic()
        self.wait(lambda: all(self.given(home, clip) == ['offered'] for home in self.others), 'all are offered it', SOON)
        print(f'# {time.monotonic() - began:.1f} s')
        rows = [row for row in self.anna.json('grant', 'list') if row.get('clip') == clip and 'line' in row]
        equal(len(rows), len(self.others), 'grants')
        text = os.path.join(self.others[-1].folder, 'out')
        self.others[-1].cli('clip', 'get', clip, '-o', text, code=0)
        with open(text, 'rb') as file:
            check(file.read() == b'who has seen it?', 'what the last of them got')


if __name__ == '__main__':
    street.main(Everybody)
