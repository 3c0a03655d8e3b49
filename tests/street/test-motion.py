#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's motion looks at a film in which something moves, and hands in what it makes of it by contrib/motion: the clip is
locked, its clear copy gone, an alert names it, and who asks the street for that place and time is seen to fit at home.
"""
import datetime
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import motion  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SECONDS = 14  # of film, of which the first STILL show nothing
STILL = 4
SIZE = 320, 240


def seconds(text):
    return datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(tzinfo=datetime.timezone.utc).timestamp()


class Motion(street.Play):
    def open(self):
        motion.wanted()
        self.anna, self.ben = self.street(2).homes
        self.out = os.path.join(self.folder, 'motion')
        self.film = os.path.join(self.folder, 'film.mp4')
        os.mkdir(self.out)
        motion.film(self.film, SIZE, f'color=c=white:s=48x48:r=10:d={SECONDS}', STILL, SECONDS, SECONDS)

    def clips(self):
        return self.anna.json('clip', 'list')

    def case_taken(self):
        """what moved is a clip of the camera, of the time it moved, and its clear copy is gone"""
        motion.run(self, self.anna, motion.conf(self, self.film, self.out, SIZE), self.clips)
        self.clip = self.clips()[-1]
        equal((self.clip['camera'], self.clip['media'], self.clip['state'], self.clip.get('as_is')),
              ('front door', 'video/x-matroska', 'here', None), 'the clip')
        check(0 <= seconds(self.clip['to']) - seconds(self.clip['from']) <= SECONDS + 5, f'its times: {self.clip}')
        check(0 <= seconds(self.clip['taken']) - seconds(self.clip['to']) <= motion.PATIENCE, f'its times: {self.clip}')
        self.wait(lambda: not [name for name in os.listdir(self.out) if name.startswith('01-')], 'the clear copy to go')

    def case_street(self):
        """an alert names it; a neighbour asks for that time, and the owner is shown that it fits"""
        alert = self.anna.one('post', 'unusual-activity', 'Somebody at the door', '--clip', self.clip['id'][:12])['id']
        self.wait_all_have([self.ben], alert)
        equal(self.ben.alert(alert)['clips'], [self.clip['id']], 'the clips of the alert')
        ask = self.ben.one('ask', 'post', '--area', 'home', '--radius', '300m', '--from', self.clip['from'], '--to', self.clip['to'],
                           '--reason', 'Who was at the door?')['id']
        self.wait(lambda: [row['id'] for row in self.anna.json('inbox')] == [ask], 'the ask in the inbox')
        check(self.clip['id'] in [row.get('id') for row in self.anna.json('ask', 'match', ask)], 'what fits')

    def case_opens(self):
        """and what its owner opens is a film that shows what moved"""
        got = os.path.join(self.folder, 'got.mkv')
        self.anna.cli('clip', 'get', self.clip['id'], '-o', got, code=0)
        told = subprocess.run(['ffprobe', '-v', 'error', '-count_frames', '-show_entries', 'stream=codec_type,nb_read_frames', '-of',
                               'csv=p=0', got], stdout=subprocess.PIPE, text=True, check=True, stdin=subprocess.DEVNULL).stdout.split(',')
        check(told[0] == 'video' and int(told[1]) >= 10, f'the film: {told}')


if __name__ == '__main__':
    street.main(Motion)
