/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains: no key does two jobs, and no signature, hash, derived key or sealed box of one job is any good in another (T02).
 * The text goes into the computation with its terminating NUL; texts are never reused.
 */
#pragma once

/* clang-format off */
#define DOMAINS(D)                                                                                                     \
        D(RECORD, "porchlight/1 record")             /* id of a record; device signature over it */                    \
        D(CONTACT, "porchlight/1 contact")           /* hash of a contact; device signature */                         \
        D(EPOCH, "porchlight/1 epoch")               /* hash of an epoch header; device signature */                   \
        D(OP, "porchlight/1 operation")              /* hash under the household's signature of an operation */        \
        D(OP_INVITE, "porchlight/1 operation invite") /* the invite key's signature over the same hash */              \
        D(OP_ADMIT, "porchlight/1 operation admit")  /* the countersigning device's signature */                       \
        D(OP_ID, "porchlight/1 operation id")        /* id of a whole operation */                                     \
        D(DEVICE, "porchlight/1 device")             /* a device's word that it has its keys, and whose it is */      \
        D(INVITE, "porchlight/1 invite")             /* the inviter device's signature on the public half of a ticket */ \
        D(OP_CODE, "porchlight/1 operation code")    /* a device code's signature over the hash of a device-add */     \
        D(CODE, "porchlight/1 device code")          /* the household's signature on the public half of a code */      \
        D(CODE_BLIND, "porchlight/1 device code blind") /* hash of a device code's private part */                     \
        D(REVOKE, "porchlight/1 revoke")             /* hash of a ticket's revocation; device signature */             \
        D(VOID, "porchlight/1 void")                 /* the element a voided slot is in reconciliation */               \
        D(MUTE, "porchlight/1 mute")                 /* the element an hour is in which a device was found out */       \
        D(TICKET_BLIND, "porchlight/1 ticket blind") /* hash of a ticket's private part */                             \
        D(CHECK_WORDS, "porchlight/1 check words")   /* the four words to compare by telephone */                      \
        D(COMMIT_KEY, "porchlight/1 commit group key") /* a leaf of an epoch's tree of keys */                         \
        D(COMMIT_DAYS, "porchlight/1 commit days")   /* what is above its leaves */                                    \
        D(COMMIT_LINK, "porchlight/1 commit link key")                                                                 \
        D(DAY, "porchlight/1 day")                   /* group key of the next day */                                   \
        D(RECORD_KEY, "porchlight/1 record key")     /* key of one record */                                           \
        D(CONTACT_KEY, "porchlight/1 contact key")                                                                     \
        D(REMOVED, "porchlight/1 removed set")       /* hash of a removed set */                                       \
        D(SALT, "porchlight/1 link salt")            /* SipHash key of a link */                                       \
        D(RANK, "porchlight/1 overlay rank")                                                                           \
        D(BEACON, "porchlight/1 beacon")                                                                               \
        D(MEET, "porchlight/1 meet")                 /* a device's signature on what it says in a meeting; the box around it */ \
        D(RNG, "porchlight/1 rng")                                                                                     \
        D(SEALED, "porchlight/1 sealed box")         /* the key of a sealed box; the caller's context goes in as well */ \
        D(MANIFEST, "porchlight/1 manifest")         /* id of a clip; device signature over it */                      \
        D(CHUNK, "porchlight/1 chunk")               /* hash of a chunk's ciphertext; of all those hashes */           \
        D(CLIP_KEY, "porchlight/1 clip key")         /* what a manifest says of its key */                             \
        D(CAMERA, "porchlight/1 camera")             /* hash of a camera's name */                                     \
        D(GRANT, "porchlight/1 grant")               /* id of a grant; the owner's signature */                        \
        D(GRANT_OVER, "porchlight/1 grant taken back")                                                                 \
        D(RECEIPT, "porchlight/1 receipt")           /* the recipient's signature on the terms */                      \
        D(ATTEST, "porchlight/1 attestation")        /* what a device says it did under a grant */                     \
        D(REQUEST, "porchlight/1 request")           /* id of a request for a clip; device signature */                \
        D(SEEK, "porchlight/1 seek")                 /* how a clip is asked after where it may not be known */         \
        D(RULE, "porchlight/1 rule")                 /* id of the owner's rule for an emergency; household signature */ \
        D(LEDGER, "porchlight/1 ledger")             /* hash of a line of the ledger */                                \
        D(LINE, "porchlight/1 ledger line")          /* of its bytes alone, without the line before it */              \
        D(BUNDLE, "porchlight/1 bundle")             /* the owner's word on an evidence bundle */                      \
        D(BUNDLE_SUM, "porchlight/1 bundle sum")     /* of the sections before it */                                   \
        D(KEY_FILE, "porchlight/1 key file")         /* AEAD of the vault's key file */                                \
        D(FETCH, "porchlight/1 fetch")               /* hash at the end of what a fetch keeps beside its clip */           \
        D(DEVICE_FILE, "porchlight/1 device file")   /* hash at the end of the daemon's key file */                    \
        D(SETTINGS, "porchlight/1 settings")         /* sum of what `config set` wrote */                               \
        D(BACKUP, "porchlight/1 backup")                                                                               \
        D(RECORDING, "porchlight/1 recording")       /* key, boxes and sums of a recording; digests of actions in it */
/* clang-format on */

enum domain {
#define DOMAIN_X(name, text) DOMAIN_##name,
        DOMAINS(DOMAIN_X)
#undef DOMAIN_X
                DOMAIN_COUNT
};

/* The text of a domain. */
const char *domain_text(enum domain d);
