#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/threat-model.md names the tests that keep each threat of its list out: they exist, and they run."""
import os
import re

import lint

PAGE = 'docs/threat-model.md'
WANTED = ('T02', 'T03', 'T06', 'T07', 'T08', 'T11', 'T13', 'T15', 'T17', 'T20', 'T21')
ROW = re.compile(r'^\| (T\d\d) \| [^|]+ \| ([^|]+) \|$', re.MULTILINE)
PLACE = re.compile(r'`(tests/[\w./-]+)`: ((?:`\w+`(?:, )?)+)')


def runs(path, text, case):
    """A unit test is defined and in its program's table; a case of a street or lab is a method of it."""
    if path.endswith('.c'):
        return f'void {case}(void **state)' in text and f'cmocka_unit_test({case})' in text
    return re.search(rf'^ *def {case}\(', text, re.MULTILINE) is not None


def findings(page, wanted, top=None):
    found = []
    rows = {number: places for number, places in ROW.findall(page)}
    found += [f'{number}: no row' for number in wanted if number not in rows]
    for number, places in sorted(rows.items()):
        named = PLACE.findall(places)
        if not named:
            found.append(f'{number}: names no test')
        for path, cases in named:
            if not os.path.isfile(os.path.join(top or lint.root(), path)):
                found.append(f'{number}: there is no {path}')
                continue
            text = lint.read(path, top)
            found += [f'{number}: {path} has no case {case}' for case in re.findall(r'`(\w+)`', cases)
                      if not runs(path, text, case)]
    return found


def main():
    tap = lint.Tap()
    bad = ('| T02 | a | `tests/unit/test-crypto.c`: `domain_matrix_boxes`, `no_such_case` |\n'
           '| T03 | b | `tests/unit/no-such-file.c`: `x` |\n| T06 | c | by hand |\n')
    tap.refused('cases and files that are not there are refused', findings(bad, ('T02', 'T03', 'T06', 'T07')),
                ['T07: no row', 'has no case no_such_case', 'there is no tests/unit/no-such-file.c', 'T06: names no test'])
    tap.clean(f'{PAGE} names tests that run', findings(lint.read(PAGE), WANTED))
    tap.end()


if __name__ == '__main__':
    main()
