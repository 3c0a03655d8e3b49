#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home's router passes a port on: Debian's miniupnpd in a namespace, asked by PCP, NAT-PMP and UPnP, for the helper alone and for
whole homes; and routers that lie, say absurd things, send without end, or answer nothing. Needs root, ip, nft and miniupnpd."""
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import router  # noqa: E402
import street  # noqa: E402
from igd import Liar, answer, described, soap  # noqa: E402
from router import ABSURD, CARRIER, GATEWAY, HOME, LEASE, MAPPED, NAT_PMP, NET, PCP, PORT, REFUSED, SILENT, UPNP  # noqa: E402
from street import check, equal  # noqa: E402

OLD = b'\0\x81\0\1\0\0\0\1'  # what a router that speaks NAT-PMP says to PCP (RFC 6886, 3.5)

class Router(router.Home):
    def lie(self, said, want, **more):
        """What comes of a router that speaks UPnP so. Returns what it was asked."""
        self.unserve()
        liar, helper = Liar(self.router, said, **more), self.helper()
        try:
            equal(self.ask(helper)[1].get(1), want, 'what came of a lie')
            self.end(helper)
        finally:
            liar.close()
        return liar.asked

    # -- cases --

    def case_pcp(self):
        """PCP: who dials the router arrives; at the end the port is given back"""
        with self.inside.listen(PORT):
            self.serve(enable_natpmp='yes', enable_upnp='no')
            helper = self.helper()
            self.mapped(self.ask(helper), PCP)
            check(self.reached(), 'nobody arrives')
            self.mapped(self.ask(helper), PCP)  # once more: the same
            self.end(helper)
            check(not self.reached(), 'the router passes it on still')

    def case_pmp(self):
        """NAT-PMP, where PCP is not answered: the same; from then on it is asked first"""
        with self.inside.listen(PORT):
            self.serve(enable_natpmp='yes', enable_upnp='no')
            self.router.inside('nft', '-f', '-', stdin='table ip deaf {\nchain in { type filter hook input priority 0; udp dport 5351 '
                                                       '@th,64,8 2 drop; }\n}\n')
            helper = self.helper()
            self.mapped(self.ask(helper), NAT_PMP)
            check(self.reached(), 'nobody arrives')
            began = time.monotonic()
            self.mapped(self.ask(helper), NAT_PMP)
            check(time.monotonic() - began < 1, 'PCP was tried again')
            self.end(helper)
            check(not self.reached(), 'the router passes it on still')
            self.router.inside('nft', 'delete', 'table', 'ip', 'deaf')

    def case_upnp(self):
        """UPnP: the same"""
        with self.inside.listen(PORT):
            self.serve(enable_natpmp='no', enable_upnp='yes')
            helper = self.helper()
            self.mapped(self.ask(helper), UPNP)
            check(self.reached(), 'nobody arrives')
            self.end(helper)
            check(not self.reached(), 'the router passes it on still')

    def case_lease(self):
        """UPnP: a port that another machine has is left to it, and another one taken; it is renewed; killed, the lease ends by itself"""
        self.long()
        with self.inside.listen(PORT):
            self.serve(enable_natpmp='no', enable_upnp='yes')
            other = self.helper(self.beside)
            self.mapped(self.ask(other), UPNP)
            helper = self.helper()
            number, fields = self.ask(helper, lease=2)
            port = fields[1][0][4]
            check(number == MAPPED and port != PORT, f'the second got {number} {fields}')
            check(self.reached(port), 'nobody arrives')
            number, fields = self.told(helper)  # renewed by itself, after a second
            equal((number, fields[1][0][4]), (MAPPED, port), 'the renewal')
            helper.process.kill()
            self.wait(lambda: not self.reached(port), 'the lease to end')
            helper.close()
            self.end(other)

    def case_homes(self):
        """a home behind a router: it asks, says so in its ticket, and is joined from outside; then it knows that it is reached"""
        self.serve(enable_natpmp='yes', enable_upnp='yes')
        miller = self.home('Miller', prefix=self.inside.within(), listen=f'{HOME}:{PORT}').start()
        far = self.home('Far', prefix=self.stranger.within(), listen=f'{NET}.11:{PORT}').start()
        self.wait(lambda: miller.one('status')['reach'] == 'mapped', 'the router to pass calls on')
        status = miller.one('status')
        equal((status['outside'], status['mapper']), (f'{self.outside}:{PORT}', 'pcp'), 'the way in')
        miller.create('Elm Street')
        ticket = miller.one('invite')
        equal(ticket['reach'], 'mapped', 'what `invite` says')
        far.join(ticket['ticket'])
        self.wait(lambda: miller.one('status')['reach'] == 'yes', 'Miller to know that it is reached')
        check('homes outside this Wi-Fi can reach you' in miller.cli('status', code=0).out, 'status does not say so')
        miller.stop()
        check(not self.reached(), 'the router passes it on still')
        miller.start()
        self.wait(self.reached, 'the router to pass calls on again')
        miller.kill9()
        self.wait(lambda: not self.reached(), 'the port of a killed daemon to be given back')
        far.stop()

    def case_off(self):
        """reach.mapping says no: nothing is asked, and what was got is given back; yes: it is asked at once"""
        self.serve(enable_natpmp='yes', enable_upnp='yes')
        home = self.home('Braun', prefix=self.inside.within(), listen=f'{HOME}:{PORT}').start()
        self.wait(self.reached, 'the router to pass calls on')
        home.cli('config', 'set', 'reach.mapping', 'no', code=0)
        self.wait(lambda: not self.reached(), 'the port to be given back')
        self.wait(lambda: home.one('status')['reach'] == 'router', 'the daemon to hear that it was')
        equal(home.one('status')['unmapped'], 'off', 'why it is not reached')
        check('reach.mapping yes' in home.cli('status', code=0).out, 'status does not say what mends it')
        home.cli('config', 'set', 'reach.mapping', 'yes', code=0)
        self.wait(self.reached, 'the router to pass calls on again')
        home.stop()

    def case_silent(self):
        """a router that answers nothing: the home says what to do, and lives on"""
        self.unserve()
        home = self.home('Still', prefix=self.inside.within(), listen=f'{HOME}:{PORT}').start()
        self.wait(lambda: home.one('status').get('unmapped') == 'silent', 'the router to be silent')
        out = home.cli('status', code=0).out
        check('cannot reach you; fix: forward' in ' '.join(out.split()), f'status does not say what to do: {out}')
        home.stop()

    def case_lies(self):
        """a router that lies: nothing comes of it, and nobody else is asked anything"""
        victim = Liar(self.stranger, lambda request: described(), location=None)  # its HTTP alone is of interest
        try:
            self.tell_lies()
            equal(victim.asked, [], 'calls to somebody else')
        finally:
            victim.close()

    def tell_lies(self):
        elsewhere = f'http://{NET}.11:5000/'
        equal(self.lie(lambda r: described(), SILENT, location=elsewhere + 'd.xml'), [], 'calls to the router')
        self.lie(lambda r: described(base=f'<URLBase>{elsewhere}</URLBase>'), ABSURD)
        self.lie(lambda r: described(control=elsewhere + 'c'), ABSURD)
        if not self.full:
            return
        self.lie(lambda r: described(service='urn:schemas-upnp-org:service:Layer3Forwarding:1'), ABSURD)
        self.lie(lambda r: answer('<a>' * 100000), ABSURD)
        self.lie(lambda r: [b'HTTP/1.1 200 OK\r\nContent-Length: 4294967295\r\n\r\n', b'<a>' * 100000], ABSURD)
        self.lie(lambda r: [b'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n<a>'], ABSURD)
        self.lie(lambda r: [b'\0' * 5000], ABSURD)
        self.lie(lambda r: [f'HTTP/1.1 302 Found\r\nLocation: {elsewhere}d.xml\r\n\r\n'.encode()], ABSURD)
        for address, want in (('192.168.1.9', CARRIER), ('100.64.3.4', CARRIER), ('0.0.0.0', CARRIER), ('224.0.0.1', CARRIER), ('5.9.17', ABSURD),
                              ('router.example', ABSURD), ('', ABSURD), ('9' * 4000, ABSURD), ('2001:db8::1', ABSURD)):
            self.lie(lambda r, a=address: described() if r.startswith('GET') else soap('GetExternalIPAddress', NewExternalIPAddress=a), want)

    def case_endless(self):
        """a router that sends without end costs the helper, at most: whoever started it is told by its end"""
        self.long()
        self.unserve()

        def flood(_):
            yield b'HTTP/1.1 200 OK\r\n\r\n'
            while True:
                yield b'<a>' * 100000

        liar, helper = Liar(self.router, flood), self.helper()
        try:
            try:
                equal(self.ask(helper)[1].get(1), ABSURD, 'what came of it')
            except EOFError:
                pass
            check(helper.memory()[1] < 110 * 1024 * 1024 if helper.process.poll() is None else True, 'it kept all of it')
            helper.process.kill()
            helper.close()
        finally:
            liar.close()

    def case_pmp_lies(self):
        """NAT-PMP answers that make no sense: another kind of answer, no port, no time, an address of nobody's"""
        self.unserve()
        good = struct.pack('>BBHI4s', 0, 128, 0, 1, socket.inet_aton(self.outside))

        def port(private=PORT, public=PORT, life=LEASE, kind=130, code=0):
            return struct.pack('>BBHIHHI', 0, kind, code, 1, private, public, life)

        lies = ((good, port(public=0), ABSURD), (good, port(life=0), ABSURD), (good, port(private=1), ABSURD),
                (good, port(kind=129), ABSURD), (good, port(code=2), REFUSED), (good, port(code=4), REFUSED),
                (port(), port(), ABSURD), (good[:3], good, ABSURD), (good[:8] + bytes(4), port(), CARRIER),
                (good[:8] + socket.inet_aton('10.1.2.3'), port(), CARRIER))
        for first, second, want in lies if self.full else lies[-2:]:
            with self.router.socket(kind=socket.SOCK_DGRAM) as pmp:
                pmp.bind((GATEWAY, 5351))
                done = threading.Event()

                def serve(one=first, two=second, sock=pmp, over=done):
                    sock.settimeout(0.1)
                    while not over.is_set():
                        try:
                            asked, who = sock.recvfrom(64)
                            sock.sendto(OLD if asked[0] == 2 else one if len(asked) == 2 else two, who)
                        except TimeoutError:
                            pass

                thread = threading.Thread(target=serve, daemon=True)
                thread.start()
                helper = self.helper()
                equal(self.ask(helper)[1].get(1), want, f'what came of {first} {second}')
                self.end(helper)
                done.set()
                thread.join()


if __name__ == '__main__':
    street.main(Router)
