# shellcheck shell=bash
# What every script of the build shares: saying, failing, timing, temporary
# names, and the host's packages. Sourced by build.sh, which sets ROOT.

: "${ROOT:?}"
CACHE=${CASEMATE_CACHE:-${HOME:?}/.cache/casemate}
# shellcheck disable=SC2034
LOCK=$ROOT/tools/build/lock
BUILD=$ROOT/build
# shellcheck disable=SC2034
JOBS=$(nproc)
export CASEMATE_CACHE=$CACHE

say() { printf '%s\n' "casemate: $*" >&2; }
die() {
    printf '%s\n' "casemate: error: $*" >&2
    exit 1
}

# loud LINE...: a warning nobody overlooks.
loud() {
    local line
    {
        printf '\n%s\n' '!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!'
        for line in "$@"; do printf '!! %s\n' "$line"; done
        printf '%s\n\n' '!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!'
    } >&2
}

# On a terminal, a dot every few seconds until the descriptor that it is read from
# ends; elsewhere, as in a log, nothing.
STEP_DOT_S=5
step_dots() {
    local status
    [ -t 2 ] || return 0
    while :; do
        status=0
        read -rt "$STEP_DOT_S" _ || status=$?
        [ $status -gt 128 ] || return 0
        printf '.' >&2
    done
}

# step TEXT COMMAND...: runs it, its output into a log, and says how long it
# took; when it fails, shows the end of the log and stops.
step() {
    local text=$1 start=${EPOCHREALTIME/./} log us status dots
    shift
    mkdir -p "$BUILD/log"
    log=$BUILD/log/$(printf '%s' "$text" | tr -cs 'A-Za-z0-9.\n' '-').log
    printf 'casemate: %s ...' "$text" >&2
    exec {dots}> >(step_dots)
    # Not in a condition: there bash ignores set -e in everything that is called.
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1 {dots}>&-
    status=$?
    set -e
    exec {dots}>&-
    if [ $status != 0 ]; then
        printf ' failed\n' >&2
        explain_failure "$log" || tail -n 25 "$log" >&2
        die "$text failed; the whole output is in $log"
    fi
    us=$((${EPOCHREALTIME/./} - start))
    printf ' %d.%d s\n' $((us / 1000000)) $((us / 100000 % 10)) >&2
}

# The two causes that hide best behind a compiler's or tar's output; for them one
# line says more than the log.
explain_failure() {
    if grep -qi 'no space left on device\|disk full' "$1"; then
        die "$text: the disk is full; free some space where $CACHE and $BUILD are, and try again"
    elif grep -q 'Temporary failure resolving\|Could not resolve\|Could not connect\|Network is unreachable' "$1"; then
        die "$text: no network, and it is not in $CACHE; connect and try again"
    fi
    return 1
}

# Everything temporary lives in one folder of this process on the cache's own
# file system (so that a rename is atomic), and goes when the process goes.
WORK=
work_dir() {
    if [ -z "$WORK" ]; then
        mkdir -p "$CACHE/tmp" || die "cannot make $CACHE/tmp; set CASEMATE_CACHE to a folder you can write"
        WORK=$(mktemp -d "$CACHE/tmp/XXXXXX") || die "cannot make a folder in $CACHE/tmp"
        trap 'rm -rf -- "$WORK"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM HUP
    fi
}

# One build at a time in a tree and one in a cache: two would write the same
# outputs. The lock goes when the process ends, however it ends.
lock_build() {
    mkdir -p "$BUILD" "$CACHE"
    exec 8>"$BUILD/.lock" 9>"$CACHE/.lock"
    flock -n 8 || { say "waiting for another build in $ROOT"; flock 8; }
    flock -n 9 || { say "waiting for another build that uses $CACHE"; flock 9; }
}
unlock_build() { exec 8>&- 9>&-; }

# need_space GIB: apt hangs on a full disk instead of saying so; so it is said here.
need_space() {
    local kib
    mkdir -p "$CACHE" || die "cannot make $CACHE; set CASEMATE_CACHE to a folder you can write"
    kib=$(df -Pk -- "$CACHE" | awk 'NR == 2 { print $4 }')
    [ "$kib" -ge $(($1 * 1048576)) ] ||
        die "$CACHE: $((kib / 1024)) MiB are free and $1 GiB are needed; free some, or set CASEMATE_CACHE"
}

sha256_of() {
    local line
    line=$(sha256sum -- "$1") || return 1
    line=${line#\\}
    printf '%s\n' "${line%% *}"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

have_package() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages NAME...: installs what is missing from the machine's own
# sources; another suite's packages are never installed on it.
need_packages() {
    local p missing=()
    for p in "$@"; do have_package "$p" || missing+=("$p"); done
    [ ${#missing[@]} = 0 ] && return 0
    # In the release's root there is no apt on purpose.
    command -v apt-get >/dev/null ||
        die "packages are missing (${missing[*]}) and there is no apt here; in a release ./build.sh lock adds them to tools/build/lock.root"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "packages are missing (${missing[*]}): run as root, or install sudo"
    step "install ${#missing[@]} host packages (${missing[0]} ...)" install_packages "${missing[@]}"
}

# The machine's lists may be empty or so old that a file is gone: then they are
# read anew and the installation is tried once more.
install_packages() {
    local get=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300
        --no-install-recommends install)
    as_root "${get[@]}" "$@" && return 0
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update && as_root "${get[@]}" "$@"
}
