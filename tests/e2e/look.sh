#!/usr/bin/env bash
# Services as the host tool shows and controls them, without a machine: see
# look_enclave.py.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
python3 "$ROOT/tests/e2e/look_enclave.py" "$CASEMATE" "$WORK" || FAILED=1
done_testing
