/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading is a small grammar over a cursor: each take_x() moves past what it recognised, or leaves the cursor where it
 * was and says false. Names of days and months are ours, not the locale's: scripts read them, and so does when_parse().
 */
#include "base/when.h"
#include "base/lang.h"
#include "base/text.h"

#include <time.h>

#define MINUTE 60u
#define HOUR 3600u
#define DAY 86400u
#define WEEK (7 * DAY)
#define YEAR (365 * DAY + 6 * HOUR)
#define MONTH (YEAR / 12)
#define DURATION_MAX (3653ull * DAY) /* ten years */
#define LAST_SECOND 253402300799ull  /* the end of the year 9999, the last that RFC 3339 can write */
#define NUMBER_MAX 999999999999ull   /* more than any time or duration needs, and far from overflow */
#define JUST_NOW 60u                 /* seconds */
#define SOON 10u                     /* clocks of two homes differ by so much */
#define WEEKDAY_WITHIN (180 * DAY)   /* beyond, the year says more than the day of the week */
#define TWO_UNITS_FROM (2 * MINUTE)  /* "90 s", but "2 min 5 s" */
#define WEEKDAY_LETTERS 3u           /* "Sun" for "Sunday" */

static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const days[] = {N_("Sun"), N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat")};
static const char *const months[] = {N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"),
                                     N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec")};

/* systemd.time(7)'s, which knows "M" from "m" as well. */
static const struct {
        const char *word;
        uint32_t seconds;
} units[] = {
        {"M", MONTH},     {"s", 1},          {"sec", 1},       {"second", 1},      {"seconds", 1},
        {"m", MINUTE},    {"min", MINUTE},   {"mins", MINUTE}, {"minute", MINUTE}, {"minutes", MINUTE},
        {"h", HOUR},      {"hr", HOUR},      {"hour", HOUR},   {"hours", HOUR},    {"d", DAY},
        {"day", DAY},     {"days", DAY},     {"w", WEEK},      {"week", WEEK},     {"weeks", WEEK},
        {"month", MONTH}, {"months", MONTH}, {"y", YEAR},      {"year", YEAR},     {"years", YEAR},
};

void when_rfc3339(struct buf *out, uint64_t seconds) {
        time_t t = (time_t)MIN(seconds, LAST_SECOND);
        struct tm tm;
        gmtime_r(&t, &tm);
        buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec);
}

static struct tm local(uint64_t seconds) {
        time_t t = (time_t)MIN(seconds, LAST_SECOND);
        struct tm tm;
        localtime_r(&t, &tm);
        return tm;
}

/* Days since some day, of the calendar @tm stands in. */
static int64_t day_number(struct tm tm) {
        struct tm noon = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday, .tm_hour = 12};
        return (int64_t)timegm(&noon) / DAY;
}

void when_local(struct buf *out, uint64_t seconds, uint64_t now) {
        struct tm tm = local(seconds), today = local(now);
        int64_t ahead = day_number(tm) - day_number(today);
        uint64_t apart = seconds > now ? seconds - now : now - seconds;
        if (ahead >= -1 && ahead <= 1)
                buf_printf(out, "%s %02d:%02d",
                           ahead == 0  ? _("today")
                           : ahead < 0 ? _("yesterday")
                                       : _("tomorrow"),
                           tm.tm_hour, tm.tm_min);
        else if (apart < WEEKDAY_WITHIN)
                buf_printf(out, _("%s %d %s %02d:%02d"), _(days[tm.tm_wday]), tm.tm_mday, _(months[tm.tm_mon]),
                           tm.tm_hour, tm.tm_min);
        else
                buf_printf(out, _("%d %s %d"), tm.tm_mday, _(months[tm.tm_mon]), tm.tm_year + 1900);
}

static void put_rough(struct buf *out, uint64_t seconds) {
        if (seconds < MINUTE)
                buf_printf(out, "%u s", (unsigned)seconds);
        else if (seconds < HOUR)
                buf_printf(out, "%u min", (unsigned)(seconds / MINUTE));
        else if (seconds < 2 * DAY)
                buf_printf(out, "%u h", (unsigned)(seconds / HOUR));
        else
                buf_printf(out, _("%llu days"), (unsigned long long)(seconds / DAY));
}

void when_relative(struct buf *out, uint64_t seconds, uint64_t now) {
        uint64_t apart = seconds > now ? seconds - now : now - seconds;
        if (apart < (seconds > now ? SOON : JUST_NOW)) {
                buf_add_str(out, _("just now"));
                return;
        }
        _clean_(buf_fini) struct buf rough = BUF_NULL;
        put_rough(&rough, apart);
        buf_printf(out, seconds > now ? _("in %s") : _("%s ago"), buf_cstr(&rough));
}

static void put_unit(struct buf *out, uint64_t n, uint32_t unit) {
        const char *word = unit == DAY      ? lang_count("day", "days", n)
                           : unit == HOUR   ? "h"
                           : unit == MINUTE ? "min"
                                            : "s";
        buf_printf(out, "%llu %s", (unsigned long long)n, word);
}

void when_show_duration(struct buf *out, uint64_t seconds) {
        static const struct {
                uint32_t unit, below; /* whole units are written alone below so many seconds */
        } whole[] = {{MINUTE, 2 * HOUR}, {HOUR, 3 * DAY}};
        static const uint32_t down[] = {DAY, HOUR, MINUTE, 1};
        if (seconds && seconds % DAY == 0) {
                put_unit(out, seconds / DAY, DAY);
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
                if (seconds && seconds % whole[i].unit == 0 && seconds < whole[i].below) {
                        put_unit(out, seconds / whole[i].unit, whole[i].unit);
                        return;
                }
        }
        if (seconds < TWO_UNITS_FROM) {
                put_unit(out, seconds, 1);
                return;
        }
        size_t i = 0;
        while (seconds < down[i])
                i++;
        put_unit(out, seconds / down[i], down[i]);
        uint64_t rest = i + 1 < ARRAY_LEN(down) ? seconds % down[i] / down[i + 1] : 0;
        if (!rest)
                return;
        buf_add_u8(out, ' ');
        put_unit(out, rest, down[i + 1]);
}

static bool is_digit(uint8_t c) {
        return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void skip_spaces(struct span *s) {
        while (s->n && *s->p == ' ')
                *s = span_from(*s, 1);
}

static bool take_char(struct span *s, uint8_t c) {
        if (!s->n || *s->p != c)
                return false;
        *s = span_from(*s, 1);
        return true;
}

/* The letters that @s starts with. */
static struct span letters(struct span s) {
        size_t n = 0;
        while (n < s.n && is_letter(s.p[n]))
                n++;
        return span_of(s.p, n);
}

static bool take_word(struct span *s, const char *word) {
        if (!text_eq_nocase(letters(*s), span_str(word)))
                return false;
        *s = span_from(*s, strlen(word));
        return true;
}

/* Exactly @n digits. */
static bool take_digits(struct span *s, size_t n, int *ret) {
        uint64_t v;
        if (s->n < n || !text_u64(span_of(s->p, n), NUMBER_MAX, &v))
                return false;
        *s = span_from(*s, n);
        *ret = (int)v;
        return true;
}

static bool take_number(struct span *s, uint64_t *ret) {
        size_t n = 0;
        while (n < s->n && is_digit(s->p[n]))
                n++;
        if (!text_u64(span_of(s->p, n), NUMBER_MAX, ret))
                return false;
        *s = span_from(*s, n);
        return true;
}

/* In any case, but for the one letter that is two units. */
static bool is_unit(const char *unit, struct span word) {
        struct span s = span_str(unit);
        return *unit == 'M' ? span_eq(s, word) : text_eq_nocase(s, word);
}

static bool take_unit(struct span *s, uint32_t *ret) {
        struct span word = letters(*s);
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                if (is_unit(units[i].word, word)) {
                        *s = span_from(*s, word.n);
                        *ret = units[i].seconds;
                        return true;
                }
        }
        return false;
}

/* "1h 30 min": as many pairs as there are. */
static bool take_duration(struct span *s, uint64_t *ret) {
        struct span at = *s;
        uint64_t total = 0;
        do {
                uint64_t n;
                uint32_t unit;
                if (!take_number(&at, &n))
                        return false;
                skip_spaces(&at);
                if (!take_unit(&at, &unit) || n > DURATION_MAX / unit)
                        return false;
                total += n * unit;
                if (total > DURATION_MAX)
                        return false;
                skip_spaces(&at);
        } while (at.n && is_digit(*at.p));
        if (!total)
                return false;
        *s = at;
        *ret = total;
        return true;
}

bool when_duration(struct span s, uint64_t *ret_seconds) {
        uint64_t v;
        skip_spaces(&s);
        if (!take_duration(&s, &v) || s.n)
                return false;
        *ret_seconds = v;
        return true;
}

static int month_days(int year, int month) {
        static const int of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        return of[month - 1] + (month == 2 && leap);
}

/* "YYYY-MM-DD" */
static bool take_date(struct span *s, struct tm *tm) {
        struct span at = *s;
        int year, month, day;
        if (!take_digits(&at, 4, &year) || !take_char(&at, '-') || !take_digits(&at, 2, &month) ||
            !take_char(&at, '-') || !take_digits(&at, 2, &day))
                return false;
        if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
                return false;
        tm->tm_year = year - 1900;
        tm->tm_mon = month - 1;
        tm->tm_mday = day;
        *s = at;
        return true;
}

/* "HH:MM[:SS[.fraction]]"; the fraction is dropped, a leap second is the next minute's first. */
static bool take_clock(struct span *s, struct tm *tm) {
        struct span at = *s;
        int hour, minute, second = 0;
        if (!take_digits(&at, 2, &hour) || !take_char(&at, ':') || !take_digits(&at, 2, &minute))
                return false;
        if (take_char(&at, ':')) {
                uint64_t fraction;
                if (!take_digits(&at, 2, &second) || (take_char(&at, '.') && !take_number(&at, &fraction)))
                        return false;
        }
        if (hour > 23 || minute > 59 || second > 60)
                return false;
        tm->tm_hour = hour;
        tm->tm_min = minute;
        tm->tm_sec = second;
        *s = at;
        return true;
}

/* "Z", "UTC" or "+HH:MM"; @ret_east is in seconds. */
static bool take_zone(struct span *s, int64_t *ret_east) {
        struct span at = *s;
        int hours = 0, minutes = 0;
        if (take_word(&at, "z") || take_word(&at, "utc")) {
                *ret_east = 0;
                *s = at;
                return true;
        }
        bool west = take_char(&at, '-');
        if (!west && !take_char(&at, '+'))
                return false;
        if (!take_digits(&at, 2, &hours) || !take_char(&at, ':') || !take_digits(&at, 2, &minutes))
                return false;
        if (hours > 23 || minutes > 59)
                return false;
        int64_t east = hours * (int64_t)HOUR + minutes * (int64_t)MINUTE;
        *ret_east = west ? -east : east;
        *s = at;
        return true;
}

/* "today", "yesterday", "tomorrow": the date alone. */
static bool take_day_word(struct span *s, uint64_t now, struct tm *tm) {
        static const struct {
                const char *word;
                int ahead;
        } words[] = {{"yesterday", -1}, {"today", 0}, {"tomorrow", 1}};
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (!take_word(s, words[i].word))
                        continue;
                struct tm today = local(now);
                tm->tm_year = today.tm_year;
                tm->tm_mon = today.tm_mon;
                tm->tm_mday = today.tm_mday + words[i].ahead; /* mktime() carries it over the month's end */
                return true;
        }
        return false;
}

/* "Sun 2026-11-22": the day of the week that journalctl writes before a date; it has to be that date's. */
static bool take_weekday_date(struct span *s, struct tm *tm) {
        struct span word = letters(*s), at = span_from(*s, word.n);
        struct tm date = *tm;
        if (word.n < WEEKDAY_LETTERS || !take_char(&at, ' ') || !take_date(&at, &date))
                return false;
        struct tm day = date;
        timegm(&day); /* fills in tm_wday */
        struct span name = span_str(weekdays[day.tm_wday]);
        if (!text_eq_nocase(word, name) && !text_eq_nocase(word, span_of(name.p, WEEKDAY_LETTERS)))
                return false;
        *tm = date;
        *s = at;
        return true;
}

/* A date, a clock time or both, and perhaps a zone. */
static bool parse_absolute(struct span s, uint64_t now, uint64_t *ret) {
        struct tm tm = {.tm_isdst = -1};
        int64_t east = 0;
        bool dated = take_day_word(&s, now, &tm) || take_date(&s, &tm) || take_weekday_date(&s, &tm);
        bool timed = !dated || s.n > 0;
        if (!dated) {
                struct tm today = local(now);
                tm.tm_year = today.tm_year;
                tm.tm_mon = today.tm_mon;
                tm.tm_mday = today.tm_mday;
        } else if (timed && !take_char(&s, ' ') && !take_char(&s, 'T') && !take_char(&s, 't')) {
                return false;
        }
        if (timed && !take_clock(&s, &tm))
                return false;
        skip_spaces(&s);
        bool zoned = timed && take_zone(&s, &east);
        if (s.n)
                return false;
        int64_t t = zoned ? (int64_t)timegm(&tm) - east : (int64_t)mktime(&tm);
        if (t < 0 || (uint64_t)t > LAST_SECOND)
                return false;
        *ret = (uint64_t)t;
        return true;
}

/* "-2h", "+10min", "2h ago". */
static bool parse_relative(struct span s, uint64_t now, uint64_t *ret) {
        uint64_t apart;
        bool plus = take_char(&s, '+');
        bool minus = !plus && take_char(&s, '-');
        if (!take_duration(&s, &apart))
                return false;
        if (!plus && !minus && !take_word(&s, "ago"))
                return false;
        if (s.n || (!plus && apart > now))
                return false;
        *ret = plus ? now + apart : now - apart;
        return true;
}

bool when_parse(struct span s, uint64_t now, uint64_t *ret_seconds) {
        skip_spaces(&s);
        while (s.n && s.p[s.n - 1] == ' ')
                s.n--;
        if (take_char(&s, '@'))
                return text_u64(s, LAST_SECOND, ret_seconds);
        if (text_eq_nocase(s, SPAN_STR("now"))) {
                *ret_seconds = now;
                return true;
        }
        return parse_relative(s, now, ret_seconds) || parse_absolute(s, now, ret_seconds);
}
