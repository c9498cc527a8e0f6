/* The main command's process, from its start as a role to the execution of what
 * the measured manifest names.
 */
#ifndef APPLIANCE_APP_H
#define APPLIANCE_APP_H

/* Gives up what confine_app() takes, becomes the command's user in its working
 * directory, and executes it with its variables and nothing else: PATH, if it
 * is one of them, is where it is looked for. shared is the memory of
 * touchlog.h. Returns only if that fails, which is logged: 127 when there is no
 * such command, else 126. */
int app_main(int shared);

#endif
