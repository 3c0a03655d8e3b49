/* SPDX-License-Identifier: Apache-2.0 */
#include "node/places.h"
#include "base/cell.h"
#include "base/lang.h"
#include "base/text.h"
#include "wire/codec.h"

static bool has_any(struct span s, const char *bytes) {
        for (; *bytes; bytes++)
                if (s.n && memchr(s.p, *bytes, s.n))
                        return true;
        return false;
}

/* What a terminal would not show as it is may not be in a name: nobody could type it. */
static bool is_plain(struct span s) {
        _clean_(buf_fini) struct buf shown = BUF_NULL;
        text_show(&shown, s, false);
        return buf_ok(&shown) && span_eq(buf_span(&shown), s);
}

const char *place_name_wrong(struct span name) {
        if (name.n == 0)
                return N_("is empty");
        if (name.n >= PLACE_NAME_MAX)
                return N_("is longer than 32 bytes");
        if (!text_utf8(name) || !is_plain(name))
                return N_("has characters that cannot be typed");
        if (name.p[0] == ' ' || name.p[name.n - 1] == ' ' || name.p[0] == '-')
                return N_("begins or ends with a space or a hyphen");
        if (has_any(name, ",:"))
                return N_("has a comma or a colon, as coordinates have");
        if (cell_parse(name))
                return N_("could be read as a geohash");
        return NULL;
}

bool place_is_home(struct span name) {
        return text_eq_nocase(name, SPAN_STR(PLACE_HOME));
}

static struct place *find(struct places *p, struct span name) {
        for (size_t i = 0; i < p->n; i++)
                if (text_eq_nocase(span_str(p->rows[i].name), name))
                        return &p->rows[i];
        return NULL;
}

const struct place *places_find(const struct places *p, struct span name) {
        return find((struct places *)p, name);
}

int places_put(struct places *p, struct span name, mesh_cell cell) {
        struct place *row = find(p, name);
        if (!row && p->n == PLACES_MAX)
                return PLACES_E_FULL;
        if (!row)
                row = &p->rows[p->n++];
        *row = (struct place){.cell = cell};
        memcpy(row->name, name.p, name.n);
        return 0;
}

int places_del(struct places *p, struct span name) {
        struct place *row = find(p, name);
        if (!row)
                return PLACES_E_NONE;
        size_t behind = (size_t)(p->rows + p->n - row) - 1;
        memmove(row, row + 1, behind * sizeof(*row));
        p->n--;
        return 0;
}

/* ---- on disk ---- */

void places_encode(const struct places *p, struct buf *out) {
        for (size_t i = 0; i < p->n; i++) {
                struct wire_c_place msg = {0};
                WIRE_PUT(&msg, C_PLACE, name, span_str(p->rows[i].name));
                WIRE_PUT(&msg, C_PLACE, cell, p->rows[i].cell);
                codec_encode(&wire_c_place_desc, &msg, out);
        }
}

void places_decode(struct places *ret, struct span in) {
        struct wire_reader r = wire_reader(in);
        struct wire_c_place msg;
        ret->n = 0;
        while (!wire_reader_end(&r) && codec_read(&wire_c_place_desc, &r, &msg, NULL, NULL) == 0)
                if (place_name_wrong(msg.name) || !cell_valid(msg.cell) || places_put(ret, msg.name, msg.cell))
                        return;
}
