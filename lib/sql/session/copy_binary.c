#include "sql/session/copy_binary.h"

#include <string.h>

enum {
    SIGNATURE_SIZE = 11,
    HEADER_SIZE = SIGNATURE_SIZE + 8,
    CRITICAL_FLAGS = (int)0xffff0000, /* a reader that does not know such a flag must refuse */
};

static const char signature[] = "PGCOPY\n\377\r\n"; /* its terminator belongs to it */

_Static_assert(sizeof signature == SIGNATURE_SIZE, "the signature has eleven bytes");

void copy_binary_reader_init(struct copy_binary_reader *r, struct heap *heap)
{
    *r = (struct copy_binary_reader){0};
    buf_init(&r->pending, heap);
}

void copy_binary_reader_deinit(struct copy_binary_reader *r)
{
    buf_deinit(&r->pending);
}

void copy_binary_reader_feed(struct copy_binary_reader *r, slice piece)
{
    if (r->at > 0) {
        size_t left = r->pending.size - r->at;

        if (left > 0)
            memmove(r->pending.data, r->pending.data + r->at, left);
        r->pending.size = left;
        r->at = 0;
    }
    buf_append_slice(&r->pending, piece);
}

static status bad(const char *what)
{
    return status_new(ST_BAD_COPY_FILE, "%s", what);
}

/* Move r->at behind the header once all of it is there. */
static status read_header(struct copy_binary_reader *r, bool at_end)
{
    slice    in = slice_make(r->pending.data, r->pending.size);
    uint32_t flags, extension;

    if (memcmp(in.data != NULL ? in.data : "", signature, MIN(in.size, (size_t)SIGNATURE_SIZE)) !=
            0 ||
        (at_end && in.size < SIGNATURE_SIZE))
        return bad("COPY file signature not recognized");
    if (in.size < HEADER_SIZE)
        return at_end ? bad("invalid COPY file header (missing length)") : STATUS_OK;
    flags = get_u32be(in.data + SIGNATURE_SIZE);
    if ((flags & (uint32_t)CRITICAL_FLAGS) != 0)
        return bad("unrecognized critical flags in COPY file header");
    extension = get_u32be(in.data + SIGNATURE_SIZE + 4);
    if (extension > INT32_MAX)
        return bad("invalid COPY file header (missing length)");
    if (in.size - HEADER_SIZE < extension)
        return at_end ? bad("invalid COPY file header (wrong length)") : STATUS_OK;
    r->at = HEADER_SIZE + extension;
    r->in_rows = true;
    return STATUS_OK;
}

/* The fields of a row, from *in on; *whole false when some of it is still missing. */
static status read_fields(slice *in, struct copy_field *fields, size_t count, bool *whole)
{
    *whole = false;
    for (size_t i = 0; i < count; i++) {
        int32_t size;

        if (in->size < 4)
            return STATUS_OK;
        size = (int32_t)get_u32be(in->data);
        if (size < -1)
            return bad("invalid field size");
        *in = slice_from(*in, 4);
        fields[i] = (struct copy_field){.is_null = size == -1};
        if (size == -1)
            continue;
        if (in->size < (size_t)size)
            return STATUS_OK;
        fields[i].text = slice_make(in->data, (size_t)size);
        *in = slice_from(*in, (size_t)size);
    }
    *whole = true;
    return STATUS_OK;
}

status copy_binary_row(struct copy_binary_reader *r, bool at_end, struct copy_field *fields,
                       size_t count, bool *found)
{
    slice in;
    int   announced;

    *found = false;
    if (!r->in_rows)
        TRY_RETURN(read_header(r, at_end));
    in = slice_make(r->pending.data + r->at, r->pending.size - r->at);
    if (!r->in_rows || in.size == 0)
        return STATUS_OK; /* also at the end: the closing -1 may be missing, as in PostgreSQL */
    if (r->ended)
        return bad("received copy data after EOF marker");
    if (in.size < 2)
        return at_end ? bad("unexpected EOF in COPY data") : STATUS_OK;
    announced = (int16_t)get_u16be(in.data);
    in = slice_from(in, 2);
    if (announced == -1) {
        r->ended = true;
        r->at += 2;
        return in.size > 0 ? bad("received copy data after EOF marker") : STATUS_OK;
    }
    if (announced != (int)count)
        return status_new(ST_BAD_COPY_FILE, "row field count is %d, expected %d", announced,
                          (int)count);
    TRY_RETURN(read_fields(&in, fields, count, found));
    if (!*found)
        return at_end ? bad("unexpected EOF in COPY data") : STATUS_OK;
    r->at = r->pending.size - in.size;
    r->row++;
    return STATUS_OK;
}

void copy_binary_put_header(struct buf *out)
{
    buf_append(out, signature, sizeof signature);
    buf_put_u64be(out, 0); /* no flags, no extension */
}

void copy_binary_put_trailer(struct buf *out)
{
    buf_put_u16be(out, UINT16_MAX);
}
