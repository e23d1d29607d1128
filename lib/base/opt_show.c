/* What is printed from a table of options: help, the list for completion and
 * man pages, and the name that was probably meant. */
#include "base/opt_show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"

#define OUTPUT_MAX 65536
#define NAME_MAX_LEN 40 /* longer words have no near name */
#define DISTANCE_MAX 3
#define NAMES_MAX 96
#define COLUMN_MAX 30 /* a longer option stands on a line of its own */

/* What every tool has besides its table. */
static const struct bb_opt common[] = {
	{ .name = "help", .help = "print this and exit" },
	{ .name = "version", .help = "print the version and exit" },
};

static void BB_NORETURN
print_and_exit(struct bb_buf *out)
{
	if (bb_write_all(STDOUT_FILENO, bb_buf_data(out), bb_buf_len(out)) ==
	    -1)
		bb_die_sys("unable to write to standard output");
	bb_buf_clear(out);
	exit(BB_EXIT_OK);
}

/* Help is small; what does not fit is a lack of memory. */
static void
must(int rc)
{
	if (rc == -1)
		bb_die_sys("unable to print the options");
}

static size_t
left_width(const struct bb_opt *opt)
{
	size_t width = strlen("  -x, --") + strlen(opt->name);

	return opt->arg == NULL ? width : width + 1 + strlen(opt->arg);
}

static size_t
widest(const struct bb_opt *opts, size_t len, size_t width)
{
	size_t i, w;

	for (i = 0; i < len; i++) {
		w = left_width(&opts[i]);
		if (w > width && w <= COLUMN_MAX)
			width = w;
	}
	return width;
}

static void
help_row(struct bb_buf *out, const struct bb_opt *opt, size_t column)
{
	size_t width = left_width(opt);

	must(opt->letter == 0 ? bb_buf_puts(out, "      --")
			      : bb_buf_printf(out, "  -%c, --", opt->letter));
	must(bb_buf_printf(out, "%s%s%s", opt->name,
	    opt->arg == NULL ? "" : " ", opt->arg == NULL ? "" : opt->arg));
	if (width > column) {
		must(bb_buf_puts(out, "\n"));
		width = 0;
	}
	must(bb_buf_printf(out, "%*s  %s\n", (int)(column - width), "",
	    opt->help));
}

void
bb_opt_show_help(const struct bb_opt_spec *spec)
{
	struct bb_buf out = BB_BUF(OUTPUT_MAX);
	size_t i, column = widest(common, BB_LEN(common), 0);

	column = widest(spec->opts, spec->opts_len, column);
	must(bb_buf_printf(&out, "usage: %s [options]%s%s\n%s\n\n", spec->tool,
	    *spec->operands == '\0' ? "" : " ", spec->operands, spec->about));
	for (i = 0; i < spec->opts_len; i++)
		help_row(&out, &spec->opts[i], column);
	for (i = 0; i < BB_LEN(common); i++)
		help_row(&out, &common[i], column);
	print_and_exit(&out);
}

void
bb_opt_show_version(void)
{
	struct bb_buf out = BB_BUF(OUTPUT_MAX);

	must(bb_buf_printf(&out, "%s %s\n", bb_prog, BB_VERSION));
	print_and_exit(&out);
}

static void
table_row(struct bb_buf *out, const struct bb_opt *opt)
{
	const char letter[2] = { opt->letter, '\0' };

	must(bb_buf_printf(out, "%s\t%s\t%s\t%s\n", opt->name, letter,
	    opt->arg == NULL ? "" : opt->arg, opt->help));
}

void
bb_opt_show_table(const struct bb_opt_spec *spec)
{
	struct bb_buf out = BB_BUF(OUTPUT_MAX);
	size_t i;

	for (i = 0; i < spec->opts_len; i++)
		table_row(&out, &spec->opts[i]);
	for (i = 0; i < BB_LEN(common); i++)
		table_row(&out, &common[i]);
	print_and_exit(&out);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edit distance where two letters that changed places count once: that is how
 * people mistype.  Rows of the usual table: two back, one back, this one. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_LEN + 1] = { { 0 } };
	size_t a_len = strlen(a), b_len = strlen(b), i, j;
	size_t *now, *back, *back2, cost;

	if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
		return DISTANCE_MAX + 1;
	for (j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (i = 1; i <= a_len; i++) {
		now = rows[i % 3];
		back = rows[(i + 2) % 3];
		back2 = rows[(i + 1) % 3];
		now[0] = i;
		for (j = 1; j <= b_len; j++) {
			cost = a[i - 1] == b[j - 1] ? 0 : 1;
			now[j] = least(least(back[j], now[j - 1]) + 1,
			    back[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = least(now[j], back2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

/* Where every letter would have to change nothing is near. */
const char *
bb_opt_nearest(const char *word, const char *const names[], size_t len)
{
	size_t best = DISTANCE_MAX + 1, i, d;
	const char *found = NULL;

	for (i = 0; i < len; i++) {
		d = distance(word, names[i]);
		if (d < best && (d < strlen(word) || d < strlen(names[i]))) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

void
bb_opt_die_unknown(const struct bb_opt_spec *spec, const char *shown)
{
	const char *names[NAMES_MAX], *near = NULL;
	size_t i, len = 0;

	for (i = 0; i < spec->opts_len && len < NAMES_MAX; i++)
		names[len++] = spec->opts[i].name;
	for (i = 0; i < BB_LEN(common) && len < NAMES_MAX; i++)
		names[len++] = common[i].name;
	if (strncmp(shown, "--", 2) == 0)
		near = bb_opt_nearest(shown + 2, names, len);
	if (near != NULL)
		bb_die(BB_EXIT_USAGE, "unknown option %s; did you mean --%s?",
		    shown, near);
	bb_die(BB_EXIT_USAGE, "unknown option %s; --help lists them", shown);
}

/* "USER [NAME ...]": the word with that index, without brackets. */
void
bb_opt_die_missing(const struct bb_opt_spec *spec, int index)
{
	const char *word = spec->operands, *end;

	for (;;) {
		word += strspn(word, " []");
		end = word + strcspn(word, " []");
		if (index == 0 || *end == '\0')
			break;
		word = end;
		index--;
	}
	if (end == word)
		bb_die(BB_EXIT_USAGE, "missing operand; --help says more");
	bb_die(BB_EXIT_USAGE, "missing operand %.*s", (int)(end - word), word);
}
