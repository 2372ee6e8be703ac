#include "rows.h"

#include "base/assert.h"

enum { STREAMED = 500 };

void rows_init(struct rows *r, struct heap *heap, enum table_format format, bool header)
{
    *r = (struct rows){.style = {.format = format, .header = header, .out = stdout}};
    r->arena = arena_new(heap, NULL);
}

void rows_deinit(struct rows *r)
{
    arena_free(r->arena);
    heap_free(r->cells);
}

void rows_columns(struct rows *r, const struct column *columns, size_t count)
{
    ASSERT(r->columns == NULL);
    r->columns = columns;
    r->column_count = (int)count;
}

static void add_cell(struct rows *r, const char *text)
{
    size_t at = r->count * (size_t)r->column_count + (size_t)r->cell_count++;

    ASSERT(r->cell_count <= r->column_count);
    if (at >= r->capacity) {
        r->capacity = MAX(2 * r->capacity, (size_t)1024);
        r->cells = heap_realloc(NULL, r->cells, r->capacity * sizeof *r->cells);
        ASSERT(r->cells != NULL); /* the limit of rows keeps this small */
    }
    r->cells[at] = text;
}

void rows_text(struct rows *r, const char *text)
{
    add_cell(r, arena_strdup(r->arena, text));
}

void rows_number(struct rows *r, uint64_t n)
{
    add_cell(r, arena_printf(r->arena, "%" PRIu64, n));
}

void rows_null(struct rows *r)
{
    add_cell(r, NULL);
}

static bool is_streamed(const struct rows *r)
{
    return r->style.format == TABLE_FORMAT_NDJSON || r->style.format == TABLE_FORMAT_CSV ||
           r->style.format == TABLE_FORMAT_TSV;
}

static const char *name_of(const void *source, int column)
{
    return ((const struct rows *)source)->columns[column].name;
}

static const char *cell_of(const void *source, int row, int column)
{
    const struct rows *r = source;

    return r->cells[(size_t)row * (size_t)r->column_count + (size_t)column];
}

static enum table_kind kind_of(const void *source, int column)
{
    return ((const struct rows *)source)->columns[column].kind;
}

static void print(struct rows *r)
{
    struct table t = {.source = r,
                      .columns = r->column_count,
                      .rows = (int)r->count,
                      .name = name_of,
                      .cell = cell_of,
                      .kind = kind_of};

    table_print(&t, &r->style);
    r->style.header = r->style.header && !is_streamed(r); /* once */
    r->count = 0;
    arena_reset(r->arena);
}

status rows_next(struct rows *r)
{
    ASSERT(r->cell_count == r->column_count);
    r->cell_count = 0;
    r->count++;
    if (is_streamed(r) && r->count == STREAMED)
        print(r);
    if (r->count < ROWS_MAX)
        return STATUS_OK;
    return status_hint(status_new(ST_LIMIT_EXCEEDED, "more than %d rows for --format %s", ROWS_MAX,
                                  table_format_name(r->style.format)),
                       "Use --format ndjson, or bounds.");
}

void rows_end(struct rows *r)
{
    if (r->columns != NULL && (r->count > 0 || !is_streamed(r) || r->style.header))
        print(r);
}
