/* linera-dump store: what a store's directory holds, and whether all of it is whole. */
#include "base/sort.h"
#include "dump.h"
#include "env/file.h"
#include "storage/checkpoint_scan.h"
#include "storage/lsm/manifest.h"
#include "storage/store_files.h"

struct store {
    struct dump       *d;
    struct identity    id;
    struct version_set set;
    const char        *manifest; /* the one that counts; NULL: none */
    uint64_t           manifest_records, manifest_faults;
    struct log_base    base;
    const char       **names;
    size_t             count;
};

static status read_store(struct store *s)
{
    struct dump *d = s->d;

    if (!dump_is_dir(d))
        return status_new(ST_CONFIG_ERROR, "\"%s\" is not a directory", d->options.path);
    TRY_RETURN(dump_lock_store(d));
    TRY_RETURN(dump_read_identity(d, &s->id));
    TRY_RETURN(env_list_dir(d->env, d->options.path, d->arena, &s->names, &s->count));
    if (manifest_exists(d->env, d->options.path))
        TRY_RETURN(
            dump_judge(d, dump_read_manifest(d, &s->set, &s->manifest, &s->manifest_records)));
    s->manifest_faults = d->faults;
    return dump_find_base(d, &s->set, &s->base);
}

static status with_store(struct dump *d, status (*fn)(struct store *s))
{
    struct store s = {.d = d};
    status       st;

    version_set_init(&s.set, env_heap(d->env), NULL, NULL);
    st = read_store(&s);
    if (st_ok(st))
        st = fn(&s);
    version_set_deinit(&s.set, NULL);
    return st;
}

/* The table the manifest names; NULL: it does not. */
static const struct table_meta *find_table(const struct store *s, uint64_t number)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *l = &s->set.current->levels[level];

        for (size_t i = 0; i < l->count; i++)
            if (l->tables[i]->meta.number == number)
                return &l->tables[i]->meta;
    }
    return NULL;
}

/* ---- files ---- */

static const char *state_of(const struct store *s, const char *name, enum store_file_kind kind,
                            uint64_t number)
{
    switch (kind) {
    case STORE_FILE_TABLE:
        return find_table(s, number) != NULL ? "in use" : "left over";
    case STORE_FILE_MANIFEST:
        return s->manifest != NULL && strcmp(dump_base_name(s->manifest), name) == 0 ? "in use"
                                                                                     : "left over";
    case STORE_FILE_CHECKPOINT:
        return number == s->base.checkpoint ? "in use" : "left over";
    case STORE_FILE_TEMPORARY:
        return "left over";
    case STORE_FILE_LOG:
    case STORE_FILE_CURRENT:
    case STORE_FILE_IDENTITY:
    case STORE_FILE_KEYS:
    case STORE_FILE_LOCK:
        return "in use";
    case STORE_FILE_OTHER:
        break;
    }
    return "unknown";
}

static status put_file(struct store *s, const char *name)
{
    struct dump             *d = s->d;
    struct rows             *r = &d->rows;
    uint64_t                 number;
    enum store_file_kind     kind = store_file_kind(name, &number);
    const struct table_meta *m = kind == STORE_FILE_TABLE ? find_table(s, number) : NULL;

    rows_text(r, name);
    rows_text(r, store_file_kind_name(kind));
    rows_number(r, dump_file_size(d, dump_join(d, name)));
    rows_text(r, state_of(s, name, kind, number));
    if (m != NULL) {
        rows_number(r, m->level);
        rows_number(r, m->entries);
        rows_text(r, dump_key(r->arena, m->least));
        rows_text(r, dump_key(r->arena, m->greatest));
    } else {
        for (int i = 0; i < 4; i++)
            rows_null(r);
    }
    return rows_next(r);
}

static status put_files(struct store *s)
{
    for (size_t i = 0; i < s->count; i++)
        TRY_RETURN(put_file(s, s->names[i]));
    return STATUS_OK;
}

status dump_store_files(struct dump *d)
{
    static const struct column columns[] = {{"file", TABLE_TEXT},    {"kind", TABLE_TEXT},
                                            {"size", TABLE_NUMBER},  {"state", TABLE_TEXT},
                                            {"level", TABLE_NUMBER}, {"entries", TABLE_NUMBER},
                                            {"least", TABLE_TEXT},   {"greatest", TABLE_TEXT}};

    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    return with_store(d, put_files);
}

/* ---- verification ---- */

static status verify_tables(struct store *s)
{
    struct dump *d = s->d;

    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        const struct version_level *l = &s->set.current->levels[level];

        for (size_t i = 0; i < l->count; i++) {
            const struct table_meta *m = &l->tables[i]->meta;
            uint64_t                 before = d->faults, entries;
            char  *path = store_file_path(NULL, d->options.path, STORE_FILE_TABLE, m->number);
            status st = dump_check_table(d, path, m, &entries);

            if (st_ok(st))
                st = dump_verified(d, path, "table", m->size, entries, before);
            heap_free(path);
            TRY_RETURN(st);
        }
    }
    return STATUS_OK;
}

static status count_block(void *ctx, uint64_t offset, slice batch)
{
    (void)offset;
    *(uint64_t *)ctx += batch.size > 0;
    return STATUS_OK;
}

static status verify_checkpoint(struct store *s)
{
    struct dump *d = s->d;
    uint64_t     before = d->faults, blocks = 0, size = 0;
    char  *path = store_file_path(NULL, d->options.path, STORE_FILE_CHECKPOINT, s->base.checkpoint);
    status st = dump_judge(d, checkpoint_scan(d->env, path, s->base.checkpoint, s->id.incarnation,
                                              count_block, &blocks, &size));

    if (st_ok(st))
        st = dump_verified(d, path, "checkpoint", size, blocks, before);
    heap_free(path);
    return st;
}

/* A store with tables has its manifest, and both are of this store. */
static status verify_manifest(struct store *s)
{
    struct dump *d = s->d;
    uint8_t      incarnation[16];
    uint64_t     before = d->faults - s->manifest_faults, number;
    bool         has_table = false;

    for (size_t i = 0; i < s->count; i++)
        has_table = has_table || store_file_kind(s->names[i], &number) == STORE_FILE_TABLE;
    if (s->manifest == NULL)
        return !has_table ? STATUS_OK
                          : dump_judge(d, status_new(ST_CORRUPT,
                                                     "store \"%s\" has tables, but its file "
                                                     "\"current\" is gone",
                                                     d->options.path));
    TRY_RETURN(dump_judge(d, manifest_current(d->env, d->options.path, &number, incarnation)));
    if (memcmp(incarnation, s->id.incarnation, sizeof incarnation) != 0)
        TRY_RETURN(
            dump_judge(d, status_new(ST_CORRUPT, "file \"%s/current\": it is of another store",
                                     d->options.path)));
    return dump_verified(d, s->manifest, "manifest", dump_file_size(d, s->manifest),
                         s->manifest_records, before);
}

static status verify(struct store *s)
{
    TRY_RETURN(verify_manifest(s));
    TRY_RETURN(verify_tables(s));
    if (s->base.checkpoint > 0)
        TRY_RETURN(verify_checkpoint(s));
    return dump_verify_log(s->d, &s->id, &s->base);
}

status dump_store_verify(struct dump *d)
{
    dump_verified_columns(d);
    return with_store(d, verify);
}
