/* The list of IM back ends: a new one is one folder and one line here. */
#include "im/im.h"

#include <string.h>

#include "base/cc.h"
#include "im/local/local.h"

const struct bb_im_type *const bb_im_types[] = { &bb_im_local, NULL };

const struct bb_im_type *
bb_im_find(const char *name)
{
	size_t i;

	for (i = 0; bb_im_types[i] != NULL; i++)
		if (strcmp(bb_im_types[i]->name, name) == 0)
			return bb_im_types[i];
	return NULL;
}
