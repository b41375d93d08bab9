"""The graph of an encoder that norms last (BERT and its kin), over tokens that lie one after the other.

Linear layers and norms run on the tokens alone; for attention they are laid out as (texts, longest), and only there is padding, which
nothing reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semascope.backbones.architecture import Architecture
from semascope.backbones.onnx_proto import MICROSOFT, Graph
from semascope.backbones.weights import Weights
from semascope.errors import OptionError

# What is fed: the summed embeddings (tokens, columns); where in them each place of (texts, longest) lies, any row where there is
# none; where in (texts x longest) each token lies; what is added to scores, 0 or a very low number where there is no token
# (texts, 1, 1, longest); biases by distance (1, heads, longest, longest).
STATES, PLACES, TOKENS, MASK, BIASES = "states", "places", "tokens", "mask", "biases"

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Stream:
    """The states between two parts: the graph's value times `factor` plus `centre`, column by column; None: the value itself."""

    value: str
    factor: Floats | None = None
    centre: Floats | None = None


class Products(Protocol):
    """How linear layers are computed, and how the norms before them are bent to suit."""

    def dense(self, graph: Graph, x: str, name: str, matrix: Floats, bias: Floats) -> str:
        """Write x W' + b into the graph."""
        ...

    def bend(self, reader: str) -> tuple[Floats, Floats] | None:
        """Factor and centre of the states that a layer reads; None leaves them."""
        ...


class Plain:
    """Products in float32."""

    def dense(self, graph: Graph, x: str, name: str, matrix: Floats, bias: Floats) -> str:  # noqa: ARG002 - others go by it
        """One product, its bias inside."""
        return graph.node("Gemm", x, graph.constant(matrix), graph.constant(bias), transB=1)

    def bend(self, reader: str) -> None:  # noqa: ARG002 - others go by it
        """The states as they are."""
        return


def layer_name(layer: int) -> str:
    """The graph's output that holds a layer."""
    return f"layer_{layer}"


def middle_name(block: int) -> str:
    """The value between a block's two parts, in a graph of plain products."""
    return f"middle_{block}"


def refuse_others(architecture: Architecture) -> None:
    """Say so where an architecture is not of this kind.

    Raises:
        OptionError: a decoder, norms before, rotary places, shared heads, gates.
    """
    a = architecture
    wanted = {
        "attention to both sides": not a.causal,
        "norms after each part": not a.norm_first and a.norm == "layer" and a.first_norm and a.norm_bias,
        "a norm of the embeddings": a.embedding_norm,
        "learned places": a.positions in ("learned", "relative"),
        "as many heads for keys as for queries": a.kv_heads == a.heads and a.head_dim * a.heads == a.width,
        "no gates": not a.gated and not a.parallel,
        "biases everywhere": a.qkv_bias and a.out_bias and a.feed_bias,
        "plain attention": not (a.qk_norm or a.unscaled or a.scale_by_layer or a.local_layers),
    }
    for wish, fulfilled in wanted.items():
        if not fulfilled:
            raise OptionError(
                f"engine: onnx wants {wish}, got {a.kind!r}, which is made otherwise; engine='torch' runs it"
            )


def encoder_graph(weights: Weights, products: Products, *, middles: bool = False, top: int | None = None) -> Graph:
    """Every layer, 0 to `top` (the depth where None), as an output float32 (tokens, width).

    With `middles` what stands between a block's parts as well. Blocks above `top` are not in the graph.
    """
    a = weights.architecture
    blocks = a.depth if top is None else top
    graph = Graph()
    graph.input(STATES, np.float32, ["tokens", a.embedding_width or a.width])
    graph.input(PLACES, np.int64, ["texts", "longest"])
    graph.input(TOKENS, np.int64, ["tokens"])
    graph.input(MASK, np.float32, ["texts", 1, 1, "longest"])
    if a.positions == "relative":
        graph.input(BIASES, np.float32, [1, a.heads, "longest", "longest"])
    make = _Blocks(graph, weights, products)
    stream = make.embeddings()
    for block in range(blocks):
        stream = make.block(block, stream)
    names = [layer_name(layer) for layer in range(blocks + 1)]
    for name in names + [middle_name(block) for block in range(blocks if middles else 0)]:
        graph.output(name, np.float32, ["tokens", a.width])
    return graph


class _Blocks:
    """Writes the parts of one model into one graph."""

    def __init__(self, graph: Graph, weights: Weights, products: Products) -> None:
        self.graph = graph
        self.weights = weights
        self.architecture = weights.architecture
        self.products = products
        sizes = [0, 0, 3, self.architecture.heads, self.architecture.head_dim]  # 0: as it is
        self.heads = graph.constant(np.array(sizes, np.int64))
        self.flat = graph.constant(np.array([-1, self.architecture.width], np.int64))

    def embeddings(self) -> Stream:
        if "embed.project.weight" not in self.weights:
            return self.normed(STATES, "embed.norm", reader="block.0.attention.qkv", name=layer_name(0))
        narrow = self.normed(STATES, "embed.norm", reader=None, name="")
        matrix, bias = (self.weights.array(f"embed.project.{part}") for part in ("weight", "bias"))
        constants = (self.graph.constant(matrix), self.graph.constant(bias))
        return Stream(self.graph.node("Gemm", narrow.value, *constants, name=layer_name(0), transB=1))

    def block(self, number: int, stream: Stream) -> Stream:
        """Layer `number + 1` from layer `number`."""
        at, last = f"block.{number}.", number + 1 == self.architecture.depth
        mixed = self.attention(stream, at + "attention.qkv")
        total = self.onto(stream, mixed, at + "attention.out")
        stream = self.normed(total, at + "attention.norm", reader=at + "feed.in", name=middle_name(number))
        total = self.onto(stream, self.activated(self.dense(at + "feed.in", stream)), at + "feed.out")
        reader = None if last else f"block.{number + 1}.attention.qkv"
        return self.normed(total, at + "feed.norm", reader=reader, name=layer_name(number + 1))

    def normed(self, x: str, norm: str, *, reader: str | None, name: str) -> Stream:
        """The norm of x, bent as its reader likes it; what it is unbent bears the name, and is only computed where it is asked for."""
        scale, shift = (self.weights.array(f"{norm}.{part}") for part in ("weight", "bias"))
        bent = self.products.bend(reader) if reader is not None else None
        if bent is None:
            return Stream(self._norm(x, scale, shift, name))
        factor, centre = bent
        stream = Stream(self._norm(x, scale / factor, (shift - centre) / factor, ""), factor, centre)
        self.graph.node("Add", self.unscaled(stream), self.graph.constant(centre), name=name)
        return stream

    def _norm(self, x: str, scale: Floats, shift: Floats, name: str) -> str:
        constants = (self.graph.constant(scale), self.graph.constant(shift))
        eps = self.architecture.norm_eps
        return self.graph.node("LayerNormalization", x, *constants, name=name, epsilon=eps, axis=-1)

    def unscaled(self, stream: Stream) -> str:
        """The stream less its centre."""
        if stream.factor is None:
            return stream.value
        return self.graph.node("Mul", stream.value, self.graph.constant(stream.factor))

    def dense(self, name: str, x: Stream, onto: Stream | None = None) -> str:
        """A linear layer of a stream; the centre of another one that the product will be added to is part of the bias."""
        matrix, bias = (self.weights.array(f"{name}.{part}") for part in ("weight", "bias"))
        if x.factor is not None and x.centre is not None:
            bias = (bias + matrix.astype(np.float64) @ x.centre).astype(np.float32)
            matrix = matrix * x.factor
        if onto is not None and onto.centre is not None:
            bias = bias + onto.centre
        return self.products.dense(self.graph, x.value, name, matrix, bias)

    def onto(self, stream: Stream, x: str, name: str) -> str:
        """The stream plus a linear layer of x."""
        # The runtime's fused SkipLayerNormalization takes five times as long on a processor as an addition and a norm.
        return self.graph.node("Add", self.dense(name, Stream(x), stream), self.unscaled(stream))

    def attention(self, stream: Stream, name: str) -> str:
        """What every token gathers from its text, (tokens, width)."""
        a, node = self.architecture, self.graph.node
        # Written out: the runtime's own attention is no faster where there is a mask.
        laid_out = node("Gather", self.dense(name, stream), PLACES, axis=0)
        heads = node("Transpose", node("Reshape", laid_out, self.heads), perm=[2, 0, 3, 1, 4])
        queries, keys, values = self.graph.split(heads, 3, axis=0)
        scale = float(a.head_dim**-0.5)
        scores = node("FusedMatMul", queries, keys, domain=MICROSOFT, transB=1, alpha=scale)
        for added in [MASK, BIASES] if a.positions == "relative" else [MASK]:
            scores = node("Add", scores, added)
        mixed = node("MatMul", node("Softmax", scores, axis=-1), values)
        back = node("Reshape", node("Transpose", mixed, perm=[0, 1, 3, 2, 4]), self.flat)
        return node("Gather", back, TOKENS, axis=0)

    def activated(self, x: str) -> str:
        node, kind = self.graph.node, self.architecture.activation
        if kind == "relu":
            return node("Relu", x)
        if kind == "silu":
            return node("QuickGelu", x, domain=MICROSOFT, alpha=1.0)
        return node("Gelu" if kind == "gelu" else "FastGelu", x, domain=MICROSOFT)
