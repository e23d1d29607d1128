/* Services as they are set: read once, and again on every login and SIGHUP, so
 * that sessions share one copy. */
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/log.h"
#include "collab.h"

static struct settings *
find(struct collab *c, const char *service)
{
	struct settings *s;

	for (s = c->settings; s != NULL; s = s->next)
		if (strcmp(s->service.name, service) == 0)
			break;
	return s;
}

struct settings *
settings_put(struct collab *c, const struct bb_service *service)
{
	struct settings *s = find(c, service->name);

	if (s == NULL) {
		if ((s = calloc(1, sizeof(*s))) == NULL)
			return NULL;
		s->next = c->settings;
		c->settings = s;
	}
	s->service = *service;
	s->type = bb_im_find(service->type);
	return s;
}

struct settings *
settings_get(struct collab *c, const char *service)
{
	struct settings *s = find(c, service);
	struct bb_service read;
	enum bb_db_result r;

	if (s != NULL)
		return s;
	r = bb_service_get(c->db, service, &read);
	if (r == BB_DB_NONE)
		return NULL;
	if (turn_ok(c, NULL, r) && (s = settings_put(c, &read)) == NULL)
		turn_fail(c);
	return s;
}

void
settings_reload(struct collab *c)
{
	struct bb_service read;
	struct settings *s;
	enum bb_db_result r;

	for (s = c->settings; s != NULL; s = s->next) {
		r = bb_service_get(c->db, s->service.name, &read);
		if (r == BB_DB_OK)
			settings_put(c, &read);
		else if (r != BB_DB_NONE)
			bb_log(BB_LOG_WARN, "unable to read service %s: %s",
			    s->service.name, bb_db_why(c->db));
	}
}

void
settings_free(struct collab *c)
{
	struct settings *s;

	while ((s = c->settings) != NULL) {
		c->settings = s->next;
		free(s);
	}
}
