/* lib/sql/session/copy_format.h: COPY's text and CSV forms (PostgreSQL 15, "COPY", File Formats):
 * lines to fields and back. Pure: bytes in, fields out. */
#ifndef LINERA_SQL_SESSION_COPY_FORMAT_H
#define LINERA_SQL_SESSION_COPY_FORMAT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

struct copy_options {
    bool        binary; /* copy_binary.h; nothing below counts then */
    bool        csv;
    bool        header;
    bool        header_match;
    char        delimiter;
    const char *null_text;
    char        quote, escape;
    /* By column position of the COPY's list; NULL: none. */
    const bool *force_quote, *force_null, *force_not_null;
};

struct copy_field {
    slice text;
    bool  is_null;
};

/* Collects what the client sends, in pieces of any size, and gives it back line by line. */
struct copy_reader {
    const struct copy_options *options;
    struct buf                 pending; /* read and not yet consumed */
    size_t   at, scanned; /* of `pending`: where the next line begins; looked through so far */
    bool     in_quotes;   /* CSV: the scan stands within a quoted field */
    bool     ended;       /* "\." was seen */
    uint64_t line;        /* number of the line last returned, from 1 */
};

void copy_reader_init(struct copy_reader *r, const struct copy_options *o, struct heap *heap);
void copy_reader_deinit(struct copy_reader *r);
void copy_reader_feed(struct copy_reader *r, slice piece);

/* The next whole line without its end. False: more input is needed. With `at_end` an unfinished
 * last line is given too. Slices live until the next feed. */
bool copy_reader_line(struct copy_reader *r, bool at_end, slice *line);

/* Take a line apart. *fields is in `a`. BAD_COPY_FILE (22P04) for a quote that does not end. */
status copy_split(const struct copy_options *o, struct arena *a, slice line,
                  struct copy_field **fields, size_t *count) MUST_CHECK;

/* Append one field, with what must be escaped. */
void copy_put_field(const struct copy_options *o, struct buf *out, slice text, bool is_null,
                    bool force_quote);

#endif
