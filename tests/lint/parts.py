#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A build without what is optional: parts.py MESON CC

Without porchlight-ice and porchlight-router the tree is configured, their programs and tests are left out and no others, and the one file
that stands in for another compiles without a warning. What such a build does is seen in tests/lab/test-without.py.
"""
import json
import os
import subprocess
import sys
import tempfile

import lint

OFF = ('-Dice=disabled', '-Dmapping=disabled')
NEVER = ('porchlight-ice', 'porchlight-router', 'pl-ice', 'pl-router', 'fuzz-ice', 'fuzz-pcp', 'fuzz-router')
ALWAYS = ('porchlight', 'porchlightd', 'porchlight-vault', 'porchlight-ingest', 'porchlight-names', 'fuzz-meet', 'fuzz-relay', 'test-node-ice')
INSTEAD = 'src/node/libpl-node.a.p/ice_none.c.o'


def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False)


def misplaced(names):
    return [f'{name} is built' for name in NEVER if name in names] + [f'{name} is not built' for name in ALWAYS if name not in names]


def main():
    meson, compiler = sys.argv[1], sys.argv[2:]
    tap = lint.Tap()
    tap.refused('a build with too much or too little is refused', misplaced({*ALWAYS[1:], 'fuzz-ice'}), ['fuzz-ice is built', 'porchlight is not built'])
    with tempfile.TemporaryDirectory() as build:
        os.environ['CC'] = ' '.join(compiler)
        done = run(meson, 'setup', build, lint.root(), *OFF)
        tap.clean('it is configured', done.stdout.splitlines()[-20:] if done.returncode else [])
        told = run(meson, 'introspect', '--targets', build)
        names = {target['name'] for target in json.loads(told.stdout)} if told.returncode == 0 else set()
        tap.clean('what is optional is left out, and nothing else', misplaced(names))
        made = run('ninja', '-C', build, INSTEAD)
        said = [line for line in made.stdout.splitlines() if 'warning:' in line or 'error:' in line or 'FAILED' in line]
        tap.clean('what stands in for it compiles', said or ([made.stdout[-500:]] if made.returncode else []))
    tap.end()


if __name__ == '__main__':
    main()
