#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `porchlight doctor` says of real homes that are well and ill, and what `post` asks before it describes a person."""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402
from terminal import COLUMNS, Terminal, columns  # noqa: E402

PASSPHRASE = 'sesame street'
LOOKS = 'Man in a dark hoodie near the school'
SUM = re.compile(r'\n\n\d+ problems?, \d+ warnings?\n$')
OTHER = 65534  # a user
STATES = ('ok', 'note', 'warning', 'problem')


class DoctorTest(street.Play):
    def open(self):
        self.at_noon()
        self.anna, self.ben = self.homes = [self.home(name) for name in ('Anna', 'Ben')]

    # -- helpers --

    def doctor(self, home, ill=()):
        """Its findings by check. The problems must be exactly @ill, the text must fit a terminal and tell the same."""
        rows = home.json('doctor', code=street.FAILED if ill else street.DONE)
        for row in rows:
            equal(sorted(row), ['check', 'fix', 'message', 'state', 'v'], 'fields')
            check(row['state'] in STATES and row['message'], f'{row}')
            equal(row['fix'] is None, row['state'] == 'ok', f'no fix in {row}')
        equal(sorted(row['check'] for row in rows if row['state'] == 'problem'), sorted(ill), f'problems in {rows}')
        text = home.cli('doctor', code=street.FAILED if ill else street.DONE)
        equal(text.err, '', 'stderr')
        for line in text.out.splitlines():
            check(columns(line) <= COLUMNS and line == line.rstrip(), f'{columns(line)} columns: "{line}"')
        equal(text.out.count('\nproblem ') + text.out.startswith('problem '), len(ill), f'problems in {text.out}')
        check(SUM.search(text.out), f'no sum in {text.out}')
        return {row['check']: row for row in rows}

    def says(self, row, state, words):
        equal(row['state'], state, f'{row}')
        check(words in row['message'] + (row['fix'] or ''), f'no "{words}" in {row}')

    def term(self, home, *args):
        return Terminal([self.programs.cli, '--data', home.folder, *args], self.env)

    # -- the doctor --

    def case_no_folder(self):
        """a folder that is not there, and one in which no daemon runs"""
        found = self.doctor(self.anna, ill=('folder', 'daemon'))
        self.says(found['folder'], 'problem', self.anna.folder)
        self.says(found['daemon'], 'problem', 'porchlightd &')

    def case_usual_folder(self):
        """a stopped daemon's folder in the usual place is found without its socket"""
        prefix, program, home = [], self.programs.cli, self.folder
        if os.geteuid() == 0:  # who has another usual place: so as somebody else
            if not shutil.which('setpriv'):
                raise street.Skip('no setpriv here, and root has another usual place')
            prefix = ['setpriv', f'--reuid={OTHER}', f'--regid={OTHER}', '--clear-groups']
            os.chmod(self.folder, 0o711)
            program = shutil.copy(program, os.path.join(self.folder, 'porchlight'))
            home = os.path.join(self.folder, 'other')
        folder = os.path.join(home, '.local', 'share', 'porchlight')
        os.makedirs(folder, 0o700)
        if prefix:
            subprocess.run(['chown', '-R', f'{OTHER}:{OTHER}', home], check=True)
        done = subprocess.run([*prefix, program, 'doctor', '--json'], env=dict(self.env, HOME=home), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, check=False)
        equal(done.returncode, street.FAILED, 'exit code')
        check(folder in done.stdout, done.stdout)

    def case_no_mesh(self):
        """a home without a mesh is told how to get into one"""
        self.anna.start()
        found = self.doctor(self.anna, ill=('mesh',))
        self.says(found['mesh'], 'problem', 'porchlight join')
        self.says(found['device-key'], 'ok', 'whole')
        self.says(found['listens'], 'warning', 'loopback')
        check('neighbours' not in found and 'passphrase' not in found, f'{found}')

    def case_only_home(self):
        """the only home is well, and has nobody to hear it"""
        self.anna.one('mesh', 'create', 'Elm Street', '--household', 'Anna', '--at', street.PLACE, '--passphrase-file',
                      '-', stdin=PASSPHRASE + '\n')
        found = self.doctor(self.anna)
        self.says(found['neighbours'], 'warning', 'porchlight invite')
        self.says(found['passphrase'], 'ok', 'under a passphrase')

    def case_fine(self):
        """two homes that are linked have no problem"""
        self.ben.start().join(self.anna.invite())
        self.wait(lambda: all(home.state()['links'] == 1 for home in self.homes), 'the link')
        for home in self.homes:
            found = self.doctor(home)
            for name in ('folder', 'access', 'clock', 'daemon', 'vault', 'mesh', 'neighbours'):
                equal(found[name]['state'], 'ok', f'{home.name}: {found[name]}')
            check('stewards' not in found and 'unsent' not in found, f'{found}')
        self.says(self.doctor(self.ben)['passphrase'], 'note', 'porchlight vault passphrase')

    def case_alone(self):
        """with nobody in reach it says since when, what was dialled, and what waits"""
        self.anna.stop()
        self.wait_state(self.ben, 'alone')
        self.ben.post('noise', 'A bang', code=street.UNSENT)
        self.wait(lambda: any(row.get('problem') for row in self.ben.json('peers')), 'the link to be down')
        found = self.doctor(self.ben, ill=('neighbours',))
        self.says(found['neighbours'], 'problem', 'since today')
        self.says(found['neighbours'], 'problem', self.anna.listen + ': ')
        self.says(found['unsent'], 'warning', '1 post of this home has')

    def case_access(self):
        """what other users may read is named, with the command that closes it"""
        for name, mode, good in (('vault', 0o755, 0o700), ('porchlight.db', 0o644, 0o600), ('control.sock', 0o666, 0o600)):
            path = os.path.join(self.ben.folder, name)
            os.chmod(path, mode)
            row = self.doctor(self.ben, ill=('access', 'neighbours'))['access']
            self.says(row, 'problem', f'{name} (mode {mode:04o})')
            equal(row['fix'], f"chmod {good:o} '{path}'", 'the fix')
            equal(os.system(row['fix']), 0, 'the fix as a command')
        self.doctor(self.ben, ill=('neighbours',))
        os.chmod(self.ben.folder, 0o755)
        self.says(self.doctor(self.ben, ill=('neighbours',))['access'], 'warning', 'chmod 700')
        os.chmod(self.ben.folder, 0o700)

    def case_down(self):
        """a daemon that was stopped, and one that ended without a farewell"""
        found = self.doctor(self.anna, ill=('daemon',))
        check('leftover' not in found['daemon']['message'], f'{found["daemon"]}')
        self.ben.kill9()
        self.says(self.doctor(self.ben, ill=('daemon',))['daemon'], 'problem', 'leftover')

    def case_damaged(self):
        """damaged keys are found, of the device while the daemon is down, of the household by the vault"""
        path = os.path.join(self.ben.folder, 'device.key')
        with open(path, 'r+b') as file:
            file.seek(40)
            byte = file.read(1)
            file.seek(40)
            file.write(bytes([byte[0] ^ 1]))
        found = self.doctor(self.ben, ill=('daemon', 'device-key'))
        self.says(found['device-key'], 'problem', 'device.key')
        with open(path, 'r+b') as file:
            file.seek(40)
            file.write(byte)
        os.truncate(os.path.join(self.ben.folder, 'vault', 'household'), 100)
        self.ben.start()
        self.anna.start()
        self.wait(lambda: all(home.state()['links'] == 1 for home in self.homes), 'the link')
        self.says(self.doctor(self.ben, ill=('vault',))['vault'], 'problem', 'damaged')

    def case_long(self):
        """a folder that can hold no socket is refused by name"""
        error = self.anna.cli('--data', '/' + 'x' * 100, 'doctor', code=street.USAGE).err
        check('too long' in error, error)

    # -- texts that describe a person --

    def case_note(self):
        """a script is told that a text describes a person, and goes on"""
        done = self.anna.cli('post', 'unusual-activity', LOOKS, code=street.DONE)
        check('describes a person' in done.err, done)
        self.seen = self.anna.post('other', 'Something is going on')['id']
        for args in (('missing-person', 'Old man in a black coat, confused'), ('smoke', 'From the black house'),
                     ('unusual-activity', LOOKS, '--doing', 'trying-cars'), ('other', 'Man in a hoodie tried my door')):
            done = self.anna.cli('post', *args, code=street.DONE)
            check('describes a person' not in done.err, done)

    def case_ask(self):
        """on a terminal it is asked about, and Enter is a no"""
        before = len(self.anna.alerts())
        terminal = self.term(self.anna, 'post', 'theft', LOOKS).until(r'\[y/N\] ').type('\n').end()
        equal((terminal.code, len(self.anna.alerts())), (street.FAILED, before), 'after a no')
        check(all(columns(line) <= COLUMNS for line in terminal.lines()), terminal.text())
        terminal = self.term(self.anna, 'post', 'theft', LOOKS).until(r'\[y/N\] ').type('y\n').end()
        equal((terminal.code, len(self.anna.alerts())), (street.DONE, before + 1), 'after a yes')

    def case_under(self):
        """the same under an alert, whose kind decides"""
        terminal = self.term(self.anna, 'alert', 'comment', self.seen, LOOKS).until(r'\[y/N\] ').type('\n').end()
        equal((terminal.code, self.anna.alert(self.seen)['comments']), (street.FAILED, 0), 'after a no')
        done = self.anna.cli('alert', 'update', self.seen, LOOKS, code=street.DONE)
        check('describes a person' in done.err, done)
        missed = self.anna.post('missing-person', 'My father')['id']
        done = self.anna.cli('alert', 'comment', missed, LOOKS, code=street.DONE)
        equal(done.err, '', 'stderr')


if __name__ == '__main__':
    street.main(DoctorTest)
