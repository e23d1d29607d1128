/* JSON written by hand, also as a JSON library reads it. */
#include "base/json_out.h"

#include <jansson.h>
#include <string.h>

#include "base/cc.h"
#include "tap.h"

static const char *
text_of(struct bb_buf *buf)
{
	if (bb_buf_put(buf, "", 1) == -1)
		return "no room";
	return (const char *)bb_buf_data(buf);
}

static void
test_shape(void)
{
	struct bb_buf buf = BB_BUF(1000);
	struct bb_json_out out = bb_json_out_init(&buf);

	bb_json_out_object(&out, NULL);
	bb_json_out_uint(&out, "v", 1);
	bb_json_out_list(&out, "links");
	bb_json_out_object(&out, NULL);
	bb_json_out_text(&out, "pin", "2100000a");
	bb_json_out_bool(&out, "authentic", true);
	bb_json_out_object_end(&out);
	bb_json_out_uint(&out, NULL, UINT64_MAX);
	bb_json_out_bool(&out, NULL, false);
	bb_json_out_list_end(&out);
	bb_json_out_object(&out, "none");
	bb_json_out_object_end(&out);
	bb_json_out_list(&out, "empty");
	bb_json_out_list_end(&out);
	bb_json_out_object_end(&out);
	tap_ok(!out.bad, "a small object fits");
	TAP_EQ_STR(text_of(&buf),
	    "{\"v\":1,\"links\":[{\"pin\":\"2100000a\",\"authentic\":true},"
	    "18446744073709551615,false],\"none\":{},\"empty\":[]}",
	    "commas, names and brackets stand where they must");
	bb_buf_clear(&buf);
}

/* What a library reads from the text that was written. */
static void
check_text(const char *text, const char *want, const char *sentence)
{
	struct bb_buf buf = BB_BUF(1000);
	struct bb_json_out out = bb_json_out_init(&buf);
	json_t *list;

	bb_json_out_list(&out, NULL);
	bb_json_out_text(&out, NULL, text);
	bb_json_out_list_end(&out);
	list = json_loadb((const char *)bb_buf_data(&buf), bb_buf_len(&buf), 0,
	    NULL);
	TAP_EQ_STR(json_string_value(json_array_get(list, 0)), want, sentence);
	json_decref(list);
	bb_buf_clear(&buf);
}

static void
test_texts(void)
{
	check_text("", "", "no text");
	check_text("unix:/run/\"bb\"\\x", "unix:/run/\"bb\"\\x",
	    "quotes and backslashes");
	check_text("a\nb\t\x01\x1f\x7f", "a\nb\t\x01\x1f\x7f",
	    "control characters");
	check_text("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "UTF-8");
	check_text("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80",
	    "a character of four bytes");
	check_text("a\xff"
		   "b\xc3",
	    "a\xef\xbf\xbd"
	    "b\xef\xbf\xbd",
	    "what is no UTF-8 is replaced");
	check_text("\xed\xa0\x80",
	    "\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd",
	    "a surrogate is none");
}

static void
test_controls_are_escaped(void)
{
	struct bb_buf buf = BB_BUF(1000);
	struct bb_json_out out = bb_json_out_init(&buf);

	bb_json_out_text(&out, NULL, "\n\xc2\x85");
	TAP_EQ_STR(text_of(&buf), "\"\\u000a\\u0085\"",
	    "no control character stands in the text itself");
	bb_buf_clear(&buf);
}

static void
test_full(void)
{
	struct bb_buf buf = BB_BUF(10);
	struct bb_json_out out = bb_json_out_init(&buf);

	bb_json_out_list(&out, NULL);
	bb_json_out_text(&out, NULL, "1234567");
	tap_ok(!out.bad, "ten bytes fit where there is room for ten");
	bb_json_out_list_end(&out);
	tap_ok(out.bad, "one more is said to be too many");
	bb_json_out_uint(&out, NULL, 1);
	tap_ok(out.bad && bb_buf_len(&buf) == 10, "and stays said");
	bb_buf_clear(&buf);
}

int
main(void)
{
	test_shape();
	test_texts();
	test_controls_are_escaped();
	test_full();
	return tap_done();
}
