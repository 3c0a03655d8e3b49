# SPDX-License-Identifier: Apache-2.0
"""Machines of their own for the lab: network namespaces, cables between them, and an internet that is a bridge. Needs root and ip."""
import itertools
import json
import os
import shutil
import socket
import subprocess
import threading

import street
from street import Skip, check


def run(*words, stdin=None):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, input=stdin)
    check(done.returncode == 0, f'{" ".join(words)}: {done.stdout.strip()}')


class Space:
    """A machine of its own."""
    count = itertools.count()

    def __init__(self):
        self.name = f'space{os.getpid()}-{next(self.count)}'
        run('ip', 'netns', 'add', self.name)
        self.ip('link', 'set', 'lo', 'up')

    def ip(self, *words):
        run('ip', '-n', self.name, *words)

    def inside(self, *words, stdin=None):
        run(*self.within(), *words, stdin=stdin)

    def port(self, name, address, via=None):
        self.ip('address', 'add', address, 'dev', name)
        self.ip('link', 'set', name, 'up')
        if via:
            self.ip('route', 'add', 'default', 'via', via)

    def index(self, name):
        """The number of an interface there."""
        told = subprocess.run(('ip', '-n', self.name, '-j', 'link', 'show', 'dev', name), stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(told.stdout)[0]['ifindex']

    def cable(self, own, other, theirs):
        run('ip', 'link', 'add', own, 'netns', self.name, 'type', 'veth', 'peer', 'name', theirs, 'netns', other.name)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        """A socket of that machine, for this process: threads may be in different networks."""
        made = []

        def make():
            with open(f'/run/netns/{self.name}', 'rb') as there:
                if street.libc.setns(there.fileno(), street.CLONE_NEWNET) == 0:
                    made.append(socket.socket(family, kind))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        check(made, f'no socket in {self.name}')
        return made[0]

    def listen(self, port, family=None):
        listener = self.socket(family or socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(('', port))
        listener.listen()
        return listener

    def knock(self, host, port, seconds=1.0):
        """Whether somebody listens there, as that machine sees it."""
        with self.socket(socket.AF_INET6 if ':' in host else socket.AF_INET) as knock:
            knock.settimeout(seconds)
            return knock.connect_ex((host, port)) == 0

    def masquerade(self):
        """It passes on what comes from "lan" under its own address on "wan"."""
        self.inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
        self.inside('nft', '-f', '-', stdin='table ip out {\nchain out { type nat hook postrouting priority 90; oifname "wan" masquerade; }\n}\n')

    def within(self):
        """Words in front of a command that is to run there."""
        return ('ip', 'netns', 'exec', self.name)


def begin(*tools):
    """Before the first Space of a test, whose mounts and network are its own from here on."""
    for tool in ('ip', *tools):
        if not shutil.which(tool, path=f'{os.environ.get("PATH", "")}:/usr/sbin:/sbin'):
            raise Skip(f'needs {tool}')
    with open('/proc/self/mountinfo', encoding='utf-8') as mounts:
        if '/' not in [line.split()[4] for line in mounts]:
            raise Skip('ip netns needs / to be a mount, which it is not in a plain chroot')
    street.unshare(street.CLONE_NEWNS | street.CLONE_NEWNET)
    os.makedirs('/run/netns', exist_ok=True)
    run('mount', '-t', 'tmpfs', 'none', '/run/netns')


class Internet:
    """A bridge; who is plugged in has the interface "wan"."""

    def __init__(self, net):
        self.net, self.space, self.hosts = net, Space(), itertools.count(10)
        self.space.ip('link', 'add', 'bridge', 'type', 'bridge')
        self.space.ip('link', 'set', 'bridge', 'up')

    def plug(self, space, address=None):
        host = next(self.hosts)
        address = address or f'{self.net}.{host}'
        space.cable('wan', self.space, f'p{host}')
        self.space.ip('link', 'set', f'p{host}', 'master', 'bridge', 'up')
        space.port('wan', f'{address}/24')
        return address


class Names:
    """What names lead to, on all machines of the test from then on. After begin(), whose mounts these are."""

    def __init__(self, play):
        self.file, self.rows = os.path.join(play.folder, 'hosts'), {}
        self.write()
        run('mount', '--bind', self.file, '/etc/hosts')

    def write(self):
        with open(self.file, 'w', encoding='ascii') as file:  # the same file, which is mounted
            file.writelines(f'{address} {name}\n' for name, address in (('localhost', '127.0.0.1'), *self.rows.items()))

    def lead(self, name, address):
        self.rows[name] = address
        self.write()


class Upnpd:
    """Debian's miniupnpd on a router whose interfaces are "wan" and "lan"."""
    TABLE = '''
table inet filter {
  chain forward { type filter hook forward priority 0; policy drop; ct state established,related accept; iifname "lan" accept; jump miniupnpd; }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}
'''

    def __init__(self, play, program, space, **settings):
        self.play, self.space = play, space
        space.inside('nft', '-f', '-', stdin=self.TABLE)
        lines = {'ext_ifname': 'wan', 'listening_ip': 'lan', 'secure_mode': 'yes', 'system_uptime': 'yes',
                 'uuid': '00000000-0000-4000-8000-000000000000', 'min_lifetime': '1', **settings}
        self.file = os.path.join(play.folder, f'{space.name}.conf')
        with open(self.file, 'w', encoding='ascii') as file:
            file.writelines(f'{key}={value}\n' for key, value in lines.items())
        self.process = subprocess.Popen([*space.within(), program, '-d', '-f', self.file, '-P', self.file + '.pid'],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=street.die_with_parent)
        play.processes.append(self.process)
        for line in self.process.stderr:
            if 'istening' in line:
                break
        else:
            raise street.Failure(f'miniupnpd does not start: {self.process.wait(street.PATIENCE)}')
        threading.Thread(target=self.process.stderr.read, daemon=True).start()  # it goes on talking

    def close(self):
        self.process.terminate()
        self.process.wait(street.PATIENCE)
        self.space.inside('nft', 'delete', 'table', 'inet', 'filter')
