# shellcheck shell=bash
# The pinned sources: fetched once into CACHE/src, checked against the lock every
# time, unpacked into build/src. Needs apt.sh.

# lock_field NAME FIELD: version, file, bytes or sha256 of a pin.
lock_field() {
    local name version file bytes sha256
    while read -r name version file bytes sha256; do
        [ "$name" = "$1" ] || continue
        printf '%s\n' "${!2}"
        return 0
    done <"$LOCK"
    die "tools/build/lock has no line for $1"
}

# source_of NAME: sets SOURCE (path) and SOURCE_SHA256 of the tarball to use.
# That is the pinned one; for linux alone, when the mirrors dropped the pin, the
# newest of its series that can be had, recorded in CACHE/src/linux.substitute.
source_of() {
    local file sha256
    file=$CACHE/src/$(lock_field "$1" file) sha256=$(lock_field "$1" sha256)
    if [ -e "$file" ] && [ "$(sha256_of "$file")" != "$sha256" ]; then
        say "$file does not have the pinned SHA-256: fetching it again"
        rm -f -- "$file"
    fi
    if [ ! -e "$file" ] && ! { [ "$1" = linux ] && substitute_in_cache; }; then
        apt_ready
        step "fetch $(basename -- "$file")" fetch_source "$1"
    fi
    if [ -e "$file" ]; then
        SOURCE=$file SOURCE_SHA256=$sha256
    else
        use_substitute
    fi
}

fetch_source() { # NAME
    local version file sha256 line
    version=$(lock_field "$1" version) file=$(lock_field "$1" file) sha256=$(lock_field "$1" sha256)
    line=$(apt_origs "$1" "$version" | awk -v v="$version" '$1 == v && !n++')
    if [ -n "$line" ] && [ "$(cut -d' ' -f5 <<<"$line")" != "$sha256" ]; then
        echo "the mirror's $file has another SHA-256 than tools/build/lock; not used"
        return 1
    fi
    if [ -n "$line" ] && download "$(cut -d' ' -f2 <<<"$line")" "$CACHE/src/$file" "$sha256"; then
        return 0
    fi
    [ "$1" = linux ] && [ -z "${NO_SUBSTITUTE:-}" ] && fetch_substitute && return 0
    echo "$file is not to be had from this machine's mirror. Put a copy into $CACHE/src," \
        "or move the pin with ./build.sh lock."
    return 1
}

# The newest linux of the pinned series that downloads.
fetch_substitute() {
    local series version uri file bytes sha256
    series=$(lock_field linux version)
    series=${series%.*}.
    while read -r version uri file bytes sha256; do
        [[ $version == "$series"* ]] || continue
        if [ ! -e "$CACHE/src/$file" ] || [ "$(sha256_of "$CACHE/src/$file")" != "$sha256" ]; then
            download "$uri" "$CACHE/src/$file" "$sha256" || continue
        fi
        work_dir
        printf '%s %s %s %s\n' "$version" "$file" "$bytes" "$sha256" >"$WORK/substitute"
        mv -- "$WORK/substitute" "$CACHE/src/linux.substitute"
        return 0
    done < <(apt_origs linux "$series")
    return 1
}

substitute_in_cache() {
    local version file bytes sha256
    [ -e "$CACHE/src/linux.substitute" ] || return 1
    read -r version file bytes sha256 <"$CACHE/src/linux.substitute"
    : "$version" "$bytes"
    [ -e "$CACHE/src/$file" ] && [ "$(sha256_of "$CACHE/src/$file")" = "$sha256" ]
}

use_substitute() {
    local version file bytes sha256
    read -r version file bytes sha256 <"$CACHE/src/linux.substitute"
    : "$bytes"
    SOURCE=$CACHE/src/$file SOURCE_SHA256=$sha256
    loud "linux $(lock_field linux version) is pinned, but the mirror has dropped it." \
        "Building with linux $version instead: the image WILL MEASURE DIFFERENTLY." \
        "./build.sh release refuses this; ./build.sh lock moves the pin."
}

# unpack NAME: build/src/NAME holds the checked source with our patches; remade
# when either changes.
unpack() {
    local dir=$BUILD/src/$1 patches=() key
    source_of "$1"
    [ "$1" != linux ] || patches=("$ROOT"/boot/kernel/patches/*.patch)
    key="$SOURCE_SHA256 $(cat /dev/null "${patches[@]}" | sha256sum | cut -c1-16)"
    [ "$(cat "$dir/.casemate-key" 2>/dev/null)" = "$key" ] && return 0
    step "unpack $(basename -- "$SOURCE")" unpack_source "$SOURCE" "$dir" "$key" "${patches[@]}"
}

# Left out of linux: folders that no configuration of ours compiles; they are
# most of its bulk.
unpack_source() { # TARBALL DIR KEY PATCH...
    local dir=$2 part=$2.part key=$3 patch
    rm -rf -- "$part" "$dir"
    mkdir -p "$part"
    tar -x -f "$1" -C "$part" --strip-components=1 --no-same-owner \
        --exclude='linux-*/drivers/gpu/drm/amd/include/*' \
        --exclude='linux-*/tools/testing/*'
    shift 3
    for patch in "$@"; do
        patch -d "$part" -p1 --batch --forward --no-backup-if-mismatch <"$patch"
    done
    echo "$key" >"$part/.casemate-key"
    mv -- "$part" "$dir"
}

# libcbor's two generated headers, which its cmake would write.
configure_libcbor() {
    local dir=$BUILD/src/libcbor/generated/cbor version
    [ -e "$dir/cbor_export.h" ] && return 0
    version=$(lock_field libcbor version)
    mkdir -p "$dir"
    IFS=. read -r major minor patch <<<"$version"
    cat >"$dir/configuration.h" <<EOF
#define CBOR_MAJOR_VERSION $major
#define CBOR_MINOR_VERSION $minor
#define CBOR_PATCH_VERSION $patch
#define CBOR_BUFFER_GROWTH 2
#define CBOR_MAX_STACK_SIZE 16 /* nothing of ours nests deeper than 8 */
#define CBOR_PRETTY_PRINTER 0
#define CBOR_RESTRICT_SPECIFIER restrict
#define CBOR_INLINE_SPECIFIER
EOF
    printf '#define CBOR_EXPORT\n#define CBOR_NO_EXPORT\n' >"$dir/cbor_export.h"
}

# musl, with the C compiler of the machine, into build/musl. The kernel's
# user-space headers come from the pinned linux, not from the machine.
build_musl() {
    local stamp=$BUILD/musl/.casemate-key key
    unpack musl
    key="$SOURCE_SHA256 $(cc --version | head -n 1) $ROOT"
    [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && return 0
    step "build musl $(lock_field musl version)" compile_musl "$key"
}

compile_musl() { # KEY
    rm -rf "$BUILD/musl" "$BUILD/obj/musl"
    mkdir -p "$BUILD/obj/musl"
    cd "$BUILD/obj/musl" || return
    # -Os: PID 1 and its roles copy with memcpy (assembly) and are otherwise
    # bound by the kernel and by BearSSL, which is compiled for speed.
    CFLAGS='-Os -pipe -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables' \
        ../../src/musl/configure --prefix="$BUILD/musl" --disable-shared --enable-static \
        --enable-wrapper=gcc
    make -j"$JOBS"
    make install
    echo "$1" >"$BUILD/musl/.casemate-key"
}
