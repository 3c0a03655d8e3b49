/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QR code on a terminal, two modules to a character. Light modules are drawn, on a dark ground: what most terminals
 * are; where colours may be used both are said outright, so that a light terminal shows the same.
 */
#include "cli/cli.h"

#include <qrencode.h>

#define MARGIN 4 /* modules of quiet around, as ISO/IEC 18004 wants */
#define QR_COLUMNS_MAX 77
#define WHITE_ON_BLACK "\033[97;40m"
#define PLAIN "\033[0m"
#define DARK 1

static bool light(const QRcode *qr, int x, int y) {
        if (x < 0 || y < 0 || x >= qr->width || y >= qr->width)
                return true;
        return !(qr->data[y * qr->width + x] & DARK);
}

static const char *half_block(bool top, bool bottom) {
        if (top)
                return bottom ? "\xe2\x96\x88" : "\xe2\x96\x80";
        return bottom ? "\xe2\x96\x84" : " ";
}

static void draw_line(struct buf *out, const QRcode *qr, int y, bool colour) {
        int end = qr->width + MARGIN;
        buf_add_str(out, colour ? WHITE_ON_BLACK : "");
        for (int x = -MARGIN; x < end; x++)
                buf_add_str(out, half_block(light(qr, x, y), y + 1 < end && light(qr, x, y + 1)));
        buf_add_str(out, colour ? PLAIN "\n" : "\n");
}

bool qr_draw(struct buf *out, const char *text, bool colour) {
        QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
        bool fits = qr && qr->width + 2 * MARGIN <= QR_COLUMNS_MAX;
        for (int y = -MARGIN; fits && y < qr->width + MARGIN; y += 2)
                draw_line(out, qr, y, colour);
        if (qr)
                QRcode_free(qr);
        return fits;
}
