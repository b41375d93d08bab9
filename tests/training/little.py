"""Plans a hundredth of the usual size, and a text of our own, so that a model is trained in a second."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from semascope.training import Plan, plan

NAMES = ("tiny_gpt", "tiny_bert", "tiny_seq2seq", "tiny_gpt_ciphered")
SMALL = {"layers": 1, "dim": 32, "heads": 2, "inner": 64, "vocabulary": 320, "window": 24, "batch": 8, "steps": 40}


def little(name: str, **changes: Any) -> Plan:
    """The plan of that name, a hundredth of its size."""
    return replace(plan(name), **{**SMALL, "rate": 1e-2, **changes})


def sentences() -> list[str]:
    """Three hundred sentences of a small grammar."""
    rng = random.Random(3)
    who = ["the cat", "a dog", "the old man", "my sister", "the Queen", "a bird"]
    does = ["sees", "likes", "finds", "follows", "paints"]
    what = ["the river", "a house", "two apples", "the moon", "an old book"]
    where = ["in the morning", "at night", "behind the barn", "with great care"]
    found = {f"{rng.choice(who)} {rng.choice(does)} {rng.choice(what)} {rng.choice(where)}." for _ in range(2000)}
    return sorted(found)[:300]
