/* SPDX-License-Identifier: Apache-2.0 */
/* The checks: facts in, one sentence and one piece of advice out. In the order in which to mend things. */
#include "cli/doctor.h"
#include "cli/outside.h"

#include "base/text.h"

#include "base/when.h"

#include <errno.h>
#include <stdarg.h>

#define OWNER_SHARED 0666 /* owner.sock where the owner is another user: the vault itself looks who asks */
#define OTHERS 0077       /* keys, database and the vault are the owner's alone */
#define FOLDER_OPEN 0066  /* others may pass through the folder to the sockets, but neither list nor change it */
#define CONTROL_OPEN 0007 /* the service gives control.sock to a group */
#define MIB (1024 * 1024)
#define DISK_WARNING (100 * (uint64_t)MIB)
#define DISK_PROBLEM (10 * (uint64_t)MIB) /* a day of alerts, clips left out, and SQLite's log */
#define CLOCK_FLOOR 1767225600u           /* 2026-01-01, as the vault has it: no honest clock is earlier */
#define CLOCK_CEILING 4102444800u         /* 2100-01-01 */
#define STEWARDS_WANTED 3                 /* with two, neither can be removed if it turns bad or is lost */
#define BACKUP_OLD (180 * 86400u)         /* seconds: by then most addresses in it may have changed */

_printf_(3, 4) static void say(struct doctor_finding *ret, enum doctor_state state, const char *fmt, ...) {
        va_list ap;
        ret->state = state;
        va_start(ap, fmt);
        buf_vprintf(&ret->message, _(fmt), ap);
        va_end(ap);
}

_printf_(2, 3) static void fix(struct doctor_finding *ret, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        buf_vprintf(&ret->fix, _(fmt), ap);
        va_end(ap);
}

static void capital(struct buf *text) {
        if (text->n && *text->p >= 'a' && *text->p <= 'z')
                *text->p = (uint8_t)(*text->p - 'a' + 'A');
}

/* An error's hint stands behind a semicolon elsewhere; here it is a sentence. */
static void fix_hint(struct doctor_finding *ret, struct buf *hint) {
        capital(hint);
        fix(ret, "%s.", buf_cstr(hint));
}

static int dir_n(const struct doctor_facts *f) {
        return (int)f->dir.n;
}

static const char *dir_p(const struct doctor_facts *f) {
        return f->dir.n ? (const char *)f->dir.p : "";
}

#define DIR_ARGS(f) dir_n(f), dir_p(f)

/* ---- the folder ---- */

static bool folder_there(const struct doctor_facts *f) {
        return f->folder_why == 0 && f->folder_is_one;
}

static bool ours(const struct doctor_facts *f) {
        return f->uid == 0 || f->uid == f->folder_uid;
}

/* A folder that is somebody else's, or a home's before its daemon ran: of it nothing is to be said, and nothing mended. */
static bool holds_nothing(const struct doctor_facts *f) {
        return f->files[DOCTOR_FILE_VAULT].why == ENOENT && f->files[DOCTOR_FILE_DEVICE_KEY].why == ENOENT &&
               f->files[DOCTOR_FILE_DB].why == ENOENT;
}

static void check_folder(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (f->folder_why == ENOENT) {
                say(ret, DOCTOR_PROBLEM, "There is no folder %.*s.", DIR_ARGS(f));
                fix(ret, "Start `porchlightd`, which makes it, or name the right one with --data DIR.");
        } else if (f->folder_why) {
                say(ret, DOCTOR_PROBLEM, "%.*s cannot be looked at: %s.", DIR_ARGS(f), strerror(f->folder_why));
                fix(ret, "Run this as the daemon's user or as root.");
        } else if (!f->folder_is_one) {
                say(ret, DOCTOR_PROBLEM, "%.*s is not a folder.", DIR_ARGS(f));
                fix(ret, "Name the daemon's folder with --data DIR.");
        } else if (!ours(f)) {
                say(ret, DOCTOR_NOTE, "%.*s belongs to another user: not all of it can be looked at.", DIR_ARGS(f));
                fix(ret, "Run this as the daemon's user or as root to see more.");
        } else if (holds_nothing(f)) {
                say(ret, DOCTOR_WARNING, "Nothing of Porchlight is in %.*s.", DIR_ARGS(f));
                fix(ret, "Name the daemon's folder with --data DIR.");
        } else {
                say(ret, DOCTOR_OK, "%.*s", DIR_ARGS(f));
        }
}

/* What a file grants that it should not. */
static unsigned too_open(const struct doctor_file *file, size_t i) {
        if (file->why)
                return 0;
        if (i == DOCTOR_FILE_OWNER && file->mode == OWNER_SHARED)
                return 0;
        return file->mode & (i == DOCTOR_FILE_CONTROL ? CONTROL_OPEN : OTHERS);
}

static void check_access(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (!folder_there(f) || holds_nothing(f))
                return;
        for (size_t i = 0; i < DOCTOR_FILES; i++) {
                const struct doctor_file *file = &f->files[i];
                if (too_open(file, i)) {
                        say(ret, DOCTOR_PROBLEM, "Other users of this machine may use %s (mode %04o).", file->name,
                            file->mode);
                        fix(ret, "chmod %s '%.*s/%s'", i == DOCTOR_FILE_VAULT ? "700" : "600", DIR_ARGS(f), file->name);
                        return;
                }
        }
        if (f->folder_mode & FOLDER_OPEN) {
                say(ret, DOCTOR_WARNING, "Other users of this machine may list or change the folder (mode %04o).",
                    f->folder_mode);
                fix(ret, "chmod 700 '%.*s'", DIR_ARGS(f));
                return;
        }
        say(ret, DOCTOR_OK, "keys, database and sockets are closed to other users");
}

/* A vault that runs by itself: its folder is that of who listens on its socket. */
static bool vault_apart(const struct doctor_facts *f) {
        const struct doctor_file *vault = &f->files[DOCTOR_FILE_VAULT], *sock = &f->files[DOCTOR_FILE_OWNER];
        return !vault->why && !sock->why && vault->uid == sock->uid;
}

/* As root it is easily started once by hand; from then on the service cannot read its own files. */
static void check_owner(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (!folder_there(f))
                return;
        for (size_t i = 0; i < DOCTOR_FILES; i++) {
                const struct doctor_file *file = &f->files[i];
                if (file->why || file->uid == f->folder_uid || i == DOCTOR_FILE_OWNER)
                        continue;
                if (i == DOCTOR_FILE_VAULT && vault_apart(f))
                        continue;
                say(ret, DOCTOR_PROBLEM, "%s belongs to user %llu, the folder to user %llu.", file->name,
                    (unsigned long long)file->uid, (unsigned long long)f->folder_uid);
                fix(ret, "Stop the daemon, then: chown -R %llu '%.*s'", (unsigned long long)f->folder_uid, DIR_ARGS(f));
                return;
        }
}

static void check_key(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (f->device_key == DOCTOR_KEY_UNKNOWN)
                return;
        if (f->device_key == DOCTOR_KEY_WHOLE) {
                say(ret, DOCTOR_OK, "this device's key is whole");
                return;
        }
        say(ret, DOCTOR_PROBLEM, "The key of this device (%s) is damaged or cut off; the daemon will not start.",
            f->files[DOCTOR_FILE_DEVICE_KEY].name);
        fix(ret, "Move the folder away and start the daemon. Then `porchlight restore` brings the home back from its "
                 "backup; without one, join anew on an invite.");
}

static void check_disk(const struct doctor_facts *f, struct doctor_finding *ret) {
        unsigned long long mib = (unsigned long long)(f->disk_free / MIB);
        if (!f->disk_known)
                return;
        if (f->disk_free >= DISK_WARNING) {
                say(ret, DOCTOR_OK, "%llu MB free", mib);
                return;
        }
        say(ret, f->disk_free < DISK_PROBLEM ? DOCTOR_PROBLEM : DOCTOR_WARNING,
            "Only %llu MB are free where the folder lies; new alerts cannot be kept on a full disk.", mib);
        fix(ret, "Free some space on that disk.");
}

static void check_store(const struct doctor_facts *f, struct doctor_finding *ret) {
        _clean_(buf_fini) struct buf when = BUF_NULL;
        const struct wire_c_status *s = &f->status;
        if (!f->daemon)
                return;
        if (WIRE_HAS(s, C_STATUS, damaged)) {
                say(ret, DOCTOR_PROBLEM, "The disk has damaged a part of the store (%s).",
                    f->files[DOCTOR_FILE_DB].name);
                fix(ret,
                    "Start the daemon again: it keeps what is whole, and neighbours bring the rest. Then replace the "
                    "disk or memory card.");
                return;
        }
        if (!WIRE_HAS(s, C_STATUS, salvaged) || f->now > s->salvaged + SALVAGE_TOLD) {
                say(ret, DOCTOR_OK, "whole, as far as was looked");
                return;
        }
        when_local(&when, s->salvaged, f->now);
        say(ret, DOCTOR_WARNING, "The disk had damaged a part of the store; since %s it is whole again.",
            buf_cstr(&when));
        fix(ret, "Neighbours bring lost alerts again. Look whether places, mutes and tickets are still there, and "
                 "replace the "
                 "disk or memory card soon.");
}

static void check_watch(const struct doctor_facts *f, struct doctor_finding *ret) {
        _clean_(buf_fini) struct buf folder = BUF_NULL;
        if (!f->watch.n)
                return;
        text_show(&folder, buf_span(&f->watch), false);
        if (f->watched) {
                say(ret, DOCTOR_OK, "what comes into %s is taken in", buf_cstr(&folder));
        } else if (f->watch_why) {
                say(ret, DOCTOR_WARNING, "The folder for clips, %s, cannot be looked at: %s.", buf_cstr(&folder),
                    strerror(f->watch_why));
                fix(ret,
                    "Look whether it is there, and whether you may read it; or `porchlight config unset clips.watch`.");
        } else {
                say(ret, DOCTOR_WARNING, "Nobody watches %s: what a camera writes there stays in the clear.",
                    buf_cstr(&folder));
                fix(ret,
                    "Run `porchlight clip watch`, or have systemd do it: `systemctl enable --now porchlight-watch`.");
        }
}

static void check_clips(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (!f->clips || f->clips_here + f->clips_damaged == 0)
                return;
        if (!f->clips_damaged) {
                say(ret, DOCTOR_OK, "%u, all of their bytes are there", f->clips_here);
                return;
        }
        say(ret, DOCTOR_WARNING, "Of %u clips the bytes are missing on the disk, or not all there.", f->clips_damaged);
        fix(ret, "`porchlight clip list` shows which. What nobody else has a copy of is lost; destroy it.");
}

static void check_copies(const struct doctor_facts *f, struct doctor_finding *ret) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        if (!f->copies)
                return;
        text_show(&path, buf_span(&f->copy), false);
        say(ret, DOCTOR_WARNING,
            "Files that clips were taken from are still there, for anybody who may read them: %u, the newest %s.",
            f->copies, buf_cstr(&path));
        fix(ret, "Remove what is not needed; `porchlight clip who-can-read` tells of each. `clip add --delete-source` "
                 "does it at once.");
}

static void check_grants(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (!f->grants || !f->overdue)
                return;
        say(ret, DOCTOR_WARNING,
            "Of %llu grants the time is over, and the recipients have not said that their copies are gone.",
            (unsigned long long)f->overdue);
        fix(ret, "`porchlight grant list --overdue` shows whose. They may be off; ask them. Nobody can force it.");
}

static void check_policy(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (!f->daemon || !WIRE_HAS(&f->status, C_STATUS, policy_asleep))
                return;
        say(ret, DOCTOR_WARNING,
            "The rule for an emergency sleeps: the vault was started anew or locked, and has no key for it.");
        fix(ret, "`porchlight vault unlock` wakes it, `porchlight policy end` ends it. Until then nothing is granted "
                 "by it.");
}

static void check_clock(const struct doctor_facts *f, struct doctor_finding *ret) {
        _clean_(buf_fini) struct buf when = BUF_NULL;
        when_local(&when, f->now, f->now);
        if (f->now >= CLOCK_FLOOR && f->now < CLOCK_CEILING) {
                say(ret, DOCTOR_OK, "%s", buf_cstr(&when));
                return;
        }
        buf_clear(&when);
        when_rfc3339(&when, f->now);
        say(ret, DOCTOR_PROBLEM, "This machine's clock says %s, which cannot be.", buf_cstr(&when));
        fix(ret, "Set the clock, best by NTP: timedatectl set-ntp true");
}

/* ---- daemon and vault ---- */

static void check_daemon(const struct doctor_facts *f, struct doctor_finding *ret) {
        const struct call_error *e = &f->daemon_error;
        if (f->daemon) {
                say(ret, DOCTOR_OK, "version %.*s answers", (int)f->status.version.n,
                    (const char *)f->status.version.p);
                return;
        }
        if (strcmp(e->name, "daemon-not-running") == 0) {
                bool left = f->files[DOCTOR_FILE_CONTROL].why == 0;
                say(ret, DOCTOR_PROBLEM, "The daemon is not running: nothing is received or sent%s.",
                    left ? _(" (its socket is a leftover: it ended without a farewell)") : "");
                fix(ret, "Start it with `porchlightd &` or `systemctl start porchlight`; %s.",
                    left ? _("its log says why it ended") : _("--data DIR names another folder"));
                return;
        }
        _clean_(buf_fini) struct buf message = BUF_NULL, hint = BUF_NULL;
        cli_said(&message, e->message, &e->said);
        cli_said(&hint, *e->hint ? e->hint : N_("See the daemon's log"), &e->said_hint);
        say(ret, DOCTOR_PROBLEM, "The daemon does not tell its state: %s.", buf_cstr(&message));
        fix_hint(ret, &hint);
}

static void check_vault(const struct doctor_facts *f, struct doctor_finding *ret) {
        const struct call_error *e = &f->vault_error;
        if (!f->daemon)
                return;
        if (f->vault && f->main && !f->vault_state.has_household) {
                say(ret, DOCTOR_PROBLEM,
                    "The household's key is missing on its main device: it can post, and sign nothing for the "
                    "household.");
                fix(ret, "`porchlight restore` brings it back from a backup, into another folder. Without one ask the "
                         "others "
                         "to remove this home, and join anew.");
                return;
        }
        if (f->vault) {
                say(ret, DOCTOR_OK, "%s",
                    f->vault_state.has_household ? _("answers")
                    : WIRE_HAS(&f->vault_state, O_STATE, device)
                            ? _("answers; this device's own key is here, the household's on its main device")
                    : f->status.state == FRESH_NO_MESH ? _("answers; it holds no household key yet")
                                                       : _("answers; the household's key is on its main device"));
                return;
        }
        bool closed = strcmp(e->name, "no-access") == 0;
        _clean_(buf_fini) struct buf message = BUF_NULL, hint = BUF_NULL;
        cli_said(&message, e->message, &e->said);
        cli_said(&hint, *e->hint ? e->hint : N_("See the daemon's log"), &e->said_hint);
        say(ret, closed ? DOCTOR_NOTE : DOCTOR_PROBLEM, "The vault does not tell its state: %s.", buf_cstr(&message));
        fix_hint(ret, &hint);
}

/* Of daemon and vault together: what either lacks, an intruder would use. */
static void check_walls(const struct doctor_facts *f, struct doctor_finding *ret) {
        const struct wire_o_state *v = &f->vault_state;
        if (!f->daemon || !WIRE_HAS(&f->status, C_STATUS, landlock) || !WIRE_HAS(&f->status, C_STATUS, syscalls))
                return;
        bool asked = f->vault && WIRE_HAS(v, O_STATE, landlock) && WIRE_HAS(v, O_STATE, syscalls);
        bool files = f->status.landlock && (!asked || v->landlock);
        bool calls = f->status.syscalls && (!asked || v->syscalls);
        if (files && calls) {
                say(ret, DOCTOR_OK, "the kernel keeps daemon and vault to their own files and few calls");
                return;
        }
        say(ret, DOCTOR_NOTE,
            "The kernel does not keep the daemon %s: one that is taken over can do what its user can.",
            files   ? _("to few system calls")
            : calls ? _("to its own files")
                    : _("to its own files and few system calls"));
        fix(ret, "%s",
            files ? _("Use a build with libseccomp.")
                  : _("Linux 5.13 or newer with `landlock` in its lsm= does; under systemd the unit helps."));
}

static void check_passphrase(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (!f->vault || !f->vault_state.has_household)
                return;
        if (f->vault_state.passphrase) {
                say(ret, DOCTOR_OK, "the household's key is under a passphrase");
                return;
        }
        say(ret, DOCTOR_NOTE, "The household's key lies in a plain file: who reads this disk can speak for the home.");
        fix(ret, "`porchlight vault passphrase` locks it.");
}

/* ---- the mesh ---- */

static void say_problem(const struct doctor_facts *f, struct doctor_finding *ret) {
        _clean_(buf_fini) struct buf problem = BUF_NULL;
        if (WIRE_HAS(&f->status, C_STATUS, problem)) {
                cli_words(&problem, f->status.problem);
                say(ret, DOCTOR_PROBLEM, "Joining fails: %s", buf_cstr(&problem));
                fix(ret,
                    "If this does not end by itself, ask who invited you where to knock: `porchlight peer add HOST`.");
                return;
        }
        say(ret, DOCTOR_WARNING, "This home waits for a member to admit it.");
        fix(ret, "A neighbour's daemon must be reachable: `porchlight peers` shows where it knocks.");
}

static void say_muted(const struct wire_c_status *s, struct doctor_finding *ret) {
        _clean_(buf_fini) struct buf until = BUF_NULL;
        when_rfc3339(&until, s->muted_until);
        say(ret, DOCTOR_PROBLEM, "This device signed two different posts in one slot. What it posts is void until %s.",
            buf_cstr(&until));
        fix(ret, "A data folder that was copied, or restored from an old copy, does that. Run one only, and wait.");
}

static void check_backup(const struct doctor_facts *f, struct doctor_finding *ret) {
        _clean_(buf_fini) struct buf when = BUF_NULL;
        const struct wire_c_status *s = &f->status;
        if (!f->daemon || !f->vault || !f->vault_state.has_household || s->state == FRESH_NO_MESH)
                return;
        if (!WIRE_HAS(s, C_STATUS, backup)) {
                say(ret, DOCTOR_NOTE, "No backup was made yet: if this disk dies, the household's key is lost.");
                fix(ret, "`porchlight backup FILE` makes one; keep it on another disk.");
                return;
        }
        when_local(&when, s->backup, f->now);
        if (f->now <= s->backup || f->now - s->backup <= BACKUP_OLD) {
                say(ret, DOCTOR_OK, "the newest is of %s", buf_cstr(&when));
                return;
        }
        say(ret, DOCTOR_NOTE, "The newest backup is of %s.", buf_cstr(&when));
        fix(ret, "Make a new one with `porchlight backup FILE`.");
}

/* Of a device that does not count, in a household that is a member. */
static bool say_out(const struct doctor_facts *f, struct doctor_finding *ret) {
        _clean_(buf_fini) struct buf problem = BUF_NULL;
        if (!WIRE_HAS(&f->status, C_STATUS, problem))
                return false;
        cli_words(&problem, f->status.problem);
        say(ret, DOCTOR_PROBLEM, "This device gets no alerts: %s.", buf_cstr(&problem));
        fix(ret,
            "On the main device `porchlight device list` shows the household's devices; a new code lets one more in.");
        return true;
}

static void check_mesh(const struct doctor_facts *f, struct doctor_finding *ret) {
        const struct wire_c_status *s = &f->status;
        _clean_(buf_fini) struct buf problem = BUF_NULL;
        if (!f->daemon)
                return;
        switch ((enum wire_e_fresh)s->state) {
        case FRESH_NO_MESH:
                say(ret, DOCTOR_PROBLEM, "This home is in no mesh: it gets no alerts.");
                fix(ret, "Use a neighbour's invite with `porchlight join`, or found one: `porchlight mesh create`.");
                return;
        case FRESH_JOINING:
                say_problem(f, ret);
                return;
        case FRESH_RESTORING:
                cli_words(&problem, s->problem);
                say(ret, DOCTOR_WARNING, "This home is being restored: %s.", buf_cstr(&problem));
                fix(ret, "One neighbour's daemon must be reachable: `porchlight peer add HOST` says where to knock.");
                return;
        case FRESH_WAITING:
                cli_words(&problem, s->problem);
                say(ret, DOCTOR_PROBLEM, "This home gets no alerts: %s.", buf_cstr(&problem));
                fix(ret, "It is a member as soon as there is a place. Or forget the mesh with `porchlight mesh leave`, "
                         "and join on a ticket of another household.");
                return;
        case FRESH_REMOVED:
                if (say_out(f, ret))
                        return;
                say(ret, DOCTOR_PROBLEM, "This home was removed from the mesh, or has left it: it gets no alerts.");
                fix(ret, "Speak with a steward: one can propose `porchlight member return`.");
                return;
        case FRESH_MUTED:
        case FRESH_CURRENT:
        case FRESH_CATCHING_UP:
        case FRESH_ALONE:
                break;
        }
        if (WIRE_HAS(s, C_STATUS, muted_until)) {
                say_muted(s, ret);
                return;
        }
        say(ret, DOCTOR_OK, "%.*s, %llu %s", (int)s->mesh.n, (const char *)s->mesh.p, (unsigned long long)s->homes,
            lang_count("home", "homes", s->homes));
}

static bool in_mesh(const struct doctor_facts *f) {
        if (!f->daemon)
                return false;
        return f->status.state == FRESH_CURRENT || f->status.state == FRESH_CATCHING_UP ||
               f->status.state == FRESH_ALONE || f->status.state == FRESH_MUTED;
}

static void check_neighbours(const struct doctor_facts *f, struct doctor_finding *ret) {
        const struct wire_c_status *s = &f->status;
        if (!in_mesh(f))
                return;
        if (s->homes <= 1) {
                say(ret, DOCTOR_WARNING, "No other home is in the mesh: nobody hears this one.");
                fix(ret, "Invite a neighbour with `porchlight invite`.");
                return;
        }
        if (s->links) {
                layout_count(&ret->message, s->links, "link is up", "links are up");
                ret->state = DOCTOR_OK;
                return;
        }
        say(ret, DOCTOR_PROBLEM, "No neighbour can be reached");
        if (WIRE_HAS(s, C_STATUS, since)) {
                buf_add_str(&ret->message, _(" since "));
                when_local(&ret->message, s->since, f->now);
        }
        buf_add_str(&ret->message, f->down.n ? ":" : ".");
        buf_add(&ret->message, buf_span(&f->down));
        fix(ret, "Check this machine's network; `porchlight peer add HOST` says where else to knock.");
}

static void check_listens(const struct doctor_facts *f, struct doctor_finding *ret) {
        bool any;
        if (!f->daemon)
                return;
        uint64_t port = outside_port(&f->status, &any);
        if (port) {
                say(ret, DOCTOR_OK, "on port %llu", (unsigned long long)port);
                return;
        }
        say(ret, DOCTOR_WARNING, "%s: no other machine can dial this home.",
            any ? _("The daemon listens on this machine alone (loopback)") : _("The daemon listens on no address"));
        fix(ret, "Start porchlightd without --listen, or with an address of this machine's network.");
}

/* From inside nobody can see that a router lets others in: only somebody who came proves it. */
static void check_port(const struct doctor_facts *f, struct doctor_finding *ret) {
        bool any, hidden = WIRE_HAS(&f->status, C_STATUS, hidden);
        if (!in_mesh(f) || (!outside_port(&f->status, &any) && !hidden) ||
            !outside_words(&f->status, &ret->message, &ret->fix))
                return;
        bool reached = f->status.reach == REACH_YES || f->status.reach == REACH_MAPPED;
        bool fine = reached && !ret->fix.n;
        ret->state = fine ? DOCTOR_OK : DOCTOR_NOTE;
        if (!reached && f->inbound)
                buf_add_str(&ret->message, _(" (neighbours in this network do)"));
        if (fine)
                return;
        capital(&ret->message);
        capital(&ret->fix);
        buf_add_u8(&ret->message, '.');
        buf_add_u8(&ret->fix, '.');
}

static void check_routers(const struct doctor_facts *f, struct doctor_finding *ret) {
        const struct wire_c_status *s = &f->status;
        if (!in_mesh(f) || f->status.homes <= 1 || !WIRE_HAS(s, C_STATUS, meets) || WIRE_HAS(s, C_STATUS, hidden))
                return; /* a hidden one meets nobody */
        if (!s->meets) {
                say(ret, DOCTOR_NOTE,
                    "porchlight-ice is missing: homes behind routers that let nobody in are reached by way of other "
                    "homes alone.");
                fix(ret, "Install it, or use a build with libnice, ngtcp2 and GnuTLS. Other homes are not affected.");
        } else if (WIRE_HAS(s, C_STATUS, stun_error)) {
                say(ret, DOCTOR_WARNING, "Other homes cannot be told how their routers show them: %s.",
                    strerror((int)s->stun_error));
                fix(ret, "Free that UDP port, or `porchlight config set reach.stun no`.");
        } else if (WIRE_HAS(s, C_STATUS, helper_deaths)) {
                say(ret, DOCTOR_WARNING, "porchlight-ice has ended by itself, times: %llu. Its links were made anew.",
                    (unsigned long long)s->helper_deaths);
                fix(ret, "The daemon's log says when and how. Please report it.");
        } else {
                say(ret, DOCTOR_OK, "homes behind routers can be met");
        }
}

static void check_unsent(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (!in_mesh(f) || !f->status.unsent || f->status.homes <= 1)
                return;
        layout_count(&ret->message, f->status.unsent, "post of this home has", "posts of this home have");
        say(ret, DOCTOR_WARNING, " reached no other home yet.");
        fix(ret, "They are sent when a neighbour is in reach; what is urgent, tell in another way.");
}

static void check_devices(const struct doctor_facts *f, struct doctor_finding *ret) {
        const struct wire_c_status *s = &f->status;
        if (!in_mesh(f) || !WIRE_HAS(s, C_STATUS, uninvited))
                return;
        say(ret, DOCTOR_PROBLEM,
            "The device %.*s came in on a device code that was taken back; it posts and reads as you.",
            (int)s->uninvited.n, (const char *)s->uninvited.p);
        fix(ret, "Is it not yours? `porchlight device revoke NAME`, on the main device, puts it out.");
}

/* Good for longer than a day was what the owner wanted; but papers get lost. */
static void check_codes(const struct doctor_facts *f, struct doctor_finding *ret) {
        const struct wire_c_status *s = &f->status;
        _clean_(buf_fini) struct buf when = BUF_NULL;
        if (!in_mesh(f) || !WIRE_HAS(s, C_STATUS, code) || f->now < s->code + CODE_OLD)
                return;
        when_local(&when, s->code, f->now);
        say(ret, DOCTOR_NOTE, "A device code of %s is still open: whoever finds it becomes a device of this household.",
            buf_cstr(&when));
        fix(ret, "`porchlight device codes` lists it, `porchlight device revoke ID` takes it back.");
}

static void check_places(const struct doctor_facts *f, struct doctor_finding *ret) {
        if (!in_mesh(f) || !WIRE_HAS(&f->status, C_STATUS, waiting))
                return;
        say(ret, DOCTOR_WARNING, "Homes that you invited wait for a place, and get no alerts: %llu.",
            (unsigned long long)f->status.waiting);
        fix(ret, "`porchlight member list` names them. Ask another household, best a steward, to invite them anew.");
}

static void check_stewards(const struct doctor_facts *f, struct doctor_finding *ret) {
        unsigned long long stewards = (unsigned long long)f->status.stewards;
        if (!in_mesh(f) || f->status.homes < STEWARDS_WANTED)
                return;
        if (stewards >= STEWARDS_WANTED) {
                say(ret, DOCTOR_OK, "%llu stewards", stewards);
                return;
        }
        say(ret, DOCTOR_WARNING, "The mesh has %llu %s; fewer than %d cannot replace one that is lost.", stewards,
            lang_count("steward", "stewards", stewards), STEWARDS_WANTED);
        fix(ret, "A steward proposes another: `porchlight member promote HOUSEHOLD`.");
}

const struct doctor_check doctor_checks[] = {
        {N_("folder"), check_folder},
        {N_("access"), check_access},
        {N_("owner"), check_owner},
        {N_("device-key"), check_key},
        {N_("disk"), check_disk},
        {N_("store"), check_store},
        {N_("clips"), check_clips},
        {N_("clear copies"), check_copies},
        {N_("clips folder"), check_watch},
        {N_("grants"), check_grants},
        {N_("policy"), check_policy},
        {N_("clock"), check_clock},
        {N_("daemon"), check_daemon},
        {N_("vault"), check_vault},
        {N_("walls"), check_walls},
        {N_("passphrase"), check_passphrase},
        {N_("backup"), check_backup},
        {N_("mesh"), check_mesh},
        {N_("neighbours"), check_neighbours},
        {N_("listens"), check_listens},
        {N_("port"), check_port},
        {N_("routers"), check_routers},
        {N_("unsent"), check_unsent},
        {N_("devices"), check_devices},
        {N_("codes"), check_codes},
        {N_("places"), check_places},
        {N_("stewards"), check_stewards},
        {NULL, NULL},
};

void doctor_finding_fini(struct doctor_finding *d) {
        buf_fini(&d->message);
        buf_fini(&d->fix);
}

void doctor_facts_fini(struct doctor_facts *f) {
        buf_fini(&f->dir);
        buf_fini(&f->status_store);
        buf_fini(&f->down);
        buf_fini(&f->copy);
        buf_fini(&f->watch);
}
