"""A video's results over time in memory that does not grow with its length.

Analysed frames fall into at most `BINS` bins of equally many frames; when they are full, each two become one. So bins have true times even
where the frame rate varies, sampled frames leave no gaps, and a gap means that no face was there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.core.types import RGB, FaceResult, FrameResult
from mien.report.album import Album
from mien.report.moments import CLEARER, Shot
from mien.report.thumbs import face_crop, jpeg, scene

BINS = 1600
TRACKS = 400
STRIP = 8
SHOT_PX, STRIP_PX, ALBUM_PX = 112, 320, 96
ALBUM_QUALITY = 75


@dataclass(frozen=True, eq=False)
class Sums:
    """How often, `frames` int64 (C,), and how long, `seconds` float64 (C,), each label was the highest."""

    frames: NDArray[np.int64]
    seconds: NDArray[np.float64]

    @classmethod
    def none(cls, labels: LabelSet) -> Sums:
        """Nothing yet."""
        return cls(np.zeros(len(labels), np.int64), np.zeros(len(labels)))

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.frames + other.frames, self.seconds + other.seconds)

    @property
    def faces(self) -> int:
        """Faces counted."""
        return int(self.frames.sum())

    @property
    def shares(self) -> list[float]:
        """Shares that sum to 1: of the time, or of the frames where no time passed."""
        weights = self.seconds if self.seconds.any() else self.frames.astype(np.float64)
        total = max(float(weights.sum()), 1e-12)
        return [float(weight) / total for weight in weights]


@dataclass(eq=False)
class Track:
    """One person's face over time (None: faces that no track holds).

    `bins`: bin → the sum of the scores in it, then their number, float32 (C + 1,). `peaks`: bin → the highest of each score in it, float32
    (C,), so that what is short is not lost in a mean. `shots`: label → the clearest moment. `album`: pictures over all the time.
    """

    number: int | None
    first_s: float
    last_s: float
    sums: Sums
    bins: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    peaks: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    shots: dict[int, Shot] = field(default_factory=dict)
    album: Album = field(default_factory=Album)

    def add(self, position: int, scores: NDArray[np.float32]) -> None:
        """Put one face's scores into a bin."""
        held = self.bins.setdefault(position, np.zeros(len(scores) + 1, np.float32))
        held[:-1] += scores
        held[-1] += 1
        highest = self.peaks.setdefault(position, scores.copy())
        np.maximum(highest, scores, out=highest)

    def halve(self) -> None:
        """Make each two bins one."""
        old, self.bins = self.bins, {}
        for position, held in old.items():
            new = self.bins.setdefault(position // 2, np.zeros_like(held))
            new += held
        peaks, self.peaks = self.peaks, {}
        for position, held in peaks.items():
            highest = self.peaks.setdefault(position // 2, held)
            np.maximum(highest, held, out=highest)


class Timeline:
    """The frames of one video, added one after another.

    `tracks`: by number, in order of appearance. Of more than `TRACKS` the shortest are folded into `folded_sums`; `folded` is how many.
    `strip`: at most `STRIP` small pictures at even distances.
    """

    def __init__(self, labels: LabelSet) -> None:
        self.labels = labels
        self.frames = self.faces = self.folded = 0
        self.tracks: dict[int | None, Track] = {}
        self.folded_sums = Sums.none(labels)
        self.strip: list[Shot] = []
        self._starts: list[float] = []
        self._per_bin = self._per_shot = 1
        self._last_s = self._step_s = 0.0
        self._showing: list[tuple[Track, int]] = []

    @property
    def edges(self) -> NDArray[np.float64]:
        """Begin of each bin and end of the last, seconds, float64 (bins + 1,)."""
        return np.array([*self._starts, self._last_s + self._step_s])

    @property
    def duration_s(self) -> float:
        """From the first analysed frame to the end of the last."""
        return self._last_s + self._step_s - self._starts[0] if self._starts else 0.0

    @property
    def sums(self) -> Sums:
        """Over all faces."""
        return sum((track.sums for track in self.tracks.values()), self.folded_sums)

    def add(self, result: FrameResult, image: RGB | None) -> None:
        """Add a frame; without its picture there are no shots."""
        time_s = float(self.frames) if result.time_s is None else result.time_s
        self._advance(time_s)
        position = self.frames // self._per_bin
        for face in result.faces:
            self._add_face(face, position, time_s, image)
        if image is not None and self.frames % self._per_shot == 0:
            self._add_to_strip(result, image, time_s)
        self.frames += 1
        self.faces += len(result.faces)

    def finish(self) -> None:
        """Count the time that the last frame is shown: as long as the one before it."""
        for track, label in self._showing:
            track.sums.seconds[label] += self._step_s
        self._showing = []

    def _advance(self, time_s: float) -> None:
        if self.frames:
            self._step_s = max(time_s - self._last_s, 0.0)
            self.finish()
        self._last_s = max(time_s, self._last_s) if self.frames else time_s
        if self.frames % self._per_bin == 0:
            if len(self._starts) == BINS:
                self._halve()
            if self.frames % self._per_bin == 0:
                self._starts.append(time_s)

    def _halve(self) -> None:
        self._starts = self._starts[::2]
        self._per_bin *= 2
        for track in self.tracks.values():
            track.halve()

    def _add_face(self, face: FaceResult, position: int, time_s: float, image: RGB | None) -> None:
        scores = face.prediction.scores
        label = int(scores.argmax())
        track = self.tracks.get(face.track_id) or self._new_track(face.track_id, time_s)
        track.add(position, scores)
        track.sums.frames[label] += 1
        track.last_s = time_s
        self._showing.append((track, label))
        if image is not None:
            self._picture(track, face, label, time_s, image)

    def _picture(self, track: Track, face: FaceResult, label: int, time_s: float, image: RGB) -> None:
        best, said = track.shots.get(label), face.prediction
        if best is None or said.confidence > best.confidence + CLEARER:
            track.shots[label] = Shot(time_s, said.confidence, jpeg(face_crop(image, face.face, SHOT_PX)), said.label)
        track.album.add(time_s, said, lambda: jpeg(face_crop(image, face.face, ALBUM_PX), ALBUM_QUALITY))

    def _new_track(self, number: int | None, time_s: float) -> Track:
        if len(self.tracks) >= TRACKS:
            self._fold_shortest()
        track = self.tracks[number] = Track(number, time_s, time_s, Sums.none(self.labels))
        return track

    def _fold_shortest(self) -> None:
        shown = {id(track) for track, _ in self._showing}
        track = min(self.tracks.values(), key=lambda track: (id(track) in shown, track.sums.faces))
        del self.tracks[track.number]
        self.folded += 1
        self.folded_sums += track.sums

    def _add_to_strip(self, result: FrameResult, image: RGB, time_s: float) -> None:
        if len(self.strip) == STRIP:
            self.strip = self.strip[::2]
            self._per_shot *= 2
            if self.frames % self._per_shot:
                return
        self.strip.append(Shot(time_s, 0.0, jpeg(scene(image, result.faces, STRIP_PX, words=False))))
