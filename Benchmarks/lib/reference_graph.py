"""The plain GPT-2 of reference_gpt2.py as a graph of nodes and edges, and what attribution and patching of edges are.

A sender is `input` (token and position embedding), a head `9.6`, or an MLP `m9`. A receiver is one of a head's three
inputs, `9.6.q`, `9.6.k` and `9.6.v`, an MLP `m9`, or `logits`. Each receiver reads the sum of all senders before it in
the residual stream, and the attention output biases, which belong to no sender, through a LayerNorm of its own. A
head's output is z W_O; an MLP's includes its bias.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_gpt2 import ReferenceGPT2, Shape, unchanged

Edge = tuple[str, str]
"""(sender, receiver)."""

RULES = {"right": 0.0, "left": 1.0, "midpoint": 0.5}
"""By how many steps each point of EAP-IG's sum lies before the end of its step."""

EdgeHook = Callable[[str, str, Tensor], Tensor]
"""Given a sender, a receiver and the sender's output in this run; returns what the receiver takes from it."""

Outputs = dict[str, Tensor]
"""What each sender wrote, [position, width]."""


def live(_sender: str, _receiver: str, output: Tensor) -> Tensor:
    """The hook of a run in which every edge is kept."""
    return output


def edges(shape: Shape) -> list[Edge]:
    """Receiver by receiver from the first layer up (each head's q, k, v; then the MLP), `logits` last; for each its
    senders from `input` up (a layer's heads, then its MLP)."""
    senders, pairs = ["input"], []
    for layer in range(shape.layers):
        heads = [head_name(layer, head) for head in range(shape.heads)]
        pairs += [(sender, f"{head}.{kind}") for head in heads for kind in "qkv" for sender in senders]
        senders += heads
        pairs += [(sender, f"m{layer}") for sender in senders]
        senders.append(f"m{layer}")
    return pairs + [(sender, "logits") for sender in senders]


def head_name(layer: int, head: int) -> str:
    return f"{layer}.{head}"


@dataclass(frozen=True)
class GraphRun:
    """What every node of a run wrote and read, and the last token's residual after the final LayerNorm."""

    outputs: Outputs
    inputs: dict[str, Tensor]
    final_row: Tensor


class ReferenceGraph:
    """Runs a GPT-2 node by node, one prompt at a time, each receiver's input summed edge by edge."""

    def __init__(self, model: ReferenceGPT2) -> None:
        self.model = model
        self.edges = edges(model.shape)
        self.senders: dict[str, list[str]] = {}
        for sender, receiver in self.edges:
            self.senders.setdefault(receiver, []).append(sender)

    def embedding(self, tokens: list[int]) -> Tensor:
        """What `input` writes."""
        return self.model.weights["wte.weight"][tokens] + self.model.weights["wpe.weight"][: len(tokens)]

    def run(self, embedding: Tensor, hook: EdgeHook = live) -> GraphRun:
        shape = self.model.shape
        outputs, inputs = {"input": embedding}, {}
        biases = torch.zeros_like(embedding[0])

        def read(receiver: str) -> Tensor:
            inputs[receiver] = biases + sum(hook(name, receiver, outputs[name]) for name in self.senders[receiver])
            return inputs[receiver]

        for layer in range(shape.layers):
            for head in range(shape.heads):
                name = head_name(layer, head)
                outputs[name] = self.head_output(layer, head, *(read(f"{name}.{kind}") for kind in "qkv"))
            biases = biases + self.model.weights[f"h.{layer}.attn.c_proj.bias"]
            outputs[f"m{layer}"] = self.model.mlp(read(f"m{layer}"), layer, unchanged)
        final = self.model.layer_norm(read("logits"), "ln_f", "final_scale", shape.layers, unchanged)
        return GraphRun(outputs, inputs, final[-1])

    def head_output(self, layer: int, head: int, *inputs: Tensor) -> Tensor:
        """Of one head, from what its q, k and v read."""
        shape, weights = self.model.shape, self.model.weights
        head_width = shape.width // shape.heads
        weight, bias = weights[f"h.{layer}.attn.c_attn.weight"], weights[f"h.{layer}.attn.c_attn.bias"]
        projected = []
        for part, residual in enumerate(inputs):
            normalised = self.model.layer_norm(residual, f"h.{layer}.ln_1", "ln1_scale", layer, unchanged)
            first = part * shape.width + head * head_width
            columns = slice(first, first + head_width)
            projected.append(normalised @ weight[:, columns] + bias[columns])
        q, k, v = projected
        count = q.shape[0]
        scores = q @ k.T / math.sqrt(head_width)
        future = torch.ones(count, count, dtype=torch.bool).triu(diagonal=1)
        pattern = scores.masked_fill(future, -math.inf).softmax(dim=-1)
        rows = slice(head * head_width, (head + 1) * head_width)
        return pattern @ v @ weights[f"h.{layer}.attn.c_proj.weight"][rows]

    def logit_difference(self, run: GraphRun, io: int, s: int) -> Tensor:
        unembedding = self.model.weights["wte.weight"]
        return run.final_row @ unembedding[io] - run.final_row @ unembedding[s]

    def gradients(self, embedding: Tensor, io: int, s: int) -> dict[str, Tensor]:
        """Of -LD by each receiver's input, in a run with this output of `input`."""
        with torch.enable_grad():
            run = self.run(embedding.detach().requires_grad_())
            loss = -self.logit_difference(run, io, s)
            return dict(zip(run.inputs, torch.autograd.grad(loss, list(run.inputs.values())), strict=True))

    def edge_attribution(
        self,
        tokens: list[int],
        corrupt_tokens: list[int],
        io: int,
        s: int,
        steps: int | None = None,
        rule: str = "right",
    ) -> list[float]:
        """A score for each edge, in the order of `edges`: (corrupt - clean output of the sender) times the gradient of
        -LD by the receiver's input, summed over positions.

        The gradient is the clean run's (Syed et al. 2310.10348, EAP); with `steps`, the mean over as many runs between
        the corrupt embedding and the clean one (Hanna et al. 2403.17806, EAP-IG), which by the right rule is the last.
        """
        clean, corrupt = self.run(self.embedding(tokens)), self.run(self.embedding(corrupt_tokens))
        points = list(self.embeddings_between(tokens, corrupt_tokens, steps or 1, rule))
        slopes = [self.gradients(point, io, s) for point in points]
        return [
            sum(float(((corrupt.outputs[sender] - clean.outputs[sender]) * slope[receiver]).sum()) for slope in slopes)
            / len(slopes)
            for sender, receiver in self.edges
        ]

    def embeddings_between(
        self, tokens: list[int], corrupt_tokens: list[int], steps: int, rule: str = "right"
    ) -> Iterator[Tensor]:
        """A point of each of so many equal steps from the corrupt embedding to the clean one."""
        clean, corrupt = self.embedding(tokens), self.embedding(corrupt_tokens)
        return (corrupt + (step - RULES[rule]) / steps * (clean - corrupt) for step in range(1, steps + 1))

    def patched_logit_difference(
        self, tokens: list[int], io: int, s: int, kept: set[Edge], replacements: Outputs
    ) -> float:
        """Each receiver takes a kept edge's sender as it is in this run, and other senders from `replacements`."""

        def hook(sender: str, receiver: str, output: Tensor) -> Tensor:
            return output if (sender, receiver) in kept else replacements[sender]

        return float(self.logit_difference(self.run(self.embedding(tokens), hook), io, s))
