#!/usr/bin/env python3
"""Times sweeps on IOI prompts and on the same prompts as pairs of any task, and on Greater-Than by each metric.

The pairs are AutoCircuit's JSON, which `ioi data` makes of the IOI prompts: texts, answers and wrong answers, no order
and no names of positions. Each sweep runs in turn on both, several times; the figure is milliseconds a prompt.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

SWEEPS = {
    "144 heads → logits": ["patch", "--mode", "path"],
    "z at END, 144 heads": ["patch", "--mode", "activation", "--site", "z"],
    "EAP": ["circuit", "discover", "--method", "eap", "--resamples", "0", "--edges", "200"],
}
METRICS = ["logit-difference", "probability-difference", "log-probability", "kl"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ioi", default=".build/release/ioi", help="the program (default: .build/release/ioi)")
    parser.add_argument("--model", default="gpt2", help="a model with GPT-2's tokenizer (default: gpt2)")
    parser.add_argument("--count", type=int, default=128, help="prompts (default: 128)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each sweep (default: 3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ioi, pairs, years = (Path(folder) / name for name in ("ioi.jsonl", "pairs.json", "years.jsonl"))
        common = ["--model", arguments.model, "--quiet"]
        count = ["--count", str(arguments.count)]
        run(arguments.ioi, ["data", "--out", str(ioi)] + common + count)
        run(arguments.ioi, ["data", "--data", str(ioi), "--out", str(pairs)] + common)
        run(arguments.ioi, ["data", "--dataset", "greater-than", "--out", str(years)] + common + count)
        print(f"{'sweep':26}{'prompts':34}{'ms a prompt':>12}")
        for name, sweep in SWEEPS.items():
            jobs = {"IOI": ioi, "the same as pairs": pairs, "greater-than, probability": years}
            report(name, {title: sweep + ["--data", str(file)] + common for title, file in jobs.items()}, arguments)
        by_metric = {
            f"greater-than, {metric}": SWEEPS["144 heads → logits"] + ["--data", str(years), "--metric", metric] + common
            for metric in METRICS
        }
        report("144 heads → logits", by_metric, arguments)


def report(name: str, jobs: dict[str, list[str]], arguments: argparse.Namespace) -> None:
    seconds: dict[str, list[float]] = {title: [] for title in jobs}
    for _ in range(arguments.runs):
        for title, job in jobs.items():
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "out.json"
                started = time.monotonic()
                run(arguments.ioi, job + ["--out", str(out)])
                took = time.monotonic() - started
                document = json.loads(out.read_text())
                seconds[title].append(document["results"].get("seconds_scoring", min(took, document["seconds"])))
    for title, values in seconds.items():
        print(f"{name:26}{title:34}{1000 * statistics.median(values) / arguments.count:12.2f}")


def run(program: str, arguments: list[str]) -> None:
    subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
