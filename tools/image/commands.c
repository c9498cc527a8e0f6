#include "tools/image/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"
#include "tools/image/users.h"

enum found { NOWHERE, NO_PROGRAM, PROGRAM };

static enum found judge(bool file, unsigned mode)
{
	return file && (mode & 0111) != 0 ? PROGRAM : NO_PROGRAM;
}

static enum found look_in_folder(const char *folder, const char *path)
{
	int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0 ? -1 : users_open_in(root, path, O_PATH);
	enum found found = NOWHERE;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		found = judge(S_ISREG(st.st_mode), st.st_mode);
	io_close(&fd);
	io_close(&root);
	return found;
}

static enum found look(const struct commands_root *root, const char *path)
{
	const struct oci_node *n;

	if (root->tree == NULL)
		return look_in_folder(root->folder, path);
	n = oci_tree_find(root->tree, path);
	return n == NULL ? NOWHERE : judge(n->kind == OCI_FILE, n->mode);
}

static struct slice path_of(const struct service *s)
{
	static const char name[] = "PATH=";
	size_t n = sizeof name - 1;
	struct slice path = slice_of(NULL, 0);

	for (size_t i = 0; i < s->envc; i++)
		if (s->env[i].len >= n && memcmp(s->env[i].p, name, n) == 0)
			path = slice_of(s->env[i].p + n, s->env[i].len - n);
	return path;
}

/* The folder is relative to the working directory, as the word is without one. */
static enum found look_at(const struct commands_root *root, const struct service *s,
                          struct slice folder, struct slice word)
{
	bool absolute = folder.len > 0 ? folder.p[0] == '/' : word.p[0] == '/';
	char path[3 * MANIFEST_ARG_MAX + 4];

	snprintf(path, sizeof path, "/%.*s/%.*s/%.*s", absolute ? 0 : (int)s->cwd.len,
	         (const char *)s->cwd.p, (int)folder.len, (const char *)folder.p, (int)word.len,
	         (const char *)word.p);
	return look(root, path);
}

static enum found find(const struct commands_root *root, const struct service *s, struct slice word)
{
	struct slice left = path_of(s), folder;
	enum found best = NOWHERE, found;

	if (memchr(word.p, '/', word.len) != NULL)
		return look_at(root, s, slice_of(NULL, 0), word);
	while (best != PROGRAM && left.len > 0) {
		const uint8_t *colon = memchr(left.p, ':', left.len);

		folder = slice_of(left.p, colon ? (size_t)(colon - left.p) : left.len);
		left = colon ? slice_of(colon + 1, left.len - folder.len - 1) : slice_of(NULL, 0);
		found = look_at(root, s, folder, word);
		best = found > best ? found : best;
	}
	return best;
}

static void check(const struct commands_root *root, const struct service *s, const char *what,
                  struct slice word)
{
	enum found found = find(root, s, word);
	bool is_path = memchr(word.p, '/', word.len) != NULL;

	if (found == NOWHERE)
		fail_warn("service '%.*s': %s '%.*s' is %s the image", SHOW(s->name), what,
		          SHOW(word), is_path ? "not in" : "in no folder of its PATH in");
	else if (found == NO_PROGRAM)
		fail_warn("service '%.*s': %s '%.*s' is in the image, but is no executable file",
		          SHOW(s->name), what, SHOW(word));
}

void commands_check(const struct plan *p, const struct commands_root *root)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct service *s = &p->service[i].service;

		check(root, s, "its command", s->argv[0]);
		if (s->probec > 0)
			check(root, s, "the command of its ready: exec", s->probe[0]);
	}
}
