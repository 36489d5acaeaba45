#!/usr/bin/env python3
"""Writes attention patterns of a model folder on two texts, computed in float64 with Hugging Face's GPT-2.

OUT is one JSON file: {"texts": [{"text", "tokens", "patterns": {"layer.head": [[row of each query]]}}]}, each row up to
its own token, which is all that a causal model sees. The tests compare `ioi attention` with it.

    Scripts/make-attention-fixtures.py Data/embedded Tests/Fixtures/attention/embedded.json

Needs torch and transformers (Benchmarks/requirements.txt).
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import GPT2LMHeadModel, GPT2Tokenizer

TEXTS = (
    "When Mary and John went to the store, John gave a drink to",
    "Yesterday we saw Anna; Anna's brother waved.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write float64 attention patterns of a model folder.")
    parser.add_argument("model", type=Path, help="a folder with config.json, weights, vocab.json and merges.txt")
    parser.add_argument("out", type=Path, help="the JSON file to write")
    arguments = parser.parse_args()
    tokenizer = GPT2Tokenizer(
        str(arguments.model / "vocab.json"), str(arguments.model / "merges.txt")
    )
    model = GPT2LMHeadModel.from_pretrained(arguments.model, attn_implementation="eager").double().eval()
    texts = [patterns_of(text, model, tokenizer) for text in TEXTS]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"texts": texts}) + "\n")


@torch.no_grad()
def patterns_of(text: str, model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer) -> dict:
    tokens = tokenizer.encode(text)
    attentions = model(torch.tensor([tokens]), output_attentions=True).attentions
    patterns = {}
    # The first and the last head of each layer.
    for layer, attention in enumerate(attentions):
        if abs(attention[0].sum(-1) - 1).max() > 1e-9:
            raise SystemExit(f"layer {layer}: rows do not add up to 1")
        for head in (0, model.config.n_head - 1):
            rows = attention[0, head].tolist()
            patterns[f"{layer}.{head}"] = [
                [round(weight, 8) for weight in row[: query + 1]] for query, row in enumerate(rows)
            ]
    return {"text": text, "tokens": tokens, "patterns": patterns}


if __name__ == "__main__":
    main()
