#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""porchlight-ice by itself, two of them on this machine's loopback: a meeting comes about, bytes go both ways and end as they
should; and whatever daemon, neighbour or stranger says, nothing ends but what it is about."""
import os
import select
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import meeting  # noqa: E402
import memory  # noqa: E402
import street  # noqa: E402
from meeting import ALL, ARRIVED, CANDIDATE, END, SERVE, SERVING, UP, WORDS, Helper, bring_together, exchange  # noqa: E402
from street import Skip, check, equal  # noqa: E402

LOOPBACK = ('127.0.0.1',)
MEGABYTE = 1000 * 1000
HOST, SERVER_REFLEXIVE, PEER_REFLEXIVE = 1, 2, 3
CLOSED, NO_WAY, LOST, STRANGER, BROKEN, MANY = 1, 3, 5, 6, 7, 8  # proto/ice.def, parting
MEETINGS_MOST = 32                                               # src/ice/meeting.h
ARRIVED_STEP = 1024                                              # src/ice/meeting.c
SERVE_A_SECOND, SERVE_A_NET = 500, 25                            # src/ice/serve.h
COOKIE = 0x2112a442                                              # RFC 8489, 5
BINDING, USE_CANDIDATE, CONTROLLING = 1, 0x25, 0x802a            # RFC 8445, 16.1


class Ice(street.Play):
    def open(self):
        self.program = os.path.join(self.programs.build, 'porchlight-ice')
        if not os.path.exists(self.program):
            raise Skip('THIS BUILD HAS NO porchlight-ice: ways between homes behind routers are NOT looked at')
        self.helpers = []

    def helper(self):
        self.helpers.append(Helper(self.program, env=self.env))
        return self.helpers[-1]

    def end(self, helper, code=0):
        """It ends by itself when its daemon does, without a word."""
        self.helpers.remove(helper)
        equal(helper.close(), (code, ''), 'its end')

    def pair(self, own=LOOPBACK, **more):
        a, b = self.helper(), self.helper()
        a.meet(calls=True, own=own)
        b.meet(own=own)
        return a, b, *bring_together(a, b, **more)

    def together(self, own=LOOPBACK):
        a, b, at_a, at_b, _ = self.pair(own)
        equal((at_a[0], at_b[0]), (UP, UP), 'what came of it')
        return a, b

    def until(self, helper, number):
        """The next message of that number."""
        while True:
            while helper.unread:
                said, fields, _ = helper.unread.pop(0)
                if said == number:
                    return fields
            check(helper.read(street.PATIENCE), f'porchlight-ice does not say {number}: {helper.said}')

    # -- cases --

    def case_stream(self):
        """two that are told of each other have a stream: bytes come as they went, both ways at once, over IPv4 and IPv6"""
        for own in (LOOPBACK, ('::1',)):
            a, b = self.together(own)
            exchange(a, b, 20 * MEGABYTE)
            arrived = []
            while not arrived or arrived[-1] <= 20 * MEGABYTE - ARRIVED_STEP:
                arrived.append(self.until(a, ARRIVED)[2])
            check(arrived == sorted(arrived) and arrived[-1] <= 20 * MEGABYTE, f'what it says has arrived: {arrived}')
            exchange(b, a, 3 * MEGABYTE)
            for one in (a, b):
                check(memory.sanitized(one.process.pid) or one.memory()[1] < 20 * MEGABYTE, f'memory: {one.memory()}')
            self.end(a)
            self.end(b)

    def case_half(self):
        """one side has said its last: the other hears all of it, then the end, and may go on speaking"""
        a, b = self.together()
        here, there = a.descriptors[0], b.descriptors[0]
        here.sendall(b'first and last')
        here.shutdown(socket.SHUT_WR)
        told = b''
        while more := there.recv(100):
            told += more
        equal(told, b'first and last', 'what came before the end')
        there.sendall(b'and yet')
        equal(here.recv(100), b'and yet', 'the other way')
        there.close()
        b.descriptors.clear()
        equal(here.recv(100), b'', 'its end')
        equal((self.until(a, END)[2], self.until(b, END)[2]), (CLOSED, CLOSED), 'how they parted')

    def case_slow(self):
        """who does not fetch holds up the other side, and costs no more memory than the windows"""
        a, b = self.together()
        here, before = a.descriptors[0], b.memory()[0]
        here.setblocking(False)
        sent = 0
        while select.select([], [here], [], 2)[1]:
            sent += here.send(bytes(65536))
        check(500000 < sent < 8 * MEGABYTE, f'{sent} bytes went off with nobody to fetch them')
        check(b.memory()[0] - before < 2 * MEGABYTE, f'memory: {before}, then {b.memory()}')
        here.settimeout(street.PATIENCE)
        taken = 0
        while taken < sent:
            taken += len(b.descriptors[0].recv(1 << 20))
        exchange(b, a, MEGABYTE)

    def case_killed(self):
        """a helper that is killed costs the other side that stream, and says so; a new one meets again at once"""
        a, b = self.together()
        a.process.kill()
        a.process.wait()
        equal(self.until(b, END)[2], LOST, 'what the other is told')
        equal(b.descriptors[0].recv(10), b'', 'its stream')
        again = self.helper()
        again.meet(2, calls=True, own=LOOPBACK)
        b.meet(2, own=LOOPBACK)
        again.said.clear()
        b.descriptors.clear()
        at_a, at_b, _ = bring_together(again, b)
        equal((at_a[0], at_b[0]), (UP, UP), 'the next meeting')
        exchange(again, b, MEGABYTE)

    def case_stranger(self):
        """one who has not the certificate that was promised gets no byte"""
        for lied_to in ('a', 'b'):
            def lie(side, number, fields, lied_to=lied_to):
                if number != WORDS or (side is b) != (lied_to == 'a'):
                    return True
                other = a if side is b else b
                other.say(WORDS, {**fields, 4: bytes(32)})
                return False
            a, b = self.helper(), self.helper()
            a.meet(calls=True, own=LOOPBACK)
            b.meet(own=LOOPBACK)
            at_a, at_b, _ = bring_together(a, b, pass_on=lie)
            misled, other = (at_a, at_b) if lied_to == 'a' else (at_b, at_a)
            equal(misled, (END, {1: 1, 2: STRANGER}), f'at {lied_to}')
            check(other[0] == END or self.until(a if lied_to == 'b' else b, END), 'the other side was not told')

    def case_hostile(self):
        """candidates that lead to nobody, to groups, to this machine or past all bounds are passed over; the meeting comes about"""
        a, b = self.helper(), self.helper()
        told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        told.bind(('127.0.0.1', 0))
        a.meet(calls=True, own=LOOPBACK)
        b.meet()  # offers what there is, and nothing of loopback
        words = self.until(a, WORDS)
        rows = [('0.0.0.0', 7), ('224.0.0.1', 7), ('255.255.255.255', 7), ('127.0.0.1', told.getsockname()[1]), ('::', 7), ('::1', 7),
                ('fe80::1', 7), ('ff02::1', 7), ('::ffff:127.0.0.1', 7), ('::127.0.0.1', 7)]
        b.say(WORDS, words)
        for kind in (HOST, SERVER_REFLEXIVE, PEER_REFLEXIVE, 9, 31):
            for text, port in rows:
                b.say(CANDIDATE, {1: 1, 2: kind, 3: 'x', 4: 1, 5: [meeting.place(text, port)]})
        b.say(CANDIDATE, {1: 1, 2: HOST, 3: 'x', 4: 1, 5: [meeting.place('192.0.2.1')]})  # no port
        b.say(CANDIDATE, {1: 1, 2: HOST, 3: 'a b', 4: 1, 5: [meeting.place('192.0.2.1', 7)]})
        b.say(CANDIDATE, {1: 77, 2: HOST, 3: 'x', 4: 1, 5: [meeting.place('192.0.2.1', 7)]})  # of no meeting
        b.say(ALL, {1: 1})
        b.meet(2, own=LOOPBACK)  # it lives, and does what it is told
        while self.until(b, WORDS)[1] != 2:
            pass
        check(not select.select([told], [], [], 0.5)[0], 'a packet went where a neighbour pointed')
        told.close()

    def case_first(self):
        """who calls takes the first way that works: already its first check names the pair, which saves a round trip"""
        a = self.helper()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(('127.0.0.1', 0))
            other.settimeout(street.PATIENCE)
            a.meet(calls=True, own=LOOPBACK)
            self.until(a, WORDS)
            a.say(WORDS, {1: 1, 2: 'abcd', 3: 'p' * 22, 4: bytes(32)})
            a.say(CANDIDATE, {1: 1, 2: HOST, 3: 'x', 4: 1, 5: [meeting.place(*other.getsockname())]})
            first = other.recv(600)
        kind, n, cookie = struct.unpack('>HHI', first[:8])
        equal((kind, n, cookie), (BINDING, len(first) - 20, COOKIE), 'its first check')
        said, at = set(), 20
        while at < len(first):
            number, n = struct.unpack('>HH', first[at:at + 4])
            said.add(number)
            at += 4 + (n + 3) // 4 * 4
        check({CONTROLLING, USE_CANDIDATE} <= said, f'its first check says {said}')

    def case_many(self):
        """there are only so many meetings at once, and each that ends makes room"""
        a = self.helper()
        for number in range(1, MEETINGS_MOST + 2):
            a.meet(number, own=LOOPBACK)
        equal(self.until(a, END), {1: MEETINGS_MOST + 1, 2: MANY}, 'the one too many')
        a.meet(3, own=LOOPBACK)  # is there already
        a.say(END, {1: 3})
        equal(self.until(a, END), {1: 3, 2: CLOSED}, 'one that the daemon ends')
        a.meet(40, own=LOOPBACK)
        while self.until(a, WORDS)[1] != 40:
            pass

    def case_daemon(self):
        """what a daemon never says ends the helper with a line; so does the daemon's own end, without one"""
        for bytes_, why in ((b'\0\0\0\0', 'an empty frame'), (b'\xff' * 8, 'a frame too long'), (b'\0\0\0\3\x01\x80\xc0', 'bytes behind a map'),
                            (meeting.frame(99, {}), 'a number nobody knows'), (meeting.frame(1, {1: 1}), 'half a MEET')):
            helper = self.helper()
            helper.here.sendall(bytes_)
            equal(helper.process.wait(street.PATIENCE), 1, f'its end at {why}')
            self.helpers.remove(helper)
            code, said = helper.close()
            check(code == 1 and 'porchlight-ice: ' in said and 'one version' in said, f'{why}: {said}')
        helper = self.helper()
        try:
            for _ in range(2000):  # any message with any of four numbers; most lack what they should have
                number = self.rng.randrange(1, 9)
                helper.say(number, {1: self.rng.randrange(1, 5)} | ({2: 1, 3: 'x', 4: 1} if self.rng.random() < 0.02 else {}))
        except OSError:  # it has ended, as it should at the first that is none
            pass
        self.helpers.remove(helper)
        code, said = helper.close()
        check(code in (0, 1) and 'Sanitizer' not in said, f'it crashed: {code}, {said}')
        for words in (('--help',), ('--version',), ('--more',), ()):
            done = subprocess.run([self.program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            equal(done.returncode, 0 if words in (('--help',), ('--version',)) else 2, f'with {words}')

    # -- a doorstep --

    def free_port(self):
        """One that no UDP socket has, of either family. Below those that the kernel gives out, of which other tests' helpers take many."""
        while True:
            port = self.rng.randrange(10000, 32768)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
                six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                try:
                    four.bind(('0.0.0.0', port))
                    six.bind(('::', port))
                    return port
                except OSError:
                    continue

    def ask(self, port, family, question):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.settimeout(street.PATIENCE)
        s.connect(('127.0.0.1' if family == socket.AF_INET else '::1', port))
        s.send(question)
        return s

    def case_doorstep(self):
        """it tells who asks how they are seen, in the new form and in the old one, over IPv4 and IPv6"""
        helper = self.helper()
        port = self.free_port()
        helper.say(SERVE, {1: port})
        equal(self.until(helper, SERVING), {1: port}, 'SERVING')
        transaction = self.rng.randbytes(12)
        for family in (socket.AF_INET, socket.AF_INET6):
            with self.ask(port, family, struct.pack('>HHI', 1, 0, COOKIE) + transaction) as s:
                said, mine = s.recv(600), s.getsockname()
            equal((said[:2], said[4:20]), (b'\1\1', struct.pack('>I', COOKIE) + transaction), 'a success of RFC 8489')
            kind, n, number, seen = struct.unpack('>HHHH', said[20:28])
            equal((kind, number, seen ^ COOKIE >> 16), (0x20, family == socket.AF_INET6 and 2 or 1, mine[1]), 'XOR-MAPPED-ADDRESS')
            mask = struct.pack('>I', COOKIE) + transaction
            equal(bytes(x ^ y for x, y in zip(said[28:28 + n - 4], mask)), socket.inet_pton(family, mine[0]), 'the address')
        with self.ask(port, socket.AF_INET, struct.pack('>HH', 1, 0) + self.rng.randbytes(16)) as s:
            said, mine = s.recv(600), s.getsockname()
        equal((said[:2], struct.unpack('>HHHH', said[20:28])), (b'\1\1', (1, 8, 1, mine[1])), 'MAPPED-ADDRESS of RFC 3489')
        helper.say(SERVE, {1: 0})
        equal(self.until(helper, SERVING), {1: 0}, 'no longer')
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        taken6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind(('0.0.0.0', port))
        taken6.bind(('::', port))
        helper.say(SERVE, {1: port})
        equal(self.until(helper, SERVING), {1: port, 2: 98}, 'a port that is taken')
        taken.close()
        taken6.close()

    def case_flood(self):
        """a flood of questions is answered up to a bound, garbage not at all; and a meeting comes about beside it"""
        helper = self.helper()
        port = self.free_port()
        helper.say(SERVE, {1: port})
        self.until(helper, SERVING)
        with self.ask(port, socket.AF_INET, b'') as s:
            for _ in range(20 * SERVE_A_SECOND):
                s.send(struct.pack('>HHI', 1, 0, COOKIE) + self.rng.randbytes(12))
                s.send(self.rng.randbytes(self.rng.randrange(1, 1200)))
            other = self.helper()
            helper.meet(calls=True, own=LOOPBACK)
            other.meet(own=LOOPBACK)
            at_a, at_b, took = bring_together(helper, other)
            equal((at_a[0], at_b[0]), (UP, UP), 'a meeting beside the flood')
            exchange(helper, other, MEGABYTE)
            answers = 0
            while select.select([s], [], [], 0.2)[0]:
                answers += s.recv(600)[:2] == b'\1\1'
        check(0 < answers <= SERVE_A_NET * (took + 30), f'{answers} answers')

    def close(self):
        for helper in list(self.helpers):
            helper.close()
        self.helpers.clear()
        super().close()


if __name__ == '__main__':
    street.main(Ice)
