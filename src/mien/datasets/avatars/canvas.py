"""What the parts of a face are painted on: a picture, the light on it, and its folds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB
from mien.datasets.avatars.curves import Points
from mien.datasets.avatars.view import View

Colour = tuple[float, float, float]
_SHADOW = ((0.86, 0.1), (1.0, 0.0), (1.0, -0.04))  # of red, green, blue: how dark a fold is, and what a shadow adds
Box = tuple[slice, slice]
_SHIFT = 4  # outlines count in sixteenths of a pixel


class Canvas:
    """A picture under way, uint8 (H, W, 3) RGB, painted in place.

    `gain`: float32 (H, W), the light that falls on each pixel, 1 where it is as painted. `folds` and `shades`: uint8 (H, W), how dark
    narrow and broad creases are. `cover`: uint8 (H, W), where a head or body hides what is behind it; `skin`: where the face is.
    All outlines are in pixels.
    """

    def __init__(self, image: RGB, view: View) -> None:
        self.image, self.view = image, view
        high, wide = image.shape[:2]
        self.gain = np.ones((high, wide), np.float32)
        self.folds, self.shades, self.cover, self.skin = (np.zeros((high, wide), np.uint8) for _ in range(4))

    def fill(self, outline: Points, colour: Colour, opacity: float = 1.0, *, covers: bool = False) -> None:
        """Paint inside an outline (N, 2)."""
        points = _fixed(outline)
        if covers:
            cv2.fillPoly(self.cover, points, 255, cv2.LINE_AA, _SHIFT)
        if opacity >= 1:
            cv2.fillPoly(self.image, points, colour, cv2.LINE_AA, _SHIFT)
            return
        box = self._around(outline)
        before = self.image[box].copy()
        cv2.fillPoly(self.image, points, colour, cv2.LINE_AA, _SHIFT)
        if before.size:
            cv2.addWeighted(self.image[box], opacity, before, 1 - opacity, 0, dst=before)
            self.image[box] = before

    def tint(self, outline: Points, colour: Colour, opacity: float, blur: float) -> None:
        """Colour the skin inside an outline whose edge is blurred by `blur` pixels."""
        box = self._around(outline, int(2.5 * blur))
        if self.image[box].size:
            edge = _softened(self.mask(outline, box), blur).astype(np.float32) * self.skin[box]
            self.image[box] = _mixed(self.image[box], colour, edge * np.float32(opacity / 255**2))

    def fold(self, outline: Points, strength: float, *, broad: bool = False) -> None:
        """A crease of this darkness, 0–1, blurred a little, or a lot when `broad`."""
        cv2.fillPoly(self.shades if broad else self.folds, _fixed(outline), 255 * min(strength, 1.0), cv2.LINE_AA, _SHIFT)

    def lay(self, mask: NDArray[np.uint8], colour: Colour, gain: NDArray[np.float32]) -> None:
        """Paint where `mask` (H, W) is 255, under the light `gain` (H, W), and cover what is behind, creases too."""
        share = mask * np.float32(1 / 255)
        self.gain += (gain - self.gain) * share
        np.maximum(self.cover, mask, out=self.cover)
        bare = 255 - mask
        for creases in (self.folds, self.shades):
            np.minimum(creases, bare, out=creases)
        self.image[...] = _mixed(self.image, colour, share)

    def mask(self, outline: Points, box: Box | None = None) -> NDArray[np.uint8]:
        """255 inside the outline, 0 outside: uint8, of the whole picture or of a box in it."""
        high, wide = self.gain.shape
        rows, columns = box or (slice(0, high), slice(0, wide))
        out = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        cv2.fillPoly(out, _fixed(outline - (columns.start, rows.start)), 255, cv2.LINE_AA, _SHIFT)
        return out

    def cut(self, mask: NDArray[np.uint8], outline: Points) -> None:
        """Take the inside of an outline out of a mask."""
        cv2.fillPoly(mask, _fixed(outline), 0, cv2.LINE_AA, _SHIFT)

    @contextlib.contextmanager
    def within(self, outline: Points) -> Iterator[None]:
        """What the block paints stays inside the outline."""
        box = self._around(outline)
        whole = self.image.copy()
        yield
        if whole[box].size:
            share = self.mask(outline, box) * np.float32(1 / 255)
            whole[box] = cv2.blendLinear(np.ascontiguousarray(self.image[box]), np.ascontiguousarray(whole[box]), share, 1 - share)
        self.image[...] = whole

    def light(self, outline: Points, gain: NDArray[np.float32]) -> None:
        """Let `gain` (H, W) be the light inside the outline."""
        box = self._around(outline)
        if gain[box].size:
            self.gain[box] += (gain[box] - self.gain[box]) * (self.mask(outline, box) * np.float32(1 / 255))

    def finish(self, narrow: float, broad: float) -> None:
        """Lay light and folds on the picture; their blurs are given in pixels. Shadows keep some red, as they do in skin."""
        clear = (255 - _softened(self.folds, narrow)).astype(np.float32) * (255 - _softened(self.shades, broad))
        dark = (1 - clear * np.float32(1 / 255**2)) * (self.cover * np.float32(1 / 255))
        gain = np.empty((*self.gain.shape, 3), np.float32)
        dim = np.maximum(1 - self.gain, 0)
        for channel, (depth, warmth) in enumerate(_SHADOW):
            gain[..., channel] = self.gain * (1 - depth * dark) * (1 + warmth * dim)
        self.image[...] = cv2.multiply(self.image, gain, dtype=cv2.CV_8U)

    def _around(self, outline: Points, margin: int = 0) -> Box:
        """The pixels that an outline touches, and `margin` more on each side."""
        high, wide = self.gain.shape
        (x1, y1), (x2, y2) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
        return _span(y1 - 2 - margin, y2 + 3 + margin, high), _span(x1 - 2 - margin, x2 + 3 + margin, wide)


def _span(first: float, last: float, length: int) -> slice:
    start = min(max(int(first), 0), length)
    return slice(start, max(min(int(last) + 1, length), start))


def _fixed(outline: Points) -> list[NDArray[np.int32]]:
    # OpenCV counts from the middle of the first pixel, outlines from its corner.
    return [np.rint(outline * 2.0**_SHIFT - 2.0 ** (_SHIFT - 1)).astype(np.int32)]


def _softened(mask: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """Blurred; where the blur is wide a smaller copy is enough."""
    shrink = int(sigma / 1.5)
    if shrink < 2:
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3)), np.uint8)
    high, wide = mask.shape
    small = cv2.resize(mask, (-(-wide // shrink), -(-high // shrink)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR), np.uint8)


def _mixed(image: RGB, colour: Colour, share: NDArray[np.float32]) -> RGB:
    """The picture with that share (H, W), 0–1, of one colour in it."""
    solid = np.empty(image.shape, np.uint8)
    solid[...] = np.round(colour)
    return np.asarray(cv2.blendLinear(solid, np.ascontiguousarray(image), share, 1 - share), np.uint8)
