"""What a person looks like besides the face's expression: the colours of hair, face and clothes, to know them again by.

A look is a histogram of lightness and of the two colours of CIE Lab in each of three places around a face, compared by the coefficient of
Bhattacharyya (Comaniciu, Ramesh and Meer, 2003, doi:10.1109/TPAMI.2003.1195991). It costs a small part of a detection, and turns of
the head, expressions and sizes change it little; people in the same clothes with the same hair are not told apart by it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB, Face

_Floats = NDArray[np.float32]
_Flags = NDArray[np.bool_]

# Left, top, right, bottom in widths and heights of the face's box, from the middle of its upper edge.
_HAIR, _FACE, _CLOTHES = (-0.3, -0.4, 0.3, 0.05), (-0.35, 0.1, 0.35, 0.9), (-0.45, 1.2, 0.45, 1.75)
_CELLS = np.array([_HAIR, _FACE, _CLOTHES])
_BODY = np.array([(-0.5, -0.4, 0.5, 1.0), (-1.1, 1.05, 1.1, 2.5)])  # what a person hides: head, then shoulders
_COVERED = 0.2  # the share of a cell that others may hide
_WIDE, _HIGH = 10, 8  # pixels that a cell is averaged to: noise goes, and so does the cost of large faces
_SCALES = ((0.0, 100.0, 8), (-40.0, 60.0, 12), (-40.0, 60.0, 12))  # of L, a, b: lowest, highest, bins; skin, hair and cloth lie within
_UNTOLD = 0.1  # the difference that a cell counts for of which nothing is known
_TELLING = 2  # cells that must be free for a view to speak for a person: one alone is too often a wall, or a board

UNKNOWN: _Floats = np.zeros((len(_CELLS), sum(bins for *_, bins in _SCALES)), np.float32)
"""The look of someone of whom nothing is known."""


@dataclass(frozen=True, eq=False)
class View:
    """One sight of a person: `look` float32 (3, 32), the root histograms of hair, face and clothes, each of length 1; `free` bool (3,).

    `free` says which of them no nearer person hides, as far as the boxes tell.
    """

    look: _Floats
    free: _Flags

    @classmethod
    def of(cls, text: str) -> View:
        """What `text` stands for."""
        held = base64.b64decode(text)
        free = np.unpackbits(np.frombuffer(held[-1:], np.uint8), count=len(_CELLS)).astype(bool)
        return cls(np.frombuffer(held[:-1], np.float16).reshape(UNKNOWN.shape).astype(np.float32), free)

    @property
    def text(self) -> str:
        """The view as some 260 characters, without loss."""
        return base64.b64encode(self.look.astype(np.float16).tobytes() + np.packbits(self.free).tobytes()).decode()

    @property
    def telling(self) -> bool:
        """Whether enough is free to know the person by."""
        return int(self.free.sum()) >= _TELLING


def views(image: RGB, faces: Sequence[Face]) -> list[View]:
    """A view of each face of a picture, uint8 (H, W, 3) RGB. Of two whose places overlap the one with the larger box is the nearer."""
    boxes = np.array([face.box_xyxy for face in faces], np.float64).reshape(-1, 4)
    places, free = _placed(boxes, _CELLS), _free(boxes)
    looks = [np.stack([_histogram(image, place) for place in cells]) for cells in places]
    return [View(look, row & look.any(axis=1)) for look, row in zip(looks, free, strict=True)]


def apart(seen: Sequence[View], looks: Sequence[_Floats]) -> NDArray[np.float64]:
    """How different each view is from each look (3, 32), whose unknown cells are 0: (N, M), 0–1; NaN where nothing can be said.

    It is the mean over the cells; one that is not free of the view or not known of the look counts as _UNTOLD.
    """
    own = np.array([view.look for view in seen], np.float32).reshape(-1, *UNKNOWN.shape)
    others = np.array(looks, np.float32).reshape(-1, *UNKNOWN.shape)
    free = np.array([view.free for view in seen], bool).reshape(-1, len(UNKNOWN))
    told = np.logical_and(free[:, None], np.any(others > 0, axis=2)[None, :])
    differs = np.where(told, 1 - np.einsum("icb,jcb->ijc", own, others), _UNTOLD).mean(axis=2)
    return np.asarray(np.where(told.any(axis=2), differs, np.nan), np.float64)


def blend(look: _Floats, view: View, weight: float) -> _Floats:
    """A look moved towards what is free of a view by `weight`, 0–1; what was unknown of it is taken over."""
    mixed = (1 - weight) * look + weight * view.look
    mixed /= np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-6)
    return np.asarray(np.where(view.free[:, None], mixed, look), np.float32)


def _placed(boxes: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The parts (P, 4) of each box (N, 4), in pixels: (N, P, 4)."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)[:, None]
    origin = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 1]], axis=1)
    return np.asarray(np.tile(origin, 2)[:, None] + parts * size, np.float64)


def _free(boxes: NDArray[np.float64]) -> _Flags:
    """Which cells nobody nearer covers: (N, 3)."""
    cells, bodies = _placed(boxes, _CELLS)[:, :, None, None], _placed(boxes, _BODY)[None, None]
    shared = np.clip(np.minimum(cells[..., 2:], bodies[..., 2:]) - np.maximum(cells[..., :2], bodies[..., :2]), 0, None).prod(axis=-1)
    covered = (shared / (cells[..., 2:] - cells[..., :2]).prod(axis=-1)).max(axis=-1, initial=0.0)
    high = boxes[:, 3] - boxes[:, 1]
    nearer = high[None, :] >= high[:, None]
    np.fill_diagonal(nearer, False)
    return np.asarray((covered * nearer[:, None]).max(axis=-1, initial=0.0) < _COVERED)


def _histogram(image: RGB, place: NDArray[np.float64]) -> _Floats:
    """Root histogram (32,), of length 1, of a place in pixels; zeros where it lies outside of the picture."""
    high, wide = image.shape[:2]
    left, top, right, bottom = np.clip(np.round(place), 0, (wide, high, wide, high)).astype(int)
    if right <= left or bottom <= top:
        return np.zeros(UNKNOWN.shape[1], np.float32)
    small = cv2.resize(np.ascontiguousarray(image[top:bottom, left:right]), (_WIDE, _HIGH), interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32).reshape(-1, 3)
    counts = np.concatenate([_counts(lab[:, k], *scale) for k, scale in enumerate(_SCALES)])
    return np.sqrt(counts / len(_SCALES)).astype(np.float16).astype(np.float32)  # which is exact enough, and takes little to keep


def _counts(values: NDArray[np.floating], low: float, high: float, bins: int) -> NDArray[np.float64]:
    """A histogram that sums to 1; each value is shared between the two bins next to it, so that none jumps."""
    at = np.clip((values - low) / (high - low), 0, 1) * (bins - 1)
    first = np.minimum(at.astype(np.int64), bins - 2)
    share = at - first
    return np.asarray((np.bincount(first, 1 - share, bins) + np.bincount(first + 1, share, bins)) / len(values), np.float64)
