/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the .def files in proto say, for people and for other programs, so that no second description exists that
 * could disagree:
 *
 *   md       the reference pages, proto/REFERENCE.md
 *   lock     one line a number or bound that must never change its meaning, proto/wire.lock
 *   dict     a dictionary for fuzzers
 *   vectors  one sample a message: name, encoding in hex, JSON; proto/vectors/messages.txt
 *   keys     an epoch's group keys and what proves them; proto/vectors/epoch-keys.txt
 *
 * Tests compare the committed files with what comes out here, so a change of the wire shows in the diff of its commit.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "crypto/keytree.h"
#include "tools/sample.h"
#include "wire/json.h"
#include "wire/writer.h"

#define DICT_BYTES_MAX 4096 /* longer fields have no entry of their own */
#define NUMBERS 256         /* message numbers are bytes */

static const char *const kind_name[] = {
        [WIRE_U64] = "U64",     [WIRE_I64] = "I64", [WIRE_BOOL] = "BOOL", [WIRE_TIME] = "TIME", [WIRE_ENUM] = "ENUM",
        [WIRE_BYTES] = "BYTES", [WIRE_STR] = "STR", [WIRE_LIST] = "LIST", [WIRE_DEG] = "DEG",
};
static const char *const flag_name[] = {[WIRE_OPT] = "OPT", [WIRE_REQ] = "REQ", [WIRE_GONE] = "GONE"};

/* ---- everything there is ---- */
struct group {
        const char *title, *source;
        const struct wire_desc *const *messages;
        size_t n;
        const char *number_title; /* of the conversation whose bodies they are */
        const char *lock_word;
        const struct wire_number *(*find)(uint64_t);
};

#define DESC_OF(name, ...) &wire_##name##_desc,
static const struct wire_desc *const record_messages[] = {RECORD_MESSAGES(DESC_OF)};
static const struct wire_desc *const clip_messages[] = {CLIP_MESSAGES(DESC_OF)};
static const struct wire_desc *const link_bodies[] = {LINK_BODIES(DESC_OF)};
static const struct wire_desc *const control_bodies[] = {CONTROL_BODIES(DESC_OF)};
static const struct wire_desc *const owner_bodies[] = {OWNER_BODIES(DESC_OF)};
static const struct wire_desc *const ingest_bodies[] = {INGEST_BODIES(DESC_OF)};
static const struct wire_desc *const ice_bodies[] = {ICE_BODIES(DESC_OF)};
static const struct wire_desc *const names_bodies[] = {NAMES_BODIES(DESC_OF)};
static const struct wire_desc *const router_bodies[] = {ROUTER_BODIES(DESC_OF)};

static const struct group groups[] = {
        {"What homes sign and keep", "proto/records.def", record_messages, ARRAY_LEN(record_messages), NULL, NULL,
         NULL},
        {"Footage", "proto/clips.def", clip_messages, ARRAY_LEN(clip_messages), NULL, NULL, NULL},
        {"Links", "proto/link.def", link_bodies, ARRAY_LEN(link_bodies), "Messages on a link", "link", wire_link_find},
        {"control.sock", "proto/control.def", control_bodies, ARRAY_LEN(control_bodies), "Messages on control.sock",
         "control", wire_control_find},
        {"owner.sock", "proto/owner.def", owner_bodies, ARRAY_LEN(owner_bodies),
         "Messages on owner.sock and the socketpair", "owner", wire_owner_find},
        {"porchlight-ingest", "proto/ingest.def", ingest_bodies, ARRAY_LEN(ingest_bodies),
         "Messages of porchlight-ingest", "ingest", wire_ingest_find},
        {"porchlight-ice", "proto/ice.def", ice_bodies, ARRAY_LEN(ice_bodies), "Messages of porchlight-ice", "ice",
         wire_ice_find},
        {"porchlight-names", "proto/names.def", names_bodies, ARRAY_LEN(names_bodies), "Messages of porchlight-names",
         "names", wire_names_find},
        {"porchlight-router", "proto/router.def", router_bodies, ARRAY_LEN(router_bodies),
         "Messages of porchlight-router", "router", wire_router_find},
};

#define ENUM_OF(name, NAME) &wire_##name##_enum,
static const struct wire_enum *const enums[] = {WIRE_ENUMS(ENUM_OF)};

#define DOMAIN_ROW(name, text) {#name, text},
static const struct { const char *name, *text; } domains[] = {DOMAINS(DOMAIN_ROW)};

/* ---- shared ---- */
static const char *of_name(const struct wire_field *f) {
        if (!f->of)
                return "";
        return f->of->en ? f->of->en->name : f->of->desc->name;
}

static bool is_signed(const struct wire_field *f) {
        return f->kind == WIRE_I64 || f->kind == WIRE_DEG;
}

static void bounds_text(char *ret, size_t n, const struct wire_field *f, const char *between) {
        if (is_signed(f))
                snprintf(ret, n, "%" PRIi64 "%s%" PRIi64, (int64_t)f->min, between, (int64_t)f->max);
        else
                snprintf(ret, n, "%" PRIu64 "%s%" PRIu64, f->min, between, f->max);
}

static void each_message(void (*print)(const struct wire_desc *d)) {
        for (size_t g = 0; g < ARRAY_LEN(groups); g++)
                for (size_t i = 0; i < groups[g].n; i++)
                        print(groups[g].messages[i]);
}

/* ---- md ---- */
static void md_message(const struct wire_desc *d) {
        char bounds[64];
        printf("\n### %s\n\n%s; at most %zu bytes.\n\n", d->name, d->doc, d->max);
        printf("| key | name | kind | least…most | of | | |\n|---:|---|---|---|---|---|---|\n");
        for (size_t i = 0; i < d->n; i++) {
                const struct wire_field *f = &d->fields[i];
                bounds_text(bounds, sizeof(bounds), f, "…");
                printf("| %u | %s | %s | %s | %s | %s | %s |\n", f->key, f->name, kind_name[f->kind], bounds,
                       of_name(f), flag_name[f->flag], f->doc);
        }
}

static void md_numbers(const struct group *g) {
        bool classes = g->find == wire_link_find;
        printf("\n### %s\n\n| number | name | body |%s |\n|---:|---|---|%s---|\n", g->number_title,
               classes ? " class |" : "", classes ? "---:|" : "");
        for (uint64_t i = 0; i < NUMBERS; i++) {
                const struct wire_number *row = g->find(i);
                if (!row)
                        continue;
                printf("| %u | %s | %s |", row->number, row->name, row->desc->name);
                if (classes)
                        printf(" %u |", row->klass);
                printf(" %s |\n", row->doc);
        }
}

static void md_enum(const struct wire_enum *e) {
        printf("\n### %s\n\n| number | spelling | |\n|---:|---|---|\n", e->name);
        for (size_t i = 0; i < e->n; i++)
                printf("| %" PRIu64 " | %s | %s |\n", e->rows[i].value, e->rows[i].spelling, e->rows[i].doc);
}

static void md_kinds(void) {
        printf("\n### kind\n\nWhat a post of the kind is unless its author says otherwise.\n\n"
               "| number | spelling | category | urgency | severity | certainty | hours | may be urgent | |\n"
               "|---:|---|---|---|---|---|---:|---|---|\n");
        for (size_t i = 0; i < wire_kinds_n; i++) {
                const struct wire_kind_row *k = &wire_kinds[i];
                printf("| %u | %s | %s | %s | %s | %s | %u | %s | %s |\n", k->kind, k->spelling,
                       wire_enum_text(&wire_category_enum, k->category), wire_enum_text(&wire_urgency_enum, k->urgency),
                       wire_enum_text(&wire_severity_enum, k->severity),
                       wire_enum_text(&wire_certainty_enum, k->certainty), k->hours, k->may_be_urgent ? "yes" : "no",
                       k->doc);
        }
}

static void md_charter(void) {
        printf("\n## The charter\n\nRows of `proto/charter.def`.\n\n"
               "| key | name | least | most | default | |\n|---:|---|---:|---:|---:|---|\n");
        for (size_t i = 0; i < wire_charter_bounds_n; i++) {
                const struct wire_charter_bound *b = &wire_charter_bounds[i];
                printf("| %u | %s | %u | %u | %u | %s |\n", b->key, b->name, b->min, b->max, b->preset, b->doc);
        }
}

static const char md_intro[] =
        "# Messages, numbers and bounds\n\n"
        "Printed by `wiredoc md` from the .def files in `proto`; do not edit. A message is a msgpack map from\n"
        "key to value. Keys rise strictly, integers and lengths are in their shortest form, nothing follows\n"
        "the map. Least and most bound a number, the length of BYTES and STR in bytes, or the count of a\n"
        "LIST. TIME is in seconds since 1970, DEG in millionths of a degree. REQ is always there, OPT may be\n"
        "absent, GONE was used once and is skipped, as every key is that a decoder does not know.\n";

static void print_md(void) {
        fputs(md_intro, stdout);
        for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
                printf("\n## %s\n\nRows of `%s`.\n", groups[g].title, groups[g].source);
                if (groups[g].find)
                        md_numbers(&groups[g]);
                for (size_t i = 0; i < groups[g].n; i++)
                        md_message(groups[g].messages[i]);
        }
        printf("\n## Enumerations\n\nRows of `proto/enums.def`, `proto/kinds.def` and the files above. A number that "
               "nobody knows is kept.\n");
        for (size_t i = 0; i < ARRAY_LEN(enums); i++)
                md_enum(enums[i]);
        md_kinds();
        md_charter();
}

/* ---- lock ---- */
static void lock_message(const struct wire_desc *d) {
        char bounds[64];
        printf("message %s %zu\n", d->name, d->max);
        for (size_t i = 0; i < d->n; i++) {
                const struct wire_field *f = &d->fields[i];
                bounds_text(bounds, sizeof(bounds), f, " ");
                printf("field %s %u %s %s %s %s%s%s\n", d->name, f->key, kind_name[f->kind], f->name, bounds,
                       flag_name[f->flag], f->of ? " " : "", of_name(f));
        }
}

static void lock_enum(const struct wire_enum *e) {
        for (size_t i = 0; i < e->n; i++)
                printf("enum %s %" PRIu64 " %s\n", e->name, e->rows[i].value, e->rows[i].spelling);
}

static void lock_numbers(const struct group *g) {
        for (uint64_t i = 0; i < NUMBERS; i++) {
                const struct wire_number *row = g->find(i);
                if (row)
                        printf("%s %u %s %s %u\n", g->lock_word, row->number, row->name, row->desc->name, row->klass);
        }
}

static void print_lock(void) {
        printf("# Numbers, bounds and texts that other homes rely on. Printed by `wiredoc lock`; a line that changes "
               "or goes breaks them.\n");
        each_message(lock_message);
        for (size_t i = 0; i < ARRAY_LEN(enums); i++)
                lock_enum(enums[i]);
        for (size_t i = 0; i < wire_kinds_n; i++)
                printf("kind %u %s %s\n", wire_kinds[i].kind, wire_kinds[i].spelling,
                       wire_kinds[i].may_be_urgent ? "may-be-urgent" : "never-urgent");
        for (size_t i = 0; i < wire_charter_bounds_n; i++)
                printf("charter %u %s %u %u %u\n", wire_charter_bounds[i].key, wire_charter_bounds[i].name,
                       wire_charter_bounds[i].min, wire_charter_bounds[i].max, wire_charter_bounds[i].preset);
        for (size_t g = 0; g < ARRAY_LEN(groups); g++)
                if (groups[g].find)
                        lock_numbers(&groups[g]);
        for (size_t i = 0; i < ARRAY_LEN(domains); i++)
                printf("domain %s %s\n", domains[i].name, domains[i].text);
}

/* ---- dict ---- */

/* How a value of the field at its upper bound begins. */
static void value_head(struct buf *out, const struct wire_field *f) {
        static const uint8_t zeros[DICT_BYTES_MAX];
        struct span longest = span_of(zeros, MIN(f->max, sizeof(zeros)));
        switch ((enum wire_kind)f->kind) {
        case WIRE_U64:
        case WIRE_TIME:
        case WIRE_ENUM:
                wire_put_u64(out, f->max);
                return;
        case WIRE_I64:
        case WIRE_DEG:
                wire_put_i64(out, (int64_t)f->min);
                return;
        case WIRE_BOOL:
                wire_put_bool(out, f->max);
                return;
        case WIRE_BYTES:
                wire_put_bin(out, longest);
                out->n -= longest.n;
                return;
        case WIRE_STR:
                wire_put_str(out, longest);
                out->n -= longest.n;
                return;
        case WIRE_LIST:
                wire_put_array(out, (uint32_t)f->max);
                return;
        }
}

static void dict_message(const struct wire_desc *d) {
        for (size_t i = 0; i < d->n; i++) {
                _clean_(buf_fini) struct buf head = BUF_NULL;
                wire_put_u64(&head, d->fields[i].key);
                value_head(&head, &d->fields[i]);
                printf("%s_%s=\"", d->name, d->fields[i].name);
                for (size_t k = 0; k < head.n; k++)
                        printf("\\x%02x", head.p[k]);
                printf("\"\n");
        }
}

static void print_dict(void) {
        printf("# How each field begins. Printed by `wiredoc dict`.\n");
        each_message(dict_message);
}

/* ---- vectors ---- */

/* Not every message may hold all its fields at once: the first optional ones go until the rest fits. */
static void vector_encode(const struct wire_desc *d, union wire_any *msg, struct buf *ret) {
        uint64_t has;
        codec_encode(d, msg, ret);
        for (size_t i = 0; i < d->n && !buf_ok(ret); i++) {
                if (d->fields[i].flag != WIRE_OPT)
                        continue;
                memcpy(&has, msg, sizeof(has));
                has &= ~(UINT64_C(1) << d->fields[i].key);
                memcpy(msg, &has, sizeof(has));
                buf_clear(ret);
                codec_encode(d, msg, ret);
        }
}

static void vector_message(const struct wire_desc *d) {
        static struct sample sample;
        _clean_(buf_fini) struct buf bytes = BUF_NULL;
        _clean_(buf_fini) struct buf line = BUF_NULL;
        union wire_any msg;
        sample = (struct sample){0};
        sample_fill(&sample, d, &msg);
        vector_encode(d, &msg, &bytes);
        REQUIRE(buf_ok(&bytes));
        text_hex(&line, buf_span(&bytes));
        buf_add_u8(&line, ' ');
        json_message(&line, d, &msg);
        printf("%s %s\n", d->name, buf_cstr(&line));
}

static void print_vectors(void) {
        printf("# name, encoding, JSON. Printed by `wiredoc vectors`.\n");
        each_message(vector_message);
}

/* ---- keys ---- */
static void keys_line(const char *name, struct span bytes) {
        _clean_(buf_fini) struct buf line = BUF_NULL;
        text_hex(&line, bytes);
        printf("%s %s\n", name, buf_cstr(&line));
}

static void keys_day(const struct hash *mesh, struct keytree t, uint32_t day) {
        REQUIRE(keytree_move(mesh, &t, day));
        printf("\nday %" PRIu32 "\n", day);
        keys_line("key", SPAN_OF(t.key.b));
        for (size_t i = 0; i < keytree_left(day); i++)
                keys_line("left", SPAN_OF(t.left[i].b));
}

static void print_keys(void) {
        static const uint32_t days[] = {0, 1, 2, 13, 16, 30, 31};
        struct hash mesh, root;
        struct keytree t = {0};
        memset(mesh.b, 0x11, sizeof(mesh.b));
        memset(t.key.b, 0x22, sizeof(t.key.b));
        keytree_root(&mesh, &t, &root);
        printf("# The group keys of an epoch on some of its days, and what goes with each as epoch_key.left, one hash "
               "a "
               "line:\n# PROTOCOL 7.3, 7.6, 7.7. The first key and the mesh's id are made up. Printed by `wiredoc "
               "keys`.\n");
        keys_line("mesh", SPAN_OF(mesh.b));
        keys_line("commit_key", SPAN_OF(root.b));
        for (size_t i = 0; i < ARRAY_LEN(days); i++)
                keys_day(&mesh, t, days[i]);
}

/* ---- */
static const struct {
        const char *name;
        void (*print)(void);
} pages[] = {
        {"md", print_md}, {"lock", print_lock}, {"dict", print_dict}, {"vectors", print_vectors}, {"keys", print_keys}};

int main(int argc, char **argv) {
        for (size_t i = 0; argc == 2 && i < ARRAY_LEN(pages); i++) {
                if (strcmp(argv[1], pages[i].name) != 0)
                        continue;
                pages[i].print();
                return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
        }
        fprintf(stderr, "usage: wiredoc md|lock|dict|vectors|keys\n");
        return 2;
}
