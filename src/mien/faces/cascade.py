"""The cascade baseline: scikit-image's Viola–Jones family detector with the frontal LBP cascade that it ships (Liao et al., 2007)."""

from __future__ import annotations

import threading

import cv2
import numpy as np
from skimage.data import lbp_frontal_face_cascade_filename
from skimage.feature import Cascade as _Cascade

from mien.core.errors import OptionError
from mien.core.types import RGB, Face
from mien.faces.detect import Framing, check_picture

_WINDOW = 24  # the side of the pictures that the cascade was trained on
_SCALE_STEP = 1.1
_NEIGHBOURS = 4
_OVERLAP = 0.3
_LONGEST = 1280  # a narrow strip is not enlarged without end


class Cascade:
    """Upright frontal faces without landmarks; misses about a third of what CenterFace finds (docs/framing.md). Every score is 1.

    `min_face`: the smallest face looked for, as a fraction of the picture's shorter side, 0.02–1. The picture is scaled so that such a
    face fills the cascade's window: the time grows with 1/min_face². Raises OptionError for a value out of range.
    """

    name = "cascade"
    box_framing: Framing = (0.05, 0.05, 0.94, 0.94)

    def __init__(self, *, min_face: float = 0.15) -> None:
        if not 0.02 <= min_face <= 1.0:
            raise OptionError(f"min_face is a fraction of the shorter side from 0.02 to 1; received {min_face!r}. Smaller is slower.")
        self.min_face = float(min_face)
        self._cascade = _Cascade(lbp_frontal_face_cascade_filename())
        self._running = threading.Lock()

    def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
        """The faces of a picture, uint8 (H, W, 3) RGB, the largest first."""
        check_picture(image)
        height, width = image.shape[:2]
        factor = min(_WINDOW / (self.min_face * min(height, width)), _LONGEST / max(height, width))
        shortest = round(min(height, width) * factor)
        if shortest < _WINDOW:
            return []
        gray = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None, fx=factor, fy=factor, interpolation=_interpolation(factor))
        with self._running:
            found = self._cascade.detect_multi_scale(
                gray, _SCALE_STEP, 1, (_WINDOW, _WINDOW), (shortest, shortest), min_neighbor_number=_NEIGHBOURS
            )
        boxes = [(one["c"], one["r"], one["width"], one["height"]) for one in found]
        return [_face(boxes[i], factor) for i in _largest_first(boxes)]


def _interpolation(factor: float) -> int:
    return cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR


def _largest_first(boxes: list[tuple[int, int, int, int]]) -> list[int]:
    """Indices of the boxes that no larger one covers, the largest first."""
    if not boxes:
        return []
    areas = np.array([width * height for *_, width, height in boxes], np.float32)
    return [int(i) for i in cv2.dnn.NMSBoxes(boxes, (areas / areas.max()).tolist(), 0.0, _OVERLAP)]


def _face(box: tuple[int, int, int, int], factor: float) -> Face:
    x, y, width, height = (value / factor for value in box)
    return Face((x, y, x + width, y + height), 1.0)
