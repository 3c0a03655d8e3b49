#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs, and has a row for each of its figures: test-bench.py BUILD [--lines]. What the rows say means nothing here.
With --lines it is the figures over lines of the internet, and else all others."""
import json
import os
import subprocess
import sys

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'run')
NO_NETWORK = 'SKIPPED IP bytes'  # what it says where it gets no network of its own
ROWS = (
    'posts, 1 at once', 'posts, 64 at once', 'ingest', 'burst of 100 x 512 B', 'catch-up of 100', 'catch-up, bytes on the link',
    'catch-up, bytes that are not the records', 'catch-up, bytes to find them', 'spread over 4, normal', 'spread over 4, urgent',
    'idle RSS, all three processes', 'idle PSS, all three processes', 'idle CPU', 'start to ready, empty store',
    'start to ready, 500 records', 'evidence, verified', 'evidence, memory while verified', 'clip, home to home',
    'clip, CPU of both ends', 'clip, memory of an end', 'nearby among 500, 300 m, p99', 'reconnect, nothing differs',
)
NETWORK_ROWS = (
    'catch-up, IP bytes in all', 'bytes an alert and node, 4 homes, normal', 'bytes an alert and node, 4 homes, urgent', 'idle bytes',
    'reconnect, IP bytes', 'a removal with fresh keys, 3 homes',
)
LINE = 'clip over 50 Mbit/s and 20 ms'
LINE_ROWS = (
    LINE, f'{LINE}, CPU of both ends', f'{LINE}, memory of an end', f'{LINE}, sent again, recipient killed',
    f'{LINE}, sent again, owner killed', 'clip to 2 viewers',
)

over_lines = '--lines' in sys.argv
only = ['--only', 'line', '--only', 'viewers'] if over_lines else []
done = subprocess.run([sys.executable, RUN, '--build', sys.argv[1], '--smoke', '--seed', '1', *only], stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True, check=False)
if 'SKIPPED lines' in done.stderr:
    print(f'1..0 # SKIP {done.stderr.split("SKIPPED lines: ")[1].splitlines()[0]}')
    sys.exit(0)
rows = [json.loads(line) for line in done.stdout.splitlines()]
told = {row['figure']: row['value'] for row in rows if 'figure' in row}
wanted = LINE_ROWS if over_lines else ROWS if NO_NETWORK in done.stderr else ROWS + NETWORK_ROWS
failed = 0
for number, name in enumerate(wanted, 1):
    good = isinstance(told.get(name), (int, float))
    failed += not good
    print(f'{"ok" if good else "not ok"} {number} - {name}')
print(f'{"not ok" if done.returncode else "ok"} {len(wanted) + 1} - no figure could not be measured')
print(f'1..{len(wanted) + 1}')
if failed or done.returncode:
    print(*(f'# {line}' for line in done.stderr.splitlines()), sep='\n')
    print(f'# rows: {", ".join(sorted(told))}')
    sys.exit(1)
