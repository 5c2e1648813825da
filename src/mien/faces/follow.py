"""Faces carried from frame to frame between detections: points on each are followed by optical flow, and its box moves as they do.

The flow is pyramidal Lucas–Kanade (Bouguet, 2000), the movement a similarity – shift, turn and scale – fitted by RANSAC; both are OpenCV's.
It costs a fraction of a detection. Who enters the picture is seen at the next detection; who is lost is looked for at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.types import RGB, Face, Frame

_POINTS = 60
_FEWEST = 8  # with fewer that agree a face is lost
_MARGIN = 0.6  # of the box, around it: how far it may move between two frames
_SIDE = 160  # a face of more pixels is made smaller: the flow needs no more
_ASTRAY = 1.0  # pixels between a point and itself, followed there and back
_LOOK, _ALIKE = 24, 0.8  # side of the picture of a face that it keeps from its detection, and the least correlation with it

Find = Callable[[Frame], list[Face]]
_Gray = NDArray[np.uint8]
_Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Window:
    """A part of the picture around a face: its corner in pixels, its scale, and its gray levels."""

    left: int
    top: int
    factor: float
    gray: _Gray

    @classmethod
    def of(cls, face: Face, image: RGB) -> _Window | None:
        x1, y1, x2, y2 = face.box_xyxy
        margin, (high, wide) = _MARGIN * face.size, image.shape[:2]
        left, top = max(int(x1 - margin), 0), max(int(y1 - margin), 0)
        right, bottom = min(int(x2 + margin) + 1, wide), min(int(y2 + margin) + 1, high)
        return cls.at(left, top, right, bottom, min(1.0, _SIDE / face.size), image) if right > left and bottom > top else None

    @classmethod
    def at(cls, left: int, top: int, right: int, bottom: int, factor: float, image: RGB) -> _Window:
        gray = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
        size = max(round(gray.shape[1] * factor), 1), max(round(gray.shape[0] * factor), 1)
        return cls(left, top, factor, np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8))

    def again(self, image: RGB) -> _Window:
        """The same part of another picture."""
        high, wide = (round(side / self.factor) for side in self.gray.shape)
        right, bottom = min(self.left + wide, image.shape[1]), min(self.top + high, image.shape[0])
        return _Window.at(self.left, self.top, right, bottom, self.factor, image)

    def inside(self, points: _Points) -> _Points:
        """Pixels of the picture as those of the window."""
        return np.asarray((points - (self.left, self.top)) * self.factor, np.float32)


class Follower:
    """Finds the faces of one video: by detection in each `every`-th frame, by following in between. Make a new one for each source.

    `detected` says of the last frame whether its faces were looked for.
    Raises OptionError for an `every` below 1.
    """

    def __init__(self, every: int) -> None:
        if every < 1:
            raise OptionError(f"detect_every is 1 or more; received {every!r}.")
        self._every = every
        self.detected = True
        self._since = 0
        self._faces: list[Face] = []
        self._looks: list[NDArray[np.float32]] = []
        self._image: RGB | None = None

    def find(self, frame: Frame, detect: Find) -> list[Face]:
        """The faces of the next frame. A followed face keeps the score of its detection."""
        followed = self._follow(frame.image)
        self._since += 1
        self.detected = followed is None
        if followed is None:
            followed, self._since = detect(frame), 0
            self._looks = [_look(face, frame.image) for face in followed]
        self._faces, self._image = followed, frame.image
        return followed

    def _follow(self, image: RGB) -> list[Face] | None:
        """The faces where they are now; None where one is lost, or nothing is known yet."""
        if self._image is None or self._image.shape != image.shape or self._since + 1 >= self._every:
            return None
        moved = []
        for face, look in zip(self._faces, self._looks, strict=True):
            there = _moved(face, self._image, image)
            if there is None or float((_look(there, image) * look).mean()) < _ALIKE:  # what hides a face takes its points along
                return None
            moved.append(there)
        return moved


def _look(face: Face, image: RGB) -> NDArray[np.float32]:
    """A small gray picture of a face, of mean 0 and deviation 1; zeros where nothing of it is in the picture."""
    x1, y1, x2, y2 = (round(side) for side in face.box_xyxy)
    part = image[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
    if not part.size:
        return np.zeros((_LOOK, _LOOK), np.float32)
    small = cv2.resize(cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY), (_LOOK, _LOOK), interpolation=cv2.INTER_AREA)
    gray = small.astype(np.float32) - small.mean()
    return np.asarray(gray / max(float(gray.std()), 1e-6), np.float32)


def _moved(face: Face, before: RGB, after: RGB) -> Face | None:
    window = _Window.of(face, before)
    if window is None:
        return None
    motion = _motion(face, window, window.again(after))
    if motion is None:
        return None
    turn, shift = motion[:, :2], motion[:, 2]
    x1, y1, x2, y2 = face.box_xyxy
    middle, scale = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) @ turn.T + shift, float(np.sqrt(np.linalg.det(turn)))
    half = np.array([x2 - x1, y2 - y1]) * scale / 2
    marks = None if face.landmarks is None else np.asarray(face.landmarks @ turn.T + shift, np.float32)
    return Face((*(middle - half).tolist(), *(middle + half).tolist()), face.score, marks)


def _flow(before: _Gray, after: _Gray, points: Any) -> Any:
    track: Any = cv2.calcOpticalFlowPyrLK  # whose types know no None for what is not given
    return track(before, after, points, None, winSize=(15, 15), maxLevel=2)[0]


def _motion(face: Face, window: _Window, later: _Window) -> NDArray[np.float64] | None:
    """The similarity (2, 3) in pixels of the picture that takes the face from one window to the other; None where too little agrees."""
    corners = window.inside(np.array(face.box_xyxy, np.float32).reshape(2, 2))
    mask = np.zeros(window.gray.shape, np.uint8)
    (x1, y1), (x2, y2) = np.clip(corners, 0, np.array(mask.shape[::-1]) - 1).astype(int)
    mask[y1 : y2 + 1, x1 : x2 + 1] = 255
    points = cv2.goodFeaturesToTrack(window.gray, _POINTS, 0.01, 3, mask=mask)
    if points is None or len(points) < _FEWEST:
        return None
    there = _flow(window.gray, later.gray, points)
    back = _flow(later.gray, window.gray, there)
    kept = np.linalg.norm((back - points).reshape(-1, 2), axis=1) < _ASTRAY
    if kept.sum() < _FEWEST:
        return None
    matrix, agree = cv2.estimateAffinePartial2D(points[kept], there[kept], ransacReprojThreshold=2.0)
    if matrix is None or int(agree.sum()) < _FEWEST:
        return None
    corner = np.array([window.left, window.top], np.float64)
    shift = matrix[:, 2] / window.factor + corner - matrix[:, :2] @ corner
    return np.concatenate([matrix[:, :2], shift[:, None]], axis=1)
