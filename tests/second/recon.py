# SPDX-License-Identifier: Apache-2.0
"""Reconciliation: one side of comparing one set (PROTOCOL 9.2 to 9.15)."""
import bisect

import wire

SKIP, FINGERPRINT, IDS, WANT = range(4)
LIST_MAX, LIST_OWN, PARTS, ANSWER = 128, 32, 16, 8000
WORD = (1 << 64) - 1
END = None  # the bound at the end of everything; any other is (time, sid)
NOTHING_TO_SAY = b'\0\0'


def fingerprint(elements):
    x = (sum(sid for _, sid in elements) + len(elements) * 0x9e3779b97f4a7c15) & WORD
    x ^= x >> 32
    x = x * 0xd6e8feb86659fd93 & WORD
    return (x ^ x >> 29).to_bytes(8, 'big')


def varint(value):
    out = b''
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def read_varint(reader):
    value = 0
    for i in range(10):
        byte = reader.unpack('>B')
        value |= (byte & 0x7f) << 7 * i
        if byte < 0x80:
            return value
    raise wire.Bad('a number without end')


def prefix(sid, size):
    """The first @size bytes of it, the missing ones zero."""
    return sid >> 8 * (8 - size) << 8 * (8 - size)


class Ranges:
    """What is written: ranges that follow each other, SKIPs joined and left out at the end."""

    def __init__(self):
        self.out, self.time, self.skipped, self.skipped_to = b'', 0, False, END
        self.asks = False  # it holds a FINGERPRINT or IDS

    def bound(self, bound):
        if bound is END:
            return varint(0)
        time, sid = bound
        delta, self.time = time - self.time, time
        size = next(n for n in range(9) if prefix(sid, n) == sid)
        return varint(1 + delta) + bytes([size]) + sid.to_bytes(8, 'big')[:size]

    def skip(self, bound):
        self.skipped, self.skipped_to = True, bound

    def say(self, bound, mode, payload):
        if self.skipped:
            self.out += self.bound(self.skipped_to) + bytes([SKIP])
            self.skipped = False
        self.asks |= mode in (FINGERPRINT, IDS)
        self.out += self.bound(bound) + bytes([mode]) + payload


class Side:
    """One side of a session: a snapshot, and the answers it gives."""

    def __init__(self, elements):
        self.elements = sorted(elements)  # (time, sid)
        self.owed = []                    # sids that the last message showed to be missing over there
        self.over = False

    def at(self, bound):
        return len(self.elements) if bound is END else bisect.bisect_left(self.elements, bound)

    def separator(self, i):
        """A short bound above element i - 1 and not above element i."""
        (before, low), (time, sid) = self.elements[i - 1], self.elements[i]
        if before != time:
            return time, 0
        return time, next(prefix(sid, n) for n in range(9) if prefix(sid, n) > low)

    def differ(self, ranges, first, last, bound):
        """Rule 9.8, where the fingerprints were not equal."""
        count = last - first
        if count <= LIST_OWN:
            sids = b''.join(sid.to_bytes(8, 'big') for _, sid in self.elements[first:last])
            ranges.say(bound, IDS, varint(count) + sids)
            return
        cuts = [first + count * k // PARTS for k in range(PARTS + 1)]
        for low, high in zip(cuts, cuts[1:]):
            end = bound if high == last else self.separator(high)
            ranges.say(end, FINGERPRINT, fingerprint(self.elements[low:high]))

    def open(self):
        ranges = Ranges()
        self.differ(ranges, 0, len(self.elements), END)
        return ranges.out

    def take(self, data):
        """The answer to ranges, or None where none is due; raises wire.Bad."""
        reader, ranges = wire.Reader(data), Ranges()
        self.owed, asked = [], False
        lower, first = (0, 0), 0
        while reader.at < len(data):
            wire.need(lower is not END, 'ranges behind the end')
            bound = self.read_bound(reader, lower)
            last = self.at(bound)
            mode = reader.unpack('>B')
            if len(ranges.out) > ANSWER and mode != WANT:
                ranges.say(END, FINGERPRINT, fingerprint(self.elements[first:]))
                return ranges.out
            asked |= mode in (FINGERPRINT, IDS)
            self.answer(reader, ranges, mode, first, last, bound)
            lower, first = bound, last
        self.over = not ranges.asks
        return (ranges.out or NOTHING_TO_SAY) if asked else None

    @staticmethod
    def read_bound(reader, lower):
        step = read_varint(reader)
        if step == 0:
            return END
        size = reader.unpack('>B')
        wire.need(size <= 8, 'a bound of more than 8 bytes')
        bound = lower[0] + step - 1, int.from_bytes(reader.take(size).ljust(8, b'\0'), 'big')
        wire.need(bound >= lower, 'bounds fall')
        return bound

    def answer(self, reader, ranges, mode, first, last, bound):
        mine = self.elements[first:last]
        if mode == FINGERPRINT:
            if reader.take(8) == fingerprint(mine):
                ranges.skip(bound)
            else:
                self.differ(ranges, first, last, bound)
        elif mode == IDS:
            self.answer_ids(reader, ranges, [sid for _, sid in mine], bound)
        elif mode == WANT:
            count = read_varint(reader)
            wire.need(count == len(mine) and count <= LIST_MAX, 'a want of another list')
            bits = int.from_bytes(reader.take((count + 7) // 8), 'little')
            self.owed += [sid for i, (_, sid) in enumerate(mine) if bits >> i & 1]
            ranges.skip(bound)
        else:
            wire.need(mode == SKIP, 'no such mode')
            ranges.skip(bound)

    def answer_ids(self, reader, ranges, mine, bound):
        count = read_varint(reader)
        wire.need(count <= LIST_MAX, 'too long a list')
        listed = [int.from_bytes(reader.take(8), 'big') for _ in range(count)]
        self.owed += [sid for sid in mine if sid not in listed]
        bits = sum(1 << i for i, sid in enumerate(listed) if sid not in mine)
        if bits:
            ranges.say(bound, WANT, varint(count) + bits.to_bytes((count + 7) // 8, 'little'))
        else:
            ranges.skip(bound)
