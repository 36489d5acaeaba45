#!/usr/bin/env python3
"""Trains the same steps with `ioi` and with PyTorch and prints speed, memory and every loss side by side.

Both start from the same weights and take the same prompts in file order with the same AdamW. Each run is a
fresh process; with --repeat they alternate: ioi, PyTorch, ioi, PyTorch. Speed is the median over all runs'
steps after the first two. The share of the GEMM ceiling counts 6 * tokens * (block matrices' weights) + 6 *
predictions * width * vocabulary operations a step (2 forward, 4 backward, per weight and row; no padding,
attention scores left out), on both sides alike, over the best fp32 matrix product of torch, numpy and `ioi bench`
(of `ioi bench` alone in bf16) measured between the runs.

With --text, both take blocks of the text with the authors' recipe: next-token loss over all of a block, clipped
gradients, dropout. The losses are compared only with --dropout 0, since each has masks of its own.

With --precision bf16, ioi multiplies bfloat16 and PyTorch runs under autocast.

Exits with 1 if the losses of any step differ by more than 1e-4 relative (bf16: 1e-2), or a run fails.
"""

import argparse
import json
import math
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from processes import run_process  # noqa: E402

HERE = Path(__file__).resolve().parent
WARM_UP = 2
PROBE_STEPS = 6
LOSS_TOLERANCE = {"fp32": 1e-4, "bf16": 1e-2}


@dataclass(frozen=True)
class Run:
    """One program's run: per step the rate and the loss, and the process's peak resident memory.

    `libraries_bytes` is what PyTorch's process holds before it loads the model. It is part of the peak: a build
    of torch with CUDA takes several hundred MB more there than one for the CPU alone.
    """

    rates: list[float]
    losses: list[float]
    peak_bytes: int
    libraries_bytes: int = 0

    def settled_rates(self) -> list[float]:
        return self.rates[WARM_UP:]


@dataclass(frozen=True)
class Summary:
    """One program's figures over all its runs."""

    samples_per_second: float
    run_medians: list[float]
    peak_bytes: int
    libraries_bytes: int
    ceiling_share: float


def main() -> None:
    arguments = parse_arguments()
    attention = arguments.attention
    if attention == "faster":
        attention = faster_attention(arguments)
    ours, theirs, ceilings = [], [], []
    for _ in range(arguments.repeat):
        ceilings.append(gemm_ceiling(arguments))
        ours.append(run_ioi(arguments))
        theirs.append(run_torch(arguments, attention, arguments.steps))

    ceiling = max(max(rates.values()) for rates in ceilings)
    operations = operations_per_sample(arguments)
    summaries = {
        "ioi": summarise(ours, operations, ceiling),
        "pytorch": summarise(theirs, operations, ceiling),
    }
    difference = largest_difference(ours, theirs)
    print_speed(arguments, summaries, ceiling, attention)
    print_losses(ours[0], theirs[0], difference)
    if arguments.json:
        write_json(arguments, attention, ceiling, summaries, ours, theirs, difference)
    tolerance = LOSS_TOLERANCE[arguments.precision]
    if not difference <= tolerance and not arguments.dropout:
        raise SystemExit(f"losses differ by {difference:.1e} relative, {tolerance:.0e} allowed")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Fine-tune the same steps with ioi and with PyTorch; compare speed, memory and losses."
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="prompts file (.jsonl)")
    source.add_argument("--text", type=Path, help="text file, cut into blocks")
    parser.add_argument("--block", type=int, default=128, help="tokens of a block (default: 128)")
    parser.add_argument("--dropout", type=float, default=0.0, help="rate of dropout with --text (default: 0)")
    parser.add_argument("--backend", default="auto", help="the backend of ioi (default: auto)")
    parser.add_argument("--precision", choices=list(LOSS_TOLERANCE), default="fp32", help="of products (default: fp32)")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument("--steps", type=int, default=20, help="training steps per run (default: 20)")
    parser.add_argument("--batch", type=int, default=32, help="prompts per step (default: 32)")
    parser.add_argument("--threads", type=int, default=2, help="threads of both programs (default: 2)")
    parser.add_argument("--loss", choices=["answer", "all"], default="answer", help="default: answer")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, alternating (default: 1)")
    parser.add_argument(
        "--attention",
        choices=["sdpa", "eager", "faster"],
        default="faster",
        help="PyTorch's attention; 'faster' tries both for a few steps and takes the faster (default)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to FILE")
    arguments = parser.parse_args()
    if arguments.steps <= WARM_UP:
        parser.error(f"--steps {arguments.steps}: expected more than the {WARM_UP} warm-up steps")
    if arguments.text:
        arguments.loss = "all"
    elif arguments.dropout:
        parser.error("--dropout: goes with --text")
    for name in ("model", "data", "text", "ioi"):
        if getattr(arguments, name) and not getattr(arguments, name).exists():
            parser.error(f"--{name} {getattr(arguments, name)}: no such file or folder")
    for name in ("batch", "threads", "repeat"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: expected at least 1")
    return arguments


# Running the programs


def run_ioi(arguments: argparse.Namespace) -> Run:
    with tempfile.TemporaryDirectory(prefix="ioi-benchmark-") as scratch:
        folder = Path(scratch) / "run"
        command = [
            arguments.ioi.resolve(), "finetune",
            "--model", arguments.model,
            *source_of_ioi(arguments),
            "--order", "file",
            "--epochs", 1000 if arguments.text else 1,
            "--schedule", "constant",
            "--backend", arguments.backend,
            "--precision", arguments.precision,
            "--max-steps", arguments.steps,
            "--batch", arguments.batch,
            "--lr", "1e-5",
            "--weight-decay", "0.1",
            "--threads", arguments.threads,
            "--out", folder,
            "--quiet",
        ]  # fmt: skip
        peak = run_process(command).peak_bytes
        lines = (folder / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    if len(steps) != arguments.steps:
        raise SystemExit(f"ioi wrote {len(steps)} lines of metrics, expected {arguments.steps}, one a step")
    return Run([step["samples_per_second"] for step in steps], [step["loss"] for step in steps], peak)


def source_of_ioi(arguments: argparse.Namespace) -> list[Any]:
    if not arguments.text:
        return ["--recipe", "plain", "--data", arguments.data, "--loss", arguments.loss]
    return [
        "--recipe", "published", "--text", arguments.text, "--block", arguments.block,
        "--dropout", arguments.dropout, "--eval-count", 0,
    ]  # fmt: skip


def source_of_torch(arguments: argparse.Namespace) -> list[Any]:
    if not arguments.text:
        return ["--data", arguments.data]
    return [
        "--text", arguments.text, "--block", arguments.block, "--dropout", arguments.dropout, "--clip", 1,
    ]  # fmt: skip


def run_torch(arguments: argparse.Namespace, attention: str, steps: int) -> Run:
    command = [
        sys.executable, HERE / "torch_finetune.py",
        "--model", arguments.model,
        *source_of_torch(arguments),
        "--steps", steps,
        "--batch", arguments.batch,
        "--loss", arguments.loss,
        "--lr", "1e-5",
        "--weight-decay", "0.1",
        "--threads", arguments.threads,
        "--attention", attention,
        "--precision", arguments.precision,
    ]  # fmt: skip
    process = run_process(command)
    report = json.loads(process.output)
    return Run(
        rates=[step["samples"] / step["seconds"] for step in report["steps"]],
        losses=[step["loss"] for step in report["steps"]],
        peak_bytes=process.peak_bytes,
        libraries_bytes=report["libraries_bytes"],
    )


def faster_attention(arguments: argparse.Namespace) -> str:
    steps = min(PROBE_STEPS, arguments.steps)
    rates = {name: median(run_torch(arguments, name, steps).settled_rates()) for name in ("sdpa", "eager")}
    print("PyTorch attention: " + ", ".join(f"{name} {rate:.2f} samples/s" for name, rate in rates.items()))
    return max(rates, key=rates.__getitem__)


def gemm_ceiling(arguments: argparse.Namespace) -> dict[str, float]:
    config = read_config(arguments.model)
    command = [
        sys.executable, HERE / "gemm_ceiling.py",
        "--rows", round(tokens_per_sample(arguments) * arguments.batch),
        "--width", config["n_embd"],
        "--inner", inner_width(config),
        "--threads", arguments.threads,
    ]  # fmt: skip
    rates = json.loads(run_process(command).output)
    bench = [
        arguments.ioi.resolve(), "bench", "--backend", arguments.backend, "--threads", arguments.threads,
        "--batch", arguments.batch, "--length", round(tokens_per_sample(arguments)), "--format", "json", "--quiet",
    ]  # fmt: skip
    timings = json.loads(run_process(bench).output)["results"]["timings"]
    products = [timing["gigaflops"] for timing in timings if timing.get("precision") == arguments.precision]
    return (rates if arguments.precision == "fp32" else {}) | {"ioi": max(products)}


# Figures


def read_config(model: Path) -> dict[str, Any]:
    return json.loads((model / "config.json").read_text())


def inner_width(config: dict[str, Any]) -> int:
    return config.get("n_inner") or 4 * config["n_embd"]


def tokens_per_sample(arguments: argparse.Namespace) -> float:
    if arguments.text:
        return arguments.block - 1
    count = arguments.steps * arguments.batch
    with arguments.data.open() as lines:
        return sum(len(json.loads(line)["tokens"]) for line in islice(lines, count)) / count


def operations_per_sample(arguments: argparse.Namespace) -> float:
    config = read_config(arguments.model)
    width, tokens = config["n_embd"], tokens_per_sample(arguments)
    predictions = tokens if arguments.loss == "all" else 1
    blocks = config["n_layer"] * (4 * width * width + 2 * width * inner_width(config))
    return 6 * tokens * blocks + 6 * predictions * width * config["vocab_size"]


def summarise(runs: list[Run], operations: float, ceiling: float) -> Summary:
    rate = median(rate for run in runs for rate in run.settled_rates())
    return Summary(
        samples_per_second=rate,
        run_medians=[median(run.settled_rates()) for run in runs],
        peak_bytes=max(run.peak_bytes for run in runs),
        libraries_bytes=max(run.libraries_bytes for run in runs),
        ceiling_share=rate * operations / (ceiling * 1e9),
    )


def largest_difference(ours: list[Run], theirs: list[Run]) -> float:
    """The largest relative difference of any step's loss, over all pairs of runs."""
    return max(
        relative_difference(mine, reference)
        for run, other in zip(ours, theirs)
        for mine, reference in zip(run.losses, other.losses)
    )


def relative_difference(mine: float, reference: float) -> float:
    """Infinite where either loss is not a number, so that no maximum passes over it."""
    difference = abs(mine - reference) / abs(reference)
    return difference if math.isfinite(difference) else math.inf


def print_speed(
    arguments: argparse.Namespace, summaries: dict[str, Summary], ceiling: float, attention: str
) -> None:
    print(
        f"{arguments.loss} loss, batch {arguments.batch}, {arguments.threads} threads, "
        f"{arguments.steps} steps, {arguments.repeat} runs each; PyTorch with {attention} attention"
    )
    print(f"{'':10}{'samples/s':>10}{'peak GB':>9}{'GEMM share':>12}   median of each run")
    for name, summary in summaries.items():
        medians = " ".join(f"{rate:.2f}" for rate in summary.run_medians)
        print(
            f"{name:10}{summary.samples_per_second:10.2f}{summary.peak_bytes / 1e9:9.2f}"
            f"{summary.ceiling_share:12.1%}   {medians}"
        )
    print(f"ratio ioi / PyTorch: {ratio(summaries):.2f}")
    print(f"PyTorch's libraries before the model: {summaries['pytorch'].libraries_bytes / 1e9:.2f} GB of its peak")
    print(f"GEMM ceiling: {ceiling:.0f} GFLOP/s")


def ratio(summaries: dict[str, Summary]) -> float:
    return summaries["ioi"].samples_per_second / summaries["pytorch"].samples_per_second


def print_losses(ours: Run, theirs: Run, difference: float) -> None:
    print(f"{'step':>4}{'ioi':>14}{'PyTorch':>14}{'relative':>10}")
    for step, (mine, reference) in enumerate(zip(ours.losses, theirs.losses), start=1):
        print(f"{step:4}{mine:14.7f}{reference:14.7f}{relative_difference(mine, reference):10.1e}")
    print(f"largest relative difference of all runs: {difference:.1e}")


def write_json(
    arguments: argparse.Namespace,
    attention: str,
    ceiling: float,
    summaries: dict[str, Summary],
    ours: list[Run],
    theirs: list[Run],
    difference: float,
) -> None:
    document = {
        "loss": arguments.loss,
        "steps": arguments.steps,
        "batch": arguments.batch,
        "threads": arguments.threads,
        "attention": attention,
        "gemm_gflops": ceiling,
        "ratio": ratio(summaries),
        "largest_loss_difference": difference,
        "summary": {name: asdict(summary) for name, summary in summaries.items()},
        "runs": {"ioi": [asdict(run) for run in ours], "pytorch": [asdict(run) for run in theirs]},
    }
    arguments.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
