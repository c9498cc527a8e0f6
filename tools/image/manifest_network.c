/* What the app may reach and what may reach it: "network" of a manifest, and the
 * ports that a container image exposes. */
#include <assert.h>

#include "tools/image/manifest_text.h"
#include "tools/image/netrule.h"

static_assert((int)MANIFEST_NETWORK_MAX == (int)POLICY_MAX, "one policy, whole");

static bool same_rule(const struct policy_rule *a, const struct policy_rule *b)
{
	return a->proto == b->proto && a->first == b->first && a->last == b->last &&
	       a->prefix == b->prefix && memcmp(a->address, b->address, sizeof a->address) == 0 &&
	       slice_eq(a->name, b->name);
}

static void add(struct reading *r, const struct yaml *v, const struct policy_rule *rules, size_t n,
                struct policy_rule *to, size_t *used)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < *used; j++)
			if (same_rule(&rules[i], &to[j])) {
				reading_wrong(r, v, "'%.*s' is there twice", SHOW(v->text));
				return;
			}
	if (n > POLICY_RULES_MAX - *used) {
		reading_wrong(r, v, "more than %d rules: one for both families is two",
		              POLICY_RULES_MAX);
		return;
	}
	memcpy(to + *used, rules, n * sizeof *rules);
	*used += n;
}

static void take_rules(struct reading *r, const struct yaml *v, const char *example,
                       size_t (*parse)(struct slice, struct policy_rule[2], char *),
                       struct policy_rule *to, size_t *used)
{
	if (!read_list(r, v, 0, POLICY_RULES_MAX, example))
		return;
	for (const struct yaml *m = v->first; m != NULL; m = m->next) {
		struct policy_rule rules[2];
		char why[NETRULE_WHY_MAX];
		struct slice text;
		size_t n;

		if (!read_word(r, m, &text))
			continue;
		n = parse(text, rules, why);
		if (n == 0)
			reading_wrong(r, m, "%s", why);
		else
			add(r, m, rules, n, to, used);
	}
}

static void take_egress(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                        struct plan_service *s)
{
	struct policy *p = &r->plan->policy;

	(void)k;
	(void)s;
	take_rules(r, v, "[\"tcp:10.0.0.0/8:5432\"]", netrule_egress, p->egress, &p->egresses);
}

static void take_ingress(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                         struct plan_service *s)
{
	struct policy *p = &r->plan->policy;

	(void)k;
	(void)s;
	r->plan->ingress = v;
	take_rules(r, v, "[\"tcp:8080\"]", netrule_ingress, p->ingress, &p->ingresses);
}

static const struct manifest_key network_keys[] = {
	{ .name = "egress", .read = take_egress },
	{ .name = "ingress", .read = take_ingress },
};

const struct manifest_keys manifest_network_keys = { network_keys,
	                                             sizeof network_keys / sizeof *network_keys };

void manifest_read_network(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                           struct plan_service *s)
{
	(void)k;
	r->plan->network = v;
	if (read_map(r, v, "such as { ingress: [\"tcp:8080\"] }"))
		manifest_read_keys(r, v, &manifest_network_keys, s);
}

/* --- the image's --- */

static bool is_own(uint16_t port)
{
	return port == POLICY_OWN_PORT || port >= POLICY_OWN_FIRST;
}

/* Neighbours become a range. They come in order of number. */
static void publish(struct plan *p, const struct oci_port *port)
{
	struct policy *to = &p->policy;
	struct policy_rule *last = to->ingresses > 0 ? &to->ingress[to->ingresses - 1] : NULL;
	enum policy_proto proto = port->udp ? POLICY_UDP : POLICY_TCP;

	if (last && last->proto == proto && port->port <= last->last + 1) {
		last->last = port->port;
	} else if (to->ingresses < POLICY_RULES_MAX) {
		to->ingress[to->ingresses++] = (struct policy_rule){ .proto = proto,
			                                             .first = port->port,
			                                             .last = port->port };
	} else {
		plan_note(p, NULL,
		          "the image's ExposedPorts are more than %d ranges: say with a manifest's "
		          "network: ingress which of them are to be reached",
		          POLICY_RULES_MAX);
	}
}

void plan_publish(struct plan *p, const struct oci_config *c)
{
	size_t before = p->notes.n;

	if (p->ingress != NULL)
		return;
	for (int udp = 0; udp <= 1; udp++)
		for (size_t i = 0; i < c->ports && p->notes.n == before; i++)
			if (c->port[i].udp == udp && !is_own(c->port[i].port))
				publish(p, &c->port[i]);
}

size_t plan_own_ports(const struct oci_config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->ports; i++)
		n += is_own(c->port[i].port);
	return n;
}
