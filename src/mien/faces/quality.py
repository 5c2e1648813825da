"""How much a face can tell: from its size, how sharp it is, and how far it is turned aside. The formula stands in docs/video.md."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB, Face

LEAST = 0.01
"""The quality of a face of which nothing can be seen; not 0, so that a mean over such faces alone still is one."""
FULL_PX = 64.0
"""From this size of the box on, more pixels tell no more: models see faces that small."""
HALF_SHARP = 0.05
"""The variance of the Laplacian, by that of the gray levels, at which a face is half as sharp as can be: a blur of 1.2 of 48 pixels."""
PROFILE = 0.5
"""How far the tip of the nose lies from the middle between the eyes in profile, in distances of the eyes."""

_SIDE = 48


def quality(face: Face, crop: RGB) -> float:
    """0.01–1: size × sharpness × frontalness of a face; its `crop`, uint8 (H, W, 3) RGB, is what a model sees of it."""
    return max(LEAST, min(1.0, face.size / FULL_PX) * sharpness(crop) * frontalness(face.landmarks))


def sharpness(crop: RGB) -> float:
    """0–1: v / (v + HALF_SHARP), v the variance of the Laplacian by that of the gray levels, of the crop at 48×48 pixels.

    After Pech-Pacheco et al., 2000 (doi:10.1109/ICPR.2000.903548). Contrast has no part in it; noise counts as detail.
    """
    gray = np.asarray(cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
    spread = float(gray.var())
    detail = float(cv2.Laplacian(gray, cv2.CV_32F).var()) / spread if spread > 1e-6 else 0.0
    return detail / (detail + HALF_SHARP)


def frontalness(landmarks: NDArray[np.float32] | None) -> float:
    """0–1: 1 − t / PROFILE, t how far the nose lies aside along the line of the eyes; 1 without landmarks, of which nothing is known."""
    if landmarks is None:
        return 1.0
    left, right, nose = (np.asarray(point, np.float64) for point in landmarks[:3])
    line = right - left
    apart = float(line @ line)
    aside = abs(float((nose - (left + right) / 2) @ line)) / apart if apart > 0 else np.inf
    return max(0.0, 1 - aside / PROFILE)
