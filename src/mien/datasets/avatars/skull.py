"""The head without its features: outline, ears, neck and shoulders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.datasets.avatars.canvas import Canvas, Colour
from mien.datasets.avatars.curves import Points, spline
from mien.datasets.avatars.people import Character
from mien.datasets.avatars.relief import Light
from mien.datasets.avatars.rig import Rig
from mien.datasets.avatars.view import Pose, View, silhouette


def times(colour: Colour, factor: float | tuple[float, float, float]) -> Colour:
    """A colour made darker or lighter, as a whole or channel by channel."""
    red, green, blue = (factor,) * 3 if isinstance(factor, float) else factor
    return min(colour[0] * red, 255.0), min(colour[1] * green, 255.0), min(colour[2] * blue, 255.0)


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))  # type: ignore[return-value]


def face_outline(who: Character, rig: Rig) -> Points:
    """The outline of forehead, cheeks and jaw, (N, 3) in head coordinates."""
    c, j, k, drop = who.cheeks, who.jaw, who.chin, rig.chin_y
    half = np.array(
        [
            (0.0, -1.5, -0.1),
            (0.46 * c, -1.42, -0.15),
            (0.82 * c, -1.1, -0.15),
            (0.97 * c, -0.6, -0.1),
            (1.0 * c, -0.1, 0.0),
            (0.97 * c, 0.3, 0.08),
            (0.9 * j, 0.46 * drop, 0.14),
            (0.73 * j, 0.7 * drop, 0.26),
            (0.46 * k, 0.89 * drop, 0.42),
            (0.2 * k, 0.985 * drop, 0.55),
        ]
    )
    mirrored = half[:0:-1] * (-1, 1, 1)
    return spline(np.vstack([half, (0.0, drop, 0.58), mirrored]), 88, closed=True)


def draw_body(canvas: Canvas, who: Character, light: Light, cloth: Colour) -> None:
    """Neck and shoulders; they follow only part of the head's turn."""
    view = _body_view(canvas.view)
    wide = 0.58 + 0.1 * (who.jaw - 0.9)
    side = [(wide, 0.7, -0.3), (wide, 1.6, -0.35), (wide + 0.3, 2.1, -0.4)]
    neck = [*((-x, y, z) for x, y, z in side), *reversed(side)]
    arm = [(0.42, 2.02, -0.25), (0.72, 1.9, -0.3), (1.2, 2.08, -0.35), (1.85, 2.35, -0.35), (2.2, 2.8, -0.4), (2.3, 3.6, -0.4)]
    collar = spline([*((-x, y, z) for x, y, z in reversed(arm)), (0.0, 2.2, -0.1), *arm], 48)
    trunk = view.project(np.array(neck))
    canvas.fill(trunk, times(who.skin, (0.95, 0.9, 0.87)), covers=True)
    canvas.light(trunk, _slant(canvas, light, 0.82))
    shirt = view.project(np.vstack([collar, (2.3, 12.0, -0.4), (-2.3, 12.0, -0.4)]))
    canvas.fill(shirt, cloth, covers=True)
    canvas.light(shirt, _slant(canvas, light, 0.95))
    shadow = spline([(-wide, 1.0, -0.2), (0.0, 1.75, 0.0), (wide, 1.0, -0.2)], 20)
    canvas.fold(canvas.view.project(shadow), 0.42, broad=True)


def head_silhouette(view: View, outline: Points) -> Points:
    """What is seen of the skull: the convex outline (M, 2), in pixels, of the face's outline, its front and its back."""
    back = outline[outline[:, 1] < 0.6] * (0.97, 1.0, 0.0) - (0, 0, 0.35)
    front = outline[::4, :2] * (0.9, 0.97)
    return silhouette(np.vstack([view.project(outline), view.project(back), view.project(front)]))


def draw_head(canvas: Canvas, who: Character, rig: Rig, gain: NDArray[np.float32], *, ears: bool) -> None:
    """Ears and skin."""
    for side in (-1, 1) if ears else ():
        _ear(canvas, who, side, gain)
    skin = canvas.mask(head_silhouette(canvas.view, face_outline(who, rig)))
    np.maximum(canvas.skin, skin, out=canvas.skin)
    canvas.lay(skin, who.skin, gain)
    _complexion(canvas, who, rig)


def _body_view(view: View) -> View:
    """A view that shares the place of the neck with the head's."""
    pose = Pose(0.3 * view.pose.yaw, 0.0, 0.25 * view.pose.roll)
    own, neck = View(pose, view.centre, view.scale), np.array([(0.0, 1.4, -0.35)])
    shift = view.project(neck)[0] - own.project(neck)[0]
    return replace(own, centre=(view.centre[0] + shift[0], view.centre[1] + shift[1]))


def _ear(canvas: Canvas, who: Character, side: int, gain: NDArray[np.float32]) -> None:
    x = who.cheeks
    rim = [(0.93, -0.12), (1.06, -0.2), (1.14, -0.08), (1.11, 0.18), (1.05, 0.42), (0.97, 0.52), (0.92, 0.3)]
    inner = [(1.0, -0.04), (1.07, -0.08), (1.08, 0.08), (1.04, 0.25), (1.0, 0.3)]
    outer = canvas.view.project(spline([(side * x * a, b, -0.22) for a, b in rim], 24, closed=True))
    canvas.fill(outer, times(who.skin, (0.97, 0.88, 0.85)), covers=True)
    canvas.light(outer, 0.93 * gain + 0.03)
    canvas.fold(canvas.view.project(spline([(side * x * a, b, -0.2) for a, b in inner], 16, closed=True)), 0.28)


def _complexion(canvas: Canvas, who: Character, rig: Rig) -> None:
    """Cheeks and nose are redder than the rest, shaven jaws greyer."""
    rosy, blur = times(who.skin, (1.0, 0.84, 0.82)), 0.09 * canvas.view.scale
    for side in (-1, 1):
        cheek = [(side * (0.56 + 0.2 * a), 0.42 + 0.15 * b) for a, b in _RING]
        canvas.tint(canvas.view.project(cheek), rosy, 0.6, blur)
    tip = [(0.1 * a, rig.nose_y - 0.12 + 0.1 * b) for a, b in _RING]
    canvas.tint(canvas.view.lifted(tip, 0.2), rosy, 0.6, 0.6 * blur)


def _slant(canvas: Canvas, light: Light, level: float) -> NDArray[np.float32]:
    """Light on neck and clothes: from one side to the other."""
    high, wide = canvas.gain.shape
    across = (np.arange(wide, dtype=np.float32) - canvas.view.centre[0]) / canvas.view.scale
    towards = float(light.direction()[0])
    gain = level * (1 + 0.28 * towards * np.clip(across, -1.5, 1.5)) * (1 - 0.12 * np.minimum(np.abs(across), 1.5) ** 2)
    return np.asarray(np.broadcast_to(gain.astype(np.float32), (high, wide)))


_RING = [(float(np.cos(t)), float(np.sin(t))) for t in np.linspace(0, 2 * np.pi, 20, endpoint=False)]
