"""Heats as colours over a gray face.

Orange speaks for the label, blue against it, and where nothing speaks the face is seen as it is. The two colours are told apart by eyes
with any kind of colour-blindness, and against the gray of a face; a test holds that. The face is always gray, also where the network sees
colour, so that a hue means evidence alone.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB
from mien.report.palette import rgb

FOR, AGAINST = "#E66100", "#0F5FD6"
OPACITY = 0.8
_GRAYS = (45.0, 225.0)  # what black and white of a face become, so that a colour over them keeps its hue
_STEPS = 180
_BAR_GRAY = 175


def overlay(image: NDArray[np.uint8], heat: NDArray[np.float32], limit: float, side: int) -> RGB:
    """A heat (S, S) over its face, uint8 (S, S) or (S, S, 3), enlarged smoothly to (side, side, 3).

    `limit`: the absolute heat that has the full colour; more of it has the same. 0 leaves the face as it is.
    """
    gray = cv2.cvtColor(enlarged(image, side), cv2.COLOR_RGB2GRAY)
    low, high = _GRAYS
    return tinted(low + gray * ((high - low) / 255), np.asarray(_resized(heat, side), np.float32), limit)


def tinted(gray: NDArray[np.floating], heat: NDArray[np.floating], limit: float) -> RGB:
    """Gray values 0–255 (H, W) in the colours of a heat (H, W): uint8 (H, W, 3)."""
    strength = np.clip(np.abs(heat) / limit, 0, 1) if limit > 0 else np.zeros_like(heat)
    alpha = (OPACITY * strength)[..., None]
    colour = np.where(heat[..., None] > 0, np.array(rgb(FOR), float), np.array(rgb(AGAINST), float))
    # The colour keeps some of the face's light, so that eyes and mouth are still seen under it.
    shade = 0.65 + 0.35 * gray[..., None] / _GRAYS[1]
    return np.asarray(np.clip(np.rint((1 - alpha) * gray[..., None] + alpha * colour * shade), 0, 255), np.uint8)


def colour_bar(signed: bool, length: int = _STEPS, thickness: int = 12) -> RGB:
    """The colours from -limit (or, without a sign, 0) to limit, as they look over a light gray: uint8 (thickness, length, 3)."""
    values = np.linspace(-1 if signed else 0, 1, length)[None].repeat(thickness, axis=0)
    return tinted(np.full(values.shape, float(_BAR_GRAY)), values, 1.0)


def enlarged(image: NDArray[np.uint8], side: int) -> RGB:
    """A square picture, gray or RGB, as RGB of that side: enlarged smoothly, shrunk by areas."""
    colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    return np.asarray(_resized(np.ascontiguousarray(colour), side), np.uint8)


def scale_ends(limit: float, signed: bool) -> tuple[str, str]:
    """What stands at the two ends of a colour bar."""
    return (f"−{limit:.2g}" if signed else "0"), (f"+{limit:.2g}" if signed else f"{limit:.2g}")


def _resized(values: NDArray[Any], side: int) -> NDArray[Any]:
    shrinks = side < min(values.shape[:2])
    return np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))
