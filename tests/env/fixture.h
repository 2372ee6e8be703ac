/* tests/env/fixture.h: run one fiber on a fresh real worker. */
#ifndef LINERA_TESTS_ENV_FIXTURE_H
#define LINERA_TESTS_ENV_FIXTURE_H

#include "env/env.h"
#include "tests/common/test.h"

struct on_worker {
    env_fn *fn;
    void   *arg;
};

static inline void on_worker_main(struct env *env, void *arg)
{
    struct on_worker *w = arg;

    w->fn(env, w->arg);
    env_stop(env);
}

/* Run fn(env, arg) as a fiber of a new worker until it returns, then free the worker. */
static inline void run_on_worker(const struct env_options *options, env_fn *fn, void *arg)
{
    struct on_worker w = {fn, arg};
    struct env      *env;

    assert_st_ok(env_new(options, &env));
    assert_st_ok(env_spawn(env, "test", on_worker_main, &w, NULL));
    env_run(env);
    env_free(env);
}

#endif
