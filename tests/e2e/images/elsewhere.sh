#!/usr/bin/env bash
# casemate-image on what might be another machine: a root of another Debian
# release with its libraries, another host name, user, locale, time zone and umask,
# the input on another kind of file system, where its files have other times and
# come in another order.
#
#   usage: tests/e2e/images/elsewhere.sh DIR SRC ARGUMENT...
#
# DIR, which roots.sh's `other` is unpacked into the first time, is / there; SRC, a
# file or folder, is /tmp/SRC's last component; DIR/out can be written. Needs root.
set -euo pipefail
HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
BUILD=$HERE/../../../build
DIR=$1 SRC=$(realpath -- "$2")
shift 2

prepare() {
    local root
    root=$("$HERE/roots.sh" other)
    mkdir -p "$DIR"/{cache/tools,opt}
    tar -C "$DIR" -xf "$root"
    mkdir -p "$DIR"/{proc,tmp}
    cp "$BUILD"/{casemate-image,bzImage,init.cpio,cmdline} "$DIR/opt/"
    cp "${CASEMATE_CACHE:-${HOME:?}/.cache/casemate}/tools/mkfs.erofs" "$DIR/cache/tools/"
    install -d -o 4711 -g 4712 "$DIR/out"
}

# Runs in name spaces of its own, so that there is nothing to put back.
# shellcheck disable=SC2016
inside='set -e
dir=$1 src=$2
shift 2
hostname elsewhere
mount -t proc proc "$dir/proc"
mount -t tmpfs tmpfs "$dir/tmp"
(cd "$(dirname "$src")" && find "./$(basename "$src")" -print0 | LC_ALL=C sort -z |
    tar --no-recursion --owner=4711 --group=4712 --null -T - -cf -) | tar -C "$dir/tmp" -xmf -
umask 077
exec env -i PATH="$PATH" TZ=Asia/Kolkata LC_ALL=C.UTF-8 CASEMATE_CACHE=/cache \
    chroot --userspec=4711:4712 --groups= "$dir" /opt/casemate-image "$@"'

[ -d "$DIR/out" ] || prepare
exec unshare --uts --mount --pid --fork -- sh -c "$inside" sh "$DIR" "$SRC" "$@"
