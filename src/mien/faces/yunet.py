"""YuNet (Wu et al., 2023, doi:10.1007/s11633-023-1423-y) through OpenCV's FaceDetectorYN: light and fast, its weights not inside."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import ArtifactError
from mien.core.types import RGB, Face
from mien.faces.detect import Framing, check_input_size, check_picture, check_threshold, surest_first
from mien.faces.pinned import PinnedFile

WEIGHTS = PinnedFile(
    name="face_detection_yunet_2023mar.onnx",
    url="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size=232_589,
)

_OVERLAP = 0.3
_MIN_SIDE = 16
_CANDIDATES = 5000


class YuNet:
    """Faces with five landmarks, from about 10 pixels of the network's input.

    Parameters
    ----------
    model : the ONNX file; default the environment's MIEN_YUNET, else the cache, where the published file is checked by its SHA-256.
    fetch : download the published file into the cache when it is not there. Nothing is ever downloaded without it.
    threshold : the lowest score of a face, between 0 and 1.
    input_size : the longest side fed to the network, a multiple of 32; smaller pictures are not enlarged.

    Raises
    ------
    ArtifactError
        No model file, one with other contents, or one that OpenCV can't read.
    OptionError
        A value out of range.
    """

    name = "yunet"
    # Its boxes are drawn to the same annotations (WIDER FACE) as CenterFace's; the landmarks frame the crop, the box only stands in.
    box_framing: Framing = (0.08, -0.02, 0.92, 1.02)

    def __init__(self, *, model: str | Path | None = None, fetch: bool = False, threshold: float = 0.6, input_size: int = 640) -> None:
        self.threshold = check_threshold(threshold)
        self.input_size = check_input_size(input_size)
        weights = np.frombuffer(_weights(model, fetch), np.uint8)
        try:
            self._net = cv2.FaceDetectorYN.create(
                "onnx", weights, np.empty(0, np.uint8), (input_size, input_size), self.threshold, _OVERLAP, _CANDIDATES
            )
        except cv2.error as error:
            raise ArtifactError(f"OpenCV can't read the YuNet model: {error.err}. Give the path of {WEIGHTS.name}.") from error
        self._running = threading.Lock()

    def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
        """The faces of a picture, uint8 (H, W, 3) RGB, the surest first. Boxes may reach over the border."""
        check_picture(image)
        if min(image.shape[:2]) < _MIN_SIDE:
            return []
        small, scale = _shrink(image, self.input_size)
        with self._running:
            self._net.setInputSize((small.shape[1], small.shape[0]))
            _, rows = self._net.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        return [] if rows is None else surest_first(_face(row, scale) for row in rows if (row[2:4] > 0).all())


def _weights(model: str | Path | None, fetch: bool) -> bytes:
    chosen = model or os.environ.get("MIEN_YUNET")
    if chosen:
        if not Path(chosen).is_file():
            raise ArtifactError(f"There is no YuNet model at {chosen}. Give the path of {WEIGHTS.name}.")
        return Path(chosen).read_bytes()
    if not WEIGHTS.path.is_file():
        if not fetch:
            raise ArtifactError(
                f"The detector yunet needs {WEIGHTS.name}, which is not at {WEIGHTS.path}. "
                f"Lay it there ({WEIGHTS.size / 1e3:.0f} kB from {WEIGHTS.url}), or give its path in the variable MIEN_YUNET; "
                "in Python, mien.faces.yunet.YuNet(fetch=True) downloads it, and YuNet(model=PATH) takes another place."
            )
        WEIGHTS.fetch()
    data = WEIGHTS.path.read_bytes()
    WEIGHTS.check(data, str(WEIGHTS.path))
    return data


def _shrink(image: RGB, size: int) -> tuple[RGB, NDArray[np.float32]]:
    """The picture with its longest side at most `size`, and its scale (2,) x, y."""
    height, width = image.shape[:2]
    factor = min(1.0, size / max(height, width))
    wide, high = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return small, np.array([wide / width, high / height], np.float32)


def _face(row: NDArray[np.float32], scale: NDArray[np.float32]) -> Face:
    """x, y, width, height, five points from the picture's left eye to its right mouth corner, score → a face in the picture's pixels."""
    corner, size = row[:2] / scale, row[2:4] / scale
    left, top, right, bottom = (float(v) for v in (*corner, *(corner + size)))
    score = float(min(max(row[14], 0.0), 1.0))
    return Face((left, top, right, bottom), score, (row[4:14].reshape(5, 2) / scale).astype(np.float32))
