#!/usr/bin/env python3
"""The TransformerLens side of patch.py: one sweep over heads with a HookedTransformer, in the usual manner of hooks.

Every patched run is a whole pass over the batch, with hooks that freeze or replace cached activations. What costs
a user nothing to leave out is left out: gradients, the unembedding at other rows than END, layers above the last
receiver in path patching's recording pass, hooks and cached names that a sweep does not need, and padding where
batches of one length are faster. Path patching freezes z of all heads rather than their q, k and v: in the recording
pass that is the same.

Times some heads spread over the layers, or all with --heads 0, and the passes that run once per sweep. Prints one
JSON object: these times, the number of heads in the sweep, and the logit differences of every prompt.

Needs TransformerLens before 4.0, which removed HookedTransformer.
"""

import argparse
import json
import sys
import time
from abc import ABC, abstractmethod
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
    recording,
)

import torch  # noqa: E402
from patch_sweeps import QUERY_HEADS, SWEEPS, Head, spread  # noqa: E402
from processes import peak_bytes  # noqa: E402
from reference_patching import read_prompts  # noqa: E402
from torch import Tensor  # noqa: E402
from transformer_lens import HookedTransformer  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402


def main() -> None:
    arguments = parse_arguments()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    libraries_bytes = peak_bytes()
    prompts = read_prompts(arguments.data)
    with torch.inference_mode():
        model = load_model(arguments.model, prompts)
        donor = load_model(arguments.donor, prompts) if arguments.donor else None
        name, batches = fastest_batching(model, prompts)
        sweep = make_sweep(arguments.sweep, model, donor)
        report = run(sweep, batches, len(prompts), arguments.heads)
    report |= {"batching": name, "libraries_bytes": libraries_bytes}
    json.dump(report, sys.stdout)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run one patching sweep with TransformerLens and print times and logit differences as JSON."
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder")
    parser.add_argument("--donor", type=Path, help="a second one, for cross-model sweeps")
    parser.add_argument("--data", type=Path, required=True, help="prompts file (.jsonl)")
    parser.add_argument("--sweep", choices=list(SWEEPS), required=True)
    parser.add_argument("--heads", type=int, default=12, help="heads to time, 0 for all (default: 12)")
    parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
    arguments = parser.parse_args()
    if SWEEPS[arguments.sweep].needs_donor != (arguments.donor is not None):
        parser.error(f"--donor {arguments.donor}: expected one for cross-model sweeps and for no others")
    return arguments


# Sweeps


class Sweep(ABC):
    """What runs once for a batch, and what runs for each head after that."""

    def __init__(self, model: HookedTransformer) -> None:
        self.model = model

    def heads(self) -> list[Head]:
        return [(layer, head) for layer in range(self.model.cfg.n_layers) for head in range(self.model.cfg.n_heads)]

    @abstractmethod
    def prepare(self, batch: Batch) -> tuple[Tensor, Cache, Cache]:
        """Logit differences of the unpatched run; what to freeze from it; what to patch in."""

    @abstractmethod
    def patch(self, batch: Batch, base: Cache, source: Cache, head: Head) -> Tensor:
        """Logit differences with the head patched."""


class PathSweep(Sweep):
    """Path patching from each head to the logits."""

    def prepare(self, batch: Batch) -> tuple[Tensor, Cache, Cache]:
        base: Cache = {}
        source: Cache = {}
        names = layer_names(self.model, "z")
        original = logit_differences(self.model, batch, recording(names, base))
        final_residual(self.model, batch.abc_tokens, recording(names, source))
        return original, base, source

    def sending(self, base: Cache, source: Cache, head: Head) -> Hooks:
        """Freezes every head's z but the sender's, which comes from the new input."""
        sender = f"blocks.{head[0]}.attn.hook_z"

        def freeze(value: Tensor, hook: object) -> Tensor:
            frozen = base[hook.name]  # type: ignore[attr-defined]
            if hook.name != sender:  # type: ignore[attr-defined]
                return frozen
            frozen = frozen.clone()
            frozen[:, :, head[1]] = source[sender][:, :, head[1]]
            return frozen

        return [(name, freeze) for name in base]

    def patch(self, batch: Batch, base: Cache, source: Cache, head: Head) -> Tensor:
        return logit_differences(self.model, batch, self.sending(base, source, head))


class QuerySweep(PathSweep):
    """Path patching from each head below the last receiver to the name movers' queries at END."""

    last = max(layer for layer, _ in QUERY_HEADS)

    def heads(self) -> list[Head]:
        return [head for head in super().heads() if head[0] < self.last]

    def patch(self, batch: Batch, base: Cache, source: Cache, head: Head) -> Tensor:
        received: Cache = {}
        names = sorted({f"blocks.{layer}.attn.hook_q" for layer, _ in QUERY_HEADS})
        hooks = self.sending(base, source, head) + recording(names, received)
        final_residual(self.model, batch.tokens, hooks, layers=self.last + 1)

        def receive(value: Tensor, hook: object) -> Tensor:
            for layer, receiver in QUERY_HEADS:
                name = f"blocks.{layer}.attn.hook_q"
                if hook.name == name:  # type: ignore[attr-defined]
                    value[batch.rows, batch.ends, receiver] = received[name][batch.rows, batch.ends, receiver]
            return value

        return logit_differences(self.model, batch, [(name, receive) for name in names])


class ActivationSweep(Sweep):
    """Each head's z at END from the new input."""

    def prepare(self, batch: Batch) -> tuple[Tensor, Cache, Cache]:
        source: Cache = {}
        original = logit_differences(self.model, batch, [])
        final_residual(self.model, batch.abc_tokens, recording(layer_names(self.model, "z"), source))
        return original, {}, source

    def patch(self, batch: Batch, base: Cache, source: Cache, head: Head) -> Tensor:
        name = f"blocks.{head[0]}.attn.hook_z"

        def replace(value: Tensor, hook: object) -> Tensor:
            value[batch.rows, batch.ends, head[1]] = source[name][batch.rows, batch.ends, head[1]]
            return value

        return logit_differences(self.model, batch, [(name, replace)])


class CrossSweep(Sweep):
    """Each head's pattern or z, everywhere, from the donor's run on the same prompt."""

    def __init__(self, model: HookedTransformer, donor: HookedTransformer, site: str) -> None:
        super().__init__(model)
        self.donor = donor
        self.site = site

    def prepare(self, batch: Batch) -> tuple[Tensor, Cache, Cache]:
        source: Cache = {}
        original = logit_differences(self.model, batch, [])
        final_residual(self.donor, batch.tokens, recording(layer_names(self.model, self.site), source))
        return original, {}, source

    def patch(self, batch: Batch, base: Cache, source: Cache, head: Head) -> Tensor:
        name = f"blocks.{head[0]}.attn.hook_{self.site}"
        index = (slice(None), head[1]) if self.site == "pattern" else (slice(None), slice(None), head[1])

        def replace(value: Tensor, hook: object) -> Tensor:
            value[index] = source[name][index]
            return value

        return logit_differences(self.model, batch, [(name, replace)])


def make_sweep(name: str, model: HookedTransformer, donor: HookedTransformer | None) -> Sweep:
    match name:
        case "path-logits":
            return PathSweep(model)
        case "path-queries":
            return QuerySweep(model)
        case "activation-z":
            return ActivationSweep(model)
        case "cross-pattern" | "cross-z" if donor is not None:
            return CrossSweep(model, donor, name.removeprefix("cross-"))
    raise SystemExit(f"{name}: not a sweep, or one that needs a donor")


def run(sweep: Sweep, batches: list[Batch], prompts: int, count: int) -> dict[str, object]:
    """Times the sweep; logit differences are put back into the file's order."""
    start = time.perf_counter()
    prepared = [sweep.prepare(batch) for batch in batches]
    base_seconds = time.perf_counter() - start
    original = in_file_order([values for values, _, _ in prepared], batches, prompts)
    every_head = sweep.heads()
    heads = spread(every_head, count)
    patched, seconds = [], []
    for head in heads:
        start = time.perf_counter()
        values = [
            sweep.patch(batch, base, source, head) for batch, (_, base, source) in zip(batches, prepared, strict=True)
        ]
        seconds.append(time.perf_counter() - start)
        patched.append(in_file_order(values, batches, prompts))
    return {
        "base_seconds": base_seconds,
        "head_seconds": seconds,
        "sweep_seconds": base_seconds + (sum(seconds) if heads == every_head else median(seconds) * len(every_head)),
        "heads": heads,
        "heads_of_sweep": len(every_head),
        "original": original,
        "patched": patched,
    }


if __name__ == "__main__":
    main()
