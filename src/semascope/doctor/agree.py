"""Two encoders that should give the same vectors: whether they do, and the first stage at which they part."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.figures import plainly
from semascope.doctor.naming import name_recipe
from semascope.doctor.recipe import differences
from semascope.doctor.stages import Stage, by_passport, inside, readable
from semascope.encoders import CutTextWarning, EmptyTextWarning
from semascope.errors import InputError, RemoteError
from semascope.ops import Interval, bootstrap, top_k, unit
from semascope.ops import texts as checked_texts
from semascope.passport import CANARIES, CANARY_COSINE
from semascope.report import Finding, Report, Table
from semascope.types import Progress, Vectors

SHORT, LONG = 24, 16  # texts made of the canaries' words, beside the canaries themselves
_LENGTH = 1e-3  # share by which lengths may differ
_STAGE_OF = {
    "lower case": "tokens",
    "special tokens": "special tokens",
    "longest text": "truncation",
    "side that is cut": "truncation",
    "prompt": "prompt",
    "what is read of title and text": "prompt",
    "layers": "token states",
    "pooling": "pooling",
    "columns kept": "dense layers",
    "done to the vectors": "dense layers",
    "lengths of rows": "normalisation",
    "scale": "normalisation",
    "precision": "precision",
}
_REFUSED = (400, 413, 422)  # statuses of servers that say a text is too long
_ORDER = tuple(dict.fromkeys(_STAGE_OF.values()))


def usual_texts(seed: int = 0) -> list[str]:
    """The canary texts, and texts of their words: short ones, and some longer than what models read."""
    rng = np.random.default_rng(seed)
    words = np.array([word for text in CANARIES for word in text.split()])
    sizes = [*rng.integers(4, 60, SHORT), *rng.integers(120, 480, LONG)]
    return [*CANARIES, *(" ".join(rng.choice(words, size)) for size in sizes)]


def agree(
    a: Any,
    b: Any,
    *,
    texts: Sequence[str] | None = None,
    names: tuple[str, str] = ("A", "B"),
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Whether two encoders give the same vectors, and the first stage that differs where they do not.

    Where both can be read inside, stage by stage: tokens, special tokens, prompt, truncation, token states layer by layer,
    pooling, dense layers, normalisation, precision. Where one cannot (a URL, a function, another library's model), its vectors are
    looked for among all recipes of the other.

    Args:
        a: An encoder.
        b: The one that should agree with it.
        texts: To compare on; the canary texts and others, some of them long, where None.
        names: What the two are called.
        seed: Of the draw of texts.
        progress: Told while texts are encoded.

    Raises:
        InputError: fewer than two texts.
    """
    items = usual_texts(seed) if texts is None else checked_texts(texts)
    if len(items) < 2:
        raise InputError(f"texts: want at least 2, got {len(items)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutTextWarning)
        warnings.simplefilter("ignore", EmptyTextWarning)
        x, y, items, refused = _encoded(a, b, items, texts is None, progress)
        same, about = _vectors(x, y)
        both = readable(a) and readable(b)
        stages = inside(a, b, items) if both else by_passport(a, b)
        cause = None if same or both else _named(a, b, x, y, items, names, seed)
    report = _report(x, y, items, names, same, about, stages, cause)
    return replace(report, findings=[*report.findings, Finding("long texts", "note", refused)]) if refused else report


def _encoded(
    a: Any, b: Any, items: list[str], ours: bool, progress: Progress | None
) -> tuple[Vectors, Vectors, list[str], str]:
    """Vectors of both, the texts that they are of, and a word on what a server refused of texts that we made ourselves."""
    try:
        return a.encode(items, progress=progress), b.encode(items, progress=progress), items, ""
    except RemoteError as error:
        if not ours or error.status not in _REFUSED:
            raise
    kept = items[:-LONG]
    said = (
        f"a server refuses texts that are longer than its model reads, so the {LONG} long ones were left out: whether both cut "
        "them alike is not known"
    )
    return a.encode(kept, progress=progress), b.encode(kept, progress=progress), kept, said


def _vectors(x: Vectors, y: Vectors) -> tuple[bool, dict[str, Any]]:
    width = min(x.shape[1], y.shape[1])
    cosines = np.einsum("ij,ij->i", unit(x[:, :width]), unit(y[:, :width])).astype(np.float64)
    blank = ~x.any(axis=1) & ~y.any(axis=1)
    cosines[blank] = 1
    long_x, long_y = (np.linalg.norm(z.astype(np.float64), axis=1) for z in (x, y))
    lengths = np.abs(long_x - long_y) <= _LENGTH * np.maximum(long_x, long_y)
    same = x.shape == y.shape and bool((cosines >= CANARY_COSINE).all()) and bool(lengths.all())
    return same, {
        "cosines": cosines,
        "lowest": float(cosines.min()),
        "worst": int(cosines.argmin()),
        "mean": bootstrap(cosines, draws=2_000),
        "same lengths": bool(lengths.all()),
        "same width": x.shape[1] == y.shape[1],
    }


def _named(
    a: Any, b: Any, x: Vectors, y: Vectors, items: list[str], names: tuple[str, str], seed: int
) -> tuple[str, str] | None:
    """The stage and what is likely, from one readable encoder and the other's vectors; None where no recipe made them."""
    known, values, first, second = (a, y, names[0], names[1]) if readable(a) else (b, x, names[1], names[0])
    if not readable(known):
        return None
    naming = name_recipe(values, items, known, seed=seed)
    if naming.best is None or not naming.sure:
        return None
    differ = differences(naming, known)
    stages = sorted({_STAGE_OF.get(text.partition(":")[0], "vectors") for text in differ}, key=_place)
    if not stages:
        return None
    where = f"{naming.cosine.value:.5f} on {naming.rows} texts" if naming.cosine else ""
    return stages[0], f"{second} is {first} with {'; '.join(differ)} (cosine {where})"


def _place(stage: str) -> int:
    return _ORDER.index(stage) if stage in _ORDER else len(_ORDER)


def neighbours_in_common(x: Vectors, y: Vectors, seed: int) -> tuple[int, Interval]:
    """k, and the share of each text's k nearest others that both encoders agree on."""
    n = len(x)
    k = max(1, min(10, n // 4))
    one, other = unit(x) @ unit(x).T, unit(y) @ unit(y).T
    np.fill_diagonal(one, -np.inf)
    np.fill_diagonal(other, -np.inf)
    kept: NDArray[np.float64] = np.array([np.isin(top_k(one[i], k), top_k(other[i], k)).mean() for i in range(n)])
    return k, bootstrap(kept, draws=2_000, seed=seed)


def _report(
    x: Vectors,
    y: Vectors,
    items: list[str],
    names: tuple[str, str],
    same: bool,
    about: dict[str, Any],
    stages: list[Stage],
    cause: tuple[str, str] | None,
) -> Report:
    one, other = names
    first = next((stage for stage in stages if stage.same is False), None)
    k, kept = neighbours_in_common(x, y, 0)
    lowest = f"lowest cosine {about['lowest']:.5f} over {len(items)} texts"
    if same:
        verdict = f"{one} and {other} agree ({lowest})."
    elif cause is not None:
        verdict = f"They differ first at {cause[0]}: {cause[1]} ({lowest})."
    elif first is not None:
        verdict = f"They differ first at {first.name}: {first.says} ({lowest})."
    else:
        verdict = f"They differ, and where is not known ({lowest}): {_unknown(about)}."
    findings = [_on_vectors(same, about, names), _on_neighbours(k, kept, same)]
    if not same and cause is not None:
        findings.append(Finding("likely cause", "fault", f"at {cause[0]}: {cause[1]}"))
    for stage in stages:
        if stage.same is False:
            gravest = not same and stage is first and cause is None
            said = stage.says if not same else f"{stage.says}; on these texts it makes no difference"
            findings.append(Finding(stage.name, "fault" if gravest else "note", said))
    order = {"fault": 0, "warning": 1, "note": 2, "fine": 3}
    marks = {True: "same", False: "differs", None: "not known"}
    table = Table("Stage by stage", ("stage", "", "what"), [(s.name, marks[s.same], s.says) for s in stages])
    return Report(
        "doctor",
        f"{one} and {other}",
        verdict,
        sorted(findings, key=lambda finding: order[finding.level]),
        [table] if stages else [],
        numbers={
            "agree": same,
            "stage": None if same else cause[0] if cause else first.name if first else "unknown",
            "lowest cosine": about["lowest"],
            "mean cosine": about["mean"]._asdict(),
            "texts": len(items),
            f"top {k} in common": kept._asdict(),
        },
    )


def _unknown(about: dict[str, Any]) -> str:
    if not about["same width"]:
        return "rows are not of one width"
    if not about["same lengths"] and about["lowest"] >= CANARY_COSINE:
        return "directions agree, lengths do not: one of them scales to length one"
    return "neither can be read inside, or no recipe of the one gives the vectors of the other"


def _on_vectors(same: bool, about: dict[str, Any], names: tuple[str, str]) -> Finding:
    lengths = "" if about["same lengths"] else "; lengths of rows differ"
    width = "" if about["same width"] else "; widths differ, so leading columns were compared"
    says = (
        f"cosine of {names[0]}'s and {names[1]}'s vector of a text: {plainly(about['mean'], 5)}, lowest {about['lowest']:.5f} "
        f"(text {about['worst']}; {CANARY_COSINE} and more counts as the same){lengths}{width}"
    )
    return Finding("vectors", "fine" if same else "fault", says, {"lowest": about["lowest"]}, (about["worst"],))


def _on_neighbours(k: int, kept: Interval, same: bool) -> Finding:
    says = f"{plainly(kept, 2)} of the {k} nearest neighbours of a text are the same to both"
    return Finding("neighbours", "fine" if same or kept.value > 0.999 else "warning", says, {"k": k, **kept._asdict()})
