#!/usr/bin/env bash
# Two builds of copies of the tree in different folders, with different umasks,
# time zones, locales and file times, give the same image, bit for bit.
# So does casemate-image on another Debian release, of a folder and a manifest.
#
# The kernel comes from the cache; CASEMATE_TEST_KERNEL=1 builds it anew in
# each copy as well, which takes some minutes each.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cache=${CASEMATE_CACHE:-${HOME:?}/.cache/casemate}
seed=$WORK/seed
mkdir -p "$seed/bin" "$seed/etc" "$seed/empty"
cp "$BUSYBOX" "$seed/bin/"
printf 'root:x:0:0::/:/bin/sh\n' >"$seed/etc/passwd"
ln -s busybox "$seed/bin/sh"

# Taken once.
check take-the-tree take_tree "$WORK/tree"

# one NAME DIR UMASK TZ LANG: a copy, built there under those circumstances.
one() {
    local name=$1 dir=$2 mask=$3 zone=$4 lang=$5 own=$cache
    mkdir -p "$dir/app"
    (cd "$WORK/tree" && tar -cf - .) | tar -C "$dir" -xmf -
    (cd "$seed" && tar -cf - .) | (umask "$mask" && tar -C "$dir/app" -xmf -)
    if [ -n "${CASEMATE_TEST_KERNEL:-}" ]; then
        own=$WORK/cache-$name
        mkdir -p "$own/built"
        cp -r "$cache/src" "$cache/tools" "$cache/emulator" "$own/"
        cp -r "$cache"/built/linux-headers-* "$cache"/built/tools-* "$cache"/built/emulator-* "$own/built/"
    fi
    (
        unset LC_ALL XDG_RUNTIME_DIR
        umask "$mask"
        export TZ=$zone LANG=$lang CASEMATE_CACHE=$own
        cd -- "$dir" && ./build.sh build kernel && ./build.sh build c &&
            build/casemate-image build --from app --channel open -o out.eif -- /bin/sh
    ) >"$WORK/said" 2>&1
}

check build-here one here "$WORK/one" 022 UTC C.UTF-8
check build-there one there "$WORK/another/and/a/longer/name" 077 Asia/Kolkata de_DE.UTF-8
for file in init init.cpio cmdline bzImage; do
    check "same-$file" cmp "$WORK/one/build/$file" "$WORK/another/and/a/longer/name/build/$file"
done
check same-image cmp "$WORK/one/out.eif" "$WORK/another/and/a/longer/name/out.eif"
[ -n "${CASEMATE_TEST_KERNEL:-}" ] ||
    skip kernel-built-twice 'both copies took it from the cache; CASEMATE_TEST_KERNEL=1 builds it twice'

# --- casemate-image alone, where all else is different
mkdir "$WORK/given" && cp -a "$seed" "$WORK/given/app"
printf '%s\n' 'channel: open' 'services:' '  one: {command: [/bin/sh], user: root}' >"$WORK/given/app.yaml"
from_given() { "$IMAGE" build --from "$WORK/given/app" --manifest "$WORK/given/app.yaml" -o "$1" >"$1.json"; }
check given-here from_given "$WORK/here.eif"
if [ "$(id -u)" != 0 ] || ! command -v mmdebstrap >/dev/null; then
    skip given-elsewhere 'needs root and mmdebstrap'
else
    status=0
    "$ROOT/tests/e2e/images/elsewhere.sh" "$WORK/elsewhere" "$WORK/given" build --from /tmp/given/app \
        --manifest /tmp/given/app.yaml -o /out/there.eif >"$WORK/said" 2>&1 || status=$?
    case $status in
    0) check given-elsewhere-same cmp "$WORK/here.eif" "$WORK/elsewhere/out/there.eif" ;;
    75) skip given-elsewhere 'no Debian mirror answers, and CASEMATE_CACHE has no root of another release' ;;
    *) not_ok given-elsewhere "$(said)" ;;
    esac
fi
sed -i 's|/bin/sh|/bin/sH|' "$WORK/given/app/etc/passwd"
check given-one-byte from_given "$WORK/byte.eif"
check given-one-byte-is-measured python3 -c 'import json, sys
a, b = (json.load(open(f))["Measurements"] for f in sys.argv[1:])
assert a["PCR1"] == b["PCR1"] and a["PCR2"] != b["PCR2"] and a["PCR0"] != b["PCR0"]' \
    "$WORK/here.eif.json" "$WORK/byte.eif.json"
done_testing
