#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulation itself: the same seed is the same history, a calm street keeps every promise, and each invariant sees what is broken on purpose."""
import re
import subprocess
import sys

PROGRAM = sys.argv[1]
number = failed = 0


def run(*options):
    done = subprocess.run([PROGRAM, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout.strip()


def case(good, name, why=''):
    global number, failed
    number += 1
    failed += not good
    print(f'{"ok" if good else "not ok"} {number} - {name}')
    if not good:
        print(f'# {why}')


def history(line):
    found = re.search('history ([0-9a-f]{16})$', line)
    return found.group(1) if found else None


code, calm = run('--nodes', '8', '--hours', '6', '--seed', '1', '--profile', 'calm')
case(code == 0 and 'all invariants hold' in calm, 'a calm street keeps every promise', calm)
faulty = ('--nodes', '8', '--hours', '6', '--seed', '2')
(first, one), (second, two) = run(*faulty), run(*faulty)
case(first == second and history(one) and one == two, 'the same seed gives the same history', f'{one} / {two}')
case(history(one) != history(calm), 'another seed gives another', one)
ready = ('--nodes', '40', '--hours', '1', '--seed', '3', '--profile', 'calm', '--ready')
(first, one), (second, two) = run(*ready), run(*ready)
case(first == 0 and 'all invariants hold' in one, 'a street that stands from the start keeps every promise', one)
case(history(one) and one == two, 'and has one history', f'{one} / {two}')
code, plain = run(*faulty, '--plain')
case(code == 0 and ', plain,' in plain and 'all invariants hold' in plain, 'so it does with plain links', plain)

# Each invariant is seen to be asked: what is broken on purpose trips it, and no other.
for name, invariant in (('lose-acked', 'S9'), ('forge', 'S1'), ('twice', 'S2'), ('undead', 'S3'), ('leak', 'S4'), ('other-key', 'S5'),
                        ('steward', 'S6'), ('set-back', 'S7'), ('lose', 'L1'), ('cut', 'L2'), ('seal', 'L3'), ('restless', 'L5')):
    code, line = run('--nodes', '8', '--hours', '6', '--seed', '1', '--profile', 'calm', '--break', name)
    case(code == 1 and f': {invariant} does not hold' in line, f'{invariant} sees {name}', line)
chance = ('--nodes', '3', '--hours', '1', '--seed', '1', '--profile', 'calm', '--break', 'chance')
(_, one), (_, two) = run(*chance), run(*chance)
case(history(one) and history(one) != history(two), 'S10 sees chance', f'{one} / {two}')
code, _ = run('--nodes', '1')
case(code == 2, 'wrong options are refused', code)
print(f'1..{number}')
sys.exit(1 if failed else 0)
