/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Films, by libavformat: the coded pictures are taken out of the file and put into a new one of the same kind, as they are. The
 * new one has the streams that are asked for and says of each how to show it; titles, places, names, chapters, subtitles,
 * attachments, covers and data streams (where cameras put places and faces) stay behind, because nothing copies them. Of the coded
 * pictures what shows something is kept, where the library can tell that apart (units_av.h).
 *
 * The file may be anything, and the library is large: it runs behind the walls of this process, with memory and time bounded,
 * without threads, and reads and writes through the functions here.
 */
#include "base/when.h"
#include "ingest/media.h"
#include "ingest/units_av.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <unistd.h>

#define IO_BYTES (32 * 1024)
#define STREAMS_MAX 16
#define FRAGMENT "4194304"              /* bytes of a new MP4 that are held back at most */
#define LENGTH_MAX UINT64_C(604800000)  /* ms, as in proto/clips.def */
#define TIME_LEAST UINT64_C(946684800)  /* 2000: a camera whose clock was never set says 1904 or 1970 */
#define TIME_MOST UINT64_C(17280000000) /* as in proto/clips.def */
#define DELAY_MOST 16                   /* pictures that a codec may want to see before one is shown */
#define NOT_USED (-1)

const bool video_built = true;

struct film {
        struct source *source;
        struct locker *locker;
        int r; /* what the locker said first */
        AVFormatContext *in, *out;
        int map[STREAMS_MAX];             /* of each stream its place in the new file, or NOT_USED */
        AVBSFContext *units[STREAMS_MAX]; /* what is kept of its coded pictures; NULL: all */
        bool audio;
        int64_t first, last; /* of what was copied, in AV_TIME_BASE; AV_NOPTS_VALUE: nothing yet */
};

/* ---- reading and writing ---- */

static int on_read(void *ctx, uint8_t *to, int size) {
        struct film *f = ctx;
        struct span there = source_look(f->source, 1);
        size_t n = MIN(there.n, (size_t)size);
        if (!n)
                return f->source->e ? AVERROR(f->source->e) : AVERROR_EOF;
        memcpy(to, there.p, n);
        source_take(f->source, n);
        return (int)n;
}

static int64_t on_seek(void *ctx, int64_t to, int whence) {
        struct film *f = ctx;
        if (!(whence & AVSEEK_SIZE))
                return source_seek(f->source, to, whence & ~AVSEEK_FORCE);
        off_t at = source_seek(f->source, 0, SEEK_CUR), size = at < 0 ? -1 : source_seek(f->source, 0, SEEK_END);
        return size < 0 || source_seek(f->source, at, SEEK_SET) < 0 ? -1 : size;
}

static int on_write(void *ctx, uint8_t *bytes, int size) {
        struct film *f = ctx;
        if (!f->r)
                f->r = locker_put(f->locker, span_of(bytes, (size_t)size));
        return f->r ? AVERROR_EXTERNAL : size;
}

static AVIOContext *open_io(struct film *f, bool writes) {
        uint8_t *bytes = av_malloc(IO_BYTES);
        bool seekable = !writes && source_seek(f->source, 0, SEEK_CUR) >= 0;
        AVIOContext *io = bytes ? avio_alloc_context(bytes, IO_BYTES, writes, f, writes ? NULL : on_read,
                                                     writes ? on_write : NULL, seekable ? on_seek : NULL)
                                : NULL;
        if (!io)
                av_free(bytes);
        return io;
}

static void close_io(AVIOContext **io) {
        if (*io)
                av_freep(&(*io)->buffer);
        avio_context_free(io);
}

/* ---- the old file ---- */

static int open_in(struct film *f, enum wire_e_media media) {
        const char *name = media == MEDIA_MP4 ? "mov" : "matroska";
        AVIOContext *io = open_io(f, false);
        f->in = io ? avformat_alloc_context() : NULL;
        if (!f->in) {
                close_io(&io);
                return LOCKER_E_MEMORY;
        }
        f->in->pb = io;
        f->in->flags |= AVFMT_FLAG_CUSTOM_IO;
        AVDictionary *options = NULL;
        av_dict_set(&options, "enable_drefs", "0", 0); /* media in other files: there are none to be had */
        int e = avformat_open_input(&f->in, NULL, av_find_input_format(name), &options);
        av_dict_free(&options);
        if (e < 0)
                close_io(&io); /* the context is gone, and leaves this */
        return e < 0 ? MEDIA_E_BROKEN : 0;
}

static bool is_wanted(const AVStream *st, bool audio) {
        if (st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
                return audio;
        return st->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !(st->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

/* What a file does not say in its head the library finds by looking at the first pictures: each stream by one thread, this one. */
static int look(struct film *f) {
        AVDictionary *options[STREAMS_MAX] = {NULL};
        if (f->in->nb_streams > STREAMS_MAX)
                return MEDIA_E_KIND;
        for (unsigned i = 0; i < f->in->nb_streams; i++) {
                f->in->streams[i]->discard = is_wanted(f->in->streams[i], f->audio) ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
                av_dict_set(&options[i], "threads", "1", 0);
        }
        int e = avformat_find_stream_info(f->in, options);
        for (unsigned i = 0; i < STREAMS_MAX; i++)
                av_dict_free(&options[i]);
        return e < 0 ? MEDIA_E_BROKEN : 0;
}

/* ---- the new file ---- */

/* Which way up it is; nothing else that stands beside a stream. */
static int copy_matrix(const AVStream *from, AVStream *to) {
        size_t n = 0;
        const uint8_t *matrix = av_stream_get_side_data(from, AV_PKT_DATA_DISPLAYMATRIX, &n);
        if (!matrix || n != 9 * sizeof(int32_t))
                return 0;
        uint8_t *copy = av_stream_new_side_data(to, AV_PKT_DATA_DISPLAYMATRIX, n);
        if (!copy)
                return LOCKER_E_MEMORY;
        memcpy(copy, matrix, n);
        return 0;
}

static int add_stream(struct film *f, unsigned i) {
        const AVStream *from = f->in->streams[i];
        AVStream *to = avformat_new_stream(f->out, NULL);
        int r = to ? units_open(from, &f->units[i]) : LOCKER_E_MEMORY;
        if (r)
                return r;
        if (avcodec_parameters_copy(to->codecpar, f->units[i] ? f->units[i]->par_out : from->codecpar) < 0)
                return LOCKER_E_MEMORY;
        to->codecpar->codec_tag = 0; /* the new file has its own word for it */
        to->time_base = from->time_base;
        to->avg_frame_rate = from->avg_frame_rate;
        to->sample_aspect_ratio = from->sample_aspect_ratio;
        to->codecpar->video_delay = MIN(to->codecpar->video_delay, DELAY_MOST);
        f->map[i] = to->index;
        return copy_matrix(from, to);
}

static int open_out(struct film *f, enum wire_e_media media) {
        bool video = false;
        if (f->in->nb_streams > STREAMS_MAX) /* looking at the first pictures may have found more */
                return MEDIA_E_KIND;
        int r = avformat_alloc_output_context2(&f->out, NULL, media == MEDIA_MP4 ? "mp4" : "matroska", NULL) < 0
                        ? LOCKER_E_MEMORY
                        : 0;
        if (!r && !(f->out->pb = open_io(f, true)))
                r = LOCKER_E_MEMORY;
        for (unsigned i = 0; !r && i < f->in->nb_streams; i++) {
                if (!is_wanted(f->in->streams[i], f->audio))
                        continue;
                video |= f->in->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
                r = add_stream(f, i);
        }
        if (r)
                return r;
        if (!video)
                return MEDIA_E_KIND;
        f->out->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT; /* neither its own name nor a random number */
        f->out->max_interleave_delta =
                0; /* a stream that says nothing for long must not make it hold back the others */
        return 0;
}

/* A file that is written from its beginning to its end: an MP4 in fragments. */
static int begin_out(struct film *f, enum wire_e_media media) {
        AVDictionary *options = NULL;
        if (media == MEDIA_MP4) {
                av_dict_set(&options, "movflags", "frag_keyframe+empty_moov+default_base_moof+skip_sidx", 0);
                av_dict_set(&options, "frag_size", FRAGMENT, 0);
        }
        int e = avformat_write_header(f->out, &options);
        av_dict_free(&options);
        return f->r ? f->r : e < 0 ? MEDIA_E_KIND : 0;
}

/* ---- from one into the other ---- */

static void note_time(struct film *f, const AVPacket *p, const AVStream *from) {
        if (p->pts == AV_NOPTS_VALUE)
                return;
        int64_t at = av_rescale_q(p->pts, from->time_base, AV_TIME_BASE_Q);
        int64_t end = av_rescale_q(p->pts + MAX(p->duration, (int64_t)0), from->time_base, AV_TIME_BASE_Q);
        f->first = f->first == AV_NOPTS_VALUE ? at : MIN(f->first, at);
        f->last = f->last == AV_NOPTS_VALUE ? end : MAX(f->last, end);
}

static int write_packet(struct film *f, AVPacket *p, const AVStream *from, const AVStream *to) {
        note_time(f, p, from);
        p->stream_index = to->index;
        p->pos = -1;
        av_packet_rescale_ts(p, from->time_base, to->time_base);
        int e = av_interleaved_write_frame(f->out, p);
        return f->r ? f->r : e < 0 ? MEDIA_E_BROKEN : 0;
}

/* A packet that is damaged, so that it cannot be taken apart, shows nothing that is worth what it may tell. */
static int copy_packet(struct film *f, AVPacket *p, bool *ret_any) {
        const AVStream *from = f->in->streams[p->stream_index], *to = f->out->streams[f->map[p->stream_index]];
        AVBSFContext *units = f->units[p->stream_index];
        int r = 0;
        av_packet_free_side_data(p);
        if (units && av_bsf_send_packet(units, p) < 0)
                return 0;
        while (!r && (!units || av_bsf_receive_packet(units, p) == 0)) {
                r = write_packet(f, p, from, to);
                *ret_any = true;
                if (!units)
                        break;
        }
        return r;
}

/* A film that was cut off is kept as far as it goes. */
static int copy_all(struct film *f) {
        AVPacket *p = av_packet_alloc();
        int r = p ? 0 : LOCKER_E_MEMORY;
        bool any = false;
        while (!r && av_read_frame(f->in, p) >= 0) {
                if ((unsigned)p->stream_index < STREAMS_MAX && (unsigned)p->stream_index < f->in->nb_streams &&
                    f->map[p->stream_index] != NOT_USED) {
                        r = copy_packet(f, p, &any);
                }
                av_packet_unref(p);
        }
        av_packet_free(&p);
        if (!r && f->source->e)
                return MEDIA_E_READ;
        return r ? r : any ? 0 : MEDIA_E_BROKEN;
}

static int end_out(struct film *f) {
        int e = av_write_trailer(f->out);
        avio_flush(f->out->pb);
        return f->r ? f->r : e < 0 ? MEDIA_E_BROKEN : 0;
}

/* ---- what it tells of times ---- */

/* When it began, by the camera's clock, as the file's head has it; the length, of what was copied. */
static void tell(const struct film *f, struct wire_i_end *end) {
        const AVDictionaryEntry *made = av_dict_get(f->in->metadata, "creation_time", NULL, 0);
        uint64_t from = 0, ms = 0;
        if (f->first != AV_NOPTS_VALUE && f->last > f->first)
                ms = (uint64_t)(f->last - f->first) / 1000;
        if (ms && ms <= LENGTH_MAX)
                WIRE_PUT(end, I_END, length, ms);
        if (made && when_parse(span_str(made->value), 0, &from) && from >= TIME_LEAST &&
            from + ms / 1000 <= TIME_MOST) {
                WIRE_PUT(end, I_END, from, from);
                WIRE_PUT(end, I_END, to, from + (ms + 999) / 1000);
        }
        if (f->audio)
                for (unsigned i = 0; i < f->in->nb_streams; i++)
                        if (f->in->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
                                WIRE_PUT(end, I_END, audio, true);
}

static void film_fini(struct film *f) {
        for (size_t i = 0; i < STREAMS_MAX; i++)
                av_bsf_free(&f->units[i]);
        if (f->out)
                close_io(&f->out->pb);
        avformat_free_context(f->out);
        AVIOContext *io = f->in ? f->in->pb : NULL;
        avformat_close_input(&f->in);
        close_io(&io);
}

int video_take(struct source *s, enum wire_e_media media, bool audio, struct locker *l, struct wire_i_end *end) {
        struct film f = {.source = s, .locker = l, .audio = audio, .first = AV_NOPTS_VALUE, .last = AV_NOPTS_VALUE};
        for (size_t i = 0; i < STREAMS_MAX; i++)
                f.map[i] = NOT_USED; /* and so is what the file names only behind its first pictures */
        av_log_set_level(AV_LOG_QUIET);
        int r = open_in(&f, media);
        if (!r)
                r = look(&f);
        if (!r)
                r = open_out(&f, media);
        if (!r)
                r = begin_out(&f, media);
        if (!r)
                r = copy_all(&f);
        if (!r)
                r = end_out(&f);
        if (!r)
                tell(&f, end);
        film_fini(&f);
        return r;
}
