#!/usr/bin/env python3
"""Runs the same patching sweeps with `ioi` and with TransformerLens and prints speed, memory and agreement.

Each run is a fresh process; with --repeat they alternate: ioi, TransformerLens, ioi, TransformerLens. `ioi` is timed
from start to exit, the loading of its models included; TransformerLens without imports and loading. TransformerLens
runs a whole pass for each head, at the same cost whichever head it is: by default it runs 12 heads spread over the
layers, and the median of their times stands for each of the others; the passes that a sweep runs once are run and
counted in full. --full runs every head.

The share of the GEMM ceiling is the arithmetic that the sweep needs at the least (patch_sweeps.py) over what the best
fp32 matrix product measured between the runs could do in ioi's time.

Exits with 1 if any prompt's logit difference, unpatched or for a head that both ran, differs by more than 1e-3, or a
run fails.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from patch_sweeps import SWEEPS, Head, Shape, SweepKind, Work, naive_operations  # noqa: E402
from processes import run_process  # noqa: E402

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-3
CEILING_ROWS = 1024


@dataclass(frozen=True)
class TransformerLensRun:
    """The report of torch_patch.py. `sweep_seconds` covers all heads of the sweep, measured or scaled;
    `libraries_bytes` is the part of the peak held before any model is loaded."""

    sweep_seconds: float
    base_seconds: float
    head_seconds: list[float]
    heads: list[Head]
    heads_of_sweep: int
    original: list[float]
    patched: list[list[float]]
    batching: str
    libraries_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class IOIRun:
    """One run of `ioi`; `patched` is [layer][head][prompt]."""

    seconds: float
    original: list[float]
    patched: list[list[list[float]]]
    peak_bytes: int


@dataclass(frozen=True)
class Summary:
    """One sweep's figures over all its runs."""

    sweep: str
    transformer_lens_seconds: float
    transformer_lens_seconds_per_head: float
    heads_timed: int
    heads: int
    batching: list[str]
    ioi_seconds: float
    ratio: float
    transformer_lens_peak_bytes: int
    transformer_lens_libraries_bytes: int
    ioi_peak_bytes: int
    needed_operations: int
    naive_operations: int
    ceiling_share: float
    largest_difference: float
    largest_change: float


def main() -> None:
    arguments = parse_arguments()
    summaries, ceilings = [], []
    for name in arguments.only:
        ours, theirs = [], []
        for _ in range(arguments.repeat):
            ceilings.append(gemm_ceiling(arguments))
            ours.append(run_ioi(arguments, SWEEPS[name]))
            theirs.append(run_transformer_lens(arguments, name))
        summaries.append(summarise(arguments, name, ours, theirs, max(ceilings)))
        print_summary(summaries[-1])
    print(f"GEMM ceiling: {max(ceilings):.0f} GFLOP/s, the largest of {len(ceilings)} measured")
    if arguments.json:
        document = {
            "threads": arguments.threads,
            "repeat": arguments.repeat,
            "gemm_gflops": ceilings,
            "sweeps": [asdict(summary) for summary in summaries],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    different = [summary.sweep for summary in summaries if not summary.largest_difference <= TOLERANCE]
    if different:
        raise SystemExit(f"logit differences differ by more than {TOLERANCE:.0e}: {', '.join(different)}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run the same patching sweeps with ioi and with TransformerLens; compare speed, memory and results."
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder")
    parser.add_argument("--donor", type=Path, help="a second model of that shape, for the cross-model sweeps")
    parser.add_argument("--data", type=Path, required=True, help="prompts file (.jsonl); all of it is used")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(SWEEPS),
        metavar="SWEEP,…",
        help=f"sweeps to run (default: all): {', '.join(SWEEPS)}",
    )
    parser.add_argument("--heads-timed", type=int, default=12, help="heads TransformerLens runs (default: 12)")
    parser.add_argument("--full", action="store_true", help="TransformerLens runs every head")
    parser.add_argument("--threads", type=int, default=2, help="threads of both programs (default: 2)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, alternating (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to FILE")
    arguments = parser.parse_args()
    for name in ("model", "donor", "data", "ioi"):
        path = getattr(arguments, name)
        if path is not None and not path.exists():
            parser.error(f"--{name} {path}: no such file or folder")
    for name in ("heads_timed", "threads", "repeat"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name.replace('_', '-')} {getattr(arguments, name)}: expected at least 1")
    for name in arguments.only:
        if name not in SWEEPS:
            parser.error(f"--only {name}: expected some of {', '.join(SWEEPS)}")
        if SWEEPS[name].needs_donor and arguments.donor is None:
            parser.error(f"--only {name}: expected --donor with it")
    return arguments


# Running the programs


def inputs(arguments: argparse.Namespace, kind: SweepKind) -> list[Any]:
    options = ["--model", arguments.model, "--data", arguments.data, "--threads", arguments.threads]
    return options + (["--donor", arguments.donor] if kind.needs_donor else [])


def run_ioi(arguments: argparse.Namespace, kind: SweepKind) -> IOIRun:
    output_options = ["--format", "json", "--per-prompt", "--quiet"]
    run = run_process([arguments.ioi.resolve(), *kind.options, *inputs(arguments, kind), *output_options])
    results = json.loads(run.output)["results"]
    if kind.needs_donor:
        results = results["donor-to-host"]
    per_prompt = results["per_prompt"]
    return IOIRun(run.seconds, per_prompt["original"], per_prompt["patched"], run.peak_bytes)


def run_transformer_lens(arguments: argparse.Namespace, name: str) -> TransformerLensRun:
    heads = 0 if arguments.full else arguments.heads_timed
    script = [sys.executable, HERE / "torch_patch.py", "--sweep", name, "--heads", heads]
    run = run_process([*script, *inputs(arguments, SWEEPS[name])])
    return TransformerLensRun(**json.loads(run.output), peak_bytes=run.peak_bytes)


def gemm_ceiling(arguments: argparse.Namespace) -> float:
    shape = Shape.read(arguments.model)
    command = [
        sys.executable, HERE / "gemm_ceiling.py",
        "--rows", CEILING_ROWS,
        "--width", shape.width,
        "--inner", shape.inner,
        "--threads", arguments.threads,
    ]  # fmt: skip
    return max(json.loads(run_process(command).output).values())


# Figures


def summarise(
    arguments: argparse.Namespace, name: str, ours: list[IOIRun], theirs: list[TransformerLensRun], ceiling: float
) -> Summary:
    shape, work, kind = Shape.read(arguments.model), Work.read(arguments.data), SWEEPS[name]
    our_seconds = median(run.seconds for run in ours)
    their_seconds = median(run.sweep_seconds for run in theirs)
    needed = kind.needed(shape, work)
    pairs = list(zip(ours, theirs, strict=True))
    return Summary(
        sweep=name,
        transformer_lens_seconds=their_seconds,
        transformer_lens_seconds_per_head=median(seconds for run in theirs for seconds in run.head_seconds),
        heads_timed=len(theirs[0].heads),
        heads=theirs[0].heads_of_sweep,
        batching=[run.batching for run in theirs],
        ioi_seconds=our_seconds,
        ratio=their_seconds / our_seconds,
        transformer_lens_peak_bytes=max(run.peak_bytes for run in theirs),
        transformer_lens_libraries_bytes=max(run.libraries_bytes for run in theirs),
        ioi_peak_bytes=max(run.peak_bytes for run in ours),
        needed_operations=needed,
        naive_operations=naive_operations(kind, shape, work),
        ceiling_share=needed / our_seconds / (ceiling * 1e9),
        largest_difference=max(largest_difference(run, other) for run, other in pairs),
        largest_change=max(largest_change(run) for run in theirs),
    )


def largest_difference(ours: IOIRun, theirs: TransformerLensRun) -> float:
    """Between any prompt's logit differences; infinite where one is not a number, so that no maximum passes over it."""
    rows = [(ours.original, theirs.original)]
    rows += [
        (ours.patched[layer][head], values) for (layer, head), values in zip(theirs.heads, theirs.patched, strict=True)
    ]
    differences = [abs(mine - other) for ours_row, row in rows for mine, other in zip(ours_row, row, strict=True)]
    return max(value if value == value else float("inf") for value in differences)


def largest_change(run: TransformerLensRun) -> float:
    """Of any prompt's logit difference by patching, so that agreement on no effect shows as such."""
    return max(abs(value - base) for values in run.patched for value, base in zip(values, run.original, strict=True))


def print_summary(summary: Summary) -> None:
    scaled = (
        "every head run"
        if summary.heads_timed == summary.heads
        else f"{summary.heads_timed} of {summary.heads} heads run, the rest scaled"
    )
    print(f"{SWEEPS[summary.sweep].title} ({summary.sweep})")
    print(
        f"  TransformerLens {summary.transformer_lens_seconds:8.1f} s "
        f"{summary.transformer_lens_peak_bytes / 1e9:6.2f} GB   {scaled}; "
        f"{summary.transformer_lens_seconds_per_head:.2f} s a head, {' / '.join(set(summary.batching))};"
        f" libraries {summary.transformer_lens_libraries_bytes / 1e9:.2f} GB"
    )
    print(
        f"  ioi             {summary.ioi_seconds:8.1f} s {summary.ioi_peak_bytes / 1e9:6.2f} GB"
        f"   {summary.needed_operations / 1e12:.2f} TFLOP of the naive method's {summary.naive_operations / 1e12:.1f}, "
        f"{summary.ceiling_share:.0%} of the GEMM ceiling"
    )
    print(
        f"  ratio           {summary.ratio:8.1f}{'':14}"
        f"logit differences within {summary.largest_difference:.1e}, changed by up to {summary.largest_change:.1e}",
        flush=True,
    )


if __name__ == "__main__":
    main()
