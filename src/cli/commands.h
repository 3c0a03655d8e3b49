/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the commands, each in its group's cmd_*.c. */
#pragma once

#include "cli/cli.h"

extern const struct command command_nearby, command_watch, command_post;
extern const struct command command_alert_show, command_alert_confirm, command_alert_dispute, command_alert_comment,
        command_alert_update, command_alert_resolve, command_alert_retract;
extern const struct command command_ask_post, command_ask_list, command_ask_match, command_ask_retract, command_inbox;
extern const struct command command_mute_add, command_mute_list, command_mute_remove;
extern const struct command command_place_add, command_place_list, command_place_remove;
extern const struct command command_config_get, command_config_set, command_config_unset, command_config_list;
extern const struct command command_clip_add, command_clip_watch, command_clip_list, command_clip_show,
        command_clip_keep, command_clip_notices, command_clip_trim, command_clip_blur;
extern const struct command command_camera_list, command_camera_policy, command_camera_keep;
extern const struct command command_mesh_create, command_mesh_show, command_mesh_leave;
extern const struct command command_invite, command_invite_list, command_invite_show, command_invite_revoke,
        command_invite_undo;
extern const struct command command_join;
extern const struct command command_member_list, command_member_proposals, command_member_remove,
        command_member_endorse, command_member_promote, command_member_demote, command_member_return,
        command_member_vouch;
extern const struct command command_device_list, command_device_invite, command_device_codes, command_device_join,
        command_device_revoke;
extern const struct command command_vault_show, command_vault_unlock, command_vault_lock, command_vault_passphrase;
extern const struct command command_clip_share, command_clip_get, command_clip_who_can_read, command_clip_destroy;
extern const struct command command_clip_export, command_verify;
extern const struct command command_grant_list, command_grant_revoke, command_grant_give, command_grant_deny;
extern const struct command command_grant_requests, command_clip_request;
extern const struct command command_policy_set, command_policy_show, command_policy_end;
/* That the rule for an emergency sleeps, which stands until then, and what to do. */
void policy_asleep_text(struct buf *out, uint64_t until, uint64_t now);
extern const struct command command_ledger_list, command_ledger_verify, command_ledger_add;
extern const struct command command_backup, command_restore;
extern const struct command command_me_export, command_me_erase;
extern const struct command command_status, command_peers, command_peer_add, command_doctor;
extern const struct command command_completion, command_help, command_version;
