# shellcheck shell=bash
# The root that a release is built in: Debian packages, each pinned by its SHA-256
# in lock.root, made into a file system by mmdebstrap, and a way to run a command
# inside it that sees nothing of the machine but its kernel: no file, no network, no
# variable. Needs apt.sh and kernel.sh (cache_*).
# Input: packages, from the mirror or put into CACHE/debs by hand; the lock alone
# decides what gets in. What it says is as trusted as the commit that holds it.

# Debian 12's: what is built there for the host runs on Debian 12 and 13, and its
# archive hardly moves any more, so the pins stay where they are.
ROOT_SUITE=bookworm
ROOT_ARCH=amd64
ROOT_LOCK=$ROOT/tools/build/lock.root
ROOT_TOOLS=(mmdebstrap util-linux mount hostname)
# mmdebstrap gives files to other users than root; whoever is not root borrows them.
[ "$(id -u)" = 0 ] || ROOT_TOOLS+=(uidmap)

# root_lines: the lock's NAME VERSION ARCHITECTURE SHA256 PATH.
root_lines() { grep -v '^#' "$ROOT_LOCK"; }

# --- the lock ---------------------------------------------------------------------
root_apt() { # PROGRAM ARGUMENTS...: for an empty machine that knows one release only
    # shellcheck disable=SC2034 # private_apt reads it
    local APT_DIR=$CACHE/apt/root program=$1
    shift
    private_apt "$program" -o Dir::State::status=/dev/null -o APT::Architecture=$ROOT_ARCH \
        -o APT::Architectures=$ROOT_ARCH -o Acquire::ForceHash=SHA256 "$@"
}

root_apt_update() {
    local dir=$CACHE/apt/root main
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
    main=$(main_archive)
    echo "deb [signed-by=$(archive_keyring)] $main $ROOT_SUITE main" >"$dir/sources.list"
    root_apt apt-get --error-on=any update
}

# write_root_lock FILE PACKAGE...: what apt installs to have PACKAGEs where there is
# nothing yet. apt itself counts as essential to apt, but not here.
write_root_lock() {
    local file=$1
    shift
    root_apt apt-get --print-uris --no-install-recommends install \
        '?and(?essential,?not(?exact-name(apt)))' usr-is-merged "$@" >"$file.uris"
    {
        echo "# What the root of a release consists of: Debian $ROOT_SUITE's package, version,"
        echo '# architecture, SHA-256, place in the archive. Written by "./build.sh lock".'
        root_lock_lines <"$file.uris" | sort
    } >"$file"
    grep -q '^gcc ' "$file" || { echo 'apt names no packages with their SHA-256'; return 1; }
}

# From lines of 'URI' NAME_VERSION_ARCHITECTURE.deb BYTES SHA256:SUM
root_lock_lines() {
    local uri file hash name arch version
    while read -r uri file _ hash; do
        [[ $uri == *"/pool/"* && $hash == SHA256:* ]] || continue
        uri=${uri%\'} name=${file%%_*} arch=${file##*_} version=${file#*_}
        echo "$name $(unescape "${version%_*}") ${arch%.deb}" \
            "${hash#SHA256:} pool/$(unescape "${uri#*/pool/}")"
    done
}

# unescape TEXT: %XX is the character itself.
unescape() { printf '%b' "${1//%/\\x}"; }

# --- packages -----------------------------------------------------------------------
root_package() { # PATH SHA256: its file, if it is there and is what the lock says
    local file=$CACHE/debs/${1##*/}
    [ -e "$file" ] && [ "$(sha256_of "$file")" = "$2" ] && echo "$file"
}

# fetch_root_packages: all of the lock into CACHE/debs; fails naming those that are
# not to be had.
fetch_root_packages() {
    local archive='' sha256 path wanted=() gone=()
    while read -r _ _ _ sha256 path; do
        root_package "$path" "$sha256" && continue
        [ -n "$archive" ] || archive=$(main_archive)
        # As it stands in a URI.
        wanted+=("$archive${path//+/%2b}" "$WORK/debs/${path##*/}" "SHA256:$sha256")
    done < <(root_lines)
    [ ${#wanted[@]} = 0 ] && return 0
    mkdir -p "$WORK/debs" "$CACHE/debs"
    # What it cannot fetch is seen below, by name.
    private_apt /usr/lib/apt/apt-helper download-file "${wanted[@]}" || true
    while read -r _ _ _ sha256 path; do
        if [ -e "$WORK/debs/${path##*/}" ]; then mv -- "$WORK/debs/${path##*/}" "$CACHE/debs/"; fi
        root_package "$path" "$sha256" || gone+=("${path##*/}")
    done < <(root_lines)
    [ ${#gone[@]} = 0 ] && return 0
    echo "tools/build/lock.root pins what this machine's mirror does not have (any more):"
    printf '  %s\n' "${gone[@]}"
    echo "Put copies into $CACHE/debs (Debian's snapshot archive keeps every version)," \
        "or move the pins with ./build.sh lock."
    return 1
}

# --- the root -----------------------------------------------------------------------
# build_root: sets ROOT_TAR to the root's archive; made once for each lock.
build_root() {
    local kept
    [ "$(dpkg --print-architecture)" = $ROOT_ARCH ] || die "a release is built on $ROOT_ARCH only"
    need_packages "${ROOT_TOOLS[@]}"
    kept=$CACHE/built/root-$(root_key)
    if ! cache_holds "$kept"; then
        step "fetch the $(root_lines | wc -l) packages of the build root" fetch_root_packages
        step "make the build root" make_root "$kept"
    fi
    ROOT_TAR=$kept/root.tar
}

root_key() {
    {
        root_lines
        declare -f make_root write_root_archive
    } | sha256sum | cut -c1-16
}

# write_root_archive DIR: an archive for apt of exactly the pinned packages.
write_root_archive() {
    local sha256 path file
    mkdir -p "$1"
    while read -r _ _ _ sha256 path; do
        file=$(root_package "$path" "$sha256")
        cp -- "$file" "$1/$sha256.deb"
        dpkg-deb -f "$1/$sha256.deb"
        printf 'Filename: ./%s.deb\nSize: %d\nSHA256: %s\n\n' "$sha256" "$(stat -c %s "$file")" "$sha256"
    done < <(root_lines) >"$1/Packages"
}

# make_root DIR: DIR/root.tar, the same bytes everywhere: mmdebstrap gives every file
# the time SOURCE_DATE_EPOCH, and what it copies from the machine is removed.
make_root() {
    local part=$WORK/root archive=$WORK/archive as=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin)
    [ "$(id -u)" = 0 ] || as=(unshare --user --map-root-user --map-auto --mount "${as[@]}")
    mkdir -p "$part"
    write_root_archive "$archive"
    # shellcheck disable=SC2016 # mmdebstrap's hooks have their own $1
    "${as[@]}" TMPDIR="$WORK" SOURCE_DATE_EPOCH=1 mmdebstrap --mode=root --variant=essential \
        --architectures=$ROOT_ARCH --include="$(root_lines | cut -d' ' -f1 | paste -sd,)" \
        --aptopt='APT::Install-Recommends "0"' --skip=output/dev --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --setup-hook='for d in bin sbin lib lib32 lib64 libx32; do
            mkdir -p "$1/usr/$d" && ln -s "usr/$d" "$1/$d"; done' \
        --customize-hook='cd "$1/etc" && rm -f resolv.conf hostname apt/sources.list' \
        '' - "deb [trusted=yes] copy:${archive// /%20} ./" >"$part/root.tar"
    echo 'what is installed, against the lock:'
    diff <(root_lines | cut -d' ' -f1-3) <(root_installed "$part/root.tar")
    sha256sum "$part/root.tar"
    cache_put "$part" "$1"
    rm -rf -- "$archive"
}

root_installed() { # TAR
    tar -x -O -f "$1" ./var/lib/dpkg/status | awk '
        /^Package:/ { name = $2 }
        /^Status:/ { state = $0 }
        /^Version:/ { version = $2 }
        /^Architecture:/ { arch = $2 }
        /^$/ && state == "Status: install ok installed" { print name, version, arch }' | sort
}

# unpack_root DIR: everything there belongs to whoever runs this, who is root inside.
unpack_root() {
    mkdir -p "$1/dev"
    tar -x -f "$ROOT_TAR" -C "$1" --no-same-owner
}

# in_root DIR COMMAND...: runs it with DIR as its root, as root there. Processes,
# mounts and all else that it starts are gone when it ends.
in_root() {
    local new=(unshare --mount --net --pid --uts --ipc --fork --kill-child)
    [ "$(id -u)" = 0 ] || new+=(--user --map-root-user)
    "${new[@]}" bash -euc "$(declare -f enter_root)"'; enter_root "$@"' enter_root "$@" </dev/null
}

enter_root() { # DIR COMMAND...
    local dir=$1 node
    shift
    mount -t proc proc "$dir/proc"
    mount -t tmpfs -o mode=755 dev "$dir/dev"
    for node in null zero full random urandom; do
        : >"$dir/dev/$node"
        mount --bind "/dev/$node" "$dir/dev/$node"
    done
    ln -s /proc/self/fd "$dir/dev/fd"
    hostname casemate
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/build LC_ALL=C TZ=UTC0 NO_SUBSTITUTE=1 \
        CASEMATE_CACHE=/build/cache chroot "$dir" "$@"
}
