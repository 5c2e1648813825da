"""Light on the skin: a height map of the head, its normals, and how much of the light each point sends back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.datasets.avatars.actions import Actions
from mien.datasets.avatars.people import Character
from mien.datasets.avatars.rig import Rig
from mien.datasets.avatars.view import HIGH, WIDE, View, surface

CELLS = 64
"""The height map is so many cells wide; it is smooth, so few are enough."""
_REACH = 1.75  # units from the middle of the face to the border of the map
_EDGE = 0.08
_Bump = tuple[float, float, float, float, float, float]  # x, y, lift of its centre; height; spread across and down


@dataclass(frozen=True)
class Light:
    """Where light comes from: `azimuth` in degrees to the viewer's right, `elevation` up; and how much of it is `ambient`, 0–1."""

    azimuth: float = -20.0
    elevation: float = 30.0
    ambient: float = 0.5

    def direction(self, roll: float = 0.0) -> NDArray[np.float64]:
        """Unit vector (3,) towards the light, in a picture that is turned back by `roll` degrees."""
        azimuth, elevation, turn = (math.radians(angle) for angle in (self.azimuth, self.elevation, roll))
        x, y = math.sin(azimuth) * math.cos(elevation), -math.sin(elevation)
        return np.array(
            [
                x * math.cos(turn) + y * math.sin(turn),
                -x * math.sin(turn) + y * math.cos(turn),
                math.cos(azimuth) * math.cos(elevation),
            ]
        )


def skin_light(who: Character, rig: Rig, acts: Actions, view: View, light: Light, shape: tuple[int, int]) -> NDArray[np.float32]:
    """How bright the skin is at each pixel of a picture of `shape` (H, W): float32, about 1 where light meets it squarely."""
    step = 2 * _REACH / CELLS
    axis: NDArray[np.float64] = np.linspace(0.5 * step - _REACH, _REACH - 0.5 * step, CELLS)
    height = _heights(who, rig, acts, view, axis)
    slope_y, slope_x = np.gradient(height, step)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    towards = light.direction(view.pose.roll)
    facing = (towards[2] - slope_x * towards[0] - slope_y * towards[1]) / length
    half = towards + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half)
    glance = np.maximum((half[2] - slope_x * half[0] - slope_y * half[1]) / length, 0)
    wrapped = np.maximum((facing + 0.25) / 1.25, 0)  # light seeps round an edge of skin
    gain = light.ambient * (0.72 + 0.28 / length) + (1.06 - light.ambient) * wrapped + (0.08 + 0.045 * who.tone) * glance**16
    return _spread(gain.astype(np.float32), view, shape)


def _heights(who: Character, rig: Rig, acts: Actions, view: View, axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height map (CELLS, CELLS) in units, before roll: the head's ellipsoid and the bumps on it."""
    bumps = np.array(list(_bumps(who, rig, acts)))
    lifted = np.column_stack([bumps[:, :2], surface(bumps[:, 0], bumps[:, 1]) + bumps[:, 2]])
    places = lifted @ view.upright.T
    across = np.exp(-(((axis - places[:, :1]) / bumps[:, 4:5]) ** 2))
    down = np.exp(-(((axis - places[:, 1:2]) / bumps[:, 5:6]) ** 2))
    middle = view.upright @ (0.0, 0.0, 0.15)
    high = max(HIGH, 1.2 * rig.chin_y)
    base = 1 - np.abs((axis - middle[0]) / (1.04 * WIDE)) ** 2.4 - (np.abs((axis - middle[1]) / high) ** 2.4)[:, None]
    # beyond its edge the head goes on as steeply as at it
    head = np.where(base > _EDGE, np.sqrt(np.maximum(base, _EDGE)), _EDGE**0.5 + (base - _EDGE) / (2 * _EDGE**0.5))
    out: NDArray[np.float64] = head + (bumps[:, 3] * down.T) @ across
    return out


def _bumps(who: Character, rig: Rig, acts: Actions) -> Iterator[_Bump]:
    tip, mouth, chin = rig.nose_y - 0.11, (rig.mouth.inner_top + rig.mouth.inner_bottom) / 2, rig.chin_y
    yield 0.0, -0.1, 0.02, 0.07, 0.11, 0.16
    yield 0.0, 0.12, 0.08, 0.12, 0.1, 0.17
    yield 0.0, 0.32 * who.nose, 0.16, 0.16, 0.11, 0.15
    yield 0.0, tip, 0.28, 0.26, 0.14 * who.nose_width, 0.11
    yield 0.0, 0.82 * who.length, 0.0, 0.07, 0.42, 0.26
    yield 0.0, rig.mouth.top - 0.06, 0.05, -0.02, 0.05, 0.06
    yield 0.0, rig.mouth.inner_top - 0.03, 0.06, 0.035, 0.2, 0.045
    yield 0.0, rig.mouth.bottom - 0.05, 0.06, 0.05, 0.19, 0.05
    yield 0.0, rig.mouth.bottom + 0.07, 0.0, -0.045, 0.22, 0.06
    yield 0.0, chin - 0.2, 0.02, 0.12 + 0.05 * acts.mean(17), 0.2 * who.chin, 0.12
    yield 0.0, -0.75, 0.0, 0.03, 0.5, 0.3
    for side in (-1, 1):
        yield from _side_bumps(who, rig, acts, side, mouth)


def _side_bumps(who: Character, rig: Rig, acts: Actions, side: int, mouth: float) -> Iterator[_Bump]:
    place = 0 if side < 0 else 1
    eye, brow, wing = rig.eyes[place], rig.brows[place], rig.wings[place]
    corner = (rig.mouth.left, rig.mouth.right)[place]
    apple = 0.5 * acts.side(6, side) + 0.6 * acts.side(12, side)
    yield side * 0.36, brow.heights[1] + 0.02, 0.02, 0.07, 0.27, 0.09
    yield side * eye.x, 0.01, 0.0, -0.11, 0.27, 0.16
    yield side * 0.2, -0.04, 0.0, -0.08, 0.09, 0.13
    yield side * eye.x, 0.0, 0.0, 0.07, 0.17, 0.11
    yield side * 0.6, 0.3 * who.length, 0.0, 0.09 + 0.02 * who.age, 0.28, 0.22
    yield side * 0.5, 0.44 * who.length - 0.08 * apple, 0.02, 0.09 * apple, 0.2, 0.15
    yield side * rig.nose_half * 0.85, wing, 0.1, 0.12, 0.08, 0.075
    yield side * 0.64, 0.8 * who.length, 0.0, -0.05 - 0.06 * who.age, 0.22, 0.24
    yield side * (corner[0] + 0.03), corner[1], 0.0, -0.05 - 0.02 * acts.side(14, side), 0.07, 0.07
    yield side * 0.88, -0.35, 0.0, -0.05, 0.18, 0.25
    yield side * 0.3, mouth - 0.25, 0.0, 0.02, 0.1, 0.1


def _spread(gain: NDArray[np.float32], view: View, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The map, placed, turned and scaled to the picture."""
    cell = 2 * _REACH / CELLS
    # Cell (i, j) has its middle at ((i + 0.5) cell - reach, …); pixels have theirs at (x + 0.5).
    matrix = view.plane.copy()
    matrix[:, 2] += matrix[:, :2] @ np.full(2, 0.5 * cell - _REACH) - 0.5
    matrix[:, :2] *= cell
    return np.asarray(cv2.warpAffine(gain, matrix, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
