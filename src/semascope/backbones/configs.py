"""Reading config.json: one function per family, each saying what that family's fields mean.

Defaults and the names of fields are those of the transformers library, of its version 4 and 5 files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from semascope.backbones.architecture import Activation, Architecture, Stretch
from semascope.errors import CorruptError, OptionError, UnknownNameError

Config = dict[str, Any]

ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}


def read(folder: Path) -> Architecture:
    """What `Architecture.read` does."""
    config = load(folder)
    kind = config.get("model_type")
    reader = READERS.get(str(kind))
    if reader is None:
        known = ", ".join(READERS)
        if "auto_map" in config:
            raise OptionError(
                f"{folder}: want one of the architectures {known}; got {kind!r}, which asks for code from its folder to be run. "
                "That is never done"
            )
        raise UnknownNameError(f"{folder / 'config.json'}: model_type: want one of {known}; got {kind!r}")
    try:
        made = reader(config)
    except KeyError as error:
        raise CorruptError(f"{folder / 'config.json'}: want a field {error.args[0]!r}, found none") from error
    except (TypeError, ValueError) as error:
        if isinstance(error, OptionError):
            raise
        raise CorruptError(f"{folder / 'config.json'}: want numbers where numbers stand, got {error}") from error
    return _checked(made, folder)


def load(folder: Path) -> Config:
    """config.json as a dictionary; the end-of-text ids of generation_config.json take the place of its own."""
    path = folder / "config.json"
    if not path.is_file():
        raise CorruptError(f"{folder}: want a folder with config.json, found none")
    config = _json(path)
    generation = folder / "generation_config.json"
    if generation.is_file():
        ends = _json(generation).get("eos_token_id")
        if ends is not None:
            config = {**config, "eos_token_id": ends}
    return config


def _json(path: Path) -> Config:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path}: want JSON, got {error}") from error
    if not isinstance(found, dict):
        raise CorruptError(f"{path}: want a JSON object, got {type(found).__name__}")
    return cast("Config", found)


def _checked(made: Architecture, folder: Path) -> Architecture:
    counts = (made.depth, made.width, made.heads, made.kv_heads, made.head_dim, made.inner, made.vocabulary)
    if min(counts) < 1:
        raise CorruptError(f"{folder / 'config.json'}: want sizes of at least 1, got {counts}")
    if made.heads % made.kv_heads:
        raise CorruptError(
            f"{folder / 'config.json'}: want heads a multiple of those of keys, got {made.heads} and {made.kv_heads}"
        )
    return made


def _activation(name: Any) -> Activation:
    if name not in ACTIVATIONS:
        raise OptionError(f"activation: want one of {', '.join(ACTIVATIONS)}; got {name!r}")
    return ACTIVATIONS[name]


def _ends(config: Config, default: int | None) -> tuple[int, ...]:
    ends = config.get("eos_token_id", default)
    if ends is None:
        return ()
    return tuple(int(e) for e in ends) if isinstance(ends, list) else (int(ends),)


def _refuse(config: Config, **expected: Any) -> None:
    for name, value in expected.items():
        if config.get(name, value) != value:
            raise OptionError(f"{name}: want {value!r}, got {config[name]!r}, which is not computed here")


def _head_dim(config: Config) -> int:
    width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    if config.get("head_dim") is None and width % heads:
        raise ValueError(f"hidden_size {width}, which {heads} heads do not divide")
    return int(config.get("head_dim") or width // heads)


def _sizes(config: Config, *, kv_heads: int | None = None) -> dict[str, Any]:
    heads = int(config["num_attention_heads"])
    return {
        "depth": int(config["num_hidden_layers"]),
        "width": int(config["hidden_size"]),
        "heads": heads,
        "kv_heads": heads if kv_heads is None else kv_heads,
        "head_dim": _head_dim(config),
        "inner": int(config["intermediate_size"]),
        "vocabulary": int(config["vocab_size"]),
    }


def _bert(config: Config) -> Architecture:
    _refuse(config, position_embedding_type="absolute", add_cross_attention=False)
    kind = str(config["model_type"])
    starts = kind in ("roberta", "xlm-roberta", "camembert")
    # RoBERTa counts places from the one behind its padding token's id, whatever that id is.
    pad = config.get("pad_token_id", 1)
    start = (1 if pad is None else int(pad)) + 1 if starts else 0
    width = int(config["hidden_size"])
    narrow = int(config.get("embedding_size", 128)) if kind == "electra" else width
    eps = float(config.get("layer_norm_eps", 1e-12))
    return Architecture(
        kind=kind,
        **_sizes(config),
        causal=bool(config.get("is_decoder", False)),
        norm_eps=eps,
        embedding_width=None if narrow == width else narrow,
        token_types=int(config.get("type_vocab_size", 2)),
        activation=_activation(config.get("hidden_act", "gelu")),
        position_start=start,
        longest=int(config.get("max_position_embeddings", 512)) - start,
        tied=bool(config.get("tie_word_embeddings", True)),
        head_activation=_activation(config.get("hidden_act", "gelu")) if kind == "bert" else "gelu",
        head_norm_eps=eps,
        ends=_ends(config, 2 if starts else None),
    )


def _distilbert(config: Config) -> Architecture:
    names = {"dim": "hidden_size", "n_heads": "num_attention_heads", "n_layers": "num_hidden_layers"}
    named = {**config, **{new: config[old] for old, new in names.items()}, "intermediate_size": config["hidden_dim"]}
    activation = _activation(config.get("activation", "gelu"))
    return Architecture(
        kind="distilbert",
        **_sizes(named),
        causal=False,
        activation=activation,
        head_activation=activation,
        longest=int(config.get("max_position_embeddings", 512)),
        tied=bool(config.get("tie_word_embeddings", True)),
        ends=_ends(config, None),
    )


def _mpnet(config: Config) -> Architecture:
    eps = float(config.get("layer_norm_eps", 1e-12))
    return Architecture(
        kind="mpnet",
        **_sizes(config),
        causal=False,
        norm_eps=eps,
        head_norm_eps=eps,
        activation=_activation(config.get("hidden_act", "gelu")),
        positions="relative",
        position_start=2,  # the padding token's place is row 1, whatever the config says of it
        longest=int(config.get("max_position_embeddings", 512)) - 2,
        buckets=int(config.get("relative_attention_num_buckets", 32)),
        tied=bool(config.get("tie_word_embeddings", True)),
        ends=_ends(config, 2),
    )


def _modernbert(config: Config) -> Architecture:
    depth = int(config["num_hidden_layers"])
    every = int(config.get("global_attn_every_n_layers", 3))
    types = config.get("layer_types") or ["sliding_attention" if i % every else "full_attention" for i in range(depth)]
    rope = config.get("rope_parameters") or {}
    if config.get("rope_scaling") is not None:
        raise OptionError(f"rope_scaling: want none for ModernBERT, got {config['rope_scaling']!r}")
    bases = {"full_attention": config.get("global_rope_theta"), "sliding_attention": config.get("local_rope_theta")}
    for name, default in (("full_attention", 160_000.0), ("sliding_attention", 10_000.0)):
        given = rope.get(name) or {}
        if given.get("rope_type", "default") != "default":
            raise OptionError(f"rope_parameters: want rope_type 'default' for ModernBERT, got {given['rope_type']!r}")
        bases[name] = given.get("rope_theta") or bases[name] or default
    eps = float(config.get("norm_eps", 1e-5))
    bias = bool(config.get("attention_bias", False))
    return Architecture(
        kind="modernbert",
        **_sizes(config),
        causal=False,
        norm_eps=eps,
        norm_first=True,
        norm_bias=bool(config.get("norm_bias", False)),
        first_norm=False,
        activation=_activation(config.get("hidden_activation", "gelu")),
        gated=True,
        qkv_bias=bias,
        out_bias=bias,
        feed_bias=bool(config.get("mlp_bias", False)),
        positions="rotary",
        longest=int(config.get("max_position_embeddings", 8192)),
        rotary_base=float(cast("float", bases["full_attention"])),
        local_base=float(cast("float", bases["sliding_attention"])),
        reach=int(config.get("local_attention", 128)) // 2,
        local_layers=_local(types, depth),
        tied=bool(config.get("tie_word_embeddings", True)),
        head_activation=_activation(config.get("classifier_activation", "gelu")),
        head_norm_eps=eps,
        head_dense_bias=bool(config.get("classifier_bias", False)),
        head_bias=bool(config.get("decoder_bias", True)),
        ends=_ends(config, 50282),
    )


def _local(types: list[str], depth: int) -> tuple[int, ...]:
    if len(types) != depth or not set(types) <= {"sliding_attention", "full_attention"}:
        raise OptionError(f"layer_types: want {depth} of sliding_attention or full_attention, got {types!r}")
    return tuple(i for i, name in enumerate(types) if name == "sliding_attention")


def _gpt2(config: Config) -> Architecture:
    _refuse(config, add_cross_attention=False)
    width = int(config["n_embd"])
    named = {
        **config,
        "hidden_size": width,
        "num_attention_heads": config["n_head"],
        "num_hidden_layers": config["n_layer"],
        "intermediate_size": config.get("n_inner") or 4 * width,
    }
    return Architecture(
        kind="gpt2",
        **_sizes(named),
        causal=True,
        norm_eps=float(config.get("layer_norm_epsilon", 1e-5)),
        norm_first=True,
        embedding_norm=False,
        activation=_activation(config.get("activation_function", "gelu_new")),
        unscaled=not config.get("scale_attn_weights", True),
        scale_by_layer=bool(config.get("scale_attn_by_inverse_layer_idx", False)),
        longest=int(config.get("n_positions", 1024)),
        tied=bool(config.get("tie_word_embeddings", True)),
        ends=_ends(config, 50256),
    )


def _rotary(config: Config, *, base: str = "rope_theta", default: float = 10_000.0) -> dict[str, Any]:
    """Base and stretch of angles, from fields of version 5 (rope_parameters) or 4 (rope_theta and rope_scaling)."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise OptionError(f"rope_parameters: want an object, got {rope!r}")
    rope = cast("Config", rope)
    kind = rope.get("rope_type", rope.get("type", "default"))
    stretch = None
    if kind == "linear":
        stretch = Stretch("linear", float(rope["factor"]))
    elif kind == "llama3":
        original = rope.get("original_max_position_embeddings", config.get("max_position_embeddings"))
        slopes = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
        stretch = Stretch("llama3", float(rope["factor"]), *slopes, int(cast("int", original)))
    elif kind != "default":
        raise OptionError(f"rope_parameters: want rope_type default, linear or llama3; got {kind!r}")
    theta = rope.get("rope_theta") or config.get(base) or default
    return {"positions": "rotary", "rotary_base": float(theta), "local_base": float(theta), "stretch": stretch}


def _neox(config: Config) -> Architecture:
    rope = config.get("rope_parameters") or {}
    share = rope.get("partial_rotary_factor", config.get("rotary_pct", 0.25))
    bias = bool(config.get("attention_bias", True))
    return Architecture(
        kind="gpt_neox",
        **_sizes(config),
        causal=True,
        norm_eps=float(config.get("layer_norm_eps", 1e-5)),
        norm_first=True,
        embedding_norm=False,
        activation=_activation(config.get("hidden_act", "gelu")),
        parallel=bool(config.get("use_parallel_residual", True)),
        qkv_bias=bias,
        out_bias=bias,
        longest=int(config.get("max_position_embeddings", 2048)),
        **_rotary(config, base="rotary_emb_base"),
        rotary_share=float(share),
        tied=bool(config.get("tie_word_embeddings", False)),
        ends=_ends(config, 2),
    )


def _llama(config: Config) -> Architecture:
    """Llama and its kin: Mistral, Qwen2, Qwen3."""
    kind = str(config["model_type"])
    kv_default = 8 if kind == "mistral" else config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads", kv_default) or config["num_attention_heads"]
    if kind == "qwen3":
        config = {"head_dim": 128, **config}
    bias = bool(config.get("attention_bias", False)) and kind in ("llama", "qwen3")
    reach, local = _windows(config, kind)
    return Architecture(
        kind=kind,
        **_sizes(config, kv_heads=int(kv_heads)),
        causal=True,
        norm="rms",
        norm_eps=float(config.get("rms_norm_eps", 1e-6)),
        norm_first=True,
        norm_bias=False,
        embedding_norm=False,
        activation=_activation(config.get("hidden_act", "silu")),
        gated=True,
        qkv_bias=bias or kind == "qwen2",
        out_bias=bias,
        feed_bias=kind == "llama" and bool(config.get("mlp_bias", False)),
        qk_norm=kind == "qwen3",
        longest=int(config["max_position_embeddings"]),
        **_rotary(config),
        reach=reach,
        local_layers=local,
        tied=bool(config.get("tie_word_embeddings", False)),
        ends=_ends(config, 2 if kind in ("llama", "mistral") else None),
    )


def _windows(config: Config, kind: str) -> tuple[int | None, tuple[int, ...]]:
    depth = int(config["num_hidden_layers"])
    window = config.get("sliding_window", 4096)
    if kind == "llama" or window is None or (kind != "mistral" and not config.get("use_sliding_window", False)):
        return None, ()
    most = int(config.get("max_window_layers", 28))
    types = config.get("layer_types") or [
        "sliding_attention" if kind == "mistral" or i >= most else "full_attention" for i in range(depth)
    ]
    # Their window counts the token itself.
    return int(window) - 1, _local(types, depth)


READERS: dict[str, Callable[[Config], Architecture]] = {
    "bert": _bert,
    "roberta": _bert,
    "xlm-roberta": _bert,
    "camembert": _bert,
    "electra": _bert,
    "distilbert": _distilbert,
    "mpnet": _mpnet,
    "modernbert": _modernbert,
    "gpt2": _gpt2,
    "gpt_neox": _neox,
    "llama": _llama,
    "mistral": _llama,
    "qwen2": _llama,
    "qwen3": _llama,
}
