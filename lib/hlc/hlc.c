#include "hlc/hlc.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/assert.h"

struct hlc {
    struct hlc_options options;
    /* The newest timestamp given out or adopted; only ever raised. Acquire and release, so that
     * what a thread did before it took a timestamp is seen by one that takes a later one. */
    _Atomic hlc_ts     last;
    _Atomic hlc_ts     bound; /* all in `last` is below; HLC_TS_MAX when nothing is persisted */
    /* Wall less monotonic clock when they were last compared, and when that was. Two relaxed words:
     * a torn pair is at most one comparison old and only widens what is allowed. */
    _Atomic int64_t    skew_us;
    _Atomic uint64_t   compared_us;
    _Atomic bool       stopped;
    struct hlc_metrics metrics;
};

enum {
    COMPARE_INTERVAL_US = 1000000,
    SLEW_PPM = 1000, /* how fast a clock may be adjusted without being taken for a jump */
};

void hlc_print(struct buf *out, hlc_ts ts)
{
    buf_printf(out, "%" PRIu64 ".%06" PRIu64 ",%" PRIu64, hlc_wall_us(ts) / 1000000,
               hlc_wall_us(ts) % 1000000, hlc_logical(ts));
}

static bool take_number(slice *s, uint64_t max, size_t digits_max, uint64_t *out)
{
    size_t n = 0;

    for (*out = 0; n < s->size && s->data[n] >= '0' && s->data[n] <= '9'; n++) {
        *out = *out * 10 + (uint64_t)(s->data[n] - '0');
        if (n >= digits_max || *out > max)
            return false;
    }
    *s = slice_from(*s, n);
    return n > 0;
}

static bool take_char(slice *s, char c)
{
    if (s->size == 0 || s->data[0] != c)
        return false;
    *s = slice_from(*s, 1);
    return true;
}

bool hlc_parse(slice text, hlc_ts *out)
{
    uint64_t seconds, us, logical = 0;
    size_t   before;

    if (!take_number(&text, HLC_WALL_MAX_US / 1000000 - 1, 10, &seconds) || !take_char(&text, '.'))
        return false;
    before = text.size;
    if (!take_number(&text, 999999, 6, &us) || before - text.size != 6)
        return false;
    if (take_char(&text, ',') && !take_number(&text, HLC_LOGICAL_MAX, 4, &logical))
        return false;
    if (text.size > 0)
        return false;
    *out = hlc_make(seconds * 1000000 + us, logical);
    return true;
}

static uint64_t wall_now(const struct hlc *h)
{
    return MIN(h->options.wall_us(h->options.source_ctx), HLC_WALL_MAX_US);
}

static uint64_t mono_now(const struct hlc *h)
{
    return h->options.mono_us(h->options.source_ctx);
}

static hlc_ts get_last(const struct hlc *h)
{
    return atomic_load_explicit(&h->last, memory_order_acquire);
}

/* Make durable that timestamps up to ahead of `ts` may be used, then allow it (C3: in this order).
 */
static status extend_bound(struct hlc *h, hlc_ts ts)
{
    uint64_t from_us = MAX(wall_now(h), hlc_wall_us(ts));
    hlc_ts   bound, old = atomic_load(&h->bound);

    if (from_us > HLC_WALL_MAX_US - h->options.bound_ahead_us)
        return status_new(ST_WRONG_STATE, "the clock is at the end of its range");
    bound = hlc_make(from_us + h->options.bound_ahead_us, 0);
    if (bound <= old)
        return STATUS_OK;
    TRY_RETURN(h->options.persist(h->options.persist_ctx, bound));
    metric_add(&h->metrics.bounds, 1);
    while (old < bound && !atomic_compare_exchange_weak(&h->bound, &old, bound))
        ;
    return STATUS_OK;
}

static void set_defaults(struct hlc_options *o)
{
    if (o->max_offset_us == 0)
        o->max_offset_us = HLC_MAX_OFFSET_US;
    if (o->forward_jump_us == 0)
        o->forward_jump_us = o->max_offset_us / 2;
    if (o->bound_ahead_us == 0)
        o->bound_ahead_us = o->max_offset_us;
}

status hlc_new(struct heap *heap, const struct hlc_options *options, struct hlc **out)
{
    struct hlc *h = heap_must_alloc(heap, 1, sizeof *h);
    uint64_t    mono_us;
    status      st;

    ASSERT(options->wall_us != NULL);
    ASSERT(options->mono_us != NULL);
    h->options = *options;
    set_defaults(&h->options);
    mono_us = mono_now(h);
    atomic_init(&h->last, options->bound);
    atomic_init(&h->bound, options->persist != NULL ? options->bound : HLC_TS_MAX);
    atomic_init(&h->skew_us, (int64_t)(wall_now(h) - mono_us));
    atomic_init(&h->compared_us, mono_us);
    if (options->persist != NULL) {
        st = extend_bound(h, options->bound);
        if (!st_ok(st)) {
            heap_free(h);
            return st;
        }
    }
    *out = h;
    return STATUS_OK;
}

void hlc_free(struct hlc *h)
{
    heap_free(h);
}

static void note_skew(struct hlc *h, int64_t skew_us, uint64_t mono_us)
{
    atomic_store_explicit(&h->skew_us, skew_us, memory_order_relaxed);
    atomic_store_explicit(&h->compared_us, mono_us, memory_order_relaxed);
}

static void note_jump(struct hlc *h, int64_t jump_us)
{
    bool forward = jump_us > 0;

    metric_add(forward ? &h->metrics.forward_jumps : &h->metrics.backward_jumps, 1);
    log_warn(h->options.log, "the wall clock jumped", kv_i64("jump_us", jump_us));
    if (forward && (uint64_t)jump_us > h->options.max_offset_us) {
        atomic_store(&h->stopped, true);
        log_error(h->options.log, "the clock jumped beyond its bound, timestamps are refused",
                  kv_i64("jump_us", jump_us), kv_u64("max_offset_us", h->options.max_offset_us));
    }
}

/* Read the wall clock, having compared it with the monotonic one (C5). Slow adjustment is followed;
 * a jump is what exceeds that by forward_jump_us. */
static uint64_t checked_wall_now(struct hlc *h)
{
    uint64_t mono_us = mono_now(h), wall_us = wall_now(h);
    uint64_t compared_us = atomic_load_explicit(&h->compared_us, memory_order_relaxed);
    uint64_t elapsed_us = mono_us > compared_us ? mono_us - compared_us : 0;
    int64_t  skew_us = (int64_t)(wall_us - mono_us);
    int64_t  change_us = skew_us - atomic_load_explicit(&h->skew_us, memory_order_relaxed);
    uint64_t allowed_us = h->options.forward_jump_us + elapsed_us / 1000000 * SLEW_PPM;

    if (UNLIKELY((uint64_t)(change_us < 0 ? -change_us : change_us) > allowed_us)) {
        note_skew(h, skew_us, mono_us);
        note_jump(h, change_us);
    } else if (elapsed_us > COMPARE_INTERVAL_US) {
        note_skew(h, skew_us, mono_us);
    }
    return wall_us;
}

static status refuse_stopped(void)
{
    return status_hint(status_new(ST_WRONG_STATE, "the clock has stopped after a forward jump"),
                       "Check the time service of the machine, then restart the node.");
}

static status refuse_drift(struct hlc *h, hlc_ts ts, uint64_t wall_us)
{
    metric_add(&h->metrics.refused_drift, 1);
    return status_hint(status_new(ST_WRONG_STATE,
                                  "the clock is %" PRIu64 " us ahead of the wall clock",
                                  hlc_wall_us(ts) - wall_us),
                       "The wall clock was set back; try again when it has caught up.");
}

static bool is_ahead(const struct hlc *h, hlc_ts ts, uint64_t wall_us)
{
    return hlc_wall_us(ts) > wall_us && hlc_wall_us(ts) - wall_us > h->options.max_offset_us;
}

static void note_issued(struct hlc *h, hlc_ts ts, uint64_t wall_us)
{
    metric_set(&h->metrics.wall_us, (int64_t)hlc_wall_us(ts));
    metric_set(&h->metrics.logical, (int64_t)hlc_logical(ts));
    metric_set(&h->metrics.ahead_us, (int64_t)hlc_wall_us(ts) - (int64_t)wall_us);
}

status hlc_now(struct hlc *h, hlc_ts *out)
{
    for (;;) {
        uint64_t wall_us = checked_wall_now(h);
        hlc_ts   last = get_last(h), next = hlc_make(wall_us, 0);

        if (UNLIKELY(atomic_load_explicit(&h->stopped, memory_order_relaxed)))
            return refuse_stopped();
        /* HLC fig. 5, send: the physical time if that is above everything seen, else count on; the
         * carry of the logical part goes into the physical one by itself. */
        if (next <= last) {
            if (UNLIKELY(last == HLC_TS_MAX))
                return status_new(ST_WRONG_STATE, "the clock is at the end of its range");
            next = last + 1;
        }
        if (UNLIKELY(is_ahead(h, next, wall_us)))
            return refuse_drift(h, next, wall_us);
        if (UNLIKELY(next >= atomic_load_explicit(&h->bound, memory_order_acquire))) {
            TRY_RETURN(extend_bound(h, next));
            continue; /* time has passed */
        }
        if (atomic_compare_exchange_weak_explicit(&h->last, &last, next, memory_order_acq_rel,
                                                  memory_order_relaxed)) {
            if (next == last + 1 && hlc_logical(next) == 0 && hlc_wall_us(next) > wall_us)
                metric_add(&h->metrics.overflows, 1);
            note_issued(h, next, wall_us);
            *out = next;
            return STATUS_OK;
        }
    }
}

/* Let the clock be at or above `ts`, which has been checked. */
static status raise_checked(struct hlc *h, hlc_ts ts)
{
    hlc_ts last;

    if (ts >= atomic_load_explicit(&h->bound, memory_order_acquire))
        TRY_RETURN(extend_bound(h, ts));
    last = get_last(h);
    while (last < ts && !atomic_compare_exchange_weak_explicit(
                            &h->last, &last, ts, memory_order_acq_rel, memory_order_acquire))
        ;
    return STATUS_OK;
}

status hlc_update(struct hlc *h, hlc_ts remote)
{
    uint64_t wall_us = checked_wall_now(h);

    if (remote <= get_last(h))
        return STATUS_OK;
    if (is_ahead(h, remote, wall_us)) {
        metric_add(&h->metrics.refused_remote, 1);
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "remote timestamp is %" PRIu64 " us ahead, more than the %" PRIu64
                          " us allowed",
                          hlc_wall_us(remote) - wall_us, h->options.max_offset_us);
    }
    return raise_checked(h, remote);
}

status hlc_raise(struct hlc *h, hlc_ts ts)
{
    uint64_t wall_us = checked_wall_now(h);

    if (ts <= get_last(h))
        return STATUS_OK;
    if (atomic_load_explicit(&h->stopped, memory_order_relaxed))
        return refuse_stopped();
    return is_ahead(h, ts, wall_us) ? refuse_drift(h, ts, wall_us) : raise_checked(h, ts);
}

hlc_ts hlc_last(const struct hlc *h)
{
    return get_last(h);
}

hlc_ts hlc_uncertainty_limit(const struct hlc *h, hlc_ts ts)
{
    uint64_t room = HLC_WALL_MAX_US - hlc_wall_us(ts);

    if (room < h->options.max_offset_us)
        return HLC_TS_MAX;
    return ts + hlc_make(h->options.max_offset_us, 0);
}

uint64_t hlc_ready_in_us(const struct hlc *h)
{
    uint64_t wall_us = wall_now(h), last_us = hlc_wall_us(get_last(h) + 1);

    if (last_us <= wall_us + h->options.max_offset_us)
        return 0;
    return last_us - wall_us - h->options.max_offset_us;
}

status hlc_maintain(struct hlc *h)
{
    hlc_ts   bound = atomic_load(&h->bound);
    uint64_t from_us = MAX(wall_now(h), hlc_wall_us(get_last(h)));

    if (h->options.persist == NULL || hlc_wall_us(bound) > from_us + h->options.bound_ahead_us / 2)
        return STATUS_OK;
    return extend_bound(h, get_last(h));
}

bool hlc_is_stopped(struct hlc *h)
{
    checked_wall_now(h);
    return atomic_load(&h->stopped);
}

void hlc_resume(struct hlc *h)
{
    atomic_store(&h->stopped, false);
}

uint64_t hlc_max_offset_us(const struct hlc *h)
{
    return h->options.max_offset_us;
}

const struct hlc_metrics *hlc_metrics(const struct hlc *h)
{
    return &h->metrics;
}

#define X(...) METRIC_DESC(struct hlc_metrics, __VA_ARGS__)
static const struct metric_desc metric_descs[] = {HLC_METRICS(X)};
#undef X

void hlc_register_metrics(const struct hlc *h, struct metrics *m, const char *labels)
{
    metrics_add(m, metric_descs, ARRAY_LEN(metric_descs), &h->metrics, labels);
}
