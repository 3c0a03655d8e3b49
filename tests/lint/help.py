#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--help of every program and script goes to stdout, exits 0, and fits a terminal of 80 columns: help.py PROGRAM..."""
import os
import subprocess
import sys
import tempfile

import lint

COLUMNS = 80
SCRIPTS = ('tests/run', 'tests/sim/run', 'tests/bench/run', 'tests/lab/run', 'contrib/quickstart')
SECONDS = 20


def findings(command):
    """What is wrong with the help of @command."""
    env = dict(os.environ, COLUMNS=str(COLUMNS), LC_ALL='C.UTF-8', LANGUAGE='')
    with tempfile.TemporaryDirectory() as empty:
        env.update(HOME=empty, XDG_DATA_HOME=empty, PORCHLIGHT_DATA=empty)
        try:
            run = subprocess.run([*command, '--help'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=empty,
                                 stderr=subprocess.PIPE, timeout=SECONDS, env=env, check=False)
        except subprocess.TimeoutExpired:
            return [f'did not end within {SECONDS} s']
    text = run.stdout.decode('utf-8', 'replace')
    found = [f'exit code {run.returncode}'] if run.returncode else []
    found += [] if text.strip() else ['nothing on stdout']
    found += [f'on stderr: {line}' for line in run.stderr.decode('utf-8', 'replace').splitlines()[:3]]
    found += [f'{len(line)} columns: {line}' for line in text.splitlines() if len(line) > COLUMNS]
    found += [f'a tab: {line}' for line in text.splitlines() if '\t' in line]
    return found


def main():
    tap = lint.Tap()
    bad = ['sh', '-c', 'printf "%081d\\n" 1; echo error >&2; exit 3', 'sh']
    tap.refused('a bad help is refused', findings(bad), ['exit code 3', 'on stderr: error', '81 columns'])
    tap.refused('no help is refused', findings(['sh', '-c', '', 'sh']), ['nothing on stdout'])
    for path in map(os.path.abspath, sys.argv[1:]):
        tap.clean(f'{os.path.basename(path)} --help', findings([path]))
    for script in SCRIPTS:
        path = os.path.join(lint.root(), script)
        if os.path.exists(path):
            tap.clean(f'{script} --help', findings([path]))
    tap.end()


if __name__ == '__main__':
    main()
