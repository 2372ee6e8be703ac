/* tests/sql_catalog/fixture.h: a catalog over an engine in memory, and descriptors to put in it. */
#ifndef LINERA_TESTS_SQL_CATALOG_FIXTURE_H
#define LINERA_TESTS_SQL_CATALOG_FIXTURE_H

#include "env/env.h"
#include "sql/catalog/change.h"
#include "sql/types/type.h"
#include "tests/common/txn_fixture.h"

enum { TEST_DATABASE = 5, TEST_SCHEMA = OID_SCHEMA_PUBLIC };

/* A transaction with its view, searching "public". */
struct actor {
    struct txn          *txn;
    struct catalog_view *view;
};

static inline struct actor actor_begin(struct txn_fixture *f, struct catalog *c)
{
    static const char *const path[] = {"public"};
    struct actor             a;

    assert_st_ok(txn_begin(f->txns, NULL, &a.txn));
    assert_st_ok(catalog_view_open(c, a.txn, TEST_DATABASE, &a.view));
    catalog_view_set_search_path(a.view, path, 1);
    return a;
}

static inline void actor_end(struct actor *a)
{
    txn_rollback(a->txn);
    catalog_view_close(a->view);
    txn_free(a->txn);
}

static inline void actor_commit(struct actor *a)
{
    assert_st_ok(txn_commit(a->txn));
    actor_end(a);
}

/* A table of two columns with a secondary index, not put. */
static inline struct table_desc *simple_table(struct arena *a, uint32_t oid, const char *name)
{
    struct table_desc *t = ARENA_NEW(a, struct table_desc);

    t->oid = oid;
    t->kind = RELATION_TABLE;
    t->name = name;
    t->schema_oid = TEST_SCHEMA;
    t->database_oid = TEST_DATABASE;
    t->owner_oid = OID_ROLE_BOOTSTRAP;
    t->storage_id = oid;
    t->has_row_id = true;
    t->next_key_id = 3;
    t->column_count = 2;
    t->columns = ARENA_ARRAY(a, struct column_desc, 2);
    t->columns[0] = (struct column_desc){.number = 1, .name = "a", .type = OID_INT4, .typmod = -1};
    t->columns[1] = (struct column_desc){.number = 2, .name = "b", .type = OID_TEXT, .typmod = -1};
    t->index_count = 2;
    t->indexes = ARENA_ARRAY(a, struct index_desc, 2);
    t->indexes[0] = (struct index_desc){.key_id = 1, .name = "", .unique = true};
    t->indexes[1] = (struct index_desc){.oid = oid + 1,
                                        .key_id = 2,
                                        .name = arena_printf(a, "%s_a_idx", name),
                                        .part_count = 1,
                                        .parts = {{.column = 1, .type = OID_INT4}}};
    return t;
}

#define CATALOG_TEST(name)                                                                         \
    static void name##_with_catalog(struct txn_fixture *f, struct catalog *c);                     \
    TXN_TEST(name)                                                                                 \
    {                                                                                              \
        struct catalog *c;                                                                         \
        assert_st_ok(catalog_open(f->env, f->txns, "admin", &c));                                  \
        name##_with_catalog(f, c);                                                                 \
        catalog_close(c);                                                                          \
    }                                                                                              \
    static void name##_with_catalog(struct txn_fixture *f, struct catalog *c)

#endif
