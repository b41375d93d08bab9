"""Choosing an encoder for a field: how often the right text is among the first, where to cut scores, and how they overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError, OptionError
from semascope.lab import Lab
from semascope.metrics import Scores, ranked, task_rows
from semascope.ops import Interval, bootstrap, integer, proportion, spearman, unit
from semascope.ops.cloud import iso_score, partition_ratio, spectrum
from semascope.ops.layer_reading import read_every_layer
from semascope.tasks import Retrieval
from semascope.types import Array

_AT_ONCE = 32_000_000  # scores held at once
_SPREAD = 2_000  # queries whose scores make the distributions
_RANDOM = 20  # random documents for each query
_CELLS = np.linspace(-1.25, 1.25, 513)  # of cosines; room beside -1 and 1 for what smoothing spreads
_SAMPLE = 100  # queries, of which the paper's threshold takes the lowest score retrieved
_FEW = 10  # right or wrong answers, below which a bootstrap of them is too narrow
_LOW = 0.2  # and of many such samples this quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TelecomCompass:
    """Accuracy among the first k with its interval, three distributions of cosines with their overlaps, and a threshold.

    "correct" cosines are those of queries with documents judged relevant, "retrieved" those of queries with their k nearest
    documents, "random" those of queries with documents that are not relevant, drawn at random.

    Args:
        k: Nearest documents that count as retrieved.
        recall: Share of correct pairs that the threshold is to let through.
        draws: Of the bootstrap, over queries.
        random_state: Of all drawing.
    """

    k: int = 5
    recall: float = 0.95
    draws: int = 1000
    random_state: int = 0

    reads: ClassVar[str] = "retrieval"

    def measure(self, encoder: Any, task: Retrieval) -> dict[str, Interval]:
        """Figures of an encoder on a retrieval task: see `judge`."""
        return self.judge(task, task_rows(encoder, task))

    def judge(self, task: Retrieval, rows: Mapping[str, Array]) -> dict[str, Interval]:
        """Figures of rows, "documents" (n, d) and "queries" (q, d), each with its interval over queries.

        "accuracy@k": queries with a relevant document among the k nearest. "overlap: ..." of two distributions, 0 apart, 1 the
        same. "threshold": the cosine that lets the wanted share of correct pairs through. "recall", "precision" and "random
        above" at a threshold found on the other half of the queries: correct pairs let through, relevant ones among the
        retrieved that are let through, random pairs let through. "lowest retrieved": the paper's threshold. "IsoScore" and
        "partition ratio" of the documents' rows at length one (intervals over rows).

        Raises:
            InputError: fewer than 4 queries, or no document that is not relevant.
        """
        pairs = self._pairs(task, rows)
        rng = np.random.default_rng((integer(self.random_state, name="random_state", least=0), 2))
        found = {f"accuracy@{self.k}": self.interval(pairs.accuracy)}
        found |= self._overlaps(pairs, rng) | self._threshold(pairs, rng)
        found["lowest retrieved"] = self._lowest(pairs, rng)
        documents = unit(rows["documents"])
        if len(documents) > 2:
            found["IsoScore"] = iso_score(spectrum(documents))
            found["partition ratio"] = partition_ratio(documents)
        return found

    def scores(self, task: Retrieval, rows: Mapping[str, Array]) -> Scores:
        """Whether each query has a relevant document among its k nearest: what `metrics.paired` compares two encoders by."""
        value = self._pairs(task, rows).accuracy
        return Scores(task.name, f"accuracy@{self.k}", "mean", task.units, {"value": value})

    def interval(self, values: Array) -> Interval:
        """The share of queries (q,) whose value is 1, with its interval: of the bootstrap, or Wilson's where few are 1 or 0.

        Of 50 queries that are right once in twenty, the bootstrap's interval holds the truth nine times in ten alone.
        """
        draws, hits = integer(self.draws, name="draws", least=100), int(np.sum(values))
        if min(hits, len(values) - hits) < _FEW:
            return proportion(hits, len(values))
        return bootstrap(values, draws=draws, seed=integer(self.random_state, name="random_state", least=0))

    def spread(self, task: Retrieval, rows: Mapping[str, Array], *, bins: int = 60) -> dict[str, Any]:
        """The three distributions as plain data for a picture: "edges" (bins + 1), "series" name -> shares, "marks" name -> place."""
        pairs = self._pairs(task, rows)
        random = pairs.random[np.isfinite(pairs.random)]
        named = {"correct": pairs.correct, "retrieved": pairs.retrieved.ravel(), "random": random}
        every = np.concatenate(list(named.values()))
        edges = np.linspace(every.min(), every.max() + 1e-9, integer(bins, name="bins", least=2) + 1)
        series = {name: (np.histogram(values, edges)[0] / len(values)).tolist() for name, values in named.items()}
        mark = _cut(pairs.correct, self.recall)
        return {"edges": edges.tolist(), "series": series, "marks": {f"{self.recall:.0%} of correct": mark}}

    def _pairs(self, task: Retrieval, rows: Mapping[str, Array]) -> _Pairs:
        k = integer(self.k, name="k", least=1)
        if not 0 < self.recall < 1:
            raise OptionError(f"recall: want a share between 0 and 1, got {self.recall!r}")
        documents, queries = unit(rows["documents"]), unit(rows["queries"])
        if len(queries) < 4:
            raise InputError(f"{task.name}: want at least 4 queries with a relevant document, got {len(queries)}")
        step = max(1, _AT_ONCE // len(documents))
        places = np.concatenate(
            [ranked(queries[at : at + step] @ documents.T, k) for at in range(0, len(queries), step)]
        )
        hit = (task.judgements.gains(places) > 0) & (places >= 0)
        keys = task.judgements.keys[task.judgements.grades > 0]
        owner, document = keys // len(documents), keys % len(documents)
        rng = np.random.default_rng((integer(self.random_state, name="random_state", least=0), 1))
        drawn = rng.integers(0, len(documents), (len(queries), _RANDOM))
        known = task.judgements.gains(drawn) > 0
        if known.all():
            raise InputError(f"{task.name}: want documents that are not relevant, to compare with; got none")
        near = np.einsum("qd,qkd->qk", queries, documents[places]).astype(np.float64)
        far = np.einsum("qd,qkd->qk", queries, documents[drawn]).astype(np.float64)
        right = np.einsum("md,md->m", queries[owner], documents[document]).astype(np.float64)
        found = (hit.sum(axis=1) > 0).astype(np.float64)
        return _Pairs(found, right, owner, near, hit, np.where(known, np.nan, far))

    def _overlaps(self, pairs: _Pairs, rng: np.random.Generator) -> dict[str, Interval]:
        n = len(pairs.accuracy)
        kept = np.sort(rng.permutation(n)[:_SPREAD])
        by_query = np.full(n, -1)
        by_query[kept] = np.arange(len(kept))
        owner = by_query[pairs.owner]
        tables = {
            "correct": _table(pairs.correct[owner >= 0], owner[owner >= 0], len(kept)),
            "retrieved": _rows_table(pairs.retrieved[kept]),
            "random": _rows_table(pairs.random[kept]),
        }
        smooth = {name: _kernel(table.sum(axis=0)) for name, table in tables.items()}

        def densities(weights: Array) -> dict[str, Floats]:
            return {name: _shares(weights @ table) @ smooth[name] for name, table in tables.items()}

        whole = densities(np.ones((1, len(kept))))
        again = densities(rng.multinomial(len(kept), np.full(len(kept), 1 / len(kept)), self.draws).astype(np.float64))
        found: dict[str, Interval] = {}
        for one, other in (("correct", "random"), ("retrieved", "random"), ("correct", "retrieved")):
            value = float(np.minimum(whole[one], whole[other]).sum())
            found[f"overlap: {one}, {other}"] = _between(
                value, np.minimum(again[one], again[other]).sum(axis=1), len(kept)
            )
        return found

    def _threshold(self, pairs: _Pairs, rng: np.random.Generator) -> dict[str, Interval]:
        n = len(pairs.accuracy)
        value = _cut(pairs.correct, self.recall)
        drawn = [_cut(pairs.of(rng.integers(0, n, n)), self.recall) for _ in range(self.draws)]
        found = {"threshold": _between(value, np.array(drawn), n)}
        # Each half is judged by the threshold of the other: a threshold is too good on what it was found on.
        half = np.zeros(n, np.int64)
        half[rng.permutation(n)[: n // 2]] = 1
        cut = np.array([_cut(pairs.correct[half[pairs.owner] != side], self.recall) for side in (0, 1)])[half]
        through = (pairs.correct >= cut[pairs.owner]).astype(np.float64)
        shown = pairs.retrieved >= cut[:, None]
        known = np.isfinite(pairs.random)
        above = (known & (pairs.random >= cut[:, None])).sum(axis=1)
        every = np.ones(len(pairs.owner))
        counted = {
            "recall": (np.bincount(pairs.owner, through, n), np.bincount(pairs.owner, every, n)),
            "precision": ((shown & pairs.hit).sum(axis=1), shown.sum(axis=1)),
            "random above": (above, known.sum(axis=1)),
        }
        for name, (part, whole) in counted.items():
            if whole.sum() > 0:
                found[name] = _ratio(part, whole, self.draws, rng)
        return found

    def _lowest(self, pairs: _Pairs, rng: np.random.Generator) -> Interval:
        """What the lowest cosine retrieved for any of 100 queries is above in four of five draws of them."""
        lowest = pairs.retrieved.min(axis=1)
        # The quantile of the least of 100 is one of all, further down.
        share = 1 - (1 - _LOW) ** (1 / _SAMPLE)
        drawn = [np.quantile(lowest[rng.integers(0, len(lowest), len(lowest))], share) for _ in range(self.draws)]
        return _between(float(np.quantile(lowest, share)), np.array(drawn), len(lowest))


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Cosines of pairs, by query."""

    accuracy: Floats  # (q,)
    correct: Floats  # (m,)
    owner: NDArray[np.int64]  # (m,) the query of each, rising
    retrieved: Floats  # (q, k)
    hit: NDArray[np.bool_]  # (q, k)
    random: Floats  # (q, r), nan where the document drawn is relevant

    def of(self, queries: Array) -> Floats:
        """The correct cosines of these queries, as often as they stand there."""
        start = np.searchsorted(self.owner, queries)
        times = np.searchsorted(self.owner, queries, side="right") - start
        ahead = np.repeat(start - np.concatenate([[0], np.cumsum(times)[:-1]]), times)
        return self.correct[np.arange(int(times.sum())) + ahead]


def _cut(correct: Floats, recall: float) -> float:
    """The largest of the scores that lets through that share of scores to come, on average."""
    # The conformal count (m + 1): the plain quantile would be a little too high on few scores.
    place = int(np.floor((1 - recall) * (len(correct) + 1) + 1e-9))
    return float(np.sort(correct)[max(0, place - 1)])


def _table(values: Floats, owner: Array, n: int) -> Floats:
    """How many values of each of n queries lie in each cell."""
    cell = np.clip(np.searchsorted(_CELLS, values, side="right") - 1, 0, len(_CELLS) - 2)
    out = np.zeros((n, len(_CELLS) - 1))
    np.add.at(out, (owner, cell), 1.0)
    return out


def _rows_table(values: Floats) -> Floats:
    known = np.isfinite(values)
    return _table(values[known], np.nonzero(known)[0], len(values))


def _kernel(counts: Floats) -> Floats:
    """What smooths a histogram: a Gaussian whose width is Scott's rule, no narrower than a cell."""
    middle = (_CELLS[:-1] + _CELLS[1:]) / 2
    n = max(counts.sum(), 1)
    mean = counts @ middle / n
    width = max(float(np.sqrt(counts @ np.square(middle - mean) / max(n - 1, 1)) * n**-0.2), _CELLS[1] - _CELLS[0])
    near = np.exp(-np.square((middle[:, None] - middle[None, :]) / width) / 2)
    return near / near.sum(axis=1, keepdims=True)


def _shares(counts: Floats) -> Floats:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)


def _ratio(part: Array, whole: Array, draws: int, rng: np.random.Generator) -> Interval:
    n = len(part)
    found = np.empty(draws)
    for draw in range(draws):
        rows = rng.integers(0, n, n)
        found[draw] = part[rows].sum() / max(whole[rows].sum(), 1e-12)
    return _between(float(part.sum() / whole.sum()), found, int(whole.sum()))


def _between(value: float, drawn: Floats, n: int) -> Interval:
    """The percentile interval; of figures that are no means it can lie beside the value, and is made to hold it."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, min(float(low), value), max(float(high), value), n)


class _AnyGold(TelecomCompass):
    """The same with other documents judged relevant than are: its figures say nothing of an encoder."""

    def _pairs(self, task: Retrieval, rows: Mapping[str, Array]) -> _Pairs:
        turned = dict(
            zip(task.units, [*[task.judged[name] for name in task.units[1:]], task.judged[task.units[0]]], strict=True)
        )
        return super()._pairs(Retrieval(task.name, task.documents, task.queries, turned), rows)


def _encoders(lab: Lab, texts: Sequence[str], titles: Sequence[str], words: Mapping[str, Array]) -> dict[str, Any]:
    """Rows of texts and titles by several encoders: MiniLM's layers, word vectors, and random projections of both."""
    model, rng = lab.encoder("minilm"), lab.rng(2)
    found: dict[str, Any] = {"words": words}
    found["minilm"] = {"documents": model.encode(texts), "queries": model.encode(titles, kind="query")}
    for name in ("words", "minilm"):
        for dim in (8, 32):
            onto = rng.normal(size=(found[name]["documents"].shape[1], dim))
            found[f"{name}, {dim} columns"] = {side: (x @ onto).astype(np.float32) for side, x in found[name].items()}
    if hasattr(model, "states"):
        documents, queries = (read_every_layer(model, part, paths=False).rows for part in (texts, titles))
        # The last layer is what the model itself averages.
        found |= {
            f"layer {layer}": {"documents": documents[layer], "queries": queries[layer]}
            for layer in range(len(documents) - 1)
        }
    return found


def _compass_points(lab: Lab, method: Any) -> Evidence:
    """400 titles of docstrings, each to find its text (40 words and 400 characters at most).

    First the instrument, on an average of word vectors: the interval of accuracy holds the accuracy of all 400 titles for 92 to
    98 of 100 samples of 150 of them (1,000 samples), the overlap of correct and random pairs is at most a half, and thresholds for
    nine in ten on one half let nine in ten through on the other, 5 points more or less (the mean over ten halvings). Then over
    encoders (MiniLM and the means of its layers, word vectors, random projections of both to 8 and 32 columns): Spearman's
    correlation of accuracy with that overlap is at most -0.5. Reported beside it: that of accuracy with isotropy, and which of
    the two parts held (1 or 0), for a control can satisfy one of them.
    """
    titles, texts = lab.titled(400)
    texts = [" ".join(text.split()[:40])[:400] for text in texts]
    names = [str(place) for place in range(len(texts))]
    judged = {name: {name: 1.0} for name in names}
    task = Retrieval("titles", dict(zip(names, texts, strict=True)), dict(zip(names, titles, strict=True)), judged)
    default = lab.encoder("default")
    words = {"documents": default.encode(texts), "queries": default.encode(titles)}
    value, rng, held = method.scores(task, words).columns["value"], lab.rng(1), 0
    for _ in range(1000):
        one = method.interval(value[rng.integers(0, len(value), 150)])
        held += one.low <= value.mean() <= one.high
    halvings = [replace(method, recall=0.9, random_state=place).judge(task, words) for place in range(10)]
    through = float(np.mean([one["recall"].value for one in halvings]))
    overlap = "overlap: correct, random"
    found = {"interval holds": held / 1000, "let through": through, "words, overlap": halvings[0][overlap].value}
    sound = 0.92 <= held / 1000 <= 0.98 and abs(through - 0.9) <= 0.05 and found["words, overlap"] <= 0.5
    every = {name: method.judge(task, rows) for name, rows in _encoders(lab, texts, titles, words).items()}
    accuracy = np.array([one[f"accuracy@{method.k}"].value for one in every.values()])
    for name in (overlap, "threshold", "IsoScore", "partition ratio"):
        other = np.array([one[name].value for one in every.values()])
        found[f"accuracy and {name}, Spearman"] = spearman(accuracy, other)
    found |= {f"{name}, accuracy": float(value) for name, value in zip(every, accuracy, strict=True)}
    follows = found[f"accuracy and {overlap}, Spearman"] <= -0.5
    found |= {"instrument is sound": float(sound), "overlap goes with accuracy": float(follows)}
    return Evidence(sound and follows, found)


CARD = Card(
    make=TelecomCompass,
    family="evaluation",
    keys=("telecom-compass",),
    papers=(
        Paper(
            "A Compass for Navigating the World of Sentence Embeddings for the Telecom Domain",
            (
                "Sujoy Roychowdhury",
                "Sumit Soman",
                "H. G. Ranjani",
                "Vansh Chhabra",
                "Neeraj Gunda",
                "Subhadip Bandyopadhyay",
                "Sai Krishna Bala",
            ),
            2024,
            "https://arxiv.org/abs/2406.12336",
        ),
    ),
    claim=Claim(
        "The more the cosines of right and random pairs overlap, the less accurate is an encoder's retrieval; the bootstrap "
        "interval holds the accuracy of all queries, and a threshold found on half of them keeps its word on the other.",
        _compass_points,
        needs=("encoder:minilm",),
        null=_AnyGold,
    ),
    notes="The paper's questions are a person's own: which encoder for this field, and where to cut its scores. Built from its "
    "abstract and from public code that takes the same figures: the full text was not read. That code draws 100 of the questions "
    "without putting them back for the interval of accuracy, which is the interval of 100 questions whatever their number; here it is "
    "the percentile bootstrap over all queries (Wilson's interval where fewer than ten are right or wrong). The paper's threshold is a low quantile of the lowest cosine retrieved over such "
    'draws, which hangs on the one worst question: it is kept as "lowest retrieved", and the threshold here is a quantile of '
    "correct pairs, judged on the other half. Densities are Gaussian kernels on 512 cells. Fine-tuning, pre-training and the "
    "comparison with general text are not built, so that of the paper's findings two are looked at: overlap goes with accuracy, "
    "isotropy hardly.",
)
