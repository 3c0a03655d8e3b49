# SPDX-License-Identifier: Apache-2.0
"""What tcpdump has written into a file, as the streams and datagrams it was; and what in them could be known again."""
import array
import collections
import socket
import struct

from street import check

ETHERNET_LINK, ETHERNET = 1, 14
SYN = 0x02
WORD = 8  # bytes: of 2,000,000 such words of noise two are equal once in 10^7 captures


class Stream:
    """One direction of a TCP connection."""

    def __init__(self, source):
        self.source = source  # Ethernet address
        self.first, self.pieces, self.sizes = None, {}, []

    def add(self, sequence, flags, payload):
        if flags & SYN:
            self.first = (sequence + 1) & 0xffffffff
        if payload and len(payload) > len(self.pieces.get(sequence, b'')):
            if sequence not in self.pieces:
                self.sizes.append(len(payload))
            self.pieces[sequence] = payload

    def bytes(self):
        """In their order; what was sent twice is there once."""
        out = bytearray()
        start = self.first if self.first is not None else min(self.pieces, default=0)
        for at, payload in sorted(((sequence - start) & 0xffffffff, payload) for sequence, payload in self.pieces.items()):
            out += payload[max(0, len(out) - at):]
        return bytes(out)


def timed(path):
    """(seconds, Ethernet source, Ethernet target, protocol, both IP addresses, what IP carries) of each IP packet; none has extensions."""
    with open(path, 'rb') as file:
        order = {b'\xd4\xc3\xb2\xa1': '<', b'\xa1\xb2\xc3\xd4': '>'}[file.read(4)]
        link = struct.unpack(order + 'HHiIII', file.read(20))[5]
        check(link == ETHERNET_LINK, f'the capture is of link type {link}, not Ethernet')
        while len(header := file.read(16)) == 16:
            second, part, size, _ = struct.unpack(order + 'IIII', header)
            frame = file.read(size)
            if len(frame) < size:  # tcpdump is still writing it
                return
            packet, when = frame[ETHERNET:], second + part / 1e6
            if frame[12:14] == b'\x08\x00':
                begin, end = (packet[0] & 15) * 4, struct.unpack('!H', packet[2:4])[0]
                yield when, frame[6:12], frame[:6], packet[9], packet[12:20], packet[begin:end]
            elif frame[12:14] == b'\x86\xdd':
                yield when, frame[6:12], frame[:6], packet[6], packet[8:40], packet[40:40 + struct.unpack('!H', packet[4:6])[0]]


def packets(path):
    """The same without the time."""
    for _, *packet in timed(path):
        yield packet


def streams(path):
    """(source port, target port, number of the connection) -> Stream, in the order of their beginnings."""
    found, latest = {}, {}
    for source, _, protocol, addresses, tcp in packets(path):
        if protocol != socket.IPPROTO_TCP or len(tcp) < 20:
            continue
        port, target, sequence = struct.unpack('!HHI', tcp[:8])
        key, flags = (addresses, port, target), tcp[13]
        if flags & SYN and (key not in latest or found[latest[key]].pieces):
            latest[key] = (port, target, len(found))
            found[latest[key]] = Stream(source)
        if key in latest:
            found[latest[key]].add(sequence, flags, tcp[(tcp[12] >> 4) * 4:])
    return found


def datagrams(path, port):
    """(Ethernet source, payload) of each UDP datagram to this port."""
    for source, _, protocol, _, udp in packets(path):
        if protocol == socket.IPPROTO_UDP and len(udp) > 8 and struct.unpack('!H', udp[2:4])[0] == port:
            yield source, udp[8:]


def seen_twice(pieces):
    """Words that stand more than once in these, at any places: a name, a number, a key by which a home can be known again."""
    words = array.array('Q')
    for piece in pieces:
        for at in range(min(WORD, len(piece))):
            words.frombytes(piece[at:at + (len(piece) - at) // WORD * WORD])
    if len(words) == len(set(words)):
        return []
    return [word.to_bytes(WORD, 'little').hex() for word, count in collections.Counter(words).items() if count > 1]
