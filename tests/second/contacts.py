# SPDX-License-Identifier: Apache-2.0
"""Contacts: where devices say that they can be reached (PROTOCOL 11.1 to 11.6)."""
import ipaddress
import struct
import time

import crypto
import wire

DAY, WEEK = 86400, 604800
AHEAD = 600  # seconds


def places_of(addrs):
    """(host, port) of addresses; names are left to others (rule 2.12)."""
    hosts = [(addr.get('ip6') or addr.get('ip4'), addr['port']) for addr in addrs]
    return [(str(ipaddress.ip_address(host)), port) for host, port in hosts if host]


def key_of(group_key, fields):
    return crypto.derive(b'contact key', group_key, fields['device'] + struct.pack('>Q', fields['seq']))


class Contact:
    def __init__(self, raw, mesh):
        self.raw, self.fields = raw, wire.decode('contact', raw)
        self.hash = crypto.hashed(b'contact', mesh, b''.join(wire.before(raw, 16)))
        self.device, self.seq, self.time = (self.fields[name] for name in ('device', 'seq', 'time'))


class Contacts:
    def __init__(self, mesh, roster, epochs):
        self.mesh, self.roster, self.epochs, self.latest = mesh, roster, epochs, {}

    def counts(self, contact):
        """Of a device that has no end, and not over (rules 9.1 and 11.4)."""
        return self.roster.fold.current(contact.device) and contact.time + WEEK > time.time()

    def take(self, contact):
        """True: it is newer than what was here. Raises crypto.Wrong."""
        have = self.latest.get(contact.device)
        if not self.counts(contact) or contact.time > time.time() + AHEAD or have and contact.seq <= have.seq:
            return False
        crypto.verify(contact.device, b'contact', contact.hash, contact.fields['sig'])
        self.latest[contact.device] = contact
        return True

    def elements(self):
        return ((contact.time, contact.hash, 'CONTACT', contact.raw) for contact in self.latest.values()
                if self.counts(contact))

    def places(self, device):
        """Where a device says it is; nothing where its contact cannot be opened."""
        contact = self.latest.get(device)
        epoch = contact and self.epochs.find(contact.fields['epoch'])
        group_key = epoch and epoch.key_of(contact.time // DAY)
        if not group_key:
            return []
        try:
            header = b''.join(wire.before(contact.raw, 15))
            plain = crypto.unlock(key_of(group_key, contact.fields), header, contact.fields['body'])
            return places_of(wire.decode('contact_body', plain)['addrs'])
        except (crypto.Wrong, wire.Bad):
            return []

    def write(self, signer, epoch, place):
        """The next contact of one's own: at @place."""
        have, now = self.latest.get(signer.public), int(time.time())
        fields = {'device': signer.public, 'seq': have.seq + 1 if have else 1, 'time': now, 'epoch': epoch.id}
        addr = {'ip4': ipaddress.ip_address(place[0]).packed, 'port': place[1]}
        key = key_of(epoch.key_of(now // DAY), fields)
        count = len(fields) + 2  # the header speaks of body and signature from the start
        plain = wire.encode('contact_body', {'addrs': [addr]})
        fields['body'] = crypto.lock(key, wire.encode('contact', fields, count), plain)
        digest = crypto.hashed(b'contact', self.mesh, wire.encode('contact', fields, count))
        fields['sig'] = signer.sign(b'contact', digest)
        return Contact(wire.encode('contact', fields), self.mesh)
