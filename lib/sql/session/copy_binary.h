/* lib/sql/session/copy_binary.h: COPY's binary form (PostgreSQL 15, "COPY", Binary Format). Pure:
 * bytes in, fields out. Numbers are big-endian.
 *
 *     file:    "PGCOPY\n\377\r\n\0" | flags u32 | size of extension u32 | extension | rows | -1 i16
 *     row:     number of fields i16 | fields
 *     field:   size i32, -1 for null | the type's binary form
 */
#ifndef LINERA_SQL_SESSION_COPY_BINARY_H
#define LINERA_SQL_SESSION_COPY_BINARY_H

#include "base/buf.h"
#include "base/status.h"
#include "sql/session/copy_format.h"

/* Collects what the client sends, in pieces of any size, and gives it back row by row. */
struct copy_binary_reader {
    struct buf pending; /* read and not yet consumed */
    size_t     at;      /* of `pending`: where the next row begins */
    bool       in_rows; /* the header has been read */
    bool       ended;   /* the closing -1 was seen */
    uint64_t   row;     /* number of the row last returned, from 1 */
};

void copy_binary_reader_init(struct copy_binary_reader *r, struct heap *heap);
void copy_binary_reader_deinit(struct copy_binary_reader *r);
void copy_binary_reader_feed(struct copy_binary_reader *r, slice piece);

/* The next whole row into fields[0..count). *found false: more input is needed or, with `at_end`,
 * there is no more. Slices live until the next feed. BAD_COPY_FILE (22P04) for what cannot be. */
status copy_binary_row(struct copy_binary_reader *r, bool at_end, struct copy_field *fields,
                       size_t count, bool *found) MUST_CHECK;

void copy_binary_put_header(struct buf *out);
void copy_binary_put_trailer(struct buf *out);

#endif
