"""Small foreign models: ONNX graphs, Python functions, and the adapter files that describe them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien.core.labels import FER7
from mien.datasets import Dataset

FOREIGN = ("angry", "Disgust", "fear", "happy", "sad", "surprise", "neutral")
LABELS = f"labels = {list(FOREIGN)}\n".replace("'", '"')
GRAY = "[input]\nsize = 4\nchannels = 1\n"


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Sequence[str],
    weights: Mapping[str, NDArray[np.generic]] | None = None,
    *,
    dtype: int = TensorProto.FLOAT,
    opset: int = 17,
) -> onnx.ModelProto:
    """A model of these nodes."""
    taken = [helper.make_tensor_value_info(name, dtype, list(shape)) for name, shape in inputs.items()]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    kept = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    return helper.make_model(
        helper.make_graph(list(nodes), "g", taken, given, kept), opset_imports=[helper.make_opsetid("", opset)], ir_version=9
    )


def linear(path: Path, *, shape: Sequence[int | str] = ("n", 1, 4, 4), classes: int = 7, soft: bool = False) -> NDArray[np.float32]:
    """Write a graph whose logits (scores when `soft`) are a linear map of its flat input; gives the map."""
    weights = np.random.default_rng(0).normal(0, 0.05, (int(np.prod([int(s) for s in shape[1:]])), classes)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["logits"])]
    nodes += [helper.make_node("Softmax", ["logits"], ["scores"])] if soft else []
    onnx.save(graph(nodes, {"x": shape}, ["scores" if soft else "logits"], {"w": weights}), path)
    return weights


@contextmanager
def forgotten() -> Iterator[None]:
    """Modules that are loaded inside are gone afterwards, where they lie in a temporary folder."""
    before = set(sys.modules)
    yield
    temporary = tempfile.gettempdir()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(temporary):
            del sys.modules[name]


def adapter(folder: Path, text: str, name: str = "other") -> Path:
    """Write an adapter file."""
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def function(folder: Path, module: str, body: str, head: str = "") -> Path:
    """Write a module with a function `scores` of `body`, and its adapter; gives the adapter."""
    (folder / f"{module}.py").write_text(f"import numpy as np\n\n\ndef scores(crops):\n    {body}\n", encoding="utf-8")
    return adapter(folder, f'callable = "{module}:scores"\n{LABELS}{head}', module)


def crops(n: int = 9, *, side: int = 4, colour: bool = False, seed: int = 0) -> NDArray[np.uint8]:
    """Random pictures."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3)[: 4 if colour else 3], np.uint8)


def data(name: str = "drawn", n: int = 60, seed: int = 0) -> Dataset:
    """Pictures whose first pixel tells their class in FER7; every third row is for training, and some test rows have a twin there."""
    images = crops(n, seed=seed)
    images[:, 0, 0] = np.arange(n) % 7
    split = np.where(np.arange(n) % 3 == 0, "train", "test")
    images[1], images[4] = images[0], images[3]
    return Dataset(name, FER7, images, images[:, 0, 0].astype(np.int64), split, np.arange(n))


TELLS = "s = np.full((len(crops), 7), 0.05); s[np.arange(len(crops)), [(6, 3, 5, 4, 0, 1, 2)[i] for i in crops[:, 0, 0]]] = 0.7; return s"
"""The body of a function that reads the class of `data` off the first pixel and says it in the order of FOREIGN."""
