/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlightd: reads what it is told, makes what must be on disk, and runs the node until a signal ends it. It holds
 * the device's keys and the group keys; no household key and no clip key ever comes here.
 */
#include "base/dir.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "daemon/datadir.h"
#include "daemon/keyfile.h"
#include "daemon/notify.h"
#include "daemon/settings.h"
#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "porchlightd"
#define EXIT_OK 0
#define EXIT_TROUBLE 1 /* proto/control.def: failed */
#define EXIT_BAD_USAGE 2
#define OWN_UMASK 0077
#define POOL_THREADS "4"        /* one for the disk, two for people's questions, the rest checks signatures */
#define ARENAS 2                /* malloc's: more would keep memory for threads that seldom need it */
#define MMAP_BYTES (128 * 1024) /* larger blocks go back to the system at once */

struct daemon {
        uv_loop_t loop;
        uv_signal_t term, interrupt, hangup;
        struct node *node;
        struct settings args;
        struct settings now;
        struct node_group group; /* of control.sock */
        char *dir;
        bool stopping;
        int exit;
};

/* ---- the process ---- */

static void shut_doors(void) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        umask(OWN_UMASK);
        signal(SIGPIPE, SIG_IGN);
}

static void stay_small(void) {
        setenv("UV_THREADPOOL_SIZE", POOL_THREADS, 1);
        mallopt(M_ARENA_MAX, ARENAS);
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
        mallopt(M_TRIM_THRESHOLD, MMAP_BYTES);
}

static void set_log_level(void) {
        static const char *const words[] = {
                [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
        const char *wanted = getenv("PORCHLIGHT_LOG");
        for (size_t i = 0; wanted && i < ARRAY_LEN(words); i++)
                if (strcmp(wanted, words[i]) == 0)
                        log_set_level((enum log_level)i);
}

/* ---- settings ---- */

/* The whole file, at most SETTINGS_FILE_MAX bytes. 0, or errno. */
static int read_file(const char *path, struct buf *out) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return errno;
        struct stat st;
        int e = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
        while (e == 0 && out->n <= SETTINGS_FILE_MAX) {
                uint8_t *room = buf_room(out, SETTINGS_FILE_MAX + 1);
                ssize_t n = room ? read(fd, room, SETTINGS_FILE_MAX + 1) : -1;
                if (n <= 0) {
                        e = n < 0 ? errno : 0;
                        break;
                }
                buf_used(out, (size_t)n);
        }
        close(fd);
        return out->n > SETTINGS_FILE_MAX ? EFBIG : e;
}

/* The file is read if it is there; one that was named has to be there. */
static bool read_settings(struct daemon *d, struct settings *ret) {
        _clean_(buf_fini) struct buf text = BUF_NULL;
        struct settings file = {.lan = true};
        struct settings_why why;
        bool named = d->args.given[SETTING_CONFIG];
        const char *path = named ? d->args.config : PORCHLIGHT_SYSCONFDIR "/porchlight/porchlight.conf";
        int e = read_file(path, &text);
        if (e && (named || e != ENOENT)) {
                log_error("config: %s: %s; check --config", path, strerror(e));
                return false;
        }
        if (e == 0 && settings_file(&file, buf_span(&text), path, &why)) {
                log_error("config: %s", why.text);
                return false;
        }
        settings_merge(ret, &d->args, &file);
        return true;
}

/* A group that is missing is no reason to keep the socket to oneself: whoever named it counts on it. */
static bool find_group(struct daemon *d) {
        if (!*d->now.group)
                return true;
        errno = 0;
        const struct group *g = getgrnam(d->now.group);
        if (!g) {
                log_error("no-such-group: this machine has no group `%s`%s%s; make it, or change control.group",
                          d->now.group, errno ? ": " : "", errno ? strerror(errno) : "");
                return false;
        }
        d->group = (struct node_group){true, g->gr_gid};
        return true;
}

static bool find_dir(struct daemon *d) {
        _clean_(buf_fini) struct buf dir = BUF_NULL;
        int r = dir_find_new(&dir, d->now.given[SETTING_DATA] ? d->now.data : NULL);
        if (r == DIR_E_LONG)
                log_error("dir-too-long: the folder's path is too long for a socket in it; choose a shorter one with "
                          "--data");
        else if (r)
                log_error("no-dir: no folder is named; give one with --data");
        if (r)
                return false;
        d->dir = strdup(buf_cstr(&dir));
        if (d->dir && datadir_make(d->dir, d->group.given))
                return true;
        log_error("%s: %m; choose another folder with --data", d->dir ? d->dir : "");
        return false;
}

/* ---- the device's key ---- */

static int make_key(const char *dir, struct device_key *ret) {
        struct device_key key;
        randombytes_buf(&key, sizeof(key));
        int r = device_key_create(dir, &key);
        if (r == 0)
                *ret = key;
        hash_wipe(&key, sizeof(key));
        if (r == 0)
                log_info("made this device's key");
        return r;
}

static bool get_key(const char *dir, struct device_key *ret) {
        bool tightened = false;
        int r = device_key_read(dir, ret, &tightened);
        if (r == DEVICE_KEY_E_NONE)
                r = make_key(dir, ret);
        if (tightened)
                log_warning("%s/%s could be read by others; it no longer can", dir, DIR_DEVICE_KEY);
        if (r == 0)
                return true;
        if (r == DEVICE_KEY_E_ACCESS)
                log_error("device-key: %s/%s %s: %m; %s", dir, DIR_DEVICE_KEY, device_key_error(r), device_key_hint(r));
        else
                log_error("device-key: %s/%s %s; %s", dir, DIR_DEVICE_KEY, device_key_error(r), device_key_hint(r));
        return false;
}

/* ---- running ---- */

static void shut(struct daemon *d) {
        if (d->stopping)
                return;
        d->stopping = true;
        notify_send("STOPPING=1");
        if (d->node)
                node_stop(d->node);
        uv_close((uv_handle_t *)&d->term, NULL);
        uv_close((uv_handle_t *)&d->interrupt, NULL);
        uv_close((uv_handle_t *)&d->hangup, NULL);
}

static void on_end_signal(uv_signal_t *handle, int number) {
        struct daemon *d = handle->data;
        log_info("%s: ending", number == SIGTERM ? "SIGTERM" : "SIGINT");
        shut(d);
}

static void put_settings(const struct settings *s, struct node_config *cfg) {
        memcpy(cfg->listen, s->listen, sizeof(cfg->listen));
        cfg->n_listen = s->n_listen;
        memcpy(cfg->advertise, s->advertise, sizeof(cfg->advertise));
        cfg->n_advertise = s->n_advertise;
        cfg->lan = s->lan;
}

/* The folder stays as it is while the daemon runs. */
static void on_hangup(uv_signal_t *handle, _unused_ int number) {
        struct daemon *d = handle->data;
        struct settings next;
        struct node_config cfg = {0};
        if (!read_settings(d, &next)) {
                log_error("keeping the settings as they were");
                return;
        }
        if (strcmp(next.data, d->now.data) != 0)
                log_warning("`data` takes effect when the daemon is started again");
        if (strcmp(next.group, d->now.group) != 0)
                log_warning("`control.group` takes effect when the daemon is started again");
        put_settings(&next, &cfg);
        if (node_reload(d->node, &cfg)) {
                log_error("keeping the settings as they were");
                return;
        }
        d->now = next;
        log_info("settings read again");
}

static void on_ready(void *ctx) {
        struct daemon *d = ctx;
        log_info("ready in %s", d->dir);
        notify_send("READY=1");
}

static void on_broken(void *ctx) {
        struct daemon *d = ctx;
        d->exit = EXIT_TROUBLE;
        shut(d);
}

static void watch_signals(struct daemon *d) {
        static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
        uv_signal_t *handles[] = {&d->term, &d->interrupt, &d->hangup};
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                uv_signal_init(&d->loop, handles[i]);
                handles[i]->data = d;
                uv_signal_start(handles[i], numbers[i] == SIGHUP ? on_hangup : on_end_signal, numbers[i]);
        }
}

static int make_node(struct daemon *d) {
        struct device_key key;
        struct node_config cfg = {
                .dir = d->dir,
                .version = PORCHLIGHT_VERSION,
                .libexec = PORCHLIGHT_LIBEXECDIR,
                .control_group = d->group,
                .on_ready = on_ready,
                .on_broken = on_broken,
                .ctx = d,
        };
        if (!get_key(d->dir, &key))
                return ERR_IO;
        put_settings(&d->now, &cfg);
        memcpy(cfg.mesh.sign_seed, key.sign_seed, sizeof(key.sign_seed));
        cfg.mesh.noise_secret = key.noise_secret;
        cfg.mesh.seal_secret = key.seal_secret;
        cfg.mesh.built = PORCHLIGHT_BUILT;
        randombytes_buf(cfg.mesh.seed, sizeof(cfg.mesh.seed));
        int r = node_new(&d->node, &d->loop, &cfg);
        hash_wipe(&key, sizeof(key));
        hash_wipe(&cfg.mesh, sizeof(cfg.mesh));
        if (r)
                log_error("starting: %s", err_text(r));
        return r;
}

static void run(struct daemon *d) {
        d->exit = EXIT_TROUBLE;
        if (uv_loop_init(&d->loop)) {
                log_error("starting: no event loop");
                return;
        }
        if (make_node(d) == 0) {
                watch_signals(d);
                d->exit = EXIT_OK;
                if (node_start(d->node)) {
                        d->exit = EXIT_TROUBLE;
                        shut(d);
                }
                uv_run(&d->loop, UV_RUN_DEFAULT);
                d->node = node_free(d->node);
        }
        if (CHECK_FAILS(uv_loop_close(&d->loop) == 0))
                d->exit = EXIT_TROUBLE;
        uv_library_shutdown();
}

/* True: answered, and *@ret_exit says how. */
static bool answer_args(struct daemon *d, int argc, char **argv, int *ret_exit) {
        _clean_(buf_fini) struct buf help = BUF_NULL;
        struct settings_why why;
        int r = settings_args(&d->args, argc, argv, &why);
        *ret_exit = r == SETTINGS_E_INPUT ? EXIT_BAD_USAGE : EXIT_OK;
        if (r == SETTINGS_E_INPUT)
                log_error("%s", why.text);
        if (r == SETTINGS_E_VERSION)
                puts(NAME " " PORCHLIGHT_VERSION);
        if (r == SETTINGS_E_HELP) {
                settings_help(&help);
                fputs(buf_cstr(&help), stdout);
        }
        return r != 0;
}

int main(int argc, char **argv) {
        static struct daemon d;
        int answer;
        log_set_name(NAME);
        if (answer_args(&d, argc, argv, &answer))
                return answer;
        shut_doors();
        stay_small();
        set_log_level();
        notify_init();
        if (sodium_init() < 0) {
                log_error("libsodium does not start");
                return EXIT_TROUBLE;
        }
        if (!read_settings(&d, &d.now))
                return EXIT_BAD_USAGE;
        if (!find_group(&d) || !find_dir(&d))
                return EXIT_TROUBLE;
        run(&d);
        free(d.dir);
        return d.exit;
}
