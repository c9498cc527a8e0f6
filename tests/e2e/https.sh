#!/usr/bin/env bash
# The attestation server as others see it: curl, openssl s_client, gnutls-cli and
# testssl.sh, and every request of the public test suites over real TLS. The
# gate and the gateway are real, the enclave around the gate is tests/sim's.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

VECTORS=$ROOT/../shared/vectors/http
start_sim sim-checked
port=$(free_port)
at=127.0.0.1:$port
start_gateway "unix:$SIM_SOCKET" "$port"
nonce=$(printf '%064d' 7)

# --- testssl.sh looks at everything for a minute: meanwhile the others.
# All but the simulation of old clients and the list of single ciphers, which
# show nothing that its other parts do not.
testssl --quiet --color 0 --warnings off -n none --protocols --std --pfs --server-preference \
    --server-defaults --headers --vulnerable --jsonfile "$WORK/testssl.json" "$at" \
    >"$WORK/testssl.out" 2>&1 </dev/null &
testssl=$!

# --- curl
get() { curl -sSk --max-time 60 "$@"; }
gives curl-http1 0 '^200 1\.1 application/json$' get -o /dev/null \
    -w '%{http_code} %{http_version} %{content_type}\n' "https://$at/health"
gives curl-tls13-falls-back 0 'SSL connection using TLSv1\.2 / ECDHE-ECDSA-' get -v "https://$at/health"
gives curl-tls13-alone 35 '' get --tlsv1.3 "https://$at/health"
gives curl-tls11 35 '' get --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 "https://$at/health"
gives curl-cose 0 '^200 application/cose$' get -o "$WORK/doc" -w '%{http_code} %{content_type}\n' \
    "https://$at/attestation?nonce=$nonce"
gives curl-json 0 "\"nonce\":\"$nonce\"" get -H 'Accept: application/json' \
    "https://$at/attestation?nonce=$nonce"
gives curl-head 0 '^200 0$' get -I -o /dev/null -w '%{http_code} %{size_download}\n' "https://$at/measurements"
gives curl-trailing-slash 0 '^200$' get -o /dev/null -w '%{http_code}\n' "https://$at/health/"
gives curl-kept-alive 0 '^1 0 0$' sh -c 'curl -sSk -o /dev/null -o /dev/null -o /dev/null -w "%{num_connects}\n" \
    "https://$1/health" "https://$1/touch" "https://$1/metrics" | tr "\n" " " | sed "s/ $//"' sh "$at"
gives curl-404 0 '^404 application/json$' get -o /dev/null -w '%{http_code} %{content_type}\n' "https://$at/nothing"
gives curl-405 0 '^405 GET' get -X DELETE -o /dev/null -w '%{http_code} %header{allow}\n' "https://$at/health"
head -c 50000 /dev/zero >"$WORK/body"
gives curl-body 0 '^405$' get --data-binary "@$WORK/body" -o /dev/null -w '%{http_code}\n' "https://$at/health"
gives curl-body-chunked 0 '^405$' get -H 'Transfer-Encoding: chunked' --data-binary @- -o /dev/null \
    -w '%{http_code}\n' "https://$at/health" <"$WORK/body"
head -c 100000000 /dev/zero >"$WORK/body"
gives curl-body-too-large 0 '^413$' get --data-binary "@$WORK/body" -o /dev/null -w '%{http_code}\n' "https://$at/health"

# --- openssl
s_client() { openssl s_client -connect "$at" -servername casemate "$@" </dev/null; }
for cipher in ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305; do
    for group in X25519:P-256 P-256; do
        gives "openssl-$cipher-${group%:*}" 0 "Cipher is $cipher" s_client -tls1_2 -cipher "$cipher" -groups "$group"
    done
done
for cipher in ECDHE-ECDSA-AES128-SHA256 ECDHE-ECDSA-AES128-SHA ECDHE-ECDSA-AES128-CCM ECDHE-RSA-AES128-GCM-SHA256 \
    AES128-GCM-SHA256 DHE-RSA-AES128-GCM-SHA256; do
    gives "openssl-no-$cipher" 1 'alert handshake failure|handshake failure' s_client -tls1_2 -cipher "$cipher"
done
gives openssl-no-P-384 1 'handshake failure' s_client -tls1_2 -groups P-384
gives openssl-prefers-X25519 0 'Server Temp Key: X25519' s_client -tls1_2 -groups P-256:X25519
gives openssl-alpn 0 'ALPN protocol: http/1.1' s_client -alpn h2,http/1.1
s_client -tls1_2 -sess_out "$WORK/session" >"$WORK/said" 2>&1
gives openssl-resumes 0 '^Reused, TLSv1.2' s_client -tls1_2 -sess_in "$WORK/session"
gives openssl-resumes-again 0 '^Reused, TLSv1.2' s_client -tls1_2 -sess_in "$WORK/session"
gives openssl-secure-renegotiation 0 'Secure Renegotiation IS supported' s_client -tls1_2
printf 'R\n' >"$WORK/renegotiate"
gives openssl-renegotiation-refused 1 'no renegotiation|handshake failure|unexpected message' sh -c \
    '(cat "$2"; cat "$3") | openssl s_client -tls1_2 -connect "$1"' sh "$at" "$WORK/renegotiate" /dev/null
s_client -showcerts 2>/dev/null | openssl x509 >"$WORK/cert.pem" 2>"$WORK/said"
gives certificate-parses 0 'CA:FALSE' openssl x509 -in "$WORK/cert.pem" -noout -text
gives certificate-for-servers 0 'TLS Web Server Authentication' openssl x509 -in "$WORK/cert.pem" -noout -text
gives certificate-carries-evidence 0 '2\.23\.133\.5\.4\.9' openssl x509 -in "$WORK/cert.pem" -noout -text
gives certificate-is-its-own 0 'OK' openssl verify -no-CApath -no-CAstore -CAfile "$WORK/cert.pem" \
    -check_ss_sig "$WORK/cert.pem"
gives certificate-strict 0 'OK' openssl verify -x509_strict -no-CApath -no-CAstore -partial_chain \
    -trusted "$WORK/cert.pem" -verify_hostname casemate -purpose sslserver "$WORK/cert.pem"

# --- gnutls: its own opinion of handshake, certificate and close
gnutls() { printf 'GET /health HTTP/1.1\r\nHost: casemate\r\nConnection: close\r\n\r\n' |
    gnutls-cli --no-ca-verification --logfile "$WORK/gnutls.log" -p "$port" "$@" 127.0.0.1; }
gives gnutls 0 '"ready":true' gnutls
gives gnutls-resumes 0 'This is a resumed session' sh -c 'gnutls-cli --no-ca-verification -r -p "$1" 127.0.0.1 \
    --priority NORMAL:-VERS-ALL:+VERS-TLS1.2 </dev/null' sh "$port"
for priority in NORMAL SECURE128:-VERS-ALL:+VERS-TLS1.2 PFS \
    NORMAL:-VERS-ALL:+VERS-TLS1.2:-GROUP-ALL:+GROUP-X25519 NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305; do
    gives "gnutls-${priority//:/,}" 0 'Handshake was completed' gnutls-cli --no-ca-verification -p "$port" \
        --priority "$priority" 127.0.0.1 </dev/null
done
gives gnutls-no-tls11 1 '' gnutls-cli --no-ca-verification -p "$port" \
    --priority NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT 127.0.0.1 </dev/null

# --- the certificate of a verifying client: pinned, it is enough for curl
gives curl-pinned 0 '"ready":true' curl -sS --max-time 60 --cacert "$WORK/cert.pem" \
    --resolve "casemate:$port:127.0.0.1" "https://casemate:$port/health"

# --- public requests
if [ -e "$VECTORS/INDEX.json" ]; then
    "$PYTHON" "$ROOT/tests/e2e/https_vectors.py" "$VECTORS" "$at" || FAILED=1
    check alive-after-the-vectors healthy "$at"
else
    skip vectors "no $VECTORS"
fi

# --- testssl.sh: nothing of LOW or above but what follows from the certificate,
# which the attestation vouches for and not an authority.
wait "$testssl"
"$PYTHON" - "$WORK/testssl.json" <<'EOF' || FAILED=1
import json, sys
OWED = {
    'cert_trust': 'the name is not that of the address the test dials',
    'cert_chain_of_trust': 'self-signed: the document in it is what is verified',
    'cert_expirationStatus': 'made anew while it runs, valid for a day',
    'cert_notAfter': 'made anew while it runs, valid for a day',
    'cert_revocation': 'nobody issued it, nobody revokes it',
    'engine_problem': 'of the openssl that testssl.sh runs',
}
findings = json.load(open(sys.argv[1]))
bad, seen = 0, set()
for f in findings:
    seen.add(f['id'])
    if f['severity'] in ('OK', 'INFO'):
        continue
    if f['id'] in OWED:
        print(f"# testssl: {f['severity']} {f['id']}: {f['finding']}: {OWED[f['id']]}")
    else:
        bad = 1
        print(f"not ok testssl-{f['id']}: {f['severity']}: {f['finding']}")
# That it looked at all: its parts' findings are there.
wanted = {'TLS1_2', 'cipherlist_NULL', 'heartbleed', 'ROBOT', 'secure_client_renego', 'HTTP_status_code',
          'cipher_order', 'PFS_ECDHE_curves', 'cert_signatureAlgorithm', 'LUCKY13'}
if wanted - seen:
    bad = 1
    print(f'not ok testssl: it did not look at {sorted(wanted - seen)}; {len(findings)} findings')
if not bad:
    print(f'ok testssl ({len(findings)} findings)')
sys.exit(bad)
EOF
check alive-at-the-end healthy "$at"
stop_gateway
same gate-never-restarted '' "$(grep -iE 'gate.*(ended|killed|signal)' "$WORK/sim.log" | head -n 3)"
done_testing
