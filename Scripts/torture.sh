#!/usr/bin/env bash
# Stops training runs and plans at random moments, or starts two of them at once, and checks that nothing is lost: in the
# end the files are, byte for byte but for times, the same as those of an undisturbed run.
#
#   Scripts/torture.sh PROGRAM kills COUNT [SEED]    signals (KILL, TERM, INT), each followed by the same command again
#   Scripts/torture.sh PROGRAM starts COUNT [SEED]   pairs of simultaneous starts on one --out, of which one must win
#
# Exit codes: 0 all well, 1 something was lost, 64 wrong usage.
set -u
ulimit -c 0

if [[ $# -lt 3 || $# -gt 4 || ! $2 =~ ^(kills|starts)$ || ! $3 =~ ^[0-9]+$ ]]; then
    sed -n '5,6s/^# *//p' "$0" >&2
    exit 64
fi
program=$(realpath "$1") || exit 64
mode=$2 count=$3 RANDOM=${4:-0}
work=$(realpath "${TMPDIR:-/tmp}")/ioi-torture-$$
mkdir "$work" || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

"$program" model random --layers 2 --heads 2 --width 8 --out tiny --quiet || exit 1
cat > plan.json <<PLAN
{"name": "torture", "about": "A plan to be stopped.", "model": "$work/tiny", "prompts": {"count": 8, "seed": 0},
 "training": {"count": 64, "lr": 0.001, "batch": 4, "seed": 0},
 "stages": [{"name": "base", "measure": ["eval", "mlps"]},
            {"name": "clean", "dataset": "clean", "epochs": [1, 3], "measure": ["eval", "mlps"]},
            {"name": "more", "from": "clean@1", "dataset": "clean", "epochs": [1], "measure": ["eval"]}],
 "claims": [{"name": "c", "text": "t", "figure": "clean@3/eval/logit_difference", "rule": {"at_least": 1}}]}
PLAN

# The command that begins or resumes the work of a kind in the folder `run` of the working directory.
command_of() {
    case $1 in
    finetune)
        if [[ -e run/config.json && $mode == kills ]]; then
            command=("$program" finetune --resume --out run --quiet)
        else
            command=("$program" finetune --model ../tiny --count 256 --batch 4 --epochs 4 --save-at 1,2 --lr 1e-3
                --checkpoint-every 7 --eval-count 8 --threads 1 --quiet --out run)
        fi ;;
    reproduce) command=("$program" reproduce --plan ../plan.json --threads 1 --quiet --out run) ;;
    esac
}

# A line for each file of the run, without times, places, and the checkpoints that a signal saves between epochs.
digest() {
    find run -type f ! -name .lock ! -path '*/checkpoints/step-*' | LC_ALL=C sort | while read -r file; do
        case $file in
        *.json | *.jsonl)
            hash=$(sed -E "s#$PWD/##g; s/\"(seconds|[a-z]+_per_second)\" ?: ?[-+0-9.e]+//g" "$file" | sha256sum) ;;
        *) hash=$(sha256sum < "$file") ;;
        esac
        echo "$file ${hash%% *}"
    done
}

milliseconds() { date +%s%3N; }
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# The undisturbed runs, and how long they take.
declare -A wanted took
for kind in finetune reproduce; do
    mkdir "$kind" && cd "$kind" || exit 1
    command_of "$kind"
    begun=$(milliseconds)
    "${command[@]}" > ../out 2>&1 || { cat ../out >&2; exit 1; }
    took[$kind]=$(($(milliseconds) - begun))
    wanted[$kind]=$(digest)
    cd ..
done

check() {
    local found
    found=$(digest)
    [[ $found == "${wanted[$1]}" ]] || fail "$1 in $PWD: $(diff <(echo "${wanted[$1]}") <(echo "$found") | head -3 | tr '\n' ' ')"
}

kills() {
    local kind done=0 runs=0 finished attempt signal known code
    while ((done < count)); do
        if ((runs % 2)); then kind=reproduce; else kind=finetune; fi
        runs=$((runs + 1)) finished=0 attempt=0 known=
        mkdir "k$runs" && cd "k$runs" || exit 1
        while ((!finished)); do
            command_of "$kind"
            "${command[@]}" > out 2>&1 &
            # The first stops come early, the later ones late enough for the run to end.
            ((done < count)) && pause $((RANDOM % (took[$kind] * (2 + attempt) / 8 + 20)))
            case $((RANDOM % 3)) in 0) signal=KILL ;; 1) signal=TERM ;; *) signal=INT ;; esac
            if ((done < count)) && kill -$signal $! 2> kill.err; then done=$((done + 1)); fi
            wait $! 2> wait.err
            code=$?
            case $code in
            0) finished=1 ;;
            130 | 137 | 143) ;;
            *) fail "$kind ended with $code after $signal: $(tail -1 out)"; finished=1 ;;
            esac
            # Whatever was saved stays.
            for checkpoint in $known; do [[ -e $checkpoint ]] || fail "$kind lost $checkpoint after $signal"; done
            known=$(find run -path '*/checkpoints/epoch-*' -name model.safetensors ! -path '*partial*' 2> find.err)
            attempt=$((attempt + 1))
        done
        ((code == 0)) && check "$kind"
        cd .. && rm -rf "k$runs"
    done
    echo "$done signals in $runs runs, $failures failures"
}

starts() {
    local kind pair first second late=0
    for ((pair = 1; pair <= count; pair++)); do
        if ((pair % 3)); then kind=finetune; else kind=reproduce; fi
        mkdir "s$pair" && cd "s$pair" || exit 1
        command_of "$kind"
        "${command[@]}" > out1 2> err1 &
        first=$!
        ((RANDOM % 2)) && pause $((RANDOM % 100))
        "${command[@]}" > out2 2> err2 &
        second=$!
        wait $first
        first=$?
        wait $second
        second=$?
        case "$kind $first $second" in
        *' 0 1') [[ $(grep -c '^ioi: ' err2) == 1 ]] || fail "$kind: the second said $(cat err2)" ;;
        *' 1 0') [[ $(grep -c '^ioi: ' err1) == 1 ]] || fail "$kind: the first said $(cat err1)" ;;
        # The plan was done when the second began.
        'reproduce 0 0') late=$((late + 1)) ;;
        *) fail "$kind: exit codes $first and $second: $(tail -qn 1 err1 err2 | tr '\n' ' ')" ;;
        esac
        check "$kind"
        cd .. && rm -rf "s$pair"
    done
    echo "$count pairs ($late one after the other), $failures failures"
}

"$mode"
((failures == 0))
