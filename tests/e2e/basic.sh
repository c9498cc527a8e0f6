#!/usr/bin/env bash
# Boots the image and drives it as an operator does: measurements, exec in all
# its forms, ps, console, stop.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

boot box

# --- measurements: what PID 1 reads from the security module is what describe says
"$IMAGE" eif describe "$WORK/demo.eif" >"$WORK/describe"
"$CASEMATE" console box >"$WORK/console"
for i in 0 1 2; do
    wanted=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["Measurements"][sys.argv[2]])' "$WORK/describe" "PCR$i")
    same "pcr$i-is-described" "$wanted" "$(sed -n "s/.*PCR$i \([0-9a-f]\{96\}\).*/\1/p" "$WORK/console")"
done

run_in() { "$CASEMATE" exec box -- "$@"; }

# --- statuses
gives exec-output 0 '^hello$' run_in /bin/echo hello
gives exec-status 42 '' run_in /bin/sh -c 'exit 42'
gives exec-signalled 137 '' run_in /bin/sh -c 'kill -9 $$'
gives exec-not-found 127 'casemate: exec: box: not found: /no/such' run_in /no/such
gives exec-not-found-in-path 127 'not found: nosuch' run_in nosuch
gives exec-not-executable 126 'not executable: /etc/passwd' run_in /etc/passwd
gives exec-folder 126 'not executable: /data' run_in /data
gives exec-no-enclave 125 'casemate: exec: no enclave is named nobody' "$CASEMATE" exec nobody -- true
gives exec-no-user 127 "not found: user 'nobody'" "$CASEMATE" exec -u nobody box -- id
gives exec-no-folder 127 "working directory '/nowhere'" "$CASEMATE" exec -w /nowhere box -- id

# --- how a command is started
gives exec-user 0 'uid=1000\(app\) gid=1000\(app\) groups=6\(disk\)' "$CASEMATE" exec -u app box -- id
gives exec-user-group 0 '^uid=1000\(app\) gid=6\(disk\)$' "$CASEMATE" exec -u app:disk box -- id
gives exec-user-number 0 '^uid=4711 gid=0' "$CASEMATE" exec -u 4711 box -- id
gives exec-env 0 '^b c$' "$CASEMATE" exec -e 'A=b c' box -- sh -c 'echo "$A"'
gives exec-home 0 '^/data$' "$CASEMATE" exec -u app box -- sh -c 'echo $HOME'
gives exec-home-of-root 0 '^/root -$' run_in sh -c 'echo "$HOME ${USER:--}"'
gives exec-user-variable 0 '^app$' "$CASEMATE" exec -u app box -- sh -c 'echo "$USER"'
gives exec-home-of-a-number 0 '^1000 0 / -$' "$CASEMATE" exec -u 1000:0 box -- \
    sh -c 'echo "$(id -u) $(id -g) $HOME ${USER:--}"'
gives exec-home-given 0 '^/x$' "$CASEMATE" exec -u app -e HOME=/x box -- sh -c 'echo "$HOME"'
gives exec-no-group 127 "not found: group of 'app:nosuch'" "$CASEMATE" exec -u app:nosuch box -- id
gives exec-user-malformed 125 'USER or USER:GROUP' "$CASEMATE" exec -u app: box -- id
# names are looked up in what there is of the two files
run_in mv /etc/passwd /etc/passwd-
gives exec-no-passwd 127 "not found: user 'app'" "$CASEMATE" exec -u app box -- id
gives exec-no-passwd-group 0 '^uid=1000 gid=6' "$CASEMATE" exec -u 1000:disk box -- id
run_in sh -c 'mkdir /etc/passwd'
gives exec-passwd-folder 125 "user 'app': conflict: '/etc/passwd' is no regular file" "$CASEMATE" exec -u app box -- id
run_in sh -c 'rmdir /etc/passwd && head -c 1048577 /dev/zero >/etc/passwd'
gives exec-passwd-endless 125 "over a limit: '/etc/passwd' has more than" "$CASEMATE" exec -u app box -- id
gives exec-by-numbers 0 '^uid=1000' "$CASEMATE" exec -u 1000:1000 box -- id
run_in mv -f /etc/passwd- /etc/passwd
gives exec-env-twice 0 '^A=2$' sh -c '"$1" exec -e A=1 -e A=2 box -- env | grep ^A=' sh "$CASEMATE"
same exec-env-once 1 "$("$CASEMATE" exec -e A=1 -e A=2 box -- env | grep -c ^A=)"
gives exec-env-from-here 0 '^here$' env A=here "$CASEMATE" exec -e A box -- sh -c 'echo "$A"'
gives exec-path 0 '^PATH=/usr/local/sbin:/usr/local/bin:' run_in env
gives exec-path-given 127 'not found: id' "$CASEMATE" exec -e PATH=/nowhere box -- id
gives exec-term 0 '^dumb' env TERM=dumb "$CASEMATE" exec -t box -- sh -c 'echo "$TERM"'
gives exec-no-term 0 '^xterm' env -u TERM "$CASEMATE" exec -t box -- sh -c 'echo "$TERM"'
gives exec-signals-as-new 0 '^SigBlk:.0+ SigIgn:.0+ $' run_in \
    sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status | tr "\n" " "'
gives exec-workdir 0 '^/bin$' "$CASEMATE" exec -w /bin box -- pwd
gives exec-cwd 0 '^/$' run_in pwd
gives exec-fds 0 '^4$' run_in sh -c 'ls /proc/self/fd | wc -l'
gives exec-no-nsm 1 'No such file' run_in ls /dev/nsm
gives exec-no-new-privileges 0 'NoNewPrivs:.1' run_in grep NoNewPrivs /proc/self/status
# root in the app's root is not PID 1's user, so that it cannot set its limits
gives pid1-is-another-user 0 '^Uid:.901.901.904.901$' run_in grep '^Uid:' /proc/1/status
gives pid1-not-readable 1 '' run_in readlink /proc/1/exe
gives pid1-not-reniced 1 '' run_in renice -n 19 -p 1
gives detached-segments-end 0 '^1$' run_in cat /proc/sys/kernel/shm_rmid_forced
gives open-files-are-not-counted 0 '^9223372036854775807$' run_in cat /proc/sys/fs/file-max
# what the kernel does not take of these it drops, and says so there
gives files-can-be-watched 0 ' / overlay [^ ]*index=on,uuid=on,nfs_export=on' run_in cat /proc/mounts

# --- streams
run_in sh -c 'echo out; echo err >&2' >"$WORK/out" 2>"$WORK/err"
same exec-stdout out "$(cat "$WORK/out")"
same exec-stderr err "$(cat "$WORK/err")"
head -c 10485760 /dev/urandom >"$WORK/in"
"$CASEMATE" exec -i box -- cat <"$WORK/in" >"$WORK/out" 2>"$WORK/said"
check exec-cat-10MiB cmp "$WORK/in" "$WORK/out"
gives exec-stdin-early-close 0 '^5$' sh -c '"$1" exec -i box -- head -c 5 <"$2" | wc -c' sh "$CASEMATE" "$WORK/in"
gives exec-no-stdin 0 '^0$' sh -c 'echo text | "$1" exec box -- cat | wc -c' sh "$CASEMATE"
gives exec-sigpipe 141 '' bash -c '"$1" exec box -- yes | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"' sh "$CASEMATE"

# --- signals: SIGTERM to the tool reaches the command
mkfifo "$WORK/ready"
"$CASEMATE" exec box -- sh -c 'trap "echo caught; exit 7" TERM; echo ready; while :; do sleep 1; done' \
    >"$WORK/ready" 2>"$WORK/err" &
pid=$!
exec 5<"$WORK/ready"
read -r line <&5
same exec-signal-ready ready "$line"
kill -TERM $pid
read -r line <&5
exec 5<&-
wait $pid
same exec-signal-status 7 $?
same exec-signal-caught caught "$line"

# --- terminal: `script` gives the tool one
gives exec-tty 0 '^24 80.$' "$CASEMATE" exec -t box -- stty size
gives exec-tty-size 0 '31 77' script -qec 'stty rows 31 cols 77; casemate exec -it box -- stty size' /dev/null
gives exec-tty-kind 0 '/dev/pts/' "$CASEMATE" exec -t box -- tty
gives exec-tty-typing 0 'got typed' bash -c 'exec 5< <(while ! grep -q ready "$1" 2>/dev/null; do :; done; echo typed; cat)
    script -qec "casemate exec -it box -- sh -c \"echo ready; read x; echo got \\\$x\"" /dev/null <&5 | tee "$1"' sh "$WORK/typing"
gives exec-tty-needs-one 125 'needs a terminal' "$CASEMATE" exec -it box -- true

# --- detach: its output goes nowhere, it goes on
check exec-detach "$CASEMATE" exec -d box -- sh -c 'echo lost; mkfifo /tmp/f; echo here >/tmp/f'
gives exec-detached-runs 0 '^here$' run_in sh -c 'while ! test -p /tmp/f; do :; done; cat /tmp/f'

# --- a connection that is cut ends the command: SIGHUP
mkfifo "$WORK/started"
"$CASEMATE" exec box -- sh -c 'trap "echo hup >/tmp/hup; exit" HUP; echo started; while :; do sleep 1; done' \
    >"$WORK/started" 2>/dev/null &
pid=$!
read -r line <"$WORK/started"
kill -KILL $pid
wait $pid 2>/dev/null
gives exec-cut-hangs-up 0 '^hup$' run_in sh -c 'while ! test -s /tmp/hup; do :; done; cat /tmp/hup'

# --- the tool's other verbs
gives ps 0 '^box .*running' "$CASEMATE" ps
gives ps-json 0 '"name": ?"box"' "$CASEMATE" ps --json
gives console 0 'manifest: channel open' "$CASEMATE" console box
gives name-taken 1 'box' "$CASEMATE" run --name box "$WORK/demo.eif"
check stop "$CASEMATE" stop box
same stopped "" "$("$CASEMATE" ps -q)"
# shellcheck disable=SC2010 # names of ours
same nothing-left "" "$(ls -A "$XDG_RUNTIME_DIR/casemate" | grep -vE '^\.(last|lock)$')"

# --- the main command, and the end of the enclave with it
demo_image "$WORK/main.eif" /bin/sh -c 'echo main command; exit 3'
"$CASEMATE" run --name main "$WORK/main.eif" >"$WORK/said" 2>&1
while "$CASEMATE" ps -q | grep -qx main; do "$CASEMATE" console -f main >/dev/null 2>&1; done
gives main-command-ran 0 'main command' "$CASEMATE" console main
gives main-command-ended 0 'app: exited with status 3' "$CASEMATE" console main

# --- channel off: nobody is served
"$IMAGE" build --from "$WORK/root" --channel off -o "$WORK/off.eif" -- /bin/sleep 100000 >/dev/null 2>&1
"$CASEMATE" run --name off "$WORK/off.eif" >"$WORK/said" 2>&1 || not_ok boot-off "$(said)"
gives channel-off 125 'casemate: exec: off: ' "$CASEMATE" exec off -- true
gives channel-off-stop 0 'off cannot be asked, since its channel is off' "$CASEMATE" stop off
same channel-off-stop-is-one-line '2 off' "$(grep -c . "$WORK/said") $(tail -n 1 "$WORK/said")"

# --- the smallest memory of the budgets is enough: every role has started, and a command runs
check boot-40-mib "$CASEMATE" run --name small --memory 40 "$WORK/demo.eif"
gives exec-40-mib 0 '^small$' "$CASEMATE" exec small -- echo small
check stop-40-mib "$CASEMATE" stop small

# --- an image that is damaged does not boot
cp "$WORK/demo.eif" "$WORK/bad.eif"
printf X | dd of="$WORK/bad.eif" bs=1 seek=100000 conv=notrunc status=none
gives damaged-image 1 '' "$CASEMATE" run --name bad "$WORK/bad.eif"

done_testing
