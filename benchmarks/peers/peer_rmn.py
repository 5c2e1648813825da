"""The Residual Masking Network on crops that are faces already: BGR crops to scores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rmn import RMN

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@cache
def network(threads: int | None) -> Any:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    return RMN(face_detector=False)


def scores(crops: NDArray[np.uint8], threads: int | None = None) -> NDArray[np.float32]:
    return np.stack([_one(network(threads), crop) for crop in crops])


def _one(model: Any, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    _, _, listed = model.detect_emotion_for_single_face_image(np.ascontiguousarray(crop))
    by_name = {name: share for one in listed for name, share in one.items()}
    return np.array([by_name[name] for name in LABELS], np.float32)
