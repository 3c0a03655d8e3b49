#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks that test-pairs.py has not: one router or carrier for two homes, which sends back what its own people send to its address outside
(hairpin) or does not; IPv6 and nothing else; no UDP; no way out but to port 443. Whole homes that joined at one doorstep have a link there, too.
"""
import itertools
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import laboratory  # noqa: E402
import street  # noqa: E402
from spaces import Space  # noqa: E402
from street import check  # noqa: E402

PATIENCE = 60
HTTPS = 443
CARRIER = '100.64.0'
NET6, DOOR6 = '2001:db8', '2001:db8:ff::1'
# What a router, or a carrier, does besides.
NO_UDP = 'table ip strict {\nchain through { type filter hook forward priority 5; iifname "lan" meta l4proto udp drop; }\n}\n'
ONLY_443 = f'''
table ip strict {{
  chain through {{ type filter hook forward priority 5; iifname "lan" tcp dport {HTTPS} accept; iifname "lan" ct state new drop; }}
}}
'''
FIREWALL6 = 'table ip6 filter {\nchain through { type filter hook forward priority 0; iifname "wan" ct state new drop; }\n}\n'


def hairpin(outside):
    """RFC 4787, 12: what is sent to a port outside comes back in, from the sender's port outside."""
    return f'''
table ip hairpin {{
  map ports {{ type inet_service : ipv4_addr; flags dynamic, timeout; timeout 5m; }}
  chain remember {{ type filter hook forward priority -5; oifname "wan" meta l4proto udp update @ports {{ udp sport : ip saddr }}; }}
  chain turn {{ type nat hook prerouting priority -90; iifname "lan" ip daddr {outside} meta l4proto udp dnat to udp dport map @ports; }}
  chain back {{ type nat hook postrouting priority 90; ip saddr {CARRIER}.0/24 oifname "lan" snat to {outside}; }}
}}
'''


class Nets(laboratory.Lab):
    def open(self):
        self.lay()
        self.ports, self.numbers = itertools.count(laboratory.PORT), itertools.count(1)

    def room(self, more=''):
        """A home's machine behind a router of its own, which does @more."""
        router, here, there = self.router('port')
        space = Space()
        space.cable('eth0', router, 'lan')
        router.port('lan', f'{there}/24')
        space.port('eth0', f'{here}/24', via=there)
        if more:
            router.inside('nft', '-f', '-', stdin=more)
        return space

    def shared(self, turns_back, routers):
        """Two machines behind one carrier, which turns packets back or does not; each behind a router of its own, or in the carrier's net."""
        carrier, spaces = Space(), []
        outside = self.net.plug(carrier)
        carrier.ip('link', 'add', 'lan', 'type', 'bridge')
        carrier.port('lan', f'{CARRIER}.1/24')
        carrier.inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
        carrier.inside('nft', '-f', '-', stdin=laboratory.rules('port', '') + (hairpin(outside) if turns_back else ''))
        for host in (2, 3):
            first = Space()
            first.cable('wan' if routers else 'eth0', carrier, f'l{host}')
            carrier.ip('link', 'set', f'l{host}', 'master', 'lan', 'up')
            first.port('wan' if routers else 'eth0', f'{CARRIER}.{host}/24', via=f'{CARRIER}.1')
            spaces.append(self.inside_of(first) if routers else first)
        return spaces

    def inside_of(self, router):
        """A machine behind that router, which is told to be one."""
        space, net = Space(), f'192.168.{next(self.inner)}'
        router.inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
        router.inside('nft', '-f', '-', stdin=laboratory.rules('port', f'{net}.2'))
        space.cable('eth0', router, 'lan')
        router.port('lan', f'{net}.1/24')
        space.port('eth0', f'{net}.2/24', via=f'{net}.1')
        return space

    def room6(self):
        """A machine that has IPv6 and nothing else, behind a router that lets nobody in."""
        router, space, n = Space(), Space(), next(self.numbers)
        router.cable('wan', self.net.space, f'six{n}')
        self.net.space.ip('link', 'set', f'six{n}', 'master', 'bridge', 'up')
        router.inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding')
        router.inside('nft', '-f', '-', stdin=FIREWALL6)
        space.cable('eth0', router, 'lan')
        for machine, name, address in ((router, 'wan', f'{NET6}::{n}/32'), (router, 'lan', f'{NET6}:{n}::1/48'), (space, 'eth0', f'{NET6}:{n}::2/48')):
            machine.ip('address', 'add', address, 'dev', name, 'nodad')
            machine.ip('link', 'set', name, 'up')
        space.ip('route', 'add', 'default', 'via', f'{NET6}:{n}::1')
        return space, router, n

    def joined(self, spaces, door, port, listen='0.0.0.0'):
        """A street of three: the doorstep at @door, and homes on these machines. Whether the doorstep passes bytes on is its own matter."""
        first = street.Play.home(self, 'Door', listen=f'{door}:{port}', prefix=self.doorstep.within())
        first.start('--no-mapping', '--advertise', f'{door}:{port}')
        first.create('Elm Street')
        homes = [street.Play.home(self, name, listen=f'{listen}:{port}', prefix=space.within()).start('--no-mapping')
                 for name, space in zip(('Anna', 'Ben'), spaces)]
        for home in homes:
            home.join(first.invite())
        return first, homes

    def link(self, home, other):
        return next((row for row in home.linked() if row['household'] == other.name and 'visit' not in row), None)

    def together(self, spaces, ways, door=laboratory.DOORSTEP, port=None, listen='0.0.0.0'):
        """The two have a link of one of these kinds, and an alert of the one reaches the other by it while the doorstep is off, if it can."""
        first, homes = self.joined(spaces, door, port or next(self.ports), listen)
        rows = [self.wait(lambda home=home, other=other: self.link(home, other), 'a link of the two', PATIENCE)
                for home, other in (homes, homes[::-1])]
        print(f'# {[(row["way"], row.get("here"), row.get("there")) for row in rows]}', flush=True)
        check({row['way'] for row in rows} <= ways, f'their ways are to be {ways}: {rows}')
        if 'relay' not in ways:
            first.stop()
        posted = homes[0].post('fire', 'Behind the garages')
        self.wait_all_have(homes, posted['id'])
        for home in (*homes, first):
            if home.up():
                home.stop()

    # -- cases --

    def case_one_net(self):
        """two homes in one private network whose router turns nothing back have a link inside it"""
        self.together(self.shared(False, routers=False), {'tcp', 'routers'})

    def case_hairpin(self):
        """two behind one carrier that turns back what is sent to its address meet by that"""
        self.together(self.shared(True, routers=True), {'routers'})

    def case_no_hairpin(self):
        """where it turns nothing back there is no direct way, and the doorstep passes bytes on"""
        self.together(self.shared(False, routers=True), {'relay'})

    def case_no_udp(self):
        """behind a router that lets no UDP out: the doorstep passes bytes on"""
        self.together([self.room(NO_UDP), self.room()], {'relay'})

    def case_only_443(self):
        """behind one that lets out what goes to port 443 and nothing else: the same, by a doorstep that listens there"""
        self.together([self.room(ONLY_443), self.room()], {'relay'}, port=HTTPS)

    def case_ipv6(self):
        """two that have IPv6 alone, behind routers that let nobody in, meet without a third"""
        rooms = [self.room6() for _ in range(2)]
        self.doorstep.ip('address', 'add', f'{NET6}::ff/32', 'dev', 'wan', 'nodad')
        self.doorstep.ip('address', 'add', f'{DOOR6}/128', 'dev', 'lo', 'nodad')
        for space, router, n in rooms:
            router.ip('route', 'add', f'{NET6}:ff::/48', 'via', f'{NET6}::ff')
            self.doorstep.ip('route', 'add', f'{NET6}:{n}::/48', 'via', f'{NET6}::{n}')
            for _, other, m in rooms:
                if m != n:
                    router.ip('route', 'add', f'{NET6}:{m}::/48', 'via', f'{NET6}::{m}')
        self.together([space for space, _, _ in rooms], {'routers'}, door=f'[{DOOR6}]', listen='[::]')


if __name__ == '__main__':
    street.main(Nets)
