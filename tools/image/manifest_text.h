/* The keys of a manifest, MANIFEST.md's tables: from a tree of YAML into a plan. */
#ifndef IMAGE_MANIFEST_TEXT_H
#define IMAGE_MANIFEST_TEXT_H

#include "channel/message.h"
#include "tools/image/manifest_read.h"

enum manifest_kind { KEY_OTHER, KEY_NUMBER, KEY_FLAG };

/* A key and who reads its value, into s or, at the top level, r->plan. */
struct manifest_key {
	const char *name;
	void (*read)(struct reading *r, const struct yaml *v, const struct manifest_key *k,
	             struct plan_service *s);
	enum manifest_kind kind;
	/* A number of struct service_policy: which, and its bounds; max 0: the enclave's.
	 * A flag is number.min, of enum service_flags. */
	size_t at;
	struct number number;
};

struct manifest_keys {
	const struct manifest_key *key;
	size_t n;
};

/* The words of "allow", from OP_EXEC on, and of "restart". */
enum { MANIFEST_OPERATIONS = OP_LOOK - OP_EXEC + 1, MANIFEST_RESTARTS = RESTART_ALWAYS + 1 };
extern const char *const manifest_operations[MANIFEST_OPERATIONS];
extern const char *const manifest_restarts[MANIFEST_RESTARTS];

/* The top level, a service, its "ready", and "network". */
extern const struct manifest_keys manifest_top_keys, manifest_service_keys, manifest_ready_keys,
	manifest_network_keys;

/* Reads all members of a map, and notes those that are no key. */
void manifest_read_keys(struct reading *r, const struct yaml *map, const struct manifest_keys *keys,
                        struct plan_service *s);

const struct yaml *manifest_member(const struct yaml *map, const char *key);

/* The whole of p->yaml; what is wrong is noted. */
void manifest_read_top(struct plan *p);

/* The key "network" (manifest_network.c). */
void manifest_read_network(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                           struct plan_service *s);

/* The service s, whose name is in r; all services' names are in the plan. */
void manifest_read_service(struct reading *r, const struct yaml *map, struct plan_service *s);

/* The name of a capability that can be had, else NULL. */
const char *manifest_capability(unsigned number);

/* The number of the service that v names; notes if there is none. */
bool manifest_find_service(const struct reading *r, const struct yaml *v, size_t *number);

#endif
