/* Exit codes of what the gateway says, and its words for people. */
#ifndef BBDEVICE_STATUS_H
#define BBDEVICE_STATUS_H

#include <stdint.h>

/* Each looks a word up; a word that a newer gateway may say is a failure of the
 * hop that said it. */
int status_of_answer(const char *result);
int status_of_result(const char *result);
int status_of_ended(const char *ended);
int status_of_notice(const char *code);
int status_of_hint(uint8_t code);
/* Sentences without a dot; for an unknown word the word itself. */
const char *text_of_ended(const char *ended);
const char *text_of_notice(const char *code);
const char *text_of_hint(uint8_t code);

#endif
