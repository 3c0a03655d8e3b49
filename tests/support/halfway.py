# SPDX-License-Identifier: Apache-2.0
"""A clip of Anna's that Ben fetches, and what happens when half of it is over: how much of it goes over the line twice. For homes in
namespaces of their own, each with one device of them (`space`)."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fetch  # noqa: E402
import street  # noqa: E402
from street import check  # noqa: E402

PATIENCE = 60
MEGABYTE = 1000 * 1000
CLIP, CLIP_FULL = 8 * MEGABYTE, 50 * MEGABYTE
AGAIN = 0.05  # of a clip that may go twice
BLOCK = 512   # bytes, of st_blocks


class Halfway:
    """For a street.Play whose open() sets @size, @anna and @ben."""
    under_way = 0  # bytes that may be lost for being under way: of a short clip they are more than that part of it

    @staticmethod
    def sent(home):
        """Bytes that have left that home."""
        with open(f'/proc/{home.process.pid}/net/dev', encoding='ascii') as file:
            return next(int(line.split(':')[1].split()[8]) for line in file if line.split(':')[0].strip() in ('eth0', 'wan'))

    def given(self):
        return os.path.join(self.folder, 'clip.bin')

    def clip(self):
        with open(self.given(), 'wb') as out:
            out.write(os.urandom(self.size))
        return self.anna.one('clip', 'add', self.given(), '--camera', 'front door')['id']

    def part(self, clip):
        """Bytes of it that Ben has. They come in any order, so that how long the file is says nothing."""
        path = os.path.join(self.ben.folder, 'clips', clip)
        return os.stat(path).st_blocks * BLOCK if os.path.exists(path) else 0

    def begun(self):
        """For who wants to look at what it goes by."""

    def fetched(self, disturb=None):
        """Ben fetches a new clip of Anna's, and in the middle of it something happens. Bytes that Anna's home has sent for it."""
        clip, before = self.clip(), self.sent(self.anna)
        began = time.monotonic()
        fetch.begin(self.anna, self.ben, clip)
        self.begun()
        if disturb:
            self.wait(lambda: self.part(clip) > self.size // 3, 'a third of the clip', PATIENCE)
            check(self.part(clip) < self.size, 'the clip came too fast to be disturbed')
            disturb()
            since = time.monotonic()
        self.wait(lambda: self.part(clip) >= self.size, 'the rest of the clip', 5 * PATIENCE)
        took = time.monotonic() - began
        self.compared(clip)
        sent = self.sent(self.anna) - before
        rest = f', {time.monotonic() - since:.1f} s of them after it was disturbed' if disturb else ''
        print(f'# {self.size / MEGABYTE:.0f} MB in {took:.1f} s{rest}; {sent / self.size:.3f} bytes on the line for each', flush=True)
        return sent

    def compared(self, clip):
        out = self.ben.folder + '.clip'
        self.ben.cli('clip', 'get', clip, '-o', out, code=0, seconds=PATIENCE)
        with open(out, 'rb') as got, open(self.given(), 'rb') as given:
            check(got.read() == given.read(), 'other bytes came than were given')

    def hardly_more(self, what, disturb):
        """@self.whole: what an undisturbed clip takes."""
        sent = self.fetched(disturb)
        print(f'# {what}: {(sent - self.whole) / self.size * 100:.1f} % of it went twice', flush=True)
        check(sent - self.whole < max(AGAIN * self.size, self.under_way), f'{what}: {sent} bytes were sent, {self.whole} undisturbed')

    def long(self):
        if not self.full:
            raise street.Skip('takes long: --full')

    @staticmethod
    def anew(space, device, address, via=None):
        """That machine has another address there, as if by its provider or its router."""
        space.ip('address', 'flush', 'dev', device)
        space.port(device, f'{address}/24', via)
