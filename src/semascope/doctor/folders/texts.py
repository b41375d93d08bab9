"""How the texts are read: longest text, prompts, case, and whether the tokenizer's files and the model agree on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from semascope.doctor.folders.files import EditFile
from semascope.encoders.huggingface.layout import Layout
from semascope.report import Finding

_UNLIMITED = 10**20
_OWN = "sentence_bert_config.json"


def reading_findings(folder: Path, layout: Layout | None, change: EditFile) -> list[Finding]:
    """Findings about lengths, prompts and case, and the changes that mend them."""
    if layout is None:
        return []
    inner = layout.transformer.relative_to(folder)
    found = [
        *_lengths(layout, str(inner), (folder / "modules.json").is_file(), change),
        *_vocabulary(layout),
        *_prompts(layout),
        *_case(layout),
    ]
    if not any(one.level in ("fault", "warning") for one in found):
        found.append(Finding("lengths", "fine", f"every file agrees that {_length(layout.max_length)}"))
    return found


def _length(limit: int | None) -> str:
    return f"texts are cut at {limit} tokens" if limit is not None else "texts are not cut"


def _read(file: Path) -> dict[str, Any]:
    plain = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return plain if isinstance(plain, dict) else {}


def _at(inner: str, name: str) -> str:
    return name if inner in ("", ".") else f"{inner}/{name}"


def _lengths(layout: Layout, inner: str, modules: bool, change: EditFile) -> list[Finding]:
    found: list[Finding] = []
    limit = layout.max_length
    place = layout.transformer
    own, tokenizer, fast = (_read(place / name) for name in (_OWN, "tokenizer_config.json", "tokenizer.json"))
    passed = {**(own.get("tokenizer_args") or {}), **(own.get("processor_kwargs") or {})}
    said = own.get("max_seq_length", passed.get("model_max_length"))
    if modules and limit is not None and said is None:
        change(_at(inner, _OWN), lambda values: {**values, "max_seq_length": limit}, f"max_seq_length {limit}")
        found.append(
            Finding(
                "longest text",
                "warning",
                f"{_OWN} has no max_seq_length: Sentence Transformers reads {limit} tokens by its other files, other programs what they "
                "take for usual (128, 512 or more)",
                {"max_seq_length": limit},
            )
        )
    written = tokenizer.get("model_max_length")
    if limit is not None and isinstance(written, int | float) and limit < written < _UNLIMITED and said is None:
        change(
            _at(inner, "tokenizer_config.json"),
            lambda values: {**values, "model_max_length": limit},
            f"model_max_length {limit}, which is all that the model can read",
        )
        found.append(
            Finding(
                "positions",
                "warning",
                f"tokenizer_config.json lets {int(written):,} tokens through, the model has positions for {limit}: longer texts end in an "
                "error or in wrong vectors",
                {"model_max_length": written, "positions": limit},
            )
        )
    cut = (fast.get("truncation") or {}).get("max_length")
    if cut is not None and cut != limit:
        change(
            _at(inner, "tokenizer.json"),
            lambda values: {
                **values,
                "truncation": None if limit is None else {**values["truncation"], "max_length": limit},
            },
            f"truncation at {limit} as the other files say"
            if limit is not None
            else "no truncation, as the other files say",
        )
        found.append(
            Finding(
                "truncation in the tokenizer",
                "warning",
                f"tokenizer.json cuts at {cut} tokens by itself, Sentence Transformers at {limit if limit is not None else 'none'}: programs "
                "that use tokenizer.json as it stands read less, and give long texts other vectors",
                {"tokenizer.json": cut, "max_length": limit},
            )
        )
    return found


def _vocabulary(layout: Layout) -> list[Finding]:
    place = layout.transformer
    if not (place / "tokenizer.json").is_file():
        says = "there is no tokenizer.json: programs in Rust and JavaScript need one (tokenizer.save_pretrained of transformers writes it)"
        return [Finding("tokenizer files", "warning", says)]
    rows = _read(place / "config.json").get("vocab_size")
    fast = _read(place / "tokenizer.json")
    model: dict[str, Any] = fast.get("model") or {}
    listed: Any = model.get("vocab") or {}
    ids = [int(i) for i in listed.values()] if isinstance(listed, dict) else list(range(len(listed)))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    ids += [int(token["id"]) for token in fast.get("added_tokens") or []]
    if isinstance(rows, int) and ids and max(ids) >= rows:
        says = f"the tokenizer gives ids up to {max(ids):,}, the model has {rows:,} rows: a text with such a token ends in an error or a wrong vector"
        return [Finding("vocabulary", "fault", says, {"largest id": max(ids), "rows": rows})]
    return []


def _prompts(layout: Layout) -> list[Finding]:
    named = {name: text for name, text in layout.prompts.items() if text}
    if not named or layout.default_prompt:
        return []
    says = (
        f"it has prompts ({', '.join(f'{name}: {text!r}' for name, text in named.items())}) and no default one: programs that know of no "
        "prompts put none in front, and vectors differ"
    )
    return [Finding("prompts", "note", says, {"prompts": dict(named)})]


def _case(layout: Layout) -> list[Finding]:
    if not layout.lower_case:
        return []
    fast = json.dumps(_read(layout.transformer / "tokenizer.json").get("normalizer") or {})
    if '"Lowercase"' in fast or '"lowercase": true' in fast:
        return []
    says = f"{_OWN} lowers letters (do_lower_case), tokenizer.json does not: programs that read only the latter see other tokens"
    return [Finding("case", "warning", says)]
