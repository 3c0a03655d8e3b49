# SPDX-License-Identifier: Apache-2.0
"""The roster: operations, and the fold of simple histories (PROTOCOL 5).

Simple is a history in which nothing contradicts: a founder, homes that joined on tickets, further devices, vouches, and
homes that left. Homes the founder removed as the only steward are folded as well. Where votes are to be counted or one
of two operations has to fall, Contested says so, and nothing is guessed.
"""
import crypto
import names
import ticket
import wire

OP = {spelling: number for number, spelling in wire.TABLES.enums['op'].items()}
SHAPE = {  # rule 5.1: what must be there, what may be there, countersigned
    'genesis': ('name seal device mesh_name', 'charter cell', False),
    'add': ('name seal device invite invite_sig', '', True),
    'remove': ('target', 'reason subtree', False),
    'endorse': ('proposal', '', False),
    'promote': ('target', '', False),
    'demote': ('target', 'reason', False),
    'leave': ('', '', False),
    'device-add': ('device code', '', True),
    'device-revoke': ('target', 'device', False),
    'vouch': ('target', '', False),
    'invite-undo': ('proposal', '', True),
    'return': ('target', '', False)}
ALWAYS = {'type', 'household', 'seq', 'parents', 'time', 'sig'}
COUNTERSIGNED = {'by', 'at', 'heads', 'by_sig'}
WHOLE, QUARTER = 1, 2
DAY = 86400
NO_MESH = bytes(32)
SLOTS_MAX = 134217728


class Contested(Exception):
    """A history that takes the whole fold."""


class Void(Exception):
    """An operation that fails a rule of judging; it names the refusal of rule 6.10."""


def judge(good, reason='ticket-bad'):
    if not good:
        raise Void(reason)


def ids_of(data):
    return [data[i:i + 32] for i in range(0, len(data), 32)]


class Op:
    """An operation whose shape is right and whose signatures are; raises wire.Bad or crypto.Wrong."""

    def __init__(self, raw, mesh, on_its_way=False):
        self.raw, self.fields = raw, wire.decode('op', raw)
        self.type = wire.TABLES.enums['op'].get(self.fields['type'])
        self.check_shape(on_its_way)
        self.mesh = NO_MESH if self.type == 'genesis' else mesh
        self.id = crypto.hashed(b'operation id', self.mesh, raw)
        self.household, self.seq = self.fields['household'], self.fields['seq']
        self.device = self.fields.get('device', [None])[0]
        self.parents, self.heads = ids_of(self.fields['parents']), ids_of(self.fields.get('heads', b''))
        self.names = self.parents + self.heads
        self.time = self.fields['at'] if self.type in ('add', 'device-add') and not on_its_way else self.fields['time']
        self.check_signatures()

    def check_shape(self, on_its_way):
        wire.need(self.type, 'an operation without a name')
        must, may, countersigned = SHAPE[self.type]
        must = ALWAYS | set(must.split()) | (COUNTERSIGNED if countersigned and not on_its_way else set())
        wire.need(must <= set(self.fields) <= must | set(may.split()), f'fields of {self.type}')
        for name in ('parents', 'heads'):
            ids = ids_of(self.fields.get(name, b''))
            wire.need(all(len(ident) == 32 for ident in ids) and len(set(ids)) == len(ids), name)
        first = self.type in ('genesis', 'add', 'device-add')
        wire.need((self.fields['seq'] == 0) == first and bool(self.fields['parents']) != first, 'place in the chain')
        wire.need(self.fields.get('heads') != b'' or self.type == 'invite-undo', 'no heads')
        last = next(name for name in ('by_sig', 'invite_sig', 'sig') if name in self.fields)
        key = next(field.key for field in wire.TABLES.fields['op'] if field.name == last)
        wire.need(b''.join(wire.before(self.raw, key + 1)) == self.raw, 'something stands behind the signatures')
        wire.need(names.good_household(self.fields.get('name', '-')), 'a name that is not allowed')
        wire.need(names.good(self.fields.get('mesh_name', '-')), 'a name that is not allowed')
        if 'device' in self.fields:
            self.check_device(self.fields['device'][0])
        if self.type == 'genesis':
            self.check_charter()

    def check_device(self, device):
        share = {'genesis': (WHOLE,), 'add': (WHOLE,), 'device-add': (QUARTER,)}.get(self.type, (WHOLE, QUARTER))
        wire.need(device['share'] in share, 'share')
        wire.need(names.good(device['name']), 'a name that is not allowed')
        wire.need(('proof' in device) == (self.type in ('device-add', 'device-revoke')), 'proof')

    def check_charter(self):
        rows = {row['key']: row['value'] for row in self.fields.get('charter', [])}
        wire.need(len(rows) == len(self.fields.get('charter', [])), 'a row twice')
        table = wire.TABLES.charter
        wire.need(all(key in table and table[key][1] <= value <= table[key][2] for key, value in rows.items()), 'row')
        charter = charter_of(self)
        slots = charter['max_members'] * (charter['urgent'] + charter['normal'] + charter['notices']) * 9
        wire.need(slots <= SLOTS_MAX, 'the charter has too many slots')

    def signed(self, name, key):
        return crypto.hashed(name, self.mesh, wire.before(self.raw, key)[1])

    def check_signatures(self):
        digest, fields = self.signed(b'operation', 40), self.fields
        brought = [self.device['sign']] if self.device else []
        if self.type == 'device-add':
            code = fields['code'][0]
            brought.append(code['key'])
            crypto.verify(code['key'], b'operation code', digest, fields['sig'])
            crypto.verify(self.household, b'device code', code_hash(self.mesh, code), code['sig'])
        else:
            crypto.verify(self.household, b'operation', digest, fields['sig'])
        if self.type in ('genesis', 'add'):
            brought.append(self.household)
        if self.type == 'add':
            invite = fields['invite'][0]
            brought.append(invite['key'])
            crypto.verify(invite['key'], b'operation invite', digest, fields['invite_sig'])
            crypto.verify(invite['device'], b'invite', ticket.invite_hash(self.mesh, invite), invite['sig'])
        if 'by' in fields:
            crypto.verify(fields['by'], b'operation admit', self.signed(b'operation admit', 45), fields['by_sig'])
        if self.device and 'proof' in self.device:
            body = self.household + self.device['sign'] + self.device['noise'] + self.device['seal']
            digest = crypto.hashed(b'device', self.mesh, body)
            crypto.verify(self.device['sign'], b'device', digest, self.device['proof'])
        if not all(crypto.good_point(key) for key in brought):
            raise crypto.Wrong('a key that is no point')


def code_hash(mesh, code):
    return crypto.hashed(b'device code', mesh, wire.pairs('code', {k: v for k, v in code.items() if k != 'sig'}))


def charter_of(genesis):
    charter = {row[0]: row[3] for row in wire.TABLES.charter.values()}
    charter.update({wire.TABLES.charter[row['key']][0]: row['value'] for row in genesis.fields.get('charter', [])})
    return charter


# ---- the fold ----

class Device:
    def __init__(self, op, device):
        self.op, self.household, self.share = op, op.household, device['share']
        self.sign, self.noise, self.revoked = device['sign'], device['noise'], None  # revoked: the operation that did


class Home:
    def __init__(self, op, inviter, depth):
        self.op, self.key, self.name = op, op.household, op.fields['name']
        self.inviter, self.depth, self.gone = inviter, depth, None  # gone: the operation that ended its membership


class Fold:
    """Who is a member, as a set of operations has it that holds the ancestors of each of them."""

    def __init__(self, ops):
        self.homes, self.devices, self.chains, self.invites, self.codes = {}, {}, {}, {}, {}
        self.genesis, self.charter, self.stood, self.vouches, self.waiting = None, None, {}, set(), {}
        for op in in_order(ops):
            self.stood[op.id] = op
            self.take(op)
        if self.genesis:
            Places(self).share_out()

    def take(self, op):
        twin = self.chains.get((op.household, op.seq)) if op.type != 'device-add' else self.codes.get(code_of(op))
        if twin:
            self.take_twin(op, twin)
            return
        if op.type == 'device-add':
            self.codes[code_of(op)] = op
        else:
            self.chains[op.household, op.seq] = op
        take = {'genesis': self.take_home, 'add': self.take_home, 'device-add': self.certify, 'leave': self.take_end,
                'remove': self.take_end, 'device-revoke': self.take_revoke, 'vouch': self.take_vouch}
        take.get(op.type, contested)(op)

    def take_twin(self, op, twin):
        """Rule 5.40: one operation countersigned twice; that of the lowest id is the one they are in by (5.65)."""
        if op.type not in ('add', 'device-add') or signed_by_author(op) != signed_by_author(twin):
            contested(op)
        lower = min(op, twin, key=lambda o: o.id)
        self.devices[op.device['sign']].op = lower
        if op.type == 'add':
            self.homes[op.household].op = self.chains[op.household, 0] = lower

    def take_home(self, op):
        inviter = None
        if op.type == 'genesis':
            self.genesis, self.charter = op, charter_of(op)
        else:
            inviter = self.homes[self.devices[op.fields['invite'][0]['device']].household]
            self.invites.setdefault(invite_of(op), []).append(op)
        self.homes[op.household] = Home(op, inviter, inviter.depth + 1 if inviter else 0)
        self.certify(op)

    def certify(self, op):
        if any(op.device[key] == getattr(other, key) for other in self.devices.values() for key in ('sign', 'noise')):
            contested(op)
        self.devices[op.device['sign']] = Device(op, op.device)

    def take_end(self, op):
        """leave, or a remove by the founder alone; what rule 5.57 would void has to be among its ancestors."""
        key = op.household if op.type == 'leave' else op.fields['target']
        if op.type == 'remove' and (op.household != self.genesis.household or 'subtree' in op.fields):
            contested(op)
        seen = ancestors(op, self.stood)
        unseen = [other for other in self.stood.values() if other.id not in seen and other is not op]
        if any(key in self.hands_of(other) for other in unseen):
            contested(op)
        self.homes[key].gone = op

    def hands_of(self, op):
        """The households that signed, countersigned or invited in @op."""
        keys = [op.fields.get('by')] + [invite['device'] for invite in op.fields.get('invite', [])]
        return {op.household} | {self.devices[key].household for key in keys if key in self.devices}

    def take_revoke(self, op):
        self.devices[op.fields['target']].revoked = op
        if op.device:
            self.certify(op)

    def take_vouch(self, op):
        self.vouches.add((op.household, op.fields['target']))

    # -- what it says --

    def members(self):
        return {key: home for key, home in self.homes.items() if not home.gone and key not in self.waiting}

    def current(self, sign):
        """The device of that signing key, if it is current (rule 5.69)."""
        device = self.devices.get(sign)
        return device if device and device.household not in self.waiting and self.end(device) is None else None

    def end(self, device):
        """When it stopped being current (rule 5.70), or None."""
        ends = [op.time for op in (device.revoked, self.homes[device.household].gone) if op]
        return min(ends) if ends else None

    def by_noise(self, noise):
        return next((d for d in self.devices.values() if d.noise == noise and self.current(d.sign)), None)

    def removed_hash(self):
        keys = {home.key for home in self.homes.values() if home.gone}
        keys |= {device.sign for device in self.devices.values() if device.revoked}
        return crypto.hashed(b'removed set', self.genesis.id, b''.join(sorted(keys)))

    def heads(self, most, first=()):
        wanted = {ident for ident, op in self.stood.items() if op.household not in self.waiting}
        heads = sorted(wanted.difference(*(self.stood[ident].names for ident in wanted)))
        return heads if len(heads) <= most else list(dict.fromkeys([*first, *heads]))[:most]

    # -- judging: this is past(o) --

    def judge(self, op):
        """Raises Void where a rule of 5.20 to 5.33 forbids it, and Contested where it would have to be voted on."""
        if op.type == 'add':
            self.judge_add(op)
        elif op.type == 'device-add':
            self.judge_device_add(op)
        elif op.type == 'genesis':
            judge(False)
        else:
            self.judge_chained(op)

    def judge_chained(self, op):
        before = self.stood.get(op.parents[0])
        judge(before and before.household == op.household and op.seq == before.seq + 1)
        judge(op.household in self.members() and (op.household, op.seq) not in self.chains)
        judge(op.seq < (4096 if op.household == self.genesis.household else 64))
        target = op.fields.get('target')
        if op.type == 'remove':
            judge(target in self.homes and not self.homes[target].gone and target != op.household)
        elif op.type == 'vouch':
            home = self.members().get(target)
            judge(home and target != op.household and (op.household, target) not in self.vouches)
            judge(not home.inviter or home.inviter.key != op.household)
        elif op.type == 'device-revoke':
            device = self.current(target)
            judge(device and device.household == op.household)
            others = [d for d in self.devices_of(op.household) if d is not device]
            if op.device:
                self.judge_keys(op.device)
                judge((op.device['share'] == WHOLE) == all(other.share != WHOLE for other in others))
        elif op.type != 'leave':
            contested(op)

    def devices_of(self, household):
        return [d for d in self.devices.values() if d.household == household and self.current(d.sign)]

    def judge_keys(self, device):
        known = self.devices.values()
        judge(all(device['sign'] != d.sign and device['noise'] != d.noise for d in known), 'ticket-used')

    def judge_add(self, op):
        invite, at = op.fields['invite'][0], op.time
        judge(op.household not in self.homes, 'ticket-used')
        self.judge_keys(op.device)
        issuer = self.current(invite['device'])
        judge(issuer, 'ticket-revoked' if invite['device'] in self.devices else 'not-issued-here')
        judge('by' not in op.fields or self.current(op.fields['by']))
        judge(at <= invite['expires'], 'ticket-expired')
        judge(invite['expires'] <= at + 31 * DAY)
        came = self.invites.get(invite_of(op), [])
        judge(len(came) < invite['uses'], 'ticket-used')
        judge(all(not removed(self.homes[other.household]) for other in came), 'ticket-used')
        charter, members = self.charter, self.members()
        judge(len(members) < charter['max_members'], 'mesh-full')
        if issuer.household == self.genesis.household:
            today = [o for ops in self.invites.values() for o in ops if o.time // DAY == at // DAY
                     and self.devices[o.fields['invite'][0]['device']].household == issuer.household]
            judge(len(today) < charter['steward_adds'], 'budget')
        else:
            below = [home for home in members.values() if home.inviter and home.inviter.key == issuer.household]
            judge(len(below) < charter['home_invites'], 'budget')

    def judge_device_add(self, op):
        code = op.fields['code'][0]
        judge(op.household in self.members() and len(self.devices_of(op.household)) < 4, 'devices-full')
        judge(self.current(op.fields['by']) and code_of(op) not in self.codes)
        judge(op.time <= code['expires'] <= op.time + 31 * DAY, 'ticket-expired')
        judge(op.device['share'] == code['share'])
        self.judge_keys(op.device)


class Places:
    """Who stands where budgets are exceeded (rules 5.75 and 5.76). The founder is the only steward of a simple history."""

    def __init__(self, fold):
        self.fold, self.founder = fold, fold.genesis.household
        self.adds = {ident: op for ident, op in fold.stood.items() if op.type in ('genesis', 'add')}
        self.past = {}  # of each operation: itself and its ancestors

    def share_out(self):
        charter, budgets = self.fold.charter, {}
        for home in self.fold.homes.values():
            if home.inviter:
                steward = home.inviter.key == self.founder
                if steward or not home.gone:
                    budgets.setdefault((home.inviter.key, home.op.time // DAY if steward else None), []).append(home)
        for (inviter, day), homes in budgets.items():
            self.stand(homes, charter['home_invites' if day is None else 'steward_adds'], 'place')
        for home in self.fold.homes.values():
            if not home.gone and any(up.key in self.fold.waiting for up in self.above(home)):
                self.fold.waiting.setdefault(home.key, 'inviter')
        self.stand(list(self.fold.members().values()), charter['max_members'], 'mesh')

    def above(self, home):
        """The homes over it, up to one that went: who waits below that, waits for nobody."""
        while home.inviter and not home.inviter.gone:
            home = home.inviter
            yield home

    def stand(self, homes, most, why):
        if len(homes) <= most:
            return
        order = self.in_order(homes)
        for home in order[most:]:
            if not home.gone:
                self.fold.waiting[home.key] = why

    def in_order(self, homes):
        keys = {home.key for home in homes}
        stewards, units, before = {}, {}, {}
        for op in self.fold.stood.values():  # every one after what it names
            self.past[op.id] = frozenset([op.id]).union(*(self.past[name] for name in op.names))
            seen = {self.adds[ident].household for ident in self.past[op.id] if ident in self.adds} & keys
            if op.id in self.adds and op.household in keys:
                before[op.household] = min(before.get(op.household, len(keys)), len(seen) - 1)
            builder = self.fold.homes[self.fold.devices[op.fields['by']].household if 'by' in op.fields
                                      and op.type != 'invite-undo' else op.household]
            for key in seen:
                units.setdefault(key, set()).add(self.unit(builder))
                if builder.key == self.founder:
                    stewards[key] = 1
        return sorted(homes, key=lambda home: (-stewards.get(home.key, 0), -len(units[home.key]), before[home.key],
                                               home.op.id))

    def unit(self, home):
        while home.inviter and home.inviter.key != self.founder:
            home = home.inviter
        return home.key


def removed(home):
    return home.gone and home.gone.type != 'leave'


def contested(op):
    raise Contested(f'{op.type} {op.id.hex()[:8]}')


def invite_of(op):
    return ticket.invite_hash(op.mesh, op.fields['invite'][0])


def code_of(op):
    return code_hash(op.mesh, op.fields['code'][0])


def signed_by_author(op):
    """What twins have in common (rule 5.40)."""
    return wire.before(op.raw, 41 if op.type == 'add' else 42)[1]


def in_order(ops):
    """Every operation after what it names; otherwise the lower id first."""
    left, done = {op.id: op for op in ops}, set()
    while left:
        ready = sorted(ident for ident, op in left.items() if done.issuperset(op.names))
        for ident in ready:
            yield left.pop(ident)
            done.add(ident)


def ancestors(op, ops):
    found, open_ids = set(), list(op.names)
    while open_ids:
        ident = open_ids.pop()
        if ident not in found:
            found.add(ident)
            open_ids += ops[ident].names
    return found


class Roster:
    """The operations of a mesh, each of them judged."""
    WAITING = 256

    def __init__(self, mesh):
        self.mesh, self.ops, self.waiting, self.fold = mesh, {}, {}, None

    def add(self, raw):
        """The operations that are new by it, in order: none where it is known, void, or names what is not here."""
        op = Op(raw, self.mesh)
        if op.id not in self.ops and len(self.waiting) < self.WAITING:
            self.waiting[op.id] = op
        new = []
        while ready := next((op for op in self.waiting.values() if self.ready(op)), None):
            del self.waiting[ready.id]
            if self.stands(ready):
                self.ops[ready.id] = ready
                new.append(ready)
        if new:
            self.fold = Fold(self.ops.values())
        return new

    def ready(self, op):
        return all(name in self.ops for name in op.names)

    def stands(self, op):
        if op.type == 'genesis':
            return op.id == self.mesh
        try:
            self.past(op.names).judge(op)
        except Void:
            return False
        return True

    def past(self, names):
        """The fold of these operations and their ancestors; None where some of them are not here."""
        if not all(name in self.ops for name in names):
            return None
        found = set(names).union(*(ancestors(self.ops[name], self.ops) for name in names))
        return Fold([self.ops[ident] for ident in found])
