#include "tools/image/command.h"

#include "tools/image/fail.h"

/* Appends to one of m's arrays, which may hold max. */
static enum rc add(struct slice *to, size_t *n, size_t max, const char *what, const char *word)
{
	if (*n == max)
		return fail(RC_LIMIT, "the command has more than %zu %ss", max, what);
	if (strlen(word) > MANIFEST_ARG_MAX)
		return fail(RC_LIMIT, "%s %zu of the command is longer than %d bytes", what, *n + 1,
		            MANIFEST_ARG_MAX);
	to[(*n)++] = slice_str(word);
	return RC_OK;
}

static enum rc add_word(struct manifest *m, const char *word)
{
	if (m->argc == 0 && *word == '\0')
		return fail(RC_BAD, "the command's first word is empty");
	return add(m->argv, &m->argc, MANIFEST_ARGV_MAX, "word", word);
}

static enum rc add_variable(struct manifest *m, const char *variable)
{
	return add(m->env, &m->envc, MANIFEST_ENV_MAX, "variable", variable);
}

static bool has_variable(const struct manifest *m, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < m->envc; i++)
		if (m->env[i].len > len && memcmp(m->env[i].p, name, len) == 0 &&
		    m->env[i].p[len] == '=')
			return true;
	return false;
}

static enum rc set_argv(struct manifest *m, const struct oci_config *c, int argc, char **argv)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < c->entrypoint.n; i++)
		rc = add_word(m, c->entrypoint.v[i]);
	for (size_t i = 0; rc == RC_OK && argc == 0 && i < c->cmd.n; i++)
		rc = add_word(m, c->cmd.v[i]);
	for (int i = 0; rc == RC_OK && i < argc; i++)
		rc = add_word(m, argv[i]);
	return rc;
}

static enum rc set_variables(struct manifest *m, const struct oci_config *c)
{
	static const char path[] =
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < c->env.n; i++)
		rc = add_variable(m, c->env.v[i]);
	if (rc == RC_OK && !has_variable(m, "PATH"))
		rc = add_variable(m, path);
	if (rc == RC_OK && !has_variable(m, "HOME"))
		rc = add_variable(m, c->home);
	return rc;
}

enum rc command_make(struct manifest *m, const struct oci_config *c, int argc, char **argv)
{
	static const struct oci_config folder = { .cwd = "/", .home = "HOME=/root", .idc = 2 };
	enum rc rc;

	c = c ? c : &folder;
	m->argc = m->envc = 0;
	m->cwd = slice_str(c->cwd);
	m->idc = c->idc;
	memcpy(m->ids, c->ids, sizeof m->ids);
	if (m->cwd.len > MANIFEST_ARG_MAX)
		return fail(RC_LIMIT, "the image's WorkingDir is longer than %d bytes",
		            MANIFEST_ARG_MAX);
	rc = set_argv(m, c, argc, argv);
	return rc == RC_OK ? set_variables(m, c) : rc;
}
