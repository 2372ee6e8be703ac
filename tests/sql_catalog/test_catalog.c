/* Descriptors, the cache of the committed ones, views of transactions, holds. */
#include "sql/catalog/sequence.h"
#include "sql/catalog/virtual.h"
#include "tests/sql_catalog/fixture.h"

static const struct table_desc *find(struct actor *a, const char *name)
{
    const struct table_desc *t;

    assert_st_ok(catalog_table_by_name(a->view, NULL, name, &t));
    return t;
}

/* ---- stored form ----------------------------------------------------------------------------- */

static struct constraint_desc some_foreign_key(void)
{
    return (struct constraint_desc){.oid = 20003,
                                    .kind = CONSTRAINT_FOREIGN,
                                    .name = "fk",
                                    .column_count = 2,
                                    .columns = {2, 1},
                                    .ref_columns = {1, 3},
                                    .ref_table_oid = 20010,
                                    .on_delete = FK_SET_NULL,
                                    .on_update = FK_CASCADE,
                                    .on_delete_set_count = 1,
                                    .on_delete_set = {2},
                                    .validated = true};
}

static void round_trip(void **state)
{
    SCOPED(arena) struct arena *a = arena_new(NULL, NULL);
    SCOPED(buf) struct buf      out = {0};
    struct table_desc          *t = simple_table(a, 20000, "t");
    struct object              *o;

    (void)state;
    buf_init(&out, NULL);
    t->columns[1].missing_text = "";
    t->columns[1].default_text = "'x'::text";
    t->columns[0].typmod = -5;
    t->indexes[1].parts[0].descending = true;
    t->indexes[1].predicate_text = "(a > 0)";
    t->constraint_count = 1;
    t->constraints = ARENA_NEW(a, struct constraint_desc);
    *t->constraints = some_foreign_key();
    t->inbound_count = 1;
    t->inbound = ARENA_NEW(a, struct inbound_fk);
    t->inbound->constraint_oid = 77;
    object_encode(OBJECT_TABLE, t->oid, 9, t, &out);
    assert_st_ok(object_decode(NULL, buf_slice(&out), &o));

    assert_int_equal(o->kind, OBJECT_TABLE);
    assert_int_equal(o->table->version, 9);
    assert_string_equal(o->table->columns[1].missing_text, "");
    assert_null(o->table->columns[0].missing_text);
    assert_string_equal(o->table->columns[1].default_text, "'x'::text");
    assert_int_equal(o->table->columns[0].typmod, -5);
    assert_true(o->table->indexes[1].parts[0].descending);
    assert_string_equal(o->table->indexes[1].predicate_text, "(a > 0)");
    assert_int_equal(o->table->constraints[0].ref_columns[1], 3);
    assert_int_equal(o->table->constraints[0].on_delete, FK_SET_NULL);
    assert_int_equal(o->table->constraints[0].on_delete_set[0], 2);
    assert_int_equal(o->table->inbound[0].constraint_oid, 77);
    object_unref(o);
}

static void corrupt(void **state)
{
    SCOPED(arena) struct arena *a = arena_new(NULL, NULL);
    SCOPED(buf) struct buf      out = {0};
    struct object              *o;

    (void)state;
    buf_init(&out, NULL);
    object_encode(OBJECT_TABLE, 20000, 1, simple_table(a, 20000, "t"), &out);
    for (size_t size = 0; size < out.size; size++) {
        status st = object_decode(NULL, slice_make(out.data, size), &o);

        if (st_ok(st))
            object_unref(o); /* cut between two fields: a shorter descriptor */
        st_clear(st);
    }
    assert_st_code(object_decode(NULL, slice_cstr("\x0a\xff"), &o), ST_CORRUPT);
    /* format = 99 */
    assert_st_code(object_decode(NULL, slice_cstr("\x08\x63\x10\x01"), &o),
                   ST_FEATURE_NOT_SUPPORTED);
}

static void unknown_kept(void **state)
{
    static const char           extra[] = "\xf2\x2e\x03new"; /* field 750, a string */
    SCOPED(arena) struct arena *a = arena_new(NULL, NULL);
    SCOPED(buf) struct buf      role = {0}, again = {0};
    struct role_desc            d = {.name = "r", .connection_limit = -1};
    struct object              *o;

    (void)state;
    (void)a;
    buf_init(&role, NULL);
    buf_init(&again, NULL);
    object_encode(OBJECT_ROLE, 20000, 1, &d, &role);
    /* Put the field at the end of the role, which is the last field: its length byte grows. */
    for (size_t i = 0; i + 1 < role.size; i++) {
        if ((unsigned char)role.data[i] == 0x3a) {
            role.data[i + 1] = (char)(role.data[i + 1] + (char)(sizeof extra - 1));
            break;
        }
    }
    buf_append(&role, extra, sizeof extra - 1);
    assert_st_ok(object_decode(NULL, buf_slice(&role), &o));
    object_encode(OBJECT_ROLE, o->oid, o->version, o->role, &again);
    assert_true(slice_eq(buf_slice(&role), buf_slice(&again)));
    object_unref(o);
}

/* ---- views ----------------------------------------------------------------------------------- */

CATALOG_TEST(first_contents)
{
    struct actor                a = actor_begin(f, c);
    const struct database_desc *database;
    const struct role_desc     *role;
    const struct schema_desc   *schema;

    assert_st_ok(catalog_database_by_name(a.view, "defaultdb", &database));
    assert_non_null(database);
    assert_st_ok(catalog_role_by_name(a.view, "admin", &role));
    assert_true(role->superuser);
    assert_st_ok(catalog_creation_schema(a.view, &schema));
    assert_string_equal(schema->name, "public");
    assert_int_equal(find(&a, "pg_class")->oid, 1259);
    assert_null(find(&a, "nothing"));
    actor_end(&a);
}

CATALOG_TEST(commit_publishes)
{
    struct actor             a = actor_begin(f, c), b;
    const struct table_desc *t;
    uint64_t                 version = catalog_version(a.view);
    size_t                   position;

    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20000, "t")));
    assert_non_null(find(&a, "t"));
    assert_int_not_equal(catalog_version(a.view), version);

    b = actor_begin(f, c);
    assert_null(find(&b, "t"));
    assert_int_equal(catalog_version(b.view), version);
    actor_end(&b);

    actor_commit(&a);
    b = actor_begin(f, c);
    assert_non_null(find(&b, "t"));
    assert_int_not_equal(catalog_version(b.view), version);
    assert_st_ok(catalog_index_by_name(b.view, "public", "t_a_idx", &t, &position));
    assert_int_equal(t->oid, 20000);
    assert_int_equal(position, 1);
    assert_null(find(&b, "t_a_idx")); /* an index is no table */
    actor_end(&b);
}

CATALOG_TEST(reopened)
{
    struct actor    a = actor_begin(f, c);
    struct catalog *again;

    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20000, "t")));
    actor_commit(&a);
    assert_st_ok(catalog_open(f->env, f->txns, "other", &again));
    a = actor_begin(f, again);
    assert_string_equal(find(&a, "t")->columns[1].name, "b");
    actor_end(&a);
    catalog_close(again);
}

CATALOG_TEST(rollback_forgets)
{
    struct actor a = actor_begin(f, c);
    uint64_t     version = catalog_version(a.view);

    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20000, "t")));
    actor_end(&a);
    a = actor_begin(f, c);
    assert_null(find(&a, "t"));
    assert_int_equal(catalog_version(a.view), version);
    actor_end(&a);
}

CATALOG_TEST(savepoints)
{
    struct actor       a = actor_begin(f, c);
    txn_savepoint_id   first, second;
    struct table_desc *renamed = simple_table(f->arena, 20000, "u");
    uint64_t           with_t, with_u;

    assert_st_ok(txn_savepoint(a.txn, &first));
    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20000, "t")));
    with_t = catalog_version(a.view);
    assert_st_ok(txn_savepoint(a.txn, &second));
    assert_st_ok(catalog_put_table(a.view, renamed));
    with_u = catalog_version(a.view);
    assert_null(find(&a, "t"));
    assert_non_null(find(&a, "u"));

    assert_st_ok(txn_rollback_to(a.txn, second));
    assert_non_null(find(&a, "t"));
    assert_null(find(&a, "u"));
    /* A plan made for "u" must not be taken for one made now. */
    assert_int_not_equal(catalog_version(a.view), with_u);

    assert_st_ok(catalog_remove(a.view, OBJECT_TABLE, 20000));
    assert_null(find(&a, "t"));
    assert_st_ok(txn_rollback_to(a.txn, first));
    assert_null(find(&a, "t"));
    assert_int_not_equal(catalog_version(a.view), with_t);
    actor_commit(&a);
}

CATALOG_TEST(names_swap)
{
    struct actor a = actor_begin(f, c);

    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20000, "x")));
    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20010, "y")));
    actor_commit(&a);
    a = actor_begin(f, c);
    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20000, "y")));
    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20010, "x")));
    assert_int_equal(find(&a, "x")->oid, 20010);
    actor_commit(&a);
    a = actor_begin(f, c);
    assert_int_equal(find(&a, "x")->oid, 20010);
    assert_int_equal(find(&a, "y")->oid, 20000);
    actor_end(&a);
}

/* ---- holds ----------------------------------------------------------------------------------- */

struct blocked {
    struct txn_fixture *f;
    struct catalog     *c;
    bool                done;
    bool                found;
};

static void look_up_t(struct env *env, void *arg)
{
    struct blocked *b = arg;
    struct actor    a = actor_begin(b->f, b->c);

    (void)env;
    b->found = find(&a, "t") != NULL;
    b->done = true;
    actor_end(&a);
}

CATALOG_TEST(reader_waits_for_change)
{
    struct actor             a = actor_begin(f, c);
    const struct table_desc *t;
    struct blocked           b = {.f = f, .c = c};
    struct fiber            *fiber;

    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20000, "t")));
    actor_commit(&a);

    a = actor_begin(f, c);
    assert_st_ok(catalog_table_by_name_for_change(a.view, NULL, "t", &t));
    assert_st_ok(catalog_remove(a.view, OBJECT_TABLE, t->oid));
    assert_st_ok(env_spawn(f->env, "reader", look_up_t, &b, &fiber));
    env_yield(f->env);
    env_yield(f->env);
    assert_false(b.done);
    actor_commit(&a);
    fiber_join(fiber);
    assert_true(b.done);
    assert_false(b.found); /* it was dropped while the look-up waited */
}

static void drop_t(struct env *env, void *arg)
{
    struct blocked          *b = arg;
    struct actor             a = actor_begin(b->f, b->c);
    const struct table_desc *t;

    (void)env;
    assert_st_ok(catalog_table_by_name_for_change(a.view, NULL, "t", &t));
    assert_st_ok(catalog_remove(a.view, OBJECT_TABLE, t->oid));
    actor_commit(&a);
    b->done = true;
}

CATALOG_TEST(change_waits_for_reader)
{
    struct actor             a = actor_begin(f, c);
    const struct table_desc *t;
    struct blocked           b = {.f = f, .c = c};
    struct fiber            *fiber;

    assert_st_ok(catalog_put_table(a.view, simple_table(f->arena, 20000, "t")));
    actor_commit(&a);
    a = actor_begin(f, c);
    t = find(&a, "t");
    assert_st_ok(env_spawn(f->env, "dropper", drop_t, &b, &fiber));
    env_yield(f->env);
    env_yield(f->env);
    assert_false(b.done);
    assert_string_equal(t->name, "t");
    actor_end(&a);
    fiber_join(fiber);
    assert_true(b.done);
}

CATALOG_TEST(name_claimed_once)
{
    struct actor a = actor_begin(f, c), b = actor_begin(f, c);
    uint32_t     taken;

    assert_st_ok(catalog_claim_name(a.view, OBJECT_TABLE, TEST_SCHEMA, "t", &taken));
    assert_int_equal(taken, 0);
    txn_set_lock_timeout(b.txn, 1000);
    assert_st_code(catalog_claim_name(b.view, OBJECT_TABLE, TEST_SCHEMA, "t", &taken),
                   ST_LOCK_NOT_AVAILABLE);
    actor_end(&b);
    actor_end(&a);
}

CATALOG_TEST(oids_differ)
{
    struct actor    a = actor_begin(f, c);
    struct catalog *again;
    uint32_t        last = 0, oid = 0;

    for (int i = 0; i < 200; i++) {
        assert_st_ok(catalog_new_oid(a.view, &oid));
        assert_true(oid >= OID_FIRST_USER && oid > last);
        last = oid;
    }
    actor_end(&a);
    assert_st_ok(catalog_open(f->env, f->txns, "admin", &again));
    a = actor_begin(f, again);
    assert_st_ok(catalog_new_oid(a.view, &oid));
    assert_true(oid > last);
    actor_end(&a);
    catalog_close(again);
}

/* ---- sequences ------------------------------------------------------------------------------- */

static struct table_desc *some_sequence(struct arena *a, struct sequence_desc q)
{
    struct table_desc *t = simple_table(a, 21000, "s");

    t->kind = RELATION_SEQUENCE;
    t->index_count = 0;
    t->has_row_id = false;
    t->sequence = q;
    t->sequence.type = OID_INT8;
    t->sequence.first = q.start;
    return t;
}

static int64_t next_value(struct sql_context *c)
{
    int64_t v = 0;

    assert_st_ok(sequence_next(c, 21000, &v));
    return v;
}

CATALOG_TEST(sequence_values)
{
    struct actor       a = actor_begin(f, c);
    struct sql_context x = {.env = f->env, .catalog = a.view, .txn = a.txn};
    int64_t            v;

    x.sequences = sequence_session_new(env_heap(f->env));
    assert_st_ok(catalog_put_table(
        a.view,
        some_sequence(f->arena, (struct sequence_desc){
                                    .start = 5, .increment = 2, .min = 1, .max = 9, .cache = 1})));
    assert_st_code(sequence_current(&x, 21000, &v), ST_WRONG_STATE);
    assert_int_equal(next_value(&x), 5);
    assert_int_equal(next_value(&x), 7);
    assert_int_equal(next_value(&x), 9);
    assert_st_code(sequence_next(&x, 21000, &v), ST_SEQUENCE_LIMIT);
    assert_st_ok(sequence_current(&x, 21000, &v));
    assert_int_equal(v, 9);
    assert_st_ok(sequence_set(&x, 21000, 2, false));
    assert_int_equal(next_value(&x), 2);
    assert_st_ok(sequence_set(&x, 21000, 2, true));
    assert_int_equal(next_value(&x), 4);
    assert_st_code(sequence_set(&x, 21000, 10, true), ST_NUMERIC_OUT_OF_RANGE);
    sequence_session_free(x.sequences);
    actor_end(&a);
}

CATALOG_TEST(sequence_survives)
{
    struct actor       a = actor_begin(f, c);
    struct sql_context x = {.env = f->env, .catalog = a.view, .txn = a.txn};
    struct catalog    *again;
    int64_t            last = 0;

    x.sequences = sequence_session_new(env_heap(f->env));
    assert_st_ok(catalog_put_table(
        a.view,
        some_sequence(f->arena,
                      (struct sequence_desc){
                          .start = 1, .increment = 1, .min = 1, .max = INT64_MAX, .cache = 3})));
    for (int i = 0; i < 50; i++) {
        int64_t v = next_value(&x);

        assert_int_equal(v, last + 1);
        last = v;
    }
    actor_commit(&a);
    assert_st_ok(catalog_open(f->env, f->txns, "admin", &again));
    a = actor_begin(f, again);
    sequence_session_reset(x.sequences);
    x.catalog = a.view;
    x.txn = a.txn;
    assert_true(next_value(&x) > last);
    actor_end(&a);
    catalog_close(again);
    sequence_session_free(x.sequences);
}

CATALOG_TEST(sequence_cycles)
{
    struct actor       a = actor_begin(f, c);
    struct sql_context x = {.env = f->env, .catalog = a.view, .txn = a.txn};

    x.sequences = sequence_session_new(env_heap(f->env));
    assert_st_ok(catalog_put_table(
        a.view,
        some_sequence(
            f->arena,
            (struct sequence_desc){
                .start = -1, .increment = -1, .min = -3, .max = -1, .cache = 2, .cycle = true})));
    for (int i = 0; i < 7; i++)
        assert_int_equal(next_value(&x), -1 - i % 3);
    sequence_session_free(x.sequences);
    actor_end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a table descriptor decodes to what was encoded", round_trip),
        T("damaged descriptors are refused without a crash", corrupt),
        T("fields of newer versions are written back", unknown_kept),
        T("a new store has its databases, schemas and superuser", first_contents),
        T("others see a change when it has committed", commit_publishes),
        T("descriptors come back when the store opens", reopened),
        T("a rollback leaves nothing", rollback_forgets),
        T("a rollback to a savepoint undoes what came after it", savepoints),
        T("two tables can swap names in one transaction", names_swap),
        T("a look-up waits for a change and sees what became of it", reader_waits_for_change),
        T("a change waits for those who use the relation", change_waits_for_reader),
        T("a name can be claimed once at a time", name_claimed_once),
        T("no OID is given out twice, also after a restart", oids_differ),
        T("sequences follow their definition", sequence_values),
        T("a sequence never repeats a value after a restart", sequence_survives),
        T("a sequence cycles in both directions, whatever its cache", sequence_cycles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
