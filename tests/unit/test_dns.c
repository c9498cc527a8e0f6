/* DNS messages: what programs ask, and what goes to the host and to them. Every message
 * in every prefix against a guard page. */
#include "tests/unit/dns_message.h"

static int asked_type(const char *name, unsigned type, unsigned class)
{
	struct dns_query q;

	head(7, 0x0100, 1, 0, 0, 0);
	question(name, type, class);
	return parsed(&q);
}

/* --- what a program asks ------------------------------------------------------------ */

static void test_parse(void)
{
	struct dns_query q;
	struct dns_name n;
	enum dns_rcode rcode;
	size_t end;

	head(0x1234, 0x0100, 1, 0, 0, 1);
	question("WWW.Example-1._tcp.com", T_A, C_IN);
	end = m.len - DNS_HEAD;
	opt(1400);
	CHECK(parse(wbuf_slice(&m), &q, &n, &rcode) == RC_OK && rcode == DNS_OK);
	CHECK(slice_is(slice_of(n.p, n.len), "www.example-1._tcp.com"));
	CHECK(q.id == 0x1234 && q.recurse && q.reply_max == 1400 && q.opt > 0);
	CHECK(slice_eq(slice_of(q.question, q.question_len), slice_of(buf + DNS_HEAD, end)));
	for (size_t cut = 0; cut < m.len; cut++) {
		enum rc rc = parse(slice_of(buf, cut), &q, &n, &rcode);

		CHECK(cut < DNS_HEAD ? rc == RC_BAD : rc == RC_OK && rcode == DNS_FORMERR);
	}
	wbuf_u8(&m, 0);
	CHECK(parsed(&q) == DNS_FORMERR);
}

static void test_sizes(void)
{
	static const unsigned said[] = { 0, 511, 512, 513, 4096, 4097, 65535 };
	struct dns_query q;

	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		unsigned want = said[i] < 512 ? 512 : said[i] > 4096 ? 4096 : said[i];

		head(1, 0, 1, 0, 0, 1);
		question("a", T_A, C_IN);
		opt(said[i]);
		CHECK(parsed(&q) == DNS_OK && q.reply_max == want && !q.recurse);
	}
	head(1, 0, 1, 0, 0, 0);
	question("a", T_A, C_IN);
	CHECK(parsed(&q) == DNS_OK && q.reply_max == 512 && q.opt == 0);
}

static void test_parse_refused(void)
{
	static const unsigned counts[][4] = { { 0, 0, 0, 0 }, { 2, 0, 0, 0 }, { 1, 1, 0, 0 },
		                              { 1, 0, 1, 0 }, { 1, 0, 0, 2 }, { 257, 0, 0, 0 } };
	struct dns_query q;

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		head(1, 0, counts[i][0], counts[i][1], counts[i][2], counts[i][3]);
		question("a", T_A, C_IN);
		CHECK(parsed(&q) == DNS_FORMERR && q.question_len == 0);
	}
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		head(9, opcode << 11, 1, 0, 0, 0);
		question("a", T_A, C_IN);
		CHECK(parsed(&q) == DNS_NOTIMP && q.id == 9 && q.question_len == 0);
	}
	head(1, 0x8000, 1, 0, 0, 0); /* a reply is never replied to */
	question("a", T_A, C_IN);
	CHECK(parsed(&q) == -1);
	head(1, 0, 1, 0, 0, 1); /* an additional record that is no OPT */
	question("a", T_A, C_IN);
	opt(1000);
	buf[m.len - 9] = 250;
	CHECK(parsed(&q) == DNS_FORMERR);
}

static void test_types(void)
{
	static const unsigned refused[] = { 0, T_OPT, 128, 249, 250, 251, 252, 253, 254, 255 };
	static const unsigned allowed[] = { T_A, T_AAAA, T_CNAME, T_SRV, 12, 15, 16, 65, 127, 256 };

	for (size_t i = 0; i < 10; i++) {
		CHECK(asked_type("a.b", refused[i], C_IN) == DNS_REFUSED);
		CHECK(asked_type("a.b", allowed[i], C_IN) == DNS_OK);
		CHECK(asked_type("a.b", allowed[i], 3) == DNS_REFUSED);
		CHECK(asked_type("a.b", allowed[i], 255) == DNS_REFUSED);
	}
}

static void test_names(void)
{
	char longest[300], label[65];
	struct dns_query q;
	struct dns_name n;
	enum dns_rcode rcode;

	memset(label, 'x', 64);
	label[64] = '\0';
	CHECK(asked_type(label, T_A, C_IN) == DNS_FORMERR); /* its length is no length */
	CHECK(asked_type(label + 1, T_A, C_IN) == DNS_OK);
	snprintf(longest, sizeof longest, "%s.%s.%s.%s", label + 1, label + 1, label + 1,
	         label + 3);
	CHECK(asked_type(longest, T_A, C_IN) == DNS_OK); /* 253 as text */
	snprintf(longest, sizeof longest, "%s.%s.%s.%s", label + 1, label + 1, label + 1,
	         label + 2);
	CHECK(asked_type(longest, T_A, C_IN) == DNS_FORMERR);

	head(1, 0, 1, 0, 0, 0);
	question("", T_A, C_IN);
	CHECK(parse(wbuf_slice(&m), &q, &n, &rcode) == RC_OK && rcode == DNS_OK && n.len == 0);
	/* Compression, and a dot that would pass for the one between labels. */
	head(1, 0, 1, 0, 0, 0);
	wbuf_put(&m, "\1a\xc0\x0c\0\1\0\1", 8);
	CHECK(parsed(&q) == DNS_FORMERR);
	head(1, 0, 1, 0, 0, 0);
	wbuf_put(&m, "\3a.b\0\0\1\0\1", 9);
	CHECK(parsed(&q) == DNS_FORMERR);
	head(1, 0, 1, 0, 0, 1); /* a name that is in the OPT */
	wbuf_put(&m, "\xc0\x12\0\1\0\1", 6);
	opt(512);
	CHECK(parsed(&q) == DNS_FORMERR);
}

/* --- what goes out -------------------------------------------------------------------- */

static void test_replies(void)
{
	static const enum dns_rcode codes[] = { DNS_REFUSED, DNS_SERVFAIL, DNS_FORMERR,
		                                DNS_NOTIMP };
	uint8_t out[DNS_REPLY_MAX];
	struct dns_query q;

	for (size_t i = 0; i < 4; i++) {
		const uint8_t want[] = {
			0xab, 0xcd, 0x81, (uint8_t)(0x80 | codes[i]), 0, 1, 0, 0, 0, 0, 0, 0, 1, 'A'
		};

		head(0xabcd, 0x0100, 1, 0, 0, 0);
		question("A", T_A, C_IN);
		CHECK(parsed(&q) == DNS_OK);
		CHECK(dns_reply(&q, codes[i], out) == DNS_HEAD + 7);
		CHECK(memcmp(out, want, sizeof want) == 0);
	}
	head(1, 0, 1, 0, 0, 1);
	question("A", T_A, C_IN);
	opt(700);
	CHECK(parsed(&q) == DNS_OK && dns_reply(&q, DNS_REFUSED, out) == DNS_HEAD + 7 + 11);
	CHECK(memcmp(out + 8, "\0\0\0\1", 4) == 0 && out[2] == 0x80);
	CHECK(memcmp(out + 19, "\0\0\x29\x10\0\0\0\0\0\0\0", 11) == 0);
	head(1, 0, 2, 0, 0, 0); /* no question to repeat */
	CHECK(parsed(&q) == DNS_FORMERR && dns_reply(&q, DNS_FORMERR, out) == DNS_HEAD);
	CHECK(out[5] == 0);
}

static void test_ask(void)
{
	uint8_t out[DNS_REPLY_MAX], random[DNS_NAME_MAX / 8 + 1];
	struct dns_query q, asked;
	size_t n;

	/* Type 65 and class IN look like letters, partly; lengths never do. */
	head(1, 0, 1, 0, 0, 0);
	question("aB1-.example", 65, C_IN);
	CHECK(parsed(&q) == DNS_OK);
	memset(random, 0xff, sizeof random);
	asked = q;
	dns_disguise(&asked, 0x5678, random);
	n = dns_ask(&asked, out);
	CHECK(n == DNS_HEAD + q.question_len + 11);
	CHECK(memcmp(out, "\x56\x78\1\0\0\1\0\0\0\0\0\1", DNS_HEAD) == 0);
	CHECK(memcmp(out + DNS_HEAD, "\4Ab1-\7EXAMPLE\0\0\x41\0\1", 18) == 0);
	CHECK(memcmp(out + DNS_HEAD + 18, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11) == 0);
	memset(random, 0, sizeof random);
	random[0] = 2; /* the first letter of all */
	asked = q;
	dns_disguise(&asked, 0, random);
	CHECK(memcmp(asked.question, "\4AB1-\7example\0\0\x41\0\1", 18) == 0);
}

int main(void)
{
	test_parse();
	test_sizes();
	test_parse_refused();
	test_types();
	test_names();
	test_replies();
	test_ask();
	return test_end();
}
