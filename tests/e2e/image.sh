#!/usr/bin/env bash
# casemate-image against images of AWS's own library, and against itself:
# "ok NAME", "not ok NAME: why" or "skip NAME: why" a case; exit 1 if any failed.
#   image.sh [CASEMATE_IMAGE [VECTORS]]
set -uo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
tool=${1:-$root/build/casemate-image}
vectors=${2:-$root/../shared/vectors/eif}
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

ok() { printf 'ok %s\n' "$1"; }
not_ok() {
    printf 'not ok %s: %s\n' "$1" "$2"
    failed=1
}
# check NAME WHY COMMAND...: ok if COMMAND succeeds.
check() {
    local name=$1 why=$2
    shift 2
    if "$@" >"$work/said" 2>&1; then ok "$name"; else not_ok "$name" "$why: $(tail -n 1 "$work/said")"; fi
}
# refused NAME PATTERN COMMAND...: ok if COMMAND exits 1 and says PATTERN.
refused() {
    local name=$1 pattern=$2 status
    shift 2
    "$@" >"$work/said" 2>&1
    status=$?
    if [ "$status" = 1 ] && grep -qiE -- "$pattern" "$work/said"; then
        ok "$name"
    else
        not_ok "$name" "status $status, said '$(tail -n 1 "$work/said")', wanted '$pattern'"
    fi
}
# json FILE KEY...: the member, strings as they are.
json() {
    python3 -c 'import json, sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2:]:
    v = v[k]
print(v if isinstance(v, str) else json.dumps(v, sort_keys=True))' "$@"
}
same_json() {
    python3 -c 'import json, sys
a, b = (json.load(open(f)) for f in sys.argv[1:3])
want = b["aws_reader"]
ok = (a["Measurements"] == want["measurements"] and a["EifVersion"] == 4 and a["CheckCRC"] is True
      and a["IsSigned"] == ("PCR8" in want["measurements"])
      and a["ImageName"] == want["metadata"]["ImageName"]
      and a["ImageVersion"] == want["metadata"]["ImageVersion"]
      and all(a["Metadata"][k] == v for k, v in want["metadata"]["BuildMetadata"].items()))
sys.exit(0 if ok else "differs: " + json.dumps(a))' "$1" "$2"
}

reference_build() { # reference_build JSON OUT
    local ramdisks=() r in=$vectors/inputs
    while read -r r; do ramdisks+=(--ramdisk "$in/$r"); done < <(python3 -c 'import json, sys
print("\n".join(json.load(open(sys.argv[1]))["inputs"]["ramdisks"]))' "$1")
    json "$1" metadata_json >"$work/meta.json"
    "$tool" eif build --arch "$(json "$1" arch)" --kernel "$in/$(json "$1" inputs kernel)" \
        --cmdline "$(json "$1" inputs cmdline)" "${ramdisks[@]}" --metadata "$work/meta.json" -o "$2"
}

reference_images() {
    local j name eif
    for j in "$vectors"/reference/*.json; do
        name=$(basename "$j" .json)
        eif=${j%.json}.eif
        "$tool" eif describe "$eif" >"$work/$name.describe" 2>"$work/said" ||
            not_ok "describe-$name" "$(cat "$work/said")"
        check "describe-$name" 'not as AWS reads it' same_json "$work/$name.describe" "$j"
        if [ "$(json "$j" inputs certificate)" = - ]; then
            check "build-$name" 'does not build' reference_build "$j" "$work/$name.eif"
            check "bytes-$name" 'not the same bytes' cmp "$work/$name.eif" "$eif"
        fi
    done
}

malformed_images() {
    local file expected pattern
    while IFS=$'\t' read -r file expected; do
        pattern=${expected#refuse: }
        refused "refuse-${file%.eif}" "$pattern" "$tool" eif describe "$vectors/malformed/$file"
        refused "no-extract-${file%.eif}" "$pattern" "$tool" eif extract "$vectors/malformed/$file" "$work/none"
    done < <(python3 -c 'import json, sys
for v in json.load(open(sys.argv[1])): print(v["file"], v["expected"], sep="\t")' "$vectors/malformed/VERDICTS.json")
    check no-extract-leaves-nothing 'a folder was made' test ! -e "$work/none"
}

# Our own images (tests/vectors/eif): VERDICTS.tsv has "ok" or a phrase of the refusal.
own_images() {
    local file verdict own=$root/tests/vectors/eif
    while IFS=$'\t' read -r file verdict; do
        if [ "$verdict" = ok ]; then
            check "own-${file%.eif}" 'refused' "$tool" eif describe "$own/$file"
        else
            refused "own-${file%.eif}" "^casemate-image: eif describe: .*$verdict" \
                "$tool" eif describe "$own/$file"
        fi
    done <"$own/VERDICTS.tsv"
    mkdir "$work/own"
    cp "$own/make.py" "$own/signed.eif" "$work/own"
    check own-made-again 'make.py makes others' bash -c 'cd "$1" && python3 make.py && diff -r "$1" "$2"' \
        - "$work/own" "$own"
}

make_parts() {
    cd -- "$work" || exit 1
    head -c 70001 /dev/urandom >kernel
    head -c 5000 /dev/urandom >r0
    head -c 300 /dev/urandom >r1
    printf 'console=ttyS0 quiet' >cmdline
}

round_trip() {
    make_parts
    check eif-build 'failed' "$tool" eif build --kernel kernel --cmdline $'console=ttyS0 quiet\n' \
        --ramdisk r0 --ramdisk r1 -o a.eif
    check eif-build-again 'failed' "$tool" eif build --kernel <(cat kernel) --cmdline "$(cat cmdline)" \
        --ramdisk <(cat r0) --ramdisk r1 -o b.eif
    check same-from-a-pipe 'differs' cmp a.eif b.eif
    check extract 'failed' "$tool" eif extract a.eif parts
    check extract-kernel 'differs' cmp kernel parts/kernel
    check extract-cmdline 'differs' cmp cmdline parts/cmdline
    check extract-ramdisk1 'differs' cmp r1 parts/ramdisk1
    rm parts/cmdline parts/kernel
    refused extract-overwrites-nothing 'ramdisk0|metadata' "$tool" eif extract a.eif parts
    check extract-cleans-up 'kernel was left' test ! -e parts/kernel
    refused missing-kernel "kernel 'nowhere': No such file" "$tool" eif build --kernel nowhere \
        --cmdline x --ramdisk r0 -o c.eif
    check no-half-made-file 'something was left' bash -c '! compgen -G "c.eif*"'
    printf '{"ImageName": "x"}' >bad.json
    refused metadata-members 'ImageVersion' "$tool" eif build --kernel kernel --cmdline x \
        --ramdisk r0 --metadata bad.json -o c.eif
}

# A file system of its own that is too small, in a mount namespace of its own.
full_disk() {
    mkdir small
    if ! unshare -m true 2>/dev/null; then
        printf 'skip full-disk: no mount namespace (not root)\n'
        return
    fi
    unshare -m bash -c 'mount -t tmpfs -o size=40k none small || exit 3
        "$0" eif build --kernel kernel --cmdline x --ramdisk r0 -o small/a.eif 2>said
        status=$?
        test $status = 1 && test -z "$(ls -A small)" && grep -q "No space left" said' "$tool"
    check full-disk "$(cat said)" test $? = 0
}

interrupted() {
    mkfifo pipe
    mkdir cut
    "$tool" eif build --kernel pipe --cmdline x --ramdisk r0 -o cut/a.eif 2>said &
    local pid=$!
    exec 9>pipe # returns when the builder has opened it: its output exists by now
    kill -TERM "$pid"
    wait "$pid"
    check interrupted-status 'not ended by TERM' test $? = 143
    exec 9>&-
    check interrupted-leaves-nothing "$(ls -A cut)" test -z "$(ls -A cut)"
}

usage() {
    local status verb
    for verb in '' build rebuild-check provenance-check cpio 'manifest check' 'eif build' 'eif describe' 'eif extract'; do
        # shellcheck disable=SC2086
        check "help-${verb// /-}" 'no usage' bash -c '"$@" --help | grep -q "^usage: casemate-image"' - "$tool" $verb
        # shellcheck disable=SC2086
        "$tool" $verb --nonsense >/dev/null 2>&1
        status=$?
        check "usage-${verb// /-}" "status $status" test "$status" = 2
    done
    check no-such-verb "$("$tool" frob 2>&1 | tail -n 1)" bash -c '"$0" frob 2>&1 | grep -q "no verb .frob.$"' "$tool"
    check version 'none' bash -c '"$0" --version | grep -qE "^casemate-image [0-9]"' "$tool"
}

make_key() { # make_key CURVE NAME
    openssl ecparam -name "$1" -genkey -noout -out "$2.pem" &&
        openssl pkcs8 -topk8 -nocrypt -in "$2.pem" -out "$2.p8" &&
        openssl req -new -x509 -sha384 -key "$2.pem" -subj "/CN=$2" -days 30 -out "$2.crt"
}

signed() {
    local curve
    command -v openssl >/dev/null || { printf 'skip signed: no openssl\n' && return; }
    for curve in prime256v1 secp384r1 secp521r1; do
        check "key-$curve" 'openssl' make_key "$curve" "$curve"
        check "sign-$curve" 'failed' "$tool" eif build --kernel kernel --cmdline x --ramdisk r0 \
            --sign-key "$curve.pem" --sign-cert "$curve.crt" -o "$curve.eif"
        check "sign-pkcs8-$curve" 'failed' "$tool" eif build --kernel kernel --cmdline x --ramdisk r0 \
            --sign-key "$curve.p8" --sign-cert "$curve.crt" -o p8.eif
        check "sign-deterministic-$curve" 'differs' cmp "$curve.eif" p8.eif
        "$tool" eif describe "$curve.eif" >d.json 2>&1
        openssl x509 -in "$curve.crt" -outform DER >crt.der
        check "pcr8-$curve" 'not the certificate' python3 -c 'import hashlib, json, sys
h = hashlib.sha384
want = h(bytes(48) + h(open("crt.der", "rb").read()).digest()).hexdigest()
d = json.load(open("d.json"))
sys.exit(0 if d["Measurements"]["PCR8"] == want and d["IsSigned"] else "differs")'
    done
    refused sign-foreign-key 'is not the key of' "$tool" eif build --kernel kernel --cmdline x \
        --ramdisk r0 --sign-key secp384r1.pem --sign-cert prime256v1.crt -o c.eif
    make_key secp384r1 other >/dev/null 2>&1
    refused sign-other-key 'is not the key of' "$tool" eif build --kernel kernel --cmdline x \
        --ramdisk r0 --sign-key secp384r1.pem --sign-cert other.crt -o c.eif
    openssl pkcs8 -topk8 -passout pass:x -in other.pem -out locked.pem
    refused sign-locked-key 'encrypted' "$tool" eif build --kernel kernel --cmdline x \
        --ramdisk r0 --sign-key locked.pem --sign-cert other.crt -o c.eif
    openssl genrsa -out rsa.pem 2048 2>/dev/null
    refused sign-rsa-key 'P-256' "$tool" eif build --kernel kernel --cmdline x \
        --ramdisk r0 --sign-key rsa.pem --sign-cert other.crt -o c.eif
}

archives() {
    local listing
    printf 'hello' >f
    check cpio 'failed' "$tool" cpio -o a.cpio init=f:0755 b=f
    touch -d 2001-01-01 f && chmod 600 f
    check cpio-again 'failed' bash -c 'umask 077; TZ=Asia/Tokyo "$0" cpio -o b.cpio init=f:0755 b=f' "$tool"
    check cpio-same 'differs' cmp a.cpio b.cpio
    refused cpio-slash 'without a slash' "$tool" cpio -o c.cpio x/y=f
    command -v cpio >/dev/null || { printf 'skip cpio-lists: no cpio\n' && return; }
    listing=$(TZ=UTC0 cpio -itvn --quiet <a.cpio 2>&1 | tr -s ' ')
    check cpio-lists "$listing" test "$listing" = "-rwxr-xr-x 1 0 0 5 Jan 1 1970 init
-rw-r--r-- 1 0 0 5 Jan 1 1970 b"
}

# The same tree twice, made in another order, elsewhere, by another user's habits.
make_tree() {
    local d=$1 f
    mkdir -p "$d/bin" "$d/etc" "$d/empty"
    for f in $2; do
        yes "$f" | head -n 4000 >"$d/bin/$f"
        chmod 755 "$d/bin/$f"
        printf '%s\n' "$f" >"$d/etc/$f"
        chmod 644 "$d/etc/$f"
    done
    ln -s bin "$d/link"
    ln "$d/bin/alpha" "$d/etc/hard"
    chmod 755 "$d" "$d/bin" "$d/etc" "$d/empty"
}

apps() {
    printf 'quiet\n' >cmdline.txt
    mkdir -p one/deep two
    make_tree one/deep/app 'alpha beta gamma delta'
    (umask 077 && make_tree two/app 'delta gamma alpha beta')
    touch -d 2011-11-11 two/app/bin/* && cat two/app/etc/* >/dev/null
    local common=(--kernel "$work/kernel" --init "$work/r1" --cmdline "$work/cmdline.txt")
    if ! "$tool" build --from one/deep/app "${common[@]}" -o app1.eif -- /bin/alpha x >app1.json 2>said; then
        if grep -q 'mkfs.erofs is neither' said; then
            printf 'skip build: no mkfs.erofs\n'
        else
            not_ok build "$(cat said)"
        fi
        return
    fi
    ok build
    (cd two && umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$tool" build --from app "${common[@]}" \
        -- /bin/alpha x >/dev/null 2>"$work/said")
    check build-same 'differs' cmp app1.eif two/app.eif
    check build-mode 'not 0600 under umask 077' test "$(stat -c %a two/app.eif)" = 600
    check build-no-scratch 'something was left' bash -c '! compgen -G "app1.eif.*"'
    check build-extract 'failed' "$tool" eif extract app1.eif app1
    check build-aligned 'ramdisk 0 is not a multiple of 4' test $(($(stat -c %s app1/ramdisk0) % 4)) = 0
    check build-manifest 'not in the ramdisk' python3 -c 'import sys
d = open("app1/ramdisk1", "rb").read()
want = bytes.fromhex("a80163") + b"app" + bytes.fromhex("0282") + b"\x6a/bin/alpha" + b"\x61x" + bytes.fromhex("03827841") + b"PATH="
sys.exit(0 if want in d[:400] and b"root.erofs" in d[:800] else "differs")'
    "$tool" build --from one/deep/app "${common[@]}" --channel open -o app2.eif >app2.json 2>&1
    check build-channel-measured 'PCR1 differs or PCR2 does not' python3 -c 'import json, sys
a, b = (json.load(open(f))["Measurements"] for f in ("app1.json", "app2.json"))
sys.exit(0 if a["PCR1"] == b["PCR1"] and a["PCR2"] != b["PCR2"] else 1)'
    refused build-no-folder "No such file" "$tool" build --from nowhere "${common[@]}"
}

if [ ! -x "$tool" ]; then
    printf 'not ok image: %s is not there (./build.sh build)\n' "$tool"
    exit 1
fi
if [ -d "$vectors" ]; then
    reference_images
    malformed_images
else
    printf 'skip vectors: %s is not there\n' "$vectors"
fi
own_images
round_trip
full_disk
interrupted
usage
signed
archives
apps
exit "$failed"
