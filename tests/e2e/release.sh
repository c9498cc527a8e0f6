#!/usr/bin/env bash
# A release gives the same bytes whatever the machine around it is like, and none
# from what is not pinned.
#
# One is built with all that a machine can put in the way: another folder, umask,
# time zone, locale and host name, compilers' and git's variables. It must equal
# what ./build.sh build made here, if the compiler here is the one that
# tools/build/lock.root pins, and a second release if it is not.
#
# Only the C is built; with CASEMATE_TEST_KERNEL=1 it is two releases with the
# kernel, the odd one on one processor in a root of its own. That takes a while.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

CACHE=${CASEMATE_CACHE:-${HOME:?}/.cache/casemate}
export CASEMATE_CACHE=$CACHE
what=(c) files=(init init.cpio casemate casemate-image) around=()
plain=$WORK/plain odd="$WORK/another place/with a longer name"

new=(unshare --mount --net --pid --uts --ipc --fork)
if [ "$(id -u)" = 0 ]; then
    around=(unshare --uts bash -c 'hostname elsewhere && exec "$@"' bash)
else
    new+=(--user --map-root-user)
fi
if ! "${new[@]}" true 2>"$WORK/said"; then
    skip release "no namespaces may be made here: $(said)"
    done_testing
fi

# commit_tree DIR: the tree as it is, as the one commit of a repository there.
commit_tree() {
    take_tree "$1" && git -C "$1" init -q && commit_changes "$1"
}
commit_changes() {
    git -C "$1" add -A &&
        git -C "$1" -c user.name=test -c user.email=test@localhost commit -q -m test
}

# pinned PATTERN: packages of such names are here in the very versions of the lock.
pinned() {
    local name version
    while read -r name version _; do
        [[ $name =~ ^($1)$ ]] || continue
        [ "$(dpkg-query -W -f '${Version}' "$name" 2>/dev/null)" = "$version" ] || return 1
    done <"$ROOT/tools/build/lock.root"
}
pinned_compiler() {
    [[ $(readlink -f "$(command -v cc)") == /usr/bin/*-gcc-[0-9]* ]] &&
        pinned 'gcc-[0-9]+|cpp-[0-9]+|libgcc-[0-9]+-dev|binutils-x86-64-linux-gnu|cpio|zstd'
}

release() { (cd -- "$plain" && ./build.sh release "$@"); }

# No machine is like this one. That the build ends shows that the stray headers are
# not even seen.
odd_release() {
    (
        unset LC_ALL XDG_RUNTIME_DIR
        umask 077
        mkdir -p "$WORK/stray"
        echo '#error "of this machine"' | tee "$WORK/stray/stdint.h" >"$WORK/stray/stdio.h"
        export TZ=Asia/Kolkata LANG=de_DE.UTF-8 SOURCE_DATE_EPOCH=1234567890 MAKEFLAGS=-k
        export CPATH=$WORK/stray LIBRARY_PATH=$WORK/stray CFLAGS='-O0 -g' LDFLAGS=-Wl,--no-such-option
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.autocrlf GIT_CONFIG_VALUE_0=true
        cd -- "$odd" && "${around[@]}" ./build.sh release "$@"
    )
}

# image OF OUT: an app's image with the base that is in folder OF.
image() {
    local kernel=$1
    [ -e "$kernel/bzImage" ] || kernel=$ROOT/build
    "$1/casemate-image" build --from "$WORK/app" --kernel "$kernel/bzImage" \
        --cmdline "$kernel/cmdline" --init "$1/init.cpio" -o "$2" -- /busybox true
}

check take-the-tree commit_tree "$plain"
mkdir -p "${odd%/*}"
check take-it-again commit_tree "$odd"

reference=$plain/build/release
if [ -n "${CASEMATE_TEST_KERNEL:-}" ]; then
    what=() files+=(bzImage cmdline)
    check release release
    mkdir -p "$WORK/own cache"
    cp -r "$CACHE/src" "$WORK/own cache/"
    export CASEMATE_CACHE="$WORK/own cache"
    one=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
    around=(taskset -c "$one" "${around[@]}")
elif pinned_compiler; then
    reference=$ROOT/build
    skip second-release 'the compiler here is the pinned one, so build/ serves as the other'
    # casemate-image alone is linked with the machine's C library.
    pinned libc6-dev || {
        files=(init init.cpio casemate)
        skip same-casemate-image 'the C library here is not the pinned one'
    }
else
    check release release "${what[@]}"
fi
[ -n "${CASEMATE_TEST_KERNEL:-}" ] ||
    skip kernel-built-twice 'CASEMATE_TEST_KERNEL=1 builds it in two releases'

# Of one file the sum is another: it alone is what differs.
(cd -- "$reference" && sha256sum "${files[@]}" | sed '/ casemate$/s/^.\{8\}/00000000/') >"$WORK/sums"
gives rebuild-says-what-differs 1 'DIFFERENT: casemate: 00000000' \
    odd_release "${what[@]}" --commit HEAD --verify "$WORK/sums"
for file in "${files[@]}"; do
    check "same-$file" cmp "$reference/$file" "$odd/build/release/$file"
done
check sums-are-kept sh -c 'cd -- "$1" && sha256sum --strict -c SHA256SUMS' sh "$odd/build/release"

export CASEMATE_CACHE=$CACHE
mkdir "$WORK/app"
cp "$BUSYBOX" "$WORK/app/busybox"
check image image "$reference" "$WORK/one.eif"
check image-again image "$odd/build/release" "$WORK/two.eif"
check same-image cmp "$WORK/one.eif" "$WORK/two.eif"

sed -i 's/^\(make .* \)[0-9a-f]\{64\} /\1'"$(printf '%064d' 0)"' /' "$plain/tools/build/lock.root"
gives changed-tree-refused 1 'not committed' release c
check commit-another-lock commit_changes "$plain"
gives unpinned-package-refused 1 'make_[^ ]*\.deb|no network' release c
done_testing
