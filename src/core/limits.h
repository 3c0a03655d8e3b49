/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds and times of the core, each with its reason. */
#pragma once

#define LINKS_MAX 32         /* connections at once, handshakes included */
#define OUTBOUND_WANTED 5    /* enough that one in three may be silent, and all still hear everything */
#define VISITORS_MOST 3      /* members accepted beyond, who only compare and go again */
#define VISIT_TIME 600000    /* ms for that: a day of a busy street over a slow line */
#define VISIT_GRACE 3000     /* ms after which one of them makes room for the next, once everything was compared */
#define INBOUND_MOST 7       /* member links accepted; a newcomer is always heard out */
#define HALFWAY_MOST 2       /* of members who say that they are still joining, beyond: cut off half-way */
#define HANDSHAKE_TIME 10000 /* ms from connection to hello */
#define KEEPALIVE_TIME 60000 /* ms of silence before a ping … */
#define KEEPALIVE_LATER 5000 /* … and so much more where the link was accepted: the other side's ping does for both */
#define SILENCE_TIME 150000  /* ms of silence before hanging up: two pings unanswered */
#define LINK_LIFE 86400000   /* ms: a new handshake each 24 h */
#define PREAUTH_BYTES 4096   /* what a connection may make us hold before it has proved itself (T13) */
#define LINK_WINDOW 65536    /* bytes handed to the kernel ahead of their arrival, for the classes that hurry */
#define WINDOW_FIRST 4096    /* of the others, until the line is known */
#define WINDOW_LEAST 4096    /* of fewer the shell need not say when they have arrived */
#define WINDOW_MOST 262144   /* 10 Mbit/s where an answer takes 200 ms */
#define WINDOW_DELAY 100     /* ms that lower classes may queue on a link */
#define WINDOW_NEAR 4        /* a quarter of that above the shortest time is hardly longer */
#define WINDOW_DOUBT 120000 /* ms without such a one, after which the way may have become longer: it is measured anew */
#define QUEUE_MOST 262144   /* bytes waiting on a link before lower classes are dropped; sync repairs them */
#define QUEUE_HARD 4194304  /* bytes of all classes after which the peer is too slow to keep */
#define SYNC_PERIOD 60000   /* ms between reconciliations with a random neighbour */
#define SYNC_MARGIN 120     /* seconds an element must still live to be compared */
#define RECON_MESSAGE 8000  /* bytes of ranges in one message */
#define RECON_PATIENCE 30000 /* ms a session may wait for an answer */
#define RECON_ROUNDS 64
#define RECON_GIVING 16  /* where neither side lists anything because both disks are full: enough for 16^14 records */
#define PUSH_BATCH 64    /* records fetched from the store at once for one link */
#define PUSH_AHEAD 65536 /* bytes of bulk queued on a link before the next batch is fetched */
#define OPEN_BATCH 256   /* records that came before their key, opened at once; others' wait for one such commit */
#define VERIFYING_MOST 32768 /* records of one link whose signatures are being checked; sync brings the rest */
#define OPENINGS_MOST 12     /* reconciliations a neighbour may open in a row; each costs a snapshot */
#define OPENINGS_TIME 5000   /* ms until it may open one more */
#define GRAFTS_LINK 64       /* announced records waited for, of one neighbour */
#define EAGER_MOST 65536     /* bytes of urgent records waiting on a link, after which others go along the tree */
#define WANT_TIME 50         /* ms an urgent record waits until it is named */
#define WANT_KNOWN 128       /* names remembered, of what did not wait: at 100 alerts a second, of more than a second */
#define WANT_LOOK 256        /* waiting records that names are compared with: more than EAGER_MOST has room for */
#define WANT_SAY 100         /* names in one IDONTWANT */
#define WANT_RIDE 40         /* … that goes in a frame with records: what their padding has room for */
#define ACKS_MOST 25         /* ids in one ACK */
#define ANNOUNCE_TIME 100    /* ms an announcement waits for others */
#define PRUNE_DUPLICATES 5
#define GRAFT_TIME 400      /* ms until an announced record is asked for */
#define RECENT_RECORDS 1024 /* records an IHAVE is compared with */
#define ORPHANS_MOST 256    /* operations kept while their parents are missing */
#define DISMISS_OPS 8       /* operations a removed home is sent last */
#define UNDO_ASKED_MOST 4   /* homes asked to countersign an undo, one after the other */
#define UNDO_PATIENCE 8000  /* ms for each; with all of them less than the 45 s the vault waits */
#define UNSAVED_MOST 16     /* own operations waiting for a full disk */
#define UNSAVED_TIME 5000   /* ms until the disk is tried again */
#define RENEW_STEP 2000     /* ms a rank in making a merge epoch */
#define RENEW_MOST 30000    /* ms at most */
#define KEYS_DAYS 9         /* days a day's key is kept: the longest life of a record, and two for clocks */
#define EPOCHS_MOST 4096    /* group keys held; each removal brings one or a few */
#define EARLY_MOST 16       /* epochs kept while operations of their frontier are missing */
#define FUTURE_SLACK 600    /* seconds a record may lie ahead of mesh time */
#define LIFE_URGENT 86400   /* seconds a record of the class may live */
#define LIFE_NORMAL (7 * 86400)
#define LIFE_NOTICE (3 * 86400)
#define LIFE_ASK (30 * 86400)
#define ASK_DAYS 30 /* days of a period, in which a device has its slots for asks */
#define ASK_SLOTS 4
#define ASK_SPAN 7200       /* seconds an ask may cover … */
#define ASK_RADIUS_LEAST 50 /* … and metres around its cell: never one house … */
#define ASK_RADIUS_MOST 300 /* … and never a quarter of a town */
#define ASK_SHOWN 604800    /* seconds it may live, as any post: of longer ago no newcomer has the key (KEYS_DAYS) */
#define NOTICE_SPAN 86400   /* seconds of footage a notice may tell of */
#define CONTACT_LIFE (7 * 86400) /* seconds */
#define CONTACT_PERIOD 86400     /* seconds between contacts when nothing changed */
#define CONTACT_SPACING 600      /* seconds between contacts at least */
#define CONTACT_LOST 20          /* and so many once in that time, where nobody it names leads to this node any more */
#define CONTACT_TOLD 2           /* seconds its first one waits for what neighbours say of themselves */
#define CONTACT_PROVEN 60        /* seconds, from when it has nobody, before it takes back that it can be called */
#define NAMES_MOST 3             /* host names in a contact: as many as --advertise takes */
#define NAMES_SLOW 1000     /* ms without an answer, after which they are looked up: a call takes a third of that */
#define NAMES_TICKET 30000  /* ms between two lookups of a ticket's, until somebody there answers */
#define NAMES_AGAIN 10000   /* ms until names of one device are looked up again, which so far led nowhere … */
#define NAMES_LONE 2000     /* … and where nobody else can tell where it is, … */
#define NAMES_PART 4        /* … or such a part of the time for which it has been asking, up to DIAL_LAST */
#define CONTACTS_HOUR 12    /* of one device are taken in an hour: twice what an honest one publishes */
#define DIAL_FIRST 1000     /* ms of the first back-off */
#define DIAL_ANEW 250       /* ms in which all is dialled again that was there, or may be here */
#define DIAL_LAST 300000    /* ms of the longest */
#define DIAL_CLOSED_MOST 5  /* dials at once of addresses at which, as is said there, nobody can be called … */
#define DIAL_SLOW 250       /* … and ms without an answer, after which something else is tried besides: RFC 8305, 5 */
#define DIAL_SILENT 1000    /* … and of any other: it takes no place of a link any more, … */
#define DIAL_SILENT_MOST 5  /* … of so many: the kernel waits for ten seconds, and where the line is dead for all */
#define DIAL_TOLD 2000      /* ms in which who has just come up should have told who else there is */
#define DIAL_FULL 60000     /* ms until a home that had no place is asked again; doubles */
#define DIAL_VAIN 32        /* dials in vain after which whoever has a link takes his time … */
#define DIAL_VAIN_STEP 8    /* … which doubles with so many more … */
#define DIAL_PACE 16000     /* … up to so many ms between two */
#define DIAL_STOOD 60000    /* ms after which a link has been of use */
#define DIAL_PSK_TIME 2000  /* ms without an answer to message 1 before another link key is tried */
#define DIAL_LAN_MOST 3     /* outbound links on the local network: the rest of the mesh must stay in reach */
#define DOUBT_TIME 10000    /* ms a link in doubt may stay silent at most, and while much is under way … */
#define DOUBT_LEAST 2000    /* … at least, for a lost packet comes again after a second … */
#define DOUBT_TRIPS 8       /* … and so many times as long as its handshake waited for an answer */
#define DOUBT_FRESH 1000    /* ms since a link was heard, in which it is not doubted because another one is dead */
#define DOUBT_POSTED 500    /* ms without a byte from who was sent what this home posted, until he is asked */
#define DOUBT_QUIET 20000   /* ms without a byte from anybody: the network may be gone though nothing has told */
#define DOUBT_FEW 3         /* links with which somebody is asked then: of more one has its PING about as soon */
#define CROSSED_TIME 3000   /* ms between two links that crossed: more than their ends differ about it */
#define JOIN_PATIENCE 30000 /* ms a `join` command waits */
#define MARK_PERIOD 600     /* seconds between clock marks on disk */
#define SECRETS_MOST 64     /* link keys kept */
#define SECRETS_DAYS 30
#define HAULS_DIALLED 8       /* links for footage: a clip comes from several homes at once … */
#define HAULS_RELAYED 4       /* … and of them those to doorsteps that others have named, or meetings need */
#define HAULS_ACCEPTED 16     /* … and goes to several, and bytes are passed on between as many */
#define HAULS_PASSING 12      /* … that is, between those; the others are for this home's own clips */
#define HAUL_LEFT 5000        /* ms that a link is kept over which bytes were to be passed on, and are not */
#define HAULS_HOUSEHOLD 2     /* of them to one: its main device and the one who watches */
#define HAUL_WAYS 8           /* addresses of a device that are tried */
#define HAUL_KEYS 4           /* link keys tried at each, as at a visit's */
#define HAUL_NEXT_KEY 500     /* ms until the next of them */
#define HAUL_WAITS 60         /* … and as often a meeting is waited for that is there already: as long as one takes */
#define HAUL_IDLE 60000       /* ms without a message, after which nobody needs the link */
#define HAUL_QUEUE 49152      /* bytes waiting on such a link: with the message above it four frames, a LINK_WINDOW */
#define HAUL_DELAY 50         /* ms that they may queue in the kernel and the line: half of what gossip's bulk may */
#define HAUL_DELAY_HURRIED 10 /* … while alerts go about: hardly anything stands before the next */
#define HAUL_HURRIED 10000    /* ms for which one alert makes another likely */
#define HAUL_PAUSE 500 /* ms in which nothing of it goes out after an urgent one: it and its copies have the line */
#define HAUL_WINDOW 4194304     /* bytes that may be with the kernel: 1 Gbit/s where an answer takes 30 ms */
#define HAUL_FRAME_SLOW 4096    /* bytes of a frame on a line … */
#define HAUL_WINDOW_SLOW 131072 /* … whose window is shorter than that: 8 whole frames */
#define MEETS_MOST 8         /* meetings at once: each is a process's worth of sockets, and most come to nothing … */
#define MEETS_CALLED 4       /* … and of them those that others began: they do not take what this home needs */
#define MEETS_HOME 2         /* … and of these one household's, however many devices it has */
#define MEETS_WAYS 3         /* neighbours that pass on what is said in one, in turn, and doorsteps in a contact */
#define MEETS_FEW 48         /* homes, of which a neighbour has a link to one in four: 12 (LINKS_WANTED) */
#define MEETS_VIA_LEAST 2    /* of those that the contact names linked; of fewer another contact tells */
#define MEETS_SAYS 24        /* messages of one side: 16 addresses one by one, words, and the end of both */
#define MEETS_ADDRS 16       /* addresses of one side, as many as porchlight-ice takes */
#define MEETS_GATHER 30      /* ms that addresses wait for others: those of the machine itself come at once */
#define MEETS_AGAIN 2000     /* ms without an answer before all is said again by another way */
#define MEETS_SILENT 3000    /* ms more after the last way before nobody is there */
#define MEETS_PATIENCE 30000 /* ms a meeting may take: STUN through two routers tries for about 20 s */
#define MEETS_ROUND 12000    /* ms until both ends have come to the third one: it may have been named in vain */
#define MEETS_LOST 4         /* in a row without an answer, after which a doorstep that was full is visited again */
#define MEETS_FRESH 120      /* seconds an offer counts, either way of its time: what two mesh clocks differ at most */
#define MEETS_HOUR 30 /* offers of one device answered in an hour in vain: twice what its back-off allows (DIAL_LAST) */
#define MEETS_SEEN 128       /* offers remembered for as long as they could come again */
#define MEETS_SEEN_HOME 32   /* … of them one household's: it does not keep others' from being taken */
#define MEETS_LINK 64        /* of a neighbour's messages for others, and for here, in a row … */
#define MEETS_LINK_TIME 1000 /* … and ms until one more: an honest meeting takes three or four each way */
#define MEETS_QUEUE 8192     /* bytes that hurry and wait on a link, beyond which no more is put before alerts */
#define MEETS_HURRY 2000 /* ms after the answer, in which most ways are found; then a relay serves until there is one */
#define MEETS_SEARCHED 5000       /* ms that a search takes at least that has found nothing */
#define MEETS_VAIN 32             /* devices to which there was no way lately: as many as there may be links … */
#define MEETS_VAIN_TIME 3600000   /* … ms for which that counts: routers are exchanged, and not every hour */
#define MEETS_USELESS 8           /* doorsteps that passed nothing on lately … */
#define MEETS_USELESS_TIME 600000 /* … ms for which others are taken first: its quota may be spent, or its line dead */
#define HIDDEN_DOORS 3            /* that a hidden home calls: they see its address, and all others must not */
#define RELAYS_MOST 48            /* rooms at a doorstep, two for each pair, half of them for footage … */
#define RELAYS_HOUSEHOLD 4 /* … and of either half one household's: its neighbours must leave room for its clips */
#define RELAYS_OWN 16      /* rooms whose end is here: as many as links are wanted, and links for footage */
#define RELAY_AHEAD 131072 /* bytes that wait at a doorstep each way: 50 Mbit/s where an answer takes 20 ms */
#define RELAY_SHARE 4      /* a quarter of the day's bytes is the most for one household, and is kept free of footage */
#define RELAY_PATIENCE 30000 /* ms in which both ends have to come */
#define RELAY_SILENCE 180000 /* ms without a byte: longer than SILENCE_TIME of a link within */
#define RELAY_PAUSED                                                                                                   \
        16384          /* bytes of neighbours' links that go on while footage pauses: an alert, and what answers it */
#define REFRESH_MOST 4 /* tickets in hand at once: one neighbour's may know less than another's */
#define DIAL_KEYS_MOST (SECRETS_MOST + REFRESH_MOST)
