# shellcheck shell=bash
# demo: builds, then hands over to tests/e2e/demo.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh

verb_help() {
    cat <<'EOF'
usage: ./build.sh demo

Builds everything, boots an enclave in the emulator, attests it as untouched,
pushes the project's tests/ and a 64 MiB file, runs a command on them, pulls the
result, compares every byte, attests again to show the touch, and prints a table.
Leaves nothing running.
EOF
}

verb_main() {
    lock_build
    build_all
    need_packages busybox-static
    unlock_build
    exec tests/e2e/demo "$@"
}
