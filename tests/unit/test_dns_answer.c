/* DNS answers of a host that lies in every way that could open something, in every
 * prefix against a guard page. */
#include "tests/unit/dns_message.h"

static struct dns_query mine, theirs; /* asked of the host; the program's */
static uint8_t reply[DNS_REPLY_MAX];
static size_t reply_len;
static struct dns_answer found;

/* A program has asked, and so have we, with id 0x4242. */
static void ask(const char *name, unsigned type, unsigned size)
{
	uint8_t random[DNS_NAME_MAX / 8 + 1];

	head(0x1111, 0x0100, 1, 0, 0, size > 0);
	question(name, type, C_IN);
	if (size > 0)
		opt(size);
	CHECK(parsed(&theirs) == DNS_OK);
	memset(random, 0x55, sizeof random);
	mine = theirs;
	dns_disguise(&mine, 0x4242, random);
}

static void answer_head(unsigned flags, unsigned an)
{
	head(0x4242, flags, 1, an, 0, 0);
	wbuf_put(&m, mine.question, mine.question_len);
}

/* A record; owner NULL: a pointer to the question. */
static void record(const char *owner, unsigned type, uint32_t ttl, const void *data, size_t len)
{
	if (owner == NULL)
		wbuf_u16_be(&m, 0xc00c);
	else
		put_name(owner);
	wbuf_u16_be(&m, (uint16_t)type);
	wbuf_u16_be(&m, C_IN);
	wbuf_u32_be(&m, ttl);
	wbuf_u16_be(&m, (uint16_t)len);
	wbuf_put(&m, data, len);
}

static void alias(const char *owner, const char *target)
{
	size_t at;

	record(owner, T_CNAME, 60, "", 0);
	at = m.len;
	put_name(target);
	buf[at - 1] = (uint8_t)(m.len - at);
}

static enum rc judge(struct slice s)
{
	struct slice g = test_guard(s);
	enum rc rc = dns_answer(g, &mine, &theirs, reply, &reply_len, &found);

	test_unguard(g);
	return rc;
}

static enum rc judged(void)
{
	return judge(wbuf_slice(&m));
}

static void test_answer(void)
{
	static const uint8_t four[16] = { [10] = 0xff, 0xff, 192, 0, 2, 1 };
	static const uint8_t six[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	size_t end;

	ask("Www.Example", T_A, 0);
	answer_head(0x8180, 2);
	record(NULL, T_A, 300, four + 12, 4);
	record("www.EXAMPLE", T_A, 301, "\xc0\0\2\2", 4);
	end = m.len;
	CHECK(judged() == RC_OK && reply_len == end);
	CHECK(found.addresses == 2 && memcmp(found.address[0].address, four, 16) == 0);
	CHECK(found.address[0].ttl_s == 300 && found.address[1].ttl_s == 301);
	/* The program's id and letters; the rest is the host's. */
	CHECK(memcmp(reply, "\x11\x11\x81\x80\0\1\0\2\0\0\0\0\3Www\7Example", 24) == 0);
	CHECK(memcmp(reply + DNS_HEAD + 17, buf + DNS_HEAD + 17, end - DNS_HEAD - 17) == 0);
	/* Behind the section nobody looks, and nobody hears of it. */
	buf[9] = 1;
	buf[11] = 200;
	wbuf_put(&m, "\xff\xff\xff", 3);
	CHECK(judged() == RC_OK && reply_len == end && reply[9] == 0 && reply[11] == 0);
	for (size_t cut = 0; cut < end; cut++)
		CHECK(judge(slice_of(buf, cut)) ==
		      (cut < DNS_HEAD + theirs.question_len ? RC_MISMATCH : RC_BAD));

	ask("www.example", T_AAAA, 0);
	answer_head(0x8180, 1);
	record(NULL, T_AAAA, 300, six, 16);
	CHECK(judged() == RC_OK && found.addresses == 1);
	CHECK(memcmp(found.address[0].address, six, 16) == 0);
}

static void test_another_question(void)
{
	ask("www.example", T_A, 0);
	answer_head(0x8180, 1);
	record(NULL, T_A, 60, "\xc0\0\2\1", 4);
	CHECK(judged() == RC_OK);
	/* Every bit of the id, of what says that it is a reply to one question, and of
	 * the question, case and class included. */
	for (size_t i = 0; i < DNS_HEAD + theirs.question_len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			if ((i == 2 && bit < 3) || i == 3 || (i >= 6 && i < DNS_HEAD))
				continue;
			buf[i] ^= (uint8_t)(1 << bit);
			CHECK(judged() == RC_MISMATCH);
			buf[i] ^= (uint8_t)(1 << bit);
		}
	}
	CHECK(judged() == RC_OK);
}

static void test_no_answers(void)
{
	ask("www.example", T_A, 0);
	answer_head(0x8583, 0); /* authoritative: not told */
	CHECK(judged() == RC_OK && found.addresses == 0 && reply[2] == 0x81 && reply[3] == 0x83);
	answer_head(0x8180, 0);
	CHECK(judged() == RC_OK && found.addresses == 0 && reply[3] == 0x80);
	answer_head(0x8183, 1); /* a name that is not, with an address */
	record(NULL, T_A, 60, "\xc0\0\2\1", 4);
	CHECK(judged() == RC_BAD);
	for (unsigned rcode = 1; rcode < 16; rcode++) {
		answer_head(0x8180 | rcode, 0);
		CHECK(judged() == (rcode == DNS_NXDOMAIN ? RC_OK : RC_DENIED));
	}
}

static void test_chain(void)
{
	ask("www.example", T_A, 0);
	answer_head(0x8180, 3);
	alias(NULL, "a.cdn");
	alias("A.CDN", "b.cdn");
	record("b.Cdn", T_A, 60, "\xc0\0\2\1", 4);
	CHECK(judged() == RC_OK && found.addresses == 1 && reply_len == m.len && reply[7] == 3);
	answer_head(0x8180, 2); /* the chain's end is elsewhere */
	alias(NULL, "a.cdn");
	record(NULL, T_A, 60, "\xc0\0\2\1", 4);
	CHECK(judged() == RC_BAD);
	answer_head(0x8180, 2); /* the right ones, and before its turn */
	record("a.cdn", T_A, 60, "\xc0\0\2\1", 4);
	alias(NULL, "a.cdn");
	CHECK(judged() == RC_BAD);
	answer_head(0x8180, 2); /* an alias behind what it has */
	record(NULL, T_A, 60, "\xc0\0\2\1", 4);
	alias(NULL, "a.cdn");
	CHECK(judged() == RC_BAD);
	answer_head(0x8183, 1); /* an alias of what does not exist */
	alias(NULL, "a.cdn");
	CHECK(judged() == RC_OK && found.addresses == 0);
	for (unsigned links = DNS_CHAIN_MAX; links <= DNS_CHAIN_MAX + 1; links++) {
		answer_head(0x8180, links);
		for (unsigned i = 0; i < links; i++)
			alias(i % 2 == 0 ? NULL : "x", i % 2 == 0 ? "x" : "www.example");
		CHECK(judged() == (links == DNS_CHAIN_MAX ? RC_OK : RC_BAD));
	}
	ask("www.example", T_CNAME, 0);
	answer_head(0x8180, 1);
	alias(NULL, "a.cdn");
	CHECK(judged() == RC_OK && found.addresses == 0);
}

static void test_others(void)
{
	static const uint8_t six[16] = { 0x20, 1, 0xd, 0xb8 };

	ask("www.example", T_A, 0);
	answer_head(0x8180, 2); /* of another name */
	record(NULL, T_A, 60, "\xc0\0\2\1", 4);
	record("www.exampl", T_A, 60, "\xc0\0\2\1", 4);
	CHECK(judged() == RC_BAD);
	answer_head(0x8180, 2); /* of a type not asked for */
	record(NULL, T_A, 60, "\xc0\0\2\1", 4);
	record(NULL, T_AAAA, 60, six, 16);
	CHECK(judged() == RC_BAD);
	answer_head(0x8180, 2); /* what leads elsewhere, but is no CNAME */
	alias(NULL, "a");
	record("a", T_A, 60, "\xc0\0\2\1", 4);
	CHECK(judged() == RC_OK);
	buf[DNS_HEAD + theirs.question_len + 3] = 39;
	CHECK(judged() == RC_BAD);
	answer_head(0x8180, 1); /* of another class */
	record(NULL, T_A, 60, "\xc0\0\2\1", 4);
	buf[m.len - 11] = 3;
	CHECK(judged() == RC_BAD);
	for (unsigned n = DNS_RECORDS_MAX; n <= DNS_RECORDS_MAX + 1; n++) {
		answer_head(0x8180, n);
		for (unsigned i = 0; i < n; i++)
			record(NULL, T_A, 60, "\xc0\0\2\1", 4);
		CHECK(judged() == (n == DNS_RECORDS_MAX ? RC_OK : RC_BAD));
	}
	CHECK(found.addresses <= DNS_RECORDS_MAX);
}

static void test_opaque(void)
{
	ask("_a._tcp.example", T_SRV, 0);
	answer_head(0x8180, 2);
	record(NULL, T_SRV, 60, "\0\1\0\1\0\x50\xc0\xff", 8); /* whatever it is */
	record(NULL, T_SRV, 60, "", 0);
	CHECK(judged() == RC_OK && found.addresses == 0 && reply_len == m.len);
}

static void test_lengths(void)
{
	ask("www.example", T_A, 0);
	for (unsigned len = 0; len < 20; len++) {
		answer_head(0x8180, 1);
		record(NULL, T_A, 60, "\xc0\0\2\1................", len);
		CHECK(judged() == (len == 4 ? RC_OK : RC_BAD));
		for (unsigned said = 0; said < 300; said++) {
			buf[m.len - len - 2] = (uint8_t)(said >> 8);
			buf[m.len - len - 1] = (uint8_t)said;
			CHECK(judged() == (said == 4 && len >= 4 ? RC_OK : RC_BAD));
		}
	}
	ask("www.example", T_AAAA, 0);
	for (unsigned len = 0; len < 20; len++) {
		answer_head(0x8180, 1);
		record(NULL, T_AAAA, 60, " ...................", len);
		CHECK(judged() == (len == 16 ? RC_OK : RC_BAD));
	}
	ask("www.example", T_A, 0);
	answer_head(0x8180, 1); /* more in it than the name it leads to */
	alias(NULL, "a");
	buf[m.len - 4]++;
	wbuf_u8(&m, 0);
	CHECK(judged() == RC_BAD);
}

static void test_pointers(void)
{
	size_t at;

	ask("www.example", T_A, 0);
	at = DNS_HEAD + theirs.question_len;
	for (unsigned to = 0; to < 0x4000; to++) {
		answer_head(0x8180, 1);
		record(NULL, T_A, 60, "\xc0\0\2\1", 4);
		buf[at] = (uint8_t)(0xc0 | to >> 8);
		buf[at + 1] = (uint8_t)to;
		CHECK(judged() == (to == DNS_HEAD ? RC_OK : RC_BAD));
	}
	answer_head(0x8180, 2); /* an owner's pointer, into a target, whose is to the question */
	record(NULL, T_CNAME, 60, "\3cdn\xc0\x10", 6);
	wbuf_u16_be(&m, (uint16_t)(0xc000 | (at + 12)));
	wbuf_put(&m, "\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 14);
	CHECK(judged() == RC_OK && found.addresses == 1);
	answer_head(0x8180, 1); /* a target that leads to itself, and one that leads ahead */
	record(NULL, T_CNAME, 60, "\3cdn", 4);
	wbuf_u16_be(&m, (uint16_t)(0xc000 | (at + 12)));
	buf[at + 11] = 6;
	CHECK(judged() == RC_BAD);
	buf[m.len - 1] = (uint8_t)(at + 18);
	CHECK(judged() == RC_BAD);
	buf[m.len - 1] = DNS_HEAD;
	CHECK(judged() == RC_OK);
	answer_head(0x8180, 1); /* into the head, where a 0 would be the root */
	record(NULL, T_CNAME, 60, "\xc0\4", 2);
	CHECK(judged() == RC_BAD);
	answer_head(0x8180, 1); /* ahead, where the right name is */
	wbuf_u16_be(&m, (uint16_t)(0xc000 | (at + 16)));
	wbuf_put(&m, "\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 14);
	put_name("www.example");
	CHECK(judged() == RC_BAD);
}

/* As many pointers in a row as it may be, and one more. */
static void test_jumps(void)
{
	for (unsigned jumps = DNS_JUMPS_MAX; jumps <= DNS_JUMPS_MAX + 1; jumps++) {
		size_t at, last;

		ask("www.example", T_SRV, 0);
		answer_head(0x8180, 2);
		at = m.len + 12;
		record(NULL, T_SRV, 60, "", 0);
		last = DNS_HEAD;
		for (unsigned i = 1; i < jumps; i++) {
			wbuf_u16_be(&m, (uint16_t)(0xc000 | last));
			last = m.len - 2;
		}
		buf[at - 1] = (uint8_t)(m.len - at);
		wbuf_u16_be(&m, (uint16_t)(0xc000 | last));
		wbuf_put(&m, "\0\x21\0\1\0\0\0\x3c\0\0", 10);
		CHECK(judged() == (jumps == DNS_JUMPS_MAX ? RC_OK : RC_BAD));
	}
}

static void test_ttl(void)
{
	static const uint32_t ttl[][2] = { { 0, 5 },        { 4, 5 },         { 5, 5 },
		                           { 3600, 3600 },  { 3601, 3600 },   { INT32_MAX, 3600 },
		                           { 1U << 31, 5 }, { UINT32_MAX, 5 } };

	ask("www.example", T_A, 0);
	for (size_t i = 0; i < sizeof ttl / sizeof *ttl; i++) {
		answer_head(0x8180, 1);
		record(NULL, T_A, ttl[i][0], "\xc0\0\2\1", 4);
		CHECK(judged() == RC_OK && found.address[0].ttl_s == ttl[i][1]);
		CHECK(reply[reply_len - 8] == (ttl[i][1] >> 8) && reply[reply_len - 9] == 0 &&
		      reply[reply_len - 7] == (ttl[i][1] & 255));
	}
}

static void test_near(void)
{
	static const uint8_t four[][5] = {
		{ 0, 0, 0, 0, 0 },         { 0, 1, 2, 3, 0 },         { 127, 0, 0, 1, 0 },
		{ 127, 255, 0, 1, 0 },     { 169, 254, 169, 254, 0 }, { 10, 7, 0, 1, 0 },
		{ 10, 7, 0, 255, 0 },      { 224, 0, 0, 1, 0 },       { 240, 0, 0, 1, 0 },
		{ 255, 255, 255, 255, 0 }, { 1, 0, 0, 0, 1 },         { 126, 0, 0, 1, 1 },
		{ 128, 0, 0, 1, 1 },       { 169, 253, 0, 1, 1 },     { 169, 255, 0, 1, 1 },
		{ 10, 7, 1, 0, 1 },        { 10, 6, 0, 1, 1 },        { 223, 255, 255, 255, 1 },
		{ 192, 168, 0, 1, 1 },
	};
	static const uint8_t six[][17] = {
		{ 0 },
		{ [15] = 1 },
		{ [10] = 0xff, 0xff, 192, 0, 2, 1 },
		{ [12] = 192, 0, 2, 1 },
		{ [8] = 0xff, 0xff },
		{ 0xfe, 0x80, [15] = 1 },
		{ 0xfe, 0xbf },
		{ 0xff, 2, [15] = 1 },
		{ 0xfd, 7, 0xca, 0x5e, 0x3a, 0x7e, [15] = 2 },
		{ 0xfd, 7, 0xca, 0x5e, 0x3a, 0x7e, [7] = 1, [16] = 1 },
		{ 0, 0x64, 0xff, 0x9b, [15] = 8, [16] = 1 },
		{ 0x20, 1, 0xd, 0xb8, [16] = 1 },
		{ 0xfe, 0x7f, [16] = 1 },
		{ 0xfd, 0, 0xe, 0xc2, [14] = 2, 0x54 },
		{ 0xfd, 0, 0xe, 0xc3, [16] = 1 },
		{ 0xfd, [15] = 1, [16] = 1 },
	};

	ask("www.example", T_A, 0);
	for (size_t i = 0; i < sizeof four / sizeof *four; i++) {
		answer_head(0x8180, 2); /* an honest one beside it does not help */
		record(NULL, T_A, 60, "\xc0\0\2\1", 4);
		record(NULL, T_A, 60, four[i], 4);
		CHECK(judged() == (four[i][4] ? RC_OK : RC_BAD));
	}
	ask("www.example", T_AAAA, 0);
	for (size_t i = 0; i < sizeof six / sizeof *six; i++) {
		answer_head(0x8180, 1);
		record(NULL, T_AAAA, 60, six[i], 16);
		CHECK(judged() == (six[i][16] ? RC_OK : RC_BAD));
	}
}

/* What a program takes by UDP bounds what it gets; addresses count all the same. */
static void test_truncated(void)
{
	static const uint8_t large[60000];

	for (unsigned size = 0; size <= 1100; size += 1100 / 4) {
		size_t room = (size < 512 ? 512 : size) - (size > 0 ? 11 : 0), fits;

		ask("www.example", T_A, size);
		answer_head(0x8180, 60);
		fits = (room - m.len) / 16;
		fits = fits < 60 ? fits : 60;
		for (unsigned i = 0; i < 60; i++)
			record(NULL, T_A, 60, "\xc0\0\2\1", 4);
		CHECK(judged() == RC_OK && found.addresses == 60 && reply[7] == fits);
		CHECK((reply[2] & 2) == (fits < 60 ? 2 : 0));
		CHECK(reply_len ==
		      DNS_HEAD + theirs.question_len + fits * 16 + (size > 0 ? 11 : 0));
	}
	ask("www.example", T_A, 0); /* the host's own mark stays */
	answer_head(0x8380, 1);
	record(NULL, T_A, 60, "\xc0\0\2\1", 4);
	CHECK(judged() == RC_OK && (reply[2] & 2) != 0 && reply[7] == 1);
	ask("www.example", 16, 0); /* a record that never fits */
	answer_head(0x8180, 2);
	record(NULL, 16, 60, large, sizeof large);
	record(NULL, 16, 60, "\1a", 2);
	CHECK(judged() == RC_OK && (reply[2] & 2) != 0 && reply[7] == 0);
	CHECK(reply_len == DNS_HEAD + theirs.question_len);
}

int main(void)
{
	test_answer();
	test_another_question();
	test_no_answers();
	test_chain();
	test_others();
	test_opaque();
	test_lengths();
	test_pointers();
	test_jumps();
	test_ttl();
	test_near();
	test_truncated();
	return test_end();
}
