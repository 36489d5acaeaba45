#!/usr/bin/env bash
# BEFORE AFTER MODEL: times two builds of the program in turn on the same work, three runs of each, and prints the
# fastest of each. MODEL has GPT-2 small's size, such as `ioi model random --like gpt2 --tokenizer DIR --out MODEL`.
set -euo pipefail

before=$1 after=$2 model=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

seconds() {
    local start end
    start=$(date +%s.%N)
    "$@" >/dev/null 2>&1
    end=$(date +%s.%N)
    python3 -c "print($end - $start)"
}

pair() {
    local name=$1 a="" b=""
    shift
    for _ in 1 2 3; do
        a+=" $(seconds "$before" "$@" --threads 2 --quiet)"
        b+=" $(seconds "$after" "$@" --threads 2 --quiet)"
    done
    python3 -c "
a, b = (min(map(float, x.split())) for x in ('$a', '$b'))
print(f'$name: before {a:.2f} s, after {b:.2f} s, ratio {b / a:.2f}')"
}

rate() {
    rm -rf "$scratch/run"
    "$1" finetune --model "$model" --dataset clean --count 640 --epochs 1 --max-steps 5 --eval-count 0 \
        --out "$scratch/run" --threads 2 --quiet >/dev/null 2>&1
    tail -3 "$scratch/run/metrics.jsonl" |
        python3 -c "import json, sys; print(max(json.loads(line)['samples_per_second'] for line in sys.stdin))"
}

pair "eval, 64 prompts" eval --model "$model" --count 64
pair "path patching, 144 heads, 16 prompts" patch --mode path --receiver logits --model "$model" --count 16
pair "cross-model patterns, 144 heads, 4 prompts" patch --mode cross-model --donor "$model" --component pattern \
    --model "$model" --circuit none --count 4
pair "faithfulness surface, embedded model, 100 prompts" faithfulness --surface --model embedded --count 100
pair "EAP, 16 prompts" circuit discover --method eap --resamples 0 --model "$model" --count 16

a="" b=""
for _ in 1 2 3; do
    a+=" $(rate "$before")"
    b+=" $(rate "$after")"
done
python3 -c "
a, b = (max(map(float, x.split())) for x in ('$a', '$b'))
print(f'fine-tuning, answer loss: before {a:.1f} samples/s, after {b:.1f} samples/s')"
