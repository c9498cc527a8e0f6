/* A manifest's text: what it compiles to, and every refusal of the corpus with its
 * place. Its network is test_manifest_network's, what it has of the image
 * test_manifest_image's.
 *
 * With --print the corpus is not tested: what is said of each file is printed, as
 * EXPECTED.txt has it, to be read before it is kept.
 */
#include <dirent.h>

#include "channel/message.h"
#include "tests/unit/manifest_steps.h"
#include "tools/image/manifest_json.h"

static void bad(const char *text, const char *want)
{
	struct plan *p = plan_new();
	struct slice bytes;

	CHECK(compile(p, "bad", slice_str(text), NULL, &bytes) != RC_OK);
	if (!CHECK(strcmp(p->notes.text[0], want) == 0))
		printf("said:   %s\nwanted: %s\n", p->notes.text[0], want);
	plan_free(p);
}

/* --- the corpus --- */

/* Takes the next line off s. */
static bool line_of(struct slice *s, struct slice *line)
{
	const uint8_t *end = s->len > 0 ? memchr(s->p, '\n', s->len) : NULL;

	if (end == NULL)
		return false;
	*line = slice_of(s->p, (size_t)(end - s->p));
	*s = slice_of(end + 1, s->len - line->len - 1);
	return true;
}

static void check_notes(const struct plan *p, struct slice *expected)
{
	struct slice line = { 0 };

	for (size_t i = 0; i < p->notes.n && i < NOTES_MAX; i++)
		if (!CHECK(line_of(expected, &line) && slice_is(line, p->notes.text[i])))
			printf("said:   %s\nwanted: %.*s\n", p->notes.text[i], (int)line.len,
			       (const char *)line.p);
}

static int is_yaml(const struct dirent *e)
{
	return strstr(e->d_name, ".yaml") != NULL;
}

static void corpus(bool print)
{
	static uint8_t expected_bytes[1 << 18];
	struct slice expected = { expected_bytes, 0 }, bytes;
	struct dirent **names;
	int n = scandir(VECTORS "bad", &names, is_yaml, alphasort);

	CHECK(print || io_read_file(VECTORS "EXPECTED.txt", expected_bytes, sizeof expected_bytes,
	                            &expected.len) == RC_OK);
	for (int i = 0; i < n; i++) {
		struct plan *p = plan_new();
		char path[512];

		snprintf(path, sizeof path, VECTORS "bad/%s", names[i]->d_name);
		CHECK(compile(p, names[i]->d_name, read_text_of(path), NULL, &bytes) != RC_OK);
		for (size_t j = 0; print && j < p->notes.n && j < NOTES_MAX; j++)
			puts(p->notes.text[j]);
		if (!print)
			check_notes(p, &expected);
		plan_free(p);
		free(names[i]);
	}
	free(names);
	CHECK(n > 200 && expected.len == 0);
}

/* --- keys: the tables, the page and the example have the same --- */

static bool has_key(const struct manifest_keys *keys, struct slice name)
{
	for (size_t i = 0; i < keys->n; i++)
		if (slice_is(name, keys->key[i].name))
			return true;
	return false;
}

/* Of the page's rows "| `key` | ...", all are in the table, and as many as it has. */
static void check_rows(struct slice page, const char *title, const struct manifest_keys *keys)
{
	struct slice line;
	bool inside = false;
	size_t n = 0;

	while (line_of(&page, &line)) {
		const uint8_t *end;

		if (line.len > 1 && line.p[0] == '#')
			inside = slice_is(line, title);
		if (!inside || line.len < 4 || memcmp(line.p, "| `", 3) != 0)
			continue;
		end = memchr(line.p + 3, '`', line.len - 3);
		if (!CHECK(end && has_key(keys, slice_of(line.p + 3, (size_t)(end - line.p - 3)))))
			printf("no key of the table: %.*s\n", (int)line.len, (const char *)line.p);
		n++;
	}
	if (!CHECK(n == keys->n))
		printf("%s: %zu keys on the page, %zu in the table\n", title, n, keys->n);
}

static void page_has_the_keys(void)
{
	struct slice page = read_text_of("tools/image/MANIFEST.md");

	check_rows(page, "## Top level", &manifest_top_keys);
	check_rows(page, "## A service", &manifest_service_keys);
	check_rows(page, "## Network", &manifest_network_keys);
	for (size_t i = 0; i < manifest_ready_keys.n; i++) {
		char word[32];

		snprintf(word, sizeof word, "`%s: ", manifest_ready_keys.key[i].name);
		CHECK(memmem(page.p, page.len, word, strlen(word)) != NULL);
	}
}

/* Whether any service of the example has the key, or the key in its "ready". */
static bool is_used(const struct plan *p, const char *in, const char *key)
{
	for (const struct yaml *v = p->services->first; v != NULL; v = v->next) {
		const struct yaml *map = in ? manifest_member(v, in) : v;

		if (map != NULL && manifest_member(map, key) != NULL)
			return true;
	}
	return false;
}

static void example_has_the_keys(void)
{
	struct plan *p = plan_new();
	struct slice bytes = { 0 };

	CHECK(compile(p, "example.yaml", read_text_of(VECTORS "example.yaml"), NULL, &bytes) ==
	      RC_OK);
	CHECK(accepted(bytes) && m.services == 3 && m.main == 2);
	for (size_t i = 0; i < manifest_top_keys.n; i++)
		CHECK(manifest_member(p->yaml.root, manifest_top_keys.key[i].name) != NULL);
	for (size_t i = 0; i < manifest_network_keys.n; i++)
		CHECK(manifest_member(p->network, manifest_network_keys.key[i].name) != NULL);
	for (size_t i = 0; i < manifest_service_keys.n; i++)
		if (!CHECK(is_used(p, NULL, manifest_service_keys.key[i].name)))
			printf("no %s\n", manifest_service_keys.key[i].name);
	for (size_t i = 0; i < manifest_ready_keys.n; i++)
		CHECK(is_used(p, "ready", manifest_ready_keys.key[i].name));
	plan_free(p);
}

/* --- what a text means --- */

/* What the example says, number by number. */
static void example_means(void)
{
	struct plan *p = plan_new();
	const struct service *db = &service[0], *cache = &service[1], *web = &service[2];
	struct slice bytes = { 0 };

	CHECK(compile(p, "example.yaml", read_text_of(VECTORS "example.yaml"), NULL, &bytes) ==
	      RC_OK);
	CHECK(accepted(bytes) && m.channel == CHANNEL_OPEN && m.operations == 0x7e && !m.keep);
	CHECK(m.stop_ms == 70000); /* web, then database */
	CHECK(slice_is(db->name, "database") && db->argc == 3 && slice_is(db->argv[1], "--data"));
	CHECK(db->envc == 4 && slice_is(db->env[0], "LANG=C.UTF-8") &&
	      slice_is(db->env[1], "VERBOSE=") && slice_is(db->env[3], "HOME=/"));
	CHECK(slice_is(db->cwd, "/var/lib/database") && db->idc == 2 && db->ids[0] == 70);
	CHECK(db->policy.ready == READY_EXEC && db->probec == 1 && db->policy.start_ms == 300000);
	CHECK(db->policy.restart == RESTART_ON_FAILURE && db->policy.pause_ms == 500 &&
	      db->policy.pause_max_ms == 60000);
	CHECK(db->policy.burst == 5 && db->policy.burst_ms == 600000);
	CHECK(db->policy.stop_signal == 2 && db->policy.stop_ms == 60000);
	CHECK(db->policy.memory == 512 << 20 && db->policy.pids == 64 && db->policy.cpu == 1500);
	CHECK(db->policy.caps == 0 && db->policy.flags == SERVICE_READ_ONLY && db->pathc == 2);
	CHECK(db->policy.log == 1 << 20 && slice_is(db->paths[1], "/tmp"));
	CHECK(cache->policy.ready == READY_NOTIFY && cache->policy.restart == RESTART_ALWAYS);
	CHECK(cache->policy.flags == (SERVICE_OWN_PIDS | SERVICE_TO_CONSOLE));
	CHECK(web->policy.after == 3 && web->policy.requires == 1 && web->argc == 5);
	CHECK(web->policy.ready == READY_TCP && web->policy.ready_port == 8080);
	CHECK(slice_is(web->argv[4], "hello: world") && slice_is(web->argv[2], "8080"));
	CHECK(web->policy.caps == (1 << 10 | 1 << 7 | 1 << 6) && web->policy.stop_signal == 15);
	plan_free(p);
}

static void defaults(void)
{
	static const uint64_t want[] = { 0,     0,  0,     0, 90000, 0, 100,   30000, 0,
		                         60000, 15, 10000, 0, 512,   0, 0x5fb, 4,     262144 };
	struct plan *p = good("services: {web: {command: [web]}}", NULL);

	CHECK(m.channel == CHANNEL_OFF && m.operations == 0x7e && m.main == 0 && !m.keep);
	CHECK(m.stop_ms == 10000 && m.services == 1 && slice_is(service[0].cwd, "/"));
	CHECK(memcmp(&service[0].policy, want, sizeof want) == 0);
	CHECK(service[0].envc == 2 && slice_is(service[0].env[1], "HOME=/root"));
	CHECK(service[0].idc == 2 && service[0].ids[0] == 0 && service[0].pathc == 0);
	plan_free(p);
	p = good("", NULL);
	CHECK(m.services == 0 && m.main == MANIFEST_NO_MAIN && m.stop_ms == 0);
	plan_free(p);
	p = good("# nothing\nservices: {}\nallow: []\n", NULL);
	CHECK(m.services == 0 && m.operations == 0);
	plan_free(p);
	p = good("services: {a: {command: [a]}, b: {command: [b]}}\n", NULL);
	CHECK(m.services == 2 && m.main == MANIFEST_NO_MAIN && m.stop_ms == 10000);
	plan_free(p);
	p = good("\xef\xbb\xbf"
	         "allow: [look]\r\nwhen-main-ends: keep\r\nservices:\r\n  a: {command: [a]}\r\n",
	         NULL);
	CHECK(m.operations == 1u << OP_LOOK && m.keep && m.main == 0);
	plan_free(p);
}

/* Words are what is written, whatever YAML 1.1 made of them. */
static void words_are_words(void)
{
	static const char *const want[] = { "/x",         "on",       "no",   "Yes",  "010",
		                            "0o17",       "0x1f",     "1e3",  "1.10", "true",
		                            "2026-11-27", "12:30:45", "null", "~",    "",
		                            "a#b",        "1_000",    "é\t",  "<<",   "=" };
	struct plan *p =
		good("services:\n  w:\n    command: [/x, on, no, Yes, 010, 0o17, 0x1f, 1e3, "
	             "1.10, true, 2026-11-27, 12:30:45, \"null\", '~', \"\", a#b, 1_000, "
	             "\"\\xe9\\t\", <<, =]\n",
	             NULL);

	CHECK(service[0].argc == sizeof want / sizeof *want);
	for (size_t i = 0; i < service[0].argc; i++)
		if (!CHECK(slice_is(service[0].argv[i], want[i])))
			printf("%s\n", want[i]);
	plan_free(p);
	p = good("services:\n  w:\n    command:\n      - /bin/sh\n      - -c\n      - |\n        "
	         "one\n        two\n",
	         NULL);
	CHECK(slice_is(service[0].argv[2], "one\ntwo\n"));
	plan_free(p);
	p = good("services: {w: {command: [w], environment: {on: no, 1: 010, y: 'a=b'}}}", NULL);
	CHECK(slice_is(service[0].env[0], "on=no") && slice_is(service[0].env[1], "1=010") &&
	      slice_is(service[0].env[2], "y=a=b"));
	plan_free(p);
	/* Characters of three bytes that are written in two. */
	p = good("services: {w: {command: [w, "
	         "\"\\L\\P\\L\\P\\L\\P\\L\\P\\L\\P\\L\\P\\L\\P\\L\\P\"]}}",
	         NULL);
	CHECK(service[0].argv[1].len == 48);
	plan_free(p);
}

#define SERVICE(keys) "services: {web: {command: [web], " keys "}}"

static uint64_t number(const char *text, size_t at)
{
	struct plan *p = good(text, NULL);
	uint64_t v = service_numbers(&service[0].policy)[at];

	plan_free(p);
	return v;
}

#define NUMBER(keys, member)                                                                       \
	number(SERVICE(keys), offsetof(struct service_policy, member) / sizeof(uint64_t))

static void numbers(void)
{
	CHECK(NUMBER("start-timeout: 1ms", start_ms) == 1);
	CHECK(NUMBER("start-timeout: 24h", start_ms) == 86400000);
	CHECK(NUMBER("start-timeout: \"90s\"", start_ms) == 90000);
	CHECK(NUMBER("stop-timeout: 0s", stop_ms) == 0);
	CHECK(NUMBER("stop-timeout: 10m", stop_ms) == 600000);
	CHECK(NUMBER("memory: 1M", memory) == 1 << 20);
	CHECK(NUMBER("memory: 1048577", memory) == 1048577);
	CHECK(NUMBER("memory: 1048576G", memory) == UINT64_C(1) << 50);
	CHECK(NUMBER("cpu: 0.01", cpu) == 10);
	CHECK(NUMBER("cpu: 0.125", cpu) == 125);
	CHECK(NUMBER("cpu: 2.5", cpu) == 2500);
	CHECK(NUMBER("cpu: 2", cpu) == 2000);
	CHECK(NUMBER("processes: 1", pids) == 1);
	CHECK(NUMBER("start-limit: 0", burst) == 0);
	CHECK(NUMBER("start-limit: 1000", burst) == 1000);
	CHECK(NUMBER("restart-pause: 1m", pause_max_ms) == 60000);
	CHECK(NUMBER("restart-pause: 1m, restart-pause-max: 1m", pause_max_ms) == 60000);
	CHECK(NUMBER("log-size: 64M", log) == 64 << 20);
	CHECK(NUMBER("log-size: 16K", log) == 16 << 10);
	CHECK(NUMBER("stop-signal: 9", stop_signal) == 9);
	CHECK(NUMBER("stop-signal: QUIT", stop_signal) == 3);
	CHECK(NUMBER("stop-signal: SIGUSR2", stop_signal) == 12);
	CHECK(NUMBER("capabilities: []", caps) == 0);
	CHECK(NUMBER("capabilities: [CAP_CHOWN, NET_BIND_SERVICE]", caps) == 0x401);
	CHECK(NUMBER("user: app", caps) == 0);
	CHECK(NUMBER("user: app, capabilities: []", caps) == 0);
	CHECK(NUMBER("console: false", flags) == 0);
	CHECK(NUMBER("read-only: true, own-pids: true", flags) == 7);
	CHECK(NUMBER("ready: {tcp: 65535}", ready_port) == 65535);
}

/* No number of the tables is more than what the enclave takes. */
static void bounds(void)
{
	for (size_t i = 0; i < manifest_service_keys.n; i++) {
		const struct manifest_key *k = &manifest_service_keys.key[i];

		CHECK(k->kind != KEY_NUMBER || (k->number.max <= service_numbers_max[k->at] &&
		                                k->number.min < service_numbers_max[k->at]));
	}
	for (unsigned i = 0; i < 64; i++)
		CHECK((manifest_capability(i) != NULL) == ((uint64_t)PLAN_CAPABILITIES >> i & 1));
}

/* --- order --- */

static void order(void)
{
	struct plan *p = good("main: b\n"
	                      "services:\n"
	                      "  a: {command: [a], after: [d], stop-timeout: 1s}\n"
	                      "  b: {command: [b], stop-timeout: 2s}\n"
	                      "  c: {command: [c], requires: [e], after: [b], stop-timeout: 4s}\n"
	                      "  d: {command: [d], stop-timeout: 8s}\n"
	                      "  e: {command: [e], after: [a], stop-timeout: 16s}\n",
	                      NULL);
	static const char *const want[] = { "b", "d", "a", "e", "c" };
	static const uint64_t after[] = { 0, 0, 2, 4, 9 };

	CHECK(m.services == 5 && m.main == 0);
	for (size_t i = 0; i < 5; i++)
		CHECK(slice_is(service[i].name, want[i]) && service[i].policy.after == after[i] &&
		      service[i].policy.requires == (i == 4 ? 8 : 0));
	CHECK(m.stop_ms == 29000); /* c, e, a, d */
	plan_free(p);
}

/* Permutation `which`, 0 to 119, of 0 to 4. */
static void permute(size_t which, size_t out[5])
{
	size_t left[5] = { 0, 1, 2, 3, 4 };

	for (size_t n = 5; n > 0; n--) {
		size_t at = which % n;

		which /= n;
		out[5 - n] = left[at];
		memmove(&left[at], &left[at + 1], (n - at - 1) * sizeof left[0]);
	}
}

/* Whatever the order of the file is: each service after what it needs, and those that
 * need nothing as they were. */
static void orders(void)
{
	static const char *const lines[] = { "  a: {command: [a], after: [b, c]}\n",
		                             "  b: {command: [b], requires: [c]}\n",
		                             "  c: {command: [c]}\n",
		                             "  d: {command: [d], after: [a]}\n",
		                             "  e: {command: [e]}\n" };

	for (size_t which = 0; which < 120; which++) {
		char text[256] = "services:\n";
		size_t order[5], at[5] = { 0 }, written[5];
		struct plan *p;

		permute(which, order);
		for (size_t i = 0; i < 5; i++) {
			strcat(text, lines[order[i]]);
			written[order[i]] = i;
		}
		p = good(text, NULL);
		for (size_t i = 0; i < m.services; i++)
			at[service[i].name.p[0] - 'a'] = i;
		CHECK(m.services == 5 && at[2] < at[1] && at[1] < at[0] && at[0] < at[3]);
		CHECK((at[2] < at[4]) == (written[2] < written[4]));
		CHECK(service[at[0]].policy.after == (1u << at[1] | 1u << at[2]));
		plan_free(p);
	}
}

/* --- the whole --- */

/* Every beginning of the example: compiled or refused with a note, never beyond the
 * end of the text. */
static void prefixes(void)
{
	static uint8_t copy[4096];
	struct slice text = read_text_of(VECTORS "example.yaml"), bytes = { 0 };

	if (!CHECK(text.len < sizeof copy))
		return;
	memcpy(copy, text.p, text.len);
	for (size_t n = 0; n <= text.len; n++) {
		struct plan *p = plan_new();

		if (compile(p, "prefix", slice_of(copy, n), NULL, &bytes) == RC_OK)
			CHECK(accepted(bytes));
		plan_free(p);
	}
}

/* What `manifest check` prints means what the file means. */
static void printed(void)
{
	static uint8_t first[MANIFEST_MAX];
	struct plan *p = plan_new();
	struct slice bytes = { 0 };
	size_t len;
	char *json;

	CHECK(compile(p, "example.yaml", read_text_of(VECTORS "example.yaml"), NULL, &bytes) ==
	      RC_OK);
	memcpy(first, bytes.p, bytes.len);
	len = bytes.len;
	plan_free(p);
	p = plan_new();
	CHECK(plan_parse(p, "example.yaml", read_text_of(VECTORS "example.yaml")) == RC_OK);
	json = manifest_json(p);
	plan_free(p);
	p = plan_new();
	CHECK(json && compile(p, "json", slice_str(json), NULL, &bytes) == RC_OK);
	CHECK(slice_eq(bytes, slice_of(first, len)));
	plan_free(p);
	free(json);
}

static void messages(void)
{
	bad("services: {a: {command: [x], user: nobody}}",
	    "bad:1:36: service 'a': user: 'nobody': no such user in /etc/passwd of the image");
	bad("x", "bad:1:1: a single value: expected a map, such as channel: open");
	bad("# \xc3\xa9\n\"\xc3\xa9\": \xff\n",
	    "bad:2:6: the byte 0xff: expected UTF-8 without control "
	    "characters");
	/* Columns are characters. */
	bad("{\"\xc3\xa9\": 1}",
	    "bad:1:2: unknown key '\xc3\xa9': expected one of channel, allow, main, "
	    "when-main-ends, network, services");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		corpus(true);
		return 0;
	}
	corpus(false);
	page_has_the_keys();
	example_has_the_keys();
	example_means();
	defaults();
	words_are_words();
	numbers();
	bounds();
	order();
	orders();
	prefixes();
	printed();
	messages();
	return test_end();
}
