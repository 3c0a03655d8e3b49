#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each program has what a compiler can give it against mistakes that are left, and the daemon calls nothing that its helpers are there for:
hardened.py release|plain PROGRAM...

What flags were asked for is no matter; what counts is what stands in the files. `plain` is a build that has no fortified
functions: a sanitizer's, or one without optimisation."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import lint


def said(program, *options):
    return subprocess.run(['readelf', '--wide', *options, program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout


def weaknesses(program, fortified):
    """What is missing in a program."""
    headers, dynamic, segments, symbols = (said(program, option) for option in ('-h', '-d', '-l', '--dyn-syms'))
    stack = re.search(r'GNU_STACK.*', segments)
    found = {
        'is loaded at a fixed place': not re.search(r'Type:\s+DYN', headers),
        'has no read-only relocations': 'GNU_RELRO' not in segments,
        'binds its functions late': not re.search(r'\(FLAGS(_1)?\).*\bNOW\b', dynamic),
        'has a stack that can be run': not stack or 'RWE' in stack.group(0),
        'has writable memory that can be run': any('RWE' in line for line in segments.splitlines()),
        'has no guards on the stack': '__stack_chk_fail' not in symbols,
        'has no fortified functions': fortified and '_chk' not in symbols.replace('__stack_chk_fail', ''),
        'looks for libraries in a folder of its own': bool(re.search(r'\((RPATH|RUNPATH)\).*\[(?!\$ORIGIN)', dynamic)),
    }
    return [what for what, wrong in found.items() if wrong]


# What reads names' servers, other homes' routers and one's own, and films: in processes of their own (DESIGN 4).
HELPERS = re.compile(r'\bUND (getaddrinfo|getnameinfo|gethostby\w+|uv_getaddrinfo|uv_getnameinfo|res_\w+|nice_\w+|g_\w+|ngtcp2_\w+|gnutls_\w+|'
                     r'upnp\w+|UPNP\w+|\w*natpmp\w*|av_\w+|avformat_\w+)(?:@|\s|$)', re.M)
WITHOUT_HELP = ('porchlightd', 'porchlight-vault')


def calls_for_helpers(program):
    """What it calls itself and should not."""
    return HELPERS.findall(said(program, '--dyn-syms')) if os.path.basename(program) in WITHOUT_HELP else []


def curious_program(folder):
    """A daemon that asks for names itself."""
    program = os.path.join(folder, WITHOUT_HELP[0])
    text = '#include <netdb.h>\nint main(void) { struct addrinfo *a; return getaddrinfo("a", 0, 0, &a); }\n'
    subprocess.run(['cc', '-x', 'c', '-', '-o', program], input=text, text=True, check=True)
    return program


def bad_program(folder):
    """One that has nothing of it."""
    program = os.path.join(folder, 'bad')
    build = ['cc', '-no-pie', '-fno-stack-protector', '-O0', '-U_FORTIFY_SOURCE', '-Wl,-z,norelro', '-Wl,-z,lazy',
             '-Wl,-z,execstack', '-Wl,-rpath,/tmp', '-x', 'c', '-', '-o', program]
    subprocess.run(build, input='int main(void) { return 0; }\n', stderr=subprocess.DEVNULL, text=True, check=True)
    return program


def main():
    kind, *programs = sys.argv[1:]
    if not shutil.which('readelf') or not shutil.which('cc'):
        lint.skip('readelf and cc are not installed: hardening was NOT checked (apt-get install gcc binutils)')
    tap = lint.Tap()
    with tempfile.TemporaryDirectory() as folder:
        found = weaknesses(bad_program(folder), True)
        tap.case(len(found) == 8, 'a program with nothing of it is refused', found)
        found = calls_for_helpers(curious_program(folder))
        tap.case(found == ['getaddrinfo'], 'a daemon that asks for names is refused', found)
    for program in programs:
        tap.clean(f'{os.path.basename(program)} is hardened', weaknesses(program, kind == 'release'))
        tap.clean(f'{os.path.basename(program)} leaves to its helpers what is theirs', calls_for_helpers(program))
    tap.end()


if __name__ == '__main__':
    main()
