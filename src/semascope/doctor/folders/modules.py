"""modules.json and the pooling: which vectors other programs will make of the same weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semascope.doctor.folders.files import EditFile
from semascope.encoders.huggingface.layout import Layout
from semascope.encoders.huggingface.modules import BOOLEANS, KNOWN
from semascope.report import Finding

_OLD = "sentence_transformers.models"
_NEEDED = (
    "pooling_mode_cls_token",
    "pooling_mode_mean_tokens",
)  # text-embeddings-inference refuses a folder without them


def module_findings(folder: Path, layout: Layout | None, change: EditFile) -> list[Finding]:
    """Findings about modules and poolings, and the changes that mend them."""
    file = folder / "modules.json"
    if not file.is_file():
        return _bare(folder, layout)
    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
        entries = [(str(entry["type"]), str(entry["path"])) for entry in modules]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [Finding("modules", "fault", f"modules.json cannot be read as a list of modules ({error!r})")]
    found = [*_strange(entries), *_missing(folder, entries), *_new_paths(entries, change)]
    for kind, path in entries:
        if kind.rpartition(".")[2] == "Pooling":
            found += _pooling(folder, path, layout, change)
    found += _behind(entries)
    if not any(one.level in ("fault", "warning") for one in found):
        found.insert(0, Finding("modules", "fine", "every release of Sentence Transformers can import them"))
    return found


def _bare(folder: Path, layout: Layout | None) -> list[Finding]:
    if layout is None:
        return []
    return [
        Finding(
            "modules",
            "note",
            f"{folder.name} holds no modules.json: programs choose a pooling by themselves ({layout.pooling} here, as Sentence Transformers)",
        )
    ]


def _strange(entries: list[tuple[str, str]]) -> list[Finding]:
    own = [kind for kind, _ in entries if not kind.startswith("sentence_transformers.")]
    if own:
        says = f"modules.json asks for code of its own ({', '.join(own)}), which is never run here"
        return [Finding("code", "fault", says)]
    unknown = [kind for kind, _ in entries if kind.rpartition(".")[2] not in (*KNOWN, "StaticEmbedding")]
    if unknown:
        says = f"modules.json lists {', '.join(unknown)}, which programs other than Sentence Transformers do not read"
        return [Finding("modules", "warning", says)]
    return []


def _missing(folder: Path, entries: list[tuple[str, str]]) -> list[Finding]:
    found: list[Finding] = []
    for kind, path in entries:
        name = kind.rpartition(".")[2]
        if name in ("Pooling", "Dense", "LayerNorm") and not (folder / path / "config.json").is_file():
            found.append(
                Finding("missing files", "fault", f"modules.json names {path}/config.json, which is not there")
            )
    return found


def _new_paths(entries: list[tuple[str, str]], change: EditFile) -> list[Finding]:
    new = [
        kind
        for kind, _ in entries
        if kind.startswith("sentence_transformers.")
        and kind.rpartition(".")[0] != _OLD
        and kind.rpartition(".")[2] in KNOWN
    ]
    if not new:
        return []

    def old(modules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            module | {"type": f"{_OLD}.{module['type'].rpartition('.')[2]}"} if module["type"] in new else module
            for module in modules
        ]

    change(
        "modules.json",
        old,
        f"class paths of {', '.join(kind.rpartition('.')[2] for kind in new)} as every release imports them",
    )
    return [
        Finding(
            "class paths",
            "warning",
            f"modules.json names {new[0]}: releases of Sentence Transformers before 5.4 cannot import it; {_OLD}.* works in all",
            {"paths": new},
        )
    ]


def _pooling(folder: Path, path: str, layout: Layout | None, change: EditFile) -> list[Finding]:
    file = folder / path / "config.json"
    try:
        config: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    old = [mode for key, mode in BOOLEANS.items() if config.get(key)]
    new = config.get("pooling_mode")
    modes: list[str] = [new] if isinstance(new, str) else list(new or [])
    if new is not None and any(key in config for key in BOOLEANS) and modes != (old or ["mean"]):
        says = (
            f"{path}/config.json says two things: pooling_mode {'+'.join(modes)}, and by its booleans {'+'.join(old) or 'mean'}; programs take "
            "one or the other. Which one is right only its maker knows"
        )
        return [Finding("pooling keys", "fault", says, {"new": modes, "old": old})]
    usual = [mode for mode in BOOLEANS.values() if mode in (modes or old)]
    lacks = [key for key in _NEEDED if key not in config]
    if not lacks or layout is None or (modes and modes != usual):
        return []

    def both(values: dict[str, Any]) -> dict[str, Any]:
        width = values.get("word_embedding_dimension", values.get("embedding_dimension"))
        flags = {key: mode in usual for key, mode in BOOLEANS.items()}
        return {**({"word_embedding_dimension": width} if width is not None else {}), **values, **flags}

    change(f"{path}/config.json", both, f"the old booleans beside pooling_mode ({'+'.join(usual)})")
    return [
        Finding(
            "pooling keys",
            "warning",
            f"{path}/config.json has only the new key pooling_mode ({'+'.join(usual)}): text-embeddings-inference refuses a folder without the old "
            "booleans, and vLLM took CLS without a word",
            {"pooling": usual, "lacks": lacks},
        )
    ]


def _behind(entries: list[tuple[str, str]]) -> list[Finding]:
    layers = [kind.rpartition(".")[2] for kind, _ in entries if kind.rpartition(".")[2] in ("Dense", "LayerNorm")]
    if not layers:
        return []
    says = f"{' and '.join(layers)} behind the pooling: a program that reads the pooling alone leaves them out, and gives other vectors"
    return [Finding("layers behind the pooling", "note", says, {"layers": layers})]
