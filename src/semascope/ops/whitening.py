"""The affine map that makes the directions of a set of rows uncorrelated and equally strong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semascope.errors import OptionError
from semascope.types import Array, Vectors

# A direction this many times weaker than the strongest is rounding noise of float32: it is sent to zero, not blown up.
_NOISE = 1e-5


@dataclass(frozen=True, eq=False)
class Principal:
    """Where rows have their middle, in which directions they spread, and how far.

    Args:
        mean: float64 (d,).
        axes: Orthonormal columns, the strongest first, float64 (d, d).
        variance: Along each axis, divided by n, float64 (d,).
        ledoit_wolf: The share by which Ledoit and Wolf (2004) would draw the variances towards their average.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    variance: NDArray[np.float64]
    ledoit_wolf: float

    def scales(self, shrink: float | str) -> NDArray[np.float64]:
        """What each axis is multiplied by to be as strong as the others, (d,); 0 where there is nothing but rounding noise.

        Raises:
            OptionError: `shrink` is neither 0 to 1 nor "auto".
        """
        share = _share(shrink, self)
        variance = (1 - share) * self.variance + share * self.variance.mean()
        real = variance > max(variance[0] * _NOISE**2, float(np.finfo(np.float32).tiny) ** 2)
        return np.where(real, 1 / np.sqrt(np.where(real, variance, 1)), 0)


def principal(x: Vectors) -> Principal:
    """Mean and principal axes of rows x (n, d), at least two."""
    mean = x.mean(axis=0, dtype=np.float64)
    centred = x - mean
    variance, axes = np.linalg.eigh(centred.T @ centred / len(x))
    variance, axes = variance[::-1].clip(0), axes[:, ::-1]
    # An axis and its opposite are both right; the one whose largest entry is positive is taken.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(len(axes))])
    return Principal(mean, axes, variance, _ledoit_wolf(centred, variance))


def whitening(x: Vectors, *, shrink: float | str = "auto") -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean (d,) of rows x (n, d) and the matrix (d, d) such that (x - mean) @ matrix is white, strongest axis first.

    Args:
        x: At least two rows.
        shrink: Share, 0 to 1, by which variances are drawn towards their average before dividing; "auto" takes the share
            that Ledoit and Wolf (2004) estimate.

    Raises:
        OptionError: `shrink` is neither.

    Source: Su et al. (2021), "Whitening Sentence Representations", equation 5; the variance is divided by n, as there.
    """
    found = principal(x)
    return found.mean.astype(np.float32), (found.axes * found.scales(shrink)).astype(np.float32)


def _share(shrink: float | str, found: Principal) -> float:
    if shrink == "auto":
        return found.ledoit_wolf
    if isinstance(shrink, str) or not 0 <= shrink <= 1:
        raise OptionError(f"shrink: want 0 to 1 or 'auto', got {shrink!r}")
    return float(shrink)


def _ledoit_wolf(centred: Array, variance: Array) -> float:
    """The best share to draw a covariance towards a multiple of the identity; Ledoit and Wolf (2004), lemma 3.2 ff."""
    rows, columns = centred.shape
    away = float(np.square(variance - variance.mean()).sum()) / columns
    lengths = np.square(centred).sum(axis=1)
    noise = (float(np.square(lengths).mean()) - float(np.square(variance).sum())) / (rows * columns)
    return min(noise, away) / away if away > 0 else 0.0
