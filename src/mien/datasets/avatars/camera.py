"""How a drawn scene becomes a photograph: light, colour, sharpness and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB


@dataclass(frozen=True)
class Camera:
    """A camera and its setting.

    `exposure` and `contrast`: factors; `warmth`: red up and blue down, as a share; `blur`: sigma as a share of half a face's width;
    `noise`: sigma in gray levels.
    """

    exposure: float = 1.0
    contrast: float = 1.0
    warmth: float = 0.0
    blur: float = 0.0
    noise: float = 0.0

    def take(self, image: RGB, rng: np.random.Generator, unit: float, *, gray: bool = False) -> NDArray[np.uint8]:
        """The photograph, uint8 (H, W, 3), or (H, W) when `gray`, of a picture uint8 (H, W, 3) RGB; half a face is `unit` pixels wide."""
        sigma = self.blur * unit
        if sigma > 0.2:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
        if gray:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        warm = np.array([1.0] if gray else [1 + self.warmth, 1.0, 1 - self.warmth], np.float32)
        out = image.astype(np.float32) * (np.float32(self.exposure * self.contrast) * warm)
        out += np.float32(118 * (1 - self.contrast) + 0.5)
        if self.noise > 0:
            out += np.float32(self.noise) * rng.standard_normal(out.shape, dtype=np.float32)
        whole: NDArray[np.uint8] = np.clip(out, 0, 255).astype(np.uint8)
        return whole


def camera(rng: np.random.Generator, tone: int) -> Camera:
    """A camera and its setting, drawn at random; it lets in more light for darker skin (`tone` 0–7)."""
    return Camera(
        exposure=float((0.94 + 0.06 * tone) * np.exp(rng.normal(0, 0.13))),
        contrast=float(rng.uniform(0.75, 1.12)),
        warmth=float(rng.normal(0, 0.05)),
        blur=float(rng.uniform(0, 0.034) if rng.random() < 0.6 else 0.0),
        noise=float(rng.uniform(0, 6)),
    )
