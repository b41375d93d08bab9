"""What is compared: encoders, Spaces, matrices that somebody has, and scores that were kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from semascope.encoders import as_encoder
from semascope.encoders.jobs import Kept
from semascope.errors import InputError, OptionError
from semascope.metrics import Scores
from semascope.metrics.saved import load_scores
from semascope.metrics.scores import onward
from semascope.ops import vectors
from semascope.space import Space
from semascope.space.ingest import encoded_text
from semascope.subject.matrix import is_matrix, open_matrix
from semascope.types import Array, Encoder, Progress, Task, Vectors


@dataclass(frozen=True, eq=False)
class Rows:
    """What a contender makes of the texts of a task.

    Args:
        rows: By the name of the input, float32 (n, d).
        bytes: Of one stored vector.
        seconds: That encoding took, by the wall; None where nothing was encoded.
        encoded: Texts that were encoded.
        kept: Texts whose vectors were there already, or that stand in the task twice.
        says: What has to be said of them, or "".
    """

    rows: Mapping[str, Array]
    bytes: int
    seconds: float | None
    encoded: int
    kept: int
    says: str = ""


@dataclass(frozen=True, eq=False)
class Contender:
    """One of those compared.

    Args:
        name: What it is called.
        rows: Its rows for a task, told of progress; None where only its scores are known.
        scores: Its scores by the name of the task, where they were kept.
        path: The file or folder it was read from, if any.
    """

    name: str
    rows: Callable[[Task, Progress | None], Rows] | None
    scores: Mapping[str, Scores]
    path: Path | None = None


def open_contender(source: Any, name: str = "", *, folder: str | Path | None = None) -> Contender:
    """A contender of nearly anything.

    Args:
        source: What `as_encoder` takes (a name, recipe text, folder, URL, function, Sentence Transformers model); the folder of
            a Space, whose vectors are read where it has the very texts; a file of vectors (`.npy` with the rows of a task's texts,
            the inputs one after the other; `.npz` or `.safetensors` with an array for each input, such as "documents" and
            "queries"); a `.json` file of scores that `semascope evaluate --save` kept; or `Scores`.
        name: What it is called, instead of what it was given as.
        folder: Where the vectors of encoders are kept and looked up; None keeps them in memory.

    Raises:
        InputError, OptionError, UnknownNameError: it is none of these, or cannot be read.
    """
    if isinstance(source, Scores):
        return Contender(name or source.task, None, {source.task: source})
    if isinstance(source, str | Path):
        path, called = Path(source), name or str(source)
        if path.suffix.lower() == ".json" and path.is_file():
            encoder, many = load_scores(path)
            return Contender(name or encoder or path.stem, None, {one.task: one for one in many}, path)
        if is_matrix(path):
            return Contender(name or path.name, lambda task, _: _of_matrix(path, task), {}, path)
        if (path / "space.json").is_file():
            return Contender(name or path.name, lambda task, told: _of_space(path, task, told, folder), {}, path)
    else:
        called = name or getattr(source, "name", "") or getattr(source, "__name__", "") or type(source).__name__
    encoder = as_encoder(source)
    return Contender(called, lambda task, told: _of_encoder(encoder, task, told, folder), {})


def _of_matrix(path: Path, task: Task) -> Rows:
    inputs = task.inputs()
    sizes = {name: len(texts) for name, (texts, _) in inputs.items()}
    if path.suffix.lower() == ".npy" or len(sizes) == 1:
        x = vectors(open_matrix(path).values, name=path.name)
        if len(x) != sum(sizes.values()):
            wanted = " and ".join(f"{size:,} {name}" for name, size in sizes.items())
            raise InputError(f"{path.name}: want a row for each of {wanted} of {task.name}, got {len(x):,} rows")
        ends = np.cumsum(list(sizes.values()))[:-1]
        rows = dict(zip(sizes, np.split(x, ends), strict=True))
    else:
        rows = {name: vectors(open_matrix(path, name).values, name=f"{path.name}: {name}") for name in sizes}
        for name, size in sizes.items():
            if len(rows[name]) != size:
                raise InputError(f"{path.name}: want {size:,} rows of {name}, got {len(rows[name]):,}")
    dim = next(iter(rows.values())).shape[1]
    return Rows(rows, 4 * dim, None, 0, sum(sizes.values()))


def _of_space(path: Path, task: Task, told: Progress | None, folder: str | Path | None) -> Rows:
    with Space.open(path) as space:
        documents = {one.id: one for one in space.documents()}
        known: dict[str, Array] = {}
        for ids, spans, rows in space.vectors():
            for name, (start, stop), row in zip(ids, spans, rows, strict=True):
                known[encoded_text(documents[name].title, documents[name].text[int(start) : int(stop)])] = row
        return _encoded(space.encoder(), task, told, folder, known)


def _of_encoder(encoder: Any, task: Task, told: Progress | None, folder: str | Path | None) -> Rows:
    if not hasattr(encoder, "fit") or not hasattr(encoder, "estimators"):
        return _encoded(encoder, task, told, folder)
    texts = [text for some, kind in task.inputs().values() if kind == "document" for text in some]
    if not texts:
        raise OptionError(f"{encoder}: has to learn from texts, and {task.name} has no documents; fit it first")
    says = f"learned from the {len(texts):,} texts of {task.name}, without their judgements"
    return replace(_encoded(encoder.fit(texts), task, told, folder), says=says)


def _encoded(
    encoder: Encoder,
    task: Task,
    told: Progress | None,
    folder: str | Path | None,
    known: Mapping[str, Array] | None = None,
) -> Rows:
    """Rows of an encoder; those that are known, or were kept, are not made again."""
    kept, known = Kept(encoder, folder), known or {}
    inputs = task.inputs()
    total, done = sum(len(texts) for texts, _ in inputs.values()), 0
    rows: dict[str, Vectors] = {}
    began = time.perf_counter()
    for name, (texts, kind) in inputs.items():
        missing = [text for text in texts if kind != "document" or text not in known]
        made = kept.encode(missing, kind=kind, progress=onward(told, done, total))
        rows[name] = made if len(missing) == len(texts) else _filled(texts, known, missing, made)
        done += len(texts)
    seconds = time.perf_counter() - began if kept.encoded else None
    return Rows(rows, stored_bytes(encoder), seconds, kept.encoded, total - kept.encoded)


def _filled(texts: Sequence[str], known: Mapping[str, Array], missing: Sequence[str], made: Vectors) -> Vectors:
    every = {**{text: known[text] for text in texts if text in known}, **dict(zip(missing, made, strict=True))}
    return np.stack([every[text] for text in texts]).astype(np.float32)


def stored_bytes(encoder: Any) -> int:
    """Bytes of one vector as it is stored: of its codes where a recipe ends with a codec, else of float32."""
    steps = getattr(encoder, "steps", ())
    if steps and steps[-1].codec:
        codes = np.asarray(encoder.encode_codes(["a"]))
        return int(codes.nbytes // len(codes))
    return 4 * int(encoder.dim)
