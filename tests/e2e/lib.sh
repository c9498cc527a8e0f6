# shellcheck shell=bash
# What the end to end scripts share: sourced first by each of them.
#
# A script prints "ok NAME", "not ok NAME: why" or "skip NAME: why" a case and
# exits 1 if one failed. It works in a folder of its own, with a run folder of
# its own, so that its enclaves cannot be mistaken for others; both are gone
# and all its enclaves ended when it ends, however it ends.
set -uo pipefail
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
export LC_ALL=C TZ=UTC0 PYTHONDONTWRITEBYTECODE=1
umask 022
CASEMATE=$ROOT/build/casemate
IMAGE=$ROOT/build/casemate-image
BUSYBOX=/bin/busybox
WORK=$(mktemp -d /tmp/e2e.XXXXXX) # short: sockets lie below it
export XDG_RUNTIME_DIR=$WORK/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
# The tests run casemate by its name, as people do.
PATH=$ROOT/build:$PATH
FAILED=0

finish() {
    local names
    names=$("$CASEMATE" ps -q 2>/dev/null)
    # shellcheck disable=SC2086
    [ -z "$names" ] || "$CASEMATE" stop --time 0 $names >/dev/null 2>&1
    # shellcheck disable=SC2046 # process numbers, one a word
    [ -z "$(jobs -p)" ] || kill $(jobs -p) 2>/dev/null
    rm -rf -- "$WORK"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

ok() { printf 'ok %s\n' "$1"; }
not_ok() {
    printf 'not ok %s: %s\n' "$1" "$2"
    FAILED=1
}
skip() { printf 'skip %s: %s\n' "$1" "$2"; }
done_testing() { exit "$FAILED"; }

said() { tail -n 3 "$WORK/said" | tr '\n' ' '; }

# check NAME COMMAND...: ok if COMMAND succeeds.
check() {
    local name=$1
    shift
    if "$@" >"$WORK/said" 2>&1; then ok "$name"; else not_ok "$name" "$* gave $?: $(said)"; fi
}
# gives NAME STATUS PATTERN COMMAND...: ok if COMMAND has the status and what it
# says, on either stream, matches the extended regular expression.
gives() {
    local name=$1 status=$2 pattern=$3 got=0
    shift 3
    "$@" >"$WORK/said" 2>&1 || got=$?
    if [ "$got" = "$status" ] && { [ -z "$pattern" ] || grep -qE -- "$pattern" "$WORK/said"; }; then
        ok "$name"
    else
        not_ok "$name" "status $got (wanted $status), wanted '$pattern', said: $(said)"
    fi
}
# same NAME WANTED GOT
same() {
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted '$2', got '$3'"; fi
}

# demo_image OUT [CMD...]: an image whose root is busybox and /etc/passwd.
demo_image() {
    local out=$1 root=$WORK/root
    shift
    if [ ! -d "$root" ]; then
        mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/data"
        chmod 1777 "$root/tmp"
        cp "$BUSYBOX" "$root/bin/busybox"
        "$BUSYBOX" --list | grep -vx busybox | while read -r applet; do ln -sf busybox "$root/bin/$applet"; done
        printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/data:/bin/sh\n' >"$root/etc/passwd"
        printf 'root:x:0:\napp:x:1000:\ndisk:x:6:app\n' >"$root/etc/group"
    fi
    "$IMAGE" build --from "$root" --channel open -o "$out" ${1:+-- "$@"} >"$WORK/measures" 2>"$WORK/said"
}

# start NAME EIF [run's options]: boots an image.
start() {
    "$CASEMATE" run --name "$1" "${@:3}" "$2" >"$WORK/said" 2>&1 || {
        not_ok "boot-$1" "$(said)"
        "$CASEMATE" console "$1" 2>/dev/null | tail -n 20
        done_testing
    }
    ok "boot-$1"
}

# boot NAME [run's options]: builds the demo image once and boots it.
boot() {
    [ -e "$WORK/demo.eif" ] || demo_image "$WORK/demo.eif" || {
        not_ok "build-image" "$(said)"
        done_testing
    }
    start "$1" "$WORK/demo.eif" "${@:2}"
}

# ended PID: waits until that process is gone; not for ever.
ended() {
    python3 -c 'import os, select, sys
try:
    fd = os.pidfd_open(int(sys.argv[1]))
except ProcessLookupError:
    sys.exit(0)
sys.exit(0 if select.select([fd], [], [], 60)[0] else 1)' "$1"
}

# free_port: a port of 127.0.0.1 that nobody has, below those the kernel gives
# to outgoing connections.
free_port() {
    python3 -c 'import random, socket
while True:
    port = random.randrange(20000, 32000)
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break'
}

# until_true COMMAND...: tries until it succeeds; a minute is for ever.
until_true() {
    local end=$((SECONDS + 60))
    until "$@" >"$WORK/said" 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

# take_tree DIR: the tree as git would give it, or, without git, all but outputs.
take_tree() {
    mkdir -p "$1"
    if git -C "$ROOT" rev-parse >/dev/null 2>&1; then
        git -C "$ROOT" ls-files -z -co --exclude-standard |
            tar -C "$ROOT" --null --ignore-failed-read -cf - -T - 2>/dev/null
    else
        tar -C "$ROOT" --exclude=./build --exclude=./.git -cf - .
    fi | tar -C "$1" -xmf -
}

# The tests' HTTPS clients use Debian's modules: its own Python, not another
# that stands in front of it in PATH.
export PYTHON=/usr/bin/python3

# start_sim [PROGRAM [ARGUMENT...]]: PID 1's broker and the gate as plain processes,
# with a module that signs (tests/sim); sim-checked is the same under ASan and UBSan.
# SIM is its process, SIM_SOCKET its hybrid socket, SIM_ROOT its root, SIM_GATE a
# file with the gate's process.
# shellcheck disable=SC2034 # the scripts read what is set here
start_sim() {
    local program=${1:-sim}
    shift $(($# > 0))
    SIM_SOCKET=$WORK/sim.sock SIM_ROOT=$WORK/sim.pem SIM_GATE=$WORK/gate.pid
    rm -f -- "$SIM_SOCKET"
    : >"$WORK/sim.log"
    "$ROOT/build/$program" --listen "$SIM_SOCKET" --root "$SIM_ROOT" --pid "$SIM_GATE" "$@" >"$WORK/sim.log" 2>&1 &
    SIM=$!
    until_true grep -qx ready "$WORK/sim.log" || {
        not_ok start-sim "$(tail -n 3 "$WORK/sim.log")"
        done_testing
    }
}

# healthy HOST:PORT: /health says ready.
healthy() { curl -sSkf --max-time 30 -o /dev/null "https://$1/health"; }

# start_gateway TARGET PORT: in front of its HTTPS; GATEWAY is its process.
# shellcheck disable=SC2034
start_gateway() {
    "$CASEMATE" gateway "$1" -p "$2:8443" >>"$WORK/gateway.log" 2>&1 &
    GATEWAY=$!
    until_true healthy "127.0.0.1:$2" || {
        not_ok start-gateway "$(tail -n 3 "$WORK/gateway.log")"
        done_testing
    }
}

# stop_gateway: it is still there, and ends when it is told to.
stop_gateway() {
    local status=0
    kill -TERM "$GATEWAY" 2>/dev/null
    wait "$GATEWAY" || status=$?
    same gateway-ends-when-told 0 "$status"
}

# Where the enclave's hybrid socket is.
vm_socket() { printf '%s\n' "$XDG_RUNTIME_DIR/casemate/$1/vm.sock"; }

# alive NAME CASE: a new session works.
alive() { gives "$2" 0 '^alive$' "$CASEMATE" exec "$1" -- /bin/echo alive; }

# same_tree A B: names, kinds, modes, times to the nanosecond, link targets
# and contents are the same.
same_tree() {
    python3 "$ROOT/tests/e2e/tree.py" compare "$1" "$2"
}
