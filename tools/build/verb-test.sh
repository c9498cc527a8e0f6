# shellcheck shell=bash
# test: builds what the tests need and hands over to tests/run.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh

# busybox: the demo app. The rest is what the tests compare ours with.
TEST_PACKAGES=(busybox-static openssl cpio python3 tar util-linux git mmdebstrap
    curl gnutls-bin testssl.sh python3-cbor2 python3-cryptography umoci skopeo rpm nftables iproute2)

verb_help() {
    cat <<'EOF'
usage: ./build.sh test [argument of tests/run...]

Builds everything, then runs the unit tests, the vectors and the end to end tests
in the emulator. The last line is "N passed, N failed"; the exit status is 0 only
if nothing failed. tests/README.md says what the arguments are.
EOF
}

build_tests() {
    lock_build
    build_all
    need_packages "${TEST_PACKAGES[@]}"
    step 'compile the unit tests' make_c unit
    step 'compile the end to end tests' make_c e2e
    step 'compile the simulated module' make_c sim
    unlock_build
}

verb_main() {
    build_tests
    exec tests/run "$@"
}
