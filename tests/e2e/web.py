"""HTTPS for the tests, by Python's ssl: no certificate is checked here, since
the enclave's is its own."""
import json
import socket
import ssl


def context(session_tickets=True):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if not session_tickets:
        c.options |= ssl.OP_NO_TICKET
    return c


def address(at):
    host, port = at.rsplit(':', 1)
    return host, int(port)


def dial(at, timeout=60, ctx=None, session=None):
    """A TLS connection; at is HOST:PORT."""
    s = socket.create_connection(address(at), timeout)
    try:
        return (ctx or context()).wrap_socket(s, server_hostname='casemate', session=session)
    except BaseException:
        s.close()
        raise


class Answer(Exception):
    pass


def take_line(data):
    line, found, rest = data.partition(b'\r\n')
    if not found:
        raise EOFError
    return line, rest


def take_answer(data, head_only=False):
    """The first HTTP answer of data, strictly: (status, headers, body, rest).
    EOFError when it is not whole, Answer when it is no answer."""
    line, rest = take_line(data)
    words = line.split(b' ', 2)
    if len(words) < 2 or words[0] != b'HTTP/1.1' or len(words[1]) != 3 or not words[1].isdigit():
        raise Answer(f'not a status line: {line[:80]!r}')
    status, headers = int(words[1]), {}
    while True:
        line, rest = take_line(rest)
        if not line:
            break
        name, colon, value = line.partition(b':')
        key = name.decode('ascii').lower()
        if not colon or not name or key in headers:
            raise Answer(f'header {line[:80]!r}')
        headers[key] = value.strip(b' \t').decode('ascii')
    if 100 <= status < 200 or status == 204 or head_only:
        return status, headers, b'', rest
    if 'content-length' not in headers:
        raise Answer('no Content-Length')
    n = int(headers['content-length'])
    if len(rest) < n:
        raise EOFError
    return status, headers, rest[:n], rest[n:]


class Web:
    """One kept-alive connection."""

    def __init__(self, at, **kw):
        self.s, self.data = dial(at, **kw), b''

    def ask(self, method, path, *headers):
        lines = [f'{method} {path} HTTP/1.1', 'Host: casemate', *headers, '', '']
        self.s.sendall('\r\n'.join(lines).encode())

    def answer(self, head_only=False):
        """(status, headers, body); EOFError when the connection ended before."""
        while True:
            try:
                status, headers, body, self.data = take_answer(self.data, head_only)
                return status, headers, body
            except EOFError:
                more = self.s.recv(65536)
                if not more:
                    raise
                self.data += more

    def get(self, path, *headers):
        self.ask('GET', path, *headers)
        return self.answer()

    def json(self, path):
        status, headers, body = self.get(path)
        if status != 200 or headers.get('content-type') != 'application/json':
            raise Answer(f'{path}: {status} {body[:200]!r}')
        return json.loads(body)

    def metrics(self):
        """Lines of /metrics, by name (labels included)."""
        status, _, body = self.get('/metrics')
        if status != 200:
            raise Answer(f'/metrics: {status}')
        lines = [line.rsplit(' ', 1) for line in body.decode().splitlines()
                 if line and not line.startswith('#')]
        if len({name for name, _ in lines}) != len(lines):
            raise Answer('/metrics: a name twice')
        return {name: float(value) for name, value in lines}

    def spki(self):
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        cert = x509.load_der_x509_certificate(self.s.getpeercert(binary_form=True))
        return cert.public_key().public_bytes(serialization.Encoding.DER,
                                              serialization.PublicFormat.SubjectPublicKeyInfo)

    def close(self):
        self.s.close()
