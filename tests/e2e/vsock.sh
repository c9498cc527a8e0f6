#!/usr/bin/env bash
# vsock:CID, as on a real parent instance. This machine need not have vsock, but
# an enclave has, with loopback: the host tool is pushed into one and talks to it
# from inside, as CID 1.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

boot box
inside() { casemate exec box -- "$@"; }

check push-the-tool casemate push "$CASEMATE" box:/tmp/casemate
gives vsock-exec 0 '^hello$' inside /tmp/casemate exec vsock:1 -- echo hello
gives vsock-exec-status 42 '' inside /tmp/casemate exec vsock:1 -- sh -c 'exit 42'
gives vsock-exec-stdin 0 '^5000000$' inside sh -c 'head -c 5000000 /dev/zero | /tmp/casemate exec -i vsock:1 -- wc -c'
inside sh -c 'mkdir -p /tmp/a/b /tmp/in && head -c 3000000 /dev/urandom >/tmp/a/b/random && ln -s b /tmp/a/link'
check vsock-push inside /tmp/casemate push /tmp/a vsock:1:/tmp/in/
check vsock-pull inside /tmp/casemate pull vsock:1:/tmp/in/a /tmp/out
check vsock-same inside diff -r /tmp/a /tmp/out
gives vsock-nobody 125 'vsock:1234: cannot connect to port 7000' inside /tmp/casemate exec vsock:1234 -- true

# A stop from inside ends the machine, and with it the monitor.
monitor=$(casemate ps --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["pid"])')
inside /tmp/casemate stop vsock:1 >"$WORK/said" 2>&1
check vsock-stop ended "$monitor"
same vsock-stopped '' "$(casemate ps -q)"
gives vsock-ended 0 'box has ended; its last console' casemate console box
done_testing
