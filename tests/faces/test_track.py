"""Identities over time, on boxes that move as faces do."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.types import Face
from mien.faces.track import MEMORY_S, Tracker


def face(x: float, y: float = 100.0, size: float = 80.0, score: float = 0.8) -> Face:
    return Face((x - size / 2, y - size / 2, x + size / 2, y + size / 2), score)


def test_ids_count_from_one_and_come_with_the_first_frame() -> None:
    tracker = Tracker()
    assert tracker.update([face(100), face(400), face(700)], 0.0) == [1, 2, 3]
    assert tracker.update([face(100), face(400), face(700)], 0.04) == [1, 2, 3]
    assert Tracker().update([face(100)], 9.0) == [1]


def test_ids_follow_the_faces_not_their_order() -> None:
    tracker = Tracker()
    tracker.update([face(100), face(400)], 0.0)
    assert tracker.update([face(402), face(101)], 0.04) == [2, 1]


def test_frames_without_faces() -> None:
    tracker = Tracker()
    assert tracker.update([], 0.0) == []
    assert tracker.update([], 0.04) == []
    assert tracker.update([face(100)], 0.08) == [1]
    assert tracker.update([], 0.12) == []
    assert tracker.update([face(100)], 0.16) == [1]


def test_a_faint_face_and_one_seen_once_have_ids_too() -> None:
    tracker = Tracker()
    faint, sure = tracker.update([face(100, score=0.31), face(400)], 0.0)
    assert {faint, sure} == {1, 2}
    assert tracker.update([face(100, score=0.35), face(800)], 0.04) == [faint, 3]


@pytest.mark.parametrize("step_s", [1 / 60, 1 / 25, 1 / 5, 1.0, 10.0])
def test_two_walkers_keep_their_ids_at_any_sampling_rate(step_s: float) -> None:
    """They pass each other on lanes 60 px apart, in two seconds of a 1280 px wide picture or 40 steps, whichever is more."""
    tracker = Tracker()
    rng = np.random.default_rng(0)
    steps = max(40, round(2 / step_s))
    for i in range(steps):
        t = i / (steps - 1)
        left, right = face(100 + 600 * t, 150 + rng.normal(0, 2)), face(700 - 600 * t, 210 + rng.normal(0, 2))
        assert tracker.update([left, right], i * step_s) == [1, 2], f"step {i}"


@pytest.mark.parametrize("step_s", [1 / 25, 1 / 10])
def test_faces_that_cover_each_other_come_out_with_their_ids(step_s: float) -> None:
    """While they cross, only the front one is seen."""
    tracker = Tracker()
    for i in range(round(3 / step_s)):
        t = i * step_s
        front, back = face(100 + 200 * t, 150), face(700 - 200 * t, 155)
        hidden = abs(front.box_xyxy[0] - back.box_xyxy[0]) < 40
        ids = tracker.update([front] if hidden else [front, back], t)
        assert ids == ([1] if hidden else [1, 2]), f"at {t:.2f} s"


@pytest.mark.parametrize("step_s", [1 / 30, 1 / 5])
@pytest.mark.parametrize(("away_s", "expected"), [(0.6 * MEMORY_S, [1]), (2 * MEMORY_S, [2])])
def test_a_face_that_comes_back_within_a_second_has_its_id_again(step_s: float, away_s: float, expected: list[int]) -> None:
    tracker = Tracker()
    times = np.arange(0, 1, step_s)
    for t in times:
        assert tracker.update([face(300)], float(t)) == [1]
    last = float(times[-1])
    for t in np.arange(last + step_s, last + away_s - 1e-9, step_s):
        assert tracker.update([], float(t)) == []
    assert tracker.update([face(310)], last + away_s) == expected


def test_at_a_slow_sampling_rate_one_missed_frame_does_not_cost_the_id() -> None:
    tracker = Tracker()
    for i in range(3):
        assert tracker.update([face(300)], 5.0 * i) == [1]
    assert tracker.update([], 15.0) == []
    assert tracker.update([face(305)], 20.0) == [1]


@pytest.mark.parametrize("times", [[None] * 4, [0.0, 0.0, 0.0, 0.0], [1.0, 0.5, 0.2, 0.1], [0.0, None, 3.0, None]])
def test_times_that_are_missing_or_do_not_advance_are_survived(times: list[float | None]) -> None:
    tracker = Tracker()
    assert [tracker.update([face(200 + 3 * i)], t) for i, t in enumerate(times)] == [[1]] * 4


def test_fifty_faces_at_once() -> None:
    tracker = Tracker()
    grid = [face(100 + 120 * x, 100 + 140 * y, 60) for y in range(5) for x in range(10)]
    for i in range(5):
        assert tracker.update(grid, i / 25) == list(range(1, 51))
