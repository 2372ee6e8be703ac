/* What a timestamp costs: with clocks that cost nothing, with the worker's clocks, and with a
 * second thread at the same clock. Usage: bench_hlc */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "env/env.h"
#include "hlc/hlc.h"

enum { COUNT = 5000000 };

static void must(status st)
{
    if (st_ok(st))
        return;
    fprintf(stderr, "bench_hlc: %s\n", status_message(st));
    exit(1);
}

static uint64_t env_wall(void *ctx)
{
    return env_wall_us(ctx);
}

static uint64_t env_mono(void *ctx)
{
    return env_mono_us(ctx);
}

static uint64_t fixed(void *ctx)
{
    return *(uint64_t *)ctx;
}

static void *take(void *arg)
{
    hlc_ts ts;

    for (int i = 0; i < COUNT; i++)
        must(hlc_now(arg, &ts));
    return NULL;
}

static void measure(struct env *env, const char *name, const struct hlc_options *o, int threads)
{
    pthread_t   ids[4];
    struct hlc *h;
    uint64_t    start_us, took_us;

    must(hlc_new(NULL, o, &h));
    start_us = env_mono_us(env);
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, take, h);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    took_us = env_mono_us(env) - start_us;
    printf("%-32s %8.1f ns\n", name, (double)took_us * 1e3 / COUNT / threads);
    hlc_free(h);
}

int main(void)
{
    struct env        *env;
    uint64_t           now = UINT64_C(1700000000000000);
    struct hlc_options o = {.wall_us = fixed, .mono_us = fixed, .source_ctx = &now};

    must(env_new(NULL, &env));
    measure(env, "hlc_now, clocks for nothing", &o, 1);
    measure(env, "the same, two threads", &o, 2);
    o = (struct hlc_options){.wall_us = env_wall, .mono_us = env_mono, .source_ctx = env};
    measure(env, "hlc_now, the worker's clocks", &o, 1);
    env_free(env);
    return 0;
}
