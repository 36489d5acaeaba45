#!/usr/bin/env python3
"""The TransformerLens side of circuits.py: one job on a circuit or a graph, in the usual manner of hooks.

- faithfulness: logit differences of the model and of the circuit. One pass over the prompts, one over their
  counterfactuals that keeps every head's z, and one with a hook on every layer's z that puts the mean over the counterfactuals of the
  same template and order in place of every head and position outside the circuit.
- completeness: for sets K of the circuit's heads, the mean logit difference of the circuit without K and of the model
  without K: two hooked passes a set. Times some sets and scales to --sets-of-job; the means are computed once.
- eap: a score of every edge, in the manner of the EAP-IG repository (Hanna et al. 2403.17806): separate inputs of every
  head's q, k and v, results of every head; a pass over the counterfactuals and one over the prompts leave every sender's
  difference in one tensor [prompt, position, sender, width], and hooks on the backward pass multiply it by the
  gradient of each receiver's input.

What costs a user nothing to leave out is left out: gradients where none is asked for, and those of the weights; the
unembedding at other rows than END; hooks on layers that a set does not touch; padding where batches of one length are
faster; in `eap` also the third pass that the repository runs for metrics other than LD. The batching is the fastest of
several, tried beforehand.

Prints one JSON object: seconds without imports and loading, logit differences and scores, memory.

Needs TransformerLens before 4.0, which removed HookedTransformer.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from hooked import (  # noqa: E402, I001  (first: it silences the libraries' warnings)
    Batch,
    Cache,
    Hooks,
    fastest_batching,
    final_residual,
    in_file_order,
    layer_names,
    load_model,
    logit_differences,
    make_batch,
    recording,
)

import torch  # noqa: E402
from circuit_jobs import JOBS, Circuit, edge_name, head_named  # noqa: E402
from processes import peak_bytes  # noqa: E402
from reference_patching import Prompt, read_prompts  # noqa: E402
from torch import Tensor  # noqa: E402
from transformer_lens import HookedTransformer  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402

BATCH_SIZES = (8, 16, 32)

Report = dict[str, object]
Index = tuple[Tensor | slice, Tensor | slice, int]


def main() -> None:
    arguments = parse_arguments()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    libraries_bytes = peak_bytes()
    prompts = read_prompts(arguments.data)
    if arguments.job == "eap":
        report = attribute_edges(load_model(arguments.model, prompts), prompts)
    else:
        with torch.inference_mode():
            model = load_model(arguments.model, prompts)
            name, batches = fastest_batching(model, prompts)
            bench = Bench(model, prompts, batches, Circuit.read(arguments.circuit))
            if arguments.job == "faithfulness":
                report = bench.faithfulness()
            else:
                report = bench.completeness(json.loads(arguments.sets.read_text()), arguments.sets_of_job)
            report["batching"] = name
    json.dump(report | {"libraries_bytes": libraries_bytes}, sys.stdout)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run one job on a circuit with TransformerLens and print times and results as JSON."
    )
    parser.add_argument("--job", choices=list(JOBS), required=True)
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder")
    parser.add_argument("--data", type=Path, required=True, help="prompts file (.jsonl)")
    parser.add_argument("--circuit", type=Path, help="circuit file; not for eap")
    parser.add_argument("--sets", type=Path, metavar="FILE", help='completeness: sets K to time, [["9.9", …], …]')
    parser.add_argument("--sets-of-job", type=int, default=100, help="completeness: sets to scale to (default: 100)")
    parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
    arguments = parser.parse_args()
    if (arguments.circuit is None) != (arguments.job == "eap"):
        parser.error(
            f"--circuit {arguments.circuit}: expected one for faithfulness and completeness, and for no others"
        )
    if (arguments.sets is None) != (arguments.job != "completeness"):
        parser.error(f"--sets {arguments.sets}: expected a file for completeness, and for no others")
    return arguments


# Circuits, by hooks on z


class Bench:
    """Runs of a model with heads outside a circuit, or in a set, replaced by means over counterfactuals."""

    def __init__(self, model: HookedTransformer, prompts: list[Prompt], batches: list[Batch], circuit: Circuit) -> None:
        self.model = model
        self.prompts = prompts
        self.batches = batches
        self.circuit = circuit

    def faithfulness(self) -> Report:
        start = time.perf_counter()
        original = self.measure([[] for _ in self.batches])
        means = self.means()
        kept = self.measure([self.keeping(self.circuit, *pair) for pair in zip(self.batches, means, strict=True)])
        return {"seconds": time.perf_counter() - start, "model": original, "circuit": kept}

    def completeness(self, sets: list[list[str]], sets_of_job: int) -> Report:
        start = time.perf_counter()
        means = self.means()
        base_seconds = time.perf_counter() - start
        seconds, circuits, models = [], [], []
        for names in sets:
            heads = [head_named(name) for name in names]
            start = time.perf_counter()
            pairs = list(zip(self.batches, means, strict=True))
            circuits.append(mean(self.measure([self.keeping(self.circuit.without(heads), *pair) for pair in pairs])))
            models.append(mean(self.measure([self.knocking_out(self.circuit.only(heads), *pair) for pair in pairs])))
            seconds.append(time.perf_counter() - start)
        return {
            "seconds": base_seconds + median(seconds) * sets_of_job,
            "base_seconds": base_seconds,
            "set_seconds": seconds,
            "k": sets,
            "circuit": circuits,
            "model": models,
        }

    def measure(self, hooks: list[Hooks]) -> list[float]:
        """Logit differences in the file's order, with the hooks given for each batch."""
        values = [logit_differences(self.model, *pair) for pair in zip(self.batches, hooks, strict=True)]
        return in_file_order(values, self.batches, len(self.prompts))

    def means(self) -> list[Cache]:
        """For each batch and layer what takes the place of each prompt's z, [prompt, position, head, width of a head]:
        the mean over the counterfactuals of the prompts of its template and order."""
        lengths: dict[tuple[str, str], int] = {}
        for prompt in self.prompts:
            if lengths.setdefault(prompt.group, len(prompt.tokens)) != len(prompt.tokens):
                raise SystemExit(f"{prompt.group}: prompts of different lengths, expected one length in a group")
        numbers = {group: number for number, group in enumerate(lengths)}
        groups = torch.tensor([numbers[prompt.group] for prompt in self.prompts])
        counts = groups.bincount().view(-1, 1, 1, 1)
        config = self.model.cfg
        names = layer_names(self.model, "z")
        size = (len(lengths), max(lengths.values()), config.n_heads, config.d_head)
        means = {name: torch.zeros(size) for name in names}
        for batch in self.batches:
            counterfactuals: Cache = {}
            final_residual(self.model, batch.abc_tokens, recording(names, counterfactuals))
            for name, value in counterfactuals.items():
                means[name][:, : value.shape[1]].index_add_(0, groups[batch.indices], value)
        for value in means.values():
            value /= counts
        return [
            {name: value[groups[batch.indices], : batch.tokens.shape[1]] for name, value in means.items()}
            for batch in self.batches
        ]

    def keeping(self, circuit: Circuit, batch: Batch, means: Cache) -> Hooks:
        """Every layer's z from the means, but for a circuit's heads at their positions."""

        def hooked(layer: int, name: str) -> tuple[str, Callable[..., Tensor]]:
            kept = self.indices(circuit.in_layer(layer), batch)

            def replace(value: Tensor, hook: object) -> Tensor:
                replaced = means[name].clone() if kept else means[name]
                for index in kept:
                    replaced[index] = value[index]
                return replaced

            return name, replace

        return [hooked(layer, name) for layer, name in enumerate(layer_names(self.model, "z"))]

    def knocking_out(self, circuit: Circuit, batch: Batch, means: Cache) -> Hooks:
        """A circuit's heads, at their positions only, from the means."""

        def hooked(layer: int, name: str) -> tuple[str, Callable[..., Tensor]]:
            indices = self.indices(circuit.in_layer(layer), batch)

            def replace(value: Tensor, hook: object) -> Tensor:
                for index in indices:
                    value[index] = means[name][index]
                return value

            return name, replace

        names = enumerate(layer_names(self.model, "z"))
        return [hooked(layer, name) for layer, name in names if circuit.in_layer(layer)]

    def indices(self, heads: list[tuple[int, str]], batch: Batch) -> list[Index]:
        return [(*self.rows(position, batch), head) for head, position in heads]

    def rows(self, position: str, batch: Batch) -> tuple[Tensor | slice, Tensor | slice]:
        if position == "all":
            return slice(None), slice(None)
        return batch.rows, torch.tensor([self.prompts[index].positions[position] for index in batch.indices])


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


# Edge attribution


@dataclass(frozen=True)
class Graph:
    """Numbers nodes: senders input, 0.0 …, m0, 1.0 …; receivers all q of a layer, all k, all v, its MLP …, logits."""

    layers: int
    heads: int

    @property
    def senders(self) -> int:
        return 1 + self.layers * (self.heads + 1)

    @property
    def receivers(self) -> int:
        return self.layers * (3 * self.heads + 1) + 1

    def first_sender(self, layer: int) -> int:
        """Of a layer; as many senders stand before its heads' inputs."""
        return 1 + layer * (self.heads + 1)

    def first_receiver(self, layer: int) -> int:
        return layer * (3 * self.heads + 1)

    def sender_hooks(self) -> list[tuple[str, slice | int]]:
        """The hook of each sender's output, and its number, or those of a layer's heads."""
        hooks: list[tuple[str, slice | int]] = [("hook_embed", 0)]
        for layer in range(self.layers):
            first = self.first_sender(layer)
            hooks.append((f"blocks.{layer}.attn.hook_result", slice(first, first + self.heads)))
            hooks.append((f"blocks.{layer}.hook_mlp_out", first + self.heads))
        return hooks

    def receiver_hooks(self) -> list[tuple[str, slice, int]]:
        """The hook of each receiver's input, its number or those of a layer's heads, and how many senders it has."""
        hooks = []
        for layer in range(self.layers):
            first, senders = self.first_receiver(layer), self.first_sender(layer)
            for kind in "qkv":
                hooks.append((f"blocks.{layer}.hook_{kind}_input", slice(first, first + self.heads), senders))
                first += self.heads
            hooks.append((f"blocks.{layer}.hook_mlp_in", slice(first, first + 1), senders + self.heads))
        last = slice(self.receivers - 1, self.receivers)
        return [*hooks, (f"blocks.{self.layers - 1}.hook_resid_post", last, self.senders)]

    def sender_names(self) -> list[str]:
        names = ["input"]
        for layer in range(self.layers):
            names += [f"{layer}.{head}" for head in range(self.heads)] + [f"m{layer}"]
        return names

    def receiver_names(self) -> list[str]:
        names = []
        for layer in range(self.layers):
            names += [f"{layer}.{head}.{kind}" for kind in "qkv" for head in range(self.heads)] + [f"m{layer}"]
        return [*names, "logits"]

    def named(self, scores: Tensor) -> dict[str, float]:
        """Scores of the edges, [sender, receiver], by name."""
        senders, receivers, rows = self.sender_names(), self.receiver_names(), scores.tolist()
        return {
            edge_name(senders[sender], receivers[receiver]): rows[sender][receiver]
            for _, numbers, count in self.receiver_hooks()
            for receiver in range(numbers.start, numbers.stop)
            for sender in range(count)
        }


def attribute_edges(model: HookedTransformer, prompts: list[Prompt]) -> Report:
    """Scores as means over the prompts, and logit differences."""
    model.set_use_split_qkv_input(True)
    model.set_use_attn_result(True)
    model.set_use_hook_mlp_in(True)
    model.requires_grad_(False)
    graph = Graph(model.cfg.n_layers, model.cfg.n_heads)
    most = fastest_batch_size(model, graph, prompts)
    batches = [make_batch(model, prompts, indices) for indices in batches_of_one_length(prompts, most)]
    scores = torch.zeros(graph.senders, graph.receivers)
    start = time.perf_counter()
    values = [attribute_batch(model, graph, batch, scores) for batch in batches]
    scores /= len(prompts)
    return {
        "seconds": time.perf_counter() - start,
        "model": in_file_order(values, batches, len(prompts)),
        "scores": graph.named(scores),
        "batching": f"batches of one length, at most {most}",
    }


def fastest_batch_size(model: HookedTransformer, graph: Graph, prompts: list[Prompt]) -> int:
    """By the time for a prompt, the better of two, in the largest batch of each size."""
    seconds = {}
    for size in BATCH_SIZES:
        batch = make_batch(model, prompts, max(batches_of_one_length(prompts, size), key=len))
        times = []
        for _ in range(2):
            start = time.perf_counter()
            attribute_batch(model, graph, batch, torch.zeros(graph.senders, graph.receivers))
            times.append(time.perf_counter() - start)
        seconds[size] = min(times) / len(batch.indices)
    return min(seconds, key=seconds.__getitem__)


def batches_of_one_length(prompts: list[Prompt], most: int) -> list[list[int]]:
    """Places of prompts, in batches as even as can be."""
    by_length: dict[int, list[int]] = {}
    for index, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt.tokens), []).append(index)
    batches = []
    for group in by_length.values():
        parts = -(-len(group) // most)
        batches += [group[part::parts] for part in range(parts)]
    return batches


def attribute_batch(model: HookedTransformer, graph: Graph, batch: Batch, scores: Tensor) -> Tensor:
    """Adds the batch's scores and returns its logit differences."""
    differences = torch.zeros(*batch.tokens.shape, graph.senders, model.cfg.d_model)

    def adding(number: slice | int, sign: int) -> Callable[..., None]:
        def add(value: Tensor, hook: object) -> None:
            differences[:, :, number].add_(value.detach(), alpha=sign)

        return add

    def scoring(numbers: slice, senders: int) -> Callable[..., None]:
        def score(gradient: Tensor, hook: object) -> None:
            gradient = gradient.unsqueeze(2) if gradient.dim() == 3 else gradient
            scores[:senders, numbers] += torch.einsum("bpsd,bprd->sr", differences[:, :, :senders], gradient)

        return score

    def start_gradient(value: Tensor, hook: object) -> Tensor:
        return value.requires_grad_()

    senders = graph.sender_hooks()
    with torch.no_grad():
        final_residual(model, batch.abc_tokens, [(name, adding(number, 1)) for name, number in senders])
    forward = [(name, adding(number, -1)) for name, number in senders] + [("hook_embed", start_gradient)]
    backward = [(name, scoring(numbers, count)) for name, numbers, count in graph.receiver_hooks()]
    with model.hooks(fwd_hooks=forward, bwd_hooks=backward):
        values = logit_differences(model, batch, [])
        (-values.sum()).backward()
    return values.detach()


if __name__ == "__main__":
    main()
