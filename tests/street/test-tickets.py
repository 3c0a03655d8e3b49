#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tickets: what opens the street to a new home, and what does not."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

SHORTEST = 60  # seconds: `invite --expires` takes no less
FULL_STREET = 20
WORDS = 'four plain words here'


class Tickets(street.Play):
    def open(self):
        self.homes = self.street(2).homes
        self.anna, self.ben = self.homes
        self.soon = self.anna.invite('--expires', f'{SHORTEST}s')  # for the last case: it needs a minute to expire
        self.until = time.monotonic() + SHORTEST + 1
        self.oak, gone = self.street(2, mesh='Oak Street').homes
        with open(os.path.join(self.folder, 'words'), 'w', encoding='utf-8') as file:
            file.write(WORDS + '\n')
        self.waiting = [self.outsider() for _ in range(4)]
        locks = [['--no-passphrase'], ['--passphrase-file', file.name], ['--no-passphrase'], ['--no-passphrase']]
        tickets = [gone.invite() for _ in self.waiting]
        gone.stop()
        self.joins = [threading.Thread(target=self.begin, args=row) for row in zip(self.waiting, tickets, locks)]
        for join in self.joins:
            join.start()

    def begin(self, home, ticket, lock):
        home.begun = home.cli('join', ticket, '--household', home.name, *lock, '--json')

    def pending(self, i):
        """A home that waits to be let into Oak Street, on a ticket that leads nowhere."""
        self.joins[i].join()
        home = self.waiting[i]
        equal((home.begun.code, home.begun.error()['name']), (street.UNREACHABLE, 'inviter-unreachable'), 'how joining began')
        equal(home.state()['state'], 'joining', 'its state')
        return home

    def key_file(self, home):
        with open(os.path.join(home.folder, 'vault', 'household'), 'rb') as file:
            return file.read()

    def device(self, home):
        return home.one('status')['device_id']

    def outsider(self):
        return self.home().start()

    def try_join(self, home, ticket, name, code):
        return home.refused(name, code, 'join', ticket, '--household', home.name, '--no-passphrase')

    def case_show(self):
        """a ticket can be read before it is used, without a daemon"""
        ticket = self.anna.invite('--for', 'Family Braun')
        nowhere = self.home()
        shown = nowhere.one('invite', 'show', ticket)
        equal((shown['mesh'], shown['inviter'], shown['uses']), ('Elm Street', self.anna.name, 1), 'what it says')
        equal(len(shown['check_words'].split()), 4, 'check words')
        equal(nowhere.one('invite', 'show', '-', stdin=ticket.lower() + '\n'), shown, 'in lower case, from stdin')
        check('Braun' not in nowhere.cli('invite', 'show', ticket, code=0).out,
              'the note of the inviter is in the ticket')
        rows = [row for row in self.anna.json('invite', 'list') if row.get('label') == 'Family Braun']
        equal([(row['used'], row['revoked']) for row in rows], [(0, False)], 'the list of the inviter')

    def case_mangled(self):
        """a mangled ticket is refused by name, before anything is asked of anybody"""
        home = self.outsider()
        ticket = self.anna.invite()
        for _ in range(6):
            at = self.rng.randrange(len('PORCHLIGHT1'), len(ticket))
            letter = self.rng.choice([c for c in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567' if c != ticket[at]])
            self.try_join(home, ticket[:at] + letter + ticket[at + 1:], 'ticket-unreadable', street.USAGE)
        for bad in (ticket[:-3], ticket + 'A', 'PORCHLIGHT1', 'hello', ticket.replace('PORCHLIGHT1', 'PORCHLIGHT9')):
            self.try_join(home, bad, 'ticket-unreadable', street.USAGE)
        equal(home.state()['state'], 'no-mesh', 'the state of the home after all that')

    def case_join_and_used(self):
        """a ticket admits one home; the second is refused by name, and may come on another"""
        ticket = self.anna.invite()
        first, second = self.outsider(), self.outsider()
        first.join(' '.join([ticket[:40], ticket[40:]]))
        self.homes.append(first)
        error = self.try_join(second, ticket, 'ticket-used', street.REFUSED)
        check(error['hint'], 'the refusal has no hint')
        equal(second.state()['state'], 'no-mesh', 'the state of the refused home')
        second.join(self.ben.invite())
        self.homes.append(second)
        self.wait(lambda: all(home.state()['homes'] == 4 for home in self.homes), 'four homes everywhere')
        equal({row['name']: row.get('invited_by') for row in self.anna.json('member', 'list')}[second.name],
              self.ben.name, 'who invited the second')

    def case_revoked(self):
        """a revoked ticket is refused by name"""
        home = self.outsider()
        ticket = self.anna.invite('--for', 'Somebody')
        self.anna.cli('invite', 'revoke', 'Somebody', code=0)
        self.try_join(home, ticket, 'ticket-revoked', street.REFUSED)
        self.anna.refused('no-such-ticket', street.NOT_FOUND, 'invite', 'revoke', 'Nobody')

    def case_other_mesh(self):
        """a ticket of one mesh opens no other"""
        other = self.street(1, mesh='Oak Street').homes[0]
        home = self.outsider()
        other.stop()
        other.start()
        home.join(other.invite())
        equal(home.one('mesh', 'show')['name'], 'Oak Street', 'the mesh it is in')
        home.refused('in-a-mesh', street.REFUSED, 'join', self.anna.invite(), '--household', 'Home',
                     '--no-passphrase')
        other.refused('household-exists', street.REFUSED, 'mesh', 'create', 'Third', '--household', 'Home',
                      '--no-passphrase')

    def case_names(self):
        """a name that seems to hold an office is refused"""
        home = self.outsider()
        ticket = self.anna.invite()
        for name in ('Police', 'Fire Brigade', 'Steward'):
            home.refused('name-refused', street.REFUSED, 'join', ticket, '--household', name, '--no-passphrase')

    def case_inviter_off(self):
        """with the inviter off another member admits the home"""
        ticket = self.anna.invite()
        home = self.outsider()
        self.anna.stop()
        home.cli('peer', 'add', self.ben.listen, code=0)
        home.join(ticket)
        self.homes.append(home)
        equal(home.state()['homes'], len(self.homes), 'homes that the new one knows')
        posted = home.post('noise', 'Thank you for letting me in')
        self.wait_all_have([self.ben], posted['id'])
        self.anna.start()
        self.wait(lambda: self.anna.state()['homes'] == len(self.homes), 'the inviter to hear of it')
        self.wait(lambda: posted['id'] in self.anna.alerts(), 'the post to reach the inviter')

    def case_nobody_there(self):
        """with nobody there `join` says so with exit code 3, and goes on in the background"""
        ticket = self.anna.invite()
        home = self.outsider()
        running = [other for other in self.homes if other.up()]
        for other in running:
            other.stop()
        began = time.monotonic()
        home.refused_once = home.cli('join', ticket, '--household', home.name, '--no-passphrase', '--json',
                                     code=street.UNREACHABLE).error()
        check(time.monotonic() - began < 45, 'join took longer than 45 s')
        equal(home.refused_once['name'], 'inviter-unreachable', 'the error')
        equal(home.state()['state'], 'joining', 'the state of the home')
        for other in running:
            other.start()
        self.wait_state(home, 'current', 90)
        self.homes.append(home)

    def case_count(self):
        """one ticket with --count fills a street"""
        n = FULL_STREET if self.full else 5
        founder = self.street(1, mesh='Full Street').homes[0]
        ticket = founder.invite('--count', str(n - 1))
        homes = [founder]
        for _ in range(n - 1):
            homes.append(self.outsider())
            homes[-1].join(ticket)
        self.wait(lambda: all(home.state()['homes'] == n for home in homes), f'{n} homes everywhere', 60)
        posted = homes[-1].post('fire', 'All hear this')
        self.wait_all_have(homes, posted['id'])
        self.try_join(self.outsider(), ticket, 'ticket-used', street.REFUSED)
        for home in homes:
            home.stop()

    def case_another_ticket(self):
        """another ticket of the mesh takes the place of one that leads nowhere, and the household keeps its key"""
        home = self.pending(0)
        before, device = self.key_file(home), self.device(home)
        home.stop()  # whichever process it was that knew
        home.start()
        self.wait_state(home, 'joining')
        home.join(self.oak.invite())
        status = home.one('status')
        check(bytes.fromhex(status['household_id']) in before, 'it has joined with another key')
        equal((status['mesh'], status['device_id']), ('Oak Street', device), 'where it is, and as which device')
        posted = home.post('noise', 'In at last')
        self.wait_all_have([self.oak], posted['id'])
        home.cli('mesh', 'leave', '--yes', code=0)  # which its household signs
        self.wait(lambda: home.name not in str(self.oak.json('member', 'list')), 'the others to have heard of that')

    def case_another_locked(self):
        """it takes the passphrase that the key was locked with, and a wrong one changes nothing"""
        home, ticket = self.pending(1), self.oak.invite()
        before, args = self.key_file(home), ('join', ticket, '--household', home.name)
        home.refused('locked', street.LOCKED, *args, '--no-passphrase')
        wrong = home.cli(*args, '--passphrase-file', '-', '--json', stdin='none of these words\n', code=street.LOCKED)
        equal(wrong.error()['name'], 'passphrase-wrong', 'the error')
        equal((self.key_file(home), home.state()['state']), (before, 'joining'), 'the key, and the state')
        self.wait(lambda: home.cli(*args, '--passphrase-file', '-', stdin=WORDS + '\n').code == 0, 'it to be let in')
        check(bytes.fromhex(home.one('status')['household_id']) in before, 'it has joined with another key')

    def case_another_mesh(self):
        """a ticket of another mesh: joining the first is given up, if its owner says so, and all keys are fresh"""
        home, args = self.pending(2), ('join', self.anna.invite(), '--household', 'Moved', '--no-passphrase')
        before, device = self.key_file(home), self.device(home)
        asked = home.cli(*args, code=street.USAGE)
        check('--yes' in asked.err, f'it does not ask: {asked}')
        equal((self.key_file(home), home.state()['state']), (before, 'joining'), 'the key, and the state')
        said = home.cli(*args, '--yes', code=0)
        check('Give up joining?' in said.err and 'Joined Elm Street; it has' in said.out, f'it does not say so: {said}')
        status = home.one('status')
        check(bytes.fromhex(status['household_id']) not in before and status['device_id'] != device, 'a key is the old one')
        self.homes.append(home)

    def case_given_up(self):
        """`mesh leave` gives a joining up that is not done: status says so, and the home may do what it likes"""
        home = self.pending(3)
        check('mesh leave' in home.cli('status', code=0).out, '`status` does not say what can be done')
        home.refused('still-joining', street.REFUSED, 'mesh', 'create', 'Mine', '--household', 'Mine', '--no-passphrase')
        device = self.device(home)
        home.cli('mesh', 'leave', code=street.USAGE)
        equal(home.one('mesh', 'leave', '--yes')['cleared'], True, 'what `mesh leave` answers')
        status = home.one('status')
        equal((status['state'], status['device_id'] == device), ('no-mesh', False), 'the state, and whether it is the same device')
        check(not os.path.exists(os.path.join(home.folder, 'vault', 'household')), 'the key is still there')
        home.refused('no-mesh', street.REFUSED, 'mesh', 'leave', '--yes')
        home.create('Mine')

    def case_expired(self):
        """an expired ticket is refused by name"""
        home = self.outsider()
        self.wait(lambda: time.monotonic() > self.until, 'the ticket to expire', SHORTEST + 5)
        check('EXPIRED' in home.cli('invite', 'show', self.soon, code=0).out, '`invite show` does not say EXPIRED')
        self.try_join(home, self.soon, 'ticket-expired', street.REFUSED)


if __name__ == '__main__':
    street.main(Tickets)
