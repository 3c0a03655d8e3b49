/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that take clips in have in common. */
#pragma once

#include "cli/commands.h"

/* What is to be taken in, and how. Of options; what it points to is the command line's. */
struct clip_wish {
        const char *path, *camera;
        bool audio, as_is, delete_source;
        bool times;
        uint64_t from, to;     /* where `times` */
        uint64_t cell;         /* PLACE_HOME: the daemon's home */
        int fd;                /* a descriptor in place of @path, where that is NULL */
        const uint8_t *parent; /* id of the clip it was made from, and what was done to that; NULL: from none */
        const char *changes;
};
/* 0 or an exit code (said). */
int clip_wish_from(struct cli *c, const struct args *a, struct clip_wish *ret);
int clip_wish_named(struct cli *c, const struct args *a, const char *camera,
                    struct clip_wish *ret); /* of that camera */
/* Takes the file in, and tells. 0 or an exit code (said). */
int clip_take(struct cli *c, const struct clip_wish *wish);
/* Opens a clip into a file, by the vault; --passphrase-file is @a's. 0 or an exit code (said). */
int clip_get_fd(struct cli *c, const struct args *a, struct call *owner, const char *id, int fd);
int clip_get_file(struct cli *c, const struct args *a, struct call *owner, const char *id, const char *path);
/* That a neighbour has footage. */
void layout_notice(struct cli *c, const struct wire_c_notice *n);
/* Is the file that a clip was taken from still there, and of that size? */
bool clips_source_there(const struct wire_c_source *m);
/* What was taken in, in a sentence or two. */
void clips_tell_taken(struct cli *c, const struct wire_c_clip *m);

/* clang-format off */
#define CLIP_OPTION_ROWS \
        {OPT_CAMERA, "camera", "NAME", N_("which camera made it, as you call it; stays in this home"), OPTION_TEXT}, \
        OPTION_ROW_AT(N_("where the camera is; home if absent")), \
        {OPT_AUDIO, "audio", NULL, N_("keep the sound"), OPTION_FLAG}, \
        {OPT_AS_IS, "as-is", NULL, N_("take FILE byte for byte, with all that it tells"), OPTION_FLAG}
/* clang-format on */
