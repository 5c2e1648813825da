"""Nose, mouth, beard and the lines that age and expression draw on the skin."""

from __future__ import annotations

import numpy as np

from mien.datasets.avatars.actions import Actions
from mien.datasets.avatars.canvas import Canvas, Colour
from mien.datasets.avatars.curves import Points, ellipse, ribbon, spline
from mien.datasets.avatars.people import HAIRS, Character
from mien.datasets.avatars.relief import Light
from mien.datasets.avatars.rig import Mouth, Rig
from mien.datasets.avatars.skull import mixed, times

_INSIDE: Colour = (58, 22, 24)
_TEETH: Colour = (232, 226, 214)
_TONGUE: Colour = (158, 78, 78)


def draw_nose(canvas: Canvas, who: Character, rig: Rig, light: Light) -> None:
    """Nostrils, wings, and the shadow below and beside it."""
    view, half, y = canvas.view, rig.nose_half, rig.nose_y
    dark = times(who.skin, (0.36, 0.26, 0.24))
    for place, side in enumerate((-1, 1)):
        wing = rig.wings[place]
        hole = view.lifted(ellipse((side * 0.52 * half, y - 0.045), (0.3 * half, 0.026)), 0.13)
        canvas.fill(hole, dark, 0.85)
        arc = [(0.86 * half, wing - 0.09), (1.04 * half, wing - 0.02), (0.98 * half, wing + 0.055), (0.72 * half, wing + 0.075)]
        line = view.lifted(spline([(side * a, b) for a, b in arc], 12), 0.05)
        canvas.fold(ribbon(line, (0.1, 0.035 * view.scale, 0.03 * view.scale, 0.1)), 0.5)
    lean = float(-np.clip(light.direction()[0], -0.8, 0.8))
    below = view.project(ellipse((0.1 * lean, y + 0.03), (0.95 * half, 0.06)))
    canvas.fold(below, 0.26, broad=True)
    flank = [(0.13, -0.02), (0.1, 0.2), (0.16, 0.4), (0.27, 0.55), (0.15, 0.5), (0.07, 0.2)]
    side = 1 if lean > 0 else -1
    canvas.fold(view.lifted([(side * a, b * who.nose) for a, b in flank], 0.06), 0.3 * abs(lean), broad=True)


def draw_mouth(canvas: Canvas, who: Character, rig: Rig, acts: Actions) -> None:
    """Lips, and what an open mouth shows."""
    mouth, view = rig.mouth, canvas.view
    red = times(who.skin, (0.9, 0.62, 0.62)) if who.tone < 5 else times(who.skin, (1.02, 0.74, 0.78))
    lip = mixed(red, (176, 52, 66), 0.55 * max(who.lip_colour - 0.35, 0))
    top, upper, lower, bottom = _edges(canvas, mouth)
    canvas.fill(np.vstack([top, upper[::-1]]), times(lip, 0.86), 0.8 + 0.2 * who.lip_colour)
    canvas.fill(np.vstack([lower, bottom[::-1]]), times(lip, 1.04), 0.7 + 0.3 * who.lip_colour)
    shine = bottom * 0.5 + lower * 0.5
    canvas.fill(ribbon(shine[8:17], (0.0, 0.022 * view.scale, 0.0)), times(lip, 1.25), 0.35)
    if mouth.gap > 0.02:
        _inside(canvas, mouth, upper, lower)
    seam = (upper + lower) / 2 if mouth.gap <= 0.05 else upper
    width = (0.022 + 0.012 * acts.mean(24) + 0.006 * acts.mean(23)) * view.scale
    canvas.fill(ribbon(seam, (0.5 * width, width, 0.8 * width, width, 0.5 * width)), times(who.skin, (0.36, 0.2, 0.2)), 0.85)
    under = view.lifted(spline([(-0.2, mouth.bottom + 0.03), (0.0, mouth.bottom + 0.055), (0.2, mouth.bottom + 0.03)], 12), 0.03)
    canvas.fold(ribbon(under, (0.1, 0.05 * view.scale, 0.1)), 0.2, broad=True)
    for corner, side in ((mouth.left, -1), (mouth.right, 1)):
        pit = view.project(ellipse((side * (corner[0] + 0.015), corner[1]), (0.035, 0.035)))
        canvas.fold(pit, 0.3 + 0.4 * acts.side(14, side))


def draw_beard(canvas: Canvas, who: Character, rig: Rig) -> None:
    """Stubble to full beard on jaw, chin and upper lip."""
    if who.beard <= 0:
        return
    view, mouth = canvas.view, rig.mouth
    colour = mixed(HAIRS[who.hair], who.skin, 0.25)
    opacity = 0.12 + 0.75 * max(who.beard - 0.1, 0)
    jaw = _jaw_band(who, rig)
    outline = view.project(jaw)
    soft = 0.07 * view.scale
    canvas.tint(outline, colour, opacity, soft)
    over = [(-mouth.left[0] - 0.05, mouth.left[1]), (-0.2, mouth.top - 0.09), (0, mouth.top - 0.07), (0.2, mouth.top - 0.09)]
    lip = spline([*over, (mouth.right[0] + 0.05, mouth.right[1])], 20)
    edge = spline([(-mouth.left[0], mouth.left[1]), (0, mouth.top + 0.02), (mouth.right[0], mouth.right[1])], 20)
    canvas.tint(view.lifted(np.vstack([lip, edge[::-1]]), 0.05), colour, opacity, 0.5 * soft)


def draw_lines(canvas: Canvas, who: Character, rig: Rig, acts: Actions) -> None:
    """Folds of the skin: forehead, between the brows, nose, beside the eyes, from nose to mouth, chin."""
    _forehead(canvas, who, acts)
    _between_brows(canvas, who, rig, acts)
    for place, side in enumerate((-1, 1)):
        corner = (rig.mouth.left, rig.mouth.right)[place]
        pull = max(acts.side(12, side), acts.side(10, side), 0.9 * acts.side(9, side))
        depth = 0.06 + 0.2 * who.age + 0.26 * pull
        start = (rig.nose_half + 0.05, rig.wings[place] - 0.02)
        middle = (0.36 + 0.09 * pull, (start[1] + corner[1]) / 2 - 0.03)
        arc = spline([(side * x, y) for x, y in (start, middle, (corner[0] + 0.1, corner[1] + 0.03))], 14)
        _line(canvas, arc, 0.05, depth)
        _line(canvas, arc, 0.1, 0.5 * depth, broad=True)
        _crows_feet(canvas, who, acts, rig.eyes[place].x + rig.eyes[place].half, side)
        sag = acts.side(15, side)
        if sag + who.age > 0.25:
            x, y = corner
            line = spline([(side * a, b) for a, b in ((x + 0.02, y), (x + 0.05, y + 0.09), (x + 0.03, y + 0.18))], 8)
            _line(canvas, line, 0.04, 0.55 * sag + 0.25 * who.age)
    if acts.mean(17) > 0.2:
        for x in (-0.09, 0.0, 0.09):
            dent = ellipse((x, rig.chin_y - 0.2 - 0.3 * abs(x)), (0.035, 0.03), 10)
            canvas.fold(canvas.view.project(dent), 0.4 * acts.mean(17))


def _edges(canvas: Canvas, mouth: Mouth) -> tuple[Points, Points, Points, Points]:
    """Top of the upper lip, its inner edge, inner edge of the lower lip, its bottom; left to right, in pixels."""
    (lx, ly), (rx, ry) = (-mouth.left[0], mouth.left[1]), mouth.right
    t = np.linspace(-1, 1, 25)
    x = np.where(t < 0, -t * lx, t * rx)
    ends = np.where(t < 0, ly, ry)

    def edge(middle: float, power: float, lift: float) -> Points:
        y = ends + (middle - ends) * (1 - np.abs(t) ** power)
        return canvas.view.lifted(np.stack([x, y], axis=1), lift)

    bow = canvas.view.scale * 0.022 * (np.exp(-((t / 0.12) ** 2)) - 0.8 * np.exp(-(((np.abs(t) - 0.28) / 0.16) ** 2)))
    top = edge(mouth.top, 1.9, 0.06)
    top[:, 1] += bow
    open_power = 2.0 + 1.2 * min(mouth.gap / 0.25, 1.0)
    return top, edge(mouth.inner_top, 2.2, 0.07), edge(mouth.inner_bottom, open_power, 0.06), edge(mouth.bottom, open_power - 0.1, 0.05)


def _inside(canvas: Canvas, mouth: Mouth, upper: Points, lower: Points) -> None:
    opening, scale = np.vstack([upper, lower[::-1]]), canvas.view.scale
    down = canvas.view.plane[:, 1]
    with canvas.within(opening):
        canvas.fill(opening, _INSIDE)
        if mouth.gap > 0.12:
            middle = (upper[12] + lower[12]) / 2 + down * mouth.gap * 0.42
            canvas.fill(ellipse(middle, (0.2 * scale, 0.3 * mouth.gap * scale)), _TONGUE, 0.85)
        if mouth.lower_teeth > 0.02:
            row = lower[3:22]
            canvas.fill(np.vstack([row, (row - down * min(mouth.lower_teeth, 0.4 * mouth.gap))[::-1]]), times(_TEETH, 0.88))
        shown = min(mouth.teeth, 0.75 * mouth.gap)
        row = upper[2:23]
        canvas.fill(np.vstack([row - down * 0.02, (row + down * shown)[::-1]]), _TEETH)
        if scale > 60:
            for i in range(3, 20, 2):
                gap = np.stack([row[i], row[i] + down * shown])
                canvas.fill(ribbon(gap, 0.008 * scale), times(_TEETH, 0.72), 0.5)
        canvas.fill(ribbon(upper, 0.05 * scale), (70, 30, 30), 0.35)


def _jaw_band(who: Character, rig: Rig) -> Points:
    """Where a beard grows: (N, 2) on the face, round the mouth."""
    c, drop, mouth = who.jaw, rig.chin_y, rig.mouth
    side = [
        (0.95 * c, 0.2),
        (0.86 * c, 0.46 * drop),
        (0.7 * c, 0.69 * drop),
        (0.44 * who.chin, 0.87 * drop),
        (0.19 * who.chin, 0.965 * drop),
    ]
    outer = spline([*side, (0, 0.985 * drop), *((-x, y) for x, y in reversed(side))], 40)
    low = mouth.bottom + 0.05
    inner = [(-0.88 * c, 0.3), (-0.78 * c, 0.62), (-mouth.left[0] - 0.12, mouth.left[1] - 0.02), (-0.2, low - 0.02), (0, low)]
    inner += [(0.2, low - 0.02), (mouth.right[0] + 0.12, mouth.right[1] - 0.02), (0.78 * c, 0.62), (0.88 * c, 0.3)]
    return np.vstack([outer, spline(inner, 40)])


def _forehead(canvas: Canvas, who: Character, acts: Actions) -> None:
    raised = 0.6 * acts.mean(1) + 0.5 * acts.mean(2)
    depth = 0.12 * who.age + 0.42 * raised
    if depth < 0.08:
        return
    reach = 0.3 + 0.32 * acts.mean(2)
    for y in (-0.5, -0.62, -0.74):
        arc = spline([(-reach, y - 0.01), (-0.3 * reach, y + 0.02), (0.3 * reach, y + 0.02), (reach, y - 0.01)], 14)
        _line(canvas, arc, 0.035, depth)


def _between_brows(canvas: Canvas, who: Character, rig: Rig, acts: Actions) -> None:
    frown = acts.mean(4)
    top = (rig.brows[0].heights[0] + rig.brows[1].heights[0]) / 2
    for side in (-1, 1):
        arc = spline([(side * a, b) for a, b in ((0.07, top - 0.1), (0.06, top + 0.02), (0.085, top + 0.13))], 8)
        _line(canvas, arc, 0.04, 0.6 * frown + 0.15 * who.age)
        wrinkle = acts.side(9, side)
        if wrinkle > 0.15:
            for y in (0.03, 0.13):
                _line(canvas, spline([(side * 0.04, y - 0.03), (side * 0.1, y + 0.02), (side * 0.15, y + 0.1)], 8), 0.05, 0.26 * wrinkle)
    if acts.mean(9) > 0.15:
        _line(canvas, spline([(-0.12, top + 0.16), (0, top + 0.14), (0.12, top + 0.16)], 8), 0.04, 0.32 * acts.mean(9))


def _crows_feet(canvas: Canvas, who: Character, acts: Actions, x: float, side: int) -> None:
    depth = 0.45 * acts.side(6, side) * (0.5 + 0.5 * who.age) + 0.2 * who.age
    if depth < 0.06:
        return
    for rise in (-0.09, 0.0, 0.09):
        arc = spline([(side * (x + 0.03), 0.02 + 0.5 * rise), (side * (x + 0.1), 0.03 + rise), (side * (x + 0.16), 0.04 + 1.5 * rise)], 8)
        _line(canvas, arc, 0.025, depth)


def _line(canvas: Canvas, arc: Points, width: float, depth: float, *, broad: bool = False) -> None:
    thick = width * canvas.view.scale
    canvas.fold(ribbon(canvas.view.lifted(arc, 0.02), (0.1 * thick, thick, thick, 0.1 * thick)), min(depth, 0.8), broad=broad)
