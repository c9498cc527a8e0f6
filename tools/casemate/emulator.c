#include "tools/casemate/emulator.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/child.h"
#include "tools/casemate/text.h"

/* Any number from 3 on: each enclave has a vsock device of its own. */
#define GUEST_CID "4"

static bool choose_dir(struct emulator *em)
{
	const char *dir = getenv("CASEMATE_EMULATOR"), *cache = getenv("CASEMATE_CACHE");
	const char *home = getenv("HOME");
	int n = 0;

	if (dir != NULL && *dir != '\0')
		n = snprintf(em->dir, sizeof em->dir, "%s", dir);
	else if (cache != NULL && *cache != '\0')
		n = snprintf(em->dir, sizeof em->dir, "%s/emulator", cache);
	else if (home != NULL && *home != '\0')
		n = snprintf(em->dir, sizeof em->dir, "%s/.cache/casemate/emulator", home);
	if (n > 0 && n < (int)sizeof em->dir)
		return true;
	say("where is the emulator? Set CASEMATE_EMULATOR to the folder with "
	    "qemu-system-x86_64 and vhost-device-vsock");
	return false;
}

static bool find_program(const struct emulator *em, const char *name, char path[PATH_MAX])
{
	char *real;

	snprintf(path, PATH_MAX, "%s/%s", em->dir, name);
	/* The programs run in another working directory. */
	real = realpath(path, NULL);
	if (real != NULL)
		snprintf(path, PATH_MAX, "%s", real);
	free(real);
	if (access(path, X_OK) == 0)
		return true;
	say("the emulator's %s cannot be used (%s: %m): ./build.sh build makes it, or set "
	    "CASEMATE_EMULATOR to the folder it is in",
	    name, path);
	return false;
}

/* /dev/kvm alone does not mean that a guest would run: nested machines offer
 * it without the CPU's support. */
static bool have_kvm(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool flag = false;
	int fd;

	while (f != NULL && !flag && fgets(line, sizeof line, f) != NULL)
		flag = strncmp(line, "flags", 5) == 0 &&
		       (strstr(line, " vmx") != NULL || strstr(line, " svm") != NULL);
	if (f != NULL)
		fclose(f);
	fd = flag ? open("/dev/kvm", O_RDWR | O_CLOEXEC) : -1;
	flag = fd >= 0;
	io_close(&fd);
	return flag;
}

bool emulator_find(struct emulator *em)
{
	char *real;

	if (!choose_dir(em))
		return false;
	if (!find_program(em, "qemu-system-x86_64", em->qemu) ||
	    !find_program(em, "vhost-device-vsock", em->vhost))
		return false;
	real = realpath(em->dir, NULL);
	if (real != NULL && strlen(real) < sizeof em->dir)
		memcpy(em->dir, real, strlen(real) + 1);
	free(real);
	em->kvm = have_kvm();
	return true;
}

pid_t emulator_start_vhost(const struct emulator *em, const char *dir, int err)
{
	struct child c = child_of(em->vhost);

	c.dir = dir;
	c.out = err;
	c.err = err;
	c.die_with_us = true;
	child_arg(&c, "--vm");
	/* Relative names: a comma in dir would be taken for the next option. */
	child_arg(&c, "guest-cid=" GUEST_CID ",socket=" EMULATOR_VHOST_SOCKET
	              ",uds-path=" STATE_VM_SOCKET);
	return child_start(&c);
}

pid_t emulator_start_vm(const struct emulator *em, const struct enclave *e, const char *dir,
                        int vhost, int out)
{
	struct child c = child_of(em->qemu);
	char machine[STATE_NAME_MAX + 40], memory[16], cpus[16];
	/* An option and its value belong together. */
	/* clang-format off */
	const char *const args[] = {
		"-L", em->dir, "-M", machine, "-kernel", e->image, "-m", memory, "-smp", cpus,
		"-accel", em->kvm ? "kvm" : "tcg,thread=multi",
		/* A kernel that sees fast string moves copies byte by byte, which
		 * is what TCG is slowest at: several times slower than by words. */
		"-cpu", em->kvm ? "host" : "max,-erms,-fsrm",
		"-chardev", "socket,id=c,fd=3", "-display", "none", "-serial", "stdio",
		"-monitor", "none", "-no-reboot",
		/* QEMU's security module gives up for good when it looks at its
		 * queue while the guest has put down a request and not yet the
		 * answer's buffer. It looks at the right time when the guest's
		 * call reaches it directly. */
		"-global", "virtio-mmio.ioeventfd=off",
	};
	/* clang-format on */

	snprintf(machine, sizeof machine, "nitro-enclave,vsock=c,id=%s", e->name);
	snprintf(memory, sizeof memory, "%uM", (unsigned)e->memory_mib);
	snprintf(cpus, sizeof cpus, "%u", (unsigned)e->cpus);
	c.dir = dir;
	c.out = out;
	c.err = out;
	c.extra = vhost;
	c.die_with_us = true;
	for (size_t i = 0; i < sizeof args / sizeof args[0]; i++)
		child_arg(&c, args[i]);
	return child_start(&c);
}
