/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a camera has written into the coded pictures themselves, beside what it takes to show them: messages (SEI), user data,
 * metadata OBUs, the segments of a JPEG. Some put place, speed and faces there. Where libavcodec can take the coded pictures of
 * a codec apart into units, without decoding any, only the kinds of units that show something are kept: a list of what to drop
 * would miss what a camera invents tomorrow. Subtitles for the deaf and hints for bright screens go with the rest.
 *
 * H.264, H.265, AV1, MPEG-2 and Motion JPEG. Of MPEG-4 part 2 nothing is taken out: what it says of its maker there, decoders
 * want to know. VP8 and VP9 have no place for such things.
 */
#pragma once

#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>

/* A filter for the coded pictures of @from, NULL where its codec has no such units; to be freed (av_bsf_free), also where this
 * fails. What the new file is to say of the stream is its par_out. 0; LOCKER_E_MEMORY; MEDIA_E_BROKEN: what the file says of the
 * stream cannot be taken apart. */
int units_open(const AVStream *from, AVBSFContext **ret);
