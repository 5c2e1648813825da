"""The table that `analyze` shows: a row a face of a picture, a row a person of a video, a row a source that could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mien.core.types import RGB, FaceResult, FrameResult, Scores, SourceInfo

COLUMNS = ("Source", "Face", "Time", "Expression", ">Confidence", "Next", ">Frames")


@dataclass
class _Person:
    """The sum of the scores of one track, and when it was seen."""

    scores: Scores
    labels: tuple[str, ...]
    first_s: float
    last_s: float
    frames: int = 1

    def add(self, scores: Scores, time_s: float) -> None:
        self.scores = self.scores + scores
        self.last_s, self.frames = time_s, self.frames + 1


class Overview:
    """A sink that keeps one row of text a face of a still, and one a track of a video, however many frames it has."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []
        self.errors: list[str] = []
        self._name, self._moving, self._frames = "", False, 0
        self._people: dict[int | None, _Person] = {}
        self._faces = 0

    def begin(self, info: SourceInfo) -> None:
        """Start a source."""
        self._name, self._moving = Path(info.source).name or info.source, info.kind != "image"
        self._people, self._frames, self._faces = {}, 0, 0

    def frame(self, result: FrameResult, image: RGB) -> None:
        """Count a frame's faces."""
        self._frames += 1
        self._faces += len(result.faces)
        for number, face in enumerate(result.faces, start=1):
            if self._moving:
                self._meet(face, result.time_s or 0.0)
            else:
                prediction = face.prediction
                label = prediction.label + (" ?" if prediction.abstained else "")
                self._row(f"{number}", "", label, prediction.scores, prediction.labels.names, "")

    def end(self, error: str | None) -> None:
        """Write the rows of the source."""
        for track, person in sorted(self._people.items(), key=lambda item: (item[0] is None, item[0])):
            mean = person.scores / person.frames
            label = person.labels[int(mean.argmax())]
            when = f"{person.first_s:.1f}–{person.last_s:.1f} s"
            self._row("–" if track is None else f"{track}", when, label, mean, person.labels, f"{person.frames}")
        if not self._faces and error is None:
            self.rows.append((self._name, "–", "", "no face found", "", "", f"{self._frames}" if self._moving else ""))
        if error is not None:
            self.errors.append(error)
            self.rows.append((self._name, "–", "", f"error: {error}", "", "", ""))

    def close(self, ok: bool) -> None:
        """Nothing is open."""

    def _meet(self, face: FaceResult, time_s: float) -> None:
        scores = face.prediction.scores
        if face.track_id in self._people:
            self._people[face.track_id].add(scores, time_s)
        else:
            self._people[face.track_id] = _Person(scores, face.prediction.labels.names, time_s, time_s)

    def _row(self, face: str, when: str, label: str, scores: Scores, names: tuple[str, ...], frames: str) -> None:
        best, second = scores.argsort()[::-1][:2]
        runner_up = f"{names[second]} {scores[second]:.0%}"
        self.rows.append((self._name, face, when, label, f"{scores[best]:.0%}", runner_up, frames))
