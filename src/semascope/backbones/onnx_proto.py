"""ONNX graphs written down as bytes: the few protocol-buffer messages that a graph needs, without a package for them.

Field numbers are those of onnx.proto3 (IR version 9). Large constants are declared as lying outside and handed to the runtime as
arrays, so that weights are neither copied into the bytes nor bound by the two gigabytes that such a message may have.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from semascope.types import Array

IR_VERSION, OPSET = 9, 17
MICROSOFT = "com.microsoft"  # operators that onnxruntime adds to the standard
INSIDE = 4096  # bytes of a constant that is still kept in the message
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9}

Attribute = int | float | str | Sequence[int]


class Graph:
    """A graph in the making. Values are names; `node` gives the name of what it computes."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: dict[str, Array] = {}
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []

    def node(self, kind: str, *inputs: str, name: str = "", domain: str = "", **attributes: Attribute) -> str:
        """Add an operator of one output; its name, or one of our own."""
        name = name or f"{kind}_{len(self._nodes)}"
        parts = [_text(1, value) for value in inputs]
        parts += [_text(2, name), _text(3, name), _text(4, kind)]
        parts += [_bytes(5, _attribute(key, value)) for key, value in attributes.items()]
        self._nodes.append(b"".join(parts) + (_text(7, domain) if domain else b""))
        return name

    def split(self, x: str, parts: int, *, axis: int) -> list[str]:
        """Cut a value into equal parts; their names."""
        names = [f"Split_{len(self._nodes)}_{part}" for part in range(parts)]
        outputs = b"".join(_text(2, name) for name in names)
        self._nodes.append(_text(1, x) + outputs + _text(4, "Split") + _bytes(5, _attribute("axis", axis)))
        return names

    def constant(self, array: Array | np.generic) -> str:
        """The name of an array that is part of the graph; a single number becomes an array of one."""
        name = f"constant_{len(self._constants)}"
        self._constants[name] = np.ascontiguousarray(array)
        return name

    def input(self, name: str, dtype: DTypeLike, shape: Sequence[int | str]) -> str:
        """Declare what is fed; dimensions that may vary have names."""
        self._inputs.append(_value(name, dtype, shape))
        return name

    def output(self, name: str, dtype: DTypeLike, shape: Sequence[int | str]) -> None:
        """Declare a value that can be asked for."""
        self._outputs.append(_value(name, dtype, shape))

    def model(self) -> tuple[bytes, dict[str, Array]]:
        """The model as bytes, and the constants it says lie outside of it."""
        outside = {name: array for name, array in self._constants.items() if array.nbytes > INSIDE}
        tensors = [_tensor(name, array, inside=name not in outside) for name, array in self._constants.items()]
        graph = b"".join(
            [
                *(_bytes(1, node) for node in self._nodes),
                _text(2, "semascope"),
                *(_bytes(5, tensor) for tensor in tensors),
                *(_bytes(11, value) for value in self._inputs),
                *(_bytes(12, value) for value in self._outputs),
            ]
        )
        opsets = [_text(1, "") + _integer(2, OPSET), _text(1, MICROSOFT) + _integer(2, 1)]
        head = _integer(1, IR_VERSION) + _text(2, "semascope")
        return head + _bytes(7, graph) + b"".join(_bytes(8, opset) for opset in opsets), outside


def _varint(number: int) -> bytes:
    """Seven bits a byte, lowest first; negative numbers as 64-bit two's complement."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _integer(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, content: str) -> bytes:
    return _bytes(field, content.encode())


def _attribute(name: str, value: Attribute) -> bytes:
    head = _text(1, name)
    if isinstance(value, float):
        return head + _varint(2 << 3 | 5) + struct.pack("<f", value) + _integer(20, 1)
    if isinstance(value, int):
        return head + _integer(3, value) + _integer(20, 2)
    if isinstance(value, str):
        return head + _text(4, value) + _integer(20, 3)
    return head + b"".join(_integer(8, number) for number in value) + _integer(20, 7)


def _tensor(name: str, array: Array, *, inside: bool) -> bytes:
    head = b"".join(_integer(1, size) for size in array.shape) + _integer(2, TYPES[array.dtype.name]) + _text(8, name)
    if inside:
        return head + _bytes(9, array.tobytes())
    # Where it lies is never looked at: the runtime is given the arrays by name.
    place = (("location", "arrays"), ("offset", "0"), ("length", str(array.nbytes)))
    return head + b"".join(_bytes(13, _text(1, key) + _text(2, value)) for key, value in place) + _integer(14, 1)


def _value(name: str, dtype: DTypeLike, shape: Sequence[int | str]) -> bytes:
    sizes = [_text(2, size) if isinstance(size, str) else _integer(1, size) for size in shape]
    tensor = _integer(1, TYPES[np.dtype(dtype).name]) + _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))
