/* tests/env/sim_fixture.h: nodes that do what the test tells them, one call after the other. */
#ifndef LINERA_TESTS_ENV_SIM_FIXTURE_H
#define LINERA_TESTS_ENV_SIM_FIXTURE_H

#include "base/buf.h"
#include "env/sim.h"
#include "tests/common/test.h"

enum { SECOND_US = 1000000 };

/* A node's main for nodes that wait for orders. */
static inline void sim_idle_main(struct env *env, void *arg)
{
    (void)env;
    (void)arg;
}

struct sim_order {
    env_fn *fn;
    void   *arg;
    bool    done;
};

static inline void sim_order_main(struct env *env, void *arg)
{
    struct sim_order *o = arg;

    o->fn(env, o->arg);
    o->done = true;
}

static inline bool sim_order_done(void *arg)
{
    return ((struct sim_order *)arg)->done;
}

/* Run fn(env, arg) in a fiber of the node until it returns; false when the node crashed in it. */
static inline bool sim_try(struct sim *s, struct sim_node *n, env_fn *fn, void *arg)
{
    struct sim_order *o = calloc(1, sizeof *o);
    bool              done;

    *o = (struct sim_order){.fn = fn, .arg = arg};
    assert_st_ok(env_spawn(sim_node_env(n), "order", sim_order_main, o, NULL));
    (void)sim_run_until(s, sim_order_done, o, 1000 * (uint64_t)SECOND_US);
    done = o->done;
    assert_true(done || !sim_node_is_up(n));
    free(o);
    return done;
}

static inline void sim_do(struct sim *s, struct sim_node *n, env_fn *fn, void *arg)
{
    assert_true(sim_try(s, n, fn, arg));
}

#endif
