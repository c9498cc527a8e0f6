#!/usr/bin/env bash
# push and pull: every kind of file, destinations as with cp, resume after a
# cut, and what must leave no half-written file behind.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

boot box --memory 512

push() { "$CASEMATE" push "$@"; }
pull() { "$CASEMATE" pull "$@"; }
run_in() { "$CASEMATE" exec box -- "$@"; }
digest_in() { run_in sha512sum "$1" | cut -d' ' -f1; }
no_leftovers() { # no_leftovers CASE DIR: nothing staged is left in the enclave's DIR
    same "$1" '' "$(run_in find "$2" -name '.casemate-*')"
}

# --- a tree of every kind there and back
python3 "$ROOT/tests/e2e/tree.py" make "$WORK/tree" 1 200
check push-tree push "$WORK/tree" box:/data/
check pull-tree pull box:/data/tree "$WORK/back"
check tree-is-the-same same_tree "$WORK/tree" "$WORK/back"
gives holes-are-kept 0 '' sh -c 'test "$(stat -c %b "$1")" -lt 100' sh "$WORK/back/sparse"
gives holes-are-kept-in-enclave 0 '' run_in sh -c 'test "$(stat -c %b /data/tree/sparse)" -lt 100'
gives modes-in-enclave 0 '' run_in sh -c 'test "$(stat -c "%Y %s" /data/tree/sparse)" = "0 41943040"'

# --- one file: digest said, as sha384sum says it
head -c 3000000 /dev/urandom >"$WORK/file"
gives push-says-digest 0 "sha384:$(sha384sum "$WORK/file" | cut -d' ' -f1)" push "$WORK/file" box:/data/file
gives pull-says-digest 0 "sha384:$(sha384sum "$WORK/file" | cut -d' ' -f1)" pull box:/data/file "$WORK/got"
check file-is-the-same cmp "$WORK/file" "$WORK/got"
gives pipe-shows-no-progress 0 '^1$' sh -c '"$1" push "$2" box:/data/file 2>&1 | wc -l' sh "$CASEMATE" "$WORK/file"

# --- destinations, as with cp
run_in mkdir /data/dir
check push-into-folder push "$WORK/file" box:/data/dir
gives pushed-into-folder 0 '/data/dir/file' run_in ls /data/dir/file
check push-new-name push "$WORK/file" box:/data/dir/other
gives pushed-new-name 0 'other' run_in ls /data/dir/other
echo one >"$WORK/one"
echo two >"$WORK/two"
check push-two push "$WORK/one" "$WORK/two" box:/data/dir
gives pushed-two 0 '^one$' run_in cat /data/dir/one /data/dir/two
gives push-replaces 0 '' push "$WORK/two" box:/data/dir/one
gives pushed-replaced 0 '^two$' run_in cat /data/dir/one
mkdir "$WORK/dst"
check pull-two pull box:/data/dir/one box:/data/dir/two "$WORK/dst"
check pulled-two cmp "$WORK/two" "$WORK/dst/two"
run_in mkdir /data/content
check push-content push "$WORK/tree/." box:/data/content/
gives pushed-content 0 '' run_in test -f /data/content/sparse
check relative-path push "$WORK/one" box:data/relative
gives relative-starts-at-root 0 '^one$' run_in cat /data/relative

# --- merging, and what is refused before anything is moved
mkdir -p "$WORK/merge/dir" "$WORK/conflict"
echo new >"$WORK/merge/dir/new"
check push-merges push "$WORK/merge/." box:/data/
gives push-merged 0 '^new$' run_in sh -c 'cat /data/dir/new && test -f /data/dir/other'
echo text >"$WORK/conflict/dir"
gives file-for-folder-refused 1 'conflict' push "$WORK/conflict/." box:/data/
gives folder-still-there 0 '' run_in test -f /data/dir/other
mkdir "$WORK/conflict2" "$WORK/conflict2/file"
gives folder-for-file-refused 1 'conflict' push "$WORK/conflict2/." box:/data/
same file-still-there "$(sha512sum "$WORK/file" | cut -d' ' -f1)" "$(digest_in /data/file)"
no_leftovers nothing-staged-after-conflict /data

# --- errors that are said
gives push-no-source 1 'nosuch' push "$WORK/nosuch" box:/data/
gives push-no-parent 1 'not found|No such file' push "$WORK/one" box:/no/such/place
gives pull-no-source 1 'not found' pull box:/nosuch "$WORK/dst/"
gives pull-no-destination 1 'No such file' pull box:/data/one "$WORK/no/such/place"
gives push-two-onto-file 1 '' push "$WORK/one" "$WORK/two" box:/data/one

# --- special files in a tree are skipped and counted
mkdir "$WORK/special"
mkfifo "$WORK/special/fifo"
echo x >"$WORK/special/plain"
gives push-skips-special 0 'skipped' push "$WORK/special" box:/data/
gives special-not-there 1 '' run_in test -e /data/special/fifo

# --- a cut: nothing under the final name; with --resume it goes on
size=$((200 << 20))
head -c $size /dev/urandom >"$WORK/big"
wanted=$(sha512sum "$WORK/big" | cut -d' ' -f1)
# Until the session that was cut has ended: what is left is the one that asks
# and the one that PID 1 keeps ready.
settled() { run_in sh -c 'until [ "$(ps | grep -c "[i]nit. session")" -le 2 ]; do :; done'; }
cut_push() { # cut_push OPTION...: kills the tool once a part has arrived
    "$CASEMATE" push "$@" "$WORK/big" box:/data/big >/dev/null 2>&1 &
    local pid=$!
    run_in sh -c 'until test -e /data/big; do
        test -z "$(find /data -path "*/.casemate-*" -type f -size +16384 2>/dev/null)" || exit 0
    done'
    kill -KILL $pid
    wait $pid 2>/dev/null
}
cut_push
gives cut-push-leaves-no-name 1 '' run_in test -e /data/big
gives cut-push-cleans-up 0 '' run_in sh -c 'while ls -d /data/.casemate-* 2>/dev/null; do sleep 0.1; done'
cut_push --resume
gives cut-push-resume-keeps 0 '.casemate-' run_in sh -c 'ls -d /data/.casemate-*'
settled
check resumed-push push --resume "$WORK/big" box:/data/big
same resumed-push-is-the-same "$wanted" "$(digest_in /data/big)"
no_leftovers nothing-staged-after-resume /data

cut_pull() {
    "$CASEMATE" pull "$@" box:/data/big "$WORK/dst/big" >/dev/null 2>&1 &
    local pid=$! part
    while :; do
        part=$(find "$WORK/dst" -path '*/.casemate-*' -type f -size +8M 2>/dev/null)
        [ -z "$part" ] || break
        kill -0 $pid 2>/dev/null || break
    done
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
}
cut_pull --resume
gives cut-pull-leaves-no-name 1 '' test -e "$WORK/dst/big"
check resumed-pull pull --resume box:/data/big "$WORK/dst/big"
check resumed-pull-is-the-same cmp "$WORK/big" "$WORK/dst/big"
same nothing-staged-here '' "$(find "$WORK/dst" -name '.casemate-*')"
# what was kept is wrong: it is found out and sent again
run_in rm -f /data/big
cut_push --resume
settled
run_in sh -c 'printf wrong | dd of="$(find /data -path "*/.casemate-*" -type f)" bs=1 seek=100 conv=notrunc 2>/dev/null'
check resume-from-wrong-part push --resume "$WORK/big" box:/data/big
same resumed-from-wrong-part "$wanted" "$(digest_in /data/big)"
# interrupted by a signal, without --resume: nothing is left here
"$CASEMATE" pull box:/data/big "$WORK/dst/big2" >"$WORK/interrupted" 2>&1 &
pid=$!
while [ -z "$(find "$WORK/dst" -path '*/.casemate-*' -type f -size +4M 2>/dev/null)" ] && kill -0 $pid 2>/dev/null; do :; done
kill -TERM $pid
wait $pid
same interrupted-pull-says-so 'casemate: pull: box: interrupted: nothing shows up under its name' \
    "$(cat "$WORK/interrupted")"
same interrupted-pull-leaves-nothing '' "$(find "$WORK/dst" -name '.casemate-*')"

# --- no place for it here: one clear error, nothing left
mkdir "$WORK/tmpfs"
# shellcheck disable=SC2016 # the inner shell's
pull_into() { # pull_into MOUNT-OPTIONS SRC
    unshare -m sh -c 'mount -t tmpfs -o "$1" tmpfs "$2" && casemate pull "box:$3" "$2/"
        status=$?
        [ -z "$(ls -A "$2")" ] || echo "left: $(ls -A "$2")"
        exit $status' sh "$1" "$WORK/tmpfs" "$2"
}
gives pull-read-only 1 "denied: cannot create a temporary directory beside '\.': Read-only file system$" \
    pull_into ro /etc/passwd
gives pull-full 1 "no space left: cannot write 'big': No space left on device$" pull_into size=1m /data/big
same pull-full-leaves-nothing '' "$(sed -n '/^left/p' "$WORK/said")"

# --- a full file system: one clear error, nothing left, what was there stays
rm -f "$WORK/dst/big"
# a session that is not told of its end has the file open, and so its place, for a minute
settled
run_in sh -c 'rm -rf /data/big; mount | grep -q overlay'
truncate -s 0 "$WORK/fill"
head -c $((400 << 20)) /dev/urandom >"$WORK/fill"
gives full-tmpfs 1 'no space|No space' push "$WORK/fill" box:/data/fill
gives full-tmpfs-no-name 1 '' run_in test -e /data/fill
no_leftovers full-tmpfs-cleans-up /data
same full-tmpfs-loses-nothing "$(sha512sum "$WORK/file" | cut -d' ' -f1)" "$(digest_in /data/file)"
alive box full-tmpfs-next-session
rm -f "$WORK/fill"

# --- a file that changes while it is read, on either side
check push-for-growing push "$WORK/big" box:/data/grow
run_in sh -c '(while echo more >>/data/grow; do :; done) >/dev/null 2>&1 & echo $! >/data/pid'
gives growing-file-pull 1 'changed' pull box:/data/grow "$WORK/dst/grow"
gives growing-file-no-name 1 '' test -e "$WORK/dst/grow"
run_in sh -c 'kill $(cat /data/pid)'
(while echo more >>"$WORK/big" 2>/dev/null; do :; done) &
pid=$!
run_in rm -f /data/grow
gives growing-file-push 1 'changed' push "$WORK/big" box:/data/grow
kill $pid
gives growing-file-push-no-name 1 '' run_in test -e /data/grow
alive box last-session

done_testing
