"""The modules of a Sentence Transformers folder, each read from its own configuration: data in, never code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, NoReturn

import numpy as np

from semascope.encoders.folders import read_json
from semascope.encoders.head import DenseLayer, NormLayer
from semascope.errors import CorruptError, OptionError
from semascope.types import Array

KNOWN = ("Transformer", "Pooling", "Dense", "LayerNorm", "Normalize", "Dropout")
# Their names of poolings, and ours, in the order in which booleans are joined.
POOLINGS: Mapping[str, str] = {
    "cls": "first",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "",
    "weightedmean": "weighted",
    "lasttoken": "last",
}
BOOLEANS: Mapping[str, str] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# The classes a dense layer may name, and what we call them. No other name is looked up anywhere.
ACTIVATION_CLASSES: Mapping[str, str] = {
    "torch.nn.modules.linear.Identity": "identity",
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.modules.activation.GELU": "gelu",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.activation.Sigmoid": "sigmoid",
    "torch.nn.Identity": "identity",
    "torch.nn.Tanh": "tanh",
    "torch.nn.GELU": "gelu",
    "torch.nn.ReLU": "relu",
    "torch.nn.Sigmoid": "sigmoid",
}
_PICKLED = "pytorch_model.bin"


@dataclass(frozen=True)
class Module:
    """One entry of modules.json.

    Args:
        name: The class, without its package.
        path: Its folder.
        said: The class and path as modules.json writes them, for messages.
    """

    name: str
    path: Path
    said: str


@dataclass(frozen=True)
class Pooled:
    """What a Pooling module says.

    Args:
        modes: In its own words, in order.
        include_prompt: Whether the prompt's tokens are pooled too.
    """

    modes: tuple[str, ...]
    include_prompt: bool


def read_modules(folder: Path) -> list[Module]:
    """The modules that modules.json lists.

    Raises:
        CorruptError: it cannot be read, or a path leads out of the folder.
        OptionError: a module is not of Sentence Transformers itself, or of a kind that is not known here.
    """
    import json

    file = folder / "modules.json"
    try:
        listed: Any = json.loads(file.read_text(encoding="utf-8"))
        entries = [(str(entry["type"]), entry["path"]) for entry in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{file}: cannot be read as a list of modules ({error!r})") from error
    return [_module(folder, file, kind, path) for kind, path in entries]


def _module(folder: Path, file: Path, kind: str, path: Any) -> Module:
    windows = PureWindowsPath(path) if isinstance(path, str) else PureWindowsPath("..")
    if windows.anchor or ".." in windows.parts or "\0" in str(path):
        raise CorruptError(f"{file}: want paths inside the folder, got {path!r} for the module {kind}")
    said = f"{kind} in {path!r}"
    package, _, name = kind.rpartition(".")
    if package != "sentence_transformers" and not package.startswith("sentence_transformers."):
        raise OptionError(
            f"{folder}: asks for code of its own, which is never run here: module {said}. "
            "Load it with its own library and hand it to semascope.as_encoder"
        )
    if name not in KNOWN:
        raise OptionError(
            f"{folder}: want modules {', '.join(KNOWN)}, got {said}; load it with Sentence Transformers and hand it to "
            "semascope.as_encoder"
        )
    return Module(name, folder / path, said)


def read_pooling(module: Module) -> Pooled:
    """What the folder of a Pooling module says, in old keys, new ones or both.

    Raises:
        CorruptError: there is no such file, a mode is unknown, or old and new keys disagree.
    """
    file = module.path / "config.json"
    config = _required(module)
    old = [mode for key, mode in BOOLEANS.items() if config.get(key)] or ["mean"]
    new: Any = config.get("pooling_mode")
    has_old = any(key in config for key in BOOLEANS)
    if new is not None:
        new = [new] if isinstance(new, str) else new
        wrong = [mode for mode in new if mode not in POOLINGS] if isinstance(new, list) else new  # pyright: ignore[reportUnknownVariableType]
        if wrong or not new:
            raise CorruptError(f"{file}: want pooling_mode from {', '.join(POOLINGS)}; got {config['pooling_mode']!r}")
        if has_old and list(new) != old:  # pyright: ignore[reportUnknownArgumentType]
            raise CorruptError(
                f"{file}: its old and new keys disagree: pooling_mode says {'+'.join(new)}, the booleans "  # pyright: ignore[reportUnknownArgumentType]
                f"pooling_mode_* say {'+'.join(old)}; different programs would give different vectors. Correct one of them"
            )
    elif not has_old:
        raise CorruptError(f"{file}: want pooling_mode or the booleans pooling_mode_*, got neither")
    return Pooled(tuple(new if new is not None else old), bool(config.get("include_prompt", True)))


def pooling_width(module: Module) -> int | None:
    """The columns that a Pooling module says token states have."""
    config = _required(module)
    width = config.get("embedding_dimension", config.get("word_embedding_dimension"))
    return width if isinstance(width, int) else None


def read_dense(module: Module) -> DenseLayer:
    """The dense layer of a Dense module.

    Raises:
        CorruptError: its configuration or weights are missing, damaged, or do not fit each other.
        OptionError: its activation, input or residual cannot be had here, or its weights are pickled.
    """
    file = module.path / "config.json"
    config = _required(module)
    _vectors_only(module, config)
    named = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    if named not in ACTIVATION_CLASSES:
        usual = ", ".join(sorted(set(ACTIVATION_CLASSES.values())))
        raise OptionError(f"{file}: want an activation_function that is known here ({usual}), got {named!r}")
    arrays = _arrays(module)
    weight, bias = arrays.get("linear.weight"), arrays.get("linear.bias")
    if config.get("bias", True) is False:
        bias = None
    shape = (config.get("out_features"), config.get("in_features"))
    if weight is None or weight.shape != shape or (bias is None) != (config.get("bias", True) is False):
        found = {name: array.shape for name, array in arrays.items()}
        raise CorruptError(f"{module.path}: want linear.weight of shape {shape} and the bias it says, got {found}")
    if bias is not None and bias.shape != shape[:1]:
        raise CorruptError(f"{module.path}: want linear.bias of shape {shape[:1]}, got {bias.shape}")
    if config.get("use_residual"):
        if ACTIVATION_CLASSES[named] != "identity":
            raise OptionError(f"{file}: want no residual around {named}, got use_residual")
        own = arrays.get("residual.weight", np.eye(len(weight), dtype=np.float32))
        weight = weight + own
    return DenseLayer(weight, bias, ACTIVATION_CLASSES[named])


def read_norm(module: Module) -> NormLayer:
    """The layer norm of a LayerNorm module."""
    dimension = _required(module).get("dimension")
    arrays = _arrays(module)
    try:
        weight, bias = arrays["norm.weight"], arrays["norm.bias"]
    except KeyError as error:
        raise CorruptError(f"{module.path}: want norm.weight and norm.bias, got {sorted(arrays)}") from error
    if weight.shape != (dimension,) or bias.shape != (dimension,):
        raise CorruptError(f"{module.path}: want a norm of {dimension} columns, got {weight.shape} and {bias.shape}")
    return NormLayer(weight, bias)


def check_normalize(module: Module) -> None:
    """Refuse a Normalize module that is not about vectors."""
    file = module.path / "config.json"
    _vectors_only(module, read_json(file) if file.is_file() else {})


def _vectors_only(module: Module, config: Mapping[str, Any]) -> None:
    for key in ("module_input_name", "module_output_name"):
        if config.get(key) not in (None, "sentence_embedding"):
            raise OptionError(
                f"{module.path}: want modules of one vector a text, got {key} {config[key]!r} ({module.said})"
            )


def _required(module: Module) -> dict[str, Any]:
    file = module.path / "config.json"
    if not file.is_file():
        raise CorruptError(f"{file}: is missing, which modules.json names ({module.said})")
    return read_json(file)


def _arrays(module: Module) -> dict[str, Array]:
    from semascope.backbones.weights import read_header

    file = module.path / "model.safetensors"
    if file.is_file():
        return {name: stored.floats() for name, stored in read_header(file).items()}
    if (module.path / _PICKLED).is_file():
        raise OptionError(
            f"{module.path / _PICKLED}: pickled weights can run code and are never read here; open the model once with "
            "Sentence Transformers and save it again (SentenceTransformer(FOLDER).save_pretrained(FOLDER)), "
            "which writes model.safetensors"
        )
    raise CorruptError(f"{file}: is missing, which modules.json names ({module.said})")


def order(modules: Sequence[Module], folder: Path) -> None:
    """Refuse modules that do not come as a transformer, a pooling, and what is done to vectors.

    Raises:
        CorruptError: one is missing, or there twice.
    """
    names = [module.name for module in modules]
    if names[:2] != ["Transformer", "Pooling"] or {"Transformer", "Pooling"} & set(names[2:]):
        _wrong_order(folder, modules)


def _wrong_order(folder: Path, modules: Sequence[Module]) -> NoReturn:
    found = ", ".join(module.said for module in modules) or "none"
    raise CorruptError(
        f"{folder / 'modules.json'}: want a Transformer, then one Pooling, then other modules; got {found}"
    )
