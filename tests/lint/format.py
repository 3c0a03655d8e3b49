#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every .c and .h is formatted as .clang-format says, by clang-format 14: other versions disagree with it in places."""
import shutil
import subprocess

import lint

VERSION = 'version 14.'
AT_ONCE = 40  # files a run


def find_tool():
    for name in ('clang-format-14', 'clang-format'):
        path = shutil.which(name)
        if path and VERSION in subprocess.run([path, '--version'], stdout=subprocess.PIPE, text=True, check=False).stdout:
            return path
    return None


def findings(tool, paths):
    lines = []
    for i in range(0, len(paths), AT_ONCE):
        run = subprocess.run([tool, '--dry-run', '--Werror', '--style=file', *paths[i:i + AT_ONCE]], cwd=lint.root(),
                             stderr=subprocess.PIPE, text=True, check=False)
        lines += [line for line in run.stderr.splitlines() if ': error: ' in line]
    files = [line.split(':')[0] for line in lines]
    return [f'{path}: {files.count(path)} places; clang-format -i {path}' for path in sorted(set(files))]


def main():
    tool = find_tool()
    if not tool:
        lint.skip('clang-format 14 is not installed: formatting was NOT checked (apt-get install clang-format)')
    tap = lint.Tap()
    bad = subprocess.run([tool, '--dry-run', '--Werror', '--style=file', f'--assume-filename={lint.root()}/src/x.c'],
                         input='int  x( void ){return 0 ;}\n', stderr=subprocess.PIPE, text=True, check=False)
    tap.case(bad.returncode != 0, 'a badly formatted file is refused')
    tap.clean('the tree is formatted', findings(tool, lint.sources()))
    tap.end()


if __name__ == '__main__':
    main()
