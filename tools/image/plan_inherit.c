/* What services have of their container image and of the caller's words, by Docker's
 * rules: the steps of a plan after its file. */
#include <signal.h>
#include <stdio.h>

#include "channel/user.h"
#include "tools/image/plan.h"

/* A folder says nothing. */
static const struct oci_config folder = { .cwd = "/", .user = "", .home = "HOME=/root", .idc = 2 };

/* "service 'x': " of a file, where there can be several. */
__attribute__((format(printf, 3, 4))) static void note(struct plan *p, const struct plan_service *s,
                                                       const char *fmt, ...)
{
	va_list ap;
	char what[NOTE_MAX];

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (s->at != NULL)
		plan_note(p, s->at, "service '%.*s': %s", SHOW(s->service.name), what);
	else
		plan_note(p, NULL, "%s", what);
}

/* --- the command --- */

static void add_word(struct plan *p, struct plan_service *s, const char *word)
{
	struct service *to = &s->service;

	if (to->argc == 0 && *word == '\0')
		note(p, s, "the command's first word is empty");
	else if (to->argc == MANIFEST_ARGV_MAX)
		note(p, s, "the command has more than %d words", MANIFEST_ARGV_MAX);
	else if (strlen(word) > MANIFEST_ARG_MAX)
		note(p, s, "word %zu of the command is longer than %d bytes", to->argc + 1,
		     MANIFEST_ARG_MAX);
	else
		to->argv[to->argc++] = slice_str(word);
}

static void set_command(struct plan *p, struct plan_service *s, const struct oci_config *c,
                        int argc, char **argv)
{
	size_t before = p->notes.n;

	for (size_t i = 0; p->notes.n == before && i < c->entrypoint.n; i++)
		add_word(p, s, c->entrypoint.v[i]);
	for (size_t i = 0; p->notes.n == before && argc == 0 && i < c->cmd.n; i++)
		add_word(p, s, c->cmd.v[i]);
	for (int i = 0; p->notes.n == before && i < argc; i++)
		add_word(p, s, argv[i]);
	if (p->notes.n == before && s->service.argc == 0)
		note(p, s,
		     c == &folder ? "there is no command, and a folder has none of its own"
		                  : "there is no command, and the container image has "
		                    "neither Entrypoint nor Cmd");
}

/* --- the variables --- */

static struct slice name_of(struct slice variable)
{
	const uint8_t *end = variable.len > 0 ? memchr(variable.p, '=', variable.len) : NULL;

	return end ? slice_of(variable.p, (size_t)(end - variable.p)) : variable;
}

static bool has_variable(const struct slice *env, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(name_of(env[i]), name))
			return true;
	return false;
}

static void add_variable(struct plan *p, struct plan_service *s, struct slice variable)
{
	struct service *to = &s->service;

	if (variable.len > MANIFEST_ARG_MAX)
		note(p, s, "the variable '%.*s' is longer than %d bytes", SHOW(name_of(variable)),
		     MANIFEST_ARG_MAX);
	else if (to->envc == MANIFEST_ENV_MAX)
		note(p, s, "more than %d variables with those of the image, PATH and HOME",
		     MANIFEST_ENV_MAX);
	else
		to->env[to->envc++] = variable;
}

/* The image's that the service has not set itself, in their order; then its own. */
static void set_variables(struct plan *p, struct plan_service *s, const struct oci_config *c)
{
	static const char path[] =
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	struct slice own[MANIFEST_ENV_MAX];
	size_t n = s->service.envc, before = p->notes.n;

	memcpy(own, s->service.env, n * sizeof *own);
	s->service.envc = 0;
	for (size_t i = 0; p->notes.n == before && i < c->env.n; i++)
		if (!has_variable(own, n, name_of(slice_str(c->env.v[i]))))
			add_variable(p, s, slice_str(c->env.v[i]));
	for (size_t i = 0; p->notes.n == before && i < n; i++)
		add_variable(p, s, own[i]);
	if (p->notes.n == before &&
	    !has_variable(s->service.env, s->service.envc, slice_str("PATH")))
		add_variable(p, s, slice_str(path));
}

static void inherit(struct plan *p, struct plan_service *s, const struct oci_config *c, int argc,
                    char **argv)
{
	if (s->service.argc == 0)
		set_command(p, s, c, argc, argv);
	set_variables(p, s, c);
	if (s->service.cwd.len == 0)
		s->service.cwd = slice_str(c->cwd);
	if (s->service.cwd.len > MANIFEST_ARG_MAX)
		note(p, s, "the image's WorkingDir is longer than %d bytes", MANIFEST_ARG_MAX);
	if (s->service.policy.stop_signal == 0)
		s->service.policy.stop_signal = c->stop_signal > 0 &&
		                                                c->stop_signal < PLAN_RT_SIGNAL
		                                        ? (uint64_t)c->stop_signal
		                                        : SIGTERM;
}

enum rc plan_inherit(struct plan *p, const struct oci_config *c, int argc, char **argv)
{
	c = c ? c : &folder;
	if (p->services == NULL) {
		if (argc > 0 || c->entrypoint.n > 0 || c->cmd.n > 0)
			plan_service_init(&p->service[p->n++], slice_str("app"));
		plan_order(p);
		plan_settle_main(p);
	}
	plan_publish(p, c);
	for (size_t i = 0; i < p->n; i++)
		inherit(p, &p->service[i], c, argc, argv);
	return p->notes.n == 0 ? RC_OK : RC_BAD;
}

/* --- users --- */

static bool find_user(struct plan *p, const struct plan_service *s, struct slice passwd,
                      struct slice group, struct user *u)
{
	struct slice spec = s->user->text;
	bool no_group = false;
	enum rc rc = user_find(spec, passwd, group, u, &no_group);

	if (rc == RC_ABSENT)
		plan_note(p, s->user, "service '%.*s': user: '%.*s': no such %s of the image",
		          SHOW(s->service.name), SHOW(spec),
		          no_group ? "group in /etc/group" : "user in /etc/passwd");
	else if (rc == RC_LIMIT)
		plan_note(p, s->user, "service '%.*s': user: '%.*s' is in more than %d groups",
		          SHOW(s->service.name), SHOW(spec), MANIFEST_IDS_MAX - 1);
	else if (rc != RC_OK)
		plan_note(p, s->user,
		          "service '%.*s': user: '%.*s': expected USER, USER:GROUP or numbers of "
		          "them",
		          SHOW(s->service.name), SHOW(spec));
	return rc == RC_OK;
}

/* HOME is the user's. */
static void add_home(struct plan *p, struct plan_service *s, struct slice home)
{
	struct slice name = slice_str("HOME");

	if (!has_variable(s->service.env, s->service.envc, name))
		add_variable(p, s, plan_variable(p, name, home));
}

static void set_user(struct plan *p, struct plan_service *s, const struct oci_config *c,
                     struct slice passwd, struct slice group)
{
	struct user u = { .idc = c->idc, .home = slice_str(c->home + strlen("HOME=")) };
	struct service_policy *policy = &s->service.policy;

	memcpy(u.ids, c->ids, sizeof u.ids);
	if (s->user != NULL && !find_user(p, s, passwd, group, &u))
		return;
	s->service.idc = u.idc;
	memcpy(s->service.ids, u.ids, sizeof s->service.ids);
	add_home(p, s, u.home);
	if (u.ids[0] == 0)
		return;
	if (s->capabilities != NULL && policy->caps != 0)
		plan_note(p, s->capabilities,
		          "service '%.*s': capabilities: its user %u is not root, and has none: "
		          "leave "
		          "them out",
		          SHOW(s->service.name), (unsigned)u.ids[0]);
	policy->caps = 0;
}

enum rc plan_users(struct plan *p, const struct oci_config *c, struct slice passwd,
                   struct slice group)
{
	for (size_t i = 0; i < p->n; i++)
		set_user(p, &p->service[i], c ? c : &folder, passwd, group);
	return p->notes.n == 0 ? RC_OK : RC_BAD;
}
