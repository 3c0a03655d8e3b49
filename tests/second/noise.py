# SPDX-License-Identifier: Apache-2.0
"""Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b, revision 34: a link's handshake and its two ciphers (PROTOCOL 8.2-8.8)."""
import hashlib
import hmac

import crypto

NAME = b'Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b'
PATTERN = (('psk', 'e'), ('e', 'ee', 's', 'es'), ('s', 'se'))
PAYLOADS = (208, 160, 192)
MESSAGE = 256  # bytes of each of the three
HASH = 64


def hkdf(key, material, count):
    temp = hmac.digest(key, material, 'blake2b')
    out, last = [], b''
    for i in range(count):
        last = hmac.digest(temp, last + bytes([i + 1]), 'blake2b')
        out.append(last)
    return out


class Cipher:
    """One direction: a key and a counter, which goes up by one with each use."""

    def __init__(self, key):
        self.key, self.count = key, 0

    def nonce(self):
        self.count += 1
        return bytes(4) + (self.count - 1).to_bytes(8, 'little')

    def seal(self, plain, aad=b''):
        return crypto.seal_transport(self.key, self.nonce(), aad, plain)

    def open(self, sealed, aad=b''):
        return crypto.open_transport(self.key, self.nonce(), aad, sealed)


class Handshake:
    """Both sides of it. Raises crypto.Wrong where the other's message does not verify."""

    def __init__(self, initiator, psk, prologue, static):
        self.initiator, self.psk, self.static = initiator, psk, static
        self.hash = self.chain = NAME.ljust(HASH, b'\0')
        self.cipher, self.round = None, 0
        self.own = crypto.Exchange()
        self.their_ephemeral = self.their_static = None
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.hash = hashlib.blake2b(self.hash + data).digest()

    def mix_key(self, material):
        self.chain, key = hkdf(self.chain, material, 2)
        self.cipher = Cipher(key[:32])

    def mix_psk(self):
        self.chain, digest, key = hkdf(self.chain, self.psk, 3)
        self.mix_hash(digest)
        self.cipher = Cipher(key[:32])

    def seal(self, plain):
        sealed = self.cipher.seal(plain, self.hash)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed):
        plain = self.cipher.open(sealed, self.hash)
        self.mix_hash(sealed)
        return plain

    def mix_dh(self, token):
        """ee, es, se: the first letter is the initiator's key, the second the responder's."""
        mine, theirs = token if self.initiator else reversed(token)
        key = self.own if mine == 'e' else self.static
        self.mix_key(key.shared(self.their_ephemeral if theirs == 'e' else self.their_static))

    def mix_ephemeral(self, public):
        self.mix_hash(public)
        self.mix_key(public)  # as every pattern with a psk does

    def write(self):
        out = b''
        for token in PATTERN[self.round]:
            if token == 'psk':
                self.mix_psk()
            elif token == 'e':
                out += self.own.public
                self.mix_ephemeral(self.own.public)
            elif token == 's':
                out += self.seal(self.static.public)
            else:
                self.mix_dh(token)
        out += self.seal(bytes(PAYLOADS[self.round]))
        self.round += 1
        return out

    def read(self, message):
        at = 0
        for token in PATTERN[self.round]:
            if token == 'psk':
                self.mix_psk()
            elif token == 'e':
                self.their_ephemeral, at = message[at:at + 32], at + 32
                self.mix_ephemeral(self.their_ephemeral)
            elif token == 's':
                self.their_static, at = self.open(message[at:at + 48]), at + 48
            else:
                self.mix_dh(token)
        self.open(message[at:])  # whatever the payload says
        self.round += 1

    def split(self):
        """(cipher to send with, cipher to receive with)."""
        first, second = (Cipher(key[:32]) for key in hkdf(self.chain, b'', 2))
        return (first, second) if self.initiator else (second, first)

    def salt(self):
        """Of short ids on this link (rule 8.8)."""
        return crypto.derive(b'link salt', self.hash[:32], self.hash[32:])[:16]
