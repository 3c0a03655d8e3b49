/* SPDX-License-Identifier: Apache-2.0 */
/* Every command, in the order of the overview. A new one is a row in its group's file and a line here. */
#include "cli/commands.h"

const struct command *const commands[] = {
        &command_nearby,
        &command_watch,
        &command_post,
        &command_alert_show,
        &command_alert_confirm,
        &command_alert_dispute,
        &command_alert_comment,
        &command_alert_update,
        &command_alert_resolve,
        &command_alert_retract,
        &command_mesh_create,
        &command_mesh_show,
        &command_invite,
        &command_invite_list,
        &command_invite_show,
        &command_invite_revoke,
        &command_join,
        &command_member_list,
        &command_device_list,
        &command_status,
        &command_peers,
        &command_peer_add,
        &command_help,
        &command_version,
        NULL,
};
