"""What runs fastest on this machine: engine, precision and batch size, measured once and remembered.

The record is `machine.json` in the cache folder, one entry for every processor, number of threads and model shape. A figure is the median
of interleaved runs in processor time per token, so that other work on the machine counts little.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semascope.encoders.opening import Running, engines, on_accelerator, open_engine
from semascope.errors import OptionError, SemascopeError, UnknownNameError
from semascope.ops import cache_folder, unit
from semascope.types import Progress, Tokens

FORMAT = 1
BUDGETS = (256, 512, 1_024, 2_048)
ROUNDS = 3
ALIKE = 0.9999  # lowest cosine to float32 at which a precision counts as giving the same vectors


def processor() -> str:
    """The processor's name, and what of it matters: "AMD EPYC 9B45, 2 threads"."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = [
            line for line in info.read_text(encoding="utf-8", errors="replace").splitlines() if "model name" in line
        ]
        name = lines[0].partition(":")[2].strip() if lines else name
    return f"{name}, {threads()} thread{'s' * (threads() != 1)}"


def threads() -> int:
    """Threads that engines take here: OMP_NUM_THREADS, else the processors this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else len(os.sched_getaffinity(0))


def shape(folder: Path) -> str:
    """What of a model decides its speed: "bert 6x384"."""
    from semascope.backbones.architecture import Architecture

    try:
        found = Architecture.read(folder)
    except UnknownNameError:
        return "of an architecture that no engine of ours knows"
    return f"{found.kind} {found.depth}x{found.width}"


def record() -> dict[str, Any]:
    """Everything remembered, by "processor: model shape"; empty where nothing is, or where it cannot be read."""
    try:
        plain = json.loads((cache_folder() / "machine.json").read_text(encoding="utf-8"))
        return dict(plain["measured"]) if plain["format"] == FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def settled(folder: Path, how: Running) -> Running:
    """`how` with what is measured in place of what was left open; measures where precision is "auto" and nothing is known."""
    if on_accelerator(how):
        # What is measured is the processor.
        return replace(how, precision="float32") if how.precision == "auto" else how
    found = _known(folder)
    if how.precision == "auto":
        if found is None:
            found = measure(folder)
        best = _best(found, precisions=None, how=how)
        how = replace(how, engine=best["engine"], precision=best["precision"])
    if found is None:
        return how
    if how.engine == "auto" and any(_fits(run, how) for run in found["runs"]):
        how = replace(how, engine=_best(found, precisions=(how.precision,), how=how)["engine"])
    if how.batch_tokens is None:
        fitting = [run for run in found["runs"] if run["engine"] == how.engine and run["precision"] == how.precision]
        how = replace(how, batch_tokens=fitting[0]["batch_tokens"]) if fitting else how
    return how


def measure(folder: Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """Run a sample through every engine, precision and batch size at hand, remember the figures, and return them.

    Returns:
        "runs": for each engine and precision the best "batch_tokens", "tokens_per_second" of processor time there, and
        the lowest "cosine" of its mean-pooled vectors to those of float32.
    """
    tokens = _sample(folder)
    ways = _ways(folder)
    if not ways:
        raise OptionError(f"{folder.name}: none of the installed engines ({', '.join(engines())}) can run it")
    spent: dict[tuple[int, int], list[float]] = {}
    vectors: dict[int, Any] = {}
    total = ROUNDS * len(ways) * len(BUDGETS)
    done = 0
    for turn in range(ROUNDS):
        for number, (_, _, engine) in enumerate(ways):
            for budget in BUDGETS:
                seconds, vectors[number] = _timed(engine, tokens, budget, warm=turn == 0)
                spent.setdefault((number, budget), []).append(seconds)
                done += 1
                if progress is not None:
                    progress(done, total)
    base = next((vectors[n] for n, (_, precision, _) in enumerate(ways) if precision == "float32"), vectors[0])
    runs: list[dict[str, Any]] = []
    for number, (name, precision, _) in enumerate(ways):
        medians = {budget: statistics.median(spent[number, budget]) for budget in BUDGETS}
        budget = min(medians, key=lambda one: medians[one])
        runs.append(
            {
                "engine": name,
                "precision": precision,
                "batch_tokens": budget,
                "tokens_per_second": round(len(tokens.ids) / medians[budget]),
                "cosine": round(float(np.einsum("ij,ij->i", unit(vectors[number]), unit(base)).min()), 6),
            }
        )
    found = {"runs": sorted(runs, key=lambda run: -run["tokens_per_second"])}
    _remember(folder, found)
    return found


def _known(folder: Path) -> Mapping[str, Any] | None:
    found = record().get(f"{processor()}: {shape(folder)}")
    return found if isinstance(found, dict) and found.get("runs") else None


def _remember(folder: Path, found: Mapping[str, Any]) -> None:
    """Kept where the disk allows it; a machine that cannot be written to measures again."""
    place = cache_folder() / "machine.json"
    plain = {"format": FORMAT, "measured": {**record(), f"{processor()}: {shape(folder)}": found}}
    aside = place.with_name(f"machine.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(plain, indent=1), encoding="utf-8")
        aside.replace(place)
    except OSError:
        aside.unlink(missing_ok=True)


def _fits(run: Mapping[str, Any], how: Running) -> bool:
    return run["engine"] in engines() and run["precision"] == how.precision and how.device in ("auto", "cpu")


def _best(found: Mapping[str, Any], *, precisions: Iterable[str] | None, how: Running) -> Mapping[str, Any]:
    """The fastest run of these precisions, or of all that give the same vectors."""
    runs = [run for run in found["runs"] if run["engine"] in engines() and how.engine in ("auto", run["engine"])]
    runs = [run for run in runs if (run["cosine"] >= ALIKE if precisions is None else run["precision"] in precisions)]
    if not runs:
        raise OptionError(f"engine: nothing measured here fits {how.engine} in {how.precision}")
    return max(runs, key=lambda run: run["tokens_per_second"])


def _ways(folder: Path) -> list[tuple[str, str, Any]]:
    found: list[tuple[str, str, Any]] = []
    for name, precisions in (("onnx", ("float32", "int8")), ("torch", ("float32", "bfloat16"))):
        if name not in engines():
            continue
        for precision in precisions:
            how = Running(engine=name, precision=precision, device="cpu")  # pyright: ignore[reportArgumentType]
            try:
                found.append((name, precision, open_engine(folder, how)))
            except SemascopeError:
                continue  # an engine that does not know the model is no candidate
    return found


def _sample(folder: Path) -> Tokens:
    """Random ids in 64 texts of lengths as sentences and paragraphs have them; speed does not depend on what they say."""
    from semascope.backbones.architecture import Architecture

    shape = Architecture.read(folder)
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(3.5, 0.8, size=64).astype(int), 4, min(256, shape.longest or 256))
    return Tokens.of([rng.integers(0, shape.vocabulary, size=length).tolist() for length in lengths])


def _timed(engine: Any, tokens: Tokens, budget: int, *, warm: bool) -> tuple[float, Any]:
    """Seconds of processor time for all texts, and their mean last states (n, d)."""
    from semascope.encoders.batching import batches

    groups = list(batches(tokens.lengths, budget))
    depth = engine.architecture.depth
    if warm:
        engine.run(tokens.take(groups[0]), layers=(depth,))
    out = np.zeros((len(tokens), engine.architecture.width), np.float32)
    start = time.process_time()
    for places in groups:
        part = tokens.take(places)
        hidden = engine.run(part, layers=(depth,))[0]
        out[places] = np.add.reduceat(hidden, part.offsets[:-1]) / part.lengths[:, None]
    return time.process_time() - start, out
