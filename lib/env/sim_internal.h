/* lib/env/sim_internal.h: what the files of the simulator share. */
#ifndef LINERA_ENV_SIM_INTERNAL_H
#define LINERA_ENV_SIM_INTERNAL_H

#include "env/env_internal.h"
#include "env/sim.h"

struct sim_disk;

struct sim_event {
    uint64_t at_us, serial;
    void (*fn)(struct sim *s, void *arg);
    void *arg;
};

/* One direction between two nodes. */
struct sim_link {
    bool     cut;
    uint64_t latency_min_us, latency_max_us, bytes_per_s; /* zeroes: the world's */
};

enum { SIM_NODES_MAX = 256 };

struct sim {
    uint64_t           seed;
    struct sim_options options;
    struct heap       *heap; /* of the world: disks, network, events; not of any node */
    struct prng        rng;
    struct stack_pool  stacks;
    uint64_t           now_us, trace;

    struct sim_event *events; /* binary heap by (time, serial) */
    size_t            event_count, event_capacity;
    uint64_t          event_serial;

    struct sim_node *nodes[SIM_NODES_MAX];
    size_t           node_count, last_run;
    struct sim_node *running;
    struct list      streams;
    uint16_t         port_last;
};

/* A node that is up. Lives in the node's own heap. */
struct sim_env {
    struct env       base;
    struct sim_node *node;
    uint32_t         posted[POST_QUEUE_COUNT]; /* messages whose fibers have not begun */
};

struct sim_node {
    struct sim     *sim;
    size_t          number;
    char           *name, *context;
    env_fn         *main_fn;
    void           *arg;
    struct sim_env *env; /* NULL while down */
    uint64_t        incarnation;
    bool            silent; /* down without power: nobody answers for it, not even with a reset */

    /* local time = local_base + (now - clock_base) * (1 + drift) */
    uint64_t clock_base_us, local_base_us, boot_local_us;
    int32_t  drift_ppm;
    int64_t  wall_offset_us;
    uint64_t paused_until_us;

    struct sim_disk       *disk;
    struct sim_disk_faults faults;
    uint64_t               io_count, crash_at_io;
    enum sim_crash         crash_at_io_how;
    bool                   crash_pending;
    enum sim_crash         crash_how;

    struct list     listeners;
    struct sim_link links[SIM_NODES_MAX]; /* from this node to the one with that number */
};

static inline struct sim_node *sim_node_of(struct env *env)
{
    return CONTAINER_OF(env, struct sim_env, base)->node;
}

/* A number from min to max, both included; min when max is not above it. */
static inline uint64_t sim_between(struct prng *p, uint64_t min, uint64_t max)
{
    return max <= min ? min : min + prng_below(p, max - min + 1);
}

enum trace_kind {
    TRACE_RUN = 1,
    TRACE_UP,
    TRACE_DOWN,
    TRACE_IO,
    TRACE_SEND,
    TRACE_DELIVER,
    TRACE_CLOCK,
};

/* sim.c */
void sim_trace(struct sim *s, enum trace_kind kind, const struct sim_node *n, uint64_t a,
               uint64_t b);
void sim_at(struct sim *s, uint64_t at_us, void (*fn)(struct sim *s, void *arg), void *arg);
/* The running fiber waits `us` of the world's time, whatever its node's clock does. Not
 * cancellable, and it never returns when the node crashes meanwhile. */
void sim_hold(struct env *env, uint64_t us);
/* The running fiber's node crashes now. */
NORETURN void sim_crash_self(struct sim_node *n, enum sim_crash how);

/* sim_disk.c */
struct sim_disk *sim_disk_new(struct sim *s);
/* What a crash or a stop leaves. */
void             sim_disk_node_down(struct sim_node *n, enum sim_crash how);
void             sim_io(struct env *env, struct env_io *io, enum env_lane lane);
void             sim_file_close(struct env_file *f);

/* sim_net.c */
int       sim_listen(struct env *env, const char *host, uint16_t port, struct listener **out);
int       sim_accept(struct listener *l, struct conn **out);
void      sim_listener_close(struct listener *l);
int       sim_connect(struct env *env, const char *host, uint16_t port, struct conn **out);
int       sim_connect_result(struct conn *c);
ptrdiff_t sim_read(struct conn *c, void *buf, size_t size);
ptrdiff_t sim_write(struct conn *c, const slice *parts, size_t count);
bool      sim_ready(struct conn *c, bool writing);
void      sim_arm(struct conn *c);
void      sim_shutdown(struct conn *c, bool both);
void      sim_conn_close(struct conn *c);
void      sim_net_node_down(struct sim_node *n, enum sim_crash how);

#endif
