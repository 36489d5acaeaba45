#!/usr/bin/env python3
"""The PyTorch side of finetune.py: trains Hugging Face's GPT-2 and reports every step.

Right-padded batches, weights in fp32, fused AdamW with decay on matrices and embeddings only. For the answer loss the
unembedding runs on the END rows alone; the loss over all rows is Hugging Face's own `labels=` path. Prints one JSON object: the loss, seconds, samples and tokens of every step, and the memory
held before the model is loaded. Prompts are taken in file order; each line gives `tokens` and
`answer_token`. Of a text, blocks are taken in order.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GPT2LMHeadModel, GPT2TokenizerFast
from transformers.utils import logging as transformers_logging

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from processes import peak_bytes  # noqa: E402

IGNORED = -100


@dataclass(frozen=True)
class Prompt:
    """One line of a prompts file: the tokens of the text and the token to predict."""

    tokens: list[int]
    answer: int


@dataclass(frozen=True)
class Step:
    """What one training step gave; `tokens` counts the prompts' own, no padding."""

    loss: float
    seconds: float
    samples: int
    tokens: int


Loss = Callable[[GPT2LMHeadModel, list[Prompt]], Tensor]


def main() -> None:
    arguments = parse_arguments()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    libraries_bytes = peak_bytes()
    count = arguments.steps * arguments.batch
    prompts = (
        read_blocks(arguments.text, arguments.block, arguments.model, count)
        if arguments.text
        else read_prompts(arguments.data, count)
    )
    model = load_model(arguments.model, arguments.attention, arguments.dropout)
    optimizer = make_optimizer(model, arguments.lr, arguments.weight_decay)
    batches = (
        prompts[start : start + arguments.batch] for start in range(0, len(prompts), arguments.batch)
    )
    loss = LOSSES["all" if arguments.text else arguments.loss]
    halves = arguments.precision == "bf16"
    steps = [train_step(model, optimizer, loss, batch, arguments.clip, halves) for batch in batches]
    report = {
        "torch": torch.__version__,
        "libraries_bytes": libraries_bytes,
        "steps": [asdict(step) for step in steps],
    }
    json.dump(report, sys.stdout)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Fine-tune a GPT-2 folder with PyTorch and print each step's loss and time as JSON."
    )
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face model folder")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="prompts file (.jsonl)")
    source.add_argument("--text", type=Path, help="text file, cut into blocks")
    parser.add_argument("--block", type=int, default=128, help="tokens of a block (default: 128)")
    parser.add_argument("--dropout", type=float, default=0.0, help="rate of dropout (default: 0)")
    parser.add_argument("--clip", type=float, help="norm that gradients are clipped to (default: no clipping)")
    parser.add_argument("--steps", type=int, default=20, help="training steps (default: 20)")
    parser.add_argument("--batch", type=int, default=32, help="prompts per step (default: 32)")
    parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
    parser.add_argument("--loss", choices=list(LOSSES), default="answer", help="default: answer")
    parser.add_argument("--lr", type=float, default=1e-5, help="learning rate (default: 1e-5)")
    parser.add_argument("--weight-decay", type=float, default=0.1, help="AdamW's decay (default: 0.1)")
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa", help="default: sdpa")
    parser.add_argument(
        "--precision", choices=["fp32", "bf16"], default="fp32", help="bf16: autocast to bfloat16 (default: fp32)"
    )
    return parser.parse_args()


def read_prompts(path: Path, count: int) -> list[Prompt]:
    with path.open() as lines:
        objects = [json.loads(line) for line in islice(lines, count)]
    if len(objects) < count:
        raise SystemExit(f"{path}: {len(objects)} prompts, expected at least {count} (steps x batch)")
    return [Prompt(line["tokens"], line["answer_token"]) for line in objects]


def read_blocks(path: Path, length: int, model: Path, count: int) -> list[Prompt]:
    """The blocks of a text, again from its beginning where it has too few."""
    tokens = GPT2TokenizerFast.from_pretrained(model)(path.read_text(), verbose=False)["input_ids"]
    starts = range(0, len(tokens) - length + 1, length)
    blocks = [Prompt(tokens[start : start + length - 1], tokens[start + length - 1]) for start in starts]
    return [blocks[index % len(blocks)] for index in range(count)]


def load_model(folder: Path, attention: str, dropout: float) -> GPT2LMHeadModel:
    return GPT2LMHeadModel.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation=attention,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
    ).train()


def make_optimizer(model: GPT2LMHeadModel, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True)


def train_step(
    model: GPT2LMHeadModel,
    optimizer: torch.optim.AdamW,
    loss: Loss,
    batch: list[Prompt],
    clip: float | None,
    halves: bool,
) -> Step:
    """One step, timed from token lists to updated weights."""
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves):
        value = loss(model, batch)
    value.backward()
    if clip:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    seconds = time.perf_counter() - start
    return Step(value.item(), seconds, len(batch), sum(len(prompt.tokens) for prompt in batch))


def pad(rows: list[list[int]], filler: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])


def inputs(rows: list[list[int]]) -> dict[str, Tensor | bool]:
    tokens = pad(rows, 0)
    return {
        "input_ids": tokens,
        "attention_mask": pad([[1] * len(row) for row in rows], 0),
        "position_ids": torch.arange(tokens.shape[1]).expand_as(tokens),
        "use_cache": False,
    }


def answer_loss(model: GPT2LMHeadModel, batch: list[Prompt]) -> Tensor:
    hidden = model.transformer(**inputs([prompt.tokens for prompt in batch])).last_hidden_state
    ends = torch.tensor([len(prompt.tokens) - 1 for prompt in batch])
    logits = model.lm_head(hidden[torch.arange(len(batch)), ends])
    return cross_entropy(logits, torch.tensor([prompt.answer for prompt in batch]))


def all_loss(model: GPT2LMHeadModel, batch: list[Prompt]) -> Tensor:
    rows = [prompt.tokens + [prompt.answer] for prompt in batch]
    return model(**inputs(rows), labels=pad(rows, IGNORED)).loss


LOSSES: dict[str, Loss] = {"answer": answer_loss, "all": all_loss}


if __name__ == "__main__":
    main()
