/* What layers do to the files of an image: cases of entries, layer by layer, and
 * what is left of them, or why they are refused. */
#include <limits.h>
#include <stdlib.h>

#include "tests/unit/test.h"
#include "tools/image/oci_merge.h"

static const struct oci_limits wide = { 1000, 1 << 20, 1 << 20 };

/* An entry in a line: "f NAME", "d NAME", "l NAME TARGET", "h NAME TARGET", "p NAME",
 * "c NAME", "s NAME", "-" for the next layer. A file's size is 7 and its owner the
 * number of its layer, so that one can see where it is from. */
static enum rc apply(struct oci_tree *t, unsigned *layer, uint32_t *ordinal, const char *line,
                     char why[OCI_WHY_MAX])
{
	static const char kinds[] = {
		[OCI_FILE] = 'f',     [OCI_FOLDER] = 'd', [OCI_SYMLINK] = 'l', [OCI_FIFO] = 'p',
		[OCI_HARDLINK] = 'h', [OCI_DEVICE] = 'c', [OCI_SOCKET] = 's'
	};
	char text[8192], *link;
	struct oci_entry e = { .mode = 0640, .size = 7, .mtime_s = 5 };

	if (*line == '-') {
		++*layer;
		*ordinal = 0;
		return RC_OK;
	}
	while (kinds[e.kind] != *line)
		e.kind++;
	snprintf(text, sizeof text, "%s", line + 2);
	link = strchr(text, ' ');
	if (link != NULL)
		*link++ = '\0';
	e.name = text;
	e.link = link;
	e.uid = *layer;
	return oci_merge(t, *layer, (*ordinal)++, &e, why);
}

/* Sorted lines "path:kind:uid[:target]", hard links with "=N", N names. */
static int by_path(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t n = strcspn(x, ":"), m = strcspn(y, ":");
	int order = memcmp(x, y, n < m ? n : m);

	return order != 0 ? order : (n > m) - (n < m);
}

static void list(const struct oci_tree *t, char *out, size_t max)
{
	static char lines[64][3 * PATH_MAX];
	char *sorted[64] = { 0 }, path[PATH_MAX];
	size_t n = 0, at = 0;

	for (struct oci_name *x = oci_tree_next(t, NULL); x != NULL && n < 64;
	     x = oci_tree_next(t, x)) {
		char more[16] = "";
		int twins = 0;

		for (struct oci_name *y = x->node->names; y != NULL; y = y->twin_next)
			twins++;
		if (twins > 1)
			snprintf(more, sizeof more, "=%d", twins);
		oci_tree_path(x, path);
		snprintf(lines[n], sizeof lines[n], "%s:%c:%u%s%s%s", path, "fdlp"[x->node->kind],
		         x -> node -> uid, x -> node -> target ? ":" : "",
		         x->node->target ? x->node->target : "", more);
		sorted[n] = lines[n];
		n++;
	}
	qsort(sorted, n, sizeof *sorted, by_path);
	*out = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, max - at, "%s%s", i ? " " : "", sorted[i]);
}

/* Lines until one is refused; true when none was. */
static bool run(struct oci_tree *t, const struct oci_limits *limits, const char *const *lines,
                char why[OCI_WHY_MAX])
{
	unsigned layer = 0;
	uint32_t ordinal = 0;

	if (oci_tree_init(t, limits) != RC_OK)
		abort();
	for (; *lines != NULL; lines++)
		if (apply(t, &layer, &ordinal, *lines, why) != RC_OK)
			return false;
	return true;
}

static void gone(struct oci_tree *t)
{
	oci_tree_free(t);
	CHECK(t->names == 0);
	CHECK(t->bytes == 0);
	CHECK(t->first_file == NULL && t->last_file == NULL);
}

static const struct {
	const char *name, *left;
	const char *lines[12];
} cases[] = {
	{ "plain", ".:d:0 a:d:0 a/b:f:0", { "d a", "f a/b" } },
	{ "parents are made", ".:d:0 a:d:0 a/b:d:0 a/b/c:f:1", { "-", "f a/b/c" } },
	{ "dots and slashes", ".:d:0 a:d:0 a/b:f:0", { "d ./a/", "f .//a/./b" } },
	{ "root is an entry", ".:d:1", { "-", "d ./" } },
	{ "root as umoci says", ".:d:1", { "-", "d /" } },
	{ "last wins", ".:d:0 a:l:0:x", { "f a", "l a x" } },
	{ "a folder keeps what is in it", ".:d:0 a:d:1 a/b:f:0", { "d a", "f a/b", "-", "d a" } },
	{ "a file replaces a folder",
	  ".:d:0 a:f:1",
	  { "d a", "f a/b", "d a/c", "f a/c/d", "-", "f a" } },
	{ "a folder replaces a file", ".:d:0 a:d:1 a/b:f:1", { "f a", "-", "d a", "f a/b" } },
	{ "a folder replaces a link", ".:d:0 a:d:1 t:d:0", { "d t", "l a t", "-", "d a" } },
	{ "fifo", ".:d:0 a:p:0", { "p a" } },

	{ "whiteout", ".:d:0 b:f:0", { "f a", "f b", "-", "f .wh.a" } },
	{ "whiteout of a folder",
	  ".:d:0 b:f:0",
	  { "d a", "d a/c", "f a/c/d", "f b", "-", "f .wh.a" } },
	{ "whiteout of nothing",
	  ".:d:0 b:f:0",
	  { "f b", "-", "f .wh.a", "f no/.wh.a", "f b/.wh.a" } },
	{ "whiteout before what replaces", ".:d:0 a:f:1", { "f a", "-", "f .wh.a", "f a" } },
	{ "whiteout after what replaces", ".:d:0 a:f:1", { "f a", "-", "f a", "f .wh.a" } },
	{ "whiteout hides lower layers only",
	  ".:d:0 a:d:1 a/new:f:1",
	  { "d a", "f a/old", "-", "d a", "f a/new", "f .wh.a" } },
	{ "whiteout keeps a made parent",
	  ".:d:0 a:d:0 a/new:f:1",
	  { "d a", "f a/old", "-", "f a/new", "f .wh.a" } },
	{ "whiteout of one hard link", ".:d:0 b:f:0", { "f a", "h b a", "-", "f .wh.a" } },
	{ "whiteout in the first layer", ".:d:0 a:f:0", { "f a", "f .wh.a" } },
	{ "whiteout through a link",
	  ".:d:0 l:l:0:t t:d:0",
	  { "d t", "f t/a", "l l t", "-", "f l/.wh.a" } },
	{ "a whiteout's end like a whiteout", ".:d:0", { "f x.wh.y", "-", "f .wh.x.wh.y" } },

	{ "opaque",
	  ".:d:0 a:d:1 a/new:f:1",
	  { "d a", "f a/old", "d a/d", "f a/d/x", "-", "d a", "f a/.wh..wh..opq", "f a/new" } },
	{ "opaque comes last",
	  ".:d:0 a:d:1 a/new:f:1",
	  { "d a", "f a/old", "-", "d a", "f a/new", "f a/.wh..wh..opq" } },
	{ "opaque root", ".:d:0 b:f:1", { "f a", "d c", "-", "f .wh..wh..opq", "f b" } },
	{ "opaque again and again",
	  ".:d:0 a:d:2 a/z:f:2",
	  { "f a/x", "-", "f a/.wh..wh..opq", "f a/y", "f a/.wh..wh..opq", "f .wh.a", "-", "d a",
	    "f a/.wh..wh..opq", "f a/z", "f a/.wh..wh..opq" } },
	{ "opaque of nothing", ".:d:0", { "f a/.wh..wh..opq" } },
	{ "opaque twice",
	  ".:d:0 a:d:0 a/z:f:2",
	  { "d a", "f a/x", "-", "f a/y", "f a/.wh..wh..opq", "-", "f a/.wh..wh..opq", "f a/z" } },

	{ "hard link", ".:d:0 a:f:0=2 b:f:0=2", { "f a", "h b a" } },
	{ "hard link across layers",
	  ".:d:0 a:f:0=2 d:d:1 d/b:f:0=2",
	  { "f a", "-", "d d", "h d/b ./a" } },
	{ "hard link, absolute", ".:d:0 a:f:0=2 b:f:0=2", { "f a", "h b /a" } },
	{ "hard link, and its target replaced",
	  ".:d:0 a:f:1 b:f:0",
	  { "f a", "h b a", "-", "f a" } },
	{ "hard link to itself", ".:d:0 a:f:0", { "f a", "h a a" } },
	{ "hard link over its target's folder", ".:d:0 d:f:0", { "d d", "f d/a", "h d d/a" } },
	{ "hard link to a symbolic one", ".:d:0 a:l:0:x=2 b:l:0:x=2", { "l a x", "h b a" } },
	{ "hard link through a link",
	  ".:d:0 b:f:0=2 l:l:0:t t:d:0 t/a:f:0=2",
	  { "d t", "f t/a", "l l t", "h b l/a" } },
	{ "hard link again", ".:d:0 a:f:0=2 b:f:0=2", { "f a", "f b", "h b a", "h b a" } },

	{ "through a link",
	  ".:d:0 lib:l:0:usr/lib usr:d:0 usr/lib:d:0 usr/lib/x:f:1",
	  { "d usr", "d usr/lib", "l lib usr/lib", "-", "f lib/x" } },
	{ "through a link of the root's",
	  ".:d:0 a:d:0 a/l:l:0:/b b:d:0 b/x:f:0",
	  { "d a", "d b", "l a/l /b", "f a/l/x" } },
	{ "a link that climbs stays in",
	  ".:d:0 a:l:0:../../../etc etc:d:0 etc/x:f:1",
	  { "l a ../../../etc", "-", "f a/x" } },
	{ "a link to where nothing is",
	  ".:d:0 a:l:0:n/m n:d:0 n/m:d:0 n/m/x:f:0",
	  { "l a n/m", "f a/x" } },
	{ "links in a row", ".:d:0 a:l:0:b b:l:0:c c:d:0 c/x:f:0", { "l a b", "l b c", "f a/x" } },
	{ "the last is not followed", ".:d:0 a:f:1 t:f:0", { "f t", "l a t", "-", "f a" } },
};

static void applied(void)
{
	static char left[65536];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char why[OCI_WHY_MAX] = "";
		struct oci_tree t;

		if (!CHECK(run(&t, &wide, cases[i].lines, why)))
			printf("  %s: %s\n", cases[i].name, why);
		CHECK(*why == '\0');
		list(&t, left, sizeof left);
		if (!CHECK(strcmp(left, cases[i].left) == 0))
			printf("  %s: is %s\n", cases[i].name, left);
		gone(&t);
	}
}

static const struct {
	const char *reason;
	const char *lines[8];
} refusals[] = {
	{ "its name is absolute", { "f /etc/x" } },
	{ "'..' in its name", { "f a/../b" } },
	{ "'..' in its name", { "f .." } },
	{ "its name is empty", { "f " } },
	{ "is a device, or of no known kind", { "c dev/null" } },
	{ "is a socket", { "s run/s" } },
	{ "the root is not a folder", { "f ./" } },
	{ "the root is not a folder", { "l . x" } },
	{ "a folder's name begins with '.wh.'", { "f .wh.a/b" } },
	{ "a whiteout of no name", { "f .wh." } },
	{ "a whiteout of no name", { "f .wh..." } },
	{ "a whiteout of no name", { "f .wh..wh.plnk" } },
	{ "a whiteout must be a file", { "d .wh.a" } },
	{ "is a hard link to 'a', which is not there", { "h b a" } },
	{ "is a hard link to 'n/a', which is not there", { "h b n/a" } },
	{ "is a hard link to 'a', which is not there", { "f a", "-", "f .wh.a", "h b a" } },
	{ "is a hard link to a folder", { "d a", "h b a" } },
	{ "is a hard link to a folder", { "h b /" } },
	{ "its target is no name within the image", { "f a", "h b ../a" } },
	{ "its target is empty or longer than 4095 bytes", { "l a " } },
	{ "'a' in its path is not a folder", { "f a", "f a/b" } },
	{ "'p' in its path is not a folder", { "p p", "-", "d p/b" } },
	{ "too many symbolic links in its path", { "l a b", "l b a", "f a/x" } },
	{ "too many symbolic links in its path", { "l a a/a", "f a/x" } },
};

static void refused(void)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		char why[OCI_WHY_MAX] = "";
		struct oci_tree t;

		CHECK(!run(&t, &wide, refusals[i].lines, why));
		if (!CHECK(strcmp(why, refusals[i].reason) == 0))
			printf("  is '%s', not '%s'\n", why, refusals[i].reason);
		gone(&t);
	}
}

static bool one(struct oci_tree *t, const struct oci_entry *e, const char *reason)
{
	char why[OCI_WHY_MAX] = "";
	enum rc rc = oci_merge(t, 0, 0, e, why);

	if (strcmp(why, reason) != 0)
		printf("  is '%s', not '%s'\n", why, reason);
	return (rc == RC_OK) == (*reason == '\0') && strcmp(why, reason) == 0;
}

/* What an entry says but for its name. */
static void metadata(void)
{
	static const char value[] = { 'a', '\0', '\n', '=' };
	struct oci_entry e = { .name = "f",
		               .mode = 0107755,
		               .uid = 4294967294,
		               .gid = 7,
		               .mtime_s = -5,
		               .mtime_ns = 3,
		               .size = 9,
		               .xattrs = 3 };
	struct oci_tree t;
	struct oci_node *n;

	if (oci_tree_init(&t, &wide) != RC_OK)
		abort();
	e.xattr[0] = (struct oci_xattr){ "user.a", slice_of(value, sizeof value) };
	e.xattr[1] = (struct oci_xattr){ "security.selinux", slice_str("x") };
	e.xattr[2] = (struct oci_xattr){ "security.capability", slice_of(NULL, 0) };
	CHECK(one(&t, &e, ""));
	n = oci_tree_find(&t, "/f");
	CHECK(n != NULL && n->mode == 07755 && n->uid == 4294967294 && n->gid == 7);
	CHECK(n->mtime_s == 0 && n->mtime_ns == 0 && n->size == 9);
	CHECK(n->xattrs == 2 && slice_eq(n->xattr[0].value, slice_of(value, sizeof value)));
	CHECK(strcmp(n->xattr[1].name, "security.capability") == 0 && n->xattr[1].value.len == 0);
	CHECK(t.xattrs_left_out == 1 && strcmp(t.first_left_out, "security.selinux of f") == 0);

	e.uid = 4294967295;
	CHECK(one(&t, &e, "its owner is no number of 32 bits"));
	e.uid = -1;
	CHECK(one(&t, &e, "its owner is no number of 32 bits"));
	e.uid = 0;
	e.acl = true;
	CHECK(one(&t, &e, "has a POSIX ACL, which the enclave's kernel does not know"));
	e.acl = false;
	e.xattr[0].name = "system.posix_acl_access";
	CHECK(one(&t, &e, "has a POSIX ACL, which the enclave's kernel does not know"));
	e.xattr[0].name = "user.a=b";
	CHECK(one(&t, &e, "an attribute's name is too long or has a '='"));
	e.xattr[0].name = "user.a";
	e.xattr[0].value.len = 65535;
	e.xattr[2].value.len = 1;
	CHECK(one(&t, &e, "has more than 64 KiB of attributes"));
	gone(&t);
}

static void find(void)
{
	static const char *const lines[] = { "d etc",          "f etc/passwd",
		                             "l p etc/passwd", "l q ./p",
		                             "l etc/r ../q",   "l x x",
		                             "l y nowhere",    NULL };
	static const char *const found[] = { "/etc/passwd", "etc/passwd", "p", "/q", "/etc/r" };
	static const char *const not [] = { "/etc/group", "x", "y",
		                            "/no/passwd", "",  "/etc/passwd/z" };
	char why[OCI_WHY_MAX];
	struct oci_tree t;

	CHECK(run(&t, &wide, lines, why));
	for (size_t i = 0; i < sizeof found / sizeof *found; i++)
		CHECK(oci_tree_find(&t, found[i]) == t.first_file);
	for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
		CHECK(oci_tree_find(&t, not [i]) == NULL);
	gone(&t);
}

/* Every limit is reached and not passed. */
static void limits(void)
{
	static const char *const three[] = { "f a", "f b", "f c", NULL };
	struct oci_limits few = { 3, 1 << 20, 1 << 20 }, little = { 100, 600, 1 << 20 };
	struct oci_limits small = { 100, 1 << 20, 20 };
	char why[OCI_WHY_MAX], line[6000];
	struct oci_tree t;

	CHECK(!run(&t, &few, three, why) && strcmp(why, "the image has too many files") == 0);
	gone(&t);
	few.names = 4;
	CHECK(run(&t, &few, three, why));
	gone(&t);
	CHECK(!run(&t, &little, three, why) &&
	      strcmp(why, "the image's names take too much memory") == 0);
	gone(&t);
	CHECK(!run(&t, &small, three, why) &&
	      strcmp(why, "the image unpacks to more than --max-size") == 0);
	gone(&t);
	small.size = 21;
	CHECK(run(&t, &small, three, why));
	gone(&t);

	snprintf(line, sizeof line, "f %0255d", 0);
	CHECK(run(&t, &wide, (const char *const[]){ line, NULL }, why));
	gone(&t);
	snprintf(line, sizeof line, "f %0256d/x", 0);
	CHECK(!run(&t, &wide, (const char *const[]){ line, NULL }, why) &&
	      strcmp(why, "a name in its path is longer than 255 bytes") == 0);
	gone(&t);
	snprintf(line, sizeof line, "f %05000d", 0);
	CHECK(!run(&t, &wide, (const char *const[]){ line, NULL }, why) &&
	      strcmp(why, "its name is longer than 4095 bytes") == 0);
	gone(&t);
}

/* Links make short names of long paths; the path itself must not grow over the
 * limit, nor a link's name in it. */
static void long_paths(void)
{
	char why[OCI_WHY_MAX] = "", line[1024];
	unsigned layer = 0, depth = 0;
	uint32_t ordinal = 0;
	struct oci_tree t;
	enum rc rc;

	if (oci_tree_init(&t, &wide) != RC_OK)
		abort();
	rc = apply(&t, &layer, &ordinal, "l l0 .", why);
	for (; rc == RC_OK && depth < 30; depth++) {
		snprintf(line, sizeof line, "d l%u/%0200d", depth, 0);
		rc = apply(&t, &layer, &ordinal, line, why);
		snprintf(line, sizeof line, "l l%u l%u/%0200d", depth + 1, depth, 0);
		if (rc == RC_OK)
			rc = apply(&t, &layer, &ordinal, line, why);
	}
	CHECK(rc == RC_LIMIT);
	CHECK(strcmp(why, "its path is longer than 4095 bytes") == 0);
	CHECK(depth == 21); /* 20 times 201 bytes fit, but for the first slash */
	gone(&t);

	/* A link whose target has a name that no folder can have. */
	if (oci_tree_init(&t, &wide) != RC_OK)
		abort();
	snprintf(line, sizeof line, "l a %0300d", 0);
	rc = apply(&t, &layer, &ordinal, line, why);
	CHECK(rc == RC_OK);
	rc = apply(&t, &layer, &ordinal, "f a/x", why);
	CHECK(rc == RC_BAD && strcmp(why, "a name in its path is longer than 255 bytes") == 0);
	gone(&t);
}

/* Where the content of each file that is left comes from, in order. */
static void origins(void)
{
	static const char *const lines[] = {
		"f a", "f b", "f a", "-", "f c", "f b", "h d c", NULL
	};
	static const unsigned want[][2] = { { 0, 2 }, { 1, 0 }, { 1, 1 } };
	char why[OCI_WHY_MAX];
	struct oci_tree t;
	size_t i = 0;

	CHECK(run(&t, &wide, lines, why));
	for (struct oci_node *n = t.first_file; n != NULL; n = n->next, i++)
		CHECK(i < 3 && n->layer == want[i][0] && n->ordinal == want[i][1]);
	CHECK(i == 3);
	gone(&t);
}

int main(void)
{
	applied();
	refused();
	metadata();
	find();
	limits();
	long_paths();
	origins();
	return test_end();
}
