# The tools that judge the others: a check that never fails proves nothing.
load lib

setup() {
	bb_setup
	mkdir -p tests lib/{base,wire,flow,line,configdb,serve,seal,im} cmd/bbrouter
}

item() { # NAME, and the script on standard input
	cat >"tests/$1"
	chmod +x "tests/$1"
}

run_tests() {
	run "$BB_SRC/tests/run" -j 2 -l logs "$@"
}

last_line_is() {
	assert_eq "${lines[-1]}" "$1"
}

@test "tests/run: counts what TAP programs and commands say" {
	item good <<-'EOF'
		#!/bin/sh
		printf 'ok 1 - a\nok 2 # skip no wind\n1..2\n'
	EOF
	run_tests tests/good 'yes=true' 'maybe=echo no sail; exit 77'
	assert_status 0
	last_line_is "2 passed, 0 failed, 2 skipped"
	assert_has "$output" "skipped: good: # skip no wind"
	assert_has "$output" "skipped: maybe: no sail"
}

@test "tests/run: a test without its plan has failed" {
	item short <<-'EOF'
		#!/bin/sh
		echo 'ok 1 - a'
	EOF
	run_tests tests/short
	assert_status 1
	last_line_is "1 passed, 1 failed, 0 skipped"
}

@test "tests/run: a test that ends with an error has failed" {
	item crash <<-'EOF'
		#!/bin/sh
		printf 'ok 1 - a\n1..1\n'
		kill -SEGV $$
	EOF
	run_tests tests/crash tests/missing 'no=false'
	assert_status 1
	last_line_is "1 passed, 3 failed, 0 skipped"
}

@test "tests/run: a test that leaves a process behind has failed" {
	item litter <<-'EOF'
		#!/bin/sh
		tail -f /dev/null >/dev/null 2>&1 &
		echo $! >litter.pid
		printf 'ok 1 - a\n1..1\n'
	EOF
	run_tests tests/litter
	assert_status 1
	last_line_is "1 passed, 1 failed, 0 skipped"
	wait_until 5 gone "$(cat litter.pid)"
}

@test "tests/run: a test that takes too long has failed" {
	run_tests -t 1 'slow=sleep 30'
	assert_status 1
	last_line_is "0 passed, 1 failed, 0 skipped"
}

@test "tests/run: a sanitizer's report is a failure" {
	run "$BB_SRC/tests/run" -l logs -s logs/reports \
	    'found=echo "AddressSanitizer: leak" >logs/reports/asan.1'
	assert_status 1
	assert_has "$output" "AddressSanitizer: leak"
	last_line_is "1 passed, 1 failed, 0 skipped"
}

layers() {
	: >needs
	run "$BB_SRC/tools/layers" .
}

@test "layers: rooms include only the rooms below" {
	touch lib/wire/frame.h lib/base/buf.h lib/configdb/db.h
	echo '#include "base/buf.h"' >lib/wire/frame.c
	layers
	assert_status 0
	echo '#include "wire/frame.h"' >lib/base/buf.c
	echo '#include "configdb/db.h"' >lib/flow/session.h
	layers
	assert_status 1
	assert_has "$output" 'lib/base/buf.c: includes "wire/frame.h"'
	assert_has "$output" 'lib/flow/session.h: includes "configdb/db.h"'
}

@test "layers: configdb includes admission.h of flow and nothing else of it" {
	touch lib/flow/admission.h lib/flow/session.h
	echo '#include "flow/admission.h"' >lib/configdb/admit.c
	layers
	assert_status 0
	echo '#include "flow/session.h"' >>lib/configdb/admit.c
	layers
	assert_status 1
	assert_has "$output" 'lib/configdb/admit.c: includes "flow/session.h"'
}

@test "layers: a library has one place" {
	echo '#include <sqlite3.h>' >lib/configdb/db.c
	echo '#include <sys/socket.h>' >lib/base/sys_linux.c
	layers
	assert_status 0
	echo '#include <sqlite3.h>' >cmd/bbrouter/main.c
	echo '# include <openssl/evp.h>' >lib/line/line.c
	echo '#include <sys/socket.h>' >lib/base/fd.c
	layers
	assert_status 1
	assert_has "$output" 'cmd/bbrouter/main.c: includes <sqlite3.h>'
	assert_has "$output" 'lib/line/line.c: includes <openssl/evp.h>'
	assert_has "$output" 'lib/base/fd.c: includes <sys/socket.h>'
}

@test "layers: a tool does not reach into another, nor upwards" {
	touch cmd/bbrouter/router.h
	printf '#include "%s"\n' router.h dispatch.h ../x.h >cmd/bbrouter/main.c
	layers
	assert_status 1
	refute_has "$output" '"router.h"'
	assert_has "$output" 'includes "dispatch.h"'
	assert_has "$output" 'includes "../x.h"'
}

@test "layers: conditional compilation is for guards and for sys_*.c" {
	printf '#ifndef X_H\n#define X_H\n#endif\n' >lib/wire/x.h
	printf '#ifdef __linux__\n#endif\n' >lib/base/sys_linux.c
	layers
	assert_status 0
	printf 'int x;\n#if 0\n#endif\n' >lib/wire/x.c
	printf '#ifndef Y_H\n#define Y_H\n#ifdef Z\n#endif\n#endif\n' >lib/wire/y.h
	layers
	assert_status 1
	assert_has "$output" "lib/wire/x.c:2: conditional compilation"
	assert_has "$output" "lib/wire/y.h:3: conditional compilation"
}

compile() { # FILE: as an object where layers looks
	mkdir -p "$(dirname "$1")"
	cat >"$1"
	cc -O0 -c -o "${1%.c}.o" "$1"
}

@test "layers: wire and flow need only each other and mem*, str*" {
	compile lib/wire/a.c <<-'EOF'
		#include <string.h>
		unsigned long bb_a(const char *s) { return strlen(s); }
	EOF
	compile lib/flow/b.c <<-'EOF'
		unsigned long bb_a(const char *s);
		unsigned long bb_b(const char *s) { return bb_a(s); }
	EOF
	layers
	assert_status 0
	compile lib/flow/c.c <<-'EOF'
		#include <stdlib.h>
		#include <string.h>
		int bb_fd_close(int fd);
		char *bb_c(const char *s) { bb_fd_close(0); return strdup(s); }
	EOF
	layers
	assert_status 1
	assert_has "$output" "lib/flow/c.c: is pure and needs strdup"
	assert_has "$output" "lib/flow/c.c: is pure and needs bb_fd_close"
}

@test "layers: a tool is linked with what its table says" {
	echo 'int main(void) { return 0; }' >t.c
	cc -Wl,--no-as-needed -o bbrouter t.c -lz
	echo 'bbrouter: -lz ' >needs
	run "$BB_SRC/tools/layers" .
	assert_status 0
	echo 'bbrouter: -levent_core ' >needs
	run "$BB_SRC/tools/layers" .
	assert_status 1
	assert_has "$output" "cmd/bbrouter: is linked with libz.so"
}

@test "deps: nothing is done when everything is there" {
	run make -C "$BB_SRC" --no-print-directory deps
	assert_status 0
	assert_eq "$output" ""
}

@test "canary: a secret is found as it is, in hex, base64 and UTF-16" {
	local word

	word=$(bb_canary)
	printf 'x%s' "$word" >plain
	printf 'xy%s' "$word" | base64 -w 0 >b64
	printf '%s' "$word" | od -An -v -tx1 | tr -d ' \n' >hex
	printf '%s' "$word" | iconv -t UTF-16LE >wide
	printf 'nothing' >none
	run canary_in "$word" "$T"
	assert_status 0
	assert_eq "$(sort <<<"$output" | xargs -n 1 basename | xargs)" \
	    "b64 hex plain wide"
	run refute_canary "$word" "$T/none"
	assert_status 0
	run refute_canary "$word" "$T/plain"
	assert_status 1
}
