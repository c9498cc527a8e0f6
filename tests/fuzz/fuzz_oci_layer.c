/* Two layers from one input, at a line of "--" if it has one, taken apart and merged
 * as an image's: the tree that comes out has only paths that stay within it and the
 * limits, and nothing of it is left when it is freed. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/oci_layer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static const struct oci_limits limits = { 2000, 1 << 20, 1 << 22 };

static void check_tree(const struct oci_tree *t)
{
	char path[PATH_MAX];
	size_t n = 0;

	for (struct oci_name *x = oci_tree_next(t, NULL); x != NULL; x = oci_tree_next(t, x), n++) {
		must(x->path_len < PATH_MAX);
		oci_tree_path(x, path);
		must(strlen(path) == x->path_len || x->parent == NULL);
		must(strlen(x->label) <= NAME_MAX && strchr(x->label, '/') == NULL);
		must(strcmp(x->label, ".") != 0 && strcmp(x->label, "..") != 0);
		must(strncmp(x->label, ".wh.", 4) != 0);
		must((x->parent == NULL) == (*x->label == '\0'));
		must(x->node->kind <= OCI_FIFO && !x->node->held);
		must(x->node->kind == OCI_FOLDER || x->node->children == NULL);
		must(x->node->kind != OCI_FOLDER || x->node->names->twin_next == NULL);
		must((x->node->kind == OCI_SYMLINK) == (x->node->target != NULL));
	}
	must(n == t->names && n <= limits.names && t->bytes <= limits.bytes);
	for (const struct oci_node *f = t->first_file; f != NULL; f = f->next)
		must(f->kind == OCI_FILE && f->names != NULL &&
		     (f->next == NULL || f->next->layer > f->layer ||
		      f->next->ordinal > f->ordinal));
}

/* Everything that fits is read, as packing does. */
static void read_content(struct oci_layer *l, const struct oci_entry *e)
{
	static uint8_t block[4096];
	uint64_t total = 0;
	size_t n = 1;

	while (n > 0 && oci_layer_data(l, block, sizeof block, &n) == RC_OK)
		total += n;
	must(total <= e->size || e->kind != OCI_FILE);
}

static enum rc layer(struct oci_tree *t, unsigned number, struct slice bytes)
{
	static struct oci_layer l;
	static struct oci_layer_ref ref = { .label = "layer", .media = OCI_MEDIA_TAR_ANY };
	struct oci_source source = { .path = "fuzz", .folder = true, .fd = -1 };
	int fd = memfd_create("layer", 0);
	uint64_t budget = limits.size;
	char path[64], why[OCI_WHY_MAX] = "";
	struct oci_entry e;
	enum rc rc;

	must(fd >= 0 && io_write_full(fd, bytes.p, bytes.len) == RC_OK);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ref.file = path;
	rc = oci_layer_open(&l, &source, &ref, &budget);
	while (rc == RC_OK && (rc = oci_layer_next(&l, &e)) == RC_OK) {
		rc = oci_merge(t, number, l.ordinal, &e, why);
		must((rc == RC_OK) == (why[0] == '\0'));
		if (rc == RC_OK)
			read_content(&l, &e);
	}
	oci_layer_close(&l);
	close(fd);
	must(rc != RC_OK);
	/* No diff_id can fit: all of it was read then. */
	return why[0] == '\0' && rc == RC_MISMATCH ? RC_OK : rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = memmem(data, size, "\n--\n", 4);
	size_t first = cut ? (size_t)(cut - data) : size;
	static FILE *nowhere;
	struct oci_tree t;
	enum rc rc;

	/* What is said of each input would be most of the work. */
	if (nowhere == NULL)
		stderr = nowhere = fopen("/dev/null", "w");
	must(oci_tree_init(&t, &limits) == RC_OK);
	rc = layer(&t, 0, slice_of(data, first));
	if (rc == RC_OK && cut != NULL)
		rc = layer(&t, 1, slice_of(cut + 4, size - first - 4));
	if (rc == RC_OK)
		check_tree(&t);
	oci_tree_free(&t);
	must(t.names == 0 && t.bytes == 0 && t.first_file == NULL && t.last_file == NULL);
	return 0;
}
