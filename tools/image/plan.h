/* A manifest in the making: what a file says (manifest_text.h), or without one what
 * the command line says, then what the container image says, then numbers.
 *
 *     p = plan_new();
 *     plan_read(p, file)       or plan_default(p, channel)
 *     plan_inherit(p, config, words)    once the image's configuration is known
 *     plan_users(p, ...)                once its /etc/passwd is
 *     plan_encode(p, &bytes)
 *
 * Each is called once, in this order, and none after one that failed. The text and
 * the image are anybody's; what is wrong is in p->notes, with its place in the file,
 * when a function returns RC_BAD or RC_LIMIT.
 */
#ifndef IMAGE_PLAN_H
#define IMAGE_PLAN_H

#include "appliance/base/manifest.h"
#include "net/policy.h"
#include "tools/image/oci_config.h"
#include "tools/image/yaml.h"

enum {
	/* Strings that are in no file as they are needed, "NAME=VALUE". All of them are
	 * to be in the manifest. */
	PLAN_STRINGS_MAX = MANIFEST_MAX,
	/* CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP and
	 * NET_BIND_SERVICE: all that there are to be had. */
	PLAN_CAPABILITIES = 0x5fb,
	PLAN_RT_SIGNAL = 32, /* and those above are real-time signals, which stop nothing */
};

struct plan_service {
	/* Where the file says it; NULL where it does not. */
	const struct yaml *at, *user, *capabilities, *after, *requires;
	/* To be filled in while there are none: argc 0, cwd.len 0, idc 0, stop_signal 0.
	 * after and requires count services as they are in the plan. */
	struct service service;
};

struct plan {
	struct notes notes;
	struct slice text; /* the file's after plan_read, p's own memory; p NULL: no file */
	struct yaml_tree yaml;
	/* Where the file says it, or NULL. Without services or ingress they are the image's. */
	const struct yaml *services, *main, *when_main_ends, *network, *ingress;
	struct policy policy;
	struct manifest manifest; /* but for the services, and what is made of them */
	size_t n;
	struct plan_service service[SERVICES_MAX]; /* after plan_read in their final order */
	struct wbuf strings;
	uint8_t string_bytes[PLAN_STRINGS_MAX], service_bytes[MANIFEST_MAX], encoded[MANIFEST_MAX];
	uint8_t policy_bytes[POLICY_MAX];
};

/* NULL, which is printed, when memory is out. Must be freed. */
struct plan *plan_new(void);
void plan_free(struct plan *p);

/* The file at path, which is kept by pointer; or no file. RC_IO is printed. */
RC_CHECK enum rc plan_read(struct plan *p, const char *path);
void plan_default(struct plan *p, enum channel_mode channel);

/* plan_read from memory, which is not needed afterwards. */
RC_CHECK enum rc plan_parse(struct plan *p, const char *file, struct slice text);

/* c is NULL for a folder. argv, without a file: replaces the image's Cmd and not its
 * Entrypoint. Both must live as long as p. */
RC_CHECK enum rc plan_inherit(struct plan *p, const struct oci_config *c, int argc, char **argv);

/* Users by the contents of the image's /etc/passwd and /etc/group; who is not named
 * is c's after oci_config_user(), or root. */
RC_CHECK enum rc plan_users(struct plan *p, const struct oci_config *c, struct slice passwd,
                            struct slice group);

/* Into p's own memory. */
RC_CHECK enum rc plan_encode(struct plan *p, struct slice *out);

/* A service with the defaults of MANIFEST.md. */
void plan_service_init(struct plan_service *s, struct slice name);

/* "NAME=VALUE" in p's own memory. What does not fit is noted by whoever comes to an
 * end: p->strings.over. */
struct slice plan_variable(struct plan *p, struct slice name, struct slice value);

/* Puts services behind what they depend on, else as they were, and adds up how long
 * they get to stop in; notes a cycle, or a sum that is too long (plan_order.c). */
void plan_order(struct plan *p);

/* The ports that the image exposes are published, unless the file has ingress; those
 * of the appliance are not, plan_own_ports says how many (manifest_network.c). */
void plan_publish(struct plan *p, const struct oci_config *c);
size_t plan_own_ports(const struct oci_config *c);

/* Can anything be reached, or reach the app? After plan_inherit. */
bool plan_has_network(const struct plan *p);

/* Finds the main service by its name, when services are what they will be. */
void plan_settle_main(struct plan *p);

/* Notes what is wrong; at may be NULL. */
__attribute__((format(printf, 3, 4))) void plan_note(struct plan *p, const struct yaml *at,
                                                     const char *fmt, ...);

#endif
