"""What made a matrix, whether that is what its encoder is meant to do, and how much of the texts it read."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from semascope.doctor.figures import percent, plainly, share
from semascope.doctor.naming import Naming, name_recipe
from semascope.doctor.naming.candidates import Candidate, lay_out
from semascope.doctor.naming.reads import reads_of
from semascope.doctor.reading import Seen, sample_places
from semascope.doctor.texts_and_vectors import ROUNDING
from semascope.encoders import CutTextWarning, EmptyTextWarning, Encoder, TransformerEncoder, available, read_otherwise
from semascope.errors import PassportError, SemascopeError
from semascope.ops import bootstrap, neighbours_kept, unit
from semascope.passport import CANARIES, Passport
from semascope.report import Finding, Table
from semascope.types import Array, Progress

ROWS = 96  # of a comparison with what the encoder itself gives
TEXTS = 5_000  # whose tokens are counted
_MANY = 0.2  # of texts cut: worth a warning
_IN_WORDS = {
    "pooling": "pooling",
    "layers": "layers",
    "prompt": "prompt",
    "max_length": "longest text",
    "side": "side that is cut",
    "lower_case": "lower case",
    "special": "special tokens",
    "layout": "what is read of title and text",
    "columns": "columns kept",
    "length": "lengths of rows",
    "scale": "scale",
    "after": "done to the vectors",
    "precision": "precision",
}


def encoders_of(asked: Any) -> list[Any]:
    """The encoders to compare with: those at hand for "auto", else the one asked for (its name, recipe or folder, or itself)."""
    if asked == "auto":
        return [Encoder(one.name) for one in available() if one.quality > 0]
    if isinstance(asked, list | tuple):
        return [one for each in asked for one in encoders_of(each)]
    return [Encoder(asked) if isinstance(asked, str) else asked]


def made_by(
    values: Array,
    texts: Sequence[str],
    encoders: Sequence[Any],
    *,
    titles: Sequence[str] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Naming, list[Finding], list[Table]]:
    """The recipe, and findings on it: named or not, the right one or not, in step or not, texts cut.

    Args:
        values: (m, d) as stored.
        texts: (n,).
        encoders: To compare with.
        titles: (n,) at the beginning of the texts, or None.
        seed: Of samples.
        progress: Told how often a model was run.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutTextWarning)
        warnings.simplefilter("ignore", EmptyTextWarning)
        naming = name_recipe(values, texts, list(encoders), titles=titles, seed=seed, progress=progress)
        found = [_named(naming, encoders)]
        best = naming.best
        if best is not None and naming.sure:
            encoder = next(one for one in encoders if reads_of(one).name == best.encoder)
            # Which of title and text was given to the encoder is no way of using it: both are compared on what it was given.
            layout = best.reading.layout
            given = [lay_out(text, titles[i] if titles else "", layout) for i, text in enumerate(texts)]
            found += [_own(naming, best, encoder, values, given, seed), *_parts(naming), _steps(naming)]
            found += cuts(encoder, given, best, seed)
    table = Table(
        "The recipes that came nearest",
        ("recipe", "mean cosine"),
        [(name, f"{cosine:.4f}") for name, cosine in naming.tried[:6]],
        "Mean cosine of the rows looked at; none of these made them.",
    )
    return naming, found, [table] if naming.tried and not naming.sure else []


def _named(naming: Naming, encoders: Sequence[Any]) -> Finding:
    names = ", ".join(reads_of(one).name for one in encoders)
    if naming.sure:
        return Finding("recipe", "fine", naming.says.rstrip("."), naming.numbers)
    return Finding("recipe", "warning", f"{naming.says.rstrip('.')} (encoders tried: {names})", naming.numbers)


def own_candidate(best: Candidate, encoder: Any) -> Candidate:
    """What the encoder itself would have done, in the words of a candidate."""
    reads = reads_of(encoder)
    way = reads.own_way
    length = "unit" if bool(getattr(encoder, "normalize", True)) else "as pooled"
    return replace(
        best,
        reading=replace(reads.own, layout=best.reading.layout),
        layers=way.layers,
        pooling=way.pooling,
        columns=None,
        length=length,
        scale=1.0,
        after="",
        own=True,
    )


def differences(naming: Naming, encoder: Any) -> list[str]:
    """In which choices what made the matrix differs from the encoder's own way; [] where nothing tells them apart."""
    best = naming.best
    if best is None:
        return []
    own = own_candidate(best, encoder)
    ways = [own.differs(one) for one in (best, *naming.same)]
    fewest = min(ways, key=len)
    chosen = (best, *naming.same)[ways.index(fewest)]
    return [
        f"{_IN_WORDS[name]}: {_value(chosen, name)} (its own: {_value(own, name)})"
        for name in fewest
        if name not in ("encoder", "precision")
    ]


def _value(candidate: Candidate, name: str) -> str:
    value: Any = (
        getattr(candidate.reading, name, None) if hasattr(candidate.reading, name) else getattr(candidate, name)
    )
    if name == "max_length":
        return "whole texts" if value is None else f"{value} tokens"
    if name == "length":
        return {"unit": "one", "": "not known", "as pooled": "as pooled"}.get(value, str(value))
    if name == "layers":
        return ",".join(map(str, value)) or "its own"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in ("", None):
        return "none" if name != "columns" else "all"
    return repr(value) if name == "prompt" else f"{value:g}" if isinstance(value, float) else str(value)


def _own(naming: Naming, best: Candidate, encoder: Any, values: Array, texts: Sequence[str], seed: int) -> Finding:
    differ = differences(naming, encoder)
    name = best.encoder
    if not differ:
        return Finding("own way", "fine", f"that is how {name} says that it is to be used")
    cost = _cost(values, texts, encoder, seed) if naming.steps.kind == "in step" else None
    says = f"that is not how {name} is to be used: {'; '.join(differ)}"
    numbers: dict[str, Any] = {"differences": differ}
    if cost is not None:
        cosine, kept = cost
        numbers |= {"cosine": cosine._asdict(), "neighbours kept": kept}
        says += f". Its own vectors of the same texts have cosine {plainly(cosine)} to these, and {kept:.0%} of the nearest neighbours in common"
    harmless = cost is not None and cost[0].low > 1 - ROUNDING
    return Finding("own way", "note" if harmless else "fault", says, numbers)


def _cost(values: Array, texts: Sequence[str], encoder: Any, seed: int) -> tuple[Any, float] | None:
    """How like the encoder's own vectors the rows are: mean cosine, and share of the 10 nearest in common."""
    places = sample_places(min(len(values), len(texts)), ROWS, seed)
    rows = np.asarray(values[places], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        places = places[np.isfinite(rows).all(axis=1) & (rows != 0).any(axis=1)]
    if len(places) < 12 or values.shape[1] != encoder.dim or values.dtype.kind not in "f":
        return None
    x = unit(np.asarray(values[places]))
    own = encoder.encode([texts[i] for i in places])
    cosines = np.einsum("ij,ij->i", x, unit(own))
    return bootstrap(cosines, draws=2_000, seed=seed), neighbours_kept(own, x, k=10)


def _parts(naming: Naming) -> list[Finding]:
    """Rows that another recipe made, or none that is known."""
    matched = naming.matched
    if matched is None or matched.value == 1 or naming.steps.kind in ("shifted", "shuffled"):
        return []
    others = "; ".join(f"{count} by {candidate}" for candidate, count in naming.also) or "by none that was tried"
    of_sample = share(round(matched.value * naming.rows), naming.rows)
    return [
        Finding(
            "rows in another passport",
            "fault",
            f"{percent(of_sample)} of the rows looked at were made by the recipe named; the others {others}: vectors of two encoders in "
            "one matrix",
            {"matched": of_sample._asdict(), "also": [[str(one), count] for one, count in naming.also]},
        )
    ]


def _steps(naming: Naming) -> Finding:
    steps = naming.steps
    level = "fine" if steps.kind == "in step" else "note" if steps.kind == "unknown" else "fault"
    numbers = {"kind": steps.kind, "shift": steps.shift, "order": steps.order, "looked": steps.looked}
    return Finding("rows and texts in step", level, steps.says.rstrip("."), numbers, steps.missing[:10])


def cuts(encoder: Any, texts: Sequence[str], best: Candidate | None, seed: int) -> list[Finding]:
    """How many texts were longer than what was read of them."""
    if not isinstance(encoder, TransformerEncoder):
        return []
    if best is not None:
        reading = best.reading
        prompts = {"document": reading.prompt} if reading.prompt else {}
        encoder = read_otherwise(encoder, max_length=reading.max_length, side=reading.side, prompts=prompts)
    places = sample_places(len(texts), TEXTS, seed)
    found = encoder.cuts([texts[int(i)] for i in places])
    part = share(len(found.cut), len(found))
    lost = float(found.lost.sum() / max(1, found.characters.sum()))
    numbers = {"cut": part._asdict(), "characters lost": lost, "max_length": found.max_length}
    if not len(found.cut):
        return [Finding("texts cut", "fine", f"all {len(found):,} texts looked at were read whole", numbers)]
    of = f"{len(found.cut):,} of {len(found):,} texts" if len(places) == len(texts) else f"{percent(part)} of the texts"
    return [
        Finding(
            "texts cut",
            "warning" if part.low > _MANY else "note",
            f"{of} were cut on the {found.side} at {found.max_length} tokens; {lost:.1%} of all characters were not read",
            numbers,
            tuple(int(places[i]) for i in found.cut[:10]),
        )
    ]


def passport_findings(
    passport: Passport, seen: Seen, values: Array, texts: Sequence[str] | None, seed: int = 0
) -> list[Finding]:
    """Whether the passport beside a matrix tells the truth: of its lengths, of the encoder of its name, of the rows themselves."""
    name = passport.name or passport.kind
    if not passport.known:
        return [Finding("passport", "note", "the passport beside the file says only how wide the vectors are")]
    try:
        encoder = Encoder(name)
    except SemascopeError as error:
        return [
            Finding(
                "passport",
                "note",
                f"the passport beside the file says {name}, which is not at hand to compare with ({error})",
            )
        ]
    if not hasattr(encoder, "encode"):
        return [
            Finding(
                "passport",
                "note",
                f"the passport beside the file says {name}, whose parts have to learn first; not compared",
            )
        ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            passport.require(encoder.passport, what="trust the passport", mend="")
            passport.verify(encoder.encode(list(CANARIES)), what="trust the passport", mend="")
        except PassportError as error:
            said = str(error).removeprefix("cannot trust the passport: ").removesuffix(" To mend it: ").rstrip(". ")
            return [
                Finding(
                    "passport",
                    "fault",
                    f"the passport beside the file is not that of {name} as it is here: {said}",
                    {"field": error.field},
                )
            ]
        return [_rows_and_passport(name, encoder, seen, values, texts, seed)]


def _rows_and_passport(
    name: str, encoder: Any, seen: Seen, values: Array, texts: Sequence[str] | None, seed: int
) -> Finding:
    if texts is None or len(texts) != len(values):
        one = np.abs(seen.lengths[seen.usable] - 1) < 1e-2
        if bool(getattr(encoder, "normalize", False)) and len(one) and not one.all():
            return Finding(
                "passport",
                "fault",
                f"the passport beside the file says {name}, whose rows have length one; {int((~one).sum()):,} here have not",
            )
        return Finding(
            "passport",
            "fine",
            f"the passport beside the file is that of {name} as it is here; the rows themselves need texts to be compared",
        )
    usable = np.flatnonzero(seen.usable)
    places = usable[sample_places(len(usable), ROWS, seed)]
    if not len(places):
        return Finding("passport", "note", f"the passport beside the file says {name}; no row can be compared")
    made = encoder.encode([texts[i] for i in places])
    cosines = np.einsum("ij,ij->i", unit(made), unit(np.asarray(values[places])))
    right = share(int((cosines > 0.999).sum()), len(places))
    numbers = {"right": right._asdict(), "lowest cosine": float(cosines.min())}
    if right.value == 1:
        return Finding(
            "passport",
            "fine",
            f"the passport beside the file tells the truth: {name} gives these rows (lowest cosine {cosines.min():.5f} on {len(places)})",
            numbers,
        )
    wrong = places[cosines <= 0.999]
    return Finding(
        "passport",
        "fault",
        f"the passport beside the file says {name}, which gives {percent(right)} of the rows looked at (lowest cosine {cosines.min():.4f})",
        numbers,
        tuple(int(i) for i in wrong[:10]),
    )
