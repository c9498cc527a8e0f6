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
assert [m[k] for k in (1, 2, 3, 4, 5, 7)] == [3, 1, 0x7e, 2, 0, 70000], m
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
