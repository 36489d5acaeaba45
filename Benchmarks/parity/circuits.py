#!/usr/bin/env python3
"""Compares circuits and edges of `ioi` with whole runs of a plain GPT-2 in torch in float64.

Prompts are taken one at a time, heads and edges replaced as they are defined; nothing is taken over from an earlier run
but the values put in (reference_gpt2.py, reference_patching.py, reference_graph.py). A line a check: how many figures
were compared, the largest difference, and the largest change that the replacing made (near zero, a check says little).

Exits with 1 if a logit difference is further off than 1e-4 * max(1, |LD|), a score further than 1e-4 of the largest, or
a run fails.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

import torch  # noqa: E402
from circuit_jobs import (  # noqa: E402
    GPT2_SMALL,
    JOBS,
    Circuit,
    edge_name,
    edge_scores,
    head_named,
    ioi_command,
    mib_edge_name,
    saved_scores,
)
from comparison import allowed, choose_prompts, largest, mean  # noqa: E402
from processes import run_process  # noqa: E402
from reference_gpt2 import ReferenceGPT2, write_random_model  # noqa: E402
from reference_graph import RULES, ReferenceGraph  # noqa: E402
from reference_patching import Laboratory, Prompt, read_prompts  # noqa: E402
from torch import Tensor  # noqa: E402

SCORE_TOLERANCE = 1e-4
STEPS = 5
CHECKS = [*JOBS, "eap-ig"]
ABLATIONS = ("mean", "zero", "counterfactual")


@dataclass
class Comparison:
    """One check's largest difference and change; `worst` is how many times the tolerance the worst difference is."""

    name: str
    compared: int = 0
    difference: float = 0
    change: float = 0
    worst: float = 0
    figures: str = field(default="LDs", kw_only=True)

    def add(self, ours: float, reference: float, original: float, tolerance: float) -> None:
        self.compared += 1
        self.difference = largest(self.difference, abs(ours - reference))
        self.change = max(self.change, abs(reference - original))
        self.worst = largest(self.worst, abs(ours - reference) / tolerance)

    def print(self) -> None:
        print(
            f"{'same' if self.worst <= 1 else 'DIFFERS':8} {self.compared:4} {self.figures}, off by "
            f"{self.difference:.1e}, changed by {self.change:.1e}   {self.name}",
            flush=True,
        )


class CircuitLaboratory(Laboratory):
    """A circuit alone, and the model without some of its heads."""

    def __init__(self, model: ReferenceGPT2, prompts: list[Prompt]) -> None:
        super().__init__(model, prompts)
        self.graph = ReferenceGraph(model)

    def complement_ablated(self, circuit: Circuit, ablation: str, prompt: Prompt) -> float:
        """F(C) on one prompt: z of every head and position that is not kept is replaced."""

        def hook(site: str, layer: int, value: Tensor) -> Tensor:
            if site != "z":
                return value
            replaced = self.ablated("z", layer, ablation, prompt).clone()
            for head, position in circuit.in_layer(layer):
                rows = prompt.rows(position)
                replaced[head, rows] = value[head, rows]
            return replaced

        return self.measure(prompt, hook)

    def complement_ablated_by_edges(self, circuit: Circuit, ablation: str, prompt: Prompt) -> float:
        """F(C) on one prompt, edge by edge: the input and the MLPs go to every receiver as they are, a head just along
        the edges that are kept and from the positions where it is kept; what else it sends is replaced."""
        layers = range(self.model.shape.layers)
        ablated = [self.ablated("result", layer, ablation, prompt) for layer in layers]

        def hook(sender: str, receiver: str, output: Tensor) -> Tensor:
            if sender == "input" or sender.startswith("m"):
                return output
            layer, head = head_named(sender)
            replaced = ablated[layer][head]
            if circuit.hears((layer, head), receiver):
                rows = prompt.rows(circuit.positions[layer, head])
                replaced = replaced.clone()
                replaced[rows] = output[rows]
            return replaced

        run = self.graph.run(self.graph.embedding(prompt.tokens), hook)
        return float(self.graph.logit_difference(run, prompt.io, prompt.s))

    def without(self, circuit: Circuit, ablation: str, prompt: Prompt) -> float:
        """F(M∖K) on one prompt: the heads of K are knocked out where the circuit keeps them."""
        heads = [(*head, position) for head, position in circuit.positions.items()]
        return self.measure(prompt, self.knocking_out(heads, [], ablation, prompt))


def main() -> None:
    arguments = parse_arguments()
    # Of products this small, threads would only wait for one another.
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory(prefix="ioi-circuits-") as scratch:
        folder = Path(scratch)
        if arguments.random_weights is not None:
            write_random_model(folder / "model", arguments.model, arguments.random_weights)
            arguments.model = folder / "model"
        data = folder / "prompts.jsonl"
        data.write_text("\n".join(choose_prompts(arguments.data, arguments.prompts)) + "\n")
        model, prompts = ReferenceGPT2(arguments.model), read_prompts(data)
        laboratory, circuit = CircuitLaboratory(model, prompts), Circuit.read(arguments.circuit)
        checks = {
            "faithfulness": partial(check_faithfulness, laboratory, circuit),
            "completeness": partial(check_completeness, laboratory, circuit),
            "eap": partial(check_edges, laboratory.graph, prompts),
            "eap-ig": partial(check_rules, laboratory.graph, prompts),
        }
        failures = []
        for job in arguments.only:
            for comparison in checks[job](arguments, data):
                comparison.print()
                failures += [] if comparison.worst <= 1 else [comparison.name]
    if failures:
        raise SystemExit(f"{len(failures)} checks failed: " + "; ".join(failures))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare ioi's circuits and edges with a plain torch GPT-2 in float64."
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder")
    parser.add_argument("--data", type=Path, required=True, help="prompts file (.jsonl)")
    parser.add_argument("--circuit", type=Path, default=GPT2_SMALL, help="default: the circuit of GPT-2 small")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=CHECKS,
        metavar="JOB,…",
        help=f"jobs to check (default: all): {', '.join(CHECKS)}",
    )
    parser.add_argument("--sets", type=int, default=4, help="random sets of the completeness job (default: 4)")
    parser.add_argument("--prompts", type=int, default=4, help="prompts taken from the file (default: 4)")
    parser.add_argument("--threads", type=int, default=2, help="threads of ioi (default: 2)")
    parser.add_argument("--backend", default="auto", help="backend of ioi (default: auto)")
    parser.add_argument("--precision", default="fp32", help="precision of ioi, fp32 or bf16x3 (default: fp32)")
    parser.add_argument(
        "--random-weights",
        type=int,
        metavar="SEED",
        help="take only the shape from --model; the model gets random weights in which every part matters",
    )
    arguments = parser.parse_args()
    for name in ("model", "data", "circuit", "ioi"):
        path = getattr(arguments, name)
        if not path.exists():
            parser.error(f"--{name} {path}: no such file or folder")
    for name in ("sets", "prompts", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: expected at least 1")
    for name in arguments.only:
        if name not in CHECKS:
            parser.error(f"--only {name}: expected some of {', '.join(CHECKS)}")
    return arguments


def ask(arguments: argparse.Namespace, options: list[Any], data: Path) -> dict[str, Any]:
    options = [*options, "--backend", arguments.backend, "--precision", arguments.precision]
    output = run_process(ioi_command(arguments, options, arguments.model, data)).output
    return json.loads(output)["results"]


def check_faithfulness(
    laboratory: CircuitLaboratory, circuit: Circuit, arguments: argparse.Namespace, data: Path
) -> Iterator[Comparison]:
    """Head by head, and edge by edge where the circuit names paths."""
    granularities = {"node": laboratory.complement_ablated}
    if circuit.paths:
        granularities["edge"] = laboratory.complement_ablated_by_edges
    originals = [laboratory.original(prompt) for prompt in laboratory.prompts]
    for granularity, ablation, positions in product(granularities, ABLATIONS, ("circuit", "all")):
        options = ["--granularity", granularity, "--ablate", ablation, "--positions", positions]
        options += ["--mean-group", "template"] if ablation == "mean" else []
        results = ask(arguments, JOBS["faithfulness"].options(arguments.circuit, 0) + options, data)
        kept = circuit.everywhere() if positions == "all" else circuit
        ablated = [granularities[granularity](kept, ablation, prompt) for prompt in laboratory.prompts]
        comparison = Comparison(f"faithfulness {' '.join(options)}")
        for name, values in (("model", originals), ("circuit", ablated)):
            for ours, reference, original in zip(results["per_prompt"][name], values, originals, strict=True):
                comparison.add(ours, reference, original, allowed(reference))
            comparison.add(results[name], mean(values), mean(originals), mean(map(allowed, values)))
        yield comparison


def check_completeness(
    laboratory: CircuitLaboratory, circuit: Circuit, arguments: argparse.Namespace, data: Path
) -> Iterator[Comparison]:
    """Of the empty set, and of as many random ones as --sets says."""
    results = ask(arguments, JOBS["completeness"].options(arguments.circuit, arguments.sets), data)
    original = mean(laboratory.original(prompt) for prompt in laboratory.prompts)
    for entry in results["completeness"]:
        heads = [head_named(name) for name in entry["k"]]
        comparison = Comparison(f"completeness without {','.join(entry['k']) or 'none'}")
        left, removed = circuit.without(heads), circuit.only(heads)
        circuits = [laboratory.complement_ablated(left, "mean", prompt) for prompt in laboratory.prompts]
        models = [laboratory.without(removed, "mean", prompt) for prompt in laboratory.prompts]
        for name, values in (("circuit", circuits), ("model", models)):
            comparison.add(entry[name], mean(values), original, mean(map(allowed, values)))
        yield comparison


def check_edges(
    graph: ReferenceGraph, prompts: list[Prompt], arguments: argparse.Namespace, data: Path
) -> Iterator[Comparison]:
    """The scores of the edges that were found, and F(C) with just these edges, all other edges from the counterfactual."""
    results = ask(arguments, JOBS["eap"].options(arguments.circuit, 0), data)
    found = edge_scores(results)
    edges = {edge_name(*edge): edge for edge in graph.edges}
    per_prompt = [graph.edge_attribution(p.tokens, p.abc_tokens, p.io, p.s) for p in prompts]
    references = dict(zip(edges, map(mean, zip(*per_prompt, strict=True)), strict=True))
    largest_score = max(map(abs, references.values()))
    scores = Comparison("scores of the edges of circuit discover --method eap", figures="scores")
    for name, score in found.items():
        scores.add(score, references[name], 0, SCORE_TOLERANCE * largest_score)
    yield scores

    kept = {edges[name] for name in found}
    patched, originals = [], []
    for prompt in prompts:
        counterfactual = graph.run(graph.embedding(prompt.abc_tokens)).outputs
        patched.append(graph.patched_logit_difference(prompt.tokens, prompt.io, prompt.s, kept, counterfactual))
        originals.append(float(graph.logit_difference(graph.run(graph.embedding(prompt.tokens)), prompt.io, prompt.s)))
    circuits = Comparison("these edges alone")
    for name, values in (("model", originals), ("circuit", patched)):
        circuits.add(results["faithfulness"][name], mean(values), mean(originals), mean(map(allowed, values)))
    yield circuits


def check_rules(
    graph: ReferenceGraph, prompts: list[Prompt], arguments: argparse.Namespace, data: Path
) -> Iterator[Comparison]:
    """EAP-IG's scores of all edges by each rule, as they are saved; "changed by" is how far EAP's are."""
    names = [mib_edge_name(*edge) for edge in graph.edges]

    def scores(steps: int | None, rule: str) -> list[float]:
        per_prompt = [graph.edge_attribution(p.tokens, p.abc_tokens, p.io, p.s, steps, rule) for p in prompts]
        return [mean(values) for values in zip(*per_prompt, strict=True)]

    plain = scores(None, "right")
    for rule in RULES:
        file = data.with_name("scores.json")
        method = ["--method", "eap-ig", "--steps", STEPS, "--rule", rule]
        options = ["circuit", "discover", *method, "--resamples", 0, "--save-scores", file]
        ask(arguments, options, data)
        found, references = saved_scores(file), scores(STEPS, rule)
        comparison = Comparison(f"scores of circuit discover {' '.join(map(str, method))}", figures="scores")
        for name, reference, original in zip(names, references, plain, strict=True):
            comparison.add(found[name], reference, original, SCORE_TOLERANCE * max(map(abs, references)))
        yield comparison


if __name__ == "__main__":
    main()
