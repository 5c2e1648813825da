"""Foreign models as they run: crops in, their raw output out. One runs an ONNX graph, the other a Python function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.bench.description import Description
from mien.bench.functions import Function
from mien.core.errors import ArtifactError, InputError, UnknownNameError
from mien.preprocess import Preprocessing

if TYPE_CHECKING:
    import onnxruntime

BATCH = 32
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(uint8)": np.uint8}


class Runner(Protocol):
    """Crops uint8 (N, H, W) gray or (N, H, W, 3) RGB, N ≥ 1 → the model's raw output, one row a crop."""

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """The raw output."""

    def tensor(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """What the model is given for `crops`."""


class OnnxRunner:
    """An ONNX graph, fed as the description says.

    Raises
    ------
    ArtifactError
        A file that ONNX Runtime can't open, an input type that can't be made, or a graph that refuses the input that the adapter makes.
    UnknownNameError
        No input or output of that name.
    """

    def __init__(self, description: Description, threads: int | None) -> None:
        self.description = description
        self._session = _session(description, threads)
        self._input = self._pick("input", description.input.name, self._session.get_inputs())
        self._output = self._pick("output", description.output, self._session.get_outputs())
        if self._input.type not in _DTYPES:
            raise ArtifactError(
                f"{description.file}: the graph's input {self._input.name!r} is {self._input.type}; allowed are {', '.join(_DTYPES)}. "
                "Export the model with such an input."
            )

    @property
    def input_name(self) -> str:
        """The graph's input that is fed."""
        return str(self._input.name)

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """The raw output, in batches of the size that the graph is fixed to, or of BATCH."""
        fixed = self._input.shape[0] if self._input.shape and isinstance(self._input.shape[0], int) else None
        step = fixed or BATCH
        return np.concatenate([self._run(crops[i : i + step], fixed) for i in range(0, len(crops), step)])

    def tensor(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """What the graph is fed for `crops`: (N, channels, size, size), or (N, size, size, channels) for "NHWC"."""
        how = self.description.input
        values = Preprocessing(how.size or 0, how.channels or 0).to_input(crops)
        if how.order == "BGR":
            values = values[:, ::-1]
        mean, std = (np.asarray(numbers, np.float32).reshape(-1, 1, 1) for numbers in (how.mean, how.std))
        values = (values * np.float32(how.scale) - mean) / std
        if how.layout == "NHWC":
            values = values.transpose(0, 2, 3, 1)
        dtype = _DTYPES[self._input.type]
        return np.ascontiguousarray(np.rint(values).clip(0, 255) if dtype == np.uint8 else values, dtype)

    def _run(self, crops: NDArray[np.uint8], fixed: int | None) -> NDArray[Any]:
        values = self.tensor(crops)
        if fixed and len(values) < fixed:
            values = np.concatenate([values, np.repeat(values[-1:], fixed - len(values), axis=0)])
        try:
            result = np.asarray(self._session.run([self._output.name], {self._input.name: values})[0])
        except Exception as error:  # onnxruntime raises a different private class for each way an input can be wrong
            raise ArtifactError(
                f"{self.description.file}: the graph refuses an input {values.dtype} of shape {values.shape} ({error}). "
                f"It declares {self._input.type} {self._input.shape}; correct [input] of the adapter."
            ) from error
        return result[: len(crops)] if result.ndim else result

    def _pick(self, kind: str, name: str, there: Sequence[Any]) -> Any:
        names = [item.name for item in there]
        if name and name not in names:
            raise UnknownNameError(f"{kind} of {self.description.target}", name, names)
        if not name and len(names) != 1:
            raise ArtifactError(
                f"{self.description.file}: the graph has {len(names)} {kind}s ({', '.join(names)}). Name the one that counts: "
                f'name = "…" in [{kind}].'
            )
        return there[names.index(name)] if name else there[0]


class FunctionRunner:
    """A Python function, given uint8 crops: (N, H, W) gray or (N, H, W, 3) in the order that the description says.

    Raises as `Function` does, and InputError for another number of rows than crops.
    """

    def __init__(self, description: Description, threads: int | None) -> None:
        self.description = description
        self._function = Function(description, threads)

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """The raw output, the description's batch at a time."""
        step = self.description.input.batch
        return np.concatenate([self._run(crops[i : i + step]) for i in range(0, len(crops), step)])

    def tensor(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What the function is given for `crops`."""
        how = self.description.input
        channels = how.channels or (1 if crops.ndim == 3 else 3)
        if how.size:
            values = np.rint(Preprocessing(how.size, channels).to_input(crops)).astype(np.uint8)
            crops = values[:, 0] if channels == 1 else values.transpose(0, 2, 3, 1)
        elif channels == 1 and crops.ndim == 4:
            crops = np.stack([np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8) for crop in crops])
        elif channels == 3 and crops.ndim == 3:
            crops = np.repeat(crops[..., None], 3, axis=3)
        return np.array(crops[..., ::-1] if how.order == "BGR" and crops.ndim == 4 else crops, order="C")  # a copy: theirs to change

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        result = self._function(self.tensor(crops))
        if result.shape[:1] != (len(crops),):
            raise InputError(
                f"{self.description.file}: {len(crops)} crops gave an output of shape {result.shape}. Give one row of scores for each crop."
            )
        return result


def _session(description: Description, threads: int | None) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if threads is not None:
        options.intra_op_num_threads = threads
    try:  # by path, so that weights in a file beside the graph are found
        return onnxruntime.InferenceSession(str(Path(description.target)), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a different private class for each way a file can be wrong
        raise ArtifactError(f"{description.file}: {description.target} can't be read as an ONNX model ({error}).") from error
