/* Copies of a store: tables are linked, manifest and the end of the log written. */
#include "storage/lsm/lsm_internal.h"
#include "storage/store_files.h"

enum { LINKS = 64 }; /* between which others may run */

/* The state that a copy is made of, of one moment. */
struct copy {
    struct lsm        *lsm;
    const char        *dir;
    struct version    *version; /* whose tables stay while they are linked */
    struct version_set set;     /* the same state once more, for a manifest of its own */
    struct log_copy    log;
};

static status add_edit(void *ctx, const struct manifest_edit *e)
{
    version_set_apply(ctx, e);
    return STATUS_OK;
}

/* With the log paused, and without a yield: what the manifest says is not in tables is in the log.
 */
static status take_state(struct copy *c)
{
    struct lsm *l = c->lsm;

    c->version = version_ref(l->set.current);
    TRY_RETURN(version_set_dump(&l->set, SIZE_MAX, add_edit, &c->set));
    return durable_copy_begin(l->log, c->dir, &c->log);
}

static status link_table(struct copy *c, uint64_t number)
{
    char  *from = lsm_table_path(c->lsm, number);
    char  *to = store_file_path(c->lsm->heap, c->dir, STORE_FILE_TABLE, number);
    status st = env_link(c->lsm->base.env, from, to);

    heap_free(to);
    heap_free(from);
    return st;
}

static status link_tables(struct copy *c)
{
    size_t done = 0;

    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *l = &c->version->levels[level];

        for (size_t i = 0; i < l->count; i++) {
            TRY_RETURN(link_table(c, l->tables[i]->meta.number));
            if (++done % LINKS == 0)
                env_yield(c->lsm->base.env);
        }
    }
    return STATUS_OK;
}

static status write_manifest(struct copy *c)
{
    struct manifest_options o = {.dir = c->dir, .keyring = c->lsm->keyring};
    struct manifest        *m;

    memcpy(o.incarnation, c->lsm->base.identity.incarnation, sizeof o.incarnation);
    TRY_RETURN(manifest_create(c->lsm->base.env, &o, &c->set, &m));
    manifest_close(m);
    return STATUS_OK;
}

static status write_copy(struct copy *c)
{
    TRY_RETURN(durable_copy_end(c->lsm->log, c->dir, &c->log));
    TRY_RETURN(link_tables(c));
    TRY_RETURN(write_manifest(c));
    return durable_copy_finish(c->lsm->log, c->dir);
}

status lsm_copy(struct engine *e, const char *dir)
{
    struct lsm *l = lsm_of(e);
    struct copy c = {.lsm = l, .dir = dir};
    status      st;

    /* With a manifest, and the copy has one, a checkpoint of the memory engine counts no more. */
    if (durable_has_foreign_checkpoint(l->log))
        TRY_RETURN(lsm_flush(l));
    version_set_init(&c.set, l->heap, NULL, NULL);
    durable_pause(l->log);
    st = take_state(&c);
    durable_resume(l->log);
    if (st_ok(st))
        st = write_copy(&c);
    version_unref(c.version);
    version_set_deinit(&c.set, NULL);
    return st;
}
