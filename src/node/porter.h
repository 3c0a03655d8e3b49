/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The porter: a process that stays outside the daemon's walls and does for it the few things that cannot be done from
 * within. The daemon forks it before it has read a key or a byte from outside; it has no network, and hears of nothing but
 * orders of one byte each, whose subjects were settled when it was made; to two of them belong bytes, which become the
 * daemon's own settings and, when a mesh is forgotten, the device's key file, and to two more the number of a program of ours.
 * A daemon that was taken over can have a vault or such a program started, its settings changed and its own socket removed,
 * its own key replaced, an empty log cleared away, and no more.
 *
 * It ends when the daemon does, after the vault has.
 */
#pragma once

#include "base/base.h"

#define PORTER_TEXT_MAX (64 * 1024) /* what porter_keep() takes */

/* Programs of ours that need neither a key nor a file of DIR: each has a stream to the daemon, and ends with it. The one that asks
 * the router runs once for IPv4 and once for IPv6: neither has to wait for the other, or dies of what the other was told. */
enum porter_program { PORTER_ICE, PORTER_NAMES, PORTER_ROUTER, PORTER_ROUTER6, PORTER_PROGRAMS };

/* What porter_open() opens. */
enum porter_file { PORTER_CONFIG, PORTER_SETTINGS, PORTER_FILES };

/* What its orders are about. Borrowed until porter_start() returns. */
struct porter_house {
        const char *dir, *libexec;
        const char *files[PORTER_FILES];
        /* Keeps a small text for the daemon. 0, or errno. */
        int (*keep)(const char *dir, struct span text);
        /* Puts a fresh device key in the place of the old one. 0, or errno. */
        int (*renew)(const char *dir, struct span key);
        /* Clears away what a store that was closed left in the folder. */
        void (*tidy)(const char *dir);
        const char *vault_owner; /* "" or who the vault is to take for the owner: a user's name or number */
        bool vault_service;      /* the vault runs by itself: connect to DIR/vault.sock, start none */
};

enum {
        PORTER_E_NONE = 1,     /* the program is nowhere, or does not start */
        PORTER_E_AWAY = 2,     /* it runs by itself, and does not answer now */
        PORTER_E_STRANGER = 3, /* what listens on DIR/vault.sock is not the owner of DIR/vault */
};

/* Forks it. Before the first thread. @ret_fd: where the orders go. 0, ERR_IO (errno). */
int porter_start(const struct porter_house *house, int *ret_fd);
/* A fresh stream to the vault. 0, PORTER_E_*, ERR_IO. */
int porter_vault(int fd, int *ret_stream);
/* Ends a vault it has started and that does not end. */
void porter_kill_vault(int fd);
/* Starts @which, in the place of one that may still run, and gives a fresh stream to it. 0, PORTER_E_NONE, ERR_IO. */
int porter_run(int fd, enum porter_program which, int *ret_stream);
/* Is it where porter_run() would look for it? */
bool porter_has(int fd, enum porter_program which);
/* Ends it at once, if it runs. */
void porter_stop(int fd, enum porter_program which);
/* One of the house's files, opened anew for reading. 0, or errno. */
int porter_open(int fd, enum porter_file which, int *ret_file);
/* What the house's keep() says of @text. 0, or errno. */
int porter_keep(int fd, struct span text);
/* What the house's renew() says of @key. 0, or errno. */
int porter_renew(int fd, struct span key);
/* Removes DIR/control.sock. */
void porter_clear_control(int fd);
/* Has the house's tidy() called; returns when it is done. */
void porter_tidy(int fd);
