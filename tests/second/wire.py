# SPDX-License-Identifier: Apache-2.0
"""Messages: msgpack as section 2 of PROTOCOL.md has it, by the tables that REFERENCE.md prints.

No message is known to this file: it reads the tables, so that what they say and what is checked cannot differ. A
message is a dict by field name, {'reason': 7}. Whoever passes one on keeps the bytes it came in (rule 2.10).
"""
import os
import re
import struct

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'proto')
SKIP_VALUES = 256
SKIP_DEPTH = 4
UINTS = {0xcc: ('>B', 0x80), 0xcd: ('>H', 0x100), 0xce: ('>I', 0x10000), 0xcf: ('>Q', 1 << 32)}  # least in this form
INTS = {0xd0: ('>b', -33), 0xd1: ('>h', -129), 0xd2: ('>i', -32769), 0xd3: ('>q', -(1 << 31) - 1)}  # most
LENGTHS = {  # type, form of the length, least length in this form
    0xc4: (bytes, '>B', 0), 0xc5: (bytes, '>H', 0x100), 0xc6: (bytes, '>I', 0x10000),
    0xd9: (str, '>B', 32), 0xda: (str, '>H', 0x100), 0xdb: (str, '>I', 0x10000),
    0xdc: (list, '>H', 16), 0xdd: (list, '>I', 0x10000), 0xde: (dict, '>H', 16), 0xdf: (dict, '>I', 0x10000)}
KINDS = {'U64': int, 'TIME': int, 'ENUM': int, 'I64': int, 'DEG': int, 'BOOL': bool, 'BYTES': bytes, 'STR': str,
         'LIST': list}


class Bad(Exception):
    """Bytes that are no message."""


def need(good, why):
    if not good:
        raise Bad(why)


# ---- the tables ----

class Field:
    def __init__(self, key, name, kind, bounds, of, presence):
        self.key, self.name, self.kind, self.of = int(key), name, kind, of
        self.least, self.most = (int(bound) for bound in bounds.split('…'))
        self.required, self.gone = presence == 'REQ', presence == 'GONE'


class Tables:
    """REFERENCE.md: fields of each message, its longest encoding, numbers on a link, enumerations, kinds, charter."""

    def __init__(self, path=os.path.join(PROTO, 'REFERENCE.md')):
        self.fields, self.longest, self.enums, self.numbers, self.classes = {}, {}, {}, {}, {}
        self.kinds, self.charter = {}, {}
        chapter = section = None
        with open(path, encoding='utf-8') as file:
            for line in file:
                if line.startswith('## '):
                    chapter, section = line[3:].strip(), None
                elif line.startswith('### '):
                    section = line[4:].strip()
                elif chapter != 'Enumerations' and (size := re.search(r'; at most (\d+) bytes\.$', line)):
                    self.longest[section], self.fields[section] = int(size[1]), []
                elif re.match(r'\| \d', line):
                    self.row(chapter, section, [cell.strip() for cell in line.strip().strip('|').split('|')])

    def row(self, chapter, section, cells):
        if chapter == 'The charter':
            self.charter[int(cells[0])] = (cells[1], *(int(cell) for cell in cells[2:5]))
        elif section == 'Messages on a link':
            self.numbers[int(cells[0])], self.classes[cells[1]] = (cells[1], cells[2]), int(cells[3])
        elif chapter == 'Enumerations':
            self.enums.setdefault(section, {})[int(cells[0])] = cells[1]
            if section == 'kind':
                self.kinds[int(cells[0])] = cells[1:8]
        elif section in self.fields:
            self.fields[section].append(Field(*cells[:6]))


TABLES = Tables()
NUMBER = {name: number for number, (name, _) in TABLES.numbers.items()}


def enum(name, spelling):
    """The number of a spelling."""
    return next(number for number, known in TABLES.enums[name].items() if known == spelling)


# ---- reading ----

class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, size):
        need(self.at + size <= len(self.data), 'it ends too early')
        self.at += size
        return self.data[self.at - size:self.at]

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def head(self):
        """(type, value of an int or bool, or length or count of the others); rules 2.1 and 2.2."""
        first = self.unpack('>B')
        if first < 0x80 or first >= 0xe0:
            return int, first if first < 0x80 else first - 0x100
        if first < 0xc0:
            return (dict, first & 15) if first < 0x90 else (list, first & 15) if first < 0xa0 else (str, first & 31)
        if first in (0xc2, 0xc3):
            return bool, first == 0xc3
        if first in UINTS:
            form, least = UINTS[first]
            value = self.unpack(form)
            need(value >= least, 'not the shortest form')
            return int, value
        if first in INTS:
            form, most = INTS[first]
            value = self.unpack(form)
            need(value <= most, 'not the shortest form')
            return int, value
        need(first in LENGTHS, f'type {first:02x} is not of this protocol')
        kind, form, least = LENGTHS[first]
        size = self.unpack(form)
        need(size >= least, 'not the shortest form')
        return kind, size

    def blob(self, kind, size):
        data = self.take(size)
        if kind is bytes:
            return data
        try:
            text = data.decode('utf-8')
        except UnicodeDecodeError:
            raise Bad('text that is no UTF-8') from None
        need('\0' not in text, 'text with a zero byte')
        return text

    def skip(self, left=SKIP_VALUES, depth=0):
        """One value of any kind, within rule 2.5; how many more there may be."""
        need(left > 0, 'too much to skip')
        left -= 1
        kind, size = self.head()
        if kind in (str, bytes):
            self.blob(kind, size)
        elif kind in (list, dict):
            need(depth < SKIP_DEPTH, 'nested too deep')
            for _ in range(size * (2 if kind is dict else 1)):
                left = self.skip(left, depth + 1)
        return left

    def number(self):
        kind, value = self.head()
        need(kind is int and value >= 0, 'not a number')
        return value

    def keys(self):
        """The keys of the map that begins here; the caller reads each value before it asks for the next key."""
        kind, count = self.head()
        need(kind is dict, 'not a map')
        last = -1
        for _ in range(count):
            key = self.number()
            need(key > last, 'keys do not rise')
            last = key
            yield key

    def field(self, field):
        kind, value = self.head()
        need(kind is KINDS[field.kind], f'{field.name} is of another kind')
        need(field.least <= value <= field.most, f'{field.name} is out of bounds')
        if kind in (bytes, str):
            return self.blob(kind, value)
        return [self.message(field.of) for _ in range(value)] if kind is list else value

    def message(self, name):
        start, found = self.at, {}
        fields = {field.key: field for field in TABLES.fields[name] if not field.gone}
        for key in self.keys():
            if key in fields:
                found[fields[key].name] = self.field(fields[key])
            else:
                self.skip()
        for field in fields.values():
            need(field.name in found or not field.required, f'{name} has no {field.name}')
        need(self.at - start <= TABLES.longest[name], f'{name} is too long')
        return found


def decode(name, data):
    """The message that @data is, with nothing behind it."""
    reader = Reader(data)
    found = reader.message(name)
    need(reader.at == len(data), f'something follows {name}')
    return found


def before(data, key):
    """The encoded map @data up to the byte at which @key begins (rule 3.8): its header, and its pairs."""
    reader = Reader(data)
    reader.head()
    header, reader.at = reader.at, 0
    end = len(data)
    start = header
    for found in reader.keys():
        if found >= key:
            end = start
            break
        reader.skip()
        start = reader.at
    return data[:header], data[header:end]


def messages(body):
    """(name, message, its bytes) of each message in a frame's body; (rules 8.11 and 8.12)."""
    reader = Reader(body)
    while reader.at < len(body):
        number = reader.number()
        if number == 0:
            need(not any(body[reader.at:]), 'something follows the last message')
            return
        start = reader.at
        if number not in TABLES.numbers:
            reader.skip()
            continue
        name, kind = TABLES.numbers[number]
        yield name, reader.message(kind), body[start:reader.at]


# ---- writing ----

def pack_head(kind, size):
    small = {str: (0xa0, 32), list: (0x90, 16), dict: (0x80, 16)}
    if kind in small and size < small[kind][1]:
        return bytes([small[kind][0] | size])
    form, first = next((form, first) for first, (known, form, _) in LENGTHS.items()
                       if known is kind and size < 1 << 8 * struct.calcsize(form))
    return bytes([first]) + struct.pack(form, size)


def pack_int(value):
    if -32 <= value < 0x80:
        return struct.pack('>B', value & 0xff)
    forms = UINTS if value > 0 else INTS
    for first, (form, _) in forms.items():
        bits = 8 * struct.calcsize(form) - (value < 0)
        if -(1 << bits) <= value < 1 << bits:
            return bytes([first]) + struct.pack(form, value)
    raise Bad(f'{value} is too large')


def pack(value, field):
    kind = KINDS[field.kind]
    size = len(value) if kind in (bytes, list) else len(value.encode()) if kind is str else int(value)
    need(field.least <= size <= field.most, f'{field.name} is out of bounds')
    if kind is bool:
        return b'\xc3' if value else b'\xc2'
    if kind is int:
        return pack_int(value)
    if kind is list:
        return pack_head(list, size) + b''.join(encode(field.of, row) for row in value)
    return pack_head(kind, size) + (value.encode() if kind is str else value)


def encode(name, message, count=None):
    """The bytes of a message. With @count its header speaks of that many pairs: the others are added behind."""
    fields = sorted((field for field in TABLES.fields[name] if field.name in message), key=lambda field: field.key)
    need(len(fields) == len(message), f'{name} has no such field')
    pairs = b''.join(pack_int(field.key) + pack(message[field.name], field) for field in fields)
    return pack_head(dict, count or len(fields)) + pairs


def pairs(name, message):
    """The encoded pairs of a message without the map's header (rule 3.8)."""
    data = encode(name, message)
    return before(data, 1 << 64)[1]


def pack_message(name, data):
    """One message of a frame: its number and its map, which is encoded already."""
    return pack_int(NUMBER[name]) + data
