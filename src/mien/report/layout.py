"""Where plates of text and bars go in a picture: beside the faces, inside the border, hiding each other and other faces least.

Rectangles are whole pixels (left, top, right, bottom), right and bottom exclusive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Rect = tuple[int, int, int, int]
Size = tuple[int, int]

OWN_FACE, OTHER_FACE, PLATE = 0.35, 1.0, 3.0
LATER_CHOICE = 0.02
MARGIN = 0.12


@dataclass
class Layout:
    """The picture's `size` (width, height), the faces in it, and the plates placed so far."""

    size: Size
    faces: list[Rect]
    plates: list[Rect] = field(default_factory=list)

    def best(self, face: int, choices: Iterable[Rect]) -> tuple[float, Rect] | None:
        """The choice that hides least, moved inside the picture, and how much of it hides something that matters (in shares of its area).

        None when no choice fits into the picture. Earlier choices win where the rest is equal.
        """
        inside = [r for r in (self._inside(choice) for choice in choices) if r is not None]
        if not inside:
            return None
        rects = np.array(inside, np.int64)
        cost = self._cost(face, rects) / _areas(rects) + LATER_CHOICE * np.arange(len(rects))
        winner = int(cost.argmin())
        return float(cost[winner]), inside[winner]

    def allows(self, face: int, rect: Rect, over_itself: float, over_others: float) -> bool:
        """Whether `rect` covers at most these shares: of the face's own box, and of `rect` over other faces and plates (weighted)."""
        rects, own = np.array([rect], np.int64), np.array([self.faces[face]], np.int64)
        shared = float(_overlaps(rects, own)[0, 0])
        others = float(self._cost(face, rects)[0]) - OWN_FACE * shared
        return shared <= over_itself * float(_areas(own)[0]) and others <= over_others * float(_areas(rects)[0])

    def _inside(self, rect: Rect) -> Rect | None:
        width, height = rect[2] - rect[0], rect[3] - rect[1]
        if width > self.size[0] or height > self.size[1]:
            return None
        left = min(max(rect[0], 0), self.size[0] - width)
        top = min(max(rect[1], 0), self.size[1] - height)
        return left, top, left + width, top + height

    def _cost(self, face: int, rects: NDArray[np.int64]) -> NDArray[np.float64]:
        heads = np.array(self.faces, np.int64)
        hair = np.round((heads[:, 2:] - heads[:, :2]) * MARGIN).astype(np.int64)
        heads[:, :2] -= hair
        heads[:, 2] += hair[:, 0]
        heads[face] = self.faces[face]
        weights = np.full(len(heads), OTHER_FACE)
        weights[face] = OWN_FACE
        cost: NDArray[np.float64] = _overlaps(rects, heads) @ weights
        if self.plates:
            cost = cost + PLATE * _overlaps(rects, np.array(self.plates, np.int64)).sum(axis=1)
        return cost


def around(face: Rect, size: Size, gap: int) -> list[Rect]:
    """Places for a line of text of that size: over the box, under it, inside its top, inside its bottom; left-aligned, then right."""
    left, top, right, bottom = face
    width, height = size
    heights = (top - gap - height, bottom + gap, top + gap, bottom - gap - height)
    return [(x, y, x + width, y + height) for y in heights for x in (left, right - width)]


def beside(face: Rect, size: Size, gap: int) -> list[Rect]:
    """Places for a block of that size: right of the box, left of it, under it, over it, then in its corners."""
    left, top, right, bottom = face
    width, height = size
    corners: Sequence[tuple[int, int]] = (
        (right + gap, top),
        (left - gap - width, top),
        (right + gap, bottom - height),
        (left - gap - width, bottom - height),
        (left, bottom + gap),
        ((left + right - width) // 2, bottom + gap),
        (right - width, bottom + gap),
        (left, top - gap - height),
        (left + gap, bottom - gap - height),
        (right - gap - width, bottom - gap - height),
    )
    return [(x, y, x + width, y + height) for x, y in corners]


def _areas(rects: NDArray[np.int64]) -> NDArray[np.int64]:
    return (rects[:, 2] - rects[:, 0]) * (rects[:, 3] - rects[:, 1])


def _overlaps(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Common area of each of `a` (N, 4) with each of `b` (M, 4): (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides: NDArray[np.int64] = np.maximum(high - low, 0)
    return sides[..., 0] * sides[..., 1]
