/* DNS messages (RFC 1035 §4, RFC 6891 as far as it says how long a reply may be),
 * for whoever stands between a program that asks and a server that answers:
 *
 *   0  id, 2  flags, 4  number of questions, 6  of records that answer,
 *   8  of records of authority, 10  of additional ones, 12  these, in this order
 *
 * Only one ordinary question of class IN is asked on. Its type may be any that
 * records can have; those that stand for many or for a transfer (RFC 6895 §3.1:
 * ANY, AXFR and others from 128 to 255) are refused, since no answer to them could
 * be checked.
 *
 * An answer is believed when it has the id and the question that were sent, byte
 * by byte: letters go out in random case (draft-vixie-dnsext-dns0x20), which a
 * server repeats and who has not seen the question must guess. Its records must be
 * of the type asked, in the order of the chain: each belongs to the name asked or
 * to the one that the CNAME before leads to. Anything else in the answer's section
 * (so a DNAME too) discredits the whole. What comes after the section is cut off:
 * nobody asked.
 *
 * Loopback, the link's own, link-local addresses, EC2's services (instance metadata:
 * 169.254.169.254, and of fd00:ec2::/32) and multicast are not believed either: a name
 * that leads there is an attempt to reach by name what the policy does not let be
 * reached by address (DNS rebinding). The whole answer goes with one of them: honest
 * ones have none, and the other records have the same author.
 *
 * Records of other types than A and AAAA are passed on as they came, whatever
 * is in them; a program that asks for them must bear what the host may say.
 *
 * Pure functions. All input is hostile. They link with appliance/base alone.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	DNS_PORT = 53,
	DNS_HEAD = 12,
	DNS_NAME_MAX = 255, /* RFC 1035 §2.3.4: with the labels' lengths, and the root */
	DNS_TEXT_MAX = DNS_NAME_MAX - 2,
	DNS_QUESTION_MAX = DNS_NAME_MAX + 4,
	DNS_ASK_UDP = 1232,   /* what we take by UDP from servers: not in fragments */
	DNS_REPLY_MIN = 512,  /* what a program takes by UDP that says nothing (§4.2.1) */
	DNS_REPLY_MAX = 4096, /* whatever a program says that it takes */
	DNS_RECORDS_MAX = 64, /* that answer: more than any name needs */
	DNS_CHAIN_MAX = 16,   /* CNAMEs in a row */
	DNS_JUMPS_MAX = 32,   /* pointers in one name */
	/* A program must have the time to connect to what it was told, even by
	 * those who say 0; and the host's word is not good for more than an hour. */
	DNS_TTL_MIN_S = 5,
	DNS_TTL_MAX_S = 3600,
};

/* RFC 1035 §4.1.1, from 0 on. */
enum dns_rcode { DNS_OK, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };

/* A question: a program's, or the one that is put to the host for it. */
struct dns_query {
	uint16_t id;
	bool recurse;
	uint16_t opt;        /* what an OPT of ours says that we take; 0: without one */
	size_t reply_max;    /* bytes, DNS_REPLY_MIN to DNS_REPLY_MAX */
	size_t question_len; /* 0: it could not be read */
	uint8_t question[DNS_QUESTION_MAX]; /* name, type, class */
};

/* A name as text, lower-case, without a dot at the end; none in the labels. */
struct dns_name {
	size_t len; /* 0: the root */
	uint8_t p[DNS_TEXT_MAX];
};

struct dns_address {
	uint8_t address[16]; /* as policy.h */
	uint32_t ttl_s;
};

struct dns_answer {
	size_t addresses;
	struct dns_address address[DNS_RECORDS_MAX];
};

/* Reads a program's question. RC_BAD: none, to be left without a reply. RC_OK:
 * *rcode is DNS_OK, or why it is not to be asked on; then name is unspecified. */
RC_CHECK enum rc dns_parse(struct slice message, struct dns_query *q, struct dns_name *name,
                           enum dns_rcode *rcode);

/* Makes of a program's question the one for the host: with that id, and letters in
 * the case that random bits say. */
void dns_disguise(struct dns_query *q, uint16_t id, const uint8_t random[DNS_NAME_MAX / 8 + 1]);

/* A question as a message, and a reply to one without records: their lengths. */
size_t dns_ask(const struct dns_query *q, uint8_t out[DNS_REPLY_MAX]);
size_t dns_reply(const struct dns_query *q, enum dns_rcode rcode, uint8_t out[DNS_REPLY_MAX]);

/* Makes of the host's answer to the question asked the reply to q, in out, and tells
 * the addresses in it.
 *
 * RC_OK         *len bytes to send: records that answer, or NXDOMAIN, or none.
 *               What does not fit is left out and marked so (TC)
 * RC_MISMATCH   it answers something else: go on waiting
 * RC_BAD        it answers this and is not believed
 * RC_DENIED     the host says that it has no answer
 *
 * With the latter, out and *a are unspecified. */
RC_CHECK enum rc dns_answer(struct slice message, const struct dns_query *asked,
                            const struct dns_query *q, uint8_t out[DNS_REPLY_MAX], size_t *len,
                            struct dns_answer *a);

#endif
