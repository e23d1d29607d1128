# Lines that no dispatcher or service of ours would write.
# shellcheck disable=SC2034,SC2154 # variables of bats and of pipeline.bash
load lib
load pipeline

# --- lines down -----------------------------------------------------------------

# bad_down TEXT: between two answers, which are sealed.
bad_down() {
	{ frame login 2100000a && frame login 2100000b; } | up | collab >good
	rm -f log/*
	{ head -n 1 good && printf '%s\n' "$1" && tail -n 1 good; } >mixed
	dispatch_down <mixed >out || :
	assert_eq "$("$WIRE" list <out | jq -r '.type + " " + .pin' | sort |
		xargs)" "ANSWER 2100000a ANSWER 2100000b"
	assert_errors dispatch-down 1 "line 2"
	assert_eq "$(status_of dispatch-down)" 2
}

@test "a sealing dispatcher: bad lines, one error each, the next is unharmed" {
	local text deep

	deep=$(printf '%.0s[' {1..18})$(printf '%.0s]' {1..18})
	for text in '{}' 'hello' '{"re":"attach"}' '{}{}' $'{"a":"\xff"}' \
		'{"pin":"2100000a","pin":"2100000a"}' \
		"{\"pin\":\"2100000a\",\"d\":$deep}" \
		"$(data_line 2100000a alice 1 1 '{"op":"alive"}')" \
		"$(attach_line 2100000a alice 9)" \
		'{"pin":"2100000a","att":1,"seq":1,"link":"0000000000000000","d":{"op":"alive"}}' \
		'{"pin":"2100000a","att":1,"seq":0,"link":"0000000000000000","d":{"op":"events"}}' \
		'{"re":"hint","pin":"2100000a","nonce":"00","link":"0000000000000000","hint":2}' \
		'{"re":"hint","pin":"2100000a","nonce":"0000000000000000","link":"0000000000000000","hint":9}'; do
		echo "# $text"
		bad_down "$text"
	done
	bad_down "$(printf '{"x":"%98304s"}' x)"
}

# --- lines to the Collaboration Service ---------------------------------------

# bad_line TEXT: it stands between two logins, which are not harmed.
bad_line() {
	rm -f log/*
	{
		attach_line 2100000a alice $((++att))
		printf '%s\n' "$1"
		attach_line 2100000b bob $att
	} >lines
	collab <lines >answers || :
	assert_eq "$(jq -c '[.pin, .d.result]' answers | sort | xargs)" \
		"[2100000a,ok] [2100000b,ok]"
	assert_eq "$(status_of collab)" 2
	assert_errors collab 1 "line 2: "
	has_sessions 0
}

@test "a service: lines that are no JSON object, one error each, 2 at the end" {
	local att=0 text

	for text in '' 'hello' '[]' '1' 'null' '"text"' '{' '{}' '{}{}' \
		'{"re":"attach"} {"re":"attach"}' $'\xbb\x01\x00\x10' \
		$'{"pin":"\xff\xfe"}' $'{"pin":"\xed\xa0\x80"}' \
		'{"pin":"2100000a\u0000"}' '{"pin":"2100000a","pin":"2100000b"}'; do
		echo "# $text"
		bad_line "$text"
	done
}

@test "a service: lines whose members are not those of the page" {
	local att=0 good data deep

	good=$(attach_line 2100000a alice 1000)
	data=$(data_line 2100000a alice 1000 1 '{"op":"alive"}')
	deep=$(printf '%.0s[' {1..17})$(printf '%.0s]' {1..17})
	for change in \
		's/"pin":"2100000a"/"pin":"2100000A"/' \
		's/"pin":"2100000a"/"pin":553648138/' \
		's/"pin":"2100000a",//' \
		's/"user":"alice",//' \
		's/"service":"local",//' \
		's/"att":1000/"att":0/' \
		's/"att":1000/"att":4294967295/' \
		's/"att":1000/"att":"1000"/' \
		's/"kid":"0000/"kid":"000/' \
		's/"nonce":"0000/"nonce":"g000/' \
		's/"link":"0*",//' \
		's/^{/{"extra":1,/' \
		's/"re":"attach"/"re":"attack"/' \
		's/"d":{[^}]*}/"d":[]/' \
		's/"op":"login"/"op":"logon"/' \
		's/"op":"login"/"op":"answer"/' \
		's/"op":"login"/"op":"send"/' \
		's/"have":0/"have":0,"have":0/' \
		's/"have":0/"have":-1/' \
		's/"have":0/"have":1.5/' \
		's/"have":0/"have":99999999999999999999/' \
		's/"have":0/"have":0,"pin":"2100000b"/' \
		"s/\"have\":0/\"have\":0,\"x\":$deep/" \
		's/"have":0/"have":0,"show":"asleep"/' \
		's/"password":"[^"]*",//'; do
		echo "# $change"
		[ "$(sed "$change" <<<"$good")" != "$good" ]
		bad_line "$(sed "$change" <<<"$good")"
	done
	for change in \
		's/"seq":1/"seq":0/' \
		's/"op":"alive"/"op":"login"/' \
		's/"op":"alive"/"op":"alive","coverage":"off"/' \
		's/"op":"alive"/"op":"batch","msgs":[{"op":"alive"}]/' \
		's/"op":"alive"/"op":"send","n":0,"to":"bob","text":"x"/' \
		's/"op":"alive"/"op":"send","n":1,"to":"bob"/' \
		's/"op":"alive"/"op":"send","n":1,"to":"","text":"x"/'; do
		echo "# $change"
		[ "$(sed "$change" <<<"$data")" != "$data" ]
		bad_line "$(sed "$change" <<<"$data")"
	done
}

@test "a service: an answer that came up instead of down" {
	local att=0

	attach_line 2100000a alice 1 | collab >answers
	bad_line "$(cat answers)"
}

@test "a service: a line over the limit is skipped whole" {
	local att=0 limit=98304 tail text

	tail='"}'
	text=$(printf '{"x":"%*s' $((limit - 10)) x)
	# With its line feed one byte over.
	[ $((${#text} + ${#tail} + 1)) -eq $((limit - 1)) ]
	bad_line "${text}yy$tail"
	bad_line "$text$text$text$tail"
	# At the limit it is read, and refused for what it says.
	bad_line "${text}y$tail"
	refute_has "$(cat log/collab.err)" "longer than"
}

@test "a service: an input that ends within a line has its answers and 2" {
	{
		attach_line 2100000a alice 1
		attach_line 2100000b bob 1 | head -c 100
	} | collab >answers || :
	assert_eq "$(status_of collab)" 2
	assert_json answers '.pin == "2100000a" and .d.result == "ok"'
	assert_errors collab 1 "ends within a line"
}

@test "a service: bytes at random end with 2 and not by a signal" {
	head -c 300000 /dev/urandom | collab >answers || :
	assert_eq "$(status_of collab)" 2
	[ ! -s answers ]
}

@test "a service: an error text names what is wrong, never a password" {
	local att=0

	cp alice.pw word
	bb_canary >alice.pw
	attach_line 2100000a alice 1000 | sed 's/"have":0/"have":-1/' >bad
	local secret
	secret=$(cat alice.pw)
	cp word alice.pw
	bad_line "$(cat bad)"
	refute_canary "$secret" log
}
