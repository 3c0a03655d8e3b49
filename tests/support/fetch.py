# SPDX-License-Identifier: Apache-2.0
"""A clip goes to another home as it does for people: its owner shares it, the other home signs the terms, its bytes come."""
import os
import subprocess
import time

PATIENCE = 30


def wait(what, until):
    began = time.monotonic()
    while not until():
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f'a fetch did not begin: {what} does not come')
        time.sleep(0.005)


def given(home, clip):
    return [row for row in home.json('grant', 'list') if 'line' not in row and row['clip'] == clip]


def offers(home, clip):
    return sum(row['state'] == 'offered' for row in given(home, clip))


def share(owner, home, clip, *more):
    """@home has the offer of it."""
    owner.cli('clip', 'share', clip, '--with', home.name, '--purpose', 'to look at', '--yes', *more, code=0)
    wait('the offer', lambda: offers(home, clip))


def accept(home, clip):
    """@home signs the terms. When its bytes begin to come: nobody waits for them."""
    want = os.path.join(home.folder, 'clips', clip + '.want')
    before = offers(home, clip)
    get = subprocess.Popen([home.play.programs.cli, '--data', home.folder, 'clip', 'get', clip, '-o',
                            home.folder + '.clip'],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=home.play.env)
    try:
        wait('the fetch', lambda: os.path.exists(want) and offers(home, clip) < before)
        return time.monotonic()
    finally:
        get.terminate()
        get.wait()


def begin(owner, home, clip, *more):
    share(owner, home, clip, *more)
    accept(home, clip)
