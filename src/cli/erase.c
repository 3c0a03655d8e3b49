/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/erase.h"

#include "base/text.h"
#include "cli/clips.h"
#include "cli/owner.h"

#define ID_BYTES 32

void erase_fini(struct erase *e) {
        buf_fini(&e->name);
        buf_fini(&e->records);
        buf_fini(&e->followed);
        buf_fini(&e->grants);
        buf_fini(&e->clips);
        buf_fini(&e->copies);
        buf_fini(&e->unreached);
}

/* ---- records ---- */

static bool is_own(const struct erase *e, struct span household) {
        return e->name.n && span_eq(household, buf_span(&e->name));
}

static void take_alert(struct erase *e, const struct wire_c_alert *m) {
        bool in_force = m->state != STATE_RETRACTED && m->state != STATE_EXPIRED;
        if (m->mine && in_force)
                buf_add(&e->records, m->id);
        else if (!m->mine && in_force && (m->confirms || m->disputes || m->comments))
                buf_add(&e->followed, m->id);
}

static int row_record(struct cli *c, const struct call_row *row, void *arg) {
        struct erase *e = arg;
        (void)c;
        if (row->number == CONTROL_MEMBER_ROW && row->m->c_member.mine) {
                buf_clear(&e->name);
                buf_add(&e->name, row->m->c_member.name);
        } else if (row->number == CONTROL_ALERT_ROW) {
                take_alert(e, &row->m->c_alert);
        } else if (row->number == CONTROL_ASK_ROW && row->m->c_ask.mine && row->m->c_ask.state == STATE_ACTIVE) {
                buf_add(&e->records, row->m->c_ask.id);
        } else if (row->number == CONTROL_NOTICE_ROW && is_own(e, row->m->c_notice.household)) {
                buf_add(&e->records, row->m->c_notice.id);
        } else if (row->number == CONTROL_CLIP_ROW && row->m->c_clip.state != CLIP_STATE_DESTROYED) {
                buf_add(&e->clips, row->m->c_clip.id);
        }
        return 0;
}

static int row_follow(struct cli *c, const struct call_row *row, void *arg) {
        struct erase *e = arg;
        (void)c;
        if (row->number == CONTROL_FOLLOWED_ROW && is_own(e, row->m->c_followed.household))
                buf_add(&e->records, row->m->c_followed.id);
        return 0;
}

static int look_records(struct erase *e) {
        static const unsigned plain[] = {CONTROL_MEMBERS, CONTROL_NOTICES, CONTROL_CLIPS};
        const union frame_message nothing = {0};
        struct wire_c_filter all = {0};
        struct wire_c_asks asks = {0};
        int r = 0;
        for (size_t i = 0; !r && i < ARRAY_LEN(plain); i++)
                r = cli_ask(e->c, plain[i], &nothing, row_record, e);
        WIRE_PUT(&all, C_FILTER, since, 1);
        WIRE_PUT(&all, C_FILTER, muted, true);
        WIRE_PUT(&asks, C_ASKS, muted, true);
        if (!r)
                r = cli_ask(e->c, CONTROL_NEARBY, &all, row_record, e);
        if (!r)
                r = cli_ask(e->c, CONTROL_ASKS, &asks, row_record, e);
        return r ? r : cli_show_each(e->c, buf_span(&e->followed), row_follow, e);
}

/* ---- what the vault has ---- */

static void put_unreached(struct erase *e, const struct wire_o_granted *g) {
        _clean_(buf_fini) struct buf name = BUF_NULL;
        if (WIRE_HAS(g, O_GRANTED, name))
                text_show(&name, g->name, false);
        else
                text_hex(&name, span_of(g->household.p, 4));
        buf_printf(&e->unreached, "%s%s", e->n_unreached++ ? ", " : "", buf_cstr(&name));
}

static int row_grant(struct cli *c, const struct call_row *row, void *arg) {
        struct ledger_page *p = arg;
        struct erase *e = CONTAINER_OF(p, struct erase, page);
        (void)c;
        if (row->number != OWNER_O_GRANTED_ROW)
                return 0;
        const struct wire_o_granted *g = &row->m->o_granted;
        p->next = g->line + 1;
        switch ((enum wire_e_granted)g->state) {
        case GRANTED_OPEN:
        case GRANTED_RELEASED:
        case GRANTED_COMPLETE:
                buf_add(&e->grants, g->grant);
                return 0;
        case GRANTED_OVERDUE:
                put_unreached(e, g);
                return 0;
        case GRANTED_REVOKED:
                if (g->released)
                        put_unreached(e, g);
                return 0;
        case GRANTED_DELETED:
        case GRANTED_EXPIRED:
        case GRANTED_DESTROYED:
        case GRANTED_BROKEN_OFF:
                return 0;
        }
        return 0;
}

int erase_look_grants(struct erase *e) {
        buf_clear(&e->grants);
        buf_clear(&e->unreached);
        e->n_unreached = 0;
        e->page = (struct ledger_page){0};
        return ledger_pages(e->c, e->a, OWNER_O_GRANTS, row_grant, &e->page);
}

static int row_copy(struct cli *c, const struct call_row *row, void *arg) {
        struct erase *e = arg;
        (void)c;
        if (row->number != OWNER_O_KEY_ROW || row->m->o_key.what != HOLDER_COPY)
                return 0;
        text_show(&e->copies, row->m->o_key.name, false);
        buf_add_u8(&e->copies, '\n');
        e->n_copies++;
        return 0;
}

static int row_source(struct cli *c, const struct call_row *row, void *arg) {
        struct erase *e = arg;
        (void)c;
        if (row->number != CONTROL_SOURCE_ROW || !clips_source_there(&row->m->c_source))
                return 0;
        text_show(&e->copies, row->m->c_source.path, false);
        buf_add_u8(&e->copies, '\n');
        e->n_copies++;
        return 0;
}

static int look_copies(struct erase *e) {
        _clean_(call_freep) struct call *owner = NULL;
        struct wire_c_none none = {0};
        int r = owner_open(e->c, &owner);
        if (!r)
                r = cli_ask(e->c, CONTROL_CLIP_SOURCES, &none, row_source, e);
        for (size_t at = 0; !r && at + ID_BYTES <= e->clips.n; at += ID_BYTES) {
                _clean_(buf_fini) struct buf id = BUF_NULL;
                text_hex(&id, span_of(e->clips.p + at, ID_BYTES));
                struct wire_o_about m = {.id = buf_span(&id)};
                r = owner_ask(e->c, owner, OWNER_O_WHO, &m, _("asking the vault"), row_copy, e);
        }
        return r;
}

int erase_look(struct erase *e) {
        int r = look_records(e);
        if (!r)
                r = erase_look_grants(e);
        if (!r)
                r = look_copies(e);
        if (!r && !(buf_ok(&e->records) && buf_ok(&e->followed) && buf_ok(&e->grants) && buf_ok(&e->clips)))
                r = cli_fail(e->c, EXIT_FAILED, "out-of-memory", "", "out of memory");
        return r;
}
