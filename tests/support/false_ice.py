# SPDX-License-Identifier: Apache-2.0
"""In the place of porchlight-ice, what somebody would do who has taken it over: false_ice.py FILE, in which the words of what to do stand."""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_daemon import frame  # noqa: E402
from meeting import ALL, ARRIVED, CANDIDATE, END, HEAD, MEET, SERVE, SERVING, UP, WORDS, place, unpack  # noqa: E402

MANY, HUGE = 16, (1 << 64) - 1
FIRST_PORT = 2000
HOST = 1
PIECE = 65536


class Helper:
    def __init__(self, what, *more):
        self.daemon = socket.socket(fileno=3)
        self.what, self.more, self.got, self.streams = what, more, b'', {}

    def say(self, number, fields):
        self.daemon.sendall(frame(number, fields))

    def hear(self):
        """Each message of the daemon's, as (number, fields)."""
        while True:
            more, files, _, _ = socket.recv_fds(self.daemon, PIECE, 8)
            if not more:
                return
            self.got += more
            while len(self.got) >= 4 and len(self.got) >= 4 + HEAD.unpack_from(self.got)[0]:
                n = 4 + HEAD.unpack_from(self.got)[0]
                number, at = unpack(self.got, 4)
                fields = unpack(self.got, at)[0]
                self.got = self.got[n:]
                if number == MEET:
                    self.streams[fields[2]] = socket.socket(fileno=files[-1])
                yield number, fields

    def words(self, meeting):
        self.say(WORDS, {1: meeting, 2: 'abcd', 3: 'abcdefghijklmnopqrstuv', 4: bytes(32)})

    def up(self, meeting):
        self.say(UP, {1: meeting, 2: HOST, 3: HOST, 4: [place('203.0.113.77', FIRST_PORT)]})

    def told_to_meet(self, meeting):
        what = self.what
        if what == 'addresses':  # all of somebody else, or of nobody
            self.words(meeting)
            for i in range(MANY):
                address = self.more[i % len(self.more)]
                self.say(CANDIDATE, {1: meeting, 2: HOST, 3: str(i + 1), 4: 2113929471 - i, 5: [place(address, FIRST_PORT + i)]})
            self.say(ALL, {1: meeting})
        elif what == 'up early':
            self.up(meeting)
        elif what == 'arrived':  # more than was ever sent, and before that a neighbour who speaks nonsense
            self.words(meeting)
            self.up(meeting)
            self.streams[meeting].send(os.urandom(PIECE), socket.MSG_DONTWAIT)
            self.say(ARRIVED, {1: meeting, 2: HUGE})
        elif what == 'dies in a meeting':
            self.words(meeting)
            sys.exit(1)

    def run(self):
        while self.what == 'hangs':
            time.sleep(3600)
        if self.what == 'strange numbers':
            for number in (1, 0x40000001, 0xffffffff):
                self.up(number)
                self.say(END, {1: number})
                self.say(ARRIVED, {1: number, 2: HUGE})
        while self.what == 'endless':
            self.daemon.sendall(frame(END, {1: 7, 2: 1}) * 1000)
        for number, fields in self.hear():
            if number == SERVE:
                self.say(SERVING, {1: fields[1]})
            elif number == MEET:
                self.told_to_meet(fields[2])


if __name__ == '__main__':
    with open(sys.argv[1], encoding='utf-8') as file:
        Helper(*file.read().splitlines()).run()
