#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is bounded by rule: how much a machine may post, how exactly a place is told, whose name is whose, one program at a time."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

URGENT, NORMAL = 6, 18 # slots a device and day; a machine has a third of them
BLOCK, AREA = 7, 6     # characters of a cell


class Limits(street.Play):
    def open(self):
        self.at_noon()
        self.homes = self.street(2, charter={'urgent': URGENT, 'normal': NORMAL}).homes
        self.anna, self.ben = self.homes

    def seen(self, posted):
        """As the neighbour shows it."""
        self.wait_all_have([self.ben], posted['id'])
        return self.ben.alert(posted['id'])

    def case_sensor(self):
        """a machine has a third of the day's slots; then it is refused by name, and people go on posting"""
        for kind, most in (('fire', URGENT // 3), ('animal', NORMAL // 3)):
            for number in range(most):
                equal(self.seen(self.anna.post(kind, f'Alarm {number}', '--source', 'sensor'))['source'], 'sensor', 'who says so')
            self.anna.refused('quota', street.REFUSED, 'post', kind, 'One too many', '--source', 'sensor')
            equal(self.seen(self.anna.post(kind, 'I see it myself'))['source'], 'person', 'who says so')

    def case_quota(self):
        """so it is with people, class by class; what is refused is nowhere"""
        posted = 0
        while (result := self.ben.cli('post', 'storm', f'Tiles {posted}', '--severity', 'minor', '--json')).code == street.DONE:
            posted += 1
            check(posted <= NORMAL, f'{posted} posts of {NORMAL}')
        equal((result.code, result.error()['name'], posted), (street.REFUSED, 'quota', NORMAL), 'how the last one was refused')
        self.ben.post('fire', 'The other class is not full')
        equal(len([row for row in self.ben.alerts().values() if row['text'].startswith('Tiles')]), NORMAL, 'what is shown')

    def case_precision(self):
        """a person tells the block unless she wants less, a machine the area; nothing is told more exactly"""
        cells = [self.seen(self.anna.post('noise', 'Where?', '--at', '52.516311,13.377719', *more))['cell']
                 for more in ((), ('--precision', 'block'), ('--precision', 'area'))]
        equal([len(cell) for cell in cells], [BLOCK, BLOCK, AREA], f'characters of {cells}')
        check(cells[0].startswith(cells[2]), f'{cells} are not one place')
        machine = self.seen(next(iter(self.anna.alerts('--kind', 'animal', '--text', 'Alarm').values())))
        equal(len(machine['cell']), AREA, 'characters of a machine\'s cell')
        for home in self.homes:
            equal([name for name in home.holds_bytes(b'52.516311')], [], 'files with the exact place')

    def case_look_alikes(self):
        """of two homes whose names look alike the one that came later is shown with its id, everywhere"""
        late = self.home(self.anna.name.upper()).start()
        late.join(self.ben.invite())
        posted = late.post('noise', 'Who says this?')['id']
        self.wait_all_have(self.homes, posted)
        short = late.state()['household_id'][:4]
        for home in (*self.homes, late):
            equal(home.alert(posted)['household'], f'{late.name} ({short})', f'whose it is at {home.name}')
        mine = next(alert for alert, row in self.anna.alerts().items() if row['mine'])
        equal(self.ben.alert(mine)['household'], self.anna.name, 'the name of who came first')
        late.stop()

    def case_one_at_a_time(self):
        """programs of `watch --exec` run one after the other, each with an event of its own"""
        log = os.path.join(self.folder, 'runs')
        script = 'read -r event; echo "begin" >>"$1"; sleep 0.2; echo "end $event" >>"$1"'
        watch = self.ben.watch('--kind', 'community-event', '--exec', 'sh', '-c', script, 'sh', log)
        ids = [self.anna.cli('post', 'community-event', f'Number {number}', '--json').row()['id'] for number in range(3)]
        self.wait(lambda: os.path.exists(log) and self.lines(log) == 6, 'three programs to end')
        with open(log, encoding='utf-8') as file:
            words = file.read().splitlines()
        equal([word.split()[0] for word in words], ['begin', 'end'] * 3, 'the order of beginnings and ends')
        check(all(alert in words[1 + 2 * at] for at, alert in enumerate(ids)), f'{ids} are not what {words} were told')
        watch.close()

    @staticmethod
    def lines(path):
        with open(path, encoding='utf-8') as file:
            return len(file.read().splitlines())


if __name__ == '__main__':
    street.main(Limits)
