#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2034,SC2154 # words of inner shells; of bats
# shellcheck disable=SC2094 # bbdispatch stands in functions that read no file
# bbdispatch as a filter, both ways, against devices that are made by hand:
# every row of "Dispatcher" in docs/wire.md, "States".

load lib

FORGE=$BB_BIN/tests/tool/forge PHONE=$BB_BIN/tests/tool/phone
WIRE=$BB_SRC/tests/sim/wire.py LAUNCH=$BB_SRC/tests/sim/launch.py
ATTACH=1 ANSWER=2 RECOVER=3 DATA=4 NOTICE=5
UP=0 DOWN=1

setup() {
	bb_setup
	bb_world
}

LOGIN='{"op":"login","service":"local","user":"alice","password":"secret word","numbering":"a1a2a3a4a5a6a7a8","have":0}'
BATCH='{"op":"batch","msgs":[{"op":"send","n":1,"to":"bob","text":"hi"}]}'

# attach PIN ATT [KEYFILE [LOGIN [BATCH]]]: an ATTACH; its ephemeral pair is in
# the file PIN.pair.
attach() {
	local pin=$1 att=$2 key=${3:-$1.key} parts

	"$PHONE" pair >"$pin.pair"
	parts=("deflate:${4:-$LOGIN}")
	[ -z "${5:-}" ] || parts+=("deflate:$5")
	"$WIRE" body "${parts[@]}" pad:256 | "$FORGE" seal "$key" "$pin" \
		"$ATTACH" "$UP" "$att" 0 "$(cut -d ' ' -f 2 "$pin.pair")"
}

# data PIN KEYFILE ATT SEQ OBJECT
data() {
	"$WIRE" body "deflate:$5" |
		"$FORGE" seal "$2" "$1" "$DATA" "$UP" "$3" "$4"
}

# answer: "logged in" for the attach lines on standard input.
answer() {
	jq -c '{re, pin, att, kid, nonce, link,
		d: {op: "answer", result: "ok", text: "logged in"}}'
}

# roll PIN ATT KEYFILE NEWKEY: a login up and its answer down; the key that both
# ends now have goes into the file NEWKEY.  Leaves line, answer.
roll() {
	attach "$1" "$2" "$3" >"$1.frame"
	bbdispatch <"$1.frame" >line
	answer <line | bbdispatch >answer
	# shellcheck disable=SC2046 # two words
	"$PHONE" next "$3" $(cat "$1.pair") <answer >"$4"
}

says() { # FILE EXPRESSION: true of each line there, and there is one
	assert_json "$1" "$2"
}

# --- which way ----------------------------------------------------------------

@test "no input is no output, no error and no store" {
	rm -r "$BB_DATA"
	run -0 --separate-stderr bash -c ': | bbdispatch'
	assert_eq "$output$stderr" ""
	run -0 bash -c 'bbdispatch --filter </dev/null'
}

@test "input that is neither frames nor lines ends with 2 and says what it looks like" {
	local text

	rm -r "$BB_DATA"
	refused() { # TEXT WHAT
		printf '%s' "$1" >in
		run -2 --separate-stderr bash -c 'bbdispatch <in'
		assert_eq "$output" ""
		assert_eq "${#stderr_lines[@]}" 1
		assert_has "$stderr" "neither frames nor lines"
		assert_has "$stderr" "$2"
	}
	refused $'\x16\x03\x01\x02' "0x16): it looks like TLS"
	refused 'GET / HTTP/1.1' "it looks like HTTP"
	refused '[{"pin":1}]' "JSON array"
	refused ' {"pin":1}' "a line begins with {"
	refused $'\xef\xbb\xbf{}' "byte order mark"
	refused 'x' "0x78"
	printf '\0' >in
	run -2 bash -c 'bbdispatch <in'
	assert_has "$output" "0x00"
}

@test "/dev/null as input is refused (100)" {
	run -100 --separate-stderr bash -c 'bbdispatch </dev/null'
	assert_has "$stderr" "standard input is /dev/null"
}

@test "a connection is refused (100): nobody can have frames opened or lines sealed" {
	local kind in

	attach 2100000a 1 >frame
	bbdispatch <frame | answer >line
	for kind in pair tcp; do
		for in in frame line; do
			"$LAUNCH" "$kind" same pipe bbdispatch <$in >said
			assert_json said '.status == 100 and .received == ""
				and (.stderr | contains("no next stage"))'
		done
	done
	"$LAUNCH" tcp pipe pipe bbdispatch <line >said
	assert_json said '.status == 100 and .received == ""'
	"$LAUNCH" listen same pipe bbdispatch <line >said
	assert_json said '.status == 100'
}

@test "the way is chosen once: lines behind frames, and frames behind lines, are errors" {
	attach 2100000a 1 >frame
	bbdispatch <frame >line
	attach 2100000a 2 >frame
	{ cat frame && answer <line; } >in
	run -2 --separate-stderr bash -c 'bbdispatch <in >out'
	assert_has "$stderr" "no frame begins at byte $(stat -c %s frame)"
	assert_json out '.re == "attach" and .att == 2'
	{ answer <out && cat frame && echo; } >in
	run -2 --separate-stderr bash -c 'bbdispatch <in >down'
	assert_eq "$("$PHONE" open 2100000a.key <down | jq -r .type)" ANSWER
}

# --- the store ----------------------------------------------------------------

@test "a store that is missing is named (100)" {
	attach 2100000a 1 >frame
	run -100 --separate-stderr bash -c 'bbdispatch --data nowhere <frame'
	assert_eq "$stderr" "bbdispatch: fatal: unable to open the device store: nowhere/devices.db: no such file; run bbsession db init"
	run -100 --separate-stderr bash -c 'bbdispatch --device-store x.db <frame'
	assert_has "$stderr" "x.db: no such file"
	BB_DATA=nowhere run -100 --separate-stderr bash -c 'bbdispatch <frame'
	assert_has "$stderr" "nowhere/devices.db: no such file"
}

@test "--device-store and --data name the store" {
	attach 2100000a 1 >frame
	mkdir keys
	mv "$BB_DATA"/devices.db* keys
	bbdispatch --data keys <frame >out
	says out '.att == 1'
	attach 2100000a 2 >frame
	bbdispatch --device-store keys/devices.db --data nowhere <frame >out
	says out '.att == 2'
}

@test "a store that others may read is refused (100)" {
	attach 2100000a 1 >frame
	chmod 644 "$BB_DATA/devices.db"
	run -100 --separate-stderr bash -c 'bbdispatch <frame'
	assert_has "$stderr" "chmod 600"
}

@test "the configuration store is not opened" {
	rm "$BB_DATA"/config.db*
	attach 2100000a 1 >frame
	bbdispatch <frame >out
	says out '.att == 1'
}

# --- up: attach ---------------------------------------------------------------

@test "a login becomes a line with the verified user and the members of the page" {
	attach 2100000a 1 2100000a.key "$LOGIN" "$BATCH" |
		"$WIRE" set 4=0102030405060708 >frame
	run -0 --separate-stderr bash -c 'bbdispatch <frame >out'
	assert_eq "$stderr" ""
	assert_eq "$(jq -c keys_unsorted out)" \
		'["re","pin","user","service","att","kid","nonce","link","d","m"]'
	says out '.re == "attach" and .pin == "2100000a" and .user == "alice"
		and .service == "local" and .att == 1
		and .link == "0102030405060708"'
	assert_eq "$(jq -c .d out)" "$LOGIN"
	assert_eq "$(jq -c .m out)" "$BATCH"
	assert_eq "$(jq -r .kid out)" "$("$FORGE" kid 2100000a.key 2100000a)"
	assert_eq "$(jq -r .nonce out)" "$("$WIRE" list <frame | jq -r .nonce)"
}

@test "the user is the device's, whatever the login claims" {
	attach 2100000a 1 2100000a.key "${LOGIN/alice/bob}" >frame
	bbdispatch <frame >out
	says out '.user == "alice" and .d.user == "bob"'
}

@test "a trace has the router's and the dispatcher's step" {
	attach 2100000a 1 2100000a.key "${LOGIN/%\}/,\"trace\":true\}}" |
		bbdispatch >out
	assert_eq "$(jq -c '[.trace[] | [.step, .hop]]' out)" \
		'[[2,"bbdispatch"],[3,"bbdispatch"]]'
	says out 'all(.trace[]; .us >= 0)'
	attach 2100000a 2 | bbdispatch >out
	says out 'has("trace") | not'
}

@test "a number that was used is stale, and nothing is changed" {
	attach 2100000a 5 >frame
	attach 2100000a 4 >older
	bbdispatch <frame >first
	for again in frame older; do
		run -0 bash -c "bbdispatch <$again >out"
		says out '.re == "notice" and .d == {op: "notice", code: "stale",
			told: 5} and (.user | not)'
		assert_eq "$(jq -r .nonce out)" \
			"$("$WIRE" list <$again | jq -r .nonce)"
	done
	# The key that the first one made is still there.
	answer <first | bbdispatch >down
	assert_eq "$("$PHONE" open 2100000a.key <down | jq -r .type)" ANSWER
}

@test "two attaches of one device in one stream are taken in their order" {
	{ attach 2100000a 1 && attach 2100000a 2 && attach 2100000a 2 &&
		attach 2100000a 9; } >frames
	run -0 bash -c 'bbdispatch <frames >out'
	assert_eq "$(jq -c '[.re, .att, .d.code, .d.told]' out)" \
		"$(printf '%s\n' '["attach",1,null,null]' '["attach",2,null,null]' \
			'["notice",2,"stale",2]' '["attach",9,null,null]')"
}

# syncs FILE: how often the disk was synced for these frames.
syncs() {
	strace -f -o trace -e trace=fsync,fdatasync bbdispatch <"$1" >out &&
		grep -c sync trace
}

@test "attaches that come together share one sync of the disk" {
	command -v strace >/dev/null || skip "no strace"
	[ -z "${BB_SAN:-}" ] || skip "a sanitizer does not go with strace"
	local i pin one

	for i in {10..39}; do
		pin=220000$i
		printf '%064d\n' "$i" >"$pin.key"
		bbsession device add "$pin" --user alice --key-file "$pin.key" \
			>/dev/null
		attach "$pin" 1 >>frames
	done
	attach 2100000a 1 >frame
	one=$(syncs frame) || skip "strace may not trace here"
	[ "$one" -ge 1 ]
	assert_eq "$(syncs frames)" "$one"
	assert_eq "$(jq -r .pin out | sort -u | wc -l)" 30
}

@test "more attaches than a group holds are all taken" {
	local i pin

	for i in {10..89}; do
		pin=220000$i
		printf '%064d\n' "$i" >"$pin.key"
		bbsession device add "$pin" --user alice --key-file "$pin.key" \
			>/dev/null
		attach "$pin" 1 >>frames
	done
	bbdispatch <frames >out
	assert_eq "$(jq -r 'select(.re == "attach") | .pin' out | sort | uniq |
		wc -l)" 80
}

@test "a busy store takes no number: told to come again, and the same bytes are good later" {
	attach 2100000a 1 >frame
	mkfifo hold
	bb_spawn python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
open("hold").read()' "$BB_DATA/devices.db" >held
	local pid=$bb_pid
	wait_until 5 test -s held
	run -0 --separate-stderr bash -c 'bbdispatch <frame >out'
	assert_has "$stderr" "busy"
	says out '.re == "notice" and .d.code == "busy" and .d.retry_after == 1'
	: >hold
	wait "$pid"
	bbdispatch <frame >out
	says out '.re == "attach" and .att == 1'
}

# --- up: what cannot be opened --------------------------------------------------

@test "unknown PIN, unknown key, wrong tag, blocked, removed: the same hint" {
	attach 2100000a 1 >good
	"$WIRE" set 16=22222222 <good >pin
	"$WIRE" set 20=0000000000000000 <good >kid
	"$WIRE" set 70=00112233 <good >cipher
	attach 2100000b 1 2100000a.key >other
	for frame in pin kid cipher other; do
		run -0 --separate-stderr bash -c "bbdispatch <$frame >$frame.line"
		assert_eq "$stderr" ""
		says $frame.line '.re == "hint" and .hint == 2 and
			(keys == ["hint", "link", "nonce", "pin", "re"])'
		assert_eq "$(jq -r .nonce $frame.line)" \
			"$("$WIRE" list <$frame | jq -r '.nonce[:16]')"
		assert_eq "$(stat -c %s $frame.line)" "$(stat -c %s pin.line)"
	done
	bbsession device block 2100000a >/dev/null
	bbdispatch <good >good.line
	cmp good.line cipher.line
	bbsession device unblock 2100000a >/dev/null
	# Nothing of all that took the number.
	bbdispatch <good >line
	says line '.re == "attach"'
}

@test "each bit of the header, the key share and the tag is under the seal" {
	local size

	attach 2100000a 1 >good
	size=$(stat -c %s good)
	"$WIRE" flips 36 91 <good >flips
	"$WIRE" flips $((size - 16)) $((size - 1)) <good >>flips
	run -0 bash -c 'bbdispatch <flips >out'
	assert_eq "$(jq -c '[.re, .hint]' out | sort | uniq -c | xargs)" \
		"72 [hint,2]"
	bbdispatch <good >line
	says line '.re == "attach"'
}

@test "one bad frame harms no frame beside it" {
	attach 2100000a 1 >a
	attach 2100000b 1 >b
	{ "$WIRE" set 70=00 <a && "$WIRE" set 13=06 <a && cat b &&
		"$WIRE" set 12=02 <a && cat a; } >frames
	run -2 --separate-stderr bash -c 'bbdispatch <frames >out'
	assert_eq "${#stderr_lines[@]}" 2
	assert_eq "$(jq -c '[.re, .pin, .hint]' out | sort)" \
		"$(printf '%s\n' '["attach","2100000a",null]' \
			'["attach","2100000b",null]' '["hint","2100000a",1]' \
			'["hint","2100000a",2]')"
}

@test "what comes down and not up is dropped (2): an answer reflected opens nothing" {
	roll 2100000a 1 2100000a.key new.key
	run -2 --separate-stderr bash -c 'bbdispatch <answer >out'
	assert_has "$stderr" "comes down and not up"
	[ ! -s out ]
	"$WIRE" set 13=01 14=00 <answer >turned
	run -0 bash -c 'bbdispatch <turned >out'
	says out '.re == "hint"'
}

@test "a hint of the router's becomes a line" {
	printf bb01001001020304050607080140010121000 | cat - <(printf 00ad1d2d3d4d5d6d7d8) |
		xxd -r -p >frame
	run -0 --separate-stderr bash -c 'bbdispatch <frame'
	assert_eq "$output" '{"re":"hint","pin":"2100000a","nonce":"d1d2d3d4d5d6d7d8","link":"0102030405060708","hint":1}'
}

@test "RECOVER cannot be opened in this version" {
	"$WIRE" body "stored:{}" pad:256 | "$FORGE" seal 2100000a.key 2100000a \
		"$RECOVER" "$UP" 1 0 | bbdispatch >out
	says out '.re == "hint" and .hint == 2'
}

# --- up: bodies ---------------------------------------------------------------

# bad_body TEXT PART...: an authentic ATTACH of such a body is told so, in words
# that hold TEXT; no number is taken, and the next device is unharmed.
bad_body() {
	local text=$1

	shift
	{
		"$WIRE" body "$@" | "$FORGE" seal 2100000a.key 2100000a \
			"$ATTACH" "$UP" 7 0
		attach 2100000b "$((++others))"
	} >frames
	run -0 --separate-stderr bash -c 'bbdispatch <frames >out'
	assert_eq "$stderr" ""
	assert_eq "$(jq -r 'select(.re == "notice") | .d.code' out)" badbody
	assert_has "$(jq -r 'select(.re == "notice") | .d.text' out)" "$text"
	refute_has "$(jq -r 'select(.re == "notice") | .d.text' out)" "secret"
	assert_eq "$(jq -r 'select(.re == "attach") | .pin' out)" 2100000b
	assert_eq "$(bbsession device show 2100000a --json | jq .device.att)" 0
}

@test "an authentic body that is bad is told so, and takes no number" {
	local others=0

	bad_body "" hex:ff
	bad_body "" "hex:000010"
	bad_body "" "stored:$LOGIN" hex:01
	bad_body "" bomb:70000
	bad_body "" "deflate:$LOGIN" cut:3
	bad_body "" "stored:[]"
	bad_body "" "stored:$LOGIN$LOGIN"
	bad_body "" "stored:{\"op\":\"login\",\"op\":\"login\"}"
	bad_body "" "stored:{\"op\":\"send\",\"n\":1,\"to\":\"b\",\"text\":\"x\"}"
	bad_body "unknown member" "stored:${LOGIN/%\}/,\"pin\":\"2100000b\"\}}"
	bad_body "password" 'stored:{"op":"login","service":"local","user":"alice","numbering":"a1a2a3a4a5a6a7a8","have":0}'
	bad_body "" "stored:$LOGIN" "stored:$LOGIN"
	bad_body "" "stored:$LOGIN" "stored:$BATCH" "stored:$BATCH"
}

@test "the longest batch that a section holds fits into a line" {
	jq -nc '{op: "batch", msgs: [range(4) | {op: "send", n: (. + 1), to: "bob",
		text: ("x" * (if . < 3 then 16384 else 16140 end))}]}' |
		tr -d '\n' >long
	[ "$(stat -c %s long)" -gt 65400 ] && [ "$(stat -c %s long)" -lt 65534 ]
	"$WIRE" body "deflate:$LOGIN" deflate:@long | "$FORGE" seal \
		2100000a.key 2100000a "$ATTACH" "$UP" 1 0 >frame
	run -0 bash -c 'bbdispatch <frame >out'
	says out '.re == "attach" and (.m.msgs | length) == 4'
}

@test "a key share of low order is told so" {
	local zero

	zero=$(printf '%064d' 0)
	"$WIRE" body "stored:$LOGIN" pad:256 | "$FORGE" seal 2100000a.key \
		2100000a "$ATTACH" "$UP" 1 0 "$zero" >frame
	run -0 bash -c 'bbdispatch <frame >out'
	says out '.re == "notice" and .d.code == "badbody"'
	assert_eq "$(bbsession device show 2100000a --json | jq .device.att)" 0
}

# --- up: data and the roll ----------------------------------------------------

@test "the first frame under the new key makes it current and ends the old one" {
	roll 2100000a 1 2100000a.key new.key
	{ data 2100000a new.key 1 1 '{"op":"alive"}' &&
		data 2100000a new.key 1 2 '{"op":"fetch"}'; } >frames
	run -0 --separate-stderr bash -c 'bbdispatch <frames >out'
	assert_eq "$stderr" ""
	says out '.pin == "2100000a" and .user == "alice" and .att == 1
		and .service == "local" and (.re | not)'
	assert_eq "$(jq -c '[.seq, .d]' out)" \
		"$(printf '%s\n' '[1,{"op":"alive"}]' '[2,{"op":"fetch"}]')"
	assert_eq "$(jq -c 'keys_unsorted' out | uniq)" \
		'["pin","user","service","att","seq","kid","nonce","link","d"]'
	attach 2100000a 2 | bbdispatch >out
	says out '.re == "hint" and .hint == 2'
	attach 2100000a 2 new.key | bbdispatch >out
	says out '.re == "attach" and .att == 2'
}

@test "an attach under the new key confirms it too" {
	roll 2100000a 1 2100000a.key new.key
	{ attach 2100000a 2 new.key && data 2100000a 2100000a.key 1 1 \
		'{"op":"alive"}'; } >frames
	bbdispatch <frames >out
	assert_eq "$(jq -r .re out | xargs)" "attach hint"
}

@test "until then the old key opens, whatever became of the answer" {
	roll 2100000a 1 2100000a.key lost.key
	roll 2100000a 2 2100000a.key new.key
	data 2100000a lost.key 1 1 '{"op":"alive"}' | bbdispatch >out
	says out '.re == "hint"'
	data 2100000a new.key 2 1 '{"op":"alive"}' | bbdispatch >out
	says out '.seq == 1'
}

@test "a login and its first frame in one stream" {
	roll 2100000a 1 2100000a.key new.key
	attach 2100000a 2 new.key >frames
	data 2100000a new.key 1 1 '{"op":"alive"}' >>frames
	attach 2100000b 1 >>frames
	bbdispatch <frames >out
	assert_eq "$(jq -c '[.pin, .re]' out | sort | xargs)" \
		"[2100000a,attach] [2100000a,null] [2100000b,attach]"
}

@test "data under a key that no attach made is told to attach" {
	data 2100000a 2100000a.key 1 1 '{"op":"alive"}' | bbdispatch >out
	says out '.re == "notice" and .d.code == "reattach"'
}

@test "data whose body is bad is told so and confirms nothing" {
	roll 2100000a 1 2100000a.key new.key
	for object in '{"op":"login"}' '{"op":"alive","x":1}' '{}' '7'; do
		data 2100000a new.key 1 1 "$object" | bbdispatch >out
		says out '.re == "notice" and .d.code == "badbody"'
	done
	attach 2100000a 2 | bbdispatch >out
	says out '.re == "attach"'
}

# --- down ---------------------------------------------------------------------

@test "an answer is sealed by another process, under the key of the attach" {
	attach 2100000a 3 | "$WIRE" set 4=0102030405060708 >frame
	bbdispatch <frame >line
	answer <line >down
	run -0 --separate-stderr bash -c 'bbdispatch <down >out'
	assert_eq "$stderr" ""
	"$PHONE" open 2100000a.key <out >seen
	says seen '.type == "ANSWER" and .dir == 1 and .pin == "2100000a" and
		.att == 3 and .seq == 0 and .link == "0102030405060708"'
	assert_eq "$(jq -r .kid seen)" "$("$FORGE" kid 2100000a.key 2100000a)"
	assert_eq "$(jq -r .d.nonce seen)" "$(jq -r .nonce line)"
	# shellcheck disable=SC2046 # two words
	"$PHONE" next 2100000a.key $(cat 2100000a.pair) <out >new.key
	assert_eq "$(jq -r .d.newkid seen)" \
		"$("$FORGE" kid new.key 2100000a)"
	says seen '(.d | has("trace") | not) and (has("m") | not)'
}

@test "an answer carries its second section and the steps, with the seal's own" {
	attach 2100000a 1 | bbdispatch >line
	answer <line | jq -c '. + {m: {op: "events", events: [{type: "message",
		n: 1, from: "bob", text: "hi"}]}, trace: [{step: 4,
		hop: "bbcollab", what: "admitted", us: 5}]}' >down
	bbdispatch <down | "$PHONE" open 2100000a.key >seen
	says seen '.m.events[0].text == "hi" and
		[.d.trace[].step] == [4, 7]'
}

@test "texts of several authors are not compressed together" {
	local n

	attach 2100000a 1 | bbdispatch >line
	sealed() { # AUTHOR: the length of the frame with 40 messages
		answer <line | jq -c --arg second "$1" '. + {m: {op: "events",
			events: [range(40) | {type: "message", n: (. + 1),
			from: (if . == 0 then "bob" else $second end),
			text: "the same words again and again"}]}}' |
			bbdispatch | wc -c
	}
	[ "$(sealed bob)" -lt 1000 ]
	[ "$(sealed eve)" -gt 3000 ]
}

@test "an answer that a later attach overtook becomes a notice: superseded" {
	attach 2100000a 1 | bbdispatch >line
	attach 2100000a 2 | bbdispatch >later
	answer <line | bbdispatch | "$PHONE" open 2100000a.key >seen
	says seen '.type == "NOTICE" and .att == 1 and
		.d.code == "superseded"'
	assert_eq "$(jq -r .d.nonce seen)" "$(jq -r .nonce line)"
}

@test "data goes down under the current key, never under the pending one" {
	local line='{"pin":"2100000a","att":1,"seq":1,"link":"0000000000000000","d":{"op":"events","ack":1}}'

	roll 2100000a 1 2100000a.key new.key
	bbdispatch <<<"$line" | "$PHONE" open 2100000a.key >seen
	says seen '.type == "DATA" and .d.ack == 1 and .att == 1 and .seq == 1'
	data 2100000a new.key 1 1 '{"op":"alive"}' | bbdispatch >out
	bbdispatch <<<"$line" | "$PHONE" open new.key >seen
	says seen '.d.ack == 1'
}

@test "notices and hints go down as they came" {
	attach 2100000a 2 | bbdispatch >line
	attach 2100000a 1 | bbdispatch >notice
	bbdispatch <notice | "$PHONE" open 2100000a.key >seen
	says seen '.type == "NOTICE" and .d.code == "stale" and .d.told == 2'
	assert_eq "$(jq -r .d.nonce seen)" "$(jq -r .nonce notice)"
	attach 2100000b 1 2100000a.key | bbdispatch >hint
	bbdispatch <hint | "$PHONE" open 2100000a.key >seen
	says seen '.type == "HINT" and .code == 2 and .pin == "2100000b"'
	assert_eq "$(jq -r '.nonce[:16]' seen)" "$(jq -r .nonce hint)"
}

@test "what is for a device that is blocked or gone is dropped with one line" {
	attach 2100000a 1 | bbdispatch >line
	answer <line >down
	printf '%s\n' '{"pin":"2100000a","att":1,"seq":1,"link":"0000000000000000","d":{"op":"events","ack":1}}' >>down
	bbsession device block 2100000a >/dev/null
	attach 2100000b 1 | bbdispatch | answer >>down
	run -0 --separate-stderr bash -c 'bbdispatch <down >out'
	assert_eq "${#stderr_lines[@]}" 2
	assert_has "${stderr_lines[0]}" "2100000a, attach 1: no key to seal it"
	"$PHONE" open 2100000b.key <out >seen
	assert_eq "$(jq -r .pin seen)" 2100000b
}

# bad_line CLAUSE TEXT: between two answers, which are sealed.
bad_line() {
	{ answer <a.line && printf '%s\n' "$2" && answer <b.line; } >down
	run -2 --separate-stderr bash -c 'bbdispatch <down >out'
	assert_eq "${#stderr_lines[@]}" 1
	assert_has "$stderr" "line 2: "
	assert_has "$stderr" "$1"
	assert_eq "$("$PHONE" open 2100000a.key <out | jq -r .pin | xargs)" \
		"2100000a 2100000b"
}

@test "a line that is bad: one error that names it, 2, and the others are sealed" {
	local long

	attach 2100000a 1 | bbdispatch >a.line
	attach 2100000b 1 | bbdispatch >b.line
	bad_line "" ''
	bad_line "" 'hello'
	bad_line "" '[]'
	bad_line "" '{}'
	bad_line "" '{"re":"attach"}'
	bad_line "" "$(answer <a.line)$(answer <b.line)"
	bad_line "unknown member" "$(answer <a.line | jq -c '. + {service: "local"}')"
	bad_line '"pin"' "$(answer <a.line | jq -c '.pin = "2100000A"')"
	bad_line '"att"' "$(answer <a.line | jq -c '.att = 0')"
	bad_line "" "$(answer <a.line | jq -c 'del(.d)')"
	bad_line "" "$(answer <a.line | jq -c '.d.op = "login"')"
	bad_line "unknown word" "$(answer <a.line | jq -c '.re = "recover"')"
	bad_line "" $'{"pin":"\xff"}'
	bad_line "" "$(cat a.line)"
	long=$(printf '{"x":"%*s"}' 98300 x)
	bad_line "longer than a line may be" "$long"
	bad_line "longer than a line may be" "$long$long$long"
}

@test "an answer that fits no frame: one error, 2, and the others are sealed" {
	attach 2100000a 1 | bbdispatch >a.line
	attach 2100000b 1 | bbdispatch >b.line
	bad_line "too long for a frame" "$(answer <a.line | jq -c --arg text \
		"$(head -c 52000 /dev/urandom | base64 -w 0)" '. + {m: {op: "events",
		events: [{type: "message", n: 1, from: "bob", text: $text}]}}')"
}

@test "input that ends within a line: one error, 2, the lines before are sealed" {
	attach 2100000a 1 | bbdispatch | answer >down
	printf '{"pin":"2100000b"' >>down
	run -2 --separate-stderr bash -c 'bbdispatch <down >out'
	assert_eq "${#stderr_lines[@]}" 1
	assert_has "$stderr" "line 2: the input ends within it"
	assert_eq "$("$PHONE" open 2100000a.key <out | jq -r .pin)" 2100000a
}

# --- streams ------------------------------------------------------------------

@test "a stream of frames that ends within one: one error, 2, what was whole is opened" {
	local size

	attach 2100000a 1 >good
	size=$(stat -c %s good)
	{ cat good && head -c $((size - 1)) good; } >in
	run -2 --separate-stderr bash -c 'bbdispatch <in >out'
	assert_eq "${#stderr_lines[@]}" 1
	assert_has "$stderr" "ends within the frame at byte $size"
	says out '.att == 1'
}

@test "after a hundred errors they are only counted" {
	local i

	attach 2100000a 1 | "$WIRE" set 13=06 >bad
	for i in {1..120}; do cat bad; done >in
	run -2 --separate-stderr bash -c 'bbdispatch <in >out'
	assert_eq "${#stderr_lines[@]}" 101
	assert_has "${stderr_lines[100]}" "20 more errors"
}

@test "frames and lines that come byte by byte are taken" {
	attach 2100000a 1 >frame
	dd if=frame bs=1 status=none | bbdispatch >line
	answer <line | dd bs=1 status=none | bbdispatch |
		"$PHONE" open 2100000a.key >seen
	says seen '.type == "ANSWER"'
}

@test "no password is in a log, however much is said" {
	local word

	word=$(bb_canary)
	attach 2100000a 1 2100000a.key "${LOGIN/secret word/$word}" >frame
	bbdispatch -vv <frame >line 2>log
	has_line log "opened PIN 2100000a"
	grep -q "$word" line
	attach 2100000a 2 2100000a.key \
		"${LOGIN/\"secret word\"/\"$word\",\"x\":1}" >frame
	bbdispatch -vv <frame >notice 2>>log
	sed 's/"op":"login"/"op":"nonsense"/' <line >bad
	bbdispatch -vv <bad 2>>log >out || :
	refute_canary "$word" log notice out
}

@test "a reader that has left is 111, without a word" {
	local i

	attach 2100000a 1 | "$WIRE" set 20=00 >bad
	for i in {1..2000}; do cat bad; done >in
	run -111 --separate-stderr bash -c \
		'{ bbdispatch; echo $? >&3; } 3>status <in | true
		exit $(<status)'
	assert_eq "$stderr" ""
}

@test "a late reader gets all lines" {
	local i

	attach 2100000a 1 | "$WIRE" set 20=00 >bad
	for i in {1..3000}; do cat bad; done >in
	mkfifo late
	bb_spawn bash -c 'bbdispatch <in >late'
	local pid=$bb_pid
	exec 9<late
	run ! gone "$pid"
	cat <&9 >out
	exec 9<&-
	wait "$pid"
	assert_eq "$(wc -l <out)" 3000
}

# --- options ------------------------------------------------------------------

@test "--help names the options" {
	run -0 --separate-stderr bbdispatch --help
	assert_has "$output" "--device-store FILE"
	assert_has "$output" "--data DIR"
	assert_has "$output" "--listen ADDR"
	assert_has "$output" "--to [SERVICE=]ADDR"
}

@test "the man page and the table of options name the same options" {
	bbdispatch --dump-options | cut -f 1 | sort >options
	sed -n '/^\.It /p' "$BB_SRC/docs/man/bbdispatch.8" | grep -o 'Fl Fl [a-z-]*' |
		cut -d ' ' -f 3 | grep -vx dump-options | sort >documented
	diff options documented
}
