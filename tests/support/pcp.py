# SPDX-License-Identifier: Apache-2.0
"""A router that speaks PCP (RFC 6887) as it should, in its table at least, or as it is told: @twist(request, answer) gives the datagrams that
are sent in the place of the honest one. Nothing is passed on."""
import socket
import struct
import threading
import time

PORT, ANNOUNCED = 5351, 5350
HEAD = struct.Struct('>BBBBI')
SUCCESS, UNSUPP_VERSION, NOT_AUTHORIZED, MALFORMED, NO_RESOURCES, ADDRESS_MISMATCH = 0, 1, 2, 3, 8, 12
MAP = 1
LEASE_MOST = 86400


def mapped(address):
    """As PCP writes it: 16 bytes."""
    return socket.inet_pton(socket.AF_INET6, address if ':' in address else f'::ffff:{address}')


def announcement(epoch):
    return HEAD.pack(2, 0x80, 0, SUCCESS, 0) + struct.pack('>I12x', epoch)


class Pcp:
    def __init__(self, space, address, outside=None, twist=None):
        self.outside, self.twist, self.over = outside, twist, False
        self.began, self.table, self.asked = time.monotonic(), {}, []
        self.socket = space.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.wire = space.index('lan')
        self.socket.bind((address, PORT, 0, self.wire) if ':' in address else (address, PORT))
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def epoch(self):
        return int(time.monotonic() - self.began)

    def restart(self):
        """It forgets, and says nothing."""
        self.began, self.table = time.monotonic(), {}

    def announce(self, epoch=None):
        """Tells everybody on the wire."""
        if self.socket.family == socket.AF_INET6:
            self.socket.sendto(announcement(self.epoch() if epoch is None else epoch), ('ff02::1', ANNOUNCED, 0, self.wire))
            return
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack('=4s4si', bytes(4), bytes(4), self.wire))
        self.socket.sendto(announcement(self.epoch() if epoch is None else epoch), ('224.0.0.1', ANNOUNCED))

    def serve(self):
        while not self.over:
            try:
                asked, who = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            self.asked.append(asked)
            said = self.answer(asked, who)
            for one in self.twist(asked, said) if self.twist else [said]:
                self.socket.sendto(one, who)

    def answer(self, asked, who):
        if len(asked) < 24 or asked[0] != 2:
            return struct.pack('>BBHI', 0, 0x80 | asked[1], UNSUPP_VERSION, self.epoch())  # as NAT-PMP has it
        result, life, more = self.decide(asked, who)
        return HEAD.pack(2, 0x80 | asked[1], 0, result, life) + struct.pack('>I12x', self.epoch()) + more

    def decide(self, asked, who):
        """The result, a lifetime, and what of the operation goes back."""
        life = min(struct.unpack_from('>I', asked, 4)[0], LEASE_MOST)
        if asked[8:24] != mapped(who[0].partition('%')[0]):
            return ADDRESS_MISMATCH, LEASE_MOST, asked[24:]
        if asked[1] != MAP or len(asked) != 60:
            return MALFORMED, LEASE_MOST, asked[24:]
        nonce, inside, hoped = asked[24:36], (who[0], asked[36], asked[40:42]), asked[42:44]
        if self.table.get(inside, nonce) != nonce:
            return NOT_AUTHORIZED, LEASE_MOST, asked[24:]
        if not life:
            self.table.pop(inside, None)
            return SUCCESS, 0, asked[24:]
        self.table[inside] = nonce
        at = mapped(self.outside or who[0].partition('%')[0])
        return SUCCESS, life, asked[24:42] + (hoped if hoped != b'\0\0' else asked[40:42]) + at

    def close(self):
        self.over = True
        self.thread.join()
        self.socket.close()
