/* appliance/broker.h: what PID 1 answers to a gate, honest or taken over, over
 * the simulated module; the documents are judged by the verifier.
 */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "appliance/base/io.h"
#include "appliance/base/pass.h"
#include "appliance/broker.h"
#include "appliance/touchlog.h"
#include "attest/verify.h"
#include "tests/sim/chain.h"
#include "tests/sim/module.h"
#include "tests/unit/test.h"

static int nsm = -1, gate = -1;
static uint8_t root[SHA256_LEN];

static struct {
	struct broker_event e;
	uint8_t document[NSM_RESPONSE_MAX];
} got;
static size_t got_len; /* of the document */

static void begin(void)
{
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	broker_role.sock = pair[0];
	broker_role.ready = true;
	gate = pair[1];
}

static void end(void)
{
	io_close(&gate);
	broker_answer(nsm);
	CHECK(broker_role.sock == -1);
}

static void say(const struct broker_request *r, size_t len)
{
	CHECK(send(gate, r, len, 0) == (ssize_t)len);
	broker_answer(nsm);
}

/* Until it may be asked without having to wait. */
static void wait_for_turns(void)
{
	while (broker_due_ms() + BROKER_BURST * 1000 / BROKER_RATE > clock_mono_ms())
		;
}

/* The next answer's rc; RC_EOF when there is none. */
static enum rc answer(uint32_t mark)
{
	ssize_t n = recv(gate, &got, sizeof got, MSG_DONTWAIT);

	if (n < (ssize_t)sizeof got.e)
		return RC_EOF;
	got_len = (size_t)n - sizeof got.e;
	CHECK(got.e.mark == mark && (got.e.rc == RC_OK) == (got_len > 0));
	return (enum rc)got.e.rc;
}

static struct broker_request request(uint32_t mark)
{
	struct broker_request r = { .mark = mark, .nonce_len = 20, .key_len = 91 };

	memset(r.nonce, 'n', sizeof r.nonce);
	memset(r.key, 'k', sizeof r.key);
	return r;
}

static bool accepted(const struct broker_request *r, struct verify_result *v)
{
	const struct slice nonce = slice_of(r->nonce, r->nonce_len);
	const struct slice key = slice_of(r->key, r->key_len);
	struct verify_policy policy = {
		.now_s = time(NULL),
		.max_age_s = VERIFY_MAX_AGE_S,
		.root = root,
		.nonce = nonce.len > 0 ? &nonce : NULL,
		.public_key = key.len > 0 ? &key : NULL,
		.pcrs = 7, /* the code is known to be this */
		.claims = true,
		.purpose = PURPOSE_TLS,
	};
	struct nsm_pcr pcr;
	bool ok;

	for (unsigned i = 0; i <= 2; i++) {
		CHECK(nsm_read_pcr(nsm, i, &pcr) == RC_OK);
		memcpy(policy.pcr[i], pcr.value, SHA384_LEN);
	}
	ok = verify_document(slice_of(got.document, got_len), &policy, v);

	for (unsigned i = 0; i < VERIFY_REASONS; i++)
		if (v->reasons >> i & 1)
			printf("refused: %s\n", verify_sentence(i));
	return ok;
}

/* Untouched, then touched: the documents say so, whoever asks. */
static void documents(void)
{
	static const uint8_t digest[SHA384_LEN];
	struct broker_request r = request(5), bare = { .mark = 6 };
	struct verify_result v;

	begin();
	say(&r, sizeof r);
	CHECK(answer(5) == RC_OK && accepted(&r, &v));
	CHECK(v.touch == VERIFY_TOUCH_NONE && v.claims.touches == 0);
	CHECK((v.document.pcrs >> PCR_TOUCH & 1) == 0);
	say(&bare, sizeof bare);
	CHECK(answer(6) == RC_OK && accepted(&bare, &v));
	CHECK(touchlog_add("exec", "open", digest, slice_str("")) == RC_OK);
	say(&r, sizeof r);
	CHECK(answer(5) == RC_OK && accepted(&r, &v));
	CHECK(v.touch == VERIFY_TOUCH_SOME && v.claims.touches == 1);
	CHECK((v.document.pcrs >> PCR_TOUCH & 1) == 1);
	CHECK(memcmp(v.claims.head, touchlog_head(), SHA384_LEN) == 0);
	end();
}

/* Lengths beyond the arrays get no document; bytes of user_data cannot be
 * given at all. */
static void hostile_lengths(void)
{
	static const uint32_t bad[] = { HTTPS_NONCE_MAX + 1, HTTPS_SPKI_MAX + 1, 4096, INT32_MAX,
		                        UINT32_MAX };
	unsigned before = module_requests();

	begin();
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct broker_request r = request(7);

		r.nonce_len = bad[i];
		say(&r, sizeof r);
		CHECK(answer(7) == RC_BAD);
		r = request(8);
		r.key_len = bad[i] > HTTPS_SPKI_MAX ? bad[i] : HTTPS_SPKI_MAX + 1;
		say(&r, sizeof r);
		CHECK(answer(8) == RC_BAD);
	}
	CHECK(module_requests() == before);
	end();
}

/* What is no request ends the gate, whatever comes with it. */
static void not_requests(void)
{
	struct broker_request r = request(1);
	uint8_t mem[sizeof r + 1] = { 0 };

	memcpy(mem, &r, sizeof r);
	for (size_t len = 2; len <= sizeof mem; len++) {
		if (len == sizeof r)
			continue;
		begin();
		CHECK(send(gate, mem, len, 0) == (ssize_t)len);
		broker_answer(nsm);
		CHECK(broker_role.sock == -1);
		io_close(&gate);
	}
}

/* Nor one with a descriptor, which is not kept; not even that it serves. */
static void descriptors(void)
{
	struct broker_request r = request(3);

	for (size_t i = 0; i < 2; i++) {
		int before;

		begin();
		before = test_fds();
		CHECK(pass_send(gate, &r, i == 0 ? sizeof r : 1, 0) == RC_OK);
		broker_answer(nsm);
		CHECK(broker_role.sock == -1 && test_fds() == before - 1);
		CHECK(answer(3) == RC_EOF);
		io_close(&gate);
	}
}

/* Asked faster than BROKER_RATE it lets what was asked wait, and answers it in its
 * time. The module refuses, which takes less time than to sign. */
static void flood(void)
{
	struct broker_request r = request(4);
	unsigned asked = 0, before = module_requests();
	int64_t from_ms = clock_mono_ms(), due_ms, end_ms;

	begin();
	module_refuse_at(1);
	do {
		say(&r, sizeof r);
		asked++;
	} while (answer(4) == RC_DENIED && asked < 100000);
	CHECK(asked > BROKER_BURST && module_requests() - before == asked - 1);
	due_ms = broker_due_ms();
	end_ms = clock_mono_ms();
	CHECK(due_ms > from_ms && due_ms - end_ms <= 1 + 1000 / BROKER_RATE);
	CHECK((end_ms - from_ms + 2) * BROKER_RATE >= (asked - 1 - BROKER_BURST) * INT64_C(1000));
	while (answer(4) == RC_EOF)
		broker_answer(nsm);
	CHECK(got.e.rc == RC_DENIED && clock_mono_ms() >= due_ms);
	CHECK(module_requests() - before == asked);
	module_refuse_at(0);
	wait_for_turns();
	end();
}

/* A gate that never reads does not hold PID 1, it is ended. */
static void deaf(void)
{
	struct broker_request r = request(2);
	int rounds = 0;

	begin();
	r.nonce_len = UINT32_MAX;
	while (broker_role.sock >= 0 && ++rounds < 100000) {
		(void)!send(gate, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL);
		broker_answer(nsm);
	}
	CHECK(broker_role.sock == -1);
	io_close(&gate);
}

static void refusals(void)
{
	struct broker_request r = request(9);

	begin();
	module_refuse_at(1);
	say(&r, sizeof r);
	CHECK(answer(9) == RC_DENIED);
	CHECK(got.e.rc == RC_DENIED && got_len == 0);
	module_refuse_at(0);
	end();
}

/* One message at a time: at boot nothing is answered beyond that it serves. */
static void boot(void)
{
	struct broker_request r = request(1);

	begin();
	broker_role.ready = false;
	CHECK(send(gate, "", 1, 0) == 1);
	CHECK(send(gate, &r, sizeof r, 0) == sizeof r);
	broker_answer(nsm);
	CHECK(broker_role.ready && answer(1) == RC_EOF);
	broker_answer(nsm);
	CHECK(answer(1) == RC_OK);
	end();
}

/* The request that nothing in the enclave makes. */
static enum rc lock_pcrs(uint32_t count)
{
	const struct nsm_field question[] = { { "range", .number = &count }, { 0 } };
	uint8_t asked[64], answered[64];
	struct wbuf w = wbuf_of(asked, sizeof asked), say = wbuf_of(answered, sizeof answered);
	char reason[NSM_ERROR_MAX + 1];

	nsm_put(&w, "LockPCRs", question);
	CHECK(nsm_exchange(nsm, wbuf_slice(&w), &say) == RC_OK);
	return nsm_parse(wbuf_slice(&say), "LockPCRs", NULL, reason);
}

/* The module itself: all seven requests, and LockPCRs to the last register. */
static void module(void)
{
	struct nsm_description d;
	struct nsm_pcr p;
	struct slice document;
	uint8_t random[NSM_RANDOM_MAX] = { 0 }, value[SHA384_LEN], big[NSM_KEY_MAX + 1] = { 0 };

	CHECK(nsm_random(nsm, random, sizeof random) == RC_OK);
	CHECK(nsm_lock_pcr(nsm, 0) == RC_DENIED && nsm_lock_pcr(nsm, 32) == RC_DENIED);
	CHECK(nsm_extend_pcr(nsm, 20, slice_str("x"), value) == RC_OK);
	CHECK(nsm_attest(nsm, slice_of(big, NSM_USER_DATA_MAX + 1), slice_of(NULL, 0),
	                 slice_of(NULL, 0), &document) == RC_LIMIT);
	CHECK(nsm_attest(nsm, slice_of(NULL, 0), slice_of(big, NSM_NONCE_MAX + 1),
	                 slice_of(NULL, 0), &document) == RC_LIMIT);
	CHECK(nsm_attest(nsm, slice_of(NULL, 0), slice_of(NULL, 0), slice_of(big, sizeof big),
	                 &document) == RC_LIMIT);
	CHECK(lock_pcrs(33) == RC_DENIED);
	/* "0 to 31" is a count of 32: with 31 the last one stays open. */
	CHECK(lock_pcrs(31) == RC_OK);
	CHECK(nsm_read_pcr(nsm, 31, &p) == RC_OK && !p.locked);
	CHECK(lock_pcrs(32) == RC_OK);
	CHECK(nsm_read_pcr(nsm, 31, &p) == RC_OK && p.locked);
	CHECK(nsm_describe(nsm, &d) == RC_OK && d.pcrs == 32);
	for (uint32_t i = 0; i < d.pcrs; i++)
		CHECK(nsm_read_pcr(nsm, i, &p) == RC_OK && p.locked);
	CHECK(nsm_extend_pcr(nsm, 31, slice_str("x"), value) == RC_DENIED);
}

int main(void)
{
	module_reset();
	sha256_of(chain_cert(0), root);
	if (!CHECK(nsm_open("", &nsm) == RC_OK && touchlog_open(nsm) == RC_OK))
		return test_end();
	documents();
	boot();
	hostile_lengths();
	not_requests();
	descriptors();
	flood();
	deaf();
	refusals();
	module();
	return test_end();
}
