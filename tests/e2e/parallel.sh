#!/usr/bin/env bash
# Many sessions at once, and one very large file through little memory.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

boot box --memory 3072

# --- 200 commands at once, each with its own input and status
mkdir "$WORK/exec"
for i in $(seq 200); do
    (
        echo "input $i" | "$CASEMATE" exec -i box -- sh -c "cat; echo output $i; exit $((i % 100))" \
            >"$WORK/exec/$i" 2>"$WORK/exec/$i.err"
        echo $? >"$WORK/exec/$i.status"
    ) &
done
wait
wrong=0
for i in $(seq 200); do
    [ "$(cat "$WORK/exec/$i")" = "input $i"$'\n'"output $i" ] && [ "$(cat "$WORK/exec/$i.status")" = $((i % 100)) ] ||
        wrong=$((wrong + 1))
done
if [ $wrong = 0 ]; then
    ok exec-200-parallel
else
    not_ok exec-200-parallel "$wrong are wrong: $(cat "$WORK"/exec/*.err | sort | uniq -c | head -n 3 | tr '\n' ' ')"
fi

# --- 20 pushes of different trees at once, pulled back and compared
for i in $(seq 20); do python3 "$ROOT/tests/e2e/tree.py" make "$WORK/trees/$i" "$i" 60; done
pushed() {
    "$CASEMATE" push "$WORK/trees/$1" box:/data/ && "$CASEMATE" pull "box:/data/$1" "$WORK/back/$1" &&
        same_tree "$WORK/trees/$1" "$WORK/back/$1"
}
mkdir "$WORK/back"
for i in $(seq 20); do
    pushed "$i" >"$WORK/push.$i" 2>&1 && echo fine >>"$WORK/push.$i" &
done
wait
wrong=0
for i in $(seq 20); do
    [ "$(tail -n 1 "$WORK/push.$i")" = fine ] || {
        wrong=$((wrong + 1))
        cp "$WORK/push.$i" "$WORK/said"
    }
done
if [ $wrong = 0 ]; then ok push-20-parallel; else not_ok push-20-parallel "$wrong are wrong: $(said)"; fi
"$CASEMATE" exec box -- rm -rf /data
"$CASEMATE" exec box -- mkdir /data

# --- 2 GiB in and out of 3 GiB. A process in the enclave reads the largest
# resident size that PID 1 and every session have ever had (VmHWM).
limit=8192
watch='while ! test -e /tmp/stop; do
    for p in /proc/[0-9]*; do
        read -r kind <$p/cmdline || test -n "$kind" || continue
        case $p$(tr "\0" " " <$p/cmdline) in */1/init*|*session*)
            echo "$(grep VmHWM $p/status | tr -dc 0-9) $p" ;; esac
    done 2>/dev/null
    echo >/tmp/once
    sleep 1
done'
"$CASEMATE" exec -d box -- sh -c "($watch) >/tmp/rss 2>/dev/null; echo end >/tmp/rss.done"
"$CASEMATE" exec box -- sh -c 'until test -e /tmp/once; do :; done'
# Random bytes, made once and repeated with a counter: no two blocks alike.
python3 - "$WORK/huge" <<'EOF'
import os, sys
block = os.urandom(1 << 20)
with open(sys.argv[1], 'wb') as f:
    for i in range(2048):
        f.write(i.to_bytes(8, 'big') + block[8:])
EOF
check push-2GiB "$CASEMATE" push "$WORK/huge" box:/data/huge
check pull-2GiB "$CASEMATE" pull box:/data/huge "$WORK/huge.back"
check 2GiB-is-the-same cmp "$WORK/huge" "$WORK/huge.back"
"$CASEMATE" exec box -- sh -c 'touch /tmp/stop; until test -e /tmp/rss.done; do sleep 0.1; done'
"$CASEMATE" exec box -- cat /tmp/rss >"$WORK/rss"
most=$(sort -n "$WORK/rss" | tail -n 1)
pid1=$(grep ' /proc/1$' "$WORK/rss" | sort -n | tail -n 1)
if [ -n "$pid1" ] && [ "${pid1%% *}" -lt $limit ]; then
    ok "pid-1-below-8-MiB"
    printf '# PID 1: %s KiB\n' "${pid1%% *}"
else
    not_ok pid-1-below-8-MiB "'$pid1'"
fi
if [ "$(wc -l <"$WORK/rss")" -gt 2 ] && [ "${most%% *}" -lt $limit ]; then
    ok session-below-8-MiB
    printf '# largest session: %s KiB\n' "${most%% *}"
else
    not_ok session-below-8-MiB "'$most' of $(wc -l <"$WORK/rss") readings"
fi
alive box alive-at-the-end
done_testing
