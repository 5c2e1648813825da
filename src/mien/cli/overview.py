"""The table that `analyze` shows: a row a face of a picture, a row a person of a video, a row a source that could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mien.core.types import RGB, FaceResult, FrameResult, Scores, SourceInfo

COLUMNS = ("Source", "Face", "Time", "Expression", ">Sure", "Next")

LONGEST_NAME = 36
"""Of a longer one the end is shown."""


@dataclass
class _Person:
    """The sum of the scores of one track, when it was seen, and in how many frames of those the model abstained."""

    scores: Scores
    labels: tuple[str, ...]
    first_s: float
    last_s: float
    abstained: int
    frames: int = 1

    def add(self, scores: Scores, time_s: float, abstained: bool) -> None:
        self.scores = self.scores + scores
        self.last_s, self.abstained, self.frames = time_s, self.abstained + abstained, self.frames + 1


class Overview:
    """A sink that keeps one row of text a face of a still, and one a track of a video, however many frames it has.

    `rows` fit `COLUMNS`; `errors` are those of the `sources` that could not be read to their end, each with why; `dropped` is how many
    frames each live source dropped.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []
        self.errors: list[tuple[str, str]] = []
        self.dropped: dict[str, int] = {}
        self.sources = 0
        self._source, self._moving, self._frames = "", False, 0
        self._people: dict[int | None, _Person] = {}
        self._faces = 0

    def begin(self, info: SourceInfo) -> None:
        """Start a source."""
        self._source, self._moving = info.source, info.kind != "image"
        self._people, self._frames, self._faces = {}, 0, 0
        self.sources += 1

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
                self._row(f"{number}", "", label, prediction.scores, prediction.labels.names)

    def end(self, error: str | None) -> None:
        """Write the rows of the source."""
        for track, person in sorted(self._people.items(), key=lambda item: (item[0] is None, item[0])):
            mean = (person.scores / person.frames).astype(person.scores.dtype)
            label = person.labels[int(mean.argmax())] + (" ?" if 2 * person.abstained > person.frames else "")
            when = f"{person.first_s:.1f}–{person.last_s:.1f} s"
            self._row("–" if track is None else f"{track}", when, label, mean, person.labels)
        if error is not None:
            self.errors.append((self._source, error))
            self._note("broke off" if self._frames else "not read")
        elif not self._faces:
            self._note("no face found")

    def close(self, ok: bool) -> None:
        """Nothing is open."""

    def _meet(self, face: FaceResult, time_s: float) -> None:
        scores, abstained = face.prediction.scores, face.prediction.abstained
        if face.track_id in self._people:
            self._people[face.track_id].add(scores, time_s, abstained)
        else:
            self._people[face.track_id] = _Person(scores, face.prediction.labels.names, time_s, time_s, int(abstained))

    def _note(self, text: str) -> None:
        self.rows.append((self._name, "–", "", text, "", ""))

    @property
    def _name(self) -> str:
        return self._source if len(self._source) <= LONGEST_NAME else "…" + self._source[1 - LONGEST_NAME :]

    def _row(self, face: str, when: str, label: str, scores: Scores, names: tuple[str, ...]) -> None:
        order = scores.argsort()[::-1]
        runner_up = "".join(f"{names[i]} {scores[i]:.0%}" for i in order[1:2])
        self.rows.append((self._name, face, when, label, f"{scores[order[0]]:.0%}", runner_up))
