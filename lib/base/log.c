#include "base/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <time.h>

#include "base/buf.h"
#include "base/utf8.h"

struct log {
    struct log_options options;
    char              *node;
    _Atomic int        level; /* relaxed: a line more or less while it changes does no harm */
};

static const char *const level_names[] = {
#define X(name, text) text,
    LOG_LEVELS(X)
#undef X
};

struct log *log_new(struct heap *heap, const struct log_options *options)
{
    struct log *l = heap_must_alloc(heap, 1, sizeof *l);

    l->options = *options;
    if (options->node != NULL)
        l->node = heap_strdup(heap, options->node);
    atomic_init(&l->level, (int)options->level);
    return l;
}

void log_free(struct log *l)
{
    if (l == NULL)
        return;
    heap_free(l->node);
    heap_free(l);
}

void log_set_level(struct log *l, enum log_level level)
{
    atomic_store_explicit(&l->level, (int)level, memory_order_relaxed);
}

bool log_is_on(const struct log *l, enum log_level level)
{
    return l != NULL && (int)level <= atomic_load_explicit(&l->level, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(slice text, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (slice_eq_cstr(text, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* RFC 3339 with microseconds. gmtime_r is arithmetic on its argument, it reads no clock. */
static void put_time(struct buf *b, uint64_t us)
{
    time_t    s = (time_t)(us / 1000000);
    struct tm tm;

    gmtime_r(&s, &tm);
    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%06" PRIu64 "Z", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, us % 1000000);
}

/* A quoted string as in JSON; bytes that are not UTF-8 become U+FFFD. */
static void put_quoted(struct buf *b, slice s)
{
    buf_put_u8(b, '"');
    while (s.size > 0) {
        slice    rest = s;
        uint32_t c;

        if (!utf8_take(&rest, &c)) {
            buf_append_cstr(b, "\xef\xbf\xbd");
            rest = slice_from(s, 1);
        } else if (c == '"' || c == '\\') {
            buf_put_u8(b, '\\');
            buf_put_u8(b, (uint8_t)c);
        } else if (c == '\n') {
            buf_append_cstr(b, "\\n");
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(b, "\\u%04x", (unsigned)c);
        } else {
            buf_append(b, s.data, s.size - rest.size);
        }
        s = rest;
    }
    buf_put_u8(b, '"');
}

static bool is_plain(slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if ((uint8_t)s.data[i] <= ' ' || (uint8_t)s.data[i] >= 0x7f || s.data[i] == '"' ||
            s.data[i] == '=' || s.data[i] == '\\')
            return false;
    return s.size > 0;
}

static void put_text(struct buf *b, enum log_format format, slice s)
{
    if (format == LOG_TEXT && is_plain(s))
        buf_append_slice(b, s);
    else
        put_quoted(b, s);
}

static void put_name(struct buf *b, enum log_format format, const char *name)
{
    buf_printf(b, format == LOG_JSON ? ",\"%s\":" : " %s=", name);
}

static void put_hex(struct buf *b, enum log_format format, slice s)
{
    const char *quote = format == LOG_JSON ? "\"" : "";

    buf_append_cstr(b, quote);
    for (size_t i = 0; i < s.size; i++)
        buf_printf(b, "%02x", (unsigned)(uint8_t)s.data[i]);
    buf_append_cstr(b, quote);
}

static void put_kv(struct buf *b, enum log_format format, const struct log_kv *kv)
{
    put_name(b, format, kv->name);
    switch (kv->kind) {
    case KV_U64:
        buf_printf(b, "%" PRIu64, kv->v.u64);
        break;
    case KV_I64:
        buf_printf(b, "%" PRId64, kv->v.i64);
        break;
    case KV_F64:
        /* JSON has no NaN and no infinity. */
        if (kv->v.f64 - kv->v.f64 == 0)
            buf_printf(b, "%.9g", kv->v.f64);
        else
            buf_append_cstr(b, "null");
        break;
    case KV_BOOL:
        buf_append_cstr(b, kv->v.b ? "true" : "false");
        break;
    case KV_STR:
        put_text(b, format, kv->v.str);
        break;
    case KV_HEX:
        put_hex(b, format, kv->v.str);
        break;
    case KV_STATUS:
        put_text(b, format, slice_cstr(status_message(kv->v.st)));
        put_name(b, format, "sqlstate");
        put_text(b, format, slice_cstr(status_sqlstate(kv->v.st)));
        break;
    }
}

static void put_head(const struct log *l, struct buf *b, enum log_level level, const char *message)
{
    uint64_t now_us = l->options.clock(l->options.clock_ctx);

    if (l->options.format == LOG_JSON) {
        buf_append_cstr(b, "{\"time\":\"");
        put_time(b, now_us);
        buf_printf(b, "\",\"level\":\"%s\",\"message\":", level_names[level]);
        put_quoted(b, slice_cstr(message));
    } else {
        put_time(b, now_us);
        buf_printf(b, " %-5s %s", level_names[level], message);
    }
    if (l->node != NULL) {
        put_name(b, l->options.format, "node");
        put_text(b, l->options.format, slice_cstr(l->node));
    }
}

static void write_line(struct log *l, enum log_level level, const char *message,
                       const struct log_kv *kvs, size_t count, uint64_t held_back)
{
    struct buf b;

    buf_init(&b, NULL);
    put_head(l, &b, level, message);
    for (size_t i = 0; i < count; i++)
        put_kv(&b, l->options.format, &kvs[i]);
    if (held_back > 0) {
        struct log_kv kv = kv_u64("held_back", held_back);

        put_kv(&b, l->options.format, &kv);
    }
    buf_append_cstr(&b, l->options.format == LOG_JSON ? "}\n" : "\n");
    l->options.sink(l->options.sink_ctx, level, buf_slice(&b));
    buf_deinit(&b);
}

void log_write(struct log *l, enum log_level level, const char *message, const struct log_kv *kvs,
               size_t count)
{
    if (log_is_on(l, level))
        write_line(l, level, message, kvs, count, 0);
}

void log_write_limited(struct log *l, struct log_limit *limit, enum log_level level,
                       const char *message, const struct log_kv *kvs, size_t count)
{
    uint64_t now_us;

    if (!log_is_on(l, level))
        return;
    now_us = l->options.clock(l->options.clock_ctx);
    /* A clock that was set back must not silence the line for as long as it was set back. */
    if (now_us < limit->next_us && limit->next_us - now_us <= limit->interval_us) {
        limit->held_back++;
        return;
    }
    write_line(l, level, message, kvs, count, limit->held_back);
    limit->next_us = now_us + limit->interval_us;
    limit->held_back = 0;
}
