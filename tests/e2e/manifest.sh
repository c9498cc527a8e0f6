#!/usr/bin/env bash
# Manifests into images: what is compiled, read by a decoder that is not ours; errors
# with their places; the same bytes however the same is written.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$WORK" || exit 1
vectors=$ROOT/tests/vectors/manifest
PYTHON=/usr/bin/python3
printf 'quiet\n' >cmdline
head -c 70001 /dev/urandom >kernel
mkdir -p root/etc out
printf 'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/srv/app:/bin/sh\n' >root/etc/passwd
printf 'app:x:1001:\nlog:x:4:app\n' >root/etc/group
small=(--kernel kernel --init kernel --cmdline cmdline)

# build MANIFEST [OPTION...]: into out/x.eif, its measurements into measures.
build() {
    local manifest=$1
    shift
    "$IMAGE" build --from root --manifest "$manifest" "${small[@]}" -o out/x.eif "$@" >measures
}
# manifest_of EIF OUT: its second ramdisk's /manifest.
manifest_of() {
    rm -rf parts unpacked
    "$IMAGE" eif extract "$1" parts >/dev/null && mkdir unpacked &&
        (cd unpacked && cpio -id --quiet manifest <../parts/ramdisk1) && cp unpacked/manifest "$2"
}
# refused NAME STATUS PATTERN COMMAND...: and nothing is left in out.
refused() {
    rm -f out/*
    gives "$@"
    same "$1-leaves-nothing" '' "$(ls out)"
}

# --- the example, as another decoder reads it
check example build "$vectors/example.yaml"
check example-manifest manifest_of out/x.eif example.cbor
check example-decoded "$PYTHON" - example.cbor <<'END'
import sys
import cbor2
m = cbor2.load(open(sys.argv[1], "rb"))
assert sorted(m) == list(range(1, 9)) and [m[k] for k in (1, 2, 3, 4, 5, 7)] == [4, 1, 0x7e, 2, 0, 70000], m
network = cbor2.loads(m[8])
v4 = lambda *a: bytes(10) + b"\xff\xff" + bytes(a)
doc = bytes.fromhex("20010db8")
assert network == {
    1: [[1, 5432, 5432, 104, v4(10, 0, 0, 0)], [2, 123, 123, 128, v4(192, 0, 2, 7)],
        [1, 443, 443, 32, doc + bytes(12)], [1, 8000, 8100, 128, doc + bytes.fromhex("000000010000000000000001")],
        [1, 443, 443, 129, "api.example.com"], [4, 443, 443, 129, "*.example.com"],
        [1, 80, 80, 96, v4(0, 0, 0, 0)], [1, 80, 80, 0, bytes(16)],
        [3, 0, 65535, 104, v4(10, 0, 0, 0)], [3, 0, 65535, 96, v4(0, 0, 0, 0)], [3, 0, 65535, 0, bytes(16)],
        [0, 0, 65535, 96, v4(0, 0, 0, 0)], [0, 0, 65535, 0, bytes(16)]],
    2: [[1, 8080, 8080], [2, 5353, 5353], [1, 9000, 9010]]}, network
assert cbor2.dumps(network, canonical=True) == m[8]
database, cache, web = map(cbor2.loads, m[6])
path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
assert database == {
    1: "database", 2: ["/usr/bin/database", "--data", "/var/lib/database"],
    3: ["LANG=C.UTF-8", "VERBOSE=", path, "HOME=/"], 4: "/var/lib/database", 5: [70, 70],
    6: ["/usr/bin/database-ready"], 7: ["/var/lib/database", "/tmp"],
    8: [0, 0, 1, 0, 300000, 1, 500, 60000, 5, 600000, 2, 60000, 512 << 20, 64, 1500, 0, 1, 1 << 20]}, database
assert cache == {
    1: "cache", 2: ["cache", "--socket", "/run/cache"], 3: [path, "HOME=/root"], 4: "/", 5: [0, 0], 6: [], 7: [],
    8: [0, 0, 3, 0, 90000, 2, 100, 30000, 0, 60000, 15, 10000, 0, 512, 0, 0x5fb, 6, 256 << 10]}, cache
assert web == {
    1: "web", 2: ["/usr/bin/web", "--port", "8080", "--greeting", "hello: world"],
    3: [path, "HOME=/root"], 4: "/", 5: [0, 0], 6: [], 7: [],
    8: [3, 1, 2, 8080, 90000, 0, 100, 30000, 0, 60000, 15, 10000, 0, 512, 0, 0x4c0, 4, 256 << 10]}, web
END

# --- the same is the same, and another is another
mv out/x.eif example.eif && mv measures example.json
check again build "$vectors/example.yaml"
check again-compared cmp example.eif out/x.eif
check check "$IMAGE" manifest check "$vectors/example.yaml"
"$IMAGE" manifest check "$vectors/example.yaml" >example-check.json
check of-json build example-check.json
check of-json-compared cmp example.eif out/x.eif
check of-a-pipe build <(cat "$vectors/example.yaml")
check of-a-pipe-compared cmp example.eif out/x.eif
sed 's/cpu: 1.5/cpu: 1.501/' "$vectors/example.yaml" >other.yaml
check other build other.yaml
check other-is-measured "$PYTHON" -c 'import json
a, b = (json.load(open(f))["Measurements"] for f in ("example.json", "measures"))
assert a["PCR1"] == b["PCR1"] and a["PCR2"] != b["PCR2"] and a["PCR0"] != b["PCR0"]'

# --- a network puts its name server into the root, over whatever is there
fsck=${CASEMATE_CACHE:-$HOME/.cache/casemate}/tools/fsck.erofs
# root_of DIR: the root file system of out/x.eif.
root_of() {
    rm -rf parts "$1" && "$IMAGE" eif extract out/x.eif parts >/dev/null &&
        (cd parts && cpio -id --quiet root.erofs <ramdisk1) && "$fsck" --extract="$1" parts/root.erofs >/dev/null
}
network_of() {
    manifest_of out/x.eif network.cbor && "$PYTHON" -c 'import cbor2
m = cbor2.load(open("network.cbor", "rb"))
print(cbor2.loads(m[8]) if m[8] else "none")'
}
rm -rf plain && cp -a root plain
ln plain/etc/group plain/linked && ln -s linked plain/symbolic && chmod 4711 plain/linked
mkdir -m 1777 plain/tmp && mkfifo -m 640 plain/pipe
printf 'services: {a: {command: [/a]}}\n' >none.yaml
printf 'network: {egress: [any]}\nservices: {a: {command: [/a]}}\n' >any.yaml
# of FOLDER MANIFEST: builds it.
of() { "$IMAGE" build --from "$1" --name x --manifest "$2" "${small[@]}" -o out/x.eif >measures; }
listing() { (cd "$1" && find . ! -path ./etc/resolv.conf ! -path ./etc/hosts -printf '%p %y %m %U:%G %n %T@ %l\n' | sort); }
check no-network of plain none.yaml
check no-network-root root_of reference
same no-network-in-the-manifest none "$(network_of)"
same no-network-no-resolv-conf '' "$(find reference -name resolv.conf -o -name hosts)"
check network of plain any.yaml
check network-root root_of with
same network-resolv-conf 'nameserver 10.7.0.1' "$(cat with/etc/resolv.conf)"
same network-hosts 2 "$(grep -c 'localhost$' with/etc/hosts)"
same network-files '0 644 0 644' "$(stat -c '%Y %a' with/etc/resolv.conf with/etc/hosts | xargs)"
same network-rest "$(listing reference)" "$(listing with)"
check network-contents diff -r --no-dereference --exclude=pipe --exclude=resolv.conf --exclude=hosts reference with
mv out/x.eif network.eif
# Another order of names, other times and owners.
mkdir another && for f in symbolic pipe tmp linked etc; do cp -a "plain/$f" another/; done
rm another/linked && ln another/etc/group another/linked && chmod 4711 another/linked
touch -d @1000 another/etc/group && chmod "$(stat -c %a plain)" another
check network-elsewhere of another any.yaml
check network-same cmp network.eif out/x.eif
ln -s /nowhere another/etc/resolv.conf && : >another/etc/hosts
check network-replaces of another any.yaml
check network-replaced cmp network.eif out/x.eif
printf '10.0.0.1 db\n' >another/etc/hosts
check network-own-hosts of another any.yaml
check network-own-hosts-root root_of own
same network-own-hosts-kept '10.0.0.1 db' "$(cat own/etc/hosts)"
# Files that mkfs.erofs took for each other, when it looked at their tails at a wrong place.
mkdir tails && { seq 900 && head -c 400 /dev/zero; } >tails/1 && echo 'not zeros' >tails/2 && seq 9 >tails/3
check network-tails of tails any.yaml
check network-tails-root root_of tailed
check network-tails-contents diff -r --exclude=etc tails tailed
mkdir empty && check network-no-etc of empty any.yaml
check network-no-etc-root root_of made
same network-no-etc-made 'nameserver 10.7.0.1' "$(cat made/etc/resolv.conf)"
mkdir linked && ln -s tmp linked/etc
refused network-etc-no-folder 1 'etc of the folder is none' of linked any.yaml
mkdir only
cache=${CASEMATE_CACHE:-$HOME/.cache/casemate}
refused network-no-tar 1 'there is no tar in PATH' env CASEMATE_CACHE="$cache" PATH="$PWD/only" "$IMAGE" build \
    --from plain --manifest any.yaml "${small[@]}" -o out/x.eif

# --- commands that the image has not
mkdir -p cmds/usr/bin cmds/srv/sub && ln -s /usr/bin cmds/bin
printf '#!/bin/sh\n' | tee cmds/usr/bin/run cmds/usr/bin/data >cmds/srv/sub/here
chmod 755 cmds/usr/bin/run cmds/srv/sub/here && ln -s loop cmds/loop && ln -s ../../run cmds/srv/up
cat >there.yaml <<'END'
services:
  path: {command: [/bin/run]}
  word: {command: [run], ready: {exec: [run]}}
  own-path: {command: [here], environment: {PATH: "/srv/sub"}}
  relative: {command: [sub/here], directory: /srv}
  relative-path: {command: [here], environment: {PATH: "/none:sub"}, directory: /srv}
END
cat >gone.yaml <<'END'
services:
  path: {command: [/bin/runn]}
  word: {command: [runn]}
  loop: {command: [/loop]}
  up: {command: [/srv/up]}
  own-path: {command: [run], environment: {PATH: "/srv/sub"}}
  data: {command: [data]}
  folder: {command: [/usr/bin]}
  ready: {command: [run], ready: {exec: [/bin/ready]}}
END
check commands-there of cmds there.yaml 2>said
same commands-there-said '' "$(cat said)"
check commands-gone of cmds gone.yaml 2>said
said() { printf 'casemate-image: build: warning: service %s\n' "$@"; }
same commands-gone-said "$(
    said "'path': its command '/bin/runn' is not in the image" \
        "'word': its command 'runn' is in no folder of its PATH in the image" \
        "'loop': its command '/loop' is not in the image" \
        "'up': its command '/srv/up' is not in the image" \
        "'own-path': its command 'run' is in no folder of its PATH in the image" \
        "'data': its command 'data' is in the image, but is no executable file" \
        "'folder': its command '/usr/bin' is in the image, but is no executable file" \
        "'ready': the command of its ready: exec '/bin/ready' is not in the image"
)" "$(cat said)"

# --- without a manifest: one service
check no-manifest "$IMAGE" build --from root "${small[@]}" --channel open -o out/x.eif -- server
check no-manifest-extracted manifest_of out/x.eif words.cbor
printf 'channel: open\nservices:\n  app:\n    command: [server]\n' >app.yaml
check one-service build app.yaml
check one-service-extracted manifest_of out/x.eif one.cbor
check one-service-compared cmp words.cbor one.cbor

# --- users are the folder's, and not the host's
service_of() {
    "$PYTHON" -c 'import sys
import cbor2
s = cbor2.loads(cbor2.load(open(sys.argv[1], "rb"))[6][0])
print(s[5], s[3][-1], s[8][15])' "$1"
}
printf 'services: {a: {command: [/a], user: app}}\n' >user.yaml
check user build user.yaml
check user-extracted manifest_of out/x.eif user.cbor
same user-is-the-folders '[1000, 1001, 4] HOME=/srv/app 0' "$(service_of user.cbor)"
printf 'services: {a: {command: [/a], user: daemon}}\n' >daemon.yaml
refused user-of-the-host 1 "daemon.yaml:1:37: service 'a': user: 'daemon': no such user in /etc/passwd of the image" \
    build daemon.yaml
mv root/etc/passwd root/passwd
ln -s /passwd root/etc/passwd
check user-through-a-link build user.yaml
ln -sf ../../../../../../../../../../../../etc/passwd root/etc/passwd
refused user-through-a-link-out 1 'etc/passwd of the folder: Too many levels' build user.yaml
rm root/etc/passwd
mkfifo root/etc/passwd
refused user-of-a-pipe 1 'etc/passwd of the folder is no file' build user.yaml
rm root/etc/passwd && mv root/passwd root/etc/passwd

# --- a container image: services have what it says
corpus=$WORK/corpus
mkdir corpus
check corpus-made "$PYTHON" "$ROOT/tests/vectors/oci/make.py" "$corpus"
printf 'services:\n  a: {}\n  b: {command: [/b], environment: {C: d}, user: root, stop-signal: INT}\n' >image.yaml
gives image 0 'StopSignal 37 is a real-time signal' "$IMAGE" build --from corpus/good-config.tar \
    --manifest image.yaml "${small[@]}" -o out/x.eif
check image-extracted manifest_of out/x.eif image.cbor
check image-decoded "$PYTHON" - image.cbor <<'END'
import sys
import cbor2
a, b = map(cbor2.loads, cbor2.load(open(sys.argv[1], "rb"))[6])
assert a[2] == ["/hello"] and a[4] == "/etc" and a[5][1] == 0 and a[8][10] == 15, a
assert a[3][0] == "A=b=c" and len(a[3]) == 3, a
assert b[2] == ["/b"] and b[3][:2] == ["A=b=c", "C=d"] and b[5] == [0, 0] and b[8][10] == 2, b
END

# --- and its ports are published, unless the manifest says which
root_image() { "$IMAGE" build --from corpus/good-config.tar "$@" "${small[@]}" -o out/x.eif 2>/dev/null; }
check exposed root_image
same exposed-published '{1: [], 2: [[1, 80, 80], [2, 53, 53]]}' "$(network_of)"
check exposed-root root_of image-root
same exposed-resolv-conf 'nameserver 10.7.0.1' "$(cat image-root/etc/resolv.conf)"
printf 'network: {ingress: []}\n' >closed.yaml
check closed root_image --manifest closed.yaml
same closed-not-published none "$(network_of)"
check closed-root root_of closed-root
same closed-no-resolv-conf '' "$(find closed-root -name resolv.conf)"
printf 'network: {ingress: [tcp:81]}\n' >other-port.yaml
check other-port root_image --manifest other-port.yaml
same other-port-published '{1: [], 2: [[1, 81, 81]]}' "$(network_of)"

# --- what is wrong is told with its place, all of it, and nothing is built
refused several 1 'build: .*several.yaml:5:14: service .web.: restart: unknown word .alway.: did you mean .always.' \
    build "$vectors/bad/several.yaml"
same several-are-told 6 "$(grep -c 'several\.yaml:[0-9]*:[0-9]*: ' said)"
refused more-than-20 1 'more-than-20.yaml: 5 more errors are not shown' build "$vectors/bad/more-than-20.yaml"
refused cycle 1 'cycle-two.yaml:2:30: .*: a → b → a$' build "$vectors/bad/cycle-two.yaml"
refused no-such-file 1 "manifest 'nowhere.yaml': No such file" build nowhere.yaml
head -c 1048577 /dev/zero | tr '\0' '#' >long.yaml
refused too-long 1 "long.yaml:1:1: longer than 1048576 bytes" build long.yaml
refused and-a-channel 2 '--channel and --manifest' build app.yaml --channel open
refused and-a-command 2 '--manifest and a command' build app.yaml -- server
gives check-refuses 1 'manifest check: .*cycle-two.yaml:2:30: ' "$IMAGE" manifest check "$vectors/bad/cycle-two.yaml"
gives check-usage 2 'usage' "$IMAGE" manifest check
check help-names-it bash -c '"$0" build --help | grep -q -- --manifest' "$IMAGE"
done_testing
