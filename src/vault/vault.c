/* SPDX-License-Identifier: Apache-2.0 */
/* See vault.h: the table of requests, the daemon's side, and the one deadline. */
#include "vault/vault.h"

#include "base/log.h"
#include "base/text.h"
#include "vault/ballot.h"
#include "vault/rule.h"
#include "vault/transfer.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
        enum wire_owner number;
        void (*handle)(struct vault *v, struct vault_peer *p, const union frame_message *m, mesh_time now);
} requests[] = {
        {OWNER_O_CREATE, on_create},
        {OWNER_O_JOIN, on_join},
        {OWNER_O_STATE, on_state},
        {OWNER_O_OP, on_op},
        {OWNER_O_GO, on_go},
        {OWNER_O_UNLOCK, on_unlock},
        {OWNER_O_LOCK, on_lock},
        {OWNER_O_PASSPHRASE, on_passphrase},
        {OWNER_O_DEVICE_JOIN, on_device_join},
        {OWNER_O_BACKUP, on_backup},
        {OWNER_O_FETCH, on_fetch},
        {OWNER_O_KEPT, on_kept},
        {OWNER_O_GIVE, on_give},
        {OWNER_O_RESTORE, on_restore},
        {OWNER_O_GRANT, on_grant},
        {OWNER_O_ACCEPT, on_accept},
        {OWNER_O_REVOKE, on_revoke},
        {OWNER_O_DESTROY, on_destroy},
        {OWNER_O_GRANTS, on_grants},
        {OWNER_O_LEDGER, on_ledger},
        {OWNER_O_VERIFY, on_verify},
        {OWNER_O_LEGAL, on_legal},
        {OWNER_O_READ, on_read},
        {OWNER_O_CHUNK, on_chunk},
        {OWNER_O_WHO, on_who},
        {OWNER_O_EXPORT, on_export},
        {OWNER_O_RULE, on_rule},
        {OWNER_O_RULES, on_rules},
        {OWNER_O_RULE_END, on_rule_end},
};

static const struct {
        enum wire_owner number;
        void (*handle)(struct vault *v, const union frame_message *m, mesh_time now);
} daemon_messages[] = {
        {OWNER_V_DEVICE, on_device},       {OWNER_V_RESULT, on_result},   {OWNER_V_OPS, on_ops},
        {OWNER_V_OPS_END, on_ops_end},     {OWNER_V_READY, on_ready},     {OWNER_B_DEVICE, on_b_device},
        {OWNER_B_LINK_KEY, on_b_link_key}, {OWNER_B_ADDR, on_b_addr},     {OWNER_B_HOME, on_b_home},
        {OWNER_B_MUTE, on_b_mute},         {OWNER_B_PLACE, on_b_place},   {OWNER_B_OP, on_b_op},
        {OWNER_V_CLIP, on_clip},           {OWNER_V_RECEIPT, on_receipt}, {OWNER_V_KEY, on_key},
        {OWNER_V_ATTEST, on_attest},       {OWNER_V_OVER, on_over},       {OWNER_V_PAPERS, on_papers},
        {OWNER_V_PURGE, on_purge},         {OWNER_B_CAMERA, on_b_camera}, {OWNER_V_ASKED, on_asked},
        {OWNER_V_OWN_KEY, on_own_key},
};

const struct vault_error_row *vault_error(enum vault_error e) {
        static const struct vault_error_row rows[] = {
#define VAULT_ERROR_X(NAME, exit_, name_, message_, hint_) [VAULT_NO_##NAME] = {name_, message_, hint_, EXIT_##exit_},
                VAULT_ERRORS(VAULT_ERROR_X)
#undef VAULT_ERROR_X
        };
        REQUIRE(e != VAULT_OK && (size_t)e < ARRAY_LEN(rows));
        return &rows[e];
}

bool vault_refuse_said(struct vault_peer *p, enum vault_error e, const struct said *message, const struct said *hint) {
        const struct vault_error_row *row = vault_error(e);
        struct wire_c_error msg = {.name = span_str(row->name), .exit = row->exit};
        struct buf store[2] = {BUF_NULL, BUF_NULL};
        said_put(&msg, message, hint, store);
        if (!hint)
                WIRE_PUT(&msg, C_ERROR, hint, span_str(row->hint));
        frame_put(&p->out, wire_owner_find(OWNER_O_ERROR), &msg);
        for (size_t i = 0; i < ARRAY_LEN(store); i++)
                buf_fini(&store[i]);
        return false;
}

bool vault_refuse(struct vault_peer *p, enum vault_error e) {
        struct said message;
        said_plain(&message, vault_error(e)->message);
        return vault_refuse_said(p, e, &message, NULL);
}

bool vault_refuse_why(struct vault_peer *p, enum vault_error e, const char *fmt, ...) {
        struct said message;
        va_list ap;
        va_start(ap, fmt);
        said_vset(&message, fmt, ap);
        va_end(ap);
        return vault_refuse_said(p, e, &message, NULL);
}

bool vault_refuse_here(const struct vault *v, struct vault_peer *p) {
        _clean_(buf_fini) struct buf name = BUF_NULL;
        struct said message, hint;
        said_plain(&message, vault_error(VAULT_NO_NO_HOUSEHOLD)->message);
        text_show(&name, span_str(v->main), false);
        said_set(&hint, "do this on %s", buf_cstr(&name));
        return vault_refuse_said(p, VAULT_NO_NO_HOUSEHOLD, &message, v->main[0] && buf_ok(&name) ? &hint : NULL);
}

void vault_done(struct vault_peer *p, const char *warning) {
        struct wire_c_done done = {0};
        if (warning)
                WIRE_PUT(&done, C_DONE, warning, span_str(warning));
        frame_put(&p->out, wire_owner_find(OWNER_O_DONE), &done);
}

/* ---- the key file at the start ---- */

static enum vault_error read_error(int r) {
        switch (r) {
        case KEYFILE_E_MAGIC:
                return VAULT_NO_KEY_UNKNOWN;
        case KEYFILE_E_COST:
                return VAULT_NO_KEY_COST;
        }
        return VAULT_NO_KEY_DAMAGED;
}

static enum vault_error load_key(struct vault *v, struct span file, bool tightened) {
        int r = keyfile_decode(file, &v->key);
        if (r)
                return read_error(r);
        v->has_key = true;
        if (tightened)
                log_warning("DIR/vault/household could be read by others; it no longer can");
        return VAULT_OK;
}

int vault_init(struct vault *ret, const struct vault_io *io) {
        _clean_(buf_wipe) struct buf file = BUF_NULL;
        bool tightened = false;
        *ret = (struct vault){.io = io, .rescue_at = MESH_NEVER};
        int r = io->key_read(io->arg, &file, &tightened);
        if (r == KEYDISK_E_NONE)
                return 0;
        if (r == ERR_NOMEM)
                return r;
        if (r == KEYDISK_E_THING)
                ret->broken = VAULT_NO_KEY_THING;
        else
                ret->broken = r ? VAULT_NO_KEY_UNREAD : load_key(ret, buf_span(&file), tightened);
        if (!ret->broken && ret->has_key && !vault_key_void(ret) && vault_book_open(ret))
                return ERR_NOMEM;
        if (ret->broken) {
                const struct vault_error_row *row = vault_error(ret->broken);
                log_error("%s: %s; %s", row->name, row->message, row->hint);
        }
        return 0;
}

void vault_fini(struct vault *v) {
        if (v->unsaved)
                vault_key_save_state(v);
        vault_lock(v);
        ballot_drop(v);
        transfer_drop(v);
        v->renewal = renewal_free(v->renewal);
        v->witness = witness_free(v->witness);
        v->wanted = wanted_free(v->wanted);
        vault_book_close(v);
        buf_wipe(&v->to_daemon);
}

bool vault_may_ask(const struct vault *v, uint32_t uid) {
        return uid == 0 || uid == v->io->uid || uid == v->io->owner || (v->has_key && uid == v->key.owner);
}

/* ---- frames ---- */

void vault_request(struct vault *v, struct vault_peer *p, struct span body, mesh_time now) {
        const struct wire_number *row;
        union frame_message msg;
        struct codec_why why;
        if (v->unsaved)
                vault_key_save_state(v);
        if (frame_read(body, wire_owner_find, &row, &msg, &why)) {
                vault_refuse_why(p, VAULT_NO_BAD_REQUEST, "the request cannot be read: %s: %s: %s", why.message,
                                 why.field, why.what);
                return;
        }
        if (v->broken) {
                vault_refuse(p, v->broken);
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(requests); i++)
                if (requests[i].number == row->number) {
                        requests[i].handle(v, p, &msg, now);
                        return;
                }
        vault_refuse_why(p, VAULT_NO_BAD_REQUEST, "%s is not for the owner's tools to say", row->name);
}

void vault_daemon(struct vault *v, struct span body, mesh_time now) {
        const struct wire_number *row;
        union frame_message msg;
        struct codec_why why;
        if (frame_read(body, wire_owner_find, &row, &msg, &why)) {
                log_warning("the daemon's message cannot be read, ignoring it: %s: %s: %s", why.message, why.field,
                            why.what);
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(daemon_messages); i++)
                if (daemon_messages[i].number == row->number) {
                        daemon_messages[i].handle(v, &msg, now);
                        return;
                }
        log_warning("%s is not for the daemon to say, ignoring it", row->name);
}

/* ---- who waits, and how long ---- */

bool vault_ask(struct vault *v, struct vault_peer *p, enum vault_errand errand, enum wire_owner number, const void *msg,
               mesh_time now) {
        frame_put(&v->to_daemon, wire_owner_find(number), msg);
        if (!buf_ok(&v->to_daemon))
                return vault_refuse(p, VAULT_NO_MEMORY);
        v->errand = errand;
        v->asker = p;
        v->deadline = now + VAULT_ANSWER_MS;
        return true;
}

void vault_peer_gone(struct vault *v, const struct vault_peer *p) {
        if (v->asker == p)
                v->asker = NULL;
        if (v->ballot && v->ballot->peer == p)
                ballot_drop(v);
        if (v->transfer && v->transfer->peer == p)
                transfer_drop(v);
        if (checking_peer(v) == p)
                v->checking = checking_free(v->checking);
        reading_gone(v, p);
}

bool vault_holds(const struct vault *v, const struct vault_peer *p) {
        return v->asker == p || (v->ballot && v->ballot->peer == p) || checking_peer(v) == p || reading_on(v, p);
}

bool vault_keeps_others(const struct vault *v, const struct vault_peer *p) {
        return v->transfer && v->transfer->peer == p && v->transfer->stage != TRANSFER_GIVEN;
}

mesh_time vault_deadline(const struct vault *v) {
        mesh_time at = v->asker ? v->deadline : MESH_NEVER;
        if (ballot_asked(v))
                at = MIN(at, v->ballot->deadline);
        if (v->checking || (v->ballot && v->ballot->stage == BALLOT_WRITING))
                return 0;
        if (v->book)
                at = MIN(at, v->book_due);
        at = MIN(at, v->rescue_at);
        return v->open ? MIN(at, v->open_until) : at;
}

static void give_up_on_daemon(struct vault *v) {
        log_warning("the daemon has not answered for %d s, telling the owner", VAULT_ANSWER_MS / 1000);
        vault_refuse(v->asker, VAULT_NO_DAEMON_SILENT);
        vault_peer_gone(v, v->asker);
}

static void give_up_on_owner(struct vault *v) {
        vault_refuse(v->ballot->peer, VAULT_NO_UNCONFIRMED);
        ballot_drop(v);
}

void vault_tick(struct vault *v, mesh_time now) {
        if (v->open && now >= v->open_until)
                vault_lock(v);
        if (v->asker && now >= v->deadline)
                give_up_on_daemon(v);
        if (ballot_asked(v) && now >= v->ballot->deadline)
                give_up_on_owner(v);
        if (v->ballot && v->ballot->stage == BALLOT_WRITING)
                consent_more(v, now);
        if (v->checking)
                checking_more(v);
        if (v->book && now >= v->book_due)
                book_tick(v, now);
        if (v->book && now >= v->rescue_at)
                rescue_try(v, now);
}
