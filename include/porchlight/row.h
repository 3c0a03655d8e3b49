/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the core keeps on disk. The one description the core and the store share: neither knows more of the other.
 */
#pragma once

#include "base/base.h"
#include "porchlight/types.h"
#include "wire/messages.h"

/* STORE hands such a row out, RESTORE takes it back in after a restart. The order of the kinds is the order of RESTORE. */
enum mesh_row_kind {
        MESH_ROW_MARK,
        MESH_ROW_JOIN,
        MESH_ROW_OP,
        MESH_ROW_EPOCH,
        MESH_ROW_REVOKE,
        MESH_ROW_TICKET,
        MESH_ROW_CODE,
        MESH_ROW_CONTACT,
        MESH_ROW_ADDR,
        MESH_ROW_PROOF,
        MESH_ROW_RECORD,
        MESH_ROW_SLOTS,
        MESH_ROW_CLIP,
        MESH_ROW_KINDS
};

struct mesh_row {
        enum mesh_row_kind kind;
        union {
                struct { /* the latest time neighbours or elapsed time have confirmed */
                        mesh_wall wall;
                } mark;
                struct {                    /* waiting for admission, or a member's tickets in hand; both empty: over */
                        struct span op;     /* the add, without countersignature; of a member empty */
                        struct span ticket; /* its text, or their texts, a line each; of a home that comes back out of a
                                               backup its way back */
                } join;
                struct {
                        struct hash id;
                        struct span bytes;
                } op;
                struct { /* replaces an equal id */
                        uint8_t id[16];
                        struct span header;
                        bool has_key;
                        struct key key; /* the group key, ratcheted to day */
                        uint32_t day;
                        struct span left; /* what proves it: hashes of the subtrees left of day */
                        struct key link_key;
                        mesh_wall since; /* when this node got it */
                } epoch;
                struct { /* a ticket or device code taken back; useless after @expires */
                        struct hash id;
                        mesh_wall expires;
                        struct span bytes;
                } revoke;
                struct {                  /* replaces an equal id */
                        struct key id;    /* the invite key */
                        struct span text; /* PORCHLIGHT1… */
                        struct span label;
                        bool revoked;
                } ticket;
                struct {               /* a device code signed here; replaces an equal id */
                        struct key id; /* the code's key */
                        uint8_t share; /* enum wire_e_share */
                        mesh_wall made, expires;
                        bool revoked;
                } code;
                struct { /* replaces an equal device */
                        struct key device;
                        uint64_t seq;
                        struct span bytes;
                } contact;
                struct { /* where a link worked before, or where a person said to knock; replaces an equal address */
                        struct mesh_addr addr;
                        struct key device; /* zeros: not known yet */
                        bool manual;
                        bool gone; /* delete it */
                } addr;
                struct { /* two records of one device in one slot, and what of it counts; useless after @expires */
                        struct hash id;
                        mesh_wall expires;
                        struct span bytes;
                } proof;
                struct {
                        struct hash id;
                        struct key device, household; /* of the slot */
                        struct key signer;            /* of a retraction by another device; zeros: the slot's own */
                        mesh_wall created, expires;
                        uint32_t day;
                        uint16_t index;
                        uint8_t type, klass; /* enum wire_e_record, enum wire_e_class */
                        bool mine;           /* this household's */
                        bool own;            /* this very device's */
                        bool sensor;
                        bool voided;        /* STORE: nothing of it may be read any more. RESTORE: so it is */
                        bool sealed;        /* it cannot be read before the key of an epoch comes … */
                        uint8_t epoch[16];  /* … of this one; zeros: an earlier version did not write down which */
                        struct hash target; /* of follow-ups and retractions; zeros otherwise */
                        struct span bytes;  /* the signed record; empty: only the id is kept (not used by RESTORE) */
                        const struct wire_alert *alert;   /* STORE only: the plaintext, where it could be read */
                        const struct wire_follow *follow; /* STORE only */
                        const struct wire_notice *notice; /* STORE only */
                        const struct wire_ask *ask;       /* STORE only */
                } record;
                struct { /* RESTORE only: own slots of this class and day are used below @next, whatever records say */
                        uint8_t klass;
                        uint32_t day;
                        uint16_t next; /* UINT16_MAX: all, and of an ask all of the period that has this day */
                } slots;
                struct
                { /* a clip taken in here, whose files are on the disk by then. RESTORE: of those this device took in
                            the latest, with its id and place alone */
                        struct hash id;
                        uint64_t seq;         /* its place in this device's chain */
                        struct span manifest; /* signed */
                        struct span sealed;   /* its key, for the household's vault alone */
                        struct span camera;   /* by name, which stays at home */
                        bool as_is;           /* the file was taken with all that stood in it */
                        bool gone;            /* destroy it: of the row its id and place are left */
                } clip;
        };
};
