"""What a text holds, asked of its row: which of some words, and, by who knows the encoder, whether a sentence stands in it."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.evaluation.sentence_content import SentenceContent
from semascope.evaluation.word_content import WordContent
from semascope.leak.found import Values
from semascope.leak.reading import Material
from semascope.leak.splits import Split
from semascope.ops.words import words
from semascope.types import Encoder, Vectors

WHICH, STANDS = "which of 20 words", "sentence in the text"
LEAST = 50  # texts learned from, and half as many asked
PARAGRAPHS = 600  # texts whose sentences are encoded to learn from, and half as many to ask
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


def content_values(material: Material, split: Split, stored: Vectors, encoder: Encoder | None) -> dict[str, Values]:
    """Figures by name; those for which there are too few texts, or no encoder, are left out."""
    found = {WHICH: _words(material, split, stored)}
    if encoder is not None:
        found[STANDS] = _sentences(material, split, stored, encoder)
    return {name: values for name, values in found.items() if values is not None}


def _words(material: Material, split: Split, stored: Vectors) -> Values | None:
    """Which of twenty words, neither common nor rare, a text holds that holds one of them."""
    probe = WordContent()
    try:
        places, held = probe.task(material.texts)
    except InputError:  # too few different words for the task
        return None
    labels = dict(zip(places.tolist(), held, strict=True))
    known, hidden = (np.array([i for i in rows if int(i) in labels], np.int64) for rows in (split.known, split.hidden))
    told = [labels[int(i)] for i in known]
    if len(known) < LEAST or len(hidden) < LEAST // 2 or len(set(told)) < 2:
        return None
    said = probe.fit(stored[known], np.array(told, dtype=object)).answers(stored[hidden])
    truth = np.array([labels[int(i)] for i in hidden], dtype=object)
    most = Counter(told).most_common(1)[0][0]
    return Values(hidden, _one(said == truth), _one(truth == most), _copied(split, hidden))


def _sentences(material: Material, split: Split, stored: Vectors, encoder: Encoder) -> Values | None:
    """Whether a sentence stands in a text, where the one that does not is the nearest of the others' sentences."""
    known, hidden = _long(material, split.known, PARAGRAPHS), _long(material, split.hidden, PARAGRAPHS // 2)
    if len(known) < LEAST or len(hidden) < LEAST // 2:
        return None
    probe = SentenceContent(hard=True)
    made = []
    for rows in (known, hidden):
        single = encoder.encode([_parts(material.texts[int(i)])[-1] for i in rows])
        made.append(probe.pairs(stored[rows], single, range(len(rows))))
    (learn, labels), (asked, truth) = made
    right = _one(probe.fit(learn, labels).answers(asked) == truth).reshape(2, len(hidden)).mean(axis=0)
    return Values(hidden, right, np.full(len(hidden), 0.5), _copied(split, hidden))


def _long(material: Material, rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return np.array([i for i in rows if len(_parts(material.texts[int(i)])) > 1][:most], np.int64)


def _parts(text: str) -> list[str]:
    """Its sentences of three words or more."""
    return [part for part in _END.split(text) if len(words(part)) >= 3]


def _copied(split: Split, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.isin(rows, split.hidden[split.copied])


def _one(right: NDArray[np.bool_]) -> NDArray[np.float64]:
    return right.astype(np.float64)
