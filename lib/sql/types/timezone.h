/* lib/sql/types/timezone.h: time zones, by ICU's data (the same on every node: pitfall Q6). A node
 * keeps the zones that were asked for; they live until the node ends, so sessions and plans may
 * point at them. */
#ifndef LINERA_SQL_TYPES_TIMEZONE_H
#define LINERA_SQL_TYPES_TIMEZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/slice.h"
#include "base/status.h"

struct time_zone;
struct time_zones;

/* The node's zones. One worker. */
struct time_zones *time_zones_new(struct heap *heap);
void               time_zones_free(struct time_zones *z); /* Accepts NULL. */

/* A zone by what SET TIME ZONE takes: a name ("Europe/Berlin", letter case aside), an abbreviation
 * ("UTC", "CET"), or an offset in hours or hours:minutes east of UTC ("+02", "-03:30"). 22023 when
 * there is none. */
status time_zone_find(struct time_zones *z, slice name, const struct time_zone **out) MUST_CHECK;

/* A zone by what AT TIME ZONE takes: an abbreviation stands for its fixed offset, and an offset is
 * counted as POSIX does, in hours west of UTC ("-02" is east). 22023 when there is none. */
status time_zone_find_posix(struct time_zones *z, slice name, const struct time_zone **out)
    MUST_CHECK;

/* The offset of an abbreviation ("PDT", letter case aside); false: there is no such one. */
bool time_zone_abbreviation(slice word, int32_t *east_s);

/* The name as SHOW TIME ZONE prints it. */
const char *time_zone_name(const struct time_zone *tz);

/* Seconds east of UTC at an instant, us since 2000-01-01 UTC. *abbreviation (may be NULL) is the
 * zone's short name then; it lives as long as the zone. NULL for `tz` is UTC. */
int32_t time_zone_offset_at(const struct time_zone *tz, int64_t utc_us, const char **abbreviation);

/* Seconds east of UTC that a local time has, us since 2000-01-01 on the zone's clocks. In a gap the
 * offset before it holds; of a time that comes twice, the standard time's is taken: PostgreSQL's
 * choices. */
int32_t time_zone_offset_local(const struct time_zone *tz, int64_t local_us);

#endif
