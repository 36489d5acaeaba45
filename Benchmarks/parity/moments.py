#!/usr/bin/env python3
"""Fine-tunes a model with AdamW's moments in single precision and in bfloat16, and compares what the runs learn.

Runs of one seed take the same batches. Of each pair: the loss of the last epoch, the logit difference on held-out
prompts after it, and the time of a step. Seeds differ in the order of the prompts, and the spread between them is what a
difference between the two precisions is held against: exits with 1 if the mean difference of a pair is more than a
standard deviation between seeds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as work:
        pairs = [
            [measure(arguments, Path(work), seed, moments) for moments in ["fp32", "bf16"]]
            for seed in range(arguments.seeds)
        ]
    if arguments.json:
        arguments.json.write_text(json.dumps(pairs, indent=1))
    print(f"{'seed':>4} {'loss fp32':>10} {'bf16':>10} {'LD fp32':>10} {'bf16':>10} {'step fp32, ms':>14} {'bf16':>8}")
    for seed, (exact, rounded) in enumerate(pairs):
        print(
            f"{seed:>4} {exact['loss']:10.5f} {rounded['loss']:10.5f} {exact['ld']:10.4f} {rounded['ld']:10.4f} "
            f"{exact['ms']:14.2f} {rounded['ms']:8.2f}"
        )
    far = False
    for name in ["loss", "ld"]:
        differences = [rounded[name] - exact[name] for exact, rounded in pairs]
        spread = statistics.stdev(exact[name] for exact, _ in pairs)
        mean = statistics.mean(differences)
        far |= abs(mean) > spread
        print(
            f"{name}: bf16 − fp32 {mean:+.5f} ± {statistics.stdev(differences):.5f} (standard deviation of the pairs); "
            f"between seeds {spread:.5f}"
        )
    sys.exit(far)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare fine-tuning with moments in fp32 and in bf16.")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument("--model", default="embedded", help="model to fine-tune (default: embedded)")
    parser.add_argument("--dataset", default="clean", help="what to train on (default: clean)")
    parser.add_argument("--count", type=int, default=3200, help="prompts (default: 3200)")
    parser.add_argument("--epochs", type=int, default=4, help="epochs (default: 4: 400 steps)")
    parser.add_argument("--lr", type=float, default=3e-5, help="learning rate (default: 3e-5)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def measure(arguments: argparse.Namespace, work: Path, seed: int, moments: str) -> dict[str, Any]:
    out = work / f"{seed}-{moments}"
    options = ["--model", arguments.model, "--dataset", arguments.dataset, "--count", arguments.count, "--seed", seed]
    options += ["--recipe", "plain", "--epochs", arguments.epochs, "--lr", arguments.lr, "--eval-count", 1000]
    options += ["--moments", moments, "--threads", arguments.threads, "--out", out, "--quiet"]
    subprocess.run([str(part) for part in [arguments.ioi, "finetune", *options]], check=True)
    steps = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    last = [step["loss"] for step in steps if step["epoch"] == arguments.epochs]
    evaluation = json.loads((out / f"results/eval-epoch-{arguments.epochs:03}.json").read_text())["results"]
    return {
        "loss": statistics.mean(last),
        "ld": evaluation["logit_difference"]["mean"],
        "ms": statistics.median(32 / step["samples_per_second"] for step in steps) * 1000,
    }


if __name__ == "__main__":
    main()
