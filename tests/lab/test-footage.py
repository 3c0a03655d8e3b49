#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Footage on a narrow uplink: alerts go before it, and it takes what they leave. Homes in namespaces, as in test-line.py."""
import heapq
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import fetch  # noqa: E402
import street  # noqa: E402
from street import check  # noqa: E402

SPEC = importlib.util.spec_from_file_location('line', os.path.join(HERE, 'test-line.py'))
line = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(line)

UPLINK, UPLINK_FULL = 1000, 5000  # kbit/s; in the long form
QUEUE = 600000               # bytes the modem holds: seconds of that, as modems do
DELAY = 0.01                 # seconds each way behind it
SECONDS = 60                 # of that uplink the clip would take
ALERTS, ALERTS_FULL = 6, 60  # measured with and without footage on its way
LEARN, ALONE = 2.0, 12.0     # seconds until the line is known; and after which no alert is to be made way for
SPARED = 0.1                 # seconds an alert may take longer: half of them on any machine, p99 on a quiet one
ROOM = 0.4                   # what a busy one adds
PAUSE = 0.25                 # seconds of the half in which footage waits after an urgent alert that are looked at
PAUSE_MOST = 0.5             # of the line that may be in use then: two copies of the alert are a tenth of it


class Heard(street.Watch):
    """Its events say when they came."""

    def read(self):
        for text in self.process.stdout:
            self.events.put({**json.loads(text), 'at': time.monotonic()})
        self.events.put(None)


class Modems(line.Hub):
    """A hub behind modems: what a home sends waits in its modem, where the home can't see it, and takes its time."""

    def __init__(self, rng):
        self.rates, self.free = {}, {}
        super().__init__(rng)

    def take(self, file):
        while True:
            try:
                frame = os.read(file, line.FRAME_MAX)
            except OSError:
                return
            now = time.monotonic()
            begins = max(now, self.free.get(file, now))
            rate = self.rates.get(file)
            if rate and (begins - now) * rate > QUEUE:
                continue
            self.free[file] = begins + len(frame) / rate if rate else now
            self.count += 1
            heapq.heappush(self.held, (self.free[file] + DELAY, self.count, file, frame))


class Footage(line.Line):
    hub_kind = Modems

    def open(self):
        super().open()
        self.uplink, self.count = (UPLINK_FULL, ALERTS_FULL) if self.full else (UPLINK, ALERTS)
        self.size = SECONDS * self.uplink * 1000 // 8
        self.hub.rates[self.cable_of[self.anna]] = self.uplink * 1000 / 8
        self.ben, self.cleo = self.joins(), self.joins()

    def urgent(self, here, there):
        """Seconds from the moment an alert is on Anna's disk until Ben is told of it."""
        posted = self.anna.one('post', 'fire', 'In the cellar', '--urgency', 'Immediate', '--severity', 'Severe',
                               code=None)['id']
        left = here.until(lambda event: event['alert']['id'] == posted, line.PATIENCE)['at']
        self.after.append(self.share(lambda: time.sleep(PAUSE)))
        return there.until(lambda event: event['alert']['id'] == posted, line.PATIENCE)['at'] - left

    def measure(self, what):
        here, there, took = Heard(self.anna, []), Heard(self.ben, []), []
        self.after = []  # what the line carried right after each alert
        for _ in range(self.count):
            time.sleep(0.2 + self.rng.random())  # at no fixed time after the one before
            took.append(self.urgent(here, there))
        for watch in (here, there):
            watch.close()
        took.sort()
        print(f'# {what}: {len(took)} urgent alerts, median {statistics.median(took) * 1000:.0f} ms, '
              f'longest {took[-1] * 1000:.0f} ms, p99 {took[min(len(took) - 1, len(took) * 99 // 100)] * 1000:.0f} ms')
        return took

    def clip(self):
        path = os.path.join(self.folder, 'clip.bin')
        with open(path, 'wb') as out:
            out.write(os.urandom(self.size))
        return self.anna.one('clip', 'add', path, '--camera', 'front door')['id']

    def sent(self):
        """Bytes that have left Anna's home."""
        told = subprocess.run(['ip', 'netns', 'exec', self.anna.space, 'cat', '/sys/class/net/eth0/statistics/tx_bytes'],
                              stdout=subprocess.PIPE, check=True)
        return int(told.stdout)

    def share(self, meanwhile):
        """Of the line that footage has."""
        began, before = time.monotonic(), self.sent()
        meanwhile()
        return (self.sent() - before) * 8 / 1000 / self.uplink / (time.monotonic() - began)

    def case_yields(self):
        """while footage fills a narrow uplink, an urgent alert takes hardly longer; in the long form it is measured how much"""
        clip = self.clip()
        idle = self.measure('idle')
        fetch.begin(self.anna, self.cleo, clip)
        part = os.path.join(self.cleo.folder, 'clips', clip)
        self.wait(lambda: os.path.exists(part) and os.path.getsize(part), 'the clip to come', line.PATIENCE)
        time.sleep(LEARN)
        busy = []
        share = self.share(lambda: busy.extend(self.measure('with footage')))
        print(f'# footage had {share * 100:.0f} % of the line meanwhile')
        if self.full:
            time.sleep(ALONE)
            print(f'# alone it has {self.share(lambda: time.sleep(ALONE)) * 100:.0f} %')
        # A queue that is kept short hides whether footage waits at all. Where a look at the line took long on a busy
        # machine the pause was over by then, so one of them counts; who does not wait fills the line in all.
        print(f'# right after an alert the line was full to {min(self.after) * 100:.0f} % at the least')
        check(min(self.after) < PAUSE_MOST, 'footage goes on after an urgent alert')
        half = statistics.median(busy) - statistics.median(idle)
        check(half < SPARED, f'half of the alerts took {half * 1000:.0f} ms longer')
        check(busy[-1] < idle[-1] + SPARED + ROOM, f'an alert took {busy[-1]:.2f} s')


if __name__ == '__main__':
    street.main(Footage)
