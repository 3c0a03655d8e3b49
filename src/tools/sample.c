/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sample.h"

#define LENGTH_SPREAD 48       /* random lengths are at most so much above the least … */
#define LENGTH_EXTREME_ODDS 64 /* … but one in so many is the longest the row allows */
#define PLAIN_LENGTH 32        /* bytes, where the row leaves the choice */
#define PLAIN_TIME 1800000000  /* 15 January 2027 */
#define PLAIN_ITEMS 2          /* of a list, where the row leaves the choice */
#define RANDOM_ITEMS 4         /* at most */

/* splitmix64: any number is a good place to start. */
uint64_t sample_next(struct sample *s) {
        uint64_t z = (s->state += UINT64_C(0x9e3779b97f4a7c15));
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static bool plain(const struct sample *s) {
        return s->state == 0;
}

static uint64_t within(struct sample *s, uint64_t min, uint64_t max) {
        uint64_t spread = max - min + 1;
        return spread ? min + sample_next(s) % spread : sample_next(s);
}

/* Numbers of every width come equally often, not only the widest. */
static uint64_t random_number(struct sample *s, uint64_t min, uint64_t max) {
        uint64_t v = sample_next(s) >> (sample_next(s) & 63);
        return v >= min && v <= max ? v : within(s, min, max);
}

static uint64_t number(struct sample *s, const struct wire_field *f) {
        if (!plain(s))
                return random_number(s, f->min, f->max);
        if (f->kind == WIRE_TIME)
                return PLAIN_TIME + s->turn;
        if (f->kind == WIRE_ENUM)
                return f->of->en->rows[s->turn % f->of->en->n].value;
        return f->min + s->turn % (MIN(f->max - f->min, UINT64_C(1000)) + 1);
}

static int64_t signed_number(struct sample *s, const struct wire_field *f) {
        uint64_t spread = f->max - f->min; /* as unsigned numbers they wrap, and the difference is right */
        if (plain(s))
                return (int64_t)(f->min + spread / 3);
        return (int64_t)(f->min + random_number(s, 0, spread));
}

static size_t length(struct sample *s, const struct wire_field *f) {
        if (plain(s))
                return f->min ? f->min : MIN(f->max, (uint64_t)PLAIN_LENGTH);
        if (sample_next(s) % LENGTH_EXTREME_ODDS == 0)
                return f->max;
        return within(s, f->min, MIN(f->max, f->min + LENGTH_SPREAD));
}

static uint8_t *room(struct sample *s, size_t n) {
        REQUIRE(n <= sizeof(s->room) - s->used);
        uint8_t *p = s->room + s->used;
        s->used += n;
        return p;
}

static struct span bytes(struct sample *s, const struct wire_field *f) {
        size_t n = length(s, f);
        uint8_t *p = room(s, n);
        for (size_t i = 0; i < n; i++)
                p[i] = plain(s) ? (uint8_t)(s->turn + i) : (uint8_t)sample_next(s);
        return span_of(p, n);
}

/* Text of exactly @n bytes: characters of 1 to 4 bytes while they fit, dots for the rest. */
static void random_text(struct sample *s, uint8_t *p, size_t n) {
        static const char *const chars[] = {"a", "Z", "7", " ", "\"", "\n", "ß", "й", "庭", "🔥"};
        for (size_t at = 0; at < n;) {
                const char *c = chars[sample_next(s) % ARRAY_LEN(chars)];
                c = strlen(c) <= n - at ? c : ".";
                memcpy(p + at, c, strlen(c));
                at += strlen(c);
        }
}

static struct span text(struct sample *s, const struct wire_field *f) {
        size_t named = strlen(f->name);
        size_t n = plain(s) ? MAX(f->min, MIN(f->max, named)) : length(s, f);
        uint8_t *p = room(s, n);
        if (!plain(s)) {
                random_text(s, p, n);
                return span_of(p, n);
        }
        memset(p, '.', n);
        memcpy(p, f->name, MIN(n, named));
        return span_of(p, n);
}

static struct wire_list items(struct sample *s, const struct wire_field *f) {
        _clean_(buf_fini) struct buf store = BUF_NULL;
        struct wire_list list = {0};
        union wire_any item;
        uint64_t most = MIN(f->max, (uint64_t)(plain(s) ? PLAIN_ITEMS : RANDOM_ITEMS));
        uint64_t n = plain(s) ? MAX(f->min, most) : within(s, f->min, MAX(f->min, most));
        for (uint64_t i = 0; i < n; i++) {
                sample_fill(s, f->of->desc, &item);
                wire_list_add(f->of->desc, &list, &store, &item);
        }
        if (list.items.n)
                list.items.p = memcpy(room(s, list.items.n), list.items.p, list.items.n);
        return list;
}

static void fill_field(struct sample *s, const struct wire_field *f, void *member) {
        switch ((enum wire_kind)f->kind) {
        case WIRE_U64:
        case WIRE_TIME:
        case WIRE_ENUM:
                *(wire_t_U64 *)member = number(s, f);
                return;
        case WIRE_I64:
        case WIRE_DEG:
                *(wire_t_I64 *)member = signed_number(s, f);
                return;
        case WIRE_BOOL:
                *(wire_t_BOOL *)member = plain(s) ? f->max : within(s, f->min, f->max);
                return;
        case WIRE_BYTES:
                *(wire_t_BYTES *)member = bytes(s, f);
                return;
        case WIRE_STR:
                *(wire_t_STR *)member = text(s, f);
                return;
        case WIRE_LIST:
                *(wire_t_LIST *)member = items(s, f);
                return;
        }
}

/* A number that can only be 0 stands for "no fields": such a field is never there. */
static bool wanted(struct sample *s, const struct wire_field *f) {
        if (f->flag == WIRE_GONE || (f->kind == WIRE_U64 && f->max == 0))
                return false;
        return f->flag == WIRE_REQ || plain(s) || (sample_next(s) & 1);
}

void sample_fill(struct sample *s, const struct wire_desc *d, void *ret_msg) {
        uint64_t has = 0;
        memset(ret_msg, 0, d->size);
        for (size_t i = 0; i < d->n; i++) {
                const struct wire_field *f = &d->fields[i];
                s->turn++;
                if (!wanted(s, f))
                        continue;
                fill_field(s, f, (uint8_t *)ret_msg + f->offset);
                has |= UINT64_C(1) << f->key;
        }
        memcpy(ret_msg, &has, sizeof(has));
}
