/* src/linera-bench/client.h: what a client does with its operation: batch after batch, roll back
 * and try again after a conflict, count it when it is through. */
#ifndef LINERA_BENCH_CLIENT_H
#define LINERA_BENCH_CLIENT_H

#include "runner.h"

/* Begin an operation on an idle client; its latency counts from `began_ns`. */
void client_begin(struct runner *r, struct client *c, uint64_t began_ns);
/* The loop's news of the client's connection. */
void client_on_event(struct runner *r, struct client *c, enum session_event event);

/* ---- runner.c, for client.c ---- */

/* The client is connected and has no operation. */
void runner_client_idle(struct runner *r, struct client *c);
/* The client could not connect or its connection broke. */
void runner_client_lost(struct runner *r, struct client *c);
/* End the run early: operations under way may finish, no new ones begin. */
void runner_stop(struct runner *r, enum run_end why);

#endif
