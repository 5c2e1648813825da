"""How much arithmetic a graph does for one face: multiply–accumulates of its convolutions and matrix products, counted on real shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import ArtifactError
from mien.core.optional import require

Shape = tuple[int, ...]

_CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "ConvInteger": 1, "QLinearConv": 3}
"""Operator → which of its inputs is the kernel, (out, in / groups, *sides)."""
_PRODUCTS = {"MatMul", "FusedMatMul", "MatMulInteger", "QLinearMatMul"}
_RECURRENT = {"LSTM", "GRU", "RNN"}
_UNKNOWN = {
    "Attention",
    "MultiHeadAttention",
    "GroupQueryAttention",
    "QAttention",
    "DeformConv",
    "LinearClassifier",
    "LinearRegressor",
    "SVMClassifier",
}
"""Operators that multiply, and for which there is no count here."""


def count_macs(path: str | Path, example: NDArray[Any], *, input_name: str | None = None) -> int:
    """Multiply–accumulates of one run of the graph at `path` on `example`, its input for one face, (1, …).

    Convolutions (also transposed and quantised), matrix products, recurrent layers and einsum of two operands count; additions of a bias,
    activations, pooling and normalisation do not. The graph is run once, unoptimised, so that every shape is the real one.

    Raises
    ------
    MissingExtraError
        The package onnx is not installed.
    ArtifactError
        The graph can't be read or run, or multiplies in a way that can't be counted: inside a branch or loop, or by an unknown operator.
    """
    onnx = require("onnx", "train")
    try:
        model = onnx.load(str(path), load_external_data=False)
        if len(model.functions):
            model = onnx.inliner.inline_local_functions(model)
    except Exception as error:  # protobuf and onnx raise private classes
        raise ArtifactError(f"{path} can't be read as an ONNX model ({error}).") from error
    _refuse_uncountable(model.graph, str(path))
    nodes = [node for node in model.graph.node if _counts(node.op_type)]
    shapes = _shapes(model, nodes, Path(path), example, input_name)
    return sum(_macs(node, shapes, onnx.helper.get_attribute_value) for node in nodes)


def count_parameters(path: str | Path) -> int:
    """How many numbers the graph's constant tensors of floats and 8-bit weights hold. Raises as `count_macs` does."""
    onnx = require("onnx", "train")
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # see count_macs
        raise ArtifactError(f"{path} can't be read as an ONNX model ({error}).") from error
    kinds = {getattr(onnx.TensorProto, name) for name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "INT8", "UINT8")}
    constants = [a.t for node in graph.node if node.op_type == "Constant" for a in node.attribute if a.name == "value"]
    return sum(math.prod(tensor.dims) for tensor in [*graph.initializer, *constants] if tensor.data_type in kinds)


def _counts(operator: str) -> bool:
    return operator in _CONVOLUTIONS or operator in _PRODUCTS or operator in _RECURRENT or operator in ("ConvTranspose", "Gemm", "Einsum")


def _refuse_uncountable(graph: Any, where: str, inside: bool = False) -> None:
    for node in graph.node:
        if node.op_type in _UNKNOWN or (inside and _counts(node.op_type)):
            place = "inside a branch or loop" if inside else "which has no count here"
            raise ArtifactError(f"{where}: the multiply–accumulates can't be told, because of the operator {node.op_type}, {place}.")
        for attribute in node.attribute:
            for part in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _refuse_uncountable(part, where, inside=True)


def _shapes(model: Any, nodes: Sequence[Any], path: Path, example: NDArray[Any], input_name: str | None) -> Mapping[str, Shape]:
    """The shape of everything that the counted nodes read and write: constants as stored, the rest from one run."""
    import onnxruntime

    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    wanted = sorted({name for node in nodes for name in (*node.input, *node.output) if name and name not in shapes})
    fed = {item.name for item in model.graph.input} - set(shapes)
    name = input_name or next(iter(fed), "")
    shapes[name] = example.shape
    wanted = [item for item in wanted if item != name]
    del model.graph.output[:]
    for item in wanted:
        model.graph.output.add().name = item
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.resolve().parent))
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        results = session.run(wanted, {name: example}) if wanted else []
    except Exception as error:  # onnxruntime raises a different private class for each way a run can fail
        raise ArtifactError(f"{path}: the multiply–accumulates can't be told, because the graph can't be run ({error}).") from error
    return shapes | {item: np.shape(value) for item, value in zip(wanted, results, strict=True)}


def _macs(node: Any, shapes: Mapping[str, Shape], value_of: Callable[[Any], Any]) -> int:
    ins, outs = [shapes.get(name, ()) for name in node.input], [shapes.get(name, ()) for name in node.output if name]
    operator = node.op_type
    if operator in _CONVOLUTIONS:
        return math.prod(outs[0]) * math.prod(ins[_CONVOLUTIONS[operator]][1:])
    if operator == "ConvTranspose":
        return math.prod(ins[0]) * math.prod(ins[1][1:])
    if operator in _RECURRENT:
        steps, rows = ins[0][:2]
        return steps * rows * (math.prod(ins[1]) + math.prod(ins[2]))
    options = {attribute.name: value_of(attribute) for attribute in node.attribute}
    if operator == "Einsum":
        return _einsum(options["equation"].decode(), ins)
    inner = ins[0][-2 if options.get("transA") else -1]
    return math.prod(outs[0]) * inner


def _einsum(equation: str, ins: Sequence[Shape]) -> int:
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    if len(terms) != 2 or "." in equation:
        raise ArtifactError(f"The multiply–accumulates can't be told, because of the einsum {equation!r}.")
    return math.prod(
        {letter: size for term, shape in zip(terms, ins, strict=True) for letter, size in zip(term, shape, strict=True)}.values()
    )
