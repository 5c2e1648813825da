"""A recorded session from its videos and its table of segments: one run over each video, then an answer for each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mien.analysis.analyzer import Analyzer
from mien.analysis.run import Progress, run
from mien.analysis.temporal import FollowTracks
from mien.core.errors import InputError
from mien.core.types import RGB, FrameResult, ModelIdentity, SourceInfo
from mien.dynamics.session import Answer, Question, answer, with_tracks
from mien.dynamics.tracks import Settings
from mien.report.thumbs import face_crop, jpeg
from mien.sources import resolve

Shot = tuple[str, bytes]
SHOT_PX = 112
_CLEARER = 0.01


@dataclass(frozen=True, eq=False)
class Session:
    """The answers, one for each row of the table in its order, and a picture of each.

    `shots`: the clearest moment of the reaction, or of the label that led where there was none, as that label and a JPEG; None without one.

    `errors`: video → why it could not be read, or not to its end. `model`, `detector`, `settings`: what made it.
    """

    answers: Sequence[Answer]
    shots: Sequence[Shot | None]
    errors: Mapping[str, str]
    model: ModelIdentity
    detector: str
    settings: Settings


def analyze_session(
    videos: Sequence[str],
    questions: Sequence[Question],
    analyzer: Analyzer | None = None,
    settings: Settings | None = None,
    *,
    every: int = 1,
    fps: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Session:
    """Analyse the videos and say what was shown at each question.

    A video that can't be read has an error, and its questions answers without a face. Raises InputError where there is no question, or one
    whose video is none of `videos`.
    """
    if not questions:
        raise InputError("A session has a question at least; received none. Give a table with rows.")
    if strange := {one.video for one in questions} - set(videos):
        raise InputError(f"Questions are on {', '.join(sorted(strange))}, which is none of the videos {', '.join(videos)}.")
    analyzer, settings = analyzer or Analyzer(), settings or Settings()
    tracks, shots = FollowTracks(analyzer.labels, settings), _Shots(questions)
    run(analyzer, resolve(list(videos), every=every, fps=fps), [tracks, shots], on_progress)
    found = {one.source: one for one in tracks.found}
    answers = [answer(question, found.get(question.video), analyzer.labels) for question in with_tracks(questions, found)]
    pictures = [shots.of(place, one) for place, one in enumerate(answers)]
    return Session(answers, pictures, shots.errors, analyzer.model.identity, analyzer.detector.name, settings)


class _Shots:
    """A sink that keeps the clearest picture of each label of each face at each question."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.errors: dict[str, str] = {}
        self._questions = questions
        self._open: list[tuple[int, Question]] = []
        self._source = ""
        self._held: dict[tuple[int, int, str], tuple[float, bytes]] = {}

    def of(self, place: int, said: Answer) -> Shot | None:
        """The picture of an answer: smoothing may have found a reaction that no single frame shows."""
        held = {label: self._held.get((place, said.track or 0, label)) for label in (said.reaction, said.label) if label is not None}
        return next(((label, one[1]) for label, one in held.items() if one is not None), None)

    def begin(self, info: SourceInfo) -> None:
        """Start a video."""
        self._source = info.source
        if info.kind == "image":
            self.errors[info.source] = "It is a picture, and a session is of videos."
        self._open = [(place, one) for place, one in enumerate(self._questions) if one.video == info.source]

    def frame(self, result: FrameResult, image: RGB) -> None:
        """Keep what is clearer than before."""
        time_s = result.time_s or 0.0
        for place, question in self._open:
            if not question.start_s <= time_s < question.end_s:
                continue
            for face in result.faces:
                if face.track_id is None:
                    continue
                key, sure = (place, face.track_id, face.prediction.label), face.prediction.confidence
                if sure > self._held.get(key, (-1.0,))[0] + _CLEARER:
                    self._held[key] = (sure, jpeg(face_crop(image, face.face, SHOT_PX)))

    def end(self, error: str | None) -> None:
        """Remember why it broke off."""
        if error is not None:
            self.errors[self._source] = error

    def close(self, ok: bool) -> None:
        """Nothing is open."""
