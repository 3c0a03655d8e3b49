#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Homes behind every kind of router, and one doorstep that all can reach: which pairs find a way to each other, and how fast.

What two homes tell each other goes from hand to hand here, as a mesh carries it. The laboratory is in support/laboratory.py.
"""
import itertools
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from laboratory import DOORSTEP, KINDS, NO_DIRECT_WAY, PORT, Lab  # noqa: E402
from meeting import SERVE, SERVING, UP, bring_together, exchange  # noqa: E402
from street import check, equal  # noqa: E402

SHORT = (('public', 'symmetric'), ('cone', 'port'), ('port', 'carrier-port'), ('address', 'symmetric'))
BYTES = 300000
MEDIAN = 0.2  # seconds: DESIGN 9
HOST, SERVER_REFLEXIVE, PEER_REFLEXIVE = 1, 2, 3
NO_WAY = 3


class Nat(Lab):
    def open(self):
        self.lay()
        self.stun = self.helper(self.doorstep)
        self.stun.say(SERVE, {1: PORT})
        while not any(number == SERVING for number, _, _ in self.stun.said):
            check(self.stun.read(street.PATIENCE), 'the doorstep does not begin')
        equal(self.stun.said[-1][1], {1: PORT}, 'the doorstep')

    def meet(self, pair):
        """What came of it at the first, how long it took, and that bytes came across."""
        a, b = (self.helper(self.home(kind, side)).awake() for side, kind in enumerate(pair))
        try:
            a.meet(calls=True, doorstep=(DOORSTEP, PORT))
            b.meet(doorstep=(DOORSTEP, PORT))
            at_a, at_b, took = bring_together(a, b)
            if (at_a[0], at_b[0]) == (UP, UP):
                exchange(a, b, BYTES)
            return at_a, at_b, took
        finally:
            codes = [a.close(), b.close()]
            equal(codes, [(0, '')] * 2, 'their ends')

    # -- cases --

    def case_pairs(self):
        """every pair of kinds: a direct way wherever the routers let one be, and fast; and no way where they do not"""
        pairs = list(itertools.combinations_with_replacement(KINDS, 2)) if self.full else SHORT
        for kind, side in {(kind, side) for pair in pairs for side, kind in enumerate(pair)}:
            self.home(kind, side)
        fine = [pair for pair in pairs if frozenset(pair) not in NO_DIRECT_WAY]
        found = {pair: self.meet(pair) for pair in fine}
        with ThreadPoolExecutor(8) as crowd:
            found |= dict(zip(set(pairs) - set(fine), crowd.map(self.meet, set(pairs) - set(fine))))
        self.show(found)
        wrong = [pair for pair in fine if (found[pair][0][0], found[pair][1][0]) != (UP, UP)]
        equal(wrong, [], 'pairs that have a way and did not find it')
        equal([pair for pair in found if pair not in fine and found[pair][0][1].get(2) != NO_WAY], [], 'pairs that have none and found one')
        median = statistics.median(found[pair][2] for pair in fine)
        print(f'# median {median * 1000:.0f} ms over {len(fine)} pairs')
        if self.full:
            check(median < MEDIAN, f'median {median:.3f} s')

    @staticmethod
    def show(found):
        """As docs/figures/nat.md has it."""
        kinds = [kind for kind in KINDS if any(kind in pair for pair in found)]
        print(f'# | | {" | ".join(kinds)} |\n# |---|{"---|" * len(kinds)}')
        for a in kinds:
            cells = []
            for b in kinds:
                at_a, _, took = found.get((a, b), (None, None, 0))
                cells.append('' if not at_a else f'{took * 1000:.0f} ms' if at_a[0] == UP else 'no way')
            print(f'# | {a} | {" | ".join(cells)} |')

    def close(self):
        if hasattr(self, 'stun'):
            self.stun.close()
        super().close()


if __name__ == '__main__':
    street.main(Nat)
