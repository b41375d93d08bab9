"""Matrix products in 8-bit integers that keep the vectors: a scale for every token, and columns evened out inside the norms.

A row of what a layer reads is divided by its own largest value, so that one text never coarsens another; a column of the matrix by its
own. A few columns of the states between the parts are ten times as large as the rest and would take all the levels for themselves: they are made
smaller, and their weights larger, by factors folded into the norm before. How large columns get is measured once, on token ids drawn at random.

Source: Xiao et al. (2023), "SmoothQuant", equation 4 (with alpha 0.7); centring the columns as in Wei et al. (2023), "Outlier Suppression+",
equation 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from semascope.backbones.architecture import Activation
from semascope.backbones.onnx_graph import Floats, layer_name, middle_name
from semascope.backbones.onnx_proto import MICROSOFT, Graph
from semascope.backbones.weights import Weights
from semascope.ops import need
from semascope.types import Tokens

SHARE = 0.7  # of a column's spread that goes from the states into the weights
DRAWN = (8, 16, 16, 30, 30, 30, 60, 100)  # tokens of each text that columns are measured on
HALF, LOW = (
    128,
    16,
)  # which level is zero: of values of both signs; of what an activation gives, which is hardly ever negative
HALVES, LOWS = "halves", "lows"  # fed: those levels once for every token
LEAST: dict[Activation, float] = {
    "gelu": 0.171,
    "gelu_tanh": 0.171,
    "relu": 1e-9,
    "silu": 0.279,
}  # how far below zero it goes

Measured = Mapping[str, tuple[Floats, Floats]]


class Rounded:
    """Products in 8-bit integers.

    Args:
        weights: Of the model.
        measured: Lowest and highest value of every column that a layer reads, by the layer's name.
        saturates: Whether this processor's product of unsigned by signed bytes overflows in 16 bits; then unsigned by unsigned is taken, which is
            slower and gives the same numbers.
    """

    def __init__(self, weights: Weights, measured: Measured, *, saturates: bool) -> None:
        self.weights = weights
        self.measured = measured
        self.saturates = saturates

    def bend(self, reader: str) -> tuple[Floats, Floats]:
        """Factor and centre of the columns that a layer reads."""
        low, high = self.measured[reader]
        centre = (low + high) / 2
        spread = np.maximum((high - low) / 2, 1e-3)
        largest = np.maximum(np.abs(self.weights.array(f"{reader}.weight")).max(axis=0), 1e-6)
        logs = SHARE * np.log(spread) - (1 - SHARE) * np.log(largest)
        return np.exp(logs - logs.mean()).astype(np.float32), centre.astype(np.float32)

    def dense(self, graph: Graph, x: str, name: str, matrix: Floats, bias: Floats) -> str:
        """Round the rows of x, multiply integers, scale back, add the bias."""
        node, constant = graph.node, graph.constant
        activated = name.endswith("feed.out")
        scales = self._after_activation(graph, x) if activated else _both_signs(graph, x)
        rounded = node("QuantizeLinear", x, scales, LOWS if activated else HALVES, axis=0)
        levels, columns = rounded_columns(matrix)
        operands = [constant(levels.T), constant(np.float32(1)), constant(columns)]
        operands.append(constant(np.uint8(LOW if activated else HALF)))
        if self.saturates:
            operands[0] = constant((levels.T.astype(np.int16) + HALF).astype(np.uint8))
            operands.append(constant(np.uint8(HALF)))
        product = node("MatMulIntegerToFloat", rounded, *operands, domain=MICROSOFT)
        row = node("Unsqueeze", scales, constant(np.array([1], np.int64)))
        return node("Add", node("Mul", product, row), constant(bias))

    def _after_activation(self, graph: Graph, x: str) -> str:
        """A scale for every row that leaves LOW levels below zero, (tokens,)."""
        node, constant = graph.node, graph.constant
        least = LEAST[self.weights.architecture.activation]
        largest = node("ReduceMax", x, axes=[1], keepdims=0)
        return node(
            "Max", node("Mul", largest, constant(np.float32(1 / (255 - LOW)))), constant(np.float32(least / LOW))
        )


def _both_signs(graph: Graph, x: str) -> str:
    """A scale for every row, its largest value of either sign over 127, (tokens,)."""
    node, constant = graph.node, graph.constant
    largest = node("ReduceMax", node("Abs", x), axes=[1], keepdims=0)
    return node("Max", node("Mul", largest, constant(np.float32(1 / 127))), constant(np.float32(1e-12)))


def rounded_columns(matrix: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Rows of `matrix` (out, in), each as levels of -127 to 127 and what one level is worth."""
    worth = np.maximum(np.abs(matrix).max(axis=1), 1e-12) / 127
    return np.round(matrix / worth[:, None]).astype(np.int8), worth.astype(np.float32)


def drawn_tokens(vocabulary: int, longest: int) -> Tokens:
    """Texts of token ids drawn uniformly, always the same."""
    rng = np.random.default_rng(0)
    return Tokens.of([rng.integers(0, vocabulary, size=min(length, longest)).tolist() for length in DRAWN])


def measure(run: Callable[[list[str]], list[Floats]], depth: int) -> Measured:
    """Lowest and highest value of every column that the layers behind a norm read, of a plain graph with its middles."""
    readers = {f"block.{block}.attention.qkv": layer_name(block) for block in range(depth)}
    readers |= {f"block.{block}.feed.in": middle_name(block) for block in range(depth)}
    found = run(list(readers.values()))
    return {reader: (states.min(axis=0), states.max(axis=0)) for reader, states in zip(readers, found, strict=True)}


@cache
def saturates() -> bool:
    """Whether onnxruntime's product of unsigned by signed bytes overflows on this processor (one without VNNI)."""
    runtime = cast("Any", need("onnxruntime", extra="onnx"))
    graph = Graph()
    graph.input("x", np.uint8, ["rows", 64])
    graph.node("MatMulInteger", "x", graph.constant(np.full((64, 64), 127, np.int8)), name="y")
    graph.output("y", np.int32, ["rows", 64])
    model, _ = graph.model()
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return bool((session.run(["y"], {"x": np.full((4, 64), 255, np.uint8)})[0] != 64 * 127 * 255).any())
