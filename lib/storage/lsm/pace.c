/* How fast writes come in, and how fast compactions go on. Commits slow down before they stop: the
 * more is behind, the lower the rate at which they are let in, so that it settles where the
 * background keeps up. Compactions leave the disk to others while there is time, and do not when
 * they get behind. */
#include "storage/lsm/lsm_internal.h"

enum {
    SLOW_TABLES = 18, /* of level 0: commits are delayed */
    STOP_TABLES = 30, /* commits wait */
    SLOW_WAITING = 2, /* memtables */
    STOP_WAITING = 4,
    DEBT_SHARE = 4,             /* of the data that may be due for compaction, beside ... */
    DEBT_LEVELS = 8,            /* ... so many times the least target of a level */
    BEHIND_MAX = 1000,          /* all there may be behind */
    WRITE_RATE_MAX = 256 << 20, /* bytes/s let in when next to nothing is behind ... */
    WRITE_RATE_HALVINGS = 8,    /* ... and so many times halved when all is */
    COMMIT_SIZE = 100,          /* what a commit costs beside its bytes, in bytes */
    DELAY_LEAST_US = 1000,      /* what timers can do */
    DELAY_NEAR_US = 2000,       /* of one commit at most, when little is behind ... */
    DELAY_FAR_US = 16 * 1000,   /* ... and when all is */
    RATE_DEFAULT = 64 << 20,    /* of compactions together, in bytes/s */
    RATE_BURST_US = 50 * 1000,
    PRESSURE_DUE = 1000,       /* of the picker: compactions are due; ... */
    PRESSURE_DOUBLES = 250,    /* ... at so much more their rate is twice as high, */
    PRESSURE_FREE = 2000,      /* and from here on it has no limit */
    REST_US = 2 * 1000 * 1000, /* without writes is rest */
    REST_FRACTION = 256,       /* of a memtable: what is no write to speak of */
    REST_RATE = 4,             /* times the rate, while only reads want the disk */
};

static size_t level0_tables(const struct lsm *l)
{
    return l->set.current->levels[0].count;
}

/* ---- commits ---------------------------------------------------------------------------------
 */

static unsigned share(uint64_t amount, uint64_t from, uint64_t to)
{
    if (amount <= from)
        return 0;
    return (unsigned)(MIN(amount - from, to - from) * BEHIND_MAX / (to - from));
}

/* What there is of memtables, in thousandths, so that the delay grows evenly as one fills. */
static uint64_t memtables(const struct lsm *l)
{
    uint64_t fill = (uint64_t)memtable_size(l->memtable) * 1000 / l->memtable_size;

    return l->waiting_count * 1000 + MIN(fill, 1000);
}

/* How far the background is behind, of BEHIND_MAX. */
static unsigned behind(const struct lsm *l)
{
    const struct version *v = l->set.current;
    uint64_t              debt_max =
        DEBT_LEVELS * l->picker.options.base_size_min + version_size(v) / DEBT_SHARE;
    unsigned most = share(level0_tables(l), SLOW_TABLES, STOP_TABLES);

    most = MAX(most, share(memtables(l), SLOW_WAITING * 1000, STOP_WAITING * 1000));
    return MAX(most, share(picker_debt(&l->picker, v), debt_max, 4 * debt_max));
}

/* Halved with each eighth more that is behind, evenly in between. */
static uint64_t write_rate(unsigned behind)
{
    unsigned steps = behind * WRITE_RATE_HALVINGS;
    uint64_t rate = WRITE_RATE_MAX >> (steps / BEHIND_MAX);

    return rate - rate / 2 * (steps % BEHIND_MAX) / BEHIND_MAX;
}

static bool must_stop(const struct lsm *l)
{
    return (level0_tables(l) >= STOP_TABLES && l->pick_count > 0 && !l->compact_fails) ||
           (l->waiting_count >= STOP_WAITING && l->is_flushing &&
            status_code(l->flush_error) != ST_DISK_FULL);
}

static void await_start(struct lsm *l)
{
    uint64_t from_us = env_mono_us(l->base.env);

    metric_add(&l->base.metrics.write_stops, 1);
    while (must_stop(l) && !l->is_closing && l->base.state == ENGINE_RUNNING)
        env_wait_uncancelled(l->base.env, &l->idle);
    metric_add(&l->base.metrics.write_delay_us, env_mono_us(l->base.env) - from_us);
}

/* Commits follow each other at the rate, whoever makes them. What is too short to sleep is left for
 * those that come after. */
static void delay(struct lsm *l, size_t size, unsigned behind)
{
    uint64_t now_us = env_mono_us(l->base.env);
    uint64_t max_us =
        DELAY_NEAR_US + (uint64_t)(DELAY_FAR_US - DELAY_NEAR_US) * behind / BEHIND_MAX;
    uint64_t cost_ns = ((uint64_t)size + COMMIT_SIZE) * 1000 * 1000 * 1000 / write_rate(behind);

    l->paced_ns = MAX(l->paced_ns, now_us * 1000) + cost_ns;
    l->paced_ns = MIN(l->paced_ns, (now_us + max_us) * 1000);
    if (l->paced_ns / 1000 < now_us + DELAY_LEAST_US)
        return;
    metric_add(&l->base.metrics.write_delay_us, l->paced_ns / 1000 - now_us);
    st_clear(env_sleep_us(l->base.env, l->paced_ns / 1000 - now_us));
}

void lsm_back_pressure(struct lsm *l, size_t size)
{
    unsigned far;

    if (must_stop(l))
        await_start(l);
    far = behind(l);
    if (far > 0)
        delay(l, size, far);
}

/* ---- rest ------------------------------------------------------------------------------------
 */

static uint64_t written(const struct lsm *l)
{
    return metric_get(&l->base.metrics.commit_bytes) + metric_get(&l->base.metrics.applied_bytes);
}

void lsm_note_writes(struct lsm *l)
{
    l->quiet_written = written(l);
    l->quiet_from_us = env_mono_us(l->base.env);
}

bool lsm_has_written(const struct lsm *l)
{
    return written(l) - l->quiet_written >= l->memtable_size / REST_FRACTION;
}

bool lsm_is_at_rest(const struct lsm *l)
{
    return !lsm_has_written(l) && env_mono_us(l->base.env) >= l->quiet_from_us + REST_US;
}

/* ---- compactions -----------------------------------------------------------------------------
 */

/* Bytes/s; UINT64_MAX: no limit. */
static uint64_t compaction_rate(const struct lsm *l)
{
    unsigned pressure = picker_pressure(&l->picker, l->set.current);
    uint64_t rate = l->compaction_rate != 0 ? l->compaction_rate : RATE_DEFAULT;

    if (pressure >= PRESSURE_FREE || behind(l) > 0)
        return UINT64_MAX;
    if (lsm_is_at_rest(l))
        return rate * REST_RATE;
    return pressure <= PRESSURE_DUE ? rate : rate << (pressure - PRESSURE_DUE) / PRESSURE_DOUBLES;
}

void lsm_pace_compaction(struct lsm *l, size_t size)
{
    struct env *env = l->base.env;
    uint64_t    now_us = env_mono_us(env), rate = compaction_rate(l);
    uint64_t    from_us = MAX(l->compaction_paced_us, now_us - MIN(now_us, RATE_BURST_US));
    status      st;

    if (rate != UINT64_MAX)
        l->compaction_paced_us = from_us + (uint64_t)size * 1000 * 1000 / rate;
    while (l->compaction_paced_us > now_us && !l->is_closing) {
        if (compaction_rate(l) == UINT64_MAX) { /* it has become urgent meanwhile */
            l->compaction_paced_us = 0;
            return;
        }
        st = env_wait(env, &l->idle, MIN(l->compaction_paced_us, now_us + RATE_BURST_US));
        st_clear(st);
        now_us = env_mono_us(env);
    }
}
