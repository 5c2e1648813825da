"""The only way from a crop to a network's input. Training and use call the same function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError

Crops = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class Preprocessing:
    """How crops become input: gray (`channels` 1, ITU-R BT.601 luma) or RGB (3), resized to `size` × `size`, float32 in 0–255.

    Shrinking averages areas, enlarging is bilinear. The network's own first step subtracts the mean and divides by the deviation, so these
    travel with the weights.
    """

    size: int = 48
    channels: int = 1

    def __post_init__(self) -> None:
        if self.size < 1 or self.channels not in (1, 3):
            raise InputError(f"Preprocessing needs size ≥ 1 and 1 or 3 channels; received size {self.size}, {self.channels} channels.")

    def to_input(self, crops: Crops) -> NDArray[np.float32]:
        """Crops → float32 (N, channels, size, size), values 0–255.

        `crops`: uint8 (N, H, W) gray or (N, H, W, 3) RGB, or a sequence of (H, W) and (H, W, 3) images of any sizes.
        Raises InputError for another dtype or shape.
        """
        images = [self._one(crop) for crop in crops]
        out = np.empty((len(images), self.channels, self.size, self.size), np.float32)
        for row, image in zip(out, images, strict=True):
            row[:] = image if image.ndim == 2 else image.transpose(2, 0, 1)
        return out

    def _one(self, crop: NDArray[np.uint8]) -> NDArray[Any]:
        crop = np.asarray(crop)
        if crop.dtype != np.uint8 or not (crop.ndim == 2 or (crop.ndim == 3 and crop.shape[2] == 3)) or 0 in crop.shape:
            raise InputError(
                "A crop is a uint8 array of shape (H, W) gray or (H, W, 3) RGB with values 0–255; "
                f"received {crop.dtype} of shape {crop.shape}."
            )
        image: NDArray[Any] = crop
        if self.channels == 1 and crop.ndim == 3:
            image = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        elif self.channels == 3 and crop.ndim == 2:
            image = cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB)
        return to_square(image, self.size)


def to_square(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize uint8 (H, W) or (H, W, 3) to `size` × `size`, each side for itself: shrinking averages areas, enlarging is bilinear."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = min(image.shape[:2]) > size
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)
