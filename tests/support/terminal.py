# SPDX-License-Identifier: Apache-2.0
"""A command on a pseudo-terminal, as a person sees it: wait for what it asks, then type.

What is typed before the question is thrown away by the program, so a test waits for the question first."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

SECONDS = 30.0
ROWS, COLUMNS = 24, 80
AT_ONCE = 4096
ESCAPES = re.compile(r'\x1b\[[0-9;]*[A-Za-z]')


def columns(line):
    """How wide a terminal shows it."""
    wide = sum(1 + (unicodedata.east_asian_width(c) in 'WF') for c in line if not unicodedata.combining(c))
    return wide


class Terminal:
    def __init__(self, argv, env):
        self.raw, self.seen, self.code = '', 0, None
        self.left = b''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGINT, signal.SIG_DFL)  # a run in the background has it ignored, and would pass that on
                os.execve(argv[0], argv, dict(env, TERM='xterm'))
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))

    def read(self, seconds):
        """False: its end."""
        ready, _, _ = select.select([self.fd], [], [], max(0.0, seconds))
        if not ready:
            raise TimeoutError(f'waited in vain; on the terminal stands:\n{self.raw}')
        try:
            got = os.read(self.fd, AT_ONCE)
        except OSError:  # the other side has closed it
            got = b''
        self.left += got
        whole = self.left
        while whole and not self.valid(whole):
            whole = whole[:-1]
        self.raw, self.left = self.raw + whole.decode(), self.left[len(whole):]
        return bool(got)

    @staticmethod
    def valid(data):
        try:
            data.decode()
        except UnicodeDecodeError:
            return False
        return True

    def until(self, pattern, seconds=SECONDS):
        """Waits for what was not there before."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.raw[self.seen:])
            if found:
                self.seen += found.end()
                return self
            if not self.read(end - time.monotonic()):
                raise EOFError(f'it has ended without {pattern!r}; on the terminal stands:\n{self.raw}')

    def type(self, text):
        os.write(self.fd, text.encode())
        return self

    def end(self, seconds=SECONDS):
        """Waits for its end: the exit code, negative for a signal."""
        end = time.monotonic() + seconds
        while self.read(end - time.monotonic()):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.code = os.waitstatus_to_exitcode(status)
        return self

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def text(self):
        """Without colours and carriage returns."""
        return ESCAPES.sub('', self.raw).replace('\r\n', '\n')

    def lines(self):
        return self.text().splitlines()
