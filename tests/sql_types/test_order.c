/* Pitfall Q5: equal values have equal keys and hashes, and the order of keys is the order of
 * values, for all pairs of a corpus; keys, rows and binary forms give their values back. */
#include "sql/types/ops.h"
#include "sql/types/type.h"
#include "tests/common/test.h"

enum { CORPUS_MAX = 40 };

/* In PostgreSQL's order; "=" in front: equal to the one before. */
static const struct corpus {
    uint32_t    type;
    const char *texts[CORPUS_MAX];
} corpora[] = {
    {OID_BOOL, {"f", "=false", "t", "=yes"}},
    {OID_INT2, {"-32768", "-256", "-1", "0", "1", "127", "128", "255", "256", "32767"}},
    {OID_INT8,
     {"-9223372036854775808", "-4294967296", "-257", "-256", "-255", "-1", "0", "1", "255", "256",
      "65535", "65536", "4294967295", "9223372036854775807"}},
    {OID_OID, {"0", "1", "2147483648", "4294967295", "=-1"}},
    {OID_FLOAT8,
     {"-Infinity", "-1e308", "-1.5", "-5e-324", "-0", "=0", "5e-324", "1e-10", "0.1", "1", "1.5",
      "1e308", "Infinity", "NaN", "=nan"}},
    {OID_FLOAT4, {"-Infinity", "-3.4e38", "-1", "0", "=-0", "1e-45", "0.1", "3.4e38", "NaN"}},
    {OID_NUMERIC,
     {"-Infinity",
      "-1e200",
      "-99999999999999999999.5",
      "-100",
      "=-1e2",
      "-99.99",
      "-1.10",
      "=-1.1000",
      "-1",
      "-0.001",
      "-1e-300",
      "0",
      "=0.000",
      "=-0",
      "1e-300",
      "0.001",
      "0.01",
      "0.9999",
      "1",
      "=1.0",
      "=1.00000000000000000000000000",
      "1.00000000000000000000000001",
      "1.1",
      "9.99",
      "10",
      "=10.00",
      "99999999999999999999",
      "100000000000000000000",
      "=1e20",
      "=100000000000000000000.000",
      "1e200",
      "Infinity",
      "NaN"}},
    {OID_TEXT, {"", " ", "A", "a", "a ", "a  ", "aa", "ab", "b", "z", "é", "日", "😀"}},
    {OID_NAME, {"", "A", "a", "b"}},
    {OID_BPCHAR, {"", "=   ", "A", "a", "=a  ", "aa", "=aa ", "b"}},
    {OID_BYTEA, {"", "\\x00", "\\x0000", "\\x0001", "\\x01", "\\x61", "=a", "\\xff", "\\xffff"}},
    {OID_UUID,
     {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-0000000000ff",
      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "=A0EEBC999C0B4EF8BB6D6BB9BD380A11",
      "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
    {OID_INT4_ARRAY,
     {"{}", "{-1}", "{0}", "{1}", "[0:0]={1}" /* placed by lower bound below */, "{1,1}", "{1,2}",
      "{{1,2}}", "{1,2,3}", "{1,NULL}", "{2}", "{NULL}", "{NULL,1}"}},
    {OID_TEXT_ARRAY, {"{}", "{\"\"}", "{\"\",a}", "{a}", "{a,b}", "{a,NULL}", "{ab}", "{NULL}"}},
};

struct value {
    datum      v;
    struct buf key;
    bool       exact;
    int        rank;
};

static struct heap  *heap;
static struct arena *arena;

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static bool is_array(const struct type *t)
{
    return t->element_oid != 0;
}

static size_t load(const struct corpus *c, const struct type *t, struct value *out)
{
    size_t n = 0;
    int    rank = 0;

    for (; c->texts[n] != NULL; n++) {
        bool same = c->texts[n][0] == '=';

        rank += !same;
        assert_st_ok(t->input(NULL, arena, t, slice_cstr(c->texts[n] + same), -1, &out[n].v));
        out[n].rank = rank;
        out[n].exact = true;
        buf_init(&out[n].key, heap);
        t->key_encode(out[n].v, &out[n].key, &out[n].exact);
    }
    return n;
}

static void compare_pair(const struct type *t, const struct value *a, const struct value *b)
{
    int by_value = sign(t->compare(a->v, b->v));
    int by_key = sign(slice_cmp(buf_slice(&a->key), buf_slice(&b->key)));

    assert_int_equal(by_value, by_key);
    /* {1} and [0:0]={1} are ordered by their bounds, which the list does not show. */
    if (!is_array(t))
        assert_int_equal(by_value, sign(a->rank - b->rank));
    if (by_value == 0)
        assert_int_equal(t->hash(a->v), t->hash(b->v));
}

static void pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(corpora); i++) {
        const struct type *t = type_by_oid(corpora[i].type);
        struct value       values[CORPUS_MAX];
        size_t             n = load(&corpora[i], t, values);

        for (size_t a = 0; a < n; a++) {
            for (size_t b = 0; b < n; b++)
                compare_pair(t, &values[a], &values[b]);
        }
        for (size_t a = 0; a < n; a++)
            buf_deinit(&values[a].key);
    }
}

static void check_text(const struct type *t, datum a, datum b)
{
    struct buf x SCOPED(buf), y SCOPED(buf);

    buf_init(&x, heap);
    buf_init(&y, heap);
    assert_st_ok(t->output(NULL, t, a, &x));
    assert_st_ok(t->output(NULL, t, b, &y));
    assert_string_equal(buf_cstr(&x), buf_cstr(&y));
}

static void check_key(const struct type *t, const struct value *v)
{
    slice key = buf_slice(&v->key);
    datum back;

    assert_st_ok(t->key_decode(arena, &key, &back));
    assert_int_equal(key.size, 0);
    if (is_array(t)) {
        assert_false(v->exact);
        return;
    }
    assert_int_equal(t->compare(v->v, back), 0);
    if (v->exact)
        check_text(t, v->v, back);
}

static void check_forms(const struct type *t, const struct value *v)
{
    struct buf b SCOPED(buf);
    slice        rest;
    datum        back;

    buf_init(&b, heap);
    type_value_encode(t, v->v, &b);
    rest = buf_slice(&b);
    assert_st_ok(type_value_decode(t, &rest, &back));
    assert_int_equal(rest.size, 0);
    check_text(t, v->v, back);
    for (size_t cut = 0; cut < b.size; cut++) {
        rest = slice_make(b.data, cut);
        assert_st_code(type_value_decode(t, &rest, &back), ST_CORRUPT);
    }
    buf_reset(&b);
    assert_st_ok(t->send(NULL, t, v->v, &b));
    assert_st_ok(t->receive(NULL, arena, t, buf_slice(&b), -1, &back));
    check_text(t, v->v, back);
}

static void round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(corpora); i++) {
        const struct type *t = type_by_oid(corpora[i].type);
        struct value       values[CORPUS_MAX];
        size_t             n = load(&corpora[i], t, values);

        for (size_t a = 0; a < n; a++) {
            check_key(t, &values[a]);
            check_forms(t, &values[a]);
            buf_deinit(&values[a].key);
        }
    }
}

/* A cut or changed array or number must never be read beyond its end: the sanitizer builds see it.
 */
static void damaged(void **state)
{
    static const uint32_t types[] = {OID_NUMERIC, OID_INT4_ARRAY, OID_TEXT_ARRAY};
    static const char *texts[] = {"12345678901234567890.123", "{{1,NULL},{3,4}}", "{a,NULL,ccc}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const struct type *t = type_by_oid(types[i]);
        datum              v;

        assert_st_ok(t->input(NULL, arena, t, slice_cstr(texts[i]), -1, &v));
        for (size_t at = 0; at < v.s.size; at++) {
            struct buf out SCOPED(buf);
            char          *copy = heap_must_alloc(heap, 1, v.s.size);

            buf_init(&out, heap);
            memcpy(copy, v.s.data, v.s.size);
            st_clear(t->output(NULL, t, (datum){.s = slice_make(copy, at)}, &out));
            copy[at] = (char)(copy[at] ^ 0xff);
            st_clear(t->output(NULL, t, (datum){.s = slice_make(copy, v.s.size)}, &out));
            t->compare((datum){.s = slice_make(copy, v.s.size)}, v);
            t->hash((datum){.s = slice_make(copy, at)});
            heap_free(copy);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    heap = heap_new();
    arena = arena_new(heap, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    heap_destroy(heap);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("equal values have equal keys and hashes, and keys order as values do", pairs),
        T("keys, rows and binary forms give their values back", round_trips),
        T("damaged values are not read beyond their end", damaged),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
