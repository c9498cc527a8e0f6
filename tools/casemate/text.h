/* Text for people: what is printed, and numbers they typed.
 *
 * Names and messages may come from a hostile enclave: nothing of theirs
 * reaches a terminal that it would obey.
 */
#ifndef TOOL_TEXT_H
#define TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_NUMBER_MAX = 48 };

/* Copies n bytes of in to out (max bytes, at least 1, with the final NUL) and
 * returns the length. Control characters, bytes that are not UTF-8, C1 and
 * the marks that turn the writing direction become '?'; newline and tab stay
 * when lines is set. What does not fit is cut off. */
size_t text_clean(char *out, size_t max, const char *in, size_t n, bool lines);

/* The code point at the front of n bytes, at least 1; *len is how many it has, 0
 * when they are not UTF-8. */
uint32_t text_code_point(const unsigned char *p, size_t n, size_t *len);

/* Does text_clean() leave this code point as it is? */
bool text_harmless(uint32_t v, bool lines);

/* "512 B", "1.5 KiB", "64.0 MiB" */
void text_bytes(char out[TEXT_NUMBER_MAX], uint64_t bytes);

/* "12 s", "5 min", "3 h 12 min", "4 d 3 h" */
void text_duration(char out[TEXT_NUMBER_MAX], int64_t seconds);

/* Decimal digits only, min to max. */
bool text_number(const char *s, uint32_t min, uint32_t max, uint32_t *v);

/* The word that say() puts behind "casemate: "; kept by pointer. */
void say_verb(const char *verb);

/* One line on standard error, cleaned. errno is kept, %m works. */
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);

#endif
