"""What the first search for a recipe found, and what it goes on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.naming.frames import Fit
from semascope.doctor.naming.grid import Grid
from semascope.doctor.naming.reads import Reads
from semascope.doctor.naming.search import Search, Trial

Tick = Callable[[], None] | None


@dataclass(frozen=True, eq=False)
class Found:
    """The recipe that came nearest in the first search, and the rows on which it is to be settled.

    Args:
        reads: The encoder.
        grid: The numbers of the matrix.
        x: Rows to look at, float64 (n, d), as `grid` gives them.
        texts: Of those rows.
        titles: Of those rows, or None.
        pairs: int64 (n, 2): place of each text, and of its row in the matrix.
        search: The first search; its trials say which readings are worth another look.
        best: Its best trial.
        in_step: Whether rows stand where their texts do.
        fit: Of a linear map; None elsewhere.
        short: What was not tried for want of rows, or "".
    """

    reads: Reads
    grid: Grid
    x: NDArray[np.float64]
    texts: list[str]
    titles: list[str] | None
    pairs: NDArray[np.int64]
    search: Search
    best: Trial
    in_step: bool
    fit: Fit | None = None
    short: str = ""
