/* The launcher's services with their processes: starting and ending them, and
 * how they are known to be ready. Used by launch.c alone, which holds the loop.
 */
#ifndef APPLIANCE_JOBS_H
#define APPLIANCE_JOBS_H

#include <sys/types.h>

#include "appliance/start.h"
#include "appliance/unit.h"

/* Events of what a service says of itself: so many at once, and one every so
 * often, since they must not push those of others out of their ring. */
enum { JOB_SAID_BURST = 16, JOB_SAID_MS = 100 };

/* Bytes for how a start failed, or a ready command ended and the last of what it
 * printed. */
enum { JOB_CHECKED_MAX = 160, JOB_PRINTED_MAX = 100 };

struct job {
	char name[SERVICE_NAME_MAX + 1];
	struct slice definition; /* for service_parse */
	size_t number;           /* of its records and of PROTOCOL.md, from 1 */
	pid_t pid;               /* its main process; 0: none */
	pid_t probe;             /* the process of its ready command */
	int cgroup;
	int out[START_FDS];    /* what it prints, and start.c tells of its execution */
	int notify, tcp, says; /* says: what the ready command prints. -1, as all: none */
	int64_t probe_ms;      /* when to look whether it is ready */
	int64_t said_ms;       /* when it may say more */
	uint64_t ooms;         /* how often it ended for want of memory */
	enum look_end ended;   /* how it ended last, whatever it does now */
	int status;
	/* For people: why it was not executed; how the last ready command that ended did. */
	char told[JOB_CHECKED_MAX], checked[JOB_CHECKED_MAX];
};

/* With its cgroup, if an earlier launcher has left one. False when it cannot be had. */
bool job_open(struct job *j, size_t number, struct slice definition, int cgroups,
              struct service_policy *policy);

/* Starts its main process. False, with a record: it cannot be. */
bool job_start(struct job *j, const struct unit *u, int cgroups);

/* Everything that it still has written, then its descriptors are closed. */
void job_close(struct job *j);

/* Reads at most one piece of START_OUT or START_ERR into its records, of START_TOLD
 * into told. False: there is none now; closed: nor will there be. */
bool job_carry(struct job *j, int stream);

/* A message on its notify socket. True: its main process says that it is
 * ready. */
bool job_notified(struct job *j);

/* A look whether it is ready, for what has to be asked. */
bool job_probe(struct job *j, const struct unit *u);

/* "exited with status 3", "ended by signal 9" */
void job_ended_text(char text[40], int wait_status);

/* Its ready command has ended with a wait status, or, -1, is given up. */
void job_probed(struct job *j, int status);

#endif
