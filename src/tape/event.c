/* SPDX-License-Identifier: Apache-2.0 */
#include "tape/event.h"

#include "crypto/hash.h"
#include "wire/codec.h"

static const char *const event_names[] = {
        [MESH_EV_RESTORE] = "restore",
        [MESH_EV_START] = "start",
        [MESH_EV_TICK] = "tick",
        [MESH_EV_LINK_UP] = "link-up",
        [MESH_EV_LINK_DOWN] = "link-down",
        [MESH_EV_RECV] = "recv",
        [MESH_EV_WRITABLE] = "writable",
        [MESH_EV_STORED] = "stored",
        [MESH_EV_LOADED] = "loaded",
        [MESH_EV_VERIFIED] = "verified",
        [MESH_EV_LISTENING] = "listening",
        [MESH_EV_LAN] = "lan",
        [MESH_EV_HEARD] = "heard",
        [MESH_EV_FOUND] = "found",
        [MESH_EV_JOIN] = "join",
        [MESH_EV_FORGET] = "forget",
        [MESH_EV_RECOVER] = "recover",
        [MESH_EV_REPLACE] = "replace",
        [MESH_EV_OP] = "op",
        [MESH_EV_PUBLISH] = "publish",
        [MESH_EV_INVITE] = "invite",
        [MESH_EV_REVOKE] = "revoke",
        [MESH_EV_DIAL] = "dial",
        [MESH_EV_REFRESH] = "refresh",
        [MESH_EV_STOP] = "stop",
        [MESH_EV_CODE] = "code",
        [MESH_EV_CLIP] = "clip",
        [MESH_EV_HAUL] = "haul",
        [MESH_EV_HAUL_SAY] = "haul-say",
        [MESH_EV_HAUL_END] = "haul-end",
        [MESH_EV_HELPER] = "helper",
        [MESH_EV_MET] = "met",
        [MESH_EV_RELAY] = "relay",
        [MESH_EV_LOOKED_UP] = "looked-up",
};
static const char *const action_names[] = {
        [MESH_DO_SEND] = "send",           [MESH_DO_DIAL] = "dial",       [MESH_DO_HANGUP] = "hangup",
        [MESH_DO_BEACON] = "beacon",       [MESH_DO_STORE] = "store",     [MESH_DO_LOAD] = "load",
        [MESH_DO_VERIFY] = "verify",       [MESH_DO_REPLY] = "reply",     [MESH_DO_HANDED] = "handed",
        [MESH_DO_STATE] = "state",         [MESH_DO_TRACE] = "trace",     [MESH_DO_HAUL_UP] = "haul-up",
        [MESH_DO_HAUL_DOWN] = "haul-down", [MESH_DO_HAUL] = "haul",       [MESH_DO_MEET] = "meet",
        [MESH_DO_TELL] = "tell",           [MESH_DO_LOOK_UP] = "look-up",
};
static const char *const row_names[MESH_ROW_KINDS] = {
        [MESH_ROW_MARK] = "mark",       [MESH_ROW_JOIN] = "join",     [MESH_ROW_OP] = "op",
        [MESH_ROW_EPOCH] = "epoch",     [MESH_ROW_REVOKE] = "revoke", [MESH_ROW_TICKET] = "ticket",
        [MESH_ROW_CONTACT] = "contact", [MESH_ROW_ADDR] = "addr",     [MESH_ROW_PROOF] = "proof",
        [MESH_ROW_RECORD] = "record",   [MESH_ROW_CODE] = "code",     [MESH_ROW_SLOTS] = "slots",
        [MESH_ROW_CLIP] = "clip",
};

const char *tape_event_name(enum mesh_event_type t) {
        return event_names[t];
}

const char *tape_action_name(enum mesh_action_type t) {
        return action_names[t];
}

/* ---- rows ---- */

static void walk_enum(struct walk *w, const char *name, const struct wire_enum *e, uint8_t *v) {
        const char *word = w->view ? wire_enum_text(e, *v) : NULL;
        if (word)
                walk_word(w, name, word);
        else
                WALK_NUM(w, name, *v);
}

/* A plaintext: only STORE has one, so that nobody reads it back. */
static void walk_plain(struct walk *w, const char *name, const struct wire_desc *d, const void *msg) {
        _clean_(buf_wipe) struct buf bytes = BUF_NULL;
        if (msg)
                codec_encode(d, msg, &bytes);
        struct span s = buf_span(&bytes);
        walk_span(w, name, WALK_TEXT, &s);
}

static void walk_record(struct walk *w, struct mesh_row *row) {
        walk_enum(w, "type", &wire_record_enum, &row->record.type);
        walk_enum(w, "class", &wire_class_enum, &row->record.klass);
        WALK_ARRAY(w, "id", WALK_NAME, row->record.id.b);
        WALK_ARRAY(w, "device", WALK_NAME, row->record.device.b);
        WALK_ARRAY(w, "household", WALK_NAME, row->record.household.b);
        WALK_ARRAY(w, "signer", WALK_NAME, row->record.signer.b);
        WALK_ARRAY(w, "target", WALK_NAME, row->record.target.b);
        WALK_AS(w, "created", WALK_TIME, row->record.created);
        WALK_AS(w, "expires", WALK_TIME, row->record.expires);
        WALK_NUM(w, "day", row->record.day);
        WALK_NUM(w, "index", row->record.index);
        WALK_NUM(w, "mine", row->record.mine);
        WALK_NUM(w, "own", row->record.own);
        WALK_NUM(w, "sensor", row->record.sensor);
        WALK_NUM(w, "voided", row->record.voided);
        WALK_NUM(w, "sealed", row->record.sealed);
        WALK_ARRAY(w, "epoch", WALK_NAME, row->record.epoch);
        walk_span(w, "bytes", WALK_BYTES, &row->record.bytes);
        walk_plain(w, "alert", &wire_alert_desc, row->record.alert);
        walk_plain(w, "follow", &wire_follow_desc, row->record.follow);
        walk_plain(w, "notice", &wire_notice_desc, row->record.notice);
        walk_plain(w, "ask", &wire_ask_desc, row->record.ask);
}

static void walk_epoch(struct walk *w, struct mesh_row *row) {
        WALK_ARRAY(w, "id", WALK_NAME, row->epoch.id);
        walk_span(w, "header", WALK_BYTES, &row->epoch.header);
        WALK_NUM(w, "has-key", row->epoch.has_key);
        WALK_ARRAY(w, "key", WALK_SECRET, row->epoch.key.b);
        WALK_NUM(w, "day", row->epoch.day);
        walk_span(w, "left", WALK_BYTES, &row->epoch.left);
        WALK_ARRAY(w, "link-key", WALK_SECRET, row->epoch.link_key.b);
        WALK_AS(w, "since", WALK_TIME, row->epoch.since);
}

static void walk_row(struct walk *w, struct mesh_row *row) {
        if (!w->view)
                WALK_NUM(w, "row", row->kind);
        else
                walk_word(w, "row", row_names[row->kind]);
        switch (row->kind) {
        case MESH_ROW_MARK:
                WALK_AS(w, "time", WALK_TIME, row->mark.wall);
                return;
        case MESH_ROW_JOIN:
                walk_span(w, "op", WALK_BYTES, &row->join.op);
                walk_span(w, "ticket", WALK_SECRET, &row->join.ticket);
                return;
        case MESH_ROW_OP:
                WALK_ARRAY(w, "id", WALK_NAME, row->op.id.b);
                walk_span(w, "bytes", WALK_BYTES, &row->op.bytes);
                return;
        case MESH_ROW_EPOCH:
                walk_epoch(w, row);
                return;
        case MESH_ROW_REVOKE:
                WALK_ARRAY(w, "id", WALK_NAME, row->revoke.id.b);
                WALK_AS(w, "expires", WALK_TIME, row->revoke.expires);
                walk_span(w, "bytes", WALK_BYTES, &row->revoke.bytes);
                return;
        case MESH_ROW_TICKET:
                WALK_ARRAY(w, "id", WALK_NAME, row->ticket.id.b);
                walk_span(w, "text", WALK_SECRET, &row->ticket.text);
                walk_span(w, "label", WALK_TEXT, &row->ticket.label);
                WALK_NUM(w, "revoked", row->ticket.revoked);
                return;
        case MESH_ROW_CONTACT:
                WALK_ARRAY(w, "device", WALK_NAME, row->contact.device.b);
                WALK_NUM(w, "seq", row->contact.seq);
                walk_span(w, "bytes", WALK_BYTES, &row->contact.bytes);
                return;
        case MESH_ROW_ADDR:
                walk_addr(w, "addr", &row->addr.addr);
                WALK_ARRAY(w, "device", WALK_NAME, row->addr.device.b);
                WALK_NUM(w, "manual", row->addr.manual);
                WALK_NUM(w, "gone", row->addr.gone);
                return;
        case MESH_ROW_PROOF:
                WALK_ARRAY(w, "id", WALK_NAME, row->proof.id.b);
                WALK_AS(w, "expires", WALK_TIME, row->proof.expires);
                walk_span(w, "bytes", WALK_BYTES, &row->proof.bytes);
                return;
        case MESH_ROW_RECORD:
                walk_record(w, row);
                return;
        case MESH_ROW_CODE:
                WALK_ARRAY(w, "id", WALK_NAME, row->code.id.b);
                WALK_NUM(w, "share", row->code.share);
                WALK_AS(w, "made", WALK_TIME, row->code.made);
                WALK_AS(w, "expires", WALK_TIME, row->code.expires);
                WALK_NUM(w, "revoked", row->code.revoked);
                return;
        case MESH_ROW_SLOTS:
                walk_enum(w, "class", &wire_class_enum, &row->slots.klass);
                WALK_NUM(w, "day", row->slots.day);
                WALK_NUM(w, "next", row->slots.next);
                return;
        case MESH_ROW_CLIP:
                WALK_ARRAY(w, "id", WALK_NAME, row->clip.id.b);
                WALK_NUM(w, "seq", row->clip.seq);
                walk_span(w, "manifest", WALK_BYTES, &row->clip.manifest);
                walk_span(w, "sealed", WALK_SECRET, &row->clip.sealed);
                walk_span(w, "camera", WALK_TEXT, &row->clip.camera);
                WALK_NUM(w, "as-is", row->clip.as_is);
                WALK_NUM(w, "gone", row->clip.gone);
                return;
        case MESH_ROW_KINDS:
                break;
        }
        w->failed = true;
}

/* ---- events ---- */

static void walk_loaded(struct walk *w, struct mesh_event *ev) {
        struct mesh_loaded *items = (struct mesh_loaded *)ev->loaded.items;
        walk_array(w, "items", (void **)&items, &ev->loaded.n, sizeof(*items), sizeof(items->id) + 2);
        ev->loaded.items = items;
        for (size_t i = 0; !w->view && i < ev->loaded.n; i++) {
                WALK_ARRAY(w, "id", WALK_NAME, items[i].id.b);
                walk_span(w, "bytes", WALK_BYTES, &items[i].bytes);
                WALK_NUM(w, "damaged", items[i].damaged);
        }
}

static void walk_verified(struct walk *w, struct mesh_event *ev) {
        bool *good = (bool *)ev->verified.good;
        size_t bad = 0;
        walk_array(w, "items", (void **)&good, &ev->verified.n, sizeof(*good), 1);
        ev->verified.good = good;
        for (size_t i = 0; i < ev->verified.n; i++)
                if (!w->view)
                        WALK_NUM(w, "good", good[i]);
                else
                        bad += !good[i];
        if (w->view)
                WALK_NUM(w, "bad", bad);
}

static void walk_addrs(struct walk *w, const struct mesh_addr **at, size_t *n) {
        struct mesh_addr *addrs = (struct mesh_addr *)*at;
        walk_array(w, "addrs", (void **)&addrs, n, sizeof(*addrs), sizeof(addrs->ip) + 2);
        *at = addrs;
        for (size_t i = 0; !w->view && i < *n; i++)
                walk_addr(w, "addr", &addrs[i]);
}

static void walk_names(struct walk *w, struct wire_list *names) {
        WALK_NUM(w, "names", names->count);
        walk_span(w, "name", WALK_ADDRESS, &names->items);
}

static void walk_listening(struct walk *w, struct mesh_event *ev) {
        walk_addrs(w, &ev->listening.addrs, &ev->listening.n);
        WALK_NUM(w, "outside", ev->listening.outside);
        WALK_NUM(w, "hidden", ev->listening.hidden);
        WALK_NUM(w, "udp-port", ev->listening.udp_port);
        walk_names(w, &ev->listening.names);
}

static void walk_lan(struct walk *w, struct mesh_event *ev) {
        WALK_NUM(w, "networks", ev->lan.n);
        if (ev->lan.n > MESH_LANS_MAX)
                w->failed = true;
        for (size_t i = 0; !w->failed && !w->view && i < ev->lan.n; i++)
                WALK_NUM(w, "port", ev->lan.ports[i]);
}

static void walk_ways(struct walk *w, struct mesh_recover *r) {
        struct mesh_way *ways = (struct mesh_way *)r->ways;
        walk_array(w, "ways", (void **)&ways, &r->n_ways, sizeof(*ways), sizeof(struct key));
        r->ways = ways;
        for (size_t i = 0; !w->view && i < r->n_ways; i++) {
                walk_addr(w, "addr", &ways[i].addr);
                WALK_ARRAY(w, "device", WALK_NAME, ways[i].device.b);
                WALK_NUM(w, "manual", ways[i].manual);
        }
}

static void walk_recover(struct walk *w, struct mesh_recover *r) {
        struct key *keys = (struct key *)r->keys;
        struct span *ops = (struct span *)r->ops;
        WALK_ARRAY(w, "mesh", WALK_NAME, r->mesh.b);
        WALK_ARRAY(w, "household", WALK_NAME, r->household.b);
        WALK_ARRAY(w, "device", WALK_NAME, r->device.b);
        WALK_ARRAY(w, "noise", WALK_SECRET, r->noise.b);
        walk_array(w, "keys", (void **)&keys, &r->n_keys, sizeof(*keys), sizeof(*keys));
        r->keys = keys;
        for (size_t i = 0; !w->view && i < r->n_keys; i++)
                WALK_ARRAY(w, "key", WALK_SECRET, keys[i].b);
        walk_ways(w, r);
        walk_array(w, "ops", (void **)&ops, &r->n_ops, sizeof(*ops), 1);
        r->ops = ops;
        for (size_t i = 0; !w->view && i < r->n_ops; i++)
                walk_span(w, "op", WALK_BYTES, &ops[i]);
}

static void walk_draft(struct walk *w, struct mesh_draft *d) {
        walk_enum(w, "type", &wire_record_enum, &d->type);
        walk_enum(w, "kind", &wire_kind_enum, &d->kind);
        walk_enum(w, "severity", &wire_severity_enum, &d->severity);
        walk_enum(w, "urgency", &wire_urgency_enum, &d->urgency);
        walk_enum(w, "certainty", &wire_certainty_enum, &d->certainty);
        walk_enum(w, "status", &wire_status_enum, &d->status);
        walk_enum(w, "doing", &wire_doing_enum, &d->doing);
        walk_enum(w, "precision", &wire_precision_enum, &d->precision);
        WALK_NUM(w, "sensor", d->sensor);
        WALK_AS(w, "cell", WALK_PLACE, d->cell);
        WALK_NUM(w, "expires-in", d->expires_in);
        walk_span(w, "text", WALK_TEXT, &d->text);
        walk_span(w, "clips", WALK_TEXT, &d->clips);
        WALK_ARRAY(w, "target", WALK_NAME, d->target.b);
        WALK_AS(w, "from", WALK_TIME, d->from);
        WALK_AS(w, "to", WALK_TIME, d->to);
        WALK_NUM(w, "radius", d->radius);
}

static void walk_footage(struct walk *w, struct mesh_footage *f) {
        WALK_AS(w, "from", WALK_TIME, f->from);
        WALK_AS(w, "to", WALK_TIME, f->to);
        WALK_AS(w, "cell", WALK_PLACE, f->cell);
        WALK_ARRAY(w, "camera", WALK_NAME, f->camera.b);
        walk_enum(w, "media", &wire_media_enum, &f->media);
        WALK_NUM(w, "audio", f->audio);
        WALK_NUM(w, "as-is", f->as_is);
        WALK_NUM(w, "length", f->length);
        WALK_NUM(w, "size", f->size);
        WALK_ARRAY(w, "salt", WALK_NAME, f->salt);
        WALK_ARRAY(w, "hashes", WALK_NAME, f->hashes.b);
        WALK_ARRAY(w, "commit", WALK_NAME, f->commit.b);
        WALK_ARRAY(w, "parent", WALK_NAME, f->parent.b);
        walk_span(w, "changes", WALK_TEXT, &f->changes);
        walk_span(w, "sealed", WALK_SECRET, &f->sealed);
        walk_span(w, "name", WALK_TEXT, &f->name);
}

static void walk_invite(struct walk *w, struct mesh_event *ev) {
        walk_span(w, "label", WALK_TEXT, &ev->invite.label);
        WALK_NUM(w, "uses", ev->invite.uses);
        WALK_NUM(w, "expires-in", ev->invite.expires_in);
        WALK_AS(w, "cell", WALK_PLACE, ev->invite.cell);
        WALK_NUM(w, "addrs", ev->invite.addrs.count);
        walk_span(w, "addr", WALK_ADDRESS, &ev->invite.addrs.items);
}

/* About footage, papers say who shows what to whom, and a box has a key in it; porchlight-ice speaks of addresses. */
static void walk_message(struct walk *w, uint8_t *number, struct span *map) {
        WALK_NUM(w, "number", *number);
        walk_span(w, "map", WALK_SECRET, map);
}

static void walk_payload(struct walk *w, struct tape_event *e) {
        struct mesh_event *ev = &e->ev;
        switch (ev->type) {
        case MESH_EV_RESTORE:
                ev->restore = &e->row;
                walk_row(w, &e->row);
                return;
        case MESH_EV_LINK_UP:
                walk_addr(w, "addr", &ev->up.addr);
                WALK_NUM(w, "dialled", ev->up.dialled);
                WALK_NUM(w, "lan", ev->up.lan);
                return;
        case MESH_EV_RECV:
                walk_span(w, "bytes", WALK_BYTES, &ev->recv);
                return;
        case MESH_EV_WRITABLE:
                WALK_NUM(w, "backlog", ev->writable.backlog);
                return;
        case MESH_EV_STORED:
                WALK_NUM(w, "ok", ev->stored.ok);
                return;
        case MESH_EV_LOADED:
                walk_loaded(w, ev);
                return;
        case MESH_EV_VERIFIED:
                walk_verified(w, ev);
                return;
        case MESH_EV_LISTENING:
                walk_listening(w, ev);
                return;
        case MESH_EV_LAN:
                walk_lan(w, ev);
                return;
        case MESH_EV_HEARD:
                walk_addr(w, "from", &ev->heard.from);
                walk_span(w, "datagram", WALK_BYTES, &ev->heard.datagram);
                return;
        case MESH_EV_FOUND:
                walk_span(w, "op", WALK_BYTES, &ev->found.op);
                return;
        case MESH_EV_REPLACE:
        case MESH_EV_OP:
                walk_span(w, "op", WALK_BYTES, &ev->operation.op);
                return;
        case MESH_EV_JOIN:
                walk_span(w, "op", WALK_BYTES, &ev->join.op);
                walk_span(w, "ticket", WALK_SECRET, &ev->join.ticket);
                walk_span(w, "name", WALK_TEXT, &ev->join.name);
                walk_span(w, "seal", WALK_BYTES, &ev->join.seal);
                return;
        case MESH_EV_RECOVER:
                ev->recover = &e->recover;
                walk_recover(w, &e->recover);
                return;
        case MESH_EV_PUBLISH:
                ev->draft = &e->draft;
                walk_draft(w, &e->draft);
                return;
        case MESH_EV_CLIP:
                ev->footage = &e->footage;
                walk_footage(w, &e->footage);
                return;
        case MESH_EV_INVITE:
                walk_invite(w, ev);
                return;
        case MESH_EV_REVOKE:
                WALK_ARRAY(w, "id", WALK_NAME, ev->revoke.id.b);
                return;
        case MESH_EV_CODE:
                WALK_ARRAY(w, "id", WALK_NAME, ev->code.id.b);
                WALK_NUM(w, "share", ev->code.share);
                WALK_AS(w, "expires", WALK_TIME, ev->code.expires);
                return;
        case MESH_EV_DIAL:
                walk_addr(w, "addr", &ev->dial.addr);
                return;
        case MESH_EV_REFRESH:
                walk_span(w, "ticket", WALK_SECRET, &ev->refresh.ticket);
                return;
        case MESH_EV_HAUL:
                WALK_ARRAY(w, "device", WALK_NAME, ev->haul.device.b);
                return;
        case MESH_EV_HAUL_SAY:
                walk_message(w, &ev->say.number, &ev->say.map);
                return;
        case MESH_EV_HELPER:
                WALK_NUM(w, "there", ev->helper.there);
                return;
        case MESH_EV_MET: /* passwords of a meeting, and where a home is */
                walk_message(w, &ev->met.number, &ev->met.map);
                return;
        case MESH_EV_RELAY:
                WALK_NUM(w, "quota", ev->relay.quota);
                return;
        case MESH_EV_LOOKED_UP:
                WALK_ARRAY(w, "device", WALK_NAME, ev->looked_up.device.b);
                walk_addrs(w, &ev->looked_up.addrs, &ev->looked_up.n);
                return;
        case MESH_EV_START:
        case MESH_EV_TICK:
        case MESH_EV_LINK_DOWN:
        case MESH_EV_HAUL_END:
        case MESH_EV_FORGET:
        case MESH_EV_STOP:
                return;
        }
        w->failed = true;
}

/* Link 0 and token 0 are none. */
static void walk_event(struct walk *w, struct tape_event *e) {
        if (!w->view) {
                WALK_NUM(w, "type", e->ev.type);
                WALK_NUM(w, "now", e->ev.now);
                WALK_AS(w, "wall", WALK_TIME, e->ev.wall);
        }
        if (!w->view || e->ev.link)
                WALK_NUM(w, "link", e->ev.link);
        if (!w->view || e->ev.token)
                WALK_NUM(w, "token", e->ev.token);
        if (!w->view || e->ev.more)
                WALK_NUM(w, "more", e->ev.more);
        if (!w->failed)
                walk_payload(w, e);
}

/* The walk may write where it reads, so it gets a copy of what the event points to. */
static void copy_event(struct tape_event *e, const struct mesh_event *ev) {
        e->ev = *ev;
        if (ev->type == MESH_EV_RESTORE)
                e->row = *ev->restore;
        if (ev->type == MESH_EV_RECOVER)
                e->recover = *ev->recover;
        if (ev->type == MESH_EV_PUBLISH)
                e->draft = *ev->draft;
        if (ev->type == MESH_EV_CLIP)
                e->footage = *ev->footage;
}

void tape_put_event(struct buf *out, const struct mesh_event *ev) {
        struct tape_event e;
        struct walk w = {.out = out};
        copy_event(&e, ev);
        walk_event(&w, &e);
        if (CHECK_FAILS(!w.failed))
                out->failed = true;
}

bool tape_get_event(struct span in, struct tape_event *ret) {
        ret->walk = (struct walk){.in = in};
        walk_event(&ret->walk, ret);
        return walk_ok(&ret->walk);
}

void tape_event_fini(struct tape_event *e) {
        walk_free(&e->walk);
        *e = (struct tape_event){0};
}

void tape_show_event(const struct mesh_event *ev, const struct walk_view *view) {
        struct tape_event e;
        struct walk w = {.view = view};
        copy_event(&e, ev);
        walk_event(&w, &e);
}

/* ---- what a core is born with ---- */

static void walk_config(struct walk *w, struct mesh_config *c) {
        WALK_ARRAY(w, "sign-seed", WALK_SECRET, c->sign_seed);
        WALK_ARRAY(w, "noise-secret", WALK_SECRET, c->noise_secret.b);
        WALK_ARRAY(w, "seal-secret", WALK_SECRET, c->seal_secret.b);
        WALK_AS(w, "built", WALK_TIME, c->built);
        WALK_ARRAY(w, "seed", WALK_SECRET, c->seed);
}

void tape_put_config(struct buf *out, const struct mesh_config *cfg) {
        struct mesh_config c = *cfg;
        struct walk w = {.out = out};
        walk_config(&w, &c);
        hash_wipe(&c, sizeof(c));
}

bool tape_get_config(struct span in, struct mesh_config *ret) {
        struct walk w = {.in = in};
        walk_config(&w, ret);
        return walk_ok(&w);
}

/* ---- actions ---- */

static void walk_verify(struct walk *w, struct mesh_action *a) {
        WALK_NUM(w, "items", a->verify.n);
        for (size_t i = 0; !w->view && i < a->verify.n; i++) {
                struct mesh_verify v = a->verify.items[i];
                WALK_ARRAY(w, "pub", WALK_NAME, v.pub.b);
                WALK_ARRAY(w, "what", WALK_NAME, v.what.b);
                WALK_ARRAY(w, "sig", WALK_BYTES, v.sig);
                WALK_NUM(w, "domain", v.domain);
        }
}

static void walk_load(struct walk *w, struct mesh_action *a) {
        WALK_NUM(w, "items", a->load.n);
        for (size_t i = 0; !w->view && i < a->load.n; i++) {
                struct hash id = a->load.ids[i];
                WALK_ARRAY(w, "id", WALK_NAME, id.b);
        }
}

static void walk_reply(struct walk *w, struct mesh_action *a) {
        if (w->view)
                walk_word(w, "outcome", mesh_outcome(a->reply.outcome)->name);
        else
                WALK_NUM(w, "outcome", a->reply.outcome);
        WALK_ARRAY(w, "id", WALK_NAME, a->reply.id.b);
        walk_span(w, "text", WALK_SECRET, &a->reply.text);
        WALK_AS(w, "expires", WALK_TIME, a->reply.expires);
        WALK_NUM(w, "urgent", a->reply.urgent);
        WALK_NUM(w, "news", a->reply.news);
}

/* What the core says of itself has words and numbers of the program's own, as a log has; it is shown as it is. */
static void walk_trace(struct walk *w, struct mesh_action *a) {
        _clean_(buf_fini) struct buf line = BUF_NULL;
        if (w->view) {
                buf_add(&line, a->trace);
                walk_word(w, "line", buf_cstr(&line));
        } else {
                walk_span(w, "line", WALK_TEXT, &a->trace);
        }
}

static void walk_deed(struct walk *w, struct mesh_action *a) {
        struct mesh_row row;
        uint8_t reason;
        switch (a->type) {
        case MESH_DO_SEND:
                walk_span(w, "bytes", WALK_BYTES, &a->send);
                return;
        case MESH_DO_DIAL:
                walk_addr(w, "addr", &a->dial);
                return;
        case MESH_DO_HANGUP:
                reason = (uint8_t)a->hangup;
                walk_enum(w, "reason", &wire_reason_enum, &reason);
                return;
        case MESH_DO_BEACON:
                walk_span(w, "beacons", WALK_BYTES, &a->beacons);
                return;
        case MESH_DO_STORE:
                row = *a->store;
                walk_row(w, &row);
                return;
        case MESH_DO_LOAD:
                walk_load(w, a);
                return;
        case MESH_DO_VERIFY:
                walk_verify(w, a);
                return;
        case MESH_DO_REPLY:
                walk_reply(w, a);
                return;
        case MESH_DO_HANDED:
                WALK_ARRAY(w, "id", WALK_NAME, a->handed.id.b);
                WALK_NUM(w, "homes", a->handed.homes);
                return;
        case MESH_DO_STATE:
                return;
        case MESH_DO_TRACE:
                walk_trace(w, a);
                return;
        case MESH_DO_HAUL_UP:
                WALK_ARRAY(w, "device", WALK_NAME, a->haul_up.device.b);
                WALK_ARRAY(w, "household", WALK_NAME, a->haul_up.household.b);
                WALK_NUM(w, "dialled", a->haul_up.dialled);
                return;
        case MESH_DO_HAUL:
                walk_message(w, &a->haul.number, &a->haul.map);
                return;
        case MESH_DO_MEET:
                WALK_NUM(w, "calls", a->meet.calls);
                walk_addr(w, "doorstep", &a->meet.doorstep);
                return;
        case MESH_DO_TELL:
                walk_message(w, &a->tell.number, &a->tell.map);
                return;
        case MESH_DO_LOOK_UP:
                WALK_ARRAY(w, "device", WALK_NAME, a->look_up.device.b);
                walk_names(w, &a->look_up.names);
                return;
        case MESH_DO_HAUL_DOWN:
                return;
        }
}

static void walk_action(struct walk *w, const struct mesh_action *action) {
        struct mesh_action a = *action;
        if (!w->view)
                WALK_NUM(w, "type", a.type);
        if (!w->view || a.link)
                WALK_NUM(w, "link", a.link);
        if (!w->view || a.token)
                WALK_NUM(w, "token", a.token);
        walk_deed(w, &a);
}

bool tape_digest(const struct mesh_action *a, struct buf *scratch, uint8_t ret[TAPE_DIGEST]) {
        struct hash h;
        struct walk w = {.out = scratch};
        buf_clear(scratch);
        walk_action(&w, a);
        if (!buf_ok(scratch))
                return false;
        hash_make(&h, DOMAIN_RECORDING, NULL, buf_span(scratch));
        memcpy(ret, h.b, TAPE_DIGEST);
        return true;
}

void tape_show_action(const struct mesh_action *a, const struct walk_view *view) {
        struct walk w = {.view = view};
        walk_action(&w, a);
}
