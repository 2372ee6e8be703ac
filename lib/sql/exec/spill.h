/* lib/sql/exec/spill.h: rows that do not fit in memory, in temporary files; for the files of this
 * folder only.
 *
 * An operator that has more than work_mem of rows opens a spill file and writes tapes into it: rows
 * in order, read back in order, once or several times. The file lives in the server's directory for
 * temporary files and has no name from the moment it is open, so that whatever ends the statement,
 * a crash too, frees its space. It is cut into blocks; those of a tape that is read up are used
 * again.
 *
 *     tape  = row row row ...      in the bytes of its blocks, one after the other
 *     row   = size:4 tag:8 nulls:(count + 7) / 8 value ...       size: of what follows
 *     value = 1, 8 or 16 bytes by the type's kind; text and its kin: size:4, bytes */
#ifndef LINERA_SQL_EXEC_SPILL_H
#define LINERA_SQL_EXEC_SPILL_H

#include "sql/exec/op.h"

struct spill_file;
struct spill_tape;
struct spill_reader;

/* Should the operator, which holds `held` bytes of rows, write them out? When that is more than
 * work_mem, or when a memory limit above the statement comes near. False where there is no place
 * for temporary files. */
bool spill_wanted(const struct op *op, size_t held);

/* A temporary file for the operator. Errors of all calls here that write: DISK_FULL (53100),
 * CONFIGURATION_LIMIT_EXCEEDED (53400, temp_file_limit), IO_ERROR. The statement fails, nothing
 * else. */
status spill_open(struct op *op, struct spill_file **out) MUST_CHECK;
/* Frees the file with its tapes; readers must be closed. Accepts NULL. */
void   spill_close(struct spill_file *f);

/* A tape for rows of this shape (borrowed). It belongs to the file. */
struct spill_tape *spill_tape_new(struct spill_file *f, const struct row_shape *shape);
/* Append a row; `tag` comes back with it. */
status spill_write(struct spill_tape *t, uint64_t tag, const datum *values, const bool *nulls)
    MUST_CHECK;
/* Append row `row` of columns, with the tag 0. */
status   spill_write_row(struct spill_tape *t, const struct column *columns, size_t row) MUST_CHECK;
/* No more rows will be written: gives the buffer's memory back. */
status   spill_finish(struct spill_tape *t) MUST_CHECK;
/* Forget the rows; their space is used again. */
void     spill_tape_drop(struct spill_tape *t);
uint64_t spill_tape_rows(const struct spill_tape *t);
uint64_t spill_tape_bytes(const struct spill_tape *t);

/* Read a tape from its start. With `once` blocks are free as soon as they are read; the tape must
 * be finished then. Otherwise it may still grow: NO_DATA then means none so far. */
status spill_read_open(struct spill_tape *t, bool once, struct spill_reader **out) MUST_CHECK;
void   spill_read_close(struct spill_reader *r); /* Accepts NULL. */
/* The next row, in `a`; NO_DATA behind the last. `tag` may be NULL. */
status spill_read(struct spill_reader *r, struct arena *a, struct kept_row *out, uint64_t *tag)
    MUST_CHECK;
/* As many rows as a batch holds into `b`, whose columns have room for them; NO_DATA: none left. */
status spill_read_batch(struct spill_reader *r, struct arena *a, struct batch *b) MUST_CHECK;

#endif
