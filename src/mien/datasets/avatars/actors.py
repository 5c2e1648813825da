"""The people and boards of a clip: where they are, what they show, and how much of them is seen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB
from mien.datasets.avatars.actions import RECIPES, Manner, manner
from mien.datasets.avatars.backdrop import cloth
from mien.datasets.avatars.canvas import Colour
from mien.datasets.avatars.people import Character
from mien.datasets.avatars.portrait import Portrait, paint
from mien.datasets.avatars.relief import Light
from mien.datasets.avatars.rows import blinking
from mien.datasets.avatars.timeline import Course, Motion, blink, course, motion
from mien.datasets.avatars.view import Pose, View

_SHOWN = tuple(name for name in RECIPES if name != "neutral")
_REACH = (2.7, 2.4)  # units that a person needs beside and above the middle of the face
_FINE = 36  # a face of fewer pixels to the unit is drawn twice as large and averaged


@dataclass(frozen=True)
class Seen:
    """One face in one frame; the columns of `Clip.truth`."""

    frame: int
    time_s: float
    identity: str
    x1: float
    y1: float
    x2: float
    y2: float
    expression: str
    phase: str
    intensity: float
    visible: float
    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, eq=False)
class Actor:
    """A person who walks to and fro and shows one expression after another. Lengths are shares of the picture's height or width.

    `unit`: half a face's width by the height. `path`: (5,) middle and reach of x by the width, turns a second, phase, and y by the height.
    """

    who: Character
    unit: float
    path: NDArray[np.float64]
    showings: tuple[tuple[float, str, Manner, Course], ...]
    moving: Motion
    light: Light
    cloth: Colour
    blinks: tuple[float, float]

    def paint(self, image: RGB, time_s: float) -> Portrait:
        """Paint the person onto the picture, uint8 (H, W, 3), as at that time."""
        high, wide = image.shape[:2]
        view = self.view(high, wide, time_s)
        _, style, _, intensity = self._shows(time_s)
        acts = blinking(style, intensity, blink(time_s, *self.blinks))
        (x, y), unit = view.centre, view.scale
        left, top = max(int(x - _REACH[0] * unit), 0), max(int(y - _REACH[1] * unit), 0)
        right = max(min(int(x + _REACH[0] * unit) + 1, wide), left + 1)
        part = image[min(top, high - 1) :, min(left, wide - 1) : right]
        left, top, times = min(left, wide - 1), min(top, high - 1), 1 if unit >= _FINE else 2
        large = np.ascontiguousarray(part.repeat(times, axis=0).repeat(times, axis=1))
        moved = View(view.pose, ((x - left) * times, (y - top) * times), unit * times)
        painted = paint(large, self.who, acts, moved, light=self.light, cloth=self.cloth)
        part[...] = cv2.resize(large, part.shape[1::-1], interpolation=cv2.INTER_AREA)
        cover = np.zeros((high, wide), np.uint8)
        cover[top:, left:right] = cv2.resize(painted.cover, part.shape[1::-1], interpolation=cv2.INTER_AREA)
        return Portrait(painted.face / times + (left, top), cover)

    def view(self, high: int, wide: int, time_s: float) -> View:
        """Where the head is; it turns the way it goes."""
        middle, reach, rate, start, down = self.path.tolist()
        angle = 2 * np.pi * (rate * time_s + start)
        sway, unit = self.moving.at(time_s), self.unit * high
        pose = Pose(float(16 * np.cos(angle) * np.sign(reach) + sway[0]), float(sway[1]), float(sway[2]))
        x = (middle + reach * float(np.sin(angle))) * wide + float(sway[3]) * unit
        return View(pose, (x, down * high + float(sway[4]) * unit), unit)

    def seen(self, painted: Portrait, hidden: NDArray[np.uint8], frame: int, time_s: float) -> Seen | None:
        """The row of this face, where `hidden` (H, W) is 255 behind something nearer; None where the box misses the picture."""
        high, wide = hidden.shape
        x1, y1, x2, y2 = painted.box_xyxy
        if x2 <= 0 or y2 <= 0 or x1 >= wide or y1 >= high:
            return None
        mask = np.zeros((high, wide), np.uint8)
        cv2.fillPoly(mask, [np.round((painted.face - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        area = cv2.contourArea(painted.face.astype(np.float32))
        free = float((mask.astype(np.float64) * (255 - hidden)).sum()) / 255**2
        expression, _, phase, intensity = self._shows(time_s)
        pose = self.view(high, wide, time_s).pose
        visible = min(1.0, free / max(area, 1.0))
        return Seen(frame, time_s, self.who.name, x1, y1, x2, y2, expression, phase, intensity, visible, pose.yaw, pose.pitch, pose.roll)

    def _shows(self, time_s: float) -> tuple[str, Manner, str, float]:
        begin, name, style, path = [showing for showing in self.showings if showing[0] <= time_s][-1]
        phase, intensity = path.at(time_s - begin)
        return name if phase != "neutral" else "neutral", style, phase, intensity


@dataclass(frozen=True)
class Board:
    """A flat board, upright, that slides past in front of everybody: place and width by the picture's width, speed in widths a second."""

    x: float
    width: float
    speed: float
    colour: Colour

    def paint(self, image: RGB, hidden: NDArray[np.uint8], time_s: float) -> None:
        """Draw it onto the picture, and set `hidden` (H, W) to 255 behind it."""
        wide = image.shape[1]
        span = 1 + self.width
        left = ((self.x + self.speed * time_s + self.width) % span - self.width) * wide
        columns = slice(max(round(left), 0), max(round(left + self.width * wide), 0))
        shade = np.linspace(1.08, 0.86, image[:, columns].shape[1])[None, :, None]
        image[:, columns] = np.clip(np.array(self.colour) * shade, 0, 255).astype(np.uint8)
        hidden[:, columns] = 255


def actor(who: Character, place: int, count: int, seconds: float, rng: np.random.Generator) -> Actor:
    """A person with a path and showings drawn at random. `place` varies where the path begins, out of `count` people."""
    showings: list[tuple[float, str, Manner, Course]] = []
    begin = 0.0
    while not showings or begin < seconds:
        name, lasts = str(rng.choice(_SHOWN)), float(rng.uniform(1.8, 3.2))
        showings.append((begin, name, manner(name, rng), course(lasts, float(rng.uniform(0.7, 1.0)), rng)))
        begin += lasts
    unit = float(rng.uniform(0.085, 0.15))
    reach = float(rng.choice((-1, 1)) * rng.uniform(0.15, 0.4))
    path = np.array([rng.uniform(0.35, 0.65), reach, rng.uniform(0.05, 0.14), rng.random() + place / count, rng.uniform(0.36, 0.5)])
    light = Light(float(rng.uniform(-50, 50)), float(rng.uniform(10, 45)), float(rng.uniform(0.45, 0.7)))
    blinks = float(rng.uniform(2, 5)), float(rng.uniform(0, 2))
    return Actor(who, unit, path, tuple(showings), motion(rng), light, cloth(rng), blinks)


def boards(count: int, seconds: float, rng: np.random.Generator) -> list[Board]:
    """That many boards, each of which passes the picture about once in `seconds`."""
    speed = 1.1 / seconds
    return [
        Board(float(rng.random()), float(rng.uniform(0.06, 0.12)), float(rng.choice((-1, 1)) * speed * rng.uniform(0.6, 1.4)), cloth(rng))
        for _ in range(count)
    ]
