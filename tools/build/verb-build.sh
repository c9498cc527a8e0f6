# shellcheck shell=bash
# build: everything that build/ holds.
for part in apt fetch kernel emulator; do
    # shellcheck source=/dev/null
    . "tools/build/$part.sh"
done

# What a bare Debian needs to compile the C and the kernel.
BUILD_PACKAGES=(ca-certificates gcc libc6-dev make bc bison flex libelf-dev libssl-dev xz-utils zstd
    lz4 cpio rsync libjansson-dev libarchive-dev libfyaml-dev patch)

verb_help() {
    cat <<'EOF'
usage: ./build.sh build [c|kernel|emulator]

  build           host packages, pinned sources, kernel, /init, host tools, emulator
  build c         only the C: build/init, build/casemate, build/casemate-image
  build kernel    only build/bzImage and build/cmdline
  build emulator  only QEMU, its vsock device and mkfs.erofs, into the cache
EOF
}

# Everything that compiling C needs.
prepare_c() {
    need_packages "${BUILD_PACKAGES[@]}"
    build_musl
    kernel_headers
    unpack bearssl
    unpack libcbor
    unpack lwip
    configure_libcbor
}

make_c() { make -f tools/build/Makefile -j"$JOBS" "$@"; }

build_c() {
    prepare_c
    step 'compile' make_c all
}

build_all() {
    build_c
    build_kernel
    build_erofs
    build_emulator
}

verb_main() {
    lock_build
    case ${1:-} in
    '') build_all ;;
    c) build_c ;;
    kernel) build_kernel ;;
    emulator)
        build_erofs
        build_emulator
        ;;
    *) die "build takes no such argument: $1 (./build.sh build --help)" ;;
    esac
}
