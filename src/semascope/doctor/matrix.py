"""The doctor on a matrix: its health, what made it, and whether its texts go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from semascope.doctor.figures import rows_said, worst_first
from semascope.doctor.health import health
from semascope.doctor.naming import Naming
from semascope.doctor.reading import Seen, blocks, look_through, sample_places
from semascope.doctor.recipe import encoders_of, made_by, passport_findings
from semascope.doctor.scatter import pair_cosines
from semascope.doctor.texts_and_vectors import FAR_SHARE, texts_and_vectors
from semascope.doctor.verdict import quoted, trouble
from semascope.errors import CorruptError, InputError
from semascope.ops import texts as checked_texts
from semascope.passport import Passport
from semascope.report import Finding, Report, Table
from semascope.subject import open_matrix, open_subject
from semascope.types import Array, Progress

SAMPLE = 2_000


@dataclass(frozen=True, eq=False)
class Given:
    """A matrix and what stands beside it.

    Args:
        name: What it is called.
        values: (n, d) of any numbers, perhaps mapped from disk.
        texts: (m,) or None.
        titles: (m,) at the beginning of the texts, or None.
        passport: From beside the file, or None.
        findings: Made while it was opened.
        passed_over: What was wrong in the source of the texts, one line each.
    """

    name: str
    values: Array
    texts: Sequence[str] | None = None
    titles: Sequence[str] | None = None
    passport: Passport | None = None
    findings: Sequence[Finding] = field(default_factory=list[Finding])
    passed_over: Sequence[str] = ()


def examine_matrix(
    source: str | Path | Array,
    *,
    texts: Any = None,
    encoder: Any = "auto",
    columns: Mapping[str, str | None] | None = None,
    vector: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """What made a matrix of vectors, and what is wrong with it.

    Every row is read once, in blocks; what costs more than that is asked of a sample, and says so.

    Args:
        source: A file of vectors, or an array (n, d) of any numbers; NaN and zero rows are found, not refused.
        texts: What holds the texts of the rows, in order: a path, or a list. Another number than there are rows is found too.
        encoder: To name the recipe with: a name, folder or encoder; "auto" for those at hand; None for none.
        columns: Role -> column of the texts.
        vector: Name of the array or column, where there are several.
        sample: Rows of the sample; 2,000 where None.
        seed: Of samples.
        progress: Told while rows are read.

    Raises:
        InputError: the source is no 2-D array of numbers.
        UnknownNameError: nothing is there.
    """
    return examine(_given(source, texts, columns, vector), encoder=encoder, sample=sample, seed=seed, progress=progress,
                   again=_again(source, texts))  # fmt: skip


def examine(
    given: Given,
    *,
    encoder: Any = "auto",
    sample: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    again: str = "",
) -> Report:
    """`examine_matrix` of what is open already; `again` is the command that looks once more, with texts where there are any."""
    values = given.values
    n, d = values.shape
    seen = look_through(blocks(values), n, d, places=sample_places(n, sample or SAMPLE, seed), progress=progress)
    findings = [*given.findings, *health(seen, seed=seed)]
    tables: list[Table] = []
    naming: Naming | None = None
    if given.texts is not None:
        found, tables, naming = _with_texts(given, given.texts, seen, encoder, seed)
        findings = [*found, *_untold(findings, found)]
    if given.passport is not None:
        findings += passport_findings(given.passport, seen, values, given.texts, seed)
    return _report(given, seen, findings, tables, naming, again)


def _with_texts(
    given: Given, texts: Sequence[str], seen: Seen, encoder: Any, seed: int
) -> tuple[list[Finding], list[Table], Naming | None]:
    found: list[Finding] = []
    if len(texts) != seen.n:
        lost = len(texts) - seen.n
        word = "missing" if lost > 0 else "too many"
        passed = (
            f"; of the texts {len(given.passed_over)} were passed over: {given.passed_over[0]}"
            if given.passed_over
            else ""
        )
        found.append(
            Finding(
                "rows and texts",
                "fault",
                f"{seen.n:,} rows for {len(texts):,} texts: {rows_said(abs(lost))} {word}{passed}",
                {"rows": seen.n, "texts": len(texts)},
            )
        )
    else:
        _, x = seen.clean()
        usual = float(np.quantile(pair_cosines(x, seed), FAR_SHARE)) if len(x) >= 50 else None
        found += texts_and_vectors(seen, given.values, texts, usual)
    if encoder is None or not any(text.strip() for text in texts):
        return found, [], None
    naming, about, tables = made_by(given.values, texts, encoders_of(encoder), titles=given.titles, seed=seed)
    return [*about, *found], tables, naming


def _report(
    given: Given,
    seen: Seen,
    findings: list[Finding],
    tables: list[Table],
    naming: Naming | None,
    again: str,
) -> Report:
    notes: list[str] = []
    if not seen.whole:
        notes.append(
            f"All {seen.n:,} rows were read for what is said of rows, lengths and columns; pairs, directions, hubs and clouds are of a "
            f"sample of {len(seen.places):,} rows (--sample N for more). Intervals are of 95 %."
        )
    shape = f"{seen.n:,} x {seen.d} {seen.dtype.name}"
    made = ""
    if naming is not None:
        if naming.sure and naming.best is not None:
            cosine = f" (cosine {naming.cosine.value:.4f})" if naming.cosine else ""
            made = f"Made by {naming.best}{cosine}"
            if any(one.name == "own way" and one.level == "fault" for one in findings):
                made += f", which is not how {naming.best.encoder} is to be used"
        else:
            made = "Made by no recipe that was tried"
    found = trouble(findings, ["own way", "recipe"] if made else [])
    verdict = f"{made}; {_after(made, found)}" if made else f"{found} ({shape})"
    return Report(
        "doctor",
        given.name,
        f"{verdict}.",
        worst_first(findings),
        tables,
        next=_next(findings, naming, given, again),
        numbers={"rows": seen.n, "columns": seen.d, "dtype": seen.dtype.name, "sample": len(seen.places)},
        notes=notes,
    )


def _untold(findings: Sequence[Finding], found: Sequence[Finding]) -> list[Finding]:
    """Findings on rows alone, less what those on rows and texts tell better: which zero rows and equal rows are wrong."""
    names = {one.name for one in found}
    left: list[Finding] = []
    for one in findings:
        if one.name == "zero rows" and {"texts without a vector", "empty rows"} & names:
            continue
        explained = one.name == "equal rows" and one.level == "warning" and "equal texts" in names
        left.append(replace(one, level="note", says=one.says.partition(": equal texts")[0]) if explained else one)
    return left


def _after(made: str, found: str) -> str:
    """What is wrong besides, behind what made the matrix."""
    if found.startswith("Nothing") and not made.endswith(")"):
        return "nothing else wrong was found"
    return found[0].lower() + found[1:]


def _next(findings: Sequence[Finding], naming: Naming | None, given: Given, again: str) -> str:
    if not again:
        return ""
    if given.texts is None:
        return f"semascope doctor {again} --texts FILE"
    source = again.partition(" --texts ")[2]
    if source and any(one.level == "fault" for one in findings):
        best = naming.best if naming is not None and naming.sure else None
        named = f" --encoder {quoted(best.encoder)}" if best is not None else ""
        return f"semascope build {source}{named} --out my.space"
    return f"semascope leak {again}"


def _again(source: Any, texts: Any) -> str:
    if not isinstance(source, str | Path):
        return ""
    return quoted(str(source)) + (f" --texts {quoted(str(texts))}" if isinstance(texts, str | Path) else "")


def _given(source: Any, texts: Any, columns: Mapping[str, str | None] | None, vector: str | None) -> Given:
    if isinstance(source, str | Path):
        given = _opened(Path(source), vector)
    else:
        values = np.asarray(source)
        if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.size:
            raise InputError(f"vectors: want numbers in rows (n, d), got {values.dtype} of shape {values.shape}")
        given = Given("vectors", values)
    if texts is None:
        return given
    if isinstance(texts, list | tuple):  # as they are: a corpus would pass over blank ones
        return replace(given, texts=checked_texts(texts))
    beside = open_subject(texts, columns=columns, vector="" if isinstance(texts, str | Path) else None)
    if beside.texts is None:
        raise InputError(f"texts: want texts, got vectors alone in {beside.name}")
    return replace(given, texts=beside.texts, titles=beside.titles, passed_over=list(beside.problems))


def _opened(path: Path, vector: str | None) -> Given:
    try:
        found = open_matrix(path, vector)
    except CorruptError as error:  # the passport beside it is damaged, or belongs to another matrix
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        return Given(path.name, values, findings=[Finding("passport", "fault", str(error))])
    except InputError:
        values, finding = _cut_short(path)
        return Given(path.name, values, findings=[finding])
    return Given(found.name, found.values, passport=found.passport)


def _cut_short(path: Path) -> tuple[Array, Finding]:
    """The rows that are there of a .npy file that is shorter than its header says; raises what opening it did otherwise."""
    header = _header(path)
    if header is None:
        open_matrix(path)
        raise InputError(f"vectors: want a .npy file of numbers, got {path.name}")
    (n, d), dtype, offset = header
    size = path.stat().st_size - offset
    there = size // (d * dtype.itemsize)
    if there >= n or there < 1:
        open_matrix(path)
    values = np.memmap(path, dtype, "r", offset, (int(there), d))
    return np.asarray(values), Finding(
        "cut file",
        "fault",
        f"the file ends after {there:,} of the {n:,} rows that its header says: a copy or a download that was not finished",
        {"rows": int(there), "said": n},
    )


def _header(path: Path) -> tuple[tuple[int, int], np.dtype[Any], int] | None:
    if path.suffix.lower() != ".npy":
        return None
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(file)
        except (ValueError, EOFError):
            return None
        if fortran or len(shape) != 2 or dtype.kind not in "fiu" or not all(shape):
            return None
        return (int(shape[0]), int(shape[1])), dtype, file.tell()
