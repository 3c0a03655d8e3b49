#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A folder of src/ includes only what stands behind its arrow (docs/architecture.md has the picture)."""
import os
import re

import lint

ARROWS = {
    'base': '',
    'wire': 'base',
    'crypto': 'base',
    'roster': 'base wire crypto',
    'clip': 'base wire crypto',
    'haul': 'base crypto',
    'proof': 'base wire crypto roster clip',
    'core': 'base wire crypto roster clip',
    'tape': 'base wire crypto',
    'store': 'base wire',
    'node': 'base wire crypto store roster clip haul tape',
    'daemon': 'base wire crypto store roster clip haul core tape node',
    'vault': 'base wire crypto roster clip proof',
    'ingest': 'base wire crypto',
    'ice': 'base wire crypto',
    'names': 'base wire',
    'router': 'base wire',
    'client': 'base wire',
    'cli': 'base wire crypto roster clip proof client',
    'tools': 'base wire crypto roster clip core tape',
}
# The public headers: which folders may see them. A header that is not named here is for all.
PUBLIC = {
    'porchlight/mesh.h': 'core tape node daemon tools',
    'porchlight/client.h': 'client cli',
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def allowed(folder, header):
    top = header.split('/')[0] if '/' in header else folder
    if header in PUBLIC:
        return folder in PUBLIC[header].split()
    if top == 'porchlight' or top == folder:
        return True
    if top not in ARROWS:
        return top != '..'  # proto/ and what the build generates
    return top in ARROWS[folder].split()


def findings(top):
    found = []
    for path in lint.sources(top, under='src/'):
        folder = path.split('/')[1]
        if folder not in ARROWS:
            found.append(f'{path}: the folder {folder} has no arrow in {os.path.basename(__file__)}')
            continue
        for header in INCLUDE.findall(lint.read(path, top)):
            if not allowed(folder, header):
                found.append(f'{path} includes "{header}": {folder} may use only {ARROWS[folder] or "libc"}')
    return found


def main():
    tap = lint.Tap()
    tap.refused('upward and sideways includes are refused', findings(lint.sample('layers')),
                ['src/base/up.c includes "wire/reader.h"', 'src/core/shell.c includes "node/node.h"',
                 'src/core/shell.c includes "../store/store.h"', 'src/gossip/new.c: the folder gossip has no arrow',
                 'src/wire/core.h includes "porchlight/mesh.h"'])
    tap.clean('src/ keeps to its layers', findings(lint.root()))
    tap.end()


if __name__ == '__main__':
    main()
