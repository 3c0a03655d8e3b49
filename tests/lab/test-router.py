#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home's router passes a port on: Debian's miniupnpd in a namespace, asked by NAT-PMP and by UPnP, for the helper alone and for
whole homes; and routers that lie, say absurd things, send without end, or answer nothing. Needs root, ip, nft and miniupnpd."""
import os
import shutil
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import spaces  # noqa: E402
import street  # noqa: E402
from meeting import Helper  # noqa: E402
from spaces import Internet, Space  # noqa: E402
from street import Skip, check, equal  # noqa: E402

MAP, MAPPED, NONE, UNMAP = range(1, 5)   # proto/router.def
NAT_PMP, UPNP = 1, 2                     # mapper
NO_ROUTER, SILENT, REFUSED, CARRIER, ABSURD = range(1, 6)  # unmapped
PORT = 7345
NET = '5.9.17'  # miniupnpd knows the blocks for documentation, and maps nothing there
GATEWAY, HOME, BESIDE = '192.168.7.1', '192.168.7.2', '192.168.7.3'
LEASE = 3600
SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:1'
DESCRIPTION = '''<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">{base}<device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device><deviceList><device><serviceList>
<service><serviceType>{service}</serviceType><controlURL>{control}</controlURL><SCPDURL>/x</SCPDURL></service>
</serviceList></device></deviceList></device></deviceList></device></root>'''


class Liar:
    """A router that answers UPnP as it is told: @said(request) gives the bytes of a description or of an action's answer."""

    def __init__(self, space, said, location=f'http://{GATEWAY}:5000/d.xml'):
        self.said, self.location, self.asked, self.over = said, location, [], False
        self.search = space.socket(kind=socket.SOCK_DGRAM)
        self.search.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.search.bind(('239.255.255.250', 1900))
        if location:
            self.search.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                   socket.inet_aton('239.255.255.250') + socket.inet_aton(GATEWAY))
        self.http = space.listen(5000)
        for work in (self.answer_searches, self.answer_calls):
            threading.Thread(target=work, daemon=True).start()

    def answer_searches(self):
        while True:
            try:
                _, who = self.search.recvfrom(2048)
            except OSError:
                return
            if self.over:
                return
            self.search.sendto(f'HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nUSN: x\r\n'
                               f'LOCATION: {self.location}\r\n\r\n'.encode(), who)

    def answer_calls(self):
        while True:
            try:
                call, _ = self.http.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(call,), daemon=True).start()

    def serve(self, call):
        with call:
            request = call.recv(65536).decode('latin-1')
            self.asked.append(request.split('\r\n')[0] + ' ' + request.partition('SOAPAction: ')[2].split('\r\n')[0])
            try:
                for part in self.said(request):
                    call.sendall(part)
            except OSError:
                pass  # whoever asked has had enough

    def close(self):
        self.over = True
        for one in (self.search, self.http):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()


def answer(body):
    return [f'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n{body}'.encode()]


def soap(action, **fields):
    inner = ''.join(f'<{name}>{value}</{name}>' for name, value in fields.items())
    return answer(f'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
                  f'<u:{action}Response xmlns:u="{SERVICE}">{inner}</u:{action}Response></s:Body></s:Envelope>')


def described(base='', control='/c', service=SERVICE):
    return answer(DESCRIPTION.format(base=base, control=control, service=service))


class Router(street.Play):
    def open(self):
        self.program = os.path.join(self.programs.build, 'porchlight-router')
        if not os.path.exists(self.program):
            raise Skip('THIS BUILD HAS NO porchlight-router: whether routers are asked for a port is NOT looked at')
        self.miniupnpd = shutil.which('miniupnpd', path='/usr/sbin:/sbin')
        if not self.miniupnpd:
            raise Skip('needs miniupnpd')
        spaces.begin('nft')
        self.net = Internet(NET)
        self.router, self.inside, self.beside, self.stranger = Space(), Space(), Space(), Space()
        self.outside = self.net.plug(self.router)
        self.net.plug(self.stranger)
        self.router.ip('link', 'add', 'lan', 'type', 'bridge')
        self.router.port('lan', f'{GATEWAY}/24')
        for space, port, address in ((self.inside, 'lan1', HOME), (self.beside, 'lan2', BESIDE)):
            self.router.cable(port, space, 'eth0')
            self.router.ip('link', 'set', port, 'master', 'lan', 'up')
            space.port('eth0', f'{address}/24', via=GATEWAY)
        self.router.masquerade()
        self.upnpd = None

    def serve(self, **settings):
        """The router's daemon, anew, with these settings."""
        self.unserve()
        self.upnpd = spaces.Upnpd(self, self.miniupnpd, self.router, **settings)

    def unserve(self):
        if self.upnpd:
            self.upnpd.close()
            self.upnpd = None

    def helper(self, space=None):
        return Helper(self.program, env=self.env, prefix=(space or self.inside).within())

    def ask(self, helper, port=PORT, lease=LEASE):
        helper.say(MAP, {1: port, 2: lease})
        return self.told(helper)

    def told(self, helper):
        while not helper.unread:
            check(helper.read(street.PATIENCE), 'porchlight-router says nothing')
        return helper.unread.pop(0)[:2]

    def reached(self, port=PORT):
        """Whether somebody outside who dials the router arrives at the home."""
        return self.stranger.knock(self.outside, port)

    def end(self, helper):
        equal(helper.close(), (0, ''), 'its end')

    def mapped(self, said, by, port=PORT):
        number, fields = said
        equal((number, fields.get(1), fields.get(2)), (MAPPED, [{1: socket.inet_aton(self.outside), 4: port}], by), 'what the router gave')

    def long(self):
        if not self.full:
            raise Skip('takes long: --full')

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

    def case_pmp(self):
        """NAT-PMP: who dials the router arrives; at the end the port is given back"""
        with self.inside.listen(PORT):
            self.serve(enable_natpmp='yes', enable_upnp='no')
            helper = self.helper()
            self.mapped(self.ask(helper), NAT_PMP)
            check(self.reached(), 'nobody arrives')
            self.mapped(self.ask(helper), NAT_PMP)  # once more: the same
            self.end(helper)
            check(not self.reached(), 'the router passes it on still')

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
        equal((status['outside'], status['mapper']), (f'{self.outside}:{PORT}', 'nat-pmp'), 'the way in')
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
                            sock.sendto(one if len(asked) == 2 else two, who)
                        except TimeoutError:
                            pass

                thread = threading.Thread(target=serve, daemon=True)
                thread.start()
                helper = self.helper()
                equal(self.ask(helper)[1].get(1), want, f'what came of {first} {second}')
                self.end(helper)
                done.set()
                thread.join()

    def close(self):
        self.unserve()
        super().close()


if __name__ == '__main__':
    street.main(Router)
