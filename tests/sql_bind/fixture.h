/* tests/sql_bind/fixture.h: a catalog of hand-made descriptors behind the functions of
 * catalog/catalog.h, so that the binder is tested without a store. schema.sql beside this file says
 * the same to PostgreSQL. Each test program includes it once: the functions of the catalog are
 * defined here, not linked. */
#ifndef LINERA_TESTS_SQL_BIND_FIXTURE_H
#define LINERA_TESTS_SQL_BIND_FIXTURE_H

#include "sql/bind/bind.h"
#include "sql/catalog/catalog.h"
#include "sql/types/type.h"
#include "tests/common/test.h"

struct fixture {
    struct heap       *heap;
    struct arena      *arena;
    struct sql_context context;
};

struct catalog_view {
    int unused;
};

/* clang-format off */
#define COLUMN(n, nm, ty) { .number = (n), .name = (nm), .type = (ty), .typmod = -1 }
#define TEXT(n, nm) { .number = (n), .name = (nm), .type = OID_TEXT, .typmod = -1, .collation = 100 }

static struct column_desc t_columns[] = {
    COLUMN(1, "a", OID_INT4), TEXT(2, "b"), COLUMN(3, "c", OID_INT8), COLUMN(4, "d", OID_BOOL) };
static struct column_desc u_columns[] = {
    COLUMN(1, "a", OID_INT4), COLUMN(2, "x", OID_INT2),
    { .number = 3, .name = "y", .type = OID_VARCHAR, .typmod = 14, .collation = 100 },
    COLUMN(4, "z", OID_FLOAT8) };
static struct column_desc person_columns[] = {
    COLUMN(1, "id", OID_INT4), TEXT(2, "name"), COLUMN(3, "boss", OID_INT4),
    { .number = 4, .name = "salary", .type = OID_NUMERIC, .typmod = ((10 << 16) | 2) + 4 },
    COLUMN(5, "born", OID_DATE) };
static struct column_desc s_columns[] = {
    { .number = 1, .name = "id", .type = OID_INT4, .typmod = -1, .identity = IDENTITY_ALWAYS,
      .sequence_oid = 16500 },
    TEXT(2, "code"),
    { .number = 3, .name = "v", .type = OID_INT4, .typmod = -1, .default_text = "7" },
    { .number = 4, .name = "g", .type = OID_INT4, .typmod = -1, .generated_stored = true,
      .default_text = "(v * 2)" } };
static struct column_desc arr_columns[] = {
    COLUMN(1, "id", OID_INT4), COLUMN(2, "i", OID_INT4_ARRAY),
    { .number = 3, .name = "w", .type = OID_TEXT_ARRAY, .typmod = -1, .collation = 100 } };
static struct column_desc vt_columns[] = { COLUMN(1, "a", OID_INT4), TEXT(2, "b") };

#define PRIMARY(o, nm) { .oid = (o), .key_id = 1, .name = (nm), .unique = true, .primary = true, \
                         .part_count = 1, .parts = { { .column = 1, .type = OID_INT4 } } }
#define PRIMARY_KEY(o, nm, ix) { .oid = (o), .kind = CONSTRAINT_PRIMARY, .name = (nm), \
                                 .column_count = 1, .columns = { 1 }, .index_oid = (ix) }

static struct index_desc t_indexes[] = { PRIMARY(16401, "t_pkey") };
static struct index_desc u_indexes[] = { PRIMARY(16411, "u_pkey") };
static struct index_desc person_indexes[] = { PRIMARY(16421, "person_pkey") };
static struct index_desc arr_indexes[] = { PRIMARY(16441, "arr_pkey") };
static struct index_desc s_indexes[] = {
    PRIMARY(16431, "s_pkey"),
    { .oid = 16432, .key_id = 2, .name = "s_code_key", .unique = true, .part_count = 1,
      .parts = { { .column = 2, .type = OID_TEXT } } },
    { .oid = 16433, .key_id = 3, .name = "s_lower", .unique = true, .part_count = 1,
      .parts = { { .expression_text = "lower(code)", .type = OID_TEXT } },
      .predicate_text = "(v > 0)" } };
static struct constraint_desc t_constraints[] = { PRIMARY_KEY(16402, "t_pkey", 16401) };
static struct constraint_desc u_constraints[] = { PRIMARY_KEY(16412, "u_pkey", 16411) };
static struct constraint_desc person_constraints[] = { PRIMARY_KEY(16422, "person_pkey", 16421) };
static struct constraint_desc arr_constraints[] = { PRIMARY_KEY(16442, "arr_pkey", 16441) };
static struct constraint_desc s_constraints[] = {
    PRIMARY_KEY(16434, "s_pkey", 16431),
    { .oid = 16435, .kind = CONSTRAINT_UNIQUE, .name = "s_code_key", .column_count = 1,
      .columns = { 2 }, .index_oid = 16432 } };

#define TABLE(o, t) { .oid = (o), .version = 1, .kind = RELATION_TABLE, .name = #t, \
    .schema_oid = OID_SCHEMA_PUBLIC, .column_count = ARRAY_LEN(t##_columns), .columns = t##_columns, \
    .index_count = ARRAY_LEN(t##_indexes), .indexes = t##_indexes, \
    .constraint_count = ARRAY_LEN(t##_constraints), .constraints = t##_constraints }

static const struct table_desc tables[] = {
    TABLE(16400, t), TABLE(16410, u), TABLE(16420, person), TABLE(16430, s), TABLE(16440, arr),
    { .oid = 16450, .kind = RELATION_VIEW, .name = "vt", .schema_oid = OID_SCHEMA_PUBLIC,
      .column_count = 2, .columns = vt_columns,
      .view_text = "SELECT t.a, t.b FROM public.t WHERE (t.a > 0)" },
    { .oid = 16500, .kind = RELATION_SEQUENCE, .name = "s_id_seq", .schema_oid = OID_SCHEMA_PUBLIC },
};
/* clang-format on */

static const struct schema_desc public_schema = {.oid = OID_SCHEMA_PUBLIC, .name = "public"};

static inline const struct table_desc *fixture_table(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        if (strcmp(tables[i].name, name) == 0)
            return &tables[i];
    return NULL;
}

status catalog_table_by_name(struct catalog_view *v, const char *schema, const char *name,
                             const struct table_desc **out)
{
    (void)v;
    *out = schema == NULL || strcmp(schema, "public") == 0 ? fixture_table(name) : NULL;
    return STATUS_OK;
}

status catalog_table_by_oid(struct catalog_view *v, uint32_t oid, const struct table_desc **out)
{
    (void)v;
    *out = NULL;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        if (tables[i].oid == oid)
            *out = &tables[i];
    return STATUS_OK;
}

status catalog_index_by_name(struct catalog_view *v, const char *schema, const char *name,
                             const struct table_desc **table, size_t *position)
{
    (void)v, (void)schema, (void)name, (void)position;
    *table = NULL;
    return STATUS_OK;
}

status catalog_index_by_oid(struct catalog_view *v, uint32_t oid, const struct table_desc **table,
                            size_t *position)
{
    (void)v, (void)oid, (void)position;
    *table = NULL;
    return STATUS_OK;
}

status catalog_schema_by_name(struct catalog_view *v, const char *name,
                              const struct schema_desc **out)
{
    (void)v;
    *out = strcmp(name, "public") == 0 ? &public_schema : NULL;
    return STATUS_OK;
}

status catalog_schema_by_oid(struct catalog_view *v, uint32_t oid, const struct schema_desc **out)
{
    (void)v;
    *out = oid == OID_SCHEMA_PUBLIC ? &public_schema : NULL;
    return STATUS_OK;
}

status catalog_role_by_name(struct catalog_view *v, const char *name, const struct role_desc **out)
{
    (void)v, (void)name;
    *out = NULL;
    return STATUS_OK;
}

status catalog_role_by_oid(struct catalog_view *v, uint32_t oid, const struct role_desc **out)
{
    (void)v, (void)oid;
    *out = NULL;
    return STATUS_OK;
}

bool catalog_table_is_visible(struct catalog_view *v, const struct table_desc *t)
{
    (void)v, (void)t;
    return true;
}

bool catalog_relation_is_visible(struct catalog_view *v, uint32_t schema_oid, const char *name)
{
    (void)v, (void)schema_oid, (void)name;
    return true;
}

bool catalog_relation_name(struct catalog_view *v, uint32_t oid, uint32_t *schema_oid,
                           const char **name)
{
    (void)v;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (tables[i].oid != oid)
            continue;
        *schema_oid = OID_SCHEMA_PUBLIC;
        *name = tables[i].name;
        return true;
    }
    return false;
}

uint32_t catalog_relation_oid(struct catalog_view *v, const char *schema, const char *name)
{
    const struct table_desc *t =
        schema == NULL || strcmp(schema, "public") == 0 ? fixture_table(name) : NULL;

    (void)v;
    return t != NULL ? t->oid : 0;
}

static inline int fixture_setup(void **state)
{
    static struct catalog_view view; /* nothing is in it */
    struct fixture            *f = calloc(1, sizeof *f);

    f->heap = heap_new();
    f->arena = arena_new(f->heap, NULL);
    f->context.catalog = &view;
    f->context.database = "postgres";
    f->context.user = f->context.session_user = "postgres";
    f->context.settings.standard_conforming_strings = true;
    f->context.settings.extra_float_digits = 1;
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    arena_free(f->arena);
    heap_destroy(f->heap);
    free(f);
    return 0;
}

/* Parse and bind one statement; `params` NULL: any number may be inferred, and is forgotten. */
static inline status fixture_bind(struct fixture *f, const char *sql, struct bind_params *params,
                                  struct query **out)
{
    struct bind_params  any = {0};
    struct parse_result parsed;

    TRY_RETURN(parse_statements(NULL, f->arena, slice_cstr(sql), &parsed));
    if (parsed.count != 1)
        return status_new(ST_INTERNAL, "one statement is expected");
    return bind_statement(&f->context, f->arena, parsed.statements[0].node, sql,
                          params != NULL ? params : &any, out);
}

/* As fixture_bind, for statements that must bind. */
static inline struct query *fixture_query(struct fixture *f, const char *sql)
{
    struct query *q = NULL;

    assert_st_ok(fixture_bind(f, sql, NULL, &q));
    return q;
}

#endif
