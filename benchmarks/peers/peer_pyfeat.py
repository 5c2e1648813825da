"""The multitask network of py-feat on face chips: RGB 256×256 to scores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from feat.multitask.inference import MultitaskModel
from numpy.typing import NDArray

LABELS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger")


@cache
def network(threads: int | None) -> Any:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return MultitaskModel(device="cpu")


def scores(crops: NDArray[np.uint8], threads: int | None = None) -> NDArray[np.float32]:
    """Columns in the order of LABELS, whatever the order inside; with an eighth class, what it holds is left out."""
    import torch

    chips = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    found = network(threads)(chips)
    names = [name.lower() for name in found.emotion_names]
    picked = found.emotion[:, [names.index(name) for name in LABELS]]
    return picked / picked.sum(axis=1, keepdims=True)
