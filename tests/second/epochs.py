# SPDX-License-Identifier: Apache-2.0
"""Epochs: their headers, their two keys, and which of them may be used (PROTOCOL 7)."""
import time

import crypto
import wire

DAY = 86400
AHEAD = 600  # seconds that a stated time may be ahead of now
PENDING = 16


def ids_of(data):
    return [data[i:i + 32] for i in range(0, len(data), 32)]


class Epoch:
    def __init__(self, raw, mesh):
        self.raw, self.fields = raw, wire.decode('epoch', raw)
        self.hash = crypto.hashed(b'epoch', mesh, b''.join(wire.before(raw, 16)))
        self.id, self.time = self.hash[:16], self.fields['time']
        self.key = self.day = self.link_key = None  # the group key of the first day it opens here

    def check(self, mesh, past):
        """Rule 7.5, in the fold of the frontier and its ancestors."""
        if past.removed_hash() != self.fields['removed'] or not past.current(self.fields['device']):
            raise crypto.Wrong('an epoch of another roster')
        crypto.verify(self.fields['device'], b'epoch', self.hash, self.fields['sig'])

    def check_keys(self, mesh, key, day, link_key):
        """Rule 7.7."""
        first, today = self.time // DAY, int(time.time() + AHEAD) // DAY
        right = crypto.hashed(b'commit link key', mesh, link_key) == self.fields['commit_link']
        if day == first:
            right = right and crypto.hashed(b'commit group key', mesh, key) == self.fields['commit_key']
        if not right or not first <= day <= today:
            raise crypto.Wrong('keys of another epoch')

    def key_of(self, day):
        """The group key of a day, or None where it cannot be read here."""
        if self.key is None or day < self.day:
            return None
        key = self.key
        for _ in range(day - self.day):
            key = crypto.derive(b'day', key)
        return key


class Epochs:
    def __init__(self, mesh, roster):
        self.mesh, self.roster, self.all, self.pending = mesh, roster, {}, []

    def take(self, message):
        """An EPOCH_KEY: the epoch, if there is something new in it; None otherwise."""
        epoch = Epoch(message['header'], self.mesh)
        frontier = ids_of(epoch.fields['frontier'])
        if any(len(ident) != 32 for ident in frontier):
            raise crypto.Wrong('a frontier of broken ids')
        if epoch.time > time.time() + AHEAD:
            return None
        past = self.roster.past(frontier)
        if not past:
            self.pending = [*self.pending, message][-PENDING:]
            return None
        epoch.check(self.mesh, past)
        given = [message.get(name) for name in ('key', 'day', 'link_key')]
        if any(value is not None for value in given):
            wire.need(all(value is not None for value in given), 'not all three keys')
            epoch.check_keys(self.mesh, *given)
        return self.install(self.all.get(epoch.hash), epoch, given)

    def install(self, known, epoch, given):
        """Rule 7.8."""
        new = not known
        if new:
            self.all[epoch.hash] = known = epoch
        key, day, link_key = given
        if key and (known.key is None or day < known.day and self.proved(known, key, day)):
            known.key, known.day, known.link_key, new = key, day, link_key, True
        return known if new else None

    @staticmethod
    def proved(epoch, key, day):
        for _ in range(epoch.day - day):
            key = crypto.derive(b'day', key)
        return day == epoch.time // DAY or key == epoch.key

    def retry(self):
        """What waited for operations, taken again; the epochs that are new by it."""
        pending, self.pending = self.pending, []
        return [epoch for epoch in map(self.take, pending) if epoch]

    def with_keys(self):
        return [epoch for epoch in self.all.values() if epoch.key]

    def find(self, ident):
        return next((epoch for epoch in self.all.values() if epoch.id == ident), None)

    def usable(self):
        """What to encrypt under (rule 7.12), or None."""
        today, fold = int(time.time()) // DAY, self.roster.fold
        able = [e for e in self.with_keys() if e.key_of(today) and e.fields['removed'] == fold.removed_hash()]
        return min(able, key=lambda e: (-e.fields['generation'], e.id), default=None)

    def link_keys(self):
        """Newest first (rule 7.15)."""
        return [e.link_key for e in sorted(self.with_keys(), key=lambda e: (-e.fields['generation'], e.id))]

    def message_for(self, epoch, home, founder, history_days):
        """EPOCH_KEY for a device of @home: from the first day it may read on (rule 7.10)."""
        day = epoch.day
        if home.key != founder:
            day = max(day, home.op.time // DAY - history_days)
        return {'header': epoch.raw, 'key': epoch.key_of(day), 'day': day, 'link_key': epoch.link_key}
