#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strangers at the port: whatever they send, they get no byte of answer, and it costs next to nothing."""
import os
import select
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

HANDSHAKE = 256
GREETINGS = (b'', b'\0', b'GET / HTTP/1.1\r\nHost: home\r\n\r\n', b'SSH-2.0-OpenSSH_9.2\r\n',
             b'\x16\x03\x01\x02\x00\x01\x00\x01',
             b'HELO home\r\n', b'\xff' * HANDSHAKE, b'\0' * HANDSHAKE, b'\0' * (HANDSHAKE * 3), b'PORCHLIGHT1' * 30)
SILENT_SECONDS = 20   # the daemon hangs up after 10
ROUNDS = 300
CROWD = 80
CPU_SHARE = 0.1
RSS_MORE = 4 * 1024   # KiB that all of it may leave behind


class Strangers(street.Play):
    def open(self):
        self.homes = self.street(2).homes
        self.anna, self.ben = self.homes

    def knock(self):
        return socket.create_connection(self.anna.place(), timeout=SILENT_SECONDS)

    def hears_nothing(self, knock):
        """Until the daemon hangs up: not one byte."""
        try:
            got = knock.recv(1)
        except ConnectionResetError:
            got = b''
        except TimeoutError:
            raise street.Failure(f'the daemon has not hung up after {SILENT_SECONDS} s') from None
        equal(got, b'', 'what a stranger was told')

    def usage(self):
        """KiB of memory and the number of open files of the daemon."""
        process = f'/proc/{self.anna.process.pid}'
        with open(f'{process}/status', encoding='ascii') as status:
            rss = next(int(line.split()[1]) for line in status if line.startswith('VmRSS'))
        return rss, len(os.listdir(f'{process}/fd'))

    def send(self, knock, what, last=False):
        try:
            knock.sendall(what)
            if last:
                knock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has hung up already

    def case_greetings(self):
        """other protocols, zeros, half a handshake, silence: no answer, and the daemon hangs up"""
        knocks = []
        for what in GREETINGS:
            knock = self.knock()
            self.send(knock, what)
            knocks.append(knock)
        for knock in knocks:
            self.hears_nothing(knock)
            knock.close()

    def case_slow(self):
        """a byte at a time gets nobody beyond the ten seconds"""
        began = time.monotonic()
        with self.knock() as knock:
            knock.setblocking(False)
            while not select.select([knock], [], [], 0.2)[0]:
                check(time.monotonic() - began < SILENT_SECONDS, 'the daemon keeps a stranger who drips bytes')
                self.send(knock, b'x')
            try:
                equal(knock.recv(1), b'', 'what a stranger was told')
            except ConnectionResetError:
                pass

    def case_garbage(self):
        """300 connections with random bytes leave no memory and no files behind"""
        for _ in range(20):  # what is allocated once
            with self.knock() as knock:
                self.send(knock, self.rng.randbytes(HANDSHAKE))
                self.hears_nothing(knock)
        rss, files = self.usage()
        for _ in range(ROUNDS):
            with self.knock() as knock:
                last = self.rng.random() < 0.5
                self.send(knock, self.rng.randbytes(self.rng.choice((1, 255, 256, 257, 1024, 5000, 70000))), last)
                if last:
                    self.hears_nothing(knock)
        self.wait(lambda: self.usage()[1] <= files, 'the files to be closed', 15)
        more = self.usage()[0] - rss
        check(more <= RSS_MORE, f'{more} KiB more memory than before')

    def cpu(self):
        """Seconds of processor time the daemon has used."""
        with open(f'/proc/{self.anna.process.pid}/stat', encoding='ascii') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def case_crowd(self):
        """while strangers hold every place, members talk, one who was off comes back, and the daemon stays calm"""
        used, began = self.cpu(), time.monotonic()
        crowd = [self.knock() for _ in range(CROWD)]
        posted = self.anna.post('noise', 'They are many')
        self.wait_all_have([self.ben], posted['id'])
        self.ben.stop()
        self.ben.start()
        self.wait_state(self.ben, 'current', SILENT_SECONDS)
        again = self.anna.post('noise', 'Still many')
        self.wait_all_have([self.ben], again['id'])
        for knock in crowd:
            self.hears_nothing(knock)
            knock.close()
        share = (self.cpu() - used) / (time.monotonic() - began)
        check(share < CPU_SHARE, f'the daemon used {share:.0%} of a processor meanwhile')

    def case_after(self):
        """after all that a post goes out as before, and nothing was logged by the thousand"""
        posted = self.ben.post('noise', 'As if nothing had happened')
        self.wait_all_have(self.homes, posted['id'])
        with open(self.anna.log, encoding='utf-8') as log:
            lines = len(log.readlines())
        check(lines < 100, f'{lines} lines in the log')


if __name__ == '__main__':
    street.main(Strangers)
