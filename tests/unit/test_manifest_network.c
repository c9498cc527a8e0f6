/* A manifest's network: the rules that its text means, how they are printed, and what
 * a container image exposes.
 */
#include "tests/unit/manifest_steps.h"
#include "tools/image/manifest_json.h"
#include "tools/image/netrule.h"

static bool is_rule(size_t i, enum policy_proto proto, uint16_t first, uint16_t last,
                    unsigned prefix, const char *address, const char *name)
{
	const struct policy_rule *r = &policy.egress[i];

	return r->proto == proto && r->first == first && r->last == last && r->prefix == prefix &&
	       memcmp(r->address, address, 16) == 0 && slice_is(r->name, name);
}

static void network_means(void)
{
	static const char v4[] = "\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0",
			  v6[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
			  ten[] = "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0",
			  one[] = "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7",
			  doc[] = "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0",
			  doc1[] = "\x20\1\x0d\xb8\0\0\0\1\0\0\0\0\0\0\0\1";
	struct plan *p = plan_new();
	struct slice bytes = { 0 };

	CHECK(compile(p, "example.yaml", read_text_of(VECTORS "example.yaml"), NULL, &bytes) ==
	      RC_OK);
	CHECK(accepted(bytes) && policy.egresses == 13 && policy.ingresses == 3);
	CHECK(is_rule(0, POLICY_TCP, 5432, 5432, 104, ten, ""));
	CHECK(is_rule(1, POLICY_UDP, 123, 123, 128, one, ""));
	CHECK(is_rule(2, POLICY_TCP, 443, 443, 32, doc, ""));
	CHECK(is_rule(3, POLICY_TCP, 8000, 8100, 128, doc1, ""));
	CHECK(is_rule(4, POLICY_TCP, 443, 443, POLICY_BY_NAME, v6, "api.example.com"));
	CHECK(is_rule(5, POLICY_TLS, 443, 443, POLICY_BY_NAME, v6, "*.example.com"));
	CHECK(is_rule(6, POLICY_TCP, 80, 80, 96, v4, "") &&
	      is_rule(7, POLICY_TCP, 80, 80, 0, v6, ""));
	CHECK(is_rule(8, POLICY_ICMP, 0, 65535, 104, ten, ""));
	CHECK(is_rule(9, POLICY_ICMP, 0, 65535, 96, v4, "") &&
	      is_rule(10, POLICY_ICMP, 0, 65535, 0, v6, ""));
	CHECK(is_rule(11, POLICY_ANY, 0, 65535, 96, v4, "") &&
	      is_rule(12, POLICY_ANY, 0, 65535, 0, v6, ""));
	CHECK(policy_ingress(&policy, 6, 8080) == 0 && policy_ingress(&policy, 17, 5353) == 1);
	CHECK(policy_ingress(&policy, 6, 9000) == 2 && policy_ingress(&policy, 6, 9010) == 2 &&
	      policy_ingress(&policy, 6, 9011) == POLICY_NONE);
	plan_free(p);
	/* What allows nothing is no policy. */
	p = good("network: {}\n", NULL);
	CHECK(m.network.len == 0 && !plan_has_network(p));
	plan_free(p);
	p = good("network: {egress: [], ingress: []}\n", NULL);
	CHECK(m.network.len == 0);
	plan_free(p);
	p = good("network: {egress: [icmp:1.2.3.4]}\n", NULL);
	CHECK(m.network.len > 0 && plan_has_network(p) && policy.egresses == 1);
	plan_free(p);
}

/* Each text, and what it is printed as. */
static void network_printed(void)
{
	static const char *const texts[][2] = {
		{ "any", "any" },
		{ "tcp:*:1", "tcp:*:1" },
		{ "icmp:*", "icmp:*" },
		{ "udp:10.0.0.1/32:53-53", "udp:10.0.0.1:53" },
		{ "udp:0.0.0.0/0:1-65535", "udp:0.0.0.0/0:1-65535" },
		{ "tcp:[::/0]:7", "tcp:[::/0]:7" },
		{ "tcp:[::]:7", "tcp:[::]:7" },
		{ "tcp:[::1]:7", "tcp:[::1]:7" },
		{ "tcp:[2001:DB8::0:0/32]:7-8", "tcp:[2001:db8::/32]:7-8" },
		{ "tcp:[2001:db8::1/128]:7", "tcp:[2001:db8::1]:7" },
		{ "tcp:[::1.2.3.4]:7", "tcp:[::1.2.3.4]:7" },
		{ "icmp:[fe80::/10]", "icmp:[fe80::/10]" },
		{ "tls:a-b_c.x:443", "tls:a-b_c.x:443" },
		{ "udp:*.xn--bcher-kva.example:1", "udp:*.xn--bcher-kva.example:1" },
		{ "tcp:4you.example:1", "tcp:4you.example:1" },
		{ "tcp:1.2.3.4a:1", "tcp:1.2.3.4a:1" },
		{ "tcp:localhost:65535", "tcp:localhost:65535" },
	};
	char text[NETRULE_TEXT_MAX], why[NETRULE_WHY_MAX];

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct slice in = test_guard(slice_str(texts[i][0]));
		struct policy_rule r[2];
		size_t n = netrule_egress(in, r, why);

		if (!CHECK(n > 0))
			printf("%s: %s\n", texts[i][0], why);
		else if (!CHECK(netrule_print_egress(text, r, n) == n &&
		                strcmp(text, texts[i][1]) == 0))
			printf("%s: printed as %s\n", texts[i][0], text);
		test_unguard(in);
	}
}

/* What a container image exposes, unless the file says what is to be reached. */
static void network_exposed(void)
{
	struct oci_config c = config_of(
		IMAGE("\"Cmd\":[\"c\"],\"ExposedPorts\":{\"8080/tcp\":{},\"53/udp\":{},\"8443/"
	              "tcp\":{},\"8081\":{},\"8081/tcp\":{},\"53/tcp\":{},\"61000/udp\":{}}"));
	char json[4096], *text;
	size_t used = 0;
	struct plan *p = good("network: {egress: [any]}\n", &c);

	CHECK(policy.egresses == 2 && policy.ingresses == 3 && plan_own_ports(&c) == 2);
	CHECK(policy_ingress(&policy, 6, 53) == 0 && policy_ingress(&policy, 6, 54) < 0);
	CHECK(policy_ingress(&policy, 6, 8080) == 1 && policy_ingress(&policy, 6, 8081) == 1);
	CHECK(policy_ingress(&policy, 17, 53) == 2 && policy_ingress(&policy, 17, 8080) < 0);
	plan_free(p);
	p = good("", &c);
	CHECK(policy.egresses == 0 && policy.ingresses == 3);
	plan_free(p);
	p = good("network: {ingress: []}\n", &c);
	CHECK(m.network.len == 0);
	plan_free(p);
	p = good("network: {ingress: [tcp:1]}\n", &c);
	CHECK(policy.ingresses == 1 && policy_ingress(&policy, 6, 1) == 0);
	plan_free(p);
	/* Printed without the image's. */
	p = plan_new();
	CHECK(plan_parse(p, "file", slice_str("network: {egress: []}\n")) == RC_OK);
	text = manifest_json(p);
	CHECK(text && strstr(text, "egress") && !strstr(text, "ingress"));
	free(text);
	plan_free(p);
	oci_config_free(&c);
	for (int n = 64; n <= 65; n++) {
		used = (size_t)snprintf(json, sizeof json, "%s",
		                        IMAGE("\"Cmd\":[\"c\"],\"ExposedPorts\":{")) -
		       2;
		for (int i = 0; i < n; i++)
			used += (size_t)snprintf(json + used, sizeof json - used, "%s\"%d\":{}",
			                         i ? "," : "", 2 * i + 1);
		snprintf(json + used, sizeof json - used, "}}}");
		c = config_of(json);
		p = plan_new();
		plan_default(p, CHANNEL_OFF);
		CHECK((plan_inherit(p, &c, 0, NULL) == RC_OK) == (n == 64));
		CHECK(n == 64 ||
		      (p->notes.n == 1 && strstr(p->notes.text[0], "more than 64 ranges")));
		plan_free(p);
		oci_config_free(&c);
	}
}

int main(void)
{
	network_means();
	network_printed();
	network_exposed();
	return test_end();
}
