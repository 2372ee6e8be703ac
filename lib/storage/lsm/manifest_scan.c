#include <inttypes.h>

#include "storage/lsm/manifest_internal.h"

void manifest_scan_init(struct manifest_scan *s, struct heap *heap)
{
    *s = (struct manifest_scan){0};
    buf_init(&s->bytes, heap);
    buf_init(&s->plain, heap);
}

void manifest_scan_deinit(struct manifest_scan *s)
{
    cipher_free(s->cipher);
    buf_deinit(&s->bytes);
    buf_deinit(&s->plain);
}

status manifest_scan_file(struct env_file *f, uint64_t size, struct manifest_scan *s)
{
    size_t n;

    if (size > SIZE_MAX / 2)
        return status_new(ST_CORRUPT, "file \"%s\": it is too large", s->path);
    TRY_RETURN(env_file_read_at(f, buf_reserve(&s->bytes, (size_t)size + 1), (size_t)size, 0,
                                ENV_LANE_IO, &n));
    buf_advance(&s->bytes, n);
    return STATUS_OK;
}

static status damaged(const struct manifest_scan *s, uint64_t offset, const char *why)
{
    return status_hint(status_new(ST_CORRUPT, "file \"%s\": damaged at byte %" PRIu64 ": %s",
                                  s->path, offset, why),
                       "Restore the store from a backup.");
}

/* An error of a record whose checksum holds: keep its code, say where. */
static status located(const struct manifest_scan *s, status st)
{
    return status_wrap(st, "file \"%s\": at byte %" PRIu64, s->path, s->end);
}

static bool is_zero(slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] != 0)
            return false;
    return true;
}

/* The record at s->end, if it is the one that must stand there. */
static bool take_next(const struct manifest_scan *s, slice *rest, struct manifest_record *r)
{
    slice at = *rest;

    if (!manifest_record_take(&at, s->header.number, r) || r->edit != s->edit ||
        r->previous != s->crc)
        return false;
    *rest = at;
    return true;
}

static status visit_record(struct manifest_scan *s, struct manifest_record *r,
                           manifest_visit_fn *visit, void *ctx)
{
    struct manifest_edit e;
    status               st;

    if (s->cipher != NULL && !manifest_record_open(s->cipher, r, &s->plain))
        return damaged(s, s->end, "a record was changed");
    manifest_edit_init(&e, s->bytes.heap);
    st = manifest_edit_take(r->payload, &e);
    if (st_ok(st))
        st = visit(ctx, s->end, r, &e);
    manifest_edit_deinit(&e);
    return st_ok(st) ? STATUS_OK : located(s, st);
}

/* Whether some record behind what can be read says that more than that was durable (L3). */
static bool has_later_proof(const struct manifest_scan *s, slice rest)
{
    struct manifest_record r;

    for (; rest.size >= MANIFEST_RECORD_HEADER_SIZE;
         rest = slice_from(rest, MANIFEST_RECORD_ALIGN)) {
        slice at = rest;

        if (manifest_record_take(&at, s->header.number, &r) && r.synced > s->edit)
            return true;
    }
    return false;
}

static status judge_tail(struct manifest_scan *s, slice rest)
{
    if (s->end < s->header.whole_size)
        return damaged(s, s->end, "the state it begins with is not whole");
    if (has_later_proof(s, rest))
        return damaged(s, s->end, "a later record says that it was durable");
    s->torn = is_zero(rest) ? 0 : rest.size;
    return STATUS_OK;
}

/* The record at s->end says what was durable when it was written: all before it, or all but the one
 * before it, a mark. */
static void note_proof(struct manifest_scan *s, const struct manifest_record *r, uint64_t before)
{
    if (r->synced <= s->synced)
        return;
    s->synced = r->synced;
    s->proved = r->synced == r->edit ? s->end : before;
}

/* A plain manifest in an encrypted store is a forged one. */
static status open_cipher(struct manifest_scan *s)
{
    if (!s->header.is_sealed && s->keyring != NULL)
        return damaged(s, 0, "it is not encrypted, but the store is");
    if (!s->header.is_sealed)
        return STATUS_OK;
    return status_wrap(keyring_cipher(s->keyring, s->bytes.heap, &s->header.seal,
                                      manifest_header_bound(buf_slice(&s->bytes)), &s->cipher),
                       "file \"%s\"", s->path);
}

status manifest_scan(struct manifest_scan *s, manifest_visit_fn *visit, void *ctx)
{
    slice                  rest = buf_slice(&s->bytes);
    struct manifest_record r;
    uint64_t               before; /* where the record before begins */
    status                 st = manifest_header_take(rest, &s->header);

    if (!st_ok(st))
        return status_wrap(st, "file \"%s\": at byte 0", s->path);
    TRY_RETURN(open_cipher(s));
    before = s->end = s->proved = manifest_header_size(s->header.is_sealed);
    rest = slice_from(rest, s->end);
    s->edit = s->synced = s->header.first_edit;
    s->crc = s->header.crc;
    while (take_next(s, &rest, &r)) {
        TRY_RETURN(visit_record(s, &r, visit, ctx));
        note_proof(s, &r, before);
        before = s->end;
        s->end += r.size;
        s->crc = r.crc;
        s->edit++;
        s->has_mark = r.payload.size == 0;
        if (s->end <= s->header.whole_size) {
            s->proved = s->end;
            s->synced = s->edit;
        }
    }
    return judge_tail(s, rest);
}
