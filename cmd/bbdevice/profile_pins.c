/* Owns the list of profiles: the folders that have a PIN as their name. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "profile.h"
#include "wire/text.h"

#include "base/cc.h"

static int
by_name(const void *a, const void *b)
{
	const uint32_t *pa = a, *pb = b;

	return *pa < *pb ? -1 : *pa > *pb;
}

uint32_t *
profile_pins(const char *folder, size_t *len)
{
	uint32_t *pins = NULL, *more, pin;
	char name[BB_PIN_TEXT_MAX];
	const struct dirent *entry;
	DIR *dir = opendir(folder);

	*len = 0;
	if (dir == NULL && errno == ENOENT)
		return NULL;
	if (dir == NULL)
		bb_die_sys("unable to read the folder %s", folder);
	/* cppcheck-suppress readdirCalled ; there is one thread */
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		if (!bb_text_pin_scan(entry->d_name, &pin))
			continue;
		bb_text_pin(pin, name);
		if (strcmp(name, entry->d_name) != 0)
			continue;
		more = realloc(pins, (*len + 1) * sizeof(*pins));
		if (more == NULL)
			bb_die_sys("unable to list the profiles");
		pins = more;
		pins[(*len)++] = pin;
	}
	if (errno != 0)
		bb_die_sys("unable to read the folder %s", folder);
	(void)closedir(dir);
	if (pins != NULL)
		qsort(pins, *len, sizeof(*pins), by_name);
	return pins;
}
