"""How a picture file becomes one row of an array of pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.decode import decode_image
from mien.core.errors import InputError, OptionError, UnknownNameError
from mien.preprocess import to_square

if TYPE_CHECKING:
    from mien.core.types import RGB
    from mien.faces.detect import Detector

CROPS = ("picture", "face", "geometric", "box")
MEMORY_GIB = 4.0
"""What the pictures of a data set may take in memory, in GiB, unless a loader's `memory_gib` says otherwise."""

_GIB = 2**30
_FRAMED = {"face": "fer2013", "geometric": "geometric"}


@dataclass(frozen=True)
class Fit:
    """How pictures become one array.

    `crop_size`: each is resized to that square by `mien.preprocess.to_square`; None wants equal sizes. `channels`: 1 (gray) or 3 (RGB).
    `crop`: "picture" takes the whole of it; "face" the surest face that the default detector finds, framed as FER2013 frames faces;
    "geometric" that face in 150 rows and 100 columns, its eyes level and at set places; both are `mien.faces.align.cut`. "box" takes the
    face where the data set says that it is. `memory_gib`: what the array may take.

    Raises InputError or OptionError for a value out of range, UnknownNameError for another `crop`.
    """

    crop_size: int | None = None
    channels: int = 3
    crop: str = "picture"
    memory_gib: float = MEMORY_GIB

    def __post_init__(self) -> None:
        if self.channels not in (1, 3) or (self.crop_size is not None and self.crop_size < 1):
            raise InputError(
                f"Pictures need 1 or 3 channels and crop_size ≥ 1; received channels {self.channels}, crop_size {self.crop_size}."
            )
        if self.crop not in CROPS:
            raise UnknownNameError("value of crop", self.crop, CROPS)
        if not self.memory_gib > 0:
            raise OptionError(f"memory_gib is a size above 0; received {self.memory_gib!r}. Give what the pictures may take, in GiB.")

    def read(self, path: Path, box_xyxy: tuple[float, float, float, float] | None = None) -> NDArray[np.uint8]:
        """The picture as uint8 (H, W) or (H, W, 3). Raises InputError when it can't be read, or no face is found in it."""
        image: NDArray[np.uint8] = decode_image(path)
        if self.crop != "picture":
            image = _inside(image, box_xyxy, path) if self.crop == "box" else _face_of(image, path, _FRAMED[self.crop])
        if self.channels == 1:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        return image if self.crop_size is None else to_square(image, self.crop_size)

    def need_room(self, n: int, shape: tuple[int, ...] | None) -> NDArray[np.uint8]:
        """An array for `n` pictures of `shape`; without a shape, an empty one, as a check of what `crop_size` asks for.

        Raises OptionError when they take more than `memory_gib`, or than there is; it names the size that fits.
        """
        if shape is None and self.crop_size is None:
            return np.empty(0, np.uint8)
        needed = n * (math.prod(shape) if shape else self.crop_size * self.crop_size * self.channels if self.crop_size else 0)
        try:
            if needed <= self.memory_gib * _GIB:
                return np.empty((n, *shape) if shape else 0, np.uint8)
        except MemoryError:
            pass
        fits = math.isqrt(int(self.memory_gib * _GIB / (n * self.channels)))
        raise OptionError(
            f"{n:,} pictures would take {needed / _GIB:.3g} GiB; memory_gib allows {self.memory_gib:g}. "
            f"Pass crop_size={fits} or less, fewer channels, or a higher memory_gib where the machine has it."
        )


@cache
def _detector() -> Detector:
    from mien.faces.detect import make_detector

    return make_detector("centerface")


def _face_of(image: RGB, path: Path, framing: str) -> RGB:
    from mien.faces.align import cut

    detector = _detector()
    faces = detector.detect(image)
    if not faces:
        raise InputError(f"No face was found in {path}. Read it whole with crop='picture', or leave it out with strict=False.")
    return cut(image, faces[0], detector.box_framing, framing).image


def _inside(image: RGB, box_xyxy: tuple[float, float, float, float] | None, path: Path) -> RGB:
    if box_xyxy is None:
        raise InputError(f"The data set does not say where the face of {path} is. Take crop='face', 'geometric' or 'picture'.")
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (round(v) for v in box_xyxy)
    part = image[max(y1, 0) : min(y2, height), max(x1, 0) : min(x2, width)]
    if 0 in part.shape:
        raise InputError(f"The face of {path} should lie in {x1}, {y1}, {x2}, {y2}, outside its {width}×{height} pixels.")
    return part
