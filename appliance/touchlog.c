#include "appliance/touchlog.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "appliance/base/log.h"

struct touchlog_shared *touchlog_shared;
int touchlog_fd = -1;
static int module = -1;

enum rc touchlog_open(int nsm)
{
	module = nsm;
	touchlog_fd = memfd_create("touches", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (touchlog_fd < 0 || ftruncate(touchlog_fd, sizeof *touchlog_shared) != 0)
		goto failed;
	touchlog_shared = mmap(NULL, sizeof *touchlog_shared, PROT_READ | PROT_WRITE, MAP_SHARED,
	                       touchlog_fd, 0);
	if (touchlog_shared == MAP_FAILED ||
	    fcntl(touchlog_fd, F_ADD_SEALS,
	          F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		goto failed;
	return RC_OK;
failed:
	log_line("touch log: no memory to share: %m");
	return RC_IO;
}

const uint8_t *touchlog_head(void)
{
	return touchlog_shared->after[touchlog_shared->touches % TOUCHLOG_RING];
}

static void publish(uint64_t number, struct slice record, const uint8_t head[SHA384_LEN])
{
	struct touchlog_record *r = &touchlog_shared->ring[number % TOUCHLOG_RING];

	memcpy(r->bytes, record.p, record.len);
	r->len = (uint32_t)record.len;
	memcpy(touchlog_shared->after[number % TOUCHLOG_RING], head, SHA384_LEN);
	__atomic_store_n(&touchlog_shared->touches, number, __ATOMIC_RELEASE);
	/* Written pages are the memory's, not PID 1's, for good. */
	madvise(touchlog_shared, sizeof *touchlog_shared, MADV_DONTNEED);
}

enum rc touchlog_add(const char *operation, const char *user, const uint8_t digest[SHA384_LEN],
                     struct slice summary)
{
	uint8_t mem[TOUCH_RECORD_MAX], head[SHA384_LEN];
	struct wbuf w = wbuf_of(mem, sizeof mem);
	struct touch_record r = { .number = touchlog_shared->touches + 1,
		                  .time_s = (uint64_t)time(NULL),
		                  .operation = slice_str(operation),
		                  .user = slice_str(user),
		                  .summary = summary,
		                  .digest = slice_of(digest, SHA384_LEN) };
	enum rc rc = RC_OK;

	touch_put(&w, &r);
	if (w.over)
		rc = RC_LIMIT;
	memcpy(head, touchlog_head(), sizeof head);
	touch_chain(head, wbuf_slice(&w));
	/* Absent from documents until now, PCR17 is in all of them from here on. */
	if (rc == RC_OK && r.number == 1)
		rc = nsm_seal_pcr(module, PCR_TOUCH, head, &touchlog_shared->pcr[PCR_TOUCH]);
	if (rc == RC_OK)
		publish(r.number, wbuf_slice(&w), head);
	else
		log_line("touch log: %s cannot be recorded: %s", operation, rc_str(rc));
	return rc;
}
