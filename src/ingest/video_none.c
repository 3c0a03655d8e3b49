/* SPDX-License-Identifier: Apache-2.0 */
/* A build without a library for films: they are taken byte for byte. */
#include "ingest/media.h"

const bool video_built = false;

int video_take(_unused_ struct source *s, _unused_ enum wire_e_media media, _unused_ bool audio,
               _unused_ struct locker *l, _unused_ struct wire_i_end *end) {
        return MEDIA_E_KIND;
}
