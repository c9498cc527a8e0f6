"""The part `services`: what the launcher costs, by the enclave's own clock."""
import datetime
import json
import os
import re
import statistics
import time

from common import IMAGE, TOOL, Enclave, make_image, row, run

STARTS, LOG_MIB = 100, 64
WRITE = f"raw write {LOG_MIB} /tmp"
MANIFEST = f"""
channel: open
services:
  started: {{command: [sleep, "1000000"]}}
  tcp: {{command: [httpd, -f, -p, "9999", -h, /tmp], ready: {{tcp: 9999}}}}
  notify: {{command: [raw, notify], ready: {{notify: true}}}}
  # What a start costs: the same command, again and again, by the launcher or a shell.
  again:
    command: [sh, -c, 'test -e /tmp/go || exec sleep 1000000']
    restart: always
    restart-pause: 1ms
    restart-pause-max: 1ms
    start-limit: {STARTS}
    console: false
  loop:
    command: [sh, -c, 'test -e /tmp/go || exec sleep 1000000; n=0; while [ $n -lt {STARTS} ]; do sh -c "test -e /tmp/go || exec sleep 1000000"; n=$((n+1)); done']
    console: false
  # What the log costs: the same writer, to it, to nothing, and to a pipe.
  writer:
    command: [sh, -c, 'test -e /tmp/go || exec sleep 1000000; {WRITE}/log; {WRITE}/null >/dev/null; {WRITE}/pipe | cat >/dev/null']
    console: false
"""


def services_image(work):
    make_image(work)  # for its root
    for applet in "sleep test pidof httpd touch".split():
        os.symlink("busybox", f"{work}/root/bin/{applet}")
    with open(f"{work}/services.yaml", "w") as f:
        f.write(MANIFEST)
    out = f"{work}/services.eif"
    run(IMAGE, "build", "--from", f"{work}/root", "--manifest", f"{work}/services.yaml", "-o", out)
    return out


def seconds(text):
    """RFC 3339 with nanoseconds, as seconds since 1970."""
    whole, fraction = re.fullmatch(r"(.*)\.(\d+)Z", text).groups()
    t = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S")
    return t.replace(tzinfo=datetime.timezone.utc).timestamp() + float(f"0.{fraction}")


def events(e):
    """(service, event, when) of all but the output, oldest first."""
    out = [json.loads(line) for line in run(TOOL, "events", e.name).splitlines()]
    return [(x["service"], x["event"], seconds(x["time"])) for x in out if x["event"] != "log"]


def reached(e, name, event, least=1):
    """The events, once that one has come so often."""
    while True:
        all_of = events(e)
        if sum(x[:2] == (name, event) for x in all_of) >= least:
            return all_of
        time.sleep(0.1)


def last(all_of, name, event):
    return [x[2] for x in all_of if x[:2] == (name, event)][-1]


def heartbeat(e):
    """When PID 1 started the launcher, the next thing after the heartbeat: in
    hundredths, as the kernel counts."""
    ticks = int(e.sh("cat /proc/$(pidof launch)/stat").rsplit(")", 1)[1].split()[19])
    return float(e.sh("raw booted")) + ticks / 100


def control(e, *words):
    run(TOOL, "ctl", e.name, *words)


def to_ready(image, rounds):
    times = {"started": [], "tcp": [], "notify": []}
    for _ in range(rounds):
        with Enclave(image, 128) as e:
            begin = heartbeat(e)
            for name in times:
                ready = last(reached(e, name, "ready"), name, "ready")
                times[name].append((ready - begin) * 1000)
    reference = statistics.median(times["started"])
    for name, t in times.items():
        t = statistics.median(t)
        row(f"heartbeat to service ready, {name}", t, "ms", reference, t / reference)


def restarts(e, rounds):
    ours, theirs = [], []
    e.sh("touch /tmp/go")
    for n in range(rounds):
        for name, out, end in (("loop", theirs, "ended"), ("again", ours, "failed")):
            control(e, "restart", "--no-wait", name)
            all_of = reached(e, name, end, n + 2 if end == "ended" else n + 1)
            starts = [x[2] for x in all_of if x[:2] == (name, "starting")]
            begin = starts[-1] if end == "ended" else starts[-STARTS]
            out.append((last(all_of, name, end) - begin) / STARTS * 1000)
    e.sh("rm /tmp/go")
    t, ref = statistics.median(ours), statistics.median(theirs)
    row("restart, pause of 1 ms", t, "ms", ref, t / ref)


def logs(e, rounds):
    rates = {"log": [], "null": [], "pipe": []}
    e.sh("touch /tmp/go")
    for n in range(rounds):
        control(e, "restart", "--no-wait", "writer")
        reached(e, "writer", "ended", n + 2)
        for name, out in rates.items():
            out.append(float(e.sh(f"cat /tmp/{name}")))
    e.sh("rm /tmp/go")
    rate = {name: statistics.median(r) for name, r in rates.items()}
    row("output to /dev/null", rate["null"], "MB/s")
    row("output to the log", rate["log"], "MB/s", rate["pipe"], rate["log"] / rate["pipe"])


def services(work, rounds):
    image = services_image(work)
    to_ready(image, rounds)
    with Enclave(image, 128) as e:
        reached(e, "notify", "ready")
        rss = lambda pid: int(e.sh(f"grep VmRSS /proc/{pid}/status").split()[1])
        before = rss("$(pidof launch)")
        restarts(e, rounds)
        logs(e, rounds)
        row("launcher resident", rss("$(pidof launch)"), "KiB", before)
        row("PID 1 resident, with services", rss(1), "KiB", budget="1024", ok=rss(1) <= 1024)
