"""What a simple model reads off rows, beside what it could have learned by heart: probes with control tasks.

A control task asks something that the text says nothing of: each text has a type, a word that it shares with some others, and
every type is dealt a label at random. A model that answers it has remembered types. Selectivity is what the probe gets right
less what its control gets right (Hewitt and Liang, 2019, "Designing and Interpreting Probes with Control Tasks").
"""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.ops.discriminant import label_head
from semascope.ops.door import integer, option, vectors
from semascope.ops.statistics import Interval
from semascope.ops.words import little_words, words
from semascope.types import Array

RUN = 3  # words in a row that near copies share
COPIED = 0.5  # of a text's runs
POSTINGS = 50  # texts looked at for each run: boilerplate would join everything
COMMON = 0.05  # of all texts at most hold the word that is a text's type
HIDDEN = 50  # units of the small network, as in SentEval
PROBES = ("linear", "mlp")


@dataclass(frozen=True, eq=False)
class Question:
    """Something to read off the rows of texts.

    Args:
        name: What is asked.
        texts: One a row.
        labels: The answer for each, text.
        groups: int64 (n,), texts of one group are held out together.
        types: What a control task deals labels to, text.
    """

    name: str
    texts: tuple[str, ...]
    labels: NDArray[np.object_]
    groups: NDArray[np.int64]
    types: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.texts)


def question(
    name: str, texts: Sequence[str], labels: Sequence[str], *, together: Sequence[str] | None = None
) -> Question:
    """A question with its groups and types.

    Args:
        name: What is asked.
        texts: One a row.
        labels: The answer for each.
        together: Texts of which this is the same are held out together, as near copies always are; None where there is nothing.
    """
    own = [words(text) for text in texts]
    groups = near_groups(own, together)
    return Question(name, tuple(texts), np.array(labels, dtype=object), groups, np.array(word_types(own), dtype=object))


def near_groups(own: Sequence[Sequence[str]], together: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Groups (n,) of near copies: texts that share half of their runs of three words, or all their words; and of equal `together`."""
    groups = _Groups(len(own))
    runs: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    first: dict[tuple[str, ...], int] = {}
    for place, found in enumerate(own):
        groups.join(place, first.setdefault(("words", *sorted(found)), place))
        if together is not None:
            groups.join(place, first.setdefault(("together", together[place]), place))
        mine = {tuple(found[i : i + RUN]) for i in range(len(found) - RUN + 1)}
        for other, times in Counter(other for run in mine for other in runs[run]).items():
            if times >= COPIED * min(len(mine), max(1, len(own[other]) - RUN + 1)):
                groups.join(place, other)
        for run in mine:
            if len(runs[run]) < POSTINGS:
                runs[run].append(place)
    # Named by their first text: which text stands for a group hangs on the order of sets, which is another in every run.
    tops = [groups.top(place) for place in range(len(own))]
    named = {top: number for number, top in enumerate(dict.fromkeys(tops))}
    return np.array([named[top] for top in tops], np.int64)


class _Groups:
    """Places that are joined two by two."""

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))

    def top(self, place: int) -> int:
        while self.parent[place] != place:
            self.parent[place] = self.parent[self.parent[place]]
            place = self.parent[place]
        return place

    def join(self, one: int, other: int) -> None:
        self.parent[self.top(one)] = self.top(other)


def word_types(own: Sequence[Sequence[str]]) -> list[str]:
    """A type for each text: of its words that at most one in twenty texts hold, the commonest; little words are left out.

    A text without such a word is a type of its own.
    """
    little = little_words([list(found) for found in own])
    times = Counter(word for found in own for word in set(found) - little)
    most = max(2, int(COMMON * len(own)))
    out: list[str] = []
    for place, found in enumerate(own):
        known = [word for word in set(found) - little if times[word] <= most]
        out.append(max(known, key=lambda word: (times[word], word), default=f"text {place}"))
    return out


def words_asked(own: Sequence[Sequence[str]], count: int) -> tuple[NDArray[np.int64], list[str]]:
    """The places of the texts that hold exactly one of `count` words, neither common nor rare, and that word for each.

    These are the words of rank 2 count to 3 count by how many texts they are in, little words left out (the benchmark of Conneau
    et al., 2018, has 1,000 words of rank 2,000 to 3,000).

    Raises:
        InputError: the texts hold too few different words.
    """
    held = [set(found) for found in own]
    little = little_words(held)
    times = Counter(word for found in held for word in found - little)
    asked = set(sorted(times, key=lambda word: (-times[word], word))[2 * count : 3 * count])
    if len(asked) < count:
        raise InputError(f"texts: want {3 * count} different words for n_words={count}, got {len(times)}")
    there = [found & asked for found in held]
    places = np.array([place for place, found in enumerate(there) if len(found) == 1], np.int64)
    return places, [next(iter(there[int(place)])) for place in places]


def dealt(labels: Array, types: Array, rng: np.random.Generator) -> NDArray[np.object_]:
    """Labels (n,) of a control task: one for each type, drawn as labels are spread over the texts."""
    names = sorted(set(types.tolist()))
    drawn = rng.choice(labels, len(names))
    for _ in range(20):
        if len(set(drawn.tolist())) > 1 or len(names) == 1:
            break
        drawn = rng.choice(labels, len(names))
    by = dict(zip(names, drawn, strict=True))
    return np.array([by[name] for name in types], dtype=object)


def grouped_folds(groups: Array, k: int, rng: np.random.Generator) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """`k` splits into rows to learn from and rows held out, each row held out once and no group on both sides.

    Raises:
        InputError: fewer groups than splits.
    """
    names, sizes = np.unique(groups, return_counts=True)
    if len(names) < k:
        raise InputError(f"groups: want at least {k} to hold out in turn, got {len(names)}")
    load, part = np.zeros(k), np.empty(int(names.max()) + 1, np.int64)
    for place in np.lexsort((rng.permutation(len(names)), -sizes)):
        part[names[place]] = load.argmin()
        load[load.argmin()] += sizes[place]
    own = part[groups]
    return [(np.flatnonzero(own != fold), np.flatnonzero(own == fold)) for fold in range(k)]


def answers(x: Array, labels: Array, asked: Array, *, probe: str = "linear", seed: int = 0) -> NDArray[np.object_]:
    """What a probe that learned from rows x (n, d) and their labels says of rows asked (m, d).

    "linear" is the discriminant of `ops.discriminant`, whose shrinkage is chosen by rows held out; "mlp" a network of 50 hidden
    units, stopped by rows held out.
    """
    option(probe, PROBES, name="probe")
    if len(set(labels.tolist())) == 1:
        return np.repeat(labels[:1], len(asked))
    scale = float(np.sqrt(np.square(x - x.mean(axis=0)).mean())) or 1.0
    if probe == "linear":
        mean, weight, bias, names = label_head(np.asarray(x, np.float64) / scale, labels.tolist(), seed=seed)
        best = ((np.asarray(asked, np.float64) / scale - mean) @ weight + bias).argmax(axis=1)
        return np.array(names, dtype=object)[best]
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    middle = x.mean(axis=0)
    batch: dict[str, Any] = {"batch_size": min(64, len(x))}
    model = MLPClassifier(
        (HIDDEN,),
        activation="logistic",
        learning_rate_init=0.01,
        early_stopping=len(x) >= 100,
        n_iter_no_change=20,
        **batch,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # Two hundred rounds are the budget; that more would change something is no news.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((x - middle) / scale, [str(label) for label in labels])
    return np.array(list(model.predict((asked - middle) / scale)), dtype=object)


def probed(x: Array, asked: Question, *, probe: str = "linear", folds: int = 3, seed: int = 0) -> dict[str, Interval]:
    """A probe on rows x (n, d) of a question's texts, every row held out once; shares of texts, with intervals over groups.

    "right"; "majority", the commonest label of all, always; "control", the same probe on labels dealt by type; "selectivity", right
    less control, text by text.

    Raises:
        InputError: not one row for each text, or fewer groups than folds.
    """
    rows = vectors(x)
    if len(rows) != len(asked):
        raise InputError(f"X: want a row for each of {len(asked)} texts, got {len(rows)}")
    rng = np.random.default_rng((integer(seed, name="random_state", least=0), 154))
    other = dealt(asked.labels, asked.types, rng)
    right, control = np.zeros(len(rows)), np.zeros(len(rows))
    for learn, out in grouped_folds(asked.groups, folds, rng):
        for labels, hits in ((asked.labels, right), (other, control)):
            hits[out] = answers(rows[learn], labels[learn], rows[out], probe=probe, seed=seed) == labels[out]
    usual = (asked.labels == Counter(asked.labels.tolist()).most_common(1)[0][0]).astype(np.float64)
    found = {"right": right, "majority": usual, "control": control, "selectivity": right - control}
    return {name: clustered(values, asked.groups) for name, values in found.items()}


def clustered(values: Array, groups: Array, *, draws: int = 2000, seed: int = 0) -> Interval:
    """The mean of values (n,) with its bootstrap interval over groups (n,), of which all values come or none; n is the values."""
    names, place = np.unique(groups, return_inverse=True)
    total, times = np.bincount(place, values), np.bincount(place)
    rng = np.random.default_rng(seed)
    found = np.empty(draws)
    step = max(1, 4_000_000 // len(names))
    for start in range(0, draws, step):
        drawn = rng.integers(0, len(names), (min(step, draws - start), len(names)))
        found[start : start + len(drawn)] = total[drawn].sum(axis=1) / times[drawn].sum(axis=1)
    value = float(np.mean(values))
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(value, min(float(low), value), max(float(high), value), len(values))
