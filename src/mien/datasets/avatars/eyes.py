"""Eyes and brows."""

from __future__ import annotations

import numpy as np

from mien.datasets.avatars.canvas import Canvas, Colour
from mien.datasets.avatars.curves import Points, ellipse, ribbon, spline
from mien.datasets.avatars.people import HAIRS, IRISES, Character
from mien.datasets.avatars.rig import Brow, Eye, Rig
from mien.datasets.avatars.skull import mixed, times

Gaze = tuple[float, float]
_LASH: Colour = (38, 26, 24)
_FRAME: Colour = (36, 32, 34)


def draw_eyes(canvas: Canvas, who: Character, rig: Rig, gaze: Gaze) -> None:
    """Both eyes with their lids. `gaze`: where the irises are, right and down, in units of the head (0, 0 looks ahead)."""
    for side, eye in zip((-1, 1), rig.eyes, strict=True):
        upper, lower = _lids(canvas, eye, side)
        _lid_skin(canvas, who, eye, side)
        if eye.upper > 0.004:
            _ball(canvas, who, eye, side, gaze, np.vstack([upper, lower[::-1]]))
        _margins(canvas, who, eye, upper, lower)


def draw_brows(canvas: Canvas, who: Character, rig: Rig) -> None:
    """Both brows: a soft band, and hairs over it."""
    colour = mixed(HAIRS["dark"] if who.hair in ("grey", "white", "blond") else HAIRS[who.hair], who.skin, 0.12)
    for side, brow in zip((-1, 1), rig.brows, strict=True):
        line = _brow_line(canvas, brow, side, 0.0)
        width = canvas.view.scale * brow.thickness
        canvas.fill(ribbon(line, (0.5 * width, 1.15 * width, width, 0.75 * width, 0.12 * width)), colour, 0.8)
        canvas.fill(ribbon(line, (0.3 * width, 0.8 * width, 0.7 * width, 0.45 * width, 0.05 * width)), times(colour, 0.8), 0.8)
        if canvas.view.scale > 90:
            _hairs(canvas, line, width, times(colour, 0.6))


def draw_glasses(canvas: Canvas, who: Character, rig: Rig) -> None:
    """Two rims, a bridge and the temples."""
    if not who.glasses:
        return
    view, thin = canvas.view, max(0.035 * canvas.view.scale, 1.2)
    for side in (-1, 1):
        x = side * (rig.eyes[0].x + 0.01)
        box = [(-0.29, -0.12), (-0.2, -0.2), (0.2, -0.2), (0.3, -0.12), (0.25, 0.17), (0.12, 0.24), (-0.14, 0.24), (-0.26, 0.14)]
        rim = view.lifted(spline([(x + side * a, b + 0.02) for a, b in box], 40, closed=True), 0.14)
        canvas.fill(ribbon(np.vstack([rim, rim[:2]]), thin), _FRAME)
        arm = view.project([(side * 0.75, -0.06, 0.72), (side * 1.02 * who.cheeks, -0.03, -0.15)])
        canvas.fill(ribbon(arm, thin), _FRAME)
    bridge = view.lifted(spline([(-0.17, 0.0), (0, -0.05), (0.17, 0.0)], 10), 0.2)
    canvas.fill(ribbon(bridge, thin), _FRAME)


def _lids(canvas: Canvas, eye: Eye, side: int) -> tuple[Points, Points]:
    """The edges of upper and lower lid, from the inner corner to the outer one, in pixels."""
    w, up, low, tilt = eye.half, eye.upper, eye.lower, eye.tilt
    inner, outer = (-w, 0.02), (w, -tilt)
    above = [inner, (-0.62 * w, -0.62 * up), (-0.1 * w, -up), (0.42 * w, -0.9 * up - 0.2 * tilt), (0.78 * w, -0.5 * up - 0.6 * tilt), outer]
    below = [inner, (-0.6 * w, 0.6 * low + 0.008), (0.0, low), (0.5 * w, 0.85 * low - 0.2 * tilt), outer]
    return tuple(  # type: ignore[return-value]
        canvas.view.project(spline([(side * (eye.x + x), y) for x, y in line], 18)) for line in (above, below)
    )


def _lid_skin(canvas: Canvas, who: Character, eye: Eye, side: int) -> None:
    """The shade round the eye, the fold of the upper lid, and the edge of the bag below."""
    view, w, up = canvas.view, eye.half, max(eye.upper, 0.0)
    fold = eye.crease
    arc = [(-0.95 * w, -0.02), (-0.4 * w, -0.85 * up - fold), (0.2 * w, -up - fold), (0.75 * w, -0.6 * up - fold), (1.12 * w, -0.01)]
    line = view.project(spline([(side * (eye.x + x), y) for x, y in arc], 16))
    canvas.fold(ribbon(line, (0.1, 0.03 * view.scale, 0.04 * view.scale, 0.03 * view.scale, 0.1)), 0.5)
    inner = view.project(ellipse((side * (eye.x - 0.95 * w), -0.05), (0.07, 0.1)))
    canvas.fold(inner, 0.16, broad=True)
    lid = view.project(ellipse((side * eye.x, -0.4 * up - 0.5 * fold - 0.02), (0.95 * w, 0.7 * up + fold)))
    canvas.fold(lid, 0.12, broad=True)
    bag = [(-0.8 * w, eye.lower + 0.05), (0.0, eye.lower + 0.085), (0.8 * w, eye.lower + 0.04)]
    under = view.project(spline([(side * (eye.x + x), y) for x, y in bag], 12))
    canvas.fold(ribbon(under, (0.1, 0.03 * view.scale, 0.1)), 0.16 + 0.25 * who.age)


def _ball(canvas: Canvas, who: Character, eye: Eye, side: int, gaze: Gaze, opening: Points) -> None:
    view = canvas.view
    centre = view.project([(side * eye.x - 0.005 * side + gaze[0], -0.012 + gaze[1])])[0]
    (x, y), size = centre, eye.iris * view.scale
    with canvas.within(opening):
        canvas.fill(opening, (228, 222, 216))
        canvas.fill(ellipse(centre, (1.06 * size, 1.06 * size)), times(IRISES[who.iris], 0.5))
        canvas.fill(ellipse(centre, (0.92 * size, 0.92 * size)), IRISES[who.iris])
        canvas.fill(ellipse((x, y + 0.3 * size), (0.62 * size, 0.5 * size)), times(IRISES[who.iris], 1.3), 0.5)
        canvas.fill(ellipse(centre, (0.46 * size, 0.46 * size)), (14, 11, 11))
        # the upper lid throws a shadow on the ball
        edge = opening[: len(opening) // 2]
        canvas.fill(ribbon(edge, 0.09 * view.scale), (70, 52, 48), 0.4)
        canvas.fill(ellipse(opening[0], (0.04 * view.scale, 0.03 * view.scale)), (196, 132, 122), 0.8)
        canvas.fill(ellipse((x - 0.3 * size, y - 0.36 * size), (0.2 * size, 0.2 * size)), (255, 255, 255))


def _margins(canvas: Canvas, who: Character, eye: Eye, upper: Points, lower: Points) -> None:
    scale = canvas.view.scale
    thick = (0.026 + 0.016 * (who.lip_colour > 0.4)) * scale
    canvas.fill(ribbon(lower[2:], (0.004 * scale, 0.014 * scale, 0.02 * scale)), times(who.skin, (0.55, 0.42, 0.4)), 0.75)
    canvas.fill(ribbon(upper, (0.25 * thick, thick, 1.15 * thick, 1.2 * thick, 0.6 * thick)), mixed(_LASH, who.skin, 0.08))


def _brow_line(canvas: Canvas, brow: Brow, side: int, lift: float) -> Points:
    xs = (brow.inner_x, 0.36, 0.57, 0.77)
    return canvas.view.lifted(spline([(side * x, y - lift) for x, y in zip(xs, brow.heights, strict=True)], 20), 0.03)


def _hairs(canvas: Canvas, line: Points, width: float, colour: Colour) -> None:
    along = np.gradient(line, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None]
    up = np.array([0.0, -1.0])
    for i in range(len(line) - 2):
        reach = width * (0.45 if i > 2 else 0.3)
        root = line[i] - up * 0.4 * reach
        tip = root + reach * (0.9 * along[i] + up * (0.9 if i < 12 else 0.3))
        canvas.fill(ribbon(np.stack([root, tip]), (0.1 * width, 0.02 * width)), colour, 0.35)
