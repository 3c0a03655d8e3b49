#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which lines and branches of src/ the tests reached, from what a build with -Db_coverage=true has counted.

coverage.py ROOT BUILD    prints the files, those that miss most at the top, and then the folders

Every line and branch that gcc put into the programs counts: nothing is left out, neither checks for bugs of our own nor
what only failing memory takes.
"""
import json
import subprocess
import sys
import tempfile
from collections import defaultdict


class Count:
    def __init__(self):
        self.lines = self.lines_reached = self.branches = self.branches_reached = 0

    def add(self, line):
        self.lines += 1
        self.lines_reached += line['count'] > 0
        self.branches += len(line['branches'])
        self.branches_reached += sum(branch['count'] > 0 for branch in line['branches'])

    def missed(self):
        return self.lines - self.lines_reached + self.branches - self.branches_reached

    def row(self, name):
        return (f'{name:36}{share(self.lines_reached, self.lines)}{self.lines - self.lines_reached:7} of {self.lines:5}'
                f'{share(self.branches_reached, self.branches)}{self.branches - self.branches_reached:7} of {self.branches:5}')


def share(reached, of):
    return f'{100 * reached / of if of else 100:8.1f}%'


def counted(root, build):
    """What gcovr says of each file, as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        out = f'{folder}/coverage.json'
        subprocess.run(['gcovr', '-r', root, '--object-directory', build, '-f', f'{root}/src/', '--gcov-ignore-parse-errors',
                        '--json', out],
                       check=True, stdout=sys.stderr)
        with open(out, encoding='utf-8') as text:
            return json.load(text)['files']


def main():
    root, build = sys.argv[1:]
    files, folders = defaultdict(Count), defaultdict(Count)
    for file in counted(root, build):
        name = file['file']
        for line in file['lines']:
            if line.get('gcovr/noncode'):
                continue
            for count in (files[name], folders[name.split('/')[1]], folders['all of src']):
                count.add(line)
    head = f"{'':36}{'lines':>9}{'not reached':>16}{'branches':>9}{'not reached':>16}"
    print(head)
    for name, count in sorted(files.items(), key=lambda item: -item[1].missed()):
        print(count.row(name))
    print(head)
    for name, count in sorted(folders.items(), key=lambda item: (item[0] == 'all of src', item[0])):
        print(count.row(name))


if __name__ == '__main__':
    main()
