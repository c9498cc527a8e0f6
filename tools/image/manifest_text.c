#include "tools/image/manifest_text.h"

#include <stdio.h>

#include "tools/image/nearest.h"

static void unknown_key(const struct reading *r, const struct yaml *key,
                        const struct manifest_keys *keys)
{
	struct nearest near = nearest_of(key->text);
	char list[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < keys->n; i++) {
		nearest_try(&near, slice_str(keys->key[i].name));
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
		                         keys->key[i].name);
		if (used >= sizeof list)
			break;
	}
	if (near.best.len > 0)
		reading_wrong(r, key, "unknown key '%.*s': did you mean '%.*s'?", SHOW(key->text),
		              SHOW(near.best));
	else
		reading_wrong(r, key, "unknown key '%.*s': expected one of %s", SHOW(key->text),
		              list);
}

void manifest_read_keys(struct reading *r, const struct yaml *map, const struct manifest_keys *keys,
                        struct plan_service *s)
{
	struct reading inner = *r;

	inner.in = r->key;
	for (const struct yaml *v = map->first; v != NULL; v = v->next) {
		size_t i = 0;

		while (i < keys->n && !slice_is(v->key->text, keys->key[i].name))
			i++;
		if (i == keys->n) {
			unknown_key(r, v->key, keys);
			continue;
		}
		inner.key = keys->key[i].name;
		keys->key[i].read(&inner, v, &keys->key[i], s);
	}
}

const struct yaml *manifest_member(const struct yaml *map, const char *key)
{
	for (const struct yaml *v = map->first; v != NULL; v = v->next)
		if (slice_is(v->key->text, key))
			return v;
	return NULL;
}

bool manifest_find_service(const struct reading *r, const struct yaml *v, size_t *number)
{
	struct nearest near;
	struct slice name;

	if (!read_word(r, v, &name))
		return false;
	near = nearest_of(name);
	for (size_t i = 0; i < r->plan->n; i++) {
		if (slice_eq(r->plan->service[i].service.name, name)) {
			*number = i;
			return true;
		}
		nearest_try(&near, r->plan->service[i].service.name);
	}
	if (near.best.len > 0)
		return reading_wrong(r, v, "there is no service '%.*s': did you mean '%.*s'?",
		                     SHOW(name), SHOW(near.best));
	return reading_wrong(r, v, "there is no service '%.*s'", SHOW(name));
}

/* --- the top level --- */

static void read_channel(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                         struct plan_service *s)
{
	static const char *const modes[] = { [CHANNEL_OFF] = "off", [CHANNEL_OPEN] = "open" };
	size_t mode = 0;

	(void)k;
	(void)s;
	if (read_choice(r, v, modes, sizeof modes / sizeof *modes, &mode))
		r->plan->manifest.channel = (enum channel_mode)mode;
}

const char *const manifest_operations[MANIFEST_OPERATIONS] = { "exec", "push",    "pull",
	                                                       "stop", "control", "look" };

static void read_allow(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                       struct plan_service *s)
{
	uint32_t operations = 0;
	size_t i = 0;

	(void)k;
	(void)s;
	if (!read_list(r, v, 0, MANIFEST_OPERATIONS, "[pull, look]"))
		return;
	for (const struct yaml *m = v->first; m != NULL; m = m->next) {
		if (!read_choice(r, m, manifest_operations, MANIFEST_OPERATIONS, &i))
			continue;
		if (operations & 1u << (i + OP_EXEC))
			reading_wrong(r, m, "'%s' is there twice", manifest_operations[i]);
		operations |= 1u << (i + OP_EXEC);
	}
	r->plan->manifest.operations = operations;
}

static void read_main(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                      struct plan_service *s)
{
	struct slice name;

	(void)k;
	(void)s;
	if (read_word(r, v, &name))
		r->plan->main = v;
}

static void read_when_main_ends(struct reading *r, const struct yaml *v,
                                const struct manifest_key *k, struct plan_service *s)
{
	static const char *const words[] = { "stop", "keep" };
	size_t keep = 0;

	(void)k;
	(void)s;
	r->plan->when_main_ends = v;
	if (read_choice(r, v, words, sizeof words / sizeof *words, &keep))
		r->plan->manifest.keep = keep == 1;
}

/* All names first: any service may depend on any other. */
static void read_services(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                          struct plan_service *s)
{
	struct plan *p = r->plan;
	size_t n = 0;

	(void)k;
	(void)s;
	p->services = v;
	if (!read_map(r, v, "from each service's name to what it is"))
		return;
	if (v->n > SERVICES_MAX) {
		reading_wrong(r, v, "%zu services: at most %d", v->n, SERVICES_MAX);
		return;
	}
	for (const struct yaml *m = v->first; m != NULL; m = m->next) {
		if (!service_is_name(m->key->text))
			reading_wrong(r, m->key,
			              "the name '%.*s': expected 1 to %d of a-z, 0-9, - and _",
			              SHOW(m->key->text), SERVICE_NAME_MAX);
		plan_service_init(&p->service[p->n], m->key->text);
		p->service[p->n++].at = m->key;
	}
	for (const struct yaml *m = v->first; m != NULL; m = m->next, n++) {
		struct reading in = { p, p->service[n].service.name, NULL, NULL };

		if (read_map(&in, m, "such as { command: [/bin/server] }"))
			manifest_read_service(&in, m, &p->service[n]);
	}
}

static const struct manifest_key top_keys[] = {
	{ .name = "channel", .read = read_channel },
	{ .name = "allow", .read = read_allow },
	{ .name = "main", .read = read_main },
	{ .name = "when-main-ends", .read = read_when_main_ends },
	{ .name = "network", .read = manifest_read_network },
	{ .name = "services", .read = read_services },
};

const struct manifest_keys manifest_top_keys = { top_keys, sizeof top_keys / sizeof *top_keys };

void manifest_read_top(struct plan *p)
{
	struct reading r = { p, slice_of(NULL, 0), NULL, NULL };
	const struct yaml *root = p->yaml.root;

	if (root == NULL)
		return;
	if (!read_map(&r, root, "such as channel: open"))
		return;
	manifest_read_keys(&r, root, &manifest_top_keys, NULL);
}
