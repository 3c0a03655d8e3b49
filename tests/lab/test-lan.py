#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Homes on one local network find each other with no address given.

A bridge, and a network namespace for each home with a cable to it, all inside namespaces of this test's own: they are gone
with it, however it ends. Each home runs a daemon with its default settings: it listens on every interface, and LAN
discovery is on. Needs root, ip and tcpdump.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import capture  # noqa: E402
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

MEETING = 45.0    # seconds in which homes must have found each other
JOINING = 90.0
GROUP4, GROUP6, PORT = '239.255.73.45', 'ff12::8000:7345', 7345
ELSEWHERE = '10.9.9.9'
DIALLED = 10      # seconds in which whoever hears a beacon has knocked
BEACON = 48
HANDSHAKE = 256
COMPARED = 1024   # bytes from the beginning of each direction of a link: handshake, greeting, first records
CANARIES = 64
BEACONS = 50      # by chance one of 48 offsets is the same in 50 beacons once in 10^116 runs
LATER = 12        # of them at least after a removal
FLOOD_SECONDS = 4
FLOOD_CPU = 0.6   # seconds of CPU a flood of that time may cost a daemon; it is 0.05 on the slowest machine tried


def ip(*words):
    done = subprocess.run(['ip', *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(done.returncode == 0, f'ip {" ".join(words)}: {done.stdout.strip()}')
    return done.stdout


class LanHome(street.Home):
    """A home in a network namespace, with one cable or more."""

    def __init__(self, play, number, name):
        self.space = f'pl{os.getpid()}-{number}'
        super().__init__(play, os.path.join(play.folder, str(number)), name, prefix=['ip', 'netns', 'exec', self.space])
        play.every_home.append(self)
        ip('netns', 'add', self.space)
        self.sockets = []

    def ip(self, *words):
        return ip('-n', self.space, *words)

    def sysctl(self, name, value):
        subprocess.run(['ip', 'netns', 'exec', self.space, 'sh', '-c', f'echo {value} > /proc/sys/net/{name}'], check=True)

    def plug(self, bridge, device='eth0'):
        """A cable from @bridge to a new interface @device, which is up from now on."""
        number = self.play.cables = self.play.cables + 1
        ip('link', 'add', f'c{number}', 'type', 'veth', 'peer', 'name', device, 'netns', self.space)
        ip('link', 'set', f'c{number}', 'master', bridge, 'up')
        self.ip('link', 'set', device, 'up')

    def move(self, address=None, device='eth0'):
        """Gives @device the IPv4 @address and takes away every other."""
        self.ip('-4', 'address', 'flush', 'dev', device)
        if address:
            self.ip('address', 'add', f'{address}/24', 'dev', device)

    def spawn(self, *more):
        with open(self.log, 'ab') as log:
            process = subprocess.Popen([*self.prefix, self.play.programs.daemon, '--data', self.folder, *more],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.play.env,
                                       preexec_fn=street.die_with_parent)
        self.play.processes.append(process)
        return process

    def start(self, *more):
        self.process = self.spawn(*more)
        self.play.wait(self.answers, f'{self.name} to answer')
        self.runs += 1
        return self

    def cpu(self):
        """Seconds the daemon has computed so far."""
        with open(f'/proc/{self.process.pid}/stat', encoding='ascii') as file:
            words = file.read().rsplit(')', 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')

    def groups(self):
        """The multicast groups of the namespace, as the kernel lists them."""
        return self.ip('maddress', 'show')


class Lan(street.Play):
    def open(self):
        for tool in ('ip', 'tcpdump'):
            if not shutil.which(tool):
                raise Skip(f'needs {tool}')
        with open('/proc/self/mountinfo', encoding='utf-8') as mounts:
            places = [line.split()[4] for line in mounts]
        if '/' not in places:
            raise Skip('ip netns needs / to be a mount, which it is not in a plain chroot')
        street.unshare(street.CLONE_NEWNS | street.CLONE_NEWNET)
        os.makedirs('/run/netns', exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', 'none', '/run/netns'], check=True)
        self.cables = self.spaces = 0
        ip('link', 'set', 'lo', 'up')
        self.bridge('br0')
        self.file = os.path.join(self.folder, 'capture')
        self.tcpdump = subprocess.Popen(['tcpdump', '-i', 'br0', '-w', self.file, '-U', '-s', '0', '-Z', 'root',
                                         '--immediate-mode'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=street.die_with_parent)
        self.processes.append(self.tcpdump)
        while 'listening on' not in self.tcpdump.stderr.readline():
            check(self.tcpdump.poll() is None, 'tcpdump has ended')

    def bridge(self, name):
        ip('link', 'add', name, 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0')
        ip('link', 'set', name, 'up')

    def lan_home(self, name):
        self.spaces += 1
        return LanHome(self, self.spaces, name)

    def three(self, *names):
        homes = [self.lan_home(name) for name in names]
        for home in homes:
            home.plug('br0')
        return homes

    def meet(self, homes, seconds=MEETING):
        """Every home is linked, and what one posts reaches all."""
        self.wait(lambda: all(home.linked() for home in homes), 'the homes to find each other', seconds)
        posted = homes[0].post('noise', 'Found')
        self.wait_all_have(homes, posted['id'], seconds)

    def end(self, homes):
        for home in homes:
            home.stop()

    def joined(self, homes, move):
        """The first founds and writes a ticket; then every address changes, and the others join with what they have."""
        homes[0].start()
        homes[0].create('Elm Street')
        ticket = homes[0].invite('--count', str(len(homes) - 1))
        move()
        for home in homes[1:]:
            home.start()
            home.cli('join', ticket, '--household', home.name, '--no-passphrase', '--json', seconds=JOINING)
            self.wait(lambda home=home: home.state()['state'] == 'current', f'{home.name} to be a member', JOINING)

    def case_ipv4(self):
        """over IPv4 alone three homes join with a dead address in the ticket, and find each other after all have moved"""
        homes = self.three('Anna', 'Ben', 'Cleo')
        for number, home in enumerate(homes):
            home.sysctl('ipv6/conf/all/disable_ipv6', 1)
            home.move(f'10.7.1.{number + 1}')

        def move(net):
            for number, home in enumerate(homes):
                home.move(f'10.7.{net}.{number + 1}')
        self.joined(homes, lambda: move(2))
        self.meet(homes)
        self.end(homes)
        move(3)
        for home in homes:
            home.start()
        self.meet(homes)
        for home in homes:
            there = [row['address'] for row in home.linked()]
            check(all(address.startswith('10.7.3.') for address in there), f'{home.name} is linked over {there}')
        self.homes = homes

    def case_from_elsewhere(self):
        """a true beacon that comes from an address outside the network, as if a router had let it in, leads nobody there"""
        anna, ben, _ = self.homes
        self.end(self.homes)
        before = len(self.beacons())
        ben.start()
        self.wait(lambda: len(self.beacons()) > before, 'a beacon')
        port = int(ben.one('status')['listen'][0].rsplit(':', 1)[1])
        ben.stop()
        beacon = self.beacons()[-1][1]
        self.bridge('br9')  # not the one that is captured, where nothing comes twice
        anna.plug('br9', 'eth9')
        anna.move('10.7.9.1', 'eth9')
        anna.ip('route', 'add', ELSEWHERE, 'dev', 'eth9')
        ip('address', 'add', f'{ELSEWHERE}/24', 'dev', 'br9')
        ip('route', 'add', '10.7.9.0/24', 'dev', 'br9')
        with socket.create_server((ELSEWHERE, port)) as door, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind((ELSEWHERE, 0))
            out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ELSEWHERE))
            anna.start()
            for _ in range(3):
                out.sendto(beacon, (GROUP4, PORT))
            door.settimeout(DIALLED)
            try:
                raise street.Failure(f'{door.accept()[1]} knocks there')
            except TimeoutError:
                pass
        anna.stop()
        anna.ip('link', 'del', 'eth9')
        ip('link', 'del', 'br9')
        for home in self.homes:
            home.start()
        self.meet(self.homes)

    def case_new_address(self):
        """an interface that goes down and comes back with another address is found again"""
        ben = self.homes[1]
        ben.ip('link', 'set', 'eth0', 'down')
        ben.move('10.7.3.77')
        ben.ip('link', 'set', 'eth0', 'up')
        posted = ben.post('noise', 'Back again', code=None)
        self.wait_all_have(self.homes, posted['id'], MEETING)
        self.wait(lambda: any(row['household'] == 'Ben' and row['address'].startswith('10.7.3.77:')
                              for home in (self.homes[0], self.homes[2]) for row in home.linked()),
                  'a link from or to the new address', MEETING)

    def case_second_interface(self):
        """a home on a network that an interface added later leads to joins and is met there"""
        anna, dora = self.homes[0], self.lan_home('Dora')
        self.bridge('br1')
        dora.plug('br1')
        dora.sysctl('ipv6/conf/all/disable_ipv6', 1)
        dora.move('10.8.0.2')
        ticket = anna.invite()
        dora.start()
        anna.plug('br1', 'eth1')
        anna.move('10.8.0.1', 'eth1')
        dora.cli('join', ticket, '--household', 'Dora', '--no-passphrase', '--json', seconds=JOINING)
        self.wait(lambda: dora.state()['state'] == 'current', 'Dora to be a member', JOINING)
        check(any(row['address'].startswith('10.8.0.') for row in dora.linked()), 'no link over the second network')
        posted = dora.post('noise', 'From the other side')
        self.wait_all_have(self.homes, posted['id'])
        self.end([*self.homes, dora])

    def case_ipv6(self):
        """over link-local IPv6 alone three homes join and find each other"""
        self.canaries = {}
        homes = self.three(*(self.canary(f'name of home {number}') for number in range(3)))
        self.joined(homes, lambda: None)
        self.meet(homes)
        self.talk(homes)
        for home in homes:
            there = [row['address'] for row in home.linked()]
            check(all(address.startswith('[fe80:') and '%eth0]' in address for address in there),
                  f'{home.name} is linked over {there}')
        self.end(homes)
        for number, home in enumerate(homes):  # two of one hardware address would be no network
            home.ip('link', 'set', 'eth0', 'down')
            home.ip('link', 'set', 'eth0', 'address', f'02:00:00:00:77:{16 + number:02x}')
            home.ip('link', 'set', 'eth0', 'up')
        for home in homes:
            home.start()
        self.meet(homes)
        self.six = homes

    def canary(self, what):
        """A name or text that stands nowhere else."""
        word = f'canary-{self.rng.randrange(1 << 48):012x}'
        self.canaries[what] = word.encode()
        return word

    def talk(self, homes):
        """Alerts and a comment with words that stand nowhere else; and ids, keys and a ticket, raw and as people see them."""
        for number in range(36):
            posted = homes[number % 3].post('noise', self.canary(f'text {number}'))['id']
        self.wait_all_have(homes, posted)
        homes[0].cli('alert', 'comment', posted, self.canary('comment'), code=0)
        self.wait(lambda: all(home.alert(posted)['comments'] == 1 for home in homes), 'all homes to have the comment')
        self.canaries['ticket'] = homes[0].invite('--for', self.canary('label'))[11:43].encode()
        for home in homes:
            status = home.state()
            for name in ('mesh_id', 'household_id', 'device_id'):
                self.canaries[f'{name} of {home.name}, raw'] = bytes.fromhex(status[name])
                self.canaries[f'{name} of {home.name}, hex'] = status[name].encode()
        for what, word in (('mesh name', 'Elm Street'), ('our name', 'orchligh'), ('alert id', posted)):
            self.canaries[what] = word.encode()
        self.canaries['alert id, raw'] = bytes.fromhex(posted)
        self.canaries['cell'] = homes[0].alert(posted)['cell'].encode()

    def case_canaries(self):
        """in all that went over the bridge, beacons and links, stands none of 64 canaries"""
        check(len(self.canaries) >= CANARIES, f'only {len(self.canaries)} canaries')
        with open(self.file, 'rb') as file:
            seen = b'\n'.join([file.read(), *(stream.bytes() for stream in self.streams())])
        check(sum(len(stream.bytes()) for stream in self.streams()) > 40 * 1024, 'the links were not captured')
        found = [what for what, word in self.canaries.items()
                 if word in seen or word.upper() in seen or word.decode('latin-1').encode('utf-16-le') in seen]
        equal(found, [], 'canaries in the capture')

    def case_links(self):
        """no word at the head of the links' streams is constant, neither of all homes nor of one"""
        heads = {}
        for stream in self.streams():
            if len(stream.bytes()) > HANDSHAKE:
                heads.setdefault(stream.source, []).append(stream.bytes()[:COMPARED])
        check(len(heads) >= 3, f'only {len(heads)} homes have shaken hands')
        every = sum(heads.values(), [])
        check(sum(len(head) == COMPARED for head in every) >= 10, f'only {list(map(len, every))} bytes to compare')
        for at in range(0, COMPARED, 4):  # two of 100 share four bytes once in 10^4 runs
            words = [head[at:at + 4] for head in every if len(head) >= at + 4]
            equal(len(set(words)), len(words), f'different words at {at} of {len(words)} streams')
        print(f'# {len(every)} streams, {sum(map(len, every))} bytes compared')

    def streams(self):
        return [stream for stream in capture.streams(self.file).values() if stream.pieces]

    def case_off(self):
        """with --no-lan, or when it listens on loopback alone, a daemon is in no group"""
        home = self.six[0]
        check(GROUP6 in home.groups(), f'the daemon is not in the group: {home.groups()}')
        home.stop()
        home.ip('link', 'set', 'lo', 'up')
        for words in (['--no-lan'], ['--listen', '127.0.0.1:0', '--listen', '[::1]:0']):
            home.start(*words)
            groups = home.groups()
            check(GROUP6 not in groups and GROUP4 not in groups, f'{words}: in a group: {groups}')
            home.stop()
        home.start()

    def case_beacons(self):
        """no byte of the captured beacons is constant, also after a removal has changed the key they are made with"""
        for home in self.six:
            home.invite()  # for a while they speak more often
        self.wait(lambda: self.enough(BEACONS - LATER), f'{BEACONS - LATER} beacons of two nodes', 120)
        before = len(self.beacons())
        self.remove_one()
        self.wait(lambda: self.enough(before + LATER), f'{LATER} more after the removal', 120)
        self.tcpdump.send_signal(signal.SIGINT)
        self.tcpdump.wait(street.STOP_SECONDS)
        seen = self.beacons()
        payloads = [payload for _, payload in seen]
        equal([len(payload) for payload in payloads if len(payload) != BEACON], [], 'other sizes')
        constant = [at for at in range(BEACON) if len({payload[at] for payload in payloads}) == 1]
        equal(constant, [], 'offsets of constant bytes')
        for at in range(0, BEACON, 4):
            words = [payload[at:at + 4] for payload in payloads]
            check(len(set(words)) >= len(words) - 1, f'the same 4 bytes twice at {at}')
        print(f'# {len(payloads)} beacons of {len({source for source, _ in seen})} senders')

    def remove_one(self):
        """The first home, which founded their street, removes the last."""
        first, other, gone = self.six
        first.cli('member', 'remove', gone.name, '--reason', 'moved away', '--yes', code=0)
        self.wait(lambda: other.state()['homes'] == 2, 'the other to hear of the removal')
        self.wait_state(gone, 'removed')
        self.six = [first, other]
        for home in self.six:
            home.invite()  # for a while they speak more often

    def case_nothing_again(self):
        """no 8 bytes come twice in the whole capture, links and beacons: there is nothing to know a home by"""
        sent = [stream.bytes() for stream in self.streams()] + [payload for _, payload in self.beacons()]
        equal(capture.seen_twice(sent), [], 'words that came twice')
        print(f'# {sum(map(len, sent))} bytes in {len(sent)} streams and beacons')

    def enough(self, wanted):
        seen = self.beacons()
        return len(seen) >= wanted and len({source for source, _ in seen}) >= 2

    def beacons(self):
        """(Ethernet source, payload) of every beacon captured. Meetings with a home that nobody can call go by ICE and QUIC, as
        calls between browsers do, to ports of their own."""
        return list(capture.datagrams(self.file, PORT))

    def case_flood(self):
        """a flood of datagrams costs a daemon little, and its links stay"""
        emil = self.six[0]
        lost, before = self.dropped(emil), emil.cpu()
        sent = self.flood('br0', FLOOD_SECONDS)
        cost, lost = emil.cpu() - before, self.dropped(emil) - lost
        print(f'# of {sent} datagrams in {FLOOD_SECONDS} s the kernel dropped {lost}; they cost {cost:.2f} s of CPU')
        check(lost > sent / 2, f'of {sent} datagrams only {lost} were dropped')
        check(cost < FLOOD_CPU, f'{sent} datagrams cost {cost:.2f} s of CPU')
        self.meet(self.six)
        self.end(self.six)

    def dropped(self, home):
        """Datagrams that arrived at the home and that its kernel had no room for."""
        table = subprocess.run([*home.prefix, 'cat', '/proc/net/snmp6'], stdout=subprocess.PIPE, text=True, check=True)
        return int(dict(line.split() for line in table.stdout.splitlines())['Udp6RcvbufErrors'])

    def flood(self, device, seconds):
        """From the bridge itself: noise of the right size, as fast as one process can."""
        noise, sent = [self.rng.randbytes(BEACON) for _ in range(64)], 0
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as out:
            group = (GROUP6, PORT, 0, socket.if_nametoindex(device))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for datagram in noise:
                    out.sendto(datagram, group)
                    sent += 1
        return sent


if __name__ == '__main__':
    street.main(Lan)
