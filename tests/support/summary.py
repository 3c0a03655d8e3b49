#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What meson knows about the tests, in the form tests/run needs.

summary.py report TESTLOG.json   counts cases, shows the logs of what failed, and why a thing was skipped; exit 1 if any failed
summary.py suites BUILD          the names of the suites, one a line
summary.py fuzzers BUILD         the fuzz targets' programs, one a line
"""
import json
import re
import subprocess
import sys

LOG_LINES = 300  # of a failing test that are shown; its whole log is in meson-logs
TAP_LINE = re.compile(r'^(not )?ok\b\s*\d*\s*(?:- )?(.*?)(?:\s*#\s*(skip|todo)\b\s*(.*))?$', re.IGNORECASE)
TAP_PLAN = re.compile(r'^1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?', re.IGNORECASE)


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.reasons = []  # (test, why) of each skip

    def skip(self, name, why):
        self.skipped += 1
        self.reasons.append((name, why or 'no reason given'))


def last_line(test):
    """A test that skips itself says why in its last line."""
    for stream in ('stderr', 'stdout'):
        lines = [line for line in test.get(stream, '').splitlines() if line.strip()]
        if lines:
            return lines[-1].strip()
    return ''


def count_tap(test, count):
    """Counts the cases of a TAP log. False: there are none."""
    cases = failed = 0
    planned = None
    for line in test.get('stdout', '').splitlines():
        plan = TAP_PLAN.match(line)
        if plan:
            planned = int(plan.group(1))
            if planned == 0:
                count.skip(test['name'], plan.group(2))
                return True
        case = TAP_LINE.match(line)
        if not case:
            continue
        cases += 1
        bad, name, directive, why = case.groups()
        if directive and directive.lower() == 'skip':
            count.skip(f"{test['name']}: {name}", why)
        elif bad and not directive:
            failed += 1
        else:
            count.passed += 1
    if planned is None or cases == 0:
        return False
    # A crash or a timeout is a failure of its own, also where every case before it passed.
    if test['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL') and failed == 0:
        failed = max(1, planned - cases)
    count.failed += failed
    return True


def count_test(test, count):
    if test['result'] == 'SKIP' and test.get('returncode') == 77:
        count.skip(test['name'], last_line(test))
    elif count_tap(test, count):
        pass
    elif test['result'] in ('OK', 'EXPECTEDFAIL'):
        count.passed += 1
    elif test['result'] == 'SKIP':
        count.skip(test['name'], last_line(test))
    else:
        count.failed += 1


def show_log(test):
    print(f"\n==== {test['name']}: {test['result']}, exit code {test.get('returncode')}", file=sys.stderr)
    print(' '.join(test.get('command', [])), file=sys.stderr)
    for stream in ('stdout', 'stderr'):
        lines = test.get(stream, '').splitlines()
        if len(lines) > LOG_LINES:
            print(f'---- {stream}, the last {LOG_LINES} of {len(lines)} lines', file=sys.stderr)
        elif lines:
            print(f'---- {stream}', file=sys.stderr)
        for line in lines[-LOG_LINES:]:
            print(line, file=sys.stderr)


def report(path):
    count = Count()
    with open(path, encoding='utf-8', errors='replace') as log:
        tests = [json.loads(line) for line in log if line.strip()]
    for test in tests:
        before = count.failed
        count_test(test, count)
        if count.failed > before:
            show_log(test)
    for name, why in count.reasons:
        print(f'SKIPPED {name}: {why}', file=sys.stderr)
    sys.stderr.flush()
    print(f'{count.passed} passed, {count.failed} failed, {count.skipped} skipped', flush=True)
    return 1 if count.failed else 0


def introspect(build, what):
    out = subprocess.run(['meson', 'introspect', what, build], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)


def suites(build):
    names = {suite.split(':')[-1] for test in introspect(build, '--tests') for suite in test['suite']}
    print('\n'.join(sorted(names)))
    return 0


def fuzzers(build):
    for target in introspect(build, '--targets'):
        if target['type'] == 'executable' and target['name'].startswith('fuzz-'):
            print(target['filename'][0])
    return 0


def main(argv):
    actions = {'report': report, 'suites': suites, 'fuzzers': fuzzers}
    if len(argv) != 3 or argv[1] not in actions:
        print(__doc__, file=sys.stderr)
        return 2
    return actions[argv[1]](argv[2])


if __name__ == '__main__':
    sys.exit(main(sys.argv))
