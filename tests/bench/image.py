"""The part `image`: what making an image costs, and what its content costs the enclave.

The content is 200 MiB of this machine's own programs and libraries, as files of real
images compress. README.md says what it is compared with."""
import io
import json
import os
import shutil
import statistics
import subprocess
import tarfile
import threading
import time

from common import BUILD, IMAGE, MIB, Enclave, make_image, row, run

SIZE = 200 * MIB
MEMORY = 1024  # MiB: the plain ramdisk is there twice while it is unpacked

# Stands in front of mkfs.erofs and keeps what the kernel counted for it.
PACKER = """#!/usr/bin/python3
import json, os, sys, time
begin = time.monotonic()
pid = os.fork()
if pid == 0:
    os.execv({real!r}, ["mkfs.erofs", *sys.argv[1:]])
_, status, usage = os.wait4(pid, 0)
with open({out!r}, "w") as f:
    json.dump([time.monotonic() - begin, usage.ru_maxrss], f)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def make_content(folder):
    """A root of SIZE bytes: busybox, and files of /usr/lib in the order of their names."""
    left = SIZE
    for here, folders, names in os.walk("/usr/lib"):
        folders.sort()
        for name in sorted(names):
            path = f"{here}/{name}"
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            size = os.path.getsize(path)
            if 0 < size <= left:
                to = f"{folder}/content{here}"
                os.makedirs(to, exist_ok=True)
                shutil.copyfile(path, f"{to}/{name}")
                left -= size
            if left < MIB:
                return
    raise SystemExit(f"bench: /usr/lib holds less than {SIZE // MIB} MiB")


def docker_save(folder, out):
    """The same root as the archive that docker save writes: one layer."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": []}})
    layer = f"{out}.layer"
    with tarfile.open(layer, "w") as t:
        t.add(folder, ".")
    digest = run("sha256sum", layer).split()[0]
    config = config.replace("[]", f'["sha256:{digest}"]').encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["it:1"],
                            "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(out, "w") as t:
        for name, data in (("manifest.json", manifest), ("config.json", config)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
        t.add(layer, "layer.tar")
    os.remove(layer)


def peak_kib(pid, result):
    """The most that a process had of its own, as often as we look; and the last VmHWM,
    a maximum with the files that it maps, which the kernel can take away again."""
    try:
        while True:
            with open(f"/proc/{pid}/status") as f:
                kib = dict(line.split()[:2] for line in f if line.endswith("kB\n"))
            if "VmHWM:" not in kib:
                break
            result[0] = max(result[0], int(kib["RssAnon:"]))
            result[1] = int(kib["VmHWM:"])
            time.sleep(0.002)
    except (FileNotFoundError, ProcessLookupError):
        pass


def build(work, source):
    """One build: seconds, those of the packer in it, KiB at the peak: its own, with the
    files that it maps, the packer's."""
    packed, peak = f"{work}/packed.json", [0, 0]
    begin = time.monotonic()
    child = subprocess.Popen([IMAGE, "build", "--from", source, "--channel", "open", "-o",
                              f"{work}/content.eif"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE,
                             env=dict(os.environ, CASEMATE_CACHE=f"{work}/cache"))
    watcher = threading.Thread(target=peak_kib, args=(child.pid, peak))
    watcher.start()
    said = child.stderr.read()
    # Not reaped yet, so that the watcher cannot look at another process.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    took = time.monotonic() - begin
    watcher.join()
    if child.wait() != 0:
        raise SystemExit(f"bench: casemate-image: {said.decode(errors='replace').strip()}")
    seconds, packer_peak = json.load(open(packed))
    return took, seconds, *peak, packer_peak


def builds(work, rounds, what, source):
    took, packer, own, mapped, theirs = (statistics.median(v) for v in
                                  zip(*(build(work, source) for _ in range(rounds))))
    row(f"image of 200 MiB, {what}", took, "s", packer, took / packer)
    row(f"its peak memory, {what}", own / 1024, "MiB")
    row(f"with mapped files, {what}", mapped / 1024, "MiB")
    row(f"mkfs.erofs's peak, {what}", theirs / 1024, "MiB")


def used_mib(image):
    """What nobody else could have. Pages that were freed lie in each processor's own
    list, tens of MiB of them, and the kernel does not count them as available."""
    with Enclave(image, MEMORY) as e:
        said = e.sh("cat /proc/meminfo; grep ' count:' /proc/zoneinfo").splitlines()
    pages = sum(int(line.split()[1]) for line in said if line.split()[0] == "count:")
    kib = {line.split()[0]: int(line.split()[1]) for line in said if line.endswith("kB")}
    return (kib["MemTotal:"] - kib["MemAvailable:"] - 4 * pages) / 1024


def as_plain_ramdisk(work, small, content):
    """The image `small` with the content as a further ramdisk, a plain cpio archive."""
    run(IMAGE, "eif", "extract", small, f"{work}/parts")
    archive, out = f"{work}/plain.cpio", f"{work}/plain.eif"
    with open(archive, "wb") as f:
        names = subprocess.Popen(["find", "content", "-print0"], cwd=content,
                                 stdout=subprocess.PIPE)
        run("cpio", "-o", "-H", "newc", "-0", "--quiet", cwd=content, stdin=names.stdout,
            stdout=f)
        names.wait()
    run(IMAGE, "eif", "build", "--kernel", f"{BUILD}/bzImage", "--cmdline",
        open(f"{BUILD}/cmdline").read().strip(), "--ramdisk", f"{work}/parts/ramdisk0",
        "--ramdisk", f"{work}/parts/ramdisk1", "--ramdisk", archive, "-o", out)
    return out


def image(work, rounds):
    content, cache = f"{work}/given", f"{work}/cache/tools"
    real = os.environ.get("CASEMATE_CACHE", os.path.expanduser("~/.cache/casemate"))
    small = make_image(work)
    shutil.copytree(f"{work}/root", content, symlinks=True)
    make_content(content)
    os.makedirs(cache)
    with open(f"{cache}/mkfs.erofs", "w") as f:
        f.write(PACKER.format(real=f"{real}/tools/mkfs.erofs", out=f"{work}/packed.json"))
    os.chmod(f"{cache}/mkfs.erofs", 0o755)
    docker_save(content, f"{work}/saved.tar")
    builds(work, rounds, "docker save", f"{work}/saved.tar")
    builds(work, rounds, "folder", content)
    row("its EIF", os.path.getsize(f"{work}/content.eif") / MIB, "MiB")
    without = used_mib(small)
    ours = used_mib(f"{work}/content.eif") - without
    plain = used_mib(as_plain_ramdisk(work, small, content)) - without
    row("memory for 200 MiB of content", ours, "MiB", plain, ours / plain)
