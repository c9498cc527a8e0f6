#!/usr/bin/env bash
# Root file systems that are not ours, made by mmdebstrap from the Debian archive
# that this machine's apt uses, as tar archives; kept in CASEMATE_CACHE, so that
# only the first run needs the network.
#
#   usage: tests/e2e/images/roots.sh NAME
#
#   web, python  the essential packages of the machine's own release with lighttpd,
#                or with python3-minimal
#   other        of another release, the libraries that casemate-image needs
#
# Prints the path of the archive. Exit status 75: the mirror is out of reach, and
# the cache does not have it.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC0
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../.." && pwd -P)
cd -- "$ROOT"
for part in common apt kernel; do
    # shellcheck source=/dev/null
    . "tools/build/$part.sh"
done
OUT_OF_REACH=75

# release_of NAME: a program runs with libraries that are newer than those it was
# linked to, so the other release is a later one.
release_of() {
    local own
    own=$(. /etc/os-release && echo "${VERSION_CODENAME:-$APT_SUITE}")
    case $1:$own in
    other:"$APT_SUITE") echo "$APT_NEWER" ;;
    other:*) echo "$APT_SUITE" ;;
    *) echo "$own" ;;
    esac
}

# bootstrap NAME RELEASE OUT. The merged-usr hook is what keeps perl out. Nothing
# runs here that could take this machine for the root that is made: no hooks of ours.
bootstrap() {
    local name=$1 release=$2 out=$3 kind mirror
    case $name in
    web) kind=(--variant=essential --include=lighttpd) ;;
    python) kind=(--variant=essential --include=python3-minimal) ;;
    other) kind=(--variant=extract --include=base-files --include=libc6 --include=libjansson4 --include=libfyaml0
        --include='?exact-name(libarchive13)|?exact-name(libarchive13t64)') ;;
    *) die "no such root: $name (web, python, other)" ;;
    esac
    [ "$name" = other ] || kind+=(--include=usr-is-merged --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr)
    mirror=$(main_archive) || return
    # Its proxies and certificates.
    apt-config dump Acquire >"$WORK/acquire.conf" || return
    SOURCE_DATE_EPOCH=1700000000 mmdebstrap --mode=root "${kind[@]}" \
        --aptopt="$WORK/acquire.conf" --aptopt='Acquire::Languages "none"' --skip=output/dev \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$release" "$out" "deb $mirror $release main"
}

NAME=${1:?which root}
RELEASE=$(release_of "$NAME")
KEPT=$CACHE/built/test-root-$NAME-$({
    declare -f bootstrap
    echo "$NAME $RELEASE $(dpkg --print-architecture)"
} | sha256sum | cut -c1-16)

mkdir -p "$CACHE"
exec 9>"$CACHE/.root-$NAME.lock" # two tests may want the same one
flock 9
if ! cache_holds "$KEPT"; then
    work_dir
    mkdir "$WORK/kept"
    if ! bootstrap "$NAME" "$RELEASE" "$WORK/kept/root.tar" >"$WORK/log" 2>&1; then
        tail -n 5 "$WORK/log" >&2
        grep -qE 'Temporary failure resolving|Could not (resolve|connect)|Network is unreachable|Connection timed out' \
            "$WORK/log" && exit $OUT_OF_REACH
        exit 1
    fi
    cache_put "$WORK/kept" "$KEPT"
fi
printf '%s\n' "$KEPT/root.tar"
