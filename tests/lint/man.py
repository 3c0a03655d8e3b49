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
    cli, daemon, *pages = sys.argv[1:]
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
