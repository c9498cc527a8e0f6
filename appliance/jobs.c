#include "appliance/jobs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/cgroup.h"
#include "appliance/notify.h"
#include "appliance/records.h"

/* The definition in use. One at a time: it is large. */
static struct service service;

bool job_open(struct job *j, size_t number, struct slice definition, int cgroups,
              struct service_policy *policy)
{
	*j = (struct job){ .definition = definition,
		           .number = number,
		           .cgroup = -1,
		           .out = { -1, -1, -1 },
		           .notify = -1,
		           .tcp = -1,
		           .says = -1 };
	if (service_parse(definition, number - 1, &service) != RC_OK)
		return false;
	memcpy(j->name, service.name.p, service.name.len);
	*policy = service.policy;
	j->cgroup = cgroup_open(cgroups, j->name);
	return records_open(number, policy->log) == RC_OK;
}

/* An abstract name of the kernel's choice, so that nobody can have it before us and
 * a read-only root does not matter; who speaks there is seen from its
 * credentials. */
static bool open_notify(struct job *j, char variable[128])
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof a;
	int on = 1;

	j->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (j->notify < 0 || setsockopt(j->notify, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
	    bind(j->notify, (const struct sockaddr *)&a, sizeof a.sun_family) != 0 ||
	    getsockname(j->notify, (struct sockaddr *)&a, &len) != 0)
		return false;
	(void)snprintf(variable, 128, "NOTIFY_SOCKET=@%s", a.sun_path + 1);
	service.env[service.envc++] = slice_str(variable);
	return true;
}

/* The service's ends belong to its user, so that /dev/stdout can be opened. */
static bool open_outputs(struct job *j, int theirs[START_FDS])
{
	for (int i = 0; i < START_FDS; i++) {
		int p[2];

		if (pipe2(p, O_CLOEXEC) != 0)
			return false;
		j->out[i] = p[0];
		theirs[i] = p[1];
		if (fcntl(p[0], F_SETFL, O_NONBLOCK) != 0 ||
		    fchown(p[1], service.ids[0], (gid_t)-1) != 0)
			return false;
	}
	return true;
}

bool job_start(struct job *j, const struct unit *u, int cgroups)
{
	char variable[128];
	struct start s = { .service = &service, .fds = { -1, -1, -1 } };
	bool ok = service_parse(j->definition, j->number - 1, &service) == RC_OK;

	io_close(&j->cgroup);
	ok = ok && cgroup_make(cgroups, j->name, &u->policy, &j->cgroup) == RC_OK &&
	     open_outputs(j, s.fds) &&
	     (u->policy.ready != READY_NOTIFY || open_notify(j, variable));
	s.cgroup = j->cgroup;
	j->pid = ok ? start(&s) : -1;
	if (j->pid < 0) {
		records_event((unsigned)j->number, RECORD_DIAGNOSTIC, "cannot be started: %s",
		              strerror(errno));
		j->pid = 0;
	}
	for (int i = 0; i < START_FDS; i++)
		io_close(&s.fds[i]);
	j->probe_ms = 0;
	j->told[0] = j->checked[0] = '\0';
	return j->pid > 0;
}

void job_close(struct job *j)
{
	enum { LEFT = 130 }; /* pieces, more than a pipe can be made to hold */

	for (int i = 0; i < START_FDS; i++) {
		for (int n = 0; n < LEFT && job_carry(j, i); n++)
			;
		io_close(&j->out[i]);
	}
	io_close(&j->notify);
	io_close(&j->tcp);
}

bool job_carry(struct job *j, int stream)
{
	uint8_t text[RECORD_TEXT_MAX];
	ssize_t n = j->out[stream] < 0 ? -1 : read(j->out[stream], text, sizeof text);

	if (n == 0)
		io_close(&j->out[stream]);
	if (n <= 0)
		return false;
	if (stream == START_TOLD)
		(void)snprintf(j->told, sizeof j->told, ": %.*s", (int)n, text);
	else
		records_put(j->number, (unsigned)j->number,
		            stream == START_OUT ? RECORD_STDOUT : RECORD_STDERR,
		            slice_of(text, (size_t)n));
	return true;
}

static bool may_say(struct job *j)
{
	int64_t now = clock_mono_ms();

	if (j->said_ms > now)
		return false;
	pace(&j->said_ms, now, JOB_SAID_MS, (JOB_SAID_BURST - INT64_C(1)) * JOB_SAID_MS);
	return true;
}

bool job_notified(struct job *j)
{
	uint8_t text[4096];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))]; /* none for descriptors */
	} control = { 0 };
	struct iovec iov = { text, sizeof text };
	struct msghdr m = { .msg_iov = &iov,
		            .msg_iovlen = 1,
		            .msg_control = &control,
		            .msg_controllen = sizeof control };
	ssize_t n = recvmsg(j->notify, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct ucred who = { 0 };
	struct notify said;

	if (n < 0)
		return false;
	if (control.head.cmsg_level == SOL_SOCKET && control.head.cmsg_type == SCM_CREDENTIALS)
		memcpy(&who, CMSG_DATA(&control.head), sizeof who);
	if (who.pid != j->pid)
		return false;
	said = notify_of(slice_of(text, (size_t)n));
	if ((!said.busy && !said.status.p) || !may_say(j))
		return said.ready;
	if (said.busy)
		records_event((unsigned)j->number, RECORD_BUSY, "%s", "");
	if (said.status.p)
		records_event((unsigned)j->number, RECORD_STATUS, "%.*s", (int)said.status.len,
		              said.status.p);
	return said.ready;
}

/* A connection that was begun is looked at again the next time. */
static bool probe_tcp(struct job *j, uint16_t port)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
		                       .sin_port = htons(port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool ready;

	if (j->tcp < 0)
		j->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ready = j->tcp >= 0 &&
	        (connect(j->tcp, (const struct sockaddr *)&a, sizeof a) == 0 || errno == EISCONN);
	if (ready || (errno != EINPROGRESS && errno != EALREADY))
		io_close(&j->tcp);
	return ready;
}

void job_ended_text(char text[40], int wait_status)
{
	(void)snprintf(text, 40,
	               WIFSIGNALED(wait_status) ? "ended by signal %d" : "exited with status %d",
	               WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}

/* A file, which nobody has to read, of memory that its service pays for. */
static void probe_exec(struct job *j)
{
	struct start s = { .service = &service, .probe = true, .cgroup = j->cgroup };

	if (j->probe != 0 || service_parse(j->definition, j->number - 1, &service) != RC_OK)
		return;
	j->says = memfd_create("check", MFD_CLOEXEC);
	s.fds[START_TOLD] = STDIN_FILENO; /* that is /dev/null */
	s.fds[START_OUT] = s.fds[START_ERR] = j->says < 0 ? STDIN_FILENO : j->says;
	j->probe = start(&s);
	if (j->probe > 0)
		return;
	io_close(&j->says);
	j->probe = 0;
}

void job_probed(struct job *j, int status)
{
	char text[JOB_PRINTED_MAX], how[40] = "did not end";
	off_t size = lseek(j->says, 0, SEEK_END);
	ssize_t n = pread(j->says, text, sizeof text,
	                  size > JOB_PRINTED_MAX ? size - JOB_PRINTED_MAX : 0);

	if (status >= 0)
		job_ended_text(how, status);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (status >= 0 || j->checked[0] == '\0')
		(void)snprintf(j->checked, sizeof j->checked, "; its check %s%s%.*s", how,
		               n > 0 ? ": " : "", n > 0 ? (int)n : 0, text);
	io_close(&j->says);
	j->probe = 0;
}

bool job_probe(struct job *j, const struct unit *u)
{
	if (u->policy.ready == READY_EXEC)
		probe_exec(j);
	return u->policy.ready == READY_TCP && probe_tcp(j, (uint16_t)u->policy.ready_port);
}
