/* The frames of a link: every prefix, every split, every first byte. */
#include "net/link.h"
#include "tests/unit/test.h"

static uint8_t stream[4 * LINK_FRAME_MAX];

static size_t put(size_t at, size_t len, uint8_t fill)
{
	link_head(stream + at, LINK_APP, len);
	memset(stream + at + LINK_HEAD, fill, len);
	return at + LINK_HEAD + len;
}

static void test_heads(void)
{
	uint8_t head[LINK_HEAD];
	const uint8_t want[LINK_HEAD] = { 1, 0, 0xff, 0xff }, app[LINK_HEAD] = { 2, 1, 0, 9 };

	link_head(head, LINK_PACKET, LINK_PACKET_MAX);
	CHECK(memcmp(head, want, sizeof head) == 0);
	link_head(head, LINK_APP, LINK_PAYLOAD_MAX);
	CHECK(memcmp(head, app, sizeof head) == 0);
}

static void test_prefixes(void)
{
	size_t n = put(put(0, 1, 'a'), 300, 'b');

	for (size_t cut = 0; cut <= n; cut++) {
		struct slice in = test_guard(slice_of(stream, cut)), left = in, packet;
		enum link_kind kind;
		size_t frames = 0;
		enum rc rc;

		while ((rc = link_next(&left, &kind, &packet)) == RC_OK) {
			CHECK(kind == LINK_APP);
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
	static const uint8_t empty[] = { 1, 0, 0, 0 }, large[] = { 1, 1, 0, 10, 9 };
	static const uint8_t large_app[] = { 2, 1, 0, 10, 9 }, large_hello[] = { 3, 0, 0, 2, 9 };
	enum link_kind got;
	struct slice in, packet;

	for (unsigned kind = 0; kind < 256; kind++) {
		uint8_t head[] = { (uint8_t)kind, 0, 0, 1, 7 };
		bool known = kind >= LINK_PACKET && kind <= LINK_HELLO;

		in = slice_of(head, sizeof head);
		CHECK(link_next(&in, &got, &packet) == (known ? RC_OK : RC_BAD));
		CHECK(!known || got == kind);
		in = slice_of(head, 1);
		CHECK(link_next(&in, &got, &packet) == (known ? RC_MORE : RC_BAD));
	}
	in = slice_of(empty, sizeof empty);
	CHECK(link_next(&in, &got, &packet) == RC_BAD && in.len == sizeof empty);
	in = slice_of(large, sizeof large);
	CHECK(link_next(&in, &got, &packet) == RC_BAD && in.len == sizeof large);
	in = slice_of(large_app, sizeof large_app);
	CHECK(link_next(&in, &got, &packet) == RC_BAD);
	in = slice_of(large_hello, sizeof large_hello);
	CHECK(link_next(&in, &got, &packet) == RC_BAD);
}

static void test_largest(void)
{
	size_t n = put(0, LINK_PAYLOAD_MAX, 'x');
	struct slice in = slice_of(stream, n), packet;
	enum link_kind got;

	CHECK(link_next(&in, &got, &packet) == RC_OK && packet.len == LINK_PAYLOAD_MAX &&
	      in.len == 0);
	in = slice_of(stream, n - 1);
	CHECK(link_next(&in, &got, &packet) == RC_MORE && in.len == n - 1);
}

int main(void)
{
	test_heads();
	test_prefixes();
	test_bad();
	test_largest();
	return test_end();
}
