#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tool in German: what people read is German and fits a terminal, what scripts read is as ever.

The locale is made for the test where the machine has none."""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402
from terminal import COLUMNS, Terminal, columns  # noqa: E402

NAMES = ('Müller-Lüdenscheidt & Söhne', 'Übermäßig')


class German(street.Play):
    def open(self):
        tool = shutil.which('localedef') or next((p for p in ('/usr/bin/localedef', '/usr/sbin/localedef') if os.path.exists(p)), None)
        if not tool:
            raise Skip('localedef is not installed')
        if not os.path.isdir(os.path.join(os.path.dirname(self.programs.cli), 'src', 'po', 'de')):
            raise Skip('gettext was not found when this was configured')
        folder = os.path.join(self.folder, 'locales')
        os.mkdir(folder)
        made = subprocess.run([tool, '-i', 'de_DE', '-f', 'UTF-8', os.path.join(folder, 'de_DE.UTF-8')], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if not os.path.exists(os.path.join(folder, 'de_DE.UTF-8', 'LC_MESSAGES')):
            raise Skip(f'localedef makes no German locale: {made.stdout}')
        self.at_noon()
        self.english = dict(self.env)
        self.env.update(LC_ALL='de_DE.UTF-8', LOCPATH=folder)
        self.env.pop('LANGUAGE', None)
        self.anna, self.ben = (self.home(name).start() for name in NAMES)
        self.anna.create('Ulmenstraße', '--at', street.PLACE)
        self.ben.join(self.anna.invite('--for', 'Große Wohngemeinschaft im dritten Stock'))

    def said(self, home, *args, code=0):
        """Its stdout: no line is too wide, and none is empty of German by mistake."""
        result = home.cli(*args, code=code)
        for line in (result.out + result.err).splitlines() if result.err.count('\n') > 1 else result.out.splitlines():
            check(columns(line) <= COLUMNS, f'{" ".join(args)}: {columns(line)} columns: {line}')
            check(line == line.rstrip(), f'{" ".join(args)}: spaces at the end of "{line}"')
        return result.out

    def case_help(self):
        """the help of every command is German, and fits"""
        rows = [json.loads(line) for line in self.anna.cli('help', '--json', code=0).out.splitlines()]
        check(len(rows) > 40, f'{len(rows)} commands')
        same = []
        for row in rows:
            words = row['command'].split()[1:]
            german = self.said(self.anna, 'help', *words)
            check('Aufruf:' in german and 'Optionen:' in german, german)
            if german.splitlines()[0] == row['brief']:
                same.append(row['command'])
        equal(same, [], 'commands whose brief is English')
        overview = self.said(self.anna, 'help')
        check('Befehle:' in overview and '112' in overview, overview)
        for group in ('alert', 'mesh', 'config'):
            check('Aufruf: porchlight' in self.said(self.anna, 'help', group), group)

    def case_json(self):
        """--json is English, word for word"""
        for args in (('help', '--json'), ('config', 'list', '--json'), ('nearby', '--json'), ('mesh', 'show', '--json')):
            german = self.anna.cli(*args).out
            english = subprocess.run([self.programs.cli, '--data', self.anna.folder, *args], stdout=subprocess.PIPE, text=True,
                                     env=self.english, check=False).stdout
            equal(german, english, f'what {args} says')
        error = self.anna.refused('usage', street.USAGE, 'nerby')
        equal(error['message'], 'there is no command "nerby"', 'the message')

    def case_errors(self):
        """an error keeps its name and says what happened in German, whoever found it: tool, daemon or vault"""
        for name, german, code, args in (
                ('usage', 'einen Befehl "nerby" gibt es nicht; war porchlight nearby gemeint?', street.USAGE, ('nerby',)),
                ('no-such-setting', 'eine Einstellung "lan.x" gibt es nicht', street.NOT_FOUND, ('config', 'get', 'lan.x')),
                ('no-such-alert', 'eine solche gültige Meldung gibt es nicht', street.NOT_FOUND, ('alert', 'show', '00000000')),
                ('bad-value', 'advertise: `mein-rechner` ist nicht HOST:PORT, das andere erreichen können', street.USAGE,
                 ('config', 'set', 'advertise', 'mein-rechner')),
                ('bad-name', 'der Name hat ein Komma oder einen Doppelpunkt, wie Koordinaten; ein einfaches Wort nehmen', street.USAGE,
                 ('place', 'add', 'a,b', street.PLACE)),
                ('file-only', 'nur die Befehlszeile und ', street.REFUSED, ('config', 'set', 'vault.owner', 'anna')),
                ('not-muted', 'das ist nicht ausgeblendet', street.NOT_FOUND, ('mute', 'remove', '--kind', 'noise')),
                ('no-such-household', 'einen solchen Haushalt gibt es nicht', street.NOT_FOUND,
                 ('member', 'promote', 'Niemand', '--yes'))):
            result = self.anna.cli(*args, code=code)
            check(f'porchlight: {name}: {german}' in result.err, f'wanted "{german}" of {result}')

    def case_tables(self):
        """tables stay in line: a column begins where its heading does, with umlauts before it or not"""
        posted = self.anna.post('missing-person', 'Grüne Jacke, zuletzt gesehen an der Brücke über den Fluß')['id']
        self.wait_all_have([self.anna, self.ben], posted)
        self.ben.cli('alert', 'confirm', posted, code=0)
        self.wait(lambda: self.anna.alert(posted)['confirms'] == 1, 'the confirmation')
        out = self.said(self.anna, 'nearby')
        check('aktiv ' in out and 'Mensch vermisst schwer' in out and '1 Haushalt bestätigt' in out, out)
        head, *lines = self.said(self.anna, 'member', 'list').splitlines()
        check('HAUSHALT' in head and 'SEIT' in head, head)
        at = head.index('SEIT')
        for line in lines:
            check(self.at_column(line, at).startswith('heute'), f'not under SEIT: {line}')
        for args, word in ((('invite', 'list'), 'BENUTZT'), (('peers',), 'ADRESSE'), (('status',), 'gültig'),
                           (('mesh', 'show'), 'Satzung'), (('config', 'list', '--show-origin'), 'nach Vorgabe'),
                           (('device', 'list'), 'GERÄT'), (('place', 'list'), 'um 52')):
            check(word in self.said(self.anna, *args), f'no {word} in {args}')
        doctor = self.said(self.anna, 'doctor', code=None)
        check('Uhr' in doctor and 'Warnung' in doctor, doctor)
        check('porchlight: Stand: aktuell, 1 Nachbar\n' in self.anna.cli('nearby', code=0).err, 'the freshness line')
        shown = self.said(self.ben, 'alert', 'show', posted)
        check('bestätigt von' in shown, shown)

    @staticmethod
    def at_column(line, wanted):
        at = 0
        while columns(line[:at]) < wanted:
            at += 1
        return line[at:]

    def case_yes(self):
        """a question takes the German yes, and the English one"""
        for yes in ('ja', 'y'):
            posted = self.anna.post('noise', 'Ein Test')['id']
            terminal = Terminal([self.programs.cli, '--data', self.anna.folder, 'alert', 'retract', posted], self.env)
            terminal.until(r'\[j/N\] ').type(yes + '\n').end()
            equal(self.anna.alert(posted)['state'], 'retracted', f'after {yes}')

    def sentence(self, env, pattern, *args):
        """What the vault would sign, as a person reads it before saying no; as one line."""
        terminal = Terminal([self.programs.cli, '--data', self.anna.folder, *args], env)
        terminal.until(pattern)
        text = terminal.raw
        terminal.type('n\n').end()
        for line in text.splitlines():
            check(columns(line) <= COLUMNS, f'{" ".join(args)}: {columns(line)} columns: {line}')
        return ' '.join(text.split())

    def case_sign(self):
        """the vault asks each in their own language, and signs nothing for who says no"""
        wish = ('member', 'remove', NAMES[1], '--with-invited', '--reason', 'meldet "Unfug" über Nacht')
        german = self.sentence(self.env, r'\[j/N\] ', *wish)
        check('Den Haushalt "Übermäßig" (' in german and ') aus Ulmenstraße entfernen? Er brachte keinen' in german, german)
        check("für jeden Haushalt lesbar: \"meldet 'Unfug' über Nacht\". Die Stimme dieses Haushalts zählt als 1 von 1 nötigen:" in german,
              german)
        english = self.sentence(self.english, r'\[y/N\] ', *wish)
        check('Remove the household "Übermäßig" (' in english and 'Your vote counts as 1 of the 1 needed:' in english, english)
        for args, words in ((('mesh', 'leave'), 'Aus Ulmenstraße mit dem Haushalt "Müller-Lüdenscheidt & Söhne" ('),
                            (('member', 'promote', NAMES[1]), 'zum Steward von Ulmenstraße ernennen?')):
            said = self.sentence(self.env, r'\[j/N\] ', *args)
            check(words in said, said)
        equal(len(self.anna.cli('member', 'list', '--json', code=0).out.splitlines()), 2, 'members')

    def case_language(self):
        """without a German locale it is English; LANGUAGE alone chooses where a locale is set"""
        def said(**env):
            return subprocess.run([self.programs.cli, 'help'], stdout=subprocess.PIPE, text=True, env={**self.english, **env},
                                  check=False).stdout
        check('Commands:' in said(), 'the C locale')
        check('Commands:' in said(LC_ALL='xx_XX.UTF-8'), 'an unknown locale')
        check('Commands:' in said(LC_ALL='de_DE.UTF-8', LOCPATH=self.env['LOCPATH'], LANGUAGE='en'), 'LANGUAGE=en')
        check('Commands:' in said(LC_ALL='de_DE.UTF-8', LOCPATH=self.env['LOCPATH'], PORCHLIGHT_LOCALEDIR=self.folder),
              'a folder without catalogues')
        check('Befehle:' in said(LC_ALL='de_DE.UTF-8', LOCPATH=self.env['LOCPATH']), 'German')

    def case_join(self):
        """who joins may say yes in German"""
        for yes in ('j', 'Ja', 'y', ''):
            home = self.home('Haus ' + (yes or 'Enter')).start()
            terminal = Terminal([self.programs.cli, '--data', home.folder, 'join', self.anna.invite(), '--household', home.name,
                                 '--no-passphrase'], self.env)
            terminal.until(r'beitreten\? \[J/n\] ').type(yes + '\n').end()
            equal(terminal.code, 0, f'exit code after "{yes}": {terminal.raw}')
            home.stop()


if __name__ == '__main__':
    street.main(German)
