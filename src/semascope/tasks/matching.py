"""Pair matching: are pairs that belong together more alike than pairs that do not?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics.scores import Scores
from semascope.ops import unit
from semascope.tasks.units import checked, named, once
from semascope.types import Array, Kind


@dataclass(frozen=True, eq=False)
class PairMatching:
    """Pairs of texts that match or not (paraphrases, duplicates). Headline: average precision by cosine.

    Guessing gives the share of pairs that match.

    Args:
        name: What it is called.
        pairs: Two texts each.
        matches: Whether each matches; both must occur.
        ids: One for each pair; their places where None.
        labelled: Whether people judged.
    """

    name: str
    pairs: Sequence[tuple[str, str]]
    matches: Sequence[bool]
    ids: Sequence[str] | None = None
    labelled: bool = True
    kind: str = "pair matching"

    def __post_init__(self) -> None:
        checked(self.name, self.ids, pairs=self.pairs, matches=self.matches)
        if len({bool(one) for one in self.matches}) < 2:
            raise InputError(f"{self.name}: want pairs that match and pairs that do not, got one kind alone")

    @property
    def units(self) -> tuple[str, ...]:
        """Ids of the pairs."""
        return self._units

    @cached_property
    def _units(self) -> tuple[str, ...]:
        return named(self.ids, len(self.pairs))

    @cached_property
    def _once(self) -> tuple[list[str], NDArray[np.int64]]:
        return once([text for pair in self.pairs for text in pair])

    def inputs(self) -> dict[str, tuple[Sequence[str], Kind]]:
        """One input, "texts": every different text once."""
        return {"texts": (self._once[0], "document")}

    def judge(self, rows: Mapping[str, Array]) -> Scores:
        """By cosine of rows (n, d)."""
        x, places = unit(rows["texts"]), self._once[1]
        cosines = np.einsum("ij,ij->i", x[places[::2]], x[places[1::2]]).astype(np.float64)
        match = np.array([float(bool(one)) for one in self.matches])
        return Scores(
            self.name, "average precision", "average_precision", self.units, {"match": match, "score": cosines}
        )

    def part(self, places: Array) -> PairMatching:
        """These pairs alone."""
        chosen = [int(place) for place in places]
        return replace(
            self,
            pairs=[self.pairs[at] for at in chosen],
            matches=[self.matches[at] for at in chosen],
            ids=[self.units[at] for at in chosen],
        )

    def rewritten(self, change: Callable[[Sequence[str]], Sequence[str]]) -> PairMatching:
        """The same pairs in other words."""
        new = change([text for pair in self.pairs for text in pair])
        return replace(self, pairs=list(zip(new[::2], new[1::2], strict=True)))
