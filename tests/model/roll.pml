/*
 * roll.pml - key roll, replay and numbered messages of the device link
 * (docs/wire.md, "Keys", "Attach", "Numbers").
 *
 * One device, its row in the device store, its session in the configuration
 * store.  The network is an adversary with a memory: every frame that was ever
 * sent may arrive again, at any time, in any order, or never.  Each atomic
 * block is one durable step (a transaction, a rename) or one step in memory;
 * every process may die between any two of them.  The dispatcher that seals an
 * answer is another process than the one that opened the attach.
 *
 * What must hold, whatever happens:
 *   - the key that the device uses is one that the gateway can open;
 *   - an attach, a numbered message and a volatile one have their effect at
 *     most once;
 *   - what was acknowledged has had its effect.
 *
 * Each switch takes one rule out, to show that the rule is needed:
 *   NOCAS     the dispatcher refuses only exact repeats of an attach number,
 *             not every number at or below the highest one taken
 *   NOMATCH   the device adopts any answer that it can open, not only the one
 *             to its latest attach
 *   NOSAVE    the device uses the new key before it is on its disk
 *   EARLYDEL  the old key is erased with the answer, not when the first frame
 *             under the new one was opened
 *   LAZYSYNC  the attach transaction is not synced
 *   RAMWIN    a restarted service goes on under the old attach, although its
 *             window of frame numbers died with the process before
 *   SPLIT=1   a message's effect is committed before its number
 *   SPLIT=2   a message's number is committed before its effect
 * Others:
 *   POWER     the gateway's power may fail: what was not synced is gone
 *   LOCKONLY  of the first rule assert only that the device is not locked out
 *             for ever: one of the two keys that it keeps can be opened
 *   ATTACHES, ROLLS, MESSAGES   the bounds of the search
 *
 * check holds:
 * check holds:  -DPOWER
 * check breaks: -DNOCAS
 * check breaks: -DNOMATCH
 * check breaks: -DNOSAVE
 * check breaks: -DNOSAVE -DLOCKONLY
 * check breaks: -DEARLYDEL
 * check breaks: -DEARLYDEL -DLOCKONLY
 * check breaks: -DLAZYSYNC -DPOWER
 * check breaks: -DLAZYSYNC -DPOWER -DLOCKONLY
 * check breaks: -DRAMWIN
 * check breaks: -DSPLIT=1
 * check breaks: -DSPLIT=2
 */
#define NONE 9
#ifndef ATTACHES
#define ATTACHES 3
#endif
#ifndef ROLLS
#define ROLLS 3			/* keys are numbered 0 (the first) to ROLLS */
#endif
#ifndef MESSAGES
#define MESSAGES 2		/* numbered ones; number 0 is the volatile one */
#endif
#define KILLS 2			/* deaths of the service, and power failures */

/* The device's profile, on its disk. */
byte d_current = 0;
byte d_previous = NONE;
byte d_att = 0;
byte d_next = 1;		/* first message not yet acknowledged */
/* The device's memory. */
byte d_waiting = 0;		/* attach whose answer it waits for; 0: none */
bool d_open = false;		/* answered: it may send under d_current */
byte d_unsaved = NONE;		/* only with NOSAVE */

/* The device store.  The parent of the pending key is the current one, always:
 * an attach under the pending key makes that one current first. */
byte s_current = 0;
byte s_pending = NONE;
byte s_att = 0;			/* highest attach number taken; the pending
				   key was made by it */
bool s_taken[ATTACHES + 1];	/* only with NOCAS */
/* The same as of the last sync. */
byte z_current = 0;
byte z_pending = NONE;
byte z_att = 0;

/* The session: its row in the configuration store, and the service's memory. */
byte c_att = 0;
byte c_up_next = 1;
bool c_window = false;		/* this process saw the attach c_att */
bool c_volatile = false;	/* the volatile frame of c_att was seen */
byte kills = 0;

/* What the network remembers. */
byte attach_key[ATTACHES + 1];	/* key that seals this ATTACH; NONE: not sent */
byte attach_batch[ATTACHES + 1];/* number of the message within; 0: none */
byte answer_base[ROLLS + 1];	/* by the key that it makes: the key that seals
				   this ANSWER; NONE: not sent */
byte answer_att[ROLLS + 1];
bool data[(ROLLS + 1) * (ATTACHES + 1) * (MESSAGES + 1)];
#define DATA(key, att, n) \
	data[((key) * (ATTACHES + 1) + (att)) * (MESSAGES + 1) + (n)]
bool down[ROLLS + 1];		/* a DATA down under this key */
byte acked = 0;			/* highest acknowledgement ever sent */
/* Between dispatcher and service: a line is read once, or lost. */
bool line[ATTACHES + 1];
byte next_key = 1;

/* Effects, as the world sees them. */
byte attach_effects[ATTACHES + 1];
byte message_effects[MESSAGES + 1];
byte volatile_effects[ATTACHES + 1];

#define OPENS(key) ((key) != NONE && ((key) == s_current || (key) == s_pending))

#ifdef LOCKONLY
#define CHECK_KEYS assert(OPENS(d_current) || OPENS(d_previous))
#else
#define CHECK_KEYS assert(OPENS(d_current))
#endif

#ifdef NOCAS
#define MAY_ATTACH(att) (!s_taken[att])
#define NEWER(att) (true)
#else
#define MAY_ATTACH(att) ((att) > s_att)
#define NEWER(att) ((att) > c_att)
#endif

#ifdef NOMATCH
#define IS_MINE(key) (d_waiting != 0)
#else
#define IS_MINE(key) (d_waiting != 0 && answer_att[key] == d_waiting)
#endif

/* T2: a frame under the pending key was opened; the old key is erased.  Not
 * synced: should it be lost, the key is pending again and opens as before. */
inline promote(key)
{
	if
	:: key == s_pending ->
		s_current = s_pending;
		s_pending = NONE
	:: else
	fi
}

inline sync()
{
	z_current = s_current;
	z_pending = s_pending;
	z_att = s_att
}

/* T4 of one numbered message: its effect and its number in one commit, then
 * the acknowledgement, unless the service dies before it leaves. */
inline take_message(m)
{
	if
	:: m == c_up_next ->
#if defined(SPLIT) && SPLIT == 1
		message_effects[m]++;
		assert(message_effects[m] <= 1);
		if
		:: c_up_next++; acked = m
		:: c_window = false
		fi
#elif defined(SPLIT) && SPLIT == 2
		c_up_next++;
		if
		:: message_effects[m]++; acked = m
		:: c_window = false
		fi
#else
		message_effects[m]++;
		assert(message_effects[m] <= 1);
		c_up_next++;
		if
		:: acked = m
		:: skip
		fi
#endif
	:: m < c_up_next ->
		acked = c_up_next - 1	/* had its effect: only said again */
	:: else				/* a gap: dropped, comes again */
	fi
}

/* What the service does with the line of a DATA.  It takes none unless it saw
 * the attach; what goes down from here on is under the current key. */
inline take_data()
{
	if
	:: (c_window && att == c_att) ->
		down[s_current] = true;
		if
		:: (n == 0 && !c_volatile) ->
			c_volatile = true;
			volatile_effects[att]++;
			assert(volatile_effects[att] <= 1)
		:: n > 0 -> take_message(n)
		:: else
		fi
	:: else
	fi
}

/* Scratch variables must not make equal states different. */
inline forget()
{
	att = 0;
	key = 0;
	n = 0
}

active proctype everything()
{
	byte att, key, n;

	atomic {
		for (att : 0 .. ATTACHES) {
			attach_key[att] = NONE
		}
		for (key : 0 .. ROLLS) {
			answer_base[key] = NONE
		}
		forget()
	}
	do
	/* --- Device --- */

	/* The number is on disk before the frame leaves.  The attach may carry
	 * the first message that is not acknowledged. */
	:: atomic {
		d_att < ATTACHES ->
		d_att++;
		d_waiting = d_att;
		d_open = false;
		attach_key[d_att] = d_current;
		if
		:: d_next <= MESSAGES -> attach_batch[d_att] = d_next
		:: skip
		fi
	}
	/* It dies, gives up, or loses its link. */
	:: atomic {
		(d_waiting != 0 || d_open || d_unsaved != NONE) ->
		d_waiting = 0;
		d_open = false;
		d_unsaved = NONE
	}
	/* An ANSWER arrives.  New key and old one are on disk, in one rename,
	 * before anything is sent under the new one. */
	:: atomic {
		select (key : 1 .. ROLLS);
		if
		:: (answer_base[key] != NONE && IS_MINE(key) &&
		    (answer_base[key] == d_current ||
		    answer_base[key] == d_previous)) ->
			d_waiting = 0;
			d_open = true;
#ifdef NOSAVE
			d_unsaved = key;
			DATA(key, d_att, 0) = true
#else
			if
			:: d_current != key ->
				d_previous = d_current;
				d_current = key
			:: else
			fi;
			CHECK_KEYS
#endif
		:: else
		fi;
		forget()
	}
#ifdef NOSAVE
	:: atomic {
		d_unsaved != NONE ->
		d_previous = d_current;
		d_current = d_unsaved;
		d_unsaved = NONE;
		CHECK_KEYS
	}
#endif
	/* It sends a numbered message; or a volatile one, which is also the
	 * first frame that confirms the new key. */
	:: atomic {
		(d_open && d_next <= MESSAGES && !DATA(d_current, d_att, d_next)) ->
		DATA(d_current, d_att, d_next) = true
	}
	:: atomic {
		(d_open && !DATA(d_current, d_att, 0)) ->
		DATA(d_current, d_att, 0) = true
	}
	/* An acknowledgement arrives: the message is forgotten for good. */
	:: atomic {
		(d_next <= MESSAGES && acked >= d_next) ->
		assert(message_effects[d_next] == 1);
		d_next++
	}
	/* A frame under the new key arrives: the old one is erased. */
	:: atomic {
		(d_previous != NONE && down[d_current]) ->
		d_previous = NONE;
		CHECK_KEYS
	}

	/* --- Dispatcher --- */

	/* An ATTACH arrives.  T1: the key it is under is confirmed, its number
	 * taken, the next key made; synced; and only then is the line passed
	 * on, unless the dispatcher dies. */
	:: atomic {
		select (att : 1 .. ATTACHES);
		if
		:: (OPENS(attach_key[att]) && MAY_ATTACH(att) &&
		    next_key <= ROLLS) ->
			promote(attach_key[att]);
			s_att = att;
			s_taken[att] = true;
			s_pending = next_key;
			next_key++;
#ifndef LAZYSYNC
			sync();
#endif
			CHECK_KEYS;
			if
			:: line[att] = true
			:: skip
			fi
		:: else
		fi;
		forget()
	}
	/* The service takes the line: T4 holds the attach and the message that
	 * came with it.  Then another dispatcher finds the pending key of this
	 * attach (T3) and seals the ANSWER, unless one of them dies. */
	:: atomic {
		select (att : 1 .. ATTACHES);
		if
		:: line[att] ->
			line[att] = false;
			if
			:: NEWER(att) ->
				c_att = att;
				c_window = true;
				c_volatile = false;
				attach_effects[att]++;
				assert(attach_effects[att] <= 1);
				n = attach_batch[att];
				if
				:: n > 0 -> take_message(n)
				:: else
				fi
			:: else
			fi;
			if
			:: (s_pending != NONE && s_att == att && c_att == att) ->
				answer_base[s_pending] = s_current;
				answer_att[s_pending] = att;
#ifdef EARLYDEL
				promote(s_pending);
				CHECK_KEYS
#endif
			:: skip
			fi
		:: else
		fi;
		forget()
	}

	/* --- Dispatcher and service: a DATA arrives --- */

	/* T2, then T4. */
	:: atomic {
		select (key : 0 .. ROLLS);
		if
		:: OPENS(key) ->
			select (att : 1 .. ATTACHES);
			select (n : 0 .. MESSAGES);
			if
			:: DATA(key, att, n) ->
				promote(key);
				CHECK_KEYS;
				take_data()
			:: else
			fi
		:: else
		fi;
		forget()
	}

	/* --- What befalls the gateway --- */

	/* The service dies and is started again; its window is gone. */
	:: atomic {
		(c_window && kills < KILLS) ->
		kills++;
		c_volatile = false;
#ifndef RAMWIN
		c_window = false
#endif
	}
#ifdef POWER
	/* The session row may fall back too: docs/wire.md promises nothing
	 * about acknowledged messages then, so that is not modelled. */
	:: atomic {
		kills < KILLS ->
		kills++;
		c_window = false;
		c_volatile = false;
		s_current = z_current;
		s_pending = z_pending;
		s_att = z_att;
		CHECK_KEYS
	}
#endif
	od
}
