# SPDX-License-Identifier: Apache-2.0
"""Section 3 of PROTOCOL.md: domains, hashes, signatures, locks. BLAKE2b is Python's, everything else libsodium's."""
import ctypes
import ctypes.util
import hashlib
import os

NONCE, TAG = 24, 16

_name = ctypes.util.find_library('sodium')
_sodium = ctypes.CDLL(_name) if _name else None
if _sodium:
    _sodium.sodium_init()


class Wrong(Exception):
    """A signature, a key or a ciphertext that is not right."""


def here():
    return _sodium is not None


def call(name, size, *args):
    """A function of libsodium that writes @size bytes and answers 0; its arguments are bytes and numbers."""
    out = ctypes.create_string_buffer(size)
    if getattr(_sodium, name)(out, *[ctypes.c_ulonglong(arg) if isinstance(arg, int) else arg for arg in args]) != 0:
        raise Wrong(name)
    return out.raw


def domain(name):
    return b'porchlight/1 ' + name + b'\0'


def hashed(name, mesh, body):
    return hashlib.blake2b(domain(name) + mesh + body, digest_size=32).digest()


def derive(name, secret, context=b''):
    return hashlib.blake2b(domain(name) + context, key=secret, digest_size=32).digest()


def short(salt, ident):
    """A salted id, as the number it is (rule 3.6)."""
    return int.from_bytes(call('crypto_shorthash', 8, ident, len(ident), salt), 'little')


# ---- signatures ----

class Signer:
    """An Ed25519 key of one's own."""

    def __init__(self, seed=None):
        self.seed = seed or os.urandom(32)
        self.public = ctypes.create_string_buffer(32)
        self.secret = ctypes.create_string_buffer(64)
        _sodium.crypto_sign_seed_keypair(self.public, self.secret, self.seed)
        self.public, self.secret = self.public.raw, self.secret.raw

    def sign(self, name, digest):
        text = domain(name) + digest
        return call('crypto_sign_detached', 64, None, text, len(text), self.secret)


def verify(key, name, digest, sig):
    """Raises Wrong unless it is right by rule 3.5, all of which libsodium asks for."""
    text = domain(name) + digest
    if _sodium.crypto_sign_verify_detached(sig, text, ctypes.c_ulonglong(len(text)), key) != 0:
        raise Wrong('signature')


def good_point(key):
    """Canonical, of the group of prime order, and not the neutral point (rule 5.7)."""
    return _sodium.crypto_core_ed25519_is_valid_point(key) == 1


# ---- X25519 and ciphers ----

class Exchange:
    """An X25519 key of one's own."""

    def __init__(self, secret=None):
        self.secret = secret or os.urandom(32)
        self.public = call('crypto_scalarmult_base', 32, self.secret)

    def shared(self, other):
        return call('crypto_scalarmult', 32, self.secret, other)  # fails where @other is of small order (rule 8.6)


def _seal(cipher, key, nonce, aad, plain):
    return call(f'crypto_aead_{cipher}_encrypt', len(plain) + TAG, None, plain, len(plain), aad, len(aad), None, nonce,
                key)


def _open(cipher, key, nonce, aad, sealed):
    if len(sealed) < TAG:
        raise Wrong('too short')
    return call(f'crypto_aead_{cipher}_decrypt', len(sealed) - TAG, None, None, sealed, len(sealed), aad, len(aad),
                nonce, key)


def lock(key, aad, plain):
    nonce = os.urandom(NONCE)
    return nonce + _seal('xchacha20poly1305_ietf', key, nonce, aad, plain)


def unlock(key, aad, box):
    return _open('xchacha20poly1305_ietf', key, box[:NONCE], aad, box[NONCE:])


def seal_transport(key, nonce, aad, plain):
    """ChaCha20-Poly1305 as Noise uses it; @nonce has 12 bytes."""
    return _seal('chacha20poly1305_ietf', key, nonce, aad, plain)


def open_transport(key, nonce, aad, sealed):
    return _open('chacha20poly1305_ietf', key, nonce, aad, sealed)
