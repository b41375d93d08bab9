"""What went wrong while a corpus was read: a bounded list with the place of each, and the total."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

from semascope.corpus.document import clean
from semascope.errors import InputError

OnBad = Literal["report", "raise"]
KEPT = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One row or file that was left out or had to be altered.

    Args:
        place: Where: a file, with its line where there is one ("data.csv:17").
        what: What was wrong there and what was done about it.
    """

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


class Problems(Sequence[Problem]):
    """The first hundred problems of a pass, in order; `total` counts all of them."""

    def __init__(self, on_bad: OnBad = "report") -> None:
        self.total = 0
        self._on_bad = on_bad
        self._kept: list[Problem] = []

    def bad(self, place: str, what: str) -> None:
        """A row that cannot be used, or not as it is: reported, or raised as `InputError` where that was asked for."""
        if self._on_bad == "raise":
            raise InputError(f"{place}: {what}")
        self.note(place, what)

    def note(self, place: str, what: str) -> None:
        """Something passed over that no option turns into an error, such as a picture in a folder of text."""
        self.total += 1
        if len(self._kept) < KEPT:
            # Names of files may hold bytes that are no text; a report must print anywhere.
            self._kept.append(Problem(clean(place), clean(what)))

    def joined(self, other: Problems) -> Problems:
        """These problems and then the other's, as a new list."""
        out = Problems()
        out.total = self.total + other.total
        out._kept = [*self._kept, *other._kept][:KEPT]
        return out

    @overload
    def __getitem__(self, place: int) -> Problem: ...
    @overload
    def __getitem__(self, place: slice) -> list[Problem]: ...
    def __getitem__(self, place: int | slice) -> Problem | list[Problem]:
        return self._kept[place]

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._kept)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self._kept]
        if self.total > len(lines):
            lines.append(f"... and {self.total - len(lines):,} more")
        return "\n".join(lines)


@dataclass
class Meter:
    """How much of a source a pass has used: bytes, files or rows, whichever the source can count.

    Args:
        done: Units used so far.
        total: Units there are; 0 where that is not known.
    """

    done: int = 0
    total: int = 0
