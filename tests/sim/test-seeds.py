#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fresh seeds, other ones each time, as many as fit in a minute. What fails is told with all that is needed to see it again.

PORCHLIGHT_SEED is where they begin, PORCHLIGHT_SIM_SECONDS for how long. Nothing is stored.
"""
import collections
import os
import re
import secrets
import subprocess
import sys
import time

PROGRAM = sys.argv[1]
SECONDS = float(os.environ.get('PORCHLIGHT_SIM_SECONDS', 60))
FIRST = int(os.environ.get('PORCHLIGHT_SEED') or secrets.randbits(40))
WORLDS = ((4, 6, 'network'), (3, 8, 'machines'), (6, 4, 'network'), (8, 3, 'machines'), (2, 12, 'network'))
LAST_WORDS = 40  # lines of the trace before a failure


def options(seed):
    nodes, hours, profile = WORLDS[seed % len(WORLDS)]
    return ['--nodes', str(nodes), '--hours', str(hours), '--profile', profile, '--seed', str(seed)]


def tell(said):
    """The trace that led there: the same run once more, aloud."""
    with subprocess.Popen([PROGRAM, *said, '--trace'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors='replace') as again:
        for line in collections.deque(again.stderr, LAST_WORDS):
            print(line.rstrip())
    print('# to see it again: tests/sim/run ' + ' '.join(said) + ' --trace', flush=True)


print(f'# PORCHLIGHT_SEED={FIRST}, from there on for {SECONDS:.0f} s', flush=True)
seed, failed, hours, end = FIRST, 0, 0, time.monotonic() + SECONDS
while time.monotonic() < end and failed < 3:
    arguments = options(seed)
    done = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    if done.returncode or not re.search('all invariants hold, history [0-9a-f]{16}$', done.stdout.strip()):
        failed += 1
        print(f'# seed {seed}: {done.stdout.strip() or "ended with " + str(done.returncode)}')
        tell(arguments)
    hours += WORLDS[seed % len(WORLDS)][0] * WORLDS[seed % len(WORLDS)][1]
    seed += 1
print(f'# {seed - FIRST} seeds, {hours} node-hours')
print(f'{"not ok" if failed else "ok"} 1 - every invariant holds, whatever the seed\n1..1')
sys.exit(1 if failed else 0)
