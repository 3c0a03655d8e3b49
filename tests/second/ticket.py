# SPDX-License-Identifier: Apache-2.0
"""Tickets: their text, their public half, their check words, and the add that a joiner makes of one (PROTOCOL 6)."""
import base64
import re

import crypto
import wire

MAGIC = 'PORCHLIGHT1'
BITS = ((16, 'bdfghjklmnprstvz'), (4, 'aiou'), (8, 'bdklmrst'), (4, 'aiou'))  # of a check word, from the highest


class Ticket:
    """A ticket that was read and whose signature is right; raises wire.Bad or crypto.Wrong."""

    def __init__(self, text):
        text = re.sub('[ \t\r\n-]', '', text).upper()
        wire.need(text.startswith(MAGIC), 'not a ticket')
        self.raw = self.bytes_of(text[len(MAGIC):])
        self.fields = wire.decode('ticket', self.raw)
        _, signed = wire.before(self.raw, 16)
        wire.need(b''.join(wire.before(self.raw, 17)) == self.raw, 'something stands behind the signature')
        self.mesh, self.link_key = self.fields['mesh'], self.fields['link_key']
        self.key = crypto.Signer(self.fields['seed'])
        self.invite = self.public_half(signed)

    @staticmethod
    def bytes_of(text):
        try:
            raw = base64.b32decode(text + '=' * (-len(text) % 8))
        except ValueError:
            raise wire.Bad('not base32') from None
        wire.need(base64.b32encode(raw).decode().rstrip('=') == text, 'bits are left over')
        return raw

    def public_half(self, signed):
        invite = {'key': self.key.public, 'device': self.fields['device'], 'expires': self.fields['expires'],
                  'uses': self.fields['uses'], 'blind': crypto.hashed(b'ticket blind', self.mesh, signed),
                  'sig': self.fields['sig']}
        crypto.verify(invite['device'], b'invite', invite_hash(self.mesh, invite), invite['sig'])
        return invite

    def check_words(self):
        left = int.from_bytes(crypto.hashed(b'check words', self.mesh, self.raw)[:6], 'big') >> 4
        letters = []
        for count, alphabet in reversed(BITS * 4):
            left, index = divmod(left, count)
            letters.append(alphabet[index])
        word = ''.join(reversed(letters))
        return ' '.join(word[i:i + len(BITS)] for i in range(0, len(word), len(BITS)))


def write(mesh, fields, signer):
    """The text of a ticket with these fields, which @signer's device signs (rules 6.1 to 6.4)."""
    invite = {'key': crypto.Signer(fields['seed']).public, 'device': signer.public, 'expires': fields['expires'],
              'uses': fields['uses'], 'blind': crypto.hashed(b'ticket blind', mesh, wire.pairs('ticket', fields))}
    sig = signer.sign(b'invite', invite_hash(mesh, invite))
    return MAGIC + base64.b32encode(wire.encode('ticket', {**fields, 'sig': sig})).decode().rstrip('=')


def invite_hash(mesh, invite):
    """Names an invite (rule 5.25), and is what its device has signed."""
    unsigned = {name: value for name, value in invite.items() if name != 'sig'}
    return crypto.hashed(b'invite', mesh, wire.pairs('invite', unsigned))
