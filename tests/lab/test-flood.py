#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A doorstep that is flooded: questions that it should answer, the same in the names of others, rubbish, and calls, as fast as a process
can send. Two homes behind routers, and the doorstep itself, go on meanwhile. The laboratory is that of test-meet.py; who floods is in
networks of their own.
"""
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import laboratory  # noqa: E402
import memory  # noqa: E402
import spaces  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SPEC = importlib.util.spec_from_file_location('meet', os.path.join(HERE, 'test-meet.py'))
meet = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(meet)

DOORSTEP, PORT = laboratory.DOORSTEP, meet.PORT
VOID = '203.0.113.250'  # where the answers for those who were made up go
A_SECOND, A_NET = 500, 125  # answers: ice/serve.h
OWN = 50                # questions of the homes' own in a case
SMALL = 100000          # bytes
MOSTLY = 0.8            # of the questions of who floods nobody; one in ten or so may be lost where this machine has much to do
SHORT, LONG = 1.5, 10.0 # seconds of a flood
AT_ONCE = 1.0           # seconds that an alert, and `porchlight status`, may take
LINES = 200             # that all of it may have in the log
MEGABYTE = 1 << 20
GROWTH = 16 * MEGABYTE  # of the daemon, in all
QUESTION = b'\x00\x01\x00\x00\x21\x12\xa4\x42' + b'twelve bytes'  # RFC 8489, 5
COUNT = f'''
table inet count {{
  counter asked {{ }}
  counter answered {{ }}
  chain in {{ type filter hook input priority 0; udp dport {PORT} counter name asked; }}
  chain out {{ type filter hook output priority 0; udp sport {PORT} counter name answered; }}
}}
'''


class Flood(meet.Meet):
    def open(self):
        super().open()
        self.seconds = LONG if self.full else SHORT
        self.program = os.path.join(self.programs.build, 'tests', 'lab', 'flood')
        self.doorstep.inside('nft', '-f', '-', stdin=COUNT)
        self.attackers = {how: self.attacker(net) for how, net in
                          (('questions', '198.51.100'), ('forged', '192.0.2'), ('rubbish', '198.18.0'), ('calls', '198.19.0'))}
        self.honest = self.attacker('198.20.0')
        for home, other in ((self.anna, self.ben), (self.ben, self.anna)):
            self.wait_met(home, other)
        self.before = self.of_door()

    def lay(self):
        super().lay()
        void = spaces.Space()
        self.net.plug(void, VOID)
        self.doorstep.ip('route', 'add', 'default', 'via', VOID)

    def attacker(self, net):
        space = spaces.Space()
        self.net.plug(space, f'{net}.66')
        space.ip('route', 'add', DOORSTEP, 'dev', 'wan')
        self.doorstep.ip('route', 'add', f'{net}.0/24', 'dev', 'wan')
        return space

    # -- looking --

    def of_door(self):
        """Bytes that its daemon has, and those of its porchlight-ice; and which processes these are."""
        helper = self.ice_of(self.door)
        check(self.door.up() and helper, 'the doorstep, or its porchlight-ice, has ended')
        return memory.resident(self.door.process.pid)[0], memory.resident(helper)[1], (self.door.process.pid, helper)

    def busy(self):
        """Seconds of a processor that its porchlight-ice has had."""
        words = street.told(f'/proc/{self.ice_of(self.door)}/stat').rpartition(')')[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')

    def counted(self):
        """Datagrams and bytes that came to that port, and that went from there, IP headers included."""
        told = subprocess.run([*self.doorstep.within(), 'nft', '-j', 'list', 'counters'], stdout=subprocess.PIPE, check=True, text=True)
        rows = {row['counter']['name']: row['counter'] for row in json.loads(told.stdout)['nftables'] if 'counter' in row}
        return [rows[name][what] for name in ('asked', 'answered') for what in ('packets', 'bytes')]

    def flooded(self, *hows, meets=False):
        """All these floods at once, and what homes do meanwhile: how long it took, how many answers went to others than one who
        asks as he may, what each flood says, and which part of that one's questions was answered."""
        before, began, busy = self.counted(), time.monotonic(), self.busy()
        floods = [subprocess.Popen([*self.attackers[how].within(), self.program, how, DOORSTEP, str(PORT), '60000'],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=street.die_with_parent) for how in hows]
        self.processes += floods
        slowest, asked = self.live(began + self.seconds)
        again = self.meet_again() if meets else None
        took = time.monotonic() - began
        went = [b - a for a, b in zip(before, self.counted())]
        said = []
        for flood in floods:
            flood.send_signal(signal.SIGTERM)
            said.append(json.loads(flood.communicate(timeout=street.PATIENCE)[0]))
            equal(flood.returncode, 0, 'the flood')
        self.tell(hows, took, said, went)
        print(f'# slowest: {", ".join(f"{what} {took:.2f} s" for what, took in slowest.items())}; answered to somebody else: '
              f'{sum(asked)} of {len(asked)}{f"; met again after {again:.1f} s" if again is not None else ""}; '
              f'porchlight-ice took {(self.busy() - busy) / took * 100:.0f} % of a processor', flush=True)
        check(went[3] < max(went[1] / 4, SMALL), f'{went[3]} bytes out for {went[1]}')
        return took, went[2] - sum(asked), said, sum(asked) / len(asked)

    def live(self, until):
        """An alert, questions to the daemon as long as that, and others by STUN: how long the slowest took, and what was answered."""
        began = time.monotonic()
        posted = self.anna.post('fire', 'In the cellar', '--urgency', 'Immediate')
        self.wait_all_have([self.door, self.ben], posted['id'])
        slowest, asked = {'the alert': time.monotonic() - began, 'status': 0.0}, []
        while not asked or time.monotonic() < until:
            began = time.monotonic()
            self.door.state()
            slowest['status'] = max(slowest['status'], time.monotonic() - began)
            asked.append(self.ask(self.honest))
        for what, took in slowest.items():
            check(took < AT_ONCE or memory.sanitized(self.door.process.pid), f'{what} took {took:.2f} s')
        return slowest, asked

    def meet_again(self):
        """One of the two is started again: how long it takes until they have met. Where a search is in vain for two seconds, as it may be
        on a busy machine, the doorstep passes their bytes on."""
        self.anna.stop()
        began = time.monotonic()
        self.anna.start('--no-mapping')
        self.wait(lambda: any(row['household'] == 'Ben' for row in self.anna.linked()), 'the two to be linked again', meet.PATIENCE)
        return time.monotonic() - began

    @staticmethod
    def tell(hows, took, said, went):
        asked, in_bytes, answered, out_bytes = went
        print(f'# {" and ".join(hows)}, {took:.1f} s: {", ".join(str(round(one["sent"] / took)) for one in said)} a second sent, '
              f'{asked / took:.0f} came ({in_bytes / took / 1e6:.1f} MB/s), {answered / took:.0f} answered ({out_bytes / took / 1e3:.1f} kB/s): '
              f'{out_bytes / max(1, in_bytes):.4f} bytes out for each in', flush=True)

    def after(self):
        """The doorstep is as it was."""
        daemon, helper, who = self.of_door()
        equal(who, self.before[2], 'its processes')
        print(f'# its daemon has {daemon / MEGABYTE:.1f} MB, {self.before[0] / MEGABYTE:.1f} before; its porchlight-ice had {helper / MEGABYTE:.1f} at most')
        if not memory.sanitized(who[0]):
            check(daemon < self.before[0] + GROWTH, f'the daemon has grown to {daemon} bytes')
            check(helper < meet.MEMORY, f'porchlight-ice has {helper} bytes')

    def ask(self, space):
        """Whether somebody at @space is told how he is seen."""
        with space.socket(kind=street.socket.SOCK_DGRAM) as asks:
            asks.settimeout(0.5)
            asks.sendto(QUESTION, (DOORSTEP, PORT))
            try:
                return asks.recv(1500)[:2] == b'\x01\x01'
            except TimeoutError:
                return False

    # -- cases --

    def case_questions(self):
        """questions without end from one network: it is answered 125 times a second, others as ever, and two homes meet"""
        took, _, said, others = self.flooded('questions', meets=True)
        check(said[0]['got'] <= A_NET * (took + 2), f'{said[0]["got"]} answers to one network')
        check(others >= MOSTLY, f'{others:.2f} of others\' questions were answered')
        self.after()

    def case_forged(self):
        """in the names of others, of 65,536 networks: no more than 500 answers a second, and two homes are linked, if by way of the doorstep"""
        took, answered, _, _ = self.flooded('forged', meets=self.full)
        check(A_SECOND * (took - 1) / 2 < answered <= A_SECOND * (took + 1) + OWN, f'{answered} answers in {took:.1f} s')
        self.after()

    def case_rubbish(self):
        """what is no question is answered to nobody, and others as ever"""
        _, answered, said, others = self.flooded('rubbish', meets=True)
        equal(said[0]['got'], 0, 'answers to rubbish')
        check(answered <= A_SECOND + OWN, f'{answered} answers')  # the flood before this one may have left questions behind
        check(others >= MOSTLY, f'{others:.2f} of others\' questions were answered')
        self.after()

    def case_calls(self):
        """calls that say nothing one could understand"""
        self.flooded('calls')
        self.after()

    def case_all(self):
        """all of it at once"""
        took, answered, _, _ = self.flooded(*self.attackers)
        check(answered <= A_SECOND * (took + 1) + OWN, f'{answered} answers in {took:.1f} s')
        self.after()

    def case_over(self):
        """and when it is over all is as before"""
        for how, space in self.attackers.items():
            self.wait(lambda space=space: self.ask(space), f'who sent {how} to be answered', street.PATIENCE)
        _, asked = self.live(time.monotonic())
        equal(asked, [True], 'whether somebody is answered')
        equal({row['household'] for row in self.door.linked()}, {'Anna', 'Ben'}, 'links of the doorstep')
        equal(self.door.state().get('helper_deaths', 0), 0, 'how often its porchlight-ice has ended')
        lines = len(street.told(self.door.log).splitlines())
        check(lines < LINES, f'{lines} lines in the log of the doorstep')


if __name__ == '__main__':
    street.main(Flood)
