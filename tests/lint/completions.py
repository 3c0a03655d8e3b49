#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The completion scripts in contrib/ are what the program writes, and shells can read them: completions.py PORCHLIGHT"""
import os
import shutil
import subprocess
import sys

import lint

SCRIPTS = {'bash': 'porchlight.bash', 'zsh': '_porchlight', 'fish': 'porchlight.fish'}


def findings(path, text, written):
    return [] if text == written else [f'{path} is not what `porchlight completion` prints now; write it again']


def main():
    tap = lint.Tap()
    tap.refused('a stale script is refused', findings('x', 'old\n', 'new\n'), ['x is not'])
    for shell, name in SCRIPTS.items():
        path = os.path.join('contrib', 'completions', name)
        run = subprocess.run([sys.argv[1], 'completion', shell], stdout=subprocess.PIPE, text=True, check=False)
        tap.clean(f'{path} is up to date', findings(path, lint.read(path), run.stdout))
        tool = shutil.which(shell)
        if not tool:
            tap.case(True, f'{shell} reads it # SKIP {shell} is not installed')
            continue
        check = subprocess.run([tool, '-n', os.path.join(lint.root(), path)], stderr=subprocess.PIPE, text=True, check=False)
        tap.case(check.returncode == 0 and not check.stderr, f'{shell} reads it', check.stderr.splitlines())
    tap.end()


if __name__ == '__main__':
    main()
