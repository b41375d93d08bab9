"""Rewording while evaluating: what an encoder's score loses when its texts say the same in other words, again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.errors import InputError
from semascope.lab import Lab
from semascope.metrics.resampling import by_counts, resamples
from semascope.metrics.scores import Scores
from semascope.ops import Interval, bootstrap, integer
from semascope.ops import texts as checked
from semascope.ops.rewording import paraphrases, wordnet_thesaurus
from semascope.ops.words import words
from semascope.tasks import Similarity
from semascope.types import Array, Task

Paraphraser = Callable[[Sequence[str]], Sequence[str]]
_DRAWS = 2000
_CHOICE = 50_021  # above the seeds of one method's runs, and below those of the next
_MILD = 0.9 / 1.1  # words in common of two texts of which one in ten has been exchanged


@dataclass(frozen=True)
class Pteb:
    """Score an encoder on a task's own texts and on rewordings of all of them, made anew in every run.

    Args:
        runs: How often the texts are reworded.
        share: Of the words of a text that are exchanged at most, by the offline paraphraser.
        paraphraser: Texts to as many texts, called with every different text once a run: a language model behind a URL, say.
            None is the offline one: synonyms of words with one meaning, small words, and the order of clauses.
        random_state: Of the offline paraphraser, and of resamples.
    """

    runs: int = 5
    share: float = 0.3
    paraphraser: Paraphraser | None = None
    random_state: int = 0

    reads: ClassVar[str] = "similarity"

    def measure(self, encoder: Any, task: Task) -> dict[str, Interval]:
        """Figures with intervals.

        "original": the task's headline on its own texts; "reworded": its mean over the runs; "drop": the first less the second,
        all three with intervals over the units of the task and over runs. "spread": the standard deviation of the runs, with
        its interval under normal errors. "overlap": the share of words that a text and its rewording have in common (Jaccard),
        and "changed": the share of texts that became another one, over texts.

        Args:
            encoder: Anything with our `encode`.
            task: Any task; all of its texts are reworded, and it is judged as before.

        Raises:
            OptionError: fewer than two runs.
            InputError: the paraphraser gave something else than a text for each; or the task's headline is no number, as
                where all texts are alike to the encoder.
        """
        integer(self.runs, name="runs", least=2)
        seed = integer(self.random_state, name="random_state", least=0)
        known: dict[tuple[str, str], Array] = {}
        first = _judged(encoder, task, known)
        if not np.isfinite(first.value()):
            raise InputError(
                f"{task.name}: want an encoder that tells texts apart, got one whose {first.metric} is no number"
            )
        scores: list[Scores] = []
        likeness: list[list[float]] = []
        changed: list[list[float]] = []
        for run in range(self.runs):
            once = _Once(self._paraphraser(seed, run))
            scores.append(_judged(encoder, task.rewritten(once), known))
            likeness.append([_overlap(*both) for both in once.seen.items()])
            changed.append([float(old != new) for old, new in once.seen.items()])
        return _figures(first, scores, seed) | {
            "overlap": bootstrap(np.mean(likeness, axis=0), draws=_DRAWS),
            "changed": bootstrap(np.mean(changed, axis=0), draws=_DRAWS),
        }

    def _paraphraser(self, seed: int, run: int) -> Paraphraser:
        if self.paraphraser is not None:
            return self.paraphraser
        return lambda texts: paraphrases(texts, self.share, seed * 100_003 + run)


class _Once:
    """A paraphraser that is asked for each text once, so that a text that stands twice is reworded alike."""

    def __init__(self, paraphraser: Paraphraser) -> None:
        self.seen: dict[str, str] = {}
        self._paraphraser = paraphraser

    def __call__(self, texts: Sequence[str]) -> list[str]:
        new = [text for text in dict.fromkeys(texts) if text not in self.seen]
        told = checked(self._paraphraser(new), name="paraphraser") if new else []
        if len(told) != len(new):
            raise InputError(f"paraphraser: want a text for each of {len(new)}, got {len(told)}")
        self.seen |= dict(zip(new, told, strict=True))
        return [self.seen[text] for text in texts]


def _judged(encoder: Any, task: Task, known: dict[tuple[str, str], Array]) -> Scores:
    """The task's scores; a text that was encoded before is not encoded again."""
    rows: dict[str, Array] = {}
    for name, (texts, kind) in task.inputs().items():
        new = list(dict.fromkeys(text for text in texts if (kind, text) not in known))
        if new:
            known |= {(kind, text): row for text, row in zip(new, encoder.encode(new, kind=kind), strict=True)}
        rows[name] = np.stack([known[kind, text] for text in texts])
    return task.judge(rows)


def _overlap(one: str, other: str) -> float:
    a, b = set(words(one)), set(words(other))
    return len(a & b) / len(a | b) if a | b else 1.0


def _figures(first: Scores, scores: Sequence[Scores], seed: int) -> dict[str, Interval]:
    """Headline, its mean over runs, their difference, and the spread of runs."""
    rng, n = np.random.default_rng((seed, 1)), len(first)
    own = by_counts(first.statistic, first.columns)
    every = [by_counts(one.statistic, one.columns) for one in scores]
    drawn: list[Array] = []
    for counts in resamples(n, _DRAWS, seed):
        runs = np.stack([one(counts) for one in every], axis=1)
        chosen = rng.integers(0, len(every), runs.shape)
        mine, theirs = own(counts), np.take_along_axis(runs, chosen, axis=1)
        # The drop is a mean of differences, not a difference of means, which rounding would keep from 0 where nothing changed.
        drawn.append(np.stack([mine, theirs.mean(axis=1), (mine[:, None] - theirs).mean(axis=1)]))
    before, after, drop = np.concatenate(drawn, axis=1)
    values = np.array([one.value() for one in scores])
    value = first.value()
    found = {
        "original": (value, before),
        "reworded": (float(values.mean()), after),
        "drop": (float((value - values).mean()), drop),
    }
    told: dict[str, Interval] = {}
    for name, (point, x) in found.items():
        low, high = np.nanquantile(x, [0.025, 0.975])
        told[name] = Interval(point, min(float(low), point), max(float(high), point), n)
    return told | {"spread": _spread(values)}


def _spread(values: Array) -> Interval:
    """Standard deviation of runs (r,), its interval by the chi-square distribution."""
    from scipy.stats import chi2

    free, sd = len(values) - 1, float(np.std(values, ddof=1))
    low, high = (sd * float(np.sqrt(free / chi2.ppf(p, free))) for p in (0.975, 0.025))
    return Interval(sd, low, high, len(values))


def _material(lab: Lab, n: int) -> Similarity:
    """`n` sentences each with the one that follows it in its text, and with one that follows another: the first belong together.

    Of those that can be put in other words: at least one word in ten, of both.
    """
    one, other = lab.neighbours(4000)
    # With a seed that no run has: the texts would else be those that the first run happens to change most.
    seed = _CHOICE + lab.seed
    first, second = paraphrases(one, 0.3, seed), paraphrases(other, 0.3, seed)
    fit = [
        at
        for at in range(len(one))
        if max(_overlap(one[at], first[at]), _overlap(other[at], second[at])) <= _MILD and one[at] != other[at]
    ][:n]
    one, other = [one[at] for at in fit], [other[at] for at in fit]
    pairs = [*zip(one, other, strict=True), *zip(one, [*other[1:], other[0]], strict=True)]
    return Similarity("neighbours", pairs, [1.0] * len(one) + [0.0] * len(one), labelled=False)


class _TfIdf:
    """Words weighed by how rare they are in some texts: it knows the very words alone."""

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        made: Any = TfidfVectorizer
        self._counts = made(tokenizer=words, token_pattern=None, lowercase=False).fit(texts)

    def encode(self, texts: Sequence[str], *, kind: str = "document") -> Array:
        """float32 (n, words)."""
        del kind
        return np.asarray(self._counts.transform(texts).toarray(), np.float32)


def _rewording_costs(lab: Lab, method: Any) -> Evidence:
    """Some 140 sentences that can be reworded, each with its neighbour and with a stranger; five rewordings by WordNet and small words.

    Baseline: the score on the texts as they are. Margin: every encoder loses (a transformer, an average of word vectors, tf-idf):
    the drop's interval lies above 0, and the drop above the spread of runs; tf-idf, which knows the very words alone, loses more
    than the transformer; and a paraphraser that changes nothing costs exactly nothing. Control: half of the texts become another
    one of them, so that every encoder loses and the meaning is not kept.
    """
    wordnet_thesaurus()  # without it few words change; then the check is not run
    task = _material(lab, 400)
    measure: Any = replace(method, random_state=lab.seed)
    numbers: dict[str, float] = {}
    for name, encoder in (
        ("minilm", lab.encoder("minilm")),
        ("default", lab.encoder("default")),
        ("tf-idf", _TfIdf(task.inputs()["texts"][0])),
    ):
        found: Mapping[str, Interval] = measure.measure(encoder, task)
        numbers |= {f"{name}: {figure}": found[figure].value for figure in ("original", "drop", "spread")}
        numbers[f"{name}: drop, lower end"] = found["drop"].low
    numbers["overlap"] = found["overlap"].value
    same = replace(measure, paraphraser=list).measure(lab.encoder("default"), task)
    numbers["nothing changed"] = same["drop"].value + same["spread"].value
    names = ("minilm", "default", "tf-idf")
    holds = (
        all(numbers[f"{name}: drop, lower end"] > 0 for name in names)
        and all(numbers[f"{name}: spread"] < numbers[f"{name}: drop"] for name in names)
        and numbers["tf-idf: drop"] > numbers["minilm: drop"]
        and numbers["nothing changed"] == 0
    )
    return Evidence(holds, numbers)


@dataclass(frozen=True)
class _Strangers(Pteb):
    """Puts another of the texts in the place of every second one: every encoder loses, whatever it knows of meaning."""

    def _paraphraser(self, seed: int, run: int) -> Paraphraser:
        if self.paraphraser is not None:
            return self.paraphraser
        rng = np.random.default_rng((seed, run, 7))

        def changed(texts: Sequence[str]) -> list[str]:
            others = rng.permutation(len(texts))
            half = rng.random(len(texts)) < 0.5
            return [texts[int(at)] if swap else text for text, at, swap in zip(texts, others, half, strict=True)]

        return changed


CARD = Card(
    make=Pteb,
    family="evaluation",
    keys=("pteb",),
    papers=(
        Paper(
            "PTEB: Towards Robust Text Embedding Evaluation via Stochastic Paraphrasing at Evaluation Time with LLMs",
            ("Manuel Frank", "Haithem Afli"),
            2025,
            "https://arxiv.org/abs/2510.06730",
        ),
    ),
    claim=Claim(
        "Encoders lose score when texts are put in other words that mean the same, by more than runs differ, and one that knows "
        "the very words alone loses more than a transformer.",
        _rewording_costs,
        needs=("encoder:minilm",),
        null=_Strangers,
    ),
    notes="The paper rewords with a language model that it has chosen by a second one; here that is a callable of the person's own, and "
    "the paraphraser at hand exchanges synonyms of words with one meaning in WordNet, small words and clauses, which "
    "leaves more of a text as it is (see `overlap`) than a language model does, so that drops are smaller. Choosing judge and "
    "paraphraser (steps 1 and 2 of the paper) is not built. The check has no human judgements: sentences that follow each other "
    "in a docstring stand for pairs that are alike, sentences of different ones for pairs that are not; both are among the one in thirty of which the paraphraser can exchange a "
    "word in ten (over all sentences of docstrings it changes 8 % of the words, and drops are lost in the noise). So few pairs "
    "do not tell MiniLM's drop, of 0.01, from none; the default encoder's is told at every seed, and tf-idf's at one.",
)
