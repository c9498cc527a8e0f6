/* The manifest's codec: what the builder writes, and all that the enclave refuses. */
#include "appliance/base/manifest.h"

#include "tests/unit/test.h"

/* --- services --- */

static struct service sample(void)
{
	struct service s = { .name = slice_str("web-1_x"),
		             .argc = 3,
		             .envc = 2,
		             .idc = 3,
		             .probec = 1,
		             .pathc = 1,
		             .cwd = slice_str("/d") };
	uint64_t *n = service_numbers(&s.policy);

	s.argv[0] = slice_str("/bin/server");
	s.argv[1] = slice_str("");
	s.argv[2] = slice_of("\xff -x", 4); /* bytes, not UTF-8 */
	s.env[0] = slice_str("A=");
	s.env[1] = slice_str("B=c=d");
	s.probe[0] = slice_str("ok");
	s.paths[0] = slice_str("/tmp");
	s.ids[0] = 1000;
	s.ids[2] = INT32_MAX;
	for (size_t i = 0; i < SERVICE_NUMBERS; i++)
		n[i] = i;
	s.policy.after = 3;
	s.policy.requires = 2;
	s.policy.ready = READY_EXEC;
	s.policy.ready_port = 0;
	s.policy.restart = RESTART_ALWAYS;
	s.policy.flags = SERVICE_OWN_PIDS;
	return s;
}

/* The least that one can be. */
static struct service least(void)
{
	struct service s = { .name = slice_str("a"), .argc = 1, .idc = 2, .cwd = slice_str("/") };

	s.argv[0] = slice_str("x");
	s.policy.stop_signal = 1;
	return s;
}

static struct slice encode(const struct service *s)
{
	static uint8_t buf[2 * MANIFEST_MAX];
	struct wbuf w = wbuf_of(buf, sizeof buf);

	service_put(&w, s);
	CHECK(!w.over);
	return wbuf_slice(&w);
}

/* As service 2, against a guard page. */
static enum rc parse(struct slice in)
{
	static struct service out;
	struct slice s = test_guard(in);
	enum rc rc = service_parse(s, 2, &out);

	test_unguard(s);
	return rc;
}

static void round_trip(void)
{
	static const uint8_t want[] = "\xa8\x01\x67web-1_x"
				      "\x02\x83\x6b/bin/server\x60\x64\xff -x"
				      "\x03\x82\x62"
				      "A="
				      "\x65"
				      "B=c=d"
				      "\x04\x62/d"
				      "\x05\x83\x19\x03\xe8\x00\x1a\x7f\xff\xff\xff"
				      "\x06\x81\x62ok"
				      "\x07\x81\x64/tmp"
				      "\x08\x92\x03\x02\x01\x00\x04\x02\x06\x07\x08\x09\x0a\x0b"
				      "\x0c\x0d\x0e\x0f\x02\x11";
	struct service s = sample();
	static struct service back;
	struct slice in = encode(&s), g = test_guard(in);

	CHECK(slice_eq(in, slice_of(want, sizeof want - 1)));
	CHECK(service_parse(g, 2, &back) == RC_OK);
	CHECK(slice_is(back.name, "web-1_x") && slice_is(back.cwd, "/d"));
	CHECK(back.argc == 3 && back.envc == 2 && back.probec == 1 && back.pathc == 1);
	for (size_t i = 0; i < 3; i++)
		CHECK(slice_eq(back.argv[i], s.argv[i]));
	CHECK(slice_is(back.env[1], "B=c=d") && slice_is(back.probe[0], "ok"));
	CHECK(slice_is(back.paths[0], "/tmp"));
	CHECK(back.idc == 3 && memcmp(back.ids, s.ids, sizeof s.ids) == 0);
	CHECK(memcmp(&back.policy, &s.policy, sizeof s.policy) == 0);
	test_unguard(g);
	for (size_t n = 0; n < in.len; n++)
		CHECK(parse(slice_of(in.p, n)) != RC_OK);
	s = least();
	CHECK(parse(encode(&s)) == RC_OK);
}

/* Whatever one byte becomes: refused, or another service whose one encoding it is. */
static void corrupted(void)
{
	static uint8_t buf[512];
	static struct service back;
	struct service s = sample();
	struct slice in = encode(&s);

	memcpy(buf, in.p, in.len);
	in.p = buf;
	for (size_t i = 0; i < in.len; i++)
		for (int v = 0; v < 256; v++) {
			uint8_t keep = buf[i];

			buf[i] = (uint8_t)v;
			if (service_parse(in, 2, &back) == RC_OK)
				CHECK(slice_eq(encode(&back), in));
			buf[i] = keep;
		}
}

/* One thing is wrong at a time: `change` is done to a good one. */
#define REFUSED(rc, change)                                                                        \
	do {                                                                                       \
		struct service s = sample();                                                       \
		change;                                                                            \
		CHECK(parse(encode(&s)) == (rc));                                                  \
	} while (0)
#define TAKEN(change) REFUSED(RC_OK, change)

static void strings(void)
{
	static uint8_t word[MANIFEST_ARG_MAX + 1];

	memset(word, 'x', sizeof word);
	word[0] = '/';
	REFUSED(RC_BAD, s.name = slice_str(""));
	REFUSED(RC_BAD, s.name = slice_str("Web"));
	REFUSED(RC_BAD, s.name = slice_str("a b"));
	REFUSED(RC_BAD, s.name = slice_of("a\0b", 3));
	TAKEN(s.name = slice_str("abcdefghijklmnopqrstuvwxyz012345"));
	REFUSED(RC_BAD, s.name = slice_str("abcdefghijklmnopqrstuvwxyz0123456"));
	REFUSED(RC_BAD, s.argc = 0);
	REFUSED(RC_BAD, s.argv[0] = slice_str(""));
	REFUSED(RC_BAD, s.argv[1] = slice_of("a\0b", 3));
	TAKEN(s.argv[1] = slice_of(word, MANIFEST_ARG_MAX));
	REFUSED(RC_LIMIT, s.argv[1] = slice_of(word, MANIFEST_ARG_MAX + 1));
	REFUSED(RC_BAD, s.env[0] = slice_str("A"));
	REFUSED(RC_BAD, s.env[0] = slice_str(""));
	REFUSED(RC_BAD, s.env[0] = slice_str("=A"));
	REFUSED(RC_BAD, s.env[0] = slice_str("=A="));
	REFUSED(RC_BAD, s.env[1] = slice_of("A=\0", 3));
	REFUSED(RC_BAD, s.cwd = slice_str(""));
	REFUSED(RC_BAD, s.cwd = slice_str("./"));
	REFUSED(RC_BAD, s.cwd = slice_of("/\0", 2));
	TAKEN(s.cwd = slice_of(word, MANIFEST_ARG_MAX));
	REFUSED(RC_LIMIT, s.cwd = slice_of(word, MANIFEST_ARG_MAX + 1));
	REFUSED(RC_BAD, s.paths[0] = slice_str("tmp"));
	REFUSED(RC_BAD, s.paths[0] = slice_str(""));
	TAKEN(s.pathc = 0);
}

/* Lists as long as they may be; then each is said to have one member more. */
static void counts(void)
{
	static const struct {
		const char *head;
		size_t len;
	} lists[] = { { "\x02\x98\x40", 3 }, { "\x03\x99\x01\x00", 4 }, { "\x05\x98\x42", 3 },
		      { "\x06\x98\x40", 3 }, { "\x07\x90", 2 },         { "\x08\x92", 2 } };
	static struct service s;
	static uint8_t buf[MANIFEST_MAX];
	struct slice in;

	s = sample();
	for (size_t i = 0; i < MANIFEST_ARGV_MAX; i++)
		s.argv[i] = s.probe[i] = slice_str("w");
	for (size_t i = 0; i < MANIFEST_ENV_MAX; i++)
		s.env[i] = slice_str("A=");
	for (size_t i = 0; i < MANIFEST_PATHS_MAX; i++)
		s.paths[i] = slice_str("/");
	s.argc = s.probec = MANIFEST_ARGV_MAX;
	s.envc = MANIFEST_ENV_MAX;
	s.pathc = MANIFEST_PATHS_MAX;
	s.idc = MANIFEST_IDS_MAX;
	in = encode(&s);
	CHECK(parse(in) == RC_OK);
	memcpy(buf, in.p, in.len);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		uint8_t *at = memmem(buf, in.len, lists[i].head, lists[i].len);

		if (!CHECK(at != NULL))
			continue;
		at[lists[i].len - 1]++;
		CHECK(parse(slice_of(buf, in.len)) == RC_LIMIT);
		at[lists[i].len - 1]--;
	}
}

static void users(void)
{
	REFUSED(RC_BAD, s.idc = 0);
	REFUSED(RC_BAD, s.idc = 1);
	TAKEN(s.idc = 2);
	TAKEN(s.ids[0] = INT32_MAX);
	REFUSED(RC_LIMIT, s.ids[0] = (uint32_t)INT32_MAX + 1);
	REFUSED(RC_LIMIT, s.ids[1] = UINT32_MAX);
}

static void policies(void)
{
	REFUSED(RC_BAD, s.policy.after = 7); /* itself */
	REFUSED(RC_BAD, s.policy.after = 8 | 2);
	REFUSED(RC_BAD, s.policy.after = 1); /* requires what it is not after */
	TAKEN((s.policy.after = 0, s.policy.requires = 0));
	REFUSED(RC_BAD, s.probec = 0);
	REFUSED(RC_BAD, s.policy.ready = READY_STARTED);
	TAKEN((s.policy.ready = READY_NOTIFY, s.probec = 0));
	REFUSED(RC_BAD, (s.policy.ready = READY_TCP, s.probec = 0));
	TAKEN((s.policy.ready = READY_TCP, s.probec = 0, s.policy.ready_port = 1));
	REFUSED(RC_BAD, s.policy.ready_port = 1);
	REFUSED(RC_BAD, s.policy.stop_signal = 0);
}

/* Every number at its maximum, and one above. */
static void maxima(void)
{
	for (size_t i = 0; i < SERVICE_NUMBERS; i++) {
		struct service s = least();
		uint64_t *n = service_numbers(&s.policy);

		n[i] = service_numbers_max[i] + 1;
		CHECK(parse(encode(&s)) == RC_LIMIT);
	}
	for (size_t i = 4; i < SERVICE_NUMBERS; i++) { /* those that depend on nothing */
		struct service s = least();

		service_numbers(&s.policy)[i] = service_numbers_max[i];
		CHECK(parse(encode(&s)) == RC_OK);
	}
}

/* --- the manifest --- */

#define SERVICE_BYTES "\x43xyz" /* service_parse looks into them, manifest_parse does not */
#define LEAST         "\xa8\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40"

static enum rc parse_manifest(const void *p, size_t n)
{
	struct slice s = test_guard(slice_of(p, n));
	struct manifest out;
	enum rc rc = manifest_parse(s, &out);

	test_unguard(s);
	return rc;
}

#define PARSE(text) parse_manifest(text, sizeof(text) - 1)

static void manifest_round_trip(void)
{
	static const uint8_t want[] = "\xa8\x01\x04\x02\x01\x03\x18\x7e\x04\x01\x05\x01\x06\x82"
				      "\x42hi" SERVICE_BYTES "\x07\x1a\x00\x09\x27\xc0\x08\x43net";
	struct manifest m = { CHANNEL_OPEN,         0x7e, 1,         true,
		              MANIFEST_STOP_MS_MAX, 2,    { { 0 } }, slice_str("net") };
	struct manifest back;
	uint8_t buf[128];
	struct wbuf w = wbuf_of(buf, sizeof buf);

	m.service[0] = slice_str("hi");
	m.service[1] = slice_str("xyz");
	manifest_put(&w, &m);
	CHECK(!w.over && slice_eq(wbuf_slice(&w), slice_of(want, sizeof want - 1)));
	CHECK(manifest_parse(wbuf_slice(&w), &back) == RC_OK);
	CHECK(back.channel == CHANNEL_OPEN && back.operations == 0x7e && back.main == 1);
	CHECK(slice_is(back.network, "net"));
	CHECK(back.keep && back.stop_ms == MANIFEST_STOP_MS_MAX && back.services == 2);
	CHECK(slice_is(back.service[0], "hi") && slice_is(back.service[1], "xyz"));
	for (size_t n = 0; n < sizeof want - 1; n++)
		CHECK(parse_manifest(want, n) != RC_OK);
	w = wbuf_of(buf, 20);
	manifest_put(&w, &m);
	CHECK(w.over);
}

static void manifest_corrupted(void)
{
	uint8_t buf[] = "\xa8\x01\x04\x02\x01\x03\x18\x7e\x04\x01\x05\x01\x06\x82"
			"\x42hi" SERVICE_BYTES "\x07\x1a\x00\x09\x27\xc0\x08\x43net";
	uint8_t again[128];
	struct slice in = slice_of(buf, sizeof buf - 1);
	struct manifest back;

	for (size_t i = 0; i < in.len; i++)
		for (int v = 0; v < 256; v++) {
			struct wbuf w = wbuf_of(again, sizeof again);
			uint8_t keep = buf[i];

			buf[i] = (uint8_t)v;
			if (manifest_parse(in, &back) == RC_OK) {
				manifest_put(&w, &back);
				CHECK(slice_eq(wbuf_slice(&w), in));
			}
			buf[i] = keep;
		}
}

static void manifest_refused(void)
{
	CHECK(PARSE(LEAST) == RC_OK);
	CHECK(PARSE("") == RC_EOF);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x60") ==
	      RC_BAD);
	CHECK(PARSE(LEAST "\x00") == RC_BAD); /* trailing */
	CHECK(PARSE("\xa8\x01\x03\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40") ==
	      RC_BAD);
	CHECK(PARSE("\xa8\x01\x05\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40") ==
	      RC_BAD);
	CHECK(PARSE("\xa8\x01\x04\x02\x02\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40") ==
	      RC_LIMIT);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x1b\0\0\0\1\0\0\0\0\x04\x10\x05\x00\x06\x80\x07"
	            "\x00\x08\x40") == RC_LIMIT);
	/* Its main service: one that there is not. */
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x00\x05\x00\x06\x80\x07\x00\x08\x40") ==
	      RC_BAD);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x01\x05\x00\x06\x81\x41x\x07\x00\x08\x40") ==
	      RC_BAD);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x00\x05\x00\x06\x81\x41x\x07\x00\x08\x40") ==
	      RC_OK);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x11\x05\x00\x06\x80\x07\x00\x08\x40") ==
	      RC_LIMIT);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x10\x05\x02\x06\x80\x07\x00\x08\x40") ==
	      RC_LIMIT);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x06\x91\x07\x00\x08\x40") ==
	      RC_LIMIT);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x06\x81\x61x\x07\x00\x08\x40") ==
	      RC_BAD);
	CHECK(PARSE("\xa8\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x07\x1a\0\x09\x27\xc1\x08"
	            "\x40") == RC_LIMIT); /* a millisecond more than ten minutes */
}

static void manifest_keys(void)
{
	/* One less, one more, another order, one twice. */
	CHECK(PARSE("\xa7\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40") == RC_BAD);
	CHECK(PARSE("\xa7\x01\x04\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40") == RC_BAD);
	CHECK(PARSE("\xa7\x01\x04\x02\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40") == RC_BAD);
	CHECK(PARSE("\xa7\x01\x04\x02\x00\x03\x00\x05\x00\x06\x80\x07\x00\x08\x40") == RC_BAD);
	CHECK(PARSE("\xa7\x01\x04\x02\x00\x03\x00\x04\x10\x06\x80\x07\x00\x08\x40") == RC_BAD);
	CHECK(PARSE("\xa7\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x07\x00\x08\x40") == RC_BAD);
	CHECK(PARSE("\xa7\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x08\x40") == RC_BAD);
	CHECK(PARSE("\xa7\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00") == RC_BAD);
	CHECK(PARSE("\xa9\x01\x04\x02\x00\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40\x09"
	            "\x00") == RC_BAD);
	CHECK(PARSE("\xa8\x02\x00\x01\x04\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40") ==
	      RC_BAD);
	CHECK(PARSE("\xa8\x01\x04\x01\x04\x03\x00\x04\x10\x05\x00\x06\x80\x07\x00\x08\x40") ==
	      RC_BAD);
	CHECK(PARSE("\x88\x04\x00\x00\x10\x00\x80\x00\x40") == RC_BAD);
}

static void manifest_length(void)
{
	static uint8_t buf[MANIFEST_MAX + 1], bytes[MANIFEST_MAX];
	struct manifest m = { .services = 1, .main = MANIFEST_NO_MAIN };
	struct wbuf w = wbuf_of(buf, sizeof buf);

	m.service[0] = slice_of(bytes, MANIFEST_MAX - 20);
	manifest_put(&w, &m);
	CHECK(!w.over && w.len == MANIFEST_MAX && parse_manifest(buf, w.len) == RC_OK);
	w = wbuf_of(buf, sizeof buf);
	m.service[0].len++;
	manifest_put(&w, &m);
	CHECK(!w.over && w.len == MANIFEST_MAX + 1 && parse_manifest(buf, w.len) == RC_LIMIT);
	m = (struct manifest){ .main = MANIFEST_NO_MAIN };
	for (size_t n = MANIFEST_NETWORK_MAX; n <= MANIFEST_NETWORK_MAX + 1; n++) {
		w = wbuf_of(buf, sizeof buf);
		m.network = slice_of(bytes, n);
		manifest_put(&w, &m);
		CHECK(parse_manifest(buf, w.len) == (n == MANIFEST_NETWORK_MAX ? RC_OK : RC_LIMIT));
	}
}

int main(void)
{
	round_trip();
	corrupted();
	strings();
	counts();
	users();
	policies();
	maxima();
	manifest_round_trip();
	manifest_corrupted();
	manifest_refused();
	manifest_keys();
	manifest_length();
	return test_end();
}
