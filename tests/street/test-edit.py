#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A clip is cut, or a part of its picture covered: what was cut off or covered is nowhere in what comes of it, which is a clip of its own."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

FROM, TO = '2026-11-20T14:00:00Z', '2026-11-20T14:00:06Z'
SIDE = 64  # pixels of the picture, which is red for three seconds and then blue
RED, BLUE, GREY = (254, 0, 0), (0, 0, 254), (128, 128, 128)


class Edit(street.Play):
    def open(self):
        if not shutil.which('ffmpeg'):
            raise Skip('ffmpeg IS NOT INSTALLED: that clips are cut and covered is NOT looked at')
        self.home, = self.street(1).homes
        film = self.path('film.mkv')
        self.ffmpeg('-f', 'lavfi', '-i', f'color=c=red:s={SIDE}x{SIDE}:r=10:d=3', '-f', 'lavfi', '-i',
                    f'color=c=blue:s={SIDE}x{SIDE}:r=10:d=3', '-f', 'lavfi', '-i', 'sine=d=6', '-filter_complex', '[0][1]concat', '-g', '100',
                    '-map', '2:a', film)
        self.clip = self.home.one('clip', 'add', film, '--camera', 'door', '--from', FROM, '--to', TO, '--audio')
        self.picture = self.path('picture.png')
        self.ffmpeg('-f', 'lavfi', '-i', f'color=c=red:s={SIDE}x{SIDE}', '-frames:v', '1', self.picture)
        self.still = self.home.one('clip', 'add', self.picture, '--camera', 'door')

    def path(self, name):
        return os.path.join(self.folder, name)

    def ffmpeg(self, *args):
        subprocess.run(['ffmpeg', '-v', 'error', '-y', *args], check=True, stdin=subprocess.DEVNULL)

    def pictures(self, clip):
        """Each picture of the clip, as its owner opens it, in three bytes a pixel."""
        got = self.path('got')
        self.home.cli('clip', 'get', clip, '-o', got, code=0)
        raw = subprocess.run(['ffmpeg', '-v', 'error', '-i', got, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], check=True,
                             stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout
        size = SIDE * SIDE * 3
        return [raw[at:at + size] for at in range(0, len(raw), size)]

    def near(self, picture, x, y, colour):
        at = (y * SIDE + x) * 3
        return all(abs(is_ - want) < 24 for is_, want in zip(picture[at:at + 3], colour))

    def case_trim(self):
        """of a film what is asked for stays, to the second, as a clip that names the other; the ledger tells that it was opened"""
        before = self.home.json('clip', 'list')
        row = self.home.one('clip', 'trim', self.clip['id'][:8], '--from', '2026-11-20 14:00:04 UTC', '--to', '2026-11-20 14:00:06 UTC')
        equal((row['parent'], row['changes'], row['from'], row['to'], row['camera'], row['audio'], row['cell']),
              (self.clip['id'], 'trimmed: 4+2s', '2026-11-20T14:00:04Z', TO, 'door', True, self.clip['cell']), 'the clip')
        pictures = self.pictures(row['id'])
        check(18 <= len(pictures) <= 22, f'{len(pictures)} pictures')
        check(all(self.near(picture, 20, 20, BLUE) for picture in pictures), 'something of what was cut off is in it')
        equal(self.home.json('clip', 'list')[1:], before, 'the other clips')
        reads = [line for line in self.home.json('ledger', 'list') if line['what'] == 'read' and line['clip'] == self.clip['id']]
        equal([line.get('text') for line in reads], [None], 'the lines of the reading, which made no clear copy')

    def case_blur(self):
        """what is covered is grey in every picture, and the rest is what it was"""
        row = self.home.one('clip', 'blur', self.clip['id'], '--area', '0,50,50,50', '--area', '75,0,25,25')
        equal((row['parent'], row['changes'], row['from'], row['to']),
              (self.clip['id'], 'covered: 0,50,50,50 75,0,25,25', FROM, TO), 'the clip')
        pictures = self.pictures(row['id'])
        check(58 <= len(pictures) <= 62, f'{len(pictures)} pictures')
        for n, picture in enumerate(pictures):
            check(self.near(picture, 10, 50, GREY) and self.near(picture, 58, 5, GREY), f'picture {n} is not covered')
            check(self.near(picture, 50, 50, RED if n < 29 else BLUE) or n in (29, 30, 31), f'picture {n} is another one')

    def case_picture(self):
        """a single picture is covered as well, and stays of its kind"""
        row = self.home.one('clip', 'blur', self.still['id'], '--area', '0,0,50,100')
        equal((row['media'], row['parent']), ('image/png', self.still['id']), 'the clip')
        picture, = self.pictures(row['id'])
        check(self.near(picture, 10, 30, GREY) and self.near(picture, 50, 30, RED), 'what it shows')

    def case_refused(self):
        """what cannot be done is refused by name, and nothing is kept"""
        with open(self.path('other'), 'wb') as file:
            file.write(b'no film')
        other = self.home.one('clip', 'add', self.path('other'), '--camera', 'door')['id']
        before = self.home.json('clip', 'list')
        times = ('--from', '2026-11-20 14:00:01 UTC', '--to', '2026-11-20 14:00:02 UTC')
        self.home.refused('usage', street.USAGE, 'clip', 'trim', self.clip['id'])
        self.home.refused('usage', street.USAGE, 'clip', 'trim', self.clip['id'], '--from', '2026-11-20 13:59:59 UTC', *times[2:])
        self.home.refused('no-times', street.REFUSED, 'clip', 'trim', self.still['id'], *times)
        self.home.refused('no-film', street.REFUSED, 'clip', 'blur', other, '--area', '0,0,10,10')
        self.home.refused('no-such-clip', street.NOT_FOUND, 'clip', 'blur', 'ffffffff', '--area', '0,0,10,10')
        for area in ('', 'face', '0,0,10', '0,0,0,10', '60,0,50,10', '0,0,10,10,10', '-1,0,10,10'):
            self.home.refused('usage', street.USAGE, 'clip', 'blur', self.clip['id'], f'--area={area}')
        path, self.env['PATH'] = self.env['PATH'], self.folder
        self.home.refused('no-ffmpeg', street.FAILED, 'clip', 'trim', self.clip['id'], *times)
        self.env['PATH'] = path
        equal(self.home.json('clip', 'list'), before, 'the clips')


if __name__ == '__main__':
    street.main(Edit)
