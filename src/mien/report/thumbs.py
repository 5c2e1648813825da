"""Small pictures for the report: scenes with their faces drawn on them, cut-out faces, and JPEG inside HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mien.core.types import RGB, Face, FaceResult
from mien.report.draw import annotate

MARGIN = 1.25
QUALITY = 82


def scene(image: RGB, faces: Sequence[FaceResult], side: int, *, words: bool = True) -> RGB:
    """The picture with its longer side at most `side` pixels, the faces drawn after it was made small, so that their names stay sharp."""
    factor = min(side / max(image.shape[:2]), 1.0)
    if factor == 1.0:
        return annotate(image, faces, words=words)
    return annotate(_resized(image, factor), [_scaled(face, factor) for face in faces], words=words)


def face_crop(image: RGB, face: Face, side: int) -> RGB:
    """The face with some of its surroundings: a square of at most `side` pixels, smaller where the picture ends."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = face.box_xyxy
    half = face.size * MARGIN / 2
    middle_x, middle_y = min(max((x1 + x2) / 2, 0), width), min(max((y1 + y2) / 2, 0), height)
    left, top = max(int(middle_x - half), 0), max(int(middle_y - half), 0)
    right, bottom = min(int(middle_x + half) + 1, width), min(int(middle_y + half) + 1, height)
    cut = image[min(top, height - 1) : bottom, min(left, width - 1) : right]
    return _resized(cut, min(side / max(cut.shape[:2]), 1.0))


def jpeg(image: RGB, quality: int = QUALITY) -> bytes:
    """The picture as JPEG of that quality (1–100)."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data)


def data_uri(data: bytes) -> str:
    """A JPEG as the address of an `<img>`."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _resized(image: RGB, factor: float) -> RGB:
    height, width = image.shape[:2]
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA), np.uint8)


def _scaled(result: FaceResult, factor: float) -> FaceResult:
    x1, y1, x2, y2 = (v * factor for v in result.face.box_xyxy)
    return replace(result, face=Face((x1, y1, x2, y2), result.face.score))
