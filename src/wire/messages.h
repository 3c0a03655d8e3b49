/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message as a C struct, expanded from the .def files in proto: struct wire_record, RECORD_KEY_device,
 * wire_record_desc, and every enumeration: enum wire_e_severity, SEVERITY_EXTREME, wire_severity_enum.
 *
 * BYTES, STR and LIST members are spans into the buffer they were decoded from: valid as long as that buffer.
 */
#pragma once

#include "backup.def"
#include "charter.def"
#include "clips.def"
#include "control.def"
#include "enums.def"
#include "ice.def"
#include "ingest.def"
#include "kinds.def"
#include "link.def"
#include "names.def"
#include "owner.def"
#include "records.def"
#include "router.def"
#include "wire/table.h"

/* clang-format off */
/* name, NAME: every enumeration of the protocol */
#define WIRE_ENUMS(E)                                                                                                  \
        E(category, CATEGORY)                                                                                          \
        E(urgency, URGENCY)                                                                                            \
        E(severity, SEVERITY)                                                                                          \
        E(certainty, CERTAINTY)                                                                                        \
        E(status, STATUS)                                                                                              \
        E(doing, DOING)                                                                                                \
        E(state, STATE)                                                                                                \
        E(source, SOURCE)                                                                                              \
        E(happening, HAPPENING)                                                                                        \
        E(precision, PRECISION)                                                                                        \
        E(record, RECORD)                                                                                              \
        E(class, CLASS)                                                                                                \
        E(op, OP)                                                                                                      \
        E(share, SHARE)                                                                                                \
        E(code_state, CODE_STATE)                                                                                      \
        E(reason, REASON)                                                                                              \
        E(set, SET)                                                                                                    \
        E(decline, DECLINE)                                                                                            \
        E(paper, PAPER)                                                                                                \
        E(refusal, REFUSAL)                                                                                            \
        E(relay_why, RELAY_WHY)                                                                                        \
        E(exit, EXIT)                                                                                                  \
        E(fresh, FRESH)                                                                                                \
        E(origin, ORIGIN)                                                                                              \
        E(waits, WAITS)                                                                                                \
        E(media, MEDIA)                                                                                                \
        E(section, SECTION)                                                                                            \
        E(claim, CLAIM)                                                                                                \
        E(proven, PROVEN)                                                                                              \
        E(attested, ATTESTED)                                                                                          \
        E(entry, ENTRY)                                                                                                \
        E(given, GIVEN)                                                                                                \
        E(granted, GRANTED)                                                                                            \
        E(holder, HOLDER)                                                                                              \
        E(clip_state, CLIP_STATE)                                                                                      \
        E(stay, STAY)                                                                                                  \
        E(fetching, FETCHING)                                                                                          \
        E(camera_policy, CAMERA_POLICY)                                                                                \
        E(way, WAY)                                                                                                    \
        E(candidate, CANDIDATE)                                                                                        \
        E(parting, PARTING)                                                                                            \
        E(mapper, MAPPER)                                                                                              \
        E(unmapped, UNMAPPED)                                                                                          \
        E(reach, REACH)

/* clang-format on */

/* SEVERITY_EXTREME = 1, … */
#define WIRE_V_CATEGORY(n, v, s, d) CATEGORY_##n = v,
#define WIRE_V_URGENCY(n, v, s, d) URGENCY_##n = v,
#define WIRE_V_SEVERITY(n, v, s, d) SEVERITY_##n = v,
#define WIRE_V_CERTAINTY(n, v, s, d) CERTAINTY_##n = v,
#define WIRE_V_STATUS(n, v, s, d) STATUS_##n = v,
#define WIRE_V_DOING(n, v, s, d) DOING_##n = v,
#define WIRE_V_STATE(n, v, s, d) STATE_##n = v,
#define WIRE_V_SOURCE(n, v, s, d) SOURCE_##n = v,
#define WIRE_V_HAPPENING(n, v, s, d) HAPPENING_##n = v,
#define WIRE_V_PRECISION(n, v, s, d) PRECISION_##n = v,
#define WIRE_V_RECORD(n, v, s, d) RECORD_##n = v,
#define WIRE_V_CLASS(n, v, s, d) CLASS_##n = v,
#define WIRE_V_OP(n, v, s, d) OP_##n = v,
#define WIRE_V_SHARE(n, v, s, d) SHARE_##n = v,
#define WIRE_V_CODE_STATE(n, v, s, d) CODE_##n = v,
#define WIRE_V_REASON(n, v, s, d) REASON_##n = v,
#define WIRE_V_SET(n, v, s, d) SET_##n = v,
#define WIRE_V_DECLINE(n, v, s, d) DECLINE_##n = v,
#define WIRE_V_PAPER(n, v, s, d) PAPER_##n = v,
#define WIRE_V_REFUSAL(n, v, s, d) REFUSAL_##n = v,
#define WIRE_V_RELAY_WHY(n, v, s, d) RELAY_WHY_##n = v,
#define WIRE_V_EXIT(n, v, s, d) EXIT_##n = v,
#define WIRE_V_FRESH(n, v, s, d) FRESH_##n = v,
#define WIRE_V_ORIGIN(n, v, s, d) ORIGIN_##n = v,
#define WIRE_V_WAITS(n, v, s, d) WAITS_##n = v,
#define WIRE_V_MEDIA(n, v, s, d) MEDIA_##n = v,
#define WIRE_V_SECTION(n, v, s, d) SECTION_##n = v,
#define WIRE_V_CLAIM(n, v, s, d) CLAIM_##n = v,
#define WIRE_V_PROVEN(n, v, s, d) PROVEN_##n = v,
#define WIRE_V_ATTESTED(n, v, s, d) ATTESTED_##n = v,
#define WIRE_V_ENTRY(n, v, s, d) ENTRY_##n = v,
#define WIRE_V_GIVEN(n, v, s, d) GIVEN_##n = v,
#define WIRE_V_GRANTED(n, v, s, d) GRANTED_##n = v,
#define WIRE_V_HOLDER(n, v, s, d) HOLDER_##n = v,
#define WIRE_V_CLIP_STATE(n, v, s, d) CLIP_STATE_##n = v,
#define WIRE_V_STAY(n, v, s, d) STAY_##n = v,
#define WIRE_V_FETCHING(n, v, s, d) FETCHING_##n = v,
#define WIRE_V_CAMERA_POLICY(n, v, s, d) CAMERA_POLICY_##n = v,
#define WIRE_V_WAY(n, v, s, d) WAY_##n = v,
#define WIRE_V_CANDIDATE(n, v, s, d) CANDIDATE_##n = v,
#define WIRE_V_PARTING(n, v, s, d) PARTING_##n = v,
#define WIRE_V_MAPPER(n, v, s, d) MAPPER_##n = v,
#define WIRE_V_UNMAPPED(n, v, s, d) UNMAPPED_##n = v,
#define WIRE_V_REACH(n, v, s, d) REACH_##n = v,

#define WIRE_DECLARE_ENUM(name, NAME)                                                                                  \
        enum wire_e_##name{ENUM_##NAME(WIRE_V_##NAME)};                                                                \
        extern const struct wire_enum wire_##name##_enum;                                                              \
        extern const struct wire_of wire_of_##name;
WIRE_ENUMS(WIRE_DECLARE_ENUM)

/* KIND_FIRE = 1, …; everything else about a kind is in wire_kinds. */
#define WIRE_V_KIND(n, v, ...) KIND_##n = v,
enum wire_alert_kind { KINDS(WIRE_V_KIND) };
extern const struct wire_enum wire_kind_enum;
extern const struct wire_of wire_of_kind;
extern const struct wire_of wire_of_NONE;

struct wire_kind_row {
        const char *spelling;
        const char *doc;
        uint8_t kind, category, urgency, severity, certainty;
        uint16_t hours;     /* default life */
        bool may_be_urgent; /* false: never in the urgent class, whatever its urgency and severity say */
        bool call_first;    /* the tools say "call 112 or 911 first" */
};
extern const struct wire_kind_row wire_kinds[];
extern const size_t wire_kinds_n;
const struct wire_kind_row *wire_kind_find(uint64_t kind); /* NULL: unknown here, treated as `other` */
/* Does an alert with these values go before everything else? */
bool wire_urgent(uint64_t kind, uint64_t urgency, uint64_t severity, uint64_t status);

/* CHARTER_max_members = 1, …, and the bounds of each row. */
#define WIRE_V_CHARTER(key, name, ...) CHARTER_##name = key,
enum wire_charter { CHARTER(WIRE_V_CHARTER) WIRE_CHARTER_END };
struct wire_charter_bound {
        const char *name;
        const char *doc;
        uint32_t key, min, max, preset;
};
extern const struct wire_charter_bound wire_charter_bounds[];
extern const size_t wire_charter_bounds_n;

#define WIRE_MESSAGES(M)                                                                                               \
        RECORD_MESSAGES(M)                                                                                             \
        CLIP_MESSAGES(M)                                                                                               \
        LINK_BODIES(M)                                                                                                 \
        CONTROL_BODIES(M)                                                                                              \
        INGEST_BODIES(M)                                                                                               \
        ICE_BODIES(M)                                                                                                  \
        NAMES_BODIES(M)                                                                                                \
        ROUTER_BODIES(M)                                                                                               \
        OWNER_BODIES(M)

#define WIRE_X_MEMBER(S, key, KIND, name, ...) wire_t_##KIND name;
#define WIRE_X_KEY(S, key, KIND, name, ...) S##_KEY_##name = key,
#define WIRE_DECLARE_MESSAGE(name, NAME, doc, max)                                                                     \
        struct wire_##name {                                                                                           \
                uint64_t has;                                                                                          \
                MSG_##NAME(WIRE_X_MEMBER, NAME)                                                                        \
        };                                                                                                             \
        enum { MSG_##NAME(WIRE_X_KEY, NAME) NAME##_BYTES_MAX = max };                                                  \
        extern const struct wire_desc wire_##name##_desc;                                                              \
        extern const struct wire_of wire_of_##name##_msg;
WIRE_MESSAGES(WIRE_DECLARE_MESSAGE)

/* WIRE_HAS(&rec, RECORD, sensor); WIRE_PUT(&rec, RECORD, sensor, true) sets the member and its bit. */
#define WIRE_HAS(m, NAME, field) ((bool)((m)->has >> NAME##_KEY_##field & 1))
#define WIRE_PUT(m, NAME, field, value) ((m)->field = (value), (m)->has |= UINT64_C(1) << NAME##_KEY_##field)

/* Numbers of the messages on links, control.sock, owner.sock, and of the helpers: LINK_HELLO, CONTROL_POST, OWNER_V_FOUND. */
#define WIRE_V_LINK(v, NAME, ...) LINK_##NAME = v,
#define WIRE_V_CONTROL(v, NAME, ...) CONTROL_##NAME = v,
#define WIRE_V_OWNER(v, NAME, ...) OWNER_##NAME = v,
#define WIRE_V_INGEST(v, NAME, ...) INGEST_##NAME = v,
#define WIRE_V_ICE(v, NAME, ...) ICE_##NAME = v,
#define WIRE_V_NAMES(v, NAME, ...) NAMES_##NAME = v,
#define WIRE_V_ROUTER(v, NAME, ...) ROUTER_##NAME = v,
enum wire_link { LINK_MESSAGES(WIRE_V_LINK) };
enum wire_control { CONTROL_MESSAGES(WIRE_V_CONTROL) };
enum wire_owner { OWNER_MESSAGES(WIRE_V_OWNER) };
enum wire_ingest { INGEST_MESSAGES(WIRE_V_INGEST) };
enum wire_ice { ICE_MESSAGES(WIRE_V_ICE) };
enum wire_names { NAMES_MESSAGES(WIRE_V_NAMES) };
enum wire_router { ROUTER_MESSAGES(WIRE_V_ROUTER) };

/* A numbered message of one of the conversations. */
struct wire_number {
        uint8_t number;
        uint8_t klass; /* links: queue 0…5 */
        const char *name;
        const char *doc;
        const struct wire_desc *desc;
};
const struct wire_number *wire_link_find(uint64_t number); /* NULL: unknown */
const struct wire_number *wire_control_find(uint64_t number);
const struct wire_number *wire_owner_find(uint64_t number);
const struct wire_number *wire_ingest_find(uint64_t number);
const struct wire_number *wire_ice_find(uint64_t number);
const struct wire_number *wire_names_find(uint64_t number);
const struct wire_number *wire_router_find(uint64_t number);
