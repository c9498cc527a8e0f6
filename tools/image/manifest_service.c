#include <linux/capability.h>
#include <signal.h>
#include <strings.h>

#include "tools/image/manifest_text.h"
#include "tools/image/nearest.h"

/* The number of a policy that a member is. */
#define AT(member) (offsetof(struct service_policy, member) / sizeof(uint64_t))

enum { LOG_MIN = 16 << 10, MEMORY_MIN = 1 << 20, CPU_MIN = 10 };

/* --- what is started, and as whom --- */

static void take_command(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                         struct plan_service *s)
{
	(void)k;
	if (!read_command(r, v, s->service.argv, &s->service.argc))
		s->service.argc = 0;
}

static bool is_variable_name(struct slice name)
{
	return name.len > 0 && !memchr(name.p, '=', name.len) && !memchr(name.p, '\0', name.len);
}

static void take_environment(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                             struct plan_service *s)
{
	(void)k;
	if (!read_map(r, v, "such as { LANG: C.UTF-8 }"))
		return;
	if (v->n > MANIFEST_ENV_MAX) {
		reading_wrong(r, v, "%zu variables: at most %d", v->n, MANIFEST_ENV_MAX);
		return;
	}
	for (const struct yaml *m = v->first; m != NULL; m = m->next) {
		struct slice name = m->key->text, value;

		if (!is_variable_name(name))
			reading_wrong(
				r, m->key,
				"the name '%.*s': expected one that is not empty and has no '='",
				SHOW(name));
		else if (m->plain && m->text.len == 0)
			reading_wrong(r, m, "'%.*s' has no value: write \"\" for an empty one",
			              SHOW(name));
		else if (!read_text(r, m, &value))
			continue;
		else if (name.len + 1 + value.len > MANIFEST_ARG_MAX)
			reading_wrong(r, m, "'%.*s' has more than %d bytes with its name",
			              SHOW(name), MANIFEST_ARG_MAX);
		else
			s->service.env[s->service.envc++] = plan_variable(r->plan, name, value);
	}
}

static void take_directory(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                           struct plan_service *s)
{
	(void)k;
	if (!read_path(r, v, &s->service.cwd))
		s->service.cwd = slice_str("/");
}

/* Names are looked up when the image is there. */
static void take_user(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                      struct plan_service *s)
{
	struct slice spec;

	(void)k;
	if (read_word(r, v, &spec))
		s->user = v;
}

/* --- order and readiness --- */

static uint64_t take_names(struct reading *r, const struct yaml *v, const struct plan_service *s)
{
	size_t self = (size_t)(s - r->plan->service), number = 0;
	uint64_t mask = 0;

	if (!read_list(r, v, 0, SERVICES_MAX, "[database, cache]"))
		return 0;
	for (const struct yaml *m = v->first; m != NULL; m = m->next) {
		if (!manifest_find_service(r, m, &number))
			continue;
		if (number == self)
			reading_wrong(r, m, "a service cannot wait for itself");
		else if (mask >> number & 1)
			reading_wrong(r, m, "'%.*s' is there twice", SHOW(m->text));
		else
			mask |= UINT64_C(1) << number;
	}
	return mask;
}

static void take_after(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                       struct plan_service *s)
{
	(void)k;
	s->after = v;
	s->service.policy.after |= take_names(r, v, s);
}

static void take_requires(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                          struct plan_service *s)
{
	(void)k;
	s->requires = v;
	s->service.policy.requires = take_names(r, v, s);
	s->service.policy.after |= s->service.policy.requires;
}

static void take_exec(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                      struct plan_service *s)
{
	(void)k;
	s->service.policy.ready = READY_EXEC;
	if (!read_command(r, v, s->service.probe, &s->service.probec))
		s->service.probec = 0;
}

static void take_tcp(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                     struct plan_service *s)
{
	static const struct number port = { UNIT_NONE, 1, UINT16_MAX, "no port has this number",
		                            "no port has this number" };

	(void)k;
	s->service.policy.ready = READY_TCP;
	(void)read_number(r, v, &port, &s->service.policy.ready_port);
}

static void take_notify(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                        struct plan_service *s)
{
	bool yes;

	(void)k;
	s->service.policy.ready = READY_NOTIFY;
	if (read_bool(r, v, &yes) && !yes)
		reading_wrong(r, v, "false: leave 'ready' out, if there is nothing to wait for");
}

static const struct manifest_key ready_keys[] = {
	{ .name = "exec", .read = take_exec },
	{ .name = "tcp", .read = take_tcp },
	{ .name = "notify", .read = take_notify },
};

const struct manifest_keys manifest_ready_keys = { ready_keys,
	                                           sizeof ready_keys / sizeof *ready_keys };

static void take_ready(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                       struct plan_service *s)
{
	(void)k;
	if (!read_map(r, v, "one of exec: [WORDS], tcp: PORT and notify: true"))
		return;
	if (v->n != 1)
		reading_wrong(r, v, "%zu keys: expected one of exec, tcp and notify", v->n);
	else
		manifest_read_keys(r, v, &manifest_ready_keys, s);
}

/* --- numbers and words --- */

static void take_number(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                        struct plan_service *s)
{
	struct number n = k->number;

	n.max = n.max ? n.max : service_numbers_max[k->at];
	(void)read_number(r, v, &n, &service_numbers(&s->service.policy)[k->at]);
}

const char *const manifest_restarts[MANIFEST_RESTARTS] = {
	[RESTART_NEVER] = "never", [RESTART_ON_FAILURE] = "on-failure", [RESTART_ALWAYS] = "always"
};

static void take_restart(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                         struct plan_service *s)
{
	size_t i = 0;

	(void)k;
	if (read_choice(r, v, manifest_restarts, MANIFEST_RESTARTS, &i))
		s->service.policy.restart = i;
}

/* Without what may stand in front, SIG or CAP_; wherever it is a guess, sig and cap_
 * as well. */
static struct slice without(struct slice s, const char *front, bool guess)
{
	size_t n = strlen(front);
	const char *word = (const char *)s.p;

	if (s.len <= n || (guess ? strncasecmp(word, front, n) : strncmp(word, front, n)) != 0)
		return s;
	return slice_of(s.p + n, s.len - n);
}

struct named {
	const char *name;
	unsigned number;
};

/* The member of a table that v names, or -1, which is noted with what was expected. */
static int find_named(struct reading *r, const struct yaml *v, const char *front,
                      const struct named *table, size_t n, const char *expected)
{
	struct slice word, name;
	struct nearest near;

	if (!read_word(r, v, &word))
		return -1;
	name = without(word, front, false);
	near = nearest_of(without(word, front, true));
	for (size_t i = 0; i < n; i++) {
		if (slice_is(name, table[i].name))
			return (int)table[i].number;
		nearest_try(&near, slice_str(table[i].name));
	}
	if (near.best.len > 0)
		reading_wrong(r, v, "unknown name '%.*s': did you mean '%.*s'? Expected %s",
		              SHOW(word), SHOW(near.best), expected);
	else
		reading_wrong(r, v, "unknown name '%.*s': expected %s", SHOW(word), expected);
	return -1;
}

static void take_stop_signal(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                             struct plan_service *s)
{
	static const struct named signals[] = {
		{ "TERM", SIGTERM },     { "HUP", SIGHUP },       { "INT", SIGINT },
		{ "QUIT", SIGQUIT },     { "ILL", SIGILL },       { "TRAP", SIGTRAP },
		{ "ABRT", SIGABRT },     { "BUS", SIGBUS },       { "FPE", SIGFPE },
		{ "KILL", SIGKILL },     { "USR1", SIGUSR1 },     { "SEGV", SIGSEGV },
		{ "USR2", SIGUSR2 },     { "PIPE", SIGPIPE },     { "ALRM", SIGALRM },
		{ "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },     { "CONT", SIGCONT },
		{ "STOP", SIGSTOP },     { "TSTP", SIGTSTP },     { "TTIN", SIGTTIN },
		{ "TTOU", SIGTTOU },     { "URG", SIGURG },       { "XCPU", SIGXCPU },
		{ "XFSZ", SIGXFSZ },     { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },
		{ "WINCH", SIGWINCH },   { "IO", SIGIO },         { "PWR", SIGPWR },
		{ "SYS", SIGSYS },
	};
	struct number number = { UNIT_NONE, 1, service_numbers_max[k->at], NULL,
		                 "a service is not stopped by a real-time signal" };
	int found;

	if (v->kind == YAML_SCALAR && v->text.len > 0 && v->text.p[0] >= '0' &&
	    v->text.p[0] <= '9') {
		(void)read_number(r, v, &number, &s->service.policy.stop_signal);
		return;
	}
	found = find_named(r, v, "SIG", signals, sizeof signals / sizeof *signals,
	                   "a signal such as TERM or SIGQUIT, or its number");
	if (found > 0)
		s->service.policy.stop_signal = (uint64_t)found;
}

/* --- what it may do --- */

static const struct named caps[] = {
	{ "CHOWN", CAP_CHOWN },
	{ "DAC_OVERRIDE", CAP_DAC_OVERRIDE },
	{ "FOWNER", CAP_FOWNER },
	{ "FSETID", CAP_FSETID },
	{ "SETUID", CAP_SETUID },
	{ "SETGID", CAP_SETGID },
	{ "SETPCAP", CAP_SETPCAP },
	{ "KILL", CAP_KILL },
	{ "NET_BIND_SERVICE", CAP_NET_BIND_SERVICE },
};

const char *manifest_capability(unsigned number)
{
	for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
		if (caps[i].number == number)
			return caps[i].name;
	return NULL;
}

static void take_capabilities(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                              struct plan_service *s)
{
	uint64_t mask = 0;

	(void)k;
	if (!read_list(r, v, 0, sizeof caps / sizeof *caps, "[NET_BIND_SERVICE]"))
		return;
	s->capabilities = v;
	for (const struct yaml *m = v->first; m != NULL; m = m->next) {
		int found = find_named(r, m, "CAP_", caps, sizeof caps / sizeof *caps,
		                       "what an enclave can give: CHOWN, DAC_OVERRIDE, FOWNER, "
		                       "FSETID, SETUID, SETGID, SETPCAP, KILL, NET_BIND_SERVICE");

		if (found >= 0 && mask >> found & 1)
			reading_wrong(r, m, "'%.*s' is there twice", SHOW(m->text));
		if (found >= 0)
			mask |= UINT64_C(1) << found;
	}
	s->service.policy.caps = mask;
}

static void take_flag(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                      struct plan_service *s)
{
	bool yes;

	if (!read_bool(r, v, &yes))
		return;
	if (yes)
		s->service.policy.flags |= k->number.min;
	else
		s->service.policy.flags &= ~k->number.min;
}

static void take_writable(struct reading *r, const struct yaml *v, const struct manifest_key *k,
                          struct plan_service *s)
{
	struct slice path;

	(void)k;
	if (!read_list(r, v, 0, MANIFEST_PATHS_MAX, "[/tmp, /var/lib/app]"))
		return;
	for (const struct yaml *m = v->first; m != NULL; m = m->next) {
		bool twice = false;

		if (!read_path(r, m, &path))
			continue;
		for (size_t i = 0; i < s->service.pathc; i++)
			twice = twice || slice_eq(s->service.paths[i], path);
		if (twice)
			reading_wrong(r, m, "'%.*s' is there twice", SHOW(path));
		else
			s->service.paths[s->service.pathc++] = path;
	}
}

#define NUMBER(key, member, ...)                                                                   \
	{                                                                                          \
		key, take_number, KEY_NUMBER, AT(member),                                          \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define FLAG(key, flag)                                                                            \
	{                                                                                          \
		key, take_flag, KEY_FLAG, AT(flags),                                               \
		{                                                                                  \
			.min = (flag)                                                              \
		}                                                                                  \
	}

static const char day[] = "a day is the longest";

static const struct manifest_key service_keys[] = {
	{ .name = "command", .read = take_command },
	{ .name = "environment", .read = take_environment },
	{ .name = "directory", .read = take_directory },
	{ .name = "user", .read = take_user },
	{ .name = "after", .read = take_after },
	{ .name = "requires", .read = take_requires },
	{ .name = "ready", .read = take_ready },
	NUMBER("start-timeout", start_ms, UNIT_DURATION, 1, 0, "nothing is ready at once", day),
	{ .name = "restart", .read = take_restart },
	NUMBER("restart-pause", pause_ms, UNIT_DURATION, 1, 0,
	       "a service that fails at once would do nothing but start", day),
	NUMBER("restart-pause-max", pause_max_ms, UNIT_DURATION, 1, 0, NULL, day),
	NUMBER("start-limit", burst, UNIT_NONE, 0, 0, NULL, "0 is for no limit"),
	NUMBER("start-limit-interval", burst_ms, UNIT_DURATION, 1, 0, NULL, day),
	{ .name = "stop-signal", .read = take_stop_signal, .at = AT(stop_signal) },
	NUMBER("stop-timeout", stop_ms, UNIT_DURATION, 0, 0, NULL,
	       "an enclave must come to its end"),
	NUMBER("memory", memory, UNIT_SIZE, MEMORY_MIN, 0,
	       "hardly a program starts in that, is a unit missing?", "no enclave has as much"),
	NUMBER("processes", pids, UNIT_NONE, 1, 0, "its command is one", "Linux has no more"),
	NUMBER("cpu", cpu, UNIT_CPU, CPU_MIN, 0, "Linux does not divide a processor further",
	       "no enclave has as many"),
	{ .name = "capabilities", .read = take_capabilities },
	FLAG("read-only", SERVICE_READ_ONLY),
	{ .name = "writable", .read = take_writable },
	FLAG("own-pids", SERVICE_OWN_PIDS),
	NUMBER("log-size", log, UNIT_SIZE, LOG_MIN, 0, "a piece of output may be as long",
	       "logs lie in the enclave's memory"),
	FLAG("console", SERVICE_TO_CONSOLE),
};

const struct manifest_keys manifest_service_keys = { service_keys,
	                                             sizeof service_keys / sizeof *service_keys };

/* --- what does not go together --- */

static void check_together(struct reading *r, const struct yaml *map, struct plan_service *s)
{
	struct service_policy *p = &s->service.policy;
	const struct yaml *max = manifest_member(map, "restart-pause-max");
	const struct yaml *interval = manifest_member(map, "start-limit-interval");
	const struct yaml *writable = manifest_member(map, "writable");

	if (max == NULL && p->pause_max_ms < p->pause_ms)
		p->pause_max_ms = p->pause_ms;
	if (p->pause_max_ms < p->pause_ms)
		reading_wrong(r, max, "restart-pause-max is less than restart-pause");
	if (interval != NULL && p->burst == 0)
		reading_wrong(r, interval, "start-limit-interval says nothing without start-limit");
	if (writable != NULL && s->service.pathc > 0 && (p->flags & SERVICE_READ_ONLY) == 0)
		reading_wrong(r, writable, "writable says nothing without read-only: true");
}

void manifest_read_service(struct reading *r, const struct yaml *map, struct plan_service *s)
{
	size_t before = r->plan->notes.n;

	manifest_read_keys(r, map, &manifest_service_keys, s);
	if (r->plan->notes.n == before)
		check_together(r, map, s);
}
