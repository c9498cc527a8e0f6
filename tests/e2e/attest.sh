#!/usr/bin/env bash
# Attestation end to end: in the emulator with its unsigned documents, and with
# the signing module of tests/sim, whose documents casemate, a client in Python
# and openssl's command line judge alike.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

client() { "$PYTHON" "$ROOT/tests/e2e/attest_client.py" "$@"; }
# field FILE EXPRESSION: of the JSON document d in FILE.
field() {
    "$PYTHON" -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}
# fresh AT DIR: all that a verifier needs, of now, into DIR.
fresh() {
    rm -rf -- "$2"
    mkdir -- "$2" && client fetch "$1" "$2"
}
# flip FILE OUT BIT
flip() {
    "$PYTHON" -c 'import sys
d, bit = bytearray(open(sys.argv[1], "rb").read()), int(sys.argv[3])
d[bit // 8] ^= 1 << bit % 8
open(sys.argv[2], "wb").write(d)' "$@"
}

# ================ in the emulator =================================================
port=$(free_port)
at=127.0.0.1:$port
boot box -p "$port:8443"
"$IMAGE" eif describe "$WORK/demo.eif" >"$WORK/describe"
get() { curl -sSkf --max-time 60 "https://$at$1"; }

check health get /health
get /measurements >"$WORK/measurements"
for i in 0 1 2; do
    same "measurements-pcr$i" "$(field "$WORK/describe" "d['Measurements']['PCR$i']")" \
        "$(field "$WORK/measurements" "d['pcrs']['$i']['value']")"
done
get /manifest >"$WORK/manifest"
same manifest-channel open "$(field "$WORK/manifest" "d['channel']")"
gives metrics 0 '^casemate_[a-z_]+ [0-9]+' get /metrics
get /touch >"$WORK/touch"
same touch-none '0 []' "$(field "$WORK/touch" "d['touches'], d['records']" | tr -d '(),')"
nonce=$(head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n')
get "/attestation?nonce=$nonce" >"$WORK/document"
check document-has-the-nonce grep -q "$(printf %s "$nonce" | cut -c 1-12)" <(od -An -vtx1 "$WORK/document" | tr -d ' \n')
gives no-nonce 22 '400' get /attestation
gives short-nonce 22 '400' get /attestation?nonce=00112233

# --- before any session: untouched, by both ways to it
emulated=(--allow-emulated --measurements "$WORK/demo.measurements.json")
gives untouched-by-name 0 '^touches +none since it booted' casemate attest box "${emulated[@]}" --untouched
gives untouched-by-url 0 '^touches +none since it booted' casemate attest "https://$at" "${emulated[@]}" --untouched
gives emulated-is-said 0 'EMULATED: NOBODY SIGNED THIS' casemate attest box --allow-emulated
gives emulated-is-refused 1 'emulat' casemate attest box --measurements "$WORK/describe"
fresh "$at" "$WORK/before"
gives untouched-has-no-pcr17 0 '^0 touches, no PCR17$' client touches "$WORK/before"

# --- refused, each with its reason
cp "$ROOT/build/e2e/probe" "$WORK/root/bin/probe"
"$IMAGE" build --from "$WORK/root" --channel off -o "$WORK/off.eif" -- \
    /bin/sh -c '/bin/probe; exec sleep 100000' >/dev/null 2>&1
"$IMAGE" eif describe "$WORK/off.eif" >"$WORK/describe-off"
zeros=$(printf '%096d' 0)
gives other-image 1 'PCR2' casemate attest box --allow-emulated --measurements "$WORK/describe-off"
gives other-pcr 1 'PCR0' casemate attest box --allow-emulated --pcr "0=${zeros/0/f}"
gives absent-pcr 1 'PCR17' casemate attest box --allow-emulated --pcr "17=${zeros/0/f}"
check save casemate attest box --allow-emulated --nonce "$nonce" --save "$WORK/saved"
gives saved-is-accepted 0 '' casemate verify "$WORK/saved" "${emulated[@]}" --nonce "$nonce"
gives other-nonce 1 'nonce' casemate verify "$WORK/saved" "${emulated[@]}" --nonce "${nonce/[0-7]/8}"
gives usage 2 '' casemate verify "$WORK/saved" --nonce xyz
gives no-such-enclave 2 'nobody' casemate attest nobody

# --- touched: the first operation, then every document
casemate exec box -- true
fresh "$at" "$WORK/first"
gives first-touch 0 '^1 touches, PCR17 is of the log$' client touches "$WORK/first"
same first-touch-is-exec 'exec true' \
    "$(field "$WORK/first/log" "' '.join(d[0]['records'][0][k] for k in ('operation', 'summary'))")"
casemate push "$ROOT/build/e2e/probe" box:/tmp/ >/dev/null 2>&1
casemate pull box:/etc/passwd "$WORK/passwd" >/dev/null 2>&1
for i in 1 2 3; do
    fresh "$at" "$WORK/then"
    gives "touched-document-$i" 0 '^3 touches, PCR17 is of the log$' client touches "$WORK/then"
done
first=$(client pcr17 "$WORK/first")
check pcr17-is-there [ "${#first}" = 96 ]
same pcr17-stays "$first" "$(client pcr17 "$WORK/then")"
same operations 'exec push pull' "$(field "$WORK/then/log" "' '.join(r['operation'] for r in d[0]['records'])")"
gives touched-is-said 0 '^touches +3 since it booted; the log agrees' casemate attest box "${emulated[@]}"
gives touched-is-refused 1 'touch' casemate attest box "${emulated[@]}" --untouched
gives touched-by-url 1 'touch' casemate attest "https://$at" "${emulated[@]}" --untouched

# --- more touches than a page of the log holds
for _ in $(seq 70); do casemate exec box -- true; done
fresh "$at" "$WORK/many"
gives many-touches 0 '^73 touches, PCR17 is of the log$' client touches "$WORK/many"
check many-pages [ "$(field "$WORK/many/log" 'len(d)')" -gt 1 ]
gives many-touches-by-casemate 0 '^touches +73 since it booted; the log agrees' casemate attest box "${emulated[@]}"

# --- numbers of a user are as they are, a name is looked up in a session of its own
casemate exec -u 0:0 box -- true
casemate exec -u 0 box -- true
gives looked-up-is-touched 0 '^touches +76 since it booted' casemate attest box "${emulated[@]}"

# --- nobody in the enclave reaches the module or the gate, whatever its uid
for uid in 0 901 902 903 1000; do
    gives "probe-as-$uid" 0 'reached 0; 4 roles$' casemate exec -u "$uid" box -- /tmp/probe
done
check still-attests casemate attest box "${emulated[@]}"
same gateway-lived '' "$(casemate console box | grep 'gateway: ended')"
check stop-box casemate stop box

# --- channel off, and a main command: attests all the same, untouched for good
port=$(free_port)
casemate run --name off -p "$port:8443" "$WORK/off.eif" >"$WORK/said" 2>&1 || not_ok boot-off "$(said)"
gives off-attests 0 '^touches +none since it booted' casemate attest off --allow-emulated \
    --measurements "$WORK/describe-off" --untouched
curl -sSk "https://127.0.0.1:$port/manifest" >"$WORK/manifest"
same off-manifest off "$(field "$WORK/manifest" "d['channel']")"
gives off-no-session 125 '' casemate exec off -- true
gives off-still-untouched 0 '^touches +none since it booted' casemate attest "https://127.0.0.1:$port" \
    --allow-emulated --measurements "$WORK/describe-off" --untouched
console_says() { casemate console off | grep -q "$1"; }
check off-main-command-reaches-nothing until_true console_says 'reached 0; 3 roles'
check stop-off casemate stop off

# ================ with a module that signs =========================================
start_sim
port=$(free_port)
at=127.0.0.1:$port
start_gateway "unix:$SIM_SOCKET" "$port"

# openssl's command line as a verifier of documents: chain, signature, key, nonce.
by_openssl() { # DIR ROOT NONCE
    rm -rf -- "$WORK/split"
    mkdir -- "$WORK/split" && client split "$1/doc" "$WORK/split" &&
        openssl verify -no-CApath -no-CAstore -CAfile "$2" -untrusted "$WORK/split/chain.pem" \
            -check_ss_sig "$WORK/split/leaf.pem" &&
        openssl x509 -in "$WORK/split/leaf.pem" -noout -pubkey >"$WORK/split/leaf.pub" &&
        openssl dgst -sha384 -verify "$WORK/split/leaf.pub" -signature "$WORK/split/signature" \
            "$WORK/split/tbs" &&
        cmp "$1/spki" "$WORK/split/spki" && [ "$3" = "$(cat "$WORK/split/nonce")" ]
}
by_python() { # DIR ROOT NONCE
    client verify "$1/doc" --root "$2" --spki "$1/spki" --nonce "$3" --log "$1/log"
}
untouched_by_python() { # DIR [MEASUREMENTS]
    client verify "$1/doc" --root "$SIM_ROOT" --spki "$1/spki" --log "$1/log" --untouched ${2:+--measurements "$2"}
}
by_casemate() { # DIR ROOT NONCE
    openssl pkey -pubin -inform DER -in "$1/spki" -out "$1/spki.pem" &&
        casemate verify "$1/doc" --root "$2" --public-key "$1/spki.pem" --nonce "$3"
}
# all_accept NAME DIR; all_refuse NAME DIR ROOT NONCE: every one of the three.
all_accept() {
    local who
    for who in python openssl casemate; do
        check "$1-by-$who" "by_$who" "$2" "$SIM_ROOT" "$(cat "$2/nonce")"
    done
}
all_refuse() {
    local who
    for who in python openssl casemate; do
        if "by_$who" "$2" "$3" "$4" >"$WORK/said" 2>&1; then
            not_ok "$1-by-$who" "accepted: $(said)"
        else
            ok "$1-by-$who"
        fi
    done
}

gives signed-by-unix 0 '' casemate attest "unix:$SIM_SOCKET" --root "$SIM_ROOT"
gives signed-by-url 0 'claims 0, but which code says so is not known' casemate attest "https://$at" --root "$SIM_ROOT"
gives unknown-code-is-not-untouched 1 'touch-unproved' casemate attest "https://$at" --root "$SIM_ROOT" --untouched
casemate attest "https://$at" --root "$SIM_ROOT" --json >"$WORK/json"
mapfile -t code < <(field "$WORK/json" "'\n'.join(f'--pcr={i}={d[\"pcrs\"][str(i)]}' for i in range(3))")
gives signed-and-untouched 0 '^touches +none since it booted' casemate attest "https://$at" --root "$SIM_ROOT" \
    "${code[@]}" --untouched
mkdir "$WORK/full"
# shellcheck disable=SC2016 # the inner shell's
gives save-without-space 2 'cannot write .*/full/doc: No space left on device' unshare -m sh -c '
    full=$1; shift
    mount -t tmpfs -o size=4k tmpfs "$full" && echo old >"$full/doc" && "$@" --save "$full/doc"
    status=$?
    [ "$(ls "$full") $(cat "$full/doc")" = "doc old" ] || exit 99
    exit $status' sh "$WORK/full" casemate attest "https://$at" --root "$SIM_ROOT"
check save-again casemate attest "https://$at" --root "$SIM_ROOT" --save "$WORK/kept"
check save-into-what-is-no-file sh -c 'casemate attest "$1" --root "$2" --json --save /dev/fd/3 >/dev/null 3>"$3"' \
    sh "https://$at" "$SIM_ROOT" "$WORK/kept3"
same saved-the-same-size "$(stat -c %s "$WORK/kept")" "$(stat -c %s "$WORK/kept3")"
gives not-of-aws 1 'root' casemate attest "https://$at"
gives which-code-is-said 0 'WHICH CODE runs there was NOT compared' casemate attest "https://$at" --root "$SIM_ROOT"
fresh "$at" "$WORK/good"
all_accept good "$WORK/good"
field "$WORK/json" "json.dumps({'Measurements': {f'PCR{i}': d['pcrs'][str(i)] for i in range(3)}})" >"$WORK/code"
sed 's/"PCR1": "../"PCR1": "xx/' "$WORK/code" | tr x 0 >"$WORK/other-code"
gives untouched-by-python 0 '^accepted: 0 touches$' untouched_by_python "$WORK/good" "$WORK/code"
gives untouched-by-python-of-unknown-code 1 'untouched is the word of code that is not known' \
    untouched_by_python "$WORK/good"
gives untouched-by-python-of-other-code 1 'PCR1 is another' untouched_by_python "$WORK/good" "$WORK/other-code"

# refused by all of them
nonce=$(cat "$WORK/good/nonce")
openssl ecparam -name secp384r1 -genkey -noout -out "$WORK/other.key" 2>/dev/null
openssl req -x509 -new -key "$WORK/other.key" -sha384 -days 10 -subj "$(openssl x509 -in "$SIM_ROOT" \
    -noout -subject -nameopt compat | sed 's/^subject=//')" -out "$WORK/other.pem" 2>/dev/null
all_refuse other-root "$WORK/good" "$WORK/other.pem" "$nonce"
all_refuse other-nonce "$WORK/good" "$SIM_ROOT" "${nonce/[0-7]/8}"
cp -r "$WORK/good" "$WORK/bad"
openssl ec -in <(openssl ecparam -name prime256v1 -genkey -noout) -pubout -outform DER \
    -out "$WORK/bad/spki" 2>/dev/null
all_refuse other-key "$WORK/bad" "$SIM_ROOT" "$nonce"
cp "$WORK/good/spki" "$WORK/bad/spki"
bits=$((8 * $(stat -c %s "$WORK/good/doc")))
for i in 1 2 3 4 5 6 7 8; do # all bits are flipped in unit/test_verify
    flip "$WORK/good/doc" "$WORK/bad/doc" $((bits * i / 9 + i))
    all_refuse "flipped-bit-$((bits * i / 9 + i))" "$WORK/bad" "$SIM_ROOT" "$nonce"
done
head -c $((bits / 8 - 1)) "$WORK/good/doc" >"$WORK/bad/doc"
all_refuse cut "$WORK/bad" "$SIM_ROOT" "$nonce"

# a touch: all see it, and a log without it is not the document's
fresh "$at" "$WORK/touch0"
kill -USR1 "$SIM"
touched() { fresh "$at" "$WORK/touched" && client touches "$WORK/touched" | grep -q '^1 touches'; }
check touch-appears until_true touched
all_accept touched "$WORK/touched"
cp -r "$WORK/touched" "$WORK/touched1"
cp "$WORK/touch0/log" "$WORK/touched/log"
gives log-without-the-touch 1 'log' by_python "$WORK/touched" "$SIM_ROOT" "$(cat "$WORK/touched/nonce")"
gives touched-by-python 1 'touched 1 times' untouched_by_python "$WORK/touched1" "$WORK/code"
gives touched-by-casemate 1 'touched:' casemate attest "https://$at" --root "$SIM_ROOT" "${code[@]}" --untouched

stop_gateway

# ================ what ships has nothing of the simulator ===========================
# By the linker's map, which names every object that it took, and by what the
# simulator's certificates and module are called. Both would be seen: they are
# in what is not shipped.
same no-simulator-in-init '' "$(grep -E 'libsim|tests/' "$ROOT/build/init.map" | head -n 3)"
check init-map-names-objects grep -q 'libattest\.a(nsm\.o)' "$ROOT/build/init.map"
check sim-names-itself sh -c 'strings -a "$1" | grep -qi simulated' sh "$ROOT/build/sim"
same no-simulator-string '' "$(strings -a "$ROOT/build/init" "$CASEMATE" | grep -i simulated | head -n 3)"
done_testing
