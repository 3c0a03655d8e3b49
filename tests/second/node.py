# SPDX-License-Identifier: Apache-2.0
"""A member of a mesh, written from PROTOCOL.md: it joins by a ticket, keeps links, compares sets, reads and posts.

    street = node.Thread()
    home = node.Node(folder, 'Home in Python', ticket_text)
    street.run(home.start())
    street.run(home.post('smoke', 'Cellar of no. 7', cell))

host.py adds what a member does for others. What both do not do, and a home for people would have to: they countersign
no undoing, make no epoch of their own accord, take the machine's clock for mesh time, pay no visits, and fold simple
histories only (roster.py). The disk is one file, of messages as they stand in frames.
"""
import asyncio
import ipaddress
import os
import random
import struct
import threading
import time

import contacts
import crypto
import epochs
import link as links
import records
import recon
import roster
import ticket
import wire
from link import REASON, HangUp

SET = {spelling: number for number, spelling in wire.TABLES.enums['set'].items()}
DAY, LEAVING = 86400, 120          # seconds
ACCEPTED, VISITS = 7, 3
NEEDS_NOTHING = {'HELLO', 'REFUSED', 'BYE'}
NEEDS_HELLO = {'ADMIT', 'OP', 'EPOCH_KEY'}
PASSED_OVER = {'MEET'}  # what anybody may ask of a neighbour: this home passes nothing on, and meets nobody
ROUNDS, SESSION_SECONDS = 64, 30.0
TURN = (48.0, 72.0)                # seconds between two comparisons
COLLECTED, GRAFT_AFTER = 0.1, 0.4  # seconds
SIDS = 100                         # in one message
AT_ONCE = 65536                    # bytes of class 1 waiting for a link that still let an urgent record go at once
DUPLICATES = 5
SENT_OFF_WITH = 8                  # operations
LOOK = 1.0                         # seconds


class Keys:
    """The secrets of a household and of its device, in a file of 5 times 32 bytes."""

    def __init__(self, path):
        if not os.path.exists(path):
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), 'wb') as file:
                file.write(os.urandom(5 * 32))
        with open(path, 'rb') as file:
            seeds = [file.read(32) for _ in range(5)]
        self.household, self.device = crypto.Signer(seeds[0]), crypto.Signer(seeds[1])
        self.noise, self.seal, self.household_seal = (crypto.Exchange(seed) for seed in seeds[2:])


class Session:
    def __init__(self, name, until, elements, salt):
        self.name, self.until, self.round, self.asked = name, until, 0, time.monotonic()  # round: of the next message
        things = {(when, crypto.short(salt, ident)): (kind, raw) for when, ident, kind, raw in elements}
        self.by_sid = {sid: thing for (_, sid), thing in things.items()}
        self.side = recon.Side(things)


class Node:
    def __init__(self, folder, name, ticket_text):
        os.makedirs(folder, exist_ok=True)
        self.name, self.ticket = name, ticket.Ticket(ticket_text)
        self.mesh, self.keys = self.ticket.mesh, Keys(os.path.join(folder, 'keys'))
        self.roster = roster.Roster(self.mesh)
        self.epochs = epochs.Epochs(self.mesh, self.roster)
        self.records = records.Records(self.mesh, self.roster, self.epochs)
        self.contacts = contacts.Contacts(self.mesh, self.roster, self.epochs)
        self.revokes, self.tries = {}, {}  # hash to (fields, bytes); place to attempts that nothing answered
        self.links, self.ended, self.acked, self.refused = [], [], {}, None
        self.journal, self.server, self.address, self.contested, self.stopping = None, None, None, None, False
        self.read_journal(os.path.join(folder, 'journal'))

    # -- life --

    async def start(self, dial=True):
        own = self.contacts.places(self.keys.device.public)
        port = own[0][1] if own else 0  # what the contact says stays true
        self.server = await asyncio.start_server(self.accept, '127.0.0.1', port, limit=links.BUFFERED)
        self.address = self.server.sockets[0].getsockname()[:2]
        self.clock = asyncio.create_task(self.watch())
        if dial:
            self.knock()

    async def stop(self):
        self.stopping = True
        self.clock.cancel()
        self.server.close()
        tasks = [link.task for link in self.links]
        for link in self.links:
            link.finish('shutdown')
        await asyncio.gather(*tasks)
        self.journal.close()

    def knock(self):
        """At every door it knows of: those of the ticket, and those of contacts."""
        doors = set(contacts.places_of(self.ticket.fields.get('addrs', [])))
        for place in doors.union(*map(self.contacts.places, self.contacts.latest)) - {self.address}:
            self.dial(place)

    def dial(self, place):
        asyncio.create_task(self.connect(place))

    async def connect(self, place):
        """With the newest link key, and after an attempt that nothing answered with the next one (rule 8.5)."""
        keys = self.epochs.link_keys() or [self.ticket.link_key]
        tried = self.tries.pop(place, 0) % len(keys)
        try:
            reader, writer = await asyncio.open_connection(*place, limit=links.BUFFERED)
        except OSError:
            return
        link = links.Link(self, reader, writer, True, keys[tried:] + keys[:tried])
        await self.begin(link)
        if not link.salt:
            self.tries[place] = tried + 1

    async def accept(self, reader, writer):
        await self.begin(links.Link(self, reader, writer, False, self.epochs.link_keys()))

    async def begin(self, link):
        if self.stopping:
            link.writer.close()
            return
        link.task = asyncio.current_task()
        self.links.append(link)
        await link.run()

    def closed(self, link):
        self.links.remove(link)
        self.ended.append(link)

    async def watch(self):
        """Once a second: silent links, sessions without an answer, and now and then a comparison (8.23, 9.20, 9.22)."""
        turn = time.monotonic() + random.uniform(*TURN)
        while True:
            await asyncio.sleep(LOOK)
            for link in list(self.links):
                reason = link.check_time()
                if reason:
                    link.finish(reason)
                elif link.session and time.monotonic() > link.session.asked + SESSION_SECONDS:
                    self.give_up(link)
            dialled = [link for link in self.links if link.initiator and link.up and not link.session]
            if time.monotonic() > turn and dialled:
                turn = time.monotonic() + random.uniform(*TURN)
                self.compare(random.choice(dialled), list(SET))

    # -- the disk --

    def read_journal(self, path):
        if os.path.exists(path):
            with open(path, 'rb') as file:
                for name, message, raw in wire.messages(file.read()):
                    self.reread(name, message, raw)
        self.journal = open(path, 'ab')

    def reread(self, name, message, raw):
        if name == 'OP':
            self.roster.add(raw)
        elif name == 'EPOCH_KEY':
            self.epochs.take(message)
        elif name == 'CONTACT':
            self.contacts.latest[message['device']] = contacts.Contact(raw, self.mesh)
        elif name == 'REVOKE':
            self.revokes[self.revoke_hash(raw)] = (message, raw)
        elif name == 'RECORD':
            record = records.Record(raw, self.mesh)
            self.records.held[record.id] = record
            self.records.slots.setdefault(record.slot, []).append(record)
        elif name == 'PROOF':
            self.records.take_proof(message)

    def write(self, name, raw):
        self.journal.write(wire.pack_message(name, raw))
        self.journal.flush()
        os.fsync(self.journal.fileno())

    # -- who one is --

    def me(self):
        return self.roster.fold and self.roster.fold.current(self.keys.device.public)

    def joining(self):
        return not self.me()

    def is_in(self):
        """Rule 6.13."""
        return bool(self.me() and self.epochs.usable())

    def known(self, link):
        """The current device whose key the other side has, or None."""
        return self.roster.fold.by_noise(link.static) if self.roster.fold else None

    def plea(self):
        """The add of rule 6.7, not countersigned."""
        keys = self.keys
        device = {'sign': keys.device.public, 'noise': keys.noise.public, 'seal': keys.seal.public,
                  'share': roster.WHOLE, 'name': 'second'}
        op = {'type': roster.OP['add'], 'household': keys.household.public, 'seq': 0, 'parents': b'',
              'time': int(time.time()), 'name': self.name, 'seal': keys.household_seal.public, 'device': [device],
              'invite': [self.ticket.invite]}
        digest = crypto.hashed(b'operation', self.mesh, wire.pairs('op', op))
        op['sig'] = keys.household.sign(b'operation', digest)
        op['invite_sig'] = self.ticket.key.sign(b'operation invite', digest)
        return wire.encode('op', op)

    # -- greeting --

    def shaken(self, link):
        """The handshake is over."""
        if link.static == self.keys.noise.public:
            raise HangUp('self')
        if link.initiator:
            link.until = int(time.time())
            self.greet(link)
            if self.joining():
                link.send('ADMIT', {'op': self.plea()})

    def greet(self, link):
        link.greeted = True
        host = ipaddress.ip_address(link.peer[0])
        seen = host.packed if host.version == 6 else bytes(10) + b'\xff\xff' + host.packed
        hello = {'version': 1, 'time': int(time.time()), 'until': link.until,
                 'seen': seen + struct.pack('>H', link.peer[1])}
        hello.update({name: self.digest(link, name) for name in SET})
        if link.initiator and self.joining():
            hello['joining'] = True
        link.send('HELLO', hello)
        self.come_up(link)

    def digest(self, link, name):
        return recon.fingerprint(Session(name, link.until, self.elements(name, link.until), link.salt).side.elements)

    def on_hello(self, link, message, raw):
        if link.hello:
            raise HangUp('bad-frame')
        link.hello, link.visit = message, 'visiting' in message
        if not link.initiator:
            link.until = message['until']
        elif self.joining():
            self.compare(link, ['ops'])
        self.come_up(link)

    def come_up(self, link):
        """A link is up when both have greeted and each knows the other (rule 8.19)."""
        link.device = self.known(link)
        if link.up or not link.hello or not link.device or self.joining():
            return
        if not link.greeted:
            self.greet(link)
            return
        link.up = True
        self.check_room(link)
        link.differed = [name for name in SET if link.hello[name] != self.digest(link, name)]
        link.ops_equal |= 'ops' not in link.differed
        if link.initiator:
            self.compare(link, [name for name in SET if name in link.differed and name not in link.compared
                                or name == 'records' and 'ops' in link.differed])  # rule 9.21

    def check_room(self, link):
        """Rules 8.21, 8.22 and 8.28."""
        accepted = [other for other in self.links if other.up and not other.initiator and other is not link]
        alike = sum(other.visit == link.visit for other in accepted)
        if not link.initiator and alike >= (VISITS if link.visit else ACCEPTED):
            raise HangUp('full')
        twin = next((o for o in self.links if o.up and o is not link and o.device.sign == link.device.sign), None)
        if twin:
            self.drop_one(twin, link)

    def drop_one(self, old, new):
        mine_goes = self.keys.device.public > new.device.sign
        loser = old if old.initiator == new.initiator or old.initiator == mine_goes else new
        if loser is new:
            raise HangUp('duplicate')
        old.finish('duplicate')

    # -- what comes --

    def take(self, link, name, message, raw):
        stranger = not link.initiator and not self.known(link)
        allowed = (name in NEEDS_NOTHING or link.up or name in NEEDS_HELLO and link.hello
                   or name == 'RECON' and link.hello and (self.known(link) or self.joining()))
        if allowed:
            link.got[name] += 1
            if name not in PASSED_OVER:
                getattr(self, 'on_' + name.lower())(link, message, raw)
        elif stranger:
            raise HangUp('not-a-member')

    def on_refused(self, link, message, raw):
        self.refused = wire.TABLES.enums['reason'].get(message['reason'])
        raise HangUp(None)

    def on_bye(self, link, message, raw):
        link.bye = wire.TABLES.enums['reason'].get(message['reason'])
        raise HangUp(None)

    def on_admit(self, link, message, raw):
        """This node admits nobody; another member may (rule 6.13). host.py does."""
        if not self.known(link):
            link.send('REFUSED', {'reason': REASON['not-issued-here']})
            link.finish(None)

    def on_ping(self, link, message, raw):
        link.send('PONG', {})

    def on_pong(self, link, message, raw):
        pass

    def on_witness(self, link, message, raw):
        op = roster.Op(message['op'], self.mesh, on_its_way=True)
        if op.type != 'invite-undo' or op.household != link.device.household:
            raise HangUp('bad-frame')
        link.send('DECLINED', {'what': op.signed(b'operation', 40), 'why': wire.enum('decline', 'not-now')})

    def on_declined(self, link, message, raw):
        pass

    def on_op(self, link, message, raw):
        try:
            new = self.roster.add(raw)
        except roster.Contested as why:
            self.contested = str(why)
            return
        for op in new:
            self.write('OP', op.raw)
            if self.me():  # rule 8.27
                self.spread('OP', op.raw, link)
        if new:
            self.after_operations(new)

    def after_operations(self, new):
        for epoch in self.epochs.retry():
            self.keep_epoch(epoch, None)
        for link in list(self.links):
            if link.up and not self.roster.fold.current(link.device.sign):
                self.send_off(link, new)
            elif link.static:
                self.try_up(link)
        self.publish_first()

    def try_up(self, link):
        try:
            self.come_up(link)
        except HangUp as why:  # it is that link's end, and not of the one the operations came on
            link.finish(why.args[0])

    @staticmethod
    def send_off(link, new):
        """Rule 8.25: it is told what ended it, and no more."""
        for queue in link.queues:
            queue.clear()
        for op in new[:SENT_OFF_WITH]:
            link.send('OP', op.raw)
        link.finish(None)

    def on_epoch_key(self, link, message, raw):
        epoch = self.epochs.take(message)
        if epoch:
            self.keep_epoch(epoch, link)
            for late in self.epochs.retry():
                self.keep_epoch(late, None)

    def keep_epoch(self, epoch, origin):
        if not epoch.key:
            return
        self.write('EPOCH_KEY', wire.encode('epoch_key', epoch.message(epoch.day)))
        for link in self.others(origin):
            self.hand_over(link, epoch)
        self.publish_first()

    def hand_over(self, link, epoch):
        """Rules 7.9 and 7.10."""
        device = self.known(link)
        if device:
            link.send('EPOCH_KEY', self.epochs.message_for(epoch, device))

    def on_revoke(self, link, message, raw):
        """Rule 6.15."""
        now, ident = time.time(), self.revoke_hash(raw)
        fits = message['device'] in self.roster.fold.devices and now < message['expires'] <= now + 31 * DAY
        if fits and ident not in self.revokes:
            crypto.verify(message['device'], b'revoke', ident, message['sig'])
            self.revokes[ident] = (message, raw)
            self.tell('REVOKE', raw, link)

    def revoke_hash(self, raw):
        return crypto.hashed(b'revoke', self.mesh, b''.join(wire.before(raw, 16)))

    # -- contacts --

    def on_contact(self, link, message, raw):
        contact = contacts.Contact(raw, self.mesh)
        if self.contacts.take(contact):
            self.tell('CONTACT', raw, link)

    def own_contact(self):
        return self.contacts.latest.get(self.keys.device.public)

    def publish_first(self):
        """Where this device can be reached, once it can be said under a key."""
        if self.is_in() and not self.own_contact():
            contact = self.contacts.write(self.keys.device, self.epochs.usable(), self.address)
            self.contacts.take(contact)
            self.tell('CONTACT', contact.raw, None)

    # -- records --

    def on_record(self, link, message, raw):
        record = records.Record(raw, self.mesh)
        try:
            new = self.records.take(record)
        except records.Dropped:
            return
        if isinstance(new, dict):
            self.on_proof(None, new, wire.encode('proof', new))
            return
        if new:
            self.write('RECORD', raw)
            self.pass_on(record, link)
        elif record.slot[2] != records.CLASS['urgent'] and record.device != self.keys.device.public:
            self.came_again(link)
        self.acknowledge(record, link if not new else None)

    def came_again(self, link):
        """Rule 10.6."""
        link.again += 1
        if link.again == DUPLICATES:
            self.prune(link)

    def prune(self, link):
        link.send('PRUNE', {})
        link.eager = False
        for other in self.links:
            other.again = 0

    def acknowledge(self, record, only):
        """Rule 10.7: to the household of the record's slot, for it is on the disk."""
        if record.device == self.keys.device.public:
            return
        owner = self.roster.fold.devices[record.slot[0]].household
        for link in self.others(None):
            if link.device.household == owner and only in (None, link):
                link.send('ACK', {'ids': record.id})

    def on_ack(self, link, message, raw):
        for ident in roster.ids_of(message['ids']):
            self.acked.setdefault(ident, set()).add(link.device.household)

    def on_proof(self, link, message, raw):
        try:
            new = self.records.take_proof(message)
        except records.Dropped:
            return
        if new:
            self.tell('PROOF', raw, link)

    def pass_on(self, record, origin):
        """At once, or announced (rules 10.2 to 10.4)."""
        for link in self.others(origin):
            urgent = record.slot[2] == records.CLASS['urgent']
            if not link.ops_equal:
                continue
            sid = crypto.short(link.salt, record.id).to_bytes(8, 'big')
            if urgent and sid in link.theirs:
                link.send('IDONTWANT', {'ids': sid})
            elif link.eager or urgent and link.urgent_waiting() < AT_ONCE:
                link.send('RECORD', record.raw, record.slot[2] if record.slot[2] < 3 else 3)
            else:
                self.announce(link, record)

    def announce(self, link, record):
        if not link.announced:
            asyncio.get_running_loop().call_later(COLLECTED, self.announce_all, link)
        link.announced.append(crypto.short(link.salt, record.id).to_bytes(8, 'big'))

    @staticmethod
    def announce_all(link):
        sids, link.announced = link.announced, []
        for i in range(0, len(sids), SIDS):
            link.send('IHAVE', {'ids': b''.join(sids[i:i + SIDS])})

    def lacking(self, link, sids):
        have = {crypto.short(link.salt, ident).to_bytes(8, 'big') for ident in self.records.held}
        return [sid for sid in sids if sid not in have]

    def on_ihave(self, link, message, raw):
        sids = [message['ids'][i:i + 8] for i in range(0, len(message['ids']), 8)]
        asyncio.get_running_loop().call_later(GRAFT_AFTER, self.graft, link, sids)

    def graft(self, link, sids):
        lacking = self.lacking(link, sids)
        if lacking and link in self.links:
            link.send('GRAFT', {'ids': b''.join(lacking)})
            link.eager, link.again = True, 0

    def on_graft(self, link, message, raw):
        have = {crypto.short(link.salt, record.id).to_bytes(8, 'big'): record for record in self.records.sendable()}
        for i in range(0, len(message['ids']), 8):
            record = have.get(message['ids'][i:i + 8])
            if record:
                link.send('RECORD', record.raw, links.BULK)
        link.eager, link.again = True, 0

    def on_idontwant(self, link, message, raw):
        """Rule 10.11; what is in a queue already goes all the same."""
        link.theirs.extend(message['ids'][i:i + 8] for i in range(0, len(message['ids']), 8))

    def on_prune(self, link, message, raw):
        link.eager = False

    # -- spreading --

    def others(self, origin):
        return [link for link in self.links if link.up and link is not origin and not link.closing]

    def spread(self, name, raw, origin):
        for link in self.others(origin):
            link.send(name, raw)

    def tell(self, name, raw, origin):
        """To the disk, and then to everybody else."""
        self.write(name, raw)
        self.spread(name, raw, origin)

    # -- reconciliation --

    def elements(self, name, until):
        """(time, id, message, its bytes) of each element of a set (rule 9.1)."""
        if name == 'ops':
            yield from ((op.time, op.id, 'OP', op.raw) for op in self.roster.ops.values())
            yield from ((epoch.time, epoch.hash, 'EPOCH_KEY', epoch) for epoch in self.epochs.with_keys())
            yield from ((message['time'], ident, 'REVOKE', raw) for ident, (message, raw) in self.revokes.items()
                        if message['expires'] > until + LEAVING)
        elif name == 'contacts':
            yield from self.contacts.elements()
        else:
            yield from self.records.elements(until)

    def compare(self, link, names):
        """Opens sessions for these sets, one after the other, when the one that runs is over."""
        running = link.session and link.session.name
        link.to_compare = [name for name in names if name != running]
        if not running:
            self.compare_next(link)

    def compare_next(self, link):
        link.session = None
        if link.to_compare:
            name, until = link.to_compare.pop(0), int(time.time())
            link.session = Session(name, until, self.elements(name, until), link.salt)
            self.say(link, link.session.side.open())

    def say(self, link, ranges):
        session = link.session
        link.send('RECON', {'set': SET[session.name], 'round': session.round, 'until': session.until, 'ranges': ranges})
        session.round, session.asked = session.round + 1, time.monotonic()

    def give_up(self, link):
        name, link.session = link.session.name, None
        if link.initiator and name not in link.compared:
            link.to_compare.insert(0, name)
            self.compare_next(link)

    def on_recon(self, link, message, raw):
        name = wire.TABLES.enums['set'].get(message['set'])
        if not link.initiator and message['round'] == 0 and name:
            link.ops_equal |= name != 'ops'
            link.session = Session(name, message['until'], self.elements(name, message['until']), link.salt)
        session = link.session
        if not session or session.name != name or message['round'] != session.round:
            return
        session.round += 1
        answer = session.side.take(message['ranges'])
        self.owe(link, [session.by_sid[sid] for sid in session.side.owed])
        if answer and session.round < ROUNDS:
            self.say(link, answer)
        if session.side.over:
            self.compared(link, session.name)

    def compared(self, link, name):
        link.compared.add(name)
        link.session = None
        if link.initiator:
            link.ops_equal |= name == 'ops'
            self.compare_next(link)

    def owe(self, link, things):
        """Rule 9.24."""
        place = {op.raw: number for number, op in enumerate(self.roster.ops.values())}
        for name, what in sorted(things, key=lambda thing: place.get(thing[1], len(place))):
            if name == 'EPOCH_KEY':
                self.hand_over(link, what)
            else:
                link.send(name, what, links.BULK)

    # -- for people --

    async def post(self, kind, text, cell):
        """The id of an alert of one's own, once it is on the disk and on its way."""
        epoch, device, now = self.epochs.usable(), self.me(), int(time.time())
        if not epoch or not device:
            raise RuntimeError('not in the mesh, or no epoch that may be used')
        alert, life = records.alert_of(kind, text, cell)
        klass = records.class_of(alert)
        slot = self.records.free_slot(device, klass, now // DAY)
        return self.publish(epoch, 'alert', slot, now, min(life, records.LIVES[klass]), alert)

    def publish(self, epoch, kind, slot, now, life, plain):
        raw = records.write(self.keys.device, self.mesh, epoch, records.RECORD[kind], slot, now, now + life,
                            wire.encode(kind, plain))
        record = records.Record(raw, self.mesh)
        self.records.take(record)
        self.write('RECORD', raw)
        self.pass_on(record, None)
        return record.id.hex()

    async def say_footage(self, kind, plain):
        """A notice or an ask of one's own."""
        epoch, device, now = self.epochs.usable(), self.me(), int(time.time())
        days = records.ASK_DAYS if kind == 'ask' else 1
        slot = self.records.free_slot(device, records.CLASS[kind], now // DAY // days * days)
        return self.publish(epoch, kind, slot, now, DAY, {**plain, 'salt': os.urandom(16)})

    def alerts(self):
        """What can be read here, by id."""
        fold, found = self.roster.fold, {}
        for record in list(self.records.held.values()):
            alert = self.records.alert(record)
            if alert:
                home = fold.homes[fold.devices[record.device].household]
                found[record.id.hex()] = {'household': home.name, 'kind': wire.TABLES.enums['kind'].get(alert['kind']),
                                          'text': alert.get('text', ''), 'cell': alert['cell']}
        return found

    def footage(self):
        """Notices and asks that can be read here, by id."""
        found = {}
        for record in list(self.records.held.values()):
            said = self.records.footage(record)
            if said:
                found[record.id.hex()] = said
        return found

    def members(self):
        return sorted(home.name for home in self.roster.fold.members().values()) if self.roster.fold else []


class Thread:
    """An event loop of its own, so that whoever waits for a command to end does not stop the nodes."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, task, seconds=30.0):
        return asyncio.run_coroutine_threadsafe(task, self.loop).result(seconds)
