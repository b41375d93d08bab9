"""How often do the intervals of measures of a cloud hold what the measure is on average over draws of that size?

python benchmarks/cloud_intervals.py [--draws 100] [--rows 600]

Clouds drawn anew each time: a cube of five dimensions in 50 columns, normal rows of 20 and of 200 columns, normal rows whose columns
fall off, and twenty groups. Beside the share of intervals that hold the mean: how wide they are, in standard deviations of the
draws (1.96 would be just enough for a normal figure).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from semascope.ops import Interval, unit
from semascope.ops.cloud import (
    cells,
    dimensions,
    effective_rank,
    hubness,
    linear_cka,
    mean_cosine,
    near,
    overlap,
    participation_ratio,
    partition_ratio,
    procrustes_residual,
    spectrum,
    stable_rank,
)

Cloud = Callable[[np.random.Generator, int], np.ndarray]
TURN = np.linalg.qr(np.random.default_rng(0).standard_normal((50, 5)))[0]
CENTRES = np.random.default_rng(1).standard_normal((20, 64))
CLOUDS: dict[str, Cloud] = {
    "cube of 5": lambda rng, n: rng.random((n, 5)) @ TURN.T,
    "normal, 20": lambda rng, n: rng.standard_normal((n, 20)),
    "normal, 200": lambda rng, n: rng.standard_normal((n, 200)),
    "falling, 64": lambda rng, n: rng.standard_normal((n, 64)) * np.arange(1, 65) ** -0.5 + 0.1,
    "20 groups": lambda rng, n: (
        CENTRES[rng.integers(0, 20, n)] + rng.standard_normal((n, 64)) * np.linspace(0.1, 1, 64)
    ),
}


def measured(x: np.ndarray, rng: np.random.Generator) -> dict[str, Interval]:
    of, graph = spectrum(x), near(x, 130)
    hubs = hubness(graph)
    other = x[:, ::-1] + rng.standard_normal(x.shape).astype(np.float32) * x.std()
    return {
        "mean cosine": mean_cosine(x),
        "partition ratio": partition_ratio(unit(x)),
        "effective rank": effective_rank(of),
        "participation ratio": participation_ratio(of),
        "stable rank": stable_rank(of),
        **dimensions(graph, cells(x, graph), most=64).estimates,
        "skewness": hubs.skewness,
        "orphans": hubs.orphans,
        "debiased CKA": linear_cka(x, other),
        "Procrustes residual": procrustes_residual(x, other),
        "neighbours shared": overlap(x, other),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--rows", type=int, default=600)
    args = parser.parse_args()
    held: dict[str, list[str]] = {}
    for cloud in CLOUDS.values():
        drawn: list[dict[str, Interval]] = []
        for draw in range(args.draws):
            rng = np.random.default_rng((2, draw))
            drawn.append(measured(cloud(rng, args.rows).astype(np.float32), rng))
        for name in drawn[0]:
            values = np.array([one[name][:3] for one in drawn])
            mean, spread = values[:, 0].mean(), values[:, 0].std()
            share = float(((values[:, 1] <= mean) & (mean <= values[:, 2])).mean())
            wide = float((values[:, 2] - values[:, 1]).mean() / 2 / spread) if spread else float("nan")
            held.setdefault(name, []).append(f"{share:.2f} ({wide:.1f})")
    print("| figure | " + " | ".join(CLOUDS) + " |")
    print("| --- |" + " ---: |" * len(CLOUDS))
    for name, cells_ in held.items():
        print(f"| {name} | " + " | ".join(cells_) + " |")


if __name__ == "__main__":
    main()
