#!/usr/bin/env bash
# The launcher in the emulator: services with every kind of readiness, in their
# order, confined as the manifest says; services that crash, do not end, fork
# without end, print without end, take all memory; who looks and who controls.
# shellcheck disable=SC2016 # what is in quotes is for a shell in the enclave
# shellcheck disable=SC2317 # until_true calls them
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

demo_image "$WORK/unused.eif" # for its root
cp "$ROOT/build/e2e/service" "$WORK/root/bin/"
chmod 1777 "$WORK/root/data"

# services_image NAME: $WORK/NAME.eif of the root, with a manifest from stdin.
services_image() {
    cat >"$WORK/$1.yaml"
    "$IMAGE" build --from "$WORK/root" --manifest "$WORK/$1.yaml" -o "$WORK/$1.eif" >"$WORK/said" 2>&1 || {
        not_ok "build-$1" "$(said)"
        done_testing
    }
}
in_box() { "$CASEMATE" exec box -- /bin/sh -c "$1"; }
# field NAME SERVICE FIELD: of its status.
field() {
    "$CASEMATE" ctl "$1" status --json "$2" | python3 -c 'import json, sys
print(json.load(sys.stdin)[0][sys.argv[1]])' "$3"
}
is() { [ "$(field "$1" "$2" "$3")" = "$4" ]; }
# events NAME SERVICE: its events, a word each, oldest first.
events() {
    "$CASEMATE" events "$1" | python3 -c 'import json, sys
for line in sys.stdin:
    e = json.loads(line)
    if e["event"] != "log" and e["service"] == (sys.argv[1] or None):
        print(e["event"] + (": " + e["text"] if e["text"] else ""))' "$2"
}
# event NAME SERVICE PATTERN, logged NAME SERVICE PATTERN: there is such a line.
event() { events "$1" "$2" | grep -E -- "$3"; }
logged() { "$CASEMATE" logs "$1" "$2" 2>&1 | grep -E -- "$3"; }
# order NAME EVENT: the services, in the order of their first such event.
order() {
    "$CASEMATE" events "$1" | python3 -c 'import json, sys
seen = []
for line in sys.stdin:
    e = json.loads(line)
    if e["event"] == sys.argv[1] and e["service"] and e["service"] not in seen:
        seen.append(e["service"])
print(*seen)' "$2"
}
# Others go on: a new session works, and the one that ticks ticks.
others_go_on() {
    local before
    alive box "$1-exec-works"
    before=$(in_box 'cat /tmp/tick')
    check "$1-others-go-on" until_true in_box "test \$(cat /tmp/tick) -gt $before"
    check "$1-first-is-ready" is box first state ready
}

# is_new NAME SERVICE FIELD OLD: that has changed to something, and it is ready.
is_new() { is "$1" "$2" state ready && ! is "$1" "$2" "$3" "$4" && ! is "$1" "$2" "$3" 0; }

services_image box <<'YAML'
channel: open
services:
  first:
    command: [sh, -c, 'echo first begins; while ! test -e /tmp/first; do sleep 0.05; done; sleep 1000000']
    ready: {exec: [test, -e, /tmp/first]}
  web:
    command: [httpd, -f, -p, "8080", -h, /data]
    requires: [first]
    ready: {tcp: 8080}
  notify:
    command: [service, notify, /tmp/notify]
    after: [web]
    ready: {notify: true}
  once:
    command: [sh, -c, 'echo done once; echo and an error >&2']
    restart: on-failure
    after: [notify]
  jail:
    command: [sh, -c, 'echo pid $$ of $(ls -d /proc/[0-9]* | wc -l); id; touch /x; touch /data/y && echo wrote data; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status; cat; echo -1 >/proc/self/oom_score_adj; echo oom_score_adj $(cat /proc/self/oom_score_adj); kill -TERM $$; exec sleep 1000000']
    own-pids: true
    read-only: true
    writable: [/data]
    user: app
    directory: /data
    environment: {GREETING: 'a b'}
    stop-timeout: 200ms
  root:
    command: [sh, -c, 'grep -E "^(CapEff|CapBnd|NoNewPrivs|SigIgn|SigBlk)" /proc/self/status; cat /dev/nsm; echo 1 >/proc/sys/vm/drop_caches; echo max >/sys/fs/cgroup/root/pids.max; echo $$ >/sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/root/x; service escape /sys/fs/cgroup; service escape /sys/fs/cgroup/first; mount -t tmpfs x /tmp; ls /proc/self/fd | wc -l; env | sort; exec sleep 1000000']
    processes: 77
    memory: 24M
  few:
    command: [sh, -c, 'touch /dev/x; echo >/dev/null && echo has devices; grep ^CapEff /proc/self/status; exec sleep 1000000']
    capabilities: [CHOWN]
    own-pids: true
    read-only: true
  tick:
    command: [sh, -c, 'echo only line; n=0; while :; do n=$((n+1)); echo $n >/tmp/t; mv /tmp/t /tmp/tick; sleep 0.05; done']
    restart: always
  crash:
    command: [sh, -c, 'test -e /tmp/go-crash || exec sleep 1000000; echo crashing >&2; exit 3']
    restart: always
    restart-pause: 1ms
    start-limit: 5
  deaf:
    command: [sh, -c, 'trap "" TERM; (trap "" TERM; sleep 1000001) & sleep 1000002']
    stop-timeout: 300ms
  bomb:
    command: [sh, -c, 'test -e /tmp/go-bomb || exec sleep 1000000; exec service bomb']
    processes: 64
    restart: on-failure
    ready: {exec: ["true"]}
  flood:
    command: [sh, -c, 'test -e /tmp/go-flood || exec sleep 1000000; service print 500000; echo end of flood; exec sleep 1000000']
    log-size: 64K
    console: false
  hog:
    command: [sh, -c, 'test -e /tmp/go-hog || exec sleep 1000000; exec service eat 3']
    memory: 16M
    restart: on-failure
    start-limit: 3
  orphans:
    command: [service, orphans, "300"]
  holder:
    command: [sh, -c, 'test -e /tmp/go-holder || exec sleep 1000000; exec service holder']
    console: false
  late:
    command: [sleep, "1000000"]
    ready: {exec: [sh, -c, 'echo no answer yet; exit 4']}
    start-timeout: 3s
    restart: on-failure
    start-limit: 2
YAML
start box "$WORK/box.eif" --memory 256
gives look-at-once 3 '^notify +waiting' "$CASEMATE" ctl box status # the launcher may only begin
port=$(free_port)
"$CASEMATE" gateway box -p "$port:8443" >"$WORK/gateway.log" 2>&1 &
health() { curl -sSk --max-time 30 -o "$WORK/health" -w '%{http_code}' "https://127.0.0.1:$port/health"; }
health_is() { [ "$(health)" = "$1" ]; }
measured=("$WORK/describe" --allow-emulated)
"$IMAGE" eif describe "$WORK/box.eif" >"$WORK/describe"
untouched() { "$CASEMATE" attest box --measurements "${measured[@]}" --untouched; }

# --- looking is no touch, whatever is looked at
check health-is-503-before until_true health_is 503
gives untouched-at-first 0 'none since it booted' untouched
gives status 3 '^first +starting' "$CASEMATE" ctl box status
check waits-for-first is box web state waiting
check waits-for-web is box notify state waiting
gives logs 0 '^first begins$' "$CASEMATE" logs box first
gives look-no-such-service 1 'not found' "$CASEMATE" logs box nosuch
gives top 0 '^tick ' "$CASEMATE" top --delay 1 box
check events-are-lines "$CASEMATE" events box
gives untouched-after-looks 0 'none since it booted' untouched
gives signal-is-refused 1 'conflict|does not run' "$CASEMATE" ctl box signal web TERM
gives control-is-a-touch 1 'touch' untouched
# it is touched, and otherwise to be believed: the log with it leads to the head
gives control-is-in-the-log 0 '' "$CASEMATE" attest box --measurements "${measured[@]}"

# --- readiness and order
check first-becomes-ready in_box 'touch /tmp/first'
check web-follows until_true is box web state ready
check notify-has-started until_true is box notify state starting
check once-waits is box once state waiting
check notify-status until_true event box notify 'status: warming up'
gives still-503 0 '^503$' health
check notify-may in_box 'touch /tmp/notify'
check once-follows until_true is box once state "done"
same foreign-notify-does-not-count '' "$(events box notify | grep 'not mine')"
same order-of-the-chain 'first web notify' "$(order box ready | tr ' ' '\n' | grep -xE 'first|web|notify' | xargs)"
gives once-said 0 '^done once$' "$CASEMATE" logs box once
same once-starts 1 "$(field box once starts)"
check reload "$CASEMATE" ctl box reload notify
check reloaded until_true event box notify 'status: again'
same reload-events 'starting ready busy ready' "$(events box notify | grep -v status | xargs)"
# a check may still be at it, the first, when the machine has much to do
same late-gives-up 'starting stopping ended: was not ready in time starting stopping ended: was not ready in time failed: it was started too often' \
    "$(until_true is box late state failed && events box late | sed 's/; its check .*//' | xargs)"
gives late-says-what-its-check-came-to 0 'in time; its check exited with status 4: no answer yet$' events box late
gives late-is-on-the-console 0 'late: was not ready in time; its check exited with status 4: no answer yet' \
    "$CASEMATE" console box
gives health-names-it 0 '^503$' health
check late-is-named grep -q 'a service is not ready' "$WORK/health"

# --- confinement
check jail-has-said-all until_true logged box jail '^oom_score_adj'
"$CASEMATE" logs box jail >"$WORK/jail" 2>&1
gives jail-pid 0 '^pid 1 of [1-4]$' grep '^pid 1 of' "$WORK/jail"
gives jail-user 0 '^uid=1000\(app\) gid=1000\(app\) groups=6\(disk\)' cat "$WORK/jail"
gives jail-read-only 0 'touch: /x: Read-only file system' cat "$WORK/jail"
gives jail-writable 0 '^wrote data$' cat "$WORK/jail"
gives jail-no-capabilities 0 '^CapEff:.0000000000000000$' cat "$WORK/jail"
gives jail-no-new-privileges 0 '^NoNewPrivs:.1$' cat "$WORK/jail"
gives jail-is-not-spared 0 '^oom_score_adj 0$' cat "$WORK/jail"
same jail-belongs-to-app 1000 "$(in_box 'stat -c %u /data/y')"
check jail-survives-its-own-term is box jail state ready
check root-has-said-all until_true logged box root '^SHLVL'
"$CASEMATE" logs box root >"$WORK/root.log" 2>&1
gives root-capabilities 0 '^CapEff:.00000000000005fb$' cat "$WORK/root.log"
gives root-bounding 0 '^CapBnd:.00000000000005fb$' cat "$WORK/root.log"
gives root-no-new-privileges 0 '^NoNewPrivs:.1$' cat "$WORK/root.log"
gives root-signals-as-new 0 '^SigIgn:.0000000000000000$' cat "$WORK/root.log"
gives root-no-nsm 0 "can't open '/dev/nsm': No such file" cat "$WORK/root.log"
gives root-no-sysctl 0 '/proc/sys/vm/drop_caches: Read-only' cat "$WORK/root.log"
gives root-no-limits 0 '/sys/fs/cgroup/root/pids.max: Read-only' cat "$WORK/root.log"
gives root-no-escape 0 '/sys/fs/cgroup/cgroup.procs: Read-only' cat "$WORK/root.log"
gives root-no-child-in-the-root-group 0 'escape to /sys/fs/cgroup: Function not implemented' cat "$WORK/root.log"
gives root-no-child-in-another-group 0 'escape to /sys/fs/cgroup/first: Function not implemented' cat "$WORK/root.log"
gives root-no-subgroup 0 "can't create directory '/sys/fs/cgroup/root/x': Read-only" cat "$WORK/root.log"
gives root-no-mounts 0 'mount: .*(denied|not permitted)' cat "$WORK/root.log"
same root-descriptors 4 "$(grep -xE '[0-9]+' "$WORK/root.log")"
same root-environment "HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PWD=/ SHLVL=1" \
    "$(grep -E '^[A-Z]+=' "$WORK/root.log" | xargs)"
same root-limits '77 25165824' "$(in_box 'cat /sys/fs/cgroup/root/pids.max /sys/fs/cgroup/root/memory.max' | xargs)"
check few-capabilities until_true logged box few '^CapEff:.0000000000000001$'
gives few-cannot-change-dev 0 'touch: /dev/x: Read-only file system' "$CASEMATE" logs box few
gives few-has-devices 0 '^has devices$' "$CASEMATE" logs box few

# --- control
gives start-of-one-that-runs 0 '' "$CASEMATE" ctl box start tick
gives no-such-service 1 'not found' "$CASEMATE" ctl box start nosuch
pid=$(field box tick pid)
check signal "$CASEMATE" ctl box signal tick KILL
check restarted-by-policy until_true is_new box tick pid "$pid"
gives ended-by-signal 0 'ended: ended by signal 9' events box tick
check stop-of-a-required-one "$CASEMATE" ctl box stop first
same stopped-and-who-requires-it 'stopped waiting ready' "$(field box first state) $(field box web state) $(field box notify state)"
same stop-order 'web first' "$(order box stopping | tr ' ' '\n' | grep -xE 'first|web' | xargs)"
check start-takes-the-required-with-it "$CASEMATE" ctl box start web
check first-is-back is box first state ready
starts=$(field box web starts)
check restart-of-a-required-one "$CASEMATE" ctl box restart first
check web-restarts-too until_true is_new box web starts "$starts"
same web-restarts-once $((starts + 1)) "$(field box web starts)"
same restart-says-nothing '' "$("$CASEMATE" ctl box restart web 2>&1)"
same restart-at-once-says-nothing '' "$("$CASEMATE" ctl box restart web 2>&1)"

# --- one that crashes in a loop
in_box 'touch /tmp/go-crash'
check crash-begins "$CASEMATE" ctl box restart --no-wait crash
check crash-gives-up until_true is box crash state failed
gives crash-loop 0 'failed: it was started too often' events box crash
same crash-starts 6 "$(field box crash starts)"
same crash-state 'failed exited 3' "$(field box crash state) $(field box crash end) $(field box crash end_status)"
same crash-output 5 "$("$CASEMATE" logs box crash 2>&1 | grep -c crashing)"
in_box 'rm /tmp/go-crash'
check crash-can-be-started "$CASEMATE" ctl box start crash
others_go_on crash

# --- one that does not end, and its child
check deaf-is-killed "$CASEMATE" ctl box stop deaf
gives deaf-ended 0 'ended: ended by signal 9' events box deaf
gives deaf-left-nothing 1 '' in_box 'ps | grep -E "sleep 100000[12]" | grep -v grep'

# --- one that forks without end
in_box 'touch /tmp/go-bomb'
check bomb-starts "$CASEMATE" ctl box restart --no-wait bomb
check bomb-is-full until_true is box bomb tasks 64
others_go_on bomb
check bomb-is-stopped "$CASEMATE" ctl box stop bomb
same bomb-left-nothing 0 "$(in_box 'ps | grep "service bomb" | grep -vc grep')"
same bomb-no-tasks 0 "$(field box bomb tasks)"

# --- one that fills its log
rss() { in_box "grep VmRSS /proc/$1/status" | tr -dc 0-9; }
launcher() { in_box 'pidof launch'; }
before=$(rss "$(launcher)")
in_box 'touch /tmp/go-flood'
"$CASEMATE" ctl box restart flood >"$WORK/said" 2>&1
check flood-ends until_true logged box flood '^end of flood$'
same flood-counted $((500000 * 64 + 13)) "$(field box flood output)"
kept=$(($(field box flood output) - $(field box flood dropped)))
check flood-is-bounded test $kept -le 65536
check flood-is-kept test $kept -ge 32768
same flood-last-lines "$(printf 'line %058d\n' 499998 499999)" "$("$CASEMATE" logs box flood 2>/dev/null | tail -n 3 | head -n 2)"
gives flood-says-what-is-lost 0 'bytes' "$CASEMATE" logs box flood
gives flood-leaves-others 0 '^only line$' "$CASEMATE" logs box tick
check flood-launcher-is-bounded test "$(rss "$(launcher)")" -le $((before + 128))
others_go_on flood

# --- one that takes all its memory
in_box 'touch /tmp/go-hog'
"$CASEMATE" ctl box restart --no-wait hog >"$WORK/said" 2>&1
check hog-gives-up until_true is box hog state failed
same hog-ended 'out of memory 3' "$(field box hog end) $(field box hog out_of_memory)"
same hog-events 3 "$(events box hog | grep -c 'ended: ended for want of memory')"
same hog-left-nothing 0 "$(field box hog tasks)"
others_go_on hog

# --- what others leave behind
check orphans until_true logged box orphans 'all gone'
# one that has just ended may still wait for its parent: none stays
no_zombies() { [ "$(in_box 'grep -h ^State: /proc/[0-9]*/status 2>/dev/null | grep -c Z')" = 0 ]; }
check no-zombies until_true no_zombies
in_box 'touch /tmp/go-holder'
"$CASEMATE" ctl box restart --no-wait holder >"$WORK/said" 2>&1
check holder-ends until_true is box holder state "done"
same holder-left-nothing 0 "$(in_box 'ps | grep "service holder" | grep -vc grep')"
# a session holds the pipe of one that ends: nobody waits for it
in_box 'exec 3>/proc/$(pidof httpd)/fd/1; echo held; exec sleep 1000003' >"$WORK/held" &
check pipe-is-held until_true grep -q held "$WORK/held"
check restart-with-a-held-pipe "$CASEMATE" ctl box restart web

# --- hostile requests
"$PYTHON" "$ROOT/tests/e2e/services_hostile.py" "$(vm_socket box)" || FAILED=1

# --- /metrics
curl -sSk --max-time 30 "https://127.0.0.1:$port/metrics" >"$WORK/metrics"
check metrics-state grep -q '^casemate_service_state{service="first"} 5$' "$WORK/metrics"
check metrics-starts grep -q '^casemate_service_starts{service="once"} 1$' "$WORK/metrics"
check metrics-ooms grep -q '^casemate_service_out_of_memory{service="hog"} 3$' "$WORK/metrics"
in_box 'rm /tmp/go-*'
for name in hog bomb deaf; do "$CASEMATE" ctl box start "$name" >"$WORK/said" 2>&1; done
"$CASEMATE" ctl box start --no-wait late >"$WORK/said" 2>&1
until_true is box late state failed
"$CASEMATE" ctl box stop late >"$WORK/said" 2>&1

# --- the launcher is killed: all begins anew, and nothing is left of before
old=$(launcher)
pids=$("$CASEMATE" ctl box status --json | python3 -c 'import json, sys
print(*(s["pid"] for s in json.load(sys.stdin) if s["pid"]))')
check launcher-is-killed in_box 'kill -9 $(pidof launch)'
launcher_is_new() { new=$(launcher) && [ "$new" != "$old" ] && is box web state ready; }
check launcher-is-back until_true launcher_is_new
check nothing-is-left in_box "for pid in $pids; do test ! -e /proc/\$pid || exit 1; done"
same launcher-deaths '' "$("$CASEMATE" console box | grep 'launch: ended by' | sed 1,3d)"
same events-begin-again starting "$(events box "" | head -n 1)"
alive box after-the-launcher

# --- the channel is killed: services do not notice
pid=$(field box web pid)
in_box 'kill -9 $(pidof channel)' >"$WORK/said" 2>&1
check channel-is-back until_true "$CASEMATE" exec box -- /bin/true
same services-did-not-notice "$pid" "$(field box web pid)"

# --- after all of that
rss1=$(rss 1)
check pid1-is-small test "$rss1" -lt 1024
printf '# PID 1: %s KiB, launcher: %s KiB\n' "$rss1" "$(rss "$(launcher)")"
same no-crash '' "$("$CASEMATE" console box | grep -E 'segfault|Oops|Kernel panic|ended by signal (4|6|7|8|11|31)' | head -n 3)"
check stop "$CASEMATE" stop box

# --- an image that admits no exec: it is refused, and that is no touch
services_image quiet <<'YAML'
channel: open
allow: [look, stop]
services:
  app: {command: [sleep, "1000000"]}
  chatter: {command: [service, chatter], ready: {notify: true}}
YAML
start quiet "$WORK/quiet.eif"
"$IMAGE" eif describe "$WORK/quiet.eif" >"$WORK/describe"
gives exec-is-denied 125 'denied' "$CASEMATE" exec quiet -- /bin/true
gives control-is-denied 1 'denied' "$CASEMATE" ctl quiet restart app
gives pull-is-denied 1 'denied' "$CASEMATE" pull quiet:/etc/passwd "$WORK/passwd"
gives look-is-not 0 '^app +ready' "$CASEMATE" ctl quiet status app
check ready-among-a-flood-of-words until_true is quiet chatter state ready
check others-beside-it is quiet app state ready
gives no-touch-by-the-refused 0 'none since it booted' \
    "$CASEMATE" attest quiet --allow-emulated --measurements "$WORK/describe" --untouched
check quiet-stops "$CASEMATE" stop quiet

# --- the end: in the order of dependencies, each by its signal
services_image end <<'YAML'
channel: open
services:
  db:
    command: [sh, -c, 'trap "echo db ends; exit 0" USR1; echo db is set; while :; do sleep 0.05; done']
    stop-signal: USR1
  app:
    command: [sh, -c, 'trap "sleep 0.3; echo app ends; exit 0" TERM; echo app is set; while :; do sleep 0.05; done']
    requires: [db]
  front:
    command: [sh, -c, 'trap "sleep 0.3; echo front ends; exit 0" INT; echo front is set; while :; do sleep 0.05; done']
    after: [app]
    stop-signal: INT
YAML
start end "$WORK/end.eif"
check end-ready until_true is end front state ready
"$CASEMATE" events -f end >"$WORK/events" 2>"$WORK/events.err" &
look=$!
for name in db app front; do check "end-looker-$name" until_true grep -q "$name is set" "$WORK/events"; done
check end-stop "$CASEMATE" stop end
status=0
wait $look || status=$?
same end-looker-status 0 $status
check end-looker-saw grep -q '"event":"terminated"' "$WORK/events"
same end-order 'front app db' "$(sed -n 's/.*"text":"\([a-z]*\) ends\\n".*/\1/p' "$WORK/events" | xargs)"

# --- the main service, for good
services_image last <<'YAML'
channel: open
main: app
services:
  other: {command: [sleep, "1000000"]}
  app: {command: [sh, -c, 'echo app runs; test -e /tmp/twice && exit 0; touch /tmp/twice; exit 4'], restart: on-failure, restart-pause: 1ms}
YAML
"$CASEMATE" run --name last "$WORK/last.eif" >"$WORK/said" 2>&1
while "$CASEMATE" ps -q | grep -qx last; do "$CASEMATE" console -f last >/dev/null 2>&1; done
same main-ran-twice 2 "$("$CASEMATE" console last | grep -c '^app runs')"
gives main-ended 0 'stopping: the main service has ended' "$CASEMATE" console last

# --- or not, and with what it requires
services_image keep <<'YAML'
channel: open
main: app
when-main-ends: keep
services:
  db: {command: [sh, -c, 'while ! test -e /tmp/go; do sleep 0.05; done; exit 1']}
  app: {command: [sleep, "1000000"], requires: [db]}
  nothing: {command: [/no/such/command]}
YAML
start keep "$WORK/keep.eif"
check keep-app until_true is keep app state ready
"$CASEMATE" exec keep -- touch /tmp/go
check keep-db-fails until_true is keep db state failed
check keep-app-fails-with-it until_true is keep app state failed
gives start-without-execution 1 \
    '^casemate: ctl: nothing ended: exited with status 127: cannot execute /no/such/command: No such file or directory$' \
    "$CASEMATE" ctl keep start nothing
same start-tells-what-is-new 1 "$(grep -c 'nothing ended' "$WORK/said")"
gives keep-why 0 'failed: one that it requires has failed' events keep app
alive keep keep-stays
check keep-stops "$CASEMATE" stop keep
done_testing
