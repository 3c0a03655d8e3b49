/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/byz.h"

#include "core/epoch.h"
#include "core/record.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdio.h>
#include <stdlib.h>

#define RAW (MESH_LINK_DIALLED | UINT32_C(0x20000000)) /* link numbers that are no core's */
#define JUNK_MOST 3000
#define HONEST_LEAST 5 /* homes, whatever the shares: founder, victim and keeper of an eclipse, who leaves, who comes */

static const struct byz_module *const modules[] = {
        &byz_flood,  &byz_equivocate, &byz_withhold, &byz_drop,   &byz_false,   &byz_garbage,
        &byz_slow,   &byz_keyless,    &byz_wrongkey, &byz_stale,  &byz_removed, &byz_clock,
        &byz_sybils, &byz_eclipse,    &byz_forge,    &byz_meddle, &byz_relay};

struct byz {
        struct rng rng;
        bool begun;
        uint32_t knocks;
};

/* ---- who ---- */
static const struct byz_module *module_named(struct span name) {
        for (size_t i = 0; i < ARRAY_LEN(modules); i++)
                if (span_eq(span_str(modules[i]->name), name))
                        return modules[i];
        return NULL;
}

struct choice {
        const struct byz_module *module;
        uint32_t percent; /* 0: it shares what is left to all with others */
};

/* The next of "NAME[:PERCENT],…". False: there is none. NULL in it: nobody knows that name. */
static bool choice_next(const char **list, struct choice *ret) {
        size_t n = strcspn(*list, ",");
        const char *colon = memchr(*list, ':', n);
        char *end = NULL;
        if (!n)
                return false;
        *ret = (struct choice){.module = module_named(span_of(*list, colon ? (size_t)(colon - *list) : n))};
        unsigned long percent = colon ? strtoul(colon + 1, &end, 10) : 0;
        if (colon && (end != *list + n || percent < 1 || percent > 100))
                ret->module = NULL;
        ret->percent = (uint32_t)percent;
        *list += n + ((*list)[n] == ',');
        return true;
}

static size_t choices(const char *list, struct choice ret[ARRAY_LEN(modules)]) {
        size_t n = 0;
        if (strcmp(list, "all") == 0) {
                for (; n < ARRAY_LEN(modules); n++)
                        ret[n] = (struct choice){.module = modules[n]};
                return n;
        }
        while (n < ARRAY_LEN(modules) && choice_next(&list, &ret[n]) && ret[n].module)
                n++;
        return *list ? 0 : n;
}

bool byz_names_are_known(const char *list) {
        struct choice all[ARRAY_LEN(modules)];
        return choices(list, all) > 0;
}

/* The founder stays honest, so that a mesh comes about, and so does the last home, which comes in among them. */
static uint32_t *shuffled(struct world *w) {
        uint32_t *order = calloc(w->n, sizeof(*order));
        REQUIRE(order);
        for (uint32_t i = 1; i + 1 < w->n; i++)
                order[i - 1] = i;
        for (uint32_t i = w->n - 2; i > 1; i--) {
                uint32_t k = (uint32_t)rng_below(&w->byz->rng, i), swap = order[k];
                order[k] = order[i - 1];
                order[i - 1] = swap;
        }
        return order;
}

/* Where all can call all nobody meets. */
static size_t possible(const struct world *w, struct choice all[], size_t n) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
                if ((all[i].module != &byz_meddle && all[i].module != &byz_relay) || meets_there(w))
                        all[kept++] = all[i];
        return kept;
}

static void draw(struct world *w) {
        struct choice all[ARRAY_LEN(modules)];
        size_t n = possible(w, all, choices(w->opt.byzantine, all)), shared = 0;
        uint32_t *order = shuffled(w), at = 0, most = w->n - HONEST_LEAST;
        for (size_t i = 0; i < n; i++) {
                for (uint32_t k = 0; k < MAX(all[i].percent * w->n / 100, 1u) && all[i].percent && at < most; k++)
                        w->nodes[order[at++]].byz = all[i].module;
                if (!all[i].percent)
                        all[shared++] = all[i];
        }
        uint32_t homes = shared ? MAX(w->opt.share * w->n / 100, 1u) : 0,
                 first = (uint32_t)rng_below(&w->byz->rng, 1 << 16);
        for (uint32_t k = 0; k < homes && at < most; k++)
                w->nodes[order[at++]].byz = all[(first + k) % shared].module;
        free(order);
}

void byz_init(struct world *w) {
        uint8_t seed[32] = {'b', 'y', 'z'};
        w->byz = calloc(1, sizeof(*w->byz));
        REQUIRE(w->byz);
        put_be64(seed + 24, w->opt.seed);
        rng_init(&w->byz->rng, seed);
        if (w->opt.byzantine)
                draw(w);
        seam_init(w);
}

void byz_fini(struct world *w) {
        walls_fini(w);
        rng_fini(&w->byz->rng);
        free(w->byz);
        seam_fini();
}

bool byz_begun(const struct world *w) {
        return w->byz->begun;
}

struct node *byz_next(struct world *w, const struct byz_module *module, const struct node *after) {
        for (uint32_t i = after ? after->index + 1 : 0; i < w->n; i++)
                if (w->nodes[i].byz == module)
                        return &w->nodes[i];
        return NULL;
}

struct node *byz_honest(struct world *w, uint32_t nth) {
        for (;;)
                for (uint32_t i = 0; i < w->n; i++)
                        if (!w->nodes[i].byz && nth-- == 0)
                                return &w->nodes[i];
}

struct node *byz_node(struct world *w, const struct key *device) {
        for (uint32_t i = 0; i < w->n; i++)
                if (key_eq(&w->nodes[i].device.pub, device))
                        return &w->nodes[i];
        return NULL;
}

/* ---- when ---- */
static void on_second(struct world *w, struct happening *h) {
        struct node *n = &w->nodes[h->node];
        if (w->calm)
                return;
        world_plan(w, w->now + SIM_SECOND, n->index, on_second);
        if (!node_on(n))
                return;
        n->byz->acts(w, n);
        if (node_on(n))
                world_feed(w, n, (struct mesh_event){.type = MESH_EV_TICK});
}

void byz_begin(struct world *w) {
        w->byz->begun = true;
        walls_begin(w);
        for (uint32_t i = 0; i < w->n; i++) {
                struct node *n = &w->nodes[i];
                if (!n->byz)
                        continue;
                world_say(w, "home %u is byzantine: %s", i, n->byz->what);
                if (n->byz->begins)
                        n->byz->begins(w, n);
                if (n->byz->acts)
                        world_plan(w, w->now + rng_below(&w->byz->rng, SIM_SECOND), i, on_second);
        }
}

const struct byz_module *byz_kind(size_t i) {
        return i < ARRAY_LEN(modules) ? modules[i] : NULL;
}

void byz_explain(void) {
        for (size_t i = 0; i < ARRAY_LEN(modules); i++)
                fprintf(stderr, "    %-11s %s\n", modules[i]->name, modules[i]->what);
}

void byz_report(const struct world *w) {
        for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
                uint64_t homes = 0, deeds = 0;
                for (uint32_t k = 0; k < w->n; k++) {
                        homes += w->nodes[k].byz == modules[i];
                        deeds += w->nodes[k].byz == modules[i] ? w->nodes[k].deeds : 0;
                }
                if (homes)
                        printf("%s: %llu homes, %llu deeds\n", modules[i]->name, (unsigned long long)homes,
                               (unsigned long long)deeds);
        }
        if (w->opt.repeat)
                printf("said twice: %llu messages\n", (unsigned long long)seam_repeated());
}

/* ---- what they say ---- */
void byz_say(struct node *n, struct link *l, enum wire_link number, const void *msg) {
        struct node *before = seam_enter(NULL);
        n->deeds++;
        REQUIRE(link_say(l, number, msg) == 0);
        seam_leave(before);
}

void byz_say_raw(struct node *n, struct link *l, enum wire_link number, struct span map) {
        struct node *before = seam_enter(NULL);
        _clean_(packet_freep) struct packet *p = packet_of(number, 0, map);
        n->deeds++;
        REQUIRE(p && link_send(l, p) == 0);
        seam_leave(before);
}

void byz_say_all(struct node *n, enum wire_link number, const void *msg) {
        LINK_EACH(l, n->core)
        if (l->state == LINK_UP)
                byz_say(n, l, number, msg);
}

void byz_say_all_raw(struct node *n, enum wire_link number, struct span map) {
        LINK_EACH(l, n->core)
        if (l->state == LINK_UP)
                byz_say_raw(n, l, number, map);
}

enum wire_link byz_number(const struct packet *p) {
        return (enum wire_link)p->bytes[0];
}

bool byz_is(const struct packet *p, uint32_t numbers) {
        return p->bytes[0] < 32 && numbers & BYZ_BIT(p->bytes[0]);
}

bool byz_own_record(const struct node *n, const struct packet *p) {
        struct wire_record r;
        return byz_number(p) == LINK_RECORD && codec_decode(&wire_record_desc, packet_map(p), &r, NULL) == 0 &&
               memcmp(r.device.p, n->device.pub.b, 32) == 0;
}

static void plain_of(struct world *w, uint64_t klass, struct buf *plain) {
        const struct wire_kind_row *k = wire_kind_find(klass == CLASS_URGENT ? KIND_FIRE : KIND_OTHER);
        uint8_t salt[16];
        rng_bytes(&w->byz->rng, salt, sizeof(salt));
        struct wire_alert a = {.kind = klass == CLASS_URGENT ? KIND_FIRE : KIND_OTHER,
                               .cell = UINT64_C(1) << 30 | 12345,
                               .category = k->category,
                               .severity = k->severity,
                               .urgency = k->urgency,
                               .certainty = k->certainty,
                               .status = STATUS_ACTUAL,
                               .salt = SPAN_OF(salt)};
        codec_encode(&wire_alert_desc, &a, plain);
}

bool byz_record(struct world *w, struct node *n, const struct sign_key *device, struct wire_record *r,
                struct buf *raw) {
        struct mesh *m = n->core;
        const struct epoch *e = m->roster ? epoch_usable(m) : NULL;
        struct guest_author a = {
                .device = *device, .rng = &w->byz->rng, .key_day = (uint32_t)(clock_now(m) / MESH_DAY)};
        _clean_(buf_fini) struct buf plain = BUF_NULL;
        if (!e || !epoch_day_key(e, a.key_day, &a.group))
                return false;
        a.mesh = *roster_mesh(m->roster);
        memcpy(a.epoch, e->id, sizeof(a.epoch));
        plain_of(w, r->klass, &plain);
        guest_record(&a, r, buf_span(&plain), raw);
        return raw->n > 0 && buf_ok(raw);
}

void byz_claim(struct world *w, struct node *n, const struct mesh_addr *addrs, size_t n_addrs) {
        n->deeds++;
        n->core->contact_time = MIN(n->core->contact_time, node_wall(w, n) - CONTACT_SPACING);
        world_feed(w, n, (struct mesh_event){.type = MESH_EV_LISTENING, .listening = {.addrs = addrs, .n = n_addrs}});
}

/* ---- connections that are no links ---- */
void byz_knock(struct world *w, struct node *n, const struct node *at) {
        struct mesh_action a = {.type = MESH_DO_DIAL, .link = RAW | ++w->byz->knocks, .dial = at->addr};
        n->deeds++;
        links_dial(w, n, &a);
}

bool byz_takes(struct world *w, struct node *n, const struct mesh_event *ev) {
        if (ev->type != MESH_EV_LINK_UP && ev->type != MESH_EV_LINK_DOWN && ev->type != MESH_EV_RECV &&
            ev->type != MESH_EV_WRITABLE)
                return false;
        if ((ev->link & RAW) != RAW)
                return false;
        if (ev->type == MESH_EV_LINK_UP) {
                static uint8_t junk[JUNK_MOST];
                struct mesh_action a = {.type = MESH_DO_SEND, .link = ev->link};
                a.send = span_of(junk, 1 + rng_below(&w->byz->rng, sizeof(junk)));
                rng_bytes(&w->byz->rng, junk, a.send.n);
                links_send(w, n, &a);
        }
        return true;
}

uint64_t byz_reads(struct world *w, uint32_t node, mesh_link link) {
        struct node *n = &w->nodes[node];
        if (!w->byz->begun || w->calm || !n->byz || !n->byz->reads || !node_on(n))
                return BYZ_READS_ALL;
        const struct link *l = link_find(n->core, link);
        return l && l->state == LINK_UP ? n->byz->reads(n) : BYZ_READS_ALL;
}
