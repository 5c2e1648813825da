"""Drawn versions of a picture: seven fixed ones, numbered from 1; 0 is the picture itself.

The protocols that copy pictures before or after the split use them. Training draws new ones for each batch instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError

VERSIONS = ("itself", "mirrored", "rotated by 10°", "rotated by -10°", "shifted", "enlarged", "brighter", "darker")
_ANGLE = {2: 10.0, 3: -10.0}
_GAIN = {6: 1.25, 7: 0.75}
_SHIFT, _ZOOM = 0.06, 1.12


def drawn(images: NDArray[np.uint8], versions: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Each image, uint8 (N, H, W) or (N, H, W, 3), in the version that `versions` (N,) gives for it, as a new array of the same shape.

    Borders are mirrored. Raises OptionError for a number that is no version.
    """
    if len(versions) and not 0 <= versions.min() <= versions.max() < len(VERSIONS):
        raise OptionError(f"Versions are numbered 0 to {len(VERSIONS) - 1}; received {versions.min()} to {versions.max()}.")
    out = images.copy()
    for row in np.flatnonzero(versions):
        out[row] = _version(images[row], int(versions[row]))
    return out


def _version(image: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    if number == 1:
        return image[:, ::-1]
    if number in _GAIN:
        return np.clip(np.round(image * _GAIN[number]), 0, 255).astype(np.uint8)
    import cv2

    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), _ANGLE.get(number, 0.0), _ZOOM if number == 5 else 1.0)
    if number == 4:
        matrix[:, 2] += (_SHIFT * width, _SHIFT * height)
    warped = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.uint8)
