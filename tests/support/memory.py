# SPDX-License-Identifier: Apache-2.0
"""What a process has in its memory."""
import re

AREA = re.compile(r'([0-9a-f]+)-([0-9a-f]+) (....) .*?(\[v\w+\])?$')  # [vdso] and its like are the kernel's
SHADOW = 1 << 30  # bytes: only a sanitizer has larger areas


def spans(pid):
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
        for line in maps:
            first, last, rights, kernel = AREA.match(line).groups()
            yield int(first, 16), int(last, 16), rights, kernel


def areas(pid, rights):
    """Each area of the process to which it has these rights (`r`, `w`), as bytes. PermissionError: root alone may look."""
    with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for begin, end, has, kernel in spans(pid):
            if kernel or not set(rights) <= set(has) or end - begin > SHADOW:
                continue
            try:
                memory.seek(begin)
                piece = memory.read(end - begin)
            except OSError:  # guard pages of the stack
                continue
            yield piece


def holds(pid, what, rights='r'):
    return any(what in piece for piece in areas(pid, rights))


def resident(pid):
    """Bytes that it has now, and the most it ever had."""
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        rows = dict(line.split(':', 1) for line in file)
    return tuple(int(rows[name].split()[0]) * 1024 for name in ('VmRSS', 'VmHWM'))


def sanitized(pid):
    """Built with a sanitizer: how much memory it has says nothing then."""
    return any(end - begin > SHADOW for begin, end, _, _ in spans(pid))
