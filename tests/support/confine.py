#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program as a unit of systemd would, without systemd: confine.py UNIT PROGRAMS STATE RUN [ARG...]

Reads the [Service] section of UNIT and does to itself what systemd would do before it starts the program: mounts of its
own in which all is read-only but what the unit says, the user, no capabilities, filtered system calls. STATE becomes
/var/lib/porchlight; RUN stands for /run/porchlight-vault, where it is. Then it becomes the program of ExecStart=, taken
from the folder PROGRAMS, with ARG... before its own arguments. With
--instead PROGRAM it becomes that one: a probe, to see that the walls stand. Root only.

What it does not know stops it: a directive nobody has tried is not to slip in. Exit code 77: this machine cannot do it.
"""
import ctypes
import ctypes.util
import errno
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys

CANNOT = 77
UID = GID = 64345
VAULT_UID = 64348
USERS = {'porchlight': UID, 'porchlight-vault': VAULT_UID}
STATE = '/var/lib/porchlight'
RUN = '/run/porchlight-vault'
HERE = '/mnt'  # holds the programs

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x1000, 0x4000, 1 << 18
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET = 0x20000, 0x4000000, 0x8000000, 0x40000000
CLONE_NEW_ANY = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80)
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SYS_MOUNT_SETATTR = 442
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR = {'ro': 1, 'nosuid': 2, 'noexec': 8}
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
S_ISUID_ISGID = (0o4000, 0o2000)
AF = {'AF_UNIX': 1, 'AF_INET': 2, 'AF_INET6': 10, 'AF_NETLINK': 16}
AF_MOST = 46
SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_CMP_EQ, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ = 0x7fff0000, 0x00050000, 4, 6, 7
SCMP_ERROR = -1

# What is done here, with these values and no others; what is read; what only the manager itself or a cgroup can do.
FIXED = {'LimitCORE': '0', 'ProtectSystem': 'strict',
         'ProtectHome': 'yes', 'PrivateTmp': 'yes', 'PrivateMounts': 'yes', 'NoExecPaths': '/', 'UMask': '0077',
         'CapabilityBoundingSet': '', 'AmbientCapabilities': '', 'NoNewPrivileges': 'yes', 'RestrictSUIDSGID': 'yes',
         'PrivateDevices': 'yes', 'PrivateIPC': 'yes', 'ProtectProc': 'invisible', 'ProcSubset': 'pid',
         'ProtectHostname': 'yes', 'RestrictNamespaces': 'yes', 'RestrictRealtime': 'yes', 'LockPersonality': 'yes',
         'MemoryDenyWriteExecute': 'yes', 'SystemCallErrorNumber': 'EPERM'}
READ = set('''User Group StateDirectory StateDirectoryMode RuntimeDirectory RuntimeDirectoryMode ReadWritePaths PrivateNetwork
    ExecStart TasksMax ExecPaths RestrictAddressFamilies SystemCallFilter'''.split())
# Without capabilities and with /proc and /sys read-only, the Protect* ones among them change nothing that is left.
LEFT = set('''Type NotifyAccess ExecReload Restart RestartSec RestartPreventExitStatus KillMode TimeoutStopSec MemoryMax
    MemorySwapMax RemoveIPC KeyringMode DevicePolicy ProtectClock ProtectControlGroups ProtectKernelLogs
    ProtectKernelModules ProtectKernelTunables SystemCallArchitectures'''.split())

libc = ctypes.CDLL(None, use_errno=True)


class Arg(ctypes.Structure):
    """struct scmp_arg_cmp"""
    _fields_ = [('arg', ctypes.c_uint), ('op', ctypes.c_int), ('a', ctypes.c_uint64), ('b', ctypes.c_uint64)]


class MountAttr(ctypes.Structure):
    _fields_ = [('set', ctypes.c_uint64), ('clear', ctypes.c_uint64), ('propagation', ctypes.c_uint64),
                ('userns_fd', ctypes.c_uint64)]


def leave(why):
    print(f'confine: {why}', file=sys.stderr)
    sys.exit(CANNOT)


def done(result, what):
    if result != 0:
        leave(f'{what}: {os.strerror(ctypes.get_errno())}')


def service(path):
    """Each directive's values, in the order of the file."""
    found, section = {}, None
    with open(path, encoding='utf-8') as file:
        for line in file.read().splitlines():
            if line.startswith('['):
                section = line
            elif section == '[Service]' and '=' in line and not line.startswith('#'):
                key, value = line.split('=', 1)
                found.setdefault(key, []).append(value)
    unknown = set(found) - set(FIXED) - READ - LEFT
    other = [f'{key}={value}' for key, value in FIXED.items() if found.get(key) != [value]]
    if unknown or other:
        sys.exit(f'confine: does not know {", ".join(sorted(unknown)) or "-"}; misses {", ".join(other) or "-"}')
    return found


# ---- mounts ----

def mount(source, target, kind=None, flags=0, data=None):
    encode = [text and text.encode() for text in (source, target, kind)]
    done(libc.mount(*encode, ctypes.c_ulong(flags), data and data.encode()), f'mount {target}')


def attributes(path, add='', remove='', deep=False):
    attr = MountAttr(set=sum(MOUNT_ATTR[word] for word in add.split()),
                     clear=sum(MOUNT_ATTR[word] for word in remove.split()))
    done(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), AT_RECURSIVE if deep else 0, ctypes.byref(attr),
                      ctypes.c_size_t(ctypes.sizeof(attr))), f'mount_setattr {path}')


def at_fd(fd):
    return f'/proc/self/fd/{fd}'


def put_programs(programs):
    for name in ('porchlightd', 'porchlight-vault'):
        shutil.copy(os.path.join(at_fd(programs), name), HERE)
        os.chmod(os.path.join(HERE, name), 0o755)
    users = ''.join(f'{name}:x:{uid}:{uid}::{STATE}:/usr/sbin/nologin\n' for name, uid in USERS.items())
    groups = ''.join(f'{name}:x:{uid}:\n' for name, uid in USERS.items())
    for path, line in (('/etc/passwd', users), ('/etc/group', groups)):
        with open(path, encoding='utf-8') as file:
            text = file.read()
        mine = os.path.join(HERE, os.path.basename(path))
        with open(mine, 'w', encoding='utf-8') as file:
            file.write(text + line)
        os.chmod(mine, 0o644)
        mount(mine, path, flags=MS_BIND)


def put_devices():
    names = ('null', 'zero', 'full', 'random', 'urandom')
    fds = {name: os.open(f'/dev/{name}', os.O_PATH) for name in names}
    mount('tmpfs', '/dev', 'tmpfs', MS_NOSUID | MS_NOEXEC, 'mode=755')
    for name, fd in fds.items():
        with open(f'/dev/{name}', 'x', encoding='ascii'):
            pass
        mount(at_fd(fd), f'/dev/{name}', flags=MS_BIND)
    os.mkdir('/dev/shm', 0o1777)


def put_mounts(programs, state, run, found):
    os.chdir('/')
    alone = CLONE_NEWNET if found.get('PrivateNetwork') == ['yes'] else 0
    done(libc.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | alone), 'unshare')
    mount('none', '/', flags=MS_REC | MS_PRIVATE)
    programs, state, run_fd = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in (programs, state, run)]
    mount('tmpfs', HERE, 'tmpfs', MS_NOSUID, 'mode=755')
    put_programs(programs)
    mount('tmpfs', '/var/lib', 'tmpfs', MS_NOSUID, 'mode=755')
    os.mkdir(STATE)
    mount(at_fd(state), STATE, flags=MS_BIND)
    put_devices()
    mount('proc', '/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC, 'hidepid=invisible,subset=pid')
    for path in ('/tmp', '/var/tmp'):
        mount('tmpfs', path, 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=1777')
    os.makedirs(run, exist_ok=True)
    mount(at_fd(run_fd), run, flags=MS_BIND)
    for path in ('/home', '/root', '/run/user'):
        if os.path.isdir(path):
            mount('tmpfs', path, 'tmpfs', MS_RDONLY, 'mode=000')
    run_from = [HERE]
    for path in ' '.join(found['ExecPaths']).split():
        real = os.path.realpath(path.lstrip('-'))
        if os.path.isdir(real):
            mount(real, real, flags=MS_BIND | MS_REC)
            run_from.append(real)
    attributes('/', add='ro nosuid noexec', deep=True)
    for path in run_from:
        attributes(path, remove='noexec', deep=True)
    writable = [STATE] if 'StateDirectory' in found else []
    for path in [*found.get('ReadWritePaths', []), *([run] if 'RuntimeDirectory' in found else [])]:
        path = path.lstrip('-')
        mount(path, path, flags=MS_BIND)
        writable.append(path)
    for path in (*writable, '/tmp', '/var/tmp', '/dev'):
        attributes(path, remove='ro')


# ---- system calls ----

def load_seccomp():
    name = ctypes.util.find_library('seccomp')
    if not name:
        leave('no libseccomp')
    lib = ctypes.CDLL(name)
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_load.argtypes = [ctypes.c_void_p]
    lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
                                           ctypes.POINTER(Arg)]
    return lib


def members(group):
    """A group's system calls, those of the groups in it included."""
    run = subprocess.run(['systemd-analyze', '--no-pager', 'syscall-filter', group], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False)
    if run.returncode:
        leave(f'systemd-analyze does not know {group}')
    found = set()
    for line in run.stdout.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith('#'):
            found |= members(word) if word.startswith('@') else {word}
    return found


def allowed(lines):
    """The system calls SystemCallFilter= leaves: lines that add, and with ~ lines that take away."""
    found = members('@default')
    for line in lines:
        for word in line.lstrip('~').split():
            calls = members(word) if word.startswith('@') else {word}
            found = found - calls if line.startswith('~') else found | calls
    return found


class Filter:
    def __init__(self, lib, otherwise):
        self.lib = lib
        self.context = lib.seccomp_init(ctypes.c_uint32(otherwise))

    def rule(self, action, call, *args):
        number = self.lib.seccomp_syscall_resolve_name(call.encode())
        if number != SCMP_ERROR:
            self.lib.seccomp_rule_add_array(self.context, action, number, len(args), (Arg * len(args))(*args))

    def load(self):
        if self.lib.seccomp_load(self.context) != 0:
            leave('seccomp does not load')


def refuse(number):
    return SCMP_ACT_ERRNO | number


def calls_filter(lib, lines):
    found = Filter(lib, refuse(errno.EPERM))
    for call in allowed(lines):
        found.rule(SCMP_ACT_ALLOW, call)
    return found


def args_filter(lib, families):
    """What depends on arguments: families, name spaces, memory both written and run, set-user-ID bits."""
    found = Filter(lib, SCMP_ACT_ALLOW)
    no = refuse(errno.EPERM)
    for family in range(AF_MOST):
        if family not in families:
            found.rule(refuse(errno.EAFNOSUPPORT), 'socket', Arg(0, SCMP_CMP_EQ, family))
    found.rule(refuse(errno.EAFNOSUPPORT), 'socket', Arg(0, SCMP_CMP_GT, AF_MOST - 1))
    for flag in CLONE_NEW_ANY:
        found.rule(no, 'clone', Arg(0, SCMP_CMP_MASKED_EQ, flag, flag))
        found.rule(no, 'unshare', Arg(0, SCMP_CMP_MASKED_EQ, flag, flag))
    found.rule(refuse(errno.ENOSYS), 'clone3')
    found.rule(no, 'setns')
    both = PROT_WRITE | PROT_EXEC
    found.rule(no, 'mmap', Arg(2, SCMP_CMP_MASKED_EQ, both, both))
    for call in ('mprotect', 'pkey_mprotect'):
        found.rule(no, call, Arg(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC))
    found.rule(no, 'shmat', Arg(2, SCMP_CMP_MASKED_EQ, SHM_EXEC, SHM_EXEC))
    for bit in S_ISUID_ISGID:
        for call, arg in (('chmod', 1), ('fchmod', 1), ('fchmodat', 2), ('mkdir', 1), ('mkdirat', 2)):
            found.rule(no, call, Arg(arg, SCMP_CMP_MASKED_EQ, bit, bit))
    for call in ('personality', 'sched_setscheduler'):
        found.rule(no, call)
    return found


# ---- the rest ----

def drop_rights(tasks, uid):
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.umask(0o077)
    done(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'no_new_privs')
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user has unset it


def main():
    unit, programs, state, run, *args = sys.argv[1:]
    if os.geteuid() != 0:
        leave('needs root')
    found = service(unit)
    program, *command = [word.replace(RUN, run) for word in shlex.split(found['ExecStart'][0])]
    program = os.path.join(HERE, os.path.basename(program))
    command = args[1:] if args[:1] == ['--instead'] else [program, *args, *command]
    uid, name = USERS[found['User'][0]], found['User'][0]
    lib = load_seccomp()
    families = {AF[word] for word in found['RestrictAddressFamilies'][0].split()}
    filters = [args_filter(lib, families), calls_filter(lib, found['SystemCallFilter'])]
    folder, mode = (state, 'StateDirectoryMode') if 'StateDirectory' in found else (run, 'RuntimeDirectoryMode')
    os.chown(folder, uid, uid)
    os.chmod(folder, int(found[mode][0], 8))
    put_mounts(os.path.abspath(programs), os.path.abspath(state), os.path.abspath(run), found)
    drop_rights(int(found['TasksMax'][0]), uid)
    env = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', 'LANG': 'C.UTF-8', 'USER': name, 'HOME': STATE}
    env['ASAN_OPTIONS'] = 'detect_leaks=0'  # that search traces the process, which nobody may in there
    env.update({key: value for key, value in os.environ.items() if re.match('NOTIFY_SOCKET|PORCHLIGHT_LOG', key)})
    for one in filters:
        one.load()
    os.execve(command[0], command, env)


if __name__ == '__main__':
    main()
