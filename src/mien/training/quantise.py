"""An artifact's graph with 8-bit weights and activations, by ONNX Runtime's own static quantisation."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.artifact import BATCH, Model, SequenceModel
from mien.core.errors import ArtifactError
from mien.core.optional import require
from mien.datasets.base import Dataset

if TYPE_CHECKING:
    import onnx

IMAGES = 512
"""How many training images the ranges of activations are taken from, at most."""
SEED = 0
METHOD = "minmax"

_MULTIPLYING = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


def calibration_rows(dataset: Dataset, seed: int = SEED) -> NDArray[np.int64]:
    """The training rows that calibrate, in order: IMAGES of them drawn with `seed`, or all where there are fewer."""
    rows = np.flatnonzero(dataset.split == "train")
    return np.sort(np.random.default_rng(seed).choice(rows, min(IMAGES, len(rows)), replace=False))


def quantised(
    model: Model, graph: onnx.ModelProto, crops: NDArray[np.uint8], *, bits: int = 7, leave: Sequence[str] = ()
) -> onnx.ModelProto:
    """The `graph` of `model` as integers between QuantizeLinear and DequantizeLinear.

    Weights are symmetric, int8 with one scale a channel; activations uint8, with the least and the largest value that they take on `crops`,
    uint8 (N, H, W) or (N, H, W, 3), N ≥ 1. `bits`: 7 or 8 of a weight. Processors without VNNI add pairs of products in 16 bits, which two
    weights of 8 bits overflow, so that the same file would answer otherwise there; 7 never do. `leave`: names of nodes that stay float32.

    Raises
    ------
    ArtifactError
        A model of sequences, a graph that is quantised already or does not multiply matrices, or one that the runtime can't quantise.
    MissingExtraError
        The package onnx is not installed.
    """
    _need_network(model, graph)
    package, tools = require("onnx", "train"), require("onnxruntime.quantization", "train")
    prepare = require("onnxruntime.quantization.shape_inference", "train").quant_pre_process
    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, ready, written = (Path(folder) / f"{name}.onnx" for name in ("plain", "ready", "int8"))
        package.save(graph, plain)  # the runtime's tools empty a graph that they are given as a message
        try:
            prepare(plain, ready, skip_symbolic_shape=True)
            tools.quantize_static(
                ready,
                written,
                _Reader(model, crops),
                quant_format=tools.QuantFormat.QDQ,
                per_channel=True,
                reduce_range=bits < 8,
                nodes_to_exclude=list(leave),
                activation_type=tools.QuantType.QUInt8,
                weight_type=tools.QuantType.QInt8,
                calibrate_method=tools.CalibrationMethod.MinMax,
            )
            made: onnx.ModelProto = package.load(written)
        except Exception as error:  # the runtime raises its own private classes, ValueError, RuntimeError and others
            raise ArtifactError(f"The graph of {model.card.name} can't be quantised ({error}). Use its float32 form, or --half.") from error
    used = {node.domain for node in made.graph.node}
    versions = [entry for entry in made.opset_import if entry.domain in used]
    del made.opset_import[:], made.graph.value_info[:]  # the runtime names all its own domains, and tells every shape
    made.opset_import.extend(versions)
    return made


def _need_network(model: Model, graph: onnx.ModelProto) -> None:
    operators = {node.op_type for node in graph.graph.node}
    name = model.card.name
    if isinstance(model, SequenceModel):
        raise ArtifactError(f"{name} reads sequences, which have no 8-bit form here. Give a model of single pictures, or --half.")
    if "QuantizeLinear" in operators:
        raise ArtifactError(f"{name} is quantised already. Give the model that it was made from.")
    if not operators & _MULTIPLYING:
        raise ArtifactError(f"{name} has none of {', '.join(sorted(_MULTIPLYING))} to quantise. Give a network.")


class _Reader:
    """Crops as the graph takes them, batch by batch, the way the runtime asks for them."""

    def __init__(self, model: Model, crops: NDArray[np.uint8]) -> None:
        inputs = model.card.preprocessing.to_input(crops)
        self._batches = (model.feed(inputs[i : i + BATCH]) for i in range(0, len(inputs), BATCH))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next batch, None at the end."""
        return next(self._batches, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the runtime says on the root logger, as of nodes that it leaves as they are."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
