#!/usr/bin/env bash
# Installs what is missing, builds, and runs the main job from end to end on a small model made on the spot:
# prompts, a measurement, a short fine-tuning run, the measurement again, patching before and after it, and a circuit.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=Scripts/setup.sh
. Scripts/setup.sh

swift build -c release --product ioi
ioi="$(swift build -c release --show-bin-path)/ioi"
demo=runs/demo
rm -rf "$demo"
mkdir -p "$demo"

step() { printf '\n\033[1m%s\033[0m\n$ ioi %s\n' "$1" "$2"; }

run() {
    step "$1" "${*:2}"
    "$ioi" "${@:2}"
}

run "A model of GPT-2's kind with random weights: 4 layers of 8 heads, and the words of the task." \
    model random --layers 4 --heads 8 --width 96 --out "$demo/random"
run "Prompts: two names, one of them twice; the other one is the answer." \
    data --model "$demo/random" --dataset clean --count 3 --out "$demo/clean.jsonl"
sed -n 's/.*"text":"\([^"]*\)".*"answer":"\([^"]*\)".*/  \1 →\2/p' "$demo/clean.jsonl"
run "Random weights tell the two names apart no better than a coin." \
    eval --model "$demo/random" --held-out --count 500
run "Fine-tuning. (After Ctrl-C, ioi finetune --resume --out $demo/clean goes on.)" \
    finetune --model "$demo/random" --dataset clean --count 3200 --epochs 3 --lr 1e-3 --out "$demo/clean"
run "The same prompts again. The names are learnt; which of the two to move takes far longer than this." \
    eval --model "$demo/clean/checkpoints/epoch-003" --held-out --count 500
run "What each head sends to the logits, by path patching." \
    patch --mode path --model "$demo/clean/checkpoints/epoch-003" --held-out --count 100
run "What training changed: each head's output in the random model replaced by the trained model's." \
    patch --mode cross-model --model "$demo/random" --donor "$demo/clean/checkpoints/epoch-003" --held-out --count 100
run "The heads that do it, found edge by edge, and how much of the model they are." \
    circuit discover --method eap --edges 40 --model "$demo/clean/checkpoints/epoch-003" --held-out --count 100 \
    --save "$demo/circuit.json"
run "The same circuit by every method of evaluation, beside random circuits." \
    faithfulness --circuit "$demo/circuit.json" --model "$demo/clean/checkpoints/epoch-003" --held-out --count 50 \
    --surface --chart "$demo/surface.svg"

cat <<END

Everything is in $demo. The same on the real GPT-2, which needs a network once (0.5 GB):
  Scripts/fetch-gpt2.sh
  $ioi eval --model gpt2
  $ioi finetune --model gpt2 --dataset clean --epochs 1
END
