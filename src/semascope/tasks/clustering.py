"""Clustering: do groups that nobody named come out as people labelled them?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError
from semascope.metrics.scores import Scores
from semascope.ops import integer, need, unit
from semascope.tasks.units import checked, named, numbered, once, shuffled
from semascope.types import Array, Kind


@dataclass(frozen=True, eq=False)
class Clustering:
    """Group texts by k-means into as many groups as there are labels. Headline: V-measure.

    k-means is begun anew `starts` times, and the tightest grouping (the least sum of squares, which knows no label) is judged.
    The interval of the scores is over texts, for that grouping; how much another start would change it is not in it. Costs about
    n d labels steps a round (some seconds at 10,000 texts); `learn` bounds that.

    `more` has the purity: the share of texts whose label is the most frequent one of their group.

    Args:
        name: What it is called.
        texts: Texts.
        labels: Of each; at least two different ones.
        ids: One for each text; their places where None.
        starts: How often k-means is begun.
        learn: Texts from which the centres are learned, drawn evenly; all where None. 2,000 make it cheap.
        seed: Of the starts.
        labelled: Whether people labelled.
    """

    name: str
    texts: Sequence[str]
    labels: Sequence[str]
    ids: Sequence[str] | None = None
    starts: int = 3
    learn: int | None = None
    seed: int = 0
    labelled: bool = True
    kind: str = "clustering"

    def __post_init__(self) -> None:
        checked(self.name, self.ids, texts=self.texts, labels=self.labels)
        integer(self.starts, name="starts", least=1)
        if len(set(self.labels)) < 2:
            raise InputError(f"{self.name}: want texts with at least two different labels, got {len(set(self.labels))}")

    @property
    def units(self) -> tuple[str, ...]:
        """Ids of the texts."""
        return self._units

    @cached_property
    def _units(self) -> tuple[str, ...]:
        return named(self.ids, len(self.texts))

    @cached_property
    def _once(self) -> tuple[list[str], NDArray[np.int64]]:
        return once(self.texts)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        # Where k-means begins hangs on the order of its rows, which is not to be that of the file.
        return shuffled(self.units, self.seed)

    def inputs(self) -> dict[str, tuple[Sequence[str], Kind]]:
        """One input, "texts": every different text once."""
        return {"texts": (self._once[0], "document")}

    def judge(self, rows: Mapping[str, Array]) -> Scores:
        """By rows (m, d) of the different texts, scaled to length one."""
        x = unit(rows["texts"])[self._once[1]]
        names, label = numbered(self.labels)
        group = np.empty(len(x), np.int64)
        group[self._order] = self._groups(x[self._order], len(names))
        table = np.zeros((int(group.max()) + 1, len(names)))
        np.add.at(table, (group, label), 1.0)
        pure = (table.argmax(1)[group] == label).astype(np.float64)
        return Scores(
            self.name, "V-measure", "v_measure", self.units, {"label": label, "group": group}, {"purity": pure}
        )

    def _groups(self, x: Array, k: int) -> NDArray[np.int64]:
        clusters = need("sklearn.cluster", extra="all")
        method = clusters.KMeans(n_clusters=min(k, len(x)), n_init=self.starts, random_state=self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # fewer different rows than groups: then groups are fewer, and that is judged
            method.fit(x if self.learn is None else x[: max(self.learn, k)])
            return np.asarray(method.predict(x), np.int64)

    def part(self, places: Array) -> Clustering:
        """These texts alone."""
        chosen = [int(place) for place in places]
        return replace(
            self,
            texts=[self.texts[at] for at in chosen],
            labels=[self.labels[at] for at in chosen],
            ids=[self.units[at] for at in chosen],
        )

    def rewritten(self, change: Callable[[Sequence[str]], Sequence[str]]) -> Clustering:
        """The same texts in other words."""
        return replace(self, texts=list(change(list(self.texts))))
