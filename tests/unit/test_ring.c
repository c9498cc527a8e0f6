/* Bytes go in and come out in order, wherever the ring turns. */
#include "appliance/base/ring.h"
#include "tests/unit/test.h"

enum { MAX = 7 };

static uint8_t memory[MAX];

static void test_all_turns(void)
{
	struct ring r = { .p = memory, .max = MAX };
	uint8_t in = 0, out = 0;

	/* Steps of every length against every other. */
	for (size_t i = 0; i < 10000; i++) {
		size_t put = i % (MAX + 1), drop = i / (MAX + 1) % (MAX + 1);
		uint8_t bytes[MAX];

		put = put < MAX - r.len ? put : MAX - r.len;
		for (size_t k = 0; k < put; k++)
			bytes[k] = in++;
		ring_put(&r, bytes, put);
		drop = drop < r.len ? drop : r.len;
		for (size_t k = 0; k < r.len; k++) {
			struct slice s = ring_part(&r, k);

			CHECK(s.len > 0 && s.len <= r.len - k && s.p >= memory &&
			      s.p + s.len <= memory + MAX);
			CHECK(s.p[0] == (uint8_t)(out + k));
		}
		ring_drop(&r, drop);
		out = (uint8_t)(out + drop);
		CHECK(r.len <= MAX && (r.len > 0 || r.at == 0));
	}
}

int main(void)
{
	test_all_turns();
	return test_end();
}
