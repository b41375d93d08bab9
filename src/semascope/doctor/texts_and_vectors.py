"""Where texts and their vectors do not go together: seen without any encoder, from what is equal on one side and not on the other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from semascope.doctor.figures import first, rows_said, where
from semascope.doctor.naming.grid import grid_of
from semascope.doctor.reading import Seen, repeats
from semascope.ops import unit
from semascope.report import Finding
from semascope.types import Array

ROUNDING = 1e-4  # 1 - cosine that another batch or machine may cost
FAR_SHARE = 0.95  # of random pairs: a cosine that so many do not reach is that of unrelated texts
BEGIN = 200  # characters in which two long texts must agree for one vector to be a cut text
ANSWER = 5  # texts of different words under one vector: an answer that was given to all of them
_PAIRS = 20_000  # looked at at most
_WORDS = re.compile(r"\w+")


def texts_and_vectors(seen: Seen, values: Array, texts: Sequence[str], usual: float | None) -> list[Finding]:
    """Findings about n rows and their n texts.

    Args:
        seen: The pass over the rows.
        values: (n, d), the rows; few of them are read.
        texts: (n,).
        usual: The cosine that FAR_SHARE of random pairs do not reach; None where that is not known.
    """
    plain = [" ".join(_WORDS.findall(text.casefold())) for text in texts]
    with np.errstate(all="ignore"):  # of values that no encoder gives
        room = ROUNDING + 4 * grid_of(values).noise
    return [
        *_empty(seen, texts),
        _same_texts(seen, values, texts, room),
        *_nearly_same(seen, values, texts, plain, usual),
        *_one_vector(seen, texts, plain),
    ]


def _empty(seen: Seen, texts: Sequence[str]) -> list[Finding]:
    blank = np.array([not text.strip() for text in texts], dtype=bool)
    zero = seen.lengths == 0
    found: list[Finding] = []
    filled = np.flatnonzero(blank & seen.usable)
    if len(filled):
        found.append(
            Finding(
                "empty texts",
                "warning" if len(filled) > 1 else "note",
                f"{rows_said(len(filled))} with an empty text have a vector ({where(filled)}): search finds them, for nothing that "
                "is written there",
                {"rows": len(filled)},
                first(filled),
            )
        )
    lost = np.flatnonzero(~blank & zero)
    if len(lost):
        found.append(
            Finding(
                "texts without a vector",
                "fault",
                f"{rows_said(len(lost))} with a text are all zero ({where(lost)}): their encoding failed, or knows no word of them; search "
                "never finds them",
                {"rows": len(lost)},
                first(lost),
            )
        )
    both = int((blank & zero).sum())
    if both:
        found.append(
            Finding("empty rows", "note", f"{rows_said(both)} with an empty text are all zero, as they should be")
        )
    return found


def _same_texts(seen: Seen, values: Array, texts: Sequence[str], room: float) -> Finding:
    groups: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        groups[text].append(place)
    pairs = [(group[0], other) for group in groups.values() if len(group) > 1 for other in group[1:]]
    repeated = len(pairs)
    one, other = _usable(seen, pairs)
    if not len(one):
        return Finding("equal texts", "fine", f"no two of {len(texts):,} texts are equal")
    cosines = row_cosines(values, one, other)
    apart = np.flatnonzero(cosines < 1 - room)
    numbers = {"repeated texts": repeated, "apart": len(apart), "lowest cosine": float(cosines.min())}
    if not len(apart):
        says = f"{rows_said(repeated, 'text')} of {len(texts):,} repeat an earlier one, and their vectors are the same (lowest cosine {cosines.min():.5f})"
        return Finding("equal texts", "note" if repeated > 0.01 * len(texts) else "fine", says, numbers)
    worst = int(cosines.argmin())
    return Finding(
        "equal texts",
        "fault",
        f"{len(apart):,} of {rows_said(len(one), 'text')} that repeat an earlier one have another vector (lowest cosine "
        f"{cosines[worst]:.4f}, rows {one[worst]:,} and {other[worst]:,}): made in two ways, or rows are not those of their texts",
        numbers,
        first(other[apart]),
    )


def _nearly_same(
    seen: Seen, values: Array, texts: Sequence[str], plain: Sequence[str], usual: float | None
) -> list[Finding]:
    if usual is None:
        return []
    one, other = _usable(seen, near_pairs(texts, plain))
    if not len(one):
        return []
    cosines = row_cosines(values, one, other)
    far = np.flatnonzero(cosines <= usual)
    numbers = {"pairs": len(one), "far": len(far), "lowest cosine": float(cosines.min()), "unrelated": usual}
    if not len(far):
        says = f"{len(one):,} pairs of texts that differ in next to nothing lie together (lowest cosine {cosines.min():.3f})"
        return [Finding("near-equal texts", "fine", says, numbers)]
    worst = int(cosines.argmin())
    level = "fault" if len(far) > max(2, 0.2 * len(one)) else "warning"
    return [
        Finding(
            "near-equal texts",
            level,
            f"{len(far):,} of {len(one):,} pairs of texts that differ in next to nothing are as far apart as unrelated ones (cosine "
            f"{cosines[worst]:.3f}, rows {one[worst]:,} and {other[worst]:,}; 95 of 100 random pairs stay below {usual:.3f})",
            numbers,
            first(other[far]),
        )
    ]


def near_pairs(texts: Sequence[str], plain: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of places of texts that differ only in case, marks and spaces, or in at most a tenth of their words."""
    found: dict[tuple[int, int], None] = {}
    buckets: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place, text in enumerate(plain):
        words = text.split()
        if len(words) < 3:
            continue
        third = len(words) // 3
        parts = (words[:third], words[third : 2 * third], words[2 * third :]) if len(words) >= 12 else (words,)
        for number, part in enumerate(parts):
            buckets[number if len(parts) > 1 else -1, " ".join(part)].append(place)
    for group in buckets.values():
        for one, other in pairwise(group):
            if texts[one] != texts[other] and (one, other) not in found and _alike(plain[one], plain[other]):
                found[one, other] = None
                if len(found) >= _PAIRS:
                    return list(found)
    return list(found)


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    a, b = set(one.split()), set(other.split())
    return len(a & b) >= 0.9 * len(a | b)


def _one_vector(seen: Seen, texts: Sequence[str], plain: Sequence[str]) -> list[Finding]:
    """Different texts under one vector: one answer for many, or texts that were cut before they differ."""
    answers: list[NDArray[np.int64]] = []
    cut: list[NDArray[np.int64]] = []
    shortest = 0
    for group in repeats(seen.hashes, seen.usable):
        different: dict[str, int] = {}
        for place in map(int, group):
            different.setdefault(" ".join(sorted(plain[place].split())), place)
        if len(different) < 2:
            continue
        held = list(different.values())
        rows = np.array(held, dtype=np.int64)
        begin = _common([texts[i] for i in held])
        if begin >= BEGIN:
            cut.append(rows)
            shortest = min(shortest, begin) if shortest else begin
        elif _unlike([plain[i] for i in held]):
            answers.append(rows)
    return [*_cached(answers), *_cut(cut, shortest)]


def _cached(groups: list[NDArray[np.int64]]) -> list[Finding]:
    if not groups:
        return []
    groups = sorted(groups, key=len, reverse=True)
    rows = np.concatenate(groups)
    level = "fault" if len(groups[0]) >= ANSWER or len(groups) >= ANSWER else "warning"
    return [
        Finding(
            "one vector, many texts",
            level,
            f"{rows_said(len(rows), 'text')} of different words share {rows_said(len(groups), 'vector')}; the commonest stands for "
            f"{len(groups[0]):,} of them ({where(groups[0])}): a cached, empty or failed answer, or words the encoder does not know",
            {"texts": len(rows), "vectors": len(groups), "largest": len(groups[0])},
            first(rows),
        )
    ]


def _cut(groups: list[NDArray[np.int64]], shortest: int) -> list[Finding]:
    if not groups:
        return []
    rows = np.concatenate(groups)
    return [
        Finding(
            "texts cut before they differ",
            "warning",
            f"{len(rows):,} long texts share {rows_said(len(groups), 'vector')} with texts that begin alike ({where(rows)}; the first "
            f"{shortest:,} characters or more agree): they were cut before they differ, and search cannot tell them apart",
            {"texts": len(rows), "vectors": len(groups), "characters alike": shortest},
            first(rows),
        )
    ]


def _common(texts: Sequence[str]) -> int:
    low, high = min(texts), max(texts)
    return next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))


def _unlike(plain: Sequence[str]) -> bool:
    """Whether two of them share less than half of their words; texts without any word are left out."""
    sets = [set(text.split()) for text in plain if text]
    return any(len(a & b) < 0.5 * len(a | b) for a, b in pairwise(sets))


def _usable(seen: Seen, pairs: Sequence[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)[:_PAIRS]
    both = both[seen.usable[both].all(axis=1)]
    return both[:, 0], both[:, 1]


def row_cosines(values: Array, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosines of rows `one` with rows `other`, float64 (k,), some thousand at a time."""
    out = np.empty(len(one))
    for start in range(0, len(one), 4_096):
        part = slice(start, start + 4_096)
        a, b = (unit(np.asarray(values[at[part]], dtype=np.float64)).astype(np.float64) for at in (one, other))
        out[part] = np.einsum("ij,ij->i", a, b)
    return out
