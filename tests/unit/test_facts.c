/* appliance/facts.h: what the gate reads while PID 1 writes. */
#include <sys/socket.h>
#include <sys/wait.h>

#include "appliance/facts.h"
#include "appliance/front.h"
#include "appliance/touchlog.h"
#include "tests/sim/module.h"
#include "tests/unit/test.h"

static const uint8_t zero[SHA384_LEN];

static void add(uint64_t n)
{
	char text[TOUCH_SUMMARY_MAX + 1];

	/* Lengths differ from record to record, so that a torn one shows. */
	memset(text, 'a' + (int)(n % 26), sizeof text);
	text[n * 7 % TOUCH_SUMMARY_MAX] = '\0';
	CHECK(touchlog_add("exec", "open", zero, slice_str(text)) == RC_OK);
}

/* Recomputes the head from what the facts offer. False when a record went away
 * meanwhile, as it may. */
static bool recompute(uint8_t head[SHA384_LEN])
{
	const struct https_facts *f = facts();
	uint8_t record[TOUCH_RECORD_MAX];

	if (!f->touch_after(f->touch_first - 1, head))
		return false;
	for (uint64_t n = f->touch_first; n <= f->touches; n++) {
		struct touch_record t;
		size_t len = f->touch_record(n, record);

		if (len == 0)
			return false;
		CHECK(touch_parse(slice_of(record, len), &t) == RC_OK && t.number == n);
		touch_chain(head, slice_of(record, len));
	}
	return true;
}

static void untouched(void)
{
	uint8_t record[TOUCH_RECORD_MAX];
	const struct https_facts *f = facts();

	CHECK(f->touches == 0 && f->touch_first == 1);
	CHECK(memcmp(f->touch_head, zero, sizeof zero) == 0);
	CHECK(!f->pcr[PCR_TOUCH].locked);
	CHECK(f->touch_record(0, record) == 0 && f->touch_record(1, record) == 0);
}

/* Every so often through two turns of the ring. */
static void ring(void)
{
	uint8_t head[SHA384_LEN], record[TOUCH_RECORD_MAX];
	const struct https_facts *f = facts();

	for (uint64_t n = 1; n <= 2 * TOUCHLOG_RING + 10; n++) {
		add(n);
		if (n > 3 && n % 509 != 0 && n % TOUCHLOG_RING > 4)
			continue;
		facts_refresh();
		CHECK(f->touches == n && memcmp(f->touch_head, touchlog_head(), SHA384_LEN) == 0);
		CHECK(recompute(head) && memcmp(head, f->touch_head, sizeof head) == 0);
		CHECK(f->touch_record(n + 1, record) == 0);
		CHECK(f->touch_first == 1 || f->touch_record(f->touch_first - 2, record) == 0);
	}
	CHECK(f->pcr[PCR_TOUCH].locked);
	CHECK(memcmp(f->pcr[PCR_TOUCH].value, touchlog_shared->pcr[PCR_TOUCH].value, SHA384_LEN) ==
	      0);
}

/* A writer as fast as it can: whatever is whole must be true. */
static void race(void)
{
	uint8_t head[SHA384_LEN];
	unsigned whole = 0, cut = 0;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		for (uint64_t n = 0; n < 20 * TOUCHLOG_RING; n++)
			add(n);
		_exit(test_failed > 0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		facts_refresh();
		if (!recompute(head))
			cut++;
		else if (CHECK(memcmp(head, facts()->touch_head, sizeof head) == 0))
			whole++;
	}
	CHECK(status == 0);
	facts_refresh();
	CHECK(recompute(head) && memcmp(head, touchlog_head(), sizeof head) == 0);
	CHECK(whole > 0); /* how many were cut depends on the machine */
	printf("race: %u whole, %u cut\n", whole, cut);
}

/* What the launcher reports, by way of PID 1, as /health and /metrics show it. */
static void services(void)
{
	static uint8_t mem[4096];
	struct body b = { .w = wbuf_of(mem, sizeof mem) };
	struct launch_report r = {
		.service = { { .name = "", .number = { LOOK_DONE, 3, 2 } },
		             { .name = "web", .number = { LOOK_STARTING, 3, 2 } },
		             { .name = "beyond", .number = { LOOK_READY, 1, 0 } } },
	};
	struct touchlog_shared *s = touchlog_shared;
	int pair[2];

	CHECK(facts()->services(&b) == NULL && b.w.len == 0); /* there are none */
	s->services = 2;
	front_forget();
	CHECK(facts()->services(&b) != NULL);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	launch_role.sock = pair[0];
	memset(r.service[0].name, 'n', sizeof r.service[0].name); /* the longest has no NUL */
	CHECK(send(pair[1], &r, sizeof r, 0) == sizeof r && !front_report());
	b.w.len = b.at = 0;
	CHECK(facts()->services(&b) != NULL);
	CHECK(slice_is(
		wbuf_slice(&b.w),
		"{\"name\":\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\",\"state\":\"done\",\"starts\":3,"
		"\"out_of_memory\":2},{\"name\":\"web\",\"state\":\"starting\",\"starts\":3,"
		"\"out_of_memory\":2}"));
	for (unsigned state = 0; state <= LOOK_KILLING; state++) {
		s->service[1].number[LAUNCH_STATE] = state;
		CHECK((facts()->services(&b) == NULL) ==
		      (state == LOOK_READY || state == LOOK_DONE || state == LOOK_STOPPED));
	}
	/* What a launcher that has ended said last is nobody's word any more. */
	s->service[1].number[LAUNCH_STATE] = LOOK_READY;
	front_forget();
	CHECK(facts()->services(&b) != NULL && s->service[1].number[LAUNCH_STATE] == LOOK_WAITING);
	/* A number that is none, of a launcher gone mad, is nobody's state. */
	s->service[0].number[LAUNCH_STATE] = s->service[1].number[LAUNCH_STATE] = UINT32_MAX;
	b.w.len = b.at = 0;
	CHECK(facts()->services(&b) == NULL && b.w.len == 0);
	s->services = 0;

	/* Its last word is over; what is no report is its end. */
	r.over = 1;
	CHECK(send(pair[1], &r, sizeof r, 0) == sizeof r && front_report());
	CHECK(send(pair[1], &r, sizeof r - 1, 0) > 0 && !front_report());
	CHECK(launch_role.sock == -1);
	close(pair[1]);
}

int main(void)
{
	int nsm = -1;

	module_reset();
	if (!CHECK(nsm_open("", &nsm) == RC_OK && touchlog_open(nsm) == RC_OK))
		return test_end();
	/* A gate that begins while the first touch is being marked. */
	touchlog_shared->pcr[PCR_TOUCH].locked = true;
	if (!CHECK(facts_open(touchlog_fd) == RC_OK))
		return test_end();
	untouched();
	services();
	ring();
	race();
	return test_end();
}
