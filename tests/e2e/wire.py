"""The channel's frames and requests for the hostile ends of the tests: enough
of PROTOCOL.md to say everything, right or wrong."""
import hashlib
import socket
import struct

REQUEST, ACCEPT, ERROR = 0x01, 0x02, 0x03
STDIN, STDOUT, STDERR = range(0x10, 0x13)
WINSIZE, SIGNAL, CREDIT, EXIT = range(0x14, 0x18)
ENTRY, DATA, HOLE, END, LEAVE, HAVE, FROM, DONE, RESULT = range(0x20, 0x29)
SERVICE, RECORD = 0x30, 0x31
EXEC, PUSH, PULL, STOP, CONTROL, LOOK = 1, 2, 3, 4, 5, 6
FILE, DIR, LINK = 0, 1, 2
CODES = {'protocol': 1, 'version': 2, 'busy': 3, 'denied': 4, 'not found': 5, 'io': 7,
         'no space': 8, 'digest': 9, 'changed': 10, 'duplicate': 11, 'conflict': 12, 'limit': 13,
         'timeout': 14}


def head(major, value):
    for size, mark in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if value < 24:
            return bytes([major | value])
        if value < 1 << (8 * size):
            return bytes([major | mark]) + value.to_bytes(size, 'big')
    raise ValueError(value)


def cbor(v):
    """Deterministic CBOR of the few types that the channel uses."""
    if isinstance(v, int):
        return head(0x00, v) if v >= 0 else head(0x20, -1 - v)
    if isinstance(v, (bytes, str)):
        v = v.encode() if isinstance(v, str) else v
        return head(0x40, len(v)) + v
    if isinstance(v, list):
        return head(0x80, len(v)) + b''.join(map(cbor, v))
    return head(0xa0, len(v)) + b''.join(cbor(k) + cbor(v[k]) for k in sorted(v))


def uncbor(b):
    """One item off the front: (value, rest)."""
    major, low, b = b[0] >> 5, b[0] & 31, b[1:]
    if low >= 24:
        size = 1 << (low - 24)
        low, b = int.from_bytes(b[:size], 'big'), b[size:]
    if major in (0, 1):
        return (low if major == 0 else -1 - low), b
    if major in (2, 3):
        return b[:low], b[low:]
    items = []
    for _ in range(low * (2 if major == 5 else 1)):
        item, b = uncbor(b)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if major == 5 else items), b


def frame(kind, payload=b''):
    return bytes([kind]) + len(payload).to_bytes(3, 'big') + payload


def hang_up(s):
    """Closes as a peer does that is gone. What the other end has sent is read
    first: the emulator's vsock device tells the guest nothing of a connection
    that is closed with bytes unread."""
    try:
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except OSError:
        pass
    s.close()


def request(op, **keys):
    """keys: k3=…, k10=… as in PROTOCOL.md; sound ones for what is left out."""
    m = {1: 2, 2: op, 3: [], 4: 0}
    if op == EXEC:
        m.update({5: [], 6: b'', 8: 24, 9: 80})
    if op == LOOK:
        m[10] = 0
    m.update({int(k[1:]): v for k, v in keys.items()})
    return frame(REQUEST, cbor({k: v for k, v in m.items() if v is not None}))


def entry(kind, name, size=0, target=b't', mode=0o644):
    m = {1: kind, 2: name, 3: mode, 4: 1, 5: 2}
    if kind == FILE:
        m[6] = size
    if kind == LINK:
        m[7] = target
    return frame(ENTRY, cbor(m))


STATES = ('stopped', 'done', 'failed', 'waiting', 'starting', 'ready', 'stopping', 'killing')


def service(number, name, state='ready', **keys):
    """SERVICE; keys: k4=… as in PROTOCOL.md, 0 for those that are left out."""
    m = {1: number, 2: name, 3: STATES.index(state), **{k: 0 for k in range(4, 16)}}
    m.update({int(k[1:]): v for k, v in keys.items()})
    return frame(SERVICE, cbor(m))


def record(seq, position, number, kind, text=b'', time=1795758724_000000000):
    return frame(RECORD, struct.pack('>QQQBB', seq, time, position, number, kind) + text)


def sha384(data):
    return hashlib.sha384(data).digest()


class Transfer:
    """Frames of a transfer, with the digest that DONE needs."""

    def __init__(self):
        self.digest, self.out = hashlib.sha384(), b''

    def add(self, raw):
        """One frame, counted as an honest sender would."""
        if raw[0] in (ENTRY, END, LEAVE):
            self.digest.update(raw[:1] + raw[4:])
        self.out += raw
        return self

    def file(self, name, data, mode=0o644):
        self.add(entry(FILE, name, len(data), mode=mode))
        if data:
            self.add(frame(DATA, data))
        return self.add(frame(END, sha384(data)))

    def link(self, name, target):
        return self.add(entry(LINK, name, target=target))

    def dir(self, name, mode=0o755):
        return self.add(entry(DIR, name, mode=mode))

    def leave(self):
        return self.add(frame(LEAVE))

    def done(self, digest=None):
        self.out += frame(DONE, bytes(8) + (digest or self.digest.digest()))
        return self.out


def dial(path, port=7000, timeout=60):
    """A connection through the hybrid socket."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(path)
    s.sendall(b'CONNECT %d\n' % port)
    line = b''
    while not line.endswith(b'\n'):
        c = s.recv(1)
        if not c:
            raise ConnectionError('the hybrid socket closed')
        line += c
    if not line.startswith(b'OK '):
        raise ConnectionError(repr(line))
    return s


def read_exact(s, n):
    data = b''
    while len(data) < n:
        chunk = s.recv(n - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def read_frame(s):
    """(type, payload), or None at the end of the connection."""
    try:
        start = read_exact(s, 4)
        if start is None:
            return None
        payload = read_exact(s, int.from_bytes(start[1:], 'big'))
        return None if payload is None else (start[0], payload)
    except ConnectionResetError:
        return None


def last_error(s):
    """Reads to the end or to an ERROR; its code, or None."""
    while (f := read_frame(s)) is not None:
        if f[0] == ERROR:
            return uncbor(f[1])[0][1]
        if f[0] in (EXIT, RESULT):
            return None
    return None
