#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages tell of every command and option, and render without warnings: man.py PORCHLIGHT PORCHLIGHTD [PAGE...]

A command of porchlight(1) has a heading "## alert show". What follows, up to the next one, must tell its options, itself or by
naming a section in capitals that does."""
import json
import os
import re
import shutil
import subprocess
import sys

import lint

HEADING = re.compile(r'^#+ ', re.MULTILINE)
COLUMNS = 80


def sections(page):
    """The text under each heading, by the heading without its marks."""
    found = {}
    for part in HEADING.split(page)[1:]:
        heading, _, text = part.partition('\n')
        found[re.sub(r'[*_\\]', '', heading).strip()] = text
    return found


def told(text, by_heading):
    """What a command's section tells, with the sections it names."""
    named = [by_heading.get(name, '') for name in re.findall(r'\*([A-Z]+)\*', text)]
    return '\n'.join([text, by_heading.get('OPTIONS', ''), *named])


def missing(page, commands):
    """What the page does not tell."""
    found = []
    by_heading = sections(page)
    for command in commands:
        words = command['command'].removeprefix('porchlight ')
        if words not in by_heading:
            found.append(f'no heading "## {words}"')
            continue
        text = told(by_heading[words], by_heading)
        found += [f'{words}: nothing about {option["name"]}' for option in command['options']
                  if f'*{option["name"]}*' not in text]
    known = {command['command'].removeprefix('porchlight ') for command in commands}
    found += [f'there is no command "{words}"' for words in by_heading if words.islower() and words not in known]
    return found


def missing_options(page, help_text):
    return [f'nothing about {name}' for name in sorted(set(re.findall(r'--[a-z][a-z-]*', help_text)))
            if f'*{name}*' not in page]


def settings(table):
    """Keys of porchlight/settings.def with what the page has to say of each."""
    found = {}
    for row in re.findall(r'^ {8}S\((.*?)\)(?=\s*(?:\\|$))', table.replace('\\\n          ', ' '), re.MULTILINE):
        strings = re.findall(r'"([^"]*)"', row)
        most, when, by = re.search(r', (\d+), (\w+), (\w+),\s+"', row).groups()
        if strings[0]:
            found[strings[0]] = {'value': strings[2] or 'yes|no', 'doc': strings[3],
                                 'when': 'At once' if when == 'NOW' else 'After a restart',
                                 'most': f'At most {most}' if int(most) > 1 else '',
                                 'by': 'not with *config set*' if by == 'FILE' else ''}
    return found


def missing_settings(page, table):
    """What CONFIGURATION does not tell of the table, and what it tells of no row."""
    text = sections(page).get('CONFIGURATION', '')
    told_keys = dict(re.findall(r'^\*([a-z.-]+)\* = (.*?)(?=^\S|\Z)', text, re.MULTILINE | re.DOTALL))
    found = []
    for key, row in settings(table).items():
        paragraph = ' '.join(told_keys.get(key, '').split())
        found += [f'{key}: nothing about "{words}"' for words in row.values() if words.lower() not in paragraph.lower()]
    return found + [f'there is no setting {key}' for key in told_keys if key not in settings(table)]


def warnings(path):
    """What man and mandoc have to say about a built page."""
    found = []
    env = dict(os.environ, MANWIDTH=str(COLUMNS), LC_ALL='C.UTF-8', MANROFFSEQ='')
    if shutil.which('man'):
        run = subprocess.run(['man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', path], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, env=env, check=False)
        found += run.stderr.splitlines()
        found += [] if run.returncode == 0 else [f'man: exit code {run.returncode}']
    if shutil.which('mandoc'):
        run = subprocess.run(['mandoc', '-T', 'lint', '-W', 'error', path], stdout=subprocess.PIPE, text=True, check=False)
        found += run.stdout.splitlines()
    return found


def main():
    tap = lint.Tap()
    sample = [{'command': 'porchlight alert show', 'options': [{'name': '--yes'}]}, {'command': 'porchlight post',
                                                                                   'options': []}]
    tap.refused('a page with gaps is refused', missing('# A\n## alert show\n*--no*\n## gone\n', sample),
                ['alert show: nothing about --yes', 'no heading "## post"', 'no command "gone"'])
    table = '#define SETTINGS(S) \\\n        S(LAN, "lan", "--no-lan", "", YES, 1, NOW, CONFIG, "look") \\\n' \
            '        S(X, "x.y", "--x", "X", YES, 3, RESTART, FILE, \\\n          "say x")\n'
    page = '# CONFIGURATION\n*lan* = _yes|no_\n\tLook. After.\n\n*gone* = _X_\n\n*x.y* = _X_\n\tSay x. After a restart. At most 3.\n'
    tap.refused('settings with gaps are refused', missing_settings(page, table),
                ['lan: nothing about "At once"', 'x.y: nothing about "not with *config set*"', 'no setting gone'])
    cli, daemon, *pages = sys.argv[1:]
    tap.clean('porchlightd(8) tells of every setting',
              missing_settings(lint.read('docs/man/porchlightd.8.scd'), lint.read('include/porchlight/settings.def')))
    table = subprocess.run([cli, 'help', '--json'], stdout=subprocess.PIPE, text=True, check=False).stdout
    commands = [json.loads(line) for line in table.splitlines()]
    tap.clean('porchlight(1) tells of every command and option', missing(lint.read('docs/man/porchlight.1.scd'), commands))
    help_text = subprocess.run([daemon, '--help'], stdout=subprocess.PIPE, text=True, check=False).stdout
    tap.clean('porchlightd(8) tells of every option', missing_options(lint.read('docs/man/porchlightd.8.scd'), help_text))
    for path in pages:
        tap.clean(f'{os.path.basename(path)} renders without warnings', warnings(path))
    if not pages:
        tap.case(True, 'the pages render without warnings # SKIP scdoc was not found when this was configured')
    tap.end()


if __name__ == '__main__':
    main()
