# shellcheck shell=bash
# release: the build whose measurements are published.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh

verb_help() {
    cat <<'EOF'
usage: ./build.sh release

Builds from exactly what tools/build/lock pins and the commit holds, and prints
the SHA-256 of what an image is made of. Refuses a changed tree and any source
that is not the pinned one.
EOF
}

verb_main() {
    local name file
    [ -z "$(git status --porcelain)" ] || die 'the tree has changes that are not committed: commit or remove them'
    lock_build
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
    build_all
    say "commit $(git rev-parse HEAD), linux $(lock_field linux version), $(cc --version | head -n 1)"
    (cd "$BUILD" && sha256sum bzImage cmdline init init.cpio casemate casemate-image)
}
