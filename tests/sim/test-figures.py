#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storm of 100 urgent alerts a second in a street of 60 homes, whose uplinks carry a third of what sending each over each
link would take: everybody has all of them soon. docs/performance.md has what it takes in large streets.

Usage: test-figures.py SIM-FIGURES"""
import json
import subprocess
import sys

from tap import case, end

P99, BYTES = 2500, 4500  # ms; bytes an alert and home: of more the uplinks of 0.5 to 5 Mbit/s are full

done = subprocess.run([sys.argv[1], '60', '1', 'storm-500'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
case(done.returncode == 0, 'the figures are measured', done.stderr)
storms = [f for f in map(json.loads, done.stdout.splitlines()) if f['figure'] == 'storm-500']
case(len(storms) == 1 and storms[0]['alerts'] == 500, 'of a storm', done.stdout)
for storm in storms:
    case(storm['worst_percent'] == 100, 'every home has every alert', storm)
    case(storm['p99_ms'] < P99, f'99 of 100 within {P99} ms', storm)
    case(storm['bytes_an_alert_and_home'] < BYTES, f'for less than {BYTES} bytes an alert and home', storm)
end()
