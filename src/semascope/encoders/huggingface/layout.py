"""What makes a vector in a folder of Sentence Transformers, or in a bare one of Hugging Face: read, checked, nothing run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from semascope.backbones.weights import INDEX, PICKLED, SINGLE
from semascope.encoders.folders import read_json
from semascope.encoders.head import DenseLayer, Layer, UnitLayer
from semascope.encoders.huggingface import modules as parts
from semascope.errors import CorruptError, OptionError, SemascopeError

Side = Literal["right", "left"]

_OWN_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
_SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
# Learned positions, of which there are no more; rotary and relative ones go on.
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "data2vec-text", "xlm-roberta-xl")
_HARD_POSITIONS = ("bert", "distilbert", "electra", "albert", "gpt2", "opt", "ernie", *_OFFSET_POSITIONS)
_UNLIMITED = 10**20
# Of what may be passed on when a tokenizer is made or called: what changes nothing here.
_HARMLESS = frozenset(
    "trust_remote_code revision token cache_dir local_files_only subfolder use_fast padding padding_side "  # noqa: SIM905
    "pad_to_multiple_of return_tensors truncation attn_implementation torch_dtype dtype device_map "
    "use_safetensors low_cpu_mem_usage model_max_length max_length truncation_side code_revision".split()
)


@dataclass(frozen=True, eq=False)
class Layout:
    """What makes a vector in a folder.

    Args:
        transformer: Folder of config.json, weights and tokenizer.
        poolings: Recipe texts of poolings; the vectors of several stand side by side.
        include_prompt: Whether the prompt's tokens are pooled too.
        layers: Dense layers, norms and unit lengths behind the pooling, in order.
        normalize: Whether vectors are scaled to length one at the end.
        prompts: Prompts by name, as the folder says; "query" and "document" are put before those, others only when asked for.
        default_prompt: Name of the prompt that Sentence Transformers puts before texts that are neither, or "".
        max_length: Tokens read of a text; None where nothing limits them.
        side: The side that is cut.
        lower_case: Whether letters are lowered before the tokenizer sees them.
        similarity: "cosine", "dot", "euclidean" or "manhattan", where the folder says so; else "".
        notes: What was assumed, in sentences.
    """

    transformer: Path
    poolings: tuple[str, ...] = ("mean",)
    include_prompt: bool = True
    layers: tuple[Layer, ...] = ()
    normalize: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    default_prompt: str = ""
    max_length: int | None = None
    side: Side = "right"
    lower_case: bool = False
    similarity: str = ""
    notes: tuple[str, ...] = ()

    @property
    def pooling(self) -> str:
        """The poolings in one word, such as "mean" or "mean+max"."""
        return "+".join(self.poolings)

    @property
    def dense(self) -> tuple[DenseLayer, ...]:
        """The dense layers alone."""
        return tuple(layer for layer in self.layers if isinstance(layer, DenseLayer))


def read_folder(folder: str | Path) -> Layout:
    """Read a Sentence Transformers folder of any version, or a bare Hugging Face one.

    A folder without modules.json is read as Sentence Transformers reads it: mean pooling, or the last token where its
    architecture is one for causal language modelling; `notes` says so.

    Raises:
        CorruptError: a file is missing, damaged, or does not fit the others; names it.
        OptionError: it asks for what is not done here (code of its own, pickled weights, other modules); names it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CorruptError(f"{folder}: want a folder, got none there")
    try:
        return _sentence_transformers(folder) if (folder / "modules.json").is_file() else _bare(folder)
    except SemascopeError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CorruptError(f"{folder}: a value in its configuration cannot be ({error!r})") from error


def _bare(folder: Path) -> Layout:
    if not (folder / "config.json").is_file():
        raise CorruptError(f"{folder}: want modules.json or config.json in it, got neither")
    config = check_transformer(folder)
    architectures: Any = config.get("architectures") or [""]
    causal = str(architectures[0]).endswith("ForCausalLM") and config.get("is_causal", True) is not False
    assumed = "the last token, as for causal language models" if causal else "the mean of all tokens"
    tokenizer = _tokenizer_config(folder)
    return Layout(
        transformer=folder,
        poolings=("last",) if causal else ("mean",),
        max_length=_longest(config, tokenizer, {}),
        side=_side(tokenizer, {}),
        notes=(
            f"{folder.name} holds no modules.json: its vectors are {assumed}, not scaled to length one, without prompts",
            *_notes_on_tokenizer(folder, tokenizer),
        ),
    )


def _sentence_transformers(folder: Path) -> Layout:
    listed = parts.read_modules(folder)
    parts.order(listed, folder)
    overall = _overall(folder)
    config = check_transformer(listed[0].path)
    own = _own_config(listed[0].path)
    tokenizer = _tokenizer_config(listed[0].path)
    pooled = parts.read_pooling(listed[1])
    normalize, layers = _after(listed[2:])
    width = _width(config, listed[1])
    _check_chain(folder, layers, None if width is None else width * len(pooled.modes))
    prompts = _prompts(folder, overall)
    at_once = isinstance(layers[0], UnitLayer) if layers else normalize
    poolings, notes = _poolings(folder, pooled, prompts, normalize=at_once)
    normalize, layers = _cut(folder, overall, normalize, layers, None if width is None else width * len(pooled.modes))
    similarity = str(overall.get("similarity_fn_name") or "")
    return Layout(
        transformer=listed[0].path,
        poolings=poolings,
        include_prompt=pooled.include_prompt,
        layers=layers,
        normalize=normalize,
        prompts=prompts,
        default_prompt=str(overall.get("default_prompt_name") or ""),
        max_length=_longest(config, tokenizer, own),
        side=_side(tokenizer, own),
        lower_case=bool(own.get("do_lower_case")),
        similarity=similarity if similarity in _SIMILARITIES else "",
        notes=(*notes, *_notes_on_prompts(prompts, overall), *_notes_on_tokenizer(listed[0].path, tokenizer)),
    )


def _overall(folder: Path) -> dict[str, Any]:
    file = folder / "config_sentence_transformers.json"
    overall = read_json(file) if file.is_file() else {}
    kind = overall.get("model_type", "SentenceTransformer")
    if kind != "SentenceTransformer":
        raise OptionError(f"{file}: want a model of one vector a text (SentenceTransformer), got {kind}")
    return overall


def _after(modules: list[parts.Module]) -> tuple[bool, tuple[Layer, ...]]:
    layers: list[Layer] = []
    normalize = False
    for module in modules:
        if module.name == "Normalize":
            parts.check_normalize(module)
            normalize = True
        if module.name in ("Dense", "LayerNorm"):
            layers += [UnitLayer()] if normalize else []
            layers.append(parts.read_dense(module) if module.name == "Dense" else parts.read_norm(module))
            normalize = False
        # Dropout does nothing to a model that is not being trained.
    return normalize, tuple(layers)


def _check_chain(folder: Path, layers: tuple[Layer, ...], width: int | None) -> None:
    for number, layer in enumerate(layers):
        if isinstance(layer, UnitLayer):
            continue
        wanted = layer.weight.shape[-1]
        if width is not None and wanted != width:
            raise CorruptError(f"{folder}: layer {number} behind the pooling wants {wanted} columns, gets {width}")
        width = int(layer.weight.shape[0])


def _cut(
    folder: Path, overall: Mapping[str, Any], normalize: bool, layers: tuple[Layer, ...], width: int | None
) -> tuple[bool, tuple[Layer, ...]]:
    """truncate_dim keeps the first columns after all else, and leaves their lengths as they come."""
    keep = overall.get("truncate_dim")
    width = next((int(layer.weight.shape[0]) for layer in reversed(layers) if not isinstance(layer, UnitLayer)), width)
    if keep is None or (width is not None and isinstance(keep, int) and keep >= width):
        return normalize, layers
    if not isinstance(keep, int) or keep < 1 or width is None:
        file = folder / "config_sentence_transformers.json"
        raise CorruptError(f"{file}: want truncate_dim to be a number of columns, got {keep!r}")
    first = DenseLayer(np.eye(keep, width, dtype=np.float32))
    return False, (*layers, *([UnitLayer()] if normalize else []), first)


def _width(config: Mapping[str, Any], pooling: parts.Module) -> int | None:
    found = next((config[key] for key in ("hidden_size", "n_embd", "d_model", "dim") if key in config), None)
    width = found if isinstance(found, int) else None
    said = parts.pooling_width(pooling)
    if width is not None and said is not None and said != width:
        raise CorruptError(f"{pooling.path / 'config.json'}: says {said} columns, the transformer has {width}")
    return width or said


def _poolings(
    folder: Path, pooled: parts.Pooled, prompts: Mapping[str, str], *, normalize: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Our names of its poolings, and what was assumed."""
    if pooled.modes == ("mean_sqrt_len_tokens",) and normalize:
        return ("mean",), ("its mean over the root of the length is the plain mean, since vectors get length one",)
    if "mean_sqrt_len_tokens" in pooled.modes:
        raise OptionError(
            f"{folder}: want poolings {', '.join(name for name, ours in parts.POOLINGS.items() if ours)}, "
            f"got {'+'.join(pooled.modes)}"
        )
    if "weightedmean" in pooled.modes and not pooled.include_prompt and any(prompts.values()):
        raise OptionError(
            f"{folder}: want include_prompt with weightedmean, got a prompt that counts in the weights but not in the mean"
        )
    return tuple(parts.POOLINGS[mode] for mode in pooled.modes), ()


def _prompts(folder: Path, overall: Mapping[str, Any]) -> dict[str, str]:
    prompts: Any = overall.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):  # pyright: ignore[reportUnknownVariableType]
        file = folder / "config_sentence_transformers.json"
        raise CorruptError(f"{file}: want prompts as texts by name, got {prompts!r}")
    named: dict[str, str] = {str(name): text or "" for name, text in prompts.items()}  # pyright: ignore[reportUnknownVariableType]
    default = overall.get("default_prompt_name")
    if default and default not in named:
        file = folder / "config_sentence_transformers.json"
        raise CorruptError(f"{file}: want default_prompt_name to be one of its prompts, got {default!r}")
    return named


def _notes_on_prompts(prompts: Mapping[str, str], overall: Mapping[str, Any]) -> list[str]:
    notes = [
        f"its prompt {name!r} is not put before documents, since that is the one called 'document' "
        "(Sentence Transformers 6.2 does the same)"
        for name in ("passage", "corpus")
        if prompts.get(name) and not prompts.get("document")
    ]
    if overall.get("default_prompt_name") and prompts.get(str(overall["default_prompt_name"])):
        notes.append(
            f"its default prompt {overall['default_prompt_name']!r} is for texts that are neither queries nor documents; "
            "here every text is one of both"
        )
    return notes


def check_transformer(folder: Path) -> dict[str, Any]:
    """config.json of a transformer's folder, once it is known that there are weights to read and no code to run.

    Raises:
        CorruptError: config.json or the weights are missing or damaged.
        OptionError: the folder asks for code of its own, holds an adapter, or pickled weights alone.
    """
    file = folder / "config.json"
    if (folder / "adapter_config.json").is_file():
        raise OptionError(
            f"{folder}: holds an adapter, not a model; merge it with peft (merge_and_unload) and save that"
        )
    if not file.is_file():
        raise CorruptError(f"{file}: is missing")
    config = read_json(file)
    code = config.get("auto_map")
    if code:
        named = ", ".join(f"{key} {value!r}" for key, value in code.items()) if isinstance(code, dict) else repr(code)  # pyright: ignore[reportUnknownVariableType]
        raise OptionError(
            f"{file}: asks for code of its own, which is never run here: auto_map {named}. Load it with its own library and "
            "hand it to semascope.as_encoder"
        )
    if not (folder / SINGLE).is_file() and not (folder / INDEX).is_file():
        pickled = [name for name in PICKLED if (folder / name).is_file()]
        if pickled:
            raise OptionError(
                f"{folder / pickled[0]}: pickled weights can run code and are never read here; load it once with transformers "
                "and save it again (AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)), which writes safetensors"
            )
        raise CorruptError(f"{folder / SINGLE}: is missing")
    return config


def _own_config(folder: Path) -> dict[str, Any]:
    """What Sentence Transformers says of its transformer; refused where that is more than reading a text."""
    file = next((folder / name for name in _OWN_CONFIGS if (folder / name).is_file()), None)
    if file is None:
        return {}
    own = read_json(file)
    if own.get("transformer_task", "feature-extraction") != "feature-extraction":
        raise OptionError(f"{file}: want transformer_task feature-extraction, got {own['transformer_task']!r}")
    modalities: Any = own.get("modality_config")
    if modalities is not None:
        usual = {"method": "forward", "method_output_name": "last_hidden_state"}
        if (
            "message" in modalities
            or modalities.get("text") != usual
            or own.get("module_output_name") != "token_embeddings"
        ):
            raise OptionError(f"{file}: want a transformer that reads bare text, got modality_config {modalities!r}")
    for key in ("query_length", "document_length", "query_expansion"):
        if own.get(key) is not None:
            raise OptionError(f"{file}: want no {key}, got {own[key]!r}")
    for key in ("processing_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs"):
        _check_passed_on(file, key, own.get(key) or {})
    return own


def _check_passed_on(file: Path, key: str, passed: Mapping[str, Any]) -> None:
    if key == "processing_kwargs":
        for inner in ("common", "text"):
            _check_passed_on(file, f"{key}.{inner}", passed.get(inner) or {})
        return
    strange = sorted(set(passed) - _HARMLESS)
    if strange:
        raise OptionError(f"{file}: want nothing in {key} that changes how a text is read, got {', '.join(strange)}")


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    file = folder / "tokenizer_config.json"
    return read_json(file) if file.is_file() else {}


def _notes_on_tokenizer(folder: Path, config: Mapping[str, Any]) -> list[str]:
    if "auto_map" in config and (folder / "tokenizer.json").is_file():
        return ["its tokenizer_config.json asks for code of its own, which is never run here; tokenizer.json was read"]
    return []


def _passed_to_tokenizer(own: Mapping[str, Any]) -> dict[str, Any]:
    return {**(own.get("tokenizer_args") or {}), **(own.get("processor_kwargs") or {})}


def _side(tokenizer: Mapping[str, Any], own: Mapping[str, Any]) -> Side:
    said = _passed_to_tokenizer(own).get("truncation_side", tokenizer.get("truncation_side"))
    return "left" if said == "left" else "right"


def _longest(config: Mapping[str, Any], tokenizer: Mapping[str, Any], own: Mapping[str, Any]) -> int | None:
    """As Sentence Transformers: what the folder says, else the tokenizer's limit, at most the positions in config.json."""
    positions = config.get("max_position_embeddings", config.get("n_positions"))
    kind = str(config.get("model_type"))
    there: int | None = positions if isinstance(positions, int) and positions > 0 else None
    hard = None
    if there is not None and kind in _HARD_POSITIONS:
        padding = config.get("pad_token_id")
        hard = there - (1 if padding is None else int(padding)) - 1 if kind in _OFFSET_POSITIONS else there
    passed = _passed_to_tokenizer(own).get("model_max_length")
    said = passed if passed is not None else own.get("max_seq_length")
    per_call = ((own.get("processing_kwargs") or {}).get("text") or {}).get("max_length")
    said = per_call if per_call is not None else said
    limits = [tokenizer.get("model_max_length"), there, hard] if said is None else [said, hard]
    known = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _UNLIMITED]
    return min(known) if known else None
