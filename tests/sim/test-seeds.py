#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the simulation once found, again, and then fresh seeds, other ones each time, as many as fit in the seconds given. What
fails is told with all that is needed to see it again.

PORCHLIGHT_SEED is where the fresh ones begin, PORCHLIGHT_SIM_SECONDS for how long. Nothing is stored.
"""
import collections
import os
import re
import secrets
import subprocess
import sys
import time

PROGRAM = sys.argv[1]
SECONDS = float(os.environ.get('PORCHLIGHT_SIM_SECONDS') or sys.argv[2])
FIRST = int(os.environ.get('PORCHLIGHT_SEED') or secrets.randbits(40))
WORLDS = ((4, 6, 'network'), (3, 8, 'machines'), (6, 4, 'network'), (8, 3, 'machines'), (2, 12, 'network'))
# Seeds move on when what is simulated changes: these are kept as long as they cost little. Each has a test of its own
# beside the module that was wrong, where it was one.
FOUND = (
    (3, 26, None, 300263),  # a clock that is set for the first time
    (4, 40, None, 100274),  # a slot used twice
    (8, 25, 'machines', 200002),  # two clocks in 1970
    (8, 12, 'machines', 300092),  # a clock set right among careless neighbours
    (8, 30, None, 300228),
    (2, 12, 'network', 227563824354),  # checks that asked too much: who has left,
    (4, 19, None, 7313),
    (3, 43, None, 100000),  # who was removed while the street was cut,
    (7, 18, 'network', 100174),
    (6, 29, None, 300019),  # and a key that a full disk took late
)
# What needs so many homes that only the long form has the time for it.
FOUND_LONG = (
    (25, 48, None, 165153833257279),  # a key handed to who is a member again, while a home behind a cut writes under it still
)
LONG = 60  # seconds: whoever gives that much has time for those, too
LAST_WORDS = 40  # lines of the trace before a failure


def options(nodes, hours, profile, seed):
    return ['--nodes', str(nodes), '--hours', str(hours), '--seed', str(seed), *(['--profile', profile] if profile else [])]


def tell(said):
    """The trace that led there: the same run once more, aloud."""
    with subprocess.Popen([PROGRAM, *said, '--trace'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors='replace') as again:
        for line in collections.deque(again.stderr, LAST_WORDS):
            print(line.rstrip())
    print('# to see it again: tests/sim/run ' + ' '.join(said) + ' --trace', flush=True)


def holds(arguments):
    done = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    if done.returncode == 0 and re.search('all invariants hold, history [0-9a-f]{16}$', done.stdout.strip()):
        return True
    print(f'# {" ".join(arguments)}: {done.stdout.strip() or "ended with " + str(done.returncode)}')
    tell(arguments)
    return False


known = sum(not holds(options(*world)) for world in FOUND)
if SECONDS >= LONG:
    known += sum(not holds([*options(*world), '--plain']) for world in FOUND_LONG)
print(f'{"not ok" if known else "ok"} 1 - what was found once stays mended')
print(f'# PORCHLIGHT_SEED={FIRST}, from there on for {SECONDS:.0f} s', flush=True)
seed, failed, hours, end = FIRST, 0, 0, time.monotonic() + SECONDS
while time.monotonic() < end and failed < 3:
    nodes_here, hours_here, profile_here = WORLDS[seed % len(WORLDS)]
    failed += not holds(options(nodes_here, hours_here, profile_here, seed))
    hours += nodes_here * hours_here
    seed += 1
print(f'# {seed - FIRST} seeds, {hours} node-hours')
print(f'{"not ok" if failed else "ok"} 2 - every invariant holds, whatever the seed\n1..2')
sys.exit(1 if failed or known else 0)
