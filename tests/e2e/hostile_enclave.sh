#!/usr/bin/env bash
# An enclave that misbehaves against the host tool: see hostile_enclave.py.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
python3 "$ROOT/tests/e2e/hostile_enclave.py" "$CASEMATE" "$WORK" || FAILED=1
done_testing
