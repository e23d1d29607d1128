/* Lists of sessions: gathered first, because what is done to them changes the
 * rows that a query would be walking over. */
#include <stdlib.h>
#include <string.h>

#include "configdb/rows.h"

#include "base/cc.h"

bool
bb_pins_add(void *ctx, uint32_t pin, int64_t owner)
{
	struct bb_pins *pins = ctx;
	size_t cap = pins->cap == 0 ? 16 : pins->cap * 2;
	void *at;

	if (pins->len == pins->cap) {
		at = realloc(pins->at, cap * sizeof(*pins->at));
		if (at == NULL) {
			pins->no_memory = true;
			return false;
		}
		pins->at = at;
		pins->cap = cap;
	}
	pins->at[pins->len].pin = pin;
	pins->at[pins->len++].owner = owner;
	return true;
}

bool
bb_pins_row(void *ctx, sqlite3_stmt *row)
{
	return bb_pins_add(ctx, (uint32_t)bb_col_int(row, 0),
	    bb_col_int(row, 1));
}

void
bb_pins_clear(struct bb_pins *pins)
{
	free(pins->at);
	memset(pins, 0, sizeof(*pins));
}

enum bb_db_result
bb_others_add(struct bb_db *db, struct bb_others *others, uint32_t pin,
    int64_t owner)
{
	size_t cap;
	void *at;

	if (others == NULL)
		return BB_DB_OK;
	if (others->len == others->cap) {
		cap = others->cap == 0 ? 16 : others->cap * 2;
		at = realloc(others->at, cap * sizeof(*others->at));
		if (at == NULL)
			return bb_why(db, BB_DB_ERROR, "out of memory");
		others->at = at;
		others->cap = cap;
	}
	others->at[others->len].pin = pin;
	others->at[others->len++].owner = owner;
	return BB_DB_OK;
}

void
bb_others_clear(struct bb_others *others)
{
	free(others->at);
	memset(others, 0, sizeof(*others));
}
