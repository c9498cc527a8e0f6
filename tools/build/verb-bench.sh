# shellcheck shell=bash
# bench: builds, then hands over to tests/bench/run.
# shellcheck source=tools/build/verb-build.sh
. tools/build/verb-build.sh

verb_help() {
    cat <<'EOF'
usage: ./build.sh bench [argument of tests/bench/run...]

Measures sizes, boot time, transfer rates, memory, the attestation server, the
verifier and the app's network against their budgets and references, and writes build/bench.json. Leave
the machine alone meanwhile.
EOF
}

# The reference of the web server's part. Only the program: installing the package
# would start a server on this machine.
unpack_nginx() {
    work_dir
    mkdir -p "$WORK/nginx" "$CACHE/tools"
    (cd "$WORK/nginx" && apt-get -q download nginx && dpkg-deb -x nginx_*.deb .)
    mv -- "$WORK/nginx/usr/sbin/nginx" "$CACHE/tools/nginx"
}

verb_main() {
    lock_build
    build_all
    need_packages busybox-static cpio iproute2 nftables openssl python3 valgrind wrk
    if command -v nginx >/dev/null; then
        CASEMATE_BENCH_NGINX=$(command -v nginx)
    else
        CASEMATE_BENCH_NGINX=$CACHE/tools/nginx
        [ -x "$CASEMATE_BENCH_NGINX" ] || step 'fetch nginx, a reference' unpack_nginx
    fi
    export CASEMATE_BENCH_NGINX
    step 'compile the measuring programs' make_c sim bench
    unlock_build
    exec tests/bench/run "$@"
}
