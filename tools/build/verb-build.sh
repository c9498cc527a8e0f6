# shellcheck shell=bash
# build: everything that build/ holds.
for part in apt fetch kernel; do
    # shellcheck source=/dev/null
    . "tools/build/$part.sh"
done

# What a bare Debian needs to compile the C and the kernel.
BUILD_PACKAGES=(ca-certificates gcc libc6-dev make bc bison flex libelf-dev libssl-dev xz-utils zstd
    lz4 cpio rsync libjansson-dev kmod)

verb_help() {
    cat <<'EOF'
usage: ./build.sh build [c]

  build     host packages, pinned sources, kernel, /init, host tools, emulator
  build c   only the C: build/init, build/casemate, build/casemate-image
EOF
}

build_c() {
    need_packages "${BUILD_PACKAGES[@]}"
    build_musl
    kernel_headers
    unpack bearssl
    unpack libcbor
    unpack lwip
    configure_libcbor
    step 'compile' make -f tools/build/Makefile -j"$JOBS" all
}

verb_main() {
    lock_build
    case ${1:-} in
    '') build_c ;;
    c) build_c ;;
    *) die "build takes no such argument: $1 (./build.sh build --help)" ;;
    esac
}
