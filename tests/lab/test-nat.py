#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Homes behind every kind of router, and one doorstep that all can reach: which pairs find a way to each other, and how fast.

Each home, router and carrier is a network namespace, and the internet a bridge. What two homes tell each other goes from
hand to hand here, as a mesh carries it. Needs root, ip and nft.
"""
import itertools
import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import spaces  # noqa: E402
import street  # noqa: E402
from meeting import SERVE, SERVING, UP, Helper, bring_together, exchange  # noqa: E402
from spaces import Internet, Space  # noqa: E402
from street import Skip, check, equal  # noqa: E402

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
SHORT = (('public', 'symmetric'), ('cone', 'port'), ('port', 'carrier-port'), ('address', 'symmetric'))
DOORSTEP, PORT = '203.0.113.1', 7345
BYTES = 300000
MEDIAN = 0.2  # seconds: DESIGN 9
HOST, SERVER_REFLEXIVE, PEER_REFLEXIVE = 1, 2, 3
NO_WAY = 3


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


class Nat(Lab):
    def open(self):
        self.lay()
        self.stun = self.helper(self.doorstep)
        self.stun.say(SERVE, {1: PORT})
        while not any(number == SERVING for number, _, _ in self.stun.said):
            check(self.stun.read(street.PATIENCE), 'the doorstep does not begin')
        equal(self.stun.said[-1][1], {1: PORT}, 'the doorstep')

    def meet(self, pair):
        """What came of it at the first, how long it took, and that bytes came across."""
        a, b = (self.helper(self.home(kind, side)).awake() for side, kind in enumerate(pair))
        try:
            a.meet(calls=True, doorstep=(DOORSTEP, PORT))
            b.meet(doorstep=(DOORSTEP, PORT))
            at_a, at_b, took = bring_together(a, b)
            if (at_a[0], at_b[0]) == (UP, UP):
                exchange(a, b, BYTES)
            return at_a, at_b, took
        finally:
            codes = [a.close(), b.close()]
            equal(codes, [(0, '')] * 2, 'their ends')

    # -- cases --

    def case_pairs(self):
        """every pair of kinds: a direct way wherever the routers let one be, and fast; and no way where they do not"""
        pairs = list(itertools.combinations_with_replacement(KINDS, 2)) if self.full else SHORT
        for kind, side in {(kind, side) for pair in pairs for side, kind in enumerate(pair)}:
            self.home(kind, side)
        fine = [pair for pair in pairs if frozenset(pair) not in NO_DIRECT_WAY]
        found = {pair: self.meet(pair) for pair in fine}
        with ThreadPoolExecutor(8) as crowd:
            found |= dict(zip(set(pairs) - set(fine), crowd.map(self.meet, set(pairs) - set(fine))))
        self.show(found)
        wrong = [pair for pair in fine if (found[pair][0][0], found[pair][1][0]) != (UP, UP)]
        equal(wrong, [], 'pairs that have a way and did not find it')
        equal([pair for pair in found if pair not in fine and found[pair][0][1].get(2) != NO_WAY], [], 'pairs that have none and found one')
        median = statistics.median(found[pair][2] for pair in fine)
        print(f'# median {median * 1000:.0f} ms over {len(fine)} pairs')
        if self.full:
            check(median < MEDIAN, f'median {median:.3f} s')

    @staticmethod
    def show(found):
        """As docs/figures/nat.md has it."""
        kinds = [kind for kind in KINDS if any(kind in pair for pair in found)]
        print(f'# | | {" | ".join(kinds)} |\n# |---|{"---|" * len(kinds)}')
        for a in kinds:
            cells = []
            for b in kinds:
                at_a, _, took = found.get((a, b), (None, None, 0))
                cells.append('' if not at_a else f'{took * 1000:.0f} ms' if at_a[0] == UP else 'no way')
            print(f'# | {a} | {" | ".join(cells)} |')

    def close(self):
        if hasattr(self, 'stun'):
            self.stun.close()
        super().close()


if __name__ == '__main__':
    street.main(Nat)
