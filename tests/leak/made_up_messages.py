"""Made-up messages with topics, names and numbers in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOPICS = {
    "garden": [
        "soil",
        "seed",
        "rose",
        "hedge",
        "lawn",
        "spade",
        "compost",
        "frost",
        "bulb",
        "prune",
        "orchard",
        "greenhouse",
        "weed",
        "bloom",
        "shade",
    ],
    "ships": [
        "harbour",
        "anchor",
        "sail",
        "cargo",
        "tide",
        "captain",
        "deck",
        "mast",
        "lighthouse",
        "ferry",
        "rudder",
        "dock",
        "crew",
        "voyage",
        "storm",
    ],
    "money": [
        "loan",
        "bank",
        "rate",
        "bond",
        "tax",
        "market",
        "budget",
        "price",
        "profit",
        "debt",
        "wage",
        "fund",
        "audit",
        "invoice",
        "credit",
    ],
    "music": [
        "violin",
        "choir",
        "drum",
        "melody",
        "concert",
        "chord",
        "tempo",
        "singer",
        "stage",
        "organ",
        "flute",
        "rehearsal",
        "opera",
        "piano",
        "rhythm",
    ],
}
PEOPLE = [
    "Anneke",
    "Bertil",
    "Carlotta",
    "Dmitri",
    "Eluned",
    "Faruk",
    "Gudrun",
    "Hamish",
    "Ilse",
    "Joaquin",
    "Katarzyna",
    "Lorenzo",
]


@dataclass(frozen=True)
class Messages:
    texts: list[str]
    topics: list[str]


def messages(n: int, seed: int = 0) -> Messages:
    """Sentences of five words of one topic, a name and a number, in an order drawn by lot; hardly any two alike."""
    rng = np.random.default_rng((seed, 7))
    names = list(TOPICS)
    topics = [names[int(i)] for i in rng.integers(len(names), size=n)]
    texts: list[str] = []
    for topic in topics:
        a, b, c, d, e = rng.permutation(TOPICS[topic])[:5]
        who, many = PEOPLE[int(rng.integers(len(PEOPLE)))], int(rng.integers(2, 40))
        texts.append(f"The {a} and the {b} of {who} had {many} {c}, with {d} under {e}.")
    return Messages(texts, topics)
