#!/usr/bin/env bash
# What `casemate-image build` leaves beside an image: measurements, what it is made of,
# where it comes from; and whether it can be built again from that.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$WORK" || exit 1
check_py=$ROOT/tests/e2e/provenance.py
printf 'quiet\n' >cmdline
head -c 70001 /dev/urandom >kernel
head -c 3001 /dev/urandom >init
small=(--kernel kernel --init init --cmdline cmdline)
all=(x.cdx.json x.eif x.intoto.json x.measurements.json)
files() { (cd "$1" && find . -mindepth 1 -printf "%f\n" | sort | xargs); }
# build OUT OPTION...: the measurements go to OUT's folder as "printed".
build() { "$IMAGE" build "${small[@]}" -o "$@" >printed 2>warned; }
rebuild() { "$IMAGE" rebuild-check "$1" "${small[@]}" "${@:2}"; }

# --- a folder with Debian's database
mkdir -p deb/etc deb/usr/lib deb/var/lib/dpkg/status.d out
printf 'PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="12"\n' >deb/usr/lib/os-release
ln -s ../usr/lib/os-release deb/etc/os-release
cat >deb/var/lib/dpkg/status <<'EOF'
Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.15-2+b7
Description: a shell
 of more than one line

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2:2.36-9
EOF
printf 'Package: base-files\nVersion: 12.4\nArchitecture: all\n' >deb/var/lib/dpkg/status.d/base
printf 'd41d8 etc/x\n' >deb/var/lib/dpkg/status.d/base.md5sums
mkdir -p deb/bin && install -m 755 /dev/null deb/bin/server
check folder-builds build out/x.eif --from deb --version 2 --channel open -- /bin/server 'a b' --name
same folder-files "${all[*]}" "$(files out)"
check measurements-are-what-is-printed cmp printed out/x.measurements.json
same nothing-warned '' "$(cat warned)"
check sbom-of-folder python3 "$check_py" sbom out/x \
    'pkg:deb/debian/base-files@12.4?arch=all&distro=debian-12' \
    'pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12' \
    'pkg:deb/debian/libc6@2:2.36-9?arch=amd64&distro=debian-12'
check statement-of-folder python3 "$check_py" statement out/x folder open 2 /bin/server 'a b' --name
gives provenance-check 0 '^good$' "$IMAGE" provenance-check out/x.eif

# The same bytes elsewhere, and another date only where dates are.
mkdir again dated
(umask 077 && TZ=Asia/Kolkata build again/x.eif --from deb --version 2 --channel open -- /bin/server 'a b' --name)
for f in "${all[@]}"; do check "same-bytes-${f#x.}" cmp "out/$f" "again/$f"; done
SOURCE_DATE_EPOCH=86400 build dated/x.eif --from deb --version 2 --channel open -- /bin/server 'a b' --name
check dated grep -q '"timestamp": "1970-01-02T00:00:00Z"' dated/x.cdx.json
check dated-measures-the-same cmp out/x.measurements.json dated/x.measurements.json
gives rebuild-dated 0 '^same$' rebuild dated/x.eif --from deb

# --- with the parts that are ours, the sources are named instead
"$IMAGE" build --from deb -o again/x.eif >/dev/null 2>said || not_ok builds-with-ours "$(said)"
while read -r name version file _ sha256; do
    case $name in musl | bearssl | libcbor | lwip | linux)
        check "sbom-source-$name" python3 "$check_py" source again/x "$name" "$version" "$file" "$sha256"
        ;;
    esac
done < <(grep -v '^#' "$ROOT/tools/build/lock")
same sbom-sources 5 "$(grep -c '"casemate:source"' again/x.cdx.json)"
same sbom-no-source-of-others 0 "$(grep -c '"casemate:source"' out/x.cdx.json)"
gives rebuild-with-ours 0 '^same$' "$IMAGE" rebuild-check again/x.eif --from deb

# --- built again, from the same and from something else
gives rebuild-same 0 '^same$' rebuild out/x.eif --from deb
same rebuild-leaves-nothing "${all[*]}" "$(files out)"
cp -a deb other
printf 'X' | dd of=other/var/lib/dpkg/status.d/base bs=1 seek=9 conv=notrunc 2>/dev/null
gives rebuild-root-differs 1 'differs, first in the root file system' rebuild out/x.eif --from other
head -c 70001 /dev/urandom >kernel2
printf 'loud\n' >cmdline2
tr a-z b-za <cmdline >cmdline3
head -c 3001 /dev/urandom >init2
gives rebuild-kernel-differs 1 'first in the kernel, ' "$IMAGE" rebuild-check out/x.eif --from deb --kernel kernel2 --init init --cmdline cmdline
gives rebuild-cmdline-differs 1 'first in the command line, which had 5 bytes and now has 4: the first 0 are the same' "$IMAGE" rebuild-check out/x.eif --from deb --kernel kernel --init init --cmdline cmdline2
gives rebuild-cmdline-differs-within 1 'first in the command line, at offset 0 of its [0-9]+ bytes; was it' "$IMAGE" rebuild-check out/x.eif --from deb --kernel kernel --init init --cmdline cmdline3
gives rebuild-init-differs 1 'first in the ramdisk 0' "$IMAGE" rebuild-check out/x.eif --from deb --kernel kernel --init init2 --cmdline cmdline
gives rebuild-absent 1 "--from 'nowhere': No such file" rebuild out/x.eif --from nowhere
same rebuild-failed-leaves-nothing "${all[*]}" "$(files out)"

# altered FROM TO: a copy of the image in bad/ with another word in its statement.
altered() {
    rm -rf bad && cp -r out bad
    sed -i "s|$1|$2|" bad/x.intoto.json
    ! cmp -s out/x.intoto.json bad/x.intoto.json
}
check alter-command altered '"/bin/server"' '"/bin/servex"'
gives rebuild-manifest-differs 1 'first in the manifest' rebuild bad/x.eif --from deb
check alter-version altered '"version": "2"' '"version": "3"'
gives rebuild-metadata-differs 1 'first in the metadata' rebuild bad/x.eif --from deb
check alter-channel altered '"open"' '"opem"'
gives rebuild-bad-channel 1 "channel 'opem'" rebuild bad/x.eif --from deb
check alter-source altered '"folder"' '"oci"'
gives statement-inconsistent 1 'no statement of' "$IMAGE" provenance-check bad/x.eif
check alter-type altered 'slsa.dev/provenance/v1' 'slsa.dev/provenance/v2'
gives statement-other-type 1 'no statement of' "$IMAGE" provenance-check bad/x.eif
check alter-pcr python3 "$check_py" flip out/x.intoto.json bad/x.intoto.json '"PCR2"'
gives statement-wrong-register 1 'wrong about a register' "$IMAGE" provenance-check bad/x.eif
cp out/x.intoto.json bad/ && cp dated/x.eif bad/x.eif
gives statement-of-another 1 'is for another file' "$IMAGE" provenance-check bad/x.eif
rm bad/x.intoto.json
gives statement-absent 1 'x.intoto.json.: No such file' "$IMAGE" provenance-check bad/x.eif
gives image-absent 1 "'nowhere.eif': No such file" "$IMAGE" provenance-check nowhere.eif
gives usage-no-from 2 'from is needed' "$IMAGE" rebuild-check out/x.eif
gives usage-no-image 2 'one image' "$IMAGE" provenance-check

# --- all of them or none
mkdir none none/x.intoto.json
gives one-fails 1 "x.intoto.json': Is a directory" "$IMAGE" build "${small[@]}" --from deb -o none/x.eif
same one-fails-leaves-none x.intoto.json "$(files none)"
rmdir none/x.intoto.json && mkdir none/x.eif
gives image-fails 1 "x.eif': Is a directory" "$IMAGE" build "${small[@]}" --from deb -o none/x.eif
same image-fails-leaves-none x.eif "$(files none)"
rmdir none/x.eif

# --- what no statement can record is refused before anything is read
latin=$'caf\xe9'
nothing=(--kernel nowhere --init nowhere --cmdline nowhere)
gives not-utf8 1 "word 2 of the command, '.*': not UTF-8" "$IMAGE" build "${nothing[@]}" --from deb -o none/x.eif -- /bin/x "$latin"
gives name-not-utf8 1 "name '.*': not UTF-8" "$IMAGE" build "${nothing[@]}" --from deb --name "$latin" -o none/x.eif
gives output-not-utf8 1 "output '.*': not UTF-8" "$IMAGE" build "${nothing[@]}" --from deb -o "none/$latin.eif"
same not-utf8-leaves-none '' "$(files none)"
mkdir "$latin"
check folder-not-utf8 build "$latin/x.eif" --from deb

# --- with a manifest: its text is in the statement
printf 'channel: open\nservices:\n  web: # caf\xc3\xa9\n    command: [/bin/server, "a b"]\n' >app.yaml
sed 's/a b/a c/' app.yaml >app2.yaml
mkdir manifest
check manifest-builds build manifest/x.eif --from deb --manifest <(cat app.yaml)
check manifest-recorded python3 "$check_py" manifest manifest/x app.yaml
gives manifest-check 0 '^good$' "$IMAGE" provenance-check manifest/x.eif
gives manifest-rebuild 0 '^same$' rebuild manifest/x.eif --from deb
gives manifest-rebuild-given 0 '^same$' rebuild manifest/x.eif --from deb --manifest app.yaml
gives manifest-rebuild-other 1 "manifest 'app2.yaml': its SHA-256 is not the recorded" rebuild manifest/x.eif --from deb --manifest app2.yaml
gives manifest-rebuild-absent 1 "manifest 'nowhere.yaml': No such file" rebuild manifest/x.eif --from deb --manifest nowhere.yaml
gives manifest-rebuild-without 1 'was built without one' rebuild out/x.eif --from deb --manifest app.yaml
cp -r manifest bad2 && cp manifest/x.intoto.json recorded.json
sed -i 's/a b/a c/' bad2/x.intoto.json
gives manifest-not-its-digest 1 'no statement of' rebuild bad2/x.eif --from deb
check manifest-altered python3 "$check_py" other-manifest recorded.json bad2/x.intoto.json 'a b' 'a c'
gives manifest-differs 1 'differs, first in the manifest' rebuild bad2/x.eif --from deb
check manifest-spoilt python3 "$check_py" other-manifest recorded.json bad2/x.intoto.json 'command:' 'commend:'
gives manifest-bad 1 "recorded manifest:4:5: service 'web': .*commend" rebuild bad2/x.eif --from deb
same manifest-rebuild-leaves-nothing "${all[*]}" "$(files bad2)"

# --- apk, by two names; and what cannot be read is said
mkdir -p apk/etc apk/usr/lib/apk/db && ln -s usr/lib apk/lib
printf 'ID=alpine\nVERSION_ID=3.20.1\n' >apk/etc/os-release
printf 'C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nF:lib\n\nP:busybox\nV:1.36.1-r29\nA:x86_64\nL:GPL-2.0-only\n\n' >apk/lib/apk/db/installed
check apk-builds build out/x.eif --from apk
check sbom-of-apk python3 "$check_py" sbom out/x 'pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1' \
    'pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1'
check apk-licence grep -q '"name": "GPL-2.0-only"' out/x.cdx.json
printf 'P:odd\nV:1\nL:caf\xe9\n\n' >>apk/lib/apk/db/installed
check licence-not-utf8-builds build out/x.eif --from apk
check licence-not-utf8 python3 "$check_py" sbom out/x 'pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1' \
    'pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1' 'pkg:apk/alpine/odd@1?distro=alpine-3.20.1'
printf 'P:no version\n\n' >>apk/lib/apk/db/installed
check apk-bad-builds build out/x.eif --from apk
check apk-bad-said grep -q "warning: 'lib/apk/db/installed': what is no package .*entries: 1" warned
check apk-bad-incomplete python3 "$check_py" incomplete out/x
mkdir -p big/var/lib/dpkg && truncate -s 65M big/var/lib/dpkg/status
check big-builds build out/x.eif --from big
check big-said grep -q "warning: the packages of 'var/lib/dpkg/status' .* more than 64 MiB" warned
check big-incomplete python3 "$check_py" incomplete out/x

# --- rpm
mkdir -p old/var/lib/rpm rpm/var/lib/rpm && printf 'RpmP' >old/var/lib/rpm/Packages.db
check old-rpm-builds build out/x.eif --from old
check old-rpm-said grep -q "warning: .*'var/lib/rpm/Packages.db' .*only rpm databases of SQLite" warned
check old-rpm-incomplete python3 "$check_py" incomplete out/x
if command -v rpmbuild >/dev/null; then
    printf 'Name: hello\nVersion: 1.2~rc\nRelease: 3.el9\nEpoch: 4\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%%description\nx\n%%files\n' >hello.spec
    rpmbuild -bb --define "_rpmdir $WORK/rpms" --define "_topdir $WORK/top" hello.spec >said 2>&1 &&
        rpm --dbpath "$WORK/rpmdb" --initdb &&
        rpm --dbpath "$WORK/rpmdb" -i --justdb --nodeps --force-debian rpms/noarch/*.rpm >>said 2>&1 || not_ok rpm-made "$(said)"
    cp rpmdb/rpmdb.sqlite rpm/var/lib/rpm/
    mkdir rpm/etc && printf 'ID=fedora\nVERSION_ID=40\n' >rpm/etc/os-release
    before=$(find /tmp -maxdepth 1 -name 'casemate-rpm.*' | wc -l)
    check rpm-builds build out/x.eif --from rpm
    same rpm-nothing-warned '' "$(cat warned)"
    check sbom-of-rpm python3 "$check_py" sbom out/x \
        'pkg:rpm/fedora/hello@1.2~rc-3.el9?arch=noarch&distro=fedora-40&epoch=4'
    same rpm-nothing-left "$before" "$(find /tmp -maxdepth 1 -name 'casemate-rpm.*' | wc -l)"
    head -c 40000 /dev/urandom >rpm/var/lib/rpm/rpmdb.sqlite
    check bad-rpm-builds build out/x.eif --from rpm
    check bad-rpm-said grep -q "warning: .*'var/lib/rpm/rpmdb.sqlite' .*rpm cannot read it" warned
    check bad-rpm-incomplete python3 "$check_py" incomplete out/x
else
    skip rpm 'rpmbuild is not there'
fi
mkdir -p bin rpm/var/lib/rpm && : >rpm/var/lib/rpm/rpmdb.sqlite
mkfs=${CASEMATE_CACHE:-$HOME/.cache/casemate}/tools
check no-rpm-builds env PATH="$WORK/bin" CASEMATE_CACHE="${mkfs%/tools}" "$IMAGE" build "${small[@]}" --from rpm -o out/x.eif
gives no-rpm-said 0 'there is no program rpm: install rpm' \
    env PATH="$WORK/bin" CASEMATE_CACHE="${mkfs%/tools}" "$IMAGE" build "${small[@]}" --from rpm -o out/x.eif

# --- container images: the last layer's database counts
check images-made python3 "$check_py" images .
purls=('pkg:deb/debian/curl@8.0-1?arch=amd64&distro=debian-12' 'pkg:deb/debian/extra@1?distro=debian-12')
mkdir oci save dir
check oci-builds build oci/x.eif --from it.tar --name it --ref it
check sbom-of-oci python3 "$check_py" sbom oci/x "${purls[@]}"
check statement-of-oci python3 "$check_py" statement oci/x oci off 1.0
check statement-oci-digests python3 "$check_py" oci oci/x it.tar
check save-builds build save/x.eif --from save.tar --name it
check sbom-of-save python3 "$check_py" sbom save/x "${purls[@]}"
check save-same-image cmp oci/x.eif save/x.eif
check save-same-sbom cmp oci/x.cdx.json save/x.cdx.json
gives rebuild-oci 0 '^same$' rebuild oci/x.eif --from it.tar
mkdir layout && tar -xf it.tar -C layout
gives rebuild-oci-folder 0 '^same$' rebuild oci/x.eif --from layout
gives rebuild-save 0 '^same$' rebuild save/x.eif --from save.tar
gives rebuild-oci-other 1 'first in the manifest' rebuild oci/x.eif --from other.tar
gives rebuild-oci-ref 1 "no image named 'else'" rebuild oci/x.eif --from it.tar --ref else
same rebuild-oci-leaves-nothing "${all[*]}" "$(files oci)"

# --- signed
openssl ecparam -name secp384r1 -genkey -noout -out key.pem
openssl req -new -x509 -sha384 -key key.pem -subj /CN=me -out cert.pem 2>said || not_ok certificate "$(said)"
openssl req -new -x509 -sha384 -key key.pem -subj /CN=you -out cert2.pem 2>said
mkdir signed
check signed-builds build signed/x.eif --from deb --sign-key key.pem --sign-cert cert.pem
same signed-files 'x.cdx.json x.eif x.intoto.cose x.intoto.json x.measurements.json' "$(files signed)"
check statement-of-signed python3 "$check_py" statement signed/x folder off 1.0
gives signed-check 0 '^good$' "$IMAGE" provenance-check signed/x.eif --cert cert.pem
gives signed-rebuild 0 '^same$' rebuild signed/x.eif --from deb --cert cert.pem
gives signed-rebuild-differs 1 'first in the root' rebuild signed/x.eif --from other
gives signed-other-certificate 1 'carries another certificate' "$IMAGE" provenance-check signed/x.eif --cert cert2.pem
check signed-judged-by-others "$PYTHON" "$check_py" cose signed/x cert.pem
cp signed/x.intoto.cose good.cose
"$PYTHON" "$check_py" flip good.cose signed/x.intoto.cose 'folder'
gives signed-tampered 1 'does not verify' "$IMAGE" provenance-check signed/x.eif --cert cert.pem
head -c 900 good.cose >signed/x.intoto.cose
gives signed-cut 1 'no signed statement' "$IMAGE" provenance-check signed/x.eif --cert cert.pem
build again/x.eif --from deb --sign-key key.pem --sign-cert cert.pem --name b
cp again/x.intoto.cose signed/x.intoto.cose
gives signed-of-another 1 'not the .intoto.json beside it' "$IMAGE" provenance-check signed/x.eif --cert cert.pem
build signed/x.eif --from deb
same unsigned-takes-the-old-seal-away "${all[*]}" "$(files signed)"
gives unsigned-with-cert 1 'x.intoto.cose.: No such file' "$IMAGE" provenance-check signed/x.eif --cert cert.pem
done_testing
