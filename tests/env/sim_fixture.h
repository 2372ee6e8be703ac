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

/* ---- lives --------------------------------------------------------------------------------------
 * A node whose main ends with env_stop() lives once per start. */

static inline bool sim_is_down(void *node)
{
    return !sim_node_is_up(node);
}

/* Run until the node is down, for `us` at most; false when it hangs. */
static inline bool sim_end_life(struct sim *s, struct sim_node *n, uint64_t us)
{
    return sim_run_until(s, sim_is_down, n, us) == SIM_DONE;
}

/* The same, and a node that hangs fails the test. */
static inline void sim_live(struct sim *s, struct sim_node *n)
{
    if (!sim_end_life(s, n, 600 * (uint64_t)SECOND_US))
        fail_msg("seed %llu: node \"%s\" hangs", (unsigned long long)sim_seed(s), sim_node_name(n));
}

/* A life on what the disk holds, and no crash at an I/O that was planned before. */
static inline void sim_live_again(struct sim *s, struct sim_node *n)
{
    sim_crash_at_io(n, 0, SIM_KILL);
    sim_restart(n);
    sim_live(s, n);
}

/* One that ends at the count-th I/O, if it gets so far. */
static inline void sim_live_until_io(struct sim *s, struct sim_node *n, uint64_t count,
                                     enum sim_crash how)
{
    sim_restart(n);
    sim_crash_at_io(n, count, how);
    sim_live(s, n);
    sim_crash_at_io(n, 0, how);
}

#endif
