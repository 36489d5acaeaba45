#!/usr/bin/env python3
"""Runs the same jobs on circuits with `ioi` and with TransformerLens and prints speed, memory and agreement.

- faithfulness: F(M) and F(C) of a circuit, prompt by prompt
- completeness: F(C∖K) and F(M∖K) for 100 random sets K of the circuit's heads
- eap: a score of every edge between the nodes of the model, by edge attribution patching

Each run is a fresh process; with --repeat they alternate. `ioi` is timed from start to exit, the loading of its model
included; TransformerLens without imports and loading. It runs some of the sets that `ioi` drew, spread over them, and
the median of their times stands for each of the others; the means are computed, and counted, once. For `eap`, the time
of `ioi`'s scores alone is given in forward passes over the same prompts as well.

Exits with 1 if a prompt's logit difference differs by more than 1e-3, a mean of logit differences by more than 1e-4, a
score by more than 1e-4 of the largest, or a run fails.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from circuit_jobs import GPT2_SMALL, JOBS, edge_scores, ioi_command, random_sets  # noqa: E402
from patch_sweeps import spread  # noqa: E402
from processes import Process, run_process  # noqa: E402

HERE = Path(__file__).resolve().parent
PROMPT_TOLERANCE = 1e-3
MEAN_TOLERANCE = 1e-4
SCORE_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Run:
    """One run of each program."""

    ours: Process
    theirs: Process
    results: dict[str, Any]
    report: dict[str, Any]


@dataclass(frozen=True)
class Agreement:
    """The largest difference between the two programs' figures, and the largest that passes."""

    of: str
    difference: float
    tolerance: float


def main() -> None:
    arguments = parse_arguments()
    different = []
    for job in arguments.only:
        runs = [run_both(arguments, job) for _ in range(arguments.repeat)]
        agreement = max((agree(job, run) for run in runs), key=lambda one: one.difference)
        print_summary(arguments, job, runs, agreement)
        if not agreement.difference <= agreement.tolerance:
            different.append(f"{job}: {agreement.of} differ by {agreement.difference:.1e}")
    if different:
        raise SystemExit("; ".join(different))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run the same jobs on circuits with ioi and with TransformerLens; compare speed, memory, results."
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder")
    parser.add_argument("--data", type=Path, required=True, help="prompts file (.jsonl); all of it is used")
    parser.add_argument("--circuit", type=Path, default=GPT2_SMALL, help="default: the circuit of GPT-2 small")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(JOBS),
        metavar="JOB,…",
        help=f"jobs to run (default: all): {', '.join(JOBS)}",
    )
    parser.add_argument("--sets", type=int, default=100, help="random sets of the completeness job (default: 100)")
    parser.add_argument("--sets-timed", type=int, default=4, help="sets TransformerLens runs, 0 for all (default: 4)")
    parser.add_argument("--threads", type=int, default=2, help="threads of both programs (default: 2)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, alternating (default: 1)")
    arguments = parser.parse_args()
    for name in ("model", "data", "circuit", "ioi"):
        path = getattr(arguments, name)
        if not path.exists():
            parser.error(f"--{name} {path}: no such file or folder")
    for name in ("sets", "threads", "repeat"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: expected at least 1")
    for name in arguments.only:
        if name not in JOBS:
            parser.error(f"--only {name}: expected some of {', '.join(JOBS)}")
    return arguments


# Running the programs


def run_both(arguments: argparse.Namespace, job: str) -> Run:
    options = JOBS[job].options(arguments.circuit, arguments.sets)
    ours = run_process(ioi_command(arguments, options, arguments.model, arguments.data))
    results = json.loads(ours.output)["results"]
    theirs = run_transformer_lens(arguments, job, results)
    return Run(ours, theirs, results, json.loads(theirs.output))


def run_transformer_lens(arguments: argparse.Namespace, job: str, results: dict[str, Any]) -> Process:
    """For `completeness`, on sets that ioi drew."""
    command: list[Any] = [sys.executable, HERE / "torch_circuits.py", "--job", job, "--model", arguments.model]
    command += ["--data", arguments.data, "--threads", arguments.threads]
    if job == "eap":
        return run_process(command)
    command += ["--circuit", arguments.circuit]
    if job == "faithfulness":
        return run_process(command)
    drawn = [entry["k"] for entry in random_sets(results)]
    sets = spread(drawn, arguments.sets_timed)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(sets, file)
        file.flush()
        return run_process([*command, "--sets", file.name, "--sets-of-job", len(drawn)])


# Figures


def agree(job: str, run: Run) -> Agreement:
    match job:
        case "faithfulness":
            pairs = [
                pair
                for name in ("model", "circuit")
                for pair in zip(run.results["per_prompt"][name], run.report[name], strict=True)
            ]
            return Agreement("logit differences", largest_difference(pairs), PROMPT_TOLERANCE)
        case "completeness":
            ours = {tuple(entry["k"]): entry for entry in random_sets(run.results)}
            pairs = [
                (ours[tuple(names)][name], value)
                for name in ("model", "circuit")
                for names, value in zip(run.report["k"], run.report[name], strict=True)
            ]
            return Agreement("mean logit differences", largest_difference(pairs), MEAN_TOLERANCE)
        case _:
            scores = run.report["scores"]
            pairs = [(score, scores[name]) for name, score in edge_scores(run.results).items()]
            largest = max(map(abs, scores.values()))
            return Agreement("edge scores", largest_difference(pairs) / largest, SCORE_TOLERANCE)


def largest_difference(pairs: list[tuple[float, float]]) -> float:
    """Infinite where a figure is not a number, so that no maximum passes over it."""
    differences = [abs(one - other) for one, other in pairs]
    return max(value if value == value else float("inf") for value in differences)


def print_summary(arguments: argparse.Namespace, job: str, runs: list[Run], agreement: Agreement) -> None:
    ours = median(run.ours.seconds for run in runs)
    theirs = median(run.report["seconds"] for run in runs)
    print(f"{JOBS[job].title} ({job})")
    details = f"{' / '.join({run.report['batching'] for run in runs})}"
    if job == "completeness":
        timed = runs[0].report["set_seconds"]
        seconds = median(value for run in runs for value in run.report["set_seconds"])
        sets = len(random_sets(runs[0].results))
        details += f"; {len(timed)} of {sets} sets run, {seconds:.2f} s a set"
    libraries = max(run.report["libraries_bytes"] for run in runs)
    print(
        f"  TransformerLens {theirs:8.1f} s {max(run.theirs.peak_bytes for run in runs) / 1e9:6.2f} GB   {details}; "
        f"libraries {libraries / 1e9:.2f} GB"
    )
    print(f"  ioi             {ours:8.1f} s {max(run.ours.peak_bytes for run in runs) / 1e9:6.2f} GB")
    print(f"  ratio           {theirs / ours:8.1f}{'':14}{agreement.of} within {agreement.difference:.1e}", flush=True)
    if job == "eap":
        scoring = median(run.results["seconds_scoring"] for run in runs)
        forward = median(run.results["seconds_forward"] for run in runs)
        print(
            f"  scores alone    {scoring:8.1f} s, or {scoring / forward:.1f} of ioi's forward passes over the prompts, "
            f"{forward:.2f} s each; ratio {theirs / scoring:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
