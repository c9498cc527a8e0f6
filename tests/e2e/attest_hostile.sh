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

# --- the good one
touch "$WORK/sim" "$WORK/ports"
"$ROOT/build/sim" --listen "$WORK/sim.sock" --root "$WORK/root.pem" --touch 1 >"$WORK/sim" 2>&1 &
nonce=000102030405060708090a0b0c0d0e0f
until grep -q '^ready' "$WORK/sim" || ! kill -0 $! 2>/dev/null; do sleep 0.1; done
check good casemate attest "unix:$WORK/sim.sock" --root "$WORK/root.pem" --nonce $nonce --save "$WORK/good.cbor"

# --- the others
mkfifo "$WORK/stop"
python3 "$ROOT/tests/e2e/attest_hostile.py" "$WORK/ec.pem" "$WORK/ec.key" "$WORK/rsa.pem" "$WORK/rsa.key" \
    "$WORK/good.cbor" <"$WORK/stop" >"$WORK/ports" 2>"$WORK/servers" &
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
exec 3>&-

done_testing
