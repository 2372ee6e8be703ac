/* lib/base/log.h: structured logging (style.md section 12). The message is constant, the variables
 * are fields:
 *
 *     log_info(l, "range split", kv_u64("range", r->id), kv_bytes("left", left));
 *
 * A logger never touches a clock or a file: time and output are callbacks of whoever makes it, so
 * that a simulation captures both. One line is one call of the sink, from any thread. */
#ifndef LINERA_BASE_LOG_H
#define LINERA_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/heap.h"
#include "base/slice.h"
#include "base/status.h"

struct log;

/*   name   meaning */
#define LOG_LEVELS(X)                                                                              \
    X(ERROR, "error") /* someone must act */                                                       \
    X(WARN, "warn")   /* the system coped; look */                                                 \
    X(INFO, "info")   /* what an operator would put in a diary */                                  \
    X(DEBUG, "debug")

enum log_level {
#define X(name, text) LOG_##name,
    LOG_LEVELS(X)
#undef X
};

enum log_format { LOG_TEXT, LOG_JSON };

enum log_kv_kind { KV_U64, KV_I64, KV_F64, KV_BOOL, KV_STR, KV_HEX, KV_STATUS };

/* One field. Everything is borrowed for the call. */
struct log_kv {
    const char      *name;
    enum log_kv_kind kind;
    union {
        uint64_t u64;
        int64_t  i64;
        double   f64;
        bool     b;
        slice    str;
        status   st;
    } v;
};

static inline struct log_kv kv_u64(const char *name, uint64_t v)
{
    return (struct log_kv){.name = name, .kind = KV_U64, .v.u64 = v};
}
static inline struct log_kv kv_i64(const char *name, int64_t v)
{
    return (struct log_kv){.name = name, .kind = KV_I64, .v.i64 = v};
}
static inline struct log_kv kv_f64(const char *name, double v)
{
    return (struct log_kv){.name = name, .kind = KV_F64, .v.f64 = v};
}
static inline struct log_kv kv_bool(const char *name, bool v)
{
    return (struct log_kv){.name = name, .kind = KV_BOOL, .v.b = v};
}
/* A count of bytes; the name should end in _bytes or be a word for a size. */
static inline struct log_kv kv_bytes(const char *name, uint64_t v)
{
    return kv_u64(name, v);
}
static inline struct log_kv kv_slice(const char *name, slice v)
{
    return (struct log_kv){.name = name, .kind = KV_STR, .v.str = v};
}
/* NULL is written as an empty text. */
static inline struct log_kv kv_str(const char *name, const char *v)
{
    return kv_slice(name, v != NULL ? slice_cstr(v) : SLICE_EMPTY);
}
/* Boundaries of ranges and the like, in hexadecimal; never keys of rows. */
static inline struct log_kv kv_key(const char *name, slice v)
{
    return (struct log_kv){.name = name, .kind = KV_HEX, .v.str = v};
}
/* Message and SQLSTATE of an error; the caller keeps it. */
static inline struct log_kv kv_status(status st)
{
    return (struct log_kv){.name = "error", .kind = KV_STATUS, .v.st = st};
}

/* One finished line, newline included. Called from every thread that logs. */
typedef void     log_sink_fn(void *ctx, enum log_level level, slice line);
/* Microseconds since 1970, UTC. */
typedef uint64_t log_clock_fn(void *ctx);

struct log_options {
    enum log_level  level; /* what is less urgent is dropped */
    enum log_format format;
    log_sink_fn    *sink;
    void           *sink_ctx;
    log_clock_fn   *clock;
    void           *clock_ctx;
    const char     *node; /* a field of every line when not NULL; copied */
};

/* Never NULL. The caller gives it back with log_free(). */
struct log *log_new(struct heap *heap, const struct log_options *options);
/* Accepts NULL. */
void        log_free(struct log *l);
/* May be called while others log. */
void        log_set_level(struct log *l, enum log_level level);
/* A NULL logger is off at every level. */
bool        log_is_on(const struct log *l, enum log_level level);
bool        log_level_parse(slice text, enum log_level *out);
const char *log_level_name(enum log_level level);

/* Write one line. `l` may be NULL: nothing happens. */
void log_write(struct log *l, enum log_level level, const char *message, const struct log_kv *kvs,
               size_t count);

/* Holds back lines that repeat: at most one per interval, and the next one that passes carries the
 * number of those that did not as the field "held_back". One per call site and object; the owner's
 * thread only. Zeroed but for the interval. */
struct log_limit {
    uint64_t interval_us;
    uint64_t next_us;
    uint64_t held_back;
};

void log_write_limited(struct log *l, struct log_limit *limit, enum log_level level,
                       const char *message, const struct log_kv *kvs, size_t count);

/* The fields are not evaluated when the level is off. */
#define LOG_AT_(l, lv, message, ...)                                                               \
    do {                                                                                           \
        if (log_is_on((l), (lv))) {                                                                \
            const struct log_kv log_kvs_[] = {{0}, __VA_ARGS__};                                   \
            log_write((l), (lv), (message), log_kvs_ + 1, ARRAY_LEN(log_kvs_) - 1);                \
        }                                                                                          \
    } while (0)
#define LOG_LIMITED_(l, limit, lv, message, ...)                                                   \
    do {                                                                                           \
        if (log_is_on((l), (lv))) {                                                                \
            const struct log_kv log_kvs_[] = {{0}, __VA_ARGS__};                                   \
            log_write_limited((l), (limit), (lv), (message), log_kvs_ + 1,                         \
                              ARRAY_LEN(log_kvs_) - 1);                                            \
        }                                                                                          \
    } while (0)

/* message, then fields, at least none. The empty last argument keeps to the letter of C17. */
#define log_error(l, ...)                LOG_AT_(l, LOG_ERROR, __VA_ARGS__, )
#define log_warn(l, ...)                 LOG_AT_(l, LOG_WARN, __VA_ARGS__, )
#define log_info(l, ...)                 LOG_AT_(l, LOG_INFO, __VA_ARGS__, )
#define log_debug(l, ...)                LOG_AT_(l, LOG_DEBUG, __VA_ARGS__, )
#define log_warn_limited(l, limit, ...)  LOG_LIMITED_(l, limit, LOG_WARN, __VA_ARGS__, )
#define log_error_limited(l, limit, ...) LOG_LIMITED_(l, limit, LOG_ERROR, __VA_ARGS__, )

#endif
