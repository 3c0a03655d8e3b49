# SPDX-License-Identifier: Apache-2.0
"""Names that every node refuses alike (PROTOCOL 14). The lists are read out of PROTOCOL.md itself."""
import os
import re

import wire

NAME_MAX, SKELETON_MAX, WORDS_MAX = 32, 32, 17  # bytes, bytes, words


def read_lists():
    with open(os.path.join(wire.PROTO, 'PROTOCOL.md'), encoding='utf-8') as file:
        section = file.read().split('\n## 14 Names\n')[1]

    def block(after):
        """The indented lines behind a sentence."""
        return re.search(r'\n\n((?:    .*\n)+)', section[section.index(after):])[1]

    def rows(after):
        return [' '.join(row.split()) for row in block(after).replace('\n', ' ').split(',')]
    letters = {0xc0 + i: letter for i, letter in enumerate(''.join(block('14.8 Latinise').split())) if letter != '?'}
    for row in rows('and these (code point and letter)') + rows('Pairs (code point'):
        code, standing_for = row.split(' ')
        letters[int(code, 16)] = standing_for
    spans = [[int(end, 16) for end in (row + '-' + row).split('-')[:2]] for row in rows('14.1 A name')]
    return spans, rows('Roles, one between'), rows('Numbers:'), letters


FORBIDDEN, ROLES, NUMBERS, LETTERS = read_lists()
COMBINING = ((0x300, 0x36f), (0x483, 0x489), (0x1ab0, 0x1aff), (0x1dc0, 0x1dff), (0x20d0, 0x20ff), (0xfe20, 0xfe2f))
FOLDS = ((0x41, 0x5a, 0x20), (0x391, 0x3a9, 0x20), (0x410, 0x42f, 0x20), (0xff21, 0xff3a, 0x20), (0x400, 0x40f, 0x50),
         (0x531, 0x556, 0x30))
BLUR = {'0': 'o', '1': 'l', 'i': 'l', '|': 'l'}


def within(code, spans):
    return any(low <= code <= high for low, high in spans)


def fold(code):
    return code + next((step for low, high, step in FOLDS if low <= code <= high), 0)


def undress(code):
    if 0x1d400 <= code <= 0x1d6a3:
        return ord('a') + (code - 0x1d400) % 52 % 26
    if 0x1d7ce <= code <= 0x1d7ff:
        return ord('0') + (code - 0x1d7ce) % 10
    return code - 0xfee0 if 0xff01 <= code <= 0xff5e else code


def looks_like(code):
    """The letters that a code point looks like (rules 14.4 to 14.8)."""
    if code == ord(' ') or within(code, COMBINING):
        return ''
    if len(LETTERS.get(code, '')) < 2:
        code = fold(code) if code < 0x80 else fold(undress(code))
    return ''.join(BLUR.get(letter, letter) for letter in LETTERS.get(code, chr(code)))


def skeleton(text):
    out = ''
    for letter in ''.join(looks_like(ord(letter)) for letter in text):
        merged = {'rn': 'm', 'vv': 'w'}.get(out[-1:] + letter)
        out = out[:-1] + merged if merged else out + letter
    return out.encode()[:SKELETON_MAX]


def words(text):
    """Skeletons of the words (rule 14.3)."""
    breaks = re.compile('[\0-/:-@[-`{}~\x7f\xb7\u2010-\u2027]+')
    return [skeleton(word) for word in breaks.split(text) if word][:WORDS_MAX]


def good(name):
    """For meshes and devices (rule 14.1)."""
    return (1 <= len(name.encode()) <= NAME_MAX and name == name.strip(' ') and '  ' not in name
            and not set('+#*/') & set(name) and not any(within(ord(letter), FORBIDDEN) for letter in name))


def good_household(name):
    """For households: it says no role and is no number (rule 14.2)."""
    whole, parts = skeleton(name), words(name)
    for role, says in SAYS:
        runs = [parts[i:i + len(says)] for i in range(len(parts) - len(says) + 1)]
        if whole == role or says in runs:
            return False
    return good(name) and whole not in [skeleton(number) for number in NUMBERS]


SAYS = [(skeleton(role), words(role)) for role in ROLES]
