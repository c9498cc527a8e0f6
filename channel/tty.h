/* The host's terminal: raw while a command has it, its size.
 *
 * One terminal a process. Restoring is safe at any time, as often as wanted.
 */
#ifndef CHANNEL_TTY_H
#define CHANNEL_TTY_H

#include <stdbool.h>
#include <stdint.h>

/* Puts the terminal at fd into raw mode; again after a stop, when the shell
 * has changed it. false: it is no terminal, or it refused. */
bool tty_raw(int fd);

/* Gives it back as tty_raw first found it, if it did. */
void tty_restore(void);

/* The size of the first of descriptors 0 to 2 that is a terminal. */
bool tty_size(uint16_t *rows, uint16_t *cols);

#endif
