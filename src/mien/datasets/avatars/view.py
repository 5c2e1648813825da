"""Where a point of the head lands in the picture: turned by the pose, then placed and scaled.

Head coordinates: x to the viewer's right, y down, z towards the viewer; the origin lies between the eyes' centres on the axis of the
head; 1 is half the width of the face at the cheekbones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.datasets.avatars.curves import Points

DEPTH, WIDE, HIGH = 0.95, 1.1, 1.78
"""Half axes of the ellipsoid that the face lies on."""


@dataclass(frozen=True)
class Pose:
    """Turn of the head in degrees: `yaw` to the viewer's right, `pitch` up, `roll` clockwise as seen."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class View:
    """A pose, the pixel (x, y) that the origin lands on, and the pixels of one unit."""

    pose: Pose
    centre: tuple[float, float]
    scale: float

    @cached_property
    def upright(self) -> NDArray[np.float64]:
        """Yaw and pitch as a matrix (2, 3): head coordinates → units in the picture before roll."""
        yaw, pitch = math.radians(self.pose.yaw), math.radians(self.pose.pitch)
        turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
        nod = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)]])
        out: NDArray[np.float64] = nod @ turn
        return out

    @cached_property
    def plane(self) -> NDArray[np.float64]:
        """Roll, scale and place as a matrix (2, 3): units in the picture → pixels."""
        roll = math.radians(self.pose.roll)
        c, s = self.scale * math.cos(roll), self.scale * math.sin(roll)
        return np.array([[c, -s, self.centre[0]], [s, c, self.centre[1]]])

    @cached_property
    def _whole(self) -> NDArray[np.float64]:
        return self.plane[:, :2] @ self.upright

    def project(self, points: ArrayLike) -> Points:
        """Points (N, 3) of the head, or (N, 2) of the face's surface → pixels (N, 2)."""
        given = np.asarray(points, np.float64)
        if given.shape[1] == 2:
            return self.lifted(given, 0.0)
        out: Points = given @ self._whole.T + self.plane[:, 2]
        return out

    def lifted(self, points: ArrayLike, lift: float) -> Points:
        """Points (N, 2) that stand `lift` units out of the face's surface → pixels (N, 2)."""
        given = np.asarray(points, np.float64)
        depth = surface(given[:, 0], given[:, 1]) + lift
        out: Points = given @ self._whole[:, :2].T + (depth[:, None] * self._whole[:, 2] + self.plane[:, 2])
        return out


def silhouette(points: Points) -> Points:
    """The convex outline (M, 2) of projected points (N, 2)."""
    out: Points = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    return out


def surface(x: Points, y: Points) -> Points:
    """Depth z of the face at (x, y), without nose and lips."""
    out: Points = DEPTH * np.sqrt(np.maximum(0.03, 1 - (x / WIDE) ** 2 - (y / HIGH) ** 2))
    return out
