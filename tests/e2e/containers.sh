#!/usr/bin/env bash
# Real images, made here by tools that are not ours, become enclaves: a Debian
# service (mmdebstrap, umoci), busybox behind an entrypoint script (docker save's
# archive by skopeo), a Python program in further layers over the first. Each boots,
# serves, comes back after a kill, and ends cleanly when it is told to stop. The
# first is built once more with another Debian release's libraries.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$WORK" || exit 1
IMAGES=$ROOT/tests/e2e/images
for tool in mmdebstrap umoci skopeo rsync; do
    command -v $tool >/dev/null || { skip containers "$tool is not there" && done_testing; }
done
[ "$(id -u)" = 0 ] || { skip containers 'only root can make a Debian root' && done_testing; }

# --- the roots, all at once
makers=()
for root in web python other; do
    "$IMAGES/roots.sh" $root >"$root.root" 2>"$root.said" &
    makers+=($!)
done
for pid in "${makers[@]}"; do
    status=0
    wait "$pid" || status=$?
    case $status in
    0) ;;
    75) skip containers 'no Debian mirror answers, and CASEMATE_CACHE has no roots yet' && done_testing ;;
    *) not_ok roots "$(cat ./*.said)" && done_testing ;;
    esac
done
ok roots

# --- the images
# layer IMAGE DIR: DIR's content, everything root's, as a further layer.
layer() { tar -C "$2" --owner=0 --group=0 -cf layer.tar . && umoci raw add-layer --image "$1" layer.tar; }

web_image() {
    umoci init --layout web
    umoci new --image web:it
    umoci raw add-layer --image web:it "$(cat web.root)"
    mkdir -p web.files/etc/lighttpd web.files/var/www/html
    cp "$IMAGES/web.conf" web.files/etc/lighttpd/lighttpd.conf
    echo 'served by Debian' >web.files/var/www/html/index.html
    layer web:it web.files
    umoci config --image web:it --config.stopsignal SIGINT --config.exposedports 80/tcp \
        --config.entrypoint lighttpd --config.cmd -D --config.cmd -f --config.cmd /etc/lighttpd/lighttpd.conf
}
box_image() {
    mkdir -p box.files/{bin,etc,tmp,www}
    cp "$BUSYBOX" box.files/bin/busybox
    "$BUSYBOX" --list | grep -vx busybox | while read -r applet; do ln -s busybox "box.files/bin/$applet"; done
    printf 'root:x:0:0::/:/bin/sh\nwww:x:101:102::/www:/bin/sh\n' >box.files/etc/passwd
    printf 'root:x:0:\nwww:x:102:\n' >box.files/etc/group
    echo 'served by busybox' >box.files/www/index.html
    cp "$IMAGES/entry.sh" box.files/
    umoci init --layout box
    umoci new --image box:it
    layer box:it box.files
    umoci config --image box:it --config.entrypoint /entry.sh --config.cmd /www --config.user www \
        --config.env PORT=8080
    skopeo copy -q oci:box:it docker-archive:box.tar:box:1
}
# What a file with "FROM web" would do: the web server goes, Python comes.
python_image() {
    cp -r web python
    umoci unpack --image python:it bundle
    mkdir python.files
    tar -C python.files -xf "$(cat python.root)"
    rsync -aHX --delete python.files/ bundle/rootfs/
    umoci repack --refresh-bundle --image python:it bundle
    cp "$IMAGES/app.py" bundle/rootfs/srv/
    rm -r bundle/rootfs/usr/share/perl5 bundle/rootfs/usr/share/info
    umoci repack --image python:it bundle
    umoci config --image python:it --clear config.entrypoint --clear config.cmd --clear config.exposedports \
        --config.stopsignal SIGTERM --config.entrypoint python3 --config.cmd /srv/app.py \
        --config.user 1000:1000 --config.workingdir /srv
}
for name in web box python; do
    # Not in a condition: there bash ignores set -e.
    (
        set -e
        ${name}_image
    ) >said 2>&1
    status=$?
    [ $status = 0 ] || { not_ok image-$name "$(said)" && done_testing; }
    ok image-$name
done
check python-takes-files-away bash -c 'for blob in python/blobs/sha256/*; do tar -tzf "$blob"; done 2>/dev/null |
    grep -qx "usr/sbin/.wh.lighttpd"'

# --- built, and by another machine the same
for from in web box.tar python; do
    name=${from%.tar}
    check "build-$name" "$IMAGE" build --from $from --name $name --manifest "$IMAGES/$name.yaml" -o $name.eif
done
# packages NAME: what its inventory found in dpkg's database.
packages() {
    "$PYTHON" -c 'import json, sys
print(*(c["name"] for c in json.load(open(sys.argv[1]))["components"]))' "$1.cdx.json"
}
gives web-inventory 0 '(^| )lighttpd( |$)' packages web
gives python-inventory 0 '(^| )python3-minimal( |$)' packages python
check python-inventory-without bash -c '! grep -q lighttpd python.cdx.json'
cp "$IMAGES/web.yaml" web/
gives build-elsewhere 0 PCR2 "$IMAGES/elsewhere.sh" "$WORK/elsewhere" web \
    build --from /tmp/web --name web --manifest /tmp/web/web.yaml -o /out/web.eif
check build-elsewhere-same cmp web.eif elsewhere/out/web.eif

# --- each of them lives
# state NAME KEY...: of its only service.
state() {
    "$CASEMATE" ctl --json "$1" status | "$PYTHON" -c 'import json, sys
service = json.load(sys.stdin)[0]
print(*(service[key] for key in sys.argv[1:]))' "${@:2}"
}
# again NAME: it runs for the second time, and is ready.
again() { [ "$(state "$1" starts state)" = '2 ready' ]; }
# logged NAME OUT ERR: each is there by now; servers write their logs when they please.
logged() { "$CASEMATE" logs "$1" >out 2>err && grep -qE -- "$3" err && { [ -z "$2" ] || grep -qE -- "$2" out; }; }

# lives NAME MEMORY OUT ERR LAST: FETCH and KILL, with a process after it, are commands
# for in there, SERVED what FETCH prints. OUT is on standard output alone, ERR on standard
# error alone; LAST is said after it was told to stop.
lives() {
    local name=$1 out=$3 err=$4 last=$5 pid watcher
    "$CASEMATE" run --name "$name" --memory "$2" "$name.eif" >said 2>&1 || {
        not_ok "$name-boot" "$(said)"
        "$CASEMATE" console "$name" | tail -n 20
        return
    }
    until_true "$CASEMATE" ctl "$name" status || {
        not_ok "$name-ready" "$(said); $("$CASEMATE" console "$name" | tail -n 5)"
        return
    }
    ok "$name-ready"
    gives "$name-serves" 0 "$SERVED" "$CASEMATE" exec "$name" -- "${FETCH[@]}"
    pid=$(state "$name" pid)
    gives "$name-started-once" 0 '^1 ready 0$' state "$name" starts state end_status
    check "$name-kill" "$CASEMATE" exec "$name" -- "${KILL[@]}" "$pid"
    check "$name-comes-back" until_true again "$name"
    gives "$name-was-killed" 0 '^killed 9$' state "$name" end end_status
    check "$name-is-another" test "${pid:-0}" != "$(state "$name" pid)"
    gives "$name-serves-again" 0 "$SERVED" "$CASEMATE" exec "$name" -- "${FETCH[@]}"

    check "$name-logs" until_true logged "$name" "$out" "$err"
    check "$name-logs-apart" bash -c '! grep -qE -- "${0:-$.}" err && ! grep -qE -- "$1" out' "$out" "$err"

    : >events # not what the one before has left
    "$CASEMATE" events -f "$name" >>events &
    watcher=$!
    check "$name-events" until_true grep -q '"event":"ready"' events
    check "$name-stop" "$CASEMATE" stop --time 60 "$name"
    wait $watcher
    same "$name-events-to-the-end" 0 $?
    check "$name-ends-cleanly" "$PYTHON" "$IMAGES/ended.py" "$name" "$last" events
}

FETCH=(/bin/bash -c 'exec 3<>/dev/tcp/127.0.0.1/80 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && cat <&3')
KILL=(/bin/bash -c 'kill -KILL $0')
SERVED='served by Debian'
# It keeps no standard output.
lives web 104 '' 'server started \(lighttpd' 'server stopped by UID = 0'

FETCH=(/bin/wget -q -O - http://127.0.0.1:8080/) KILL=(/bin/kill -KILL) SERVED='served by busybox'
lives box 48 '^entry: www serves /www on port 8080$' 'response:200' 'entry: ended as told'

FETCH=(/usr/bin/python3 -c 'import socket
s = socket.create_connection(("127.0.0.1", 8000))
s.sendall(b"GET / HTTP/1.0\r\n\r\n")
print(s.makefile().read())')
KILL=(/bin/bash -c 'kill -KILL $0') SERVED='python of [0-9]+, request 1$'
lives python 128 'access: GET / HTTP/1.0' 'warning: this is only a test, user 1000' 'finished after 1 requests'
done_testing
