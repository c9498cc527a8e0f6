/* What the tool knows of running enclaves: one folder each.
 *
 *   $XDG_RUNTIME_DIR/casemate/NAME/   when that is a folder of this user
 *   /run/casemate/NAME/               else, for root
 *   /tmp/casemate-UID/NAME/           else
 *
 * The folder above them must belong to this user and be closed to all others,
 * or nothing is done. In NAME/:
 *
 *   info          what `struct enclave` says (info.h)
 *   lock          held (fcntl, F_OFD_SETLK) by the monitor as long as the enclave lives
 *   vm.sock       the hybrid socket (vhost-device-vsock)
 *   control       the monitor's socket (monitor.h)
 *   console.log   what the enclave printed; console.old what came before it
 *
 * .last/NAME.log keeps the console of an enclave that ended unasked.
 *
 * Functions that give back false have said why, unless their comment says
 * otherwise.
 */
#ifndef TOOL_STATE_H
#define TOOL_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STATE_NAME_MAX = 64, /* with the final NUL */
	STATE_PATH_MAX = 512,
	STATE_SHORT_MAX = 64, /* fits into a sun_path */
	STATE_ENCLAVES_MAX = 256,
	STATE_PORTS_MAX = 1152,
	STATE_NETWORK_MAX = 1600,
};

#define STATE_VM_SOCKET   "vm.sock"
#define STATE_CONTROL     "control"
#define STATE_CONSOLE     "console.log"
#define STATE_CONSOLE_OLD "console.old"

enum backend { BACKEND_EMULATOR, BACKEND_NITRO };
enum life { LIFE_BOOTING, LIFE_RUNNING, LIFE_STOPPING, LIFE_DEAD };

struct enclave {
	char name[STATE_NAME_MAX];
	char image[PATH_MAX];
	enum backend backend;
	enum life life;
	bool debug;
	uint32_t cpus, memory_mib;
	int64_t started_ms;          /* clock_boot_ms() */
	uint32_t pid;                /* the monitor; nitro: nitro-cli's process */
	uint32_t cid;                /* nitro */
	uint32_t gateway;            /* nitro: the process that serves its ports; 0: none */
	char id[STATE_NAME_MAX * 2]; /* nitro: EnclaveID */
	char ports[STATE_PORTS_MAX]; /* of the host, "ADDR:HOST->ENCLAVE", a space between */
	/* "none", or what was behind each --allow, a space between. */
	char network[STATE_NETWORK_MAX];
};

/* 1 to 63 letters, digits, '-', '_', '.', the first a letter or digit. */
bool state_name_ok(const char *name);

/* The folder above all others, made when it is not there; ends the process
 * when it cannot be trusted. */
const char *state_root(void);

/* ROOT/NAME/FILE, or ROOT/NAME when file is "". */
void state_path(char out[STATE_PATH_MAX], const char *name, const char *file);

/* The same for a socket, whose path must be short however long ROOT is: by way
 * of the descriptor given back, which must stay open meanwhile; -1 with errno. */
int state_short_path(char out[STATE_SHORT_MAX], const char *name, const char *file);

/* ROOT/.last/NAME.log */
void state_last_path(char out[STATE_PATH_MAX], const char *name);

/* Makes the folder for e->name and takes its lock, which stays with the
 * descriptor given back (close-on-exec), and is let go when the last process
 * that has it closes it. When the name is taken: with unique, -2, -3, … is put
 * behind it; otherwise that is an error. A dead enclave's folder is taken
 * over. -1 after saying why. */
int state_claim(struct enclave *e, bool unique);

bool state_save(const struct enclave *e);

/* Silent. False when there is none of that name. e->life is LIFE_DEAD when
 * nobody holds the lock of an emulated enclave, or of one that was never
 * started. Whether a nitro enclave lives only nitro-cli knows (nitro.h). */
bool state_load(const char *name, struct enclave *e);

/* Says that there is none of that name, or that there was one and it has ended. */
void state_say_absent(const char *name);

/* Names that have a folder, sorted; their number. */
size_t state_names(char names[][STATE_NAME_MAX], size_t max);

/* Removes the folder with all that the tool and the emulator put there. With
 * keep the console goes to .last first, without it what is there goes too. */
void state_remove(const char *name, bool keep);

const char *state_backend_name(enum backend b);
const char *state_life_name(enum life l);

#endif
