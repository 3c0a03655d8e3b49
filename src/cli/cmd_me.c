/* SPDX-License-Identifier: Apache-2.0 */
/*
 * me export: all that this home holds about its own household, to read: a JSON object a line, {"what":…,"is":{…}}, where `is` is what
 * the command of that name prints with --json. What others posted is left out, and so is every key: a key is for `backup`.
 */
#include "cli/clip_fetch.h"
#include "cli/clips.h"

#include "base/text.h"
#include "cli/ledger.h"
#include "cli/options.h"
#include "cli/outfile.h"
#include "cli/owner.h"
#include "wire/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ID_BYTES 32
#define DEVICE_MAX 33
#define PATIENCE_S 8 /* for a clip of another device, while nothing of it comes */

struct elsewhere { /* a clip whose bytes are not on this device, or not whole */
        uint8_t id[ID_BYTES];
        uint64_t state;
        char device[DEVICE_MAX]; /* empty: this one */
};

struct export {
        struct cli *c;
        const struct args *a;
        struct call *owner; /* NULL: the household's key is on another device */
        struct out_file file;
        struct buf name;     /* the household's, as rows say it */
        struct buf followed; /* ids of alerts that others or this home have followed */
        struct buf clips;    /* ids of clips that are here */
        struct buf others;   /* struct elsewhere */
        unsigned left_out;   /* clips that DIR lacks */
        struct ledger_page page;
        uint64_t rows;
};

/* ---- a line ---- */

static int put(struct export *e, const char *what, const struct call_row *row) {
        _clean_(buf_fini) struct buf line = BUF_NULL;
        buf_printf(&line, "{\"what\":\"%s\",\"is\":", what);
        json_message(&line, row->row->desc, row->m);
        buf_add_str(&line, "}\n");
        if (!buf_ok(&line))
                return cli_fail(e->c, EXIT_FAILED, "out-of-memory", "", "out of memory");
        e->rows++;
        return outfile_write(e->c, &e->file, buf_span(&line));
}

static bool is_own(const struct export *e, struct span household) {
        return e->name.n && span_eq(household, buf_span(&e->name));
}

/* ---- what the daemon has ---- */

static int row_member(struct export *e, const struct call_row *row) {
        if (!row->m->c_member.mine)
                return 0;
        buf_clear(&e->name);
        buf_add(&e->name, row->m->c_member.name);
        return put(e, "household", row);
}

static int own_alert(struct export *e, const struct call_row *row) {
        const struct wire_c_alert *m = &row->m->c_alert;
        if (m->confirms || m->disputes || m->comments)
                buf_add(&e->followed, m->id);
        return m->mine ? put(e, "alert", row) : 0;
}

static int row_follow(struct export *e, const struct call_row *row) {
        bool own = row->number == CONTROL_FOLLOWED_ROW && is_own(e, row->m->c_followed.household);
        return own ? put(e, "follow-up", row) : 0;
}

static int row_clip(struct export *e, const struct call_row *row) {
        const struct wire_c_clip *m = &row->m->c_clip;
        struct elsewhere other = {.state = m->state};
        if (m->state == CLIP_STATE_HERE) {
                buf_add(&e->clips, m->id);
        } else if (m->state != CLIP_STATE_DESTROYED) {
                memcpy(other.id, m->id.p, sizeof(other.id));
                if (WIRE_HAS(m, C_CLIP, device))
                        snprintf(other.device, sizeof(other.device), "%.*s", (int)m->device.n,
                                 (const char *)m->device.p);
                buf_add(&e->others, span_of(&other, sizeof(other)));
        }
        return put(e, "clip", row);
}

static int row_any(struct cli *c, const struct call_row *row, void *arg) {
        struct export *e = arg;
        (void)c;
        switch (row->number) {
        case CONTROL_STATUS_ROW:
                return put(e, "status", row);
        case CONTROL_MESH_ROW:
                return put(e, "mesh", row);
        case CONTROL_MEMBER_ROW:
                return row_member(e, row);
        case CONTROL_DEVICE_ROW:
                return put(e, "device", row);
        case CONTROL_CODE_ROW:
                return put(e, "device-code", row);
        case CONTROL_TICKET_ROW:
                return put(e, "ticket", row);
        case CONTROL_PLACE_ROW:
                return put(e, "place", row);
        case CONTROL_MUTE_ROW:
                return put(e, "mute", row);
        case CONTROL_SETTING_ROW:
                return put(e, "setting", row);
        case CONTROL_CAMERA_ROW:
                return put(e, "camera", row);
        case CONTROL_CLIP_ROW:
                return row_clip(e, row);
        case CONTROL_ALERT_ROW:
                return own_alert(e, row);
        case CONTROL_FOLLOWED_ROW:
                return row_follow(e, row);
        case CONTROL_ASK_ROW:
                return row->m->c_ask.mine ? put(e, "ask", row) : 0;
        case CONTROL_NOTICE_ROW:
                return is_own(e, row->m->c_notice.household) ? put(e, "notice", row) : 0;
        default:
                return 0;
        }
}

static int row_only_follow(struct cli *c, const struct call_row *row, void *arg) {
        (void)c;
        return row_follow(arg, row);
}

static int export_daemon(struct export *e) {
        static const unsigned plain[] = {CONTROL_STATUS,  CONTROL_MESH,    CONTROL_MEMBERS, CONTROL_DEVICES,
                                         CONTROL_CODES,   CONTROL_INVITES, CONTROL_PLACES,  CONTROL_MUTES,
                                         CONTROL_CAMERAS, CONTROL_CLIPS,   CONTROL_NOTICES};
        const union frame_message nothing = {0};
        struct wire_c_filter all = {0};
        struct wire_c_asks asks = {0};
        int r = 0;
        for (size_t i = 0; !r && i < ARRAY_LEN(plain); i++)
                r = cli_ask(e->c, plain[i], &nothing, row_any, e);
        WIRE_PUT(&all, C_FILTER, since, 1);
        WIRE_PUT(&all, C_FILTER, muted, true);
        WIRE_PUT(&asks, C_ASKS, muted, true);
        if (!r)
                r = cli_ask(e->c, CONTROL_CONFIG, &nothing, row_any, e);
        if (!r)
                r = cli_ask(e->c, CONTROL_NEARBY, &all, row_any, e);
        if (!r)
                r = cli_ask(e->c, CONTROL_ASKS, &asks, row_any, e);
        return r ? r : cli_show_each(e->c, buf_span(&e->followed), row_only_follow, e);
}

/* ---- what the vault has ---- */

static int row_line(struct cli *c, const struct call_row *row, void *arg) {
        struct ledger_page *p = arg;
        struct export *e = CONTAINER_OF(p, struct export, page);
        (void)c;
        if (row->number == OWNER_O_GRANTED_ROW) {
                p->next = row->m->o_granted.line + 1;
                return put(e, "grant", row);
        }
        if (row->number != OWNER_O_ENTRY_ROW)
                return 0;
        p->next = row->m->o_entry.n + 1;
        return put(e, "ledger", row);
}

static int export_vault(struct export *e) {
        static const unsigned lists[] = {OWNER_O_GRANTS, OWNER_O_LEDGER};
        struct wire_o_state state;
        int r = owner_open(e->c, &e->owner);
        if (!r)
                r = owner_state(e->c, e->owner, &state);
        if (!r && !state.has_household) {
                cli_note(e->c, "the ledger and grants are on the household's main device: run this there, too");
                e->owner = call_free(e->owner);
                return 0;
        }
        for (size_t i = 0; !r && i < ARRAY_LEN(lists); i++) {
                e->page = (struct ledger_page){0};
                r = ledger_pages(e->c, e->a, lists[i], row_line, &e->page);
        }
        return r;
}

/* ---- the clips themselves ---- */

static int export_clip(struct export *e, const char *dir, const uint8_t id[ID_BYTES]) {
        _clean_(buf_fini) struct buf hex = BUF_NULL, path = BUF_NULL;
        text_hex(&hex, span_of(id, ID_BYTES));
        buf_printf(&path, "%s/%s", dir, buf_cstr(&hex));
        return clip_get_file(e->c, e->a, e->owner, buf_cstr(&hex), buf_cstr(&path));
}

/* In FILE and on stderr, so that nobody takes DIR for all there is. */
static int leave_out(struct export *e, const struct elsewhere *k) {
        _clean_(buf_fini) struct buf line = BUF_NULL, hex = BUF_NULL, device = BUF_NULL;
        const char *state = wire_enum_text(&wire_clip_state_enum, k->state);
        text_hex(&hex, span_of(k->id, ID_BYTES));
        buf_printf(&line, "{\"what\":\"left-out\",\"is\":{\"id\":\"%s\",\"state\":\"%s\"", buf_cstr(&hex), state);
        if (*k->device) {
                buf_add_str(&line, ",\"device\":");
                json_string(&line, span_str(k->device));
        }
        buf_add_str(&line, "}}\n");
        text_show(&device, span_str(k->device), false);
        if (*k->device)
                cli_note(e->c, "left out: clip %s, which is on %s (%s)", buf_cstr(&hex), buf_cstr(&device), state);
        else
                cli_note(e->c, "left out: clip %s, whose bytes are not all here", buf_cstr(&hex));
        e->left_out++;
        e->rows++;
        return outfile_write(e->c, &e->file, buf_span(&line));
}

/* Those of other devices come over, if these are there. One that lets this wait in vain is not waited for again. */
static int export_others(struct export *e, const char *dir) {
        char off[DEVICE_MAX] = "";
        const struct elsewhere *all = (const struct elsewhere *)(const void *)e->others.p;
        for (size_t i = 0; i < e->others.n / sizeof(*all); i++) {
                _clean_(buf_fini) struct buf hex = BUF_NULL;
                const struct elsewhere *k = &all[i];
                bool here = false, may = k->state == CLIP_STATE_AWAY && strcmp(off, k->device) != 0;
                text_hex(&hex, span_of(k->id, ID_BYTES));
                int r = may ? clip_coming_try(e->c, buf_cstr(&hex), PATIENCE_S, &here) : 0;
                if (may && !r && !here)
                        memcpy(off, k->device, sizeof(off));
                if (!r)
                        r = here ? export_clip(e, dir, k->id) : leave_out(e, k);
                if (r)
                        return r;
        }
        return 0;
}

static int export_clips(struct export *e, const char *dir) {
        if (!e->owner)
                return cli_fail(e->c, EXIT_REFUSED, "no-household", "run it on the main device",
                                "the vault that opens clips is not on this device");
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
                return cli_fail(e->c, EXIT_FAILED, "cannot-write", "check the path and its rights", "%s: %s", dir,
                                strerror(errno));
        for (size_t at = 0; at + ID_BYTES <= e->clips.n; at += ID_BYTES) {
                int r = export_clip(e, dir, e->clips.p + at);
                if (r)
                        return r;
        }
        return export_others(e, dir);
}

/* ---- the command ---- */

static int tell_left_out(const struct export *e) {
        return cli_fail(e->c, EXIT_FAILED, "clips-left-out",
                        "switch the other devices on and run it again with --force; FILE names each that is left out",
                        "%u clips are not in the folder; all the rest is written", e->left_out);
}

static int tell(const struct export *e) {
        _clean_(buf_fini) struct buf path = BUF_NULL;
        text_show(&path, span_str(e->file.path), false);
        cli_note(e->c, "%s: %llu rows about this household, in the clear", buf_cstr(&path),
                 (unsigned long long)e->rows);
        return e->left_out ? tell_left_out(e) : 0;
}

static int run_export(struct cli *c, const struct args *a) {
        struct export e = {.c = c, .a = a, .file = OUT_FILE_NULL};
        const char *clips = args_text(a, OPT_WITH_CLIPS);
        e.file.path = a->words[0];
        e.file.force = args_has(a, OPT_FORCE);
        int r = outfile_look(c, &e.file);
        if (!r)
                r = outfile_open(c, &e.file);
        if (!r)
                r = export_daemon(&e);
        if (!r)
                r = export_vault(&e);
        if (!r && clips)
                r = export_clips(&e, clips);
        if (!r)
                r = outfile_keep(c, &e.file);
        if (!r)
                r = tell(&e);
        outfile_fini(&e.file);
        call_free(e.owner);
        buf_fini(&e.name);
        buf_fini(&e.followed);
        buf_fini(&e.clips);
        buf_fini(&e.others);
        return r;
}

static const struct option export_options[] = {
        {OPT_WITH_CLIPS, "with-clips", "DIR", N_("also each clip, in the clear, as a file in DIR"), OPTION_FILE},
        {OPT_FORCE, "force", NULL, N_("write over FILE"), OPTION_FLAG},
        OPTION_ROW_PASSPHRASE_FILE,
        OPTION_END,
};

const struct command command_me_export = {
        .group = "me",
        .name = "export",
        .synopsis = "FILE [--with-clips DIR]",
        .brief = N_("all that this home holds about your household"),
        .help = N_("Posts, confirmations and comments, asks, notices, clips' manifests, cameras,\n"
                   "places, mutes, settings, tickets, devices, grants and the ledger: a JSON object\n"
                   "a line, {\"what\":…,\"is\":{…}}. What others wrote is not in it, nor is any key:\n"
                   "those are in a `backup`. The file is in the clear; its mode lets you alone\n"
                   "read it.\n"
                   "\n"
                   "--with-clips opens every clip into DIR. The vault writes a line into the ledger\n"
                   "for each, and asks for the passphrase unless it is unlocked. Clips of your other\n"
                   "devices are fetched. Of one that is off they are left out: each is named, in\n"
                   "FILE, too (\"left-out\"), and the exit code is 1.\n"
                   "\nExample:\n  porchlight me export about-me.jsonl\n"),
        .options = export_options,
        .min_words = 1,
        .max_words = 1,
        .takes = WORD_FILE,
        .run = run_export,
};
