#!/usr/bin/env python3
"""Compares two processes of one thread each with one process of two threads, both on two cores.

Rounds are paired: each runs a command both ways, in alternating order, so that a machine that gets slower during the
benchmark slows both. Printed are the median of the time of one process over the time of two, with the least and the
greatest; 1 means that nothing is lost by dividing the work among processes. Times are of the whole command, the start
of the processes and the reading of the model among them.

ioi must have been built with MPI: swift build -c release --traits MPI
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from processes import run_process

SWEEPS = {
    "patch --mode path": ["patch", "--mode", "path", "--receiver", "logits"],
    "patch --mode activation": ["patch", "--mode", "activation", "--site", "z"],
    "knockout --heads all --each": ["knockout", "--heads", "all", "--each"],
    "faithfulness": ["faithfulness", "--circuit", "gpt2-small", "--random-sets", "5"],
    "heads": ["heads", "--analyses", "dla,scatter,copying"],
    "eval": ["eval"],
}
COUNTS = {"eval": 1000, "faithfulness": 200, "heads": 128}
TRAINING = {
    "finetune --recipe plain": ["finetune", "--recipe", "plain", "--count", "128", "--batch", "16"],
    "finetune --recipe published": ["finetune", "--recipe", "published", "--count", "256"],
}
# So that root may run it as well, as in containers.
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a model folder, of GPT-2 small's size for the figures of RESULTS.md")
    parser.add_argument("--ioi", default=".build/release/ioi", help="the program (default: .build/release/ioi)")
    parser.add_argument("--rounds", type=int, default=5, help="paired rounds (default: 5)")
    parser.add_argument("--count", type=int, default=32, help="prompts of the sweeps (default: 32)")
    parser.add_argument("--only", default="", help="the commands that contain this")
    arguments = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    program = str(Path(arguments.ioi).resolve())

    def seconds(command: list[str], ranks: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder) / ("run" if command[0] == "finetune" else "results.json"))
            work = [program, *command, "--threads", str(2 // ranks), "--quiet", "--out", out]
            launcher = ["mpirun", "-n", str(ranks), "--bind-to", "core"] if ranks > 1 else []
            return run_process([*launcher, *work]).seconds

    print(f"{'command':32}{'1 x 2 threads':>15}{'2 x 1 thread':>14}{'ratio':>8}{'least':>8}{'most':>8}")
    for name, command in {**SWEEPS, **TRAINING}.items():
        if arguments.only not in name:
            continue
        command = [*command, "--model", arguments.model]
        if "--count" not in command:
            command += ["--count", str(COUNTS.get(name, arguments.count))]
        if command[0] == "finetune":
            command += ["--epochs", "1", "--eval-count", "0"]
        report(name, [pair(command, seconds, round) for round in range(arguments.rounds)])


def pair(command: list[str], seconds, round: int) -> tuple[float, float]:
    """The time of one process and of two."""
    if round % 2:
        two = seconds(command, 2)
        return seconds(command, 1), two
    return seconds(command, 1), seconds(command, 2)


def report(name: str, times: list[tuple[float, float]]) -> None:
    ratios = [one / two for one, two in times]
    one, two = (statistics.median(time[index] for time in times) for index in range(2))
    print(
        f"{name:32}{one:13.2f} s{two:12.2f} s{statistics.median(ratios):8.3f}{min(ratios):8.3f}{max(ratios):8.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
