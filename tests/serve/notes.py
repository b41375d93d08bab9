"""The notes that the tests serve: documents of five topics, some long, one that would break a page."""

from __future__ import annotations

import numpy as np

from semascope.corpus import Document

TOPICS = {
    "kitchen": "bread oven flour yeast dough butter kitchen recipe sugar kettle bake knead crust loaf",
    "network": "router cable network packet server wireless signal switch gateway address modem bandwidth",
    "garden": "garden tulip soil compost rose watering seed greenhouse spade blossom hedge orchard",
    "railway": "train railway platform station conductor ticket locomotive carriage track signalman timetable",
    "music": "violin concert orchestra melody piano rehearsal choir trumpet rhythm composer cello harmony",
}
LITTLE = ["the", "a", "of", "with", "and", "near", "every", "old", "new", "small", "for", "from", "about", "under"]
# A document whose text would break a page that took it for anything but text.
HTML = '<b>Bread</b> & butter <script>window.broken = 1</script> <img src=x onerror="window.broken = 2"> in the kitchen oven.'
NASTY = "html"
DOCUMENTS = 300


def sentence(rng: np.random.Generator, topic: str, words: int = 12) -> str:
    """A sentence of a topic."""
    said = [*rng.choice(TOPICS[topic].split(), words // 2), *rng.choice(LITTLE, words - words // 2)]
    return " ".join(str(word) for word in rng.permutation(said)).capitalize() + "."


def documents(n: int = DOCUMENTS, seed: int = 0) -> list[Document]:
    """Texts of five topics: d0, d1, ...; every fiftieth is long enough for several passages, one holds HTML."""
    rng = np.random.default_rng(seed)
    topics = list(TOPICS)
    found: list[Document] = []
    for number in range(n):
        topic = topics[number % len(topics)]
        length = 60 if number % 50 == 7 else 2 + number % 3
        text = " ".join(sentence(rng, topic) for _ in range(length))
        year = 2015 + number % 10
        found.append(
            Document(
                id=f"d{number}",
                text=text,
                title=f"{topic.capitalize()} {number}",
                label=topic,
                time=f"{year}-{1 + number % 12:02d}-{1 + number % 28:02d}",
                lang="de" if number % 11 == 0 else "en",
                metadata={"year": year, "size": float(length) + 0.5, "author": f"Author {number % 7}"},
            )
        )
    found[3] = Document(
        id=NASTY,
        text=HTML,
        title="<i>Title</i> & more",
        label="kitchen",
        time="2020-02-02",
        lang="en",
        metadata={"year": 2020},
    )
    return found
