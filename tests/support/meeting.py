# SPDX-License-Identifier: Apache-2.0
"""porchlight-ice as its daemon has it: a socketpair, frames, and a stream for each meeting, one end of which it is given. What one side's helper says to
the other home is handed to the other one as it stands, which is what a mesh does with it under seal."""
import os
import select
import socket
import struct
import subprocess
import time

import memory
from fake_daemon import frame, pack

MEET, WORDS, CANDIDATE, ALL, UP, END, SERVE, SERVING, ARRIVED = range(1, 10)
PATIENCE = 60
HEAD = struct.Struct('>I')


def place(text, port=None):
    family = socket.AF_INET6 if ':' in text else socket.AF_INET
    return {1: socket.inet_pton(family, text)} | ({2: port} if port else {})


def unpack(b, at=0):
    """The part of msgpack that the tables use. Returns the value and where it ends."""
    kind = b[at]
    if kind < 0x80:
        return kind, at + 1
    if kind in (0xcc, 0xcd, 0xce, 0xcf):
        n = 1 << (kind - 0xcc)
        return int.from_bytes(b[at + 1:at + 1 + n], 'big'), at + 1 + n
    if kind in (0xc2, 0xc3):
        return kind == 0xc3, at + 1
    if kind in (0xc4, 0xd9):
        n = b[at + 1]
        v = b[at + 2:at + 2 + n]
        return (v if kind == 0xc4 else v.decode()), at + 2 + n
    if kind & 0xe0 == 0xa0:
        n = kind & 0x1f
        return b[at + 1:at + 1 + n].decode(), at + 1 + n
    at += 1
    if kind & 0xf0 == 0x90:
        made = []
        for _ in range(kind & 0x0f):
            v, at = unpack(b, at)
            made.append(v)
        return made, at
    made = {}
    for _ in range(kind & 0x0f):
        k, at = unpack(b, at)
        made[k], at = unpack(b, at)
    return made, at


class Helper:
    """One porchlight-ice. @prefix: as in ('ip', 'netns', 'exec', NAME)."""

    def __init__(self, program, env=None, prefix=()):
        self.here, there = socket.socketpair()
        number = there.fileno()
        move = f' 3<&{number} {number}<&-' if number != 3 else ''
        self.process = subprocess.Popen([*prefix, 'bash', '-c', f'exec "$0"{move}', program], pass_fds=(number,), env=env,
                                        stderr=subprocess.PIPE)
        there.close()
        self.got, self.descriptors, self.said, self.unread, self.streams = b'', [], [], [], {}

    def say(self, number, fields):
        self.here.sendall(frame(number, fields))

    def awake(self):
        """It has started: what is measured from here on is not the loading of its libraries."""
        self.say(SERVE, {1: 0})
        while not any(number == SERVING for number, _, _ in self.said):
            if not self.read(PATIENCE):
                raise TimeoutError('porchlight-ice does not start')
        self.unread.clear()
        return self

    def meet(self, meeting=1, calls=False, own=(), doorstep=None):
        fields = {1: 1, 2: meeting}
        if calls:
            fields[3] = True
        if doorstep:
            fields[4] = [place(*doorstep)]
        if own:
            fields[5] = [place(one) for one in own]
        self.streams[meeting], there = socket.socketpair()
        there.setblocking(False)
        socket.send_fds(self.here, [frame(MEET, fields)], [there.fileno()])
        there.close()

    def read(self, seconds=0.0):
        """Frames that have come, as (number, fields, raw)."""
        if not select.select([self.here], [], [], seconds)[0]:
            return []
        more = self.here.recv(65536)
        if not more:
            raise EOFError('porchlight-ice has closed its socket')
        self.got += more
        frames = []
        while len(self.got) >= 4 and len(self.got) >= 4 + HEAD.unpack_from(self.got)[0]:
            n = 4 + HEAD.unpack_from(self.got)[0]
            raw, self.got = self.got[:n], self.got[n:]
            number, at = unpack(raw, 4)
            frames.append((number, unpack(raw, at)[0], raw))
            if number == UP:
                self.descriptors.append(self.streams.pop(frames[-1][1][1]))
                self.descriptors[-1].settimeout(PATIENCE)
        self.said += frames
        self.unread += frames
        return frames

    def memory(self):
        return memory.resident(self.process.pid)

    def close(self):
        for one in (*self.descriptors, *self.streams.values()):
            one.close()
        self.here.close()
        code = self.process.wait(PATIENCE)
        told = self.process.stderr.read().decode()
        self.process.stderr.close()
        return code, told


def bring_together(a, b, seconds=PATIENCE, pass_on=lambda side, number, fields: True):
    """Hands on what both say, until both are up or one has parted. Returns the UP of each or its END's reason, and how long it took
    from the first word to the last UP."""
    sides, ended = (a, b), {}
    began = time.monotonic()
    while len(ended) < 2:
        left = began + seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError(f'two homes did not come together: {[[row[:2] for row in side.said] for side in sides]}')
        ready = select.select([a.here, b.here], [], [], left)[0]
        for side, other in (sides, sides[::-1]):
            if side.here not in ready:
                continue
            for number, fields, raw in side.read():
                if side in ended:
                    continue  # stays unread
                side.unread.pop(0)
                if number in (UP, END):
                    ended[side] = (number, fields)
                elif pass_on(side, number, fields):
                    other.here.sendall(raw)
    return ended[a], ended[b], time.monotonic() - began


def why_over(*helpers):
    """The END rows that these have said, or say within a second: why a stream is no more."""
    for helper in helpers:
        try:
            while helper.read(1.0):
                pass
        except EOFError:
            pass
    return [[fields for number, fields, _ in helper.said if number == END] for helper in helpers]


def exchange(a, b, size):
    """@size bytes from a to b, and some back. Returns how long it took."""
    sender, taker = a.descriptors[0], b.descriptors[0]
    sender.setblocking(False)
    taker.setblocking(False)
    block = os.urandom(65536)
    sent = taken = 0
    wrong = False
    began = time.monotonic()
    while taken < size:
        readable, writable, _ = select.select([taker], [sender] if sent < size else [], [], PATIENCE)
        if not readable and not writable:
            raise TimeoutError(f'{taken} of {size} bytes came')
        if writable:
            at = sent % len(block)
            try:
                sent += sender.send(block[at:at + min(len(block) - at, size - sent)])
            except ConnectionError as error:
                raise EOFError(f'the stream ended after {taken} of {size} bytes; ENDs of both: {why_over(a, b)}') from error
        if readable:
            more = taker.recv(1 << 20)
            if not more:
                raise EOFError(f'the stream ended after {taken} of {size} bytes; ENDs of both: {why_over(a, b)}')
            at = taken % len(block)
            wrong |= (block + block * (len(more) // len(block) + 1))[at:at + len(more)] != more
            taken += len(more)
    for one in (sender, taker):
        one.settimeout(PATIENCE)
    if wrong:
        raise ValueError('other bytes came than were sent')
    return time.monotonic() - began

