# shellcheck shell=bash
# bench: builds, then hands over to tests/bench/run.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh

verb_help() {
    cat <<'EOF'
usage: ./build.sh bench [argument of tests/bench/run...]

Measures sizes, boot time, transfer rates and memory against their budgets and
writes build/bench.json. Leave the machine alone meanwhile.
EOF
}

verb_main() {
    lock_build
    build_all
    need_packages busybox-static python3
    step 'compile the measuring programs' make_c bench
    unlock_build
    exec tests/bench/run "$@"
}
