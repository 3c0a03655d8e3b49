#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second implementation, written in Python from proto/PROTOCOL.md alone, lives in a street of real daemons.

If a case fails here and nowhere else, the text and the daemon disagree: one of the two has to change.
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'support')]
import crypto  # noqa: E402
import epochs  # noqa: E402
import host  # noqa: E402
import names  # noqa: E402
import node  # noqa: E402
import recon  # noqa: E402
import records  # noqa: E402
import roster  # noqa: E402
import street  # noqa: E402
import ticket  # noqa: E402
import wire  # noqa: E402
from street import check, equal  # noqa: E402

VECTORS = os.path.join(wire.PROTO, 'vectors', 'messages.txt')
KEYS = os.path.join(wire.PROTO, 'vectors', 'epoch-keys.txt')
SOON = 10.0       # seconds; what is here waited for takes a fraction of one
MINUTES = 200.0   # seconds of silence that a link survives only by PING, in the long form


def raises(kind, call, *args):
    try:
        call(*args)
    except kind:
        return True
    return False


class Stranger(node.Node):
    """Has a link key, and asks for the roster as if it were a member."""

    def shaken(self, link):
        now = int(time.time())
        link.send('HELLO', {'version': 1, 'time': now, 'until': now, 'ops': bytes(8), 'contacts': bytes(8),
                            'records': bytes(8)})
        link.send('RECON', {'set': 1, 'round': 0, 'until': now, 'ranges': recon.Side([]).open()})


class Unlisted(node.Node):
    """Says nobody where it is, so that nobody dials it."""

    def publish_first(self):
        pass


class Holder(host.Host):
    """Keeps new group keys to itself for a while, and what it writes under them is read by nobody yet."""

    holds_back = False

    def hand_over(self, link, epoch):
        if not self.holds_back:
            super().hand_over(link, epoch)


class Doorstep:
    """What a link is to the home that lets somebody in."""
    initiator, hello = False, {'joining': True}

    def __init__(self, static):
        self.static = static


class Second(street.Play):
    def open(self):
        if not crypto.here():
            raise street.Skip('libsodium is not found by ctypes: the second implementation was NOT tried '
                              '(apt-get install libsodium23)')
        self.homes = self.street(2).homes
        self.anna, self.ben = self.homes
        self.threads = node.Thread()
        self.text = self.anna.invite()
        self.sia = self.second('Sia in Python', self.text)

    def second(self, name, text):
        return Holder(os.path.join(self.folder, name), name, text)

    def run(self, task):
        return self.threads.run(task)

    def do(self, call, *args):
        """A call on the thread that the nodes live on."""
        async def there():
            return call(*args)
        return self.run(there())

    def wait_in(self, home):
        try:
            self.wait(home.is_in, f'{home.name} to be in', SOON)
        except street.Failure as why:
            ends = [(link.reason, link.bye) for link in home.ended]
            raise street.Failure(f'{why}: {home.refused}, links ended {ends}, contested {home.contested}') from None

    def link_to(self, daemon, home):
        """The link of a second implementation to a daemon, once it is up."""
        key = bytes.fromhex(daemon.state()['device_id'])
        return self.wait(lambda: self.up_to(home, key), f'{home.name} to have a link to {daemon.name}', SOON)

    @staticmethod
    def up_to(home, key):
        links = [link for link in list(home.links) if link.up and not link.closing]
        return next((link for link in links if link.device.sign == key), None)

    # -- the text itself --

    def case_vectors(self):
        """every golden vector is read and written again, byte for byte"""
        seen = set()
        with open(VECTORS, encoding='utf-8') as file:
            for line in file:
                if line.startswith('#'):
                    continue
                name, data = line.split(' ')[:2]
                data = bytes.fromhex(data)
                equal(wire.encode(name, wire.decode(name, data)), data, name)
                check(raises(wire.Bad, wire.decode, name, data + b'\0'), f'{name} with a byte behind it is taken')
                check(raises(wire.Bad, wire.decode, name, data[:-1]), f'{name} without its last byte is taken')
                seen.add(name)
        equal(seen, set(wire.TABLES.fields), 'messages with a vector')
        print(f'# {len(seen)} vectors')

    def case_examples(self):
        """the examples of PROTOCOL.md come out"""
        mesh, key = b'\x11' * 32, b'\x22' * 32
        for got, want in (
                (wire.encode('charter_row', {'key': 2, 'value': 2}).hex(), '8201020202'),
                (crypto.hashed(b'removed set', mesh, b'').hex(),
                 '05a18640547d5df8eb7dffed1e6cdafe3b3d9559ea0351f1f782e978db95444a'),
                (crypto.hashed(b'commit link key', mesh, key).hex(),
                 '7b42be7618d709efe39b01bb47c9d15e84f1aba351531ed0eb1a7a4f015ed4b5'),
                (crypto.derive(b'day', key).hex(), 'd462799b518331a7a946b15e86b98c45d239278263ccdf37eec06159aeea0b22'),
                (f'{crypto.short(bytes(range(16)), bytes(range(32))):016x}', '7127512f72f27cce'),
                (recon.fingerprint([(0, 0x0102030405060708), (0, 0x1112131415161718)]).hex(), '37e66ffc4771873c'),
                (recon.Side([]).open().hex(), '000200'),
                (recon.Side([]).take(bytes.fromhex('000202' + '01' * 16)).hex(), '00030203')):
            equal(got, want, 'an example')

    def case_epoch_keys(self):
        """the example of an epoch's keys comes out, and each day's key proves itself"""
        with open(KEYS, encoding='utf-8') as file:
            lines = [line.split() for line in file if line.strip() and not line.startswith('#')]
        (_, mesh), (_, root), *lines = lines
        mesh, root, days = bytes.fromhex(mesh), bytes.fromhex(root), []
        for name, value in lines:
            if name == 'day':
                days.append((int(value), [], []))
            else:
                days[-1][1 if name == 'key' else 2].append(bytes.fromhex(value))
        first = epochs.Tree(mesh, 0, days[0][1][0], [])
        for day, (key,), left in days:
            equal(left, first.left_of(day), f'what lies left of day {day}')
            equal(epochs.Tree(mesh, day, key, left).node(0, epochs.DAYS), root, f'the root from day {day}')
        equal(days[-1][0], epochs.DAYS - 1, 'the last day')

    def case_strict(self):
        """what section 2 forbids is refused"""
        for data, why in (('82 0102 0102', 'a key twice'), ('82 0202 0102', 'keys that fall'),
                          ('82 0102 02cc02', 'a long form'), ('82 0102 0202 03', 'something behind'),
                          ('82 0102 c0', 'nil'), ('82 0102 0ac3', 'no value'), ('83 0102 0202 c403', 'half a value'),
                          ('de0002 0102 0202', 'a long header'), ('83 0102 0202 3fca00000000', 'a float, skipped'),
                          ('82 0140 0202', 'out of bounds'), ('83 0102 0202 3f919191919100', 'nested too deep')):
            check(raises(wire.Bad, wire.decode, 'charter_row', bytes.fromhex(data)), f'{why} is taken')
        unknown = wire.decode('charter_row', bytes.fromhex('83 0102 0202 3f9191919100'))
        equal(unknown, {'key': 2, 'value': 2}, 'a message with a key that nobody knows')

    # -- joining --

    def case_ticket(self):
        """a ticket is read, its check words are the daemon's, and a changed one is refused"""
        shown = self.anna.one('invite', 'show', self.text)
        equal(self.sia.ticket.check_words(), shown['check_words'], 'the check words')
        equal(self.sia.ticket.fields['mesh_name'], 'Elm Street', 'the name of the mesh')
        spaced = ' '.join(self.text[i:i + 5] for i in range(0, len(self.text), 5)).lower()
        equal(ticket.Ticket(spaced).raw, self.sia.ticket.raw, 'the ticket in small letters, with spaces')
        for i in range(40, len(self.text), 97):
            changed = self.text[:i] + ('A' if self.text[i] != 'A' else 'B') + self.text[i + 1:]
            check(raises((wire.Bad, crypto.Wrong), ticket.Ticket, changed), f'letter {i} changed, and it is taken')

    def case_join(self):
        """it joins by the ticket, and both daemons list it"""
        self.before = self.anna.post('fire', 'Behind the garages')
        self.run(self.sia.start())
        self.wait_in(self.sia)
        for home in self.homes:
            self.wait(lambda: self.sia.name in {row['name'] for row in home.json('member', 'list')},
                      f'{home.name} to list it', SOON)
        equal(self.sia.members(), sorted(row['name'] for row in self.anna.json('member', 'list')), 'the members')

    def case_ticket_spent(self):
        """the same ticket admits nobody else"""
        late = self.second('Late', self.text)
        self.run(late.start())
        equal(self.wait(lambda: late.refused, 'the refusal', SOON), 'ticket-used', 'the reason')
        self.run(late.stop())

    def case_name(self):
        """a name that seems to hold an office is refused here and there"""
        late = self.second('P0LIZEl Nord', self.anna.invite())
        self.run(late.start())
        equal(self.wait(lambda: late.refused, 'the refusal', SOON), 'name-refused', 'the reason of the daemon')
        self.run(late.stop())
        check(not names.good_household(late.name), f'{late.name} is good enough for the second implementation')
        late = self.second('Fire Rescue', self.do(self.sia.invite))
        self.run(late.start())
        equal(self.wait(lambda: late.refused, 'the refusal', SOON), 'name-refused', 'the reason of the second')
        self.run(late.stop())

    def case_invite(self):
        """a daemon joins by a ticket the second has written, admitted by it, and spends it"""
        text = self.do(self.sia.invite)
        cleo = self.cleo = self.home('Cleo').start()
        equal(cleo.one('invite', 'show', text)['check_words'], ticket.Ticket(text).check_words(), 'the check words')
        cleo.join(text)
        self.homes.append(cleo)
        for home in self.homes:
            self.wait(lambda: home.state()['homes'] == 4, f'{home.name} to know of it', SOON)
        late = self.home('Late').start()
        late.refused('ticket-used', street.REFUSED, 'join', text, '--household', late.name, '--no-passphrase')
        late.stop()

    def case_revoked(self):
        """a ticket its household takes back admits nobody, whoever is asked"""
        text = self.anna.invite('--for', 'Nobody')
        ident = next(row['id'] for row in self.anna.json('invite', 'list') if row.get('label') == 'Nobody')
        self.anna.cli('invite', 'revoke', ident, code=0)
        self.wait(lambda: self.sia.revokes, 'the word of it', SOON)
        late = self.second('Nobody', text)
        self.run(late.start(dial=False))
        self.do(late.dial, self.sia.address)
        equal(self.wait(lambda: late.refused, 'the refusal', SOON), 'ticket-revoked', 'the reason')
        self.run(late.stop())

    # -- alerts --

    def case_read(self):
        """it reads an alert that is older than itself, and one that is posted now"""
        now = self.ben.post('noise', 'A bang, cause unknown')
        for posted, home, kind, text in ((self.before, self.anna, 'fire', 'Behind the garages'),
                                         (now, self.ben, 'noise', 'A bang, cause unknown')):
            row = self.wait(lambda: self.sia.alerts().get(posted['id']), f'the alert of {home.name}', SOON)
            equal((row['household'], row['kind'], row['text']), (home.name, kind, text), 'the alert')
        self.cell = row['cell']

    def case_called(self):
        """a daemon that knows it from its contact alone dials it, and compares its sets with it"""
        link = self.link_to(self.ben, self.sia)
        equal(link.initiator, False, 'who dialled')
        self.wait(lambda: link.ops_equal, 'the operations to be equal', SOON)

    def case_post(self):
        """its alerts are shown by every daemon and acknowledged by every one"""
        for kind, text in (('smoke', 'Cellar of no. 7, grüner Eingang'), ('missing-pet', 'Grey cat, shy')):
            alert = self.run(self.sia.post(kind, text, self.cell))
            self.wait_all_have(self.homes, alert, SOON)
            for home in self.homes:
                row = home.alerts()[alert]
                equal((row['household'], row['kind'], row['text'], row['mine'], row['state']),
                      (self.sia.name, kind, text, False, 'active'), f'the alert as {home.name} shows it')
            self.wait(lambda: len(self.sia.acked.get(bytes.fromhex(alert), ())) == len(self.homes),
                      'every home to acknowledge', SOON)

    def case_footage(self):
        """asks and notices go both ways, and what each says is what the other shows"""
        to = int(time.time()) - 3600
        said = {'cell': self.cell, 'radius': 200, 'from': to - 7200, 'to': to, 'reason': 'Ein Fahrrad, grün'}
        ask = self.run(self.sia.say_footage('ask', said))
        notice = {'cell': self.cell, 'from': to - 60, 'to': to, 'clip': bytes(31) + b'\x07'}
        alert = self.anna.post('theft', 'A bicycle')['id']
        self.run(self.sia.say_footage('notice', {**notice, 'alert': bytes.fromhex(alert)}))
        for home in self.homes:
            row = self.wait(lambda h=home: next((row for row in h.json('ask', 'list') if row['id'] == ask), None), 'the ask', SOON)
            equal((row['household'], row['radius'], row['reason']), (self.sia.name, 200, said['reason']),
                  f'the ask as {home.name} shows it')
            told = self.wait(lambda h=home: h.json('alert', 'show', alert)[1:], 'the notice', SOON)[0]
            equal((told['household'], told['clip']), (self.sia.name, notice['clip'].hex()), f'the notice at {home.name}')
        mine = self.anna.one('ask', 'post', '--area', 'home', '--radius', '50m', '--from', '-3h', '--to', '-2h', '--reason', 'Wer?')
        kind, plain = self.wait(lambda: self.sia.footage().get(mine['id']), 'the ask of a daemon', SOON)
        equal((kind, plain['radius'], plain['to'] - plain['from'], plain['reason']), ('ask', 50, 3600, 'Wer?'), 'what it says')

    def case_acknowledge(self):
        """what it has on its disk counts for the daemon that posted it"""
        self.wait(lambda: len(self.anna.linked()) == len(self.homes), 'the links of the first home', SOON)
        equal(self.anna.post('hazard', 'A loose cable')['handed_to'], len(self.homes), 'homes that have it')

    def case_follow(self):
        """a retraction takes the text from it as well"""
        posted = self.ben.post('theft', 'Words that should not have been posted')
        self.wait(lambda: posted['id'] in self.sia.alerts(), 'the alert', SOON)
        self.ben.one('alert', 'retract', posted['id'], '--yes')
        self.wait(lambda: posted['id'] not in self.sia.alerts(), 'the retraction', SOON)

    # -- links --

    def case_ping(self):
        """PING is answered by PONG"""
        link = self.link_to(self.anna, self.sia)
        before = link.got['PONG']
        self.do(link.send, 'PING', {})
        self.wait(lambda: link.got['PONG'] > before, 'the answer', SOON)

    def case_announce(self):
        """after PRUNE records are announced and fetched by GRAFT, both ways"""
        links = [self.link_to(home, self.sia) for home in self.homes]
        for link in links:
            self.do(self.sia.prune, link)
        posted = self.anna.post('noise', 'Announced by a daemon')
        self.wait(lambda: posted['id'] in self.sia.alerts(), 'the alert', SOON)
        check(any(link.got['IHAVE'] for link in links), 'no daemon announced it')
        for link in links:
            self.do(self.sia.prune, link)
        alert = self.run(self.sia.post('noise', 'Announced by the second', self.cell))
        self.wait_all_have(self.homes, alert, SOON)
        check(any(link.got['GRAFT'] for link in links), 'no daemon asked for it')

    def case_restart(self):
        """after a restart it knows what it knew, and uses no slot twice"""
        before = self.sia.alerts()
        self.run(self.sia.stop())
        self.sia = self.second(self.sia.name, self.text)
        equal(self.sia.alerts(), before, 'the alerts')
        self.run(self.sia.start())
        self.link_to(self.anna, self.sia)
        alert = self.run(self.sia.post('noise', 'Back again', self.cell))
        self.wait_all_have(self.homes, alert, SOON)

    def case_minutes(self):
        """a quiet link lives on by PING (the long form)"""
        if not self.full:
            raise street.Skip('takes some minutes: --full')
        links = [self.link_to(home, self.sia) for home in self.homes]
        end = time.monotonic() + MINUTES
        self.wait(lambda: time.monotonic() > end, 'the time to pass', MINUTES + SOON)
        check(all(link.up and not link.closing for link in links), 'a link has ended')
        check(any(link.got['PING'] + link.got['PONG'] for link in links), 'nobody asked')

    # -- what it must not put up with --

    def case_forged(self):
        """what is forged ends the link, at the daemon and here"""
        mallory = Unlisted(os.path.join(self.folder, 'mallory'), 'Mallory', self.anna.invite())
        self.run(mallory.start())
        self.wait_in(mallory)
        for name, raw in self.forged(mallory):
            for key, place in ((self.sia.keys.device.public, self.sia.address),
                               (bytes.fromhex(self.anna.state()['device_id']), self.anna.place())):
                if not self.up_to(mallory, key):
                    self.do(mallory.dial, place)
                link = self.wait(lambda: self.up_to(mallory, key), 'a link', SOON)
                self.do(link.send, name, raw)
                self.wait(lambda: link.bye, f'the other side to hang up on {name}', SOON)
                equal(link.bye, 'bad-signature', f'why it hung up on {name}')
        self.run(mallory.stop())
        equal([row for row in self.anna.alerts().values() if row['text'] == 'Forged'], [], 'what is shown of it')

    @staticmethod
    def forged(home):
        """Messages that a member could make, each with one bit that is wrong."""
        def bent(raw):
            return raw[:-1] + bytes([raw[-1] ^ 1])
        epoch, now = home.epochs.usable(), int(time.time())
        alert, life = records.alert_of('noise', 'Forged', 62381238355)
        slot = home.keys.device.public, now // 86400, records.CLASS['normal'], 7
        yield 'RECORD', bent(records.write(home.keys.device, home.mesh, epoch, records.RECORD['alert'], slot, now,
                                           now + life, wire.encode('alert', alert)))
        yield 'CONTACT', bent(home.contacts.write(home.keys.device, epoch, home.address).raw)
        yield 'OP', bent(home.me().op.raw)
        yield 'EPOCH_KEY', wire.encode('epoch_key', {**epoch.message(epoch.day), 'key': bytes(32)})

    def case_stranger(self):
        """somebody with the link key who is no member hears nothing, neither from the daemon nor here"""
        stranger = Stranger(os.path.join(self.folder, 'stranger'), 'Stranger', self.anna.invite())
        self.run(stranger.start(dial=False))
        for number, address in enumerate((self.anna.place(), self.sia.address), 1):
            self.do(stranger.dial, address)
            self.wait(lambda: len(stranger.ended) == number, 'the other side to hang up', SOON)
            equal(dict(stranger.ended[-1].got), {}, 'what it heard')
        self.run(stranger.stop())

    def case_removed(self):
        """a home that was removed is hung up on, and the next post is under keys it does not have"""
        link = self.link_to(self.ben, self.sia)
        old = self.sia.epochs.usable()
        self.anna.cli('member', 'remove', self.ben.name, '--reason', 'moved away', '--yes', code=0)
        self.wait(lambda: link not in self.sia.links, 'the link to end', SOON)
        equal(link.bye, None, 'what the other said')
        new = self.wait(self.sia.epochs.usable, 'the new epoch', SOON)
        check(new.fields['generation'] > old.fields['generation'], 'an epoch of before')
        alert = self.run(self.sia.post('noise', 'Among us', self.cell))
        self.wait_all_have([self.anna], alert, SOON)
        check(not self.ben.has(alert), 'the removed home reads it')

    def case_equal(self):
        """who comes after the removal has the same three sets, to the last element"""
        text = self.anna.invite()
        late = self.second('Late', text)
        self.run(late.start())
        self.wait_in(late)

        def same():
            late = self.second('Late', text)
            self.run(late.start())
            differed = self.link_to(self.anna, late).differed
            self.run(late.stop())
            return not differed
        self.run(late.stop())
        self.wait(same, 'the digests of both greetings to be equal', SOON)

    def case_epoch(self):
        """where keys must change and no daemon is there, it makes the epoch, and the daemon writes under it"""
        self.anna.stop()
        self.cleo.cli('mesh', 'leave', '--yes', code=0)
        self.wait(lambda: self.cleo.name not in self.sia.members(), 'the leave', SOON)
        equal(self.sia.epochs.usable(), None, 'an epoch of before')
        epoch = self.do(self.sia.make_epoch)
        alert = self.run(self.sia.post('noise', 'Under fresh keys', self.cell))
        self.anna.start()
        self.wait_all_have([self.anna], alert)
        self.link_to(self.anna, self.sia)
        posted = self.anna.post('noise', 'Under the same')
        self.wait(lambda: posted['id'] in self.sia.alerts(), 'the alert', SOON)
        record = self.sia.records.held[bytes.fromhex(posted['id'])]
        equal(record.fields['epoch'], epoch.id, 'the epoch of the daemon')

    def case_late_key(self):
        """an alert that a daemon has had since before its restart is shown, and told of once, when the key comes"""
        self.sia.holds_back = True
        epoch = self.do(self.sia.make_epoch)
        alert = self.run(self.sia.post('noise', 'Before its key', self.cell))
        self.wait(lambda: bytes.fromhex(alert) in self.sia.acked, 'the alert to be on the disk of the daemon', SOON)
        self.anna.stop()
        self.anna.start()
        link = self.link_to(self.anna, self.sia)
        check(not self.anna.has(alert), 'it is shown without a key: this test shows nothing')
        watch = self.anna.watch()
        self.sia.holds_back = False
        self.do(self.sia.hand_over, link, epoch)
        event = watch.next(SOON)
        equal((event['event'], event['alert']['id']), ('posted', alert), 'what was told')
        check(alert in self.anna.alerts(), '`nearby` does not show it')
        posted = self.anna.post('noise', 'After it')
        event = watch.next(SOON)
        equal((event['event'], event['alert']['id']), ('posted', posted['id']), 'what was told next')
        watch.close()

    def case_many_leave(self):
        """where more leave at once than a header can name, each side takes what the other makes of it"""
        leaves, names = self.crowd(19), lambda epoch: epochs.ids_of(epoch.fields['frontier'])
        self.wait(lambda: len(self.anna.json('member', 'list')) >= len(self.sia.members()), 'all to be let in', SOON)
        self.anna.stop()
        for leave in leaves[2:]:
            self.do(self.sia.on_op, None, None, leave)
        equal(self.sia.epochs.usable(), None, 'an epoch of before')
        self.anna.start()
        epoch = self.wait(self.sia.epochs.usable, 'the epoch of the daemon', SOON)
        check(any(name in self.sia.epochs.all for name in names(epoch)), 'no epoch stands for others: this shows nothing')
        posted = self.anna.post('noise', 'Seventeen fewer')
        self.wait(lambda: posted['id'] in self.sia.alerts(), 'the alert', SOON)

        self.anna.stop()
        for leave in leaves[:2]:
            self.do(self.sia.on_op, None, None, leave)
        epoch = self.do(self.sia.make_epoch)
        check(any(name in self.sia.epochs.all for name in names(epoch)), 'no epoch stands for others: this shows nothing')
        alert = self.run(self.sia.post('noise', 'Nineteen fewer', self.cell))
        self.anna.start()
        self.wait_all_have([self.anna], alert)

    def case_more_than_may_stand(self):
        """of homes whose adds name nothing of each other as many stand as the charter says, here and there the same"""
        text, before, most = self.sia.invite(30), len(self.sia.members()), self.sia.roster.fold.charter['home_invites']
        for i in range(most + 6):
            one = node.Node(os.path.join(self.folder, f'extra {i}'), f'Extra {i}', text)
            op = roster.Op(one.plea(), self.sia.mesh, on_its_way=True)
            op.time = int(time.time())
            self.do(self.sia.countersign, op, [self.sia.me().op.id])
            one.journal.close()
        equal(len(self.sia.members()), before + most, 'members by the second implementation')
        equal(len(self.sia.roster.fold.waiting), 6, 'homes that wait')
        mine = {key.hex() for key in self.sia.roster.fold.members()}
        self.wait(lambda: self.same_members(mine), 'the daemon to say the same', SOON)
        equal([home['waits'] for home in self.anna.json('member', 'list') if 'waits' in home], 6 * ['place'], 'who waits')
        equal(self.anna.cli('member', 'list', code=0).out.count('WAITS FOR A PLACE'), 6, 'lines for people')

    def same_members(self, mine):
        return {home['id'] for home in self.anna.json('member', 'list') if 'waits' not in home} == mine

    def crowd(self, count):
        """Lets households in that have no machine. What each would sign to leave, as if it were the only one."""
        text, leaves = self.anna.invite('--count', str(count)), []
        for i in range(count):
            one = node.Node(os.path.join(self.folder, f'crowd {i}'), f'Crowd {i}', text)
            key = one.keys.household
            self.do(self.sia.admit, Doorstep(one.keys.noise.public), one.plea())
            fields = {'type': roster.OP['leave'], 'household': key.public, 'seq': 1, 'time': int(time.time()),
                      'parents': self.sia.roster.fold.homes[key.public].op.id}
            digest = crypto.hashed(b'operation', self.sia.mesh, wire.pairs('op', fields))
            leaves.append(wire.encode('op', {**fields, 'sig': key.sign(b'operation', digest)}))
            one.journal.close()
        return leaves


if __name__ == '__main__':
    street.main(Second)
