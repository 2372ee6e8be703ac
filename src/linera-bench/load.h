/* src/linera-bench/load.h: linera-bench init: tables made and filled by COPY. */
#ifndef LINERA_BENCH_LOAD_H
#define LINERA_BENCH_LOAD_H

#include "workload.h"

/* Append row `row` (from 0) in COPY's text format, its line end included. */
typedef void load_row_fn(struct bench *b, uint64_t row, struct buf *out);

/* Fill `table` with `rows` rows; progress on stderr. */
status load_table(struct bench *b, PGconn *conn, const char *table, uint64_t rows, load_row_fn *row)
    MUST_CHECK;

/* The verb init; returns the exit code. */
int load_init(struct bench *b);

#endif
