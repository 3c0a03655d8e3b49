#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the code says PROTOCOL.md says is what it says.

A comment of the form   PROTOCOL 4.2: "A node MUST NOT ..."   must quote rule 4.2 word for word (white space and
emphasis aside). A rule is what stands in PROTOCOL.md behind its number at the beginning of a line, up to the next
number or heading. Which numbered MUSTs no code quotes is told, as information.
"""
import os
import re

import lint

PROTOCOL = 'proto/PROTOCOL.md'
RULE = re.compile(r'^[ \t>#*_\-|]*(\d+(?:\.\d+)+)\.?[*_|]*[ \t]', re.MULTILINE)
HEADING = re.compile(r'^#+[ \t].*$', re.MULTILINE)
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*(?:\n[ \t]*//[^\n]*)*|^#[^\n]*(?:\n#[^\n]*)*', re.DOTALL | re.MULTILINE)
REFERENCE = re.compile(r'\bPROTOCOL (\d+(?:\.\d+)+)(?:\s*:\s*")?')


def fold(text):
    return ' '.join(re.sub(r'[*`]', '', text).split())


def rules(text):
    """Number -> the rule's text. Rule 4 of nobody: a chapter's own paragraphs are not quoted."""
    starts = [(m.start(), m.end(), m.group(1)) for m in RULE.finditer(text)]
    ends = sorted([start for start, _, _ in starts] + [m.start() for m in HEADING.finditer(text)] + [len(text)])
    found = {}
    for start, body, number in starts:
        end = next(e for e in ends if e > start)
        # "## 4.2 Expiry" is a heading and a rule: its text is what follows.
        found[number] = fold(text[body:end])
    return found


def comments(text):
    """The comments of a source file, without the decoration at the beginning of their lines."""
    for comment in COMMENT.findall(text):
        yield ' '.join(re.sub(r'^[ \t]*(/\*+|\*+/|\*|//|#)?', '', line).replace('*/', '').strip()
                       for line in comment.splitlines())


def quoted(rule, said):
    """The words that @said opens with, up to one of its closing quotes, stand in @rule."""
    closings = [i for i, c in enumerate(said) if c == '"' and (i == 0 or said[i - 1] != '\\')]
    return any(fold(said[:i].replace('\\"', '"')) in rule and fold(said[:i]) for i in closings)


def check(path, text, known, used):
    found = []
    for comment in comments(text):
        for reference in REFERENCE.finditer(comment):
            number = reference.group(1)
            if number not in known:
                found.append(f'{path}: there is no rule {number}')
            elif not reference.group(0).endswith('"'):
                continue
            elif quoted(known[number], comment[reference.end():]):
                used.add(number)
            else:
                found.append(f'{path}: rule {number} does not say "{comment[reference.end():][:60]}')
    return found


def sample_findings():
    known = rules('# 4 Alerts\n\n**4.2** A node MUST NOT forward\nan `alert` whose expiry has passed.\n\n'
                  '4.3 A node MUST say "yes" or nothing.\n\n## 5 Links\n\n5.1 Frames have one size.\n')
    used = set()
    text = ('/* PROTOCOL 4.2: "A node MUST NOT forward an\n * alert whose expiry has passed." */\n'
            '/* As PROTOCOL 4.3: "A node MUST say "yes" or nothing." has it, "no" is never said. */\n'
            '/* PROTOCOL 4.2: "A node SHOULD NOT forward" */\n// PROTOCOL 5.1: "Frames have two sizes."\n'
            '/* PROTOCOL 9.9 */\n/* PROTOCOL 5.1: "A node MUST NOT forward" */\n')
    return check('sample', text, known, used), used


def main():
    tap = lint.Tap()
    found, used = sample_findings()
    tap.refused('misquotations are refused', found, ['4.2 does not say', 'rule 5.1 does not say', 'no rule 9.9', 'rule 5.1'])
    tap.clean('true quotations are accepted', [f'{n} was not' for n in ('4.2', '4.3') if n not in used])
    if not os.path.exists(os.path.join(lint.root(), PROTOCOL)):
        print(f'ok 3 - the code quotes {PROTOCOL} # SKIP there is no {PROTOCOL}\n1..3')
        raise SystemExit(tap.failed)
    known = rules(lint.read(PROTOCOL))
    used = set()
    found = []
    for path in lint.sources(ending=('.c', '.h', '.def', '.py'), under=('src/', 'include/', 'proto/', 'tests/')):
        if not path.startswith('tests/lint/'):
            found += check(path, lint.read(path), known, used)
    tap.clean(f'the code quotes {PROTOCOL} as it is', found)
    musts = [number for number, rule in known.items() if re.search(r'\bMUST\b', rule)]
    unquoted = [number for number in musts if number not in used]
    print(f'# {len(musts)} rules say MUST, {len(unquoted)} of them are quoted by no code: {" ".join(unquoted)}')
    tap.end()


if __name__ == '__main__':
    main()
