/*
 * lineage.pml - an old phone goes on while a new one takes over its PIN.
 *
 * Phone 0 holds the current key of the PIN.  An administrator has made a code
 * for the same PIN, and phone 1 activates with it: the code is a base key like
 * any other, in a row of its own.  Both phones attach and roll; the attach
 * number is one per PIN.  The network is the adversary of roll.pml.
 *
 * The rule under test is how a confirmed key (T2) clears the other rows: by
 * line of descent.
 *   - its parent was current: that parent and the parent's other children go;
 *   - its parent was the code: all other rows of the PIN go.
 * So what the old phone does never takes the code, or the key that was rolled
 * from it, away from the new phone; and the new phone's first confirmed key
 * ends the old one.
 *
 * What must hold: the new phone's key can always be opened; the old phone's
 * can until the new one has confirmed a key.
 *
 *   FLAT      a confirmed key clears every other row, whatever its parent was
 *   ATTACHES  per phone;  ROLLS: keys made by rolls
 *
 * check holds:
 * check holds:  -DATTACHES=3 -DROLLS=6
 * check breaks: -DFLAT
 */
#define NONE 99
#ifndef ATTACHES
#define ATTACHES 2
#endif
#ifndef ROLLS
#define ROLLS 4
#endif
#define OLD 0			/* phones; and the keys that they start with */
#define NEW 1
#define KEYS (ROLLS + 1)	/* highest key number */
#define ATT_MAX (2 * ATTACHES + 1)

/* Rows of the device store, by key. */
#define GONE 0
#define CURRENT 1
#define CODE 2
#define PENDING 3
byte role[KEYS + 1];
byte parent[KEYS + 1];
byte made_by[KEYS + 1];		/* attach number of a pending key */
byte s_att = 0;			/* highest attach number taken for the PIN */
byte next_key = 2;

/* To state the properties: whose key it is, by descent, and whether a key that
 * descends from the code was confirmed. */
bool of_new[KEYS + 1];
bool moved = false;

/* Phones. */
byte d_current[2];
byte d_att[2];
byte d_waiting[2];
byte attaches[2];

/* What the network remembers. */
byte attach_key[ATT_MAX + 1];	/* by attach number: the key that seals it */
bit attach_phone[ATT_MAX + 1];
byte answer_base[KEYS + 1];	/* by the key that it makes */
bool data[KEYS + 1];		/* a DATA under this key */

#define CHECK_KEYS \
	assert(role[d_current[NEW]] != GONE); \
	assert(moved || role[d_current[OLD]] != GONE)

/* T2.  `from` and `i` are scratch variables. */
inline promote(key)
{
	if
	:: role[key] == PENDING ->
		from = parent[key];
		moved = moved || of_new[key];
		for (i : 0 .. KEYS) {
			if
#ifdef FLAT
			:: i != key -> role[i] = GONE
#else
			:: (i != key && i != from && role[from] == CODE) ->
				role[i] = GONE
			:: (i != key && role[from] != CODE &&
			    role[i] == PENDING && parent[i] == from) ->
				role[i] = GONE
#endif
			:: else
			fi
		}
		role[from] = GONE;	/* last: the loop asks what it was */
		role[key] = CURRENT;
		from = 0;
		i = 0
	:: else
	fi
}

/* T1, after the key it is under was confirmed: the other pending key of the
 * same parent gives way. */
inline roll(key, att)
{
	for (i : 0 .. KEYS) {
		if
		:: (role[i] == PENDING && parent[i] == key) -> role[i] = GONE
		:: else
		fi
	}
	i = 0;
	role[next_key] = PENDING;
	parent[next_key] = key;
	made_by[next_key] = att;
	of_new[next_key] = of_new[key];
	if
	:: answer_base[next_key] = key	/* answered */
	:: skip				/* the answer is lost */
	fi;
	next_key++
}

inline send_attach(number)
{
	d_att[who] = number;
	d_waiting[who] = d_att[who];
	attaches[who]++;
	attach_key[d_att[who]] = d_current[who];
	attach_phone[d_att[who]] = who
}

active proctype everything()
{
	byte who, key, att, from, i;

	atomic {
		for (i : 0 .. KEYS) {
			answer_base[i] = NONE;
			parent[i] = NONE
		}
		for (i : 0 .. ATT_MAX) {
			attach_key[i] = NONE
		}
		i = 0;
		role[OLD] = CURRENT;
		role[NEW] = CODE;
		of_new[NEW] = true;
		d_current[NEW] = NEW
	}
	do
	/* A phone attaches: with its own next number, or past the gateway's,
	 * which a sealed NOTICE stale has told it.  Two phones that take one
	 * number differ in key; the model gives each number one frame. */
	:: atomic {
		select (who : 0 .. 1);
		if
		:: (attaches[who] < ATTACHES && d_att[who] < ATT_MAX &&
		    attach_key[d_att[who] + 1] == NONE) ->
			send_attach(d_att[who] + 1)
		:: (attaches[who] < ATTACHES && s_att >= d_att[who] &&
		    s_att < ATT_MAX && attach_key[s_att + 1] == NONE) ->
			send_attach(s_att + 1)
		:: else
		fi;
		who = 0
	}
	/* A phone gives up or dies. */
	:: atomic {
		select (who : 0 .. 1);
		d_waiting[who] = 0;
		who = 0
	}
	/* An ATTACH arrives. */
	:: atomic {
		select (att : 1 .. ATT_MAX);
		key = attach_key[att];
		if
		:: key == NONE
		:: (key != NONE && att > s_att && next_key <= KEYS &&
		    role[key] != GONE) ->
			promote(key);
			s_att = att;
			roll(key, att);
			CHECK_KEYS
		:: else
		fi;
		att = 0;
		key = 0
	}
	/* An ANSWER arrives: the phone saves the new key and sends under it. */
	:: atomic {
		select (who : 0 .. 1);
		select (key : 2 .. KEYS);
		if
		:: (answer_base[key] != NONE && d_waiting[who] != 0 &&
		    answer_base[key] == d_current[who] &&
		    made_by[key] == d_waiting[who] &&
		    attach_phone[made_by[key]] == who) ->
			d_current[who] = key;
			d_waiting[who] = 0;
			data[key] = true;
			CHECK_KEYS
		:: else
		fi;
		who = 0;
		key = 0
	}
	/* A DATA arrives. */
	:: atomic {
		select (key : 2 .. KEYS);
		if
		:: (data[key] && role[key] != GONE) ->
			promote(key);
			CHECK_KEYS
		:: else
		fi;
		key = 0
	}
	od
}
