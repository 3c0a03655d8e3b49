/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the commands, each in its group's cmd_*.c. */
#pragma once

#include "cli/cli.h"

extern const struct command command_nearby, command_watch, command_post;
extern const struct command command_alert_show, command_alert_confirm, command_alert_dispute, command_alert_comment,
        command_alert_update, command_alert_resolve, command_alert_retract;
extern const struct command command_mesh_create, command_mesh_show;
extern const struct command command_invite, command_invite_list, command_invite_show, command_invite_revoke;
extern const struct command command_join;
extern const struct command command_member_list, command_device_list;
extern const struct command command_status, command_peers, command_peer_add;
extern const struct command command_help, command_version;
