# shellcheck shell=bash
# The kernel: its user-space headers, and bzImage from boot/kernel's fragment,
# patches and command line. Both are kept in CACHE/built under a name made from
# everything that goes into them, and checked against their own sums every time.
# Needs fetch.sh.

# cache_holds DIR: DIR was finished and nothing in it changed since.
cache_holds() {
    [ -e "$1/SHA256SUMS" ] && (cd "$1" && sha256sum --quiet --status -c SHA256SUMS)
}

# cache_put PART DIR: seals PART and gives it its final name.
cache_put() {
    (cd "$1" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
    rm -rf -- "$2"
    mkdir -p -- "$(dirname -- "$2")"
    mv -- "$1" "$2"
}

# kernel_headers: build/linux-headers holds what the pinned linux exports to
# user space (the machine's own may be older than the NSM device).
kernel_headers() {
    local kept
    source_of linux
    kept=$CACHE/built/linux-headers-${SOURCE_SHA256:0:16}
    if ! cache_holds "$kept"; then
        unpack linux
        step "make the kernel's user-space headers" make_headers "$kept"
    fi
    [ "$(readlink "$BUILD/linux-headers" || true)" = "$kept" ] || ln -sfn "$kept" "$BUILD/linux-headers"
}

make_headers() { # DIR
    local part
    work_dir
    part=$WORK/headers
    make -C "$BUILD/src/linux" -j"$JOBS" ARCH=x86 headers
    mkdir -p "$part"
    (cd "$BUILD/src/linux/usr/include" && find . -name '*.h' -print0 | tar -c --null -T - -f -) |
        tar -x -C "$part" -f -
    cache_put "$part" "$1"
}
