# SPDX-License-Identifier: Apache-2.0
"""Sums of the pages of a database (src/store/pagesum.c), for a test that has written to one behind the daemon's back."""
PAGE = 4096
WORDS = PAGE // 8 - 1
LANES = 4
ALL = (1 << 64) - 1


def mix(state, word):
    state = (state ^ word) * 0x9e3779b97f4a7c15 & ALL
    return state ^ state >> 32


def page_sum(page, number):
    lanes = [mix(lane, number) for lane in range(LANES)]
    for i in range(WORDS):
        lanes[i % LANES] = mix(lanes[i % LANES], int.from_bytes(page[8 * i:8 * i + 8], 'big'))
    state = 0
    for word in (*lanes, 0, 0, 0):
        state = mix(state, word)
    return state.to_bytes(8, 'big')


def sum_anew(path):
    """The database is closed, and its log is in it."""
    with open(path, 'r+b') as file:
        data = file.read()
        for at in range(0, len(data), PAGE):
            file.seek(at + 8 * WORDS)
            file.write(page_sum(data[at:at + PAGE], at // PAGE + 1))
