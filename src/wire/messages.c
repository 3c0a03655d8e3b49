/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables behind wire/messages.h, expanded from the .def files in proto: nothing here is typed by hand twice. Whoever
 * adds a row to a .def file gets its member, key, bounds, encoder, decoder, JSON, reference page, dictionary and lock line
 * with it.
 */
#include "wire/messages.h"

#include "base/text.h"

#define KEY_MAX 63 /* `has` holds a bit for each key */

/* ---- enumerations ---- */
#define ENUM_ROW(n, v, s, d) {.spelling = s, .doc = d, .value = v},
#define ENUM_TABLE(name_, NAME)                                                                                        \
        static const struct wire_enum_row name_##_rows[] = {ENUM_##NAME(ENUM_ROW)};                                    \
        const struct wire_enum wire_##name_##_enum = {#name_, name_##_rows, ARRAY_LEN(name_##_rows)};                  \
        const struct wire_of wire_of_##name_ = {.en = &wire_##name_##_enum};
WIRE_ENUMS(ENUM_TABLE)

#define KIND_ENUM_ROW(n, v, s, cat, urg, sev, cert, h, may, call, d) {.spelling = s, .doc = d, .value = v},
static const struct wire_enum_row kind_rows[] = {KINDS(KIND_ENUM_ROW)};
const struct wire_enum wire_kind_enum = {"kind", kind_rows, ARRAY_LEN(kind_rows)};
const struct wire_of wire_of_kind = {.en = &wire_kind_enum};
const struct wire_of wire_of_NONE = {0};

const char *wire_enum_text(const struct wire_enum *e, uint64_t value) {
        for (size_t i = 0; i < e->n; i++)
                if (e->rows[i].value == value)
                        return e->rows[i].spelling;
        return NULL;
}

uint64_t wire_enum_value(const struct wire_enum *e, struct span s) {
        for (size_t i = 0; i < e->n; i++)
                if (text_eq_nocase(span_str(e->rows[i].spelling), s))
                        return e->rows[i].value;
        return 0;
}

/* ---- kinds of alert ---- */
#define KIND_ROW(n, v, s, cat, urg, sev, cert, h, may, call, d)                                                        \
        {.spelling = s,                                                                                                \
         .doc = d,                                                                                                     \
         .kind = KIND_##n,                                                                                             \
         .category = CATEGORY_##cat,                                                                                   \
         .urgency = URGENCY_##urg,                                                                                     \
         .severity = SEVERITY_##sev,                                                                                   \
         .certainty = CERTAINTY_##cert,                                                                                \
         .hours = h,                                                                                                   \
         .may_be_urgent = may,                                                                                         \
         .call_first = call},
const struct wire_kind_row wire_kinds[] = {KINDS(KIND_ROW)};
const size_t wire_kinds_n = ARRAY_LEN(wire_kinds);

const struct wire_kind_row *wire_kind_find(uint64_t kind) {
        for (size_t i = 0; i < wire_kinds_n; i++)
                if (wire_kinds[i].kind == kind)
                        return &wire_kinds[i];
        return NULL;
}

bool wire_urgent(uint64_t kind, uint64_t urgency, uint64_t severity, uint64_t status) {
        const struct wire_kind_row *k = wire_kind_find(kind);
        bool severe = severity == SEVERITY_EXTREME || severity == SEVERITY_SEVERE;
        return k && k->may_be_urgent && urgency == URGENCY_IMMEDIATE && severe && status == STATUS_ACTUAL;
}

/* ---- the charter ---- */
#define CHARTER_BOUND(k, n, least, most, def, d)                                                                       \
        {.name = #n, .doc = d, .key = k, .min = least, .max = most, .preset = def},
const struct wire_charter_bound wire_charter_bounds[] = {CHARTER(CHARTER_BOUND)};
const size_t wire_charter_bounds_n = ARRAY_LEN(wire_charter_bounds);

/* ---- messages ---- */

/* The column `of` names an enumeration or a message, as the kind says; both may have the same name. */
#define OF_U64(of) NULL
#define OF_I64(of) NULL
#define OF_BOOL(of) NULL
#define OF_TIME(of) NULL
#define OF_BYTES(of) NULL
#define OF_STR(of) NULL
#define OF_DEG(of) NULL
#define OF_ENUM(of) &wire_of_##of
#define OF_LIST(of) &wire_of_##of##_msg

#define FIELD_ROW(message, k, KIND, n, least, most, of_, flag_, d)                                                     \
        {.name = #n,                                                                                                   \
         .doc = d,                                                                                                     \
         .of = OF_##KIND(of_),                                                                                         \
         .min = (uint64_t)(least),                                                                                     \
         .max = (uint64_t)(most),                                                                                      \
         .offset = offsetof(struct wire_##message, n),                                                                 \
         .key = k,                                                                                                     \
         .kind = WIRE_##KIND,                                                                                          \
         .flag = WIRE_##flag_},
#define FIELD_CHECK(message, k, KIND, n, ...)                                                                          \
        _Static_assert((k) > 0 && (k) <= KEY_MAX, #message "." #n ": no bit in `has` for this key");                   \
        _Static_assert(offsetof(struct wire_##message, n) <= UINT16_MAX, #message "." #n ": offset too large");

#define MESSAGE_TABLE(name_, NAME, doc_, max_)                                                                         \
        MSG_##NAME(FIELD_CHECK,                                                                                        \
                   name_) static const struct wire_field name_##_fields[] = {MSG_##NAME(FIELD_ROW, name_)};            \
        const struct wire_desc wire_##name_##_desc = {                                                                 \
                .name = #name_,                                                                                        \
                .doc = doc_,                                                                                           \
                .fields = name_##_fields,                                                                              \
                .n = ARRAY_LEN(name_##_fields),                                                                        \
                .size = sizeof(struct wire_##name_),                                                                   \
                .max = max_,                                                                                           \
        };                                                                                                             \
        const struct wire_of wire_of_##name_##_msg = {.desc = &wire_##name_##_desc};
WIRE_MESSAGES(MESSAGE_TABLE)

/* ---- numbers of messages ---- */
#define LINK_NUMBER(v, NAME, message, class_, d)                                                                       \
        [v] = {.number = v, .klass = class_, .name = #NAME, .doc = d, .desc = &wire_##message##_desc},
#define SOCKET_NUMBER(v, NAME, message, d) [v] = {.number = v, .name = #NAME, .doc = d, .desc = &wire_##message##_desc},
static const struct wire_number links[] = {LINK_MESSAGES(LINK_NUMBER)};
static const struct wire_number controls[] = {CONTROL_MESSAGES(SOCKET_NUMBER)};
static const struct wire_number owners[] = {OWNER_MESSAGES(SOCKET_NUMBER)};
static const struct wire_number ingests[] = {INGEST_MESSAGES(SOCKET_NUMBER)};
static const struct wire_number ices[] = {ICE_MESSAGES(SOCKET_NUMBER)};
static const struct wire_number names[] = {NAMES_MESSAGES(SOCKET_NUMBER)};
static const struct wire_number routers[] = {ROUTER_MESSAGES(SOCKET_NUMBER)};

static const struct wire_number *number_find(const struct wire_number *rows, size_t n, uint64_t number) {
        return number < n && rows[number].name ? &rows[number] : NULL;
}

const struct wire_number *wire_link_find(uint64_t number) {
        return number_find(links, ARRAY_LEN(links), number);
}

const struct wire_number *wire_control_find(uint64_t number) {
        return number_find(controls, ARRAY_LEN(controls), number);
}

const struct wire_number *wire_owner_find(uint64_t number) {
        return number_find(owners, ARRAY_LEN(owners), number);
}

const struct wire_number *wire_ingest_find(uint64_t number) {
        return number_find(ingests, ARRAY_LEN(ingests), number);
}

const struct wire_number *wire_ice_find(uint64_t number) {
        return number_find(ices, ARRAY_LEN(ices), number);
}

const struct wire_number *wire_names_find(uint64_t number) {
        return number_find(names, ARRAY_LEN(names), number);
}

const struct wire_number *wire_router_find(uint64_t number) {
        return number_find(routers, ARRAY_LEN(routers), number);
}
