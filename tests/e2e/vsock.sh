#!/usr/bin/env bash
# vsock:CID, as on a real parent instance. This machine need not have vsock, but
# an enclave has: the host tool is pushed into one and dials from inside. As CID 1
# it is hung up on, since an enclave's own programs are not its clients. CID 2
# is this machine, where a relay stands in for the hypervisor and leads to
# a second enclave.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

boot box
boot far
# A connection of box's to CID 2 comes to one of these sockets.
python3 "$ROOT/tests/e2e/vsock_relay.py" "$(vm_socket box)" "$(vm_socket far)" 7000 7001 >"$WORK/relay" &
check relay until_true grep -qx ready "$WORK/relay"
inside() { casemate exec box -- "$@"; }
dial() { casemate exec box -- /tmp/casemate "$@"; }
digest_of() { casemate exec "$1" -- sha256sum "$2" | cut -d ' ' -f 1; }

check push-the-tool casemate push "$CASEMATE" box:/tmp/casemate
gives vsock-from-inside 125 'vsock:1: .*the enclave closed the connection without an answer' \
    dial exec vsock:1 -- echo hello
gives vsock-nobody 125 'vsock:1234: cannot connect to port 7000' dial exec vsock:1234 -- true

# --- whole, from the one to the other
gives vsock-exec 0 '^hello$' dial exec vsock:2 -- echo hello
gives vsock-exec-status 7 '' dial exec vsock:2 -- sh -c 'exit 7'
same vsock-exec-input "$(seq 100000 | sha256sum)" \
    "$(seq 100000 | casemate exec -i box -- /tmp/casemate exec -i vsock:2 -- sha256sum)"
inside sh -c 'mkdir -p /tmp/tree/empty && cd /tmp/tree && ln -s big link && echo small >small &&
    head -c 20000000 /dev/urandom >big'
wanted=$(digest_of box /tmp/tree/big)
gives vsock-push 0 'sha384:' dial push /tmp/tree vsock:2:/data/
same vsock-push-is-the-same "$wanted" "$(digest_of far /data/tree/big)"
same vsock-push-link big "$(casemate exec far -- readlink /data/tree/link)"
gives vsock-pull 0 'sha384:' dial pull vsock:2:/data/tree/big /tmp/back
same vsock-pull-is-the-same "$wanted" "$(digest_of box /tmp/back)"
gives vsock-pull-tree 0 'sha384:' dial pull vsock:2:/data/tree /tmp/tree2
check vsock-pull-tree-is-the-same inside diff -r /tmp/tree /tmp/tree2
gives vsock-pull-nothing 1 'vsock:2 says: .*/data/nothing' dial pull vsock:2:/data/nothing /tmp/
gives vsock-attest 0 'EMULATED' dial attest vsock:2 --allow-emulated
gives vsock-stop 0 '' dial stop vsock:2
far_is_gone() { ! casemate ps -q | grep -qx far; }
check vsock-stopped until_true far_is_gone
gives vsock-stopped-is-gone 125 'vsock:2: ' dial exec vsock:2 -- true
alive box still-alive
done_testing
