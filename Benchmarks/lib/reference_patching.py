"""Patching and knockout by whole runs of the plain GPT-2 of reference_gpt2.py, and how `ioi` is asked for the same."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from reference_gpt2 import SCALE_SITES, Activations, Hook, ReferenceGPT2, unchanged

QKV = ("q", "k", "v")

Cell = tuple[int, ...]
"""(layer, head), (layer,), or () where a run changes one set of heads and there is no map."""

HeadPosition = tuple[int, int, str]
LayerPosition = tuple[int, str]


@dataclass(frozen=True)
class Prompt:
    """One line of a prompts file."""

    tokens: list[int]
    abc_tokens: list[int]
    io: int
    s: int
    positions: dict[str, int]
    group: tuple[str, str]

    def rows(self, positions: str) -> list[int]:
        """Of position classes, comma-separated, or `all`."""
        if positions == "all":
            return list(range(len(self.tokens)))
        return [self.positions[position] for position in positions.split(",")]


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


@dataclass(frozen=True)
class Receiver:
    """What a sender's change is passed on to: the logits, or one head's q, k or v at a position class."""

    site: str
    layer: int = 0
    head: int = 0
    position: str = "END"


@dataclass(frozen=True)
class PathPlan:
    """What path patching is asked for, whoever sends."""

    receivers: list[Receiver]
    freeze_mlp: bool = False
    freeze_ln: bool = False
    mean_of_ratios: bool = False
    knocked_out: list[HeadPosition] = field(default_factory=list)

    def options(self) -> list[str]:
        options = [part for text in self.receiver_texts() for part in ("--receiver", text)]
        options += ["--path-mlp", "freeze"] if self.freeze_mlp else []
        options += ["--path-ln", "freeze"] if self.freeze_ln else []
        options += ["--aggregate", "mean-of-ratios"] if self.mean_of_ratios else []
        options += ["--knockout", knockout_text(self.knocked_out)] if self.knocked_out else []
        return options

    def receiver_texts(self) -> list[str]:
        """As the command line has them: one text for the heads of one site and position."""
        texts: dict[tuple[str, str], list[str]] = {}
        for receiver in self.receivers:
            texts.setdefault((receiver.site, receiver.position), []).append(f"{receiver.layer}.{receiver.head}")
        return [
            "logits" if site == "logits" else f"{site}:{','.join(heads)}@{position}"
            for (site, position), heads in texts.items()
        ]


def knockout_text(entries: Sequence[HeadPosition | LayerPosition]) -> str:
    """As the command line has them: 9.9@END for a head, 3@S2 for an MLP, no position for all."""
    texts = []
    for *place, position in entries:
        text = ".".join(map(str, place))
        texts.append(text if position == "all" else f"{text}@{position}")
    return ",".join(texts)


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

    Activations of unchanged runs are kept from cell to cell; every patched run is computed in full.
    """

    def __init__(self, model: ReferenceGPT2, prompts: list[Prompt]) -> None:
        self.model = model
        self.prompts = prompts
        self.recorded: dict[tuple[int, ...], Activations] = {}

    def activations(self, tokens: list[int]) -> Activations:
        key = tuple(tokens)
        if key not in self.recorded:
            self.recorded[key] = self.model.activations(tokens, unchanged)
        return self.recorded[key]

    def measure(self, prompt: Prompt, hook: Hook) -> float:
        return self.model.logit_difference(prompt.tokens, prompt.io, prompt.s, hook)

    def original(self, prompt: Prompt) -> float:
        return self.measure(prompt, unchanged)

    def original_of_counterfactual(self, prompt: Prompt) -> float:
        """The logit difference of the prompt's IO and S after its counterfactual."""
        return self.model.logit_difference(prompt.abc_tokens, prompt.io, prompt.s, unchanged)

    def activation_patch(self, site: str, positions: str, prompt: Prompt, cell: Cell) -> float:
        source = self.activations(prompt.abc_tokens)
        return self.measure(prompt, substituting(source, [site], prompt.rows(positions), cell))

    def denoise(self, site: str, positions: str, prompt: Prompt, cell: Cell) -> float:
        """Activation patching the other way round: the prompt's value in its counterfactual's run."""
        hook = substituting(self.activations(prompt.tokens), [site], prompt.rows(positions), cell)
        return self.model.logit_difference(prompt.abc_tokens, prompt.io, prompt.s, hook)

    def path_patch(self, plan: PathPlan, prompt: Prompt, sender: Cell) -> float:
        """The four passes; a sender of one index is the layer of an MLP."""
        knock_out = self.knocking_out(plan.knocked_out, [], "mean", prompt)
        if plan.knocked_out:
            new = self.model.activations(prompt.abc_tokens, knock_out)
            original = self.model.activations(prompt.tokens, knock_out)
        else:
            new, original = self.activations(prompt.abc_tokens), self.activations(prompt.tokens)
        everywhere = prompt.rows("all")
        received: Activations = {}

        def sending(site: str, layer: int, value: Tensor) -> Tensor:
            if site in QKV:
                received[site, layer] = value
                return original[site, layer]
            if plan.freeze_ln and site in SCALE_SITES:
                return original[site, layer]
            if plan.freeze_mlp and site == "mlp":
                value = original[site, layer]
            if len(sender) == 2 and site == "z" and layer == sender[0]:
                value = replaced(value, new["z", layer], everywhere, sender[1])
            if len(sender) == 1 and site == "mlp" and layer == sender[0]:
                value = new["mlp", layer]
            return knock_out(site, layer, value)

        def receiving(site: str, layer: int, value: Tensor) -> Tensor:
            for receiver in plan.receivers:
                if (receiver.site, receiver.layer) == (site, layer):
                    rows = prompt.rows(receiver.position)
                    value = replaced(value, received[site, layer], rows, receiver.head)
            return knock_out(site, layer, value)

        logit_difference_of_sending = self.measure(prompt, sending)
        if any(receiver.site == "logits" for receiver in plan.receivers):
            return logit_difference_of_sending
        return self.measure(prompt, receiving)

    def knock_out(
        self, heads: list[HeadPosition], mlps: list[LayerPosition], ablation: str, prompt: Prompt, _cell: Cell = ()
    ) -> float:
        return self.measure(prompt, self.knocking_out(heads, mlps, ablation, prompt))

    def knocking_out(self, heads: list[HeadPosition], mlps: list[LayerPosition], ablation: str, prompt: Prompt) -> Hook:
        def hook(site: str, layer: int, value: Tensor) -> Tensor:
            if site == "z":
                for _, head, position in (entry for entry in heads if entry[0] == layer):
                    value = replaced(value, self.ablated("z", layer, ablation, prompt), prompt.rows(position), head)
            if site == "mlp":
                for _, position in (entry for entry in mlps if entry[0] == layer):
                    value = replaced(value, self.ablated("mlp", layer, ablation, prompt), prompt.rows(position), None)
            return value

        return hook

    def ablated(self, site: str, layer: int, ablation: str, prompt: Prompt) -> Tensor:
        """The stand-in value of a site, at every position."""
        counterfactual = self.activations(prompt.abc_tokens)[site, layer]
        if ablation == "zero":
            return torch.zeros_like(counterfactual)
        if ablation == "counterfactual":
            return counterfactual
        group = [self.activations(p.abc_tokens)[site, layer] for p in self.prompts if p.group == prompt.group]
        return torch.stack(group).mean(dim=0)


def substituting(source: Activations, sites: list[str], rows: list[int], cell: Cell) -> Hook:
    """Takes rows of some sites of a layer, or of a head, from the source."""

    def hook(site: str, layer: int, value: Tensor) -> Tensor:
        if site in sites and layer == cell[0]:
            return replaced(value, source[site, layer], rows, cell[1] if len(cell) == 2 else None)
        return value

    return hook


def cross_patch(
    into: Laboratory, out_of: Laboratory, components: list[str], positions: str, prompt: Prompt, cell: Cell
) -> float:
    source = out_of.activations(prompt.tokens)
    return into.measure(prompt, substituting(source, components, prompt.rows(positions), cell))
