#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `meson install` puts where, as packagers and programs of others meet it: whole, closed, and enough to build on.

A program that knows nothing of this tree but what is installed is built against libporchlight, by its pkg-config file, as C and
as C++. The installed programs found a street, and it reads and posts there.
"""
import os
import shutil
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import street  # noqa: E402
from street import Skip, check, equal  # noqa: E402

WANTED = ('bin/porchlight', 'bin/porchlight-replay', 'sbin/porchlightd', 'libexec/porchlight/porchlight-vault',
          'include/porchlight/client.h', 'pkgconfig/porchlight.pc', 'system/porchlight.service',
          'system/porchlight-vault.service', 'system/porchlight-watch.service', 'user/porchlight-user.service',
          'user/porchlight-watch-user.service', 'sysusers.d/porchlight.conf',
          'tmpfiles.d/porchlight.conf', 'completions/porchlight', 'site-functions/_porchlight',
          'vendor_completions.d/porchlight.fish', 'de/LC_MESSAGES/porchlight.mo')
PAGES = ('man1/porchlight.1', 'man1/porchlight-replay.1', 'man8/porchlightd.8', 'man8/porchlight-vault.8')
PROGRAM = r'''
#include <porchlight/client.h>
#include <stdio.h>

int main(int argc, char **argv) {
        struct porchlight *p;
        struct porchlight_status status;
        struct porchlight_posted posted;
        struct porchlight_event event;
        static struct porchlight_post post;
        post.kind = "storm";
        post.text = "Tiles are coming down";
        if (porchlight_open(&p, argv[argc - 1]) != PORCHLIGHT_OK || porchlight_status(p, &status) != PORCHLIGHT_OK)
                return 1;
        printf("%s\n", status.mesh);
        if (porchlight_post(p, &post, &posted) != PORCHLIGHT_OK || porchlight_nearby(p, NULL) != PORCHLIGHT_OK)
                return 2;
        while (porchlight_next(p, &event) == PORCHLIGHT_OK)
                printf("%s: %s\n", event.alert.kind, event.alert.text);
        porchlight_close(p);
        return 0;
}
'''


class Install(street.Play):
    def open(self):
        for tool in ('meson', 'cc', 'pkg-config'):
            if not shutil.which(tool):
                raise Skip(f'needs {tool}')
        self.build = os.path.abspath(self.programs.build)
        self.top = os.path.join(self.folder, 'root')
        done = subprocess.run(['meson', 'install', '-C', self.build, '--no-rebuild', '--destdir', self.top],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        check(done.returncode == 0, f'meson install: {done.stdout[-2000:]}')

    def installed(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.top) for name in names]

    def find(self, name):
        found = [path for path in self.installed() if path.endswith('/' + name)]
        equal(len(found), 1, f'files called {name}')
        return found[0]

    def case_whole(self):
        """programs, units, completions, translation, header and library are there; manual pages too, where scdoc is"""
        for name in (*WANTED, *(PAGES if shutil.which('scdoc') else ())):
            self.find(name)

    def case_closed(self):
        """nobody may write to what is installed, nothing has rights of its own, and nothing of the tests comes along"""
        for path in self.installed():
            mode = os.lstat(path).st_mode
            check(stat.S_ISLNK(mode) or not mode & 0o7022, f'{path} has mode {stat.S_IMODE(mode):o}')
        found = [path for path in self.installed() if 'test' in path[len(self.top):] or 'fuzz' in path[len(self.top):]]
        equal(found, [], 'of the tests')

    def case_street(self):
        """the installed programs found a street and another home joins it"""
        programs = os.path.join(self.folder, 'programs')  # as one folder, for the prefix is not where they are now
        os.mkdir(programs)
        for name in ('bin/porchlight', 'sbin/porchlightd', 'libexec/porchlight/porchlight-vault'):
            shutil.copy(self.find(name), programs)
        self.programs = street.Programs(programs)
        self.env['PORCHLIGHT_LIBEXEC'] = programs
        self.homes = self.street(2).homes

    def case_program(self):
        """a program of others is built by the pkg-config file alone, as C and as C++, and posts and reads"""
        if 'san.so' in subprocess.run(['ldd', self.find('libporchlight.so.0')], stdout=subprocess.PIPE, text=True, check=True).stdout:
            raise Skip("a sanitizer's library wants a sanitizer's program")
        pc = self.find('pkgconfig/porchlight.pc')
        env = dict(self.env, PKG_CONFIG_PATH=os.path.dirname(pc), PKG_CONFIG_SYSROOT_DIR=self.top)
        flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'porchlight'], stdout=subprocess.PIPE, env=env, text=True,
                               check=True).stdout.split()
        library = os.path.dirname(self.find('libporchlight.so.0'))
        for compiler, ending in (('cc', 'c'), ('c++', 'cc')):
            if not shutil.which(compiler):
                continue
            source, program = os.path.join(self.folder, f'mine.{ending}'), os.path.join(self.folder, f'mine-{ending}')
            with open(source, 'w', encoding='ascii') as file:
                file.write(PROGRAM)
            built = subprocess.run([compiler, '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-o', program, source, *flags],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            check(built.returncode == 0, f'{compiler}: {built.stdout}')
            ran = subprocess.run([program, self.homes[1].folder], stdout=subprocess.PIPE, text=True, check=False,
                                 env=dict(self.env, LD_LIBRARY_PATH=library), timeout=street.PATIENCE)
            equal((ran.returncode, ran.stdout.splitlines()[:2]), (0, ['Elm Street', 'storm: Tiles are coming down']),
                  f'what the program built by {compiler} says')
        self.wait(lambda: self.homes[0].alerts('--kind', 'storm'), 'the neighbour to have its post')


if __name__ == '__main__':
    street.main(Install)
