/* appliance/records.h against a model that keeps everything: the rings' ends, the
 * order over several, readers that fall behind.
 */
#include "appliance/records.h"
#include "tests/unit/test.h"

enum { KEPT = 60000, RINGS = 3, PIECE = RECORD_TEXT_MAX };

/* All that was ever put, and what is known of it. */
static struct kept {
	uint64_t position;
	uint32_t len;
	uint8_t ring, first; /* text counts up from first */
} kept[KEPT];
static size_t count;
static uint64_t texts[RINGS];
static size_t sizes[RINGS];

static uint8_t text[PIECE + 100];

static void put(size_t ring, size_t len)
{
	struct kept *k = &kept[count];

	k->first = (uint8_t)(count * 7);
	k->ring = (uint8_t)ring;
	k->len = (uint32_t)(len < PIECE ? len : PIECE);
	k->position = texts[ring];
	texts[ring] += k->len;
	count++;
	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t)(k->first + i);
	records_put(ring, (unsigned)ring, ring > 0 ? RECORD_STDOUT : RECORD_STATUS,
	            slice_of(text, len));
	CHECK(records_sequence() == count);
}

/* Number n, which is record n - 1 of the model, comes whole. */
static bool same(const struct record_head *h, const uint8_t *got, int len)
{
	const struct kept *k = &kept[h->seq - 1];

	if (h->seq == 0 || h->seq > count || (uint32_t)len != k->len || h->service != k->ring ||
	    h->position != k->position || h->kind != (k->ring > 0 ? RECORD_STDOUT : RECORD_STATUS))
		return false;
	for (size_t i = 0; i < k->len; i++)
		if (got[i] != (uint8_t)(k->first + i))
			return false;
	return true;
}

/* All that there is for a new reader of these rings, in order, with nothing
 * missing in the middle and nothing gone that had room; how many. */
static size_t read_all(uint32_t mask)
{
	struct records_cursor c = { { 0 } };
	struct record_head h;
	static uint8_t got[PIECE];
	uint64_t last = 0, next[RINGS] = { 0 };
	bool begun[RINGS] = { false };
	size_t n = 0;
	int len;

	while ((len = records_next(&c, mask, &h, got)) >= 0) {
		if (!CHECK(same(&h, got, len) && h.seq > last && mask >> h.service & 1))
			return 0;
		CHECK(!begun[h.service] || h.position == next[h.service]);
		begun[h.service] = true;
		next[h.service] = h.position + (uint64_t)len;
		last = h.seq;
		n++;
	}
	for (size_t i = 0; i < RINGS; i++)
		CHECK(!begun[i] || next[i] == texts[i]);
	CHECK(records_next(&c, mask, &h, got) == -1);
	return n;
}

/* What is lost is what had no room: what is kept fits, and with one more it would
 * not. */
static void counts(size_t ring)
{
	enum { HEAD = 40 }; /* bytes of a ring that each record takes for itself */
	uint64_t all, lost, left, room = 0;

	records_count(ring, &all, &lost);
	if (!CHECK(all == texts[ring] && lost <= all))
		return;
	left = all - lost;
	for (size_t at = count; at-- > 0;) {
		if (kept[at].ring != ring)
			continue;
		room += kept[at].len + HEAD;
		if (left == 0 && kept[at].len > 0) {
			CHECK(room > sizes[ring]);
			return;
		}
		if (kept[at].len > left)
			break;
		left -= kept[at].len;
		CHECK(room <= sizes[ring]);
	}
	CHECK(left == 0);
}

static void open_rings(void)
{
	static const size_t wanted[RINGS] = { 20000, 0, 33333 };

	for (size_t i = 0; i < RINGS; i++) {
		CHECK(records_open(i, wanted[i]) == RC_OK);
		sizes[i] = wanted[i] > RECORDS_LEAST ? wanted[i] : RECORDS_LEAST;
	}
	CHECK(read_all(7) == 0 && records_sequence() == 0);
	counts(1);
}

/* Every length, so that the end of a ring falls on every byte of a record. */
static void every_length(void)
{
	for (size_t len = 0; len <= PIECE + 90; len += len < 300 ? 1 : 97) {
		put(1, len);
		if (len % 50 == 0)
			CHECK(read_all(2) > 0);
		counts(1);
	}
	for (size_t i = 0; i < 3; i++)
		put(1, PIECE);
	CHECK(read_all(2) == 1); /* two of the largest do not fit the smallest ring */
	put(1, sizes[1] - PIECE - 2 * 40);
	CHECK(read_all(2) == 2); /* full to the last byte */
	put(1, 0);
	CHECK(read_all(2) == 2);
	CHECK(read_all(5) == 0);
}

/* A reader of each kind beside a writer to all rings: one that keeps up sees
 * everything once, one that comes now and then what is left. */
static void readers(void)
{
	struct records_cursor fast = { { 0 } }, slow = { { 0 } };
	struct record_head h;
	static uint8_t got[PIECE];
	uint64_t expect = records_sequence(), last = 0, x = 12345;
	uint64_t missing = 0, at[RINGS], all[RINGS], lost;
	int len;

	while (records_next(&fast, 7, &h, got) >= 0)
		;
	while (records_next(&slow, 7, &h, got) >= 0)
		;
	last = h.seq;
	memcpy(at, texts, sizeof at);
	for (int n = 0; n < 20000; n++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		put(x >> 33 & 1 ? 2 : x >> 34 & 1,
		    (size_t)(x >> 40) % (n % 100 == 0 ? PIECE : 200));
		len = records_next(&fast, 7, &h, got);
		CHECK(len >= 0 && same(&h, got, len) && h.seq == ++expect);
		CHECK(records_next(&fast, 7, &h, got) == -1);
		if (n % 1777 != 1776)
			continue;
		while ((len = records_next(&slow, 7, &h, got)) >= 0) {
			CHECK(same(&h, got, len) && h.seq > last);
			CHECK(h.position >= at[h.service]);
			missing += h.position - at[h.service];
			at[h.service] = h.position + (uint64_t)len;
			last = h.seq;
		}
		CHECK(memcmp(at, texts, sizeof at) == 0);
	}
	CHECK(missing > 100000); /* positions told how much it did not get */
	for (size_t i = 0; i < RINGS; i++) {
		counts(i);
		records_count(i, &all[i], &lost);
	}
	CHECK(read_all(7) > read_all(3) && read_all(3) > read_all(2));
}

/* One ring's flood leaves the others alone. */
static void floods(void)
{
	size_t before, n = 0;

	put(2, 10);
	before = read_all(4);
	for (; n < 5000; n++)
		put(1, 1000);
	CHECK(read_all(4) == before && read_all(2) < 20);
	counts(1);
	counts(2);
}

static void words(void)
{
	struct records_cursor c = { { 0 } };
	struct record_head h = { 0 }, last = { 0 };
	static uint8_t got[PIECE];
	char longer[400];
	int len = 0, n;

	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	records_event(2, RECORD_ENDED, "exited with %d", 7);
	while ((n = records_next(&c, 1, &h, got)) >= 0)
		len = n, last = h;
	CHECK(len == 13 && memcmp(got, "exited with 7", 13) == 0);
	CHECK(last.service == 2 && last.kind == RECORD_ENDED && last.time_ns > 0);
	records_event(0, RECORD_DIAGNOSTIC, "%s", longer);
	CHECK(records_next(&c, 1, &h, got) == 255 && h.service == 0);
	records_event(0, RECORD_READY, "%s", "");
	CHECK(records_next(&c, 1, &h, got) == 0 && h.kind == RECORD_READY);
}

int main(void)
{
	open_rings();
	every_length();
	readers();
	floods();
	words();
	return test_end();
}
