/* Manifests on simulated disks: edits in bytes, a crash at every I/O, flipped bytes, failing syncs
 * and full disks. What was acknowledged is there after each; what was not is there whole or not. */
#include "storage/lsm/manifest.h"
#include "tests/env/sim_fixture.h"

#include "base/prng.h"

/* ---- edits in bytes
 * ---------------------------------------------------------------------------------- */

static struct table_meta make_table(uint64_t number, unsigned level, const char *least,
                                    const char *greatest)
{
    return (struct table_meta){.number = number,
                               .size = 1000 + number,
                               .level = level,
                               .least = slice_cstr(least),
                               .greatest = slice_cstr(greatest),
                               .ts_min = 5,
                               .ts_max = UINT64_C(1) << 60,
                               .entries = 300,
                               .keys = 100,
                               .tombstones = 20,
                               .cleared = 3,
                               .clears = 2,
                               .raw_size = 5000,
                               .created_us = 1700000000000000,
                               .gc_ts = 77,
                               .seal = {9, "0123456789abcde"}};
}

static void fill_edit(struct manifest_edit *e)
{
    struct table_meta t = make_table(12, 3, "\001a", "\001m");

    manifest_edit_add(e, &t);
    t = make_table(13, 0, "\001b", "\001b\001");
    t.greatest_open = true;
    manifest_edit_add(e, &t);
    manifest_edit_remove(e, 2, 7);
    manifest_edit_set_applied(e, 81, 5000);
    manifest_edit_set_applied(e, 82, 0);
    manifest_edit_set_gc(e, SLICE_LIT("\001a"), SLICE_LIT("\001z"), 1234);
    e->log_sequence = 4711;
    e->next_file_number = 14;
}

static void round_trip(void **state)
{
    struct manifest_edit e, again;
    struct buf           a, b;

    (void)state;
    buf_init(&a, NULL);
    buf_init(&b, NULL);
    manifest_edit_init(&e, NULL);
    manifest_edit_init(&again, NULL);
    fill_edit(&e);
    manifest_edit_put(&a, &e);
    assert_st_ok(manifest_edit_take(buf_slice(&a), &again));
    manifest_edit_put(&b, &again);
    assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
    assert_int_equal(again.added_count, 2);
    assert_true(again.added[1].greatest_open);
    assert_int_equal(again.added[0].gc_ts, 77);
    assert_int_equal(again.applied[0].index, 5000);
    assert_int_equal(again.log_sequence, 4711);
    for (size_t cut = 1; cut < a.size; cut++) {
        status st;

        manifest_edit_reset(&again);
        /* Between two fields an edit may end; nowhere else, and never beyond its bytes. */
        st = manifest_edit_take(slice_make(a.data, cut), &again);
        if (st_ok(st)) {
            buf_reset(&b);
            manifest_edit_put(&b, &again);
            assert_int_equal(b.size, cut);
        }
        st_clear(st);
    }
    manifest_edit_deinit(&e);
    manifest_edit_deinit(&again);
    buf_deinit(&a);
    buf_deinit(&b);
}

static void newer_field(void **state)
{
    struct manifest_edit e;

    (void)state;
    manifest_edit_init(&e, NULL);
    assert_st_code(manifest_edit_take(SLICE_LIT("\003\005\007\001"), &e), ST_CONFIG_ERROR);
    assert_st_code(manifest_edit_take(SLICE_LIT("\005\005\003\001"), &e), ST_CORRUPT);
    assert_st_code(manifest_edit_take(SLICE_LIT("\003\205\000"), &e), ST_CORRUPT);
    assert_st_code(manifest_edit_take(SLICE_LIT("\003\000"), &e), ST_CORRUPT);
    assert_true(manifest_edit_is_empty(&e));
    manifest_edit_deinit(&e);
}

/* ---- a life ------------------------------------------------------------------------------------
 * The test's edits are numbered from 1: edit n sets log_sequence to n, adds a table or moves or
 * removes one, all by the number alone, so that the state after n edits is known. */

enum { EDITS_MAX = 400 };

struct scene {
    struct sim      *sim;
    struct sim_node *node;
    uint64_t         rewrite_size;
    unsigned         edits; /* to write in all */
    unsigned         acked; /* the last one acknowledged */
    unsigned         tried; /* the last one tried */
    unsigned         full;  /* DISK_FULL answers */
    bool             done, created, has_faults, failed, expect_corrupt;
    unsigned         opened_at; /* log_sequence at the last opening */
    enum status_code code;
    uint64_t         manifest;
};

static const uint8_t incarnation[16] = "the store itself";

/* The state after n edits, as a hash of which tables are in which level, and the rest. */
static uint64_t state_hash(const struct version_set *s)
{
    uint64_t h = s->log_sequence;

    for (unsigned level = 0; level < LSM_LEVELS; level++)
        for (size_t i = 0; i < s->current->levels[level].count; i++) {
            const struct table_meta *t = &s->current->levels[level].tables[i]->meta;

            h = hash_u64(h ^ t->number) + level;
            h = hash_bytes(t->least.data, t->least.size, h);
            h = hash_bytes(t->greatest.data, t->greatest.size, h);
        }
    for (uint64_t range = 1; range <= 5; range++)
        h = hash_u64(h ^ version_set_applied(s, range));
    for (int c = 0; c < 40; c++) {
        char key[3] = {1, (char)('0' + c), 0};

        h = hash_u64(h ^ version_set_gc(s, slice_make(key, 2)));
    }
    return h;
}

static void make_edit(unsigned n, struct manifest_edit *e)
{
    char              least[16], greatest[16], long_key[600];
    struct table_meta t;

    memset(long_key, 'k', sizeof long_key);
    snprintf(least, sizeof least, "\001%04u", n);
    snprintf(greatest, sizeof greatest, "\001%04ux", n);
    t = make_table(1000 + n, n % 3 == 0 ? 0 : 4, least, greatest);
    memcpy(long_key, greatest, 6);
    if (n % 5 == 0)
        t.greatest = slice_make(long_key, sizeof long_key);
    manifest_edit_add(e, &t);
    if (n % 3 == 2) /* the one before in level 4 moves down */
        manifest_edit_remove(e, 4, 1000 + n - 1);
    if (n % 3 == 2) {
        snprintf(least, sizeof least, "\001%04u", n - 1);
        t = make_table(1000 + n - 1, 6, least, least);
        manifest_edit_add(e, &t);
    }
    if (n % 3 == 0 && n > 6) /* an older one of level 0 goes */
        manifest_edit_remove(e, 0, 1000 + n - 6);
    manifest_edit_set_applied(e, 1 + n % 5, n % 7 == 0 ? 0 : n);
    least[0] = 1;
    least[1] = (char)('0' + n % 37);
    greatest[0] = 1;
    greatest[1] = (char)('0' + n % 37 + 1 + n % 3);
    manifest_edit_set_gc(e, slice_make(least, 2), slice_make(greatest, 2), n % 11);
    e->log_sequence = n;
}

static uint64_t expected_hash(unsigned n)
{
    struct version_set s;
    uint64_t           h;

    version_set_init(&s, NULL, NULL, NULL);
    for (unsigned i = 1; i <= n; i++) {
        struct manifest_edit e;

        manifest_edit_init(&e, NULL);
        make_edit(i, &e);
        assert_st_ok(version_set_check_edit(&s, &e));
        version_set_apply(&s, &e);
        manifest_edit_deinit(&e);
    }
    h = state_hash(&s);
    version_set_deinit(&s, NULL);
    return h;
}

static struct manifest_options options_of(const struct scene *s)
{
    struct manifest_options o = {.dir = "store", .rewrite_size = s->rewrite_size};

    memcpy(o.incarnation, incarnation, sizeof o.incarnation);
    return o;
}

static status open_or_create(struct scene *s, struct env *env, struct version_set *set,
                             struct manifest **m)
{
    struct manifest_options o = options_of(s);

    TRY_RETURN(env_mkdir_all(env, "store"));
    TRY_RETURN(env_sync_dir(env, ".", ENV_INLINE)); /* the engine does this for its directory */
    if (manifest_exists(env, "store")) {
        TRY_RETURN(manifest_open(env, &o, set, m));
        return manifest_settle(*m);
    }
    if (s->created)
        fail_msg("seed %llu: the manifest is lost", (unsigned long long)sim_seed(s->sim));
    return manifest_create(env, &o, set, m);
}

/* All acknowledged edits are there, and at most the one that was under way. */
static void check_opened(struct scene *s, const struct version_set *set)
{
    s->opened_at = (unsigned)set->log_sequence;
    if (set->log_sequence < s->acked || set->log_sequence > s->tried)
        fail_msg("seed %llu: edit %llu is the last one, acknowledged %u, tried %u",
                 (unsigned long long)sim_seed(s->sim), (unsigned long long)set->log_sequence,
                 s->acked, s->tried);
    assert_int_equal(state_hash(set), expected_hash((unsigned)set->log_sequence));
    version_check(set->current);
    /* What a reopened manifest shows stays. */
    s->acked = s->tried = (unsigned)set->log_sequence;
}

static bool append_one(struct scene *s, struct manifest *m)
{
    struct manifest_edit e;
    status               st;

    manifest_edit_init(&e, env_heap(sim_node_env(s->node)));
    make_edit(s->acked + 1, &e);
    s->tried = s->acked + 1;
    st = manifest_append(m, &e);
    manifest_edit_deinit(&e);
    s->code = status_code(st);
    st_clear(st);
    if (s->code == ST_SUCCESS)
        s->acked = s->tried;
    if (s->code == ST_DISK_FULL) {
        s->full++;
        s->tried = s->acked; /* as if it had never been */
    }
    return s->code == ST_SUCCESS;
}

static void node_main(struct env *env, void *arg)
{
    struct scene      *s = arg;
    struct version_set set;
    struct manifest   *m = NULL;
    status             st;

    version_set_init(&set, env_heap(env), NULL, NULL);
    st = open_or_create(s, env, &set, &m);
    s->code = status_code(st);
    if (!st_ok(st)) {
        manifest_close(m);
        if (!s->has_faults && !s->expect_corrupt)
            assert_st_ok(st);
        st_clear(st);
        version_set_deinit(&set, NULL);
        env_stop(env);
        return;
    }
    s->created = true;
    check_opened(s, &set);
    while (s->acked < s->edits && append_one(s, m))
        continue;
    s->failed = manifest_has_failed(m);
    assert_true(s->acked == s->edits || s->has_faults);
    s->done = s->acked == s->edits;
    s->manifest = manifest_number(m);
    manifest_close(m);
    version_set_deinit(&set, NULL);
    env_stop(env);
}

static void run_life(struct scene *s)
{
    sim_live(s->sim, s->node);
}

static void restart(struct scene *s)
{
    sim_live_again(s->sim, s->node);
}

static void scene_init(struct scene *s, uint64_t seed, unsigned edits, uint64_t rewrite_size)
{
    struct sim_options o = {.ordered = true};

    *s = (struct scene){.edits = edits, .rewrite_size = rewrite_size};
    s->sim = sim_new(seed, &o);
    s->node = sim_add_node(s->sim, "n", node_main, s);
}

static void plain_life(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s, 1, EDITS_MAX, 20000);
    run_life(&s);
    assert_true(s.done);
    assert_true(s.manifest > 2); /* it was written anew at least once */
    restart(&s);
    assert_int_equal(s.opened_at, EDITS_MAX);
    sim_free(s.sim);
}

/* ---- crashes -----------------------------------------------------------------------------------
 */

static bool crash_at(uint64_t seed, uint64_t count, uint64_t again, enum sim_crash how)
{
    struct scene s;
    bool         crashed;

    scene_init(&s, seed, 30, 3000);
    sim_crash_at_io(s.node, count, how);
    run_life(&s);
    crashed = !s.done;
    if (crashed && again > 0) {
        sim_live_until_io(s.sim, s.node, again, how);
    }
    restart(&s);
    assert_true(s.done);
    restart(&s);
    assert_int_equal(s.opened_at, 30);
    sim_free(s.sim);
    return crashed;
}

static void crash_everywhere(void **state)
{
    uint64_t seed = test_seed(1);

    (void)state;
    for (uint64_t i = 0; i < 6; i++) {
        uint64_t count = 1;

        while (crash_at(seed + i, count, 0, i % 3 == 2 ? SIM_KILL : SIM_POWER_LOSS))
            count++;
        assert_true(count > 100);
    }
}

static void crash_in_recovery(void **state)
{
    uint64_t seed = test_seed(1000);

    (void)state;
    for (uint64_t count = 3; count < 150; count += 2)
        for (uint64_t again = 1; again < 25; again++)
            crash_at(seed + count, count, again, SIM_POWER_LOSS);
}

/* Fail the n-th sync or write, then kill or restart, then power loss: L1. */
static bool fail_at(uint64_t seed, struct sim_disk_faults faults, uint64_t crash_io)
{
    struct scene s;
    bool         failed;

    scene_init(&s, seed, 30, 3000);
    sim_disk_set_faults(s.node, &faults);
    s.has_faults = true;
    run_life(&s);
    failed = !s.done;
    assert_true(!failed || s.failed || s.code == ST_IO_ERROR || s.code == ST_OUTCOME_UNKNOWN);
    sim_disk_set_faults(s.node, &(struct sim_disk_faults){0});
    s.has_faults = false;
    if (failed) {
        /* The next process sees what the failed one left in the page cache. What it shows must
         * outlive the power. */
        sim_live_until_io(s.sim, s.node, crash_io, SIM_POWER_LOSS);
    }
    restart(&s);
    assert_true(s.done);
    sim_free(s.sim);
    return failed;
}

static void failed_syncs(void **state)
{
    uint64_t seed = test_seed(200);
    unsigned failures = 0;

    (void)state;
    for (uint64_t n = 1; n < 70; n++)
        for (uint64_t crash_io = 4; crash_io < 20; crash_io += 3) {
            failures += fail_at(seed, (struct sim_disk_faults){.sync_eio_at = n}, crash_io);
            failures += fail_at(seed, (struct sim_disk_faults){.write_eio_at = n}, crash_io);
        }
    assert_true(failures > 200);
}

/* ---- damage ------------------------------------------------------------------------------------
 */

static void flip(struct scene *s, const char *path, uint64_t offset, int bit)
{
    assert_st_ok(sim_disk_flip(s->node, path, offset, bit));
}

/* With a byte flipped the store opens with all edits, or not at all. */
static void flip_everywhere(void **state)
{
    struct scene s;
    char         path[64];
    unsigned     corrupt = 0, harmless = 0;

    (void)state;
    scene_init(&s, 7, 12, 100000);
    run_life(&s);
    assert_true(s.done);
    s.expect_corrupt = true;
    snprintf(path, sizeof path, "store/%020llu.manifest", (unsigned long long)s.manifest);
    for (uint64_t offset = 0;; offset++) {
        int    bit = (int)(offset % 8);
        status st = sim_disk_flip(s.node, path, offset, bit);

        if (!st_ok(st)) {
            st_clear(st);
            break;
        }
        restart(&s);
        if (s.code == ST_CORRUPT) {
            corrupt++;
            flip(&s, path, offset, bit);
            continue;
        }
        /* The mark at the end, or the zeros behind it: nothing is missing, and the manifest was
         * written anew. */
        assert_int_equal(s.code, ST_SUCCESS);
        assert_int_equal(s.opened_at, 12);
        harmless++;
        break;
    }
    assert_true(corrupt > 1500);
    assert_int_equal(harmless, 1);
    for (uint64_t offset = 0; offset < MANIFEST_HEADER_SIZE; offset++) {
        flip(&s, "store/current", offset, 3);
        restart(&s);
        assert_int_equal(s.code, ST_CORRUPT);
        flip(&s, "store/current", offset, 3);
    }
    restart(&s);
    assert_int_equal(s.code, ST_SUCCESS);
    sim_free(s.sim);
}

/* A disk that says it wrote and did not, or wrote elsewhere in the file (L17): the next opening
 * finds all edits, or that they are damaged. */
static void lying_disk(void **state)
{
    uint64_t seed = test_seed(500);
    unsigned corrupt = 0, whole = 0;

    (void)state;
    for (uint64_t n = 1; n < 120; n++)
        for (unsigned kind = 0; kind < 2; kind++) {
            struct scene           s;
            struct sim_disk_faults faults = {0};

            scene_init(&s, seed + n, 30, n % 2 == 0 ? 3000 : 100000);
            *(kind == 0 ? &faults.write_lost_at : &faults.misdirect_at) = n;
            sim_disk_set_faults(s.node, &faults);
            run_life(&s);
            assert_true(s.done);
            sim_disk_set_faults(s.node, &(struct sim_disk_faults){0});
            s.expect_corrupt = true;
            restart(&s); /* check_opened() fails if an edit is missing */
            assert_true(s.code == ST_SUCCESS || s.code == ST_CORRUPT);
            corrupt += s.code == ST_CORRUPT;
            whole += s.code == ST_SUCCESS;
            sim_free(s.sim);
        }
    assert_true(corrupt > 10);
    assert_true(whole > 10);
}

/* ---- full disks --------------------------------------------------------------------------------
 */

static void full_disk(void **state)
{
    (void)state;
    for (uint64_t space = 0; space < 40; space++) {
        struct scene           s;
        struct sim_disk_faults faults = {0};

        scene_init(&s, test_seed(300) + space, 5, 3000);
        run_life(&s);
        assert_true(s.done);
        faults.space_max = sim_disk_used(s.node) + 1 + space * 4096;
        sim_disk_set_faults(s.node, &faults);
        s.done = false;
        s.edits = EDITS_MAX;
        s.has_faults = true;
        restart(&s); /* opens without any room */
        assert_true(s.done || s.code == ST_DISK_FULL);
        assert_false(s.failed);
        if (space % 2 == 0) { /* and again after power loss at the next start */
            sim_live_until_io(s.sim, s.node, 3 + space / 2, SIM_POWER_LOSS);
        }
        sim_disk_set_faults(s.node, &(struct sim_disk_faults){0});
        s.has_faults = false;
        restart(&s);
        assert_true(s.done);
        sim_free(s.sim);
    }
}

/* ---- many writers, tools, real files
 * ----------------------------------------------------------------- */

enum { WRITERS = 5, WRITES = 12 };

struct crowd {
    struct sim        *sim;
    struct sim_node   *node;
    struct version_set set;
    struct manifest   *m;
    unsigned           next_writer;
    bool               acked[WRITERS][WRITES], tried[WRITERS][WRITES];
    bool               checking, checked;
};

static uint64_t crowd_number(unsigned writer, unsigned n)
{
    return 1000 + writer * 100 + n;
}

static void crowd_writer(struct env *env, void *arg)
{
    struct crowd *c = arg;
    unsigned      id = c->next_writer++;

    for (unsigned n = 0; n < WRITES; n++) {
        struct manifest_edit e;
        struct table_meta    t = make_table(crowd_number(id, n), 0, "\001a", "\001z");

        manifest_edit_init(&e, env_heap(env));
        manifest_edit_add(&e, &t);
        manifest_edit_set_applied(&e, id + 1, n + 1);
        c->tried[id][n] = true;
        assert_st_ok(manifest_append(c->m, &e));
        c->acked[id][n] = true;
        manifest_edit_deinit(&e);
    }
}

static void crowd_check(const struct crowd *c)
{
    const struct version_level *l = &c->set.current->levels[0];

    for (unsigned id = 0; id < WRITERS; id++) {
        unsigned count = 0;

        for (unsigned n = 0; n < WRITES; n++) {
            bool found = false;

            for (size_t i = 0; i < l->count; i++)
                found |= l->tables[i]->meta.number == crowd_number(id, n);
            assert_true(found || !c->acked[id][n]);
            assert_true(!found || c->tried[id][n]);
            assert_true(!found || count == n); /* no gap */
            count += found;
        }
        assert_int_equal(version_set_applied(&c->set, id + 1), count);
    }
}

static void crowd_main(struct env *env, void *arg)
{
    struct crowd           *c = arg;
    struct manifest_options o = {.dir = "store", .rewrite_size = 2000};
    struct fiber           *fibers[WRITERS];

    memcpy(o.incarnation, incarnation, sizeof o.incarnation);
    version_set_init(&c->set, env_heap(env), NULL, NULL);
    if (!c->checking) {
        assert_st_ok(env_mkdir_all(env, "store"));
        assert_st_ok(env_sync_dir(env, ".", ENV_INLINE));
        assert_st_ok(manifest_create(env, &o, &c->set, &c->m));
        for (unsigned i = 0; i < WRITERS; i++)
            assert_st_ok(env_spawn(env, "writer", crowd_writer, c, &fibers[i]));
        for (unsigned i = 0; i < WRITERS; i++)
            fiber_join(fibers[i]);
        manifest_close(c->m);
    } else if (manifest_exists(env, "store")) {
        assert_st_ok(manifest_open(env, &o, &c->set, &c->m));
        assert_st_ok(manifest_settle(c->m));
        crowd_check(c);
        manifest_close(c->m);
        c->checked = true;
    }
    version_set_deinit(&c->set, NULL);
    env_stop(env);
}

static void crowd_of_writers(void **state)
{
    uint64_t seed = test_seed(400);

    (void)state;
    for (uint64_t io = 12; io < 300; io++) {
        struct crowd c = {.sim = sim_new(seed + io, NULL)};

        c.node = sim_add_node(c.sim, "n", crowd_main, &c);
        sim_crash_at_io(c.node, io, SIM_POWER_LOSS);
        sim_live(c.sim, c.node);
        c.checking = true;
        sim_live_again(c.sim, c.node);
        assert_true(c.checked || !c.tried[0][0]); /* or it was not created yet */
        sim_free(c.sim);
    }
}

struct visits {
    unsigned records, marks, tables;
    uint64_t last_edit;
};

static status count_visit(void *ctx, uint64_t offset, const struct manifest_record *r,
                          const struct manifest_edit *e)
{
    struct visits *v = ctx;

    assert_true(offset >= MANIFEST_HEADER_SIZE);
    assert_true(v->last_edit == 0 || r->edit == v->last_edit + 1);
    v->last_edit = r->edit;
    v->records++;
    v->marks += r->payload.size == 0;
    v->tables += (unsigned)e->added_count;
    return STATUS_OK;
}

struct real {
    char dir[64];
};

enum { PATH_SIZE = 128 };

static void tear(struct env *env, const char *path, uint64_t offset)
{
    struct env_file *f;

    assert_st_ok(env_file_open(env, path, ENV_WRITE, &f));
    assert_st_ok(env_file_write_at(f, "torn", 4, offset, ENV_INLINE));
    env_file_close(f);
}

/* Reading leaves a torn tail as it is, settling ends it; `path` then names the new file. */
static void torn_tail(struct env *env, const struct manifest_options *o, char *path)
{
    for (int settles = 0; settles < 2; settles++) {
        struct version_set     set;
        struct manifest       *m;
        struct manifest_header h;
        struct visits          v = {0};
        uint64_t               torn;

        version_set_init(&set, env_heap(env), NULL, NULL);
        assert_st_ok(manifest_open(env, o, &set, &m));
        assert_int_equal(state_hash(&set), expected_hash(20));
        assert_st_ok(manifest_read(env, path, NULL, &h, count_visit, &v, &torn));
        assert_true(torn > 0);
        if (settles) {
            assert_st_ok(manifest_settle(m));
            assert_false(env_file_exists(env, path));
            snprintf(path, PATH_SIZE, "%s/%020llu.manifest", o->dir,
                     (unsigned long long)manifest_number(m));
            assert_st_ok(
                manifest_read(env, path, NULL, &h, count_visit, &(struct visits){0}, &torn));
            assert_int_equal(torn, 0);
        }
        manifest_close(m);
        version_set_deinit(&set, NULL);
    }
}

/* A life on the machine's own file system, then what a tool reads, then another store's identity.
 */
static void real_main(struct env *env, void *arg)
{
    struct real            *x = arg;
    struct manifest_options o = {.dir = x->dir};
    struct version_set      set;
    struct manifest        *m;
    struct manifest_header  h;
    struct visits           v = {0};
    uint64_t                torn;
    char                    path[PATH_SIZE];

    memcpy(o.incarnation, incarnation, sizeof o.incarnation);
    version_set_init(&set, env_heap(env), NULL, NULL);
    assert_false(manifest_exists(env, x->dir));
    assert_st_code(manifest_open(env, &o, &set, &m), ST_UNDEFINED_FILE);
    assert_st_ok(manifest_create(env, &o, &set, &m));
    for (unsigned n = 1; n <= 20; n++) {
        struct manifest_edit e;

        manifest_edit_init(&e, NULL);
        make_edit(n, &e);
        assert_st_ok(manifest_append(m, &e));
        manifest_edit_deinit(&e);
    }
    snprintf(path, sizeof path, "%s/%020llu.manifest", x->dir,
             (unsigned long long)manifest_number(m));
    manifest_close(m);
    version_set_deinit(&set, NULL);

    assert_st_ok(manifest_read(env, path, NULL, &h, count_visit, &v, &torn));
    assert_int_equal(torn, 0);
    assert_int_equal(v.records, 41); /* the empty state, and a mark behind each edit */
    assert_int_equal(v.marks, 20);
    assert_memory_equal(h.incarnation, incarnation, sizeof incarnation);

    version_set_init(&set, env_heap(env), NULL, NULL);
    assert_st_ok(manifest_open(env, &o, &set, &m));
    assert_int_equal(state_hash(&set), expected_hash(20));
    assert_st_ok(manifest_settle(m));
    tear(env, path, manifest_size(m));
    manifest_close(m);
    version_set_deinit(&set, NULL);

    torn_tail(env, &o, path);

    o.incarnation[0] ^= 1;
    version_set_init(&set, env_heap(env), NULL, NULL);
    assert_st_code(manifest_open(env, &o, &set, &m), ST_CORRUPT);
    version_set_deinit(&set, NULL);
    assert_st_ok(env_unlink(env, path));
    snprintf(path, sizeof path, "%s/current", x->dir);
    assert_st_ok(env_unlink(env, path));
    assert_st_ok(env_rmdir(env, x->dir));
    env_stop(env);
}

static void real_files(void **state)
{
    struct real x = {.dir = "/tmp/linera-manifest-XXXXXX"};
    struct env *env;

    (void)state;
    assert_non_null(mkdtemp(x.dir));
    assert_st_ok(env_new(NULL, &env));
    assert_st_ok(env_spawn(env, "main", real_main, &x, NULL));
    env_run(env);
    env_free(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("an edit is read as it was written", round_trip),
        T("an edit with an unknown field is refused, a damaged one too", newer_field),
        T("a manifest is written anew as it grows, and read back", plain_life),
        T("a crash at any I/O loses no acknowledged edit", crash_everywhere),
        T("a crash in the recovery loses none either", crash_in_recovery),
        T("L1: a failed sync or write is final, and what was read back stays", failed_syncs),
        T("L3: any byte flipped is found, or nothing is missing", flip_everywhere),
        T("L17: a lost or misdirected write is found, or nothing is missing", lying_disk),
        T("L13: a full disk refuses edits and changes nothing", full_disk),
        T("edits of many fibers are each whole, acknowledged ones there", crowd_of_writers),
        T("on real files: a life, what a tool reads, another store's identity", real_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
