"""What the page carries of a corpus, in as few bytes as serve: each part is deflated and in base64."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.corpus.dates import read_dates
from semascope.look.found import Duplicates, Found, Group, Lengths
from semascope.look.verdict import SPOKEN
from semascope.ops import digest
from semascope.report.findings import plain
from semascope.types import Array

TEXT_ROOM = 6_500_000  # bytes that all texts may take when deflated: 8.7 MB of base64
SETS = 3_000  # of duplicates, and as many of near ones
LISTED = 5_000  # rows of any other list
FIRST = 60  # of a group's rows, known to be its most typical
BINS = 48


def payload(found: Found) -> dict[str, str]:
    """Name -> base64 of the deflated part; the facts are JSON, texts are joined by zero bytes, numbers little-endian."""
    subject = found.subject
    places, span = turned(found.layout.places)
    parts: dict[str, bytes] = {
        "places": places.T.astype("<u2").tobytes(),
        "of": found.groups.of.astype("<i2").tobytes(),
    }
    facts = _facts(found, places, span)
    if subject.texts is not None:
        parts["texts"], facts["cut_at"] = _texts(subject.texts)
    if list(subject.ids) != [str(number + 1) for number in range(len(subject))]:
        parts["ids"] = _joined(subject.ids)
    if subject.times is not None:
        parts["times"] = _joined([one or "" for one in subject.times])
        shares, facts["when"] = _when(subject.times)
        if facts["when"] is not None:
            parts["when"] = shares.astype("<f4").tobytes()
    for part, key, values, kind in (
        ("label", "labels_names", subject.labels, "<i4"),
        ("lang", "langs_names", None if found.languages is None else found.languages.of, "<i2"),
    ):
        if values is not None:
            codes, names = _classes(values)
            facts[key] = [SPOKEN.get(name, name) for name in names] if part == "lang" else names
            parts[part] = codes.astype(kind).tobytes()
    parts |= _searched(found)
    parts["facts"] = json.dumps(plain(facts), ensure_ascii=True).encode("ascii")
    return {name: _packed(part) for name, part in parts.items()}


def _packed(part: bytes) -> str:
    return base64.b64encode(zlib.compress(part, 9)).decode("ascii")


def _joined(texts: Sequence[str]) -> bytes:
    # A zero byte ends a text, and half a surrogate pair is no text in UTF-8: both become a mark that can be seen.
    return "\0".join(text.replace("\0", "\N{REPLACEMENT CHARACTER}") for text in texts).encode("utf-8", "replace")


def _texts(texts: Sequence[str]) -> tuple[bytes, int]:
    """All texts, cut to as many characters as have room; and that number, 0 where none is cut."""
    limit = max((len(text) for text in texts), default=0)
    whole = limit
    while True:
        joined = _joined([text[:limit] for text in texts])
        packed = len(joined) if len(joined) < TEXT_ROOM else len(zlib.compress(joined, 1))
        if packed <= TEXT_ROOM or limit <= 40:
            return joined, limit if limit < whole else 0
        sizes = np.array([len(text) for text in texts])
        wanted = float(np.minimum(sizes, limit).sum()) * TEXT_ROOM / packed * 0.97
        lower = limit
        while lower > 40 and float(np.minimum(sizes, lower).sum()) > wanted:
            lower = int(lower * 0.95)
        limit = max(lower, 40)


def turned(places: Array) -> tuple[NDArray[np.uint16], tuple[float, float]]:
    """The map's places as whole numbers up to 65,535 in one scale for both axes, and how far they reach.

    Turned so that its longer way lies across the page, which is wider than high.
    """
    middle = np.asarray(places, np.float64) - places.mean(axis=0)
    _, axes = np.linalg.eigh(middle.T @ middle)
    turn = axes[:, ::-1] * np.sign(axes[:, ::-1].sum(axis=0) + 1e-12)
    places = middle @ turn
    low = places.min(axis=0)
    span = float(max((places.max(axis=0) - low).max(), 1e-9))
    whole = np.rint((places - low) / span * 65535).astype(np.uint16)
    width, height = (float(value) or 1.0 for value in whole.max(axis=0))
    return whole, (width, height)


def _classes(values: Sequence[str | None]) -> tuple[NDArray[np.int32], list[str]]:
    names = sorted({str(value) for value in values if value})
    known = {name: place for place, name in enumerate(names)}
    return np.array([known[str(value)] if value else -1 for value in values], np.int32), names


def _when(times: Sequence[str | None]) -> tuple[NDArray[np.float32], tuple[str, str] | None]:
    """Each row's place between the first and the last date, NaN where it has none; and these two dates."""
    dates, _ = read_dates(times)
    days = np.array([np.nan if day is None else day.toordinal() for day in dates], np.float64)
    if not np.isfinite(days).any() or np.nanmax(days) == np.nanmin(days):
        return np.full(len(days), np.nan, np.float32), None
    first, last = float(np.nanmin(days)), float(np.nanmax(days))
    known = [day for day in dates if day is not None]
    return ((days - first) / (last - first)).astype(np.float32), (str(min(known)), str(max(known)))


def _searched(found: Found) -> dict[str, bytes]:
    search = found.search
    if search is None:
        return {}
    parts = {"rows": search.rows.packed()}
    if search.words is not None:
        parts["words"] = search.words.packed()
        parts["sizes"] = search.sizes.astype("<f4").tobytes()
        parts["weights"] = search.weights.astype("<f4").tobytes()
        parts["vocabulary"] = _joined(search.vocabulary)
    return parts


def _facts(found: Found, places: Array, span: tuple[float, float]) -> dict[str, Any]:
    subject, labels = found.subject, found.labels
    outliers = {
        "rows": found.outliers.rows[:LISTED],
        "scores": found.outliers.scores[:LISTED],
        "says": found.outliers.says,
    }
    return {
        "source": subject.name,
        "n": len(subject),
        "sampled": subject.sampled,
        "texts": subject.texts is not None,
        "span": span,
        "hash": digest(*subject.ids, *(subject.texts or ()))[:16],
        "groups": [_group(one, found, places) for one in found.groups.groups],
        "alone": int((found.groups.of < 0).sum()),
        "duplicates": _duplicates(found.duplicates),
        "outliers": outliers,
        "labels": None
        if labels is None
        else {
            "counts": dict(sorted(labels.counts.items(), key=lambda one: -one[1])[:500]),
            "accuracy": list(labels.accuracy),
            "suspects": [vars(one) for one in labels.suspects[:LISTED]],
            "expected": labels.expected,
            "says": labels.says,
        },
        "few": None if found.few is None else vars(found.few),
        "languages": None
        if found.languages is None
        else {
            "counts": {SPOKEN.get(code, code): rows for code, rows in found.languages.counts.items()},
            "warning": found.languages.warning,
            "says": found.languages.says,
        },
        "lengths": None if found.lengths is None else _lengths(found.lengths),
        "trends": None
        if found.trends is None
        else {**vars(found.trends), "trends": list(map(vars, found.trends.trends))},
        "search": _search(found),
        "notes": list(found.notes),
        "about": _about(found),
        "labels_names": [],
        "langs_names": [],
        "when": None,
        "cut_at": 0,
    }


def _group(one: Group, found: Found, places: Array) -> dict[str, Any]:
    labels = found.subject.labels
    inside: dict[str, int] = {}
    for row in one.rows if labels is not None else ():
        name = labels[int(row)] if labels is not None else None
        if name:
            inside[name] = inside.get(name, 0) + 1
    return {
        "name": one.name,
        "words": list(one.words),
        "n": len(one.rows),
        "stability": list(one.stability),
        "stable": one.stable,
        "first": one.rows[:FIRST],
        "at": densest(places[one.rows]),
        "labels": sorted(inside.items(), key=lambda it: (-it[1], it[0]))[:4],
    }


def densest(places: Array, most: int = 400) -> list[float]:
    """The place (2,) among `places` (n, 2) that has a tenth of the others nearest by: where a name belongs."""
    some = np.asarray(places[:: max(1, -(-len(places) // most))], np.float64)
    apart = ((some[:, None] - some[None]) ** 2).sum(axis=2)
    tenth = np.partition(apart, max(1, len(some) // 10) if len(some) > 1 else 0, axis=1)
    return list(map(float, some[int(tenth[:, max(1, len(some) // 10) if len(some) > 1 else 0].argmin())]))


def _duplicates(found: Duplicates) -> dict[str, Any]:
    exact = sorted(found.exact, key=len, reverse=True)
    near = list(found.near)[:SETS]
    return {
        "exact": [list(rows)[:200] for rows in exact[:SETS]],
        "near": [list(rows)[:200] for rows in near],
        "likeness": list(found.likeness)[:SETS],
        "extra": sum(len(rows) - 1 for rows in exact),
        "left": max(0, len(exact) - SETS) + max(0, len(found.near) - SETS),
        "says": found.says,
    }


def _lengths(found: Lengths) -> dict[str, Any]:
    characters = np.maximum(found.characters, 1)
    low, high = float(characters.min()), float(characters.max())
    edges = np.unique(np.rint(np.geomspace(low, max(high, low) + 1, BINS + 1)))
    bins, _ = np.histogram(characters, bins=edges)
    ticks = [step * 10**power for power in range(8) for step in (1, 2, 5) if low <= step * 10**power <= high]
    cut = found.cut[:LISTED]
    return {
        "bins": bins,
        "edges": edges.astype(int),
        "ticks": ticks,
        "cut": [(int(row), int(found.characters[row])) for row in cut],
        "cut_n": len(found.cut),
        "says": found.says,
    }


def _search(found: Found) -> Mapping[str, Any] | None:
    search = found.search
    if search is None:
        return None
    rows, words = search.rows, search.words
    return {
        "k": rows.codes.shape[1],
        "bits": rows.bits,
        "scale": rows.scale,
        "offset": rows.offset,
        "words": None if words is None else {"bits": words.bits, "scale": words.scale, "offset": words.offset},
        "says": search.says,
    }


def _about(found: Found) -> list[tuple[str, str]]:
    trust, search, subject = found.layout.trust, found.search, found.subject
    facts = [
        ("rows", f"{len(subject):,}" + (f", drawn evenly from {subject.total:,}" if subject.sampled else "")),
        ("columns", subject.columns),
        ("vectors", f"{found.encoder}, {subject.vectors.shape[1]} dimensions" if subject.vectors is not None else ""),
        ("groups", found.groups.says),
        (
            "map",
            f"Trustworthiness among 15 neighbours {trust.value:.3f} [{trust.low:.3f}, {trust.high:.3f}] on {trust.n:,} rows; 1 is perfect, "
            "0.5 is a map without meaning. Near is like; far apart, sizes and empty space say little.",
        ),
        ("search", search.says if search else ""),
    ]
    if search is not None and search.kept is not None:
        kept = search.kept
        facts.append(
            (
                "more like this",
                f"Computed from {search.rows.codes.shape[1]} numbers of {search.rows.bits} bits a row, which keep "
                f"{kept.value:.0%} [{kept.low:.0%}, {kept.high:.0%}] of a row's ten nearest.",
            )
        )
    return [(name, value) for name, value in facts if value]
