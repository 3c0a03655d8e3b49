#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says what a Porchlight bundle of evidence proves: verify.py BUNDLE [--mesh ID] [--extract FILE] [--json]

Written from proto/PROTOCOL.md (sections 2, 3, 5, 15 and 16) with nothing but Python's own library, so that two programs
that share no line have to agree. It needs no Porchlight, no network, and a few MB of memory, and opens some 2 MB a second.
What it leaves to `porchlight verify`: the rules of names and of charters, which no claim here rests on."""
import hashlib
import json
import struct
import sys
import time

# ---- Ed25519 (RFC 8032), without cofactor (3.5) ----
P, L = 2 ** 255 - 19, 2 ** 252 + 27742317777372353535851937790883648493
D, ROOT, ONE = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P), (0, 1, 1, 0)


def add(a, b):
    s, t, u, v = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0]), 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = (t - s) % P, (v - u) % P, (v + u) % P, (t + s) % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def double_mul(a, p, b, q):
    """a x p + b x q."""
    both, total = add(p, q), ONE
    for i in range(255, -1, -1):
        total, which = add(total, total), (a >> i & 1) + 2 * (b >> i & 1)
        total = add(total, (p, q, both)[which - 1]) if which else total
    return total


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point(raw):
    """None: not on the curve, or not the only way to write it, or of small order."""
    y, sign = int.from_bytes(raw, 'little') % 2 ** 255, raw[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    p = (x, y, 1, x * y % P)
    return None if same(double_mul(8, p, 0, ONE), ONE) else p


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, 'little'))


def signed(sig, key, domain, digest):
    a, r, s = point(key), point(sig[:32]), int.from_bytes(sig[32:], 'little')
    if not a or not r or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(sig[:32] + key + text_of(domain) + digest).digest(), 'little') % L
    return same(double_mul(s, BASE, L - h, a), r) and same(double_mul(L, a, 0, ONE), ONE)


# ---- hashes (3.2) and chunks (15.2) ----
def text_of(domain):
    return b'porchlight/1 ' + domain.encode() + b'\0'


def hashed(domain, mesh, body):
    return hashlib.blake2b(text_of(domain) + mesh + body, digest_size=32).digest()


def chacha(key, nonce, first, blocks):
    """The key stream of ChaCha20 (RFC 8439). All blocks at once: each word is a number with a lane of 64 bits for each."""
    ones = sum(1 << 64 * i for i in range(blocks))
    mask = ones * 0xffffffff
    start = [w * ones for w in struct.unpack('<16I', b'expand 32-byte k' + key + bytes(4) + nonce)]
    start[12] = sum((first + i) << 64 * i for i in range(blocks))
    w = list(start)
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                w[x] = w[x] + w[y] & mask
                turn = w[z] ^ w[x]
                w[z] = (turn << n | turn >> 32 - n) & mask
    out = bytearray(64 * blocks)
    for i in range(16):
        lanes = (w[i] + start[i] & mask).to_bytes(8 * blocks, 'little')
        for k in range(4):
            out[4 * i + k::64] = lanes[k::8]
    return bytes(out)


def opened(key, salt, i, last, cipher):
    """The plaintext of chunk i; None: it does not open."""
    nonce, body, tag, total = struct.pack('<QI', i, last), cipher[:-16], cipher[-16:], 0
    stream = chacha(key, nonce, 0, 1 + (len(body) + 63) // 64)
    r, s = int.from_bytes(stream[:16], 'little') & 0xffffffc0ffffffc0ffffffc0fffffff, int.from_bytes(stream[16:32], 'little')
    padded = salt + body + bytes(-len(body) % 16) + struct.pack('<QQ', len(salt), len(body))
    for at in range(0, len(padded), 16):
        total = (total + int.from_bytes(padded[at:at + 16] + b'\1', 'little')) * r % (2 ** 130 - 5)
    if (total + s) % 2 ** 128 != int.from_bytes(tag, 'little'):
        return None
    n = len(body)
    return (int.from_bytes(body, 'little') ^ int.from_bytes(stream[64:64 + n], 'little')).to_bytes(n, 'little')


# ---- msgpack (2): every value in its only form; what a table asks beyond that shows where a field is used ----
class Broken(Exception):
    """A link that does not hold."""


class Map(dict):
    """Values by key; @at: where each key begins in @raw. A signature covers what is before it, or the pairs alone (3.8)."""
    def pairs(self, key):
        return self.raw[self.at[0]:self.at[key]]


BIG = 65536
SIZED = {0xc4: (1, 0), 0xc5: (2, 256), 0xc6: (4, BIG), 0xcc: (1, 128), 0xcd: (2, 256), 0xce: (4, BIG), 0xcf: (8, BIG ** 2),
         0xd9: (1, 32), 0xda: (2, 256), 0xdb: (4, BIG), 0xdc: (2, 16), 0xdd: (4, BIG), 0xde: (2, 16), 0xdf: (4, BIG)}


def value(raw, start, depth=0):
    """The value at a place, and where the next one is."""
    tag, at, n = raw[start], start + 1, 0
    if tag in SIZED:
        size, least = SIZED[tag]
        n, at = int.from_bytes(raw[at:at + size], 'big'), at + size
        if n < least:
            raise ValueError
    if tag < 0x80 or tag in (0xc2, 0xc3) or 0xcc <= tag <= 0xcf:
        return tag if tag < 0x80 else n if tag > 0xc3 else tag == 0xc3, at
    if tag in (0xc4, 0xc5, 0xc6, 0xd9, 0xda, 0xdb) or 0xa0 <= tag <= 0xbf:
        n = tag & 31 if tag < 0xc0 else n
        if at + n > len(raw) or (tag not in (0xc4, 0xc5, 0xc6) and 0 in raw[at:at + n]):
            raise ValueError
        return raw[at:at + n] if tag in (0xc4, 0xc5, 0xc6) else raw[at:at + n].decode(), at + n
    if depth > 4 or not (0x80 <= tag <= 0x9f or tag >= 0xdc and tag <= 0xdf):
        raise ValueError
    n, found, last = tag & 15 if tag < 0xa0 else n, Map(), -1
    found.at = {0: at - start}
    for i in range(n):
        key, place = i, at
        if tag < 0x90 or tag > 0xdd:
            key, at = value(raw, at, depth + 1)
        if type(key) is not int or key <= last:
            raise ValueError
        found[key], at = value(raw, at, depth + 1)
        found.at[key], last = place - start, key
    found.raw = raw[start:at]
    return (found if tag < 0x90 or tag > 0xdd else list(found.values())), at


def read(raw, sig):
    """A map that ends with its signature."""
    found, end = value(raw, 0)
    if end != len(raw) or not isinstance(found, Map) or (sig and max(found) != sig):
        raise ValueError
    return found


def paper(domain, raw, mesh, signer, sig=16):
    """Something signed (15.5), with its id."""
    found = read(raw, sig)
    found.id = hashed(domain, mesh, raw[:found.at[sig]])
    if not signed(found[sig], found[signer], domain, found.id):
        raise Broken('it is not signed by whom it names')
    return found


# ---- who is who (16.5) ----
class Roll:
    def __init__(self, mesh):
        self.mesh, self.homes, self.devices, self.name = mesh, {}, {}, None

    def take(self, raw):
        op, mesh, zeros = read(raw, None), self.mesh, bytes(32)
        kind, owner, device = op[1], op[2], op[8][0]
        digest = hashed('operation', mesh if kind != 1 else zeros, op.pairs(40))
        by = self.devices[op[42]]['home'] if kind in (2, 8) else None
        ok = max(op) == (45 if by else 40) and device[1] not in self.devices and (kind == 1) == (not self.homes)
        if kind == 8:
            code = op[17][0]
            ok = ok and signed(op[40], code[1], 'operation code', digest) and signed(
                code[5], owner, 'device code', hashed('device code', mesh, code.pairs(5)))
        else:
            ok = ok and kind in (1, 2, 9) and signed(op[40], owner, 'operation', digest)
        if kind in (8, 9):
            proof = hashed('device', mesh, owner + device[1] + device[2] + device[3])
            ok = ok and owner in self.homes and signed(device[6], device[1], 'device', proof)
        if kind == 1:
            self.name, ok = op[9], ok and hashed('operation id', zeros, raw) == mesh
        elif kind == 2:
            ticket = op[16][0]
            ok = ok and owner not in self.homes and signed(op[41], ticket[1], 'operation invite', digest) and signed(
                ticket[6], ticket[2], 'invite', hashed('invite', mesh, ticket.pairs(6)))
        ok = ok and (not by or signed(op[45], op[42], 'operation admit', hashed('operation admit', mesh, op.pairs(45))))
        if not ok or point(device[1]) is None:
            raise Broken('a signature in it is wrong, or it may not stand there')
        at = op[43] if by else op[5]
        if kind in (1, 2):
            came = kind == 2 and (self.devices[op[16][0][2]]['home']['name'], by['name'])
            self.homes[owner] = {'key': owner, 'name': op[6], 'joined': at, 'came': came}
        self.devices[device[1]] = {'name': device[5], 'since': at, 'home': self.homes[owner]}


# ---- the ledger (16.6, 16.7) ----
WHAT = {1: 'granted', 2: 'receipt', 3: 'released', 4: 'read', 5: 'revoked', 6: 'complete', 7: 'deleted', 8: 'destroyed',
        9: 'exported', 10: 'legal-order', 11: 'restored', 12: 'rule', 13: 'rule-used', 14: 'rule-over', 15: 'over'}
NAMES = ((5, 'clip'), (6, 'grant'), (7, 'who'), (8, 'text'))
PAPERS = {1: ('grant', 1), 2: ('receipt', 3), 5: ('grant taken back', 2), 6: ('attestation', 2), 7: ('attestation', 2)}


class Custody:
    def __init__(self, roll, clip, owner):
        self.roll, self.clip, self.owner = roll, clip, owner
        self.n, self.last, self.first, self.hidden, self.grants, self.rows, self.words, self.kinds = 0, b'', 0, 0, {}, [], [], []

    def skip(self, line):
        self.n, self.last = self.n + 1, hashed('ledger', self.roll.mesh, struct.pack('>Q', self.n) + self.last + line)

    def take(self, raw):
        line, mesh = read(raw, None), self.roll.mesh
        what, signer = line[3], None
        if not self.rows:
            self.first, self.n, self.last = line[1], line[1], line.get(2, bytes(32))
        if line[1] != self.n or (2 in line) != (self.n > 0) or line.get(2, bytes(32)) != self.last or line.get(
                5, what == 11 or None) not in (self.clip, True):
            raise Broken('it does not follow the line before, or is about something else')
        grant, found = self.grants.get(line.get(6)), what in PAPERS and paper(PAPERS[what][0], line[9], mesh, PAPERS[what][1])
        ok = what == 1 or what not in (2, 3, 5, 6, 7) or grant is not None
        if what == 1:
            ok = (found.get(9), found.get(10, bytes(32)), found[1], found[2], found.id, found.get(4, found[3])) == (
                self.n, self.last, self.owner, self.clip, line[6], line[7]) and found.id not in self.grants
            ok = ok and found[7] > found[6] and (4 in found) == (found[3] == self.owner)
            self.grants[found.id] = {'to': found[3], 'expires': found[7], 'receipt': False}
        elif ok and what == 2:
            ok = (found[1], found[2], found[3]) == (line[6], self.clip, grant['to']) and found[4] < grant['expires']
            signer, grant['receipt'] = self.roll.homes[found[3]], True
        elif ok and what in (6, 7):
            signer = self.roll.devices[found[2]]['home']
            ok = (found[1], signer['key'], found[3]) == (line[6], grant['to'], what - 5)
        elif ok and what in (3, 5):
            ok = grant['receipt'] if what == 3 else (found[1], found[2]) == (line[6], self.owner)
        if not ok:
            raise Broken('what it says was signed was not, or nothing before it allows it')
        if signer and signer['key'] != self.owner:
            self.words.append((found[4], signer['name'], what))
        self.skip(hashed('ledger line', mesh, raw))
        self.kinds.append(what)
        self.rows.append({'n': line[1], 'what': WHAT.get(what, what), 'time': when(line[4]), 'hash': self.last.hex()} | {
            name: line[key].hex() if key < 8 else line[key] for key, name in NAMES if key in line})


# ---- the file (16.1 to 16.4) ----
SECTIONS = {  # name, least and most bytes, what it may stand behind
    1: ('mesh', 32, 32, (0,)), 2: ('manifest', 64, 960, (1,)), 3: ('key', 32, 32, (2,)), 4: ('list', 32, 2 ** 21, (3,)),
    5: ('operation', 64, 960, (4, 5)), 6: ('record', 64, 960, (5, 6)), 7: ('line', 1, 1780, (5, 6, 7, 8)),
    8: ('line', 32, 32768, (7, 8)), 9: ('signature', 64, 260, (7,)), 10: ('chunk', 16, 65552, (9, 10))}


def when(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


class Bundle:
    def __init__(self, file, out=None):
        self.file, self.out, self.chunks, self.seen, self.sum, self.papers = file, out, 0, {}, bytes(32), 0
        self.custody = self.manifest = None
        if file.read(20) != b'PORCHLIGHT BUNDLE 1\n':
            raise Broken('bundle-not')
        kind = 0
        while True:
            head, done = file.read(5), kind == 10 and self.chunks == self.manifest[15]
            if done and not head:
                return
            if done or len(head) < 5:
                raise Broken('bundle-long' if done else 'bundle-cut')
            before, kind, size = kind, head[0], int.from_bytes(head[1:], 'big')
            name, least, most, behind = SECTIONS.get(kind, ('', 0, 0, ()))
            if before not in behind or not least <= size <= most:
                raise Broken('bundle-shape')
            self.papers += 5 + size if kind != 10 else 0
            raw = file.read(size) if self.papers <= 2 ** 24 else b''
            if len(raw) < size:
                raise Broken('bundle-cut' if self.papers <= 2 ** 24 else 'bundle-large')
            try:
                self.take(kind, raw)
            except (ValueError, TypeError, KeyError, IndexError, AttributeError, Broken) as error:
                raise Broken(str(error) if str(error).startswith('bundle-') else f'bundle-{name}: {error}') from None
            self.sum = hashed('bundle sum', self.roll.mesh, self.sum + head + raw)

    def take(self, kind, raw):
        m, ok = self.manifest, kind in (1, 5, 7) or kind == 8 and len(raw) % 32 == 0
        if kind > 5 and not self.custody:
            if self.roll.devices.get(m[1], {'home': {'key': None}})['home']['key'] != m[2]:
                raise Broken('bundle-device')
            self.device, self.custody = self.roll.devices[m[1]], Custody(self.roll, m.id, m[2])
        if kind == 1:
            self.roll = Roll(raw)
        elif kind == 2:
            self.manifest = m = paper('manifest', raw, self.roll.mesh, 1, 30)
            ok = m[15] == max(1, -(-m[14] // 65536)) and len(m[16]) == 16 and (4 in m) == (m[3] > 0) and (19 in m) == (20 in m)
        elif kind == 3:
            self.key, ok = raw, hashed('clip key', bytes(32), m[16] + raw) == m[18]
        elif kind == 4:
            self.list, ok = raw, len(raw) == 32 * m[15] and hashed('chunk', bytes(32), raw) == m[17]
        elif kind == 5:
            self.roll.take(raw)
        elif kind == 6:
            record = paper('record', raw, self.roll.mesh, 2)
            by, named = self.roll.devices[record[2]]['home'], [m[21][i:i + 32] for i in range(0, len(m[21]), 32)]
            ok = by['key'] != m[2] and record.id in named and record.id not in self.seen
            self.seen[record.id] = record[6], by['name']
        elif kind == 7:
            self.custody.take(raw)
        elif kind == 8:
            for i in range(0, len(raw), 32):
                self.custody.skip(raw[i:i + 32])
                self.custody.hidden += 1
        elif kind == 9:
            word, c = paper('bundle', raw, self.roll.mesh, 1), self.custody
            self.created, ok = word[3], (word[1], word[2], word[4], word[5], word[6], c.kinds[-1]) == (
                m[2], m.id, c.n, c.last, self.sum, 9)
        elif kind == 10:
            i, self.chunks = self.chunks, self.chunks + 1
            ok = hashed('chunk', bytes(32), struct.pack('>Q', i) + raw) == self.list[32 * i:32 * i + 32]
            plain = opened(self.key, m[16], i, self.chunks == m[15], raw) if ok else None
            ok = plain is not None and len(plain) == min(65536, m[14] - 65536 * i)
            if ok and self.out:
                self.out.write(plain)
        if not ok:
            raise Broken('it is not what was signed')


# ---- what it proves: the facts that stand in the sentences of `porchlight verify` ----
def claims(b, mesh):
    m, c, home, yes, no = b.manifest, b.custody, b.device['home'], 'proven', 'not-proven'
    newest = max(b.seen.values(), key=lambda seen: seen[0], default=None)
    first = min(c.words, key=lambda word: word[0], default=None)
    latest = max((word for word in c.words if word[2] == 2), key=lambda word: word[0], default=None)
    kinds = [c.kinds.count(1), c.kinds.count(2), c.kinds.count(6) + c.kinds.count(7)]
    yield 'mesh', yes if mesh else no, [b.roll.name] + ([] if mesh else [b.roll.mesh.hex()])
    yield 'bytes', yes, [m[14], b.device['name'], when(m[5])]
    yield 'device', yes, [when(b.device['since']), home['name'], home['key'].hex()]
    yield 'household', yes, [home['name'], when(home['joined']), *(home['came'] or ['founded'])]
    yield 'member', yes if latest else no, [when(latest[0]), latest[1]] if latest else []
    yield 'not-earlier', yes if newest else no, [when(newest[0]), newest[1]] if newest else []
    yield 'not-later', yes if first else no, [when(first[0]), first[1]] if first else []
    yield 'custody', yes, [f'line {c.first}', f'line {c.n - 1}', f'{len(c.rows)} lines', f'{c.hidden} lines']
    yield 'papers', yes, [f'{what}: {n}' for n, what in zip(kinds, ('grants', 'receipts', 'words of devices that had the clip'))]
    yield 'export', yes, [when(b.created)]
    yield 'sound', yes, ["clip's sound was kept" if m.get(12) else 'no sound was kept']
    yield 'original', yes, [m[19].hex(), m[20]] if 19 in m else ['not made']
    yield 'complete', 'not-claimed', [f'{c.kinds.count(11)} times'] if 11 in c.kinds else []
    yield 'clock', 'not-claimed', [when(m[7]), when(m[8])] if 7 in m else []
    yield from ((name, 'not-claimed', []) for name in ('camera', 'people', 'copies'))


def main(words):
    options = dict(zip(words[1::2], words[2::2])) if '--json' not in words else {}
    mesh, out = options.get('--mesh'), options.get('--extract')
    bundle = Bundle(open(words[0], 'rb'), open(out, 'xb') if out else None)  # what it wrote is void unless it ends with 0
    if mesh and bytes.fromhex(mesh) != bundle.roll.mesh:
        raise Broken('bundle-other-mesh')
    for name, state, facts in claims(bundle, mesh):
        shown = ', '.join(str(fact) if isinstance(fact, int) else repr(fact) for fact in facts)
        print(json.dumps({'claim': name, 'state': state, 'facts': facts}) if '--json' in words else
              f'{state.upper().replace("-", " "):13}{name:13}{shown}')
    for row in bundle.custody.rows:
        print(json.dumps(row) if '--json' in words else '  '.join(f'{k}={v!r}' for k, v in row.items()))


if __name__ == '__main__':
    try:
        main(sys.argv[1:] if len(sys.argv) > 1 else sys.exit(__doc__))
    except (Broken, OSError) as error:
        sys.exit(f'verify.py: {error}')
