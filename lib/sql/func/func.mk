# The catalogue of types, functions, operators and casts: tables made from the .def files (see README.md).
CATALOGUE_DEF := $(sort $(wildcard lib/sql/types/*.def lib/sql/func/*.def))
GEN_SRC += $(OUT)/gen/lib/sql/func/catalogue.c

$(OUT)/gen/lib/sql/func/catalogue.c: $(CATALOGUE_DEF) lib/sql/func/gen-catalogue
	@mkdir -p $(@D)
	@perl lib/sql/func/gen-catalogue $(CATALOGUE_DEF) > $@.tmp && mv $@.tmp $@
