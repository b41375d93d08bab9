"""Say how evenly rows use all directions: IsoScore, the ratio of partition functions, and the mean cosine of two rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from semascope.card import Card, Claim, Evidence, Paper
from semascope.lab import Lab
from semascope.ops import Interval, unit, vectors
from semascope.ops.cloud import iso_score, mean_cosine, partition_ratio, spectrum
from semascope.types import Array


@dataclass(frozen=True)
class Isotropy:
    """Two definitions of isotropy that do not agree, and what a cosine of two rows is by chance.

    Args:
        scaled: Whether rows are first scaled to length one, as search by cosine reads them.
    """

    scaled: bool = True

    def measure(self, X: Array) -> dict[str, Interval]:
        """The "IsoScore" and "partition ratio", both 1 where all directions are alike, and "mean cosine", of rows X (n, d).

        Raises:
            InputError: no rows of finite numbers, fewer than 3, one column, or one row again and again.
        """
        x = vectors(X, least=3)
        rows = unit(x) if self.scaled else x
        return {
            "IsoScore": iso_score(spectrum(rows)),
            "partition ratio": partition_ratio(rows),
            "mean cosine": mean_cosine(rows),
        }


def _used_directions_are_counted(lab: Lab, method: Any) -> Evidence:
    """Baseline: one less the mean cosine of two rows, which much of the literature calls isotropy. Margin: 0.02.

    4,000 normal rows along k of 64 directions, k from 4 to 64, about the origin and far off it: IsoScore is (k - 1) / 63
    each time. The mean cosine cannot say so: it is within 0.02 of 0 for all clouds about the origin, and above 0.5 for all others.
    """
    found: dict[str, float] = {}
    worst, cosines = 0.0, list[tuple[float, bool]]()
    for k in (4, 16, 40, 64):
        rng = lab.rng(k)
        turn = np.linalg.qr(rng.standard_normal((64, 64)))[0]
        rows = rng.standard_normal((4_000, k)) @ turn[:k]
        away = rng.standard_normal(64)
        for name, shift in (("", 0.0), (", off the origin", 2.0 * np.sqrt(k))):
            said = method.measure((rows + shift * away / np.linalg.norm(away)).astype(np.float32))
            found[f"IsoScore, {k} of 64{name}"] = said["IsoScore"].value
            worst = max(worst, abs(said["IsoScore"].value - (k - 1) / 63))
            cosines.append((said["mean cosine"].value, shift > 0))
    blind = all(value > 0.5 if off else abs(value) < 0.02 for value, off in cosines)
    found["farthest from k - 1 of 63"] = worst
    found["mean cosine sees the origin alone"] = float(blind)
    return Evidence(worst <= 0.02 and blind, found)


class _ByCosine:
    """One less the mean cosine, under the name of IsoScore."""

    def measure(self, X: Array) -> dict[str, Interval]:
        cosine = mean_cosine(X)
        return {
            "IsoScore": Interval(1 - cosine.value, 1 - cosine.high, 1 - cosine.low, cosine.n),
            "mean cosine": cosine,
        }


CARD = Card(
    make=Isotropy,
    family="geometry",
    keys=(),
    papers=(
        Paper(
            "IsoScore: Measuring the Uniformity of Embedding Space Utilization",
            ("William Rudman", "Nate Gillman", "Taylor Rayne", "Carsten Eickhoff"),
            2022,
            "https://arxiv.org/abs/2108.07344",
        ),
        Paper(
            "All-but-the-Top: Simple and Effective Postprocessing for Word Representations",
            ("Jiaqi Mu", "Suma Bhat", "Pramod Viswanath"),
            2018,
            "https://arxiv.org/abs/1702.01417",
        ),
    ),
    claim=Claim(
        "IsoScore says which share of the directions is used, wherever the mean lies; the mean cosine of two rows says where the mean "
        "lies and nothing of directions.",
        _used_directions_are_counted,
        spec="isotropy(scaled=False)",
        null=_ByCosine,
    ),
    notes="The steps of the paper's algorithm come to (participation ratio - 1) / (d - 1), so that IsoScore and the participation ratio "
    "are one measure on two scales. The ratio of partition functions hangs on the length of rows, and on the sign that a routine gives "
    "eigenvectors; here both signs are looked at, and rows are scaled to length one unless asked otherwise.",
)
