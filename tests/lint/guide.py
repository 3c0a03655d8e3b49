#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the guide and the README tell people to type exists: guide.py PORCHLIGHT"""
import json
import re
import shlex
import subprocess
import sys

import lint

PAGES = ('docs/guide.md', 'README.md')
TYPED = re.compile(r'(?m)^\s*(?:\w+ )?\$ (?:sudo )?porchlight (.*)$|`(?:sudo )?porchlight ([^`]*)`')


def split(text):
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def find(words, table):
    """The command that so many words name, the longest first."""
    for n in (2, 1):
        if ' '.join(words[:n]) in table:
            return ' '.join(words[:n])
    return None


def wrong(page, text, table):
    found = []
    for match in TYPED.finditer(text):
        typed = match.group(1) or match.group(2)
        words = split(typed)
        command = find(words, table)
        if not command:
            found.append(f'{page}: there is no `porchlight {typed}`')
            continue
        found += [f'{page}: `porchlight {command}` has no {word}' for word in words
                  if word.startswith('--') and word not in table[command]]
        topic = words[1:]
        if command == 'help' and topic and topic != ['COMMAND'] and not find(topic, table):
            found.append(f'{page}: there is no help on {" ".join(topic)}')
    return found


def main():
    tap = lint.Tap()
    help_rows = subprocess.run([sys.argv[1], 'help', '--json'], stdout=subprocess.PIPE, text=True, check=False).stdout
    table = {}
    for line in help_rows.splitlines():
        row = json.loads(line)
        table[row['command'].removeprefix('porchlight ')] = {option['name'] for option in row['options']}
    sample = '    $ porchlight pots fire\nSay `porchlight post fire --loud "x y"`, or `porchlight help nonsense`.\n'
    tap.refused('commands that are not there are refused', wrong('x', sample, table),
                ['there is no `porchlight pots fire`', '`porchlight post` has no --loud', 'no help on nonsense'])
    for page in PAGES:
        tap.clean(f'{page} tells of what there is', wrong(page, lint.read(page), table))
    tap.end()


if __name__ == '__main__':
    main()
