#!/usr/bin/env python3
"""Compares what `ioi heads` says of single heads with TransformerLens in float64, prompt by prompt and head by head.

TransformerLens folds LayerNorms into the weights and centres them, as it does by default; `ioi` leaves weights as they
are stored, so that agreement is a check of either's algebra. Compared are direct logit attribution of heads, MLPs,
embeddings and biases, the points of the attribution scatter, copying scores as in the code of Wang et al., the
eigenvalue score and the singular values of OV. A line each: how many numbers, the largest difference, and the largest
number.

Exits with 1 where a number is further off than 1e-4 of the largest (eigenvalue scores: 1e-3; copying scores: one name in
a thousand).

Needs TransformerLens before 4.0, which removed HookedTransformer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from hooked import hooked_config  # noqa: E402, I001  (first: it silences the libraries' warnings)

import torch  # noqa: E402
from reference_gpt2 import write_random_model  # noqa: E402
from reference_patching import Prompt, read_prompts  # noqa: E402
from torch import Tensor  # noqa: E402
from transformer_lens import FactoredMatrix, HookedTransformer  # noqa: E402
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights  # noqa: E402
from transformers import GPT2LMHeadModel  # noqa: E402

NAMES = ("IO", "S1", "S2")
TOP = 5


def main() -> None:
    arguments = parse_arguments()
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.model
        if arguments.random_weights is not None:
            folder = Path(scratch) / "model"
            write_random_model(folder, like=arguments.model, seed=arguments.random_weights)
        data = Path(scratch) / "prompts.jsonl"
        data.write_text("".join(arguments.data.read_text().splitlines(keepends=True)[: arguments.prompts]))
        found = run_ioi(arguments.ioi, folder, data)
        prompts = read_prompts(data)
        model, original = load_model(folder)
        checks = [
            *attribution_checks(model, prompts, found),
            copying_check(model, prompts, found["copying_score"]),
            *ov_checks(model, original, found["ov"]),
        ]
    sys.exit(0 if all(checks) else 1)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a Hugging Face folder")
    parser.add_argument("--data", type=Path, required=True, help="prompts, as `ioi data` writes them")
    parser.add_argument("--ioi", type=Path, required=True, help="the program")
    parser.add_argument("--prompts", type=int, default=16, help="how many prompts (default: 16)")
    parser.add_argument(
        "--random-weights", type=int, metavar="SEED", help="a model of the same shape in which every part matters"
    )
    return parser.parse_args()


def run_ioi(program: Path, folder: Path, data: Path) -> dict:
    command = [program, "heads", "--model", folder, "--data", data, "--analyses", "dla,scatter,copying,ov"]
    command += ["--per-prompt", "--format", "json"]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout)["results"]


def load_model(folder: Path) -> tuple[HookedTransformer, GPT2LMHeadModel]:
    original = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float64).eval()
    config = hooked_config(original.config, dtype=torch.float64)
    model = HookedTransformer(config)
    # Value biases stay with their heads, as `ioi` has them.
    model.load_and_process_state_dict(convert_gpt2_weights(original, config), fold_value_biases=False)
    return model.eval(), original


def attribution_checks(model: HookedTransformer, prompts: list[Prompt], found: dict) -> list[bool]:
    parts: dict[str, list[Tensor]] = {}

    def add(name: str, value: Tensor) -> None:
        parts.setdefault(name, []).append(value)

    shape = (model.cfg.n_layers, model.cfg.n_heads, -1)
    for prompt in prompts:
        _, cache = model.run_with_cache(torch.tensor([prompt.tokens]))
        io, s = model.W_U[:, prompt.io], model.W_U[:, prompt.s]
        scale = cache["ln_final.hook_scale"][0, -1, 0]
        end = lambda name: cache[name][0, -1]  # noqa: E731
        layers = range(model.cfg.n_layers)
        results = cache.stack_head_results(pos_slice=-1)[:, 0].view(shape)
        add("heads", results @ (io - s) / scale)
        add("mlps", torch.stack([end(f"blocks.{layer}.hook_mlp_out") for layer in layers]) @ (io - s) / scale)
        add("attention_biases", model.b_O @ (io - s) / scale)
        add("token_embedding", end("hook_embed") @ (io - s) / scale)
        add("position_embedding", end("hook_pos_embed") @ (io - s) / scale)
        add("final_bias", model.b_U[prompt.io] - model.b_U[prompt.s])
        places = prompt.positions
        patterns = torch.stack([cache["pattern", layer][0, :, -1] for layer in layers])
        add("attention_to_io", patterns[..., places["IO"]])
        add("attention_to_s", patterns[..., places["S1"]] + patterns[..., places["S2"]])
        add("projection_on_io", results @ io)
        add("projection_on_s", results @ s)
    each = found["direct_logit_attribution"]["per_prompt"] | found["attribution_scatter"]["per_prompt"]
    return [compare(name, torch.tensor(each[name]), torch.stack(value, dim=-1)) for name, value in parts.items()]


def copying_check(model: HookedTransformer, prompts: list[Prompt], found: dict) -> bool:
    heads = (model.cfg.n_layers, model.cfg.n_heads)
    counts = {1: torch.zeros(heads), -1: torch.zeros(heads)}
    for prompt in prompts:
        rows = [prompt.positions[name] for name in NAMES]
        names = torch.tensor([prompt.tokens[row] for row in rows])
        _, cache = model.run_with_cache(torch.tensor([prompt.tokens]), names_filter="blocks.0.hook_resid_post")
        read = model.blocks[0].ln1(cache["blocks.0.hook_resid_post"])[0, rows]
        for layer in range(heads[0]):
            attention = model.blocks[layer].attn
            for head in range(heads[1]):
                written = (read @ attention.W_V[head] + attention.b_V[head]) @ attention.W_O[head]
                for sign in counts:
                    logits = model.ln_final(sign * written) @ model.W_U + model.b_U
                    top = logits.topk(TOP, dim=-1).indices
                    counts[sign][layer, head] += (top == names[:, None]).any(dim=-1).sum()
    expected = torch.stack([counts[1], counts[-1]]) / (len(NAMES) * len(prompts))
    scores = torch.tensor([found["copying"]["value"], found["negative_copying"]["value"]])
    return compare("copying scores", scores, expected, 1e-3)


def ov_checks(model: HookedTransformer, original: GPT2LMHeadModel, found: dict) -> list[bool]:
    width, wide = model.cfg.d_head, model.cfg.d_model
    scores, singular = [], []
    for layer in range(model.cfg.n_layers):
        stored = original.transformer.h[layer].attn
        for head in range(model.cfg.n_heads):
            circuit = FactoredMatrix(model.W_E @ model.W_V[layer, head], model.W_O[layer, head] @ model.W_U)
            eigenvalues = circuit.eigenvalues
            scores.append((eigenvalues.sum().real / eigenvalues.abs().sum()).item())
            band = slice(head * width, (head + 1) * width)
            value = stored.c_attn.weight[:, 2 * wide :][:, band]
            singular.append(torch.linalg.svdvals(value @ stored.c_proj.weight[band])[:width])
    return [
        compare("eigenvalue scores", torch.tensor(found["eigenvalue_score"]).flatten(), torch.tensor(scores), 1e-3),
        compare("singular values", torch.tensor(found["singular_values"]).flatten(0, 1), torch.stack(singular)),
    ]


def compare(name: str, found: Tensor, expected: Tensor, tolerance: float = 1e-4) -> bool:
    if found.shape != expected.shape:
        raise SystemExit(f"{name}: found the shape {list(found.shape)}, expected {list(expected.shape)}")
    largest = expected.abs().max().item()
    difference = (found.double() - expected).abs().max().item()
    passes = difference <= tolerance * largest
    print(f"{name:20} {expected.numel():7} numbers  difference {difference:.1e}  largest {largest:.3g}", end="")
    print("" if passes else "  FAILED", flush=True)
    return passes


if __name__ == "__main__":
    main()
