#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`me erase`: what a household has said and given is taken back, its clips are destroyed, it leaves and keeps nothing; whoever is not
reached is named; and whoever is killed meanwhile, the command given again ends in the same state."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

KILLS_QUICK, KILLS_FULL = 4, 30
LONGEST = 0.6  # seconds of `me erase`, within which the kill comes
SECRET = 'the red bicycle by the fountain'
PASSPHRASE = 'four words are better'


class Erase(street.Play):
    def open(self):
        self.homes = self.street(3).homes
        self.anna, self.ben, self.cleo = self.homes
        self.secret = os.path.join(self.folder, 'passphrase')
        with open(self.secret, 'w', encoding='utf-8') as file:
            file.write(PASSPHRASE + '\n')

    # -- words --

    def clip(self, home, text):
        path = os.path.join(self.folder, 'source')
        with open(path, 'wb') as file:
            file.write(text)
        return home.one('clip', 'add', path, '--camera', 'front', '--from', '-10min', '--to', '-9min', '--delete-source')['id']

    def newcomer(self):
        """A home with a passphrase."""
        home = self.home().start()
        home.one('join', self.anna.invite(), '--household', home.name, '--passphrase-file', self.secret)
        self.wait(lambda: home.state()['state'] == 'current', 'the newcomer to be current')
        return home

    def given(self, home, clip):
        return [row['state'] for row in home.json('grant', 'list') if 'line' not in row and row['clip'] == clip]

    def live(self, home):
        """Posts, an ask, words on another's alert, clips, and a grant that is taken. Records by what they are, and clips."""
        foreign = self.anna.post('noise', 'A neighbour')['id']
        self.wait_all_have([home], foreign)
        clips = [self.clip(home, os.urandom(100000)) for _ in range(3)]
        alert = home.json('post', 'theft', SECRET, '--clip', clips[0], '--notice')[0]['id']
        ask = home.one('ask', 'post', '--area', 'home', '--radius', '300m', '--from', '-30min', '--to', '-1min', '--reason', SECRET)['id']
        home.cli('alert', 'comment', foreign, 'I say: ' + SECRET, code=0)
        self.wait_all_have([self.anna, self.ben], alert)
        self.wait(lambda: any(SECRET in row.get('text', '') for row in self.ben.json('alert', 'show', foreign)), 'the comment')
        return foreign, alert, ask, clips

    def share(self, home, clip, to):
        home.cli('clip', 'share', clip, '--with', to.name, '--purpose', 'the bicycle', '--yes', '--passphrase-file', self.secret, code=0)
        self.wait(lambda: self.given(to, clip) == ['offered'], 'the offer')
        to.cli('clip', 'get', clip, '-o', os.path.join(self.folder, 'got'), code=0)

    def erase(self, home, *more, code=0):
        return home.cli('me', 'erase', '--yes', '--passphrase-file', self.secret, '--json', *more, code=code)

    def erased(self, home, lived, others):
        """Nothing is left here, and nothing of it in force elsewhere."""
        foreign, alert, ask, clips = lived
        self.wait(lambda: home.state()['state'] == 'no-mesh', 'the mesh to be forgotten')
        equal(home.holds_bytes(SECRET.encode()), [], 'files with a text of it')
        equal([name for name in home.files() if any(clip in name for clip in clips)], [], 'files of its clips')
        check(not os.path.exists(os.path.join(home.folder, 'vault', 'household')), 'the household key is here')
        for other in others:
            self.wait(lambda o=other: not o.holds_bytes(SECRET.encode()) or o.cli('nearby', '--text', SECRET).out.find(SECRET) < 0,
                      'its texts to go')
            equal(other.alert(alert)['state'], 'retracted', 'its alert elsewhere')
            check(not any(SECRET in row.get('text', '') for row in other.json('alert', 'show', foreign)), 'its comment elsewhere')
            check(not any(row['id'] == ask and row['state'] == 'active' for row in other.json('ask', 'list')), 'its ask elsewhere')

    # -- cases --

    def case_all(self):
        """all is taken back, destroyed and left; the copy of a neighbour goes; and it says before what it does"""
        home = self.newcomer()
        lived = self.live(home)
        self.share(home, lived[3][1], self.ben)
        words = home.cli('me', 'erase', code=street.USAGE)
        check('takes back 4 posts' in ' '.join(words.err.split()) and '3 clips' in words.err and '1 grants' in words.err,
              f'what it would do: {words.err}')
        equal(home.alert(lived[1])['state'], 'active', 'the alert, before a yes')
        row = self.erase(home).row()
        equal({name: row[name] for name in ('retracted', 'revoked', 'destroyed', 'left', 'not_reached')},
              {'retracted': 4, 'revoked': 1, 'destroyed': 3, 'left': True, 'not_reached': ''}, 'what it did')
        self.erased(home, lived, [self.anna, self.ben])
        equal(self.given(self.ben, lived[3][1]), ['taken-back'], 'the grant, at who had it')
        check(lived[3][1] not in os.listdir(os.path.join(self.ben.folder, 'clips')), 'the copy is still there')
        self.wait(lambda: self.anna.state()['homes'] == 3, 'the others to hear that it left')
        equal(self.erase(home).row()['left'], True, 'the same again')
        home.stop()

    def case_not_reached(self):
        """a home that has a copy and is off is named, and nobody leaves before it is told; --anyway does"""
        home = self.newcomer()
        lived = self.live(home)
        self.share(home, lived[3][1], self.cleo)
        self.cleo.stop()
        error = self.erase(home, code=street.UNSENT).error()
        equal(error['name'], 'not-reached', 'the error')
        check(self.cleo.name in error['message'], f'who was not reached: {error}')
        equal([row['state'] for row in home.json('clip', 'list')], ['destroyed'] * 3, 'its clips')
        equal(home.state()['state'], 'current', 'its state')
        self.cleo.start()
        equal(self.erase(home).row()['left'], True, 'once it is there')
        self.erased(home, lived, [self.anna, self.ben])
        home.stop()
        again = self.newcomer()
        clip = self.clip(again, b'once more')
        self.share(again, clip, self.cleo)
        self.cleo.stop()
        row = self.erase(again, '--anyway').row()
        equal((row['left'], row['not_reached']), (True, self.cleo.name), 'without it')
        self.cleo.start()
        again.stop()

    def case_alone(self):
        """where no home can hear of anything nothing is destroyed"""
        far = self.street(2, mesh='Far Street').homes
        posted = far[1].post('noise', SECRET)
        self.wait_all_have(far, posted['id'])
        self.clip(far[1], b'kept')
        far[0].stop()
        self.wait_state(far[1], 'alone')
        equal(self.erase(far[1], code=street.UNSENT).error()['name'], 'not-heard', 'the error')
        equal(len(far[1].json('clip', 'list')), 1, 'its clips')
        far[0].start()
        self.wait_state(far[1], 'current')
        equal(self.erase(far[1]).row()['left'], True, 'once it is there')
        far[1].stop()

    def case_killed(self):
        """kill -9 of the command, of the daemon or of the vault anywhere: the command again ends in the same state"""
        for number in range(KILLS_FULL if self.full else KILLS_QUICK):
            home = self.newcomer()
            lived = self.live(home)
            self.kill(home, ('command', 'daemon', 'vault')[number % 3])
            self.wait(lambda: home.cli('vault', 'show').code == 0, 'the vault to answer')  # noqa: B023
            self.wait(lambda: home.state()['state'] in ('current', 'no-mesh', 'removed'), 'the home to be linked')  # noqa: B023
            self.wait(lambda: self.erase(home, '--anyway', code=None).code == 0, 'the end')  # noqa: B023
            self.erased(home, lived, [self.anna, self.ben])
            home.stop()

    def kill(self, home, whom):
        process = subprocess.Popen([self.programs.cli, '--data', home.folder, 'me', 'erase', '--yes', '--passphrase-file', self.secret],
                                   env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        try:
            process.wait(self.rng.uniform(0, LONGEST))  # chance, not a condition
        except subprocess.TimeoutExpired:
            pass
        if whom == 'command':
            process.kill()
        elif whom == 'daemon':
            home.kill9()
            home.start()
        for pid, name in street.processes_below(home.process.pid) if whom == 'vault' else ():
            if name.startswith('porchlight-vaul'):
                os.kill(pid, signal.SIGKILL)
        process.wait(street.CLI_SECONDS)


if __name__ == '__main__':
    street.main(Erase)
