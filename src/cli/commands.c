/* SPDX-License-Identifier: Apache-2.0 */
/* Every command, in the order of the overview. A new one is a row in its group's file and a line here. */
#include "cli/commands.h"

const struct command *const commands[] = {
        &command_nearby,         &command_watch,
        &command_post,           &command_alert_show,
        &command_alert_confirm,  &command_alert_dispute,
        &command_alert_comment,  &command_alert_update,
        &command_alert_resolve,  &command_alert_retract,
        &command_mute_add,       &command_mute_list,
        &command_mute_remove,    &command_place_add,
        &command_place_list,     &command_place_remove,
        &command_mesh_create,    &command_mesh_show,
        &command_mesh_leave,     &command_invite,
        &command_invite_list,    &command_invite_show,
        &command_invite_revoke,  &command_join,
        &command_member_list,    &command_member_proposals,
        &command_member_remove,  &command_member_endorse,
        &command_member_promote, &command_member_demote,
        &command_member_return,  &command_member_vouch,
        &command_device_list,    &command_device_invite,
        &command_device_join,    &command_device_revoke,
        &command_vault_show,     &command_vault_unlock,
        &command_vault_lock,     &command_vault_passphrase,
        &command_backup,         &command_restore,
        &command_status,         &command_peers,
        &command_peer_add,       &command_doctor,
        &command_config_get,     &command_config_set,
        &command_config_unset,   &command_config_list,
        &command_completion,     &command_help,
        &command_version,        NULL,
};
