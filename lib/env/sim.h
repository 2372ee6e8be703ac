/* lib/env/sim.h: a whole cluster in one OS thread, in virtual time, from one seed.
 *
 * A simulated node has its own heap, clock, disk and fibers, and sees the world through the same
 * env.h, file.h and net.h. Clients are nodes too. Same seed, same program: same run, event for
 * event (sim_trace_hash). The functions here belong to the test that drives the simulation: they
 * are called outside fibers, between two sim_run calls, unless they say otherwise. */
#ifndef LINERA_ENV_SIM_H
#define LINERA_ENV_SIM_H

#include "base/buf.h"
#include "env/env.h"

struct sim;
struct sim_node;

/* Zeroes mean the default. */
struct sim_options {
    uint64_t latency_min_us;      /* one way over a link; default 50 */
    uint64_t latency_max_us;      /* default 500 */
    uint32_t loss_ppm;            /* segments that need a retransmission (+200 ms); default 0 */
    uint64_t link_bytes_per_s;    /* default 1e9 */
    uint64_t disk_latency_min_us; /* of a read or write; default 2 */
    uint64_t disk_latency_max_us; /* default 50 */
    uint64_t sync_latency_min_us; /* default 50 */
    uint64_t sync_latency_max_us; /* default 500 */
    uint64_t clock_skew_max_us;   /* of a node's wall clock; default 0 */
    uint32_t clock_drift_max_ppm; /* default 0 */
    uint32_t stall_ppm;           /* chance that reading a clock finds the fiber was held up (E7) */
    uint64_t stall_max_us;        /* by at most this; default 1000 */
    uint32_t post_max;            /* messages a node's queue holds (E9); default 4096 */
    bool     ordered;             /* run ready fibers in order of arrival instead of shuffled */
};

/* An empty world. `options` may be NULL. Never NULL. */
struct sim *sim_new(uint64_t seed, const struct sim_options *options);
/* Ends all nodes without unwinding. Accepts NULL. */
void        sim_free(struct sim *s);

/* A machine called `name`, which is also its host name on the network, running main_fn(env, arg) as
 * its first fiber. The node is down once main_fn calls env_stop(); that main_fn returns does not
 * end it. `arg` is the test's and survives crashes. */
struct sim_node *sim_add_node(struct sim *s, const char *name, env_fn *main_fn, void *arg);
/* The node's worker; NULL while it is down. */
struct env      *sim_node_env(const struct sim_node *n);
const char      *sim_node_name(const struct sim_node *n);
bool             sim_node_is_up(const struct sim_node *n);

/* ---- running ------------------------------------------------------------------------------------
 */

enum sim_result {
    SIM_TIME,     /* the time was reached */
    SIM_DONE,     /* the predicate became true */
    SIM_DEADLOCK, /* no fiber can ever run again: sim_report() names who waits */
};

/* Virtual microseconds since the world began. */
uint64_t        sim_now_us(const struct sim *s);
/* Run for `us` of virtual time. */
enum sim_result sim_run_us(struct sim *s, uint64_t us);
/* Run until predicate(arg), asked after every fiber slice, or until `us` have passed. */
enum sim_result sim_run_until(struct sim *s, bool (*predicate)(void *arg), void *arg, uint64_t us);
/* Call fn(arg) at a time from now, outside fibers, where faults may be injected. */
void     sim_after_us(struct sim *s, uint64_t us, void (*fn)(struct sim *s, void *arg), void *arg);
/* The fibers that exist, and what they wait for: one line each, for a failing test's output. */
void     sim_report(const struct sim *s, struct buf *out);
/* Hash over every event so far (V1). */
uint64_t sim_trace_hash(const struct sim *s);
uint64_t sim_seed(const struct sim *s);
/* The world's own random numbers, for the test's choices. */
uint64_t sim_rand64(struct sim *s);
uint64_t sim_rand_below(struct sim *s, uint64_t bound);

/* ---- faults of machines and clocks
 * ---------------------------------------------------------------- */

enum sim_crash {
    SIM_KILL,       /* the process dies: the page cache survives, peers get a reset */
    SIM_POWER_LOSS, /* un-synced data and names survive in part, torn; peers hear nothing */
};

/* End a node at once: its heap is freed without unwinding. Also callable from a fiber of another
 * node. Nothing happens to a node that is down. */
void     sim_crash(struct sim_node *n, enum sim_crash how);
/* Start a node that is down: main_fn again, in a new heap, on what the disk holds. */
void     sim_restart(struct sim_node *n);
/* The node crashes in its `count`-th file operation from now, before it takes effect. 0: never. */
void     sim_crash_at_io(struct sim_node *n, uint64_t count, enum sim_crash how);
/* File operations of the node since it was added. */
uint64_t sim_io_count(const struct sim_node *n);
/* No fiber of the node runs for `us`; its clocks go on (a SIGSTOP, a paused machine). */
void     sim_pause(struct sim_node *n, uint64_t us);
/* Move the wall clock by this much. */
void     sim_clock_jump(struct sim_node *n, int64_t us);
/* Let both clocks run fast or slow by this from now on; below -1,000,000 they would go back. */
void     sim_clock_drift(struct sim_node *n, int32_t ppm);

/* ---- faults of the network
 * ------------------------------------------------------------------------ */

/* Let nothing through from `from` to `to`, or let it through again. Streams hold their bytes and
 * deliver them after healing, unless the sender gave up before. */
void sim_link_cut(struct sim_node *from, struct sim_node *to, bool cut);
/* Cut both ways between the node and all others, or heal. */
void sim_isolate(struct sim_node *n, bool cut);
void sim_heal(struct sim *s);
/* Latency of one link; 0, 0: the default again. */
void sim_link_latency(struct sim_node *from, struct sim_node *to, uint64_t min_us, uint64_t max_us);
void sim_link_bandwidth(struct sim_node *from, struct sim_node *to, uint64_t bytes_per_s);
/* Reset every connection between two nodes. */
void sim_reset_conns(struct sim_node *a, struct sim_node *b);

/* ---- faults of disks
 * -------------------------------------------------------------------------------- */

/* Counts are from now, 1 being the next one, 0 none. */
struct sim_disk_faults {
    uint64_t sync_eio_at;   /* this sync fails: its data stays in the cache, but not on disk (L1) */
    uint64_t read_eio_at;   /* this read fails */
    uint64_t write_eio_at;  /* this write fails */
    uint64_t write_lost_at; /* this write says OK and never reaches the disk, not even synced */
    uint64_t misdirect_at;  /* this write lands in another place of the same file (L17) */
    uint64_t space_max;     /* bytes the disk holds; 0 unlimited */
    uint64_t latency_factor; /* slow disk: times the latencies; 0 and 1: as usual */
    bool     syncs_lie;      /* every sync says OK and makes nothing durable */
};

void   sim_disk_set_faults(struct sim_node *n, const struct sim_disk_faults *faults);
/* Flip one bit of a file as it is on disk and in the cache. UNDEFINED_FILE; INVALID_PARAMETER_VALUE
 * behind its end. */
status sim_disk_flip(struct sim_node *n, const char *path, uint64_t offset, int bit) MUST_CHECK;
/* The path of the position-th file, in an order that changes only with the files, and its size;
 * NULL behind the last one. Valid until the node runs. */
const char *sim_disk_file(const struct sim_node *n, size_t position, uint64_t *size);
/* Throw all files away, as a replaced disk. The node must be down. */
void        sim_disk_wipe(struct sim_node *n);
/* Bytes of blocks in use. */
uint64_t    sim_disk_used(const struct sim_node *n);

#endif
