# shellcheck shell=bash
# What only the host needs and Debian does not have in the right shape: QEMU with
# the nitro-enclave machine, the vsock device, its firmware, and mkfs.erofs.
# Trusted by apt's signatures at these minimum versions; kept under a name made
# from the recipe, and checked against their own sums. Needs kernel.sh (cache_*).

QEMU_LEAST=10.0           # nitro-enclave is in since 9.2; 10.0 is what was tried
QEMU_SERIES=10.0          # preferred, when there are several
VHOST_VSOCK_LEAST=0.2     # one host end for each enclave, hybrid vsock
SEABIOS_LEAST=1.16
QEMU_DATA_LEAST=1:10.0
MESON_LEAST=1.5           # what QEMU asks for; the machine's may be older

EMULATOR_PACKAGES=(libglib2.0-dev libgnutls28-dev libcbor-dev libfdt-dev zlib1g-dev ninja-build
    pkg-config python3 python3-venv g++)
EROFS_PACKAGES=(autoconf automake libtool pkg-config)

# emulator_key: how it was made and on which release; QEMU is linked to its
# libraries.
emulator_key() {
    {
        declare -f fetch_emulator qemu_candidates compile_emulator keep_emulator
        echo "$QEMU_LEAST $QEMU_SERIES $VHOST_VSOCK_LEAST $SEABIOS_LEAST $QEMU_DATA_LEAST"
        (. /etc/os-release && echo "$ID ${VERSION_CODENAME:-}")
    } | sha256sum | cut -c1-16
}

# An upgrade may have taken a library away: then it is built again.
emulator_runs() { cache_holds "$1" && "$1/qemu-system-x86_64" --version >/dev/null 2>&1; }

build_emulator() {
    local kept
    kept=$CACHE/built/emulator-$(emulator_key)
    if ! emulator_runs "$kept"; then
        need_packages "${EMULATOR_PACKAGES[@]}"
        apt_ready
        work_dir
        step "fetch the emulator's source and firmware" fetch_emulator
        step "build the emulator (3 minutes on 2 processors)" compile_emulator
        step "keep the emulator" keep_emulator "$kept"
    fi
    link_to "$kept" "$CACHE/emulator"
}

# The newest of QEMU_SERIES, else the oldest that is new enough.
qemu_candidates() {
    local all
    all=$(apt_origs qemu)
    grep "^${QEMU_SERIES//./\\.}\." <<<"$all" || true
    sort -V <<<"$all" | while read -r line; do
        [[ $line == "$QEMU_SERIES".* ]] && continue
        if dpkg --compare-versions "${line%% *}" ge "$QEMU_LEAST"; then echo "$line"; fi
    done
}

fetch_emulator() {
    local uri file sha256 deb
    while read -r _ uri file _ sha256; do
        [ ! -e "$WORK/qemu.tar" ] && download "$uri" "$WORK/qemu.tar" "$sha256" && echo "qemu: $file"
    done < <(qemu_candidates)
    [ -e "$WORK/qemu.tar" ] || { echo "no qemu source of at least version $QEMU_LEAST to be had"; return 1; }
    for deb in "meson $MESON_LEAST" "python3-pycotap 1.3" "vhost-device-vsock $VHOST_VSOCK_LEAST" \
        "seabios $SEABIOS_LEAST" "qemu-system-data $QEMU_DATA_LEAST"; do
        # shellcheck disable=SC2086 # name and version
        dpkg-deb -x "$(apt_deb $deb "$APT_SUITE" "$APT_NEWER")" "$WORK/debs"
    done
}

compile_emulator() {
    local tree=$WORK/qemu blob
    mkdir -p "$tree"
    tar -x -f "$WORK/qemu.tar" -C "$tree" --strip-components=1 --no-same-owner
    rm "$WORK/qemu.tar"
    # One machine, no other devices; empty stand-ins for the firmware images that
    # Debian's source leaves out and that this machine does not use.
    echo 'CONFIG_NITRO_ENCLAVE=y' >"$tree/configs/devices/x86_64-softmmu/casemate.mak"
    grep -o 'edk2-[a-z0-9_-]*\.fd' "$tree/pc-bios/meson.build" | while read -r blob; do
        : >"$tree/pc-bios/$blob.bz2"
    done
    export PYTHONPATH=$WORK/debs/usr/lib/python3/dist-packages
    mkdir "$tree/build"
    cd "$tree/build" || return
    ../configure --python=/usr/bin/python3 --target-list=x86_64-softmmu \
        --without-default-features --without-default-devices --with-devices-x86_64=casemate \
        --enable-system --enable-tcg --enable-kvm --enable-libcbor --enable-gnutls \
        --enable-vhost-user --enable-vhost-net --enable-fdt=system --disable-docs --disable-install-blobs
    ninja -j"$JOBS" qemu-system-x86_64
}

keep_emulator() { # DIR
    local part=$WORK/emulator debs=$WORK/debs/usr
    mkdir -p "$part"
    strip -o "$part/qemu-system-x86_64" "$WORK/qemu/build/qemu-system-x86_64"
    cp "$debs/bin/vhost-device-vsock" "$debs/share/seabios/bios-microvm.bin" \
        "$debs/share/qemu/qboot.rom" "$debs/share/qemu/linuxboot_dma.bin" \
        "$debs/share/qemu/kvmvapic.bin" "$debs/share/qemu/pvh.bin" "$part/"
    "$part/qemu-system-x86_64" -M help | grep nitro-enclave
    "$part/vhost-device-vsock" --version
    cache_put "$part" "$1"
    rm -rf "$WORK/qemu" "$WORK/debs"
}

# mkfs.erofs shapes what is measured: its source and its compressor's are pinned,
# and it is static, so that every machine writes the same image.
build_erofs() {
    local key kept
    source_of lz4
    key=$SOURCE_SHA256
    source_of erofs-utils
    key=$({
        echo "$key $SOURCE_SHA256"
        declare -f compile_erofs
    } | sha256sum | cut -c1-16)
    kept=$CACHE/built/tools-$key
    if ! cache_holds "$kept"; then
        need_packages "${EROFS_PACKAGES[@]}"
        unpack lz4
        unpack erofs-utils
        step "build mkfs.erofs $(lock_field erofs-utils version)" compile_erofs "$kept"
    fi
    link_to "$kept" "$CACHE/tools"
}

compile_erofs() { # DIR
    local part lz4=$BUILD/src/lz4/lib
    work_dir
    part=$WORK/tools
    mkdir -p "$part"
    make -C "$lz4" -j"$JOBS" BUILD_SHARED=no liblz4.a
    cd "$BUILD/src/erofs-utils" || return
    ./autogen.sh
    # One thread: the order of what several write is not promised. -L: configure's
    # own check asks the linker for -llz4.
    liblz4_CFLAGS=-I$lz4 liblz4_LIBS=$lz4/liblz4.a LDFLAGS=-L$lz4 ./configure --enable-lz4 --disable-lzma \
        --without-libdeflate --without-zlib --without-libzstd --without-uuid --without-selinux \
        --without-qpl --without-xxhash --disable-fuse --disable-shared --disable-multithreading
    make -j"$JOBS" LDFLAGS=-all-static
    strip -o "$part/mkfs.erofs" mkfs/mkfs.erofs
    strip -o "$part/fsck.erofs" fsck/fsck.erofs
    "$part/mkfs.erofs" --help | grep lz4hc
    cache_put "$part" "$1"
}
