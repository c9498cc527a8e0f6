#include "tools/casemate/settings.h"

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
static bool look(const char *path, char value[SETTING_VALUE_MAX])
{
	char full[sizeof ROOT + SETTING_PATH_MAX];
	size_t len;

	snprintf(full, sizeof full, ROOT "/%s", path);
	if (io_read_file(full, value, SETTING_VALUE_MAX - 1, &len) != RC_OK)
		return false;
	value[len] = '\0';
	value[strcspn(value, " \t\n")] = '\0';
	return true;
}

/* Its place; s->n: there is none. */
static size_t find(const struct settings *s, const char *path)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->s[i].path, path) != 0)
		i++;
	return i;
}

/* The one that is there, or a new one; NULL: no room, or not a path to be quoted in
 * the rules, where it is kept. */
static struct setting *add(struct settings *s, const char *path)
{
	size_t i = find(s, path);

	if (i < s->n)
		return &s->s[i];
	if (s->n == SETTINGS_MAX || strlen(path) >= SETTING_PATH_MAX ||
	    strpbrk(path, "\"\\=\n") != NULL)
		return NULL;
	s->s[i] = (struct setting){ 0 };
	memcpy(s->s[i].path, path, strlen(path) + 1);
	s->n++;
	return &s->s[i];
}

void settings_was(struct settings *s, const char *path, const char *was)
{
	struct setting *one = strlen(was) < SETTING_VALUE_MAX ? add(s, path) : NULL;

	if (one != NULL)
		memcpy(one->was, was, strlen(was) + 1);
}

/* From one value to another; other values are left alone. */
static void change(struct settings *s, const char *path, const char *from, const char *to)
{
	char value[SETTING_VALUE_MAX];
	struct setting *one;

	if (find(s, path) == s->n) {
		if (!look(path, value) || strcmp(value, from) != 0)
			return;
		settings_was(s, path, value);
	}
	one = add(s, path);
	if (one != NULL)
		memcpy(one->now, to, strlen(to) + 1);
}

bool settings_has(const struct settings *s, const char *path)
{
	return find(s, path) < s->n;
}

static void keep_advertisements(struct settings *s)
{
	DIR *d = opendir(ROOT "/" INTERFACES6);
	char path[SETTING_PATH_MAX + NAME_MAX];
	struct dirent *e;

	while (d != NULL && s->n < SETTINGS_MAX - FORWARDS && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "all") == 0 ||
		    strcmp(e->d_name, "default") == 0)
			continue;
		snprintf(path, sizeof path, INTERFACES6 "/%s/accept_ra", e->d_name);
		change(s, path, "1", "2");
	}
	if (d != NULL)
		closedir(d);
}

void settings_router(struct settings *s)
{
	char value[SETTING_VALUE_MAX];

	if (settings_has(s, SETTINGS_FORWARD6) ||
	    (look(SETTINGS_FORWARD6, value) && strcmp(value, "0") == 0))
		keep_advertisements(s);
	change(s, SETTINGS_FORWARD4, "0", "1");
	change(s, SETTINGS_FORWARD6, "0", "1");
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

bool settings_apply(const struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->s[i].now[0] != '\0' && !put(s->s[i].path, s->s[i].now))
			return false;
	}
	return true;
}

bool settings_restore(const struct settings *s)
{
	bool all = true;

	for (size_t i = s->n; i > 0; i--)
		all = put(s->s[i - 1].path, s->s[i - 1].was) && all;
	return all;
}
