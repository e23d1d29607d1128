# Makefile - builds, checks and installs the bb tools.  For GNU make 4.2 or
# later (gmake on the BSDs and on macOS); `make help` lists the targets.
#
# Everything generated lies in $(B): `make B=out` builds elsewhere, and a build
# with other flags (san, fuzz) has a folder of its own.  CC, CFLAGS, CPPFLAGS,
# LDFLAGS and LDLIBS belong to the user; what the project needs comes before
# them, so that theirs win.  Local settings may stand in config.mk.

-include config.mk

B           ?= build
CFLAGS      ?= -O2 -g
PKG_CONFIG  ?= pkg-config
NM          ?= nm
PREFIX      ?= /usr/local
BINDIR      ?= $(PREFIX)/bin
MANDIR      ?= $(PREFIX)/share/man
DOCDIR      ?= $(PREFIX)/share/doc/bb
# Seconds that each fuzz target runs, and how much is tested at a time.
FUZZ_SECONDS ?= 30
JOBS        ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# T=word: test only what has the word in its name.
T           ?=
# DEV=1: warnings are errors.  V=1: show commands.
DEV         ?=
V           ?=
# Sanitizers to compile with; set by the targets san and fuzz.
SAN         ?=

VERSION := $(file <VERSION)

ifneq ($(filter . ./ .. ../ / lib cmd tests,$(B)),)
$(error B=$(B) is not a folder to build in)
endif

# --- What there is ----------------------------------------------------------

# A tool is a folder with a main.c; the table says which libraries it may need
# (pkg-config names), and `make layers` that it needs no other.
NEEDS_bbrouter   := libevent_core
NEEDS_bbdispatch := libevent_core libcrypto zlib sqlite3 jansson
NEEDS_bbcollab   := libevent_core libcrypto zlib sqlite3 jansson
NEEDS_bbsession  := libcrypto sqlite3 jansson
NEEDS_bbdevice   := libevent_core libcrypto zlib jansson
PACKAGES         := libevent_core libcrypto zlib sqlite3 jansson

TOOLS := $(patsubst cmd/%/main.c,%,$(wildcard cmd/*/main.c))
ROOMS := base wire seal line flow configdb im serve

# Of lib/base/sys_*.c one is compiled; there is no other choice by system.
SYS     := $(if $(filter Linux,$(shell uname -s)),linux,posix)
LIB_SRC := $(sort $(filter-out lib/base/sys_%,$(foreach r,$(ROOMS),\
	$(wildcard lib/$(r)/*.c lib/$(r)/*/*.c)))) \
	$(wildcard lib/base/sys_$(SYS).c)
CMD_SRC := $(foreach t,$(TOOLS),$(wildcard cmd/$(t)/*.c))
UNITS   := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
BATS    := $(wildcard tests/bats/*.bats)
PEERS   := $(wildcard tests/peers/*.bats)
MODELS  := $(wildcard tests/model/*.pml)
# Programs that only tests need: one file each, linked with the library.
FORGERS := $(patsubst tests/tool/%.c,%,$(wildcard tests/tool/*.c))
# Programs that measure: the files of tests/bench that each is made of.
BENCH_micro := micro micro_ref micro_link micro_store bench
BENCH_admit := admit device world bench
BENCH_start := start device world stages bench
BENCH_relay := relay relay_serve pump stages bench
BENCH_pipe  := pipe device world stages bench
BENCH_load  := load talk phase gateway client device world relay_serve pump \
	stages bench
BENCHES     := micro admit start relay pipe load
MAN     := $(wildcard docs/man/*.[1578])
DOCS    := $(wildcard README.md LICENSE CHANGES.md docs/*.md)
# Configurations of launchers: examples, with the tools' folder put in.
ETC     := $(wildcard etc/*.md etc/*.example etc/*/*)
C_FILES := $(wildcard lib/*/*.c lib/*/*/*.c cmd/*/*.c tests/unit/*.c \
	tests/fuzz/*.c tests/bench/*.c tests/tool/*.c tools/*.c)
HEADERS := $(wildcard lib/*/*.h lib/*/*/*.h cmd/*/*.h tests/unit/*.h \
	tests/bench/*.h)
SHELL_FILES := .ci/run tests/run tests/bench/run $(filter-out \
	tools/packages %.c,$(wildcard tools/*)) $(wildcard tests/*/*.bash \
	tests/*/*.bats share/completion/*)

objects = $(patsubst %.c,$(B)/%.o,$(1))
chosen  = $(if $(T),$(foreach t,$(1),$(if $(findstring $(T),$(t)),$(t))),$(1))

# --- How it is compiled -----------------------------------------------------

# Not -Wlogical-op: it dislikes `EAGAIN || EWOULDBLOCK`, which POSIX asks for.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings -Wvla \
	-Wundef -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wswitch-enum -Wimplicit-fallthrough \
	-Wnull-dereference -Wdouble-promotion -Wduplicated-cond \
	-Wtrampolines -Werror=implicit -Werror=incompatible-pointer-types \
	-Werror=int-conversion
HARDENING := -fPIE -fstack-protector-strong -fstack-clash-protection \
	-fcf-protection=full -ftrivial-auto-var-init=zero \
	-fno-strict-aliasing -fno-delete-null-pointer-checks \
	$(if $(SAN),,-U_FORTIFY_SOURCE+-D_FORTIFY_SOURCE=3)
LINK_HARDENING := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack \
	-Wl,--as-needed

# -D_POSIX_C_SOURCE comes first and is not repeated: sys_*.c define more.
BB_CPPFLAGS := -D_POSIX_C_SOURCE=200809L -DBB_VERSION='"$(VERSION)"' -Ilib
BB_CFLAGS   := -std=c11 -pthread $(if $(DEV),-Werror) $(if $(SAN),\
	-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
COMPILE = $(BB_CPPFLAGS) $(foreach p,$(PACKAGES),$(CFLAGS_$(p))) \
	$(BB_CFLAGS) $(CC_WARNINGS) $(CC_HARDENING) $(CPPFLAGS) $(CFLAGS)
LINK    = $(BB_CFLAGS) $(CC_HARDENING) $(CFLAGS) $(LD_HARDENING) $(LDFLAGS)
libs    = $(foreach p,$(1),$(LIBS_$(p))) $(LDLIBS)

ifeq ($(V),)
Q   := @
say  = @printf '  %-7s %s\n' $(1) $(2)
else
say  = @:
endif

.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all

all: $(TOOLS:%=$(B)/%) ## build the tools (also plain `make`)

# Goals that compile nothing need no compiler, least of all those that install
# it: for the others the probe's answers are read, and made when they are old.
goals    := $(or $(MAKECMDGOALS),all)
no_build := help clean deps deps-peers dist uninstall format model san fuzz \
	lint check-peers
ifneq ($(filter-out $(no_build),$(goals)),)
# $(B)/config changes when a setting or the list of sources does.
config := $(CC)|$(COMPILE)|$(LINK)|$(LDLIBS)|$(WARNINGS)|$(HARDENING)
ifneq ($(file <$(B)/config),$(config))
$(shell mkdir -p $(B))
$(file >$(B)/config,$(config))
endif
ifneq ($(file <$(B)/sources),$(LIB_SRC) $(CMD_SRC))
$(file >$(B)/sources,$(LIB_SRC) $(CMD_SRC))
endif
include $(B)/probe.mk
endif

# `make deps check`: packages first, they change what the probe finds.
$(B)/probe.mk: $(B)/config tools/probe | $(filter deps,$(goals))
	$(call say,PROBE,$(CC))
	$(Q)CC='$(CC)' CFLAGS='$(CFLAGS) $(if $(SAN),-fsanitize=$(SAN))' \
	    PKG_CONFIG='$(PKG_CONFIG)' PACKAGES='$(PACKAGES)' \
	    WARNINGS='$(WARNINGS)' HARDENING='$(HARDENING)' \
	    LINK_HARDENING='$(LINK_HARDENING)' tools/probe >$@

$(B)/config $(B)/sources: ;

$(B)/%.o: %.c $(B)/probe.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMPILE) $(CPPFLAGS_$(firstword $(subst /, ,$<))) \
	    -MMD -MP -c -o $@ $<

CPPFLAGS_tests := -Itests/unit

$(B)/libbb.a: $(call objects,$(LIB_SRC)) $(B)/sources
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

define tool_rule
$(B)/$(1): $(call objects,$(wildcard cmd/$(1)/*.c)) $(B)/libbb.a $(B)/sources
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LINK) -o $$@ $$(filter %.o %.a,$$^) \
	    $$(call libs,$$(NEEDS_$(1)))
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rule,$(t))))

link_test = $(Q)$(CC) $(LINK) $(1) -o $@ $(filter %.o %.a,$^) \
	$(call libs,$(PACKAGES))

$(UNITS:%=$(B)/tests/unit/%): %: %.o $(B)/tests/unit/tap.o $(B)/libbb.a
	$(call say,LD,$@)
	$(call link_test)

$(FUZZERS:%=$(B)/tests/fuzz/replay_%): $(B)/tests/fuzz/replay_%: \
	    $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o \
	    $(B)/tests/unit/tap.o $(B)/libbb.a
	$(call say,LD,$@)
	$(call link_test)

$(FUZZERS:%=$(B)/tests/fuzz/fuzz_%): %: %.o $(B)/libbb.a
	$(call say,LD,$@)
	$(call link_test,-fsanitize=fuzzer)

$(FORGERS:%=$(B)/tests/tool/%): %: %.o $(B)/libbb.a
	$(call say,LD,$@)
	$(call link_test)

define bench_rule
$(B)/tests/bench/$(1): $(BENCH_$(1):%=$(B)/tests/bench/%.o) $(B)/libbb.a
	$$(call say,LD,$$@)
	$$(call link_test)
endef
$(foreach b,$(BENCHES),$(eval $(call bench_rule,$(b))))

-include $(patsubst %.o,%.d,$(call objects,$(LIB_SRC) $(CMD_SRC) $(wildcard \
	tests/unit/*.c tests/fuzz/*.c tests/tool/*.c tests/bench/*.c)))

# generated from messages.def: the fuzz dictionaries of lines and messages, and
# the list of messages in docs/wire.md.  The generator needs the table only.
MESSAGES_GEN  := $(B)/tools/messages-gen
MESSAGES_DICT := $(patsubst %,$(B)/tests/fuzz/dict/%.dict,line message)

$(MESSAGES_GEN): $(B)/tools/messages-gen.o $(B)/lib/line/table.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LINK) -o $@ $(filter %.o,$^) $(LDLIBS)

$(MESSAGES_DICT): $(MESSAGES_GEN)
	@mkdir -p $(@D)
	$(Q)$< dict >$@

.PHONY: docs-messages
docs-messages: $(MESSAGES_GEN) ## put the list of messages into docs/wire.md
	$(Q)tools/docs-messages '$<'

-include $(B)/tools/messages-gen.d

# --- What is tested ---------------------------------------------------------
#
# Each of these targets ends with one line `N passed, N failed, N skipped`; what
# could not be built has failed, and the rest is tested all the same.
# The recursion is into the same makefile with other settings, never into
# folders; it also lets the build use all processors where make has no -j.

SUBMAKE = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,\
	-j$(JOBS))

ifneq ($(word 2,$(filter check check-peers san fuzz lint,$(goals))),)
.NOTPARALLEL:
endif

unit_programs := $(patsubst %,$(B)/%,$(call chosen,\
	$(UNITS:%=tests/unit/%) $(FUZZERS:%=tests/fuzz/replay_%)))
bats_files    := $(call chosen,$(BATS))
RUN = NM='$(NM)' BB_BIN='$(abspath $(B))' tests/run -j '$(JOBS)' -l '$(B)/log'

.PHONY: check check-programs san san-run fuzz fuzz-programs check-peers model
check: ## build all and run the core suite (T=word: only what matches)
	+-@$(SUBMAKE) -k check-programs
	@$(RUN) $(unit_programs) $(bats_files) \
	    $(if $(T),,'layers=tools/layers $(B)' $(install_step) \
	    'messages=tools/docs-messages -n $(MESSAGES_GEN)' \
	    'vectors=tools/docs-vectors')

# With the same settings, or it would build anew beside the tests.
install_step = 'install=$(MAKE) --no-print-directory B="$(B)" CC="$(CC)" \
	CFLAGS="$(CFLAGS)" CPPFLAGS="$(CPPFLAGS)" LDFLAGS="$(LDFLAGS)" \
	LDLIBS="$(LDLIBS)" SAN="$(SAN)" DEV="$(DEV)" install-check'

check-programs: $(unit_programs) $(if $(T),$(if $(bats_files),all),all \
	$(B)/needs $(MESSAGES_GEN)) $(if $(bats_files),$(FORGERS:%=$(B)/tests/tool/%))

# What of the libraries each tool may be linked with, for tools/layers.
$(B)/needs: $(B)/probe.mk Makefile
	@printf '%s\n' $(foreach t,$(TOOLS),'$(t): $(call \
	    libs,$(NEEDS_$(t)))') >$@

# A report is written to a file: a test which expects a tool to fail would
# not see that it failed for another reason.
reports  = $(abspath $(B))/log/reports
san_env  = BB_SAN='$(SAN)' LSAN_OPTIONS=exitcode=86 \
	ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:exitcode=86:$(\
	)detect_stack_use_after_return=1:log_path='$(reports)/asan' \
	UBSAN_OPTIONS=print_stacktrace=1:exitcode=86:log_path='$(reports)/ubsan'
can_san  = printf 'int main(void) { return 0; }' | $(1) -x c $(2) - \
	-o /dev/null 2>/dev/null
SAN_CC   = $(shell if $(call can_san,clang,-fsanitize=address); \
	then echo clang; else echo $(CC); fi)
FUZZ_SAN = fuzzer-no-link,address,undefined

# Units and what feeds the stages as filters; the whole suite takes too long for
# every change: SAN_BATS='$(BATS)', or T=word for what one works on.
SAN_BATS ?= $(filter tests/bats/10-% tests/bats/20-% tests/bats/30-% \
	tests/bats/40-% tests/bats/8%,$(BATS))
san_bats = $(if $(T),$(bats_files),$(SAN_BATS))

san: ## units and pipelines with address and undefined behaviour sanitizers
	+@$(SUBMAKE) B='$(B)/san' CC='$(SAN_CC)' SAN=address,undefined \
	    CFLAGS='-O1 -g' san-run

san-run:
	+-@$(SUBMAKE) -k check-programs
	@$(san_env) $(RUN) -s '$(reports)' $(unit_programs) $(san_bats)

fuzz: ## run each fuzz target FUZZ_SECONDS long (T=word: only some)
	+@if printf 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	    clang -x c -fsanitize=fuzzer - -o /dev/null 2>/dev/null; then \
	    $(SUBMAKE) B='$(B)/fuzz' CC=clang SAN='$(FUZZ_SAN)' \
	        CFLAGS='-O1 -g' -k fuzz-programs; fi || :
	@$(RUN) $(foreach f,$(call chosen,$(FUZZERS)),\
	    'fuzz/$(f)=tests/fuzz/run $(f) $(B)/fuzz $(FUZZ_SECONDS)')

fuzz-programs: $(patsubst %,$(B)/tests/fuzz/fuzz_%,$(call chosen,$(FUZZERS))) \
	$(MESSAGES_DICT)

check-peers: ## test against third-party servers and clients; the models
	+@$(if $(PEERS),$(SUBMAKE) all)
	@$(RUN) $(call chosen,$(PEERS)) $(model_steps)

# Minutes, and the whole machine: never part of check or of CI.
.PHONY: bench
bench_programs = $(patsubst %,$(B)/tests/bench/%,$(call chosen,$(BENCHES)))
bench: all $(bench_programs) ## measure, against references and targets (T=load)
	@tests/bench/run '$(B)' $(bench_programs)

model_steps = $(foreach m,$(call chosen,$(MODELS)),\
	'$(m:tests/%.pml=%)=tools/spin-check $(m) $(B)/$(m:tests/%.pml=%)')

model: ## check the models of the protocol with spin
	@$(RUN) $(model_steps)

# --- What is inspected ------------------------------------------------------

CLANG_FORMAT := $(if $(wildcard /usr/bin/clang-format-14),clang-format-14,$(\
	)clang-format)
MANDOC_LINT  := mandoc -Tlint -Wwarning
CPPCHECK     := cppcheck --enable=warning,style,performance,portability \
	--std=c11 --library=posix --error-exitcode=1 --inline-suppr --quiet \
	--suppress=missingIncludeSystem --suppressions-list=.cppcheck-suppress

# Each step is a command: 0 passed, 77 skipped (tools/have: it says why).
dev       = $(SUBMAKE) DEV=1 B='$(B)/$(1)' CC=$(1)
lint_step = "$(1)=tools/have $(2) && $(3)"

.PHONY: lint layers headers format lint-tidy lint-programs
lint: ## warnings as errors, format, clang-tidy, cppcheck, shellcheck, mandoc
	+@$(RUN) -j 1 -t 3600 $(foreach c,gcc clang,$(call lint_step,$c,$c,\
	    $(call dev,$c) -k lint-programs headers)) \
	    $(call lint_step,layers,gcc,tools/layers '$(B)/gcc') \
	    $(call lint_step,format,$(CLANG_FORMAT),$(CLANG_FORMAT) --dry-run \
	        -Werror $(C_FILES) $(HEADERS)) \
	    "text=tools/text" \
	    $(call lint_step,clang-tidy,clang-tidy,\
	        $(call dev,clang) -k lint-tidy) \
	    $(call lint_step,cppcheck,cppcheck,mkdir -p $(B)/cppcheck && \
	        $(CPPCHECK) -j $(JOBS) --cppcheck-build-dir=$(B)/cppcheck \
	        -Ilib -Itests/unit lib cmd tests/unit) \
	    $(call lint_step,shellcheck,shellcheck,\
	        shellcheck $(SHELL_FILES)) \
	    $(if $(MAN),$(call lint_step,mandoc,mandoc,$(MANDOC_LINT) $(MAN)))

lint-programs: check-programs all $(call objects,$(filter-out \
	lib/base/sys_%,$(C_FILES)))

lint-tidy: $(patsubst %.c,$(B)/tidy/%.ok,$(filter-out lib/base/sys_%,\
	$(C_FILES)) $(wildcard lib/base/sys_$(SYS).c))

# After the object: a changed header makes the file be looked at again.
$(B)/tidy/%.ok: %.c $(B)/%.o .clang-tidy
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(COMPILE) -Itests/unit 2>&1 | \
	    grep -v '^[0-9]* warnings.* generated\.$$' ; \
	    test "$${PIPESTATUS[0]}" = 0
	@touch $@
$(B)/tidy/%.ok: SHELL := bash

layers: lint-layers ## what may include what, what is pure, what links what
	@NM='$(NM)' tools/layers '$(B)'
lint-layers: all $(B)/needs $(call objects,$(LIB_SRC))
.PHONY: lint-layers

# Twice: alone, and it must not mind being included again.
headers: $(HEADERS:%=$(B)/headers/%.ok) ## each header compiles alone
$(B)/headers/%.ok: % $(HEADERS) $(B)/probe.mk
	@mkdir -p $(@D)
	$(Q)printf '#include "%s"\n' '$(abspath $<)' '$(abspath $<)' | \
	    $(CC) $(COMPILE) -Wno-unused-macros -fsyntax-only -x c - && touch $@

format: ## reformat all C files (T=lib/wire: those)
	$(CLANG_FORMAT) -i $(call chosen,$(C_FILES) $(HEADERS))

# --- What is handed over ----------------------------------------------------

.PHONY: install uninstall dist distcheck clean deps deps-peers help
man_file = $(MANDIR)/man$(patsubst .%,%,$(suffix $(1)))/$(notdir $(1))

install: all ## install tools, man pages and documents (PREFIX, DESTDIR)
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DOCDIR)'
	$(if $(TOOLS),install -m 755 $(TOOLS:%=$(B)/%) '$(DESTDIR)$(BINDIR)')
	install -m 644 $(DOCS) '$(DESTDIR)$(DOCDIR)'
	$(foreach m,$(MAN),install -d '$(DESTDIR)$(dir $(call man_file,$m))' && \
	    install -m 644 $m '$(DESTDIR)$(call man_file,$m)' &&) :
	install -d $(sort $(foreach f,$(ETC),'$(DESTDIR)$(DOCDIR)/$(dir $f)'))
	$(foreach f,$(ETC),sed 's|/usr/local/bin|$(BINDIR)|g' $f \
	    >'$(DESTDIR)$(DOCDIR)/$f' && chmod 644 '$(DESTDIR)$(DOCDIR)/$f' &&) :

# Into a folder of its own: the tools are there, and after uninstall nothing.
.PHONY: install-check
install-check: root = $(abspath $(B))/root
install-check: all
	rm -rf '$(root)'
	$(MAKE) install DESTDIR='$(root)' PREFIX=/usr
	for tool in $(TOOLS); do test -x '$(root)'/usr/bin/$$tool || exit 1; done
	$(MAKE) uninstall DESTDIR='$(root)' PREFIX=/usr
	! find '$(root)' ! -type d | grep . && rm -rf '$(root)'

uninstall: ## remove what install put there
	rm -f $(TOOLS:%='$(DESTDIR)$(BINDIR)/%') \
	    $(foreach m,$(MAN),'$(DESTDIR)$(call man_file,$m)') \
	    $(foreach d,$(DOCS),'$(DESTDIR)$(DOCDIR)/$(notdir $d)') \
	    $(foreach f,$(ETC),'$(DESTDIR)$(DOCDIR)/$f')
	-rmdir $(foreach f,$(sort $(dir $(ETC))),'$(DESTDIR)$(DOCDIR)/$f') \
	    2>/dev/null || :
	-rmdir '$(DESTDIR)$(DOCDIR)/etc' '$(DESTDIR)$(DOCDIR)' 2>/dev/null || :

dist: ## a tarball of the last commit
	@mkdir -p '$(B)'
	git archive --prefix='bb-$(VERSION)/' -o '$(B)/bb-$(VERSION).tar.gz' HEAD

distcheck: dist ## the tarball builds, installs, and leaves nothing behind
	+tools/distcheck '$(B)/bb-$(VERSION).tar.gz' '$(MAKE)'

clean: ## remove what was built
	@if [ -e '$(B)' ] && [ ! -e '$(B)/config' ]; then \
	    echo '$(B) was not built by this makefile' >&2; exit 1; fi
	rm -rf '$(B)'

deps: ## install what building and the core suite need
	@tools/deps build check
	@tools/launchers >/dev/null

deps-peers: ## install what check-peers, san, fuzz, lint and model need too
	@tools/deps build check lint peers

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | \
	    awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'
