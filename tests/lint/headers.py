#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every source file names its licence, in the form machines look for."""
import re

import lint

C_FIRST = '/* SPDX-License-Identifier: Apache-2.0 */'
SCRIPT = re.compile(r'\A(#![^\n]*\n)?# SPDX-License-Identifier: Apache-2\.0\n')


def finding(path, text):
    if path.endswith(('.c', '.h', '.def')):
        return None if text.startswith(C_FIRST + '\n') else f'{path}: the first line is not {C_FIRST}'
    if path.endswith(('.py', '.sh', '.bash')) or text.startswith('#!'):
        return None if SCRIPT.match(text) else f'{path}: no "# SPDX-License-Identifier: Apache-2.0" at the top'
    return None


def main():
    tap = lint.Tap()
    samples = [('a.c', 'int x;\n'), ('b.h', f'{C_FIRST}\n'), ('c', '#!/bin/sh\necho\n'), ('d.md', 'text\n'),
               ('e.py', '# SPDX-License-Identifier: Apache-2.0\n'), ('f.c', '/* SPDX-License-Identifier: MIT */\n')]
    found = [finding(path, text) for path, text in samples]
    tap.refused('files without a licence are refused', [f for f in found if f], ['a.c', 'c:', 'f.c'])
    found = [finding(path, lint.read(path)) for path in lint.files() if '/corpus/' not in path]
    tap.clean('every source file names its licence', [f for f in found if f])
    tap.end()


if __name__ == '__main__':
    main()
