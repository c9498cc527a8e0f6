#!/usr/bin/env bash
# Clients, links and deaths that the gate must survive: gate_abuse.py's cases, a
# gateway killed mid-stream, a gate killed by a signal; with the gate under the
# sanitizers, and the deaths again in the emulator.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

CASES=(tls-garbage garbage cut-frames many-links half-open half-open-link-stays never-reads many slow)
abuse() { "$PYTHON" "$ROOT/tests/e2e/gate_abuse.py" "$@"; }
# holding: clients with requests under way, in the background; HOLD is their process.
holding() {
    rm -f "$WORK/hold"
    abuse hold "$at" "$socket" >"$WORK/hold" 2>&1 &
    HOLD=$!
    until_true grep -q held "$WORK/hold"
}
# cut_off CASE: they have seen that it is over.
cut_off() {
    if wait "$HOLD"; then ok "$1"; else not_ok "$1" "$(tail -n 1 "$WORK/hold")"; fi
}

start_sim sim-checked --touch 3
socket=$SIM_SOCKET
port=$(free_port)
at=127.0.0.1:$port
start_gateway "unix:$SIM_SOCKET" "$port"
abuse "${CASES[@]}" "$at" "$socket" || FAILED=1

# --- a gateway killed mid-stream: its clients see the end, the next one serves
holding
kill -KILL "$GATEWAY"
wait "$GATEWAY" 2>/dev/null
cut_off gateway-killed-is-seen
start_gateway "unix:$SIM_SOCKET" "$port"
abuse tls-garbage "$at" "$socket" | sed 's/^\(ok\|not ok\) [a-z-]*/\1 after-another-gateway/'
[ "${PIPESTATUS[0]}" = 0 ] || FAILED=1

# --- a gate killed by a signal, with requests under way: it comes again, with a
# new key, and what was touched stays touched
touches() { "$PYTHON" -c 'import sys
sys.path.insert(0, sys.argv[1])
from web import Web
print(Web(sys.argv[2]).json("/touch")["touches"])' "$ROOT/tests/e2e" "$at"; }
for signal in KILL ABRT; do
    before=$(touches)
    pid=$(cat "$SIM_GATE")
    holding
    kill "-$signal" "$pid"
    cut_off "gate-$signal-is-seen"
    check "gate-$signal-comes-again" until_true healthy "$at"
    check "gate-$signal-is-another" [ "$(cat "$SIM_GATE")" != "$pid" ]
    same "gate-$signal-touches-stay" "$before" "$(touches)"
    gives "gate-$signal-attests" 0 '' casemate attest "https://$at" --root "$SIM_ROOT"
done
abuse tls-garbage "$at" "$socket" | sed 's/^\(ok\|not ok\) [a-z-]*/\1 idle-after-it-all/'
[ "${PIPESTATUS[0]}" = 0 ] || FAILED=1

# --- the sanitizers saw nothing, and no role ended that we did not kill
stop_gateway
kill -TERM "$SIM" && wait "$SIM"
same sanitizers-are-silent '' "$(grep -aE 'ERROR: |runtime error|SUMMARY' "$WORK/sim.log" "$WORK/gateway.log" | head -n 3)"
same only-the-killed-ended 2 "$(grep -acE 'gate: (ended|killed)|gate.*signal' "$WORK/sim.log")"

# ================ in the emulator ===================================================
port=$(free_port)
at=127.0.0.1:$port
boot box -p "$port:8443"
socket=$(vm_socket box)
check emulator-healthy until_true healthy "$at"
# The emulator's vsock device holds 64 KiB for a host end that reads slowly and then
# cuts it: no more half-open connections than have answers below that.
abuse --clients 90 --half-open 1000 slow garbage half-open never-reads "$at" "$socket" |
    sed 's/^\(ok\|not ok\) /\1 emulator-/'
[ "${PIPESTATUS[0]}" = 0 ] || FAILED=1
# Root in the enclave may send signals: it can take the gate down, and gains nothing.
gate() {
    casemate exec box -- sh -c 'for p in /proc/[0-9]*; do
        [ "$(tr "\0" " " <$p/cmdline)" = "gate " ] && echo "${p#/proc/}"; done'
}
for signal in KILL STOP; do
    pid=$(gate)
    check "emulator-gate-is-there-$signal" [ -n "$pid" ]
    holding
    casemate exec box -- kill "-$signal" "$pid"
    cut_off "emulator-gate-$signal-is-seen"
    check "emulator-gate-$signal-comes-again" until_true healthy "$at"
    check "emulator-gate-$signal-is-another" [ "$(gate)" != "$pid" ]
done
gives emulator-still-attests 0 '^touches +[1-9][0-9]* since it booted; the log agrees' casemate attest box --allow-emulated --measurements <("$IMAGE" eif describe "$WORK/demo.eif")
"$CASEMATE" console box >"$WORK/console"
same emulator-no-crash '' "$(grep -E 'segfault|Oops|Kernel panic|gateway: ended' "$WORK/console" | head -n 3)"
check stops "$CASEMATE" stop box
done_testing
