"""The graph of an artifact in another form that answers the same, or nearly: mirror images averaged inside, weights in half the space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.errors import ArtifactError
from mien.core.optional import require
from mien.training.fuse import opset_of

if TYPE_CHECKING:
    import onnx

_WIDTH = 3  # the axis of pictures (N, C, S, S) along which they are mirrored
_FEW = 256  # numbers; smaller tensors, as biases and the statistics of pictures, take no room worth their digits
_LARGEST = float(np.finfo(np.float16).max)
_CONSTANTS = {
    "flip/start": np.array([-1], np.int64),
    "flip/end": np.array([np.iinfo(np.int64).min], np.int64),
    "flip/axis": np.array([_WIDTH], np.int64),
    "flip/step": np.array([-1], np.int64),
    "flip/half": np.array(0.5, np.float32),
}


def mirrored(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with every output averaged over each picture and its mirror image, as `FlipAverage` does for a network.

    Pictures and mirror images go through the graph as one batch, so no weight is doubled; other inputs, as handcrafted features, stay those
    of the picture. The pictures are the input of four axes, (N, C, S, S); outputs are (N, …). Raises ArtifactError for a graph without
    pictures.
    """
    helper, numpy_helper = require("onnx.helper", "train"), require("onnx.numpy_helper", "train")
    weights = {tensor.name for tensor in graph.graph.initializer}
    inputs = [item for item in graph.graph.input if item.name not in weights]
    outputs = list(graph.graph.output)
    pictures = next((item.name for item in inputs if len(item.type.tensor_type.shape.dim) == _WIDTH + 1), None)
    if pictures is None:
        raise ArtifactError(f"The graph takes {', '.join(item.name for item in inputs)}, no pictures to mirror. Give a model of pictures.")
    made = _renamed(graph)
    ahead = [helper.make_node("Slice", [pictures, "flip/start", "flip/end", "flip/axis", "flip/step"], ["flip/mirror"], "flip/mirror")]
    for item in inputs:
        second = "flip/mirror" if item.name == pictures else item.name
        ahead.append(helper.make_node("Concat", [item.name, second], [f"flip/{item.name}"], f"flip/{item.name}", axis=0))
    behind = [node for item in outputs for node in _mean(item.name, opset_of(graph))]
    _put(made.graph.node, [*ahead, *made.graph.node, *behind])
    _put(made.graph.input, inputs)
    _put(made.graph.output, outputs)
    del made.graph.value_info[:]  # it speaks of batches of half the size
    made.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in _CONSTANTS.items())
    return made


def _renamed(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with "flip/" before the names of its inputs and outputs."""
    made: onnx.ModelProto = require("onnx.compose", "train").add_prefix(
        graph, "flip/", rename_nodes=False, rename_edges=False, rename_initializers=False, rename_value_infos=False
    )
    return made


def _mean(output: str, opset: int) -> list[Any]:
    """The nodes from an output of the doubled batch to the mean of its two halves."""
    make, before = require("onnx.helper", "train").make_node, f"flip/{output}"
    told = {"num_outputs": 2} if opset >= 18 else {}  # earlier versions take the number from the names
    return [
        make("Split", [before], [f"{before}/picture", f"{before}/mirror"], f"{before}/split", axis=0, **told),
        make("Add", [f"{before}/picture", f"{before}/mirror"], [f"{before}/sum"], f"{before}/sum"),
        make("Mul", [f"{before}/sum", "flip/half"], [output], f"{before}/mean"),
    ]


def halved(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with its large weights stored as float16, each cast to float32 before its use.

    The runtime casts once, as it loads the graph, so that answering takes as long as before. A weight keeps 11 significant bits. Tensors
    of fewer than 256 numbers, and those with one beyond float16's 65,504, stay as they are. Raises ArtifactError for a graph without any
    other.
    """
    helper, numpy_helper = require("onnx.helper", "train"), require("onnx.numpy_helper", "train")
    float32 = require("onnx", "train").TensorProto.FLOAT
    made = type(graph)()
    made.CopyFrom(graph)
    casts = []
    for tensor in made.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= _FEW and np.abs(values).max() <= _LARGEST:
            stored = f"half/{tensor.name}"
            casts.append(helper.make_node("Cast", [stored], [tensor.name], stored, to=float32))
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
    if not casts:
        raise ArtifactError(f"The graph has no float32 tensor of {_FEW} numbers or more to store in half the space. Export it as it is.")
    _put(made.graph.node, [*casts, *made.graph.node])
    return made


def _put(field: Any, items: list[Any]) -> None:
    """Make `items` all that a repeated field of a message holds."""
    copies = list(items)
    del field[:]
    field.extend(copies)
