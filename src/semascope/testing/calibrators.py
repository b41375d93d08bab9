"""What everything guarantees that turns scores into probabilities, with labels or without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from semascope.card import Card
from semascope.errors import InputError, OptionError
from semascope.learned import KINDS, load
from semascope.testing.say import LAB, built, near, refused, same, want


def _labelled(n: int = 600, seed: int = 20) -> tuple[Any, Any]:
    """Scores and whether they are matches, which are the likelier the higher the score: a logistic curve."""
    rng = LAB.rng(seed)
    scores = rng.normal(0.4, 0.2, n).astype(np.float32)
    return scores, rng.random(n) < 1 / (1 + np.exp(-12 * (scores - 0.55)))


def _ways(card: Card) -> dict[str, Any]:
    """The method, fitted with labels, beside a background, and on a background alone."""
    scores, hits = _labelled()
    random = LAB.rng(21).normal(0.3, 0.15, 500).astype(np.float32)
    return {
        "labels": built(card).fit(scores, hits),
        "a background": built(card).fit(scores, background=random),
        "a background alone": built(card).fit(random),
    }


def probabilities_never_fall_as_scores_rise(card: Card) -> None:
    """Between 0 and 1, in the order of the scores, also far outside those learned from."""
    rising = np.concatenate([[-1e6], np.linspace(-2, 2, 4001), [1e6]])
    for what, method in _ways(card).items():
        said = method.probability(rising)
        want(said.dtype == np.float32 and said.shape == rising.shape, f"{what}: want float32 (n,), got {said.dtype}")
        want(((said >= 0) & (said <= 1)).all(), f"{what}: want numbers between 0 and 1")
        want((np.diff(said) >= 0).all(), f"{what}: want probabilities that never fall")
        want(np.ptp(said) > 0.1, f"{what}: want probabilities that differ, got {np.ptp(said):.3f} from least to most")
        both = method.predict_proba(rising)
        want(both.shape == (len(rising), 2), f"{what}: want (n, 2), got {both.shape}")
        near(both.sum(axis=1), np.ones(len(rising)), f"{what}: probabilities of both answers", within=1e-6)


def a_column_and_a_row_of_scores_are_the_same(card: Card) -> None:
    """(n,) and (n, 1), float64, lists and every second of a larger array; a score alone gives what it gives among others."""
    scores, hits = _labelled()
    method = built(card).fit(scores, hits)
    wanted = method.transform(scores)
    want(wanted.shape == (len(scores), 1), f"transform: want (n, 1), got {wanted.shape}")
    for form in (scores[:, None], scores.astype(np.float64), scores.tolist(), np.repeat(scores, 2)[::2]):
        same(built(card).fit(form, hits).transform(form), wanted, "the same scores in another form")
    alone = np.concatenate([method.transform(scores[i : i + 1]) for i in range(20)])
    same(alone, wanted[:20], "one score at a time")
    want(method.transform(scores[:0]).shape == (0, 1), "no scores: want (0, 1)")


def chances_learned_are_those_that_are(card: Card) -> None:
    """On pairs that were not learned from: nearer to what is so than the share of matches, and within 0.05 in bins."""
    scores, hits = _labelled()
    fresh, so = _labelled(4000, 22)
    said = built(card).fit(scores, hits).probability(fresh)
    ours, base = np.square(said - so).mean(), np.square(hits.mean() - so).mean()
    want(ours < 0.9 * base, f"Brier score: want below {0.9 * base:.3f}, got {ours:.3f}")
    order = np.argsort(said, kind="stable")
    gaps = [abs(said[part].mean() - so[part].mean()) for part in np.array_split(order, 10)]
    want(np.mean(gaps) <= 0.05, f"bins: want a mean gap of at most 0.05, got {np.mean(gaps):.3f}")


def labels_dealt_at_random_say_nothing(card: Card) -> None:
    """Then every score gives about the share of matches."""
    scores, hits = _labelled(2000, 23)
    said = built(card).fit(scores, LAB.rng(24).permutation(hits)).probability(scores)
    gap = float(np.abs(said - hits.mean()).mean())
    want(gap <= 0.06, f"random labels: want probabilities within 0.06 of {hits.mean():.2f} on average, got {gap:.3f}")


def labels_that_do_not_fit_the_scores_are_refused(card: Card) -> None:
    """Too few, too many, all alike, three values, words; and labels beside a background."""
    scores, hits = _labelled(40)
    wrong: dict[str, Any] = {
        "too few": hits[:-1],
        "too many": np.append(hits, True),
        "all alike": np.ones(40),
        "three values": np.arange(40) % 3,
        "words": ["yes"] * 40,
    }
    for what, y in wrong.items():
        refused(InputError, "y: want", lambda y=y: built(card).fit(scores, y), f"fit with {what}")
    refused(InputError, "background: want", lambda: built(card).fit(scores, hits, background=scores), "labels and more")


def scores_that_are_none_are_refused(card: Card) -> None:
    """Two columns, NaN, infinity, words and nothing are errors that begin with `X:`."""
    scores, hits = _labelled(40)
    holed = scores.copy()
    holed[3] = np.nan
    wrong: dict[str, Any] = {
        "two columns": np.stack([scores, scores], axis=1),
        "NaN": holed,
        "infinity": np.where(np.isnan(holed), np.inf, holed),
        "words": ["a"] * 40,
        "a word": "a",
        "nothing": scores[:0],
    }
    for what, x in wrong.items():
        refused(InputError, "X: want", lambda x=x: built(card).fit(x, hits), f"fit on {what}")
    method = built(card).fit(scores, hits)
    for what in ("two columns", "NaN", "words"):
        refused(InputError, "X: want", lambda x=wrong[what]: method.transform(x), f"transform of {what}")
    refused(OptionError, "precision: want", lambda: method.threshold(95), "a precision of 95")


def awkward_scores_give_probabilities(card: Card) -> None:
    """All equal, a handful, one match, huge and tiny, kinds that do not overlap: numbers between 0 and 1."""
    scores, hits = _labelled(60)
    apart = np.sort(scores)
    awkward: dict[str, tuple[Any, Any]] = {
        "equal": (np.zeros(20), np.arange(20) % 2),
        "two": (np.array([0.1, 0.9]), np.array([0, 1])),
        "one match": (scores, np.arange(60) == 59),
        "huge": (scores * 1e15, hits),
        "tiny": (scores * 1e-15, hits),
        "apart": (apart, np.arange(60) >= 30),
        "the wrong way round": (apart, np.arange(60) < 30),
    }
    for what, (x, y) in awkward.items():
        for method in (built(card).fit(x, y), built(card).fit(x), built(card).fit(x, background=x[::2])):
            said = method.probability(x)
            want(np.isfinite(said).all() and ((said >= 0) & (said <= 1)).all(), f"{what}: want probabilities")


def threshold_has_the_precision_it_says(card: Card) -> None:
    """With labels: on pairs not learned from, within the interval it gives or near it. Without labels nothing is promised."""
    scores, hits = _labelled(3000, 25)
    fresh, so = _labelled(20_000, 26)
    found = built(card).fit(scores, hits).threshold(0.9)
    want(found is not None and found.promised, "threshold: want one that is promised")
    assert found is not None  # noqa: S101 - wanted above
    got = float(so[fresh >= found.score].mean())
    low, high = found.precision.low - 0.02, found.precision.high + 0.02
    want(low <= got <= high, f"precision: want it between {low:.3f} and {high:.3f} as was said, got {got:.3f}")
    without = built(card).fit(scores, background=fresh[~so]).threshold(0.9)
    want(without is not None and not without.promised, "threshold without labels: want one, not promised")


def what_is_learned_saves_and_loads_bit_for_bit(card: Card) -> None:
    """One frozen thing of a kind that can be saved."""
    scores = _labelled()[0]
    for what, method in _ways(card).items():
        thing = method.learned_
        want(type(thing).__name__ in KINDS, f"learned_: want one of {', '.join(KINDS)}, got {type(thing).__name__}")
        with TemporaryDirectory() as folder:
            place = Path(folder) / "learned.safetensors"
            thing.save(place)
            back = load(place)
        for field in fields(thing):
            same(getattr(back, field.name), getattr(thing, field.name), f"{what}: {field.name} after a round trip")
        same(back(scores[:, None]), thing(scores[:, None]), f"{what}: applied after a round trip")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        probabilities_never_fall_as_scores_rise,
        a_column_and_a_row_of_scores_are_the_same,
        chances_learned_are_those_that_are,
        labels_dealt_at_random_say_nothing,
        labels_that_do_not_fit_the_scores_are_refused,
        scores_that_are_none_are_refused,
        awkward_scores_give_probabilities,
        threshold_has_the_precision_it_says,
        what_is_learned_saves_and_loads_bit_for_bit,
    )
}
