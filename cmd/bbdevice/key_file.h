/* The file with the first base key of a device. */
#ifndef BBDEVICE_KEY_FILE_H
#define BBDEVICE_KEY_FILE_H

#include <stdint.h>

#include "base/cc.h"
#include "seal/keys.h"

/* Reads 32 bytes, or 64 hexadecimal digits and perhaps a line end, from a file
 * that nobody but its owner may use.  0, or -1 with errno and a clause in *why
 * ("can be used by others; chmod 600 it"); the caller wipes. */
int key_file_read(const char *path, uint8_t base[BB_BASE_LEN], const char **why)
    BB_NODISCARD;

#endif
