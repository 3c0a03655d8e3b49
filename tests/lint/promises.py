#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Promises and what keeps them: promises.py BUILD

tests/README.md names tests and cases that exist, and so does not outlive them. Each parser has a fuzz target with seeds. And the
first screen of README.md says what a newcomer has to know first."""
import glob
import json
import os
import re
import sys

import lint

PAGE, README = 'tests/README.md', 'README.md'
SCREEN = 40  # lines
OPTIONAL = {'porchlight-ice', 'porchlight-router'}
NAMED = re.compile(r'`([a-z0-9-]+)`(?:: ((?:`\w+`(?:, )?)+))?')
PARSERS = ('link', 'record', 'op', 'ticket', 'code', 'control', 'owner', 'config', 'store', 'keyfile', 'vault-keyfile', 'backup')
FIRST = {  # what the first screen has, and how it is told
    'one sentence on what it is': r'\A# Porchlight\n\n[A-Z][^.]*\.\n',
    'a post in one home': r'^\w+ \$ porchlight post ',
    'nearby in another': r'^\w+ \$ porchlight nearby$',
    'the emergency number': r'not an emergency service: call 112 or 911 first',
    '"Invited?"': r'^\*\*Invited\?\*\*',
    '"Starting a street?"': r'^\*\*Starting a street\?\*\*',
    'how it is set up': r'^ {4}\./contrib/quickstart',
    'how it is tested': r'^ {4}\./tests/run',
    'seven things it cannot do': r'^What it cannot do:\n\n(?:\d\. .*\n){7}\n',
}


def sources(tests):
    """Name to the program that runs it: the script, or the C file of the executable."""
    found = {}
    for test in tests:
        scripts = [word for word in test['cmd'] if word.endswith('.py')]
        program = os.path.basename(test['cmd'][0])
        found[test['name']] = scripts[0] if scripts else os.path.join(lint.root(), 'tests', 'unit', program + '.c')
    return found


def left_out(build):
    """The same of unit tests that a build without an optional program has no use for."""
    with open(os.path.join(build, 'meson-info', 'intro-targets.json'), encoding='utf-8') as file:
        names = {target['name'] for target in json.load(file)}
    if OPTIONAL <= names:
        return {}
    return {os.path.basename(path)[5:-2]: path for path in glob.glob(os.path.join(lint.root(), 'tests', 'unit', 'test-*.c'))}


def runs(path, case):
    if not os.path.isfile(path):
        return False
    with open(path, encoding='utf-8') as file:
        text = file.read()
    return re.search(rf'cmocka_unit_test\({case}\)' if path.endswith('.c') else rf'^ *def {case}\(', text, re.MULTILINE)


def unkept(page, where):
    """What the second column of the page's tables names and is not there."""
    found = []
    rows = [row.split(' | ', 1) for row in page.splitlines() if row.startswith('| ') and row != '| promise | test: case |']
    for promise, tests in rows:
        named = NAMED.findall(tests)
        found += [f'{promise[2:]}: names no test'] if not named else []
        for name, cases in named:
            if name not in where:
                found.append(f'there is no test {name}')
            else:
                found += [f'{name} has no case {case}' for case in re.findall(r'`(\w+)`', cases) if not runs(where[name], case)]
    return found


def unfuzzed(parsers, tests):
    seeded = {name for name in parsers if any(test.startswith(f'fuzz-{name}-') for test in tests)}
    there = {os.path.basename(path)[5:-2] for path in glob.glob(os.path.join(lint.root(), 'tests', 'fuzz', 'fuzz-*.c'))}
    return [f'{name}: no target' for name in parsers if name not in there] + \
        [f'{name}: no seeds' for name in parsers if name not in seeded]


def untold(readme):
    screen = readme.split('\n## ')[0]
    lines = screen.count('\n') + 1
    found = [] if lines <= SCREEN else [f'{lines} lines before the first heading, wanted at most {SCREEN}']
    return found + [f'nothing of {what}' for what, how in FIRST.items() if not re.search(how, screen + '\n', re.MULTILINE)]


def main():
    with open(os.path.join(sys.argv[1], 'meson-info', 'intro-tests.json'), encoding='utf-8') as file:
        tests = json.load(file)
    where = left_out(sys.argv[1]) | sources(tests)
    tap = lint.Tap()
    bad = '| one | by hand |\n| two | `no-such-test`, `fold`: `test_five_thousand`, `no_such_case` |\n| three | `layers`: `x` |\n'
    tap.refused('tests and cases that are not there are refused', unkept(bad, where),
                ['one: names no test', 'no test no-such-test', 'fold has no case no_such_case', 'layers has no case x'])
    tap.clean(f'{PAGE} names tests that run', unkept(lint.read(PAGE), where))
    tap.refused('a parser without a fuzz target is refused', unfuzzed(('link', 'nothing'), where), ['no target', 'no seeds'])
    if any(name.startswith('fuzz-') for name in where):  # built for libFuzzer, they are no tests
        tap.clean('each parser has a fuzz target with seeds', unfuzzed(PARSERS, where))
    tap.case(len(untold('# Something\n\n' + 'more\n' * SCREEN)) == len(FIRST) + 1, 'a first screen that says nothing is refused')
    tap.clean(f'{README} has it all on its first screen', untold(lint.read(README)))
    tap.end()


if __name__ == '__main__':
    main()
