#!/usr/bin/env python3
"""Requests of public test suites over real TLS, and whether each gets the
verdict that the suite's index expects.

  https_vectors.py FOLDER HOST:PORT

FOLDER holds INDEX.json and the requests. Prints "ok NAME" or "not ok NAME: why"
a request, NAME the file's. Behind each request that is whole the same connection
carries a good one, the sentinel: it shows where the server believes the first
has ended. It asks to close, so that an answer is read to the connection's end
and nothing here waits for a time to pass. It alone asks for /health, whose body
tells its answer from others."""
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from web import Answer, Web, dial, take_answer  # noqa: E402

SENTINEL = b'GET /health HTTP/1.1\r\nHost: sentinel\r\nConnection: close\r\n\r\n'

NO_HOST = 'HTTP/1.1 without Host, RFC 9112 3.2'
# Accepted by the suite, and refused by whoever follows the RFC: the reason is
# what the server's answer is then judged by. Http11Probe decides where it speaks.
OVERRULED = {
    'gunicorn/valid-compat_obs_fold.req': 'obs-fold, RFC 9112 5.2',
    'gunicorn/valid-pp_04.req': 'PROXY protocol, which nobody speaks here',
    'gunicorn/valid-rfc9112_target_absolute_ipv6_01.req': None,
    'llhttp/invalid-Spaces_before_headers_lenient_-request-lenient-headers.req':
        'obs-fold, accepted only by a lenient flag',
    'llhttp/lenient-headers-Header_value_lenient_-request-lenient-headers.req':
        'form feed in a value, accepted only by a lenient flag',
    'llhttp/lenient-version-Invalid_HTTP_version_lenient_-request-lenient-version.req':
        'HTTP/5.6, accepted only by a lenient flag',
    'llhttp/method-ANNOUNCE_request_with_RTSP-request.req': 'RTSP',
    'llhttp/uri-_host_port_and_basic_auth-request.req': 'a user name in a target, RFC 9110 4.2.4',
    'llhttp/method-M-SEARCH_request-request.req':
        'asterisk-form is for OPTIONS alone, RFC 9112 3.2.4',
}
# Rejected by the suite for a limit or a rule of its own, and good HTTP.
ALLOWED = {
    'gunicorn/invalid-011.req': 'three fields are too many only for gunicorn so configured',
    'gunicorn/invalid-012.req': 'three fields are too many only for gunicorn so configured',
    'gunicorn/invalid-041.req': 'Content-Type twice says nothing about the framing',
}
# Its body goes on and takes in the sentinel: no answer comes before its end.
CUT = {'gunicorn/valid-099.req'}
# HTTP/1.0 is closed after its answer, whatever it asks for: RFC 9112 C.2.2 leaves that
# to the server.
ONCE = {'gunicorn/valid-022.req'}
# Bytes that are left over after a good message, and are the beginning of a bad
# one together with what follows: two answers, the second an error.
LEFT_OVER = {
    'http-garden/Server-3-Sending_an_extra_byte_after_a_request_with_a_chunk.req',
    'http-garden/Server-32-_Content-Length_headers_are_interpreted_with_str.req',
    'llhttp/connection-CRLF_between_requests_implicit_keep-alive_-request.req',
}


def overruled(file, raw):
    """Why a request that the suite accepts must or may be refused, or None."""
    if OVERRULED.get(file):
        return OVERRULED[file]
    start, _, head = raw.lstrip(b'\r\n').partition(b'\r\n')
    if start.endswith(b'HTTP/1.1') and not re.search(rb'(?im)^host:', head.split(b'\r\n\r\n')[0]):
        return NO_HOST
    if b'#' in start:
        return 'a fragment is not part of a request target, RFC 9112 3.2.1'
    return None


def with_host(raw):
    """The same for those that leave Host out, which are refused for that alone."""
    return re.sub(rb' HTTP/1\.1\r\n', b' HTTP/1.1\r\nHost: a\r\n', raw)


def variants(entry, raw):
    if entry['expected'] == 'accept' and overruled(entry['file'], raw) == NO_HOST:
        return raw, with_host(raw)
    return (raw,)


def stays(raw):
    """Whether the connection is to be kept after the last message."""
    return b'HTTP/1.0' not in raw and not re.search(rb'(?im)^connection: *close', raw)


def answers(data, head):
    """Every answer in data, (status, headers) each; interim ones apart."""
    final, interim = [], []
    while data:
        # The sentinel is no HEAD, so only the first can be without its body.
        status, headers, body, data = take_answer(data, head and not final)
        if status < 200:
            interim.append(status)
        else:
            final.append((status, headers, body.startswith(b'{"ready":')))
    return final, interim


class Got:
    """What came back: answers to the request, whether the sentinel was
    answered, and whether the connection was closed by the server."""

    def __init__(self, at, raw, sentinel):
        s = dial(at)
        data = b''
        try:
            s.sendall(raw + (SENTINEL if sentinel else b''))
            if not sentinel:
                # Another connection's answer, after which this one's bytes have
                # been looked at: the gateway and the gate keep the order.
                for _ in range(3):
                    Web(at).get('/health')
                s.setblocking(False)
            while more := s.recv(65536):
                data += more
            self.closed = True
        except (BlockingIOError, OSError) as e:
            self.closed = not isinstance(e, BlockingIOError) and 'did not complete' not in str(e)
        s.close()
        final, self.interim = answers(data, raw.lstrip(b'\r\n').startswith(b'HEAD '))
        self.sentinel = bool(final) and final[-1][2]
        self.final = final[:-1] if self.sentinel else final

    def refused(self):
        """An error, or a close, and nothing after it."""
        return not self.sentinel and (not self.final or (len(self.final) == 1 and
               self.final[0][0] in (400, 405, 408, 413, 414, 417, 431, 501, 505)))

    def understood(self, n=1):
        """n messages and the sentinel, which nothing of them was taken for."""
        return len(self.final) == n and all(f[0] in (200, 204, 404, 405, 413, 501)
                                            for f in self.final)

    def then_refused(self):
        """One message, then an error and nothing after it."""
        return (not self.sentinel and len(self.final) == 2 and self.final[0][0] in (200, 404, 405) and
                self.final[1][0] in (400, 405, 501))

    def __str__(self):
        return (f'answers {[f[0] for f in self.final]}, interim {self.interim}, sentinel '
                f'{"answered" if self.sentinel else "not answered"}')


def one_framing(raw, got):
    """For gadgets with both framings: which of them the server may follow."""
    if got.refused():
        return True
    head = raw.split(b'\r\n\r\n')[0].split(b'\r\n')[1:]
    names = {line.partition(b':')[0].lower(): line.partition(b':')[2].strip(b' \t') for line in head}
    both = b'content-length' in names and b'transfer-encoding' in names
    return len(got.final) <= 1 and not (both and got.sentinel)


def statuses(text):
    return [int(n) for n in re.findall(r'\b[1-5]\d\d\b', text)]


def judge_reject(entry, got, raw):
    text = entry['expected_text'] or ''
    if text.startswith('Exact('):
        return got.refused() and [f[0] for f in got.final] == statuses(text)
    if 'Data after' in text:  # ignored: nothing behind the last message is looked at
        return not got.sentinel and len(got.final) == 1
    if '405 + Allow' in text:
        return got.final[0][0] == 405 and 'allow' in got.final[0][1]
    if entry['file'] in ALLOWED:
        return got.refused() or got.understood()
    if '501/405' in text:
        return got.refused() or (got.understood() and got.final[0][0] in (405, 501))
    return got.refused()


def judge_accept(entry, got, raw):
    why = overruled(entry['file'], raw)
    if why:
        return got.refused() or got.understood()
    if entry['file'] in CUT:
        return not got.sentinel and not got.final
    if entry['file'] in ONCE:
        return got.understood() and not got.sentinel
    text = entry['expected_text'] or ''
    found = re.match(r'(\d+) (?:complete|request)', text)
    if 'Allow header' in text or 'Date header' in text:
        wanted = 'allow' if 'Allow' in text else 'date'
        return got.understood() and wanted in got.final[0][1]
    if entry['file'].endswith('Expect_header.req'):
        return got.understood()
    return (got.understood(int(found.group(1)) if found else 1) and
            got.sentinel == stays(raw))


def judge(entry, got, raw):
    expected, text = entry['expected'], entry['expected_text'] or ''
    if 101 in got.interim or any(f[0] == 101 for f in got.final):
        return False
    if b'HTTP/1.0' in raw.split(b'\r\n')[0] and got.interim:
        return False
    if entry['file'] in LEFT_OVER:
        return got.then_refused()
    if expected == 'reject':
        return judge_reject(entry, got, raw)
    if expected == 'accept':
        return judge_accept(entry, got, raw)
    if expected == 'incomplete':
        # Waits; or refuses what cannot become good any more.
        return not got.final or got.refused()
    if expected == 'reject-or-safe':
        return one_framing(raw, got)
    if expected == 'sequence' and text.startswith('2xx + 2xx'):
        return got.understood() and got.sentinel
    if expected == 'sequence' and 'desync' in (entry['description'] or '').lower() and \
            'CLTE' not in entry['id'] and 'TE-DUP' not in entry['id']:
        # A body that is read to its end, or a close: never taken for a request.
        return got.refused() or (got.understood() and (got.sentinel or got.closed))
    if expected == 'sequence':
        return one_framing(raw, got)
    if '2xx+close' in text:
        return got.refused() or (got.understood() and not got.sentinel)
    return got.refused() or got.understood()


def whole(entry, raw):
    """Whether the sentinel can follow: not when the request waits for more."""
    return (entry['expected'] != 'incomplete' and 'timeout' not in (entry['expected_text'] or '') and
            raw != b'')


def main():
    folder, at = sys.argv[1:]
    with open(os.path.join(folder, 'INDEX.json'), encoding='utf-8') as f:
        index = json.load(f)
    failed = 0

    def run(entry):
        with open(os.path.join(folder, entry['file']), 'rb') as f:
            raw = f.read()
        for bytes_ in variants(entry, raw):
            try:
                got = Got(at, bytes_, whole(entry, bytes_))
            except (Answer, EOFError, OSError) as e:
                return entry, f'no answer, or none that is HTTP: {type(e).__name__} {e}'
            if not judge(entry, got, bytes_):
                return entry, f'wanted {entry["expected"]} ({entry["expected_text"]}), got {got}'
        return entry, None

    with ThreadPoolExecutor(16) as pool:
        for entry, why in pool.map(run, index):
            name = entry['file'].removesuffix('.req')
            failed += why is not None
            print(f'ok {name}' if why is None else f'not ok {name}: {why}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
