/* lib/sql/types/tables.h: the generated tables, for the look-ups in types/ and func/ only. */
#ifndef LINERA_SQL_TYPES_TABLES_H
#define LINERA_SQL_TYPES_TABLES_H

#include "sql/func/function.h"
#include "sql/types/type.h"

/* Entries of one name in ..._by_name_entries: `count` of them from `first` on. */
struct name_group {
    const char *name;
    size_t      first, count;
};

extern const struct type        type_table[]; /* in order of OID */
extern const size_t             type_table_count;
extern const struct type *const type_table_by_name[];

extern const struct function *const function_table_start; /* in order of OID */
extern const size_t                 function_table_count;
extern const struct function *const function_by_name_entries[];
extern const struct name_group      function_names[];
extern const size_t                 function_name_count;

extern const struct operator_def *const operator_table_start; /* in order of OID */
extern const size_t                     operator_table_count;
extern const struct operator_def *const operator_by_name_entries[];
extern const struct name_group          operator_names[];
extern const size_t                     operator_name_count;

extern const struct cast_def *const cast_table_start; /* in order of source and target */
extern const size_t                 cast_table_count;

#endif
