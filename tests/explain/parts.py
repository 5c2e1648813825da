"""Models whose evidence is known by hand, and faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mien.artifact import Model, load_model, save_artifact
from mien.card import Card, Head
from mien.core.labels import FER8, LabelSet
from mien.core.types import ModelIdentity
from mien.datasets import load_dataset
from mien.preprocess import Crops, Preprocessing

NODE = helper.make_node
SIDE, WEIGHT = 12, 40.0
QUARTER = np.zeros((SIDE, SIDE), bool)
QUARTER[SIDE // 2 :, : SIDE // 2] = True
COLOURS = LabelSet("colours", ("red", "green", "blue"))
TILT = np.array([[0.7, 0.1, 0.2], [-0.1, 0.6, -0.1]])
SHRINK = np.array([[0.5, 0.0, 0.25], [0.0, 0.5, -0.25]])


def made(folder: Path, nodes: Sequence[NodeProto], constants: dict[str, Any], channels: int = 1, labels: LabelSet = FER8) -> Model:
    """A model of the given nodes, from `images` (N, channels, SIDE, SIDE) to `logits`."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", channels, SIDE, SIDE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(labels)])
    graph = helper.make_graph(list(nodes), "made", [images], [logits], tensors)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    save_artifact(proto, Card("made", "1", (Head("logits", labels),), Preprocessing(SIDE, channels), "none", "none"), folder / "made.onnx")
    return load_model(folder / "made.onnx", threads=1)


def planted(folder: Path, channels: int = 1) -> Model:
    """The brightness of the lower left quarter speaks for neutral, against happiness: their logits are ±WEIGHT · its sum / 255 / SIDE²."""
    head = np.zeros((1, 8), np.float32)
    head[0, :2] = WEIGHT, -WEIGHT
    nodes = [
        NODE("Div", ["images", "white"], ["scaled"]),
        NODE("Conv", ["scaled", "kernel"], ["convolved"], kernel_shape=[1, 1]),
        NODE("Relu", ["convolved"], ["bright"]),
        NODE("Mul", ["bright", "mask"], ["masked"], name="quarter"),
        NODE("GlobalAveragePool", ["masked"], ["pooled"]),
        NODE("Flatten", ["pooled"], ["flat"]),
        NODE("Gemm", ["flat", "head"], ["logits"]),
    ]
    kernel = np.full((1, channels, 1, 1), 1 / channels, np.float32)
    mask = QUARTER.astype(np.float32)[None, None]
    return made(folder, nodes, {"white": np.float32(255), "kernel": kernel, "mask": mask, "head": head}, channels)


def grid_of(theta: NDArray[np.float64], side: int = SIDE) -> NDArray[np.float32]:
    """Where an affine transformer samples: (1, side, side, 2), pixel centres in -1–1."""
    centres = (2 * np.arange(side) + 1) / side - 1
    x, y = np.meshgrid(centres, centres)
    return np.asarray(np.stack([x, y, np.ones_like(x)], 2) @ theta.T, np.float32)[None]


def sampling(source: str, target: str, grid: str) -> list[NodeProto]:
    """The nodes that sample `source` on a constant grid, for any number of rows."""
    return [
        NODE("Shape", [source], [f"{target}_shape"]),
        NODE("Gather", [f"{target}_shape", "first"], [f"{target}_rows"]),
        NODE("Concat", [f"{target}_rows", "grid_shape"], [f"{target}_size"], axis=0),
        NODE("Expand", [grid, f"{target}_size"], [f"{target}_grid"]),
        NODE("GridSample", [source, f"{target}_grid"], [target], mode="linear", align_corners=0),
    ]


def looking(folder: Path) -> Model:
    """A network that looks through two transformers, one behind the other, and besides at the mirror image through the first one."""
    nodes = [
        NODE("Div", ["images", "white"], ["scaled"]),
        *sampling("scaled", "view", "tilt"),
        NODE("Conv", ["view", "kernel"], ["features"], kernel_shape=[1, 1]),
        *sampling("features", "second", "shrink"),
        NODE("Relu", ["second"], ["seen"]),
        NODE("Slice", ["scaled", "last", "before", "width", "back"], ["mirror"]),
        *sampling("mirror", "mirrored", "tilt"),
        NODE("Conv", ["mirrored", "kernel"], ["aside"], kernel_shape=[1, 1]),
        NODE("Add", ["seen", "aside"], ["both"]),
        NODE("GlobalAveragePool", ["both"], ["pooled"]),
        NODE("Flatten", ["pooled"], ["flat"]),
        NODE("Gemm", ["flat", "head"], ["logits"]),
    ]
    rng = np.random.default_rng(0)
    constants = {
        "white": np.float32(255),
        "kernel": np.array([1.0, -1.0, 2.0], np.float32).reshape(3, 1, 1, 1),
        "head": rng.normal(size=(3, 8)).astype(np.float32),
        "tilt": grid_of(TILT),
        "shrink": grid_of(SHRINK),
        "first": np.array([0]),
        "grid_shape": np.array([SIDE, SIDE, 2]),
        "last": np.array([-1]),
        "before": np.array([-(2**31)]),
        "width": np.array([3]),
        "back": np.array([-1]),
    }
    return made(folder, nodes, constants)


def noise(n: int, channels: int = 1) -> NDArray[np.uint8]:
    """Pictures of noise at the size of the hand-made models, never black."""
    shape = (n, SIDE, SIDE) if channels == 1 else (n, SIDE, SIDE, 3)
    return np.random.default_rng(3).integers(60, 256, shape, np.uint8)


@cache
def faces() -> NDArray[np.uint8]:
    """Eight avatars, 48×48."""
    images = load_dataset("avatars", Path(), n=8, workers=1).images
    return np.asarray(images)


@dataclass
class Foreign:
    """Somebody else's model: a face of three colours, without a graph."""

    labels: LabelSet = COLOURS

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity("foreign", "", self.labels)

    def with_labels(self, labels: LabelSet) -> Foreign:
        return Foreign(labels)

    def predict(self, crops: Crops) -> NDArray[np.float32]:
        sums = np.array([np.asarray(crop, np.float32).reshape(-1, 3).sum(axis=0) + 1 for crop in crops], np.float32).reshape(-1, 3)
        return sums / sums.sum(axis=1, keepdims=True)
