/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meetings. Two homes whose routers let nobody in make a link all the same when both send at once, each to where the other is
 * seen. porchlight-ice does that; what it needs to hear from the other end comes through the mesh, sealed (offer.c), over one
 * or two others who have links to both (doorstep.c). Here is a meeting's life: who begins, what was said and heard, when to say
 * it again by another way, and when to give up. To the rest of the core it is an address that is dialled: it has a link's number
 * from its beginning, and comes up, or does not, as any other (link.c).
 *
 * What one side says is a row of messages with numbers. They are taken in their order, each once; one that is missing is waited
 * for. So whoever is in between can change nothing by repeating, mixing or inventing them.
 */
#include "core/meet.h"

#include "core/core.h"
#include "core/link.h"
#include "core/out.h"
#include "core/reach.h"
#include "core/relay.h"
#include "roster/roster.h"
#include "wire/codec.h"

#include <stdlib.h>

#define CANDIDATES_ROOM 370 /* bytes of candidates in one message, so that it fits with words and all the rest */
_Static_assert(MEETS_ADDRS <= UINT8_MAX && MEETS_SAYS <= 32, "numbers of messages are below 32");

/* ---- states ---- */
static const bool moves[MEET_STATES][MEET_STATES] = {
        [MEET_NONE] = {[MEET_BEGUN] = true, [MEET_CALLED] = true},
        [MEET_BEGUN] = {[MEET_OFFERED] = true, [MEET_NONE] = true},
        [MEET_OFFERED] = {[MEET_TALKING] = true, [MEET_NONE] = true},
        [MEET_CALLED] = {[MEET_TALKING] = true, [MEET_NONE] = true},
        [MEET_TALKING] = {[MEET_NONE] = true},
};

/* What holds in each state: who has said its words, and who has heard the other's. */
static bool holds(const struct meet *x) {
        bool said = x->n_said > 0, heard = x->heard > 0;
        switch (x->state) {
        case MEET_NONE:
                return !x->link && !x->words.n && !x->addrs.n;
        case MEET_BEGUN:
                return x->calls && !said && !heard;
        case MEET_OFFERED:
                return x->calls && said && !heard;
        case MEET_CALLED:
                return !x->calls && !said && heard;
        case MEET_TALKING:
                return said && heard;
        case MEET_STATES:
                break;
        }
        return false;
}

static void move(struct meet *x, enum meet_state to) {
        bool may = moves[x->state][to];
        x->state = to;
        if (CHECK_FAILS(may) || CHECK_FAILS(holds(x)))
                return; /* it is told of: a bug, and the meeting will come to nothing */
}

static void plan(struct mesh *m) {
        m->meet_due = MESH_NEVER;
        for (size_t i = 0; i < MEETS_MOST; i++) {
                const struct meet *x = &m->meets.at[i];
                if (x->state != MEET_NONE)
                        m->meet_due = MIN(m->meet_due, MIN(MIN(x->until, x->hurry), MIN(x->tell, x->again)));
        }
}

static void forget(struct mesh *m, struct meet *x) {
        enum meet_state was = x->state;
        buf_fini(&x->words);
        buf_fini(&x->addrs);
        *x = (struct meet){.state = was};
        move(x, MEET_NONE);
        plan(m);
}

void meets_fini(struct meets *s) {
        for (size_t i = 0; i < MEETS_MOST; i++) {
                buf_fini(&s->at[i].words);
                buf_fini(&s->at[i].addrs);
        }
}

static struct meet *find_link(struct mesh *m, mesh_link link) {
        for (size_t i = 0; i < MEETS_MOST; i++)
                if (m->meets.at[i].state != MEET_NONE && m->meets.at[i].link == link)
                        return &m->meets.at[i];
        return NULL;
}

/* With @device; @calls: that this side began. */
static struct meet *find_with(struct mesh *m, const struct key *device, bool calls) {
        for (size_t i = 0; i < MEETS_MOST; i++) {
                struct meet *x = &m->meets.at[i];
                if (x->state != MEET_NONE && x->calls == calls && key_eq(&x->device, device))
                        return x;
        }
        return NULL;
}

/* PROTOCOL 17.8: "`answer` stands in all that is said by whoever did not begin, and nothing else is taken for an answer" */
static struct meet *find_named(struct mesh *m, const struct key *device, const uint8_t *nonce, bool calls) {
        for (size_t i = 0; i < MEETS_MOST; i++) {
                struct meet *x = &m->meets.at[i];
                if (x->state != MEET_NONE && x->calls == calls && key_eq(&x->device, device) &&
                    memcmp(x->nonce, nonce, sizeof(x->nonce)) == 0)
                        return x;
        }
        return NULL;
}

static struct meet *place(struct mesh *m) {
        for (size_t i = 0; i < MEETS_MOST; i++)
                if (m->meets.at[i].state == MEET_NONE)
                        return &m->meets.at[i];
        return NULL;
}

bool meet_is(const struct link *l) {
        return (l->id & MESH_LINK_MET) != 0;
}

/* ---- saying ---- */
static struct link *way_out(const struct mesh *m, const struct meet *x) {
        return x->n_ways ? link_to_device(m, &x->ways[x->way].next) : NULL;
}

static int say(struct mesh *m, struct meet *x, uint8_t seq) {
        struct link *l = way_out(m, x);
        if (!l)
                return 0;
        x->voice = l->id;
        return offer_say(l, x, seq, &x->said[seq], &x->ways[x->way]);
}

static int say_all(struct mesh *m, struct meet *x) {
        int r = 0;
        for (uint8_t i = 0; !r && i < x->n_said; i++)
                r = say(m, x, i);
        return r;
}

static int say_by(struct mesh *m, struct meet *x, const struct meet_way *way) {
        x->ways[x->way] = *way;
        x->n_ways = MAX(x->n_ways, x->way + 1);
        return say_all(m, x);
}

/* It is the one over which all was said before. */
static bool has_voice(const struct mesh *m, const struct meet *x) {
        const struct link *l = way_out(m, x);
        return l && (l->id == x->voice || !x->n_said);
}

/* Whether what is said now is heard. A visit is over sooner than a meeting: where the link is gone over which this side spoke, it says
 * all again over the next one, or by another neighbour, and then the other side does so, too (rule 17.9). */
static int find_voice(struct mesh *m, struct meet *x, bool *ret_has) {
        struct meet_way ways[MEETS_WAYS];
        *ret_has = has_voice(m, x);
        if (*ret_has || !x->calls)
                return 0;
        *ret_has = true;
        if (way_out(m, x))
                return say_all(m, x);
        *ret_has = doorstep_ways(m, &x->device, ways);
        return *ret_has ? say_by(m, x, &ways[0]) : 0;
}

/* So many candidates go into one message, from the first that is in none. */
static uint8_t that_fit(const struct meet *x) {
        size_t begin = x->n_told ? x->ends[x->n_told - 1] : 0;
        uint8_t n = 0;
        while (x->n_told + n < x->n_addrs && x->ends[x->n_told + n] - begin <= CANDIDATES_ROOM)
                n++;
        return n;
}

static bool has_more(const struct meet *x) { /* one place is kept for the end */
        bool more = !x->n_said || x->n_told < x->n_addrs || (x->all && !x->all_told);
        return x->words.n && more && x->n_said + 1 < MEETS_SAYS;
}

/* PROTOCOL 17.8: "WORDS go first, in message 0; addresses follow as they are found, several in one message" */
static int say_gathered(struct mesh *m, struct meet *x) {
        bool first = !x->n_said, heard;
        x->tell = MESH_NEVER;
        int r = find_voice(m, x, &heard);
        while (!r && has_more(x)) {
                struct meet_said *s = &x->said[x->n_said];
                *s = (struct meet_said){.first = x->n_told, .n = that_fit(x), .words = !x->n_said};
                x->n_told += s->n;
                s->all = x->all_told = x->all && x->n_told == x->n_addrs;
                r = say(m, x, x->n_said++);
        }
        if (r || !first || !x->n_said)
                return r;
        if (x->calls)
                x->again = m->now + MEETS_AGAIN;
        move(x, x->calls ? MEET_OFFERED : MEET_TALKING);
        return 0;
}

/* ---- no way but a third one ---- */
/* PROTOCOL 17.10: "A device that is hidden, or has nothing that could bring a link about, MUST NOT say words or addresses" */
static bool direct(const struct mesh *m) {
        return m->meets.helper && !m->hidden;
}

static int go_round(struct mesh *m, struct meet *x) {
        struct relay_call c = {.inner = x->link,
                               .doorstep = x->doorstep,
                               .with = x->device,
                               .haul = x->calls && carry_of_link(m, x->link)};
        memcpy(c.token, x->token, sizeof(c.token));
        x->relayed = true;
        x->tell = x->hurry = MESH_NEVER;
        x->until = m->now + MEETS_ROUND;
        plan(m);
        return relay_call(m, &c);
}

/* PROTOCOL 17.13: "Either end MAY name a doorstep and a token, once" */
/* Message 0, where nothing else can be said; else the next one. */
static int propose(struct mesh *m, struct meet *x, bool *ret_done) {
        int r = find_voice(m, x, ret_done);
        *ret_done = !r && *ret_done && !x->relayed && x->n_said + 1 < MEETS_SAYS &&
                    doorstep_relay(m, &x->device, &m->rng, &x->doorstep);
        if (!*ret_done)
                return r;
        rng_bytes(&m->rng, x->token, sizeof(x->token));
        x->said[x->n_said] = (struct meet_said){.relay = true};
        r = say(m, x, x->n_said++);
        if (x->state == MEET_BEGUN)
                x->again = m->now + MEETS_AGAIN;
        if (x->state == MEET_BEGUN || x->state == MEET_CALLED)
                move(x, x->calls ? MEET_OFFERED : MEET_TALKING);
        return r ? r : go_round(m, x);
}

/* PROTOCOL 17.10: "a hidden one MUST NOT go to a doorstep that it has no link to" */
/* PROTOCOL 17.13: "It MUST ignore a second one, and one whose contact here does not say so." */
static bool may_go_there(const struct mesh *m, const struct key *doorstep) {
        const struct card *card = address_current(m, doorstep) ? contact_card(m, doorstep) : NULL;
        return card && card->relays && !key_eq(doorstep, &m->sign.pub) && (!m->hidden || link_to_device(m, doorstep));
}

static int stop_search(struct mesh *m, struct meet *x) {
        struct mesh_action *a = x->asked ? out_add(&m->out, MESH_DO_HANGUP) : NULL;
        if (!a)
                return x->asked ? ERR_NOMEM : 0;
        a->link = x->link;
        a->hangup = REASON_SILENT;
        x->asked = false;
        return 0;
}

/* PROTOCOL 17.13: "Where both have named one, that of who began the meeting counts." */
static int agree(struct mesh *m, struct meet *x, const struct wire_meet_said *said) {
        struct key doorstep;
        bool first = !x->named;
        memcpy(doorstep.b, said->doorstep.p, sizeof(doorstep.b));
        x->named = true;
        if (!first || (x->relayed && x->calls) || !may_go_there(m, &doorstep))
                return 0;
        relay_give_up(m, x->link);
        x->doorstep = doorstep;
        memcpy(x->token, said->token.p, sizeof(x->token));
        int r = stop_search(m, x);
        return r ? r : go_round(m, x);
}

static bool has_relay(const struct wire_meet_said *said) {
        return WIRE_HAS(said, MEET_SAID, doorstep) && WIRE_HAS(said, MEET_SAID, token);
}

/* There is a link by way of a third one already, and a better one is looked for. */
static bool goes_round(struct mesh *m, const struct meet *x) {
        bool haul = x->calls && carry_of_link(m, x->link);
        LINK_EACH(l, m) {
                bool up = l->state == LINK_HAUL || l->state == LINK_UP;
                if (up && l->room && key_eq(&l->device, &x->device) && (!x->calls || l->haul == haul))
                        return true;
        }
        return false;
}

/* One that ended sooner was broken off. */
static void learn(struct mesh *m, const struct meet *x) {
        if (!x->relayed && m->now >= x->until - MEETS_PATIENCE + MEETS_SEARCHED)
                lately_no_way(m, &x->device);
}

int meet_no_way(struct mesh *m, mesh_link link, bool *ret_goes_on) {
        struct meet *x = find_link(m, link);
        *ret_goes_on = false;
        if (!x || x->state == MEET_OFFERED) /* nobody is there */
                return 0;
        x->asked = false;
        learn(m, x);
        return goes_round(m, x) ? 0 : propose(m, x, ret_goes_on);
}

/* PROTOCOL 17.14: "Where after 2 s there is none, whoever began SHOULD name a doorstep" */
static int hurry(struct mesh *m, struct meet *x) {
        struct key doorstep;
        bool proposed, heard;
        x->hurry = MESH_NEVER;
        if (!x->asked || goes_round(m, x))
                return 0;
        int r = find_voice(m, x, &heard);
        if (!heard) /* the other side would not hear of it, and nothing is better than the search */
                x->hurry = m->now + MEETS_HURRY;
        if (r || !heard || !doorstep_relay(m, &x->device, NULL, &doorstep))
                return r;
        r = stop_search(m, x);
        return r ? r : propose(m, x, &proposed);
}

/* ---- over ---- */
static int say_end(struct mesh *m, struct meet *x) {
        if (!x->n_said || x->n_said >= MEETS_SAYS)
                return 0;
        x->said[x->n_said] = (struct meet_said){.end = true};
        return say(m, x, x->n_said);
}

/* ---- beginning ---- */
static int hand_out(struct mesh *m, struct meet *x) {
        struct mesh_action *a = out_add(&m->out, MESH_DO_MEET);
        if (!a)
                return ERR_NOMEM;
        a->link = x->link;
        a->meet.calls = x->calls;
        a->meet.doorstep = doorstep_stun(m);
        x->asked = true;
        return 0;
}

static void begin(struct mesh *m, struct meet *x, const struct key *device, bool calls) {
        uint32_t number = ++m->meets.last & (MESH_LINK_MET - 1);
        *x = (struct meet){.calls = calls,
                           .device = *device,
                           .link = MESH_LINK_MET | (calls ? MESH_LINK_DIALLED : 0) | number,
                           .until = m->now + MEETS_PATIENCE,
                           .tell = MESH_NEVER,
                           .again = MESH_NEVER,
                           .hurry = MESH_NEVER};
}

static bool able(const struct mesh *m) {
        return m->member && !m->stopping;
}

static bool has_means(const struct mesh *m, const struct card *card) {
        struct key doorstep;
        return (direct(m) && !card->hidden) || doorstep_relay(m, &card->device, NULL, &doorstep);
}

bool meet_calls(struct mesh *m, const struct key *device) {
        return find_with(m, device, true);
}

bool meet_runs(const struct mesh *m, const struct key *device) {
        for (size_t i = 0; i < MEETS_MOST; i++)
                if (m->meets.at[i].state != MEET_NONE && key_eq(&m->meets.at[i].device, device))
                        return true;
        return false;
}

bool meet_unheard(const struct mesh *m, mesh_link link) {
        for (size_t i = 0; i < MEETS_MOST; i++)
                if (m->meets.at[i].state == MEET_OFFERED && m->meets.at[i].link == link)
                        return m->meets.at[i].unheard;
        return false;
}

static size_t under_way(const struct mesh *m) {
        size_t n = 0;
        for (size_t i = 0; i < MEETS_MOST; i++)
                n += m->meets.at[i].state != MEET_NONE;
        return n;
}

bool meet_room(const struct mesh *m) {
        return under_way(m) < MEETS_MOST - MEETS_CALLED;
}

bool meet_may(const struct mesh *m, const struct key *device) {
        const struct card *card = contact_card(m, device);
        struct meet_way ways[MEETS_WAYS];
        return under_way(m) < MEETS_MOST && able(m) && card && !meet_runs(m, device) &&
               doorstep_ways(m, device, ways) && has_means(m, card);
}

struct mesh_addr meet_place(const struct key *device) {
        struct mesh_addr a = {.port = 0};
        memcpy(a.ip, device->b, sizeof(a.ip));
        return a;
}

bool meet_searches(const struct mesh *m, const struct key *device) {
        const struct card *card = contact_card(m, device);
        return direct(m) && card && !card->hidden && !lately_vain(m, device);
}

int meet_call(struct mesh *m, struct address *a) {
        struct meet *x = place(m);
        if (CHECK_FAILS(x))
                return ERR_BROKEN;
        begin(m, x, &a->device, true);
        rng_bytes(&m->rng, x->nonce, sizeof(x->nonce));
        x->n_ways = doorstep_ways(m, &a->device, x->ways);
        a->link = x->link;
        move(x, MEET_BEGUN);
        plan(m);
        const struct card *card = contact_card(m, &a->device);
        bool may = direct(m) && card && !card->hidden, proposed = false;
        bool round = !may || (lately_vain(m, &a->device) && !goes_round(m, x));
        int r = round ? propose(m, x, &proposed) : 0;
        return r || proposed || !may ? r : hand_out(m, x);
}

bool meet_leads_by(const struct mesh *m, const struct key *neighbour) {
        for (size_t i = 0; i < MEETS_MOST; i++) {
                const struct meet *x = &m->meets.at[i];
                if (x->state != MEET_NONE && x->n_ways && key_eq(&x->ways[x->way].next, neighbour))
                        return true;
        }
        return false;
}

/* ---- ending ---- */
void meet_up(struct mesh *m, mesh_link link) {
        struct meet *x = find_link(m, link);
        if (x)
                forget(m, x);
}

int meet_down(struct mesh *m, mesh_link link) {
        struct meet *x = find_link(m, link);
        int r = x ? say_end(m, x) : 0;
        if (x && x->relayed)
                lately_failed(m, &x->device, &x->doorstep);
        if (x)
                forget(m, x);
        return r;
}

/* From here: the shell is told, and whoever dialled. */
static int give_up(struct mesh *m, struct meet *x) {
        mesh_link link = x->link;
        struct mesh_action *a = out_add(&m->out, MESH_DO_HANGUP);
        if (!a)
                return ERR_NOMEM;
        if (x->calls && !x->heard)
                lately_unanswered(m);
        a->link = link;
        a->hangup = REASON_SILENT;
        mesh_trace(m, "link %u: no meeting", (unsigned)link);
        return link_down(m, link);
}

/* ---- the helper speaks ---- */
static int told_words(struct mesh *m, struct meet *x, struct span map) {
        struct wire_ice_words w;
        if (x->words.n || codec_decode(&wire_ice_words_desc, map, &w, NULL))
                return 0;
        const struct wire_meet_words own = {.ufrag = w.ufrag, .pwd = w.pwd, .print = w.print};
        codec_encode(&wire_meet_words_desc, &own, &x->words);
        x->tell = m->now + MEETS_GATHER;
        return buf_ok(&x->words) ? 0 : ERR_NOMEM;
}

static int told_candidate(struct mesh *m, struct meet *x, struct span map) {
        struct wire_ice_candidate w;
        if (x->n_addrs == MEETS_ADDRS || x->all || codec_decode(&wire_ice_candidate_desc, map, &w, NULL))
                return 0;
        const struct wire_meet_candidate own = {
                .kind = w.kind, .foundation = w.foundation, .priority = w.priority, .place = w.place};
        codec_encode(&wire_meet_candidate_desc, &own, &x->addrs);
        if (!buf_ok(&x->addrs))
                return ERR_NOMEM;
        x->ends[x->n_addrs++] = (uint16_t)x->addrs.n;
        x->tell = MIN(x->tell, m->now + MEETS_GATHER);
        return 0;
}

int meet_told(struct mesh *m, const struct mesh_event *ev) {
        struct meet *x = find_link(m, ev->link);
        int r = 0;
        if (!x || x->relayed)
                return 0;
        if (ev->met.number == ICE_WORDS)
                r = told_words(m, x, ev->met.map);
        else if (ev->met.number == ICE_CANDIDATE && x->words.n)
                r = told_candidate(m, x, ev->met.map);
        else if (ev->met.number == ICE_ALL && x->words.n)
                x->all = true;
        if (x->all && !x->all_told)
                x->tell = m->now;
        plan(m);
        return r;
}

/* ---- and hears ---- */
static int tell(struct mesh *m, const struct meet *x, uint8_t number, const void *row) {
        _clean_(buf_fini) struct buf map = BUF_NULL;
        struct mesh_action *a = out_add(&m->out, MESH_DO_TELL);
        bool ok = true;
        if (!a)
                return ERR_NOMEM;
        codec_encode(wire_ice_find(number)->desc, row, &map);
        a->link = x->link;
        a->tell.number = number;
        a->tell.map = out_keep(&m->out, buf_span(&map), &ok);
        return ok && buf_ok(&map) ? 0 : ERR_NOMEM;
}

static int tell_words(struct mesh *m, const struct meet *x, struct wire_list words) {
        struct wire_meet_words w;
        if (!wire_list_next(&wire_meet_words_desc, &words, &w))
                return 0;
        const struct wire_ice_words row = {.meeting = x->link, .ufrag = w.ufrag, .pwd = w.pwd, .print = w.print};
        return tell(m, x, ICE_WORDS, &row);
}

static int tell_addrs(struct mesh *m, struct meet *x, struct wire_list candidates) {
        struct wire_meet_candidate w;
        int r = 0;
        while (!r && x->their_addrs < MEETS_ADDRS && wire_list_next(&wire_meet_candidate_desc, &candidates, &w)) {
                const struct wire_ice_candidate row = {.meeting = x->link,
                                                       .kind = w.kind,
                                                       .foundation = w.foundation,
                                                       .priority = w.priority,
                                                       .place = w.place};
                x->their_addrs++;
                r = tell(m, x, ICE_CANDIDATE, &row);
        }
        return r;
}

static int tell_said(struct mesh *m, struct meet *x, const struct wire_meet_said *said) {
        const struct wire_ice_all all = {.meeting = x->link};
        if (has_relay(said))
                return agree(m, x, said);
        if (!x->asked)
                return 0;
        int r = x->heard == 1 ? tell_words(m, x, said->words) : 0;
        if (!r && WIRE_HAS(said, MEET_SAID, candidates))
                r = tell_addrs(m, x, said->candidates);
        return !r && WIRE_HAS(said, MEET_SAID, all) ? tell(m, x, ICE_ALL, &all) : r;
}

/* ---- the other side speaks ---- */
/* Over the neighbour it came over, and by the one it was given to first. */
static struct meet_way way_back(const struct link *l, const struct wire_meet_said *said) {
        struct meet_way way = {.next = l->device};
        if (memcmp(said->door.p, l->device.b, sizeof(l->device.b)) != 0)
                memcpy(way.by.b, said->door.p, sizeof(way.by.b));
        return way;
}

static void go_back_by(struct meet *x, const struct link *l, const struct wire_meet_said *said) {
        x->ways[0] = way_back(l, said);
        x->n_ways = 1;
}

/* PROTOCOL 17.9: "Whoever hears message 0 of a meeting again over another link MUST say all it has said over that one, and goes
 * on there, 3 times in a meeting." */
/* More often nobody has neighbours for. Those in between could have it said without end by taking turns. */
static int heard_again(struct link *l, struct meet *x, const struct wire_meet_said *said) {
        if (said->seq || x->calls || key_eq(&l->device, &x->ways[0].next) || x->repeats == MEETS_WAYS)
                return 0;
        x->repeats++;
        go_back_by(x, l, said);
        return say_all(l->m, x);
}

/* PROTOCOL 17.8: "Each side's messages are numbered from 0, and MUST be taken in that order, each once" */
static int heard_more(struct link *l, struct meet *x, const struct wire_meet_said *said) {
        struct mesh *m = l->m;
        if (said->seq < x->heard)
                return heard_again(l, x, said);
        if (x->state == MEET_BEGUN || said->seq > x->heard)
                return 0;
        if (WIRE_HAS(said, MEET_SAID, end)) {
                learn(m, x);
                return give_up(m, x);
        }
        if (!x->heard && !WIRE_HAS(said, MEET_SAID, words) && !has_relay(said))
                return 0;
        x->heard++;
        x->again = MESH_NEVER;
        if (x->state == MEET_OFFERED) {
                lately_answered(m);
                x->hurry = x->asked ? m->now + MEETS_HURRY : MESH_NEVER;
                move(x, MEET_TALKING);
        }
        if (!x->calls)
                go_back_by(x, l, said);
        plan(m);
        return tell_said(m, x, said);
}

static const struct key *home_of(const struct mesh *m, const struct key *device) {
        const struct roster_device *d = roster_device_find(m->roster, device);
        return d ? &d->home->key : NULL;
}

/* Meetings that others began: one household's, or all of them. */
static size_t called_by(struct mesh *m, const struct key *home) {
        size_t n = 0;
        for (size_t i = 0; i < MEETS_MOST; i++) {
                const struct meet *x = &m->meets.at[i];
                const struct key *its = home && x->state != MEET_NONE ? home_of(m, &x->device) : NULL;
                n += x->state != MEET_NONE && !x->calls && (!home || (its && key_eq(its, home)));
        }
        return n;
}

/* The oldest of those whose household has another one. NULL: each has one alone. */
static struct meet *second_of_one(struct mesh *m) {
        struct meet *oldest = NULL;
        for (size_t i = 0; i < MEETS_MOST; i++) {
                struct meet *x = &m->meets.at[i];
                const struct key *its = x->state != MEET_NONE && !x->calls ? home_of(m, &x->device) : NULL;
                if (its && called_by(m, its) > 1 && (!oldest || x->until < oldest->until))
                        oldest = x;
        }
        return oldest;
}

/* PROTOCOL 17.10: "and no more than 4 meetings that others began at a time, 2 of them of one household; where all 4 are taken, a
 * second one of a household gives way to the first of another" */
static int find_place(struct mesh *m, const struct key *home, bool *ret_may) {
        bool full = called_by(m, NULL) >= MEETS_CALLED;
        size_t own = called_by(m, home);
        struct meet *second = full && !own ? second_of_one(m) : NULL;
        *ret_may = place(m) && own < MEETS_HOME && (!full || second);
        return second && *ret_may ? give_up(m, second) : 0;
}

/* PROTOCOL 17.9: "Of two that call each other the meeting of the one with the lower signing key stands" */
static int make_place(struct mesh *m, const struct key *from, const struct key *home, bool *ret_may) {
        struct meet *own = find_with(m, from, true), *earlier = find_with(m, from, false);
        int r = 0;
        *ret_may = !own || memcmp(from->b, m->sign.pub.b, sizeof(from->b)) < 0;
        if (own && *ret_may)
                r = give_up(m, own);
        if (!r && earlier && *ret_may)
                r = give_up(m, earlier); /* that it has let go */
        return r || !*ret_may ? r : find_place(m, home, ret_may);
}

/* PROTOCOL 17.13: "Whoever can do nothing with words answers with a doorstep" */
static int begin_too(struct mesh *m, struct meet *x, const struct wire_meet_said *said) {
        bool proposed = true;
        int r = 0;
        if (!has_relay(said))
                r = direct(m) ? hand_out(m, x) : propose(m, x, &proposed);
        if (!r && proposed)
                r = tell_said(m, x, said);
        if (r || x->state != MEET_CALLED || x->asked || x->relayed)
                return r;
        meet_untaken(m, x); /* nothing will come of it */
        forget(m, x);
        return 0;
}

static int answer(struct link *l, struct meet *x, const struct key *from, const struct wire_meet_said *said) {
        struct mesh *m = l->m;
        begin(m, x, from, false);
        memcpy(x->nonce, said->nonce.p, sizeof(x->nonce));
        x->heard = 1;
        go_back_by(x, l, said);
        move(x, MEET_CALLED);
        plan(m);
        return begin_too(m, x, said);
}

/* PROTOCOL 17.9: "Whoever drops one, and has heard no answer yet, SHOULD say all it has said over the link that it came over" */
/* The other one cannot have heard it when it called: mostly it was told over a link that is dead. */
static int insist(struct link *l, const struct key *from, const struct wire_meet_said *said) {
        struct meet *own = find_with(l->m, from, true);
        const struct meet_way way = way_back(l, said);
        return own && own->state == MEET_OFFERED ? say_by(l->m, own, &way) : 0;
}

static int called(struct link *l, const struct key *from, const struct wire_meet_said *said) {
        struct mesh *m = l->m;
        const struct key *home = home_of(m, from);
        bool may = false;
        int r = home ? meet_charge(m, from, home, said, &may) : 0;
        if (r || !may)
                return r;
        r = make_place(m, from, home, &may);
        if (r)
                return r;
        return may ? answer(l, place(m), from, said) : insist(l, from, said);
}

int meet_heard(struct link *l, const struct wire_meet *msg) {
        struct mesh *m = l->m;
        _clean_(buf_fini) struct buf plain = BUF_NULL;
        struct wire_meet_said said;
        struct key from;
        memcpy(from.b, msg->from.p, sizeof(from.b));
        if (!able(m) || !offer_open(m, msg, &plain, &said))
                return plain.starved ? ERR_NOMEM : 0;
        bool answer = WIRE_HAS(&said, MEET_SAID, answer);
        struct meet *x = find_named(m, &from, said.nonce.p, answer);
        if (x)
                return heard_more(l, x, &said);
        bool words = WIRE_HAS(&said, MEET_SAID, words) || has_relay(&said);
        bool offer = !answer && !said.seq && words && !WIRE_HAS(&said, MEET_SAID, end);
        return offer ? called(l, &from, &said) : 0;
}

/* ---- time ---- */
int meet_means(struct mesh *m) {
        int r = 0;
        for (size_t i = 0; !r && !direct(m) && i < MEETS_MOST; i++)
                if (m->meets.at[i].state != MEET_NONE && m->meets.at[i].asked)
                        r = give_up(m, &m->meets.at[i]);
        doorstep_look(m);
        contacts_learn(m);
        dial_soon(m);
        return r;
}

int meet_helper(struct mesh *m, bool there) {
        m->meets.helper = there;
        m->meets.asked = true;
        return meet_means(m);
}

/* By the next way; after the last one only so long is waited for an answer. */
static int say_again(struct mesh *m, struct meet *x) {
        bool found = false;
        int r = has_voice(m, x) ? 0 : find_voice(m, x, &found);
        x->again = found ? m->now + MEETS_AGAIN : MESH_NEVER;
        x->unheard = true;
        dial_soon(m);
        if (r || found)
                return r;
        if (x->way + 1 == x->n_ways) {
                if (!x->relayed) /* where it is, the other end comes by itself */
                        x->until = MIN(x->until, m->now + MEETS_SILENT);
                return x->n_ways == 1 ? say_all(m, x) : 0;
        }
        x->way++;
        x->again = m->now + MEETS_AGAIN;
        return say_all(m, x);
}

int meet_came(struct mesh *m, const struct key *neighbour) {
        struct meet_way ways[MEETS_WAYS];
        int r = 0;
        for (size_t i = 0; i < MEETS_MOST; i++) {
                struct meet *x = &m->meets.at[i];
                if (x->state != MEET_BEGUN && x->state != MEET_OFFERED)
                        continue;
                size_t n = doorstep_ways(m, &x->device, ways);
                for (size_t k = 0; !r && k < n; k++)
                        if (key_eq(&ways[k].next, neighbour))
                                r = say_by(m, x, &ways[k]);
        }
        return r;
}

static int look_at(struct mesh *m, struct meet *x) {
        int r = x->tell <= m->now ? say_gathered(m, x) : 0;
        if (!r && x->again <= m->now)
                r = say_again(m, x);
        if (!r && x->hurry <= m->now)
                r = hurry(m, x);
        return !r && x->until <= m->now ? give_up(m, x) : r;
}

int meet_tick(struct mesh *m) {
        int r = 0;
        if (m->now < m->meet_due)
                return 0;
        for (size_t i = 0; !r && i < MEETS_MOST; i++)
                if (m->meets.at[i].state != MEET_NONE)
                        r = look_at(m, &m->meets.at[i]);
        plan(m);
        return r;
}

mesh_time meet_deadline(const struct mesh *m) {
        return m->meet_due;
}
