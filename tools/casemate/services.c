#include "tools/casemate/services.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "tools/casemate/text.h"

enum { SIGNAL_LAST = 31 };

static const char *const signals[SIGNAL_LAST + 1] = {
	NULL,   "HUP",  "INT",  "QUIT", "ILL",    "TRAP", "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
	"SEGV", "USR2", "PIPE", "ALRM", "TERM",   NULL,   "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
	"TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS",
};

const char *services_state(uint64_t state)
{
	return state < LOOK_STATES ? look_states[state] : "unknown";
}

bool services_fine(const struct service_status *s)
{
	return s->state == LOOK_READY || s->state == LOOK_DONE;
}

void services_end(char out[SERVICES_TEXT_MAX], const struct service_status *s)
{
	const char *name;

	switch (s->end) {
	case LOOK_EXITED: snprintf(out, SERVICES_TEXT_MAX, "exited %" PRIu64, s->end_status); break;
	case LOOK_KILLED:
		name = services_signal_name(s->end_status);
		snprintf(out, SERVICES_TEXT_MAX, "killed by %" PRIu64 "%s%s%s", s->end_status,
		         name == NULL ? "" : " (", name == NULL ? "" : name,
		         name == NULL ? "" : ")");
		break;
	case LOOK_OUT_OF_MEMORY: snprintf(out, SERVICES_TEXT_MAX, "out of memory"); break;
	case LOOK_NOT_READY: snprintf(out, SERVICES_TEXT_MAX, "not ready in time"); break;
	default: snprintf(out, SERVICES_TEXT_MAX, "-");
	}
}

void services_memory(char out[SERVICES_TEXT_MAX], const struct service_status *s)
{
	char used[TEXT_NUMBER_MAX], most[TEXT_NUMBER_MAX];

	text_bytes(used, s->memory);
	text_bytes(most, s->memory_max);
	snprintf(out, SERVICES_TEXT_MAX, "%s%s%s", used, s->memory_max > 0 ? " / " : "",
	         s->memory_max > 0 ? most : "");
}

double services_cpu(const struct service_status *before, const struct service_status *now,
                    int64_t elapsed_us)
{
	if (elapsed_us <= 0 || now->cpu_us < before->cpu_us || now->starts != before->starts)
		return -1;
	return 100.0 * (double)(now->cpu_us - before->cpu_us) / (double)elapsed_us;
}

const char *services_signal_name(uint64_t number)
{
	return number <= SIGNAL_LAST ? signals[number] : NULL;
}

int services_signal(const char *s)
{
	uint32_t n;

	if (text_number(s, 1, SIGNAL_LAST, &n))
		return (int)n;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (int i = 1; i <= SIGNAL_LAST; i++)
		if (signals[i] != NULL && strcasecmp(s, signals[i]) == 0)
			return i;
	return 0;
}
