/* RocksDB through its C API, set up like ours: as much cache and write buffer, LZ4, bloom filters
 * of 10 bits, levels with dynamic targets, two background threads, no statistics. */
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/compare_engines.h"

enum { BLOOM_BITS = 10 };

static void must(char *error)
{
    if (error == NULL)
        return;
    fprintf(stderr, "compare_engines: RocksDB: %s\n", error);
    exit(1);
}

struct rocks {
    rocksdb_t              *db;
    rocksdb_options_t      *options;
    rocksdb_cache_t        *cache;
    rocksdb_writeoptions_t *write, *write_sync;
    rocksdb_readoptions_t  *read;
};

struct rocks_session {
    struct rocks         *db;
    rocksdb_writebatch_t *batch;
};

static void set_table_options(struct rocks *r, const struct target_options *o)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();

    r->cache = rocksdb_cache_create_lru(o->cache_size);
    rocksdb_block_based_options_set_block_cache(table, r->cache);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_filter_policy(table,
                                                  rocksdb_filterpolicy_create_bloom(BLOOM_BITS));
    rocksdb_options_set_block_based_table_factory(r->options, table);
    rocksdb_block_based_options_destroy(table);
}

static void *rocks_open(void *host, const struct target_options *o)
{
    struct rocks *r = calloc(1, sizeof *r);
    char         *error = NULL;

    (void)host;
    r->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(r->options, 1);
    rocksdb_options_set_write_buffer_size(r->options, o->write_buffer_size);
    rocksdb_options_set_max_write_buffer_number(r->options, 2);
    rocksdb_options_set_compression(r->options, rocksdb_lz4_compression);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(r->options, 1);
    rocksdb_options_set_max_background_jobs(r->options, 2);
    rocksdb_options_set_target_file_size_base(r->options, o->write_buffer_size);
    set_table_options(r, o);
    r->db = rocksdb_open(r->options, o->dir, &error);
    must(error);
    r->write = rocksdb_writeoptions_create();
    r->write_sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(r->write_sync, 1);
    r->read = rocksdb_readoptions_create();
    return r;
}

static void rocks_close(void *db)
{
    struct rocks *r = db;

    rocksdb_close(r->db);
    rocksdb_options_destroy(r->options);
    rocksdb_cache_destroy(r->cache);
    rocksdb_writeoptions_destroy(r->write);
    rocksdb_writeoptions_destroy(r->write_sync);
    rocksdb_readoptions_destroy(r->read);
    free(r);
}

static void rocks_flush(void *db)
{
    struct rocks           *r = db;
    rocksdb_flushoptions_t *o = rocksdb_flushoptions_create();
    char                   *error = NULL;

    rocksdb_flush(r->db, o, &error);
    must(error);
    rocksdb_flushoptions_destroy(o);
}

static void *rocks_begin(void *db)
{
    struct rocks_session *s = calloc(1, sizeof *s);

    s->db = db;
    s->batch = rocksdb_writebatch_create();
    return s;
}

static void rocks_end(void *arg)
{
    struct rocks_session *s = arg;

    rocksdb_writebatch_destroy(s->batch);
    free(s);
}

static void rocks_put(void *arg, slice key, slice value)
{
    struct rocks_session *s = arg;

    rocksdb_writebatch_put(s->batch, key.data, key.size, value.data, value.size);
}

static void rocks_commit(void *arg, bool sync)
{
    struct rocks_session *s = arg;
    char                 *error = NULL;

    rocksdb_write(s->db->db, sync ? s->db->write_sync : s->db->write, s->batch, &error);
    must(error);
    rocksdb_writebatch_clear(s->batch);
}

static bool rocks_get(void *arg, slice key, uint64_t *sum)
{
    struct rocks_session    *s = arg;
    char                    *error = NULL;
    size_t                   size;
    rocksdb_pinnableslice_t *v =
        rocksdb_get_pinned(s->db->db, s->db->read, key.data, key.size, &error);

    must(error);
    if (v == NULL)
        return false;
    *sum += (uint8_t)rocksdb_pinnableslice_value(v, &size)[0];
    rocksdb_pinnableslice_destroy(v);
    return true;
}

static size_t rocks_scan(void *arg, slice key, size_t count, uint64_t *sum)
{
    struct rocks_session *s = arg;
    rocksdb_iterator_t   *it = rocksdb_create_iterator(s->db->db, s->db->read);
    size_t                n = 0, size;

    rocksdb_iter_seek(it, key.data, key.size);
    while (rocksdb_iter_valid(it) && n < count) {
        *sum += (uint8_t)rocksdb_iter_value(it, &size)[0];
        n++;
        if (n < count)
            rocksdb_iter_next(it);
    }
    rocksdb_iter_destroy(it);
    return n;
}

const struct target target_rocksdb = {
    .name = "RocksDB",
    .enter = threads_enter,
    .open = rocks_open,
    .close = rocks_close,
    .flush = rocks_flush,
    .pause = threads_pause,
    .parallel = threads_parallel,
    .begin = rocks_begin,
    .end = rocks_end,
    .breathe = threads_breathe,
    .put = rocks_put,
    .commit = rocks_commit,
    .get = rocks_get,
    .scan = rocks_scan,
};
