"""All that is said of the faces of one video over time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError, UnknownNameError
from mien.dynamics.segments import Segment, segments
from mien.dynamics.series import Series
from mien.dynamics.smoothing import SMOOTHERS, smooth
from mien.dynamics.stability import Stability, of_group, stability, window_starts


@dataclass(frozen=True)
class Settings:
    """How series are smoothed, cut and measured.

    `smoothing`: one of `smoothing.SMOOTHERS`, and its number `width_s` (None: its own). `least_s`: no segment is shorter, but at an end.
    `window_s`, `step_s`: of the windows of stability. `weighted`: rows count by the weights of their series, the quality of the faces;
    else all alike.
    """

    smoothing: str = "hann"
    width_s: float | None = None
    least_s: float = 0.2
    window_s: float = 30.0
    step_s: float = 5.0
    weighted: bool = True

    def __post_init__(self) -> None:
        if self.smoothing not in SMOOTHERS:
            raise UnknownNameError("smoothing", self.smoothing, SMOOTHERS)
        for name in ("width_s", "window_s", "step_s"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise OptionError(f"{name} is above 0 seconds and finite; received {value!r}.")
        if not self.least_s >= 0:
            raise OptionError(f"least_s is 0 seconds or more; received {self.least_s!r}.")


@dataclass(frozen=True, eq=False)
class TrackDynamics:
    """One face: the numbers of its frames, int64 (N,), its scores in them, and what follows from those once they are smoothed.

    `windows` are those of all tracks of the source; in some the face may not have been seen. `least_s`: that of the settings.
    """

    track: int
    frames: NDArray[np.int64]
    raw: Series
    smoothed: Series
    segments: list[Segment]
    whole: Stability
    windows: list[Stability]
    least_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Dynamics:
    """The faces of one source in the order in which they appeared, and the mean of their figures in each window."""

    source: str
    tracks: list[TrackDynamics]
    group: list[dict[str, float]]


def dynamics(source: str, seen: Mapping[int, tuple[NDArray[np.int64], Series]], settings: Settings) -> Dynamics:
    """What is said of the tracks of a source: track → the numbers of its frames, and what it showed in them."""
    least_s = settings.least_s
    series = [raw if settings.weighted else replace(raw, weights=None) for _, raw in seen.values()]
    starts, tracks = window_starts(series, settings.window_s, settings.step_s), []
    for (track, (frames, raw)), smoothed in zip(seen.items(), smooth(series, settings.smoothing, settings.width_s), strict=True):
        inside = [stability(smoothed, start, start + settings.window_s, least_s) for start in starts]
        whole = stability(smoothed, least_s=least_s)
        tracks.append(TrackDynamics(track, frames, raw, smoothed, segments(smoothed, least_s), whole, inside, least_s))
    group = [of_group([one.windows[place] for one in tracks]) for place in range(len(starts))]
    return Dynamics(source, tracks, group)
