# mcpd: one Makefile for everything. `make help` lists the targets.
#
# Two programs from one source. mcpd (thin) touches containers; mcpd-image
# (heavy) adds the registry and the layers, and with them libcurl, libarchive
# and libcrypto. Objects live under build/VARIANT/obj, so the sanitizer build
# (SAN=1) never mixes with the release build.

PREFIX ?= /usr/local
DESTDIR ?=
CC = gcc
AR = ar
PKG_CONFIG ?= pkg-config
V ?= 0
WERROR ?= 0
SAN ?= 0

VARIANT := $(if $(filter 1,$(SAN)),asan,release)
BUILD := build/$(VARIANT)
OBJ := $(BUILD)/obj
VERSION := $(or $(shell sed -n 's/^.define MCPD_VERSION "\(.*\)"/\1/p' src/mcpd.h 2>/dev/null),0.0.0)
SONAME := libmcpd.so.0
comma := ,

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' "$(1)" "$(2)"
endif

# --- flags ------------------------------------------------------------------

# Asks the compiler about a flag that not every version or machine knows.
cc-option = $(shell $(CC) $(1) -Werror -x c -c -o /dev/null /dev/null 2>/dev/null && echo '$(1)')

WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wundef -Wvla -Wpointer-arith -Wcast-qual \
    -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
    -Wswitch-enum -Wnull-dereference -Wduplicated-cond -Wduplicated-branches -Wlogical-op \
    -Wimplicit-fallthrough -Wjump-misses-init -Wconversion \
    -Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
    -Werror=int-conversion -Werror=return-type -Werror=format-security
HARDEN := -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero \
    -fno-delete-null-pointer-checks -fno-strict-overflow \
    $(call cc-option,-fcf-protection=full) $(call cc-option,-fstrict-flex-arrays=3)
OPTIMIZE_release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
# The only build in which a test can kill a process at a named point (src/base/fault.h).
OPTIMIZE_asan := -O1 -g1 -fno-omit-frame-pointer $(SANITIZE) -DMCPD_FAULT_POINTS
# PIC and not just PIE: the same objects make the programs and the shared library.
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Isrc $(OPTIMIZE_$(VARIANT)) -fPIC -fvisibility=hidden \
    -fno-semantic-interposition -fno-common $(WARNINGS) $(HARDEN) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed \
    $(if $(filter asan,$(VARIANT)),$(SANITIZE)) $(LDFLAGS)

# Asked once, and only when something is linked: `make help` needs no library.
THIN_PACKAGES := jansson libseccomp libcap
HEAVY_PACKAGES := libcurl libarchive libcrypto libisal libzstd zlib
once = $(eval $(1) := $(2))$($(1))
pkg-libs = $(shell $(PKG_CONFIG) --libs $(1) || echo -lmissing-package-see-scripts/install-deps)
THIN_LIBS = $(call once,THIN_LIBS,$(call pkg-libs,$(THIN_PACKAGES)))
HEAVY_LIBS = $(call once,HEAVY_LIBS,$(call pkg-libs,$(HEAVY_PACKAGES)))
TEST_LIBS = $(call once,TEST_LIBS,$(call pkg-libs,cmocka))

# --- what is made from what -------------------------------------------------

tree = $(wildcard $(addsuffix /*.c,$(1) $(addsuffix /*,$(1))))
objects = $(patsubst %.c,$(OBJ)/%.o,$(1))

# Files of the engine that use the registry or the layers.
HEAVY_ENGINE := $(wildcard src/image_inprocess*.c)
HEAVY_SRC := $(call tree,src/registry src/build src/oci/layer) $(HEAVY_ENGINE)
LIB_SRC := $(call tree,src/base src/runtime) $(wildcard src/oci/*.c) \
    $(filter-out $(HEAVY_ENGINE),$(wildcard src/*.c))
CLI_SRC := $(call tree,src/cli)
TEST_SRC := $(filter-out $(wildcard tests/unit/support/*.c),$(sort $(call tree,tests/unit) \
    $(wildcard tests/unit/*/*/*.c)))
SUPPORT_SRC := $(wildcard tests/unit/support/*.c)

THIN_OBJ := $(call objects,$(LIB_SRC) $(CLI_SRC))
HEAVY_OBJ := $(call objects,$(filter-out src/image_helper.c,$(LIB_SRC)) $(CLI_SRC) $(HEAVY_SRC))
# What unit tests may reach. Of the two image back ends only the helper is here;
# a test of the other one names it (below), and the first definition wins.
TEST_OBJ := $(filter-out %/cli/main.o $(call objects,$(wildcard src/image_inprocess*.c)),$(sort $(THIN_OBJ) $(HEAVY_OBJ))) \
    $(call objects,$(SUPPORT_SRC))
TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(TEST_SRC))
PROGRAMS := $(BUILD)/mcpd $(BUILD)/mcpd-image
LIBRARIES := $(BUILD)/libmcpd.a $(BUILD)/$(SONAME)

##@ Build
all: $(PROGRAMS) $(LIBRARIES) man ## both programs, the library, man page and completion
man: $(BUILD)/mcpd.1 $(BUILD)/mcpd.bash

$(BUILD)/mcpd: $(THIN_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(THIN_LIBS)

$(BUILD)/mcpd-image: $(HEAVY_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(THIN_LIBS) $(HEAVY_LIBS)

$(BUILD)/libmcpd.a: $(call objects,$(LIB_SRC))
$(BUILD)/libtest.a: $(TEST_OBJ)
$(BUILD)/lib%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/$(SONAME): $(call objects,$(LIB_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared $(if $(filter release,$(VARIANT)),-Wl$(comma)-z$(comma)defs) -Wl,-soname,$(SONAME) -o $@ $^ $(THIN_LIBS)
	$(Q)ln -sf $(SONAME) $(BUILD)/libmcpd.so

# The program describes itself: one option table feeds parser, help, man page and completion.
$(BUILD)/mcpd.1: $(BUILD)/mcpd
	$(call say,GEN,$@)
	$(Q)$< internal man >$@
$(BUILD)/mcpd.bash: $(BUILD)/mcpd
	$(call say,GEN,$@)
	$(Q)$< internal completion bash >$@

$(BUILD)/tests/%: $(OBJ)/tests/unit/%.o $(BUILD)/libtest.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -pie -o $@ $(filter %.o,$^) $(filter %.a,$^) $(TEST_LIBS) $(THIN_LIBS) $(HEAVY_LIBS)
$(BUILD)/tests/test_image_inprocess: $(call objects,$(wildcard src/image_inprocess*.c))

$(OBJ)/tests/%.o: private EXTRA_CFLAGS = -Itests/unit -Wno-unused-parameter
$(OBJ)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(EXTRA_CFLAGS) $(if $(filter 1,$(WERROR)),-Werror) -MMD -MP -c -o $@ $<

# Changes only when the compiler or its flags do, and then everything is made anew.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' >$@

-include $(shell find $(OBJ) build/fuzz/obj -name '*.d' 2>/dev/null)

install: all ## install under PREFIX (/usr/local), below DESTDIR
	scripts/install-files install '$(DESTDIR)' '$(PREFIX)' '$(BUILD)' '$(VERSION)'
uninstall: ## remove what install put there
	scripts/install-files uninstall '$(DESTDIR)' '$(PREFIX)' '$(BUILD)' '$(VERSION)'
clean: ## remove everything built
	rm -rf build

##@ Try
demo: ## as root: install what is missing, build, pull a small image, run it
	scripts/demo

##@ Test
check: ## everything; as root also installs what the tests need
	scripts/run-tests all
check-unit: $(TESTS) ## unit tests (one: make test_MODULE; SAN=1: sanitizers)
	scripts/run-tests unit
check-e2e: all ## end-to-end tests, as root and as an ordinary user
	scripts/run-tests e2e
check-vm: all ## in a virtual machine with cgroup v2: limits, isolation (QEMU, no KVM needed)
	scripts/run-tests vm
check-asan: ## unit tests and a part of the end-to-end tests with sanitizers
	scripts/run-tests asan
$(foreach t,$(TESTS),$(eval $(notdir $(t)):: $(t); $(t)))
unit-tests: $(TESTS)

# libFuzzer over each parser: its own objects, made once for all targets. The corpus grows below
# build/fuzz and starts from the inputs in the tree. One target: make fuzz-manifest.
FUZZ_TIME ?= 60
FUZZ_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Isrc -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_SRC := $(filter-out src/engine% src/image_% src/internal.c,$(LIB_SRC)) \
    $(call tree,src/oci/layer src/registry) $(wildcard src/cli/template*.c) src/cli/out.c
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
build/fuzz/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
build/fuzz/libfuzz.a: $(patsubst %.c,build/fuzz/obj/%.o,$(FUZZ_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
build/fuzz/bin/%: build/fuzz/obj/tests/fuzz/fuzz_%.o build/fuzz/libfuzz.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(THIN_LIBS) $(HEAVY_LIBS)
fuzz-%: build/fuzz/bin/%
	$(call say,FUZZ,$*: $(FUZZ_TIME) seconds)
	$(Q)mkdir -p build/fuzz/corpus/$*
	$(Q)$< -max_total_time=$(FUZZ_TIME) -timeout=20 -artifact_prefix=build/fuzz/$*- build/fuzz/corpus/$* \
	    tests/fuzz/corpus/$* tests/fuzz/reject/$* >build/fuzz/$*.log 2>&1 || { tail -n 60 build/fuzz/$*.log; exit 1; }
fuzz: ## libFuzzer on each parser, FUZZ_TIME=60 seconds each (clang)
	$(Q)$(MAKE) --no-print-directory -j $(shell nproc) $(addprefix fuzz-,$(FUZZERS))
bench: all ## speed against podman, runc, bwrap and a minimal C program
	scripts/bench

##@ Look
check-layers: ## who may include whom
	@scripts/check-layers
check-size: ## longest file and function
	@scripts/check-size
check-style: check-format ## banned calls, white space, names, format
	@scripts/check-style
check-format: ## clang-format 14, changes nothing
	@scripts/format --check
format: ## clang-format 14, in place
	@scripts/format
lint: ## clang-tidy, cppcheck, shellcheck
	scripts/lint
help: ## this list
	@awk '/^##@/ {printf "%s:\n", substr($$0, 5)} \
	    /^[a-z0-9-]+:.*## / {split($$0, a, /:.*## /); printf "  %-13s %s\n", a[1], a[2]}' Makefile

FORCE:
.PHONY: all man install uninstall clean demo check check-unit check-e2e check-asan check-vm unit-tests fuzz \
    bench check-layers check-size check-style check-format format lint help FORCE
