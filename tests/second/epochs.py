# SPDX-License-Identifier: Apache-2.0
"""Epochs: their headers, their two keys, and which of them may be used (PROTOCOL 7)."""
import time

import crypto
import wire

DAY = 86400
AHEAD = 600  # seconds that a stated time may be ahead of now
PENDING, FRONTIER = 16, 16
DAYS = 32  # of an epoch; the last one's key opens nothing


def ids_of(data):
    return [data[i:i + 32] for i in range(0, len(data), 32)]


def left_of(i):
    """Which subtrees lie left of day i: where they begin, and how many leaves they have (rule 7.7)."""
    return [(i & ~(2 * n - 1), n) for n in (16, 8, 4, 2, 1) if i & n]


class Tree:
    """What the group key of day i and the hashes that came with it tell of an epoch's tree (rule 7.3)."""

    def __init__(self, mesh, i, key, left):
        self.mesh, self.known = mesh, dict(zip(left_of(i), left))
        for day in range(i, DAYS):
            self.known[day, 1] = crypto.hashed(b'commit group key', mesh, key)
            key = crypto.derive(b'day', key)

    def node(self, a, n):
        if (a, n) not in self.known:
            halves = self.node(a, n // 2) + self.node(a + n // 2, n // 2)
            self.known[a, n] = crypto.hashed(b'commit days', self.mesh, halves)
        return self.known[a, n]

    def left_of(self, i):
        return [self.node(a, n) for a, n in left_of(i)]


class Epoch:
    def __init__(self, raw, mesh):
        self.raw, self.fields = raw, wire.decode('epoch', raw)
        self.hash = crypto.hashed(b'epoch', mesh, b''.join(wire.before(raw, 16)))
        self.id, self.time, self.mesh = self.hash[:16], self.fields['time'], mesh
        self.first = self.time // DAY
        self.key = self.day = self.link_key = None  # the group key of the first day it opens here,
        self.left = []  # and what proves it

    def check(self, mesh, past):
        """Rule 7.5, in the fold of the frontier and its ancestors."""
        if past.removed_hash() != self.fields['removed'] or not past.current(self.fields['device']):
            raise crypto.Wrong('an epoch of another roster')
        crypto.verify(self.fields['device'], b'epoch', self.hash, self.fields['sig'])

    def check_keys(self, key, day, link_key, left):
        """Rule 7.7."""
        i, today = day - self.first, int(time.time() + AHEAD) // DAY
        if (not 0 <= i < DAYS or day > today or len(left) != len(left_of(i)) or
                crypto.hashed(b'commit link key', self.mesh, link_key) != self.fields['commit_link'] or
                Tree(self.mesh, i, key, left).node(0, DAYS) != self.fields['commit_key']):
            raise crypto.Wrong('keys of another epoch')

    def key_of(self, day):
        """The group key of a day, or None where it cannot be read here, or opens nothing (rule 7.6)."""
        if self.key is None or day < self.day or day - self.first >= DAYS - 1:
            return None
        return self.ratcheted(day)

    def ratcheted(self, day):
        key = self.key
        for _ in range(day - self.day):
            key = crypto.derive(b'day', key)
        return key

    def message(self, day):
        """EPOCH_KEY with the key of @day and what proves it."""
        fields = {'header': self.raw, 'key': self.ratcheted(day), 'day': day, 'link_key': self.link_key}
        tree = Tree(self.mesh, self.day - self.first, self.key, self.left)
        left = b''.join(tree.left_of(day - self.first))
        return {**fields, 'left': left} if left else fields


class Epochs:
    def __init__(self, mesh, roster):
        self.mesh, self.roster, self.all, self.pending = mesh, roster, {}, []

    def operations(self, names):
        """What ids tell of, also by way of epochs (rule 7.19); None where something of it is not here."""
        found, looked_into, names = set(), set(), list(names)
        while names:
            name = names.pop()
            if name in self.roster.ops:
                found.add(name)
            elif name not in self.all:
                return None
            elif name not in looked_into:
                looked_into.add(name)
                names += ids_of(self.all[name].fields['frontier'])
        return found

    def take(self, message):
        """An EPOCH_KEY: the epoch, if there is something new in it; None otherwise."""
        epoch = Epoch(message['header'], self.mesh)
        frontier = ids_of(epoch.fields['frontier'])
        if any(len(ident) != 32 for ident in frontier):
            raise crypto.Wrong('a frontier of broken ids')
        if epoch.time > time.time() + AHEAD:
            return None
        named = self.operations(frontier)
        if named is None:
            self.pending = [*self.pending, message][-PENDING:]
            return None
        epoch.check(self.mesh, self.roster.past(named))
        given = [message.get(name) for name in ('key', 'day', 'link_key')]
        if any(value is not None for value in given):
            wire.need(all(value is not None for value in given), 'not all three keys')
            left = ids_of(message.get('left', b''))
            epoch.check_keys(*given, left)
            return self.install(self.all.get(epoch.hash), epoch, *given, left)
        return self.install(self.all.get(epoch.hash), epoch)

    def install(self, known, epoch, key=None, day=None, link_key=None, left=()):
        """Rule 7.8."""
        new = not known
        if new:
            self.all[epoch.hash] = known = epoch
        if key and (known.key is None or day < known.day):
            known.key, known.day, known.link_key, known.left, new = key, day, link_key, left, True
        return known if new else None

    def retry(self):
        """What waited for operations or other epochs, taken again; the epochs that are new by it."""
        new, more = [], True
        while more:
            pending, self.pending = self.pending, []
            more = [epoch for epoch in map(self.take, pending) if epoch]
            new += more
        return new

    def with_keys(self):
        return [epoch for epoch in self.all.values() if epoch.key]

    def find(self, ident):
        return next((epoch for epoch in self.all.values() if epoch.id == ident), None)

    def newest(self):
        return min(self.with_keys(), key=lambda e: (-e.fields['generation'], e.id), default=None)

    def usable(self):
        """What to encrypt under (rule 7.12), or None."""
        today, fold = int(time.time()) // DAY, self.roster.fold
        able = [e for e in self.with_keys() if e.key_of(today) and e.fields['removed'] == fold.removed_hash()
                and e.fields['device'] in fold.devices]  # rule 7.21
        return min(able, key=lambda e: (-e.fields['generation'], e.id), default=None)

    def link_keys(self):
        """Newest first, each once (rule 7.15)."""
        newest = sorted(self.with_keys(), key=lambda e: (-e.fields['generation'], e.id))
        return list(dict.fromkeys(e.link_key for e in newest))

    def message_for(self, epoch, device):
        """EPOCH_KEY for a device: from the first day its household may read on (rule 7.10)."""
        fold, day = self.roster.fold, epoch.day
        if device.household != fold.genesis.household:
            joined = fold.homes[device.household].op.time // DAY
            day = max(day, joined - fold.charter['history_days'])
        return epoch.message(min(day, epoch.first + DAYS - 1))
