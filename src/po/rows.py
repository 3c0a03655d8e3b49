#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The texts of one source in every language, as a C table: rows.py SOURCE OUT PO... (src/vault/catalogue.h).

A catalogue's strings are C strings already and go over as they stand. It needs no gettext, so that every build has every
language. What would make a format of a translation read what is not there is refused; the rest is the lint `texts`' matter."""
import os
import re
import sys

STRINGS = r'(?:"(?:[^"\\\n]|\\.)*"\s*)+'
ENTRY = re.compile(rf'^(msgid|msgid_plural|msgstr(?:\[\d\])?)\s+({STRINGS})', re.MULTILINE)
COMMENT_OR_STRINGS = re.compile(rf'/\*.*?\*/|\'(?:[^\'\\]|\\.)\'|({STRINGS})', re.DOTALL)
PLURALS = re.compile(r'Plural-Forms: *nplurals=(\d); *plural=([n0-9 ()?:!=<>%&|+-]+);')
CONVERSION = re.compile(r'%(?:(\d+)\$)?([^%\s]*?[a-zA-Z])|%%')


def joined(strings):
    """One after the other between one pair of quotation marks, as the compiler reads them."""
    return ''.join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', strings))


def texts_of(source):
    with open(source, encoding='utf-8') as file:
        return {joined(strings) for strings in COMMENT_OR_STRINGS.findall(file.read()) if strings}


def entries(text):
    """Each entry of a catalogue: its rows by name."""
    entry = {}
    for name, strings in ENTRY.findall(re.sub(r'^#.*$', '', text, flags=re.MULTILINE)):
        if name == 'msgid' and entry:
            yield entry
            entry = {}
        entry[name] = joined(strings)
    yield entry


def conversions(text):
    """The arguments a format takes, in their order."""
    found = [match for match in CONVERSION.finditer(text) if match.group(0) != '%%']
    numbered = [(int(match.group(1) or at), match.group(2)) for at, match in enumerate(found, 1)]
    return sorted(set(numbered))


def forms(entry, n):
    plural = 'msgid_plural' in entry
    return [entry.get(f'msgstr[{i}]', '') for i in range(n)] if plural else [entry.get('msgstr', '')] * n


def table(path, wanted):
    """One catalogue's language, number of forms, rule for them, and rows."""
    with open(path, encoding='utf-8') as file:
        head, *rest = entries(file.read())
    plurals = PLURALS.search(head['msgstr'])
    if head['msgid'] or not plurals:
        sys.exit(f'{path}: no Plural-Forms')
    n, rows = int(plurals.group(1)), []
    for entry in rest:
        texts = forms(entry, n)
        if entry['msgid'] not in wanted or not all(texts):
            continue
        many = entry.get('msgid_plural', entry['msgid'])
        if any(conversions(text) != conversions(many) for text in texts):
            sys.exit(f'{path}: "{many}" takes other values than its translation')
        rows.append((entry['msgid'], texts))
    return os.path.splitext(os.path.basename(path))[0], n, plurals.group(2), rows


def main():
    source, out, *paths = sys.argv[1:]
    wanted = texts_of(source)
    tables = [table(path, wanted) for path in paths]
    lines = [f'/* Made by {os.path.basename(__file__)} of {", ".join(os.path.basename(path) for path in paths)}. */',
             '#include "vault/catalogue.h"', '']
    for name, n, rule, rows in tables:
        lines += [f'static unsigned long form_{name}(unsigned long n) {{', f'        return {rule};', '}',
                  f'static const char *const {name}[] = {{']
        for msgid, texts in rows:
            lines += [f'        "{msgid}",'] + [f'        "{text}",' for text in texts]
        lines += ['};']
    lines += ['const struct catalogue catalogues[] = {']
    lines += [f'        {{"{name}", form_{name}, {n}, {name}, {len(rows)}}},' for name, n, _, rows in tables]
    lines += ['};', f'const size_t catalogues_n = {len(tables)};', '']
    with open(out, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines))


if __name__ == '__main__':
    main()
