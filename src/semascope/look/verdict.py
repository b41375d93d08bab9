"""What was found, in words: the line on top, the counts, and the report of the command line."""

from __future__ import annotations

from collections.abc import Iterator

from semascope.look.found import Found, Labels, Languages
from semascope.ops import Interval
from semascope.report import Finding, Report, Table

# Codes of ISO 639-1 that texts are told apart by, as people say them.
SPOKEN = {
    "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip


def counted(number: int, noun: str, many: str = "") -> str:
    """`1 row`, `12,300 rows`."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def repeats(found: Found) -> int:
    """Rows that could go because an earlier one has the same text."""
    return sum(len(rows) - 1 for rows in found.duplicates.exact)


def verdict(found: Found) -> str:
    """One line: rows, groups and how many of them are stable, duplicates, labels that look wrong, languages."""
    groups = found.groups.groups
    stable = sum(one.stable for one in groups)
    rows = counted(len(found.subject), "row")
    if found.subject.sampled:
        rows += f" (of {found.subject.total:,})"
    if groups:
        many = (
            "none of them stable"
            if not stable
            else "all of them stable"
            if stable == len(groups)
            else f"{stable} of them stable"
        )
        said = [f"{rows} in {counted(len(groups), 'group')}, {many}" if len(groups) > 1 else f"{rows} in 1 group"]
    else:
        said = [f"{rows} in no groups"]
    if found.subject.texts is not None:
        said.append(counted(repeats(found), "exact duplicate"))
    if found.labels is not None and not found.labels.told:
        said.append("labels that the texts do not tell")
    elif found.labels is not None and not found.labels.expected:
        said.append("no label looks wrong")
    elif found.labels is not None:
        said.append(
            f"about {counted(found.labels.expected, 'label looks', 'labels look')} wrong{_judged(found.labels)}"
        )
    if found.languages is not None and found.languages.counts:
        said.append(languages(found))
    return "; ".join(said)


def _judged(labels: Labels) -> str:
    """By whom labels were judged, where that has to be known: a model that is often wrong finds many labels wrong."""
    right = labels.accuracy.value
    return "" if right >= 0.85 or not labels.expected else f" to a model that is right for {right:.0%} of rows"


def languages(found: Found) -> str:
    """The languages that have a share worth naming: "English", "English (80%), German (15%), 3 others"."""
    if found.languages is None:
        return ""
    known = {code: rows for code, rows in found.languages.counts.items() if code}
    total = sum(known.values())
    main = _main(found.languages)
    if not main:
        return "language not known"
    names = [SPOKEN.get(code, code) for code, _ in main]
    if len(main) == 1:
        return names[0] if len(known) == 1 or main[0][1] >= 0.98 * total else f"mostly {names[0]}"
    others = len(known) - len(main)
    listed = ", ".join(f"{name} ({rows / total:.0%})" for name, (_, rows) in zip(names, main, strict=True))
    return listed + (f", {counted(others, 'other')}" if others else "")


def _main(found: Languages) -> list[tuple[str, int]]:
    """The languages worth naming: of one row in fifty or more, the commonest first, at most four."""
    known = {code: rows for code, rows in found.counts.items() if code}
    total = sum(known.values())
    return [(code, rows) for code, rows in known.items() if rows >= 0.02 * total][:4]


def counts(found: Found) -> Iterator[tuple[str, str, str, str]]:
    """The counts on top of the page: where they lead, the figure, what it counts, and "warning" where it should be seen."""
    groups = found.groups.groups
    stable = sum(one.stable for one in groups)
    yield "atlas", f"{len(groups):,}", f"groups, {stable:,} stable", ""
    if found.subject.texts is not None:
        yield "duplicates", f"{repeats(found):,}", "exact duplicates", "warning" if repeats(found) else ""
        yield "duplicates", f"{len(found.duplicates.near):,}", "near-duplicate sets", ""
    yield "outliers", f"{len(found.outliers.rows):,}", "unlike any others", ""
    if found.labels is not None and not found.labels.told:
        yield "labels", f"{len(found.labels.counts):,}", "labels, not told by texts", ""
    elif found.labels is not None:
        yield "labels", f"~{found.labels.expected:,}", "labels look wrong", "warning" if found.labels.expected else ""
    if found.few is not None:
        few, rows = found.few.accuracy, len(found.few.rows)
        yield (
            ("few", f"{rows:,}", "rows to label first", "")
            if few is None
            else ("few", f"{few.value:.0%}", f"right after labelling {rows:,}", "")
        )
    if found.trends is not None:
        rose, fell = (sum(one.rose == way for one in found.trends.trends) for way in (1, -1))
        yield "trends", f"{rose:,} ▲ {fell:,} ▼", "groups rose, fell", ""
    if found.languages is not None and any(found.languages.counts):
        main = _main(found.languages)
        yield (
            "languages",
            SPOKEN.get(main[0][0], main[0][0]) if len(main) == 1 else f"{len(main):,}",
            "language" if len(main) == 1 else "languages",
            "warning" if found.languages.warning else "",
        )
    if found.lengths is not None:
        yield "lengths", f"{len(found.lengths.cut):,}", "texts are cut", "warning" if len(found.lengths.cut) else ""


def report(found: Found, *, then: str = "") -> Report:
    """What the command line prints: verdict, findings, and the groups as a table.

    Args:
        found: By `look`.
        then: The one command that follows.
    """
    table = Table(
        "Groups",
        ("rows", "stability", "", "name"),
        [
            (f"{len(one.rows):,}", _figure(one.stability), "" if one.stable else "unstable", ", ".join(one.words[:6]))
            for one in found.groups.groups[:25]
        ],
        found.groups.says
        + (f" {len(found.groups.groups) - 25} more are on the page." if len(found.groups.groups) > 25 else ""),
    )
    tables = [table] if table.rows else []
    return Report(
        "look",
        found.subject.name,
        verdict(found) + ".",
        list(findings(found)),
        tables,
        next=then,
        notes=list(found.notes),
    )


def _figure(it: Interval) -> str:
    return f"{it.value:.2f} [{it.low:.2f}, {it.high:.2f}]"


def findings(found: Found) -> Iterator[Finding]:
    """The evidence, one finding a part."""
    same, near = repeats(found), len(found.duplicates.near)
    if found.subject.texts is not None:
        says = (
            f"{counted(same, 'row')} repeat an earlier text; {counted(near, 'set')} of texts that are nearly the same."
        )
        yield Finding("duplicates", "warning" if same else "fine", says, {"exact": same, "near": near})
    yield Finding(
        "outliers",
        "note",
        f"{counted(len(found.outliers.rows), 'row')} unlike any others. {found.outliers.says}".strip(),
    )
    if found.labels is not None and not found.labels.told:
        yield Finding("labels", "note", found.labels.says, {"accuracy": found.labels.accuracy._asdict()})
    elif found.labels is not None:
        accuracy = found.labels.accuracy
        many = f"about {found.labels.expected:,} look wrong" if found.labels.expected else "none looks wrong"
        says = f"{many}; a linear model gets {_figure(accuracy)} of unseen rows right (n={accuracy.n:,})."
        rows = [one.row for one in found.labels.suspects[:10]]
        yield Finding(
            "labels", "warning" if found.labels.expected else "fine", says, {"expected": found.labels.expected}, rows
        )
    if found.few is not None and found.few.accuracy is not None:
        random = f"; as many drawn at random: {_figure(found.few.random)}" if found.few.random else ""
        yield Finding(
            "few labels",
            "note",
            f"with {len(found.few.rows)} rows labelled, {_figure(found.few.accuracy)} of the others are right{random}.",
        )
    if found.languages is not None:
        says = f"{languages(found)}. {found.languages.warning}".strip()
        yield Finding("languages", "warning" if found.languages.warning else "fine", says)
    if found.lengths is not None:
        yield Finding("lengths", "warning" if len(found.lengths.cut) else "fine", found.lengths.says)
    if found.trends is not None:
        shown = [one for one in found.trends.trends if one.rose]
        named = ", ".join(
            f"{'▲' if one.rose > 0 else '▼'} {found.groups.groups[one.group].name} ({100 * one.change.value:+.1f} points)"
            for one in shown[:4]
        )
        yield Finding(
            "time",
            "note",
            f"{len(shown)} groups rose or fell. {named}".strip()
            if shown
            else "no group is shown to have risen or fallen.",
        )
    if found.search is not None and found.search.overlap is not None:
        yield Finding("search in the page", "note", found.search.says)
