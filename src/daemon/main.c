/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porchlightd: reads what it is told, makes what must be on disk, and runs the node until a signal ends it. It holds
 * the device's keys and the group keys; no household key and no clip key ever comes here.
 */
#include "base/dir.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "daemon/config.h"
#include "daemon/configfile.h"
#include "daemon/datadir.h"
#include "daemon/keyfile.h"
#include "daemon/notify.h"
#include "daemon/recording.h"
#include "daemon/walls.h"
#include "node/node.h"
#include "node/porter.h"
#include "store/store.h"

#include <errno.h>
#include <malloc.h>
#include <pwd.h>
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
#define OWNER_TEXT 12
#define ARENAS 2                /* malloc's: more would keep memory for threads that seldom need it */
#define MMAP_BYTES (128 * 1024) /* larger blocks go back to the system at once */

struct daemon {
        uv_loop_t loop;
        uv_signal_t term, interrupt, hangup;
        struct node *node;
        struct config config;
        struct node_group group; /* of control.sock */
        char owner[OWNER_TEXT];  /* the vault's, by number; empty: nobody is named */
        char *dir;
        struct recorder_tape tape; /* of --record */
        int control;               /* the listening end of control.sock; -1: none yet */
        struct syscalls filter;    /* being made for the walls */
        bool walled;               /* the walls are up: once for a process */
        struct node_walls walls;
        bool over; /* the mesh is to be forgotten: another node follows */
        bool stopping;
        int exit;
};

/* ---- the process ---- */

static void shut_doors(void) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        umask(OWN_UMASK);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk */
}

static void stay_small(void) {
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

/* A group that is missing is no reason to keep the socket to oneself: whoever named it counts on it. */
static bool find_group(struct daemon *d) {
        if (config_group(&d->config.now, &d->group))
                return true;
        log_error("no-such-group: this machine has no group `%s`%s%s; make it, or change control.group",
                  d->config.now.group, errno ? ": " : "", errno ? strerror(errno) : "");
        return false;
}

static bool find_dir(struct daemon *d) {
        _clean_(buf_fini) struct buf dir = BUF_NULL;
        const struct settings *now = &d->config.now;
        int r = dir_find_new(&dir, now->given[SETTING_DATA] ? now->data : NULL);
        if (r == DIR_E_LONG)
                log_error("dir-too-long: the folder's path is too long for a socket in it; choose a shorter one with "
                          "--data");
        else if (r > 0)
                log_error("no-dir: no folder is named; give one with --data");
        d->dir = r ? NULL : strdup(buf_cstr(&dir));
        d->config.dir = d->dir;
        if (r < 0 || (!r && !d->dir))
                log_error("starting: %s", err_text(r < 0 ? r : ERR_NOMEM));
        return d->dir;
}

/* A name or a number, which need not be anybody's yet. */
static bool find_owner(struct daemon *d) {
        const char *name = d->config.now.owner;
        const struct passwd *p = *name ? getpwnam(name) : NULL;
        char *end = NULL;
        unsigned long uid = p ? p->pw_uid : strtoul(name, &end, 10);
        if (!*name)
                return true;
        if (!p && (*end || uid >= UINT32_MAX)) {
                log_error("no-such-user: this machine has no user `%s`; make it, or change vault.owner", name);
                return false;
        }
        snprintf(d->owner, sizeof(d->owner), "%lu", uid);
        return true;
}

/* The folder may not be there yet; what stands in its place is told before anything is looked for in it. */
static bool is_no_folder(const char *dir) {
        struct stat st;
        if (stat(dir, &st) != 0 || S_ISDIR(st.st_mode))
                return false;
        log_error("not-a-folder: %s is no folder; choose another one with --data", dir);
        return true;
}

/* Others have to pass through the folder, to a socket that is for them. */
static bool make_dir(struct daemon *d) {
        if (datadir_make(d->dir, d->group.given || *d->owner || d->config.now.vault_service))
                return true;
        log_error("%s: %m; choose another folder with --data", d->dir);
        return false;
}

/* The folder is known by the command line and porchlight.conf alone; what was set is in it. */
static bool settle(struct daemon *d) {
        if (!find_dir(d) || is_no_folder(d->dir) || !config_read(&d->config))
                return false;
        d->config.started = d->config.now;
        return find_group(d) && find_owner(d) && make_dir(d);
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
}

static void on_over(void *ctx) {
        struct daemon *d = ctx;
        d->over = true;
        node_stop(d->node);
}

static void on_end_signal(uv_signal_t *handle, int number) {
        struct daemon *d = handle->data;
        if (!d->stopping)
                log_info("%s: ending", number == SIGTERM ? "SIGTERM" : "SIGINT");
        shut(d);
}

static void put_settings(const struct settings *s, struct node_config *cfg) {
        memcpy(cfg->listen, s->listen.at, sizeof(cfg->listen));
        cfg->n_listen = s->listen.n;
        memcpy(cfg->advertise, s->advertise.at, sizeof(cfg->advertise));
        cfg->n_advertise = s->advertise.n;
        cfg->lan = s->lan;
        cfg->mapping = s->mapping;
        cfg->stun = s->stun;
        cfg->hidden = s->hidden;
        cfg->relay_quota = s->relay_quota;
        cfg->clips_quota = s->clips_quota;
        cfg->clips_uplink = s->clips_uplink;
        cfg->clips_cache = s->clips_cache;
        cfg->clips_retention = s->clips_retention;
        cfg->clips_kinds = s->clips_kinds.keep;
        cfg->clips_oldest = s->clips_when_full == SETTINGS_FULL_OLDEST;
}

static bool use_settings(void *ctx, const struct settings *next) {
        struct daemon *d = ctx;
        struct node_config cfg = {0};
        put_settings(next, &cfg);
        return node_reload(d->node, &cfg) == 0;
}

static bool on_config_at(void *ctx, size_t i, struct node_setting *ret) {
        struct daemon *d = ctx;
        return config_at(&d->config, i, ret);
}

static bool on_config_set(void *ctx, struct span key, const struct span *value, struct node_refusal *ret_why) {
        struct daemon *d = ctx;
        return config_set(&d->config, key, value, ret_why);
}

/* The folder stays as it is while the daemon runs. */
static void on_hangup(uv_signal_t *handle, _unused_ int number) {
        struct daemon *d = handle->data;
        static struct config was; /* not on the stack: a few kilobytes */
        was = d->config;
        if (!config_read(&d->config) || !use_settings(d, &d->config.now)) {
                d->config = was;
                log_error("keeping the settings as they were");
                return;
        }
        for (enum setting i = 0; i < SETTINGS_N; i++)
                if (settings_needs_restart(i) && !settings_same(&d->config.now, &d->config.started, i))
                        log_warning("`%s` takes effect when the daemon is started again", settings_key(i));
        log_info("settings read again");
}

static void on_ready(void *ctx) {
        struct daemon *d = ctx;
        log_info("ready in %s", d->dir);
        notify_send("READY=1");
}

static bool shut_walls(void *ctx, struct node_walls *ret) {
        struct daemon *d = ctx;
        if (!d->walled)
                d->walled = walls_shut(d->dir, &d->filter, &d->walls);
        *ret = d->walls;
        return d->walled;
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
                uv_unref((uv_handle_t *)handles[i]); /* the loop ends with the node */
        }
}

/* At the very end: who is told twice, as by a shell that tells the whole group, ends as cleanly as who is told once. */
static void unwatch_signals(struct daemon *d) {
        uv_close((uv_handle_t *)&d->term, NULL);
        uv_close((uv_handle_t *)&d->interrupt, NULL);
        uv_close((uv_handle_t *)&d->hangup, NULL);
}

static int make_node(struct daemon *d, const struct device_key *key) {
        struct node_config cfg = {
                .dir = d->dir,
                .version = PORCHLIGHT_VERSION,
                .control_group = d->group,
                .porter = d->config.porter,
                .control_fd = &d->control,
                .vault_service = d->config.now.vault_service,
                .tape = d->tape.fd >= 0 ? &d->tape : NULL,
                .shut = shut_walls,
                .settings = {on_config_at, on_config_set},
                .on_ready = on_ready,
                .on_broken = on_broken,
                .on_over = on_over,
                .ctx = d,
        };
        put_settings(&d->config.now, &cfg);
        memcpy(cfg.mesh.sign_seed, key->sign_seed, sizeof(key->sign_seed));
        cfg.mesh.noise_secret = key->noise_secret;
        cfg.mesh.seal_secret = key->seal_secret;
        cfg.mesh.built = PORCHLIGHT_BUILT;
        randombytes_buf(cfg.mesh.seed, sizeof(cfg.mesh.seed));
        int r = node_new(&d->node, &d->loop, &cfg);
        hash_wipe(&cfg.mesh, sizeof(cfg.mesh));
        if (r)
                log_error("starting: %s", err_text(r));
        return r;
}

/* Where it fails, nothing is wrong but two files more. */
static void tidy(const char *dir) {
        int r = store_tidy(dir);
        if (r)
                log_debug("%s/%s: its empty log stays: %s", dir, DIR_DB, r > 0 ? store_error_text(r) : err_text(r));
}

static bool start_porter(struct daemon *d) {
        _clean_(buf_fini) struct buf settings = BUF_NULL;
        dir_join(&settings, d->dir, CONFIGFILE_OWN);
        struct porter_house house = {
                .dir = d->dir,
                .libexec = PORCHLIGHT_LIBEXECDIR,
                .files = {d->config.file, buf_cstr(&settings)},
                .keep = configfile_write,
                .renew = device_key_replace,
                .tidy = tidy,
                .vault_owner = d->owner,
                .vault_service = d->config.now.vault_service,
        };
        if (porter_start(&house, &d->config.porter) == 0)
                return true;
        log_error("starting: no process for what is done outside the walls: %m");
        return false;
}

/* From the start of a node to its end. */
static void live(struct daemon *d, const struct device_key *key) {
        d->over = false;
        if (make_node(d, key)) {
                d->exit = EXIT_TROUBLE;
                return;
        }
        if (node_start(d->node)) {
                d->exit = EXIT_TROUBLE;
                shut(d);
        }
        uv_run(&d->loop, UV_RUN_DEFAULT);
        d->node = node_free(d->node);
}

/* Step 3 of vault/over.c: the key first, since a device that the old mesh knows must not come back under it. Where this
 * fails the daemon ends; the vault still knows that it is due. */
static bool forget_mesh(struct daemon *d, struct device_key *key) {
        uint8_t bytes[DEVICE_KEY_BYTES];
        randombytes_buf(key, sizeof(*key));
        device_key_format(key, bytes);
        int e = porter_renew(d->config.porter, SPAN_OF(bytes));
        hash_wipe(bytes, sizeof(bytes));
        if (e)
                log_error("device-key: a fresh one could not be written: %s; free some space, then start again",
                          strerror(e));
        int r = e ? 0 : store_clear(d->dir);
        if (r)
                log_error("%s/%s: %s", d->dir, DIR_DB, r > 0 ? store_error_text(r) : err_text(r));
        if (e || r)
                d->exit = EXIT_TROUBLE;
        else
                log_info("the mesh is forgotten: the store is empty, and this device has a fresh key");
        return !e && !r;
}

static void run(struct daemon *d) {
        struct device_key key = {0};
        d->exit = EXIT_TROUBLE;
        if (uv_loop_init(&d->loop)) {
                log_error("starting: no event loop");
                return;
        }
        if (get_key(d->dir, &key) && recording_open(&d->config.now, &d->tape)) {
                watch_signals(d);
                d->exit = EXIT_OK;
                do {
                        live(d, &key);
                } while (d->over && d->exit == EXIT_OK && forget_mesh(d, &key) && !d->stopping);
                shut(d);
                unwatch_signals(d);
                uv_run(&d->loop, UV_RUN_DEFAULT);
                recording_close(&d->tape);
        }
        hash_wipe(&key, sizeof(key));
        if (CHECK_FAILS(uv_loop_close(&d->loop) == 0))
                d->exit = EXIT_TROUBLE;
        uv_library_shutdown();
}

/* True: answered, and *@ret_exit says how. */
static bool answer_args(struct daemon *d, int argc, char **argv, int *ret_exit) {
        _clean_(buf_fini) struct buf help = BUF_NULL;
        struct said why;
        int r = settings_args(&d->config.ranks[SETTINGS_ARGS], argc, argv, &why);
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
        static struct daemon d = {.config.porter = -1, .control = -1, .tape.fd = -1, .exit = EXIT_TROUBLE};
        int answer;
        file_hold_std();
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
        const struct settings *args = &d.config.ranks[SETTINGS_ARGS];
        d.config.file =
                args->given[SETTING_CONFIG] ? args->config : PORCHLIGHT_SYSCONFDIR "/porchlight/porchlight.conf";
        d.config.use = use_settings;
        d.config.ctx = &d;
        if (!config_read(&d.config))
                return EXIT_BAD_USAGE;
        if (settle(&d) && start_porter(&d)) {
                walls_begin(&d.filter); /* as the porter: before there is a key in memory */
                run(&d);
                if (d.control >= 0)
                        close(d.control);
                porter_tidy(d.config.porter);
                if (d.over) /* no node follows that would take the socket away */
                        porter_clear_control(d.config.porter);
                close(d.config.porter);
        }
        config_fini(&d.config);
        free(d.dir);
        return d.exit;
}
