/* Statements that change the catalog, from text to descriptors, messages and rows. */
#include "kv/keys.h"
#include "sql/catalog/sequence.h"
#include "sql/catalog/virtual.h"
#include "sql/ddl/ddl.h"
#include "sql/exec/table.h"
#include "sql/parse/parse.h"
#include "tests/sql_catalog/fixture.h"

/* One session's worth: statements run in the actor's transaction. */
struct desk {
    struct txn_fixture *f;
    struct catalog     *c;
    struct actor        a;
    struct sql_context  x;
    struct buf          said; /* notices, one a line */
};

static struct desk *desk_of(struct sql_context *x)
{
    return CONTAINER_OF(x, struct desk, x);
}

static void take_notice(struct sql_context *x, const char *severity, status st)
{
    const struct status_fields *fields = status_fields(st);
    struct desk                *d = desk_of(x);

    buf_printf(&d->said, "%s: %s\n", severity, status_message(st));
    if (fields != NULL && fields->detail != NULL)
        buf_printf(&d->said, "DETAIL: %s\n", fields->detail);
    st_clear(st);
}

static void desk_begin(struct desk *d)
{
    d->a = actor_begin(d->f, d->c);
    d->x.catalog = d->a.view;
    d->x.txn = d->a.txn;
}

static void desk_open(struct desk *d, struct txn_fixture *f, struct catalog *c)
{
    memset(d, 0, sizeof *d);
    d->f = f;
    d->c = c;
    d->x = (struct sql_context){.env = f->env,
                                .database = "postgres",
                                .user = "admin",
                                .session_user = "admin",
                                .database_oid = TEST_DATABASE,
                                .user_oid = OID_ROLE_BOOTSTRAP,
                                .notice = take_notice,
                                .sequence_next = sequence_next,
                                .sequence_current = sequence_current,
                                .sequence_last = sequence_last,
                                .sequence_set = sequence_set};
    d->x.settings.standard_conforming_strings = true;
    d->x.settings.extra_float_digits = 1;
    d->x.sequences = sequence_session_new(env_heap(f->env));
    buf_init(&d->said, NULL);
    desk_begin(d);
}

static void desk_close(struct desk *d)
{
    actor_end(&d->a);
    sequence_session_free(d->x.sequences);
    buf_deinit(&d->said);
}

static void commit(struct desk *d)
{
    actor_commit(&d->a);
    desk_begin(d);
}

static status run(struct desk *d, const char *sql)
{
    struct parse_result parsed;
    struct ddl_result   result;

    buf_reset(&d->said);
    TRY_RETURN(parse_statements(NULL, d->f->arena, slice_cstr(sql), &parsed));
    for (size_t i = 0; i < parsed.count; i++) {
        txn_step(d->a.txn);
        assert_true(ddl_handles(parsed.statements[i].node));
        TRY_RETURN(ddl_execute(&d->x, d->f->arena, parsed.statements[i].node, sql, NULL, &result));
        assert_non_null(result.tag);
    }
    txn_step(d->a.txn);
    return STATUS_OK;
}

static void ok(struct desk *d, const char *sql)
{
    status st = run(d, sql);

    if (!st_ok(st))
        print_error("%s: %s\n", sql, status_message(st));
    assert_st_ok(st);
}

/* The error's SQLSTATE, message, detail and hint must be these. */
static void fails(struct desk *d, const char *sql, const char *expected)
{
    status                      st = run(d, sql);
    const struct status_fields *fields = status_fields(st);
    const char                 *got =
        arena_printf(d->f->arena, "%s: %s%s%s%s%s", status_sqlstate(st), status_message(st),
                     fields != NULL && fields->detail != NULL ? "\nDETAIL: " : "",
                     fields != NULL && fields->detail != NULL ? fields->detail : "",
                     fields != NULL && fields->hint != NULL ? "\nHINT: " : "",
                     fields != NULL && fields->hint != NULL ? fields->hint : "");

    st_clear(st);
    assert_string_equal(got, expected);
}

static void says(struct desk *d, const char *sql, const char *expected)
{
    ok(d, sql);
    assert_string_equal(buf_cstr(&d->said), expected);
}

static const struct table_desc *table(struct desk *d, const char *name)
{
    const struct table_desc *t;

    assert_st_ok(catalog_table_by_name(d->a.view, NULL, name, &t));
    return t;
}

/* "pkey p; check c" and so on, in the order of the descriptor. */
static const char *constraints(struct desk *d, const char *name)
{
    const struct table_desc *t = table(d, name);
    const char              *text = "";

    for (size_t i = 0; i < t->constraint_count; i++)
        text = arena_printf(d->f->arena, "%s%s%s", text, i > 0 ? " " : "", t->constraints[i].name);
    return text;
}

static const char *indexes(struct desk *d, const char *name)
{
    const struct table_desc *t = table(d, name);
    const char              *text = "";

    for (size_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].oid != 0)
            text = arena_printf(d->f->arena, "%s%s%s", text, text[0] != '\0' ? " " : "",
                                t->indexes[i].name);
    return text;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void insert(struct desk *d, const char *name, int64_t a, int64_t b)
{
    const struct table_layout *l;
    struct table              *t;
    struct table_row           row;

    assert_st_ok(table_layout_new(&d->x, d->f->arena, table(d, name), &l));
    assert_st_ok(table_open(&d->x, d->f->arena, l, &t));
    table_row_init(l, d->f->arena, &row);
    row.values[0].i = a;
    row.values[1].i = b;
    row.nulls[0] = row.nulls[1] = false;
    assert_st_ok(table_insert(t, &row));
    table_close(t);
    txn_step(d->a.txn);
}

/* All rows of an index, as "a,b a,b", in order of the index; null columns as "-". */
static const char *rows(struct desk *d, const char *name, size_t index)
{
    const struct table_layout *l;
    struct table              *t;
    struct table_row           row;
    struct txn_cursor         *cursor;
    slice                      key, value;
    const char                *text = "";

    assert_st_ok(table_layout_new(&d->x, d->f->arena, table(d, name), &l));
    assert_st_ok(table_open(&d->x, d->f->arena, l, &t));
    table_row_init(l, d->f->arena, &row);
    assert_st_ok(table_scan_open(t, &(struct table_scan){.index = &l->indexes[index]}, &cursor));
    while (st_ok(txn_cursor_next(cursor, &key, &value))) {
        assert_st_ok(
            table_decode_entry(l, &l->indexes[index], d->f->arena, key, value, NULL, &row));
        for (size_t i = 0; i < l->column_count; i++)
            if (!l->desc->columns[i].dropped && l->indexes[index].covers[i])
                text = arena_printf(
                    d->f->arena, "%s%s%s", text,
                    text[0] == '\0' || i == 0 ? (i == 0 && text[0] ? " " : "") : ",",
                    row.nulls[i] ? "-"
                                 : arena_printf(d->f->arena, "%lld", (long long)row.values[i].i));
    }
    txn_cursor_close(cursor);
    table_close(t);
    return text;
}

#define DDL_TEST(name)                                                                             \
    static void name##_at_desk(struct desk *d);                                                    \
    CATALOG_TEST(name)                                                                             \
    {                                                                                              \
        struct desk d;                                                                             \
        desk_open(&d, f, c);                                                                       \
        name##_at_desk(&d);                                                                        \
        desk_close(&d);                                                                            \
    }                                                                                              \
    static void name##_at_desk(struct desk *d)

/* ---- tests ----------------------------------------------------------------------------------- */

DDL_TEST(names_made_up)
{
    ok(d, "CREATE TABLE p (id serial PRIMARY KEY, a int UNIQUE, b int CHECK (b > 0), "
          "CHECK (a > b), CHECK (b < 100), UNIQUE (a, b))");
    assert_string_equal(constraints(d, "p"),
                        "p_b_check p_check p_b_check1 p_pkey p_a_key p_a_b_key");
    assert_string_equal(indexes(d, "p"), "p_pkey p_a_key p_a_b_key");
    assert_non_null(table(d, "p_id_seq"));
    ok(d, "CREATE TABLE c (pid int REFERENCES p, x int, FOREIGN KEY (x) REFERENCES p (a) ON DELETE "
          "CASCADE)");
    assert_string_equal(constraints(d, "c"), "c_pid_fkey c_x_fkey");
    assert_int_equal(table(d, "p")->inbound_count, 2);
    ok(d, "CREATE INDEX ON c (x); CREATE INDEX ON c (x); CREATE INDEX ON c ((x + 1), pid)");
    assert_string_equal(indexes(d, "c"), "c_x_idx c_x_idx1 c_expr_pid_idx");
}

DDL_TEST(pgbench_script)
{
    says(d, "drop table if exists pgbench_accounts, pgbench_branches",
         "NOTICE: table \"pgbench_accounts\" does not exist, skipping\n"
         "NOTICE: table \"pgbench_branches\" does not exist, skipping\n");
    ok(d, "create table pgbench_history(tid int,bid int,aid int,delta int,mtime timestamp,filler "
          "char(22))");
    ok(d, "create table pgbench_branches(bid int not null,bbalance int,filler char(88)) with "
          "(fillfactor=100)");
    ok(d, "create table pgbench_accounts(aid int not null,bid int,abalance int,filler char(84)) "
          "with (fillfactor=100)");
    commit(d);
    ok(d, "truncate table pgbench_accounts, pgbench_branches, pgbench_history");
    insert(d, "pgbench_branches", 2, 0);
    insert(d, "pgbench_branches", 1, 0);
    commit(d);
    ok(d, "alter table pgbench_branches add primary key (bid)");
    ok(d, "alter table pgbench_accounts add primary key (aid)");
    ok(d, "alter table pgbench_accounts add constraint pgbench_accounts_bid_fkey foreign key (bid) "
          "references pgbench_branches");
    commit(d);
    assert_string_equal(rows(d, "pgbench_branches", 0), "1,0,- 2,0,-");
    assert_false(table(d, "pgbench_branches")->has_row_id);
}

DDL_TEST(errors)
{
    ok(d, "CREATE TABLE t (a int PRIMARY KEY, b int)");
    fails(d, "CREATE TABLE t (a int)", "42P07: relation \"t\" already exists");
    says(d, "CREATE TABLE IF NOT EXISTS t (a int)",
         "NOTICE: relation \"t\" already exists, skipping\n");
    fails(d, "CREATE TABLE u (a int, a int)", "42701: column \"a\" specified more than once");
    fails(d, "CREATE TABLE u (a int PRIMARY KEY, b int PRIMARY KEY)",
          "42P16: multiple primary keys for table \"u\" are not allowed");
    fails(d, "CREATE TABLE u (a int, PRIMARY KEY (z))",
          "42703: column \"z\" named in key does not exist");
    fails(d, "CREATE TABLE u (a int REFERENCES nowhere)",
          "42P01: relation \"nowhere\" does not exist");
    fails(d, "CREATE TABLE u (a int REFERENCES t (b))",
          "42830: there is no unique constraint matching given keys for referenced table \"t\"");
    fails(d, "CREATE TABLE nowhere.u (a int)", "3F000: schema \"nowhere\" does not exist");
    fails(d, "CREATE TABLE pg_catalog.u (a int)",
          "42501: permission denied to create \"pg_catalog.u\"\n"
          "DETAIL: System catalog modifications are currently disallowed.");
    fails(d, "DROP TABLE nothing", "42P01: table \"nothing\" does not exist");
    fails(d, "DROP VIEW t", "42809: \"t\" is not a view\nHINT: Use DROP TABLE to remove a table.");
    fails(d, "CREATE INDEX ON t USING gin (a)", "0A000: access method \"gin\" is not supported");
    fails(d, "ALTER TABLE t DROP COLUMN z", "42703: column \"z\" of relation \"t\" does not exist");
    fails(d, "DROP INDEX t_pkey",
          "2BP01: cannot drop index t_pkey because constraint t_pkey on table t requires it\n"
          "HINT: You can drop constraint t_pkey on table t instead.");
    fails(d, "CREATE SEQUENCE s INCREMENT 0", "22023: INCREMENT must not be zero");
    fails(d, "CREATE TEMP TABLE x (a int)", "0A000: temporary relations are not supported");
}

DDL_TEST(drop_cascades)
{
    ok(d, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int REFERENCES a); "
          "CREATE VIEW v AS SELECT id FROM a; CREATE VIEW w AS SELECT id FROM v");
    fails(d, "DROP TABLE a",
          "2BP01: cannot drop table a because other objects depend on it\n"
          "DETAIL: view v depends on table a\nview w depends on view v\n"
          "constraint b_id_fkey on table b depends on table a\n"
          "HINT: Use DROP ... CASCADE to drop the dependent objects too.");
    says(d, "DROP TABLE a CASCADE",
         "NOTICE: drop cascades to 3 other objects\nDETAIL: drop cascades to view v\n"
         "drop cascades to view w\ndrop cascades to constraint b_id_fkey on table b\n");
    assert_null(table(d, "v"));
    assert_int_equal(table(d, "b")->constraint_count, 0);
    commit(d);
    assert_null(table(d, "a"));
    ok(d, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE c (id int REFERENCES a)");
    says(d, "DROP TABLE a, c", "");
}

DDL_TEST(sequences_owned)
{
    ok(d, "CREATE TABLE t (id serial, b int)");
    fails(d, "DROP SEQUENCE t_id_seq",
          "2BP01: cannot drop sequence t_id_seq because other objects depend on it\n"
          "DETAIL: default value for column id of table t depends on sequence t_id_seq\n"
          "HINT: Use DROP ... CASCADE to drop the dependent objects too.");
    ok(d, "DROP TABLE t");
    assert_null(table(d, "t_id_seq"));
    ok(d, "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (START 7), b int)");
    assert_int_equal(table(d, "t_id_seq")->sequence.first, 7);
    fails(d, "DROP SEQUENCE t_id_seq",
          "2BP01: cannot drop sequence t_id_seq because column id of table t requires it\n"
          "HINT: You can drop column id of table t instead.");
    ok(d, "ALTER TABLE t DROP COLUMN id");
    assert_null(table(d, "t_id_seq"));
}

DDL_TEST(columns_change)
{
    ok(d, "CREATE TABLE t (a int, b int)");
    insert(d, "t", 1, 10);
    insert(d, "t", 2, 20);
    commit(d);
    ok(d, "ALTER TABLE t ADD COLUMN c int DEFAULT 5");
    assert_string_equal(table(d, "t")->columns[2].missing_text, "5");
    assert_string_equal(rows(d, "t", 0), "1,10,5 2,20,5");
    fails(d, "ALTER TABLE t ADD COLUMN z int NOT NULL",
          "23502: column \"z\" of relation \"t\" contains null values");
    actor_end(&d->a);
    desk_begin(d);
    ok(d, "ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (a + b) STORED");
    assert_string_equal(rows(d, "t", 0), "1,10,11 2,20,22");
    ok(d, "ALTER TABLE t DROP COLUMN c");
    ok(d, "ALTER TABLE t ALTER COLUMN b TYPE bigint USING b * 2");
    assert_int_equal(table(d, "t")->columns[1].type, OID_INT8);
    assert_string_equal(rows(d, "t", 0), "1,20 2,40");
    ok(d, "ALTER TABLE t ADD COLUMN s serial");
    assert_string_equal(rows(d, "t", 0), "1,20,1 2,40,2");
    ok(d, "ALTER TABLE t RENAME COLUMN b TO bb");
    assert_non_null(table_column_by_name(table(d, "t"), "bb"));
}

DDL_TEST(keys_change)
{
    ok(d, "CREATE TABLE t (a int, b int)");
    insert(d, "t", 2, 1);
    insert(d, "t", 1, 1);
    commit(d);
    ok(d, "CREATE INDEX i ON t (a DESC)");
    assert_string_equal(rows(d, "t", 1), "2 1");
    fails(d, "ALTER TABLE t ADD UNIQUE (b)",
          "23505: could not create unique index \"t_b_key\"\nDETAIL: Key (b)=(1) is duplicated.");
    actor_end(&d->a);
    desk_begin(d);
    fails(d, "ALTER TABLE t ADD PRIMARY KEY (b)",
          "23505: could not create unique index \"t_pkey\"\nDETAIL: Key (b)=(1) is duplicated.");
    actor_end(&d->a);
    desk_begin(d);
    fails(d, "ALTER TABLE t ADD CHECK (a > 1)",
          "23514: check constraint \"t_a_check\" of relation \"t\" is violated by some row");
    actor_end(&d->a);
    desk_begin(d);
    ok(d, "ALTER TABLE t ADD PRIMARY KEY (a)");
    assert_string_equal(rows(d, "t", 0), "1,1 2,1");
    ok(d, "CREATE TABLE u (x int, y int)");
    insert(d, "u", 3, 0);
    fails(d, "ALTER TABLE u ADD FOREIGN KEY (x) REFERENCES t",
          "23503: insert or update on table \"u\" violates foreign key constraint \"u_x_fkey\"\n"
          "DETAIL: Key (x)=(3) is not present in table \"t\".");
    actor_end(&d->a);
    desk_begin(d);
    ok(d, "ALTER TABLE t ADD PRIMARY KEY (a); ALTER TABLE t DROP CONSTRAINT t_pkey");
    assert_true(table(d, "t")->has_row_id);
    assert_string_equal(rows(d, "t", 0), "1,1 2,1");
}

DDL_TEST(rolled_back)
{
    txn_savepoint_id savepoint;

    ok(d, "CREATE TABLE t (a int PRIMARY KEY, b int)");
    insert(d, "t", 1, 1);
    commit(d);
    ok(d, "DROP TABLE t; CREATE TABLE t (x int)");
    actor_end(&d->a);
    desk_begin(d);
    assert_string_equal(rows(d, "t", 0), "1,1");
    assert_st_ok(txn_savepoint(d->a.txn, &savepoint));
    ok(d, "TRUNCATE t; ALTER TABLE t ADD COLUMN c int; ALTER TABLE t RENAME TO u");
    assert_string_equal(rows(d, "u", 0), "");
    assert_st_ok(txn_rollback_to(d->a.txn, savepoint));
    txn_step(d->a.txn);
    assert_null(table(d, "u"));
    assert_string_equal(rows(d, "t", 0), "1,1");
    ok(d, "DROP TABLE t");
    commit(d);
    assert_null(table(d, "t"));
}

DDL_TEST(truncates)
{
    ok(d, "CREATE TABLE p (a int PRIMARY KEY, b int); CREATE TABLE c (a int REFERENCES p, b int)");
    insert(d, "p", 1, 1);
    commit(d);
    fails(d, "TRUNCATE p",
          "0A000: cannot truncate a table referenced in a foreign key constraint\n"
          "DETAIL: Table \"c\" references \"p\".\n"
          "HINT: Truncate table \"c\" at the same time, or use TRUNCATE ... CASCADE.");
    says(d, "TRUNCATE p CASCADE", "NOTICE: truncate cascades to table \"c\"\n");
    assert_string_equal(rows(d, "p", 0), "");
    commit(d);
    assert_string_equal(rows(d, "p", 0), "");
}

DDL_TEST(views_follow_names)
{
    ok(d, "CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a, b AS x FROM t WHERE a > 1");
    ok(d, "ALTER TABLE t RENAME TO \"T\"");
    ok(d, "ALTER TABLE \"T\" RENAME COLUMN a TO aa");
    assert_non_null(strstr(table(d, "v")->view_text, "\"T\""));
    assert_non_null(strstr(table(d, "v")->view_text, "aa"));
    ok(d, "CREATE OR REPLACE VIEW v AS SELECT aa AS a, b AS x, 1 AS more FROM \"T\"");
    fails(d, "CREATE OR REPLACE VIEW v AS SELECT 1 AS a", "42P16: cannot drop columns from view");
    fails(d, "ALTER TABLE \"T\" ALTER COLUMN aa TYPE bigint",
          "0A000: cannot alter type of a column used by a view or rule\n"
          "DETAIL: rule _RETURN on view v depends on column \"aa\"");
}

DDL_TEST(like_copies)
{
    ok(d, "CREATE TABLE t (a int PRIMARY KEY, b int DEFAULT 3 CHECK (b > 0)); "
          "CREATE INDEX t_b ON t (b)");
    ok(d, "CREATE TABLE plain (LIKE t, z int); CREATE TABLE whole (LIKE t INCLUDING ALL)");
    assert_string_equal(constraints(d, "plain"), "");
    assert_true(table(d, "plain")->columns[0].not_null);
    assert_null(table(d, "plain")->columns[1].default_text);
    assert_string_equal(constraints(d, "whole"), "t_b_check whole_pkey");
    assert_string_equal(indexes(d, "whole"), "whole_pkey whole_b_idx");
    assert_string_equal(table(d, "whole")->columns[1].default_text, "3");
}

/* ---- system tables --------------------------------------------------------------------------- */

struct counting_sink {
    struct row_sink          sink;
    const struct table_desc *table;
    size_t                   rows;
};

static status count_row(struct row_sink *sink, const datum *values, const bool *nulls)
{
    struct counting_sink *s = CONTAINER_OF(sink, struct counting_sink, sink);

    (void)values;
    for (size_t i = 0; i < s->table->column_count; i++) {
        if (!s->table->columns[i].not_null || !nulls[i])
            continue;
        return status_new(ST_NOT_NULL_VIOLATION, "%s.%s is null", s->table->name,
                          s->table->columns[i].name);
    }
    s->rows++;
    return STATUS_OK;
}

static size_t count_rows(struct desk *d, const char *schema, const char *name)
{
    struct counting_sink s = {.sink.row = count_row};

    assert_st_ok(catalog_table_by_name(d->a.view, schema, name, &s.table));
    assert_non_null(s.table);
    assert_st_ok(s.table->virtual_table->scan(&d->x, d->f->arena, s.table, -1, NULL, &s.sink));
    return s.rows;
}

DDL_TEST(system_tables)
{
    const struct virtual_table *v;

    ok(d, "CREATE TABLE p (id serial PRIMARY KEY, a numeric(5,2) NOT NULL DEFAULT 1, b varchar(9) "
          "UNIQUE, g int GENERATED ALWAYS AS (1 + 1) STORED, CHECK (a > 0)); "
          "CREATE TABLE c (id int GENERATED BY DEFAULT AS IDENTITY, pid int REFERENCES p ON DELETE "
          "CASCADE); CREATE INDEX ON c (lower('x'), pid DESC) WHERE pid > 0; "
          "CREATE VIEW v AS SELECT id, b FROM p; COMMENT ON TABLE p IS 'parents'; "
          "COMMENT ON COLUMN p.a IS 'amount'; CREATE ROLE r");
    for (size_t i = 0; (v = virtual_table_at(i)) != NULL; i++)
        (void)count_rows(d, v->schema, v->name);
    assert_int_equal(count_rows(d, "pg_catalog", "pg_constraint"), 4);
    assert_int_equal(count_rows(d, "pg_catalog", "pg_index"), 3);
    assert_int_equal(count_rows(d, "pg_catalog", "pg_attrdef"), 3);
    assert_int_equal(count_rows(d, "information_schema", "sequences"),
                     1); /* c's is an identity's */
    assert_int_equal(count_rows(d, "information_schema", "key_column_usage"), 3);
    assert_int_equal(count_rows(d, "public", "p_id_seq"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("made-up names are PostgreSQL's", names_made_up),
        T("the statements of pgbench -i work", pgbench_script),
        T("errors read like PostgreSQL's", errors),
        T("DROP tells what depends and takes it along with CASCADE", drop_cascades),
        T("owned sequences live and die with their column", sequences_owned),
        T("columns come, change and go with the rows right", columns_change),
        T("keys come and go with the rows right", keys_change),
        T("DDL is undone by rollbacks, whole and to savepoints", rolled_back),
        T("TRUNCATE empties what it says, and what references it with CASCADE", truncates),
        T("views keep reading what was renamed", views_follow_names),
        T("LIKE copies what it was asked to", like_copies),
        T("every system table has rows of its own shape", system_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
