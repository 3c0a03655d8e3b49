#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home that tells nobody where it is, among others on the same wire that could call it, and one that passes bytes on: what the others send,
keep, remember and show, of an alert and a clip each way, has nothing of its address. The laboratory is that of support/laboratory.py.
"""
import os
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import capture  # noqa: E402
import laboratory  # noqa: E402
import memory  # noqa: E402
import street  # noqa: E402
from spaces import Space  # noqa: E402
from street import check, equal  # noqa: E402

HIDDEN = '203.0.113.177'
CLIP = 200_000
PATIENCE = 60


class Home(street.Home):
    """One that looks for others on its wire, as homes do."""

    def spawn(self, *more):
        args = [*self.prefix, self.play.programs.daemon, '--data', self.folder, '--listen', self.listen, *more]
        with open(self.log, 'ab') as log:
            process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.play.env, umask=self.umask,
                                       preexec_fn=street.die_with_parent)
        self.play.processes.append(process)
        return process


class Hidden(laboratory.Lab):
    def open(self):
        self.lay()
        self.doorstep.ip('address', 'flush', 'dev', 'wan')  # of no network of the others': what calls it comes from outside
        self.doorstep.ip('address', 'add', f'{laboratory.DOORSTEP}/32', 'dev', 'wan')
        self.doorstep.ip('route', 'add', f'{self.net.net}.0/24', 'dev', 'wan')
        self.door = self.living('Door', self.doorstep, laboratory.DOORSTEP, '--advertise', f'{laboratory.DOORSTEP}:{laboratory.PORT}')
        self.door.create('Elm Street')
        self.files = {}
        self.ben, self.cleo = (self.living(name, self.plugged(name)) for name in ('Ben', 'Cleo'))
        self.anna = self.living('Anna', self.plugged('Anna', HIDDEN), '0.0.0.0', '--reach-hidden', 'yes')
        for home in (self.ben, self.cleo, self.anna):
            home.join(self.door.invite())
        for other in (self.ben, self.cleo):
            self.wait(lambda other=other: self.way(self.anna, other), f'Anna and {other.name} to be linked', PATIENCE)

    def living(self, name, space, address='0.0.0.0', *more):
        folder = os.path.join(self.folder, str(len(self.every_home) + 1))
        home = Home(self, folder, name, f'{address}:{laboratory.PORT}', space.within())
        self.every_home.append(home)
        return home.start('--no-mapping', *more)

    def plugged(self, name, address=None):
        space = Space()
        self.net.plug(space, address)
        file = os.path.join(self.folder, f'{name}.pcap')
        process = subprocess.Popen([*space.within(), 'tcpdump', '-i', 'wan', '-s', '0', '-U', '-w', file, 'ip or ip6'],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=street.die_with_parent)
        self.processes.append(process)
        check('listening on' in process.stderr.readline(), 'tcpdump does not start')
        self.files[name] = file, process
        return space

    @staticmethod
    def way(home, other):
        return next((row['way'] for row in home.linked() if row['household'] == other.name and 'visit' not in row), None)

    def given(self, owner, other):
        """A clip of @owner's comes to @other."""
        text, path, out = os.urandom(CLIP), os.path.join(owner.folder, 'source'), os.path.join(other.folder, 'out')
        with open(path, 'wb') as file:
            file.write(text)
        clip = owner.one('clip', 'add', path, '--camera', 'garden', '--from', '-10min', '--to', '-9min')['id']
        owner.cli('clip', 'share', clip, '--with', other.name, '--purpose', 'the bicycle', '--yes', code=0)
        self.wait(lambda: [g for g in other.json('grant', 'list') if g.get('clip') == clip], 'the offer is there', PATIENCE)
        other.cli('clip', 'get', clip, '-o', out, code=0, seconds=PATIENCE)
        with open(out, 'rb') as file:
            equal(file.read(), text, 'the clip')

    # -- cases --

    def case_linked(self):
        """it is linked to both by way of the third, and they see no address; alerts go both ways, and so do clips"""
        for other in (self.ben, self.cleo):
            equal((self.way(self.anna, other), self.way(other, self.anna)), ('relay', 'relay'), f'the way to {other.name}')
            rows = [row for row in other.json('peers') if row['household'] == 'Anna']
            check(all(not row['address'] for row in rows), f'{other.name} shows an address: {rows}')
        for home in (self.anna, self.ben):
            self.wait_all_have([self.anna, self.ben, self.cleo], home.post('fire', 'In the cellar', '--urgency', 'Immediate')['id'])
        self.given(self.anna, self.ben)
        self.given(self.ben, self.anna)
        equal(self.anna.one('status')['doorsteps'], 1, 'who sees where it is')

    def case_ticket(self):
        """its ticket names whom it calls, and not where it is; a home joins on it, and hears nothing of that either"""
        ticket = self.anna.invite()
        shown = self.anna.cli('invite', 'show', ticket, code=0).out
        check(HIDDEN not in shown and laboratory.DOORSTEP in shown, f'its ticket says {shown}')
        dora = self.living('Dora', self.plugged('Dora'))
        dora.join(ticket)
        self.wait(lambda: self.way(dora, self.anna) == 'relay', 'Dora and Anna to be linked', PATIENCE)
        self.dora = dora

    def case_again(self):
        """it is started again, and linked as before"""
        self.anna.stop()
        self.anna.start('--no-mapping', '--reach-hidden', 'yes')
        for other in (self.ben, self.cleo):
            self.wait(lambda other=other: self.way(self.anna, other) == 'relay', f'Anna and {other.name} to be linked', PATIENCE)

    def case_nowhere(self):
        """its address is in no memory, file or packet of the others, and in the memory of the one it calls"""
        packed = socket.inet_aton(HIDDEN)
        forms = (b'\xff\xff' + packed, b'\xc4\x04' + packed, laboratory.PORT.to_bytes(2, 'big') + packed, HIDDEN.encode())
        if os.geteuid() == 0 and not memory.sanitized(self.door.process.pid):
            check(any(memory.holds(self.door.process.pid, form) for form in forms), 'this test finds nothing anywhere')
        for home in (self.ben, self.cleo, self.dora):
            pids = [home.process.pid, *(pid for pid, _ in street.processes_below(home.process.pid))]
            for pid in pids if os.geteuid() == 0 else ():
                check(not any(memory.holds(pid, form) for form in forms), f'{home.name} has it in memory')
            for path in home.files():
                with open(path, 'rb') as file:
                    held = file.read()
                check(not any(form in held for form in forms), f'{home.name} has it in {path}')
            self.check_packets(home.name, packed)
        check(any(True for _ in capture.datagrams(self.files['Ben'][0], laboratory.PORT)), 'nobody else says where it is either')

    def check_packets(self, name, packed):
        file, process = self.files[name]
        process.terminate()
        process.wait(street.PATIENCE)
        count = 0
        for _, _, _, addresses, _ in capture.packets(file):
            count += 1
            check(packed not in (addresses[:4], addresses[4:]), f'{name} and the hidden home have spoken')
        check(count > 20, f'only {count} packets were captured at {name}')


if __name__ == '__main__':
    street.main(Hidden)
