#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as residents meet it: three real homes, on terminals and in shells."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402
from terminal import COLUMNS, Terminal, columns  # noqa: E402

PASSPHRASE = 'sesame street'
OTHER_PASSPHRASE = 'four words are better'
NAMES = ('Müller-Lüdenscheidt & Söhne', '高橋さんの家族と犬', 'Number "9"')
TICKET_LINE = re.compile(r'^ {4}([A-Z0-9]{1,76})$', re.MULTILINE)
WRONG_WAIT = 1.5  # seconds after a wrong passphrase in which none is looked at
QR_COLUMNS = 77
COMPLETIONS = os.path.join(street.ROOT, 'contrib', 'completions')


class HomeTest(street.Play):
    def open(self):
        self.anna, self.ben, self.cleo = self.homes = [self.home(name).start() for name in NAMES]

    # -- helpers --

    def term(self, home, *args):
        return Terminal([self.programs.cli, '--data', home.folder, *args], self.env)

    def narrow(self, home, *args, code=0):
        """Its stdout is for people: no line is wider than a terminal."""
        result = home.cli(*args, code=code)
        for line in result.out.splitlines():
            check(columns(line) <= COLUMNS, f'{" ".join(args)}: {columns(line)} columns: {line}')
            check(line == line.rstrip(), f'{" ".join(args)}: spaces at the end of "{line}"')
        return result.out

    def shell(self, home, argv, script):
        """Runs a shell in which `porchlight` is the program, and speaks to @home."""
        env = dict(self.env, PATH=os.path.dirname(self.programs.cli) + ':' + os.environ['PATH'],
                   PORCHLIGHT_DATA=home.folder, LC_ALL='C.UTF-8')
        done = subprocess.run([*argv, script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=env, text=True, timeout=street.PATIENCE, check=False)
        equal(done.stderr, '', f'stderr of {script}')
        return done.stdout.splitlines()

    def bash(self, home, *words):
        """What bash offers for the last of the words."""
        line = ' '.join(f"'{word}'" for word in ('porchlight', *words))
        return self.shell(home, ['bash', '--norc', '-c'],
                          f"source '{COMPLETIONS}/porchlight.bash'; COMP_WORDS=({line}); COMP_CWORD={len(words)}; "
                          '_porchlight; [[ ${#COMPREPLY[@]} == 0 ]] || printf "%s\\n" "${COMPREPLY[@]}"')

    def fish(self, home, line):
        if not shutil.which('fish'):
            raise street.Skip('fish is not installed')
        return [row.split('\t')[0] for row in
                self.shell(home, ['fish', '--no-config', '-c'],
                           f"source '{COMPLETIONS}/porchlight.fish'; complete -C '{line}'")]

    # -- cases --

    def case_no_mesh(self):
        """without a mesh every command says so, and what to do"""
        out = self.narrow(self.anna, 'status')
        check('porchlight join' in out and 'porchlight mesh create' in out, f'no way out of it in {out}')
        for args in (('nearby',), ('peers',), ('invite', 'list'), ('vault', 'show')):
            check(self.narrow(self.anna, *args), f'{args} says nothing')
        for args in (('member', 'list'), ('member', 'proposals'), ('mesh', 'show'), ('invite',), ('post', 'noise', 'x')):
            error = self.anna.refused('no-mesh', street.REFUSED, *args)
            check('porchlight join' in error['hint'], f'no way out of it in {error}')
        self.anna.refused('no-household', street.NOT_FOUND, 'vault', 'unlock')

    def case_found(self):
        """founding asks twice for the passphrase, and shows it to nobody"""
        words = ('mesh', 'create', 'Elm Street', '--household', self.anna.name, '--at', street.PLACE)
        terminal = self.term(self.anna, *words)
        terminal.until('New passphrase: ').type(PASSPHRASE + '\n').until('Once more: ').type('something else\n').end()
        equal(terminal.code, street.USAGE, 'exit code with two different ones')
        check('differ' in terminal.text(), terminal.text())
        terminal = self.term(self.anna, *words)
        terminal.until('New passphrase: ').type(PASSPHRASE + '\n').until('Once more: ').type(PASSPHRASE + '\n').end()
        equal(terminal.code, street.DONE, f'exit code of {terminal.text()}')
        check('Founded Elm Street; it has 1 home.' in terminal.text(), terminal.text())
        check(PASSPHRASE not in terminal.raw, 'the passphrase stands on the terminal')
        check('no other home is in the mesh yet' in self.narrow(self.anna, 'status'), 'status of the only home')

    def case_interrupted(self):
        """Ctrl-C while a passphrase is asked for gives the terminal its echo back"""
        terminal = self.term(self.ben, 'mesh', 'create', 'Oak Street', '--household', 'Ben', '--at', street.PLACE)
        terminal.until('New passphrase: ')
        check(not terminal.echoes(), 'what is typed there is shown')
        terminal.type('\x03').until(r'\n')
        self.wait(terminal.echoes, 'the echo to be back')
        equal(terminal.end().code, -2, 'how it ended')

    def case_invite(self):
        """a ticket fits a terminal, and stands alone on one line elsewhere"""
        terminal = self.term(self.anna, 'invite', '--for', 'Everybody in the house, to the left', '--qr').end()
        equal(terminal.code, street.DONE, 'exit code')
        drawn = [line for line in terminal.lines() if '█' in line]
        check(len(drawn) > 20 and max(map(columns, drawn)) <= QR_COLUMNS, 'the QR code does not fit')
        self.ticket = '\n'.join('    ' + part for part in TICKET_LINE.findall(terminal.text()))
        check(len(self.ticket.splitlines()) > 3, f'the ticket is not in lines: {terminal.text()}')
        check(all(columns(line) <= COLUMNS for line in terminal.lines()), 'a line is too wide')
        shown = self.ben.one('invite', 'show', '-', stdin=self.ticket)
        check(shown['check_words'] in terminal.text(), 'the check words are others')
        self.words = shown['check_words']
        check('porchlight join --household' in terminal.text(), 'it does not say what the neighbour runs')
        equal(len(self.anna.cli('invite', code=0).out.splitlines()), 1, 'lines without a terminal')

    def case_join(self):
        """joining takes the ticket in lines as it was copied, and shows its check words first"""
        terminal = self.term(self.ben, 'join', '--household', self.ben.name).until('Ticket').type(self.ticket + '\n')
        terminal.until(r'\[Y/n\] ')
        check(self.words in terminal.text() and 'Elm Street' in terminal.text(), terminal.text())
        terminal.type('n\n').end()
        equal(terminal.code, street.FAILED, 'exit code of a no')
        equal(self.ben.state()['state'], 'no-mesh', 'the state after a no')
        terminal = self.term(self.ben, 'join', '-', '--household', self.ben.name, '--no-passphrase')
        terminal.until('Ticket').type(self.ticket + '\n').until(r'\[Y/n\] ').type('\n').end()
        equal(terminal.code, street.DONE, f'exit code of {terminal.text()}')
        check('Joined Elm Street; it has 2 homes.' in terminal.text(), terminal.text())
        self.cleo.join(self.anna.invite('--for', 'Cleo'))
        self.wait(lambda: all(home.state()['homes'] == 3 for home in self.homes), 'three homes everywhere')

    def case_retract(self):
        """retracting asks, and takes Enter for no"""
        posted = self.anna.post('fire', 'Behind the garages, 灰色の煙が出ている ' * 5)['id']
        self.wait_all_have(self.homes, posted)
        terminal = self.term(self.anna, 'alert', 'retract', posted).until(r'\[y/N\] ').type('\n').end()
        equal((terminal.code, self.anna.alert(posted)['state']), (street.FAILED, 'active'), 'after Enter')
        check(all(columns(line) <= COLUMNS for line in terminal.lines()), terminal.text())
        self.ben.cli('alert', 'confirm', posted, 'From our window too', code=0)
        self.wait(lambda: self.anna.alert(posted)['confirms'] == 1, 'the confirmation')
        check('confirmed by ' + self.ben.name in self.narrow(self.anna, 'alert', 'show', posted), 'who confirmed')
        terminal = self.term(self.anna, 'alert', 'retract', posted).until(r'\[y/N\] ').type('y\n').end()
        equal((terminal.code, self.anna.alert(posted)['state']), (street.DONE, 'retracted'), 'after y')

    def case_promote(self):
        """a vote shows the vault's words, asks, and asks again after a wrong passphrase"""
        terminal = self.term(self.anna, 'member', 'promote', self.ben.name).until(r'\[y/N\] ')
        check(self.ben.name in terminal.text() and 'steward' in terminal.text(), terminal.text())
        equal(terminal.type('\n').end().code, street.FAILED, 'exit code after Enter')
        self.anna.refused('passphrase-needed', street.LOCKED, 'member', 'promote', self.ben.name, '--yes')
        terminal = self.term(self.anna, 'member', 'promote', self.ben.name).until(r'\[y/N\] ').type('y\n')
        terminal.until('Passphrase: ').type('wrong\n').until('passphrase-wrong').until('Passphrase: ')
        since = time.monotonic()
        self.wait(lambda: time.monotonic() > since + WRONG_WAIT, 'the next passphrase to be looked at')
        terminal.type(PASSPHRASE + '\n').end()
        equal(terminal.code, street.DONE, f'exit code of {terminal.text()}')
        check(f'voted: {self.ben.name} is a steward now' in terminal.text(), terminal.text())
        self.wait(lambda: all(home.state()['stewards'] == 2 for home in self.homes), 'two stewards everywhere')

    def case_unlock(self):
        """an open key signs without a passphrase, a locked one does not"""
        out = self.anna.cli('vault', 'unlock', '--for', '10m', '--passphrase-file', '-', stdin=PASSPHRASE, code=0).out
        check('Open for 10 min' in out, out)
        equal(self.anna.one('vault', 'show')['unlocked'], True, 'unlocked')
        self.anna.cli('member', 'vouch', self.cleo.name, '--yes')
        self.anna.cli('vault', 'lock', code=0)
        equal(self.anna.one('vault', 'show')['unlocked'], False, 'unlocked after `vault lock`')
        terminal = self.term(self.anna, 'vault', 'passphrase').until('Present passphrase: ').type(PASSPHRASE + '\n')
        terminal.until('New passphrase: ').type(OTHER_PASSPHRASE + '\n').until('Once more: ').type(OTHER_PASSPHRASE + '\n')
        equal(terminal.end().code, street.DONE, f'exit code of {terminal.text()}')
        self.anna.cli('vault', 'unlock', '--passphrase-file', '-', stdin=OTHER_PASSPHRASE, code=0)

    def case_completion(self):
        """bash and fish complete names, ids and words from the running daemon"""
        post = self.ben.post('noise', 'A bang; "id":"0000" is no id')['id']
        self.wait_all_have(self.homes, post)
        anna, bash = self.anna, self.bash
        check(post[:8] in bash(anna, 'alert', 'show', ''), 'bash: the id of an alert')
        check('00000000' not in ' '.join(bash(anna, 'alert', 'show', '')), 'bash: text of an alert taken for an id')
        equal(bash(anna, 'alert', 'show', post[:7]), [post[:8]], 'bash: the rest of an id')
        names = self.shell(anna, ['bash', '--norc', '-c'], 'printf "%q\\n" ' + ' '.join(
            "'" + name + "'" for name in NAMES))
        equal(sorted(bash(anna, 'member', 'remove', '')), sorted(names), 'bash: names, quoted')
        equal(bash(anna, 'member', 'vouch', 'number'), [names[2]], 'bash: a name in any case')
        equal(bash(anna, 'member', 'vouch', '"Num'), [NAMES[2]], 'bash: behind a quotation mark')
        equal(bash(anna, 'post', 'smo'), ['smoke'], 'bash: a kind')
        equal(bash(anna, 'post', 'fire', '--severity', '=', 'MO'), ['moderate'], 'bash: a word behind =')
        equal(bash(anna, 'nearby', '--min-sev'), ['--min-severity'], 'bash: an option')
        equal(bash(anna, '--data', anna.folder, 'vault', 'unl'), ['unlock'], 'bash: behind --data')
        equal(bash(self.home(), 'alert', 'show', ''), [], 'bash: without a daemon')
        check(post[:8] in self.fish(anna, 'porchlight alert show '), 'fish: the id of an alert')
        check(NAMES[0] in [name.replace('\\', '') for name in self.fish(anna, 'porchlight member remove ')], 'fish: a name')
        equal(self.fish(anna, 'porchlight post fire --severity mod'), ['moderate'], 'fish: a word')

    def zsh(self, home, line, added):
        """What zsh adds to @line, as typed at a prompt; no part of the line reads like it."""
        if not shutil.which('zsh'):
            raise street.Skip('zsh is not installed')
        folder = os.path.join(self.folder, 'zsh')
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, '.zshrc'), 'w', encoding='utf-8') as rc:
            rc.write(f"fpath=('{COMPLETIONS}' $fpath); autoload -Uz compinit; compinit -u -D\n"
                     "unset zle_bracketed_paste; zle_highlight=(none); setopt no_prompt_sp no_prompt_cr; PS1='is-ready '\n")
        env = dict(self.env, PATH=os.path.dirname(self.programs.cli) + ':' + os.environ['PATH'], PORCHLIGHT_DATA=home.folder,
                   LC_ALL='C.UTF-8', ZDOTDIR=folder)
        terminal = Terminal([shutil.which('zsh'), '-d', '-i'], env).until('is-ready ')
        terminal.type(line + '\t').until(re.escape(added))
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.end()

    def case_zsh(self):
        """zsh completes words, names and what options take, also right behind the command"""
        for line, added in (('porchlight post smo', 'ke'), ('porchlight nearby --kind smo', 'ke'),
                            ('porchlight --json invite --expi', 'res='), ('porchlight vault unl', 'ock'),
                            ('porchlight watch --json --min-severity mod', 'erate'), ('porchlight nearby --at ho', 'me'),
                            ('porchlight alert --json conf', 'irm'), ('porchlight member vouch Mü', 'denscheidt')):
            self.zsh(self.anna, line, added)

    def case_remove(self):
        """two stewards remove a home, and everybody can read why"""
        asked = self.anna.cli('member', 'remove', self.cleo.name, '--reason', 'moved away in May', '--yes', code=0)
        found = re.fullmatch('voted: 1 of 2 stewards, or 1 of 2 homes; others endorse with: porchlight member endorse '
                             '([0-9a-f]{8}) ', re.sub(r'\s+', ' ', asked.out))
        check(found, f'what the vote came to: {asked}')
        check(asked.err.startswith('porchlight: Remove the household') and 'moved away in May' in asked.err, str(asked))
        self.wait(lambda: found[1] in self.ben.cli('member', 'proposals').out, 'the proposal to arrive')
        check(f'porchlight member endorse {found[1]}' in self.narrow(self.ben, 'member', 'list'), 'how to endorse')
        equal(self.bash(self.ben, 'member', 'endorse', found[1][:7]), [found[1]], 'bash: the id of a proposal')
        voted = self.ben.cli('member', 'endorse', found[1], '--yes', code=0)
        equal(voted.out, f'voted: {self.cleo.name} is removed\n', 'what the last vote came to')
        rows = self.ben.json('member', 'proposals')
        equal([(row['type'], row['in_force']) for row in rows], [('remove', True), ('promote', True)], 'the proposals')
        self.wait_state(self.cleo, 'removed')
        check('NO LONGER IN THE MESH' in self.narrow(self.cleo, 'status'), 'status of the removed home')

    def case_narrow(self):
        """what people read fits 80 columns, also alone and with long names"""
        commands = [('status',), ('nearby',), ('nearby', '--within', '2km'), ('peers',), ('member', 'list'),
                    ('member', 'proposals'), ('invite', 'list'), ('device', 'list'), ('device', 'codes'),
                    ('mesh', 'show'), ('vault', 'show'), ('ask', 'list'), ('inbox',)]
        ask = self.anna.one('ask', 'post', '--area', 'home', '--radius', '300m', '--from', '-4h', '--to', '-2h', '--reason',
                            'Ein rotes Fahrrad wurde vom Ständer an der Ecke gestohlen; wer hat etwas gesehen? ' * 2)
        self.wait(lambda: all(home.json('ask', 'list') for home in (self.anna, self.ben)), 'the ask')
        for home in (self.anna, self.ben):
            self.narrow(home, 'ask', 'match', ask['id'][:8])
        for home in self.homes:
            for args in commands:
                self.narrow(home, *args)
        self.ben.stop()
        self.wait_state(self.anna, 'alone')
        for args in commands:
            self.narrow(self.anna, *args)
        check('NOT SENT' in self.narrow(self.anna, 'post', 'noise', 'A bang', code=street.UNSENT), 'a post that waits')
        error = self.term(self.ben, 'status').end()
        equal(error.code, street.UNREACHABLE, 'exit code without a daemon')
        check(all(columns(line) <= COLUMNS for line in error.lines()), error.text())

    def case_leave(self):
        """leaving asks, and is told to the others"""
        self.ben.start()
        for home in (self.anna, self.ben):
            self.wait_state(home, 'current')
        self.anna.cli('vault', 'lock', code=0)
        terminal = self.term(self.ben, 'mesh', 'leave').until(r'\[y/N\] ').type('n\n').end()
        equal((terminal.code, self.ben.state()['state']), (street.FAILED, 'current'), 'after a no')
        row = self.ben.one('mesh', 'leave', '--yes')
        equal(row['in_force'], True, 'in_force')
        self.wait(lambda: self.anna.state()['homes'] == 1, 'the others to hear of it')


if __name__ == '__main__':
    street.main(HomeTest)
