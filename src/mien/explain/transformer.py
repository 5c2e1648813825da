"""What a spatial transformer sees: the warped view that a network makes of each crop, and where in the crop it looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.artifact import BATCH, ExpressionModel, Model
from mien.core.errors import ArtifactError
from mien.core.optional import require
from mien.explain.graph import SAMPLER, Graph, Node, graph_model, read_graph, read_proto
from mien.preprocess import Crops, to_square


@dataclass(frozen=True, eq=False)
class WarpedView:
    """What one spatial transformer makes of one crop.

    `image`: uint8 (S, S), or (S, S, 3) where a colour crop is sampled: the view, resized to the network's input. A transformer that
    samples the crop shows its gray values, positions outside the crop as the network fills them; one that samples a feature map shows the
    mean over the channels, from the smallest (0) to the largest (255). `theta`: float32 (2, 3), the affine map from the view's
    coordinates x, y to those of what is sampled, both -1–1 over width and height (Jaderberg et al., 2015, eq. 1); the least squares fit to
    the grid, which is exact for an affine one.
    """

    image: NDArray[np.uint8]
    theta: NDArray[np.float32]


def warped_views(model: ExpressionModel, crops: Crops) -> list[list[WarpedView]]:
    """The views of each crop, one a spatial transformer in the order of the graph; those of a mirror image of the crop are left out.

    `crops`: as `Model.predict` takes them.

    Raises
    ------
    ArtifactError
        A model without a spatial transformer.
    OptionError
        A model without a graph.
    InputError
        Crops of another dtype or shape.
    MissingExtraError
        The package onnx is not installed.
    """
    own = graph_model(model, "stn")
    graph = read_graph(own)
    samplers = _samplers(graph, own)
    inputs = own.card.preprocessing.to_input(crops)
    tensors = _run(own, graph, samplers, inputs)
    columns = [_views(node, graph, tensors, inputs) for node in samplers]
    return [list(views) for views in zip(*columns, strict=True)]


def mean_view(views: Sequence[WarpedView]) -> WarpedView:
    """What one spatial transformer makes of several crops: the means of the views, one or more, and of their maps θ."""
    image = np.rint(np.mean([one.image for one in views], axis=0)).astype(np.uint8)
    return WarpedView(image, np.mean([one.theta for one in views], axis=0, dtype=np.float32))


def stn(model: ExpressionModel, images: NDArray[np.uint8], columns: Sequence[int]) -> NDArray[np.float32]:
    """Heat float32 (N, S, S): how densely the spatial transformers look at each pixel, the same for every label.

    1 where a view takes as many samples as the crop has pixels, more where it enlarges, 0 where it does not look. Several transformers are
    averaged; where one looks at the view of another, the maps are composed. `columns` is not read. Raises as `warped_views` does.
    """
    own = graph_model(model, "stn")
    graph = read_graph(own)
    samplers = _samplers(graph, own)
    tensors = _run(own, graph, samplers, own.card.preprocessing.to_input(images))
    thetas = {node.outputs[0]: fit_affine(tensors[node.inputs[1]], aligned(node)) for node in samplers}
    side = images.shape[1]
    heats = [np.stack([_density(one, side) for one in _composed(node, graph, thetas)]) for node in samplers]
    return np.asarray(np.mean(heats, axis=0), np.float32)


def fit_affine(grid: NDArray[np.floating], align_corners: bool) -> NDArray[np.float32]:
    """θ float32 (N, 2, 3) of sampling grids (N, H, W, 2) of x, y in -1–1, by least squares."""
    height, width = grid.shape[1:3]
    x, y = (_coordinates(side, align_corners) for side in (width, height))
    base = np.stack([np.tile(x, height), np.repeat(y, width), np.ones(height * width)], axis=1)
    solved = np.linalg.pinv(base) @ grid.reshape(len(grid), height * width, 2).astype(np.float64)
    return np.asarray(solved.transpose(0, 2, 1), np.float32)


def aligned(node: Node) -> bool:
    """Whether -1 and 1 of a sampling are the centres of the outermost pixels, and not their outer borders."""
    return bool(node.attributes.get("align_corners", 0))


def _coordinates(side: int, align_corners: bool) -> NDArray[np.float64]:
    """The centres of `side` pixels in -1–1."""
    return np.linspace(-1, 1, side) if align_corners else (2 * np.arange(side) + 1) / side - 1


def _samplers(graph: Graph, model: Model) -> list[Node]:
    mirrors = {node.outputs[0] for node in graph.nodes if graph.mirrors(node)}
    found = [node for node in graph.nodes if node.operator == SAMPLER]
    found = [node for node in found if not any(mirrors.intersection(frame or ()) for frame in graph.frames[node.outputs[0]])]
    if not found:
        raise ArtifactError(f"{model.card.name} has no spatial transformer: its graph samples no grid. Use another model or method.")
    return found


def _run(model: Model, graph: Graph, samplers: Sequence[Node], inputs: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """What the samplers read and write, for all rows."""
    import onnxruntime

    names = sorted({name for node in samplers for name in (*node.inputs, *node.outputs)} - {graph.input, *graph.constants})
    proto = read_proto(model)
    del proto.graph.output[:], proto.metadata_props[:]
    proto.graph.output.extend(require("onnx", "train").ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    parts = [session.run(names, {graph.input: inputs[i : i + BATCH]}) for i in range(0, max(1, len(inputs)), BATCH)]
    found = {name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts, strict=True), strict=True)}
    return {**graph.constants, graph.input: inputs, **found}


def _views(node: Node, graph: Graph, tensors: dict[str, NDArray[Any]], inputs: NDArray[np.float32]) -> list[WarpedView]:
    sampled, views = tensors[node.inputs[0]], tensors[node.outputs[0]]
    thetas = fit_affine(tensors[node.inputs[1]], aligned(node))
    size = inputs.shape[2]
    pictures = [_picture(view, source, crop) for view, source, crop in zip(views, sampled, inputs, strict=True)]
    return [WarpedView(to_square(picture, size), theta) for picture, theta in zip(pictures, thetas, strict=True)]


def _picture(view: NDArray[np.floating], source: NDArray[np.floating], crop: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The view (C, h, w) as uint8: in the crop's gray values where the source is the crop, normalised or not; else the channels' mean."""
    if source.shape == crop.shape:
        terms = np.stack([source.ravel(), np.ones(source.size)], axis=1)
        (slope, shift), *_ = np.linalg.lstsq(terms, crop.ravel(), rcond=None)
        if np.abs(terms @ (slope, shift) - crop.ravel()).max() < 1:
            gray: NDArray[np.uint8] = np.clip(np.rint(view * slope + shift), 0, 255).astype(np.uint8)
            return gray[0] if len(gray) == 1 else gray.transpose(1, 2, 0)
    mean = view.mean(axis=0)
    low, high = mean.min(), mean.max()
    return np.asarray(np.rint((mean - low) / ((high - low) or 1) * 255), np.uint8)


def _composed(node: Node, graph: Graph, thetas: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """(N, 3, 3): from a view's coordinates to those of the crop, through the transformers in between."""
    frame = graph.frames[node.outputs[0]][0] or (node.outputs[0],)
    total = np.eye(3)[None]
    for name in frame:
        theta = thetas[name].astype(np.float64)
        total = total @ np.concatenate([theta, np.tile([[[0.0, 0.0, 1.0]]], (len(theta), 1, 1))], axis=1)
    return total


def _density(theta: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Samples for each pixel of a `side` × `side` crop under an affine map: 1/|det θ| where the view looks, else 0."""
    centres = _coordinates(side, align_corners=False)
    points = np.stack([np.tile(centres, side), np.repeat(centres, side), np.ones(side * side)])
    x, y, _ = np.linalg.pinv(theta) @ points
    seen = (np.abs(x) <= 1 + 1e-6) & (np.abs(y) <= 1 + 1e-6)
    area = max(abs(float(np.linalg.det(theta))), 1 / side**2)  # a map that has collapsed to a point still looks at one pixel
    return np.reshape(seen / area, (side, side))
