/* appliance/touchlog.h over the simulated module: the order of the first touch,
 * the chain, the ring, and who may write the memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "appliance/touchlog.h"
#include "tests/sim/module.h"
#include "tests/unit/test.h"

static int nsm = -1;

static const uint8_t digest[SHA384_LEN] = { 1, 2, 3 };

static enum rc add(const char *summary)
{
	return touchlog_add("exec", "open", digest, slice_str(summary));
}

/* Each case in a process of its own: the log is one a process. */
static void in_child(void (*run)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		module_reset();
		CHECK(nsm_open("", &nsm) == RC_OK && touchlog_open(nsm) == RC_OK);
		run();
		_exit(test_failed > 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Extended, locked and read back, and only then published; once. */
static void first(void)
{
	const struct touchlog_shared *s = touchlog_shared;
	uint8_t head[SHA384_LEN] = { 0 }, want[SHA384_LEN] = { 0 };
	struct touch_record t;
	struct nsm_pcr p;

	CHECK(add("/bin/true") == RC_OK);
	CHECK(strcmp(module_said(), "ExtendPCR LockPCR DescribePCR ") == 0);
	CHECK(s->touches == 1);
	CHECK(touch_parse(slice_of(s->ring[1].bytes, s->ring[1].len), &t) == RC_OK);
	CHECK(t.number == 1 && slice_is(t.operation, "exec") && slice_is(t.summary, "/bin/true"));
	CHECK(slice_eq(t.digest, slice_of(digest, sizeof digest)));
	touch_chain(head, slice_of(s->ring[1].bytes, s->ring[1].len));
	CHECK(memcmp(touchlog_head(), head, sizeof head) == 0);
	touch_chain(want, slice_of(head, sizeof head));
	CHECK(nsm_read_pcr(nsm, PCR_TOUCH, &p) == RC_OK && p.locked);
	CHECK(memcmp(p.value, want, sizeof want) == 0);
	CHECK(memcmp(&s->pcr[PCR_TOUCH], &p, sizeof p) == 0);
	CHECK(add("again") == RC_OK && s->touches == 2);
	CHECK(module_requests() == 4); /* ours; the second touch asks the module nothing */
}

/* Whichever of the three the module refuses: nothing is published. */
static void refused(void)
{
	for (unsigned at = 1; at <= 3; at++) {
		module_reset();
		module_refuse_at(at);
		CHECK(add("x") == RC_DENIED);
		CHECK(touchlog_shared->touches == 0 && module_requests() == at);
	}
}

/* A register that somebody has extended before is not what the log says. */
static void foreign(void)
{
	uint8_t value[SHA384_LEN];

	CHECK(nsm_extend_pcr(nsm, PCR_TOUCH, slice_str("x"), value) == RC_OK);
	CHECK(add("x") == RC_MISMATCH);
	CHECK(touchlog_shared->touches == 0);
	module_reset();
	CHECK(nsm_lock_pcr(nsm, PCR_TOUCH) == RC_OK);
	CHECK(add("x") == RC_DENIED && touchlog_shared->touches == 0);
}

/* The chain covers all, the ring keeps the last ones and the heads with them. */
static void wraps(void)
{
	const struct touchlog_shared *s = touchlog_shared;
	static uint8_t heads[2 * TOUCHLOG_RING][SHA384_LEN];
	uint64_t n = 0;

	while (n + 1 < 2 * TOUCHLOG_RING - 5) {
		const struct touchlog_record *r = &s->ring[(n + 1) % TOUCHLOG_RING];
		char text[32];

		snprintf(text, sizeof text, "touch %d", (int)n);
		if (!CHECK(add(text) == RC_OK))
			return;
		n++;
		memcpy(heads[n], heads[n - 1], SHA384_LEN);
		touch_chain(heads[n], slice_of(r->bytes, r->len));
	}
	CHECK(s->touches == n && memcmp(touchlog_head(), heads[n], SHA384_LEN) == 0);
	for (uint64_t i = n - TOUCHLOG_RING + 1; i <= n; i++) {
		const struct touchlog_record *r = &s->ring[i % TOUCHLOG_RING];
		struct touch_record t;

		CHECK(memcmp(s->after[i % TOUCHLOG_RING], heads[i], SHA384_LEN) == 0);
		CHECK(touch_parse(slice_of(r->bytes, r->len), &t) == RC_OK && t.number == i);
	}
}

/* What does not fit a record is not a touch that may happen. */
static void limits(void)
{
	char longest[TOUCH_SUMMARY_MAX + 1];

	memset(longest, '~', TOUCH_SUMMARY_MAX);
	longest[TOUCH_SUMMARY_MAX] = '\0';
	CHECK(touchlog_add("0123456789abcdef", "0123456789abcdef", digest, slice_str(longest)) ==
	      RC_OK);
	CHECK(touchlog_shared->ring[1].len <= TOUCH_RECORD_MAX);
}

/* Whoever has the descriptor can read it and nothing else. */
static void sealed(void)
{
	int fd = touchlog_fd, again;
	char path[64], byte = 1;
	void *p;

	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_WRITE) != 0);
	CHECK(pwrite(fd, &byte, 1, 0) < 0 && errno == EPERM);
	CHECK(ftruncate(fd, 0) != 0 && ftruncate(fd, 1 << 30) != 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	CHECK(again < 0 || pwrite(again, &byte, 1, 0) < 0);
	CHECK(add("x") == RC_OK);
	p = mmap(NULL, sizeof(struct touchlog_shared), PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED && ((const struct touchlog_shared *)p)->touches == 1);
}

int main(void)
{
	in_child(first);
	in_child(refused);
	in_child(foreign);
	in_child(wraps);
	in_child(limits);
	in_child(sealed);
	return test_end();
}
