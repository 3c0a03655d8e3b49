#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several devices in a household: a hub with the key, laptops without, and what each may do."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

SHORTEST = 60  # seconds: `device invite --expires` takes no less


class Devices(street.Play):
    def open(self):
        self.hub, self.ben = self.street(2).homes
        self.laptop = self.home('laptop').start()
        self.soon = self.code('--expires', f'{SHORTEST}s')  # for the last case: it needs a minute to expire
        self.until = time.monotonic() + SHORTEST + 1

    def code(self, *more):
        return self.hub.cli('device', 'invite', *more, code=0).out.strip()

    def try_join(self, home, code, name, exit_code):
        return home.refused(name, exit_code, 'device', 'join', code, '--as', home.name, '--no-passphrase')

    def devices(self, home):
        return {row['name']: row for row in home.json('device', 'list')}

    def all_have(self, alert):
        self.wait_all_have([self.hub, self.ben, self.laptop], alert)

    def case_mangled(self):
        """a mangled code is refused by name, and so is a ticket in its place"""
        code = self.code()
        check(code.startswith('PORCHDEVICE1') and code == code.upper(), 'the code begins with its word')
        for bad in (code[:-3], code + 'A', 'PORCHDEVICE1', code.replace('PORCHDEVICE1', 'PORCHDEVICE9'),
                    code[:60] + ('B' if code[60] != 'B' else 'C') + code[61:], self.hub.invite()):
            self.try_join(self.laptop, bad, 'code-unreadable', street.USAGE)
        self.laptop.refused('ticket-unreadable', street.USAGE, 'join', code, '--household', 'X', '--no-passphrase')
        self.laptop.refused('usage', street.USAGE, 'device', 'join', code)
        equal(self.laptop.state()['state'], 'no-mesh', 'the state of the laptop after all that')

    def case_join_and_used(self):
        """a code makes a laptop a device of the household, once"""
        made = self.hub.one('device', 'invite')
        equal((made['household'], made['share'], len(made['check_words'].split())), (self.hub.name, 'quarter', 4),
              'what the code says')
        self.laptop.cli('device', 'join', '-', '--as', 'laptop', '--no-passphrase', code=0, stdin=made['code'].lower() + '\n')
        state = self.laptop.state()
        equal((state['household'], state['device'], state['homes']), (self.hub.name, 'laptop', 2), 'what it is')
        self.wait(lambda: len(self.devices(self.hub)) == 2, 'the hub to know the laptop')
        for home, own in ((self.hub, 'hub'), (self.laptop, 'laptop')):
            rows = self.devices(home)
            equal({name: (row['share'], row['main'], row['this_one']) for name, row in rows.items()},
                  {'hub': ('whole', True, own == 'hub'), 'laptop': ('quarter', False, own == 'laptop')}, 'the list')
        other = self.home('thief').start()
        self.try_join(other, made['code'], 'code-used', street.REFUSED)
        equal(other.state()['state'], 'no-mesh', 'the state of the one that came too late')
        other.stop()

    def case_apart(self):
        """hub and laptop post while the other is off: both stand everywhere, once, and are the household's own"""
        self.hub.stop()
        one = self.laptop.post('noise', 'From the laptop, the hub is off')['id']
        self.wait_all_have([self.ben], one)
        self.laptop.stop()
        self.hub.start()
        two = self.hub.post('animal', 'From the hub, the laptop is off')['id']
        self.wait_all_have([self.ben], two)
        self.laptop.start()
        for alert in (one, two):
            self.all_have(alert)
        for home in (self.hub, self.laptop, self.ben):
            rows = [row for row in home.json('nearby') if row['id'] in (one, two)]
            equal(sorted(row['id'] for row in rows), sorted((one, two)), f'what {home.name} shows')
            equal({row['household'] for row in rows}, {self.hub.name}, 'whose they are')
            equal({row['mine'] for row in rows}, {home is not self.ben}, 'mine')

    def case_one_household(self):
        """any device retracts the household's posts, none confirms them; the laptop admits homes"""
        posted = self.hub.post('noise', 'A mistake')['id']
        self.all_have(posted)
        self.laptop.refused('yours', street.REFUSED, 'alert', 'confirm', posted)
        self.laptop.cli('alert', 'retract', posted, '--yes', code=0)
        for home in (self.hub, self.ben):
            self.wait(lambda home=home: home.alert(posted)['state'] == 'retracted', 'the retraction')
        carla = self.home('Carla').start()
        carla.join(self.laptop.invite())
        self.wait(lambda: self.hub.state()['homes'] == 3, 'the hub to know the new home')
        equal({row['name']: row.get('invited_by') for row in self.hub.json('member', 'list')}['Carla'],
              self.hub.name, 'who invited')
        carla.stop()

    def case_main_only(self):
        """what takes the household's key is refused on the laptop, with the name of the device that has it"""
        for words in (('device', 'invite'), ('device', 'revoke', 'hub', '--yes'),
                      ('member', 'vouch', self.ben.name, '--yes'), ('mesh', 'leave', '--yes')):
            error = self.laptop.refused('no-household', street.REFUSED, *words)
            equal(error['hint'], 'do this on hub', f'what to do about {words}')
        self.hub.refused('this-device', street.REFUSED, 'device', 'revoke', 'hub', '--yes')
        self.hub.refused('no-such-device', street.NOT_FOUND, 'device', 'revoke', 'fridge', '--yes')

    def codes(self):
        return {row['id']: row for row in self.hub.json('device', 'codes')}

    def case_taken_back(self):
        """a code is taken back by its id, without a passphrase, and no door lets anybody in on it"""
        made = self.hub.one('device', 'invite')
        equal((self.codes()[made['id']]['state'], self.codes()[made['id']]['share']), ('open', 'quarter'), 'what is listed')
        check('`porchlight device codes`' in self.hub.cli('device', 'list', code=0).err, 'the list of devices says so')
        check(made['code'] not in self.hub.cli('device', 'codes', '--json').out, 'the code itself is kept nowhere')
        check('Taken back' in self.hub.cli('device', 'revoke', made['id'][:6], code=0).out, 'what became of it')
        equal(self.codes()[made['id']]['state'], 'taken-back', 'what is listed')
        self.hub.refused('no-such-code', street.NOT_FOUND, 'device', 'revoke', made['id'][:6])
        finder = self.home('finder').start()
        self.try_join(finder, made['code'], 'code-revoked', street.REFUSED)
        self.hub.stop()
        finder.cli('peer', 'add', self.ben.listen, code=0)
        self.try_join(finder, made['code'], 'code-revoked', street.REFUSED)
        equal(finder.state()['state'], 'no-mesh', 'the state of who has found it')
        finder.stop()
        self.hub.start()
        equal(self.codes()[made['id']]['state'], 'taken-back', 'what is listed after a restart')
        used = next(row for row in self.codes().values() if row['state'] == 'used')
        equal(used['device'], 'laptop', 'who came on the first')
        error = self.hub.refused('code-used', street.REFUSED, 'device', 'revoke', used['id'])
        check('laptop' in error['message'], str(error))

    def case_uninvited(self):
        """a home that has not heard of it lets somebody in: the household is told who, and puts it out"""
        made = self.hub.one('device', 'invite')
        self.wait(self.ben.linked, 'Ben to be there')
        self.laptop.stop()
        self.ben.stop()
        self.hub.cli('device', 'revoke', made['id'], code=0)
        self.hub.stop()
        self.ben.start()
        thief = self.home('nimble').start()
        thief.cli('peer', 'add', self.ben.listen, code=0)
        thief.cli('device', 'join', made['code'], '--as', 'nimble', '--no-passphrase', code=0)
        check('uninvited' not in self.ben.state(), 'it is nothing to Ben')
        self.hub.start()
        self.laptop.start()
        for home in (self.hub, self.laptop):
            self.wait(lambda home=home: home.state().get('uninvited') == 'nimble', f'{home.name} to say so')
            check(self.devices(home)['nimble']['uninvited'], 'the list of devices says which')
        row = self.codes()[made['id']]
        equal((row['state'], row['device'], row['uninvited']), ('used', 'nimble', True), 'what is listed')
        found = {row['check']: row for row in self.hub.json('doctor', code=None)}['devices']
        check(found['state'] == 'problem' and 'nimble' in found['message'], str(found))
        self.hub.cli('device', 'revoke', 'nimble', '--yes', code=0)
        self.wait_state(thief, 'removed')
        check('uninvited' not in self.hub.state(), 'that is over')
        equal(self.codes()[made['id']]['state'], 'used', 'what is listed')
        thief.stop()
        self.wait(lambda: self.laptop.linked() and self.ben.linked(), 'the others to be linked')

    def case_fifth(self):
        """a household has four devices, and no fifth"""
        spare = self.code()
        for name in ('phone', 'attic'):
            home = self.home(name).start()
            home.cli('device', 'join', self.code(), '--as', name, '--no-passphrase', code=0)
            self.wait(lambda name=name: name in self.devices(self.hub), f'the hub to know {name}')
            home.stop()
        self.hub.refused('devices-full', street.REFUSED, 'device', 'invite')
        fifth = self.home('fifth').start()
        self.try_join(fifth, spare, 'devices-full', street.REFUSED)
        fifth.stop()

    def case_revoked(self):
        """a revoked device is told, reads nothing new, and what it posted stands; the hub works on"""
        before = self.laptop.post('noise', 'Before it was stolen')['id']
        self.all_have(before)
        self.hub.refused('usage', street.USAGE, 'device', 'revoke', 'laptop')
        check('reads nothing' in self.hub.cli('device', 'revoke', 'laptop', '--yes', code=0).err, 'what is lost')
        self.wait_state(self.laptop, 'removed')
        check('revoked' in self.laptop.state()['problem'], 'status says why')
        self.laptop.refused('device-revoked', street.REFUSED, 'post', 'noise', 'Still me')
        after = self.hub.post('noise', 'After it was stolen')['id']
        self.wait_all_have([self.ben], after)
        check(self.ben.has(before), 'what it had posted stands')
        check(after not in self.laptop.alerts(), 'it reads what came after')
        row = self.devices(self.hub)['laptop']
        check(row['revoked'] >= row['added'], 'the list says when')
        self.hub.refused('device-gone', street.REFUSED, 'device', 'revoke', 'laptop', '--yes')

    def case_revoked_while_off(self):
        """a device revoked while it was off learns it when it comes back"""
        phone = next(home for home in self.every_home if home.name == 'phone')
        self.hub.cli('device', 'revoke', 'phone', '--yes', code=0)
        secret = self.hub.post('noise', 'The phone is gone')['id']
        self.wait_all_have([self.ben], secret)
        phone.start()
        self.wait(lambda: phone.state()['state'] in ('removed', 'alone'), 'the phone to say where it stands')
        check(secret not in phone.alerts(), 'it reads what came after')

    def case_expired(self):
        """an expired code is refused by name"""
        home = self.home('late').start()
        self.wait(lambda: time.monotonic() > self.until, 'the code to expire', SHORTEST + 5)
        self.try_join(home, self.soon, 'code-expired', street.REFUSED)


if __name__ == '__main__':
    street.main(Devices)
