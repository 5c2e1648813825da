"""The plan of a drawn data set: which picture shows whom with which expression. Each is drawn from seed and number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import FER8, LabelSet
from mien.datasets.avatars.actions import Actions, Manner, manner
from mien.datasets.avatars.people import Character
from mien.datasets.avatars.shots import Shot, draw, shot
from mien.datasets.avatars.timeline import Turn, blink, course, motion

ROLES = ("train", "train", "train", "train", "validation", "test")
"""The split of the pictures of character i is ROLES[i % 6], however many characters there are."""
VISIBLE = 0.3
"""A frame of a sequence whose intensity is below this is labelled neutral."""
RATE = 25.0
"""Frames a second of a drawn sequence."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """One picture, uint8, and its row: column → value. `expression` is what the face shows now."""

    image: NDArray[np.uint8]
    expression: str
    row: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is drawn: for each class of `labels` in turn, each character in turn.

    `size` in pixels; `intensity`: its range, 0–1; `length`: the least and the most frames of a sequence, (0, 0) for stills. `turns`: a
    sequence shows an expression come or go, by turns, and its frames are labelled so.
    """

    labels: LabelSet
    cast: Sequence[Character]
    seed: int
    size: int
    gray: bool
    framing: str
    intensity: tuple[float, float]
    length: tuple[int, int] = (0, 0)
    turns: bool = False

    def drawn(self, index: int) -> list[Drawn]:
        """The rows of still, or where there is a `length` of sequence, number `index`."""
        return self.sequence(index) if self.length[1] else self.still(index)

    def still(self, index: int) -> list[Drawn]:
        """Picture number `index`, as a list of one."""
        rng = np.random.default_rng((self.seed, 1, index))
        who, expression = self._subject(index, _sources(self.labels))
        peak = 0.0 if expression == "neutral" else float(rng.uniform(*self.intensity))
        style, taken = manner(expression, rng), shot(rng, who)
        row = self._row(who, expression, f"still-{self.seed}-{index:06d}")
        row |= {"sequence": "", "frame": 0, "phase": "neutral" if expression == "neutral" else "apex"}
        return [self._draw(who, expression, style.at(peak), taken, rng, row | {"intensity": peak})]

    def sequence(self, index: int) -> list[Drawn]:
        """The frames of sequence number `index`, first to last."""
        rng = np.random.default_rng((self.seed, 2, index))
        sources = _sources(self.labels)
        who, expression = self._subject(
            index // 2 if self.turns else index, [names for names in sources if names != ["neutral"]] or sources
        )
        style, taken, moving = manner(expression, rng), shot(rng, who), motion(rng)
        peak = 0.0 if expression == "neutral" else float(rng.uniform(*self.intensity))
        length = int(rng.integers(self.length[0], self.length[1], endpoint=True))
        goes = bool(index % 2)
        path = Turn.drawn(length / RATE, peak, goes, rng) if self.turns else course(length / RATE, peak, rng)
        every_s, first_s = float(rng.uniform(2, 6)), float(rng.uniform(0, 3))
        name = f"sequence-{self.seed}-{index:05d}"
        frames = []
        for number in range(length):
            time_s = number / RATE
            phase, intensity = path.at(time_s)
            shows = turn_name(expression, goes) if self.turns else expression if intensity >= VISIBLE else "neutral"
            sway = moving.at(time_s)
            now = taken.with_motion(moving.turned(taken.pose, time_s), (taken.shift[0] + sway[3], taken.shift[1] + sway[4]))
            row = self._row(who, expression, f"{name}-{number:03d}")
            row |= {"sequence": name, "frame": number, "phase": phase, "intensity": intensity, "time_s": time_s}
            acts = blinking(style, intensity, blink(time_s, every_s, first_s))
            frames.append(self._draw(who, shows, acts, now, np.random.default_rng((self.seed, 3, index, number)), row))
        return frames

    def _subject(self, index: int, sources: list[list[str]]) -> tuple[Character, str]:
        """Class by class, then character by character; a class of several expressions takes them in turn."""
        turn, names = index // len(sources), sources[index % len(sources)]
        lap, place = divmod(turn, len(self.cast))
        return self.cast[place], names[(lap + place) % len(names)]

    def _row(self, who: Character, expression: str, name: str) -> dict[str, Any]:
        split = ROLES[self.cast.index(who) % len(ROLES)]
        about = {"tone": who.tone, "age": who.age, "hair": who.style, "beard": who.beard, "glasses": int(who.glasses)}
        return {"id": name, "subject": who.name, "split": split, "expression": expression} | about

    def _draw(self, who: Character, shows: str, acts: Actions, taken: Shot, rng: np.random.Generator, row: dict[str, Any]) -> Drawn:
        image, _ = draw(who, acts, taken, self.size, rng, gray=self.gray, framing=self.framing)
        pose, light, lens = taken.pose, taken.light, taken.camera
        row |= {"units": acts.code(), "yaw": pose.yaw, "pitch": pose.pitch, "roll": pose.roll}
        row |= {"light": light.azimuth, "elevation": light.elevation, "exposure": lens.exposure, "blur": lens.blur, "noise": lens.noise}
        return Drawn(image, shows, row)


def blinking(style: Manner, intensity: float, closed: float) -> Actions:
    """A manner at an intensity, the lids closed by a blink."""
    acts = style.at(intensity)
    if not closed:
        return acts
    return Actions(*({**side, 43: max(closed, side.get(43, 0.0))} for side in (acts.left, acts.right)))


def turn_name(expression: str, goes: bool) -> str:
    """What a sequence is labelled in which an expression comes or goes."""
    return f"{expression} {'goes' if goes else 'comes'}"


def _sources(labels: LabelSet) -> list[list[str]]:
    """For each class the expressions that it holds. Raises LabelError for a class that none reaches."""
    matrix = FER8.projection(labels)
    return [[name for name, hit in zip(FER8, column, strict=True) if hit] for column in matrix.T]
