#!/usr/bin/env python3
"""Compares every kind of patching and knockout of `ioi` with a plain GPT-2 in torch, prompt by prompt.

The reference (reference_gpt2.py) runs one prompt at a time in whole passes; nothing is taken over from an earlier
run but the values patched in. For each check `ioi` runs its whole map on a few prompts, and the reference a sample
of the map's cells. A line a check: how many logit differences were compared, the largest difference, the largest
change that patching made to any of them (near zero, a check says little), and the largest difference of the
prompts' means.

Exits with 1 if any logit difference is further off than 1e-4 * max(1, |LD|), a mean or an effect further than
that allows, or a run fails.
"""

import argparse
import json
import random
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reference_gpt2 import (
    HEAD_SITES,
    LAYER_SITES,
    SCALE_SITES,
    Activations,
    Hook,
    ReferenceGPT2,
    Shape,
    write_random_model,
)

TOLERANCE = 1e-4
POSITIONS = ("IO", "S1", "S1+1", "S2", "END")
QKV = ("q", "k", "v")

Cell = tuple[int, ...]
"""(layer, head), (layer,), or () where a run changes one set of heads and there is no map."""


@dataclass(frozen=True)
class Prompt:
    """One line of a prompts file."""

    tokens: list[int]
    abc_tokens: list[int]
    io: int
    s: int
    positions: dict[str, int]
    group: tuple[str, str]

    def rows(self, position: str) -> list[int]:
        return list(range(len(self.tokens))) if position == "all" else [self.positions[position]]


@dataclass(frozen=True)
class Receiver:
    """What a sender's change is passed on to: the logits, or one head's q, k or v at a position class."""

    site: str
    layer: int = 0
    head: int = 0
    position: str = "END"


@dataclass(frozen=True)
class Check:
    """One command of `ioi` and how the reference finds the logit difference of any cell of its map.

    `map_path` leads to the part of `results` that holds the figures, `patched` names the map there.
    """

    arguments: list[str]
    reference: Callable[[Prompt, Cell], float]
    cells: list[Cell]
    base: ReferenceGPT2
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
    summary_difference: float = 0
    worst: float = 0

    def add(self, ours: float, reference: float, original: float) -> None:
        self.compared += 1
        self.difference = largest(self.difference, abs(ours - reference))
        self.change = max(self.change, abs(reference - original))
        self.worst = largest(self.worst, abs(ours - reference) / allowed(reference))

    def add_mean(self, ours: float, reference: float, scale: float) -> None:
        self.summary_difference = largest(self.summary_difference, abs(ours - reference))
        self.worst = largest(self.worst, abs(ours - reference) / scale)


def largest(one: float, other: float) -> float:
    """Not a number counts as infinite, so that no maximum passes over it."""
    return max(one, other if other == other else float("inf"))


def allowed(logit_difference: float) -> float:
    return TOLERANCE * max(1.0, abs(logit_difference))


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory(prefix="ioi-reference-") as scratch:
        if arguments.random_weights is not None:
            arguments.model, arguments.donor = write_random_pair(arguments, Path(scratch))
        data = Path(scratch) / "prompts.jsonl"
        with arguments.data.open() as lines:
            data.write_text("".join(islice(lines, arguments.prompts)))
        prompts = read_prompts(data)
        failures = [check.name for check in checks(arguments, prompts) if not holds(arguments, check, data, prompts)]
    if failures:
        raise SystemExit(f"{len(failures)} checks differ: " + "; ".join(failures))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare ioi's patching and knockout with a plain torch GPT-2, prompt by prompt."
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder")
    parser.add_argument("--donor", type=Path, help="a second model of that shape, for cross-model patching")
    parser.add_argument("--data", type=Path, required=True, help="prompts file (.jsonl)")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument("--prompts", type=int, default=4, help="prompts taken from the file's start (default: 4)")
    parser.add_argument("--cells", type=int, default=6, help="cells of each map to compare (default: 6)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice of cells (default: 0)")
    parser.add_argument("--only", default="", metavar="TEXT", help="just the checks whose line contains TEXT")
    parser.add_argument("--float32", action="store_true", help="run the reference in float32, not float64")
    parser.add_argument("--threads", type=int, default=2, help="threads of both programs (default: 2)")
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


def read_prompts(path: Path) -> list[Prompt]:
    return [
        Prompt(
            tokens=line["tokens"],
            abc_tokens=line["abc_tokens"],
            io=line["io_token"],
            s=line["s_token"],
            positions=line["positions"],
            group=(line["template"], line["order"]),
        )
        for line in map(json.loads, path.read_text().splitlines())
    ]


# Comparing


def holds(arguments: argparse.Namespace, check: Check, data: Path, prompts: list[Prompt]) -> bool:
    """Runs both sides of a check and prints its line."""
    results = run_ioi(arguments, check, data)
    comparison = compare(check, results, prompts)
    good = comparison.worst <= 1
    print(
        f"{'same' if good else 'DIFFERS':8}{comparison.compared:4} LDs, off by {comparison.difference:.1e}, "
        f"changed by {comparison.change:.1e}, means off by {comparison.summary_difference:.1e}   {check.name}",
        flush=True,
    )
    return good


def run_ioi(arguments: argparse.Namespace, check: Check, data: Path) -> dict[str, Any]:
    common = ["--data", data, "--threads", arguments.threads, "--format", "json", "--per-prompt", "--quiet"]
    command = [str(part) for part in [arguments.ioi.resolve(), *check.arguments, *common]]
    command[2:2] = ["--model", str(arguments.model)]
    if "cross-model" in check.arguments:
        command += ["--donor", str(arguments.donor)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode != 0:
        raise SystemExit(f"exit code {run.returncode} from: {shlex.join(command)}")
    results = json.loads(run.stdout)["results"]
    return results[check.map_path] if check.map_path else results


def compare(check: Check, results: dict[str, Any], prompts: list[Prompt]) -> Comparison:
    comparison = Comparison()
    originals = [check.base.logit_difference(p.tokens, p.io, p.s, unchanged) for p in prompts]
    per_prompt = results["per_prompt"]
    for ours, reference in zip(per_prompt["original"], originals, strict=True):
        comparison.add(ours, reference, reference)
    comparison.add_mean(results["original"], mean(originals), mean(map(allowed, originals)))
    for cell in check.cells:
        values = [check.reference(prompt, cell) for prompt in prompts]
        for ours, reference, original in zip(at(per_prompt[check.patched], cell), values, originals, strict=True):
            comparison.add(ours, reference, original)
        comparison.add_mean(at(results[check.patched], cell), mean(values), mean(map(allowed, values)))
        expected, tolerance = effect(values, originals, check.mean_of_ratios)
        comparison.add_mean(at(results["effect"], cell), expected, tolerance)
    return comparison


def at(values: Any, cell: Cell) -> Any:
    for index in cell:
        values = values[index]
    return values


def effect(values: list[float], originals: list[float], mean_of_ratios: bool) -> tuple[float, float]:
    """100 (LD - original) / original, and how far off it may be where each LD is off by what is allowed."""
    if not mean_of_ratios:
        pairs = [(mean(values), mean(originals))]
    else:
        pairs = list(zip(values, originals))
    effects = [100 * (value - original) / original for value, original in pairs]
    slack = [100 * (allowed(value) + allowed(original) * abs(value / original)) / abs(original) for value, original in pairs]
    return mean(effects), mean(slack)


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


# The methods


def unchanged(_site: str, _layer: int, value: Tensor) -> Tensor:
    return value


def replaced(value: Tensor, source: Tensor, rows: list[int], head: int | None) -> Tensor:
    """The value with some rows, of one head or all there is, taken from the source."""
    value = value.clone()
    if head is None:
        value[rows] = source[rows]
    else:
        value[head, rows] = source[head, rows]
    return value


class Laboratory:
    """The methods of patching and knockout on one model, each by whole runs.

    The runs that values come from are kept from cell to cell; every patched run is computed in full.
    """

    def __init__(self, model: ReferenceGPT2, prompts: list[Prompt]) -> None:
        self.model = model
        self.prompts = prompts
        self.recorded: dict[tuple[int, ...], Activations] = {}

    def activations(self, tokens: list[int]) -> Activations:
        key = tuple(tokens)
        if key not in self.recorded:
            self.recorded[key] = self.model.activations(tokens)
        return self.recorded[key]

    def measure(self, prompt: Prompt, hook: Hook) -> float:
        return self.model.logit_difference(prompt.tokens, prompt.io, prompt.s, hook)

    def substitute(self, prompt: Prompt, source: Activations, sites: list[str], position: str, cell: Cell) -> float:
        """The run on the prompt with sites of one layer (and head) replaced at a position by the source's."""
        layer, head = cell[0], cell[1] if len(cell) == 2 else None

        def hook(site: str, at_layer: int, value: Tensor) -> Tensor:
            if site in sites and at_layer == layer:
                return replaced(value, source[site, layer], prompt.rows(position), head)
            return value

        return self.measure(prompt, hook)

    def activation_patch(self, site: str, position: str, prompt: Prompt, cell: Cell) -> float:
        return self.substitute(prompt, self.activations(prompt.abc_tokens), [site], position, cell)

    def path_patch(
        self, receivers: list[Receiver], freeze_mlp: bool, freeze_ln: bool, prompt: Prompt, sender: Cell
    ) -> float:
        """The four passes; a sender of one index is the layer of an MLP."""
        new, original = self.activations(prompt.abc_tokens), self.activations(prompt.tokens)
        everywhere = prompt.rows("all")
        received: Activations = {}

        def sending(site: str, layer: int, value: Tensor) -> Tensor:
            if site in QKV:
                received[site, layer] = value
                return original[site, layer]
            if freeze_ln and site in SCALE_SITES:
                return original[site, layer]
            if freeze_mlp and site == "mlp":
                value = original[site, layer]
            if len(sender) == 2 and site == "z" and layer == sender[0]:
                return replaced(value, new["z", layer], everywhere, sender[1])
            if len(sender) == 1 and site == "mlp" and layer == sender[0]:
                return new["mlp", layer]
            return value

        logit_difference_of_sending = self.measure(prompt, sending)
        if any(receiver.site == "logits" for receiver in receivers):
            return logit_difference_of_sending

        def receiving(site: str, layer: int, value: Tensor) -> Tensor:
            for receiver in receivers:
                if (receiver.site, receiver.layer) == (site, layer):
                    rows = prompt.rows(receiver.position)
                    value = replaced(value, received[site, layer], rows, receiver.head)
            return value

        return self.measure(prompt, receiving)

    def knock_out(
        self, heads: list[tuple[int, int, str]], mlps: list[int], ablation: str, prompt: Prompt, _cell: Cell
    ) -> float:
        def hook(site: str, layer: int, value: Tensor) -> Tensor:
            if site == "mlp" and layer in mlps:
                return self.ablated("mlp", layer, ablation, prompt)
            if site == "z":
                for _, head, position in (entry for entry in heads if entry[0] == layer):
                    value = replaced(value, self.ablated("z", layer, ablation, prompt), prompt.rows(position), head)
            return value

        return self.measure(prompt, hook)

    def ablated(self, site: str, layer: int, ablation: str, prompt: Prompt) -> Tensor:
        partner = self.activations(prompt.abc_tokens)[site, layer]
        if ablation == "zero":
            return torch.zeros_like(partner)
        if ablation == "counterfactual":
            return partner
        group = [self.activations(p.abc_tokens)[site, layer] for p in self.prompts if p.group == prompt.group]
        return torch.stack(group).mean(dim=0)


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
    cases = [(site, position) for site in HEAD_SITES for position in ("END", "all")]
    cases += [("z", "S2"), ("pattern", "S2"), ("k", "S1"), ("k", "S2"), ("v", "S1+1"), ("v", "IO"), ("result", "S1+1")]
    cases += [(site, position) for site in LAYER_SITES for position in ("END", "all")]
    cases += [("mlp", "S2"), ("attn", "IO"), ("resid_pre", "S1"), ("resid_mid", "S2"), ("resid_post", "S1+1")]
    for site, position in cases:
        yield Check(
            arguments=["patch", "--mode", "activation", "--site", site, "--position", position],
            reference=partial(host.activation_patch, site, position),
            cells=sampler.heads() if site in HEAD_SITES else sampler.layers(),
            base=host.model,
        )


def path_checks(host: Laboratory, sampler: CellSampler) -> Iterator[Check]:
    shape = host.model.shape
    logits = [Receiver("logits")]
    queries = receiver_set(shape, "q", [(9, 9), (9, 6), (10, 0)], "END")
    values = receiver_set(shape, "v", [(7, 3), (7, 9), (8, 6), (8, 10)], "S2")
    keys = receiver_set(shape, "k", [(5, 5), (6, 9)], "S1+1")
    keys_everywhere = receiver_set(shape, "k", [(8, 6)], "all")
    values_of_io = receiver_set(shape, "v", [(10, 0)], "IO")
    mixed = queries + values + keys
    plain = (False, False)
    frozen = [(True, False), (False, True), (True, True)]
    for senders in ("heads", "mlps"):
        cases = [(receivers, plain) for receivers in (logits, queries, values, keys, mixed)]
        cases += [(receivers, flags) for receivers in (logits, queries, mixed) for flags in frozen]
        cases += [(keys_everywhere, plain), (values_of_io, plain), (logits + queries, plain)]
        for receivers, flags in cases:
            yield path_check(host, sampler, senders, receivers, flags)
        yield path_check(host, sampler, senders, logits, plain, mean_of_ratios=True)


def path_check(
    host: Laboratory,
    sampler: CellSampler,
    senders: str,
    receivers: list[Receiver],
    flags: tuple[bool, bool],
    mean_of_ratios: bool = False,
) -> Check:
    freeze_mlp, freeze_ln = flags
    options = [part for text in receiver_texts(receivers) for part in ("--receiver", text)]
    options += ["--path-mlp", "freeze"] if freeze_mlp else []
    options += ["--path-ln", "freeze"] if freeze_ln else []
    options += ["--aggregate", "mean-of-ratios"] if mean_of_ratios else []
    return Check(
        arguments=["patch", "--mode", "path", "--sender", senders, *options],
        reference=partial(host.path_patch, receivers, freeze_mlp, freeze_ln),
        cells=sampler.heads() if senders == "heads" else sampler.layers(),
        base=host.model,
        mean_of_ratios=mean_of_ratios,
    )


def receiver_set(shape: Shape, site: str, heads: list[tuple[int, int]], position: str) -> list[Receiver]:
    """Heads given as in GPT-2 small, moved to the same relative depth in a model of another shape."""
    moved = [(layer * shape.layers // 12, head * shape.heads // 12) for layer, head in heads]
    return [Receiver(site, layer, head, position) for layer, head in dict.fromkeys(moved)]


def receiver_texts(receivers: list[Receiver]) -> list[str]:
    """As the command line has them: one text for the heads of one site and position."""
    texts: dict[tuple[str, str], list[str]] = {}
    for receiver in receivers:
        texts.setdefault((receiver.site, receiver.position), []).append(f"{receiver.layer}.{receiver.head}")
    return [
        "logits" if site == "logits" else f"{site}:{','.join(heads)}@{position}"
        for (site, position), heads in texts.items()
    ]


def cross_model_checks(donor: Laboratory, host: Laboratory, sampler: CellSampler) -> Iterator[Check]:
    cases = [([site], "all") for site in ("pattern", "z", "result", *QKV)]
    cases += [(["q", "k"], "all"), (["q", "k", "v"], "all"), (["pattern", "v"], "all")]
    cases += [(["pattern"], "END"), (["z"], "END"), (["k"], "S2"), (["q", "v"], "S1+1")]
    for components, position in cases:
        # One command for both maps would do; each is asked for by itself as well, once.
        directions = ["both", "both"] if components != ["z"] else ["donor-to-host", "host-to-donor"]
        for direction, asked, into, out_of in zip(
            ("donor-to-host", "host-to-donor"), directions, (host, donor), (donor, host), strict=True
        ):
            options = ["--component", ",".join(components), "--position", position, "--direction", asked]
            yield Check(
                arguments=["patch", "--mode", "cross-model", *options, "--circuit", "none"],
                reference=partial(cross_patch, into, out_of, components, position),
                cells=sampler.heads(),
                base=into.model,
                map_path=direction,
            )


def cross_patch(
    into: Laboratory, out_of: Laboratory, components: list[str], position: str, prompt: Prompt, cell: Cell
) -> float:
    return into.substitute(prompt, out_of.activations(prompt.tokens), components, position, cell)


def knockout_checks(host: Laboratory, sampler: CellSampler) -> Iterator[Check]:
    shape = host.model.shape
    movers = [(head.layer, head.head) for head in receiver_set(shape, "z", [(9, 9), (9, 6), (10, 0)], "END")]
    early = [(head.layer, head.head) for head in receiver_set(shape, "z", [(0, 1), (2, 2), (4, 11)], "all")]
    mlps = sorted({0, 3 * shape.layers // 12})
    at_end = [(*head, "END") for head in movers]
    mixed = [(*early[0], "S2"), (*early[1], "S1+1"), (*early[2], "all"), (*movers[0], "END"), (*movers[1], "IO")]
    everything = [(layer, head, "all") for layer in range(shape.layers) for head in range(shape.heads)]
    for ablation in ("mean", "zero", "counterfactual"):
        for heads, layers in ((at_end, []), (mixed, []), (mixed, mlps), ([], mlps), (everything, [])):
            options = ["--heads", ",".join(map(knockout_text, heads))] if heads else []
            options += ["--mlps", ",".join(map(str, layers))] if layers else []
            options += ["--ablate", ablation]
            options += ["--mean-group", "template"] if ablation == "mean" else []
            yield Check(
                arguments=["knockout", *options],
                reference=partial(host.knock_out, heads, layers, ablation),
                cells=[()],
                base=host.model,
                patched="knocked_out",
            )


def knockout_text(entry: tuple[int, int, str]) -> str:
    layer, head, position = entry
    return f"{layer}.{head}" if position == "all" else f"{layer}.{head}@{position}"


if __name__ == "__main__":
    main()
