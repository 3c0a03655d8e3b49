/* SPDX-License-Identifier: Apache-2.0 */
#include "ice/serve.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <sodium.h>
#include <string.h>
#include <stun/stunagent.h>
#include <sys/socket.h>

#define QUESTION_MAX 548 /* bytes: more no client has to say (RFC 8489, 6.1) */
#define AT_ONCE 64       /* questions before others have their turn … */
#define AFTER_REST 512   /* … and after a rest: all that the kernel has kept, so that nobody new stands behind it */
#define REST 10000       /* us without reading where no answer is left: who floods gets no whole processor */
#define UDP 8            /* bytes of its header, with which a socket filter sees a datagram */
#define WAITING 1048576  /* bytes of questions before this process has its turn, if the kernel gives as many */
#define NET_BYTES_4 3
#define NET_BYTES_6 6

struct serve_source {
        GSource base;
        struct serve *serve;
};

/* In one of the two forms. */
static size_t answer(StunCompatibility form, struct span question, const struct sockaddr_storage *from,
                     socklen_t from_n, uint8_t *to, size_t room) {
        static const uint16_t known[] = {0};
        bool old = form == STUN_COMPATIBILITY_RFC3489;
        StunAgent agent;
        StunMessage asked, said;
        stun_agent_init(&agent, known, form, STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
        StunValidationStatus v = stun_agent_validate(&agent, &asked, question.p, question.n, NULL, NULL);
        if (v != STUN_VALIDATION_SUCCESS && v != STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE)
                return 0;
        if (stun_message_get_class(&asked) != STUN_REQUEST || stun_message_get_method(&asked) != STUN_BINDING)
                return 0;
        if (v == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE)
                return stun_agent_build_unknown_attributes_error(&agent, &said, to, room, &asked);
        if (!stun_agent_init_response(&agent, &said, to, room, &asked))
                return 0;
        StunMessageReturn r =
                old ? stun_message_append_addr(&said, STUN_ATTRIBUTE_MAPPED_ADDRESS, (const struct sockaddr *)from,
                                               from_n)
                    : stun_message_append_xor_addr(&said, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, from, from_n);
        return r == STUN_MESSAGE_RETURN_SUCCESS ? stun_agent_finish_message(&agent, &said, NULL, 0) : 0;
}

size_t serve_answer(struct span question, const struct sockaddr_storage *from, socklen_t from_n, uint8_t *to,
                    size_t room) {
        size_t n = answer(STUN_COMPATIBILITY_RFC5389, question, from, from_n, to, room);
        return n ? n : answer(STUN_COMPATIBILITY_RFC3489, question, from, from_n, to, room);
}

/* The place of its network: 3 bytes of IPv4, 6 of IPv6. */
static uint8_t *spent_by(struct serve *s, const struct sockaddr_storage *from) {
        const struct sockaddr_in *a4 = (const void *)from;
        const struct sockaddr_in6 *a6 = (const void *)from;
        bool v4 = from->ss_family == AF_INET;
        const uint8_t *p = v4 ? (const uint8_t *)&a4->sin_addr : a6->sin6_addr.s6_addr;
        uint32_t h = s->salt;
        for (size_t i = 0; i < (v4 ? NET_BYTES_4 : NET_BYTES_6); i++)
                h = (h ^ p[i]) * 16777619u + (h >> 15);
        return &s->spent[(h ^ h >> 16) % SERVE_NETS];
}

static void refill(struct serve *s, gint64 now) {
        gint64 passed = now - s->filled;
        unsigned more = (unsigned)MIN(passed * SERVE_A_SECOND / G_USEC_PER_SEC, (gint64)SERVE_A_SECOND);
        if (!more)
                return;
        s->left = MIN(s->left + more, (unsigned)SERVE_A_SECOND);
        s->filled = now;
}

bool serve_may_answer(struct serve *s, const struct sockaddr_storage *from, gint64 now) {
        if (now / G_USEC_PER_SEC != s->second) {
                s->second = now / G_USEC_PER_SEC;
                memset(s->spent, 0, sizeof(s->spent));
        }
        uint8_t *spent = spent_by(s, from);
        refill(s, now);
        if (!s->left || *spent >= SERVE_A_NET)
                return false;
        s->left--;
        (*spent)++;
        return true;
}

static bool answer_one(struct serve *s, int fd) {
        uint8_t question[QUESTION_MAX], said[QUESTION_MAX];
        struct sockaddr_storage from;
        socklen_t from_n = sizeof(from);
        ssize_t n = recvfrom(fd, question, sizeof(question), MSG_DONTWAIT, (struct sockaddr *)&from, &from_n);
        if (n <= 0)
                return n == 0 || errno == EINTR;
        size_t length = serve_answer(span_of(question, (size_t)n), &from, from_n, said, sizeof(said));
        if (length && serve_may_answer(s, &from, g_get_monotonic_time()))
                (void)!sendto(fd, said, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from, from_n);
        return true;
}

static void wait_for(struct serve *s, GIOCondition what, gint64 until) {
        for (int i = 0; i < 2; i++)
                if (s->tag[i])
                        g_source_modify_unix_fd(s->source, s->tag[i], what);
        g_source_set_ready_time(s->source, until);
}

static gboolean on_ready(GSource *source, _unused_ GSourceFunc f, _unused_ gpointer arg) {
        struct serve *s = ((struct serve_source *)source)->serve;
        bool rested = g_source_get_ready_time(source) >= 0;
        refill(s, g_get_monotonic_time());
        for (int i = 0; i < 2; i++)
                for (int k = 0; s->fd[i] >= 0 && k < (rested ? AFTER_REST : AT_ONCE) && answer_one(s, s->fd[i]); k++)
                        ;
        if (!s->left)
                wait_for(s, 0, g_get_monotonic_time() + REST);
        else if (rested)
                wait_for(s, G_IO_IN, -1);
        return G_SOURCE_CONTINUE;
}

/* Only what could be a question wakes this process up or takes room where others wait: of the length that its header says, and no
 * answer, nor anything but STUN. Where the kernel takes no filter, all is looked at here. */
static void set_filter(int fd) {
        static struct sock_filter steps[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, UDP),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 5),
                BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
                BPF_STMT(BPF_MISC | BPF_TAX, 0),
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, UDP + 2),
                BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, UDP + STUN_MESSAGE_HEADER_LENGTH),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        };
        const struct sock_fprog filter = {.len = ARRAY_LEN(steps), .filter = steps};
        const int room = WAITING;
        (void)!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
        (void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

static int open_at(int family, uint16_t port) {
        const int yes = 1;
        struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        set_filter(fd);
        if (family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
        if (bind(fd, family == AF_INET ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6,
                 family == AF_INET ? sizeof(a4) : sizeof(a6)))
                file_close(&fd);
        return fd;
}

static void stop(struct serve *s) {
        for (int i = 0; i < 2; i++) {
                if (s->tag[i])
                        g_source_remove_unix_fd(s->source, s->tag[i]);
                s->tag[i] = NULL;
                file_close(&s->fd[i]);
        }
}

int serve_at(struct serve *s, uint16_t port) {
        static const int families[] = {AF_INET, AF_INET6};
        int e = 0;
        stop(s);
        for (int i = 0; port && i < 2; i++) {
                s->fd[i] = open_at(families[i], port);
                if (s->fd[i] >= 0)
                        s->tag[i] = g_source_add_unix_fd(s->source, s->fd[i], G_IO_IN);
                else
                        e = errno;
        }
        return !port || s->fd[0] >= 0 || s->fd[1] >= 0 ? 0 : e;
}

void serve_init(struct serve *s, GMainContext *on) {
        static GSourceFuncs funcs = {.dispatch = on_ready};
        *s = (struct serve){.fd = {-1, -1}, .filled = g_get_monotonic_time(), .left = SERVE_A_SECOND};
        s->salt = randombytes_random();
        s->source = g_source_new(&funcs, sizeof(struct serve_source));
        ((struct serve_source *)s->source)->serve = s;
        g_source_attach(s->source, on);
}

void serve_fini(struct serve *s) {
        stop(s);
        g_source_destroy(s->source);
        g_source_unref(s->source);
}
