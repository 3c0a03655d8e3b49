# SPDX-License-Identifier: Apache-2.0
"""Records: slots, quotas, classes, what voids what, and what an alert says (PROTOCOL 4)."""
import os
import struct
import time

import crypto
import roster
import wire

RECORD = {spelling: number for number, spelling in wire.TABLES.enums['record'].items()}
CLASS = {spelling: number for number, spelling in wire.TABLES.enums['class'].items()}
LIVES = {CLASS['urgent']: 86400, CLASS['normal']: 604800, CLASS['notice']: 259200, CLASS['ask']: 2592000}
ROWS = {CLASS['urgent']: 'urgent', CLASS['normal']: 'normal', CLASS['notice']: 'notices'}
ASKS, ASK_DAYS = 4, 30
QUOTA_MAX = 16384
AHEAD, LEAVING = 600, 120  # seconds
DAY, HOUR, MUTED_HOURS, MUTE_KEPT = 86400, 3600, 25, 2592000
BEHIND_BODY = 15
BODY_OVERHEAD = 40
ASK_SPAN, ASK_LIFE, NOTICE_SPAN = 7200, 604800, 86400  # seconds
BLANK = b'\t\n\r '


class Dropped(Exception):
    """Not taken, and without a word (rules 4.2 to 4.9)."""


def keep(good, why):
    if not good:
        raise Dropped(why)


class Record:
    def __init__(self, raw, mesh):
        self.raw, self.fields = raw, wire.decode('record', raw)
        self.id = crypto.hashed(b'record', mesh, b''.join(wire.before(raw, 16)))
        self.device, self.created, self.expires = (self.fields[name] for name in ('device', 'created', 'expires'))
        self.type, self.retraction = self.fields['type'], self.fields['type'] == RECORD['retract']
        self.slot = (self.fields.get('target_device', self.device), self.fields['day'], self.fields['klass'],
                     self.fields['index'])

    def check_header(self, fold):
        """Rules 4.2 to 4.8 and 4.17, all but what the time of day decides."""
        device, owner = fold.devices.get(self.device), fold.devices.get(self.slot[0])
        keep(device and owner and device.household == owner.household, 'nobody knows the device')
        _, day, klass, index = self.slot
        keep(klass in LIVES, 'no such class')
        keep(self.created < self.expires, 'it ends before it begins')
        keep(('target' in self.fields) == self.retraction, 'target')
        keep(self.retraction or 'target_device' not in self.fields, 'target_device')
        sensor = 'sensor' in self.fields and not self.retraction
        keep(index < quota(fold.charter, owner, klass, sensor), 'beyond the quota')
        made = self.created // DAY
        if self.retraction:
            keep(day <= made and (klass != CLASS['ask'] or day % ASK_DAYS == 0), 'day')
            keep(self.expires < slot_end(self.slot), 'it lives too long')
        else:
            keep(day == (made // ASK_DAYS * ASK_DAYS if klass == CLASS['ask'] else made), 'day')
            keep(self.expires - self.created <= LIVES[klass], 'it lives too long')

    def late(self, fold):
        """Rule 4.3: made after its device had gone."""
        end = fold.end(fold.devices[self.device])
        return end is not None and self.created > end

    def check_time(self, fold):
        now = time.time()
        keep(not self.late(fold), 'the device had gone')
        keep(self.created <= now + AHEAD and self.expires > now, 'too early or over')

    def check_signature(self):
        crypto.verify(self.device, b'record', self.id, self.fields['sig'])

    def contradicts(self, other):
        """Rule 4.23: two records that one device must not both have signed."""
        if self.device != other.device or self.slot != other.slot or self.id == other.id:
            return False
        return not (self.takes_back(other) or other.takes_back(self))

    def takes_back(self, other):
        return self.retraction and self.fields['target'] == other.id and self.slot == other.slot


def slot_end(slot):
    _, day, klass, _ = slot
    return (day + (ASK_DAYS if klass == CLASS['ask'] else 1)) * DAY + LIVES[klass]


def quota(charter, device, klass, sensor):
    """Rule 4.5."""
    if klass == CLASS['ask']:
        size = ASKS if device.share == roster.WHOLE else 0
    else:
        size = charter[ROWS[klass]]
        if device.share == roster.QUARTER:
            size = max(size // 4, min(size, 1))
    if sensor:
        size = max(size // 3, min(size, 1))
    return min(size, QUOTA_MAX)


def slot_bytes(slot):
    device, day, klass, index = slot
    return device + struct.pack('>IBH', day, klass, index)


def key_of(group_key, slot, kind):
    return crypto.derive(b'record key', group_key, slot_bytes(slot) + bytes([kind]))


def class_of(alert):
    """Rule 4.15."""
    table = wire.TABLES.enums
    kind = wire.TABLES.kinds.get(alert['kind'], wire.TABLES.kinds[wire.enum('kind', 'other')])
    urgent = (kind[6] == 'yes' and table['urgency'].get(alert['urgency']) == 'Immediate'
              and table['severity'].get(alert['severity']) in ('Extreme', 'Severe')
              and table['status'].get(alert['status']) == 'Actual')
    return CLASS['urgent'] if urgent else CLASS['normal']


def is_place(cell):
    return cell.bit_length() in (31, 36)


def span_fits(plain, created, most):
    """Of both: forward, no longer than that, and over."""
    return plain['from'] <= plain['to'] <= min(plain['from'] + most, created + AHEAD)


def place_fits(cell, charter):
    return is_place(cell) and cell.bit_length() <= 5 * charter['precision'] + 1


def notice_means(record, notice, charter):
    """Rule 4.31."""
    return (record.slot[2] == CLASS['notice'] and place_fits(notice['cell'], charter)
            and span_fits(notice, record.created, NOTICE_SPAN))


def ask_means(record, ask, charter):
    """Rule 4.32."""
    return (record.slot[2] == CLASS['ask'] and 'sensor' not in record.fields and place_fits(ask['cell'], charter)
            and span_fits(ask, record.created, ASK_SPAN) and ask['reason'].encode().strip(BLANK)
            and record.expires - record.created <= ASK_LIFE)


def alert_of(kind, text, cell):
    """The plaintext of a post as REFERENCE.md has the kind, and the seconds it lives."""
    number = wire.enum('kind', kind)
    _, category, urgency, severity, certainty, hours, _ = wire.TABLES.kinds[number]
    alert = {'kind': number, 'cell': cell, 'text': text, 'salt': os.urandom(16)}
    for name, spelling in (('category', category), ('urgency', urgency), ('severity', severity),
                           ('certainty', certainty), ('status', 'Actual')):
        alert[name] = wire.enum(name, spelling)
    return alert, int(hours) * 3600


def write(signer, mesh, epoch, kind, slot, created, expires, plain):
    """A record of one's own: encrypted, then signed (rules 4.12 and 4.13)."""
    _, day, klass, index = slot
    header = {'type': kind, 'device': signer.public, 'day': day, 'klass': klass, 'index': index, 'created': created,
              'expires': expires, 'epoch': epoch.id}
    begun = wire.encode('record', header, len(header) + 2)
    body = crypto.lock(key_of(epoch.key_of(created // DAY), slot, kind), begun, plain)
    begun = wire.encode('record', {**header, 'body': body}, len(header) + 2)
    sig = signer.sign(b'record', crypto.hashed(b'record', mesh, begun))
    return wire.encode('record', {**header, 'body': body, 'sig': sig})


class Records:
    """What is held: records by id, the proofs that void some, and the facts those have."""

    def __init__(self, mesh, roster_, epochs):
        self.mesh, self.roster, self.epochs = mesh, roster_, epochs
        self.held, self.slots, self.facts = {}, {}, {}  # facts: id of the element to (time, end, the PROOF)

    def take(self, record):
        """Holds a record in the order of rule 4.10. True: it is new. A PROOF: it contradicts one that is held."""
        fold = self.roster.fold
        if record.id in self.held:
            return False
        keep(record.device in fold.devices, 'nobody knows the device')
        record.check_header(fold)
        record.check_time(fold)
        keep(not self.void(record), 'void')
        record.check_signature()
        other = next((other for other in self.slots.get(record.slot, []) if record.contradicts(other)), None)
        if other:
            return {'one': other.raw, 'other': record.raw}
        self.held[record.id] = record
        self.slots.setdefault(record.slot, []).append(record)
        return True

    # -- proofs --

    def void(self, record):
        if self.void_id(record.slot) in self.facts:
            return True
        hour = record.created // HOUR
        hours = range(hour - MUTED_HOURS + 1, hour + 1)
        return not record.retraction and any(self.mute_id(record.device, q) in self.facts for q in hours)

    def void_id(self, slot):
        return crypto.hashed(b'void', self.mesh, slot_bytes(slot))

    def mute_id(self, device, hour):
        return crypto.hashed(b'mute', self.mesh, device + struct.pack('>I', hour))

    def take_proof(self, message):
        """True: it has a fact that was lacking. Rules 4.24 to 4.29."""
        pair = [Record(message[name], self.mesh) for name in ('one', 'other')]
        wire.need(pair[0].contradicts(pair[1]), 'it proves nothing')
        for record in pair:
            record.check_header(self.roster.fold)
            keep(record.created <= time.time() + AHEAD, 'too early')
        for record in pair:
            record.check_signature()
        slot, hour = pair[0].slot, max(record.created for record in pair) // HOUR
        facts = {self.void_id(slot): (slot[1] * DAY, slot_end(slot)),
                 self.mute_id(pair[0].device, hour): (hour * HOUR, (hour + MUTED_HOURS) * HOUR + MUTE_KEPT)}
        new = {ident: (*span, message) for ident, span in facts.items() if ident not in self.facts}
        self.facts.update(new)
        for record in [record for record in self.held.values() if self.void(record)]:
            del self.held[record.id]
            self.slots[record.slot].remove(record)
        return bool(new)

    # -- what is there --

    def retracted(self, record):
        """Rule 4.18."""
        return any(other.takes_back(record) and other.expires == record.expires for other in self.slots[record.slot])

    def sendable(self):
        """What is held, but for what was taken back (rule 4.18), and what was made after its device had gone (4.3)."""
        fold = self.roster.fold
        for record in self.held.values():
            if not self.retracted(record) and not record.late(fold):
                yield record

    def elements(self, until):
        """The set `records`: (time, id, message, its bytes) of each."""
        for record in self.sendable():
            if record.created <= until and record.expires > until + LEAVING:
                yield record.created, record.id, 'RECORD', record.raw
        for ident, (start, end, proof) in self.facts.items():
            if start <= until and end > until + LEAVING:
                yield start, ident, 'PROOF', wire.encode('proof', proof)

    def free_slot(self, device, klass, day):
        """The lowest slot of one's own that was never used; a journal that is read again keeps it so (rule 4.20)."""
        most = quota(self.roster.fold.charter, device, klass, False)
        slots = ((device.sign, day, klass, index) for index in range(most))
        return next(slot for slot in slots if slot not in self.slots and self.void_id(slot) not in self.facts)

    def opened(self, record, kind):
        """The plaintext of a record of that type, or None where it cannot be read (rules 4.11 to 4.14)."""
        epoch = self.epochs.find(record.fields['epoch'])
        group_key = epoch and epoch.key_of(record.created // DAY)
        if record.type != RECORD[kind] or not group_key or self.retracted(record):
            return None
        header = b''.join(wire.before(record.raw, BEHIND_BODY))
        try:
            plain = crypto.unlock(key_of(group_key, record.slot, record.type), header, record.fields['body'])
            return wire.decode(kind, plain)
        except (crypto.Wrong, wire.Bad):
            return None

    def alert(self, record):
        """What an alert says, or None where it has no meaning (rule 4.15)."""
        alert = self.opened(record, 'alert')
        meant = (alert and class_of(alert) == record.slot[2] and is_place(alert['cell'])
                 and len(alert.get('clips', b'')) % 32 == 0)
        return alert if meant else None

    def footage(self, record):
        """What a notice or an ask says, or None."""
        charter = self.roster.fold.charter
        for kind, means in (('notice', notice_means), ('ask', ask_means)):
            said = self.opened(record, kind)
            if said and means(record, said, charter):
                return kind, said
        return None
