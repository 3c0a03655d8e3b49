/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a whole bundle shows, in sentences for a judge or an insurer; and what neither this one nor any other can. The
 * English ones are the same for every verifier, to the letter: contrib/verifier prints them too, and a test compares.
 */
#include "proof/proof.h"

#include "base/lang.h"
#include "base/text.h"
#include "base/when.h"

struct telling {
        const struct proof *p;
        bool translate;
        proof_claim_fn fn;
        void *arg;
        struct buf text;
        int r; /* of @fn, or ERR_NOMEM */
};

__attribute__((format_arg(2))) static const char *in_words(const struct telling *t, const char *english) {
        return t->translate ? _(english) : english;
}

#define SAY(t, english, ...) buf_printf(&(t)->text, in_words(t, english), __VA_ARGS__)
#define SAY_PLAIN(t, english) buf_add_str(&(t)->text, in_words(t, english))

static void tell(struct telling *t, enum wire_e_claim claim, enum wire_e_proven state) {
        struct wire_o_claim w = {.v = 1, .claim = claim, .state = state, .text = buf_span(&t->text)};
        if (!t->r)
                t->r = buf_ok(&t->text) ? t->fn(t->arg, &w) : ERR_NOMEM;
        buf_clear(&t->text);
}

struct when {
        char text[32];
};

static struct when when(mesh_wall at) {
        struct when w = {""};
        _clean_(buf_fini) struct buf b = BUF_NULL;
        when_rfc3339(&b, at);
        memcpy(w.text, buf_cstr(&b), MIN(b.n + 1, sizeof(w.text) - 1));
        return w;
}

struct hex {
        char text[65];
};

static struct hex hex(const uint8_t id[32]) {
        static const char digits[] = "0123456789abcdef";
        struct hex h = {""};
        for (size_t i = 0; i < 32; i++) {
                h.text[2 * i] = digits[id[i] >> 4];
                h.text[2 * i + 1] = digits[id[i] & 0xf];
        }
        return h;
}

typedef unsigned long long count;

/* ---- whose it is ---- */

static void tell_mesh(struct telling *t, const struct hash *with) {
        const struct proof *p = t->p;
        if (with)
                SAY(t, N_("This is about the mesh \"%s\", which has the id you gave."), p->roll.mesh_name);
        else
                SAY(t,
                    N_("The mesh calls itself \"%s\", and its id is %s. Compare that with what another of its homes "
                       "says: anybody can found a mesh."),
                    p->roll.mesh_name, hex(p->mesh.b).text);
        tell(t, CLAIM_MESH, with ? PROVEN_PROVEN : PROVEN_NOT_PROVEN);
}

static void tell_bytes(struct telling *t) {
        const struct proof *p = t->p;
        SAY(t, N_("The clip of %llu bytes is, byte for byte, what the device \"%s\" signed on %s."), (count)p->m.size,
            p->device->name, when(p->m.created).text);
        tell(t, CLAIM_BYTES, PROVEN_PROVEN);
}

static void tell_device(struct telling *t) {
        const struct roll_device *d = t->p->device;
        SAY(t, N_("That device was certified on %s as a device of the household \"%s\", whose key is %s."),
            when(d->since).text, d->home->name, hex(d->home->key.b).text);
        tell(t, CLAIM_DEVICE, PROVEN_PROVEN);
}

static void tell_household(struct telling *t) {
        const struct roll_home *h = t->p->device->home;
        if (h->ticket)
                SAY(t,
                    N_("The household \"%s\" came into the mesh on %s, on a ticket of the household \"%s\", let in by "
                       "a "
                       "device of the household \"%s\"."),
                    h->name, when(h->joined).text, h->ticket->name, h->let_in->name);
        else
                SAY(t, N_("The household \"%s\" founded the mesh on %s."), h->name, when(h->joined).text);
        tell(t, CLAIM_HOUSEHOLD, PROVEN_PROVEN);
}

static void tell_member(struct telling *t) {
        const struct custody_word *w = &t->p->custody.latest;
        if (w->by)
                SAY(t,
                    N_("It was a member still on %s: the household \"%s\" signed terms for this clip then, and a vault "
                       "signs them only for a member that owns the clip."),
                    when(w->at).text, w->by->name);
        else
                SAY_PLAIN(t,
                          N_("That it was a member still when it signed: no other household has signed for this clip, "
                             "and a bundle could leave out that it was removed."));
        tell(t, CLAIM_MEMBER, w->by ? PROVEN_PROVEN : PROVEN_NOT_PROVEN);
}

/* ---- when ---- */

static void tell_not_earlier(struct telling *t) {
        const struct custody_word *w = &t->p->newest;
        if (w->by)
                SAY(t,
                    N_("The clip was not taken in before %s: its device named a record that the household \"%s\" "
                       "signed "
                       "then."),
                    when(w->at).text, w->by->name);
        else
                SAY_PLAIN(t, N_("That it was not taken in earlier than it says: no record of another household that it "
                                "names is in the bundle."));
        tell(t, CLAIM_NOT_EARLIER, w->by ? PROVEN_PROVEN : PROVEN_NOT_PROVEN);
}

static void tell_not_later(struct telling *t) {
        const struct custody_word *w = &t->p->custody.earliest;
        if (w->by)
                SAY(t, N_("The clip was there by %s: the household \"%s\" signed a paper then that names it."),
                    when(w->at).text, w->by->name);
        else
                SAY_PLAIN(t, N_("By when it was there: no other household has signed a paper that names it."));
        tell(t, CLAIM_NOT_LATER, w->by ? PROVEN_PROVEN : PROVEN_NOT_PROVEN);
}

/* ---- what became of it ---- */

static void tell_custody(struct telling *t) {
        const struct custody *c = &t->p->custody;
        SAY(t,
            N_("The owner's ledger has, from line %llu to line %llu, %llu lines about this clip. None is changed, and "
               "they are in their order. %llu lines between them are not shown, and stand there as hashes."),
            (count)c->first, (count)c->chain.n - 1, (count)c->shown, (count)c->hidden);
        tell(t, CLAIM_CUSTODY, PROVEN_PROVEN);
}

static void tell_papers(struct telling *t) {
        const struct custody *c = &t->p->custody;
        SAY(t,
            N_("Each paper in these lines is signed by whom it names; grants: %llu, receipts: %llu, words of devices "
               "that had the clip: %llu."),
            (count)c->grants, (count)c->receipts, (count)c->attests);
        tell(t, CLAIM_PAPERS, PROVEN_PROVEN);
}

static void tell_export(struct telling *t) {
        SAY(t, N_("The household put this bundle together on %s, by its own clock, and signed all of it."),
            when(t->p->created).text);
        tell(t, CLAIM_EXPORT, PROVEN_PROVEN);
}

static void tell_sound(struct telling *t) {
        SAY_PLAIN(t, WIRE_HAS(&t->p->m, MANIFEST, audio)
                             ? N_("The device signed that the clip's sound was kept.")
                             : N_("The device signed that no sound was kept, or that there was none."));
        tell(t, CLAIM_SOUND, PROVEN_PROVEN);
}

static void tell_original(struct telling *t) {
        _clean_(buf_fini) struct buf changes = BUF_NULL;
        const struct wire_manifest *m = &t->p->m;
        if (WIRE_HAS(m, MANIFEST, parent)) {
                buf_add(&changes, m->changes);
                SAY(t, N_("The device signed that it was made from the clip %s, and how: \"%s\"."),
                    hex(m->parent.p).text, buf_cstr(&changes));
        } else
                SAY_PLAIN(t, N_("The device signed that it was not made from another clip."));
        tell(t, CLAIM_ORIGINAL, PROVEN_PROVEN);
}

/* ---- what no bundle shows ---- */

static void tell_complete(struct telling *t) {
        SAY_PLAIN(
                t,
                N_("That the ledger tells everything: lines that are not shown may be about this clip too, and nobody "
                   "can prove that nothing was left unwritten."));
        if (t->p->custody.restored)
                SAY(t,
                    N_(" %llu times the home came back out of a backup, and what its ledger said before is not known."),
                    (count)t->p->custody.restored);
        tell(t, CLAIM_COMPLETE, PROVEN_NOT_CLAIMED);
}

static void tell_clock(struct telling *t) {
        const struct wire_manifest *m = &t->p->m;
        SAY_PLAIN(t,
                  m->sure ? N_("That a clock was right: each time is that of the device that signed. The one that took "
                               "the clip in trusted its own.")
                          : N_("That a clock was right: each time is that of the device that signed. The one that took "
                               "the clip in did not trust its own."));
        if (WIRE_HAS(m, MANIFEST, from))
                SAY(t, N_(" What the clip shows was from %s to %s as the file or its owner said."), when(m->from).text,
                    when(m->to).text);
        tell(t, CLAIM_CLOCK, PROVEN_NOT_CLAIMED);
}

static void tell_rest(struct telling *t) {
        SAY_PLAIN(t, N_("That the camera told the truth: whoever has one can show it anything, and a file can be made "
                        "without one."));
        tell(t, CLAIM_CAMERA, PROVEN_NOT_CLAIMED);
        SAY_PLAIN(t, N_("Who or what is in the picture."));
        tell(t, CLAIM_PEOPLE, PROVEN_NOT_CLAIMED);
        SAY_PLAIN(t, N_("That nobody else has the clip: whoever could open it could copy it."));
        tell(t, CLAIM_COPIES, PROVEN_NOT_CLAIMED);
}

int proof_claims(const struct proof *p, const struct hash *mesh, bool translate, proof_claim_fn fn, void *arg) {
        struct telling t = {.p = p, .translate = translate, .fn = fn, .arg = arg, .text = BUF_NULL};
        tell_mesh(&t, mesh);
        tell_bytes(&t);
        tell_device(&t);
        tell_household(&t);
        tell_member(&t);
        tell_not_earlier(&t);
        tell_not_later(&t);
        tell_custody(&t);
        tell_papers(&t);
        tell_export(&t);
        tell_sound(&t);
        tell_original(&t);
        tell_complete(&t);
        tell_clock(&t);
        tell_rest(&t);
        buf_fini(&t.text);
        return t.r;
}
