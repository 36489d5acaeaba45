"""Jobs on circuits that both circuits.py run: how `ioi` is asked for them, and circuit files. No torch."""

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Head = tuple[int, int]

GPT2_SMALL = Path(__file__).resolve().parent.parent.parent / "Data" / "circuits" / "gpt2-small.json"


@dataclass(frozen=True)
class Job:
    """One job, and the options of `ioi` for it, given a circuit file and how many random sets to draw."""

    title: str
    options: Callable[[Path, int], list[Any]]


def faithfulness(circuit: Path, _sets: int) -> list[Any]:
    return ["faithfulness", "--circuit", circuit, "--per-prompt"]


def completeness(circuit: Path, sets: int) -> list[Any]:
    options = ["--completeness", "random", "--random-sets", sets, "--no-minimality"]
    return ["circuit", "validate", "--circuit", circuit, *options]


def edge_attribution(_circuit: Path, _sets: int) -> list[Any]:
    return ["circuit", "discover", "--method", "eap", "--edges", 200, "--resamples", 0]


JOBS = {
    "faithfulness": Job("faithfulness of a circuit", faithfulness),
    "completeness": Job("completeness over random sets of heads", completeness),
    "eap": Job("edge attribution patching, every edge", edge_attribution),
}


def ioi_command(arguments: argparse.Namespace, options: list[Any], model: Path, data: Path) -> list[Any]:
    inputs = ["--model", model, "--data", data, "--threads", arguments.threads]
    return [arguments.ioi.resolve(), *options, *inputs, "--format", "json", "--quiet"]


def random_sets(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The sets of `ioi circuit validate`, but for the empty one."""
    return [entry for entry in results["completeness"] if entry["kind"] == "random"]


def edge_scores(results: dict[str, Any]) -> dict[str, float]:
    """Of the edges that `ioi circuit discover` names."""
    return {entry["edge"]: entry["score"] for entry in results["edges"]}


def edge_name(sender: str, receiver: str) -> str:
    """As `ioi` writes an edge, and reference_graph.py its ends: 7.3->9.9.q, input->m0, m11->logits."""
    return f"{sender}->{receiver}"


def saved_scores(path: Path) -> dict[str, float]:
    """Of all edges, in a file of `--save-scores`, by their names in MIB's form."""
    return {name: edge["score"] for name, edge in json.loads(path.read_text())["edges"].items()}


def mib_edge_name(sender: str, receiver: str) -> str:
    """As MIB's files write an edge: a7.h3->a9.h9<q>, input->m0, m11->logits."""
    layer, _, head = sender.partition(".")
    sender = f"a{layer}.h{head}" if head else sender
    if "." in receiver:
        layer, head, kind = receiver.split(".")
        receiver = f"a{layer}.h{head}<{kind}>"
    return f"{sender}->{receiver}"


def head_named(text: str) -> Head:
    """9.9 as (9, 9)."""
    layer, head = text.split(".")
    return int(layer), int(head)


@dataclass(frozen=True)
class Circuit:
    """What stays of a model: heads, each at a position class or at `all`, and which class hears which."""

    positions: dict[Head, str]
    classes: dict[Head, str]
    paths: frozenset[tuple[str, str, str]]
    """(class heard, hearing class, input) and (class heard, "logits", ""); empty where the file does not say."""

    @staticmethod
    def read(path: Path) -> "Circuit":
        document = json.loads(path.read_text())
        entries = [(head_named(text), entry) for entry in document["classes"] for text in entry["heads"]]
        return Circuit(
            positions={head: entry["position"] for head, entry in entries},
            classes={head: entry["name"] for head, entry in entries},
            paths=frozenset(
                (heard["from"], heard["to"], kind)
                for heard in document.get("paths", [])
                for kind in heard.get("inputs") or [""]
            ),
        )

    def only(self, heads: Iterable[Head]) -> "Circuit":
        return replace(self, positions={head: self.positions[head] for head in heads})

    def without(self, heads: Iterable[Head]) -> "Circuit":
        left_out = set(heads)
        return self.only(head for head in self.positions if head not in left_out)

    def everywhere(self) -> "Circuit":
        return replace(self, positions=dict.fromkeys(self.positions, "all"))

    def in_layer(self, layer: int) -> list[tuple[int, str]]:
        """(head, position) of a layer's heads."""
        return [(head, position) for (own, head), position in self.positions.items() if own == layer]

    def hears(self, sender: Head, receiver: str) -> bool:
        """Whether the edge from a head is kept: one of the circuit's, to any MLP, or along a path."""
        if sender not in self.positions:
            return False
        if receiver.startswith("m"):
            return True
        if receiver == "logits":
            return (self.classes[sender], "logits", "") in self.paths
        name, _, kind = receiver.rpartition(".")
        head = head_named(name)
        return head in self.positions and (self.classes[sender], self.classes[head], kind) in self.paths
