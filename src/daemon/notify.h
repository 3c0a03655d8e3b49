/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3) by hand: one datagram to $NOTIFY_SOCKET. Nothing happens where the variable is not set. */
#pragma once

/* Reads the variable and takes it out of the environment: the vault must not speak for the daemon. Connects at once: from
 * within its walls the daemon opens no socket of this kind. */
void notify_init(void);
void notify_send(const char *state); /* "READY=1" */
