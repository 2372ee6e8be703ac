/* lib/sql/datum.h: SQL values in memory: one value, a column of them, a batch of rows.
 *
 * Every value of every type fits one 16-byte datum, so operators and functions see one
 * representation and a batch is an array of plain arrays. What does not fit (text, numeric, arrays)
 * is a slice into an arena, a page or the statement's constants; whoever fills the datum says how
 * long that lives. A datum does not know its type nor whether it is null: the column, expression or
 * descriptor beside it does. */
#ifndef LINERA_SQL_DATUM_H
#define LINERA_SQL_DATUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

/* PostgreSQL's interval: the three parts do not convert into each other. */
struct interval {
    int64_t us;
    int32_t days;
    int32_t months;
};

typedef union datum {
    bool b; /* bool */
    int64_t
           i; /* int2, int4, int8, oid and its kin, "char"; date: days since 2000-01-01; time: us;
                 timestamp, timestamptz: us since 2000-01-01 (UTC for timestamptz), as PostgreSQL */
    double f; /* float8; float4 with a value that a float holds exactly */
    slice  s; /* text, varchar, bpchar, name, bytea; numeric, arrays, timetz: packed, see types/ */
    struct interval iv; /* interval */
    uint8_t         uuid[16];
} datum;

_Static_assert(sizeof(datum) == 16, "a datum is two words");

/* How many rows operators hand on at a time. Tests run with less (pitfall Q3). */
enum { BATCH_ROWS_MAX = 1024 };

/* Values of one column; row i is values[i] unless nulls[i]. Both arrays hold the batch's capacity.
 */
struct column {
    uint32_t type;        /* OID */
    bool     may_be_null; /* false: nulls[] is all false and need not be read */
    datum   *values;
    bool    *nulls;
};

/* Rows on their way between two operators. `rows` are filled in the columns; `selected` lists the
 * live ones in order, or is NULL when all are. Belongs to the operator that returned it, until its
 * next call. */
struct batch {
    size_t          rows;
    size_t          column_count;
    struct column  *columns;
    const uint16_t *selected;
    size_t          selected_count; /* meaningful when selected != NULL */
};

static inline size_t batch_live_count(const struct batch *b)
{
    return b->selected != NULL ? b->selected_count : b->rows;
}

static inline size_t batch_live_row(const struct batch *b, size_t position)
{
    return b->selected != NULL ? b->selected[position] : position;
}

/* Arrays for `capacity` rows of a column, nulls cleared. */
void column_init(struct column *c, struct arena *a, uint32_t type, size_t capacity);

#endif
