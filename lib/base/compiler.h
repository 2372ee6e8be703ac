/* lib/base/compiler.h: the compiler extensions that gcc and clang share, each behind one name.
 * Nothing else in the tree writes __attribute__ (style.md section 1). */
#ifndef LINERA_BASE_COMPILER_H
#define LINERA_BASE_COMPILER_H

#include <stddef.h>

#define MUST_CHECK         __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define NORETURN           __attribute__((noreturn))
#define NOINLINE           __attribute__((noinline))
#define ALWAYS_INLINE      inline __attribute__((always_inline))
#define UNUSED             __attribute__((unused))
#define LIKELY(x)          __builtin_expect(!!(x), 1)
#define UNLIKELY(x)        __builtin_expect(!!(x), 0)
/* Compile one function for a CPU feature; the caller asks the CPU first. */
#define TARGET(feature) __attribute__((target(feature)))
#define FALLTHROUGH     __attribute__((fallthrough))

/* The function may let other fibers of the worker run before it returns. What the caller checked
 * before the call must be checked again after it (pitfall E4). Documentation only. */
#define MAY_YIELD

/* The local is handed to `type`_scoped_end() when its block ends: SCOPED(arena) struct arena *a =
 * ...; `type`_scoped_end takes a pointer to the local. */
#define SCOPED(type) __attribute__((cleanup(type##_scoped_end)))

/* gcc's and clang's 128-bit integers. */
__extension__ typedef __int128          int128_t;
__extension__ typedef unsigned __int128 uint128_t;

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define BIT(n)                          (1u << (n))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LINERA_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define LINERA_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define LINERA_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define LINERA_TSAN 1
#endif

#endif
