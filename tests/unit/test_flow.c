/* The table of flows: found as they were begun, forgotten, each kind with places of
 * its own, and who has been silent or has ended gives way. */
#include "net/flow.h"
#include "tests/unit/test.h"

#include <netinet/in.h>

static struct flow_key key(unsigned n)
{
	struct flow_key k = { .remote_port = (uint16_t)(n >> 16),
		              .local_port = (uint16_t)n,
		              .proto = IPPROTO_TCP };

	k.remote[15] = (uint8_t)n;
	return k;
}

static void clear(void)
{
	for (struct flow *f = flow_after(NULL); f != NULL; f = flow_after(f))
		flow_end(f);
	CHECK(flow_count(FLOW_OUT) == 0 && flow_count(FLOW_IN) == 0 && flow_after(NULL) == NULL);
}

static void test_find(void)
{
	struct flow_key a = key(1), b = key(2);
	struct flow *f;

	CHECK(flow_find(&a) == NULL);
	f = flow_begin(&a, FLOW_OUT, 5);
	CHECK(flow_find(&a) == f && f->kind == FLOW_OUT && f->heard_ms == 5 && !f->hello);
	CHECK(flow_find(&b) == NULL);
	/* Each part of the key counts. */
	for (size_t i = 0; i < sizeof a; i++) {
		uint8_t bytes[sizeof a];
		struct flow_key other;

		memcpy(bytes, &a, sizeof a);
		bytes[i] ^= 1;
		memcpy(&other, bytes, sizeof other);
		CHECK(flow_find(&other) == NULL);
	}
	f->rules = 7;
	f = flow_begin(&a, FLOW_IN, 6); /* anew, as another */
	CHECK(flow_find(&a) == f && f->rules == 0 && flow_count(FLOW_OUT) == 0);
	flow_end(f);
	CHECK(flow_find(&a) == NULL);
	clear();
}

/* A kind that is full takes the places of its own, never the other's. */
static void test_full(void)
{
	unsigned kept = 0;

	flow_begin(&(struct flow_key){ .local_port = 9 }, FLOW_OUT, 0);
	for (unsigned n = 0; n < 3 * FLOW_MAX; n++) {
		struct flow_key k = key(n);

		CHECK(flow_find(&k) == NULL);
		CHECK(flow_begin(&k, FLOW_IN, n) == flow_find(&k));
	}
	CHECK(flow_count(FLOW_IN) <= FLOW_MAX && flow_count(FLOW_IN) > FLOW_MAX * 9 / 10);
	CHECK(flow_count(FLOW_OUT) == 1);
	for (unsigned n = 0; n < 3 * FLOW_MAX; n++) {
		struct flow_key k = key(n);

		kept += flow_find(&k) != NULL;
	}
	CHECK(kept == flow_count(FLOW_IN));
	clear();
}

/* Of a full table the one that has ended goes first, then the most silent. */
static void test_who_gives_way(void)
{
	struct flow_key ended = key(1000), silent = key(2000), late;
	unsigned n = 0;

	for (; n < FLOW_MAX; n++) {
		struct flow_key k = key(n);

		flow_begin(&k, FLOW_OUT, 1000 + n)->met = true;
	}
	flow_find(&ended)->ended = true;
	flow_find(&silent)->heard_ms = 0;
	for (; n < 2 * FLOW_MAX && (flow_find(&ended) != NULL || flow_find(&silent) != NULL); n++) {
		late = key(n);
		flow_begin(&late, FLOW_OUT, 100000)->met = true;
	}
	/* As soon as they were looked at. */
	CHECK(flow_find(&ended) == NULL && flow_find(&silent) == NULL && n < 2 * FLOW_MAX);
	clear();
}

/* A thousand that began together live on, however many come and end meanwhile. */
static void test_together(void)
{
	unsigned alive = 0;

	for (unsigned n = 0; n < 1000; n++) {
		struct flow_key k = key(n);

		flow_begin(&k, FLOW_OUT, 0)->met = true;
	}
	for (unsigned n = 1000; n < 10 * FLOW_MAX; n++) {
		struct flow_key k = key(n);
		struct flow *f = flow_begin(&k, FLOW_OUT, n);

		f->met = f->ended = true;
	}
	for (unsigned n = 0; n < 1000; n++) {
		struct flow_key k = key(n);

		alive += flow_find(&k) != NULL;
	}
	CHECK(alive == 1000);
	clear();
}

/* A flood of what nobody goes on with takes its own places, not those of long ago. */
static void test_flood(void)
{
	struct flow_key live = key(0);

	flow_begin(&live, FLOW_IN, 0)->met = true;
	for (unsigned n = 1; n < 4 * FLOW_MAX; n++) {
		struct flow_key k = key(n);

		flow_begin(&k, FLOW_IN, n);
	}
	CHECK(flow_find(&live) != NULL);
	clear();
}

int main(void)
{
	flow_init();
	test_find();
	test_full();
	test_who_gives_way();
	test_flood();
	test_together();
	return test_end();
}
