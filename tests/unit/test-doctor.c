/* SPDX-License-Identifier: Apache-2.0 */
/* Every check of the doctor: a home that is fine, and one change after the other that makes it ill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define NOW 1795312800u /* 22 Nov 2026 02:00 UTC */
#define UID 1000

static const uint8_t lan[4] = {192, 168, 1, 7}, lo[4] = {127, 0, 0, 1};
static const uint8_t lo6[16] = {[15] = 1};

struct patient {
        struct doctor_facts f;
        struct buf listen;
};

static void listen_on(struct patient *p, const uint8_t *ip4, const uint8_t *ip6) {
        struct wire_addr a = {.port = 7345};
        if (ip4)
                WIRE_PUT(&a, ADDR, ip4, span_of(ip4, 4));
        if (ip6)
                WIRE_PUT(&a, ADDR, ip6, span_of(ip6, 16));
        wire_list_add(&wire_addr_desc, &p->f.status.listen, &p->listen, &a);
}

/* Five homes, three of them stewards, two links of which one came in. */
static void well(struct patient *p) {
        static const char *const names[DOCTOR_FILES] = {"vault", "device.key", "porchlight.db", "control.sock",
                                                        "owner.sock"};
        *p = (struct patient){0};
        struct doctor_facts *f = &p->f;
        f->now = NOW;
        f->uid = f->folder_uid = UID;
        buf_add_str(&f->dir, "/home/anna/lamp");
        f->folder_is_one = true;
        f->folder_mode = 0700;
        for (size_t i = 0; i < DOCTOR_FILES; i++)
                f->files[i] = (struct doctor_file){.name = names[i], .mode = 0600, .uid = UID};
        f->files[DOCTOR_FILE_VAULT].mode = 0700;
        f->device_key = DOCTOR_KEY_WHOLE;
        f->disk_known = true;
        f->disk_free = 5000000000u;
        f->daemon = f->vault = f->peers = true;
        f->status.state = FRESH_CURRENT;
        f->status.version = SPAN_STR("0.1.0");
        WIRE_PUT(&f->status, C_STATUS, mesh, SPAN_STR("Elm Street"));
        f->status.homes = 5;
        f->status.stewards = 3;
        f->status.links = 2;
        f->inbound = 1;
        WIRE_PUT(&f->status, C_STATUS, reach, REACH_YES);
        f->vault_state = (struct wire_o_state){.v = 1, .has_household = true, .passphrase = true};
        WIRE_PUT(&f->status, C_STATUS, backup, NOW - 86400);
        listen_on(p, lan, NULL);
}

static void over(struct patient *p) {
        doctor_facts_fini(&p->f);
        buf_fini(&p->listen);
}

/* That check says @state and @words, in its message or its fix; and no check has trouble without a fix. */
static void expect(struct patient *p, const char *name, enum doctor_state state, const char *words) {
        bool found = false;
        for (const struct doctor_check *check = doctor_checks; check->name; check++) {
                _clean_(doctor_finding_fini) struct doctor_finding d = {0};
                check->look(&p->f, &d);
                assert_true(buf_ok(&d.message) && buf_ok(&d.fix));
                assert_int_equal(d.fix.n > 0, d.state > DOCTOR_OK);
                if (strcmp(check->name, name) != 0)
                        continue;
                found = true;
                if (d.state != state || (!strstr(buf_cstr(&d.message), words) && !strstr(buf_cstr(&d.fix), words)))
                        fail_msg("%s: %d %s %s", name, (int)d.state, buf_cstr(&d.message), buf_cstr(&d.fix));
        }
        assert_true(found);
        over(p);
}

static void all_well(void **state) {
        struct patient p;
        (void)state;
        well(&p);
        for (const struct doctor_check *check = doctor_checks; check->name; check++) {
                _clean_(doctor_finding_fini) struct doctor_finding d = {0};
                check->look(&p.f, &d);
                if (d.state > DOCTOR_OK)
                        fail_msg("%s: %s", check->name, buf_cstr(&d.message));
        }
        over(&p);
}

/* What the kernel gives the daemon, and the vault. */
static void walls_are(struct patient *p, unsigned landlock, bool syscalls, unsigned vault_landlock) {
        WIRE_PUT(&p->f.status, C_STATUS, landlock, landlock);
        WIRE_PUT(&p->f.status, C_STATUS, syscalls, syscalls);
        WIRE_PUT(&p->f.vault_state, O_STATE, landlock, vault_landlock);
        WIRE_PUT(&p->f.vault_state, O_STATE, syscalls, true);
}

#define ILL(change, name, how, words)                                                                                  \
        do {                                                                                                           \
                struct patient p;                                                                                      \
                well(&p);                                                                                              \
                change;                                                                                                \
                expect(&p, name, how, words);                                                                          \
        } while (0)

/* / or somebody's photographs: a chmod there would do harm. */
static void empty(struct patient *p) {
        p->f.folder_mode = 0755;
        for (size_t i = 0; i < DOCTOR_FILES; i++)
                p->f.files[i].why = ENOENT;
}

static void overdue(void **state) {
        (void)state;
        ILL((p.f.grants = true, p.f.overdue = 2), "grants", DOCTOR_WARNING, "grant list --overdue");
}

static void folder(void **state) {
        (void)state;
        ILL(p.f.folder_why = ENOENT, "folder", DOCTOR_PROBLEM, "no folder /home/anna/lamp");
        ILL(p.f.folder_why = EACCES, "folder", DOCTOR_PROBLEM, "as the daemon's user");
        ILL(p.f.folder_is_one = false, "folder", DOCTOR_PROBLEM, "not a folder");
        ILL(p.f.uid = 1001, "folder", DOCTOR_NOTE, "another user");
        ILL(p.f.uid = 0, "folder", DOCTOR_OK, "/home/anna/lamp");
        ILL(p.f.folder_mode = 0755, "access", DOCTOR_WARNING, "chmod 700");
        ILL(empty(&p), "folder", DOCTOR_WARNING, "Nothing of Porchlight");
        ILL(empty(&p), "access", DOCTOR_SKIP, "");
        ILL(p.f.folder_mode = 0711, "access", DOCTOR_OK, "closed");
        ILL(p.f.files[DOCTOR_FILE_DEVICE_KEY].mode = 0644, "access", DOCTOR_PROBLEM,
            "chmod 600 '/home/anna/lamp/device.key'");
        ILL(p.f.files[DOCTOR_FILE_VAULT].mode = 0750, "access", DOCTOR_PROBLEM, "chmod 700 '/home/anna/lamp/vault'");
        ILL(p.f.files[DOCTOR_FILE_OWNER].mode = 0660, "access", DOCTOR_PROBLEM, "owner.sock");
        ILL(p.f.files[DOCTOR_FILE_OWNER].mode = 0666, "access", DOCTOR_OK, "closed"); /* the vault looks who asks */
        ILL(p.f.files[DOCTOR_FILE_CONTROL].mode = 0660, "access", DOCTOR_OK, "closed");
        ILL(p.f.files[DOCTOR_FILE_CONTROL].mode = 0666, "access", DOCTOR_PROBLEM, "control.sock");
        ILL((p.f.files[DOCTOR_FILE_DB].mode = 0644, p.f.files[DOCTOR_FILE_DB].why = ENOENT), "access", DOCTOR_OK, "");
        ILL(p.f.files[DOCTOR_FILE_DB].uid = 0, "owner", DOCTOR_PROBLEM, "chown -R 1000");
        ILL(p.f.files[DOCTOR_FILE_OWNER].uid = 1001, "owner", DOCTOR_SKIP, "");
        ILL(p.f.files[DOCTOR_FILE_VAULT].uid = 1001, "owner", DOCTOR_PROBLEM, "vault belongs");
        ILL(p.f.files[DOCTOR_FILE_VAULT].uid = p.f.files[DOCTOR_FILE_OWNER].uid = 1001, "owner", DOCTOR_SKIP, "");
        ILL(p.f.device_key = DOCTOR_KEY_DAMAGED, "device-key", DOCTOR_PROBLEM, "device.key");
        ILL(p.f.device_key = DOCTOR_KEY_UNKNOWN, "device-key", DOCTOR_SKIP, "");
}

static void machine(void **state) {
        (void)state;
        ILL(p.f.disk_free = 100u * 1024 * 1024, "disk", DOCTOR_OK, "100 MB");
        ILL(p.f.disk_free = 100u * 1024 * 1024 - 1, "disk", DOCTOR_WARNING, "99 MB");
        ILL(p.f.disk_free = 10u * 1024 * 1024 - 1, "disk", DOCTOR_PROBLEM, "9 MB");
        ILL(p.f.now = 0, "clock", DOCTOR_PROBLEM, "1970-01-01");
        ILL(p.f.now = 4200000000u, "clock", DOCTOR_PROBLEM, "timedatectl");
}

static void down(struct patient *p, const char *name, bool socket) {
        p->f.daemon = p->f.vault = p->f.peers = false;
        p->f.files[DOCTOR_FILE_CONTROL].why = socket ? 0 : ENOENT;
        call_error_set(&p->f.daemon_error, EXIT_UNREACHABLE, name, "join the group porchlight", "no answer there");
}

static void daemons(void **state) {
        (void)state;
        ILL(down(&p, "daemon-not-running", false), "daemon", DOCTOR_PROBLEM, "systemctl start porchlight");
        ILL(down(&p, "daemon-not-running", true), "daemon", DOCTOR_PROBLEM, "leftover");
        ILL(down(&p, "no-access", true), "daemon", DOCTOR_PROBLEM, "Join the group porchlight.");
        ILL(down(&p, "daemon-not-running", false), "mesh", DOCTOR_SKIP, "");
        ILL(down(&p, "daemon-not-running", false), "listens", DOCTOR_SKIP, "");
        ILL((p.f.vault = false,
             call_error_set(&p.f.vault_error, EXIT_FAILED, "key-file-damaged", "put it back", "bad")),
            "vault", DOCTOR_PROBLEM, "Put it back.");
        ILL((p.f.vault = false, call_error_set(&p.f.vault_error, EXIT_REFUSED, "no-access", "be the owner", "bad")),
            "vault", DOCTOR_NOTE, "Be the owner.");
        ILL((p.f.vault_state.has_household = false, p.f.main = true), "vault", DOCTOR_PROBLEM, "porchlight restore");
        ILL(p.f.vault_state.has_household = false, "vault", DOCTOR_OK, "on its main device");
        ILL((p.f.vault_state.has_household = false, p.f.status.state = FRESH_NO_MESH), "vault", DOCTOR_OK, "key yet");
        ILL(walls_are(&p, 7, true, 7), "walls", DOCTOR_OK, "keeps");
        ILL(walls_are(&p, 0, true, 0), "walls", DOCTOR_NOTE, "to its own files:");
        ILL(walls_are(&p, 7, true, 0), "walls", DOCTOR_NOTE, "lsm=");
        ILL(walls_are(&p, 7, false, 7), "walls", DOCTOR_NOTE, "libseccomp");
        ILL(walls_are(&p, 0, false, 0), "walls", DOCTOR_NOTE, "files and few");
        ILL(p.f.vault = true, "walls", DOCTOR_SKIP, ""); /* a daemon of an older version says nothing of them */
        ILL(p.f.vault_state.passphrase = false, "passphrase", DOCTOR_NOTE, "porchlight vault passphrase");
        ILL(p.f.vault_state.has_household = false, "passphrase", DOCTOR_SKIP, "");
}

static void meshes(void **state) {
        (void)state;
        ILL(p.f.status.state = FRESH_NO_MESH, "mesh", DOCTOR_PROBLEM, "porchlight join");
        ILL(p.f.status.state = FRESH_NO_MESH, "neighbours", DOCTOR_SKIP, "");
        ILL(p.f.status.state = FRESH_JOINING, "mesh", DOCTOR_WARNING, "waits");
        ILL((p.f.status.state = FRESH_JOINING, WIRE_PUT(&p.f.status, C_STATUS, problem, SPAN_STR("ticket used"))),
            "mesh", DOCTOR_PROBLEM, "ticket used");
        ILL((p.f.status.state = FRESH_RESTORING, WIRE_PUT(&p.f.status, C_STATUS, problem, SPAN_STR("nobody near"))),
            "mesh", DOCTOR_WARNING, "nobody near");
        ILL(p.f.status.has &= ~(UINT64_C(1) << C_STATUS_KEY_backup), "backup", DOCTOR_NOTE, "porchlight backup");
        ILL(p.f.status.backup = NOW - 200 * 86400, "backup", DOCTOR_NOTE, "The newest backup is of");
        ILL(p.f.vault_state.has_household = false, "backup", DOCTOR_SKIP, "");
        ILL(p.f.status.state = FRESH_REMOVED, "mesh", DOCTOR_PROBLEM, "removed");
        ILL((p.f.status.state = FRESH_WAITING, WIRE_PUT(&p.f.status, C_STATUS, problem, SPAN_STR("no place"))), "mesh",
            DOCTOR_PROBLEM, "no place");
        ILL(WIRE_PUT(&p.f.status, C_STATUS, waiting, 2), "places", DOCTOR_WARNING, "wait for a place");
        ILL((p.f.status.state = FRESH_REMOVED, WIRE_PUT(&p.f.status, C_STATUS, problem, SPAN_STR("used twice"))),
            "mesh", DOCTOR_PROBLEM, "This device gets no alerts: used twice.");
        ILL(WIRE_PUT(&p.f.status, C_STATUS, muted_until, NOW + 3600), "mesh", DOCTOR_PROBLEM, "is void until 20");
        ILL((p.f.status.state = FRESH_MUTED, p.f.status.links = 0), "neighbours", DOCTOR_PROBLEM, "");
        ILL(p.f.status.homes = 1, "neighbours", DOCTOR_WARNING, "porchlight invite");
        ILL(p.f.status.unsent = 2, "unsent", DOCTOR_WARNING, "2 posts of this home have reached no other home yet.");
        ILL(WIRE_PUT(&p.f.status, C_STATUS, uninvited, SPAN_STR("nimble")), "devices", DOCTOR_PROBLEM, "nimble");
        ILL(WIRE_PUT(&p.f.status, C_STATUS, code, NOW - 86400), "codes", DOCTOR_NOTE, "porchlight device codes");
        ILL(WIRE_PUT(&p.f.status, C_STATUS, code, NOW - 86399), "codes", DOCTOR_SKIP, "");
        ILL(p.f.status.stewards = 1, "stewards", DOCTOR_WARNING, "member promote");
        ILL((p.f.status.stewards = 1, p.f.status.homes = 2), "stewards", DOCTOR_SKIP, "");
}

static void alone(struct patient *p) {
        p->f.status.state = FRESH_ALONE;
        p->f.status.links = 0;
        WIRE_PUT(&p->f.status, C_STATUS, since, NOW - 3600);
        buf_add_str(&p->f.down, "\n192.0.2.7:7345: connection refused");
}

static void relisten(struct patient *p, const uint8_t *ip4, const uint8_t *ip6) {
        buf_clear(&p->listen);
        p->f.status.listen = (struct wire_list){0};
        if (ip4 || ip6)
                listen_on(p, ip4, ip6);
}

static void links(void **state) {
        (void)state;
        ILL(alone(&p), "neighbours", DOCTOR_PROBLEM, "since today 01:00:\n192.0.2.7:7345: connection refused");
        ILL(relisten(&p, lo, NULL), "listens", DOCTOR_WARNING, "this machine alone");
        ILL(relisten(&p, NULL, lo6), "listens", DOCTOR_WARNING, "this machine alone");
        ILL(relisten(&p, NULL, NULL), "listens", DOCTOR_WARNING, "on no address");
        ILL(relisten(&p, lo, NULL), "port", DOCTOR_SKIP, "");
}

static void outside(struct patient *p, enum wire_e_reach reach, enum wire_e_unmapped why) {
        p->f.status.reach = reach;
        if (why)
                WIRE_PUT(&p->f.status, C_STATUS, unmapped, why);
}

static void ways_in(void **state) {
        (void)state;
        ILL(outside(&p, REACH_MAPPED, 0), "port", DOCTOR_OK, "as the router says");
        ILL(outside(&p, REACH_PUBLIC, 0), "port", DOCTOR_NOTE, "TCP port 7345");
        ILL(outside(&p, REACH_TOLD, 0), "port", DOCTOR_NOTE, "leads to your router");
        ILL(outside(&p, REACH_ROUTER, UNMAPPED_SILENT), "port", DOCTOR_NOTE,
            "cannot reach you (neighbours in this network do)");
        ILL(outside(&p, REACH_ROUTER, UNMAPPED_SILENT), "port", DOCTOR_NOTE,
            "Forward TCP port 7345 to this machine in the router, or switch");
        ILL(outside(&p, REACH_ROUTER, 0), "port", DOCTOR_NOTE, "UPnP");
        ILL(outside(&p, REACH_ROUTER, UNMAPPED_OFF), "port", DOCTOR_NOTE, "reach.mapping yes");
        ILL(outside(&p, REACH_ROUTER, UNMAPPED_ABSENT), "port", DOCTOR_NOTE, "ask it to, is missing.");
        ILL(outside(&p, REACH_ROUTER, UNMAPPED_LIES), "port", DOCTOR_NOTE, "another address than neighbours see");
        ILL(outside(&p, REACH_CARRIER, UNMAPPED_CARRIER), "port", DOCTOR_NOTE, "provider");
}

static void outside6(struct patient *p, enum wire_e_reach reach, enum wire_e_unmapped why, enum wire_e_unmapped why6) {
        outside(p, reach, why);
        WIRE_PUT(&p->f.status, C_STATUS, only6, true);
        if (why6)
                WIRE_PUT(&p->f.status, C_STATUS, unmapped6, why6);
}

/* A home whose only way in is over IPv6. */
static void ways_in6(void **state) {
        (void)state;
        ILL(outside6(&p, REACH_YES, UNMAPPED_CARRIER, 0), "port", DOCTOR_NOTE, "that have IPv6 can reach you.");
        ILL(outside6(&p, REACH_MAPPED, UNMAPPED_CARRIER, 0), "port", DOCTOR_NOTE,
            "that have IPv6 can reach you, as the router says; nobody has yet.");
        ILL(outside6(&p, REACH_MAPPED, UNMAPPED_CARRIER, 0), "port", DOCTOR_NOTE,
            "For homes without IPv6 ask the provider");
        ILL(outside6(&p, REACH_MAPPED, UNMAPPED_REFUSED, 0), "port", DOCTOR_NOTE,
            "For homes without IPv6 forward TCP port 7345 to this machine in the router, or switch");
        ILL(outside6(&p, REACH_YES, UNMAPPED_OFF, UNMAPPED_OFF), "port", DOCTOR_NOTE, "to this machine in the router.");
        ILL(outside6(&p, REACH_MAPPED, UNMAPPED_NO_ROUTER, 0), "port", DOCTOR_NOTE, "For homes without IPv6 invite");
        ILL(outside6(&p, REACH_PUBLIC, UNMAPPED_CARRIER, UNMAPPED_SILENT), "port", DOCTOR_NOTE,
            "over IPv6, in the router's firewall, or switch PCP or UPnP on there.");
        ILL(outside6(&p, REACH_PUBLIC, UNMAPPED_CARRIER, UNMAPPED_SILENT), "port", DOCTOR_NOTE,
            "Whether homes outside this Wi-Fi that have IPv6 can reach you is not known");
        ILL(outside6(&p, REACH_PUBLIC, UNMAPPED_OFF, UNMAPPED_OFF), "port", DOCTOR_NOTE, "reach.mapping yes");
        ILL(outside6(&p, REACH_PUBLIC, UNMAPPED_ABSENT, UNMAPPED_ABSENT), "port", DOCTOR_NOTE, "of this machine.");
        ILL(outside6(&p, REACH_PUBLIC, 0, UNMAPPED_NO_ROUTER), "port", DOCTOR_NOTE, "of this machine.");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_well), cmocka_unit_test(overdue), cmocka_unit_test(folder),
                cmocka_unit_test(machine),  cmocka_unit_test(daemons), cmocka_unit_test(meshes),
                cmocka_unit_test(links),    cmocka_unit_test(ways_in), cmocka_unit_test(ways_in6),
        };
        setenv("TZ", "UTC", 1);
        tzset();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
