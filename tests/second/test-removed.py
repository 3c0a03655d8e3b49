#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A member that was removed and whose program ignores it: what its old keys, tickets and friends still get it.

Mallory is the second implementation with a change: it takes no removal of itself, goes on dialling, and keeps every key.
"""
import os
import socket
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'support')]
import crypto  # noqa: E402
import node  # noqa: E402
import noise  # noqa: E402
import recon  # noqa: E402
import records  # noqa: E402
import roster  # noqa: E402
import street  # noqa: E402
import ticket  # noqa: E402
import wire  # noqa: E402
from street import check, equal  # noqa: E402

SOON = 20.0      # seconds; what is here waited for takes a fraction of one
HANGS_UP = 30.0  # a daemon does after 10
DAYS = 32        # of an epoch: every group key that can be made of what is held
FLOOD = 24       # alerts posted around the removal
KEY_BYTES = 32


def message(name, fields):
    """As it stands in a frame."""
    return wire.pack_message(name, wire.encode(wire.TABLES.numbers[wire.NUMBER[name]][1], fields))


class Mallory(node.Node):
    """Ignores that it was removed, and notes all that it hears."""

    def __init__(self, *args):
        self.heard = {}  # link to the names of the messages that came on it
        super().__init__(*args)

    def take(self, link, name, message, raw):
        self.heard.setdefault(link, []).append(name)
        super().take(link, name, message, raw)

    def on_op(self, link, message, raw):
        if message.get('target') == self.keys.household.public and message['type'] == roster.OP['remove']:
            self.heard[link][-1] = 'its removal'
            return
        super().on_op(link, message, raw)

    def group_keys(self):
        """Every group key it can make of what it holds."""
        for epoch in self.epochs.with_keys():
            for day in range(epoch.day, epoch.first + DAYS):
                yield epoch.ratcheted(day)


class Caller:
    """A link made by hand: the handshake with any key, then whatever is to be said, then listening to the end."""

    def __init__(self, home, mesh, static, key):
        self.socket = socket.create_connection(home.place(), timeout=HANGS_UP)
        hand = noise.Handshake(True, key, b'porchlight/1 link\0' + mesh, static)
        self.socket.sendall(hand.write())
        self.answer = self.read(noise.MESSAGE)
        if self.answer:
            hand.read(self.answer)
            self.socket.sendall(hand.write())
            self.out = hand.split()[0]

    def read(self, most):
        got = b''
        try:
            while len(got) < most and (more := self.socket.recv(most - len(got))):
                got += more
        except ConnectionResetError:
            pass
        return got

    def say(self, *messages):
        """HELLO alone in the first frame, as rule 8.14 has it; everything else behind it."""
        for body in (messages[0], b''.join(messages[1:])):
            if body:
                size = next(size for size in (94, 990, *range(2014, 16351, 1024)) if size >= len(body))
                for part in (size.to_bytes(2, 'big'), body.ljust(size, b'\0')):
                    self.socket.sendall(self.out.seal(part))

    def rest(self, most=1 << 20):
        """All that comes after message 2, until the other side hangs up; at most @most bytes."""
        try:
            return self.read(most)
        except TimeoutError:
            raise street.Failure(f'the daemon has not hung up after {HANGS_UP} s') from None
        finally:
            self.socket.close()


class Removed(street.Play):
    def open(self):
        if not crypto.here():
            raise street.Skip('libsodium is not found by ctypes: NOT tried (apt-get install libsodium23)')
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes
        self.threads = node.Thread()
        self.came_on = self.anna.invite('--count', '3')
        self.unused = self.ben.invite()
        self.mallory = self.second('Mallory', self.came_on, Mallory)
        self.sia = self.second('Sia', self.anna.invite())
        for one in (self.mallory, self.sia):
            self.run(one.start())
            self.wait(one.is_in, f'{one.name} to be in', SOON)
        self.rotate()

    def second(self, name, text, kind=node.Node, keys_of=None):
        """A home in Python: a new one, or one with all the keys of another and nothing else."""
        folder = os.path.join(self.folder, f'{name}-{len(os.listdir(self.folder))}')
        if keys_of:
            os.makedirs(folder)
            with open(os.path.join(folder, 'keys'), 'wb') as file:
                file.write(keys_of)
        return kind(folder, name, text)

    def run(self, task):
        return self.threads.run(task)

    def do(self, call, *args):
        async def there():
            return call(*args)
        return self.run(there())

    def link_to(self, home, one):
        key = bytes.fromhex(home.state()['device_id'])
        return self.wait(lambda: next((l for l in one.links if l.up and l.device.sign == key), None),
                         f'{one.name} to have a link to {home.name}', SOON)

    def rotate(self):
        """Somebody else is removed first, so that Mallory has two epochs' keys; its ticket outlives it."""
        dora = self.home('Dora').start()
        dora.join(self.anna.invite())
        self.of_dora = dora.invite()
        before = self.mallory.epochs.usable()
        self.anna.cli('member', 'remove', 'Dora', '--reason', 'moved away', '--yes', code=0)
        for one in (self.mallory, self.sia):
            self.wait(lambda one=one: one.epochs.usable() not in (None, before), f'the new epoch at {one.name}', SOON)
        self.knows([home.name for home in self.homes] + ['Mallory', 'Sia'])
        dora.stop()

    def knows(self, names):
        """Every daemon lists exactly these homes."""
        for home in self.homes:
            self.wait(lambda home=home: sorted(row['name'] for row in home.json('member', 'list')) == sorted(names),
                      f'{home.name} to know who is a member', SOON)

    def case_member(self):
        """it is a member like any other: linked to all, it reads what is posted"""
        for home in self.homes:
            self.link_to(home, self.mallory)
        self.old = [home.post('noise', f'Before, by {home.name}')['id'] for home in self.homes]
        self.wait(lambda: set(self.old) <= set(self.mallory.alerts()), 'the alerts', SOON)
        self.cell = self.mallory.alerts()[self.old[0]]['cell']
        equal(len(self.mallory.epochs.link_keys()), 2, 'link keys it has')

    def case_removal(self):
        """its links are closed with its removal as the last word, and nothing reaches it that was written in knowledge of it"""
        links = [self.link_to(home, self.mallory) for home in self.homes]
        with ThreadPoolExecutor(1) as pool:
            flood = pool.submit(lambda: [self.ben.post('animal', f'Around it {i}', code=None)['id'] for i in range(FLOOD)])
            self.anna.cli('member', 'remove', 'Mallory', '--reason', 'tells everybody', '--yes', code=0)
            self.new = [self.anna.post('fire', 'After, by Anna')['id']]
            self.around = flood.result()
        self.knows([home.name for home in self.homes] + ['Sia'])
        for home in self.homes:
            self.new.append(home.post('noise', f'After, by {home.name}')['id'])
        for alert in self.new + self.around:
            self.wait_all_have(self.homes, alert, SOON)
        for link, home in zip(links, self.homes):
            self.wait(lambda link=link: link not in self.mallory.links, f'{home.name} to hang up', SOON)
            heard = self.mallory.heard[link]
            check('its removal' in heard or home is not self.anna, f'{home.name} did not say why: {heard[-5:]}')
            after = heard[heard.index('its removal') + 1:] if 'its removal' in heard else []
            equal(set(after) - {'OP'}, set(), f'what {home.name} said after it')
        self.nothing_new()
        read = [alert for alert in self.around if alert in self.mallory.alerts()]
        print(f'# of {FLOOD} alerts posted around the removal it read {len(read)}')

    def nothing_new(self):
        held = {ident.hex() for ident in self.mallory.records.held}
        equal(held & set(self.new), set(), 'records written after the removal that reached it')

    def words(self):
        """What a removed member may try after the handshake, each as the messages of its frames."""
        now, own = int(time.time()), self.mallory
        hello = {'version': 1, 'time': now, 'until': now, 'ops': bytes(8), 'contacts': bytes(8), 'records': bytes(8)}
        greeting = message('HELLO', hello)
        asks = [message('RECON', {'set': number, 'round': 0, 'until': now, 'ranges': recon.Side([]).open()})
                for number in node.SET.values()]
        brings = wire.pack_message('OP', own.me().op.raw)
        epoch = own.epochs.usable()
        return {'nothing': (), 'a greeting': (greeting,), 'a comparison of each set': (greeting, *asks),
                'its membership, and a comparison': (greeting, brings, *asks),
                'its keys': (greeting, message('EPOCH_KEY', epoch.message(epoch.day))),
                'a question': (greeting, message('PING', {})), 'a wish': (greeting, message('GRAFT', {'ids': bytes(80)}))}

    def case_dials(self):
        """with every link key it ever had it learns that a home answers, and gets not a byte after message 2"""
        member = Caller(self.anna, self.sia.mesh, self.sia.keys.noise, self.sia.epochs.link_keys()[0])
        member.say(*self.words()['a greeting'])
        check(member.read(128), 'a member gets nothing either: this test shows nothing')
        member.socket.close()
        keys = dict.fromkeys([*self.mallory.epochs.link_keys(), self.mallory.ticket.link_key])
        calls = []
        for home in self.homes:
            for number, key in enumerate(keys):
                for what, messages in self.words().items():
                    caller = Caller(home, self.mallory.mesh, self.mallory.keys.noise, key)
                    equal(len(caller.answer), noise.MESSAGE, f'bytes of message 2 of {home.name} under key {number}')
                    if messages:
                        caller.say(*messages)
                    calls.append((caller, f'what {home.name} answered to {what} under key {number}'))
        for caller, what in calls:
            equal(caller.rest(), b'', what)
        print(f'# {len(calls)} links, {len(keys)} link keys')

    def case_program(self):
        """its own program, dialling on and dialled by nobody, hears nothing more"""
        before = {link: list(names) for link, names in self.mallory.heard.items()}
        ended = len(self.mallory.ended)
        for home in self.homes:
            self.do(self.mallory.dial, home.place())
        self.wait(lambda: len(self.mallory.ended) >= ended + len(self.homes), 'the daemons to hang up', HANGS_UP)
        equal(self.mallory.heard, before, 'what it heard')
        self.nothing_new()

    # -- tickets --

    def tries(self, name, text, homes, keys_of=None):
        """Asks each of these homes for admission. What they say, by name; nothing else may come."""
        one = self.second(name, text, Mallory, keys_of)
        self.run(one.start(dial=False))
        said = []
        for number, home in enumerate(homes, 1):
            one.refused = None
            self.do(one.dial, home.place())
            self.wait(lambda number=number: len(one.ended) >= number, f'{home.name} to hang up', HANGS_UP)
            said.append(one.refused)
        self.run(one.stop())
        heard = {word for words in one.heard.values() for word in words}
        check(heard <= {'REFUSED'}, f'{name} heard {heard}')
        return said

    def case_same_household(self):
        """by no ticket comes it back as itself: not the one it came on, none of before, none of after"""
        with open(os.path.join(os.path.dirname(self.mallory.journal.name), 'keys'), 'rb') as file:
            keys = file.read()
        after = self.cleo.invite()
        other_device = keys[:KEY_BYTES] + self.rng.randbytes(len(keys) - KEY_BYTES)
        for what, text in (('its own', self.came_on), ('an unused one', self.unused), ('a new one', after)):
            for why, secrets in (('', keys), (', on another device', other_device)):
                said = self.tries('Mallory', text, self.homes, secrets)
                equal(said, ['ticket-used'] * len(self.homes), f'the answers to {what}{why}')

    def case_closed(self):
        """the ticket it came on admits nobody else, nor does a ticket that a removed home wrote"""
        check(ticket.Ticket(self.came_on).fields['uses'] == 3, 'no uses are left over: this test shows nothing')
        equal(self.tries('Newcomer', self.came_on, self.homes), ['ticket-used'] * 3, 'the answers to the one it came on')
        equal(self.tries('Newcomer', self.of_dora, self.homes), ['ticket-revoked'] * 3, 'the answers to a removed home\'s')

    def case_newcomer(self):
        """a household nobody knows comes in on a new ticket, and reads what is posted from then on"""
        late = self.second('Late', self.cleo.invite())
        self.run(late.start())
        self.wait(late.is_in, 'the newcomer to be in', SOON)
        posted = self.anna.post('noise', 'For all who are here')['id']
        self.new.append(posted)
        self.wait(lambda: posted in late.alerts(), 'the alert at the newcomer', SOON)
        self.run(late.stop())

    # -- friends --

    def case_colluder(self):
        """what it goes on posting is passed on by a friend, and taken by nobody"""
        forged = self.run(self.mallory.post('noise', 'Still here', self.cell))
        record = self.mallory.records.held[bytes.fromhex(forged)]
        links = [self.link_to(home, self.sia) for home in self.homes]
        for link in links:
            self.do(link.send, 'RECORD', record.raw, records.CLASS['normal'])
        behind = self.run(self.sia.post('noise', 'Behind it, on the same links', self.cell))
        self.wait_all_have(self.homes, behind, SOON)
        for home in self.homes:
            check(not home.has(forged), f'{home.name} shows what a removed home posts')

    def case_stored(self):
        """of what its friends could hand it, nothing that was posted after its removal opens under any key it has"""
        for home in self.homes:
            home.stop()
        keys = list(self.mallory.group_keys())
        for home in self.homes:
            stored = self.stored(home)
            check(set(self.old + self.new) <= set(stored), f'{home.name} does not hold all of it')
            for alert in self.old:
                check(self.opens(stored[alert], keys), 'what it could read before opens under none: this test shows nothing')
            equal([alert for alert in self.new if self.opens(stored[alert], keys)], [], f'what opens of {home.name}\'s')
        print(f'# {len(keys)} keys tried on {len(stored)} records a home')

    def stored(self, home):
        """The records of a home's disk, as they were signed: id to Record."""
        with sqlite3.connect(f'file:{home.folder}/porchlight.db?mode=ro', uri=True) as disk:
            rows = disk.execute('SELECT bytes FROM body').fetchall()
        found = [records.Record(raw, self.mallory.mesh) for (raw,) in rows]
        return {record.id.hex(): record for record in found}

    @staticmethod
    def opens(record, keys):
        header = b''.join(wire.before(record.raw, records.BEHIND_BODY))
        for key in keys:
            try:
                return crypto.unlock(records.key_of(key, record.slot, record.type), header, record.fields['body'])
            except crypto.Wrong:
                pass
        return None


if __name__ == '__main__':
    street.main(Removed)
