"""How cost and recall grow with the number of rows: 10,000 to 1,000,000 generated vectors, one JSON line a size.

python benchmarks/search/_million.py --work FOLDER [--dim 256]

Rows are drawn around n ** 0.7 overlapping topics, with a spectrum that falls as those of sentence encoders do, and
written in segments of 65,536 that are opened memory-mapped; what one process keeps in memory is printed with each size.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np

from semascope.space.scan import Codec, Scanner, calibrate

SIZES = (10_000, 40_000, 100_000, 300_000, 1_000_000)
SEGMENT, QUERIES = 65_536, 200


def rows(start: int, count: int, centres: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """Rows `start` to `start + count`, always the same for the same place."""
    rng = np.random.default_rng([7, start])
    x = rng.standard_normal((count, len(spectrum)), dtype=np.float32) * spectrum
    x += centres[rng.integers(0, len(centres), count)]
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def clock(call) -> tuple[float, object]:
    start = time.process_time()
    out = call()
    return time.process_time() - start, out


def measure(work: Path, size: int, dim: int) -> dict[str, float]:
    spectrum = ((1 + np.arange(dim)) ** -0.35).astype(np.float32)
    centres = np.random.default_rng(1).standard_normal((int(size**0.7), dim), dtype=np.float32) * spectrum
    queries = rows(10**9, QUERIES, centres, spectrum)
    codec, encoding, names = None, 0.0, []
    for start in range(0, size, SEGMENT):
        x = rows(start, min(SEGMENT, size - start), centres, spectrum)
        codec = codec or Codec.learn(x[:8192])
        seconds, codes = clock(lambda codec=codec, x=x: codec.encode(x))
        encoding += seconds
        names.append((work / f"x{start}.npy", work / f"codes{start}.npy"))
        np.save(names[-1][0], x)
        np.save(names[-1][1], codes)
    assert codec is not None
    wall = time.perf_counter()
    scanner = Scanner([(np.load(a, mmap_mode="r"), np.load(b, mmap_mode="r")) for a, b in names], codec)
    opening = time.perf_counter() - wall
    measuring, found = clock(lambda: calibrate(scanner))
    scanner.depth = found.depth
    exact, (near, _) = clock(lambda: scanner.exact(queries, 10))
    seconds, places = clock(lambda: [scanner.search(query, 10)[0] for query in queries])
    one, _ = clock(lambda: [scanner.exact(query[None], 10) for query in queries[:20]])
    for pair in names:
        for name in pair:
            name.unlink()
    return {
        "rows": size,
        "depth": found.depth,
        "recall@10": float(
            np.mean([len(set(a.tolist()) & set(b.tolist())) / 10 for a, b in zip(places, near, strict=True)])
        ),
        "CPU-ms a query": seconds / QUERIES * 1e3,
        "CPU-ms a query, exact": one / 20 * 1e3,
        "CPU-ms a query, exact, 200 at once": exact / QUERIES * 1e3,
        "CPU-s to encode": encoding,
        "CPU-s to measure the depth": measuring,
        "ms to open": opening * 1e3,
        "MB of codes": size * codec.words * 8 / 1e6,
        "peak MB (vectors are memory-mapped and count while they are cached)": resource.getrusage(
            resource.RUSAGE_SELF
        ).ru_maxrss
        / 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--dim", type=int, default=256)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        print(
            json.dumps({name: round(value, 4) for name, value in measure(args.work, size, args.dim).items()}),
            flush=True,
        )


if __name__ == "__main__":
    main()
