/* The frames of a link: every prefix, every split, every first byte. */
#include "net/link.h"
#include "tests/unit/test.h"

static uint8_t stream[4 * LINK_FRAME_MAX];

static size_t put(size_t at, size_t len, uint8_t fill)
{
	link_head(stream + at, len);
	memset(stream + at + LINK_HEAD, fill, len);
	return at + LINK_HEAD + len;
}

static void test_heads(void)
{
	uint8_t head[LINK_HEAD];
	const uint8_t want[LINK_HEAD] = { 1, 0, 0xff, 0xff };

	link_head(head, LINK_PAYLOAD_MAX);
	CHECK(memcmp(head, want, sizeof head) == 0);
}

static void test_prefixes(void)
{
	size_t n = put(put(0, 1, 'a'), 300, 'b');

	for (size_t cut = 0; cut <= n; cut++) {
		struct slice in = test_guard(slice_of(stream, cut)), left = in, packet;
		size_t frames = 0;
		enum rc rc;

		while ((rc = link_next(&left, &packet)) == RC_OK) {
			CHECK(packet.len == (frames == 0 ? 1 : 300));
			CHECK(packet.p[packet.len - 1] == "ab"[frames]);
			frames++;
		}
		CHECK(rc == RC_MORE);
		CHECK(frames == (size_t)(cut >= 5) + (cut == n));
		CHECK(left.len == cut - (cut >= 5 ? 5 : 0) - (cut == n ? 304 : 0));
		test_unguard(in);
	}
}

static void test_bad(void)
{
	static const uint8_t empty[] = { 1, 0, 0, 0 }, large[] = { 1, 1, 0, 0, 9 };
	struct slice in, packet;

	for (unsigned kind = 0; kind < 256; kind++) {
		uint8_t head[] = { (uint8_t)kind, 0, 0, 1, 7 };

		in = slice_of(head, sizeof head);
		CHECK(link_next(&in, &packet) == (kind == LINK_PACKET ? RC_OK : RC_BAD));
		in = slice_of(head, 1);
		CHECK(link_next(&in, &packet) == (kind == LINK_PACKET ? RC_MORE : RC_BAD));
	}
	in = slice_of(empty, sizeof empty);
	CHECK(link_next(&in, &packet) == RC_BAD && in.len == sizeof empty);
	in = slice_of(large, sizeof large);
	CHECK(link_next(&in, &packet) == RC_BAD && in.len == sizeof large);
}

static void test_largest(void)
{
	size_t n = put(0, LINK_PAYLOAD_MAX, 'x');
	struct slice in = slice_of(stream, n), packet;

	CHECK(link_next(&in, &packet) == RC_OK && packet.len == LINK_PAYLOAD_MAX && in.len == 0);
	in = slice_of(stream, n - 1);
	CHECK(link_next(&in, &packet) == RC_MORE && in.len == n - 1);
}

int main(void)
{
	test_heads();
	test_prefixes();
	test_bad();
	test_largest();
	return test_end();
}
