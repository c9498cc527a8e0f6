# shellcheck shell=bash
# release: the build whose measurements are published.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh
# shellcheck source=tools/build/root.sh
. tools/build/root.sh

verb_help() {
    cat <<'EOF'
usage: ./build.sh release [c] [--commit COMMIT] [--verify SUMS]

Builds a commit, by default HEAD of an unchanged tree, in a root file system made of
the Debian packages in tools/build/lock.root, from the sources in tools/build/lock,
without network, so that every machine gets the same bytes. They are put into
build/release with their SHA256SUMS.

  c                only what is compiled from our C: no kernel
  --commit COMMIT  another commit than HEAD; the tree may then have changes
  --verify SUMS    compare with an earlier release's SHA256SUMS (a file or the folder
                   that holds it) and fail if a file differs; its commit is built
                   unless --commit names another

Needs root, or user namespaces and a range of user ids (uidmap); and git.
EOF
}

C_OUTPUTS=(init init.cpio casemate casemate-image)
KERNEL_OUTPUTS=(bzImage cmdline)

parse_release() {
    ONLY_C='' COMMIT='' SUMS=''
    while [ $# -gt 0 ]; do
        case $1 in
        c) ONLY_C=1 ;;
        --commit | --verify)
            [ $# -gt 1 ] || die "release $1 needs a value (./build.sh release --help)"
            if [ "$1" = --commit ]; then COMMIT=$2; else SUMS=$2; fi
            shift
            ;;
        *) die "release takes no such argument: $1 (./build.sh release --help)" ;;
        esac
        shift
    done
}

# read_sums: a copy of SUMS, which this very release may overwrite, and its commit.
read_sums() {
    [ ! -d "$SUMS" ] || SUMS=$SUMS/SHA256SUMS
    [ -f "$SUMS" ] || die "$SUMS is not a file of SHA-256 sums"
    head -c 65536 -- "$SUMS" >"$WORK/sums"
    if [ -z "$COMMIT" ]; then
        COMMIT=$(sed -n 's/^# commit \([0-9a-f]\{40,64\}\)$/\1/p' "$WORK/sums")
        [ -n "$COMMIT" ] || die "$SUMS does not say of which commit it is: name it with --commit"
    fi
}

# take_commit: sets COMMIT to its full name; the tree as it was committed is then in
# WORK/tree, whatever this machine's git is set up to do to files.
take_commit() {
    local name=$COMMIT
    if [ -z "$name" ]; then
        name=HEAD
        [ -z "$(git status --porcelain)" ] || die 'the tree has changes that are not committed: commit or remove them'
    fi
    COMMIT=$(git rev-parse --verify --quiet "$name^{commit}") || die "there is no commit $name here (git fetch?)"
    step "take commit ${COMMIT:0:12}" export_commit
    [ -e "$WORK/tree/tools/build/lock.root" ] ||
        die "commit $COMMIT has no tools/build/lock.root: releases could not be rebuilt yet"
}

export_commit() {
    git init --quiet --bare --template= "$WORK/git"
    mkdir -p "$WORK/tree" "$WORK/git/objects/info"
    git rev-parse --path-format=absolute --git-path objects >"$WORK/git/objects/info/alternates"
    env -i PATH="$PATH" GIT_DIR="$WORK/git" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
        GIT_ATTR_NOSYSTEM=1 git archive "$COMMIT" | tar -x -C "$WORK/tree" --no-same-owner
    rm -rf "$WORK/git"
}

# fetch_pinned: exactly what the lock says, or nothing.
fetch_pinned() {
    local name file
    export NO_SUBSTITUTE=1
    while read -r name _; do
        file=$CACHE/src/$(lock_field "$name" file)
        if [ ! -e "$file" ]; then
            apt_ready
            step "fetch $(basename -- "$file")" fetch_source "$name"
        fi
        [ "$(sha256_of "$file")" = "$(lock_field "$name" sha256)" ] ||
            die "$file is not what tools/build/lock pins: remove it and try again"
    done < <(grep -v '^#' "$LOCK")
}

# lay_out DIR: the root, and in it the tree and the sources at places that are the
# same on every machine.
lay_out() {
    local name
    unpack_root "$1"
    mkdir -p "$1/build/cache/src"
    while read -r name _; do
        cp -- "$CACHE/src/$(lock_field "$name" file)" "$1/build/cache/src/"
    done < <(grep -v '^#' "$LOCK")
    mv -- "$WORK/tree" "$1/build/casemate"
}

build_inside() { # DIR
    in_root "$1" /build/casemate/build.sh build c
    [ -n "$ONLY_C" ] || in_root "$1" /build/casemate/build.sh build kernel
}

keep_release() { # DIR
    local part=$BUILD/release.part outputs=("${C_OUTPUTS[@]}")
    [ -n "$ONLY_C" ] || outputs+=("${KERNEL_OUTPUTS[@]}")
    rm -rf -- "$part"
    mkdir -p "$part"
    (cd "$1/build/casemate/build" && cp -- "${outputs[@]}" "$part/")
    {
        echo "# commit $COMMIT"
        echo "# linux $(lock_field linux version), $(root_lines | awk '$1 ~ /^gcc-[0-9]*$/ { print $1, $2 }')"
        (cd "$part" && sha256sum -- "${outputs[@]}")
    } >"$WORK/SHA256SUMS"
    mv -- "$WORK/SHA256SUMS" "$part/"
    rm -rf -- "$BUILD/release"
    mv -- "$part" "$BUILD/release"
}

# compare_sums WANTED GOT: fails if a file that both name differs, or if there is none.
compare_sums() {
    local sum name got same=0 wrong=0
    while read -r sum name; do
        [[ $sum =~ ^[0-9a-f]{64}$ ]] || continue
        name=${name#\*}
        got=$(awk -v name="$name" '$2 == name { print $1 }' "$2")
        case $got in
        '') say "not built here: $name" ;;
        "$sum")
            say "same: $name"
            same=$((same + 1))
            ;;
        *)
            say "DIFFERENT: $name: $sum there, $got here"
            wrong=$((wrong + 1))
            ;;
        esac
    done <"$1"
    [ $wrong = 0 ] || die "the rebuild of commit $COMMIT gives other bytes than $SUMS says"
    [ $same != 0 ] || die "$SUMS names no file that was built"
    say "the rebuild of commit $COMMIT gives the bytes that $SUMS says"
}

verb_main() {
    local minutes=5
    parse_release "$@"
    [ -z "$ONLY_C" ] || minutes=2
    lock_build
    need_packages git
    need_space 5
    work_dir
    [ -z "$SUMS" ] || read_sums
    take_commit
    LOCK=$WORK/tree/tools/build/lock ROOT_LOCK=$WORK/tree/tools/build/lock.root
    fetch_pinned
    build_root
    step 'lay out the build root' lay_out "$WORK/build"
    # Nothing in the cache is used or changed from here on.
    exec 9>&-
    LOCK=$WORK/build/build/casemate/tools/build/lock ROOT_LOCK=$LOCK.root
    step "build in it ($minutes minutes on 2 processors)" build_inside "$WORK/build"
    keep_release "$WORK/build"
    cat "$BUILD/release/SHA256SUMS"
    [ -z "$SUMS" ] || compare_sums "$WORK/sums" "$BUILD/release/SHA256SUMS"
}
