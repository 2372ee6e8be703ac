/* lib/base/checked.h: arithmetic on sizes that came from outside. Each returns false, with *out
 * undefined, when the result does not fit (pitfall P5). */
#ifndef LINERA_BASE_CHECKED_H
#define LINERA_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>

#define checked_add(a, b, out) (!__builtin_add_overflow((a), (b), (out)))
#define checked_sub(a, b, out) (!__builtin_sub_overflow((a), (b), (out)))
#define checked_mul(a, b, out) (!__builtin_mul_overflow((a), (b), (out)))

#endif
