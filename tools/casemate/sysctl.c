#include "tools/casemate/sysctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "appliance/base/io.h"
#include "tools/casemate/text.h"

#define ROOT        "/proc/sys"
#define INTERFACES6 "net/ipv6/conf"

enum { FORWARDS = 2 /* what must have room: IPv4's and IPv6's */ };

/* The first word of the file; false: there is none. */
static bool look(const char *path, char value[SYSCTL_VALUE_MAX])
{
	char full[sizeof ROOT + SYSCTL_PATH_MAX];
	size_t len;

	snprintf(full, sizeof full, ROOT "/%s", path);
	if (io_read_file(full, value, SYSCTL_VALUE_MAX - 1, &len) != RC_OK)
		return false;
	value[len] = '\0';
	value[strcspn(value, " \t\n")] = '\0';
	return true;
}

/* Its place; s->n: there is none. */
static size_t find(const struct sysctls *s, const char *path)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->s[i].path, path) != 0)
		i++;
	return i;
}

/* The one that is there, or a new one; NULL: no room, or not a path to be quoted in
 * the rules, where it is kept. */
static struct sysctl *add(struct sysctls *s, const char *path)
{
	size_t i = find(s, path);

	if (i < s->n)
		return &s->s[i];
	if (s->n == SYSCTL_MAX || strlen(path) >= SYSCTL_PATH_MAX ||
	    strpbrk(path, "\"\\=\n") != NULL)
		return NULL;
	s->s[i] = (struct sysctl){ 0 };
	memcpy(s->s[i].path, path, strlen(path) + 1);
	s->n++;
	return &s->s[i];
}

void sysctl_was(struct sysctls *s, const char *path, const char *was)
{
	struct sysctl *one = strlen(was) < SYSCTL_VALUE_MAX ? add(s, path) : NULL;

	if (one != NULL)
		memcpy(one->was, was, strlen(was) + 1);
}

/* From one value to another; other values are left alone. */
static void change(struct sysctls *s, const char *path, const char *from, const char *to)
{
	char value[SYSCTL_VALUE_MAX];
	struct sysctl *one;

	if (find(s, path) == s->n) {
		if (!look(path, value) || strcmp(value, from) != 0)
			return;
		sysctl_was(s, path, value);
	}
	one = add(s, path);
	if (one != NULL)
		memcpy(one->now, to, strlen(to) + 1);
}

bool sysctl_has(const struct sysctls *s, const char *path)
{
	return find(s, path) < s->n;
}

static void keep_advertisements(struct sysctls *s)
{
	DIR *d = opendir(ROOT "/" INTERFACES6);
	char path[SYSCTL_PATH_MAX + NAME_MAX];
	struct dirent *e;

	while (d != NULL && s->n < SYSCTL_MAX - FORWARDS && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "all") == 0 ||
		    strcmp(e->d_name, "default") == 0)
			continue;
		snprintf(path, sizeof path, INTERFACES6 "/%s/accept_ra", e->d_name);
		change(s, path, "1", "2");
	}
	if (d != NULL)
		closedir(d);
}

void sysctl_router(struct sysctls *s)
{
	char value[SYSCTL_VALUE_MAX];

	if (sysctl_has(s, SYSCTL_FORWARD6) ||
	    (look(SYSCTL_FORWARD6, value) && strcmp(value, "0") == 0))
		keep_advertisements(s);
	change(s, SYSCTL_FORWARD4, "0", "1");
	change(s, SYSCTL_FORWARD6, "0", "1");
}

static bool put(const char *path, const char *value)
{
	int dir = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool done = io_put_file(dir, path, value) == RC_OK;

	io_close(&dir);
	if (!done && errno != ENOENT)
		say("cannot set " ROOT "/%s to %s: %m", path, value);
	return done || errno == ENOENT;
}

bool sysctl_apply(const struct sysctls *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->s[i].now[0] != '\0' && !put(s->s[i].path, s->s[i].now))
			return false;
	}
	return true;
}

bool sysctl_restore(const struct sysctls *s)
{
	bool all = true;

	for (size_t i = s->n; i > 0; i--)
		all = put(s->s[i - 1].path, s->s[i - 1].was) && all;
	return all;
}
