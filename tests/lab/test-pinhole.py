#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PCP, and homes whose only way in is IPv6: Debian's miniupnpd opens its firewall, asked by PCP and by UPnP; and routers that lie, are started
anew, or have somebody beside them who speaks in their name. Needs root, ip, nft and miniupnpd."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import pcp  # noqa: E402
import router  # noqa: E402
import street  # noqa: E402
from igd import FIREWALL, Liar6, described, soap  # noqa: E402
from pcp import Pcp  # noqa: E402
from router import (ABSURD, BESIDE, BESIDE6, CARRIER, GATEWAY, HOME6, HOME_WIRE6, LEASE, MAPPED, NO_ROUTER, NONCE, OUT6, PCP, PORT,  # noqa: E402
                    REFUSED, SILENT, UPNP, WIRE6)
from street import check, equal  # noqa: E402

ENDLESS = 4294967295


class Pinhole(router.Home):
    def pcp(self, six=False, **more):
        """A router that speaks PCP alone."""
        self.unserve()
        return Pcp(self.router, WIRE6 if six else GATEWAY, outside=None if six else self.outside, **more)

    def twisted(self, twist, want, six=False):
        """What comes of a router that does with its answers what @twist(request, answer) does; None: it gave what was asked for. What was
        asked of it, what the helper said, and its log."""
        server, helper = self.pcp(six, twist=twist), self.helper()
        try:
            said = self.ask(helper, inside=[HOME6] if six else ())
            equal(None if said[0] == MAPPED else said[1][1], want, 'what came of it')
            code, told = helper.close()
            equal(code, 0, 'its end')
            return server.asked, said[1], told
        finally:
            server.close()

    def deafen(self):
        """No PCP over IPv6: miniupnpd speaks it whatever it is told."""
        self.router.inside('nft', '-f', '-', stdin='table ip6 deaf {\nchain in { type filter hook input priority 0; udp dport 5351 drop; }\n}\n')

    def unserve(self):
        super().unserve()
        self.router.inside('nft', '-f', '-', stdin='table ip6 deaf\ndelete table ip6 deaf\n')

    # -- IPv6 --

    def case_pcp6(self):
        """IPv6 by PCP: nobody gets in before, who dials the home arrives then, and at the end nobody does"""
        with self.inside.listen(PORT, socket.AF_INET6):
            self.serve(enable_natpmp='yes', enable_upnp='no')
            check(not self.reached6(), 'the firewall is open')
            helper = self.helper()
            self.opened(self.ask(helper, inside=[HOME6]), PCP)
            check(self.reached6(), 'nobody arrives')
            self.end(helper)
            check(not self.reached6(), 'the router lets others in still')
            helper = self.helper()
            self.opened(self.ask(helper, inside=[HOME6]), PCP)
            self.opened(self.ask(helper, inside=[HOME6]), PCP)  # once more: the same
            check(self.reached6(), 'nobody arrives')
            self.end(helper)
            self.wait(lambda: not self.reached6(), 'it to be closed: this miniupnpd gives back only by its lease what was renewed')

    def case_upnp6(self):
        """IPv6 by UPnP: the same"""
        with self.inside.listen(PORT, socket.AF_INET6):
            self.serve(enable_natpmp='no', enable_upnp='yes')
            self.deafen()
            helper = self.helper()
            self.opened(self.ask(helper, inside=[HOME6]), UPNP)
            check(self.reached6(), 'nobody arrives')
            self.opened(self.ask(helper, inside=[HOME6]), UPNP)
            self.end(helper)
            check(not self.reached6(), 'the router lets others in still')

    def case_own6(self):
        """of several addresses the one that stays; none that is not this machine's, or that another machine may have"""
        self.inside.ip('-6', 'address', 'add', '2a01:4f8:17:7::aaaa/64', 'dev', 'eth0', 'preferred_lft', '0', 'nodad')
        server, helper = self.pcp(six=True), self.helper()
        try:
            said = self.ask(helper, inside=['2a01:4f8:17:7::bbbb', '2a01:4f8:17:7::aaaa', HOME6])
            self.opened(said, PCP)
            self.inside.ip('-6', 'address', 'del', f'{HOME6}/64', 'dev', 'eth0')
            self.opened(self.ask(helper, inside=[HOME6, '2a01:4f8:17:7::aaaa']), PCP, '2a01:4f8:17:7::aaaa')
            equal(self.why(self.ask(helper, inside=[BESIDE6])), NO_ROUTER, 'what came of an address of another machine')
            self.end(helper)
        finally:
            server.close()
            self.inside.ip('-6', 'address', 'del', '2a01:4f8:17:7::aaaa/64', 'dev', 'eth0')
            self.inside.ip('-6', 'address', 'replace', f'{HOME6}/64', 'dev', 'eth0', 'nodad')

    def case_home6(self):
        """a home whose router has no way in over IPv4: status, doctor, mesh create and invite say who gets in; a far one joins; it knows, and gives back"""
        self.serve(enable_natpmp='yes', enable_upnp='no')
        self.inside.ip('route', 'del', 'default')
        at = ('--listen', f'0.0.0.0:{PORT}')
        miller = self.home('Miller', prefix=self.inside.within(), listen=f'[::]:{PORT}').start(*at)
        far = self.home('Far', prefix=self.stranger.within(), listen=f'[{OUT6}]:{PORT}').start()
        self.wait(lambda: miller.one('status')['reach'] == 'mapped' and 'unmapped' in miller.one('status'), 'the router to have said both')
        status = miller.one('status')
        equal([status.get(key) for key in ('outside6', 'mapper6', 'only6', 'outside', 'unmapped6')], [f'[{HOME6}]:{PORT}', 'pcp', True, None, None],
              'the way in')
        words = 'homes outside this Wi-Fi that have IPv6 can reach you, as the router says; nobody has yet; fix: for homes without IPv6'
        created = miller.cli('mesh', 'create', 'Elm Street', '--household', 'Miller', '--at', street.PLACE, '--no-passphrase', code=0)
        for told in (created.err, miller.cli('invite', code=0).err, miller.cli('status', code=0).out):
            check(words in ' '.join(told.split()), f'who gets in is not said: {told}')
        check('have IPv6 can reach you' in ' '.join(miller.cli('doctor').out.split()), 'doctor does not say who gets in')
        far.join(miller.one('invite')['ticket'])
        self.wait(lambda: miller.one('status')['reach'] == 'yes', 'Miller to know that it is reached')
        status = miller.cli('status', code=0).out
        check('outside    homes outside this Wi-Fi that have IPv6 can reach you; fix:' in status, f'status does not say so: {status}')
        miller.stop()
        check(not self.reached6(), 'the router lets others in still')
        miller.start(*at)
        self.wait(self.reached6, 'the router to let others in again')
        miller.kill9()
        self.wait(lambda: not self.reached6(), 'what a killed daemon had to be given back')
        far.stop()
        self.inside.ip('route', 'add', 'default', 'via', GATEWAY)

    def case_lies6(self):
        """PCP over IPv6: nothing but this machine's own address and port is believed, and what is of no use is given back"""
        other = socket.inet_pton(socket.AF_INET6, BESIDE6)
        lies = (lambda asked, said: [said[:44] + other], lambda asked, said: [said[:42] + b'\1\1' + said[44:]],
                lambda asked, said: [said[:44] + pcp.mapped('5.9.17.10')])
        for lie in lies if self.full else lies[:1]:
            asked, _, _ = self.twisted(lie, ABSURD, six=True)
            equal([struct.unpack_from('>I', one, 4)[0] for one in asked], [LEASE, 0], 'the lifetimes asked for')

    def case_upnp_lies6(self):
        """UPnP over IPv6: only the router is heard, and nobody who is not on the wire, nor this machine, is called; a refusal is one"""
        self.unserve()
        for location in (f'http://[{OUT6}]:5000/', f'http://[{HOME6}]:5000/', f'http://[{HOME_WIRE6}]:5000/', f'http://{GATEWAY}:5000/', '\x1b[2J',
                         'http://[::1]:5000/') if self.full else (f'http://[{OUT6}]:5000/',):
            equal(self.lie6(lambda request: described(service=FIREWALL), ABSURD, location=location), [], f'calls as of {location}')
        if not self.full:
            return
        self.lie6(lambda request: described(service=FIREWALL), SILENT, space=self.beside, wire='eth0', location=f'http://[{BESIDE6}]:5000/')
        self.lie6(lambda request: described(service=FIREWALL, control=f'http://[{BESIDE6}]:5000/'), ABSURD)
        self.lie6(lambda request: described(), SILENT)  # it has no firewall, by its own account
        for on, allowed, number, want in ((1, 0, '1', REFUSED), (1, 1, 'one', ABSURD), (1, 1, '', ABSURD), (1, 1, '<a/>', ABSURD),
                                          (1, 1, '7' * 4000, ABSURD), (0, 0, '1', None), (1, 1, '65535', None)):
            self.lie6(lambda r, said=(on, allowed, number): self.firewall(r, *said), want)

    def firewall(self, request, on, allowed, number):
        if request.startswith('GET'):
            return described(service=FIREWALL)
        if 'GetFirewallStatus' in request:
            return soap('GetFirewallStatus', FIREWALL, FirewallEnabled=on, InboundPinholeAllowed=allowed)
        return soap('AddPinhole', FIREWALL, UniqueID=number)

    def lie6(self, said, want, space=None, **more):
        """What comes of a router that speaks UPnP so; None: an open address. Returns what it was asked."""
        liar, helper = Liar6(space or self.router, said, **more), self.helper()
        try:
            number, fields = self.ask(helper, inside=[HOME6])
            equal(None if number == MAPPED else fields[1], want, 'what came of a lie')
            self.end(helper)
        finally:
            liar.close()
        return liar.asked

    # -- PCP --

    def case_lies(self):
        """PCP answers that make no sense are passed over, and named; what is asked for too long is no longer counted on than it was asked for"""
        good = self.twisted(lambda asked, said: [said], None)[1]
        equal(good[3], LEASE, 'the lease')
        lies = (
            (lambda asked, said: [said[:4] + struct.pack('>I', ENDLESS) + said[8:]], None),    # for 136 years
            (lambda asked, said: [said[:24] + b'another name' + said[36:], said], None),       # two, of which one is meant
            (lambda asked, said: [bytes(i) for i in range(60)] + [said], None),
            (lambda asked, said: [said[:44] + pcp.mapped('10.1.2.3')], CARRIER),
            (lambda asked, said: [said[:24] + b'another name' + said[36:]], ABSURD),
            (lambda asked, said: [said[:59]], ABSURD),
            (lambda asked, said: [said[:4] + bytes(4) + said[8:]], ABSURD),                   # for no time
            (lambda asked, said: [said[:42] + bytes(2) + said[44:]], ABSURD),                 # no port
            (lambda asked, said: [said[:44] + socket.inet_pton(socket.AF_INET6, OUT6)], ABSURD),
            (lambda asked, said: [asked], ABSURD),
            (lambda asked, said: [os.urandom(1400)], ABSURD),
            (lambda asked, said: [bytes(60)] * 500, ABSURD),                                  # a flood
        )
        for lie, want in lies if self.full else lies[:3]:
            _, said, _ = self.twisted(lie, want)
            equal(said.get(3, LEASE), LEASE, 'the lease')

    def case_refused(self):
        """PCP: what the router says no with stands in the log, by its name"""
        self.long()
        for result, name in ((pcp.NO_RESOURCES, 'NO_RESOURCES'), (77, '?')):
            _, _, told = self.twisted(lambda asked, said, r=result: [said[:3] + bytes([r]) + said[4:]], REFUSED)
            check(f'PCP over IPv4: the router says {result}, {name}' in told, f'its log: {told}')

    def case_again(self):
        """a helper that lost power is known again by its nonce; another one is not, and says why"""
        server = self.pcp()
        try:
            helper = self.helper()
            self.mapped(self.ask(helper), PCP)
            helper.process.kill()
            helper.close()
            helper = self.helper()
            if self.full:
                equal(self.why(self.ask(helper, nonce=b'another name')), REFUSED, 'what came of another nonce')
                check('2, NOT_AUTHORIZED' in helper.close()[1], 'its log does not say why')
                helper = self.helper()
            self.mapped(self.ask(helper, nonce=NONCE), PCP)
            self.end(helper)
            equal(server.table, {}, 'what is left at the router')
        finally:
            server.close()

    def case_known(self):
        """a home's nonce is the same after it was off"""
        server, nonces = self.pcp(), set()
        home = self.home('Braun', prefix=self.inside.within(), listen=f'{router.HOME}:{PORT}')
        try:
            for _ in range(2):
                home.start()
                self.wait(lambda: home.one('status').get('mapper') == 'pcp', 'the router to be asked')
                nonces |= {one[24:36] for one in server.asked}
                home.stop()
                equal(server.table, {}, 'what is left at the router')
            equal(len(nonces), 1, 'nonces')
            check(nonces != {bytes(12)}, 'it is none')
        finally:
            server.close()

    def case_beside(self):
        """who sits beside the router and answers in its place is not heard"""
        self.long()
        forger = self.beside.socket(kind=socket.SOCK_DGRAM)
        forger.bind((BESIDE, 5351))
        server = self.pcp(twist=lambda asked, said: [])
        serve = server.answer

        def forge(asked, who):
            said = serve(asked, who)
            forger.sendto(said, who)
            return said

        server.answer = forge
        helper = self.helper()
        try:
            equal(self.why(self.ask(helper)), SILENT, 'what came of it')
            check(len(server.asked) >= 3, 'it was not asked')
            self.end(helper)
        finally:
            server.close()
            forger.close()

    def case_restarted(self):
        """a router that says it was started anew is asked at once; one that has forgotten nothing, and who is not the router, are not minded"""
        for six in (False, True) if self.full else (True,):
            server, helper = self.pcp(six), self.helper()
            beside = self.beside.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
            try:
                equal(self.ask(helper, inside=[HOME6] if six else ())[0], MAPPED, 'what came of it')
                server.announce()
                beside.sendto(pcp.announcement(ENDLESS), (HOME6 if six else router.HOME, pcp.ANNOUNCED))
                for _ in range(100):
                    beside.sendto(os.urandom(24), (HOME6 if six else router.HOME, pcp.ANNOUNCED))
                check(not helper.read(1.5) and len(server.asked) == 1, 'it asked without need')
                server.restart()
                server.announce(ENDLESS)
                equal(self.told(helper)[0], MAPPED, 'what came of asking again')
                equal(len(server.table), 1, 'what the router has')
                for _ in range(100):
                    server.announce(ENDLESS)
                check(not helper.read(2.5 if self.full else 0.5) and len(server.asked) == 2, 'it asks as often as it is told to')
                equal(helper.close(), (0, 'porchlight-router: the router says that it was started anew: asking again\n'), 'its end')
            finally:
                server.close()
                beside.close()

    def case_upnpd_restarted(self):
        """the same of miniupnpd: within seconds the home is reached again"""
        self.long()
        with self.inside.listen(PORT):
            self.serve(enable_natpmp='yes', enable_upnp='no', system_uptime='no')
            helper = self.helper()
            self.mapped(self.ask(helper), PCP)
            helper.read(4)  # so that its time has passed visibly
            self.serve(enable_natpmp='yes', enable_upnp='no', system_uptime='no')
            check(not self.reached(), 'it has forgotten nothing')
            self.mapped(self.told(helper), PCP)
            check(self.reached(), 'nobody arrives')
            equal(helper.close()[0], 0, 'its end')

    def case_lease6(self):
        """IPv6: what is held is renewed, and of a helper that was killed it ends by itself"""
        self.long()
        for by_upnp in (False, True):
            with self.inside.listen(PORT, socket.AF_INET6):
                self.serve(enable_natpmp='yes', enable_upnp='yes')
                if by_upnp:
                    self.deafen()
                helper = self.helper()
                equal(self.ask(helper, inside=[HOME6], lease=4)[0], MAPPED, 'what came of it')
                equal(self.told(helper)[0], MAPPED, 'the renewal')
                helper.process.kill()
                self.wait(lambda: not self.reached6(), 'the lease to end')
                helper.close()


if __name__ == '__main__':
    street.main(Pinhole)
