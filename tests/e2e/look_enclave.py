#!/usr/bin/env python3
"""`casemate ctl`, `logs`, `top` and `events` against an enclave that says what a
case wants it to.

  look_enclave.py CASEMATE FOLDER

Listens on a hybrid vsock socket of its own in FOLDER. A case is a list of
sessions: what each must ask for, and the frames that are the answer. Prints "ok
NAME" or "not ok NAME: why"."""
import json
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import *  # noqa: E402,F403

TOOL, FOLDER = sys.argv[1], sys.argv[2]
SOCKET = os.path.join(FOLDER, 'vm')
TARGET = f'unix:{SOCKET}'
ACCEPTED = frame(ACCEPT)
OVER = frame(EXIT, bytes(8))
LOGS, EVENTS, FOLLOW = 1, 2, 4
OUT, ERR = 1, 2
STARTING, READY, BUSY, STATUS, STOPPING, ENDED, FAILED, TERMINATED, DIAGNOSTIC = range(16, 25)
failed = 0


class Session:
    """One connection: what it must ask for (a map, without version), and what is
    answered; then it is ended, unless it is held open until `release` is set."""

    def __init__(self, request, answer, hold=None):
        self.request, self.answer, self.hold = request, answer, hold


def look(names=(), flags=0, since=0):
    return {2: LOOK, 3: [n.encode() for n in names], 4: flags, 10: since}


def control(word, name, signal=0):
    return {2: CONTROL, 3: [word, name], 4: signal}


class Enclave:
    def __init__(self, *sessions):
        self.sessions, self.wrong, self.threads, self.accepted = sessions, [], [], 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(SOCKET)
        self.listener.listen()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for number, session in enumerate(self.sessions):
            s, _ = self.listener.accept()
            self.accepted += 1
            s.settimeout(60)
            self.threads.append(threading.Thread(target=self.serve, args=(number, session, s)))
            self.threads[-1].start()

    def serve(self, number, session, s):
        line = b''
        while not line.endswith(b'\n'):
            c = s.recv(1)
            if not c:
                return
            line += c
        s.sendall(b'OK 1024\n')
        got = read_frame(s)
        asked = None if got is None else uncbor(got[1])[0]
        wanted = {1: 2, **session.request}
        if asked is not None:
            asked[3] = [w.decode() if not isinstance(w, str) else w for w in asked[3]]
            wanted[3] = [w.decode() if not isinstance(w, str) else w for w in wanted[3]]
            if callable(wanted.get(10)):
                wanted[10] = asked[10] if wanted[10](asked[10]) else 'another'
        if asked != wanted:
            self.wrong.append(f'session {number} asked {asked}, wanted {wanted}')
        try:
            s.sendall(session.answer)
            if session.hold:
                more = session.hold(s)
                s.sendall(more or b'')
        except OSError:
            pass
        hang_up(s)

    def end(self):
        """What was wrong; all sessions must have taken place."""
        missing = len(self.sessions) - self.accepted
        if missing > 0:
            self.wrong.append(f'{missing} sessions fewer than wanted')
        for _ in range(missing):  # so that those who wait for them go on
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(SOCKET)
        self.thread.join()
        for t in self.threads:
            t.join()
        self.listener.close()
        os.unlink(SOCKET)
        return '; '.join(self.wrong)


def report(name, why):
    global failed
    failed |= bool(why)
    print(f'not ok {name}: {why}' if why else f'ok {name}', flush=True)


def case(name, sessions, argv, out=None, err='', status=0, check=None):
    enclave = Enclave(*sessions)
    done = subprocess.run([TOOL, *argv], capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=120)
    why = enclave.end()
    got = (done.returncode, done.stdout, done.stderr.decode())
    if (got[0], got[2]) != (status, err):
        why += f' got {got}, wanted {status}, {err!r}'
    if not why and out is not None and got[1] != out:
        why = f'printed {got[1]!r}, wanted {out!r}'
    if not why and check:
        why = check(done.stdout.decode())
    report(name, why)


WEB, DB = service(1, b'web'), service(2, b'db')


def texts(records, first=1):
    """RECORDs of one after another: (service, stream, text), positions counted."""
    at, out = {}, b''
    for i, (number, kind, text) in enumerate(records):
        slot = number if kind < 16 else 0
        out += record(first + i, at.get(slot, 0), number, kind, text)
        at[slot] = at.get(slot, 0) + len(text)
    return out


def logs():
    all_logs = look(flags=LOGS)
    one = ACCEPTED + WEB

    def log(name, answer, argv, out, err='', status=0, request=all_logs):
        case('logs-' + name, [Session(request, answer)], ['logs', TARGET, *argv], out, err, status)

    log('nothing', one + OVER, [], b'')
    log('no-services', ACCEPTED + OVER, [], b'')
    raw = bytes(range(256)) + b'\xff\x1b[2J\r\n'
    log('bytes-as-they-are', one + texts([(1, OUT, raw)]) + OVER, [], raw)
    log('pieces', one + texts([(1, OUT, b'a'), (1, ERR, b'X'), (1, OUT, b'b\nc'), (1, ERR, b'Y\n'), (1, OUT, b'd\n')])
        + OVER, [], b'ab\ncd\n', 'XY\n')
    log('last-line', one + texts([(1, OUT, b'a\nrest')]) + OVER, [], b'a\nrest')
    log('cut', one + texts([(1, OUT, b'a\nrest')]), [], b'a\nrest',
        f'casemate: logs: {TARGET}: system error: the connection ended before the answer did\n', 1)
    two = texts([(1, OUT, b'a'), (2, OUT, b'1\n2'), (1, OUT, b'b\n'), (2, ERR, b'e\n'), (2, OUT, b'3\n')])
    log('two-services', ACCEPTED + WEB + DB + two + OVER, [], b'db | 1\nweb | ab\ndb | 23\n', 'db | e\n')
    log('two-asked', ACCEPTED + DB + WEB + two + OVER, ['web', 'db', 'web'],
        b'db | 1\nweb | ab\ndb | 23\n', 'db | e\n', request=look(['web', 'db'], LOGS))
    log('one-asked', one + texts([(1, OUT, b'a\n')]) + OVER, ['web'], b'a\n', request=look(['web'], LOGS))
    log('two-unfinished', ACCEPTED + WEB + DB + texts([(1, OUT, b'a'), (2, OUT, b'b')]) + OVER, [], b'web | a\ndb | b')
    stamped = record(1, 0, 1, OUT, b'a', 1795758724_000000001) + record(2, 1, 1, OUT, b'b\nc\n', 1795758725_000000000)
    log('timestamps', one + stamped + OVER, ['-t'],
        b'2026-11-27T05:52:04.000000001Z ab\n2026-11-27T05:52:05.000000000Z c\n')
    log('timestamps-two', ACCEPTED + WEB + DB + stamped + OVER, ['--timestamps'],
        b'web | 2026-11-27T05:52:04.000000001Z ab\nweb | 2026-11-27T05:52:05.000000000Z c\n')
    gaps = record(1, 10, 1, OUT, b'half') + record(2, 12359, 1, OUT, b'other\n') + record(3, 12365, 1, OUT, b'more\n')
    log('gap', one + gaps + OVER, [], b'half\nother\nmore\n',
        'casemate: logs: web: 10 bytes are not kept any more\n'
        'casemate: logs: web: 12345 bytes are not kept any more\n')
    log('gap-since', one + gaps + OVER, ['--since', '2026-11-27T05:52:04Z'], b'half\nother\nmore\n',
        'casemate: logs: web: 12345 bytes are not kept any more\n',
        request=look(flags=LOGS, since=1795758724_000000000))
    before = time.time_ns()
    log('since-ago', one + OVER, ['--since', '10m'], b'',
        request=look(flags=LOGS, since=lambda ns: 0 <= ns - before + 600 * 10**9 < 60 * 10**9))
    long = b'x' * 40000 + b'\n'
    pieces = [(1, OUT, long[i:i + 8000]) for i in range(0, len(long), 8000)]
    log('long-line', one + texts(pieces) + OVER, [], long)
    log('long-line-once-prefixed', ACCEPTED + WEB + DB + texts(pieces) + OVER, [], b'web | ' + long)
    pieces.insert(3, (2, OUT, b'db\n'))
    got = b'web | ' + b'x' * 16384 + b'\ndb | db\nweb | ' + long[16384:]
    log('long-line-between', ACCEPTED + WEB + DB + texts(pieces) + OVER, [], got)

    lines = texts([(1, OUT, b'%d\n' % i) for i in range(1, 100)] + [(1, ERR, b'e\n'), (1, OUT, b'rest')])
    log('tail', one + lines + OVER, ['--tail', '4'], b'98\n99\nrest', 'e\n')
    log('tail-all', one + lines + OVER, ['--tail', '100000'],
        b''.join(b'%d\n' % i for i in range(1, 100)) + b'rest', 'e\n')
    log('tail-none', one + lines + OVER, ['--tail', '0'], b'')
    log('tail-no-old-gap', one + record(1, 5, 1, OUT, b'a\n') + OVER, ['--tail', '1'], b'a\n')
    later = record(102, 294, 1, OUT, b' of it\nnew\n') + record(103, 305, 1, OUT, b'end')
    for tail, shown in ((2, b'99\n'), (0, b'')):
        case(f'logs-tail-{tail}-follow', [Session(all_logs, one + lines + OVER),
                                          Session(look(flags=LOGS | FOLLOW), one + lines + later + OVER)],
             ['logs', '-f', TARGET, '--tail', str(tail)], shown + b'rest of it\nnew\nend', 'e\n' if tail else '')


def pipes():
    """What follows goes out at once, whole lines only; the rest at the end."""
    flow = {}

    def hold(s):
        flow['s'] = s
        flow['ready'].set()
        flow['done'].wait(60)
        return OVER

    flow['ready'], flow['done'] = threading.Event(), threading.Event()
    enclave = Enclave(Session(look(flags=LOGS | FOLLOW), ACCEPTED + WEB, hold))
    with subprocess.Popen([TOOL, 'logs', '-f', TARGET], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        flow['ready'].wait(60)
        flow['s'].sendall(record(1, 0, 1, OUT, b'one\ntw'))
        first = os.read(p.stdout.fileno(), 100)
        flow['s'].sendall(record(2, 6, 1, OUT, b'o\nthr'))
        second = os.read(p.stdout.fileno(), 100)
        flow['done'].set()
        rest, err = p.communicate(timeout=60)
    why = enclave.end()
    got = (first, second, rest, err, p.returncode)
    if not why and got != (b'one\n', b'two\n', b'thr', b'', 0):
        why = f'got {got}'
    report('logs-follow-at-once', why)

    # nobody takes the output: the tool ends by itself, silently
    flow['ready'], flow['done'] = threading.Event(), threading.Event()
    enclave = Enclave(Session(look(flags=LOGS | FOLLOW), ACCEPTED + WEB, hold))
    with subprocess.Popen([TOOL, 'logs', '-f', TARGET], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        flow['ready'].wait(60)
        p.stdout.close()
        flow['s'].sendall(record(1, 0, 1, OUT, b'one\n'))
        p.wait(60)
        err = p.stderr.read()
        flow['done'].set()
    why = enclave.end()
    if not why and (p.returncode, err) != (1, b''):
        why = f'status {p.returncode}, said {err!r}'
    report('logs-reader-goes', why)


def on_terminal(argv, *sessions):
    """What is shown there, and the exit status."""
    enclave = Enclave(*sessions)
    master, slave = pty.openpty()
    with subprocess.Popen([TOOL, *argv], stdin=slave, stdout=slave, stderr=slave) as p:
        os.close(slave)
        shown = b''
        while True:
            select.select([master], [], [], 60)
            try:
                got = os.read(master, 65536)
            except OSError:  # the last of its other end is closed
                break
            if not got:
                break
            shown += got
        p.wait(60)
    os.close(master)
    return enclave.end(), shown.replace(b'\r\n', b'\n'), p.returncode


def terminals():
    text = b'ok \x1b[2J\xff\xc2\x9b1m\xe2\x80\xae\t\xc3\xa4\r\n\x07'
    why, shown, status = on_terminal(['logs', TARGET], Session(look(flags=LOGS), ACCEPTED + WEB + texts(
        [(1, OUT, text), (1, ERR, text)]) + OVER))
    clean = b'ok ?[2J??1m?\t\xc3\xa4\n'
    wanted = clean + clean + b'??'
    report('logs-terminal', why or (f'shown {shown!r}, wanted {wanted!r}' if (shown, status) != (wanted, 0) else ''))
    samples = [Session(look(), ACCEPTED + WEB + OVER) for _ in range(3)]
    why, shown, status = on_terminal(['top', '-n', '2', TARGET], *samples)
    good = status == 0 and shown.startswith(b'\x1b[2J\x1b[HNAME ') and shown.count(b'\x1b[H') == 2
    report('top-redraws', why or ('' if good else f'shown {shown!r}'))


def events():
    def event(name, answer, argv, lines, err='', request=look(flags=LOGS | EVENTS)):
        def check(out):
            got = [json.loads(line) for line in out.splitlines()]
            return '' if got == lines and out.replace('\n', '').isprintable() else f'got {got}, wanted {lines}'
        case('events-' + name, [Session(request, answer)], ['events', TARGET, *argv], None, err, 0, check)

    kinds = ['starting', 'ready', 'busy', 'status', 'stopping', 'ended', 'failed', 'terminated', 'diagnostic']
    base = {'time': '2026-11-27T05:52:04.000000000Z'}
    all_kinds = texts([(1, STARTING + i, b'why') for i in range(len(kinds))])
    event('kinds', ACCEPTED + WEB + all_kinds + OVER, [],
          [{**base, 'sequence': i + 1, 'service': 'web', 'event': k, 'text': 'why'} for i, k in enumerate(kinds)])
    event('log', ACCEPTED + WEB + texts([(1, OUT, b'a\n'), (1, ERR, b'b')]) + OVER, [],
          [{**base, 'sequence': 1, 'service': 'web', 'event': 'log', 'stream': 'stdout', 'text': 'a\n'},
           {**base, 'sequence': 2, 'service': 'web', 'event': 'log', 'stream': 'stderr', 'text': 'b'}])
    event('of-the-enclave', ACCEPTED + record((1 << 64) - 1, 0, 0, TERMINATED) + OVER, [],
          [{**base, 'sequence': (1 << 64) - 1, 'service': None, 'event': 'terminated', 'text': ''}])
    odd = b'"\\\x1b[2J\x00\x7f\xc2\x9b\xe2\x80\xae\xc3\xa4'
    event('escapes', ACCEPTED + WEB + texts([(1, OUT, odd)]) + OVER, [],
          [{**base, 'sequence': 1, 'service': 'web', 'event': 'log', 'stream': 'stdout', 'text': odd.decode()}])
    raw = bytes(range(256))
    event('binary', ACCEPTED + WEB + texts([(1, OUT, raw)]) + OVER, [],
          [{**base, 'sequence': 1, 'service': 'web', 'event': 'log', 'stream': 'stdout', 'text': raw.decode('latin-1'),
            'binary': True}])
    event('lost', ACCEPTED + WEB + record(5, 7, 1, READY) + record(6, 3, 1, OUT, b'x') + OVER, [],
          [{**base, 'sequence': 5, 'service': 'web', 'event': 'ready', 'text': ''},
           {**base, 'sequence': 6, 'service': 'web', 'event': 'log', 'stream': 'stdout', 'text': 'x'}],
          'casemate: events: events: 7 bytes are not kept any more\n'
          'casemate: events: web: 3 bytes are not kept any more\n')
    event('follow-since', ACCEPTED + WEB + OVER, ['-f', '--since', '1970-01-01T00:00:01Z'], [],
          request=look(flags=LOGS | EVENTS | FOLLOW, since=10**9))


def statuses():
    def status(name, answer, argv, code, check, request=look()):
        case('status-' + name, [Session(request, answer)], ['ctl', TARGET, 'status', *argv], None, '', code, check)

    def rows(*wanted):
        def check(out):
            got = [' '.join(line.split()) for line in out.splitlines()]
            head = 'NAME STATE PID SINCE STARTS LAST END MEMORY LOG'
            return '' if got == [head, *wanted] else f'got {got}, wanted {[head, *wanted]}'
        return check

    since = time.time_ns() - 2 * 3600 * 10**9
    full = service(1, b'web', 'ready', k4=77, k5=since, k6=3, k7=2, k8=9, k9=12 << 20, k10=64 << 20, k13=2048, k14=512)
    status('table', ACCEPTED + full + service(2, b'job', 'done', k6=1, k7=1) + OVER, [], 0, rows(
        'web ready 77 2 h 0 min 3 killed by 9 (KILL) 12.0 MiB / 64.0 MiB 2.0 KiB (512 B dropped)',
        'job done - - 1 exited 0 0 B 0 B'))
    for state in STATES:
        status(state, ACCEPTED + WEB + service(2, b'x', state) + OVER, [], 0 if state in ('ready', 'done') else 3, None)
    status('none', ACCEPTED + OVER, [], 0, rows())
    status('named', ACCEPTED + WEB + OVER, ['web'], 0, None, look(['web']))

    def check_json(out):
        got = json.loads(out)
        wanted = {'name': 'web', 'number': 1, 'state': 'ready', 'pid': 77, 'starts': 3, 'end': 'killed',
                  'end_status': 9, 'memory': 12 << 20, 'memory_max': 64 << 20, 'cpu_us': 0, 'tasks': 0,
                  'output': 2048, 'dropped': 512, 'out_of_memory': 0}
        at = got[0].pop('since', '')
        good = got[0] == wanted and at.startswith('20') and got[1]['since'] is None and got[1]['end'] is None
        return '' if good and len(got) == 2 else f'got {got}'
    status('json', ACCEPTED + full + DB + OVER, ['--json'], 0, check_json)
    status('json-none', ACCEPTED + OVER, ['--json'], 0, lambda out: '' if json.loads(out) == [] else out)


def changes():
    """start, stop and restart: sessions in their order. What a first look at events
    shows is old. The look that follows is held open, and its events come when the case
    says so, behind the old one, which is not told again."""
    def change(name, word, states, code, err='', told=(), word_answer=ACCEPTED + OVER):
        asked = look(['web'])
        events = look(['web'], EVENTS, 7)
        follow = look(['web'], EVENTS | FOLLOW, 7)
        old = record(1, 0, 1, FAILED, b'long ago')
        queue = [record(i + 2, 1000 * (i + 1), 1, *t) for i, t in enumerate(told)]
        looked = threading.Semaphore(0)

        def hold(s):
            """One event each time that the tool has looked and not seen enough."""
            for r in queue:
                looked.acquire(timeout=60)
                s.sendall(r)
            if queue:
                s.recv(1)  # until the tool has seen enough

        def seen(_):
            looked.release()

        sessions = [Session(asked, ACCEPTED + service(1, b'web', states[0][0], k5=7, k6=states[0][1]) + OVER),
                    Session(events, ACCEPTED + WEB + old + OVER),
                    Session(follow, ACCEPTED + WEB + old, hold),
                    Session(control(word, 'web'), word_answer)]
        sessions += [Session(asked, ACCEPTED + service(1, b'web', s, k5=9, k6=n, k7=end[0] if end else 1, k8=4) + OVER, seen)
                     for s, n, *end in states[1:]]
        case('ctl-' + name, sessions, ['ctl', TARGET, word, 'web'], b'', err, code)

    change('start-at-once', 'start', [('stopped', 0), ('ready', 1)], 0)
    change('start-waits', 'start', [('stopped', 0), ('waiting', 0), ('starting', 1), ('ready', 1)], 0,
           told=[(STARTING,), (READY,)])
    change('start-done', 'start', [('stopped', 0), ('starting', 1), ('starting', 1), ('done', 1)], 0, told=[(STARTING,), (ENDED, b'exited with 0')],
           err='casemate: ctl: web ended: exited with 0\n')
    change('start-fails', 'start', [('stopped', 0), ('starting', 1), ('failed', 1)], 1, told=[(FAILED, b'5 starts\x1b')],
           err='casemate: ctl: web failed: 5 starts?\n'
               'casemate: ctl: web did not start: it ended (exited 4), and has failed\n')
    change('start-late', 'start', [('stopped', 0), ('starting', 1), ('starting', 1), ('waiting', 1, 4)], 1,
           told=[(STARTING,), (ENDED, b'was not ready in time; its check exited with status 1: no')],
           err='casemate: ctl: web ended: was not ready in time; its check exited with status 1: no\n'
               'casemate: ctl: web did not start: it was not ready in time, and waits to be started again\n')
    change('start-of-one-that-starts', 'start', [('starting', 1), ('starting', 1), ('failed', 1)], 1,
           told=[(ENDED, b'exited with status 4')],
           err='casemate: ctl: web ended: exited with status 4\n'
               'casemate: ctl: web did not start: it ended (exited 4), and has failed\n')
    change('restart', 'restart', [('ready', 1), ('ready', 1), ('stopping', 1), ('waiting', 1), ('ready', 2)], 0,
           told=[(STOPPING,), (STARTING,), (READY,)])
    # its end was asked for: there is nothing to say of it, unlike that of the one that follows
    change('restart-ends-it', 'restart', [('ready', 1), ('stopping', 1), ('waiting', 1), ('starting', 2), ('ready', 2)], 0,
           told=[(ENDED, b'ended by signal 15'), (STARTING,), (READY,)])
    # the event of its last start may come as well: clocks are not that exact
    change('restart-soon', 'restart', [('starting', 1), ('starting', 1), ('stopping', 1), ('waiting', 1), ('ready', 2)], 0,
           told=[(STARTING,), (ENDED, b'ended by signal 15'), (STARTING,)])
    change('start-of-one-that-ends', 'start', [('stopping', 1), ('killing', 1), ('waiting', 1), ('ready', 2)], 0,
           told=[(ENDED, b'ended by signal 15'), (STARTING,)])
    change('restart-fails', 'restart', [('ready', 1), ('stopping', 1), ('starting', 2), ('starting', 2), ('failed', 2)], 1,
           told=[(ENDED, b'ended by signal 15'), (STARTING,), (ENDED, b'exited with status 4')],
           err='casemate: ctl: web ended: exited with status 4\n'
               'casemate: ctl: web did not restart: it ended (exited 4), and has failed\n')
    change('stop', 'stop', [('ready', 1), ('stopping', 1), ('stopped', 1)], 0, told=[(ENDED, b'killed')])
    change('refused', 'stop', [('ready', 1)], 1, word_answer=frame(ERROR, cbor({1: 4, 2: b'not permitted'})),
           err=f'casemate: ctl: {TARGET} says: denied: not permitted\n')
    change('enclave-stops', 'start', [('stopped', 0), ('waiting', 0)], 1,
           err=f'casemate: ctl: {TARGET}: system error: the connection ended before the answer did\n')
    case('ctl-no-wait', [Session(control('restart', 'web'), ACCEPTED + OVER)],
         ['ctl', '--no-wait', TARGET, 'restart', 'web'], b'')
    for word, number in (('TERM', 15), ('SIGUSR1', 10), ('9', 9)):
        case(f'ctl-signal-{word}', [Session(control('signal', 'web', number), ACCEPTED + OVER)],
             ['ctl', TARGET, 'signal', 'web', word], b'')
    case('ctl-reload', [Session(control('signal', 'web', 1), ACCEPTED + OVER)], ['ctl', TARGET, 'reload', 'web'], b'')
    missing = frame(ERROR, cbor({1: 5, 2: b'there is no service db'}))
    said = f'casemate: ctl: {TARGET} says: not found: there is no service db\n'
    known = Session(look(), ACCEPTED + WEB + service(2, b'queue') + OVER)
    has = f'casemate: ctl: {TARGET} has no service db; its services are: web, queue\n'
    case('ctl-no-such-service', [Session(look(['db']), missing), known], ['ctl', TARGET, 'start', 'db'], b'', said + has, 1)
    case('ctl-no-such-service-no-wait', [Session(control('start', 'db'), missing), known],
         ['ctl', '--no-wait', TARGET, 'start', 'db'], b'', said + has, 1)
    case('logs-no-such-service', [Session(look(['web', 'db'], LOGS), missing), known], ['logs', TARGET, 'web', 'db'], b'',
         (said + has).replace('ctl', 'logs'), 1)
    case('ctl-no-service-at-all', [Session(look(['db']), missing), Session(look(), ACCEPTED + OVER)],
         ['ctl', TARGET, 'stop', 'db'], b'', said + f'casemate: ctl: {TARGET} has no service db; its services are: none\n', 1)
    # one that says so whatever it is asked is asked once more and no further
    case('ctl-never-found', [Session(look(['db']), missing), Session(look(), missing)], ['ctl', TARGET, 'start', 'db'], b'',
         said + said, 1)


def tops():
    def check(out):
        got = [' '.join(line.split()) for line in out.splitlines()]
        head = 'NAME STATE CPU MEMORY / LIMIT TASKS'
        new = got[2].split() if len(got) > 2 else []
        good = len(got) == 4 and got[0] == head and new[:2] == ['db', 'ready'] and new[2] == '-'
        used = float(got[1].split()[2].rstrip('%'))
        good = good and got[1].split()[:2] == ['web', 'ready'] and got[1].endswith('6.0 MiB / 24.0 MiB 25.0% 5')
        # half a second of processor in one second and what the looks took
        return '' if good and 1 < used <= 50 and got[3].split()[2] == '-' else f'got {got}'

    def at(cpu, starts=1):
        return service(1, b'web', k6=starts, k9=6 << 20, k10=24 << 20, k11=cpu, k12=5)
    again = service(3, b'job', 'starting', k6=2, k11=5)
    case('top', [Session(look(), ACCEPTED + at(1000000) + service(3, b'job', k6=1, k11=1) + OVER),
                 Session(look(), ACCEPTED + at(1500000) + DB + again + OVER)],
         ['top', '-n', '1', TARGET], check=check)
    case('top-three', [Session(look(), ACCEPTED + at(1000000) + OVER) for _ in range(4)],
         ['top', '--count', '3', TARGET], check=lambda out: '' if out.count('NAME') == 3 else out)


logs()
pipes()
terminals()
events()
statuses()
changes()
tops()
sys.exit(1 if failed else 0)
