"""Similarity: do cosines put pairs of texts in the order in which people put them?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from semascope.errors import InputError
from semascope.metrics.scores import Scores
from semascope.ops import unit
from semascope.types import Array, Kind


@dataclass(frozen=True, eq=False)
class Similarity:
    """Pairs of texts with a score each. Headline: Spearman's correlation of cosine and score.

    Args:
        name: What it is called.
        pairs: Two texts each.
        scores: How alike people find them; only the order counts.
        ids: One for each pair; their places where None.
        labelled: Whether people judged.
    """

    name: str
    pairs: Sequence[tuple[str, str]]
    scores: Sequence[float]
    ids: Sequence[str] | None = None
    labelled: bool = True
    kind: str = "similarity"

    def __post_init__(self) -> None:
        if len(self.pairs) != len(self.scores) or (self.ids is not None and len(self.ids) != len(self.pairs)):
            raise InputError(f"{self.name}: want a score for each of {len(self.pairs)} pairs, got {len(self.scores)}")
        if len(set(self.scores)) < 2:
            raise InputError(f"{self.name}: want pairs with at least two different scores, got {len(set(self.scores))}")

    @property
    def units(self) -> tuple[str, ...]:
        """Ids of the pairs."""
        return self._units

    @cached_property
    def _units(self) -> tuple[str, ...]:
        return tuple(self.ids if self.ids is not None else map(str, range(len(self.pairs))))

    @cached_property
    def _texts(self) -> list[str]:
        return list(dict.fromkeys(text for pair in self.pairs for text in pair))

    @cached_property
    def places(self) -> Array:
        """Where the texts of each pair are among the different ones, (n, 2)."""
        place = {text: at for at, text in enumerate(self._texts)}
        return np.array([[place[a], place[b]] for a, b in self.pairs], np.int64)

    def inputs(self) -> dict[str, tuple[Sequence[str], Kind]]:
        """One input, "texts": every different text once."""
        return {"texts": (self._texts, "document")}

    def judge(self, rows: Mapping[str, Array]) -> Scores:
        """By cosine of rows (n, d)."""
        x = unit(rows["texts"])
        cosines = np.einsum("ij,ij->i", x[self.places[:, 0]], x[self.places[:, 1]]).astype(np.float64)
        columns = {"gold": np.asarray(self.scores, np.float64), "score": cosines}
        return Scores(self.name, "Spearman", "spearman", self.units, columns)

    def part(self, places: Array) -> Similarity:
        """These pairs alone."""
        chosen = [int(place) for place in places]
        return replace(
            self,
            pairs=[self.pairs[at] for at in chosen],
            scores=[self.scores[at] for at in chosen],
            ids=[self.units[at] for at in chosen],
        )

    def rewritten(self, change: Callable[[Sequence[str]], Sequence[str]]) -> Similarity:
        """The same pairs in other words."""
        new = change([text for pair in self.pairs for text in pair])
        return replace(self, pairs=list(zip(new[::2], new[1::2], strict=True)))
