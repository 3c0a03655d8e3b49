#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A street is cut in two halves, each with two stewards; both go on, and become one street again.

Two network namespaces and a cable between them: pulling it cuts the street. Needs root and ip.
"""
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

HALF, FULL_HALF = 4, 10
POSTS, AT_ONCE = 8, 8
HEALING = 180.0  # the links that the cut left hanging must be given up first


def ip(*words):
    done = subprocess.run(['ip', *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(done.returncode == 0, f'ip {" ".join(words)}: {done.stdout.strip()}')


class Side:
    """One end of the cable. The homes' address is on the loopback interface, so that it stays when the cable goes."""

    def __init__(self, play, number):
        self.play, self.space = play, f'pl{os.getpid()}-{number}'
        self.address = f'10.9.{number}.1'
        self.homes = []
        ip('netns', 'add', self.space)
        self.ip('link', 'set', 'lo', 'up')
        self.ip('address', 'add', f'{self.address}/32', 'dev', 'lo')

    def ip(self, *words):
        ip('-n', self.space, *words)

    def plug(self, other):
        """Its end of the cable is there: up, with an address, and the way to the @other side."""
        self.ip('link', 'set', 'cable', 'up')
        self.ip('route', 'replace', f'{other.address}/32', 'dev', 'cable', 'src', self.address)

    def home(self):
        home = self.play.home(listen=f'{self.address}:0', prefix=['ip', 'netns', 'exec', self.space])
        self.homes.append(home)
        return home.start()


class Halves(street.Play):
    def open(self):
        if not shutil.which('ip'):
            raise Skip('needs ip')
        with open('/proc/self/mountinfo', encoding='utf-8') as mounts:
            if '/' not in [line.split()[4] for line in mounts]:
                raise Skip('ip netns needs / to be a mount, which it is not in a plain chroot')
        street.unshare(street.CLONE_NEWNS | street.CLONE_NEWNET)
        os.makedirs('/run/netns', exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', 'none', '/run/netns'], check=True)
        self.left, self.right = Side(self, 1), Side(self, 2)
        ip('link', 'add', 'cable', 'netns', self.left.space, 'type', 'veth', 'peer', 'name', 'cable', 'netns', self.right.space)
        self.join_halves()
        self.fill(FULL_HALF if self.full else HALF)
        self.elect()

    def join_halves(self):
        self.left.plug(self.right)
        self.right.plug(self.left)

    def cut(self):
        """Pulls the cable. Nobody is told: the links across it just hear nothing more."""
        for side in (self.left, self.right):
            side.ip('link', 'set', 'cable', 'down')

    def fill(self, half):
        founder = self.left.home()
        founder.create('Elm Street')
        ticket = founder.invite('--count', str(2 * half - 1))
        for number in range(1, 2 * half):
            (self.left if number % 2 == 0 else self.right).home().join(ticket)
        self.all_know(2 * half)

    def everybody(self):
        return self.left.homes + self.right.homes

    def all_know(self, homes, seconds=street.PATIENCE):
        for home in self.everybody():
            self.wait(lambda home=home: home.state()['homes'] == homes, f'{home.name} to know {homes} homes', seconds)

    def elect(self):
        """Two stewards on each side, the founder one of them."""
        voters = [self.left.homes[0]]
        for home in (self.left.homes[1], self.right.homes[0], self.right.homes[1]):
            self.vote(voters, 'promote', home.name)
            voters.append(home)
            self.wait(lambda: all(self.is_steward(other, home) for other in voters), f'{home.name} to be a steward')

    def is_steward(self, asked, home):
        return any(row['steward'] for row in asked.json('member', 'list') if row['name'] == home.name)

    def vote(self, voters, *words):
        """The first proposes, as many others endorse as it takes. The operation's id."""
        cast = voters[0].one('member', *words, '--yes')
        for voter in voters[1:]:
            if cast['in_force']:
                break
            self.wait(lambda voter=voter: self.knows(voter, cast['proposal']), f'{voter.name} to hear of the vote')
            cast = voter.one('member', 'endorse', cast['proposal'], '--yes')
        check(cast['in_force'], f'{words} is not in force: {cast}')
        return cast['proposal']

    def knows(self, home, proposal):
        return any(row['id'] == proposal for row in home.json('member', 'proposals'))

    def case_apart(self):
        """apart, each half posts, comments and removes a home with the votes of its two stewards"""
        self.old = self.left.homes[2].post('fire', 'Seen before the cut')['id']
        self.wait_all_have(self.everybody(), self.old)
        self.ticket = self.left.homes[0].invite()
        self.cut()
        self.gone, self.posted = [], set()
        for side in (self.left, self.right):
            removed = side.homes.pop()
            self.vote(side.homes[:2], 'remove', removed.name, '--reason', 'moved away')
            self.gone.append(removed)
            self.wait(lambda: removed.state()['state'] == 'removed', f'{removed.name} to be told')
            with ThreadPoolExecutor(AT_ONCE) as pool:
                posts = [pool.submit(side.homes[i % len(side.homes)].post, 'other', f'told apart {i}') for i in range(POSTS)]
                self.posted |= {post.result()['id'] for post in posts}
            side.homes[1].cli('alert', 'comment', self.old, 'Still burning', code=0)
            side.homes[2 % len(side.homes)].cli('alert', 'confirm', self.old, code=None)
            for home in side.homes:
                self.wait(lambda home=home: home.alert(self.old)['comments'] == 1, f'{home.name} to have the comment')
        equal(len(self.posted), 2 * POSTS, 'different ids')

    def case_ticket_twice(self):
        """apart, one ticket admits a home on each side"""
        self.twice = []
        for side in (self.left, self.right):
            home = side.home()
            home.cli('peer', 'add', side.homes[0].listen, code=0)
            home.join(self.ticket)
            self.wait(lambda: home.state()['state'] == 'current', f'{home.name} to be a member')
            self.twice.append(home)
            for other in side.homes:  # so that others' operations come to rest on neither of the two
                self.wait(lambda other=other: home.name in self.members(other), f'{other.name} to know {home.name}')

    def members(self, home):
        return [row['name'] for row in home.json('member', 'list')]

    def case_together(self):
        """together again, all have one member set: both removals hold, and of the two on one ticket one stays"""
        self.join_halves()
        stay = [home for home in self.everybody() if home not in self.twice]
        for home in stay:
            self.wait(lambda home=home: not set(self.members(home)) & {gone.name for gone in self.gone},
                      f'{home.name} to know both removals', HEALING)
            self.wait(lambda home=home: len(self.members(home)) == len(stay) + 1, f'{home.name} to know who stays', HEALING)
        lists = {tuple(sorted(row['id'] for row in home.json('member', 'list'))) for home in stay}
        equal(len(lists), 1, 'different member sets')
        kept = [home for home in self.twice if home.name in self.members(stay[0])]
        equal(len(kept), 1, 'homes that stay of the two on one ticket')
        self.homes = stay + kept
        self.loser = next(home for home in self.twice if home not in kept)

    def case_all_have_all(self):
        """every home has every alert of both halves, once, and both comments"""
        for home in self.homes:
            self.wait(lambda home=home: self.posted | {self.old} <= set(home.alerts()), f'{home.name} to have all', HEALING)
            self.wait(lambda home=home: home.alert(self.old)['comments'] == 2, f'{home.name} to have both comments', HEALING)

    def case_one_key(self):
        """a merge epoch lets all write to all again, and those who were removed read none of it"""
        for side in (self.left, self.right):
            posted = side.homes[0].post('fire', f'To both halves, from {side.space}')
            self.wait_all_have(self.homes, posted['id'], HEALING)
            for home in [*self.gone, self.loser]:
                check(posted['id'] not in home.alerts(), f'{home.name} reads what was posted after it was out')
        for home in self.homes:
            self.wait_state(home, 'current', HEALING)


if __name__ == '__main__':
    street.main(Halves)
