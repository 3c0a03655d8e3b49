# SPDX-License-Identifier: Apache-2.0
"""What the benchmark asks the machine: bytes on the loopback, memory and CPU time of processes, floors, peers.

The loopback is that of a network namespace of our own, where nobody else's traffic counts: bytes are those of whole IP
packets, as a provider would count them, each once. Without root there is none, and such figures are left out.
"""
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

import street

ETHERNET = 14          # bytes of link header that /proc/net/dev counts with each packet of the loopback
INTERNET_MTU = 1500    # the loopback's own of 65536 would hide most packet headers
PEER_SECONDS = 300.0
NANO = 1e9


def median(values):
    return statistics.median(values) if values else None


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None


class Loopback:
    """A loopback of our own, or none: `why` then says why not."""

    def __init__(self):
        self.why = None
        if not shutil.which('ip'):
            self.why = 'no `ip` command'
            return
        try:
            street.unshare(street.CLONE_NEWNET)
        except street.Skip as why:
            self.why = str(why)
            return
        subprocess.run(['ip', 'link', 'set', 'lo', 'mtu', str(INTERNET_MTU), 'up'], check=True)

    def bytes(self):
        """IP bytes sent so far; 0 always if they cannot be told from others'."""
        if self.why:
            return 0
        with open('/proc/net/dev', encoding='ascii') as table:
            row = next(line for line in table if line.strip().startswith('lo:')).split(':')[1].split()
        return int(row[8]) - ETHERNET * int(row[9])


def pinned(core):
    """How a command begins that stays on one core; None: anywhere."""
    return [] if core is None else ['taskset', '-c', str(core)]


def cores():
    """The first core is that of the daemons, the last that of those who measure."""
    every = sorted(os.sched_getaffinity(0))
    return every[0], every[-1]


# ---- processes ----

def children(pid):
    """The process and all below it: a daemon, its porter, and the vault."""
    found = [pid]
    for parent in found:
        for task in os.listdir(f'/proc/{parent}/task'):
            with open(f'/proc/{parent}/task/{task}/children', encoding='ascii') as file:
                found += [int(word) for word in file.read().split()]
    return found


def memory(pid):
    """RSS and PSS in MiB."""
    rows = {}
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
        for line in file:
            words = line.split()
            if words[0] in ('Rss:', 'Pss:'):
                rows[words[0]] = int(words[1]) / 1024
    return rows['Rss:'], rows['Pss:']


def highest_kib(pid, name):
    """The most memory that process has had so far, once it is the program of that name; 0 before and afterwards."""
    try:
        with open(f'/proc/{pid}/status', encoding='ascii') as file:
            rows = dict(line.split(':', 1) for line in file)
    except OSError:
        return 0
    return int(rows['VmHWM'].split()[0]) if rows['Name'].strip() == name and 'VmHWM' in rows else 0


def cpu_seconds(pid):
    """Of all its threads. From the scheduler: the ticks of /proc/PID/stat miss most of a process that only wakes up."""
    spent = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/schedstat', encoding='ascii') as file:
            spent += int(file.read().split()[0])
    return spent / NANO


# ---- tools ----

class Tools:
    """The C programs beside this file, and where they write."""

    def __init__(self, build, folder, floor_seconds):
        self.build, self.folder, self.floor_seconds = build, folder, floor_seconds

    def find(self, name, folder='bench'):
        for path in (os.path.join(self.build, 'tests', folder, name), os.path.join(self.build, name)):
            if os.path.isfile(path):
                return path
        sys.exit(f'{name} is not in {self.build}: build it first, or name the folder with --build')

    def run(self, name, *args, core=None):
        command = [*pinned(core), self.find(name), *map(str, args)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        street.check(done.returncode == 0, f'{" ".join(command[:6])}: {done.stderr.strip() or done.stdout.strip()}')
        return done.stdout

    def ask(self, name, *args, core=None):
        return json.loads(self.run(name, *args, core=core))

    def begin(self, name, *args, core=None):
        """Starts one that prints its JSON later."""
        command = [*pinned(core), self.find(name), *map(str, args)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=street.die_with_parent)

    def end(self, process):
        out, err = process.communicate()
        street.check(process.returncode == 0, err.strip() or out.strip())
        return json.loads(out)

    def floor(self, what, core=None, threads=1):
        return self.ask('bench-floor', self.folder, threads, self.floor_seconds, what, core=core)


# ---- peers ----

class Peers:
    """Other programs under the same load, by a harness that is none of ours: PORCHLIGHT_BENCH_PEERS names its folder.
    It has a script for each peer, and in_ns.sh, which gives a script a network and a core of its own."""

    def __init__(self, folder):
        self.home = os.environ.get('PORCHLIGHT_BENCH_PEERS')
        self.folder = folder
        self.why = None
        if not self.home or not os.path.isdir(self.home):
            self.why = 'PORCHLIGHT_BENCH_PEERS names no folder'
        elif os.geteuid() != 0:
            self.why = 'peers need root'

    def run(self, needs, script, *args, **env):
        """The result line of a script, or None and a loud word on stderr."""
        why = self.why or next((f'{name} is not installed' for name in needs if not shutil.which(name)), None)
        if why:
            print(f'SKIPPED peer {needs[0]}: {why}', file=sys.stderr, flush=True)
            return None
        command = [os.path.join(self.home, 'in_ns.sh'), '/usr/bin/python3', os.path.join(self.home, script),
                   *map(str, args)]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                                  timeout=PEER_SECONDS, env=dict(os.environ, WORK=self.folder, **env))
            return json.loads(done.stdout.splitlines()[-1])
        except (subprocess.TimeoutExpired, IndexError, ValueError) as why:
            print(f'SKIPPED peer {needs[0]}: {script} {args}: {why!r}', file=sys.stderr, flush=True)
            return None


def describe():
    """The machine, for the first line of the output."""
    model = 'unknown'
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        for line in file:
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    return {'cores': len(os.sched_getaffinity(0)), 'cpu': model, 'kernel': os.uname().release,
            'load_1m': os.getloadavg()[0], 'date': time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime()),
            'files': resource.getrlimit(resource.RLIMIT_NOFILE)[0]}
