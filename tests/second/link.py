# SPDX-License-Identifier: Apache-2.0
"""A link: the handshake, the frames, the queues (PROTOCOL 8.1 to 8.14). What the messages mean is node.py's."""
import asyncio
import collections
import struct
import time

import crypto
import noise
import wire

BODY_SMALL, BODY_MIDDLE = 94, 990
BODIES = (BODY_SMALL, BODY_MIDDLE, *range(2014, 16351, 1024))
TAG = 16
QUEUES = 6
BULK = 4                    # classes from here on wait for frames of their own
BUFFERED = 2048             # asyncio stops reading at twice that (rule 8.4)
GREETING, SILENT, ASK, ASK_SPEAKING = 10.0, 150.0, 60.0, 90.0  # seconds
ANSWER, ANSWER_OF_KEYS = 10.0, 2.0         # seconds for message 2, the second where there are several keys
NAMES = 256
BYE_SECONDS = 2.0  # for BYE to go out
REASON = {spelling: number for number, spelling in wire.TABLES.enums['reason'].items()}


class HangUp(Exception):
    """Ends the link, with a reason of the table."""


class Link:
    def __init__(self, node, reader, writer, initiator, keys):
        self.node, self.reader, self.writer, self.initiator, self.keys = node, reader, writer, initiator, keys
        self.queues = [collections.deque() for _ in range(QUEUES)]
        self.wake = asyncio.Event()
        self.out = self.into = self.salt = self.static = None
        self.hello = self.device = self.session = None  # the other side's greeting, its device, the running session
        self.greeted = self.up = self.visit = self.closing = self.sent_first = False
        self.got = collections.Counter()  # messages, by name
        self.reason = self.bye = None     # why it ended: what this side said, and the other
        self.eager, self.ops_equal, self.again = True, False, 0  # rules 10.3, 10.2, 10.6
        self.until, self.to_compare, self.compared, self.announced = 0, [], set(), []
        self.theirs = collections.deque(maxlen=NAMES)  # sids of what the other side has (rule 10.11)
        self.differed = None  # sets that were not equal when it came up
        self.began = self.heard = self.spoke = self.asked = time.monotonic()
        self.peer = writer.get_extra_info('peername')

    # -- the handshake --

    async def handshake(self):
        prologue = b'porchlight/1 link\0' + self.node.mesh
        if self.initiator:
            hand = noise.Handshake(True, self.keys[0], prologue, self.node.keys.noise)
            self.writer.write(hand.write())
            limit = ANSWER if len(self.keys) == 1 else ANSWER_OF_KEYS
            hand.read(await asyncio.wait_for(self.reader.readexactly(noise.MESSAGE), limit))
            self.writer.write(hand.write())
        else:
            hand = self.opened(prologue, await self.reader.readexactly(noise.MESSAGE))
            self.writer.write(hand.write())
            hand.read(await self.reader.readexactly(noise.MESSAGE))
        self.out, self.into = hand.split()
        self.salt, self.static = hand.salt(), hand.their_static

    def opened(self, prologue, message):
        """With whichever of the link keys message 1 opens under."""
        for key in self.keys:
            hand = noise.Handshake(False, key, prologue, self.node.keys.noise)
            try:
                hand.read(message)
                return hand
            except crypto.Wrong:
                pass
        raise crypto.Wrong('no link key opens it')

    # -- the life of it --

    async def run(self):
        sender = None
        try:
            await asyncio.wait_for(self.handshake(), GREETING)
            sender = asyncio.create_task(self.send_all())
            self.node.shaken(self)
            while True:
                for name, message, raw in wire.messages(await self.frame()):
                    self.node.take(self, name, message, raw)
        except HangUp as why:
            self.finish(why.args[0])
        except wire.Bad:
            self.finish('bad-frame')
        except crypto.Wrong:
            self.finish('bad-signature')
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            self.finish(None)
        if sender:
            await sender
        self.node.closed(self)

    def finish(self, reason):
        """Closes the link when what waits has gone out; with a reason, and on a link that is up, that is BYE alone."""
        self.reason = self.reason or reason
        if reason and self.up:
            for queue in self.queues:
                queue.clear()
            self.send('BYE', {'reason': REASON[reason]})
        self.closing = True
        self.wake.set()
        if not self.out:
            self.writer.close()
        asyncio.get_running_loop().call_later(BYE_SECONDS, self.writer.transport.abort)

    def check_time(self):
        """Once a second: rule 8.23. The reason to close it, or None."""
        now = time.monotonic()
        since = self.heard if self.node.joining() and self.initiator else self.began
        if not self.up:
            return 'silent' if now - since > GREETING else None
        if now - self.heard > (ASK if now - self.spoke > ASK else ASK_SPEAKING) and now - self.asked > ASK:
            self.asked = now
            self.send('PING', {})
        return 'silent' if now - self.heard > SILENT else 'rekeyed' if now - self.began > 86400 else None

    # -- frames --

    async def read(self, size):
        sealed = await self.reader.readexactly(size + TAG)
        self.heard = time.monotonic()
        return self.into.open(sealed)

    async def frame(self):
        try:
            size = struct.unpack('>H', await self.read(2))[0]
            if size not in BODIES:
                raise wire.Bad('no such length')
            return await self.read(size)
        except crypto.Wrong:
            raise wire.Bad('a frame that does not open') from None

    def sealed(self, body):
        size = next(size for size in BODIES if size >= len(body))
        return self.out.seal(struct.pack('>H', size)) + self.out.seal(body.ljust(size, b'\0'))

    def send(self, name, message, queue=None):
        """Puts a message into its queue: a dict, or the bytes of one."""
        raw = message if isinstance(message, bytes) else wire.encode(wire.TABLES.numbers[wire.NUMBER[name]][1], message)
        self.queues[wire.TABLES.classes[name] if queue is None else queue].append(wire.pack_message(name, raw))
        self.wake.set()

    def next_body(self):
        """What goes into the next frame: HELLO alone, then from the highest class on (rules 8.13 and 8.14)."""
        if not self.sent_first:
            self.sent_first = True
            return self.queues[0].popleft()
        urgent, body = any(self.queues[:BULK]), b''
        room = BODY_MIDDLE if urgent else BODIES[-1]
        for queue in self.queues:
            while queue and (len(body) + len(queue[0]) <= room or not body):
                body += queue.popleft()
            if queue:
                break
        return body

    async def send_all(self):
        try:
            while any(self.queues) or not self.closing:
                if not any(self.queues):
                    self.wake.clear()
                    await self.wake.wait()
                    continue
                self.writer.write(self.sealed(self.next_body()))
                self.spoke = time.monotonic()
                await self.writer.drain()
        except OSError:
            pass
        self.writer.close()

    def urgent_waiting(self):
        return sum(len(message) for message in self.queues[1])
