#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The disk tests can fail: a disk, or a program, that is broken on purpose is seen, under the name of what it breaks.

test-breaks.py FOLDER: where the programs are."""
import os
import subprocess
import sys

# program, what is broken, words of the case that must fail
BREAKS = [
    ('power', 'no-sync', 'nothing acknowledged is lost', 'a disk that syncs nothing'),
    ('power', 'early-ack', 'nothing acknowledged is lost', 'a store that acknowledges before it commits'),
    ('power', 'no-folder', 'nothing acknowledged is lost', 'a database whose name is not durable'),
    ('power', 'keep-log', 'readable nowhere', 'a log that is not cut off'),
    ('power', 'lazy-log', 'readable nowhere', 'a log that is cut off, but not durably'),
    ('migrate', 'no-sync', 'opens after every power cut', 'a migration that syncs nothing'),
    ('migrate', 'lazy-log', 'opens after every power cut', 'an old log that comes back beside a new database'),
    ('calls', 'swallow', 'loses nothing', 'an error that nobody heeds'),
    ('salvage', 'no-sync', 'the next start has a store', 'a salvage that syncs nothing'),
    ('salvage', 'no-folder', 'or the damaged one is as it was', 'a salvaged store whose name is not durable'),
    ('flips', 'no-sums', 'other bytes than it was stored with', 'a store that does not look at what it reads'),
    ('full', 'swallow', 'normal afterwards', 'a refusal that nobody heeds'),
]
LIMITS = {'power': ('--points', '350'), 'migrate': ('--points', '600'), 'calls': ('--points', '1'), 'flips': ('--points', '500'), 'full': ('--points', '1'),
          'salvage': ('--points', '200')}
LIVES = 16  # where the writes fall decides whether one life meets what is broken: it is enough that one of so many does


def life(program, name, seed):
    return subprocess.run([os.path.join(sys.argv[1], f'test-disk-{program}'), '--seed', str(seed), *LIMITS[program], '--break', name],
                          stdout=subprocess.PIPE, text=True, check=False)


def is_seen(done, words):
    return done.returncode == 1 and any(line.startswith('not ok') and words in line for line in done.stdout.splitlines())


failed = 0
for number, (program, name, words, what) in enumerate(BREAKS, 1):
    for seed in range(1, LIVES + 1):
        done = life(program, name, seed)
        good = is_seen(done, words)
        if good:
            break
    failed += not good
    print(f'{"ok" if good else "not ok"} {number} - {what} is seen')
    if not good:
        print('\n'.join(f'# {line}' for line in done.stdout.splitlines()))
print(f'1..{len(BREAKS)}')
sys.exit(1 if failed else 0)
