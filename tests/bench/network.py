"""The part `network`: what the app's network keeps of the raw vsock.

All ends outside are `load serve` in a network namespace of the bench's own, beside
the gateway, and all load is `load` in the guest. Ways take turns in each round; a
ratio is the median of the rounds' ratios. README.md has the references."""
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

from common import BUILD, IMAGE, MIB, TOOL, Enclave, row, run

HOST, PORT, RAW_PORT, AGENT_PORT, GVPROXY_PORT = "192.0.2.1", 5000, 5001, 7000, 1024
MEMORY = 256
LOAD = f"{BUILD}/bench/load"
TCP, VSOCK = f"tcp:{HOST}:{PORT}", f"vsock:2:{RAW_PORT}"
EMULATOR = os.path.join(os.environ.get("CASEMATE_CACHE", os.path.expanduser("~/.cache/casemate")),
                        "emulator")
WAIT_S = 120  # no answer as long: it is broken

MANIFEST = """channel: open
network:
  egress: [any]
services:
  idle:
    command: [/bin/sh, -c, "while :; do sleep 1000; done"]
"""

# The whole of the reference's guest. Its kernel has no AF_PACKET, which DHCP needs, so
# that what the forwarder calls as udhcpc configures the device as the server would.
INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
ip link set lo up
rm /bin/udhcpc
cat >/bin/udhcpc <<'EOF'
#!/bin/sh
ip addr add 192.168.127.2/24 dev tap0
ip route add default via 192.168.127.1
EOF
chmod 755 /bin/udhcpc
gvforwarder -url vsock://2:{GVPROXY_PORT}/connect >/dev/console 2>&1 &
exec load agent vsock:4294967295:{AGENT_PORT}
"""
CMDLINE = ("reboot=t panic=5 console=ttyS0 loglevel=5 rootfstype=ramfs tsc=reliable "
           "no_timer_check random.trust_cpu=on rdinit=/init")


def eventually(what, probe):
    end = time.monotonic() + WAIT_S
    while not probe():
        if time.monotonic() > end:
            raise SystemExit(f"bench: {what}: not within {WAIT_S} seconds")
        time.sleep(0.1)


def ended(process):
    process.terminate()
    process.wait()


@contextlib.contextmanager
def started(log, *argv, cwd=None):
    with open(log, "ab") as out:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd)
    try:
        yield p
    finally:
        ended(p)


@contextlib.contextmanager
def namespaces():
    """Two, joined: of the gateways and of the servers beyond; how to run something there."""
    near, far = (f"casemate-bench-{os.getpid()}-{end}" for end in ("near", "far"))
    with contextlib.ExitStack() as stack:
        for name in (near, far):
            run("ip", "netns", "add", name)
            stack.callback(run, "ip", "netns", "del", name)
        run("ip", "-n", near, "link", "add", "out", "type", "veth", "peer", "in", "netns", far)
        for name, words in ((near, "addr add 192.0.2.2/24 dev out"), (near, "link set out up"),
                            (near, "link set lo up"), (far, f"addr add {HOST}/24 dev in"),
                            (far, "link set in up")):
            run("ip", "-n", name, *words.split())
        yield ["ip", "netns", "exec", near], ["ip", "netns", "exec", far]


def network_image(work):
    root, manifest, out = f"{work}/netroot", f"{work}/net.yaml", f"{work}/net.eif"
    os.makedirs(f"{root}/bin")
    shutil.copy("/bin/busybox", f"{root}/bin/busybox")
    for applet in "sh grep sleep".split():
        os.symlink("busybox", f"{root}/bin/{applet}")
    shutil.copy(LOAD, f"{root}/bin/load")
    with open(manifest, "w") as f:
        f.write(MANIFEST)
    run(IMAGE, "build", "--from", root, "--manifest", manifest, "-o", out)
    return out


def gvproxy_image(work, forwarder):
    root, archive, out = f"{work}/gvroot", f"{work}/gv.cpio", f"{work}/gv.eif"
    for d in "bin dev proc sys tmp".split():
        os.makedirs(f"{root}/{d}")
    for name, source in (("busybox", "/bin/busybox"), ("load", LOAD), ("gvforwarder", forwarder)):
        shutil.copy(source, f"{root}/bin/{name}")
    os.symlink("busybox", f"{root}/bin/sh")
    with open(f"{root}/init", "w") as f:
        f.write(INIT)
    os.chmod(f"{root}/init", 0o755)
    with open(archive, "wb") as f:
        names = subprocess.Popen(["find", ".", "-mindepth", "1", "-print0"], cwd=root,
                                 stdout=subprocess.PIPE)
        run("cpio", "-o", "-H", "newc", "-0", "--quiet", cwd=root, stdin=names.stdout, stdout=f)
        names.wait()
    run(IMAGE, "eif", "build", "--kernel", f"{BUILD}/bzImage", "--cmdline", CMDLINE,
        "--ramdisk", archive, "-o", out)
    return out


# --- guests ------------------------------------------------------------------------------

def children_in(folder):
    """The emulator's processes of the enclave whose state is there: name to number."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/cwd") == folder:
                with open(f"/proc/{pid}/comm") as f:
                    found[f.read().strip()[:4]] = int(pid)
    return {"qemu": found["qemu"], "vhost": found["vhos"]}


def cpu_seconds(pid):
    """Of a process and its children, which TUN mode has."""
    total = 0
    for n in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{n}/stat") as f:
            ticks = f.read().rsplit(")", 1)[1].split()
            if int(n) == pid or int(ticks[1]) == pid:
                total += int(ticks[11]) + int(ticks[12])
    return total / os.sysconf("SC_CLK_TCK")


class Ours:
    """One way through the enclave; the last gateway that says hello has its packets."""

    def __init__(self, name, enclave, ns, work, end, gateway=None):
        self.name, self.e, self.ns, self.work, self.end = name, enclave, ns, work, end
        self.gateway, self.stack = gateway, contextlib.ExitStack()
        self.pids = children_in(os.path.dirname(enclave.socket))

    def __enter__(self):
        if self.gateway is not None:
            g = self.stack.enter_context(started(f"{self.work}/{self.name}.log", *self.ns, TOOL,
                                                 "gateway", *self.gateway, self.e.name))
            eventually(f"the gateway's {self.name}", self.answers)
            self.pids["gateway"] = g.pid
        return self

    def __exit__(self, *_):
        self.stack.close()
        self.pids.pop("gateway", None)

    def answers(self):
        return subprocess.run([TOOL, "exec", self.e.name, "--", "/bin/load", "echo", self.end,
                               "0"], stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL).returncode == 0

    def sh(self, script):
        return self.e.sh(script)


class Gvproxy:
    """The reference's guest. It stays up: its gateway is its own."""

    def __init__(self, work, ns, programs):
        self.name, self.end, self.pids, self.stack = "gvproxy", TCP, {}, contextlib.ExitStack()
        folder = f"{work}/gv"
        os.makedirs(folder)
        self.socket = f"{folder}/vm.sock"
        image = gvproxy_image(work, f"{programs}/gvforwarder")
        begin = lambda name, *argv: self.pids.__setitem__(name, self.stack.enter_context(
            started(f"{work}/{name}.log", *argv, cwd=folder)).pid)
        begin("vhost", f"{EMULATOR}/vhost-device-vsock", "--vm",
              "guest-cid=4,socket=vhost.sock,uds-path=vm.sock")
        begin("gateway", *ns, f"{programs}/gvproxy", "-listen",
              f"unix://{self.socket}_{GVPROXY_PORT}")
        eventually("gvproxy", lambda: os.path.exists(f"{folder}/vhost.sock") and
                   os.path.exists(f"{self.socket}_{GVPROXY_PORT}"))
        begin("qemu", f"{EMULATOR}/qemu-system-x86_64", "-L", f"{EMULATOR}/", "-M",
              "nitro-enclave,vsock=c,id=gv", "-kernel", image, "-m", f"{MEMORY}M", "-smp", "2",
              "-accel", "tcg,thread=multi", "-cpu", "max,-erms,-fsrm", "-chardev",
              "socket,id=c,path=vhost.sock", "-display", "none", "-serial", "stdio",
              "-monitor", "none", "-no-reboot", "-global", "virtio-mmio.ioeventfd=off")
        eventually("gvproxy's guest", lambda: " " in self.sh(f"load echo {TCP} 0.1"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def sh(self, script):
        with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
            s.settimeout(WAIT_S)
            s.connect(self.socket)
            s.sendall(f"CONNECT {AGENT_PORT}\n".encode())
            f = s.makefile("rb")
            if f.readline().startswith(b"OK"):
                s.sendall(script.replace("\n", "; ").encode() + b"\n")
                return f.read().decode()
        return ""


# --- measures -----------------------------------------------------------------------------

def numbers(way, script):
    """What load printed; None when it failed, which is said."""
    try:
        said = way.sh(script).split()
        return [float(word) for word in said]
    except (SystemExit, ValueError) as e:
        print(f"  {way.name}: '{script}' failed: {e}", file=sys.stderr)
        return None


def busy(text):
    """Seconds of both processors that were not idle, of two lines of /proc/stat."""
    lines = re.findall(r"^cpu +(.*)$", text, re.M)
    used = [sum(map(int, x.split()[:3])) + sum(map(int, x.split()[5:7])) for x in lines]
    return (used[1] - used[0]) / 100


def transfer(way, verb, mib, streams, out):
    before = {name: cpu_seconds(pid) for name, pid in way.pids.items()}
    script = (f"grep '^cpu ' /proc/stat; load {verb} {way.end} {mib} {streams}; "
              "grep '^cpu ' /proc/stat")
    try:
        said = way.sh(script)
        rate = float(re.search(r"^[\d.]+$", said, re.M)[0])
    except (SystemExit, TypeError) as e:
        print(f"  {way.name}: load {verb} failed: {e}", file=sys.stderr)
        return
    out[verb, streams] = rate
    if streams == 1:
        out[verb, "guest"] = busy(said) * 1024 / mib
        for name, pid in way.pids.items():
            out[verb, name] = (cpu_seconds(pid) - before[name]) * 1024 / mib


def measure(way):
    """One round of one way: measure to value."""
    out, seconds = {}, 1
    mib = 4 if way.name == "gvproxy" else 32  # some seconds for each
    for verb in ("put", "get"):
        for streams in (1, 32):
            transfer(way, verb, mib, streams, out)
    for verb, names in (("echo", ("echo", "p50", "p99")), ("conn", ("conn", None, None))):
        said = numbers(way, f"load {verb} {way.end} {seconds}")
        out.update({n: v for n, v in zip(names, said or []) if n})
    if way.end == TCP:
        for verb in ("udp-put", "udp-get"):
            for size in (64, 1400):
                said = numbers(way, f"load {verb} {way.end} {size} {seconds}")
                if said:
                    out[verb, size] = said[0]
    return out


MEASURES = [(("put", 1), "TCP out, 1 stream", "MB/s"), (("get", 1), "TCP in, 1 stream", "MB/s"),
            (("put", 32), "TCP out, 32 streams", "MB/s"),
            (("get", 32), "TCP in, 32 streams", "MB/s"),
            ("echo", "requests", "1/s"), ("p50", "latency, p50", "us"),
            ("p99", "latency, p99", "us"), ("conn", "connections", "1/s"),
            (("udp-put", 64), "UDP out, 64 B", "1/s"), (("udp-get", 64), "UDP in, 64 B", "1/s"),
            (("udp-put", 1400), "UDP out, 1,400 B", "1/s"),
            (("udp-get", 1400), "UDP in, 1,400 B", "1/s"),
            *(((verb, where), f"CPU {word}, {said}", "s/GiB")
              for verb, word in (("put", "out"), ("get", "in"))
              for where, said in (("guest", "enclave"), ("gateway", "gateway"),
                                  ("qemu", "QEMU"), ("vhost", "vsock device")))]
STREAMS = [("put", 1), ("get", 1)]


def compared(results, key, way, other):
    """Median of the rounds' ratios; None when a round of either has no value."""
    pairs = [(r[way][key], r[other][key]) for r in results
             if key in r.get(way, {}) and r.get(other, {}).get(key)]
    return statistics.median(a / b for a, b in pairs) if pairs else None


def median(results, key, way):
    values = [r[way][key] for r in results if key in r.get(way, {})]
    return statistics.median(values) if values else None


def rows_of(results, ways):
    for key, what, unit in MEASURES:
        for way in ways:
            value = median(results, key, way)
            if value is None:
                continue
            budget = 0.8 if key in STREAMS and "mode" in way else None
            other = "raw vsock" if way != "raw vsock" else None
            ratio = compared(results, key, way, other) if other else None
            row(f"{what}, {way}", value, unit, median(results, key, other) if other else None,
                ratio, budget and f">= {budget}", ratio and budget and ratio >= budget)
            ratio = compared(results, key, way, "gvproxy")
            if way == "raw vsock" or way == "gvproxy" or ratio is None:
                continue
            budget = 3 if key in STREAMS or key == "echo" else None
            row(f"{what}, {way}/gvproxy", value, unit, median(results, key, "gvproxy"), ratio,
                budget and f">= {budget}", budget and ratio >= budget)


def network(work, rounds):
    programs = os.environ.get("CASEMATE_BENCH_GVPROXY")
    results = []
    with contextlib.ExitStack() as stack:
        ns, beyond = stack.enter_context(namespaces())
        e = stack.enter_context(Enclave(network_image(work), MEMORY, more=("--network", "none")))
        raw = f"{e.socket}_{RAW_PORT}"
        stack.enter_context(started(f"{work}/serve.log", *beyond, LOAD, "serve", TCP))
        stack.enter_context(started(f"{work}/raw.log", LOAD, "serve", f"unix:{raw}"))
        stack.callback(lambda: os.path.exists(raw) and os.remove(raw))
        eventually("the servers", lambda: os.path.exists(raw) and
                   subprocess.run([*ns, LOAD, "echo", TCP, "0"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL).returncode == 0)
        ways = [Ours("raw vsock", e, ns, work, VSOCK),
                Ours("user mode", e, ns, work, TCP, gateway=()),
                Ours("TUN mode", e, ns, work, TCP, gateway=("--tun",))]
        if programs:
            gv = Gvproxy(work, ns, os.path.abspath(programs))
            stack.push(gv.stack)
            ways.append(gv)
        else:
            print("  no gvproxy: set CASEMATE_BENCH_GVPROXY, see tests/bench/README.md")
        for _ in range(rounds):
            results.append({})
            for way in ways:
                with way:
                    results[-1][way.name] = measure(way)
    rows_of(results, [w.name for w in ways])


# --- instructions -------------------------------------------------------------------------

# What each took when this was written, with Debian 12's compiler. A program that is
# changed may move them: the budget is there so that nobody does it without noticing.
EXPECTED = {("out", 64): 1124, ("in", 64): 1588, ("out", 65535): 1124, ("in", 65535): 1588,
            ("new", 64): 13084}
ALLOWED, PACKETS = 0.1, 2000


def instructions(*argv):
    said = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                           f"{BUILD}/bench/switch", *map(str, argv)], timeout=WAIT_S,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr.decode()
    found = re.search(r"Collected : (\d+)", said)
    if found is None:
        raise SystemExit(f"bench: valgrind: {said.strip()}")
    return int(found[1])


def switch(work, rounds):
    """Instructions a packet: a run of twice as many without one, so that the start cancels."""
    for (what, size), expected in EXPECTED.items():
        value = (instructions(what, size, 2 * PACKETS) - instructions(what, size, PACKETS)) // PACKETS
        ratio = value / expected
        name = "switch, new flow, 64 rules" if what == "new" else f"switch, {what}, {size:,} B"
        row(name, value, "instr", expected, ratio, f"{1 - ALLOWED} to {1 + ALLOWED}",
            abs(ratio - 1) <= ALLOWED)
