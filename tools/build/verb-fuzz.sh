# shellcheck shell=bash
# fuzz: every target of tests/fuzz, under the sanitizers, for a bounded time.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh

FUZZ_PACKAGES=(clang)

verb_help() {
    cat <<'EOF'
usage: ./build.sh fuzz [--seconds N] [TARGET...]

Runs each target (default: all of tests/fuzz, default 60 seconds each, as many at
once as there are processors) on its corpus in tests/fuzz/corpus/TARGET. What was
found new goes to build/fuzz/corpus, an input that fails to build/fuzz/findings.
TARGET is the name without "fuzz_": ./build.sh fuzz --seconds 600 eif dcbor
EOF
}

# clang alone lacks the sanitizers' libraries; their package carries its version.
need_fuzzing() {
    local version
    need_packages "${FUZZ_PACKAGES[@]}"
    version=$(clang -dumpversion)
    need_packages "libclang-rt-${version%%.*}-dev"
}

# fuzz_one TARGET SECONDS: prints a line; fails when there was a finding.
fuzz_one() {
    local name=$1 seconds=$2 out=$BUILD/fuzz log new seeds=()
    log=$out/$name.log new=$out/corpus/$name
    mkdir -p "$new" "$out/findings"
    [ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")
    if "$out/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$out/findings/$name-" "$new" "${seeds[@]}" >"$log" 2>&1; then
        printf '%-20s ok    %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
        return 0
    fi
    printf '%-20s FAILED: see %s\n' "$name" "$log"
    grep -m 3 -E 'ERROR|SUMMARY|runtime error' "$log" || tail -n 3 "$log"
    return 1
}

verb_main() {
    local seconds=60 names=() name path failed=0 running=0
    while [ $# -gt 0 ]; do
        case $1 in
        --seconds)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "--seconds wants a number, not: ${2:-nothing}"
            seconds=$2
            shift
            ;;
        -*) die "fuzz takes no such option: $1 (./build.sh fuzz --help)" ;;
        *) names+=("${1#fuzz_}") ;;
        esac
        shift
    done
    if [ ${#names[@]} = 0 ]; then
        for path in tests/fuzz/fuzz_*.c; do
            path=${path##*/fuzz_}
            names+=("${path%.c}")
        done
    fi
    lock_build
    prepare_c
    need_fuzzing
    for name in "${names[@]}"; do
        [ -e "tests/fuzz/fuzz_$name.c" ] || die "no such fuzz target: tests/fuzz/fuzz_$name.c"
    done
    step 'compile the fuzz targets' make_c fuzz
    unlock_build
    say "fuzzing ${#names[@]} targets, $seconds s each"
    for name in "${names[@]}"; do
        if [ "$running" -ge "$JOBS" ]; then
            wait -n || failed=1
            running=$((running - 1))
        fi
        fuzz_one "$name" "$seconds" &
        running=$((running + 1))
    done
    while [ "$running" -gt 0 ]; do
        wait -n || failed=1
        running=$((running - 1))
    done
    [ $failed = 0 ] || die "there are findings in build/fuzz/findings"
}
