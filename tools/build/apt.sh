# shellcheck shell=bash
# A private apt: its own lists and sources, derived from the mirror the machine
# already uses, so that sources of newer releases can be fetched without
# touching the machine's configuration. The machine's proxies, certificates and
# keyring apply. Input: the mirror, which is hostile; apt's signatures and the
# SHA-256 in the signed index decide what is believed.

APT_DIR=$CACHE/apt
APT_SUITE=trixie  # minimum versions and pins are met from here
APT_NEWER=sid     # what trixie lacks (vhost-device-vsock)

private_apt() { # PROGRAM ARGUMENTS...
    local program=$1
    shift
    "$program" -q -o Dir::State="$APT_DIR/state" -o Dir::Cache="$APT_DIR/cache" \
        -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::Etc::sourcelist="$APT_DIR/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::Etc::preferences=- -o Dir::Etc::preferencesparts=- \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::http::Timeout=60 \
        -o APT::Sandbox::User=root "$@"
}

# machine_archives: the machine's Debian archives, "main URI" and "security
# URI"; reads the machine's lists once if it has none (a fresh container).
machine_archives() {
    # shellcheck disable=SC2016 # apt's own variables
    local format='$(REPO_URI)|$(RELEASE)|$(CREATED_BY)|$(ORIGIN)|$(COMPONENT)' all uri release
    all=$(apt-get indextargets --format "$format" | grep '|Packages|Debian|main$' || true)
    if [ -z "$all" ]; then
        as_root apt-get -q update >&2
        all=$(apt-get indextargets --format "$format" | grep '|Packages|Debian|main$' || true)
    fi
    while IFS='|' read -r uri release _; do
        case $release in
        *-security*) echo "security $uri" ;;
        *-updates | *-backports* | *-proposed*) ;;
        *) echo "main $uri" ;;
        esac
    done <<<"$all" | sort -u
}

# main_archive: the machine's first Debian archive, with a slash at its end.
main_archive() {
    local main
    main=$(machine_archives | awk '$1 == "main" && !n++ { print $2 }')
    [ -n "$main" ] || { echo "this machine's apt has no Debian archive (apt-get indextargets lists none)" >&2; return 1; }
    echo "${main%/}/"
}

# archive_keyring: Debian's keys; trixie's package names the file otherwise.
archive_keyring() {
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e "$keyring" ] || keyring=${keyring%.gpg}.pgp
    echo "$keyring"
}

write_apt_sources() { # FILE
    local archives main security keyring codename
    archives=$(machine_archives)
    main=$(sed -n 's/^main //p' <<<"$archives" | head -n 1)
    security=$(sed -n 's/^security //p' <<<"$archives" | head -n 1)
    [ -n "$main" ] || { echo "this machine's apt has no Debian archive (apt-get indextargets lists none)"; return 1; }
    keyring=$(archive_keyring)
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    {
        printf "%s [signed-by=$keyring] %s %s main\n" deb "$main" "$APT_SUITE" \
            deb-src "$main" "$APT_SUITE" deb "$main" "$APT_NEWER" deb-src "$main" "$APT_NEWER"
        [ -z "$security" ] || printf "deb-src [signed-by=$keyring] %s %s-security main\n" "$security" "$APT_SUITE"
        [ "$codename" != bookworm ] || printf "deb [signed-by=$keyring] %s bookworm-backports main\n" "$main"
    } >"$1"
}

apt_update() {
    mkdir -p "$APT_DIR/state/lists/partial" "$APT_DIR/cache/archives/partial"
    write_apt_sources "$APT_DIR/sources.list"
    private_apt apt-get --error-on=any update
}

# apt_ready: the private lists are there and were read in this run.
APT_READY=
apt_ready() {
    [ -n "$APT_READY" ] && return 0
    need_packages debian-archive-keyring
    need_space 2
    step "read the package lists of Debian $APT_SUITE" apt_update
    APT_READY=1
}

# apt_origs NAME [VERSION-BEGINS [SUITE]]: every upstream tarball the lists know of
# (with such a version, of that suite and its security archive), newest first, one a
# line: VERSION URI FILE BYTES SHA256. A line comes as soon as it is known.
apt_origs() {
    local version
    private_apt apt-cache madison "$1" | awk -F' *[|] *' -v begins="${2:-}" -v suite="${3:-}" '
        { upstream = $2; sub(/^[0-9]*:/, "", upstream) }
        $3 ~ / Sources$/ && index(upstream, begins) == 1 &&
            (suite == "" || $3 ~ (" " suite "[/-]")) { print $2 }' | sort -uVr |
        while read -r version; do
            private_apt apt-get --print-uris --only-source --download-only source "$1=$version" 2>/dev/null |
                sed -n "s|^'\([^']*\)' \(${1}_\([^ ]*\)\.orig\.tar\.[a-z0-9]*\) \([0-9]*\) SHA256:\([0-9a-f]\{64\}\)\$|\3 \1 \2 \4 \5|p"
        done | awk '!seen[$1]++ { print; fflush() }'
}

# download URI FILE SHA256: FILE appears whole and checked, or not at all. apt's
# own transport, so its proxies and certificates apply.
download() {
    local part
    work_dir
    part=$WORK/$(basename -- "$2")
    rm -f -- "$part"
    private_apt /usr/lib/apt/apt-helper download-file "$1" "$part" "SHA256:$3" || return 1
    [ "$(sha256_of "$part")" = "$3" ] || { echo "$1: SHA-256 is not $3"; return 1; }
    mkdir -p -- "$(dirname -- "$2")" && mv -- "$part" "$2"
}

# apt_deb PACKAGE VERSION-AT-LEAST SUITE... : fetches the package, from the
# first of the suites that is new enough, and prints the path of the .deb.
apt_deb() {
    local package=$1 least=$2 suite version dir
    shift 2
    work_dir
    for suite in "$@"; do
        version=$(private_apt apt-cache madison "$package" |
            awk -F' *[|] *' -v s="$suite/main" '$3 ~ s && $3 ~ /Packages/ { print $2; exit }')
        [ -n "$version" ] || continue
        dpkg --compare-versions "$version" ge "$least" || continue
        dir=$WORK/deb-$package
        mkdir -p "$dir"
        (cd "$dir" && private_apt apt-get download "$package=$version") >&2 || continue
        echo "$dir"/*.deb
        return 0
    done
    echo "no $package of at least version $least in: $*" >&2
    return 1
}
