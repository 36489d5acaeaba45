#!/usr/bin/env python3
"""Writes reference values for the engine's parity tests, computed in float64 with Hugging Face's GPT-2.

Each shape becomes a folder OUT/NAME with

    config.json, model.safetensors   a GPT-2 checkpoint with random weights, in float32
    batch.json                       prompts, answers, both losses, and the losses of ten AdamW steps
    reference.safetensors            logits and every site of the forward pass, prompt after prompt
    gradients.safetensors            "answer.NAME" and "all.NAME": each parameter's gradient of either loss
    dropout.json, dropout.safetensors
                                     the loss over all rows with dropout, and each parameter's gradient

Nothing here depends on padding. The answer loss is the mean over prompts of the cross-entropy of the answer
at the prompt's last token. The loss over all rows is the mean over the rows of all prompts together, where
each row predicts the token after it and a prompt's last row predicts the answer. Values are float64 rounded
once to float32, from weights that are float32 numbers to begin with.

Key biases have no effect on the loss: a row's softmax does not see what all its scores share. The middle
third of a c_attn.bias gradient is therefore rounding only; compare a tensor's gradient by its largest
element.

The masks of dropout are those that Sources/GPT2Kit/Numerics/Dropout.swift describes, computed anew here.

Before writing, the sites are compared with a second forward pass written out in plain tensor operations, the
logits of a padded batch (which the losses use) with those of the prompts run alone, the loss with Hugging
Face's, and the gradients with finite differences; the script stops if any of them disagree.

Needs torch, transformers and safetensors (Benchmarks/requirements.txt).
"""

import argparse
import copy
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging as transformers_logging

PREFIX = "transformer."
STEPS = 10
WEIGHT_DECAY = 0.1
BETAS = (0.9, 0.999)
EPSILON = 1e-8
DROPOUT = {"rate": 0.3, "seed": 5, "step": 17}

Sites = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    """A model's size, its prompts' lengths and how its weights are drawn."""

    layers: int
    heads: int
    width: int
    vocabulary: int
    context: int
    lengths: tuple[int, ...]
    inner: int | None = None
    matrix_std: float = 0.2
    vector_std: float = 0.2
    learning_rate: float = 1e-3
    original_layout: bool = False
    activation: str = "gelu_new"
    scaled_by_layer: bool = False

    def config(self) -> GPT2Config:
        config = GPT2Config(
            n_layer=self.layers,
            n_head=self.heads,
            n_embd=self.width,
            n_inner=self.inner,
            vocab_size=self.vocabulary,
            n_positions=self.context,
            bos_token_id=self.vocabulary - 1,
            eos_token_id=self.vocabulary - 1,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            activation_function=self.activation,
            scale_attn_by_inverse_layer_idx=self.scaled_by_layer,
        )
        config._attn_implementation = "eager"
        return config


# Small enough that the committed folders stay under 2 MB together. `odd` has the tensor names and the mask
# buffers of the GPT-2 file first published; `small` is GPT-2 small's own size, for Benchmarks/parity/engine.sh.
SHAPES = {
    "plain": Shape(2, 2, 16, 41, 16, lengths=(7, 16, 2, 5)),
    "inner": Shape(3, 3, 24, 53, 24, lengths=(2, 9, 24, 3), inner=40),
    "odd": Shape(1, 5, 35, 67, 12, lengths=(12, 2, 7), original_layout=True),
    "scaled": Shape(3, 2, 16, 41, 16, lengths=(6, 16, 3), activation="gelu", scaled_by_layer=True),
    "wide": Shape(2, 4, 64, 101, 32, lengths=(4, 32, 2), inner=96, learning_rate=5e-4),
    "small": Shape(
        12, 12, 768, 50257, 1024, lengths=(8, 20, 15, 11, 17),
        matrix_std=0.04, vector_std=0.04, learning_rate=3e-6,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Prompts of uneven length with an answer token each."""

    prompts: list[list[int]]
    answers: list[int]

    def next_tokens(self) -> list[list[int]]:
        """What each row of each prompt is to predict."""
        return [prompt[1:] + [answer] for prompt, answer in zip(self.prompts, self.answers)]

    def mask(self) -> Tensor:
        """One where a right-padded batch has a token, zero where it has padding."""
        return padded([[1] * len(prompt) for prompt in self.prompts], 0)

    def last_rows(self) -> Tensor:
        """The packed row of each prompt's last token."""
        return torch.tensor([len(prompt) for prompt in self.prompts]).cumsum(0) - 1


def main() -> None:
    arguments = parse_arguments()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    for name in arguments.shape or [name for name in SHAPES if name != "small"]:
        write_shape(SHAPES[name], arguments.seed + list(SHAPES).index(name), arguments.out / name)
        print(f"{arguments.out / name}: written and checked")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Write float64 reference values for the engine's parity tests, one folder per shape."
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder that receives a folder per shape")
    parser.add_argument(
        "--shape",
        action="append",
        choices=list(SHAPES),
        help="a shape to write; may be given more than once (default: all but small, which takes 1.6 GB)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and prompts (default: 0)")
    return parser.parse_args()


def write_shape(shape: Shape, seed: int, folder: Path) -> None:
    """Draws one model and its batch, computes and checks everything about them, and writes the folder."""
    generator = torch.Generator().manual_seed(seed)
    model = GPT2LMHeadModel(shape.config()).train()
    draw_weights(model, shape, generator)
    batch = draw_batch(shape, generator)
    write_checkpoint(model, shape, folder)
    check_checkpoint_loads(model, folder)

    model.double()
    sites = forward_sites(model, batch)
    check_sites(sites, model, batch)
    check_padding(model, batch, sites["logits"])

    losses, gradients, curves = {}, {}, {}
    for name, loss in LOSSES.items():
        losses[name], gradients[name] = loss_and_gradients(model, batch, loss)
        check_gradients(model, batch, loss, gradients[name], generator)
        curves[name] = adamw_losses(copy.deepcopy(model), batch, loss, shape.learning_rate)
        check_curve(name, curves[name])

    write_batch(batch, losses, curves, shape.learning_rate, folder / "batch.json")
    save_rounded(sites, folder / "reference.safetensors")
    save_rounded(
        {f"{loss}.{name}": value for loss, values in gradients.items() for name, value in values.items()},
        folder / "gradients.safetensors",
    )
    loss, gradients = dropout_loss_and_gradients(model, batch)
    (folder / "dropout.json").write_text(json.dumps(DROPOUT | {"loss": loss}, indent=1) + "\n")
    save_rounded(gradients, folder / "dropout.safetensors")


# Weights, prompts and checkpoint


@torch.no_grad()
def draw_weights(model: GPT2LMHeadModel, shape: Shape, generator: torch.Generator) -> None:
    """Fills every parameter so that none is zero or one: a term left out anywhere shows."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() >= 2:
            parameter.copy_(shape.matrix_std * noise)
        elif ".ln_" in name and name.endswith(".weight"):
            parameter.copy_(1 + shape.vector_std * noise)
        else:
            parameter.copy_(shape.vector_std * noise)


def draw_batch(shape: Shape, generator: torch.Generator) -> Batch:
    def tokens(count: int) -> list[int]:
        return torch.randint(shape.vocabulary, (count,), generator=generator).tolist()

    return Batch([tokens(length) for length in shape.lengths], tokens(len(shape.lengths)))


def write_checkpoint(model: GPT2LMHeadModel, shape: Shape, folder: Path) -> None:
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    if shape.original_layout:
        save_file(original_tensors(model, shape), folder / "model.safetensors", metadata={"format": "pt"})


def original_tensors(model: GPT2LMHeadModel, shape: Shape) -> dict[str, Tensor]:
    """The tensors under the names without prefix, with the causal masks that early checkpoints carry."""
    tensors = {bare(name): parameter.detach() for name, parameter in model.named_parameters()}
    for layer in range(shape.layers):
        tensors[f"h.{layer}.attn.bias"] = torch.ones(1, 1, shape.context, shape.context).tril()
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    return tensors


def check_checkpoint_loads(model: GPT2LMHeadModel, folder: Path) -> None:
    """What was written must be what Hugging Face reads back, bit for bit."""
    loaded, info = GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    if info["missing_keys"] or info["mismatched_keys"]:
        raise SystemExit(f"{folder}: transformers misses {info['missing_keys']} {info['mismatched_keys']}")
    written = dict(model.named_parameters())
    for name, parameter in loaded.named_parameters():
        if not torch.equal(parameter, written[name]):
            raise SystemExit(f"{folder}: transformers reads other values for {name}")


def bare(name: str) -> str:
    return name.removeprefix(PREFIX)


# Forward pass, read out by hooks


@torch.no_grad()
def forward_sites(model: GPT2LMHeadModel, batch: Batch) -> Sites:
    """Every site of every prompt; rows packed, attention patterns one tensor per layer and prompt."""
    return pack([prompt_sites(model, prompt) for prompt in batch.prompts])


def pack(runs: list[Sites]) -> Sites:
    """Concatenates the rows of several prompts; patterns stay apart, named by layer and prompt."""
    packed: Sites = {}
    for name in runs[0]:
        if name.startswith("pattern."):
            packed |= {f"{name}.{index}": run[name] for index, run in enumerate(runs)}
        else:
            packed[name] = torch.cat([run[name] for run in runs])
    return packed


def prompt_sites(model: GPT2LMHeadModel, prompt: list[int]) -> Sites:
    sites: Sites = {}
    with recording(model, sites):
        sites["logits"] = model(torch.tensor([prompt]), use_cache=False).logits[0]
    heads = model.config.n_head
    for layer, block in enumerate(model.transformer.h):
        for name, value in zip("qkv", sites.pop(f"qkv.{layer}").chunk(3, dim=-1)):
            sites[f"{name}.{layer}"] = split_heads(value, heads)
        z = sites[f"z.{layer}"] = split_heads(sites[f"z.{layer}"], heads)
        output = block.attn.c_proj.weight.unflatten(0, (heads, -1))
        sites[f"result.{layer}"] = torch.einsum("thk,hkd->thd", z, output)
    sites["final"] = sites[f"resid_post.{model.config.n_layer - 1}"]
    return sites


@contextmanager
def recording(model: GPT2LMHeadModel, sites: Sites) -> Iterator[None]:
    """While open, each forward pass of one prompt leaves its sites in `sites`."""

    def keep_input(name: str) -> Callable[..., None]:
        return lambda _module, inputs: sites.__setitem__(name, inputs[0][0])

    def keep_output(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: sites.__setitem__(name, output[0])

    def keep_pattern(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: sites.__setitem__(name, output[1][0])

    handles = []
    for layer, block in enumerate(model.transformer.h):
        handles += [
            block.register_forward_pre_hook(keep_input(f"resid_pre.{layer}")),
            block.attn.c_attn.register_forward_hook(keep_output(f"qkv.{layer}")),
            block.attn.register_forward_hook(keep_pattern(f"pattern.{layer}")),
            block.attn.c_proj.register_forward_pre_hook(keep_input(f"z.{layer}")),
            block.attn.c_proj.register_forward_hook(keep_output(f"attn_out.{layer}")),
            block.ln_2.register_forward_pre_hook(keep_input(f"resid_mid.{layer}")),
            block.mlp.register_forward_hook(keep_output(f"mlp_out.{layer}")),
            block.register_forward_hook(keep_output(f"resid_post.{layer}")),
        ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def split_heads(rows: Tensor, heads: int) -> Tensor:
    return rows.unflatten(-1, (heads, -1))


# Losses, gradients, AdamW


def padded(rows: list[list[int]], filler: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])


def padded_logits(model: GPT2LMHeadModel, batch: Batch) -> Tensor:
    return model(padded(batch.prompts, 0), attention_mask=batch.mask(), use_cache=False).logits


def packed_logits(model: GPT2LMHeadModel, batch: Batch) -> Tensor:
    return padded_logits(model, batch)[batch.mask().bool()]


def answer_loss(model: GPT2LMHeadModel, batch: Batch) -> Tensor:
    return cross_entropy(packed_logits(model, batch)[batch.last_rows()], torch.tensor(batch.answers))


def all_loss(model: GPT2LMHeadModel, batch: Batch) -> Tensor:
    return cross_entropy(packed_logits(model, batch), torch.tensor(sum(batch.next_tokens(), [])))


Loss = Callable[[GPT2LMHeadModel, Batch], Tensor]
# Not Hugging Face's own `labels=`: it computes the loss in float32 whatever the model's type.
LOSSES: dict[str, Loss] = {"answer": answer_loss, "all": all_loss}


def loss_and_gradients(model: GPT2LMHeadModel, batch: Batch, loss: Loss) -> tuple[float, dict[str, Tensor]]:
    value = loss(model, batch)
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(value, list(parameters.values()))
    return value.item(), {bare(name): gradient for name, gradient in zip(parameters, gradients)}


def adamw_losses(model: GPT2LMHeadModel, batch: Batch, loss: Loss, learning_rate: float) -> list[float]:
    """The loss before each of ten steps on the same batch; biases and LayerNorm do not decay."""
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ],
        lr=learning_rate,
        betas=BETAS,
        eps=EPSILON,
    )
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        value = loss(model, batch)
        value.backward()
        losses.append(value.item())
        optimizer.step()
    return losses


# Dropout


class MaskedDropout(torch.nn.Module):
    """Stands in for one of the model's dropout modules, with the masks of the engine."""

    def __init__(self, place: str, layer: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        key = seeded_key(DROPOUT["seed"], f"dropout {place} {layer}", DROPOUT["step"])
        self.low, self.high = key % 2**32, key >> 32
        self.first_row = 0
        # Attention takes the rate from its module and calls the function, so the module stands in for the rate.
        self.p = self

    def forward(self, x: Tensor) -> Tensor:
        """`x` is [1, rows, d], or [1, heads, rows, keys], of which a row is a query's of one head."""
        rows = self.first_row + torch.arange(x.shape[-2])
        if x.dim() == 4:
            rows = rows * self.heads + torch.arange(self.heads)[:, None]
        keys = mix(self.low + mix(self.high + rows))[..., None]
        state = mix(keys + torch.arange(8) * 0x9E3779B9) | 1
        numbers = []
        for _ in range(0, x.shape[-1], 8):
            state = state ^ (state << 13) & 0xFFFFFFFF
            state = state ^ (state >> 17)
            state = state ^ (state << 5) & 0xFFFFFFFF
            numbers.append(state >> 1)
        kept = torch.cat(numbers, -1)[..., : x.shape[-1]] >= int(DROPOUT["rate"] * 2**31)
        return x * kept / (1 - DROPOUT["rate"])


def mix(x: Tensor) -> Tensor:
    """A hash of 32 bits, in integers of 64."""
    bits = 2**32 - 1
    x = x & bits
    x = times(x ^ (x >> 16), 0x7FEB352D)
    x = times(x ^ (x >> 15), 0x846CA68B)
    return x ^ (x >> 16)


def times(x: Tensor, factor: int) -> Tensor:
    """A product modulo 2³², in halves that do not overflow."""
    high, low = x >> 16, x & 0xFFFF
    return (((high * factor) % 2**16) * 2**16 + low * factor) % 2**32


def seeded_key(seed: int, stream: str, index: int) -> int:
    """The first number of the engine's `SeededGenerator`: SplitMix64, seeded in three steps."""
    bits = 2**64 - 1
    state = seed

    def following() -> int:
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & bits
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & bits
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & bits
        return z ^ (z >> 31)

    name = 0xCBF29CE484222325
    for byte in stream.encode():
        name = ((name ^ byte) * 0x100000001B3) & bits
    state = following() ^ name
    state = following() ^ index
    following()
    return following()


def dropout_loss_and_gradients(model: GPT2LMHeadModel, batch: Batch) -> tuple[float, dict[str, Tensor]]:
    """The loss over all rows and its gradients, prompt after prompt."""
    model = copy.deepcopy(model)
    heads = model.config.n_head
    model.transformer.drop = MaskedDropout("embedding", 0, heads)
    for layer, block in enumerate(model.transformer.h):
        block.attn.attn_dropout = MaskedDropout("attention", layer, heads)
        block.attn.resid_dropout = MaskedDropout("attnOut", layer, heads)
        block.mlp.dropout = MaskedDropout("mlpOut", layer, heads)

    def loss(model: GPT2LMHeadModel, batch: Batch) -> Tensor:
        row, total = 0, torch.zeros((), dtype=torch.float64)
        for prompt, following in zip(batch.prompts, batch.next_tokens()):
            for module in model.modules():
                if isinstance(module, MaskedDropout):
                    module.first_row = row
            logits = model(torch.tensor([prompt]), use_cache=False).logits[0]
            total = total + cross_entropy(logits, torch.tensor(following), reduction="sum")
            row += len(prompt)
        return total / row

    with patch("torch.nn.functional.dropout", lambda x, p, training: p(x)):
        value, gradients = loss_and_gradients(model, batch, loss)
        check_gradients(model, batch, loss, gradients, torch.Generator().manual_seed(0))
    return value, gradients


# Checks


@torch.no_grad()
def check_sites(sites: Sites, model: GPT2LMHeadModel, batch: Batch) -> None:
    """Compares the hooks' values with a forward pass written out here, and the sites with one another."""
    weights = {bare(name): value for name, value in model.named_parameters()}
    expected = pack([plain_forward(weights, model.config, prompt) for prompt in batch.prompts])
    if expected.keys() != sites.keys():
        raise SystemExit(f"sites differ: {expected.keys() ^ sites.keys()}")
    for name, value in expected.items():
        check_close(name, sites[name], value)
    for layer in range(model.config.n_layer):
        bias = weights[f"h.{layer}.attn.c_proj.bias"]
        attention, mlp = sites[f"attn_out.{layer}"], sites[f"mlp_out.{layer}"]
        before, middle, after = (sites[f"resid_{place}.{layer}"] for place in ("pre", "mid", "post"))
        check_close(f"result.{layer}", sites[f"result.{layer}"].sum(1) + bias, attention)
        check_close(f"resid_mid.{layer}", before + attention, middle)
        check_close(f"resid_post.{layer}", middle + mlp, after)


def plain_forward(weights: dict[str, Tensor], config: GPT2Config, prompt: list[int]) -> Sites:
    """GPT-2's forward pass from its definition, head by head, sharing no code with the model class."""
    heads, head_width = config.n_head, config.n_embd // config.n_head
    count = len(prompt)
    allowed = torch.ones(count, count).tril().bool()

    def layer_norm(name: str, rows: Tensor) -> Tensor:
        centred = rows - rows.mean(-1, keepdim=True)
        deviation = (centred.square().mean(-1, keepdim=True) + config.layer_norm_epsilon).sqrt()
        return centred / deviation * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def dense(name: str, rows: Tensor) -> Tensor:
        return rows @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def gelu(x: Tensor) -> Tensor:
        if config.activation_function == "gelu":
            return 0.5 * x * torch.special.erfc(-x / math.sqrt(2))
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    sites: Sites = {}
    residual = weights["wte.weight"][prompt] + weights["wpe.weight"][:count]
    for layer in range(config.n_layer):
        block = f"h.{layer}"
        sites[f"resid_pre.{layer}"] = residual
        normed = layer_norm(f"{block}.ln_1", residual)
        columns = dense(f"{block}.attn.c_attn", normed).split(head_width, dim=-1)
        q, k, v = columns[:heads], columns[heads : 2 * heads], columns[2 * heads :]
        patterns, z, results = [], [], []
        for head in range(heads):
            scores = (q[head] @ k[head].T) / math.sqrt(head_width)
            if config.scale_attn_by_inverse_layer_idx:
                scores = scores / (layer + 1)
            patterns.append(scores.masked_fill(~allowed, -math.inf).softmax(-1))
            z.append(patterns[head] @ v[head])
            rows = slice(head * head_width, (head + 1) * head_width)
            results.append(z[head] @ weights[f"{block}.attn.c_proj.weight"][rows])
        named = {"q": q, "k": k, "v": v, "z": z, "result": results}
        sites |= {f"{name}.{layer}": torch.stack(tuple(values), 1) for name, values in named.items()}
        sites[f"pattern.{layer}"] = torch.stack(patterns)
        sites[f"attn_out.{layer}"] = dense(f"{block}.attn.c_proj", torch.cat(z, -1))
        residual = residual + sites[f"attn_out.{layer}"]
        sites[f"resid_mid.{layer}"] = residual
        hidden = gelu(dense(f"{block}.mlp.c_fc", layer_norm(f"{block}.ln_2", residual)))
        sites[f"mlp_out.{layer}"] = dense(f"{block}.mlp.c_proj", hidden)
        residual = residual + sites[f"mlp_out.{layer}"]
        sites[f"resid_post.{layer}"] = residual
    sites["final"] = residual
    sites["logits"] = layer_norm("ln_f", residual) @ weights["wte.weight"].T
    return sites


@torch.no_grad()
def check_padding(model: GPT2LMHeadModel, batch: Batch, logits: Tensor) -> None:
    """The losses' padded batch against the prompts run alone, and our loss against Hugging Face's."""
    check_close("logits of a padded batch", packed_logits(model, batch), logits)
    theirs = model.loss_function(
        padded_logits(model, batch),
        labels=None,
        vocab_size=model.config.vocab_size,
        shift_labels=padded(batch.next_tokens(), -100),
    )
    check_close("Hugging Face's loss", theirs.double(), all_loss(model, batch), tolerance=1e-6)


@torch.no_grad()
def check_gradients(
    model: GPT2LMHeadModel,
    batch: Batch,
    loss: Loss,
    gradients: dict[str, Tensor],
    generator: torch.Generator,
) -> None:
    """Central difference along one random direction through all parameters."""
    step = 1e-5
    directions = {
        bare(name): torch.randn(p.shape, generator=generator, dtype=p.dtype) * p.abs().mean()
        for name, p in model.named_parameters()
    }

    def move(amount: float) -> None:
        for name, parameter in model.named_parameters():
            parameter.add_(directions[bare(name)], alpha=amount)

    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    move(step)
    above = loss(model, batch)
    move(-2 * step)
    below = loss(model, batch)
    for name, parameter in model.named_parameters():
        parameter.copy_(before[name])
    slope = sum((gradients[name] * directions[name]).sum() for name in gradients)
    check_close("gradient along a random direction", (above - below) / (2 * step), slope, tolerance=1e-5)


def check_curve(name: str, losses: list[float]) -> None:
    """The loss must fall clearly, and not so far that in float32 nothing but rounding would be left of it."""
    if not 0.1 * losses[0] < losses[-1] < 0.95 * losses[0]:
        raise SystemExit(f"{name} loss over {STEPS} AdamW steps: {losses}; expected a fall to 10-95 %")


def check_close(name: str, found: Tensor, expected: Tensor, tolerance: float = 1e-11) -> None:
    """Largest difference against the largest value, so that elements near zero do not decide."""
    error = ((found - expected).abs().max() / expected.abs().max()).item()
    if not error <= tolerance:
        raise SystemExit(f"{name}: two computations differ by {error:.1e} relative, {tolerance:.0e} allowed")


# Writing


def write_batch(
    batch: Batch, losses: dict[str, float], curves: dict[str, list[float]], learning_rate: float, path: Path
) -> None:
    document = {
        "prompts": batch.prompts,
        "answers": batch.answers,
        "loss_answer": losses["answer"],
        "loss_all": losses["all"],
        "adamw": {
            "lr": learning_rate,
            "weight_decay": WEIGHT_DECAY,
            "betas": BETAS,
            "eps": EPSILON,
            "losses_answer": curves["answer"],
            "losses_all": curves["all"],
        },
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def save_rounded(tensors: Sites, path: Path) -> None:
    # Cloned: safetensors refuses tensors that share memory, and `final` is the last block's output.
    save_file({name: value.float().clone().contiguous() for name, value in tensors.items()}, path)


if __name__ == "__main__":
    main()
