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
    (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$1.sums"
    mv -- "$1.sums" "$1/SHA256SUMS"
    rm -rf -- "$2"
    mkdir -p -- "$(dirname -- "$2")"
    mv -- "$1" "$2"
}

# link_to TARGET NAME: NAME is a link to TARGET, changed in one go.
link_to() {
    [ "$(readlink "$2" || true)" = "$1" ] && return 0
    [ -L "$2" ] || rm -rf -- "$2"
    ln -sfn -- "$1" "$2.new"
    mv -T -- "$2.new" "$2"
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
    link_to "$kept" "$BUILD/linux-headers"
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

# build_kernel: build/bzImage and build/cmdline.
build_kernel() {
    local kept
    need_packages "${BUILD_PACKAGES[@]}"
    source_of linux
    kept=$CACHE/built/linux-$(kernel_key)
    if ! cache_holds "$kept"; then
        unpack linux
        step "configure linux $(kernel_version)" configure_kernel
        step "build linux $(kernel_version) (3 minutes on 2 processors)" compile_kernel "$kept"
    fi
    put_output "$kept/bzImage" "$BUILD/bzImage"
    kernel_cmdline >"$BUILD/cmdline.part"
    put_output "$BUILD/cmdline.part" "$BUILD/cmdline"
    rm -f "$BUILD/cmdline.part"
}

# Everything that decides the bytes of bzImage.
kernel_key() {
    {
        echo "$SOURCE_SHA256"
        cat boot/kernel/config boot/kernel/patches/*.patch
        declare -f configure_kernel compile_kernel kernel_make
        cc --version
        ld --version
    } | sha256sum | cut -c1-16
}

kernel_version() { basename -- "$SOURCE" .orig.tar.xz | cut -d_ -f2; }

kernel_make() {
    # Nothing of this machine or moment gets in: no date, user, host or count.
    make -C "$BUILD/src/linux" -j"$JOBS" ARCH=x86_64 LOCALVERSION= \
        KBUILD_BUILD_TIMESTAMP=@1 KBUILD_BUILD_USER=casemate KBUILD_BUILD_HOST=casemate \
        KBUILD_BUILD_VERSION=1 "$@"
}

configure_kernel() {
    kernel_make tinyconfig
    (cd "$BUILD/src/linux" && scripts/kconfig/merge_config.sh -m .config "$ROOT/boot/kernel/config")
    kernel_make olddefconfig
    kernel_config_holds boot/kernel/config "$BUILD/src/linux/.config"
}

# kernel_config_holds FRAGMENT CONFIG: kconfig drops silently what it cannot
# satisfy; a fragment that is not what was built would be a lie.
kernel_config_holds() {
    local line name wrong=0
    while read -r line; do
        case $line in
        CONFIG_*) grep -qxF -- "$line" "$2" || { echo "not taken: $line"; wrong=1; } ;;
        '# CONFIG_'*' is not set')
            name=${line#\# }
            ! grep -q "^${name%% *}=" "$2" || { echo "still on: ${name%% *}"; wrong=1; }
            ;;
        esac
    done <"$1"
    return $wrong
}

compile_kernel() { # DIR
    local part
    work_dir
    part=$WORK/kernel
    kernel_make bzImage
    mkdir -p "$part"
    cp "$BUILD/src/linux/arch/x86/boot/bzImage" "$part/bzImage"
    cp "$BUILD/src/linux/.config" "$part/config"
    cache_put "$part" "$1"
}

# The command line is boot/kernel/cmdline, one parameter a line, less comments.
kernel_cmdline() {
    grep -v '^#' boot/kernel/cmdline | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'
}

# put_output FROM TO: TO changes only when its bytes do, and all at once.
put_output() {
    cmp -s -- "$1" "$2" && return 0
    cp -- "$1" "$2.new"
    mv -- "$2.new" "$2"
}
