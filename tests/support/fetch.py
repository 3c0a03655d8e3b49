# SPDX-License-Identifier: Apache-2.0
"""A clip is fetched from its owner, as if its vault had granted it: for tests of the bytes alone."""
import os
import socket
import sqlite3
import time

import fake_daemon

FETCH_BEGIN, DONE = 45, 64  # proto/control.def
PATIENCE = 30


def manifest(owner, clip):
    """As its owner's vault would hand it over with a grant."""
    with sqlite3.connect(f'file:{owner.folder}/porchlight.db?mode=ro', uri=True) as db:
        return db.execute('SELECT manifest FROM clip WHERE id = ?', (bytes.fromhex(clip),)).fetchone()[0]


def begin(owner, home, clip, life=3600):
    """@home fetches @owner's clip; it may be there for @life seconds."""
    begin_with(home, manifest(owner, clip), life)


def begin_with(home, paper, life=3600):
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(PATIENCE)
        link.connect(os.path.join(home.folder, 'control.sock'))
        link.sendall(fake_daemon.frame(FETCH_BEGIN, {1: paper, 2: int(time.time()) + life}))
        head = link.recv(5)
        if head[4] != DONE:
            raise RuntimeError(f'a fetch did not begin: {link.recv(400)!r}')
