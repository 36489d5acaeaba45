"""GPT-2 written out plainly, to check fast code against: one prompt at a time, whole passes, a hook at every site.

Weights come straight from a Hugging Face folder's `model.safetensors`; nothing is folded, fused or cached. Only
torch's elementary operations are used, in float64 unless told otherwise.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

HEAD_SITES = ("q", "k", "v", "pattern", "z", "result")
"""Sites of shape [head, position, ...]; the others are [position, ...]."""

LAYER_SITES = ("attn", "mlp", "resid_pre", "resid_mid", "resid_post")
SCALE_SITES = ("ln1_scale", "ln2_scale", "final_scale")
"""1 / standard deviation of each LayerNorm, [position, 1]."""

Hook = Callable[[str, int, Tensor], Tensor]
"""Given a site, its layer and the value computed there; returns the value to go on with."""

Activations = dict[tuple[str, int], Tensor]


@dataclass(frozen=True)
class Shape:
    """What of `config.json` the forward pass needs."""

    layers: int
    heads: int
    width: int
    inner: int
    vocabulary: int
    positions: int
    epsilon: float

    @staticmethod
    def read(folder: Path) -> "Shape":
        config = json.loads((folder / "config.json").read_text())
        return Shape(
            layers=config["n_layer"],
            heads=config["n_head"],
            width=config["n_embd"],
            inner=config.get("n_inner") or 4 * config["n_embd"],
            vocabulary=config["vocab_size"],
            positions=config["n_positions"],
            epsilon=config["layer_norm_epsilon"],
        )


def unchanged(_site: str, _layer: int, value: Tensor) -> Tensor:
    """The hook of a run without changes."""
    return value


class ReferenceGPT2:
    """A GPT-2 whose every site passes through a hook on its way."""

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float64) -> None:
        self.shape = Shape.read(folder)
        stored = load_file(folder / "model.safetensors")
        self.weights = {name.removeprefix("transformer."): value.to(dtype) for name, value in stored.items()}

    def logit_difference(self, tokens: list[int], io: int, s: int, hook: Hook) -> float:
        """Logit of `io` less logit of `s` after the last token."""
        final = self.final_row(tokens, hook)
        unembedding = self.weights["wte.weight"]
        return float(final @ unembedding[io] - final @ unembedding[s])

    def activations(self, tokens: list[int], hook: Hook) -> Activations:
        """Every site's value in a run, as the hook left it."""
        record: Activations = {}

        def keep(site: str, layer: int, value: Tensor) -> Tensor:
            record[site, layer] = hook(site, layer, value)
            return record[site, layer]

        self.final_row(tokens, keep)
        return record

    def final_row(self, tokens: list[int], hook: Hook) -> Tensor:
        """The last token's residual after the final LayerNorm."""
        residual = self.weights["wte.weight"][tokens] + self.weights["wpe.weight"][: len(tokens)]
        for layer in range(self.shape.layers):
            residual = hook("resid_pre", layer, residual)
            residual = hook("resid_mid", layer, residual + self.attention(residual, layer, hook))
            residual = hook("resid_post", layer, residual + self.mlp(residual, layer, hook))
        return self.layer_norm(residual, "ln_f", "final_scale", self.shape.layers, hook)[-1]

    def attention(self, residual: Tensor, layer: int, hook: Hook) -> Tensor:
        normalised = self.layer_norm(residual, f"h.{layer}.ln_1", "ln1_scale", layer, hook)
        queries, keys, values = self.affine(normalised, f"h.{layer}.attn.c_attn").split(self.shape.width, dim=-1)
        q = hook("q", layer, self.by_head(queries))
        k = hook("k", layer, self.by_head(keys))
        v = hook("v", layer, self.by_head(values))

        count = residual.shape[0]
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        future = torch.ones(count, count, dtype=torch.bool).triu(diagonal=1)
        pattern = hook("pattern", layer, scores.masked_fill(future, -math.inf).softmax(dim=-1))
        z = hook("z", layer, pattern @ v)

        output_of_head = self.weights[f"h.{layer}.attn.c_proj.weight"].view(self.shape.heads, -1, self.shape.width)
        result = hook("result", layer, z @ output_of_head)
        return hook("attn", layer, result.sum(dim=0) + self.weights[f"h.{layer}.attn.c_proj.bias"])

    def mlp(self, residual: Tensor, layer: int, hook: Hook) -> Tensor:
        normalised = self.layer_norm(residual, f"h.{layer}.ln_2", "ln2_scale", layer, hook)
        hidden = self.affine(normalised, f"h.{layer}.mlp.c_fc")
        cubic = math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)
        activated = 0.5 * hidden * (1 + torch.tanh(cubic))
        return hook("mlp", layer, self.affine(activated, f"h.{layer}.mlp.c_proj"))

    def layer_norm(self, residual: Tensor, name: str, scale_site: str, layer: int, hook: Hook) -> Tensor:
        centred = residual - residual.mean(dim=-1, keepdim=True)
        variance = centred.pow(2).mean(dim=-1, keepdim=True)
        scale = hook(scale_site, layer, 1 / torch.sqrt(variance + self.shape.epsilon))
        return centred * scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def affine(self, rows: Tensor, name: str) -> Tensor:
        return rows @ self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def by_head(self, rows: Tensor) -> Tensor:
        """[position, width] as [head, position, width of a head]."""
        return rows.view(rows.shape[0], self.shape.heads, -1).transpose(0, 1)


def write_random_model(folder: Path, like: Path, seed: int, noise_on: Path | None = None) -> None:
    """Writes a model of `like`'s shape whose every part matters to the logits.

    Freshly initialised weights hide mistakes: attention is all but uniform, biases are zero and LayerNorm gains
    one. These spread attention scores by about 2 and give biases and gains that differ. With `noise_on`, the
    model there with a tenth of each tensor's spread added: a second model near the first.
    """
    generator = torch.Generator().manual_seed(seed)
    if noise_on is not None:
        source = load_file(noise_on / "model.safetensors")
        tensors = {name: value + 0.1 * value.std() * normal(value.shape, generator) for name, value in source.items()}
    else:
        tensors = random_tensors(Shape.read(like), generator)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text((like / "config.json").read_text())
    for name in ("vocab.json", "merges.txt"):
        if (like / name).exists():
            (folder / name).write_text((like / name).read_text())
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def random_tensors(shape: Shape, generator: torch.Generator) -> dict[str, Tensor]:
    def matrix(rows: int, columns: int, gain: float) -> Tensor:
        return gain / math.sqrt(rows) * normal((rows, columns), generator)

    def vector(count: int, mean: float, spread: float) -> Tensor:
        return mean + spread * normal((count,), generator)

    tensors = {
        "wte.weight": 0.1 * normal((shape.vocabulary, shape.width), generator),
        "wpe.weight": 0.1 * normal((shape.positions, shape.width), generator),
    }
    norms = ["ln_f"]
    for layer in range(shape.layers):
        norms += [f"h.{layer}.ln_1", f"h.{layer}.ln_2"]
        products = {
            "attn.c_attn": (shape.width, 3 * shape.width, 1.4),
            "attn.c_proj": (shape.width, shape.width, 0.6),
            "mlp.c_fc": (shape.width, shape.inner, 1.4),
            "mlp.c_proj": (shape.inner, shape.width, 1.0),
        }
        for name, (rows, columns, gain) in products.items():
            tensors[f"h.{layer}.{name}.weight"] = matrix(rows, columns, gain)
            tensors[f"h.{layer}.{name}.bias"] = vector(columns, 0, 0.1)
    for name in norms:
        tensors[f"{name}.weight"] = vector(shape.width, 1, 0.2)
        tensors[f"{name}.bias"] = vector(shape.width, 0, 0.1)
    return tensors


def normal(shape: tuple[int, ...] | torch.Size, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator)
