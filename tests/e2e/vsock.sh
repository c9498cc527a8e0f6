#!/usr/bin/env bash
# vsock:CID, as on a real parent instance. This machine need not have vsock, but
# an enclave has, with loopback: the host tool is pushed into one and dials it
# from inside, as CID 1. There it is hung up on, since an enclave's own programs
# are not its clients.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

boot box
inside() { casemate exec box -- "$@"; }

check push-the-tool casemate push "$CASEMATE" box:/tmp/casemate
gives vsock-from-inside 125 'vsock:1: .*the enclave closed the connection without an answer' \
    inside /tmp/casemate exec vsock:1 -- echo hello
gives vsock-nobody 125 'vsock:1234: cannot connect to port 7000' inside /tmp/casemate exec vsock:1234 -- true
skip vsock-whole 'push, pull, exec and stop over AF_VSOCK need an enclave that is another machine'
alive box still-alive
done_testing
