#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two verifiers that share no line: test-verifier.py PORCHLIGHT MAKE-EVIDENCE VECTORS [FLIPS]

`porchlight verify` and contrib/verifier read the same bundles. They say the same of each claim and of each line of the ledger,
and refuse the same changed files, naming the same link."""
import ast
import functools
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import tokenize

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, '..', '..', 'contrib', 'verifier', 'verify.py')
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(PROGRAM))
import verify  # noqa: E402

CODE_MOST = 300  # lines of the second verifier


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def case(self, good, what, why=''):
        self.count += 1
        self.failed += not good
        print(f'{"" if good else "not "}ok {self.count} - {what}')
        if not good:
            print(f'# {why}')

    def end(self):
        print(f'1..{self.count}')
        sys.exit(self.failed > 0)


def porchlight(program, path, *more):
    env = dict(os.environ, LC_ALL='C.UTF-8')
    return subprocess.run([program, 'verify', path, '--json', *more], capture_output=True, text=True, env=env, check=False)


def told(text):
    rows = [json.loads(line) for line in text.splitlines()]
    return [row for row in rows if 'claim' in row], [{k: v for k, v in row.items() if k != 'v'} for row in rows
                                                     if 'claim' not in row]


def differences(ours, bundle):
    """What the two say that is not the same, claim by claim and line by line."""
    claims, lines = ours
    theirs = list(verify.claims(bundle, None))
    found = [f'{mine} and {other}' for mine, other in zip(claims, theirs)
             if (mine['claim'], mine['state']) != other[:2] or not all(str(fact) in mine['text'] for fact in other[2])]
    if len(claims) != len(theirs) or len(claims) < 15:
        found.append(f'{len(claims)} and {len(theirs)} claims')
    return found + [f'{mine} and {other}' for mine, other in zip(lines, bundle.custody.rows) if mine != other] + (
        [] if len(lines) == len(bundle.custody.rows) > 0 else ['lines are missing'])


def link_of(data):
    """The name of the link the second one finds broken; None: it finds none."""
    try:
        verify.Bundle(io.BytesIO(data))
        return None
    except verify.Broken as error:
        return str(error).split(':')[0]


def named_by(program, folder, data):
    path = os.path.join(folder, 'flipped')
    with open(path, 'wb') as file:
        file.write(data)
    done = porchlight(program, path)
    return None if done.returncode == 0 else json.loads(done.stderr)['error']['name'], done.returncode


def flips(bundle, wanted, seed):
    """Bit by bit where all are wanted, else drawn."""
    bits, draw = len(bundle) * 8, random.Random(seed)
    for i in range(wanted):
        bit = i % bits if wanted >= bits else draw.randrange(bits)
        data = bytearray(bundle)
        data[bit // 8] ^= 1 << bit % 8
        if i >= bits:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        if data != bundle:
            yield bit, bytes(data)


def code_lines(path):
    """Lines with code on them: no blanks, no comments, no docstrings."""
    with open(path, encoding='utf-8') as file:
        source = file.read()
    docs, lines = set(), set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, 'body', None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            docs |= set(range(body[0].lineno, body[0].end_lineno + 1))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
                              tokenize.ENDMARKER):
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - docs)


def try_flips(tap, program, folder, name, bundle, wanted):
    whole, apart, count = [], [], {}
    for bit, data in flips(bundle, wanted, seed=name):
        ours, code = named_by(program, folder, data)
        theirs = link_of(data)
        if ours is None or theirs is None or code not in (1, 5):
            whole.append(f'bit {bit}: {ours} ({code}) and {theirs}')
        elif ours != theirs:
            apart.append(f'bit {bit}: {ours} and {theirs}')
        count[ours] = count.get(ours, 0) + 1
    print(f'# {name}: {wanted} flips: {count}; named otherwise by the second: {len(apart)}, as {apart[:3]}')
    tap.case(not whole, f'{name}: every flip is refused by both, which name a link', whole[:5])


def main():
    program, make, vectors, *more = sys.argv[1:]
    wanted = int(more[0]) if more else 60
    tap = Tap()
    tap.case(code_lines(PROGRAM) <= CODE_MOST, f'the second verifier has at most {CODE_MOST} lines of code',
             code_lines(PROGRAM))
    verify.signed = functools.lru_cache(maxsize=4096)(verify.signed)  # of what is alike in every flipped copy
    verify.point = functools.lru_cache(maxsize=4096)(verify.point)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([make, folder], check=True)
        with open(vectors, encoding='ascii') as file:
            known = dict(line.split() for line in file if line.strip() and not line.startswith('#'))
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            with open(path, 'rb') as file:
                data = file.read()
            if name in known:
                tap.case(data.hex() == known[name], f'{name}: as in the vectors')
            clear, ours = os.path.join(folder, 'clear'), porchlight(program, path)
            extracted = porchlight(program, path, '--extract', clear)
            tap.case(ours.returncode == extracted.returncode == 0, f'{name}: whole', ours.stderr + extracted.stderr)
            out = io.BytesIO()
            bundle = verify.Bundle(io.BytesIO(data), out)
            found = differences(told(ours.stdout), bundle)
            tap.case(not found, f'{name}: both say the same', found)
            with open(clear, 'rb') as file:
                tap.case(file.read() == out.getvalue(), f'{name}: both write the same clip')
            os.remove(clear)
            mesh = bundle.roll.mesh.hex()
            tap.case(porchlight(program, path, '--mesh', mesh).returncode == 0 and
                     porchlight(program, path, '--mesh', 'ab' * 32).returncode == 5, f'{name}: another mesh is refused')
            if name != 'chunks':
                try_flips(tap, program, folder, name, data, wanted if name == 'full' else wanted // 4)
        tap.case(set(known) <= set(os.listdir(folder)) | {'clear'}, 'each vector was read', sorted(known))
    tap.end()


if __name__ == '__main__':
    main()
