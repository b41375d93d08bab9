"""Transformer encoders on disk in our own format: the model's files as they are, and beside them everything that makes a vector.

The folder (format 1) holds `config.json`, the Hugging Face files under `transformer/`, and `head.safetensors` where there are
dense layers or norms.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from semascope.encoders.folders import FORMAT, check_files, corrupt_where, read_arrays, write_folder, write_json
from semascope.encoders.head import DenseLayer, Head, Layer, NormLayer, UnitLayer
from semascope.encoders.manner import Manner, Origin
from semascope.encoders.opening import Running, open_engine, spare_engine
from semascope.encoders.transformer import TransformerEncoder
from semascope.errors import OptionError
from semascope.ops import file_digest
from semascope.types import Array

_MODEL, _HEAD = "transformer", "head.safetensors"
# What may be carried along of a model's folder: data that is read, never code and never a pickle.
_KEPT = ("*.json", "*.safetensors", "vocab.txt", "merges.txt")


def save_transformer(encoder: TransformerEncoder, path: Path) -> None:
    """Write a transformer encoder as our folder."""
    if encoder.origin.files is None:
        raise OptionError(f"encoder: want one that was opened from a folder to save it, got {encoder!r}")
    write_folder(path, lambda folder: _write(encoder, folder))


def _write(encoder: TransformerEncoder, folder: Path) -> None:
    from safetensors.numpy import save_file

    files: dict[str, str] = {}
    inner = folder / _MODEL
    inner.mkdir()
    source = Path(str(encoder.origin.files))
    for file in sorted({file for pattern in _KEPT for file in source.glob(pattern)}):
        if file.name == "modules.json":
            continue
        shutil.copyfile(file, inner / file.name)
        files[f"{_MODEL}/{file.name}"] = file_digest(inner / file.name)
    arrays: dict[str, Array] = {}
    layers: list[dict[str, Any]] = []
    for number, layer in enumerate(encoder.head.layers):
        if isinstance(layer, UnitLayer):
            layers.append({"unit": True})
            continue
        arrays[f"{number}.weight"] = np.ascontiguousarray(layer.weight)
        if layer.bias is not None:
            arrays[f"{number}.bias"] = np.ascontiguousarray(layer.bias)
        kind = {"activation": layer.activation} if isinstance(layer, DenseLayer) else {"eps": layer.eps}
        layers.append({"bias": layer.bias is not None, **kind})
    if arrays:
        save_file(arrays, str(folder / _HEAD))
        files[_HEAD] = file_digest(folder / _HEAD)
    config = {
        "format": FORMAT,
        "kind": "transformer",
        "name": encoder.name,
        "dim": encoder.dim,
        "poolings": list(encoder.head.poolings),
        "include_prompt": encoder.head.include_prompt,
        "layers": layers,
        "normalize": encoder.head.normalize,
        "prompts": dict(encoder.manner.prompts),
        "default_prompt": encoder.manner.default_prompt,
        "similarity": encoder.manner.similarity,
        "max_length": encoder.max_length,
        "side": encoder.manner.side,
        "lower_case": encoder.manner.lower_case,
        "weights": encoder.origin.weights,
        "notes": list(encoder.origin.notes),
        "sha256": files,
    }
    write_json(folder / "config.json", config)


def load_transformer(folder: Path, config: Mapping[str, Any], how: Running) -> TransformerEncoder:
    """Open a folder that `save_transformer` wrote.

    Raises:
        CorruptError: a file of it is missing or was altered.
    """
    from semascope.backbones.tokenizing import TextTokenizer
    from semascope.encoders import machine

    check_files(folder, config)
    inner = folder / _MODEL
    how = machine.settled(inner, how)
    with corrupt_where(folder):
        head = Head(
            poolings=tuple(str(text) for text in config["poolings"]),
            include_prompt=bool(config["include_prompt"]),
            layers=_layers(folder, config["layers"]),
            normalize=bool(config["normalize"]),
        )
        engine = open_engine(inner, how)
        return TransformerEncoder(
            engine,
            TextTokenizer.open(inner, lower_case=bool(config["lower_case"])),
            head=head,
            manner=Manner(
                prompts=dict(config["prompts"]),
                default_prompt=str(config["default_prompt"]),
                similarity=str(config["similarity"]),
                max_length=config["max_length"],
                side="left" if config["side"] == "left" else "right",
                lower_case=bool(config["lower_case"]),
            ),
            origin=Origin(
                name=str(config["name"]),
                files=inner,
                weights=str(config["weights"]),
                notes=tuple(config["notes"]),
            ),
            batch_tokens=how.batch_tokens,
            batch_invariant=how.batch_invariant,
            spare=spare_engine(inner, how, engine),
        )


def _layers(folder: Path, said: list[dict[str, Any]]) -> tuple[Layer, ...]:
    arrays = read_arrays(folder / _HEAD) if any("unit" not in layer for layer in said) else {}
    found: list[Layer] = []
    for number, layer in enumerate(said):
        if "unit" in layer:
            found.append(UnitLayer())
            continue
        weight, bias = arrays[f"{number}.weight"], arrays.get(f"{number}.bias") if layer["bias"] else None
        if "activation" in layer:
            found.append(DenseLayer(weight, bias, str(layer["activation"])))
        else:
            found.append(NormLayer(weight, arrays[f"{number}.bias"], float(layer["eps"])))
    return tuple(found)
