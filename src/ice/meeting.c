/* SPDX-License-Identifier: Apache-2.0 */
#include "ice/meeting.h"

#include "base/file.h"
#include "ice/place.h"
#include "ice/quic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMPONENT 1
#define PATIENCE (40 * G_USEC_PER_SEC) /* until the stream has to be up: the other home may have to be woken first */
#define OFFERS_MOST 16                 /* candidates of the other side: each costs packets to where it says */
#define EARLY_MOST 8                   /* datagrams kept that came before an own way was found */
#define PIECE 16384                    /* bytes of the stream at once */
#define ARRIVED_STEP 1024              /* bytes: fewer are not told of, half of what the daemon would take notice of */
#define ARRIVED_PERIOD 4000            /* us: not more often */
#define ICE_UFRAG_MOST 33
#define ICE_PWD_MOST 65

struct early {
        size_t n;
        uint8_t bytes[QUIC_DATAGRAM];
};

struct meeting {
        struct list on;
        struct meetings *all;
        uint64_t number;
        bool calls, loopback; /* @loopback: it was told to offer an address of this machine alone */
        NiceAgent *agent;
        guint stream;
        struct cert cert;
        bool told; /* the other side's words are known: */
        struct hash print;
        unsigned offers;
        bool way; /* there is a pair of addresses that works */
        struct quic *quic;
        struct early early[EARLY_MOST];
        unsigned n_early;
        GSource *source; /* of its deadlines and of @fd */
        gpointer tag;
        gint64 patience;
        int given;                   /* by the daemon, for the stream */
        int fd;                      /* of the stream; -1: not up yet */
        uint64_t arrived;            /* what the daemon was told of it, … */
        gint64 told_at;              /* … and when */
        bool heard_all, said_all;    /* the daemon will write no more; it was told that nothing more comes */
        enum wire_e_parting parting; /* it is over; 0: it is not */
};

struct meeting_source {
        GSource base;
        struct meeting *meeting;
};

static uint64_t now_ns(void) {
        return (uint64_t)g_get_monotonic_time() * 1000;
}

/* What it means is seen to by meeting_turn(), from the loop and never from within libnice. */
static void wake(struct meeting *m) {
        g_source_set_ready_time(m->source, 0);
}

static void part(struct meeting *m, enum wire_e_parting why) {
        if (!m->parting)
                m->parting = why;
        wake(m);
}

/* ---- its end ---- */

static void meeting_free(struct meeting *m) {
        m->quic = quic_free(m->quic);
        if (m->agent) {
                g_signal_handlers_disconnect_by_data(m->agent, m);
                if (m->stream)
                        nice_agent_remove_stream(m->agent, m->stream);
                g_object_unref(m->agent);
        }
        cert_fini(&m->cert);
        if (m->source) {
                g_source_destroy(m->source);
                g_source_unref(m->source);
        }
        file_close(&m->fd);
        file_close(&m->given);
        list_drop(&m->on);
        m->all->n--;
        free(m);
}

static void say_end(struct meetings *ms, uint64_t number, enum wire_e_parting why) {
        struct wire_ice_end end = {.meeting = number};
        WIRE_PUT(&end, ICE_END, why, why);
        talk_say(ms->talk, ICE_END, &end);
}

/* ---- the stream ---- */

static void say_up(struct meeting *m) {
        NiceCandidate *here, *there;
        _clean_(buf_fini) struct buf place = BUF_NULL, own = BUF_NULL;
        struct wire_ice_up up = {.meeting = m->number};
        if (!nice_agent_get_selected_pair(m->agent, m->stream, COMPONENT, &here, &there)) {
                part(m, PARTING_LOST);
                return;
        }
        up.here = place_kind(here->type);
        up.there = place_kind(there->type);
        place_list(&there->addr, &place, &up.place);
        place_list(&here->base_addr, &own, &up.own);
        WIRE_PUT(&up, ICE_UP, own, up.own);
        talk_say(m->all->talk, ICE_UP, &up);
}

static void open_stream(struct meeting *m) {
        m->fd = m->given;
        m->given = -1;
        m->patience = G_MAXINT64;
        m->tag = g_source_add_unix_fd(m->source, m->fd, G_IO_IN);
        say_up(m);
}

/* What it has handed over and has not arrived is what the daemon goes by when it decides what to hand over next. Returns when it
 * is to be told of more that has arrived by now; G_MAXINT64: of nothing. */
static gint64 say_arrived(struct meeting *m, gint64 now) {
        uint64_t arrived = quic_arrived(m->quic);
        if (m->fd < 0 || arrived - m->arrived < ARRIVED_STEP)
                return G_MAXINT64;
        if (now < m->told_at + ARRIVED_PERIOD)
                return m->told_at + ARRIVED_PERIOD;
        const struct wire_ice_arrived row = {.meeting = m->number, .bytes = arrived};
        m->arrived = arrived;
        m->told_at = now;
        talk_say(m->all->talk, ICE_ARRIVED, &row);
        return G_MAXINT64;
}

/* What the daemon wrote, as far as QUIC has room. */
static void take_from_daemon(struct meeting *m) {
        uint8_t piece[PIECE];
        while (!m->heard_all) {
                size_t room = MIN(quic_room(m->quic), sizeof(piece));
                ssize_t n = room ? read(m->fd, piece, room) : -1;
                if (n < 0) {
                        if (room && errno != EAGAIN && errno != EINTR)
                                part(m, PARTING_CLOSED);
                        return;
                }
                if (n == 0) {
                        m->heard_all = true;
                        quic_finish(m->quic);
                        return;
                }
                quic_put(m->quic, span_of(piece, (size_t)n));
        }
}

/* What has come, as far as the daemon takes it. */
static void give_to_daemon(struct meeting *m) {
        for (;;) {
                struct span there = quic_look(m->quic);
                if (!there.n)
                        break;
                ssize_t n = send(m->fd, there.p, there.n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0) {
                        if (errno != EAGAIN && errno != EINTR)
                                part(m, PARTING_CLOSED);
                        return;
                }
                quic_drop(m->quic, (size_t)n);
        }
        if (quic_over(m->quic) && !m->said_all) {
                m->said_all = true;
                shutdown(m->fd, SHUT_WR);
        }
}

static GIOCondition waits_for(const struct meeting *m) {
        GIOCondition c = 0;
        if (!m->heard_all && quic_room(m->quic))
                c |= G_IO_IN;
        if (quic_look(m->quic).n)
                c |= G_IO_OUT;
        return c;
}

/* ---- QUIC over the pair ---- */

static void on_datagram_out(void *arg, struct span datagram) {
        struct meeting *m = arg;
        (void)!nice_agent_send(m->agent, m->stream, COMPONENT, (guint)datagram.n, (const gchar *)datagram.p);
}

static void begin_quic(struct meeting *m) {
        if (m->quic || !m->way || !m->told)
                return;
        m->quic = quic_new(m->calls, &m->cert, &m->print, on_datagram_out, m, now_ns());
        if (!m->quic) {
                part(m, PARTING_MEMORY);
                return;
        }
        for (unsigned i = 0; i < m->n_early; i++)
                quic_receive(m->quic, span_of(m->early[i].bytes, m->early[i].n), now_ns());
        m->n_early = 0;
        wake(m);
}

static void on_datagram_in(_unused_ NiceAgent *agent, _unused_ guint stream, _unused_ guint component, guint n,
                           gchar *p, gpointer arg) {
        struct meeting *m = arg;
        if (m->parting || !n)
                return;
        if (m->quic)
                quic_receive(m->quic, span_of((uint8_t *)p, n), now_ns());
        else if (m->n_early < EARLY_MOST && n <= QUIC_DATAGRAM) {
                struct early *e = &m->early[m->n_early++];
                e->n = n;
                memcpy(e->bytes, p, n);
        }
        wake(m);
}

static void look_at_quic(struct meeting *m) {
        switch (quic_state(m->quic)) {
        case QUIC_SHAKING:
                return;
        case QUIC_UP:
                if (m->fd < 0)
                        open_stream(m);
                return;
        case QUIC_CLOSED: /* what has come is still to be fetched */
                if (m->fd < 0 || quic_over(m->quic))
                        part(m, PARTING_CLOSED);
                return;
        case QUIC_STRANGER:
                part(m, PARTING_STRANGER);
                return;
        case QUIC_BROKEN:
                part(m, PARTING_BROKEN);
                return;
        }
}

static void turn_quic(struct meeting *m) {
        if (m->fd >= 0)
                take_from_daemon(m);
        quic_turn(m->quic, now_ns());
        look_at_quic(m);
        if (m->fd < 0 || m->parting)
                return;
        give_to_daemon(m);
        quic_turn(m->quic, now_ns()); /* what was fetched makes room at the other side, which is to be told */
        look_at_quic(m);
        g_source_modify_unix_fd(m->source, m->tag, waits_for(m));
}

static gboolean meeting_turn(GSource *source, _unused_ GSourceFunc f, _unused_ gpointer arg) {
        struct meeting *m = ((struct meeting_source *)source)->meeting;
        g_source_set_ready_time(source, -1);
        if (m->quic && !m->parting)
                turn_quic(m);
        if (!m->parting && g_get_monotonic_time() >= m->patience)
                part(m, m->told ? PARTING_NO_WAY : PARTING_SILENT);
        if (m->parting) {
                say_end(m->all, m->number, m->parting);
                meeting_free(m);
                return G_SOURCE_REMOVE;
        }
        uint64_t next = m->quic ? quic_deadline(m->quic) : QUIC_NEVER;
        gint64 at = next == QUIC_NEVER ? m->patience : MIN(m->patience, (gint64)(next / 1000 + 1));
        if (m->quic)
                at = MIN(at, say_arrived(m, g_get_monotonic_time()));
        g_source_set_ready_time(source, at == G_MAXINT64 ? -1 : at);
        return G_SOURCE_CONTINUE;
}

/* ---- what libnice tells ---- */

static void on_candidate(_unused_ NiceAgent *agent, NiceCandidate *c, gpointer arg) {
        struct meeting *m = arg;
        _clean_(buf_fini) struct buf place = BUF_NULL;
        struct wire_ice_candidate row = {.meeting = m->number,
                                         .kind = place_kind(c->type),
                                         .foundation = span_str(c->foundation),
                                         .priority = c->priority};
        struct wire_ice_place one;
        place_list(&c->addr, &place, &row.place);
        if (c->transport == NICE_CANDIDATE_TRANSPORT_UDP && place_only(&row.place, &one) && place_ok(&one, m->loopback))
                talk_say(m->all->talk, ICE_CANDIDATE, &row);
}

static void on_all(_unused_ NiceAgent *agent, _unused_ guint stream, gpointer arg) {
        struct meeting *m = arg;
        const struct wire_ice_all row = {.meeting = m->number};
        talk_say(m->all->talk, ICE_ALL, &row);
}

static void on_state(_unused_ NiceAgent *agent, _unused_ guint stream, _unused_ guint component, guint state,
                     gpointer arg) {
        struct meeting *m = arg;
        if (state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY) {
                m->way = true;
                begin_quic(m);
        } else if (state == NICE_COMPONENT_STATE_FAILED && (m->way || m->offers))
                part(m, m->way ? PARTING_LOST : PARTING_NO_WAY);
}

/* ---- beginning one ---- */

/* Which addresses to offer, where the daemon says. */
static bool add_own(struct meeting *m, const struct wire_ice_meet *msg) {
        struct wire_list rest = msg->own;
        struct wire_ice_place p;
        while (WIRE_HAS(msg, ICE_MEET, own) && wire_list_next(&wire_ice_place_desc, &rest, &p)) {
                NiceAddress a;
                if (!place_ok(&p, true) || !place_to_nice(&p, &a))
                        return false;
                m->loopback |= !place_ok(&p, false);
                nice_address_set_port(&a, 0);
                if (!nice_agent_add_local_address(m->agent, &a))
                        return false;
        }
        return true;
}

static bool set_doorstep(struct meeting *m, const struct wire_ice_meet *msg) {
        struct wire_ice_place p;
        NiceAddress a;
        char text[NICE_ADDRESS_STRING_LEN];
        if (!WIRE_HAS(msg, ICE_MEET, doorstep))
                return true;
        if (!place_only(&msg->doorstep, &p) || !WIRE_HAS(&p, ICE_PLACE, port) || !place_ok(&p, m->loopback) ||
            !place_to_nice(&p, &a))
                return false;
        nice_address_to_string(&a, text);
        g_object_set(m->agent, "stun-server", text, "stun-server-port", (guint)p.port, NULL);
        return true;
}

/* RFC 5245, 8.1.1.2: the caller's first check names its pair, and the first pair that works is a way. With regular nomination it is
 * asked for once more, a round trip later. */
static NiceAgent *agent_new(GMainContext *on) {
        return g_object_new(NICE_TYPE_AGENT, "main-context", on, "compatibility", NICE_COMPATIBILITY_RFC5245,
                            "ice-trickle", TRUE, "consent-freshness", TRUE, "nomination-mode",
                            NICE_NOMINATION_MODE_AGGRESSIVE, NULL);
}

/* Mapping ports is the daemon's, and it does so for all; TCP it does by itself where that works. */
static bool make_agent(struct meeting *m, const struct wire_ice_meet *msg) {
        m->agent = agent_new(m->all->on);
        if (!m->agent)
                return false;
        g_object_set(m->agent, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode", (gboolean)m->calls, NULL);
        g_signal_connect(m->agent, "new-candidate-full", G_CALLBACK(on_candidate), m);
        g_signal_connect(m->agent, "candidate-gathering-done", G_CALLBACK(on_all), m);
        g_signal_connect(m->agent, "component-state-changed", G_CALLBACK(on_state), m);
        if (!add_own(m, msg) || !set_doorstep(m, msg))
                return false;
        m->stream = nice_agent_add_stream(m->agent, COMPONENT);
        return m->stream && nice_agent_attach_recv(m->agent, m->stream, COMPONENT, m->all->on, on_datagram_in, m);
}

static bool say_words(struct meeting *m) {
        g_autofree gchar *ufrag = NULL, *pwd = NULL;
        if (!nice_agent_get_local_credentials(m->agent, m->stream, &ufrag, &pwd))
                return false;
        const struct wire_ice_words row = {.meeting = m->number,
                                           .ufrag = span_str(ufrag),
                                           .pwd = span_str(pwd),
                                           .print = SPAN_OF(m->cert.print.b)};
        talk_say(m->all->talk, ICE_WORDS, &row);
        return true;
}

static GSource *source_new(struct meeting *m) {
        static GSourceFuncs funcs = {.dispatch = meeting_turn};
        GSource *s = g_source_new(&funcs, sizeof(struct meeting_source));
        ((struct meeting_source *)s)->meeting = m;
        m->patience = g_get_monotonic_time() + PATIENCE;
        g_source_set_ready_time(s, m->patience);
        g_source_attach(s, m->all->on);
        return s;
}

static struct meeting *find(struct meetings *ms, uint64_t number) {
        LIST_EACH (m, &ms->all, struct meeting, on) {
                if (m->number == number && !m->parting)
                        return m;
        }
        return NULL;
}

static void heard_meet(struct meetings *ms, const struct wire_ice_meet *msg) {
        int given = talk_take(ms->talk);
        if (given < 0 || find(ms, msg->meeting)) {
                file_close(&given);
                return;
        }
        struct meeting *m = ms->n < MEETINGS_MOST ? calloc(1, sizeof(*m)) : NULL;
        if (!m) {
                file_close(&given);
                say_end(ms, msg->meeting, ms->n < MEETINGS_MOST ? PARTING_MEMORY : PARTING_MANY);
                return;
        }
        m->all = ms;
        m->number = msg->meeting;
        m->calls = WIRE_HAS(msg, ICE_MEET, calls);
        m->fd = -1;
        m->given = given;
        list_init(&m->on);
        list_push(&ms->all, &m->on);
        ms->n++;
        m->source = source_new(m);
        if (!cert_make(&m->cert) || !make_agent(m, msg) || !say_words(m))
                part(m, PARTING_MEMORY);
        else if (!nice_agent_gather_candidates(m->agent, m->stream))
                part(m, PARTING_NO_NETWORK);
}

/* ---- what the other home says ---- */

static void heard_words(struct meeting *m, const struct wire_ice_words *msg) {
        char ufrag[ICE_UFRAG_MOST], pwd[ICE_PWD_MOST];
        if (m->told)
                return;
        if (!place_ice_chars(msg->ufrag) || !place_ice_chars(msg->pwd)) {
                part(m, PARTING_BROKEN);
                return;
        }
        memcpy(ufrag, msg->ufrag.p, msg->ufrag.n);
        ufrag[msg->ufrag.n] = '\0';
        memcpy(pwd, msg->pwd.p, msg->pwd.n);
        pwd[msg->pwd.n] = '\0';
        memcpy(m->print.b, msg->print.p, sizeof(m->print));
        m->told = nice_agent_set_remote_credentials(m->agent, m->stream, ufrag, pwd);
        begin_quic(m);
}

/* One that may not be used here is passed over: others may do. */
static void heard_candidate(struct meeting *m, const struct wire_ice_candidate *msg) {
        NiceCandidate *c = m->offers < OFFERS_MOST ? place_candidate(msg, m->stream, m->loopback) : NULL;
        if (!c)
                return;
        GSList *one = g_slist_append(NULL, c);
        m->offers++;
        nice_agent_set_remote_candidates(m->agent, m->stream, COMPONENT, one);
        g_slist_free(one);
        nice_candidate_free(c);
}

void meetings_heard(struct meetings *ms, enum wire_ice number, const union frame_message *msg) {
        struct meeting *m;
        switch (number) {
        case ICE_MEET:
                heard_meet(ms, &msg->ice_meet);
                return;
        case ICE_WORDS:
                if ((m = find(ms, msg->ice_words.meeting)))
                        heard_words(m, &msg->ice_words);
                return;
        case ICE_CANDIDATE:
                if ((m = find(ms, msg->ice_candidate.meeting)))
                        heard_candidate(m, &msg->ice_candidate);
                return;
        case ICE_ALL:
                if ((m = find(ms, msg->ice_all.meeting)))
                        nice_agent_peer_candidate_gathering_done(m->agent, m->stream);
                return;
        case ICE_END:
                if ((m = find(ms, msg->ice_end.meeting)))
                        part(m, PARTING_CLOSED);
                return;
        case ICE_UP: /* are only ever said from here, or are another's */
        case ICE_SERVE:
        case ICE_SERVING:
        case ICE_ARRIVED:
                return;
        }
}

void meetings_init(struct meetings *ms, struct talk *talk, GMainContext *on) {
        *ms = (struct meetings){.on = on, .talk = talk};
        list_init(&ms->all);
}

void meetings_fini(struct meetings *ms) {
        LIST_EACH (m, &ms->all, struct meeting, on) {
                meeting_free(m);
        }
}
