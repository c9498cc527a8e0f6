#include "tools/image/oci_config.h"

#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "channel/user.h"

/* --- members --- */

/* A member that is missing, null or of the right type. */
static enum rc get(const json_t *from, const char *name, json_type type, const json_t **v,
                   char *why)
{
	*v = json_object_get(from, name);
	if (json_is_null(*v))
		*v = NULL;
	if (*v != NULL && json_typeof(*v) != type)
		return oci_refuse(why, RC_BAD, "%s is of the wrong type", name);
	return RC_OK;
}

static enum rc get_string(const json_t *from, const char *name, const char **s, char *why)
{
	const json_t *v;
	enum rc rc = get(from, name, JSON_STRING, &v, why);

	*s = v ? json_string_value(v) : "";
	return rc;
}

static enum rc get_strings(const json_t *from, const char *name, struct oci_strings *s, char *why)
{
	const json_t *v;
	enum rc rc = get(from, name, JSON_ARRAY, &v, why);

	s->n = 0;
	if (rc != RC_OK || v == NULL)
		return rc;
	if (json_array_size(v) > OCI_STRINGS_MAX)
		return oci_refuse(why, RC_LIMIT, "%s has more than %d elements", name,
		                  OCI_STRINGS_MAX);
	for (; s->n < json_array_size(v); s->n++) {
		s->v[s->n] = json_string_value(json_array_get(v, s->n));
		if (s->v[s->n] == NULL)
			return oci_refuse(why, RC_BAD, "%s has an element that is not a string",
			                  name);
	}
	return RC_OK;
}

/* --- signals: "SIGTERM", "TERM", "15", "SIGRTMIN+3" --- */

static const struct {
	const char *name;
	int number;
} signal_names[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },     { "QUIT", SIGQUIT },     { "ABRT", SIGABRT },
	{ "KILL", SIGKILL }, { "USR1", SIGUSR1 },   { "USR2", SIGUSR2 },     { "PIPE", SIGPIPE },
	{ "ALRM", SIGALRM }, { "TERM", SIGTERM },   { "CONT", SIGCONT },     { "STOP", SIGSTOP },
	{ "PWR", SIGPWR },   { "WINCH", SIGWINCH }, { "VTALRM", SIGVTALRM },
};

/* The kernel's; a C library keeps some of the lowest for itself and calls the
 * rest SIGRTMIN: glibc's is meant where an image is written. */
enum { RTMIN_NAMED = 34, RTMAX = 64 };

/* 0 to max, digits only; -1. */
static long small_number(const char *text, long max)
{
	long n = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -1;
	}
	return n;
}

static int signal_number(const char *text)
{
	long n = small_number(text, RTMAX);

	if (n > 0)
		return (int)n;
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < sizeof signal_names / sizeof *signal_names; i++)
		if (strcmp(text, signal_names[i].name) == 0)
			return signal_names[i].number;
	if (strcmp(text, "RTMIN") == 0)
		return RTMIN_NAMED;
	if (strncmp(text, "RTMIN+", 6) == 0) {
		n = small_number(text + 6, RTMAX - RTMIN_NAMED);
		return n >= 0 ? RTMIN_NAMED + (int)n : 0;
	}
	return 0;
}

/* --- the parts of a configuration --- */

/* "80", "80/tcp", "53/udp" */
static bool read_port(const char *text, struct oci_port *p)
{
	char number[6];
	size_t n = strcspn(text, "/");
	long port;

	if (n >= sizeof number)
		return false;
	memcpy(number, text, n);
	number[n] = '\0';
	port = small_number(number, UINT16_MAX);
	p->port = (uint16_t)port;
	p->udp = strcmp(text + n, "/udp") == 0;
	return port > 0 && (p->udp || text[n] == '\0' || strcmp(text + n, "/tcp") == 0);
}

static int by_port(const void *a, const void *b)
{
	const struct oci_port *x = a, *y = b;

	return x->port != y->port ? x->port - y->port : x->udp - y->udp;
}

/* In order of number: an object has none of its own. */
static enum rc read_ports(const json_t *config, struct oci_config *c, char *why)
{
	const json_t *v;
	const char *key;
	json_t *unused;
	enum rc rc = get(config, "ExposedPorts", JSON_OBJECT, &v, why);

	c->ports = 0;
	if (rc != RC_OK || v == NULL)
		return rc;
	json_object_foreach((json_t *)(uintptr_t)v, key, unused)
	{
		if (c->ports == OCI_PORTS_MAX)
			return oci_refuse(why, RC_LIMIT, "more than %d ExposedPorts",
			                  OCI_PORTS_MAX);
		if (!read_port(key, &c->port[c->ports++]))
			return oci_refuse(
				why, RC_BAD,
				"the exposed port '%.100s' is not NUMBER/tcp or NUMBER/udp", key);
	}
	qsort(c->port, c->ports, sizeof *c->port, by_port);
	return RC_OK;
}

static enum rc read_env(const json_t *config, struct oci_config *c, char *why)
{
	enum rc rc = get_strings(config, "Env", &c->env, why);

	for (size_t i = 0; rc == RC_OK && i < c->env.n; i++)
		if (strchr(c->env.v[i], '=') == NULL || *c->env.v[i] == '=')
			rc = oci_refuse(why, RC_BAD, "the variable '%.100s' is not NAME=VALUE",
			                c->env.v[i]);
	return rc;
}

static enum rc read_stop_signal(const json_t *config, struct oci_config *c, char *why)
{
	const char *text;
	enum rc rc = get_string(config, "StopSignal", &text, why);

	c->stop_signal = 0;
	if (rc != RC_OK || *text == '\0')
		return rc;
	c->stop_signal = signal_number(text);
	return c->stop_signal > 0
	               ? RC_OK
	               : oci_refuse(why, RC_BAD, "the StopSignal '%.100s' is not known", text);
}

static enum rc read_cwd(const json_t *config, struct oci_config *c, char *why)
{
	enum rc rc = get_string(config, "WorkingDir", &c->cwd, why);

	if (rc == RC_OK && *c->cwd == '\0')
		c->cwd = "/";
	if (rc == RC_OK && (*c->cwd != '/' || strlen(c->cwd) >= PATH_MAX))
		rc = oci_refuse(why, RC_BAD, "the WorkingDir '%.100s' is not an absolute path",
		                c->cwd);
	return rc;
}

static enum rc read_run(const json_t *config, struct oci_config *c, char *why)
{
	enum rc rc = get_strings(config, "Entrypoint", &c->entrypoint, why);

	if (rc == RC_OK)
		rc = get_strings(config, "Cmd", &c->cmd, why);
	if (rc == RC_OK)
		rc = read_env(config, c, why);
	if (rc == RC_OK)
		rc = read_cwd(config, c, why);
	if (rc == RC_OK)
		rc = get_string(config, "User", &c->user, why);
	if (rc == RC_OK)
		rc = read_stop_signal(config, c, why);
	if (rc == RC_OK)
		rc = read_ports(config, c, why);
	c->volumes = json_object_size(json_object_get(config, "Volumes")) > 0;
	c->healthcheck = json_is_object(json_object_get(config, "Healthcheck"));
	return rc;
}

static enum rc read_layers(const json_t *root, struct oci_config *c, char *why)
{
	const json_t *rootfs = json_object_get(root, "rootfs");
	const json_t *ids = json_object_get(rootfs, "diff_ids");
	const char *type = json_string_value(json_object_get(rootfs, "type"));

	c->layers = 0;
	if (type == NULL || strcmp(type, "layers") != 0)
		return oci_refuse(why, RC_BAD, "the type of its rootfs is not 'layers'");
	if (json_array_size(ids) > OCI_LAYERS_MAX)
		return oci_refuse(why, RC_LIMIT, "more than %d diff_ids", OCI_LAYERS_MAX);
	for (; c->layers < json_array_size(ids); c->layers++) {
		const char *id = json_string_value(json_array_get(ids, c->layers));

		if (id == NULL || !digest_parse(id, c->diff_id[c->layers]))
			return oci_refuse(why, RC_BAD,
			                  "the diff_id '%.100s' is not sha256 in lower-case hex",
			                  id ? id : "");
	}
	return RC_OK;
}

enum rc oci_config_load(struct slice text, struct oci_config *c, char why[OCI_WHY_MAX])
{
	json_error_t error;
	const json_t *config;
	enum rc rc;

	c->root = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, &error);
	if (c->root == NULL)
		return oci_refuse(why, RC_BAD, "not JSON, line %d: %.200s", error.line, error.text);
	rc = json_is_object(c->root) ? RC_OK : oci_refuse(why, RC_BAD, "not an object");
	if (rc == RC_OK)
		rc = get_string(c->root, "os", &c->os, why);
	if (rc == RC_OK)
		rc = get_string(c->root, "architecture", &c->arch, why);
	if (rc == RC_OK)
		rc = read_layers(c->root, c, why);
	if (rc == RC_OK)
		rc = get(c->root, "config", JSON_OBJECT, &config, why);
	if (rc == RC_OK)
		rc = read_run(config, c, why);
	if (rc != RC_OK)
		oci_config_free(c);
	return rc;
}

void oci_config_free(struct oci_config *c)
{
	json_decref(c->root);
	c->root = NULL;
}

/* --- the user --- */

enum rc oci_config_user(struct oci_config *c, struct slice passwd, struct slice group,
                        char why[OCI_WHY_MAX])
{
	struct user u;
	bool no_group;
	enum rc rc = RC_OK;

	if (*c->user == '\0')
		user_root(&u);
	else
		rc = user_find(slice_str(c->user), passwd, group, &u, &no_group);
	if (rc != RC_OK)
		return oci_refuse(why, rc, "the User '%.100s': %s", c->user,
		                  rc == RC_ABSENT
		                          ? no_group ? "no such group in /etc/group of the image"
		                                     : "no such user in /etc/passwd of the image"
		                          : rc_str(rc));
	c->idc = u.idc;
	memcpy(c->ids, u.ids, sizeof c->ids);
	snprintf(c->home, sizeof c->home, "HOME=%.*s", (int)u.home.len, (const char *)u.home.p);
	return RC_OK;
}
