#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Words that stand for work not done, and assertions that would let a peer's bytes end a process."""
import re

import lint

# Spelt so that this file does not find itself.
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX)\b')
ASSERT = re.compile(r'(?<![\w.>])assert\s*\(|#\s*include\s*<assert\.h>')
TEXT = ('.c', '.h', '.def', '.py', '.sh', '.md', '.build', '.txt', '.scd', '.yml', '.service', '.json', '/run', 'quickstart')


def findings(path, text):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        word = UNFINISHED.search(line)
        if word:
            found.append(f'{path}:{number}: {word.group(1)}')
        if path.startswith('src/') and ASSERT.search(line):
            found.append(f'{path}:{number}: assert; REQUIRE or CHECK_FAILS say what is meant (base/base.h)')
    return found


def main():
    tap = lint.Tap()
    bad = ('/* TO' 'DO: later */\nchar name[] = "/tmp/x-XX' 'XXXX";\nassert(n);\nstatic_assert(1);\n_Static_assert(1);\n'
           'assert_true(x);\n#include <assert.h>\n')
    tap.refused('unfinished and asserted are refused', findings('src/x.c', bad),
                ['src/x.c:1: TO' 'DO', 'src/x.c:3: assert', 'src/x.c:7: assert'])
    found = []
    for path in lint.files():
        if path.endswith(TEXT) and '/corpus/' not in path and '/vectors/' not in path:
            found += findings(path, lint.read(path))
    tap.clean('nothing is left for later', found)
    tap.end()


if __name__ == '__main__':
    main()
