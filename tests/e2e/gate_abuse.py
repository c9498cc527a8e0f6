#!/usr/bin/env python3
"""Clients and a gateway that misbehave, against the gate; while each does, an
ordinary client must be served, and afterwards nothing may be left over.

  gate_abuse.py CASE... HOST:PORT SOCKET [--clients N] [--half-open N]

HOST:PORT is a gateway's, SOCKET the enclave's hybrid socket. Prints "ok CASE" or
"not ok CASE: why". CASE is one of those at the end of this file."""
import argparse
import os
import random
import select
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from web import Answer, Web, address, context, dial  # noqa: E402
from wire import dial as dial_vsock  # noqa: E402

LINK_PORT, HTTPS_PORT = 7001, 8443
ENCLAVE, GATEWAY = bytes([10, 7, 0, 2]), bytes([10, 7, 0, 1])
SYN, ACK, RST = 0x02, 0x10, 0x04
# For the server's own deadlines to pass, and a machine that is busy. Nothing
# here takes that long.
LONG = 120


class Wrong(Exception):
    pass


def demand(true, why):
    if not true:
        raise Wrong(why)


def served(at, times=5):
    """An ordinary client gets its answers, on new and on kept connections."""
    for _ in range(times):
        web = Web(at, timeout=LONG)
        for path in ('/health', '/measurements', f'/attestation?nonce={os.urandom(16).hex()}'):
            status, _, body = web.get(path)
            demand(status == 200, f'{path}: {status} {body[:100]!r} meanwhile')
        web.close()


def idle(at):
    """What /metrics counts when only the asker is there: once it is so."""
    gauges = ('connections', 'links', 'stack_connections', 'stack_pcbs', 'stack_pbufs')
    end, seen = time.monotonic() + LONG, None
    while time.monotonic() < end:
        web = Web(at, timeout=LONG)
        m = web.metrics()
        web.close()
        seen = {g: int(m[f'casemate_{g}']) for g in gauges}
        # A link of the gateway's; our own connection; its packet being answered.
        if (seen['connections'], seen['links'], seen['stack_connections']) == (1, 1, 1) and \
                seen['stack_pcbs'] <= 1 and seen['stack_pbufs'] <= 1:
            return
        time.sleep(0.2)
    raise Wrong(f'left over: {seen}')


def ended(socks):
    """Waits until the other side has ended every one of them."""
    left, end = set(socks), time.monotonic() + LONG
    while left:
        demand(time.monotonic() < end, f'{len(left)} connections were not ended')
        for s in select.select(left, [], [], 1)[0]:
            try:
                if not s.recv(65536):
                    left.discard(s)
            except OSError:
                left.discard(s)


def client_hello():
    """The first flight of an ordinary client."""
    import ssl
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context().wrap_bio(incoming, outgoing, server_hostname='casemate')
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def slow(args):
    """A third never begins, a third stops in its hello, a third in a request."""
    tcp = [socket.create_connection(address(args.at), LONG) for _ in range(args.clients * 2 // 3)]
    for s in tcp[::2]:
        s.sendall(client_hello()[:100])
    tls = [dial(args.at, LONG) for _ in range(args.clients // 3)]
    for s in tls:
        s.sendall(b'GET /health HTTP/1.1\r\nHost: ca')
    served(args.at)
    for s in tls:
        # Each byte is one more, and none of them the end.
        try:
            s.sendall(b's')
        except OSError:
            pass
    served(args.at)
    raw = [socket.socket(fileno=s.detach()) for s in tls]
    ended(tcp + raw)
    for s in tcp + raw:
        s.close()


def never_reads(args):
    """Asks and asks, and reads no answer: its connection is ended, and what
    was held for it is free again."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(address(args.at))
    tls = context().wrap_socket(s, server_hostname='casemate')
    tls.settimeout(1)  # how it sees that nothing is taken any more
    try:
        for _ in range(20000):
            tls.sendall(b'GET /measurements HTTP/1.1\r\nHost: casemate\r\n\r\n' * 20)
        raise Wrong('it was never stopped')
    except OSError:
        pass
    served(args.at)
    idle(args.at)
    tls.close()


def packet(port, flags, seq=None, ack=0, payload=b'', to=HTTPS_PORT):
    """A frame of the link with a TCP packet of the gateway's side. This hop
    has no checksums."""
    seq = random.getrandbits(32) if seq is None else seq
    tcp = struct.pack('>HHIIBBHHH', port, to, seq, ack, 5 << 4, flags, 65535, 0, 0) + payload
    ip = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + GATEWAY + ENCLAVE
    return struct.pack('>B', 1) + (len(ip) + len(tcp)).to_bytes(3, 'big') + ip + tcp


def link(args):
    return dial_vsock(args.socket, LINK_PORT, LONG)


def hang_up(s):
    """Ends a link and reads what is left: of a connection that is closed with
    bytes unread the emulator's vsock device tells the guest nothing."""
    s.settimeout(LONG)
    try:
        s.shutdown(socket.SHUT_WR)
        while s.recv(1 << 20):
            pass
    except OSError:
        pass
    s.close()


def drain(s, count):
    """Reads to the end: the emulator's vsock device cuts a connection whose host
    end reads too slowly. Adds to count[0] what came."""
    try:
        while more := s.recv(1 << 20):
            count[0] += len(more)
    except OSError:
        pass


def half_open(args):
    """A link that begins many connections and completes none."""
    s, answers = link(args), [0]
    reader = threading.Thread(target=drain, args=(s, answers))
    reader.start()
    try:
        s.sendall(b''.join(packet(1024 + i, SYN) for i in range(args.half_open)))
        served(args.at)
    finally:
        s.shutdown(socket.SHUT_WR)
        reader.join(LONG)
        s.close()
    demand(answers[0] > 0, 'no packet came back: the flood was not looked at')


def half_open_link_stays(args):
    """The same, and the link does not end: the half-open time out by themselves."""
    s = link(args)
    s.sendall(b''.join(packet(1024 + i, SYN) for i in range(1000)))
    served(args.at)
    end = time.monotonic() + LONG
    while True:
        web = Web(args.at, timeout=LONG)
        m = web.metrics()
        web.close()
        if m['casemate_stack_connections'] == 1 and m['casemate_stack_pcbs'] <= 1:
            break
        demand(time.monotonic() < end, f'half-open stay: {m["casemate_stack_pcbs"]} pcbs')
        s.setblocking(False)
        try:
            while s.recv(1 << 20):
                pass
        except BlockingIOError:
            pass
        time.sleep(0.2)
    hang_up(s)


def garbage(args):
    """Bytes that are no frames end their link; frames that hold no packets are
    dropped; neither is anything to the others."""
    rng = random.Random(1)
    for raw in (b'\xff' * 1000, b'\0\0\0\0', b'\x01\0\0\0', b'\x04\0\0\x04abcd', b'\x02\x01\0\x0a', b'\x03\0\0\2ab', b'GET / HTTP/1.1\r\n\r\n',
                rng.randbytes(100000)):
        s = link(args)
        try:
            s.sendall(raw)
            while s.recv(65536):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
        hang_up(s)
    s = link(args)
    for _ in range(2000):
        inner = bytearray(packet(rng.randrange(65536), rng.randrange(256), payload=rng.randbytes(40)))
        for _ in range(rng.randrange(4)):
            inner[rng.randrange(4, len(inner))] = rng.randrange(256)
        s.sendall(inner)
        s.sendall(b'\x01' + (20).to_bytes(3, 'big') + rng.randbytes(20))
    served(args.at)
    hang_up(s)


def cut_frames(args):
    """A link cut in the middle of a frame, and one that stops there."""
    for n in range(0, 44, 3):
        s = link(args)
        s.sendall(packet(5000, SYN)[:n])
        hang_up(s)
    s = link(args)
    s.sendall(packet(5000, SYN)[:30])
    served(args.at)
    hang_up(s)


def many_links(args):
    """More links than there are places: those that have one keep it."""
    held = Web(args.at, timeout=LONG)
    links = [dial_vsock(args.socket, LINK_PORT, LONG) for _ in range(12)]
    demand(held.get('/health')[0] == 200, 'a link that was there lost its place')
    served(args.at)
    for s in links:
        hang_up(s)


def many(args):
    """More connections than there are contexts: the idlest make room."""
    held = []
    for _ in range(args.clients * 2):
        try:
            web = Web(args.at, timeout=LONG)
            demand(web.get('/health')[0] == 200, 'no answer')
            held.append(web)
        except (OSError, EOFError):
            pass
    demand(len(held) >= args.clients, f'only {len(held)} connections were served')
    served(args.at)
    for web in held:
        web.close()


def tls_garbage(args):
    """What is no TLS, what begins as TLS, records of wrong lengths and types."""
    rng, hello = random.Random(2), client_hello()
    for raw in [b'GET / HTTP/1.1\r\n\r\n', b'\x16\x03\x01\xff\xff' + bytes(70000), b'\x80\x2e\x01\0\x02' + bytes(60),
                b'\x15\x03\x03\0\x02\x02\x28', b'\x17\x03\x03\x40\x01' + bytes(16385), rng.randbytes(5000)] + \
            [hello[:i] + rng.randbytes(1 + i % 7) + hello[i + 1 + i % 7:] for i in range(0, len(hello), 9)]:
        s = socket.create_connection(address(args.at), LONG)
        s.settimeout(LONG)
        try:
            s.sendall(raw)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
        s.close()
    served(args.at)


def hold(args):
    """Keeps requests under way on ten connections until each is cut, then says
    so; for cases that kill what is between."""
    webs = [Web(args.at, timeout=LONG) for _ in range(10)]
    for web in webs:
        demand(web.get('/health')[0] == 200, 'no answer')
    print('# held', flush=True)
    for web in webs:
        try:
            while web.get('/measurements')[0] == 200:
                pass
        except (OSError, EOFError, Answer):
            pass


CASES = {f.__name__.replace('_', '-'): f for f in
         (slow, never_reads, half_open, half_open_link_stays, garbage, cut_frames, many_links, many,
          tls_garbage, hold, )}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('cases', nargs='+')
    parser.add_argument('at')
    parser.add_argument('socket')
    parser.add_argument('--clients', type=int, default=300)
    parser.add_argument('--half-open', type=int, default=10000)
    args = parser.parse_args()
    failed = 0
    for name in args.cases:
        why = None
        try:
            CASES[name](args)
            if name != 'hold':
                idle(args.at)
        except (Wrong, OSError, EOFError, Answer, KeyError) as e:
            why = f'{type(e).__name__}: {e}'
        failed |= why is not None
        print(f'ok {name}' if why is None else f'not ok {name}: {why}', flush=True)
    return failed


if __name__ == '__main__':
    sys.exit(main())
