# shellcheck shell=bash
# clean: removes what was built.

verb_help() {
    cat <<'EOF'
usage: ./build.sh clean [--all]

Removes build/. With --all also the cache of sources, kernels and the emulator
(CASEMATE_CACHE), which must then be fetched and built anew.
EOF
}

verb_main() {
    case ${1:-} in
    '' | --all) ;;
    *) die "clean takes no such argument: $1 (./build.sh clean --help)" ;;
    esac
    lock_build
    if [ "${1:-}" = --all ]; then
        # Only what is ours: somebody may have put CASEMATE_CACHE anywhere.
        rm -rf -- "$CACHE"/{src,debs,built,apt,tmp,emulator,tools,.lock}
        rmdir -- "$CACHE" 2>/dev/null || true
        say "removed the cache in $CACHE"
    fi
    rm -rf -- "$BUILD"
    say 'removed build/'
}
