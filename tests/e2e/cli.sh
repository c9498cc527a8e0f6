#!/usr/bin/env bash
# The host tool by itself: its command line, its completion, and its backends
# against stand-ins for the emulator (fake_vm.c) and for nitro-cli.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

VERBS='run ps stop console push pull exec ctl logs top events gateway attest verify'
STATE=$XDG_RUNTIME_DIR/casemate
FAKE_VM=$ROOT/build/e2e/fake_vm
mkdir -p "$WORK/emulator" "$WORK/bin"
for program in qemu-system-x86_64 vhost-device-vsock; do cp "$FAKE_VM" "$WORK/emulator/$program"; done
export CASEMATE_EMULATOR=$WORK/emulator
printf '.eif and no more' >"$WORK/web.eif"
IMG=$WORK/web.eif

# also NAME PATTERN: what the last command said matches that as well.
also() {
    if grep -qE -- "$2" "$WORK/said"; then ok "$1"; else not_ok "$1" "wanted '$2', said: $(said)"; fi
}

# until_line FILE LINE: waits until FILE, which grows, has LINE; not for ever.
until_line() { timeout 60 tail -F -n +1 "$1" 2>/dev/null | grep -qx -- "$2"; }

# --- help and wrong use
gives no-verb 2 '^usage: casemate VERB' casemate
gives help 0 '^  exec ' casemate help
gives version 0 '^casemate [0-9]+\.[0-9]+\.[0-9]+$' casemate --version
same version-of-both "$(casemate --version)" "$("$IMAGE" --version | sed 's/-image//')"
gives no-such-verb 2 '^casemate: there is no verb frob' casemate frob
gives help-no-such-verb 2 '^casemate: there is no verb frob' casemate help frob
for verb in $VERBS; do
    gives "help-$verb" 0 "^usage: casemate $verb " casemate "$verb" --help
    also "help-$verb-has-examples" '^examples:$'
    same "help-$verb-is-help" "$(casemate help "$verb")" "$(casemate "$verb" -h)"
    [ "$verb" = exec ] && status=125 || status=2
    gives "$verb-unknown-option" "$status" "^casemate: $verb: unknown option --bogus; see casemate $verb --help$" \
        casemate "$verb" --bogus
    gives "$verb-unknown-letter" "$status" "^casemate: $verb: unknown option -Z; " casemate "$verb" -Z
    [ "$verb" = ps ] || gives "$verb-no-operand" "$status" "^casemate: $verb: needs " casemate "$verb"
done
gives run-no-value 2 'option --name needs a value' casemate run --name
gives run-too-much 2 'needs one IMAGE' casemate run a b
gives run-publish 2 'HOST:ENCLAVE' casemate run -p 8443 "$IMG"
gives gateway-publish 2 'HOST:ENCLAVE' casemate gateway -p 8443:0 web
gives gateway-allow 2 'numeric address' casemate gateway --allow localhost web
gives gateway-tun-no-enclave 1 'no enclave is named web|needs root|needs /dev/net/tun|needs the program nft' casemate gateway --tun web
gives run-network-none 2 'leaves nothing' casemate run --network none -p 1:1 web.eif
gives gateway-no-address 1 'this host has no such address' casemate gateway -p 192.0.2.7:0:80 web
gives gateway-no-enclave 1 'no enclave is named web' casemate gateway -p 0:1 web
gives run-cpus 2 -- casemate run --cpus 0 "$IMG"
gives run-memory 2 'a number of MiB' casemate run --memory 1G "$IMG"
gives run-backend 2 'emulator or nitro' casemate run --backend kvm "$IMG"
gives run-name 2 'are a name' casemate run --name ../x "$IMG"
gives run-debug-value 2 'takes no value' casemate run --debug=1 "$IMG"
gives stop-time 2 'a number of seconds' casemate stop --time x web
gives ps-operand 2 'takes no web' casemate ps web
gives push-no-colon 2 'TARGET:PATH' casemate push "$IMG" web
gives pull-two-enclaves 2 'from one enclave' casemate pull a:/x b:/y "$WORK"
gives exec-no-command 125 'needs a command' casemate exec web
gives exec-bare-dashes 125 'needs a command' casemate exec web --
gives exec-detach-tty 125 'neither -i nor -t' casemate exec -d -t web true
gives exec-bad-env 125 'K=V' casemate exec -e =x web true
gives exec-not-a-target 125 'not a target' casemate exec 'a b' true
gives ctl-no-word 2 'needs TARGET and what to do' casemate ctl web
gives ctl-unknown-word 2 'there is no ctl TARGET halt;' casemate ctl web halt
gives ctl-target-behind 2 'the TARGET stands first: casemate ctl web status;' casemate ctl status web
gives ctl-start-nothing 2 'start needs one SERVICE' casemate ctl web start
gives ctl-stop-two 2 'stop needs one SERVICE' casemate ctl web stop a b
gives ctl-signal-one 2 'signal needs SERVICE and SIGNAL' casemate ctl web signal a
gives ctl-signal-unknown 2 'signal FROB: a name like TERM' casemate ctl web signal a FROB
gives ctl-signal-32 2 'a number from 1 to 31' casemate ctl web signal a 32
gives ctl-shutdown-more 2 'shutdown needs nothing behind it' casemate ctl web shutdown a
gives ctl-json 2 'json is for status' casemate ctl --json web start a
gives ctl-no-wait 2 'no-wait is for start' casemate ctl --no-wait web status
gives ctl-time 2 'time is for shutdown and reboot' casemate ctl --time 5 web status
gives ctl-time-word 2 'a number of seconds' casemate ctl -t x web reboot
gives ctl-bad-service 2 'A: not a service.s name' casemate ctl web start A
gives ctl-status-bad-service 2 'a b: not a service.s name' casemate ctl web status 'a b'
gives ctl-no-enclave 1 'no enclave is named web' casemate ctl web status
gives ctl-reboot-no-enclave 1 'no enclave is named web' casemate ctl web reboot
gives ctl-reboot-vsock 1 'vsock:16 was not started by casemate run: shut it down, and start it again where' casemate ctl vsock:16 reboot
gives ctl-reboot-unix 1 'unix:/x was not started by casemate run' casemate ctl unix:/x reboot
gives logs-tail 2 'tail x: a number of lines' casemate logs --tail x web
gives logs-since 2 'since yesterday: a time like' casemate logs --since yesterday web
gives logs-bad-service 2 'W: not a service.s name' casemate logs web W
# shellcheck disable=SC2046
gives logs-many-services 2 's17: an enclave has at most 16 services' casemate logs web $(seq -f s%g 17)
gives logs-no-enclave 1 'no enclave is named web' casemate logs web
gives events-since 2 'since 10: a time like' casemate events --since 10 web
gives events-two 2 'needs one TARGET' casemate events a b
gives top-count 2 'n 0: a number from 1' casemate top -n 0 web
gives top-delay 2 'delay 0: a number of seconds' casemate top --delay 0 web
gives top-no-enclave 1 'no enclave is named web' casemate top web
gives exec-vsock-word 125 'needs a number' casemate exec vsock:x true
gives exec-no-socket 125 'unix:/nowhere: cannot connect.*No such file' casemate exec unix:/nowhere true
gives push-no-enclave 1 'no enclave is named web' casemate push "$IMG" web:/x
gives stop-no-enclave 1 'no enclave is named web' casemate stop web
gives console-no-enclave 1 'no enclave is named web' casemate console web
gives run-no-image 1 'cannot read the image .*No such file' casemate run "$WORK/nothing.eif"
gives run-not-an-image 1 'is not an enclave image' casemate run "$0"
gives run-folder 1 'is not an enclave image' casemate run "$WORK"
truncate -s 40M "$WORK/large.eif" && printf .eif | dd of="$WORK/large.eif" conv=notrunc status=none
gives run-small-memory 1 'large.eif needs more than --memory 64: the image has 40 MiB' casemate run --memory 64 "$WORK/large.eif"
CASEMATE_EMULATOR=$WORK/none gives run-no-emulator 1 "$WORK/none/qemu-system-x86_64.*build.sh build" casemate run "$IMG"
same nothing-is-left .lock "$(ls -A "$STATE")"

gives pull-no-destination 2 'DST is empty' casemate pull web:/x ''

# --- what is printed does not arrive; what is known of an enclave cannot be kept
to_full() {
    local name=$1
    shift
    gives "$name" 1 'standard output: No space left on device$' sh -c '"$@" >/dev/full' sh "$@"
}
to_full help-to-full casemate help
to_full verb-help-to-full casemate push --help
to_full ps-to-full casemate ps --json
to_full version-to-full casemate --version
to_full image-help-to-full "$IMAGE" --help
to_full image-version-to-full "$IMAGE" --version
to_full run-to-full casemate run --name printed "$IMG"
to_full stop-to-full casemate stop --time 0 printed
mkdir "$WORK/full"
# shellcheck disable=SC2016 # the inner shell's
gives run-without-space 1 'full/casemate/web/info[.a-z]*: No space left on device$' unshare -m sh -c '
    mount -t tmpfs -o size=64k,mode=700 tmpfs "$1" && head -c 100000 /dev/zero >"$1/fill" 2>/dev/null
    XDG_RUNTIME_DIR=$1 casemate run "$2"
    status=$?
    [ "$(ls -A "$1/casemate")" = .lock ] || echo "left: $(ls -A "$1/casemate")"
    exit $status' sh "$WORK/full" "$IMG"
also run-without-space-ends-it 'web did not start: what is known of it cannot be kept$'
check run-without-space-leaves-nothing sh -c '! grep -q ^left: "$1"' sh "$WORK/said"

# --- the emulator: ready, ps, console, names
gives run 0 '^casemate: run: web ready after [0-9]+\.[0-9][0-9] s$' casemate run "$IMG"
same run-prints-the-name web-2 "$(casemate run "$IMG" 2>/dev/null)"
gives run-name-taken 1 'web is there already' casemate run --name web "$IMG"
same ps-names 'web web-2' "$(casemate ps -q | tr '\n' ' ' | sed 's/ $//')"
gives ps 0 "^web +web.eif +emulator +2 +256M +running .*unix:$STATE/web/vm.sock$" casemate ps
casemate ps --json >"$WORK/ps.json"
check ps-json python3 -c '
import json, sys
a = json.load(open(sys.argv[1]))
assert [e["name"] for e in a] == ["web", "web-2"], a
e = a[0]
assert e["state"] == "running" and e["backend"] == "emulator" and e["memory_mib"] == 256, e
assert e["image"] == sys.argv[2] and e["cpus"] == 2 and e["debug"] is False and e["uptime_s"] >= 0, e
assert e["target"].startswith("unix:/") and e["pid"] > 1, e
' "$WORK/ps.json" "$IMG"
casemate console web >"$WORK/console"
check console-has-lines grep -qx 'console line 30' "$WORK/console"
check console-without-returns sh -c '! grep -q "$(printf "\r")" "$1"' sh "$WORK/console"
check heartbeat-echoed grep -qx 'beat b7 answered' "$WORK/console"
check qemu-machine grep -q -- "-M nitro-enclave,vsock=c,id=web .*-kernel $IMG -m 256M -smp 2 " "$WORK/console"
gives no-channel 125 'nobody answers on port 7000' casemate exec web true
gives unix-target-no-channel 125 'nobody answers on port 7000' casemate exec "unix:$STATE/web/vm.sock" true
gives memory-and-cpus 0 '' casemate run --name big --cpus 3 --memory 777 "$IMG"
check memory-and-cpus-passed sh -c 'casemate console big | grep -q -- "-m 777M -smp 3 "'
gives debug-shows-console 0 '^console line 30$' casemate run --debug --name dbg "$IMG"
# one line says all: nobody takes the request
gives stop-nobody 0 'dbg cannot be asked, since its channel is off or it is not up yet: ending its machine' casemate stop dbg
same stop-nobody-is-one-line '2 dbg' "$(grep -c . "$WORK/said") $(tail -n 1 "$WORK/said")"
gives stop-several 0 '^web-2$' casemate stop --time 0 web big web-2
same stopped-leave-nothing '' "$(casemate ps -q)"
gives stopped-has-no-last-console 1 'no enclave is named web' casemate console web

# --- the emulator: stop
FAKE=stop check run-stop casemate run "$IMG"
gives stop-asked 0 '^web$' casemate stop web
same stop-asked-silently web "$(cat "$WORK/said")"
FAKE=deny check run-deny casemate run "$IMG"
gives stop-denied 0 'web refuses to shut down: denied: locked' casemate stop web
FAKE=mute check run-mute casemate run "$IMG"
gives stop-mute 0 'web gives no answer' casemate stop --time 1 web

# --- the emulator: ctl
FAKE=stop check run-shutdown casemate run "$IMG"
gives ctl-shutdown 0 '^web$' casemate ctl web shutdown
same ctl-shutdown-stopped '' "$(casemate ps -q)"
PORT=$(free_port)
gives run-port-twice 1 'another -p has this port' casemate run --name again -p "$PORT:1" -p "$PORT:2" "$IMG"
FAKE=stop check run-reboot casemate run --name again --cpus 3 --memory 777 -p "$PORT:8443" -p '[::1]:0:80' "$IMG"
known() { casemate ps --json | python3 -c 'import json, sys
for e in json.load(sys.stdin): print(*[e[k] for k in ("name", "image", "cpus", "memory_mib", "ports", "debug", "state")])'; }
before=$(known) pid=$(casemate ps --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["pid"])')
FAKE=stop gives ctl-reboot 0 'again ready after' casemate ctl again reboot
same ctl-reboot-is-the-same "$before" "$(known)"
check ctl-reboot-is-another ended "$pid"
check ctl-reboot-passes sh -c 'casemate console again | grep -q -- "-m 777M -smp 3 "'
FAKE=crash gives ctl-reboot-refused 1 'again did not start' casemate ctl again reboot --time 0
same ctl-reboot-leaves-nothing '' "$(casemate ps -q)"
FAKE=stop check run-moved casemate run "$WORK/web.eif"
mv "$WORK/web.eif" "$WORK/moved.eif"
gives ctl-reboot-no-image 1 'cannot read the image .*web.eif' casemate ctl web reboot
mv "$WORK/moved.eif" "$WORK/web.eif"
gives stop-one-missing 1 'no enclave is named gone' casemate stop gone

# --- the emulator: what goes wrong
FAKE=crash gives run-crash 1 'web did not start: qemu-system-x86_64 failed \(status 1\)' casemate run "$IMG"
same crash-shows-20-lines '11 30' "$(grep -o 'console line [0-9]*' "$WORK/said" | sed -n '1s/.* //p;$s/.* //p' | tr '\n' ' ' | sed 's/ $//')"
gives crash-keeps-console 0 '^console line 1$' casemate console web
FAKE=quit gives run-quit 1 'ended before its heartbeat' casemate run "$IMG"
FAKE=no-vhost gives run-no-vhost 1 'vhost-device-vsock ended at once' casemate run "$IMG"
also no-vhost-says-why 'vhost-device-vsock: vhost: no memory for queues'
FAKE=wrong gives run-wrong-heartbeat 0 'ready after' casemate run "$IMG"
check wrong-heartbeat-refused sh -c 'casemate console web | grep -qx "beat b6 refused"'
check stop-wrong casemate stop --time 0 web
same failed-leave-nothing '' "$(casemate ps -q)"

# An enclave that ends by itself: `console -f` shows all and ends with it.
FAKE=lost-vhost check run-lost casemate run --name lost "$IMG"
casemate console -f lost >"$WORK/console" 2>&1
check lost-follow-ends grep -q 'console line 30' "$WORK/console"
gives lost-last-console 0 'lost has ended; its last console' casemate console lost
gives lost-ctl 1 'lost has ended; casemate console lost shows' casemate ctl lost status
gives lost-exec 125 'lost has ended; casemate console lost shows' casemate exec lost true
gives lost-stop 1 'lost has ended; casemate console lost shows' casemate stop lost
gives lost-reboot 1 'lost has ended; casemate console lost shows' casemate ctl lost reboot

# 20 MiB of console are cut to the last 4 to 8, and -f loses none of the end.
FAKE=chatter check run-chatter casemate run --name loud "$IMG"
casemate console -f loud >"$WORK/console" &
follower=$!
until_line "$WORK/console" 'the end'
check chatter-followed grep -qx 'the end' "$WORK/console"
casemate console loud >"$WORK/console2"
check chatter-is-bounded test "$(stat -c %s "$WORK/console2")" -le 9000000
check chatter-keeps-the-end sh -c 'tail -n 1 "$1" | grep -qx "the end"' sh "$WORK/console2"
check stop-chatter casemate stop --time 0 loud
wait "$follower"
same follower-ends 0 $?

# Interrupted before it is ready: nothing is left.
FAKE=silent casemate run --debug "$IMG" >"$WORK/silent" 2>&1 &
runner=$!
until_line "$WORK/silent" 'console line 30'
same booting booting "$(casemate ps --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["state"])')"
monitor=$(casemate ps --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["pid"])')
kill -TERM "$runner"
wait "$runner"
check interrupted-monitor-ends ended "$monitor"
same interrupted-leaves-nothing '' "$(casemate ps -q)"

# The monitor is killed: its children die with it, the name is free again.
check run-killed casemate run --name dead "$IMG"
monitor=$(casemate ps --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["pid"])')
children=$(cat "/proc/$monitor/task/$monitor/children")
kill -KILL "$monitor"
for child in $children; do check killed-monitor-takes-children ended "$child"; done
gives dead-is-shown 0 '^dead .* dead ' casemate ps
for command in 'ctl dead status' 'logs dead' 'top dead' 'events dead' "push $IMG dead:/x" "pull dead:/x $WORK/x" 'exec dead true'; do
    [ "${command%% *}" = exec ] && status=125 || status=1
    # shellcheck disable=SC2086 # words
    gives "dead-is-said-${command%% *}" $status \
        "casemate: ${command%% *}: dead has ended: its process $monitor was killed; casemate console dead shows" casemate $command
done
gives dead-console 0 '^console line 30$' casemate console dead
check dead-name-is-free casemate run --name dead "$IMG"
check stop-dead casemate stop --time 0 dead

# Twenty at once, from the same image: twenty names.
for _ in $(seq 20); do casemate run "$IMG" >>"$WORK/names" 2>>"$WORK/errors" & done
wait
same twenty-at-once 20 "$(sort -u "$WORK/names" | wc -l)"
# shellcheck disable=SC2046
check stop-twenty casemate stop --time 0 $(casemate ps -q)
same twenty-leave-nothing '' "$(ls "$STATE")"

# --- nitro-cli
cat >"$WORK/bin/nitro-cli" <<'END'
#!/bin/sh
# Keeps one enclave: its name in $WORK/nitro.name, its process in $WORK/nitro.pid.
echo "$*" >>"$WORK/nitro.args"
case $1 in
run-enclave)
    [ "$NITRO" != fails ] || { echo '[ E39 ] Enclave process connection failure' >&2; exit 39; }
    [ "$NITRO" != odd ] || { echo '{"EnclaveCID": "x"}'; exit 0; }
    sleep 1000 >/dev/null 2>&1 &
    echo $! >"$WORK/nitro.pid"
    echo 'Start allocating memory...' >&2
    printf '{\n  "EnclaveName": "n",\n  "EnclaveID": "i-0-enc7",\n  "ProcessID": %s,\n  "EnclaveCID": 4294900000\n}\n' $! ;;
describe-enclaves)
    if [ -e "$WORK/nitro.pid" ]; then echo '[{"EnclaveID": "i-0-enc7"}]'; else echo '[]'; fi ;;
terminate-enclave)
    [ "$2 $3" = '--enclave-id i-0-enc7' ] || exit 1
    kill "$(cat "$WORK/nitro.pid")"
    rm "$WORK/nitro.pid" ;;
console) echo "console of $3" ;;
esac
END
chmod +x "$WORK/bin/nitro-cli"
export WORK PATH=$WORK/bin:$PATH
end_fake_nitro() {
    [ ! -e "$WORK/nitro.pid" ] || kill "$(cat "$WORK/nitro.pid")"
    rm -f "$WORK/nitro.pid"
}
trap 'end_fake_nitro; finish' EXIT
nitro_args() { tail -n 1 "$WORK/nitro.args"; }

gives nitro-run 0 'real ready after' casemate run --backend nitro --name real --cpus 4 --memory 512 "$IMG"
same nitro-run-arguments "run-enclave --eif-path $IMG --cpu-count 4 --memory 512 --enclave-name real" "$(nitro_args)"
gives nitro-ps 0 '^real +web.eif +nitro +4 +512M +running .*vsock:4294900000$' casemate ps
gives nitro-ps-json 0 '"enclave_id":"i-0-enc7"' casemate ps --json
gives nitro-console 1 'only when it was run with --debug' casemate console real
gives nitro-name-taken 1 'real is there already' casemate run --backend nitro --name real "$IMG"
gives nitro-exec 125 'casemate: exec: real: ' casemate exec real true
gives nitro-stop 0 '^real$' casemate stop --time 0 real
same nitro-stop-arguments 'terminate-enclave --enclave-id i-0-enc7' "$(nitro_args)"
same nitro-stopped '' "$(casemate ps -q)"
gives nitro-debug 0 'dbg ready after' casemate run --backend nitro --name dbg --debug "$IMG"
same nitro-debug-arguments "run-enclave --eif-path $IMG --cpu-count 2 --memory 256 --enclave-name dbg --debug-mode" "$(nitro_args)"
gives nitro-debug-console 0 'console of i-0-enc7' casemate console dbg
gives nitro-reboot 0 'dbg ready after' casemate ctl dbg reboot --time 0
same nitro-reboot-arguments "run-enclave --eif-path $IMG --cpu-count 2 --memory 256 --enclave-name dbg --debug-mode" "$(nitro_args)"
check nitro-reboot-stop casemate stop --time 0 dbg
check nitro-run-ports casemate run --backend nitro --name ports -p "$PORT:8443" "$IMG"
for i in 1 2 3; do gives "nitro-reboot-ports-$i" 0 "lead there: 127.0.0.1:$PORT->8443" casemate ctl ports reboot --time 0; done
check nitro-stop-ports casemate stop --time 0 ports
gives nitro-debug-again 0 'dbg ready after' casemate run --backend nitro --name dbg --debug "$IMG"
end_fake_nitro
gives nitro-gone 0 '^dbg .* dead ' casemate ps
gives nitro-exec-gone 125 'dbg has ended: nitro-cli does not list it' casemate exec dbg true
gives nitro-stop-gone 0 '^dbg$' casemate stop dbg
NITRO=fails gives nitro-fails 1 'run-enclave failed \(status 39\).*it said' casemate run --backend nitro "$IMG"
also nitro-fails-says-why 'E39.*connection failure'
NITRO=odd gives nitro-odd 1 'did not say EnclaveID' casemate run --backend nitro "$IMG"
PATH=${PATH#"$WORK/bin:"} gives nitro-missing 1 'is it installed and in PATH' casemate run --backend nitro "$IMG"
same nitro-leaves-nothing '' "$(casemate ps -q)"

# --- completion: complete WORD... is what bash offers for the last word
complete_() {
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _casemate; printf "%s\n" "${COMPREPLY[@]}"' bash "$ROOT/tools/casemate/completion.bash" casemate "$@" | sort | tr '\n' ' ' | sed 's/ $//'
}
cd "$WORK" || exit 1
mkdir -p comp/deep && touch comp/file.eif comp/file.txt && cd comp || exit 1
check run-completion casemate run --name web "$IMG"
same complete-verbs "$(echo $VERBS help | tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/ $//')" "$(complete_ '')"
same complete-verb 'pull push' "$(complete_ pu)"
same complete-ctl 'web' "$(complete_ ctl '')"
same complete-ctl-word 'shutdown signal start status stop' "$(complete_ ctl -t 5 web s)"
same complete-logs 'web' "$(complete_ logs --tail 5 '')"
same complete-top 'web' "$(complete_ top -n 5 '')"
same complete-option '--backend' "$(complete_ run --b)"
same complete-backend 'emulator nitro' "$(complete_ run --backend '')"
same complete-image 'deep file.eif' "$(complete_ run '')"
same complete-name 'web' "$(complete_ exec -i w)"
same complete-stop 'web' "$(complete_ stop '')"
same complete-push-source 'file.eif file.txt' "$(complete_ push "fi")"
same complete-push-target 'web:' "$(complete_ push file.txt w)"
same complete-pull-source 'web:' "$(complete_ pull w)"
same complete-pull-destination 'deep file.eif file.txt' "$(complete_ pull web:/x '')"
for verb in $VERBS; do
    for option in $(casemate "$verb" --help | grep -o -- '^  .*' | grep -o -- '--[a-z][a-z-]*' | sort -u); do
        case " $(complete_ "$verb" --) " in
        *" $option "*) ;;
        *) not_ok "complete-$verb$option" "the completion does not know it" ;;
        esac
    done
done
check stop-completion casemate stop --time 0 web

done_testing
