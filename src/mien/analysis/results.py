"""`Results`: what an analysis found, as a sequence of frames, a table, a dict, a file, a picture, or in the shapes of other tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from mien.analysis import exports
from mien.core.errors import InputError, OutputError
from mien.core.files import replacing
from mien.core.types import RGB, FaceResult, FrameResult, ModelIdentity, SourceInfo, SourceResult

if TYPE_CHECKING:
    import pandas
    from PIL.Image import Image

    from mien.dynamics.tracks import Settings

Shaped = list[dict[str, Any]] | list[list[dict[str, Any]]]


@dataclass(frozen=True, eq=False, repr=False)
class Results(Sequence[FrameResult]):
    """Every frame of every source, in order, with the model and the detector that spoke.

    A sequence of `FrameResult`: `len`, indexing, slicing (to a tuple) and iteration go over all frames of all sources. `sources` keeps them
    apart, also those that could not be read. `pictures` reads a picture again, given the numbers of its source and frame.
    """

    sources: tuple[SourceResult, ...]
    model: ModelIdentity
    detector: str
    pictures: Callable[[int, int], RGB] | None = None

    @cached_property
    def frames(self) -> tuple[FrameResult, ...]:
        """All frames of all sources."""
        return tuple(frame for source in self.sources for frame in source.frames)

    @property
    def faces(self) -> tuple[FaceResult, ...]:
        """All faces of all frames."""
        return tuple(face for frame in self.frames for face in frame.faces)

    @property
    def errors(self) -> dict[str, str]:
        """Source → why it could not be read, or why reading it stopped."""
        return {s.info.source: s.error for s in self.sources if s.error is not None}

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, index: int) -> FrameResult: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FrameResult, ...]: ...
    def __getitem__(self, index: int | slice) -> FrameResult | tuple[FrameResult, ...]:
        return self.frames[index]

    def __iter__(self) -> Iterator[FrameResult]:
        return iter(self.frames)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values in the schema "mien/1"."""
        from mien.report.tables import results_dict

        return results_dict(self.sources, self.model, self.detector)

    def to_df(self) -> pandas.DataFrame:
        """A DataFrame with a row for each face, one for each frame without any, and one for each source with an error."""
        from mien.report.tables import to_frame

        return to_frame(self.sources, self.model)

    def save(self, path: str | Path) -> Path:
        """Write the results, whole or not at all; the suffix picks .json, .jsonl, .csv or .parquet. Gives back the path.

        Raises
        ------
        UnknownNameError
            Another suffix.
        OutputError
            The file can't be written.
        """
        from mien.report.tables import write_table

        write_table(path, self.sources, self.model, self.detector)
        return Path(path)

    def summary(self) -> pandas.DataFrame:
        """How often each label was seen: a row for each source and track.

        Columns: `source`, `track`, `error`, `frames`, `faces`, a count for each label. `frames` counts the frames with that track;
        for faces without a track (stills), and for a source without faces, all its frames.
        """
        import pandas

        rows = [row for source in self.sources for row in self._counts(source)]
        columns = ["source", "track", "error", "frames", "faces", *self.model.labels]
        return pandas.DataFrame(rows, columns=columns).astype({"track": "Int64"})

    def dynamics(self, settings: Settings | None = None) -> dict[str, pandas.DataFrame]:
        """What the faces of videos showed over time: the tables `scores`, `segments`, `tracks` and `stability`.

        Their columns stand in `mien.report.dynamics_tables`; `settings`, a `mien.dynamics.tracks.Settings`, says how scores are smoothed,
        cut into segments and measured. Stills have no time, and no rows.
        """
        from mien.analysis.temporal import FollowTracks
        from mien.report.dynamics_tables import tables

        followed = FollowTracks(self.model.labels, settings)
        for source in self.sources:
            followed.begin(source.info)
            for frame in source.frames:
                followed.frame(frame)
            followed.end(source.error)
        return tables(followed.found, self.model.labels)

    def plot(self, frame: int = 0, path: str | Path | None = None) -> Image:
        """The picture of the `frame`-th frame with boxes, labels and scores drawn on it; also written to `path` when given.

        Results keep numbers, not pictures: the source is read again.

        Raises
        ------
        InputError
            There is no such frame, or its picture can't be had again (a camera).
        OutputError
            `path` can't be written, or its suffix is that of no picture.
        """
        from PIL import Image

        from mien.report.draw import annotate

        where = [(s, f) for s, source in enumerate(self.sources) for f in source.frames]
        if self.pictures is None or not -len(where) <= frame < len(where):
            raise InputError(f"Can't draw frame {frame} of {self!r}. Give the number of a frame, from results of Analyzer.analyze.")
        if path is not None and Path(path).suffix.lower() not in Image.registered_extensions():
            raise OutputError(f"{path} has no suffix of a picture. Give one such as .png or .jpg.")
        source, result = where[frame]
        picture = Image.fromarray(annotate(self.pictures(source, result.index), result.faces))
        if path is not None:
            with replacing(path) as temporary:
                picture.save(temporary)
        return picture

    def to_deepface(self) -> Shaped:
        """The shape of `DeepFace.analyze`: for one picture a list with a dict for each face, else a list of such lists.

        Each dict has `emotion` (angry, disgust, fear, happy, sad, surprise, neutral: 0–100), `dominant_emotion`, `region` (x, y, w, h,
        left_eye, right_eye) and `face_confidence`. A frame without faces, and a source with an error, is an empty list. Contempt has no
        place among the seven: its share is dropped and the others sum to 100.

        Raises
        ------
        LabelError
            Labels that can't be read as `fer7`, such as `valence3`.
        """
        return self._shaped(exports.deepface)

    def to_fer(self) -> Shaped:
        """The shape of `FER().detect_emotions`: for one picture a list with a dict for each face, else a list of such lists.

        Each dict is {"box": [x, y, w, h], "emotions": {angry … neutral: 0–1}}. Empty lists, contempt and errors as for `to_deepface`.
        """
        return self._shaped(exports.fer)

    def __repr__(self) -> str:
        labels = Counter(face.prediction.label for face in self.faces)
        found = ", ".join(f"{n} {label}" for label, n in labels.most_common())
        counts = {"source": len(self.sources), "frame": len(self), "error": len(self.errors), "face": labels.total()}
        parts = ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in counts.items() if n or noun != "error")
        return f"<Results: {parts}{f' ({found})' if found else ''}; {self.model.name} over {self.model.labels.name}, {self.detector}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.summary().to_html(index=False, na_rep='')}"

    def _shaped(self, form: Callable[[FaceResult, SourceInfo], dict[str, Any]]) -> Shaped:
        nothing = (FrameResult(0, None),)
        lists = [[form(face, s.info) for face in frame.faces] for s in self.sources for frame in s.frames or nothing]
        one_picture = len(self.sources) == 1 and self.sources[0].info.kind == "image"
        return lists[0] if one_picture else lists

    def _counts(self, source: SourceResult) -> list[dict[str, Any]]:
        tracks = sorted({face.track_id for frame in source.frames for face in frame.faces}, key=lambda t: (t is None, t)) or [None]
        return [self._count_track(source, track) for track in tracks]

    def _count_track(self, source: SourceResult, track: int | None) -> dict[str, Any]:
        found = [[face for face in frame.faces if face.track_id == track] for frame in source.frames]
        labels = Counter(face.prediction.label for faces in found for face in faces)
        frames = len(found) if track is None else sum(map(bool, found))
        about = {"source": source.info.source, "track": track, "error": source.error}
        return {**about, "frames": frames, "faces": labels.total(), **{name: labels[name] for name in self.model.labels}}
