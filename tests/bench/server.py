"""The attestation server and the verifier.

What is measured as "ours" is the gate as a plain process (build/sim) behind
`casemate gateway`: two TCP stacks and a Unix socket more than the reference,
nginx with OpenSSL, one worker, which serves a file of the same length from the
page cache. Both, and the load (wrk, openssl s_time), share the machine."""
import contextlib
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request

from common import BUILD, RAW, TOOL, Enclave, make_image, row, run

CIPHER = "ECDHE-ECDSA-AES128-GCM-SHA256"
HEALTH = b'{"ready":true}\n'
LEVELS = (1, 30, 300)


def free_port():
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port))
                return port


def tls_context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    return c


def get(port, path):
    with urllib.request.urlopen(f"https://127.0.0.1:{port}{path}", context=tls_context(),
                                timeout=30) as r:
        return r.read()


def up(port, process, log):
    """Waits until /health answers."""
    for _ in range(600):
        with contextlib.suppress(OSError):
            get(port, "/health")
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    with open(log, errors="replace") as f:
        raise SystemExit(f"bench: no server on port {port}: {f.read()[-500:]}")


@contextlib.contextmanager
def started(log, *argv):
    with open(log, "ab") as out:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield p
    finally:
        p.terminate()
        p.wait()


@contextlib.contextmanager
def ours(work):
    """The gate and a gateway: (port, the gate's process number)."""
    port, sock, log = free_port(), f"{work}/sim.sock", f"{work}/ours.log"
    with started(log, f"{BUILD}/sim", "--listen", sock, "--root", f"{work}/root.pem",
                 "--pid", f"{work}/gate.pid"):
        while not os.path.exists(sock):
            time.sleep(0.05)
        with started(log, TOOL, "gateway", f"unix:{sock}", "-p", f"{port}:8443") as gateway:
            up(port, gateway, log)
            with open(f"{work}/gate.pid") as f:
                yield port, int(f.read())


NGINX = """worker_processes 1; daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log; {user}
events {{ worker_connections 2048; }}
http {{
    access_log off; keepalive_requests 1000000000; default_type application/json;
    client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
    uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5; open_file_cache max=10;
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024; root {work}/html;
        ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem;
        ssl_protocols TLSv1.2; ssl_ciphers {cipher}; ssl_ecdh_curve X25519;
        ssl_session_cache shared:S:1m; ssl_session_tickets off;
    }}
}}
"""


@contextlib.contextmanager
def nginx(work):
    """Its port; None when the program is not there."""
    program = os.environ.get("CASEMATE_BENCH_NGINX") or \
        shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not program:
        print("  no reference: there is no nginx (CASEMATE_BENCH_NGINX names one)")
        yield None
        return
    port = free_port()
    os.makedirs(f"{work}/html")
    with open(f"{work}/html/health", "wb") as f:
        f.write(HEALTH)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", f"{work}/key.pem", "-out", f"{work}/cert.pem", "-subj", "/CN=casemate", "-days", "2")
    with open(f"{work}/nginx.conf", "w") as f:
        f.write(NGINX.format(work=work, port=port, cipher=CIPHER,
                             user="user root;" if os.getuid() == 0 else ""))
    with started(f"{work}/nginx.log", program, "-p", work, "-c", f"{work}/nginx.conf") as p:
        up(port, p, f"{work}/nginx.log")
        yield port


def s_time(port, how, seconds):
    """Handshakes a second, one after another. Its own clock counts whole seconds."""
    begin = time.monotonic()
    out = run("openssl", "s_time", "-connect", f"127.0.0.1:{port}", f"-{how}", "-tls1_2",
              "-cipher", CIPHER, "-time", str(seconds))
    n = re.findall(r"(\d+) connections in \d+ real seconds", out)[-1]
    return int(n) / (time.monotonic() - begin)


LUA = """math.randomseed(os.time())
request = function()
    local nonce = {}
    for i = 1, 8 do nonce[i] = string.format("%08x", math.random(0, 0xffffffff)) end
    return wrk.format("GET", "/attestation?nonce=" .. table.concat(nonce))
end
"""
MS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


def wrk(port, path, connections, seconds, *more):
    """(answers a second, p50 in ms, p99 in ms, share that was not 200)."""
    out = run("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s",
              *more, f"https://127.0.0.1:{port}{path}")
    quantile = {int(q): float(v) * MS[unit] for q, v, unit in
                re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s|m)\n", out)}
    total = int(re.search(r"(\d+) requests in", out).group(1))
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if total == 0:
        raise SystemExit(f"bench: {path}: no answer with {connections} connections: {out}")
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), quantile[50], quantile[99],
            int(errors.group(1)) / total if errors else 0)


def ratio(a, b):
    return None if b is None else a / b


def compare(name, unit, measure, mine, theirs):
    a, b = measure(mine), theirs and measure(theirs)
    row(name, a, unit, b, ratio(a, b))


def against_nginx(work, port, seconds):
    with nginx(work) as theirs:
        for how, text in (("new", "full"), ("reuse", "resumed")):
            compare(f"handshakes, {text}", "1/s", lambda p, h=how: s_time(p, h, seconds), port, theirs)
        for n in LEVELS[1:]:
            compare(f"connection and request, {n} at once", "1/s",
                    lambda p, n=n: wrk(p, "/health", n, seconds, "-H", "Connection: close")[0], port, theirs)
        for n in LEVELS:
            a = wrk(port, "/health", n, seconds)
            b = wrk(theirs, "/health", n, seconds) if theirs else (None, None, None)
            for i, (text, unit) in enumerate((("", "1/s"), (", p50", "ms"), (", p99", "ms"))):
                row(f"/health, {n} kept-alive{text}", a[i], unit, b[i], ratio(a[i], b[i]))


def documents(work, port, seconds):
    """The broker's rate bounds these, see appliance/broker.h; what is over it is
    answered 503, and here counted out. The module that signs is simulated."""
    script = f"{work}/nonce.lua"
    with open(script, "w") as f:
        f.write(LUA)
    for n in LEVELS:
        rate, p50, p99, refused = wrk(port, "/", n, seconds, "-s", script)
        row(f"/attestation, {n} kept-alive", rate * (1 - refused), "1/s")
        row(f"/attestation, {n} kept-alive, p50", p50, "ms")
        row(f"/attestation, {n} kept-alive, p99", p99, "ms")
        row(f"/attestation, {n} kept-alive, 503", refused * 100, "%")


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def per_connection(port, gate):
    """The gate's memory with 300 clients that have asked once, less what it was."""
    before, held, context = resident_kib(gate), [], tls_context()
    for _ in range(LEVELS[-1]):
        s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 30))
        s.sendall(b"GET /health HTTP/1.1\r\nHost: casemate\r\n\r\n")
        if not s.recv(4096).startswith(b"HTTP/1.1 200"):
            raise SystemExit("bench: a connection of 300 was not served")
        held.append(s)
    row("gate, resident", before, "KiB")
    row("memory a connection", (resident_kib(gate) - before) / len(held), "KiB")
    for s in held:
        s.close()


def in_the_emulator(work, seconds):
    port = free_port()
    with Enclave(make_image(work), 128, [f"{port}:8443"]) as e:
        server = subprocess.Popen([TOOL, "exec", e.name, "--", "/bin/raw", "serve"],
                                  stdout=subprocess.PIPE)
        if server.stdout.readline() != b"ready\n":
            raise SystemExit("bench: the reference server did not start")
        up(port, server, f"{work}/nothing")
        echo = float(run(RAW, "echo", e.socket, str(seconds)))
        server.kill()
        server.wait()
        rate, p50, p99, _ = wrk(port, "/health", 1, seconds)
        # Where a request is a round trip, not how long TLS takes in the emulator's CPU.
        row("emulator: /health, 1 kept-alive", rate, "1/s", echo, rate / echo)
        row("emulator: /health, p50", p50, "ms", 1000 / echo, p50 * echo / 1000)
        row("emulator: /health, p99", p99, "ms")
        row("emulator: /health, 30 kept-alive", wrk(port, "/health", 30, seconds)[0], "1/s")
        row("emulator: handshakes, full", s_time(port, "new", seconds), "1/s")
        row("emulator: handshakes, resumed", s_time(port, "reuse", seconds), "1/s")


def https(work, rounds):
    seconds = 2 if rounds == 1 else 5
    with ours(work) as (port, gate):
        per_connection(port, gate)  # first: contexts stay resident once used
        against_nginx(work, port, seconds)
        documents(work, port, seconds)
    in_the_emulator(work, seconds)


def verify(work, rounds):
    """Documents of the simulated module: four certificates, five signatures."""
    with ours(work) as (port, _):
        document = get(port, "/attestation?nonce=" + "00" * 32)
    with open(f"{work}/document", "wb") as f:
        f.write(document)
    run("openssl", "x509", "-in", f"{work}/root.pem", "-outform", "DER", "-out", f"{work}/root.der")
    seconds = 2 if rounds == 1 else 5
    rate = float(run(f"{BUILD}/bench/verify", f"{work}/document", f"{work}/root.der", str(seconds)))
    speed = run("openssl", "speed", "-seconds", str(seconds), "ecdsap384")
    # The last column: verifications a second.
    reference = float(speed.strip().splitlines()[-1].split()[-1]) / 5
    row("documents verified", rate, "1/s", reference, rate / reference)
