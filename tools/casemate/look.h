/* The host's end of look and control (PROTOCOL.md).
 *
 * The enclave's frames are not believed: besides their form it is checked that a
 * service is announced once, before all records, and only if it was asked for;
 * that a record's service was announced and its kind asked for; that sequence
 * and positions grow. Memory does not grow with what comes. An enclave that is
 * silent for STREAM_TIMEOUT_MS is given up, but for a look that follows and was
 * accepted.
 *
 * Functions that give back false, or LOOK_GOT_FAILURE, have said why.
 */
#ifndef TOOL_LOOK_H
#define TOOL_LOOK_H

#include "appliance/base/manifest.h"
#include "channel/failure.h"
#include "channel/stream.h"
#include "tools/casemate/target.h"

struct look_service {
	char name[SERVICE_NAME_MAX + 1];
	struct service_status status; /* but for its name */
};

struct look_services {
	size_t n;
	struct look_service service[SERVICES_MAX]; /* as they were announced */
};

/* What is wanted. */
struct look_ask {
	size_t names; /* 0: all services */
	const char *name[SERVICES_MAX];
	unsigned flags;    /* enum look_flags */
	uint64_t since_ns; /* 0: all that is kept */
};

enum look_got { LOOK_GOT_SERVICE, LOOK_GOT_RECORD, LOOK_GOT_END, LOOK_GOT_FAILURE };

struct look_record {
	struct record_head head;
	const char *service; /* its name; NULL: the enclave itself */
	struct slice text;   /* until the next look_next() */
	uint64_t lost;       /* bytes before it that are not kept any more */
};

struct look {
	int fd;
	const char *who; /* of messages */
	struct look_ask ask;
	struct look_services services;
	bool accepted, begun; /* begun: a record has come */
	int64_t until_ms;     /* something must have come; -1: no end */
	uint64_t seq;         /* of the last record */
	/* By number of a service, for its output; 0: of events. */
	struct {
		bool known;
		uint64_t at; /* where the next record begins if nothing is lost */
	} position[SERVICES_MAX + 1];
	uint8_t by_number[SERVICES_MAX + 1]; /* index in services and 1; 0: none */
	struct failure failure;
	struct wbuf up; /* over out; of it so much was sent */
	size_t sent;
	struct stream_in in; /* large: from here on nothing is cleared */
	uint8_t out[FRAME_CONTROL_MAX];
};

/* Appends argv to a->name, each once; false when one is no name of a service or
 * they are more than SERVICES_MAX. */
bool look_names(struct look_ask *a, char *const *argv, size_t n);

/* Connects and asks. Ended by look_close() when it is true. */
bool look_open(struct look *l, const struct target *t, const struct look_ask *a);
void look_close(struct look *l);

/* The same over a connection, which look_close() closes; who is kept. */
bool look_begin(struct look *l, int conn, const char *who, const struct look_ask *a);

/* What comes next; standard output is flushed before it waits. A SERVICE is in
 * l->services then. After LOOK_GOT_END or LOOK_GOT_FAILURE, nothing does. */
enum look_got look_next(struct look *l, struct look_record *r);

/* Says what r->lost is, if it is anything. */
void look_tell_lost(const struct look_record *r);

/* Has something come that look_next() need not wait for, if only its beginning? */
bool look_ready(const struct look *l);

/* The services of a now, all of them there. */
bool look_at(const struct target *t, const struct look_ask *a, struct look_services *s);

/* One control operation: word as in PROTOCOL.md, signal 0 unless it is "signal". */
bool look_control(const struct target *t, const char *word, const char *service, int signal);

#endif
