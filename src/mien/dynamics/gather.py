"""The scores of the tracks of one source, gathered frame by frame."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np

from mien.core.labels import LabelSet
from mien.core.types import FrameResult
from mien.dynamics.series import Series
from mien.dynamics.tracks import Dynamics, Settings, dynamics


@dataclass
class _Rows:
    frames: array[int] = field(default_factory=lambda: array("q"))
    times_s: array[float] = field(default_factory=lambda: array("d"))
    scores: array[float] = field(default_factory=lambda: array("f"))
    qualities: array[float] = field(default_factory=lambda: array("d"))


class Gathered:
    """Some sixty bytes for each tracked face of each frame, and eight for a frame.

    Faces of stills, which no track holds, are left aside, and so is a row whose time does not advance.
    """

    def __init__(self, labels: LabelSet) -> None:
        self._labels = labels
        self._rows: dict[int, _Rows] = {}
        self._times_s = array("d")

    def add(self, result: FrameResult) -> None:
        """Keep the scores of a frame's faces."""
        if result.time_s is not None:
            self._times_s.append(result.time_s)
        for face in result.faces:
            if face.track_id is None or result.time_s is None:
                continue
            rows = self._rows.setdefault(face.track_id, _Rows())
            if rows.times_s and result.time_s <= rows.times_s[-1]:
                continue
            rows.frames.append(result.index)
            rows.times_s.append(result.time_s)
            rows.scores.extend(face.prediction.scores.tolist())
            rows.qualities.append(np.nan if face.quality is None else face.quality)

    def finish(self, source: str, settings: Settings) -> Dynamics | None:
        """What follows from all of them; None without a track."""
        step_s = float(np.median(np.diff(self._times_s))) if len(self._times_s) > 1 else 0.0
        seen = {track: (np.array(rows.frames, np.int64), self._series(rows, step_s)) for track, rows in self._rows.items()}
        return dynamics(source, seen, settings) if seen else None

    def _series(self, rows: _Rows, step_s: float) -> Series:
        scores = np.array(rows.scores, np.float32).reshape(-1, len(self._labels))
        qualities = np.array(rows.qualities, np.float64)
        weights = None if np.isnan(qualities).any() else qualities
        return Series(np.array(rows.times_s, np.float64), scores, self._labels, weights, step_s)
