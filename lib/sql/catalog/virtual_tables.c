/* The system tables as descriptors: columns from columns.def, rows from the scans of the pg_*.c and
 * information_schema*.c files. What has no scan has no rows: the feature behind it is not there. */
#include "sql/catalog/rows.h"

#include <stdio.h>

static const struct virtual_column columns[] = {
#define TABLE(schema, relation, oid, is_table)
#define COLUMN(relation, column, type_, not_null_)                                                 \
    {.name = #column, .type = (type_), .not_null = (not_null_)},
#include "sql/catalog/columns.def"
#undef TABLE
#undef COLUMN
};

static status scan_nothing(struct rows *r)
{
    (void)r;
    return STATUS_OK;
}

static const struct {
    const char *relation;
    scan_fn    *scan;
} scans[] = {
#define SCAN_ENTRY(relation_) {.relation = #relation_, .scan = scan_##relation_},
    SCANS(SCAN_ENTRY)
#undef SCAN_ENTRY
        {.relation = NULL, .scan = scan_nothing},
};

static scan_fn *scan_of(const char *relation)
{
    for (size_t i = 0; scans[i].relation != NULL; i++)
        if (strcmp(scans[i].relation, relation) == 0)
            return scans[i].scan;
    return scan_nothing;
}

static status scan_table(struct sql_context *c, struct arena *a, const struct table_desc *table,
                         int key_column, const datum *key, struct row_sink *sink)
{
    struct rows r = {.c = c,
                     .a = a,
                     .v = c->catalog,
                     .table = table,
                     .key_column = key == NULL ? -1 : key_column,
                     .key = key,
                     .sink = sink};

    r.values = ARENA_ARRAY(a, datum, table->column_count + 1);
    r.nulls = ARENA_ARRAY(a, bool, table->column_count + 1);
    return scan_of(table->name)(&r);
}

/* The columns of a relation lie between its first position and that of the next relation. */
static const struct virtual_table tables[] = {
#define TABLE(schema_, relation_, oid_, is_table)                                                  \
    {.schema = #schema_,                                                                           \
     .name = #relation_,                                                                           \
     .oid = (oid_),                                                                                \
     .columns = columns + AT_##relation_,                                                          \
     .scan = scan_table},
#define COLUMN(relation, column, type, not_null)
#include "sql/catalog/columns.def"
#undef TABLE
#undef COLUMN
};

static const bool table_is_view[] = {
#define TABLE(schema, relation, oid, is_table) !(is_table),
#define COLUMN(relation, column, type, not_null)
#include "sql/catalog/columns.def"
#undef TABLE
#undef COLUMN
};

const struct virtual_table *virtual_table_at(size_t position)
{
    return position < ARRAY_LEN(tables) ? &tables[position] : NULL;
}

static size_t column_count_of(size_t position)
{
    const struct virtual_column *end = position + 1 < ARRAY_LEN(tables)
                                           ? tables[position + 1].columns
                                           : columns + ARRAY_LEN(columns);

    return (size_t)(end - tables[position].columns);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

/* A type this server does not have, or by name only, is shown as text. */
static uint32_t known_type(uint32_t oid)
{
    const struct type *t = type_by_oid(oid);

    return t != NULL && t->output != NULL ? oid : OID_TEXT;
}

static void describe_column(const struct virtual_column *from, size_t position,
                            struct column_desc *to)
{
    const struct type *type = type_by_oid(known_type(from->type));

    to->number = (int16_t)(position + 1);
    to->name = from->name;
    to->type = type->oid;
    to->typmod = -1;
    to->collation = type->collatable ? OID_COLLATION_C : 0;
    to->not_null = from->not_null;
}

static void install_table(struct catalog *c, size_t position)
{
    const struct virtual_table *t = &tables[position];
    struct arena               *a = arena_new(c->heap, NULL);
    struct table_desc          *d = ARENA_NEW(a, struct table_desc);

    d->oid = t->oid;
    d->version = 1;
    d->kind = table_is_view[position] ? RELATION_VIEW : RELATION_TABLE;
    d->name = t->name;
    d->schema_oid =
        strcmp(t->schema, "pg_catalog") == 0 ? OID_SCHEMA_PG_CATALOG : OID_SCHEMA_INFORMATION;
    d->owner_oid = OID_ROLE_BOOTSTRAP;
    d->column_count = column_count_of(position);
    d->columns = ARENA_ARRAY(a, struct column_desc, d->column_count);
    for (size_t i = 0; i < d->column_count; i++)
        describe_column(&t->columns[i], i, &d->columns[i]);
    d->virtual_table = t;
    catalog_install(c, OBJECT_TABLE, d->oid, object_wrap(a, OBJECT_TABLE, d->oid, d));
}

static void install_schema(struct catalog *c, uint32_t oid, const char *name, const char *comment)
{
    struct arena       *a = arena_new(c->heap, NULL);
    struct schema_desc *d = ARENA_NEW(a, struct schema_desc);

    d->oid = oid;
    d->name = name;
    d->owner_oid = OID_ROLE_BOOTSTRAP;
    d->comment = comment;
    catalog_install(c, OBJECT_SCHEMA, oid, object_wrap(a, OBJECT_SCHEMA, oid, d));
}

/* The roles of PostgreSQL 15 that privileges are granted through; nobody logs in as one. */
static void install_roles(struct catalog *c)
{
    static const struct {
        uint32_t    oid;
        const char *name;
    } roles[] = {{OID_ROLE_DATABASE_OWNER, "pg_database_owner"},
                 {6181, "pg_read_all_data"},
                 {6182, "pg_write_all_data"},
                 {3373, "pg_monitor"},
                 {3374, "pg_read_all_settings"},
                 {3375, "pg_read_all_stats"},
                 {3377, "pg_stat_scan_tables"},
                 {4200, "pg_signal_backend"},
                 {4544, "pg_checkpoint"},
                 {4569, "pg_read_server_files"},
                 {4570, "pg_write_server_files"},
                 {4571, "pg_execute_server_program"}};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        struct arena     *a = arena_new(c->heap, NULL);
        struct role_desc *d = ARENA_NEW(a, struct role_desc);

        d->oid = roles[i].oid;
        d->name = roles[i].name;
        d->inherit = true;
        d->connection_limit = -1;
        catalog_install(c, OBJECT_ROLE, d->oid, object_wrap(a, OBJECT_ROLE, d->oid, d));
    }
}

void virtual_install(struct catalog *c)
{
    install_roles(c);
    install_schema(c, OID_SCHEMA_PG_CATALOG, "pg_catalog", "system catalog schema");
    install_schema(c, OID_SCHEMA_INFORMATION, "information_schema", NULL);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        install_table(c, i);
}

/* ---- rows ------------------------------------------------------------------------------------ */

void row_begin(struct rows *r)
{
    for (size_t i = 0; i < r->table->column_count; i++)
        r->nulls[i] = true;
}

status row_end(struct rows *r)
{
    return r->sink->row(r->sink, r->values, r->nulls);
}

static datum *row_set(struct rows *r, size_t at)
{
    ASSERT(at < r->table->column_count);
    r->nulls[at] = false;
    return &r->values[at];
}

void row_int(struct rows *r, size_t at, int64_t v)
{
    row_set(r, at)->i = v;
}

void row_bool(struct rows *r, size_t at, bool v)
{
    row_set(r, at)->b = v;
}

void row_char(struct rows *r, size_t at, char v)
{
    row_set(r, at)->i = v;
}

void row_float(struct rows *r, size_t at, double v)
{
    row_set(r, at)->f = v;
}

void row_text(struct rows *r, size_t at, const char *text)
{
    if (text != NULL)
        row_set(r, at)->s = slice_cstr(text);
}

status row_input(struct rows *r, size_t at, const char *text)
{
    const struct type *type = type_by_oid(r->table->columns[at].type);

    return type->input(r->c, r->a, type, slice_cstr(text), -1, row_set(r, at));
}

status row_numbers(struct rows *r, size_t at, const int64_t *numbers, size_t count, bool vector)
{
    SCOPED(buf) struct buf text = {0};

    buf_init(&text, NULL);
    buf_append_cstr(&text, vector ? "" : "{");
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%lld", i == 0 ? "" : vector ? " " : ",", (long long)numbers[i]);
    buf_append_cstr(&text, vector ? "" : "}");
    return row_input(r, at, arena_strdup(r->a, buf_cstr(&text)));
}

bool rows_want_int(const struct rows *r, size_t at, int64_t v)
{
    return r->key_column != (int)at || r->key->i == v;
}
