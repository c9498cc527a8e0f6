"""services_hostile.py SOCKET: peers that misbehave with control and look, against
the services of services.sh's first image; prints cases as the scripts do."""
import socket
import sys

import wire

path, failed = sys.argv[1], False


def show(name, good, why=''):
    global failed
    print(f'ok {name}' if good else f'not ok {name}: {why}')
    failed = failed or not good


def ask(op, **keys):
    s = wire.dial(path)
    s.sendall(wire.request(op, **keys))
    return s


def leave(s):
    """Closes with nothing unread: else the emulator's device does not tell the enclave."""
    s.shutdown(socket.SHUT_WR)
    while s.recv(65536):
        pass
    s.close()


def frames(s):
    """All of a session that ends by itself."""
    out = []
    while (f := wire.read_frame(s)) is not None:
        out.append(f)
        if f[0] in (wire.EXIT, wire.ERROR):
            break
    leave(s)
    return out


def looks():
    """A look works; how many services it tells of."""
    return sum(f[0] == wire.SERVICE for f in frames(ask(wire.LOOK, k3=[])))


def starts(name):
    for kind, payload in frames(ask(wire.LOOK, k3=[name])):
        if kind == wire.SERVICE:
            return wire.uncbor(payload)[0][6]
    return None


def truncated():
    """Every prefix of a request that would stop a service, then the end."""
    whole = wire.request(wire.CONTROL, k3=['restart', 'tick'])
    before = starts('tick')
    for n in range(len(whole)):
        s = wire.dial(path)
        s.sendall(whole[:n])
        s.close()
    show('truncated-control-does-nothing', starts('tick') == before)


def malformed():
    bad = [dict(k3=['restart']), dict(k3=['restart', 'tick', 'x']), dict(k3=['kill', 'tick']), dict(), dict(k3=['', 'tick']),
           dict(k3=['signal', 'tick']), dict(k3=['signal', 'tick'], k4=32), dict(k3=['restart', 'tick'], k10=0),
           dict(k3=['start', 'tick'], k4=9), dict(k3=['restart', b'ti\0ck'])]
    before, codes = starts('tick'), []
    for keys in bad:
        s = ask(wire.CONTROL, **keys)
        codes.append(wire.last_error(s))
        leave(s)
    for keys in (dict(k3=['tick'] * 17), dict(k3=['tick'], k4=8), dict(k3='tick'), dict(k3=['tick'], k10='x')):
        s = ask(wire.LOOK, **keys)
        codes.append(wire.last_error(s))
        leave(s)
    allowed = {wire.CODES['protocol'], wire.CODES['limit']}
    show('malformed-is-refused', all(c in allowed for c in codes), codes)
    show('malformed-does-nothing', starts('tick') == before)


def many():
    """Forty at once: thirty-two get their answer, the others are told."""
    all_of_them = [ask(wire.LOOK, k3=[], k4=4) for _ in range(40)]
    first = [wire.read_frame(s) for s in all_of_them]
    accepted = sum(f is not None and f[0] == wire.ACCEPT for f in first)
    busy = sum(f is not None and f[0] == wire.ERROR and wire.uncbor(f[1])[0][1] == wire.CODES['busy']
               for f in first)
    show('forty-look', (accepted, busy) == (32, 8), f'{accepted} accepted, {busy} busy')
    for s in all_of_them:
        leave(s)


def places_come_back():
    """Whoever is gone leaves a place, as soon as that is seen."""
    for _ in range(1000):
        if looks() == 16:
            return
    raise SystemExit('not ok places-come-back: still busy')


def deaf():
    """One that never reads, beside one that does and gets all of it."""
    silent = ask(wire.LOOK, k3=['flood', 'tick', 'crash'], k4=7)
    reader = ask(wire.LOOK, k3=['flood'], k4=5)
    text, want = b'', b'line %058d\n' % 499999
    while want not in text:
        f = wire.read_frame(reader)
        if f is None or f[0] == wire.EXIT:
            break
        if f[0] == wire.RECORD:
            text = text[-4096:] + f[1][26:]
    show('reader-beside-a-deaf-one', want in text)
    # What does not read does not hold up what is printed either.
    before = starts('tick')
    frames(ask(wire.CONTROL, k3=['restart', 'tick']))
    for _ in range(1000):
        if starts('tick') == before + 1:
            break
    show('control-beside-a-deaf-one', starts('tick') == before + 1)
    leave(reader)
    silent.close()


def talks():
    """A follower that says a word has had its turn."""
    s = ask(wire.LOOK, k3=['tick'], k4=7)
    wire.read_frame(s)
    s.sendall(b'x')
    s.settimeout(30)
    try:
        while s.recv(65536):
            pass
        show('a-word-ends-it', True)
    except socket.timeout:
        show('a-word-ends-it', False, 'it goes on')


def resets():
    """Requests whose peer is gone before the answer."""
    for i in range(20):
        s = ask(wire.LOOK if i % 2 else wire.CONTROL, k3=['start', 'tick'] if i % 2 == 0 else ['tick'])
        s.close()
    places_come_back()
    show('gone-before-the-answer', looks() == 16)


truncated()
malformed()
many()
places_come_back()
talks()
resets()
deaf()
sys.exit(failed)
