#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sealed key is opened in one place: oneplace.py NM VAULT.a LIBRARY.a...

The key of a clip comes out of its box in src/vault/unwrap.c, behind a line in the ledger, and nowhere else (PROTOCOL 15.11).
What an object could call is what it leaves undefined, so the list that nm prints decides. VAULT.a may call box_unseal()
from that one object; the other libraries, which are all of porchlightd, from none.
"""
import re
import subprocess
import sys

import lint

WHAT = 'box_unseal'
PLACE = 'src/vault/unwrap.c'


def callers(nm, library):
    """The objects of a library that leave it undefined."""
    out = subprocess.run([nm, '-u', library], check=True, stdout=subprocess.PIPE, text=True).stdout
    member, found = library, set()
    for line in out.splitlines():
        words = line.split()
        if line.endswith(':'):
            member = line[:-1]
        elif words and words[-1] == WHAT:
            found.add(member)
    return found


def calls(text):
    return len(re.findall(rf'\b{WHAT}\(', re.sub(r'/\*.*?\*/', '', text, flags=re.DOTALL)))


def main():
    nm, vault, *others = sys.argv[1:]
    tap = lint.Tap()
    tap.case(calls('a = box_unseal(x); /* box_unseal() */ b = box_unseal (y) + box_unseal(z);') == 2, 'calls are counted')
    found = callers(nm, vault)
    tap.clean('one object of the vault opens sealed keys', [] if [f.split('/')[-1] for f in found] == ['unwrap.c.o'] else
              sorted(found) or ['none does: is this still the function?'])
    tap.case(calls(lint.read(PLACE)) == 1, f'{PLACE} has one call of {WHAT}()')
    tap.clean('the daemon opens none', sorted(f'{library}: {f}' for library in others for f in callers(nm, library)))
    tap.end()


if __name__ == '__main__':
    main()
