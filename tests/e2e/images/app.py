"""A web service as people write them, with what python3-minimal has: says that it is
ready as sd_notify(3) does, finishes when it gets SIGTERM, logs to both streams."""
import os
import select
import signal
import socket
import sys


def notify(state):
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect("\0" + path[1:] if path[0] == "@" else path)
            s.send(state.encode())


def serve(listener, count):
    connection, _ = listener.accept()
    with connection:
        line = connection.recv(4096).split(b"\r\n")[0].decode(errors="replace")
        body = f"python of {os.getpid()}, request {count}\n"
        connection.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    print(f"access: {line}", flush=True)


def main():
    wake, woken = socket.socketpair()
    woken.setblocking(False)
    signal.signal(signal.SIGTERM, lambda *_: woken.send(b"."))
    listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
    print(f"warning: this is only a test, user {os.getuid()}", file=sys.stderr, flush=True)
    notify(f"READY=1\nSTATUS=serving as {os.getpid()}")
    count = 0
    while wake not in select.select([listener, wake], [], [])[0]:
        count += 1
        serve(listener, count)
    notify("STOPPING=1")
    print(f"finished after {count} requests", flush=True)


main()
