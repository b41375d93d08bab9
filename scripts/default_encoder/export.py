"""Write what ships: the table turned to its principal axes, in int8, with its tokenizer, configuration and manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from default_encoder.student import LEAST, MOST, Bags

TRAINED_ON = [
    "teacher: sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
    "State of the Union and inaugural addresses (public domain)",
    "Wikipedia articles and part of WikiText-2 (CC BY-SA)",
    "WordNet 3.0 (WordNet licence)",
    "docstrings of the Python standard library (PSF-2.0) and of BSD, MIT and Apache-2.0 packages",
]


def text_sums(table: np.ndarray, bags: Bags, rows: np.ndarray) -> np.ndarray:
    """Unit vectors of some texts (numpy, by a sparse product)."""
    from scipy.sparse import csr_matrix

    words, starts = bags.texts.take(rows)
    unique, inverse = np.unique(words, return_inverse=True)
    columns, begins = bags.rows.take(unique)
    weights, _ = bags.weights.take(unique)
    vectors = csr_matrix((weights, columns, np.append(begins, len(columns))), (len(unique), len(table))) @ table
    x = (
        csr_matrix((np.ones(len(words), np.float32), inverse, np.append(starts, len(words))), (len(rows), len(unique)))
        @ vectors
    )
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def turned(table: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The table in the principal axes of unit text vectors, strongest first. Cosines stay as they are."""
    x = vectors.astype(np.float64)
    _, basis = np.linalg.eigh((x - x.mean(0)).T @ (x - x.mean(0)))
    basis = basis[:, ::-1]
    basis = basis * np.sign(basis[np.abs(basis).argmax(0), np.arange(basis.shape[1])])
    return (table @ basis).astype(np.float32)


def int8(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes and a scale for each row; the largest entry of a row becomes 127."""
    scale = np.abs(rows).max(1) / 127
    return np.rint(rows / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8), scale.astype(np.float32)


def save(folder: Path, table: np.ndarray, bags: Bags, tokenizer: Tokenizer) -> int:
    """Write the encoder; returns its size in bytes, all files together."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = dict(zip(("table", "scale"), int8(table[: bags.pieces]), strict=True))
    if bags.buckets:
        tensors |= dict(zip(("ngrams", "ngram_scale"), int8(table[bags.pieces :]), strict=True))
    config = {
        "format": 1,
        "kind": "static",
        "dim": int(table.shape[1]),
        "ngrams": {"buckets": bags.buckets, "min": LEAST, "max": MOST, "hash": "fnv1a32"} if bags.buckets else None,
        "normalize": True,
        "max_length": None,
        "trained_on": TRAINED_ON,
    }
    write(
        folder / "tokenizer.json", json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
    )
    write(folder / "config.json", json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    aside = folder / "model.safetensors.part"
    save_file(tensors, aside)
    aside.chmod(0o644)
    aside.replace(folder / "model.safetensors")
    return sum(p.stat().st_size for p in folder.iterdir())


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def sha256(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
