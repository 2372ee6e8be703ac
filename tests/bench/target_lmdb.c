/* LMDB: a B+tree in a memory map, one writer at a time, no log and no cache of its own. */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/compare_engines.h"

static const uint64_t MAP_SIZE = UINT64_C(64) << 30; /* of address space */

static void must(int code)
{
    if (code == MDB_SUCCESS)
        return;
    fprintf(stderr, "compare_engines: LMDB: %s\n", mdb_strerror(code));
    exit(1);
}

struct lmdb {
    MDB_env *env;
    MDB_dbi  dbi;
};

struct lmdb_session {
    struct lmdb *db;
    MDB_txn     *write, *read; /* `read` is renewed for each operation; NULL until the first */
    MDB_cursor  *cursor;
};

static void *lmdb_open(void *host, const struct target_options *o)
{
    struct lmdb *db = calloc(1, sizeof *db);
    MDB_txn     *txn;

    (void)host;
    must(mdb_env_create(&db->env));
    must(mdb_env_set_mapsize(db->env, MAP_SIZE));
    must(mdb_env_open(db->env, o->dir, MDB_NOTLS | (o->sync ? 0 : MDB_NOSYNC), 0600));
    must(mdb_txn_begin(db->env, NULL, 0, &txn));
    must(mdb_dbi_open(txn, NULL, 0, &db->dbi));
    must(mdb_txn_commit(txn));
    return db;
}

static void lmdb_close(void *arg)
{
    struct lmdb *db = arg;

    mdb_env_close(db->env);
    free(db);
}

static void lmdb_flush(void *arg)
{
    must(mdb_env_sync(((struct lmdb *)arg)->env, 1));
}

static void *lmdb_begin(void *db)
{
    struct lmdb_session *s = calloc(1, sizeof *s);

    s->db = db;
    return s;
}

static void lmdb_end(void *arg)
{
    struct lmdb_session *s = arg;

    if (s->cursor != NULL)
        mdb_cursor_close(s->cursor);
    if (s->read != NULL)
        mdb_txn_abort(s->read);
    if (s->write != NULL)
        mdb_txn_abort(s->write);
    free(s);
}

static MDB_val val(slice s)
{
    MDB_val v = {.mv_size = s.size};

    memcpy(&v.mv_data, &s.data, sizeof v.mv_data); /* its API lacks const */
    return v;
}

static void lmdb_put(void *arg, slice key, slice value)
{
    struct lmdb_session *s = arg;
    MDB_val              k = val(key), v = val(value);

    if (s->write == NULL)
        must(mdb_txn_begin(s->db->env, NULL, 0, &s->write));
    must(mdb_put(s->write, s->db->dbi, &k, &v, 0));
}

static void lmdb_commit(void *arg, bool sync)
{
    struct lmdb_session *s = arg;

    (void)sync; /* open() has decided that */
    must(mdb_txn_commit(s->write));
    s->write = NULL;
}

static void renew(struct lmdb_session *s)
{
    if (s->read != NULL) {
        must(mdb_txn_renew(s->read));
        must(mdb_cursor_renew(s->read, s->cursor));
        return;
    }
    must(mdb_txn_begin(s->db->env, NULL, MDB_RDONLY, &s->read));
    must(mdb_cursor_open(s->read, s->db->dbi, &s->cursor));
}

static bool lmdb_get(void *arg, slice key, uint64_t *sum)
{
    struct lmdb_session *s = arg;
    MDB_val              k = val(key), v;
    int                  code;

    renew(s);
    code = mdb_get(s->read, s->db->dbi, &k, &v);
    if (code != MDB_NOTFOUND) {
        must(code);
        *sum += *(const uint8_t *)v.mv_data;
    }
    mdb_txn_reset(s->read);
    return code == MDB_SUCCESS;
}

static size_t lmdb_scan(void *arg, slice key, size_t count, uint64_t *sum)
{
    struct lmdb_session *s = arg;
    MDB_val              k = val(key), v;
    size_t               n = 0;
    int                  code;

    renew(s);
    code = mdb_cursor_get(s->cursor, &k, &v, MDB_SET_RANGE);
    while (code == MDB_SUCCESS && n < count) {
        *sum += *(const uint8_t *)v.mv_data;
        n++;
        if (n < count)
            code = mdb_cursor_get(s->cursor, &k, &v, MDB_NEXT);
    }
    if (code != MDB_NOTFOUND)
        must(code);
    mdb_txn_reset(s->read);
    return n;
}

const struct target target_lmdb = {
    .name = "LMDB",
    .enter = threads_enter,
    .open = lmdb_open,
    .close = lmdb_close,
    .flush = lmdb_flush,
    .pause = threads_pause,
    .parallel = threads_parallel,
    .begin = lmdb_begin,
    .end = lmdb_end,
    .breathe = threads_breathe,
    .put = lmdb_put,
    .commit = lmdb_commit,
    .get = lmdb_get,
    .scan = lmdb_scan,
};
