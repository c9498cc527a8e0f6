# shellcheck shell=bash
# lock: moves the pins to what the mirror has now.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh
# shellcheck source=tools/build/root.sh
. tools/build/root.sh

verb_help() {
    cat <<'EOF'
usage: ./build.sh lock [--check]

  lock          pins the newest version of each source in its series that can be
                fetched (tools/build/lock), and of each package that a release is
                built with (tools/build/lock.root), and shows what changed in both
  lock --check  changes nothing; exit status 1 if a pin can neither be fetched nor
                is in the cache, or a newer version is out

A series is what does not break on its own: linux 6.12.*, and for the others any
version that Debian stable has. The packages are those of one Debian release. A new
pin changes the measurements of every image.
EOF
}

# pin_line NAME: the lock's line for the newest version that downloads.
pin_line() {
    local version uri file bytes sha256 series=
    [ "$1" != linux ] || series=$(lock_field linux version | cut -d. -f1-2).
    while read -r version uri file bytes sha256; do
        [[ $version == "$series"* ]] || continue
        if [ ! -e "$CACHE/src/$file" ] || [ "$(sha256_of "$CACHE/src/$file")" != "$sha256" ]; then
            download "$uri" "$CACHE/src/$file" "$sha256" >&2 || continue
        fi
        echo "$1 $version $file $bytes $sha256"
        return 0
    done < <(apt_origs "$1" "$series" "$APT_SUITE")
    echo "nothing of $1 can be fetched from this machine's mirror" >&2
    return 1
}

new_lock() { # FILE
    local name rest
    while read -r name rest; do
        case $name in
        '#') echo "# $rest" ;;
        *) pin_line "$name" ;;
        esac
    done <"$LOCK" >"$1"
}

# renew NEW LOCK: shows what is new and puts it in place, or with --check says no.
renew() {
    local name=${2#"$ROOT/"}
    if cmp -s -- "$1" "$2"; then
        say "$name: every pin is the newest that can be fetched"
        return 0
    fi
    diff -u --label "$name" --label 'to be had' -- "$2" "$1" || true
    if [ -n "$CHECK" ]; then
        say "$name is not the newest that can be fetched"
        STALE=1
        return 0
    fi
    cp -- "$1" "$2.new" && mv -- "$2.new" "$2"
    say "$name has changed: build, test, and commit it"
}

verb_main() {
    CHECK='' STALE=''
    case ${1:-} in
    '') ;;
    --check) CHECK=1 ;;
    *) die "lock takes no such argument: $1 (./build.sh lock --help)" ;;
    esac
    lock_build
    apt_ready
    work_dir
    step 'look for the newest versions' new_lock "$WORK/lock"
    step "read the package lists of Debian $ROOT_SUITE" root_apt_update
    step "look for the build root's packages" write_root_lock "$WORK/lock.root" "${BUILD_PACKAGES[@]}"
    renew "$WORK/lock" "$LOCK"
    renew "$WORK/lock.root" "$ROOT_LOCK"
    [ -z "$STALE" ] || die 'there is something newer to be had: ./build.sh lock'
}
