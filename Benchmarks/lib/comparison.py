"""What the comparisons with a float64 reference share: which prompts, and how far off a figure may be. No torch."""

import json
from collections.abc import Iterable
from pathlib import Path

TOLERANCE = 1e-4


def largest(one: float, other: float) -> float:
    """Not a number counts as infinite, so that no maximum passes over it."""
    return max(one, other if other == other else float("inf"))


def allowed(logit_difference: float) -> float:
    return TOLERANCE * max(1.0, abs(logit_difference))


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def choose_prompts(path: Path, count: int) -> list[str]:
    """Lines of a prompts file, two of each template and order as far as there are such pairs: a mean over the
    prompts of a group is to be a mean."""
    groups: dict[tuple[str, str], list[str]] = {}
    for line in path.read_text().splitlines():
        prompt = json.loads(line)
        groups.setdefault((prompt["template"], prompt["order"]), []).append(line)
    pairs = [line for lines in groups.values() if len(lines) > 1 for line in lines[:2]]
    others = [line for lines in groups.values() for line in lines if line not in pairs]
    chosen = (pairs + others)[:count]
    if len(chosen) < count:
        raise SystemExit(f"{path}: {len(chosen)} prompts, expected at least {count} (--prompts)")
    return chosen
