"""The only way from a crop to a network's input. Training and use call the same function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, UnknownNameError

Crops = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]

FRAMINGS = ("fer2013", "geometric")
"""How a face may be cut for a model; `mien.faces.align.cut` does it."""


@dataclass(frozen=True)
class Preprocessing:
    """How crops become input: gray (`channels` 1, ITU-R BT.601 luma) or RGB (3), resized to `size` × `size`, float32 in 0–255.

    Shrinking averages areas, enlarging is bilinear. `equalise`: the gray levels are then normalised by `equalised`. `framing`: how the
    crops were cut, one of FRAMINGS; whoever finds the faces asks for it. The network's own first step subtracts the mean and divides by
    the deviation, so these travel with the weights.

    Raises InputError for a value out of range, UnknownNameError for another framing.
    """

    size: int = 48
    channels: int = 1
    equalise: bool = False
    framing: str = "fer2013"

    def __post_init__(self) -> None:
        if self.size < 1 or self.channels not in (1, 3):
            raise InputError(f"Preprocessing needs size ≥ 1 and 1 or 3 channels; received size {self.size}, {self.channels} channels.")
        if not isinstance(self.equalise, bool):
            raise InputError(f"equalise is true or false; received {self.equalise!r}. Leave it out to keep the gray levels as they are.")
        check_framing(self.framing)

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
        image = to_square(image, self.size)
        return equalised(image[None])[0] if self.equalise else image


def check_framing(name: str) -> str:
    """The name of a framing, checked. Raises UnknownNameError."""
    if name not in FRAMINGS:
        raise UnknownNameError("framing", name, FRAMINGS)
    return name


def equalised(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gray-level normalisation: the histogram of each image is made flat, so that light and contrast of the photo no longer tell.

    Histogram equalisation (Gonzalez and Woods, Digital Image Processing, 4th ed., §3.3), scaled so that the darkest pixel becomes 0 and the
    brightest 255. Of RGB, the luma (ITU-R BT.601) is equalised and the colour differences stay. An image of one value stays as it is. The
    paper of CNN1–3 (Huang, "A facial expression recognition method based on Convolutional Neural Network", §2.2) wants "gray level
    normalization" and does not say which; this is our reading of it.

    `images`: uint8 (N, H, W) gray or (N, H, W, 3) RGB, each equalised for itself, at the size that the network sees. Gives an array of the
    same form. Raises InputError for another dtype or shape.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)) or 0 in images.shape[1:]:
        raise InputError(
            "Gray levels are equalised in a uint8 array of shape (N, H, W) gray or (N, H, W, 3) RGB; "
            f"received {images.dtype} of shape {images.shape}. A single image is images[None]."
        )
    out = np.empty_like(images)
    for row, image in zip(out, images, strict=True):
        row[:] = cv2.equalizeHist(image) if image.ndim == 2 else _equalised_luma(image)
    return out


def _equalised_luma(image: NDArray[np.uint8]) -> NDArray[Any]:
    parts = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    parts[..., 0] = cv2.equalizeHist(parts[..., 0])
    return cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB)


def to_square(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize uint8 (H, W) or (H, W, 3) to `size` × `size`, each side for itself: shrinking averages areas, enlarging is bilinear."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = min(image.shape[:2]) > size
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)
