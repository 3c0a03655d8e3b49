/* SPDX-License-Identifier: Apache-2.0 */
#include "core/recon.h"

#include "base/array.h"

#include <stdlib.h>

#define SPLIT 8        /* ranges an unequal range is split into */
#define LIST_MOST 32   /* elements up to which an unequal range is answered by its list */
#define LIST_LIMIT 128 /* ids a list may claim: four times what this side sends; each costs a walk through the range */
#define RANGE_MOST 32  /* bytes a bound, a mode and a fingerprint may take at most */

enum mode { MODE_SKIP, MODE_FINGERPRINT, MODE_IDS, MODE_WANT, MODE_COUNT };

/* The end of a range: elements below it belong to the range. The last range ends at BOUND_END. */
struct bound {
        uint64_t time, sid;
};
#define BOUND_START ((struct bound){0, 0})
#define BOUND_END ((struct bound){UINT64_MAX, UINT64_MAX})
#define RECON_FIRST 64 /* items; then it doubles */

void recon_fini(struct recon *r) {
        free(r->items);
        free(r->sums);
        *r = (struct recon){0};
}

int recon_add(struct recon *r, uint64_t time, uint64_t sid, uint32_t what) {
        struct recon_item *items = array_room(r->items, r->n, &r->cap, sizeof(*items), RECON_FIRST);
        if (!items)
                return ERR_NOMEM;
        r->items = items;
        r->items[r->n++] = (struct recon_item){time, sid, what};
        return 0;
}

static int item_compare(const void *a, const void *b) {
        const struct recon_item *x = a, *y = b;
        if (x->time != y->time)
                return x->time < y->time ? -1 : 1;
        return x->sid < y->sid ? -1 : x->sid > y->sid;
}

static bool rises(const struct recon *r) { /* in time */
        for (size_t i = 1; i < r->n; i++)
                if (r->items[i].time < r->items[i - 1].time)
                        return false;
        return true;
}

/* Records are added in the order of their time: of them only those of one second are out of order. */
static void sort(struct recon *r) {
        bool whole = !rises(r);
        for (size_t i = 0, end; i < r->n; i = end) {
                for (end = i + 1; end < r->n && (whole || r->items[end].time == r->items[i].time); end++)
                        ;
                if (end - i > 1)
                        qsort(r->items + i, end - i, sizeof(*r->items), item_compare);
        }
}

int recon_seal(struct recon *r) {
        sort(r);
        r->sums = calloc(r->n + 1, sizeof(*r->sums));
        if (!r->sums)
                return ERR_NOMEM;
        for (size_t i = 0; i < r->n; i++)
                r->sums[i + 1] = r->sums[i] + r->items[i].sid;
        return 0;
}

/* The sum of the ids and their number. The ids are already keyed by the link's salt, which no author knows. */
static uint64_t fingerprint_of(const struct recon_sum *s) {
        uint64_t x = s->sids + s->n * UINT64_C(0x9e3779b97f4a7c15);
        x ^= x >> 32;
        x *= UINT64_C(0xd6e8feb86659fd93);
        return x ^ x >> 29;
}

static uint64_t fingerprint(const struct recon *r, size_t from, size_t to) {
        return fingerprint_of(&(struct recon_sum){r->sums[to] - r->sums[from], to - from});
}

void recon_fingerprint(const struct recon_sum *s, uint8_t ret[8]) {
        put_be64(ret, fingerprint_of(s));
}

static size_t lower(const struct recon *r, struct bound b) { /* the first element not below @b */
        size_t lo = 0, hi = r->n;
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                const struct recon_item *it = &r->items[mid];
                if (it->time < b.time || (it->time == b.time && it->sid < b.sid))
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

static void put_varint(struct buf *out, uint64_t v) {
        for (; v >= 0x80; v >>= 7)
                buf_add_u8(out, (uint8_t)(v | 0x80));
        buf_add_u8(out, (uint8_t)v);
}

/* A bound: 0 for the end of everything, else 1 + the time's step from the bound before, then how many leading bytes of the
 * short id follow (missing ones are zero), and these. */
static void put_bound(struct buf *out, struct bound before, struct bound b) {
        if (b.time == UINT64_MAX) {
                put_varint(out, 0);
                return;
        }
        put_varint(out, b.time - before.time + 1);
        uint8_t sid[8];
        put_be64(sid, b.sid);
        size_t n = sizeof(sid);
        while (n && sid[n - 1] == 0)
                n--;
        buf_add_u8(out, (uint8_t)n);
        buf_add(out, span_of(sid, n));
}

/* The shortest bound that separates element i-1 from element i. */
static struct bound between(const struct recon *r, size_t i) {
        if (i >= r->n)
                return BOUND_END;
        const struct recon_item *a = &r->items[i - 1], *b = &r->items[i];
        if (a->time != b->time)
                return (struct bound){b->time, 0};
        for (unsigned shift = 56; shift; shift -= 8) {
                uint64_t cut = b->sid >> shift << shift;
                if (cut > a->sid)
                        return (struct bound){b->time, cut};
        }
        return (struct bound){b->time, b->sid};
}

struct in {
        struct span s;
        size_t at;
        bool bad;
};

static uint8_t get_u8(struct in *in) {
        if (in->at >= in->s.n) {
                in->bad = true;
                return 0;
        }
        return in->s.p[in->at++];
}

static uint64_t get_varint(struct in *in) {
        uint64_t v = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
                uint8_t byte = get_u8(in);
                v |= (uint64_t)(byte & 0x7f) << shift;
                if (!(byte & 0x80))
                        return v;
        }
        in->bad = true;
        return 0;
}

static struct span get_bytes(struct in *in, size_t n) {
        if (n > in->s.n - in->at) {
                in->bad = true;
                return SPAN_NONE;
        }
        struct span s = span_of(in->s.p + in->at, n);
        in->at += n;
        return s;
}

static struct bound get_bound(struct in *in, struct bound before) {
        uint64_t step = get_varint(in);
        if (step == 0)
                return BOUND_END;
        uint8_t n = get_u8(in), sid[8] = {0};
        struct span s = n <= sizeof(sid) ? get_bytes(in, n) : SPAN_NONE;
        if (n > sizeof(sid) || step - 1 > UINT64_MAX - 1 - before.time) {
                in->bad = true;
                return BOUND_END;
        }
        if (s.n)
                memcpy(sid, s.p, s.n);
        struct bound b = {before.time + step - 1, get_be64(sid)};
        /* PROTOCOL 9.6: "Bounds MUST NOT fall." */
        if (b.time == before.time && b.sid < before.sid)
                in->bad = true;
        return b;
}

static int give(struct recon_result *res, uint32_t what) {
        uint32_t *have = array_room(res->have, res->n_have, &res->cap_have, sizeof(*have), RECON_FIRST);
        if (!have)
                return ERR_NOMEM;
        res->have = have;
        res->have[res->n_have++] = what;
        return 0;
}

void recon_result_fini(struct recon_result *r) {
        free(r->have);
        *r = (struct recon_result){0};
}

/* ---- writing ranges ---- */
struct out {
        struct buf *b;
        size_t start, max, brief; /* @brief: from here on what differs is only named */
        struct bound at;          /* up to where ranges are written */
        bool lazy;                /* only SKIP since `at`: nothing written for it yet */
        struct bound lazy_to;
};

static bool out_room(const struct out *o, size_t n) {
        return o->b->n - o->start + n + 2 * RANGE_MOST <= o->max;
}

static void out_skip(struct out *o, struct bound to) {
        o->lazy = true;
        o->lazy_to = to;
}

static void out_range(struct out *o, struct bound to, enum mode mode) {
        if (o->lazy) {
                put_bound(o->b, o->at, o->lazy_to);
                buf_add_u8(o->b, MODE_SKIP);
                o->at = o->lazy_to;
                o->lazy = false;
        }
        put_bound(o->b, o->at, to);
        buf_add_u8(o->b, (uint8_t)mode);
        o->at = to;
}

static void out_fingerprint(const struct recon *r, struct out *o, size_t from, size_t to, struct bound end) {
        uint8_t fp[8];
        put_be64(fp, fingerprint(r, from, to));
        out_range(o, end, MODE_FINGERPRINT);
        buf_add(o->b, SPAN_OF(fp));
}

static void out_ids(const struct recon *r, struct out *o, size_t from, size_t to, struct bound end) {
        out_range(o, end, MODE_IDS);
        put_varint(o->b, to - from);
        for (size_t i = from; i < to; i++) {
                uint8_t sid[8];
                put_be64(sid, r->items[i].sid);
                buf_add(o->b, SPAN_OF(sid));
        }
}

/* PROTOCOL 9.26: "It MUST NOT send IDS or WANT" */
/* Own elements from…to up to @end, which the other side sees otherwise: their list, or eight fingerprints. Who only gives
 * lets the other side list: what it has is not wanted, and would be sent where it is not in a list of this side. */
static void out_differs(const struct recon *r, struct out *o, size_t from, size_t to, struct bound end) {
        if (r->giving && to - from <= LIST_MOST) {
                out_fingerprint(r, o, from, to, end);
                return;
        }
        if (to - from <= LIST_MOST) {
                out_ids(r, o, from, to, end);
                return;
        }
        for (size_t k = 0; k < SPLIT; k++) {
                size_t a = from + (to - from) * k / SPLIT, b = from + (to - from) * (k + 1) / SPLIT;
                out_fingerprint(r, o, a, b, k + 1 == SPLIT ? end : between(r, b));
        }
}

int recon_open(const struct recon *r, size_t max, struct buf *out) {
        struct out o = {.b = out, .start = out->n, .max = max, .at = BOUND_START};
        out_differs(r, &o, 0, r->n, BOUND_END);
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

int recon_open_equal(const struct recon_sum *all, struct buf *out) {
        struct out o = {.b = out, .start = out->n, .max = RANGE_MOST, .at = BOUND_START};
        uint8_t fp[8];
        recon_fingerprint(all, fp);
        out_range(&o, BOUND_END, MODE_FINGERPRINT);
        buf_add(out, SPAN_OF(fp));
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

/* The end of everything, SKIP. */
static int say_nothing(struct buf *out) {
        out_range(&(struct out){.b = out, .at = BOUND_START}, BOUND_END, MODE_SKIP);
        return buf_ok(out) ? 0 : ERR_NOMEM;
}

int recon_answer_equal(const struct recon_sum *all, struct span input, struct buf *out, struct recon_result *ret) {
        _clean_(buf_fini) struct buf equal = BUF_NULL, nothing = BUF_NULL;
        if (recon_open_equal(all, &equal) || say_nothing(&nothing))
                return ERR_NOMEM;
        *ret = (struct recon_result){.done = true, .answer = span_eq(input, buf_span(&equal))};
        if (ret->answer)
                return say_nothing(out);
        return span_eq(input, buf_span(&nothing)) ? 0 : RECON_E_DIFFERS;
}

/* ---- answering ---- */
static bool listed(struct span ids, uint64_t sid) { /* lists rise, so that this is a binary search */
        size_t lo = 0, hi = ids.n / 8;
        while (lo < hi) {
                size_t mid = (lo + hi) / 2;
                uint64_t at = get_be64(ids.p + 8 * mid);
                if (at == sid)
                        return true;
                if (at < sid)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return false;
}

static bool held(const struct recon *r, size_t from, size_t to, uint64_t sid) {
        for (size_t i = from; i < to; i++)
                if (r->items[i].sid == sid)
                        return true;
        return false;
}

/* The other side's whole list of a range: what it lacks is given, what this side lacks is wanted by bitmap. Ids in a list
 * stand in the order of their elements, so they rise only within one time; @sorted is the list sorted by id. */
static int answer_ids(const struct recon *r, struct out *o, size_t from, size_t to, struct bound end, struct span ids,
                      struct span sorted, struct recon_result *res) {
        for (size_t i = from; i < to; i++) {
                if (listed(sorted, r->items[i].sid))
                        continue;
                int e = give(res, r->items[i].what);
                if (e)
                        return e;
        }
        size_t n = ids.n / 8, missing = 0;
        uint8_t bitmap[(LIST_LIMIT + 7) / 8] = {0};
        for (size_t i = 0; i < n; i++) {
                if (held(r, from, to, get_be64(ids.p + 8 * i)))
                        continue;
                bitmap[i / 8] |= (uint8_t)(1 << i % 8);
                missing++;
        }
        if (!missing || r->giving) {
                out_skip(o, end);
                return 0;
        }
        out_range(o, end, MODE_WANT);
        put_varint(o->b, n);
        buf_add(o->b, span_of(bitmap, (n + 7) / 8));
        return 0;
}

static int take_want(const struct recon *r, struct in *in, size_t from, size_t to, struct recon_result *res) {
        uint64_t n = get_varint(in);
        /* PROTOCOL 9.10: "n MUST be the number of one's elements in it." */
        if (n > LIST_LIMIT || n != to - from) { /* this side's own list comes back: its length is known */
                in->bad = true;
                return 0;
        }
        struct span bits = get_bytes(in, (n + 7) / 8);
        for (size_t i = 0; i < n && bits.n; i++) {
                if (!(bits.p[i / 8] >> i % 8 & 1))
                        continue;
                int e = give(res, r->items[from + i].what);
                if (e)
                        return e;
        }
        return 0;
}

static int id_compare(const void *a, const void *b) {
        return memcmp(a, b, 8);
}

static int take_ids(const struct recon *r, struct in *in, struct out *o, size_t from, size_t to, struct bound end,
                    struct recon_result *res) {
        uint64_t n = get_varint(in);
        /* PROTOCOL 9.7: "A receiver MUST refuse n above 128; a sender lists at most 32." */
        if (n > LIST_LIMIT) {
                in->bad = true;
                return 0;
        }
        struct span ids = get_bytes(in, n * 8);
        if (in->bad)
                return 0;
        uint8_t sorted[LIST_LIMIT * 8];
        if (ids.n) {
                memcpy(sorted, ids.p, ids.n);
                qsort(sorted, n, 8, id_compare);
        }
        return answer_ids(r, o, from, to, end, ids, span_of(sorted, ids.n), res);
}

static void take_fingerprint(const struct recon *r, struct in *in, struct out *o, size_t from, size_t to,
                             struct bound end, struct recon_result *res) {
        struct span fp = get_bytes(in, 8);
        if (in->bad)
                return;
        bool nothing = r->giving && from == to;
        if (nothing || get_be64(fp.p) == fingerprint(r, from, to)) {
                out_skip(o, end);
                return;
        }
        /* PROTOCOL 9.14: "it says FINGERPRINT of each range that is left and differs, as that range came" */
        if (o->b->n - o->start > o->brief)
                out_fingerprint(r, o, from, to, end);
        else
                out_differs(r, o, from, to, end);
        res->done = false;
}

int recon_answer(const struct recon *r, struct span input, size_t max, struct buf *out, struct recon_result *ret) {
        struct in in = {.s = input};
        struct out o = {.b = out, .start = out->n, .max = max, .brief = max - max / 4, .at = BOUND_START};
        *ret = (struct recon_result){.done = true};
        struct bound before = BOUND_START;
        size_t from = 0;
        while (in.at < in.s.n && before.time != UINT64_MAX) {
                struct bound end = get_bound(&in, before);
                uint8_t mode = get_u8(&in);
                if (in.bad || mode >= MODE_COUNT)
                        return RECON_E_INPUT;
                size_t to = end.time == UINT64_MAX ? r->n : lower(r, end);
                if (to < from)
                        return RECON_E_INPUT;
                if (!out_room(&o, (size_t)SPLIT * RANGE_MOST)) {
                        /* The answer is full: the rest is compared again in the next round. */
                        out_fingerprint(r, &o, from, r->n, BOUND_END);
                        ret->answer = true;
                        ret->done = false;
                        return buf_ok(out) ? 0 : ERR_NOMEM;
                }
                int e = 0;
                if (mode == MODE_FINGERPRINT || mode == MODE_IDS)
                        ret->answer = true;
                switch ((enum mode)mode) {
                case MODE_SKIP:
                        out_skip(&o, end);
                        break;
                case MODE_FINGERPRINT:
                        take_fingerprint(r, &in, &o, from, to, end, ret);
                        break;
                case MODE_IDS:
                        e = take_ids(r, &in, &o, from, to, end, ret);
                        break;
                case MODE_WANT:
                        e = take_want(r, &in, from, to, ret);
                        out_skip(&o, end);
                        break;
                case MODE_COUNT:
                        break;
                }
                if (e)
                        return e;
                if (in.bad)
                        return RECON_E_INPUT;
                before = end;
                from = to;
        }
        if (in.at != in.s.n)
                return RECON_E_INPUT;
        if (ret->answer && out->n == o.start) /* nothing to say is said too: the other side is waiting */
                return say_nothing(out);
        return buf_ok(out) ? 0 : ERR_NOMEM;
}
