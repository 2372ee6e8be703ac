/* Results, printed by client/table.h. */
#include "client/table.h"
#include "shell.h"

static const char *column_name(const void *source, int column)
{
    return PQfname(source, column);
}

static const char *cell(const void *source, int row, int column)
{
    return PQgetisnull(source, row, column) ? NULL : PQgetvalue(source, row, column);
}

static enum table_kind column_kind(const void *source, int column)
{
    switch (PQftype(source, column)) { /* by pg_type's oids */
    case 16:
        return TABLE_BOOLEAN;
    case 20:
    case 21:
    case 23:
    case 26:
    case 700:
    case 701:
    case 1700:
        return TABLE_NUMBER;
    default:
        return TABLE_TEXT;
    }
}

void print_result(struct shell *s, PGresult *r)
{
    const struct table t = {
        .source = r,
        .columns = PQnfields(r),
        .rows = PQntuples(r),
        .name = column_name,
        .cell = cell,
        .kind = column_kind,
    };
    const struct table_style style = {
        .format =
            s->expanded && s->format == TABLE_FORMAT_TABLE ? TABLE_FORMAT_VERTICAL : s->format,
        .header = s->header,
        .bare = s->tuples_only,
        .out = s->out,
    };

    table_print(&t, &style);
}
