"""DeepFace.analyze on crops that are faces already: BGR crops to scores."""

from __future__ import annotations

import numpy as np
from deepface import DeepFace
from numpy.typing import NDArray

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def scores(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Percentages divided by 100; the list is of faces, of which there is one a crop."""
    return np.stack([_one(crop) for crop in crops])


def _one(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    face = DeepFace.analyze(crop, actions=("emotion",), detector_backend="skip", enforce_detection=False, align=False, silent=True)[0]
    return np.array([face["emotion"][name] for name in LABELS], np.float32) / 100
