"""Whether an explanation explains the model: with other weights it has to look otherwise (Adebayo et al., 2018)."""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.artifact import ExpressionModel, Model, load_model, save_artifact
from mien.core.errors import InputError
from mien.core.optional import require
from mien.explain.graph import graph_model, read_proto
from mien.explain.methods import explain
from mien.explain.values import Explanation
from mien.preprocess import Crops

_LEARNED = {"Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (1, 2), "MatMul": (0, 1), "BatchNormalization": (1, 2, 3, 4), "PRelu": (1,)}
"""Which inputs of an operator are learned."""
_STORED = {"Cast", "DequantizeLinear"}
"""What stands between a weight and its operator where it is stored as float16 or as whole numbers."""


def randomised(model: ExpressionModel, seed: int = 0) -> Model:
    """The same graph and card with all weights drawn anew.

    Each weight tensor is drawn from the normal distribution of its own mean and deviation, so that activations keep their size although
    normalisations are folded into the convolutions; whole numbers are rounded and stay in the range that they had, and variances of batch
    normalisations are made positive. What is not learned (the normalisation of the input, the grids of spatial transformers, the steps of a
    quantised model) stays.

    Raises OptionError for a model without a graph, MissingExtraError without the package onnx.
    """
    own = graph_model(model, "sanity check")
    proto = read_proto(own)
    numpy_helper = require("onnx.numpy_helper", "train")
    stored = {node.output[0]: node.input[0] for node in proto.graph.node if node.op_type in _STORED}
    places = [(stored.get(name, name), node.op_type, i) for node in proto.graph.node for i, name in enumerate(node.input)]
    learned = {name for name, operator, i in places if i in _LEARNED.get(operator, ())}
    variances = {name for name, operator, i in places if (operator, i) == ("BatchNormalization", 4)}
    for tensor in proto.graph.initializer:
        if tensor.name in learned:
            drawn = _drawn(numpy_helper.to_array(tensor), np.random.default_rng([seed, zlib.crc32(tensor.name.encode())]))
            drawn = np.abs(drawn) if tensor.name in variances else drawn
            tensor.CopyFrom(numpy_helper.from_array(drawn, tensor.name))
    with tempfile.TemporaryDirectory() as folder:
        save_artifact(proto, own.card, Path(folder) / "randomised.onnx", own.features)
        return load_model(Path(folder) / "randomised.onnx", own.labels)


def agreement(a: Explanation, b: Explanation) -> float:
    """Spearman's rank correlation of the absolute heats, -1–1; 0 where one of them is flat. Raises InputError for heats of two sizes."""
    from scipy.stats import spearmanr

    if a.heat.shape != b.heat.shape:
        raise InputError(f"Heats of the sizes {a.heat.shape} and {b.heat.shape} can't be compared. Explain the same crops by one model.")
    first, second = np.abs(a.heat).ravel(), np.abs(b.heat).ravel()
    return 0.0 if np.ptp(first) == 0 or np.ptp(second) == 0 else float(spearmanr(first, second).statistic)


def sanity_check(model: ExpressionModel, crops: Crops, method: str = "occlusion", *, seed: int = 0, **options: Any) -> float:
    """The mean agreement between the explanations by a model and by the same graph with random weights, for the model's own labels.

    Near 1, the method shows the picture and not what the model has learned; near 0, it passes. Raises as `explain` and `randomised` do, and
    InputError without crops.
    """
    trained = explain(model, crops, method, **options)
    if not trained:
        raise InputError("A sanity check compares explanations; received no crops. Give some.")
    other = randomised(model, seed)
    agreements: list[float] = []
    for label in {one.label for one in trained}:
        own = [(crop, one) for crop, one in zip(crops, trained, strict=True) if one.label == label]
        anew = explain(other, [crop for crop, _ in own], method, label=label, **options)
        agreements += [agreement(one, other_one) for (_, one), other_one in zip(own, anew, strict=True)]
    return float(np.mean(agreements))


def _drawn(weights: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    drawn = rng.normal(weights.mean(dtype=float), weights.std(dtype=float), weights.shape)
    if np.issubdtype(weights.dtype, np.integer):
        drawn = np.rint(drawn).clip(weights.min(), weights.max())
    return drawn.astype(weights.dtype)
