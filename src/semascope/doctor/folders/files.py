"""The files of a model's folder: missing, cut short, of a kind that can run code, or not those on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semascope.backbones.weights import INDEX, PICKLED, SINGLE
from semascope.encoders import Encoder
from semascope.encoders.folders import check_files
from semascope.encoders.huggingface.layout import Layout
from semascope.errors import CorruptError, SemascopeError
from semascope.report import Finding

EditFile = Callable[[str, Callable[[Any], Any], str], None]
_POINTER = b"version https://git-lfs"


def files_findings(folder: Path, layout: Layout | None, change: EditFile) -> list[Finding]:
    """Findings about weights, code and hashes; none of them can be mended by a small file."""
    del change
    place = layout.transformer if layout is not None else folder
    found = [*_damaged(folder), *_pickled(place), *_code(folder), *_on_record(folder), *_half(place)]
    if not any(one.level in ("fault", "warning") for one in found):
        found.append(Finding("files", "fine", "weights are safetensors, whole, and no code stands beside them"))
    return found


def own_findings(folder: Path) -> list[Finding]:
    """Findings about a folder of ours, or of token vectors: its files, their hashes, and whether it opens."""
    found = [*_damaged(folder), *_code(folder), *_on_record(folder)]
    if any(one.level == "fault" for one in found):
        return found
    try:
        encoder = Encoder(folder)
    except SemascopeError as error:
        return [*found, Finding("cannot be opened", "fault", str(error))]
    return [*found, Finding("files", "fine", f"opens as {encoder!r}")]


def _read(file: Path) -> dict[str, Any]:
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}


def _damaged(folder: Path) -> list[Finding]:
    found: list[Finding] = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        name = str(file.relative_to(folder))
        with file.open("rb") as opened:
            start = opened.read(len(_POINTER))
        if start == _POINTER:
            says = f"{name} is a pointer of Git LFS, not the file itself: git lfs pull fetches it"
            found.append(Finding("missing files", "fault", says))
        elif file.suffix == ".safetensors":
            found += _cut(file, name)
        elif file.suffix == ".json" and file.name != SINGLE:
            found += _broken_json(file, name)
    return [*found, *_shards(folder)]


def _cut(file: Path, name: str) -> list[Finding]:
    """A safetensors file says in its first bytes how long it is."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        head = int.from_bytes(opened.read(8), "little")
        if head > size or head > 100_000_000:
            return [Finding("damaged weights", "fault", f"{name} is no safetensors file, or was cut inside its header")]
        try:
            listed = json.loads(opened.read(head))
            ends = [entry["data_offsets"][1] for key, entry in listed.items() if key != "__metadata__"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return [Finding("damaged weights", "fault", f"the header of {name} cannot be read")]
    wanted = 8 + head + max(ends, default=0)
    if wanted == size:
        return []
    return [
        Finding(
            "damaged weights",
            "fault",
            f"{name} has {size:,} bytes, its header says {wanted:,}: a download that was not finished",
            {"bytes": size, "want": wanted},
        )
    ]


def _broken_json(file: Path, name: str) -> list[Finding]:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        return [Finding("damaged file", "fault", f"{name} cannot be read as JSON ({error})")]
    return []


def _shards(folder: Path) -> list[Finding]:
    weights = _read(folder / INDEX).get("weight_map")
    if not isinstance(weights, dict) or (folder / SINGLE).is_file():
        return []
    missing = sorted({str(name) for name in weights.values() if not (folder / str(name)).is_file()})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not missing:
        return []
    return [
        Finding(
            "missing files",
            "fault",
            f"{INDEX} names {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not there",
        )
    ]


def _pickled(place: Path) -> list[Finding]:
    pickled = [name for name in PICKLED if (place / name).is_file()]
    safe = (place / SINGLE).is_file() or (place / INDEX).is_file()
    if pickled and not safe:
        return [
            Finding(
                "pickled weights",
                "fault",
                f"the only weights are {', '.join(pickled)}: opening pickled weights can run any code. Load them once where that does no "
                "harm and save them as safetensors (AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER))",
            )
        ]
    if pickled:
        says = f"{', '.join(pickled)} beside {SINGLE}: older programs may open the pickled one, which can run code"
        return [Finding("pickled weights", "note", says)]
    if not safe:
        return [Finding("missing files", "fault", f"there are no weights: want {SINGLE}")]
    return []


def _code(folder: Path) -> list[Finding]:
    python = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.py"))
    asked = [name for name in ("config.json", "tokenizer_config.json") if _read(folder / name).get("auto_map")]
    if asked:
        says = f"{' and '.join(asked)} ask for code of the model's own (auto_map); it is never run here, and elsewhere only with trust_remote_code"
        return [Finding("code", "fault" if "config.json" in asked else "warning", says)]
    if python:
        says = f"holds {', '.join(python[:3])}{' ...' if len(python) > 3 else ''}, which nothing asks for and nothing here runs"
        return [Finding("code", "note", says)]
    return []


def _on_record(folder: Path) -> list[Finding]:
    """Our own folders keep the hash of every file of weights."""
    config = _read(folder / "config.json")
    if not config.get("sha256"):
        return []
    try:
        check_files(folder, config)
    except CorruptError as error:
        return [Finding("hashes", "fault", str(error))]
    return [Finding("hashes", "fine", f"{len(config['sha256'])} files are what their hashes on record say")]


def _half(place: Path) -> list[Finding]:
    config = _read(place / "config.json")
    said = config.get("dtype", config.get("torch_dtype"))
    if said in ("float16", "bfloat16"):
        says = f"config.json says {said}: some programs will compute in it, others in float32, and vectors differ in the third digit"
        return [Finding("precision", "note", says, {"dtype": said})]
    return []
