"""Static encoders on disk: our own folder, model2vec's, and Sentence Transformers' StaticEmbedding.

Our folder (format 1) holds `config.json`, `model.safetensors` and `tokenizer.json`. Nothing is unpickled, no code of a folder is run.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from semascope.encoders.static import StaticEncoder
from semascope.encoders.static.ngrams import NGrams
from semascope.errors import CorruptError, SemascopeError, StoreError
from semascope.learned import TokenTable
from semascope.ops import file_digest
from semascope.types import Array

FORMAT = 1
_HASH = "fnv1a32"
_WEIGHTS, _TOKENIZER, _CONFIG = "model.safetensors", "tokenizer.json", "config.json"


def save_static(encoder: StaticEncoder, path: Path) -> None:
    """Write a static encoder as our folder."""
    write_folder(path, lambda folder: _write_static(encoder, folder))


def _write_static(encoder: StaticEncoder, folder: Path) -> None:
    from safetensors.numpy import save_file

    arrays = {"table": encoder.table.table, "scale": encoder.table.scale}
    ngrams = None
    if encoder.ngrams is not None:
        learned = encoder.ngrams.table
        arrays |= {"ngrams": learned.table, "ngram_scale": learned.scale}
        ngrams = {
            "buckets": len(learned),
            "min": encoder.ngrams.least,
            "max": encoder.ngrams.most,
            "hash": _HASH,
        }
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, str(folder / _WEIGHTS))
    (folder / _TOKENIZER).write_bytes(encoder.tokenizer_json.encode("utf-8"))
    write_json(
        folder / _CONFIG,
        {
            "format": FORMAT,
            "kind": "static",
            "name": encoder.name,
            "dim": encoder.dim,
            "ngrams": ngrams,
            "normalize": encoder.normalize,
            "max_length": encoder.max_length,
            "max_characters": encoder.max_characters,
            "keep_unknown": encoder.keep_unknown,
            "sha256": {name: file_digest(folder / name) for name in (_WEIGHTS, _TOKENIZER)},
        },
    )


def load_static(folder: Path, config: Mapping[str, Any]) -> StaticEncoder:
    """Read our folder of kind "static".

    Raises:
        CorruptError: a file is missing, cut short, altered, or does not fit the others.
    """
    check_files(folder, config)
    arrays = read_arrays(folder / _WEIGHTS)
    with corrupt_where(folder):
        ngrams = config["ngrams"]
        if ngrams is not None:
            if ngrams["hash"] != _HASH:
                raise CorruptError(f"{folder}: want n-grams hashed by {_HASH}, got {ngrams['hash']!r}")
            buckets = TokenTable(arrays["ngrams"], arrays["ngram_scale"])
            if len(buckets) != ngrams["buckets"]:
                raise CorruptError(f"{folder}: want {ngrams['buckets']} n-gram buckets, got {len(buckets)}")
            ngrams = NGrams(buckets, ngrams["min"], ngrams["max"])
        table = TokenTable(arrays["table"], arrays["scale"])
        if table.dim != config["dim"]:
            raise CorruptError(f"{folder}: want {config['dim']} columns, got {table.dim}")
        return StaticEncoder(
            table,
            read_bytes(folder / _TOKENIZER),
            ngrams=ngrams,
            normalize=bool(config["normalize"]),
            max_length=config["max_length"],
            max_characters=config.get("max_characters"),
            keep_unknown=bool(config.get("keep_unknown", True)),
            name=str(config.get("name", folder.name)),
        )


def load_model2vec(folder: Path, arrays: Mapping[str, Array]) -> StaticEncoder:
    """Read a folder of model2vec: the mean of known tokens' vectors, 512 tokens at most unless its config says otherwise."""
    with corrupt_where(folder):
        config = read_json(folder / _CONFIG) if (folder / _CONFIG).is_file() else {}
        rows = arrays["embeddings"]
        if "mapping" in arrays:
            rows = rows[arrays["mapping"]]
        weights = np.asarray(arrays.get("weights", np.ones(len(rows))), dtype=np.float32)
        text = read_bytes(folder / _TOKENIZER)
        most = config.get("max_length", 512)
        return StaticEncoder(
            TokenTable(_stored(rows), weights),
            text,
            normalize=bool(config.get("normalize", False)),
            max_length=most,
            max_characters=None if most is None else most * _median_token(text),
            keep_unknown=False,
            name=folder.name,
        )


def load_static_embedding(folder: Path, inner: Path, arrays: Mapping[str, Array], *, normalize: bool) -> StaticEncoder:
    """Read Sentence Transformers' StaticEmbedding: the mean of all tokens' vectors."""
    with corrupt_where(folder):
        rows = arrays["embedding.weight"]
        text = read_bytes(inner / _TOKENIZER)
        truncation = json.loads(text).get("truncation") or {}
        return StaticEncoder(
            TokenTable(_stored(rows), np.ones(len(rows), np.float32)),
            text,
            normalize=normalize,
            max_length=truncation.get("max_length"),
            name=folder.name,
        )


def _stored(rows: Array) -> Any:
    return np.ascontiguousarray(rows if str(rows.dtype) in ("int8", "float16") else rows.astype(np.float32))


def _median_token(tokenizer_json: bytes) -> int:
    """What model2vec multiplies its maximum length with, to cut long texts before they are tokenized."""
    from tokenizers import Tokenizer

    vocabulary = Tokenizer.from_str(tokenizer_json.decode("utf-8")).get_vocab()
    return int(np.median([len(token) for token in vocabulary]))


def write_folder(path: Path, write: Callable[[Path], None]) -> None:
    """Write a folder aside, then rename it, so that a half-written one is never there.

    Raises:
        StoreError: something else than a saved encoder is in the way, or the disk refuses.
    """
    ours = (path / _CONFIG).is_file() or (path / "modules.json").is_file()
    if path.exists() and not ours and not (path.is_dir() and not any(path.iterdir())):
        raise StoreError(f"path: want a new folder or a saved encoder to replace, got {path}, which is something else")
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        write(aside)
        for file in aside.rglob("*"):
            if file.is_file():
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
        if path.exists():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            aside.rename(path)
            shutil.rmtree(old)
        else:
            aside.rename(path)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, SemascopeError):
            raise
        raise StoreError(f"path: cannot save an encoder as {path} ({error})") from error


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """Plain values, readable by people."""
    path.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, or CorruptError."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path}: cannot be read ({error})") from error
    if not isinstance(plain, dict):
        raise CorruptError(f"{path}: want a JSON object, got {type(plain).__name__}")
    return plain


def read_bytes(path: Path) -> bytes:
    """A file's bytes, or CorruptError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorruptError(f"{path}: cannot be read ({error})") from error


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a safetensors file, or CorruptError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(read_bytes(path))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{path}: cannot be read ({error})") from error


def check_files(folder: Path, config: Mapping[str, Any]) -> None:
    """Compare the files of a folder with the hashes its config keeps, where it keeps any."""
    for name, wanted in dict(config.get("sha256") or {}).items():
        file = folder / name
        if not file.is_file():
            raise CorruptError(f"{file}: is missing")
        if file_digest(file) != wanted:
            raise CorruptError(f"{file}: was altered or cut short after it was saved (its sha256 differs)")


@contextmanager
def corrupt_where(folder: Path) -> Generator[None]:
    """Turn what a damaged folder makes constructors raise into a CorruptError that names the folder."""
    try:
        yield
    except StoreError:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise CorruptError(f"{folder}: cannot be read as an encoder ({error!r})") from error
