"""The graph of an encoder that norms last (BERT and its kin), over tokens that lie one after the other.

Linear layers and norms run on the tokens alone; for attention they are laid out as (texts, longest), and only there is padding, which
nothing reads.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from semascope.backbones.architecture import Architecture
from semascope.backbones.onnx_proto import MICROSOFT, Graph
from semascope.backbones.weights import Weights
from semascope.errors import OptionError

# What is fed: the summed embeddings (tokens, columns); where in them each place of (texts, longest) lies, any row where there is
# none; where in (texts x longest) each token lies; tokens of each text; biases by distance (1, heads, longest, longest).
STATES, PLACES, TOKENS, LENGTHS, BIASES = "states", "places", "tokens", "lengths", "biases"


class Linear(Protocol):
    """Writes x W' + b into a graph: (graph, x, the layer's name) to the name of the product."""

    def __call__(self, graph: Graph, x: str, name: str) -> str: ...


def layer_name(layer: int) -> str:
    """The graph's output that holds a layer."""
    return f"layer_{layer}"


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
            raise OptionError(f"engine: onnx wants {wish}, got {a.kind!r}, which has none; engine='torch' runs it")


def encoder_graph(weights: Weights, linear: Linear) -> Graph:
    """Every layer, 0 to depth, as an output float32 (tokens, width)."""
    a = weights.architecture
    graph = Graph()
    graph.input(STATES, np.float32, ["tokens", a.embedding_width or a.width])
    graph.input(PLACES, np.int64, ["texts", "longest"])
    graph.input(TOKENS, np.int64, ["tokens"])
    graph.input(LENGTHS, np.int32, ["texts"])
    if a.positions == "relative":
        graph.input(BIASES, np.float32, [1, a.heads, "longest", "longest"])
    make = _Blocks(graph, weights, linear)
    make.embeddings()
    for block in range(a.depth):
        make.block(block)
    for layer in range(a.depth + 1):
        graph.output(layer_name(layer), np.float32, ["tokens", a.width])
    return graph


class _Blocks:
    """Writes the parts of one model into one graph."""

    def __init__(self, graph: Graph, weights: Weights, linear: Linear) -> None:
        self.graph = graph
        self.weights = weights
        self.architecture = weights.architecture
        self.linear = linear
        self.flat = graph.constant(np.array([-1, self.architecture.width], np.int64))

    def constant(self, name: str) -> str:
        return self.graph.constant(self.weights.array(name))

    def embeddings(self) -> None:
        a, node = self.architecture, self.graph.node
        project = "embed.project.weight" in self.weights
        scale, shift = self.constant("embed.norm.weight"), self.constant("embed.norm.bias")
        name = "" if project else layer_name(0)
        x = node("LayerNormalization", STATES, scale, shift, name=name, epsilon=a.norm_eps, axis=-1)
        if project:
            matrix, bias = self.constant("embed.project.weight"), self.constant("embed.project.bias")
            node("Gemm", x, matrix, bias, name=layer_name(0), transB=1)

    def block(self, number: int) -> None:
        """Layer `number + 1` from layer `number`."""
        at = f"block.{number}."
        mixed = self.attention(layer_name(number), at + "attention.qkv")
        x = self.onto(layer_name(number), mixed, at + "attention.out", at + "attention.norm", "")
        inside = self.activated(self.linear(self.graph, x, at + "feed.in"))
        self.onto(x, inside, at + "feed.out", at + "feed.norm", layer_name(number + 1))

    def attention(self, x: str, name: str) -> str:
        """What every token gathers from its text, (tokens, width)."""
        a, node = self.architecture, self.graph.node
        matrix = self.graph.constant(self.weights.array(name + ".weight").T)
        laid_out = node("Gather", x, PLACES, axis=0)
        inputs = [laid_out, matrix, self.constant(name + ".bias"), LENGTHS]
        if a.positions == "relative":
            inputs += ["", BIASES]
        mixed = node("Attention", *inputs, domain=MICROSOFT, num_heads=a.heads)
        return node("Gather", node("Reshape", mixed, self.flat), TOKENS, axis=0)

    def onto(self, stream: str, x: str, dense: str, norm: str, name: str) -> str:
        """The norm of the stream plus a dense layer of x."""
        node = self.graph.node
        # The runtime's fused SkipLayerNormalization takes five times as long on a processor as these two.
        total = node("Add", self.linear(self.graph, x, dense), stream)
        scale, shift = self.constant(f"{norm}.weight"), self.constant(f"{norm}.bias")
        return node("LayerNormalization", total, scale, shift, name=name, epsilon=self.architecture.norm_eps, axis=-1)

    def activated(self, x: str) -> str:
        node, kind = self.graph.node, self.architecture.activation
        if kind == "relu":
            return node("Relu", x)
        if kind == "silu":
            return node("QuickGelu", x, domain=MICROSOFT, alpha=1.0)
        return node("Gelu" if kind == "gelu" else "FastGelu", x, domain=MICROSOFT)


class Plain:
    """Products in float32."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def __call__(self, graph: Graph, x: str, name: str) -> str:
        """X W' + b of a layer's name."""
        matrix, bias = (graph.constant(self.weights.array(f"{name}.{part}")) for part in ("weight", "bias"))
        return graph.node("Gemm", x, matrix, bias, transB=1)
