"""Hair: what hangs behind the head, and the cap over it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.datasets.avatars.canvas import Canvas
from mien.datasets.avatars.curves import Points, ellipse, ribbon, spline
from mien.datasets.avatars.people import HAIRS, Character
from mien.datasets.avatars.relief import Light
from mien.datasets.avatars.skull import times
from mien.datasets.avatars.view import silhouette, surface

# Volume over the skull, how far the cap comes down beside the face, height of the hairline in the middle and at the temples.
_CAPS: dict[str, tuple[float, float, float, float]] = {
    "crop": (0.035, -0.2, -1.02, -0.74),
    "short": (0.12, -0.02, -0.98, -0.66),
    "side": (0.17, 0.05, -0.98, -0.6),
    "fringe": (0.14, 0.55, -0.5, -0.44),
    "bob": (0.2, 0.95, -0.92, -0.52),
    "long": (0.17, 1.5, -0.96, -0.5),
    "curly": (0.34, 0.45, -0.92, -0.56),
    "bun": (0.06, 0.0, -1.0, -0.62),
}
COVERS_EARS = ("bob", "long", "fringe", "curly")
_BEHIND = {"bob": 1.15, "long": 2.3, "fringe": 1.05, "curly": 0.85}


def draw_behind(canvas: Canvas, who: Character, light: Light) -> None:
    """What is seen of the hair behind neck and ears."""
    view, colour = canvas.view, times(HAIRS[who.hair], 0.85)
    if who.style == "bun":
        canvas.fill(view.project(np.column_stack([ellipse((0, -1.68), (0.36, 0.3)), np.full(24, -0.6)])), colour, covers=True)
    if who.style not in _BEHIND:
        return
    low, out = _BEHIND[who.style], 1.08 + 0.6 * _CAPS[who.style][0]
    half = [(0.5, -1.5), (out, -0.9), (out + 0.08, 0.0), (out + 0.04, 0.6 * low), (0.8 * out, low)]
    loop = [*half, *((-x, y) for x, y in reversed(half))]
    outline = view.project(np.column_stack([spline(loop, 60, closed=True), np.full(60, -0.45)]))
    canvas.fill(outline, colour, covers=True)
    canvas.light(outline, _sheen(canvas, who, light, 0.85))


def draw_cap(canvas: Canvas, who: Character, light: Light) -> None:
    """The hair over forehead, temples and crown, and its shadow on the skin."""
    if who.style == "bald":
        return
    view, window = canvas.view, _window(who)
    mask = canvas.mask(_crown(canvas, who))
    canvas.cut(mask, view.project(window))
    shadow = window[:40] + np.array([0.0, 0.04, 0.0])
    canvas.fold(ribbon(view.project(shadow), 0.1 * view.scale), 0.3, broad=True)
    canvas.lay(mask, HAIRS[who.hair], _sheen(canvas, who, light, 1.0))


def _crown(canvas: Canvas, who: Character) -> Points:
    """The outline of the whole head of hair, (N, 2) in pixels."""
    volume, low, _, _ = _CAPS[who.style]
    c = who.cheeks
    arc = [(0.97 * c + 0.3 * volume, low + 0.1), (1.0 * c + 0.6 * volume, min(low, 0.0)), (1.02 * c + 0.8 * volume, -0.35)]
    arc += [(0.97 * c + 0.8 * volume, -0.8), (0.78 + 0.8 * volume, -1.2), (0.42 + 0.4 * volume, -1.47 - 0.8 * volume)]
    ring = spline([*arc, (0.0, -1.54 - volume), *((-x, y) for x, y in reversed(arc))], 60)
    if who.style == "curly":
        ring *= 1 + 0.03 * np.sin(np.linspace(0, 34 * np.pi, 60))[:, None]
        return canvas.view.project(np.column_stack([ring, np.full(60, -0.1)]))
    layers = [np.column_stack([ring * wide, np.full(60, z)]) for wide, z in ((1.0, -0.12), (0.97, -0.45), (0.93, 0.25), (0.78, 0.55))]
    return silhouette(canvas.view.project(np.vstack(layers)))


def _window(who: Character) -> Points:
    """What the hair leaves free, (N, 3) in head coordinates: below the hairline, its first 40 points, down to the chest."""
    line = spline(_hairline(who, *_CAPS[who.style][1:]), 40)
    down = np.array([(line[-1, 0], 3.0), (line[0, 0], 3.0)])
    window = np.vstack([line, down])
    return np.column_stack([window, np.maximum(surface(window[:, 0], window[:, 1]) - 0.02, 0.0)])


def _hairline(who: Character, low: float, middle: float, temple: float) -> list[tuple[float, float]]:
    """From the left side of the picture to the right."""
    c = who.cheeks
    if who.style == "side":
        left = [(-0.95 * c, low), (-0.9 * c, -0.35), (-0.78, -0.7), (-0.45, -1.08)]
        return [*left, (0.0, -0.9), (0.45, -0.8), (0.8, -0.6), (0.9 * c, -0.35), (0.95 * c, low)]
    if who.style in ("bob", "long"):
        left = [(-0.9 * c, low), (-0.86 * c, -0.1), (-0.76, -0.55), (-0.4, -0.95)]
        return [*left, (0.12, -1.16), (0.5, -0.85), (0.8, -0.45), (0.88 * c, 0.0), (0.9 * c, low)]
    if who.style == "fringe":
        half = [(0.4, middle), (0.78, temple), (0.86 * c, 0.0), (0.9 * c, low)]
        return [*((-x, y) for x, y in reversed(half)), (0.0, middle - 0.03), *half]
    half = [(0.55, middle + 0.1), (0.74, temple), (0.92 * c, -0.35), (0.97 * c, low)]
    return [*((-x, y) for x, y in reversed(half)), (0.0, middle), *half]


def _sheen(canvas: Canvas, who: Character, light: Light, level: float) -> NDArray[np.float32]:
    """Light on hair: strands, brighter towards the light."""
    view, shape = canvas.view, canvas.gain.shape
    strands = _strands(who.texture, who.style == "curly", 96)
    cell = 4.4 / 96
    matrix = view.plane.copy()
    matrix[:, 2] += matrix[:, :2] @ (0.5 * cell - 2.2, 0.5 * cell - 2.2) - 0.5
    matrix[:, :2] *= cell
    spread = cv2.warpAffine(strands, matrix, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    x, y, _ = light.direction()
    high, wide = shape
    across = (np.arange(wide, dtype=np.float32) - view.centre[0]) / view.scale
    down = (np.arange(high, dtype=np.float32)[:, None] - view.centre[1]) / view.scale
    slope = np.clip(1 + 0.32 * x * across + 0.25 * y * (down + 0.5), 0.45, 1.7)
    band = 0.35 * np.exp(-(((down + 1.15 - 0.15 * across * across) / 0.22) ** 2))
    return np.asarray(level * (slope + band) * spread, np.float32)


@lru_cache(maxsize=256)
def _strands(texture: int, curly: bool, cells: int) -> NDArray[np.float32]:
    noise = np.random.default_rng((texture, 11)).standard_normal((cells, cells)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), sigmaX=1.2 if curly else 0.7, sigmaY=1.2 if curly else 9)
    return np.asarray(1 + (0.3 if curly else 0.2) * blurred / max(float(blurred.std()), 1e-6), np.float32).clip(0.4, 1.8)
