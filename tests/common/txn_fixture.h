/* tests/common/txn_fixture.h: a range with an engine in memory and a transaction system, in a fiber
 * of a real worker; and dialogues between transactions. */
#ifndef LINERA_TESTS_COMMON_TXN_FIXTURE_H
#define LINERA_TESTS_COMMON_TXN_FIXTURE_H

#include "hlc/hlc.h"
#include "kv/range.h"
#include "storage/engine.h"
#include "tests/common/test.h"
#include "txn/txn.h"

struct txn_fixture {
    struct env        *env;
    struct hlc        *clock;
    struct engine     *engine;
    struct replicator *replicator;
    struct range      *range;
    struct txn_system *txns;
    struct arena      *arena;
};

typedef void txn_test_fn(struct txn_fixture *f);

/* Run `fn` in a fiber with everything opened; afterwards nothing may be left: no lock, no
 * transaction. */
void txn_test_run(txn_test_fn *fn);
/* Open and close all but the environment. The engine may be given (then borrowed). */
void txn_fixture_open(struct txn_fixture *f, struct env *env, const struct range_options *options);
void txn_fixture_close(struct txn_fixture *f);

/* Shorthands in transactions of their own; fail the test on an error. */
void        txn_fixture_put(struct txn_fixture *f, const char *key, const char *value);
const char *txn_fixture_get(struct txn_fixture *f, const char *key); /* "none" when absent */

/* A dialogue. Each line: a transaction's name (one character), a command, "->", what it gives:
 *
 *     a begin [serializable|snapshot|rc] [ro]   -> ok
 *     a get k                                    -> the value or "none"
 *     a getfor k STRENGTH [nowait|skip]          -> value, "none", "skipped"; " changed", " own"
 * behind it a put k v | insert k v | delete k | delrange k1 k2 a scan k1 k2 [reverse] [limit N]
 * [STRENGTH] [nowait|skip]  -> k=v k=v ... a step | commit | rollback | savepoint N | rollbackto N
 * | release N a lock k STRENGTH [nowait|skip]            -> ok or "skipped" a wakes -> what a
 * blocked command gave in the end
 *     - droplocks | gc
 *
 * STRENGTH: update, nokeyupdate, share, keyshare. Errors give their SQLSTATE. "blocked": the
 * command waits. insert gives "ok" or "exists v". */
void txn_dialogue(struct txn_fixture *f, const char *const *lines, size_t count);
#define DIALOGUE(f, ...)                                                                           \
    txn_dialogue((f), (const char *const[]){__VA_ARGS__},                                          \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* TXN_TEST(name) { ... }: a cmocka test whose body runs with a fixture `f`. */
#define TXN_TEST(name)                                                                             \
    static void name##_body(struct txn_fixture *f);                                                \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        txn_test_run(name##_body);                                                                 \
    }                                                                                              \
    static void name##_body(struct txn_fixture *f)

#endif
