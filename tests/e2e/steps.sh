#!/usr/bin/env bash
# What build.sh says of its steps (tools/build/common.sh), on a terminal and elsewhere.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# A step that lasts until there is a file `go`, in a tree and a cache of its own; `fail`
# fails.
cat >"$WORK/step" <<'END'
set -euo pipefail
ROOT=$1 CASEMATE_CACHE=$1/cache
. "$2/tools/build/common.sh"
STEP_DOT_S=0.1
await() { echo in the log; until [ -e "$ROOT/go" ]; do read -rt 0.05 <>"$ROOT/never" || :; done; }
step 'long work' "$3"
END
mkfifo "$WORK/never"
run_step() { bash "$WORK/step" "$WORK" "$ROOT" "$1"; }

# on_terminal: its standard error is one, and what it shows there comes out here.
on_terminal() {
    python3 -c 'import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    sys.stdout.buffer.write(got)
    sys.stdout.flush()' bash "$WORK/step" "$WORK" "$ROOT" await
}

on_terminal >"$WORK/shown" &
shown=$!
check dots-on-a-terminal until_true grep -q 'long work \.\.\.\.\.\.\.' "$WORK/shown"
touch "$WORK/go"
check ends-after-dots wait $shown
check time-behind-the-dots grep -qE '^casemate: long work \.{6,} [0-9]+\.[0-9] s' "$WORK/shown"
same output-is-in-the-log 'in the log' "$(cat "$WORK/build/log/long-work.log")"

rm "$WORK/go"
run_step await 2>"$WORK/shown" &
quiet=$!
check begins-elsewhere until_true grep -q 'long work' "$WORK/shown"
touch "$WORK/go"
check ends-elsewhere wait $quiet
check no-dots-elsewhere grep -qE '^casemate: long work \.\.\. [0-9]+\.[0-9] s$' "$WORK/shown"
gives fails 1 'long work failed; the whole output is in ' run_step false
done_testing
