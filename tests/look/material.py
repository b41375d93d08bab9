"""A small corpus with all that `look` can find in it, made without looking: what the tests of the page rest on."""

from __future__ import annotations

import numpy as np

from semascope.look.found import (
    Duplicates,
    FewLabels,
    Found,
    Group,
    Groups,
    Labels,
    Languages,
    Layout,
    Lengths,
    Outliers,
    Suspect,
    Trend,
    Trends,
)
from semascope.look.search import make_search
from semascope.ops import Interval, unit
from semascope.subject import Subject

TOPICS = {
    "kitchen": "bread oven flour yeast dough butter kitchen recipe sugar bake",
    "network": "router cable network packet server wireless signal switch gateway ping",
    "garden": "garden tulip soil compost rose watering seed greenhouse spade blossom",
    "railway": "train railway platform station conductor ticket locomotive carriage track signalman",
    "music": "violin concert orchestra melody piano rehearsal choir trumpet rhythm conductor",
}
LITTLE = ["the", "a", "of", "with", "and", "near", "every", "old", "new", "small"]
# Texts that would break a page which took them for anything but text.
NASTY = (
    "</script><script>window.broken = 1</script> train",
    "<img src=x onerror='window.broken = 2'> bread & butter",
    "line\u2028separator and \u2029 paragraph <!-- <script> in the garden",
    "\u202eright to left override\u202c שלום العربية violin",
    "a zero\0byte, half a surrogate \ud800, =cmd|' /C calc'!A0",
)


def texts(n: int, *, words: int = 12, seed: int = 0) -> tuple[list[str], list[int]]:
    """Sentences of five topics, and the topic of each."""
    rng = np.random.default_rng(seed)
    said = [topic.split() for topic in TOPICS.values()]
    topics = rng.integers(0, len(said), n)
    out = []
    for topic in topics:
        chosen = [*rng.choice(said[topic], words // 2), *rng.choice(LITTLE, words - words // 2)]
        out.append(" ".join(str(word) for word in rng.permutation(chosen)).capitalize() + ".")
    return out, topics.tolist()


class Bag:
    """An encoder that adds up words: each has a direction of its own, and words of one topic have one in common."""

    dim = 48

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self._known = {word: rng.standard_normal(self.dim) * 0.2 for word in LITTLE}
        for topic in TOPICS.values():
            common = rng.standard_normal(self.dim)
            self._known |= {word: common + 0.3 * rng.standard_normal(self.dim) for word in topic.split()}

    def encode(self, given, **_):
        return unit(np.array([self._one(text) for text in given], np.float32).reshape(len(given), self.dim))

    def _one(self, text):
        words = text.lower().replace(".", "").split()
        return sum((self._word(word) for word in words), np.full(self.dim, 1e-3))

    def _word(self, word):
        if word not in self._known:
            self._known[word] = np.random.default_rng([ord(letter) for letter in word]).standard_normal(self.dim) * 0.5
        return self._known[word]


def found(
    n: int = 300, *, nasty: bool = True, words: int = 12, encoder: Bag | None = None, room: int = 4_800_000
) -> Found:
    """What `look` would find in n such texts. With `nasty`, the first rows hold texts that could break a page."""
    said, topics = texts(n, words=words)
    if nasty:
        said[: len(NASTY)] = NASTY
        said[20] = said[21] = said[22]
    rng = np.random.default_rng(1)
    names = list(TOPICS)
    labels = [names[topic] for topic in topics]
    labels[30] = names[(topics[30] + 1) % len(names)]
    x = (
        (encoder or Bag()).encode(said)
        if n <= 2000
        else unit(rng.standard_normal((len(names), 48))[topics] + rng.standard_normal((n, 48)) * 0.4)
    )
    centres = np.array([[np.cos(angle), np.sin(angle)] for angle in np.arange(len(names)) * 2 * np.pi / len(names)])
    places = (centres[topics] * 3 + rng.standard_normal((n, 2)) * 0.7).astype(np.float32)
    of = np.array(topics, np.int32)
    of[rng.random(n) < 0.03] = -1
    order = np.argsort([-(of == topic).sum() for topic in range(len(names))], kind="stable")
    groups = []
    for number, topic in enumerate(order):
        share = 0.93 - 0.13 * number
        groups.append(
            Group(
                number,
                TOPICS[names[topic]].split(),
                np.flatnonzero(of == topic),
                Interval(share, share - 0.05, share + 0.04, 20),
                share > 0.5,
            )
        )
    numbered = np.full(n, -1, np.int32)
    for one in groups:
        numbered[one.rows] = one.number
    months = [f"2024-{month:02d}" for month in range(1, 13)]
    shares = [
        [float(np.clip(0.2 + slope * (month - 6), 0, 1)) for month in range(12)]
        for slope in (0.02, 0.01, 0.0, -0.01, -0.02)
    ]
    subject = Subject(
        "tickets <b>&.csv",
        [str(number + 1) for number in range(n)],
        texts=said,
        labels=labels,
        times=[f"2024-{1 + row % 12:02d}-1{row % 9}" for row in range(n)],
        vectors=x,
        columns="text = body (guessed), label = queue (guessed)",
    )
    same = [row for row in range(n) if topics[row] == topics[30] and row != 30][:8]
    return Found(
        subject,
        "bag",
        Layout(places, Interval(0.95, 0.94, 0.96, 500)),
        Groups(numbered, groups, "Rows that are near each other, by density; stability over 20 resamples."),
        Duplicates([[20, 21, 22]] if nasty else [], [[40, 41], [50, 51, 52]], [0.91, 0.88], "Near: nine in ten word pairs are the same."),
        Outliers(np.array([3, 4, 60]), np.array([4.2, 3.9, 3.1]), "Distance to the tenth neighbour, over that of the neighbours."),
        Lengths(np.array([len(text) for text in said]), np.array([7, 8]), 128, "2 texts are cut at 128 tokens."),
        Languages(["en"] * (n - 10) + ["de"] * 10, {"en": n - 10, "de": 10}, "The encoder was made for English; 10 rows are not.", "By letters."),
        Labels(
            {name: labels.count(name) for name in names},
            Interval(0.91, 0.88, 0.94, n),
            [Suspect(30, labels[30], names[topics[30]], 0.02, same)],
            1,
            "A model that did not see the row finds another label likelier.",
        ),
        FewLabels(np.arange(100, 120), Interval(0.9, 0.86, 0.93, n - 20), Interval(0.84, 0.8, 0.88, n - 20), "Chosen to cover the map."),
        Trends(months, [n // 12] * 12, [Trend(i, shares[i], Interval(s, s - 0.05, s + 0.05, n), (s > 0.05) - (s < -0.05)) for i, s in enumerate((0.16, 0.08, 0.0, -0.08, -0.16))], n, "By month."),
        make_search(x, said, encoder or Bag(), fast=True, room=room) if n <= 2000 else make_search(x.astype(np.float32), said, None, room=room),
        ["Made for a test."],
        {"map": 1.2, "groups": 0.8},
    )  # fmt: skip
