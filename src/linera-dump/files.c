/* Finding and opening the files of a store, none of which is changed. */
#include <sys/stat.h>

#include "client/store_key.h"
#include "dump.h"
#include "env/file.h"
#include "storage/lsm/manifest.h"
#include "storage/store_files.h"

bool dump_is_dir(const struct dump *d)
{
    struct stat info;

    return stat(d->options.path, &info) == 0 && S_ISDIR(info.st_mode);
}

uint64_t dump_file_size(struct dump *d, const char *path)
{
    struct env_file *f;
    uint64_t         size = 0;
    status           st = env_file_open(d->env, path, ENV_READ, &f);

    if (st_ok(st)) {
        st = env_file_size(f, &size);
        env_file_close(f);
    }
    st_clear(st); /* whoever reads the file says what is wrong with it */
    return size;
}

const char *dump_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static const char *store_of(struct dump *d)
{
    const char *path = d->options.path, *name = dump_base_name(path);

    if (dump_is_dir(d))
        return path;
    return name == path ? "." : arena_printf(d->arena, "%.*s", (int)(name - path), path);
}

const char *dump_join(struct dump *d, const char *name)
{
    return arena_printf(d->arena, "%s/%s", store_of(d), name);
}

status dump_lock_store(struct dump *d)
{
    struct env_file *lock; /* the process holds it to its end */
    status           st = env_lock_file_shared(d->env, dump_join(d, "lock"), &lock);

    if (status_code(st) == ST_UNDEFINED_FILE) { /* a copy: no node can be at it */
        st_clear(st);
        return STATUS_OK;
    }
    if (status_code(st) != ST_STORE_LOCKED)
        return st;
    st_clear(st);
    return status_hint(status_new(ST_STORE_LOCKED, "a node uses the store \"%s\"", d->options.path),
                       "Stop it, or look at single files, which may change meanwhile.");
}

status dump_read_identity(struct dump *d, struct identity *out)
{
    const char *path = dump_join(d, "identity");
    uint32_t    version;
    slice       bytes;

    if (!env_file_exists(d->env, path))
        return status_new(ST_UNDEFINED_FILE, "there is no store in \"%s\"", d->options.path);
    TRY_RETURN(env_file_read_all(d->env, path, 4096, d->arena, &bytes));
    if (!identity_take(bytes, out, &version))
        return status_new(ST_CORRUPT, "file \"%s\" is damaged", path);
    if (version != IDENTITY_VERSION)
        return status_new(ST_CONFIG_ERROR, "file \"%s\" has format version %u, not %d", path,
                          (unsigned)version, IDENTITY_VERSION);
    return STATUS_OK;
}

status dump_open_keys(struct dump *d)
{
    uint8_t         key[STORE_KEY_SIZE];
    struct identity id;
    const char     *dir = store_of(d);

    if (d->options.key == NULL)
        return STATUS_OK;
    TRY_RETURN(store_key_read(d->options.key, key));
    TRY_RETURN(dump_read_identity(d, &id));
    if (!keyring_exists(d->env, dir))
        return status_new(ST_CONFIG_ERROR,
                          "the store in \"%s\" is not encrypted, or its file "
                          "\"keys\" is gone",
                          dir);
    return keyring_open(d->env, dir, id.incarnation, key, NULL, &d->keyring);
}

status dump_open_table(struct dump *d, const char *path, struct lsm_table **out)
{
    struct lsm_table_options o = {
        .path = path, .cache = d->cache, .codec = d->codec, .keyring = d->keyring};

    if (store_file_kind(dump_base_name(path), &o.number) != STORE_FILE_TABLE)
        return status_hint(
            status_new(ST_CONFIG_ERROR, "file \"%s\" is not named like a table", path),
            "A table's blocks are bound to its number: name it <number>.sst.");
    return lsm_table_open(d->env, &o, out);
}

status dump_find_manifest(struct dump *d, const char **path)
{
    uint8_t  incarnation[16];
    uint64_t number;
    char    *found;

    if (!dump_is_dir(d)) {
        *path = d->options.path;
        return STATUS_OK;
    }
    TRY_RETURN(manifest_current(d->env, d->options.path, &number, incarnation));
    found = store_file_path(NULL, d->options.path, STORE_FILE_MANIFEST, number);
    *path = arena_strdup(d->arena, found);
    heap_free(found);
    return STATUS_OK;
}

struct replay {
    struct version_set *set;
    uint64_t            records;
};

static status replay(void *ctx, uint64_t offset, const struct manifest_record *r,
                     const struct manifest_edit *e)
{
    struct replay *p = ctx;

    (void)offset;
    (void)r;
    TRY_RETURN(version_set_check_edit(p->set, e));
    version_set_apply(p->set, e);
    p->records++;
    return STATUS_OK;
}

status dump_read_manifest(struct dump *d, struct version_set *set, const char **path,
                          uint64_t *records)
{
    struct replay          p = {.set = set};
    struct manifest_header header;
    uint64_t               torn, number;

    *records = 0;
    TRY_RETURN(dump_find_manifest(d, path));
    TRY_RETURN(manifest_read(d->env, *path, d->keyring, &header, replay, &p, &torn));
    *records = p.records;
    if (store_file_kind(dump_base_name(*path), &number) == STORE_FILE_MANIFEST &&
        number != header.number)
        return status_new(ST_CORRUPT, "file \"%s\": it is manifest %" PRIu64, *path, header.number);
    return STATUS_OK;
}
