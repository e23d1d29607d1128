/* Log lines: made whole in one array, written by one call. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/cursor.h"

const char *bb_prog = "bb";

static enum bb_log_level level_max = BB_LOG_WARN;
static bool to_syslog, as_json;

static const struct {
	const char *word;
	int priority;
} levels[] = {
	[BB_LOG_ERROR] = { "error", LOG_ERR },
	[BB_LOG_WARN] = { "warning", LOG_WARNING },
	[BB_LOG_INFO] = { "info", LOG_INFO },
	[BB_LOG_DEBUG] = { "debug", LOG_DEBUG },
};

/* How text is made harmless. */
enum quoting {
	QUOTE_LINE, /* our own words: what would break the line */
	QUOTE_PEER, /* the backslash too: readable back without doubt */
	QUOTE_JSON
};

struct line {
	char *at;
	size_t len, cap;
};

static void
add(struct line *line, const char *text)
{
	size_t len = strlen(text);

	if (len > line->cap - line->len)
		len = line->cap - line->len;
	memcpy(line->at + line->len, text, len);
	line->len += len;
}

/* What may stand in a line that a person reads: not C0, DEL and C1 controls,
 * line and paragraph separators, nor the marks that turn the direction of the
 * text around them (U+202A..202E, U+2066..2069). */
static bool
printable(uint32_t cp)
{
	if (cp < 0x20 || (cp >= 0x7F && cp <= 0x9F))
		return false;
	if (cp >= 0x2028 && cp <= 0x202E)
		return false;
	return cp < 0x2066 || cp > 0x2069;
}

/* Writes one character, or one byte that is none, in the form that `quoting`
 * asks for.  Returns how many bytes it took from text. */
static size_t
unit(char out[8], const uint8_t *text, size_t len, enum quoting quoting)
{
	struct bb_rd rd = bb_rd_init(text, len);
	uint32_t cp = bb_rd_utf8(&rd);
	size_t n = len - rd.left;

	if (rd.bad) {
		(void)snprintf(out, 8, "%s\\x%02x",
		    quoting == QUOTE_JSON ? "\\" : "", (unsigned)text[0]);
		return 1;
	}
	if (quoting == QUOTE_JSON && (cp == '"' || cp == '\\')) {
		(void)snprintf(out, 8, "\\%c", (int)cp);
		return n;
	}
	if (quoting == QUOTE_JSON && !printable(cp)) {
		(void)snprintf(out, 8, "\\u%04x", (unsigned)(cp & 0xFFFF));
		return n;
	}
	if (!printable(cp) || (quoting == QUOTE_PEER && cp == '\\')) {
		(void)snprintf(out, 8, "\\x%02x", (unsigned)text[0]);
		return 1;
	}
	memcpy(out, text, n);
	out[n] = '\0';
	return n;
}

/* Quotes text to the end of line, which keeps `tail` bytes free; "..." marks
 * what was cut. */
static void
quote(struct line *line, const void *text, size_t len, enum quoting quoting,
    size_t tail)
{
	const uint8_t *p = text;
	size_t limit = line->cap - tail, used, dots_at = line->len;
	char out[8];

	while (len > 0) {
		used = unit(out, p, len, quoting);
		if (strlen(out) > limit - line->len) {
			line->len = dots_at;
			line->cap = limit;
			add(line, "...");
			line->cap = limit + tail;
			return;
		}
		add(line, out);
		if (line->len + 3 <= limit)
			dots_at = line->len;
		p += used;
		len -= used;
	}
}

/* Nothing can be done about a log that cannot be written. */
static void
put(const struct line *line)
{
	ssize_t put;

	do {
		put = write(STDERR_FILENO, line->at, line->len);
	} while (put == -1 && errno == EINTR);
}

static void
emit_json(const char *word, const char *text)
{
	char mem[BB_LOG_LINE_MAX];
	struct line line = { .at = mem, .cap = sizeof(mem) };

	add(&line, "{\"v\":1,\"level\":\"");
	add(&line, word);
	add(&line, "\",\"tool\":\"");
	quote(&line, bb_prog, strlen(bb_prog), QUOTE_JSON, sizeof(mem) / 2);
	add(&line, "\",\"text\":\"");
	quote(&line, text, strlen(text), QUOTE_JSON, strlen("\"}\n"));
	add(&line, "\"}\n");
	put(&line);
}

/* `head` is the whole beginning of the line, name and level. */
static void
emit_text(const char *head, const char *text)
{
	char mem[BB_LOG_LINE_MAX];
	struct line line = { .at = mem, .cap = sizeof(mem) };

	quote(&line, head, strlen(head), QUOTE_LINE, sizeof(mem) / 2);
	quote(&line, text, strlen(text), QUOTE_LINE, strlen("\n"));
	add(&line, "\n");
	put(&line);
}

static void
emit_syslog(int priority, const char *word, const char *text)
{
	char mem[BB_LOG_LINE_MAX];
	struct line line = { .at = mem, .cap = sizeof(mem) };

	quote(&line, text, strlen(text), QUOTE_LINE, 1);
	syslog(priority, "%s: %.*s", word, (int)line.len, mem);
}

void
bb_log_open(const char *prog)
{
	bb_prog = prog;
	level_max = BB_LOG_WARN;
}

void
bb_log_level(enum bb_log_level level)
{
	level_max = level;
}

void
bb_log_to_syslog(void)
{
	openlog(bb_prog, LOG_PID, LOG_DAEMON);
	to_syslog = true;
}

void
bb_log_json(bool on)
{
	as_json = on;
}

void
bb_log(enum bb_log_level level, const char *fmt, ...)
{
	char text[BB_LOG_LINE_MAX], head[128];
	int err = errno;
	va_list ap;

	if (level > level_max)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (to_syslog) {
		emit_syslog(levels[level].priority, levels[level].word, text);
	} else if (as_json) {
		emit_json(levels[level].word, text);
	} else {
		(void)snprintf(head, sizeof(head), "%.64s[%ld]: %s: ", bb_prog,
		    (long)getpid(), levels[level].word);
		emit_text(head, text);
	}
	errno = err;
}

void
bb_log_fatal(const char *text)
{
	char head[128];

	if (to_syslog) {
		emit_syslog(LOG_ERR, "fatal", text);
	} else if (as_json) {
		emit_json("error", text);
	} else {
		(void)snprintf(head, sizeof(head), "%.64s: fatal: ", bb_prog);
		emit_text(head, text);
	}
}

const char *
bb_log_escape(char *out, size_t out_size, const void *text, size_t len)
{
	struct line line = { .at = out, .cap = out_size };

	if (out_size == 0)
		return out;
	quote(&line, text, len, QUOTE_PEER, 1);
	out[line.len] = '\0';
	return out;
}
