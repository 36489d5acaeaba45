#!/usr/bin/env python3
"""The peak memory of work on models of the published sizes, with random weights.

Reads /proc while a command runs, so needs Linux: the peak of resident memory, and at that time what of it is the
process's own and what are pages of files, which the system takes back where memory is short. Training runs two steps.
Models are made in --work where they are missing (GPT-2 XL: 6.2 GB) and stay there.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

WORK = {
    "path": ["patch", "--mode", "path", "--dataset", "clean", "--count", 8],
    "plain": ["finetune", "--recipe", "plain", "--max-steps", 2],
    "published": ["finetune", "--recipe", "published", "--max-steps", 2],
}
TRAINING = ["--dataset", "clean", "--count", 300, "--eval-count", 16]


def main() -> None:
    arguments = parse_arguments()
    print(f"{'model':>8} {'work':>10} {'moments':>8} {'peak, GB':>9} {'own':>6} {'file':>6} {'seconds':>8}")
    for name in arguments.models:
        model = arguments.work / name
        if not model.exists():
            make = ["model", "random", "--like", name, "--tokenizer", arguments.tokenizer, "--out", model, "--quiet"]
            subprocess.run([str(part) for part in [arguments.ioi, *make]], check=True)
        for work in arguments.jobs:
            for moments in [None] if work == "path" else arguments.moments:
                out = arguments.work / "out"
                shutil.rmtree(out, ignore_errors=True)
                options = [*WORK[work], "--model", model, "--threads", arguments.threads, "--quiet"]
                options += ["--out", f"{out}.json"] if work == "path" else [*TRAINING, "--moments", moments, "--out", out]
                peak, own, file, seconds = measure([arguments.ioi, *options])
                print(
                    f"{name:>8} {work:>10} {moments or '':>8} {peak / 1e9:9.2f} {own / 1e9:6.2f} {file / 1e9:6.2f} "
                    f"{seconds:8.1f}",
                    flush=True,
                )
                shutil.rmtree(out, ignore_errors=True)


def measure(command: list[Any]) -> tuple[int, int, int, float]:
    """The peak resident memory of a command, of which the process's own and that of files [bytes], and its seconds."""
    started = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    (peak, at) = (0, (0, 0, 0))
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except FileNotFoundError:
            break
        sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if line.startswith(("Vm", "Rss"))}
        if "VmHWM" in sizes:
            peak = max(peak, sizes["VmHWM"])
            at = max(at, (sizes["VmRSS"], sizes["RssAnon"], sizes["RssFile"]))
        time.sleep(0.02)
    if process.wait() != 0:
        sys.exit(f"exit code {process.returncode} from: {' '.join(map(str, command))}")
    return peak, at[1], at[2], time.monotonic() - started


def parse_arguments() -> argparse.Namespace:
    sizes = ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"]
    parser = argparse.ArgumentParser(description="Measure the peak memory of work on large models.")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with GPT-2's vocab.json and merges.txt")
    parser.add_argument("--work", type=Path, required=True, help="folder of the models and of what is written")
    parser.add_argument("--models", nargs="+", choices=sizes, default=sizes)
    parser.add_argument("--jobs", nargs="+", choices=list(WORK), default=list(WORK))
    parser.add_argument("--moments", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
