/* What the channel's control frames say (PROTOCOL.md).
 *
 * Parsers are pure and strict: unknown or missing keys, other types, trailing
 * bytes, NUL in a string, a name with `/` are RC_BAD; a value over a limit of
 * PROTOCOL.md is RC_LIMIT. Every slice points into the input. Writers append
 * a whole frame to the wbuf (w->over when it does not fit).
 */
#ifndef CHANNEL_MESSAGE_H
#define CHANNEL_MESSAGE_H

#include "appliance/base/manifest.h"
#include "appliance/base/sha384.h"
#include "channel/frame.h"

enum {
	REQUEST_VERSION = 2,
	REQUEST_ARGS_MAX = 256,
	REQUEST_ENV_MAX = 256,
	REQUEST_STRING_MAX = 4096,
	REQUEST_VAR_MAX = 32768,
	REQUEST_IDS_MAX = MANIFEST_IDS_MAX,
	ERROR_TEXT_MAX = 1024,
	NAME_LEN_MAX = 255,
	TARGET_LEN_MAX = 4095,
	RECORD_HEAD = 26, /* bytes before a RECORD's text */
	RECORD_TEXT_MAX = FRAME_CONTROL_MAX - RECORD_HEAD,
	DEPTH_MAX = 64,
	STDIN_WINDOW = 65536, /* bytes of STDIN before the first CREDIT */
	RESUME_MIN = 1 << 20, /* smaller files are sent again */
};
#define FILE_SIZE_MAX (INT64_C(1) << 42) /* bytes of one file */

enum request_op {
	OP_EXEC = 1,
	OP_PUSH = 2,
	OP_PULL = 3,
	OP_STOP = 4,
	OP_CONTROL = 5,
	OP_LOOK = 6,
};

enum { EXEC_STDIN = 1, EXEC_TTY = 2, EXEC_DETACH = 4 };
enum { FILES_RESUME = 1, FILES_INTO = 2 };
enum look_flags { LOOK_LOGS = 1, LOOK_EVENTS = 2, LOOK_FOLLOW = 4 };

struct request {
	enum request_op op;
	unsigned flags; /* of control: the signal's number, 0 unless it is `signal` */
	size_t argc;    /* words: exec's arguments, paths, control's 2, look's names */
	struct slice argv[REQUEST_ARGS_MAX];
	/* exec */
	size_t envc;
	struct slice env[REQUEST_ENV_MAX];
	struct slice cwd; /* len 0: `/` */
	size_t idc;       /* of ids: 0 for root, else 2 and more */
	uint32_t ids[REQUEST_IDS_MAX];
	uint16_t rows, cols;
	uint64_t since; /* look: nanoseconds since 1970 */
};

enum { EXIT_KILLED = 256 }; /* in EXIT: added to the number of a signal */

enum error_code {
	ERR_PROTOCOL = 1,
	ERR_VERSION,
	ERR_BUSY,
	ERR_DENIED,
	ERR_NOT_FOUND,
	ERR_NOT_EXECUTABLE,
	ERR_SYSTEM,
	ERR_NO_SPACE,
	ERR_DIGEST,
	ERR_CHANGED,
	ERR_DUPLICATE,
	ERR_CONFLICT,
	ERR_OVER_LIMIT,
	ERR_DEADLINE,
	ERROR_CODE_LAST = ERR_DEADLINE,
};

struct error_msg {
	enum error_code code;
	struct slice text;
};

enum entry_kind { ENTRY_FILE = 0, ENTRY_DIR = 1, ENTRY_SYMLINK = 2 };

struct entry {
	enum entry_kind kind;
	struct slice name;
	unsigned mode; /* permission bits, 07777 at most */
	int64_t mtime_s;
	uint32_t mtime_ns;
	int64_t size;        /* files, bytes */
	struct slice target; /* symlinks */
};

struct totals {
	uint64_t files, bytes, skipped;
	uint8_t digest[SHA384_LEN];
};

/* The values of SERVICE's keys 3 and 7. */
enum look_state {
	LOOK_STOPPED,
	LOOK_DONE,
	LOOK_FAILED,
	LOOK_WAITING,
	LOOK_STARTING,
	LOOK_READY,
	LOOK_STOPPING,
	LOOK_KILLING,
	LOOK_STATES,
};

extern const char *const look_states[LOOK_STATES]; /* "stopped", "done", … */

enum look_end { LOOK_NO_END, LOOK_EXITED, LOOK_KILLED, LOOK_OUT_OF_MEMORY, LOOK_NOT_READY };

enum { STATUS_FIRST = 3, STATUS_NUMBERS = 13 };

struct service_status {
	uint64_t number;
	struct slice name;
	union {
		struct { /* keys 3 to 15, in their order */
			uint64_t state, pid, since_ns, starts, end, end_status;
			uint64_t memory, memory_max, cpu_us, tasks;
			uint64_t output, dropped, ooms;
		};
		uint64_t numbers[STATUS_NUMBERS];
	};
};

enum record_kind {
	RECORD_STDOUT = 1,
	RECORD_STDERR = 2,
	RECORD_STARTING = 16,
	RECORD_READY,
	RECORD_BUSY,
	RECORD_STATUS,
	RECORD_STOPPING,
	RECORD_ENDED,
	RECORD_FAILED,
	RECORD_TERMINATED,
	RECORD_DIAGNOSTIC,
	RECORD_LAST = RECORD_DIAGNOSTIC,
};

struct record_head {
	uint64_t seq, time_ns, position;
	uint8_t service; /* 0: the enclave itself */
	uint8_t kind;    /* enum record_kind */
};

/* RC_DENIED: another version. */
RC_CHECK enum rc request_parse(struct slice payload, struct request *r);

/* RC_BAD unless name may be used as one component. */
RC_CHECK enum rc name_check(struct slice name);

RC_CHECK enum rc error_parse(struct slice payload, struct error_msg *e);
void error_put(struct wbuf *w, enum error_code code, const char *text);

RC_CHECK enum rc entry_parse(struct slice payload, struct entry *e);
void entry_put(struct wbuf *w, const struct entry *e);

/* WINSIZE, SIGNAL, CREDIT, EXIT, HOLE, FROM: a number, of at most max; false: it is none. */
bool number_parse(struct slice payload, uint64_t max, uint64_t *n);
void number_put(struct wbuf *w, enum frame_type type, uint64_t n);

/* HAVE, DONE: a number and a digest; false: it is not. */
bool sum_parse(struct slice payload, uint64_t *n, struct slice *digest);
void sum_put(struct wbuf *w, enum frame_type type, uint64_t n, const uint8_t digest[SHA384_LEN]);

/* Counts an ENTRY, END or LEAVE for the transfer digest. */
void totals_note(struct sha384 *transfer, enum frame_type type, struct slice payload);

void status_put(struct wbuf *w, const struct service_status *s);
/* text has at most RECORD_TEXT_MAX bytes. */
void record_put(struct wbuf *w, const struct record_head *h, struct slice text);

#endif
