# SPDX-License-Identifier: Apache-2.0
"""A home behind its router, for the lab: an internet, a router with Debian's miniupnpd or with something worse, two machines behind it and a
stranger in front; over IPv4, where the router gives ports, and over IPv6, where it has a firewall."""
import os
import shutil
import socket

import spaces
import street
from meeting import Helper
from spaces import Internet, Space
from street import Skip, check, equal

MAP, MAPPED, NONE, UNMAP = range(1, 5)   # proto/router.def
NAT_PMP, UPNP, PCP = range(1, 4)         # mapper
NO_ROUTER, SILENT, REFUSED, CARRIER, ABSURD = range(1, 6)  # unmapped
PORT = 7345
NET = '5.9.17'  # miniupnpd knows the blocks for documentation, and maps nothing there
GATEWAY, HOME, BESIDE = '192.168.7.1', '192.168.7.2', '192.168.7.3'
OUT6, GATEWAY6, HOME6, BESIDE6 = '2a01:4f8:99::11', '2a01:4f8:17:7::1', '2a01:4f8:17:7::2', '2a01:4f8:17:7::3'
WIRE6, HOME_WIRE6 = 'fe80::7:1', 'fe80::7:2'  # on the home's wire: what the router is called by
LEASE = 3600
NONCE = b'twelve bytes'


class Home(street.Play):
    def open(self):
        self.program = os.path.join(self.programs.build, 'porchlight-router')
        if not os.path.exists(self.program):
            raise Skip('THIS BUILD HAS NO porchlight-router: whether routers are asked for a port is NOT looked at')
        self.miniupnpd = shutil.which('miniupnpd', path='/usr/sbin:/sbin')
        if not self.miniupnpd:
            raise Skip('needs miniupnpd')
        # miniupnpc reads a number out of what a router says without an end of it: that is a finding of theirs, behind our walls
        self.env['ASAN_OPTIONS'] = os.environ.get('ASAN_OPTIONS', '') + ':strict_string_checks=0'
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
        self.open6()
        self.upnpd = None

    def open6(self):
        """The same over IPv6. Nothing is asked whether an address is another machine's, which takes seconds."""
        self.router.inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding')
        for space, port in ((self.router, 'lan'), (self.inside, 'eth0')):  # no other address than those below
            space.ip('link', 'set', port, 'addrgenmode', 'none')
            space.ip('-6', 'address', 'flush', 'dev', port)
        for space, port, *addresses in ((self.router, 'wan', '2a01:4f8:99::10'), (self.stranger, 'wan', OUT6),
                                        (self.router, 'lan', GATEWAY6, WIRE6), (self.inside, 'eth0', HOME6, HOME_WIRE6),
                                        (self.beside, 'eth0', BESIDE6)):
            for address in addresses:
                space.ip('-6', 'address', 'add', f'{address}/64', 'dev', port, 'nodad')
        for space in (self.inside, self.beside):
            space.ip('-6', 'route', 'add', 'default', 'via', WIRE6, 'dev', 'eth0')
        self.stranger.ip('-6', 'route', 'add', '2a01:4f8:17::/48', 'via', '2a01:4f8:99::10')

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

    def ask(self, helper, port=PORT, lease=LEASE, inside=(), nonce=NONCE):
        """For a port, or for one of the IPv6 addresses @inside."""
        rows = [{2: socket.inet_pton(socket.AF_INET6, one), 4: port} for one in inside]
        helper.say(MAP, {1: port, 2: lease, 3: nonce} | ({4: rows} if rows else {}))
        return self.told(helper)

    def told(self, helper):
        while not helper.unread:
            check(helper.read(street.PATIENCE), 'porchlight-router says nothing')
        return helper.unread.pop(0)[:2]

    def reached(self, port=PORT):
        """Whether somebody outside who dials the router arrives at the home."""
        return self.stranger.knock(self.outside, port, 0.3)

    def reached6(self, address=HOME6, port=PORT):
        """Whether somebody outside who dials the home arrives at it."""
        return self.stranger.knock(address, port, 0.3)

    def end(self, helper):
        equal(helper.close(), (0, ''), 'its end')

    def mapped(self, said, by, port=PORT):
        number, fields = said
        equal((number, fields.get(1), fields.get(2)), (MAPPED, [{1: socket.inet_aton(self.outside), 4: port}], by), 'what the router gave')

    def opened(self, said, by, address=HOME6, port=PORT):
        number, fields = said
        equal((number, fields.get(1), fields.get(2)), (MAPPED, [{2: socket.inet_pton(socket.AF_INET6, address), 4: port}], by),
              'what the router opened')

    def why(self, said):
        equal(said[0], NONE, 'what came of it')
        return said[1][1]

    def long(self):
        if not self.full:
            raise Skip('takes long: --full')

    def close(self):
        self.unserve()
        super().close()
