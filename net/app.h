/* The app's packets: between the TUN device of its kernel and the link of the
 * gateway that carries them.
 */
#ifndef NET_APP_H
#define NET_APP_H

#include "net/stack.h"

/* tun: net/tun.h's, -1: none. */
void app_init(int tun);
extern const struct stack_app app_hooks;

/* Is there room for what the app sends? Else the device is not to be watched. */
bool app_takes(void);
/* Packets wait at the device. True when there may be more. */
bool app_io(void);

#endif
