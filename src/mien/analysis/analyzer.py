"""`Analyzer`: a detector and a model, put together once and used on anything that shows faces."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.analysis.fit import in_size
from mien.analysis.recent import Recent
from mien.analysis.results import Results
from mien.analysis.run import run
from mien.analysis.sinks import Collect, PerFrame
from mien.analysis.stream import Analysed, Ended, pump
from mien.artifact import ExpressionModel, Model, SequenceModel, load_model
from mien.core.errors import InputError, OptionError
from mien.core.labels import LabelSet, label_set
from mien.core.types import RGB, Face, FaceResult, Frame, FrameResult, Prediction
from mien.faces import Detector, make_detector
from mien.faces.align import cut
from mien.faces.quality import quality
from mien.sources import Source, resolve


class Analyzer:
    """Finds the faces of pictures and says what they show.

    Parameters
    ----------
    model : a shipped model's name, the path of an artifact, or an object with `labels`, `identity`, `predict` and `with_labels`. A model of
        sequences says of each face of a video what its last frames show together; pictures that stand alone are refused.
    detector : "centerface", "yunet", "cascade", "whole", or an object with `name`, `box_framing` and `detect(image, *, moving)`.
    labels : the label set of the scores ("fer8", "fer7", "valence3" …); default the model's own.
    abstain_below : 0–1; a face whose highest score lies under it is marked `abstained` (its label is given all the same).
    coverage : 0.8 or 0.9; in place of `abstain_below`, the threshold that the model's card keeps for answering that share of faces.
    threads : for the model's runtime; default all cores.
    detector_options : passed to the detector of that name.
    detect_every : look for faces in each n-th analysed frame of a video only, and follow those that are there in between, at a fraction of
        the cost (`mien.faces.follow`); who enters is seen at the next detection.

    An analyzer may be shared between threads.

    Raises
    ------
    UnknownNameError
        No model, detector or label set of that name; the message has the near ones.
    ArtifactError, LabelError
        A model file that is refused, or that can't speak in these labels.
    OptionError
        `abstain_below` outside 0–1 or beside `coverage`, a coverage that the model keeps no threshold for, a `detect_every` below 1, or an
        option that the detector refuses.
    """

    def __init__(
        self,
        model: str | Path | ExpressionModel = "default",
        detector: str | Detector = "centerface",
        labels: str | LabelSet | None = None,
        *,
        abstain_below: float = 0.0,
        coverage: float | None = None,
        threads: int | None = None,
        detector_options: Mapping[str, Any] | None = None,
        detect_every: int = 1,
    ) -> None:
        if not 0.0 <= abstain_below <= 1.0:
            raise OptionError(f"abstain_below is a score from 0 to 1; received {abstain_below}. Give 0 to never abstain.")
        if coverage is not None and abstain_below:
            raise OptionError(f"Give abstain_below or coverage, not both; received {abstain_below} and {coverage}.")
        if detect_every < 1:
            raise OptionError(f"detect_every is 1 or more; received {detect_every!r}.")
        self.detect_every = detect_every
        wanted = None if labels is None else label_set(labels)
        self.detector = make_detector(detector, **(detector_options or {})) if isinstance(detector, str) else detector
        self.model = _model(model, wanted, threads)
        self.abstain_below = abstain_below if coverage is None else _threshold(self.model, coverage)

    @property
    def labels(self) -> LabelSet:
        """The label set of the scores, in their order."""
        return self.model.labels

    def analyze(
        self,
        inputs: Any,
        *,
        bgr: bool = False,
        every: int = 1,
        fps: float | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
        on_frame: Callable[[FrameResult, RGB], None] | None = None,
    ) -> Results:
        """Analyse one or many of: path, folder, glob, video, "camera:0", encoded bytes, array (H, W[, 3 or 4]), batch (N, H, W, 3).

        Arrays are RGB, uint8 or float 0–1; `bgr=True` says that they are BGR, as OpenCV reads them. `every` takes each n-th frame of a
        video, `fps` that many a second, `start_s` and `end_s` a part of it. `on_frame` is called with each frame's result and its picture,
        as they come.

        What can't be read is a source with an `error`; the others are finished. See `Results.errors`.
        """
        if isinstance(inputs, Iterator):
            inputs = list(inputs)
        reopen = partial(resolve, inputs, bgr=bgr, every=every, fps=fps, start_s=start_s, end_s=end_s)
        collected = Collect()
        run(self, reopen(), [collected] if on_frame is None else [collected, PerFrame(on_frame)])
        return Results(tuple(collected.sources), self.model.identity, self.detector.name, pictures=partial(_picture, reopen))

    def analyze_frame(self, frame: Frame) -> FrameResult:
        """Find and judge the faces of one decoded frame; none gives an empty result."""
        return self.judge(frame, self.find(frame))

    def stream(
        self,
        video: Any,
        *,
        bgr: bool = False,
        every: int = 1,
        fps: float | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
        track: bool = True,
    ) -> Generator[FrameResult, None, None]:
        """The results of a video, a camera, or whatever `analyze` takes, frame by frame as they are made, in bounded memory.

        `track`: give faces ids that stay with them from frame to frame.

        Raises
        ------
        InputError
            A source can't be opened, or breaks off; the frames before that were given.
        """
        sources = resolve(video, bgr=bgr, every=every, fps=fps, start_s=start_s, end_s=end_s)
        with closing(pump(self, sources, track=track)) as events:
            for event in events:
                if isinstance(event, Analysed):
                    yield event.result
                elif isinstance(event, Ended) and event.error is not None:
                    raise event.error

    def find(self, frame: Frame) -> list[Face]:
        """The faces of one frame, the surest first. Frames with a time are those of a video, where the detector may be quicker."""
        return self.detector.detect(frame.image, moving=frame.time_s is not None)

    def crops(self, frame: Frame, faces: Sequence[Face]) -> list[RGB]:
        """These faces of a frame, cut as the model takes them."""
        framing = framing_of(self.model)
        return [cut(frame.image, face, self.detector.box_framing, framing).image for face in faces]

    def judge(
        self, frame: Frame, faces: Sequence[Face], track_ids: Sequence[int | None] | None = None, recent: Recent | None = None
    ) -> FrameResult:
        """What these faces of a frame show: all of its crops go through the model together.

        `recent`: what a model of sequences has seen of the same video before, which takes these crops in.
        """
        if not faces:
            return FrameResult(frame.index, frame.time_s)
        ids, crops = track_ids if track_ids is not None else [None] * len(faces), self.crops(frame, faces)
        if recent is not None and isinstance(self.model, SequenceModel):
            scores = self.model.predict_sequences(recent.add(frame.time_s or 0.0, ids, crops))
        else:
            scores = self.model.predict(crops)
        found = tuple(
            FaceResult(face, self._prediction(row), id_, quality(face, crop))
            for face, crop, row, id_ in zip(faces, crops, scores, ids, strict=True)
        )
        return FrameResult(frame.index, frame.time_s, found)

    def _prediction(self, scores: NDArray[np.float32]) -> Prediction:
        return Prediction(scores, self.labels, abstained=bool(scores.max() < self.abstain_below))


def analyze(
    inputs: Any,
    *,
    model: str | Path | ExpressionModel = "default",
    detector: str | Detector = "centerface",
    labels: str | LabelSet | None = None,
    abstain_below: float = 0.0,
    coverage: float | None = None,
    bgr: bool = False,
    every: int = 1,
    fps: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    detect_every: int = 1,
    on_frame: Callable[[FrameResult, RGB], None] | None = None,
) -> Results:
    """Analyse pictures and videos in one call; see `Analyzer` and `Analyzer.analyze` for the options and the errors.

    The model and the detector are loaded for this call: for many calls, make one `Analyzer` and keep it.
    """
    analyzer = Analyzer(model, detector, labels, abstain_below=abstain_below, coverage=coverage, detect_every=detect_every)
    return analyzer.analyze(inputs, bgr=bgr, every=every, fps=fps, start_s=start_s, end_s=end_s, on_frame=on_frame)


def framing_of(model: ExpressionModel) -> str:
    """How faces are cut for a model; see `mien.faces.align.cut`. One that does not tell takes them as FER2013 frames them."""
    return model.card.preprocessing.framing if isinstance(model, Model) else "fer2013"


def _model(model: str | Path | ExpressionModel, labels: LabelSet | None, threads: int | None) -> ExpressionModel:
    if isinstance(model, (str, Path)):
        return load_model(model, labels, threads=threads)
    return model if labels is None else model.with_labels(labels)


def _threshold(model: ExpressionModel, coverage: float) -> float:
    if not isinstance(model, Model):
        raise OptionError(f"{model.identity.name} is no model file of mien and keeps no thresholds for a coverage. Give abstain_below.")
    return model.threshold_at(coverage)


def _picture(reopen: Callable[[], Iterator[Source]], source: int, frame: int) -> RGB:
    """Read the picture of that frame again: results keep numbers, not pictures."""
    opened = next(islice(reopen(), source, None), None)
    if opened is not None and opened.kind == "camera":
        raise InputError("The pictures of a camera are gone once they are analysed. Draw them as they come with on_frame=.")
    if opened is not None:
        with opened:
            for read in opened:
                if read.index == frame:
                    return in_size(read.image, opened.info)
    raise InputError(f"Frame {frame} of source {source} is not there any more: its file has changed. Analyse it again.")
