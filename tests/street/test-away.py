#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A home that was off learns what it missed, once; one that is alone says so, and sends later."""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import check, equal  # noqa: E402

MISSED = 100
AT_ONCE = 10


class Away(street.Play):
    def open(self):
        self.homes = self.street(3, charter={'max_members': 20, 'normal': 2000}).homes
        self.anna, self.ben, self.cleo = self.homes

    def case_catch_up(self):
        """a home that was off catches up on 100 alerts, none of them twice"""
        watch_from = self.last_seq(self.cleo)
        self.cleo.stop()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            posts = [pool.submit((self.anna, self.ben)[i % 2].post, 'other', f'missed {i}') for i in range(MISSED)]
            ids = {post.result()['id'] for post in posts}
        equal(len(ids), MISSED, 'different ids')
        self.cleo.start()
        self.wait(lambda: ids <= set(self.cleo.alerts()), 'the missed alerts to arrive')
        self.wait_state(self.cleo, 'current')
        watch = self.cleo.watch('--after', str(watch_from))
        told = [watch.next() for _ in range(MISSED)]
        equal({event['alert']['id'] for event in told}, ids, 'what the watch tells, once each')
        watch.close()
        equal(set(self.cleo.alerts()), set(self.anna.alerts()), 'alerts of both homes')

    def last_seq(self, home):
        """The home's newest sequence number: that of an event made for the purpose."""
        watch = home.watch()
        home.post('noise', 'a mark')
        seq = watch.next()['seq']
        watch.close()
        return seq

    def case_alone(self):
        """with nobody in reach a post is kept, says so with exit code 6, and goes out later"""
        for home in (self.anna, self.ben):
            home.stop()
        self.wait_state(self.cleo, 'alone')
        kept = self.cleo.post('noise', 'Is anybody there?', code=street.UNSENT)
        equal(kept['handed_to'], 0, 'homes it was handed to')
        check('alone_since' in kept, 'no alone_since in the JSON')
        words = self.cleo.cli('post', 'noise', 'Hello?', code=street.UNSENT)
        check('NOT SENT' in words.out, f'the words do not say NOT SENT: {words}')
        equal(self.cleo.state()['unsent'], 2, 'unsent posts')
        check('ALONE' in self.cleo.cli('nearby', code=0).err, 'nearby does not say that the home is alone')
        for home in (self.anna, self.ben):
            home.start()
        self.wait(lambda: kept['id'] in self.anna.alerts() and kept['id'] in self.ben.alerts(),
                  'the kept post to arrive')
        self.wait(lambda: self.cleo.state()['unsent'] == 0, 'the home to know that it was sent')

    def case_unsent_survives(self):
        """what was not sent is sent after a restart as well"""
        for home in (self.anna, self.ben):
            home.stop()
        kept = self.cleo.post('noise', 'Kept over a restart', code=street.UNSENT)
        self.cleo.kill9()
        self.cleo.start()
        equal(self.cleo.alert(kept['id'])['text'], 'Kept over a restart', 'its text')
        self.anna.start()
        self.wait(lambda: kept['id'] in self.anna.alerts(), 'the post to arrive')
        self.ben.start()
        self.wait(lambda: kept['id'] in self.ben.alerts(), 'the post to arrive at the last home')

    def case_through_a_third(self):
        """two homes that never run together hear of each other through a third"""
        self.cleo.stop()
        first = self.ben.post('noise', 'Ben was here')
        self.wait_all_have([self.anna], first['id'])
        self.ben.stop()
        self.cleo.start()
        self.wait(lambda: first['id'] in self.cleo.alerts(), "Ben's post to reach Cleo")
        second = self.cleo.post('noise', 'Cleo was here')
        self.cleo.stop()
        self.ben.start()
        self.wait(lambda: second['id'] in self.ben.alerts(), "Cleo's post to reach Ben")
        self.cleo.start()


if __name__ == '__main__':
    street.main(Away)
