#include "storage/durable.h"

status durable_open(struct mem_engine *m, const struct engine_options *options, struct durable **out)
{
    (void)m;
    (void)out;
    return status_new(ST_FEATURE_NOT_SUPPORTED, "stores on disk are not supported: \"%s\"",
                      options->path);
}

void durable_close(struct durable *d)
{
    (void)d;
}

status durable_commit(struct durable *d, slice encoded, bool sync)
{
    (void)d;
    (void)encoded;
    (void)sync;
    return STATUS_OK;
}

status durable_checkpoint(struct durable *d)
{
    (void)d;
    return STATUS_OK;
}

void durable_stats(const struct durable *d, struct engine_stats *out)
{
    (void)d;
    (void)out;
}
