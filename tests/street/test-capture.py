#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What somebody on the wire sees of two homes: nothing of what is said, and nothing that tells one link from noise.

In a network namespace of its own, so that the capture holds this test's packets and no others.
"""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import capture  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

CANARIES = 64
LINKS = 10           # by chance alone one of 512 offsets is the same in 10 links once in 10^19 runs
COMPARED = 512       # bytes from the beginning of each direction of a link
HANDSHAKE = 256
HELLO = 128
FRAME = 1024
UNIT = 128           # every frame is a multiple of it


class Capture(street.Play):
    def open(self):
        if not shutil.which('tcpdump') or not shutil.which('ip'):
            raise street.Skip('needs tcpdump and ip')
        street.unshare(street.CLONE_NEWNET)
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        self.file = os.path.join(self.folder, 'capture')
        self.canaries = {}
        self.tcpdump = subprocess.Popen(['tcpdump', '-i', 'lo', '-w', self.file, '-U', '-s', '0', '-B', '16384', '-Z',
                                         'root',
                                         'tcp'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=street.die_with_parent)
        self.processes.append(self.tcpdump)
        while 'listening on' not in self.tcpdump.stderr.readline():
            check(self.tcpdump.poll() is None, 'tcpdump has ended')
        self.session()

    def canary(self, what):
        """A name or text that stands nowhere else."""
        word = f'canary-{self.rng.randrange(1 << 48):012x}'
        self.canaries[what] = word.encode()
        return word

    def session(self):
        """Founding, joining, posts and follow-ups of every kind, comings and goings."""
        self.anna = self.home(self.canary('name of the first home'))
        self.ben = self.home(self.canary('name of the second'))
        for home in (self.anna, self.ben):
            home.start()
        mesh = self.anna.create(self.canary('name of the mesh'))
        ticket = self.anna.invite('--for', self.canary('label of the ticket'))
        self.ben.join(ticket)
        self.wait(lambda: self.anna.state()['homes'] == 2 and self.anna.linked(), 'the homes to meet')
        first = self.anna.post('fire', self.canary('text 0'))['id']
        self.keys(mesh, ticket, first)
        for number in range(1, 40):
            home = (self.anna, self.ben)[number % 2]
            home.cli('post', ('noise', 'other', 'animal')[number % 3], self.canary(f'text {number}'), code=0)
        self.wait_all_have([self.ben], first)
        self.ben.cli('alert', 'comment', first, self.canary('comment'), code=0)
        self.ben.cli('alert', 'confirm', first, self.canary('confirmation'), code=0)
        self.anna.cli('alert', 'update', first, self.canary('update'), code=0)
        for _ in range(LINKS):
            self.ben.stop()
            self.ben.start()
            self.wait_state(self.ben, 'current')
        self.ben.stop()
        for number in range(40, 44):
            self.anna.cli('post', 'other', self.canary(f'text {number}'), code=street.UNSENT)
        self.ben.start()
        self.wait(lambda: len(self.ben.alerts()) == 44, 'all alerts at both homes')
        for home in (self.anna, self.ben):
            home.stop()
        self.tcpdump.send_signal(signal.SIGINT)
        self.tcpdump.wait(street.STOP_SECONDS)
        check(' 0 packets dropped' in ' ' + self.tcpdump.stderr.read().replace('\n', ' '), 'tcpdump dropped packets')
        self.links = self.sorted_links()

    def keys(self, mesh, ticket, alert):
        """Ids and keys, raw and as people see them."""
        for home, who in ((self.anna, 'first'), (self.ben, 'second')):
            status = home.state()
            for name in ('mesh_id', 'household_id', 'device_id'):
                self.canaries[f'{name} of the {who}, raw'] = bytes.fromhex(status[name])
                self.canaries[f'{name} of the {who}, hex'] = status[name].encode()
        self.canaries['mesh id, half'] = bytes.fromhex(mesh['id'])[:12]
        self.canaries['alert id, raw'] = bytes.fromhex(alert)
        self.canaries['alert id, hex'] = alert.encode()
        self.canaries['ticket'] = ticket[11:43].encode()
        self.canaries['the kind'] = b'missing-'
        self.canaries['our name'] = b'orchligh'
        self.canaries['the cell'] = self.anna.alert(alert)['cell'].encode()

    def sorted_links(self):
        """(from the side that dialled, from the other side) of each link, as Streams."""
        found = capture.streams(self.file)
        ports = {self.anna.port(), self.ben.port()}
        links = []
        for (source, target, number), stream in found.items():
            if target not in ports or not stream.pieces:
                continue
            back = [other for (a, b, n), other in found.items() if (a, b) == (target, source) and n > number]
            if back and back[0].pieces:
                links.append((stream, back[0]))
        return links

    def case_seen(self):
        """the capture holds the links of the session"""
        check(len(self.links) >= LINKS, f'only {len(self.links)} links were captured')
        total = sum(len(stream.bytes()) for link in self.links for stream in link)
        check(total > 40 * 1024, f'only {total} bytes were captured')
        print(f'# {len(self.links)} links, {total} bytes')

    def case_canaries(self):
        """none of 64 canaries stands in the capture"""
        check(len(self.canaries) >= CANARIES, f'only {len(self.canaries)} canaries')
        with open(self.file, 'rb') as file:
            raw = file.read()
        seen = b'\n'.join([raw] + [stream.bytes() for link in self.links for stream in link])
        found = [what for what, word in self.canaries.items()
                 if word in seen or word.upper() in seen or word.decode('latin-1').encode('utf-16-le') in seen]
        equal(found, [], 'canaries in the capture')

    def case_sizes(self):
        """handshakes are 256 bytes a message, and everything after it a multiple of 128"""
        for dialler, other in self.links:
            equal(dialler.sizes[0], HANDSHAKE, 'the first segment of who dialled')
            equal(other.sizes[0], HANDSHAKE, 'the first segment of the other side')
            check(len(dialler.sizes) < 2 or dialler.sizes[1] in (HANDSHAKE + HELLO, HANDSHAKE + HELLO + FRAME),
                  f'message 3, hello and a plea for admission if any are {dialler.sizes[1:2]} bytes')
            for stream in (dialler, other):
                equal([size for size in stream.sizes if size % UNIT], [], 'segments of other sizes')

    def case_nothing_constant(self):
        """no byte stands at a fixed place in all links"""
        for side, which in ((0, 'the side that dialled'), (1, 'the other side')):
            heads = [head for head in (link[side].bytes()[:COMPARED] for link in self.links) if len(head) > HANDSHAKE]
            check(len(heads) >= LINKS, f'only {len(heads)} links to compare')
            constant = [at for at in range(min(map(len, heads))) if len({head[at] for head in heads}) == 1]
            equal(constant, [], f'offsets of constant bytes from {which}')

    def case_nothing_again(self):
        """no 8 bytes come twice in the whole session: there is nothing to know a home, a link or a message by"""
        equal(capture.seen_twice(stream.bytes() for link in self.links for stream in link), [], 'words that came twice')

    def case_like_noise(self):
        """bytes of the links are spread as those of noise are"""
        seen = b''.join(stream.bytes() for link in self.links for stream in link)
        counts = [seen.count(bytes([byte])) for byte in range(256)]
        expected = len(seen) / 256
        chi = sum((count - expected) ** 2 / expected for count in counts)
        check(chi < 400, f'chi square of {chi:.0f} over 255 degrees of freedom')  # noise exceeds 400 once in 10^8


if __name__ == '__main__':
    street.main(Capture)
