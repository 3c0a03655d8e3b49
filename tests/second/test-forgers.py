#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A member whose program brings papers about clips that no honest home brings, and those of an honest one: the second
implementation, over links for footage (PROTOCOL 15.60 to 15.71)."""
import asyncio
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'support')]
import crypto  # noqa: E402
import link as links  # noqa: E402
import node  # noqa: E402
import street  # noqa: E402
import wire  # noqa: E402
from street import check, equal  # noqa: E402

SOON = 10.0  # seconds; what is here waited for takes a fraction of one
DAY = 86400
NOWHERE = b'\xc1' * 32  # a clip that nobody has


def flipped(raw):
    """Another last byte: of a signature it is often zero already."""
    return raw[:-1] + bytes([raw[-1] ^ 1])


class Carrier(node.Node):
    """Says over links for footage what it is told to, and keeps what comes. Nobody knows where it is, so nobody dials it."""

    def publish_first(self):
        pass

    async def haul(self, place):
        reader, writer = await asyncio.open_connection(*place, limit=links.BUFFERED)
        link = links.Link(self, reader, writer, True, self.epochs.link_keys())
        link.haul, link.papers, link.goodbye = True, [], None
        link.ready = False
        asyncio.create_task(self.begin(link))
        return link

    def shaken(self, link):
        if not getattr(link, 'haul', False):
            super().shaken(link)
            return
        now = int(time.time())
        link.send('HELLO', {'version': 1, 'time': now, 'until': now, 'ops': bytes(8), 'contacts': bytes(8),
                            'records': bytes(8), 'haul': True})

    def take(self, link, name, message, raw):
        if not getattr(link, 'haul', False):
            super().take(link, name, message, raw)
        elif name == 'HELLO':
            link.ready = link.up = True
        elif name == 'BYE':
            link.goodbye = wire.TABLES.enums['reason'].get(message['reason'])
        elif name != 'OP':
            link.papers.append((name, message))

    def closed(self, link):
        link.closing = True
        if not getattr(link, 'haul', False):
            super().closed(link)

    # -- papers --

    def paper(self, kind, text, fields, signer):
        """(id, bytes): rule 15.5."""
        digest = crypto.hashed(text, self.mesh, wire.encode(kind, fields, len(fields) + 1))
        return digest, wire.encode(kind, {**fields, 'sig': signer.sign(text, digest)})

    def request(self, clip, number=0, life=DAY, **other):
        now = int(time.time())
        fields = {'clip': clip, 'household': self.keys.household.public, 'device': self.keys.device.public,
                  'reason': f'number {number}', 'created': now, 'expires': now + life, **other}
        return self.paper('request', b'request', fields, self.keys.device)

    def receipt(self, grant, clip, **other):
        fields = {'grant': grant, 'clip': clip, 'household': self.keys.household.public, 'created': int(time.time()), **other}
        return self.paper('receipt', b'receipt', fields, self.keys.household)

    def manifest(self, number):
        """Of a clip that nobody has, the @number-th of her device."""
        fields = {'device': self.keys.device.public, 'household': self.keys.household.public, 'seq': number,
                  'created': int(time.time()), 'sure': True, 'camera': NOWHERE, 'media': 15, 'size': 1, 'chunks': 1,
                  'salt': bytes(16), 'hashes': NOWHERE, 'commit': NOWHERE} | ({'prev': NOWHERE} if number else {})
        return self.paper('manifest', b'manifest', fields, self.keys.device)

    def grant(self, clip, household):
        now = int(time.time())
        return self.paper('grant', b'grant', {'household': self.keys.household.public, 'clip': clip, 'to': household,
                                              'purpose': 'nothing', 'created': now, 'expires': now + DAY, 'line': 0},
                          self.keys.household)

    def own_grant(self, clip, household, device):
        """As the main device of that household would share a clip with a further one."""
        now = int(time.time())
        return self.paper('grant', b'grant', {'household': household, 'clip': clip, 'to': household, 'device': device,
                                              'purpose': 'nothing', 'created': now, 'expires': now + DAY, 'line': 0},
                          self.keys.household)

    def attest(self, grant, what, **other):
        fields = {'grant': grant, 'device': self.keys.device.public, 'what': wire.enum('attested', what),
                  'created': int(time.time()), **other}
        return self.paper('attest', b'attestation', fields, self.keys.device)


class Forgers(street.Play):
    def open(self):
        if not crypto.here():
            raise street.Skip('libsodium is not found by ctypes: the second implementation was NOT tried '
                              '(apt-get install libsodium23)')
        self.homes = self.street(2).homes
        self.anna, self.ben = self.homes
        self.threads = node.Thread()
        self.sia = Carrier(os.path.join(self.folder, 'Sia'), 'Sia', self.anna.invite())
        self.run(self.sia.start())
        self.wait(self.sia.is_in, 'Sia to be in', SOON)
        self.wait(lambda: 'Sia' in {row['name'] for row in self.anna.json('member', 'list')}, 'Anna to know her', SOON)
        self.link = None

    def run(self, task):
        return self.threads.run(task)

    def do(self, call, *args):
        async def there():
            return call(*args)
        return self.run(there())

    def haul(self):
        """A link for footage to Anna's daemon."""
        if not self.link or self.link.closing:
            self.link = self.run(self.sia.haul(self.anna.place()))
            self.wait(lambda: self.link.ready or self.link.closing, 'a link for footage', SOON)
            check(self.link.ready, f'no link for footage: {self.link.reason} {self.link.goodbye}')
        return self.link

    def bring(self, what, raw):
        self.do(self.haul().send, 'PAPER', {'what': wire.enum('paper', what), 'object': raw})

    def answered(self, link, ident):
        return [message.get('why', 0) for name, message in list(link.papers) if name == 'ANSWER' and message['about'] == ident]

    def ask(self, what, paper):
        """Brings it. What is answered: 0 where it is kept."""
        link = self.haul()
        before = len(self.answered(link, paper[0]))
        self.bring(what, paper[1])
        self.wait(lambda: len(self.answered(link, paper[0])) > before or link.closing, f'an answer to a {what}', SOON)
        check(not link.closing, f'the link went over a {what}: {link.goodbye}')
        return self.answered(link, paper[0])[-1]

    def hung_up(self, what, raw, why):
        link = self.haul()
        self.bring(what, raw)
        self.wait(lambda: link.closing, f'Anna to hang up over {why}', SOON)
        equal(link.papers and [name for name, _ in link.papers if name != 'ANSWER'], link.papers and [], 'what was said before')

    def clip(self, text):
        path = os.path.join(self.anna.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        return self.anna.one('clip', 'add', path, '--camera', 'front', '--from', '-10min', '--to', '-9min')['id']

    def ledger(self, clip):
        return [line['what'] for line in self.anna.json('ledger', 'list') if line.get('clip') == clip]

    # -- requests --

    def case_requests(self):
        """a request for a clip that is there, and for one that is nowhere, is answered in the same way; so it is when its author is muted"""
        clip = bytes.fromhex(self.clip(b'a clip'))
        here, nowhere = self.sia.request(clip), self.sia.request(NOWHERE)
        equal((self.ask('request', here), self.ask('request', nowhere)), (0, 0), 'the answers')
        equal((self.ask('request', here), self.ask('request', nowhere)), (0, 0), 'the answers to the same again')
        equal([row['clip'] for row in self.anna.json('inbox')], [clip.hex()], "Anna's inbox")
        self.anna.cli('grant', 'deny', here[0].hex()[:8], code=0)
        self.anna.cli('mute', 'add', 'Sia', code=0)
        equal((self.ask('request', here), self.ask('request', self.sia.request(clip, 1))), (0, 0), 'the answers to one who is muted')
        equal(self.anna.json('inbox'), [], "Anna's inbox, with Sia muted")
        self.anna.cli('mute', 'remove', 'Sia', code=0)
        equal(self.ask('request', self.sia.request(NOWHERE, 2)), 0, 'the fourth')
        equal(self.ask('request', self.sia.request(NOWHERE, 3)), wire.enum('refusal', 'not-now'), 'the fifth')
        equal({name for name, _ in self.link.papers}, {'ANSWER'}, 'what Anna said')

    def case_junk(self):
        """what no honest home brings ends the link, by name, and leaves nothing"""
        ben = bytes.fromhex(self.ben.state()['household_id'])
        other = crypto.Signer()
        before = self.anna.json('grant', 'requests')
        anna = bytes.fromhex(self.anna.state()['household_id'])
        hub = bytes.fromhex(self.anna.json('device', 'list')[0]['id'])
        gone = wire.encode('own_gone', {'clip': NOWHERE, 'device': hub})
        own = wire.encode('own_clip', {'clip': NOWHERE, 'sealed': bytes(80), 'camera': 'front', 'salt': bytes(32)})
        for what, raw, why in (
                ('request', b'\x81' + bytes(80), 'no paper'),
                ('request', flipped(self.sia.request(NOWHERE, 9)[1]), 'a wrong signature'),
                ('request', self.sia.request(NOWHERE, 9, household=ben)[1], "another household's name"),
                ('request', self.sia.request(NOWHERE, 9, life=8 * DAY)[1], 'a request that lives too long'),
                ('receipt', self.sia.receipt(NOWHERE, NOWHERE, household=ben)[1], "another household's receipt"),
                ('attest', self.sia.paper('attest', b'attestation', {'grant': NOWHERE, 'device': other.public, 'what': 2,
                                                                     'created': int(time.time())}, other)[1],
                 'the word of a device that is nobody\'s'),
                ('grant', self.sia.request(NOWHERE, 9)[1], 'a grant that is a request'),
                ('grant', self.sia.own_grant(NOWHERE, anna, hub)[1], 'a clip of her own that she shares with her own device'),
                ('own', own, 'a clip of a further device of hers'),
                ('own-gone', gone, 'word that a clip of hers is gone'),
                ('own-destroy', gone, 'an order to destroy a clip of hers')):
            self.hung_up(what, raw, why)
        equal(self.anna.json('grant', 'requests'), before, 'requests there are')
        with open(self.anna.log, encoding='utf-8') as log:
            check('Sia brings a request that no honest home brings; hanging up' in log.read(), 'the log does not name it')

    # -- grants --

    def given(self, clip):
        """Of a grant for Sia: its id, once it has come."""
        link = self.haul()
        self.anna.cli('clip', 'share', clip, '--with', 'Sia', '--purpose', 'the bicycle', '--yes', code=0)
        grant = next(row['grant'] for row in self.anna.json('grant', 'list') if row['clip'] == clip and row.get('name') == 'Sia')
        self.wait(lambda: [m for name, m in list(link.papers) if name == 'PAPER' and m['what'] == wire.enum('paper', 'grant')],
                  'the grant', SOON)
        return bytes.fromhex(grant)

    def boxes(self):
        return [message['box'] for name, message in list(self.link.papers) if name == 'BOX']

    def case_receipts(self):
        """a key comes behind a receipt that is right, again behind the same one, and behind no other"""
        self.link = None
        clip, for_ben = self.clip(b'for Sia'), self.clip(b'for Ben')
        self.anna.cli('clip', 'share', for_ben, '--with', self.ben.name, '--purpose', 'x', '--yes', code=0)
        bens = next(row['grant'] for row in self.anna.json('grant', 'list') if row['clip'] == for_ben)
        grant, raw_clip = self.given(clip), bytes.fromhex(clip)
        unknown, rule = wire.enum('refusal', 'unknown'), wire.enum('refusal', 'rule')
        equal(self.ask('receipt', self.sia.receipt(bytes.fromhex(bens), bytes.fromhex(for_ben))), unknown, "for Ben's grant")
        equal(self.ask('receipt', self.sia.receipt(grant, bytes.fromhex(for_ben))), rule, 'for another clip')
        equal(self.ask('attest', self.sia.attest(grant, 'complete')), rule, 'complete, with no key')
        equal((self.boxes(), self.ledger(clip)), ([], ['granted']), 'what left before')
        receipt = self.sia.receipt(grant, raw_clip)
        self.bring('receipt', receipt[1])
        self.wait(lambda: len(self.boxes()) == 1, 'the box', SOON)
        self.bring('receipt', receipt[1])
        self.wait(lambda: len(self.boxes()) == 2, 'the box again', SOON)
        equal((len(set(self.boxes())), len(self.boxes()[0])), (1, 80), 'the boxes')
        equal(self.ledger(clip), ['granted', 'receipt', 'released'], 'the ledger')
        equal(self.ask('attest', self.sia.attest(grant, 'complete')), 0, 'complete')
        equal(self.ask('attest', self.sia.attest(grant, 'complete')), 0, 'complete, again')
        equal(self.ledger(clip), ['granted', 'receipt', 'released', 'complete'], 'the ledger at the end')

    def case_taken_back(self):
        """of a grant that was taken back no key comes, whatever is signed"""
        clip = self.clip(b'taken back')
        self.link = None
        grant = self.given(clip)
        self.anna.cli('grant', 'revoke', grant.hex()[:8], '--yes', code=0)
        equal(self.ask('receipt', self.sia.receipt(grant, bytes.fromhex(clip))), wire.enum('refusal', 'over'), 'the receipt')
        equal((self.boxes(), self.ledger(clip)), ([], ['granted', 'revoked']), 'what left')
        posted = self.anna.post('theft', 'Alerts go on')
        self.wait_all_have([self.ben], posted['id'])

    def case_alike(self):
        """clips whose ids begin alike are told apart, and nothing is signed before"""
        self.link = None
        seen, pair, number = {}, None, 0
        while not pair:
            clip, raw = self.sia.manifest(number)
            pair = seen.get(clip[:2]) and (seen[clip[:2]], (clip, raw))
            seen[clip[:2]] = (clip, raw)
            number += 1
        anna = bytes.fromhex(self.anna.state()['household_id'])
        for clip, raw in pair:
            grant = self.sia.grant(clip, anna)
            self.bring('manifest', raw)
            equal(self.ask('grant', grant), 0, 'the answer to a grant')
        out = os.path.join(self.anna.folder, 'out')
        self.anna.refused('ambiguous', street.NOT_FOUND, 'clip', 'get', clip.hex()[:4], '-o', out)
        equal([row['state'] for row in self.anna.json('grant', 'list') if row['clip'] in [c.hex() for c, _ in pair]],
              ['offered', 'offered'], 'the grants')


if __name__ == '__main__':
    street.main(Forgers)
