/* Functions that nobody may call: each has cost somebody a hole.  Included by
 * every file through base/cc.h; system headers must come first where they
 * name one of these (cc.h is the last include group). */
#ifndef BB_BASE_BAN_H
#define BB_BASE_BAN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BB_BANNED(name) bb_banned_function_##name##_see_base_ban_h
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef atoi
#undef atol
#undef gets
#undef sscanf
#undef localtime
#undef gmtime
#undef asctime
#undef ctime
#undef rand
#define strcpy BB_BANNED(strcpy)
#define strcat BB_BANNED(strcat)
#define strncpy BB_BANNED(strncpy)
#define strncat BB_BANNED(strncat)
#define sprintf BB_BANNED(sprintf)
#define vsprintf BB_BANNED(vsprintf)
#define strtok BB_BANNED(strtok)
#define atoi BB_BANNED(atoi)
#define atol BB_BANNED(atol)
#define gets BB_BANNED(gets)
#define sscanf BB_BANNED(sscanf)
#define localtime BB_BANNED(localtime)
#define gmtime BB_BANNED(gmtime)
#define asctime BB_BANNED(asctime)
#define ctime BB_BANNED(ctime)
#define rand BB_BANNED(rand)

#endif
