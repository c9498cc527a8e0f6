/* The measured manifest: what the image's author decided, as the enclave reads
 * it.
 *
 * The builder writes it as deterministic CBOR into the second ramdisk
 * (/manifest), so that it is part of PCR0 and PCR2; nothing in the enclave
 * parses text. What people write, and what each thing does, is in
 * tools/image/MANIFEST.md. A map with unsigned keys:
 *
 *   1  version, MANIFEST_VERSION
 *   2  channel mode, enum channel_mode
 *   3  operations that the channel admits, bit N for operation N of
 *      channel/message.h
 *   4  the main service, a number of key 6's; MANIFEST_NO_MAIN: none
 *   5  1: the enclave stays when the main service has ended for good; 0: it
 *      stops
 *   6  services, array of 0 to SERVICES_MAX byte strings, each an encoded map
 *      as below; a service depends on earlier ones only
 *   7  milliseconds that services get to end in when the enclave stops
 *   8  what the app may reach and what may reach it, byte string of up to
 *      MANIFEST_NETWORK_MAX for net/policy.h; empty: nothing
 *
 * A service, whose strings are of type text, though they need not be UTF-8:
 *
 *   1  name, string of 1 to SERVICE_NAME_MAX of a-z, 0-9, - and _
 *   2  command, array of 1 to MANIFEST_ARGV_MAX strings
 *   3  its variables, NAME=VALUE, array of 0 to MANIFEST_ENV_MAX strings;
 *      it has no others but NOTIFY_SOCKET
 *   4  its working directory, absolute
 *   5  its user, group and supplementary groups: array of 2 to
 *      MANIFEST_IDS_MAX unsigned numbers, as dcbor_ids reads
 *   6  the command that says whether it is ready, as key 2 or empty
 *   7  paths that it may write to though its root is read-only, array of 0 to
 *      MANIFEST_PATHS_MAX absolute strings
 *   8  array of the numbers of struct service_policy, in their order
 *
 * All keys are mandatory, others are refused (RC_BAD).
 */
#ifndef BASE_MANIFEST_H
#define BASE_MANIFEST_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	MANIFEST_VERSION = 4,
	MANIFEST_MAX = 32768,    /* bytes of the whole encoding */
	MANIFEST_ARGV_MAX = 64,  /* arguments of a command */
	MANIFEST_ARG_MAX = 4096, /* bytes of any string here, none of them NUL */
	MANIFEST_ENV_MAX = 256,  /* variables */
	MANIFEST_PATHS_MAX = 16,
	MANIFEST_IDS_MAX = 66, /* a user, its group and 64 more */
	MANIFEST_STOP_MS_MAX = 600000,
	MANIFEST_NETWORK_MAX = 16384,
	SERVICES_MAX = 16,
	SERVICE_NAME_MAX = 32,
	MANIFEST_NO_MAIN = SERVICES_MAX,
};

enum channel_mode {
	CHANNEL_OFF = 0,  /* nobody gets a session */
	CHANNEL_OPEN = 1, /* whoever reaches the port gets one */
};

/* How a service is known to be ready. */
enum service_readiness {
	READY_STARTED, /* it was executed */
	READY_EXEC,    /* key 6's command exits with 0 */
	READY_TCP,     /* 127.0.0.1 takes a connection on ready_port */
	READY_NOTIFY,  /* its main process says READY=1 (sd_notify(3)) */
};

enum service_restart { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };

enum service_flags {
	SERVICE_READ_ONLY = 1,  /* its root, but for key 7 */
	SERVICE_OWN_PIDS = 2,   /* a PID namespace, whose process 1 it is */
	SERVICE_TO_CONSOLE = 4, /* what it prints goes to the console as well */
	SERVICE_FLAGS = 7,      /* all of them */
};

/* Times are milliseconds. manifest.c's table has the same order, and each
 * number's maximum. */
struct service_policy {
	uint64_t after;    /* bit N: starts once service N is ready or done */
	uint64_t requires; /* the same, and ends with it; also in after */
	uint64_t ready;    /* enum service_readiness */
	uint64_t ready_port;
	uint64_t start_ms;               /* to become ready in */
	uint64_t restart;                /* enum service_restart */
	uint64_t pause_ms, pause_max_ms; /* before a restart: doubles from, to */
	uint64_t burst, burst_ms;      /* gives up after so many starts in such a time; 0: never */
	uint64_t stop_signal, stop_ms; /* SIGKILL follows */
	uint64_t memory;               /* bytes; 0 as here and below: no limit */
	uint64_t pids;                 /* processes and threads */
	uint64_t cpu;                  /* thousandths of a processor */
	uint64_t caps;                 /* capabilities that root of it keeps, bit N for N */
	uint64_t flags;                /* enum service_flags */
	uint64_t log;                  /* bytes of output that are kept */
};

enum { SERVICE_NUMBERS = sizeof(struct service_policy) / sizeof(uint64_t) };

/* One that fits anywhere: strings and their number. */
struct service {
	struct slice name; /* all slices point into the input */
	size_t argc, envc, probec, pathc, idc;
	struct slice argv[MANIFEST_ARGV_MAX], probe[MANIFEST_ARGV_MAX];
	struct slice env[MANIFEST_ENV_MAX + 1]; /* with room for one of its starter's */
	struct slice paths[MANIFEST_PATHS_MAX];
	struct slice cwd;
	uint32_t ids[MANIFEST_IDS_MAX];
	struct service_policy policy;
};

struct manifest {
	enum channel_mode channel;
	uint32_t operations;
	size_t main;
	bool keep;
	uint32_t stop_ms;
	size_t services;
	struct slice service[SERVICES_MAX]; /* each for service_parse */
	struct slice network;               /* for policy_parse, net/policy.h */
};

/* RC_OK, RC_BAD, RC_LIMIT or RC_EOF as dcbor.h; the result is unspecified on
 * error. The services are checked by service_parse alone, the network's policy by
 * policy_parse. */
RC_CHECK enum rc manifest_parse(struct slice in, struct manifest *m);

/* May a service be called so? */
bool service_is_name(struct slice s);

/* Service number `number` of a manifest, which says what it can depend on. */
RC_CHECK enum rc service_parse(struct slice in, size_t number, struct service *s);

/* The policy's numbers in their order, and the maximum of each. */
uint64_t *service_numbers(struct service_policy *p);
extern const uint64_t service_numbers_max[SERVICE_NUMBERS];

/* The builder's half (manifest_put.c). Both append the encoding; w->over when
 * it does not fit. */
void manifest_put(struct wbuf *w, const struct manifest *m);
void service_put(struct wbuf *w, const struct service *s);

#endif
