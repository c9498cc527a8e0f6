#!/usr/bin/env python3
"""An enclave that misbehaves, against `casemate pull`, `push`, `exec`, `ctl`, `logs`,
`top` and `events`.

  hostile_enclave.py CASEMATE FOLDER

Listens on a hybrid vsock socket of its own in FOLDER, answers each session with
given frames, and looks at what the tool did: its status, its message, and that
nothing outside the destination changed. Prints "ok NAME" or "not ok NAME: why"."""
import os
import re
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import *  # noqa: E402,F403

TOOL, FOLDER = sys.argv[1], sys.argv[2]
SOCKET = os.path.join(FOLDER, 'vm')
failed = 0


def snapshot(top):
    """Every path below top with what it is and holds."""
    found = {}
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[path] = 'link ' + os.readlink(path)
            elif os.path.isfile(path):
                with open(path, 'rb') as f:
                    found[path] = f.read()
            else:
                found[path] = 'dir'
    return found


def serve(listener, answer):
    """One session: CONNECT, REQUEST, then the answer; and reads to the end."""
    s, _ = listener.accept()
    s.settimeout(60)
    line = b''
    while not line.endswith(b'\n'):
        line += s.recv(1)
    s.sendall(b'OK 1024\n')
    if read_frame(s) is not None:
        try:
            s.sendall(answer)
        except OSError:
            pass
    hang_up(s)


def session(answer, *argv):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(SOCKET)
    listener.listen()
    thread = threading.Thread(target=serve, args=(listener, answer))
    thread.start()
    done = subprocess.run([TOOL, *argv], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    thread.join()
    listener.close()
    os.unlink(SOCKET)
    return done


def report(name, why):
    global failed
    failed |= why is not None
    print(f'ok {name}' if why is None else f'not ok {name}: {why}', flush=True)


def judge(done, says):
    err = done.stderr.decode(errors='backslashreplace')
    if done.returncode not in (1, 125):
        return f'status {done.returncode}, said {err!r}'
    if not re.search(says, err):
        return f'said {err!r}, wanted {says!r}'
    if err.count('\n') != 1 or re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f]', err):
        return f'not one printable line: {err!r}'
    return None


ACCEPTED = frame(ACCEPT)


def pull(name, answer, says, resume=False):
    """The answer must be refused, and leave dst and all around it as it was."""
    home = os.path.join(FOLDER, 'home')
    dst = os.path.join(home, 'dst')
    os.makedirs(os.path.join(dst, 'sub'))
    os.makedirs(os.path.join(home, 'outside'))
    for path in ('dst/keep', 'outside/secret', 'dst/sub/file'):
        with open(os.path.join(home, path), 'wb') as f:
            f.write(b'as it was')
    os.symlink('../outside', os.path.join(dst, 'way'))
    before = snapshot(home)
    options = ['--resume'] if resume else []
    done = session(ACCEPTED + answer, 'pull', *options, f'unix:{SOCKET}:/x', dst + '/')
    after = snapshot(home)
    changed = sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))
    if resume:  # what has arrived is kept, but never under a final name
        changed = [p for p in changed if '/.casemate-' not in p]
    report('pull-' + name, f'changed: {changed}' if changed else judge(done, says))
    subprocess.run(['rm', '-rf', home], check=True)


def pulls():
    t = Transfer
    for bad in (b'..', b'.', b'', b'a/b', b'/tmp/escaped', b'../outside/secret', b'a\0b'):
        shown = bad.decode().replace('/', '!').replace('\0', '%00') or 'empty'
        pull(f'name-{shown}', t().file(bad, b'x').done(), 'protocol error')
        pull(f'folder-{shown}', t().dir(bad).file(b'x', b'x').leave().done(), 'protocol error')
        pull(f'link-{shown}', t().link(bad, b'x').done(), 'protocol error')
    pull('same-name-twice', t().file(b'a', b'1').file(b'a', b'2').done(), 'duplicate')
    pull('link-then-folder', t().link(b'd', b'../outside').dir(b'd').file(b'secret', b'x').leave().done(),
         'duplicate')
    pull('link-then-file', t().link(b'f', b'../outside/secret').file(b'f', b'x').done(), 'duplicate')
    pull('through-link-in-destination', t().dir(b'way').file(b'secret', b'x').leave().done(), 'conflict')
    pull('file-over-folder', t().file(b'sub', b'x').done(), 'conflict')
    pull('folder-over-file', t().dir(b'keep').leave().done(), 'conflict')
    pull('name-of-the-stage', t().dir(b'new').file(b'../../outside/secret', b'x').leave().done(), 'protocol')
    pull('too-deep', b''.join(entry(DIR, b'd') for _ in range(65)), 'limit')
    pull('leave-nothing', frame(LEAVE), 'protocol error')
    pull('leave-the-root', t().file(b'a', b'x').out + frame(LEAVE), 'protocol error')
    pull('wrong-digest', entry(FILE, b'keep', 1) + frame(DATA, b'x') + frame(END, bytes(48)), 'digest')
    pull('wrong-sum', t().file(b'keep', b'x').done(bytes(48)), 'digest')
    pull('more-than-announced', entry(FILE, b'keep', 1) + frame(DATA, b'xy'), 'protocol error')
    pull('hole-beyond', entry(FILE, b'keep', 1) + frame(HOLE, (1 << 62).to_bytes(8, 'big')), 'protocol error')
    pull('endless-file', entry(FILE, b'keep', 1 << 62), 'limit')
    pull('no-end', t().file(b'keep', b'x').out, 'ended before')
    pull('nothing', b'', 'ended before')
    pull('exec-frame', frame(STDOUT, b'x'), 'protocol error')
    pull('unknown-frame', b'\x7f\0\0\0', 'protocol error')
    pull('frame-over-its-limit', b'\x21\xff\xff\xff', 'protocol error')
    pull('accept-twice', ACCEPTED, 'protocol error')
    pull('error-with-control-bytes', frame(ERROR, cbor({1: 5, 2: b'\x1b]0;x\x07\r\nFAKE\xc2\x9b1m'})),
         r'not found.*FAKE')
    pull('error-of-no-code', frame(ERROR, cbor({1: 99, 2: b'x'})), 'malformed|protocol')
    pull('from-unasked', entry(FILE, b'keep', 1 << 20) + frame(FROM, bytes(8)), 'protocol error')
    pull('from-beyond-have', entry(FILE, b'big', 1 << 20) + frame(FROM, (1 << 19).to_bytes(8, 'big')),
         'protocol error', resume=True)
    pull('resume-cut', entry(FILE, b'big', 1 << 20) + frame(FROM, bytes(8)) + frame(DATA, b'x' * 1000),
         'ended before', resume=True)


def cut_pull():
    """A good pull cut at every byte: never a file under its final name."""
    home = os.path.join(FOLDER, 'home')
    good = ACCEPTED + Transfer().dir(b'd').file(b'f', b'abc').link(b'l', b'f').leave().done()
    wrong = None
    for i in range(len(good)):
        os.makedirs(home)
        done = session(good[:i], 'pull', f'unix:{SOCKET}:/x', home + '/')
        if snapshot(home) or done.returncode != 1:
            wrong = f'at byte {i}: status {done.returncode}, {sorted(snapshot(home))}'
        subprocess.run(['rm', '-rf', home], check=True)
    report('pull-cut-at-every-byte', wrong)
    os.makedirs(home)
    done = session(good, 'pull', f'unix:{SOCKET}:/x', home + '/')
    got = snapshot(home)
    fine = done.returncode == 0 and got.get(home + '/d/f') == b'abc' and got.get(home + '/d/l') == 'link f'
    report('pull-uncut', None if fine else f'status {done.returncode}, {got}')
    subprocess.run(['rm', '-rf', home], check=True)


def pushes():
    source = os.path.join(FOLDER, 'source')
    with open(source, 'wb') as f:
        f.write(b'x' * 100000)

    def push(name, answer, says):
        report('push-' + name, judge(session(answer, 'push', source, f'unix:{SOCKET}:/x'), says))

    push('never-accepted', b'', 'ended before|without an answer')
    push('refused', frame(ERROR, cbor({1: 8, 2: b'/x'})), 'no space')
    push('wrong-result', ACCEPTED + frame(RESULT, bytes(48)), 'protocol|digest')
    push('result-malformed', ACCEPTED + frame(RESULT, b'\xff'), 'protocol')
    push('frame-of-a-sender', ACCEPTED + frame(DATA, b'x'), 'protocol')
    push('have-unasked', ACCEPTED + frame(HAVE, bytes(56)), 'protocol')


def execs():
    def execute(name, answer, says):
        report('exec-' + name, judge(session(answer, 'exec', f'unix:{SOCKET}', '--', 'x'), says))

    execute('never-accepted', b'', 'without an answer')
    execute('no-exit', ACCEPTED + frame(STDOUT, b'x'), 'ended before')
    # U+202E turns what follows it around.
    execute('error-with-control-bytes', frame(ERROR, cbor({1: 4, 2: b'\x1b]0;x\x07\r\n\xe2\x80\xaeFAKE\xc2\x9b1m'})),
            r'denied.*\?FAKE\?1m')
    execute('stdin', ACCEPTED + frame(STDIN, b'x'), 'protocol error')


def looks():
    web = service(1, b'web', k13=10)
    out = record(1, 0, 1, 1, b'one\n')

    def look(name, answer, says, verb='events', *rest):
        argv = ['ctl', f'unix:{SOCKET}', 'status', *rest] if verb == 'ctl' else [verb, f'unix:{SOCKET}', *rest]
        report(f'{verb}-{name}', judge(session(answer, *argv), says))

    for verb in ('ctl', 'logs', 'top', 'events'):
        look('never-accepted', b'', 'without an answer', verb)
        look('refused', frame(ERROR, cbor({1: 4, 2: b'no\x1b[2J'})), r'says: denied: no\?\[2J', verb)
        look('no-exit', ACCEPTED + web, 'ended before', verb)
        look('cut-service', ACCEPTED + web[:20], 'ended before', verb)
        look('service-too-long', ACCEPTED + bytes([SERVICE, 0, 0x20, 1]), 'over its limit', verb)
        look('service-malformed', ACCEPTED + frame(SERVICE, cbor({1: 1})), 'malformed SERVICE', verb)
        look('service-number-0', ACCEPTED + service(0, b'web'), 'malformed SERVICE', verb)
        look('service-number-17', ACCEPTED + service(17, b'web'), 'malformed SERVICE', verb)
        look('service-name-escape', ACCEPTED + service(1, b'\x1b[2J'), 'malformed SERVICE', verb)
        look('service-name-empty', ACCEPTED + service(1, b''), 'malformed SERVICE', verb)
        look('service-huge', ACCEPTED + service(1, b'web', k9=1 << 63), 'malformed SERVICE', verb)
        look('service-state-8', ACCEPTED + service(1, b'web', k3=8), 'malformed SERVICE', verb)
        look('service-endless', ACCEPTED + web * 5000, 'number twice', verb)
        look('service-name-twice', ACCEPTED + web + service(2, b'web'), 'a SERVICE twice', verb)
        look('exit-not-0', ACCEPTED + web + frame(EXIT, bytes(7) + b'\1'), 'makes no sense', verb)
        look('exec-frame', ACCEPTED + web + frame(STDOUT, b'x'), 'protocol error', verb)
        look('unknown-frame', ACCEPTED + b'\x7f\0\0\0', 'does not allow', verb)
        look('accept-twice', ACCEPTED + ACCEPTED, 'protocol error', verb)
    for verb in ('ctl', 'top'):
        look('record-unasked', ACCEPTED + web + out, 'not asked for', verb)
    look('event-unasked', ACCEPTED + web + record(1, 0, 1, 17), 'not asked for', 'logs')
    for verb in ('logs', 'events'):
        look('record-too-long', ACCEPTED + web + bytes([RECORD, 0, 0x20, 1]), 'over its limit', verb)
        look('record-cut', ACCEPTED + web + out[:-1], 'ended before', verb)
        look('record-malformed', ACCEPTED + web + frame(RECORD, bytes(25)), 'malformed RECORD', verb)
        look('record-of-no-kind', ACCEPTED + web + record(1, 0, 1, 9, b'x'), 'malformed RECORD', verb)
        look('record-of-unknown-service', ACCEPTED + web + record(1, 0, 2, 1, b'x'), 'not announced', verb)
        look('sequence-same', ACCEPTED + web + out + record(1, 4, 1, 1, b'x'), 'sequence', verb)
        look('sequence-back', ACCEPTED + web + record(9, 0, 1, 1, b'x') + record(8, 1, 1, 1, b'x'), 'sequence', verb)
        look('position-back', ACCEPTED + web + out + record(2, 3, 1, 1, b'x'), 'position', verb)
        look('position-over', ACCEPTED + web + record(2, (1 << 64) - 1, 1, 1, b'x'), 'position', verb)
        look('service-late', ACCEPTED + web + out + service(2, b'db'), 'behind a RECORD', verb)
    look('other-service', ACCEPTED + web, 'not asked for', 'ctl', 'db')
    look('other-service', ACCEPTED + web, 'not asked for', 'logs', 'db')
    look('fewer-services', ACCEPTED + frame(EXIT, bytes(8)), 'fewer services', 'ctl', 'db')

    def control(name, answer, says):
        report('control-' + name, judge(session(answer, 'ctl', f'unix:{SOCKET}', 'signal', 'web', 'HUP'), says))

    control('never-accepted', b'', 'without an answer')
    control('refused', frame(ERROR, cbor({1: 12, 2: b'web does not run'})), 'conflict: web does not run')
    control('no-exit', ACCEPTED, 'ended before')
    control('service', ACCEPTED + web, 'control does not allow')
    control('record', ACCEPTED + out, 'not asked for')
    control('exit-killed', ACCEPTED + frame(EXIT, bytes(6) + b'\1\1'), 'makes no sense')


pulls()
cut_pull()
pushes()
execs()
looks()
sys.exit(1 if failed else 0)
