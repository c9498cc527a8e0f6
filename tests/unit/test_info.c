/* tools/casemate/info: what is written is read back; what is damaged changes
 * nothing. */
#include "tests/unit/test.h"

#include "tools/casemate/info.h"

static struct enclave full(void)
{
	struct enclave e = {
		.name = "web",
		.image = "/images/a b.eif",
		.backend = BACKEND_NITRO,
		.life = LIFE_STOPPING,
		.debug = true,
		.cpus = 4294967295u,
		.memory_mib = 256,
		.started_ms = 999999999999999999,
		.pid = 99,
		.cid = 16,
		.gateway = 98,
		.id = "i-0-enc1",
		.ports = "127.0.0.1:1->2 [::]:3->4",
		.network = "127.0.0.1 fe80::/10",
	};

	return e;
}

static bool same(const struct enclave *a, const struct enclave *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->image, b->image) == 0 &&
	       strcmp(a->id, b->id) == 0 && strcmp(a->ports, b->ports) == 0 &&
	       strcmp(a->network, b->network) == 0 && a->backend == b->backend &&
	       a->life == b->life && a->debug == b->debug && a->cpus == b->cpus &&
	       a->memory_mib == b->memory_mib && a->started_ms == b->started_ms &&
	       a->pid == b->pid && a->cid == b->cid && a->gateway == b->gateway;
}

static void test_round_trip(void)
{
	struct enclave e = full(), r = { .name = "web" };
	char text[INFO_MAX];

	CHECK(info_put(text, &e));
	info_parse(slice_str(text), &r);
	CHECK(same(&e, &r));
	memset(e.image, 'a', sizeof e.image - 1);
	memset(e.id, 'b', sizeof e.id - 1);
	CHECK(info_put(text, &e));
	info_parse(slice_str(text), &r);
	CHECK(same(&e, &r));
	e.image[7] = '\n';
	CHECK(!info_put(text, &e));
	e.image[7] = 'a';
	e.id[7] = '\n';
	CHECK(!info_put(text, &e));
}

/* Cut anywhere, it gives the lines that are whole: those of the text up to the
 * newline before. */
static void test_cut(void)
{
	struct enclave e = full();
	char text[INFO_MAX];
	size_t whole = 0;

	CHECK(info_put(text, &e));
	for (size_t n = 0; n <= strlen(text); n++) {
		struct enclave cut = { .name = "web" }, lines = { .name = "web" };
		struct slice g = test_guard(slice_of(text, n));

		if (n > 0 && text[n - 1] == '\n')
			whole = n;
		info_parse(g, &cut);
		info_parse(slice_of(text, whole), &lines);
		CHECK(same(&cut, &lines));
		test_unguard(g);
	}
	CHECK(whole == strlen(text));
}

static void test_damaged(void)
{
	static const char *const bad[] = {
		"\n",
		"image\n",
		"imag /x\n",
		"images /x\n",
		" image /x\n",
		"cpus -1\n",
		"cpus 1e9\n",
		"memory 4294967296\n",
		"cid \n",
		"gateway -1\n",
		"pid 1 \n",
		"life nonsense\n",
		"life running \n",
		"backend qemu\n",
		"debug 2\n",
		"debug yes\n",
		"started -1\n",
		"started  1\n",
		"started 1000000000000000000\n",
		"started 1s\n",
		"name other\n",
		"cpus 7",
	};
	struct enclave e = full(), want = full();
	char line[PATH_MAX + 16];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		info_parse(slice_str(bad[i]), &e);
		if (!CHECK(same(&e, &want)))
			printf("  by: %s\n", bad[i]);
	}
	info_parse(slice_of("cpus 7\0\n", 8), &e);
	CHECK(same(&e, &want));
	memset(line, 'x', sizeof line);
	memcpy(line, "id ", 3);
	line[3 + sizeof e.id] = '\n';
	info_parse(slice_of(line, 3 + sizeof e.id + 1), &e);
	CHECK(same(&e, &want));
	memset(line, 'x', sizeof line);
	memcpy(line, "image ", 6);
	line[6 + PATH_MAX] = '\n';
	info_parse(slice_of(line, 6 + PATH_MAX + 1), &e);
	CHECK(same(&e, &want));
	info_parse(slice_str("cpus 1\ncpus 2\ncpus x\n"), &e);
	CHECK(e.cpus == 2);
}

int main(void)
{
	test_round_trip();
	test_cut();
	test_damaged();
	return test_end();
}
