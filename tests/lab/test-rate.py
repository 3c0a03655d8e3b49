#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What porchlight-ice carries over a line of 50 Mbit/s and 20 ms: two of them in namespaces, with delay-box between. In the long form
also over one that loses a packet in a hundred, and with what DESIGN 9 wants of both.
"""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'support'), os.path.join(HERE, '..', 'bench')]
import street  # noqa: E402
from lines import Lines, why_not  # noqa: E402
from meeting import UP, Helper, bring_together, exchange  # noqa: E402
from spaces import run  # noqa: E402
from street import Skip, check, equal  # noqa: E402

KBIT, DELAY, QUEUE = 50000, 10, 600000  # delay: ms each way; queue: bytes, twice what is on the way
MEGABYTE = 1000 * 1000
SIZE, SIZE_FULL = 4 * MEGABYTE, 50 * MEGABYTE
LEAST, LEAST_LOSSY = 45, 8              # Mbit/s of the stream: DESIGN 9
MEMORY = 20 * 1024 * 1024
NARROW = 1400                           # bytes of a packet, where 1,500 are usual: a tunnel's, or a carrier's


class Tools:
    """As tests/bench has them."""

    def __init__(self, build):
        self.build = build

    def find(self, name, folder):
        return os.path.join(self.build, 'tests', folder, name)


class Rate(street.Play):
    def open(self):
        self.program = os.path.join(self.programs.build, 'porchlight-ice')
        why = why_not() or (not shutil.which('nft') and 'needs nft')
        if why or not os.path.exists(self.program):
            raise Skip(why or 'THIS BUILD HAS NO porchlight-ice: what it carries is NOT looked at')
        self.size = SIZE_FULL if self.full else SIZE

    def carried(self, spoil):
        """Mbit/s, and the most memory that either had; @spoil makes the line worse."""
        lines = Lines(Tools(self.programs.build), 2, KBIT, DELAY, QUEUE)
        spoil(lines)
        a, b = (Helper(self.program, env=self.env, prefix=lines.inside(i)).awake() for i in range(2))
        try:
            a.meet(calls=True)
            b.meet()
            at_a, at_b, _ = bring_together(a, b)
            equal((at_a[0], at_b[0]), (UP, UP), 'what came of it')
            took = exchange(a, b, self.size)
            return self.size * 8 / MEGABYTE / took, max(a.memory()[1], b.memory()[1])
        finally:
            equal([a.close(), b.close()], [(0, '')] * 2, 'their ends')
            lines.close()

    def plain(self, spoil):
        """Mbit/s of a connection of the kernel's TCP over such a line, with what porchlight-ice has against congestion."""
        lines = Lines(Tools(self.programs.build), 2, KBIT, DELAY, QUEUE)
        spoil(lines)
        path = os.path.join(self.folder, 'plain.bin')
        with open(path, 'wb') as out:
            out.write(bytes(self.size))
        try:
            return lines.tcp(path, 'cubic') * 8 / MEGABYTE
        finally:
            lines.close()

    def look(self, spoil, least=0):
        rate, memory = self.carried(spoil)
        print(f'# {self.size / MEGABYTE:.0f} MB at {rate:.1f} Mbit/s; porchlight-ice had {memory / MEGABYTE:.1f} MB at most', flush=True)
        check(memory < MEMORY, f'{memory} bytes')
        if self.full:
            check(rate >= least, f'{rate:.1f} Mbit/s')

    def case_clean(self):
        """a stream has most of a line of 50 Mbit/s and 20 ms; the helper is small"""
        self.look(lambda _: None, LEAST)

    def case_narrow(self):
        """where the way swallows large packets without a word, or the own machine refuses them, smaller ones go"""
        for end in range(2):
            self.look(lambda lines, end=end: run(*lines.inside(end), 'ip', 'link', 'set', 'dev', 'eth0', 'mtu', str(NARROW)))

    def case_lossy(self):
        """and enough of one that loses one packet in a hundred"""
        if not self.full:
            raise Skip('takes a minute: --full')
        rules = 'table ip lossy {\nchain in { type filter hook prerouting priority -300; iifname "eth0" numgen random mod 100 < 1 drop; }\n}\n'
        spoil = lambda lines: [run(*lines.inside(end), 'nft', '-f', '-', stdin=rules) for end in range(2)]  # noqa: E731
        print(f'# TCP with CUBIC on that line: {self.plain(spoil):.1f} Mbit/s', flush=True)
        self.look(spoil, LEAST_LOSSY)


if __name__ == '__main__':
    street.main(Rate)
