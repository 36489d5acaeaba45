#!/usr/bin/env python3
"""Trains on blocks of a text with `ioi` and with Hugging Face's GPT-2, and compares weights and losses.

Both cut the text into blocks of 128 tokens and take 10 a step in the order of the text, by the recipe of the
paper's authors: next-token loss over the block, AdamW with decay of matrices and embeddings, gradients clipped
to norm 1, a rate that falls in a line to 0.

weights   Without dropout, PyTorch in float64. Of each tensor: the norm of the difference between the updates,
          as a share of the update. It may be 1e-4, or twice PyTorch's own float32 error: near 1, float32
          resolves an update of 1e-5 to only two or three digits. Key biases are left out: no loss depends
          on them, so their gradient is rounding alone, which Adam makes as large as any other.
dropout   Mean losses of runs with other seeds. Ours must lie within three standard deviations of PyTorch's, and
          the loss without dropout must not, or the comparison would show nothing.

Exits with 1 if a figure is further off than that.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import GPT2LMHeadModel, GPT2TokenizerFast
from transformers.utils import logging as transformers_logging

TOLERANCE = 1e-4


def main() -> None:
    arguments = parse_arguments()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    blocks = read_blocks(arguments)
    print(f"{len(blocks)} blocks of {arguments.block} tokens, {-(-len(blocks) // arguments.batch)} steps an epoch")
    compare = {"weights": compare_weights, "dropout": compare_dropout}
    if not all([compare[name](arguments, blocks) for name in arguments.compare]):
        raise SystemExit(1)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare training on text with Hugging Face's GPT-2.")
    parser.add_argument("--model", type=Path, required=True, help="Hugging Face GPT-2 folder with its tokenizer")
    parser.add_argument("--text", type=Path, required=True, help="text file")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary, built for release")
    parser.add_argument("--compare", nargs="+", choices=["weights", "dropout"], default=["weights", "dropout"])
    parser.add_argument("--block", type=int, default=128, help="tokens of a block (default: 128)")
    parser.add_argument("--batch", type=int, default=10, help="blocks per step (default: 10)")
    parser.add_argument("--steps", type=int, default=20, help="steps of the weights (default: 20)")
    parser.add_argument("--dropout-steps", type=int, default=50, help="steps of the losses (default: 50)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each with dropout (default: 5)")
    parser.add_argument("--dropout", type=float, default=0.1, help="rate of dropout (default: 0.1)")
    parser.add_argument("--lr", type=float, default=1e-5, help="learning rate (default: 1e-5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of both programs (default: 2)")
    return parser.parse_args()


def read_blocks(arguments: argparse.Namespace) -> Tensor:
    tokenizer = GPT2TokenizerFast.from_pretrained(arguments.model)
    tokens = tokenizer(arguments.text.read_text(), verbose=False)["input_ids"]
    count = len(tokens) // arguments.block
    return torch.tensor(tokens[: count * arguments.block]).view(count, arguments.block)


# The two programs


def train_torch(
    arguments: argparse.Namespace,
    blocks: Tensor,
    steps: int,
    dtype: torch.dtype,
    dropout: float = 0.0,
    seed: int = 0,
) -> tuple[list[float], dict[str, Tensor]]:
    """The loss of each step and the weights after the last."""
    torch.manual_seed(seed)
    model = GPT2LMHeadModel.from_pretrained(
        arguments.model, dtype=dtype, resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout
    ).train()
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ],
        lr=arguments.lr,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    losses = []
    for step in range(steps):
        batch = blocks[step * arguments.batch : (step + 1) * arguments.batch]
        logits = model(batch, use_cache=False).logits[:, :-1]
        # Not Hugging Face's own `labels=`: it computes the loss in float32 whatever the model's type.
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        losses.append(loss.item())
    return losses, {name: value.detach() for name, value in model.named_parameters()}


def train_ioi(
    arguments: argparse.Namespace, steps: int, dropout: float = 0.0, seed: int = 0
) -> tuple[list[float], dict[str, Tensor]]:
    with tempfile.TemporaryDirectory(prefix="ioi-text-") as scratch:
        run = Path(scratch) / "run"
        command = [
            arguments.ioi.resolve(), "finetune", "--model", arguments.model, "--text", arguments.text,
            "--recipe", "published", "--block", arguments.block, "--batch", arguments.batch, "--lr", arguments.lr,
            "--dropout", dropout, "--seed", seed, "--order", "file", "--epochs", 1, "--max-steps", steps,
            "--eval-count", 0, "--threads", arguments.threads, "--out", run, "--quiet",
        ]  # fmt: skip
        subprocess.run([str(part) for part in command], check=True)
        losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
        checkpoint = max((run / "checkpoints").iterdir())
        return losses, load_file(checkpoint / "model.safetensors")


# Comparisons


def compare_weights(arguments: argparse.Namespace, blocks: Tensor) -> bool:
    before = {
        name: value.detach().double()
        for name, value in GPT2LMHeadModel.from_pretrained(arguments.model).named_parameters()
    }
    reference_losses, reference = train_torch(arguments, blocks, arguments.steps, torch.float64)
    _, single = train_torch(arguments, blocks, arguments.steps, torch.float32)
    losses, ours = train_ioi(arguments, arguments.steps)

    def updates(weights: dict[str, Tensor], name: str) -> Tensor:
        update = weights[name].double() - before[name]
        if not name.endswith("attn.c_attn.bias"):
            return update
        query, _, value = update.chunk(3)
        return torch.cat([query, value])

    rows = []
    for name in before:
        update = updates(reference, name)
        size = update.norm()
        mine, theirs = ((updates(run, name) - update).norm() / size for run in (ours, single))
        rows.append((mine.item(), theirs.item(), name))
    rows.sort(reverse=True)
    loss = max(abs(mine - other) / other for mine, other in zip(losses, reference_losses))
    print(f"weights after {arguments.steps} steps: difference from float64, as a share of the update")
    print(f"{'ioi':>10}{'torch fp32':>12}  tensor")
    for mine, theirs, name in rows[:8]:
        print(f"{mine:10.1e}{theirs:12.1e}  {name}")
    within = sum(mine <= TOLERANCE for mine, _, _ in rows)
    mine, theirs, name = max(row for row in rows if before[row[2]].dim() > 1)
    print(f"{within} of {len(rows)} tensors within {TOLERANCE:.0e}; matrices at most {mine:.1e} ({theirs:.1e}): {name}")
    print(f"losses: {loss:.1e} relative at most")
    return all(mine <= max(TOLERANCE, 2 * theirs) for mine, theirs, _ in rows) and loss <= TOLERANCE


def compare_dropout(arguments: argparse.Namespace, blocks: Tensor) -> bool:
    steps, rate = arguments.dropout_steps, arguments.dropout

    def means(run) -> list[float]:
        return [statistics.fmean(run(seed)[0]) for seed in range(arguments.seeds)]

    theirs = means(lambda seed: train_torch(arguments, blocks, steps, torch.float32, rate, seed))
    ours = means(lambda seed: train_ioi(arguments, steps, rate, seed))
    without = statistics.fmean(train_ioi(arguments, steps)[0])
    centre, deviation = statistics.fmean(theirs), statistics.stdev(theirs)
    print(f"mean losses of {steps} steps with dropout {rate}")
    for name, values in (("torch", theirs), ("ioi", ours)):
        print(f"  {name:8}" + " ".join(f"{value:.5f}" for value in values))
    print(f"  torch's mean {centre:.5f}, standard deviation {deviation:.5f}; without dropout {without:.5f}")
    spread = 3 * deviation
    return all(abs(value - centre) <= spread for value in ours) and abs(without - centre) > spread


if __name__ == "__main__":
    main()
