#include "load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/connect.h"
#include "clock.h"

/* A COPY each, so that neither a server's transaction nor what an interruption throws away grows
 * with the table. */
enum { ROWS_PER_COPY = 50000, SEND_BYTES = 64 * 1024 };

/* ---- progress ---- */

struct progress {
    const char *table;
    uint64_t    rows, began_ns;
    bool        shown, terminal;
};

/* One line that is written over on a terminal; lines of their own elsewhere. */
static void progress_show(const struct progress *p, uint64_t done)
{
    double seconds = (double)(clock_now_ns() - p->began_ns) / 1e9;

    if (!p->shown)
        return;
    fprintf(stderr, "%s%s: %" PRIu64 " of %" PRIu64 " rows, %.0f rows/s%s", p->terminal ? "\r" : "",
            p->table, done, p->rows, seconds > 0 ? (double)done / seconds : 0.0,
            p->terminal && done < p->rows ? "\033[K" : "\n");
}

/* ---- COPY ---- */

static status send_rows(struct bench *b, PGconn *conn, uint64_t from, uint64_t to, load_row_fn *row)
{
    SCOPED(buf) struct buf text = {0};

    for (uint64_t i = from; i < to; i++) {
        row(b, i, &text);
        if (text.size < SEND_BYTES && i + 1 < to)
            continue;
        if (PQputCopyData(conn, text.data, (int)text.size) < 0)
            return connect_failure(conn);
        buf_reset(&text);
    }
    return STATUS_OK;
}

static status copy_rows(struct bench *b, PGconn *conn, const char *copy, uint64_t from, uint64_t to,
                        load_row_fn *row)
{
    PGresult *result;
    status    st = STATUS_OK;

    TRY_RETURN(connect_query(conn, copy, NULL));
    TRY_RETURN(send_rows(b, conn, from, to, row));
    if (PQputCopyEnd(conn, NULL) < 0)
        return connect_failure(conn);
    while ((result = PQgetResult(conn)) != NULL) {
        if (st_ok(st))
            st = connect_result(conn, result);
        PQclear(result);
    }
    return st;
}

status load_table(struct bench *b, PGconn *conn, const char *table, uint64_t rows, load_row_fn *row)
{
    SCOPED(buf) struct buf copy = {0};
    struct progress        p = {
               .table = table,
               .rows = rows,
               .began_ns = clock_now_ns(),
               .terminal = isatty(STDERR_FILENO) != 0,
    };

    p.shown = p.terminal || b->options->progress;
    buf_printf(&copy, "copy %s from stdin", table);
    for (uint64_t from = 0; from < rows; from += ROWS_PER_COPY) {
        uint64_t to = MIN(from + ROWS_PER_COPY, rows);
        status   st = copy_rows(b, conn, buf_cstr(&copy), from, to, row);

        if (!st_ok(st))
            return status_wrap(st, "could not fill the table %s", table);
        progress_show(&p, to);
    }
    return STATUS_OK;
}

/* ---- init ---- */

static status table_exists(PGconn *conn, const char *table, bool *out)
{
    SCOPED(buf) struct buf sql = {0};
    int64_t                count;

    buf_printf(&sql, "select count(to_regclass('%s')::oid)", table);
    TRY_RETURN(query_numbers(conn, buf_cstr(&sql), &count, 1));
    *out = count > 0;
    return STATUS_OK;
}

/* Somebody may have filled these tables for hours, so they go only when asked. */
static status make_room(struct bench *b, PGconn *conn)
{
    const char *const     *tables = b->workload->tables;
    SCOPED(buf) struct buf drop = {0};

    for (size_t i = 0; tables[i] != NULL; i++) {
        bool exists;

        TRY_RETURN(table_exists(conn, tables[i], &exists));
        if (!exists)
            continue;
        if (!b->options->drop)
            return status_hint(
                status_new(ST_DUPLICATE_TABLE, "the table %s exists already", tables[i]),
                "pass --drop to make the workload's tables anew");
        buf_reset(&drop);
        buf_printf(&drop, "drop table %s", tables[i]);
        TRY_RETURN(connect_query(conn, buf_cstr(&drop), NULL));
    }
    return STATUS_OK;
}

int load_init(struct bench *b)
{
    PGconn *conn;
    status  st;

    TRY(st, connect_open(b->options->url, PROGRAM, &conn), fail);
    TRY(st, make_room(b, conn), fail);
    TRY(st, b->workload->create(b, conn), fail);
    PQfinish(conn);
    return CLI_DONE;

fail:
    PQfinish(conn);
    return cli_fail(PROGRAM, st);
}
