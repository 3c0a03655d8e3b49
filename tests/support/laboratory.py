# SPDX-License-Identifier: Apache-2.0
"""A laboratory of the internet: homes behind every kind of router, and a doorstep that all can reach.

Each home, router and carrier is a network namespace, and the internet a bridge. Needs root, ip and nft.
"""
import itertools
import os

import spaces
import street
from meeting import Helper
from spaces import Internet, Space
from street import Skip

# RFC 3489, 5 and RFC 4787, 4 and 5: of the same behaviour under two names the old ones are the shorter.
KINDS = {
    'public': 'no router',
    'cone': 'full cone: one port outside for all, open to everybody',
    'address': 'restricted cone: open to addresses it has sent to',
    'port': 'port-restricted cone: open to addresses and ports it has sent to',
    'symmetric': 'another port outside for each destination',
    'carrier-port': 'port-restricted behind a port-restricted carrier',
    'carrier-symmetric': 'port-restricted behind a symmetric carrier',
}
NO_DIRECT_WAY = {frozenset(pair) for pair in (('port', 'symmetric'), ('port', 'carrier-symmetric'), ('symmetric',), ('symmetric', 'carrier-port'),
                                              ('symmetric', 'carrier-symmetric'), ('carrier-port', 'carrier-symmetric'),
                                              ('carrier-symmetric',))}
DOORSTEP, PORT = '203.0.113.1', 7345


def rules(kind, inside):
    """nft: a router of that kind before the home at @inside. What nobody asked for is dropped, as routers do: otherwise a packet that
    comes early makes an entry for the router itself, and the home's own port outside is another one."""
    masquerade = 'masquerade fully-random' if kind == 'symmetric' else 'masquerade'
    inward = {'cone': f'iifname "wan" udp dport 1024-65535 dnat to {inside}',
              'address': f'iifname "wan" ip saddr @spoken udp dport 1024-65535 dnat to {inside}'}.get(kind, '')
    return f'''
table ip nat {{
  set spoken {{ type ipv4_addr; flags dynamic, timeout; timeout 5m; }}
  chain remember {{ type filter hook forward priority -5; oifname "wan" update @spoken {{ ip daddr }}; }}
  chain out {{ type nat hook postrouting priority 100; oifname "wan" {masquerade}; }}
  chain in {{ type nat hook prerouting priority -100; {inward}; }}
}}
table ip filter {{
  chain own {{ type filter hook input priority 0; iifname "wan" ct state new drop; }}
  chain through {{ type filter hook forward priority 0; iifname "wan" ct status dnat accept; iifname "wan" ct state new drop; }}
}}
'''


class Lab(street.Play):
    """The internet, and who stands in it."""
    needs_ice = True

    def lay(self):
        self.program = os.path.join(self.programs.build, 'porchlight-ice')
        if self.needs_ice and not os.path.exists(self.program):
            raise Skip('THIS BUILD HAS NO porchlight-ice: ways between homes behind routers are NOT looked at')
        spaces.begin('nft')
        self.net = Internet('203.0.113')
        self.inner = itertools.count(1)
        self.homes, self.router_of = {}, {}
        self.doorstep = Space()
        self.net.plug(self.doorstep, DOORSTEP)

    def helper(self, space):
        return Helper(self.program, env=self.env, prefix=space.within())

    def router(self, kind, outside=None):
        """A router of that kind, and where what stands behind it goes in: the router, and the addresses of both ends."""
        r, net = Space(), f'192.168.{next(self.inner)}'
        if outside is None:
            self.net.plug(r)
        else:
            behind, here, there = outside
            r.cable('wan', behind, 'lan')
            behind.port('lan', f'{there}/24')
            r.port('wan', f'{here}/24', via=there)
        r.inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
        r.inside('nft', '-f', '-', stdin=rules(kind, f'{net}.2'))
        return r, f'{net}.2', f'{net}.1'

    def home(self, kind, side):
        """The home of that kind on that side: two of one kind stand behind two routers."""
        if (kind, side) not in self.homes:
            space = Space()
            if kind == 'public':
                self.net.plug(space)
            else:
                layers = ('port', kind.split('-')[1])[::-1] if kind.startswith('carrier') else (kind,)
                where = None
                for layer in layers:
                    where = self.router(layer, where)
                behind, here, there = where
                space.cable('eth0', behind, 'lan')
                behind.port('lan', f'{there}/24')
                space.port('eth0', f'{here}/24', via=there)
                self.router_of[space] = behind
            self.homes[kind, side] = space
        return self.homes[kind, side]
