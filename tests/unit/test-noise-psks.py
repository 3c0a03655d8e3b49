#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pre-shared keys at any place of a Noise handshake, also several in one: vectors made here and run by test-noise.

test-noise-psks.py TEST-NOISE

No file that is published has this suite with names such as `psk0+psk3`. So handshakes are played here from the words of the
Noise specification (revision 34, sections 5, 7 and 9), on Python's BLAKE2b and libsodium's ciphers, and are written in the
form in which others publish theirs. Then each is spoilt in some way, which test-noise has to notice.
"""
import copy
import hashlib
import hmac
import json
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'second'))
import crypto  # noqa: E402

SUITE = '_25519_ChaChaPoly_BLAKE2b'
HASH = 64
PATTERNS = {  # keys known before, of the initiator and of the responder; then the tokens of each message
    'N': ('', 's', 'e es'),
    'NN': ('', '', 'e', 'e ee'),
    'NK': ('', 's', 'e es', 'e ee'),
    'KK': ('s', 's', 'e es ss', 'e ee se'),
    'XX': ('', '', 'e', 'e ee s es', 's se'),
    'IK': ('', 's', 'e es s ss', 'e ee se'),
}
NAMES = ('N', 'Npsk0', 'Npsk0+psk1', 'NNpsk0+psk2', 'NNpsk1+psk2', 'NNpsk0+psk1+psk2', 'NKpsk0+psk2', 'KKpsk1+psk2',
         'KKpsk0+psk1+psk2', 'IKpsk0+psk1', 'IKpsk1+psk2', 'XX', 'XXpsk0', 'XXpsk1', 'XXpsk2', 'XXpsk3', 'XXpsk0+psk3',
         'XXpsk1+psk2', 'XXpsk0+psk1+psk2+psk3')
TRANSPORT = 3  # messages after the handshake


def hkdf(key, material, count):
    temp, last, out = hmac.digest(key, material, 'blake2b'), b'', []
    for number in range(count):
        last = hmac.digest(temp, last + bytes([number + 1]), 'blake2b')
        out.append(last)
    return out


def split_name(name):
    """'XXpsk0+psk3' is XX, with keys at 0 and at 3."""
    pattern = name.split('psk')[0]
    return pattern, [int(word[3:]) for word in name[len(pattern):].split('+') if word]


class Handshake:
    """Both sides in one, which knows all secrets: what is one value on both sides is there once."""

    def __init__(self, name, rng):
        pattern, self.at = split_name(name)
        before, self.messages = PATTERNS[pattern][:2], [words.split() for words in PATTERNS[pattern][2:]]
        for place in self.at:
            self.messages[max(place - 1, 0)].insert(0 if place == 0 else len(self.messages[place - 1]), 'psk')
        self.name = f'Noise_{name}{SUITE}'
        self.psks = [rng.randbytes(32) for _ in self.at]
        self.keys = [{kind: crypto.Exchange(rng.randbytes(32)) for kind in 'es'} for _ in range(2)]
        self.prologue, self.before, self.used = rng.randbytes(rng.randrange(40)), before, 0
        self.hash = self.chain = self.name.encode().ljust(HASH, b'\0')
        self.key, self.count = None, 0
        self.mix_hash(self.prologue)
        for side in range(2):
            if before[side]:
                self.mix_hash(self.keys[side]['s'].public)

    def mix_hash(self, data):
        self.hash = hashlib.blake2b(self.hash + data).digest()

    def mix_key(self, material):
        self.chain, key = hkdf(self.chain, material, 2)
        self.key, self.count = key[:32], 0

    def mix_psk(self):
        self.chain, digest, key = hkdf(self.chain, self.psks[self.used], 3)
        self.used += 1
        self.mix_hash(digest)
        self.key, self.count = key[:32], 0

    def encrypt(self, plain):
        out = plain
        if self.key:
            out = crypto.seal_transport(self.key, bytes(4) + self.count.to_bytes(8, 'little'), self.hash, plain)
            self.count += 1
        self.mix_hash(out)
        return out

    def token(self, token, writer):
        if token == 'psk':
            self.mix_psk()
        elif token == 'e':
            public = self.keys[writer]['e'].public
            self.mix_hash(public)
            if self.at:
                self.mix_key(public)
            return public
        elif token == 's':
            return self.encrypt(self.keys[writer]['s'].public)
        else:  # the first letter is the initiator's key, the second the responder's
            self.mix_key(self.keys[0][token[0]].shared(self.keys[1][token[1]].public))
        return b''

    def message(self, number, payload):
        return b''.join(self.token(token, number % 2) for token in self.messages[number]) + self.encrypt(payload)


def needs_static(pattern, side):
    words = [word for number, words in enumerate(PATTERNS[pattern][2:]) if number % 2 == side for word in words.split()]
    return bool(PATTERNS[pattern][side]) or 's' in words


def parties(hand, pattern):
    """The fields that say who has which key."""
    fields = {}
    for side, name in enumerate(('init', 'resp')):
        fields[f'{name}_prologue'] = hand.prologue.hex()
        if hand.psks:
            fields[f'{name}_psks'] = [psk.hex() for psk in hand.psks]
        if side == 0 or len(hand.messages) > 1:
            fields[f'{name}_ephemeral'] = hand.keys[side]['e'].secret.hex()
        if needs_static(pattern, side):
            fields[f'{name}_static'] = hand.keys[side]['s'].secret.hex()
        if hand.before[1 - side]:
            fields[f'{name}_remote_static'] = hand.keys[1 - side]['s'].public.hex()
    return fields


def vector(name, rng, number):
    hand = Handshake(name, rng)
    messages = []
    for at in range(len(hand.messages)):
        payload = rng.randbytes(rng.randrange(60))
        messages.append({'payload': payload.hex(), 'ciphertext': hand.message(at, payload).hex()})
    keys = [key[:32] for key in hkdf(hand.chain, b'', 2)]
    counts = [0, 0]
    for at in range(len(hand.messages), len(hand.messages) + TRANSPORT):
        side = 0 if len(hand.messages) == 1 else at % 2
        payload = rng.randbytes(rng.randrange(60))
        nonce = bytes(4) + counts[side].to_bytes(8, 'little')
        counts[side] += 1
        messages.append({'payload': payload.hex(),
                         'ciphertext': crypto.seal_transport(keys[side], nonce, b'', payload).hex()})
    fields = {('protocol_name', 'name')[number % 2]: hand.name, **parties(hand, split_name(name)[0]), 'messages': messages}
    if number % 3:
        fields['handshake_hash'] = hand.hash.hex()
    return fields


def flipped(digits):
    return digits[:-1] + ('0' if digits[-1] != '0' else '1')


def spoilt_message(one, at):
    one = copy.deepcopy(one)
    one['messages'][at]['ciphertext'] = flipped(one['messages'][at]['ciphertext'])
    return one


def spoilt(one):
    """The ways in which a vector is made wrong, each a vector."""
    ways = [spoilt_message(one, at) for at in range(len(one['messages']))]
    psks = one.get('init_psks', [])
    if len(psks) > 1:  # their order counts
        ways.append({**one, 'init_psks': psks[::-1], 'resp_psks': psks[::-1]})
    if psks:
        ways.append({**one, 'init_psks': psks[1:], 'resp_psks': psks[1:]})
    if 'handshake_hash' in one:
        ways.append({**one, 'handshake_hash': flipped(one['handshake_hash'])})
    ways.append({**one, 'messages': one['messages'][:len(PATTERNS[split_name(short(one))[0]]) - 3]})
    return ways


def short(one):
    name = one.get('protocol_name') or one['name']
    return name[len('Noise_'):-len(SUITE)]


class Tests:
    def __init__(self, program, folder):
        self.program, self.path, self.cases, self.failed = program, os.path.join(folder, 'vectors.json'), 0, 0

    def run(self, vectors):
        """(exit code, last line) of test-noise on a file of these."""
        with open(self.path, 'w', encoding='ascii') as file:
            json.dump({'vectors': vectors}, file)
        return self.run_file(self.path)

    def run_file(self, path):
        done = subprocess.run([self.program, path], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    def case(self, got, want, name):
        self.cases += 1
        self.failed += got != want
        print(f"{'ok' if got == want else 'not ok'} {self.cases} - {name}")
        if got != want:
            print(f'# got {got}, wanted {want}')


def main():
    if not crypto.here():
        print('1..0 # SKIP libsodium is not found by ctypes: NOT tried (apt-get install libsodium23)')
        return
    seed = random.SystemRandom().randrange(1 << 32) if len(sys.argv) < 3 else int(sys.argv[2])
    print(f'# seed {seed}')
    rng = random.Random(seed)
    vectors = [vector(name, rng, number) for number, name in enumerate(NAMES)]
    n = len(vectors)
    with tempfile.TemporaryDirectory() as folder:
        tests = Tests(sys.argv[1], folder)
        tests.case(tests.run(vectors), (0, f'{n} of {n} passed'), f'{n} handshakes with none to four pre-shared keys')
        for one in vectors:
            ways = spoilt(one)
            tests.case(tests.run(ways), (1, f'0 of {len(ways)} passed'), f'{short(one)}, spoilt in {len(ways)} ways')
        wrong = spoilt_message(vectors[0], 0)
        tests.case(tests.run([*vectors[1:], wrong]), (1, f'{n - 1} of {n} passed'), 'one wrong of many fails the file')
        tests.case(tests.run([]), (1, '0 of 0 passed'), 'a file without vectors has not passed')
        tests.case(tests.run_file(tests.path + '.none'), (1, '0 of 0 passed'), 'nor has a file that is not there')
    print(f'1..{tests.cases}')
    sys.exit(1 if tests.failed else 0)


if __name__ == '__main__':
    main()
