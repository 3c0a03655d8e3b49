/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlight-ice: finds ways between homes behind routers, and moves streams of bytes along them. porchlightd has it started
 * when one is first wanted, with a socketpair as file descriptor 3 (proto/ice.def), and lets it end when none is left. It
 * keeps libnice, GLib and a TLS library out of the daemon: what another home sends by UDP is parsed here, by a process that
 * holds no key of the mesh, can open no file and start no program, and sees only what the homes encrypted. Whatever brings
 * it down costs the streams that went through it, which are then made anew.
 */
#include "base/file.h"
#include "base/helper.h"
#include "base/log.h"
#include "ice/cert.h"
#include "ice/meeting.h"
#include "ice/serve.h"
#include "ice/walls.h"

#include <errno.h>
#include <nice/agent.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define NAME "porchlight-ice"
#define DAEMON_FD 3
#define MEMORY_MOST (UINT64_C(1) << 30) /* bytes of addresses */
#define FILES_MOST 1024                 /* descriptors */

static const char help[] = "usage: porchlight-ice\n"
                           "\n"
                           "Finds ways between homes behind routers, for porchlightd, which starts it with a\n"
                           "socket as file descriptor 3. There is nothing to do with it by hand.\n"
                           "\n"
                           "  --help     this text\n"
                           "  --version  the version\n";

struct helper {
        GMainLoop *loop;
        struct talk talk;
        struct meetings meetings;
        struct serve serve;
        bool wrong;
};

static void heard_serve(struct helper *h, const struct wire_ice_serve *msg) {
        struct wire_ice_serving said = {.port = msg->port};
        int e = serve_at(&h->serve, (uint16_t)msg->port);
        if (e)
                WIRE_PUT(&said, ICE_SERVING, error, (uint64_t)e);
        talk_say(&h->talk, ICE_SERVING, &said);
}

static void on_heard(void *arg, enum wire_ice number, const union frame_message *m) {
        struct helper *h = arg;
        if (number == ICE_SERVE)
                heard_serve(h, &m->ice_serve);
        else
                meetings_heard(&h->meetings, number, m);
}

static void on_over(void *arg, bool wrong) {
        struct helper *h = arg;
        h->wrong = wrong;
        g_main_loop_quit(h->loop);
}

/* Libraries read their files when they are first used: before there are walls. */
static bool wake_libraries(void) {
        struct cert c;
        if (sodium_init() < 0 || gnutls_global_init() || !cert_make(&c))
                return false;
        cert_fini(&c);
        NiceAgent *agent = nice_agent_new_full(NULL, NICE_COMPATIBILITY_RFC5245, NICE_AGENT_OPTION_NONE);
        if (!agent)
                return false;
        g_object_unref(agent);
        return true;
}

static int run(void) {
        struct helper h = {.loop = g_main_loop_new(NULL, FALSE),
                           .talk = {.heard = on_heard, .over = on_over, .arg = &h}};
        meetings_init(&h.meetings, &h.talk, g_main_context_default());
        serve_init(&h.serve, g_main_context_default());
        talk_begin(&h.talk, DAEMON_FD, g_main_context_default());
        g_main_loop_run(h.loop);
        meetings_fini(&h.meetings);
        serve_fini(&h.serve);
        talk_end(&h.talk);
        g_main_loop_unref(h.loop);
        if (h.wrong)
                log_error("what the daemon says is none of proto/ice.def: are both of one version?");
        return h.wrong ? EXIT_FAILED : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        struct helper_walls walls;
        int code;
        if (!helper_begins(argc, argv, DAEMON_FD, NAME, NAME " " PORCHLIGHT_VERSION, help, &code))
                return code;
        helper_bound(DAEMON_FD, FILES_MOST, MEMORY_MOST);
        if (!wake_libraries()) {
                log_error("libsodium, GnuTLS or libnice does not start");
                return EXIT_FAILED;
        }
        if (!ice_walls_shut(&walls)) {
                log_error("walls: this kernel does not take its rules: %s; see `dmesg`", strerror(errno));
                return EXIT_FAILED;
        }
        return run();
}
