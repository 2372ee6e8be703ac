# The constant tables of types, functions, operators and casts.
SQL_TABLES := $(OUT)/gen/lib/sql/func/tables.c
SQL_TABLES_DEFS := lib/sql/types/types.def lib/sql/func/functions.def lib/sql/func/operators.def lib/sql/func/casts.def
GEN_SRC += $(SQL_TABLES)

$(SQL_TABLES): lib/sql/func/generate.pl $(SQL_TABLES_DEFS)
	@mkdir -p $(@D)
	@perl lib/sql/func/generate.pl $(SQL_TABLES_DEFS) > $@.new && mv $@.new $@
