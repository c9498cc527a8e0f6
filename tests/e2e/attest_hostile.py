#!/usr/bin/env python3
"""Servers that `casemate attest` must not fall for, one a port of 127.0.0.1:

    attest_hostile.py CERT KEY RSA_CERT RSA_KEY DOCUMENT SPKI

prints "NAME PORT" for each and serves until its input ends. DOCUMENT is a good
one that was made for another connection, SPKI the public key of CERT.
"""
import os
import socket
import ssl
import sys
import threading

import attest_log

cert, key, rsa_cert, rsa_key, document, spki = sys.argv[1:]
good = open(document, "rb").read()


def reply(body, head=b"HTTP/1.1 200 OK\r\nContent-Type: application/cose\r\n", length=None):
    length = len(body) if length is None else length
    return head + b"Content-Length: %d\r\n\r\n" % length + body


# What each answers to the first request, over TLS.
ANSWERS = {
    "replayed": reply(good),
    "no-document": reply(b"\xa0"),
    "empty": reply(b""),
    "not-http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no-length": b"HTTP/1.1 200 OK\r\n\r\n" + good,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two-lengths": reply(good, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
    "cut": reply(good[:100], length=len(good)),
    "more": reply(good) + b"x",
    "too-long": reply(b"x" * 1000, length=1 << 40),
    "long-document": reply(b"\x00" * 20000),
    "endless-head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000,
    "escapes": reply(b'{"error":"\x1b]0;owned\x07\x1b[2J"}', b"HTTP/1.1 503 Service Unavailable\r\n"),
    "silent": b"",
}


def context(kind):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(*((rsa_cert, rsa_key) if kind == "rsa" else (cert, key)))
    if kind == "tls13":
        c.minimum_version = ssl.TLSVersion.TLSv1_3
    return c


def serve_tls(connection, kind, answer):
    try:
        with context(kind).wrap_socket(connection, server_side=True) as s:
            s.recv(4096)
            s.sendall(answer)
            s.unwrap()
    except (OSError, ssl.SSLError):
        pass


def serve_liar(connection, kind, liar):
    try:
        with context(kind).wrap_socket(connection, server_side=True) as s:
            request = b""
            while piece := s.recv(4096):
                request += piece
                if not request.endswith(b"\r\n\r\n"):
                    continue
                answer = liar.get(request.split()[1].decode())
                if not answer:
                    break
                status, body = answer
                s.sendall(reply(body, b"HTTP/1.1 %d Status\r\n" % status))
                request = b""
            s.unwrap()
    except (OSError, ssl.SSLError):
        pass


def serve_plain(connection, kind, answer):
    with connection:
        try:
            if answer:
                connection.sendall(answer)
                connection.recv(4096)
        except OSError:
            pass


def listen(name, serve, kind="", answer=b""):
    s = socket.create_server(("127.0.0.1", 0))
    print(name, s.getsockname()[1])

    def loop():
        while True:
            connection, _ = s.accept()
            connection.settimeout(30)
            threading.Thread(target=serve, args=(connection, kind, answer), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()


for name, answer in ANSWERS.items():
    listen(name, serve_tls, "", answer)
for name, liar in attest_log.liars(open(spki, "rb").read()).items():
    listen(name, serve_liar, "", liar)
listen("rsa", serve_tls, "rsa", reply(good))
listen("tls13", serve_tls, "tls13", reply(good))
listen("no-tls", serve_plain, "", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
listen("random", serve_plain, "", bytes([22, 3, 3]) + os.urandom(3000))
listen("closes", serve_plain)
print("ready", 0, flush=True)
sys.stdin.read()
