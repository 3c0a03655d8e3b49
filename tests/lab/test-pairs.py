#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pairs of test-nat.py by whole homes: two that joined at one doorstep, behind every two kinds of routers, have a link of their own.
Where the routers let a way be it is direct, and is there at once; else the doorstep passes the bytes on. Nothing else helps them.
"""
import itertools
import os
import re
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import laboratory  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SHORT = (('public', 'symmetric'), ('port', 'port'), ('port', 'symmetric'))
PATIENCE = 60
MEDIAN = 200                   # ms: DESIGN 9
AT_ONCE = 4                    # pairs without a direct way, which mostly wait
DIRECT = {'host', 'srflx', 'prflx'}
UP = re.compile(r'link (\d+): up, dialled (\d+) ms ago$', re.MULTILINE)
TO_THE_DOOR = 0x80000001       # the first link of each home: it joined over that


class Pairs(laboratory.Lab):
    def open(self):
        self.lay()
        self.env['PORCHLIGHT_LOG'] = 'debug'  # says when a link was asked for
        self.numbers = itertools.count()

    def living(self, name, space, address, port, *more):
        home = street.Play.home(self, name, listen=f'{address}:{port}', prefix=space.within())
        return home.start('--no-mapping', *more)

    def together(self, pair, number):
        """The link that the two have, as each shows it; how long it took from asking for it, and from when both were members."""
        port = laboratory.PORT + number
        door = self.living('Door', self.doorstep, laboratory.DOORSTEP, port, '--advertise', f'{laboratory.DOORSTEP}:{port}')
        door.create('Elm Street')
        homes = [self.living(name, laboratory.Lab.home(self, kind, side), '0.0.0.0', port)
                 for side, (name, kind) in enumerate(zip(('Anna', 'Ben'), pair))]
        for home in homes:
            home.join(door.invite())
        began = time.monotonic()
        rows = [self.wait(lambda home=home, other=other: self.link(home, other), f'{" and ".join(pair)} to be linked', PATIENCE)
                for home, other in (homes, homes[::-1])]
        took = time.monotonic() - began
        asked = self.asked(homes)
        for home in (*homes, door):
            home.stop()
        return rows, asked, took

    @staticmethod
    def link(home, other):
        return next((row for row in home.linked() if row['household'] == other.name), None)

    @staticmethod
    def asked(homes):
        """ms from asking for a link until it was up, as whoever began says. Where both begin, or one by TCP and the other through
        routers, it is the faster one, which counts: the other one is a duplicate and goes."""
        said = [found for home in homes for found in UP.findall(street.told(home.log)) if int(found[0]) != TO_THE_DOOR]
        check(said, f'nobody says how long the link took: {[street.told(home.log) for home in homes]}')
        return min(int(took) for _, took in said)

    # -- cases --

    def case_pairs(self):
        """two homes behind routers of every two kinds have a link: direct and at once where there is a way, else by the doorstep"""
        pairs = list(itertools.combinations_with_replacement(laboratory.KINDS, 2)) if self.full else SHORT
        for kind, side in {(kind, side) for pair in pairs for side, kind in enumerate(pair)}:
            laboratory.Lab.home(self, kind, side)
        fine = [pair for pair in pairs if frozenset(pair) not in laboratory.NO_DIRECT_WAY]
        others = [pair for pair in pairs if pair not in fine]
        found = {pair: self.together(pair, next(self.numbers)) for pair in fine}
        with ThreadPoolExecutor(AT_ONCE) as crowd:
            found |= dict(zip(others, crowd.map(self.together, others, self.numbers)))
        self.show(found)
        for pair, (rows, _, _) in found.items():
            ways = {row['way'] for row in rows}
            kinds = {row[end] for row in rows for end in ('here', 'there') if end in row}
            equal(ways, {'relay'} if pair in others else ways & {'tcp', 'routers'}, f'the way of {" and ".join(pair)}')
            check(kinds <= DIRECT, f'{" and ".join(pair)}: {rows}')
        median = statistics.median(found[pair][1] for pair in fine)
        print(f'# median {median:.0f} ms over {len(fine)} direct pairs')
        if self.full:
            check(median < MEDIAN, f'median {median} ms')

    @staticmethod
    def show(found):
        """As docs/figures/nat.md has it."""
        kinds = [kind for kind in laboratory.KINDS if any(kind in pair for pair in found)]
        print(f'# | | {" | ".join(kinds)} |\n# |---|{"---|" * len(kinds)}')
        for a in kinds:
            cells = []
            for b in kinds:
                rows, asked, took = found.get((a, b), (None, None, None))
                cells.append('' if not rows else f'{rows[0]["way"]} {asked} ms' if rows[0]['way'] != 'relay' else f'relay {took:.1f} s')
            print(f'# | {a} | {" | ".join(cells)} |', flush=True)


if __name__ == '__main__':
    street.main(Pairs)
