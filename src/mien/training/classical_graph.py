"""From a fitted pipeline of scikit-learn to an ONNX graph with one output of logits."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from mien.artifact import FEATURES_INPUT
from mien.core.errors import TrainingError
from mien.features.pictures import Vectors
from mien.preprocess import Preprocessing

if TYPE_CHECKING:
    import onnx

_OPSET = 18
_LEAST = 1e-6  # a score of 0, as trees and neighbours give it, becomes the log of this
_CHECKED = 256
_ROWS = 512  # at a time, of a unit matrix that may be gigabytes


def decision(fitted: Pipeline, vectors: Vectors) -> NDArray[np.float64]:
    """What a fitted classifier says of vectors (N, D), as logits (N, C): its decision function, or the log of its probabilities."""
    if not hasattr(fitted, "decision_function"):
        likely: NDArray[np.float64] = np.log(np.maximum(fitted.predict_proba(vectors), _LEAST))
        return likely
    found: NDArray[np.float64] = fitted.decision_function(vectors)
    return np.stack([-found, found], axis=1) if found.ndim == 1 else found


def to_graph(fitted: Pipeline, head: str, vectors: Vectors) -> onnx.ModelProto:
    """The pipeline as a graph from `features`, float32 (N, D), to logits (N, C) under the name `head`.

    Raises TrainingError when the graph does not say of some of the training `vectors` what the pipeline says.
    """
    import onnx
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    decides = hasattr(fitted, "decision_function")
    options = ({"raw_scores": True} if decides else {}) | ({} if isinstance(fitted[-1], LinearSVC) else {"zipmap": False})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the converter's own manners
        graph: onnx.ModelProto = convert_sklearn(
            fitted,
            "classifier",
            initial_types=[(FEATURES_INPUT, FloatTensorType([None, vectors.shape[1]]))],
            options={id(fitted[-1]): options},
            target_opset={"": _OPSET, "ai.onnx.ml": 3},
        )
    versions = {entry.domain: max(e.version for e in graph.opset_import if e.domain == entry.domain) for entry in graph.opset_import}
    del graph.opset_import[:]  # where a domain may stand twice
    graph.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in versions.items())
    scores = graph.graph.output[1].name
    make = onnx.helper.make_node
    if decides:
        graph.graph.node.append(make("Identity", [scores], [head]))
    else:
        graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array(_LEAST, np.float32), "least"))
        graph.graph.node.extend([make("Max", [scores, "least"], ["likely"]), make("Log", ["likely"], [head])])
    del graph.graph.output[:]
    graph.graph.output.append(onnx.helper.make_tensor_value_info(head, onnx.TensorProto.FLOAT, ["batch", len(fitted.classes_)]))
    _check(graph, fitted, head, vectors[:_CHECKED])
    return graph


def from_pictures(graph: onnx.ModelProto, preprocessing: Preprocessing) -> onnx.ModelProto:
    """The graph with gray pictures (N, 1, S, S) as its input, whose pixels are the features."""
    import onnx

    del graph.graph.input[:]
    shape: list[int | str | None] = ["batch", 1, preprocessing.size, preprocessing.size]
    graph.graph.input.append(onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, shape))
    graph.graph.node.insert(0, onnx.helper.make_node("Flatten", ["images"], [FEATURES_INPUT], axis=1))
    return graph


def scores_alone(head: str, classes: int) -> onnx.ModelProto:
    """A graph whose features are the logits already."""
    import onnx

    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", classes]) for name in (FEATURES_INPUT, head)]
    nodes = [onnx.helper.make_node("Identity", [FEATURES_INPUT], [head])]
    graph = onnx.helper.make_graph(nodes, "scores", ends[:1], ends[1:])
    model: onnx.ModelProto = onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", _OPSET)])
    return model


def as_affine(steps: Pipeline, numbers: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fitted steps of centring, scaling and rotating vectors of so many `numbers` as one map: x → x·before + shift."""
    if not len(steps):
        return np.eye(numbers), np.zeros(numbers)
    shift = steps.transform(np.zeros((1, numbers)))[0]
    units = (np.eye(min(_ROWS, numbers - start), numbers, start) for start in range(0, numbers, _ROWS))
    return np.concatenate([steps.transform(rows) - shift for rows in units]), shift


def _check(graph: onnx.ModelProto, fitted: Pipeline, head: str, vectors: Vectors) -> None:
    import onnxruntime

    expected = decision(fitted, vectors)
    session: Any = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run([head], {FEATURES_INPUT: vectors})[0]
    scale = max(1.0, float(np.abs(expected).max()))
    if found.shape != expected.shape or (apart := float(np.abs(found - expected).max())) > 1e-2 * scale:
        told = f"{found.shape} and {expected.shape}" if found.shape != expected.shape else f"up to {apart:.3g} apart"
        raise TrainingError(f"The exported graph answers otherwise than the classifier that was fitted ({told}). Use another classifier.")
