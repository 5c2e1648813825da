"""A model's graph as the explanations read it: plain nodes, constants, and the frame in which each tensor lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.artifact import ExpressionModel, Model
from mien.core.errors import OptionError
from mien.core.optional import require

if TYPE_CHECKING:
    import onnx

SAMPLER = "GridSample"
Frame = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Node:
    """One operation: its ONNX operator, the tensors that it reads ("" for an optional one left out) and writes, and its attributes."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Graph:
    """The part of a model's graph in front of one output. `nodes` stand in an order in which they can be evaluated."""

    input: str
    output: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[Any]]

    @cached_property
    def data_path(self) -> frozenset[str]:
        """The tensors through which the picture reaches the output, but for those that only say where to sample it."""
        wanted = {self.output}
        for node in reversed(self.nodes):
            if wanted.intersection(node.outputs):
                wanted.update(_sources(node))
        return frozenset(wanted - set(self.constants))

    @cached_property
    def frames(self) -> dict[str, tuple[Frame | None, ...]]:
        """Tensor → what lies between the crop and it: the first outputs of the samplings and mirrorings passed, in order.

        One entry a block of rows: where a network stacks several views of a crop along the batch, each has its own. None stands for a
        tensor into which several frames were mixed. Constants have no entry.
        """
        found: dict[str, tuple[Frame | None, ...]] = {self.input: ((),)}
        for node in self.nodes:
            parts = [found[name] for name in _sources(node) if name in found]
            if not parts:
                continue
            if node.operator == "Concat" and node.attributes["axis"] == 0:
                frame = tuple(one for part in parts for one in part)
            else:
                frame = parts[0] if all(part == parts[0] for part in parts) else (None,)
            if node.operator == SAMPLER or self.mirrors(node):
                frame = tuple(None if one is None else (*one, node.outputs[0]) for one in frame)
            found.update(dict.fromkeys(node.outputs, frame))
        return found

    @cached_property
    def makers(self) -> dict[str, Node]:
        """Tensor → the node that writes it."""
        return {name: node for node in self.nodes for name in node.outputs}

    def mirrors(self, node: Node) -> bool:
        """Whether the node reads a picture from right to left."""
        steps = self.constants.get(node.inputs[4]) if node.operator == "Slice" and len(node.inputs) > 4 else None
        return steps is not None and bool((steps < 0).any())


def read_graph(model: Model, output: str | None = None) -> Graph:
    """The graph in front of an output, by default the one behind the model's labels.

    Raises MissingExtraError without the package onnx, OptionError for a model of handcrafted features, which no graph shows.
    """
    if model.features is not None:
        raise OptionError(
            f"{model.card.name} looks at handcrafted features of the picture, which its graph does not show. Use occlusion instead."
        )
    proto = read_proto(model)
    helper, numpy_helper = require("onnx.helper", "train"), require("onnx.numpy_helper", "train")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    nodes = []
    for node in map(_node, proto.graph.node):
        if node.operator == "Constant":
            constants[node.outputs[0]] = np.asarray(next(iter(node.attributes.values())))
        elif node.operator == "Cast" and node.inputs[0] in constants:  # a weight that is stored in half the space
            constants[node.outputs[0]] = constants[node.inputs[0]].astype(helper.tensor_dtype_to_np_dtype(node.attributes["to"]))
        else:
            nodes.append(node)
    images = next(item.name for item in proto.graph.input if item.name not in constants)
    output = output or model.head.output
    return Graph(images, output, tuple(_needed(nodes, output)), constants)


def read_proto(model: Model) -> onnx.ModelProto:
    """The model's file as ONNX's own message. Raises MissingExtraError without the package onnx."""
    proto: onnx.ModelProto = require("onnx", "train").load_model_from_string(model.file)
    return proto


def graph_model(model: ExpressionModel, method: str) -> Model:
    """The model itself, which has a graph to read. Raises OptionError for one of somebody else's."""
    if not isinstance(model, Model):
        raise OptionError(
            f"The method {method} reads the graph of a model file of mien; received {type(model).__name__}. Use occlusion instead."
        )
    return model


def _node(node: onnx.NodeProto) -> Node:
    helper, numpy_helper = require("onnx.helper", "train"), require("onnx.numpy_helper", "train")
    attributes = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.type == attribute.TENSOR:
            value = numpy_helper.to_array(value)
        attributes[attribute.name] = value.decode() if isinstance(value, bytes) else value
    operator = f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
    return Node(node.name, operator, tuple(node.input), tuple(node.output), attributes)


def _needed(nodes: Sequence[Node], output: str) -> list[Node]:
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _sources(node: Node) -> tuple[str, ...]:
    """What the node's values come from: of a sampling, the picture and not the grid."""
    return node.inputs[:1] if node.operator == SAMPLER else node.inputs
