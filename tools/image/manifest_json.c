#include "tools/image/manifest_json.h"

#include <jansson.h>

#include "tools/image/manifest_text.h"
#include "tools/image/netrule.h"

/* jansson's functions take NULL for a value that could not be made, and say so; what
 * they said is not looked at, as a text that lacks something is found out below. */
struct json {
	json_t *root;
	bool failed;
};

static void add(struct json *j, json_t *object, const char *key, json_t *value)
{
	j->failed |= json_object_set_new(object, key, value) != 0;
}

static void append(struct json *j, json_t *array, json_t *value)
{
	j->failed |= json_array_append_new(array, value) != 0;
}

static json_t *text(struct slice s)
{
	return json_stringn((const char *)s.p, s.len);
}

static void add_texts(struct json *j, json_t *to, const char *key, const struct slice *s, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		append(j, list, text(s[i]));
	add(j, to, key, list);
}

static void add_names(struct json *j, json_t *to, const char *key, const struct plan *p,
                      uint64_t mask)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		if (mask >> i & 1)
			append(j, list, text(p->service[i].service.name));
	add(j, to, key, list);
}

static void add_environment(struct json *j, json_t *to, const struct service *s)
{
	json_t *map = json_object();

	for (size_t i = 0; i < s->envc; i++) {
		const char *name = (const char *)s->env[i].p,
			   *is = memchr(name, '=', s->env[i].len);
		size_t n = (size_t)(is - name);

		j->failed |= json_object_setn_new_nocheck(
				     map, name, n, json_stringn(is + 1, s->env[i].len - n - 1)) !=
		             0;
	}
	add(j, to, "environment", map);
}

static void add_ready(struct json *j, json_t *to, const struct service *s)
{
	json_t *ready = json_object();

	if (s->policy.ready == READY_EXEC)
		add_texts(j, ready, "exec", s->probe, s->probec);
	else if (s->policy.ready == READY_TCP)
		add(j, ready, "tcp", json_integer((json_int_t)s->policy.ready_port));
	else
		add(j, ready, "notify", json_true());
	add(j, to, "ready", ready);
}

/* 0 is no limit in those whose least is more. */
static void add_number(struct json *j, json_t *to, const struct manifest_key *k, uint64_t v)
{
	char word[NUMBER_TEXT_MAX];

	if (v < k->number.min)
		return;
	number_print(word, k->number.unit, v);
	if (k->number.unit == UNIT_NONE)
		add(j, to, k->name, json_integer((json_int_t)v));
	else if (k->number.unit == UNIT_CPU)
		add(j, to, k->name,
		    v % 1000 ? json_real((double)v / 1000) : json_integer((json_int_t)(v / 1000)));
	else
		add(j, to, k->name, json_string(word));
}

static void add_numbers(struct json *j, json_t *to, const struct service *s)
{
	struct service_policy policy = s->policy;

	add(j, to, "restart", json_string(manifest_restarts[policy.restart]));
	for (size_t i = 0; i < manifest_service_keys.n; i++) {
		const struct manifest_key *k = &manifest_service_keys.key[i];
		uint64_t v = service_numbers(&policy)[k->at];

		/* An interval of no limit would say nothing. */
		if (k->kind == KEY_NUMBER &&
		    (policy.burst > 0 || strcmp(k->name, "start-limit-interval") != 0))
			add_number(j, to, k, v);
		else if (k->kind == KEY_FLAG)
			add(j, to, k->name, json_boolean((policy.flags & k->number.min) != 0));
	}
	if (policy.stop_signal > 0)
		add(j, to, "stop-signal", json_integer((json_int_t)policy.stop_signal));
}

static void add_capabilities(struct json *j, json_t *to, uint64_t caps)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < 64; i++)
		if (caps >> i & 1)
			append(j, list, json_string(manifest_capability(i)));
	add(j, to, "capabilities", list);
}

static json_t *service(struct json *j, const struct plan *p, const struct plan_service *ps)
{
	const struct service *s = &ps->service;
	json_t *to = json_object();

	if (s->argc > 0)
		add_texts(j, to, "command", s->argv, s->argc);
	add_environment(j, to, s);
	if (s->cwd.len > 0)
		add(j, to, "directory", text(s->cwd));
	if (ps->user != NULL)
		add(j, to, "user", text(ps->user->text));
	add_names(j, to, "after", p, s->policy.after & ~s->policy.requires);
	add_names(j, to, "requires", p, s->policy.requires);
	if (s->policy.ready != READY_STARTED)
		add_ready(j, to, s);
	add_numbers(j, to, s);
	/* Without the key they depend on the user. */
	if (ps->capabilities != NULL)
		add_capabilities(j, to, s->policy.caps);
	if (s->pathc > 0)
		add_texts(j, to, "writable", s->paths, s->pathc);
	return to;
}

/* Which one it is may be the image's to say, and then whether there is one. */
static void add_main(struct json *j, json_t *to, const struct plan *p)
{
	bool known = p->manifest.main != MANIFEST_NO_MAIN;

	if (known)
		add(j, to, "main", text(p->service[p->manifest.main].service.name));
	else if (p->main != NULL)
		add(j, to, "main", text(p->main->text));
	if (known || p->when_main_ends != NULL)
		add(j, to, "when-main-ends", json_string(p->manifest.keep ? "keep" : "stop"));
}

/* Without ingress the image's is meant. */
static void add_network(struct json *j, json_t *to, const struct plan *p)
{
	json_t *network = json_object(), *list = json_array();
	char rule[NETRULE_TEXT_MAX];
	size_t i = 0;

	while (i < p->policy.egresses) {
		i += netrule_print_egress(rule, &p->policy.egress[i], p->policy.egresses - i);
		append(j, list, json_string(rule));
	}
	add(j, network, "egress", list);
	if (p->ingress != NULL) {
		list = json_array();
		for (i = 0; i < p->policy.ingresses; i++) {
			netrule_print_ingress(rule, &p->policy.ingress[i]);
			append(j, list, json_string(rule));
		}
		add(j, network, "ingress", list);
	}
	add(j, to, "network", network);
}

char *manifest_json(const struct plan *p)
{
	struct json j = { json_object(), false };
	json_t *allow = json_array(), *services = json_object();
	char *out;

	add(&j, j.root, "channel",
	    json_string(p->manifest.channel == CHANNEL_OPEN ? "open" : "off"));
	for (size_t i = 0; i < MANIFEST_OPERATIONS; i++)
		if (p->manifest.operations >> (i + OP_EXEC) & 1)
			append(&j, allow, json_string(manifest_operations[i]));
	add(&j, j.root, "allow", allow);
	add_main(&j, j.root, p);
	if (p->network != NULL)
		add_network(&j, j.root, p);
	for (size_t i = 0; i < p->n; i++)
		j.failed |= json_object_setn_new(services,
		                                 (const char *)p->service[i].service.name.p,
		                                 p->service[i].service.name.len,
		                                 service(&j, p, &p->service[i])) != 0;
	if (p->services != NULL)
		add(&j, j.root, "services", services);
	else
		json_decref(services);
	out = j.failed ? NULL : json_dumps(j.root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(j.root);
	return out;
}
