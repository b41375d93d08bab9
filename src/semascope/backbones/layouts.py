"""Which tensor of a Hugging Face file is which part of a transformer.

Our own names, the same for every architecture (each with `.weight`, most with `.bias`; matrices are (out, in)):

embed.tokens, embed.positions, embed.types, embed.norm, embed.project: tables and what follows them;
block.I.attention.norm, .qkv (queries, keys, values, one below the other), .q_norm, .k_norm, .out;
block.I.feed.norm, .in (what is activated above what it is multiplied with, where gated), .out;
final.norm; relative (biases by distance, (buckets, heads)); head.dense, head.norm, head.out: from states to the vocabulary.

A block's norms stand before their part where `norm_first`, else behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from semascope.backbones.architecture import Architecture

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """Where one of our tensors is found: the file's tensors (one below the other), their shapes there, and how they are turned.

    Args:
        sources: Names in the file.
        shapes: Of each, in the file.
        turn: "none", "transposed" (GPT-2 keeps (in, out)), or "interleaved" (GPT-NeoX keeps q, k, v head by head).
        inside: Whether the model's prefix ("bert.", "model.") stands before the names where there is one.
    """

    sources: tuple[str, ...]
    shapes: tuple[Shape, ...]
    turn: Literal["none", "transposed", "interleaved"] = "none"
    inside: bool = True


@dataclass(frozen=True)
class Layout:
    """The names that a family of models gives to its parts; "a|b" are two tensors, one below the other."""

    prefix: str
    parts: dict[str, str]
    head: dict[str, str]
    turn: Literal["none", "transposed", "interleaved"] = "none"


def _bert(prefix: str, head: dict[str, str]) -> Layout:
    at = "encoder.layer.{i}."
    parts = {
        "embed.tokens": "embeddings.word_embeddings",
        "embed.positions": "embeddings.position_embeddings",
        "embed.types": "embeddings.token_type_embeddings",
        "embed.norm": "embeddings.LayerNorm",
        "embed.project": "embeddings_project",
        "attention.qkv": f"{at}attention.self.query|{at}attention.self.key|{at}attention.self.value",
        "attention.out": at + "attention.output.dense",
        "attention.norm": at + "attention.output.LayerNorm",
        "feed.in": at + "intermediate.dense",
        "feed.out": at + "output.dense",
        "feed.norm": at + "output.LayerNorm",
    }
    return Layout(prefix, parts, head)


BERT = _bert(
    "bert.",
    {
        "head.dense": "cls.predictions.transform.dense",
        "head.norm": "cls.predictions.transform.LayerNorm",
        "head.out": "cls.predictions.decoder",
    },
)
LM_HEAD = {
    "head.dense": "lm_head.dense",
    "head.norm": "lm_head.layer_norm",
    "head.out": "lm_head.decoder",
}
ROBERTA = _bert("roberta.", LM_HEAD)
ELECTRA = _bert(
    "electra.",
    {
        "head.dense": "generator_predictions.dense",
        "head.norm": "generator_predictions.LayerNorm",
        "head.out": "generator_lm_head",
    },
)
MPNET = Layout(
    "mpnet.",
    {
        **BERT.parts,
        "attention.qkv": "|".join("encoder.layer.{i}.attention.attn." + n for n in "qkv"),
        "attention.out": "encoder.layer.{i}.attention.attn.o",
        "attention.norm": "encoder.layer.{i}.attention.LayerNorm",
        "relative": "encoder.relative_attention_bias",
    },
    LM_HEAD,
)
DISTILBERT = Layout(
    "distilbert.",
    {
        "embed.tokens": "embeddings.word_embeddings",
        "embed.positions": "embeddings.position_embeddings",
        "embed.norm": "embeddings.LayerNorm",
        "attention.qkv": "|".join("transformer.layer.{i}.attention." + n for n in ("q_lin", "k_lin", "v_lin")),
        "attention.out": "transformer.layer.{i}.attention.out_lin",
        "attention.norm": "transformer.layer.{i}.sa_layer_norm",
        "feed.in": "transformer.layer.{i}.ffn.lin1",
        "feed.out": "transformer.layer.{i}.ffn.lin2",
        "feed.norm": "transformer.layer.{i}.output_layer_norm",
    },
    {"head.dense": "vocab_transform", "head.norm": "vocab_layer_norm", "head.out": "vocab_projector"},
)
MODERNBERT = Layout(
    "model.",
    {
        "embed.tokens": "embeddings.tok_embeddings",
        "embed.norm": "embeddings.norm",
        "attention.norm": "layers.{i}.attn_norm",
        "attention.qkv": "layers.{i}.attn.Wqkv",
        "attention.out": "layers.{i}.attn.Wo",
        "feed.norm": "layers.{i}.mlp_norm",
        "feed.in": "layers.{i}.mlp.Wi",
        "feed.out": "layers.{i}.mlp.Wo",
        "final.norm": "final_norm",
    },
    {"head.dense": "head.dense", "head.norm": "head.norm", "head.out": "decoder"},
)
GPT2 = Layout(
    "transformer.",
    {
        "embed.tokens": "wte",
        "embed.positions": "wpe",
        "attention.norm": "h.{i}.ln_1",
        "attention.qkv": "h.{i}.attn.c_attn",
        "attention.out": "h.{i}.attn.c_proj",
        "feed.norm": "h.{i}.ln_2",
        "feed.in": "h.{i}.mlp.c_fc",
        "feed.out": "h.{i}.mlp.c_proj",
        "final.norm": "ln_f",
    },
    {"head.out": "lm_head"},
    turn="transposed",
)
NEOX = Layout(
    "gpt_neox.",
    {
        "embed.tokens": "embed_in",
        "attention.norm": "layers.{i}.input_layernorm",
        "attention.qkv": "layers.{i}.attention.query_key_value",
        "attention.out": "layers.{i}.attention.dense",
        "feed.norm": "layers.{i}.post_attention_layernorm",
        "feed.in": "layers.{i}.mlp.dense_h_to_4h",
        "feed.out": "layers.{i}.mlp.dense_4h_to_h",
        "final.norm": "final_layer_norm",
    },
    {"head.out": "embed_out"},
    turn="interleaved",
)
LLAMA = Layout(
    "model.",
    {
        "embed.tokens": "embed_tokens",
        "attention.norm": "layers.{i}.input_layernorm",
        "attention.qkv": "|".join("layers.{i}.self_attn." + n for n in ("q_proj", "k_proj", "v_proj")),
        "attention.q_norm": "layers.{i}.self_attn.q_norm",
        "attention.k_norm": "layers.{i}.self_attn.k_norm",
        "attention.out": "layers.{i}.self_attn.o_proj",
        "feed.norm": "layers.{i}.post_attention_layernorm",
        "feed.in": "layers.{i}.mlp.gate_proj|layers.{i}.mlp.up_proj",
        "feed.out": "layers.{i}.mlp.down_proj",
        "final.norm": "norm",
    },
    {"head.out": "lm_head"},
)
LAYOUTS = {
    "bert": BERT,
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "camembert": ROBERTA,
    "electra": ELECTRA,
    "distilbert": DISTILBERT,
    "mpnet": MPNET,
    "modernbert": MODERNBERT,
    "gpt2": GPT2,
    "gpt_neox": NEOX,
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
}


def pieces(a: Architecture) -> dict[str, Piece]:
    """Every tensor of the model itself under our name, without the head."""
    narrow = a.embedding_width or a.width
    found: dict[str, Piece] = {}
    _add(found, a, "embed.tokens", (a.vocabulary, narrow), bias=False)
    if a.positions in ("learned", "relative"):
        _add(found, a, "embed.positions", ((a.longest or 0) + a.position_start, narrow), bias=False)
    if a.token_types:
        _add(found, a, "embed.types", (a.token_types, narrow), bias=False)
    if a.embedding_norm:
        _add(found, a, "embed.norm", (narrow,), bias=a.norm_bias)
    if narrow != a.width:
        _add(found, a, "embed.project", (a.width, narrow), bias=True)
    if a.positions == "relative":
        _add(found, a, "relative", (a.buckets, a.heads), bias=False)
    for block in range(a.depth):
        for part, rows, columns, bias in _block(a, block):
            _add(found, a, part, (rows, columns) if columns else (rows,), bias=bias, block=block)
    if a.norm_first:
        _add(found, a, "final.norm", (a.width,), bias=a.norm_bias)
    return found


def _block(a: Architecture, block: int) -> Iterator[tuple[str, int, int, bool]]:
    """Part, rows, columns (0: a vector), whether there is a bias."""
    if a.first_norm or block:
        yield "attention.norm", a.width, 0, a.norm_bias
    yield "attention.qkv", (a.heads + 2 * a.kv_heads) * a.head_dim, a.width, a.qkv_bias
    if a.qk_norm:
        yield "attention.q_norm", a.head_dim, 0, False
        yield "attention.k_norm", a.head_dim, 0, False
    yield "attention.out", a.width, a.heads * a.head_dim, a.out_bias
    yield "feed.norm", a.width, 0, a.norm_bias
    yield "feed.in", a.inner * (2 if a.gated else 1), a.width, a.feed_bias
    yield "feed.out", a.width, a.inner, a.feed_bias


def head(a: Architecture) -> dict[str, Piece]:
    """Every tensor of the head over the vocabulary under our name; `head.out.weight` only where it is not the token table."""
    layout = LAYOUTS[a.kind]
    narrow = a.embedding_width or a.width
    found: dict[str, Piece] = {}
    masked = "head.dense" in layout.head
    if masked:
        _add(found, a, "head.dense", (narrow, a.width), bias=a.head_dense_bias)
        _add(found, a, "head.norm", (narrow,), bias=a.norm_bias)
        if a.head_bias:
            found["head.out.bias"] = Piece((layout.head["head.out"] + ".bias",), ((a.vocabulary,),), inside=False)
    if not a.tied:
        name = layout.head["head.out"] + ".weight"
        found["head.out.weight"] = Piece((name,), ((a.vocabulary, narrow),), inside=False)
    return found


def _add(
    found: dict[str, Piece], a: Architecture, part: str, shape: Shape, *, bias: bool, block: int | None = None
) -> None:
    layout = LAYOUTS[a.kind]
    inside = not part.startswith("head.")
    names = (layout.parts if inside else layout.head)[part].format(i=block).split("|")
    ours = part if block is None else f"block.{block}.{part}"
    turn = layout.turn if block is not None and len(shape) == 2 else "none"
    if turn == "interleaved" and part != "attention.qkv":
        turn = "none"
    shapes = [(rows, *shape[1:]) for rows in _rows(a, part, shape[0], len(names))]
    kept = [s[::-1] if turn == "transposed" else s for s in shapes]
    found[f"{ours}.weight"] = Piece(tuple(f"{n}.weight" for n in names), tuple(kept), turn, inside)
    if bias:
        plain = "interleaved" if turn == "interleaved" else "none"
        found[f"{ours}.bias"] = Piece(tuple(f"{n}.bias" for n in names), tuple((s[0],) for s in shapes), plain, inside)


def _rows(a: Architecture, part: str, total: int, files: int) -> list[int]:
    """Rows of each tensor that together are one of ours."""
    if part == "attention.qkv" and files == 3:
        return [a.heads * a.head_dim, a.kv_heads * a.head_dim, a.kv_heads * a.head_dim]
    return [total // files] * files
