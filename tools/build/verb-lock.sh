# shellcheck shell=bash
# lock: moves the pins to what the mirror has now.
for part in apt fetch; do
    # shellcheck source=/dev/null
    . "tools/build/$part.sh"
done

verb_help() {
    cat <<'EOF'
usage: ./build.sh lock [--check]

  lock          pins the newest version of each source in its series that can be
                fetched, and shows what changed in tools/build/lock
  lock --check  changes nothing; exit status 1 if a pin can neither be fetched nor
                is in the cache, or a newer version is out

A series is what does not break on its own: linux 6.12.*, and for the others any
version that Debian stable has. A new pin changes the measurements of every image.
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

verb_main() {
    case ${1:-} in
    '' | --check) ;;
    *) die "lock takes no such argument: $1 (./build.sh lock --help)" ;;
    esac
    lock_build
    apt_ready
    work_dir
    step 'look for the newest versions' new_lock "$WORK/lock"
    if cmp -s "$WORK/lock" "$LOCK"; then
        say 'every pin is the newest that can be fetched'
        return 0
    fi
    diff -u --label 'pinned' --label 'to be had' "$LOCK" "$WORK/lock" || true
    [ "${1:-}" != --check ] || die 'tools/build/lock is not the newest that can be fetched'
    cp "$WORK/lock" "$LOCK.new" && mv "$LOCK.new" "$LOCK"
    say 'tools/build/lock has changed: build, test, and commit it'
}
