/* lib/base/format.h: sizes and durations as people write them: "64MiB", "250ms". */
#ifndef LINERA_BASE_FORMAT_H
#define LINERA_BASE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* A number with an optional fraction and a unit: B (or none), KiB, MiB, GiB, TiB, or kB, MB, GB, TB
 * in powers of 1,000; case does not matter. INVALID_PARAMETER_VALUE says what would be right. */
status format_parse_size(slice text, uint64_t *out) MUST_CHECK;
/* us, ms, s, min, h, d; the unit is required unless the number is 0. */
status format_parse_duration_us(slice text, uint64_t *out) MUST_CHECK;

/* The largest unit that gives a number of at least 1, with up to one decimal: "1.5 MiB", "250 ms".
 */
void format_size(struct buf *b, uint64_t size);
void format_duration_us(struct buf *b, uint64_t us);

#endif
