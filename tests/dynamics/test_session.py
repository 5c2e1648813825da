from __future__ import annotations

from dataclasses import replace
from math import isnan, nan
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from mien.core.labels import VALENCE3
from mien.dynamics.session import Answer, Question, answer, differences, with_tracks
from mien.dynamics.stability import Stability
from mien.dynamics.tracks import Dynamics, Settings, dynamics
from tests.dynamics.test_series import series

RAW = Settings("none", least_s=0.2)


def asked(start_s: float, end_s: float, **changes: Any) -> Question:
    values: dict[str, Any] = {"id": "q", "text": "?", "phase": "", "participant": "P", "video": "v", "start_s": start_s, "end_s": end_s}
    return Question(**values | changes)


def video(**tracks: list[int]) -> Dynamics:
    """Ten rows a second; a column for each, −1 where the face is not there."""
    seen = {}
    for name, shown in tracks.items():
        rows = np.flatnonzero(np.array(shown) >= 0)
        seen[int(name[1:])] = (rows, replace(series((rows / 10).tolist(), np.array(shown)[rows].tolist()), step_s=0.1))
    return dynamics("v", seen, RAW)


def test_the_face_that_is_seen_longest_answers() -> None:
    found = video(t1=[1] * 30 + [-1] * 30, t2=[-1] * 20 + [2] * 40)
    assert [answer(asked(*ends), found, VALENCE3).track for ends in ((0, 2.9), (2, 6))] == [1, 2]
    assert answer(asked(0, 2.9, track=2), found, VALENCE3).track == 2
    assert answer(asked(0, 1.9, track=2), found, VALENCE3).track is None
    one = answer(asked(2, 6), found, VALENCE3)
    assert one.label == "positive"
    assert one.figures.shares["positive"] == pytest.approx(1)


def test_a_participant_has_one_face_in_a_video() -> None:
    found = video(t1=[1] * 30 + [-1] * 30, t2=[-1] * 20 + [2] * 40)
    first, second, other = asked(0, 2.9), asked(2.5, 6), asked(0, 2.9, participant="Q")
    settled = with_tracks([first, second, other, asked(0, 6, track=1), asked(0, 6, video="gone")], {"v": found})
    assert [one.track for one in settled] == [2, 2, 1, 1, None]
    assert answer(settled[0], found, VALENCE3).figures.seen_s == pytest.approx(0.9)


def test_one_row_is_enough_to_be_seen() -> None:
    one = answer(asked(1, 1.05), video(t1=[1] * 30), VALENCE3)
    assert (one.track, one.label) == (1, "neutral")
    assert one.figures.seen_s == pytest.approx(0.1)


def test_a_reaction_is_the_first_expression_that_was_not_there() -> None:
    found = video(t1=[0] * 10 + [1] * 15 + [2] * 5 + [0] * 10)
    first = answer(asked(2, 4), found, VALENCE3)
    assert first.reaction == "positive"
    assert first.reaction_s == pytest.approx(0.45)
    assert answer(asked(2.6, 4), found, VALENCE3).reaction == "negative"
    none = answer(asked(1.2, 2), found, VALENCE3)
    assert (none.reaction, isnan(none.reaction_s), none.label) == (None, True, "neutral")


def test_who_was_not_seen_has_no_figures() -> None:
    for found in (None, video(t1=[1] * 5)):
        one = answer(asked(10, 20), found, VALENCE3)
        assert (one.track, one.label, one.reaction) == (None, None, None)
        assert isnan(one.figure("valence_mean"))
        assert isnan(one.figure("positive"))
        assert differences([one]) == []


def said(valence: float, participant: str, id: str, phase: str, reaction_s: float = 1.0) -> Answer:
    shares = {"negative": 0.0, "neutral": 1 - valence, "positive": valence}
    figures = Stability(0, 1, 1.0, 0.0, 1.0, 0.0, shares, valence, 0.0, 0.0, nan)
    return Answer(asked(0, 1, participant=participant, id=id, phase=phase), 1, "neutral", figures, reaction_s, None, 0.0)


def test_differences_are_of_pairs() -> None:
    rng = np.random.default_rng(0)
    pairs = rng.uniform(0.1, 0.4, (12, 3, 1)) + np.array([0.0, 0.2]) + rng.normal(0, 0.03, (12, 3, 2))
    answers = []
    for person, rows in enumerate(pairs):
        for question, (before, after) in zip("abc", rows, strict=True):
            answers += [said(before, f"P{person}", question, "pre"), said(after, f"P{person}", question, "post")]
    answers.append(said(0.9, "alone", "a", "post"))
    answers.append(said(0.9, "P0", "a", ""))
    found = {one.figure: one for one in differences(answers)}
    valence = found["valence_mean"]
    assert valence.pairs == 36
    assert valence.difference == pytest.approx(0.2, abs=0.02)
    assert valence.post - valence.pre == pytest.approx(valence.difference)
    assert valence.interval is not None
    by_person = [np.mean([b - a for a, b in rows]) for rows in pairs]
    expected = ttest_1samp(by_person, 0).confidence_interval(0.95)
    assert (valence.interval.low, valence.interval.high) == pytest.approx((expected.low, expected.high))
    assert found["positive"].difference == pytest.approx(valence.difference)
    assert found["neutral"].difference == pytest.approx(-valence.difference)
    own = {one.figure: one for one in differences(answers, "P3")}
    assert own["valence_mean"].pairs == 3
    assert differences(answers, "nobody") == []


def test_what_has_no_figure_is_no_pair_and_one_person_has_no_interval() -> None:
    answers = [
        said(0.1, "A", "a", "pre", nan),
        said(0.2, "A", "a", "post"),
        said(0.3, "A", "b", "pre", 2.0),
        said(0.3, "A", "b", "post", 1.0),
    ]
    found = {one.figure: one for one in differences(answers)}
    assert (found["reaction_s"].pairs, found["reaction_s"].difference, found["reaction_s"].interval) == (1, -1, None)
    assert (found["valence_mean"].pairs, found["valence_mean"].interval) == (2, None)
    assert differences(answers, "A")[0].interval is not None
