"""What a run has found so far, kept on disk as it goes, so that a run that was killed goes on where it stopped.

A line of JSON for each event: floats are written so that they read back to the bit. What is taken up passes the tracker once more, which
then stands where it stood, so that the resumed run ends in the same files as one that was never broken off.
"""

from __future__ import annotations

import hashlib
import json
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import InputError, OutputError
from mien.core.labels import LabelSet
from mien.core.types import RGB, Face, FaceResult, FrameResult, Prediction, SourceInfo
from mien.faces.look import View


@dataclass(frozen=True)
class Last:
    """The last frame that can be taken up: its index and time, a mark of its picture, and whether the source was damaged before it."""

    index: int
    time_s: float | None
    mark: int
    damaged: bool

    def is_of(self, image: RGB) -> bool:
        """Whether it shows that picture."""
        return mark_of(image) == self.mark


@dataclass(frozen=True)
class Begun:
    """A source that the journal holds, and its `fingerprint`: how many of its frames can be taken up, the last, and whether it ended."""

    source: str
    of: list[Any]
    frames: int
    last: Last | None
    ended: bool

    def need(self, source: str) -> None:
        """Raise InputError for another source, or where its file is not the one that was read."""
        if source != self.source:
            raise InputError(f"The journal holds {self.source} in place of {source}. Give the same inputs, or remove it.")
        if self.of != fingerprint(source):
            raise InputError(f"{source} has changed since the journal was begun. Give what it was, or remove the journal.")


class Journal:
    """The journal of one run in `path`, which is made, or taken up where it is there.

    `of`: all that decides what a run finds, as plain JSON values; a journal of something else is refused. `begun`: the sources that it
    holds; `past` gives their frames. Of a source that had not ended nothing is taken up from the last detection on, for faces that are
    followed from there need its picture.

    Raises InputError for a journal of another run or what is no journal, OutputError where it can't be written.
    """

    def __init__(self, path: str | Path, of: Any, labels: LabelSet) -> None:
        self._path, self._labels = Path(path), labels
        mark = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()
        self.begun: list[Begun] = []
        self._heads: list[dict[str, Any]] = []
        try:
            end = self._scan(mark) if self._path.is_file() else 0
            self._file = self._path.open("r+" if end else "w", encoding="utf-8", newline="\n")
            self._file.truncate(end)
            self._file.seek(end)
        except OSError as error:
            raise OutputError(f"Can't keep a journal in {path}: {error.strerror}. Give a path in a folder you may write.") from error
        if not end:
            self._write({"journal": mark})

    def past(self, place: int) -> Iterator[tuple[FrameResult, list[View]]]:
        """The frames of the `place`-th source that can be taken up, and how their people looked, read as they are asked for."""
        at, left = -1, self.begun[place].frames
        with self._path.open(encoding="utf-8") as file:
            while left:
                entry = json.loads(file.readline())
                at += "begin" in entry
                if at == place and "frame" in entry:
                    left -= 1
                    yield self._result(entry["frame"]), list(map(View.of, entry["seen"]))

    def info(self, place: int) -> tuple[SourceInfo, str | None]:
        """What was known of the `place`-th source, and the error that it ended with."""
        entries = self._heads[place]
        return SourceInfo(*entries["begin"]), entries.get("end")

    def begin(self, info: SourceInfo) -> None:
        """A source begins."""
        self._write({"begin": [info.source, info.kind, info.width, info.height], "of": fingerprint(info.source)})

    def frame(self, result: FrameResult, image: RGB, seen: Sequence[View] = (), *, detected: bool, damaged: bool = False) -> None:
        """A frame was analysed, and its people `seen` so.

        `detected`: its faces were looked for, not followed; `damaged`: the source was, before it.
        """
        faces = [
            [
                list(map(float, face.face.box_xyxy)),
                float(face.face.score),
                None if face.face.landmarks is None else face.face.landmarks.astype(float).tolist(),
                face.prediction.scores.astype(float).tolist(),
                face.prediction.abstained,
                face.track_id,
                face.quality,
            ]
            for face in result.faces
        ]
        frame = [result.index, result.time_s, faces]
        looks = [view.text for view in seen]
        self._write({"frame": frame, "seen": looks, "detected": detected, "mark": mark_of(image), "damaged": damaged})

    def end(self, error: str | None) -> None:
        """A source ends."""
        self._write({"end": error})

    def close(self, ok: bool) -> None:
        """All is done (`ok`), and the journal goes; or the run was broken off, and it stays."""
        self._file.close()
        if ok:
            self._path.unlink(missing_ok=True)

    def _write(self, entry: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"Can't write the journal {self._path}: {error.strerror}. Make room; --resume goes on.") from error

    def _scan(self, mark: str) -> int:
        """Read what is there into `begun`; gives the offset in bytes up to which it can be taken up."""
        offset = safe = frames = 0
        last: Last | None = None
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                entry = _entry(line)
                if number == 0 and (entry is None or entry.get("journal") != mark):
                    raise InputError(f"{self._path} is no journal of this run. Give the same inputs and options, or remove it.")
                if entry is None:
                    break  # the line that was being written
                start, offset = offset, offset + len(line)
                if "frame" in entry:
                    if entry["detected"]:
                        safe = start
                        self._note(frames, last)
                    frames, last = frames + 1, Last(entry["frame"][0], entry["frame"][1], entry["mark"], entry["damaged"])
                    continue
                if "begin" in entry:
                    self._heads.append(entry)
                    frames, last = 0, None
                elif "end" in entry:
                    self._heads[-1] |= entry
                safe = offset
                self._note(frames, last)
        return safe

    def _note(self, frames: int, last: Last | None) -> None:
        if self._heads:
            head = self._heads[-1]
            self.begun[len(self._heads) - 1 :] = [Begun(head["begin"][0], head["of"], frames, last, "end" in head)]

    def _result(self, entry: list[Any]) -> FrameResult:
        index, time_s, faces = entry
        return FrameResult(index, time_s, tuple(self._face(*face) for face in faces))

    def _face(
        self,
        box: list[float],
        score: float,
        marks: Any,
        scores: list[float],
        abstained: bool,
        track: int | None,
        quality: float | None = None,
    ) -> FaceResult:
        landmarks = None if marks is None else np.array(marks, np.float32)
        face = Face((box[0], box[1], box[2], box[3]), score, landmarks)
        return FaceResult(face, Prediction(np.array(scores, np.float32), self._labels, abstained), track, quality)


def _entry(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        read = json.loads(line)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def mark_of(image: RGB) -> int:
    """A number that tells a picture from others: of each eighth pixel of each eighth row, so that a block that differs shows in it."""
    return zlib.crc32(image[::8, ::8].tobytes())


def fingerprint(path: str) -> list[Any]:
    """Of a file: its name, size and time of change; of anything else, such as a folder, in which the outputs may lie, its name."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return [path]
    return [path, found.st_size, found.st_mtime_ns] if stat.S_ISREG(found.st_mode) else [path]
