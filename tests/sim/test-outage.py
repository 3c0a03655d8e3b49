#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A street whose homes stand behind routers that let nobody in, and but for one cannot be called, loses power; each comes back with another
address. Within a minute after the last one's return each has two links, all hear of each other, and nearly all links are there again.

Usage: test-outage.py SIM-OUTAGE [--full] [--seed S]; the last street of the short form has a fresh seed, which is said."""
import random
import subprocess
import sys

from tap import case, end

PROGRAM, FULL = sys.argv[1], '--full' in sys.argv
SEED = int(sys.argv[sys.argv.index('--seed') + 1]) if '--seed' in sys.argv else random.randrange(1 << 32)
# Homes, how long they stood and were dark, within how many seconds they come back, how many streets, and whether the one home that can be called
# has another address then, too, and a name.
SHORT = ((30, 1800, 600, 30, 1), (12, 1800, 5, 5, 2), (30, 900, 5, 5, 2, '--moves'))
LONG = ((30, 1800, 600, 30, 20), (30, 86400, 43200, 300, 2), (30, 900, 20, 5, 10), (60, 1800, 600, 30, 3), (30, 900, 5, 5, 20, '--moves'),
        (60, 900, 20, 5, 3, '--moves'))


def street(homes, stood, dark, within, seed, *more):
    done = subprocess.run([PROGRAM, '--nodes', str(homes), '--stood', str(stood), '--dark', str(dark), '--return', str(within),
                           '--seed', str(seed), *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout.strip()


print(f'# seed {SEED}')
for homes, stood, dark, within, streets, *more in LONG if FULL else SHORT:
    for seed in range(SEED, SEED + streets):
        code, said = street(homes, stood, dark, within, seed, *more)
        print(f'# {said}')
        case(code == 0, f'{homes} homes are back after {dark} s in the dark {" ".join(more)}'.rstrip(), said)
code, said = street(8, 600, 5, 5, SEED, '--most', '0')
case(code == 1 and 'one street' in said, 'that takes some time', said)
end()
