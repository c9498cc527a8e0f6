#!/usr/bin/env bash
# A parent instance that misbehaves: see hostile_parent.py. The console must
# show no crash of the channel afterwards.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
boot box --memory 512
# shellcheck disable=SC2034 # lib.sh reads it
python3 "$ROOT/tests/e2e/hostile_parent.py" "$(vm_socket box)" || FAILED=1
"$CASEMATE" console box >"$WORK/console"
same no-crash '' "$(grep -E 'channel: ended by|ended by signal|segfault|Oops|Kernel panic' "$WORK/console" |
    grep -v 'app: ' | head -n 3)"
alive box alive-at-the-end
check stops "$CASEMATE" stop box
done_testing
