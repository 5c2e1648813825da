"""What the faces of videos showed over time, gathered frame by frame as a run goes on."""

from __future__ import annotations

from pathlib import Path

from mien.core.files import made_folder
from mien.core.labels import LabelSet
from mien.core.types import RGB, FrameResult, SourceInfo
from mien.dynamics.gather import Gathered
from mien.dynamics.tracks import Dynamics, Settings
from mien.report.dynamics_tables import write_tables


class FollowTracks:
    """A sink that keeps the scores of each track of videos and cameras; `found` has a `Dynamics` for each finished source with a track.

    `folder`: where the tables of `mien.report.dynamics_tables` are written when all is done; it is made at once, and OutputError says where
    it can't be.
    """

    def __init__(self, labels: LabelSet, settings: Settings | None = None, folder: str | Path | None = None) -> None:
        self.found: list[Dynamics] = []
        self._labels, self._settings, self._folder = labels, settings or Settings(), folder
        self._source, self._gathered = "", Gathered(labels)
        if folder is not None:
            made_folder(folder)

    def begin(self, info: SourceInfo) -> None:
        """Start a source."""
        self._source, self._gathered = info.source, Gathered(self._labels)

    def frame(self, result: FrameResult, image: RGB | None = None) -> None:
        """Keep the scores of its faces; its picture is not needed."""
        self._gathered.add(result)

    def end(self, error: str | None) -> None:
        """Finish the source, whole or broken off."""
        if (found := self._gathered.finish(self._source, self._settings)) is not None:
            self.found.append(found)

    def close(self, ok: bool) -> None:
        """Write the tables, if all is done."""
        if ok and self._folder is not None:
            write_tables(self._folder, self.found, self._labels)
