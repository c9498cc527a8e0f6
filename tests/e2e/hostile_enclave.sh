#!/usr/bin/env bash
# An enclave that misbehaves against the host tool: see hostile_enclave.py.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# One that says nothing is given up after a minute, while the others have their turn.
python3 -c 'import socket, sys
listener, held = socket.socket(socket.AF_UNIX), []
listener.bind(sys.argv[1])
listener.listen()
while True:
    s, _ = listener.accept()
    while s.recv(1) != b"\n":
        pass
    s.sendall(b"OK 1024\n")
    held.append(s)' "$WORK/mute" &
check mute-listens until_true test -S "$WORK/mute"
casemate exec "unix:$WORK/mute" true >"$WORK/exec" 2>&1 &
exec=$!
casemate push "$0" "unix:$WORK/mute:/x" >"$WORK/push" 2>&1 &
push=$!
casemate ctl "unix:$WORK/mute" status >"$WORK/ctl" 2>&1 &
ctl=$!
casemate logs -f "unix:$WORK/mute" >"$WORK/logs" 2>&1 &
logs=$!
python3 "$ROOT/tests/e2e/hostile_enclave.py" "$CASEMATE" "$WORK" || FAILED=1
wait $exec
same mute-exec "125 casemate: exec: unix:$WORK/mute: timed out: no answer for 60 seconds" "$? $(cat "$WORK/exec")"
wait $push
same mute-push "1 casemate: push: unix:$WORK/mute: timed out: no byte moved for 60 seconds" "$? $(cat "$WORK/push")"
wait $ctl
same mute-ctl "1 casemate: ctl: unix:$WORK/mute: timed out: no answer for 60 seconds" "$? $(cat "$WORK/ctl")"
wait $logs
same mute-logs "1 casemate: logs: unix:$WORK/mute: timed out: no answer for 60 seconds" "$? $(cat "$WORK/logs")"
done_testing
