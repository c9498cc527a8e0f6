# shellcheck shell=bash
# Completion of casemate for bash: verbs, options, names of running enclaves,
# files. Put `. completion.bash` into ~/.bashrc, or the file itself under the
# name casemate into /usr/share/bash-completion/completions.

_casemate_expect="--measurements --pcr --untouched --nonce --root --max-age --allow-debug --allow-emulated --json --help"

_casemate_options() {
    case $1 in
    run) echo --name --cpus --memory --backend --publish --allow --network --debug --help ;;
    gateway) echo --publish --allow --tun --help ;;
    ps) echo --json --quiet --help ;;
    stop) echo --time --help ;;
    console) echo --follow --help ;;
    push | pull) echo --resume --help ;;
    exec) echo --interactive --tty --detach --env --workdir --user --help ;;
    ctl) echo --json --no-wait --time --help ;;
    logs) echo --follow --timestamps --since --tail --help ;;
    top) echo --count --delay --help ;;
    events) echo --follow --since --help ;;
    attest) echo "$_casemate_expect --save" ;;
    verify) echo "$_casemate_expect --public-key --time" ;;
    esac
}

# _casemate_files WORD [SUFFIX]: files with that suffix, and folders.
_casemate_files() {
    local f
    while IFS= read -r f; do
        if [ -d "$f" ] || [[ $f == *"${2:-}" ]]; then COMPREPLY+=("$f"); fi
    done < <(compgen -f -- "$1")
    compopt -o filenames 2>/dev/null
}

# _casemate_names WORD [SUFFIX]
_casemate_names() {
    local name
    while IFS= read -r name; do
        [[ $name == "$1"* ]] && COMPREPLY+=("$name${2:-}")
    done < <(casemate ps -q 2>/dev/null)
    [ -z "${2:-}" ] || compopt -o nospace 2>/dev/null
}

# How many operands of VERB stand before the word in hand.
_casemate_operands() {
    local i n=0
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --name | --cpus | --memory | --backend | --publish | --allow | --network | --time | --env | --workdir | --user | -p | -e | -w | -u) ((i++)) ;;
        --measurements | --pcr | --nonce | --root | --max-age | --save | --public-key) ((i++)) ;;
        --since | --tail | --count | --delay | -n) ((i++)) ;;
        -t) [[ ${COMP_WORDS[1]} == @(stop|ctl) ]] && ((i++)) ;;
        -*) ;;
        *) ((n++)) ;;
        esac
    done
    echo "$n"
}

_casemate_operand() {
    local verb=$1 word=$2 before
    before=$(_casemate_operands)
    case $verb in
    run) _casemate_files "$word" .eif ;;
    stop) _casemate_names "$word" ;;
    ctl)
        if [ "$before" -eq 0 ]; then
            _casemate_names "$word"
        elif [ "$before" -eq 1 ]; then
            mapfile -t COMPREPLY < <(compgen -W 'status start stop restart signal reload shutdown reboot' -- "$word")
        fi
        ;;
    console | attest | gateway | logs | top | events) [ "$before" -gt 0 ] || _casemate_names "$word" ;;
    verify) [ "$before" -gt 0 ] || _casemate_files "$word" ;;
    exec) if [ "$before" -eq 0 ]; then _casemate_names "$word"; else _casemate_files "$word"; fi ;;
    push)
        [ "$before" -eq 0 ] || _casemate_names "$word" :
        _casemate_files "$word"
        ;;
    pull)
        [ -z "$word" ] && [ "$before" -gt 0 ] || _casemate_names "$word" :
        [ "$before" -eq 0 ] || _casemate_files "$word"
        ;;
    help) mapfile -t COMPREPLY < <(compgen -W 'run ps stop console push pull exec ctl logs top events gateway attest verify' -- "$word") ;;
    esac
}

_casemate() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'run ps stop console push pull exec ctl logs top events gateway attest verify help' -- "$word")
        return
    fi
    case $previous in
    --network)
        mapfile -t COMPREPLY < <(compgen -W 'none user' -- "$word")
        return
        ;;
    --backend)
        mapfile -t COMPREPLY < <(compgen -W 'emulator nitro' -- "$word")
        return
        ;;
    --measurements | --root | --save | --public-key)
        _casemate_files "$word"
        return
        ;;
    --name | --cpus | --memory | --publish | --allow | -p | --time | --env | --workdir | --user | --pcr | --nonce | --max-age | --since | --tail | --count | --delay) return ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_casemate_options "$verb")" -- "$word")
    else
        _casemate_operand "$verb" "$word"
    fi
}

complete -F _casemate casemate
