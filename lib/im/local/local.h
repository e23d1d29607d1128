/* The built-in IM service: its server is the configuration store itself. */
#ifndef BB_IM_LOCAL_H
#define BB_IM_LOCAL_H

#include "im/im.h"

extern const struct bb_im_type bb_im_local;

#endif
