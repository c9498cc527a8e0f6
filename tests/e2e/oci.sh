#!/usr/bin/env bash
# Container images in: hostile ones, each refused with its reason; images made by
# umoci and skopeo, packed exactly, the same bytes however they are wrapped, and
# booted.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$WORK" || exit 1
printf 'quiet\n' >cmdline
head -c 70001 /dev/urandom >kernel
small=(--kernel kernel --init kernel --cmdline cmdline)

# --- the corpus: refused with its reason, or not, and nothing left over
mkdir corpus out
check corpus-made python3 "$ROOT/tests/vectors/oci/make.py" corpus
while IFS=$'\t' read -r -a line; do
    name=${line[0]%.tar} verdict=${line[1]}
    status=0
    "$IMAGE" build --from "corpus/${line[0]}" --max-size 4M "${small[@]}" "${line[@]:2}" -o out/x.eif \
        >measures 2>said || status=$?
    if [ "$verdict" = ok ]; then
        same "corpus-$name" '0 x.cdx.json x.eif x.intoto.json x.measurements.json' "$status $(cd out && echo *)"
    elif [ "$status" = 1 ] && grep -qE -- "^casemate-image: build: .*$verdict" said && [ -z "$(ls out)" ]; then
        ok "corpus-$name"
    else
        not_ok "corpus-$name" "status $status, left '$(ls out)', wanted '$verdict', said: $(said)"
    fi
    rm -f out/*
done <corpus/VERDICTS.tsv
check corpus-size test "$(wc -l <corpus/VERDICTS.tsv)" -gt 150

# --- taken away while it waits for its input: nothing is left
mkfifo pipe
"$IMAGE" build --from pipe "${small[@]}" -o out/x.eif 2>said &
pid=$!
exec 9>pipe # returns when the builder has opened it: its output exists by now
kill -TERM $pid
wait $pid
same interrupted-status 143 $?
exec 9>&-
same interrupted-leaves-nothing '' "$(ls out)"

# --- not from a manifest
printf 'channel: open\n' >app.yaml
gives from-a-manifest 1 "'app.yaml': text, .* a manifest is given with --manifest" "$IMAGE" build --from app.yaml -o out/p.eif

# --- from a pipe, and a packer that dies
cat corpus/good.tar >pipe &
gives from-a-pipe 0 PCR2 "$IMAGE" build --from pipe "${small[@]}" -o out/p.eif
check from-a-pipe-same bash -c '"$0" build --from corpus/good.tar --name pipe "${@}" -o out/g.eif && cmp out/g.eif out/p.eif' \
    "$IMAGE" "${small[@]}"
rm -f out/*
mkdir -p no/tools
printf '#!/bin/sh\nread -r x\nprintf "disk \\033[31mon fire\\n" >&2\nexit 3\n' >no/tools/mkfs.erofs
chmod +x no/tools/mkfs.erofs
gives packer-dies 1 '^disk \?\[31mon fire$' \
    env CASEMATE_CACHE="$WORK/no" "$IMAGE" build --from corpus/good.tar "${small[@]}" -o out/x.eif
same packer-dies-leaves-nothing '' "$(ls out)"
printf '#!/bin/sh\ncat >/dev/null\n' >no/tools/mkfs.erofs
gives packer-makes-nothing 1 'made no EROFS image|No such|packing' \
    env CASEMATE_CACHE="$WORK/no" "$IMAGE" build --from corpus/good.tar "${small[@]}" -o out/x.eif

if ! command -v umoci >/dev/null || ! command -v skopeo >/dev/null; then
    skip foreign-images 'umoci or skopeo is not there'
    done_testing
fi
if [ "$(id -u)" != 0 ]; then
    skip foreign-images 'only root can give files away'
    done_testing
fi

# --- an image of three layers that umoci made
make_root() {
    local d=$1
    mkdir -p "$d"/{bin,etc,data,tmp,usr/lib,old/deep}
    chmod 1777 "$d/tmp"
    cp "$BUSYBOX" "$d/bin/busybox"
    for applet in sh echo cat stat id ls sleep; do ln -s busybox "$d/bin/$applet"; done
    ln -s usr/lib "$d/lib"
    printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/data:/bin/sh\n' >"$d/etc/passwd"
    printf 'root:x:0:\napp:x:1001:\ndisk:x:6:app\n' >"$d/etc/group"
    echo one >"$d/usr/lib/one"
    ln "$d/usr/lib/one" "$d/etc/hard"
    echo old >"$d/old/deep/file"
    echo secret >"$d/data/secret"
    chown -R 1000:1001 "$d/data"
    chmod 0750 "$d/data"
    chmod 0640 "$d/data/secret"
    mkfifo "$d/data/pipe"
    cp "$BUSYBOX" "$d/bin/setuid"
    chmod 4711 "$d/bin/setuid"
    touch -d '2001-02-03 04:05:06' "$d/etc/group"
    touch "$d/usr/lib/größe"
    python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.note", b"kept\0\n=")' "$d/etc/group"
}
# changed: a bundle is unpacked, changed by $2 and packed as a further layer.
changed() {
    umoci unpack --image image:it "$1"
    (
        cd "$1/rootfs" || exit
        "$2"
    )
    umoci repack --image image:it "$1"
}
second() {
    rm -rf old etc/hard
    echo two >lib/two
    mkdir old
    echo new >old/new
    ln -sf /bin/busybox bin/id
}
third() {
    rm -rf data/pipe tmp
    echo 'now a file' >tmp
    chmod 0700 data
    chown 1000:6 data
    mkdir data/new
    ln usr/lib/two data/new/link
}
build_image() {
    make_root root
    umoci init --layout image
    umoci new --image image:it
    umoci unpack --image image:it bundle0
    cp -a root/. bundle0/rootfs/
    umoci repack --image image:it bundle0
    changed bundle1 second
    changed bundle2 third
    umoci config --image image:it --config.entrypoint /bin/sh --config.entrypoint -c --config.cmd 'echo cmd' \
        --config.user app:disk --config.env A=b --config.workingdir /data --config.exposedports 80/tcp
    umoci unpack --image image:it reference
}
# Not in a condition: there bash ignores set -e in everything that is called.
(
    set -e
    build_image
) >said 2>&1
status=$?
[ $status = 0 ] || { not_ok umoci-image "$(said)" && done_testing; }
ok umoci-image

"$IMAGE" build --from image --name it --channel open -o it.eif >it.json 2>warnings || not_ok build "$(cat warnings)"
check warned-set-user-ID grep -qE 'warning: .*set-user-ID .* \(files: 1; the first: bin/setuid' warnings

# --- what was packed is what umoci unpacks, owners, times and attributes included
check extract "$IMAGE" eif extract it.eif parts
(mkdir packed && cd packed && cpio -id --quiet <../parts/ramdisk1)
fsck=${CASEMATE_CACHE:-$HOME/.cache/casemate}/tools/fsck.erofs
check fsck "$fsck" --extract=unpacked --xattrs packed/root.erofs
same nothing-else-warned 1 "$(wc -l <warnings)"
printf 'services: {a: {command: [/bin/id]}, b: {command: [ls]}, c: {command: [/bin/gone]}}\n' >gone.yaml
"$IMAGE" build --from image --manifest gone.yaml -o gone.eif 2>warnings >gone.json || not_ok gone "$(cat warnings)"
same warned-of-a-command "'c': its command '/bin/gone' is not in the image" "$(sed -n 's/.*warning: service //p' warnings)"
# A port is exposed, so that there is a network: these are added, and nothing else changes.
(
    cd reference/rootfs/etc || exit
    touch -r . ../../time
    echo 'nameserver 10.7.0.1' >resolv.conf
    printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' >hosts
    chmod 644 resolv.conf hosts
    touch -d @0 resolv.conf hosts
    touch -r ../../time .
)
check same-tree same_tree reference/rootfs unpacked
owners() { (cd "$1" && find . -printf '%p %U:%G %m %y %n\n' | sort); }
# A folder has as many links on one file system as it has folders, and one on another.
same same-owners "$(owners reference/rootfs | sed -E 's/( d) [0-9]+$/\1/')" "$(owners unpacked | sed -E 's/( d) [0-9]+$/\1/')"
# umoci takes user.* attributes along; that they came through is seen here.
same same-xattr "b'kept\\x00\\n='" "$(python3 -c 'import os; print(os.getxattr("unpacked/etc/group", "user.note"))' 2>&1)"
same replaced 'now a file' "$(cat unpacked/tmp)"
check whiteouts test ! -e unpacked/old/deep -a ! -e unpacked/etc/hard -a ! -e unpacked/data/pipe

# --- the same bytes, however it is wrapped, wherever, and whoever does it
skopeo copy -q oci:image:it oci-archive:it.tar:it && skopeo copy -q oci:image:it docker-archive:save.tar:it:1 &&
    skopeo copy -q --dest-compress-format zstd oci:image:it oci:zstd:it
gzip -k save.tar
for source in it.tar save.tar save.tar.gz zstd; do
    (umask 077 && TZ=Asia/Kolkata LC_ALL=C.UTF-8 "$IMAGE" build --from $source --name it --channel open -o out/x.eif >/dev/null 2>said)
    check "same-bytes-$source" cmp it.eif out/x.eif
done
mkdir theirs && cp -r image theirs/ && cp "$IMAGE" "$ROOT"/build/{bzImage,init.cpio,cmdline} theirs/ &&
    mkdir -p theirs/cache/tools && cp "$(dirname "$fsck")"/mkfs.erofs theirs/cache/tools/ && chown -R nobody theirs
chmod 711 "$WORK"
check same-bytes-nobody setpriv --reuid nobody --regid nogroup --clear-groups env CASEMATE_CACHE="$WORK/theirs/cache" \
    theirs/casemate-image build --from theirs/image --name it --channel open -o theirs/x.eif
check same-bytes-nobody-compared cmp it.eif theirs/x.eif

one_byte() { echo One >usr/lib/one; }
(changed bundle3 one_byte) >said 2>&1
"$IMAGE" build --from image --name it --channel open -o out/x.eif >other.json 2>/dev/null
check one-byte-is-measured python3 -c 'import json
a, b = (json.load(open(f))["Measurements"] for f in ("it.json", "other.json"))
assert a["PCR1"] == b["PCR1"] and a["PCR2"] != b["PCR2"] and a["PCR0"] != b["PCR0"]'

# --- the command: Docker's rule
command_of() {
    rm -rf parts command
    "$IMAGE" eif extract "$1" parts && mkdir command && (cd command && cpio -id --quiet manifest <../parts/ramdisk1) &&
        "$PYTHON" -c 'import cbor2
s = cbor2.loads(cbor2.load(open("command/manifest", "rb"))[6][0])
print(" ".join(s[2]), s[3], s[4], s[5])'
}
path=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
same command "/bin/sh -c echo cmd ['A=b', '$path', 'HOME=/data'] /data [1000, 6]" "$(command_of it.eif)"
"$IMAGE" build --from image --name it -o out/x.eif -- 'echo mine' >/dev/null 2>&1
gives command-replaced 0 '^/bin/sh -c echo mine \[' command_of out/x.eif
"$IMAGE" build --from root --name it -o out/x.eif -- /bin/x >/dev/null 2>&1
same command-of-a-folder "/bin/x ['$path', 'HOME=/root'] / [0, 0]" "$(command_of out/x.eif)"

# --- it boots, and the enclave sees the files as they are
"$IMAGE" build --from it.tar --channel open -o it2.eif -- 'echo $(cat /usr/lib/two) $(id -u):$(id -G) $(pwd) A=$A HOME=$HOME; cat /proc/self/status; sleep 100000' >/dev/null 2>&1
start oci it2.eif
run_in() { "$CASEMATE" exec oci -- "$@"; }
gives in-stat 0 '^1000:6 700 2001-02-03 04:05:06' run_in /bin/sh -c \
    'echo $(stat -c "%u:%g %a" /data) $(stat -c %y /etc/group)'
gives in-owner 0 '^1000:1001 640$' run_in stat -c '%u:%g %a' /data/secret
gives in-setuid 0 '^0:0 4711$' run_in stat -c '%u:%g %a' /bin/setuid
gives in-hard-link 0 '^two 2$' run_in /bin/sh -c 'echo $(cat /data/new/link) $(stat -c %h /usr/lib/two)'
gives in-link 0 '/bin/id. -> ./bin/busybox' run_in stat -c %N /bin/id
gives in-utf8 0 '^0$' run_in stat -c %s /lib/größe
gives in-denied 1 'Permission denied' "$CASEMATE" exec -u 4711 oci -- cat /data/secret
gives in-user 0 'uid=1000\(app\) gid=1001\(app\) groups=6\(disk\)' "$CASEMATE" exec -u app oci -- id
gives main-as-image-says 0 'two 1000:6 /data A=b HOME=/data' "$CASEMATE" console oci
gives main-has-no-rights 0 'CapPrm:.0000000000000000' "$CASEMATE" console oci
check stop "$CASEMATE" stop oci
done_testing
