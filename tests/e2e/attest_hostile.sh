#!/usr/bin/env bash
# Servers that casemate attest must not fall for: a good document replayed by who
# does not hold its key, and answers that are wrong in every other way. The good
# one comes from the appliance with the signing test module, as a process.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

key_and_certificate() { # key_and_certificate NAME ALGORITHM...
    local name=$1
    shift
    openssl req -x509 -newkey "$@" -nodes -keyout "$WORK/$name.key" -out "$WORK/$name.pem" \
        -days 2 -subj /CN=hostile >"$WORK/said" 2>&1
}
if ! key_and_certificate ec ec -pkeyopt ec_paramgen_curve:P-256 || ! key_and_certificate rsa rsa:2048; then
    not_ok certificates "$(said)"
    done_testing
fi
openssl pkey -in "$WORK/ec.key" -pubout -outform DER -out "$WORK/ec.spki"

# --- the good one
touch "$WORK/sim" "$WORK/ports"
"$ROOT/build/sim" --listen "$WORK/sim.sock" --root "$WORK/root.pem" --touch 1 >"$WORK/sim" 2>&1 &
nonce=000102030405060708090a0b0c0d0e0f
until grep -q '^ready' "$WORK/sim" || ! kill -0 $! 2>/dev/null; do sleep 0.1; done
check good casemate attest "unix:$WORK/sim.sock" --root "$WORK/root.pem" --nonce $nonce --save "$WORK/good.cbor"

# --- the others
mkfifo "$WORK/stop"
python3 "$ROOT/tests/e2e/attest_hostile.py" "$WORK/ec.pem" "$WORK/ec.key" "$WORK/rsa.pem" "$WORK/rsa.key" \
    "$WORK/good.cbor" "$WORK/ec.spki" <"$WORK/stop" >"$WORK/ports" 2>"$WORK/servers" &
exec 3>"$WORK/stop"
until grep -q '^ready' "$WORK/ports" || ! kill -0 $! 2>/dev/null; do sleep 0.1; done

url() { awk -v n="$1" '$1 == n { print "https://127.0.0.1:" $2 }' "$WORK/ports"; }
# shellcheck disable=SC2317 # called by gives
attest() { casemate attest "$(url "$1")" --root "$WORK/root.pem" --nonce "$nonce" "${@:2}"; }
# refused NAME REASONS: status 1, for those and no other.
refused() {
    gives "$1" 1 "\"accepted\":false,\"reasons\":\\[$2\\]" attest "$1" --json
}
# failed NAME PATTERN: status 2, said so, and nothing was taken for a document.
failed() {
    gives "$1" 2 "$2" attest "$1"
    ! grep -q verdict "$WORK/said" || not_ok "$1-gives-no-verdict" "$(said)"
}

refused replayed '"public-key"'
gives replayed-with-a-new-nonce 1 '"reasons":\["nonce","public-key"\]' \
    casemate attest "$(url replayed)" --root "$WORK/root.pem" --json
refused no-document '"malformed"'
refused empty '"malformed"'
failed not-http 'not HTTP/1.1'
failed no-length 'does not say how long'
failed chunked 'does not say how long'
failed two-lengths 'not HTTP/1.1'
failed cut 'in the middle|closed the connection'
failed more 'more than its answer'
failed too-long 'too long'
failed long-document 'too long'
failed endless-head 'too long'
failed escapes 'status 503'
same escapes-are-taken-out 0 "$(grep -c $'[\e\a]' "$WORK/said")"
failed silent 'in the middle|closed the connection'
failed rsa 'handshake|alert|key'
failed tls13 'TLS 1.2|handshake'
failed no-tls 'TLS'
failed random 'TLS'
failed closes 'closed|reset'

# --- who shows a log chooses where it begins, and what it leaves out
pcr=$(printf '01%.0s' {1..48})
# shellcheck disable=SC2317 # called by gives
emulated() { casemate attest "$(url "$1")" --allow-emulated "${@:2}"; }
code=("--pcr=0=$pcr" "--pcr=1=$pcr" "--pcr=2=$pcr")
# lies NAME REASONS OPTIONS...: status 1, for those and no other.
lies() { gives "$1" 1 "\"accepted\":false,\"reasons\":\\[$2\]" emulated "$1" "${code[@]}" --json "${@:3}"; }

gives log-honest 0 '^touches +3 since it booted; the log agrees, it ends with' emulated log-honest "${code[@]}"
gives log-honest-says-where 0 '"purpose":"tls","touches":3,.*"first":1,' emulated log-honest "${code[@]}" --json
gives log-of-unknown-code 0 'unknown: it claims 3, but which code says so is not known .*; the log agrees' \
    emulated log-honest
lies log-left-out '"touch-log"'
lies log-half '"touch-log"'
lies log-base '"touch-log"'
lies log-none '"touch-log"'
lies log-other '"touch-log"'
lies log-other-pcr17 '"touch-log"'
lies log-malformed '"touch-log"'
for name in log-503 log-closes; do
    gives $name 2 'cannot get /touch' emulated $name "${code[@]}"
    ! grep -q verdict "$WORK/said" || not_ok $name-gives-no-verdict "$(said)"
    gives $name-is-not-untouched 1 '"reasons":\["touched"\]' emulated $name "${code[@]}" --json --untouched
done
gives log-dropped 0 '^touches +2100 since it booted; the log agrees, the first 54 are not shown any more, it' \
    emulated log-dropped "${code[@]}"
gives log-dropped-says-where 0 '"first":55,"operations":\[\{"number":2096' emulated log-dropped "${code[@]}" --json
lies log-dropped-more '"touch-log"'
lies touches-most '"touch-log"'
lies touches-too-many '"claims"'
lies purpose-app '"purpose"'

# --- "untouched" is the word of known code
gives clean 0 '^touches +none since it booted' emulated clean "${code[@]}" --untouched
gives clean-says-its-purpose 0 '^purpose +tls$' emulated clean "${code[@]}"
gives clean-of-unknown-code 0 'unknown: it claims 0, but which code says so is not known' emulated clean "${code[@]:1}"
gives clean-of-unknown-code-is-refused 1 'touch-unproved: ' emulated clean "${code[@]:1}" --untouched
gives clean-debug 1 '"reasons":\["touch-unproved"\]' emulated clean-debug --json --untouched --allow-debug \
    "${code[@]//01/00}"
exec 3>&-

done_testing
