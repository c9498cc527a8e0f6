#!/usr/bin/env bash
# The app's network: unmodified programs in the enclave, under the measured policy,
# through the gateway in user mode and in TUN mode; what a hostile host says to them;
# gateways that are killed and followed by others.
#
# Everything is in two network namespaces: that of the host, where the enclaves and
# the gateways run, and what is far from it, behind a link of 1,400 bytes.
# shellcheck disable=SC2016 # what is in quotes is for a shell in the enclave
# shellcheck disable=SC2317 # check and until_true call them
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

[ "$(id -u)" = 0 ] || { skip network 'only root can make network namespaces' && done_testing; }
for tool in ip nsenter unshare nft openssl curl ldd; do
    command -v $tool >/dev/null || { skip network "$tool is not there" && done_testing; }
done
FAR_PY=$ROOT/tests/e2e/network_far.py

# --- the namespaces
unshare --net sleep infinity &
HOST=$!
unshare --net sleep infinity &
FAR=$!
apart() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
check namespace-host until_true apart $HOST
check namespace-far until_true apart $FAR
in_host() { nsenter --net="/proc/$HOST/ns/net" -- "$@"; }
in_far() { nsenter --net="/proc/$FAR/ns/net" -- "$@"; }
# In the background the job is the program itself, and ends with the test.
job_in_host() { exec nsenter --net="/proc/$HOST/ns/net" -- "$@"; }
job_in_far() { exec nsenter --net="/proc/$FAR/ns/net" -- "$@"; }

FAR_ADDRESSES=(192.0.2.2 192.0.2.3 198.51.100.{1..4} 203.0.113.{9..14} 169.254.169.254
    2001:db8:1::{2,3} 2001:db8:2::{1,2} 2001:db8:4::1 2001:db8:3::{9,10,11,12,13,14} fd00:ec2::254)
net_up() {
    in_host ip link add out type veth peer name in netns $FAR || return
    in_host ip link set lo up && in_far ip link set lo up || return
    in_host ip link set out mtu 1400 up && in_far ip link set in mtu 1400 up || return
    in_host ip addr add 192.0.2.1/24 dev out && in_host ip addr add 2001:db8:1::1/64 dev out nodad || return
    in_far ip addr add 192.0.2.2/24 dev in && in_far ip addr add 2001:db8:1::2/64 dev in nodad || return
    for address in "${FAR_ADDRESSES[@]}"; do
        case $address in
        192.0.2.2 | 2001:db8:1::2) ;;
        192.0.2.*) in_far ip addr add "$address/24" dev in || return ;;
        2001:db8:1:*) in_far ip addr add "$address/64" dev in nodad || return ;;
        *:*) in_far ip addr add "$address/128" dev lo || return ;;
        *) in_far ip addr add "$address/32" dev lo || return ;;
        esac
    done
    in_host ip route add default via 192.0.2.2 && in_host ip -6 route add default via 2001:db8:1::2 || return
    in_host ip route add unreachable 192.0.2.66 && in_host ip -6 route add unreachable 2001:db8:1::66
}
check namespaces-joined net_up

cd -- "$WORK" || exit 1
mkdir far
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 \
    -subj '/CN=the test' >said 2>&1
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout far/key -out far.csr \
    -subj '/CN=secure.example' >>said 2>&1
printf 'subjectAltName=DNS:secure.example,DNS:other.example\n' >extensions
check certificates openssl x509 -req -in far.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
    -extfile extensions -out far/crt
cat far/key far/crt >far/far.pem
job_in_far "$PYTHON" "$FAR_PY" serve far "${FAR_ADDRESSES[@]}" >far.out 2>&1 &
job_in_host "$PYTHON" "$FAR_PY" serve-loopback far 127.0.0.1 ::1 192.0.2.1 2001:db8:1::1 >near.out 2>&1 &
check far-serves until_true grep -qx ready far.out
check loopback-serves until_true grep -qx ready near.out
printf 'nameserver 192.0.2.2\n' >resolv.conf

# --- the images
demo_image unused.eif # for its root
cp "$ROOT/build/e2e/talk" root/bin/
copy_program() { # with its libraries, where it expects them
    ldd "$1" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "root${library%/*}" && cp -L "$library" "root$library"
    done
    cp -L "$1" root/bin/
}
copy_program "$(command -v curl)"
cp ca.pem root/etc/
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out root/etc/other.pem \
    -days 30 -subj '/CN=another' >said 2>&1
mkdir root/www
echo 'served by the app' >root/www/index.html
"$PYTHON" - >said <<'PY'
import ssl
for name in ('secure.example', 'other.example'):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        open(f'root/etc/{name}.hello', 'wb').write(outgoing.read())
PY
printf 'GET / HTTP/1.0\r\n\r\n' >root/etc/request

network_image() { # NAME: with the network of stdin
    {
        cat
        cat <<'YAML'
channel: open
services:
  echo: {command: [sh, -c, 'ulimit -n 2000; exec talk serve 7000']}
  shut: {command: [talk, serve, "7003"]}
  web: {command: [httpd, -f, -p, "8080", -h, /www], ready: {tcp: 8080}}
YAML
    } >"$1.yaml"
    "$IMAGE" build --from root --manifest "$1.yaml" -o "$1.eif" >said 2>&1 || {
        not_ok "build-$1" "$(said)"
        done_testing
    }
}
network_image box <<'YAML'
network:
  egress:
    - tcp:192.0.2.2:80
    - tcp:192.0.2.3:1-65535
    - udp:192.0.2.3:1-65535
    - tcp:192.0.2.66:1
    - tcp:198.51.100.0/31:7-9
    - udp:198.51.100.1:7
    - icmp:198.51.100.1
    - 'tcp:[2001:db8:1::2]:80'
    - 'tcp:[2001:db8:1::3]:1-65535'
    - 'udp:[2001:db8:1::3]:1-65535'
    - 'tcp:[2001:db8:1::66]:1'
    - 'tcp:[2001:db8:2::/127]:7-9'
    - 'udp:[2001:db8:2::1]:7'
    - 'icmp:[2001:db8:2::1]'
    - tcp:name.example:7
    - udp:name.example:7
    - 'tcp:*.wild.example:7'
    - tcp:web.example:80
    - tls:secure.example:443
    - tls:secure.example:7
    - tcp:near.example:7
    - tcp:meta.example:80
    - tcp:169.254.169.254:80
    - 'tcp:[fd00:ec2::254]:80'
    - tcp:127.0.0.1:7
    - tcp:10.7.0.1:7
    - 'tcp:[fd07:ca5e:3a7e::1]:7'
    - tcp:192.0.2.1:7
    - 'tcp:[2001:db8:1::1]:7'
  ingress: [tcp:7000-7001, udp:7000, tcp:8080, tcp:9000]
YAML
network_image all <<'YAML'
network:
  egress: [any]
  ingress: [tcp:7000-8080, udp:7000-7100]
YAML
network_image bare </dev/null

boot_in_host() { # NAME [run's options]
    in_host unshare --mount sh -c 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh \
        "$WORK/resolv.conf" "$CASEMATE" run --name "$1" "${@:2}" "$1.eif" >"$1.said" 2>&1
}
boots=()
PUBLISH_BARE=(-p 192.0.2.1:6443:8443 -p 192.0.2.1:6000:7000)
boot_in_host box -p 192.0.2.1:4443:8443 &
boots+=($!)
boot_in_host all -p 192.0.2.1:5443:8443 -p 192.0.2.1:5003:7003 -p 192.0.2.1:5003:7003/udp &
boots+=($!)
boot_in_host bare "${PUBLISH_BARE[@]}" &
boots+=($!)
for pid in "${boots[@]}"; do
    wait "$pid" || { not_ok boot "$(tail -n 5 -q ./*.said)" && done_testing; }
done
ok boot

# --- tools
metric() { # BOX NAME
    local port=4443
    [ "$1" = box ] || port=$([ "$1" = all ] && echo 5443 || echo 6443)
    in_far curl -sSkf --max-time 60 "https://192.0.2.1:$port/metrics" | sed -n "s/^casemate_$2 //p"
}
# rises NAME BOX METRIC BEFORE
rises() {
    local after
    after=$(metric "$2" "$3")
    if [ "$after" -gt "$4" ]; then ok "$1"; else not_ok "$1" "$3 was $4 and is $after"; fi
}
# in_app BOX PREFIX: each line of stdin is "NAME: PATTERN: COMMAND"; all commands run
# in the enclave, one after the other, and the last line that each prints must match.
in_app() {
    local name pattern command got
    cat >cases
    sed -E 's/^([^:]*): (.*): (.*)$/\3/' cases |
        "$CASEMATE" exec -i "$1" -- /bin/sh -c 'while read -r c; do echo "$(eval "$c" 2>&1 </dev/null | tail -n 1)"; done' >got 2>&1
    exec 8<got
    while IFS= read -r line; do
        name=${line%%: *} pattern=${line#*: } command=${line##*: }
        pattern=${pattern%: *}
        IFS= read -r got <&8
        if grep -qE -- "$pattern" <<<"$got"; then
            ok "$2-$name"
        else
            not_ok "$2-$name" "wanted '$pattern' of '$command', got '$got'"
        fi
    done <cases
    exec 8<&-
}
# from_far NAME PATTERN KIND ARGUMENT...: a client there
from_far() { gives "$1" 0 "$2" in_far "$PYTHON" "$FAR_PY" client "${@:3}"; }

# start_net BOX [gateway's options]: another gateway, which takes over; NET is its process.
PUBLISH=(-p 0.0.0.0:8443:8443 -p 0.0.0.0:7000:7000 -p '[::]:7000:7000' -p 0.0.0.0:7000:7000/udp
    -p '[::]:7000:7000/udp' -p 0.0.0.0:7001:7001 -p '[::]:7001:7001' -p 0.0.0.0:7003:7003
    -p '[::]:7003:7003' -p 0.0.0.0:7003:7003/udp -p 0.0.0.0:8080:8080 -p '[::]:8080:8080'
    -p 0.0.0.0:9000:9000)
start_net() {
    # Not in_host: that would be a process between.
    nsenter --net="/proc/$HOST/ns/net" -- unshare --mount sh -c \
        'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh "$WORK/resolv.conf" \
        "$CASEMATE" gateway "${@:2}" "${PUBLISH[@]}" "$1" >net.out 2>&1 &
    NET=$!
    until_true in_far curl -sSkf --max-time 30 -o /dev/null https://192.0.2.1:8443/health || {
        not_ok start-net "$(tail -n 3 net.out)"
        done_testing
    }
}
stop_net() { # NAME
    local status=0
    kill -TERM "$NET"
    wait "$NET" || status=$?
    same "$1-gateway-ends-when-told" 0 "$status"
}

# --- what a rule allows and another does not. Of each pair the second differs in
# nothing but what no rule has; in the enclave that may do anything, both work.

allowed() {
    cat <<'CASES'
address: ^HTTP: talk tcp 192.0.2.2 80 /etc/request
prefix-first: ^GET: talk tcp 198.51.100.1 7 /etc/request
ports-last: ^18 : talk tcp 198.51.100.1 9 /etc/request
udp: ^echoed 1 of 100$: talk udp 198.51.100.1 7 100
ping: ^echo$: talk ping 198.51.100.1
address6: ^HTTP: talk tcp 2001:db8:1::2 80 /etc/request
prefix6: ^GET: talk tcp 2001:db8:2::1 7 /etc/request
ports6-last: ^18 : talk tcp 2001:db8:2::1 9 /etc/request
udp6: ^echoed 1 of 100$: talk udp 2001:db8:2::1 7 100
ping6: ^echo$: talk ping 2001:db8:2::1
CASES
}
# denied TCP OTHER OTHER6: what comes of it
denied() {
    cat <<CASES
other-port: $1: talk tcp 192.0.2.2 7
other-address: $1: talk tcp 198.51.100.4 7
behind-prefix: $1: talk tcp 198.51.100.2 7
behind-ports: $1: talk tcp 198.51.100.1 11
udp-of-tcp: $2: talk udp 192.0.2.2 7 100
udp-other-address: $2: talk udp 198.51.100.2 7 100
ping-other: $2: talk ping 198.51.100.2
other-port6: $1: talk tcp 2001:db8:1::2 7
other-address6: $1: talk tcp 2001:db8:4::1 7
behind-prefix6: $1: talk tcp 2001:db8:2::2 7
behind-ports6: $1: talk tcp 2001:db8:2::1 11
udp6-other: $3: talk udp 2001:db8:2::2 7 100
ping6-other: $3: talk ping 2001:db8:2::2
of-no-name: $1: talk tcp 203.0.113.9 7
of-no-name6: $1: talk tcp 2001:db8:3::9 7
CASES
}
NO_TCP='^ECONNREFUSED$' NO_UDP='^EHOSTUNREACH$' NO_UDP6='^EACCES$'
SOME='^(nothing|bye|HTTP.*)$'

# names: an address opens with the answer that has it, and stays open for its TTL
nobody_asked() {
    cat <<'CASES'
tcp: ^ECONNREFUSED$: talk tcp 203.0.113.10 7
tcp6: ^ECONNREFUSED$: talk tcp 2001:db8:3::10 7
udp: ^EHOSTUNREACH$: talk udp 203.0.113.10 7 100
tls: ^ECONNREFUSED$: talk tcp 203.0.113.12 7 /etc/secure.example.hello
CASES
}
names() {
    cat <<'CASES'
name-answer: 203.0.113.10$: nslookup -type=a name.example | grep -w Address
name-answer6: 2001:db8:3::10$: nslookup -type=aaaa name.example | grep -w Address
name: ^GET: talk tcp 203.0.113.10 7 /etc/request
name6: ^GET: talk tcp 2001:db8:3::10 7 /etc/request
name-udp: ^echoed 1 of 100$: talk udp 203.0.113.10 7 100
name-udp6: ^echoed 1 of 100$: talk udp 2001:db8:3::10 7 100
name-other-port: ^ECONNREFUSED$: talk tcp 203.0.113.10 9
wild-answer: 203.0.113.11$: nslookup -type=a b.a.wild.example | grep -w Address
wild: ^GET: talk tcp 203.0.113.11 7 /etc/request
wild-itself-refused: REFUSED: nslookup -type=a wild.example | grep -w find
wild-itself: ^ECONNREFUSED$: talk tcp 203.0.113.14 7
denied-name-refused: REFUSED: nslookup -type=a denied.example | grep -w find
denied-name6-refused: REFUSED: nslookup -type=aaaa denied.example | grep -w find
denied-name: ^ECONNREFUSED$: talk tcp 203.0.113.13 7
no-such-name: NXDOMAIN: nslookup -type=a none.wild.example | grep -w find
near-name-fails: SERVFAIL: nslookup -type=a near.example | grep -w find
near-name: ^ECONNREFUSED$: talk tcp 127.0.0.1 7
meta-name-fails: SERVFAIL: nslookup -type=a meta.example | grep -w find
meta-name6-fails: SERVFAIL: nslookup -type=aaaa meta.example | grep -w find
tls-answer: 203.0.113.12$: nslookup -type=a secure.example | grep -w Address
tls-answer6: 2001:db8:3::12$: nslookup -type=aaaa secure.example | grep -w Address
tls-right-name: ^[0-9]+ bytes$: talk tcp 203.0.113.12 7 /etc/secure.example.hello
tls-right-name6: ^[0-9]+ bytes$: talk tcp 2001:db8:3::12 7 /etc/secure.example.hello
tls-other-name: ^ECONNRESET$: talk tcp 203.0.113.12 7 /etc/other.example.hello
tls-other-name6: ^ECONNRESET$: talk tcp 2001:db8:3::12 7 /etc/other.example.hello
tls-none: ^ECONNRESET$: talk tcp 203.0.113.12 7 /etc/request
tls-cut: ^ECONNRESET$: talk tcp 203.0.113.12 7 /etc/secure.example.hello 100
tls-other-port: ^ECONNREFUSED$: talk tcp 203.0.113.12 9
CASES
}

hello_logged() {
    in_box 'talk tcp 203.0.113.12 7 /etc/other.example.hello'
    "$CASEMATE" console box | grep -E 'network: refused TCP .*: no rule with tls: is of other.example'
}

name_logged() {
    in_box 'nslookup -type=a denied.example'
    "$CASEMATE" console box | grep -F 'network: refused the name denied.example: no rule of egress'
}

# --- programs as they are
programs() {
    cat <<'CASES'
wget: ^far$: wget -q -O - http://web.example/
wget6: ^far$: wget -q -O - 'http://[2001:db8:1::2]/'
wget-denied: refused: wget -q -O - http://203.0.113.9/
nc: ^far$: nc 192.0.2.2 80 </etc/request
nc6: ^far$: nc 2001:db8:1::2 80 </etc/request
curl: ^far$: curl -sS -4 --cacert /etc/ca.pem https://secure.example/
curl6: ^far$: curl -sS -6 --cacert /etc/ca.pem https://secure.example/
curl-checks: certificate: curl -sS --cacert /etc/other.pem https://secure.example/ 2>&1 | head -n 1
curl-other-name: reset: curl -sSk --connect-to other.example:443:203.0.113.12:443 https://other.example/
curl-no-name: reset: curl -sSk https://203.0.113.12/
CASES
}

# --- how the far end's kernel speaks
answers() {
    cat <<'CASES'
refused-there: ^ECONNREFUSED$: talk tcp 192.0.2.3 1
refused-there6: ^ECONNREFUSED$: talk tcp 2001:db8:1::3 1
refused-there-udp: ^ECONNREFUSED$: talk udp 192.0.2.3 1 10
unreachable: ^EHOSTUNREACH$: talk tcp 192.0.2.66 1
unreachable6: ^E(HOST|NET)UNREACH$: talk tcp 2001:db8:1::66 1
half-closed: ^5000000 right$: talk push 192.0.2.3 9 5000000
half-closed6: ^5000000 right$: talk push 2001:db8:1::3 9 5000000
both-close: ^met 100 times$: talk meet 192.0.2.3 12 100
both-close6: ^met 20 times$: talk meet 2001:db8:1::3 12 20
same-ports: ^20 times$: talk again 192.0.2.3 11 30000 20
same-ports6: ^20 times$: talk again 2001:db8:1::3 11 30001 20
datagrams: ^echoed 200 of 1300$: talk udp 192.0.2.3 7 1300 200
large-datagrams: ^echoed 5 of 60000$: talk udp 192.0.2.3 7 60000 5
large-datagrams6: ^echoed 5 of 60000$: talk udp 2001:db8:1::3 7 60000 5
metadata: ^ECONNREFUSED$: talk tcp 169.254.169.254 80 /etc/request
metadata6: ^ECONNREFUSED$: talk tcp fd00:ec2::254 80 /etc/request
loopback: ^ECONNREFUSED$: talk tcp 10.7.0.1 7 /etc/request
loopback6: ^ECONNREFUSED$: talk tcp fd07:ca5e:3a7e::1 7 /etc/request
here: ^ECONNREFUSED$: talk tcp 192.0.2.1 7 /etc/request
here6: ^ECONNREFUSED$: talk tcp 2001:db8:1::1 7 /etc/request
CASES
}
reachable_when_allowed() {
    cat <<'CASES'
metadata: ^HTTP: talk tcp 169.254.169.254 80 /etc/request
metadata6: ^HTTP: talk tcp fd00:ec2::254 80 /etc/request
loopback: ^GET: talk tcp 10.7.0.1 7 /etc/request
loopback6: ^GET: talk tcp fd07:ca5e:3a7e::1 7 /etc/request
here: ^GET: talk tcp 192.0.2.1 7 /etc/request
here6: ^GET: talk tcp 2001:db8:1::1 7 /etc/request
CASES
}
ALLOW=(--allow 169.254.169.254 --allow fd00:ec2::254 --allow 127.0.0.1 --allow ::1 --allow 192.0.2.1
    --allow 2001:db8:1::1)

# --- the app's servers
CUT='^(Connection(Refused|Reset)Error|BrokenPipeError|OSError|other bytes)$'
published() { # PREFIX
    from_far "$1-published" '^1 flows of 1000000$' many 192.0.2.1 7000 1 1000000
    from_far "$1-published6" '^1 flows of 1000000$' many 2001:db8:1::1 7000 1 1000000
    from_far "$1-published-udp" '^echoed 1200$' udp 192.0.2.1 7000 1200
    from_far "$1-published-udp6" '^echoed 1200$' udp 2001:db8:1::1 7000 1200
    from_far "$1-published-udp-large" '^echoed 60000$' udp 192.0.2.1 7000 60000
    from_far "$1-published-udp6-large" '^echoed 60000$' udp 2001:db8:1::1 7000 60000
    from_far "$1-published-httpd" '^served by the app$' http 192.0.2.1 8080
    from_far "$1-published-httpd6" '^served by the app$' http 2001:db8:1::1 8080
    from_far "$1-client-address" '^::ffff:192.0.2.2$' who 192.0.2.1 7001
    from_far "$1-client-address6" '^2001:db8:1::[23]$' who 2001:db8:1::1 7001
    from_far "$1-no-rule-of-ingress" "$CUT" echo 192.0.2.1 7003 10
    from_far "$1-no-rule-of-ingress6" "$CUT" echo 2001:db8:1::1 7003 10
}
published_nc() { # PREFIX
    "$CASEMATE" exec box -- /bin/sh -c 'echo served by nc | nc -l -p 9000' >nc.out 2>&1 &
    local nc=$!
    check "$1-nc-listens" until_true in_box 'netstat -ltn | grep -q :9000'
    from_far "$1-nc" '^served by nc$' http 192.0.2.1 9000
    wait $nc
}
in_box() { "$CASEMATE" exec box -- /bin/sh -c "$1"; }

# --- those that do not read, beside those that do
stalled() { # PREFIX
    rm -f far/go
    in_box 'rm -f /tmp/go'
    in_box 'exec talk push 192.0.2.3 10 12000000' >push.out 2>&1 &
    local push=$!
    in_box 'exec talk pull 192.0.2.3 14 1000000 /tmp/go' >pull.out 2>&1 &
    local pull=$!
    in_app box "$1" <<'CASES'
beside-the-stalled: ^20 flows of 100000$: talk flows 192.0.2.3 7 20 100000
CASES
    same "$1-still-stalled" '' "$(cat push.out pull.out)"
    touch far/go
    in_box 'touch /tmp/go'
    wait $push
    wait $pull
    same "$1-goes-on-sending" '12000000 right' "$(cat push.out)"
    same "$1-goes-on-reading" 'all of it' "$(cat pull.out)"
}

# --- a gateway that is killed
killed() { # PREFIX GATEWAY'S OPTIONS...
    local before resets
    resets=$("$CASEMATE" logs box echo | grep -c ECONNRESET)
    before=$(metric box network_reset_total)
    in_box 'exec talk hold 192.0.2.3 7' >hold.out 2>&1 &
    local app=$!
    job_in_far "$PYTHON" "$FAR_PY" client hold 192.0.2.1 7000 >held.out 2>&1 &
    local far=$!
    check "$1-app-holds" until_true grep -qx held hold.out
    check "$1-far-holds" until_true grep -qx held held.out
    kill -KILL "$NET"
    wait "$NET" 2>/dev/null
    wait $app
    same "$1-app-hears" ECONNRESET "$(tail -n 1 hold.out)"
    more_resets() { [ "$("$CASEMATE" logs box echo | grep -c ECONNRESET)" -gt "$1" ]; }
    check "$1-server-hears" until_true more_resets "$resets"
    rises "$1-resets-counted" box network_reset_total "$before"
    start_net box "${@:2}"
    in_app box "$1-after" <<'CASES'
connects: ^GET: talk tcp 192.0.2.3 7 /etc/request
udp: ^echoed 1 of 100$: talk udp 192.0.2.3 7 100
CASES
    from_far "$1-after-published" '^echoed 1000$' echo 192.0.2.1 7000 1000
    from_far "$1-after-httpd" '^served by the app$' http 192.0.2.1 8080
    [ "$1" = tun ] || { wait $far && check "$1-far-hears" grep -qE '^(end|ConnectionResetError)$' held.out; }
}

# --- a host that lies
# The one of casemate run is there: it would take over from who came before it.
until_true in_far curl -sSkf --max-time 30 -o /dev/null https://192.0.2.1:4443/health
in_host env XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" "$PYTHON" "$ROOT/tests/e2e/network_host.py" box "$(vm_socket box)" \
    >host.out 2>host.err || FAILED=1
cat host.out
[ -s host.err ] && not_ok hostile-host-runs "$(tail -n 1 host.err)"
same hostile-host-attestation 200 "$(in_far curl -sSk -o /dev/null -w '%{http_code}' https://192.0.2.1:4443/health)"

# --- without rules
NO_WAY='^ECONNREFUSED$'
in_app bare default-deny <<CASES
tcp: $NO_WAY: talk tcp 192.0.2.3 7
tcp6: $NO_WAY: talk tcp 2001:db8:1::3 7
udp: $NO_UDP: talk udp 192.0.2.3 7 10
metadata: $NO_WAY: talk tcp 169.254.169.254 80
metadata6: $NO_WAY: talk tcp fd00:ec2::254 80
ping: $NO_UDP: talk ping 192.0.2.3
CASES
from_far default-deny-ingress "$CUT" echo 192.0.2.1 6000 10

# --- with all rules: what box denies
denied "$SOME" '^echo' '^echo' | in_app all any
from_far any-ingress '^echoed 10$' echo 192.0.2.1 5003 10
from_far any-ingress-udp '^echoed 10$' udp 192.0.2.1 5003 10

# --- the rules, and all else, in user mode and in TUN mode
for mode in user tun; do
    options=()
    [ $mode = user ] || options=(--tun)
    refused=$(metric box network_out_refused_total)
    in_refused=$(metric box network_in_refused_total)
    hellos=$(metric box network_hello_refused_total)
    declare -A dns=()
    for m in asked denied answered failed; do dns[$m]=$(metric box dns_${m}_total); done
    start_net box "${options[@]}"
    allowed | in_app box $mode-allowed
    denied "$NO_TCP" "$NO_UDP" "$NO_UDP6" | in_app box $mode-denied
    [ $mode = tun ] || nobody_asked | in_app box nobody-asked
    names | in_app box $mode-names
    check $mode-log-hello until_true hello_logged # of many refusals at once some are only counted
    check $mode-log-name until_true name_logged
    programs | in_app box $mode
    answers | in_app box $mode
    published $mode
    published_nc $mode
    rises $mode-counts-refused box network_out_refused_total "$refused"
    rises $mode-counts-in-refused box network_in_refused_total "$in_refused"
    rises $mode-counts-hellos box network_hello_refused_total "$hellos"
    for m in asked denied answered failed; do
        rises $mode-counts-dns-$m box dns_${m}_total "${dns[$m]}"
    done
    stalled $mode
    in_app box $mode <<'CASES'
thousand: ^1000 flows of 20000$: ulimit -n 2000; talk flows 192.0.2.3 7 1000 20000
CASES
    from_far $mode-thousand-published '^1000 flows of 5000$' many 192.0.2.1 7000 1000 5000
    killed $mode "${options[@]}"
    # The later takes over. In TUN mode there is room for one in a namespace.
    if [ $mode = user ]; then stop_net earlier; else stop_net $mode; fi
    start_net box "${options[@]}" "${ALLOW[@]}"
    reachable_when_allowed | in_app box $mode-when-allowed
    stop_net $mode-allowing
done
gives log-egress 0 'network: refused TCP from 10.7.0.2 port [0-9]+ to .* port 7: no rule of egress' \
    "$CASEMATE" console box
gives log-takeover 0 "network: another gateway has the app's packets now" "$CASEMATE" console box
gives log-ingress 0 'network: refused (TCP|UDP) from .*: no rule of ingress' "$CASEMATE" console box

same no-crash '' "$("$CASEMATE" console box | grep -E 'segfault|Oops|Kernel panic|ended by signal (4|6|7|8|11|31)' | head -n 3)"
done_testing
