#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home that passes bytes on between two that nobody can call, with whole daemons: they become neighbours, a clip goes from one to
the other by way of it, and what lies in its memory meanwhile is nothing that it could read.

With --full the clip has 50 MB, and the figures are told.
"""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import memory  # noqa: E402
import street  # noqa: E402
from street import check, equal  # noqa: E402

SIZE, WHOLE = 2_000_000, 50_000_000
MARK = b'what nobody between the two may ever read, not even in its memory'
SOON, LONG = 60, 300
REACH = ('listen', 'reach', 'called', 'outside', 'mapper', 'unmapped', 'outside6', 'mapper6', 'unmapped6', 'only6', 'hidden', 'doorsteps')


class Relay(street.Play):
    def open(self):
        self.door = self.street(1).homes[0]
        self.anna, self.ben = self.home('Anna').start('--reach-hidden', 'yes'), self.home('Ben').start('--reach-hidden', 'yes')
        for home in (self.anna, self.ben):
            home.join(self.door.invite())
        self.wait(lambda: self.linked(self.anna, self.ben), 'the two are neighbours by way of the third', LONG)

    def peers(self, home):
        return home.json('peers')

    def linked(self, one, other):
        return any(p['up'] and p.get('by') == self.door.name and p['household'] == other.name and not p.get('footage')
                   for p in self.peers(one))

    def case_neighbours(self):
        """peers name the home between and no address; status says who sees one, and what is passed on"""
        for one, other in ((self.anna, self.ben), (self.ben, self.anna)):
            rows = [p for p in self.peers(one) if p['household'] == other.name]
            check(rows and all(not p['address'] for p in rows), f'an address of a hidden home is known: {rows}')
            check(f'no direct way; bytes are passed on by {self.door.name}' in one.cli('peers', code=0).out, 'peers for a person')
            check(all(p['way'] == 'relay' for p in rows), f'how the bytes go: {rows}')
            status = one.one('status')
            equal((status['hidden'], status['doorsteps']), (True, 1), 'who sees where it is')
            check('1 home sees its address' in one.cli('status', code=0).out, 'status for a person')
        status = self.door.one('status')
        check(status['relaying'] >= 1 and status['relayed'] > 0, f'what is passed on: {status}')
        equal(status['relay_quota'], 1 << 30, 'of how much')

    def case_clip(self):
        """a clip goes from one to the other by way of the third, which has nothing of it that it could read"""
        size = WHOLE if self.full else SIZE
        text = (MARK + os.urandom(1000)) * (size // (len(MARK) + 1000))
        path = os.path.join(self.anna.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        clip = self.anna.one('clip', 'add', path, '--camera', 'garden', '--from', '-10min', '--to', '-9min')['id']
        before = self.door.one('status')['relayed']
        self.anna.cli('clip', 'share', clip, '--with', self.ben.name, '--purpose', 'the bicycle', '--yes', code=0)
        self.wait(lambda: [g for g in self.ben.json('grant', 'list') if g.get('clip') == clip], 'the offer is there', SOON)
        out = os.path.join(self.ben.folder, 'out')
        began = time.monotonic()
        self.ben.cli('clip', 'get', clip, '-o', out, code=0, seconds=LONG)
        took = time.monotonic() - began
        with open(out, 'rb') as file:
            check(file.read() == text, 'other bytes than were filmed')
        passed = self.door.one('status')['relayed'] - before
        check(passed > len(text), f'{passed} bytes were passed on of a clip of {len(text)}')
        print(f'# {len(text) / took / 1e6:.1f} MB/s by way of the third; {passed / len(text):.3f} bytes passed on for one', flush=True)
        if os.geteuid() == 0:
            check(not memory.holds(self.door.process.pid, MARK, 'w'), 'the home between has something of it in clear')
            check(memory.holds(os.getpid(), MARK, 'w'), 'this test finds nothing anywhere')

    def case_no_more(self):
        """with `relay.quota 0` what is passed on ends; with a quota again the two find each other once more"""
        self.door.cli('config', 'set', 'relay.quota', '0', code=0)
        equal(self.door.one('status')['relay_quota'], 0, 'what is given')
        posted = self.anna.post('fire', 'In the cellar')
        self.wait(lambda: not self.linked(self.anna, self.ben), 'bytes are no longer passed on')
        self.wait_all_have([self.door, self.ben], posted['id'])
        equal(self.door.one('status')['relaying'], 0, 'pairs between which bytes are passed on')
        self.door.refused('bad-value', street.USAGE, 'config', 'set', 'relay.quota', 'much')
        self.door.cli('config', 'set', 'relay.quota', '1G', code=0)
        equal(self.door.one('status')['relay_quota'], 1 << 30, 'what is given again')
        self.wait(lambda: self.linked(self.anna, self.ben), 'the two have found each other again', LONG)

    def case_nobody(self):
        """who hides and has nobody to pass its bytes on hears that nobody can reach it, wherever it would ask others to come"""
        cleo, words = self.home('Cleo').start('--reach-hidden', 'yes'), 'nobody can reach you: this home is hidden'
        made = cleo.cli('mesh', 'create', 'Oak Street', '--household', 'Cleo', '--at', street.PLACE, '--no-passphrase', code=0)
        check(words in made.err, f'`mesh create` does not say so: {made}')
        invited = cleo.cli('invite', code=0)
        check(words in invited.err, f'`invite` does not say so: {invited}')
        for command in ('status', 'doctor'):
            check(words in ' '.join(cleo.cli(command).out.replace('Nobody', 'nobody').split()), f'`{command}` does not say so')
        equal(cleo.one('status')['doorsteps'], 0, 'who sees where it is')
        check(words not in self.anna.cli('status', code=0).out, 'somebody passes bytes on for this one')
        cleo.stop()

    def case_json(self):
        """with --json the row that founding and inviting print has what `status --json` has of that"""
        for name, options in (('Dora', ('--reach-hidden', 'yes')), ('Emil', ())):
            home = self.home(name).start(*options)
            made = home.one('mesh', 'create', 'Oak Street', '--household', name, '--at', street.PLACE, '--no-passphrase')
            status = home.one('status')
            wanted = {key: value for key, value in status.items() if key in REACH}
            check(('hidden' in wanted) == bool(options) and wanted['listen'], f'`status` does not tell what is so: {wanted}')
            for what, row in (('mesh create', made), ('invite', home.one('invite')), ('mesh show', home.one('mesh', 'show'))):
                equal({key: value for key, value in row.items() if key in REACH}, wanted, f'what `{what} --json` says')
            home.stop()


if __name__ == '__main__':
    street.main(Relay)
