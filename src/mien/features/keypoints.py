"""Local descriptors: SIFT and ORB by OpenCV, SURF by mahotas, at keypoints that they find, or on a grid."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.optional import require
from mien.features.pictures import Gray

WIDTHS = {"sift": 128, "surf": 64, "orb": 32}
"""Kind of descriptor → how many numbers it has; ORB's 256 bits count as 32 bytes."""

_SCALE = 0.3  # SURF's scale for a keypoint of diameter 1: it looks at 20 of them, SIFT at six diameters

Described = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Descriptors float32 (n, width), and where they are, float32 (n, 2): x and y in 0–1 of the sides."""


def at_keypoints(kind: str, gray: Gray) -> Described:
    """Descriptors of `kind`, a key of WIDTHS, at the keypoints that it finds in a uint8 (S, S) picture; none gives arrays of no rows.

    SIFT (Lowe, 2004) and ORB (Rublee et al., 2011; at most 500 points) as OpenCV has them by default. SURF (Bay et al., 2008) with four
    octaves of four scales, every second pixel sampled first, as its authors do. Raises MissingExtraError for SURF without mahotas.
    """
    if kind == "surf":
        found = require("mahotas.features.surf", "features").surf(gray, nr_octaves=4, nr_scales=4, initial_step_size=2, threshold=0.1)
        return found[:, 6:].astype(np.float32), _places(found[:, 1::-1], gray)
    points, values = _finder(kind).detectAndCompute(gray, None)
    return _opencv(kind, points, values, gray)


def on_grid(kind: str, gray: Gray, step: int, diameters: tuple[float, ...]) -> Described:
    """Descriptors of `kind` every `step` pixels of a uint8 (S, S) picture, for upright keypoints of each of the `diameters` in pixels.

    SIFT and SURF then look at a square of six diameters; ORB always at one of 31 pixels, once, and not nearer than that to the border.
    SURF turns each to its own direction, as it does at keypoints.
    """
    middle = np.arange(step / 2, gray.shape[0], step)
    if kind == "surf":
        return _surf_on_grid(gray, middle, diameters)
    sizes = diameters if kind == "sift" else diameters[:1]
    wanted = [cv2.KeyPoint(float(x), float(y), float(d), 0.0) for d in sizes for y in middle for x in middle]
    points, values = _finder(kind).compute(gray, wanted)
    return _opencv(kind, points, values, gray)


def _surf_on_grid(gray: Gray, middle: NDArray[np.float64], diameters: tuple[float, ...]) -> Described:
    """Mahotas leaves out points that have no 16 scales around them, so that the picture is mirrored beyond its border."""
    scales = [_SCALE * d for d in diameters]
    margin = math.ceil(16 * max(scales)) + 1
    wide = cv2.copyMakeBorder(gray, margin, margin, margin, margin, cv2.BORDER_REFLECT)
    y, x = (axis.ravel() + margin for axis in np.meshgrid(middle, middle, indexing="ij"))
    spots = np.concatenate([np.stack([y, x, np.full(x.size, scale), *np.ones((2, x.size))], 1) for scale in scales])
    found = require("mahotas.features.surf", "features").descriptors(wide, spots)
    return found[:, 6:].astype(np.float32), _places(found[:, 1::-1] - margin, gray)


def check_kind(kind: str) -> None:
    """Raise OptionError for a kind that is none of WIDTHS."""
    if kind not in WIDTHS:
        raise OptionError(f"A kind of descriptor is one of {', '.join(WIDTHS)}; received {kind!r}.")


@lru_cache(maxsize=4)
def _finder(kind: str) -> Any:
    return cv2.SIFT.create() if kind == "sift" else cv2.ORB.create()


def _opencv(kind: str, points: Any, values: NDArray[Any] | None, gray: Gray) -> Described:
    if values is None or not len(points):
        return np.zeros((0, WIDTHS[kind]), np.float32), np.zeros((0, 2), np.float32)
    return values.astype(np.float32), _places(np.array([point.pt for point in points]), gray)


def _places(xy: NDArray[Any], gray: Gray) -> NDArray[np.float32]:
    return np.asarray(xy / gray.shape[0], np.float32).reshape(-1, 2)
