"""What is found in a corpus: the plain data that the page, the command line and Python show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.corpus.document import clean
from semascope.look.search import PageSearch
from semascope.ops import Graph, Interval
from semascope.subject import Subject


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that lie together.

    Args:
        number: Its place in `Groups.groups`.
        words: What its rows say more often than the others, the most telling first.
        rows: int64, its rows, the most typical first.
        stability: How much of it is found again when rows are drawn anew (mean Jaccard index of its best match), 0 to 1.
        stable: Whether that is enough to act on.
    """

    number: int
    words: Sequence[str]
    rows: NDArray[np.int64]
    stability: Interval
    stable: bool

    @property
    def name(self) -> str:
        """Its first words."""
        return ", ".join(self.words[:3])


@dataclass(frozen=True, eq=False)
class Groups:
    """All groups, the largest first.

    Args:
        of: int32 (n,), the group of each row; -1 for a row in none.
        groups: Each of them.
        says: How they were found, and what the figures mean, in a sentence.
    """

    of: NDArray[np.int32]
    groups: Sequence[Group]
    says: str = ""


@dataclass(frozen=True, eq=False)
class Layout:
    """The map.

    Args:
        places: float32 (n, 2).
        trust: Trustworthiness among 15 neighbours, on a sample of rows: 1 where all neighbours on the map are real ones.
    """

    places: NDArray[np.float32]
    trust: Interval


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Texts that are there more than once.

    Args:
        exact: Rows with the same text, two or more each.
        near: Groups of rows whose texts are nearly the same, two or more each.
        likeness: Of each of `near`, the lowest similarity that joined it, 0 to 1.
        says: What counts as near.
    """

    exact: Sequence[Sequence[int]]
    near: Sequence[Sequence[int]]
    likeness: Sequence[float]
    says: str = ""


@dataclass(frozen=True, eq=False)
class Outliers:
    """Rows unlike any others, the strangest first.

    Args:
        rows: int64.
        scores: Of each; higher is stranger.
        says: What the score is, and where the line was drawn.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    says: str = ""


@dataclass(frozen=True, eq=False)
class Suspect:
    """A label that looks wrong.

    Args:
        row: Whose.
        given: The label it has.
        likely: The label that its neighbours have.
        chance: How likely the given label is, 0 to 1, by a model that did not see this row.
        neighbours: Rows that say so, the nearest first.
    """

    row: int
    given: str
    likely: str
    chance: float
    neighbours: Sequence[int]


@dataclass(frozen=True, eq=False)
class Labels:
    """What the labels are, and which look wrong.

    Args:
        counts: Label -> rows.
        accuracy: Of a linear model on rows it did not see.
        suspects: The likeliest to be wrong first.
        expected: How many are wrong, by the joint counts of given and likely labels.
        says: What that means, in a sentence.
        told: Whether labels can be told from the vectors at all, better than by guessing the commonest; where not, none is
            called wrong.
    """

    counts: Mapping[str, int]
    accuracy: Interval
    suspects: Sequence[Suspect]
    expected: int
    says: str = ""
    told: bool = True


@dataclass(frozen=True, eq=False)
class FewLabels:
    """What labelling a few rows would give.

    Args:
        rows: int64, the rows to label, in order.
        accuracy: Expected on all other rows: measured where there are labels, else None.
        random: The same with rows drawn at random.
        says: What was measured, or that nothing could be.
    """

    rows: NDArray[np.int64]
    accuracy: Interval | None
    random: Interval | None
    says: str = ""


@dataclass(frozen=True, eq=False)
class Languages:
    """Which languages the texts are in.

    Args:
        of: Language code of each row, "" where it cannot be told.
        counts: Code -> rows, the commonest first.
        warning: Where the encoder does not fit them; "" where it does.
        says: How they were told.
    """

    of: Sequence[str]
    counts: Mapping[str, int]
    warning: str = ""
    says: str = ""


@dataclass(frozen=True, eq=False)
class Lengths:
    """How long the texts are, and what the encoder does not read of them.

    Args:
        characters: int64 (n,).
        cut: int64, rows that are cut.
        limit: Tokens read of a text; None where nothing is cut.
        says: In a sentence.
    """

    characters: NDArray[np.int64]
    cut: NDArray[np.int64]
    limit: int | None
    says: str = ""


@dataclass(frozen=True, eq=False)
class Trend:
    """How a group's share changed over time.

    Args:
        group: Its number.
        shares: Its share of each period's rows.
        change: Share in the last third of the time minus that in the first third, with its interval.
        rose: 1 where it rose, -1 where it fell, 0 where neither is shown.
    """

    group: int
    shares: Sequence[float]
    change: Interval
    rose: int


@dataclass(frozen=True, eq=False)
class Trends:
    """What rose and fell.

    Args:
        periods: Name of each, in order: "2024-03".
        counts: Rows in each.
        trends: One a group, the largest change first.
        dated: Rows that have a date that can be read.
        says: In a sentence.
    """

    periods: Sequence[str]
    counts: Sequence[int]
    trends: Sequence[Trend]
    dated: int
    says: str = ""


@dataclass(frozen=True, eq=False)
class Found:
    """All of it. Parts that the source has no material for are None.

    Args:
        subject: The rows, with the vectors that all of it rests on.
        encoder: The name of what made the vectors.
        layout: The map.
        groups: Of rows that lie together.
        duplicates: Texts that are there more than once.
        outliers: Rows unlike others.
        lengths: Of texts.
        languages: Of texts.
        labels: Where rows have labels.
        few: What labelling fifty rows would give.
        trends: Where rows have dates.
        search: What the page searches with.
        notes: What has to be said beside it.
        seconds: Processor seconds by part; not in the page, which is the same for the same findings.
        graph: The nearest others of every row, which the map rests on.
    """

    subject: Subject
    encoder: str
    layout: Layout
    groups: Groups
    duplicates: Duplicates
    outliers: Outliers
    lengths: Lengths | None = None
    languages: Languages | None = None
    labels: Labels | None = None
    few: FewLabels | None = None
    trends: Trends | None = None
    search: PageSearch | None = None
    notes: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    graph: Graph | None = None

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values: neither texts and vectors, nor what there is of every row; `frame` has that."""
        from semascope.report.findings import plain

        parts = ("layout", "groups", "duplicates", "outliers", "lengths", "languages", "labels", "few", "trends")
        of_rows = {"layout": "places", "groups": "of", "languages": "of", "lengths": "characters"}
        told = {name: getattr(self, name) for name in parts}
        return plain(
            {
                "source": self.subject.name,
                "rows": len(self.subject),
                "of": self.subject.total,
                "encoder": self.encoder,
                **{
                    name: part and {key: value for key, value in vars(part).items() if key != of_rows.get(name)}
                    for name, part in told.items()
                },
                "search": self.search
                and {name: getattr(self.search, name) for name in ("overlap", "literal", "kept", "says")},
                "notes": self.notes,
                "seconds": self.seconds,
            }
        )

    def frame(self) -> Any:
        """One row for every row looked at, as a pandas DataFrame where pandas is there, else a list of dicts."""
        rows = [
            {
                "id": self.subject.ids[row],
                # A lone surrogate is no text to pandas, whose strings are UTF-8.
                "text": clean(self.subject.texts[row]) if self.subject.texts is not None else "",
                "label": self.subject.labels[row] if self.subject.labels is not None else None,
                "group": int(self.groups.of[row]),
                "name": self.groups.groups[int(self.groups.of[row])].name if self.groups.of[row] >= 0 else "",
                "x": float(self.layout.places[row, 0]),
                "y": float(self.layout.places[row, 1]),
            }
            for row in range(len(self.subject))
        ]
        try:
            import pandas as pd
        except ImportError:
            return rows
        return pd.DataFrame(rows)

    def html(self) -> str:
        """The page: one HTML document that loads nothing from anywhere, and holds the texts."""
        from semascope.look.page import look_page

        return look_page(self)

    def __str__(self) -> str:
        from semascope.look.verdict import verdict

        return verdict(self)

    def _repr_html_(self) -> str:
        from semascope.look.verdict import report

        return f"<pre>{escape(str(report(self)))}</pre>"
