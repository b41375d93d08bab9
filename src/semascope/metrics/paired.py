"""Is one encoder better than another on the same units? Differences with intervals, p-values, wins and losses."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.metrics.exchanging import exchanged
from semascope.metrics.resampling import by_counts, resamples, student, tail
from semascope.metrics.scores import COLUMNS, Scores
from semascope.ops.door import integer

POWER = 0.8
_TRUTH = {"spearman": "gold", "average_precision": "match", "v_measure": "label"}
_NORMAL = NormalDist()
_CELLS = 20_000_000  # draws times units up to which all draws are made, where a draw has to be ranked anew
_FEWEST = 2_000
_AT_ONCE = 2_000_000  # counts held at once
_MOST = 200_000  # draws of a test


@dataclass(frozen=True)
class Difference:
    """What B gains over A on the units that both were asked about.

    Args:
        value: Headline of B less headline of A.
        low: Lower end of its interval.
        high: Upper end.
        p: Of the two-sided test that neither is better; corrected where several were compared.
        n: Units.
        wins: Units for which B is better (mean statistics; else 0, as the others have no value of a unit alone).
        losses: Units for which A is better.
        level: Of the interval.
        error: Standard error of the value; nan where it was not asked for.
        test: What p is of: "signs flipped", "ranks exchanged" or "bootstrap".
        least: The smallest p that the test could have given, uncorrected.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    wins: int
    losses: int
    level: float = 0.95
    error: float = float("nan")
    test: str = ""
    least: float = 0.0

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: p is at most 1 - level."""
        return self.p <= 1 - self.level + 1e-12

    @property
    def detectable(self) -> float:
        """The difference that as many units would have shown four times in five, were it the true one."""
        return detectable(self.error, self.n, level=self.level)

    @property
    def most(self) -> float:
        """The largest difference, in either direction, that the interval does not rule out."""
        return max(abs(self.low), abs(self.high))

    def within(self, margin: float) -> bool:
        """Whether the two are equal but for `margin`: the whole interval lies inside it, either way.

        As two one-sided tests, each at (1 - level) / 2 (Schuirmann, 1987): stricter than the usual 90 % interval for a level of 5 %.
        """
        return -margin < self.low and self.high < margin

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}], p = {self.p:.3g} (n={self.n})"


def paired(
    a: Scores, b: Scores, *, level: float = 0.95, draws: int = 10_000, seed: int = 0, comparisons: int = 1
) -> Difference:
    """B less A: a paired bootstrap for the interval, a paired randomisation test for p.

    The interval is the percentile interval widened for few units (Hesterberg, 2015, "What Teachers Should Know about the
    Bootstrap"), which held its coverage best among five that were measured (docs/compare.md). The test exchanges
    the two encoders unit by unit (Smucker, Allan, Carterette, 2007): signs of gains are flipped, in every way where that is
    at most `draws`; for rank correlation and average precision ranks change sides. For V-measure, where a unit has nothing to
    exchange, p is that of the bootstrap, shifted to no difference; and since units drawn twice make V-measure larger than it is and
    its spread too small (of 60 units, the plain bootstrap called 14 % of equal groupings different), resamples have the spread that
    the jackknife gives (Tukey, 1958). Groups are taken as they are: what another start of the clustering would give is not in it.

    Args:
        a: Scores of one encoder.
        b: Of another, on the same units.
        level: Of the interval.
        draws: Of the bootstrap and of the test; fewer, 2,000 at least, where a draw of many units has to be ranked anew.
        seed: Of both.
        comparisons: How many p will be corrected for: the test has draws enough that it can still show something (`test_draws`).

    Raises:
        InputError: they are not of the same task and units, or of fewer than two; or a headline is not defined.
        OptionError: `level` or `draws` out of range.
    """
    comparable(a, b)
    sensible(level, draws)
    n = len(a)
    if why := undecided(a, b):
        raise InputError(why)
    value = b.value() - a.value()
    made = bounded(a, draws)
    found = resampled(a, b, made, seed)
    few = tail(level, n)
    low, high = np.quantile(found, [few, 1 - few])
    wider = np.sqrt(n / (n - 1))
    error = float(found.std(ddof=1) * wider)
    more = bounded(a, test_draws(draws, comparisons, level))
    if more > made and a.statistic == "v_measure":  # which has no test but the bootstrap
        found = resampled(a, b, more, seed)
    p, test, least = _p(a, b, value, found, more, seed)
    gain = np.asarray(b.columns["value"]) - np.asarray(a.columns["value"]) if a.statistic == "mean" else np.zeros(0)
    wins, losses = int((gain > 0).sum()), int((gain < 0).sum())
    return Difference(float(value), float(low), float(high), p, n, wins, losses, level, error, test, least)


def test_draws(draws: int, comparisons: int, level: float) -> int:
    """Draws of a test whose p is corrected for so many comparisons: at least 20 times what it takes to reach the level at all.

    200,000 at most: p from draws is at least one in that many, so that more than (1 - level) times as many comparisons can show nothing.
    """
    return max(draws, min(_MOST, int(np.ceil(20 * comparisons / (1 - level) - 1e-6))))


def bounded(a: Scores, draws: int) -> int:
    """So many draws, or fewer, 2,000 at least, where a draw of many units has to be ranked anew."""
    return draws if a.statistic == "mean" else int(min(draws, max(_CELLS // len(a), _FEWEST)))


def undecided(a: Scores, b: Scores) -> str:
    """Why two on the same units cannot be compared, or "": fewer than two units, or a headline that is not defined."""
    if len(a) < 2:
        return f"{a.task}: want at least 2 units to compare on, got {len(a)}"
    if not np.isfinite(b.value() - a.value()):
        return f"{a.metric}: want it defined for both, got nan (are all values of one of them equal?)"
    return ""


def sensible(level: float, draws: int) -> None:
    """Refuse a level or draws out of range: before long work, where it comes first."""
    if not 0 < level < 1:
        raise OptionError(f"level: want a number between 0 and 1, got {level}")
    integer(draws, name="draws", least=100)


def detectable(error: float, n: int, *, level: float = 0.95, power: float = POWER) -> float:
    """The smallest true difference that is shown with that power, where a difference has this standard error over n units.

    Source: Cohen (1988), "Statistical Power Analysis", with Student's quantile for few units.
    """
    return (student(1 - (1 - level) / 2, n - 1) + _NORMAL.inv_cdf(power)) * error


def comparable(a: Scores, b: Scores) -> None:
    """Refuse scores of other units or judgements, of fewer than two units, or not finite."""
    if (a.metric, a.statistic, a.units) != (b.metric, b.statistic, b.units):
        raise InputError(f"b: want {a.metric} of the {len(a)} units of a, got {b.metric} of {len(b)}")
    truth = _TRUTH.get(a.statistic)
    if truth is not None and not np.array_equal(np.asarray(a.columns[truth]), np.asarray(b.columns[truth])):
        raise InputError(f"b: want the judgements of a ({truth}), got others")
    if a.data and b.data and a.data != b.data:
        raise InputError(
            f"b: want scores of the texts and judgements that a was asked about ({a.task}), got those of others"
        )
    if len(a) < 2:
        raise InputError(f"{a.task}: want at least 2 units to compare on, got {len(a)}")
    for name, one in (("a", a), ("b", b)):
        if not all(np.isfinite(np.asarray(one.columns[column], np.float64)).all() for column in COLUMNS[a.statistic]):
            raise InputError(f"{name}: want finite scores, got NaN or infinite values")


def resampled(a: Scores, b: Scores, draws: int, seed: int) -> NDArray[np.float64]:
    """B less A of so many resamples of the units, those left out that have no headline."""
    if a.statistic == "mean":
        gain = np.asarray(b.columns["value"], np.float64) - np.asarray(a.columns["value"], np.float64)
        of = by_counts("mean", {"value": gain})
        return np.concatenate([of(counts) for counts in resamples(len(a), draws, seed)])
    one, other = (by_counts(scores.statistic, scores.columns) for scores in (a, b))
    found = np.concatenate([other(counts) - one(counts) for counts in resamples(len(a), draws, seed)])
    found = found[np.isfinite(found)]
    if a.statistic == "v_measure" and found.std() > 0:
        spread = jackknifed(a, b) / (found.std(ddof=1) * np.sqrt(len(a) / (len(a) - 1)))
        found = b.value() - a.value() + (found - found.mean()) * spread
    return found


def jackknifed(a: Scores, b: Scores) -> float:
    """Standard error of the difference of two V-measures, each unit left out once; units alike in everything at one stroke."""
    n = len(a)
    seen = np.stack([a.columns["label"], a.columns["group"], b.columns["group"]])
    kinds, counts = np.unique(seen, axis=1, return_counts=True)
    one, other = (by_counts("v_measure", {"label": kinds[0], "group": group}) for group in kinds[1:])
    left: list[NDArray[np.float64]] = []
    step = max(1, _AT_ONCE // len(counts))
    for start in range(0, len(counts), step):
        rows = np.repeat(counts[None, :].astype(np.float64), min(step, len(counts) - start), axis=0)
        rows[np.arange(len(rows)), start + np.arange(len(rows))] -= 1
        left.append(other(rows) - one(rows))
    found = np.concatenate(left)
    return float(np.sqrt((n - 1) / n * (counts @ (found - counts @ found / n) ** 2)))


def _p(
    a: Scores, b: Scores, value: float, found: NDArray[np.float64], draws: int, seed: int
) -> tuple[float, str, float]:
    """The share of differences that come without a reason and are as large; the test; and the smallest p that it could have given."""
    differences, exact, test = without_reason(a, b, found, draws, seed)
    room = 1e-12 * max(1.0, abs(value))
    large = int(np.count_nonzero(np.abs(differences) >= abs(value) - room))
    if exact:  # the two ways in which one wins every unit
        return large / len(differences), test, min(1.0, 2 / len(differences))
    # Where ways are drawn, the one that was seen counts as one of them, or p could be 0 (Phipson and Smyth, 2010).
    return (large + 1) / (len(differences) + 1), test, 1 / (len(differences) + 1)


def without_reason(
    a: Scores, b: Scores, found: NDArray[np.float64], draws: int, seed: int
) -> tuple[NDArray[np.float64], bool, str]:
    """Differences where neither is better, whether they are all that there are, and how they were made.

    Args:
        a: Scores of one encoder.
        b: Of another.
        found: What `resampled` gave, for statistics whose units have nothing to exchange.
        draws: How many, at most.
        seed: Of the draws; not the stream of the bootstrap, so that the two do not err together.
    """
    null = exchanged(a, b, draws, np.random.default_rng([seed, 1]))
    if null is None:
        n = len(a)
        return (found - found.mean()) * np.sqrt(n / (n - 1)), False, "bootstrap"
    differences, exact = null
    return differences, exact, "signs flipped" if a.statistic == "mean" else "ranks exchanged"
