#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stories of scenes.c say what scenes/NAME.txt says, and something else where cores lack the rule that the story is about
(twists.c). With --update the texts are written anew: ninja golden-update."""
import difflib
import pathlib
import subprocess
import sys

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
# Each story, the rule taken out of all cores, and what is then told that is not so.
STORIES = (('two-stewards', 'either-alone', 'home 2 posts "who reads this?" (done), read by 1 2'),
           ('three-stewards', 'junior-first', 'home 2 knows 0* 1* 3, is no member'),
           ('four-stewards', 'fewer-first', 'home 2 knows 1* 3* 4 5 6 7, is no member'),
           ('backdated', 'clement', 'home 3 posts "still here" (removed)'),
           ('both-sides', 'apart', 'home 1 knows 0* 1 3 4, writes under key -'),
           ('one-ticket', 'unbuilt', 'home 3 knows 0* 1 2 4, is no member'),
           ('hub-and-laptop', 'lasting', '"from the laptop, later" is there to read at 0 1 2 3'),
           ('old-disk', 'unbuilt', 'home 1 posts "after" (done), read by 0 1 3'),
           ('old-disk', 'forgetful', '"after" is there to read at\n'),
           ('1970', 'stubborn', 'home 1 posts "now" (no-clock)'),
           ('relays', 'lavish', 'give\n  after 10 minutes home 3 and home 4 have a link by way of home 2\n'))

number = failed = 0


def told(*words):
    done = subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout if done.returncode == 0 else f'ended with {done.returncode}'


def case(good, name, lines):
    global number, failed
    number += 1
    failed += not good
    print(f'{"ok" if good else "not ok"} {number} - {name}')
    for line in () if good else lines:
        print('# ' + line)


def compared(path, text):
    golden = path.read_text() if path.exists() else ''
    return difflib.unified_diff(golden.splitlines(), text.splitlines(), str(path), 'now', lineterm='')


for name in dict.fromkeys(name for name, _, _ in STORIES):
    text, path = told(name), FOLDER / (name + '.txt')
    if '--update' in sys.argv:
        path.write_text(text)
        continue
    difference = list(compared(path, text))
    case(not difference, name, difference)
for name, twist, wrong in () if '--update' in sys.argv else STORIES:
    text = told(name, twist)
    golden = (FOLDER / (name + '.txt')).read_text()
    case(wrong in text and wrong not in golden, f'{name}: of cores that are {twist} another story is told', compared(FOLDER / (name + '.txt'), text))
print(f'1..{number}')
sys.exit(1 if failed else 0)
