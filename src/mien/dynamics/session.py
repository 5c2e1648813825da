"""A recorded session: what each person showed at each question, how soon, and what differs between before and after.

The figures are those of `stability`, over the part of the video that a question takes. Who was not seen has none; nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mien.dynamics.segments import Segment
from mien.dynamics.stability import Stability, stability
from mien.dynamics.tracks import Dynamics, TrackDynamics
from mien.evaluation.bootstrap import LEVEL, Interval

PHASES = ("pre", "post")
COMPARED = ("valence_mean", "valence_sd", "rmssd", "switches_per_minute", "entropy_bits", "reaction_s")
"""What is compared between before and after, beside the share of each label."""


@dataclass(frozen=True)
class Question:
    """A part of a video: `start_s` and `end_s` in it, what was asked (`id`, `text`), of whom, and in which phase, one of PHASES or "".

    `track`: the number of the participant's face in that video; None takes the one that is seen longest in that time (see `with_tracks`).
    """

    id: str
    text: str
    start_s: float
    end_s: float
    phase: str
    participant: str
    video: str
    track: int | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What a person showed at a question.

    `track`: the face that stands for the person, or None where it was not seen. `label`: the one that led for most of that time.
    `reaction_s`: from the question's start to the onset of `reaction`, the first expression but neutral that had not been there at the
    start; NaN and None without one. `apex_s`: when in the video `label` was strongest. `segments`: those of the face in that time; the
    first and the last may reach beyond it.
    """

    question: Question
    track: int | None
    label: str | None
    figures: Stability
    reaction_s: float
    reaction: str | None
    apex_s: float
    segments: Sequence[Segment] = ()

    def figure(self, name: str) -> float:
        """One of COMPARED, or the share of a label."""
        if name == "reaction_s":
            return self.reaction_s
        value: float = self.figures.shares[name] if name in self.figures.shares else getattr(self.figures, name)
        return value


@dataclass(frozen=True)
class Difference:
    """The mean of a figure before and after over `pairs` of answers to the same question, and after less before.

    Each person counts alike, whatever the number of their questions. `interval`: 95 %, Student's over people, or over the questions of one
    person; None with fewer than two of those. It is wide for few of them, as it has to be.
    """

    figure: str
    pre: float
    post: float
    difference: float
    interval: Interval | None
    pairs: int


def answer(question: Question, found: Dynamics | None, labels: Iterable[str]) -> Answer:
    """What was shown at a question, out of all that was found in its video (None: nothing)."""
    tracks = [] if found is None else [one for one in found.tracks if question.track in (None, one.track)]
    seen = [(_seen(one, question), one) for one in tracks]
    longest, one = max(seen, key=lambda pair: pair[0], default=(0.0, None))
    if one is None or not longest:
        nan = float("nan")
        figures = Stability(question.start_s, question.end_s, 0.0, nan, nan, nan, dict.fromkeys(labels, nan), nan, nan, nan, nan)
        return Answer(question, None, None, figures, nan, None, nan)
    figures = stability(one.smoothed, question.start_s, question.end_s, one.least_s)
    label = max(figures.shares, key=figures.shares.__getitem__)
    rows = one.smoothed.between(question.start_s, question.end_s)
    apex = float(rows.times_s[rows.scores[:, rows.labels.index(label)].argmax()])
    after, reaction = _reaction(one, question)
    inside = [part for part in one.segments if part.onset_s < question.end_s and part.offset_s > question.start_s]
    return Answer(question, one.track, label, figures, after, reaction, apex, inside)


def with_tracks(questions: Sequence[Question], found: Mapping[str, Dynamics]) -> list[Question]:
    """The questions, each with a track: of a participant in a video one and the same, seen longest over all questions that name none.

    `found`: video → what was found in it. A participant of whom nothing was seen has none.
    """
    seen: dict[tuple[str, str], dict[int, float]] = {}
    for question in questions:
        if question.track is None and question.video in found:
            held = seen.setdefault((question.participant, question.video), {})
            for one in found[question.video].tracks:
                held[one.track] = held.get(one.track, 0.0) + _seen(one, question)
    faces = {key: max(held, key=held.__getitem__) for key, held in seen.items() if held}
    return [replace(one, track=faces.get((one.participant, one.video))) if one.track is None else one for one in questions]


def differences(answers: Iterable[Answer], participant: str | None = None) -> list[Difference]:
    """Before against after, for one participant or, by default, for all: each question that a person was seen at in both phases is a pair.

    Of several answers of a person to a question in a phase the mean counts.
    """
    held: dict[tuple[str, str], dict[str, list[Answer]]] = {}
    for one in answers:
        asked = one.question
        if asked.phase in PHASES and one.track is not None and participant in (None, asked.participant):
            held.setdefault((asked.participant, asked.id), {phase: [] for phase in PHASES})[asked.phase].append(one)
    pairs = {key: phases for key, phases in held.items() if all(phases.values())}
    if not pairs:
        return []
    labels = next(iter(pairs.values()))["pre"][0].figures.shares
    units = np.array([key[1] if participant is not None else key[0] for key in pairs])
    return [_difference(name, list(pairs.values()), units) for name in (*COMPARED, *labels)]


def _difference(name: str, pairs: Sequence[dict[str, list[Answer]]], units: NDArray[np.str_]) -> Difference:
    values = np.array([[_mean([one.figure(name) for one in phases[phase]]) for phase in PHASES] for phases in pairs])
    known = ~np.isnan(values).any(axis=1)
    values, units = values[known], units[known]
    if not len(values):
        nan = float("nan")
        return Difference(name, nan, nan, nan, None, 0)
    means = np.stack([values[units == unit].mean(axis=0) for unit in np.unique(units)])
    pre, post = means.mean(axis=0).tolist()
    interval, n = None, len(means)
    if n > 1:
        reach = float(stdtrit(n - 1, (1 + LEVEL) / 2) * (means[:, 1] - means[:, 0]).std(ddof=1) / np.sqrt(n))
        interval = Interval(post - pre - reach, post - pre + reach)
    return Difference(name, pre, post, post - pre, interval, len(values))


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _seen(one: TrackDynamics, question: Question) -> float:
    return float(one.smoothed.between(question.start_s, question.end_s).spans_s.sum())


def _reaction(one: TrackDynamics, question: Question) -> tuple[float, str | None]:
    before = next((part.label for part in one.segments if part.onset_s <= question.start_s < part.offset_s), None)
    for part in one.segments:
        if question.start_s <= part.onset_s < question.end_s and part.label not in ("neutral", before):
            return part.onset_s - question.start_s, part.label
    return float("nan"), None
