"""What is behind the people: plain walls, soft blurs, stripes and rooms, drawn by chance."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB

_FEW = 9


def backdrop(high: int, wide: int, rng: np.random.Generator) -> RGB:
    """A picture without people, uint8 (high, wide, 3) RGB."""
    kind = int(rng.integers(4))
    base = rng.uniform(40, 225) + rng.uniform(-24, 24, 3)
    noise = rng.standard_normal((_FEW, _FEW, 3)) * rng.uniform(1, 7) + rng.standard_normal((_FEW, _FEW, 1)) * rng.uniform(2, 26)
    cells = base + noise + np.linspace(-1, 1, _FEW)[:, None, None] * rng.uniform(-35, 35)
    cells += np.linspace(-1, 1, _FEW)[:, None] * rng.uniform(-35, 35)
    image = np.asarray(cv2.resize(np.clip(cells, 4, 250).astype(np.uint8), (wide, high), interpolation=cv2.INTER_CUBIC), np.uint8)
    if kind == 1:
        _stripes(image, rng)
    elif kind >= 2:
        _room(image, rng, 5 * (kind - 1))
    return image


def cloth(rng: np.random.Generator) -> tuple[float, float, float]:
    """A colour for clothes."""
    level, hue = rng.uniform(30, 190), rng.uniform(-35, 35, 3)
    red, green, blue = np.clip(level + hue, 15, 235).tolist()
    return red, green, blue


def _stripes(image: RGB, rng: np.random.Generator) -> None:
    """Upright stripes, or lying ones."""
    length = image.shape[1]
    wave = np.sin(np.arange(length) * (2 * np.pi / (length * rng.uniform(0.05, 0.3))) + rng.uniform(0, 6))
    change = (rng.uniform(6, 26) * np.where(rng.random() < 0.5, np.sign(wave), wave)).astype(np.int16)
    profile = np.broadcast_to(change[:, None], (length, 3)) if image.shape[0] != length or rng.random() < 0.6 else change[:, None, None]
    np.copyto(image, np.clip(image.astype(np.int16) + profile, 0, 255).astype(np.uint8))


def _room(image: RGB, rng: np.random.Generator, count: int) -> None:
    """Frames, windows and furniture: boxes, out of focus."""
    high, wide = image.shape[:2]
    for _ in range(count):
        x, y = (int(rng.uniform(-0.2, 1) * side) for side in (wide, high))
        w, h = (int(rng.uniform(0.08, 0.5) * side) for side in (wide, high))
        shade = np.clip(image[min(max(y, 0), high - 1), min(max(x, 0), wide - 1)] + rng.uniform(-60, 60) + rng.uniform(-12, 12, 3), 5, 250)
        cv2.rectangle(image, (x, y), (x + w, y + h), tuple(shade.tolist()), -1)
    image[...] = _soft(image, rng.uniform(0.004, 0.02) * wide)


def _soft(image: RGB, sigma: float) -> NDArray[np.uint8]:
    kernel = 2 * max(int(2 * sigma), 1) + 1
    return np.asarray(cv2.blur(cv2.blur(image, (kernel, kernel)), (kernel, kernel)), np.uint8)
