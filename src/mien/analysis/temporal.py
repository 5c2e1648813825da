"""What the faces of videos showed over time, gathered frame by frame as a run goes on."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.core.files import made_folder
from mien.core.labels import LabelSet
from mien.core.types import RGB, FrameResult, SourceInfo
from mien.dynamics.series import Series
from mien.dynamics.tracks import Dynamics, Settings, dynamics
from mien.report.dynamics_tables import write_tables


@dataclass
class _Rows:
    """Of one track: some forty bytes a frame."""

    frames: array[int] = field(default_factory=lambda: array("q"))
    times_s: array[float] = field(default_factory=lambda: array("d"))
    scores: array[float] = field(default_factory=lambda: array("f"))


class FollowTracks:
    """A sink that keeps the scores of each track of videos and cameras; `found` has a `Dynamics` for each finished source with a track.

    Faces of stills, which no track holds, are left aside, and so is a row whose time does not advance. `folder`: where the tables of
    `mien.report.dynamics_tables` are written when all is done; it is made at once, and OutputError says where it can't be.
    """

    def __init__(self, labels: LabelSet, settings: Settings | None = None, folder: str | Path | None = None) -> None:
        self.found: list[Dynamics] = []
        self._labels, self._settings, self._folder = labels, settings or Settings(), folder
        if folder is not None:
            made_folder(folder)
        self._source, self._rows = "", dict[int, _Rows]()

    def begin(self, info: SourceInfo) -> None:
        """Start a source."""
        self._source, self._rows = info.source, {}

    def frame(self, result: FrameResult, image: RGB | None = None) -> None:
        """Keep the scores of its faces; its picture is not needed."""
        for face in result.faces:
            if face.track_id is None or result.time_s is None:
                continue
            rows = self._rows.setdefault(face.track_id, _Rows())
            if rows.times_s and result.time_s <= rows.times_s[-1]:
                continue
            rows.frames.append(result.index)
            rows.times_s.append(result.time_s)
            rows.scores.extend(face.prediction.scores.tolist())

    def end(self, error: str | None) -> None:
        """Finish the source, whole or broken off."""
        if self._rows:
            seen = {track: (np.array(rows.frames, np.int64), self._series(rows)) for track, rows in self._rows.items()}
            self.found.append(dynamics(self._source, seen, self._settings))
            self._rows = {}

    def close(self, ok: bool) -> None:
        """Write the tables, if all is done."""
        if ok and self._folder is not None:
            write_tables(self._folder, self.found, self._labels)

    def _series(self, rows: _Rows) -> Series:
        scores = np.array(rows.scores, np.float32).reshape(-1, len(self._labels))
        return Series(np.array(rows.times_s, np.float64), scores, self._labels)
