#!/usr/bin/env python3
"""Writes float64 reference values of edge attribution and edge patching, on models that make-engine-fixtures.py wrote.

OUT/NAME/edges.json is for the model GPT2/NAME:

    prompts      tokens, their counterfactual of the same length, and the two tokens of the logit difference
    edges        how many edges the graph has
    eap          each prompt's score of every edge, [prompt][edge]
    eap_ig       the same with the gradient averaged over `steps` runs
    patched      sets of kept edges, as indices, and each prompt's logit difference when the sender of every other edge
                 is that of the corrupt run

The graph, its scores and the order of the edges are those of Benchmarks/lib/reference_graph.py: receiver by receiver, 0.0.q
0.0.k 0.0.v 0.1.q … m0 1.0.q … logits, and for each its senders, input 0.0 0.1 … m0 1.0 …. Tokens are random. Two
prompts begin alike, and some begin like their own counterfactuals, as IOI prompts do.

Before writing, the logit difference with all edges kept and with none is compared with those of whole runs, and every
score with the slope of exact edge patching; the script stops if any of them disagree.

Needs torch and safetensors (Benchmarks/requirements.txt).
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Benchmarks" / "lib"))

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from reference_gpt2 import ReferenceGPT2, unchanged  # noqa: E402
from reference_graph import Edge, ReferenceGraph  # noqa: E402

LENGTHS = {"plain": (7, 12, 16, 3, 9), "inner": (7, 12, 24, 3, 9), "wide": (7, 12, 32, 3, 9)}
BEGINNING_ALIKE = (1, 4)
COMMON_TOKENS = 5
KEEP_PROBABILITIES = (0.95, 0.95, 0.5, 0.5, 0.1, 0.1, 0.0, 1.0)
STEPS = 5
DIGITS = 9


@dataclass(frozen=True)
class Prompt:
    tokens: list[int]
    corrupt: list[int]
    io: int
    s: int


def main() -> None:
    arguments = parse_arguments()
    torch.set_grad_enabled(False)
    for name in arguments.shape or ["inner", "wide"]:
        graph = ReferenceGraph(ReferenceGPT2(arguments.gpt2 / name))
        generator = torch.Generator().manual_seed(arguments.seed + list(LENGTHS).index(name))
        prompts = draw_prompts(LENGTHS[name], graph.model.shape.vocabulary, generator)
        document = reference(graph, prompts, generator)
        folder = arguments.out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "edges.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
        print(f"{folder / 'edges.json'}: written and checked")


def parse_arguments() -> argparse.Namespace:
    fixtures = ROOT / "Tests" / "Fixtures"
    parser = argparse.ArgumentParser(
        description="Write float64 reference values of edge attribution and edge patching, one folder per model."
    )
    parser.add_argument(
        "out", type=Path, nargs="?", default=fixtures / "circuits", metavar="OUT", help="default: the tests' fixtures"
    )
    parser.add_argument("--gpt2", type=Path, default=fixtures / "gpt2", help="what make-engine-fixtures.py wrote")
    parser.add_argument(
        "--shape",
        action="append",
        choices=list(LENGTHS),
        help="a model to use; may be given more than once (default: inner and wide)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of prompts and edge sets (default: 0)")
    return parser.parse_args()


def draw_prompts(lengths: tuple[int, ...], vocabulary: int, generator: torch.Generator) -> list[Prompt]:
    def draw(count: int) -> list[int]:
        return torch.randint(vocabulary, (count,), generator=generator).tolist()

    prompts: list[Prompt] = []
    for index, length in enumerate(lengths):
        tokens, corrupt = draw(length), draw(length)
        if index == BEGINNING_ALIKE[1]:
            tokens[:COMMON_TOKENS] = prompts[BEGINNING_ALIKE[0]].tokens[:COMMON_TOKENS]
        same_as_counterfactual = index % 3
        corrupt[:same_as_counterfactual] = tokens[:same_as_counterfactual]
        io, s = torch.randperm(vocabulary, generator=generator)[:2].tolist()
        prompts.append(Prompt(tokens, corrupt, io, s))
    return prompts


def reference(graph: ReferenceGraph, prompts: list[Prompt], generator: torch.Generator) -> dict[str, object]:
    eap = [graph.edge_attribution(p.tokens, p.corrupt, p.io, p.s) for p in prompts]
    eap_ig = [graph.edge_attribution(p.tokens, p.corrupt, p.io, p.s, STEPS) for p in prompts]
    for prompt, scores, averaged in zip(prompts, eap, eap_ig, strict=True):
        check_scores("EAP", graph, prompt, scores, 1)
        check_scores("EAP-IG", graph, prompt, averaged, STEPS)
    return {
        "prompts": [asdict(prompt) for prompt in prompts],
        "edges": len(graph.edges),
        "eap": [rounded(scores) for scores in eap],
        "eap_ig": {"steps": STEPS, "scores": [rounded(scores) for scores in eap_ig]},
        "patched": [patched(graph, prompts, probability, generator) for probability in KEEP_PROBABILITIES],
    }


def patched(
    graph: ReferenceGraph, prompts: list[Prompt], probability: float, generator: torch.Generator
) -> dict[str, object]:
    """One random set of edges, each kept with this probability."""
    chances = torch.rand(len(graph.edges), generator=generator).tolist()
    kept = [index for index, chance in enumerate(chances) if chance < probability]
    edges = {graph.edges[index] for index in kept}
    differences = [patched_logit_difference(graph, prompt, edges) for prompt in prompts]
    for prompt, difference in zip(prompts, differences, strict=True):
        if len(kept) in (0, len(graph.edges)):
            tokens = prompt.tokens if kept else prompt.corrupt
            whole = graph.model.logit_difference(tokens, prompt.io, prompt.s, unchanged)
            check_close(f"logit difference with {len(kept)} edges kept", [difference], [whole], tolerance=1e-11)
    return {"kept": kept, "logit_differences": rounded(differences)}


def patched_logit_difference(graph: ReferenceGraph, prompt: Prompt, kept: set[Edge]) -> float:
    corrupt = graph.run(graph.embedding(prompt.corrupt)).outputs
    return graph.patched_logit_difference(prompt.tokens, prompt.io, prompt.s, kept, corrupt)


# Checks


def check_scores(name: str, graph: ReferenceGraph, prompt: Prompt, scores: list[float], steps: int) -> None:
    """Against central differences: the fall of LD per step that one edge's sender takes towards the corrupt run."""
    clean, corrupt = (graph.run(graph.embedding(tokens)).outputs for tokens in (prompt.tokens, prompt.corrupt))
    points = list(graph.embeddings_between(prompt.tokens, prompt.corrupt, steps))
    slopes = []
    for edge in graph.edges:
        direction = corrupt[edge[0]] - clean[edge[0]]
        slopes.append(sum(slope_along(graph, prompt, point, edge, direction) for point in points) / steps)
    check_close(f"{name} scores and slopes", scores, slopes, tolerance=1e-6)


def slope_along(graph: ReferenceGraph, prompt: Prompt, embedding: Tensor, edge: Edge, direction: Tensor) -> float:
    step = 1e-4

    def moved(amount: float) -> Tensor:
        def hook(sender: str, receiver: str, output: Tensor) -> Tensor:
            return output + amount * direction if (sender, receiver) == edge else output

        return graph.logit_difference(graph.run(embedding, hook), prompt.io, prompt.s)

    return float(moved(-step) - moved(step)) / (2 * step)


def check_close(name: str, found: list[float], expected: list[float], tolerance: float) -> None:
    """Largest difference against the largest value, so that elements near zero do not decide."""
    error = max(abs(one - other) for one, other in zip(found, expected, strict=True)) / max(map(abs, expected))
    if not error <= tolerance:
        raise SystemExit(f"{name}: two computations differ by {error:.1e} relative, {tolerance:.0e} allowed")


def rounded(values: list[float]) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]


if __name__ == "__main__":
    main()
