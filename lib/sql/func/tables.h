/* lib/sql/func/tables.h: what the generator writes (gen-catalogue): the tables behind types/type.h
 * and func/function.h, sorted, so that look-ups are binary searches and nothing is built at start.
 */
#ifndef LINERA_SQL_FUNC_TABLES_H
#define LINERA_SQL_FUNC_TABLES_H

#include "sql/func/function.h"
#include "sql/types/type.h"

extern const struct type            type_table[]; /* by OID */
extern const size_t                 type_table_count;
extern const uint16_t               type_table_by_name[]; /* positions in type_table, by typname */
extern const size_t                 type_table_by_name_count;
extern const struct function        function_table[]; /* by OID */
extern const size_t                 function_table_count;
/* By name, then OID. */
extern const struct function *const function_table_by_name[];
extern const size_t                 function_table_by_name_count;
extern const struct operator_def    operator_table[]; /* by OID */
extern const size_t                 operator_table_count;
extern const struct operator_def *const operator_table_by_name[]; /* by name, then OID */
extern const size_t                     operator_table_by_name_count;
/* Members of default btree orders, by operand type, then OID. */
extern const struct operator_def *const operator_table_by_order[];
extern const size_t                     operator_table_by_order_count;
extern const struct cast_def            cast_table[]; /* by source type, then target type */
extern const size_t                     cast_table_count;

#endif
