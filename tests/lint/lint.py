# SPDX-License-Identifier: Apache-2.0
"""What the lints share: which files there are, and how a finding is reported.

A lint is a TAP program. Its first case shows that it can fail: a bad sample must be refused. Then comes the tree.
"""
import os
import subprocess
import sys

SKIPPED = 77  # the exit code by which meson knows a test that did not run


def root():
    """The source tree: the folder two above this file."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def walk(top):
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(f for f in folders if not f.startswith(('.', 'build')) and f != '__pycache__')
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), top)


def files(top=None):
    """The files under version control; in an unpacked archive, or before the first commit, all there are."""
    top = top or root()
    git = subprocess.run(['git', '-C', top, 'ls-files', '-z', '.'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=False) if os.path.exists(os.path.join(top, '.git')) else None
    tracked = git.stdout.decode().split('\0')[:-1] if git and git.returncode == 0 else []
    tracked = [path for path in tracked if os.path.isfile(os.path.join(top, path))]
    return tracked or list(walk(top))


def sources(top=None, under=('src/', 'include/', 'tests/'), ending=('.c', '.h')):
    return [path for path in files(top) if path.startswith(under) and path.endswith(ending)]


def read(path, top=None):
    with open(os.path.join(top or root(), path), encoding='utf-8', errors='replace') as file:
        return file.read()


def sample(name):
    return os.path.join(root(), 'tests', 'lint', 'samples', name)


class Tap:
    """Prints a case as it is decided; exit code 1 if any failed."""

    def __init__(self):
        self.cases = 0
        self.failed = 0

    def case(self, good, name, findings=()):
        self.cases += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.cases} - {name}")
        for finding in findings:
            print(f'# {finding}')

    def clean(self, name, findings):
        """@findings are what is wrong."""
        self.case(not findings, name, findings)

    def refused(self, name, findings, wanted):
        """The sample must be found to be wrong in just the @wanted ways: parts of the findings, in order."""
        good = len(findings) == len(wanted) and all(want in found for want, found in zip(wanted, findings))
        self.case(good, name, [] if good else [f'wanted {want}' for want in wanted] + [f'found {f}' for f in findings])

    def end(self):
        print(f'1..{self.cases}')
        sys.exit(1 if self.failed else 0)


def skip(why):
    print(why, file=sys.stderr)
    sys.exit(SKIPPED)
