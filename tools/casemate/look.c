#include "tools/casemate/look.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "channel/host_message.h"
#include "channel/stream.h"
#include "tools/casemate/text.h"

enum { CLOSE_MS = 1000 }; /* for the enclave to see that we are done */

/* --- what is wanted --- */

static bool has_name(const struct look_ask *a, const char *name)
{
	for (size_t i = 0; i < a->names; i++)
		if (strcmp(a->name[i], name) == 0)
			return true;
	return false;
}

bool look_names(struct look_ask *a, char *const *argv, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!service_is_name(slice_str(argv[i]))) {
			say("%s: not a service's name, which is 1 to %d of a-z, 0-9, - and _",
			    argv[i], SERVICE_NAME_MAX);
			return false;
		}
		if (has_name(a, argv[i]))
			continue;
		if (a->names == SERVICES_MAX) {
			say("%s: an enclave has at most %d services", argv[i], SERVICES_MAX);
			return false;
		}
		a->name[a->names++] = argv[i];
	}
	return true;
}

/* --- failures --- */

static enum look_got failed(struct look *l)
{
	say("%s%s: %s: %s", l->who, l->failure.remote ? " says" : "", error_name(l->failure.code),
	    l->failure.text);
	return LOOK_GOT_FAILURE;
}

/* The enclave is told, if it still listens. */
static enum look_got bad_frame(struct look *l, const char *what)
{
	(void)failure_set(&l->failure, ERR_PROTOCOL, "the enclave sent %s", what);
	error_put(&l->up, ERR_PROTOCOL, what);
	(void)!stream_push(l->fd, &l->up, &l->sent);
	return failed(l);
}

/* What next_frame gave back instead of a frame. */
static enum look_got no_frame(struct look *l, enum rc rc)
{
	if (rc == RC_DENIED)
		return LOOK_GOT_FAILURE;
	if (rc == RC_BAD || rc == RC_LIMIT)
		return bad_frame(l, rc == RC_BAD ? "an empty frame" : "a frame over its limit");
	if (rc == RC_TIMEOUT)
		(void)failure_set(&l->failure, ERR_DEADLINE, "no answer for %d seconds",
		                  STREAM_TIMEOUT_MS / 1000);
	else if (rc == RC_EOF)
		(void)failure_set(&l->failure, ERR_SYSTEM, "%s",
		                  l->accepted
		                          ? "the connection ended before the answer did"
		                          : "the enclave closed the connection without an answer");
	else
		(void)failure_set(&l->failure, ERR_SYSTEM, "the connection failed: %s",
		                  strerror(errno));
	return failed(l);
}

/* --- frames --- */

static enum rc wait_for(const struct look *l, short events)
{
	struct pollfd p = { l->fd, events, 0 };

	if (l->until_ms >= 0)
		return io_wait(l->fd, events, l->until_ms);
	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return RC_IO;
	return RC_OK;
}

static bool flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	if (errno != EPIPE)
		say("cannot write to standard output: %m");
	return false;
}

/* The next whole frame. As stream.h, RC_TIMEOUT, and RC_DENIED when our own
 * output is not taken, which has been said. */
static enum rc next_frame(struct look *l, enum frame_type *type, struct slice *payload)
{
	enum rc rc;

	while ((rc = stream_in_take(&l->in, type, payload)) == RC_MORE) {
		if (!look_ready(l) && !flush())
			return RC_DENIED;
		rc = wait_for(l, POLLIN);
		if (rc == RC_OK)
			rc = stream_in_read(&l->in);
		if (rc != RC_OK && rc != RC_MORE)
			return rc;
	}
	return rc;
}

bool look_ready(const struct look *l)
{
	return stream_in_ready(&l->in);
}

static bool send_request(struct look *l, const struct request *r)
{
	enum rc rc = RC_OK;

	request_put(&l->up, r);
	while (rc == RC_OK && (rc = stream_push(l->fd, &l->up, &l->sent)) == RC_MORE)
		rc = wait_for(l, POLLOUT);
	/* A peer that has closed may have said why: that is read first. */
	if (rc == RC_OK || rc == RC_EOF)
		return true;
	(void)no_frame(l, rc);
	return false;
}

/* --- look --- */

static const char *service_wrong(const struct look *l, const struct service_status *s,
                                 const char *name)
{
	if (l->begun)
		return "a SERVICE behind a RECORD";
	if (l->ask.names > 0 && !has_name(&l->ask, name))
		return "a SERVICE that was not asked for";
	if (l->by_number[s->number] != 0)
		return "a SERVICE's number twice";
	for (size_t i = 0; i < l->services.n; i++)
		if (strcmp(l->services.service[i].name, name) == 0)
			return "a SERVICE twice";
	return NULL;
}

static enum look_got take_service(struct look *l, struct slice payload)
{
	struct look_service *to = &l->services.service[l->services.n];
	struct service_status s;
	char name[SERVICE_NAME_MAX + 1];
	const char *wrong;

	if (status_parse(payload, &s) != RC_OK)
		return bad_frame(l, "a malformed SERVICE");
	snprintf(name, sizeof name, "%.*s", (int)s.name.len, (const char *)s.name.p);
	wrong = service_wrong(l, &s, name);
	if (wrong != NULL)
		return bad_frame(l, wrong);
	/* Numbers are unique and as many as there is room for. */
	*to = (struct look_service){ .status = s };
	memcpy(to->name, name, sizeof name);
	to->status.name = slice_of(NULL, 0);
	l->by_number[s.number] = (uint8_t)++l->services.n;
	return LOOK_GOT_SERVICE;
}

static const char *record_wrong(const struct look *l, const struct record_head *h)
{
	bool event = h->kind >= RECORD_STARTING;

	if ((l->ask.flags & (event ? LOOK_EVENTS : LOOK_LOGS)) == 0)
		return "a RECORD of a kind that was not asked for";
	if (h->service > 0 && l->by_number[h->service] == 0)
		return "a RECORD of a service that it has not announced";
	if (l->begun && h->seq <= l->seq)
		return "a RECORD whose sequence does not grow";
	return NULL;
}

static enum look_got take_record(struct look *l, struct slice payload, struct look_record *r)
{
	struct record_head *h = &r->head;
	const char *wrong;
	size_t slot;
	uint64_t expected;

	if (record_parse(payload, h, &r->text) != RC_OK)
		return bad_frame(l, "a malformed RECORD");
	wrong = record_wrong(l, h);
	if (wrong != NULL)
		return bad_frame(l, wrong);
	slot = h->kind >= RECORD_STARTING ? 0 : h->service;
	expected = l->position[slot].at;
	if (h->position < expected || h->position > UINT64_MAX - r->text.len)
		return bad_frame(l, "a RECORD whose position does not grow");
	/* Without --since, what is missing at the beginning was lost; of events
	 * of some services, others' come between. */
	r->lost = 0;
	if ((l->position[slot].known || l->ask.since_ns == 0) && (slot > 0 || l->ask.names == 0))
		r->lost = h->position - expected;
	l->position[slot].known = true;
	l->position[slot].at = h->position + r->text.len;
	l->begun = true;
	l->seq = h->seq;
	r->service = h->service > 0 ? l->services.service[l->by_number[h->service] - 1].name : NULL;
	return LOOK_GOT_RECORD;
}

void look_tell_lost(const struct look_record *r)
{
	const char *of = r->head.kind >= RECORD_STARTING ? "events" : r->service;

	if (r->lost > 0)
		say("%s: %" PRIu64 " bytes are not kept any more", of, r->lost);
}

static enum look_got take_exit(struct look *l, struct slice payload)
{
	uint64_t n;

	if (!number_parse(payload, 0, &n))
		return bad_frame(l, "an EXIT that makes no sense");
	if (l->services.n < l->ask.names)
		return bad_frame(l, "fewer services than were asked for");
	return LOOK_GOT_END;
}

enum look_got look_next(struct look *l, struct look_record *r)
{
	enum frame_type type;
	struct slice payload;
	enum rc rc = next_frame(l, &type, &payload);

	if (rc != RC_OK)
		return no_frame(l, rc);
	if (l->until_ms >= 0 && (l->ask.flags & (LOOK_LOGS | LOOK_EVENTS)) != 0)
		l->until_ms = clock_mono_ms() + STREAM_TIMEOUT_MS;
	switch (type) {
	case FRAME_SERVICE: return take_service(l, payload);
	case FRAME_RECORD: return take_record(l, payload, r);
	case FRAME_EXIT: return take_exit(l, payload);
	case FRAME_ERROR: (void)failure_remote(&l->failure, payload); return failed(l);
	default: return bad_frame(l, "a frame that look does not allow");
	}
}

/* --- sessions --- */

static void start(struct look *l, int conn, const char *who)
{
	memset(l, 0, offsetof(struct look, in));
	l->fd = conn;
	l->who = who;
	l->until_ms = clock_mono_ms() + STREAM_TIMEOUT_MS;
	l->up = wbuf_of(l->out, sizeof l->out);
	stream_in_init(&l->in, conn, MSG_DONTWAIT, NULL);
}

static bool read_accept(struct look *l)
{
	enum frame_type type;
	struct slice payload;
	enum rc rc = next_frame(l, &type, &payload);

	if (rc != RC_OK) {
		(void)no_frame(l, rc);
	} else if (type == FRAME_ERROR) {
		(void)failure_remote(&l->failure, payload);
		(void)failed(l);
	} else if (type != FRAME_ACCEPT || payload.len > 0) {
		(void)bad_frame(l, "no ACCEPT");
	} else {
		l->accepted = true;
	}
	return l->accepted;
}

bool look_begin(struct look *l, int conn, const char *who, const struct look_ask *a)
{
	struct request r = { .op = OP_LOOK, .argc = a->names, .flags = a->flags };

	start(l, conn, who);
	l->ask = *a;
	r.since = a->since_ns;
	for (size_t i = 0; i < a->names; i++)
		r.argv[i] = slice_str(a->name[i]);
	if (!send_request(l, &r) || !read_accept(l)) {
		look_close(l);
		return false;
	}
	if ((a->flags & LOOK_FOLLOW) != 0)
		l->until_ms = -1;
	return true;
}

/* To find out what was meant by names, one of which there is not. */
static void tell_services(const struct target *t, const char *const *name, size_t names)
{
	static const struct look_ask all;
	char list[SERVICES_MAX * (SERVICE_NAME_MAX + 2) + 1] = "none";
	struct look_services now;
	size_t at = 0, known = 0;

	if (!look_at(t, &all, &now))
		return;
	for (size_t i = 0; i < now.n; i++)
		at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "",
		                       now.service[i].name);
	for (size_t i = 0; i < names; i++) {
		for (known = 0; known < now.n; known++)
			if (strcmp(now.service[known].name, name[i]) == 0)
				break;
		if (known == now.n)
			say("%s has no service %s; its services are: %s", t->text, name[i], list);
	}
}

bool look_open(struct look *l, const struct target *t, const struct look_ask *a)
{
	int fd = target_dial(t, CHANNEL_PORT);

	if (fd < 0 || look_begin(l, fd, t->text, a))
		return fd >= 0;
	if (l->failure.code == ERR_NOT_FOUND && a->names > 0)
		tell_services(t, a->name, a->names);
	return false;
}

/* With bytes unread the emulator's device would not tell the enclave that we are
 * gone, and our place there would stay taken. */
void look_close(struct look *l)
{
	const int64_t until_ms = clock_mono_ms() + CLOSE_MS;
	uint8_t scrap[4096];

	if (l->fd >= 0 && shutdown(l->fd, SHUT_WR) == 0)
		while (io_wait(l->fd, POLLIN, until_ms) == RC_OK &&
		       recv(l->fd, scrap, sizeof scrap, MSG_DONTWAIT) > 0)
			;
	io_close(&l->fd);
}

bool look_at(const struct target *t, const struct look_ask *a, struct look_services *s)
{
	static struct look l;
	struct look_record r;
	enum look_got got;

	if (!look_open(&l, t, a))
		return false;
	while ((got = look_next(&l, &r)) == LOOK_GOT_SERVICE)
		;
	look_close(&l);
	*s = l.services;
	return got == LOOK_GOT_END;
}

bool look_control(const struct target *t, const char *word, const char *service, int signal)
{
	static struct look l;
	struct request r = { .op = OP_CONTROL, .argc = 2, .flags = (unsigned)signal };
	struct look_record none;
	int fd = target_dial(t, CHANNEL_PORT);
	bool ok = false;

	if (fd < 0)
		return false;
	start(&l, fd, t->text);
	r.argv[0] = slice_str(word);
	r.argv[1] = slice_str(service);
	if (send_request(&l, &r) && read_accept(&l)) {
		enum look_got got = look_next(&l, &none);

		ok = got == LOOK_GOT_END;
		if (got == LOOK_GOT_SERVICE)
			(void)bad_frame(&l, "a frame that control does not allow");
	}
	look_close(&l);
	if (!ok && l.failure.code == ERR_NOT_FOUND)
		tell_services(t, &service, 1);
	return ok;
}
