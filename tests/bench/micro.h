/* One small operation, measured alone: what micro.c's files share. */
#ifndef MICRO_H
#define MICRO_H

#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

struct micro {
	const char *name;
	const char *key;  /* of the result; NULL: none */
	const char *like; /* key of the row it is compared with, or NULL */
	/* Does it n times; ends the bench when it cannot. */
	void (*run)(int64_t n);
};

/* A message as devices send them: 200 bytes of JSON. */
extern const char micro_message[];
#define MICRO_MESSAGE_LEN 200

/* micro_ref.c: what no code of ours is in */
extern const struct micro micro_refs[];
extern const size_t micro_refs_len;
void micro_ref_begin(const char *dir);
void micro_ref_end(void);

/* micro_link.c: frames, keys, JSON */
extern const struct micro micro_links[];
extern const size_t micro_links_len;
void micro_link_begin(void);
void micro_link_end(void);

/* micro_store.c: both stores */
extern const struct micro micro_stores[];
extern const size_t micro_stores_len;
void micro_store_begin(const char *dir);
void micro_store_end(void);

#endif
