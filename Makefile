# LineraDB. `make help` lists what there is to say; README.md and docs/development.md explain it.
#
# One tree of objects per configuration, build/<config>/: "release" (-O2, LTO) makes the programs in bin/,
# "test" (no LTO, DASSERT on) makes what `make check` runs, "san-..." are the sanitizer builds (SAN=...).

.DELETE_ON_ERROR:
SHELL   := /bin/bash
CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
SAN     ?=
BUILD   ?= $(if $(SAN),san-$(subst $(comma),-,$(SAN)),release)
comma   := ,
ifeq ($(origin CC),default)
CC      := gcc
endif

OUT := build/$(BUILD)

# ---- what comes from Debian: packages.txt is the one list, scripts/deps installs it -------------------
PKGS      := libuv libssl libcrypto libsodium libmicrohttpd libcurl libcjson libpq readline liblz4 \
             libzstd zlib libxxhash gmp icu-i18n icu-uc libpcre2-8 libprotobuf-c
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(filter-out -I/usr/include,$(shell pkg-config --cflags-only-I $(PKGS) 2>/dev/null)))
PKG_LIBS   := -Wl,--as-needed $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpg_query -lboost_context -lpthread -lm

# ---- flags (style.md section 1) -----------------------------------------------------------------------
BASE   := -std=c17 -D_GNU_SOURCE -g -fvisibility=hidden -fno-omit-frame-pointer -fno-common -ffp-contract=off -fPIE
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
          -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wconversion -Wno-sign-conversion
HARDEN := -fstack-protector-strong -fstack-clash-protection
INC    := -I. -Ilib -I$(OUT)/gen/lib $(PKG_CFLAGS)

ifneq ($(SAN),)
OPT     := -O1 -fsanitize=$(SAN) -fno-sanitize-recover=all -DLINERA_DEBUG -DHEAP_ON_MALLOC
LDOPT   := -fsanitize=$(SAN)
else ifeq ($(BUILD),release)
OPT     := -O2 -flto=auto -D_FORTIFY_SOURCE=2
LDOPT   := -O2 -flto=auto
PKG_LIBS += -lmimalloc
AR      := gcc-ar
else ifeq ($(BUILD),coverage)
OPT     := -O0 --coverage -fprofile-update=atomic -DLINERA_DEBUG
LDOPT   := --coverage
PKG_LIBS += -lmimalloc
else
OPT     := -O1 -DLINERA_DEBUG
LDOPT   :=
PKG_LIBS += -lmimalloc
endif
ifneq ($(WERROR),)
WARN    += -Werror
endif

CFLAGS_ALL  := $(BASE) $(OPT) $(WARN) $(HARDEN) $(INC) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now $(LDOPT) $(LDFLAGS)

# ---- sources ------------------------------------------------------------------------------------------
LIB_SRC    := $(sort $(shell find lib -name '*.c' 2>/dev/null))
PROTO_SRC  := $(sort $(shell find lib -name '*.proto' 2>/dev/null))
PROGRAMS   := $(sort $(notdir $(patsubst %/,%,$(wildcard src/*/))))
TEST_SRC   := $(sort $(wildcard tests/*/test_*.c))
TEST_COMMON := $(sort $(wildcard tests/common/*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/bench_*.c))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))

# Generated sources: <out>/gen/lib/..., made by rules in the *.mk file of the layer that owns them.
GEN_SRC :=
GEN_HDR :=
GEN_HDR += $(PROTO_SRC:lib/%.proto=$(OUT)/gen/lib/%.pb-c.h)
GEN_SRC += $(PROTO_SRC:lib/%.proto=$(OUT)/gen/lib/%.pb-c.c)
-include $(wildcard lib/*/*.mk lib/*/*/*.mk)

LIB_OBJ  := $(LIB_SRC:%.c=$(OUT)/%.o) $(GEN_SRC:$(OUT)/%.c=$(OUT)/%.o)
LIB      := $(OUT)/liblinera.a
PROG_BIN := $(PROGRAMS:%=$(OUT)/bin/%)
TEST_BIN := $(TEST_SRC:%.c=$(OUT)/%)
BENCH_BIN := $(BENCH_SRC:%.c=$(OUT)/%)
# Fuzzers as tests: their corpora and what once crashed them, without libFuzzer.
REPLAY_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(OUT)/tests/fuzz/test_%)

.PHONY: all programs tests help
.DEFAULT_GOAL := all
all: programs

# Programs of the release build also stand in bin/, where users and tests look for them.
programs: $(PROG_BIN) $(if $(filter release,$(BUILD)),$(PROGRAMS:%=bin/%))

bin/%: $(OUT)/bin/%
	@mkdir -p bin
	@cp -f $< $@

tests: $(TEST_BIN) $(REPLAY_BIN) $(PROG_BIN)

$(LIB): $(LIB_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	@$(AR) rcs $@ $(LIB_OBJ)

$(OUT)/%.o: %.c | $(GEN_HDR)
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Generated code keeps to its generator's style, not to ours.
$(OUT)/gen/%.o: $(OUT)/gen/%.c | $(GEN_HDR)
	@mkdir -p $(@D)
	@$(CC) $(BASE) $(OPT) $(HARDEN) $(INC) $(CFLAGS) -w -MMD -MP -c -o $@ $<

$(OUT)/gen/lib/%.pb-c.c $(OUT)/gen/lib/%.pb-c.h: lib/%.proto
	@mkdir -p $(@D)
	@protoc-c --proto_path=lib --c_out=$(OUT)/gen/lib $<

define PROGRAM_RULE
$(OUT)/bin/$(1): $(patsubst %.c,$(OUT)/%.o,$(sort $(wildcard src/$(1)/*.c))) $(LIB)
	@mkdir -p $$(@D)
	@echo "  LD  $$@"
	@$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(PKG_LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM_RULE,$(p))))

# muldefs: a test may stand in for a layer below the one it tests; its own definitions come first and win.
TEST_COMMON_OBJ := $(TEST_COMMON:%.c=$(OUT)/%.o)
$(TEST_BIN): $(OUT)/%: $(OUT)/%.o $(TEST_COMMON_OBJ) $(LIB)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS_ALL) -Wl,-z,muldefs -o $@ $< $(TEST_COMMON_OBJ) $(LIB) -lcmocka $(PKG_LIBS)

$(REPLAY_BIN): $(OUT)/tests/fuzz/test_%: $(OUT)/tests/fuzz/%.o $(OUT)/tests/fuzz/replay.o $(TEST_COMMON_OBJ) $(LIB)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(PKG_LIBS)

$(BENCH_BIN): $(OUT)/%: $(OUT)/%.o $(TEST_COMMON_OBJ) $(LIB)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS_ALL) -Wl,-z,muldefs -o $@ $< $(TEST_COMMON_OBJ) $(LIB) -lcmocka $(PKG_LIBS)

.SECONDARY:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

# ---- what people type -----------------------------------------------------------------------------------
.PHONY: deps quickstart check unit clean format format-check lint coverage fuzz bench crash install

deps:           ## install what is missing (Debian packages)
	@scripts/deps

quickstart:     ## build, start a node in memory, load a sample, show two queries
	@scripts/quickstart

check:          ## set up and run all tests (SAN=address,undefined or SAN=thread for sanitizer builds)
	@SAN=$(SAN) scripts/check

# The unit tests of one configuration; TESTS=tests/base narrows them down.
TESTS ?= tests
UNIT_BIN = $(filter $(OUT)/$(TESTS)%,$(TEST_BIN) $(REPLAY_BIN))
unit: $(UNIT_BIN)
	@scripts/run-unit-tests $(UNIT_BIN)

# Simulated clusters under faults; every seed prints its trace hash, and the same seed gives the same.
SEEDS ?= 1..100
sim:            ## run the simulations with SEEDS=FROM..TO (1..100)
	@$(MAKE) -s -j2 BUILD=test run-sim SEEDS=$(SEEDS)
.PHONY: sim run-sim
run-sim: $(filter $(OUT)/tests/sim/%,$(TEST_BIN))
	@for t in $^; do LINERA_SEEDS=$(SEEDS) $$t || exit 1; done

conformance:    ## random work on every kind of engine with SEEDS=FROM..TO (1..100), against a model
	@$(MAKE) -s -j2 BUILD=test build/test/tests/storage/test_engine_random
	@LINERA_SEEDS=$(SEEDS) build/test/tests/storage/test_engine_random
.PHONY: conformance

raft-log:       ## the Raft logs under crashes, faults and flips: TIMES (20) as many seeds as in check, from SEED
	@$(MAKE) -s -j2 BUILD=test build/test/tests/storage/test_raft_log
	@RAFT_LOG_TIMES=$(or $(TIMES),20) $(if $(SEED),LINERA_SEED=$(SEED)) build/test/tests/storage/test_raft_log
.PHONY: raft-log

C_FILES = $(shell git ls-files '*.c' '*.h')
format:         ## rewrite the sources in the project's style
	@clang-format -i $(C_FILES)

format-check:
	@clang-format --dry-run -Werror $(C_FILES)

lint:           ## warnings as errors, layering, cppcheck, shellcheck, formatting
	@scripts/lint

# -fprofile-update=atomic: offload threads count as well, and lost updates make impossible numbers.
docs:           ## write the tables of docs/sql.md anew from the sources
	@scripts/sql-reference
.PHONY: docs

coverage:       ## line coverage of lib/ by all tests; fails below 80 %
	@$(MAKE) -s -j2 BUILD=coverage CC=gcc tests
	@find build/coverage -name '*.gcda' -delete
	@$(MAKE) -s BUILD=coverage CC=gcc unit | tail -1
	@LINERA_BIN=build/coverage/bin bats $(filter-out %/footprint.bats,$(wildcard tests/programs/*.bats)) | tail -1
	@gcovr --root . --filter 'lib/' --object-directory build/coverage --gcov-ignore-parse-errors \
	    --exclude-unreachable-branches --txt build/coverage/report.txt --print-summary --fail-under-line 80

FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=build/fuzz/bin/%)
FUZZ_SECONDS ?= 60
fuzz:           ## run every fuzzer for FUZZ_SECONDS (clang's libFuzzer with ASan and UBSan)
	@$(MAKE) -s -j2 CC=clang SAN=fuzzer-no-link,address,undefined BUILD=fuzz build/fuzz/liblinera.a $(FUZZ_BIN)
	@for f in $(FUZZ_BIN); do n=$$(basename $$f); echo "== $$f"; mkdir -p build/fuzz/corpus/$$n; \
	    $$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 build/fuzz/corpus/$$n \
	    $$(ls -d tests/fuzz/corpus/$$n tests/fuzz/regressions/$$n 2>/dev/null) || exit 1; done

build/fuzz/bin/%: tests/fuzz/%.c tests/common/wire_world.c build/fuzz/liblinera.a
	@mkdir -p $(@D)
	@clang $(BASE) -O1 -fsanitize=fuzzer,address,undefined -DLINERA_DEBUG -DHEAP_ON_MALLOC $(INC) -o $@ $^ $(PKG_LIBS)

bench: $(BENCH_BIN) ## run the micro-benchmarks
	@for b in $(BENCH_BIN); do echo "== $$b"; $$b || exit 1; done

# Needs two libraries that nothing else does; figures that count come from BUILD=release.
COMPARE_SRC := tests/bench/compare_engines.c $(wildcard tests/bench/target_*.c)
COMPARE_BIN := $(OUT)/tests/bench/compare_engines
$(COMPARE_BIN): $(COMPARE_SRC:%.c=$(OUT)/%.o) $(LIB)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ -lrocksdb -llmdb $(PKG_LIBS)

bench-engines:  ## the storage engine against RocksDB and LMDB (librocksdb-dev, liblmdb-dev); ARGS="--rows 100000"
	@for h in rocksdb/c.h lmdb.h; do echo "#include <$$h>" | $(CC) -fsyntax-only -xc - 2>/dev/null || \
	    { echo "bench-engines: no <$$h>: apt-get install librocksdb-dev liblmdb-dev" >&2; exit 1; }; done
	@$(MAKE) -s $(COMPARE_BIN)
	@$(COMPARE_BIN) $(ARGS)
.PHONY: bench-engines

RUNS ?= 200
crash: all      ## kill -9 a node under load RUNS times and look for lost or half transactions
	@tests/crash/kill9 $(RUNS)

install: all    ## install programs, man pages, completions and the systemd unit
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/lib/systemd/system \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install $(PROGRAMS:%=bin/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 completions/bash/* $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 completions/zsh/* $(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -m 644 completions/fish/* $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 644 examples/linera-node.service $(DESTDIR)$(PREFIX)/lib/systemd/system

clean:          ## remove everything that was built
	rm -rf build $(PROGRAMS:%=bin/%)

help:           ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/'
