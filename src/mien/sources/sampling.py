"""Which of a source's frames are taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Protocol, TypeVar

from mien.core.errors import OptionError


class Timed(Protocol):
    """Anything that has a time."""

    @property
    def time_s(self) -> Fraction:
        """Seconds since the source began."""


T = TypeVar("T", bound=Timed)


@dataclass(frozen=True)
class Sampling:
    """Which frames are taken.

    Those with `start_s` ≤ time < `end_s`, in seconds; of them each `every`-th, or the `fps` a second that lie nearest to a regular grid.
    None: no limit, no grid.

    Raises
    ------
    OptionError
        `every` below 1, `fps` not above 0, both at once, or an empty or negative span of time.
    """

    every: int = 1
    fps: float | None = None
    start_s: float | None = None
    end_s: float | None = None

    def __post_init__(self) -> None:
        if self.every < 1 or int(self.every) != self.every:
            raise OptionError(f"every is a whole number from 1 up; received {self.every}.")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise OptionError(f"fps is a number of frames a second above 0; received {self.fps}.")
        if self.fps is not None and self.every != 1:
            raise OptionError(f"Give every or fps, not both; received every={self.every} and fps={self.fps}.")
        if not 0 <= (self.start_s or 0) < (math.inf if self.end_s is None else self.end_s):
            raise OptionError(f"A span of time needs 0 ≤ start_s < end_s; received start_s={self.start_s}, end_s={self.end_s}.")

    @property
    def span(self) -> str:
        """The span of time in words."""
        return f"from {self.start_s or 0:g} s on" + ("" if self.end_s is None else f" and before {self.end_s:g} s")

    def pick(self, frames: Iterable[T]) -> Iterator[T]:
        """The frames to take, each of them once. Reads one ahead where `fps` is given, and no frame from `end_s` on."""
        span = self._span(frames)
        return islice(span, 0, None, int(self.every)) if self.fps is None else self._nearest(span, _exact(self.fps))

    def pick_live(self, frames: Iterable[T]) -> Iterator[T]:
        """As `pick`, for frames that are gone when the next one comes: with `fps`, the first frame from each grid point on."""
        span = self._span(frames)
        return islice(span, 0, None, int(self.every)) if self.fps is None else self._first_after(span, _exact(self.fps))

    def expected(self, frames: float, duration_s: float | None) -> int:
        """About how many will be taken of that many frames over that many seconds."""
        if duration_s:
            end_s = duration_s if self.end_s is None else min(self.end_s, duration_s)
            span_s = max(end_s - (self.start_s or 0), 0)
            frames *= span_s / duration_s
            if self.fps is not None:
                frames = min(frames, span_s * self.fps)
        # A duration is rounded up or down by its container: a hair more than whole is whole.
        return math.ceil(frames / self.every - 0.01)

    def _span(self, frames: Iterable[T]) -> Iterator[T]:
        start_s, end_s = _exact(self.start_s or 0), None if self.end_s in (None, math.inf) else _exact(self.end_s)
        for frame in frames:
            if end_s is not None and frame.time_s >= end_s:
                return
            if frame.time_s >= start_s:
                yield frame

    def _nearest(self, frames: Iterable[T], fps: Fraction) -> Iterator[T]:
        """A frame is nearest to a grid point when one lies between the middles towards the frame before and the frame after."""
        held: T | None = None
        low = at = step = Fraction(0)
        for frame in frames:
            here = self._on_grid(frame, fps)
            if held is not None:
                step, middle = here - at, (at + here) / 2
                if math.ceil(low) < middle:
                    yield held
                low = middle
            held, at = frame, here
        if held is not None and math.ceil(low) <= at + step / 2:
            yield held

    def _first_after(self, frames: Iterable[T], fps: Fraction) -> Iterator[T]:
        last = -1
        for frame in frames:
            point = math.floor(self._on_grid(frame, fps))
            if point > last:
                last = point
                yield frame

    def _on_grid(self, frame: T, fps: Fraction) -> Fraction:
        return (frame.time_s - _exact(self.start_s or 0)) * fps


def _exact(value: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth, which the float itself is not, and a tenth is where a frame lies."""
    return Fraction(str(value))
