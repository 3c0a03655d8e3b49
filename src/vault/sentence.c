/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's own words for what it is about to sign, in the language its asker reads (catalogue.h). The asker names the
 * language and no word more. All that others chose (names, reasons) stands between quotation marks and cannot leave them;
 * every home is named with as much of its id as no other home has.
 *
 * Each sentence is one text, for languages order their words each in their own way.
 */
#include "base/text.h"
#include "vault/ballot.h"
#include "vault/catalogue.h"
#include "vault/consent.h"

#include <time.h>

#define ID_DIGITS_MIN 8
#define SHOWN_MAX 200    /* bytes of a text, its control characters spelt out: the sentence has room for that */
#define NAMED_MAX 5      /* of the homes that go along; */
#define NAMED_UNTIL 1000 /* and none behind this many bytes */

/* ---- ids ---- */

static size_t digits_shared(const uint8_t a[32], const uint8_t b[32]) {
        size_t i = 0;
        while (i < 32 && a[i] == b[i])
                i++;
        return i == 32 ? 2 * i : 2 * i + (a[i] >> 4 == b[i] >> 4);
}

static void put_id(struct buf *out, const uint8_t id[32], size_t digits) {
        _clean_(buf_fini) struct buf hex = BUF_NULL;
        text_hex(&hex, span_of(id, 32));
        buf_add(out, span_of(hex.p, MIN(hex.n, digits)));
}

void sentence_home_id(struct buf *out, const struct roster *r, const struct roster_home *home) {
        size_t digits = ID_DIGITS_MIN;
        const struct roster_home *h;
        for (size_t i = 0; (h = roster_home_at(r, i)); i++)
                if (!key_eq(&h->key, &home->key))
                        digits = MAX(digits, digits_shared(h->key.b, home->key.b) + 1);
        put_id(out, home->key.b, digits);
}

void sentence_proposal_id(struct buf *out, const struct roster *r, const struct hash *id) {
        size_t digits = ID_DIGITS_MIN;
        struct roster_proposal p;
        for (size_t i = 0; roster_proposal_at(r, i, &p); i++)
                if (!hash_eq(&p.id, id))
                        digits = MAX(digits, digits_shared(p.id.b, id->b) + 1);
        put_id(out, id->b, digits);
}

/* ---- what others chose ---- */

/* At most @max bytes of @s, and no part of a character. */
static struct span cut(struct span s, size_t max) {
        size_t n = MIN(s.n, max);
        while (n < s.n && n > 0 && (s.p[n] & 0xc0) == 0x80)
                n--;
        return span_of(s.p, n);
}

static void put_quoted(struct buf *out, struct span text) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        text_show(&shown, text, false);
        struct span s = cut(buf_span(&shown), SHOWN_MAX);
        buf_add_u8(out, '"');
        for (size_t i = 0; i < s.n; i++)
                buf_add_u8(out, s.p[i] == '"' ? '\'' : s.p[i]);
        buf_add_str(out, s.n < shown.n ? "…\"" : "\"");
}

/* ---- saying it ---- */

struct pen {
        struct buf *out;
        const struct catalogue *in; /* the language */
        const struct roster *r;     /* who is who */
};

static _printf_(2, 3) void tell(const struct pen *p, const char *fmt, ...) {
        va_list ap;
        va_start(ap, fmt);
        buf_vprintf(p->out, catalogue_text(p->in, fmt), ap);
        va_end(ap);
}

/* The form that stands with @n. */
static _printf_(2, 5)
        _printf_(3, 5) void tell_count(const struct pen *p, const char *one, const char *many, size_t n, ...) {
        va_list ap;
        va_start(ap, n);
        buf_vprintf(p->out, catalogue_count(p->in, one, many, n), ap);
        va_end(ap);
}

/* A part that was made before its sentence: where it failed the sentence has. */
static const char *part(const struct pen *p, struct buf *made) {
        const char *text = buf_cstr(made);
        p->out->failed = p->out->failed || !buf_ok(made);
        return text;
}

static const char *quoted(const struct pen *p, struct buf *store, struct span text) {
        put_quoted(store, text);
        return part(p, store);
}

static const char *home(const struct pen *p, struct buf *store, const struct roster_home *h) {
        put_quoted(store, span_str(h->name));
        buf_add_str(store, " (");
        sentence_home_id(store, p->r, h);
        buf_add_str(store, ")");
        return part(p, store);
}

static const char *mesh(const struct pen *p, struct buf *store) {
        text_show(store, span_str(roster_mesh_name(p->r)), false);
        return part(p, store);
}

static const char *proposal(const struct pen *p, struct buf *store, const struct hash *id) {
        sentence_proposal_id(store, p->r, id);
        return part(p, store);
}

/* ---- parts of sentences ---- */

/* Names those who go along, and counts the rest. */
static void tell_homes(const struct pen *p, const struct roster_home *const *homes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                _clean_(buf_fini) struct buf store = BUF_NULL;
                if (i == NAMED_MAX || p->out->n > NAMED_UNTIL) {
                        tell_count(p, " and %zu more", " and %zu more", n - i, n - i);
                        return;
                }
                if (i && i + 1 == n)
                        tell(p, " and ");
                else if (i)
                        buf_add_str(p->out, ", ");
                buf_add_str(p->out, home(p, &store, homes[i]));
        }
}

/* The first of a proposal's targets is the home it is about. */
static void tell_company(const struct pen *p, const struct hash *id) {
        const struct roster_home *homes[1 + NAMED_MAX];
        size_t n = roster_targets(p->r, id, homes, ARRAY_LEN(homes));
        if (n < 2) {
                tell(p, " It brought no other home that would go with it.");
                return;
        }
        tell_count(p, " With it goes %zu home that it brought: ", " With it go %zu homes that it and they brought: ",
                   n - 1, n - 1);
        tell_homes(p, homes + 1, n - 1);
        buf_add_str(p->out, ".");
}

/* The two ways a vote can be won by, one of which is enough. */
static void tell_ways(const struct pen *p, const struct roster_ways *w) {
        _clean_(buf_fini) struct buf stewards = BUF_NULL, homes = BUF_NULL;
        const struct pen left = {&stewards, p->in, p->r}, right = {&homes, p->in, p->r};
        tell_count(&left, "%u of %u steward", "%u of %u stewards", w->stewards_needed, w->stewards, w->stewards_needed);
        tell_count(&right, "%u of %u home", "%u of %u homes", w->homes_needed, w->homes, w->homes_needed);
        tell(p, " Then there are %s, or %s: either is enough.", part(p, &stewards), part(p, &homes));
}

static void tell_votes(const struct pen *p, const struct ballot *b) {
        const struct ballot_count *c = &b->count;
        bool either = !c->in_force && c->ways.stewards_needed, endorse = b->type == OP_ENDORSE;
        if (c->votes == 0 && !either)
                tell(p, " Your vote counts once more homes of your part of the mesh give theirs; %u needed.",
                     c->needed);
        else if (c->votes && endorse && c->in_force)
                tell(p, " With yours, %u of the %u votes needed are there: it takes effect at once.", c->votes,
                     c->needed);
        else if (c->votes && endorse)
                tell(p, " With yours, %u of the %u votes needed are there.", c->votes, c->needed);
        else if (c->votes && c->in_force)
                tell(p, " Your vote counts as %u of the %u needed: it takes effect at once.", c->votes, c->needed);
        else if (c->votes)
                tell(p, " Your vote counts as %u of the %u needed.", c->votes, c->needed);
        if (either)
                tell_ways(p, &c->ways);
}

static void tell_lost(const struct pen *p) {
        tell(p, " All that this home keeps of the mesh is then removed from it: the household's key, every post, its "
                "tickets, neighbours, mutes and places.");
}

/* ---- sentences ---- */

static void tell_proposal(const struct pen *p, const struct ballot *b, const struct hash *op) {
        _clean_(buf_fini) struct buf store = BUF_NULL, name = BUF_NULL, reason = BUF_NULL;
        const char *who = home(p, &store, b->target), *where = mesh(p, &name);
        if (b->type == OP_PROMOTE)
                tell(p, "Make the household %s a steward of %s?", who, where);
        else if (b->type == OP_DEMOTE)
                tell(p, "Make the steward %s an ordinary home of %s again?", who, where);
        else if (b->type == OP_RETURN)
                tell(p, "Let the removed household %s return to %s?", who, where);
        else
                tell(p, "Remove the household %s from %s?", who, where);
        if (b->type == OP_REMOVE && b->target->steward)
                tell(p, " It is a steward.");
        if (b->subtree)
                tell_company(p, op);
        if (b->reason.n)
                tell(p, " Reason, readable by every home: %s.", quoted(p, &reason, buf_span(&b->reason)));
        tell_votes(p, b);
}

static void tell_endorsed(const struct pen *p, const struct roster_proposal *of) {
        _clean_(buf_fini) struct buf id = BUF_NULL, by = BUF_NULL, target = BUF_NULL, name = BUF_NULL;
        const char *number = proposal(p, &id, &of->id), *whose = home(p, &by, of->by);
        const char *who = home(p, &target, of->target), *where = mesh(p, &name);
        if (of->type == OP_PROMOTE)
                tell(p, "Vote for proposal %s of %s: make the household %s a steward of %s?", number, whose, who,
                     where);
        else if (of->type == OP_DEMOTE)
                tell(p, "Vote for proposal %s of %s: make the steward %s an ordinary home of %s again?", number, whose,
                     who, where);
        else if (of->type == OP_RETURN)
                tell(p, "Vote for proposal %s of %s: let the removed household %s return to %s?", number, whose, who,
                     where);
        else
                tell(p, "Vote for proposal %s of %s: remove the household %s from %s?", number, whose, who, where);
}

static void tell_endorse(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf reason = BUF_NULL;
        struct roster_proposal of;
        if (!proposal_find(p->r, &b->proposal, &of))
                return;
        tell_endorsed(p, &of);
        if (proposal_subtree(p->r, &of))
                tell_company(p, &of.id);
        if (of.reason.n)
                tell(p, " Its reason: %s.", quoted(p, &reason, of.reason));
        tell_votes(p, b);
}

static void tell_over(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf store = BUF_NULL, name = BUF_NULL;
        const char *who = home(p, &store, b->self), *where = mesh(p, &name);
        if (b->self->left)
                tell(p, "The household %s has left %s. Forget it here?", who, where);
        else if (b->self->waits != ROSTER_WAITS_NOT)
                tell(p, "The household %s waits for a place in %s. Forget it here?", who, where);
        else
                tell(p, "The household %s was removed from %s. Forget it here?", who, where);
        tell_lost(p);
        if (!b->self->left && b->self->waits == ROSTER_WAITS_NOT)
                tell(p, " Should the others vote to let it return, it could not.");
}

static void tell_leave(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf store = BUF_NULL, name = BUF_NULL;
        const char *who = home(p, &store, b->self), *where = mesh(p, &name);
        tell(p,
             "Leave %s with the household %s and all its devices? Nobody can undo it: coming back takes a new "
             "invitation and makes a new household.",
             where, who);
        tell_lost(p);
        if (b->self->steward && roster_stewards(p->r) == 0 && roster_members(p->r))
                tell(p, " It is the only steward: the homes that stay decide by more than half of them all.");
}

static void tell_vouch(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf store = BUF_NULL, name = BUF_NULL, inviter = BUF_NULL;
        const char *who = home(p, &store, b->target), *where = mesh(p, &name);
        if (b->target->inviter)
                tell(p, "Vouch in %s for the household %s, which came on a ticket of %s?", where, who,
                     home(p, &inviter, b->target->inviter));
        else
                tell(p, "Vouch in %s for the household %s?", where, who);
        tell(p, " A home that two others vouch for stays when the one that brought it is removed with all it brought. "
                "Every home can read it, and it cannot be taken back.");
}

static void tell_code(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf store = BUF_NULL, name = BUF_NULL;
        const char *who = home(p, &store, b->self), *where = mesh(p, &name);
        tell(p,
             "Make a code with which one more device becomes a device of the household %s in %s? Whoever has the code "
             "posts and reads as this household, until you revoke that device. While nobody has used it, it can be "
             "taken back.",
             who, where);
}

static void tell_revoke(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf store = BUF_NULL, id = BUF_NULL, device = BUF_NULL;
        const char *who = home(p, &store, b->self), *which = quoted(p, &device, span_str(b->device->name));
        put_id(&id, b->device->sign.b, ID_DIGITS_MIN);
        tell(p,
             "Revoke the device %s (%s) of the household %s? It reads nothing that is posted from now on and posts "
             "nothing; what it has read it keeps, and what it has posted stands. Nobody can undo it: to come back it "
             "needs a new code and a new folder.",
             which, part(p, &id), who);
        if (b->device_keys)
                tell_count(p, " The key of %zu clip that you shared with it has left, and it may keep it.",
                           " The keys of %zu clips that you shared with it have left, and it may keep them.",
                           b->device_keys, b->device_keys);
}

static void tell_undo(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf store = BUF_NULL, name = BUF_NULL;
        const char *who = home(p, &store, b->target), *where = mesh(p, &name);
        tell(p,
             "Undo the invite of the household %s, which came to %s on a ticket of yours? It reads nothing that is "
             "posted afterwards, and posts nothing; what it has read it keeps. Its ticket is closed, and it comes back "
             "only by a vote for its return. Another home countersigns it, and it takes effect at once.",
             who, where);
}

void sentence_put(struct buf *out, const struct ballot *b, const struct roster *trial, const struct hash *op) {
        const struct pen p = {out, b->language, trial ? trial : b->roster};
        switch (b->type) {
        case OP_REMOVE:
        case OP_PROMOTE:
        case OP_DEMOTE:
        case OP_RETURN:
                tell_proposal(&p, b, op);
                return;
        case OP_ENDORSE:
                tell_endorse(&p, b);
                return;
        case OP_LEAVE:
                if (b->over)
                        tell_over(&p, b);
                else
                        tell_leave(&p, b);
                return;
        case OP_VOUCH:
                tell_vouch(&p, b);
                return;
        case OP_DEVICE_ADD:
                tell_code(&p, b);
                return;
        case OP_DEVICE_REVOKE:
                tell_revoke(&p, b);
                return;
        case OP_INVITE_UNDO:
                tell_undo(&p, b);
                return;
        case OP_GENESIS:
        case OP_ADD:
                return; /* not asked for by O_OP */
        }
}

void sentence_unfinished(struct buf *out, const struct ballot *b) {
        const struct pen p = {out, b->language, b->roster};
        tell(&p,
             "Give up joining? No home has let this one in yet, as far as it knows. The key that was made for that is "
             "removed, and nothing else is lost. Should a home have let it in, unheard, that place in the mesh stays "
             "taken until the others remove it.");
}

/* ---- clips ---- */

#define MINUTE 60
#define SHORT_MS UINT64_C(120000) /* below it in seconds */

/* As every language can read it. */
static const char *when(const struct pen *p, struct buf *store, mesh_wall at) {
        time_t t = (time_t)at;
        struct tm tm;
        localtime_r(&t, &tm);
        buf_printf(store, "%04d-%02d-%02d %02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min);
        return part(p, store);
}

static const char *clip_id(const struct pen *p, struct buf *store, const struct hash *id) {
        put_id(store, id->b, ID_DIGITS_MIN);
        return part(p, store);
}

static const char *how_large(const struct pen *p, struct buf *store, uint64_t size) {
        text_size(store, size);
        return part(p, store);
}

static const char *how_long(const struct pen *p, struct buf *store, uint64_t ms) {
        if (ms < SHORT_MS)
                buf_printf(store, "%llu s", (unsigned long long)(ms / 1000));
        else
                buf_printf(store, "%llu min", (unsigned long long)(ms / 1000 / MINUTE));
        return part(p, store);
}

/* That another device of this household took it in, which only its name in the vault's own fold can say. */
static void tell_device(const struct pen *p, const struct consent *c) {
        _clean_(buf_fini) struct buf name = BUF_NULL;
        struct key device;
        if (!c->away || !p->r)
                return;
        memcpy(device.b, c->m.device.p, sizeof(device));
        const struct roster_device *d = roster_device_find(p->r, &device);
        if (d)
                tell(p, " This household's device %s took it in.", quoted(p, &name, span_str(d->name)));
}

/* What it shows, as far as its manifest says. */
static void tell_clip(const struct pen *p, const struct consent *c) {
        _clean_(buf_fini) struct buf size = BUF_NULL, length = BUF_NULL, from = BUF_NULL, to = BUF_NULL,
                                     camera = BUF_NULL;
        const struct wire_manifest *m = &c->m;
        const char *large = how_large(p, &size, m->size);
        if (WIRE_HAS(m, MANIFEST, from))
                tell(p, " It shows what was from %s to %s", when(p, &from, m->from), when(p, &to, m->to));
        else
                tell(p, " It was taken in at %s", when(p, &from, m->created));
        if (c->camera.n)
                tell(p, ", by the camera %s", quoted(p, &camera, buf_span(&c->camera)));
        if (WIRE_HAS(m, MANIFEST, length))
                tell(p, ", plays for %s", how_long(p, &length, m->length));
        tell(p, " and has %s.", large);
        if (WIRE_HAS(m, MANIFEST, audio))
                tell(p, " It has sound.");
        tell_device(p, c);
}

static void tell_recipient(const struct pen *p, const struct ballot *b, const char *clip) {
        _clean_(buf_fini) struct buf who = BUF_NULL, id = BUF_NULL, where = BUF_NULL;
        size_t others = roster_members(p->r) - 1;
        if (b->consent->all) {
                const char *in = mesh(p, &where);
                tell_count(p, "Give the clip %s to the %zu other household that is in %s now?",
                           "Give the clip %s to each of the %zu other households that are in %s now?", others, clip,
                           others, in);
                return;
        }
        if (b->target) {
                tell(p, "Give the clip %s to the household %s?", clip, home(p, &who, b->target));
                return;
        }
        const char *name = quoted(p, &who, span_str(b->device->name));
        put_id(&id, b->device->sign.b, ID_DIGITS_MIN);
        tell(p, "Give the clip %s to this household's own device %s (%s)?", clip, name, part(p, &id));
}

static void tell_grant(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf id = BUF_NULL, purpose = BUF_NULL, until = BUF_NULL;
        const struct consent *c = b->consent;
        tell_recipient(p, b, clip_id(p, &id, &c->clip));
        tell_clip(p, c);
        tell(p, " For: %s.", quoted(p, &purpose, buf_span(&c->purpose)));
        tell(p,
             " Until %s; then copies are to be deleted. Whoever has the key can open the clip, and nobody can make "
             "them "
             "forget what they saw: taking the grant back stops only a key that has not left yet.",
             when(p, &until, c->expires));
}

static void tell_accept(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf id = BUF_NULL, who = BUF_NULL, purpose = BUF_NULL, until = BUF_NULL;
        const struct consent *c = b->consent;
        const char *owner = home(p, &who, b->target);
        tell(p, "Accept the clip %s of the household %s?", clip_id(p, &id, &c->clip), owner);
        tell_clip(p, c);
        tell(p, " For nothing but: %s.", quoted(p, &purpose, c->grant.purpose));
        tell(p,
             " Until %s; then every copy is deleted, and it is not passed on. Your household signs that, and the owner "
             "keeps the signature.",
             when(p, &until, c->grant.expires));
}

static void tell_revoke_grant(const struct pen *p, const struct ballot *b, bool released) {
        _clean_(buf_fini) struct buf id = BUF_NULL, grant = BUF_NULL, who = BUF_NULL;
        const struct consent *c = b->consent;
        const char *clip = clip_id(p, &id, &c->clip), *number = clip_id(p, &grant, &c->grant_id);
        tell(p, "Take back the grant %s of the clip %s to %s?", number, clip, quoted(p, &who, buf_span(&c->name)));
        if (released)
                tell(p,
                     " The key has left already: they can open what they have. They are told to delete it, and no key "
                     "is released to them again.");
        else
                tell(p, " The key has not left yet, and now never will.");
        tell(p, " The ledger keeps both.");
}

static void tell_destroy(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf id = BUF_NULL;
        const struct consent *c = b->consent;
        tell(p, "Destroy the clip %s?", clip_id(p, &id, &c->clip));
        tell_clip(p, c);
        tell(p,
             " Its key and its bytes are removed from this home, and nobody can bring them back. Keys that have left "
             "for other homes stay with them; the ledger keeps its lines.");
        if (c->shared)
                tell(p, " What you shared with your own devices is taken back: there key and copy go when that is "
                        "reached.");
        if (c->away)
                tell(p, " Another device of this household took it in: there its bytes go when that is reached.");
}

static void tell_export(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf id = BUF_NULL, file = BUF_NULL;
        const struct consent *c = b->consent;
        const char *clip = clip_id(p, &id, &c->clip);
        tell(p, "Write the clip %s into a bundle of evidence, the file %s?", clip,
             quoted(p, &file, buf_span(&c->file)));
        tell_clip(p, c);
        tell(p, " The bundle has the footage and its key in it: whoever gets the file can see it and pass it on, and "
                "no grant "
                "limits them. It also tells who has signed for the clip, and how they came into the mesh. Your ledger "
                "says that "
                "you made it.");
}

/* PROTOCOL 15.79: "Who makes a rule MUST be shown whom it names, which camera, how many have to ask, and its end" */
static void tell_rule(const struct pen *p, const struct ballot *b) {
        _clean_(buf_fini) struct buf camera = BUF_NULL, clip = BUF_NULL, soon = BUF_NULL, until = BUF_NULL;
        const struct consent *c = b->consent;
        const struct rule_wish *r = &c->rule;
        if (c->camera.n)
                tell(p, "Let these households have clips of the camera %s without asking you then: ",
                     quoted(p, &camera, buf_span(&c->camera)));
        else
                tell(p, "Let these households have clips of the camera that made the clip %s without asking you then: ",
                     clip_id(p, &clip, &c->clip));
        tell_homes(p, r->homes, r->n);
        tell(p,
             "? When at least %llu of them ask for the same clip, within %s after it was taken in, each that asks is "
             "granted it for 7 days. At most %llu clips, until %s.",
             (unsigned long long)r->quorum, how_long(p, &soon, r->ago * 1000), (unsigned long long)r->clips,
             when(p, &until, c->expires));
        tell(p, " Why they ask nobody checks; the ledger keeps it.");
        if (r->plain)
                tell(p, " Your household's key has no passphrase, so this works also after a restart, until "
                        "`porchlight policy end`.");
        else
                tell(p,
                     " Until then the vault keeps your household's key in its memory for this, also when it is locked "
                     "to everybody else; `porchlight vault lock`, `porchlight policy end` or a restart ends that.");
}

void sentence_consent(struct buf *out, const struct ballot *b, bool released) {
        const struct pen p = {out, b->language, b->roster};
        switch (b->consent->kind) {
        case CONSENT_GRANT:
                tell_grant(&p, b);
                return;
        case CONSENT_ACCEPT:
                tell_accept(&p, b);
                return;
        case CONSENT_REVOKE:
                tell_revoke_grant(&p, b, released);
                return;
        case CONSENT_DESTROY:
                tell_destroy(&p, b);
                return;
        case CONSENT_EXPORT:
                tell_export(&p, b);
                return;
        case CONSENT_RULE:
                tell_rule(&p, b);
                return;
        }
}
