/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's walls: from the moment its store is open it parses what strangers send, so from then on the kernel lets
 * it touch the store's files, what the resolver reads, and the network; and nothing else. In particular not DIR/vault,
 * nor owner.sock, nor another program. What it may need from outside the porter does (node/porter.h).
 *
 * DIR itself stays closed but for its names, because Landlock cannot open a folder without what is below it, and
 * DIR/vault is below. The
 * files of the store are opened one by one; they are there by now, and stay as long as the daemon's own connection does.
 */
#pragma once

#include "base/syscalls.h"
#include "node/node.h"

/* Has the filter of system calls made meanwhile: early, so that nobody waits for it. */
void walls_begin(struct syscalls *filter);
/* For good. Goes on, with a line in the log, where the kernel or the build lacks one of the two. False (logged): a wall
 * that this kernel has does not stand. */
bool walls_shut(const char *dir, struct syscalls *filter, struct node_walls *ret);
