#!/usr/bin/env python3
"""Compares every kind of patching and knockout of `ioi` with a plain GPT-2 in torch, prompt by prompt.

The reference (reference_patching.py) runs one prompt at a time in whole passes; nothing is taken over from an earlier
run but the values patched in. For each check `ioi` runs its whole map on a few prompts, and the reference a sample
of the map's cells. A line a check: how many logit differences were compared, the largest difference, the largest
change that patching made to any of them (near zero, a check says little), and the largest difference of a mean over
the prompts and of an effect in percent.

Exits with 1 if any logit difference is further off than 1e-4 * max(1, |LD|), a mean or an effect further than
that allows, or a run fails.
"""

import argparse
import json
import random
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

import torch  # noqa: E402
from comparison import allowed, choose_prompts, largest, mean  # noqa: E402
from reference_gpt2 import HEAD_SITES, LAYER_SITES, ReferenceGPT2, Shape, write_random_model  # noqa: E402
from reference_patching import (  # noqa: E402
    QKV,
    Cell,
    Laboratory,
    PathPlan,
    Prompt,
    Receiver,
    cross_patch,
    knockout_text,
    read_prompts,
)

NAME_MOVERS = [(9, 9), (9, 6), (10, 0)]


@dataclass(frozen=True)
class Check:
    """One command of `ioi` and how the reference finds the same logit differences.

    `reference` is the run with a cell of the map patched, `original` the unpatched run, `donor` the run or model that
    values come from, where `ioi` reports it. `map_path` leads to the part of `results` that holds the figures,
    `patched` names the map there.
    """

    arguments: list[str]
    reference: Callable[[Prompt, Cell], float]
    cells: list[Cell]
    original: Callable[[Prompt], float]
    donor: Callable[[Prompt], float] | None = None
    map_path: str | None = None
    patched: str = "patched"
    mean_of_ratios: bool = False

    @property
    def name(self) -> str:
        direction = f" [{self.map_path}]" if self.map_path else ""
        return shlex.join(argument.removeprefix("--") for argument in self.arguments) + direction


@dataclass
class Comparison:
    """Largest differences and changes over one check's cells and prompts; `allowed` is how many times the tolerance
    the worst difference comes to."""

    compared: int = 0
    difference: float = 0
    change: float = 0
    mean_difference: float = 0
    effect_difference: float = 0
    worst: float = 0

    def add(self, ours: float, reference: float, original: float) -> None:
        self.compared += 1
        self.difference = largest(self.difference, abs(ours - reference))
        self.change = max(self.change, abs(reference - original))
        self.worst = largest(self.worst, abs(ours - reference) / allowed(reference))

    def add_mean(self, ours: float, references: list[float]) -> None:
        difference = abs(ours - mean(references))
        self.mean_difference = largest(self.mean_difference, difference)
        self.worst = largest(self.worst, difference / mean(map(allowed, references)))

    def add_effect(self, ours: float, reference: float, tolerance: float) -> None:
        self.effect_difference = largest(self.effect_difference, abs(ours - reference))
        self.worst = largest(self.worst, abs(ours - reference) / tolerance)


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory(prefix="ioi-reference-") as scratch:
        if arguments.random_weights is not None:
            arguments.model, arguments.donor = write_random_pair(arguments, Path(scratch))
        data = Path(scratch) / "prompts.jsonl"
        data.write_text("\n".join(choose_prompts(arguments.data, arguments.prompts)) + "\n")
        prompts = read_prompts(data)
        failures = [check.name for check in checks(arguments, prompts) if not holds(arguments, check, data, prompts)]
    if failures:
        raise SystemExit(f"{len(failures)} checks failed: " + "; ".join(failures))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare ioi's patching and knockout with a plain torch GPT-2, prompt by prompt."
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder")
    parser.add_argument("--donor", type=Path, help="a second model of that shape, for cross-model patching")
    parser.add_argument("--data", type=Path, required=True, help="prompts file (.jsonl)")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument("--prompts", type=int, default=4, help="prompts taken from the file (default: 4)")
    parser.add_argument("--cells", type=int, default=6, help="cells of each map to compare (default: 6)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice of cells (default: 0)")
    parser.add_argument("--only", default="", metavar="TEXT", help="just the checks whose line contains TEXT")
    parser.add_argument("--float32", action="store_true", help="run the reference in float32, not float64")
    parser.add_argument("--threads", type=int, default=2, help="threads of both programs (default: 2)")
    parser.add_argument("--backend", default="auto", help="backend of ioi (default: auto)")
    parser.add_argument("--precision", default="fp32", help="precision of ioi, fp32 or bf16x3 (default: fp32)")
    parser.add_argument(
        "--random-weights",
        type=int,
        metavar="SEED",
        help="take only the shape from --model; model and donor get random weights in which every part matters",
    )
    arguments = parser.parse_args()
    for name in ("model", "donor", "data", "ioi"):
        path = getattr(arguments, name)
        if path is not None and not path.exists():
            parser.error(f"--{name} {path}: no such file or folder")
    for name in ("prompts", "cells", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: expected at least 1")
    if arguments.donor is None and arguments.random_weights is None:
        parser.error("--donor: expected a second model's folder, or --random-weights")
    return arguments


def write_random_pair(arguments: argparse.Namespace, scratch: Path) -> tuple[Path, Path]:
    host, donor = scratch / "host", scratch / "donor"
    write_random_model(host, arguments.model, arguments.random_weights)
    write_random_model(donor, arguments.model, arguments.random_weights + 1, noise_on=host)
    return host, donor


# Comparing


def holds(arguments: argparse.Namespace, check: Check, data: Path, prompts: list[Prompt]) -> bool:
    """Runs both sides of a check and prints its line."""
    results = run_ioi(arguments, check, data)
    if results is None:
        print(f"FAILED   {check.name}", flush=True)
        return False
    comparison = compare(check, results, prompts)
    same = comparison.worst <= 1
    print(
        f"{'same' if same else 'DIFFERS':8} {comparison.compared:4} LDs, off by {comparison.difference:.1e}, "
        f"changed by {comparison.change:.1e}; means off by {comparison.mean_difference:.1e}, "
        f"effects by {comparison.effect_difference:.1e} %   {check.name}",
        flush=True,
    )
    return same


def run_ioi(arguments: argparse.Namespace, check: Check, data: Path) -> dict[str, Any] | None:
    """The part of the results document with the check's figures; nothing where the run fails."""
    command = [arguments.ioi.resolve(), check.arguments[0], "--model", arguments.model, *check.arguments[1:]]
    command += ["--donor", arguments.donor] if "cross-model" in check.arguments else []
    command += ["--backend", arguments.backend, "--precision", arguments.precision]
    command += ["--data", data, "--threads", arguments.threads, "--format", "json", "--per-prompt", "--quiet"]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if run.returncode != 0:
        print(f"exit code {run.returncode}: {run.stderr.strip()}", file=sys.stderr)
        return None
    results = json.loads(run.stdout)["results"]
    return results[check.map_path] if check.map_path else results


def compare(check: Check, results: dict[str, Any], prompts: list[Prompt]) -> Comparison:
    comparison = Comparison()
    per_prompt = results["per_prompt"]
    originals = [check.original(prompt) for prompt in prompts]
    unpatched = {"original": originals}
    if check.donor is not None:
        unpatched["donor"] = [check.donor(prompt) for prompt in prompts]
    for name, values in unpatched.items():
        for ours, reference in zip(per_prompt[name], values, strict=True):
            comparison.add(ours, reference, reference)
        comparison.add_mean(results[name], values)
    for cell in check.cells:
        values = [check.reference(prompt, cell) for prompt in prompts]
        for ours, reference, original in zip(at(per_prompt[check.patched], cell), values, originals, strict=True):
            comparison.add(ours, reference, original)
        comparison.add_mean(at(results[check.patched], cell), values)
        comparison.add_effect(at(results["effect"], cell), *effect(values, originals, check.mean_of_ratios))
    return comparison


def at(values: Any, cell: Cell) -> Any:
    for index in cell:
        values = values[index]
    return values


def effect(values: list[float], originals: list[float], mean_of_ratios: bool) -> tuple[float, float]:
    """100 (LD - original) / original, and how far off it may be where each LD is off by what is allowed."""
    pairs = list(zip(values, originals, strict=True)) if mean_of_ratios else [(mean(values), mean(originals))]
    effects = [100 * (value - original) / original for value, original in pairs]
    slack = [
        100 * (allowed(value) + allowed(original) * abs(value / original)) / abs(original) for value, original in pairs
    ]
    return mean(effects), mean(slack)


# What is checked


class CellSampler:
    """Chooses cells of a map, at least half of them in its lowest third, below every receiver checked here."""

    def __init__(self, shape: Shape, count: int, seed: int) -> None:
        self.shape = shape
        self.count = count
        self.generator = random.Random(seed)

    def heads(self) -> list[Cell]:
        return self.sample([(layer, head) for layer in range(self.shape.layers) for head in range(self.shape.heads)])

    def layers(self) -> list[Cell]:
        return self.sample([(layer,) for layer in range(self.shape.layers)])

    def sample(self, cells: list[Cell]) -> list[Cell]:
        low = [cell for cell in cells if cell[0] < max(1, self.shape.layers // 3)]
        chosen = self.generator.sample(low, min((self.count + 1) // 2, len(low)))
        others = [cell for cell in cells if cell not in chosen]
        return sorted(chosen + self.generator.sample(others, min(self.count - len(chosen), len(others))))


def checks(arguments: argparse.Namespace, prompts: list[Prompt]) -> Iterator[Check]:
    dtype = torch.float32 if arguments.float32 else torch.float64
    host, donor = (Laboratory(ReferenceGPT2(path, dtype), prompts) for path in (arguments.model, arguments.donor))
    sampler = CellSampler(host.model.shape, arguments.cells, arguments.seed)
    for make in (activation_checks, path_checks, partial(cross_model_checks, donor), knockout_checks):
        yield from (check for check in make(host, sampler) if arguments.only in check.name)


def activation_checks(host: Laboratory, sampler: CellSampler) -> Iterator[Check]:
    cases = [(site, positions) for site in HEAD_SITES for positions in ("END", "all")]
    cases += [("z", "S2,END"), ("pattern", "S2"), ("k", "S1"), ("k", "S2"), ("v", "S1+1"), ("v", "IO")]
    cases += [("result", "S1+1")]
    cases += [(site, positions) for site in LAYER_SITES for positions in ("END", "all")]
    cases += [("mlp", "S2"), ("attn", "IO"), ("resid_pre", "S1"), ("resid_mid", "S2"), ("resid_post", "S1+1")]
    for site, positions in cases:
        yield Check(
            arguments=["patch", "--mode", "activation", "--site", site, "--position", positions],
            reference=partial(host.activation_patch, site, positions),
            cells=sampler.heads() if site in HEAD_SITES else sampler.layers(),
            original=host.original,
            donor=host.original_of_counterfactual,
        )
    for site, positions in (("z", "S2"), ("k", "all"), ("mlp", "END"), ("resid_mid", "S1+1")):
        yield Check(
            arguments=["patch", "--mode", "activation", "--denoise", "--site", site, "--position", positions],
            reference=partial(host.denoise, site, positions),
            cells=sampler.heads() if site in HEAD_SITES else sampler.layers(),
            original=host.original_of_counterfactual,
            donor=host.original,
        )


def path_checks(host: Laboratory, sampler: CellSampler) -> Iterator[Check]:
    shape = host.model.shape
    logits = [Receiver("logits")]
    queries = receiver_set(shape, "q", NAME_MOVERS, "END")
    values = receiver_set(shape, "v", [(7, 3), (7, 9), (8, 6), (8, 10)], "S2")
    keys = receiver_set(shape, "k", [(5, 5), (6, 9)], "S1+1")
    keys_everywhere = receiver_set(shape, "k", [(8, 6)], "all")
    values_of_io = receiver_set(shape, "v", [(10, 0)], "IO")
    mixed = queries + values + keys
    frozen = [(True, False), (False, True), (True, True)]
    knocked_out = [(*head, "END") for head in moved(shape, [(9, 9), (10, 0)])]
    knocked_out += [(*head, "all") for head in moved(shape, [(4, 11)])]
    plans = [PathPlan(receivers) for receivers in (logits, queries, values, keys, mixed)]
    for receivers in (logits, queries, mixed):
        plans += [PathPlan(receivers, freeze_mlp=mlp, freeze_ln=ln) for mlp, ln in frozen]
    plans += [PathPlan(receivers) for receivers in (keys_everywhere, values_of_io, logits + queries)]
    plans += [PathPlan(receivers, knocked_out=knocked_out) for receivers in (logits, mixed)]
    plans += [PathPlan(logits, freeze_ln=True, knocked_out=knocked_out), PathPlan(logits, mean_of_ratios=True)]
    for senders in ("heads", "mlps"):
        for plan in plans:
            yield Check(
                arguments=["patch", "--mode", "path", "--sender", senders, *plan.options()],
                reference=partial(host.path_patch, plan),
                cells=sampler.heads() if senders == "heads" else sampler.layers(),
                original=partial(host.knock_out, plan.knocked_out, [], "mean"),
                mean_of_ratios=plan.mean_of_ratios,
            )


def moved(shape: Shape, heads: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Heads given as in GPT-2 small, at the same relative depth in a model of another shape."""
    return [(layer * shape.layers // 12, head * shape.heads // 12) for layer, head in heads]


def receiver_set(shape: Shape, site: str, heads: list[tuple[int, int]], position: str) -> list[Receiver]:
    return [Receiver(site, layer, head, position) for layer, head in dict.fromkeys(moved(shape, heads))]


def cross_model_checks(donor: Laboratory, host: Laboratory, sampler: CellSampler) -> Iterator[Check]:
    cases = [([site], "all") for site in ("pattern", "z", "result", *QKV)]
    cases += [(["q", "k"], "all"), (["q", "k", "v"], "all")]
    cases += [(["pattern"], "END"), (["z"], "END"), (["k"], "S2"), (["q", "v"], "S1+1")]
    for components, positions in cases:
        for direction, into, out_of in (("donor-to-host", host, donor), ("host-to-donor", donor, host)):
            asked = "both" if components == ["z"] else direction
            options = ["--component", ",".join(components), "--position", positions, "--direction", asked]
            yield Check(
                arguments=["patch", "--mode", "cross-model", *options, "--circuit", "none"],
                reference=partial(cross_patch, into, out_of, components, positions),
                cells=sampler.heads(),
                original=into.original,
                donor=out_of.original,
                map_path=direction,
            )


def knockout_checks(host: Laboratory, sampler: CellSampler) -> Iterator[Check]:
    shape = host.model.shape
    movers = [(*head, "END") for head in dict.fromkeys(moved(shape, NAME_MOVERS))]
    early = moved(shape, [(0, 1), (2, 2), (4, 11)])
    mixed = [(*head, position) for head, position in zip(early, ("S2", "S1+1", "all"), strict=True)]
    mixed += [movers[0], (*moved(shape, [(8, 6)])[0], "IO")]
    everything = [(layer, head, "all") for layer in range(shape.layers) for head in range(shape.heads)]
    mlps = [(layer, "all") for layer in sorted({0, shape.layers // 4})]
    placed_mlps = [(shape.layers // 4, "S2"), (shape.layers - 2, "END")]
    cases = [(movers, []), (mixed, []), (mixed, mlps), ([], mlps), (movers, placed_mlps), (everything, [])]
    for ablation in ("mean", "zero", "counterfactual"):
        for heads, layers in cases:
            options = ["--heads", knockout_text(heads)] if heads else []
            options += ["--mlps", knockout_text(layers)] if layers else []
            options += ["--ablate", ablation]
            options += ["--mean-group", "template"] if ablation == "mean" else []
            yield Check(
                arguments=["knockout", *options],
                reference=partial(host.knock_out, heads, layers, ablation),
                cells=[()],
                original=host.original,
                patched="knocked_out",
            )


if __name__ == "__main__":
    main()
