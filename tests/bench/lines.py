# SPDX-License-Identifier: Apache-2.0
"""Homes of the benchmark on lines of the internet: each in a network namespace of its own, whose only cable goes to
tests/lab/delay-box.c, which gives it an uplink, a queue before that, and a delay. And what else goes over such a line: a
plain TCP connection, and rsync over ssh. Needs root, `ip` and TAP devices."""
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import street

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 0x0002, 0x1000
SSH_PORT = 2222
PATIENCE = 600
READ = 1 << 18

# Said by both ends of the plain connection; the receiver's clock counts, from the first byte it could have had.
RECEIVE = f'''
import socket, sys, time
with socket.create_server((sys.argv[1], 7000)) as door:
    print("ready", flush=True)
    link, _ = door.accept()
    began, n, room = time.monotonic(), 0, bytearray({READ})
    while got := link.recv_into(room):
        n += got
    print(n, time.monotonic() - began)
'''
SEND = '''
import socket, sys
with socket.create_connection((sys.argv[1], 7000)) as link, open(sys.argv[2], "rb") as file:
    if sys.argv[3]:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, sys.argv[3].encode())
    link.sendfile(file)
'''


def why_not():
    """Why there are no such lines on this machine; None: there are."""
    if os.geteuid() != 0:
        return 'namespaces need root'
    if not shutil.which('ip'):
        return 'no `ip` command'
    if not os.path.exists('/dev/net/tun'):
        return 'no /dev/net/tun'
    with open('/proc/self/mountinfo', encoding='utf-8') as mounts:
        if '/' not in [line.split()[4] for line in mounts]:
            return '`ip netns` needs / to be a mount'
    return None


def ip(*words):
    done = subprocess.run(['ip', *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    street.check(done.returncode == 0, f'ip {" ".join(words)}: {done.stdout.strip()}')


class Lines:
    """@n namespaces with a line each: @kbit up, @ms on the way, @queue bytes before the uplink. Close it."""
    own_names = False  # of namespaces, for this process

    def __init__(self, tools, n, kbit, ms, queue):
        if not Lines.own_names:
            street.unshare(street.CLONE_NEWNS)
            os.makedirs('/run/netns', exist_ok=True)
            subprocess.run(['mount', '-t', 'tmpfs', 'none', '/run/netns'], check=True)
            Lines.own_names = True
        self.spaces, files = [], []
        for number in range(1, n + 1):
            files.append(self.cable(number))
        self.box = subprocess.Popen([tools.find('delay-box', 'lab'), *map(str, (ms, kbit, queue, *files))], text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=files,
                                    preexec_fn=street.die_with_parent)
        for file in files:
            os.close(file)

    def cable(self, number):
        """One more namespace; the file of its only cable. Its address is of no network: the homes are no neighbours on a LAN."""
        space, device = f'bench{os.getpid()}-{number}', f'tap{number}'
        ip('netns', 'add', space)
        file = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(file, TUNSETIFF, struct.pack('16sH22x', device.encode(), IFF_TAP | IFF_NO_PI))
        ip('link', 'set', device, 'netns', space, 'name', 'eth0')
        for name in ('lo', 'eth0'):
            ip('-n', space, 'link', 'set', name, 'up')
        ip('-n', space, 'address', 'add', f'{self.address(number - 1)}/32', 'dev', 'eth0')
        ip('-n', space, 'route', 'add', 'default', 'dev', 'eth0')
        self.spaces.append(space)
        return file

    @staticmethod
    def address(i):
        return f'10.9.{i + 1}.1'

    def inside(self, i, core=None):
        """How a command begins that runs in the @i-th."""
        return ['ip', 'netns', 'exec', self.spaces[i], *([] if core is None else ['taskset', '-c', str(core)])]

    def sent(self, i):
        """Bytes that have left the @i-th, with all headers."""
        told = subprocess.run([*self.inside(i), 'cat', '/sys/class/net/eth0/statistics/tx_bytes'], stdout=subprocess.PIPE, check=True)
        return int(told.stdout)

    def close(self):
        """What the box counted."""
        told = self.box.communicate()[0]
        for space in self.spaces:
            subprocess.run(['ip', 'netns', 'delete', space], check=False)
        return json.loads(told)

    # ---- what else goes over it ----

    def tcp(self, path, control=''):
        """Bytes a second of a file over a connection that does nothing else, from the first namespace to the second. @control: what the
        kernel does against congestion; empty: what it does by default."""
        with subprocess.Popen([*self.inside(1), sys.executable, '-c', RECEIVE, self.address(1)], stdout=subprocess.PIPE, text=True,
                              preexec_fn=street.die_with_parent) as receiver:
            receiver.stdout.readline()
            subprocess.run([*self.inside(0), sys.executable, '-c', SEND, self.address(1), path, control], check=True, timeout=PATIENCE)
            n, seconds = receiver.stdout.readline().split()
        street.check(int(n) == os.path.getsize(path), 'the plain connection lost something')
        return int(n) / float(seconds)

    def rsync(self, path):
        """The same by rsync over ssh; None, and a loud word, where they are not installed."""
        sshd = shutil.which('sshd', path=os.environ.get('PATH', '') + ':/usr/sbin')
        if not sshd or not shutil.which('rsync') or not shutil.which('ssh'):
            print('SKIPPED peer rsync: needs rsync and openssh-server', file=sys.stderr, flush=True)
            return None
        with tempfile.TemporaryDirectory(dir='/tmp') as folder:
            server = self.ssh_server(sshd, folder)
            try:
                shell = (f'ssh -p {SSH_PORT} -i {folder}/user -o StrictHostKeyChecking=no -o LogLevel=ERROR '
                         f'-o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes')
                began = time.monotonic()
                subprocess.run([*self.inside(0), 'rsync', '-W', '-e', shell, path, f'root@{self.address(1)}:{folder}/there'],
                               check=True, timeout=PATIENCE)
                seconds = time.monotonic() - began
            finally:
                server.terminate()
                server.wait()
            street.check(os.path.getsize(f'{folder}/there') == os.path.getsize(path), 'rsync lost something')
        return os.path.getsize(path) / seconds

    def ssh_server(self, sshd, folder):
        os.makedirs('/run/sshd', exist_ok=True)
        for name in ('host', 'user'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{folder}/{name}'], check=True)
        options = {'HostKey': f'{folder}/host', 'AuthorizedKeysFile': f'{folder}/user.pub', 'StrictModes': 'no', 'UsePAM': 'no',
                   'ListenAddress': f'{self.address(1)}:{SSH_PORT}', 'PidFile': 'none', 'PermitRootLogin': 'prohibit-password'}
        words = [word for name, value in options.items() for word in ('-o', f'{name}={value}')]
        server = subprocess.Popen([*self.inside(1), sshd, '-D', '-f', '/dev/null', *words], stderr=subprocess.DEVNULL,
                                  preexec_fn=street.die_with_parent)
        end = time.monotonic() + PATIENCE
        knock = [*self.inside(0), sys.executable, '-c',
                 f'import socket; socket.create_connection(("{self.address(1)}", {SSH_PORT}), 2).recv(3)']
        while subprocess.run(knock, stderr=subprocess.DEVNULL, check=False).returncode:
            street.check(time.monotonic() < end and server.poll() is None, 'sshd does not answer')
        return server
