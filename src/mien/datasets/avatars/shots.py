"""One drawn picture: who, showing what, how turned, in which light, by which camera. All of it comes from the picture's own generator."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.datasets.avatars.actions import Actions
from mien.datasets.avatars.backdrop import backdrop, cloth
from mien.datasets.avatars.camera import Camera, camera
from mien.datasets.avatars.canvas import Colour
from mien.datasets.avatars.people import Character
from mien.datasets.avatars.portrait import Portrait, paint
from mien.datasets.avatars.relief import Light
from mien.datasets.avatars.view import Pose, View

FRAMINGS: dict[str, tuple[float, float]] = {"crop": (0.405, 0.41), "portrait": (0.17, 0.4)}
"""Framing → what half a face's width is, and where the eyes are from the top, in fractions of the picture's side.

"crop" frames a face as FER2013 does: eyes at 0.40, chin at the lower border. "portrait" shows head and shoulders.
"""
_DRAWN = 144  # a picture is drawn at least so large, in pixels, and twice as large as asked for; then averaged down


@dataclass(frozen=True)
class Shot:
    """All that a picture has besides its person and expression.

    `shift` and `gaze`: right and down, in units of the head; `setting` seeds the backdrop.
    """

    pose: Pose
    light: Light
    camera: Camera
    zoom: float
    shift: tuple[float, float]
    gaze: tuple[float, float]
    cloth: Colour
    setting: int

    def with_motion(self, pose: Pose, shift: tuple[float, float]) -> Shot:
        """The same, with the head elsewhere."""
        return replace(self, pose=pose, shift=shift)


def shot(rng: np.random.Generator, who: Character) -> Shot:
    """The circumstances of one picture of `who`, drawn at random."""
    pose = Pose(*(float(np.clip(rng.normal(0, sigma), -limit, limit)) for sigma, limit in ((11, 28), (6, 14), (5, 14))))
    light = Light(float(rng.uniform(-65, 65)), float(rng.uniform(5, 50)), float(rng.uniform(0.38, 0.7)))
    return Shot(
        pose=pose,
        light=light,
        camera=camera(rng, who.tone),
        zoom=float(rng.uniform(0.9, 1.08)),
        shift=(float(rng.normal(0, 0.05)), float(rng.normal(0, 0.05))),
        gaze=(float(rng.normal(0, 0.016)), float(rng.normal(0, 0.008))),
        cloth=cloth(rng),
        setting=int(rng.integers(2**31)),
    )


def draw(
    who: Character, acts: Actions, taken: Shot, size: int, rng: np.random.Generator, *, gray: bool = False, framing: str = "crop"
) -> tuple[NDArray[np.uint8], Portrait]:
    """A picture, uint8 (size, size, 3) RGB or (size, size), and what was painted, in its pixels.

    `rng` makes the noise; `framing` is a key of FRAMINGS.
    """
    times = max(2, math.ceil(_DRAWN / size))
    side, (unit, eyes) = size * times, FRAMINGS[framing]
    image = backdrop(side, side, np.random.default_rng(taken.setting))
    scale = unit * taken.zoom * side
    view = View(taken.pose, (0.5 * side + taken.shift[0] * scale, eyes * side + taken.shift[1] * scale), scale)
    painted = paint(image, who, acts, view, light=taken.light, gaze=taken.gaze, cloth=taken.cloth)
    small = np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    return taken.camera.take(small, rng, scale / times, gray=gray), Portrait(painted.face / times, painted.cover)
