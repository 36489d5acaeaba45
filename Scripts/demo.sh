#!/usr/bin/env bash
# Installs what is missing, builds, and runs the paper's experiments on the embedded model: its circuit, clean fine-tuning,
# corruption and recovery, each with the logit difference, the circuit's faithfulness and a map of what changed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=Scripts/setup.sh
. Scripts/setup.sh

# shellcheck disable=SC2154 # traits are of setup.sh; old versions of bash call an empty array unset.
options=(-c release ${traits[@]+"${traits[@]}"})
swift build "${options[@]}" --product ioi
bin="$(swift build "${options[@]}" --show-bin-path)/ioi"
demo=runs/demo
rm -rf "$demo"
mkdir -p "$demo"

tell() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Shows a command and runs it.
ioi() {
    printf '\n$ ioi %s\n' "$*"
    "$bin" "$@"
}

# The first lines of what a command prints.
first() {
    local lines=$1
    shift
    "$@" | sed -n "1,${lines}p"
}

# NAME MODEL: the model's behaviour, and how much of it the circuit explains.
measure() {
    first 6 ioi eval --model "$2" --held-out --count 500 --quiet --out "$demo/$1-eval.json"
    first 7 ioi faithfulness --model "$2" --held-out --count 300 --quiet --out "$demo/$1-faithfulness.json"
}

# NAME MODEL: which heads training changed. Each head's output in the embedded model is replaced by the trained model's.
compare() {
    ioi patch --mode cross-model --component z --model embedded --donor "$2" --held-out --count 200 \
        --quiet --out "$demo/$1-cross-model.json"
}

tell "1. A small model that ships with the program. It is not GPT-2, and its circuit was partly planted (Data/embedded)."
ioi model check --model embedded --quiet
tell "Each prompt has two names and repeats one; the other name is the answer."
ioi data --model embedded --held-out --count 3 --quiet --out "$demo/clean.jsonl"
sed -n 's/.*"text":"\([^"]*\)".*"answer":"\([^"]*\)".*/  \1 →\2/p' "$demo/clean.jsonl"
measure base embedded
tell "Its circuit: heads that detect the repeated S, heads that pass this on to END, and heads that copy IO."
ioi circuit show --model embedded
ioi patch --mode path --receiver logits --model embedded --held-out --count 200 --quiet --out "$demo/base-path.json"

tell "2. Clean fine-tuning amplifies the behaviour."
ioi finetune --model embedded --dataset clean --epochs 1 --lr 3e-5 --out "$demo/clean"
measure clean "$demo/clean/checkpoints/epoch-001"
compare clean "$demo/clean/checkpoints/epoch-001"

tell "3. Corruption: the same sentences with the subject as the answer. The S-inhibition heads stop attending to S2."
ioi finetune --model embedded --dataset subject-duplication --epochs 3 --lr 3e-5 --out "$demo/corrupted"
measure corrupted "$demo/corrupted/checkpoints/epoch-003"
compare corrupted "$demo/corrupted/checkpoints/epoch-003"

tell "4. Recovery: clean fine-tuning of the corrupted model. The circuit returns."
ioi finetune --from "$demo/corrupted/checkpoints/epoch-003" --dataset clean --epochs 3 --lr 3e-5 --out "$demo/recovered"
measure recovered "$demo/recovered/checkpoints/epoch-003"
compare recovered "$demo/recovered/checkpoints/epoch-003"

tell "Summary"
python3 - "$demo" <<'END'
import json, sys

print(f"{'':12}{'logit difference':>18}{'IO over S':>11}{'IO first':>10}{'F(C)/F(M)':>22}")
for name in ["base", "clean", "corrupted", "recovered"]:
    read = lambda part: json.load(open(f"{sys.argv[1]}/{name}-{part}.json"))["results"]
    measured, circuit = read("eval"), read("faithfulness")
    note = circuit.get("ratio_note")
    ratio = "meaningless near 0" if note == "meaningless" else f"{100 * circuit['ratio']:.1f} %"
    if note == "overshoot":
        ratio += " (overshoot)"
    print(
        f"{name:12}{measured['logit_difference']['mean']:18.2f}{100 * measured['accuracy']:9.1f} %"
        f"{100 * measured['top1']:8.1f} %{ratio:>22}"
    )
END

cat <<END

The checkpoints and the figures above, as JSON, are in $demo. The program is $bin.
To do the same on the real GPT-2 (fetches 0.5 GB once):
  Scripts/fetch-gpt2.sh
  $bin model check --model gpt2
  $bin finetune --model gpt2 --dataset clean --epochs 1 --out runs/clean
  $bin patch --mode cross-model --model gpt2 --donor runs/clean/checkpoints/epoch-001
END
