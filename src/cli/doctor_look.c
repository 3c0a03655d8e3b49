/* SPDX-License-Identifier: Apache-2.0 */
/* Goes round the house: the folder's files, the daemon, the vault. Changes nothing, and says nothing. */
#include "cli/doctor.h"

#include "cli/clips.h"

#include "base/dir.h"
#include "base/file.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MODE_BITS 07777
#define ANSWER_MS 10000 /* a daemon that takes longer for its status is not well */
#define DOWN_SHOWN 4    /* addresses named with their problems */

/* device.key as src/daemon/keyfile.c writes it: name, version, three secrets, hash of all before. */
#define KEY_MAGIC "PLDEVKEY"
#define KEY_HASH_AT (sizeof(KEY_MAGIC) - 1 + 1 + 3 * 32)
#define KEY_BYTES (KEY_HASH_AT + 32)

/* ---- the folder ---- */

static void look_folder(struct doctor_facts *f) {
        struct stat st;
        struct statvfs vfs;
        if (stat(buf_cstr(&f->dir), &st)) {
                f->folder_why = errno;
                return;
        }
        f->folder_is_one = S_ISDIR(st.st_mode);
        f->folder_mode = st.st_mode & MODE_BITS;
        f->folder_uid = st.st_uid;
        f->disk_known = statvfs(buf_cstr(&f->dir), &vfs) == 0;
        if (f->disk_known)
                f->disk_free = (uint64_t)vfs.f_bavail * vfs.f_frsize;
}

static void look_files(struct doctor_facts *f) {
        static const char *const names[DOCTOR_FILES] = {
                [DOCTOR_FILE_VAULT] = DIR_VAULT,
                [DOCTOR_FILE_DEVICE_KEY] = DIR_DEVICE_KEY,
                [DOCTOR_FILE_DB] = DIR_DB,
                [DOCTOR_FILE_CONTROL] = DIR_CONTROL_SOCK,
                [DOCTOR_FILE_OWNER] = DIR_OWNER_SOCK,
        };
        for (size_t i = 0; i < DOCTOR_FILES; i++) {
                _clean_(buf_fini) struct buf path = BUF_NULL;
                struct stat st;
                f->files[i].name = names[i];
                dir_join(&path, buf_cstr(&f->dir), names[i]);
                /* owner.sock may be a link to where the vault can make it */
                if (fstatat(AT_FDCWD, buf_cstr(&path), &st, i == DOCTOR_FILE_OWNER ? 0 : AT_SYMLINK_NOFOLLOW)) {
                        f->files[i].why = errno;
                        continue;
                }
                f->files[i].mode = st.st_mode & MODE_BITS;
                f->files[i].uid = st.st_uid;
        }
}

static bool key_whole(struct span bytes) {
        struct hash sum;
        if (bytes.n != KEY_BYTES || memcmp(bytes.p, KEY_MAGIC, sizeof(KEY_MAGIC) - 1) != 0)
                return false;
        hash_make(&sum, DOMAIN_DEVICE_FILE, NULL, span_of(bytes.p, KEY_HASH_AT));
        return hash_same(sum.b, bytes.p + KEY_HASH_AT, sizeof(sum.b));
}

static enum doctor_key look_key(struct doctor_facts *f) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        uint8_t bytes[KEY_BYTES + 1]; /* one more shows that the file is too long */
        dir_join(&path, buf_cstr(&f->dir), DIR_DEVICE_KEY);
        _clean_(file_close) int fd = open(buf_cstr(&path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
        if (n < 0)
                return DOCTOR_KEY_UNKNOWN;
        enum doctor_key ret = key_whole(span_of(bytes, (size_t)n)) ? DOCTOR_KEY_WHOLE : DOCTOR_KEY_DAMAGED;
        hash_wipe(bytes, sizeof(bytes));
        return ret;
}

/* ---- daemon and vault ---- */

typedef void (*look_fn)(struct doctor_facts *f, const struct call_row *row);

/* False with *ret_error. */
static bool ask_for(struct doctor_facts *f, struct call *call, unsigned number, const void *msg, look_fn row,
                    struct call_error *ret_error) {
        struct call_row got;
        int r = call_send(call, number, msg);
        while (r == 0 && (r = call_row(call, ANSWER_MS, &got)) == 0)
                row(f, &got);
        if (r == CALL_E_END)
                return true;
        *ret_error = *call_error(call);
        return false;
}

static bool ask(struct doctor_facts *f, struct call *call, unsigned number, look_fn row, struct call_error *ret_error) {
        struct wire_c_none none = {0};
        return ask_for(f, call, number, &none, row, ret_error);
}

static void row_status(struct doctor_facts *f, const struct call_row *row) {
        if (row->number != CONTROL_STATUS_ROW || f->daemon)
                return;
        codec_encode(&wire_c_status_desc, row->m, &f->status_store);
        f->daemon = buf_ok(&f->status_store) &&
                    codec_decode(&wire_c_status_desc, buf_span(&f->status_store), &f->status, NULL) == 0;
}

static void row_peer(struct doctor_facts *f, const struct call_row *row) {
        if (row->number != CONTROL_PEER_ROW)
                return;
        const struct wire_c_peer_row *p = &row->m->c_peer_row;
        f->inbound += !p->outbound;
        if (p->up || !p->outbound || !p->address.n)
                return;
        size_t shown = 0;
        for (size_t i = 0; i < f->down.n; i++)
                shown += f->down.p[i] == '\n';
        if (shown >= DOWN_SHOWN)
                return;
        buf_add_u8(&f->down, '\n');
        buf_add(&f->down, p->address);
        if (!WIRE_HAS(p, C_PEER_ROW, problem) || !p->problem.n)
                return;
        buf_add_str(&f->down, ": ");
        cli_words(&f->down, p->problem);
}

static void row_device(struct doctor_facts *f, const struct call_row *row) {
        if (row->number != CONTROL_DEVICE_ROW)
                return;
        const struct wire_c_device *d = &row->m->c_device;
        f->main |= d->this_one && WIRE_HAS(d, C_DEVICE, main) && d->main;
}

static void row_clip(struct doctor_facts *f, const struct call_row *row) {
        if (row->number != CONTROL_CLIP_ROW)
                return;
        f->clips_here += row->m->c_clip.state == CLIP_STATE_HERE;
        f->clips_damaged += row->m->c_clip.state == CLIP_STATE_DAMAGED;
}

static void row_source(struct doctor_facts *f, const struct call_row *row) {
        if (row->number != CONTROL_SOURCE_ROW || !clips_source_there(&row->m->c_source))
                return;
        if (f->copies++ == 0)
                buf_add(&f->copy, row->m->c_source.path);
}

static void row_watch(struct doctor_facts *f, const struct call_row *row) {
        if (row->number == CONTROL_SETTING_ROW && span_eq(row->m->c_setting.key, SPAN_STR("clips.watch")))
                buf_add(&f->watch, row->m->c_setting.value);
}

/* `clip watch` holds a lock on its folder. */
static void look_watch(struct doctor_facts *f) {
        if (f->watch.n == 0)
                return;
        _clean_(file_close) int fd = open(buf_cstr(&f->watch), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        f->watch_why = fd < 0 ? errno : 0;
        f->watched = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static void row_vault(struct doctor_facts *f, const struct call_row *row) {
        if (row->number != OWNER_O_STATE_ROW)
                return;
        f->vault_state = row->m->o_state;
        f->vault = true;
}

static void row_granted(struct doctor_facts *f, const struct call_row *row) {
        if (row->number != OWNER_O_GRANTED_ROW)
                return;
        f->overdue += row->m->o_granted.state == GRANTED_OVERDUE;
        f->next_line = row->m->o_granted.line + 1;
}

/* Page by page; a device without the household's key has none. */
static bool look_grants(struct doctor_facts *f, struct call *call) {
        struct wire_o_ledger m;
        struct call_error none;
        do {
                m = (struct wire_o_ledger){.from = f->next_line};
                if (!ask_for(f, call, OWNER_O_GRANTS, &m, row_granted, &none))
                        return false;
        } while (f->next_line > m.from);
        return true;
}

static void look_daemon(struct doctor_facts *f, const char *data) {
        _clean_(call_freep) struct call *call = NULL;
        struct call_error none;
        if (call_new(&call, data, CALL_CONTROL, &f->daemon_error))
                return;
        if (!ask(f, call, CONTROL_STATUS, row_status, &f->daemon_error)) {
                f->daemon = false;
                return;
        }
        if (!f->daemon)
                call_error_set(&f->daemon_error, EXIT_FAILED, "bad-answer", "Install one version of both",
                               "its answer holds no status");
        else
                f->peers = ask(f, call, CONTROL_PEERS, row_peer, &none);
        if (f->daemon)
                ask(f, call, CONTROL_DEVICES, row_device, &none); /* in no mesh it has none */
        if (f->daemon)
                f->clips = ask(f, call, CONTROL_CLIPS, row_clip, &none);
        if (f->daemon)
                ask(f, call, CONTROL_CLIP_SOURCES, row_source, &none); /* for the owner alone */
        const struct wire_c_config all = {0};
        if (f->daemon && ask_for(f, call, CONTROL_CONFIG, &all, row_watch, &none))
                look_watch(f);
}

static void look_vault(struct doctor_facts *f, const char *data) {
        _clean_(call_freep) struct call *call = NULL;
        if (!f->daemon || call_new(&call, data, CALL_OWNER, &f->vault_error))
                return;
        if (!ask(f, call, OWNER_O_STATE, row_vault, &f->vault_error))
                f->vault = false;
        else if (!f->vault)
                call_error_set(&f->vault_error, EXIT_FAILED, "bad-answer", "Install one version of both",
                               "its answer holds no state");
        else if (f->vault_state.has_household)
                f->grants = look_grants(f, call);
}

/* The folder the other commands ask; if it is not there, the one a daemon of this user would make: while it is down,
 * no socket tells that it exists. */
static int find_dir(const char *data, struct buf *ret) {
        int r = dir_find(ret, data);
        if (r || data || access(buf_cstr(ret), F_OK) == 0)
                return r;
        buf_clear(ret);
        return dir_find_new(ret, NULL);
}

int doctor_look(struct cli *c, struct doctor_facts *ret) {
        int r = find_dir(c->data, &ret->dir);
        if (r == DIR_E_LONG)
                return cli_usage(c, "use a shorter --data DIR",
                                 "the path of the data folder is too long for a socket in it");
        if (r)
                return cli_usage(c, "name it with --data DIR", "no data folder is given");
        ret->now = c->now;
        ret->uid = geteuid();
        look_folder(ret);
        look_files(ret);
        ret->device_key = look_key(ret);
        look_daemon(ret, buf_cstr(&ret->dir));
        look_vault(ret, buf_cstr(&ret->dir));
        return 0;
}
