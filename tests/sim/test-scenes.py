#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stories of scenes.c say what scenes/NAME.txt says. With --update the texts are written anew: ninja golden-update."""
import difflib
import pathlib
import subprocess
import sys

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
STORIES = ('two-stewards', 'three-stewards', 'four-stewards', 'backdated', 'both-sides', 'one-ticket', 'hub-and-laptop', 'old-disk', '1970')

failed = 0
for number, name in enumerate(STORIES, 1):
    done = subprocess.run([PROGRAM, name], stdout=subprocess.PIPE, text=True, check=False)
    path = FOLDER / (name + '.txt')
    if '--update' in sys.argv:
        path.write_text(done.stdout)
        continue
    golden = path.read_text() if path.exists() else ''
    good = done.returncode == 0 and done.stdout == golden
    failed += not good
    print(f'{"ok" if good else "not ok"} {number} - {name}')
    for line in () if good else difflib.unified_diff(golden.splitlines(), done.stdout.splitlines(), str(path), 'now', lineterm=''):
        print('# ' + line)
print(f'1..{len(STORIES)}')
sys.exit(1 if failed else 0)
