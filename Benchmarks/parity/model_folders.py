#!/usr/bin/env python3
"""Makes model folders as `transformers`, `peft` and `accelerate` leave them, and measures each with `ioi`.

All are made from one GPT-2 folder: what its tokenizer is saved as, shards, names that wrappers give to weights, added
and padded vocabularies, variants of the architecture, heads stored apart or beside the language model, merged adapters.
For each, the mean logit difference over IOI prompts that `ioi eval` reports with the folder's own tokenizer is compared
with the one that the model object in memory gives in float64. What `ioi finetune` writes from some of them is loaded
by `transformers` again, whose tokenizer must be the one from before. Folders that cannot be read must be refused in one
line that says what they are.

Exits with 1 if a logit difference is off by more than 1e-4, or a folder is not refused as it should be.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2DoubleHeadsModel,
    GPT2ForSequenceClassification,
    GPT2ForTokenClassification,
    GPT2LMHeadModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging as transformers_logging

TOLERANCE = 1e-4


@dataclass
class Source:
    """The folder that all others are made from."""

    folder: Path

    def model(self, kind: type = GPT2LMHeadModel, **changes: object) -> nn.Module:
        torch.manual_seed(0)
        config = GPT2Config.from_pretrained(self.folder, **changes)
        return kind.from_pretrained(self.folder, config=config).eval()

    def tokenizer(self) -> PreTrainedTokenizerBase:
        return AutoTokenizer.from_pretrained(self.folder)


Made = GPT2LMHeadModel | nn.Module
Maker = Callable[[Source, Path], Made]


# How the folders are made. Each returns the model that the folder is of.


def as_saved(source: Source, out: Path, **changes: object) -> Made:
    model = source.model(**changes)
    model.save_pretrained(out)
    source.tokenizer().save_pretrained(out)
    return model


def trainer_checkpoint(source: Source, out: Path) -> Made:
    model, tokenizer = source.model(), source.tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    ids = tokenizer("When Mary and John went to the store, John gave a drink to Mary")["input_ids"]
    arguments = TrainingArguments(
        out.parent / "trainer", max_steps=2, save_steps=2, report_to=[], use_cpu=True, disable_tqdm=True
    )
    examples = [{"input_ids": ids, "labels": ids}] * 16
    Trainer(model=model, args=arguments, train_dataset=examples, processing_class=tokenizer).train()
    (out.parent / "trainer" / "checkpoint-2").rename(out)
    return model.eval()


def sharded(source: Source, out: Path) -> Made:
    model = source.model()
    size = sum(weight.numel() * 4 for weight in model.parameters())
    model.save_pretrained(out, max_shard_size=size // 3)
    source.tokenizer().save_pretrained(out)
    return model


def half(source: Source, out: Path, dtype: torch.dtype) -> Made:
    model = source.model().to(dtype)
    model.save_pretrained(out)
    source.tokenizer().save_pretrained(out)
    return model


def state_dict(source: Source, out: Path, wrapped: Callable[[nn.Module], nn.Module]) -> Made:
    """What a training loop of one's own saves; tied tensors are stored twice."""
    model = source.model()
    model.config.save_pretrained(out)
    source.tokenizer().save_pretrained(out)
    save_weights(wrapped(model).state_dict(), out)
    return model


def save_weights(weights: dict[str, Tensor], out: Path) -> None:
    save_file({name: weight.clone().contiguous() for name, weight in weights.items()}, out / "model.safetensors")


def head_apart(source: Source, out: Path) -> Made:
    model = source.model(tie_word_embeddings=False)
    model.lm_head.weight = nn.Parameter(model.transformer.wte.weight.detach().clone())
    model.save_pretrained(out)
    source.tokenizer().save_pretrained(out)
    return model


def compiled_blocks(model: nn.Module) -> nn.Module:
    for index, block in enumerate(model.transformer.h):
        model.transformer.h[index] = torch.compile(block)
    return model


def with_accelerate(source: Source, out: Path) -> Made:
    accelerator = Accelerator(cpu=True)
    model = accelerator.prepare(source.model())
    accelerator.save_model(model, out)
    accelerator.unwrap_model(model).config.save_pretrained(out)
    source.tokenizer().save_pretrained(out)
    return accelerator.unwrap_model(model)


def added_padding(source: Source, out: Path, multiple: int | None = None, resize: bool = True) -> Made:
    model, tokenizer = source.model(), source.tokenizer()
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    if resize:
        model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=multiple)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return model


def padded_vocabulary(source: Source, out: Path) -> Made:
    model, tokenizer = source.model(), source.tokenizer()
    model.resize_token_embeddings(len(tokenizer), pad_to_multiple_of=64)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return model


class WithValueHead(nn.Module):
    """As trl's AutoModelForCausalLMWithValueHead names its weights."""

    def __init__(self, model: GPT2LMHeadModel) -> None:
        super().__init__()
        self.transformer, self.lm_head = model.transformer, model.lm_head
        self.v_head = nn.ModuleDict({"summary": nn.Linear(model.config.n_embd, 1)})


def other_head(source: Source, out: Path, kind: type) -> Made:
    model = source.model(kind)
    model.save_pretrained(out)
    source.tokenizer().save_pretrained(out)
    whole = source.model()
    whole.transformer = model.transformer
    whole.tie_weights()
    return whole


def merged_adapter(source: Source, out: Path) -> Made:
    model = adapted(source).merge_and_unload()
    model.save_pretrained(out)
    source.tokenizer().save_pretrained(out)
    return model


def adapted(source: Source) -> nn.Module:
    adapter = LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True, init_lora_weights=False)
    return get_peft_model(source.model(), adapter).eval()


def without_tokenizer(source: Source, out: Path) -> Made:
    model = source.model()
    model.save_pretrained(out)
    return model


READ: dict[str, Maker] = {
    "tokenizer.json alone": as_saved,
    "Trainer checkpoint": trainer_checkpoint,
    "shards with an index": sharded,
    "float16": lambda s, o: half(s, o, torch.float16),
    "bfloat16": lambda s, o: half(s, o, torch.bfloat16),
    "torch.compile": lambda s, o: state_dict(s, o, torch.compile),
    "torch.compile, each block": lambda s, o: state_dict(s, o, compiled_blocks),
    "DataParallel": lambda s, o: state_dict(s, o, nn.DataParallel),
    "DataParallel of torch.compile": lambda s, o: state_dict(s, o, lambda m: nn.DataParallel(torch.compile(m))),
    "without transformer.": lambda s, o: state_dict(s, o, lambda m: m.transformer),
    "accelerate save_model": with_accelerate,
    "[PAD] added": added_padding,
    "[PAD] added, padded to 64": lambda s, o: added_padding(s, o, 64),
    "[PAD] without a row": lambda s, o: added_padding(s, o, resize=False),
    "vocabulary padded to 64": padded_vocabulary,
    "scale_attn_by_inverse_layer_idx": lambda s, o: as_saved(s, o, scale_attn_by_inverse_layer_idx=True),
    "reorder_and_upcast_attn": lambda s, o: as_saved(
        s, o, scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True
    ),
    "gelu": lambda s, o: as_saved(s, o, activation_function="gelu"),
    "gelu_pytorch_tanh": lambda s, o: as_saved(s, o, activation_function="gelu_pytorch_tanh"),
    "head stored apart": head_apart,
    "head stored twice": lambda s, o: state_dict(s, o, lambda m: m),
    "value head": lambda s, o: state_dict(s, o, WithValueHead),
    "sequence classification": lambda s, o: other_head(s, o, GPT2ForSequenceClassification),
    "token classification": lambda s, o: other_head(s, o, GPT2ForTokenClassification),
    "double heads": lambda s, o: other_head(s, o, GPT2DoubleHeadsModel),
    "adapter merged by peft": merged_adapter,
    "no tokenizer, --tokenizer": without_tokenizer,
}

# Of these, what `ioi finetune` writes is measured as well.
TRAINED = [
    "tokenizer.json alone",
    "[PAD] added, padded to 64",
    "gelu",
    "head stored apart",
    "no tokenizer, --tokenizer",
]


def adapter(source: Source, out: Path) -> None:
    adapted(source).save_pretrained(out)


def unmerged_adapter(source: Source, out: Path) -> None:
    model = adapted(source)
    source.model().config.save_pretrained(out)
    save_weights({name.removeprefix("base_model.model."): w for name, w in model.state_dict().items()}, out)


def accelerate_state(source: Source, out: Path) -> None:
    accelerator = Accelerator(cpu=True)
    model = source.model()
    accelerator.prepare(model, torch.optim.AdamW(model.parameters()))
    accelerator.save_state(out)


def pickled(source: Source, out: Path) -> None:
    model = source.model()
    model.config.save_pretrained(out)
    torch.save(model.state_dict(), out / "pytorch_model.bin")


def pickled_as_safetensors(source: Source, out: Path) -> None:
    pickled(source, out)
    (out / "pytorch_model.bin").rename(out / "model.safetensors")


def untied(source: Source, out: Path) -> None:
    model = source.model(tie_word_embeddings=False)
    with torch.no_grad():
        model.lm_head.weight = nn.Parameter(model.lm_head.weight * 2)
    model.save_pretrained(out)


def headless(source: Source, out: Path) -> None:
    as_saved(source, out)
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))


def other_architecture(source: Source, out: Path, kind: str) -> None:
    AutoConfig.for_model(kind).save_pretrained(out)
    save_weights({"weight": torch.zeros(1)}, out)


REFUSED: dict[str, tuple[Callable[[Source, Path], None], str]] = {
    "adapter of peft": (adapter, "merge_and_unload"),
    "adapter not merged": (unmerged_adapter, "merge_and_unload"),
    "accelerate save_state": (accelerate_state, "accelerate"),
    "pytorch_model.bin": (pickled, "safe_serialization=True"),
    "torch.save as safetensors": (pickled_as_safetensors, "torch.save"),
    "untied head": (untied, "tied"),
    "untied without a head": (headless, "tie_word_embeddings"),
    "GPT-Neo": (lambda s, o: other_architecture(s, o, "gpt_neo"), "GPT-Neo"),
    "GPT-J": (lambda s, o: other_architecture(s, o, "gptj"), "GPT-J"),
    "Llama": (lambda s, o: other_architecture(s, o, "llama"), "Llama"),
}


def main() -> None:
    arguments = parse_arguments()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    source = Source(arguments.model)
    with tempfile.TemporaryDirectory() as scratch:
        results = [check_read(arguments, source, Path(scratch) / f"{i}", name) for i, name in enumerate(READ)]
        refusals = [
            check_refused(arguments, source, Path(scratch) / f"refused-{i}", name) for i, name in enumerate(REFUSED)
        ]
    sys.exit(0 if all([*results, *refusals]) else 1)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure model folders of every kind with ioi and with transformers.")
    parser.add_argument("--model", type=Path, required=True, help="GPT-2 folder with vocab.json and merges.txt")
    parser.add_argument("--ioi", type=Path, required=True, help="the ioi binary")
    parser.add_argument("--prompts", type=int, default=32, help="how many prompts (default: 32)")
    parser.add_argument("--threads", type=int, default=2, help="threads of both programs (default: 2)")
    return parser.parse_args()


def check_read(arguments: argparse.Namespace, source: Source, out: Path, name: str) -> bool:
    model = READ[name](source, out)
    more = ["--tokenizer", source.folder] if name == "no tokenizer, --tokenizer" else []
    found, notes = evaluate(arguments, out, *more)
    good = report(name, found, difference(arguments, model, source), notes)
    if name not in TRAINED:
        return good
    # One step at a rate that changes the weights.
    run = out.with_name(f"{out.name}-run")
    options = ["--count", 16, "--epochs", 1, "--eval-count", 0, "--lr", 1e-4, "--threads", arguments.threads]
    process = subprocess.run(
        words(arguments.ioi, "finetune", "--model", out, *more, *options, "--out", run, "--quiet"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if process.returncode != 0:
        print(process.stderr)
        return False
    checkpoint = run / "checkpoints" / "epoch-001"
    found, notes = evaluate(arguments, checkpoint)
    again = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    before = AutoTokenizer.from_pretrained(source.folder if more else out)
    same = tokenizer.get_vocab() == before.get_vocab() and tokenizer.special_tokens_map == before.special_tokens_map
    if not same:
        print(f"{name}: transformers finds another tokenizer in the checkpoint")
    return report("  fine-tuned by ioi", found, difference(arguments, again, source), notes) and good and same


def report(name: str, found: float, expected: float, notes: str) -> bool:
    good = abs(found - expected) <= TOLERANCE
    print(
        f"{name:34} ioi {found:+.6f}  transformers {expected:+.6f}  |Δ| {abs(found - expected):.1e}"
        f"  {'ok' if good else 'FAILED'}{'  ' + notes if notes else ''}",
        flush=True,
    )
    return good


def check_refused(arguments: argparse.Namespace, source: Source, out: Path, name: str) -> bool:
    make, word = REFUSED[name]
    out.mkdir()
    make(source, out)
    process = subprocess.run(
        words(arguments.ioi, "eval", "--model", out, "--count", 2), capture_output=True, text=True, check=False
    )
    line = process.stderr.splitlines()[-1] if process.stderr else ""
    good = process.returncode == 1 and word in line and line.startswith("ioi: ") and process.stdout == ""
    shown = line.replace(str(out), "FOLDER")
    print(f"{name:34} {'refused' if good else 'NOT REFUSED'}: {shown}", flush=True)
    return good


def words(*parts: object) -> list[str]:
    return [str(part) for part in parts]


def evaluate(arguments: argparse.Namespace, folder: Path, *more: object) -> tuple[float, str]:
    """The mean logit difference, and what ioi says of the folder besides its name."""
    command = words(
        arguments.ioi, "eval", "--model", folder, *more, "--count", arguments.prompts,
        "--threads", arguments.threads, "--format", "json",
    )  # fmt: skip
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        print(process.stderr)
        return float("nan"), ""
    start = f"model {folder.name}: "
    notes = [line.removeprefix(start) for line in process.stderr.splitlines() if line.startswith(start)]
    return json.loads(process.stdout)["results"]["logit_difference"]["mean"], "; ".join(notes)


@torch.no_grad()
def difference(arguments: argparse.Namespace, model: Made, source: Source) -> float:
    """The mean logit difference of the same prompts, as the original folder's tokenizer reads them."""
    command = words(arguments.ioi, "data", "--model", source.folder, "--count", arguments.prompts)
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    model = model.to(torch.float64)
    values = []
    for prompt in map(json.loads, lines):
        logits = model(torch.tensor([prompt["tokens"]])).logits[0, -1]
        values.append((logits[prompt["io_token"]] - logits[prompt["s_token"]]).item())
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
