#!/usr/bin/env bash
# The verifier against public data: genuine attestation documents and spoiled
# ones, Wycheproof's signatures, the vectors of CBOR and COSE.
#   verify.sh [VECTORS]
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
vectors=${1:-$ROOT/../shared/vectors}
verifier=$ROOT/build/e2e/verifier
if [ ! -d "$vectors/attestation" ]; then
    skip vectors "the public test data is not at $vectors"
    done_testing
fi
cases() { python3 "$ROOT/tests/e2e/verify.py" "$@" || FAILED=1; }

cases documents "$vectors" "$CASEMATE" "$WORK"
cases wycheproof "$vectors" "$verifier"
cases cose "$vectors" "$verifier"
cases cbor "$vectors" "$verifier"

# Every bit of one document, and every prefix: a debug document of the earlier
# form, and one whose payload has an indefinite length.
document=$(echo "$vectors"/attestation/genuine/g092-*.cbor)
bits=$(($(wc -c <"$document") * 8))
"$verifier" flips "$document" 1766678659 >"$WORK/flips" 2>&1
refused=$(awk '$1 == "refused" { n += $2 } END { print n + 0 }' "$WORK/flips")
same every-bit-flipped-is-refused "$bits" "$refused"
! grep -q '^accepted with' "$WORK/flips" || not_ok no-flipped-bit-is-accepted "$(head -n 1 "$WORK/flips")"
for name in g001 g092; do
    document=$(echo "$vectors"/attestation/genuine/$name-*.cbor)
    at=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["timestamp"] // 1000)' "${document%.cbor}.json")
    same "prefixes-of-$name-are-refused" "refused $(wc -c <"$document") accepted 1" \
        "$("$verifier" prefixes "$document" "$at")"
done

done_testing
