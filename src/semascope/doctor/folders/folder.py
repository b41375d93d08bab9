"""A folder of Sentence Transformers or Hugging Face: what other programs will read otherwise, and the small files put right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semascope.doctor.figures import worst_first
from semascope.doctor.folders.files import files_findings, own_findings
from semascope.doctor.folders.modules import module_findings
from semascope.doctor.folders.texts import reading_findings
from semascope.doctor.verdict import quoted, trouble
from semascope.encoders.huggingface import read_folder
from semascope.encoders.huggingface.layout import Layout
from semascope.errors import CorruptError, OptionError, SemascopeError, UnknownNameError
from semascope.ops import guarded, write_text
from semascope.report import Finding, Report, Table

BEFORE = ".before"


@dataclass(frozen=True)
class Change:
    """A small file as it should be.

    Args:
        file: Its path inside the folder.
        values: What it should hold.
        why: What is changed, in words.
    """

    file: str
    values: Any
    why: str


def examine_folder(folder: str | Path, *, fix: bool = False) -> Report:
    """What is wrong with a model's folder, and what other programs will read otherwise than Sentence Transformers does.

    Nothing in it is run and no weights are loaded. With `fix` its small JSON files are put right in place, each written aside
    and renamed, the old one kept as `NAME.before`; weights are never touched. The model that the folder describes is read before and
    after, and everything is put back should the two differ.

    Args:
        folder: Of the model.
        fix: Whether to put right what can be.

    Raises:
        UnknownNameError: there is no such folder, or no model in it.
        ReadOnlyError, FullError: it cannot be written to.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UnknownNameError(f"folder: want the folder of a model, got {folder}, where there is none")
    if not any((folder / name).is_file() for name in ("config.json", "modules.json")):
        raise UnknownNameError(f"folder: want a model, got {folder}, which holds neither modules.json nor config.json")
    findings, changes, layout = look_at(folder)
    if not fix or not changes:
        return _report(folder, findings, changes, layout, [])
    done = _repair(folder, changes, layout)
    findings, left, layout = look_at(folder)
    return _report(folder, findings, left, layout, done)


def look_at(folder: Path) -> tuple[list[Finding], list[Change], Layout | None]:
    """Findings, the changes that mend some of them, and the folder as it is read here, None where it cannot be."""
    if _own(folder):
        return own_findings(folder), [], None
    layout, refused = _layout(folder)
    findings: list[Finding] = []
    changes: dict[str, tuple[Any, list[str]]] = {}

    def change(file: str, edit: Callable[[Any], Any], why: str) -> None:
        """Changes of one file add up."""
        values, reasons = changes.get(file) or (_json(folder / file), [])
        changes[file] = (edit(values), [*reasons, why])

    for look in (files_findings, module_findings, reading_findings):
        findings += look(folder, layout, change)
    if refused is not None and not any(one.level == "fault" for one in findings):
        findings.append(Finding("cannot be read", "fault", refused))
    if layout is not None:
        findings += [Finding("assumed", "note", note) for note in layout.notes]
    made = [Change(file, values, "; ".join(reasons)) for file, (values, reasons) in changes.items()]
    return findings, made if layout is not None else [], layout


def _own(folder: Path) -> bool:
    """Whether it is a folder that Semascope saved, or a table of token vectors, neither of which other programs read otherwise."""
    config = _json(folder / "config.json")
    if isinstance(config, dict) and "format" in config and "kind" in config:
        return True
    modules = _json(folder / "modules.json")
    return isinstance(modules, list) and any("StaticEmbedding" in str(one) for one in modules)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _layout(folder: Path) -> tuple[Layout | None, str | None]:
    try:
        return read_folder(folder), None
    except (CorruptError, OptionError) as error:
        return None, str(error)


def _json(file: Path) -> Any:
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptError(f"{file}: cannot be read as JSON ({error})") from error


def _repair(folder: Path, changes: list[Change], before: Layout | None) -> list[Change]:
    """Write the changes; put everything back where the folder is not the same model afterwards."""
    kept: list[tuple[Path, Path | None]] = []
    try:
        for change in changes:
            file = folder / change.file
            kept.append((file, _keep(file)))
            write_text(file, json.dumps(change.values, indent=2, ensure_ascii=False) + "\n")
        after = read_folder(folder)
        if before is None or _meaning(after) != _meaning(before):
            raise CorruptError(f"{folder}: the mended files say another model; they were put back as they were")
    except (SemascopeError, OSError):
        for file, backup in kept:
            if backup is None:
                file.unlink(missing_ok=True)
            else:
                backup.replace(file)
        raise
    return changes


def _keep(file: Path) -> Path | None:
    """Copy a file to `NAME.before`, or a number behind that where one is there; None where there is no file."""
    if not file.is_file():
        return None
    place = file.with_name(file.name + BEFORE)
    number = 2
    while place.exists():
        place, number = file.with_name(f"{file.name}{BEFORE}{number}"), number + 1
    with guarded(f"keep {file} as {place}"):
        shutil.copy2(file, place)
    return place


def _meaning(layout: Layout) -> tuple[Any, ...]:
    """What decides a vector."""
    return (
        layout.poolings,
        layout.include_prompt,
        len(layout.layers),
        layout.normalize,
        dict(layout.prompts),
        layout.default_prompt,
        layout.max_length,
        layout.side,
        layout.lower_case,
    )


def _report(
    folder: Path, findings: list[Finding], changes: list[Change], layout: Layout | None, done: list[Change]
) -> Report:
    tables = [
        Table(
            "Mended, the old ones kept as NAME.before" if done else "What --fix would write",
            ("file", "change"),
            [(change.file, change.why) for change in (done or changes)],
        )
    ] if done or changes else []  # fmt: skip
    said = trouble(findings, [])
    if done:
        verdict = f"Mended {len(done)} small file{'s' if len(done) > 1 else ''}, no weights touched. Now: {said[0].lower()}{said[1:]}."
    else:
        model = f" ({_described(layout)})" if layout is not None else ""
        verdict = f"{said}{model}."
    follow = f"semascope doctor {quoted(str(folder))} --fix"
    if not changes:
        follow = f"semascope doctor {quoted(str(folder))} http://127.0.0.1:8080/v1" if layout is not None else ""
    numbers: Mapping[str, Any] = {"changes": [change.file for change in changes], "mended": [c.file for c in done]}
    return Report("doctor", folder.name, verdict, worst_first(findings), tables, next=follow, numbers=numbers)


def _described(layout: Layout) -> str:
    length = f"cut at {layout.max_length} tokens" if layout.max_length else "never cut"
    return f"{layout.pooling}, {length}, {'length one' if layout.normalize else 'as pooled'}"
