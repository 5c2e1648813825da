"""Smooth outlines: curves through points, and bands around curves."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
_QUARTER_TURN = np.array([-1.0, 1.0])


def spline(points: ArrayLike, samples: int = 24, *, closed: bool = False) -> Points:
    """A Catmull–Rom curve through `points` (N, d): float64 (samples, d), from the first to the last, or round to the first again."""
    knots = np.asarray(points, np.float64)
    return _basis(len(knots), samples, closed) @ knots


def ribbon(curve: Points, width: float | tuple[float, ...]) -> Points:
    """The outline (2N, 2) of a band along `curve` (N, 2), of one width or of widths spread evenly along it."""
    along = np.empty_like(curve)
    along[1:-1] = curve[2:] - curve[:-2]
    along[0], along[-1] = curve[1] - curve[0], curve[-1] - curve[-2]
    along /= np.sqrt(along[:, :1] ** 2 + along[:, 1:] ** 2) + 1e-9
    half = (_between(len(width), len(curve)) @ width)[:, None] if isinstance(width, tuple) else 0.5 * width
    side = along[:, ::-1] * (_QUARTER_TURN * half)
    return np.concatenate([curve + side, (curve - side)[::-1]])


def ellipse(centre: ArrayLike, radii: ArrayLike, samples: int = 24) -> Points:
    """The outline (samples, 2) of an upright ellipse."""
    out: Points = _circle(samples) * np.asarray(radii, np.float64) + np.asarray(centre, np.float64)
    return out


@cache
def _circle(samples: int) -> Points:
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@cache
def _between(count: int, samples: int) -> Points:
    """Half of each of `count` values that `samples` places take: (samples, count)."""
    knots, out = np.linspace(0, 1, count), np.zeros((samples, count))
    for column in range(count):
        out[:, column] = np.interp(np.linspace(0, 1, samples), knots, np.arange(count) == column) / 2
    return out


@cache
def _basis(count: int, samples: int, closed: bool) -> Points:
    """What each sample takes of each point: (samples, count)."""
    segments = count if closed else count - 1
    place = np.linspace(0, segments, samples, endpoint=not closed)
    start = np.minimum(place.astype(int), segments - 1)
    t = place - start
    weights = (
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )
    matrix = np.zeros((samples, count))
    for step, weight in zip((-1, 0, 1, 2), weights, strict=True):
        column = (start + step) % count if closed else np.clip(start + step, 0, count - 1)
        np.add.at(matrix, (np.arange(samples), column), weight)
    return matrix
