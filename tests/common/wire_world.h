/* tests/common/wire_world.h: a database server and its clients in the simulator, for tests that
 * speak the protocol byte by byte. Knows nothing of cmocka, so that fuzzers use it too. */
#ifndef LINERA_TESTS_COMMON_WIRE_WORLD_H
#define LINERA_TESTS_COMMON_WIRE_WORLD_H

#include "env/env.h"
#include "env/net.h"
#include "env/sim.h"

enum { WIRE_PORT = 5432 };
#define WIRE_HOST "server"

struct wire_options {
    uint64_t seed;
    size_t   sql_memory;      /* of all statements together; 0: 64 MiB */
    size_t   connections_max; /* 0: 100 */
    bool     slow; /* each look at a clock takes up to 10 ms: work of seconds in few steps */
};

struct wire_world;
/* Code of a client, in a fiber of the machine "client". */
typedef void wire_fn(struct env *env, void *arg);

/* A world whose server listens at WIRE_HOST:WIRE_PORT. Its store is in memory and empty but for
 * what a new store holds; the superuser is "postgres". */
struct wire_world *wire_world_new(const struct wire_options *options);
/* Stops the server in the orderly way and checks that no session, transaction, lock or statement's
 * memory is left behind (assertions). Accepts NULL. */
void               wire_world_free(struct wire_world *w);

/* Run `fn` to its end, for at most `us` of the world's time. False: it did not end. */
bool wire_world_run(struct wire_world *w, wire_fn *fn, void *arg, uint64_t us);
/* Run until the server has no connection, for at most `us`. False: some are left. */
bool wire_world_settle(struct wire_world *w, uint64_t us);
/* That no transaction, lock or memory of statements is left. All connections must have ended. */
void wire_world_check(struct wire_world *w);

struct sim        *wire_world_sim(struct wire_world *w);
struct env        *wire_world_server_env(struct wire_world *w);
/* The client's machine, to start more fibers on. */
struct env        *wire_world_client_env(struct wire_world *w);
struct sql_server *wire_world_sql(struct wire_world *w);
/* Batches the store has taken: unchanged means that nothing was written. */
uint64_t           wire_world_writes(struct wire_world *w);

#endif
