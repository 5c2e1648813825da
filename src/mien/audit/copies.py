"""Pictures of one split that are altered copies of pictures of another: turned, shifted, scaled, cropped, mirrored, made brighter.

Each picture asked about is turned, shifted and mirrored by the steps of a grid, and compared with all others by the low corner of the
cosine transform of what a round window shows of it. What faces have in common is taken off and the values are levelled, so that the few
that come closest are worth a look. Each of those is registered: an affine map is fitted by the enhanced correlation coefficient
(Evangelidis and Psarakis, PAMI 2008). A pair counts when the registered pictures correlate, as a whole and in their detail.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.audit.links import Links
from mien.audit.near import cosines, gray

SIDE = 48
"""Pixels on a side at which copies are looked for; larger pictures are reduced."""
TURNS = (-10.0, 0.0, 10.0)
"""Degrees by which a picture is turned in the search; registration finds what lies around and between."""
SHIFTS = (-3.0, 0.0, 3.0)
"""Pixels of SIDE by which it is shifted, in x and in y."""
LEAST_DETAIL = 0.78
"""The correlation that the detail of a registered pair has at least."""
LOSS = 0.6
"""The part of what a near twin may lack of a correlation of 1 that a registered pair may: registration fits six numbers to each pair."""
LEAST_OVERLAP = 0.6
"""The part of the round window that a registered pair has to share."""

_CORNER = 10
_DIMENSIONS = 64
_NEAREST = 5
_BLOCK = 64
_TILE = 4096
_RADIUS = 0.84
_ROUGH, _FINE = 8, 40
_PROMISING = 0.88
_SIZE = (SIDE, SIDE)

_GRID = tuple(product((False, True), TURNS, SHIFTS, SHIFTS))
_AXIS = (np.arange(SIDE) - (SIDE - 1) / 2) / (SIDE / 2)
_DISTANCE = np.hypot(_AXIS[:, None], _AXIS[None, :])
_WINDOW = np.cos(np.pi / 2 * np.clip(_DISTANCE, 0, 1)).astype(np.float32)
_DISK = (_DISTANCE < _RADIUS).astype(np.uint8)


def reduced(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures in gray at SIDE pixels: uint8 (N, SIDE, SIDE); pictures that are so already are returned as they are."""
    if images.shape[1:] == _SIZE:
        return images
    out = np.empty((len(images), *_SIZE), np.uint8)
    for i in range(len(images)):
        whole = gray(images[i : i + 1])[0]
        mode = cv2.INTER_AREA if min(whole.shape) >= SIDE else cv2.INTER_LINEAR
        out[i] = cv2.resize(whole, _SIZE, interpolation=mode).round()
    return out


@dataclass(frozen=True, eq=False)
class _Levelled:
    """What faces have in common, and the map that levels what is left: `mean` float32 (K,), `turn` float32 (K, D)."""

    mean: NDArray[np.float32]
    turn: NDArray[np.float32]

    @staticmethod
    def of(prints: NDArray[np.float32]) -> _Levelled:
        """Fitted to prints (N, K). Few pictures can't tell what is common: for them mean and map shrink towards none."""
        trust = len(prints) / (len(prints) + 50)
        mean = prints.mean(axis=0) * trust
        spread = np.cov(prints, rowvar=False, bias=True) * trust
        spread += np.eye(spread.shape[0]) * (1 - trust) * max(np.trace(spread) / len(spread), 1e-6)
        width, axes = np.linalg.eigh(spread)
        axes, width = axes[:, ::-1][:, :_DIMENSIONS], width[::-1][:_DIMENSIONS]
        return _Levelled(mean, (axes / np.maximum(width, 1e-9) ** 0.25).astype(np.float32))

    def __call__(self, prints: NDArray[np.float32]) -> NDArray[np.float32]:
        """Prints (N, K) levelled and of unit length: float32 (N, D)."""
        return _unit((prints - self.mean) @ self.turn)


def copy_links(
    small: NDArray[np.uint8],
    sources: NDArray[np.int64],
    asked: NDArray[np.int64],
    threshold: float,
    progress: Callable[[float], None] | None = None,
) -> Links:
    """Which of the pictures `asked` are altered copies of one of `sources` (or it of them), both row numbers of `small`.

    `small` is what `reduced` gives. Each picture asked about is linked to at most five sources. The score is the Pearson correlation of
    the registered pictures inside the window; it lacks no more of 1 than LOSS of what `threshold` lacks (0.97 for 0.95).
    """
    if not len(sources) or not len(asked):
        return Links.none()
    plain = _prints(small[sources])
    level = _Levelled.of(np.concatenate([plain, _mirrored(plain)]))
    ready = level(plain)
    found = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(asked), _BLOCK):
            rows = asked[start : start + _BLOCK]
            views = np.stack([level(_prints(_warped(small[rows], step))) for step in _GRID])
            near = _nearest(views, ready)
            tasks = [(row, sources[place], _best(views[:, i], ready[place])) for i, row in enumerate(rows) for place in near[i]]
            scores = pool.map(lambda task: _registered(small[task[0]], small[task[1]], task[2]), tasks)
            found += [(other, row, r) for (row, other, _), (r, detail) in zip(tasks, scores, strict=True) if _counts(r, detail, threshold)]
            if progress:
                progress((start + len(rows)) / len(asked))
    left, right, score = zip(*found, strict=True) if found else ((), (), ())
    return Links(np.array(left, np.int64), np.array(right, np.int64), np.array(score, np.float64))


def _counts(whole: float, detail: float, threshold: float) -> bool:
    return 1 - whole <= LOSS * (1 - threshold) and detail >= LEAST_DETAIL


def _unit(values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-6), np.float32)


def _prints(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The low corner of the transform of what the window shows, without its mean, of unit length: float32 (N, K)."""
    table = cosines(SIDE, _CORNER)
    out = np.empty((len(small), _CORNER, _CORNER), np.float32)
    for start in range(0, len(small), _TILE):
        part = small[start : start + _TILE].astype(np.float32)
        part -= (part * _WINDOW).sum(axis=(1, 2), keepdims=True) / _WINDOW.sum()
        out[start : start + _TILE] = table @ (part * _WINDOW) @ table.T
    return _unit(out.reshape(len(small), -1))


def _mirrored(prints: NDArray[np.float32]) -> NDArray[np.float32]:
    return prints * np.where(np.arange(prints.shape[1]) % _CORNER % 2, -1, 1).astype(np.float32)


def _matrix(step: tuple[bool, float, float, float]) -> NDArray[np.float32]:
    """The map from a place in the moved picture to its place in the picture, mirrored or not: float32 (2, 3)."""
    _, degrees, x, y = step
    middle = (SIDE - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, 1.0)
    matrix[:, 2] += np.array((x, y))
    return np.asarray(matrix, np.float32)


def _mirror_if(image: NDArray[np.uint8], mirror: bool) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image[:, ::-1]) if mirror else image


def _warped(images: NDArray[np.uint8], step: tuple[bool, float, float, float]) -> NDArray[np.uint8]:
    """Pictures (mirrored and) moved by one step of the grid: uint8 (N, SIDE, SIDE)."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = _matrix(step)
    moved = [cv2.warpAffine(_mirror_if(image, step[0]), matrix, _SIZE, flags=flags, borderMode=cv2.BORDER_REPLICATE) for image in images]
    return np.asarray(np.stack(moved), np.uint8)


def _nearest(views: NDArray[np.float32], ready: NDArray[np.float32]) -> NDArray[np.int64]:
    """The sources that come closest to each picture in its best view: int64 (B, up to 5). `views` is (V, B, D)."""
    count, rows, width = views.shape
    flat = views.reshape(-1, width)
    best = np.empty((rows, len(ready)), np.float32)
    for start in range(0, len(ready), _TILE):
        alike = flat @ ready[start : start + _TILE].T
        best[:, start : start + _TILE] = alike.reshape(count, rows, -1).max(axis=0)
    keep = min(_NEAREST, len(ready))
    return np.argpartition(best, len(ready) - keep, axis=1)[:, -keep:].astype(np.int64)


def _best(views: NDArray[np.float32], source: NDArray[np.float32]) -> tuple[bool, float, float, float]:
    return _GRID[int((views @ source).argmax())]


def _registered(image: NDArray[np.uint8], source: NDArray[np.uint8], step: tuple[bool, float, float, float]) -> tuple[float, float]:
    """The correlation of a picture with the source registered to it, as a whole and in detail; 0, 0 where they do not fit."""
    image = _mirror_if(image, step[0])
    start = cv2.invertAffineTransform(_matrix(step)).astype(np.float32)
    try:
        rough, matrix = cv2.findTransformECC(image, source, start, cv2.MOTION_AFFINE, (3, _ROUGH, 1e-3), _DISK, 5)
        if rough < _PROMISING:
            return 0.0, 0.0
        _, matrix = cv2.findTransformECC(image, source, matrix, cv2.MOTION_AFFINE, (3, _FINE, 1e-4), _DISK, 3)
    except cv2.error:
        return 0.0, 0.0
    return _agreement(image, source, np.asarray(matrix, np.float32))


def _agreement(image: NDArray[np.uint8], source: NDArray[np.uint8], matrix: NDArray[np.float32]) -> tuple[float, float]:
    flags = cv2.WARP_INVERSE_MAP
    a = image.astype(np.float32)
    b = cv2.warpAffine(source.astype(np.float32), matrix, _SIZE, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shared = cv2.warpAffine(np.ones(_SIZE, np.uint8), matrix, _SIZE, flags=flags | cv2.INTER_NEAREST) & _DISK
    inside = shared > 0
    if inside.sum() < LEAST_OVERLAP * _DISK.sum() or not 0.4 < np.linalg.det(matrix[:, :2]) < 2.5:
        return 0.0, 0.0
    fine = (picture - cv2.GaussianBlur(picture, (0, 0), SIDE / 16) for picture in (a, b))
    return _pearson(a[inside], b[inside]), _pearson(*(picture[inside] for picture in fine))


def _pearson(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / np.sqrt(max(float((a @ a) * (b @ b)), 1e-6)))
