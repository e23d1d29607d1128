/* Stores for a bench: N users of the service `local`, each with a device, all
 * with the same password; written directly, for bbsession would take its
 * time. */
#ifndef WORLD_H
#define WORLD_H

#include <stdint.h>

#include "device.h"

/* Makes DIR/devices.db and DIR/config.db; devices as they are before their
 * first attach, to be freed by the caller. */
struct device *world_make(const char *dir, uint32_t count);

#endif
