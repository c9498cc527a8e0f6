#!/usr/bin/env bash
# What changes at the first touch, on the signing simulator: no certificate from
# before it is shown after it, neither on a new connection nor on one that was
# there; and a role that somebody has stopped is started again.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cat >"$WORK/client.py" <<'EOF'
"""client.py AT SIM: handshakes before and after the touch that SIGUSR1 to SIM makes."""
import contextlib
import json
import os
import signal
import socket
import ssl
import sys

sys.path.insert(0, sys.argv[3])
import web

at, sim = sys.argv[1], int(sys.argv[2])


def says_touched(tls):
    """Register 17 (key 0x11, a byte string of 48) is in the certificate's document."""
    return b'\x11\x58\x30' in tls.getpeercert(True)


def touches():
    with web.dial(at) as tls:
        tls.sendall(b'GET /touch HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        answer = b''.join(iter(lambda: tls.recv(65536), b''))
    return json.loads(answer.partition(b'\r\n\r\n')[2])['touches']


def show(name, good):
    print(f'{"ok" if good else "not ok"} {name}' + ('' if good else ': the certificate is an old one'))


with web.dial(at) as tls:
    show('untouched-before', not says_touched(tls) and touches() == 0)
early = socket.create_connection(web.address(at), 60)
os.kill(sim, signal.SIGUSR1)
# Meanwhile handshakes are of before, of after, or reset, as it may happen.
told = 0
while told == 0:
    with contextlib.suppress(ConnectionResetError):
        told = touches()
with web.dial(at) as tls:
    show('new-connection-after-the-touch', says_touched(tls))
try:
    with web.context().wrap_socket(early, server_hostname='casemate') as tls:
        show('early-connection-after-the-touch', says_touched(tls))
except (OSError, ssl.SSLError):
    show('early-connection-after-the-touch', True)  # it was reset
EOF

start_sim
port=$(free_port)
casemate gateway -p "$port:8443" "unix:$SIM_SOCKET" >"$WORK/gateway.log" 2>&1 &
until_true healthy "127.0.0.1:$port" || not_ok gateway "$(cat "$WORK/gateway.log")"
"$PYTHON" "$WORK/client.py" "127.0.0.1:$port" "$SIM" "$ROOT/tests/e2e" >"$WORK/cases" 2>&1
status=$?
cat "$WORK/cases"
[ $status = 0 ] || not_ok client "$(tail -n 1 "$WORK/cases")"
! grep -q '^not ok' "$WORK/cases" || FAILED=1

boot box
casemate exec box -- /bin/sh -c 'kill -STOP $(pidof gate channel)' >"$WORK/said" 2>&1
attests() { casemate attest box --allow-emulated --measurements <("$IMAGE" eif describe "$WORK/demo.eif"); }
check stopped-gate-is-replaced until_true attests
check stopped-channel-is-replaced until_true casemate exec box -- /bin/true
done_testing
