#include "storage/log_scan.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/sort.h"
#include "env/file.h"
#include "storage/store_files.h"

void log_scan_init(struct log_scan *s, struct env *env, const char *dir,
                   const uint8_t incarnation[16], const struct keyring *keyring)
{
    *s = (struct log_scan){.env = env, .dir = dir, .keyring = keyring};
    memcpy(s->incarnation, incarnation, sizeof s->incarnation);
    s->arena = arena_new(env_heap(env), NULL);
    buf_init(&s->bytes, env_heap(env));
    buf_init(&s->plain, env_heap(env));
    buf_init(&s->batch, env_heap(env));
}

void log_scan_deinit(struct log_scan *s)
{
    cipher_free(s->cipher);
    buf_deinit(&s->bytes);
    buf_deinit(&s->plain);
    buf_deinit(&s->batch);
    arena_free(s->arena);
}

status log_scan_corrupt(const struct log_scan *s, uint64_t segment, const char *what)
{
    return status_hint(status_new(ST_CORRUPT, "log segment %012" PRIu64 ": %s", segment, what),
                       "Acknowledged changes from record %" PRIu64
                       " on are damaged. Restore the store from a backup.",
                       s->end);
}

/* ---- which segments there are ----------------------------------------------------------------
 */

/* Up to `size_max` bytes of a file into s->bytes. */
static status read_file(struct log_scan *s, const char *path, uint64_t size_max, uint64_t *size)
{
    struct env_file *file = NULL;
    size_t           wanted, n;
    status           st;

    buf_reset(&s->bytes);
    TRY(st, env_file_open(s->env, path, ENV_READ, &file), out);
    TRY(st, env_file_size(file, size), out);
    wanted = (size_t)MIN(*size, size_max);
    TRY(st,
        env_file_read_at(file, buf_reserve(&s->bytes, wanted + 1), wanted, 0,
                         wanted > SEGMENT_HEADER_SIZE_MAX ? ENV_LANE_IO : ENV_INLINE, &n),
        out);
    buf_advance(&s->bytes, n);
out:
    env_file_close(file);
    return st;
}

static status read_segment(struct log_scan *s, struct log_segment *segment, uint64_t size_max)
{
    char  *path = store_file_path(env_heap(s->env), s->dir, STORE_FILE_LOG, segment->number);
    status st = read_file(s, path, size_max, &segment->size);

    heap_free(path);
    return st;
}

static status read_header(struct log_scan *s, struct log_segment *segment)
{
    TRY_RETURN(read_segment(s, segment, SEGMENT_HEADER_SIZE_MAX));
    segment->is_begun =
        segment_header_take(buf_slice(&s->bytes), &segment->header) &&
        segment->header.segment == segment->number &&
        memcmp(segment->header.incarnation, s->incarnation, sizeof s->incarnation) == 0;
    return STATUS_OK;
}

status log_scan_list(struct log_scan *s)
{
    const char **names;
    size_t       count;

    TRY_RETURN(env_list_dir(s->env, s->dir, s->arena, &names, &count));
    s->segments = ARENA_ARRAY(s->arena, struct log_segment, count + 1);
    s->chain = ARENA_ARRAY(s->arena, struct log_segment *, count + 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t number;

        if (store_file_kind(names[i], &number) == STORE_FILE_LOG)
            s->segments[s->count++].number = number;
    }
    sort_stable(env_heap(s->env), s->segments, s->count, sizeof s->segments[0], sort_compare_u64,
                NULL);
    for (size_t i = 0; i < s->count; i++)
        TRY_RETURN(read_header(s, &s->segments[i]));
    return STATUS_OK;
}

static struct log_segment *find_segment(struct log_scan *s, uint64_t number)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->segments[i].number == number)
            return &s->segments[i];
    return NULL;
}

static struct log_segment *last_begun(struct log_scan *s)
{
    for (size_t i = s->count; i-- > 0;)
        if (s->segments[i].is_begun)
            return &s->segments[i];
    return NULL;
}

/* Neither the log nor what it goes on from has what lies between the two. */
static status lost_beginning(const struct log_scan *s, const struct log_segment *segment)
{
    char *what =
        arena_printf(s->arena,
                     "the segment before it is missing or damaged, so the log begins with "
                     "record %" PRIu64 ", but the rest of the store ends before record %" PRIu64,
                     segment->header.first_sequence, s->start);

    return log_scan_corrupt(s, segment->number, what);
}

static void reverse(struct log_segment **chain, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct log_segment *segment = chain[i];

        chain[i] = chain[count - 1 - i];
        chain[count - 1 - i] = segment;
    }
}

/* From the newest segment back along the links, to one that has the first record to apply and
 * before which, as the headers so far say, nothing of Raft logs is needed. The log may say itself
 * that it begins later: so where the engine needs no more, a link may lead nowhere, and whoever
 * knows what the log says looks at s->needed again. What is begun but not linked was cut off whole
 * by an earlier recovery. */
status log_scan_chain(struct log_scan *s, uint64_t start)
{
    struct log_segment *segment = last_begun(s), *previous;

    s->start = s->end = start;
    for (; segment != NULL; segment = previous) {
        bool is_enough = segment->header.first_sequence <= start;

        s->chain[s->chain_count++] = segment;
        s->needed = MAX(s->needed, segment->number - MIN(segment->number, segment->header.kept));
        if (is_enough && segment->number <= s->needed)
            break;
        previous = find_segment(s, segment->header.previous_segment);
        if (previous != NULL && previous->is_begun && previous->number < segment->number)
            continue;
        if (!is_enough)
            return lost_beginning(s, segment);
        previous = NULL;
    }
    reverse(s->chain, s->chain_count);
    return STATUS_OK;
}

/* ---- reading ---------------------------------------------------------------------------------
 */

static status visit_batch(struct log_scan *s, const struct log_record *last)
{
    if (s->batch.size == 0 || s->visitor->batch == NULL)
        return STATUS_OK;
    return s->visitor->batch(s->visitor->ctx, last, s->place, buf_slice(&s->batch));
}

/* Take one record that follows the last one. A batch counts with its last record. What the first
 * segment has of a batch that began before it is not needed, or that segment would be there. */
static status take_record(struct log_scan *s, struct log_record *rec, uint64_t offset)
{
    bool begins =
        rec->type == RECORD_WHOLE || rec->type == RECORD_FIRST || rec->type == RECORD_MARK;
    bool ends = rec->type == RECORD_WHOLE || rec->type == RECORD_LAST || rec->type == RECORD_MARK;

    s->sequence = rec->sequence + 1;
    s->crc = rec->crc;
    s->proved = MAX(s->proved, rec->synced);
    s->has_begun = s->has_begun || begins;
    if (s->cipher != NULL && !log_record_open(s->cipher, rec, &s->plain))
        return log_scan_corrupt(s, rec->segment, "a record was changed");
    if (s->visitor->record != NULL)
        TRY_RETURN(s->visitor->record(s->visitor->ctx, rec, offset));
    if (s->has_begun) {
        if (begins == s->in_batch)
            return log_scan_corrupt(s, rec->segment, "the parts of a batch are out of order");
        if (begins) {
            buf_reset(&s->batch);
            s->place = (struct log_place){rec->sequence, offset};
        }
        buf_append_slice(&s->batch, rec->payload);
        s->in_batch = !ends;
        if (ends)
            TRY_RETURN(visit_batch(s, rec));
    } else if (rec->sequence >= s->start) {
        return log_scan_corrupt(s, rec->segment, "the first part of a batch is missing");
    }
    if (!s->in_batch) {
        s->end = s->sequence;
        s->end_crc = s->crc;
    }
    return STATUS_OK;
}

/* For the segment in s->bytes. A plain segment in an encrypted store is a forged one. */
static status open_cipher(struct log_scan *s, const struct segment_header *h)
{
    cipher_free(s->cipher);
    s->cipher = NULL;
    if (!h->is_sealed && s->keyring != NULL)
        return log_scan_corrupt(s, h->segment, "it is not encrypted, but the store is");
    if (!h->is_sealed)
        return STATUS_OK;
    return status_wrap(keyring_cipher(s->keyring, env_heap(s->env), &h->seal,
                                      segment_header_bound(buf_slice(&s->bytes)), &s->cipher),
                       "log segment %012" PRIu64, h->segment);
}

/* Records in order, up to `stop` (of the next segment; UINT64_MAX for none), or to the first that
 * does not follow. s->rest is what is left of the segment. */
static status read_records(struct log_scan *s, const struct segment_header *h, uint64_t stop)
{
    struct log_generation g = log_generation(h->incarnation, h->segment);
    struct log_record     rec;

    TRY_RETURN(open_cipher(s, h));
    s->rest = slice_from(buf_slice(&s->bytes), segment_header_size(h->is_sealed));
    while (s->sequence < stop) {
        slice before = s->rest;

        if (!log_record_take(&s->rest, &g, s->sequence, &rec) || rec.sequence != s->sequence ||
            rec.previous != s->crc) {
            s->rest = before;
            break;
        }
        TRY_RETURN(take_record(s, &rec, s->bytes.size - before.size));
    }
    s->size += s->bytes.size - s->rest.size;
    return STATUS_OK;
}

/* Whatever whole record of this generation lies anywhere in the bytes: what does it prove? Returns
 * the lowest of their sequences; UINT64_MAX: there is none. */
static uint64_t search_proofs(struct log_scan *s, uint64_t segment, uint64_t near, slice bytes)
{
    struct log_generation g = log_generation(s->incarnation, segment);
    struct log_record     rec;
    uint64_t              lowest = UINT64_MAX;

    while (bytes.size >= RECORD_HEADER_SIZE) {
        slice at = bytes;

        if (log_record_take(&at, &g, near, &rec)) {
            s->proved = MAX(s->proved, rec.synced);
            lowest = MIN(lowest, rec.sequence);
        }
        bytes = slice_from(bytes, RECORD_ALIGN);
    }
    return lowest;
}

/* Whether the next segment goes on where this one ended: behind its last record, or, when the last
 * batch was incomplete and an earlier recovery cut it off, behind the last whole batch. */
static bool follows(struct log_scan *s, const struct log_segment *segment,
                    const struct segment_header *next)
{
    ASSERT(next->previous_segment == segment->number);
    if (next->first_sequence == s->sequence && next->previous_crc == s->crc)
        return true;
    s->in_batch = false;
    s->sequence = s->end;
    s->crc = s->end_crc;
    return next->first_sequence == s->end && next->previous_crc == s->end_crc;
}

static void begin_at(struct log_scan *s, const struct segment_header *h)
{
    s->sequence = s->end = h->first_sequence;
    s->crc = s->end_crc = h->previous_crc;
}

static status read_chain(struct log_scan *s)
{
    begin_at(s, &s->chain[0]->header);
    for (size_t i = 0; i < s->chain_count; i++) {
        struct log_segment *segment = s->chain[i];
        struct log_segment *next = i + 1 < s->chain_count ? s->chain[i + 1] : NULL;
        uint64_t            stop = next != NULL ? next->header.first_sequence : UINT64_MAX;

        TRY_RETURN(read_segment(s, segment, UINT64_MAX));
        TRY_RETURN(read_records(s, &segment->header, stop));
        if (next != NULL && !follows(s, segment, &next->header))
            return log_scan_corrupt(s, segment->number, "a record is damaged");
    }
    return STATUS_OK;
}

/* A segment behind the chain whose header cannot be read may be one that was begun: its records
 * say so. One that the engine has elsewhere was durable, and so was the header, which is written
 * first; Raft logs may need what lies beside it. Leaves s->bytes and s->rest alone. */
static status check_unbegun(struct log_scan *s, const struct log_segment *segment)
{
    struct log_scan    other;
    struct log_segment copy = *segment;
    uint64_t           lowest = UINT64_MAX;
    status             st;

    log_scan_init(&other, s->env, s->dir, s->incarnation, s->keyring);
    st = read_segment(&other, &copy, UINT64_MAX);
    if (st_ok(st))
        lowest = search_proofs(&other, segment->number, s->end, buf_slice(&other.bytes));
    s->proved = MAX(s->proved, other.proved);
    log_scan_deinit(&other);
    TRY_RETURN(st);
    return s->proved > s->end || lowest < s->start
               ? log_scan_corrupt(s, segment->number, "its header is damaged")
               : STATUS_OK;
}

status log_scan_read(struct log_scan *s, const struct log_visitor *v)
{
    uint64_t last = 0;

    s->visitor = v;
    if (s->chain_count > 0) {
        last = s->chain[s->chain_count - 1]->number;
        TRY_RETURN(read_chain(s));
        /* What the engine has elsewhere was durable here before. It needs it no more, but Raft logs
         * may have had records among it. */
        s->proved = MAX(s->proved, s->start);
        /* Nothing damaged or forgotten may prove that the log went on. */
        (void)search_proofs(s, last, s->sequence, s->rest);
        if (s->proved > s->end)
            return log_scan_corrupt(s, last, "a record is damaged");
    }
    for (size_t i = 0; i < s->count; i++) {
        if (!s->segments[i].is_begun && s->segments[i].number > last)
            TRY_RETURN(check_unbegun(s, &s->segments[i]));
    }
    return STATUS_OK;
}

status log_scan_file(struct log_scan *s, const char *path, const struct log_visitor *v)
{
    struct segment_header h;
    uint64_t              size;

    s->visitor = v;
    TRY_RETURN(read_file(s, path, UINT64_MAX, &size));
    if (!segment_header_take(buf_slice(&s->bytes), &h))
        return status_new(
            ST_CORRUPT, "file \"%s\": it is not a segment that was begun, or its header is damaged",
            path);
    memcpy(s->incarnation, h.incarnation, sizeof s->incarnation);
    s->start = UINT64_MAX; /* nobody needs what began before it */
    begin_at(s, &h);
    TRY_RETURN(read_records(s, &h, UINT64_MAX));
    (void)search_proofs(s, h.segment, s->sequence, s->rest);
    if (s->proved > s->sequence)
        return status_new(ST_CORRUPT,
                          "file \"%s\": a record is damaged at byte %zu: a later one says that it "
                          "was durable",
                          path, s->bytes.size - s->rest.size);
    return STATUS_OK;
}
