/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that every command of the `porchlight` program is written in.
 *
 * A command is one row: words, synopsis, help, options, function. Parsing, `--help`, suggestions for typing errors
 * and (later) completions and man pages are read off these rows; a command's function gets values that are parsed and
 * within their bounds. Text for people and JSON for scripts come from the same row of the daemon's answer.
 */
#pragma once

#include "base/buf.h"
#include "base/lang.h"
#include "client/call.h"
#include "porchlight/types.h"

#define CLI_COLUMNS 80  /* for people; scripts use --json */
#define CLI_ID_PREFIX 4 /* bytes of an id that people are shown: 8 hex digits */

/* ---- commands ---- */

enum option_kind {
        OPTION_FLAG,
        OPTION_TEXT, /* bytes, …max; 0: what takes it knows */
        OPTION_FILE,
        OPTION_ENUM,     /* of->rows */
        OPTION_DURATION, /* seconds, min…max */
        OPTION_TIME,
        OPTION_NUMBER,   /* min…max */
        OPTION_DISTANCE, /* metres, min…max */
        OPTION_PLACE,    /* cell; or what cli/place.h has for home and names */
        OPTION_REST,     /* takes every word behind it */
};

/* Which option it is. An option means the same in every command that has it. */
enum option_id {
        OPT_DATA,
        OPT_JSON,
        OPT_HELP,
        OPT_VERSION,
        OPT_YES,
        OPT_AT,
        OPT_PRECISION,
        OPT_SEVERITY,
        OPT_URGENCY,
        OPT_CERTAINTY,
        OPT_DOING,
        OPT_STATUS,
        OPT_EXPIRES,
        OPT_SOURCE,
        OPT_DRY_RUN,
        OPT_WITHIN,
        OPT_SINCE,
        OPT_KIND,
        OPT_MIN_SEVERITY,
        OPT_TEXT,
        OPT_LIMIT,
        OPT_MUTED,
        OPT_MAX_AGE,
        OPT_AFTER,
        OPT_EXEC,
        OPT_HOUSEHOLD,
        OPT_CHARTER,
        OPT_PASSPHRASE_FILE,
        OPT_NO_PASSPHRASE,
        OPT_FOR,
        OPT_COUNT,
        OPT_QR,
        OPT_REASON,
        OPT_WITH_INVITED,
        OPT_FOR_TIME, /* --for of `vault unlock` and `mute add`: a duration, where `invite` has a name */
        OPT_NEW_PASSPHRASE_FILE,
        OPT_SHOW_ORIGIN,
        OPT_AS,
        OPT_KEY_PASSPHRASE_FILE,
        OPT_FORCE,
        OPT_ANYWAY,
        OPT_WITH,
        OPT_PURPOSE,
        OPT_CANCEL,
        OPT_OUTPUT,
        OPT_MESH,
        OPT_EXTRACT,
        OPT_CLIP,
        OPT_CAMERA,
        OPT_FROM,
        OPT_TO,
        OPT_AUDIO,
        OPT_AS_IS,
        OPT_DELETE_SOURCE,
        OPT_AREA,
        OPT_RADIUS,
        OPT_ALERT,
        OPT_NOTICE,
        OPT_OVERDUE,
        OPT_ALL,
        OPT_OFF,
        OPT_WITH_CLIPS,
        OPT_BOX,
        OPT_ASKS,
        OPT_CLIPS,
        OPT_IDS
};

struct option {
        enum option_id id;
        const char *name;  /* without --; NULL ends a table */
        const char *value; /* as help names it; NULL: a flag */
        const char *help;
        enum option_kind kind;
        const struct wire_enum *of;
        uint64_t min, max;
        bool many; /* each use counts; else the last one does */
};

#define OPTION_END                                                                                                     \
        { 0 }

struct option_value {
        const struct option *option;
        const char *text;
        uint64_t n;        /* number, seconds, metres, enumeration value, cell */
        char *const *rest; /* OPTION_REST: NULL-terminated */
};

#define ARGS_WORDS_MAX 64
#define ARGS_VALUES_MAX 64

/* What the first word behind a command is, so that shells can complete it. */
enum word_kind {
        WORD_OTHER,
        WORD_KIND,
        WORD_ALERT,
        WORD_HOUSEHOLD,
        WORD_PROPOSAL,
        WORD_TICKET_ID,
        WORD_DEVICE,
        WORD_SHELL,
        WORD_SETTING,
        WORD_PLACE,
        WORD_COMMAND,
        WORD_FILE,
};

struct command;
struct args {
        const struct command *command; /* NULL: none was named */
        const char *words[ARGS_WORDS_MAX];
        size_t n_words;
        struct option_value values[ARGS_VALUES_MAX];
        size_t n_values;
};

/* The last use of an option, or NULL. */
const struct option_value *args_get(const struct args *a, enum option_id id);
const char *args_text(const struct args *a, enum option_id id); /* NULL: not given */
bool args_has(const struct args *a, enum option_id id);

struct cli;
struct command {
        const char *group;             /* "alert", or NULL */
        const char *name;              /* NULL: the group's word alone */
        const char *synopsis;          /* behind the words */
        const char *brief;             /* one line for the overview */
        const char *help;              /* paragraphs and examples; may be NULL */
        const char *before, *after;    /* paragraphs around it that several commands share; may be NULL */
        void (*more)(struct buf *out); /* a list that follows it; may be NULL */
        const char *examples;          /* behind that list; may be NULL */
        const struct option *options;  /* ends with OPTION_END; may be NULL */
        int min_words, max_words;      /* max < 0: any number */
        enum word_kind takes;
        int (*run)(struct cli *c, const struct args *a); /* exit code */
};

extern const struct command *const commands[]; /* NULL-terminated; commands.c */
extern const struct option options_everywhere[];

/* ---- a run ---- */

struct cli {
        const char *data;
        bool json;
        bool in_tty, out_tty, err_tty;
        bool colour;
        uint64_t now;      /* seconds, when the run began */
        bool left_out;     /* something is muted and was not asked for */
        struct buf out;    /* stdout, until cli_flush() */
        struct call *call; /* control.sock, once opened */
};

/* Prints "porchlight: NAME: what happened; what to do", or its JSON, on stderr. Returns @exit. */
_printf_(5, 6) int cli_fail(const struct cli *c, int exit, const char *name, const char *hint, const char *fmt, ...);
int cli_fail_call(const struct cli *c, const struct call_error *e);
/* Words of the daemon's or the vault's, which are English ones, in the language of this run. */
void cli_words(struct buf *out, struct span words);
/* What an answer warns of. */
void cli_warn(const struct cli *c, struct span warning);
/* A call_error's message or hint in the language of this run. */
void cli_said(struct buf *out, const char *text, const struct said *said);
#define cli_usage(c, hint, ...) cli_fail(c, EXIT_USAGE, "usage", hint, __VA_ARGS__)
/* A line for a person on stderr, with "porchlight: " before it; control characters are escaped. */
_printf_(2, 3) void cli_note(const struct cli *c, const char *fmt, ...);

/* Writes c->out to stdout. 0; EXIT_FAILED (said) if it could not be written; a reader that has gone away is fine. */
int cli_flush(struct cli *c);
bool cli_reader_gone(void); /* stdout's reader has closed it */

/* Opens control.sock once a run. 0, or an exit code (said). */
int cli_open(struct cli *c);
/* Sends and takes rows: @row gets each, 0 to go on. Returns 0 or an exit code; failures are said. A warning in DONE
 * goes to stderr. */
typedef int (*cli_row_fn)(struct cli *c, const struct call_row *row, void *arg);
int cli_ask(struct cli *c, unsigned number, const void *msg, cli_row_fn row, void *arg);
/* Asks for each alert of @ids, 32 bytes each: @row gets it, and what was said of it. One that has gone meanwhile is no failure. */
int cli_show_each(struct cli *c, struct span ids, cli_row_fn row, void *arg);
int cli_ask_on(struct cli *c, struct call *call, unsigned number, const void *msg, cli_row_fn row, void *arg);
/* Takes the rows of a request that was sent. */
int cli_answer(struct cli *c, struct call *call, int wait_ms, cli_row_fn row, void *arg);
/* Asks for what a question without values lists. @row gets a bool that it sets; where it never did, a person reads @none. */
int cli_list(struct cli *c, unsigned number, cli_row_fn row, const char *none);
/* An object on a line of its own. Each says "v", the version of its form: messages without such a field are of the first. */
void cli_json(struct cli *c, const struct wire_desc *d, const void *msg);
/* A row function: one JSON object a line. */
int cli_row_json(struct cli *c, const struct call_row *row, void *arg);

/* ---- parsing (parse.c, value.c) ---- */

struct parse_error {
        char message[256];
        char hint[256];
};
/* Reads @argv (without the program's name; NULL-terminated). 0, or EXIT_USAGE with *ret_error. Also on failure
 * ret->values holds the global options found so far, so that the error can be told as --json wants it. */
int args_parse(struct args *ret, char *const *argv, uint64_t now, struct parse_error *ret_error);
/* The value of an option as its row says. False with *ret_error. */
bool value_parse(const struct option *o, const char *text, uint64_t now, struct option_value *ret,
                 struct parse_error *ret_error);
/* "800m", "1.5km", "800". */
bool distance_parse(struct span s, uint64_t *ret_metres);
const struct command *command_find(const char *group, const char *name);
bool group_exists(const char *word);

/* The word of @candidates (NULL-terminated) nearest to @typed; NULL if none is near. */
const char *nearest(const char *typed, const char *const *candidates);
const char *nearest_enum(const char *typed, const struct wire_enum *e);

/* ---- help (help.c) ---- */

void help_overview(struct buf *out);
void help_command(struct buf *out, const struct command *cmd);
void help_command_json(struct buf *out, const struct command *cmd); /* a line */
/* @left at the margin, @right wrapped in a column of its own. */
void help_row(struct buf *out, struct span left, size_t column, const char *right);
void help_group(struct buf *out, const char *group);
void help_words(struct buf *out, const struct command *cmd); /* "porchlight alert show" */

#define SALVAGE_TOLD (30 * 86400u) /* seconds: a disk that wears out is seldom replaced the same day */
#define CODE_OLD 86400             /* seconds: a device code that was open for longer is spoken of */

/* ---- layout (layout.c) ---- */

/* Wraps @text (shown, with its newlines) so that every line is indented and within @columns. A word that is too long
 * is cut. Ends with a newline. */
void layout_wrap(struct buf *out, struct span text, size_t indent, size_t columns);
/* @text in exactly @columns columns: padded, or cut with "…". Negative: to the right. @text is escaped. */
void layout_cell(struct buf *out, struct span text, int columns);
void layout_word(struct buf *out, const char *word, int columns); /* the same; a word of ours, in its language */
void layout_trim(struct buf *out);                                /* drops spaces at the end of the last line */
void layout_id(struct buf *out, struct span id);                  /* 8 hex digits */
void layout_distance(struct buf *out, uint64_t metres);
void layout_enum(struct buf *out, const struct wire_enum *e, uint64_t value);
void layout_count(struct buf *out, uint64_t n, const char *one, const char *many); /* "1 home", "3 homes" */
/* The block of one alert. */
void layout_alert(struct buf *out, const struct wire_c_alert *a, uint64_t now, bool colour);
/* What became of a post, as a sentence without its end; @done is "posted", "confirmed" …. */
void layout_posted(struct buf *out, const struct wire_c_posted *p, const char *done, uint64_t now);
bool posted_unsent(const struct wire_c_posted *p);
/* "current, 3 neighbours", "ALONE since 14:05; what happened since then is not here" */
void layout_fresh(struct buf *out, const struct wire_c_status *s, uint64_t now);
void layout_addr(struct buf *out, const struct wire_addr *a);

/* ---- asking (ask.c) ---- */

struct passphrase {
        struct buf text; /* locked in memory; wiped by passphrase_fini */
        bool none;       /* --no-passphrase */
};
void passphrase_fini(struct passphrase *p);
/* A new one: from the file that option @file names, --no-passphrase, or twice from the terminal. 0 or an exit code
 * (said). */
int passphrase_new(struct cli *c, const struct args *a, enum option_id file, struct passphrase *ret);
/* The same, but there has to be one; @why is said to a person before it is asked for. */
int passphrase_new_for(struct cli *c, const struct args *a, enum option_id file, const char *why,
                       struct passphrase *ret);
/* One that is there: from the file that option @file names, or once from the terminal. 0 or an exit code (said; 7 without
 * either). */
int passphrase_read(struct cli *c, const struct args *a, enum option_id file, const char *prompt,
                    struct passphrase *ret);
/* The present one: from --passphrase-file, or once from the terminal. 0 or an exit code (said; 7 without either). */
int passphrase_get(struct cli *c, const struct args *a, const char *prompt, struct passphrase *ret);
/* Asks on a terminal; elsewhere needs --yes. 0: go on; an exit code (said) otherwise. */
int ask_yes(struct cli *c, const struct args *a, const char *question);
/* Whether ask_yes() could ask, before work is done for the question. 0 or an exit code (said). */
int can_ask(struct cli *c, const struct args *a);
bool is_yes(struct span answer); /* "y", "yes", or what the language has for them */
/* A line from stdin after a prompt on stderr. False at its end. */
bool ask_line(struct cli *c, const char *prompt, struct buf *ret);
bool ask_next_line(struct buf *ret); /* one more of the same answer */
/* All of stdin, at most @max bytes, without newlines at its end. 0 or an exit code (said). */
int read_stdin(struct cli *c, size_t max, struct buf *ret);
/* The words from @from on with a space between, or stdin where the only one is "-". 0 or an exit code (said). */
int words_text(struct cli *c, const struct args *a, size_t from, struct buf *ret);

/* ---- shared by command groups ---- */

/* Fills the filter of nearby and watch, and says on stderr how --since was read. @kinds holds its bytes. 0 or an exit
 * code. */
int filter_from(struct cli *c, const struct args *a, struct wire_c_filter *ret, struct buf *kinds);
/* Says on stderr whether the replica is current, and unless --muted is given what is left out. */
void say_fresh(struct cli *c, const struct args *a, const struct wire_c_status *s);
/* The status, its spans held by @store. 0 or an exit code (said). */
int status_get(struct cli *c, struct wire_c_status *ret, struct buf *store);
/* Prints what became of a post; a cli_row_fn with @arg = the word for it. */
struct posted_sink {
        const char *done;
        bool alert; /* a new one: its id is of use */
        bool told;
        int exit;
        struct hash id; /* of what was posted; zeros: it was not */
};
/* Sends such a request and says what became of it: the exit code. */
int cli_ask_posted(struct cli *c, unsigned number, const void *msg, const char *done);
/* The same, for who has more to do with @sink. */
int cli_ask_posted_as(struct cli *c, unsigned number, const void *msg, struct posted_sink *sink);
int row_posted(struct cli *c, const struct call_row *row, void *arg);
/* Prints an alert; a cli_row_fn. */
int row_alert(struct cli *c, const struct call_row *row, void *arg);
void event_json(struct buf *out, const struct wire_c_event *e, const struct wire_c_alert *a);
/* Draws @text as a QR code in half blocks. False if it does not fit one. */
bool qr_draw(struct buf *out, const char *text, bool colour);
/* Runs @argv with @input on its stdin for at most 30 s. 0; an exit code (said) if it cannot be started. */
int exec_run(struct cli *c, char *const *argv, struct span input);
/* Set by SIGINT, SIGTERM. */
bool stop_wanted(void);
void stop_catch(void);
void stop_release(void); /* as before; ends the program if such a signal came meanwhile */
/* Reads and shows a ticket. */
struct ticket;
int ticket_read(struct cli *c, const char *word, struct ticket *ret, struct buf *text);
void ticket_show(struct buf *out, const struct ticket *t, uint64_t now);
