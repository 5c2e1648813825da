"""How an expression comes and goes: neutral, onset, apex, offset, and the head's own motion meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.datasets.avatars.view import Pose


@dataclass(frozen=True)
class Course:
    """One showing of an expression: seconds at which it begins to come, is full, begins to go and is gone; and its `peak`, 0–1."""

    onset_s: float
    apex_s: float
    offset_s: float
    end_s: float
    peak: float

    def at(self, time_s: float) -> tuple[str, float]:
        """Phase and intensity, 0–1, at that time. The intensity eases in and out: 3t² - 2t³."""
        if self.onset_s <= time_s < self.apex_s:
            return "onset", self.peak * _ease((time_s - self.onset_s) / (self.apex_s - self.onset_s))
        if self.apex_s <= time_s < self.offset_s:
            return "apex", self.peak
        if self.offset_s <= time_s < self.end_s:
            return "offset", self.peak * _ease((self.end_s - time_s) / (self.end_s - self.offset_s))
        return "neutral", 0.0


def course(duration_s: float, peak: float, rng: np.random.Generator) -> Course:
    """A course that begins and ends neutral within `duration_s`, the lengths of its phases drawn at random."""
    share = rng.uniform((0.08, 0.18, 0.22, 0.18, 0.06), (0.18, 0.3, 0.4, 0.3, 0.16))
    ends = np.cumsum(share / share.sum()) * duration_s
    onset, apex, offset, end = ends[:4].tolist()
    return Course(onset, apex, offset, end, peak)


@dataclass(frozen=True)
class Turn:
    """An expression that comes and stays, or, seen backwards in time, one that goes: no frame by itself tells which.

    Seconds at which it begins to come and is full, of `duration_s`.
    """

    onset_s: float
    apex_s: float
    duration_s: float
    peak: float
    goes: bool

    @classmethod
    def drawn(cls, duration_s: float, peak: float, goes: bool, rng: np.random.Generator) -> Turn:
        """A turn whose rise takes 20 to 60 % of the time, anywhere in its middle."""
        share = rng.uniform(0.2, 0.6)
        start = rng.uniform(0.1, 0.9 - share)
        return cls(start * duration_s, (start + share) * duration_s, duration_s, peak, goes)

    def at(self, time_s: float) -> tuple[str, float]:
        """Phase and intensity, 0–1, at that time."""
        since = (self.duration_s - time_s if self.goes else time_s) - self.onset_s
        if since < 0:
            return "neutral", 0.0
        if since >= (rise := self.apex_s - self.onset_s):
            return "apex", self.peak
        return "offset" if self.goes else "onset", self.peak * _ease(since / rise)


@dataclass(frozen=True, eq=False)
class Motion:
    """Slow swaying of the head: `waves` (5, 2, 3) of amplitude, frequency in Hz and phase, for yaw, pitch, roll, right and down."""

    waves: NDArray[np.float64]

    def at(self, time_s: float) -> NDArray[np.float64]:
        """Degrees of yaw, pitch and roll, and units right and down (5,), to be added to where the head is."""
        size, rate, start = self.waves[..., 0], self.waves[..., 1], self.waves[..., 2]
        out: NDArray[np.float64] = (size * np.sin(2 * np.pi * rate * time_s + start)).sum(axis=1)
        return out

    def turned(self, pose: Pose, time_s: float) -> Pose:
        """`pose`, moved."""
        yaw, pitch, roll = self.at(time_s)[:3].tolist()
        return Pose(pose.yaw + yaw, pose.pitch + pitch, pose.roll + roll)


def motion(rng: np.random.Generator) -> Motion:
    """A motion drawn at random."""
    size = np.array([5.0, 2.5, 2.5, 0.03, 0.02])[:, None] * rng.uniform(0.3, 1.0, (5, 2))
    return Motion(np.stack([size, rng.uniform(0.15, 0.7, (5, 2)), rng.uniform(0, 2 * np.pi, (5, 2))], axis=2))


def blink(time_s: float, every_s: float, first_s: float) -> float:
    """How far the lids are closed, 0–1, by a blink of 0.2 s that comes back every `every_s`."""
    since = (time_s - first_s) % every_s
    return max(0.0, 1 - abs(since - 0.1) / 0.1) if since < 0.2 else 0.0


def _ease(t: float) -> float:
    return t * t * (3 - 2 * t)
