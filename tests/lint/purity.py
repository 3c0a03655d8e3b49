#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The core does no I/O, asks no clock, draws no randomness and starts no thread: purity.py NM SAMPLE.a [CORE.a].

A run of the core must be a function of its seed, keys and events. What an object could call is what it leaves
undefined, so the list that nm prints decides, and not a reading of the source.
"""
import re
import subprocess
import sys

import lint

IMPURE = {
    'libuv': r'uv_.*',
    'SQLite': r'sqlite3_.*',
    'sockets': r'socket|socketpair|bind|listen|connect|accept4?|send(to|msg|mmsg)?|recv(from|msg|mmsg)?|shutdown|'
               r'[gs]etsockopt|getaddrinfo|p?poll|p?select|epoll_.*|eventfd',
    'a clock': r'time|clock|clock_.*|gettimeofday|times|ftime|timespec_get|localtime(_r)?|mktime|strftime|'
               r'u?sleep|nanosleep|timer_.*|timerfd_.*|alarm',
    'randomness': r's?rand(_r|om|om_r)?|[delmnj]rand48(_r)?|arc4random.*|getrandom|getentropy|randombytes.*|'
                  r'crypto_.*_(keypair|keygen)|crypto_box_seal|sodium_init',
    'stdio': r'v?(f|d|s|sn|as|w)?w?printf|v?[fs]?scanf|f?put[cs]|putchar|putw?c|puts|f?get[cs]|getchar|getline|perror|'
             r'f(open|dopen|reopen|close|read|write|seeko?|tello?|flush|ileno|eof|error)|stdin|stdout|stderr|open_memstream',
    'files': r'open|openat|creat|close|p?(read|write)v?|unlink|rename|f?l?stat|ioctl|fcntl|mmap|fsync|dup[23]?|pipe2?|'
             r'getenv|secure_getenv|fork|exec[lv].*|system|popen|exit|signal|sigaction|kill',
    'threads': r'pthread_.*|thrd_.*|mtx_.*|cnd_.*|sem_.*|call_once|futex',
    'our log': r'log_(line|set_level|set_name)',
}
# As the C library spells the same functions: __time64, __isoc99_sscanf, __snprintf_chk, fopen64, _IO_putc.
DRESS = re.compile(r'^(__isoc\d+_|__|_IO_)?(.*?)(64)?(_chk)?$')


def impure(symbol):
    """What @symbol would bring in, or None."""
    bare = DRESS.match(symbol.split('@')[0]).group(2)
    for what, names in IMPURE.items():
        if re.fullmatch(names, bare):
            return what
    return None


def defined(nm, library):
    """What the library defines itself: its own clock.c may well have a clock_now."""
    out = subprocess.run([nm, '--defined-only', '-g', library], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[2] for line in out.splitlines() if len(line.split()) == 3}


def findings(nm, library):
    own = defined(nm, library)
    out = subprocess.run([nm, '-u', library], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = []
    member = library
    for line in out.splitlines():
        if line.endswith(':'):
            member = line[:-1]
        words = line.split()
        what = impure(words[1]) if len(words) == 2 and words[1] not in own else None
        if what:
            found.append(f'{member} uses {words[1]}: {what}')
    return sorted(set(found))


def main():
    nm, bad, *libraries = sys.argv[1:]
    tap = lint.Tap()
    kinds = {found.split(': ')[-1] for found in findings(nm, bad)}
    wanted = {'libuv', 'SQLite', 'sockets', 'a clock', 'randomness', 'stdio', 'threads'}
    tap.clean('an impure sample is refused', sorted(f'not seen: {kind}' for kind in wanted - kinds))
    plain = [name for name in ('memcpy', 'malloc', 'qsort', 'timegm', 'buf_add', 'mesh_time_of', 'read_varint', 'crypto_aead_open')
             if impure(name)]
    dressed = [name for name in ('__time64', '__snprintf_chk', '__isoc99_sscanf', 'fopen64', 'clock_gettime@GLIBC_2.17')
               if not impure(name)]
    tap.clean('names are known by whole words, dressed or not', plain + dressed)
    for library in libraries:
        tap.clean('the core is pure', findings(nm, library))
    tap.end()


if __name__ == '__main__':
    main()
