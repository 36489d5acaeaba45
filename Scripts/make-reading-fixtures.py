#!/usr/bin/env python3
"""Writes reference values for `ioi predict`, `ioi lens` and `ioi cache`, computed in float64 with Hugging Face's GPT-2.

    OUT/embedded.json          a text with its tokens by Hugging Face's tokenizer, and prompts of the task
    OUT/embedded.safetensors   of the text: "lens.embedding" and "lens.LAYER" [positions, vocabulary], the logits that the
                               final LayerNorm and the unembedding make of the residual stream; of the prompts: "metric",
                               the logit difference of the readings at END [prompts, 1 + 2 · layers]; of the first
                               prompt: the sites of every layer at END, as "z.LAYER"
    OUT/NAME.safetensors       "lens.…" of the first prompt of each random model that make-engine-fixtures.py wrote

Values are float64 rounded once to float32. Logits are stored for the first and last 64 tokens of the vocabulary, and the
largest logit's token and the probability of it for all: "top.…" and "probability.…".

Needs torch, transformers and safetensors (Benchmarks/requirements.txt), and make-engine-fixtures.py beside it.
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import GPT2LMHeadModel, GPT2Tokenizer

REPOSITORY = Path(__file__).resolve().parent.parent
TEXT = "When Mary and John went to the store, John gave a drink to"
# Text, IO, S.
PROMPTS = [
    ("When Nancy and David came home from the hotel, David showed a phone to", " Nancy", " David"),
    ("After breakfast, Adam and Justin walked to the office. Soon Adam handed a book to", " Justin", " Adam"),
    ("When Eric and Patrick came home from the station, Patrick showed a hat to", " Eric", " Patrick"),
]
KEPT = 64


def main() -> None:
    parser = argparse.ArgumentParser(description="Write float64 reference values for predict, lens and cache.")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder that receives the files")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    engine = load_engine()
    write_embedded(engine, out)
    for name in ("plain", "scaled"):
        folder = REPOSITORY / "Tests/Fixtures/gpt2" / name
        model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").double()
        prompt = json.loads((folder / "batch.json").read_text())["prompts"][0]
        save(lens(model, engine.prompt_sites(model, prompt)), out / f"{name}.safetensors")


def load_engine():
    """make-engine-fixtures.py, whose name is no module's."""
    spec = importlib.util.spec_from_file_location("engine", Path(__file__).with_name("make-engine-fixtures.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["engine"] = module
    spec.loader.exec_module(module)
    return module


@torch.no_grad()
def write_embedded(engine, out: Path) -> None:
    folder = REPOSITORY / "Data/embedded"
    model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").double()
    tokenizer = GPT2Tokenizer.from_pretrained(folder)
    tokens = tokenizer.encode(TEXT)
    tensors = lens(model, engine.prompt_sites(model, tokens))
    rows, prompts = [], []
    for text, io, s in PROMPTS:
        own = tokenizer.encode(text)
        (right,), (wrong,) = tokenizer.encode(io), tokenizer.encode(s)
        sites = engine.prompt_sites(model, own)
        stream = [sites["resid_pre.0"]]
        for layer in range(model.config.n_layer):
            stream += [sites[f"resid_mid.{layer}"], sites[f"resid_post.{layer}"]]
        ends = [read(model, residual)[-1] for residual in stream]
        rows.append(torch.stack([logits[right] - logits[wrong] for logits in ends]))
        prompts.append({"text": text, "tokens": own, "right": [right], "wrong": [wrong]})
        if text == PROMPTS[0][0]:
            for name, value in sites.items():
                if "." in name:
                    # A pattern is [heads, queries, keys], all else [positions, ...].
                    tensors[f"site.{name}"] = value[:, -1] if name.startswith("pattern.") else value[-1]
    tensors["metric"] = torch.stack(rows)
    save(tensors, out / "embedded.safetensors")
    document = {"text": TEXT, "tokens": tokens, "prompts": prompts}
    (out / "embedded.json").write_text(json.dumps(document, indent=1) + "\n")


def read(model: GPT2LMHeadModel, residual: Tensor) -> Tensor:
    """The final LayerNorm and the unembedding, written out."""
    centred = residual - residual.mean(-1, keepdim=True)
    deviation = (centred.square().mean(-1, keepdim=True) + model.config.layer_norm_epsilon).sqrt()
    final = model.transformer.ln_f
    return (centred / deviation * final.weight + final.bias) @ model.transformer.wte.weight.T


@torch.no_grad()
def lens(model: GPT2LMHeadModel, sites: dict[str, Tensor]) -> dict[str, Tensor]:
    layers = model.config.n_layer
    readings = {"embedding": read(model, sites["resid_pre.0"])}
    readings |= {str(layer): read(model, sites[f"resid_post.{layer}"]) for layer in range(layers)}
    error = (readings[str(layers - 1)] - sites["logits"]).abs().max().item()
    if error > 1e-10:
        raise SystemExit(f"the last reading differs from the model's logits by {error}")
    tensors = {}
    for name, logits in readings.items():
        top = logits.argmax(-1)
        tensors[f"lens.{name}"] = torch.cat([logits[:, :KEPT], logits[:, -KEPT:]], -1)
        tensors[f"top.{name}"] = top
        tensors[f"logit.{name}"] = logits.gather(-1, top[:, None])[:, 0]
        tensors[f"probability.{name}"] = logits.softmax(-1).gather(-1, top[:, None])[:, 0]
    return tensors


def save(tensors: dict[str, Tensor], path: Path) -> None:
    # Token ids fit float32 exactly.
    save_file({name: value.float().clone().contiguous() for name, value in tensors.items()}, path)
    print(f"{path}: written")


if __name__ == "__main__":
    main()
