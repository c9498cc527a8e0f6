"""What the parts of the bench share: rows of the result, programs, enclaves."""
import json
import os
import shutil
import subprocess
import time

BUILD = os.path.abspath("build")
TOOL, IMAGE = f"{BUILD}/casemate", f"{BUILD}/casemate-image"
RAW = f"{BUILD}/bench/raw"
MIB = 1 << 20
rows = []


def row(name, value, unit, reference=None, ratio=None, budget=None, ok=None):
    rows.append(dict(name=name, value=value, unit=unit, reference=reference,
                     ratio=ratio, budget=budget, ok=ok))
    show = lambda v: "" if v is None else f"{v:,.3f}".rstrip("0").rstrip(".") \
        if isinstance(v, float) else str(v)
    print(f"{name:<34}{show(value):>14} {unit:<6}{show(reference):>12}"
          f"{show(ratio):>9}  {budget or '':<16}{'' if ok is None else 'ok' if ok else 'MISSED'}",
          flush=True)


def run(*argv, **kw):
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    r = subprocess.run(argv, **kw)
    if r.returncode != 0:
        raise SystemExit(f"bench: {' '.join(argv)}: exit status {r.returncode}: "
                         f"{(r.stderr or b'').decode(errors='replace').strip()}")
    return (r.stdout or b"").decode()


def timed(*argv):
    begin = time.monotonic()
    run(*argv)
    return time.monotonic() - begin


class Enclave:
    """A booted image, stopped at the end of the with statement. ports: -p's; more:
    further options of casemate run."""

    def __init__(self, image, memory, ports=(), more=()):
        self.name = f"bench-{os.getpid()}-{memory}"
        self.image, self.memory, self.more = image, memory, more
        self.ports = [word for port in ports for word in ("-p", port)]

    def __enter__(self):
        err = subprocess.run([TOOL, "run", self.image, "--name", self.name, "--memory",
                              str(self.memory), *self.ports, *self.more], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE).stderr.decode()
        if "ready after" not in err:
            raise RuntimeError(err.strip())
        self.ready_s = float(err.split("ready after ")[1].split()[0])
        for e in json.loads(run(TOOL, "ps", "--json")):
            if e["name"] == self.name:
                self.socket = e["target"].removeprefix("unix:")
        return self

    def __exit__(self, *_):
        subprocess.run([TOOL, "stop", "--time", "0", self.name],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sh(self, script):
        return run(TOOL, "exec", self.name, "--", "/bin/sh", "-c", script)


def make_image(work):
    root = f"{work}/root"
    os.makedirs(f"{root}/bin")
    shutil.copy("/bin/busybox", f"{root}/bin/busybox")
    for applet in "sh true tar rm mkdir cat cmp grep".split():
        os.symlink("busybox", f"{root}/bin/{applet}")
    shutil.copy(RAW, f"{root}/bin/raw")
    out = f"{work}/bench.eif"
    run(IMAGE, "build", "--from", root, "--channel", "open", "-o", out)
    return out
