# shellcheck shell=bash
# lint: what a compiler does not say by itself. Every check runs, whatever the
# ones before it found; the exit status is 1 if any found something.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh

LINT_PACKAGES=(clang clang-tidy clang-format cppcheck shellcheck libjansson-dev libarchive-dev libfyaml-dev)
# The layout of clang-format differs a little between its versions: this one's counts.
FORMAT_VERSION=14

verb_help() {
    cat <<'EOF'
usage: ./build.sh lint [--fix] [CHECK...]

  compile   gcc (musl and glibc) and clang, all warnings, as errors
  arrows    which folder may include which: this verb's table
  names     a library's names stay in the files that wrap it
  size      functions fit a screen, files stay under about 600 lines
  tidy      clang-tidy, .clang-tidy says what is off and why
  cppcheck  cppcheck
  format    clang-format, .clang-format; with --fix it is applied
  shell     shellcheck
  table     the table in net/README.md is as the bench has put it there
EOF
}

# --- arrows: folder, and the folders it may include from ------------------------
ARROWS='
appliance/base   appliance/base
boot             appliance/base boot
attest           appliance/base attest
channel          appliance/base channel
net              appliance/base net
net/port         net/port
net/port/arch    net/port/arch
appliance        appliance/base appliance attest boot channel net
tools/casemate   appliance/base channel attest net tools/casemate
tools/image      appliance/base attest channel net tools/image
tests/unit       *
tests/sim        *
tests/fuzz       *
tests/e2e        appliance/base attest tests/e2e
tests/bench      appliance/base attest net tests/bench
'

# --- names: library, its header, what its names look like, the files that may ----
LIBRARIES='
cbor     cbor\.h      \bcbor_[a-z_]+\(|\bCBOR_[A-Z]   appliance/base/dcbor.c
bearssl  bearssl\.h   \bbr_[a-z0-9_]+               appliance/base/sha384.h appliance/base/sha384.c tools/image/ecsign.c tests/unit/test_eif_signature.c tests/unit/test_seal.c attest/tls.h attest/tls.c attest/https.c tests/unit/https_peer.h tests/unit/test_https.c tests/sim/chain.c tests/fuzz/fuzz_https.c attest/ecdsa.c attest/sha256.c tools/image/digest.h tools/image/digest.c tools/casemate/tls_client.c tests/unit/forge.c
jansson  jansson\.h   \bjson_[a-z_]+\(              tools/image/metadata.c tools/image/manifest_json.c tools/image/oci_index.c tools/image/oci_config.c tools/image/provenance.c tools/image/sbom.c tests/unit/test_http_vectors.c tests/unit/test_routes.c tests/unit/test_tojson.c
fyaml    libfyaml\.h   \bfy_[a-z_]+\(|\bFY[A-Z]+_[A-Z]  tools/image/yaml.c
archive  archive.*\.h \barchive_(read|write|entry)_[a-z_]+\(  tools/image/oci_filter.c tools/image/oci_source.c tools/image/oci_layer.c tests/unit/test_oci_tar.c
lwip     lwip/.*\.h   \berr_t\b|\bERR_(OK|MEM|BUF)\b|\bpbuf_[a-z]+\(  net/stack.c net/stack_connect.c net/pcb.c net/pcb.h
'

lint_files() { git ls-files --cached --others --exclude-standard -- "$@"; }

check_compile() {
    make_c -k compile-enclave compile-plain compile-fuzz >"$BUILD/log/lint-compile.log" 2>&1 && return 0
    grep -E 'error|warning' "$BUILD/log/lint-compile.log" || tail -n 5 "$BUILD/log/lint-compile.log"
    return 1
}

check_arrows() {
    local file folder allowed target wrong=0
    while read -r file; do
        folder=$(dirname -- "$file")
        allowed=$(awk -v f="$folder" '$1 == f { $1 = ""; print }' <<<"$ARROWS")
        if [ -z "$allowed" ]; then
            echo "$file: no arrow is known for the folder $folder"
            wrong=1
            continue
        fi
        while read -r target; do
            [[ $target == */* ]] || { echo "$file: \"$target\": include from the tree's root"; wrong=1; continue; }
            [[ " $allowed " == *" * "* || " $allowed " == *" $(dirname -- "$target") "* ]] ||
                { echo "$file: $folder must not include $target"; wrong=1; }
        done < <(sed -n 's/^[[:space:]]*#[[:space:]]*include "\([^"]*\)".*/\1/p' "$file")
    done < <(lint_files '*.c' '*.h')
    return $wrong
}

check_names() {
    local library header pattern files file wrong=0
    while read -r library header pattern files; do
        [ -n "$library" ] || continue
        while read -r file; do
            [[ " $files " == *" $file "* || $file == "$files"* ]] && continue
            # Comments may speak of a library; code may not.
            if sed 's|/\*.*\*/||; s|^ \*.*||' "$file" | grep -nE "#include <$header|$pattern" >"$BUILD/log/lint-names"; then
                sed "s|^|$file:|; s|\$|   ($library's name outside the file that wraps it)|" "$BUILD/log/lint-names"
                wrong=1
            fi
        done < <(lint_files '*.c' '*.h')
    done <<<"$LIBRARIES"
    return $wrong
}

# Lines between a function's { and } in the first column, both exclusive. Tables
# are no functions; a dispatch that needs more says so: "lint: long" in its body.
check_size() {
    lint_files '*.c' '*.h' | xargs awk '
        FNR == 1 { inside = 0; previous = "" }
        /^\{/ && previous !~ /=[[:space:]]*$/ { inside = 1; start = FNR; name = previous; excused = 0 }
        inside && /lint: long/ { excused = 1 }
        /^\}/ && inside {
            if (FNR - start - 1 > 40 && !excused && FILENAME !~ /^tests\//) {
                print FILENAME ":" start ": " FNR - start - 1 " lines: " name; wrong = 1 }
            inside = 0 }
        FNR == 651 && FILENAME !~ /^tests\// { print FILENAME ": longer than about 600 lines"; wrong = 1 }
        { previous = $0 }
        END { exit wrong }'
}

check_tidy() {
    local flags=(-std=c11 -D_GNU_SOURCE -I. -isystem build/src/bearssl/inc -isystem build/src/libcbor/src
        -isystem build/src/libcbor/generated -isystem net/port -isystem build/src/lwip/src/include
        -idirafter build/linux-headers)
    # Not the tests: they do on purpose what a program must not, and the sanitizers
    # watch them run.
    lint_files '*.c' ':!tests/' | xargs -P "$JOBS" -I{} clang-tidy --quiet {} -- "${flags[@]}" \
        >"$BUILD/log/lint-tidy.log" 2>"$BUILD/log/lint-tidy.err" && return 0
    grep -E '(error|warning):' "$BUILD/log/lint-tidy.log" | sed "s|^$ROOT/||" | sort -u
    return 1
}

check_cppcheck() {
    # Off: what is only style; headers that it is not shown; formats, which it takes
    # from callers and gcc knows better.
    lint_files '*.c' | xargs cppcheck -q -j "$JOBS" --std=c11 --language=c --platform=unix64 -D_GNU_SOURCE \
        -D__x86_64__ -I. --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
        --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unmatchedSuppression \
        --suppress=wrongPrintfScanfArgNum \
        --template='{file}:{line}: {message} [{id}]' 2>&1
}

check_format() {
    local version
    version=$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/')
    if [ "$version" != "$FORMAT_VERSION" ]; then
        echo "skipped: this is clang-format $version, the layout is that of $FORMAT_VERSION"
        return 0
    fi
    if [ -n "$FIX" ]; then
        lint_files '*.c' '*.h' | xargs clang-format -i
    else
        lint_files '*.c' '*.h' | xargs clang-format --dry-run -Werror >"$BUILD/log/lint-format.log" 2>&1 && return 0
        grep 'error:' "$BUILD/log/lint-format.log" | cut -d: -f1 | sort | uniq -c |
            awk '{ print $2 ": " $1 " places (./build.sh lint --fix format)" }'
        return 1
    fi
}

check_shell() {
    lint_files | while read -r file; do
        [[ $file == *.sh ]] || head -c 32 "$file" | grep -aqE '^#!.*(bash|/sh)' || continue
        echo "$file"
    done | xargs shellcheck -x -S warning
}

# What the bench has put into a document was not changed since.
check_table() {
    tests/bench/run --check-readme
}

verb_main() {
    local all=(compile arrows names size tidy cppcheck format shell table) chosen=() name failed=0 start
    FIX=
    while [ $# -gt 0 ]; do
        case $1 in
        --fix) FIX=1 ;;
        *)
            [[ " ${all[*]} " == *" $1 "* ]] || die "no such check: $1 (./build.sh lint --help)"
            chosen+=("$1")
            ;;
        esac
        shift
    done
    [ ${#chosen[@]} -gt 0 ] || chosen=("${all[@]}")
    lock_build
    prepare_c
    need_packages "${LINT_PACKAGES[@]}"
    mkdir -p "$BUILD/log"
    for name in "${chosen[@]}"; do
        start=$SECONDS
        if "check_$name" >"$BUILD/log/lint-$name.out" 2>&1; then
            say "lint: $name: clean ($((SECONDS - start)) s)"
            cat "$BUILD/log/lint-$name.out"
        else
            failed=1
            say "lint: $name: FAILED ($((SECONDS - start)) s)"
            cat "$BUILD/log/lint-$name.out"
        fi
    done
    [ $failed = 0 ] || die 'lint found something'
}
