# SPDX-License-Identifier: Apache-2.0
"""Cases told as TAP, one a line, as they are judged."""
import sys

number = failed = 0


def case(good, name, why=''):
    global number, failed
    number += 1
    failed += not good
    print(f'{"ok" if good else "not ok"} {number} - {name}')
    if not good:
        print(f'# {why}')


def end():
    print(f'1..{number}')
    sys.exit(1 if failed else 0)
