"""What an audit finds: every figure beside what guessing gives, with its interval and the number of texts it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.ops import Interval, bootstrap

DRAWS = 1000  # of a bootstrap: there is one for every attack under every defence


@dataclass(frozen=True, eq=False)
class Values:
    """What an attack got of each of some rows in one split, and what guessing gets of the same rows.

    Args:
        rows: int64 (m,), places of the rows.
        got: float64 (m,).
        guess: float64 (m,).
        copied: bool (m,), rows of whose text the attacker has a near copy.
    """

    rows: NDArray[np.int64]
    got: NDArray[np.float64]
    guess: NDArray[np.float64]
    copied: NDArray[np.bool_]


@dataclass(frozen=True)
class Figure:
    """How much one attack gets.

    Args:
        name: Of the attack, and of what it was after: "words", "attribute: label".
        says: What the number is the share of, or what it is: "of five guessed words are in the text".
        value: The attack's, over texts of which the attacker has no near copy.
        guess: What the best guess without vectors gets of the same texts.
        gain: Value minus guess, paired; above nothing where its lower end is above 0.
        with_copies: The value over all hidden texts, near copies of known ones too; None where there are none of these.
        more: Further numbers by name.
        rate: Whether the number is a share of something, to be said in per cent.
    """

    name: str
    says: str
    value: Interval
    guess: Interval
    gain: Interval
    with_copies: float | None = None
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rate: bool = True

    @property
    def leaks(self) -> bool:
        """Whether the attack is better than guessing beyond what chance explains."""
        return self.gain.low > 0


@dataclass(frozen=True)
class Trade:
    """A defence: what still leaks, and what it costs.

    Args:
        name: Of the defence.
        family: Of defences that differ in strength alone.
        says: What is done.
        figures: Name of an attack -> its figure on the defended rows.
        kept: Share of the ten nearest neighbours that the defended store still finds.
        ndcg: NDCG@10 of judged queries; None where there are none.
        ndcg_change: What that is more (or less) than without the defence, paired.
        bits: Of a stored row.
        attacker: "" or what he is without: "no known rows".
    """

    name: str
    family: str
    says: str
    figures: Mapping[str, Figure]
    kept: Interval
    ndcg: Interval | None
    ndcg_change: Interval | None
    bits: float
    attacker: str = ""


@dataclass(frozen=True)
class Found:
    """Everything that an audit found, before it is put into words.

    Args:
        source: What was looked at.
        rows: How many rows have a text with words in it.
        columns: Of a row.
        known: How many of them the attacker has.
        hidden: How many he wants to read, in each split.
        splits: How many draws of those.
        copied: Hidden texts, over all splits, that were left out since he has a near copy.
        figures: On the rows as they are.
        trades: One for each defence, "none" first.
        encoder: Name of the encoder that an attacker is taken to know; "" where none is.
        reproduces: Mean cosine of that encoder's vectors and the rows; None where there is none.
        examples: Guessed words and the text they are of, where asked for.
        skipped: What was not tried, and why, a line each.
        seed: Of every draw.
    """

    source: str
    rows: int
    columns: int
    known: int
    hidden: int
    splits: int
    copied: int
    figures: Sequence[Figure]
    trades: Sequence[Trade]
    encoder: str = ""
    reproduces: float | None = None
    examples: Sequence[tuple[str, str]] = ()
    skipped: Sequence[str] = ()
    seed: int = 0

    def figure(self, name: str) -> Figure | None:
        """The undefended figure of that name, if it was measured."""
        return next((one for one in self.figures if one.name == name), None)


def figure(name: str, says: str, values: Sequence[Values], **more: Any) -> Figure | None:
    """One figure of the values of all splits; None where no row was left to measure on.

    A row that was hidden in several splits counts once, with its average: intervals are over texts, not over draws.
    """
    rows, got, guess, copied = (np.concatenate([getattr(one, part) for one in values]) for part in _PARTS)
    here = ~copied
    if not here.any():
        return None
    value, base = _each(rows[here], got[here]), _each(rows[here], guess[here])
    every = float(_each(rows, got).mean()) if copied.any() else None
    value_, base_, gain = (bootstrap(one, draws=DRAWS) for one in (value, base, value - base))
    return Figure(name, says, value_, base_, gain, every, more)


_PARTS = ("rows", "got", "guess", "copied")


def _each(rows: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The average of each row's values."""
    _, place, times = np.unique(rows, return_inverse=True, return_counts=True)
    return np.bincount(place, values, minlength=len(times)) / times
