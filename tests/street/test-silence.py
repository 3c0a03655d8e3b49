#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Five streets of an asker and a neighbour: one neighbour has a clip that fits, one has it and has muted the asker, one has it
and denies what is asked, one has it and has switched its cameras off, one has no camera. While they are asked, and while the
neighbours look, what they send cannot be told apart, nor when they send it. (What speaks over links, src/core, is told of no clip, mute
or camera at all; what is left is whether looking something up at home takes time before it.) The same of requests for a clip that each of
them has told of before, and that the one without a camera has destroyed since (PROTOCOL 15.67).

In a network namespace of its own, so that the capture holds this test's packets and no others.
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import capture  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

ASKS = 3
LISTENED = 3  # seconds after the last ask, for what might be sent late
SOON = 0.1      # seconds that a busy machine may put between the soonest answers of two of them; a person takes longer
UNIT = 128  # bytes: every frame is a multiple of it, and an acknowledgement is one
SITUATIONS = ('a clip that fits', 'a clip, and the asker muted', 'a clip, and the ask denied', 'a clip, and cameras switched off',
              'no camera')


class Silence(street.Play):
    def open(self):
        if not shutil.which('tcpdump') or not shutil.which('ip'):
            raise street.Skip('needs tcpdump and ip')
        street.unshare(street.CLONE_NEWNET)
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        self.now = int(time.time())
        self.pairs = [self.street(2).homes for _ in SITUATIONS]
        for (asker, neighbour), situation in zip(self.pairs, SITUATIONS):
            if 'clip' in situation:
                neighbour.stop()
                put = os.path.join(self.programs.build, 'tests', 'put-clip')
                subprocess.run([put, neighbour.folder, str(self.now - 7000), str(self.now - 6900), asker.state()['home']], check=True,
                               stdout=subprocess.DEVNULL)
                neighbour.start()
            if 'muted' in situation:
                neighbour.cli('mute', 'add', asker.name, code=0)
            if 'switched off' in situation:
                neighbour.cli('camera', 'policy', '--all', 'never', code=0)
        for pair in self.pairs:
            self.wait(lambda p=pair: all(home.state()['state'] == 'current' and home.linked() for home in p), 'the homes to meet')
        self.file = self.listen('asks')
        self.fits = [self.talk(*pair, 'denied' in situation) for pair, situation in zip(self.pairs, SITUATIONS)]
        self.end_listening(lambda: all(len(sizes) >= ASKS for sizes in self.sent()))
        self.told = [self.tell_of_clips(*pair, situation) for pair, situation in zip(self.pairs, SITUATIONS)]
        self.requests = self.listen('requests')
        for pair, situation, clips in zip(self.pairs, SITUATIONS, self.told):
            self.request(*pair, situation, clips)
        self.end_listening(lambda: all(len(said) >= ASKS for said in self.hauled()))

    def end_listening(self, enough):
        over = time.monotonic() + LISTENED
        self.wait(lambda: time.monotonic() > over and enough(), 'what was sent')
        self.tcpdump.send_signal(signal.SIGINT)
        self.tcpdump.wait(street.STOP_SECONDS)
        check(' 0 packets dropped' in ' ' + self.tcpdump.stderr.read().replace('\n', ' '), 'tcpdump dropped packets')

    def listen(self, name):
        file = os.path.join(self.folder, name)
        self.tcpdump = subprocess.Popen(['tcpdump', '-i', 'lo', '-w', file, '-U', '-s', '0', '-B', '16384', '-Z', 'root',
                                         'tcp'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=street.die_with_parent)
        self.processes.append(self.tcpdump)
        while 'listening on' not in self.tcpdump.stderr.readline():
            check(self.tcpdump.poll() is None, 'tcpdump has ended')
        return file

    def tell_of_clips(self, asker, neighbour, situation):
        """The street hears of clips of the neighbour; then it is as the situation says."""
        if 'switched off' in situation:
            neighbour.cli('camera', 'policy', '--all', 'ask', code=0)
        path, clips = os.path.join(neighbour.folder, 'source'), []
        for number in range(ASKS):
            with open(path, 'wb') as file:
                file.write(b'seen %d' % number)
            clips.append(neighbour.one('clip', 'add', path, '--as-is', '--camera', 'gate', '--from', '-3d', '--to', '-3d')['id'])
            neighbour.json('post', 'theft', f'Seen it {number}', '--clip', clips[-1], '--notice')
        self.wait(lambda: {row['clip'] for row in asker.json('clip', 'notices')} == set(clips), 'the asker hears of clips')
        for clip in clips if situation == 'no camera' else ():
            neighbour.cli('clip', 'destroy', clip, '--yes', code=0)
        if 'switched off' in situation:
            neighbour.cli('camera', 'policy', '--all', 'never', code=0)
        return clips

    def request(self, asker, neighbour, situation, clips):
        for number, clip in enumerate(clips):
            asker.json('clip', 'request', clip, '--reason', f'Request number {number}')
            self.wait(lambda c=clip: [row['delivered'] for row in asker.json('grant', 'requests') if row['clip'] == c] == [True],
                      'the request is there')
            rows = [row for row in neighbour.json('inbox', '--muted') if row.get('clip') == clip]
            equal(len(rows), 0 if situation == 'no camera' else 1, f'what the owner of {situation} is told')
            if 'denied' in situation:
                neighbour.cli('grant', 'deny', rows[0]['id'], code=0)

    def hauled(self):
        """What goes over connections that were made while requests were: as segments()."""
        found, made = [[] for _ in self.pairs], {}
        ports = {neighbour.port(): i for i, (_, neighbour) in enumerate(self.pairs)}
        for when, _, _, protocol, _, tcp in capture.timed(self.requests):
            if protocol != socket.IPPROTO_TCP or len(tcp) < 20:
                continue
            source, target = struct.unpack('!HH', tcp[:4])
            if tcp[13] & 0x12 == 0x02 and target in ports:  # SYN, and no ACK
                made[source] = ports[target]
            size = len(tcp) - (tcp[12] >> 4) * 4
            pair = made.get(target if source in ports else source)
            if size and pair is not None:
                found[pair].append((when, source in ports, size))
        return found

    def talk(self, asker, neighbour, denied):
        """How many clips the neighbour was told of, in its own house."""
        watch, told = neighbour.watch('--muted'), 0
        for number in range(ASKS):
            ask = asker.one('ask', 'post', '--area', 'home', '--radius', '300m', '--from', f'@{self.now - 7200}', '--to',
                            f'@{self.now - 3600}', '--reason', f'Ask number {number}')
            equal(ask['handed_to'], 1, 'homes that have it')
            rows = neighbour.json('ask', 'match', ask['id'])
            told += len(rows) - 1
            equal(len(neighbour.json('inbox', '--muted')), (0 if denied else number) * (len(rows) - 1) + len(rows) - 1, 'the inbox')
            if denied:
                neighbour.cli('grant', 'deny', ask['id'], code=0)
                equal(neighbour.json('inbox', '--muted'), [], 'the inbox of who denied')
        neighbour.json('ask', 'list')
        if told:
            watch.until(lambda event: event['event'] == 'asked')
        watch.close()
        return told

    def segments(self):
        """What each pair said: (seconds, by the neighbour, bytes) of each segment with bytes, in the order of the streets."""
        found = [[] for _ in self.pairs]
        ports = [(asker.port(), neighbour.port()) for asker, neighbour in self.pairs]
        for when, _, _, protocol, _, tcp in capture.timed(self.file):
            if protocol != socket.IPPROTO_TCP or len(tcp) < 20:
                continue
            source, target = struct.unpack('!HH', tcp[:4])
            size = len(tcp) - (tcp[12] >> 4) * 4
            for said, (asker, neighbour) in zip(found, ports):
                by_neighbour = target == asker or source == neighbour
                if size and (by_neighbour or source == asker or target == neighbour):
                    said.append((when, by_neighbour, size))
        return found

    def sent(self):
        """Sizes of what each neighbour sent."""
        return [[size for _, by_neighbour, size in said if by_neighbour] for said in self.segments()]

    def answered(self, all_said):
        """How long after each ask each neighbour sent something, in seconds. An ask is what the asker says after a neighbour's word."""
        found = []
        for said in all_said:
            waits, asked = [], None
            for when, by_neighbour, _ in said:
                if by_neighbour and asked is not None:
                    waits.append(when - asked)
                    asked = None
                elif not by_neighbour and asked is None:
                    asked = when
            found.append(waits)
        return found

    def case_fits(self):
        """the neighbours with a clip are told of it at home, the others are not"""
        equal(self.fits, [ASKS, ASKS, ASKS, 0, 0], 'clips they were told of')

    def case_same(self):
        """what the five send has the same sizes, and not a byte more than it takes to say that asks have come"""
        found = self.sent()
        for sizes, situation in zip(found, SITUATIONS):
            print(f'# {situation}: {len(sizes)} segments, {sum(sizes)} bytes')
            check(len(sizes) >= ASKS, f'{situation}: only {len(sizes)} segments')
        equal([set(sizes) for sizes in found], [{UNIT}] * len(found), 'sizes of segments')

    def case_times(self):
        """the five send it equally soon: what is looked up at home, and what its owner does, delays nothing"""
        self.equally_soon(self.segments())

    def equally_soon(self, all_said):
        """Of the latest of each: before these is what it takes to make a connection."""
        soonest = []
        for waits, situation in zip(self.answered(all_said), SITUATIONS):
            print(f'# {situation}: ' + ', '.join(f'{1000 * wait:.1f}' for wait in waits) + ' ms')
            check(len(waits) >= ASKS, f'{situation}: it sent something {len(waits)} times')
            soonest.append(min(waits[-ASKS:]))
        check(max(soonest) - min(soonest) < SOON, f'how soon: {soonest}')

    def case_requests(self):
        """a request for a clip is answered in the same bytes and equally soon, whether the clip is there, denied, muted, or destroyed"""
        found = self.hauled()
        sums = [[sum(size for _, by_neighbour, size in said if by_neighbour == who) for who in (True, False)] for said in found]
        for said, situation, sent in zip(found, SITUATIONS, sums):
            print(f'# {situation}: {len(said)} segments, {sent[0]} bytes by the neighbour, {sent[1]} by the asker')
        equal(sums, [sums[0]] * len(sums), 'bytes of both')
        check(min(sums[0]) > ASKS * UNIT, 'requests and answers are not in the capture')
        self.equally_soon(found)


if __name__ == '__main__':
    street.main(Silence)
