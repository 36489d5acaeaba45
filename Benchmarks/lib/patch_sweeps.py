"""The sweeps that patch.py times on both sides: how `ioi` is asked for them, and how much arithmetic they take.

Counts are floating-point operations of the weight matrices' products, 2 per weight and row. Attention's own
products, about a hundredth at these lengths, are left out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Head = tuple[int, int]
Item = TypeVar("Item")

QUERY_HEADS: list[Head] = [(9, 9), (9, 6), (10, 0)]


@dataclass(frozen=True)
class Shape:
    """A model's shape and the operations of its parts for one row."""

    layers: int
    heads: int
    width: int
    inner: int

    @staticmethod
    def read(folder: Path) -> "Shape":
        config = json.loads((folder / "config.json").read_text())
        width = config["n_embd"]
        return Shape(config["n_layer"], config["n_head"], width, config.get("n_inner") or 4 * width)

    @property
    def keys_and_values(self) -> int:
        return 4 * self.width * self.width

    @property
    def queries(self) -> int:
        return 2 * self.width * self.width

    @property
    def attention_output(self) -> int:
        return 2 * self.width * self.width

    @property
    def mlp(self) -> int:
        return 4 * self.width * self.inner

    @property
    def head_slice(self) -> int:
        """One head's share of W_q, W_k, W_v or W_O."""
        return 2 * self.width * (self.width // self.heads)

    @property
    def block(self) -> int:
        return self.keys_and_values + self.queries + self.attention_output + self.mlp


@dataclass(frozen=True)
class Work:
    """The prompts of a sweep: how many, and their tokens in all."""

    prompts: int
    tokens: int

    @staticmethod
    def read(path: Path) -> "Work":
        with path.open() as lines:
            lengths = [len(json.loads(line)["tokens"]) for line in lines]
        return Work(len(lengths), sum(lengths))


@dataclass(frozen=True)
class SweepKind:
    """One sweep. `passes` counts the whole passes of the naive method, `needed` the operations nobody can do without
    who uses that a change reaches only later rows and that path patching's recording pass is local to a row."""

    title: str
    options: list[str]
    needs_donor: bool
    passes: Callable[[Shape], int]
    needed: Callable[[Shape, Work], int]


def naive_operations(kind: SweepKind, shape: Shape, work: Work) -> int:
    """Every pass over every token through every block. No unembedding: the TransformerLens side skips it as well."""
    return kind.passes(shape) * work.tokens * shape.layers * shape.block


def plain_pass(shape: Shape, work: Work) -> int:
    """A pass for the logits at END: the last block's queries, output and MLP run for END rows alone."""
    last = work.tokens * shape.keys_and_values + work.prompts * (shape.block - shape.keys_and_values)
    return work.tokens * (shape.layers - 1) * shape.block + last


def needed_for_logits(shape: Shape, work: Work) -> int:
    """Per sender and prompt, its share of W_O and the MLPs from its block on, at END."""
    per_prompt = sum(
        shape.heads * (shape.head_slice + (shape.layers - layer) * shape.mlp) for layer in range(shape.layers)
    )
    return 2 * plain_pass(shape, work) + work.prompts * per_prompt


def needed_for_queries(shape: Shape, work: Work) -> int:
    """Recording: the MLPs below the last receiver and the receivers' queries. Then END's row from the first receiver
    that the sender reaches: its new attention output and MLP, and the blocks above whole."""
    last = max(layer for layer, _ in QUERY_HEADS)
    per_prompt = 0
    for sender in range(last):
        reached = [layer for layer, _ in QUERY_HEADS if layer > sender]
        record = shape.head_slice + (last - sender) * shape.mlp + len(reached) * shape.head_slice
        rerun = shape.attention_output + shape.mlp + (shape.layers - 1 - min(reached)) * shape.block
        per_prompt += shape.heads * (record + rerun)
    return 2 * plain_pass(shape, work) + work.prompts * per_prompt


def needed_for_activation(shape: Shape, work: Work) -> int:
    """Per head and prompt, END's row: the head's share of W_O, its block's MLP, and the blocks above."""
    per_prompt = sum(
        shape.heads * (shape.head_slice + shape.mlp + (shape.layers - 1 - layer) * shape.block)
        for layer in range(shape.layers)
    )
    return 2 * plain_pass(shape, work) + work.prompts * per_prompt


def needed_across_models(shape: Shape, work: Work) -> int:
    """Per head, every row: the head's share of W_O, its block's MLP, and the blocks above."""
    per_head = work.prompts * (shape.head_slice + shape.mlp)
    for layer in reversed(range(shape.layers - 1)):
        above = Shape(shape.layers - 1 - layer, shape.heads, shape.width, shape.inner)
        per_head += work.tokens * (shape.head_slice + shape.mlp) + plain_pass(above, work)
    return 2 * plain_pass(shape, work) + shape.heads * per_head


def head_passes(shape: Shape) -> int:
    """One for each head, and the two that values are taken from."""
    return shape.layers * shape.heads + 2


def query_passes(shape: Shape) -> int:
    """Two for each head below the last receiver."""
    return 2 * max(layer for layer, _ in QUERY_HEADS) * shape.heads + 2


CROSS = ["patch", "--mode", "cross-model", "--position", "all", "--direction", "donor-to-host", "--circuit", "none"]
QUERIES = "q:" + ",".join(f"{layer}.{head}" for layer, head in QUERY_HEADS) + "@END"

SWEEPS = {
    "path-logits": SweepKind(
        "path patching, heads to logits",
        ["patch", "--mode", "path", "--sender", "heads", "--receiver", "logits"],
        False,
        head_passes,
        needed_for_logits,
    ),
    "path-queries": SweepKind(
        f"path patching, heads to {QUERIES}",
        ["patch", "--mode", "path", "--sender", "heads", "--receiver", QUERIES],
        False,
        query_passes,
        needed_for_queries,
    ),
    "activation-z": SweepKind(
        "activation patching, z at END",
        ["patch", "--mode", "activation", "--site", "z", "--position", "END"],
        False,
        head_passes,
        needed_for_activation,
    ),
    "cross-pattern": SweepKind(
        "cross-model patching, patterns", [*CROSS, "--component", "pattern"], True, head_passes, needed_across_models
    ),
    "cross-z": SweepKind(
        "cross-model patching, z", [*CROSS, "--component", "z"], True, head_passes, needed_across_models
    ),
}


def spread(items: list[Item], count: int) -> list[Item]:
    """`count` items evenly spread from the first to the last; all of them for 0 or when there are no more."""
    if count == 0 or count >= len(items):
        return items
    if count == 1:
        return items[:1]
    return [items[round(index * (len(items) - 1) / (count - 1))] for index in range(count)]
