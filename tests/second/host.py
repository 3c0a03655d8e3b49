# SPDX-License-Identifier: Apache-2.0
"""What a member does for others: it writes tickets, admits who comes on them, and makes epochs (PROTOCOL 6 and 7)."""
import ipaddress
import os
import time

import crypto
import epochs
import names
import node
import roster
import ticket
import wire
from link import REASON

WEEK = 604800
HEADS = 4


class Host(node.Node):
    # -- tickets --

    def invite(self, uses=1):
        """The text of a ticket (rules 6.1 to 6.5)."""
        seed, me = os.urandom(32), self.keys.device
        address = {'ip4': ipaddress.ip_address(self.address[0]).packed, 'port': self.address[1]}
        fields = {'mesh': self.mesh, 'mesh_name': self.roster.fold.genesis.fields['mesh_name'], 'seed': seed,
                  'link_key': self.epochs.link_keys()[0], 'inviter': self.name, 'device': me.public, 'uses': uses,
                  'expires': int(time.time()) + WEEK, 'addrs': [address]}
        return ticket.write(self.mesh, fields, me)

    # -- admission --

    def on_admit(self, link, message, raw):
        if self.known(link):
            return  # admitted elsewhere
        try:
            self.admit(link, message['op'])
        except roster.Void as why:
            self.refuse(link, str(why))
        except (wire.Bad, crypto.Wrong):
            self.refuse(link, 'ticket-bad')

    @staticmethod
    def refuse(link, reason):
        link.send('REFUSED', {'reason': REASON[reason]})
        link.finish(None)

    def admit(self, link, raw):
        """Rules 6.9 to 6.11."""
        roster.judge(not link.initiator and 'joining' in link.hello)
        roster.judge(names.good_household(wire.decode('op', raw).get('name', '-')), 'name-refused')
        op = roster.Op(raw, self.mesh, on_its_way=True)
        roster.judge(op.type == 'add' and op.device['noise'] == link.static)
        op.time = int(time.time())
        fold, invite = self.roster.fold, op.fields['invite'][0]
        fold.judge(op)
        roster.judge(not self.revoked(invite), 'ticket-revoked')
        self.countersign(op, fold.heads(HEADS, [fold.devices[invite['device']].op.id, self.me().op.id]))

    def countersign(self, op, heads):
        fields = {**op.fields, 'by': self.keys.device.public, 'at': op.time, 'heads': b''.join(heads)}
        digest = crypto.hashed(b'operation admit', self.mesh, wire.pairs('op', fields))
        fields['by_sig'] = self.keys.device.sign(b'operation admit', digest)
        self.on_op(None, None, wire.encode('op', fields))

    def revoked(self, invite):
        """Rule 6.14."""
        devices = self.roster.fold.devices
        return any(message['invite'] == invite['key']
                   and devices[message['device']].household == devices[invite['device']].household
                   for message, _ in self.revokes.values() if message['device'] in devices)

    # -- epochs --

    def make_epoch(self):
        """Of everything here. A home for people would do it after the delay of rule 7.14."""
        names, own = self.roster.fold.heads(len(self.roster.ops)), self.me().op.id
        while len(names) > epochs.FRONTIER:  # rule 7.20: each stands for the one before and what comes next
            part = self.make_epoch_of([*names[:epochs.FRONTIER - 1], own])
            names = [part.hash, *names[epochs.FRONTIER - 1:]]
        return self.make_epoch_of(names)

    def make_epoch_of(self, names):
        """Rules 7.1 to 7.3."""
        now, signer, key = int(time.time()), self.keys.device, os.urandom(32)
        newest, removed = self.epochs.newest(), self.roster.past(self.epochs.operations(names)).removed_hash()
        link_key = newest.link_key if newest.fields['removed'] == removed else os.urandom(32)
        fields = {'generation': newest.fields['generation'] + 1, 'frontier': b''.join(names),
                  'removed': removed, 'commit_key': epochs.Tree(self.mesh, 0, key, []).node(0, epochs.DAYS),
                  'commit_link': crypto.hashed(b'commit link key', self.mesh, link_key), 'device': signer.public,
                  'time': now}
        digest = crypto.hashed(b'epoch', self.mesh, wire.encode('epoch', fields, len(fields) + 1))
        fields['sig'] = signer.sign(b'epoch', digest)
        epoch = self.epochs.take({'header': wire.encode('epoch', fields), 'key': key, 'day': now // epochs.DAY,
                                  'link_key': link_key})
        self.keep_epoch(epoch, None)
        return epoch
