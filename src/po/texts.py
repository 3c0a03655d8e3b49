#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The texts of the sources, as a catalogue: texts.py pot FILE, or texts.py update for every catalogue there is.

xgettext looks at one argument of a function only (two are a singular and its plural), so that it runs once for each row of
PASSES, and adds to what it found before."""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# Functions that look up what they are given, and rows of tables whose texts are shown to people.
PASSES = (
    ('_', 'N_', 'lang_count:1,2', 'layout_count:3,4', 'also:3,4', 'cli_note:2', 'say:3', 'fix:2', 'C:6', 'S:9',
     'cli_fail:4', 'cli_usage:2', 'wrong:2', 'call_error_set:4', 'caller_error:3', 'O:4', 'E:4', 'V:3', 'K:3', 'tell:2', 'tell_count:2,3',
     'vault_refuse_why:3', 'said_set:2', 'refuse:4'),
    ('cli_fail:5', 'cli_usage:3', 'wrong:3', 'call_error_set:5', 'caller_error:4', 'O:5', 'E:5', 'V:4', 'K:11', 'refuse:5'),
)
# Of these the compiler has seen that the arguments fit; msgfmt sees that a translation takes the same.
FORMATS = ('cli_fail:5', 'cli_usage:3', 'cli_note:2', 'wrong:3', 'say:3', 'fix:2', 'call_error_set:5', 'tell:2', 'tell_count:2',
           'tell_count:3', 'vault_refuse_why:3', 'said_set:2', 'refuse:5')

# A hint may be missing: then it is not looked up. A word that is also counted is the singular.
FINE = re.compile(r'^.*: warning: (?:Empty msgid|msgid .* is used without plural and with plural).*\n(?: .*\n)*', re.MULTILINE)


def sources():
    with open(os.path.join(HERE, 'POTFILES'), encoding='utf-8') as file:
        return [line.strip() for line in file if line.strip() and not line.startswith('#')]


def languages():
    with open(os.path.join(HERE, 'LINGUAS'), encoding='utf-8') as file:
        return [word for line in file if not line.startswith('#') for word in line.split()]


def catalogue(language):
    return os.path.join(HERE, language + '.po')


def pot(path):
    """Writes every text of the sources to @path."""
    for number, keywords in enumerate(PASSES):
        done = subprocess.run(['xgettext', '--language=C', '--from-code=UTF-8', '--no-location', '--no-wrap', '--keyword',
                               *['--keyword=' + keyword for keyword in keywords],
                               *[f'--flag={name}:c-format' for name in FORMATS],
                               *(['--join-existing'] if number else []), '--output=' + path, *sources()],
                              cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
        complaints = FINE.sub('', done.stderr)
        if done.returncode or complaints:
            sys.exit(f'xgettext: {complaints or done.returncode}')


def update():
    with tempfile.TemporaryDirectory() as folder:
        fresh = os.path.join(folder, 'porchlight.pot')
        pot(fresh)
        for language in languages():
            subprocess.run(['msgmerge', '--quiet', '--update', '--backup=none', '--no-location', '--no-wrap',
                            '--no-fuzzy-matching', catalogue(language), fresh], check=True)


def main():
    if sys.argv[1:2] == ['pot'] and len(sys.argv) == 3:
        pot(os.path.abspath(sys.argv[2]))
    elif sys.argv[1:] == ['update']:
        update()
    else:
        sys.exit('usage: texts.py pot FILE | update')


if __name__ == '__main__':
    main()
