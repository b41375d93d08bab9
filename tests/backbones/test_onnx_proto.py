"""Graphs written by hand against the onnx package's own reader and checker, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from semascope.backbones.onnx_proto import Graph


def graph() -> Graph:
    made = Graph()
    made.input("x", np.float32, ["rows", 4])
    a, b = made.split(made.node("Mul", "x", made.constant(np.float32(2.5))), 2, axis=1)
    total = made.node("Concat", b, a, axis=-1)
    scale = made.constant(np.arange(4, dtype=np.float32))
    made.node("LayerNormalization", total, scale, scale, name="y", epsilon=1e-5, axis=-1)
    made.node("Gather", "y", made.constant(np.zeros((40, 40), np.int64)), name="z", axis=0)
    made.output("y", np.float32, ["rows", 4])
    return made


def test_what_is_written_is_what_the_onnx_package_reads() -> None:
    onnx: Any = pytest.importorskip("onnx")
    model, outside = graph().model()
    read = onnx.ModelProto.FromString(model)
    assert [node.op_type for node in read.graph.node] == ["Mul", "Split", "Concat", "LayerNormalization", "Gather"]
    norm = {a.name: onnx.helper.get_attribute_value(a) for a in read.graph.node[3].attribute}
    assert norm == {"epsilon": pytest.approx(1e-5), "axis": -1}
    inside = {t.name: onnx.numpy_helper.to_array(t) for t in read.graph.initializer if t.name not in outside}
    assert sorted(a.shape for a in inside.values()) == [(1,), (4,)]
    assert [dim.dim_param or dim.dim_value for dim in read.graph.input[0].type.tensor_type.shape.dim] == ["rows", 4]
    (far,) = (t for t in read.graph.initializer if t.name in outside)
    assert tuple(far.dims) == (40, 40)
    assert {entry.key: entry.value for entry in far.external_data}["length"] == str(40 * 40 * 8)


def test_the_onnx_checker_accepts_it() -> None:
    onnx: Any = pytest.importorskip("onnx")
    model, outside = graph().model()
    read = onnx.ModelProto.FromString(model)
    for tensor in read.graph.initializer:
        if tensor.name in outside:
            tensor.CopyFrom(onnx.numpy_helper.from_array(outside[tensor.name], tensor.name))
    onnx.checker.check_model(read, full_check=True)
    broken = onnx.ModelProto.FromString(model)
    broken.graph.node[0].op_type = "Multiply"
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(broken)
