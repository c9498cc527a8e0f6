#!/usr/bin/env bash
# The one door to the project: sets the machine up, builds, tests, measures.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC0
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$ROOT"
# shellcheck source=tools/build/common.sh
. tools/build/common.sh

usage() {
    cat <<'EOF'
usage: ./build.sh VERB [options]        (./build.sh VERB --help says more)

  build    everything: kernel, /init, host tools, emulator
  demo     build, boot the image in the emulator, push, exec, pull, compare
  test     unit tests, vectors, and the real image end to end
  bench    measure the budgets and write build/bench.json
  fuzz     run the fuzz targets
  lint     compiler warnings, static analysis, formatting, arrows between folders
  release  build for publication, with a pinned compiler; or rebuild and compare
  lock     refresh the pins of sources and compiler, and show what changed
  clean    remove build/ (and with --all the cache)

Sources, the emulator and built kernels are kept in CASEMATE_CACHE
(default ~/.cache/casemate); with it filled, building needs no network.
EOF
}

verb=${1:-}
[ $# -gt 0 ] && shift
case $verb in
build | demo | test | bench | fuzz | lint | release | lock | clean)
    # shellcheck source=/dev/null
    . "tools/build/verb-$verb.sh"
    case ${1:-} in
    -h | --help) verb_help ;;
    *) verb_main "$@" ;;
    esac
    ;;
'' | help | -h | --help) usage ;;
*)
    usage >&2
    die "no such verb: $verb"
    ;;
esac
