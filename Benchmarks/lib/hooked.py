"""What the TransformerLens sides of the comparisons share: a HookedTransformer with a folder's weights, batches, passes.

Needs TransformerLens before 4.0, which removed HookedTransformer.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

warnings.filterwarnings("ignore")

import torch  # noqa: E402
from torch import Tensor  # noqa: E402
from transformer_lens import HookedTransformer, HookedTransformerConfig  # noqa: E402
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402

from reference_patching import Prompt  # noqa: E402

LOGIT_TOLERANCE = 1e-3
CHECKED_PROMPTS = 4
SORTED_BATCH = 32

Cache = dict[str, Tensor]
Hooks = list[tuple[str, Callable[..., Tensor | None]]]


@dataclass(frozen=True)
class Batch:
    """Prompts padded on the right to the longest; `indices` are their places in the file."""

    indices: list[int]
    tokens: Tensor
    abc_tokens: Tensor
    rows: Tensor
    ends: Tensor
    direction: Tensor
    """Unembedding of IO less that of S, [prompt, width]."""


# Models


def hooked_config(shape: GPT2Config, dtype: torch.dtype = torch.float32) -> HookedTransformerConfig:
    return HookedTransformerConfig(
        n_layers=shape.n_layer,
        n_heads=shape.n_head,
        d_model=shape.n_embd,
        d_head=shape.n_embd // shape.n_head,
        d_mlp=shape.n_inner or 4 * shape.n_embd,
        d_vocab=shape.vocab_size,
        n_ctx=shape.n_positions,
        act_fn="gelu_new",
        normalization_type="LN",
        eps=shape.layer_norm_epsilon,
        device="cpu",
        dtype=dtype,
    )


def load_model(folder: Path, prompts: list[Prompt]) -> HookedTransformer:
    """The folder's weights as they are: nothing folded or centred."""
    original = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
    config = hooked_config(original.config)
    model = HookedTransformer(config)
    model.load_and_process_state_dict(
        convert_gpt2_weights(original, config),
        fold_ln=False,
        center_writing_weights=False,
        center_unembed=False,
        fold_value_biases=False,
    )
    tokens = pad([prompt.tokens for prompt in prompts[:CHECKED_PROMPTS]])
    difference = (model(tokens) - original(tokens).logits).abs().max().item()
    if not difference <= LOGIT_TOLERANCE:
        raise SystemExit(f"{folder}: TransformerLens's logits differ from transformers' by {difference:.1e}")
    return model.eval()


# Batches


def make_batch(model: HookedTransformer, prompts: list[Prompt], indices: list[int]) -> Batch:
    chosen = [prompts[index] for index in indices]
    unembedding = model.W_U.T
    return Batch(
        indices=indices,
        tokens=pad([prompt.tokens for prompt in chosen]),
        abc_tokens=pad([prompt.abc_tokens for prompt in chosen]),
        rows=torch.arange(len(chosen)),
        ends=torch.tensor([len(prompt.tokens) - 1 for prompt in chosen]),
        direction=unembedding[[prompt.io for prompt in chosen]] - unembedding[[prompt.s for prompt in chosen]],
    )


def pad(rows: list[list[int]]) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows])


def fastest_batching(model: HookedTransformer, prompts: list[Prompt]) -> tuple[str, list[Batch]]:
    """One padded batch, sorted batches of 32, or a batch for each length: the quickest of three plain passes."""
    by_length: dict[int, list[int]] = {}
    for index, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt.tokens), []).append(index)
    in_order = sorted(range(len(prompts)), key=lambda index: len(prompts[index].tokens))
    candidates = {"one batch": [in_order], "a batch for each length": list(by_length.values())}
    if len(prompts) > SORTED_BATCH:
        candidates[f"sorted batches of {SORTED_BATCH}"] = [
            in_order[start : start + SORTED_BATCH] for start in range(0, len(in_order), SORTED_BATCH)
        ]
    batches = {name: [make_batch(model, prompts, group) for group in groups] for name, groups in candidates.items()}
    seconds = dict.fromkeys(batches, float("inf"))
    for _ in range(3):
        for name, group in batches.items():
            start = time.perf_counter()
            for batch in group:
                final_residual(model, batch.tokens, [])
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    best = min(seconds, key=seconds.__getitem__)
    return best, batches[best]


# Passes


def final_residual(model: HookedTransformer, tokens: Tensor, hooks: Hooks, layers: int | None = None) -> Tensor:
    """The residual stream after the last block, or after the first `layers`; no unembedding."""
    stop = model.cfg.n_layers if layers is None else layers
    return model.run_with_hooks(tokens, fwd_hooks=hooks, stop_at_layer=stop)


def logit_differences(model: HookedTransformer, batch: Batch, hooks: Hooks) -> Tensor:
    residual = final_residual(model, batch.tokens, hooks)
    final = model.ln_final(residual[batch.rows, batch.ends].unsqueeze(1)).squeeze(1)
    return (final * batch.direction).sum(dim=-1)


def recording(names: list[str], cache: Cache) -> Hooks:
    def record(value: Tensor, hook: object) -> None:
        cache[hook.name] = value  # type: ignore[attr-defined]

    return [(name, record) for name in names]


def layer_names(model: HookedTransformer, site: str) -> list[str]:
    return [f"blocks.{layer}.attn.hook_{site}" for layer in range(model.cfg.n_layers)]


def in_file_order(values: list[Tensor], batches: list[Batch], prompts: int) -> list[float]:
    ordered = [0.0] * prompts
    for batch, differences in zip(batches, values, strict=True):
        for index, difference in zip(batch.indices, differences.tolist(), strict=True):
            ordered[index] = difference
    return ordered
