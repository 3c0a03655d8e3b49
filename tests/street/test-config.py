#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Settings of a home: who says what counts, what is kept, what takes effect at once; and its names for places."""
import grp
import os
import signal
import socket
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

SCHOOL = '52.5200,13.4300'
SCHOOL_CELL = 'u33dc8g'


def free_address(play):
    return f'{play.loopback}:{street.free_port(socket.AF_INET, play.loopback)}'


class Told(street.Home):
    """A home that is told nothing on its command line but where its files are."""

    def __init__(self, play, folder, name):
        super().__init__(play, folder, name)
        os.mkdir(folder, 0o700)
        self.conf = folder + '.conf'
        self.settings = os.path.join(folder, 'settings')
        self.write_conf('')
        with open(self.settings, 'w', encoding='utf-8') as file:
            file.write(f'listen = {free_address(play)}\nlan = no\n')

    def write_conf(self, text):
        with open(self.conf, 'w', encoding='utf-8') as file:
            file.write(text)

    def spawn(self, *more):
        with open(self.log, 'ab') as log:
            process = subprocess.Popen([self.play.programs.daemon, '--data', self.folder, '--config', self.conf, *more],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.play.env,
                                       preexec_fn=street.die_with_parent)
        self.play.processes.append(process)
        return process

    def reload(self, said):
        """SIGHUP, and waits until the log has one more line that says @said."""
        before = self.logged(said)
        self.process.send_signal(signal.SIGHUP)
        self.play.wait(lambda: self.logged(said) > before, f'the log to say "{said}"')

    def logged(self, said):
        with open(self.log, encoding='utf-8') as file:
            return file.read().count(said)

    def setting(self, key):
        return self.one('config', 'get', key)


class Config(street.Play):
    def open(self):
        self.anna = Told(self, os.path.join(self.folder, 'told'), 'Anna').start()

    def case_set(self):
        """a value that is set counts at once, is on disk when the command returns, and outlives a kill"""
        anna, address = self.anna, free_address(self)
        row = anna.one('config', 'set', 'listen', address)
        equal((row['value'], row['origin'], row['restart']), (address, 'set', False), 'the row')
        equal(anna.address(), address, 'where it listens')
        anna.cli('config', 'set', 'advertise', 'hub.example.org:1', '192.0.2.7:2', code=0)
        equal(stat.S_IMODE(os.stat(anna.settings).st_mode), 0o600, 'the mode of the file')
        anna.kill9()
        anna.start()
        equal(anna.address(), address, 'where it listens after a kill')
        equal(anna.setting('advertise')['value'], 'hub.example.org:1, 192.0.2.7:2', 'both addresses after a kill')

    def case_unset(self):
        """what is unset is the default again"""
        row = self.anna.one('config', 'unset', 'advertise')
        equal((row['value'], row['origin']), ('', 'default'), 'the row')
        check('advertise' not in open(self.anna.settings, encoding='utf-8').read(), 'it is in the file')

    def case_outranked(self):
        """porchlight.conf outranks what is set: a set is refused with file and line, and SIGHUP reads the file again"""
        anna = self.anna
        anna.write_conf('# ours\n\nadvertise = 192.0.2.9:9\n')
        anna.reload('settings read again')
        row = anna.setting('advertise')
        equal((row['value'], row['origin'], row['where']), ('192.0.2.9:9', 'file', f'{anna.conf}:3'), 'the row')
        error = anna.refused('outranked', street.REFUSED, 'config', 'set', 'advertise', '192.0.2.8:8')
        check(f'{anna.conf}:3' in error['message'], f'no line in {error}')
        anna.refused('outranked', street.REFUSED, 'config', 'unset', 'advertise')
        anna.write_conf('advertise = nonsense\n')
        anna.reload('keeping the settings as they were')
        equal(anna.setting('advertise')['value'], '192.0.2.9:9', 'after a reload of nonsense')
        anna.write_conf('')
        anna.reload('settings read again')
        equal(anna.setting('advertise')['origin'], 'default', 'after the line was taken out')

    def case_command_line(self):
        """the command line outranks everything"""
        ben = self.home('Ben').start('--advertise', '192.0.2.1:1')
        row = ben.one('config', 'get', 'advertise')
        equal((row['origin'], row['where']), ('command-line', '--advertise'), 'who says so')
        error = ben.refused('outranked', street.REFUSED, 'config', 'set', 'advertise', '192.0.2.2:2')
        check('--advertise' in error['message'], f'no option in {error}')
        ben.stop()

    def case_restart(self):
        """what only a start changes says so until then"""
        group = grp.getgrgid(os.getegid()).gr_name
        check(self.anna.one('config', 'set', 'control.group', group)['restart'], 'it takes effect at once')
        check('started again' in self.anna.cli('config', 'list', code=0).out, 'the list does not say it')
        self.anna.stop()
        self.anna.start()
        check(not self.anna.setting('control.group')['restart'], 'it still waits')
        equal(stat.S_IMODE(os.stat(os.path.join(self.anna.folder, 'control.sock')).st_mode), 0o660, 'the socket')
        self.anna.cli('config', 'unset', 'control.group', code=0)

    def case_wrong(self):
        """what is wrong is refused by name, and nothing changes"""
        anna, before = self.anna, self.anna.json('config', 'list')
        file_before = open(anna.settings, encoding='utf-8').read()
        error = anna.refused('no-such-setting', street.NOT_FOUND, 'config', 'set', 'lsten', '127.0.0.1:1')
        check('`listen`' in error['hint'], f'nothing near in {error}')
        anna.refused('no-such-setting', street.NOT_FOUND, 'config', 'get', 'nonsense')
        anna.refused('bad-value', street.USAGE, 'config', 'set', 'lan', 'perhaps')
        anna.refused('bad-value', street.USAGE, 'config', 'set', 'lan', 'yes\ndata = /')
        anna.refused('file-only', street.REFUSED, 'config', 'set', 'data', '/elsewhere')
        anna.refused('no-such-group', street.NOT_FOUND, 'config', 'set', 'control.group', 'no-such-group-here')
        anna.refused('not-usable', street.FAILED, 'config', 'set', 'listen', '192.0.2.1:1')
        equal(anna.json('config', 'list'), before, 'the settings')
        equal(open(anna.settings, encoding='utf-8').read(), file_before, 'the file')

    def case_damaged(self):
        """a file that cannot be read keeps the daemon from starting, by name: half of the settings would be worse"""
        anna = self.anna
        anna.cli('config', 'unset', 'advertise', code=0)  # so that it has been written by the daemon
        anna.stop()
        kept = open(anna.settings, encoding='utf-8').read()
        summed = kept.replace('lan = no', 'lan = yes')
        check(summed != kept, f'nothing to change in {kept}')
        by_hand = kept[kept.index('\n') + 1:] + 'lantern = yes\n'  # without its sum
        for text, words in ((summed, 'it is not as it was written'), (by_hand, '`lantern` is not a setting')):
            with open(anna.settings, 'w', encoding='utf-8') as file:
                file.write(text)
            equal(anna.spawn().wait(street.PATIENCE), street.FAILED, 'exit code')
            check(anna.logged(words), 'the log does not say what is wrong')
        with open(anna.settings, 'w', encoding='utf-8') as file:
            file.write(kept)
        anna.start()

    def case_list(self):
        """the list fits a terminal, and says who said so"""
        out = self.anna.cli('config', 'list', '--show-origin', code=0).out
        check(all(len(line) <= street.COLUMNS for line in out.splitlines()), f'too wide: {out}')
        check('by default' in out and 'by `porchlight config set`' in out, f'no origin in {out}')

    def case_sizes(self):
        """a size is shown as people write it, whatever is exact, and with --json in bytes; what is shown can be set again"""
        anna = self.anna
        for written, shown, held in (('2G', '2G', 2 << 30), ('2048M', '2G', 2 << 30), ('1024T', '1024T', 1024 << 40), ('1536', '1536', 1536),
                                     ('1537K', '1537K', 1537 << 10), ('100000', '100000', 100000), ('0', '0', 0)):
            for key in ('relay.quota', 'clips.quota'):
                out = anna.cli('config', 'set', key, written, code=0).out
                check(out.startswith(f'{key} = {shown}') and out[len(f'{key} = {shown}')] in ',;\n', f'{written}: {out}')
                equal(anna.setting(key)['value'], str(held), f'{written} with --json')
                equal(anna.cli('config', 'get', key, code=0).out, shown + '\n', f'what `config get` says of {written}')
                check(f'{key:<16}{shown}\n' in anna.cli('config', 'list', code=0).out, f'the list does not say {shown}')
                anna.cli('config', 'set', key, shown, code=0)
                equal(anna.setting(key)['value'], str(held), f'{shown}, set again')
        for key in ('relay.quota', 'clips.quota'):
            anna.cli('config', 'unset', key, code=0)

    def case_places(self):
        """a saved name is a place wherever one is given, is kept over a restart, and is told to nobody"""
        anna, cleo = self.anna, self.home('Cleo').start()
        anna.create('Elm Street', '--at', street.PLACE)
        cleo.join(anna.invite())
        equal(anna.one('place', 'add', 'Schule am Park', SCHOOL)['cell'], SCHOOL_CELL, 'the cell')
        anna.cli('place', 'add', 'pool', 'schule am park', code=0)
        anna.stop()
        anna.start()
        equal([row['name'] for row in anna.json('place', 'list')], ['home', 'Schule am Park', 'pool'], 'the list')
        posted = anna.post('noise', 'Drums', '--at', 'SCHULE AM PARK')
        self.wait_all_have([anna, cleo], posted['id'])
        equal(cleo.alert(posted['id'])['cell'], SCHOOL_CELL, 'the cell the neighbour sees')
        check(not cleo.holds_bytes(b'Schule am Park'), 'the name has left the house')
        check(posted['id'] in anna.alerts('--at', 'pool', '--within', '100m'), 'nearby does not find it there')
        check(posted['id'] not in anna.alerts('--at', 'home', '--within', '100m'), 'nearby finds it at home')
        anna.cli('place', 'add', 'home', SCHOOL, code=0)
        check(posted['id'] in anna.alerts('--at', 'home', '--within', '100m'), 'home has not moved')
        watch = anna.watch('--at', 'pool', '--within', '100m')
        again = anna.post('noise', 'A saw')
        watch.until(lambda e: e['alert']['id'] == again['id'])
        watch.close()
        anna.cli('place', 'remove', 'pool', code=0)
        cleo.stop()

    def case_place_names(self):
        """a name that reads as a place is refused, and so is one that is not there"""
        for name in ('u33dc0t', '52.5,13.4', 'geo:x', '', 'x' * 33):
            self.anna.refused('bad-name', street.USAGE, 'place', 'add', name, SCHOOL)
        error = self.anna.refused('no-such-place', street.NOT_FOUND, 'nearby', '--at', 'Shule am Park')
        check('`Schule am Park`' in error['hint'], f'nothing near in {error}')
        self.anna.refused('no-such-place', street.NOT_FOUND, 'place', 'remove', 'pool')
        self.anna.refused('no-such-place', street.NOT_FOUND, 'place', 'add', 'here', 'nowhere')
        self.anna.cli('nearby', '--at', '91,0', code=street.USAGE)


if __name__ == '__main__':
    street.main(Config)
