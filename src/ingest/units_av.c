/* SPDX-License-Identifier: Apache-2.0 */
/* See units_av.h. */
#include "ingest/units_av.h"

#include "ingest/media.h"

#include <libavutil/opt.h>

/* The kinds that are kept. */
static const struct {
        enum AVCodecID codec;
        const char *kept;
} rows[] = {
        /* ITU-T H.264, table 7-1: slices; parameter sets and what begins and ends a sequence; the same of other layers */
        {AV_CODEC_ID_H264, "1-5|7-11|13-15|19-21"},
        /* ITU-T H.265, table 7-1: slices; the same */
        {AV_CODEC_ID_HEVC, "0-9|16-21|32-37"},
        /* AV1, 6.2.2: sequence and frame headers, tiles */
        {AV_CODEC_ID_AV1, "1-4|6-8"},
        /* ITU-T H.262, table 6-1: picture, slices, sequence, extension, end, group of pictures */
        {AV_CODEC_ID_MPEG2VIDEO, "0-175|179|181|183-184"},
        /* ITU-T T.81, table B.1: frames and their tables, scans; neither APPn nor COM */
        {AV_CODEC_ID_MJPEG, "192-207|218-223"},
};

static const char *kept_of(enum AVCodecID codec) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (rows[i].codec == codec)
                        return rows[i].kept;
        return NULL;
}

/* 0, or LOCKER_E_MEMORY, MEDIA_E_BROKEN. */
static int open_filter(const AVCodecParameters *par, const char *kept, AVBSFContext **ret) {
        _clean_(av_bsf_free) AVBSFContext *b = NULL;
        if (av_bsf_alloc(av_bsf_get_by_name("filter_units"), &b) < 0 || avcodec_parameters_copy(b->par_in, par) < 0 ||
            av_opt_set(b->priv_data, "pass_types", kept, 0) < 0)
                return LOCKER_E_MEMORY;
        if (av_bsf_init(b) < 0)
                return MEDIA_E_BROKEN;
        *ret = TAKE(b);
        return 0;
}

static int set_head(AVCodecParameters *par, const AVPacket *p) {
        av_freep(&par->extradata);
        par->extradata_size = 0;
        if (!p->size)
                return 0;
        par->extradata = av_mallocz((size_t)p->size + AV_INPUT_BUFFER_PADDING_SIZE);
        if (!par->extradata)
                return LOCKER_E_MEMORY;
        memcpy(par->extradata, p->data, (size_t)p->size);
        par->extradata_size = p->size;
        return 0;
}

/* The units that stand in the head of the file, one behind the other: the library's filter leaves them as they are, so they go
 * through one of their own, as a picture does. */
static int filter_head(AVCodecParameters *par, const char *kept) {
        _clean_(av_packet_free) AVPacket *p = av_packet_alloc();
        _clean_(av_bsf_free) AVBSFContext *b = NULL;
        if (!par->extradata_size)
                return 0;
        if (!p || av_new_packet(p, par->extradata_size) < 0)
                return LOCKER_E_MEMORY;
        memcpy(p->data, par->extradata, (size_t)par->extradata_size);
        int r = set_head(par, &(AVPacket){0});
        if (!r)
                r = open_filter(par, kept, &b);
        if (r)
                return r;
        int e = av_bsf_send_packet(b, p);
        if (!e)
                e = av_bsf_receive_packet(b, p);
        return e == AVERROR(EAGAIN) ? 0 : e < 0 ? MEDIA_E_BROKEN : set_head(par, p);
}

int units_open(const AVStream *from, AVBSFContext **ret) {
        const char *kept = kept_of(from->codecpar->codec_id);
        *ret = NULL;
        int r = kept ? open_filter(from->codecpar, kept, ret) : 0;
        return r || !kept ? r : filter_head((*ret)->par_out, kept);
}
