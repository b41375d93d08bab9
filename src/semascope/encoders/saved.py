"""Encoders on disk: save any of ours as a folder, and open a folder of ours or of another library."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from semascope.encoders.folders import (
    FORMAT,
    corrupt_where,
    load_model2vec,
    load_static,
    load_static_embedding,
    read_arrays,
    read_json,
    save_static,
    write_folder,
    write_json,
)
from semascope.encoders.opening import Running
from semascope.encoders.pipeline import PipelineEncoder, Step
from semascope.encoders.saved_transformer import load_transformer, save_transformer
from semascope.encoders.static import StaticEncoder
from semascope.encoders.transformer import TransformerEncoder
from semascope.errors import CorruptError, OptionError, PassportError, UnknownNameError
from semascope.ops import file_digest, option

_POOLING = "pooling.safetensors"


def save(encoder: Any, path: str | Path, *, format: str = "semascope") -> None:  # noqa: A002 - the field's word for it
    """Write an encoder as a folder; `Encoder(path)` opens it and gives the same bits.

    The folder holds what was learned, never code. In a recipe, an installed encoder that is found by name ("minilm") is kept
    as its name and passport, and compared when the folder is opened; saved by itself it is kept whole.

    Args:
        encoder: A static encoder, a transformer or a recipe.
        path: Of the folder.
        format: "semascope", which keeps everything; or "sentence-transformers", for that library and its readers.

    Raises:
        OptionError: the encoder is a function or another library's object, which cannot be written down, or the format
            cannot express a stage, which is named.
        StoreError: the place is taken by something else, or the disk refuses.
    """
    path = Path(path)
    if option(format, ("semascope", "sentence-transformers"), name="format") == "sentence-transformers":
        from semascope.encoders.huggingface.writing import write_sentence_transformers

        write_sentence_transformers(encoder, path)
    elif isinstance(encoder, StaticEncoder):
        save_static(encoder, path)
    elif isinstance(encoder, TransformerEncoder):
        save_transformer(encoder, path)
    elif isinstance(encoder, PipelineEncoder):
        check_can_save(encoder.backbone)
        write_folder(path, lambda folder: _write_pipeline(encoder, folder))
    else:
        raise OptionError(f"encoder: want a static encoder, a transformer or a recipe, got {type(encoder).__name__}")


def check_can_save(backbone: Any) -> None:
    """Refuse what cannot stand in a recipe that is written down: before long work, where it comes first.

    Raises:
        OptionError: it is neither an encoder of ours nor found by name.
    """
    ours = isinstance(backbone, StaticEncoder | PipelineEncoder | TransformerEncoder)
    if not ours and not getattr(backbone, "found_as", ""):
        raise OptionError(
            f"encoder: want a backbone that is saved or found by name, got {type(backbone).__name__}, "
            "which cannot be written down"
        )


def _write_pipeline(encoder: PipelineEncoder, folder: Path) -> None:
    found_as = getattr(encoder.backbone, "found_as", "")
    if not found_as:
        save(encoder.backbone, folder / "backbone")
    files: dict[str, str] = {}
    for number, step in enumerate(encoder.steps, start=1):
        file = folder / f"{number}.safetensors"
        step.learned.save(file)
        files[file.name] = file_digest(file)
    learned: Any = encoder.pooling if hasattr(encoder.pooling, "save") else None
    if learned is not None:
        file = folder / _POOLING
        learned.save(file)
        files[file.name] = file_digest(file)
    config = {
        "format": FORMAT,
        "kind": "pipeline",
        "backbone": found_as or None,
        "backbone_passport": encoder.backbone.passport.to_json() if found_as else None,
        "head": [str(part) for part in encoder.parts],
        "pooling": "learned" if learned is not None else len(encoder.parts) > 1,
        "steps": [str(step.part) for step in encoder.steps],
        "dim": encoder.dim,
        "sha256": files,
    }
    write_json(folder / "config.json", config)


def load(folder: Path, how: Running | None = None) -> Any:
    """Open a folder: ours, model2vec's, a StaticEmbedding of Sentence Transformers, or a transformer of its or Hugging Face's.

    Args:
        folder: Of the encoder.
        how: How a transformer in it is run.

    Raises:
        CorruptError: it is damaged, or its format is newer than this version knows.
        UnknownNameError: it is no encoder that can be read here.
    """
    config = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    if "format" in config and "kind" in config:
        if config["format"] != FORMAT:
            raise CorruptError(
                f"{folder}: want format {FORMAT}, got {config['format']!r}; a newer semascope may read it"
            )
        if config["kind"] == "static":
            return load_static(folder, config)
        if config["kind"] == "pipeline":
            return _load_pipeline(folder, config, how or Running())
        if config["kind"] == "transformer":
            return load_transformer(folder, config, how or Running())
        raise CorruptError(f"{folder}: want kind static, transformer or pipeline, got {config['kind']!r}")
    found = _load_foreign(folder)
    if found is not None:
        return found
    if "model_type" in config or "architectures" in config or (folder / "modules.json").is_file():
        from semascope.encoders.opening import open_transformer

        return open_transformer(folder, how or Running())
    raise UnknownNameError(
        f"encoder: {folder} is no encoder that can be read here: want a folder saved by semascope, by Sentence Transformers, "
        "by Hugging Face's transformers or by model2vec; load other models with their own library and hand them to "
        "semascope.as_encoder"
    )


def _load_pipeline(folder: Path, config: dict[str, Any], how: Running) -> PipelineEncoder:
    from semascope.encoders.folders import check_files
    from semascope.learned import load as load_learned
    from semascope.recipe import parse
    from semascope.registry import make

    check_files(folder, config)
    with corrupt_where(folder):
        parts = tuple(parse(text)[0] for text in config["head"])
        pooling: Any = make(parts[-1]) if config["pooling"] is True else None
        if config["pooling"] == "learned":
            pooling = load_learned(folder / _POOLING)
        steps = [
            Step(parse(text)[0], load_learned(folder / f"{number}.safetensors"))
            for number, text in enumerate(config["steps"], start=1)
        ]
    if parts and set(parts[0].options) <= {f.name for f in fields(Running)}:
        how = replace(how, **parts[0].options)
    return PipelineEncoder(_load_backbone(folder, config, how), steps, pooling=pooling, parts=parts)


def _load_backbone(folder: Path, config: dict[str, Any], how: Running) -> Any:
    from semascope.encoders.factory import Where, build
    from semascope.passport import Passport
    from semascope.recipe import parse

    if not config.get("backbone"):
        return load(folder / "backbone", how)
    backbone = build(parse(config["backbone"]), Where(how))
    try:
        Passport.from_json(config["backbone_passport"]).require(
            backbone.passport,
            what=f"open {folder}",
            mend=f"install the version of {config['backbone']!r} it was made with",
        )
    except PassportError:
        raise
    except (KeyError, TypeError) as error:
        raise CorruptError(f"{folder}: its backbone's passport cannot be read ({error!r})") from error
    return backbone


def _load_foreign(folder: Path) -> StaticEncoder | None:
    for inner in (folder, folder / "0_StaticEmbedding", *_module_folders(folder)):
        if not (inner / "model.safetensors").is_file() or not (inner / "tokenizer.json").is_file():
            continue
        names = _array_names(inner / "model.safetensors")
        if inner == folder and "embeddings" in names:
            return load_model2vec(folder, read_arrays(inner / "model.safetensors"))
        if names == {"embedding.weight"}:
            _check_static_modules(folder)
            arrays = read_arrays(inner / "model.safetensors")
            return load_static_embedding(folder, inner, arrays, normalize=_has_module(folder, "Normalize"))
    return None


def _array_names(path: Path) -> set[str]:
    """Names in a safetensors file; the arrays themselves, which may be large, are not read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            return set(file.keys())
    except (SafetensorError, OSError) as error:
        raise CorruptError(f"{path}: cannot be read ({error})") from error


def _modules(folder: Path) -> list[dict[str, Any]]:
    import json

    file = folder / "modules.json"
    if not file.is_file():
        return []
    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
        return [{"type": str(m["type"]), "path": str(m["path"])} for m in modules]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{file}: cannot be read ({error!r})") from error


def _module_folders(folder: Path) -> list[Path]:
    return [
        folder / module["path"]
        for module in _modules(folder)
        if module["type"].endswith("StaticEmbedding") and ".." not in Path(module["path"]).parts
    ]


def _check_static_modules(folder: Path) -> None:
    """Refuse what follows a StaticEmbedding and would be left out."""
    known = ("StaticEmbedding", "Normalize", "Dropout")
    others = [module["type"] for module in _modules(folder) if module["type"].rsplit(".", 1)[-1] not in known]
    if others:
        raise OptionError(
            f"{folder}: want no modules behind a StaticEmbedding but Normalize, got {others[0]}; load it with Sentence "
            "Transformers and hand it to semascope.as_encoder"
        )


def _has_module(folder: Path, name: str) -> bool:
    return any(module["type"].rsplit(".", 1)[-1] == name for module in _modules(folder))
