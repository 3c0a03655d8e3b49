#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every text the tool says to people can be said in another language, and in each language there is, it is.

A text of src/cli is a string in which two words follow each other. It must stand where something looks it up: in _(), in N_(),
or in one of the functions of src/po/texts.py. xgettext and msgfmt do the rest."""
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile

import lint

TOKEN = re.compile(r'(?P<comment>/\*.*?\*/)|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<char>\'(?:[^\'\\\n]|\\.)*\')|'
                   r'(?P<include>^#include[^\n]*)|(?P<name>[A-Za-z_]\w*)|(?P<space>\s+|\\\n)|(?P<mark>.)', re.DOTALL | re.MULTILINE)
NOT_WORDS = re.compile(r'\\x[0-9a-f]{2}|\\[0-7]{3}|`[^`]*`|%[-+ #0-9.*]*(?:hh|ll|[hlz])?[a-zA-Z%]|--[a-z-]+|(?m:^  porchlight .*$)')
TWO_WORDS = re.compile(r'[A-Za-z]*[a-z]{2,},? [A-Za-z]{2,}')
JSON = re.compile(r'\{\\"|\\":')
# Scripts for shells, whose comments are English, and the words that person.c knows.
EXEMPT_FILES = re.compile(r'src/cli/(complete|complete_\w+)\.[ch]$')
# Named as they are typed, in every language; a synopsis has the words of the command line.
EXEMPT_FIELDS = ('synopsis', 'name', 'group')


def texts_module():
    spec = importlib.util.spec_from_file_location('texts_of_po', os.path.join(lint.root(), 'src', 'po', 'texts.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def places(passes):
    """Which arguments of a function are looked up: a name, and their numbers from 1 on."""
    found = {}
    for keyword in (keyword for row in passes for keyword in row):
        name, _, numbers = keyword.partition(':')
        found.setdefault(name, set()).update(int(n) for n in (numbers or '1').split(','))
    return found


def strings(source):
    """Each run of strings: line, text, the calls it stands in as (name, argument), and what stood before it."""
    stack, before, line, run = [], [], 1, None
    for match in TOKEN.finditer(source):
        kind, text = match.lastgroup, match.group()
        if kind == 'string':
            run = run or [line, '', [tuple(call) for call in stack], before[-3:]]
            run[1] += text[1:-1]
        elif kind not in ('space', 'comment', 'include'):
            if run:
                yield run
                run = None
            if text in '([{':
                stack.append([before[-1] if before else '', 1])
            elif text in ')]}' and stack:
                stack.pop()
            elif text == ',' and stack:
                stack[-1][1] += 1
            before.append(text)
        line += text.count('\n')


def is_text(string):
    plain = NOT_WORDS.sub('', string.replace('\\n', '\n'))
    return bool(TWO_WORDS.search(plain)) and not JSON.search(string)


def outside(path, source, looked_up):
    """Texts that nothing looks up."""
    found = []
    for line, string, calls, before in strings(source):
        marked = any(number in looked_up.get(name, ()) for name, number in calls)
        field = before[0] == '.' and before[1] in EXEMPT_FIELDS if len(before) == 3 else False
        if is_text(string) and not marked and not field:
            found.append(f'{path}:{line}: no language has "{string[:50]}"')
    return found


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def msgids(catalogue):
    """Every text of a catalogue but its header. A long one, or one of several lines, begins with an empty line of its own."""
    entries = re.findall(r'^(?:#~ )?msgid ((?:(?:#~ )?".*"\n?)+)', catalogue, re.MULTILINE)
    texts = (''.join(re.findall(r'"(.*)"$', entry, re.MULTILINE)) for entry in entries)
    return [text for text in texts if text]


def catalogue_findings(path, pot):
    """What is wrong with a catalogue: formats that do not agree, texts that are missing, not sure, or no longer there."""
    code, said = run('msgfmt', '--check', '--output-file=/dev/null', path)
    found = said.splitlines() if code else []
    for what, option in (('not translated', '--untranslated'), ('fuzzy', '--only-fuzzy'), ('obsolete', '--only-obsolete')):
        listed = run('msgattrib', option, path)[1]
        if option == '--untranslated':
            listed = run('msgattrib', '--untranslated', '--no-obsolete', path)[1]
        found += [f'{what}: {text}' for text in msgids(listed)]
    have, want = (set(re.findall(r'^msgid .*(?:\n".*")*', run('msgcat', '--no-wrap', name)[1], re.MULTILINE)) for name in (path, pot))
    rows = [f'missing: {row}' for row in sorted(want - have)] + [f'of no source: {row}' for row in sorted(have - want)]
    return found + [row.replace('\n', ' ') for row in rows]


BAD_SOURCE = '''
static void f(void) {
        buf_add_str(out, "two words here");
        buf_add_str(out, _("two words here"));
        cli_fail(c, 1, "a-name", "what to do", "what %s did", name);
        layout_count(out, n, "old home", "old homes");
        x = (struct y){.synopsis = "ID [TEXT FILE]", .brief = N_("say two words")};
        puts("{\\\\"two words\\\\":1}");
        strcpy(to, "one");
}
'''
BAD_POT = '''msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\\\n"

#, c-format
msgid "%s has %d"
msgstr ""

msgid "new"
msgstr ""
'''
BAD_PO = '''msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\\\n"

#, c-format
msgid "%s has %d"
msgstr "%d von %s"

#, fuzzy
msgid "unsure"
msgstr "unsicher"

msgid ""
"`porchlight` says\\\\n"
"two lines\\\\n"
msgstr ""
'''


def refuse_samples(tap, folder, looked_up):
    tap.refused('a text in no catalogue is refused', outside('x.c', BAD_SOURCE.replace('\\\\', '\\'), looked_up),
                ['x.c:3: no language has "two words here"'])
    for name, text in (('bad.po', BAD_PO), ('bad.pot', BAD_POT)):
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
            file.write(text.replace('\\\\', '\\'))
    found = catalogue_findings(os.path.join(folder, 'bad.po'), os.path.join(folder, 'bad.pot'))
    wanted = ('format specifications', 'fuzzy: unsure', 'not translated: `porchlight` says', 'missing: msgid "new"', 'of no source: msgid "unsure"')
    tap.case(all(any(words in row for row in found) for words in wanted), 'a bad catalogue is refused', found)


def main():
    tap = lint.Tap()
    texts = texts_module()
    looked_up = places(texts.PASSES)
    if not all(shutil.which(tool) for tool in ('xgettext', 'msgfmt', 'msgattrib', 'msgcat')):
        lint.skip('gettext is not installed')
    with tempfile.TemporaryDirectory() as folder:
        refuse_samples(tap, folder, looked_up)
        found = []
        for path in lint.sources(under=('src/cli/',)):
            if not EXEMPT_FILES.match(path):
                found += outside(path, lint.read(path), looked_up)
        advice = ['put them into _(), or into N_() where they are rows of a table (src/base/lang.h)'] if found else []
        tap.clean('every text of the tool is looked up', found + advice)
        listed = set(texts.sources())
        tap.clean('every file with texts is in POTFILES',
                  [f'{path} is not' for path in lint.sources(under=('src/cli/',), ending=('.c',))
                   if path not in listed and not EXEMPT_FILES.match(path)])
        pot = os.path.join(folder, 'porchlight.pot')
        texts.pot(pot)
        for language in texts.languages():
            found = catalogue_findings(texts.catalogue(language), pot)
            advice = [f'`ninja po-update` takes new texts into src/po/{language}.po; say them there'] if found else []
            tap.clean(f'{language}.po is whole', found + advice)
    tap.end()


if __name__ == '__main__':
    main()
