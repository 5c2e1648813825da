"""Every operator against ONNX Runtime, one node at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from mien.core.errors import ArtifactError
from mien.explain.operators import OPERATORS

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 4, 6, 6)).astype(np.float32)
POSITIVE = np.abs(X) + 0.1
ROWS = rng.normal(size=(3, 5)).astype(np.float32)
GRID = rng.uniform(-1.2, 1.2, (2, 5, 3, 2)).astype(np.float32)
FOUR = tuple(rng.uniform(0.5, 2, 4).astype(np.float32) for _ in range(4))
KINDS = {np.dtype(kind): helper.np_dtype_to_tensor_dtype(np.dtype(kind)) for kind in (np.float32, np.int64, np.uint8, np.int8)}


def weights(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CASES: list[tuple[str, list[np.ndarray], dict[str, Any]]] = [
    *((name, [X], {}) for name in ("Abs", "Elu", "Erf", "Exp", "GlobalAveragePool", "GlobalMaxPool", "Identity", "LeakyRelu")),
    *((name, [X], {}) for name in ("Neg", "Relu", "Sigmoid", "Softplus", "Tanh", "Transpose", "Shape", "Flatten", "Clip", "Softmax")),
    *((name, [POSITIVE], {}) for name in ("Log", "Reciprocal", "Sqrt", "LogSoftmax")),
    *((name, [X, POSITIVE[:1]], {}) for name in ("Add", "Sub", "Mul", "Div")),
    ("Div", [ints(7, -7), ints(2, 2)], {}),
    ("Pow", [POSITIVE, np.float32(1.5)], {}),
    ("PRelu", [X, weights(4, 1, 1)], {}),
    ("Clip", [X, np.float32(-0.2), np.float32(0.4)], {}),
    ("LeakyRelu", [X], {"alpha": 0.3}),
    ("Elu", [X], {"alpha": 0.5}),
    ("Softmax", [X], {"axis": 1}),
    ("Conv", [X, weights(5, 4, 3, 3), weights(5)], {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2], "kernel_shape": [3, 3]}),
    ("Conv", [X, weights(8, 1, 3, 3)], {"group": 4}),
    ("BatchNormalization", [X, *FOUR], {"epsilon": 0.1}),
    ("MaxPool", [X], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 1]}),
    ("MaxPool", [X], {"kernel_shape": [4, 4], "strides": [4, 4], "ceil_mode": 1}),
    ("AveragePool", [X], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    ("AveragePool", [X], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    ("Gemm", [ROWS, weights(4, 5), weights(4)], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("Gemm", [ROWS, weights(3, 4)], {"transA": 1}),
    ("MatMul", [X, weights(6, 2)], {}),
    ("GridSample", [X, GRID], {}),
    ("GridSample", [X, GRID], {"mode": "nearest", "padding_mode": "border", "align_corners": 1}),
    ("ReduceMean", [X, ints(2, 3)], {"keepdims": 0}),
    ("ReduceMean", [X], {}),
    ("ReduceSum", [X, ints(-1)], {}),
    ("ReduceSum", [X], {"noop_with_empty_axes": 1}),
    ("ReduceMax", [X, ints(1)], {}),
    ("Reshape", [X, ints(0, -1)], {}),
    ("Reshape", [X, ints(2, 4, 36)], {"allowzero": 1}),
    ("Flatten", [X], {"axis": 2}),
    ("Squeeze", [X[:1]], {}),
    ("Squeeze", [X[:1, :1], ints(1)], {}),
    ("Unsqueeze", [ROWS, ints(0, -1)], {}),
    ("Transpose", [X], {"perm": [0, 2, 3, 1]}),
    ("Concat", [X, X[:, :1], X[:, 2:]], {"axis": 1}),
    ("Split", [X, ints(1, 3)], {"axis": 1}),
    ("Split", [X], {"axis": 2, "num_outputs": 2}),
    ("Slice", [X, ints(1, -1), ints(4, -(2**62)), ints(1, 3), ints(2, -1)], {}),
    ("Slice", [X, ints(1), ints(100)], {}),
    ("Gather", [X, ints(0, -1)], {"axis": 1}),
    ("Gather", [X, np.int64(2)], {"axis": -1}),
    ("Expand", [X[:, :1], ints(3, 1, 1)], {}),
    ("Shape", [X], {"start": 1, "end": 3}),
    ("QuantizeLinear", [X, np.float32(0.02), np.uint8(100)], {}),
    ("QuantizeLinear", [X, np.float32([0.01, 0.02, 0.03, 0.04]), np.int8([0, 5, -9, 1])], {"axis": 1}),
    ("QuantizeLinear", [ROWS, np.float32(0.01)], {}),
    ("DequantizeLinear", [np.arange(24, dtype=np.int8).reshape(2, 3, 4), np.float32([0.1, 0.2]), np.int8([3, -4])], {"axis": 0}),
    ("DequantizeLinear", [np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.float32(0.1)], {}),
]


def by_runtime(operator: str, arrays: list[np.ndarray], attributes: dict[str, Any]) -> list[np.ndarray]:
    names = [f"x{i}" for i in range(len(arrays))]
    outputs = [f"y{i}" for i in range(2 if operator == "Split" else 1)]
    inputs = [helper.make_tensor_value_info(n, KINDS[np.asarray(a).dtype], np.shape(a)) for n, a in zip(names, arrays, strict=True)]
    whole = {"Shape": TensorProto.INT64, "QuantizeLinear": inputs[2].type.tensor_type.elem_type if len(inputs) > 2 else TensorProto.UINT8}
    kind = whole.get(operator, TensorProto.INT64 if np.asarray(arrays[0]).dtype == np.int64 else TensorProto.FLOAT)
    results = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
    graph = helper.make_graph([helper.make_node(operator, names, outputs, **attributes)], "one", inputs, results)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(outputs, dict(zip(names, map(np.asarray, arrays), strict=True)))


@pytest.mark.parametrize(("operator", "arrays", "attributes"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_as_onnx_runtime(operator: str, arrays: list[np.ndarray], attributes: dict[str, Any]) -> None:
    found = OPERATORS[operator](attributes, *(torch.from_numpy(np.asarray(array)) for array in arrays))
    expected = by_runtime(operator, arrays, attributes)
    for one, other in zip(found if isinstance(found, tuple) else (found,), expected, strict=True):
        assert tuple(one.shape) == other.shape
        np.testing.assert_allclose(one.numpy(), other, rtol=1e-4, atol=1e-5)


def test_rounding_counts_as_the_identity_for_the_gradient() -> None:
    x = torch.tensor([-3.0, 0.013, 0.48, 9.0], requires_grad=True)
    scale, zero = torch.tensor(0.02), torch.tensor(100, dtype=torch.uint8)
    OPERATORS["DequantizeLinear"]({}, OPERATORS["QuantizeLinear"]({}, x, scale, zero), scale, zero).sum().backward()
    assert x.grad.tolist() == pytest.approx([0, 1, 1, 0])  # what lies outside the range does not count


def test_every_operator_has_a_case() -> None:
    assert {name for name, *_ in CASES} == set(OPERATORS)


@pytest.mark.parametrize(
    ("operator", "attributes", "said"),
    [
        ("AveragePool", {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]}, "equal padding is needed"),
        ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}, "explicit padding and two dimensions"),
        ("MaxPool", {"kernel_shape": [2]}, "explicit padding and two dimensions"),
    ],
)
def test_what_torch_can_not_do(operator: str, attributes: dict[str, Any], said: str) -> None:
    with pytest.raises(ArtifactError, match=said):
        OPERATORS[operator](attributes, torch.from_numpy(X))
