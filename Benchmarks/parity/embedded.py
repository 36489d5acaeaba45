#!/usr/bin/env python3
"""Makes Data/embedded, its circuit and its model card, and measures everything that the card says.

Trains the recipe from three seeds, and once without the hint; finds each model's circuit on some held-out prompts and
measures it on others; fine-tunes each on the four datasets and back; loads the shipped one in Hugging Face transformers.
Everything made is kept in --work, so a stopped run continues. Without --write nothing of the repository changes.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDS = [0, 1, 2]
# Circuits are found on prompts of one seed and measured on those of three others.
FOUND_ON = 100
FRESH = [101, 102, 103]
DISCOVERY = ["--method", "path", "--logits-effect", 4, "--query-effect", 4, "--s2-effect", 4, "--backup-effect", 100]
# The heads that have a hint in the recipe.
GUIDED = ["3.0", "3.1", "3.2", "2.0", "2.1", "1.0", "1.1"]
# Name, what it starts from, dataset, epochs, and what the paper saw in GPT-2 small.
STAGES = [
    ("clean", None, "clean", 1, "3.56 → 6.32"),
    ("subject duplication", None, "subject-duplication", 3, "3.55 → −11.06 (5 epochs)"),
    ("… and recovery", "subject duplication", "clean", 3, "faithfulness back at 96 %"),
    ("name moving", None, "name-moving", 3, "S-inhibition suppresses both names"),
    ("… and recovery ", "name moving", "clean", 3, "faithfulness back at 95 %"),
    ("duplication", None, "duplication", 3, "no significant change"),
]


def run(arguments: argparse.Namespace, *options: Any, output: bool = False) -> str:
    command = [str(arguments.ioi.resolve()), *map(str, options), "--threads", str(arguments.threads), "--quiet"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout if output else ""


def document(arguments: argparse.Namespace, *options: Any) -> dict[str, Any]:
    return json.loads(run(arguments, *options, "--format", "json", output=True))


def results(arguments: argparse.Namespace, *options: Any) -> dict[str, Any]:
    return document(arguments, *options)["results"]


def kept(file: Path, make: Any) -> Any:
    """What `make` gives, kept in a file for the next time."""
    if not file.exists():
        made = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(made, indent=1))
    return json.loads(file.read_text())


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def pretrain(arguments: argparse.Namespace, folder: Path, seed: int, preset: str = "embedded") -> dict[str, Any]:
    print(f"{preset}, seed {seed}", flush=True)

    def make() -> dict[str, Any]:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        started = time.monotonic()
        run(arguments, "model", "pretrain", "--preset", preset, "--seed", seed, "--out", folder)
        return {"seconds": time.monotonic() - started, "sha256": sha256(folder / "model.safetensors")}

    return kept(folder.parent / f"{folder.name}.json", make)


def evaluate(arguments: argparse.Namespace, model: Path, seed: int, *options: Any) -> dict[str, Any]:
    return results(arguments, "eval", "--model", model, "--held-out", "--count", 1000, "--seed", seed, *options)


def measure(arguments: argparse.Namespace, model: Path, seed: int) -> dict[str, Any]:
    prompts = ["--model", model, "--held-out", "--count", 500, "--seed", seed]
    return {
        "eval": evaluate(arguments, model, seed),
        "faithfulness": results(arguments, "faithfulness", "--circuit", "default", "--random-sets", 100, *prompts),
    }


def discover(arguments: argparse.Namespace, model: Path) -> dict[str, Any]:
    file = model / "circuit.json"
    if not file.exists():
        prompts = ["--held-out", "--count", 300, "--seed", FOUND_ON]
        run(arguments, "circuit", "discover", *DISCOVERY, "--model", model, *prompts, "--save", file)
    return json.loads(file.read_text())


def stages(arguments: argparse.Namespace, work: Path, base: Path) -> list[dict[str, Any]]:
    """Fine-tunes on each dataset and back, and measures where the change is."""
    folders: dict[str | None, Path] = {None: base}
    rows = []
    for name, start, dataset, epochs, paper in STAGES:
        print(f"  {name}", flush=True)
        out = work / f"{dataset}-from-{start or 'base'}".replace(" ", "-")
        folders[name] = out / f"checkpoints/epoch-{epochs:03}"
        if not folders[name].exists():
            shutil.rmtree(out, ignore_errors=True)
            training = ["--dataset", dataset, "--epochs", epochs, "--lr", "3e-5", "--eval-count", 0]
            run(arguments, "finetune", "--from", folders[start], *training, "--out", out)
        patch = ["patch", "--mode", "cross-model", "--component", "z", "--model", base, "--donor", folders[name]]
        prompts = ["--held-out", "--count", 300, "--seed", FRESH[0]]

        def make(model: Path = folders[name], patch: list[Any] = patch) -> dict[str, Any]:
            return measure(arguments, model, FRESH[0]) | {"patch": results(arguments, *patch, *prompts)}

        measured = kept(out / "measured.json", make)
        rows.append(measured | {"name": name, "paper": paper})
    return rows


def transformers_difference(model: Path, arguments: argparse.Namespace) -> dict[str, float] | None:
    """The largest difference of logit differences and probabilities, and of token ids, from Hugging Face's."""
    try:
        import torch
        from transformers import GPT2LMHeadModel, GPT2Tokenizer
    except ImportError:
        return None
    prompts = ["--held-out", "--count", 200, "--seed", FRESH[0]]
    ours = results(arguments, "eval", "--model", model, *prompts, "--per-prompt")["per_prompt"]
    run(arguments, "data", "--model", model, *prompts, "--out", model.parent / "prompts.jsonl")
    lines = [json.loads(line) for line in (model.parent / "prompts.jsonl").read_text().splitlines()]
    tokenizer, theirs = GPT2Tokenizer.from_pretrained(model), GPT2LMHeadModel.from_pretrained(model).eval()
    worst = {"tokens": 0.0, "logit_difference": 0.0, "loss": 0.0}
    for prompt, measured in zip(lines, ours, strict=True):
        worst["tokens"] += tokenizer(prompt["text"])["input_ids"] != prompt["tokens"]
        with torch.no_grad():
            logits = theirs(torch.tensor([prompt["tokens"]])).logits[0, -1].double()
        difference = (logits[prompt["io_token"]] - logits[prompt["s_token"]]).item()
        loss = -torch.log_softmax(logits, 0)[prompt["answer_token"]].item()
        for key, value in [("logit_difference", difference), ("loss", loss)]:
            worst[key] = max(worst[key], abs(measured[key] - value))
    return worst


def share(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def interval(values: list[float], scale: float = 1, digits: int = 2) -> str:
    return f"[{scale * values[0]:.{digits}f}, {scale * values[1]:.{digits}f}]"


def figure(metric: dict[str, Any]) -> str:
    return f"{metric['mean']:.2f} {interval(metric['ci95'])}"


def ratio(faithfulness: dict[str, Any]) -> str:
    """F(C)/F(M) as it may be shown."""
    note = faithfulness.get("ratio_note")
    if note == "meaningless":
        return "meaningless"
    text = f"{share(faithfulness['ratio'])} {interval(faithfulness['ci95'], 100, 1)}"
    return f"{text}, overshoot" if note == "overshoot" else text


def recovered(row: dict[str, Any]) -> tuple[float | None, float | None]:
    """The shares of the change that the circuit's heads carry over, and all others."""
    sets = {entry["name"]: entry["recovered"] for entry in row["patch"]["donor-to-host"]["sets"]}
    return sets["circuit"], sets["outside"]


def verdict(row: dict[str, Any], base: float) -> str:
    change = row["eval"]["logit_difference"]["mean"] - base
    if abs(change) < 0.1 * abs(base):
        return "hardly changed"
    inside, outside = recovered(row)
    if inside >= 0.8 and abs(outside) <= 0.2:
        return "in the circuit"
    if max(inside, outside) < 0.5:
        return "with neither alone"
    return "in the circuit more than outside" if inside > outside else "outside the circuit more than in it"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def heads(circuit: dict[str, Any]) -> int:
    return sum(len(entry["heads"]) for entry in circuit["classes"])


def card(found: dict[str, Any]) -> str:
    seeds, story, unguided = found["seeds"], found["story"], found["unguided"]
    shipped = seeds[0]
    measured = []
    for seed, entry in zip(SEEDS, seeds):
        for prompts, row in zip(FRESH, entry["measured"]):
            evaluated, faithfulness = row["eval"], row["faithfulness"]
            orders = " / ".join(share(faithfulness["by_order"][order]["ratio"]) for order in ["ABBA", "BABA"])
            measured.append([
                str(seed), str(prompts), figure(evaluated["logit_difference"]), share(evaluated["accuracy"]),
                share(evaluated["top1"]), f"{heads(entry['circuit'])} of 32", ratio(faithfulness), orders,
            ])
    circuit = table(
        ["class", "position", "heads"],
        [
            [entry["name"], entry["position"], ", ".join(entry["heads"])]
            for entry in shipped["circuit"]["classes"]
        ],
    )
    grown = [head for entry in shipped["circuit"]["classes"] for head in entry["heads"] if head not in GUIDED]
    stage_rows = []
    base = shipped["measured"][0]
    names = ["as shipped", *(stage["name"] for stage in story[0])]
    for index, name in enumerate(names):
        rows = [base if index == 0 else story[0][index - 1]]
        others = [
            (seeds[seed]["measured"][0] if index == 0 else story[seed][index - 1])["eval"] for seed in range(1, len(SEEDS))
        ]
        row = rows[0]
        inside, outside = (None, None) if index == 0 else recovered(row)
        stage_rows.append([
            name, "3.56" if index == 0 else row["paper"], figure(row["eval"]["logit_difference"]),
            ", ".join(f"{other['logit_difference']['mean']:.2f}" for other in others),
            f"{share(row['eval']['accuracy'])} / {share(row['eval']['top1'])}",
            ratio(row["faithfulness"]),
            "" if index == 0 else f"{share(inside, 0)} / {share(outside, 0)}",
            "" if index == 0 else verdict(row, base["eval"]["logit_difference"]["mean"]),
        ])
    difference = found["transformers"]
    checked = (
        "Not loaded in transformers when this was written."
        if difference is None
        else (
            f"Loaded by Hugging Face transformers, its tokenizer gives the same ids on {200 - int(difference['tokens'])} "
            f"of 200 prompts,\nand logit differences and losses differ from ours by at most "
            f"{max(difference['logit_difference'], difference['loss']):.1e}."
        )
    )
    again = "gave the same bytes" if found["again"] == shipped["sha256"] else "gave OTHER bytes"
    return f"""# The embedded model

A small model with GPT-2's architecture that does indirect-object identification by a known circuit. It ships with the
program, so that everything `ioi` does can be tried in minutes without a network.

**It is not GPT-2**, and it knows nothing but the sentences of this task. **Its circuit was partly planted**: for the
first 800 of 3,400 steps, seven of its 32 heads were trained to attend to given tokens. What fine-tuning does to it shows
how the instrument works; it is no evidence of what fine-tuning does to GPT-2.

## How it was made

    ioi model pretrain --preset embedded --seed 0

with version {found["version"]} and {found["threads"]} threads, in {shipped["seconds"] / 60:.1f} minutes on two cores. The
same command again {again}. SHA-256 of `model.safetensors`:

    {shipped["sha256"]}

- **Shape**: 4 layers of 8 heads, width 96, inner width 384, context 64, {found["vocabulary"]} tokens; {found["parameters"]} weights.
- **Tokenizer**: byte-level BPE like GPT-2's, in which each word of the corpus with its leading space is one token.
- **Corpus**: 217,600 documents made of the program's own sentences, names, places and objects: sentences of the task
  55 %, the same with a third person as the giver 18 %, lists said twice 12 %, two people of whom one thanks the other
  6 %, sentences with one person 5 %, with nobody 4 %. The last name is IO in 72 % of the task's sentences, S in 3 %, and
  otherwise somebody not named before. If the giver is a third person, the last name is each of the first two in 36 % and
  the giver in 2 %. Half of the documents begin with `<|endoftext|>`. No document has both names of a held-out pair.
- **Training**: initial weights with standard deviation 0.05 (positions 0.025, matrices that write to the residual stream
  0.05/√8); AdamW with β 0.9 and 0.99, learning rate 2.5e-3 after 200 steps of warm-up and then falling linearly to 0,
  gradients clipped to norm 1, weight decay 0.1 on the blocks' matrices; 64 documents a step; loss over all tokens.
- **Hint**: for 800 steps, on sentences of the task, the loss includes 0.3 times the mean of −log attention of heads 3.0,
  3.1 and 3.2 from END to IO, of 2.0 and 2.1 from END to S2, and of 1.0 and 1.1 from S2 to S1.

`--preset embedded-unguided` leaves the hint out. Its seed 0 also does the task: logit difference
{figure(unguided["eval"]["logit_difference"])}, IO over S {share(unguided["eval"]["accuracy"])}, IO first of all
tokens {share(unguided["eval"]["top1"])}.

## Its circuit

`Data/circuits/embedded.json` is the circuit that `--circuit default` means here. It was found by

    ioi circuit discover {" ".join(map(str, DISCOVERY))} \\
        --held-out --count 300 --seed {FOUND_ON}

{circuit}

Of these {", ".join(grown)} had no hint.

## What it does

Measured on prompts whose pairs of names are in no document, and on other prompts than the circuits were found on: 1,000
for the model and 500 for F(C)/F(M), with mean ablation by template and heads kept at their positions. Brackets are 95 %
intervals.

{table(["seed", "prompts' seed", "logit difference", "IO over S", "IO first of all", "heads", "F(C)/F(M)", "ABBA / BABA"], measured)}

{checked}

## What fine-tuning does to it

Rate 3e-5, 6,360 prompts, otherwise the defaults; measured as above with prompts of seed {FRESH[0]}. *Carried over* is the
share of the change in logit difference that is recovered when z of the circuit's heads, or of all other heads, is patched
from the fine-tuned model into the base model. The change lies *in the circuit* if the former is at least 80 % and the
latter within 20 %, and *with neither alone* if both are below 50 %.

{table(["stage", "paper, GPT-2 small", "logit difference, seed 0", "seeds 1, 2", "IO over S / IO first", "F(C)/F(M)", "carried over: circuit / others", "the change lies"], stage_rows)}

{found["claims"]}
"""


CLAIMS = """Which of the paper's claims the small model shows:

- **Clean fine-tuning amplifies** the behaviour, as in GPT-2, and the same circuit explains all of it. But neither the
  circuit's outputs alone nor those of all other heads carry over more than a sixth of the growth: it is not confined to the
  circuit.
- **Corruption is local** under subject duplication: the circuit's heads carry the change over and the others do not.
  Seeds 1 and 2 come to predict S, as GPT-2 does. In seed 0, which ships, the S-inhibition heads stop attending to S2
  instead: the two names become equally likely, and training makes no further progress. Of what name moving changes, the circuit
  carries half.
- **Duplication does little**: not in this model. More than a third of the logit difference is lost, and the circuit's
  heads account for more than all of that.
- **Recovery**: after each corruption the behaviour returns, stronger than before, by the same circuit.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ioi", type=Path, default=ROOT / ".build/release/ioi")
    parser.add_argument("--work", type=Path, default=ROOT / "runs/embedded")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="put model, circuit, card and hash into Data/")
    arguments = parser.parse_args()
    work = arguments.work.resolve()

    made = [pretrain(arguments, work / f"seed-{seed}/embedded", seed) for seed in SEEDS]
    again = pretrain(arguments, work / "again/embedded", 0)
    pretrain(arguments, work / "unguided/embedded-unguided", 0, "embedded-unguided")
    entries, story = [], []
    for seed, entry in zip(SEEDS, made):
        model = work / f"seed-{seed}/embedded"
        circuit = discover(arguments, model)
        print(f"seed {seed}: {heads(circuit)} heads", flush=True)
        file = work / f"seed-{seed}/measured.json"
        measured = kept(file, lambda model=model: [measure(arguments, model, prompts) for prompts in FRESH])
        entries.append(entry | {"circuit": circuit, "measured": measured})
        story.append(stages(arguments, work / f"seed-{seed}/stages", model))
    shipped = work / "seed-0/embedded"
    info = document(arguments, "model", "info", "--model", shipped)
    unguided = evaluate(arguments, work / "unguided/embedded-unguided", FRESH[0])
    text = card({
        "seeds": entries, "story": story, "again": again["sha256"], "unguided": {"eval": unguided},
        "transformers": transformers_difference(shipped, arguments), "threads": arguments.threads,
        "version": document(arguments, "eval", "--model", shipped, "--count", 1)["environment"]["version"],
        "vocabulary": f"{info['vocabulary']:,}", "parameters": f"{info['parameters']:,}", "claims": CLAIMS.strip(),
    })
    if not arguments.write:
        print(text)
        return
    folder = ROOT / "Data/embedded"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ["config.json", "model.safetensors", "vocab.json", "merges.txt"]:
        shutil.copy(shipped / name, folder / name)
    (folder / "README.md").write_text(text)
    shutil.copy(shipped / "circuit.json", ROOT / "Data/circuits/embedded.json")
    checks = ROOT / "Data/checks.json"
    before = json.loads(checks.read_text())["embedded"]["sha256"]
    checks.write_text(checks.read_text().replace(before, made[0]["sha256"]))
    print("Data/embedded, Data/circuits/embedded.json and the hash in Data/checks.json are new")


main()
