"""A layer of a trained network as features of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.artifact import BATCH, FEATURES_INPUT, Model, load_model
from mien.core.errors import ArtifactError, RecipeError, UnknownNameError
from mien.features.pictures import Vectors
from mien.preprocess import Crops, Preprocessing
from mien.training.fuse import opset_of
from mien.training.parts import DESCRIBER

if TYPE_CHECKING:
    import onnx

VECTORS = "vectors"


class NetworkLayer:
    """What a tensor of an artifact's graph holds for a picture, flattened: pictures in, vectors float32 (N, D) out.

    `model`: name or path. `layer`: the tensor's name; "embedding" is what the last layer of our own networks sees.

    Raises UnknownNameError for a tensor that the graph does not have, ArtifactError for one without a vector for each picture, and as
    `load_model` does.
    """

    def __init__(self, model: str = DESCRIBER, layer: str = "embedding") -> None:
        self.layer = layer
        self._model = load_model(model)
        self.graph = _until(self._model, layer)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        return onnxruntime.InferenceSession(self.graph.SerializeToString(), providers=["CPUExecutionProvider"])

    @property
    def preprocessing(self) -> Preprocessing:
        """How the network wants its pictures."""
        return self._model.card.preprocessing

    @property
    def fingerprint(self) -> str:
        """What its vectors depend on."""
        return f"{self._model.card.sha256} {self.layer}"

    @property
    def parameters(self) -> int:
        """How many parameters the card tells of the whole network; 0 where it does not."""
        return self._model.card.parameters or 0

    def need(self, preprocessing: Preprocessing) -> None:
        """Raise RecipeError unless the network sees its pictures like that."""
        if preprocessing != self.preprocessing:
            raise RecipeError(
                f"The network {self._model.card.name} takes its pictures as {self.preprocessing}; the recipe says {preprocessing}. "
                "Give size, preprocess and the data set's channels as the network has them."
            )

    def fit_transform(self, pictures: Crops) -> Vectors:
        """As `transform`; a trained network has nothing to learn."""
        return self.transform(pictures)

    def transform(self, pictures: Crops) -> Vectors:
        """The vector of each picture."""
        name = self._session.get_inputs()[0].name
        parts = [
            self._session.run([VECTORS], {name: self.preprocessing.to_input(pictures[i : i + BATCH])})[0]
            for i in range(0, len(pictures), BATCH)
        ]
        if (parts and parts[0].ndim != 2) or len(parts[0]) != min(BATCH, len(pictures)):
            raise ArtifactError(f"The tensor {self.layer} has no vector for each picture, but {parts[0].shape}. Name another layer.")
        return np.concatenate(parts)


def behind_network(layer: NetworkLayer, graph: onnx.ModelProto) -> onnx.ModelProto:
    """The network up to its layer and the graph behind it, as one graph that takes pictures."""
    import onnx.compose
    import onnx.version_converter

    graph = onnx.version_converter.convert_version(graph, opset_of(layer.graph))
    front = onnx.compose.add_prefix(layer.graph, "network/", rename_inputs=False)
    front.ir_version = graph.ir_version = max(front.ir_version, graph.ir_version)
    joined: onnx.ModelProto = onnx.compose.merge_models(front, graph, io_map=[(f"network/{VECTORS}", FEATURES_INPUT)])
    return joined


def _until(model: Model, layer: str) -> onnx.ModelProto:
    """The graph from the pictures to a tensor, flattened, under the name VECTORS."""
    import onnx.inliner
    import onnx.utils

    whole = onnx.inliner.inline_local_functions(onnx.load_model_from_string(model.file))
    del whole.metadata_props[:]
    tensors = [name for node in whole.graph.node for name in node.output]
    if layer not in tensors:
        raise UnknownNameError(f"layer of {model.card.name}", layer, _shown(tensors, layer))
    del whole.graph.output[:]
    whole.graph.node.append(onnx.helper.make_node("Flatten", [layer], [VECTORS], axis=1))
    whole.graph.output.append(onnx.helper.make_tensor_value_info(VECTORS, onnx.TensorProto.FLOAT, ["batch", None]))
    weights = {tensor.name for tensor in whole.graph.initializer}
    images = [item.name for item in whole.graph.input if item.name not in weights]
    part: onnx.ModelProto = onnx.utils.Extractor(whole).extract_model(images, [VECTORS])
    return part


def _shown(tensors: Sequence[str], layer: str) -> list[str]:
    """Names that a person may have meant: a few of a deep network's hundreds."""
    import difflib

    return sorted({*difflib.get_close_matches(layer, tensors, 10, 0.3), *tensors[-10:]})
