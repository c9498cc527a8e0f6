#!/usr/bin/env python3
"""A hostile host for network.sh: it is the gateway of an enclave, speaks the link
itself, and answers what an honest one never would.

    usage: network_host.py NAME SOCKET

Each case is a line "ok" or "not ok". The enclave is that of network.sh's rules."""
import random
import socket
import struct
import subprocess
import sys
import threading

from wire import dial as dial_vsock

LINK_PORT, LONG = 7001, 120
PACKET, APP, HELLO = 1, 2, 3
FIN, SYN, RST, ACK = 1, 2, 4, 16
US, APP4 = socket.inet_aton('198.51.100.77'), socket.inet_aton('10.7.0.2')
GATEWAY4 = socket.inet_aton('10.7.0.1')
US6, APP6 = (socket.inet_pton(socket.AF_INET6, a) for a in ('2001:db8:77::1', 'fd07:ca5e:3a7e::2'))


def frame(kind, payload):
    return bytes([kind]) + len(payload).to_bytes(3, 'big') + payload


def ip(proto, body, source=US, to=APP4, v6=False, **wrong):
    if v6:
        return struct.pack('>IHBB', 6 << 28, wrong.get('length', len(body)), proto, 64) + \
            (US6 if source == US else source) + (APP6 if to == APP4 else to) + body
    return struct.pack('>BBHHHBBH', wrong.get('version', 0x45), 0, wrong.get('length', 20 + len(body)), 1,
                       wrong.get('fragment', 0), 64, proto, 0) + source + to + body


def tcp(port, to, flags, seq=1000, ack=0, body=b'', offset=5):
    return struct.pack('>HHIIBBHHH', port, to, seq, ack, offset << 4, flags, 65535, 0, 0) + body


def udp(port, to, body, length=None):
    return struct.pack('>HHHH', port, to, 8 + len(body) if length is None else length, 0) + body


class Link:
    """Packets of the app's that have come wait in a list; since() sees the later."""

    def __init__(self, path, hello=True):
        self.s = dial_vsock(path, LINK_PORT, LONG)
        self.s.settimeout(None)
        self.packets, self.more, self.over, self.answer = [], threading.Condition(), False, None
        if hello:
            self.s.sendall(frame(HELLO, b'\x01'))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        data = b''
        while True:
            try:
                part = self.s.recv(1 << 20)
            except OSError:
                part = b''
            if not part:
                break
            data += part
            while len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[1:4], 'big'):
                n = 4 + int.from_bytes(data[1:4], 'big')
                if data[0] == APP:
                    self.take(data[14:n])
                data = data[n:]
        with self.more:
            self.over = True
            self.more.notify_all()

    def take(self, packet):
        with self.more:
            self.packets.append(packet)
            self.more.notify_all()
        if self.answer:
            self.answer(packet)

    def send(self, packet, gso=(0, 0)):
        self.s.sendall(frame(APP, struct.pack('<BBHHHH', 0, gso[0], 54, gso[1], 0, 0) + packet))

    def wait(self, wanted):
        """A packet for which wanted() is true."""
        with self.more:
            assert self.more.wait_for(lambda: self.over or any(map(wanted, self.packets)), LONG), 'silence'
            return next((p for p in self.packets if wanted(p)), None)

    def ended(self):
        with self.more:
            return self.more.wait_for(lambda: self.over, LONG)


def is_tcp(flags, port, v6=False):
    """A packet to that port of ours, with these flags among others."""
    head = 40 if v6 else 20

    def wanted(p):
        return p[0] >> 4 == (6 if v6 else 4) and p[6 if v6 else 9] == 6 and \
            struct.unpack('>H', p[head + 2:head + 4])[0] == port and p[head + 13] & flags == flags
    return wanted


# --- names --------------------------------------------------------------------------

def end_of_question(m):
    at = 12
    while m[at]:
        at += 1 + m[at]
    return at + 5


def reply(m, records, question=None, ident=None, tail=b'', counts=None):
    q = m[12:end_of_question(m)] if question is None else question
    head = (m[:2] if ident is None else ident) + struct.pack('>HHHHH', 0x8180, 1, *(counts or (len(records), 0, 0)))
    return head + q + b''.join(records) + tail


def a(address, owner=b'\xc0\x0c', ttl=60):
    return owner + struct.pack('>HHIH', 1, 1, ttl, 4) + socket.inet_aton(address)


OTHER = b'\x05other\x04wild\x07example\0'
# What each name is answered with: messages with their ports, and whether that opens
# the address 203.0.113.N.
ANSWERS = {
    'honest': (True, lambda m, x: [(reply(m, [a(x)]), 53, 0)]),
    'ttl-zero': (True, lambda m, x: [(reply(m, [a(x, ttl=0)]), 53, 0)]),
    'ttl-huge': (True, lambda m, x: [(reply(m, [a(x, ttl=0xffffffff)]), 53, 0)]),
    'other-id': (False, lambda m, x: [(reply(m, [a(x)], ident=bytes([m[0], m[1] ^ 1])), 53, 0)]),
    'other-name': (False, lambda m, x: [(reply(m, [a(x)], question=OTHER + b'\0\1\0\1'), 53, 0)]),
    'other-case': (False, lambda m, x: [(reply(m, [a(x)], question=bytes(
        c ^ 0x20 if chr(c).isalpha() else c for c in m[12:end_of_question(m) - 4]) + b'\0\1\0\1'), 53, 0)]),
    'other-owner': (False, lambda m, x: [(reply(m, [a(x, owner=OTHER)]), 53, 0)]),
    'with-another': (False, lambda m, x: [(reply(m, [a('203.0.113.200'), a(x, owner=OTHER)]), 53, 0)]),
    'additional': (False, lambda m, x: [(reply(m, [a('203.0.113.201')], tail=a(x), counts=(1, 0, 1)), 53, 0)]),
    'other-from': (False, lambda m, x: [(reply(m, [a(x)]), 54, 0)]),
    'other-to': (False, lambda m, x: [(reply(m, [a(x)]), 53, 1)]),
    'with-loopback': (False, lambda m, x: [(reply(m, [a(x), a('127.0.0.1')]), 53, 0)]),
    'cut': (False, lambda m, x: [(reply(m, [a(x)])[:-2], 53, 0)]),
    'circle': (False, lambda m, x: [(reply(m, [a(x, owner=b'\xc0' + bytes([end_of_question(m)]))]), 53, 0)]),
    'length': (False, lambda m, x: [(reply(m, [a(x)[:-6] + b'\0\x05' + socket.inet_aton(x) + b'\0']), 53, 0)]),
    'question': (False, lambda m, x: [(m, 53, 0)]),
}


def names(link, name):
    """All names are asked for at once, and then all addresses tried."""
    order = list(ANSWERS)

    def answer(p):
        if p[9] != 17 or p[16:20] != GATEWAY4 or p[22:24] != b'\0\x35':
            return
        port, m = struct.unpack('>H', p[20:22])[0], p[28:]
        label = m[13:13 + m[12]].decode().lower()
        if label in ANSWERS and m[end_of_question(m) - 4:end_of_question(m)] == b'\0\1\0\1':
            for body, sport, plus in ANSWERS[label][1](m, f'203.0.113.{100 + order.index(label)}'):
                link.send(ip(17, udp(sport, port + plus, body), source=GATEWAY4))
    link.answer = answer
    ask = ' & '.join(f'nslookup -type=a {n}.wild.example' for n in order) + ' & wait'
    subprocess.run(['casemate', 'exec', name, '--', 'sh', '-c', ask], capture_output=True, timeout=LONG, check=False)
    # A SYN that comes out is answered with a reset.
    seen = set()

    def refuse(p):
        if p[9] == 6 and p[33] == SYN and p[16:19] == socket.inet_aton('203.0.113.0')[:3]:
            seen.add(p[19])
            port, to, seq = struct.unpack('>HHI', p[20:28])
            link.send(ip(6, tcp(to, port, RST | ACK, 0, seq + 1), source=p[16:20]))
    link.answer = refuse
    tries = '; '.join(f'talk tcp 203.0.113.{n} 7' for n in [100 + i for i in range(len(order))] + [200, 201])
    subprocess.run(['casemate', 'exec', name, '--', 'sh', '-c', tries], capture_output=True, timeout=LONG, check=False)
    for i, label in enumerate(order):
        yield f'answer-{label}', (100 + i in seen) == ANSWERS[label][0]
    yield 'answer-with-another-opens-nothing', 200 not in seen
    yield 'answer-cut-off-keeps-the-rest', 201 in seen


# --- packets ------------------------------------------------------------------------

def garbage(rng):
    """Packets that are none, or of nobody; each as both versions where it can be."""
    for v6 in (False, True):
        yield from (ip(6, tcp(5000, 7000, SYN, offset=n), v6=v6) for n in (0, 4, 6, 15))
        yield from (ip(6, tcp(5000, 7000, SYN)[:n], v6=v6) for n in range(0, 20, 3))
        yield from (ip(17, udp(5000, 7000, b'x' * 20, length=n), v6=v6) for n in (0, 7, 29, 65535))
        yield from (ip(17, udp(5000, 7000, b'')[:n], v6=v6) for n in range(8))
        yield from (ip(58 if v6 else 1, bytes([t]) + bytes(n), v6=v6) for t in (3, 1, 8, 128, 255) for n in (0, 7, 30))
        yield ip(17, udp(5000, 7000, b'x'), v6=v6, length=3)
        yield ip(17, udp(5000, 7000, b'x'), v6=v6, length=65535)
        yield from (ip(n, rng.randbytes(60), v6=v6) for n in (0, 2, 41, 43, 44, 47, 60, 132, 255))
    yield from (ip(6, tcp(5000, 7000, SYN), fragment=n) for n in (0x2000, 1, 0x1fff))
    yield from (ip(17, udp(5000, 7000, b'x'), version=n) for n in (0x44, 0x46, 0x4f, 0x65, 0x05))
    yield from (ip(17, udp(5000, 7000, b'x'), to=socket.inet_aton(n)) for n in ('10.7.0.3', '127.0.0.1', '224.0.0.1'))
    yield from (ip(6, tcp(5000, 7000, SYN), source=socket.inet_aton(n)) for n in ('10.7.0.2', '127.0.0.1', '0.0.0.0'))
    yield from (rng.randbytes(rng.randrange(1, 200)) for _ in range(500))
    whole = ip(6, tcp(5000, 7000, ACK, body=bytes(50)))
    for _ in range(2000):
        p = bytearray(whole)
        for _ in range(rng.randrange(1, 5)):
            p[rng.randrange(len(p))] = rng.randrange(256)
        yield bytes(p)


def alive(link, port, v6=False):
    """Somebody who connects to the app's published port is answered."""
    link.send(ip(6, tcp(port, 7000, SYN), v6=v6))
    return link.wait(is_tcp(SYN | ACK, port, v6)) is not None


def packets(path):
    link, rng = Link(path), random.Random(5)
    yield 'connects', alive(link, 1001) and alive(link, 1002, True)
    link.send(ip(6, tcp(1003, 7003, SYN)))
    yield 'unpublished-is-reset', link.wait(is_tcp(RST | ACK, 1003)) is not None
    link.send(ip(6, tcp(1004, 7003, SYN), v6=True))
    yield 'unpublished-is-reset6', link.wait(is_tcp(RST | ACK, 1004, True)) is not None
    link.send(ip(6, tcp(1005, 7000, ACK, ack=77)))
    yield 'no-such-flow-is-reset', link.wait(is_tcp(RST, 1005)) is not None
    link.send(ip(17, udp(1006, 7003, b'x')))
    yield 'unpublished-udp-is-told', link.wait(lambda p: p[9] == 1 and p[20:22] == b'\x03\x0d') is not None
    for p in garbage(rng):
        link.send(p)
    yield 'after-garbage', alive(link, 1011) and alive(link, 1012, True)
    for kind in (1, 3, 4, 5, 0x81, 0xff):
        for size in (0, 1, 3, 500, 65535):
            link.send(ip(6, tcp(1020, 7000, ACK, body=bytes(3000))), gso=(kind, size))
            link.send(ip(6, tcp(1001, 7000, ACK, seq=1001, ack=1, body=bytes(3000))), gso=(kind, size))
            link.send(ip(17, udp(1021, 7000, bytes(3000))), gso=(kind, size))
            link.send(ip(6, tcp(1022, 7000, ACK, body=bytes(3000)), v6=True), gso=(kind, size))
    yield 'after-lies-about-segments', alive(link, 1031) and alive(link, 1032, True)
    for raw in (b'\x02\x01\x00\x0a' + bytes(70000), b'\x02\0\0\0', b'\x03\0\0\x02\x01\x01', b'\x04\0\0\x01x',
                frame(HELLO, b'\x02'), b'\x02\0\0\x05abcde'):
        other = Link(path)
        other.s.sendall(raw)
        # The emulator tells nothing of a connection that is closed with bytes unread.
        over = raw[:1] == b'\x02' and raw[3:4] == b'\x05' or raw[:1] == b'\x03' and len(raw) == 5 or other.ended()
        yield f'no-frame-{raw[:4].hex()}', over
        other.s.shutdown(socket.SHUT_WR)
    last = Link(path)
    yield 'another-link', alive(last, 1041) and alive(last, 1042, True)
    last.s.shutdown(socket.SHUT_WR)
    link.s.shutdown(socket.SHUT_WR)


def main():
    name, path = sys.argv[1:]
    failed = 0
    link = Link(path)
    for case, good in (*names(link, name), *packets(path)):
        failed |= not good
        print(f'ok host-{case}' if good else f'not ok host-{case}: see network_host.py', flush=True)
    return failed


if __name__ == '__main__':
    sys.exit(main())
