# Authentic, and bad all the same: what stands under the seal, up and down.
# shellcheck disable=SC2034,SC2154 # variables of bats and of pipeline.bash
load lib
load pipeline

# --- authentic, and bad: what stands under the seal -----------------------------

# bad PART...: one more such body, sealed by alice's device, in the stream.
bad() {
	bodies+=("$*")
	forge attach "${#bodies[@]}" 0 "$@" >>stream
}
bodies=()

# Each of them had its notice, and bob's login behind them is not harmed.
assert_all_bad() {
	local n

	frame login 2100000b >>stream
	ALL=(-v)
	kinds_of stream >kinds
	for n in "${!bodies[@]}"; do
		if [ "$(sed -n "$((n + 1))p" kinds)" != "notice badbody" ]; then
			echo "taken: ${bodies[$n]}" >&2
			return 1
		fi
	done
	assert_eq "$(tail -n 1 kinds)" "attach 2100000b"
	assert_eq "$(wc -l <kinds)" $((${#bodies[@]} + 1))
	# Why, for the device and for whoever wants to know, once each.
	head -n -1 lines >notices
	assert_json notices '.d.text | length > 0'
	assert_eq "$(grep -c 'told badbody: .' log/dispatch-up.err)" \
		"${#bodies[@]}"
	not_killed
	assert_eq "$(device_field 2100000a att)" 0
}

@test "bodies: formats, lengths, padding, streams that are cut or go on" {
	local whole

	bad hex:
	bad pad:256 hex:0000000000000000
	bad hex:00 "stored:$LOGIN"
	bad hex:020010 "hex:$(printf '%032d' 0)"
	bad "stored:$LOGIN" cut:1
	bad "deflate:$LOGIN" cut:1
	bad hex:00ffff "hex:7b7d"
	bad "stored:$LOGIN" pad:256 hex:01
	bad "stored:$LOGIN" 'stored:{"op":"batch"}' 'stored:{"op":"batch"}'
	bad "stored:$LOGIN" 'stored:{"op":"batch"}' pad:256 hex:ff
	bad stored:
	bad hex:01000203000000
	bad hex:010003030001
	bad hex:010002ffff
	# What stands behind the end of the stream, within the section.
	whole=$("$WIRE" body "deflate:$LOGIN" | od -An -v -tx1 | tr -d ' \n')
	bad "hex:01$(printf %04x $((${#whole} / 2 - 3 + 1)))${whole:6}00"
	assert_all_bad
	# The forger's own work is good: this one opens.
	forge attach 1 0 "deflate:$LOGIN" pad:256 >stream
	assert_eq "$(kinds_of stream)" "attach 2100000a"
	forge attach 2 0 "plain:$LOGIN" 'stored:{"op":"batch"}' >stream
	assert_eq "$(kinds_of stream)" "attach 2100000a"
}

@test "bodies that blow up: not one byte more than the bound is taken" {
	bad bomb:65534
	bad bomb:60000000
	bad "stored:$LOGIN" bomb:60000000
	assert_all_bad
	# The most that memory ever was, in KiB; a bomb would be 60 MB.
	forge attach 1 0 bomb:60000000 >bomb
	for _ in 1 2 3 4 5 6 7 8; do cat bomb; done >bombs
	run -0 sh -c '/usr/bin/env python3 -c "
import resource, subprocess, sys
subprocess.run([\"bbdispatch\"], stdin=open(\"bombs\"), stdout=open(\"lines\", \"w\"), stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"'
	[ -n "${BB_SAN:-}" ] || [ "$output" -lt 40000 ]
	assert_eq "$(wc -l <lines)" 8
}

@test "objects that are none, or two, or too deep, or say a thing twice" {
	local deep

	deep=$(printf '%.0s[' {1..16})$(printf '%.0s]' {1..16})
	bad 'stored:not JSON'
	bad 'stored:[]'
	bad 'stored:"op"'
	bad 'stored:{}'
	bad "stored:$LOGIN$LOGIN"
	bad "stored:$LOGIN"$'\n'"{}"
	bad "stored:${LOGIN%\}}"
	bad "stored:${LOGIN/\"have\":0/\"have\":0,\"have\":0}"
	bad "stored:${LOGIN/\"have\":0/\"have\":0,\"x\":1}"
	bad "stored:${LOGIN/\"have\":0/\"have\":0,\"client\":$deep}"
	bad "stored:${LOGIN/alice/al\\u0000ice}"
	bad "stored:${LOGIN/alice/$'al\xffice'}"
	bad "stored:${LOGIN/alice/$'al\xc0\x80ice'}"
	bad "stored:${LOGIN/alice/$'al\xed\xa0\x80ice'}"
	bad "stored:${LOGIN/alice/$'al\nice'}"
	bad "stored:${LOGIN/login/logon}"
	bad "stored:${LOGIN/login/send}"
	bad "stored:${LOGIN/login/answer}"
	bad "stored:${LOGIN/,\"have\":0/}"
	bad "stored:${LOGIN/\"have\":0/\"have\":\"0\"}"
	bad "stored:${LOGIN/\"have\":0/\"have\":-1}"
	bad "stored:${LOGIN/\"have\":0/\"have\":1e300}"
	bad "stored:${LOGIN/a1a2/A1A2}"
	bad "stored:$LOGIN" 'stored:{"op":"login"}'
	bad "stored:$LOGIN" 'stored:{"op":"batch"}{"op":"batch"}'
	bad "stored:$LOGIN" \
		'stored:{"op":"batch","msgs":[{"op":"alive"}]}'
	bad "stored:$LOGIN" \
		'stored:{"op":"batch","msgs":[{"op":"send","n":1,"to":"bob"}]}'
	assert_all_bad
}

@test "a device cannot claim to be another one by what it says" {
	local claim

	for claim in '"pin":"2100000b"' '"user":"bob","user":"alice"' \
		'"att":99' '"link":"0000000000000001"' '"re":"notice"' \
		'"d":{"op":"login"}'; do
		bad "stored:${LOGIN/\"have\":0/\"have\":0,$claim}"
	done
	assert_all_bad
	# Of the account it may say what it likes; whose device it is, not.
	forge attach 1 0 "stored:${LOGIN/alice/bob}" >stream
	kinds_of stream
	assert_json lines '.user == "alice" and .d.user == "bob"'
	collab <lines >answers
	assert_json answers '.d.result == "denied"'
}

@test "DATA with a bad body: notice badbody; a good one goes on" {
	frame login 2100000b >other
	local seq=0 part

	for part in 'stored:{}' 'stored:{"op":"login"}' bomb:60000000 \
		'stored:{"op":"alive"}{"op":"alive"}' 'stored:{"op":"bye"}' \
		'stored:{"op":"send","n":1,"to":"bob","text":"a\u0000b"}'; do
		echo "# $part"
		{ forge data 1 $((++seq)) "$part" && cat other; } >stream
		assert_eq "$(kinds_of stream | xargs)" \
			"notice badbody attach 2100000b"
		frame login 2100000b >other
	done
	forge data 1 $((++seq)) 'stored:{"op":"alive"}' \
		'stored:{"op":"alive"}' >stream
	assert_eq "$(kinds_of stream)" "notice badbody"
	# What is well formed and of no attach at all has no effect either.
	forge data 1 $((++seq)) 'stored:{"op":"alive"}' >stream
	assert_eq "$(kinds_of stream)" "notice reattach"
}

@test "an ephemeral key of low order is refused, and takes no number" {
	frame login 2100000b >other
	local e

	for e in 00 01; do
		{ "$WIRE" body "stored:$LOGIN" pad:256 | "$FORGE" seal \
			2100000a.key 2100000a 1 0 1 0 \
			"$e$(printf '%062d' 0)" && cat other; } >stream
		kinds_of stream >kinds
		refute_has "$(cat kinds)" "attach 2100000a"
		assert_eq "$(tail -n 1 kinds)" "attach 2100000b"
		assert_eq "$(device_field 2100000a att)" 0
		not_killed
		frame login 2100000b >other
	done
}

# --- what a device is given -----------------------------------------------------

@test "an answer with one bit flipped in any byte: dropped; the good one is taken" {
	local size before

	frame login 2100000a | gateway >answer
	size=$(stat -c %s answer)
	cp phones/2100000a/profile.json before
	"$WIRE" flips 12 $((size - 1)) <answer >stream
	run --separate-stderr bbdevice read <stream
	[ "$status" -eq 14 ] || [ "$status" -eq 15 ]
	assert_eq "$output" ""
	assert_eq "${#stderr_lines[@]}" $((size - 12))
	cmp before phones/2100000a/profile.json
	cat answer >>stream
	run --separate-stderr bbdevice read <stream
	assert_has "$output" "logged in"
	run --separate-stderr pass login 2100000a
	assert_status 0
}

@test "a device drops answers that are not its own, or not well formed" {
	local good='"op":"answer","result":"ok","text":"x"' kid nonce change

	frame login 2100000a >sent
	kid=0011223344556677
	nonce=$("$WIRE" list <sent | jq -r .nonce)
	cp phones/2100000a/profile.json before
	drops() { # CLAUSE PART
		echo "# $2"
		forge_down answer 1 0 "$2" pad:256 >news
		run --separate-stderr bbdevice read <news
		assert_status 15
		assert_eq "$output" ""
		assert_eq "${#stderr_lines[@]}" 1
		assert_has "$stderr" "$1"
		cmp before phones/2100000a/profile.json
	}
	drops "another key than the one agreed on" \
		"stored:{$good,\"newkid\":\"$kid\",\"nonce\":\"$nonce\"}"
	drops "nonce of another attach" \
		"stored:{$good,\"newkid\":\"$kid\",\"nonce\":\"$ZERO48\"}"
	for change in "stored:{$good,\"newkid\":\"$kid\"}" 'stored:{}' \
		'stored:{"op":"events"}' 'stored:[' bomb:60000000 hex:00 \
		'stored:{"op":"answer"}{"op":"answer"}'; do
		drops dropped "$change"
	done
	# Of another attach.
	forge_down answer 2 0 \
		"stored:{$good,\"newkid\":\"$kid\",\"nonce\":\"$nonce\"}" >news
	run --separate-stderr bbdevice read <news
	assert_status 15
	forge_down data 1 1 'stored:{"op":"bye","ended":"killed"}' >news
	run --separate-stderr bbdevice read <news
	[ "$status" -ne 0 ]
	cmp before phones/2100000a/profile.json
	# The real one is still taken.
	gateway <sent >answer
	run --separate-stderr bbdevice read <answer
	assert_status 0
}

# The first 20 bytes of a hint for alice's device.
hint_head() { # CODE
	"$WIRE" body "hex:bb0100100000000000000000014001${1}2100000a"
}

@test "notices and hints of others: dropped, and the profile stays as it is" {
	local code

	frame login 2100000a >sent
	cp phones/2100000a/profile.json before
	for code in stale superseded busy unreachable reattach badbody; do
		forge_down notice 1 0 "stored:{\"op\":\"notice\",$(:
			)\"code\":\"$code\",\"told\":9,\"nonce\":\"$ZERO48\"}" \
			pad:256 >news
		run --separate-stderr bbdevice read <news
		assert_status 15
		assert_eq "$output" ""
		cmp before phones/2100000a/profile.json
	done
	for code in 01 02 03 7f; do
		hint_head "$code" >news
		printf 12345678 >>news
		run --separate-stderr bbdevice read <news
		assert_status 15
		assert_eq "$output" ""
	done
	# With its own nonce a hint is shown, and changes nothing either.
	for code in 01 02 03; do
		hint_head "$code" >news
		tail -c +37 sent | head -c 8 >>news
		run --separate-stderr bbdevice read <news
		[ "$status" -ge 31 ]
		assert_has "$output" "a hint, not sealed"
	done
	cmp before phones/2100000a/profile.json
	gateway <sent >answer
	run --separate-stderr bbdevice read <answer
	assert_status 0
}

@test "control characters of a stranger reach no terminal" {
	local text

	frame login 2100000b >other
	for text in $'\e]0;owned' $'\a' $'\xc2\x9b31m' $'\x7f'; do
		run -100 --separate-stderr frame send 2100000a bob "x$text"
		refute_has "$stderr" "$text"
		# From a device that says it all the same.
		forge attach 1 0 "stored:$LOGIN" "stored:$(jq -cn --arg t \
			"x$text" '{op: "batch", msgs: [{op: "send", n: 1,
			to: "bob", text: $t}]}')" >stream
		assert_eq "$(kinds_of stream)" "notice badbody"
		# From a gateway that lets it pass.
		forge_down data 1 1 "stored:$(jq -cn --arg t "x$text" '{op:
			"events", events: [{type: "message", n: 1, from: "x",
			text: $t}]}')" >news
		run bbdevice read <news
		assert_status 15
		refute_has "$output" "$text"
	done
	# Others that turn the line round are shown as what they are.
	text=$'left\u202eright'
	pass send 2100000a bob "$text"
	READ=(--json)
	run --separate-stderr pass fetch 2100000b
	refute_has "$output" $'\u202e'
	assert_eq "$(said '.kind == "event"' | jq -r .text)" "$text"
}

@test "a stream for a device without a profile: dropped, the others are read" {
	two_frames
	cat good other | gateway >answers
	mv phones/2100000a gone
	run --separate-stderr bbdevice read <answers
	assert_status 14
	assert_has "$output" "2100000b: logged in"
	assert_eq "${#stderr_lines[@]}" 1
}
